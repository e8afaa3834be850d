//! Who dials in: terminals that wait for a person, and terminals that are known.

mod admit;
mod credentials;
mod pending;
pub mod shape;
mod terminals;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::state::Api;

/// The addresses of this subject.
pub(crate) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(pending::list_pending))
        .routes(routes!(admit::admit_terminal))
        .routes(routes!(pending::refuse_terminal))
        .routes(routes!(pending::restore_terminal))
        .routes(routes!(admit::register_terminal))
        .routes(routes!(terminals::get_terminal))
        .routes(routes!(credentials::list_credentials, credentials::issue_credential))
        .routes(routes!(credentials::revoke_credential))
        .routes(routes!(terminals::accept_iccid))
        .routes(routes!(terminals::set_telegram_level))
}
