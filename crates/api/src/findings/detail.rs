//! `/findings/{id}`: one finding with its evidence, and the same computed again.

use axum::Json;
use axum::extract::State;
use domain::access::Permission;
use domain::diagnosis::VERSION;

use super::shape::{FindingDetail, FindingReplay, curves, figures, finding};
use crate::access::caller::Caller;
use crate::http::extract::Id;
use crate::http::problem::{ItemProblems, Problem};
use crate::state::Api;

/// A finding with its evidence.
#[utoipa::path(
    get,
    path = "/findings/{id}",
    tag = "diagnosis",
    operation_id = "get_finding",
    params(("id" = i64, Path, description = "The finding", minimum = 1)),
    responses((status = 200, description = "The finding", body = FindingDetail), ItemProblems)
)]
pub(super) async fn get_finding(
    State(api): State<Api>,
    caller: Caller,
    Id(id): Id,
) -> Result<Json<FindingDetail>, Problem> {
    let scope = caller.scope(Permission::View)?;
    let row = api.store.findings().get(&scope, id).await?;
    let steps = api.store.findings().steps(&scope, id).await?;
    let (finding, kept) = finding(row)?;
    Ok(Json(FindingDetail {
        finding,
        evidence: curves(kept.finding.evidence),
        from: kept.reading.from.into(),
        until: kept.reading.until.into(),
        steps: steps.into_iter().map(Into::into).collect(),
    }))
}

/// Computes a finding again from the history that it rests on, as far as that is still kept.
#[utoipa::path(
    get,
    path = "/findings/{id}/replay",
    tag = "diagnosis",
    operation_id = "replay_finding",
    params(("id" = i64, Path, description = "The finding", minimum = 1)),
    responses((status = 200, description = "What came out", body = FindingReplay), ItemProblems)
)]
pub(super) async fn replay_finding(
    State(api): State<Api>,
    caller: Caller,
    Id(id): Id,
) -> Result<Json<FindingReplay>, Problem> {
    let scope = caller.scope(Permission::View)?;
    let done = api.engine.diagnosis().replay(&scope, id).await?;
    Ok(Json(FindingReplay {
        same: done.same,
        kept_version: done.kept_version,
        version: VERSION,
        figures: done.again.map(|again| figures(again.figures)),
    }))
}
