//! Detectors: what measures, with newest values, curves and the telegram log.

mod aligned;
pub mod channel;
mod curve;
mod detector;
pub mod shape;
mod telegram_file;
pub(crate) mod telegrams;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::state::Api;

/// The addresses of this subject.
pub(crate) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(detector::list_detectors))
        .routes(routes!(detector::get_detector, detector::change_detector, detector::delete_detector))
        .routes(routes!(aligned::get_curves))
        .routes(routes!(curve::get_curve))
        .routes(routes!(curve::export_curve))
        .routes(routes!(telegrams::list_detector_telegrams))
        .routes(routes!(telegrams::list_terminal_telegrams))
        .routes(routes!(telegram_file::download_detector_telegrams))
        .routes(routes!(telegram_file::download_terminal_telegrams))
}
