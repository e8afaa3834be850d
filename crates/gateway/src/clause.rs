//! Which clause of the vendor's protocol a refused frame breaks, as the telegram log names it.

use wire::cloud7b7b::{BodyError, FrameError};
use wire::gateway1f1f::{CipherError, MessageError};
use wire::modbus::AnswerError;

pub(crate) fn frame_clause(error: &FrameError) -> &'static str {
    match error {
        FrameError::NoStart => "vendor cloud protocol, start mark",
        FrameError::Crc { .. } => "vendor cloud protocol, frame CRC",
        FrameError::NoEnd { .. } => "vendor cloud protocol, end mark",
        FrameError::TooLong { .. } => "vendor cloud protocol, frame length",
    }
}

pub(crate) fn body_clause(error: &BodyError) -> &'static str {
    match error {
        BodyError::Answer { error: AnswerError::Crc { .. }, .. } => "vendor cloud protocol, inner Modbus CRC",
        BodyError::Answer { .. } | BodyError::NotARead { .. } | BodyError::Request(_) => {
            "vendor cloud protocol, Modbus inside"
        }
        BodyError::Mark { .. } | BodyError::NoSegment | BodyError::Address { .. } => {
            "vendor cloud protocol, upload body"
        }
        BodyError::Length { .. } | BodyError::Text { .. } | BodyError::Time(_) => {
            "vendor cloud protocol, body"
        }
        BodyError::Serial(_) => "vendor cloud protocol, serial number",
    }
}

pub(crate) fn gateway_clause(error: &MessageError) -> &'static str {
    match error {
        MessageError::Cipher(CipherError::Bomb { .. }) => "vendor gateway protocol, inflated size",
        MessageError::Cipher(_) => "vendor gateway protocol, encryption",
        MessageError::Xml(_) => "vendor gateway protocol, XML",
        MessageError::Missing { .. } | MessageError::Value { .. } | MessageError::Id(_) => {
            "vendor gateway protocol, message"
        }
        MessageError::Transparent(_) => "vendor gateway protocol, transparent frames",
    }
}
