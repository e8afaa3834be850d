//! The form in which conditions are kept for a restart. It has a version; a golden file holds each released one.

use serde::{Deserialize, Serialize};

use super::Condition;
use super::level::Level;
use super::{LateEpisode, LateRun, Told};
use crate::hazard::{Hazard, Severity};
use crate::id::ChannelId;

/// The version written by this build.
pub const VERSION: u8 = 1;

/// Why stored conditions cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// Not the form that was expected.
    #[error("stored conditions cannot be read: {0}")]
    Form(#[from] serde_json::Error),
    /// Written by a newer build.
    #[error("stored conditions have version {had}, this build reads up to {VERSION}")]
    Version {
        /// The version found.
        had: u8,
    },
}

#[derive(Serialize, Deserialize)]
struct Stored {
    v: u8,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    late_run: Option<LateRun>,
    #[serde(default)]
    conditions: Vec<StoredCondition>,
}

#[derive(Deserialize)]
struct VersionOnly {
    v: u8,
}

#[derive(Serialize, Deserialize)]
struct StoredCondition {
    channel: i64,
    hazard: Hazard,
    levels: [Level; 2],
    reported: Level,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reported_severity: Option<Severity>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    frozen: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    worst: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    told: Option<Told>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    late: Option<LateEpisode>,
}

pub(super) fn to_bytes(late_run: Option<LateRun>, conditions: &[Condition]) -> Vec<u8> {
    let stored = Stored {
        v: VERSION,
        late_run,
        conditions: conditions
            .iter()
            .map(|c| StoredCondition {
                channel: c.channel.0,
                hazard: c.hazard,
                levels: c.levels,
                reported: c.reported,
                reported_severity: c.reported_severity,
                frozen: c.frozen,
                worst: c.worst,
                told: c.told,
                late: c.late,
            })
            .collect(),
    };
    // Plain structs of numbers and names always have a JSON form.
    serde_json::to_vec(&stored).unwrap_or_default()
}

pub(super) fn from_bytes(bytes: &[u8]) -> Result<(Option<LateRun>, Vec<Condition>), StateError> {
    if bytes.is_empty() {
        return Ok((None, Vec::new()));
    }
    let version: VersionOnly = serde_json::from_slice(bytes)?;
    if version.v != VERSION {
        return Err(StateError::Version { had: version.v });
    }
    let stored: Stored = serde_json::from_slice(bytes)?;
    let mut conditions: Vec<Condition> = stored
        .conditions
        .into_iter()
        .map(|c| Condition {
            channel: ChannelId(c.channel),
            hazard: c.hazard,
            levels: c.levels,
            reported: c.reported,
            reported_severity: c.reported_severity,
            frozen: c.frozen,
            worst: c.worst,
            told: c.told,
            late: c.late,
        })
        .collect();
    conditions.sort_by_key(|c| (c.channel, c.hazard));
    Ok((stored.late_run, conditions))
}
