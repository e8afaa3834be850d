//! Finding frames in a stream that has neither length nor escape.
//!
//! At each `7D 7D` behind a start mark the CRC is checked; when it does not fit, the mark was data (or
//! part of the CRC) and the search goes on to the next. A start that never finds its end is given up at
//! the size limit or when the caller says that the line went quiet; then the search goes on at the next
//! `7B 7B`. Every byte comes out exactly once: in a frame or in a refusal.
//!
//! What comes out depends on the bytes only, never on how they were cut into pieces.

use bytes::{Bytes, BytesMut};
use thiserror::Error;

use super::{END, MIN_FRAME_LEN, START};
use crate::crc16;
use crate::cursor::find;

/// Largest frame accepted unless told otherwise, bytes. The largest upload known is below 400.
pub const DEFAULT_MAX_FRAME_LEN: usize = 2048;

/// A frame with a good CRC.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawFrame {
    /// The command byte.
    pub command: u8,
    /// What lies between command and CRC.
    pub body: Bytes,
    /// The whole frame with its marks.
    pub bytes: Bytes,
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

/// Why bytes are no frame. The stream goes on behind them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Error)]
pub enum FrameError {
    /// Bytes in front of a start mark.
    #[error("no start mark 7b 7b")]
    NoStart,
    /// There is an end mark, but the sum in front of it is wrong; with several end marks the last one counts.
    #[error("crc {had:#06x}, wanted {wanted:#06x}")]
    Crc {
        /// The sum received.
        had: u16,
        /// The sum computed.
        wanted: u16,
    },
    /// A start mark, and no end mark before the line went quiet or the next start mark.
    #[error("no end mark 7d 7d within {had} bytes")]
    NoEnd {
        /// Bytes looked at.
        had: usize,
    },
    /// A start mark, and no end mark within the size limit.
    #[error("no end mark 7d 7d within the limit of {max} bytes")]
    TooLong {
        /// The limit, bytes.
        max: usize,
    },
}

impl FrameError {
    /// Stable key for counters and screens.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::NoStart => "no_start",
            Self::Crc { .. } => "crc",
            Self::NoEnd { .. } => "no_end",
            Self::TooLong { .. } => "too_long",
        }
    }
}

/// Finds frames in the bytes of one connection.
///
/// ```
/// use wire::cloud7b7b::{Deframer, Uplink};
///
/// let mut deframer = Deframer::default();
/// deframer.push(&[0x00, 0x7B, 0x7B, 0x94, 0xBE]);
/// deframer.push(&[0xEF, 0x7D, 0x7D]);
/// let refused = deframer.next_frame().unwrap().unwrap_err();
/// assert_eq!(&refused.bytes[..], [0x00]);
/// let frame = deframer.next_frame().unwrap().unwrap();
/// assert_eq!(Uplink::parse(&frame), Ok(Uplink::Heartbeat));
/// assert!(deframer.next_frame().is_none());
/// ```
#[derive(Debug, Clone)]
pub struct Deframer {
    buffer: BytesMut,
    max_frame_len: usize,
    /// The start mark at the front was given up because of the size limit.
    given_up: bool,
    /// End marks that end at or before this offset have been tried.
    tried: usize,
    /// The sum over `buffer[START.len()..summed]`.
    sum: crc16::Running,
    summed: usize,
}

impl Default for Deframer {
    fn default() -> Self {
        Self::new(DEFAULT_MAX_FRAME_LEN)
    }
}

enum Start {
    At(usize),
    /// No start mark yet, or one whose place the next byte decides.
    Open,
}

impl Deframer {
    /// A deframer that accepts frames up to `max_frame_len` bytes (at least the 7 of the shortest frame).
    #[must_use]
    pub fn new(max_frame_len: usize) -> Self {
        Self {
            buffer: BytesMut::new(),
            max_frame_len: max_frame_len.max(MIN_FRAME_LEN),
            given_up: false,
            tried: 0,
            sum: crc16::Running::new(),
            summed: START.len(),
        }
    }

    /// Adds bytes of the stream. Call [`Deframer::next_frame`] until it gives `None` before adding more:
    /// then never more than the size limit and two bytes are kept.
    pub fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// Bytes kept. While this is not 0, the caller should run a timer of a few seconds after the last
    /// byte and then call [`Deframer::on_idle`].
    #[must_use]
    pub fn buffered(&self) -> usize {
        self.buffer.len()
    }

    /// The next frame or the next refusal, `None` when more bytes are needed.
    pub fn next_frame(&mut self) -> Option<Result<RawFrame, Refused>> {
        self.next(false)
    }

    /// The line went quiet: nothing that is kept will be completed. Gives the frames that lie behind a
    /// broken start and refuses the rest; nothing is kept afterwards.
    pub fn on_idle(&mut self) -> Vec<Result<RawFrame, Refused>> {
        std::iter::from_fn(|| self.next(true)).collect()
    }

    fn next(&mut self, is_idle: bool) -> Option<Result<RawFrame, Refused>> {
        if self.buffer.is_empty() {
            // An idle connection holds no memory for frames.
            self.buffer = BytesMut::new();
            return None;
        }
        let start = if self.given_up { Start::Open } else { find_start(&self.buffer, 0) };
        if matches!(start, Start::At(0)) {
            if let Some(len) = self.find_end() {
                return self.take_frame(len);
            }
            if !is_idle && self.buffer.len() < self.max_frame_len {
                return None;
            }
            self.given_up = true;
        }
        let start = if self.given_up { find_start(&self.buffer, START.len()) } else { start };
        match start {
            Start::At(at) => Some(Err(self.refuse(at.min(self.max_frame_len)))),
            Start::Open if is_idle => Some(Err(self.refuse(self.buffer.len().min(self.max_frame_len)))),
            // An undecided start mark can reach two bytes back, so cutting here never tears one.
            Start::Open if self.buffer.len() >= self.max_frame_len + START.len() => {
                Some(Err(self.refuse(self.max_frame_len)))
            }
            Start::Open => None,
        }
    }

    /// Length of the frame at the front: the first end mark whose CRC fits.
    fn find_end(&mut self) -> Option<usize> {
        let within = self.buffer.len().min(self.max_frame_len);
        // Behind the command stand at least the two bytes of the CRC.
        let first_end = MIN_FRAME_LEN - END.len();
        let mut from = self.tried.saturating_sub(1).max(first_end);
        let window = self.buffer.get(..within)?;
        while let Some(end) = find(window, &END, from) {
            let covered_end = end - crc16::LEN;
            self.sum.update(window.get(self.summed..covered_end).unwrap_or_default());
            self.summed = self.summed.max(covered_end);
            let had =
                window.get(covered_end..).and_then(|rest| rest.first_chunk()).copied().map(crc16::from_wire);
            self.tried = end + END.len();
            if had == Some(self.sum.sum()) {
                return Some(end + END.len());
            }
            from = end + 1;
        }
        self.tried = within;
        None
    }

    fn take_frame(&mut self, len: usize) -> Option<Result<RawFrame, Refused>> {
        let bytes = self.take(len);
        let command = bytes.get(START.len()).copied()?;
        let body = bytes.slice(START.len() + 1..len - END.len() - crc16::LEN);
        Some(Ok(RawFrame { command, body, bytes }))
    }

    fn refuse(&mut self, len: usize) -> Refused {
        let given_up = self.given_up;
        let is_at_limit = len >= self.max_frame_len;
        let bytes = self.take(len);
        let error = if !given_up {
            FrameError::NoStart
        } else if let Some((had, wanted)) = sums_at_last_end(&bytes) {
            FrameError::Crc { had, wanted }
        } else if is_at_limit {
            FrameError::TooLong { max: self.max_frame_len }
        } else {
            FrameError::NoEnd { had: bytes.len() }
        };
        Refused { bytes, error }
    }

    fn take(&mut self, len: usize) -> Bytes {
        self.given_up = false;
        self.tried = 0;
        self.sum = crc16::Running::new();
        self.summed = START.len();
        self.buffer.split_to(len.min(self.buffer.len())).freeze()
    }
}

/// The first start mark at or after `from`.
///
/// In a run of more than two `7B` the last two are the mark: a command is never `7B`, so a stray `7B`
/// glued in front of a frame does not hide it.
fn find_start(buffer: &[u8], from: usize) -> Start {
    let Some(first) = find(buffer, &START, from) else {
        return Start::Open;
    };
    let run = buffer.get(first..).unwrap_or_default().iter().take_while(|byte| **byte == 0x7B).count();
    let end = first + run;
    if end == buffer.len() { Start::Open } else { Start::At(end - START.len()) }
}

/// The sum received and the sum computed at the last end mark of a frame that was given up.
fn sums_at_last_end(bytes: &[u8]) -> Option<(u16, u16)> {
    let end = bytes.windows(END.len()).rposition(|window| window == END)?;
    let split = crc16::split(bytes.get(START.len()..end)?)?;
    (!split.covered.is_empty()).then_some((split.had, split.wanted))
}
