//! Risk (H5): of a site, a circuit, the circuit of a detector; the ranking of sites; areas; how much each cause counts.
//! The score of a site is told as it is now; the ranking from the kept scores, which follow alarms within a minute.

mod one;
mod ranking;
mod rules;
mod shape;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::state::Api;

/// The addresses of this subject.
pub(crate) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(ranking::rank_sites))
        .routes(routes!(ranking::rank_areas))
        .routes(routes!(rules::get_risk_rules))
        .routes(routes!(one::get_site_risk))
        .routes(routes!(one::get_circuit_risk))
        .routes(routes!(one::get_detector_risk))
}
