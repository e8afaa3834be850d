//! Findings and analyses as the API shows them.

use engine::services::KeptFinding;
use serde::Serialize;
use store::findings::{FindingRow, FindingStepRow};
use utoipa::ToSchema;

use crate::http::problem::Problem;
use crate::http::time::Time;
use crate::vocabulary::{Analysis, FindingKind, FindingStrength, LackReason, Phase};

/// A figure.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(super) struct FindingFigure {
    /// What it is: `percent`, `reach_from`, `level` ...
    #[schema(example = "percent")]
    pub(super) name: String,
    /// The value.
    pub(super) value: f64,
    /// Its unit, empty for none.
    #[schema(example = "%")]
    pub(super) unit: String,
}

/// A curve.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(super) struct FindingCurve {
    /// What it is: `then`, `now`, `fit_now`, `level`, `trend`, `range_low`, `range_high` ...
    #[schema(example = "level")]
    pub(super) name: String,
    /// What its x is: `ms` since 1970, `A²`, `A` or `hour_of_week` (from Monday 00:00, local).
    pub(super) x_unit: String,
    /// Unit of its y.
    pub(super) y_unit: String,
    /// Its points, x and y.
    pub(super) points: Vec<Vec<f64>>,
}

/// A finding.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(super) struct Finding {
    /// Its id.
    #[schema(minimum = 1)]
    pub(super) id: i64,
    /// The premises.
    #[schema(minimum = 1)]
    pub(super) site_id: i64,
    /// The premises' name.
    pub(super) site_name: String,
    /// The detector.
    #[schema(minimum = 1)]
    pub(super) detector_id: i64,
    /// The detector's name.
    pub(super) detector_name: String,
    /// The circuit's name.
    pub(super) circuit_name: Option<String>,
    /// The channel's code; empty for the circuit as a whole.
    #[schema(example = "temperature_b")]
    pub(super) channel: String,
    /// What.
    pub(super) kind: FindingKind,
    /// On which conductor.
    pub(super) phase: Option<Phase>,
    /// Whether somebody has to look at it.
    pub(super) strength: FindingStrength,
    /// How sure, 0 to 1.
    #[schema(minimum = 0, maximum = 1)]
    pub(super) confidence: f64,
    /// The parameters of its words and the figures behind them.
    pub(super) figures: Vec<FindingFigure>,
    /// When a look first showed it.
    #[schema(value_type = String, format = DateTime)]
    pub(super) first_seen_at: Time,
    /// Since when it is strong.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub(super) strong_since: Option<Time>,
    /// The newest look that showed it.
    #[schema(value_type = String, format = DateTime)]
    pub(super) last_seen_at: Time,
    /// When looks no longer showed it.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub(super) gone_at: Option<Time>,
    /// When somebody said that it needs nothing.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub(super) dismissed_at: Option<Time>,
    /// Who.
    pub(super) dismissed_by: Option<String>,
    /// Why.
    pub(super) dismiss_reason: Option<String>,
    /// The version of the rules that the newest look was made with.
    pub(super) engine_version: i64,
}

/// How a finding came and went.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(super) struct FindingStep {
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub(super) at: Time,
    /// `found`, `stronger`, `weaker`, `gone`, `dismissed` or `restored`.
    #[schema(example = "found")]
    pub(super) event: String,
    /// How sure then, 0 to 1.
    pub(super) confidence: f64,
    /// Who; nobody for a look.
    pub(super) actor_name: Option<String>,
    /// Why.
    pub(super) reason: Option<String>,
}

/// A finding with its evidence.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(super) struct FindingDetail {
    /// The finding.
    #[serde(flatten)]
    pub(super) finding: Finding,
    /// The series used, down-sampled, and the fit.
    pub(super) evidence: Vec<FindingCurve>,
    /// History from here on.
    #[schema(value_type = String, format = DateTime)]
    pub(super) from: Time,
    /// History before this.
    #[schema(value_type = String, format = DateTime)]
    pub(super) until: Time,
    /// How it came and went, oldest first.
    pub(super) steps: Vec<FindingStep>,
}

/// A finding computed again from the kept history.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(super) struct FindingReplay {
    /// Whether it comes out equal, to the last figure.
    pub(super) same: bool,
    /// The version of the rules that it was made with.
    pub(super) kept_version: i64,
    /// The version of the rules now.
    pub(super) version: u32,
    /// The figures as they come out now; null when it does not come out at all.
    pub(super) figures: Option<Vec<FindingFigure>>,
}

/// A fit, whether or not something was found.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(super) struct AnalysisModel {
    /// Which analysis.
    pub(super) analysis: Analysis,
    /// The channel's code.
    pub(super) channel: String,
    /// Its conductor.
    pub(super) phase: Option<Phase>,
    /// The fit and how well it holds.
    pub(super) figures: Vec<FindingFigure>,
    /// What it was fitted to.
    pub(super) curves: Vec<FindingCurve>,
}

/// What an analysis would need.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(super) struct AnalysisLack {
    /// Which analysis.
    pub(super) analysis: Analysis,
    /// Why.
    pub(super) reason: LackReason,
    /// Days that are needed.
    #[schema(minimum = 0)]
    pub(super) needs_days: u32,
    /// Days that are there.
    #[schema(minimum = 0)]
    pub(super) has_days: u32,
}

/// The analysis of a circuit.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(super) struct CircuitAnalysis {
    /// The version of the rules.
    pub(super) version: u32,
    /// History from here on.
    #[schema(value_type = String, format = DateTime)]
    pub(super) from: Time,
    /// History before this.
    #[schema(value_type = String, format = DateTime)]
    pub(super) until: Time,
    /// Days with values.
    #[schema(minimum = 0)]
    pub(super) days: u32,
    /// The fits.
    pub(super) models: Vec<AnalysisModel>,
    /// What could not be answered.
    pub(super) lacks: Vec<AnalysisLack>,
}

pub(super) fn figures(all: Vec<domain::diagnosis::Figure>) -> Vec<FindingFigure> {
    all.into_iter()
        .map(|figure| FindingFigure { name: figure.name, value: figure.value, unit: figure.unit })
        .collect()
}

pub(super) fn curves(all: Vec<domain::diagnosis::Curve>) -> Vec<FindingCurve> {
    all.into_iter()
        .map(|curve| FindingCurve {
            name: curve.name,
            x_unit: curve.x_unit,
            y_unit: curve.y_unit,
            points: curve.points.into_iter().map(|(x, y)| vec![x, y]).collect(),
        })
        .collect()
}

/// A row in the API's shape, and what it keeps.
pub(super) fn finding(row: FindingRow) -> Result<(Finding, KeptFinding), Problem> {
    let kept = KeptFinding::read(&row)?;
    let finding = Finding {
        id: row.id,
        site_id: row.site_id.0,
        site_name: row.site_name,
        detector_id: row.detector_id.0,
        detector_name: row.detector_name,
        circuit_name: row.circuit_name,
        channel: row.channel,
        kind: row.kind.into(),
        phase: row.phase.map(Into::into),
        strength: row.strength.into(),
        confidence: row.confidence,
        figures: figures(kept.finding.figures.clone()),
        first_seen_at: row.first_seen_at.into(),
        strong_since: row.strong_since.map(Into::into),
        last_seen_at: row.last_seen_at.into(),
        gone_at: row.gone_at.map(Into::into),
        dismissed_at: row.dismissed_at.map(Into::into),
        dismissed_by: row.dismissed_by,
        dismiss_reason: row.dismiss_reason,
        engine_version: row.engine_version,
    };
    Ok((finding, kept))
}

impl From<FindingStepRow> for FindingStep {
    fn from(row: FindingStepRow) -> Self {
        Self {
            at: row.at.into(),
            event: row.event,
            confidence: row.confidence,
            actor_name: row.actor_name,
            reason: row.reason,
        }
    }
}
