//! `GET /findings`: what was found, over all circuits or of one.

use axum::Json;
use axum::extract::State;
use domain::access::Permission;
use domain::id::{DetectorId, SiteId};
use domain::place::AreaCode;
use serde::Deserialize;
use store::findings::FindingFilter;
use utoipa::IntoParams;

use super::shape::{Finding, finding};
use crate::access::caller::Caller;
use crate::http::extract::{Filters, words};
use crate::http::page::{self, Page};
use crate::http::problem::{ListProblems, Problem};
use crate::state::Api;
use crate::vocabulary::FindingStrength;

/// Which findings.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct FindingQuery {
    /// Any of these kinds, with commas between.
    #[param(max_length = 300, example = "loosening_terminal,ageing_insulation")]
    kind: Option<String>,
    /// Only of this strength.
    #[param(inline)]
    strength: Option<FindingStrength>,
    /// Those that stand, or those that are gone.
    standing: Option<bool>,
    /// Those that somebody dismissed, or the others.
    dismissed: Option<bool>,
    /// Only of this detector.
    #[param(minimum = 1)]
    detector: Option<i64>,
    /// Only of this site.
    #[param(minimum = 1)]
    site: Option<i64>,
    /// An area and all inside it.
    #[param(max_length = 12)]
    area: Option<String>,
    /// Part of the name of the site, detector or circuit.
    #[param(max_length = 100)]
    q: Option<String>,
    /// Rows on a page.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<u32>,
    /// Where the page begins.
    #[param(max_length = 2000)]
    cursor: Option<String>,
}

/// Findings, strong ones first, then the newest.
#[utoipa::path(
    get,
    path = "/findings",
    tag = "diagnosis",
    operation_id = "list_findings",
    params(FindingQuery),
    responses((status = 200, description = "One page", body = Page<Finding>), ListProblems)
)]
pub(super) async fn list_findings(
    State(api): State<Api>,
    caller: Caller,
    Filters(query): Filters<FindingQuery>,
) -> Result<Json<Page<Finding>>, Problem> {
    let scope = caller.scope(Permission::View)?;
    let page = page::asked(query.limit, query.cursor.as_deref())?;
    let filter = FindingFilter {
        kinds: words("kind", query.kind.as_deref(), domain::diagnosis::Kind::from_code)?,
        strength: query.strength.map(Into::into),
        standing: query.standing,
        dismissed: query.dismissed,
        detector: query.detector.map(DetectorId),
        site: query.site.map(SiteId),
        area: query.area.map(AreaCode),
        text: query.q,
    };
    let rows = api.store.findings().list(&scope, &filter, &page).await?;
    let items = rows.items.into_iter().map(|row| finding(row).map(|(finding, _)| finding));
    let items = items.collect::<Result<_, _>>()?;
    Ok(Json(Page { items, next_cursor: rows.next_cursor, total: rows.total }))
}
