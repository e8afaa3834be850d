//! What people decide about incidents: take an alarm out of its incident, join it to another's.

use axum::Json;
use axum::extract::State;
use domain::access::Permission;
use domain::id::AlarmId;
use domain::incident::Decision;
use serde::Deserialize;
use utoipa::ToSchema;

use super::shape::{AlarmIncident, of_alarm};
use crate::access::caller::Caller;
use crate::http::extract::{Body, Id};
use crate::http::problem::{Problem, WriteProblems};
use crate::state::Api;

/// Where an alarm belongs.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Joining {
    /// An alarm; its incident takes the other one in. Where it has none, the two become one.
    #[schema(minimum = 1)]
    with: i64,
}

/// Takes an alarm out of its incident; it stands alone until it is joined to another.
#[utoipa::path(
    post,
    path = "/alarms/{id}/split",
    tag = "alarms",
    operation_id = "split_alarm",
    params(("id" = i64, Path, description = "The alarm", minimum = 1)),
    responses((status = 200, description = "Its incident after it", body = AlarmIncident), WriteProblems)
)]
pub(super) async fn split_alarm(
    State(api): State<Api>,
    caller: Caller,
    Id(id): Id,
) -> Result<Json<AlarmIncident>, Problem> {
    decide(&api, &caller, Decision { alarm: AlarmId(id), with: None }).await
}

/// Joins an alarm to the incident of another.
#[utoipa::path(
    post,
    path = "/alarms/{id}/join",
    tag = "alarms",
    operation_id = "join_alarm",
    params(("id" = i64, Path, description = "The alarm", minimum = 1)),
    request_body = Joining,
    responses((status = 200, description = "Its incident after it", body = AlarmIncident), WriteProblems)
)]
pub(super) async fn join_alarm(
    State(api): State<Api>,
    caller: Caller,
    Id(id): Id,
    Body(asked): Body<Joining>,
) -> Result<Json<AlarmIncident>, Problem> {
    decide(&api, &caller, Decision { alarm: AlarmId(id), with: Some(AlarmId(asked.with)) }).await
}

async fn decide(api: &Api, caller: &Caller, decision: Decision) -> Result<Json<AlarmIncident>, Problem> {
    let scope = caller.scope(Permission::AlarmAcknowledge)?;
    let desk = api.engine.incidents();
    desk.decide(&scope, &caller.actor(), decision).await?;
    Ok(Json(of_alarm(desk.open(&scope).await?, decision.alarm)))
}
