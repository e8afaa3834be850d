//! How the disk takes what is written: said by commits and by the disk watch, read by everybody.

use std::sync::Mutex;
use std::sync::PoisonError;

use bus::{LiveHub, LiveKind, StorageState};
use domain::time::UnixMs;

/// A commit that takes this long is slow, ms: devices of GB/T 26875.3 send again after 10 s.
const SLOW_MS: i64 = 3_000;

/// How long it is said that a commit was slow, ms.
const REMEMBERED_MS: i64 = 60_000;

/// Room taken and left as of the last look, and how the disk takes what is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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
    /// How it takes what is written.
    pub state: StorageState,
    /// The longest commit of the last minute, or the one under way, ms.
    pub slowest_commit_ms: i64,
}

#[derive(Debug, Default)]
pub(crate) struct Storage {
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    folder_bytes: u64,
    used_bytes: u64,
    free_bytes: u64,
    warning: bool,
    /// Why nothing can be committed.
    stopped: Option<StorageState>,
    /// A commit is under way since.
    commit_since: Option<UnixMs>,
    /// The longest commits of this minute and of the one before, with the end of this one.
    slowest: (i64, i64),
    minute_ends: UnixMs,
    /// What was told last.
    told: (bool, StorageState),
}

impl Known {
    fn slowest_ms(&self, now: UnixMs) -> i64 {
        let under_way = self.commit_since.map_or(0, |since| now.since_ms(since));
        let over = if now < self.minute_ends.plus_ms(REMEMBERED_MS) {
            self.slowest.0.max(self.slowest.1)
        } else {
            0
        };
        under_way.max(over)
    }

    fn state(&self, now: UnixMs) -> StorageState {
        let slow = self.slowest_ms(now) >= SLOW_MS;
        self.stopped.unwrap_or(if slow { StorageState::Slow } else { StorageState::Well })
    }

    fn turn_minute(&mut self, now: UnixMs) {
        if now >= self.minute_ends {
            let before = if now < self.minute_ends.plus_ms(REMEMBERED_MS) { self.slowest.0 } else { 0 };
            self.slowest = (0, before);
            self.minute_ends = now.plus_ms(REMEMBERED_MS);
        }
    }
}

impl Storage {
    fn known(&self) -> std::sync::MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn facts(&self, soft_limit_bytes: u64, now: UnixMs) -> StorageFacts {
        let known = self.known();
        StorageFacts {
            folder_bytes: known.folder_bytes,
            used_bytes: known.used_bytes,
            free_bytes: known.free_bytes,
            soft_limit_bytes,
            warning: known.warning,
            state: known.state(now),
            slowest_commit_ms: known.slowest_ms(now),
        }
    }

    pub(crate) fn is_stopped(&self) -> bool {
        self.known().stopped.is_some()
    }

    pub(crate) fn commit_begins(&self, now: UnixMs) {
        self.known().commit_since = Some(now);
    }

    pub(crate) fn commit_ends(&self, now: UnixMs) {
        let mut known = self.known();
        known.turn_minute(now);
        if let Some(since) = known.commit_since.take() {
            known.slowest.0 = known.slowest.0.max(now.since_ms(since));
        }
    }

    /// Nothing can be committed, and why: [`StorageState::Full`] or [`StorageState::Failing`].
    pub(crate) fn stops(&self, why: StorageState, error: &store::StoreError, now: UnixMs, live: &LiveHub) {
        if self.known().stopped.replace(why) != Some(why) {
            tracing::error!(%error, "nothing can be committed: nothing is confirmed to devices until it can");
        }
        self.look(now, live);
    }

    /// Something was committed.
    pub(crate) fn takes(&self, now: UnixMs, live: &LiveHub) {
        if self.known().stopped.take().is_some() {
            tracing::info!("the disk takes writes again: readings are committed and confirmed");
        }
        self.look(now, live);
    }

    pub(crate) fn set_use(&self, disk: &store::disk::DiskUse, warning: bool, now: UnixMs, live: &LiveHub) {
        {
            let mut known = self.known();
            known.folder_bytes = disk.folder_bytes;
            known.used_bytes = disk.used_bytes;
            known.free_bytes = disk.free_bytes;
            if warning && !known.warning {
                let (folder_bytes, free_bytes) = (disk.folder_bytes, disk.free_bytes);
                tracing::warn!(folder_bytes, free_bytes, "the soft limit of the data folder is passed");
            }
            known.warning = warning;
        }
        self.look(now, live);
    }

    /// Tells what has changed since it was told last.
    pub(crate) fn look(&self, now: UnixMs, live: &LiveHub) {
        let (warning, state) = {
            let mut known = self.known();
            let is = (known.warning, known.state(now));
            if known.told == is {
                return;
            }
            if is.1 == StorageState::Slow && known.told.1 != StorageState::Slow {
                tracing::warn!(slowest_ms = known.slowest_ms(now), "the disk is slow: a commit takes long");
            }
            known.told = is;
            is
        };
        live.publish(None, None, LiveKind::Storage { warning, state });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_commit_that_takes_long_is_slow_while_it_lasts_and_for_a_minute() {
        let (storage, at) = (Storage::default(), |s: i64| UnixMs(1_000_000 + s * 1000));
        let state = |s| storage.facts(0, at(s)).state;
        storage.commit_begins(at(0));
        assert_eq!((state(2), state(3)), (StorageState::Well, StorageState::Slow));
        storage.commit_ends(at(8));
        assert_eq!(storage.facts(0, at(9)).slowest_commit_ms, 8_000);
        storage.commit_begins(at(50));
        storage.commit_ends(at(50));
        assert_eq!(state(60), StorageState::Slow);
        for s in [70, 135] {
            storage.commit_begins(at(s));
            storage.commit_ends(at(s));
        }
        assert_eq!(state(136), StorageState::Well);
        storage.commit_begins(at(200));
        storage.commit_ends(at(210));
        assert_eq!(state(400), StorageState::Well, "also when nothing is committed any more");
    }
}
