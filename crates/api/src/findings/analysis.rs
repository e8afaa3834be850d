//! `GET /detectors/{id}/analysis`: the fits of a circuit, whether or not something was found, and what is lacking.

use axum::Json;
use axum::extract::State;
use domain::access::Permission;
use domain::id::DetectorId;

use super::shape::{AnalysisLack, AnalysisModel, CircuitAnalysis, curves, figures};
use crate::access::caller::Caller;
use crate::http::extract::Id;
use crate::http::problem::{ItemProblems, Problem};
use crate::state::Api;

/// The analysis of the six weeks before the last local midnight.
#[utoipa::path(
    get,
    path = "/detectors/{id}/analysis",
    tag = "diagnosis",
    operation_id = "analyse_detector",
    params(("id" = i64, Path, description = "The detector", minimum = 1)),
    responses((status = 200, description = "The analysis", body = CircuitAnalysis), ItemProblems)
)]
pub(super) async fn analyse_detector(
    State(api): State<Api>,
    caller: Caller,
    Id(id): Id,
) -> Result<Json<CircuitAnalysis>, Problem> {
    let scope = caller.scope(Permission::View)?;
    let report = api.engine.diagnosis().analyse(&scope, DetectorId(id)).await?.report;
    Ok(Json(CircuitAnalysis {
        version: report.version,
        from: report.from.into(),
        until: report.until.into(),
        days: report.days,
        models: report
            .models
            .into_iter()
            .map(|model| AnalysisModel {
                analysis: model.analysis.into(),
                channel: model.about,
                phase: model.phase.map(Into::into),
                figures: figures(model.figures),
                curves: curves(model.curves),
            })
            .collect(),
        lacks: report
            .lacks
            .into_iter()
            .map(|lack| AnalysisLack {
                analysis: lack.analysis.into(),
                reason: lack.reason.into(),
                needs_days: lack.needs_days,
                has_days: lack.has_days,
            })
            .collect(),
    }))
}
