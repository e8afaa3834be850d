//! DL/T 645-2007, the protocol of electricity meters on RS-485, spoken from both ends.
//!
//! ```text
//! FE (0 to 4) | 68 | address (6, BCD, low first) | 68 | control (1) | length (1) | data (n) | sum (1) | 16
//! ```
//!
//! Each data byte is sent with 33H added; the sum is that of all bytes from the first 68 on, modulo 256. An answer
//! has bit 7 of the control set, a refusal bit 6 too, and bit 5 says that more follows.
//!
//! - [`Frame`] is any frame, found by its length;
//! - [`Request`] is what a line's master asks ([`crate::line::LineMaster`]), [`Answer`] and [`Refusal`] what comes;
//! - [`number`] reads the BCD of a value.

mod address;
mod request;

use bytes::Bytes;
use thiserror::Error;

pub use address::{MeterAddress, NoMeterAddress};
pub use request::{Answer, Identifier, Refusal, Request};

use crate::modbus::Parse;

/// First byte of a frame, and the one behind the address.
const START: u8 = 0x68;
/// Last byte of a frame.
const END: u8 = 0x16;
/// What wakes a meter's receiver; may stand in front of a frame, up to [`MAX_PREAMBLE`] times.
pub const PREAMBLE: u8 = 0xFE;
/// How often the preamble may stand in front of a frame.
pub const MAX_PREAMBLE: usize = 4;
/// What is added to each data byte on the wire.
const OFFSET: u8 = 0x33;
/// Bytes before the data: two start bytes, address, control, length.
const HEAD_LEN: usize = 10;
/// Bytes of a frame without data.
const MIN_FRAME_LEN: usize = HEAD_LEN + 2;
/// The most data of one frame, bytes (7.1: reading at most 200).
pub const MAX_DATA_LEN: usize = 200;
/// The longest frame with its preamble, bytes.
pub const MAX_FRAME_LEN: usize = MAX_PREAMBLE + MIN_FRAME_LEN + MAX_DATA_LEN;

/// Bit 7 of the control: an answer.
const ANSWERS: u8 = 0x80;
/// Bit 6 of the control: the answer is a refusal.
const REFUSES: u8 = 0x40;
/// Bit 5 of the control: more frames follow.
const MORE_FOLLOWS: u8 = 0x20;

/// A frame whose sum is good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// Whom it is for, or who answers.
    pub address: MeterAddress,
    /// What it is.
    pub control: u8,
    /// Its data, as meant: without the 33H of the wire.
    pub data: Bytes,
}

/// Bytes that are no frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum FrameError {
    /// Something else stands where 68H should.
    #[error("byte {at} is {had:#04x}, wanted the start mark 0x68")]
    Start {
        /// Counted from the first byte behind the preamble.
        at: usize,
        /// What stands there.
        had: u8,
    },
    /// More wake-up bytes than a frame has.
    #[error("more than {MAX_PREAMBLE} wake-up bytes")]
    Preamble,
    /// A length that no frame has.
    #[error("{had} data bytes, wanted at most {MAX_DATA_LEN}")]
    Length {
        /// The length.
        had: usize,
    },
    /// The sum is wrong.
    #[error("sum {had:#04x}, wanted {wanted:#04x}")]
    Sum {
        /// What stands there.
        had: u8,
        /// What it should be.
        wanted: u8,
    },
    /// Something else stands where 16H should.
    #[error("last byte {had:#04x}, wanted the end mark 0x16")]
    End {
        /// What stands there.
        had: u8,
    },
}

impl Frame {
    /// The bytes of the frame, without a preamble.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut frame = vec![START];
        frame.extend_from_slice(&self.address.wire());
        frame.push(START);
        frame.push(self.control);
        // A body made by hand with more is cut, never mis-framed.
        let data = self.data.get(..self.data.len().min(MAX_DATA_LEN)).unwrap_or_default();
        frame.push(u8::try_from(data.len()).unwrap_or(0));
        frame.extend(data.iter().map(|byte| byte.wrapping_add(OFFSET)));
        frame.push(sum(&frame));
        frame.push(END);
        frame
    }

    /// The bytes of the frame behind four wake-up bytes, as a master sends it.
    #[must_use]
    pub fn encode_awake(&self) -> Vec<u8> {
        let mut awake = vec![PREAMBLE; MAX_PREAMBLE];
        awake.append(&mut self.encode());
        awake
    }

    /// Looks for a frame at the front of `bytes`, behind up to four wake-up bytes. Bytes behind it are left alone.
    #[must_use]
    pub fn parse(bytes: &[u8]) -> Parse<Self, FrameError> {
        let preamble = bytes.iter().take_while(|byte| **byte == PREAMBLE).count();
        if preamble > MAX_PREAMBLE {
            return Parse::Refused(FrameError::Preamble);
        }
        let body = bytes.get(preamble..).unwrap_or_default();
        for at in [0, 7] {
            if let Some(had) = body.get(at).copied().filter(|had| *had != START) {
                return Parse::Refused(FrameError::Start { at, had });
            }
        }
        let Some(([_, address @ .., _, control, length], rest)) = body.split_first_chunk::<HEAD_LEN>() else {
            return Parse::NeedMore { wanted: preamble + MIN_FRAME_LEN };
        };
        let length = usize::from(*length);
        if length > MAX_DATA_LEN {
            return Parse::Refused(FrameError::Length { had: length });
        }
        let len = preamble + MIN_FRAME_LEN + length;
        let (Some(data), Some([had, end])) = (rest.get(..length), rest.get(length..length + 2)) else {
            return Parse::NeedMore { wanted: len };
        };
        let wanted = sum(body.get(..HEAD_LEN + length).unwrap_or_default());
        if *had != wanted {
            return Parse::Refused(FrameError::Sum { had: *had, wanted });
        }
        if *end != END {
            return Parse::Refused(FrameError::End { had: *end });
        }
        let address = MeterAddress::of_wire(*address);
        let data = data.iter().map(|byte| byte.wrapping_sub(OFFSET)).collect();
        Parse::Complete { value: Self { address, control: *control, data }, len }
    }
}

fn sum(bytes: &[u8]) -> u8 {
    bytes.iter().fold(0, |sum: u8, byte| sum.wrapping_add(*byte))
}

/// The number that `bytes` write in BCD, low byte first. With `is_signed` the highest bit is the sign. `None` where a
/// digit is none (a meter without the value sends FFH) and for more than 8 bytes.
///
/// ```
/// assert_eq!(wire::dlt645::number(&[0x76, 0x17, 0x03, 0x00], false), Some(31_776));
/// assert_eq!(wire::dlt645::number(&[0x50, 0x12, 0x80], true), Some(-1_250));
/// assert_eq!(wire::dlt645::number(&[0xFF, 0xFF], false), None);
/// ```
#[must_use]
pub fn number(bytes: &[u8], is_signed: bool) -> Option<i64> {
    if bytes.len() > 8 {
        return None;
    }
    let mut number: i64 = 0;
    let mut is_negative = false;
    for (place, byte) in bytes.iter().rev().enumerate() {
        let mut byte = *byte;
        if is_signed && place == 0 {
            is_negative = byte & 0x80 != 0;
            byte &= 0x7F;
        }
        for digit in [byte >> 4, byte & 0x0F] {
            if digit > 9 {
                return None;
            }
            number = number.checked_mul(10)?.checked_add(i64::from(digit))?;
        }
    }
    Some(if is_negative { -number } else { number })
}

/// `number` in BCD, low byte first, in `len` bytes; the sign in the highest bit where there is one. `None` where it
/// has no room.
#[must_use]
pub fn bcd(number: i64, len: usize, is_signed: bool) -> Option<Vec<u8>> {
    let mut rest = number.unsigned_abs();
    let mut bytes = Vec::with_capacity(len);
    for _ in 0..len {
        let pair = rest % 100;
        rest /= 100;
        bytes.push(u8::try_from(pair / 10 * 16 + pair % 10).ok()?);
    }
    let last = bytes.last_mut()?;
    let has_room = rest == 0 && (!is_signed || *last < 0x80) && (is_signed || number >= 0);
    if is_signed && number < 0 {
        *last |= 0x80;
    }
    has_room.then_some(bytes)
}

#[cfg(test)]
mod tests;
