//! `GET /alarms/export.csv`: the filtered alarms as a table for spreadsheets.

use axum::extract::State;
use axum::response::Response;
use domain::access::Permission;

use super::list::AlarmQuery;
use super::shape::Alarm;
use crate::access::caller::Caller;
use crate::http::csv::{Csv, cell};
use crate::http::extract::Filters;
use crate::http::problem::{ListProblems, Problem};
use crate::http::time::Time;
use crate::state::Api;
use crate::vocabulary::word;

/// The most rows in one file; more than that is a question for a narrower filter.
const MOST_ROWS: u32 = 50_000;

const HEAD: [&str; 28] = [
    "id",
    "raised_at",
    "state",
    "severity",
    "worst_severity",
    "hazard",
    "site",
    "area_code",
    "panel",
    "circuit",
    "detector",
    "channel",
    "phase",
    "unit",
    "limit",
    "current_value",
    "worst_value",
    "returned_at",
    "acknowledged_at",
    "acknowledged_by",
    "closed_at",
    "close_reason",
    "late",
    "reported_by_device",
    "aside",
    "aside_until",
    "verdict",
    "verdict_note",
];

/// Alarms as CSV, newest first.
#[utoipa::path(
    get,
    path = "/alarms/export.csv",
    tag = "alarms",
    operation_id = "export_alarms",
    params(AlarmQuery),
    responses(
        (status = 200, description = "UTF-8 with byte order mark, at most 50,000 rows", body = String, content_type = "text/csv"),
        ListProblems
    )
)]
pub(super) async fn export_alarms(
    State(api): State<Api>,
    caller: Caller,
    Filters(query): Filters<AlarmQuery>,
) -> Result<Response, Problem> {
    let scope = caller.scope(Permission::View)?;
    let rows = api.store.alarms().export(&scope, &query.filter()?, MOST_ROWS).await?;
    let mut table = Csv::new(&HEAD);
    for alarm in rows.into_iter().map(|row| Alarm::seen(row, api.memory())) {
        table.row([
            alarm.id.to_string(),
            alarm.raised_at.text(),
            word(alarm.state),
            word(alarm.severity),
            word(alarm.worst_severity),
            word(alarm.hazard),
            alarm.site_name,
            alarm.area_code,
            cell(alarm.panel_name),
            cell(alarm.circuit_name),
            alarm.detector_name,
            alarm.channel_name,
            cell(alarm.phase.map(word)),
            alarm.unit,
            cell(alarm.limit),
            cell(alarm.current_value),
            cell(alarm.worst_value),
            cell(alarm.returned_at.map(Time::text)),
            cell(alarm.acknowledged_at.map(Time::text)),
            cell(alarm.acknowledged_by),
            cell(alarm.closed_at.map(Time::text)),
            cell(alarm.close_reason),
            alarm.late.to_string(),
            alarm.reported_by_device.to_string(),
            cell(alarm.aside.as_ref().map(|aside| word(aside.kind))),
            cell(alarm.aside.and_then(|aside| aside.until).map(Time::text)),
            cell(alarm.verdict.map(word)),
            cell(alarm.verdict_note),
        ]);
    }
    Ok(table.into_file("alarms.csv"))
}
