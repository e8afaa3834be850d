//! Answers: parsed by the master against the request they belong to, encoded by a slave.

use bytes::Bytes;
use thiserror::Error;

use super::request::{coil_word, unpack_bits};
use super::{Exception, Function, MIN_FRAME_LEN, Parse, Request, RequestBody};
use crate::crc16;
use crate::cursor::Cursor;

/// Length of an exception answer with its CRC, bytes.
pub(super) const EXCEPTION_LEN: usize = 5;

/// What a slave says.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Answer {
    /// Who speaks.
    pub unit: u8,
    /// What it says.
    pub body: AnswerBody,
}

/// The body of an answer. Register data stay the bytes of the wire (big endian words), because word
/// order and type are known to the device profile only.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum AnswerBody {
    /// 0x01: packed bits, see [`Answer::bits`].
    ReadCoils(Bytes),
    /// 0x02: packed bits, see [`Answer::bits`].
    ReadDiscreteInputs(Bytes),
    /// 0x03: register bytes.
    ReadHoldingRegisters(Bytes),
    /// 0x04: register bytes.
    ReadInputRegisters(Bytes),
    /// 0x05: echo of the request.
    WriteSingleCoil {
        /// The coil.
        address: u16,
        /// Its new state.
        on: bool,
    },
    /// 0x06: echo of the request.
    WriteSingleRegister {
        /// The register.
        address: u16,
        /// Its new value.
        value: u16,
    },
    /// 0x0F: range written.
    WriteMultipleCoils {
        /// First coil.
        start: u16,
        /// Number of coils.
        count: u16,
    },
    /// 0x10: range written.
    WriteMultipleRegisters {
        /// First register.
        start: u16,
        /// Number of registers.
        count: u16,
    },
    /// The slave refused.
    Exception {
        /// Code of the function refused, without the exception bit; may be one not spoken here.
        function: u8,
        /// Why.
        exception: Exception,
    },
}

/// Whether an answer that travels inside another frame carried its own CRC. A wrong one is always an
/// error: for a given prefix and length the outer sum does not depend on data that end in their own sum,
/// so the outer CRC alone proves nothing about them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum InnerCrc {
    /// None was sent.
    Absent,
    /// It was there and right.
    Good,
}

/// Why bytes are no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum AnswerError {
    /// The sum does not fit.
    #[error("crc {had:#06x}, wanted {wanted:#06x}")]
    Crc {
        /// The sum received.
        had: u16,
        /// The sum computed.
        wanted: u16,
    },
    /// The function is not spoken here, so its length is not known either.
    #[error("function {code:#04x} is not spoken here")]
    UnknownFunction {
        /// The code received.
        code: u8,
    },
    /// Too few or too many bytes for what the function says.
    #[error("answer of {had} bytes, wanted {wanted}")]
    Length {
        /// Bytes there.
        had: usize,
        /// Bytes that follow from function and byte count, with CRC.
        wanted: usize,
    },
    /// Neither on nor off.
    #[error("coil value {had:#06x}, wanted 0xff00 or 0x0000")]
    CoilValue {
        /// The value received.
        had: u16,
    },
    /// A good answer, but not to this request.
    #[error(transparent)]
    Misfit(#[from] Misfit),
}

/// Why a good answer is not the answer to a given request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Misfit {
    /// Another slave speaks.
    #[error("answer of unit {had}, wanted unit {wanted}")]
    Unit {
        /// Who spoke.
        had: u8,
        /// Who was asked.
        wanted: u8,
    },
    /// Another function.
    #[error("answer to function {had:#04x}, wanted {wanted:#04x}")]
    Function {
        /// The function answered.
        had: u8,
        /// The function asked.
        wanted: u8,
    },
    /// Another amount of data.
    #[error("answer carries {had} bytes of data, wanted {wanted}")]
    ByteCount {
        /// Bytes there.
        had: usize,
        /// Bytes that follow from the count asked for.
        wanted: usize,
    },
    /// The echo names another address, count or value.
    #[error(
        "answer echoes {had_address:#06x}/{had_value:#06x}, wanted {wanted_address:#06x}/{wanted_value:#06x}"
    )]
    Echo {
        /// Address echoed.
        had_address: u16,
        /// Value or count echoed.
        had_value: u16,
        /// Address written.
        wanted_address: u16,
        /// Value or count written.
        wanted_value: u16,
    },
}

impl Answer {
    /// An exception answer to `request`.
    #[must_use]
    pub fn exception(request: &Request, exception: Exception) -> Self {
        Self {
            unit: request.unit(),
            body: AnswerBody::Exception { function: request.function().code(), exception },
        }
    }

    /// The answer to a register read, from the values; `None` when `request` is no register read or the
    /// number of values is not the number asked for.
    #[must_use]
    pub fn registers_for(request: &Request, values: &[u16]) -> Option<Self> {
        let data: Vec<u8> = values.iter().flat_map(|value| value.to_be_bytes()).collect();
        let body = match request.body() {
            RequestBody::ReadHoldingRegisters { .. } => AnswerBody::ReadHoldingRegisters(data.into()),
            RequestBody::ReadInputRegisters { .. } => AnswerBody::ReadInputRegisters(data.into()),
            RequestBody::ReadCoils { .. }
            | RequestBody::ReadDiscreteInputs { .. }
            | RequestBody::WriteSingleCoil { .. }
            | RequestBody::WriteSingleRegister { .. }
            | RequestBody::WriteMultipleCoils { .. }
            | RequestBody::WriteMultipleRegisters { .. } => return None,
        };
        let answer = Self { unit: request.unit(), body };
        answer.fits(request).is_ok().then_some(answer)
    }

    /// The answer to a bit read, from the states; `None` when `request` is no bit read or the number of
    /// states is not the number asked for.
    #[must_use]
    pub fn bits_for(request: &Request, states: &[bool]) -> Option<Self> {
        let packed = Bytes::from(super::request::pack_bits(states));
        let (body, count) = match request.body() {
            RequestBody::ReadCoils { count, .. } => (AnswerBody::ReadCoils(packed), *count),
            RequestBody::ReadDiscreteInputs { count, .. } => (AnswerBody::ReadDiscreteInputs(packed), *count),
            RequestBody::ReadHoldingRegisters { .. }
            | RequestBody::ReadInputRegisters { .. }
            | RequestBody::WriteSingleCoil { .. }
            | RequestBody::WriteSingleRegister { .. }
            | RequestBody::WriteMultipleCoils { .. }
            | RequestBody::WriteMultipleRegisters { .. } => return None,
        };
        (states.len() == usize::from(count)).then_some(Self { unit: request.unit(), body })
    }

    /// The echo that confirms a write; `None` when `request` is a read.
    #[must_use]
    pub fn write_ack(request: &Request) -> Option<Self> {
        let (address, value) = echo_of(request.body())?;
        let body = match request.body() {
            RequestBody::WriteSingleCoil { on, .. } => AnswerBody::WriteSingleCoil { address, on: *on },
            RequestBody::WriteSingleRegister { .. } => AnswerBody::WriteSingleRegister { address, value },
            RequestBody::WriteMultipleCoils { .. } => {
                AnswerBody::WriteMultipleCoils { start: address, count: value }
            }
            RequestBody::WriteMultipleRegisters { .. } => {
                AnswerBody::WriteMultipleRegisters { start: address, count: value }
            }
            RequestBody::ReadCoils { .. }
            | RequestBody::ReadDiscreteInputs { .. }
            | RequestBody::ReadHoldingRegisters { .. }
            | RequestBody::ReadInputRegisters { .. } => return None,
        };
        Some(Self { unit: request.unit(), body })
    }

    /// Function code on the wire, with the exception bit where it is one.
    #[must_use]
    pub const fn function_code(&self) -> u8 {
        match &self.body {
            AnswerBody::ReadCoils(_) => Function::ReadCoils.code(),
            AnswerBody::ReadDiscreteInputs(_) => Function::ReadDiscreteInputs.code(),
            AnswerBody::ReadHoldingRegisters(_) => Function::ReadHoldingRegisters.code(),
            AnswerBody::ReadInputRegisters(_) => Function::ReadInputRegisters.code(),
            AnswerBody::WriteSingleCoil { .. } => Function::WriteSingleCoil.code(),
            AnswerBody::WriteSingleRegister { .. } => Function::WriteSingleRegister.code(),
            AnswerBody::WriteMultipleCoils { .. } => Function::WriteMultipleCoils.code(),
            AnswerBody::WriteMultipleRegisters { .. } => Function::WriteMultipleRegisters.code(),
            AnswerBody::Exception { function, .. } => *function | Function::EXCEPTION_BIT,
        }
    }

    /// The data bytes of a read answer: registers big endian, bits packed. `None` for writes and exceptions.
    #[must_use]
    pub const fn data(&self) -> Option<&Bytes> {
        match &self.body {
            AnswerBody::ReadCoils(data)
            | AnswerBody::ReadDiscreteInputs(data)
            | AnswerBody::ReadHoldingRegisters(data)
            | AnswerBody::ReadInputRegisters(data) => Some(data),
            AnswerBody::WriteSingleCoil { .. }
            | AnswerBody::WriteSingleRegister { .. }
            | AnswerBody::WriteMultipleCoils { .. }
            | AnswerBody::WriteMultipleRegisters { .. }
            | AnswerBody::Exception { .. } => None,
        }
    }

    /// The words of a register read, `None` for every other answer.
    #[must_use]
    pub fn registers(&self) -> Option<Vec<u16>> {
        match &self.body {
            AnswerBody::ReadHoldingRegisters(data) | AnswerBody::ReadInputRegisters(data) => {
                Some(words(data))
            }
            AnswerBody::ReadCoils(_)
            | AnswerBody::ReadDiscreteInputs(_)
            | AnswerBody::WriteSingleCoil { .. }
            | AnswerBody::WriteSingleRegister { .. }
            | AnswerBody::WriteMultipleCoils { .. }
            | AnswerBody::WriteMultipleRegisters { .. }
            | AnswerBody::Exception { .. } => None,
        }
    }

    /// The first `count` states of a bit read, `None` for every other answer.
    #[must_use]
    pub fn bits(&self, count: usize) -> Option<Vec<bool>> {
        match &self.body {
            AnswerBody::ReadCoils(data) | AnswerBody::ReadDiscreteInputs(data) => {
                Some(unpack_bits(data, count))
            }
            AnswerBody::ReadHoldingRegisters(_)
            | AnswerBody::ReadInputRegisters(_)
            | AnswerBody::WriteSingleCoil { .. }
            | AnswerBody::WriteSingleRegister { .. }
            | AnswerBody::WriteMultipleCoils { .. }
            | AnswerBody::WriteMultipleRegisters { .. }
            | AnswerBody::Exception { .. } => None,
        }
    }

    /// Unit, function and body without the CRC.
    #[must_use]
    pub fn encode_without_crc(&self) -> Vec<u8> {
        let mut frame = vec![self.unit, self.function_code()];
        let mut two = |first: u16, second: u16| {
            frame.extend_from_slice(&first.to_be_bytes());
            frame.extend_from_slice(&second.to_be_bytes());
        };
        match &self.body {
            AnswerBody::ReadCoils(data)
            | AnswerBody::ReadDiscreteInputs(data)
            | AnswerBody::ReadHoldingRegisters(data)
            | AnswerBody::ReadInputRegisters(data) => {
                // One byte holds the count; a body made by hand with more is cut, never mis-framed.
                let len = u8::try_from(data.len()).unwrap_or(u8::MAX);
                frame.push(len);
                frame.extend(data.iter().take(usize::from(len)));
            }
            AnswerBody::WriteSingleCoil { address, on } => two(*address, coil_word(*on)),
            AnswerBody::WriteSingleRegister { address, value } => two(*address, *value),
            AnswerBody::WriteMultipleCoils { start, count }
            | AnswerBody::WriteMultipleRegisters { start, count } => {
                two(*start, *count);
            }
            AnswerBody::Exception { exception, .. } => frame.push(exception.code()),
        }
        frame
    }

    /// The complete RTU frame with its CRC.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut frame = self.encode_without_crc();
        crc16::append(&mut frame);
        frame
    }

    /// Whether this answers `request`: unit, function and amount of data, or the echo of a write.
    ///
    /// # Errors
    /// The first thing that does not fit.
    pub fn fits(&self, request: &Request) -> Result<(), Misfit> {
        if self.unit != request.unit() {
            return Err(Misfit::Unit { had: self.unit, wanted: request.unit() });
        }
        let wanted = request.function().code();
        let had = self.function_code() & !Function::EXCEPTION_BIT;
        if had != wanted {
            return Err(Misfit::Function { had, wanted });
        }
        if let (Some(data), Some(wanted)) = (self.data(), data_len(request.body())) {
            return if data.len() == wanted {
                Ok(())
            } else {
                Err(Misfit::ByteCount { had: data.len(), wanted })
            };
        }
        let had = match &self.body {
            AnswerBody::WriteSingleCoil { address, on } => (*address, coil_word(*on)),
            AnswerBody::WriteSingleRegister { address, value } => (*address, *value),
            AnswerBody::WriteMultipleCoils { start, count }
            | AnswerBody::WriteMultipleRegisters { start, count } => (*start, *count),
            AnswerBody::ReadCoils(_)
            | AnswerBody::ReadDiscreteInputs(_)
            | AnswerBody::ReadHoldingRegisters(_)
            | AnswerBody::ReadInputRegisters(_)
            | AnswerBody::Exception { .. } => return Ok(()),
        };
        match echo_of(request.body()) {
            Some(wanted) if wanted != had => Err(Misfit::Echo {
                had_address: had.0,
                had_value: had.1,
                wanted_address: wanted.0,
                wanted_value: wanted.1,
            }),
            Some(_) | None => Ok(()),
        }
    }

    /// Looks for an answer at the front of `bytes`; its length follows from function and byte count.
    /// Bytes behind it are left alone.
    #[must_use]
    pub fn parse(bytes: &[u8]) -> Parse<Self, AnswerError> {
        let wanted = match length_with_crc(bytes) {
            Length::Known(len) => len,
            Length::NeedMore { wanted } => return Parse::NeedMore { wanted },
            Length::UnknownFunction { code } => return Parse::Refused(AnswerError::UnknownFunction { code }),
        };
        let Some(frame) = bytes.get(..wanted) else {
            return Parse::NeedMore { wanted };
        };
        match Self::from_frame(frame) {
            Ok(value) => Parse::Complete { value, len: wanted },
            Err(error) => Parse::Refused(error),
        }
    }

    /// Looks for the answer to `request` at the front of `bytes`. As soon as a byte is there that cannot
    /// belong to it, the front is refused.
    #[must_use]
    pub fn parse_for(request: &Request, bytes: &[u8]) -> Parse<Self, AnswerError> {
        let wanted_code = request.function().code();
        if let Some(had) = bytes.first().copied()
            && had != request.unit()
        {
            return Parse::Refused(Misfit::Unit { had, wanted: request.unit() }.into());
        }
        if let Some(had) = bytes.get(1).copied()
            && had & !Function::EXCEPTION_BIT != wanted_code
        {
            return Parse::Refused(Misfit::Function { had, wanted: wanted_code }.into());
        }
        if let (Some(code), Some(had), Some(wanted)) =
            (bytes.get(1).copied(), bytes.get(2).copied(), data_len(request.body()))
            && code == wanted_code
            && usize::from(had) != wanted
        {
            return Parse::Refused(Misfit::ByteCount { had: usize::from(had), wanted }.into());
        }
        match Self::parse(bytes) {
            Parse::Complete { value, len } => match value.fits(request) {
                Ok(()) => Parse::Complete { value, len },
                Err(misfit) => Parse::Refused(misfit.into()),
            },
            other @ (Parse::NeedMore { .. } | Parse::Refused(_)) => other,
        }
    }

    /// Reads an answer that fills `bytes` exactly, as it travels inside another frame, with or without
    /// its own CRC.
    ///
    /// # Errors
    /// When the length fits neither form, or the CRC is there and wrong.
    pub fn parse_whole(bytes: &[u8]) -> Result<(Self, InnerCrc), AnswerError> {
        let wanted = match length_with_crc(bytes) {
            Length::Known(len) => len,
            Length::NeedMore { wanted } => return Err(AnswerError::Length { had: bytes.len(), wanted }),
            Length::UnknownFunction { code } => return Err(AnswerError::UnknownFunction { code }),
        };
        if bytes.len() == wanted {
            Self::from_frame(bytes).map(|answer| (answer, InnerCrc::Good))
        } else if bytes.len() + crc16::LEN == wanted {
            Self::from_covered(bytes).map(|answer| (answer, InnerCrc::Absent))
        } else {
            Err(AnswerError::Length { had: bytes.len(), wanted })
        }
    }

    fn from_frame(frame: &[u8]) -> Result<Self, AnswerError> {
        let split =
            crc16::split(frame).ok_or(AnswerError::Length { had: frame.len(), wanted: MIN_FRAME_LEN })?;
        if !split.is_good() {
            return Err(AnswerError::Crc { had: split.had, wanted: split.wanted });
        }
        Self::from_covered(split.covered)
    }

    fn from_covered(covered: &[u8]) -> Result<Self, AnswerError> {
        let cut = || AnswerError::Length { had: covered.len() + crc16::LEN, wanted: MIN_FRAME_LEN };
        let mut cursor = Cursor::new(covered);
        let unit = cursor.u8().ok_or_else(cut)?;
        let code = cursor.u8().ok_or_else(cut)?;
        if code & Function::EXCEPTION_BIT != 0 {
            let exception = Exception::from_code(cursor.u8().ok_or_else(cut)?);
            let function = code & !Function::EXCEPTION_BIT;
            return Ok(Self { unit, body: AnswerBody::Exception { function, exception } });
        }
        let function = Function::from_code(code).ok_or(AnswerError::UnknownFunction { code })?;
        let body = if function.is_read() {
            let count = usize::from(cursor.u8().ok_or_else(cut)?);
            let data = Bytes::copy_from_slice(cursor.take(count).ok_or_else(cut)?);
            match function {
                Function::ReadCoils => AnswerBody::ReadCoils(data),
                Function::ReadDiscreteInputs => AnswerBody::ReadDiscreteInputs(data),
                Function::ReadHoldingRegisters => AnswerBody::ReadHoldingRegisters(data),
                Function::ReadInputRegisters
                | Function::WriteSingleCoil
                | Function::WriteSingleRegister
                | Function::WriteMultipleCoils
                | Function::WriteMultipleRegisters => AnswerBody::ReadInputRegisters(data),
            }
        } else {
            let first = cursor.u16_be().ok_or_else(cut)?;
            let second = cursor.u16_be().ok_or_else(cut)?;
            match function {
                Function::WriteSingleCoil => match second {
                    0xFF00 => AnswerBody::WriteSingleCoil { address: first, on: true },
                    0x0000 => AnswerBody::WriteSingleCoil { address: first, on: false },
                    had => return Err(AnswerError::CoilValue { had }),
                },
                Function::WriteSingleRegister => {
                    AnswerBody::WriteSingleRegister { address: first, value: second }
                }
                Function::WriteMultipleCoils => {
                    AnswerBody::WriteMultipleCoils { start: first, count: second }
                }
                Function::WriteMultipleRegisters
                | Function::ReadCoils
                | Function::ReadDiscreteInputs
                | Function::ReadHoldingRegisters
                | Function::ReadInputRegisters => {
                    AnswerBody::WriteMultipleRegisters { start: first, count: second }
                }
            }
        };
        Ok(Self { unit, body })
    }
}

/// Bytes of data a read answer must carry, `None` for writes.
pub(super) fn data_len(body: &RequestBody) -> Option<usize> {
    match body {
        RequestBody::ReadCoils { count, .. } | RequestBody::ReadDiscreteInputs { count, .. } => {
            Some(usize::from(count.div_ceil(8)))
        }
        RequestBody::ReadHoldingRegisters { count, .. } | RequestBody::ReadInputRegisters { count, .. } => {
            Some(usize::from(*count) * 2)
        }
        RequestBody::WriteSingleCoil { .. }
        | RequestBody::WriteSingleRegister { .. }
        | RequestBody::WriteMultipleCoils { .. }
        | RequestBody::WriteMultipleRegisters { .. } => None,
    }
}

/// Address and value (or count) that the answer to a write repeats, `None` for reads.
fn echo_of(body: &RequestBody) -> Option<(u16, u16)> {
    match body {
        RequestBody::WriteSingleCoil { address, on } => Some((*address, coil_word(*on))),
        RequestBody::WriteSingleRegister { address, value } => Some((*address, *value)),
        RequestBody::WriteMultipleCoils { start, coils } => Some((*start, u16::try_from(coils.len()).ok()?)),
        RequestBody::WriteMultipleRegisters { start, values } => {
            Some((*start, u16::try_from(values.len()).ok()?))
        }
        RequestBody::ReadCoils { .. }
        | RequestBody::ReadDiscreteInputs { .. }
        | RequestBody::ReadHoldingRegisters { .. }
        | RequestBody::ReadInputRegisters { .. } => None,
    }
}

enum Length {
    Known(usize),
    NeedMore { wanted: usize },
    UnknownFunction { code: u8 },
}

/// Length of the answer that begins `bytes`, with its CRC.
fn length_with_crc(bytes: &[u8]) -> Length {
    let Some(code) = bytes.get(1).copied() else {
        return Length::NeedMore { wanted: MIN_FRAME_LEN };
    };
    if code & Function::EXCEPTION_BIT != 0 {
        return Length::Known(EXCEPTION_LEN);
    }
    match Function::from_code(code) {
        None => Length::UnknownFunction { code },
        Some(function) if function.is_read() => match bytes.get(2).copied() {
            None => Length::NeedMore { wanted: EXCEPTION_LEN },
            Some(count) => Length::Known(EXCEPTION_LEN + usize::from(count)),
        },
        Some(_) => Length::Known(8),
    }
}

/// Big endian words of `data`; an odd last byte is left out.
pub(crate) fn words(data: &[u8]) -> Vec<u16> {
    let (words, _odd) = data.as_chunks::<2>();
    words.iter().copied().map(u16::from_be_bytes).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// DTSD1352 event record, read and answer (both verify).
    const EVENT_REQUEST: [u8; 8] = [0x01, 0x03, 0x30, 0x01, 0x00, 0x06, 0x9B, 0x08];
    const EVENT_ANSWER: [u8; 17] = [
        0x01, 0x03, 0x0C, 0x12, 0x01, 0x08, 0x0A, 0x01, 0x01, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x80, 0x23,
    ];

    fn event_request() -> Request {
        let Parse::Complete { value, len: 8 } = Request::parse(&EVENT_REQUEST) else { panic!("refused") };
        value
    }

    #[test]
    fn the_event_record_of_the_reference() {
        let request = event_request();
        assert_eq!(request, Request::read_holding_registers(1, 0x3001, 6).unwrap());
        let Parse::Complete { value, len } = Answer::parse_for(&request, &EVENT_ANSWER) else {
            panic!("refused")
        };
        assert_eq!(len, EVENT_ANSWER.len());
        assert_eq!(value.registers().unwrap(), [0x1201, 0x080A, 0x0101, 0x0100, 0, 0]);
        assert_eq!(value.encode(), EVENT_ANSWER);
    }

    #[test]
    fn an_exception_is_the_answer_to_the_function_it_names() {
        let request = event_request();
        let frame = Answer::exception(&request, Exception::ServerDeviceBusy).encode();
        assert_eq!(frame[..3], [0x01, 0x83, 0x06]);
        let Parse::Complete { value, len: 5 } = Answer::parse_for(&request, &frame) else {
            panic!("refused")
        };
        assert_eq!(value.body, AnswerBody::Exception { function: 3, exception: Exception::ServerDeviceBusy });
    }

    #[test]
    fn answers_of_others_are_refused_at_the_first_byte_that_tells() {
        let request = event_request();
        for (bytes, misfit) in [
            (&[0x02][..], Misfit::Unit { had: 2, wanted: 1 }),
            (&[0x01, 0x04], Misfit::Function { had: 4, wanted: 3 }),
            (&[0x01, 0x84], Misfit::Function { had: 0x84, wanted: 3 }),
            (&[0x01, 0x03, 0x02], Misfit::ByteCount { had: 2, wanted: 12 }),
        ] {
            assert_eq!(Answer::parse_for(&request, bytes), Parse::Refused(AnswerError::Misfit(misfit)));
        }
    }

    #[test]
    fn a_write_is_confirmed_only_by_its_own_echo() {
        let request = Request::new(7, RequestBody::WriteSingleRegister { address: 9, value: 300 }).unwrap();
        let echo = Answer::write_ack(&request).unwrap().encode();
        assert_eq!(echo, request.encode());
        assert!(matches!(Answer::parse_for(&request, &echo), Parse::Complete { len: 8, .. }));
        let other = Request::new(7, RequestBody::WriteSingleRegister { address: 9, value: 301 }).unwrap();
        assert!(matches!(
            Answer::parse_for(&other, &echo),
            Parse::Refused(AnswerError::Misfit(Misfit::Echo { had_value: 300, wanted_value: 301, .. }))
        ));
    }

    #[test]
    fn an_inner_answer_may_leave_its_crc_out_but_not_have_it_wrong() {
        let (with, crc) = Answer::parse_whole(&EVENT_ANSWER).unwrap();
        assert_eq!(crc, InnerCrc::Good);
        let (without, crc) = Answer::parse_whole(&EVENT_ANSWER[..15]).unwrap();
        assert_eq!(crc, InnerCrc::Absent);
        assert_eq!(with, without);
        let mut wrong = EVENT_ANSWER;
        wrong[4] ^= 0x10;
        assert_eq!(
            Answer::parse_whole(&wrong),
            Err(AnswerError::Crc { had: 0x2380, wanted: crc16::checksum(&wrong[..15]) })
        );
        assert_eq!(
            Answer::parse_whole(&EVENT_ANSWER[..16]),
            Err(AnswerError::Length { had: 16, wanted: 17 })
        );
    }
}
