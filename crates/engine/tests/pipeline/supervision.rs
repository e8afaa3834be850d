//! Silence, signs of life, lines, unknown terminals.

use bus::intake::LineEvent;
use bus::{Intake, LiveKind};
use domain::access::Scope;
use domain::alarm::AlarmState;
use domain::hazard::{Hazard, Severity};
use domain::place::{Admission, Protocol};
use domain::status::Status;
use store::Page;

use crate::world::{OFFLINE_MS, T0, World, at_s, wait};

const OFFLINE_S: i64 = OFFLINE_MS / 1000;

#[tokio::test]
async fn silence_is_a_fault_and_a_word_ends_it() {
    let world = World::new().await;
    world.measure(0, 20).await;
    world.wait_for_alarm_at(OFFLINE_S).await;
    let alarm = world.alarms().await.remove(0);
    assert_eq!(
        (alarm.hazard, alarm.severity, alarm.raised_at),
        (Hazard::Offline, Severity::Fault, at_s(OFFLINE_S))
    );
    let status = || world.engine.memory().detector(world.detector).unwrap().status;
    assert_eq!(status(), Status::Offline);

    let mut events = world.watch();
    let back = OFFLINE_S + 100;
    world.clock.set(at_s(back));
    let heard = Intake::Heard { terminal: world.terminal, at: at_s(back), signal: Some(17), firmware: None };
    world.intake.send(heard).await.unwrap();
    wait(&mut events, |kind| matches!(kind, LiveKind::Alarm { .. })).await;
    let alarm = world.alarms().await.remove(0);
    assert_eq!((alarm.state, alarm.returned_at), (AlarmState::ReturnedUnacknowledged, Some(at_s(back))));
    assert_eq!(status(), Status::Normal);
    let terminal = world.engine.store().terminals().get(&Scope::platform(), world.terminal).await.unwrap();
    assert_eq!(terminal.signal, Some(17));
}

#[tokio::test]
async fn after_a_restart_every_detector_gets_one_period_to_speak() {
    let world = World::new().await;
    world.measure(0, 20).await;
    let restarted = 10 * OFFLINE_S;
    let world = world.restart(at_s(restarted)).await;
    assert_eq!(world.alarms().await, []);
    let known = world.engine.memory().detector(world.detector).unwrap();
    assert_eq!((known.status, known.state.last_heard()), (Status::Normal, Some(at_s(0))));
    world.wait_for_alarm_at(restarted + OFFLINE_S).await;
    let alarm = world.alarms().await.remove(0);
    assert_eq!((alarm.hazard, alarm.raised_at), (Hazard::Offline, at_s(restarted + OFFLINE_S)));
}

#[tokio::test]
async fn a_detector_never_heard_is_unknown_then_offline() {
    let world = World::new().await;
    let status = || world.engine.memory().detector(world.detector).unwrap().status;
    assert_eq!(status(), Status::Unknown);
    world.wait_for_alarm_at(OFFLINE_S).await;
    assert_eq!(status(), Status::Offline);
}

#[tokio::test]
async fn what_happens_to_a_line_is_kept_and_told() {
    let world = World::new().await;
    let mut events = world.watch();
    let remote = "192.0.2.9:4000".to_owned();
    for event in [
        LineEvent::Connected,
        LineEvent::Replaced { previous_remote: "192.0.2.8:1".to_owned() },
        LineEvent::IccidChanged { pinned: "1".to_owned(), seen: "2".to_owned() },
        LineEvent::Disconnected("closed by the device".to_owned()),
    ] {
        let line = Intake::Line { terminal: world.terminal, at: at_s(1), remote: remote.clone(), event };
        world.intake.send(line).await.unwrap();
    }
    wait(&mut events, |kind| matches!(kind, LiveKind::Terminal { event: "disconnected", .. })).await;
    let page = Page { limit: 10, cursor: None };
    let kept =
        world.engine.store().terminals().events(&Scope::platform(), world.terminal, &page).await.unwrap();
    let mut names: Vec<_> = kept.items.iter().map(|event| event.event.as_str()).collect();
    names.reverse();
    assert_eq!(names, ["connected", "replaced", "iccid_changed", "disconnected"]);
    let terminal = world.engine.store().terminals().get(&Scope::platform(), world.terminal).await.unwrap();
    assert_eq!((terminal.remote, terminal.seen_iccid.as_deref()), (remote, Some("2")));
}

#[tokio::test]
async fn admission_puts_a_terminal_into_the_directory() {
    let world = World::new().await;
    let entry = world.engine.directory().terminal(Protocol::Cloud7b7b, "W0001").unwrap();
    assert_eq!((entry.admission, entry.detectors.len()), (Admission::Admitted, 1));
    assert_eq!(entry.pinned_iccid.as_deref(), Some("89860000000000000001"));
    assert!(world.engine.memory().detector(world.detector).unwrap().binding.settings_version > 0);
    assert_eq!(world.engine.started_at().0, T0 - 600_000);
}
