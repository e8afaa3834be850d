//! `GET /risk/rules`: how much each cause counts here, so that a score can be followed by hand.

use axum::Json;
use axum::extract::State;
use domain::access::Permission;
use serde::Serialize;
use utoipa::ToSchema;

use crate::access::caller::Caller;
use crate::http::problem::{ListProblems, Problem};
use crate::state::Api;

/// One weight.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(super) struct RiskWeight {
    /// Its name in the configuration, with its unit where it is not points.
    #[schema(example = "fire_alarm")]
    name: String,
    /// How much.
    #[schema(minimum = 0, example = 60)]
    value: u32,
}

/// How scores are computed.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(super) struct RiskRules {
    /// The version of the rules.
    version: u32,
    /// How much each cause counts.
    weights: Vec<RiskWeight>,
}

/// How much each cause counts in a score.
#[utoipa::path(
    get,
    path = "/risk/rules",
    tag = "risk",
    operation_id = "get_risk_rules",
    responses((status = 200, description = "The rules", body = RiskRules), ListProblems)
)]
pub(super) async fn get_risk_rules(
    State(api): State<Api>,
    caller: Caller,
) -> Result<Json<RiskRules>, Problem> {
    caller.scope(Permission::View)?;
    let weights = api.engine.risk().weights().all().into_iter();
    Ok(Json(RiskRules {
        version: domain::risk::VERSION,
        weights: weights.map(|(name, value)| RiskWeight { name: name.to_owned(), value }).collect(),
    }))
}
