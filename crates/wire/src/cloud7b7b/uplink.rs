//! What a device sends.

use bytes::Bytes;

use super::{BodyError, ControlAnswer, Login, RawFrame, SerialNumber, Upload, command, encode_frame};

/// A frame from the device to the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Uplink {
    /// 0x84; to be answered with [`super::Downlink::LoginAck`].
    Login(Login),
    /// 0x93; to be answered with [`super::Downlink::TimeAnswer`].
    TimeRequest {
        /// Who asks.
        serial: SerialNumber,
    },
    /// 0x94; no answer. Says nothing of who sends it, so it counts only on a connection that is known.
    Heartbeat,
    /// 0x91; to be answered with [`super::Downlink::UploadAck`] once what it carries is durable.
    Upload(Upload),
    /// 0x90; the answer to a [`super::Downlink::Control`].
    ControlAnswer(ControlAnswer),
    /// A command not known here, with a good CRC. To be logged, not answered.
    Unknown {
        /// The command byte.
        command: u8,
        /// Its body.
        body: Bytes,
    },
}

impl Uplink {
    /// Reads the body of a frame that came from a device.
    ///
    /// # Errors
    /// When the body is not what its command has. The frame was whole: the stream goes on.
    pub fn parse(frame: &RawFrame) -> Result<Self, BodyError> {
        let body = &frame.body[..];
        match frame.command {
            command::LOGIN => Login::parse(body).map(Self::Login),
            command::TIME => match body.as_array::<{ SerialNumber::WIRE_LEN }>() {
                Some(serial) => Ok(Self::TimeRequest { serial: SerialNumber::from_wire(serial)? }),
                None => Err(BodyError::Length { command: "time", had: body.len(), wanted: "20" }),
            },
            command::HEARTBEAT if body.is_empty() => Ok(Self::Heartbeat),
            command::HEARTBEAT => {
                Err(BodyError::Length { command: "heartbeat", had: body.len(), wanted: "0" })
            }
            command::UPLOAD => Upload::parse(body).map(Self::Upload),
            command::CONTROL => ControlAnswer::parse(body).map(Self::ControlAnswer),
            command => Ok(Self::Unknown { command, body: frame.body.clone() }),
        }
    }

    /// The complete frame, as a device sends it.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        match self {
            Self::Login(login) => encode_frame(command::LOGIN, &login.body()),
            Self::TimeRequest { serial } => encode_frame(command::TIME, &serial.to_wire()),
            Self::Heartbeat => encode_frame(command::HEARTBEAT, &[]),
            Self::Upload(upload) => encode_frame(command::UPLOAD, &upload.body()),
            Self::ControlAnswer(answer) => encode_frame(command::CONTROL, &answer.body()),
            Self::Unknown { command, body } => encode_frame(*command, body),
        }
    }

    /// Who sends, where the frame says so.
    #[must_use]
    pub fn serial(&self) -> Option<&SerialNumber> {
        match self {
            Self::Login(login) => Some(&login.serial),
            Self::TimeRequest { serial } => Some(serial),
            Self::Upload(upload) => upload.serial.as_ref(),
            Self::ControlAnswer(answer) => answer.serial(),
            Self::Heartbeat | Self::Unknown { .. } => None,
        }
    }

    /// Stable key of the kind of frame.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Login(_) => "login",
            Self::TimeRequest { .. } => "time",
            Self::Heartbeat => "heartbeat",
            Self::Upload(_) => "upload",
            Self::ControlAnswer(_) => "control",
            Self::Unknown { .. } => "unknown",
        }
    }
}
