//! The MQTT door, 3.1.1 and 5.0, with TLS and without; and the client that reads from somebody else's broker.
//!
//! ```text
//! door -> limits -> connection -> session (mqtt-protocol-core: packets, ids, flow) -> access: token or certificate
//!                                    |
//!                                    +- topics: whose is it -> conversation: our form, the vendor's, foreign JSON
//!                                          -> bus::Intake -> pipeline -> outcome -> PUBACK / PUBREC
//! client -> broker's messages -> topics, conversation -> the same pipeline -> PUBACK to the broker
//! ```
//!
//! There is no routing between devices: what one publishes goes to the platform, what it hears comes from the
//! platform. `docs/protocol/mqtt.md` describes topics and payloads.

mod access;
mod client;
mod config;
mod connection;
mod conversation;
mod door;
mod packets;
mod session;
mod shelf;
mod topics;

pub use config::{ClientConfig, MqttConfig, MqttConfigError};
pub use door::{Joined, MqttDoor, MqttHandle, MqttStartError};

#[cfg(test)]
mod tests;
