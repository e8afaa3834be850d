//! One-time codes: begun, confirmed, used up in the order of time, taken away with their secret.

use domain::access::Role;
use store::StoreError;
use store::accounts::GrantDraft;

use crate::world::{Backend, MINUTE, NOW, World, account_draft};

#[tokio::test]
async fn a_step_is_used_up_once_and_takes_those_before_it_along() {
    for backend in Backend::ALL {
        let mut world = World::new(backend).await;
        let actor = world.actor.clone();
        let me = world.store.accounts().credentials("root").await.unwrap().unwrap().id;
        let codes = world.store.one_time_codes();
        assert_eq!(codes.of(me).await.unwrap(), None);
        assert!(!codes.use_up(&actor, NOW, me, 10).await.unwrap());
        codes.begin(&actor, NOW, me, b"first").await.unwrap();
        codes.begin(&actor, NOW.plus_ms(1), me, b"second").await.unwrap();
        assert!(!codes.use_up(&actor, NOW, me, 10).await.unwrap(), "not confirmed");
        let stale = codes.confirm(&actor, NOW, me, b"first", 10).await;
        assert!(matches!(stale, Err(StoreError::NotFound { .. })));
        let account = codes.confirm(&actor, NOW.plus_ms(2), me, b"second", 10).await.unwrap();
        assert!(account.account.one_time_codes);
        let twice = codes.confirm(&actor, NOW.plus_ms(2), me, b"second", 11).await;
        assert!(matches!(twice, Err(StoreError::NotFound { .. })));
        let over = codes.begin(&actor, NOW.plus_ms(3), me, b"third").await;
        assert!(matches!(over, Err(StoreError::InUse { .. })));
        for (step, fresh) in [(10, false), (12, true), (12, false), (11, false), (13, true)] {
            assert_eq!(codes.use_up(&actor, NOW.plus_ms(MINUTE), me, step).await.unwrap(), fresh, "{step}");
        }
        world.reopen(store::Options::default()).await;
        let codes = world.store.one_time_codes();
        let known = codes.of(me).await.unwrap().unwrap();
        assert_eq!((known.last_step, known.confirmed_at), (Some(13), Some(NOW.plus_ms(2))));
        assert!(!format!("{known:?}").contains("secret"), "{known:?}");
        assert!(!codes.remove_own(&actor, NOW, me).await.unwrap().account.one_time_codes);
        assert_eq!(codes.of(me).await.unwrap(), None, "the secret is gone");
        assert!(matches!(codes.remove_own(&actor, NOW, me).await, Err(StoreError::NotFound { .. })));
        assert!(world.store.audit().verify(&world.everything).await.unwrap().first_broken.is_none());
    }
}

#[tokio::test]
async fn only_who_manages_the_whole_account_takes_its_codes_away() {
    for backend in Backend::ALL {
        let world = World::new(backend).await;
        let (store, actor) = (&world.store, &world.actor);
        let mut draft = account_draft("operator");
        draft.grants = vec![GrantDraft {
            role: Role::Operator,
            organisation_id: Some(world.east.organisation),
            area_code: None,
        }];
        let id = store.accounts().create(&world.everything, actor, NOW, &draft).await.unwrap().account.id;
        let codes = store.one_time_codes();
        codes.begin(actor, NOW, id, b"secret").await.unwrap();
        codes.confirm(actor, NOW, id, b"secret", 1).await.unwrap();
        for scope in [&world.west.scope, &world.nothing] {
            let hidden = codes.reset(scope, actor, NOW, id).await;
            assert!(matches!(hidden, Err(StoreError::NotFound { .. })), "{hidden:?}");
        }
        let after = codes.reset(&world.east.scope, actor, NOW, id).await.unwrap();
        assert!(!after.account.one_time_codes);
    }
}
