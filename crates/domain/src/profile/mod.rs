//! Detector profiles are data (F3): a TOML file says what a detector sends and how it is spoken to.
//!
//! `parse` refuses a file with a mistake by line, column and reason; `decode` turns what a detector sent
//! into samples; `encode` is its inverse, for the simulator.

mod address;
mod check;
mod commands;
mod decode;
mod encode;
mod gb26875;
mod groups;
mod keyed;
mod meter;
mod model;
mod parse;
mod raw;
mod shipped;
mod stored;

pub use address::{AddressMistake, check_address};
pub use commands::{Action, CommandSpec, LimitField, LookAt, ReadBack, Setting};
pub use decode::{DecodeError, Decoded, UnknownSegment, decode, select_group};
pub use encode::{EncodeError, encode};
pub use gb26875::{Gb26875Dialect, GbKey, GbPlace};
pub use groups::{MAX_BITS, MAX_REGISTERS, Span, merge_groups};
pub use keyed::{Decimal, KeyValue, KeyedGroup, decode_keyed, decode_named, path_steps};
pub use meter::{MeterKey, MeterWriting};
pub use model::*;
pub use parse::{ProfileError, parse};
pub use raw::{RawForm, RawKey};
pub use shipped::{SHIPPED, shipped};
pub use stored::{StorageBreak, StoredPoint, storage_breaks};
