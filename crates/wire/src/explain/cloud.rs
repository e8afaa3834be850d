//! Frames of the vendor cloud protocol.

use super::{Direction, Writer, decimal, hex, key, modbus};
use crate::cloud7b7b::{END, FirmwareVersion, LocalTime, Login, START, SerialNumber, command};
use crate::crc16;
use crate::cursor::find;
use crate::modbus::Function;

pub(super) fn explain(writer: &mut Writer<'_>, direction: Direction) {
    let frame = writer.rest();
    writer.mark(&START, key::START_MARK);
    let tail = if frame.len() >= crate::cloud7b7b::MIN_FRAME_LEN && frame.ends_with(&END) {
        crc16::LEN + END.len()
    } else {
        0
    };
    writer.within(tail, |writer| {
        let Some(command) = writer.rest().first().copied() else { return };
        let name = command::name(command).unwrap_or("unknown");
        writer.field(1, key::COMMAND, |bytes| format!("{} {name}", hex(bytes)));
        body(writer, command, direction);
    });
    if tail > 0 {
        let covered = frame.get(START.len()..frame.len() - tail).unwrap_or_default();
        writer.crc(key::CRC, covered);
        writer.mark(&END, key::END_MARK);
    }
}

fn body(writer: &mut Writer<'_>, command: u8, direction: Direction) {
    match (command, direction) {
        (command::LOGIN, Direction::Up) => login(writer),
        (command::TIME, Direction::Up) => {
            serial(writer);
        }
        (command::TIME, Direction::Down) => {
            writer.field(LocalTime::WIRE_LEN, key::LOCAL_TIME, local_time);
        }
        (command::UPLOAD, Direction::Up) => upload(writer),
        (command::CONTROL, Direction::Up) => {
            let is_answer = writer
                .rest()
                .get(1)
                .is_some_and(|code| Function::from_code(code & !Function::EXCEPTION_BIT).is_some());
            if is_answer || serial(writer) {
                modbus::explain(writer, direction, key::CRC_INNER);
            }
        }
        (command::CONTROL, Direction::Down) => modbus::explain(writer, direction, key::CRC_INNER),
        (_, Direction::Up | Direction::Down) => {}
    }
}

fn padded(bytes: &[u8]) -> String {
    let len = bytes.iter().rposition(|byte| !matches!(byte, 0x00 | 0x20 | 0xFF)).map_or(0, |last| last + 1);
    let text = bytes.get(..len).unwrap_or_default();
    if text.iter().all(u8::is_ascii_graphic) {
        text.iter().copied().map(char::from).collect()
    } else {
        hex(bytes)
    }
}

fn serial(writer: &mut Writer<'_>) -> bool {
    writer.field(SerialNumber::WIRE_LEN, key::SERIAL, padded)
}

fn login(writer: &mut Writer<'_>) {
    if !serial(writer) || !writer.field(Login::ICCID_LEN, key::ICCID, padded) {
        return;
    }
    writer.field(1, key::SIGNAL, decimal);
    for _ in 0..3 {
        writer.field(2, key::FIRMWARE, |bytes| {
            bytes.first_chunk().map(|version| FirmwareVersion(*version).to_string()).unwrap_or_default()
        });
    }
    writer.field(1, key::INTERVAL_MIN, decimal);
}

fn local_time(bytes: &[u8]) -> String {
    match bytes.first_chunk().map(LocalTime::from_wire) {
        Some(Ok(time)) => time.to_string(),
        Some(Err(_)) | None => hex(bytes),
    }
}

fn upload(writer: &mut Writer<'_>) {
    if !writer.rest().is_empty() && !writer.rest().starts_with(b"[[") {
        serial(writer);
    }
    while writer.mark(b"[[", key::SEGMENT_START) {
        let Some(len) = find(writer.rest(), b"((", 0) else { return };
        writer.field(len, key::SEGMENT_ADDRESS, padded);
        writer.mark(b"((", key::ANSWER_START);
        segment_answer(writer);
        if !writer.mark(b"))", key::ANSWER_END) || !writer.mark(b"]]", key::SEGMENT_END) {
            return;
        }
    }
}

/// The answer inside a segment. Whether a CRC stands behind it is told by where the marks are.
fn segment_answer(writer: &mut Writer<'_>) {
    let rest = writer.rest();
    let without_crc = match (rest.get(1), rest.get(2)) {
        (Some(code), _) if code & Function::EXCEPTION_BIT != 0 => 3,
        (Some(_), Some(count)) => 3 + usize::from(*count),
        (_, _) => return,
    };
    let is_without_crc = rest.get(without_crc..).is_some_and(|behind| behind.starts_with(b"))]]"));
    if is_without_crc {
        writer.within(rest.len() - without_crc, |writer| {
            modbus::explain(writer, Direction::Up, key::CRC_INNER)
        });
    } else {
        modbus::explain(writer, Direction::Up, key::CRC_INNER);
    }
}
