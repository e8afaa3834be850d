//! What people do about findings: say that one needs nothing, and why; take that back.

use axum::Json;
use axum::extract::State;
use domain::access::Permission;
use serde::Deserialize;
use utoipa::ToSchema;

use super::shape::{Finding, finding};
use crate::access::caller::Caller;
use crate::http::extract::{Body, Id, check_text, checked};
use crate::http::problem::{Problem, WriteProblems};
use crate::state::Api;

/// Why a finding needs nothing.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Dismissal {
    /// The reason.
    #[schema(min_length = 1, max_length = 500, example = "新装空调，属正常增容")]
    reason: String,
}

/// Dismisses a finding, with the reason; it stays in the history.
#[utoipa::path(
    post,
    path = "/findings/{id}/dismiss",
    tag = "diagnosis",
    operation_id = "dismiss_finding",
    params(("id" = i64, Path, description = "The finding", minimum = 1)),
    request_body = Dismissal,
    responses((status = 200, description = "The finding", body = Finding), WriteProblems)
)]
pub(super) async fn dismiss_finding(
    State(api): State<Api>,
    caller: Caller,
    Id(id): Id,
    Body(asked): Body<Dismissal>,
) -> Result<Json<Finding>, Problem> {
    let scope = caller.scope(Permission::AlarmAcknowledge)?;
    let mut errors = Vec::new();
    check_text(&mut errors, "reason", &asked.reason, 500);
    checked(errors)?;
    let row = api.engine.diagnosis().dismiss(&scope, &caller.actor(), id, Some(&asked.reason)).await?;
    Ok(Json(finding(row)?.0))
}

/// Takes a dismissal back.
#[utoipa::path(
    post,
    path = "/findings/{id}/restore",
    tag = "diagnosis",
    operation_id = "restore_finding",
    params(("id" = i64, Path, description = "The finding", minimum = 1)),
    responses((status = 200, description = "The finding", body = Finding), WriteProblems)
)]
pub(super) async fn restore_finding(
    State(api): State<Api>,
    caller: Caller,
    Id(id): Id,
) -> Result<Json<Finding>, Problem> {
    let scope = caller.scope(Permission::AlarmAcknowledge)?;
    let row = api.engine.diagnosis().dismiss(&scope, &caller.actor(), id, None).await?;
    Ok(Json(finding(row)?.0))
}
