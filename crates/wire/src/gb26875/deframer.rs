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
            FrameError::Checksum { .. } | FrameError::Command { .. } if self.bytes.len() >= MIN_FRAME_LEN => {
                Some(RawFrame { bytes: self.bytes.clone() })
            }
            FrameError::Checksum { .. }
            | FrameError::Command { .. }
            | FrameError::NoStart
            | FrameError::TooLong { .. }
            | FrameError::NoEnd { .. }
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

impl Deframer {
    /// Puts up with what `dialect` puts up with in the framing: wrong sums of confirmations and denials.
    pub fn set_dialect(&mut self, dialect: &Dialect) {
        self.stale_checksum = dialect.stale_checksum;
    }

    /// Adds bytes of the stream. Call [`Deframer::next_telegram`] until it gives `None` before adding more: then
    /// never more than the longest frame and one byte are kept.
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
        if self.given_up.is_none() && self.buffer.starts_with(&START) {
            match self.front() {
                Front::Frame(len) => return Some(Ok(Telegram::Frame(RawFrame { bytes: self.take(len) }))),
                Front::ShortHeartbeat => {
                    return Some(Ok(Telegram::ShortHeartbeat(self.take(SHORT_HEARTBEAT_LEN))));
                }
                Front::Damaged(len, error) => return Some(Err(Refused { bytes: self.take(len), error })),
                Front::NoFrame(error) => self.given_up = Some(error),
                Front::More if is_idle => {
                    self.given_up = Some(FrameError::Cut { had: self.buffer.len() });
                }
                Front::More => return None,
            }
        }
        let from = usize::from(self.given_up.is_some());
        let error = self.given_up.unwrap_or(FrameError::NoStart);
        let len = match find(&self.buffer, &START, from) {
            Some(at) => at.min(MAX_FRAME_LEN),
            None if is_idle => self.buffer.len().min(MAX_FRAME_LEN),
            // Start characters can begin with the last byte looked at.
            None if self.buffer.len() > MAX_FRAME_LEN => MAX_FRAME_LEN,
            None => return None,
        };
        Some(Err(Refused { bytes: self.take(len), error }))
    }

    /// Each test needs more bytes than the one before it, so the same one decides however the bytes came.
    fn front(&self) -> Front {
        let chunk = |at: usize| self.buffer.get(at..).and_then(|rest| rest.first_chunk::<2>()).copied();
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
        let Some(command) = self.buffer.get(COMMAND_AT).copied() else { return Front::More };
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
        let wanted = checksum(self.buffer.get(START.len()..sum_at).unwrap_or_default());
        let had = self.buffer.get(sum_at).copied().unwrap_or_default();
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

    fn take(&mut self, len: usize) -> Bytes {
        self.given_up = None;
        self.buffer.split_to(len.min(self.buffer.len())).freeze()
    }
}

impl From<&Dialect> for Deframer {
    fn from(dialect: &Dialect) -> Self {
        let mut deframer = Self::default();
        deframer.set_dialect(dialect);
        deframer
    }
}
