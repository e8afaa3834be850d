//! Going up a ladder: whom a step tells, by what, and when the next one comes.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::duty::Roster;
use super::hours::Hours;
use super::route::{Ladder, Recipient, Route, Subject};
use crate::access::{Grant, Permission, Role, Scope};
use crate::alarm::{AlarmState, UNDO_WITHIN_MS};
use crate::id::{LadderId, MediumId, RosterId, RouteId, UserId};
use crate::place::OrganisationPath;
use crate::time::UnixMs;

/// Milliseconds of a minute.
const MINUTE_MS: i64 = 60_000;

/// What kind of address a medium needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AddressKind {
    /// A mailbox.
    Email,
    /// A telephone number.
    Phone,
    /// A browser's push subscription.
    Push,
    /// None: the medium itself names the place.
    Medium,
}

impl AddressKind {
    /// Every kind.
    pub const ALL: [Self; 4] = [Self::Email, Self::Phone, Self::Push, Self::Medium];

    /// The stable name used in the API and the database.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::Phone => "phone",
            Self::Push => "push",
            Self::Medium => "medium",
        }
    }

    /// The kind with this [`code`](Self::code).
    #[must_use]
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.code() == code)
    }
}

/// A medium as far as it matters who is told by it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MediumFacts {
    /// Its id.
    pub id: MediumId,
    /// Whose it is: it tells of sites of this organisation and below only. `None` is the platform's.
    pub owner: Option<OrganisationPath>,
    /// What it needs to know of a person.
    pub needs: AddressKind,
    /// Whose own it is (a telephone with Bark, a topic of one's own): it reaches nobody else. `None` reaches all.
    pub account: Option<UserId>,
    /// Whether it is down: then it comes after all others.
    pub down: bool,
}

/// A person as far as it matters who is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// The account; it can sign in.
    pub account: UserId,
    /// What it may do and where.
    pub grants: Vec<Grant>,
    /// The kinds of address that are known.
    pub addresses: BTreeSet<AddressKind>,
    /// When it wants to be left alone by all but alarms.
    pub quiet: Option<Hours>,
}

/// Everything that is set about telling.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Book {
    /// The routes.
    pub routes: Vec<Route>,
    /// The ladders.
    pub ladders: BTreeMap<LadderId, Ladder>,
    /// The duty calendars.
    pub rosters: BTreeMap<RosterId, Roster>,
    /// The media that are on, in their order.
    pub media: Vec<MediumFacts>,
    /// The persons that can sign in.
    pub people: BTreeMap<UserId, Person>,
}

/// How far up a ladder an alarm is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Climb {
    /// By which route.
    pub route: RouteId,
    /// Up which ladder.
    pub ladder: LadderId,
    /// When it began: the minutes of the steps count from here.
    pub since: UnixMs,
    /// The step that comes next, from 0.
    pub step: usize,
    /// When.
    pub due: UnixMs,
}

/// Why somebody is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Why {
    /// The ladder names the account.
    Named,
    /// On duty.
    OnDuty {
        /// By this calendar.
        roster: RosterId,
    },
    /// Holds a role over the site.
    Responsible {
        /// This one.
        role: Role,
    },
    /// Nobody was on duty, so the ladder's fallback is told.
    Fallback {
        /// By this calendar.
        roster: RosterId,
    },
}

/// Somebody who is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reached {
    /// Who.
    pub account: UserId,
    /// Why.
    pub why: Why,
    /// By what, the next where one fails.
    pub media: Vec<MediumId>,
}

/// What one step comes to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Rung {
    /// The step, from 0.
    pub step: usize,
    /// Who is told.
    pub tell: Vec<Reached>,
    /// Who should be told and cannot be: no medium, or no address for one.
    pub unreachable: Vec<UserId>,
    /// Calendars that had nobody on duty: a fault of the platform.
    pub gaps: Vec<RosterId>,
}

/// Who was told of an alarm since it began or got worse.
pub type Told = BTreeSet<UserId>;

/// Why an alarm is not told any further.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StopReason {
    /// Somebody has it.
    Acknowledged,
    /// The hazard has gone.
    Returned,
    /// It is over.
    Closed,
}

impl StopReason {
    /// The stable name used in the API and the database.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Acknowledged => "acknowledged",
            Self::Returned => "returned",
            Self::Closed => "closed",
        }
    }
}

/// Whether an alarm in this state stops its ladders. `Err` is the moment to look again: an acknowledgement that can
/// still be taken back.
///
/// # Errors
/// The moment at which the acknowledgement holds.
pub fn alarm_stops(
    state: AlarmState,
    acknowledged_at: Option<UnixMs>,
    now: UnixMs,
) -> Result<Option<StopReason>, UnixMs> {
    match state {
        AlarmState::Unacknowledged => Ok(None),
        AlarmState::Acknowledged => {
            let holds_at = acknowledged_at.map_or(now, |at| at.plus_ms(UNDO_WITHIN_MS));
            if now < holds_at { Err(holds_at) } else { Ok(Some(StopReason::Acknowledged)) }
        }
        AlarmState::LatchedAcknowledged => Ok(Some(StopReason::Acknowledged)),
        // Held for reset: the hazard itself has gone.
        AlarmState::ReturnedUnacknowledged | AlarmState::LatchedUnacknowledged => {
            Ok(Some(StopReason::Returned))
        }
        AlarmState::Closed => Ok(Some(StopReason::Closed)),
    }
}

fn owned(owner: Option<&OrganisationPath>, subject: &Subject) -> bool {
    owner.is_none_or(|root| subject.organisation.0.starts_with(&root.0))
}

/// The climbs that begin with `subject` at `now`: one per ladder, by the first route that leads to it.
#[must_use]
pub fn start(book: &Book, subject: &Subject, now: UnixMs) -> Vec<Climb> {
    let mut climbs: Vec<Climb> = Vec::new();
    for route in &book.routes {
        let Some(ladder) = book.ladders.get(&route.ladder) else { continue };
        let Some(first) = ladder.steps.first() else { continue };
        let takes = owned(route.owner.as_ref(), subject) && route.takes.takes(subject, now);
        if takes && !climbs.iter().any(|climb| climb.ladder == ladder.id) {
            let due = now.plus_ms(i64::from(first.after_min) * MINUTE_MS);
            climbs.push(Climb { route: route.id, ladder: ladder.id, since: now, step: 0, due });
        }
    }
    climbs
}

impl Book {
    fn may_see(&self, account: UserId, subject: &Subject) -> Option<&Person> {
        let person = self.people.get(&account)?;
        Scope::of(&person.grants, Permission::View)
            .holds(&subject.organisation, &subject.area)
            .then_some(person)
    }

    fn recipients(
        &self,
        ladder: &Ladder,
        recipient: Recipient,
        subject: &Subject,
        now: UnixMs,
        rung: &mut Rung,
    ) -> Vec<(UserId, Why)> {
        match recipient {
            Recipient::Account { account } => vec![(account, Why::Named)],
            Recipient::OnDuty { roster } => {
                let on_duty: Vec<_> = self
                    .rosters
                    .get(&roster)
                    .map(|calendar| calendar.on_duty(now).accounts)
                    .unwrap_or_default()
                    .into_iter()
                    .filter(|account| self.may_see(*account, subject).is_some())
                    .map(|account| (account, Why::OnDuty { roster }))
                    .collect();
                if on_duty.is_empty() {
                    rung.gaps.push(roster);
                    return ladder
                        .fallback
                        .map(|account| (account, Why::Fallback { roster }))
                        .into_iter()
                        .collect();
                }
                on_duty
            }
            Recipient::Responsible { role } => self
                .people
                .values()
                .filter(|person| {
                    person.grants.iter().filter(|grant| grant.role == role).any(|grant| {
                        Scope::of(std::slice::from_ref(grant), Permission::View)
                            .holds(&subject.organisation, &subject.area)
                    })
                })
                .map(|person| (person.account, Why::Responsible { role }))
                .collect(),
        }
    }

    /// By what `person` can be told of `subject`: `wanted` in their order, or all; those that are down come last.
    #[must_use]
    pub fn media_for(&self, person: &Person, wanted: &[MediumId], subject: &Subject) -> Vec<MediumId> {
        let fits = |medium: &&MediumFacts| {
            owned(medium.owner.as_ref(), subject)
                && medium.account.is_none_or(|account| account == person.account)
                && (medium.needs == AddressKind::Medium || person.addresses.contains(&medium.needs))
        };
        let mut fitting: Vec<&MediumFacts> = if wanted.is_empty() {
            self.media.iter().filter(fits).collect()
        } else {
            wanted.iter().filter_map(|id| self.media.iter().find(|m| m.id == *id)).filter(fits).collect()
        };
        fitting.sort_by_key(|medium| medium.down);
        fitting.into_iter().map(|medium| medium.id).collect()
    }

    fn rung(
        &self,
        ladder: &Ladder,
        index: usize,
        subject: &Subject,
        told: &Told,
        now: UnixMs,
    ) -> Option<(Rung, bool)> {
        let step = ladder.steps.get(index)?;
        let mut rung = Rung { step: index, ..Rung::default() };
        let mut somebody = false;
        let mut seen = BTreeSet::new();
        for recipient in &step.recipients {
            for (account, why) in self.recipients(ladder, *recipient, subject, now, &mut rung) {
                if !seen.insert(account) {
                    continue;
                }
                let media = self
                    .may_see(account, subject)
                    .map(|person| self.media_for(person, &step.media, subject))
                    .unwrap_or_default();
                if media.is_empty() {
                    rung.unreachable.push(account);
                    continue;
                }
                somebody = true;
                if step.remind || !told.contains(&account) {
                    rung.tell.push(Reached { account, why, media });
                }
            }
        }
        Some((rung, somebody))
    }
}

impl Climb {
    /// Takes the step that is due at `now`, and at once the next ones where a step reaches nobody at all. Returns what
    /// the steps come to, and the climb as it goes on; `None` at the top.
    #[must_use]
    pub fn take(self, book: &Book, subject: &Subject, told: &Told, now: UnixMs) -> (Vec<Rung>, Option<Self>) {
        let mut rungs = Vec::new();
        let Some(ladder) = book.ladders.get(&self.ladder) else { return (rungs, None) };
        let mut index = self.step;
        while let Some((rung, somebody)) = book.rung(ladder, index, subject, told, now) {
            rungs.push(rung);
            index += 1;
            if somebody {
                break;
            }
        }
        let next = ladder.steps.get(index).map(|step| {
            // Never at once, where the clock or the ladder was changed meanwhile.
            let due = self.since.plus_ms(i64::from(step.after_min) * MINUTE_MS).max(now.plus_ms(1));
            Self { step: index, due, ..self }
        });
        (rungs, next)
    }
}

/// Who would be told of `subject`, raised at `now`, and when, if nobody ever took it: every rung of every climb.
#[must_use]
pub fn preview(book: &Book, subject: &Subject, now: UnixMs) -> Vec<(UnixMs, Climb, Rung)> {
    let mut waiting = start(book, subject, now);
    let (mut told, mut out) = (Told::new(), Vec::new());
    while let Some(index) = (0..waiting.len()).min_by_key(|index| waiting.get(*index).map(|climb| climb.due))
    {
        let climb = waiting.remove(index);
        let (rungs, next) = climb.take(book, subject, &told, climb.due);
        for rung in rungs {
            told.extend(rung.tell.iter().map(|reached| reached.account));
            out.push((climb.due, climb, rung));
        }
        waiting.extend(next);
    }
    out
}
