//! What an operator may set about the engine.

use std::path::PathBuf;

use domain::alarm::LifeRules;
use domain::risk::Weights;
use store::history::{Retention, SealRules};

/// Bounds and periods of the engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EngineConfig {
    /// Items of the intake queue that one commit takes at most.
    pub batch_max: usize,
    /// Commands of people and services that may wait; when it is full, the caller waits.
    pub command_bound: usize,
    /// Unknown terminals that may wait for the registrar; when it is full they are counted and forgotten.
    pub unknown_bound: usize,
    /// Warn when the data folder takes more than this, bytes; 0 never warns.
    pub soft_limit_bytes: u64,
    /// Warn when the disk has less than this left, bytes; 0 never warns.
    pub free_warning_bytes: u64,
    /// What is kept for how long.
    pub retention: Retention,
    /// How often the disk is looked at, ms.
    pub disk_every_ms: i64,
    /// How often it is tried whether there is room again while the store is full, ms.
    pub probe_every_ms: i64,
    /// How often it is looked for days to seal, ms.
    pub seal_every_ms: i64,
    /// How they are sealed.
    pub sealing: SealRules,
    /// How often old data are let go, ms.
    pub retain_every_ms: i64,
    /// How alarms are shelved, and when they ring again.
    pub alarms: LifeRules,
    /// How much each cause of risk counts.
    pub risk: Weights,
    /// The backup of each night; `None` makes none.
    pub backup: Option<BackupPlan>,
}

/// A backup each night.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackupPlan {
    /// The folder of backups.
    pub dir: PathBuf,
    /// When, minutes after midnight.
    pub at_min: u16,
    /// Of the clock in this time zone.
    pub zone: String,
    /// How many are kept.
    pub keep: usize,
    /// The newest is too old after this, ms.
    pub late_after_ms: i64,
}

impl Default for EngineConfig {
    fn default() -> Self {
        Self {
            batch_max: 4096,
            command_bound: 256,
            unknown_bound: 1024,
            soft_limit_bytes: 20_000_000_000,
            free_warning_bytes: 2_000_000_000,
            retention: Retention::default(),
            disk_every_ms: 15_000,
            probe_every_ms: 3_000,
            seal_every_ms: 600_000,
            sealing: SealRules::default(),
            retain_every_ms: 3_600_000,
            alarms: LifeRules::default(),
            risk: Weights::default(),
            backup: None,
        }
    }
}
