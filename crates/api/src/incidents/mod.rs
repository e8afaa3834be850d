//! Incidents: alarms with one cause, which of them an alarm is part of, and what people decide about that.

mod act;
mod list;
mod shape;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::state::Api;

/// The addresses of this subject.
pub(crate) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(list::list_incidents))
        .routes(routes!(list::get_alarm_incident))
        .routes(routes!(act::split_alarm))
        .routes(routes!(act::join_alarm))
}
