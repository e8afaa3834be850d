//! Lists that come page by page. The store makes the cursors: opaque, by key, refused under another order.

use serde::Serialize;
use utoipa::ToSchema;

use super::problem::{FieldError, Problem};

/// How many rows a page has when nothing is said.
pub const DEFAULT_LIMIT: u32 = 50;
/// How many rows a page has at most.
pub const MAX_LIMIT: u32 = 500;

/// One page of a list.
#[derive(Debug, Serialize, ToSchema)]
pub struct Page<T> {
    /// The rows.
    pub items: Vec<T>,
    /// Where the next page begins; null on the last page.
    pub next_cursor: Option<String>,
    /// How many rows there are in all, where that is known.
    #[schema(minimum = 0)]
    pub total: Option<i64>,
}

impl<T> Page<T> {
    /// A page of the store in the API's shape.
    #[must_use]
    pub fn of<R>(rows: store::Paged<R>, shape: impl FnMut(R) -> T) -> Self {
        Self {
            items: rows.items.into_iter().map(shape).collect(),
            next_cursor: rows.next_cursor,
            total: rows.total,
        }
    }

    /// A list that is always whole.
    #[must_use]
    pub fn whole(items: Vec<T>) -> Self {
        let total = i64::try_from(items.len()).ok();
        Self { items, next_cursor: None, total }
    }
}

/// The asked page size.
///
/// # Errors
/// 422 about `limit` outside of 1 to 500.
fn limit_of(limit: Option<u32>) -> Result<u32, Problem> {
    let limit = limit.unwrap_or(DEFAULT_LIMIT);
    if (1..=MAX_LIMIT).contains(&limit) {
        Ok(limit)
    } else {
        let error = FieldError::new("limit", "out_of_range", format!("had {limit}, wanted 1 to {MAX_LIMIT}"));
        Err(Problem::invalid(vec![error.with("min", 1).with("max", MAX_LIMIT)]))
    }
}

/// The page that a query asks for.
///
/// # Errors
/// 422 about `limit` outside of 1 to 500.
pub fn asked(limit: Option<u32>, cursor: Option<&str>) -> Result<store::Page, Problem> {
    Ok(store::Page { limit: limit_of(limit)?, cursor: cursor.map(str::to_owned) })
}

/// 422 about a `sort` that is not one of the list's.
#[must_use]
pub fn unknown_sort(had: &str, wanted: &str) -> Problem {
    Problem::field("sort", "unknown_value", format!("had `{had}`, wanted {wanted}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_has_its_range() {
        assert_eq!(limit_of(None).unwrap(), 50);
        assert_eq!(limit_of(Some(500)).unwrap(), 500);
        assert!(limit_of(Some(0)).is_err());
        assert!(limit_of(Some(501)).is_err());
    }
}
