//! `GET /settings/{scope}/{id}` and `PUT /settings/{scope}/{id}/{hazard}`: limits with their origin.

use std::collections::HashSet;

use axum::Json;
use axum::extract::{Path, State};
use domain::access::{Permission, Scope};
use domain::hazard::Hazard;
use domain::id::{ChannelId, DetectorId};
use domain::settings::{Effective, LimitPatch, ScopeKind, ScopeRef, Sourced};
use engine::services::HazardSettings as Said;

use super::shape::{
    EffectiveFlag, EffectiveLimits, EffectiveNumber, HazardChange, HazardSettings, OwnLimits, ScopeSettings,
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
    }
}

fn hazard_settings(at: Said) -> HazardSettings {
    HazardSettings {
        hazard: at.defaults.hazard.into(),
        unit: at.defaults.unit.to_owned(),
        applies: at.defaults.applies.iter().map(|quantity| (*quantity).into()).collect(),
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
    Ok(Json(ScopeSettings {
        scope: target.kind.into(),
        name: name_of(&api, &target, view.name),
        version: view.version,
        hazards: view
            .hazards
            .into_iter()
            .filter(|at| hazards.contains(&at.defaults.hazard))
            .map(hazard_settings)
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
    Ok(Json(hazard_settings(at)))
}
