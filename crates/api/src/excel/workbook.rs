//! Writing files: the four sheets with their heads, notes and drop-downs, rows as they come, and the bytes on their way to
//! the reader while they are made. Rows go to temporary files, so that memory does not grow with them.

use std::io;

use axum::body::{Body, Bytes};
use axum::http::{HeaderValue, header};
use axum::response::Response;
use engine::services::import::line::Sheet;
use rust_xlsxwriter::{
    Color, DataValidation, DataValidationErrorStyle, Format, FormatAlign, FormatBorder, Formula, Note,
    Workbook, Worksheet, XlsxError,
};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

use super::columns::{Column, Kind, List, Need, columns, letters};
use super::vocabulary::Vocabulary;
use super::words::{HELP_HEAD, HELP_LINES, HELP_SHEET, LISTS_SHEET, NEW_ONLY, Said, YES, say, sheet};
use crate::http::problem::Problem;
use crate::vocabulary::Language;

/// The media type of the files.
pub(super) const MEDIA_TYPE: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";

/// The last line of a sheet that has drop-downs, counted from 0.
pub(super) const LAST_LINE: u32 = 5_000;

/// The most characters of a cell, by the format.
const LONGEST_CELL: usize = 32_767;

/// Rows on their way into a file, and pieces of it on their way out.
const WAITING: usize = 64;

/// Bytes of one piece.
const PIECE: usize = 64 * 1024;

/// What stands in a cell.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    Text(String),
    Number(f64),
    Nothing,
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        if text.is_empty() { Self::Nothing } else { Self::Text(text) }
    }
}

impl From<Option<String>> for Value {
    fn from(text: Option<String>) -> Self {
        text.map_or(Self::Nothing, Self::from)
    }
}

impl From<Option<f64>> for Value {
    fn from(number: Option<f64>) -> Self {
        number.map_or(Self::Nothing, Self::Number)
    }
}

/// A row for one of the sheets; `None` says that there is no more because something failed.
pub(super) type Row = Option<(Sheet, Vec<Value>)>;

/// A sender of rows and their receiver, bounded.
pub(super) fn rows() -> (mpsc::Sender<Row>, mpsc::Receiver<Row>) {
    mpsc::channel(WAITING)
}

/// What ended a file before its end.
#[derive(Debug, thiserror::Error)]
enum WriteError {
    #[error(transparent)]
    Xlsx(#[from] XlsxError),
    #[error("the rows ended before their end")]
    Rows,
}

/// A file of the four sheets under `name` (ASCII), sent while the rows come.
pub(super) fn stream(name: &str, vocabulary: Vocabulary, rows: mpsc::Receiver<Row>) -> Response {
    let (pieces, out) = mpsc::channel(WAITING);
    let end = pieces.clone();
    tokio::task::spawn_blocking(move || {
        if let Err(error) = write(&vocabulary, rows, Pieces::new(pieces)) {
            tracing::warn!(%error, "a spreadsheet could not be written to its end");
            // The reader sees a connection that breaks off instead of a file that looks whole.
            let _reader_gone = end.blocking_send(Err(io::Error::other(error)));
        }
    });
    answer(name, Body::from_stream(ReceiverStream::new(out)))
}

/// A file that is whole already.
pub(super) fn whole(name: &str, bytes: Vec<u8>) -> Response {
    answer(name, Body::from(bytes))
}

fn answer(name: &str, body: Body) -> Response {
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Ok(disposition) = HeaderValue::from_str(&format!("attachment; filename=\"{name}\"")) {
        headers.insert(header::CONTENT_DISPOSITION, disposition);
    }
    response
}

fn write(vocabulary: &Vocabulary, mut rows: mpsc::Receiver<Row>, out: Pieces) -> Result<(), WriteError> {
    let language = vocabulary.language();
    let mut workbook = Workbook::new();
    let mut next = Vec::with_capacity(Sheet::ALL.len());
    for one in Sheet::ALL {
        let worksheet = workbook.add_worksheet_with_constant_memory()?;
        worksheet.set_name(say(language, sheet(one)))?;
        head(worksheet, one, language)?;
        next.push(1u32);
    }
    while let Some(row) = rows.blocking_recv() {
        let (to, values) = row.ok_or(WriteError::Rows)?;
        let index = place(to);
        let Some(line) = next.get_mut(index) else { continue };
        write_row(workbook.worksheet_from_index(index)?, *line, &values)?;
        *line += 1;
    }
    help(workbook.add_worksheet(), language)?;
    let lists = lists(workbook.add_worksheet(), vocabulary)?;
    for one in Sheet::ALL {
        drop_downs(workbook.worksheet_from_index(place(one))?, one, language, &lists)?;
    }
    workbook.save_to_writer(io::BufWriter::with_capacity(PIECE, out))?;
    Ok(())
}

/// The place of a sheet in the file.
const fn place(of: Sheet) -> usize {
    match of {
        Sheet::Sites => 0,
        Sheet::Panels => 1,
        Sheet::Circuits => 2,
        Sheet::Detectors => 3,
    }
}

fn bold() -> Format {
    Format::new()
        .set_bold()
        .set_background_color(Color::RGB(0x00E8_ECF1))
        .set_border_bottom(FormatBorder::Thin)
        .set_align(FormatAlign::Top)
}

/// A column's title; a star says that something must be there.
fn title(column: &Column, language: Language) -> String {
    let title = say(language, column.title);
    match column.need {
        Need::Always | Need::New => format!("{title} *"),
        Need::No => title.to_owned(),
    }
}

fn head(worksheet: &mut Worksheet, of: Sheet, language: Language) -> Result<(), XlsxError> {
    let (bold, text) = (bold(), Format::new().set_num_format("@"));
    worksheet.set_freeze_panes(1, 0)?;
    for (index, column) in (0u16..).zip(columns(of)) {
        worksheet.set_column_width(index, column.width)?;
        // Long numbers lose their digits and `3-1` becomes a date unless the column is text.
        if column.kind == Kind::Text {
            worksheet.set_column_format(index, &text)?;
        }
        worksheet.write_string_with_format(0, index, title(column, language), &bold)?;
        let note = Note::new(say(language, column.note)).add_author_prefix(false).set_width(220);
        worksheet.insert_note(0, index, &note)?;
    }
    Ok(())
}

fn write_row(worksheet: &mut Worksheet, line: u32, values: &[Value]) -> Result<(), XlsxError> {
    for (index, value) in (0u16..).zip(values) {
        match value {
            Value::Text(text) if text.chars().count() > LONGEST_CELL => {
                worksheet.write_string(line, index, text.chars().take(LONGEST_CELL).collect::<String>())?
            }
            Value::Text(text) => worksheet.write_string(line, index, text)?,
            Value::Number(number) => worksheet.write_number(line, index, *number)?,
            Value::Nothing => continue,
        };
    }
    Ok(())
}

fn help(worksheet: &mut Worksheet, language: Language) -> Result<(), XlsxError> {
    let wrapped = Format::new().set_text_wrap().set_align(FormatAlign::Top);
    worksheet.set_name(say(language, HELP_SHEET))?;
    for (column, width) in (0u16..).zip([14.0, 22.0, 12.0, 60.0, 30.0]) {
        worksheet.set_column_width(column, width)?;
    }
    let mut line = 0;
    for said in HELP_LINES {
        worksheet.write_string(line, 0, say(language, said))?;
        line += 1;
    }
    line += 1;
    for (column, said) in (0u16..).zip(HELP_HEAD) {
        worksheet.write_string_with_format(line, column, say(language, said), &bold())?;
    }
    for of in Sheet::ALL {
        for column in columns(of) {
            line += 1;
            let need: Said = match column.need {
                Need::Always => YES,
                Need::New => NEW_ONLY,
                Need::No => ["", "", ""],
            };
            let cells = [sheet(of), column.title, need, column.note, column.example];
            for (index, said) in (0u16..).zip(cells) {
                worksheet.write_string_with_format(line, index, say(language, said), &wrapped)?;
            }
        }
    }
    Ok(())
}

/// Where the values of each drop-down stand.
type Ranges = Vec<(List, String)>;

const LISTS: [List; 7] = [
    List::Areas,
    List::Organisations,
    List::Premises,
    List::Loads,
    List::Phases,
    List::Protocols,
    List::Profiles,
];

fn lists(worksheet: &mut Worksheet, vocabulary: &Vocabulary) -> Result<Ranges, XlsxError> {
    let name = say(vocabulary.language(), LISTS_SHEET);
    worksheet.set_name(name)?;
    worksheet.set_hidden(true);
    let mut ranges = Ranges::new();
    for (column, list) in (0u16..).zip(LISTS) {
        let offers = vocabulary.offers(list);
        if offers.is_empty() {
            continue;
        }
        for (line, offer) in (0u32..).zip(&offers) {
            worksheet.write_string(line, column, offer)?;
        }
        let letter = letters(u32::from(column));
        ranges.push((list, format!("='{name}'!${letter}$1:${letter}${}", offers.len())));
    }
    Ok(ranges)
}

/// The column of a sheet that holds the names that others refer to.
fn names(of: Sheet, language: Language) -> Option<String> {
    use engine::services::import::line::Field;
    let index = columns(of).iter().position(|column| column.field == Field::Name)?;
    let letter = letters(u32::try_from(index).ok()?);
    let last = LAST_LINE + 1;
    Some(format!("='{}'!${letter}$2:${letter}${last}", say(language, sheet(of))))
}

fn drop_downs(
    worksheet: &mut Worksheet,
    of: Sheet,
    language: Language,
    ranges: &Ranges,
) -> Result<(), XlsxError> {
    for (index, column) in (0u16..).zip(columns(of)) {
        let Some(list) = column.list else { continue };
        let range = if let List::Names(other) = list {
            names(other, language)
        } else {
            ranges.iter().find(|(known, _)| *known == list).map(|(_, range)| range.clone())
        };
        let Some(range) = range else { continue };
        // Names of what is on the platform already and words of one's own are not in the list and may be written.
        let closed = match list {
            List::Phases | List::Protocols => true,
            List::Areas
            | List::Organisations
            | List::Premises
            | List::Loads
            | List::Profiles
            | List::Names(_) => false,
        };
        let validation = DataValidation::new()
            .allow_list_formula(Formula::new(range))
            .set_error_style(DataValidationErrorStyle::Stop)
            .show_error_message(closed);
        worksheet.add_data_validation(1, index, LAST_LINE, index, &validation)?;
    }
    Ok(())
}

/// A small table as a whole file.
///
/// # Errors
/// 500 when it cannot be written.
pub(super) fn table(
    name: &str,
    head: &[(&str, f64)],
    rows: impl IntoIterator<Item = Vec<Value>>,
) -> Result<Vec<u8>, Problem> {
    let made = || -> Result<Vec<u8>, XlsxError> {
        let mut workbook = Workbook::new();
        let worksheet = workbook.add_worksheet();
        worksheet.set_name(name)?;
        worksheet.set_freeze_panes(1, 0)?;
        for (index, (title, width)) in (0u16..).zip(head) {
            worksheet.set_column_width(index, *width)?;
            worksheet.write_string_with_format(0, index, *title, &bold())?;
        }
        for (line, row) in (1u32..).zip(rows) {
            write_row(worksheet, line, &row)?;
        }
        workbook.save_to_buffer()
    };
    made().map_err(|error| Problem::internal(&error))
}

/// The writing end of a body: waits while the reader is behind, ends when the reader is gone.
struct Pieces(mpsc::Sender<Result<Bytes, io::Error>>);

impl Pieces {
    const fn new(pieces: mpsc::Sender<Result<Bytes, io::Error>>) -> Self {
        Self(pieces)
    }
}

impl io::Write for Pieces {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let piece = Bytes::copy_from_slice(bytes);
        self.0.blocking_send(Ok(piece)).map_err(|_gone| io::Error::from(io::ErrorKind::BrokenPipe))?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
