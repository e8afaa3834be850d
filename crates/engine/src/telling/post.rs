//! Sends what is on its way. One task; each medium has a few places of its own, so that one that hangs holds up nobody
//! else. What became of an attempt is written down before the next one of the same delivery.

use std::collections::HashMap;
use std::time::Duration;

use domain::id::{DeliveryId, MediumId};
use domain::telling::{AddressKind, Health, Retry, after_failure};
use domain::time::UnixMs;
use notify::{Address, Medium, Message, Outcome, Sender};
use store::StoreError;
use store::telling::{AttemptEnd, DigestState, DueDelivery, LinkDraft};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::Links;
use super::book::{Known, PushAddress};
use super::desk::media_read;
use super::teller::next_deliveries;
use super::text;

/// The sender ends by itself before this; whoever does not is taken for hanging.
const HANGS_AFTER: Duration = Duration::from_secs(15);
/// How long it rests when nothing waits, or after an error, ms.
const REST_MS: i64 = 1_000;

/// One message that came back.
#[derive(Debug)]
struct Landed {
    delivery: DueDelivery,
    attempt: i64,
    outcome: Outcome,
}

/// The post office.
#[derive(Debug)]
pub(crate) struct PostOffice {
    links: Links,
    sender: Sender,
}

impl PostOffice {
    pub(crate) const fn new(links: Links, sender: Sender) -> Self {
        Self { links, sender }
    }

    pub(crate) async fn run(self, stop: CancellationToken) {
        let clock = &self.links.clock;
        let mut flights: JoinSet<Landed> = JoinSet::new();
        let mut busy: HashMap<MediumId, usize> = HashMap::new();
        let mut landed: Vec<Landed> = Vec::new();
        let mut recovered = false;
        loop {
            let now = clock.now();
            let turned = async {
                if !recovered {
                    let lost = self.links.store.telling().recover(now).await?;
                    self.links.counters.attempts_lost.add(lost);
                }
                if !landed.is_empty() {
                    self.land(&landed, now).await?;
                    landed.clear();
                }
                self.take_off(&mut flights, &mut busy, now).await
            };
            let next = match turned.await {
                Ok(next) => {
                    recovered = true;
                    next
                }
                Err(error) => {
                    tracing::warn!(%error, "what is on its way could not be read or written; it is tried again");
                    now.plus_ms(REST_MS)
                }
            };
            tokio::select! {
                () = stop.cancelled() => break,
                Some(done) = flights.join_next(), if !flights.is_empty() => keep(done, &mut landed, &mut busy),
                () = self.links.post.notified() => {}
                () = clock.reached(next) => {}
            }
            while let Some(done) = flights.try_join_next() {
                keep(done, &mut landed, &mut busy);
            }
        }
        // What is under way ends by itself within seconds; what is cut off here is made again after the next start.
        while let Some(done) = flights.join_next().await {
            keep(done, &mut landed, &mut busy);
        }
        if !landed.is_empty()
            && let Err(error) = self.land(&landed, clock.now()).await
        {
            tracing::warn!(%error, messages = landed.len(), "what was sent last could not be written down");
        }
    }

    /// Sends what is due while there are places. When to look again.
    async fn take_off(
        &self,
        flights: &mut JoinSet<Landed>,
        busy: &mut HashMap<MediumId, usize>,
        now: UnixMs,
    ) -> Result<UnixMs, StoreError> {
        let telling = self.links.store.telling();
        let mut next = now.plus_ms(REST_MS * 30);
        let mut due = Vec::new();
        for (medium, at) in telling.waiting_media().await? {
            let under_way = busy.get(&medium).copied().unwrap_or(0);
            let places = self.links.config.at_once_per_medium.max(1).saturating_sub(under_way);
            if at > now {
                next = next.min(at);
            } else if places > 0 {
                let limit = u32::try_from(places).unwrap_or(1);
                due.extend(telling.deliveries_due(medium, now, limit).await?);
            }
        }
        if due.is_empty() {
            return Ok(next);
        }
        let known = Known::read(&self.links.store, now).await?;
        let (mut ready, mut given, mut over) = (Vec::new(), Vec::new(), Vec::new());
        for delivery in due {
            let Some((message, link)) = self.message(&known, &delivery, now).await? else {
                over.push(delivery.id);
                continue;
            };
            given.extend(link);
            ready.push((delivery, message));
        }
        telling.stop_deliveries(&over, now).await?;
        let ids: Vec<DeliveryId> = ready.iter().map(|(delivery, _)| delivery.id).collect();
        let attempts = telling.begin_attempts(&ids, &given, now).await?;
        for ((delivery, message), attempt) in ready.into_iter().zip(attempts) {
            *busy.entry(delivery.medium_id).or_default() += 1;
            let medium = known.media.get(&delivery.medium_id).map(|body| body.medium.clone());
            let address = address(&delivery);
            flights.spawn(send(self.sender.clone(), medium, address, message, delivery, attempt, now));
        }
        // Whoever has more to send comes again as soon as a place is free.
        Ok(next)
    }

    async fn message(
        &self,
        known: &Known,
        delivery: &DueDelivery,
        now: UnixMs,
    ) -> Result<Option<(Message, Option<LinkDraft>)>, StoreError> {
        let Some(person) = known.people.get(&delivery.account_id) else { return Ok(None) };
        let own = known.media.get(&delivery.medium_id).is_some_and(|body| body.account.is_some());
        let personal = own || delivery.address_kind != AddressKind::Medium.code();
        let config = &self.links.config;
        let (token, link) = match &config.public_url {
            // A group must not acknowledge in one person's name.
            Some(_) if personal && delivery.site_id.is_some() => {
                let (token, hash) = super::token();
                let link = LinkDraft {
                    hash,
                    digest: delivery.digest_id,
                    account: delivery.account_id,
                    address_kind: delivery.address_kind.clone(),
                    address: delivery.address.clone(),
                    expires_at: now.plus_ms(config.link_ms),
                };
                (Some(token), Some(link))
            }
            Some(_) | None => (None, None),
        };
        let message = text::message(&self.links, delivery, &person.language, token.as_deref()).await?;
        Ok(message.map(|message| (message, link)))
    }

    async fn land(&self, landed: &[Landed], now: UnixMs) -> Result<(), StoreError> {
        let telling = self.links.store.telling();
        let mut known = Known::read(&self.links.store, now).await?;
        let mut health: HashMap<MediumId, Health> =
            telling.media_health().await?.iter().map(|row| (row.medium_id, row.health())).collect();
        let mut ends: Vec<AttemptEnd> = Vec::with_capacity(landed.len());
        let mut recovered = Vec::new();
        for Landed { delivery, attempt, outcome } in landed {
            let mut end = AttemptEnd {
                attempt: *attempt,
                delivery: delivery.id,
                digest: delivery.digest_id,
                medium: delivery.medium_id,
                outcome: "accepted",
                detail: None,
                reference: None,
                again_at: None,
                next: Vec::new(),
                digest_state: None,
                health: None,
            };
            let before = health.get(&delivery.medium_id).copied().unwrap_or_default();
            let says = outcome.is_about_the_provider();
            let after = before.after(matches!(outcome, Outcome::Accepted { .. }), now);
            if says {
                health.insert(delivery.medium_id, after);
                end.health = Some(after);
            }
            if let Some(browser) = browser(delivery) {
                match outcome {
                    Outcome::Accepted { .. } => telling.push_said(&browser.endpoint, Some(now)).await?,
                    Outcome::Gone { .. } => telling.push_said(&browser.endpoint, None).await?,
                    Outcome::TryAgain { .. }
                    | Outcome::Refused { .. }
                    | Outcome::AddressBusy { .. }
                    | Outcome::AddressRefused { .. } => {}
                }
            }
            let tried = telling.tried(delivery.digest_id).await?;
            let next = next_deliveries(&known, delivery.account_id, &media_read(&delivery.media), &tried);
            match outcome {
                Outcome::Accepted { reference } => {
                    end.reference.clone_from(reference);
                    end.digest_state = Some(DigestState::Told);
                    self.links.counters.messages_accepted.add_one();
                }
                Outcome::TryAgain { after_ms, detail } | Outcome::AddressBusy { after_ms, detail } => {
                    end.outcome = "try_again";
                    end.detail = Some(short(detail));
                    let another = !next.is_empty();
                    let gives_up = another && after.is_down();
                    match after_failure(delivery.attempts + 1, *after_ms, another, delivery.worst, now) {
                        Retry::Again(at) if !gives_up => end.again_at = Some(at),
                        Retry::Again(_) | Retry::GiveUp => {}
                    }
                }
                Outcome::Refused { detail } | Outcome::AddressRefused { detail } => {
                    end.outcome = "refused";
                    end.detail = Some(short(detail));
                }
                Outcome::Gone { detail } => {
                    end.outcome = "gone";
                    end.detail = Some(short(detail));
                }
            }
            if end.outcome != "accepted" {
                self.links.counters.attempts_failed.add_one();
                if end.again_at.is_none() && !telling.on_its_way(delivery.digest_id, delivery.id).await? {
                    known.takes(&next);
                    end.next = next;
                    if end.next.is_empty() {
                        end.digest_state = Some(DigestState::Failed);
                        self.links.counters.messages_failed.add_one();
                        tracing::error!(
                            account = delivery.account_id.0,
                            digest = delivery.digest_id.0,
                            "somebody could not be told by any medium"
                        );
                    }
                }
            }
            if after.is_down() && !before.is_down() {
                tracing::error!(medium = delivery.medium_id.0, failures = after.failures, "a medium is down");
            } else if before.is_down() && says && !after.is_down() {
                tracing::info!(medium = delivery.medium_id.0, "a medium works again");
                recovered.push(delivery.medium_id);
            }
            ends.push(end);
        }
        telling.end_attempts(&ends, now).await?;
        for end in &ends {
            let Some(reference) = end.reference.as_deref() else { continue };
            if let Some((arrived, detail)) = telling.early(end.medium, reference).await? {
                super::receive(&self.links.store, end.medium, reference, arrived, &detail, now).await?;
            }
        }
        for medium in recovered {
            telling.hasten(medium, now).await?;
        }
        Ok(())
    }
}

fn keep(
    done: Result<Landed, tokio::task::JoinError>,
    landed: &mut Vec<Landed>,
    busy: &mut HashMap<MediumId, usize>,
) {
    match done {
        Ok(done) => {
            if let Some(places) = busy.get_mut(&done.delivery.medium_id) {
                *places = places.saturating_sub(1);
            }
            landed.push(done);
        }
        Err(error) => {
            tracing::error!(%error, "a message was lost on its way; it is sent again after the next start")
        }
    }
}

async fn send(
    sender: Sender,
    medium: Option<Medium>,
    address: Option<Address>,
    message: Message,
    delivery: DueDelivery,
    attempt: i64,
    now: UnixMs,
) -> Landed {
    let outcome = match (&medium, &address) {
        (Some(medium), Some(address)) => {
            match tokio::time::timeout(HANGS_AFTER, sender.send(medium, address, &message, now)).await {
                Ok(outcome) => outcome,
                Err(_elapsed) => Outcome::TryAgain {
                    after_ms: None,
                    detail: format!("had no answer within {} s", HANGS_AFTER.as_secs()),
                },
            }
        }
        (None, _) => Outcome::Refused { detail: "the medium was taken away or switched off".to_owned() },
        (Some(_), None) => Outcome::AddressRefused { detail: "the address cannot be read".to_owned() },
    };
    Landed { delivery, attempt, outcome }
}

/// The browser that a delivery goes to, where it goes to one.
fn browser(delivery: &DueDelivery) -> Option<PushAddress> {
    (delivery.address_kind == AddressKind::Push.code()).then(|| PushAddress::read(&delivery.address))?
}

fn address(delivery: &DueDelivery) -> Option<Address> {
    match AddressKind::from_code(&delivery.address_kind)? {
        AddressKind::Email => Some(Address::Email(delivery.address.clone())),
        AddressKind::Phone => Some(Address::Phone(delivery.address.clone())),
        AddressKind::Medium => Some(Address::Medium),
        AddressKind::Push => PushAddress::read(&delivery.address).map(Address::from),
    }
}

/// What a provider says is kept up to this length, characters.
const DETAIL: usize = 500;

fn short(detail: &str) -> String {
    detail.chars().take(DETAIL).collect()
}
