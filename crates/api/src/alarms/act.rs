//! What people do about alarms: acknowledge, take back, reset, comment. Every act goes through the pipeline, the one
//! writer of alarms.

use std::collections::HashSet;

use axum::Json;
use axum::extract::State;
use domain::access::Permission;
use domain::id::AlarmId;
use engine::EngineError;
use engine::services::DeviceCommand as Answered;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::shape::Alarm;
use crate::access::caller::Caller;
use crate::http::extract::{Body, Id, check_text, checked};
use crate::http::problem::{Problem, WriteProblems};
use crate::state::Api;

/// The longest comment, characters.
pub(super) const LONGEST: u32 = 2000;
/// The most alarms in one act.
const MOST: usize = 500;

/// What goes with an acknowledgement.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Acknowledgement {
    /// A comment.
    #[serde(default)]
    #[schema(max_length = 2000)]
    comment: Option<String>,
}

/// Many acknowledgements.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ManyAcknowledgements {
    /// The alarms.
    #[schema(min_items = 1, max_items = 500, example = json!([1, 2, 3]))]
    ids: Vec<i64>,
    /// A comment for all of them.
    #[serde(default)]
    #[schema(max_length = 2000)]
    comment: Option<String>,
}

/// An alarm that could not be acknowledged.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(super) struct RefusedAlarm {
    /// The alarm.
    id: i64,
    /// Why: `not_found`, `already_acknowledged`, `closed` ...
    #[schema(example = "already_acknowledged")]
    code: String,
}

/// What became of many acknowledgements.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(super) struct ManyAcknowledged {
    /// Acknowledged.
    done: Vec<i64>,
    /// Not acknowledged, and why.
    refused: Vec<RefusedAlarm>,
}

/// What goes with a reset.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Reset {
    /// A comment.
    #[serde(default)]
    #[schema(max_length = 2000)]
    comment: Option<String>,
    /// Whether the device shall be reset too, where its model knows how.
    #[serde(default)]
    send_to_device: bool,
}

/// What became of the reset at the device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum DeviceCommand {
    /// The device took it.
    Sent,
    /// Its line is not open.
    NotConnected,
    /// Its model does not know how.
    Unsupported,
    /// It refused or did not answer.
    Failed,
}

impl From<Answered> for DeviceCommand {
    fn from(answered: Answered) -> Self {
        match answered {
            Answered::Sent => Self::Sent,
            Answered::NotConnected => Self::NotConnected,
            Answered::Unsupported => Self::Unsupported,
            Answered::Failed => Self::Failed,
        }
    }
}

/// An alarm that was reset.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(super) struct ResetAlarm {
    /// The alarm.
    #[serde(flatten)]
    alarm: Alarm,
    /// What became of the reset at the device; null when it was not asked.
    device_command: Option<DeviceCommand>,
}

/// A comment.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Comment {
    /// What is to be said.
    #[schema(min_length = 1, max_length = 2000, example = "电工已出发")]
    comment: String,
}

/// A comment that may be absent; an empty one is.
pub(super) fn said(comment: Option<String>) -> Result<Option<String>, Problem> {
    let comment = comment.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
    let mut errors = Vec::new();
    if let Some(text) = &comment {
        check_text(&mut errors, "comment", text, LONGEST);
    }
    checked(errors)?;
    Ok(comment)
}

/// Takes an alarm.
#[utoipa::path(
    post,
    path = "/alarms/{id}/acknowledge",
    tag = "alarms",
    operation_id = "acknowledge_alarm",
    params(("id" = i64, Path, description = "The alarm", minimum = 1)),
    request_body = Acknowledgement,
    responses((status = 200, description = "The alarm", body = Alarm), WriteProblems)
)]
pub(super) async fn acknowledge_alarm(
    State(api): State<Api>,
    caller: Caller,
    Id(id): Id,
    Body(asked): Body<Acknowledgement>,
) -> Result<Json<Alarm>, Problem> {
    let scope = caller.scope(Permission::AlarmAcknowledge)?;
    let comment = said(asked.comment)?;
    let row = api.engine.alarms().acknowledge(&scope, &caller.actor(), AlarmId(id), comment).await?;
    Ok(Json(Alarm::seen(row, api.memory())))
}

/// Takes one's own acknowledgement back, within 60 s.
#[utoipa::path(
    post,
    path = "/alarms/{id}/undo-acknowledge",
    tag = "alarms",
    operation_id = "undo_acknowledge",
    params(("id" = i64, Path, description = "The alarm", minimum = 1)),
    responses((status = 200, description = "The alarm", body = Alarm), WriteProblems)
)]
pub(super) async fn undo_acknowledge(
    State(api): State<Api>,
    caller: Caller,
    Id(id): Id,
) -> Result<Json<Alarm>, Problem> {
    let scope = caller.scope(Permission::AlarmAcknowledge)?;
    let row = api.engine.alarms().undo_acknowledge(&scope, &caller.actor(), AlarmId(id)).await?;
    Ok(Json(Alarm::seen(row, api.memory())))
}

/// Resets an alarm that is held, and the device too where that is asked for.
#[utoipa::path(
    post,
    path = "/alarms/{id}/reset",
    tag = "alarms",
    operation_id = "reset_alarm",
    params(("id" = i64, Path, description = "The alarm", minimum = 1)),
    request_body = Reset,
    responses((status = 200, description = "The alarm", body = ResetAlarm), WriteProblems)
)]
pub(super) async fn reset_alarm(
    State(api): State<Api>,
    caller: Caller,
    Id(id): Id,
    Body(asked): Body<Reset>,
) -> Result<Json<ResetAlarm>, Problem> {
    let scope = caller.scope(Permission::AlarmReset)?;
    let comment = said(asked.comment)?;
    let desk = api.engine.alarms();
    let done = desk.reset(&scope, &caller.actor(), AlarmId(id), comment, asked.send_to_device).await?;
    let alarm = Alarm::seen(done.alarm, api.memory());
    Ok(Json(ResetAlarm { alarm, device_command: done.device_command.map(Into::into) }))
}

/// Says something about an alarm, also about a closed one.
#[utoipa::path(
    post,
    path = "/alarms/{id}/comment",
    tag = "alarms",
    operation_id = "comment_alarm",
    params(("id" = i64, Path, description = "The alarm", minimum = 1)),
    request_body = Comment,
    responses((status = 200, description = "The alarm", body = Alarm), WriteProblems)
)]
pub(super) async fn comment_alarm(
    State(api): State<Api>,
    caller: Caller,
    Id(id): Id,
    Body(asked): Body<Comment>,
) -> Result<Json<Alarm>, Problem> {
    let scope = caller.scope(Permission::AlarmComment)?;
    let mut errors = Vec::new();
    check_text(&mut errors, "comment", &asked.comment, LONGEST);
    checked(errors)?;
    let comment = asked.comment.trim().to_owned();
    let row = api.engine.alarms().comment(&scope, &caller.actor(), AlarmId(id), comment).await?;
    Ok(Json(Alarm::seen(row, api.memory())))
}

/// Takes many alarms at once. Those that cannot be taken are named, the others are taken.
#[utoipa::path(
    post,
    path = "/alarms/acknowledge",
    tag = "alarms",
    operation_id = "acknowledge_alarms",
    request_body = ManyAcknowledgements,
    responses((status = 200, description = "What became of each", body = ManyAcknowledged), WriteProblems)
)]
pub(super) async fn acknowledge_alarms(
    State(api): State<Api>,
    caller: Caller,
    Body(asked): Body<ManyAcknowledgements>,
) -> Result<Json<ManyAcknowledged>, Problem> {
    let scope = caller.scope(Permission::AlarmAcknowledge)?;
    if asked.ids.is_empty() || asked.ids.len() > MOST {
        return Err(Problem::field(
            "ids",
            "out_of_range",
            format!("had {} ids, wanted 1 to {MOST}", asked.ids.len()),
        ));
    }
    let mut seen = HashSet::new();
    let ids: Vec<AlarmId> = asked.ids.into_iter().filter(|id| seen.insert(*id)).map(AlarmId).collect();
    let comment = said(asked.comment)?;
    let done = api.engine.alarms().acknowledge_many(&scope, &caller.actor(), &ids, comment).await?;
    let mut refused = Vec::with_capacity(done.refused.len());
    for (id, error) in done.refused {
        let code = match error {
            EngineError::Refused(refusal) => refusal.code().to_owned(),
            other => Problem::from(other).code.word().to_owned(),
        };
        refused.push(RefusedAlarm { id: id.0, code });
    }
    Ok(Json(ManyAcknowledged { done: done.done.into_iter().map(|id| id.0).collect(), refused }))
}
