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
    /// Whether nothing can be committed.
    pub store_full: bool,
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
