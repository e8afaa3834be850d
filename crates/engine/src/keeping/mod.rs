//! What is kept beside the pipeline, each as a task of its own: the telegram log, the list of unknown terminals,
//! sealing, which limits were in force, the daily look at each detector's history, the ranking by risk, retention, forwarding to a higher centre,
//! the backup of each night, the watch over the disk. None of them can hold the pipeline up.

mod backup;
mod diagnosis;
mod disk;
mod forward;
mod jobs;
mod registrar;
mod risk;
mod telegram_log;
mod wiring;

pub(crate) use backup::{BackupBook, back_up};
pub use backup::{BackupFacts, NewestBackup};
pub(crate) use diagnosis::diagnose;
pub(crate) use disk::{stops, watch_disk};
pub(crate) use forward::forward;
pub(crate) use jobs::{record_limits, retain, seal};
pub(crate) use registrar::register_unknown;
pub(crate) use risk::rank;
pub(crate) use telegram_log::write_telegrams;
pub(crate) use wiring::check_wiring;

use domain::time::UnixMs;
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;

/// Waits until `at`; `false` when the process stops first.
async fn until(clock: &dyn Clock, at: UnixMs, stop: &CancellationToken) -> bool {
    while clock.now() < at {
        tokio::select! {
            biased;
            () = stop.cancelled() => return false,
            () = clock.reached(at) => {}
        }
    }
    !stop.is_cancelled()
}
