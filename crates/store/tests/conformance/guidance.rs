//! Guidance: whose text holds where, versions, and ticks, in one's own scope only.

use domain::guidance::{Guidance, Language};
use domain::hazard::{Hazard, Severity};
use domain::id::AlarmId;
use store::StoreError;
use store::guidance::{CheckDraft, GuidanceChange};
use store::organisations::OrganisationDraft;

use crate::world::{Backend, NOW, World, alarms, raised};

fn text(owner: &str) -> Option<Guidance> {
    Some(Guidance { owner: vec![owner.to_owned()], electrician: vec!["测".to_owned()] })
}

#[tokio::test]
async fn a_text_holds_for_those_below_and_each_version_only_once() {
    for backend in Backend::ALL {
        let world = World::new(backend).await;
        let (store, actor, east) = (world.store.guidance(), &world.actor, &world.east);
        let change = |version, text| GuidanceChange {
            organisation: east.organisation,
            hazard: Hazard::Overload,
            language: Language::ZhCn,
            text,
            version,
        };
        for scope in [&world.west.scope, &world.nothing] {
            let refused = store.change(scope, actor, NOW, &change(0, text("外人"))).await;
            assert!(matches!(refused, Err(StoreError::NotFound { what: "organisation" })), "{refused:?}");
            assert!(store.of_organisation(scope, east.organisation, None).await.is_err());
        }
        store.change(&east.scope, actor, NOW, &change(0, text("东"))).await.unwrap();
        let stale = store.change(&east.scope, actor, NOW, &change(0, text("迟"))).await;
        assert!(matches!(stale, Err(StoreError::Conflict { current: 1, wanted: 0, .. })), "{stale:?}");
        let below = OrganisationDraft {
            name: "分店".to_owned(),
            parent_id: Some(east.organisation),
            kind: "company".to_owned(),
        };
        let below = world.store.organisations().create(&east.scope, actor, NOW, &below).await.unwrap().id;
        let (_, rows) = store.of_organisation(&east.scope, below, Some(Hazard::Overload)).await.unwrap();
        assert_eq!(rows.iter().map(|row| row.text().unwrap()).collect::<Vec<_>>(), [text("东")]);
        store.change(&east.scope, actor, NOW, &change(1, None)).await.unwrap();
        let (_, rows) = store.of_organisation(&east.scope, below, None).await.unwrap();
        assert_eq!((rows[0].text().unwrap(), rows[0].version), (None, 2), "the version rises on");
        world.store.organisations().delete(&east.scope, actor, NOW, below).await.unwrap();
        assert!(world.store.audit().verify(&world.everything).await.unwrap().first_broken.is_none());
    }
}

#[tokio::test]
async fn ticks_stay_with_the_alarm_in_ones_own_scope() {
    for backend in Backend::ALL {
        let world = World::new(backend).await;
        let (store, actor, east) = (world.store.guidance(), &world.actor, &world.east);
        let write = raised(1, east, Hazard::Overload, Severity::Warning, NOW);
        world.store.commit(&alarms(vec![write])).await.unwrap();
        let tick =
            |place, done| CheckDraft { place, done, words: "测".to_owned(), language: Language::ZhCn };
        for scope in [&world.west.scope, &world.nothing] {
            let refused = store.check(scope, actor, NOW, AlarmId(1), &tick(1, true)).await;
            assert!(matches!(refused, Err(StoreError::NotFound { what: "alarm" })), "{refused:?}");
            assert!(store.of_alarm(scope, AlarmId(1)).await.is_err());
        }
        for (place, done) in [(1, true), (1, true), (2, false), (1, false), (1, true)] {
            store.check(&east.scope, actor, NOW, AlarmId(1), &tick(place, done)).await.unwrap();
        }
        let (_, ticks) = store.of_alarm(&east.scope, AlarmId(1)).await.unwrap();
        let kept: Vec<_> = ticks.iter().map(|tick| (tick.place, tick.done)).collect();
        assert_eq!(kept, [(1, true), (1, false), (1, true)], "what changes nothing is not kept");
        assert_eq!(ticks[0].actor_name, actor.name);
    }
}
