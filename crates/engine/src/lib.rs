//! The pipeline and the services: what the field says is filed, judged, committed, confirmed and published here,
//! and what people do goes through here.
//!
//! Begin reading at [`pipeline`]: it is the picture of the whole as code.

pub mod clock;
pub mod config;
pub mod error;

pub mod memory;
pub mod pipeline;

mod bindings;
mod partition;
mod wheel;

mod dispatch;
mod keeping;
mod storage;

pub mod telling;

pub mod services;

pub use clock::{Clock, ManualClock, SystemClock};
pub use config::{BackupPlan, EngineConfig};
pub use error::{CommandRefusal, EngineError};
pub use keeping::{BackupFacts, NewestBackup};
pub use memory::{Detector, Memory, OpenAlarm};
pub use pipeline::{Engine, Parts, QueueFacts};
pub use storage::StorageFacts;
pub use telling::TellingConfig;
