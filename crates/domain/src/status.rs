//! How a detector or a site stands at a glance: the worst of its open alarms, or silence, or nothing ever heard.

use serde::{Deserialize, Serialize};

/// The condition of a detector, and the worst one of a site. The order is of rising urgency, so that the
/// worst of many is their maximum. Silence is never `Normal`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Never heard 未知.
    #[default]
    Unknown,
    /// Heard in time, nothing open 正常.
    Normal,
    /// Silent for longer than the profile allows 离线.
    Offline,
    /// A fault is open 故障.
    Fault,
    /// A warning is open 预警.
    Warning,
    /// An alarm is open 报警.
    Alarm,
}

impl Status {
    /// Every status, in rising order.
    pub const ALL: [Self; 6] =
        [Self::Unknown, Self::Normal, Self::Offline, Self::Fault, Self::Warning, Self::Alarm];

    /// The stable name used in the API.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Normal => "normal",
            Self::Offline => "offline",
            Self::Fault => "fault",
            Self::Warning => "warning",
            Self::Alarm => "alarm",
        }
    }

    /// The status with this [`code`](Self::code).
    #[must_use]
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|s| s.code() == code)
    }

    /// The stored number; rises with urgency; part of the stored format, never renumbered.
    #[must_use]
    pub const fn rank(self) -> u8 {
        match self {
            Self::Unknown => 0,
            Self::Normal => 1,
            Self::Offline => 2,
            Self::Fault => 3,
            Self::Warning => 4,
            Self::Alarm => 5,
        }
    }

    /// The status stored as `rank`.
    #[must_use]
    pub fn from_rank(rank: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|s| s.rank() == rank)
    }
}
