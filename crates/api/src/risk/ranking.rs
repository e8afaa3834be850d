//! `GET /risk` and `GET /risk/areas`: which sites and areas are the worst. Kept scores, seconds to hours old.

use axum::Json;
use axum::extract::State;
use domain::access::Permission;
use domain::id::OrganisationId;
use domain::place::AreaCode;
use domain::risk::area;
use engine::services::KeptRisk;
use serde::{Deserialize, Serialize};
use store::risk::{AreaScoreRow, RankFilter, RankSort};
use utoipa::{IntoParams, ToSchema};

use super::shape::{RankedSite, act, cause, rounded};
use crate::access::caller::Caller;
use crate::http::extract::Filters;
use crate::http::page::{self, Page};
use crate::http::problem::{ListProblems, Problem};
use crate::state::Api;
use crate::vocabulary::RiskGrade;

/// Which sites, in which order.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct RankQuery {
    /// An area and all inside it.
    #[param(max_length = 12)]
    area: Option<String>,
    /// An organisation and all below it.
    #[param(minimum = 1)]
    organisation: Option<i64>,
    /// Only of this grade.
    #[param(inline)]
    grade: Option<RiskGrade>,
    /// Part of the site's name.
    #[param(max_length = 100)]
    q: Option<String>,
    /// `-score` (worst first, the default), `score`, `-change` (most risen within the week first), `change`, `name`.
    #[param(example = "-score")]
    sort: Option<String>,
    /// Rows on a page.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<u32>,
    /// Where the page begins.
    #[param(max_length = 2000)]
    cursor: Option<String>,
}

/// An area with its risk.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(super) struct RankedArea {
    /// The division code.
    #[schema(example = "430203")]
    area_code: String,
    /// Its name.
    #[schema(example = "芦淞区")]
    area_name: String,
    /// The worst of its sites and a bounded share of the others, 0 to 100.
    #[schema(minimum = 0, maximum = 100)]
    score: f64,
    /// How that is called.
    grade: RiskGrade,
    /// The mean of its sites.
    #[schema(minimum = 0, maximum = 100)]
    mean: f64,
    /// The mean less that of a week before, of the sites that had a score then; null where none had.
    change: Option<f64>,
    /// Sites with a score.
    #[schema(minimum = 0)]
    sites: usize,
    /// Of them, grave ones.
    #[schema(minimum = 0)]
    grave: usize,
    /// High ones.
    #[schema(minimum = 0)]
    high: usize,
    /// Moderate ones.
    #[schema(minimum = 0)]
    moderate: usize,
}

/// The areas, worst first.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(super) struct RankedAreas {
    /// The areas.
    items: Vec<RankedArea>,
}

/// The sites by their risk.
#[utoipa::path(
    get,
    path = "/risk",
    tag = "risk",
    operation_id = "rank_sites",
    params(RankQuery),
    responses((status = 200, description = "One page", body = Page<RankedSite>), ListProblems)
)]
pub(super) async fn rank_sites(
    State(api): State<Api>,
    caller: Caller,
    Filters(query): Filters<RankQuery>,
) -> Result<Json<Page<RankedSite>>, Problem> {
    let scope = caller.scope(Permission::View)?;
    let page = page::asked(query.limit, query.cursor.as_deref())?;
    let sort = match query.sort.as_deref() {
        None | Some("-score") => RankSort::ScoreDesc,
        Some("score") => RankSort::ScoreAsc,
        Some("-change") => RankSort::RiseDesc,
        Some("change") => RankSort::RiseAsc,
        Some("name") => RankSort::Name,
        Some(other) => return Err(page::unknown_sort(other, "-score, score, -change, change or name")),
    };
    let weights = api.engine.risk().weights();
    let (from, below) = match query.grade.map(domain::risk::Grade::from) {
        Some(grade) => weights.bounds(grade),
        None => (None, None),
    };
    let filter = RankFilter {
        area: query.area.map(AreaCode),
        organisation: query.organisation.map(OrganisationId),
        text: query.q,
        from,
        below,
    };
    let rows = api.store.risks().ranking(&scope, &filter, sort, &page).await?;
    let items = rows.items.into_iter().map(|row| {
        let kept = KeptRisk::read(&row)?;
        Ok::<_, Problem>(RankedSite {
            site_id: row.site_id.0,
            site_name: row.site_name,
            area_code: row.area_code.0,
            area_name: row.area_name,
            organisation_name: row.organisation_name,
            score: rounded(row.score),
            grade: weights.grade(row.score).into(),
            change: row.before.map(|before| rounded(row.score - before)),
            computed_at: row.computed_at.into(),
            worst_name: kept.worst_name,
            worst_score: rounded(kept.worst_score),
            worst_cause: kept.worst_cause.map(cause),
            act: kept.act.map(act),
        })
    });
    let items = items.collect::<Result<_, _>>()?;
    Ok(Json(Page { items, next_cursor: rows.next_cursor, total: rows.total }))
}

/// The areas by the risk of their sites.
#[utoipa::path(
    get,
    path = "/risk/areas",
    tag = "risk",
    operation_id = "rank_areas",
    responses((status = 200, description = "The areas", body = RankedAreas), ListProblems)
)]
pub(super) async fn rank_areas(State(api): State<Api>, caller: Caller) -> Result<Json<RankedAreas>, Problem> {
    let scope = caller.scope(Permission::View)?;
    let rows = api.store.risks().by_area(&scope).await?;
    // Rows come by area.
    let mut items: Vec<(f64, RankedArea)> = rows
        .chunk_by(|one, other| one.area_code == other.area_code)
        .filter_map(|some| ranked(some, &api))
        .collect();
    items.sort_by(|one, other| other.0.total_cmp(&one.0));
    Ok(Json(RankedAreas { items: items.into_iter().map(|(_, item)| item).collect() }))
}

fn ranked(rows: &[AreaScoreRow], api: &Api) -> Option<(f64, RankedArea)> {
    use domain::risk::Grade;
    let first = rows.first()?;
    let weights = api.engine.risk().weights();
    let scores: Vec<f64> = rows.iter().map(|row| row.score).collect();
    let of = area(&scores, weights);
    let had: Vec<(f64, f64)> = rows.iter().filter_map(|row| Some((row.score, row.before?))).collect();
    let now: Vec<f64> = had.iter().map(|(now, _)| *now).collect();
    let then: Vec<f64> = had.iter().map(|(_, then)| *then).collect();
    let change = (!had.is_empty()).then(|| rounded(area(&now, weights).mean - area(&then, weights).mean));
    let many = |grade: Grade| scores.iter().filter(|score| weights.grade(**score) == grade).count();
    let item = RankedArea {
        area_code: first.area_code.0.clone(),
        area_name: first.area_name.clone(),
        score: rounded(of.score),
        grade: weights.grade(of.score).into(),
        mean: rounded(of.mean),
        change,
        sites: scores.len(),
        grave: many(Grade::Grave),
        high: many(Grade::High),
        moderate: many(Grade::Moderate),
    };
    Some((of.score, item))
}
