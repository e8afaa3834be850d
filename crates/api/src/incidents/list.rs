//! `GET /incidents` and the incident of one alarm.

use axum::Json;
use axum::extract::State;
use domain::access::Permission;
use domain::id::AlarmId;

use super::shape::{AlarmIncident, Incident, Incidents, of_alarm};
use crate::access::caller::Caller;
use crate::http::extract::Id;
use crate::http::problem::{ItemProblems, ListProblems, Problem};
use crate::state::Api;

/// The open incidents, computed now: highest severity first, then the newest.
#[utoipa::path(
    get,
    path = "/incidents",
    tag = "alarms",
    operation_id = "list_incidents",
    responses((status = 200, description = "The incidents", body = Incidents), ListProblems)
)]
pub(super) async fn list_incidents(
    State(api): State<Api>,
    caller: Caller,
) -> Result<Json<Incidents>, Problem> {
    let scope = caller.scope(Permission::View)?;
    let all = api.engine.incidents().open(&scope).await?;
    let items = all.into_iter().map(|(incident, rows)| Incident::seen(incident, rows)).collect();
    Ok(Json(Incidents { items }))
}

/// The incident that an alarm is part of.
#[utoipa::path(
    get,
    path = "/alarms/{id}/incident",
    tag = "alarms",
    operation_id = "get_alarm_incident",
    params(("id" = i64, Path, description = "The alarm", minimum = 1)),
    responses((status = 200, description = "The incident", body = AlarmIncident), ItemProblems)
)]
pub(super) async fn get_alarm_incident(
    State(api): State<Api>,
    caller: Caller,
    Id(id): Id,
) -> Result<Json<AlarmIncident>, Problem> {
    let scope = caller.scope(Permission::View)?;
    let alarm = api.store.alarms().get(&scope, AlarmId(id)).await?.id;
    Ok(Json(of_alarm(api.engine.incidents().open(&scope).await?, alarm)))
}
