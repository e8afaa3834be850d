//! Risk as the API shows it. Why and what to do are codes with what goes with them; the words are the screens'.

use domain::risk::{Act, Cause, Weights};
use engine::services::{NamedAct, UnitRisk};
use jiff::civil::Date;
use jiff::{Timestamp, tz::TimeZone};
use serde::Serialize;
use store::risk::RiskDayRow;
use utoipa::ToSchema;

use crate::http::time::Time;
use crate::vocabulary::{FindingKind, FindingStrength, Hazard, RiskGrade, Severity};

/// Why there are points. Which of the other fields are there depends on the code.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(super) struct RiskCause {
    /// `open_alarm`, `unacknowledged`, `unhandled`, `shelved`, `finding`, `past_hazard`, `repeats`, `blind`, `never_heard`,
    /// `no_self_test`, `uncommissioned`, `unwatched`.
    #[schema(example = "open_alarm")]
    code: String,
    /// The alarm.
    #[schema(minimum = 1)]
    alarm_id: Option<i64>,
    /// The finding.
    #[schema(minimum = 1)]
    finding_id: Option<i64>,
    /// What the alarm says.
    hazard: Option<Hazard>,
    /// How bad the alarm is.
    severity: Option<Severity>,
    /// The alarm's condition has gone.
    returned: Option<bool>,
    /// What was found.
    kind: Option<FindingKind>,
    /// Whether the finding is past its bar.
    strength: Option<FindingStrength>,
    /// How sure the finding is, 0 to 1.
    #[schema(minimum = 0, maximum = 1)]
    confidence: Option<f64>,
    /// How many alarms.
    #[schema(minimum = 0)]
    count: Option<u32>,
    /// How many minutes.
    #[schema(minimum = 0)]
    minutes: Option<i64>,
    /// How many days.
    #[schema(minimum = 0)]
    days: Option<i64>,
    /// Whether there ever was a self-test.
    ever: Option<bool>,
}

/// What somebody can do.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(super) struct RiskAct {
    /// `handle_alarm`, `acknowledge_alarm`, `check_finding`, `restore_watch`, `inspect`, `self_test`, `bring_online`, `install`.
    #[schema(example = "handle_alarm")]
    code: String,
    /// By how much the score falls.
    #[schema(minimum = 0, maximum = 100)]
    saves: f64,
    /// The largest cause that it takes away.
    cause: RiskCause,
    /// Where: the circuit's name, else the detector's.
    unit_name: String,
    /// The circuit.
    #[schema(minimum = 1)]
    circuit_id: Option<i64>,
    /// The detector.
    #[schema(minimum = 1)]
    detector_id: Option<i64>,
    /// The detector's name.
    detector_name: Option<String>,
}

/// One part of a circuit's score.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(super) struct RiskPart {
    /// Why.
    cause: RiskCause,
    /// Its share of the score; the parts' shares add up to it.
    #[schema(minimum = 0, maximum = 100)]
    points: f64,
    /// What it would be alone.
    #[schema(minimum = 0, maximum = 95)]
    alone: f64,
    /// What takes it away.
    act: RiskAct,
    /// The detector that it is about.
    #[schema(minimum = 1)]
    detector_id: Option<i64>,
    /// Its name.
    detector_name: Option<String>,
}

/// A detector of a circuit.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(super) struct RiskDetector {
    /// Its id.
    #[schema(minimum = 1)]
    id: i64,
    /// Its name.
    name: String,
}

/// The risk of a circuit; or of a detector that stands on none.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(super) struct CircuitRisk {
    /// The site.
    #[schema(minimum = 1)]
    site_id: i64,
    /// The site's name.
    site_name: String,
    /// The circuit; null for a detector that stands on none.
    #[schema(minimum = 1)]
    circuit_id: Option<i64>,
    /// The circuit's name, else the detector's.
    name: String,
    /// The panel's name; empty where there is none.
    panel_name: String,
    /// Its detectors.
    detectors: Vec<RiskDetector>,
    /// 0 to 100.
    #[schema(minimum = 0, maximum = 100)]
    score: f64,
    /// How that is called.
    grade: RiskGrade,
    /// The version of the rules.
    rules: u32,
    /// What it is made of, largest first.
    parts: Vec<RiskPart>,
    /// What lowers it, largest saving first; the first is the one act.
    acts: Vec<RiskAct>,
}

/// One day of a score.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(super) struct RiskDay {
    /// The day, UTC.
    #[schema(example = "2026-11-25")]
    date: String,
    /// The last score of the day.
    #[schema(minimum = 0, maximum = 100)]
    score: f64,
}

impl RiskDay {
    /// A kept day; `None` for one that no calendar has.
    pub(super) fn of(row: RiskDayRow) -> Option<Self> {
        let at = Timestamp::from_second(row.day.checked_mul(86_400)?).ok()?;
        let date: Date = at.to_zoned_datetime(TimeZone::UTC).date();
        Some(Self { date: date.to_string(), score: rounded(row.score) })
    }
}

/// The risk of a site.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(super) struct SiteRisk {
    /// The site.
    #[schema(minimum = 1)]
    pub(super) site_id: i64,
    /// Its name.
    pub(super) site_name: String,
    /// The worst circuit and a bounded share of the others, 0 to 100.
    #[schema(minimum = 0, maximum = 100)]
    pub(super) score: f64,
    /// How that is called.
    pub(super) grade: RiskGrade,
    /// The score less that of a week before; null where there was none.
    pub(super) change: Option<f64>,
    /// The version of the rules.
    pub(super) rules: u32,
    /// What lowers the site's score, largest saving first; the first is the one act.
    pub(super) acts: Vec<RiskAct>,
    /// Its circuits, the worst first.
    pub(super) circuits: Vec<CircuitRisk>,
    /// The kept scores of the last days, oldest first.
    pub(super) days: Vec<RiskDay>,
}

/// A site in the ranking.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(super) struct RankedSite {
    /// The site.
    #[schema(minimum = 1)]
    pub(super) site_id: i64,
    /// Its name.
    pub(super) site_name: String,
    /// The division code of its area.
    pub(super) area_code: String,
    /// The area's name.
    pub(super) area_name: String,
    /// The organisation's name.
    pub(super) organisation_name: String,
    /// 0 to 100.
    #[schema(minimum = 0, maximum = 100)]
    pub(super) score: f64,
    /// How that is called.
    pub(super) grade: RiskGrade,
    /// The score less that of a week before; null where there was none.
    pub(super) change: Option<f64>,
    /// When it was computed.
    #[schema(value_type = String, format = DateTime)]
    pub(super) computed_at: Time,
    /// The worst circuit's name; null where none has points.
    pub(super) worst_name: Option<String>,
    /// The worst circuit's score.
    #[schema(minimum = 0, maximum = 100)]
    pub(super) worst_score: f64,
    /// Its largest cause.
    pub(super) worst_cause: Option<RiskCause>,
    /// The one act.
    pub(super) act: Option<RiskAct>,
}

/// To a tenth: more would only look exact.
pub(super) fn rounded(points: f64) -> f64 {
    (points * 10.0).round() / 10.0
}

pub(super) fn cause(cause: Cause) -> RiskCause {
    let mut shown = RiskCause {
        code: cause.code().to_owned(),
        alarm_id: None,
        finding_id: None,
        hazard: None,
        severity: None,
        returned: None,
        kind: None,
        strength: None,
        confidence: None,
        count: None,
        minutes: None,
        days: None,
        ever: None,
    };
    match cause {
        Cause::OpenAlarm { alarm, hazard, severity, returned } => {
            shown.alarm_id = Some(alarm.0);
            shown.hazard = Some(hazard.into());
            shown.severity = Some(severity.into());
            shown.returned = Some(returned);
        }
        Cause::Unacknowledged { alarm, hazard, minutes } => {
            shown.alarm_id = Some(alarm.0);
            shown.hazard = Some(hazard.into());
            shown.minutes = Some(minutes);
        }
        Cause::Unhandled { alarm, hazard, days } => {
            shown.alarm_id = Some(alarm.0);
            shown.hazard = Some(hazard.into());
            shown.days = Some(days);
        }
        Cause::Shelved { alarm, hazard } | Cause::Blind { alarm, hazard } => {
            shown.alarm_id = Some(alarm.0);
            shown.hazard = Some(hazard.into());
        }
        Cause::Finding { finding, kind, strength, confidence } => {
            shown.finding_id = Some(finding);
            shown.kind = Some(kind.into());
            shown.strength = Some(strength.into());
            shown.confidence = Some(confidence);
        }
        Cause::PastHazard { hazard, count } | Cause::Repeats { hazard, count } => {
            shown.hazard = Some(hazard.into());
            shown.count = Some(count);
        }
        Cause::NoSelfTest { days, ever } => {
            shown.days = Some(days);
            shown.ever = Some(ever);
        }
        Cause::Uncommissioned { days } => shown.days = Some(days),
        Cause::NeverHeard | Cause::Unwatched => {}
    }
    shown
}

pub(super) fn act(named: NamedAct) -> RiskAct {
    let detector = match named.act {
        Act::CheckFinding { detector, .. }
        | Act::Inspect { detector }
        | Act::SelfTest { detector }
        | Act::BringOnline { detector } => Some(detector),
        Act::HandleAlarm { .. }
        | Act::AcknowledgeAlarm { .. }
        | Act::RestoreWatch { .. }
        | Act::Install { .. } => named.detector,
    };
    RiskAct {
        code: named.act.code().to_owned(),
        saves: rounded(named.saves),
        cause: cause(named.cause),
        unit_name: named.unit_name,
        circuit_id: named.circuit.map(|id| id.0),
        detector_id: detector.map(|id| id.0),
        detector_name: named.detector_name,
    }
}

pub(super) fn circuit(site: &engine::services::SiteRisk, unit: &UnitRisk, weights: &Weights) -> CircuitRisk {
    let acts = unit.acts();
    let parts = unit.risk.parts.iter().filter_map(|part| {
        let of = acts.iter().find(|named| named.act == part.act)?;
        Some(RiskPart {
            cause: cause(part.cause.clone()),
            points: rounded(part.points),
            alone: rounded(part.alone),
            act: act(of.clone()),
            detector_id: part.detector.map(|id| id.0),
            detector_name: unit.detector_name(part.detector).map(str::to_owned),
        })
    });
    CircuitRisk {
        site_id: site.site_id.0,
        site_name: site.site_name.clone(),
        circuit_id: unit.risk.circuit.map(|id| id.0),
        name: unit.name().to_owned(),
        panel_name: unit.panel_name.clone(),
        detectors: unit
            .detectors
            .iter()
            .map(|(id, name)| RiskDetector { id: id.0, name: name.clone() })
            .collect(),
        score: rounded(unit.risk.score),
        grade: weights.grade(unit.risk.score).into(),
        rules: domain::risk::VERSION,
        parts: parts.collect(),
        acts: acts.into_iter().map(act).collect(),
    }
}
