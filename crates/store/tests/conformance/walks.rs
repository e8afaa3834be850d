//! Walks: kept once, in order, in one's own scope only.

use domain::id::ChannelId;
use store::walks::WalkDraft;
use store::{Page, StoreError};

use crate::world::{Backend, HOUR, NOW, World};

#[tokio::test]
async fn walks_are_kept_once_and_seen_in_ones_own_scope_only() {
    for backend in Backend::ALL {
        let mut world = World::new(backend).await;
        let (detector, actor, east) = (world.east.detector, world.actor.clone(), world.east.scope.clone());
        let channels = world.store.detectors().channels(&east, detector).await.unwrap();
        let residual =
            channels.iter().find(|one| one.quantity == domain::quantity::Quantity::ResidualCurrent);
        let draft = |began: i64| WalkDraft {
            channel: residual.unwrap().id,
            alarm: None,
            began_at: NOW.plus_ms(began),
            ended_at: NOW.plus_ms(began + HOUR),
            body: r#"{"v":1}"#.to_owned(),
        };
        let walks = world.store.walks();
        for scope in [&world.west.scope, &world.nothing] {
            let refused = walks.keep(scope, &actor, NOW, detector, &draft(0)).await;
            assert!(matches!(refused, Err(StoreError::NotFound { .. })), "{refused:?}");
        }
        let other = WalkDraft { channel: ChannelId(999_999), ..draft(0) };
        let refused = walks.keep(&east, &actor, NOW, detector, &other).await;
        assert!(matches!(refused, Err(StoreError::Invalid { .. })), "{refused:?}");
        let first = walks.keep(&east, &actor, NOW, detector, &draft(0)).await.unwrap();
        let again = walks.keep(&east, &actor, NOW.plus_ms(HOUR), detector, &draft(0)).await.unwrap();
        assert_eq!(again, first);
        let second = walks.keep(&east, &actor, NOW, detector, &draft(HOUR)).await.unwrap();
        world.reopen(store::Options::default()).await;

        let walks = world.store.walks();
        let page = Page::first(10);
        let seen = walks.list(&east, detector, None, &page).await.unwrap().items;
        assert_eq!(seen, [second, first]);
        for scope in [&world.west.scope, &world.nothing] {
            assert!(walks.list(scope, detector, None, &page).await.is_err());
        }
        assert!(world.store.audit().verify(&world.everything).await.unwrap().first_broken.is_none());
    }
}
