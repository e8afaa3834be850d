//! From an alarm to the right person: who is told, when, by what, and when it stops. Pure: facts and time come in.
//!
//! ```text
//!  alarm --routes--> ladders --climb--> rungs: who, by which media --gather--> one digest per person and site
//!            ^                    ^ on duty        ^ quiet hours, windows
//! ```
//!
//! A *route* picks alarms and names a *ladder*; a ladder's steps say who is told after how many minutes without an
//! acknowledgement. Nobody is told of a site that they may not see, and nobody twice of the same alarm unless a step
//! is a reminder.

mod climb;
mod duty;
mod gather;
mod hours;
mod reply;
mod retry;
mod route;

pub use climb::{
    AddressKind, Book, Climb, MediumFacts, Person, Reached, Rung, StopReason, Told, Why, alarm_stops,
    preview, start,
};
pub use duty::{Exception, OnDuty, Roster, Shift, Stretch};
pub use gather::{Digest, Gathering, due_at};
pub use hours::{Hours, Span};
pub use reply::{forms_of_number, takes};
pub use retry::{Health, Retry, after_failure};
pub use route::{Ladder, Match, Recipient, Route, Step, Subject};
