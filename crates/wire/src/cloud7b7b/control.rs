//! Transparent control: a Modbus-RTU request down, one of three answer forms up.

use super::{BodyError, SerialNumber};
use crate::crc16;
use crate::modbus::{Answer, Function, InnerCrc};

/// What a device sends after a control request. There is no sequence number: it belongs to the one
/// request outstanding on the connection, see [`Answer::fits`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ControlAnswer {
    /// Serial number and RTU answer.
    SerialAndAnswer {
        /// Who answers.
        serial: SerialNumber,
        /// What.
        answer: Answer,
        /// Whether the answer carried its own CRC.
        inner_crc: InnerCrc,
    },
    /// RTU answer alone.
    AnswerAlone {
        /// What.
        answer: Answer,
        /// Whether the answer carried its own CRC.
        inner_crc: InnerCrc,
    },
    /// Serial number alone: a write was done.
    WriteAck {
        /// Who did it.
        serial: SerialNumber,
    },
}

impl ControlAnswer {
    /// Who answers, where the form says so.
    #[must_use]
    pub const fn serial(&self) -> Option<&SerialNumber> {
        match self {
            Self::SerialAndAnswer { serial, .. } | Self::WriteAck { serial } => Some(serial),
            Self::AnswerAlone { .. } => None,
        }
    }

    /// The RTU answer, where the form has one.
    #[must_use]
    pub const fn answer(&self) -> Option<&Answer> {
        match self {
            Self::SerialAndAnswer { answer, .. } | Self::AnswerAlone { answer, .. } => Some(answer),
            Self::WriteAck { .. } => None,
        }
    }

    pub(super) fn parse(body: &[u8]) -> Result<Self, BodyError> {
        // The second byte tells: a function code is never printable, a serial number is (or ends) there.
        let has_serial = body
            .get(1)
            .is_some_and(|code| code & Function::EXCEPTION_BIT == 0 && Function::from_code(*code).is_none());
        if !has_serial {
            let (answer, inner_crc) =
                Answer::parse_whole(body).map_err(|error| BodyError::Answer { offset: 0, error })?;
            return Ok(Self::AnswerAlone { answer, inner_crc });
        }
        let (serial, rest) =
            body.split_first_chunk::<{ SerialNumber::WIRE_LEN }>().ok_or(BodyError::Length {
                command: "control",
                had: body.len(),
                wanted: "a modbus answer, or a serial number of 20",
            })?;
        let serial = SerialNumber::from_wire(serial)?;
        if rest.is_empty() {
            return Ok(Self::WriteAck { serial });
        }
        let (answer, inner_crc) = Answer::parse_whole(rest)
            .map_err(|error| BodyError::Answer { offset: SerialNumber::WIRE_LEN, error })?;
        Ok(Self::SerialAndAnswer { serial, answer, inner_crc })
    }

    pub(super) fn body(&self) -> Vec<u8> {
        let mut body = self.serial().map(|serial| serial.to_wire().to_vec()).unwrap_or_default();
        match self {
            Self::SerialAndAnswer { answer, inner_crc, .. } | Self::AnswerAlone { answer, inner_crc } => {
                let inner = answer.encode_without_crc();
                body.extend_from_slice(&inner);
                match inner_crc {
                    InnerCrc::Good => body.extend_from_slice(&crc16::to_wire(crc16::checksum(&inner))),
                    InnerCrc::Absent => {}
                }
            }
            Self::WriteAck { .. } => {}
        }
        body
    }
}
