//! What people do to a command that was asked for: the second person agrees, somebody takes it back.

use axum::Json;
use axum::extract::State;
use domain::access::Permission;
use domain::id::CommandId;

use super::shape::Command;
use crate::access::caller::Caller;
use crate::access::confirm::{Proof, confirm};
use crate::http::extract::{Body, Id};
use crate::http::problem::{Problem, ProblemBody, WriteProblems};
use crate::state::Api;

/// A second person agrees to a switching command, with their own password or one-time code. It must be another one than
/// who asked.
#[utoipa::path(
    post,
    path = "/commands/{id}/approve",
    tag = "commands",
    operation_id = "approve_command",
    params(("id" = i64, Path, description = "The command", minimum = 1)),
    request_body = Proof,
    responses(
        (status = 200, description = "The command", body = Command),
        (status = 429, description = "Too many wrong passwords or codes: `locked_out`",
            body = ProblemBody, content_type = "application/problem+json"),
        WriteProblems
    )
)]
pub(super) async fn approve_command(
    State(api): State<Api>,
    caller: Caller,
    Id(id): Id,
    Body(asked): Body<Proof>,
) -> Result<Json<Command>, Problem> {
    let scope = caller.scope(Permission::CommandApprove)?;
    api.store.commands().get(&scope, CommandId(id)).await?;
    confirm(&api, &caller, &asked).await?;
    let row = api.engine.device_commands().approve(&scope, &caller.actor(), CommandId(id)).await?;
    Ok(Json(row.into()))
}

/// Takes a command back that has not been sent.
#[utoipa::path(
    post,
    path = "/commands/{id}/cancel",
    tag = "commands",
    operation_id = "cancel_command",
    params(("id" = i64, Path, description = "The command", minimum = 1)),
    responses((status = 200, description = "The command", body = Command), WriteProblems)
)]
pub(super) async fn cancel_command(
    State(api): State<Api>,
    caller: Caller,
    Id(id): Id,
) -> Result<Json<Command>, Problem> {
    let row = api.store.commands().get(&caller.scope(Permission::CommandSend)?, CommandId(id)).await?;
    let scope = caller.scope(row.kind.permission())?;
    let row = api.engine.device_commands().cancel(&scope, &caller.actor(), CommandId(id)).await?;
    Ok(Json(row.into()))
}
