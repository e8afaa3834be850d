//! `/routes`: which alarms go to which ladder.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use domain::access::Permission;
use domain::id::OrganisationId;
use engine::telling::book::RouteBody;
use store::telling::SetRow;

use domain::id::{LadderId, SiteId};
use domain::place::AreaCode;
use engine::telling::book::BODY_VERSION;

use super::shape::{Route, RouteDraft, RouteMatch};
use crate::access::caller::Caller;
use crate::http::extract::{Body, Id};
use crate::http::page::Page;
use crate::http::problem::{ItemProblems, ListProblems, Problem, WriteProblems};
use crate::state::Api;

fn shown(row: SetRow, body: RouteBody) -> Route {
    Route {
        id: row.id,
        organisation_id: row.organisation_id.map(|id| id.0),
        organisation_name: row.organisation_name,
        name: row.name,
        enabled: row.enabled,
        rank: row.rank,
        takes: RouteMatch {
            hazards: body.hazards.into_iter().map(Into::into).collect(),
            severity: body.severity.into(),
            sites: body.sites.into_iter().map(|id| id.0).collect(),
            of_organisation: body.organisation.map(|id| id.0),
            area_code: body.area.map(|code| code.0),
            hours: body.hours.map(Into::into),
        },
        ladder_id: body.ladder.0,
        version: row.version,
    }
}

fn body_of(draft: RouteDraft) -> Result<RouteBody, Problem> {
    let takes = draft.takes;
    Ok(RouteBody {
        v: BODY_VERSION,
        hazards: takes.hazards.into_iter().map(Into::into).collect(),
        severity: takes.severity.into(),
        sites: takes.sites.into_iter().map(SiteId).collect(),
        organisation: takes.of_organisation.map(OrganisationId),
        area: takes.area_code.map(AreaCode),
        hours: takes.hours.map(Into::into),
        ladder: LadderId(draft.ladder_id),
    })
}

/// All of them that reach no further than your scope.
#[utoipa::path(
    get,
    path = "/routes",
    tag = "telling",
    operation_id = "list_routes",
    responses((status = 200, description = "All of them", body = Page<Route>), ListProblems)
)]
pub(super) async fn list_routes(
    State(api): State<Api>,
    caller: Caller,
) -> Result<Json<Page<Route>>, Problem> {
    let scope = caller.scope(Permission::SettingsEdit)?;
    let rows = api.engine.telling().list::<RouteBody>(&scope).await?;
    Ok(Json(Page::whole(rows.into_iter().map(|(row, body)| shown(row, body)).collect())))
}

/// One of them.
#[utoipa::path(
    get,
    path = "/routes/{id}",
    tag = "telling",
    operation_id = "get_route",
    params(("id" = i64, Path, description = "Which", minimum = 1)),
    responses((status = 200, description = "It", body = Route), ItemProblems)
)]
pub(super) async fn get_route(
    State(api): State<Api>,
    caller: Caller,
    Id(id): Id,
) -> Result<Json<Route>, Problem> {
    let scope = caller.scope(Permission::SettingsEdit)?;
    let (row, body) = api.engine.telling().get::<RouteBody>(&scope, id).await?;
    Ok(Json(shown(row, body)))
}

/// Makes one.
#[utoipa::path(
    post,
    path = "/routes",
    tag = "telling",
    operation_id = "create_route",
    request_body = RouteDraft,
    responses((status = 201, description = "It", body = Route), WriteProblems)
)]
pub(super) async fn create_route(
    State(api): State<Api>,
    caller: Caller,
    Body(draft): Body<RouteDraft>,
) -> Result<(StatusCode, Json<Route>), Problem> {
    let scope = caller.scope(Permission::SettingsEdit)?;
    let said = super::said(&draft.name, draft.enabled, draft.rank)?;
    let organisation = draft.organisation_id.map(OrganisationId);
    let body = body_of(draft)?;
    let made = api.engine.telling().create(&scope, &caller.actor(), organisation, said, body).await;
    let (row, body) = made.map_err(super::refused)?;
    api.changed("telling");
    Ok((StatusCode::CREATED, Json(shown(row, body))))
}

/// Changes one, as a whole.
#[utoipa::path(
    put,
    path = "/routes/{id}",
    tag = "telling",
    operation_id = "put_route",
    params(("id" = i64, Path, description = "Which", minimum = 1)),
    request_body = RouteDraft,
    responses((status = 200, description = "It", body = Route), WriteProblems)
)]
pub(super) async fn put_route(
    State(api): State<Api>,
    caller: Caller,
    Id(id): Id,
    Body(draft): Body<RouteDraft>,
) -> Result<Json<Route>, Problem> {
    let scope = caller.scope(Permission::SettingsEdit)?;
    let said = super::said(&draft.name, draft.enabled, draft.rank)?;
    let version = super::version(draft.version)?;
    let body = body_of(draft)?;
    let changed = api.engine.telling().change(&scope, &caller.actor(), id, said, body, version).await;
    let (row, body) = changed.map_err(super::refused)?;
    api.changed("telling");
    Ok(Json(shown(row, body)))
}

/// Takes one away.
#[utoipa::path(
    delete,
    path = "/routes/{id}",
    tag = "telling",
    operation_id = "delete_route",
    params(("id" = i64, Path, description = "Which", minimum = 1)),
    responses((status = 204, description = "Gone"), WriteProblems)
)]
pub(super) async fn delete_route(
    State(api): State<Api>,
    caller: Caller,
    Id(id): Id,
) -> Result<StatusCode, Problem> {
    let scope = caller.scope(Permission::SettingsEdit)?;
    api.engine.telling().delete::<RouteBody>(&scope, &caller.actor(), id).await?;
    api.changed("telling");
    Ok(StatusCode::NO_CONTENT)
}
