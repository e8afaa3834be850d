//! The alarm desk: lists, one alarm with its history, and what people do about it.

mod act;
mod detail;
mod export;
mod judge;
mod list;
pub mod metrics;
pub(crate) mod note;
mod people;
pub mod shape;
mod shelf;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::state::Api;

/// The addresses of this subject.
pub(crate) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(list::list_alarms))
        .routes(routes!(export::export_alarms))
        .routes(routes!(detail::get_alarm))
        .routes(routes!(act::acknowledge_alarms))
        .routes(routes!(act::acknowledge_alarm))
        .routes(routes!(act::undo_acknowledge))
        .routes(routes!(act::reset_alarm))
        .routes(routes!(act::comment_alarm))
        .routes(routes!(shelf::shelve_alarm))
        .routes(routes!(shelf::unshelve_alarm))
        .routes(routes!(judge::judge_alarm))
        .routes(routes!(note::call_about_alarm))
        .routes(routes!(note::dispatch_to_alarm))
        .routes(routes!(note::go_on_with_alarm_entry))
        .routes(routes!(people::list_alarm_people))
        .routes(routes!(metrics::get_alarm_metrics))
}
