//! The records and the history of Emberwatch. All SQL lives in this crate.
//!
//! [`Store`] is one data folder: `emberwatch.db` (records, readings, history) and `telegrams.db` (the telegram
//! log). Reads of a tenant's data take a [`Scope`](domain::access::Scope); a query without one does not compile
//! (invariant 8). Writes by a person take an [`Actor`] too and leave their audit entry in the same
//! transaction (invariant 9). The pipeline writes through [`Store::commit`], one transaction per batch.

#[macro_use]
mod column;
mod page;
mod scoped;

pub mod backup;
pub mod disk;
pub mod error;
pub mod meta;
pub mod open;
pub mod private;

pub mod actor;
pub mod audit;

pub mod handovers;
pub mod history;
pub mod incidents;
pub mod intake;
pub mod kept_answers;
mod limits_in_force;
pub mod outbox;
pub mod payload;
pub mod readings;
pub mod restart;

pub mod admission;
pub mod alarm_metrics;
pub mod alarm_notes;
pub mod alarms;
pub mod circuits;
pub mod commands;
pub mod commissioning;
pub mod credentials;
pub mod detectors;
pub mod exchange;
pub mod findings;
pub mod forward;
pub mod guidance;
pub mod maintenance;
pub mod overview;
pub mod pictures;
pub mod profiles;
pub mod risk;
pub mod settings;
pub mod sites;
pub mod telling;
pub mod terminals;
pub mod walks;

pub mod accounts;
pub mod areas;
pub mod lockout;
pub mod one_time_codes;
pub mod organisations;
pub mod sessions;
pub mod tokens;

pub mod telegrams;

pub use actor::{Actor, ActorKind};
pub use error::StoreError;
pub use history::History;
pub use intake::{Batch, CommitReceipt};
pub use open::{Options, Store};
pub use page::{Page, Paged};
