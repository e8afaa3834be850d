//! `POST /alarms/{id}/shelve` and `unshelve`: an alarm that tells nobody for a while, with an end and a reason.

use axum::Json;
use axum::extract::State;
use domain::access::Permission;
use domain::id::AlarmId;
use serde::Deserialize;
use utoipa::ToSchema;

use super::act::LONGEST;
use super::shape::Alarm;
use crate::access::caller::Caller;
use crate::http::extract::{Body, Id, check_text, checked};
use crate::http::problem::{Problem, WriteProblems};
use crate::state::Api;

/// For how long, and why.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Shelf {
    /// For how long, minutes; at most as long as `alarms.shelf_most_h` of the configuration.
    #[schema(minimum = 1, example = 240)]
    minutes: u32,
    /// Why.
    #[schema(min_length = 1, max_length = 2000, example = "探头送检，周四装回")]
    reason: String,
}

/// Puts an alarm on the shelf: nobody is told of it until then, unless it gets worse. If it is there already, the end is
/// the new one.
#[utoipa::path(
    post,
    path = "/alarms/{id}/shelve",
    tag = "alarms",
    operation_id = "shelve_alarm",
    params(("id" = i64, Path, description = "The alarm", minimum = 1)),
    request_body = Shelf,
    responses((status = 200, description = "The alarm", body = Alarm), WriteProblems)
)]
pub(super) async fn shelve_alarm(
    State(api): State<Api>,
    caller: Caller,
    Id(id): Id,
    Body(asked): Body<Shelf>,
) -> Result<Json<Alarm>, Problem> {
    let scope = caller.scope(Permission::AlarmShelve)?;
    let mut errors = Vec::new();
    check_text(&mut errors, "reason", &asked.reason, LONGEST);
    checked(errors)?;
    let for_ms = i64::from(asked.minutes).saturating_mul(60_000);
    let desk = api.engine.alarms();
    let row = desk.shelve(&scope, &caller.actor(), AlarmId(id), for_ms, asked.reason).await?;
    Ok(Json(Alarm::seen(row, api.memory())))
}

/// Brings an alarm back from the shelf; if it is still present it is told again.
#[utoipa::path(
    post,
    path = "/alarms/{id}/unshelve",
    tag = "alarms",
    operation_id = "unshelve_alarm",
    params(("id" = i64, Path, description = "The alarm", minimum = 1)),
    responses((status = 200, description = "The alarm", body = Alarm), WriteProblems)
)]
pub(super) async fn unshelve_alarm(
    State(api): State<Api>,
    caller: Caller,
    Id(id): Id,
) -> Result<Json<Alarm>, Problem> {
    let scope = caller.scope(Permission::AlarmShelve)?;
    let row = api.engine.alarms().unshelve(&scope, &caller.actor(), AlarmId(id)).await?;
    Ok(Json(Alarm::seen(row, api.memory())))
}
