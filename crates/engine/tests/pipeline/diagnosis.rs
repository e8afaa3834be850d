//! The platform's own look at weeks of history: what it keeps, that it comes out the same again, and that a restart
//! loses nothing.

use bus::LiveKind;
use domain::access::Scope;
use domain::diagnosis::{Kind, Strength};
use store::Page;
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
