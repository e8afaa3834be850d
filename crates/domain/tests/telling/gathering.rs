use domain::hazard::Severity;
use domain::telling::{Digest, Gathering, Health, Hours, Retry, Span, after_failure, due_at};

use crate::world::*;

const RULES: Gathering = Gathering { gather_ms: 10_000, alarm_rest_ms: 60_000, rest_ms: 600_000 };

fn sleeps() -> Hours {
    Hours {
        zone: "Asia/Shanghai".into(),
        spans: vec![Span { days: vec![], from_min: 22 * 60, until_min: 7 * 60 }],
    }
}

#[test]
fn what_comes_while_it_gathers_is_in_the_same_message() {
    let due = due_at(&RULES, None, Severity::Alarm, None, MONDAY);
    assert_eq!(due, MONDAY.plus_ms(10_000));
    let later = MONDAY.plus_ms(9_999);
    assert_eq!(due_at(&RULES, Some(Digest::Open { due }), Severity::Alarm, None, later), due);
}

#[test]
fn after_a_message_the_next_waits_and_something_worse_does_not() {
    let sent = |worst| Some(Digest::Closed { at: MONDAY, worst });
    let now = MONDAY.plus_ms(1_000);
    let due = |last, severity| due_at(&RULES, last, severity, None, now).0 - MONDAY.0;
    assert_eq!(due(sent(Severity::Warning), Severity::Warning), 600_000);
    assert_eq!(due(sent(Severity::Alarm), Severity::Alarm), 60_000);
    assert_eq!(due(sent(Severity::Alarm), Severity::Warning), 600_000);
    assert_eq!(due(sent(Severity::Warning), Severity::Alarm), 11_000);
}

#[test]
fn quiet_hours_hold_warnings_until_morning_and_never_an_alarm() {
    let night = MONDAY.plus_ms(23 * HOUR);
    let quiet = sleeps();
    let morning = MONDAY.plus_ms(31 * HOUR);
    assert_eq!(due_at(&RULES, None, Severity::Warning, Some(&quiet), night), morning);
    assert_eq!(due_at(&RULES, None, Severity::Fault, Some(&quiet), night), morning);
    assert_eq!(due_at(&RULES, None, Severity::Alarm, Some(&quiet), night), night.plus_ms(10_000));
    // The alarm takes the warning that waited for the morning along.
    let waiting = Some(Digest::Open { due: morning });
    assert_eq!(due_at(&RULES, waiting, Severity::Alarm, Some(&quiet), night), night.plus_ms(10_000));
}

#[test]
fn retries_rest_longer_and_longer_and_end() {
    let of = |attempts, asked, another, worst| match after_failure(attempts, asked, another, worst, MONDAY) {
        Retry::Again(at) => Some(at.0 - MONDAY.0),
        Retry::GiveUp => None,
    };
    let pause = |attempts, asked, another| of(attempts, asked, another, Severity::Warning);
    assert_eq!(of(1, None, true, Severity::Alarm), None, "an alarm goes by the next medium at once");
    assert_eq!(of(1, None, false, Severity::Alarm), Some(5_000));
    assert_eq!(pause(1, None, true), Some(5_000));
    assert_eq!(pause(2, None, true), None);
    let pauses: Vec<_> = (1..=10).map(|n| pause(n, None, false)).collect();
    assert!(pauses.iter().take(9).all(Option::is_some));
    assert_eq!(pauses[9], None);
    assert_eq!(pause(1, Some(30_000), true), Some(30_000));
    assert_eq!(pause(1, Some(i64::MAX), true), Some(900_000));
    assert_eq!(pause(u32::MAX, Some(-5), false), None);
}

#[test]
fn five_failures_in_a_row_are_down_and_one_success_is_up() {
    let mut health = Health::default();
    for n in 1..=6 {
        health = health.after(false, MONDAY.plus_ms(n));
        assert_eq!(health.is_down(), n >= 5);
    }
    assert_eq!(health.down_since, Some(MONDAY.plus_ms(5)));
    assert_eq!(health.after(true, MONDAY), Health::default());
}
