//! Tables for spreadsheets: UTF-8 with a byte order mark (so that Chinese opens right), RFC 4180 quoting, and
//! no cell that a spreadsheet would run as a formula.

use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};

/// The mark by which spreadsheets know UTF-8.
pub const BYTE_ORDER_MARK: &str = "\u{feff}";

/// A table under construction.
#[derive(Debug, Default)]
pub struct Csv {
    text: String,
    /// Whether the line under construction has a cell.
    begun: bool,
}

impl Csv {
    /// A table with this first line.
    #[must_use]
    pub fn new(head: &[&str]) -> Self {
        let mut table = Self { text: String::from(BYTE_ORDER_MARK), begun: false };
        table.row(head.iter().map(|cell| (*cell).to_owned()));
        table
    }

    /// One line more.
    pub fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        for cell in cells {
            self.cell(&cell);
        }
        self.end_row();
    }

    /// One cell more in the line.
    pub fn cell(&mut self, cell: &str) {
        self.separate();
        self.push_cell(cell);
    }

    /// One cell more, of something that has no comma and is no formula: a number or a moment.
    pub fn plain(&mut self, cell: impl std::fmt::Display) {
        use std::fmt::Write as _;
        self.separate();
        // Writing to a text cannot fail.
        let _never = write!(self.text, "{cell}");
    }

    /// Ends the line.
    pub fn end_row(&mut self) {
        self.text.push_str("\r\n");
        self.begun = false;
    }

    /// What was written since the last call.
    #[must_use]
    pub fn take(&mut self) -> String {
        std::mem::take(&mut self.text)
    }

    /// Bytes that wait to be taken.
    #[must_use]
    pub const fn waiting(&self) -> usize {
        self.text.len()
    }

    fn separate(&mut self) {
        if self.begun {
            self.text.push(',');
        }
        self.begun = true;
    }

    fn push_cell(&mut self, cell: &str) {
        // A leading =, +, -, @, tab or return makes a spreadsheet run the cell (OWASP: CSV injection). A plain
        // number may begin with a sign.
        let formula = cell.starts_with(['=', '+', '-', '@', '\t', '\r']) && cell.parse::<f64>().is_err();
        let quoted = formula || cell.contains([',', '"', '\n', '\r']);
        if !quoted {
            self.text.push_str(cell);
            return;
        }
        self.text.push('"');
        if formula {
            self.text.push('\'');
        }
        self.text.push_str(&cell.replace('"', "\"\""));
        self.text.push('"');
    }

    /// The table as a file to save under `name` (ASCII).
    #[must_use]
    pub fn into_file(self, name: &str) -> Response {
        let mut response = self.text.into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/csv; charset=utf-8"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Ok(disposition) = HeaderValue::from_str(&format!("attachment; filename=\"{name}\"")) {
            headers.insert(header::CONTENT_DISPOSITION, disposition);
        }
        response
    }

    #[cfg(test)]
    fn text(&self) -> &str {
        &self.text
    }
}

/// A cell of something that may be absent.
#[must_use]
pub fn cell<T: ToString>(value: Option<T>) -> String {
    value.map(|v| v.to_string()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_cell_is_a_formula() {
        let mut table = Csv::new(&["a", "b"]);
        table.row(["=1+1".to_owned(), "-3.5".to_owned()]);
        table.row(["@x,\"y\"".to_owned(), "配电箱".to_owned()]);
        table.row(["-cmd".to_owned(), "two\nlines".to_owned()]);
        assert_eq!(
            table.text(),
            "\u{feff}a,b\r\n\"'=1+1\",-3.5\r\n\"'@x,\"\"y\"\"\",配电箱\r\n\"'-cmd\",\"two\nlines\"\r\n"
        );
    }
}
