//! Which clause of the vendor's protocol a refused frame breaks, as the telegram log names it.

use bytes::Bytes;
use wire::cloud7b7b::{BodyError, FrameError};
use wire::modbus::AnswerError;

use crate::session::{Output, Refusal};

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

/// The bytes of a frame that opens another protocol, refused by name.
pub(crate) fn refuse_gateway_protocol(bytes: &[u8]) -> Output {
    let reason = "start mark 1f 1f, wanted 7b 7b or a DTU's registration: the vendor's gateway protocol is not spoken here";
    let refused = Refusal::new("vendor gateway protocol, start mark", reason);
    Output::Heard { bytes: Bytes::copy_from_slice(bytes), refused: Some(refused.into()) }
}
