//! Readings as a workbook. Lines go to temporary files as they come, so that memory does not grow with them; the file is
//! put together, and sent, when the last line is there.

use std::io::BufWriter;

use rust_xlsxwriter::{Color, Format, FormatAlign, FormatBorder, Workbook, Worksheet, XlsxError};

use super::body::{PIECE, Pieces};
use super::failure::Failure;
use super::plan::Plan;
use super::table::{Cell, Kind, Number, Row};
use super::write::Rows;

/// Lines of a sheet, by the format.
const LINES: u32 = 1_048_576;
/// The most cells of a workbook. More than that no spreadsheet opens on an ordinary computer, and the temporary files
/// would fill the disk.
const MOST_CELLS: u64 = 30_000_000;
/// The day that spreadsheets count from, 1899-12-30, in days before 1970.
const DAYS_BEFORE_1970: f64 = 25_569.0;
const DAY_MS: f64 = 86_400_000.0;

impl From<XlsxError> for Failure {
    fn from(error: XlsxError) -> Self {
        Self::Write(error.to_string())
    }
}

pub(super) fn write(plan: &Plan, mut rows: Rows, mut out: Pieces) -> Result<(), Failure> {
    let moment = Format::new().set_num_format("yyyy-mm-dd hh:mm:ss.000");
    let mut workbook = Workbook::new();
    let mut sheets = 0usize;
    let mut line = LINES;
    let mut cells = 0u64;
    let width = u64::try_from(plan.table.heads.len()).unwrap_or(u64::MAX);
    while let Some(batch) = rows.next()? {
        out.still_wanted()?;
        for row in &batch {
            if line >= LINES {
                sheets += 1;
                begin(workbook.add_worksheet_with_constant_memory()?, plan, sheets)?;
                line = 1;
            }
            put(workbook.worksheet_from_index(sheets - 1)?, plan, line, row, &moment)?;
            line += 1;
            cells = cells.saturating_add(width);
        }
        if cells > MOST_CELLS {
            return Err(Failure::TooManyCells(MOST_CELLS));
        }
    }
    if sheets == 0 {
        begin(workbook.add_worksheet_with_constant_memory()?, plan, 1)?;
    }
    workbook.save_to_writer(BufWriter::with_capacity(PIECE, &mut out))?;
    out.finish()
}

fn begin(sheet: &mut Worksheet, plan: &Plan, number: usize) -> Result<(), Failure> {
    let name = plan.words.sheet();
    sheet.set_name(if number == 1 { name.to_owned() } else { format!("{name} {number}") })?;
    sheet.set_freeze_panes(1, 1)?;
    let bold = Format::new()
        .set_bold()
        .set_background_color(Color::RGB(0x00E8_ECF1))
        .set_border_bottom(FormatBorder::Thin)
        .set_align(FormatAlign::Top);
    for (index, head) in (0u16..).zip(&plan.table.heads) {
        let width = match head.kind() {
            Kind::Moment => 24.0,
            Kind::Text => 18.0,
            Kind::Whole => 10.0,
            Kind::Number => 14.0,
        };
        sheet.set_column_width(index, width)?;
        sheet.write_string_with_format(0, index, head.title(&plan.words), &bold)?;
    }
    Ok(())
}

fn put(sheet: &mut Worksheet, plan: &Plan, line: u32, row: &Row, moment: &Format) -> Result<(), Failure> {
    for (index, head) in (0u16..).zip(&plan.table.heads) {
        match plan.table.cell(row, head, &plan.words) {
            Cell::Moment(at) => {
                #[expect(clippy::cast_precision_loss, reason = "ms since 1970 have far less than 53 bits")]
                let days = plan.words.local_ms(at) as f64 / DAY_MS + DAYS_BEFORE_1970;
                sheet.write_number_with_format(line, index, days, moment)?;
            }
            Cell::Text(said) => {
                sheet.write_string(line, index, said)?;
            }
            Cell::Whole(number) => {
                #[expect(clippy::cast_precision_loss, reason = "ids stay far below 2^53")]
                sheet.write_number(line, index, number as f64)?;
            }
            Cell::Number(number) => {
                sheet.write_number(line, index, rounded(number))?;
            }
            Cell::Nothing => {}
        }
    }
    Ok(())
}

/// The number as its decimals say it: a mean is not shown with sixteen digits.
fn rounded(number: Number) -> f64 {
    let scale = 10f64.powi(i32::from(number.decimals));
    let whole = (number.value * scale).round();
    if whole.is_finite() { whole / scale } else { number.value }
}
