//! The life of an alarm after ISA-18.2 / IEC 62682: one table of state x event.

use serde::{Deserialize, Serialize};

/// Where an alarm stands in its life. Letters are the states of ISA-18.2 figure 3.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AlarmState {
    /// Present, nobody has taken it (B).
    Unacknowledged,
    /// Present, somebody has it (C).
    Acknowledged,
    /// Gone before anybody took it (D).
    ReturnedUnacknowledged,
    /// Gone, held for reset, nobody has taken it (E).
    LatchedUnacknowledged,
    /// Gone, held for reset, somebody has it (F).
    LatchedAcknowledged,
    /// Over (A).
    Closed,
}

impl AlarmState {
    /// Every state.
    pub const ALL: [Self; 6] = [
        Self::Unacknowledged,
        Self::Acknowledged,
        Self::ReturnedUnacknowledged,
        Self::LatchedUnacknowledged,
        Self::LatchedAcknowledged,
        Self::Closed,
    ];

    /// The stable name used in the API and the database.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Unacknowledged => "unacknowledged",
            Self::Acknowledged => "acknowledged",
            Self::ReturnedUnacknowledged => "returned_unacknowledged",
            Self::LatchedUnacknowledged => "latched_unacknowledged",
            Self::LatchedAcknowledged => "latched_acknowledged",
            Self::Closed => "closed",
        }
    }

    /// The state with this [`code`](Self::code).
    #[must_use]
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|s| s.code() == code)
    }
}
