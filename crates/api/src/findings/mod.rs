//! What weeks of history show about circuits: the kept findings, one of them with its evidence, the same computed again,
//! and the whole analysis of a detector.

mod act;
mod analysis;
mod detail;
mod list;
mod shape;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::state::Api;

/// The addresses of this subject.
pub(crate) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(list::list_findings))
        .routes(routes!(detail::get_finding))
        .routes(routes!(detail::replay_finding))
        .routes(routes!(act::dismiss_finding))
        .routes(routes!(act::restore_finding))
        .routes(routes!(analysis::analyse_detector))
}
