//! The vendor cloud protocol ("7B7B") of 2G/4G detectors and meters.
//!
//! ```text
//! 7B 7B | command (1) | body (n) | CRC-16/MODBUS over command and body, low byte first (2) | 7D 7D
//! ```
//!
//! There is no length field and no escape: body and CRC may hold `7D 7D`. [`Deframer`] finds the end by
//! the CRC. The device dials in; what it sends is an [`Uplink`], what the server sends a [`Downlink`].
//! The frame carries no secret: whoever knows a serial number can speak as the device, so admission is
//! the caller's business.
//!
//! `docs/protocol/cloud-7b7b.md` says what stands in the vendor's document and what is inferred.

mod body;
mod control;
mod deframer;
mod downlink;
mod error;
mod local_time;
mod login;
mod serial;
mod uplink;
mod upload;

pub use control::ControlAnswer;
pub use deframer::{DEFAULT_MAX_FRAME_LEN, Deframer, FrameError, RawFrame, Refused};
pub use downlink::Downlink;
pub use error::BodyError;
pub use local_time::{InvalidLocalTime, LocalTime};
pub use login::{FirmwareVersion, Login};
pub use serial::{InvalidSerial, SerialNumber};
pub use uplink::Uplink;
pub use upload::{Segment, SegmentData, Upload};

use crate::crc16;

/// The two bytes that open a frame.
pub const START: [u8; 2] = [0x7B, 0x7B];
/// The two bytes that close a frame.
pub const END: [u8; 2] = [0x7D, 0x7D];
/// Shortest frame in bytes: marks, command, CRC.
pub const MIN_FRAME_LEN: usize = 7;

/// Command bytes.
pub mod command {
    /// Login; answered with an empty body.
    pub const LOGIN: u8 = 0x84;
    /// Transparent control: a Modbus-RTU request down, its answer up.
    pub const CONTROL: u8 = 0x90;
    /// Upload of readings; answered with an empty body.
    pub const UPLOAD: u8 = 0x91;
    /// Time request; answered with seven bytes of local time.
    pub const TIME: u8 = 0x93;
    /// Heartbeat; not answered.
    pub const HEARTBEAT: u8 = 0x94;

    /// Stable key of a command, `None` for unknown ones.
    #[must_use]
    pub const fn name(command: u8) -> Option<&'static str> {
        match command {
            LOGIN => Some("login"),
            CONTROL => Some("control"),
            UPLOAD => Some("upload"),
            TIME => Some("time"),
            HEARTBEAT => Some("heartbeat"),
            _ => None,
        }
    }
}

/// Puts marks and CRC around a command and its body.
///
/// A body that contains its own CRC followed by `7D 7D` cannot be told from a shorter frame: the
/// protocol has no length. No body that devices send looks like that.
#[must_use]
pub fn encode_frame(command: u8, body: &[u8]) -> Vec<u8> {
    let mut frame = Vec::with_capacity(MIN_FRAME_LEN + body.len());
    frame.extend_from_slice(&START);
    frame.push(command);
    frame.extend_from_slice(body);
    let sum = crc16::checksum(frame.get(START.len()..).unwrap_or_default());
    frame.extend_from_slice(&crc16::to_wire(sum));
    frame.extend_from_slice(&END);
    frame
}
