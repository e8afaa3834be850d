//! GB/T 26875.3-2011: alarm transmission between user information transmission devices and a monitoring centre.
//!
//! Frames begin with `40 40`, name the length of their data unit and end with `23 23`; nothing is escaped.
//! Both sides confirm (command 3) or deny (command 6) what the other begins; the answer repeats the serial number.
//!
//! ```text
//! bytes -> Deframer -> RawFrame -> Frame { header, command, Option<Unit> }   and back: Frame::encode
//! ```
//!
//! The clauses are those of the standard's scan; what devices in the field do otherwise is [`Dialect`].

mod address;
pub mod codes;
mod deframer;
mod dialect;
mod error;
mod frame;
mod object;
mod text;
mod time_label;
mod unit;

pub use address::{Address, ComponentAddress, InvalidAddress, SystemRef};
pub use deframer::{Deframer, Refused, Telegram, hex_text};
pub use dialect::Dialect;
pub use error::{FrameError, UnitError};
pub(crate) use frame::COMMAND_AT;
pub use frame::{Command, Frame, Header, RawFrame, Version};
pub use object::{
    AnalogValue, ComponentRef, ComponentState, ComponentText, DeviceOperation, DeviceState, DeviceVersion,
    Operation, ReadDeviceOperations, ReadOperations, StateWord, SystemClock, SystemState, SystemText,
    SystemVersion,
};
pub use text::Text;
pub use time_label::TimeLabel;
pub use unit::{Unit, kind};

/// The start characters.
pub const START: [u8; 2] = *b"@@";
/// The end characters.
pub const END: [u8; 2] = *b"##";
/// The shortest frame, bytes: one without a data unit.
pub const MIN_FRAME_LEN: usize = 30;
/// The longest data unit, bytes.
pub const MAX_UNIT_LEN: usize = 1024;
/// The longest frame, bytes.
pub const MAX_FRAME_LEN: usize = MIN_FRAME_LEN + MAX_UNIT_LEN;
/// The length of a private heartbeat that some devices send in the place of a frame, bytes.
pub const SHORT_HEARTBEAT_LEN: usize = 12;

/// The arithmetic sum of the control unit and the data unit, low 8 bits.
#[must_use]
pub fn checksum(covered: &[u8]) -> u8 {
    covered.iter().fold(0, |sum, byte| sum.wrapping_add(*byte))
}
