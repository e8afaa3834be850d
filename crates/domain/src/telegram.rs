//! The telegram log: what really came and went on a line, kept for the electrician who asks why.

use serde::{Deserialize, Serialize};

use crate::id::TerminalId;
use crate::time::UnixMs;

/// Seen from the platform.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TelegramDirection {
    /// From the device.
    Up,
    /// To the device.
    Down,
}

/// Which telegrams are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TelegramLevel {
    /// Every frame, both ways.
    All,
    /// Only what was refused.
    Refused,
    /// None.
    Off,
}

impl TelegramLevel {
    /// The stable name used in settings, the API and the database.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Refused => "refused",
            Self::Off => "off",
        }
    }

    /// The level with this [`code`](Self::code).
    #[must_use]
    pub fn from_code(code: &str) -> Option<Self> {
        [Self::All, Self::Refused, Self::Off].into_iter().find(|level| level.code() == code)
    }

    /// Whether it keeps a telegram, `refused` or understood.
    #[must_use]
    pub const fn keeps(self, refused: bool) -> bool {
        match self {
            Self::All => true,
            Self::Refused => refused,
            Self::Off => false,
        }
    }
}

/// One frame, or the bytes that could not become one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Telegram {
    /// On whose line; `None` while the other side has not said who it is.
    pub terminal: Option<TerminalId>,
    /// The address at the other end.
    pub remote: String,
    /// The server's clock.
    pub at: UnixMs,
    /// Which way.
    pub direction: TelegramDirection,
    /// `cloud_7b7b`, `modbus_rtu`, or `unknown` before it is known.
    pub protocol: String,
    /// The bytes, cut at the log's limit.
    pub bytes: Vec<u8>,
    /// Why it was refused; `None` when it was understood.
    pub refused: Option<Refused>,
}

/// Why a telegram was refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refused {
    /// What was had and what was wanted.
    pub reason: String,
    /// Clause of the standard or section of the vendor's document.
    pub clause: String,
}
