//! The first screen and the map.

mod map;
mod overview;
pub mod shape;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::state::Api;

/// The addresses of this subject.
pub(crate) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(overview::get_overview))
        .routes(routes!(map::get_map))
        .routes(routes!(map::get_map_outline))
}
