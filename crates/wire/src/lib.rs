//! Framing and codecs of the field protocols.
//!
//! Everything here is pure: bytes, facts and time come in as arguments; frames, decisions and the next
//! deadline go out. There is no IO, no clock, no logging, and no input that makes it panic. What a
//! decoder cannot use it hands back together with the reason, so that the bytes can be kept in the
//! telegram log.
//!
//! The way of the bytes through this crate:
//!
//! ```text
//! first bytes -> detect -+-> cloud7b7b::Deframer -> RawFrame -> Uplink   (device dials in, vendor protocol)
//!                        +-> gb26875::Deframer -> RawFrame -> Frame      (transmission device, GB/T 26875.3)
//!                        +-> gateway1f1f::Deframer -> RawFrame -> Report (gateway dials in, encrypted XML)
//!                        +-> Registration -> line::LineMaster -> Event (transparent DTU, we are master:
//!                                            modbus::Request, modbus::tcp::Request, dlt645::Request)
//! payload     -> telemetry::read -> Message; read_tree -> Tree (foreign JSON, read by path)
//! any bytes   -> explain -> fields for the telegram log
//! ```
//!
//! The simulator uses the other side of the same types: [`cloud7b7b::Uplink::encode`],
//! [`cloud7b7b::Downlink::parse`], [`modbus::RequestDeframer`] and [`modbus::Answer::encode`].

pub mod cloud7b7b;
pub mod crc16;
mod cursor;
pub mod detect;
pub mod dlt645;
pub mod explain;
pub mod gateway1f1f;
pub mod gb26875;
pub mod line;
pub mod modbus;
pub mod registration;
pub mod telemetry;
pub mod vendor_mqtt;

pub use detect::{Detected, detect};
pub use explain::{Direction, Field, explain};
