//! The data scope as SQL (invariant 8): a subtree of organisations crossed with a subtree of areas, or-ed
//! over the caller's grants. An empty scope yields nothing.

use domain::access::Scope;
use domain::place::{AreaCode, OrganisationPath};
use sqlx::{QueryBuilder, Sqlite};

/// Appends ` AND (...)` that lets pass only what `scope` holds. `path` and `area` are the columns of the
/// organisation's path and the area's code.
pub(crate) fn push_scope(query: &mut QueryBuilder<Sqlite>, scope: &Scope, path: &str, area: &str) {
    if scope.is_everything() {
        return;
    }
    if scope.is_empty() {
        query.push(" AND 1 = 0");
        return;
    }
    query.push(" AND (");
    for (index, part) in scope.parts().iter().enumerate() {
        query.push(if index == 0 { "(1 = 1" } else { " OR (1 = 1" });
        if let Some(root) = &part.organisation {
            push_organisation(query, root, path);
        }
        if let Some(root) = &part.area {
            push_area(query, root, area);
        }
        query.push(")");
    }
    query.push(")");
}

/// Appends ` AND` the organisation or below it.
pub(crate) fn push_organisation(query: &mut QueryBuilder<Sqlite>, root: &OrganisationPath, path: &str) {
    push_prefix(query, &root.0, path);
}

/// Appends ` AND` the area or inside it.
pub(crate) fn push_area(query: &mut QueryBuilder<Sqlite>, root: &AreaCode, area: &str) {
    push_prefix(query, root.prefix(), area);
}

/// A prefix test without LIKE: nothing in the value is a pattern.
fn push_prefix(query: &mut QueryBuilder<Sqlite>, prefix: &str, column: &str) {
    let length = i64::try_from(prefix.chars().count()).unwrap_or(i64::MAX);
    query.push(format_args!(" AND substr({column}, 1, ")).push_bind(length).push(") = ");
    query.push_bind(prefix.to_owned());
}

/// Appends ` AND` any of the columns contains `text` (case does not matter for Latin letters).
pub(crate) fn push_contains(query: &mut QueryBuilder<Sqlite>, text: &str, columns: &[&str]) {
    let text = text.trim();
    if text.is_empty() {
        return;
    }
    let escaped = text.to_lowercase().replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
    let pattern = format!("%{escaped}%");
    query.push(" AND (");
    for (index, column) in columns.iter().enumerate() {
        query.push(if index == 0 { "" } else { " OR " });
        query.push(format_args!("lower({column}) LIKE ")).push_bind(pattern.clone()).push(" ESCAPE '\\'");
    }
    query.push(")");
}

/// Appends ` AND column IN (...)`; nothing when `codes` is empty.
pub(crate) fn push_any<T>(query: &mut QueryBuilder<Sqlite>, column: &str, values: impl IntoIterator<Item = T>)
where
    T: for<'q> sqlx::Encode<'q, Sqlite> + sqlx::Type<Sqlite>,
{
    let mut first = true;
    for value in values {
        if first {
            query.push(format_args!(" AND {column} IN ("));
        } else {
            query.push(", ");
        }
        query.push_bind(value);
        first = false;
    }
    if !first {
        query.push(")");
    }
}
