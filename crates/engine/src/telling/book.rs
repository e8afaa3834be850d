//! What is set about telling, as it is stored and as the rules know it.

use std::collections::{BTreeMap, BTreeSet};

use domain::access::Scope;
use domain::hazard::{Hazard, Severity};
use domain::id::{LadderId, MediumId, OrganisationId, RosterId, RouteId, SiteId, UserId};
use domain::place::AreaCode;
use domain::telling::{
    AddressKind, Book, Hours, Ladder, Match, MediumFacts, Person, Roster, Route, Step, Subject,
};
use domain::time::UnixMs;
use notify::Medium;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use store::alarms::AlarmRow;
use store::telling::{DeliveryDraft, PersonRow, PushRow, SetKind, SetRow};
use store::{Store, StoreError};

/// A medium that is down is tried again after this long, ms.
const PROBE_AFTER_MS: i64 = 300_000;

/// The version of the bodies written now.
pub const BODY_VERSION: u8 = 1;

/// A medium as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MediumBody {
    /// [`BODY_VERSION`].
    pub v: u8,
    /// How it works.
    pub medium: Medium,
    /// Whose own it is; `None` reaches all.
    #[serde(default)]
    pub account: Option<UserId>,
}

/// A route as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouteBody {
    /// [`BODY_VERSION`].
    pub v: u8,
    /// One of these; none is any.
    #[serde(default)]
    pub hazards: Vec<Hazard>,
    /// At least this bad.
    pub severity: Severity,
    /// One of these; none is any.
    #[serde(default)]
    pub sites: Vec<SiteId>,
    /// This organisation or below it.
    #[serde(default)]
    pub organisation: Option<OrganisationId>,
    /// This area or inside it.
    #[serde(default)]
    pub area: Option<AreaCode>,
    /// Only then.
    #[serde(default)]
    pub hours: Option<Hours>,
    /// Where it leads.
    pub ladder: LadderId,
}

/// A ladder as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LadderBody {
    /// [`BODY_VERSION`].
    pub v: u8,
    /// The steps.
    pub steps: Vec<Step>,
    /// Who is told where nobody is on duty.
    #[serde(default)]
    pub fallback: Option<UserId>,
}

/// A duty calendar as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DutyBody {
    /// [`BODY_VERSION`].
    pub v: u8,
    /// The calendar.
    #[serde(flatten)]
    pub roster: Roster,
}

/// Reads the body of a row.
///
/// # Errors
/// [`StoreError::Corrupt`] for one that this version cannot read.
pub fn read<T: DeserializeOwned>(kind: SetKind, row: &SetRow) -> Result<T, StoreError> {
    serde_json::from_str(&row.body)
        .map_err(|error| StoreError::Corrupt { what: format!("{} {}: {error}", kind.code(), row.id) })
}

/// A body as it is written.
#[must_use]
pub fn write(body: &impl Serialize) -> String {
    serde_json::to_string(body).unwrap_or_default()
}

/// Everything that is set, and how people are reached.
#[derive(Debug, Clone, Default)]
pub struct Known {
    /// As the rules know it.
    pub book: Book,
    /// The media that are on.
    pub media: BTreeMap<MediumId, MediumBody>,
    /// The persons who can sign in.
    pub people: BTreeMap<UserId, PersonRow>,
    /// The browsers that are pushed to, by person.
    pub browsers: BTreeMap<UserId, Vec<PushRow>>,
    /// Media that are down and may be tried by one message now.
    probes: BTreeSet<MediumId>,
}

/// The rules' name of a kind of address.
#[must_use]
pub const fn address_kind(kind: notify::AddressKind) -> AddressKind {
    match kind {
        notify::AddressKind::Email => AddressKind::Email,
        notify::AddressKind::Phone => AddressKind::Phone,
        notify::AddressKind::Push => AddressKind::Push,
        notify::AddressKind::Medium => AddressKind::Medium,
    }
}

/// Quiet hours as they are stored; unreadable ones are none, so that nobody is left untold by them.
#[must_use]
pub fn quiet(text: Option<&String>) -> Option<Hours> {
    text.and_then(|text| serde_json::from_str(text).ok())
}

impl Known {
    /// Reads everything. A row that cannot be read is left out and told to the operator.
    ///
    /// # Errors
    /// Database errors only.
    pub async fn read(store: &Store, now: UnixMs) -> Result<Self, StoreError> {
        let (telling, all) = (store.telling(), Scope::platform());
        let mut known = Self::default();
        for browser in telling.pushed_to().await? {
            known.browsers.entry(browser.account_id).or_default().push(browser);
        }
        for (person, grants) in telling.people().await? {
            let mut addresses = BTreeSet::new();
            addresses.extend(known.browsers.get(&person.account_id).map(|_| AddressKind::Push));
            addresses.extend(person.email.as_ref().map(|_| AddressKind::Email));
            addresses.extend(person.phone.as_ref().map(|_| AddressKind::Phone));
            let account = person.account_id;
            let quiet = quiet(person.quiet.as_ref());
            known.book.people.insert(account, Person { account, grants, addresses, quiet });
            known.people.insert(account, person);
        }
        let mut down: BTreeSet<MediumId> = BTreeSet::new();
        for health in telling.media_health().await?.iter().filter(|health| health.down_since.is_some()) {
            // After a rest one message tries whether it works again; while it is on its way the others go by other media.
            if health.last_failed_at.is_some_and(|at| now.since_ms(at) >= PROBE_AFTER_MS)
                && !telling.is_under_way(health.medium_id, now).await?
            {
                known.probes.insert(health.medium_id);
            } else {
                down.insert(health.medium_id);
            }
        }
        for row in telling.list(&all, SetKind::Medium).await?.iter().filter(|row| row.enabled) {
            let Some(body) = told(read::<MediumBody>(SetKind::Medium, row)) else { continue };
            let id = MediumId(row.id);
            known.book.media.push(MediumFacts {
                id,
                owner: row.organisation_path.clone(),
                needs: address_kind(body.medium.kind().address()),
                account: body.account,
                down: down.contains(&id),
            });
            known.media.insert(id, body);
        }
        for row in telling.list(&all, SetKind::Ladder).await?.iter().filter(|row| row.enabled) {
            let Some(body) = told(read::<LadderBody>(SetKind::Ladder, row)) else { continue };
            let id = LadderId(row.id);
            known.book.ladders.insert(id, Ladder { id, steps: body.steps, fallback: body.fallback });
        }
        for row in telling.list(&all, SetKind::Duty).await?.iter().filter(|row| row.enabled) {
            let Some(body) = told(read::<DutyBody>(SetKind::Duty, row)) else { continue };
            known.book.rosters.insert(RosterId(row.id), body.roster);
        }
        let organisations: BTreeMap<_, _> = telling.organisations().await?.into_iter().collect();
        for row in telling.list(&all, SetKind::Route).await?.iter().filter(|row| row.enabled) {
            let Some(body) = told(read::<RouteBody>(SetKind::Route, row)) else { continue };
            let organisation = match body.organisation {
                None => None,
                // One that is gone has no sites any more.
                Some(id) => match organisations.get(&id) {
                    Some(path) => Some(path.clone()),
                    None => continue,
                },
            };
            known.book.routes.push(Route {
                id: RouteId(row.id),
                owner: row.organisation_path.clone(),
                takes: Match {
                    hazards: body.hazards,
                    severity: body.severity,
                    sites: body.sites,
                    organisation,
                    area: body.area,
                    hours: body.hours,
                },
                ladder: body.ladder,
            });
        }
        Ok(known)
    }

    /// These are on their way now: where one tries whether a medium works again, no other does.
    pub(super) fn takes(&mut self, deliveries: &[DeliveryDraft]) {
        for delivery in deliveries.iter().filter(|delivery| !delivery.shared) {
            if self.probes.remove(&delivery.medium)
                && let Some(facts) = self.book.media.iter_mut().find(|facts| facts.id == delivery.medium)
            {
                facts.down = true;
            }
        }
    }

    /// The addresses of `account` for a medium, as a delivery keeps them.
    #[must_use]
    pub fn addresses(&self, account: UserId, medium: MediumId, kind: AddressKind) -> Vec<String> {
        let person = self.people.get(&account);
        match kind {
            AddressKind::Email => person.and_then(|p| p.email.clone()).into_iter().collect(),
            AddressKind::Phone => person.and_then(|p| p.phone.clone()).into_iter().collect(),
            // A push service takes messages only from the key that a browser subscribed with.
            AddressKind::Push => self
                .browsers
                .get(&account)
                .into_iter()
                .flatten()
                .filter(|browser| browser.medium_id == medium)
                .map(|browser| write(&PushAddress::of(browser)))
                .collect(),
            AddressKind::Medium => vec![String::new()],
        }
    }
}

/// A push subscription as a delivery keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PushAddress {
    pub(crate) endpoint: String,
    p256dh: String,
    auth: String,
}

impl PushAddress {
    pub(crate) fn of(browser: &PushRow) -> Self {
        Self {
            endpoint: browser.endpoint.clone(),
            p256dh: browser.p256dh.clone(),
            auth: browser.auth.clone(),
        }
    }

    pub(crate) fn read(address: &str) -> Option<Self> {
        serde_json::from_str(address).ok()
    }
}

impl From<PushAddress> for notify::Address {
    fn from(address: PushAddress) -> Self {
        Self::Push { endpoint: address.endpoint, p256dh: address.p256dh, auth: address.auth }
    }
}

fn told<T>(body: Result<T, StoreError>) -> Option<T> {
    body.inspect_err(
        |error| tracing::error!(%error, "what is set about telling cannot be read; it is left out"),
    )
    .ok()
}

/// An alarm as the rules know it.
#[must_use]
pub fn subject(row: &AlarmRow) -> Subject {
    Subject {
        alarm: row.id,
        hazard: row.hazard,
        severity: row.severity,
        site: row.site_id,
        organisation: row.organisation_path.clone(),
        area: row.area_code.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Invariant 12: what version 1 wrote is read as it was meant.
    #[test]
    fn bodies_of_version_1_are_read() {
        let medium =
            r#"{"v":1,"medium":{"kind":"webhook","url":"https://a.example/x","secret":"s"},"account":7}"#;
        let medium: MediumBody = serde_json::from_str(medium).unwrap();
        assert_eq!(medium.account, Some(UserId(7)));
        let route = r#"{"v":1,"hazards":["overload"],"severity":"alarm","sites":[3],"organisation":2,"area":"430200",
            "hours":{"zone":"Asia/Shanghai","spans":[{"days":[1,2],"from_min":480,"until_min":1080}]},"ladder":4}"#;
        let route: RouteBody = serde_json::from_str(route).unwrap();
        assert_eq!((route.ladder, route.severity), (LadderId(4), Severity::Alarm));
        let least: RouteBody = serde_json::from_str(r#"{"v":1,"severity":"warning","ladder":1}"#).unwrap();
        assert!(least.hazards.is_empty() && least.hours.is_none());
        let ladder = r#"{"v":1,"steps":[{"after_min":0,"recipients":[{"kind":"account","account":1},
            {"kind":"on_duty","roster":2},{"kind":"responsible","role":"owner"}],"media":[5],"remind":true}],"fallback":9}"#;
        let ladder: LadderBody = serde_json::from_str(ladder).unwrap();
        assert_eq!((ladder.steps[0].recipients.len(), ladder.fallback), (3, Some(UserId(9))));
        let duty = r#"{"v":1,"zone":"Asia/Shanghai","shifts":[{"days":[1],"from_min":0,"until_min":0,"every_weeks":2,
            "week":1,"account":3}],"exceptions":[{"from":1,"until":2,"instead_of":3,"account":4}]}"#;
        let duty: DutyBody = serde_json::from_str(duty).unwrap();
        assert_eq!((duty.roster.shifts[0].week, duty.roster.exceptions.len()), (1, 1));
        assert_eq!(serde_json::from_str::<DutyBody>(&write(&duty)).unwrap(), duty);
    }
}
