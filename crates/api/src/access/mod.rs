//! Who calls: passwords, sessions, tokens, lock-out, and the caller that every endpoint takes.

pub mod caller;
pub(crate) mod confirm;
mod one_time_code;
pub mod password;
pub mod secret;
mod session;
pub(crate) mod setup;
pub mod shape;
pub mod throttle;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::state::Api;

/// The addresses of this subject.
pub(crate) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(setup::get_setup, setup::set_up))
        .routes(routes!(session::get_session, session::sign_in, session::sign_out))
        .routes(routes!(session::change_password))
        .routes(routes!(session::change_profile))
        .routes(routes!(one_time_code::begin_one_time_codes))
        .routes(routes!(one_time_code::confirm_one_time_codes))
        .routes(routes!(one_time_code::remove_one_time_codes))
}
