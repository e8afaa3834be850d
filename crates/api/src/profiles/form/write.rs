//! From form to text: only what differs from the text is written, everything else keeps its bytes.

use toml_edit::{Array, ArrayOfTables, DocumentMut, InlineTable, Item, Table, TableLike, Value};

use super::values::{Kind, beside, put, rows, set, unplaced, unplaced_table, value};
use super::{
    FormClock, FormGroup, FormInvalid, FormLimit, FormMeaning, FormPoint, FormReset, FormStatus, GROUP,
    POINT, ProfileForm, STATUS, TOP, read,
};

/// A part of the form that cannot be written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {reason}")]
pub(in crate::profiles) struct FormError {
    /// Which part, `points[3].more`; empty for the text that it should go into.
    pub(in crate::profiles) field: String,
    /// `no_toml`, or `has_own_place` for a key that the form has a field for.
    pub(in crate::profiles) code: &'static str,
    /// What was had and what was wanted; the key alone with `has_own_place`.
    pub(in crate::profiles) reason: String,
}

/// `text` with what the form says.
///
/// # Errors
/// `text`, or a part of the form that is TOML itself, is no TOML.
pub(in crate::profiles) fn write(text: &str, form: &ProfileForm) -> Result<String, FormError> {
    let mut document: DocumentMut =
        text.parse().map_err(|error: toml_edit::TomlError| refused("", error.message()))?;
    let table = document.as_table_mut();
    for (key, said, kind) in [("name", &form.name, Kind::Text), ("maker", &form.maker, Kind::Text)] {
        set(table, key, said, kind);
    }
    flag(table, "verified", form.verified, true);
    set(table, "source", &form.source, Kind::Text);
    set(table, "protocol", &form.protocol, Kind::Text);
    set(table, "interval_s", &form.interval_s, Kind::Number);
    flag(table, "replays_history", form.replays_history, false);
    set(table, "function", &form.function, Kind::Number);
    set(table, "poll_gap", &form.poll_gap, Kind::Number);
    list(table, "points", &form.points, |row| row.at, point)?;
    list(table, "statuses", &form.statuses, |row| row.at, status)?;
    list(table, "groups", &form.groups, |row| row.at, group)?;
    part(table, "clock", form.clock.as_ref(), clock);
    part(table, "reset", form.reset.as_ref(), reset);
    limits(table, &form.limits);
    rest(table, &form.rest)?;
    Ok(document.to_string())
}

fn refused(field: impl Into<String>, reason: impl Into<String>) -> FormError {
    let reason: String = reason.into();
    FormError {
        field: field.into(),
        code: "no_toml",
        reason: reason.split_whitespace().collect::<Vec<_>>().join(" "),
    }
}

/// A flag that is false is only written where it has to be, or is there already.
fn flag(table: &mut dyn TableLike, key: &str, said: bool, always: bool) {
    let there = table.get(key).and_then(Item::as_bool);
    if there == Some(said) || (there.is_none() && table.get(key).is_none() && !said && !always) {
        return;
    }
    put(table, key, Value::from(said));
}

fn list<T>(
    table: &mut Table,
    key: &str,
    said: &[T],
    at: impl Fn(&T) -> Option<u32>,
    fill: impl Fn(&mut Table, &T) -> Result<(), FormError>,
) -> Result<(), FormError> {
    let base = rows(table.get(key));
    if said.is_empty() {
        if !base.is_empty() {
            table.remove(key);
        }
        return Ok(());
    }
    let source = |row: &T| at(row).and_then(|at| usize::try_from(at).ok()).filter(|at| *at < base.len());
    let is_same_order = said.iter().map(&source).eq((0..base.len()).map(Some));
    // Rows that changed places take each other's places in the file.
    let mut places: Vec<Option<isize>> =
        said.iter().filter_map(|row| base.get(source(row)?)).map(Table::position).collect();
    places.sort_unstable();
    let mut places = places.into_iter();
    let mut written = ArrayOfTables::new();
    for (index, row) in said.iter().enumerate() {
        let mut one = match source(row).and_then(|at| base.get(at)) {
            Some(old) => {
                let mut old = old.clone();
                if !is_same_order {
                    unplaced_table(&mut old);
                    old.set_position(places.next().flatten());
                }
                old
            }
            None => Table::new(),
        };
        fill(&mut one, row)
            .map_err(|error| FormError { field: format!("{key}[{index}].{}", error.field), ..error })?;
        written.push(one);
    }
    match table.get_mut(key) {
        // Written as `[{ … }]` and not changed: left as it is.
        Some(Item::Value(Value::Array(_))) if is_same_order && unchanged(&base, &written) => {}
        Some(item) => *item = Item::ArrayOfTables(written),
        None => {
            table.insert(key, Item::ArrayOfTables(written));
        }
    }
    Ok(())
}

fn unchanged(base: &[Table], written: &ArrayOfTables) -> bool {
    base.len() == written.len()
        && base.iter().zip(written.iter()).all(|(old, new)| old.to_string() == new.to_string())
}

fn point(table: &mut Table, said: &FormPoint) -> Result<(), FormError> {
    for (key, text, kind) in [
        ("code", &said.code, Kind::Text),
        ("name", &said.name, Kind::Text),
        ("quantity", &said.quantity, Kind::Text),
        ("phase", &said.phase, Kind::MaybeText),
        ("function", &said.function, Kind::Number),
        ("segment", &said.segment, Kind::MaybeText),
        ("address", &said.address, Kind::Number),
        ("format", &said.format, Kind::MaybeText),
        ("key", &said.key, Kind::MaybeText),
        ("multiply", &said.multiply, Kind::Number),
        ("group", &said.group, Kind::Number),
        ("scale", &said.scale, Kind::Number),
    ] {
        set(table, key, text, kind);
    }
    if read::range(table) != [said.least.clone(), said.greatest.clone()] {
        if said.least.trim().is_empty() && said.greatest.trim().is_empty() {
            table.remove("range");
        } else {
            let ends = [&said.least, &said.greatest].map(|end| value(end, Kind::Number));
            put(table, "range", Value::Array(ends.into_iter().collect()));
        }
    }
    if read::invalid(table) != said.invalid {
        invalid(table, &said.invalid);
    }
    more(table, &POINT, &said.more)
}

fn invalid(table: &mut Table, said: &[FormInvalid]) {
    if said.is_empty() {
        table.remove("invalid");
        return;
    }
    let mut codes = InlineTable::new();
    for one in said {
        codes.insert(one.code.trim(), value(&one.quality, Kind::Text));
    }
    if table.get("invalid").is_some_and(Item::is_table) {
        table.remove("invalid");
    }
    put(table, "invalid", Value::InlineTable(codes));
}

fn status(table: &mut Table, said: &FormStatus) -> Result<(), FormError> {
    for (key, text, kind) in [
        ("code", &said.code, Kind::Text),
        ("function", &said.function, Kind::Number),
        ("segment", &said.segment, Kind::MaybeText),
        ("address", &said.address, Kind::Number),
        ("key", &said.key, Kind::MaybeText),
        ("group", &said.group, Kind::Number),
        ("mask", &said.mask, Kind::Number),
    ] {
        set(table, key, text, kind);
    }
    let old = rows(table.get("meanings"));
    if !table.contains_key("meanings")
        || !old.iter().map(|row| read::meaning(row)).eq(said.meanings.iter().cloned())
    {
        meanings(table, &said.meanings);
    }
    more(table, &STATUS, &said.more)
}

fn meanings(table: &mut Table, said: &[FormMeaning]) {
    let kept: Vec<Value> = match table.get("meanings") {
        Some(Item::Value(Value::Array(list))) => list.iter().cloned().collect(),
        Some(item @ Item::ArrayOfTables(_)) => {
            rows(Some(item)).into_iter().map(|row| Value::InlineTable(row.into_inline_table())).collect()
        }
        Some(Item::None | Item::Table(_) | Item::Value(_)) | None => Vec::new(),
    };
    let is_same = |value: &&Value, one: &FormMeaning| {
        value.as_inline_table().is_some_and(|table| read::meaning(table) == *one)
    };
    let mut list = Array::new();
    for one in said {
        // What was not touched keeps its notation: a text that looks like a number stays a text.
        let mut written = kept.iter().find(|value| is_same(value, one)).cloned().unwrap_or_else(|| {
            let mut row = InlineTable::new();
            row.insert("value", value(&one.value, Kind::Number));
            row.insert("hazard", value(&one.hazard, Kind::Text));
            row.insert("severity", value(&one.severity, Kind::Text));
            if !one.point.trim().is_empty() {
                row.insert("point", value(&one.point, Kind::Text));
            }
            Value::InlineTable(row)
        });
        written.decor_mut().set_prefix("\n  ");
        written.decor_mut().set_suffix("");
        list.push_formatted(written);
    }
    if !said.is_empty() {
        list.set_trailing("\n");
        list.set_trailing_comma(true);
    }
    if table.get("meanings").is_some_and(Item::is_array_of_tables) {
        table.remove("meanings");
    }
    put(table, "meanings", Value::Array(list));
}

fn group(table: &mut Table, said: &FormGroup) -> Result<(), FormError> {
    for (key, text, kind) in [
        ("function", &said.function, Kind::Number),
        ("segment", &said.segment, Kind::MaybeText),
        ("start", &said.start, Kind::Number),
        ("count", &said.count, Kind::Number),
        ("every_s", &said.every_s, Kind::Number),
    ] {
        set(table, key, text, kind);
    }
    more(table, &GROUP, &said.more)
}

fn part<T>(table: &mut Table, key: &str, said: Option<&T>, fill: impl Fn(&mut dyn TableLike, &T)) {
    let Some(said) = said else {
        table.remove(key);
        return;
    };
    if !table.get(key).is_some_and(Item::is_table_like) {
        table.insert(key, Item::Table(Table::new()));
    }
    if let Some(one) = table.get_mut(key).and_then(Item::as_table_like_mut) {
        fill(one, said);
    }
}

fn clock(table: &mut dyn TableLike, said: &FormClock) {
    for (key, text, kind) in [
        ("function", &said.function, Kind::Number),
        ("segment", &said.segment, Kind::MaybeText),
        ("address", &said.address, Kind::Number),
        ("format", &said.format, Kind::MaybeText),
        ("utc_offset_min", &said.utc_offset_min, Kind::Number),
    ] {
        set(table, key, text, kind);
    }
}

fn reset(table: &mut dyn TableLike, said: &FormReset) {
    set(table, "function", &said.function, Kind::Number);
    set(table, "address", &said.address, Kind::Number);
    if read::reset(table).values != said.values {
        let words = said.values.split([',', '，', ' ']).map(str::trim).filter(|word| !word.is_empty());
        put(table, "values", Value::Array(words.map(|word| value(word, Kind::Number)).collect()));
    }
}

fn limits(table: &mut Table, said: &[FormLimit]) {
    if said.is_empty() {
        table.remove("limits");
        return;
    }
    if !table.get("limits").is_some_and(Item::is_table_like) {
        let mut all = Table::new();
        all.set_implicit(true);
        table.insert("limits", Item::Table(all));
    }
    let Some(all) = table.get_mut("limits").and_then(Item::as_table_like_mut) else { return };
    let gone: Vec<String> = all
        .iter()
        .map(|(hazard, _)| hazard.to_owned())
        .filter(|hazard| !said.iter().any(|limit| limit.hazard == *hazard))
        .collect();
    for hazard in gone {
        all.remove(&hazard);
    }
    for limit in said {
        if !all.get(&limit.hazard).is_some_and(Item::is_table_like) {
            all.insert(&limit.hazard, Item::Table(Table::new()));
        }
        let Some(one) = all.get_mut(&limit.hazard).and_then(Item::as_table_like_mut) else { continue };
        for (key, text, kind) in [
            ("enabled", &limit.enabled, Kind::Flag),
            ("warning", &limit.warning, Kind::Number),
            ("alarm", &limit.alarm, Kind::Number),
            ("on_delay_s", &limit.on_delay_s, Kind::Number),
            ("off_delay_s", &limit.off_delay_s, Kind::Number),
            ("deadband", &limit.deadband, Kind::Number),
            ("latching", &limit.latching, Kind::Flag),
        ] {
            set(one, key, text, kind);
        }
    }
}

/// Everything that the form has no field for.
fn rest(table: &mut Table, said: &str) -> Result<(), FormError> {
    if read::rest(table).trim() == said.trim() {
        return Ok(());
    }
    let new = fragment(&TOP, said).map_err(|error| FormError { field: "rest".to_owned(), ..error })?;
    table.retain(|key, _| TOP.contains(&key));
    for (key, item) in new {
        table.insert(&key, item);
    }
    Ok(())
}

/// Everything about a row that the form has no field for.
fn more(table: &mut Table, known: &[&str], said: &str) -> Result<(), FormError> {
    if beside(table, known).trim() == said.trim() {
        return Ok(());
    }
    let new = fragment(known, said).map_err(|error| FormError { field: "more".to_owned(), ..error })?;
    table.retain(|key, _| known.contains(&key));
    for (key, item) in new {
        table.insert(&key, item);
    }
    Ok(())
}

/// The keys and tables of a piece of TOML, without their places.
fn fragment(known: &[&str], text: &str) -> Result<Vec<(String, Item)>, FormError> {
    let document: DocumentMut =
        text.parse().map_err(|error: toml_edit::TomlError| refused("", error.message()))?;
    let mut items = Vec::new();
    for (key, mut item) in document.into_table() {
        if known.contains(&key.as_str()) {
            return Err(FormError { code: "has_own_place", ..refused("", key) });
        }
        unplaced(&mut item);
        items.push((key, item));
    }
    Ok(items)
}
