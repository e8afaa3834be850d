//! `POST /alarms/{id}/verdict`: what an alarm was in truth.

use axum::Json;
use axum::extract::State;
use domain::access::Permission;
use domain::id::AlarmId;
use serde::Deserialize;
use utoipa::ToSchema;

use super::act::said;
use super::shape::Alarm;
use crate::access::caller::Caller;
use crate::http::extract::{Body, Id};
use crate::http::problem::{Problem, WriteProblems};
use crate::state::Api;
use crate::vocabulary::Verdict;

/// What it was.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Judgement {
    /// What it was.
    verdict: Verdict,
    /// What is to be added.
    #[serde(default)]
    #[schema(max_length = 2000, example = "电焊引起")]
    note: Option<String>,
    /// Whether the alarm is acknowledged with it when nobody has.
    #[serde(default)]
    acknowledge: bool,
}

/// Says what an alarm was in truth, also of a closed one. The last word counts; the rates of false alarms are made of it.
#[utoipa::path(
    post,
    path = "/alarms/{id}/verdict",
    tag = "alarms",
    operation_id = "judge_alarm",
    params(("id" = i64, Path, description = "The alarm", minimum = 1)),
    request_body = Judgement,
    responses((status = 200, description = "The alarm", body = Alarm), WriteProblems)
)]
pub(super) async fn judge_alarm(
    State(api): State<Api>,
    caller: Caller,
    Id(id): Id,
    Body(asked): Body<Judgement>,
) -> Result<Json<Alarm>, Problem> {
    let scope = caller.scope(Permission::AlarmAcknowledge)?;
    let note = said(asked.note)?;
    let (actor, verdict) = (caller.actor(), asked.verdict.into());
    let desk = api.engine.alarms();
    let row = desk.judge(&scope, &actor, AlarmId(id), verdict, note, asked.acknowledge).await?;
    Ok(Json(Alarm::seen(row, api.memory())))
}
