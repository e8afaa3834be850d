//! `/command-batches`: the same command for many detectors, with its progress.

use std::collections::{BTreeMap, HashSet};

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use domain::access::{Permission, Scope};
use domain::id::{CommandBatchId, DetectorId, SiteId};
use engine::services::{BatchRequest, CommandRequest, MOST_IN_BATCH};
use serde::{Deserialize, Serialize};
use store::commands::batches::BatchRow;
use store::detectors::{DetectorFilter, DetectorSort};
use utoipa::{IntoParams, ToSchema};

use super::create::{check, trial};
use crate::access::caller::Caller;
use crate::http::extract::{Body, Filters, Id, check_max, checked};
use crate::http::page::{self, Page};
use crate::http::problem::{FieldError, ItemProblems, ListProblems, Problem, WriteProblems};
use crate::http::time::Time;
use crate::state::Api;
use crate::vocabulary::CommandKind;

/// A batch with its progress.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(super) struct CommandBatch {
    /// Its id.
    #[schema(minimum = 1)]
    id: i64,
    /// What it asks for.
    kind: CommandKind,
    /// Its name in the models.
    code: String,
    /// The value that it carries.
    value: Option<f64>,
    /// The value's unit.
    unit: Option<String>,
    /// Why the person wants it.
    reason: String,
    /// Who asked.
    asked_by: String,
    /// When.
    created_at: Time,
    /// When a person stopped it.
    stopped_at: Option<Time>,
    /// How many commands it has.
    #[schema(minimum = 0)]
    total: i64,
    /// How many of them can still move.
    #[schema(minimum = 0)]
    open: i64,
    /// How many stand in each state.
    #[schema(example = json!({"queued": 3, "acknowledged": 7}))]
    counts: BTreeMap<String, i64>,
}

/// Detectors by what they have in common.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct BatchFilter {
    /// Only of this site.
    #[serde(default)]
    #[schema(minimum = 1)]
    site_id: Option<i64>,
    /// Only of this model.
    #[serde(default)]
    #[schema(max_length = 100)]
    profile_id: Option<String>,
    /// Part of the name, serial number or site.
    #[serde(default)]
    #[schema(max_length = 100)]
    q: Option<String>,
}

/// The same command for many detectors.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"detector_ids": [1, 2], "kind": "self_test"}))]
pub(super) struct NewBatch {
    /// For these detectors; or `filter`.
    #[serde(default)]
    #[schema(max_items = 1000, example = json!([1, 2]))]
    detector_ids: Option<Vec<i64>>,
    /// For those that fit; or `detector_ids`.
    #[serde(default, deserialize_with = "crate::http::extract::maybe_object")]
    filter: Option<BatchFilter>,
    /// What; breakers are switched one at a time, and raw reads are for one detector.
    kind: CommandKind,
    /// Its name in the models; may be left out where there is only one of the kind.
    #[serde(default)]
    #[schema(max_length = 60)]
    code: Option<String>,
    /// The value that it carries.
    #[serde(default)]
    #[schema(minimum = -1000000000, maximum = 1000000000)]
    value: Option<f64>,
    /// Why.
    #[serde(default)]
    #[schema(max_length = 500)]
    reason: String,
    /// None is sent after so long, s; an hour where nothing is said.
    #[serde(default)]
    #[schema(minimum = 60, maximum = 604800)]
    expires_in_s: Option<u32>,
    /// A trial of this set-point on the past of one of them, by the same person and within the hour.
    #[serde(default)]
    #[schema(minimum = 1)]
    what_if_id: Option<i64>,
    /// Why the set-point was not tried.
    #[serde(default)]
    #[schema(max_length = 500)]
    skipped_because: Option<String>,
}

/// Which page of the batches.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct BatchQuery {
    /// Rows on a page.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<u32>,
    /// Where the page begins.
    #[param(max_length = 2000)]
    cursor: Option<String>,
}

async fn seen(api: &Api, scope: &Scope, row: BatchRow) -> Result<CommandBatch, Problem> {
    let mut counted = api.store.commands().batch_counts(scope, &[row.id]).await?;
    let (counts, open) = counted.remove(&row.id).unwrap_or_default();
    Ok(shaped(row, counts, open))
}

fn shaped(row: BatchRow, counts: BTreeMap<String, i64>, open: i64) -> CommandBatch {
    CommandBatch {
        id: row.id.0,
        kind: row.kind.into(),
        code: row.code,
        value: row.value,
        unit: Some(row.unit).filter(|unit| !unit.is_empty()),
        reason: row.reason,
        asked_by: row.actor_name,
        created_at: row.created_at.into(),
        stopped_at: row.stopped_at.map(Into::into),
        total: row.total,
        open,
        counts,
    }
}

/// Batches, page by page, newest first.
#[utoipa::path(
    get,
    path = "/command-batches",
    tag = "commands",
    operation_id = "list_command_batches",
    params(BatchQuery),
    responses((status = 200, description = "One page", body = Page<CommandBatch>), ListProblems)
)]
pub(super) async fn list_batches(
    State(api): State<Api>,
    caller: Caller,
    Filters(query): Filters<BatchQuery>,
) -> Result<Json<Page<CommandBatch>>, Problem> {
    let scope = caller.scope(Permission::View)?;
    let page = page::asked(query.limit, query.cursor.as_deref())?;
    let rows = api.store.commands().batches(&scope, &page).await?;
    let ids: Vec<CommandBatchId> = rows.items.iter().map(|row| row.id).collect();
    let mut counted = api.store.commands().batch_counts(&scope, &ids).await?;
    Ok(Json(Page::of(rows, |row| {
        let (counts, open) = counted.remove(&row.id).unwrap_or_default();
        shaped(row, counts, open)
    })))
}

/// One batch with its progress; its commands are `GET /commands?batch=`.
#[utoipa::path(
    get,
    path = "/command-batches/{id}",
    tag = "commands",
    operation_id = "get_command_batch",
    params(("id" = i64, Path, description = "The batch", minimum = 1)),
    responses((status = 200, description = "The batch", body = CommandBatch), ItemProblems)
)]
pub(super) async fn get_batch(
    State(api): State<Api>,
    caller: Caller,
    Id(id): Id,
) -> Result<Json<CommandBatch>, Problem> {
    let scope = caller.scope(Permission::View)?;
    let row = api.store.commands().batch(&scope, CommandBatchId(id)).await?;
    Ok(Json(seen(&api, &scope, row).await?))
}

/// Tells many detectors the same. One whose model has no such command is refused by itself, the others are queued.
#[utoipa::path(
    post,
    path = "/command-batches",
    tag = "commands",
    operation_id = "create_command_batch",
    request_body = NewBatch,
    responses((status = 201, description = "The batch", body = CommandBatch), WriteProblems)
)]
pub(super) async fn create_batch(
    State(api): State<Api>,
    caller: Caller,
    Body(asked): Body<NewBatch>,
) -> Result<(StatusCode, Json<CommandBatch>), Problem> {
    let kind: domain::command::CommandKind = asked.kind.into();
    let scope = caller.scope(kind.permission())?;
    let mut errors = check(
        kind,
        asked.code.as_deref(),
        asked.value,
        &asked.reason,
        asked.expires_in_s,
        asked.what_if_id,
        asked.skipped_because.as_deref(),
    );
    if let Some(filter) = &asked.filter {
        check_max(&mut errors, "filter.profile_id", filter.profile_id.as_deref().unwrap_or_default(), 100);
        check_max(&mut errors, "filter.q", filter.q.as_deref().unwrap_or_default(), 100);
    }
    if asked.detector_ids.is_some() == asked.filter.is_some() {
        errors.push(FieldError::new("detector_ids", "required", "wanted either detector_ids or filter"));
    }
    checked(errors)?;
    let detectors = match (asked.detector_ids, asked.filter) {
        (Some(ids), _) => {
            let mut known = HashSet::new();
            ids.into_iter().filter(|id| known.insert(*id)).map(DetectorId).collect()
        }
        (None, filter) => fitting(&api, &scope, filter.unwrap_or_default()).await?,
    };
    let each = CommandRequest {
        detector: detectors.first().copied().unwrap_or(DetectorId(0)),
        kind,
        code: asked.code,
        value: asked.value,
        read: None,
        reason: asked.reason,
        expires_in_s: asked.expires_in_s,
        trial: trial(asked.what_if_id, asked.skipped_because.as_deref()),
    };
    let request = BatchRequest { detectors, each };
    let row = api.engine.device_commands().create_batch(&scope, &caller.actor(), &request).await?;
    Ok((StatusCode::CREATED, Json(seen(&api, &scope, row).await?)))
}

/// The detectors that fit; one more than a batch takes, so that it is refused rather than cut.
async fn fitting(api: &Api, scope: &Scope, asked: BatchFilter) -> Result<Vec<DetectorId>, Problem> {
    let filter = DetectorFilter {
        text: asked.q,
        site: asked.site_id.map(SiteId),
        profile: asked.profile_id,
        ..DetectorFilter::default()
    };
    let mut found = Vec::new();
    let mut page = page::asked(Some(page::MAX_LIMIT), None)?;
    loop {
        let rows = api.store.detectors().list(scope, &filter, DetectorSort::Name, &page).await?;
        found.extend(rows.items.into_iter().map(|row| row.id));
        match rows.next_cursor {
            Some(cursor) if found.len() <= MOST_IN_BATCH => page.cursor = Some(cursor),
            Some(_) | None => return Ok(found),
        }
    }
}

/// Stops a batch: what has not been sent is cancelled.
#[utoipa::path(
    post,
    path = "/command-batches/{id}/stop",
    tag = "commands",
    operation_id = "stop_command_batch",
    params(("id" = i64, Path, description = "The batch", minimum = 1)),
    responses((status = 200, description = "The batch", body = CommandBatch), WriteProblems)
)]
pub(super) async fn stop_batch(
    State(api): State<Api>,
    caller: Caller,
    Id(id): Id,
) -> Result<Json<CommandBatch>, Problem> {
    let id = CommandBatchId(id);
    let row = api.store.commands().batch(&caller.scope(Permission::CommandSend)?, id).await?;
    let scope = caller.scope(row.kind.permission())?;
    let row = api.engine.device_commands().stop_batch(&scope, &caller.actor(), id).await?;
    Ok(Json(seen(&api, &scope, row).await?))
}
