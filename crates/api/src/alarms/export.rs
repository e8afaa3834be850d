//! `GET /alarms/export.csv`: the filtered alarms as a table for spreadsheets.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::response::Response;
use domain::access::Permission;
use domain::alarm::Note;
use domain::alarm::note::{self, Entry};
use domain::id::AlarmId;
use store::alarms::TransitionRow;

use super::list::AlarmQuery;
use super::shape::Alarm;
use crate::access::caller::Caller;
use crate::http::csv::{Csv, cell};
use crate::http::extract::Filters;
use crate::http::problem::{ListProblems, Problem};
use crate::http::time::Time;
use crate::state::Api;
use crate::vocabulary::{CallOutcome, Capacity, DispatchState, word};

/// The most rows in one file; more than that is a question for a narrower filter.
const MOST_ROWS: u32 = 50_000;

const HEAD: [&str; 31] = [
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
    "calls",
    "dispatched",
    "comments",
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
    let mut entries = BTreeMap::new();
    let ids: Vec<AlarmId> = rows.iter().map(|row| row.id).collect();
    for some in ids.chunks(500) {
        entries.append(&mut api.store.alarms().entered_about(some).await?);
    }
    for row in rows {
        let entered = entries.remove(&row.id).unwrap_or_default();
        let alarm = Alarm::seen(row, api.memory());
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
            calls(&entered),
            dispatched(&entered),
            comments(&entered),
        ]);
    }
    Ok(table.into_file("alarms.csv"))
}

/// The steps that hold, as entries with their rows.
fn holding(entered: &[TransitionRow]) -> (Vec<Entry>, Vec<&TransitionRow>) {
    let record: Vec<Entry> = entered.iter().filter_map(TransitionRow::entry).collect();
    let gone = note::withdrawn(&record);
    let rows = entered.iter().filter(|row| !gone.contains(&row.id)).collect();
    (record, rows)
}

fn named(whom: &note::Somebody) -> String {
    let parts = [word(Capacity::from(whom.capacity)), whom.name.clone(), whom.phone.clone()];
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
}

/// Who was called, when, and what came of it.
fn calls(entered: &[TransitionRow]) -> String {
    let lines = holding(entered).1.into_iter().filter_map(|row| match row.note()? {
        Note::Called { whom, outcome } => {
            let said = row.comment.as_deref().map(|said| format!(": {said}")).unwrap_or_default();
            Some(format!(
                "{} {} {}{said}",
                Time::from(row.at).text(),
                named(&whom),
                word(CallOutcome::from(outcome))
            ))
        }
        Note::Dispatched { .. } | Note::Arrived { .. } | Note::Finished { .. } | Note::Withdrawn { .. } => {
            None
        }
    });
    lines.collect::<Vec<_>>().join("; ")
}

/// Who was sent, and how far they are.
fn dispatched(entered: &[TransitionRow]) -> String {
    let lines = note::dispatches(&holding(entered).0).into_iter().map(|sent| {
        let state = word(DispatchState::from(sent.state));
        format!("{} {state} {}", named(&sent.whom), Time::from(sent.since).text())
    });
    lines.collect::<Vec<_>>().join("; ")
}

/// What else was written.
fn comments(entered: &[TransitionRow]) -> String {
    let lines = holding(entered).1.into_iter().filter(|row| row.event == "commented").filter_map(|row| {
        let who = row.actor_name.as_deref().unwrap_or_default();
        Some(format!("{} {who}: {}", Time::from(row.at).text(), row.comment.as_deref()?))
    });
    lines.collect::<Vec<_>>().join("; ")
}
