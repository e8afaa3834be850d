//! Frames of GB/T 26875.3-2011.

use super::{Writer, decimal, hex, key, text};
use crate::gb26875::{
    Address, COMMAND_AT, Command, Dialect, END, MIN_FRAME_LEN, SHORT_HEARTBEAT_LEN, START, Text, TimeLabel,
    checksum, codes, kind,
};

/// Length of an object of type 2 in the dialect with long addresses, bytes.
const LONG_STATE_LEN: usize = 50;

pub(super) fn explain(writer: &mut Writer<'_>) {
    let frame = writer.rest();
    writer.mark(&START, key::START_MARK);
    if frame.len() == SHORT_HEARTBEAT_LEN && frame.ends_with(&END) {
        writer.field(SHORT_HEARTBEAT_LEN - START.len() - END.len(), key::HEARTBEAT, hex);
        writer.mark(&END, key::END_MARK);
        return;
    }
    writer.field(2, key::SERIAL, little);
    writer.field(2, key::VERSION, version);
    writer.field(TimeLabel::WIRE_LEN, key::LOCAL_TIME, time);
    writer.field(6, key::SOURCE, address);
    writer.field(6, key::DESTINATION, address);
    writer.field(2, key::BYTE_COUNT, little);
    writer.field(1, key::COMMAND, |bytes| {
        let name = bytes.first().and_then(|byte| Command::from_byte(*byte)).map_or("reserved", Command::name);
        format!("{} {name}", hex(bytes))
    });
    let tail = if frame.len() >= MIN_FRAME_LEN && frame.ends_with(&END) { 1 + END.len() } else { 0 };
    writer.within(tail, |writer| {
        if frame.get(COMMAND_AT).is_some_and(|byte| matches!(byte, 1 | 2 | 4 | 5)) {
            unit(writer);
        }
    });
    if tail > 0 {
        let wanted = checksum(frame.get(START.len()..frame.len() - tail).unwrap_or_default());
        writer.field(1, key::CRC, |bytes| match bytes.first() {
            Some(had) if *had == wanted => format!("{} ok", hex(bytes)),
            Some(_) | None => format!("{} wrong, wanted {wanted:02X}", hex(bytes)),
        });
        writer.mark(&END, key::END_MARK);
    }
}

fn unit(writer: &mut Writer<'_>) {
    let Some(flag) = writer.rest().first().copied() else { return };
    writer.field(1, key::TYPE_FLAG, decimal);
    let Some(count) = writer.rest().first().copied() else { return };
    writer.field(1, key::OBJECTS, decimal);
    let is_long = flag == kind::COMPONENT_STATE && writer.rest().len() == usize::from(count) * LONG_STATE_LEN;
    for _ in 0..count {
        if writer.rest().is_empty() || !object(writer, flag, is_long) {
            return;
        }
    }
}

/// Writes one object; `false` when it is cut off or its type has none that is known.
fn object(writer: &mut Writer<'_>, flag: u8, is_long: bool) -> bool {
    match flag {
        kind::SYSTEM_STATE => system(writer) && state(writer, &codes::SYSTEM_BITS) && label(writer),
        kind::COMPONENT_STATE if is_long => {
            system(writer)
                && component(writer)
                && writer.field(8, key::COMPONENT_ADDRESS, text)
                && writer.field(1, key::STATE, decimal)
                && writer.field(32, key::TEXT, gb_text)
                && label(writer)
        }
        kind::COMPONENT_STATE => {
            system(writer)
                && component(writer)
                && component_address(writer)
                && state(writer, &codes::COMPONENT_BITS)
                && writer.field(31, key::TEXT, gb_text)
                && label(writer)
        }
        kind::ANALOG_VALUE => {
            system(writer)
                && component(writer)
                && component_address(writer)
                && analog(writer)
                && label(writer)
        }
        kind::OPERATION => {
            system(writer)
                && writer.field(1, key::OPERATION, |bytes| flags(bytes, &codes::OPERATION_BITS))
                && writer.field(1, key::OPERATOR, decimal)
                && label(writer)
        }
        kind::SYSTEM_VERSION => system(writer) && writer.field(2, key::FIRMWARE, version),
        kind::SYSTEM_TEXT => system(writer) && counted_text(writer),
        kind::COMPONENT_TEXT => {
            system(writer)
                && component(writer)
                && component_address(writer)
                && writer.field(31, key::TEXT, gb_text)
        }
        kind::SYSTEM_CLOCK => system(writer) && label(writer),
        kind::DEVICE_STATE => {
            writer.field(1, key::STATE, |bytes| flags(bytes, &codes::DEVICE_BITS)) && label(writer)
        }
        kind::DEVICE_OPERATION => {
            writer.field(1, key::OPERATION, |bytes| flags(bytes, &codes::DEVICE_OPERATION_BITS))
                && writer.field(1, key::OPERATOR, decimal)
                && label(writer)
        }
        kind::DEVICE_VERSION => writer.field(2, key::FIRMWARE, version),
        kind::DEVICE_TEXT => counted_text(writer),
        kind::DEVICE_CLOCK | kind::SET_CLOCK => label(writer),
        kind::READ_SYSTEM_STATE
        | kind::READ_SYSTEM_VERSION
        | kind::READ_SYSTEM_TEXT
        | kind::READ_SYSTEM_CLOCK => system(writer),
        kind::READ_COMPONENT_STATE | kind::READ_ANALOG_VALUE | kind::READ_COMPONENT_TEXT => {
            system(writer) && component_address(writer)
        }
        kind::READ_OPERATIONS => system(writer) && records(writer),
        kind::READ_DEVICE_OPERATIONS => records(writer),
        kind::POST_CHECK => writer.field(1, key::MINUTES, decimal),
        _ => false,
    }
}

fn records(writer: &mut Writer<'_>) -> bool {
    writer.field(1, key::OBJECTS, decimal) && label(writer)
}

fn system(writer: &mut Writer<'_>) -> bool {
    writer.field(2, key::SYSTEM, |bytes| match bytes {
        [kind, address] => {
            format!("{kind}.{address} {}", codes::system(*kind).map_or("private", |code| code.key))
        }
        _ => hex(bytes),
    })
}

fn component(writer: &mut Writer<'_>) -> bool {
    writer.field(1, key::COMPONENT, |bytes| match bytes {
        [kind] => format!("{kind} {}", codes::component(*kind).map_or("private", |code| code.key)),
        _ => hex(bytes),
    })
}

fn component_address(writer: &mut Writer<'_>) -> bool {
    writer.field(4, key::COMPONENT_ADDRESS, little)
}

fn state(writer: &mut Writer<'_>, names: &[&'static str]) -> bool {
    writer.field(2, key::STATE, |bytes| match bytes.first_chunk() {
        Some(state) => named(u16::from_le_bytes(*state), bytes, names),
        None => hex(bytes),
    })
}

fn flags(bytes: &[u8], names: &[&'static str]) -> String {
    named(bytes.first().copied().unwrap_or_default().into(), bytes, names)
}

fn named(state: u16, bytes: &[u8], names: &[&'static str]) -> String {
    let words = codes::bits(state, names);
    if words.is_empty() { hex(bytes) } else { format!("{} {words}", hex(bytes)) }
}

fn analog(writer: &mut Writer<'_>) -> bool {
    let known = writer.rest().first().and_then(|code| codes::analog(*code));
    writer.field(1, key::ANALOG, |bytes| match known {
        Some(kind) => format!("{} {}", kind.code, kind.key),
        None => format!("{} private", decimal(bytes)),
    }) && writer.field(2, key::VALUE, |bytes| {
        let Some(raw) = bytes.first_chunk().map(|raw| i16::from_le_bytes(*raw)) else { return hex(bytes) };
        match known {
            Some(kind) => {
                let decimals = usize::from(kind.decimals);
                let value = f64::from(raw) / 10f64.powi(kind.decimals.into());
                format!("{value:.decimals$} {}", kind.unit)
            }
            None => raw.to_string(),
        }
    })
}

fn counted_text(writer: &mut Writer<'_>) -> bool {
    let Some(len) = writer.rest().first().copied() else { return false };
    writer.field(1, key::BYTE_COUNT, decimal) && (len == 0 || writer.field(len.into(), key::TEXT, gb_text))
}

fn label(writer: &mut Writer<'_>) -> bool {
    writer.field(TimeLabel::WIRE_LEN, key::LOCAL_TIME, time)
}

fn time(bytes: &[u8]) -> String {
    let bcd = Dialect { bcd_time: true, ..Dialect::STANDARD };
    let label = bytes.first_chunk().copied().map(TimeLabel);
    let read = |dialect: &Dialect| label.and_then(|label| label.read(dialect).ok());
    match (read(&Dialect::STANDARD), read(&bcd)) {
        (Some(time), _) => time.to_string(),
        (None, Some(time)) => format!("{time} bcd"),
        (None, None) => hex(bytes),
    }
}

fn address(bytes: &[u8]) -> String {
    bytes.first_chunk().map_or_else(|| hex(bytes), |address| Address(*address).to_string())
}

fn version(bytes: &[u8]) -> String {
    match bytes {
        [major, minor] => format!("{major}.{minor}"),
        _ => hex(bytes),
    }
}

fn gb_text(bytes: &[u8]) -> String {
    Text::from_wire(bytes).to_string()
}

/// A number, low byte first.
fn little(bytes: &[u8]) -> String {
    bytes.iter().rev().fold(0u64, |value, byte| (value << 8) | u64::from(*byte)).to_string()
}
