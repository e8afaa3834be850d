//! The device side: a load that runs in this process and outlives every platform, and the record that it writes.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read as _;
use std::path::PathBuf;
use std::sync::Arc;

use sim::load::{LoadOptions, LoadReport, Recorded};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::platform::{Place, Platform, until};

/// Longer than any test.
const FOR_EVER_S: f64 = 1e6;

/// Devices that dial, upload and write down what is confirmed, until they are stopped.
pub(crate) struct Devices {
    stop: CancellationToken,
    running: JoinHandle<LoadReport>,
    record: PathBuf,
    tail: Option<File>,
    confirmed: usize,
}

impl Devices {
    /// `count` devices that make `per_s` readings together; of each at most `window` wait for their confirmation.
    pub(crate) fn dial(place: &Place, count: usize, per_s: f64, window: usize) -> Self {
        Self::dial_from(place, 1, count, per_s, window)
    }

    /// The same for the devices whose numbers begin with `first`.
    pub(crate) fn dial_from(place: &Place, first: usize, count: usize, per_s: f64, window: usize) -> Self {
        let stop = CancellationToken::new();
        let options = LoadOptions {
            connections: count,
            readings_per_s: Some(per_s),
            window,
            for_s: FOR_EVER_S,
            warm_up_s: 0.0,
            first_serial: first,
            record: Some(place.record()),
            stop: stop.clone(),
            ..LoadOptions::to(place.field)
        };
        let profiles: Vec<_> = domain::profile::shipped().unwrap().into_iter().map(Arc::new).collect();
        let running = tokio::spawn(async move { sim::load::run(options, &profiles).await.unwrap() });
        Self { stop, running, record: place.record(), tail: None, confirmed: 0 }
    }

    /// How many uploads have been confirmed so far.
    pub(crate) fn confirmed(&mut self) -> usize {
        if self.tail.is_none() {
            self.tail = File::open(&self.record).ok();
        }
        if let Some(tail) = &mut self.tail {
            let mut new = Vec::new();
            tail.read_to_end(&mut new).unwrap();
            self.confirmed += new.iter().filter(|byte| **byte == b'\n').count();
        }
        self.confirmed
    }

    /// Waits until `more` further uploads have been confirmed.
    pub(crate) async fn wait_for(&mut self, more: usize, platform: &mut Platform<'_>) {
        let wanted = self.confirmed() + more;
        until(&format!("{more} more confirmations"), async || {
            platform.assert_runs();
            (self.confirmed() >= wanted).then_some(())
        })
        .await;
    }

    /// Hangs up. The record by serial number, in the order in which it was written.
    pub(crate) async fn hang_up(self) -> (LoadReport, Record) {
        self.stop.cancel();
        let report = self.running.await.unwrap();
        assert_eq!(report.record_failed, None);
        let mut record = Record::new();
        for line in std::fs::read_to_string(&self.record).unwrap().lines() {
            let recorded: Recorded = serde_json::from_str(line).unwrap();
            record.entry(recorded.serial.clone()).or_default().push(recorded);
        }
        (report, record)
    }
}

/// What each device saw confirmed.
pub(crate) type Record = BTreeMap<String, Vec<Recorded>>;
