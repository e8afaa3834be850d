//! What an alarm was in truth. Without it nobody knows which rule and which model cry wolf.

use serde::{Deserialize, Serialize};

/// What an alarm was in truth, as a person who has looked says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The circuit was in danger, or the detector at fault, as it said 真实.
    TrueHazard,
    /// It was there as measured, but needed nobody: a limit too tight, a load that starts 扰动误报.
    Nuisance,
    /// Somebody tested it 测试.
    Test,
    /// Work at the installation 施工检修.
    Works,
}

impl Verdict {
    /// Every verdict.
    pub const ALL: [Self; 4] = [Self::TrueHazard, Self::Nuisance, Self::Test, Self::Works];

    /// The stable name used in the API and the database.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::TrueHazard => "true_hazard",
            Self::Nuisance => "nuisance",
            Self::Test => "test",
            Self::Works => "works",
        }
    }

    /// The verdict with this [`code`](Self::code).
    #[must_use]
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|verdict| verdict.code() == code)
    }

    /// Whether an alarm of this verdict called somebody for nothing. A test is neither true nor false.
    #[must_use]
    pub const fn is_false_alarm(self) -> bool {
        matches!(self, Self::Nuisance | Self::Works)
    }
}
