//! Modbus-RTU frames, spoken from both ends.
//!
//! Layout (Modbus application protocol V1.1b3; serial line specification V1.02):
//!
//! ```text
//! unit (1) | function (1) | body (n) | CRC-16/MODBUS over all before, low byte first (2)
//! ```
//!
//! TCP destroys the silent gaps that separate frames on a serial line, so frames are found by the length
//! that follows from the function (and the byte count inside), never by silence.
//!
//! - [`Request`] is built and checked by the master, parsed by a slave;
//! - [`Answer`] is parsed by the master against the request it belongs to, encoded by a slave;
//! - [`LineMaster`] holds one serial line behind a transparent DTU;
//! - [`tcp`] is the same with the header of Modbus TCP instead of a CRC;
//! - [`RequestDeframer`] is the slave's ear: it finds requests in a stream.

mod answer;
mod function;
mod request;
mod slave;
pub mod tcp;

pub use crate::line::{Event, LineConfig, LineConfigError, LineMaster, LineState, SubmitError};
pub(crate) use answer::words;
pub use answer::{Answer, AnswerBody, AnswerError, InnerCrc, Misfit};
pub use function::{Exception, Function};
pub use request::{
    InvalidRequest, MAX_READ_BITS, MAX_READ_REGISTERS, MAX_WRITE_BITS, MAX_WRITE_REGISTERS, Request,
    RequestBody, RequestRefusal,
};
pub use slave::{RequestDeframer, UnreadableRequest};

/// Longest RTU frame in bytes (serial line specification V1.02, 2.3).
pub const MAX_FRAME_LEN: usize = 256;

/// Shortest RTU frame in bytes: unit, function, CRC.
pub const MIN_FRAME_LEN: usize = 4;

/// What looking at the front of a stream gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Parse<T, E> {
    /// A frame that ends after `len` bytes.
    Complete {
        /// What the frame says.
        value: T,
        /// How many bytes of the front it took.
        len: usize,
    },
    /// The front may become a frame; `wanted` is the least number of bytes, counted from the front,
    /// with which asking again makes sense.
    NeedMore {
        /// Least total length, bytes.
        wanted: usize,
    },
    /// The front is no frame.
    Refused(E),
}
