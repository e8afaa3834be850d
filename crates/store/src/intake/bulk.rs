//! Multi-row statements of a few fixed lengths: each call to the database crosses to SQLite's thread, so one
//! row per call stops at 46,000 rows/s where 500 rows per call reach 800,000; fixed lengths keep the number
//! of prepared statements small.

use std::sync::OnceLock;

use sqlx::query::Query;
use sqlx::sqlite::SqliteArguments;
use sqlx::{Sqlite, SqliteConnection};

use crate::error::StoreError;

/// Rows per statement, greatest first: doublings, so that a commit of 47 rows is 5 statements; each crossing is a wait
/// for a thread when the machine is busy. 512 rows of 33 columns stay below SQLite's 32,766 parameters.
const LENGTHS: [usize; 10] = [512, 256, 128, 64, 32, 16, 8, 4, 2, 1];

/// A statement over `VALUES` of any number of rows.
pub(crate) struct Bulk {
    head: &'static str,
    columns: usize,
    tail: &'static str,
    texts: OnceLock<[String; LENGTHS.len()]>,
}

pub(crate) type Bound<'q> = Query<'q, Sqlite, SqliteArguments>;

impl Bulk {
    /// `{head} VALUES (..), (..){tail}` with `columns` values per row.
    pub(crate) const fn new(head: &'static str, columns: usize, tail: &'static str) -> Self {
        Self { head, columns, tail, texts: OnceLock::new() }
    }

    /// Runs it over `rows` and counts what was changed.
    pub(crate) async fn run<'q, T>(
        &'static self,
        connection: &mut SqliteConnection,
        rows: &'q [T],
        bind: impl Fn(Bound<'q>, &'q T) -> Bound<'q>,
    ) -> Result<u64, StoreError> {
        let texts = self.texts.get_or_init(|| LENGTHS.map(|length| self.text(length)));
        let mut changed = 0;
        let mut rest = rows;
        for (length, text) in LENGTHS.into_iter().zip(texts) {
            while let Some((now, later)) = rest.split_at_checked(length) {
                if now.is_empty() {
                    break;
                }
                rest = later;
                let query = now.iter().fold(sqlx::query(text.as_str()), &bind);
                changed += query.execute(&mut *connection).await?.rows_affected();
            }
        }
        Ok(changed)
    }

    fn text(&self, length: usize) -> String {
        let mut text = format!("{} VALUES ", self.head);
        for row in 0..length {
            text.push_str(if row == 0 { "(" } else { ", (" });
            for column in 0..self.columns {
                // Not `$1`: SQLite keeps such names in a list, and binding looks each one up from its begin,
                // which costs more than the insert itself with thousands of them.
                text.push_str(if column == 0 { "?" } else { ", ?" });
            }
            text.push(')');
        }
        text.push_str(self.tail);
        text
    }
}
