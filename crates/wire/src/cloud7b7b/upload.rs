//! The upload body: an optional serial number, then segments.
//!
//! ```text
//! [ serial number (20) ]  then one or more of
//! 5B 5B  address  28 28  Modbus read answer, with or without its own CRC  29 29 5D 5D
//!  [[      1-1     ((      01 03 02 01 48 (B9 E2)                           ))    ]]
//! ```
//!
//! Register data may hold `29 29` or `5D 5D`, so the end of the answer is found through its byte count;
//! the marks behind it are only checked. Where an inner CRC is sent, both sums are checked: data followed
//! by their own CRC leave the outer sum unchanged, whatever the data are.
//!
//! The frame does not say which register the data begin with: model, segment address and byte count
//! together tell a device profile.

use bytes::Bytes;

use super::{BodyError, SerialNumber};
use crate::crc16;
use crate::cursor::{Cursor, find};
use crate::modbus::{AnswerError, Exception, Function, InnerCrc};

const SEGMENT_START: [u8; 2] = *b"[[";
const ANSWER_START: [u8; 2] = *b"((";
const SEGMENT_END: [u8; 4] = *b"))]]";
/// Longest address in bytes; the known ones have three (`1-1`).
const MAX_ADDRESS_LEN: usize = 32;

/// Readings a device sends on its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upload {
    /// Who sends; may be left out on a connection that has logged in.
    pub serial: Option<SerialNumber>,
    /// At least one in every upload that was parsed.
    pub segments: Vec<Segment>,
}

/// The answer of one meter behind the device, or of the device itself. More than 255 bytes of values do
/// not fit the byte count and are cut when it is encoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Segment {
    /// Text such as `1-1`: port and meter.
    pub address: String,
    /// Modbus unit.
    pub unit: u8,
    /// Modbus read function, 1 to 4, without the exception bit.
    pub function: u8,
    /// What was read.
    pub data: SegmentData,
    /// Whether the answer carried its own CRC; a wrong one is an error.
    pub inner_crc: InnerCrc,
}

/// What one meter answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SegmentData {
    /// Register bytes, big endian words (or packed bits for functions 1 and 2).
    Values(Bytes),
    /// The meter refused.
    Exception(Exception),
}

impl Segment {
    /// The register bytes, empty for an exception.
    #[must_use]
    pub fn data(&self) -> &[u8] {
        match &self.data {
            SegmentData::Values(bytes) => bytes,
            SegmentData::Exception(_) => &[],
        }
    }

    /// The register words, empty for an exception.
    #[must_use]
    pub fn registers(&self) -> Vec<u16> {
        crate::modbus::words(self.data())
    }

    fn encode_into(&self, body: &mut Vec<u8>) {
        body.extend_from_slice(&SEGMENT_START);
        body.extend_from_slice(self.address.as_bytes());
        body.extend_from_slice(&ANSWER_START);
        let mut answer = vec![self.unit];
        match &self.data {
            SegmentData::Values(data) => {
                let len = u8::try_from(data.len()).unwrap_or(u8::MAX);
                answer.push(self.function);
                answer.push(len);
                answer.extend(data.iter().take(usize::from(len)));
            }
            SegmentData::Exception(exception) => {
                answer.push(self.function | Function::EXCEPTION_BIT);
                answer.push(exception.code());
            }
        }
        match self.inner_crc {
            InnerCrc::Good => crc16::append(&mut answer),
            InnerCrc::Absent => {}
        }
        body.extend_from_slice(&answer);
        body.extend_from_slice(&SEGMENT_END);
    }
}

impl Upload {
    pub(super) fn parse(body: &[u8]) -> Result<Self, BodyError> {
        let mut cursor = Cursor::new(body);
        let serial = if body.starts_with(&SEGMENT_START) {
            None
        } else {
            let field = cursor.array().ok_or(BodyError::Length {
                command: "upload",
                had: body.len(),
                wanted: "a serial number of 20 or a segment",
            })?;
            Some(SerialNumber::from_wire(&field)?)
        };
        let mut segments = Vec::new();
        while !cursor.is_at_end() {
            segments.push(parse_segment(&mut cursor)?);
        }
        if segments.is_empty() {
            return Err(BodyError::NoSegment);
        }
        Ok(Self { serial, segments })
    }

    pub(super) fn body(&self) -> Vec<u8> {
        let mut body = self.serial.as_ref().map(|serial| serial.to_wire().to_vec()).unwrap_or_default();
        for segment in &self.segments {
            segment.encode_into(&mut body);
        }
        body
    }
}

fn parse_segment(cursor: &mut Cursor<'_>) -> Result<Segment, BodyError> {
    expect(cursor, &SEGMENT_START, "[[")?;
    let address = parse_address(cursor)?;
    expect(cursor, &ANSWER_START, "((")?;
    let layout = AnswerLayout::read(cursor)?;
    expect(cursor, &SEGMENT_END, "))]]")?;
    Ok(Segment {
        address,
        unit: layout.unit,
        function: layout.code & !Function::EXCEPTION_BIT,
        data: layout.data,
        inner_crc: layout.inner_crc,
    })
}

fn parse_address(cursor: &mut Cursor<'_>) -> Result<String, BodyError> {
    let offset = cursor.offset();
    let rest = cursor.rest();
    let within = rest.get(..MAX_ADDRESS_LEN + ANSWER_START.len()).unwrap_or(rest);
    let Some(len) = find(within, &ANSWER_START, 0) else {
        return Err(mark(cursor, "(( behind an address"));
    };
    let address = cursor.take(len).unwrap_or_default();
    if address.is_empty() || !address.iter().all(u8::is_ascii_graphic) {
        return Err(BodyError::Address { offset, had: len, max: MAX_ADDRESS_LEN });
    }
    Ok(address.iter().copied().map(char::from).collect())
}

struct AnswerLayout {
    unit: u8,
    code: u8,
    data: SegmentData,
    inner_crc: InnerCrc,
}

impl AnswerLayout {
    /// Reads the answer up to the marks behind it.
    fn read(cursor: &mut Cursor<'_>) -> Result<Self, BodyError> {
        let offset = cursor.offset();
        let whole = cursor.rest();
        let cut =
            |wanted| BodyError::Answer { offset, error: AnswerError::Length { had: whole.len(), wanted } };
        let unit = cursor.u8().ok_or_else(|| cut(3))?;
        let code = cursor.u8().ok_or_else(|| cut(3))?;
        let third = cursor.u8().ok_or_else(|| cut(3))?;
        let is_read = Function::from_code(code & !Function::EXCEPTION_BIT).is_some_and(Function::is_read);
        if !is_read {
            return Err(BodyError::NotARead { offset: offset + 1, had: code });
        }
        let data = if code & Function::EXCEPTION_BIT == 0 {
            let len = usize::from(third);
            SegmentData::Values(Bytes::copy_from_slice(cursor.take(len).ok_or_else(|| cut(3 + len))?))
        } else {
            SegmentData::Exception(Exception::from_code(third))
        };
        let covered = whole.get(..cursor.offset() - offset).unwrap_or_default();
        let rest = cursor.rest();
        // Marks two bytes on mean that a CRC stands between; the two places can never both hold the marks.
        let inner_crc = match (rest.first_chunk::<2>(), rest.get(2..)) {
            (Some(sum), Some(behind)) if behind.starts_with(&SEGMENT_END) => {
                let (had, wanted) = (crc16::from_wire(*sum), crc16::checksum(covered));
                if had != wanted {
                    return Err(BodyError::Answer { offset, error: AnswerError::Crc { had, wanted } });
                }
                let _sum = cursor.take(crc16::LEN);
                InnerCrc::Good
            }
            (Some(_), Some(_)) | (None, _) | (_, None) => InnerCrc::Absent,
        };
        Ok(Self { unit, code, data, inner_crc })
    }
}

fn expect(cursor: &mut Cursor<'_>, bytes: &[u8], wanted: &'static str) -> Result<(), BodyError> {
    if cursor.rest().starts_with(bytes) {
        let _mark = cursor.take(bytes.len());
        Ok(())
    } else {
        Err(mark(cursor, wanted))
    }
}

fn mark(cursor: &Cursor<'_>, wanted: &'static str) -> BodyError {
    let had = cursor.rest().iter().copied().take(4).collect();
    BodyError::Mark { offset: cursor.offset(), had, wanted }
}
