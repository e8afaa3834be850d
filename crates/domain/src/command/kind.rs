//! What a device can be asked to do.

use serde::{Deserialize, Serialize};

use crate::access::Permission;

/// What a device can be asked to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CommandKind {
    /// Test itself 自检.
    SelfTest,
    /// Be silent 消音; the alarm stays.
    Mute,
    /// Let an alarm go that it holds 复位.
    Reset,
    /// Open its breaker 分闸.
    Trip,
    /// Close its breaker 合闸.
    Close,
    /// Take a limit or a delay 定值.
    SetPoint,
    /// Report at another interval 上报周期.
    ReportingPeriod,
    /// Take the server's time 校时.
    Clock,
    /// Tell registers as they are 原始读取.
    RawRead,
}

impl CommandKind {
    /// Every kind.
    pub const ALL: [Self; 9] = [
        Self::SelfTest,
        Self::Mute,
        Self::Reset,
        Self::Trip,
        Self::Close,
        Self::SetPoint,
        Self::ReportingPeriod,
        Self::Clock,
        Self::RawRead,
    ];

    /// The stable name used in files, the API and the database.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::SelfTest => "self_test",
            Self::Mute => "mute",
            Self::Reset => "reset",
            Self::Trip => "trip",
            Self::Close => "close",
            Self::SetPoint => "set_point",
            Self::ReportingPeriod => "reporting_period",
            Self::Clock => "clock",
            Self::RawRead => "raw_read",
        }
    }

    /// The kind with this [`code`](Self::code).
    #[must_use]
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.code() == code)
    }

    /// What a caller needs to ask for it.
    #[must_use]
    pub const fn permission(self) -> Permission {
        match self {
            Self::SelfTest | Self::Mute => Permission::CommandSend,
            Self::Reset => Permission::AlarmReset,
            Self::Trip | Self::Close => Permission::CommandSwitch,
            Self::SetPoint | Self::ReportingPeriod | Self::Clock => Permission::CommandSet,
            Self::RawRead => Permission::CommandRaw,
        }
    }

    /// Whether it moves a breaker: password, reason, interlocks and read-back.
    #[must_use]
    pub const fn switches(self) -> bool {
        matches!(self, Self::Trip | Self::Close)
    }

    /// Whether it carries a value.
    #[must_use]
    pub const fn takes_value(self) -> bool {
        matches!(self, Self::SetPoint | Self::ReportingPeriod)
    }

    /// Whether many detectors may be asked at once; a breaker is switched one at a time.
    #[must_use]
    pub const fn fits_batches(self) -> bool {
        match self {
            Self::SelfTest
            | Self::Mute
            | Self::Reset
            | Self::SetPoint
            | Self::ReportingPeriod
            | Self::Clock => true,
            Self::Trip | Self::Close | Self::RawRead => false,
        }
    }
}
