//! Commands to devices (F4): what can be said, the life of one that was said, what may never be switched.
//!
//! [`kind`] names what can be asked, [`plan`] turns it into what goes over the line and what must be read back,
//! [`life`] is the table of state x event, [`interlock`] says which loads are never switched from afar, and
//! [`what_if`] tries limits against the past before they are sent.

pub mod interlock;
pub mod kind;
pub mod life;
pub mod plan;
pub mod what_if;

pub use interlock::{Interlock, interlock};
pub use kind::CommandKind;
pub use life::{Event, Life, NotNow, Outcome, State, Step, Terms, apply};
pub use plan::{Act, Check, Look, Plan, PlanError, plan, raw_read};
