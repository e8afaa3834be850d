//! Taking detectors into service: the record of it, the pictures, and what a day of values tells about the wiring.

mod bytes;
mod pictures;
mod records;
mod shape;
mod wiring;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::state::Api;

/// The addresses of this subject.
pub(crate) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(records::list_commissioned))
        .routes(routes!(records::list_records, records::keep_record))
        .routes(routes!(wiring::list_checks, wiring::check_wiring))
        .routes(routes!(pictures::get_picture, pictures::delete_picture))
        .merge(
            OpenApiRouter::new()
                .routes(routes!(pictures::list_pictures, pictures::add_picture))
                .layer(pictures::body_limit()),
        )
}
