//! The platform's own look at weeks of history: what it keeps, that it comes out the same again, and that a restart
//! loses nothing.

use bus::LiveKind;
use domain::access::Scope;
use domain::alarm::{AlarmState, Verdict};
use domain::diagnosis::{Kind, Strength};
use domain::hazard::{Hazard, Severity};
use store::Page;
use store::alarms::AlarmRow;
use store::findings::{FindingFilter, FindingRow};

use crate::world::{World, at_s, operator, wait};

const DAY_S: i64 = 86_400;
const HALF_HOUR_S: i64 = 1_800;

/// Half-hourly readings of the days from `from` up to before `to`: leakage by day and by night, rising by 2.5 mA a day.
async fn leak(world: &World, from: i64, to: i64) {
    for day in from..to {
        world.clock.set(at_s(day * DAY_S));
        let mut last = None;
        for half_hour in 0..48 {
            let seconds = day * DAY_S + half_hour * HALF_HOUR_S;
            let by_day = if (4..26).contains(&half_hour) { 15 } else { 0 };
            let wobble = (half_hour * 7 + day * 11) % 5;
            let ma = 40 + by_day + wobble + day * 5 / 2;
            last = Some(world.send(world.residual(seconds, ma)).await);
        }
        let told = last.expect("48 readings").await;
        assert!(told.is_ok(), "day {day}: {told:?}");
    }
}

async fn findings(world: &World, filter: FindingFilter) -> Vec<FindingRow> {
    let page = Page { limit: 50, cursor: None };
    world.engine.store().findings().list(&Scope::platform(), &filter, &page).await.expect("a list").items
}

#[tokio::test]
async fn a_finding_is_kept_by_the_platform_and_comes_out_the_same_again() {
    let world = World::new().await;
    leak(&world, 0, 21).await;
    // The job looks whenever its day has come; before three weeks there is nothing to see.
    let mut events = world.watch();
    leak(&world, 21, 43).await;
    world.clock.set(at_s(43 * DAY_S + 6 * 3_600));
    wait(&mut events, |kind| matches!(kind, LiveKind::Changed { what: "findings" })).await;
    world.engine.diagnosis().look(world.detector).await.expect("a look");
    let found = findings(&world, FindingFilter { standing: Some(true), ..FindingFilter::default() }).await;
    assert_eq!(found.len(), 1, "{found:?}");
    let first = &found[0];
    assert_eq!((first.kind, first.strength), (Kind::AgeingInsulation, Strength::Strong));
    assert!(first.confidence > 0.99);
    assert_eq!(foretold(&world).await, [], "the limit is too far away to wake anybody");
    let due = world.engine.store().findings().due(world.engine.now(), 10).await.expect("a list");
    assert_eq!(due, [], "once a day");

    let all = Scope::platform();
    let desk = world.engine.diagnosis();
    let again = desk.replay(&all, first.id).await.expect("it can be read");
    assert!(again.same, "kept {:?}, again {:?}", again.kept, again.again);
    assert!(again.kept.figure("rise").is_some_and(|ma| (60.0..80.0).contains(&ma)), "{:?}", again.kept);

    // Days later, after a restart, it is still what it was then.
    let world = world.restart(at_s(43 * DAY_S + 7 * 3_600)).await;
    leak(&world, 44, 47).await;
    let again = world.engine.diagnosis().replay(&all, first.id).await.expect("it can be read");
    assert!(again.same, "after a restart and three days more");
    world.engine.diagnosis().look(world.detector).await.expect("a look");
    let found = findings(&world, FindingFilter::default()).await;
    assert_eq!(found.len(), 1, "the same finding stands on: {found:?}");
    assert!(found[0].last_seen_at > first.last_seen_at && found[0].first_seen_at == first.first_seen_at);

    let dismissed = world
        .engine
        .diagnosis()
        .dismiss(&all, &operator(1), first.id, Some("已更换线缆"))
        .await
        .expect("kept");
    assert_eq!(dismissed.dismissed_by.as_deref(), Some("operator 1"));
    assert_eq!(world.audit("finding.dismiss").await.len(), 1);
    let open = FindingFilter { dismissed: Some(false), ..FindingFilter::default() };
    assert!(findings(&world, open).await.is_empty());
    let steps = world.engine.store().findings().steps(&all, first.id).await.expect("steps");
    let steps: Vec<&str> = steps.iter().map(|step| step.event.as_str()).collect();
    assert_eq!((steps.first(), steps.last()), (Some(&"found"), Some(&"dismissed")));
}

async fn foretold(world: &World) -> Vec<AlarmRow> {
    world.alarms().await.into_iter().filter(|alarm| alarm.hazard.is_predicted()).collect()
}

/// Leakage that rises by 4 mA a day to just below the warning level, four weeks from the alarm level.
async fn leak_soon(world: &World) {
    for day in 0..43 {
        world.clock.set(at_s(day * DAY_S));
        let mut last = None;
        for half_hour in 0..48 {
            let seconds = day * DAY_S + half_hour * HALF_HOUR_S;
            let ma = 20 + (half_hour * 7 + day * 11) % 5 + day * 4 + half_hour / 12;
            last = Some(world.send(world.residual(seconds, ma)).await);
        }
        let told = last.expect("48 readings").await;
        assert!(told.is_ok(), "day {day}: {told:?}");
    }
    world.clock.set(at_s(43 * DAY_S + 6 * 3_600));
    world.engine.diagnosis().look(world.detector).await.expect("a look");
}

#[tokio::test]
async fn what_is_foretold_soon_is_one_alarm_that_ends_with_its_finding() {
    let world = World::new().await;
    leak_soon(&world).await;
    let found = findings(&world, FindingFilter { standing: Some(true), ..FindingFilter::default() }).await;
    assert_eq!(found.len(), 1, "{found:?}");
    let alarms = foretold(&world).await;
    assert_eq!(alarms.len(), 1, "{alarms:?}");
    let alarm = &alarms[0];
    assert_eq!(
        (alarm.hazard, alarm.severity, alarm.state, alarm.reported_by_device),
        (Hazard::PredictedInsulation, Severity::Warning, AlarmState::Unacknowledged, false)
    );
    let all = Scope::platform();
    let told = world.engine.store().outbox_after(0, 100).await.expect("the outbox");
    assert_eq!(told.iter().filter(|row| row.alarm == alarm.id).count(), 1, "it wakes somebody once");
    let cause = world.engine.diagnosis().cause_of(&all, alarm).await.expect("it can be read");
    assert_eq!(cause.map(|finding| finding.id), Some(found[0].id));

    // Looks of later days, and a restart, make no second one.
    let world = world.restart(at_s(43 * DAY_S + 7 * 3_600)).await;
    world.engine.diagnosis().look(world.detector).await.expect("a look");
    assert_eq!(foretold(&world).await.len(), 1);

    // It is an alarm like others: on the shelf and back.
    let desk = world.engine.alarms();
    let shelved =
        desk.shelve(&all, &operator(1), alarm.id, 3_600_000, "待检修".to_owned()).await.expect("shelved");
    assert!(shelved.aside.is_some());
    desk.unshelve(&all, &operator(1), alarm.id).await.expect("back");

    // What a person finds goes back to the finding, and the alarm ends with it.
    let note = Some("新装设备，自身泄漏".to_owned());
    desk.judge(&all, &operator(1), alarm.id, Verdict::Nuisance, note, true).await.expect("judged");
    let ended = foretold(&world).await;
    assert_eq!((ended.len(), ended[0].state), (1, AlarmState::Closed));
    let found = findings(&world, FindingFilter::default()).await;
    assert_eq!(found[0].dismiss_reason.as_deref(), Some("新装设备，自身泄漏"));
    world.engine.diagnosis().look(world.detector).await.expect("a look");
    assert_eq!(foretold(&world).await.len(), 1, "a refuted finding wakes nobody again");

    // Taken back, it is told again; true, it is written down beside the finding.
    world.engine.diagnosis().dismiss(&all, &operator(1), found[0].id, None).await.expect("restored");
    let again = foretold(&world).await;
    let open: Vec<_> = again.iter().filter(|alarm| alarm.state != AlarmState::Closed).collect();
    assert_eq!((again.len(), open.len()), (2, 1));
    desk.judge(&all, &operator(1), open[0].id, Verdict::TrueHazard, None, true).await.expect("judged");
    let steps = world.engine.store().findings().steps(&all, found[0].id).await.expect("steps");
    assert_eq!(steps.last().map(|step| step.event.as_str()), Some("confirmed"));

    // The line is mended: the finding is gone after days without it, and so is the alarm.
    for day in 44..75 {
        world.clock.set(at_s(day * DAY_S));
        let mut last = None;
        for half_hour in 0..48 {
            let seconds = day * DAY_S + half_hour * HALF_HOUR_S;
            last = Some(world.send(world.residual(seconds, 20 + half_hour % 5)).await);
        }
        assert!(last.expect("48 readings").await.is_ok());
    }
    world.clock.set(at_s(75 * DAY_S + 6 * 3_600));
    world.engine.diagnosis().look(world.detector).await.expect("a look");
    let after = foretold(&world).await;
    assert!(after.iter().all(|alarm| !alarm.state.is_present()), "{after:?}");
}
