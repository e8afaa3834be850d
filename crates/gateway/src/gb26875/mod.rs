//! Transmission devices that speak GB/T 26875.3-2011, over TCP at the field door and over UDP at a door of its own.
//!
//! ```text
//! bytes -> wire::gb26875::Deframer -> Frame -> session --+-> objects: keyed profiles -> readings --+-> pipeline
//!                                               |  ^     +-> notes: operations, configurations ----+     |
//!                 confirm (3) or deny (6) <-----+  +------------------ outcome after the commit ---------+
//!                 control (1), request (4) <- exchange <- commands, clock, silence
//! ```

mod datagrams;
mod exchange;
mod objects;
mod session;
#[cfg(test)]
mod tests;

pub(crate) use datagrams::{Peer, receive};
pub(crate) use session::GbSession;
