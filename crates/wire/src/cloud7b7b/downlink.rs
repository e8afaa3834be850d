//! What the server sends.

use bytes::Bytes;

use super::{BodyError, LocalTime, RawFrame, command, encode_frame};
use crate::modbus::{Parse, Request, RequestRefusal};

/// A frame from the server to the device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Downlink {
    /// 0x84 with an empty body.
    LoginAck,
    /// 0x93 with the server's local time.
    TimeAnswer(LocalTime),
    /// 0x91 with an empty body: what was uploaded is kept, the device need not send it again.
    UploadAck,
    /// 0x90 with a Modbus-RTU request. One at a time per connection.
    Control(Request),
    /// A command not known here, or one that no server sends.
    Unknown {
        /// The command byte.
        command: u8,
        /// Its body.
        body: Bytes,
    },
}

impl Downlink {
    /// Reads the body of a frame that came from a server.
    ///
    /// # Errors
    /// When the body is not what its command has.
    pub fn parse(frame: &RawFrame) -> Result<Self, BodyError> {
        let body = &frame.body[..];
        let empty = |command, value| match body.len() {
            0 => Ok(value),
            had => Err(BodyError::Length { command, had, wanted: "0" }),
        };
        match frame.command {
            command::LOGIN => empty("login", Self::LoginAck),
            command::UPLOAD => empty("upload", Self::UploadAck),
            command::TIME => match body.as_array::<{ LocalTime::WIRE_LEN }>() {
                Some(bytes) => Ok(Self::TimeAnswer(LocalTime::from_wire(bytes)?)),
                None => Err(BodyError::Length { command: "time", had: body.len(), wanted: "7" }),
            },
            command::CONTROL => match Request::parse(body) {
                Parse::Complete { value, len } if len == body.len() => Ok(Self::Control(value)),
                Parse::Complete { .. } => Err(BodyError::Length {
                    command: "control",
                    had: body.len(),
                    wanted: "one modbus request with its crc",
                }),
                Parse::NeedMore { .. } => Err(RequestRefusal::Cut { len: body.len() }.into()),
                Parse::Refused(refusal) => Err(refusal.into()),
            },
            command => Ok(Self::Unknown { command, body: frame.body.clone() }),
        }
    }

    /// The complete frame, as a server sends it.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        match self {
            Self::LoginAck => encode_frame(command::LOGIN, &[]),
            Self::TimeAnswer(time) => encode_frame(command::TIME, &time.to_wire()),
            Self::UploadAck => encode_frame(command::UPLOAD, &[]),
            Self::Control(request) => encode_frame(command::CONTROL, &request.encode()),
            Self::Unknown { command, body } => encode_frame(*command, body),
        }
    }
}
