//! What the pipeline knows about every detector, readable by everybody. Only the pipeline writes, and only after a
//! commit: what is read here is on disk.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use domain::alarm::Alarm;
use domain::binding::Binding;
use domain::condition::DetectorState;
use domain::hazard::{Hazard, Severity};
use domain::id::{ChannelId, CircuitId, DetectorId, SiteId};
use domain::status::Status;
use domain::time::UnixMs;

/// One detector as the pipeline knows it. A snapshot: it does not change under the reader.
#[derive(Debug, Clone)]
pub struct Detector {
    /// Where it stands, its channels and their limits in force.
    pub binding: Arc<Binding>,
    /// Latest values, conditions, last sign of life.
    pub state: DetectorState,
    /// The worst of its open alarms, or silence.
    pub status: Status,
    /// Its open alarms.
    pub alarms: Vec<OpenAlarm>,
    /// Its profile's id.
    pub profile_id: Arc<str>,
    /// Its unit address behind a DTU.
    pub unit_address: Option<u8>,
    /// The last sign of life that the store knows.
    pub(crate) heard_stored: Option<UnixMs>,
}

/// An open alarm with the place where it was raised.
#[derive(Debug, Clone, PartialEq)]
pub struct OpenAlarm {
    /// The alarm.
    pub alarm: Alarm,
    /// The site at the time it was raised.
    pub site: SiteId,
    /// The circuit at that time.
    pub circuit: Option<CircuitId>,
}

impl Detector {
    /// The open alarm of a channel and hazard.
    #[must_use]
    pub fn open_alarm(&self, channel: ChannelId, hazard: Hazard) -> Option<&Alarm> {
        self.alarms.iter().map(|open| &open.alarm).find(|a| a.channel == channel && a.hazard == hazard)
    }

    /// What the status is by now: the worst alarm that shows, else silence or not.
    pub(crate) fn judged_status(&self) -> Status {
        let shown = self.alarms.iter().filter(|open| open.alarm.state.is_shown()).map(|open| {
            match (open.alarm.severity, open.alarm.hazard) {
                (Severity::Alarm, _) => Status::Alarm,
                (Severity::Warning, _) => Status::Warning,
                (Severity::Fault, Hazard::Offline) => Status::Offline,
                (Severity::Fault, _) => Status::Fault,
            }
        });
        let quiet = if self.state.last_heard().is_some() { Status::Normal } else { Status::Unknown };
        shown.max().unwrap_or(quiet)
    }
}

/// Every detector by id.
#[derive(Debug, Default)]
pub struct Memory {
    detectors: RwLock<HashMap<DetectorId, Arc<Detector>>>,
}

impl Memory {
    /// One detector as of the last commit.
    #[must_use]
    pub fn detector(&self, id: DetectorId) -> Option<Arc<Detector>> {
        self.detectors.read().unwrap_or_else(PoisonError::into_inner).get(&id).cloned()
    }

    /// Those of `ids` that are there.
    #[must_use]
    pub fn detectors(&self, ids: &[DetectorId]) -> Vec<Arc<Detector>> {
        let detectors = self.detectors.read().unwrap_or_else(PoisonError::into_inner);
        ids.iter().filter_map(|id| detectors.get(id).cloned()).collect()
    }

    /// What every detector is judged by.
    pub(crate) fn bindings(&self) -> Vec<(DetectorId, Arc<Binding>)> {
        let detectors = self.detectors.read().unwrap_or_else(PoisonError::into_inner);
        detectors.iter().map(|(id, known)| (*id, Arc::clone(&known.binding))).collect()
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.detectors.read().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(crate) fn change(
        &self,
        put: impl Iterator<Item = (DetectorId, Detector)>,
        removed: impl Iterator<Item = DetectorId>,
    ) {
        let mut detectors = self.detectors.write().unwrap_or_else(PoisonError::into_inner);
        for (id, detector) in put {
            detectors.insert(id, Arc::new(detector));
        }
        for id in removed {
            detectors.remove(&id);
        }
    }
}
