//! Commands to devices: what a detector can be told, telling it, the second person, taking back, many at once, and limits
//! tried against the past.

mod act;
mod batches;
mod create;
mod list;
mod options;
pub mod shape;
mod what_if;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::state::Api;

/// The addresses of this subject.
pub(crate) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(options::command_options))
        .routes(routes!(list::list_commands, create::create_command))
        .routes(routes!(list::get_command))
        .routes(routes!(act::approve_command))
        .routes(routes!(act::cancel_command))
        .routes(routes!(batches::list_batches, batches::create_batch))
        .routes(routes!(batches::get_batch))
        .routes(routes!(batches::stop_batch))
        .routes(routes!(what_if::what_if))
}
