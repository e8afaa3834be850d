//! `POST /exchange/mistakes.xlsx`: every mistake in a workbook as a workbook, to be worked off beside it.

use axum::extract::{Request, State};
use axum::response::Response;

use super::import::{CellMistake, look};
use super::template::{LanguageQuery, language_of};
use super::upload::WorkbookUpload;
use super::words::{MISTAKES_HEAD, MISTAKES_SHEET, say};
use super::workbook::{Value, table, whole};
use crate::access::caller::Caller;
use crate::http::extract::Filters;
use crate::http::problem::{Problem, WriteProblems};
use crate::state::Api;

/// Checks a workbook and lists every mistake in it. Nothing is written.
#[utoipa::path(
    post,
    path = "/exchange/mistakes.xlsx",
    tag = "exchange",
    operation_id = "list_workbook_mistakes",
    params(LanguageQuery),
    request_body(content = WorkbookUpload, content_type = "multipart/form-data"),
    responses(
        (status = 200, description = "A workbook with one line per mistake", body = String,
            content_type = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
        WriteProblems
    )
)]
pub(super) async fn list_mistakes(
    State(api): State<Api>,
    caller: Caller,
    Filters(query): Filters<LanguageQuery>,
    request: Request,
) -> Result<Response, Problem> {
    let language = language_of(&caller, query.lang);
    let (_, looked) = look(&api, &caller, query.lang, request).await?;
    let head: Vec<(&str, f64)> =
        MISTAKES_HEAD.iter().map(|said| say(language, *said)).zip([16.0, 18.0, 24.0, 48.0, 70.0]).collect();
    let rows = looked.mistakes().map(|mistake| {
        let CellMistake { cell, column, had, wanted, message, .. } = mistake;
        [cell, column, had, wanted, message].map(Value::from).to_vec()
    });
    let bytes = table(say(language, MISTAKES_SHEET), &head, rows)?;
    Ok(whole("emberwatch-mistakes.xlsx", bytes))
}
