//! Readings as CSV: RFC 4180, no cell that a spreadsheet would run.

use std::io::Write as _;

use super::body::{PIECE, Pieces};
use super::failure::Failure;
use super::plan::Plan;
use super::table::Cell;
use super::write::Rows;
use crate::http::csv::{BYTE_ORDER_MARK, Csv};

pub(super) fn write(plan: &Plan, mut rows: Rows, mut out: Pieces) -> Result<(), Failure> {
    let (table, words) = (&plan.table, &plan.words);
    if plan.byte_order_mark {
        out.write_all(BYTE_ORDER_MARK.as_bytes())?;
    }
    let mut text = Csv::default();
    for head in &table.heads {
        text.cell(&head.title(words));
    }
    text.end_row();
    while let Some(batch) = rows.next()? {
        for row in &batch {
            for head in &table.heads {
                match table.cell(row, head, words) {
                    Cell::Moment(at) => text.plain(words.moment(at)),
                    Cell::Text(said) => text.cell(&said),
                    Cell::Whole(number) => text.plain(number),
                    Cell::Number(number) => {
                        text.plain(format_args!("{:.*}", usize::from(number.decimals), number.value));
                    }
                    Cell::Nothing => text.plain(""),
                }
            }
            text.end_row();
            if text.waiting() >= PIECE {
                out.write_all(text.take().as_bytes())?;
            }
        }
    }
    out.write_all(text.take().as_bytes())?;
    out.finish()
}
