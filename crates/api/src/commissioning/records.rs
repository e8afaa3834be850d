//! `/detectors/{id}/commissioning`: the records of one detector; `/commissioning`: all that were taken into service.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use domain::access::Permission;
use domain::id::DetectorId;
use domain::quantity::Quantity;
use store::StoreError;
use store::commissioning::{CommissionedRow, CommissioningDraft, CommissioningRow};

use super::shape::{
    CommissionedDetector, CommissionedQuery, CommissionedValue, CommissioningRecord, CommissioningResult,
    Facts, NewCommissioning, PageQuery,
};
use crate::access::caller::Caller;
use crate::detectors::channel::channels_of;
use crate::http::extract::{Body, Filters, Id, check_max, checked};
use crate::http::page::{self, Page};
use crate::http::problem::{FieldError, ItemProblems, ListProblems, Problem, WriteProblems};
use crate::state::Api;

fn shape(row: CommissioningRow) -> Result<CommissioningRecord, Problem> {
    let facts: Facts = serde_json::from_str(&row.facts).map_err(|error| {
        Problem::from(StoreError::Corrupt { what: format!("commissioning {}: {error}", row.id) })
    })?;
    Ok(CommissioningRecord {
        id: row.id,
        detector_id: row.detector_id.0,
        at: row.at.into(),
        actor_name: row.actor_name,
        result: if row.result == "passed" {
            CommissioningResult::Passed
        } else {
            CommissioningResult::Remarks
        },
        remarks: row.remarks,
        self_test: facts.self_test,
        command_id: facts.command_id,
        picture_ids: facts.picture_ids,
        values: facts.values,
        duration_s: row.duration_s,
    })
}

impl From<CommissionedRow> for CommissionedDetector {
    fn from(row: CommissionedRow) -> Self {
        Self {
            detector_id: row.detector_id.0,
            detector_name: row.detector_name,
            site_id: row.site_id.0,
            site_name: row.site_name,
            circuit_name: row.circuit_name,
            at: row.at.into(),
            actor_name: row.actor_name,
            checked_at: row.checked_at.map(Into::into),
            findings: row.findings,
        }
    }
}

/// The detectors that were taken into service, newest first.
#[utoipa::path(
    get,
    path = "/commissioning",
    tag = "commissioning",
    operation_id = "list_commissioned",
    params(CommissionedQuery),
    responses((status = 200, description = "One page", body = Page<CommissionedDetector>), ListProblems)
)]
pub(super) async fn list_commissioned(
    State(api): State<Api>,
    caller: Caller,
    Filters(query): Filters<CommissionedQuery>,
) -> Result<Json<Page<CommissionedDetector>>, Problem> {
    let scope = caller.scope(Permission::View)?;
    let page = page::asked(query.limit, query.cursor.as_deref())?;
    let unchecked = query.unchecked.unwrap_or(false);
    let rows = api.store.commissioning().commissioned(&scope, unchecked, &page).await?;
    Ok(Json(Page::of(rows, CommissionedDetector::from)))
}

/// The records of a detector, newest first.
#[utoipa::path(
    get,
    path = "/detectors/{id}/commissioning",
    tag = "commissioning",
    operation_id = "list_commissioning_records",
    params(("id" = i64, Path, description = "The detector", minimum = 1), PageQuery),
    responses((status = 200, description = "One page", body = Page<CommissioningRecord>), ItemProblems)
)]
pub(super) async fn list_records(
    State(api): State<Api>,
    caller: Caller,
    Id(id): Id,
    Filters(query): Filters<PageQuery>,
) -> Result<Json<Page<CommissioningRecord>>, Problem> {
    let scope = caller.scope(Permission::View)?;
    let page = page::asked(query.limit, query.cursor.as_deref())?;
    let rows = api.store.commissioning().records(&scope, DetectorId(id), &page).await?;
    let items = rows.items.into_iter().map(shape).collect::<Result<_, _>>()?;
    Ok(Json(Page { items, next_cursor: rows.next_cursor, total: rows.total }))
}

/// Keeps the record of a commissioning, with the values as they are now.
#[utoipa::path(
    post,
    path = "/detectors/{id}/commissioning",
    tag = "commissioning",
    operation_id = "keep_commissioning_record",
    params(("id" = i64, Path, description = "The detector", minimum = 1)),
    request_body = NewCommissioning,
    responses((status = 201, description = "The record", body = CommissioningRecord), WriteProblems)
)]
pub(super) async fn keep_record(
    State(api): State<Api>,
    caller: Caller,
    Id(id): Id,
    Body(new): Body<NewCommissioning>,
) -> Result<(StatusCode, Json<CommissioningRecord>), Problem> {
    let scope = caller.scope(Permission::DeviceAdmit)?;
    let remarks = new.remarks.trim().to_owned();
    let mut errors = Vec::new();
    check_max(&mut errors, "remarks", &remarks, 1000);
    if new.result == CommissioningResult::Remarks && remarks.is_empty() {
        errors.push(FieldError::new("remarks", "missing", "had nothing, wanted what is to be put right"));
    }
    if new.picture_ids.len() > 20 {
        errors.push(FieldError::new("picture_ids", "out_of_range", "wanted at most 20 pictures"));
    }
    if new.duration_s.is_some_and(|duration| duration > 86_400) {
        errors.push(FieldError::new("duration_s", "out_of_range", "wanted at most 86400 s"));
    }
    checked(errors)?;
    let id = DetectorId(id);
    let rows = api.store.detectors().channels(&scope, id).await?;
    let known = api.memory().detector(id);
    let values = channels_of(known.as_deref(), rows, api.now())
        .into_iter()
        .filter(|channel| domain::quantity::Quantity::from(channel.quantity) != Quantity::Device)
        .map(|channel| CommissionedValue {
            name: channel.name,
            point: channel.point,
            value: channel.value,
            unit: channel.unit,
            decimals: channel.decimals,
            quality: channel.quality,
            received_at: channel.received_at,
        })
        .collect();
    let facts = Facts {
        version: 1,
        self_test: new.self_test,
        command_id: new.command_id,
        picture_ids: new.picture_ids,
        values,
    };
    let draft = CommissioningDraft {
        result: new.result.code(),
        remarks,
        facts: serde_json::to_string(&facts).map_err(|error| Problem::internal(&error))?,
        duration_s: new.duration_s,
    };
    let row = api.engine.commissioning().keep(&scope, &caller.actor(), id, &draft).await?;
    Ok((StatusCode::CREATED, Json(shape(row)?)))
}
