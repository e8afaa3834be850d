//! The clients of the providers that carry a message to a person: mail, short message, voice, push, robots of
//! group chats, webhooks, MQTT. It knows nothing of alarms on disk and keeps nothing: what is to be sent comes in,
//! what came of it goes out. Who is told, when and how often is decided elsewhere (`domain::telling`), and each
//! attempt is written down elsewhere (`engine::telling`).
//!
//! The sum of it is [`Sender::send`]: one medium, one address, one message, one [`Outcome`], within
//! [`TIME_LIMIT`].

mod check;
mod http;
pub mod media;
pub mod medium;
pub mod message;
mod net;
pub mod outcome;
pub mod report;
mod secret;
mod sender;
mod sign;
pub mod template;
mod text;

pub use check::{FieldError, FieldProblem};
pub use medium::{Medium, MediumKind};
pub use message::{Address, AddressKind, Message};
pub use outcome::Outcome;
pub use report::{Report, ReportError};
pub use secret::Secret;
pub use sender::{Options, Sender, TIME_LIMIT};
