//! `/detectors`: the list, one detector with its newest values, and its changes.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use domain::access::Permission;
use domain::id::{CircuitId, DetectorId, SiteId};
use store::detectors::{DetectorFilter, DetectorPatch as StorePatch, DetectorRow, DetectorSort};

use super::channel::channels_of;
use super::shape::{
    Detector, DetectorDetail, DetectorPatch, DetectorProfile, DetectorQuery, DetectorSupervision,
    DetectorTerminal,
};
use crate::access::caller::Caller;
use crate::http::extract::{Body, Filters, Id, check_text, checked, words};
use crate::http::page::{self, Page};
use crate::http::problem::{ItemProblems, ListProblems, Problem, WriteProblems};
use crate::state::Api;

/// A detector as the store and the pipeline know it together.
pub(super) fn shape(api: &Api, row: DetectorRow) -> Detector {
    let known = api.memory().detector(row.id);
    let profile = api.directory.profile(&row.profile_id);
    let heard = known.as_ref().and_then(|d| d.state.last_heard()).or(row.last_heard_at);
    Detector {
        id: row.id.0,
        name: row.name,
        serial: row.serial,
        terminal_id: row.terminal_id.0,
        unit_address: row.unit_address,
        address: row.address,
        profile_name: profile.as_ref().map_or_else(|| row.profile_id.clone(), |p| p.name.clone()),
        profile_id: row.profile_id,
        site_id: row.site_id.0,
        site_name: row.site_name,
        circuit_id: row.circuit_id.map(|id| id.0),
        circuit_name: row.circuit_name,
        status: known.as_ref().map_or(row.status, |d| d.status).into(),
        last_heard_at: heard.map(Into::into),
        signal: row.signal.and_then(|s| u8::try_from(s).ok()),
        verified: profile.is_some_and(|p| p.verified),
        version: row.version,
    }
}

/// Detectors, page by page.
#[utoipa::path(
    get,
    path = "/detectors",
    tag = "detectors",
    operation_id = "list_detectors",
    params(DetectorQuery),
    responses((status = 200, description = "One page", body = Page<Detector>), ListProblems)
)]
pub(super) async fn list_detectors(
    State(api): State<Api>,
    caller: Caller,
    Filters(query): Filters<DetectorQuery>,
) -> Result<Json<Page<Detector>>, Problem> {
    let scope = caller.scope(Permission::View)?;
    let filter = DetectorFilter {
        text: query.q,
        site: query.site.map(SiteId),
        circuit: None,
        profile: query.profile,
        terminal: None,
        statuses: words("status", query.status.as_deref(), domain::status::Status::from_code)?,
        silent_since: None,
    };
    let sort = match query.sort.as_deref() {
        None | Some("-status") => DetectorSort::StatusDesc,
        Some("name") => DetectorSort::Name,
        Some("-name") => DetectorSort::NameDesc,
        Some("last_heard_at") => DetectorSort::LastHeard,
        Some("-last_heard_at") => DetectorSort::LastHeardDesc,
        Some(other) => {
            return Err(page::unknown_sort(other, "-status, name, -name, last_heard_at or -last_heard_at"));
        }
    };
    let page = page::asked(query.limit, query.cursor.as_deref())?;
    let rows = api.store.detectors().list(&scope, &filter, sort, &page).await?;
    Ok(Json(Page::of(rows, |row| shape(&api, row))))
}

/// One detector with its newest values.
#[utoipa::path(
    get,
    path = "/detectors/{id}",
    tag = "detectors",
    operation_id = "get_detector",
    params(("id" = i64, Path, description = "The detector", minimum = 1)),
    responses((status = 200, description = "The detector", body = DetectorDetail), ItemProblems)
)]
pub(super) async fn get_detector(
    State(api): State<Api>,
    caller: Caller,
    Id(id): Id,
) -> Result<Json<DetectorDetail>, Problem> {
    let scope = caller.scope(Permission::View)?;
    let row = api.store.detectors().get(&scope, DetectorId(id)).await?;
    let channels = api.store.detectors().channels(&scope, row.id).await?;
    let terminal = api.store.terminals().get(&scope, row.terminal_id).await?;
    let session = api.sessions.info(row.terminal_id);
    let known = api.memory().detector(row.id);
    let profile = api.directory.profile(&row.profile_id);
    let heard = known.as_ref().and_then(|d| d.state.last_heard()).unwrap_or(terminal.last_seen_at);
    let terminal = DetectorTerminal {
        id: terminal.id.0,
        serial: terminal.serial,
        protocol: terminal.protocol.into(),
        iccid: terminal.pinned_iccid,
        signal: terminal.signal.and_then(|s| u8::try_from(s).ok()),
        firmware: terminal.firmware,
        connected: session.is_some(),
        connected_at: session.as_ref().map(|s| s.connected_at.into()),
        remote: session.map(|s| s.remote).or(Some(terminal.remote)).filter(|remote| !remote.is_empty()),
        last_heard_at: Some(heard.into()),
    };
    let profile_id = row.profile_id.clone();
    let profile = DetectorProfile {
        name: profile.as_ref().map_or_else(|| profile_id.clone(), |p| p.name.clone()),
        verified: profile.as_ref().is_some_and(|p| p.verified),
        source: profile.as_ref().map(|p| p.source.clone()).unwrap_or_default(),
        id: profile_id,
    };
    let interval_s = api.directory.profile(&row.profile_id).map_or(0, |p| i64::from(p.interval_s));
    let supervision = DetectorSupervision {
        interval_s,
        offline_after_s: known.as_ref().map_or(0, |d| d.binding.supervision.offline_after_ms / 1000),
    };
    let channels = channels_of(known.as_deref(), channels, api.now());
    Ok(Json(DetectorDetail { detector: shape(&api, row), terminal, profile, channels, supervision }))
}

/// Changes a detector: its name, or the circuit it watches.
#[utoipa::path(
    patch,
    path = "/detectors/{id}",
    tag = "detectors",
    operation_id = "change_detector",
    params(("id" = i64, Path, description = "The detector", minimum = 1)),
    request_body = DetectorPatch,
    responses((status = 200, description = "The detector", body = Detector), WriteProblems)
)]
pub(super) async fn change_detector(
    State(api): State<Api>,
    caller: Caller,
    Id(id): Id,
    Body(patch): Body<DetectorPatch>,
) -> Result<Json<Detector>, Problem> {
    let scope = caller.scope(Permission::DeviceConfigure)?;
    let mut errors = Vec::new();
    if let Some(name) = &patch.name {
        check_text(&mut errors, "name", name, 120);
    }
    checked(errors)?;
    let patch = StorePatch {
        name: patch.name,
        circuit: patch.circuit_id.map(|circuit| circuit.map(CircuitId)),
        version: patch.version,
    };
    let row = api.engine.places().change_detector(&scope, &caller.actor(), DetectorId(id), &patch).await?;
    Ok(Json(shape(&api, row)))
}

/// Takes a detector away. Its open alarms close; its history stays.
#[utoipa::path(
    delete,
    path = "/detectors/{id}",
    tag = "detectors",
    operation_id = "delete_detector",
    params(("id" = i64, Path, description = "The detector", minimum = 1)),
    responses((status = 204, description = "Gone"), WriteProblems)
)]
pub(super) async fn delete_detector(
    State(api): State<Api>,
    caller: Caller,
    Id(id): Id,
) -> Result<StatusCode, Problem> {
    let scope = caller.scope(Permission::DeviceConfigure)?;
    api.engine.places().delete_detector(&scope, &caller.actor(), DetectorId(id)).await?;
    Ok(StatusCode::NO_CONTENT)
}
