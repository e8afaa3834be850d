//! Whether there is room: said by commits that fail and by the disk watch, read by everybody.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use bus::{LiveHub, LiveKind};
use serde::Serialize;

/// Room taken and left, as of the last look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct StorageFacts {
    /// The files of the data folder together, bytes.
    pub folder_bytes: u64,
    /// Pages of the database that hold something, bytes.
    pub used_bytes: u64,
    /// Free on the file system, bytes.
    pub free_bytes: u64,
    /// The soft limit, bytes; 0 is none.
    pub soft_limit_bytes: u64,
    /// The soft limit is passed, or the disk is nearly full.
    pub warning: bool,
    /// Nothing can be committed; devices are not confirmed.
    pub full: bool,
}

#[derive(Debug, Default)]
pub(crate) struct Storage {
    folder_bytes: AtomicU64,
    used_bytes: AtomicU64,
    free_bytes: AtomicU64,
    warning: AtomicBool,
    full: AtomicBool,
}

impl Storage {
    pub(crate) fn facts(&self, soft_limit_bytes: u64) -> StorageFacts {
        StorageFacts {
            folder_bytes: self.folder_bytes.load(Ordering::Relaxed),
            used_bytes: self.used_bytes.load(Ordering::Relaxed),
            free_bytes: self.free_bytes.load(Ordering::Relaxed),
            soft_limit_bytes,
            warning: self.warning.load(Ordering::SeqCst),
            full: self.full.load(Ordering::SeqCst),
        }
    }

    pub(crate) fn is_full(&self) -> bool {
        self.full.load(Ordering::SeqCst)
    }

    pub(crate) fn set_full(&self, full: bool, live: &LiveHub) {
        if self.full.swap(full, Ordering::SeqCst) != full {
            if full {
                tracing::error!("the store is full: nothing is confirmed to devices until there is room");
            } else {
                tracing::info!("there is room again: readings are committed and confirmed");
            }
            self.tell(live);
        }
    }

    pub(crate) fn set_use(
        &self,
        folder_bytes: u64,
        used_bytes: u64,
        free_bytes: u64,
        warning: bool,
        live: &LiveHub,
    ) {
        self.folder_bytes.store(folder_bytes, Ordering::Relaxed);
        self.used_bytes.store(used_bytes, Ordering::Relaxed);
        self.free_bytes.store(free_bytes, Ordering::Relaxed);
        if self.warning.swap(warning, Ordering::SeqCst) != warning {
            if warning {
                tracing::warn!(folder_bytes, free_bytes, "the soft limit of the data folder is passed");
            }
            self.tell(live);
        }
    }

    fn tell(&self, live: &LiveHub) {
        let warning = self.warning.load(Ordering::SeqCst);
        live.publish(None, None, LiveKind::Storage { warning, full: self.is_full() });
    }
}
