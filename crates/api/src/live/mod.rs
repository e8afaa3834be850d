//! The live stream: one task turns committed facts into JSON once, and every reader gets the same bytes, filtered
//! by what its caller may see.

pub mod rate;
pub mod render;
pub mod stage;
pub mod stream;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::state::Api;

/// The addresses of this subject.
pub(crate) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(stream::live))
}
