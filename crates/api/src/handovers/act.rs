//! `POST /handovers`, `POST /handovers/{id}/take` and `withdraw`: only persons who are signed in hand over and take over.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use domain::access::Permission;
use domain::id::UserId;
use serde::Deserialize;
use store::StoreError;
use store::handovers::HandoverDraft;
use utoipa::ToSchema;

use super::shape::{HandoverDetail, encode};
use super::standing::{standing, successors};
use crate::access::caller::Caller;
use crate::http::extract::{Body, Id, check_text, checked};
use crate::http::problem::{Code, Problem, WriteProblems};
use crate::state::Api;

/// The longest remarks, characters.
const LONGEST: u32 = 4000;

/// A hand-over to be offered.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewHandover {
    /// To whom: somebody who may see and acknowledge all of it. Absent: whoever comes.
    #[serde(default)]
    #[schema(minimum = 1)]
    to: Option<i64>,
    /// What the successor has to know; empty when nothing.
    #[serde(default)]
    #[schema(max_length = 4000, example = "东方商场 3 栋漏电已派电工，等复测")]
    remarks: String,
}

/// What goes with taking over.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Taking {
    /// What is to be said.
    #[serde(default)]
    #[schema(max_length = 4000)]
    remarks: Option<String>,
}

/// What was taken over or taken back by somebody else in between is no mistake of a field.
fn refused(error: StoreError) -> Problem {
    match error {
        StoreError::Invalid { field: "id", code: "over", message } => Problem::new(Code::Conflict, message),
        other => other.into(),
    }
}

fn check(remarks: &str) -> Result<Option<String>, Problem> {
    let text = remarks.trim();
    if text.is_empty() {
        return Ok(None);
    }
    let mut errors = Vec::new();
    check_text(&mut errors, "remarks", text, LONGEST);
    checked(errors)?;
    Ok(Some(text.to_owned()))
}

/// Hands over: freezes what stands, and waits for the successor.
#[utoipa::path(
    post,
    path = "/handovers",
    tag = "alarms",
    operation_id = "offer_handover",
    request_body = NewHandover,
    responses((status = 201, description = "The hand-over", body = HandoverDetail), WriteProblems)
)]
pub(super) async fn offer_handover(
    State(api): State<Api>,
    caller: Caller,
    Body(asked): Body<NewHandover>,
) -> Result<(StatusCode, Json<HandoverDetail>), Problem> {
    let scope = caller.scope(Permission::AlarmAcknowledge)?;
    let own = caller.person()?.account.id;
    let remarks = check(&asked.remarks)?.unwrap_or_default();
    let to = match asked.to {
        None => None,
        Some(id) => {
            let may = successors(&api, &scope, own).await?;
            let found = may.into_iter().find(|person| person.account_id == id);
            let found = found.ok_or_else(|| {
                Problem::field("to", "unknown", "wanted somebody who may acknowledge all that you may")
            })?;
            Some((UserId(id), found.name.unwrap_or_default()))
        }
    };
    let now = api.now();
    let standing = standing(&api, &scope, own, now).await?;
    let draft = HandoverDraft { to, since: standing.since.0, remarks, snapshot: encode(standing)? };
    let row = api.store.handovers().offer(&scope, &caller.actor(), now, own, &draft).await?;
    api.changed("handovers");
    Ok((StatusCode::CREATED, Json(HandoverDetail::seen(row, Some(own))?)))
}

/// Takes over, with one's own sign-in.
#[utoipa::path(
    post,
    path = "/handovers/{id}/take",
    tag = "alarms",
    operation_id = "take_handover",
    params(("id" = i64, Path, description = "The hand-over", minimum = 1)),
    request_body = Taking,
    responses((status = 200, description = "The hand-over", body = HandoverDetail), WriteProblems)
)]
pub(super) async fn take_handover(
    State(api): State<Api>,
    caller: Caller,
    Id(id): Id,
    Body(asked): Body<Taking>,
) -> Result<Json<HandoverDetail>, Problem> {
    let scope = caller.scope(Permission::AlarmAcknowledge)?;
    let own = caller.person()?.account.id;
    let remarks = check(&asked.remarks.unwrap_or_default())?;
    let (actor, now) = (caller.actor(), api.now());
    let row = api
        .store
        .handovers()
        .take(&scope, &actor, now, own, id, remarks.as_deref())
        .await
        .map_err(refused)?;
    api.changed("handovers");
    Ok(Json(HandoverDetail::seen(row, Some(own))?))
}

/// Takes one's own offer back while nobody has taken over.
#[utoipa::path(
    post,
    path = "/handovers/{id}/withdraw",
    tag = "alarms",
    operation_id = "withdraw_handover",
    params(("id" = i64, Path, description = "The hand-over", minimum = 1)),
    responses((status = 200, description = "The hand-over", body = HandoverDetail), WriteProblems)
)]
pub(super) async fn withdraw_handover(
    State(api): State<Api>,
    caller: Caller,
    Id(id): Id,
) -> Result<Json<HandoverDetail>, Problem> {
    let scope = caller.scope(Permission::AlarmAcknowledge)?;
    let own = caller.person()?.account.id;
    let row =
        api.store.handovers().withdraw(&scope, &caller.actor(), api.now(), own, id).await.map_err(refused)?;
    api.changed("handovers");
    Ok(Json(HandoverDetail::seen(row, Some(own))?))
}
