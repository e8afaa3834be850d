//! `GET /handovers` and one of them.

use axum::Json;
use axum::extract::State;
use domain::access::Permission;
use domain::id::UserId;
use serde::Deserialize;
use store::handovers::HandoverFilter;
use utoipa::IntoParams;

use super::shape::{Handover, HandoverDetail, HandoverState, seen};
use crate::access::caller::Caller;
use crate::http::extract::{Filters, Id};
use crate::http::page::{self, Page};
use crate::http::problem::{ItemProblems, ListProblems, Problem};
use crate::http::time::Time;
use crate::state::Api;

/// Which hand-overs.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct HandoverQuery {
    /// In this state.
    #[param(inline)]
    state: Option<HandoverState>,
    /// Offered by, offered to or taken by this account.
    #[param(minimum = 1)]
    person: Option<i64>,
    /// Offered from here on.
    since: Option<Time>,
    /// Offered before this.
    until: Option<Time>,
    /// Rows on a page, 1 to 500.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<u32>,
    /// Where the page begins, from the page before.
    #[param(max_length = 2000)]
    cursor: Option<String>,
}

/// The hand-overs of which you may see everything, newest first.
#[utoipa::path(
    get,
    path = "/handovers",
    tag = "alarms",
    operation_id = "list_handovers",
    params(HandoverQuery),
    responses((status = 200, description = "One page", body = Page<Handover>), ListProblems)
)]
pub(super) async fn list_handovers(
    State(api): State<Api>,
    caller: Caller,
    Filters(query): Filters<HandoverQuery>,
) -> Result<Json<Page<Handover>>, Problem> {
    let scope = caller.scope(Permission::View)?;
    let page = page::asked(query.limit, query.cursor.as_deref())?;
    let filter = HandoverFilter {
        state: query.state.map(Into::into),
        person: query.person.map(UserId),
        since: query.since.map(|at| at.0),
        until: query.until.map(|at| at.0),
    };
    let own = caller.person().ok().map(|account| account.account.id);
    let rows = api.store.handovers().list(&scope, &filter, &page).await?;
    let items = rows.items.into_iter().map(|row| Ok(seen(row, own)?.0)).collect::<Result<_, Problem>>()?;
    Ok(Json(Page { items, next_cursor: rows.next_cursor, total: rows.total }))
}

/// One hand-over with what stood at that time.
#[utoipa::path(
    get,
    path = "/handovers/{id}",
    tag = "alarms",
    operation_id = "get_handover",
    params(("id" = i64, Path, description = "The hand-over", minimum = 1)),
    responses((status = 200, description = "The hand-over", body = HandoverDetail), ItemProblems)
)]
pub(super) async fn get_handover(
    State(api): State<Api>,
    caller: Caller,
    Id(id): Id,
) -> Result<Json<HandoverDetail>, Problem> {
    let scope = caller.scope(Permission::View)?;
    let own = caller.person().ok().map(|account| account.account.id);
    Ok(Json(HandoverDetail::seen(api.store.handovers().get(&scope, id).await?, own)?))
}
