//! Whom a frame is for.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// A meter's number: 12 digits. `AA` in place of two of them stands for any.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct MeterAddress([u8; 6]);

/// Text that is no meter number.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("meter number {had:?}, wanted 1 to 12 digits")]
pub struct NoMeterAddress {
    /// The text given.
    pub had: String,
}

/// Any two digits.
const ANY_PAIR: u8 = 0xAA;

impl MeterAddress {
    /// Whatever meter is alone on the line (reading the address, shortened addressing).
    pub const ANY: Self = Self([ANY_PAIR; 6]);
    /// Every meter; none answers.
    pub const BROADCAST: Self = Self([0x99; 6]);

    /// The address of these bytes as they stand in a frame, low pair first.
    #[must_use]
    pub const fn of_wire(bytes: [u8; 6]) -> Self {
        Self(bytes)
    }

    /// Its bytes as they stand in a frame, low pair first.
    #[must_use]
    pub const fn wire(self) -> [u8; 6] {
        self.0
    }

    /// Whether a meter with the number `other` is meant.
    #[must_use]
    pub fn means(self, other: Self) -> bool {
        self.0.iter().zip(other.0).all(|(wanted, had)| *wanted == ANY_PAIR || *wanted == had)
    }

    /// Whether the bytes at the front of an address, in the order of the wire, may belong to a meter that is meant.
    pub(super) fn may_mean(self, front: &[u8]) -> bool {
        self.0.iter().zip(front).all(|(wanted, had)| *wanted == ANY_PAIR || wanted == had)
    }
}

impl FromStr for MeterAddress {
    type Err = NoMeterAddress;

    /// Reads 1 to 12 digits as they are printed on the meter; missing ones in front are zeros.
    fn from_str(text: &str) -> Result<Self, NoMeterAddress> {
        let wrong = || NoMeterAddress { had: text.to_owned() };
        let digits = text.trim();
        if digits.is_empty() || digits.len() > 12 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(wrong());
        }
        let mut number: u64 = digits.parse().map_err(|_not_digits| wrong())?;
        let mut bytes = [0; 6];
        for byte in &mut bytes {
            let pair = u8::try_from(number % 100).map_err(|_too_big| wrong())?;
            *byte = pair / 10 * 16 + pair % 10;
            number /= 100;
        }
        Ok(Self(bytes))
    }
}

impl fmt::Display for MeterAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().rev().try_for_each(|pair| write!(f, "{pair:02X}"))
    }
}

impl fmt::Debug for MeterAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MeterAddress({self})")
    }
}
