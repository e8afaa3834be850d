//! `/terminals/{id}`: what dials in, and what happened to its line.

use axum::Json;
use axum::extract::State;
use domain::access::{Permission, Scope};
use domain::id::TerminalId;
use store::Page as StorePage;
use store::detectors::DetectorFilter;
use store::terminals::TerminalRow;

use super::shape::{TelegramLevelChange, Terminal, TerminalDetector, TerminalEvent};
use crate::access::caller::Caller;
use crate::http::extract::{Body, Id};
use crate::http::problem::{ItemProblems, Problem, WriteProblems};
use crate::state::Api;

/// How many events of the line are shown.
const EVENTS: u32 = 100;

async fn shape(api: &Api, scope: &Scope, row: TerminalRow) -> Result<Terminal, Problem> {
    let session = api.sessions.info(row.id);
    let filter = DetectorFilter { terminal: Some(row.id), ..DetectorFilter::default() };
    let detectors = api.store.detectors().all(scope, &filter).await?;
    let events = api.store.terminals().events(scope, row.id, &StorePage::first(EVENTS)).await?;
    let seen_iccid = row.seen_iccid.filter(|seen| row.pinned_iccid.as_ref() != Some(seen));
    Ok(Terminal {
        id: row.id.0,
        serial: row.serial,
        protocol: row.protocol.into(),
        admission: row.admission.code().to_owned(),
        telegram_level: row.telegram_level.map(Into::into),
        iccid: row.pinned_iccid,
        seen_iccid,
        signal: row.signal.and_then(|s| u8::try_from(s).ok()),
        firmware: row.firmware,
        connected: session.is_some(),
        connected_at: session.as_ref().map(|s| s.connected_at.into()),
        remote: session.map(|s| s.remote).or(Some(row.remote)).filter(|remote| !remote.is_empty()),
        first_seen_at: row.first_seen_at.into(),
        last_seen_at: row.last_seen_at.into(),
        detectors: detectors
            .into_iter()
            .map(|detector| TerminalDetector {
                id: detector.id.0,
                name: detector.name,
                profile_id: detector.profile_id,
                unit_address: detector.unit_address,
                address: detector.address,
            })
            .collect(),
        events: events
            .items
            .into_iter()
            .map(|event| TerminalEvent {
                id: event.id,
                at: event.at.into(),
                event: event.event,
                detail: event.detail,
                remote: event.remote,
            })
            .collect(),
    })
}

/// One terminal with its detectors and what happened to its line.
#[utoipa::path(
    get,
    path = "/terminals/{id}",
    tag = "admission",
    operation_id = "get_terminal",
    params(("id" = i64, Path, description = "The terminal", minimum = 1)),
    responses((status = 200, description = "The terminal", body = Terminal), ItemProblems)
)]
pub(super) async fn get_terminal(
    State(api): State<Api>,
    caller: Caller,
    Id(id): Id,
) -> Result<Json<Terminal>, Problem> {
    let scope = caller.scope(Permission::View)?;
    let row = api.store.terminals().get(&scope, TerminalId(id)).await?;
    Ok(Json(shape(&api, &scope, row).await?))
}

/// Decides what the telegram log keeps of the terminal, while it runs.
#[utoipa::path(
    put,
    path = "/terminals/{id}/telegram-level",
    tag = "admission",
    operation_id = "set_telegram_level",
    params(("id" = i64, Path, description = "The terminal", minimum = 1)),
    request_body = TelegramLevelChange,
    responses((status = 200, description = "The terminal", body = Terminal), WriteProblems)
)]
pub(super) async fn set_telegram_level(
    State(api): State<Api>,
    caller: Caller,
    Id(id): Id,
    Body(change): Body<TelegramLevelChange>,
) -> Result<Json<Terminal>, Problem> {
    let scope = caller.scope(Permission::DeviceConfigure)?;
    let level = change.level.map(Into::into);
    let admission = api.engine.admission();
    let row = admission.set_telegram_level(&scope, &caller.actor(), TerminalId(id), level).await?;
    Ok(Json(shape(&api, &scope, row).await?))
}

/// Pins the SIM card that the terminal came with last.
#[utoipa::path(
    post,
    path = "/terminals/{id}/accept-iccid",
    tag = "admission",
    operation_id = "accept_iccid",
    params(("id" = i64, Path, description = "The terminal", minimum = 1)),
    responses((status = 200, description = "The terminal", body = Terminal), WriteProblems)
)]
pub(super) async fn accept_iccid(
    State(api): State<Api>,
    caller: Caller,
    Id(id): Id,
) -> Result<Json<Terminal>, Problem> {
    let scope = caller.scope(Permission::DeviceAdmit)?;
    let row = api.engine.admission().accept_iccid(&scope, &caller.actor(), TerminalId(id)).await?;
    Ok(Json(shape(&api, &scope, row).await?))
}
