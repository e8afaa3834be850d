//! From a workbook's bytes to typed lines. Sheets and columns are found by their titles in any of the languages, cells are
//! read one after another without ever building a sheet in memory, and what cannot be read is named by its cell.

use std::collections::{HashMap, HashSet};
use std::io::Cursor;

use calamine::{DataRef, Reader as _, Xlsx, open_workbook_from_rs};
use engine::services::import::line::{CircuitLine, DetectorLine, Field, Lines, PanelLine, Sheet, SiteLine};
use engine::services::import::plan::{Mistake, Wrong};

use super::columns::{Column, Need, columns, letters};
use super::guard::{self, Unfit};
use super::vocabulary::Vocabulary;
use super::words::{Said, sheet as sheet_words};
use crate::http::problem::{Code, Problem};

/// The most lines of a sheet with something in them.
pub(super) const MOST_LINES: usize = 5_000;
/// Columns further right are not looked at.
const MOST_COLUMNS: u32 = 100;
/// What is kept of a cell's text, characters: more than any column takes, so that it is named as too long.
const MOST_TEXT: usize = 1_000;
/// Whole numbers beyond this lose digits as a floating-point number, 2^53.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// What stands in a cell.
#[derive(Debug, Clone, PartialEq)]
enum Cell {
    Text(String),
    Number(f64),
    Flag(bool),
    Date,
    Error,
}

/// Where things stand in a file, so that mistakes can be named as the file has them.
#[derive(Debug, Clone, Default)]
pub(super) struct Layout {
    names: HashMap<Sheet, String>,
    columns: HashMap<(Sheet, Field), u32>,
}

impl Layout {
    /// What a sheet is called in the file.
    pub(super) fn name(&self, sheet: Sheet) -> Option<&str> {
        self.names.get(&sheet).map(String::as_str)
    }

    /// The letters of a column; A for one that is not there.
    pub(super) fn letters(&self, sheet: Sheet, field: Field) -> String {
        letters(self.columns.get(&(sheet, field)).copied().unwrap_or(0))
    }
}

/// A file, read.
#[derive(Debug, Default)]
pub(super) struct File {
    pub(super) lines: Lines,
    pub(super) mistakes: Vec<Mistake>,
    pub(super) layout: Layout,
    /// Columns whose title is none of ours, `回路!H1: 备注`.
    pub(super) ignored: Vec<String>,
}

fn is_title(said: Said, text: &str) -> bool {
    let text = text.trim().trim_end_matches('*').trim();
    said.iter().any(|word| word.eq_ignore_ascii_case(text))
}

fn unreadable(error: &dyn std::fmt::Display) -> Problem {
    Problem::field("file", "unreadable", format!("the workbook cannot be read: {error}"))
}

/// Reads a workbook.
///
/// # Errors
/// 413 for one that unpacks to too much, 422 for one that is none or has none of the sheets.
pub(super) fn read(bytes: &[u8], vocabulary: &Vocabulary) -> Result<File, Problem> {
    guard::check(bytes).map_err(|unfit| match unfit {
        Unfit::NotAWorkbook => Problem::field("file", "not_a_workbook", unfit.to_string()),
        Unfit::TooLarge | Unfit::TooManyParts => Problem::new(Code::TooLarge, unfit.to_string()),
    })?;
    let mut workbook: Xlsx<_> =
        open_workbook_from_rs(Cursor::new(bytes)).map_err(|error: calamine::XlsxError| unreadable(&error))?;
    let mut file = File::default();
    for name in workbook.sheet_names() {
        let Some(of) = Sheet::ALL.into_iter().find(|known| is_title(sheet_words(*known), &name)) else {
            continue;
        };
        if file.layout.names.insert(of, name.clone()).is_none() {
            read_sheet(&mut workbook, &name, of, vocabulary, &mut file)?;
        }
    }
    if file.layout.names.is_empty() {
        let words = "had none of the sheets of the template, wanted one or more of them";
        return Err(Problem::field("file", "no_sheets", words));
    }
    Ok(file)
}

fn read_sheet(
    workbook: &mut Xlsx<Cursor<&[u8]>>,
    name: &str,
    of: Sheet,
    vocabulary: &Vocabulary,
    file: &mut File,
) -> Result<(), Problem> {
    let mut cells = workbook.worksheet_cells_reader(name).map_err(|error| unreadable(&error))?;
    let mut head: Option<HashMap<u32, Field>> = None;
    let mut line: (u32, HashMap<u32, Cell>) = (0, HashMap::new());
    let mut lines = 0;
    loop {
        let next = cells.next_cell().map_err(|error| unreadable(&error))?;
        let position = next.as_ref().map(calamine::Cell::get_position);
        if position.map(|(row, _)| row) != Some(line.0) && !line.1.is_empty() {
            let (row, found) = (line.0, std::mem::take(&mut line.1));
            match &head {
                None => head = Some(read_head(of, name, row, &found, file)),
                Some(head) => {
                    lines += 1;
                    if lines > MOST_LINES {
                        let words = format!("sheet {name} has more than {MOST_LINES} lines");
                        return Err(Problem::field("file", "too_many_lines", words));
                    }
                    read_line(of, row + 1, head, found, vocabulary, file);
                }
            }
        }
        let (Some(cell), Some((row, column))) = (next, position) else { break };
        line.0 = row;
        if column < MOST_COLUMNS
            && let Some(value) = cell_of(cell.get_value())
        {
            line.1.insert(column, value);
        }
    }
    Ok(())
}

fn cell_of(value: &DataRef<'_>) -> Option<Cell> {
    let text = |text: &str| {
        let text = text.trim();
        (!text.is_empty()).then(|| Cell::Text(text.chars().take(MOST_TEXT).collect()))
    };
    match value {
        DataRef::Empty => None,
        #[expect(clippy::cast_precision_loss, reason = "beyond 2^53 is told to the person as lost digits")]
        DataRef::Int(number) => Some(Cell::Number(*number as f64)),
        DataRef::Float(number) => Some(Cell::Number(*number)),
        DataRef::String(said) => text(said),
        DataRef::SharedString(said) => text(said),
        DataRef::Bool(flag) => Some(Cell::Flag(*flag)),
        DataRef::DateTime(_) | DataRef::DateTimeIso(_) | DataRef::DurationIso(_) => Some(Cell::Date),
        DataRef::Error(_) => Some(Cell::Error),
    }
}

/// Which column stands where; names the columns that are missing and those that are not ours.
fn read_head(
    of: Sheet,
    name: &str,
    row: u32,
    cells: &HashMap<u32, Cell>,
    file: &mut File,
) -> HashMap<u32, Field> {
    let mut head = HashMap::new();
    let mut places: Vec<_> = cells.iter().collect();
    places.sort_by_key(|(column, _)| **column);
    let mut seen = HashSet::new();
    for (column, cell) in places {
        let Cell::Text(title) = cell else { continue };
        let known = columns(of).iter().find(|known| is_title(known.title, title));
        match known {
            Some(known) if seen.insert(known.field) => {
                head.insert(*column, known.field);
                file.layout.columns.insert((of, known.field), *column);
            }
            Some(_) | None => file.ignored.push(format!("{name}!{}{}: {title}", letters(*column), row + 1)),
        }
    }
    for missing in columns(of).iter().filter(|c| c.need == Need::Always && !seen.contains(&c.field)) {
        let field = missing.field;
        file.mistakes.push(Mistake {
            sheet: of,
            row: row + 1,
            field,
            had: String::new(),
            wrong: Wrong::ColumnMissing,
        });
    }
    head
}

/// The cells of one line on their way to being typed.
struct LineReader<'r> {
    sheet: Sheet,
    row: u32,
    cells: HashMap<Field, Cell>,
    broken: bool,
    mistakes: &'r mut Vec<Mistake>,
}

impl LineReader<'_> {
    fn wrong(&mut self, field: Field, had: String, wrong: Wrong) {
        self.broken = true;
        self.mistakes.push(Mistake { sheet: self.sheet, row: self.row, field, had, wrong });
    }

    fn text(&mut self, field: Field) -> Option<String> {
        match self.cells.remove(&field)? {
            Cell::Text(text) => Some(text),
            Cell::Number(number) if number.fract() == 0.0 && number.abs() >= EXACT => {
                self.wrong(field, format!("{number}"), Wrong::DigitsLost);
                None
            }
            Cell::Number(number) => Some(number.to_string()),
            Cell::Flag(flag) => Some(if flag { "TRUE" } else { "FALSE" }.to_owned()),
            Cell::Date => {
                self.wrong(field, String::new(), Wrong::DateInstead);
                None
            }
            Cell::Error => {
                self.wrong(field, String::new(), Wrong::CellError);
                None
            }
        }
    }

    fn number(&mut self, field: Field) -> Option<f64> {
        match self.cells.remove(&field)? {
            Cell::Number(number) => Some(number),
            Cell::Text(text) => {
                let number = text.parse::<f64>().ok().filter(|number| number.is_finite());
                if number.is_none() {
                    self.wrong(field, text, Wrong::NotANumber);
                }
                number
            }
            Cell::Flag(flag) => {
                self.wrong(field, flag.to_string(), Wrong::NotANumber);
                None
            }
            Cell::Date => {
                self.wrong(field, String::new(), Wrong::DateInstead);
                None
            }
            Cell::Error => {
                self.wrong(field, String::new(), Wrong::CellError);
                None
            }
        }
    }

    /// A small whole number; `beyond` is what is wrong with one that does not fit.
    fn small(&mut self, field: Field, beyond: Wrong) -> Option<u8> {
        let number = self.number(field)?;
        let small = (0..=u8::MAX).find(|small| f64::from(*small) == number);
        if small.is_none() {
            let wrong = if number.fract() == 0.0 { beyond } else { Wrong::NotWhole };
            self.wrong(field, number.to_string(), wrong);
        }
        small
    }

    /// What `read` makes of a cell's text; a text that it knows nothing of is a mistake.
    fn word<T>(&mut self, field: Field, read: impl Fn(&str) -> Option<T>) -> Option<T> {
        let text = self.text(field)?;
        let word = read(&text);
        if word.is_none() {
            self.wrong(field, text, Wrong::Unknown);
        }
        word
    }
}

fn read_line(
    of: Sheet,
    row: u32,
    head: &HashMap<u32, Field>,
    found: HashMap<u32, Cell>,
    words: &Vocabulary,
    file: &mut File,
) {
    let cells: HashMap<Field, Cell> =
        found.into_iter().filter_map(|(column, cell)| Some((*head.get(&column)?, cell))).collect();
    if cells.is_empty() {
        return;
    }
    let mut line = LineReader { sheet: of, row, cells, broken: false, mistakes: &mut file.mistakes };
    match of {
        Sheet::Sites => {
            let site = SiteLine {
                row,
                name: line.text(Field::Name).unwrap_or_default(),
                address: line.text(Field::Address),
                area: line.word(Field::Area, |text| words.area(text)),
                organisation: line.word(Field::Organisation, |text| words.organisation(text)),
                premises_kind: line.text(Field::PremisesKind).map(|text| Vocabulary::premises(&text)),
                lon: line.number(Field::Lon),
                lat: line.number(Field::Lat),
                zone: line.word(Field::Zone, |text| {
                    jiff::tz::TimeZone::get(text).ok().map(|_zone| text.to_owned())
                }),
                contact_name: line.text(Field::ContactName),
                contact_phone: line.text(Field::ContactPhone),
                broken: false,
            };
            let broken = line.broken;
            file.lines.sites.push(SiteLine { broken, ..site });
        }
        Sheet::Panels => {
            let panel = PanelLine {
                row,
                site: line.text(Field::Site).unwrap_or_default(),
                name: line.text(Field::Name).unwrap_or_default(),
                location: line.text(Field::Location),
                broken: false,
            };
            let broken = line.broken;
            file.lines.panels.push(PanelLine { broken, ..panel });
        }
        Sheet::Circuits => {
            let circuit = CircuitLine {
                row,
                site: line.text(Field::Site).unwrap_or_default(),
                panel: line.text(Field::Panel).unwrap_or_default(),
                name: line.text(Field::Name).unwrap_or_default(),
                rated_current_a: line.number(Field::RatedCurrent),
                phases: line.small(Field::Phases, Wrong::NotOneOrThree),
                load_kind: line.text(Field::LoadKind).map(|text| Vocabulary::load(&text)),
                broken: false,
            };
            let broken = line.broken;
            file.lines.circuits.push(CircuitLine { broken, ..circuit });
        }
        Sheet::Detectors => {
            let detector = DetectorLine {
                row,
                serial: line.text(Field::Serial).unwrap_or_default(),
                protocol: line.word(Field::Protocol, |text| words.protocol(text)),
                unit_address: line.small(Field::Unit, Wrong::UnitWanted),
                address: line.text(Field::SubAddress),
                profile: line.text(Field::Profile).map(|text| words.profile(&text)),
                name: line.text(Field::Name).unwrap_or_default(),
                site: line.text(Field::Site).unwrap_or_default(),
                panel: line.text(Field::Panel).unwrap_or_default(),
                circuit: line.text(Field::Circuit).unwrap_or_default(),
                broken: false,
            };
            let broken = line.broken;
            file.lines.detectors.push(DetectorLine { broken, ..detector });
        }
    }
}

/// What a column is called.
pub(super) fn column_of(sheet: Sheet, field: Field) -> Option<&'static Column> {
    columns(sheet).iter().find(|column| column.field == field)
}
