//! What incidents are made of is read and decided in one's own scope only.

use domain::hazard::{Hazard, Severity};
use domain::id::AlarmId;
use domain::incident::Decision;
use store::audit::AuditFilter;
use store::{Page, StoreError};

use crate::world::{Backend, HOUR, NOW, World, alarms, closed, raised};

#[tokio::test]
async fn open_and_recent_alarms_and_decisions_are_read_in_ones_own_scope() {
    for backend in Backend::ALL {
        let world = World::new(backend).await;
        let store = world.store.incidents();
        let old = raised(3, &world.east, Hazard::OverVoltage, Severity::Warning, NOW.plus_ms(-2 * HOUR));
        let writes = vec![
            raised(1, &world.east, Hazard::Offline, Severity::Fault, NOW.plus_ms(-2 * HOUR)),
            raised(2, &world.west, Hazard::Offline, Severity::Fault, NOW),
            closed(old, NOW),
            closed(raised(4, &world.east, Hazard::ResidualCurrent, Severity::Warning, NOW), NOW),
            raised(5, &world.east, Hazard::Overload, Severity::Warning, NOW),
        ];
        world.store.commit(&alarms(writes)).await.unwrap();
        let all = store.facts(&world.everything, NOW).await.unwrap();
        assert_eq!(
            all.alarms.iter().map(|row| row.id.0).collect::<Vec<_>>(),
            [1, 2, 4],
            "3 is long over, 5 has no company"
        );
        assert_eq!(all.alarms.iter().map(|row| row.fact().open).collect::<Vec<_>>(), [true, true, false]);
        assert!(all.alarms.iter().all(|row| row.panel_id.is_some() && !row.incoming));
        assert_eq!(all.population.iter().map(|line| line.detectors).collect::<Vec<_>>(), [1, 1]);
        let east = store.facts(&world.east.scope, NOW).await.unwrap();
        assert_eq!(east.alarms.iter().map(|row| row.id.0).collect::<Vec<_>>(), [1, 4]);
        assert_eq!(east.population.len(), 1);
        assert!(store.facts(&world.nothing, NOW).await.unwrap().alarms.is_empty());

        let join = Decision { alarm: AlarmId(1), with: Some(AlarmId(2)) };
        for scope in [&world.east.scope, &world.west.scope, &world.nothing] {
            let refused = store.decide(scope, &world.actor, NOW, join, None).await;
            assert!(matches!(refused, Err(StoreError::NotFound { what: "alarm" })), "{refused:?}");
        }
        let itself = Decision { alarm: AlarmId(1), with: Some(AlarmId(1)) };
        let refused = store.decide(&world.everything, &world.actor, NOW, itself, None).await;
        assert!(matches!(refused, Err(StoreError::Invalid { .. })), "{refused:?}");
        store.decide(&world.everything, &world.actor, NOW, join, None).await.unwrap();
        let apart = Decision { alarm: AlarmId(1), with: None };
        store.decide(&world.east.scope, &world.actor, NOW, apart, None).await.unwrap();
        assert_eq!(
            store.facts(&world.everything, NOW).await.unwrap().decisions,
            [apart],
            "the last one holds"
        );
        let entries =
            world.store.audit().list(&world.everything, &AuditFilter::default(), &Page::first(2)).await;
        let said: Vec<_> = entries.unwrap().items.into_iter().map(|entry| entry.action).collect();
        assert_eq!(said, ["alarm.split", "alarm.join"]);
        // 2 and 4 are joined to 1; when 1 leaves they stay together.
        let with = |alarm, other| Decision { alarm: AlarmId(alarm), with: Some(AlarmId(other)) };
        for joined in [with(2, 1), with(4, 1)] {
            store.decide(&world.everything, &world.actor, NOW, joined, None).await.unwrap();
        }
        store.decide(&world.everything, &world.actor, NOW, apart, Some(AlarmId(2))).await.unwrap();
        let decisions = store.facts(&world.everything, NOW).await.unwrap().decisions;
        assert_eq!(decisions, [apart, with(4, 2)]);
    }
}
