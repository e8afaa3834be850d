//! Frames out of a stream, by their length field.

use bytes::{Buf, Bytes, BytesMut};
use thiserror::Error;

use super::{FrameType, HEAD, HEADER_LEN};
use crate::cursor::find;

/// A whole frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawFrame {
    /// What it is for.
    pub kind: FrameType,
    /// All of it, header included.
    pub bytes: Bytes,
}

impl RawFrame {
    /// What stands behind the header.
    #[must_use]
    pub fn data(&self) -> &[u8] {
        self.bytes.get(HEADER_LEN..).unwrap_or_default()
    }
}

/// Why bytes are no frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum FrameError {
    /// Bytes before a head. The stream goes on at the head.
    #[error("no start mark 1f 1f")]
    NoStart,
    /// A type that nobody knows. The stream goes on at the next head.
    #[error("type {had:#04x}, wanted 0x01 to 0x04, 0xf1 or 0xf2")]
    Type {
        /// The type.
        had: u8,
    },
    /// More data than may come. Where the next frame would begin cannot be known: the line is to be closed.
    #[error("data of {had} bytes, wanted at most {max}")]
    TooLong {
        /// What the length field says, bytes.
        had: u32,
        /// The limit, bytes.
        max: usize,
    },
    /// The frame did not come to its end.
    #[error("the frame ends after {had} bytes, wanted {wanted}")]
    Cut {
        /// Bytes there.
        had: usize,
        /// Bytes announced, header included; 0 where the header itself is cut.
        wanted: usize,
    },
}

impl FrameError {
    /// Whether the bytes behind can be read.
    #[must_use]
    pub const fn stream_goes_on(&self) -> bool {
        match self {
            Self::NoStart | Self::Type { .. } | Self::Cut { .. } => true,
            Self::TooLong { .. } => false,
        }
    }
}

/// Bytes that are no frame, and why.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{} bytes refused: {error}", bytes.len())]
pub struct Refused {
    /// The bytes.
    pub bytes: Bytes,
    /// The reason.
    pub error: FrameError,
}

/// Cuts a stream into frames. Keeps at most one frame's beginning.
#[derive(Debug)]
pub struct Deframer {
    buffer: BytesMut,
    max_data_len: usize,
}

impl Deframer {
    /// Frames with at most `max_data_len` bytes behind the header.
    #[must_use]
    pub fn new(max_data_len: usize) -> Self {
        Self { buffer: BytesMut::new(), max_data_len }
    }

    /// Another limit from now on, as for a gateway that has authenticated.
    pub fn set_max_data_len(&mut self, max_data_len: usize) {
        self.max_data_len = max_data_len;
    }

    /// Takes bytes of the stream.
    pub fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// Bytes that wait for more.
    #[must_use]
    pub fn buffered(&self) -> usize {
        self.buffer.len()
    }

    /// The length of the frame that is waited for, header included; `None` while its header is not there.
    #[must_use]
    pub fn wanted(&self) -> Option<usize> {
        let header = self.buffer.first_chunk::<HEADER_LEN>()?;
        let [_, _, _, len @ ..] = *header;
        usize::try_from(u32::from_be_bytes(len)).ok()?.checked_add(HEADER_LEN)
    }

    /// The next frame, or the next bytes that are none; `None` when more bytes are needed.
    pub fn next_frame(&mut self) -> Option<Result<RawFrame, Refused>> {
        let start = self.start();
        if start > 0 {
            return Some(Err(self.refuse(start, FrameError::NoStart)));
        }
        let code = *self.buffer.get(2)?;
        let Some(kind) = FrameType::from_code(code) else {
            // A run of 1F may hold the head one byte further on.
            return Some(Err(self.refuse(1, FrameError::Type { had: code })));
        };
        let [_, _, _, len @ ..] = *self.buffer.first_chunk::<HEADER_LEN>()?;
        let had = u32::from_be_bytes(len);
        let max = self.max_data_len;
        let Some(data_len) = usize::try_from(had).ok().filter(|len| *len <= max) else {
            return Some(Err(self.refuse(HEADER_LEN, FrameError::TooLong { had, max })));
        };
        let total = HEADER_LEN + data_len;
        if self.buffer.len() < total {
            return None;
        }
        let bytes = self.take(total);
        Some(Ok(RawFrame { kind, bytes }))
    }

    /// Nothing came for as long as a frame may take: its beginning is given up; what lies behind may be whole.
    pub fn on_idle(&mut self) -> Vec<Result<RawFrame, Refused>> {
        let mut items = Vec::new();
        loop {
            items.extend(std::iter::from_fn(|| self.next_frame()));
            if self.buffer.is_empty() {
                return items;
            }
            let error = FrameError::Cut { had: self.buffer.len(), wanted: self.wanted().unwrap_or(0) };
            // Behind the broken head there may be another.
            let behind = find(&self.buffer, &HEAD, HEAD.len()).unwrap_or(self.buffer.len());
            items.push(Err(self.refuse(behind, error)));
        }
    }

    /// How many bytes stand before the first head, or before what may become one.
    fn start(&self) -> usize {
        match find(&self.buffer, &HEAD, 0) {
            Some(at) => at,
            None if self.buffer.ends_with(&HEAD[..1]) => self.buffer.len() - 1,
            None => self.buffer.len(),
        }
    }

    fn refuse(&mut self, len: usize, error: FrameError) -> Refused {
        Refused { bytes: self.take(len), error }
    }

    fn take(&mut self, len: usize) -> Bytes {
        let taken = Bytes::copy_from_slice(self.buffer.get(..len).unwrap_or(&self.buffer));
        self.buffer.advance(taken.len());
        if self.buffer.is_empty() {
            // An idle line keeps no buffer.
            self.buffer = BytesMut::new();
        }
        taken
    }
}
