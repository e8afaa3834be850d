//! CRC-16/MODBUS: polynomial 0x8005 reflected (0xA001), initial value 0xFFFF, low byte first on the wire.
//!
//! Source: Modbus over serial line specification V1.02, 6.2.2. The vendor cloud protocol uses the same sum.

use crc::{CRC_16_MODBUS, Crc};

static ALGORITHM: Crc<u16> = Crc::<u16>::new(&CRC_16_MODBUS);

/// Number of bytes the sum takes on the wire.
pub const LEN: usize = 2;

/// The sum over `bytes`.
#[must_use]
pub fn checksum(bytes: &[u8]) -> u16 {
    ALGORITHM.checksum(bytes)
}

/// The two bytes as they stand on the wire, low byte first.
#[must_use]
pub fn to_wire(sum: u16) -> [u8; LEN] {
    sum.to_le_bytes()
}

/// The sum that two wire bytes stand for.
#[must_use]
pub fn from_wire(bytes: [u8; LEN]) -> u16 {
    u16::from_le_bytes(bytes)
}

/// Appends the sum over everything in `frame`.
pub fn append(frame: &mut Vec<u8>) {
    let sum = checksum(frame);
    frame.extend_from_slice(&to_wire(sum));
}

/// Splits `frame` into what the sum covers, the sum that was received and the sum that was wanted.
///
/// `None` when there are not even two bytes.
#[must_use]
pub fn split(frame: &[u8]) -> Option<Split<'_>> {
    let (covered, tail) = frame.split_last_chunk::<LEN>()?;
    Some(Split { covered, had: from_wire(*tail), wanted: checksum(covered) })
}

/// A frame cut into its covered part and its sum.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Split<'a> {
    /// The bytes under the sum.
    pub covered: &'a [u8],
    /// The sum received.
    pub had: u16,
    /// The sum computed over `covered`.
    pub wanted: u16,
}

impl Split<'_> {
    /// Whether the received sum is the computed one.
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.had == self.wanted
    }
}

/// A sum over bytes that come in pieces, readable after each piece.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Running {
    sum: u16,
}

impl Default for Running {
    fn default() -> Self {
        Self::new()
    }
}

impl Running {
    /// A sum over nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self { sum: CRC_16_MODBUS.init }
    }

    /// Adds `bytes`.
    pub fn update(&mut self, bytes: &[u8]) {
        // The algorithm reflects input and output and has no final xor, so the finished sum is the
        // register itself with its bits turned round, which is what the initial value is given in.
        let mut digest = ALGORITHM.digest_with_initial(self.sum.reverse_bits());
        digest.update(bytes);
        self.sum = digest.finalize();
    }

    /// The sum over everything added so far.
    #[must_use]
    pub fn sum(&self) -> u16 {
        self.sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_check_value_of_the_catalogue() {
        assert_eq!(checksum(b"123456789"), 0x4B37);
    }

    #[test]
    fn vendor_login_ack_carries_the_sum_low_byte_first() {
        assert_eq!(to_wire(checksum(&[0x84])), [0xBF, 0x23]);
    }

    #[test]
    fn the_write_example_of_the_asj_manual_does_not_verify() {
        // Printed 53 3F in the ASJ and AIM-R100 manuals; the sum over the printed bytes is A3 30.
        let printed =
            [0x01, 0x10, 0x00, 0x04, 0x00, 0x03, 0x06, 0x09, 0x0C, 0x01, 0x05, 0x0C, 0x00, 0x53, 0x3F];
        let split = split(&printed).unwrap();
        assert!(!split.is_good());
        assert_eq!(to_wire(split.wanted), [0xA3, 0x30]);
    }

    #[test]
    fn running_sum_equals_whole_sum_at_every_cut() {
        let bytes: Vec<u8> = (0..=255).collect();
        for cut in 0..=bytes.len() {
            let mut running = Running::new();
            running.update(&bytes[..cut]);
            assert_eq!(running.sum(), checksum(&bytes[..cut]));
            running.update(&bytes[cut..]);
            assert_eq!(running.sum(), checksum(&bytes));
        }
    }
}
