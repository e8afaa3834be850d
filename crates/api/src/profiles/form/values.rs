//! Single values between text and TOML.

use toml_edit::{DocumentMut, InlineTable, Item, Table, TableLike, Value};

/// How an empty field and a typed one are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A text that has to be there.
    Text,
    /// A text that is left out when empty.
    MaybeText,
    /// A number, left out when empty.
    Number,
    /// `true` or `false`, left out when empty.
    Flag,
}

/// A value as it is written: notation of numbers stays, texts lose their quotes.
pub(super) fn said(value: &Value) -> String {
    match value {
        Value::String(text) => text.value().clone(),
        Value::Integer(number) => number.display_repr().into_owned(),
        Value::Float(number) => number.display_repr().into_owned(),
        Value::Boolean(flag) => flag.value().to_string(),
        Value::Datetime(_) | Value::Array(_) | Value::InlineTable(_) => {
            let mut bare = value.clone();
            bare.decor_mut().clear();
            bare.to_string()
        }
    }
}

/// What stands under `key`, empty where nothing does.
pub(super) fn of(table: &dyn TableLike, key: &str) -> String {
    table.get(key).and_then(Item::as_value).map(said).unwrap_or_default()
}

/// `text` as a value. What is no number is kept as a text, so that the check names it.
pub(super) fn value(text: &str, kind: Kind) -> Value {
    let read = match kind {
        Kind::Text | Kind::MaybeText => None,
        Kind::Number => {
            text.trim().parse::<Value>().ok().filter(|value| value.is_integer() || value.is_float())
        }
        Kind::Flag => text.trim().parse::<Value>().ok().filter(Value::is_bool),
    };
    let mut value = read.unwrap_or_else(|| Value::from(text));
    value.decor_mut().clear();
    value
}

/// Writes `text` under `key` where it is not there already; everything around the value stays.
pub(super) fn set(table: &mut dyn TableLike, key: &str, text: &str, kind: Kind) {
    let there = table.get(key).and_then(Item::as_value).map(said);
    if there.as_deref().unwrap_or_default() == text {
        return;
    }
    if text.trim().is_empty() && kind != Kind::Text {
        table.remove(key);
    } else {
        put(table, key, value(text, kind));
    }
}

/// Puts `value` under `key`, with what stood around the old one.
pub(super) fn put(table: &mut dyn TableLike, key: &str, mut value: Value) {
    match table.get_mut(key).and_then(Item::as_value_mut) {
        Some(old) => {
            *value.decor_mut() = old.decor().clone();
            *old = value;
        }
        None => {
            table.insert(key, Item::Value(value));
        }
    }
}

/// What `table` says beside `known`, as TOML.
pub(super) fn beside(table: &Table, known: &[&str]) -> String {
    let mut rest = table.clone();
    rest.retain(|key, _| !known.contains(&key));
    if rest.is_empty() {
        return String::new();
    }
    let mut document = DocumentMut::new();
    for (key, mut item) in rest {
        unplaced(&mut item);
        document.insert(&key, item);
    }
    document.to_string().trim().to_owned()
}

/// Forgets where the tables of `item` stood in their document.
pub(super) fn unplaced(item: &mut Item) {
    match item {
        Item::Table(table) => unplaced_table(table),
        Item::ArrayOfTables(list) => list.iter_mut().for_each(unplaced_table),
        Item::None | Item::Value(_) => {}
    }
}

pub(super) fn unplaced_table(table: &mut Table) {
    table.set_position(None);
    table.iter_mut().for_each(|(_, item)| unplaced(item));
}

/// The tables of a list, however it is written.
pub(super) fn rows(item: Option<&Item>) -> Vec<Table> {
    match item {
        Some(Item::ArrayOfTables(list)) => list.iter().cloned().collect(),
        Some(Item::Value(Value::Array(list))) => {
            list.iter().filter_map(Value::as_inline_table).cloned().map(InlineTable::into_table).collect()
        }
        Some(Item::None | Item::Table(_) | Item::Value(_)) | None => Vec::new(),
    }
}
