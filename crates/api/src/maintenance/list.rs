//! `GET /maintenance-windows`: what is planned, under way and over.

use axum::Json;
use axum::extract::State;
use domain::access::Permission;
use domain::id::SiteId;
use serde::Deserialize;
use store::maintenance::WindowFilter;
use utoipa::IntoParams;

use super::shape::MaintenanceWindow;
use crate::access::caller::Caller;
use crate::http::extract::Filters;
use crate::http::page::{self, Page};
use crate::http::problem::{ListProblems, Problem};
use crate::state::Api;

/// Which windows.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct WindowQuery {
    /// Only at this site.
    #[param(minimum = 1)]
    site: Option<i64>,
    /// Only those of which something is still to come.
    open: Option<bool>,
    /// Rows on a page.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<u32>,
    /// Where the page begins.
    #[param(max_length = 2000)]
    cursor: Option<String>,
}

/// Maintenance windows, newest first.
#[utoipa::path(
    get,
    path = "/maintenance-windows",
    tag = "alarms",
    operation_id = "list_maintenance_windows",
    params(WindowQuery),
    responses((status = 200, description = "One page", body = Page<MaintenanceWindow>), ListProblems)
)]
pub(super) async fn list_maintenance_windows(
    State(api): State<Api>,
    caller: Caller,
    Filters(query): Filters<WindowQuery>,
) -> Result<Json<Page<MaintenanceWindow>>, Problem> {
    let scope = caller.scope(Permission::View)?;
    let page = page::asked(query.limit, query.cursor.as_deref())?;
    let now = api.now();
    let filter =
        WindowFilter { site: query.site.map(SiteId), open_at: query.open.filter(|open| *open).map(|_| now) };
    let rows = api.store.maintenance().list(&scope, &filter, &page).await?;
    Ok(Json(Page::of(rows, |row| MaintenanceWindow::seen(row, now))))
}
