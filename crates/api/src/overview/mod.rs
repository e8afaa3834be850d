//! The first screen and the map.

mod map;
pub mod shape;
mod summary;
mod trend;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::state::Api;

/// The addresses of this subject.
pub(crate) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(summary::get_overview))
        .routes(routes!(trend::get_overview_trend))
        .routes(routes!(map::get_map))
        .routes(routes!(map::get_map_outline))
}
