//! Shift hand-overs 交接班: what stands, offering it to a successor, taking it over.

mod act;
mod list;
pub mod shape;
mod standing;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::state::Api;

/// The addresses of this subject.
pub(crate) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(list::list_handovers, act::offer_handover))
        .routes(routes!(standing::get_standing))
        .routes(routes!(list::get_handover))
        .routes(routes!(act::take_handover))
        .routes(routes!(act::withdraw_handover))
}
