//! `/detectors/{id}/wiring-checks`: what a day of values tells about the wiring.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use domain::access::Permission;
use domain::id::DetectorId;
use domain::wiring::{Check, Finding, Outcome};
use engine::services::WiringReport;
use store::StoreError;
use store::commissioning::WiringCheckRow;

use super::shape::{
    PageQuery, SetValueSuggestion, WiringCheck, WiringFigure, WiringFinding, WiringKindCheck,
};
use crate::access::caller::Caller;
use crate::http::extract::{Filters, Id};
use crate::http::page::{self, Page};
use crate::http::problem::{ItemProblems, Problem, WriteProblems};
use crate::state::Api;
use crate::vocabulary::word;

fn finding(found: Finding) -> WiringFinding {
    WiringFinding {
        confidence: word(found.confidence),
        about: found.about,
        against: found.against,
        figures: found
            .figures
            .into_iter()
            .map(|figure| WiringFigure { name: figure.name, value: figure.value, unit: figure.unit })
            .collect(),
        pairs: found.pairs.into_iter().map(|(drive, value)| vec![drive, value]).collect(),
    }
}

fn kind_check(check: Check) -> WiringKindCheck {
    let kind = check.kind.code().to_owned();
    match check.outcome {
        Outcome::Found { findings } => WiringKindCheck {
            kind,
            outcome: "found".to_owned(),
            lack: None,
            findings: findings.into_iter().map(finding).collect(),
        },
        Outcome::Clear => {
            WiringKindCheck { kind, outcome: "clear".to_owned(), lack: None, findings: Vec::new() }
        }
        Outcome::NotEnough { lack } => WiringKindCheck {
            kind,
            outcome: "not_enough".to_owned(),
            lack: Some(word(lack)),
            findings: Vec::new(),
        },
    }
}

fn shape(row: WiringCheckRow) -> Result<WiringCheck, Problem> {
    let report: WiringReport = serde_json::from_str(&row.report).map_err(|error| {
        Problem::from(StoreError::Corrupt { what: format!("wiring check {}: {error}", row.id) })
    })?;
    Ok(WiringCheck {
        id: row.id,
        detector_id: row.detector_id.0,
        at: row.at.into(),
        from: row.from_at.into(),
        until: row.until_at.into(),
        automatic: row.automatic,
        asked_by: row.asked_by,
        findings: row.findings,
        checks: report.checks.into_iter().map(kind_check).collect(),
        suggestion: report.suggestion.map(|said| SetValueSuggestion {
            normal_ma: said.normal_ma,
            rows: said.rows,
            alarm_ma: said.alarm_ma,
            warning_ma: said.warning_ma,
            delay_s: said.delay_s,
            above_ma: said.above_ma,
            too_much: said.too_much,
        }),
    })
}

/// The wiring checks of a detector, newest first.
#[utoipa::path(
    get,
    path = "/detectors/{id}/wiring-checks",
    tag = "commissioning",
    operation_id = "list_wiring_checks",
    params(("id" = i64, Path, description = "The detector", minimum = 1), PageQuery),
    responses((status = 200, description = "One page", body = Page<WiringCheck>), ItemProblems)
)]
pub(super) async fn list_checks(
    State(api): State<Api>,
    caller: Caller,
    Id(id): Id,
    Filters(query): Filters<PageQuery>,
) -> Result<Json<Page<WiringCheck>>, Problem> {
    let scope = caller.scope(Permission::View)?;
    let page = page::asked(query.limit, query.cursor.as_deref())?;
    let rows = api.store.commissioning().checks(&scope, DetectorId(id), &page).await?;
    let items = rows.items.into_iter().map(shape).collect::<Result<_, _>>()?;
    Ok(Json(Page { items, next_cursor: rows.next_cursor, total: rows.total }))
}

/// Looks at the last day of a detector and keeps what was found.
#[utoipa::path(
    post,
    path = "/detectors/{id}/wiring-checks",
    tag = "commissioning",
    operation_id = "check_wiring",
    params(("id" = i64, Path, description = "The detector", minimum = 1)),
    responses((status = 201, description = "What was found", body = WiringCheck), WriteProblems)
)]
pub(super) async fn check_wiring(
    State(api): State<Api>,
    caller: Caller,
    Id(id): Id,
) -> Result<(StatusCode, Json<WiringCheck>), Problem> {
    let scope = caller.scope(Permission::DeviceAdmit)?;
    let row = api.engine.commissioning().check_wiring(&scope, Some(&caller.actor()), DetectorId(id)).await?;
    Ok((StatusCode::CREATED, Json(shape(row)?)))
}
