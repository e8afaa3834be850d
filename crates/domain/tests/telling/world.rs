//! A small town: one street of shops under one company, an electrician, a manager, an administrator.

use std::collections::{BTreeMap, BTreeSet};

use domain::access::{Grant, Role};
use domain::hazard::{Hazard, Severity};
use domain::id::{AlarmId, LadderId, MediumId, RosterId, RouteId, SiteId, UserId};
use domain::place::{AreaCode, OrganisationPath};
use domain::telling::{
    AddressKind, Book, Ladder, Match, MediumFacts, Person, Recipient, Route, Step, Subject,
};
use domain::time::UnixMs;

/// 2026-03-02 is a Monday; 00:00 in Shanghai.
pub(crate) const MONDAY: UnixMs = UnixMs(1_772_380_800_000);
pub(crate) const MINUTE: i64 = 60_000;
pub(crate) const HOUR: i64 = 60 * MINUTE;
pub(crate) const DAY: i64 = 24 * HOUR;

pub(crate) const OWNER: UserId = UserId(1);
pub(crate) const ELECTRICIAN: UserId = UserId(2);
pub(crate) const MANAGER: UserId = UserId(3);
pub(crate) const STRANGER: UserId = UserId(4);
pub(crate) const MAIL: MediumId = MediumId(1);
pub(crate) const SMS: MediumId = MediumId(2);
pub(crate) const HOOK: MediumId = MediumId(3);
pub(crate) const LADDER: LadderId = LadderId(1);
pub(crate) const ROSTER: RosterId = RosterId(1);

pub(crate) fn subject(severity: Severity) -> Subject {
    Subject {
        alarm: AlarmId(1),
        hazard: Hazard::ResidualCurrent,
        severity,
        site: SiteId(7),
        organisation: OrganisationPath("/1/5/".into()),
        area: AreaCode("430202".into()),
    }
}

pub(crate) fn person(
    account: UserId,
    role: Role,
    organisation: &str,
    kinds: &[AddressKind],
) -> (UserId, Person) {
    let grant = Grant { role, organisation: Some(OrganisationPath(organisation.into())), area: None };
    let addresses: BTreeSet<_> = kinds.iter().copied().collect();
    (account, Person { account, grants: vec![grant], addresses, quiet: None })
}

pub(crate) fn any(severity: Severity) -> Match {
    Match { hazards: vec![], severity, sites: vec![], organisation: None, area: None, hours: None }
}

pub(crate) fn step(after_min: u32, recipients: &[Recipient]) -> Step {
    Step { after_min, recipients: recipients.to_vec(), media: vec![], remind: false }
}

pub(crate) fn account(account: UserId) -> Recipient {
    Recipient::Account { account }
}

/// The owner at once, the electrician after 10 min, the manager after 30 min.
pub(crate) fn book() -> Book {
    let both = [AddressKind::Email, AddressKind::Phone];
    let medium = |id, needs| MediumFacts { id, owner: None, needs, account: None, down: false };
    let steps = vec![
        step(0, &[Recipient::Responsible { role: Role::Owner }]),
        step(10, &[account(ELECTRICIAN)]),
        step(30, &[account(MANAGER)]),
    ];
    Book {
        routes: vec![Route { id: RouteId(1), owner: None, takes: any(Severity::Warning), ladder: LADDER }],
        ladders: BTreeMap::from([(LADDER, Ladder { id: LADDER, steps, fallback: None })]),
        rosters: BTreeMap::new(),
        media: vec![medium(MAIL, AddressKind::Email), medium(SMS, AddressKind::Phone)],
        people: BTreeMap::from([
            person(OWNER, Role::Owner, "/1/5/", &both),
            person(ELECTRICIAN, Role::Electrician, "/1/", &both),
            person(MANAGER, Role::SafetyManager, "/1/", &[AddressKind::Phone]),
            person(STRANGER, Role::Owner, "/1/6/", &both),
        ]),
    }
}
