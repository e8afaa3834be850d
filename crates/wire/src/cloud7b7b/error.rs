//! Why the body of a frame with a good CRC cannot be read.

use thiserror::Error;

use super::{InvalidLocalTime, InvalidSerial};
use crate::modbus::{AnswerError, RequestRefusal};

/// Why a body cannot be read. The frame was whole, so the stream goes on behind it.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum BodyError {
    /// Fewer or more bytes than the command has.
    #[error("{command} body of {had} bytes, wanted {wanted}")]
    Length {
        /// Key of the command.
        command: &'static str,
        /// Bytes there.
        had: usize,
        /// What would be right.
        wanted: &'static str,
    },
    /// The serial number is none.
    #[error("serial number: {0}")]
    Serial(#[from] InvalidSerial),
    /// A text field holds a byte that is no printable ASCII.
    #[error("{field}: byte {had:#04x} at offset {offset}, wanted printable ascii padded with zeros")]
    Text {
        /// Key of the field.
        field: &'static str,
        /// Offset inside the field.
        offset: usize,
        /// The byte there.
        had: u8,
    },
    /// The time is none.
    #[error("time: {0}")]
    Time(#[from] InvalidLocalTime),
    /// A mark of the upload body is not where it must be.
    #[error("upload body: {had:02X?} at offset {offset}, wanted {wanted}")]
    Mark {
        /// Offset in the body.
        offset: usize,
        /// The bytes there, at most four.
        had: Vec<u8>,
        /// The mark wanted.
        wanted: &'static str,
    },
    /// An upload without data.
    #[error("upload without a segment, wanted at least one")]
    NoSegment,
    /// The segment's address is missing, too long or no text.
    #[error(
        "segment address of {had} bytes at offset {offset}, wanted 1 to {max} printable ascii characters"
    )]
    Address {
        /// Offset in the body.
        offset: usize,
        /// Length up to the mark behind it, bytes.
        had: usize,
        /// Greatest length, bytes.
        max: usize,
    },
    /// The Modbus answer inside is none. For an inner CRC that is there and wrong this is
    /// [`AnswerError::Crc`]: the outer sum being right proves nothing about such data.
    #[error("modbus answer at offset {offset}: {error}")]
    Answer {
        /// Offset in the body.
        offset: usize,
        /// What is wrong with it.
        error: AnswerError,
    },
    /// The function inside an upload is not a read.
    #[error("function {had:#04x} at offset {offset} of the upload body, wanted a read answer")]
    NotARead {
        /// Offset in the body.
        offset: usize,
        /// The function code.
        had: u8,
    },
    /// The Modbus request inside is none.
    #[error("modbus request: {0}")]
    Request(#[from] RequestRefusal),
}

impl BodyError {
    /// Stable key for counters and screens.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Length { .. } => "body_length",
            Self::Serial(_) => "serial",
            Self::Text { .. } => "text",
            Self::Time(_) => "time",
            Self::Mark { .. } => "mark",
            Self::NoSegment => "no_segment",
            Self::Address { .. } => "segment_address",
            Self::Answer { error: AnswerError::Crc { .. }, .. } => "inner_crc",
            Self::Answer { .. } => "inner_answer",
            Self::NotARead { .. } => "inner_function",
            Self::Request(_) => "inner_request",
        }
    }
}
