//! `/settings/supervision/{scope}/{id}`: when silence is a fault.

use axum::Json;
use axum::extract::{Path, State};
use domain::access::Permission;
use domain::settings::{ScopeKind, ScopeRef, Sourced};
use engine::services::SupervisionSettings as Said;

use super::limits::name_of;
use super::shape::{
    EffectiveNumber, EffectiveSupervision, OwnSupervision, SupervisionChange, SupervisionSettings,
};
use super::{origin, target};
use crate::access::caller::Caller;
use crate::http::extract::Body;
use crate::http::problem::{ItemProblems, Problem, WriteProblems};
use crate::state::Api;

fn number(value: Sourced<f64>) -> EffectiveNumber {
    EffectiveNumber { value: Some(value.value), origin: origin(value.origin) }
}

fn shown(api: &Api, said: Said) -> SupervisionSettings {
    let interval = said
        .effective
        .interval_s
        .map_or_else(|| EffectiveNumber { value: None, origin: each_profile() }, number);
    SupervisionSettings {
        scope: said.scope.kind.into(),
        name: name_of(api, &said.scope, said.name),
        id: said.scope.id,
        own: OwnSupervision {
            offline_factor: said.own.offline_factor,
            interval_s: said.own.interval_s,
            values_normal_h: said.own.values_normal_h,
        },
        effective: EffectiveSupervision {
            offline_factor: number(said.effective.offline_factor),
            interval_s: interval,
            offline_after_s: said.effective.offline_after_s,
            values_normal_h: number(said.effective.values_normal_h),
        },
        version: said.version,
    }
}

/// Where the interval comes from at a level that stands above several profiles.
fn each_profile() -> super::shape::Origin {
    super::shape::Origin {
        scope: ScopeKind::Profile.into(),
        id: String::new(),
        name: "profile".to_owned(),
        source: None,
    }
}

/// A channel is silent when its detector is: there is nothing to say at its level.
fn speakable(target: ScopeRef) -> Result<ScopeRef, Problem> {
    if target.kind == ScopeKind::Channel { Err(Problem::not_found("level")) } else { Ok(target) }
}

/// When silence is a fault, at one level.
#[utoipa::path(
    get,
    path = "/settings/supervision/{scope}/{id}",
    tag = "settings",
    operation_id = "get_supervision",
    params(
        ("scope" = crate::vocabulary::ScopeKind, Path, description = "The level; not a channel"),
        ("id" = String, Path, description = "Which one of it", min_length = 1, max_length = 100, example = "0"),
    ),
    responses((status = 200, description = "The supervision", body = SupervisionSettings), ItemProblems)
)]
pub(super) async fn get_supervision(
    State(api): State<Api>,
    caller: Caller,
    Path((scope_kind, id)): Path<(String, String)>,
) -> Result<Json<SupervisionSettings>, Problem> {
    let scope = caller.scope(Permission::View)?;
    let target = speakable(target(&scope_kind, id)?)?;
    known_profile(&api, &target)?;
    let said = api.engine.settings().supervision(&scope, &target).await?;
    Ok(Json(shown(&api, said)))
}

/// Says when silence is a fault, at one level. An empty change inherits everything.
#[utoipa::path(
    put,
    path = "/settings/supervision/{scope}/{id}",
    tag = "settings",
    operation_id = "put_supervision",
    params(
        ("scope" = crate::vocabulary::ScopeKind, Path, description = "The level; not a channel"),
        ("id" = String, Path, description = "Which one of it", min_length = 1, max_length = 100, example = "0"),
    ),
    request_body = SupervisionChange,
    responses((status = 200, description = "The supervision", body = SupervisionSettings), WriteProblems)
)]
pub(super) async fn put_supervision(
    State(api): State<Api>,
    caller: Caller,
    Path((scope_kind, id)): Path<(String, String)>,
    Body(change): Body<SupervisionChange>,
) -> Result<Json<SupervisionSettings>, Problem> {
    let scope = caller.scope(Permission::SettingsEdit)?;
    let target = speakable(target(&scope_kind, id)?)?;
    known_profile(&api, &target)?;
    let said = api
        .engine
        .settings()
        .put_supervision(
            &scope,
            &caller.actor(),
            &target,
            store::settings::SupervisionPatch {
                offline_factor: change.offline_factor,
                interval_s: change.interval_s,
                values_normal_h: change.values_normal_h,
            },
            change.version,
        )
        .await?;
    Ok(Json(shown(&api, said)))
}

/// The store takes any text for a profile; here it must be one that is loaded.
fn known_profile(api: &Api, target: &ScopeRef) -> Result<(), Problem> {
    if target.kind == ScopeKind::Profile && api.directory.profile(&target.id).is_none() {
        return Err(Problem::not_found("profile"));
    }
    Ok(())
}
