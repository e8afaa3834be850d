//! How often somebody unknown is reported: anybody can invent serial numbers, and every report costs the pipeline
//! a transaction.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use bus::Counters;
use bus::intake::UnknownTerminal;

use crate::limits::{Bucket, Rate};

/// Reports of unknown serials, thinned out.
#[derive(Debug)]
pub(crate) struct PendingReports {
    every_ms: u64,
    state: Mutex<Reports>,
}

#[derive(Debug, Default)]
struct Reports {
    told: HashMap<String, Told>,
    new: Bucket,
}

#[derive(Debug)]
struct Told {
    at_ms: u64,
    /// Readings since the last report.
    ignored: u32,
}

/// Serials remembered; when all are younger than the reporting interval, further ones go unreported until then.
const REMEMBERED: usize = 10_000;
/// Serials per second that nobody has seen lately, and at once.
const NEW_PER_S: u32 = 50;
const NEW_BURST: u32 = 1_000;

impl PendingReports {
    pub(crate) fn new(every_ms: u64) -> Self {
        Self { every_ms, state: Mutex::default() }
    }

    /// The report to make now, if one is due, with all readings ignored since the last. Whoever takes the report
    /// counts those; what no report will tell is counted here.
    pub(crate) fn due(
        &self,
        mut unknown: UnknownTerminal,
        now_ms: u64,
        counters: &Counters,
    ) -> Option<UnknownTerminal> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(told) = state.told.get_mut(&unknown.serial) {
            told.ignored = told.ignored.saturating_add(unknown.readings_ignored);
            if now_ms.saturating_sub(told.at_ms) < self.every_ms {
                return None;
            }
            told.at_ms = now_ms;
            unknown.readings_ignored = std::mem::take(&mut told.ignored);
            return Some(unknown);
        }
        if state.told.len() >= REMEMBERED {
            let every_ms = self.every_ms;
            state.told.retain(|_, told| {
                let is_kept = now_ms.saturating_sub(told.at_ms) < every_ms;
                if !is_kept {
                    counters.readings_ignored.add(told.ignored.into());
                }
                is_kept
            });
        }
        if state.told.len() >= REMEMBERED || !state.new.try_pour(Rate::new(NEW_PER_S, NEW_BURST), now_ms) {
            counters.readings_ignored.add(unknown.readings_ignored.into());
            return None;
        }
        state.told.insert(unknown.serial.clone(), Told { at_ms: now_ms, ignored: 0 });
        Some(unknown)
    }
}

#[cfg(test)]
mod tests {
    use domain::place::Protocol;
    use domain::time::UnixMs;

    use super::*;

    fn unknown(serial: &str, readings_ignored: u32) -> UnknownTerminal {
        UnknownTerminal {
            serial: serial.to_owned(),
            protocol: Protocol::Cloud7b7b,
            iccid: None,
            signal: None,
            firmware: None,
            remote: "10.0.0.1:1".to_owned(),
            at: UnixMs(0),
            readings_ignored,
        }
    }

    #[test]
    fn the_same_serial_is_reported_once_per_interval_with_everything_since() {
        let reports = PendingReports::new(30_000);
        let counters = Counters::default();
        let due = |serial, ignored, now_ms| {
            reports.due(unknown(serial, ignored), now_ms, &counters).map(|report| report.readings_ignored)
        };
        assert_eq!(due("a", 1, 0), Some(1));
        assert_eq!(due("a", 2, 10_000), None);
        assert_eq!(due("a", 3, 29_999), None);
        assert_eq!(due("b", 0, 29_999), Some(0));
        assert_eq!(due("a", 4, 30_000), Some(9));
    }

    #[test]
    fn a_flood_of_invented_serials_is_bounded_in_reports_and_memory_and_no_reading_goes_uncounted() {
        let reports = PendingReports::new(30_000);
        let counters = Counters::default();
        let mut reported = 0;
        let mut told = 0;
        for n in 0..100_000_u64 {
            if let Some(report) = reports.due(unknown(&n.to_string(), 1), n / 100, &counters) {
                reported += 1;
                told += u64::from(report.readings_ignored);
            }
        }
        assert!((1_000..1_100).contains(&reported), "{reported} reports in one second");
        for n in 0..100_000_u64 {
            let report = reports.due(unknown(&format!("later {n}"), 1), 10_000 + n * 100, &counters);
            told += report.map_or(0, |report| u64::from(report.readings_ignored));
        }
        assert!(reports.state.lock().unwrap().told.len() <= REMEMBERED);
        assert_eq!(told + counters.readings_ignored.get(), 200_000);
        assert!(reports.due(unknown("newcomer", 0), 100_000_000, &counters).is_some());
    }
}
