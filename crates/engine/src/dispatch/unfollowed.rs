//! Breakers that did not follow a trip or close. Each is watched until the device's own values show its switch where it
//! was wanted: somebody on site may have put it there, or it moved after all. Late data do not count, they never become
//! the latest value (invariant 4).

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use domain::command::State;
use domain::id::DetectorId;
use domain::profile::{LookAt, Profile};
use domain::reading::{PointIndex, Quality};
use domain::time::UnixMs;
use store::commands::CommandRow;

use crate::memory::Memory;

/// How often the values of such breakers are looked at, ms.
pub(super) const EVERY_MS: i64 = 5_000;

/// Where a switch was wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Wanted {
    point: PointIndex,
    raw: i64,
    /// Older values say nothing: the command came to its end then.
    since: UnixMs,
}

/// The breakers that did not follow, by detector.
#[derive(Debug, Clone, Default)]
pub(crate) struct Unfollowed(Arc<Mutex<HashMap<DetectorId, Wanted>>>);

impl Unfollowed {
    /// A switching command came to its end: its breaker is watched, or no longer. A profile that tells no point of the
    /// switch leaves nothing to watch.
    pub(super) fn note(&self, row: &CommandRow, profile: Option<&Profile>) {
        let wanted = profile.filter(|_| row.state != State::Verified).and_then(|profile| {
            let spec = profile.commands.iter().find(|spec| spec.code == row.code)?;
            match spec.read_back.as_ref()?.look {
                LookAt::Point { point, raw } => Some(Wanted { point, raw, since: row.changed_at }),
                LookAt::Registers { .. } | LookAt::Written { .. } => None,
            }
        });
        let mut watched = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match wanted {
            Some(wanted) => watched.insert(row.detector_id, wanted),
            None => watched.remove(&row.detector_id),
        };
    }

    /// Whether any breaker is watched.
    pub(super) fn any(&self) -> bool {
        !self.0.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
    }

    /// Those whose switch is where it was wanted; they are watched no longer.
    pub(super) fn take_moved(&self, memory: &Memory) -> Vec<DetectorId> {
        let mut watched = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut moved = Vec::new();
        watched.retain(|detector, wanted| {
            // A detector that is gone took its alarm along.
            let Some(known) = memory.detector(*detector) else { return false };
            let there = known.state.latest(wanted.point).is_some_and(|latest| {
                latest.quality == Quality::Good
                    && latest.received_at > wanted.since
                    && latest.raw == wanted.raw
            });
            if there {
                moved.push(*detector);
            }
            !there
        });
        moved
    }
}
