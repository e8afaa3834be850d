use std::collections::{BTreeMap, BTreeSet};

use domain::access::{Permission, Role, Scope};
use domain::hazard::Severity;
use domain::id::{LadderId, RouteId, UserId};
use domain::telling::{
    AddressKind, Digest, Exception, Gathering, Hours, Ladder, Recipient, Roster, Route, Shift, Span, due_at,
    preview,
};
use proptest::prelude::*;

use crate::world::{DAY, HOUR, MINUTE, MONDAY, OWNER, ROSTER, account, book, step, subject};

fn severity() -> impl Strategy<Value = Severity> {
    prop_oneof![Just(Severity::Fault), Just(Severity::Warning), Just(Severity::Alarm)]
}

fn span() -> impl Strategy<Value = Span> {
    (prop::collection::vec(1_u8..=7, 0..4), 0_u16..1440, 0_u16..=1440)
        .prop_map(|(days, from_min, until_min)| Span { days, from_min, until_min })
}

fn hours() -> impl Strategy<Value = Hours> {
    (
        prop_oneof![Just("Asia/Shanghai"), Just("Europe/Berlin"), Just("UTC")],
        prop::collection::vec(span(), 0..4),
    )
        .prop_map(|(zone, spans)| Hours { zone: zone.to_owned(), spans })
}

fn roster() -> impl Strategy<Value = Roster> {
    let shift = (span(), 1_u8..4, 0_u8..4, 1_i64..6).prop_map(|(span, every_weeks, week, account)| Shift {
        span,
        every_weeks,
        week: week % every_weeks,
        account: UserId(account),
    });
    let exception = (0_i64..14, 1_i64..5, prop::option::of(1_i64..6), prop::option::of(1_i64..6)).prop_map(
        |(from, days, instead_of, account)| Exception {
            from: MONDAY.plus_ms(from * DAY),
            until: MONDAY.plus_ms((from + days) * DAY),
            instead_of: instead_of.map(UserId),
            account: account.map(UserId),
        },
    );
    (prop::collection::vec(shift, 0..5), prop::collection::vec(exception, 0..4))
        .prop_map(|(shifts, exceptions)| Roster { zone: "Asia/Shanghai".into(), shifts, exceptions })
}

fn recipient() -> impl Strategy<Value = Recipient> {
    prop_oneof![
        (1_i64..6).prop_map(|id| account(UserId(id))),
        Just(Recipient::OnDuty { roster: ROSTER }),
        prop::sample::select(Role::ALL.to_vec()).prop_map(|role| Recipient::Responsible { role }),
    ]
}

fn ladder(id: i64) -> impl Strategy<Value = Ladder> {
    let steps = prop::collection::vec((1_u32..60, prop::collection::vec(recipient(), 1..4)), 1..5);
    (steps, prop::option::of(1_i64..6)).prop_map(move |(steps, fallback)| {
        let mut after_min = 0;
        let steps = steps
            .into_iter()
            .map(|(more, recipients)| {
                after_min += more;
                step(after_min, &recipients)
            })
            .collect();
        Ladder { id: LadderId(id), steps, fallback: fallback.map(UserId) }
    })
}

proptest! {
    /// Without reminders nobody is told twice of one alarm, whatever routes, ladders and calendars say; and nobody who
    /// may not see the site or has no address for a medium.
    #[test]
    fn told_once_allowed_and_reachable(
        one in ladder(1), two in ladder(2), calendar in roster(), at in 0_i64..14 * 24, kinds in 0_u8..4,
    ) {
        let mut book = book();
        if kinds & 1 == 0 {
            book.people.get_mut(&OWNER).unwrap().addresses = BTreeSet::new();
        }
        if kinds & 2 == 0 {
            book.media.truncate(1);
        }
        book.rosters = BTreeMap::from([(ROSTER, calendar)]);
        book.ladders = BTreeMap::from([(one.id, one), (two.id, two)]);
        book.routes = [1, 2, 1]
            .into_iter()
            .zip(1..)
            .map(|(to, id)| Route { id: RouteId(id), owner: None, takes: crate::world::any(Severity::Fault), ladder: LadderId(to) })
            .collect();
        let subject = subject(Severity::Alarm);
        let told = preview(&book, &subject, MONDAY.plus_ms(at * HOUR));
        let mut seen = BTreeSet::new();
        for reached in told.iter().flat_map(|(_, _, rung)| &rung.tell) {
            prop_assert!(seen.insert(reached.account), "{:?} is told twice", reached.account);
            let person = &book.people[&reached.account];
            prop_assert!(Scope::of(&person.grants, Permission::View).holds(&subject.organisation, &subject.area));
            prop_assert!(!reached.media.is_empty());
            for medium in &reached.media {
                let needs = book.media.iter().find(|m| m.id == *medium).unwrap().needs;
                prop_assert!(needs == AddressKind::Medium || person.addresses.contains(&needs));
            }
        }
        // Time never runs back.
        prop_assert!(told.windows(2).all(|pair| pair[0].0 <= pair[1].0));
    }

    /// An alarm goes out within the gathering time, whatever quiet hours say, unless an alarm was told a moment ago.
    #[test]
    fn an_alarm_is_never_held_by_quiet_hours(quiet in hours(), at in 0_i64..14 * 24 * 60, worst in severity(), ago in 0_i64..100_000) {
        let rules = Gathering::default();
        let now = MONDAY.plus_ms(at * MINUTE);
        let last = Some(Digest::Closed { at: now.plus_ms(-ago), worst });
        let due = due_at(&rules, last, Severity::Alarm, Some(&quiet), now);
        let longest = if worst == Severity::Alarm { rules.alarm_rest_ms.max(rules.gather_ms) } else { rules.gather_ms };
        prop_assert!(due.since_ms(now) <= longest);
        prop_assert_eq!(due_at(&rules, None, Severity::Alarm, Some(&quiet), now), now.plus_ms(rules.gather_ms));
    }

    /// What joins a message never makes it later.
    #[test]
    fn joining_never_delays(quiet in hours(), first in severity(), second in severity(), wait in 0_i64..10_000) {
        let rules = Gathering::default();
        let due = due_at(&rules, None, first, Some(&quiet), MONDAY);
        let joined = due_at(&rules, Some(Digest::Open { due }), second, Some(&quiet), MONDAY.plus_ms(wait));
        prop_assert!(joined <= due);
    }

    /// The calendar as stretches and the answer for one moment are the same, and there is no hole.
    #[test]
    fn stretches_say_who_is_on_duty(calendar in roster(), minute in 0_i64..7 * 24 * 60) {
        let until = MONDAY.plus_ms(7 * DAY);
        let stretches = calendar.stretches(MONDAY, until);
        prop_assert_eq!(stretches.first().map(|s| s.from), Some(MONDAY));
        prop_assert_eq!(stretches.last().map(|s| s.until), Some(until));
        prop_assert!(stretches.windows(2).all(|p| p[0].until == p[1].from && p[0].accounts != p[1].accounts));
        let at = MONDAY.plus_ms(minute * MINUTE);
        let holding = stretches.iter().find(|s| s.from <= at && at < s.until).unwrap();
        prop_assert_eq!(&holding.accounts, &calendar.on_duty(at).accounts);
    }

    /// Quiet hours end: the moment named is outside of them, and every minute before is inside.
    #[test]
    fn over_at_is_the_first_moment_outside(hours in hours(), minute in 0_i64..7 * 24 * 60) {
        let at = MONDAY.plus_ms(minute * MINUTE);
        if let Some(over) = hours.over_at(at) {
            prop_assert!(over >= at && !hours.hold(over));
            let minutes = over.since_ms(at) / MINUTE;
            prop_assert!((0..minutes).step_by(7).all(|m| hours.hold(at.plus_ms(m * MINUTE))));
        }
    }
}
