//! Tables for spreadsheets: UTF-8 with a byte order mark (so that Chinese opens right), RFC 4180 quoting, and
//! no cell that a spreadsheet would run as a formula.

use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};

/// A table under construction.
#[derive(Debug)]
pub struct Csv(String);

impl Csv {
    /// A table with this first line.
    #[must_use]
    pub fn new(head: &[&str]) -> Self {
        let mut table = Self(String::from("\u{feff}"));
        table.row(head.iter().map(|cell| (*cell).to_owned()));
        table
    }

    /// One line more.
    pub fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        for (index, cell) in cells.into_iter().enumerate() {
            if index > 0 {
                self.0.push(',');
            }
            self.push_cell(&cell);
        }
        self.0.push_str("\r\n");
    }

    fn push_cell(&mut self, cell: &str) {
        // A leading =, +, -, @, tab or return makes a spreadsheet run the cell (OWASP: CSV injection). A plain
        // number may begin with a sign.
        let formula = cell.starts_with(['=', '+', '-', '@', '\t', '\r']) && cell.parse::<f64>().is_err();
        let quoted = formula || cell.contains([',', '"', '\n', '\r']);
        if !quoted {
            self.0.push_str(cell);
            return;
        }
        self.0.push('"');
        if formula {
            self.0.push('\'');
        }
        self.0.push_str(&cell.replace('"', "\"\""));
        self.0.push('"');
    }

    /// The table as a file to save under `name` (ASCII).
    #[must_use]
    pub fn into_file(self, name: &str) -> Response {
        let mut response = self.0.into_response();
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
        &self.0
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
