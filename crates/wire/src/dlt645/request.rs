//! What a master asks, and what comes back.

use std::fmt;

use bytes::Bytes;

use super::{
    ANSWERS, Frame, MAX_FRAME_LEN, MAX_PREAMBLE, MORE_FOLLOWS, MeterAddress, OFFSET, PREAMBLE, REFUSES,
};
use crate::line::{Ask, NoAnswer, Said};
use crate::modbus::Parse;

/// Read data (7.1).
const READ: u8 = 0x11;
/// Read what follows (7.2).
const READ_MORE: u8 = 0x12;
/// Read the meter's number (7.4).
const READ_ADDRESS: u8 = 0x13;

/// A data identifier, written as the standard writes it: DI3 DI2 DI1 DI0, `02010100` is the voltage of phase A.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Identifier(pub u32);

impl fmt::Display for Identifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08X}", self.0)
    }
}

impl fmt::Debug for Identifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Identifier({self})")
    }
}

/// What a meter can be asked.
///
/// ```
/// use wire::dlt645::{Identifier, Request};
/// use wire::line::{Ask as _, Said};
/// use wire::modbus::Parse;
///
/// let asked = Request::Read { meter: "202107072529".parse()?, identifier: Identifier(0x00000000) };
/// let frame = asked.frame();
/// assert_eq!(frame[..4], [0xFE; 4]);
/// assert_eq!(
///     frame[4..],
///     [0x68, 0x29, 0x25, 0x07, 0x07, 0x21, 0x20, 0x68, 0x11, 0x04, 0x33, 0x33, 0x33, 0x33, 0x4E, 0x16]
/// );
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Request {
    /// Read what stands under an identifier.
    Read {
        /// Which meter.
        meter: MeterAddress,
        /// What.
        identifier: Identifier,
    },
    /// Read what follows of it.
    ReadMore {
        /// Which meter.
        meter: MeterAddress,
        /// What.
        identifier: Identifier,
        /// Which piece, from 1.
        piece: u8,
    },
    /// Ask the meter that is alone on the line for its number.
    ReadAddress,
}

/// What a meter answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Who answers.
    pub meter: MeterAddress,
    /// What stands behind the identifier; the meter's number for [`Request::ReadAddress`].
    pub data: Bytes,
    /// Whether there is more, to be had with [`Request::ReadMore`].
    pub has_more: bool,
}

/// Why a meter refuses: one bit each (7.1, error word).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refusal(pub u8);

impl Refusal {
    /// The meter has no such data.
    #[must_use]
    pub const fn is_no_such_data(self) -> bool {
        self.0 & 0x02 != 0
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const NAMES: [(u8, &str); 7] = [
            (0x01, "other error"),
            (0x02, "no such data"),
            (0x04, "password or right"),
            (0x08, "baud rate cannot be changed"),
            (0x10, "too many year slots"),
            (0x20, "too many day slots"),
            (0x40, "too many tariffs"),
        ];
        let names: Vec<_> =
            NAMES.iter().filter(|(bit, _)| self.0 & bit != 0).map(|(_, name)| *name).collect();
        write!(f, "error word {:#04x} ({})", self.0, names.join(", "))
    }
}

impl Request {
    /// Whom it asks.
    #[must_use]
    pub const fn meter(&self) -> MeterAddress {
        match self {
            Self::Read { meter, .. } | Self::ReadMore { meter, .. } => *meter,
            Self::ReadAddress => MeterAddress::ANY,
        }
    }

    const fn control(&self) -> u8 {
        match self {
            Self::Read { .. } => READ,
            Self::ReadMore { .. } => READ_MORE,
            Self::ReadAddress => READ_ADDRESS,
        }
    }

    /// The identifier as it stands in the data, low byte first; empty where nothing is named.
    fn identifier(&self) -> Vec<u8> {
        match self {
            Self::Read { identifier, .. } | Self::ReadMore { identifier, .. } => {
                identifier.0.to_le_bytes().to_vec()
            }
            Self::ReadAddress => Vec::new(),
        }
    }

    /// The request that `frame` is, if it is one.
    #[must_use]
    pub fn of_frame(frame: &Frame) -> Option<Self> {
        let identifier = || {
            let (first, rest) = frame.data.split_first_chunk()?;
            Some((Identifier(u32::from_le_bytes(*first)), rest))
        };
        match frame.control {
            READ => {
                let (identifier, _also_how_many_blocks) = identifier()?;
                Some(Self::Read { meter: frame.address, identifier })
            }
            READ_MORE => match identifier()? {
                (identifier, [piece]) => {
                    Some(Self::ReadMore { meter: frame.address, identifier, piece: *piece })
                }
                (_, _) => None,
            },
            READ_ADDRESS => Some(Self::ReadAddress),
            _ => None,
        }
    }

    /// The frame with which the meter `meter` answers.
    #[must_use]
    pub fn answered(&self, meter: MeterAddress, data: &[u8]) -> Frame {
        let data = [self.identifier().as_slice(), data].concat().into();
        Frame { address: meter, control: self.control() | ANSWERS, data }
    }

    /// The frame with which the meter `meter` refuses.
    #[must_use]
    pub fn refused(&self, meter: MeterAddress, refusal: Refusal) -> Frame {
        let data = Bytes::copy_from_slice(&[refusal.0]);
        Frame { address: meter, control: self.control() | ANSWERS | REFUSES, data }
    }

    /// Whether what came so far of a frame, behind the preamble, may be the answer.
    fn may_be(&self, body: &[u8]) -> bool {
        let is_answer = |control: u8| control & !(REFUSES | MORE_FOLLOWS) == self.control() | ANSWERS;
        if !body.get(1..).is_none_or(|front| self.meter().may_mean(front))
            || !body.get(8).copied().is_none_or(is_answer)
        {
            return false;
        }
        let is_refusal = body.get(8).is_some_and(|control| control & REFUSES != 0);
        let wanted = self.identifier();
        let Some(length) = body.get(9).copied().map(usize::from) else { return true };
        if is_refusal {
            return length == 1;
        }
        length >= wanted.len().max(1)
            && body.iter().skip(10).zip(&wanted).all(|(had, wanted)| had.wrapping_sub(OFFSET) == *wanted)
    }
}

impl Ask for Request {
    type Answer = Answer;
    type Refusal = Refusal;
    const MAX_ANSWER_LEN: usize = MAX_FRAME_LEN;

    fn frame(&self) -> Vec<u8> {
        let mut data = self.identifier();
        if let Self::ReadMore { piece, .. } = self {
            data.push(*piece);
        }
        Frame { address: self.meter(), control: self.control(), data: data.into() }.encode_awake()
    }

    fn answer(&self, bytes: &[u8]) -> Parse<Said<Answer, Refusal>, NoAnswer> {
        let preamble = bytes.iter().take_while(|byte| **byte == PREAMBLE).count();
        if preamble > MAX_PREAMBLE || !bytes.get(preamble..).is_some_and(|body| self.may_be(body)) {
            return Parse::Refused(NoAnswer);
        }
        let (frame, len) = match Frame::parse(bytes) {
            Parse::Complete { value, len } => (value, len),
            Parse::NeedMore { wanted } => return Parse::NeedMore { wanted },
            Parse::Refused(_) => return Parse::Refused(NoAnswer),
        };
        if frame.control & REFUSES != 0 {
            let refusal = Refusal(frame.data.first().copied().unwrap_or(0));
            return Parse::Complete { value: Said::Refused(refusal), len };
        }
        let named = self.identifier().len();
        let answer = Answer {
            meter: frame.address,
            data: frame.data.slice(named.min(frame.data.len())..),
            has_more: frame.control & MORE_FOLLOWS != 0,
        };
        Parse::Complete { value: Said::Done(answer), len }
    }
}
