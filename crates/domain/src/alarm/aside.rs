//! Alarms that are set aside: open, kept up to date, and told to nobody. Every way has an end: a shelf and a maintenance
//! window by the clock, a suppression by design with its cause.

use serde::{Deserialize, Serialize};

use super::{Alarm, AlarmState};
use crate::hazard::{Hazard, Severity};
use crate::time::UnixMs;

/// Why an alarm is set aside. Letters are the states of ISA-18.2 figure 3.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Aside {
    /// On the shelf 搁置, by a person (G).
    Shelved {
        /// Since when, server's clock.
        since: UnixMs,
        /// Until when, server's clock.
        until: UnixMs,
        /// Why.
        reason: String,
        /// Who, by name.
        by: String,
    },
    /// Suppressed by a maintenance window 检修屏蔽 (I).
    Maintenance {
        /// Since when, server's clock.
        since: UnixMs,
        /// The window's end, server's clock.
        until: UnixMs,
        /// The window's reason.
        reason: String,
        /// Who made the window, by name.
        by: String,
    },
    /// Suppressed by design 设计抑制 (H): another alarm of the detector explains it.
    Design {
        /// Since when, server's clock.
        since: UnixMs,
        /// What explains it.
        cause: Hazard,
    },
}

/// The ways to be set aside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AsideKind {
    /// By a person.
    Shelved,
    /// By a maintenance window.
    Maintenance,
    /// By another alarm of the detector.
    Design,
}

impl AsideKind {
    /// Every way.
    pub const ALL: [Self; 3] = [Self::Shelved, Self::Maintenance, Self::Design];

    /// The stable name used in the API and the database.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Shelved => "shelved",
            Self::Maintenance => "maintenance",
            Self::Design => "design",
        }
    }

    /// The way with this [`code`](Self::code).
    #[must_use]
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.code() == code)
    }
}

impl Aside {
    /// Which way.
    #[must_use]
    pub const fn kind(&self) -> AsideKind {
        match self {
            Self::Shelved { .. } => AsideKind::Shelved,
            Self::Maintenance { .. } => AsideKind::Maintenance,
            Self::Design { .. } => AsideKind::Design,
        }
    }

    /// Since when, server's clock.
    #[must_use]
    pub const fn since(&self) -> UnixMs {
        match self {
            Self::Shelved { since, .. } | Self::Maintenance { since, .. } | Self::Design { since, .. } => {
                *since
            }
        }
    }

    /// When it ends by the clock; by design it ends with its cause.
    #[must_use]
    pub const fn until(&self) -> Option<UnixMs> {
        match self {
            Self::Shelved { until, .. } | Self::Maintenance { until, .. } => Some(*until),
            Self::Design { .. } => None,
        }
    }

    /// Whether both are the same but for when they began.
    #[must_use]
    pub fn is_same_cause(&self, other: &Self) -> bool {
        self.kind() == other.kind()
            && self.until() == other.until()
            && match (self, other) {
                (Self::Design { cause: one, .. }, Self::Design { cause: two, .. }) => one == two,
                (
                    Self::Shelved { reason: one, .. } | Self::Maintenance { reason: one, .. },
                    Self::Shelved { reason: two, .. } | Self::Maintenance { reason: two, .. },
                ) => one == two,
                (Self::Design { .. }, Self::Shelved { .. } | Self::Maintenance { .. })
                | (Self::Shelved { .. } | Self::Maintenance { .. }, Self::Design { .. }) => false,
            }
    }
}

/// What an operator set about the life of alarms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LifeRules {
    /// The longest a person may shelve an alarm for, ms.
    pub shelf_most_ms: i64,
    /// An acknowledged alarm that is still present rings again after this, ms; 0 is never.
    pub realarm_alarm_ms: i64,
    /// The same for a warning.
    pub realarm_warning_ms: i64,
    /// The same for a fault.
    pub realarm_fault_ms: i64,
}

impl Default for LifeRules {
    /// A shelf of a day; an alarm that somebody has for four hours is looked at again, a warning the next day.
    fn default() -> Self {
        Self {
            shelf_most_ms: 24 * 3_600_000,
            realarm_alarm_ms: 4 * 3_600_000,
            realarm_warning_ms: 24 * 3_600_000,
            realarm_fault_ms: 0,
        }
    }
}

impl LifeRules {
    /// When an alarm rings again if nothing changes.
    #[must_use]
    pub fn realarm_at(&self, alarm: &Alarm) -> Option<UnixMs> {
        let after_ms = match alarm.severity {
            Severity::Alarm => self.realarm_alarm_ms,
            Severity::Warning => self.realarm_warning_ms,
            Severity::Fault => self.realarm_fault_ms,
        };
        let waits = alarm.state == AlarmState::Acknowledged && alarm.aside.is_none() && after_ms > 0;
        alarm.acknowledged_at.filter(|_| waits).map(|at| at.plus_ms(after_ms))
    }

    /// When the clock next does something to an alarm.
    #[must_use]
    pub fn next_deadline(&self, alarm: &Alarm) -> Option<UnixMs> {
        match &alarm.aside {
            Some(aside) => aside.until(),
            None => self.realarm_at(alarm),
        }
    }
}
