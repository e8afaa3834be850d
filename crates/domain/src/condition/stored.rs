//! The form in which conditions are kept for a restart. It has a version; a golden file holds each released one.

use serde::{Deserialize, Serialize};

use super::level::Level;
use super::track::Track;
use super::{Belief, Condition};
use super::{LateEpisode, LateRun, Told};
use crate::hazard::{Hazard, Severity};
use crate::id::ChannelId;
use crate::time::UnixMs;

/// The version written by this build.
/// 1: conditions and the run of late readings. 2: what each channel was before, for the rules that look back.
pub const VERSION: u8 = 2;

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
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    tracks: Vec<StoredTrack>,
}

/// Channel, value of the run, since when, classes of the load. A list: each detector has some.
#[derive(Serialize, Deserialize)]
struct StoredTrack(i64, i64, UnixMs, Option<(u8, u8)>);

impl From<&Track> for StoredTrack {
    fn from(t: &Track) -> Self {
        Self(t.channel.0, t.run_raw, t.run_since, t.load)
    }
}

impl From<StoredTrack> for Track {
    fn from(StoredTrack(channel, raw, since, load): StoredTrack) -> Self {
        Self::restored(ChannelId(channel), raw, since, load)
    }
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
    #[serde(default, skip_serializing_if = "is_believed")]
    belief: Belief,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    frozen: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    worst: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    told: Option<Told>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    late: Option<LateEpisode>,
}

fn is_believed(belief: &Belief) -> bool {
    *belief == Belief::Believed
}

pub(super) fn to_bytes(late_run: Option<LateRun>, conditions: &[Condition], tracks: &[Track]) -> Vec<u8> {
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
                belief: c.belief,
                frozen: c.frozen,
                worst: c.worst,
                told: c.told,
                late: c.late,
            })
            .collect(),
        tracks: tracks.iter().map(StoredTrack::from).collect(),
    };
    // Plain structs of numbers and names always have a JSON form.
    serde_json::to_vec(&stored).unwrap_or_default()
}

type Read = (Option<LateRun>, Vec<Condition>, Vec<Track>);

pub(super) fn from_bytes(bytes: &[u8]) -> Result<Read, StateError> {
    if bytes.is_empty() {
        return Ok((None, Vec::new(), Vec::new()));
    }
    let version: VersionOnly = serde_json::from_slice(bytes)?;
    if !(1..=VERSION).contains(&version.v) {
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
            belief: c.belief,
            frozen: c.frozen,
            worst: c.worst,
            told: c.told,
            late: c.late,
        })
        .collect();
    conditions.sort_by_key(|c| (c.channel, c.hazard));
    Ok((stored.late_run, conditions, stored.tracks.into_iter().map(Track::from).collect()))
}
