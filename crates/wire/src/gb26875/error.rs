//! Why bytes are no frame, and why a frame's data unit cannot be read.

use thiserror::Error;

/// Why bytes are no frame. The stream goes on behind them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Error)]
pub enum FrameError {
    /// Bytes in front of the start characters.
    #[error("no start characters 40 40")]
    NoStart,
    /// The data unit is said to be longer than allowed.
    #[error("data unit of {had} bytes, wanted at most 1024")]
    TooLong {
        /// The length said, bytes.
        had: usize,
    },
    /// The end characters do not stand where the length says.
    #[error("{had:02x?} in the place of the end characters 23 23")]
    NoEnd {
        /// What stands there.
        had: [u8; 2],
    },
    /// The sum is wrong.
    #[error("checksum {had:#04x}, wanted {wanted:#04x}")]
    Checksum {
        /// The sum received.
        had: u8,
        /// The sum computed.
        wanted: u8,
    },
    /// The command is reserved.
    #[error("command {had}, wanted 1 to 6 or 128 to 255")]
    Command {
        /// The command byte.
        had: u8,
    },
    /// The text of a frame ends in something else.
    #[error("{had:#04x} after {after} digits, wanted a hexadecimal digit, all of one case")]
    NoDigit {
        /// The character.
        had: u8,
        /// Digits before it.
        after: usize,
    },
    /// The line went quiet within a frame.
    #[error("frame cut off after {had} bytes")]
    Cut {
        /// Bytes that came.
        had: usize,
    },
}

impl FrameError {
    /// Stable key for counters and screens.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::NoStart => "no_start",
            Self::TooLong { .. } => "too_long",
            Self::NoEnd { .. } => "no_end",
            Self::Checksum { .. } => "checksum",
            Self::Command { .. } => "command",
            Self::NoDigit { .. } => "no_digit",
            Self::Cut { .. } => "cut",
        }
    }

    /// What of the standard is broken.
    #[must_use]
    pub const fn clause(&self) -> &'static str {
        match self {
            Self::NoStart => "GB/T 26875.3-2011, start characters",
            Self::NoDigit { .. } => "dialect of GB/T 26875.3-2011, frames as hexadecimal text",
            Self::TooLong { .. } => "GB/T 26875.3-2011, length of the application data unit",
            Self::NoEnd { .. } | Self::Cut { .. } => "GB/T 26875.3-2011, end characters",
            Self::Checksum { .. } => "GB/T 26875.3-2011, checksum",
            Self::Command { .. } => "GB/T 26875.3-2011, table 2, control command",
        }
    }
}

/// Why the data of a whole frame cannot be read. The stream goes on behind it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Error)]
pub enum UnitError {
    /// The main version is not 1.
    #[error("protocol version {had}, wanted 1")]
    Version {
        /// The main version.
        had: u8,
    },
    /// A command that carries data came without, or with a type flag alone.
    #[error("data unit of {had} bytes with command {command}, wanted a type flag, a count and objects")]
    Missing {
        /// The command byte.
        command: u8,
        /// Length of the data unit, bytes.
        had: usize,
    },
    /// The count of information objects is 0.
    #[error("no information object of type {kind}, wanted at least one")]
    NoObject {
        /// The type flag.
        kind: u8,
    },
    /// The objects need more or fewer bytes than there are.
    #[error("{had} bytes for {count} objects of type {kind}, wanted {wanted}")]
    Length {
        /// The type flag.
        kind: u8,
        /// How many objects are announced.
        count: u8,
        /// Bytes behind the count.
        had: usize,
        /// Bytes that the objects need, as far as they could be read.
        wanted: usize,
    },
    /// The type flag is reserved.
    #[error("type flag {kind}, wanted one of table 3")]
    Reserved {
        /// The type flag.
        kind: u8,
    },
}

impl UnitError {
    /// Stable key for counters and screens.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Version { .. } => "version",
            Self::Missing { .. } => "unit_missing",
            Self::NoObject { .. } => "no_object",
            Self::Length { .. } => "unit_length",
            Self::Reserved { .. } => "type_flag",
        }
    }

    /// What of the standard is broken.
    #[must_use]
    pub const fn clause(&self) -> &'static str {
        match self {
            Self::Version { .. } => "GB/T 26875.3-2011, protocol version",
            Self::Missing { .. } | Self::NoObject { .. } | Self::Length { .. } => {
                "GB/T 26875.3-2011, application data unit"
            }
            Self::Reserved { .. } => "GB/T 26875.3-2011, table 3, type flag",
        }
    }
}
