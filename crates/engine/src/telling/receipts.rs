//! What became of a message after its provider had taken it.

use domain::id::MediumId;
use domain::time::UnixMs;
use store::telling::{DigestState, Receipt};
use store::{Store, StoreError};

use super::book::Known;
use super::desk::media_read;
use super::teller::next_deliveries;

/// What a receipt did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Received {
    /// Nothing: it was known, or the message is not known yet.
    Nothing,
    /// The message is with its person.
    Arrived,
    /// It is not, and the next medium was asked.
    GoesOn,
    /// It is not, and nobody has to be told any more, or another message is on its way.
    Ends,
    /// It is not, and no medium is left.
    Failed,
}

/// Takes a receipt. One for a message that is not known yet is kept for the moment when it is.
pub(crate) async fn receive(
    store: &Store,
    medium: MediumId,
    reference: &str,
    arrived: bool,
    detail: &str,
    now: UnixMs,
) -> Result<Received, StoreError> {
    let telling = store.telling();
    let Some(delivery) = telling.delivery_by_reference(medium, reference).await? else {
        telling.keep_early(medium, reference, arrived, detail, now).await?;
        return Ok(Received::Nothing);
    };
    let mut receipt = Receipt {
        delivery: delivery.id,
        digest: delivery.digest_id,
        arrived,
        detail: detail.to_owned(),
        next: Vec::new(),
        digest_state: None,
    };
    let mut followed = if arrived { Received::Arrived } else { Received::Ends };
    if !arrived && !telling.on_its_way(delivery.digest_id, delivery.id).await? {
        let (alarms, about) = telling.digest_waits(delivery.digest_id, 1).await?;
        if !alarms.is_empty() || !about.is_empty() {
            let known = Known::read(store, now).await?;
            let tried = telling.tried(delivery.digest_id).await?;
            receipt.next = next_deliveries(&known, delivery.account_id, &media_read(&delivery.media), &tried);
            let is_told = !receipt.next.is_empty();
            receipt.digest_state = Some(if is_told { DigestState::Sending } else { DigestState::Failed });
            followed = if is_told { Received::GoesOn } else { Received::Failed };
        }
    }
    Ok(if telling.keep_receipt(&receipt, now).await? { followed } else { Received::Nothing })
}
