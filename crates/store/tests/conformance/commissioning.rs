//! Commissioning records and wiring checks: scope, order, which detectors are due.

use store::commissioning::{CommissioningDraft, WiringCheckDraft};
use store::{Page, StoreError};

use crate::world::{Backend, DAY, HOUR, NOW, World};

fn record(result: &'static str) -> CommissioningDraft {
    CommissioningDraft {
        result,
        remarks: "接线已复核".to_owned(),
        facts: r#"{"version":1}"#.to_owned(),
        duration_s: Some(95),
    }
}

fn check(findings: usize) -> WiringCheckDraft {
    WiringCheckDraft { from: NOW, until: NOW.plus_ms(DAY), findings, report: r#"{"version":1}"#.to_owned() }
}

#[tokio::test]
async fn records_and_checks_are_kept_and_seen_in_ones_own_scope_only() {
    for backend in Backend::ALL {
        let mut world = World::new(backend).await;
        let detector = world.east.detector;
        let actor = world.actor.clone();
        let desk = world.store.commissioning();
        for scope in [&world.west.scope, &world.nothing] {
            let refused = desk.keep(scope, &actor, NOW, detector, &record("passed")).await;
            assert!(matches!(refused, Err(StoreError::NotFound { .. })), "{refused:?}");
            let refused = desk.keep_check(scope, Some(&actor), NOW, detector, &check(0)).await;
            assert!(matches!(refused, Err(StoreError::NotFound { .. })), "{refused:?}");
        }
        let east = &world.east.scope;
        desk.keep(east, &actor, NOW, detector, &record("remarks")).await.unwrap();
        let second = desk.keep(east, &actor, NOW.plus_ms(HOUR), detector, &record("passed")).await.unwrap();
        let by_hand =
            desk.keep_check(east, Some(&actor), NOW.plus_ms(DAY), detector, &check(2)).await.unwrap();
        assert_eq!((by_hand.automatic, by_hand.asked_by.as_str(), by_hand.findings), (false, "Root", 2));
        let own = desk.keep_check(&world.everything, None, NOW.plus_ms(2 * DAY), detector, &check(0)).await;
        assert_eq!(own.map(|row| (row.automatic, row.asked_by)).unwrap(), (true, String::new()));
        world.reopen(store::Options::default()).await;

        let desk = world.store.commissioning();
        let page = Page::first(10);
        let records = desk.records(&world.east.scope, detector, &page).await.unwrap().items;
        assert_eq!(records.iter().map(|row| row.result.as_str()).collect::<Vec<_>>(), ["passed", "remarks"]);
        assert_eq!((records[0].duration_s, records[0].facts.as_str()), (Some(95), r#"{"version":1}"#));
        let checks = desk.checks(&world.east.scope, detector, &page).await.unwrap().items;
        assert_eq!(checks.iter().map(|row| row.findings).collect::<Vec<_>>(), [0, 2]);
        for scope in [&world.west.scope, &world.nothing] {
            assert!(desk.records(scope, detector, &page).await.is_err());
            assert!(desk.checks(scope, detector, &page).await.is_err());
            assert!(desk.commissioned(scope, false, &page).await.unwrap().items.is_empty());
        }
        let seen = desk.commissioned(&world.east.scope, false, &page).await.unwrap().items;
        assert_eq!((seen.len(), seen[0].commissioning_id, seen[0].findings), (1, second.id, Some(0)));
        assert!(desk.commissioned(&world.east.scope, true, &page).await.unwrap().items.is_empty());
        assert!(world.store.audit().verify(&world.everything).await.unwrap().first_broken.is_none());
    }
}

#[tokio::test]
async fn a_detector_is_due_until_its_wiring_was_checked_after_its_newest_record() {
    for backend in Backend::ALL {
        let world = World::new(backend).await;
        let (desk, all, actor) = (world.store.commissioning(), &world.everything, &world.actor);
        let (east, west) = (world.east.detector, world.west.detector);
        desk.keep(all, actor, NOW.plus_ms(HOUR), west, &record("passed")).await.unwrap();
        desk.keep(all, actor, NOW, east, &record("passed")).await.unwrap();
        assert_eq!(desk.due(NOW.plus_ms(HOUR), 10).await.unwrap(), [east, west], "the oldest first");
        assert_eq!(desk.due(NOW, 10).await.unwrap(), [east]);
        assert_eq!(desk.due(NOW.plus_ms(HOUR), 1).await.unwrap(), [east]);
        desk.keep_check(all, None, NOW.plus_ms(DAY), east, &check(0)).await.unwrap();
        assert_eq!(desk.due(NOW.plus_ms(DAY), 10).await.unwrap(), [west]);
        desk.keep(all, actor, NOW.plus_ms(2 * DAY), east, &record("remarks")).await.unwrap();
        assert_eq!(desk.due(NOW.plus_ms(3 * DAY), 10).await.unwrap(), [west, east], "wired anew");
    }
}
