//! Conditions: the pure judgement of one detector (invariant 2). Readings and time go in,
//! changes come out; the state is explicit, small and can be stored.

use serde::{Deserialize, Serialize};

use crate::hazard::{Hazard, Severity};
use crate::id::ChannelId;
use crate::time::UnixMs;

/// What changed about one (channel, hazard).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ConditionChange {
    /// The channel.
    pub channel: ChannelId,
    /// The hazard or fault.
    pub hazard: Hazard,
    /// What happened.
    pub kind: ChangeKind,
    /// When it counts as happened: measurement time, or the deadline of a delay.
    pub at: UnixMs,
    /// The value that shows it, in the quantity's unit.
    pub value: Option<f64>,
    /// The limit that it was judged by, in the quantity's unit.
    pub limit: Option<f64>,
    /// Whether an alarm raised by it holds until reset.
    pub latching: bool,
    /// Whether the device itself reported it, rather than a limit here.
    pub reported_by_device: bool,
}

/// The kinds of change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChangeKind {
    /// The hazard is there now.
    Raised(Severity),
    /// It is there with another severity.
    SeverityChanged(Severity),
    /// It is there and the value is the worst so far.
    Worst,
    /// It is gone.
    Returned,
    /// Late data show that it was there then; nothing is open because of it.
    FoundLate(Severity),
}
