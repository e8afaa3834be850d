//! `POST /maintenance-windows`, `PUT /maintenance-windows/{id}` and `POST /maintenance-windows/{id}/end`. What a window
//! covers is never changed; what its times and reason were before stands in the audit log.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use domain::access::Permission;
use domain::id::WindowId;

use super::shape::{MaintenanceWindow, MaintenanceWindowChange, MaintenanceWindowDraft};
use crate::access::caller::Caller;
use crate::http::extract::{Body, Id, check_text, checked};
use crate::http::problem::{Problem, WriteProblems};
use crate::state::Api;

/// The longest reason, characters.
const LONGEST: u32 = 2000;

/// Makes a window. Readings and alarms in it are kept as ever; alarms are told to nobody until it is over.
#[utoipa::path(
    post,
    path = "/maintenance-windows",
    tag = "alarms",
    operation_id = "create_maintenance_window",
    request_body = MaintenanceWindowDraft,
    responses((status = 201, description = "The window", body = MaintenanceWindow), WriteProblems)
)]
pub(super) async fn create_maintenance_window(
    State(api): State<Api>,
    caller: Caller,
    Body(draft): Body<MaintenanceWindowDraft>,
) -> Result<(StatusCode, Json<MaintenanceWindow>), Problem> {
    let scope = caller.scope(Permission::AlarmSuppress)?;
    let mut errors = Vec::new();
    check_text(&mut errors, "reason", &draft.reason, LONGEST);
    checked(errors)?;
    let row = api.engine.maintenance().create(&scope, &caller.actor(), &draft.read()?).await?;
    api.changed("maintenance");
    Ok((StatusCode::CREATED, Json(MaintenanceWindow::seen(row, api.now()))))
}

/// Changes a window that is not over. Alarms that it covers no longer and that are still there are told.
#[utoipa::path(
    put,
    path = "/maintenance-windows/{id}",
    tag = "alarms",
    operation_id = "change_maintenance_window",
    params(("id" = i64, Path, description = "The window", minimum = 1)),
    request_body = MaintenanceWindowChange,
    responses((status = 200, description = "The window", body = MaintenanceWindow), WriteProblems)
)]
pub(super) async fn change_maintenance_window(
    State(api): State<Api>,
    caller: Caller,
    Id(id): Id,
    Body(change): Body<MaintenanceWindowChange>,
) -> Result<Json<MaintenanceWindow>, Problem> {
    let scope = caller.scope(Permission::AlarmSuppress)?;
    let mut errors = Vec::new();
    check_text(&mut errors, "reason", &change.reason, LONGEST);
    checked(errors)?;
    let (actor, change) = (caller.actor(), change.into());
    let row = api.engine.maintenance().change(&scope, &actor, WindowId(id), &change).await?;
    api.changed("maintenance");
    Ok(Json(MaintenanceWindow::seen(row, api.now())))
}

/// Ends a window now. Alarms that it covered and that are still there are told.
#[utoipa::path(
    post,
    path = "/maintenance-windows/{id}/end",
    tag = "alarms",
    operation_id = "end_maintenance_window",
    params(("id" = i64, Path, description = "The window", minimum = 1)),
    responses((status = 200, description = "The window", body = MaintenanceWindow), WriteProblems)
)]
pub(super) async fn end_maintenance_window(
    State(api): State<Api>,
    caller: Caller,
    Id(id): Id,
) -> Result<Json<MaintenanceWindow>, Problem> {
    let scope = caller.scope(Permission::AlarmSuppress)?;
    let row = api.engine.maintenance().end(&scope, &caller.actor(), WindowId(id)).await?;
    api.changed("maintenance");
    Ok(Json(MaintenanceWindow::seen(row, api.now())))
}
