//! Pages by key, not by offset: what arrives meanwhile neither repeats nor hides a row.

use serde::{Deserialize, Serialize};
use sqlx::sqlite::SqliteRow;
use sqlx::{FromRow, QueryBuilder, Row, Sqlite, SqlitePool, TypeInfo, ValueRef};

use crate::error::StoreError;

/// Which page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// How many rows at most, 1-500.
    pub limit: u32,
    /// Where the last page ended; opaque.
    pub cursor: Option<String>,
}

impl Page {
    /// The most rows on one page.
    pub const MOST: u32 = 500;

    /// The most rows that are counted: nobody reads an exact number of a hundred thousand, and it takes seconds.
    pub const MOST_COUNTED: i64 = 10_000;

    /// The first page of `limit` rows.
    #[must_use]
    pub const fn first(limit: u32) -> Self {
        Self { limit, cursor: None }
    }
}

impl Default for Page {
    fn default() -> Self {
        Self::first(50)
    }
}

/// One page.
#[derive(Debug, Clone, PartialEq)]
pub struct Paged<T> {
    /// The rows.
    pub items: Vec<T>,
    /// Where the next page begins; `None` at the end.
    pub next_cursor: Option<String>,
    /// How many there are on all pages; counted for the first page only, and not beyond [`Page::MOST_COUNTED`].
    pub total: Option<i64>,
}

/// An order of rows: the keys, ending in one that is unique, all in one direction. A key is never null.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Order {
    /// Its name in the cursor, so that a cursor of another order is refused.
    pub(crate) name: &'static str,
    pub(crate) keys: &'static [&'static str],
    pub(crate) descending: bool,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(untagged)]
enum Key {
    Int(i64),
    Real(f64),
    Text(String),
}

#[derive(Serialize, Deserialize)]
struct Cursor {
    order: String,
    keys: Vec<Key>,
}

fn bad_cursor() -> StoreError {
    StoreError::invalid("cursor", "malformed", "the cursor is not one of this list in this order")
}

impl Cursor {
    fn read(text: &str, order: &Order) -> Result<Vec<Key>, StoreError> {
        let bytes = unhex(text).ok_or_else(bad_cursor)?;
        let cursor: Self = serde_json::from_slice(&bytes).map_err(|_| bad_cursor())?;
        if cursor.order != order.name || cursor.keys.len() != order.keys.len() {
            return Err(bad_cursor());
        }
        Ok(cursor.keys)
    }
}

/// The parts of a paged query: `SELECT {columns} {from} WHERE 1 = 1 {filter}`.
pub(crate) struct PagedQuery<'f> {
    pub(crate) columns: &'static str,
    pub(crate) from: &'static str,
    pub(crate) order: Order,
    pub(crate) filter: &'f (dyn Fn(&mut QueryBuilder<Sqlite>) + Send + Sync),
}

impl PagedQuery<'_> {
    pub(crate) async fn fetch<T>(&self, pool: &SqlitePool, page: &Page) -> Result<Paged<T>, StoreError>
    where
        T: for<'r> FromRow<'r, SqliteRow> + Send + Unpin,
    {
        let limit = page.limit.clamp(1, Page::MOST);
        let mut query = QueryBuilder::<Sqlite>::new(format!("SELECT {}", self.columns));
        for (index, key) in self.order.keys.iter().enumerate() {
            query.push(format_args!(", {key} AS page_key_{index}"));
        }
        query.push(format_args!(" {} WHERE 1 = 1", self.from));
        (self.filter)(&mut query);
        if let Some(cursor) = &page.cursor {
            let keys = Cursor::read(cursor, &self.order)?;
            query.push(format_args!(" AND ({}) ", self.order.keys.join(", ")));
            query.push(if self.order.descending { "< (" } else { "> (" });
            let mut separated = query.separated(", ");
            for key in keys {
                match key {
                    Key::Int(number) => separated.push_bind(number),
                    Key::Real(number) => separated.push_bind(number),
                    Key::Text(text) => separated.push_bind(text),
                };
            }
            query.push(")");
        }
        let direction = if self.order.descending { "DESC" } else { "ASC" };
        for (index, key) in self.order.keys.iter().enumerate() {
            query.push(if index == 0 { " ORDER BY " } else { ", " });
            query.push(format_args!("{key} {direction}"));
        }
        query.push(" LIMIT ").push_bind(i64::from(limit) + 1);
        let mut rows = query.build().fetch_all(pool).await?;

        let wanted = usize::try_from(limit).unwrap_or(usize::MAX);
        let more = rows.len() > wanted;
        rows.truncate(wanted);
        let next_cursor = match rows.last() {
            Some(row) if more => Some(self.cursor_after(row)?),
            Some(_) | None => None,
        };
        let items = rows.iter().map(T::from_row).collect::<Result<Vec<_>, _>>()?;
        let total = match page.cursor {
            None if !more => i64::try_from(items.len()).ok(),
            None => self.count(pool).await?,
            Some(_) => None,
        };
        Ok(Paged { items, next_cursor, total })
    }

    async fn count(&self, pool: &SqlitePool) -> Result<Option<i64>, StoreError> {
        let mut query =
            QueryBuilder::<Sqlite>::new(format!("SELECT count(*) FROM (SELECT 1 {} WHERE 1 = 1", self.from));
        (self.filter)(&mut query);
        query.push(" LIMIT ").push_bind(Page::MOST_COUNTED + 1).push(") counted");
        let counted: i64 = query.build_query_scalar().fetch_one(pool).await?;
        Ok((counted <= Page::MOST_COUNTED).then_some(counted))
    }

    fn cursor_after(&self, row: &SqliteRow) -> Result<String, StoreError> {
        let mut keys = Vec::with_capacity(self.order.keys.len());
        for index in 0..self.order.keys.len() {
            let name = format!("page_key_{index}");
            let raw = row.try_get_raw(name.as_str())?;
            let kind = raw.type_info().name().to_owned();
            keys.push(match kind.as_str() {
                "TEXT" => Key::Text(row.try_get(name.as_str())?),
                "REAL" => Key::Real(row.try_get(name.as_str())?),
                _ => Key::Int(row.try_get_unchecked(name.as_str())?),
            });
        }
        let cursor = Cursor { order: self.order.name.to_owned(), keys };
        let json = serde_json::to_vec(&cursor).map_err(|error| StoreError::corrupt(error.to_string()))?;
        Ok(hex(&json))
    }
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing into a String cannot fail.
        let _infallible = write!(text, "{byte:02x}");
        text
    })
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    if !text.len().is_multiple_of(2) || !text.is_ascii() {
        return None;
    }
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(text.get(at..at + 2)?, 16).ok()).collect()
}
