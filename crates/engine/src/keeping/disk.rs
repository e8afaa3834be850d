//! The watch over the disk: a warning at the soft limit, and the way back once there is room again.

use std::sync::Arc;

use bus::{LiveHub, StorageState};
use store::{Store, StoreError};
use tokio_util::sync::CancellationToken;

use super::until;
use crate::clock::Clock;
use crate::config::EngineConfig;
use crate::storage::Storage;

/// What an error says about the disk, if it says that nothing can be committed.
pub(crate) fn stops(error: &StoreError) -> Option<StorageState> {
    match error {
        StoreError::Full => Some(StorageState::Full),
        StoreError::Disk { .. } | StoreError::Corrupt { .. } => Some(StorageState::Failing),
        StoreError::NotFound { .. }
        | StoreError::Conflict { .. }
        | StoreError::Invalid { .. }
        | StoreError::InUse { .. }
        | StoreError::Busy
        | StoreError::Folder { .. }
        | StoreError::Migrate(_)
        | StoreError::Sql(_) => None,
    }
}

pub(crate) async fn watch_disk(
    store: Store,
    clock: Arc<dyn Clock>,
    config: EngineConfig,
    storage: Arc<Storage>,
    live: Arc<LiveHub>,
    stop: CancellationToken,
) {
    loop {
        match store.disk_use().await {
            Ok(disk) => {
                let over = |limit: u64, value: u64| limit > 0 && value > limit;
                let warning = over(config.soft_limit_bytes, disk.folder_bytes)
                    || (config.free_warning_bytes > 0 && disk.free_bytes < config.free_warning_bytes);
                storage.set_use(&disk, warning, clock.now(), &live);
            }
            Err(error) => tracing::warn!(%error, "the disk could not be looked at"),
        }
        // Looks often: a commit finds out that the store is full, and nothing else might come to find that it is not.
        let look_again = clock.now().plus_ms(config.disk_every_ms);
        while clock.now() < look_again {
            let next = clock.now().plus_ms(config.probe_every_ms).min(look_again);
            if !until(&*clock, next, &stop).await {
                return;
            }
            let now = clock.now();
            storage.look(now, &live);
            if storage.is_stopped() {
                match store.probe_write(now).await {
                    Ok(()) => storage.takes(now, &live),
                    Err(error) => {
                        if let Some(why) = stops(&error) {
                            storage.stops(why, &error, now, &live);
                        }
                    }
                }
            }
        }
        if stop.is_cancelled() {
            return;
        }
    }
}
