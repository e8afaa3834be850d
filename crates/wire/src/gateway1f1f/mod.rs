//! The vendor gateway protocol ("1F1F") of gateways that collect many meters and detectors.
//!
//! ```text
//! 1F 1F | type (1) | length of the data (4, big endian) | data
//! ```
//!
//! A gateway dials in and authenticates by MD5 over a shared secret and a sequence of the server; then it sends
//! heartbeats and XML reports encrypted with AES-128-CBC under the same secret, plain ([`FrameType::Data`]) or
//! deflated before ([`FrameType::CompressedData`]). Downwards go Modbus-RTU frames in [`Transparent`].
//!
//! The frame has no sum: TCP's is trusted. Nothing here keeps state but the [`Deframer`]; sizes, ratios and depths are
//! bounded by [`Limits`] before anything is made of the bytes.
//!
//! `docs/protocol/gateway-1f1f.md` says what is known of it from where.

mod cipher;
mod deframer;
mod error;
mod message;
mod report;
mod time;
mod transparent;
mod xml;

pub use cipher::{BLOCK_LEN, CipherError, InvalidSecret, Secret, deflate, inflate};
pub use deframer::{Deframer, FrameError, RawFrame, Refused};
pub use error::MessageError;
pub use message::{Authentication, GatewayId, Heartbeat, InvalidGatewayId, Step};
pub use report::{Meter, Report, Value};
pub use time::{compact_time, parse_compact_time};
pub use transparent::{InvalidTransparent, Port, Transparent};
pub use xml::XmlError;

/// The two bytes that open a frame.
pub const HEAD: [u8; 2] = [0x1F, 0x1F];
/// Head, type and length, bytes.
pub const HEADER_LEN: usize = 7;

/// What a frame is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FrameType {
    /// Authentication, both ways; XML.
    Authentication,
    /// Heartbeat, answered with the time; XML.
    Heartbeat,
    /// A report; encrypted XML.
    Data,
    /// A report; XML, deflated, encrypted.
    CompressedData,
    /// A Modbus-RTU frame to a meter; encrypted text.
    Downlink,
    /// The answer to it; encrypted text.
    DownlinkAnswer,
}

impl FrameType {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Authentication,
        Self::Heartbeat,
        Self::Data,
        Self::CompressedData,
        Self::Downlink,
        Self::DownlinkAnswer,
    ];

    /// The byte of the wire.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::Authentication => 0x01,
            Self::Heartbeat => 0x02,
            Self::Data => 0x03,
            Self::CompressedData => 0x04,
            Self::Downlink => 0xF1,
            Self::DownlinkAnswer => 0xF2,
        }
    }

    /// The type of a byte.
    #[must_use]
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.code() == code)
    }

    /// Stable key.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Authentication => "authentication",
            Self::Heartbeat => "heartbeat",
            Self::Data => "data",
            Self::CompressedData => "compressed_data",
            Self::Downlink => "downlink",
            Self::DownlinkAnswer => "downlink_answer",
        }
    }

    /// Whether its data are encrypted.
    #[must_use]
    pub const fn is_encrypted(self) -> bool {
        match self {
            Self::Authentication | Self::Heartbeat => false,
            Self::Data | Self::CompressedData | Self::Downlink | Self::DownlinkAnswer => true,
        }
    }
}

/// How much is made of what comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The greatest length of inflated data, bytes.
    pub max_inflated_len: usize,
    /// The greatest number of inflated bytes to one deflated.
    pub max_ratio: usize,
    /// The greatest depth of elements.
    pub max_depth: usize,
    /// The greatest number of elements in a document.
    pub max_elements: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { max_inflated_len: 1 << 20, max_ratio: 100, max_depth: 8, max_elements: 20_000 }
    }
}

/// Puts the header before data. Data longer than the length field can say are cut to it; no caller has such.
#[must_use]
pub fn encode_frame(kind: FrameType, data: &[u8]) -> Vec<u8> {
    let len = u32::try_from(data.len()).unwrap_or(u32::MAX);
    let mut frame = Vec::with_capacity(HEADER_LEN + data.len());
    frame.extend_from_slice(&HEAD);
    frame.push(kind.code());
    frame.extend_from_slice(&len.to_be_bytes());
    frame.extend_from_slice(data);
    frame
}
