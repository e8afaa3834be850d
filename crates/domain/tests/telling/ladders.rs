use domain::access::Role;
use domain::alarm::{AlarmState, UNDO_WITHIN_MS};
use domain::hazard::{Hazard, Severity};
use domain::id::{LadderId, MediumId, RouteId, SiteId, UserId};
use domain::place::{AreaCode, OrganisationPath};
use domain::telling::{
    AddressKind, Hours, Ladder, MediumFacts, Recipient, Roster, Route, Span, StopReason, Told, Why,
    alarm_stops, preview, start,
};
use domain::time::UnixMs;

use crate::world::*;

fn who(told: &[(UnixMs, domain::telling::Climb, domain::telling::Rung)]) -> Vec<(i64, UserId)> {
    told.iter()
        .flat_map(|(at, _, rung)| rung.tell.iter().map(|r| ((at.0 - MONDAY.0) / MINUTE, r.account)))
        .collect()
}

#[test]
fn each_step_tells_its_people_at_its_minute() {
    let told = preview(&book(), &subject(Severity::Alarm), MONDAY);
    assert_eq!(who(&told), [(0, OWNER), (10, ELECTRICIAN), (30, MANAGER)]);
    // By e-mail first, then by telephone; the manager has only a telephone.
    let media: Vec<_> = told.iter().flat_map(|(_, _, rung)| &rung.tell).map(|r| r.media.clone()).collect();
    assert_eq!(media, [vec![MAIL, SMS], vec![MAIL, SMS], vec![SMS]]);
}

#[test]
fn a_route_takes_what_it_says() {
    let subject = subject(Severity::Warning);
    let takes = |change: &dyn Fn(&mut domain::telling::Match)| {
        let mut takes = any(Severity::Fault);
        change(&mut takes);
        takes.takes(&subject, MONDAY)
    };
    assert!(takes(&|_| {}));
    assert!(!takes(&|m| m.severity = Severity::Alarm));
    assert!(takes(&|m| m.hazards = vec![Hazard::Overload, Hazard::ResidualCurrent]));
    assert!(!takes(&|m| m.hazards = vec![Hazard::Overload]));
    assert!(!takes(&|m| m.sites = vec![SiteId(8)]));
    assert!(takes(&|m| m.organisation = Some(OrganisationPath("/1/".into()))));
    assert!(!takes(&|m| m.organisation = Some(OrganisationPath("/1/6/".into()))));
    assert!(takes(&|m| m.area = Some(AreaCode("430200".into()))));
    assert!(!takes(&|m| m.area = Some(AreaCode("440000".into()))));
    let night = Hours {
        zone: "Asia/Shanghai".into(),
        spans: vec![Span { days: vec![], from_min: 22 * 60, until_min: 6 * 60 }],
    };
    let by_day = Hours {
        zone: "Asia/Shanghai".into(),
        spans: vec![Span { days: vec![1], from_min: 8 * 60, until_min: 18 * 60 }],
    };
    assert!(takes(&|m| m.hours = Some(night.clone())));
    assert!(!takes(&|m| m.hours = Some(by_day.clone())));
}

#[test]
fn a_route_of_one_company_never_hears_of_another() {
    let mut book = book();
    book.routes[0].owner = Some(OrganisationPath("/1/6/".into()));
    assert!(start(&book, &subject(Severity::Alarm), MONDAY).is_empty());
    book.routes[0].owner = Some(OrganisationPath("/1/5/".into()));
    assert_eq!(start(&book, &subject(Severity::Alarm), MONDAY).len(), 1);
}

#[test]
fn nobody_is_told_of_a_site_that_they_may_not_see() {
    let mut book = book();
    let ladder = book.ladders.get_mut(&LADDER).unwrap();
    ladder.steps = vec![step(0, &[account(STRANGER), account(UserId(99))])];
    let told = preview(&book, &subject(Severity::Alarm), MONDAY);
    assert!(who(&told).is_empty());
    assert_eq!(told[0].2.unreachable, [STRANGER, UserId(99)]);
}

#[test]
fn a_medium_of_one_company_tells_of_its_own_sites_only() {
    let mut book = book();
    let owner = Some(OrganisationPath("/1/6/".into()));
    book.media
        .insert(0, MediumFacts { id: HOOK, owner, needs: AddressKind::Medium, account: None, down: false });
    let told = preview(&book, &subject(Severity::Alarm), MONDAY);
    assert_eq!(told[0].2.tell[0].media, [MAIL, SMS]);
}

#[test]
fn a_medium_that_is_down_comes_last() {
    let mut book = book();
    book.media[0].down = true;
    let told = preview(&book, &subject(Severity::Alarm), MONDAY);
    assert_eq!(told[0].2.tell[0].media, [SMS, MAIL]);
}

#[test]
fn the_media_of_a_step_come_in_its_order() {
    let mut book = book();
    book.ladders.get_mut(&LADDER).unwrap().steps[0].media = vec![SMS, MediumId(99), MAIL];
    let told = preview(&book, &subject(Severity::Alarm), MONDAY);
    assert_eq!(told[0].2.tell[0].media, [SMS, MAIL]);
}

#[test]
fn two_routes_to_the_same_person_tell_once_and_a_reminder_tells_again() {
    let mut book = book();
    let other = LadderId(2);
    let mut reminder = step(20, &[account(OWNER)]);
    reminder.remind = true;
    let steps = vec![step(0, &[account(OWNER), account(OWNER), account(MANAGER)]), reminder];
    book.ladders.insert(other, Ladder { id: other, steps, fallback: None });
    book.routes.push(Route { id: RouteId(2), owner: None, takes: any(Severity::Alarm), ladder: other });
    book.routes.push(Route { id: RouteId(3), owner: None, takes: any(Severity::Alarm), ladder: other });
    let told = preview(&book, &subject(Severity::Alarm), MONDAY);
    assert_eq!(who(&told), [(0, OWNER), (0, MANAGER), (10, ELECTRICIAN), (20, OWNER)]);
}

#[test]
fn a_step_that_reaches_nobody_is_passed_at_once() {
    let mut book = book();
    book.people.get_mut(&OWNER).unwrap().addresses.clear();
    let told = preview(&book, &subject(Severity::Alarm), MONDAY);
    assert_eq!(who(&told), [(0, ELECTRICIAN), (30, MANAGER)]);
    assert_eq!(told[0].2.unreachable, [OWNER]);
}

#[test]
fn a_step_whose_people_were_told_by_another_ladder_is_not_passed() {
    let book = book();
    let climb = start(&book, &subject(Severity::Alarm), MONDAY)[0];
    let (rungs, next) = climb.take(&book, &subject(Severity::Alarm), &Told::from([OWNER]), MONDAY);
    assert!(rungs.iter().all(|rung| rung.tell.is_empty()));
    assert_eq!(next.unwrap().due, MONDAY.plus_ms(10 * MINUTE));
}

#[test]
fn a_gap_of_duty_falls_back_and_is_a_fault() {
    let mut book = book();
    book.rosters.insert(ROSTER, Roster { zone: "Asia/Shanghai".into(), shifts: vec![], exceptions: vec![] });
    let ladder = book.ladders.get_mut(&LADDER).unwrap();
    ladder.steps = vec![step(0, &[Recipient::OnDuty { roster: ROSTER }])];
    ladder.fallback = Some(MANAGER);
    let told = preview(&book, &subject(Severity::Alarm), MONDAY);
    assert_eq!(told[0].2.gaps, [ROSTER]);
    assert_eq!(told[0].2.tell[0].why, Why::Fallback { roster: ROSTER });
    assert_eq!(told[0].2.tell[0].account, MANAGER);
}

#[test]
fn responsible_is_who_holds_the_role_over_the_site() {
    let mut book = book();
    book.ladders.get_mut(&LADDER).unwrap().steps = vec![step(
        0,
        &[Recipient::Responsible { role: Role::Owner }, Recipient::Responsible { role: Role::Electrician }],
    )];
    assert_eq!(who(&preview(&book, &subject(Severity::Alarm), MONDAY)), [(0, OWNER), (0, ELECTRICIAN)]);
}

#[test]
fn no_route_no_ladder_no_medium_no_panic() {
    let mut book = book();
    book.media.clear();
    let told = preview(&book, &subject(Severity::Alarm), MONDAY);
    assert!(who(&told).is_empty());
    book.ladders.clear();
    assert!(preview(&book, &subject(Severity::Alarm), MONDAY).is_empty());
}

#[test]
fn every_state_stops_or_does_not() {
    let at = Some(MONDAY);
    let later = MONDAY.plus_ms(UNDO_WITHIN_MS);
    for state in AlarmState::ALL {
        let stops = alarm_stops(state, at, later);
        let wanted = match state {
            AlarmState::Unacknowledged => None,
            AlarmState::Acknowledged | AlarmState::LatchedAcknowledged => Some(StopReason::Acknowledged),
            AlarmState::ReturnedUnacknowledged | AlarmState::LatchedUnacknowledged => {
                Some(StopReason::Returned)
            }
            AlarmState::Closed => Some(StopReason::Closed),
        };
        assert_eq!(stops, Ok(wanted), "{state:?}");
    }
    // One that can still be taken back is looked at again.
    assert_eq!(alarm_stops(AlarmState::Acknowledged, at, MONDAY.plus_ms(1)), Err(later));
}

#[test]
fn mistakes_in_steps_are_named() {
    assert!(Ladder::check(&[]).unwrap_err().contains("0 steps"));
    assert!(Ladder::check(&[step(0, &[])]).unwrap_err().contains("tells nobody"));
    assert!(
        Ladder::check(&[step(5, &[account(OWNER)]), step(5, &[account(OWNER)])])
            .unwrap_err()
            .contains("rise")
    );
    assert!(Ladder::check(&[step(20_000, &[account(OWNER)])]).unwrap_err().contains("20000"));
    assert!(Ladder::check(&book().ladders[&LADDER].steps).is_ok());
}

#[test]
fn a_medium_of_ones_own_reaches_nobody_else() {
    let mut book = book();
    book.media = vec![MediumFacts {
        id: HOOK,
        owner: None,
        needs: AddressKind::Medium,
        account: Some(MANAGER),
        down: false,
    }];
    assert_eq!(who(&preview(&book, &subject(Severity::Alarm), MONDAY)), [(0, MANAGER)]);
}
