//! Requests: built and checked by the master, parsed by a slave.

use thiserror::Error;

use super::{Answer, AnswerBody, Exception, Function, Parse};
use crate::crc16;
use crate::cursor::Cursor;

/// Most registers one read may ask for (application protocol V1.1b3, 6.3).
pub const MAX_READ_REGISTERS: u16 = 125;
/// Most coils or inputs one read may ask for (6.1).
pub const MAX_READ_BITS: u16 = 2000;
/// Most registers one write may carry (6.12).
pub const MAX_WRITE_REGISTERS: u16 = 123;
/// Most coils one write may carry (6.11).
pub const MAX_WRITE_BITS: u16 = 1968;

/// A checked request to one slave: whatever exists of this type can be sent.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Request {
    unit: u8,
    body: RequestBody,
}

/// What is asked. Addresses are protocol addresses (the first register is 0), counts are registers or bits.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum RequestBody {
    /// 0x01
    ReadCoils {
        /// First coil.
        start: u16,
        /// Number of coils, 1 to 2000.
        count: u16,
    },
    /// 0x02
    ReadDiscreteInputs {
        /// First input.
        start: u16,
        /// Number of inputs, 1 to 2000.
        count: u16,
    },
    /// 0x03
    ReadHoldingRegisters {
        /// First register.
        start: u16,
        /// Number of registers, 1 to 125.
        count: u16,
    },
    /// 0x04
    ReadInputRegisters {
        /// First register.
        start: u16,
        /// Number of registers, 1 to 125.
        count: u16,
    },
    /// 0x05
    WriteSingleCoil {
        /// The coil.
        address: u16,
        /// FF00 on the wire when true, 0000 when false.
        on: bool,
    },
    /// 0x06
    WriteSingleRegister {
        /// The register.
        address: u16,
        /// Its new value.
        value: u16,
    },
    /// 0x0F
    WriteMultipleCoils {
        /// First coil.
        start: u16,
        /// New states, 1 to 1968.
        coils: Vec<bool>,
    },
    /// 0x10
    WriteMultipleRegisters {
        /// First register.
        start: u16,
        /// New values, 1 to 123.
        values: Vec<u16>,
    },
}

impl RequestBody {
    /// Its function.
    #[must_use]
    pub const fn function(&self) -> Function {
        match self {
            Self::ReadCoils { .. } => Function::ReadCoils,
            Self::ReadDiscreteInputs { .. } => Function::ReadDiscreteInputs,
            Self::ReadHoldingRegisters { .. } => Function::ReadHoldingRegisters,
            Self::ReadInputRegisters { .. } => Function::ReadInputRegisters,
            Self::WriteSingleCoil { .. } => Function::WriteSingleCoil,
            Self::WriteSingleRegister { .. } => Function::WriteSingleRegister,
            Self::WriteMultipleCoils { .. } => Function::WriteMultipleCoils,
            Self::WriteMultipleRegisters { .. } => Function::WriteMultipleRegisters,
        }
    }
}

/// A request that the protocol does not allow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum InvalidRequest {
    /// Unit 0 is the broadcast, which nobody answers and no device here documents; 248 and up are reserved.
    #[error("unit address {had}, wanted 1 to 247")]
    Unit {
        /// The address given.
        had: u8,
    },
    /// Nothing or too much asked for.
    #[error("{function}: count {had}, wanted 1 to {max}")]
    Count {
        /// The function asked for.
        function: Function,
        /// Count given.
        had: usize,
        /// Largest count the function allows.
        max: u16,
    },
    /// The last item would lie behind address 65535.
    #[error("{function}: {count} from address {start} runs past address 65535")]
    Range {
        /// The function asked for.
        function: Function,
        /// First address.
        start: u16,
        /// Count given.
        count: usize,
    },
}

impl Request {
    /// Checks and makes a request.
    ///
    /// # Errors
    /// When unit, count or address range are not allowed.
    pub fn new(unit: u8, body: RequestBody) -> Result<Self, InvalidRequest> {
        if !(1..=247).contains(&unit) {
            return Err(InvalidRequest::Unit { had: unit });
        }
        let function = body.function();
        let (start, count, max) = match &body {
            RequestBody::ReadCoils { start, count } | RequestBody::ReadDiscreteInputs { start, count } => {
                (*start, usize::from(*count), MAX_READ_BITS)
            }
            RequestBody::ReadHoldingRegisters { start, count }
            | RequestBody::ReadInputRegisters { start, count } => {
                (*start, usize::from(*count), MAX_READ_REGISTERS)
            }
            RequestBody::WriteSingleCoil { address, .. }
            | RequestBody::WriteSingleRegister { address, .. } => (*address, 1, 1),
            RequestBody::WriteMultipleCoils { start, coils } => (*start, coils.len(), MAX_WRITE_BITS),
            RequestBody::WriteMultipleRegisters { start, values } => {
                (*start, values.len(), MAX_WRITE_REGISTERS)
            }
        };
        if count == 0 || count > usize::from(max) {
            return Err(InvalidRequest::Count { function, had: count, max });
        }
        if usize::from(start) + count > 0x1_0000 {
            return Err(InvalidRequest::Range { function, start, count });
        }
        Ok(Self { unit, body })
    }

    /// Reads `count` holding registers (0x03).
    ///
    /// # Errors
    /// As [`Request::new`].
    pub fn read_holding_registers(unit: u8, start: u16, count: u16) -> Result<Self, InvalidRequest> {
        Self::new(unit, RequestBody::ReadHoldingRegisters { start, count })
    }

    /// Reads `count` input registers (0x04).
    ///
    /// # Errors
    /// As [`Request::new`].
    pub fn read_input_registers(unit: u8, start: u16, count: u16) -> Result<Self, InvalidRequest> {
        Self::new(unit, RequestBody::ReadInputRegisters { start, count })
    }

    /// Slave address, 1 to 247.
    #[must_use]
    pub const fn unit(&self) -> u8 {
        self.unit
    }

    /// What is asked.
    #[must_use]
    pub const fn body(&self) -> &RequestBody {
        &self.body
    }

    /// Its function.
    #[must_use]
    pub const fn function(&self) -> Function {
        self.body.function()
    }

    /// The complete RTU frame with its CRC.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut frame = vec![self.unit, self.function().code()];
        let mut word = |value: u16| frame.extend_from_slice(&value.to_be_bytes());
        match &self.body {
            RequestBody::ReadCoils { start, count }
            | RequestBody::ReadDiscreteInputs { start, count }
            | RequestBody::ReadHoldingRegisters { start, count }
            | RequestBody::ReadInputRegisters { start, count } => {
                word(*start);
                word(*count);
            }
            RequestBody::WriteSingleCoil { address, on } => {
                word(*address);
                word(coil_word(*on));
            }
            RequestBody::WriteSingleRegister { address, value } => {
                word(*address);
                word(*value);
            }
            RequestBody::WriteMultipleCoils { start, coils } => {
                word(*start);
                word(counted(coils.len()));
                let packed = pack_bits(coils);
                frame.push(byte_count(packed.len()));
                frame.extend_from_slice(&packed);
            }
            RequestBody::WriteMultipleRegisters { start, values } => {
                word(*start);
                word(counted(values.len()));
                frame.push(byte_count(values.len() * 2));
                for value in values {
                    frame.extend_from_slice(&value.to_be_bytes());
                }
            }
        }
        crc16::append(&mut frame);
        frame
    }

    /// Looks for a request at the front of `bytes`, as a slave does. Bytes behind it are left alone.
    #[must_use]
    pub fn parse(bytes: &[u8]) -> Parse<Self, RequestRefusal> {
        let Some(code) = bytes.get(1).copied() else {
            return Parse::NeedMore { wanted: super::MIN_FRAME_LEN };
        };
        let Some(function) = Function::from_code(code) else {
            return Parse::Refused(RequestRefusal::UnknownFunction { code });
        };
        let len = match function {
            Function::ReadCoils
            | Function::ReadDiscreteInputs
            | Function::ReadHoldingRegisters
            | Function::ReadInputRegisters
            | Function::WriteSingleCoil
            | Function::WriteSingleRegister => 8,
            Function::WriteMultipleCoils | Function::WriteMultipleRegisters => match bytes.get(6).copied() {
                Some(count) => 9 + usize::from(count),
                None => return Parse::NeedMore { wanted: 9 },
            },
        };
        let Some(frame) = bytes.get(..len) else {
            return Parse::NeedMore { wanted: len };
        };
        match crc16::split(frame) {
            Some(split) if split.is_good() => match Self::from_covered(function, split.covered) {
                Ok(value) => Parse::Complete { value, len },
                Err(refusal) => Parse::Refused(refusal),
            },
            Some(split) => Parse::Refused(RequestRefusal::Crc { had: split.had, wanted: split.wanted }),
            None => Parse::NeedMore { wanted: super::MIN_FRAME_LEN },
        }
    }

    /// Reads what stands under a good CRC. `covered` has the length that follows from the function.
    fn from_covered(function: Function, covered: &[u8]) -> Result<Self, RequestRefusal> {
        let len = covered.len() + crc16::LEN;
        let mut cursor = Cursor::new(covered);
        let cut = || RequestRefusal::Cut { len };
        let unit = cursor.u8().ok_or_else(cut)?;
        let _function = cursor.u8().ok_or_else(cut)?;
        let first = cursor.u16_be().ok_or_else(cut)?;
        let second = cursor.u16_be().ok_or_else(cut)?;
        let invalid = |error| RequestRefusal::NotAllowed { unit, function, len, error };
        let body = match function {
            Function::ReadCoils => RequestBody::ReadCoils { start: first, count: second },
            Function::ReadDiscreteInputs => RequestBody::ReadDiscreteInputs { start: first, count: second },
            Function::ReadHoldingRegisters => {
                RequestBody::ReadHoldingRegisters { start: first, count: second }
            }
            Function::ReadInputRegisters => RequestBody::ReadInputRegisters { start: first, count: second },
            Function::WriteSingleCoil => match second {
                0xFF00 => RequestBody::WriteSingleCoil { address: first, on: true },
                0x0000 => RequestBody::WriteSingleCoil { address: first, on: false },
                had => return Err(RequestRefusal::CoilValue { unit, len, had }),
            },
            Function::WriteSingleRegister => {
                RequestBody::WriteSingleRegister { address: first, value: second }
            }
            Function::WriteMultipleCoils | Function::WriteMultipleRegisters => {
                let had = cursor.u8().ok_or_else(cut)?;
                let (max, wanted) = if function == Function::WriteMultipleCoils {
                    (MAX_WRITE_BITS, second.div_ceil(8))
                } else {
                    (MAX_WRITE_REGISTERS, second.saturating_mul(2))
                };
                if second == 0 || second > max {
                    return Err(invalid(InvalidRequest::Count { function, had: usize::from(second), max }));
                }
                if u16::from(had) != wanted {
                    return Err(RequestRefusal::ByteCount { unit, function, len, had, wanted });
                }
                if function == Function::WriteMultipleCoils {
                    RequestBody::WriteMultipleCoils {
                        start: first,
                        coils: unpack_bits(cursor.rest(), usize::from(second)),
                    }
                } else {
                    let mut values = Vec::with_capacity(usize::from(second));
                    while let Some(value) = cursor.u16_be() {
                        values.push(value);
                    }
                    RequestBody::WriteMultipleRegisters { start: first, values }
                }
            }
        };
        Self::new(unit, body).map_err(invalid)
    }
}

/// Why the front of a stream is no request that can be served.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum RequestRefusal {
    /// The function is not one of the eight spoken here, so its length is not known either.
    #[error("function {code:#04x} is not spoken here")]
    UnknownFunction {
        /// The code received.
        code: u8,
    },
    /// Damaged, or no frame at all.
    #[error("crc {had:#06x}, wanted {wanted:#06x}")]
    Crc {
        /// The sum received.
        had: u16,
        /// The sum computed.
        wanted: u16,
    },
    /// Good CRC, but count or range are not allowed.
    #[error("request to unit {unit} not allowed: {error}")]
    NotAllowed {
        /// Unit asked.
        unit: u8,
        /// Function asked.
        function: Function,
        /// Length of the frame, bytes.
        len: usize,
        /// What is wrong.
        error: InvalidRequest,
    },
    /// Good CRC, but count and byte count contradict each other.
    #[error("{function}: byte count {had}, wanted {wanted}")]
    ByteCount {
        /// Unit asked.
        unit: u8,
        /// Function asked.
        function: Function,
        /// Length of the frame, bytes.
        len: usize,
        /// The byte count received.
        had: u8,
        /// The byte count that follows from the count.
        wanted: u16,
    },
    /// Good CRC, but neither on nor off.
    #[error("coil value {had:#06x}, wanted 0xff00 or 0x0000")]
    CoilValue {
        /// Unit asked.
        unit: u8,
        /// Length of the frame, bytes.
        len: usize,
        /// The value received.
        had: u16,
    },
    /// Shorter than its function needs.
    #[error("request of {len} bytes is cut short")]
    Cut {
        /// Length of the frame, bytes.
        len: usize,
    },
}

impl RequestRefusal {
    /// Length of the refused frame when it was a real frame (good CRC), else `None`.
    #[must_use]
    pub const fn frame_len(&self) -> Option<usize> {
        match self {
            Self::NotAllowed { len, .. } | Self::ByteCount { len, .. } | Self::CoilValue { len, .. } => {
                Some(*len)
            }
            Self::UnknownFunction { .. } | Self::Crc { .. } | Self::Cut { .. } => None,
        }
    }

    /// The exception that a slave sends back, `None` where it stays silent (damaged frames, broadcast).
    #[must_use]
    pub fn answer(&self) -> Option<Answer> {
        let (unit, function) = match *self {
            Self::NotAllowed { unit, function, .. } | Self::ByteCount { unit, function, .. } => {
                (unit, function)
            }
            Self::CoilValue { unit, .. } => (unit, Function::WriteSingleCoil),
            Self::UnknownFunction { .. } | Self::Crc { .. } | Self::Cut { .. } => return None,
        };
        if unit == 0 {
            return None;
        }
        Some(Answer {
            unit,
            body: AnswerBody::Exception { function: function.code(), exception: Exception::IllegalDataValue },
        })
    }
}

pub(super) const fn coil_word(on: bool) -> u16 {
    if on { 0xFF00 } else { 0x0000 }
}

/// A count that [`Request::new`] has already bounded far below the type's end.
fn counted(count: usize) -> u16 {
    u16::try_from(count).unwrap_or(u16::MAX)
}

fn byte_count(count: usize) -> u8 {
    u8::try_from(count).unwrap_or(u8::MAX)
}

/// Packs bits the Modbus way: first bit is the lowest bit of the first byte, the last byte is filled with zeros.
#[must_use]
pub(super) fn pack_bits(bits: &[bool]) -> Vec<u8> {
    bits.chunks(8)
        .map(|chunk| chunk.iter().rev().fold(0u8, |byte, bit| (byte << 1) | u8::from(*bit)))
        .collect()
}

/// The first `count` bits of packed bytes; fewer when the bytes end before.
#[must_use]
pub(super) fn unpack_bits(packed: &[u8], count: usize) -> Vec<bool> {
    packed.iter().flat_map(|byte| (0..8).map(move |bit| byte & (1 << bit) != 0)).take(count).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prepaid_meter_relay_frames_of_the_reference() {
        let trip = Request::new(1, RequestBody::WriteMultipleRegisters { start: 0x0057, values: vec![1, 1] })
            .unwrap();
        assert_eq!(
            trip.encode(),
            [0x01, 0x10, 0x00, 0x57, 0x00, 0x02, 0x04, 0x00, 0x01, 0x00, 0x01, 0x27, 0x75]
        );
        let close =
            Request::new(1, RequestBody::WriteMultipleRegisters { start: 0x0057, values: vec![1, 0] })
                .unwrap();
        assert_eq!(
            close.encode(),
            [0x01, 0x10, 0x00, 0x57, 0x00, 0x02, 0x04, 0x00, 0x01, 0x00, 0x00, 0xE6, 0xB5]
        );
    }

    #[test]
    fn the_write_example_of_the_asj_manual_is_refused() {
        let printed =
            [0x01, 0x10, 0x00, 0x04, 0x00, 0x03, 0x06, 0x09, 0x0C, 0x01, 0x05, 0x0C, 0x00, 0x53, 0x3F];
        assert_eq!(
            Request::parse(&printed),
            Parse::Refused(RequestRefusal::Crc { had: 0x3F53, wanted: 0x30A3 })
        );
    }

    #[test]
    fn what_the_protocol_forbids_cannot_be_built() {
        assert_eq!(Request::read_holding_registers(0, 0, 1), Err(InvalidRequest::Unit { had: 0 }));
        assert_eq!(Request::read_holding_registers(248, 0, 1), Err(InvalidRequest::Unit { had: 248 }));
        for count in [0, 126] {
            assert_eq!(
                Request::read_input_registers(1, 0, count),
                Err(InvalidRequest::Count {
                    function: Function::ReadInputRegisters,
                    had: usize::from(count),
                    max: MAX_READ_REGISTERS
                })
            );
        }
        assert!(Request::read_holding_registers(1, 0xFFFF, 1).is_ok());
        assert_eq!(
            Request::read_holding_registers(1, 0xFFFF, 2),
            Err(InvalidRequest::Range { function: Function::ReadHoldingRegisters, start: 0xFFFF, count: 2 })
        );
    }

    #[test]
    fn a_slave_answers_a_forbidden_count_and_stays_silent_on_damage() {
        let mut frame = vec![0x01, 0x03, 0x00, 0x00, 0x00, 0x7E];
        crc16::append(&mut frame);
        let Parse::Refused(refusal) = Request::parse(&frame) else { panic!("126 registers were accepted") };
        assert_eq!(refusal.frame_len(), Some(8));
        assert_eq!(refusal.answer().unwrap().encode()[..3], [0x01, 0x83, 0x03]);
        frame[7] ^= 1;
        let Parse::Refused(refusal) = Request::parse(&frame) else { panic!("a damaged frame was accepted") };
        assert_eq!(refusal.answer(), None);
    }

    #[test]
    fn coils_are_packed_low_bit_first() {
        // Application protocol V1.1b3, 6.11: ten coils, CD 01.
        let coils = [true, false, true, true, false, false, true, true, true, false];
        assert_eq!(pack_bits(&coils), [0xCD, 0x01]);
        assert_eq!(unpack_bits(&[0xCD, 0x01], 10), coils);
    }
}
