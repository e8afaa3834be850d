//! Telegram logs: what really came and went on a line, with the fields of the frame.

use axum::Json;
use axum::extract::State;
use domain::access::Permission;
use domain::id::{DetectorId, TerminalId};
use serde::{Deserialize, Serialize};
use store::telegrams::TelegramRow;
use utoipa::{IntoParams, ToSchema};
use wire::Direction as Way;

use crate::access::caller::Caller;
use crate::http::extract::{Filters, Id};
use crate::http::page::{self, Page};
use crate::http::problem::{ItemProblems, Problem};
use crate::http::time::Time;
use crate::meaning::{Asked, Line, TelegramField};
use crate::state::Api;
use crate::vocabulary::Direction;

/// One frame, or the bytes that could not become one.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(super) struct Telegram {
    /// Its id.
    pub id: i64,
    /// The server's clock.
    pub at: Time,
    /// Which way.
    pub direction: Direction,
    /// `cloud_7b7b`, `modbus_rtu`, or `unknown`.
    pub protocol: String,
    /// The address at the other end.
    pub remote: String,
    /// The bytes, in pairs of hex digits with blanks between.
    #[schema(example = "01 03 04 00 00 00 1E 7B FB")]
    pub hex: String,
    /// How many bytes are kept.
    #[schema(minimum = 0)]
    pub length: u32,
    /// Whether it was refused.
    pub refused: bool,
    /// Why.
    pub reason: Option<String>,
    /// The clause of the standard or the section of the vendor's document.
    pub clause: Option<String>,
    /// The parts of the frame that have a name.
    pub fields: Vec<TelegramField>,
}

/// Which telegrams.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct TelegramQuery {
    /// Only refused ones, or only understood ones.
    pub refused: Option<bool>,
    /// Rows on a page.
    #[param(minimum = 1, maximum = 500)]
    pub limit: Option<u32>,
    /// Where the page begins.
    #[param(max_length = 2000)]
    pub cursor: Option<String>,
}

impl Telegram {
    pub(super) const fn is_down(&self) -> bool {
        matches!(self.direction, Direction::Down)
    }

    /// A row with its parts named by who is on the line.
    fn of(row: TelegramRow, line: &Line, asked: Option<&Asked>) -> Self {
        let (direction, way) = way(&row);
        let fields = line.explain(&row.bytes, way, asked);
        Self {
            id: row.id,
            at: row.at.into(),
            direction,
            protocol: row.protocol,
            remote: row.remote,
            hex: hex(&row.bytes),
            length: u32::try_from(row.bytes.len()).unwrap_or(u32::MAX),
            refused: row.refused,
            reason: row.reason,
            clause: row.clause,
            fields,
        }
    }
}

fn way(row: &TelegramRow) -> (Direction, Way) {
    if row.direction == "down" { (Direction::Down, Way::Down) } else { (Direction::Up, Way::Up) }
}

/// How far before an answer its request may stand: a registration or a heartbeat may have come between.
const REQUEST_WITHIN: usize = 4;

/// Rows, newest first, with their parts named by who is on the line.
pub(super) fn told(line: &Line, rows: Vec<TelegramRow>) -> Vec<Telegram> {
    let asked: Vec<Option<Asked>> = rows
        .iter()
        .enumerate()
        .map(|(index, row)| {
            let before = || rows.iter().skip(index + 1).take(REQUEST_WITHIN);
            let is_request =
                |before: &&TelegramRow| before.direction == "down" && before.remote == row.remote;
            (row.direction != "down")
                .then(|| before().filter(is_request).find_map(|before| line.asks(&before.bytes)))
                .flatten()
        })
        .collect();
    rows.into_iter().zip(asked).map(|(row, asked)| Telegram::of(row, line, asked.as_ref())).collect()
}

/// Bytes in pairs of hex digits with blanks between.
pub(crate) fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 3);
    for (index, byte) in bytes.iter().enumerate() {
        if index > 0 {
            text.push(' ');
        }
        text.push_str(&format!("{byte:02X}"));
    }
    text
}

/// The telegrams of a detector's line, newest first. Behind a DTU they are the line's, of all its detectors.
#[utoipa::path(
    get,
    path = "/detectors/{id}/telegrams",
    tag = "detectors",
    operation_id = "list_detector_telegrams",
    params(("id" = i64, Path, description = "The detector", minimum = 1), TelegramQuery),
    responses((status = 200, description = "One page", body = Page<Telegram>), ItemProblems)
)]
pub(super) async fn list_detector_telegrams(
    State(api): State<Api>,
    caller: Caller,
    Id(id): Id,
    Filters(query): Filters<TelegramQuery>,
) -> Result<Json<Page<Telegram>>, Problem> {
    let scope = caller.scope(Permission::TelegramView)?;
    let page = page::asked(query.limit, query.cursor.as_deref())?;
    let terminal = api.store.detectors().get(&scope, DetectorId(id)).await?.terminal_id;
    let rows = api.store.telegrams().of_terminal(&scope, terminal, query.refused, &page).await?;
    Ok(Json(Page {
        items: told(&Line::of(&api, terminal), rows.items),
        next_cursor: rows.next_cursor,
        total: rows.total,
    }))
}

/// The telegrams of a terminal's line, newest first; also of one that waits for admission.
#[utoipa::path(
    get,
    path = "/terminals/{id}/telegrams",
    tag = "detectors",
    operation_id = "list_terminal_telegrams",
    params(("id" = i64, Path, description = "The terminal", minimum = 1), TelegramQuery),
    responses((status = 200, description = "One page", body = Page<Telegram>), ItemProblems)
)]
pub(super) async fn list_terminal_telegrams(
    State(api): State<Api>,
    caller: Caller,
    Id(id): Id,
    Filters(query): Filters<TelegramQuery>,
) -> Result<Json<Page<Telegram>>, Problem> {
    let scope = caller.scope(Permission::TelegramView)?;
    let page = page::asked(query.limit, query.cursor.as_deref())?;
    let rows = api.store.telegrams().of_terminal(&scope, TerminalId(id), query.refused, &page).await?;
    Ok(Json(Page {
        items: told(&Line::of(&api, TerminalId(id)), rows.items),
        next_cursor: rows.next_cursor,
        total: rows.total,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_written_in_pairs_and_named() {
        let row = TelegramRow {
            id: 1,
            terminal_id: TerminalId(1),
            remote: "127.0.0.1:1".to_owned(),
            at: domain::time::UnixMs(0),
            direction: "down".to_owned(),
            protocol: "modbus_rtu".to_owned(),
            // Read holding registers 0 and 1 of unit 1, the example of the Modbus over serial line guide.
            bytes: vec![0x01, 0x03, 0x00, 0x00, 0x00, 0x02, 0xC4, 0x0B],
            refused: false,
            reason: None,
            clause: None,
        };
        let telegram = Telegram::of(row, &Line::nobody(), None);
        assert_eq!(telegram.hex, "01 03 00 00 00 02 C4 0B");
        assert_eq!(telegram.fields.iter().map(|f| f.len).sum::<u32>(), 8);
        assert_eq!(telegram.fields[0].name, "unit");
    }
}
