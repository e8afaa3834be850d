//! Which field of the form a place in the text is, so that a mistake found in the text stands beside its field.

use std::ops::Range;

use toml_edit::{Document, Item, TableLike, Value};

/// The field at `line` and `column` (both from 1, a column is a character) as `points[3].address`; empty where the
/// text is no TOML. A key that the reason says is missing is named behind the part that misses it.
pub(in crate::profiles) fn field_at(text: &str, line: usize, column: usize, reason: &str) -> String {
    let Ok(document) = Document::parse(text) else { return String::new() };
    let at = offset(text, line, column);
    let found = in_table(document.as_table(), "", at).unwrap_or_default();
    match missing(reason) {
        // What the file as a whole misses is told at its beginning.
        Some(key) if line == 1 && column == 1 => key.to_owned(),
        Some(key) if !found.ends_with(&format!(".{key}")) && found != key => joined(&found, key),
        Some(_) | None => found,
    }
}

/// Byte of a line and column; the end of the text where it has no such place.
fn offset(text: &str, line: usize, column: usize) -> usize {
    let mut start = 0;
    for (index, one) in text.split_inclusive('\n').enumerate() {
        if index + 1 == line {
            let within = one.char_indices().nth(column.saturating_sub(1)).map_or(one.len(), |(at, _)| at);
            return start + within;
        }
        start += one.len();
    }
    text.len()
}

/// The key that a reason says is missing: "missing field `x`", "x is missing".
fn missing(reason: &str) -> Option<&str> {
    if let Some(rest) = reason.strip_prefix("missing field `") {
        return rest.split('`').next();
    }
    reason.strip_suffix(" is missing").filter(|key| key.chars().all(|c| c.is_ascii_lowercase() || c == '_'))
}

fn joined(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

fn holds(span: Option<Range<usize>>, at: usize) -> bool {
    span.is_some_and(|span| span.start <= at && at < span.end.max(span.start + 1))
}

fn in_table(table: &dyn TableLike, path: &str, at: usize) -> Option<String> {
    for (key, item) in table.iter() {
        let own = joined(path, key);
        let named = table.get_key_value(key).and_then(|(key, _)| key.span());
        if let Some(found) = in_item(item, &own, at) {
            return Some(found);
        }
        if holds(named, at) {
            return Some(own);
        }
    }
    None
}

fn in_item(item: &Item, path: &str, at: usize) -> Option<String> {
    match item {
        Item::None => None,
        Item::Value(value) => in_value(value, path, at),
        Item::Table(table) => {
            in_table(table, path, at).or_else(|| holds(table.span(), at).then(|| path.to_owned()))
        }
        Item::ArrayOfTables(list) => list
            .iter()
            .enumerate()
            .find_map(|(index, table)| {
                let own = format!("{path}[{index}]");
                in_table(table, &own, at).or_else(|| holds(table.span(), at).then_some(own))
            })
            .or_else(|| holds(list.span(), at).then(|| path.to_owned())),
    }
}

fn in_value(value: &Value, path: &str, at: usize) -> Option<String> {
    if !holds(value.span(), at) {
        return None;
    }
    let inner = match value {
        Value::Array(list) => {
            list.iter().enumerate().find_map(|(index, one)| in_value(one, &format!("{path}[{index}]"), at))
        }
        Value::InlineTable(table) => in_table(table, path, at),
        Value::String(_) | Value::Integer(_) | Value::Float(_) | Value::Boolean(_) | Value::Datetime(_) => {
            None
        }
    };
    inner.or_else(|| Some(path.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_have_fields() {
        let text = "name = \"名\" # x\n[[points]]\ncode = \"a\"\nrange = [0, 1]\n[[points]]\ncode = \"b\"\n[limits.overload]\nalarm = 3\n";
        for (line, column, reason, wanted) in [
            (1, 1, "", "name"),
            (1, 9, "", "name"),
            (3, 8, "", "points[0].code"),
            (4, 13, "", "points[0].range[1]"),
            (5, 1, "missing field `name`", "points[1].name"),
            (5, 1, "address is missing", "points[1].address"),
            (6, 9, "", "points[1].code"),
            (8, 9, "", "limits.overload.alarm"),
            (1, 1, "missing field `maker`", "maker"),
        ] {
            let found = field_at(text, line, column, reason);
            assert_eq!(found, wanted, "{line}:{column}");
        }
        assert_eq!(field_at("name = ", 1, 1, ""), "");
    }
}
