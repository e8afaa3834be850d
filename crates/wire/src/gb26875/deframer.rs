//! Finding frames by their length. Nothing is escaped, so start and end characters may stand inside a frame: a
//! start whose length, end characters or command do not fit was none, and the search goes on behind its first byte.
//!
//! A frame whose start, length and end agree and whose sum does not is refused as a whole, so that it can be denied.
//! What comes out depends on the bytes only, never on how they were cut into pieces.

use bytes::{Bytes, BytesMut};
use thiserror::Error;

use super::frame::{COMMAND_AT, LEN_AT};
use super::{
    Command, Dialect, END, FrameError, MAX_FRAME_LEN, MAX_UNIT_LEN, MIN_FRAME_LEN, RawFrame,
    SHORT_HEARTBEAT_LEN, START, checksum,
};
use crate::cursor::find;

/// Where the month and the year of the sending time stand, and the end characters of a private heartbeat: no month
/// is 23h, neither in binary nor in BCD.
const SHORT_END_AT: usize = SHORT_HEARTBEAT_LEN - END.len();

/// A whole message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Telegram {
    /// A frame.
    Frame(RawFrame),
    /// A private heartbeat, see [`Dialect::short_heartbeat`].
    ShortHeartbeat(Bytes),
}

impl Telegram {
    /// Its bytes.
    #[must_use]
    pub const fn bytes(&self) -> &Bytes {
        match self {
            Self::Frame(frame) => &frame.bytes,
            Self::ShortHeartbeat(bytes) => bytes,
        }
    }
}

/// Bytes that are no frame.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{} bytes refused: {error}", bytes.len())]
pub struct Refused {
    /// The bytes, for the telegram log.
    pub bytes: Bytes,
    /// Why.
    pub error: FrameError,
}

impl Refused {
    /// The frame that was refused as a whole, to be denied; the damage may be in any part of it.
    #[must_use]
    pub fn frame(&self) -> Option<RawFrame> {
        match self.error {
            FrameError::Command { had: 0 } => None,
            FrameError::Checksum { .. } | FrameError::Command { .. } if self.bytes.len() >= MIN_FRAME_LEN => {
                Some(RawFrame { bytes: self.bytes.clone() })
            }
            FrameError::Checksum { .. }
            | FrameError::Command { .. }
            | FrameError::NoStart
            | FrameError::TooLong { .. }
            | FrameError::NoEnd { .. }
            | FrameError::NoDigit { .. }
            | FrameError::Cut { .. } => None,
        }
    }
}

/// Finds frames in the bytes of one connection.
///
/// ```
/// use wire::gb26875::{Address, Command, Deframer, Dialect, Frame, Header, Telegram, TimeLabel, Version};
///
/// let header = Header {
///     serial: 7,
///     version: Version::OURS,
///     sent: TimeLabel([15, 30, 8, 23, 11, 26]),
///     source: Address::from_number(1),
///     destination: Address::from_number(430_200_000_017),
/// };
/// let frame = Frame { header, command: Command::Confirm, unit: None };
/// let mut deframer = Deframer::default();
/// deframer.push(b"noise");
/// deframer.push(&frame.encode(&Dialect::STANDARD));
/// assert_eq!(&deframer.next_telegram().unwrap().unwrap_err().bytes[..], b"noise");
/// let Telegram::Frame(raw) = deframer.next_telegram().unwrap().unwrap() else { panic!("a frame") };
/// assert_eq!(Frame::parse(&raw, &Dialect::STANDARD), Ok(frame));
/// assert!(deframer.next_telegram().is_none());
/// ```
#[derive(Debug, Clone, Default)]
pub struct Deframer {
    buffer: BytesMut,
    /// Why the start at the front was none.
    given_up: Option<FrameError>,
    stale_checksum: bool,
    is_text: bool,
}

/// What stands at the front.
enum Front {
    Frame(usize),
    ShortHeartbeat,
    /// Start, length and end agree; something else does not.
    Damaged(usize, FrameError),
    /// These start characters begin no frame.
    NoFrame(FrameError),
    More,
}

/// The start characters as hexadecimal text.
const START_TEXT: [u8; 4] = *b"4040";

impl Deframer {
    /// Finds frames that are written as hexadecimal text, see [`Dialect::hex_text`]. The digits A to F of a frame are
    /// all capital or all small. What comes out are the frames as bytes, and what was no frame as it came.
    #[must_use]
    pub fn of_text() -> Self {
        Self { is_text: true, ..Self::default() }
    }

    /// Puts up with what `dialect` puts up with in the framing: wrong sums of confirmations and denials.
    pub fn set_dialect(&mut self, dialect: &Dialect) {
        self.stale_checksum = dialect.stale_checksum;
    }

    /// Adds bytes of the stream. Call [`Deframer::next_telegram`] until it gives `None` before adding more: then
    /// never more than the longest frame and one byte are kept (of text twice that, and one more).
    pub fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// Bytes kept. While this is not 0, the caller should run a timer of a few seconds after the last byte and then
    /// call [`Deframer::on_idle`].
    #[must_use]
    pub fn buffered(&self) -> usize {
        self.buffer.len()
    }

    /// The next message or the next refusal, `None` when more bytes are needed.
    pub fn next_telegram(&mut self) -> Option<Result<Telegram, Refused>> {
        self.next(false)
    }

    /// The line went quiet, or a datagram ended: nothing that is kept will be completed. Gives the frames that lie
    /// behind a broken start and refuses the rest; nothing is kept afterwards.
    pub fn on_idle(&mut self) -> Vec<Result<Telegram, Refused>> {
        std::iter::from_fn(|| self.next(true)).collect()
    }

    fn next(&mut self, is_idle: bool) -> Option<Result<Telegram, Refused>> {
        if self.buffer.is_empty() {
            // An idle connection holds no memory for frames.
            self.buffer = BytesMut::new();
            return None;
        }
        let (start, most): (&[u8], usize) =
            if self.is_text { (&START_TEXT, 2 * MAX_FRAME_LEN) } else { (&START, MAX_FRAME_LEN) };
        if self.given_up.is_none() && self.buffer.starts_with(start) {
            match self.front() {
                Front::Frame(len) => {
                    return Some(Ok(Telegram::Frame(RawFrame { bytes: self.take_frame(len) })));
                }
                Front::ShortHeartbeat => {
                    return Some(Ok(Telegram::ShortHeartbeat(self.take_frame(SHORT_HEARTBEAT_LEN))));
                }
                Front::Damaged(len, error) => {
                    return Some(Err(Refused { bytes: self.take_frame(len), error }));
                }
                Front::NoFrame(error) => self.given_up = Some(error),
                Front::More if is_idle => {
                    self.given_up = Some(FrameError::Cut { had: self.buffer.len() });
                }
                Front::More => return None,
            }
        }
        let from = usize::from(self.given_up.is_some());
        let error = self.given_up.unwrap_or(FrameError::NoStart);
        let len = match find(&self.buffer, start, from) {
            Some(at) => at.min(most),
            None if is_idle => self.buffer.len().min(most),
            // Start characters can begin with the last byte looked at.
            None if self.buffer.len() >= most + start.len() - 1 => most,
            None => return None,
        };
        Some(Err(Refused { bytes: self.take(len), error }))
    }

    fn front(&self) -> Front {
        if !self.is_text {
            return self.front_of(&self.buffer);
        }
        let (bytes, other) = bytes_of(&self.buffer);
        match (self.front_of(&bytes), other) {
            (Front::More, Some(had)) => Front::NoFrame(FrameError::NoDigit { had, after: 2 * bytes.len() }),
            (front, _) => front,
        }
    }

    /// Each test needs more bytes than the one before it, so the same one decides however the bytes came.
    fn front_of(&self, buffer: &[u8]) -> Front {
        let chunk = |at: usize| buffer.get(at..).and_then(|rest| rest.first_chunk::<2>()).copied();
        match chunk(SHORT_END_AT) {
            None => return Front::More,
            Some(END) => return Front::ShortHeartbeat,
            Some(_) => {}
        }
        let Some(len) = chunk(LEN_AT) else { return Front::More };
        let unit_len = usize::from(u16::from_le_bytes(len));
        if unit_len > MAX_UNIT_LEN {
            return Front::NoFrame(FrameError::TooLong { had: unit_len });
        }
        let Some(command) = buffer.get(COMMAND_AT).copied() else { return Front::More };
        if command == 0 {
            // Nobody sends it, and a start one byte too early mostly has it.
            return Front::NoFrame(FrameError::Command { had: 0 });
        }
        let len = MIN_FRAME_LEN + unit_len;
        let sum_at = len - END.len() - 1;
        let Some(had) = chunk(len - END.len()) else { return Front::More };
        if had != END {
            return Front::NoFrame(FrameError::NoEnd { had });
        }
        let wanted = checksum(buffer.get(START.len()..sum_at).unwrap_or_default());
        let had = buffer.get(sum_at).copied().unwrap_or_default();
        let may_be_stale = self.stale_checksum
            && matches!(Command::from_byte(command), Some(Command::Confirm | Command::Deny));
        if had != wanted && !may_be_stale {
            return Front::Damaged(len, FrameError::Checksum { had, wanted });
        }
        match Command::from_byte(command) {
            Some(_) => Front::Frame(len),
            None => Front::Damaged(len, FrameError::Command { had: command }),
        }
    }

    /// The bytes of a frame of `len` bytes, however it is written.
    fn take_frame(&mut self, len: usize) -> Bytes {
        if self.is_text { bytes_of(&self.take(2 * len)).0.into() } else { self.take(len) }
    }

    fn take(&mut self, len: usize) -> Bytes {
        self.given_up = None;
        self.buffer.split_to(len.min(self.buffer.len())).freeze()
    }
}

/// The bytes of the digits that `text` begins with, as many as a frame has at most; and what comes behind them where
/// it is no digit, or one of the other case.
fn bytes_of(text: &[u8]) -> (Vec<u8>, Option<u8>) {
    let mut is_small = None;
    let mut digits = Vec::new();
    for character in text.iter().take(2 * MAX_FRAME_LEN) {
        let (digit, case) = match character {
            b'0'..=b'9' => (character - b'0', None),
            b'A'..=b'F' => (character - b'A' + 10, Some(false)),
            b'a'..=b'f' => (character - b'a' + 10, Some(true)),
            _ => return (pairs(&digits), Some(*character)),
        };
        if case.is_some_and(|case| *is_small.get_or_insert(case) != case) {
            return (pairs(&digits), Some(*character));
        }
        digits.push(digit);
    }
    (pairs(&digits), None)
}

fn pairs(digits: &[u8]) -> Vec<u8> {
    let (pairs, _half) = digits.as_chunks::<2>();
    pairs.iter().map(|[high, low]| high << 4 | low).collect()
}

/// A frame as hexadecimal text, see [`Dialect::hex_text`].
#[must_use]
pub fn hex_text(frame: &[u8]) -> Vec<u8> {
    frame.iter().flat_map(|byte| format!("{byte:02X}").into_bytes()).collect()
}

impl From<&Dialect> for Deframer {
    fn from(dialect: &Dialect) -> Self {
        let mut deframer = Self { is_text: dialect.hex_text, ..Self::default() };
        deframer.set_dialect(dialect);
        deframer
    }
}
