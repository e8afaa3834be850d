//! Findings: how they come, stand, go and are dismissed, in one's own scope only.

use domain::diagnosis::{Kind, Strength};
use domain::time::UnixMs;
use store::findings::{FindingDraft, FindingFilter, LookDraft};
use store::{Page, StoreError};

use crate::world::{Backend, DAY, NOW, World};

fn draft(kind: Kind, channel: &str, strength: Strength) -> FindingDraft {
    FindingDraft {
        kind,
        channel: channel.to_owned(),
        phase: None,
        strength,
        confidence: 0.9,
        body: r#"{"v":1}"#.to_owned(),
    }
}

fn look(until: UnixMs, findings: Vec<FindingDraft>) -> LookDraft {
    LookDraft { until, next_at: until.plus_ms(DAY), read_us: 1, think_us: 2, engine_version: 1, findings }
}

#[tokio::test]
async fn a_finding_comes_grows_and_goes_and_stays_as_history() {
    use Strength::{Strong, Weak};
    for backend in Backend::ALL {
        let world = World::new(backend).await;
        let (store, detector, all) = (world.store.findings(), world.east.detector, &world.everything);
        let day = |days: i64| NOW.plus_ms(days * DAY);
        let leak = |strength| draft(Kind::AgeingInsulation, "residual", strength);
        assert!(store.keep_look(detector, day(0), &look(day(0), vec![leak(Weak)])).await.unwrap().is_empty());
        let strong = store.keep_look(detector, day(1), &look(day(1), vec![leak(Strong)])).await.unwrap();
        assert_eq!(strong.len(), 1);
        let again = store.keep_look(detector, day(2), &look(day(2), vec![leak(Strong)])).await.unwrap();
        assert!(again.is_empty(), "it was strong before");
        // A look at an older history, two days without, then long enough without.
        store.keep_look(detector, day(1), &look(day(1), vec![])).await.unwrap();
        store.keep_look(detector, day(4), &look(day(4), vec![])).await.unwrap();
        let page = Page::first(10);
        let standing = FindingFilter { standing: Some(true), ..FindingFilter::default() };
        assert_eq!(store.list(all, &standing, &page).await.unwrap().items.len(), 1);
        store.keep_look(detector, day(5), &look(day(5), vec![])).await.unwrap();
        assert!(store.list(all, &standing, &page).await.unwrap().items.is_empty());
        let second = store.keep_look(detector, day(6), &look(day(6), vec![leak(Strong)])).await.unwrap();
        assert_ne!(second, strong, "what comes back is a new one");
        let rows = store.list(all, &FindingFilter::default(), &page).await.unwrap().items;
        assert_eq!(rows.iter().map(|row| row.gone_at).collect::<Vec<_>>(), [None, Some(day(5))]);
        let first = rows.last().unwrap();
        assert_eq!((first.first_seen_at, first.strong_since), (day(0), Some(day(1))));
        let steps = store.steps(all, first.id).await.unwrap();
        assert_eq!(steps.iter().map(|s| s.event.as_str()).collect::<Vec<_>>(), ["found", "stronger", "gone"]);
    }
}

#[tokio::test]
async fn findings_are_seen_and_dismissed_in_ones_own_scope_only() {
    for backend in Backend::ALL {
        let world = World::new(backend).await;
        let (store, actor, page) = (world.store.findings(), &world.actor, Page::first(10));
        let both = [world.east.detector, world.west.detector];
        let mut due = store.due(NOW, 10).await.unwrap();
        due.sort_unstable();
        assert_eq!(due, both, "never looked at");
        for detector in both {
            let seen = vec![draft(Kind::LooseningTerminal, "temperature_b", Strength::Strong)];
            store.keep_look(detector, NOW, &look(NOW, seen)).await.unwrap();
        }
        assert!(store.due(NOW.plus_ms(DAY - 1), 10).await.unwrap().is_empty());
        assert_eq!(store.due(NOW.plus_ms(DAY), 1).await.unwrap().len(), 1);
        let own = store.list(&world.east.scope, &FindingFilter::default(), &page).await.unwrap().items;
        assert_eq!(own.len(), 1);
        let id = own[0].id;
        for scope in [&world.west.scope, &world.nothing] {
            assert!(matches!(store.get(scope, id).await, Err(StoreError::NotFound { .. })));
            assert!(store.steps(scope, id).await.is_err());
            let refused = store.dismiss(scope, actor, NOW, id, Some("x")).await;
            assert!(matches!(refused, Err(StoreError::NotFound { .. })), "{refused:?}");
        }
        let empty = store.dismiss(&world.east.scope, actor, NOW, id, Some("  ")).await;
        assert!(matches!(empty, Err(StoreError::Invalid { .. })), "{empty:?}");
        let done = store.dismiss(&world.east.scope, actor, NOW, id, Some("换过端子")).await.unwrap();
        assert_eq!(done.dismiss_reason.as_deref(), Some("换过端子"));
        let back = store.dismiss(&world.east.scope, actor, NOW, id, None).await.unwrap();
        assert_eq!((back.dismissed_at, back.dismissed_by), (None, None));
        let kinds = FindingFilter { kinds: vec![Kind::LeakingLoad], ..FindingFilter::default() };
        assert!(store.list(&world.everything, &kinds, &page).await.unwrap().items.is_empty());
        assert!(world.store.audit().verify(&world.everything).await.unwrap().first_broken.is_none());
    }
}
