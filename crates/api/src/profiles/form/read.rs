//! From text to form. Any TOML can be read; what is missing or of another kind is empty, and the check says so.

use toml_edit::{DocumentMut, Item, Table, TableLike, TomlError, Value};

use super::values::{beside, of, rows, said};
use super::{
    FormClock, FormGroup, FormInvalid, FormLimit, FormMeaning, FormPoint, FormReset, FormStatus, GROUP,
    POINT, ProfileForm, STATUS, TOP,
};

/// The form of a text.
///
/// # Errors
/// Text that is no TOML.
pub(in crate::profiles) fn read(text: &str) -> Result<ProfileForm, TomlError> {
    let document: DocumentMut = text.parse()?;
    let table = document.as_table();
    let flag = |key: &str| table.get(key).and_then(Item::as_bool).unwrap_or_default();
    Ok(ProfileForm {
        name: of(table, "name"),
        maker: of(table, "maker"),
        verified: flag("verified"),
        source: of(table, "source"),
        protocol: of(table, "protocol"),
        interval_s: of(table, "interval_s"),
        replays_history: flag("replays_history"),
        function: of(table, "function"),
        poll_gap: of(table, "poll_gap"),
        points: numbered(table.get("points"), point),
        statuses: numbered(table.get("statuses"), status),
        groups: numbered(table.get("groups"), group),
        clock: table.get("clock").and_then(Item::as_table_like).map(clock),
        reset: table.get("reset").and_then(Item::as_table_like).map(reset),
        limits: table.get("limits").and_then(Item::as_table_like).map(limits).unwrap_or_default(),
        rest: rest(table),
    })
}

fn numbered<T>(item: Option<&Item>, read: impl Fn(u32, &Table) -> T) -> Vec<T> {
    (0u32..).zip(rows(item)).map(|(at, table)| read(at, &table)).collect()
}

pub(super) fn rest(table: &Table) -> String {
    beside(table, &TOP)
}

pub(super) fn range(table: &dyn TableLike) -> [String; 2] {
    let list = table.get("range").and_then(Item::as_array);
    let at = |index: usize| list.and_then(|list| list.get(index)).map(said).unwrap_or_default();
    [at(0), at(1)]
}

pub(super) fn invalid(table: &dyn TableLike) -> Vec<FormInvalid> {
    let Some(codes) = table.get("invalid").and_then(Item::as_table_like) else { return Vec::new() };
    codes
        .iter()
        .map(|(code, item)| FormInvalid {
            code: code.to_owned(),
            quality: item.as_value().map(said).unwrap_or_default(),
        })
        .collect()
}

fn point(at: u32, table: &Table) -> FormPoint {
    let [least, greatest] = range(table);
    FormPoint {
        at: Some(at),
        code: of(table, "code"),
        name: of(table, "name"),
        quantity: of(table, "quantity"),
        phase: of(table, "phase"),
        function: of(table, "function"),
        segment: of(table, "segment"),
        address: of(table, "address"),
        format: of(table, "format"),
        key: of(table, "key"),
        multiply: of(table, "multiply"),
        group: of(table, "group"),
        scale: of(table, "scale"),
        least,
        greatest,
        invalid: invalid(table),
        more: beside(table, &POINT),
    }
}

pub(super) fn meaning(table: &dyn TableLike) -> FormMeaning {
    FormMeaning {
        value: of(table, "value"),
        hazard: of(table, "hazard"),
        severity: of(table, "severity"),
        point: of(table, "point"),
    }
}

fn status(at: u32, table: &Table) -> FormStatus {
    FormStatus {
        at: Some(at),
        code: of(table, "code"),
        function: of(table, "function"),
        segment: of(table, "segment"),
        address: of(table, "address"),
        key: of(table, "key"),
        group: of(table, "group"),
        mask: of(table, "mask"),
        meanings: rows(table.get("meanings")).iter().map(|row| meaning(row)).collect(),
        more: beside(table, &STATUS),
    }
}

fn group(at: u32, table: &Table) -> FormGroup {
    FormGroup {
        at: Some(at),
        function: of(table, "function"),
        segment: of(table, "segment"),
        start: of(table, "start"),
        count: of(table, "count"),
        every_s: of(table, "every_s"),
        more: beside(table, &GROUP),
    }
}

pub(super) fn clock(table: &dyn TableLike) -> FormClock {
    FormClock {
        function: of(table, "function"),
        segment: of(table, "segment"),
        address: of(table, "address"),
        format: of(table, "format"),
        utc_offset_min: of(table, "utc_offset_min"),
    }
}

pub(super) fn reset(table: &dyn TableLike) -> FormReset {
    let values = table.get("values").and_then(Item::as_array);
    FormReset {
        function: of(table, "function"),
        address: of(table, "address"),
        values: values
            .map(|list| list.iter().map(|value: &Value| said(value)).collect::<Vec<_>>().join(", "))
            .unwrap_or_default(),
    }
}

fn limits(table: &dyn TableLike) -> Vec<FormLimit> {
    table
        .iter()
        .filter_map(|(hazard, item)| Some((hazard, item.as_table_like()?)))
        .map(|(hazard, table)| FormLimit {
            hazard: hazard.to_owned(),
            enabled: of(table, "enabled"),
            warning: of(table, "warning"),
            alarm: of(table, "alarm"),
            on_delay_s: of(table, "on_delay_s"),
            off_delay_s: of(table, "off_delay_s"),
            deadband: of(table, "deadband"),
            latching: of(table, "latching"),
        })
        .collect()
}
