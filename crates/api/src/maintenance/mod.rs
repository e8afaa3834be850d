//! Maintenance windows: times in which alarms of a place are kept and told to nobody.

mod list;
mod make;
pub mod shape;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::state::Api;

/// The addresses of this subject.
pub(crate) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(list::list_maintenance_windows, make::create_maintenance_window))
        .routes(routes!(make::change_maintenance_window))
        .routes(routes!(make::end_maintenance_window))
}
