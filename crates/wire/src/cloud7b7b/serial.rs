//! The serial number: the only identity a device of this protocol has.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// A device's serial number: 1 to 20 printable ASCII characters, on the wire padded with zeros to 20.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SerialNumber(String);

/// Bytes or text that are no serial number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum InvalidSerial {
    /// Nothing but padding.
    #[error("0 characters, wanted 1 to 20")]
    Empty,
    /// Longer than the field.
    #[error("{had} characters, wanted 1 to 20")]
    Long {
        /// Characters given.
        had: usize,
    },
    /// Not printable, or something behind the padding.
    #[error("byte {had:#04x} at offset {offset}, wanted printable ascii padded with zeros")]
    Character {
        /// Offset in the field.
        offset: usize,
        /// The byte there.
        had: u8,
    },
}

impl SerialNumber {
    /// Length of the field on the wire, bytes.
    pub const WIRE_LEN: usize = 20;

    /// Checks and makes a serial number.
    ///
    /// # Errors
    /// When it is empty, too long or not printable ASCII.
    pub fn new(text: &str) -> Result<Self, InvalidSerial> {
        if text.is_empty() {
            return Err(InvalidSerial::Empty);
        }
        if text.len() > Self::WIRE_LEN {
            return Err(InvalidSerial::Long { had: text.len() });
        }
        match text.bytes().enumerate().find(|(_, byte)| !byte.is_ascii_graphic()) {
            Some((offset, had)) => Err(InvalidSerial::Character { offset, had }),
            None => Ok(Self(text.to_owned())),
        }
    }

    /// Reads the field of a frame.
    ///
    /// # Errors
    /// When it is blank or holds anything but printable ASCII and the zeros behind.
    pub fn from_wire(field: &[u8; Self::WIRE_LEN]) -> Result<Self, InvalidSerial> {
        match super::body::padded_text(field) {
            Ok(Some(text)) => Self::new(&text),
            Ok(None) => Err(InvalidSerial::Empty),
            Err((offset, had)) => Err(InvalidSerial::Character { offset, had }),
        }
    }

    /// The field of a frame.
    #[must_use]
    pub fn to_wire(&self) -> [u8; Self::WIRE_LEN] {
        super::body::padded(&self.0)
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SerialNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for SerialNumber {
    type Err = InvalidSerial;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::new(text)
    }
}

impl AsRef<str> for SerialNumber {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl From<SerialNumber> for String {
    fn from(serial: SerialNumber) -> Self {
        serial.0
    }
}
