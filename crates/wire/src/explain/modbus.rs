//! Modbus-RTU frames, alone or inside another frame.

use super::{Direction, Writer, decimal, hex, key};
use crate::crc16;
use crate::modbus::{Answer, Exception, Function, Parse, Request};

/// Whether `telegram` begins with something long enough and of a function that is known.
pub(super) fn has_shape(telegram: &[u8], direction: Direction) -> bool {
    match direction {
        Direction::Up => match Answer::parse(telegram) {
            Parse::Complete { .. } => true,
            // A damaged answer of exactly the right length is shown as one, with its wrong CRC.
            Parse::Refused(_) | Parse::NeedMore { .. } => {
                crc16::split(telegram).is_some() && answer_len(telegram) == Some(telegram.len())
            }
        },
        Direction::Down => match Request::parse(telegram) {
            Parse::Complete { .. } => true,
            Parse::Refused(_) | Parse::NeedMore { .. } => {
                telegram.get(1).is_some_and(|code| Function::from_code(*code).is_some())
                    && crc16::split(telegram).is_some_and(|split| split.is_good())
            }
        },
    }
}

fn answer_len(telegram: &[u8]) -> Option<usize> {
    let code = *telegram.get(1)?;
    if code & Function::EXCEPTION_BIT != 0 {
        return Function::from_code(code & !Function::EXCEPTION_BIT).map(|_| 5);
    }
    let function = Function::from_code(code)?;
    if function.is_read() { telegram.get(2).map(|count| 5 + usize::from(*count)) } else { Some(8) }
}

/// Names the frame at the front. What lies behind its CRC is left alone; a CRC that is not there is left out.
pub(super) fn explain(writer: &mut Writer<'_>, direction: Direction, crc_key: &'static str) {
    let frame = writer.rest();
    let start = writer.at;
    let is_complete = match direction {
        Direction::Up => answer_body(writer),
        Direction::Down => request_body(writer),
    };
    if is_complete {
        let covered = frame.get(..writer.at - start).unwrap_or_default();
        writer.crc(crc_key, covered);
    }
}

fn function(writer: &mut Writer<'_>) -> Option<u8> {
    writer.field(1, key::UNIT, decimal);
    let code = writer.rest().first().copied()?;
    let name = Function::from_code(code & !Function::EXCEPTION_BIT).map_or("unknown", Function::name);
    writer.field(1, key::FUNCTION, |bytes| format!("{} {name}", hex(bytes)));
    Some(code)
}

fn answer_body(writer: &mut Writer<'_>) -> bool {
    let Some(code) = function(writer) else { return false };
    if code & Function::EXCEPTION_BIT != 0 {
        return writer.field(1, key::EXCEPTION, |bytes| {
            bytes.first().map(|code| Exception::from_code(*code).to_string()).unwrap_or_default()
        });
    }
    match Function::from_code(code) {
        Some(Function::ReadCoils | Function::ReadDiscreteInputs) => counted(writer, bits),
        Some(Function::ReadHoldingRegisters | Function::ReadInputRegisters) => counted(writer, registers),
        Some(Function::WriteSingleCoil | Function::WriteSingleRegister) => address_and_value(writer),
        Some(Function::WriteMultipleCoils | Function::WriteMultipleRegisters) => address_and_count(writer),
        None => false,
    }
}

fn request_body(writer: &mut Writer<'_>) -> bool {
    let Some(code) = function(writer) else { return false };
    match Function::from_code(code) {
        Some(
            Function::ReadCoils
            | Function::ReadDiscreteInputs
            | Function::ReadHoldingRegisters
            | Function::ReadInputRegisters,
        ) => address_and_count(writer),
        Some(Function::WriteSingleCoil | Function::WriteSingleRegister) => address_and_value(writer),
        Some(Function::WriteMultipleCoils) => address_and_count(writer) && counted(writer, bits),
        Some(Function::WriteMultipleRegisters) => address_and_count(writer) && counted(writer, registers),
        None => false,
    }
}

fn address_and_count(writer: &mut Writer<'_>) -> bool {
    writer.field(2, key::START_ADDRESS, address) && writer.field(2, key::COUNT, decimal)
}

fn address_and_value(writer: &mut Writer<'_>) -> bool {
    writer.field(2, key::START_ADDRESS, address) && writer.field(2, key::WRITE_VALUE, decimal)
}

fn address(bytes: &[u8]) -> String {
    format!("0x{}", hex(bytes).replace(' ', ""))
}

/// A byte count and that many bytes of data.
fn counted(writer: &mut Writer<'_>, data: fn(&mut Writer<'_>, usize) -> bool) -> bool {
    let Some(count) = writer.rest().first().copied().map(usize::from) else { return false };
    writer.field(1, key::BYTE_COUNT, decimal);
    data(writer, count)
}

fn bits(writer: &mut Writer<'_>, count: usize) -> bool {
    count == 0
        || writer.field(count, key::BITS, |bytes| {
            let digit = |bit: bool| if bit { '1' } else { '0' };
            bytes.iter().flat_map(|byte| (0..8).map(move |bit| digit(byte & (1 << bit) != 0))).collect()
        })
}

fn registers(writer: &mut Writer<'_>, count: usize) -> bool {
    for _ in 0..count / 2 {
        if !writer.field(2, key::REGISTER, decimal) {
            return false;
        }
    }
    count.is_multiple_of(2) || writer.field(1, key::REST, hex)
}
