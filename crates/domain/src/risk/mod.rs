//! Risk (H5): how likely a circuit is to burn as far as the platform can know, 0 to 100, what that is made of, and the one
//! act that lowers it most. The rules and every number are told in docs/risk.md; no standard gives them.
//!
//! ```text
//! UnitFacts -> parts -> score of a circuit -> roll -> score of a site -> roll -> score of an area
//!               \-> acts, each with the points that it saves there
//! ```
//!
//! Parts are put together as if each left its share of the safety that the others leave: 100 × (1 − Π(1 − p/100)). So the
//! score stays under 100, no part hides another, and taking any cause away lowers it (tests/risk.rs).

mod causes;
mod roll;
mod weights;

use serde::{Deserialize, Serialize};

use crate::diagnosis::{Kind, Strength};
use crate::hazard::{Hazard, Severity};
use crate::id::{AlarmId, CircuitId, DetectorId};
use crate::time::UnixMs;

pub use roll::{Area, Site, SiteAct, area, site};
pub use weights::{Weights, WeightsError};

/// The version of the rules; kept scores name it.
pub const VERSION: u32 = 1;
/// How far back alarms that are over still count, ms.
pub const PAST_MS: i64 = 30 * 86_400_000;

/// An open alarm.
#[derive(Debug, Clone, PartialEq)]
pub struct AlarmFact {
    /// Which.
    pub id: AlarmId,
    /// Of which detector.
    pub detector: DetectorId,
    /// What is wrong.
    pub hazard: Hazard,
    /// How bad now.
    pub severity: Severity,
    /// Since when.
    pub raised_at: UnixMs,
    /// Whether somebody has taken it.
    pub acknowledged: bool,
    /// Whether the condition has gone; the alarm is held or waits for somebody.
    pub returned: bool,
    /// Whether a person put it on the shelf.
    pub shelved: bool,
}

/// A finding of the diagnosis that stands and that nobody dismissed.
#[derive(Debug, Clone, PartialEq)]
pub struct FindingFact {
    /// Which.
    pub id: i64,
    /// Of which detector.
    pub detector: DetectorId,
    /// What.
    pub kind: Kind,
    /// Whether it is past its bar.
    pub strength: Strength,
    /// How sure, 0 to 1.
    pub confidence: f64,
}

/// Alarms about the circuit that are over: raised within [`PAST_MS`] and after the newest inspection. Those judged to be
/// nuisance, test or works are not among them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PastFact {
    /// Of which detector.
    pub detector: DetectorId,
    /// Which hazard.
    pub hazard: Hazard,
    /// How many were judged true.
    pub confirmed: u32,
    /// How many in all.
    pub all: u32,
}

/// A detector.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DetectorFact {
    /// Which.
    pub id: DetectorId,
    /// Whether it was ever heard.
    pub heard: bool,
    /// When it was admitted.
    pub admitted_at: UnixMs,
    /// Whether its model can be told to test itself.
    pub tests_itself: bool,
    /// Its last self-test that passed.
    pub tested_at: Option<UnixMs>,
    /// Its last commissioning or inspection on site without remarks.
    pub inspected_at: Option<UnixMs>,
}

/// All that is known about one circuit; or about a detector that stands on none.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct UnitFacts {
    /// The circuit.
    pub circuit: Option<CircuitId>,
    /// Its detectors.
    pub detectors: Vec<DetectorFact>,
    /// Their open alarms.
    pub alarms: Vec<AlarmFact>,
    /// What the diagnosis found.
    pub findings: Vec<FindingFact>,
    /// Alarms that are over.
    pub past: Vec<PastFact>,
}

/// Why a circuit has points. Its words are made from the code and what goes with it, in the reader's language.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "code")]
pub enum Cause {
    /// An alarm about the circuit is open.
    OpenAlarm {
        /// Which.
        alarm: AlarmId,
        /// What is wrong.
        hazard: Hazard,
        /// How bad now.
        severity: Severity,
        /// The condition has gone.
        returned: bool,
    },
    /// Nobody has taken it for too long.
    Unacknowledged {
        /// Which alarm.
        alarm: AlarmId,
        /// What is wrong.
        hazard: Hazard,
        /// For how long, min.
        minutes: i64,
    },
    /// It is open for longer than putting it right may take.
    Unhandled {
        /// Which alarm.
        alarm: AlarmId,
        /// What is wrong.
        hazard: Hazard,
        /// For how long, days.
        days: i64,
    },
    /// A person put it on the shelf: it is there, and nobody is told.
    Shelved {
        /// Which alarm.
        alarm: AlarmId,
        /// What is wrong.
        hazard: Hazard,
    },
    /// Weeks of history show something.
    Finding {
        /// Which finding.
        finding: i64,
        /// What.
        kind: Kind,
        /// Whether it is past its bar.
        strength: Strength,
        /// How sure, 0 to 1.
        confidence: f64,
    },
    /// True hazards within the month.
    PastHazard {
        /// Which hazard.
        hazard: Hazard,
        /// How many.
        count: u32,
    },
    /// The same alarm comes again and again.
    Repeats {
        /// Which hazard.
        hazard: Hazard,
        /// How many within the month.
        count: u32,
    },
    /// A fault of the watching is open: what is not seen is not safe.
    Blind {
        /// Which alarm.
        alarm: AlarmId,
        /// Which fault.
        hazard: Hazard,
    },
    /// A detector was never heard.
    NeverHeard,
    /// Nobody knows whether a detector still alarms.
    NoSelfTest {
        /// Days since the last self-test, or since it was admitted.
        days: i64,
        /// Whether there ever was one.
        ever: bool,
    },
    /// Nobody has written down that a detector was looked at on site.
    Uncommissioned {
        /// Days since it was admitted.
        days: i64,
    },
    /// No detector watches the circuit.
    Unwatched,
}

impl Cause {
    /// The stable name.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::OpenAlarm { .. } => "open_alarm",
            Self::Unacknowledged { .. } => "unacknowledged",
            Self::Unhandled { .. } => "unhandled",
            Self::Shelved { .. } => "shelved",
            Self::Finding { .. } => "finding",
            Self::PastHazard { .. } => "past_hazard",
            Self::Repeats { .. } => "repeats",
            Self::Blind { .. } => "blind",
            Self::NeverHeard => "never_heard",
            Self::NoSelfTest { .. } => "no_self_test",
            Self::Uncommissioned { .. } => "uncommissioned",
            Self::Unwatched => "unwatched",
        }
    }
}

/// What somebody can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "code")]
pub enum Act {
    /// Put right what the alarm says, and let it end.
    HandleAlarm {
        /// Which.
        alarm: AlarmId,
    },
    /// Take the alarm.
    AcknowledgeAlarm {
        /// Which.
        alarm: AlarmId,
    },
    /// Look at what the diagnosis found.
    CheckFinding {
        /// Which.
        finding: i64,
        /// Of which detector.
        detector: DetectorId,
    },
    /// Put the fault of the watching right.
    RestoreWatch {
        /// Which alarm.
        alarm: AlarmId,
    },
    /// Look for the cause on site and keep a record of it.
    Inspect {
        /// Which detector.
        detector: DetectorId,
    },
    /// Let the detector test itself.
    SelfTest {
        /// Which detector.
        detector: DetectorId,
    },
    /// Get the detector to speak.
    BringOnline {
        /// Which detector.
        detector: DetectorId,
    },
    /// Have the circuit watched.
    Install {
        /// Which circuit.
        circuit: CircuitId,
    },
}

impl Act {
    /// The stable name.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::HandleAlarm { .. } => "handle_alarm",
            Self::AcknowledgeAlarm { .. } => "acknowledge_alarm",
            Self::CheckFinding { .. } => "check_finding",
            Self::RestoreWatch { .. } => "restore_watch",
            Self::Inspect { .. } => "inspect",
            Self::SelfTest { .. } => "self_test",
            Self::BringOnline { .. } => "bring_online",
            Self::Install { .. } => "install",
        }
    }

    /// Whether the part is gone when this is done.
    fn removes(self, part: &Part) -> bool {
        if part.act == self {
            return true;
        }
        match (self, &part.cause) {
            (
                Self::HandleAlarm { alarm },
                Cause::Unacknowledged { alarm: of, .. }
                | Cause::Unhandled { alarm: of, .. }
                | Cause::Shelved { alarm: of, .. },
            ) => alarm == *of,
            (
                Self::HandleAlarm { .. }
                | Self::AcknowledgeAlarm { .. }
                | Self::CheckFinding { .. }
                | Self::RestoreWatch { .. }
                | Self::Inspect { .. }
                | Self::SelfTest { .. }
                | Self::BringOnline { .. }
                | Self::Install { .. },
                _,
            ) => false,
        }
    }
}

/// One cause of a circuit's score.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Part {
    /// Why.
    pub cause: Cause,
    /// Which detector it is about.
    pub detector: Option<DetectorId>,
    /// What it would be alone, 0 to 95.
    pub alone: f64,
    /// Its share of the score; the parts' shares add up to it.
    pub points: f64,
    /// What removes it.
    pub act: Act,
}

/// What an act saves.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Saving {
    /// What is done.
    pub act: Act,
    /// By how much the score falls.
    pub saves: f64,
}

/// A circuit's risk.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Unit {
    /// The circuit.
    pub circuit: Option<CircuitId>,
    /// 0 to 100.
    pub score: f64,
    /// What it is made of, largest first.
    pub parts: Vec<Part>,
    /// What lowers it, largest saving first.
    pub acts: Vec<Saving>,
}

/// How a score is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Grade {
    /// 低风险.
    Low,
    /// 一般风险.
    Moderate,
    /// 较大风险.
    High,
    /// 重大风险.
    Grave,
}

impl Grade {
    /// Every grade, in rising order.
    pub const ALL: [Self; 4] = [Self::Low, Self::Moderate, Self::High, Self::Grave];

    /// The stable name.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Moderate => "moderate",
            Self::High => "high",
            Self::Grave => "grave",
        }
    }

    /// The grade with this [`code`](Self::code).
    #[must_use]
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|grade| grade.code() == code)
    }
}

/// What is left of 100 when each of these has taken its share.
fn safety(alone: impl Iterator<Item = f64>) -> f64 {
    alone.map(|points| 1.0 - points.clamp(0.0, 100.0) / 100.0).product()
}

/// Many points to one score, 0 to 100.
fn together(alone: impl Iterator<Item = f64>) -> f64 {
    100.0 * (1.0 - safety(alone))
}

/// The risk of one circuit.
#[must_use]
pub fn assess(facts: &UnitFacts, weights: &Weights, now: UnixMs) -> Unit {
    let mut parts = causes::parts(facts, weights, now);
    let score = together(parts.iter().map(|part| part.alone));
    // Shares of the logarithm add up, as the parts themselves do not.
    let whole: f64 = parts.iter().map(|part| -(1.0 - part.alone / 100.0).ln()).sum();
    for part in &mut parts {
        part.points = if whole > 0.0 { score * -(1.0 - part.alone / 100.0).ln() / whole } else { 0.0 };
    }
    parts.sort_by(|one, other| other.alone.total_cmp(&one.alone));
    let mut acts: Vec<Saving> = Vec::new();
    for part in &parts {
        if acts.iter().any(|known| known.act == part.act) {
            continue;
        }
        let rest = parts.iter().filter(|other| !part.act.removes(other)).map(|other| other.alone);
        acts.push(Saving { act: part.act, saves: score - together(rest) });
    }
    acts.sort_by(|one, other| other.saves.total_cmp(&one.saves));
    Unit { circuit: facts.circuit, score, parts, acts }
}
