//! The risk of a site, a circuit, or the circuit of a detector, computed now.

use axum::Json;
use axum::extract::State;
use domain::access::Permission;
use domain::id::{CircuitId, DetectorId, SiteId};
use store::risk::week_before;

use super::shape::{CircuitRisk, RiskDay, SiteRisk, act, circuit, rounded};
use crate::access::caller::Caller;
use crate::http::extract::Id;
use crate::http::problem::{ItemProblems, Problem};
use crate::state::Api;

/// How many acts of a site are told.
const MOST_ACTS: usize = 20;
/// How many days of its score.
const DAYS: u32 = 90;

/// The risk of a site, what it is made of, and what lowers it.
#[utoipa::path(
    get,
    path = "/sites/{id}/risk",
    tag = "risk",
    operation_id = "get_site_risk",
    params(("id" = i64, Path, description = "The site", minimum = 1)),
    responses((status = 200, description = "The risk", body = SiteRisk), ItemProblems)
)]
pub(super) async fn get_site_risk(
    State(api): State<Api>,
    caller: Caller,
    Id(id): Id,
) -> Result<Json<SiteRisk>, Problem> {
    let scope = caller.scope(Permission::View)?;
    let desk = api.engine.risk();
    let risk = desk.site(&scope, SiteId(id)).await?;
    let days = api.store.risks().days(&scope, SiteId(id), api.now(), DAYS).await?;
    let before = week_before(&days, api.now());
    Ok(Json(SiteRisk {
        site_id: id,
        site_name: risk.site_name.clone(),
        score: rounded(risk.risk.score),
        grade: desk.weights().grade(risk.risk.score).into(),
        change: before.map(|before| rounded(risk.risk.score - before)),
        rules: domain::risk::VERSION,
        acts: risk.acts(MOST_ACTS).into_iter().map(act).collect(),
        circuits: risk.units.iter().map(|unit| circuit(&risk, unit, desk.weights())).collect(),
        days: days.into_iter().filter_map(RiskDay::of).collect(),
    }))
}

/// The risk of a circuit.
#[utoipa::path(
    get,
    path = "/circuits/{id}/risk",
    tag = "risk",
    operation_id = "get_circuit_risk",
    params(("id" = i64, Path, description = "The circuit", minimum = 1)),
    responses((status = 200, description = "The risk", body = CircuitRisk), ItemProblems)
)]
pub(super) async fn get_circuit_risk(
    State(api): State<Api>,
    caller: Caller,
    Id(id): Id,
) -> Result<Json<CircuitRisk>, Problem> {
    let scope = caller.scope(Permission::View)?;
    let desk = api.engine.risk();
    let (risk, at) = desk.circuit(&scope, CircuitId(id)).await?;
    one(&risk, at, &api)
}

/// The risk of the circuit that a detector watches; of the detector itself where it stands on none.
#[utoipa::path(
    get,
    path = "/detectors/{id}/risk",
    tag = "risk",
    operation_id = "get_detector_risk",
    params(("id" = i64, Path, description = "The detector", minimum = 1)),
    responses((status = 200, description = "The risk", body = CircuitRisk), ItemProblems)
)]
pub(super) async fn get_detector_risk(
    State(api): State<Api>,
    caller: Caller,
    Id(id): Id,
) -> Result<Json<CircuitRisk>, Problem> {
    let scope = caller.scope(Permission::View)?;
    let desk = api.engine.risk();
    let (risk, at) = desk.detector(&scope, DetectorId(id)).await?;
    one(&risk, at, &api)
}

fn one(risk: &engine::services::SiteRisk, at: usize, api: &Api) -> Result<Json<CircuitRisk>, Problem> {
    let unit = risk.units.get(at).ok_or(store::StoreError::NotFound { what: "circuit" })?;
    Ok(Json(circuit(risk, unit, api.engine.risk().weights())))
}
