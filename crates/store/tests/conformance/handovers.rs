//! Shift hand-overs: offered, taken over by another person, seen by who may see all of it, never changed.

use domain::access::Scope;
use domain::id::UserId;
use store::handovers::{HandoverDraft, HandoverFilter, HandoverState};
use store::{Actor, ActorKind, Page, StoreError};

use crate::world::{Backend, HOUR, NOW, World};

fn somebody(id: i64) -> Actor {
    Actor { kind: ActorKind::User(UserId(id)), name: format!("值班员 {id}"), remote: String::new() }
}

fn draft(to: Option<i64>) -> HandoverDraft {
    HandoverDraft {
        to: to.map(|id| (UserId(id), format!("值班员 {id}"))),
        since: NOW.plus_ms(-HOUR),
        remarks: "  等复测  ".to_owned(),
        snapshot: r#"{"v":1}"#.to_owned(),
    }
}

fn code<T: std::fmt::Debug>(said: Result<T, StoreError>) -> &'static str {
    match said {
        Err(StoreError::Invalid { code, .. }) => code,
        Err(StoreError::NotFound { .. }) => "not_found",
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_shift_is_handed_once_and_taken_by_who_it_was_offered_to() {
    for backend in Backend::ALL {
        let world = World::new(backend).await;
        let (all, handovers) = (&world.everything, world.store.handovers());
        let (one, two, three) = (UserId(1), UserId(2), UserId(3));
        let offered = handovers.offer(all, &somebody(1), NOW, one, &draft(Some(2))).await.unwrap();
        assert_eq!((offered.state(), offered.remarks.as_str()), (HandoverState::Waiting, "等复测"));
        assert_eq!(code(handovers.offer(all, &somebody(1), NOW, one, &draft(None)).await), "waiting");
        let take = |by: UserId| {
            let actor = somebody(by.0);
            let (id, store) = (offered.id, world.store.clone());
            async move {
                store.handovers().take(&Scope::platform(), &actor, NOW.plus_ms(1), by, id, Some("收到")).await
            }
        };
        assert_eq!(code(take(one).await), "same_person");
        assert_eq!(code(take(three).await), "somebody_else");
        let taken = take(two).await.unwrap();
        assert_eq!((taken.state(), taken.taken_by), (HandoverState::Taken, Some(two)));
        assert_eq!(taken.snapshot, offered.snapshot, "what stood stays as it was");
        assert_eq!(code(take(two).await), "over");
        assert_eq!(handovers.took_over_at(two).await.unwrap(), Some(NOW.plus_ms(1)));
        assert_eq!(handovers.took_over_at(three).await.unwrap(), None);

        // Left to whoever comes, and taken back by who offered it.
        let open = handovers.offer(all, &somebody(2), NOW.plus_ms(2), two, &draft(None)).await.unwrap();
        let stranger = handovers.withdraw(all, &somebody(3), NOW.plus_ms(3), three, open.id).await;
        assert_eq!(code(stranger), "somebody_else");
        let gone = handovers.withdraw(all, &somebody(2), NOW.plus_ms(3), two, open.id).await.unwrap();
        assert_eq!(gone.state(), HandoverState::Withdrawn);

        let page = Page::first(10);
        let ids = |filter: HandoverFilter| {
            let store = world.store.clone();
            let page = page.clone();
            async move {
                let rows = store.handovers().list(&Scope::platform(), &filter, &page).await.unwrap();
                rows.items.iter().map(|row| row.id).collect::<Vec<_>>()
            }
        };
        let none = HandoverFilter::default();
        assert_eq!(ids(none).await, [open.id, offered.id]);
        assert_eq!(ids(HandoverFilter { state: Some(HandoverState::Taken), ..none }).await, [offered.id]);
        assert_eq!(ids(HandoverFilter { person: Some(one), ..none }).await, [offered.id]);
        assert_eq!(ids(HandoverFilter { since: Some(NOW.plus_ms(1)), ..none }).await, [open.id]);
        assert!(world.store.audit().verify(all).await.unwrap().first_broken.is_none());
    }
}

#[tokio::test]
async fn a_hand_over_is_seen_by_who_may_see_all_of_it() {
    for backend in Backend::ALL {
        let world = World::new(backend).await;
        let handovers = world.store.handovers();
        let everything =
            handovers.offer(&world.everything, &somebody(1), NOW, UserId(1), &draft(None)).await.unwrap();
        let east =
            handovers.offer(&world.east.scope, &somebody(2), NOW, UserId(2), &draft(None)).await.unwrap();
        let seen = |scope: &Scope| {
            let (store, scope) = (world.store.clone(), scope.clone());
            async move {
                let page = Page::first(10);
                let rows = store.handovers().list(&scope, &HandoverFilter::default(), &page).await.unwrap();
                rows.items.iter().map(|row| row.id).collect::<Vec<_>>()
            }
        };
        assert_eq!(seen(&world.everything).await, [east.id, everything.id]);
        assert_eq!(seen(&world.east.scope).await, [east.id], "a part of it is not all of it");
        for scope in [&world.west.scope, &world.nothing] {
            assert_eq!(seen(scope).await, [0; 0]);
            let taken = handovers.take(scope, &somebody(3), NOW, UserId(3), east.id, None).await;
            assert_eq!(code(taken), "not_found");
            assert_eq!(code(handovers.get(scope, east.id).await), "not_found");
        }
        let narrow =
            handovers.take(&world.east.scope, &somebody(3), NOW, UserId(3), everything.id, None).await;
        assert_eq!(code(narrow), "not_found");
    }
}
