//! `GET /alarms/{id}`: one alarm and how it came to be.

use axum::Json;
use axum::extract::State;
use domain::access::Permission;
use domain::id::AlarmId;
use domain::quantity::Quantity;
use store::alarms::AlarmRow;

use super::shape::{Alarm, AlarmCurve, AlarmDetail, history};
use crate::access::caller::Caller;
use crate::http::extract::Id;
use crate::http::problem::{ItemProblems, Problem};
use crate::state::Api;

/// How much of the curve is shown before and after, ms.
const AROUND_MS: i64 = 30 * 60 * 1000;

/// One alarm with its history.
#[utoipa::path(
    get,
    path = "/alarms/{id}",
    tag = "alarms",
    operation_id = "get_alarm",
    params(("id" = i64, Path, description = "The alarm", minimum = 1)),
    responses((status = 200, description = "The alarm", body = AlarmDetail), ItemProblems)
)]
pub(super) async fn get_alarm(
    State(api): State<Api>,
    caller: Caller,
    Id(id): Id,
) -> Result<Json<AlarmDetail>, Problem> {
    let scope = caller.scope(Permission::View)?;
    let row = api.store.alarms().get(&scope, AlarmId(id)).await?;
    let steps = api.store.alarms().transitions(&scope, AlarmId(id)).await?;
    let curve = curve_of(&row, api.now());
    let finding_id = api.engine.diagnosis().cause_of(&scope, &row).await?.map(|finding| finding.id);
    let (transitions, dispatches) = history(steps);
    let alarm = Alarm::seen(row, api.memory());
    Ok(Json(AlarmDetail { alarm, transitions, dispatches, curve, finding_id }))
}

fn curve_of(row: &AlarmRow, now: domain::time::UnixMs) -> Option<AlarmCurve> {
    if row.quantity == Quantity::Device {
        return None;
    }
    let end = row.returned_at.or(row.closed_at).map_or(now, |at| at.plus_ms(AROUND_MS).min(now));
    Some(AlarmCurve {
        detector_id: row.detector_id.0,
        channel_id: row.channel_id.0,
        from: row.raised_at.plus_ms(-AROUND_MS).into(),
        to: end.max(row.raised_at).into(),
        limit: row.limit_value.filter(|_| row.hazard.own_unit().is_none()),
    })
}
