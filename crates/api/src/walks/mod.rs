//! `/detectors/{id}/walks`: who looked for the circuit that leaks, breaker by breaker, and what the readings showed. The
//! conclusion is the server's own ([`domain::walk`]); what the screen thought of it is not asked.

mod shape;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use domain::access::Permission;
use domain::id::{AlarmId, ChannelId, DetectorId};
use store::walks::WalkDraft;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use self::shape::{Body as Kept, NewWalk, Walk, WalkQuery};
use crate::access::caller::Caller;
use crate::http::extract::{Body, Filters, Id};
use crate::http::page::{self, Page};
use crate::http::problem::{ItemProblems, Problem, WriteProblems};
use crate::state::Api;

/// The addresses of this subject.
pub(crate) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(list_walks, keep_walk))
}

/// The walks of a detector, newest first.
#[utoipa::path(
    get,
    path = "/detectors/{id}/walks",
    tag = "detectors",
    operation_id = "list_walks",
    params(("id" = i64, Path, description = "The detector", minimum = 1), WalkQuery),
    responses((status = 200, description = "One page", body = Page<Walk>), ItemProblems)
)]
async fn list_walks(
    State(api): State<Api>,
    caller: Caller,
    Id(id): Id,
    Filters(query): Filters<WalkQuery>,
) -> Result<Json<Page<Walk>>, Problem> {
    let scope = caller.scope(Permission::View)?;
    let page = page::asked(query.limit, query.cursor.as_deref())?;
    let alarm = query.alarm.map(AlarmId);
    let rows = api.store.walks().list(&scope, DetectorId(id), alarm, &page).await?;
    let items = rows.items.into_iter().map(Walk::read).collect::<Result<_, _>>()?;
    Ok(Json(Page { items, next_cursor: rows.next_cursor, total: rows.total }))
}

/// Keeps a walk with what follows from its readings. Sent again, it is kept once.
#[utoipa::path(
    post,
    path = "/detectors/{id}/walks",
    tag = "detectors",
    operation_id = "keep_walk",
    params(("id" = i64, Path, description = "The detector", minimum = 1)),
    request_body = NewWalk,
    responses((status = 201, description = "The walk", body = Walk), WriteProblems)
)]
async fn keep_walk(
    State(api): State<Api>,
    caller: Caller,
    Id(id): Id,
    Body(new): Body<NewWalk>,
) -> Result<(StatusCode, Json<Walk>), Problem> {
    let scope = caller.scope(Permission::AlarmComment)?;
    let now = api.now();
    new.check(now)?;
    let draft = WalkDraft {
        channel: ChannelId(new.channel_id),
        alarm: new.alarm_id.map(AlarmId),
        began_at: new.began_at.0,
        ended_at: new.ended_at.0,
        body: serde_json::to_string(&Kept::of(new.steps)).map_err(|error| Problem::internal(&error))?,
    };
    let row = api.store.walks().keep(&scope, &caller.actor(), now, DetectorId(id), &draft).await?;
    Ok((StatusCode::CREATED, Json(Walk::read(row)?)))
}
