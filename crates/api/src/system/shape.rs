//! The process as the API shows it.

use std::collections::BTreeMap;

use serde::Serialize;
use utoipa::ToSchema;

use crate::http::time::Time;

/// A bounded queue.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct QueueFacts {
    /// Its name.
    #[schema(example = "intake")]
    pub name: String,
    /// How many wait.
    #[schema(minimum = 0)]
    pub len: u64,
    /// How many fit.
    #[schema(minimum = 0)]
    pub bound: u64,
    /// What happens when it is full.
    #[schema(example = "the socket waits")]
    pub when_full: String,
}

/// How the disk takes what is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum StorageState {
    /// As it should.
    Well,
    /// A commit takes, or took within the last minute, 3 s or longer.
    Slow,
    /// Nothing can be committed: the disk gives errors or lets nothing be written. Devices are not confirmed.
    Failing,
    /// Nothing can be committed: there is no room. Devices are not confirmed.
    Full,
}

impl From<bus::StorageState> for StorageState {
    fn from(state: bus::StorageState) -> Self {
        use bus::StorageState as S;
        match state {
            S::Well => Self::Well,
            S::Slow => Self::Slow,
            S::Failing => Self::Failing,
            S::Full => Self::Full,
        }
    }
}

/// A month of sealed readings of which something cannot be read; the rest of it is served.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct DamagedMonth {
    /// Which, UTC.
    #[schema(example = "2026-11")]
    pub month: String,
    /// How many detectors' days of it were found damaged since the start.
    #[schema(minimum = 0)]
    pub chunks: u64,
    /// Whether its file as a whole cannot be read.
    pub whole: bool,
}

/// The backups that the platform makes by itself.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct BackupFacts {
    /// Whether one is being made now.
    pub under_way: bool,
    /// When the next one is due.
    pub next_at: Option<Time>,
    /// The newest one in the folder, whoever made it.
    pub newest: Option<NewestBackup>,
    /// When the last try failed, if it did.
    pub failed_at: Option<Time>,
    /// Why, for those who may manage accounts.
    pub failure: Option<String>,
    /// Whether the newest one is too old, or there is none though there should be.
    pub late: bool,
}

/// A backup that is there.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct NewestBackup {
    /// Its name.
    #[schema(example = "2026-11-25T18-30-00Z")]
    pub name: String,
    /// When it was begun.
    pub at: Time,
    /// How long it took, ms.
    #[schema(minimum = 0)]
    pub took_ms: u64,
    /// Its size, bytes.
    #[schema(minimum = 0)]
    pub bytes: u64,
    /// What of it the one before did not have, bytes.
    #[schema(minimum = 0)]
    pub new_bytes: u64,
    /// How many parts of the data folder could not be read when it was made.
    #[schema(minimum = 0)]
    pub unreadable: u64,
}

impl BackupFacts {
    /// What is shown; why a try failed names paths of the server, and is for those who run it.
    #[must_use]
    pub fn seen(facts: engine::BackupFacts, runs_it: bool) -> Self {
        let number = |n: i64| u64::try_from(n).unwrap_or(0);
        let (failed_at, failure) = facts.failed.unzip();
        Self {
            under_way: facts.next_at.is_none(),
            next_at: facts.next_at.map(Into::into),
            newest: facts.newest.map(|newest| NewestBackup {
                name: newest.name,
                at: newest.at.into(),
                took_ms: number(newest.took_ms),
                bytes: newest.bytes,
                new_bytes: newest.new_bytes,
                unreadable: u64::try_from(newest.damage.len()).unwrap_or(u64::MAX),
            }),
            failed_at: failed_at.map(Into::into),
            failure: failure.filter(|_| runs_it),
            late: facts.late,
        }
    }
}

/// The process.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct SystemFacts {
    /// The program's version.
    #[schema(example = "0.1.0")]
    pub version: String,
    /// When the process started.
    pub started_at: Time,
    /// What this process does: `gateway`, `engine`, `api`.
    pub roles: Vec<String>,
    /// Taken by the data folder, bytes.
    #[schema(minimum = 0)]
    pub data_dir_bytes: u64,
    /// Free on the disk, bytes.
    #[schema(minimum = 0)]
    pub disk_free_bytes: u64,
    /// The soft limit, bytes; 0 means none.
    #[schema(minimum = 0)]
    pub storage_limit_bytes: u64,
    /// Whether nothing can be committed because there is no room.
    pub store_full: bool,
    /// How the disk takes what is written.
    pub storage_state: StorageState,
    /// The longest commit of the last minute or two, or the one under way, ms.
    #[schema(minimum = 0)]
    pub slowest_commit_ms: u64,
    /// The backups of each night; null where no folder is set for them.
    pub backup: Option<BackupFacts>,
    /// Sealed readings that were found damaged since the start, by month.
    pub damaged_history: Vec<DamagedMonth>,
    /// The queues.
    pub queues: Vec<QueueFacts>,
    /// Lines of terminals that are open.
    #[schema(minimum = 0)]
    pub connections: u64,
    /// Terminals that have said who they are.
    #[schema(minimum = 0)]
    pub terminals_connected: u64,
    /// Live streams that are open.
    #[schema(minimum = 0)]
    pub live_streams: u64,
    /// Readings confirmed per second, over the last seconds.
    #[schema(minimum = 0)]
    pub readings_per_s: f64,
    /// Counters since the start, by name.
    pub counters: BTreeMap<String, u64>,
    /// Telegrams that the log could not keep up with since the start.
    #[schema(minimum = 0)]
    pub telegram_dropped: u64,
}
