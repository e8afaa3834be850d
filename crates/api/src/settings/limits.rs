//! `GET /settings/{scope}/{id}` and `PUT /settings/{scope}/{id}/{hazard}`: limits with their origin.

use std::collections::HashSet;

use axum::Json;
use axum::extract::{Path, State};
use domain::access::{Permission, Scope};
use domain::hazard::Hazard;
use domain::id::{ChannelId, DetectorId};
use domain::settings::{Effective, LimitPatch, ScopeKind, ScopeRef, Sourced, rule_sets_of};
use domain::time::UnixMs;
use engine::services::HazardSettings as Said;

use super::shape::{
    EffectiveFlag, EffectiveLimits, EffectiveNumber, HazardChange, HazardSettings, OwnLimits, RuleSet,
    ScopeSettings,
};
use super::{origin, target};
use crate::access::caller::Caller;
use crate::http::extract::Body;
use crate::http::problem::{ItemProblems, Problem, WriteProblems};
use crate::state::Api;

impl From<OwnLimits> for LimitPatch {
    fn from(own: OwnLimits) -> Self {
        Self {
            enabled: own.enabled,
            warning: own.warning,
            alarm: own.alarm,
            on_delay_s: own.on_delay_s,
            off_delay_s: own.off_delay_s,
            deadband: own.deadband,
            latching: own.latching,
            warning_percent: own.warning_percent,
            minimum: own.minimum,
            cap: own.cap,
            night_from_h: own.night_from_h,
            night_to_h: own.night_to_h,
            night_weekend: own.night_weekend,
            night_warning: own.night_warning,
            night_alarm: own.night_alarm,
        }
    }
}

impl From<LimitPatch> for OwnLimits {
    fn from(patch: LimitPatch) -> Self {
        Self {
            enabled: patch.enabled,
            warning: patch.warning,
            alarm: patch.alarm,
            on_delay_s: patch.on_delay_s,
            off_delay_s: patch.off_delay_s,
            deadband: patch.deadband,
            latching: patch.latching,
            warning_percent: patch.warning_percent,
            minimum: patch.minimum,
            cap: patch.cap,
            night_from_h: patch.night_from_h,
            night_to_h: patch.night_to_h,
            night_weekend: patch.night_weekend,
            night_warning: patch.night_warning,
            night_alarm: patch.night_alarm,
        }
    }
}

fn number(value: Sourced<f64>) -> EffectiveNumber {
    EffectiveNumber { value: Some(value.value), origin: origin(value.origin) }
}

fn flag(value: Sourced<bool>) -> EffectiveFlag {
    EffectiveFlag { value: value.value, origin: origin(value.origin) }
}

fn effective_of(effective: Effective) -> EffectiveLimits {
    // A level that nobody has set is the platform's way of saying that there is none.
    let level = |value: Option<Sourced<f64>>| match value {
        Some(value) => number(value),
        None => EffectiveNumber {
            value: None,
            origin: super::shape::Origin {
                scope: ScopeKind::Platform.into(),
                id: "0".to_owned(),
                name: "platform".to_owned(),
                source: None,
            },
        },
    };
    EffectiveLimits {
        enabled: flag(effective.enabled),
        warning: level(effective.warning),
        alarm: level(effective.alarm),
        on_delay_s: number(effective.on_delay_s),
        off_delay_s: number(effective.off_delay_s),
        deadband: number(effective.deadband),
        latching: flag(effective.latching),
        warning_percent: effective.warning_percent.map(number),
        minimum: effective.minimum.map(number),
        cap: effective.cap.map(number),
        night_from_h: effective.night_from_h.map(number),
        night_to_h: effective.night_to_h.map(number),
        night_weekend: effective.night_weekend.map(flag),
        night_warning: effective.night_warning.map(number),
        night_alarm: effective.night_alarm.map(number),
    }
}

fn rule_set(set: &domain::settings::RuleSet, today: &str) -> RuleSet {
    RuleSet {
        standard: set.standard.to_owned(),
        edition: set.edition.to_owned(),
        title: set.title.to_owned(),
        valid_from: set.valid_from.map(str::to_owned),
        valid_to: set.valid_to.map(str::to_owned),
        standing: set.standing.into(),
        in_force: set.holds(today),
    }
}

/// The day by UTC, `YYYY-MM-DD`.
fn day(now: UnixMs) -> String {
    jiff::Timestamp::from_millisecond(now.0).map(|at| at.strftime("%Y-%m-%d").to_string()).unwrap_or_default()
}

fn hazard_settings(at: Said, today: &str) -> HazardSettings {
    HazardSettings {
        hazard: at.defaults.hazard.into(),
        unit: at.defaults.unit.to_owned(),
        applies: at.defaults.applies.iter().map(|quantity| (*quantity).into()).collect(),
        minimum_unit: at.defaults.minimum.map(|condition| condition.unit.to_owned()),
        cap_unit: at.defaults.cap.map(|condition| condition.unit.to_owned()),
        is_low: at.defaults.hazard.is_low(),
        rule_sets: rule_sets_of(at.defaults.hazard).map(|set| rule_set(set, today)).collect(),
        own: at.own.into(),
        effective: effective_of(at.effective),
        version: at.version,
    }
}

/// The hazards that have limits at a level: of a channel, detector or model only what it measures.
async fn hazards_at(api: &Api, scope: &Scope, target: &ScopeRef) -> Result<Vec<Hazard>, Problem> {
    let quantities: HashSet<_> = match target.kind {
        ScopeKind::Platform | ScopeKind::Organisation | ScopeKind::Site => {
            return Ok(Hazard::MEASURED.to_vec());
        }
        ScopeKind::Profile => {
            let profile = api.directory.profile(&target.id).ok_or_else(|| Problem::not_found("profile"))?;
            profile.points.iter().map(|point| point.quantity).collect()
        }
        ScopeKind::Detector => {
            let id = target.id.parse().map_err(|_ill| Problem::not_found("detector"))?;
            let channels = api.store.detectors().channels(scope, DetectorId(id)).await?;
            channels.into_iter().map(|channel| channel.quantity).collect()
        }
        ScopeKind::Channel => {
            let id = target.id.parse().map_err(|_ill| Problem::not_found("channel"))?;
            let (channel, _) = api.store.detectors().channel(scope, ChannelId(id)).await?;
            std::iter::once(channel.quantity).collect()
        }
    };
    let applies =
        |hazard: &Hazard| quantities.iter().any(|quantity| Hazard::of_quantity(*quantity).contains(hazard));
    Ok(Hazard::MEASURED.into_iter().filter(applies).collect())
}

/// The name of a level: the platform has none of its own, a profile's is in its file.
pub(super) fn name_of(api: &Api, target: &ScopeRef, said: String) -> String {
    match target.kind {
        ScopeKind::Platform => "platform".to_owned(),
        ScopeKind::Profile => api.directory.profile(&target.id).map_or(said, |profile| profile.name.clone()),
        ScopeKind::Organisation | ScopeKind::Site | ScopeKind::Detector | ScopeKind::Channel => said,
    }
}

/// The limits at one level, with where each comes from.
#[utoipa::path(
    get,
    path = "/settings/{scope}/{id}",
    tag = "settings",
    operation_id = "get_settings",
    params(
        ("scope" = crate::vocabulary::ScopeKind, Path, description = "The level"),
        ("id" = String, Path, description = "Which one of it; 0 for the platform, the file's name for a profile", min_length = 1, max_length = 100, example = "0"),
    ),
    responses((status = 200, description = "The limits", body = ScopeSettings), ItemProblems)
)]
pub(super) async fn get_settings(
    State(api): State<Api>,
    caller: Caller,
    Path((scope_kind, id)): Path<(String, String)>,
) -> Result<Json<ScopeSettings>, Problem> {
    let scope = caller.scope(Permission::View)?;
    let target = target(&scope_kind, id)?;
    let hazards = hazards_at(&api, &scope, &target).await?;
    let view = api.engine.settings().limits(&scope, &target).await?;
    let today = day(api.engine.now());
    Ok(Json(ScopeSettings {
        scope: target.kind.into(),
        name: name_of(&api, &target, view.name),
        version: view.version,
        hazards: view
            .hazards
            .into_iter()
            .filter(|at| hazards.contains(&at.defaults.hazard))
            .map(|at| hazard_settings(at, &today))
            .collect(),
        id: target.id,
    }))
}

/// Says what one level says about one hazard. An empty `own` inherits everything.
#[utoipa::path(
    put,
    path = "/settings/{scope}/{id}/{hazard}",
    tag = "settings",
    operation_id = "put_limits",
    params(
        ("scope" = crate::vocabulary::ScopeKind, Path, description = "The level"),
        ("id" = String, Path, description = "Which one of it", min_length = 1, max_length = 100, example = "0"),
        ("hazard" = crate::vocabulary::Hazard, Path, description = "A hazard that has limits"),
    ),
    request_body = HazardChange,
    responses((status = 200, description = "The hazard's limits", body = HazardSettings), WriteProblems)
)]
pub(super) async fn put_limits(
    State(api): State<Api>,
    caller: Caller,
    Path((scope_kind, id, hazard)): Path<(String, String, String)>,
    Body(change): Body<HazardChange>,
) -> Result<Json<HazardSettings>, Problem> {
    let scope = caller.scope(Permission::SettingsEdit)?;
    let target = target(&scope_kind, id)?;
    let hazard = Hazard::from_code(&hazard).ok_or_else(|| Problem::not_found("hazard"))?;
    if !hazards_at(&api, &scope, &target).await?.contains(&hazard) {
        return Err(Problem::not_found("hazard"));
    }
    let desk = api.engine.settings();
    let at =
        desk.put_limits(&scope, &caller.actor(), &target, hazard, change.own.into(), change.version).await?;
    Ok(Json(hazard_settings(at, &day(api.engine.now()))))
}
