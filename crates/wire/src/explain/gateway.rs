//! Frames of the vendor gateway protocol. What is encrypted stays so: no secret comes here.

use super::{Direction, Writer, decimal, hex, is_text, key};
use crate::gateway1f1f::{FrameType, HEAD};

pub(super) fn explain(writer: &mut Writer<'_>, _direction: Direction) {
    writer.mark(&HEAD, key::START_MARK);
    let kind = writer.rest().first().copied().and_then(FrameType::from_code);
    let name = kind.map_or("unknown", FrameType::name);
    if !writer.field(1, key::COMMAND, |bytes| format!("{} {name}", hex(bytes))) {
        return;
    }
    if !writer.field(4, key::BYTE_COUNT, decimal) {
        return;
    }
    let rest = writer.rest();
    match kind {
        Some(kind) if kind.is_encrypted() => {
            writer.field(rest.len(), key::ENCRYPTED, |bytes| format!("{} bytes", bytes.len()));
        }
        Some(_) if rest.iter().all(|byte| is_text(byte) || *byte == b'\t') => {
            writer.field(rest.len(), key::TEXT, super::text);
        }
        // A text in another script, whole or cut.
        Some(_) => {
            writer.field(rest.len(), key::TEXT, |bytes| String::from_utf8_lossy(bytes).trim().to_owned());
        }
        None => {}
    }
}
