//! Decides who is told, and when a message goes out. One task; the one writer of climbs, digests and notices.

use std::collections::{BTreeMap, BTreeSet};

use domain::access::{Role, Scope};
use domain::id::{AlarmId, DigestId, MediumId, UserId};
use domain::telling::AddressKind;
use domain::time::UnixMs;
use store::StoreError;
use store::telling::{DeliveryDraft, DigestRow, DigestState};
use tokio_util::sync::CancellationToken;

use super::Links;
use super::book::Known;
use super::desk::{Desk, Read, media_read};

/// Outbox rows, and climbs, of one turn: one transaction, so that intake waits for the writer only shortly.
const AT_ONCE: u32 = 100;
/// Digests that are sent on their way in one turn.
const DIGESTS_AT_ONCE: u32 = 200;
/// How often the outbox is looked at, ms. What is gathered waits for longer.
const EVERY_MS: i64 = 500;
/// How often links that have run out are forgotten, and how long after, ms.
const FORGET_EVERY_MS: i64 = 3_600_000;
const FORGET_AFTER_MS: i64 = 7 * 86_400_000;
/// Digests that are forgotten in one transaction.
const FORGET_AT_ONCE: u32 = 100;
/// How often it is looked for media that are down, ms.
const HEALTH_EVERY_MS: i64 = 5_000;
/// An address that was told the same within this time is not told again, ms.
const SAME_WITHIN_MS: i64 = 600_000;

/// The teller.
#[derive(Debug)]
pub(crate) struct Teller {
    links: Links,
    /// When it is looked for media that are down next.
    health_at: UnixMs,
}

impl Teller {
    pub(crate) const fn new(links: Links) -> Self {
        Self { links, health_at: UnixMs(0) }
    }

    pub(crate) async fn run(mut self, stop: CancellationToken) {
        let clock = std::sync::Arc::clone(&self.links.clock);
        let mut begun = false;
        let mut forget_at = clock.now();
        loop {
            let now = clock.now();
            let turned = if begun { self.turn(now).await } else { self.begin(now).await };
            let more = match turned {
                Ok(more) => {
                    begun = true;
                    more
                }
                Err(error) => {
                    tracing::warn!(%error, "who is to be told could not be decided; it is tried again");
                    false
                }
            };
            if now >= forget_at {
                forget_at = now.plus_ms(FORGET_EVERY_MS);
                if let Err(error) = self.forget(now).await {
                    tracing::warn!(%error, "what is old could not be forgotten; it is tried again");
                }
            }
            if more {
                if stop.is_cancelled() {
                    return;
                }
                continue;
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = clock.reached(now.plus_ms(EVERY_MS)) => {}
            }
        }
    }

    async fn begin(&self, now: UnixMs) -> Result<bool, StoreError> {
        let before = now.plus_ms(-self.links.config.set_aside_ms);
        let aside = self.links.store.telling().begin(before, now).await?;
        if aside > 0 {
            self.links.counters.notices_set_aside.add(aside);
            tracing::info!(
                decisions = aside,
                "telling people begins here; what was decided long before is set aside"
            );
        }
        Ok(true)
    }

    async fn forget(&self, now: UnixMs) -> Result<(), StoreError> {
        let telling = self.links.store.telling();
        telling.forget_links(now.plus_ms(-FORGET_AFTER_MS)).await?;
        let before = now.plus_ms(-self.links.config.keep_ms);
        while telling.forget(before, FORGET_AT_ONCE).await? {}
        telling.forget_reports(before).await?;
        Ok(())
    }

    /// Everything that is to be done now, up to a bound. Whether there is more.
    async fn turn(&mut self, now: UnixMs) -> Result<bool, StoreError> {
        let telling = self.links.store.telling();
        let rows = self.links.store.outbox_after(0, AT_ONCE).await?;
        let due = telling.climbs_due(now, AT_ONCE).await?;
        let mut down = Vec::new();
        if now >= self.health_at {
            down = self.untold_failures().await?;
            self.health_at = now.plus_ms(HEALTH_EVERY_MS);
        }
        let full = |len: usize, bound: u32| u32::try_from(len).is_ok_and(|len| len >= bound);
        let mut more = full(rows.len(), AT_ONCE) || full(due.len(), AT_ONCE);
        if !rows.is_empty() || !due.is_empty() || !down.is_empty() {
            let ids: BTreeSet<AlarmId> =
                rows.iter().map(|row| row.alarm).chain(due.iter().map(|climb| climb.alarm_id)).collect();
            let ids: Vec<AlarmId> = ids.into_iter().collect();
            let rules = self.links.config.gathering;
            let rests = rules.rest_ms.max(rules.alarm_rest_ms);
            let read = Read {
                alarms: self.links.store.alarms().by_ids(&Scope::platform(), &ids).await?,
                climbs: telling.climbs_of(&ids).await?,
                told: telling.told(&ids).await?,
                digests: telling.digests_since(now.plus_ms(-rests)).await?,
                last_digest: Some(telling.last_digest().await?),
            };
            let known = Known::read(&self.links.store, now).await?;
            let mut desk = Desk::new(&known, rules, now, read);
            for row in &rows {
                desk.decide(row);
            }
            for climb in &due {
                desk.climb((climb.alarm_id, climb.ladder_id));
            }
            for (medium, about) in &down {
                for (account, media) in administrators(&known, *medium) {
                    desk.platform(about, account, &media);
                }
            }
            let (write, counted) = desk.finish();
            telling.commit(&write, now).await?;
            let counters = &self.links.counters;
            counters.notices_made.add(counted.notices);
            counters.notices_unreachable.add(counted.unreachable);
            counters.duty_gaps.add(counted.gaps);
        }
        let digests = telling.digests_due(now, DIGESTS_AT_ONCE).await?;
        more |= full(digests.len(), DIGESTS_AT_ONCE);
        if !digests.is_empty() {
            self.dispatch(&digests, now).await?;
            self.links.post.notify_one();
        }
        Ok(more)
    }

    /// Media that are down and of which nobody was told yet.
    async fn untold_failures(&self) -> Result<Vec<(MediumId, String)>, StoreError> {
        let telling = self.links.store.telling();
        let mut untold = Vec::new();
        for health in telling.media_health().await? {
            let Some(since) = health.down_since else { continue };
            let about = format!("medium_down:{}:{}", health.medium_id, since.0);
            if !telling.is_noticed(&about).await? {
                untold.push((health.medium_id, about));
            }
        }
        Ok(untold)
    }

    async fn dispatch(&self, digests: &[DigestRow], now: UnixMs) -> Result<(), StoreError> {
        let telling = self.links.store.telling();
        let mut known = Known::read(&self.links.store, now).await?;
        let mut out: Vec<(DigestId, DigestState, Vec<DeliveryDraft>)> = Vec::new();
        let mut places: BTreeSet<(MediumId, String)> = BTreeSet::new();
        for digest in digests {
            let (alarms, about) = telling.digest_waits(digest.id, 1).await?;
            if alarms.is_empty() && about.is_empty() {
                out.push((digest.id, DigestState::Stopped, Vec::new()));
                continue;
            }
            let mut next = next_deliveries(&known, digest.account_id, &media_read(&digest.media), &[]);
            let mut shared = !next.is_empty();
            for delivery in &mut next {
                // What was decided a moment ago has to be on disk to be seen.
                if !places.insert((delivery.medium, delivery.address.clone())) {
                    telling.dispatch(&out, now).await?;
                    out.clear();
                }
                let since = now.plus_ms(-SAME_WITHIN_MS);
                delivery.shared =
                    telling.told_at_address(digest.id, delivery.medium, &delivery.address, since).await?;
                shared &= delivery.shared;
            }
            known.takes(&next);
            let state = match (next.is_empty(), shared) {
                (true, _) => {
                    self.links.counters.messages_failed.add_one();
                    DigestState::Failed
                }
                (false, true) => DigestState::Told,
                (false, false) => DigestState::Sending,
            };
            out.push((digest.id, state, next));
        }
        telling.dispatch(&out, now).await
    }
}

/// Who answers for the whole platform, and by what each can be told that `down` does not work.
fn administrators(known: &Known, down: MediumId) -> Vec<(UserId, Vec<MediumId>)> {
    let administrates = |person: &&domain::telling::Person| {
        person.grants.iter().any(|grant| {
            grant.role == Role::Administrator && grant.organisation.is_none() && grant.area.is_none()
        })
    };
    known
        .book
        .people
        .values()
        .filter(administrates)
        .map(|person| {
            let fits = |medium: &&domain::telling::MediumFacts| {
                medium.id != down
                    && !medium.down
                    && medium.owner.is_none()
                    && medium.account.is_none_or(|account| account == person.account)
                    && (medium.needs == AddressKind::Medium || person.addresses.contains(&medium.needs))
            };
            (person.account, known.book.media.iter().filter(fits).map(|medium| medium.id).collect::<Vec<_>>())
        })
        .filter(|(_, media)| !media.is_empty())
        .collect()
}

/// The deliveries by the first medium of `media` that is on, was not `tried`, and has an address of `account`. Those
/// that are down come last.
pub(super) fn next_deliveries(
    known: &Known,
    account: UserId,
    media: &[MediumId],
    tried: &[MediumId],
) -> Vec<DeliveryDraft> {
    let facts: BTreeMap<_, _> = known.book.media.iter().map(|medium| (medium.id, medium)).collect();
    let mut left: Vec<_> =
        media.iter().filter(|id| !tried.contains(id)).filter_map(|id| facts.get(id)).collect();
    left.sort_by_key(|medium| medium.down);
    left.into_iter()
        .filter(|medium| medium.account.is_none_or(|own| own == account))
        .map(|medium| {
            let addresses = known.addresses(account, medium.id, medium.needs).into_iter();
            addresses
                .map(|address| DeliveryDraft {
                    medium: medium.id,
                    address_kind: medium.needs.code(),
                    address,
                    shared: false,
                })
                .collect::<Vec<_>>()
        })
        .find(|deliveries| !deliveries.is_empty())
        .unwrap_or_default()
}
