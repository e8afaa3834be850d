//! Who speaks, and about which part of which system.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// The address of a transmission device or of a centre: six bytes that the standard gives no structure.
///
/// Written as twelve hexadecimal digits in the order of the wire, which is also how they stand in a capture:
/// a number for some makers (low byte first), an IPv4 address with its port or an asset number for others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Address(pub [u8; 6]);

/// A text that is no address.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("address {had:?}, wanted 12 hexadecimal digits in the order of the wire")]
pub struct InvalidAddress {
    /// The text.
    pub had: String,
}

impl Address {
    /// No address, or the centre where nobody set one.
    pub const UNSET: Self = Self([0; 6]);

    /// The address that is this number, low byte first.
    #[must_use]
    pub const fn from_number(number: u64) -> Self {
        let [a, b, c, d, e, f, ..] = number.to_le_bytes();
        Self([a, b, c, d, e, f])
    }

    /// The bytes as a number, low byte first.
    #[must_use]
    pub const fn number(self) -> u64 {
        let [a, b, c, d, e, f] = self.0;
        u64::from_le_bytes([a, b, c, d, e, f, 0, 0])
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02X}"))
    }
}

impl FromStr for Address {
    type Err = InvalidAddress;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let refused = || InvalidAddress { had: text.to_owned() };
        if text.len() != 12 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(refused());
        }
        let number = u64::from_str_radix(text, 16).map_err(|_no_digits| refused())?;
        let [_, _, bytes @ ..] = number.to_be_bytes();
        Ok(Self(bytes))
    }
}

/// A system of a building (table 4: type) and which of several of its kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SystemRef {
    /// Type of system, see [`super::codes::system`].
    pub kind: u8,
    /// Its number at the site.
    pub address: u8,
}

impl fmt::Display for SystemRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.kind, self.address)
    }
}

/// The address of a component within its system.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ComponentAddress {
    /// Four bytes, low byte first.
    Number(u32),
    /// Eight characters, in the dialect with long addresses.
    Text([u8; 8]),
}

impl fmt::Display for ComponentAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => write!(f, "{number}"),
            Self::Text(text) => text
                .iter()
                .filter(|byte| byte.is_ascii_graphic())
                .try_for_each(|byte| write!(f, "{}", char::from(*byte))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_written_in_the_order_of_the_wire() {
        let address = Address([0x15, 0x27, 0x08, 0x20, 0x20, 0xFE]);
        assert_eq!(address.to_string(), "1527082020FE");
        assert_eq!("1527082020fe".parse(), Ok(address));
        assert_eq!(Address::from_number(430_200_000_017).to_string(), "110EEB296400");
        assert_eq!(Address::from_number(430_200_000_017).number(), 430_200_000_017);
        for wrong in ["", "1527082020F", "1527082020FEE", "+527082020FE", "15270820２0"] {
            assert!(wrong.parse::<Address>().is_err(), "{wrong}");
        }
    }
}
