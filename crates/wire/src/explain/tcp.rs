//! Modbus behind the header of TCP.

use super::{Direction, Writer, decimal, hex, key, modbus};
use crate::modbus::Function;

/// Bytes before the unit.
const HEADER_LEN: usize = 6;

/// Whether `telegram` is a header and as many bytes as it says, with a function that is known.
pub(super) fn has_shape(telegram: &[u8]) -> bool {
    let Some(([_, _, 0, 0, high, low], covered)) = telegram.split_first_chunk::<HEADER_LEN>() else {
        return false;
    };
    usize::from(u16::from_be_bytes([*high, *low])) == covered.len()
        && covered.get(1).is_some_and(|code| Function::from_code(code & !Function::EXCEPTION_BIT).is_some())
}

/// Names the frame.
pub(super) fn explain(writer: &mut Writer<'_>, direction: Direction) {
    writer.field(2, key::TRANSACTION, decimal);
    writer.field(2, key::PROTOCOL, hex);
    writer.field(2, key::BYTE_COUNT, decimal);
    modbus::explain(writer, direction, key::CRC);
}
