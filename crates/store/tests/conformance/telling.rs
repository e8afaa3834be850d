//! The record of telling people: once, scoped, recovered, forgotten; addresses that are gone; links that work once.

use domain::access::{Role, Scope};
use domain::hazard::Severity;
use domain::id::{AlarmId, DeliveryId, DigestId, LadderId, MediumId, RouteId, SiteId, UserId};
use domain::telling::Health;
use domain::time::UnixMs;
use serde_json::json;
use store::accounts::GrantDraft;
use store::telling::{
    AttemptEnd, ContactDraft, DeliveryDraft, DigestRow, DigestState, LinkDraft, NewNotice, SetDraft, SetKind,
    SetPatch, TellingWrite,
};
use store::{Store, StoreError};

use crate::world::{Backend, MINUTE, NOW, World, account_draft};

fn draft(organisation: Option<domain::id::OrganisationId>) -> SetDraft {
    SetDraft {
        organisation_id: organisation,
        name: "x".to_owned(),
        enabled: true,
        rank: 0,
        body: r#"{"v":1,"secret":"hidden"}"#.to_owned(),
        shown: json!({"secret": true}),
    }
}

fn digest(id: i64, account: UserId) -> DigestRow {
    DigestRow {
        id: DigestId(id),
        account_id: account,
        site_id: Some(SiteId(id)),
        worst: Severity::Alarm,
        opened_at: NOW,
        due_at: NOW,
        closed_at: None,
        state: DigestState::Gathering.code().to_owned(),
        media: "[1]".to_owned(),
    }
}

fn notice(alarm: i64, account: UserId, digest: i64) -> NewNotice {
    NewNotice {
        account,
        alarm: Some(AlarmId(alarm)),
        about: None,
        round: 1,
        route: Some(RouteId(1)),
        ladder: Some(LadderId(1)),
        step: 0,
        why: "{}".to_owned(),
        digest: Some(DigestId(digest)),
    }
}

/// A digest on its way by one mail; returns the delivery.
async fn on_its_way(store: &Store, account: UserId, address: &str) -> DeliveryId {
    let telling = store.telling();
    let write = TellingWrite {
        digests: vec![digest(1, account)],
        notices: vec![notice(7, account, 1), notice(7, account, 1)],
        ..TellingWrite::default()
    };
    telling.commit(&write, NOW).await.unwrap();
    let delivery = DeliveryDraft {
        medium: MediumId(1),
        address_kind: "email",
        address: address.to_owned(),
        shared: false,
    };
    telling.dispatch(&[(DigestId(1), DigestState::Sending, vec![delivery])], NOW).await.unwrap();
    let due = telling.deliveries_due(MediumId(1), NOW, 10).await.unwrap();
    assert_eq!((due.len(), due[0].attempts), (1, 0));
    due[0].id
}

fn end(attempt: i64, delivery: DeliveryId, outcome: &'static str) -> AttemptEnd {
    AttemptEnd {
        attempt,
        delivery,
        digest: DigestId(1),
        medium: MediumId(1),
        outcome,
        detail: Some("said so".to_owned()),
        reference: None,
        again_at: None,
        next: Vec::new(),
        digest_state: Some(DigestState::Failed),
        health: Some(Health { failures: 5, down_since: Some(NOW) }),
    }
}

#[tokio::test]
async fn what_is_set_is_its_organisations_and_leaves_no_secret_in_the_log() {
    for backend in Backend::ALL {
        let world = World::new(backend).await;
        let (telling, actor) = (world.store.telling(), &world.actor);
        let east = &world.east;
        let made = telling
            .create(&east.scope, actor, NOW, SetKind::Medium, &draft(Some(east.organisation)))
            .await
            .unwrap();
        for scope in [&world.west.scope, &world.nothing] {
            assert!(telling.list(scope, SetKind::Medium).await.unwrap().is_empty());
            let hidden = telling.get(scope, SetKind::Medium, made.id).await;
            assert!(matches!(hidden, Err(StoreError::NotFound { .. })));
            let shown = json!({});
            let hidden = telling.delete(scope, actor, NOW, SetKind::Medium, made.id, &shown).await;
            assert!(matches!(hidden, Err(StoreError::NotFound { .. })));
            let stolen =
                telling.create(scope, actor, NOW, SetKind::Route, &draft(Some(east.organisation))).await;
            assert!(matches!(stolen, Err(StoreError::Invalid { field: "organisation_id", .. })));
        }
        // The platform's own are for who sees everything.
        assert!(telling.list(&east.scope, SetKind::Ladder).await.unwrap().is_empty());
        assert_eq!(telling.list(&world.everything, SetKind::Ladder).await.unwrap().len(), 1);
        let patch = SetPatch {
            name: "y".to_owned(),
            enabled: false,
            rank: 2,
            body: made.body.clone(),
            shown_before: json!({"secret": true}),
            shown: json!({"secret": true}),
            version: 1,
        };
        let changed =
            telling.change(&east.scope, actor, NOW, SetKind::Medium, made.id, &patch).await.unwrap();
        assert_eq!((changed.version, changed.name.as_str(), changed.enabled), (2, "y", false));
        let stale = telling.change(&east.scope, actor, NOW, SetKind::Medium, made.id, &patch).await;
        assert!(matches!(stale, Err(StoreError::Conflict { .. })));
        let audit = world.store.audit();
        let (filter, page) = (store::audit::AuditFilter::default(), store::Page::default());
        let entries = audit.list(&world.everything, &filter, &page).await.unwrap().items;
        assert_eq!(entries.iter().filter(|entry| entry.object_kind == "medium").count(), 2);
        assert!(entries.iter().all(|entry| !format!("{entry:?}").contains("hidden")));
    }
}

#[tokio::test]
async fn a_crash_repeats_what_was_under_way_once_and_a_gone_address_is_removed() {
    for backend in Backend::ALL {
        let mut world = World::new(backend).await;
        let me = world.store.accounts().credentials("root").await.unwrap().unwrap().id;
        let (telling, wanted) = (world.store.telling(), draft(None));
        let medium = telling.create(&world.everything, &world.actor, NOW, SetKind::Medium, &wanted).await;
        assert_eq!(medium.unwrap().id, 1);
        let contact = ContactDraft {
            email: Some("a@example.cn".to_owned()),
            phone: Some("+8613800138000".to_owned()),
            quiet: None,
            version: 0,
        };
        let set =
            world.store.telling().set_contact(&Scope::platform(), &world.actor, NOW, me, &contact).await;
        assert_eq!(set.unwrap().version, 1);
        let delivery = on_its_way(&world.store, me, "a@example.cn").await;
        let begun = world.store.telling().begin_attempts(&[delivery], &[], NOW).await.unwrap();
        assert!(world.store.telling().deliveries_due(MediumId(1), NOW, 10).await.unwrap().is_empty());
        world.reopen(store::Options::default()).await;
        let telling = world.store.telling();
        assert_eq!(telling.recover(NOW.plus_ms(1)).await.unwrap(), 1);
        assert_eq!(telling.recover(NOW.plus_ms(1)).await.unwrap(), 0);
        let due = telling.deliveries_due(MediumId(1), NOW.plus_ms(1), 10).await.unwrap();
        assert_eq!((due.len(), due[0].attempts), (1, 1));
        let again = telling.begin_attempts(&[delivery], &[], NOW.plus_ms(2)).await.unwrap();
        assert_ne!(begun, again);
        telling.end_attempts(&[end(again[0], delivery, "gone")], NOW.plus_ms(3)).await.unwrap();
        let after = telling.own_contact(me).await.unwrap();
        assert_eq!((after.email, after.phone.as_deref()), (None, Some("+8613800138000")));
        let health = telling.media_health().await.unwrap();
        assert_eq!((health[0].failures, health[0].down_since), (5, Some(NOW)));
        assert_eq!(telling.digest(DigestId(1)).await.unwrap().state, "failed");
        // Of the two notices of the same step one is kept.
        assert_eq!(telling.told(&[AlarmId(7)]).await.unwrap(), [(AlarmId(7), 1, me)]);
        assert!(!telling.forget(NOW, 10).await.unwrap());
        assert_eq!(telling.told(&[AlarmId(7)]).await.unwrap().len(), 1, "not old enough");
        assert!(telling.forget(NOW.plus_ms(MINUTE), 1).await.unwrap(), "one was found, there may be more");
        assert!(telling.told(&[AlarmId(7)]).await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn a_link_works_once_and_proves_its_address() {
    for backend in Backend::ALL {
        let world = World::new(backend).await;
        let mut account = account_draft("reader");
        account.grants = vec![GrantDraft {
            role: Role::Owner,
            organisation_id: Some(world.east.organisation),
            area_code: None,
        }];
        let made =
            world.store.accounts().create(&world.everything, &world.actor, NOW, &account).await.unwrap();
        let (me, telling) = (made.account.id, world.store.telling());
        let contact =
            ContactDraft { email: Some("a@example.cn".to_owned()), phone: None, quiet: None, version: 0 };
        let far = telling.set_contact(&world.west.scope, &world.actor, NOW, me, &contact).await;
        assert!(matches!(far, Err(StoreError::NotFound { .. })));
        telling.set_contact(&world.east.scope, &world.actor, NOW, me, &contact).await.unwrap();
        let delivery = on_its_way(&world.store, me, "a@example.cn").await;
        let link = LinkDraft {
            hash: vec![7; 32],
            digest: DigestId(1),
            account: me,
            address_kind: "email".to_owned(),
            address: "a@example.cn".to_owned(),
            expires_at: NOW.plus_ms(MINUTE),
        };
        telling.begin_attempts(&[delivery], &[link], NOW).await.unwrap();
        assert_eq!(telling.link(&[8; 32]).await.unwrap(), None);
        let (one, two) = tokio::join!(telling.use_link(&[7; 32], NOW), telling.use_link(&[7; 32], NOW));
        assert_eq!(u8::from(one.unwrap()) + u8::from(two.unwrap()), 1, "of two at once one wins");
        assert_eq!(telling.own_contact(me).await.unwrap().email_verified_at, Some(NOW));
        telling.give_link_back(&[7; 32]).await.unwrap();
        assert!(!telling.use_link(&[7; 32], NOW.plus_ms(MINUTE)).await.unwrap(), "it has run out");
        assert_eq!(telling.forget_links(UnixMs(i64::MAX)).await.unwrap(), 1);
    }
}
