//! The field door: TCP listeners where detectors and DTUs dial in, and a session for each connection.
//!
//! ```text
//! listener -> limits -> proxy, tls -> connection -> detect -+-> cloud_session   (7B7B: device speaks, we confirm after commit)
//!                                                           +-> gateway_session (1F1F: gateway proves who it is, encrypted reports)
//!                                                           +-> gb26875         (transmission devices; UDP has a door of its own)
//!                                                           +-> dtu_session     (we are Modbus-RTU master; poll_plan)
//!                                                                |
//!                            field_reading: profile decode -> bus::Intake -> pipeline -> outcome -> confirmation
//! ```
//!
//! Sessions are pure: bytes, time, outcomes and commands go in, [`session::Output`]s come out. Only
//! [`connection`] and [`listener`] do IO.

use std::sync::Arc;

use domain::time::UnixMs;

mod clause;
mod cloud_session;
pub mod coap;
mod config;
mod connection;
mod dialler;
mod dtu_session;
mod field_reading;
mod forward;
mod gateway_session;
mod gb26875;
pub mod http;
mod ingest;
mod limits;
mod line_ask;
mod line_command;
mod listener;
pub mod mqtt;
mod network;
mod pending;
mod poll_plan;
mod proxy;
pub mod push;
mod session;
mod stream;
mod telegram_log;
mod telemetry;
#[cfg(test)]
mod testing;
pub mod tls;
mod under_way;

pub use config::{
    ConfigError, DtuConfig, FieldConfig, Gateway1f1fConfig, GbConfig, ListenerConfig, ModbusTcpConfig,
    TelegramLevel, bytes_from_hex, identity_form,
};
pub use forward::{ForwardConfig, Forwarder};
pub use ingest::{Ingest, IngestConfig, IngestParts};
pub use listener::{Gateway, GatewayHandle, StartError};
pub use network::{Network, NetworkError};
pub use wire::gateway1f1f::Limits;
pub use wire::registration::{IdentityForm, RegistrationPattern};
pub use wire::telemetry::Limits as MessageLimits;

/// The server's wall clock.
pub type Clock = Arc<dyn Fn() -> UnixMs + Send + Sync>;
