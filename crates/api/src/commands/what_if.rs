//! `POST /what-if`: limits tried against the past before they are set or sent.

use axum::Json;
use axum::extract::State;
use domain::access::Permission;
use domain::command::what_if::Occurrence as Found;
use domain::hazard::Severity as Level;
use domain::id::{ChannelId, DetectorId};
use domain::settings::defaults_of;
use domain::time::UnixMs;
use engine::services::{WhatIf as Tried, WhatIfOutcome as Done, WhatIfTarget};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::access::caller::Caller;
use crate::http::extract::{Body, checked};
use crate::http::problem::{FieldError, Problem, WriteProblems};
use crate::http::time::Time;
use crate::settings::shape::OwnLimits;
use crate::state::Api;
use crate::vocabulary::{Hazard, Severity};

/// Occurrences that are listed at most; all are counted.
const MOST_LISTED: usize = 200;
/// The longest past, days.
const MOST_DAYS: u32 = 30;

/// What is to be tried.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"detector_id": 1, "hazard": "residual_current", "own": {"alarm": 300}}))]
pub(super) struct NewTrial {
    /// On every channel of this detector that is judged for the hazard; or `channel_id`.
    #[serde(default)]
    #[schema(minimum = 1)]
    detector_id: Option<i64>,
    /// On this channel; or `detector_id`.
    #[serde(default)]
    #[schema(minimum = 1)]
    channel_id: Option<i64>,
    /// Which hazard.
    hazard: Hazard,
    /// The limits over today's; null stays as it is today.
    #[serde(deserialize_with = "crate::http::extract::object")]
    own: OwnLimits,
    /// How far back, days; 30 where nothing is said.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 30)]
    days: Option<u32>,
}

/// Limits that were tried.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(super) struct TriedLimits {
    /// Whether the hazard is judged at all.
    enabled: bool,
    /// Warning level.
    warning: Option<f64>,
    /// Alarm level.
    alarm: Option<f64>,
    /// Delay before it counts, s.
    on_delay_s: f64,
    /// Delay before it counts as returned, s.
    off_delay_s: f64,
    /// How far back the value must come.
    deadband: f64,
}

/// One time that the hazard would have been there.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(super) struct Occurrence {
    /// On which channel.
    #[schema(minimum = 1)]
    channel_id: i64,
    /// The worst it was.
    severity: Severity,
    /// When it began.
    raised_at: Time,
    /// When it ended; null while it is there.
    returned_at: Option<Time>,
    /// How long it was there, s.
    #[schema(minimum = 0)]
    duration_s: f64,
    /// The worst value.
    worst: Option<f64>,
}

/// How one set of limits would have done.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(super) struct WhatIfOutcome {
    /// The limits; of the first channel where they differ.
    limits: TriedLimits,
    /// How many alarms.
    #[schema(minimum = 0)]
    alarms: usize,
    /// How many warnings that did not become alarms.
    #[schema(minimum = 0)]
    warnings: usize,
    /// The longest of them all, s.
    #[schema(minimum = 0)]
    longest_s: f64,
    /// The worst value of them all.
    worst: Option<f64>,
    /// The longest of them, at most 200.
    occurrences: Vec<Occurrence>,
}

/// A trial with what came of it.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(super) struct WhatIf {
    /// Its id; a set-point that follows within the hour names it.
    #[schema(minimum = 1)]
    id: i64,
    /// The detector.
    #[schema(minimum = 1)]
    detector_id: i64,
    /// The one channel, where it was one.
    channel_id: Option<i64>,
    /// The hazard.
    hazard: Hazard,
    /// The unit of its levels; values of an overload are A, its levels % of the rated current.
    #[schema(example = "mA")]
    unit: String,
    /// From when on.
    from: Time,
    /// Until when.
    until: Time,
    /// How many readings were judged.
    #[schema(minimum = 0)]
    readings: usize,
    /// Whether that is every reading of the time; else the older ones were left out.
    complete: bool,
    /// With today's limits.
    today: WhatIfOutcome,
    /// With the candidate's.
    candidate: WhatIfOutcome,
}

fn seconds(ms: i64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "a month of milliseconds is exact")]
    let ms = ms as f64;
    ms / 1000.0
}

fn outcome(done: Done, hazard: domain::hazard::Hazard, until: UnixMs) -> WhatIfOutcome {
    let Done { limits, occurrences } = done;
    let count = |level| occurrences.iter().filter(|one| one.severity == level).count();
    let (alarms, warnings) = (count(Level::Alarm), count(Level::Warning));
    let worst = occurrences
        .iter()
        .filter_map(|one| one.worst)
        .reduce(|a, b| if hazard.is_low() { a.min(b) } else { a.max(b) });
    let mut longest: Vec<&Found> = occurrences.iter().collect();
    longest.sort_by_key(|one| std::cmp::Reverse(one.lasted_ms(until)));
    WhatIfOutcome {
        limits: TriedLimits {
            enabled: limits.enabled,
            warning: limits.warning,
            alarm: limits.alarm,
            on_delay_s: seconds(limits.on_delay_ms),
            off_delay_s: seconds(limits.off_delay_ms),
            deadband: limits.deadband,
        },
        alarms,
        warnings,
        longest_s: longest.first().map_or(0.0, |one| seconds(one.lasted_ms(until))),
        worst,
        occurrences: longest
            .into_iter()
            .take(MOST_LISTED)
            .map(|one| Occurrence {
                channel_id: one.channel.0,
                severity: one.severity.into(),
                raised_at: one.raised_at.into(),
                returned_at: one.returned_at.map(Into::into),
                duration_s: seconds(one.lasted_ms(until)),
                worst: one.worst,
            })
            .collect(),
    }
}

fn shaped(tried: Tried) -> WhatIf {
    let Tried { hazard, until, .. } = tried;
    WhatIf {
        id: tried.id.0,
        detector_id: tried.detector.0,
        channel_id: tried.channel.map(|channel| channel.0),
        hazard: hazard.into(),
        unit: defaults_of(hazard).map_or_else(String::new, |defaults| defaults.unit.to_owned()),
        from: tried.from.into(),
        until: until.into(),
        readings: tried.readings,
        complete: tried.complete,
        today: outcome(tried.today, hazard, until),
        candidate: outcome(tried.candidate, hazard, until),
    }
}

/// Tries limits against the past: how many alarms and warnings there would have been, against how many there are with
/// today's limits. It judges stored readings by the rule that raises alarms; nothing is changed.
#[utoipa::path(
    post,
    path = "/what-if",
    tag = "commands",
    operation_id = "what_if",
    request_body = NewTrial,
    responses((status = 200, description = "What would have been", body = WhatIf), WriteProblems)
)]
pub(super) async fn what_if(
    State(api): State<Api>,
    caller: Caller,
    Body(asked): Body<NewTrial>,
) -> Result<Json<WhatIf>, Problem> {
    let scope = caller.scope(Permission::View)?;
    let mut errors = Vec::new();
    let days = asked.days.unwrap_or(MOST_DAYS);
    if !(1..=MOST_DAYS).contains(&days) {
        errors.push(
            FieldError::new("days", "out_of_range", format!("had {days} days, wanted 1 to {MOST_DAYS}"))
                .with("min", 1)
                .with("max", MOST_DAYS),
        );
    }
    let target = match (asked.detector_id, asked.channel_id) {
        (Some(id), None) => Some(WhatIfTarget::Detector(DetectorId(id))),
        (None, Some(id)) => Some(WhatIfTarget::Channel(ChannelId(id))),
        (Some(_), Some(_)) | (None, None) => {
            errors.push(FieldError::new(
                "detector_id",
                "required",
                "wanted either detector_id or channel_id",
            ));
            None
        }
    };
    checked(errors)?;
    let Some(target) = target else { return Err(Problem::not_found("detector")) };
    let desk = api.engine.device_commands();
    let tried =
        desk.what_if(&scope, &caller.actor(), target, asked.hazard.into(), asked.own.into(), days).await?;
    Ok(Json(shaped(tried)))
}
