//! The life of alarms beside what is measured: shelves, maintenance, suppression by design, ringing again, and what a
//! restart makes of it.

use domain::access::Scope;
use domain::alarm::{AlarmState, Aside, Refusal, Verdict};
use domain::hazard::{Hazard, Severity};
use domain::maintenance::WindowTarget;
use domain::reading::{PointIndex, Reported};
use engine::EngineError;
use store::StoreError;
use store::alarms::AlarmRow;
use store::maintenance::{WindowChange, WindowDraft};

use crate::world::{World, at_s, operator};

const HOUR_S: i64 = 3_600;

/// The kinds of what was to be told, in order.
async fn told(world: &World) -> Vec<String> {
    let entries = world.engine.store().outbox_after(0, 100).await.expect("the outbox");
    entries.into_iter().map(|entry| entry.kind).collect()
}

fn window(target: WindowTarget, from_s: i64, to_s: i64) -> WindowDraft {
    WindowDraft {
        target,
        starts_at: at_s(from_s),
        ends_at: at_s(to_s),
        weekly_until: None,
        covers_alarms: false,
        reason: "换柜".to_owned(),
    }
}

/// An alarm of residual current that is present.
async fn present_alarm(world: &World) -> AlarmRow {
    world.measure(0, 900).await;
    world.wait_for_alarm_at(60).await;
    world.the_alarm().await
}

#[tokio::test]
async fn a_shelf_ends_by_itself_and_what_is_still_there_is_told_again() {
    let world = World::new().await;
    let alarm = present_alarm(&world).await;
    let all = Scope::platform();
    let desk = world.engine.alarms();
    let no_reason = desk.shelve(&all, &operator(1), alarm.id, 600_000, " ".to_owned()).await;
    assert!(matches!(no_reason, Err(EngineError::Invalid(fields)) if fields[0].field == "reason"));
    let too_long = desk.shelve(&all, &operator(1), alarm.id, 25 * 3_600_000, "x".to_owned()).await;
    assert!(matches!(too_long, Err(EngineError::Invalid(fields)) if fields[0].field == "minutes"));
    let shelved = desk.shelve(&all, &operator(1), alarm.id, 600_000, "探头送检".to_owned()).await.unwrap();
    let wanted = Aside::Shelved {
        since: at_s(60),
        until: at_s(660),
        reason: "探头送检".to_owned(),
        by: "operator 1".to_owned(),
    };
    assert_eq!(shelved.aside, Some(wanted.clone()));
    assert_eq!(told(&world).await, ["alarm_raised"]);

    let world = world.restart(at_s(120)).await;
    assert_eq!(world.the_alarm().await.aside, Some(wanted), "a restart changes nothing");
    world.wait_for_alarm_at(660).await;
    let back = world.the_alarm().await;
    assert_eq!((back.aside, back.state), (None, AlarmState::Unacknowledged));
    assert_eq!(told(&world).await, ["alarm_raised", "alarm_unshelved"]);
    assert_eq!(world.steps(&alarm).await, ["raised", "shelved", "unshelved"]);
    assert_eq!(world.audit("alarm.shelve").await.len(), 1);
}

#[tokio::test]
async fn a_shelf_that_ended_while_the_server_was_away_ends_at_the_start() {
    let world = World::new().await;
    let alarm = present_alarm(&world).await;
    let all = Scope::platform();
    world.engine.alarms().shelve(&all, &operator(1), alarm.id, 600_000, "x".to_owned()).await.unwrap();
    let world = world.restart(at_s(700)).await;
    assert_eq!(world.the_alarm().await.aside, None);
    assert_eq!(told(&world).await, ["alarm_raised", "alarm_unshelved"]);
}

#[tokio::test]
async fn unshelving_by_hand_tells_again_and_is_refused_twice() {
    let world = World::new().await;
    let alarm = present_alarm(&world).await;
    let all = Scope::platform();
    let desk = world.engine.alarms();
    desk.acknowledge(&all, &operator(1), alarm.id, None).await.unwrap();
    desk.shelve(&all, &operator(1), alarm.id, 600_000, "x".to_owned()).await.unwrap();
    let back = desk.unshelve(&all, &operator(2), alarm.id).await.unwrap();
    assert_eq!((back.aside, back.state), (None, AlarmState::Unacknowledged));
    let again = desk.unshelve(&all, &operator(2), alarm.id).await;
    assert!(matches!(again, Err(EngineError::Refused(Refusal::NotShelved))));
    assert_eq!(told(&world).await, ["alarm_raised", "alarm_unshelved"]);
}

#[tokio::test]
async fn maintenance_records_and_tells_nobody_until_it_is_over() {
    let world = World::new().await;
    let all = Scope::platform();
    let mut draft = window(WindowTarget::Site(world.site), 0, HOUR_S);
    draft.covers_alarms = true;
    world.engine.maintenance().create(&all, &operator(1), &draft).await.unwrap();
    let alarm = present_alarm(&world).await;
    assert!(matches!(alarm.aside, Some(Aside::Maintenance { until, .. }) if until == at_s(HOUR_S)));
    assert_eq!(told(&world).await, [""; 0]);
    assert_eq!(world.steps(&alarm).await, ["raised", "suppressed"]);
    let shelve = world.engine.alarms().shelve(&all, &operator(1), alarm.id, 60_000, "x".to_owned()).await;
    assert!(matches!(shelve, Err(EngineError::Refused(Refusal::SetAside))));

    let world = world.restart(at_s(1_800)).await;
    assert!(world.the_alarm().await.aside.is_some(), "a restart changes nothing");
    world.measure(1_810, 950).await;
    assert_eq!(world.the_alarm().await.current_value, Some(950.0), "readings are kept as ever");
    world.wait_for_alarm_at(HOUR_S).await;
    assert_eq!(world.the_alarm().await.aside, None);
    assert_eq!(told(&world).await, ["alarm_unsuppressed"]);
}

#[tokio::test]
async fn an_alarm_about_the_circuit_breaks_through_a_window_that_does_not_name_it() {
    let world = World::new().await;
    let all = Scope::platform();
    let draft = window(WindowTarget::Detector(world.detector), 0, HOUR_S);
    world.engine.maintenance().create(&all, &operator(1), &draft).await.unwrap();
    let alarm = present_alarm(&world).await;
    assert_eq!((alarm.severity, alarm.aside), (Severity::Alarm, None));
    assert_eq!(told(&world).await, ["alarm_raised"]);
}

#[tokio::test]
async fn a_window_takes_what_is_open_when_it_begins_and_gives_it_back_when_it_is_ended() {
    let world = World::new().await;
    let all = Scope::platform();
    let alarm = present_alarm(&world).await;
    let mut draft = window(WindowTarget::Detector(world.detector), 300, HOUR_S);
    draft.covers_alarms = true;
    let row = world.engine.maintenance().create(&all, &operator(1), &draft).await.unwrap();
    assert_eq!(world.the_alarm().await.aside, None, "it has not begun");
    world.wait_for_alarm_at(300).await;
    assert!(world.the_alarm().await.aside.is_some());
    world.engine.maintenance().end(&all, &operator(2), row.id).await.unwrap();
    assert_eq!(world.the_alarm().await.aside, None);
    assert_eq!(told(&world).await, ["alarm_raised", "alarm_unsuppressed"]);
    assert_eq!(world.steps(&alarm).await, ["raised", "suppressed", "unsuppressed"]);
    assert_eq!(world.audit("maintenance").await.len(), 2);
}

#[tokio::test]
async fn a_window_over_the_area_covers_what_is_in_it_and_follows_when_it_is_changed() {
    let world = World::new().await;
    let all = Scope::platform();
    let alarm = present_alarm(&world).await;
    let target = WindowTarget::Area { area: alarm.area_code.clone(), organisation: None };
    let mut draft = window(target, 0, HOUR_S);
    draft.covers_alarms = true;
    let row = world.engine.maintenance().create(&all, &operator(1), &draft).await.unwrap();
    assert!(
        matches!(world.the_alarm().await.aside, Some(Aside::Maintenance { until, .. }) if until == at_s(HOUR_S))
    );
    let mut change = WindowChange {
        starts_at: draft.starts_at,
        ends_at: at_s(2 * HOUR_S),
        weekly_until: None,
        covers_alarms: true,
        reason: "改期".to_owned(),
        version: row.version,
    };
    let desk = world.engine.maintenance();
    let changed = desk.change(&all, &operator(2), row.id, &change).await.unwrap();
    assert_eq!((changed.version, changed.changed_by.as_deref()), (2, Some("operator 2")));
    assert!(
        matches!(world.the_alarm().await.aside, Some(Aside::Maintenance { until, .. }) if until == at_s(2 * HOUR_S))
    );
    let stale = desk.change(&all, &operator(1), row.id, &change).await;
    assert!(matches!(stale, Err(EngineError::Store(StoreError::Conflict { .. }))), "{stale:?}");
    change.version = 2;
    let begun = WindowChange { starts_at: at_s(60), ..change.clone() };
    let begun = desk.change(&all, &operator(1), row.id, &begun).await;
    assert!(matches!(begun, Err(EngineError::Store(StoreError::Invalid { code: "begun", .. }))), "{begun:?}");
    change.covers_alarms = false;
    desk.change(&all, &operator(1), row.id, &change).await.unwrap();
    assert_eq!(world.the_alarm().await.aside, None, "an alarm about the circuit is told again");
    assert_eq!(world.audit("maintenance").await.len(), 3);
}

#[tokio::test]
async fn a_lost_supply_explains_the_silence_that_follows() {
    let world = World::new().await;
    let mut reading = world.residual(0, 20);
    reading.reported =
        vec![Reported { point: None, hazard: Hazard::SupplyLost, severity: Some(Severity::Fault) }];
    world.clock.set(at_s(0));
    world.confirm(reading).await;
    world.wait_for_alarm_at(20).await;
    world.wait_for_alarm_at(crate::world::OFFLINE_MS / 1000 + 1).await;
    let alarms = world.alarms().await;
    let of = |hazard| alarms.iter().find(|alarm| alarm.hazard == hazard).expect("it is open");
    assert_eq!(of(Hazard::SupplyLost).aside, None);
    assert!(matches!(of(Hazard::Offline).aside, Some(Aside::Design { cause: Hazard::SupplyLost, .. })));
    assert_eq!(told(&world).await, ["alarm_raised"]);
}

#[tokio::test]
async fn what_was_acknowledged_and_stays_rings_again() {
    let world = World::new().await;
    let alarm = present_alarm(&world).await;
    let all = Scope::platform();
    world.engine.alarms().acknowledge(&all, &operator(1), alarm.id, None).await.unwrap();
    let world = world.restart(at_s(120)).await;
    let again_s = 60 + 4 * HOUR_S;
    // The detector goes on speaking, so that it is not silence that wakes the pipeline.
    for at_s in [3_600, 7_200, 10_800, again_s - 60] {
        world.measure(at_s, 900).await;
    }
    assert_eq!(world.the_alarm().await.state, AlarmState::Acknowledged);
    world.wait_for_alarm_at(again_s).await;
    assert_eq!(world.the_alarm().await.state, AlarmState::Unacknowledged);
    assert_eq!(told(&world).await, ["alarm_raised", "alarm_realarmed"]);
}

#[tokio::test]
async fn a_false_alarm_is_judged_and_taken_with_one_act() {
    let world = World::new().await;
    let alarm = world.held_alarm().await;
    let all = Scope::platform();
    let note = Some("电焊".to_owned());
    let desk = world.engine.alarms();
    let judged = desk.judge(&all, &operator(1), alarm.id, Verdict::Works, note, true).await.unwrap();
    assert_eq!(
        (judged.state, judged.verdict, judged.verdict_note.as_deref()),
        (AlarmState::LatchedAcknowledged, Some(Verdict::Works), Some("电焊"))
    );
    let again = desk.judge(&all, &operator(2), alarm.id, Verdict::Nuisance, None, true).await.unwrap();
    assert_eq!(again.verdict, Some(Verdict::Nuisance), "the last word counts");
    assert_eq!(world.audit("alarm.judge").await.len(), 2);
}

#[tokio::test]
async fn a_report_that_nobody_resets_at_the_device_ends_when_the_values_have_been_normal_for_a_day() {
    let world = World::new().await;
    let stuck = |at_s: i64| {
        let mut reading = world.residual(at_s, 20);
        reading.reported = vec![Reported {
            point: Some(PointIndex(0)),
            hazard: Hazard::ResidualCurrent,
            severity: Some(Severity::Alarm),
        }];
        reading
    };
    for at in [0, 1_800] {
        world.clock.set(at_s(at));
        world.confirm(stuck(at)).await;
    }
    let alarm = world.the_alarm().await;
    let all = Scope::platform();
    let end = 1_800 + 24 * HOUR_S;
    for at in (3_600..end).step_by(1_800) {
        world.clock.set(at_s(at));
        world.confirm(stuck(at)).await;
    }
    assert!(world.the_alarm().await.closed_at.is_none());
    world.engine.alarms().acknowledge(&all, &operator(1), alarm.id, None).await.unwrap();
    for at in [end, end + 1_800] {
        world.clock.set(at_s(at));
        world.confirm(stuck(at)).await;
    }
    let over = world.the_alarm().await;
    assert_eq!((over.state, over.close_reason.as_deref()), (AlarmState::Closed, Some("values_normal")));
    let steps = world.engine.store().alarms().transitions(&all, alarm.id).await.unwrap();
    let last = steps.last().unwrap();
    assert_eq!((last.actor_kind.as_str(), last.reason.as_deref()), ("system", Some("values_normal")));
}
