//! The REST API under `/api/v1`, the live stream, sign-in, and the screens packed into the binary.
//!
//! Folders are subjects, files are endpoints. A request comes in through [`router`], meets the layers of
//! [`http::layers`], becomes a [`Caller`](access::caller::Caller) and asks the store or the engine within that
//! caller's scope. The description of it all is [`openapi`]; it is checked in as `openapi/emberwatch.json`.

pub mod http;
pub mod state;
pub mod statistics;
pub mod vocabulary;

pub mod access;

pub mod admission;
pub mod alarms;
pub mod commands;
pub mod commissioning;
pub mod detectors;
pub mod excel;
mod export;
pub mod findings;
pub mod guidance;
pub mod handovers;
pub mod incidents;
pub mod live;
pub mod maintenance;
mod meaning;
pub mod overview;
pub mod people;
pub mod places;
pub mod profiles;
pub mod risk;
pub mod settings;
pub mod system;
pub mod telling;
pub mod walks;

pub mod web;

mod description;
mod router;
mod serve;

pub use access::password::{HashCost, Hasher};
pub use access::secret::readable as readable_secret;
pub use description::openapi;
pub use router::router;
pub use serve::serve;
pub use state::{Api, Config, StartError};
