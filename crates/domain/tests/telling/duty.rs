use domain::id::UserId;
use domain::telling::{Exception, Hours, Roster, Shift, Span, Stretch};
use domain::time::UnixMs;

use crate::world::*;

const ANNA: UserId = UserId(11);
const BEN: UserId = UserId(12);
const CARL: UserId = UserId(13);

fn shift(days: &[u8], from_h: u16, until_h: u16, account: UserId) -> Shift {
    let span = Span { days: days.to_vec(), from_min: from_h * 60, until_min: until_h * 60 };
    Shift { span, every_weeks: 1, week: 0, account }
}

/// Anna by day, Ben over night, both on week days; nobody at the weekend after Saturday 08:00.
fn roster() -> Roster {
    Roster {
        zone: "Asia/Shanghai".into(),
        shifts: vec![shift(&[1, 2, 3, 4, 5], 8, 20, ANNA), shift(&[1, 2, 3, 4, 5], 20, 8, BEN)],
        exceptions: vec![],
    }
}

fn at(roster: &Roster, hours: i64) -> Vec<UserId> {
    roster.on_duty(MONDAY.plus_ms(hours * HOUR)).accounts
}

#[test]
fn shifts_over_midnight_and_the_end_of_the_week() {
    let roster = roster();
    assert_eq!(at(&roster, 0), [], "Monday before the first shift: Sunday's night has nobody");
    assert_eq!(at(&roster, 8), [ANNA]);
    assert_eq!(at(&roster, 20), [BEN]);
    assert_eq!(at(&roster, 24 + 3), [BEN]);
    assert_eq!(at(&roster, 5 * 24 + 7), [BEN], "Friday's night ends on Saturday at 8");
    assert_eq!(at(&roster, 5 * 24 + 8), []);
}

#[test]
fn a_rotation_of_two_weeks() {
    let mut roster = roster();
    roster.shifts = vec![
        Shift { every_weeks: 2, week: 0, ..shift(&[], 0, 24, ANNA) },
        Shift { every_weeks: 2, week: 1, ..shift(&[], 0, 24, BEN) },
    ];
    let first = at(&roster, 1);
    let second = at(&roster, 7 * 24 + 1);
    assert_ne!(first, second);
    assert_eq!(first, at(&roster, 14 * 24 + 1));
    assert_eq!(at(&roster, 6 * 24 + 23), first, "Sunday night belongs to the week that began on Monday");
}

#[test]
fn a_swap_takes_one_persons_place_and_a_holiday_everybodys() {
    let mut roster = roster();
    let exception = |from_h: i64, until_h: i64, instead_of, account| Exception {
        from: MONDAY.plus_ms(from_h * HOUR),
        until: MONDAY.plus_ms(until_h * HOUR),
        instead_of,
        account,
    };
    roster.exceptions = vec![exception(0, 24, Some(ANNA), Some(CARL)), exception(48, 72, None, None)];
    assert_eq!(at(&roster, 9), [CARL]);
    assert_eq!(at(&roster, 21), [BEN], "the swap is Anna's, not Ben's");
    assert_eq!(at(&roster, 24 + 9), [ANNA]);
    assert_eq!(at(&roster, 48 + 9), []);
}

#[test]
fn a_week_of_duty_has_no_hole() {
    let stretches = roster().stretches(MONDAY, MONDAY.plus_ms(7 * DAY));
    assert_eq!(stretches.first().map(|s| s.from), Some(MONDAY));
    assert_eq!(stretches.last().map(|s| s.until), Some(MONDAY.plus_ms(7 * DAY)));
    assert!(stretches.windows(2).all(|pair| pair[0].until == pair[1].from));
    let gap = Stretch {
        from: MONDAY.plus_ms(5 * DAY + 8 * HOUR),
        until: MONDAY.plus_ms(7 * DAY),
        accounts: vec![],
    };
    assert_eq!(stretches.last(), Some(&gap));
}

#[test]
fn quiet_hours_end_where_the_wall_says() {
    let hours = Hours {
        zone: "Asia/Shanghai".into(),
        spans: vec![Span { days: vec![], from_min: 22 * 60, until_min: 7 * 60 }],
    };
    let night = MONDAY.plus_ms(23 * HOUR);
    assert!(hours.hold(night));
    assert_eq!(hours.over_at(night), Some(MONDAY.plus_ms(31 * HOUR)));
    assert_eq!(hours.over_at(MONDAY.plus_ms(12 * HOUR)), Some(MONDAY.plus_ms(12 * HOUR)));
    let always = Hours { spans: vec![Span { days: vec![], from_min: 0, until_min: 1440 }], ..hours };
    assert_eq!(always.over_at(night), None);
}

#[test]
fn the_night_of_the_changed_clock_is_an_hour_longer() {
    // 2026-10-25 01:00 UTC: Berlin goes from summer to winter time.
    let hours = Hours {
        zone: "Europe/Berlin".into(),
        spans: vec![Span { days: vec![], from_min: 22 * 60, until_min: 7 * 60 }],
    };
    let ten_in_the_evening = UnixMs(1_792_872_000_000);
    assert_eq!(hours.over_at(ten_in_the_evening), Some(ten_in_the_evening.plus_ms(10 * HOUR)));
}

#[test]
fn mistakes_are_named() {
    let mut roster = roster();
    assert!(roster.check().is_ok());
    roster.shifts[0].span.days = vec![8];
    assert!(roster.check().unwrap_err().contains("day 8"));
    roster.zone = "Mars/Base".into();
    assert!(roster.check().unwrap_err().contains("Mars/Base"));
}
