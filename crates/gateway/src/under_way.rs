//! Uploads between a session and the outcome of their commit. A busy line sends many at once: those of one detector share
//! one item of the queue and one outcome, so that what each costs the pipeline is its reading and no more.

use std::collections::VecDeque;

use bus::{Confirm, Counters, Intake, Outcome};
use domain::reading::Reading;
use tokio::sync::oneshot;

/// Readings that are handed over together at most.
const TOGETHER: usize = 32;

/// Uploads of one detector on their way to the pipeline.
pub(crate) struct Uploads {
    readings: Vec<Reading>,
    count: usize,
}

impl Uploads {
    /// One upload.
    pub(crate) fn of(readings: Vec<Reading>) -> Self {
        Self { readings, count: 1 }
    }

    /// Takes another upload in where it is of the same detector only: then what becomes of one becomes of all. Else
    /// gives it back.
    pub(crate) fn join(&mut self, readings: Vec<Reading>) -> Option<Vec<Reading>> {
        let first = self.readings.first().map(|reading| reading.detector);
        let is_same = self.readings.len() + readings.len() <= TOGETHER
            && self.readings.iter().chain(&readings).all(|reading| Some(reading.detector) == first);
        if !is_same {
            return Some(readings);
        }
        self.readings.extend(readings);
        self.count += 1;
        None
    }

    /// What the pipeline is given, and what remains here.
    pub(crate) fn begin(self, counters: &Counters) -> (Intake, UnderWay) {
        let Self { readings, count } = self;
        let (confirm, outcome) = Confirm::pair();
        let under_way = UnderWay { readings: readings.len() as u64, uploads: count, outcome };
        counters.readings_received.add(under_way.readings);
        (Intake::Readings { readings, confirm }, under_way)
    }
}

/// Uploads that wait for their outcome.
pub(crate) struct UnderWay {
    pub(crate) readings: u64,
    /// How many outcomes the session waits for.
    pub(crate) uploads: usize,
    pub(crate) outcome: oneshot::Receiver<Outcome>,
}

impl UnderWay {
    /// The outcome, where it is known. A promise that was dropped counts as not kept.
    pub(crate) fn known(&mut self) -> Option<Outcome> {
        match self.outcome.try_recv() {
            Ok(outcome) => Some(outcome),
            Err(oneshot::error::TryRecvError::Closed) => Some(Outcome::Unavailable),
            Err(oneshot::error::TryRecvError::Empty) => None,
        }
    }
}

/// The outcome of the oldest, once it is known.
pub(crate) async fn oldest(in_flight: &mut VecDeque<UnderWay>) -> Outcome {
    match in_flight.front_mut() {
        Some(oldest) => (&mut oldest.outcome).await.unwrap_or(Outcome::Unavailable),
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use domain::id::DetectorId;
    use domain::time::UnixMs;

    use super::*;

    fn upload(detectors: &[i64]) -> Vec<Reading> {
        let reading = |id: &i64| Reading {
            detector: DetectorId(*id),
            group: 0,
            device_at: None,
            received_at: UnixMs(0),
            samples: Vec::new(),
            reported: Vec::new(),
        };
        detectors.iter().map(reading).collect()
    }

    #[test]
    fn uploads_of_one_detector_share_an_outcome_and_others_do_not() {
        let mut uploads = Uploads::of(upload(&[1]));
        assert_eq!(uploads.join(upload(&[1, 1])), None);
        assert_eq!(uploads.join(upload(&[2])), Some(upload(&[2])));
        assert_eq!(uploads.join(upload(&[1, 2])), Some(upload(&[1, 2])));
        assert!(uploads.join(upload(&[1; TOGETHER])).is_some(), "no more than fit");
        let (intake, mut under_way) = uploads.begin(&Counters::default());
        assert_eq!((under_way.readings, under_way.uploads, under_way.known()), (3, 2, None));
        drop(intake);
        assert_eq!(under_way.known(), Some(Outcome::Unavailable));
        let mut several = Uploads::of(upload(&[1, 2]));
        assert!(
            several.join(upload(&[1])).is_some(),
            "what becomes of the second need not become of the first"
        );
    }
}
