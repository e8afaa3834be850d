//! Meters' frames.

use super::{Writer, decimal, hex, key};
use crate::dlt645::{Frame, MeterAddress, PREAMBLE, Refusal};
use crate::modbus::Parse;

/// Whether `telegram` is one whole frame.
pub(super) fn has_shape(telegram: &[u8]) -> bool {
    matches!(Frame::parse(telegram), Parse::Complete { len, .. } if len == telegram.len())
}

/// Names the frame, which is whole.
pub(super) fn explain(writer: &mut Writer<'_>) {
    let Parse::Complete { value: frame, .. } = Frame::parse(writer.rest()) else { return };
    let preamble = writer.rest().iter().take_while(|byte| **byte == PREAMBLE).count();
    writer.field(preamble, key::PREAMBLE, hex);
    writer.field(1, key::START_MARK, hex);
    writer.field(6, key::METER, |bytes| {
        bytes.first_chunk().map_or_else(|| hex(bytes), |wire| MeterAddress::of_wire(*wire).to_string())
    });
    writer.field(1, key::START_MARK, hex);
    writer.field(1, key::COMMAND, |bytes| format!("{} {}", hex(bytes), command(frame.control)));
    writer.field(1, key::BYTE_COUNT, decimal);
    if frame.control & 0x40 != 0 {
        writer.field(1, key::EXCEPTION, |_| Refusal(frame.data.first().copied().unwrap_or(0)).to_string());
    } else if frame.data.len() >= 4 && frame.control & 0x1F != 0x13 {
        // Low byte first, as everything here; people write it the other way.
        writer.field(4, key::IDENTIFIER, |_| meant(frame.data.get(..4).unwrap_or_default(), ""));
        let data = frame.data.get(4..).unwrap_or_default();
        writer.field(data.len(), key::VALUE, |_| meant(data, " "));
    } else {
        writer.field(frame.data.len(), key::VALUE, |_| meant(&frame.data, " "));
    }
    writer.field(1, key::CRC, |bytes| format!("{} ok", hex(bytes)));
    writer.field(1, key::END_MARK, hex);
}

fn command(control: u8) -> &'static str {
    match control {
        0x11 => "read",
        0x91 => "read, answer",
        0xB1 => "read, answer, more follows",
        0xD1 => "read, refused",
        0x12 => "read what follows",
        0x92 => "read what follows, answer",
        0xB2 => "read what follows, answer, more follows",
        0xD2 => "read what follows, refused",
        0x13 => "read meter number",
        0x93 => "read meter number, answer",
        _ => "unknown",
    }
}

/// Bytes as they are meant: without what the wire adds, high byte first.
fn meant(bytes: &[u8], between: &str) -> String {
    let pairs: Vec<_> = bytes.iter().rev().map(|byte| format!("{byte:02X}")).collect();
    pairs.join(between)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_request_has_a_name() {
        for control in [0x11, 0x12, 0x13] {
            assert_ne!(command(control), "unknown");
            assert!(command(control | 0x80).ends_with("answer"));
        }
    }
}
