//! The week's schedule of limits: other levels at night and, where people say so, on the weekend. Night is told by the
//! measurement time and the offset of the site from UTC, both passed in.

use serde::{Deserialize, Serialize};

use super::{LimitPatch, Limits};
use crate::time::UnixMs;

const MINUTE_MS: i64 = 60_000;
const DAY_MINUTES: i64 = 24 * 60;
/// 1970-01-01 was a Thursday; counted from Monday.
const FIRST_WEEKDAY: i64 = 3;

/// The levels of the night with their hours.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Night {
    /// First and last minute (excluded) of the local day; `None` where only the weekend counts.
    pub minutes: Option<(u16, u16)>,
    /// Whether the whole of Saturday and Sunday counts.
    pub weekend: bool,
    /// Warning level then; that of the day where nothing is said.
    pub warning: Option<f64>,
    /// Alarm level then; that of the day where nothing is said.
    pub alarm: Option<f64>,
}

impl Night {
    /// Whether it is night at `at` where the clock is `utc_offset_min` ahead of UTC.
    #[must_use]
    pub const fn holds(&self, at: UnixMs, utc_offset_min: i32) -> bool {
        let local = at.0.div_euclid(MINUTE_MS) + utc_offset_min as i64;
        let weekday = (local.div_euclid(DAY_MINUTES) + FIRST_WEEKDAY).rem_euclid(7);
        if self.weekend && weekday >= 5 {
            return true;
        }
        let minute = local.rem_euclid(DAY_MINUTES);
        match self.minutes {
            None => false,
            Some((from, to)) => {
                let (from, to) = (from as i64, to as i64);
                if from <= to { from <= minute && minute < to } else { from <= minute || minute < to }
            }
        }
    }

    /// `limits` with the levels of the night.
    #[must_use]
    pub fn over(&self, limits: Limits) -> Limits {
        Limits { warning: self.warning.or(limits.warning), alarm: self.alarm.or(limits.alarm), ..limits }
    }
}

/// The night of a hazard where any level sets one; `patches` go from general to particular, each field inherited by itself.
#[must_use]
pub fn night<'p>(patches: impl DoubleEndedIterator<Item = &'p LimitPatch> + Clone) -> Option<Night> {
    let pick = |field: fn(&LimitPatch) -> Option<f64>| patches.clone().rev().find_map(field);
    let alarm = pick(|p| p.night_alarm);
    let warning = pick(|p| p.night_warning).or_else(|| {
        let said = patches.clone().rev().find(|p| p.warning.is_some() || p.warning_percent.is_some())?;
        Some(alarm? * said.warning_percent? / 100.0)
    });
    if alarm.is_none() && warning.is_none() {
        return None;
    }
    let minutes = pick(|p| p.night_from_h).zip(pick(|p| p.night_to_h));
    let minutes = minutes.map(|(from, to)| (minute(from), minute(to)));
    let weekend = patches.clone().rev().find_map(|p| p.night_weekend).unwrap_or(false);
    (minutes.is_some() || weekend).then_some(Night { minutes, weekend, warning, alarm })
}

fn minute(hours: f64) -> u16 {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "clamped to the minutes of a day"
    )]
    let minute = (hours * 60.0).round().clamp(0.0, 1440.0) as u16;
    minute
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-11-25 (a Wednesday) 00:00 UTC.
    const WEDNESDAY: i64 = 1_795_564_800_000;

    fn at(hours: i64) -> UnixMs {
        UnixMs(WEDNESDAY + hours * 3_600_000)
    }

    #[test]
    fn a_night_passes_midnight_in_the_time_of_the_site() {
        let night =
            Night { minutes: Some((22 * 60, 6 * 60)), weekend: false, warning: None, alarm: Some(1.0) };
        // UTC+8: 13:59 UTC is 21:59 there.
        assert!(!night.holds(at(13), 480) && night.holds(at(14), 480));
        assert!(night.holds(at(21), 480) && !night.holds(at(22), 480));
        assert!(night.holds(at(23), 0) && !night.holds(at(14), 0));
    }

    #[test]
    fn the_weekend_counts_where_people_say_so() {
        let patch =
            LimitPatch { night_weekend: Some(true), night_alarm: Some(50.0), ..LimitPatch::default() };
        let night = night([patch].iter()).unwrap();
        // Saturday begins at Friday 16:00 UTC.
        assert!(!night.holds(at(2 * 24 + 15), 480) && night.holds(at(2 * 24 + 16), 480));
        assert!(night.holds(at(4 * 24 + 15), 480) && !night.holds(at(4 * 24 + 16), 480));
    }

    #[test]
    fn hours_without_levels_are_no_night_and_a_share_of_the_alarm_level_goes_along() {
        let hours = LimitPatch { night_from_h: Some(22.0), night_to_h: Some(6.5), ..LimitPatch::default() };
        assert_eq!(night([hours].iter()), None);
        let levels =
            LimitPatch { night_alarm: Some(100.0), warning_percent: Some(60.0), ..LimitPatch::default() };
        let found = night([hours, levels].iter()).unwrap();
        assert_eq!((found.minutes, found.warning), (Some((1320, 390)), Some(60.0)));
        assert_eq!(night([levels].iter()), None, "levels without hours say nothing");
    }
}
