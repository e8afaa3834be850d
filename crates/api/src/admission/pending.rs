//! `/pending`: terminals that nobody has admitted. They belong to nobody, so a scope of less than everything finds
//! only the one whose serial number it names.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use domain::access::Permission;
use domain::id::TerminalId;
use domain::place::Admission;
use store::terminals::{PendingFilter, TerminalRow};

use super::shape::{PendingQuery, PendingTerminal, RefuseRequest, RestoreRequest};
use crate::access::caller::Caller;
use crate::http::extract::{Body, Filters, Id, check_max, checked};
use crate::http::page::{self, Page};
use crate::http::problem::{ListProblems, Problem, WriteProblems};
use crate::state::Api;

impl From<TerminalRow> for PendingTerminal {
    fn from(row: TerminalRow) -> Self {
        Self {
            id: row.id.0,
            serial: row.serial,
            protocol: row.protocol.into(),
            iccid: row.seen_iccid,
            remote: row.remote,
            first_seen_at: row.first_seen_at.into(),
            last_seen_at: row.last_seen_at.into(),
            attempts: row.attempts,
            signal: row.signal.and_then(|s| u8::try_from(s).ok()),
            firmware: row.firmware,
            hint_profile_id: row.hint_profile_id,
            readings_ignored: row.readings_ignored,
            refused: row.admission == Admission::Refused,
            refused_reason: row.refused_reason,
        }
    }
}

/// Holds a serial number that comes with an act to its length.
pub(super) fn check_serial(serial: Option<&str>) -> Result<(), Problem> {
    let mut errors = Vec::new();
    check_max(&mut errors, "serial", serial.unwrap_or_default(), 100);
    checked(errors)
}

/// Terminals that wait, seen last first.
#[utoipa::path(
    get,
    path = "/pending",
    tag = "admission",
    operation_id = "list_pending",
    params(PendingQuery),
    responses((status = 200, description = "One page", body = Page<PendingTerminal>), ListProblems)
)]
pub(super) async fn list_pending(
    State(api): State<Api>,
    caller: Caller,
    Filters(query): Filters<PendingQuery>,
) -> Result<Json<Page<PendingTerminal>>, Problem> {
    let scope = caller.scope(Permission::DeviceAdmit)?;
    let filter = PendingFilter { refused: query.refused.unwrap_or(false), serial: query.q };
    let page = page::asked(query.limit, query.cursor.as_deref())?;
    let rows = api.store.terminals().pending(&scope, &filter, &page).await?;
    Ok(Json(Page::of(rows, PendingTerminal::from)))
}

/// Refuses a terminal. It stays known, so that its next call is no news.
#[utoipa::path(
    post,
    path = "/pending/{id}/refuse",
    tag = "admission",
    operation_id = "refuse_terminal",
    params(("id" = i64, Path, description = "The terminal", minimum = 1)),
    request_body = RefuseRequest,
    responses((status = 204, description = "Refused"), WriteProblems)
)]
pub(super) async fn refuse_terminal(
    State(api): State<Api>,
    caller: Caller,
    Id(id): Id,
    Body(asked): Body<RefuseRequest>,
) -> Result<StatusCode, Problem> {
    let scope = caller.scope(Permission::DeviceAdmit)?;
    check_serial(asked.serial.as_deref())?;
    let reason = asked.reason.as_deref().map(str::trim).filter(|reason| !reason.is_empty());
    if reason.is_some_and(|reason| reason.chars().count() > 500) {
        return Err(Problem::field("reason", "too_long", "wanted at most 500 characters"));
    }
    api.engine
        .admission()
        .refuse(&scope, &caller.actor(), TerminalId(id), asked.serial.as_deref(), reason)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Lets a refused terminal wait again.
#[utoipa::path(
    post,
    path = "/pending/{id}/restore",
    tag = "admission",
    operation_id = "restore_terminal",
    params(("id" = i64, Path, description = "The terminal", minimum = 1)),
    request_body = RestoreRequest,
    responses((status = 204, description = "It waits again"), WriteProblems)
)]
pub(super) async fn restore_terminal(
    State(api): State<Api>,
    caller: Caller,
    Id(id): Id,
    Body(asked): Body<RestoreRequest>,
) -> Result<StatusCode, Problem> {
    let scope = caller.scope(Permission::DeviceAdmit)?;
    check_serial(asked.serial.as_deref())?;
    api.engine.admission().restore(&scope, &caller.actor(), TerminalId(id), asked.serial.as_deref()).await?;
    Ok(StatusCode::NO_CONTENT)
}
