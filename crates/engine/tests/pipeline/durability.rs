//! Confirmed means durable (invariant 1), and what is known survives a restart.

use std::time::Duration;

use bus::{LiveKind, Outcome, StorageState};
use domain::alarm::AlarmState;
use domain::condition::DetectorState;
use domain::hazard::{Hazard, Severity};
use domain::reading::{PointIndex, Quality, Sample};
use domain::status::Status;
use domain::telegram::{Telegram, TelegramDirection};
use store::Page;

use crate::world::{World, at_s, wait};

#[tokio::test]
async fn a_confirmed_reading_is_on_disk_and_in_memory() {
    let world = World::new().await;
    world.measure(0, 42).await;
    let known = world.engine.memory().detector(world.detector).unwrap();
    assert_eq!(known.state.latest(PointIndex(0)).map(|l| (l.raw, l.filed_at)), Some((42, at_s(0))));
    assert_eq!(known.status, Status::Normal);
    let stored = world.engine.store().restart().await.unwrap();
    assert_eq!(
        stored.latest.iter().map(|l| (l.detector, l.filed_at)).collect::<Vec<_>>(),
        [(world.detector, at_s(0))]
    );
    assert_eq!(stored.detectors.first().map(|d| d.status), Some(Status::Normal));
}

#[tokio::test]
async fn a_full_disk_confirms_nothing_says_so_and_recovers_by_itself() {
    let world = World::new().await;
    world.measure(0, 42).await;
    let mut events = world.watch();
    world.engine.store().set_hard_limit(Some(4096)).await.unwrap();
    // Fill what is left of the pages that are there already.
    let many = |seconds: i64, ma: i64| -> Vec<Sample> {
        let ballast = (1..12).map(|point| Sample {
            point: PointIndex(point),
            raw: seconds * 104_729,
            quality: Quality::Implausible,
        });
        let fine = Sample { point: PointIndex(0), raw: ma, quality: Quality::Good };
        std::iter::once(fine).chain(ballast).collect()
    };
    let mut refused = None;
    for seconds in 1..3_000 {
        world.clock.set(at_s(seconds));
        if world.confirm(world.reading(seconds, many(seconds, 20))).await == Outcome::Unavailable {
            refused = Some(seconds);
            break;
        }
    }
    let refused = refused.expect("the store has an end");
    assert!(world.engine.storage().state.is_stopped());
    wait(&mut events, |kind| matches!(kind, LiveKind::Storage { state: StorageState::Full, .. })).await;

    // Nothing of the refused reading is known: neither its value nor a delay that it would have started.
    let known = world.engine.memory().detector(world.detector).unwrap();
    assert_eq!(known.state.latest(PointIndex(0)).map(|l| l.filed_at), Some(at_s(refused - 1)));
    let before = known.state.clone();
    let hazard = world.reading(refused, many(refused, 600));
    assert_eq!(world.confirm(hazard.clone()).await, Outcome::Unavailable);
    assert_eq!(world.engine.memory().detector(world.detector).unwrap().state, before);

    // Room again: the device sends again, and is confirmed.
    world.engine.store().set_hard_limit(None).await.unwrap();
    assert_eq!(world.confirm(hazard).await, Outcome::Committed);
    assert!(!world.engine.storage().state.is_stopped());
    wait(&mut events, |kind| matches!(kind, LiveKind::Storage { state: StorageState::Well, .. })).await;
    world.wait_for_alarm_at(refused + 5).await;
    assert_eq!(world.the_alarm().await.raised_at, at_s(refused + 5));
}

#[tokio::test]
async fn the_disk_watch_finds_room_without_any_device_sending() {
    let world = World::new().await;
    world.engine.store().set_hard_limit(Some(4096)).await.unwrap();
    let mut seconds = 0;
    while !world.engine.storage().state.is_stopped() {
        seconds += 1;
        world.clock.set(at_s(seconds));
        let samples = (0..12).map(|point| Sample {
            point: PointIndex(point),
            raw: seconds * 104_729,
            quality: Quality::Implausible,
        });
        world.confirm(world.reading(seconds, samples.collect())).await;
    }
    let mut events = world.watch();
    world.engine.store().set_hard_limit(None).await.unwrap();
    // The watch may be looking just when time passes, and then waits for the next time.
    let time_passes = async {
        loop {
            seconds += 60;
            world.clock.set(at_s(seconds));
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::select! {
        () = wait(&mut events, |kind| matches!(kind, LiveKind::Storage { state: StorageState::Well, .. })) => {}
        () = time_passes => {}
    }
}

#[tokio::test]
async fn running_delays_latest_values_and_open_alarms_survive_a_restart() {
    let world = World::new().await;
    world.measure(0, 500).await;
    assert_eq!(world.alarms().await, []);

    // The on-delay of five seconds ends while the server is away.
    let world = world.restart(at_s(60)).await;
    let mut events = world.watch();
    world.measure(61, 510).await;
    let alarm = world.the_alarm().await;
    assert_eq!(
        (alarm.raised_at, alarm.state, alarm.severity),
        (at_s(5), AlarmState::Unacknowledged, Severity::Alarm)
    );
    wait(&mut events, |kind| matches!(kind, LiveKind::Values { .. })).await;

    let world = world.restart(at_s(120)).await;
    let known = world.engine.memory().detector(world.detector).unwrap();
    assert_eq!(known.state.latest(PointIndex(0)).map(|l| l.raw), Some(510));
    assert_eq!((known.alarms.len(), known.status), (1, Status::Alarm));
    world.measure(121, 520).await;
    let again = world.the_alarm().await;
    assert_eq!((again.id, again.worst_value), (alarm.id, Some(520.0)), "the same alarm goes on");

    // Ids go on where they were.
    world.measure(130, 10).await;
    world.wait_for_alarm_at(140).await;
    assert_eq!(world.the_alarm().await.state, AlarmState::LatchedUnacknowledged);
}

#[tokio::test]
async fn a_repeated_upload_raises_nothing_a_second_time() {
    let world = World::new().await;
    let hazard = world.residual(0, 500);
    world.clock.set(at_s(0));
    assert_eq!(world.confirm(hazard.clone()).await, Outcome::Committed);
    world.wait_for_alarm_at(5).await;
    assert_eq!(world.confirm(hazard.clone()).await, Outcome::Committed, "what is known is confirmed");
    let world = world.restart(at_s(60)).await;
    let mut late = hazard.clone();
    late.received_at = at_s(60);
    assert_eq!(world.confirm(late).await, Outcome::Committed);
    assert_eq!(world.steps(&world.the_alarm().await).await, ["raised"]);
    assert_eq!(world.engine.counters().readings_repeated.get(), 1);
}

#[tokio::test]
async fn a_hazard_in_late_data_is_recorded_once_and_opens_nothing() {
    let world = World::new().await;
    world.measure(1000, 20).await;
    let mut late = world.residual(400, 700);
    late.received_at = at_s(1000);
    assert_eq!(world.confirm(late.clone()).await, Outcome::Committed);
    let alarm = world.the_alarm().await;
    assert!(alarm.late);
    assert_eq!(
        (alarm.state, alarm.raised_at, alarm.closed_at),
        (AlarmState::Closed, at_s(400), Some(at_s(1000)))
    );
    let known = world.engine.memory().detector(world.detector).unwrap();
    assert_eq!((known.status, known.alarms.len()), (Status::Normal, 0));

    // The same upload again, also after a restart and in the company of other late data.
    assert_eq!(world.confirm(late.clone()).await, Outcome::Committed);
    let world = world.restart(at_s(1100)).await;
    let mut fine = world.residual(401, 10);
    fine.received_at = at_s(1100);
    assert_eq!(world.confirm(fine).await, Outcome::Committed);
    late.received_at = at_s(1100);
    assert_eq!(world.confirm(late).await, Outcome::Committed);
    assert_eq!(world.the_alarm().await.id, alarm.id);
}

#[tokio::test]
async fn a_late_reading_of_a_stored_moment_with_other_values_is_stored_beside_it() {
    let world = World::new().await;
    world.measure(400, 20).await;
    world.measure(1000, 21).await;
    let stored = async |world: &World| {
        let stored = world.engine.store().readings_at(&[(world.detector, 0, at_s(400))]).await.unwrap();
        stored.iter().map(|one| (one.filed_at, one.samples[0].raw)).collect::<Vec<_>>()
    };
    let mut late = world.residual(400, 33);
    late.received_at = at_s(1001);
    assert_eq!(world.confirm(late.clone()).await, Outcome::Committed);
    let both = vec![(at_s(400), 20), (at_s(400).plus_ms(1), 33)];
    assert_eq!(stored(&world).await, both);
    // Sent again it is the same reading, also after a restart.
    assert_eq!(world.confirm(late.clone()).await, Outcome::Committed);
    let world = world.restart(at_s(1100)).await;
    late.received_at = at_s(1100);
    assert_eq!(world.confirm(late).await, Outcome::Committed);
    assert_eq!(stored(&world).await, both);
    let known = world.engine.memory().detector(world.detector).unwrap();
    assert_eq!(known.state.latest(PointIndex(0)).map(|l| l.raw), Some(21), "the newest stays the newest");
}

#[tokio::test]
async fn a_soft_stop_commits_what_waits() {
    let world = World::new().await;
    world.clock.set(at_s(0));
    let mut told = Vec::new();
    for seconds in 0..200 {
        told.push(world.send(world.residual(seconds - 200, 10 + seconds % 7)).await);
    }
    world.engine.stop().await;
    for one in told {
        assert_eq!(one.await, Ok(Outcome::Committed));
    }
    let stored = world.engine.store().restart().await.unwrap();
    assert_eq!(stored.latest.first().map(|l| l.filed_at), Some(at_s(-1)));
}

#[tokio::test]
async fn the_telegram_log_keeps_what_it_is_given() {
    let world = World::new().await;
    world.telegrams.keep(Telegram {
        terminal: Some(world.terminal),
        remote: "192.0.2.1:5000".to_owned(),
        at: at_s(0),
        direction: TelegramDirection::Up,
        protocol: "cloud_7b7b".to_owned(),
        bytes: vec![0x7b, 0x7b, 0x7d, 0x7d],
        refused: None,
    });
    world.engine.stop().await;
    let log = world.engine.store().telegrams();
    let page = Page { limit: 10, cursor: None };
    let kept =
        log.of_terminal(&domain::access::Scope::platform(), world.terminal, None, &page).await.unwrap();
    assert_eq!(kept.items.len(), 1);
}

#[test]
fn the_stored_state_is_the_domains() {
    // The pipeline stores exactly what the rules give; a change of form is caught by the golden file there.
    assert_eq!(DetectorState::new(at_s(0)).to_bytes(), br#"{"v":2,"conditions":[]}"#);
    assert_eq!(Hazard::ALL.len(), 33);
}

/// Invariant 10: deciding to tell somebody is a record of its own, on disk as soon as the alarm is.
#[tokio::test]
async fn an_alarm_on_disk_has_its_outbox_entry_beside_it() {
    let world = World::new().await;
    world.measure(0, 500).await;
    assert!(world.engine.store().outbox_after(0, 10).await.unwrap().is_empty(), "nothing is raised yet");
    world.wait_for_alarm_at(5).await;
    let alarm = world.the_alarm().await;
    let waiting = world.engine.store().outbox_after(0, 10).await.unwrap();
    assert_eq!(
        waiting.iter().map(|row| (row.alarm, row.kind.as_str())).collect::<Vec<_>>(),
        [(alarm.id, "alarm_raised")]
    );
    assert!(
        waiting.iter().all(|row| row.payload.get("v").is_some()),
        "every payload says its version: {waiting:?}"
    );
}

#[tokio::test]
async fn uploads_that_were_committed_and_not_confirmed_raise_nothing_when_they_come_again() {
    let world = World::new().await;
    // Both are on disk, then the server dies before the device reads a confirmation.
    let sent: Vec<_> = (0..2).map(|seconds| world.residual(seconds, 500 + seconds)).collect();
    for reading in &sent {
        world.clock.set(reading.received_at);
        assert_eq!(world.confirm(reading.clone()).await, Outcome::Committed);
    }
    let world = world.restart(at_s(3)).await;
    for reading in &sent {
        let again = domain::reading::Reading { received_at: at_s(3), ..reading.clone() };
        assert_eq!(world.confirm(again).await, Outcome::Committed);
    }
    world.wait_for_alarm_at(5).await;
    let alarms = world.alarms().await;
    let told: Vec<_> = alarms.iter().map(|alarm| (alarm.raised_at, alarm.late)).collect();
    assert_eq!(told, [(at_s(5), false)], "one hazard is one alarm");
    assert_eq!(world.engine.counters().readings_repeated.get(), 2);
    assert_eq!(world.engine.counters().readings_late.get(), 0);
}
