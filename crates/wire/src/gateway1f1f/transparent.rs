//! A Modbus-RTU frame for a meter behind the gateway, as encrypted text: `PPAAA|hex`.

use std::fmt;

use thiserror::Error;

use super::{FrameType, MessageError, Secret, encode_frame};

/// Where a meter hangs: a port of the gateway and an address on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Port {
    port: u8,
    address: u8,
}

/// Text that is no transparent frame.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("transparent frame {part} is `{had}`, wanted {wanted}")]
pub struct InvalidTransparent {
    /// Which part.
    pub part: &'static str,
    /// What it is, cut.
    pub had: String,
    /// What would be right.
    pub wanted: &'static str,
}

impl InvalidTransparent {
    fn new(part: &'static str, had: &str, wanted: &'static str) -> Self {
        Self { part, had: had.chars().take(16).collect(), wanted }
    }
}

impl Port {
    /// The greatest port.
    pub const MAX_PORT: u8 = 99;

    /// `None` for a port above 99.
    #[must_use]
    pub const fn new(port: u8, address: u8) -> Option<Self> {
        if port <= Self::MAX_PORT { Some(Self { port, address }) } else { None }
    }

    /// The port of the gateway, 0 to 99.
    #[must_use]
    pub const fn port(self) -> u8 {
        self.port
    }

    /// The address on it, 0 to 255.
    #[must_use]
    pub const fn address(self) -> u8 {
        self.address
    }

    /// Reads five digits: two of the port, three of the address.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() != 5 || !text.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        Self::new(text.get(..2)?.parse().ok()?, text.get(2..)?.parse().ok()?)
    }
}

impl fmt::Display for Port {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}{:03}", self.port, self.address)
    }
}

/// The longest Modbus-RTU frame, bytes.
const MAX_RTU: usize = 256;

/// A Modbus-RTU frame and where it goes to or comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transparent {
    /// The meter.
    pub port: Port,
    /// The whole frame with its CRC, 1 to 256 bytes.
    pub rtu: Vec<u8>,
}

impl Transparent {
    /// Decrypts and reads the data of a frame.
    ///
    /// # Errors
    /// [`MessageError`].
    pub fn open(data: &[u8], secret: &Secret) -> Result<Self, MessageError> {
        let plain = secret.decrypt(data)?;
        Ok(Self::parse(&plain)?)
    }

    /// Reads `PPAAA|hex`.
    ///
    /// # Errors
    /// The part that is wrong.
    pub fn parse(plain: &[u8]) -> Result<Self, InvalidTransparent> {
        let text = std::str::from_utf8(plain)
            .map_err(|_no_text| InvalidTransparent::new("text", "bytes", "ascii text"))?
            .trim_end();
        let (port, hex) = text
            .split_once('|')
            .ok_or_else(|| InvalidTransparent::new("text", text, "a `|` behind five digits"))?;
        let port =
            Port::parse(port).ok_or_else(|| InvalidTransparent::new("address", port, "five digits PPAAA"))?;
        let wrong = || InvalidTransparent::new("hex", hex, "1 to 256 pairs of hexadecimal digits");
        let digits: Option<Vec<u32>> = hex.chars().map(|digit| digit.to_digit(16)).collect();
        let (pairs, rest) = digits.as_deref().ok_or_else(wrong)?.as_chunks::<2>();
        if !rest.is_empty() || pairs.is_empty() || pairs.len() > MAX_RTU {
            return Err(wrong());
        }
        let rtu: Result<Vec<u8>, InvalidTransparent> = pairs
            .iter()
            .map(|[high, low]| u8::try_from(high * 16 + low).map_err(|_too_big| wrong()))
            .collect();
        Ok(Self { port, rtu: rtu? })
    }

    /// `PPAAA|hex`.
    #[must_use]
    pub fn to_text(&self) -> String {
        use fmt::Write as _;
        self.rtu.iter().fold(format!("{}|", self.port), |mut text, byte| {
            let _infallible = write!(text, "{byte:02x}");
            text
        })
    }

    /// The whole frame, encrypted; `kind` says which way it goes.
    #[must_use]
    pub fn seal(&self, kind: FrameType, secret: &Secret) -> Vec<u8> {
        encode_frame(kind, &secret.encrypt(self.to_text().as_bytes()))
    }
}
