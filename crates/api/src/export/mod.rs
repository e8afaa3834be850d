//! Readings as files: of a detector, a circuit, a site or chosen channels, over any range, as they were filed or in steps.
//!
//! Asking takes one of a few places and says what will be written; fetching reads and writes at the same time, at the pace
//! of whoever fetches, in bounded memory; meanwhile the export says how far it is. A file that does not come to its end
//! breaks its connection off.

mod body;
mod csv;
mod excel;
mod failure;
mod feed;
mod parquet;
mod plan;
mod run;
mod step;
mod table;
mod words;
mod write;

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use domain::access::Permission;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use self::failure::ExportFailure;
use self::plan::{ExportDraft, Format, Plan};
pub(crate) use self::run::Exports;
use self::run::{Run, Stage};
use crate::access::caller::Caller;
use crate::excel::language_of;
use crate::http::extract::{Body, Id};
use crate::http::problem::{ExportProblems, ItemProblems, Problem, WriteProblems};
use crate::http::time::Time;
use crate::state::Api;

/// How long a reader may take nothing before its export is given up.
const PATIENCE: Duration = Duration::from_secs(60);

/// The addresses of this subject.
pub(crate) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(create_export))
        .routes(routes!(get_export, cancel_export))
        .routes(routes!(download_export))
}

/// How an export stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum ExportState {
    /// It waits to be fetched, for a minute.
    Waiting,
    /// It is being written.
    Running,
    /// It was written to its end.
    Finished,
    /// It was not; `failure` says why.
    Failed,
}

/// An export.
#[derive(Debug, Clone, Serialize, ToSchema)]
struct Export {
    /// Its id.
    #[schema(minimum = 1)]
    id: i64,
    /// How it stands.
    state: ExportState,
    /// Why it is not whole.
    failure: Option<ExportFailure>,
    /// How the file is written.
    format: Format,
    /// What the file is called.
    #[schema(example = "detector-12-20261101-20261130.csv")]
    file_name: String,
    /// Begin of the range, widened to whole steps.
    from: Time,
    /// End of the range, widened to whole steps.
    to: Time,
    /// The zone of the file's times.
    #[schema(example = "Asia/Shanghai")]
    zone: String,
    /// Detectors in it.
    #[schema(minimum = 0)]
    detectors: i64,
    /// Columns of the file.
    #[schema(minimum = 0)]
    columns: i64,
    /// Rows read so far.
    #[schema(minimum = 0)]
    rows: i64,
    /// Bytes written so far.
    #[schema(minimum = 0)]
    bytes: i64,
    /// How much of the range is read, 0 to 1.
    #[schema(minimum = 0, maximum = 1)]
    progress: f64,
    /// Days of detectors whose stored bytes are damaged; each has a row that says so.
    #[schema(minimum = 0)]
    unreadable_days: i64,
    /// When it was asked for.
    created_at: Time,
}

fn shown(run: &Run) -> Export {
    let (state, failure) = run.look(|stage| match stage {
        Stage::Waiting { .. } => (ExportState::Waiting, None),
        Stage::Running { .. } => (ExportState::Running, None),
        Stage::Finished => (ExportState::Finished, None),
        Stage::Failed(failure) => (ExportState::Failed, Some(*failure)),
    });
    let plan = &run.plan;
    let many = |many: usize| i64::try_from(many).unwrap_or(i64::MAX);
    Export {
        id: run.id,
        state,
        failure,
        format: plan.format,
        file_name: plan.file_name.clone(),
        from: plan.from.into(),
        to: plan.to.into(),
        zone: plan.words.zone_name.clone(),
        detectors: many(plan.table.sources.len()),
        columns: many(plan.table.heads.len()),
        rows: run.rows(),
        bytes: run.bytes(),
        progress: run.progress(),
        unreadable_days: run.unreadable(),
        created_at: run.made_at.into(),
    }
}

/// Asks for an export. Its file is to be fetched within a minute.
#[utoipa::path(
    post,
    path = "/exports",
    tag = "exports",
    operation_id = "create_export",
    request_body = ExportDraft,
    responses((status = 201, description = "What will be written", body = Export), ExportProblems)
)]
async fn create_export(
    State(api): State<Api>,
    caller: Caller,
    Body(draft): Body<ExportDraft>,
) -> Result<(StatusCode, Json<Export>), Problem> {
    let scope = caller.scope(Permission::View)?;
    let language = language_of(&caller, draft.language);
    let (plan, detectors) = Plan::make(&api, scope, &draft, language).await?;
    let now = api.now();
    let entries = plan.audit(&caller, now, &draft, &detectors);
    let run = api.exports.begin(caller.key(), plan, now, api.stop.child_token())?;
    for entry in &entries {
        if let Err(error) = api.store.audit().record(entry).await {
            // What nobody could answer for is not handed out.
            run.call_off();
            return Err(error.into());
        }
    }
    Ok((StatusCode::CREATED, Json(shown(&run))))
}

/// How far an export of one's own is.
#[utoipa::path(
    get,
    path = "/exports/{id}",
    tag = "exports",
    operation_id = "get_export",
    params(("id" = i64, Path, description = "The export", minimum = 1)),
    responses((status = 200, description = "The export", body = Export), ItemProblems)
)]
async fn get_export(State(api): State<Api>, caller: Caller, Id(id): Id) -> Result<Json<Export>, Problem> {
    caller.scope(Permission::View)?;
    Ok(Json(shown(&*api.exports.get(&caller.key(), id, api.now())?)))
}

/// Calls an export of one's own off.
#[utoipa::path(
    delete,
    path = "/exports/{id}",
    tag = "exports",
    operation_id = "cancel_export",
    params(("id" = i64, Path, description = "The export", minimum = 1)),
    responses((status = 204, description = "Called off"), WriteProblems)
)]
async fn cancel_export(State(api): State<Api>, caller: Caller, Id(id): Id) -> Result<StatusCode, Problem> {
    caller.scope(Permission::View)?;
    api.exports.get(&caller.key(), id, api.now())?.call_off();
    Ok(StatusCode::NO_CONTENT)
}

/// The file itself, once. A connection that breaks off says that the file is not whole.
#[utoipa::path(
    get,
    path = "/exports/{id}/file",
    tag = "exports",
    operation_id = "download_export",
    params(("id" = i64, Path, description = "The export", minimum = 1)),
    responses(
        (status = 200, description = "The file; its media type is that of its format", body = String,
            content_type = "text/csv"),
        (status = 409, description = "It was fetched before, or called off: `conflict`",
            body = crate::http::problem::ProblemBody, content_type = "application/problem+json"),
        ItemProblems
    )
)]
async fn download_export(State(api): State<Api>, caller: Caller, Id(id): Id) -> Result<Response, Problem> {
    caller.scope(Permission::View)?;
    let run = api.exports.get(&caller.key(), id, api.now())?;
    run.fetch()?;
    let mut response = Response::new(write::start(&api, caller, &run, PATIENCE));
    let headers = response.headers_mut();
    let kind = match run.plan.format {
        Format::Csv => "text/csv; charset=utf-8",
        Format::Xlsx => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        Format::Parquet => "application/vnd.apache.parquet",
    };
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Ok(disposition) =
        HeaderValue::from_str(&format!("attachment; filename=\"{}\"", run.plan.file_name))
    {
        headers.insert(header::CONTENT_DISPOSITION, disposition);
    }
    // As it is: workbooks and Parquet are compressed already, and a packed stream that breaks off cannot be told from a whole one.
    headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("identity"));
    Ok(response)
}
