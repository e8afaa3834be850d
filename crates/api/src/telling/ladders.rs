//! `/ladders`: who is told after how long.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use domain::access::Permission;
use domain::id::OrganisationId;
use engine::telling::book::LadderBody;
use store::telling::SetRow;

use domain::id::UserId;
use engine::telling::book::BODY_VERSION;

use super::shape::{LadderDraft, TellingLadder};
use crate::access::caller::Caller;
use crate::http::extract::{Body, Id};
use crate::http::page::Page;
use crate::http::problem::{ItemProblems, ListProblems, Problem, WriteProblems};
use crate::state::Api;

fn shown(row: SetRow, body: LadderBody) -> TellingLadder {
    TellingLadder {
        id: row.id,
        organisation_id: row.organisation_id.map(|id| id.0),
        organisation_name: row.organisation_name,
        name: row.name,
        enabled: row.enabled,
        rank: row.rank,
        steps: body.steps.into_iter().map(Into::into).collect(),
        fallback_account_id: body.fallback.map(|id| id.0),
        version: row.version,
    }
}

fn body_of(draft: LadderDraft) -> Result<LadderBody, Problem> {
    Ok(LadderBody {
        v: BODY_VERSION,
        steps: draft.steps.into_iter().map(Into::into).collect(),
        fallback: draft.fallback_account_id.map(UserId),
    })
}

/// All of them that reach no further than your scope.
#[utoipa::path(
    get,
    path = "/ladders",
    tag = "telling",
    operation_id = "list_ladders",
    responses((status = 200, description = "All of them", body = Page<TellingLadder>), ListProblems)
)]
pub(super) async fn list_ladders(
    State(api): State<Api>,
    caller: Caller,
) -> Result<Json<Page<TellingLadder>>, Problem> {
    let scope = caller.scope(Permission::SettingsEdit)?;
    let rows = api.engine.telling().list::<LadderBody>(&scope).await?;
    Ok(Json(Page::whole(rows.into_iter().map(|(row, body)| shown(row, body)).collect())))
}

/// One of them.
#[utoipa::path(
    get,
    path = "/ladders/{id}",
    tag = "telling",
    operation_id = "get_ladder",
    params(("id" = i64, Path, description = "Which", minimum = 1)),
    responses((status = 200, description = "It", body = TellingLadder), ItemProblems)
)]
pub(super) async fn get_ladder(
    State(api): State<Api>,
    caller: Caller,
    Id(id): Id,
) -> Result<Json<TellingLadder>, Problem> {
    let scope = caller.scope(Permission::SettingsEdit)?;
    let (row, body) = api.engine.telling().get::<LadderBody>(&scope, id).await?;
    Ok(Json(shown(row, body)))
}

/// Makes one.
#[utoipa::path(
    post,
    path = "/ladders",
    tag = "telling",
    operation_id = "create_ladder",
    request_body = LadderDraft,
    responses((status = 201, description = "It", body = TellingLadder), WriteProblems)
)]
pub(super) async fn create_ladder(
    State(api): State<Api>,
    caller: Caller,
    Body(draft): Body<LadderDraft>,
) -> Result<(StatusCode, Json<TellingLadder>), Problem> {
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
    path = "/ladders/{id}",
    tag = "telling",
    operation_id = "put_ladder",
    params(("id" = i64, Path, description = "Which", minimum = 1)),
    request_body = LadderDraft,
    responses((status = 200, description = "It", body = TellingLadder), WriteProblems)
)]
pub(super) async fn put_ladder(
    State(api): State<Api>,
    caller: Caller,
    Id(id): Id,
    Body(draft): Body<LadderDraft>,
) -> Result<Json<TellingLadder>, Problem> {
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
    path = "/ladders/{id}",
    tag = "telling",
    operation_id = "delete_ladder",
    params(("id" = i64, Path, description = "Which", minimum = 1)),
    responses((status = 204, description = "Gone"), WriteProblems)
)]
pub(super) async fn delete_ladder(
    State(api): State<Api>,
    caller: Caller,
    Id(id): Id,
) -> Result<StatusCode, Problem> {
    let scope = caller.scope(Permission::SettingsEdit)?;
    api.engine.telling().delete::<LadderBody>(&scope, &caller.actor(), id).await?;
    api.changed("telling");
    Ok(StatusCode::NO_CONTENT)
}
