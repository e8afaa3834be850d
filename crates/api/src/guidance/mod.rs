//! Guidance (H6): what to do about an alarm, with its check list; and the texts that organisations write over the program's
//! own ones.

mod alarm;
mod shape;
mod texts;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::state::Api;

/// The addresses of this subject.
pub(crate) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(alarm::get_alarm_guidance))
        .routes(routes!(alarm::check_alarm))
        .routes(routes!(texts::list_guidance))
        .routes(routes!(texts::get_guidance))
        .routes(routes!(texts::write_guidance, texts::restore_guidance))
}
