//! `POST /exchange/import`: a workbook comes back. Without `dry_run=false` nothing is written: the answer says what would
//! be, and every mistake by its cell.

use std::collections::HashSet;
use std::time::Duration;

use axum::Json;
use axum::extract::{Request, State};
use domain::access::{Permission, Scope};
use engine::services::import::line::{Lines, Sheet};
use engine::services::import::plan::{Checked, Mistake};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::read::{self, File, column_of};
use super::template::language_of;
use super::upload::{self, Upload, WorkbookUpload};
use super::vocabulary::Vocabulary;
use super::words::{code, say, sentence, sheet, wanted};
use crate::access::caller::Caller;
use crate::http::extract::Filters;
use crate::http::problem::{Problem, WriteProblems};
use crate::state::Api;
use crate::vocabulary::Language;

/// A file that takes longer is answered before it is in: requests are cut after a while.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);

/// The most mistakes of one answer; the file of mistakes has them all.
const MOST_MISTAKES: usize = 500;

/// What becomes of a file in which something is wrong.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum ImportMode {
    /// Nothing is taken in.
    #[default]
    AllOrNothing,
    /// The good lines are taken in, the others are listed.
    GoodLines,
}

/// How a file is taken in.
#[derive(Debug, Clone, Copy, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct ImportQuery {
    /// Only say what would be done; this is so unless `false` is said.
    pub(super) dry_run: Option<bool>,
    /// What becomes of a file in which something is wrong; `all_or_nothing` when nothing is said.
    #[param(inline)]
    pub(super) mode: Option<ImportMode>,
    /// The language of the sentences about mistakes; the account's own when nothing is said.
    pub(super) lang: Option<Language>,
}

/// How the lines of a sheet fared.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(super) struct ImportSheet {
    /// `sites`, `panels`, `circuits` or `detectors`.
    #[schema(example = "circuits")]
    sheet: String,
    /// What it is called in the file; null when it is not there.
    #[schema(example = "回路")]
    name: Option<String>,
    /// Lines with something in them.
    #[schema(minimum = 0)]
    lines: usize,
    /// Of these, made.
    #[schema(minimum = 0)]
    created: usize,
    /// Changed.
    #[schema(minimum = 0)]
    updated: usize,
    /// There already as they are.
    #[schema(minimum = 0)]
    unchanged: usize,
    /// With a mistake.
    #[schema(minimum = 0)]
    wrong: usize,
}

/// A cell that cannot be.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(super) struct CellMistake {
    /// The sheet: `sites`, `panels`, `circuits` or `detectors`.
    sheet: String,
    /// The line, counted from 1.
    #[schema(minimum = 1)]
    line: u32,
    /// The cell as the file has it.
    #[schema(example = "回路!D7")]
    pub(super) cell: String,
    /// The column as a stable word.
    #[schema(example = "rated_current_a")]
    field: String,
    /// The column as it is called in the reader's language.
    #[schema(example = "额定电流（A）")]
    pub(super) column: String,
    /// The kind of mistake as a stable word.
    #[schema(example = "not_a_number")]
    code: String,
    /// What was had; empty for an empty cell.
    #[schema(example = "abc")]
    pub(super) had: String,
    /// What was wanted, in the reader's language.
    #[schema(example = "应为数字")]
    pub(super) wanted: String,
    /// Both in one sentence.
    #[schema(example = "额定电流（A）填了“abc”：应为数字")]
    pub(super) message: String,
}

/// What was done with a file, or would be.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(super) struct ImportReport {
    /// The file's name.
    file: String,
    /// SHA-256 of its bytes, hexadecimal: the `import` events of the live stream name it while it is taken in.
    sha256: String,
    /// Whether nothing was to be written.
    dry_run: bool,
    /// Whether anything was written.
    applied: bool,
    /// Whether it is still being written: a large file is answered before its end, which `import` events tell.
    running: bool,
    /// The sheets, in the order in which they refer to each other.
    sheets: Vec<ImportSheet>,
    /// What is wrong, in the file's order; at most 500.
    mistakes: Vec<CellMistake>,
    /// How many mistakes there are in all.
    #[schema(minimum = 0)]
    mistakes_total: usize,
    /// Columns that are none of the template's and were not looked at.
    ignored_columns: Vec<String>,
}

/// A workbook, read and checked.
pub(super) struct Looked {
    pub(super) upload: Upload,
    pub(super) checked: Checked,
    file: File,
    language: Language,
}

impl Looked {
    /// The mistakes in the words of the file and of the reader.
    pub(super) fn mistakes(&self) -> impl Iterator<Item = CellMistake> + '_ {
        self.checked.mistakes.iter().map(|mistake| self.said(mistake))
    }

    fn sheet_name(&self, of: Sheet) -> String {
        let own = self.file.layout.name(of);
        own.unwrap_or_else(|| say(self.language, sheet(of))).to_owned()
    }

    fn said(&self, mistake: &Mistake) -> CellMistake {
        let Mistake { sheet, row, field, had, wrong } = mistake;
        let column = column_of(*sheet, *field).map_or("", |column| say(self.language, column.title));
        let wanted = wanted(self.language, wrong, |of| self.sheet_name(of));
        let letters = self.file.layout.letters(*sheet, *field);
        CellMistake {
            sheet: sheet.code().to_owned(),
            line: *row,
            cell: format!("{}!{letters}{row}", self.sheet_name(*sheet)),
            field: field.code().to_owned(),
            column: column.to_owned(),
            code: code(wrong).to_owned(),
            message: sentence(self.language, column, had, &wanted),
            had: had.clone(),
            wanted,
        }
    }

    fn sheets(&self) -> Vec<ImportSheet> {
        let counts = Sheet::ALL.into_iter().zip(self.checked.counts);
        counts
            .map(|(of, count)| ImportSheet {
                sheet: of.code().to_owned(),
                name: self.file.layout.name(of).map(str::to_owned),
                lines: count.rows,
                created: count.made,
                updated: count.changed,
                unchanged: count.kept,
                wrong: count.wrong,
            })
            .collect()
    }
}

/// What a caller may bring in. Detectors are admitted by it, which is a right of its own.
fn scope(caller: &Caller) -> Result<Scope, Problem> {
    caller.scope(Permission::DeviceAdmit)?;
    caller.scope(Permission::DeviceConfigure)
}

/// Reads the workbook of a request and checks it.
pub(super) async fn look(
    api: &Api,
    caller: &Caller,
    lang: Option<Language>,
    request: Request,
) -> Result<(Scope, Looked), Problem> {
    let scope = scope(caller)?;
    let language = language_of(caller, lang);
    let upload = upload::file(request).await?;
    let vocabulary = Vocabulary::read(api, &scope, language).await?;
    let bytes = upload.bytes.clone();
    let read = tokio::task::spawn_blocking(move || read::read(&bytes, &vocabulary)).await;
    let mut file = read.map_err(|error| Problem::internal(&error))??;
    let lines: Lines = std::mem::take(&mut file.lines);
    let mut checked = api.engine.import().check(&scope, &lines).await?;
    // A cell that could not be read is named once, not also as one that is missing.
    let unread: HashSet<_> = file.mistakes.iter().map(|m| (m.sheet, m.row, m.field)).collect();
    checked.mistakes.retain(|m| !unread.contains(&(m.sheet, m.row, m.field)));
    checked.mistakes.append(&mut file.mistakes);
    let layout = &file.layout;
    checked.mistakes.sort_by_key(|m| (m.sheet, m.row, layout.letters(m.sheet, m.field)));
    Ok((scope, Looked { upload, checked, file, language }))
}

/// Takes a workbook in: what is new is made, what is there is changed, by name and serial number. A large one is written in
/// slices; `import` events of the live stream say how far it is.
#[utoipa::path(
    post,
    path = "/exchange/import",
    tag = "exchange",
    operation_id = "import_workbook",
    params(ImportQuery),
    request_body(content = WorkbookUpload, content_type = "multipart/form-data"),
    responses(
        (status = 200, description = "What was done, or would be, and every mistake", body = ImportReport),
        WriteProblems
    )
)]
pub(super) async fn import_workbook(
    State(api): State<Api>,
    caller: Caller,
    Filters(query): Filters<ImportQuery>,
    request: Request,
) -> Result<Json<ImportReport>, Problem> {
    let (scope, looked) = look(&api, &caller, query.lang, request).await?;
    let dry_run = query.dry_run.unwrap_or(true);
    let whole = looked.checked.mistakes.is_empty();
    let taken = whole || query.mode.unwrap_or_default() == ImportMode::GoodLines;
    let applied = !dry_run && taken;
    let mut running = false;
    if applied {
        let (note, checked, actor) = (looked.upload.note.clone(), looked.checked.clone(), caller.actor());
        let engine = api.engine.clone();
        // A reader who goes away does not stop it half way between the store and the pipeline.
        let taking =
            tokio::spawn(async move { engine.import().apply(&scope, &actor, &note, &checked).await });
        match tokio::time::timeout(ANSWER_WITHIN, taking).await {
            Ok(taken) => taken.map_err(|error| Problem::internal(&error))??,
            Err(_long) => running = true,
        }
    }
    Ok(Json(ImportReport {
        file: looked.upload.note.name.clone(),
        sha256: looked.upload.note.sha256.clone(),
        dry_run,
        applied,
        running,
        sheets: looked.sheets(),
        mistakes: looked.mistakes().take(MOST_MISTAKES).collect(),
        mistakes_total: looked.checked.mistakes.len(),
        ignored_columns: looked.file.ignored.clone(),
    }))
}
