//! Telling people: what is set about it, whom it reaches, and the record of it (invariant 10). What is decided comes
//! from `domain::telling`; the one writer of the record is the engine's teller.

pub mod contacts;
pub mod links;
pub mod post;
pub mod push;
pub mod record;
pub mod reports;
pub mod set;

pub use contacts::{ContactDraft, ContactRow, PersonRow};
pub use links::{LinkDraft, LinkRow};
pub use post::{AttemptEnd, DeliveryDraft, DueDelivery, HealthRow};
pub use push::{PushDraft, PushRow};
pub use record::{ClimbRow, DigestRow, DigestState, NewNotice, NoticeRow, TellingWrite};
pub use reports::{NewReply, Receipt, ReplyRow, ReportedDelivery};
pub use set::{SetDraft, SetKind, SetPatch, SetRow};

use crate::open::Store;

/// The record of telling people, and what is set about it.
#[derive(Debug, Clone, Copy)]
pub struct Telling<'s>(pub(crate) &'s Store);

impl Store {
    /// The record of telling people, and what is set about it.
    #[must_use]
    pub const fn telling(&self) -> Telling<'_> {
        Telling(self)
    }
}
