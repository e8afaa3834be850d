//! Walks as the API shows and takes them.

use domain::time::UnixMs;
use domain::walk::{Conclusion, Seen, Step, conclude};
use serde::{Deserialize, Serialize};
use store::StoreError;
use store::walks::WalkRow;
use utoipa::{IntoParams, ToSchema};

use crate::http::extract::{check_text, checked};
use crate::http::problem::{FieldError, Problem};
use crate::http::time::Time;
use crate::vocabulary::WalkOutcome;

/// The most breakers of one walk.
const MOST_STEPS: usize = 60;
/// The most readings before or after one breaker.
const MOST_READINGS: usize = 20;
/// More than any detector shows, mA.
const MOST_MA: f64 = 100_000.0;
/// The longest walk, ms.
const LONGEST_MS: i64 = 24 * 3_600_000;
/// A phone's clock may be this much ahead, ms.
const AHEAD_MS: i64 = 300_000;

/// Which walks.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct WalkQuery {
    /// Only those about this alarm.
    #[param(minimum = 1)]
    pub(super) alarm: Option<i64>,
    /// Rows on a page.
    #[param(minimum = 1, maximum = 500)]
    pub(super) limit: Option<u32>,
    /// Where the page begins.
    #[param(max_length = 2000)]
    pub(super) cursor: Option<String>,
}

/// One reading of the residual current.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct WalkReading {
    /// When the platform received it.
    #[schema(value_type = String, format = DateTime)]
    at: Time,
    /// Residual current, mA.
    #[schema(minimum = 0, maximum = 100_000, example = 310)]
    ma: f64,
}

/// One breaker of a walk.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewWalkStep {
    /// Its number or name.
    #[schema(min_length = 1, max_length = 60, example = "3")]
    breaker: String,
    /// When it was switched off.
    #[schema(value_type = String, format = DateTime)]
    off_at: Time,
    /// When it was switched on again; null while it stays off.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    on_at: Option<Time>,
    /// Readings before, oldest first.
    #[schema(min_items = 1, max_items = 20)]
    before: Vec<WalkReading>,
    /// Readings after, oldest first.
    #[schema(min_items = 1, max_items = 20)]
    after: Vec<WalkReading>,
}

/// A walk that was made.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewWalk {
    /// The residual current that was read.
    #[schema(minimum = 1)]
    pub(super) channel_id: i64,
    /// The alarm that it is about.
    #[serde(default)]
    #[schema(minimum = 1)]
    pub(super) alarm_id: Option<i64>,
    /// When it began.
    #[schema(value_type = String, format = DateTime)]
    pub(super) began_at: Time,
    /// When it ended.
    #[schema(value_type = String, format = DateTime)]
    pub(super) ended_at: Time,
    /// Each breaker, in the order in which they were switched off.
    #[schema(min_items = 1, max_items = 60)]
    pub(super) steps: Vec<NewWalkStep>,
}

impl NewWalk {
    /// Refuses what no walk can be.
    pub(super) fn check(&self, now: UnixMs) -> Result<(), Problem> {
        let mut errors = Vec::new();
        let range =
            |field: String, wanted: &str| FieldError::new(field, "out_of_range", format!("wanted {wanted}"));
        let (began, ended) = (self.began_at.0.0, self.ended_at.0.0);
        if ended > now.0 + AHEAD_MS || ended < began || ended - began > LONGEST_MS {
            errors.push(range("ended_at".to_owned(), "the end of at most a day, not in the future"));
        }
        if self.steps.is_empty() || self.steps.len() > MOST_STEPS {
            errors.push(range("steps".to_owned(), "1 to 60 breakers"));
        }
        let mut last = began;
        for (place, step) in self.steps.iter().take(MOST_STEPS).enumerate() {
            check_text(&mut errors, &format!("steps[{place}].breaker"), &step.breaker, 60);
            if step.off_at.0.0 < last || step.off_at.0.0 > ended {
                errors.push(range(
                    format!("steps[{place}].off_at"),
                    "a time in the walk, after the step before",
                ));
            }
            last = last.max(step.off_at.0.0);
            if step.on_at.is_some_and(|on| on.0.0 < step.off_at.0.0) {
                errors.push(range(format!("steps[{place}].on_at"), "a time after it was switched off"));
            }
            for (name, readings) in [("before", &step.before), ("after", &step.after)] {
                let fits = (1..=MOST_READINGS).contains(&readings.len())
                    && readings.iter().all(|seen| (0.0..=MOST_MA).contains(&seen.ma));
                if !fits {
                    errors
                        .push(range(format!("steps[{place}].{name}"), "1 to 20 readings of 0 to 100000 mA"));
                }
            }
        }
        checked(errors)
    }
}

/// What is stored of a walk, version 1.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Body {
    v: u32,
    steps: Vec<Step>,
    conclusion: Conclusion,
}

impl Body {
    /// The steps with what follows from them.
    pub(super) fn of(steps: Vec<NewWalkStep>) -> Self {
        let seen =
            |all: Vec<WalkReading>| all.into_iter().map(|one| Seen { at: one.at.0, ma: one.ma }).collect();
        let steps: Vec<Step> = steps
            .into_iter()
            .map(|step| Step {
                breaker: step.breaker.trim().to_owned(),
                off_at: step.off_at.0,
                on_at: step.on_at.map(|on| on.0),
                before: seen(step.before),
                after: seen(step.after),
            })
            .collect();
        let conclusion = conclude(&steps);
        Self { v: 1, steps, conclusion }
    }
}

/// One breaker of a walk, and what went away with it.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(super) struct WalkStep {
    /// Its number or name.
    #[schema(example = "3")]
    breaker: String,
    /// When it was switched off.
    #[schema(value_type = String, format = DateTime)]
    off_at: Time,
    /// When it was switched on again; null where it stayed off.
    #[schema(value_type = Option<String>, format = DateTime)]
    on_at: Option<Time>,
    /// Readings before, oldest first.
    before: Vec<WalkReading>,
    /// Readings after, oldest first.
    after: Vec<WalkReading>,
    /// Median of the readings before, mA.
    before_ma: f64,
    /// Median of the readings after, mA.
    after_ma: f64,
    /// What went away with it, mA; negative when the current rose.
    drop_ma: f64,
    /// What the readings moved by themselves, mA.
    noise_ma: f64,
    /// The residual current with every breaker on, as this step sees it, mA.
    total_ma: f64,
}

/// A search for the circuit that leaks.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(super) struct Walk {
    /// Its id.
    #[schema(minimum = 1)]
    id: i64,
    /// The detector.
    #[schema(minimum = 1)]
    detector_id: i64,
    /// The residual current that was read.
    #[schema(minimum = 1)]
    channel_id: i64,
    /// The alarm that it is about.
    #[schema(minimum = 1)]
    alarm_id: Option<i64>,
    /// Who.
    actor_name: String,
    /// When it began.
    #[schema(value_type = String, format = DateTime)]
    began_at: Time,
    /// When it ended.
    #[schema(value_type = String, format = DateTime)]
    ended_at: Time,
    /// When it was kept.
    #[schema(value_type = String, format = DateTime)]
    kept_at: Time,
    /// What it shows.
    outcome: WalkOutcome,
    /// Which step fell most, counted from 0; also where that is less than noise.
    #[schema(minimum = 0)]
    largest: Option<usize>,
    /// How far the current moved by itself between the steps, mA.
    drift_ma: f64,
    /// Whether that is more than noise: then the parts are rough.
    drifted: bool,
    /// The version of the rules that concluded this.
    #[schema(minimum = 1)]
    version: u32,
    /// Each breaker, in the order in which they were switched off.
    steps: Vec<WalkStep>,
}

impl Walk {
    /// A kept walk.
    pub(super) fn read(row: WalkRow) -> Result<Self, Problem> {
        let body: Body = serde_json::from_str(&row.body).map_err(|error| {
            Problem::from(StoreError::Corrupt { what: format!("walk {}: {error}", row.id) })
        })?;
        let readings = |all: Vec<Seen>| {
            all.into_iter().map(|seen| WalkReading { at: seen.at.into(), ma: seen.ma }).collect()
        };
        let steps = body
            .steps
            .into_iter()
            .zip(body.conclusion.drops)
            .map(|(step, drop)| WalkStep {
                breaker: step.breaker,
                off_at: step.off_at.into(),
                on_at: step.on_at.map(Into::into),
                before: readings(step.before),
                after: readings(step.after),
                before_ma: drop.before_ma,
                after_ma: drop.after_ma,
                drop_ma: drop.drop_ma,
                noise_ma: drop.noise_ma,
                total_ma: drop.total_ma,
            })
            .collect();
        Ok(Self {
            id: row.id,
            detector_id: row.detector_id.0,
            channel_id: row.channel_id.0,
            alarm_id: row.alarm_id.map(|alarm| alarm.0),
            actor_name: row.actor_name,
            began_at: row.began_at.into(),
            ended_at: row.ended_at.into(),
            kept_at: row.kept_at.into(),
            outcome: body.conclusion.outcome.into(),
            largest: body.conclusion.largest,
            drift_ma: body.conclusion.drift_ma,
            drifted: body.conclusion.drifted,
            version: body.conclusion.version,
            steps,
        })
    }
}
