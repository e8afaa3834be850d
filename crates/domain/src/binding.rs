//! A binding ties what a detector sends to channels, limits and supervision: all that people set,
//! gathered for the pure evaluation, with the version of the settings that it was made from.

use serde::{Deserialize, Serialize};

use crate::hazard::Hazard;
use crate::place::{ChannelEntry, Placement};
use crate::settings::Limits;

/// Everything that the evaluation of one detector needs and that people set.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Binding {
    /// Where the detector stands.
    pub placement: Placement,
    /// Rises with every change of settings or placement.
    pub settings_version: i64,
    /// The channels; the one without a point stands for the device and is always there.
    pub channels: Vec<ChannelBinding>,
    /// When silence is a fault.
    pub supervision: Supervision,
}

/// One channel with the limits it is judged by.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ChannelBinding {
    /// The channel.
    pub channel: ChannelEntry,
    /// The measured hazards that apply to it, with their effective limits.
    pub limits: Vec<(Hazard, Limits)>,
}

/// When silence is a fault and a clock is wrong (F5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Supervision {
    /// The detector is offline after this long without a word, ms.
    pub offline_after_ms: i64,
    /// Device time further ahead of the server than this is a wrong clock, ms.
    pub clock_ahead_ms: i64,
    /// Device time further behind the server than this is a wrong clock, unless the profile replays history, ms.
    pub clock_behind_ms: i64,
    /// How long faults of sensors and device must persist before they count, ms.
    pub fault_on_delay_ms: i64,
    /// How long they must be gone before they count as returned, ms.
    pub fault_off_delay_ms: i64,
}
