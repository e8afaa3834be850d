//! Invariant 8: whoever asks gets what lies in their scope, and the rest is not there for them.

use domain::access::Scope;
use domain::hazard::{Hazard, Severity};
use domain::id::AlarmId;
use domain::settings::{LimitPatch, ScopeKind, ScopeRef};
use domain::status::Status;
use domain::telegram::{Telegram, TelegramDirection};
use store::alarms::{AlarmFilter, AlarmSort};
use store::audit::AuditFilter;
use store::circuits::PanelDraft;
use store::detectors::{DetectorFilter, DetectorPatch, DetectorSort};
use store::history::{CurveAsk, History};
use store::overview::Part;
use store::sites::{SiteFilter, SitePatch, SiteSort};
use store::terminals::PendingFilter;
use store::{Batch, Page, StoreError};

use crate::world::{Backend, HOUR, NOW, World, alarms, raised, reading, scope_of, site_draft, unknown};

fn is_missing<T: std::fmt::Debug>(result: Result<T, StoreError>) -> bool {
    matches!(result, Err(StoreError::NotFound { .. }))
}

/// What a scope sees of the world of `filled`, counted per repository.
async fn seen(world: &World, scope: &Scope) -> Vec<(&'static str, usize)> {
    let store = &world.store;
    let page = Page::default();
    let part = Part::default();
    let counts = store.overview().counts(scope, &part).await.unwrap();
    let waiting = store.overview().waiting(scope, &part).await.unwrap();
    let count = |number: i64| usize::try_from(number).unwrap();
    vec![
        (
            "sites",
            store
                .sites()
                .list(scope, &SiteFilter::default(), SiteSort::Name, &page)
                .await
                .unwrap()
                .items
                .len(),
        ),
        (
            "detectors",
            store
                .detectors()
                .list(scope, &DetectorFilter::default(), DetectorSort::Name, &page)
                .await
                .unwrap()
                .items
                .len(),
        ),
        (
            "alarms",
            store
                .alarms()
                .list(scope, &AlarmFilter::default(), AlarmSort::Priority, &page)
                .await
                .unwrap()
                .items
                .len(),
        ),
        ("export", store.alarms().export(scope, &AlarmFilter::default(), 100).await.unwrap().len()),
        ("by ids", store.alarms().by_ids(scope, &[AlarmId(1), AlarmId(2)]).await.unwrap().len()),
        ("counted sites", count(counts.sites)),
        ("counted detectors", count(counts.detectors)),
        ("unacknowledged", count(waiting.unacknowledged)),
        ("raised", count(store.overview().raised_between(scope, &part, NOW, NOW.plus_ms(1)).await.unwrap())),
        ("worst", store.overview().worst(scope, &part, 10).await.unwrap().len()),
        ("areas", store.overview().by_area(scope, &part).await.unwrap().len()),
        ("map", store.overview().map(scope, &part).await.unwrap().len()),
        ("by hazard", store.overview().by_hazard(scope, &part).await.unwrap().len()),
        ("profiles", store.detectors().by_profile(scope).await.unwrap().len()),
    ]
}

async fn filled(backend: Backend) -> World {
    let world = World::new(backend).await;
    let telegram = Telegram {
        terminal: Some(world.east.terminal),
        remote: "192.0.2.7:4000".to_owned(),
        at: NOW,
        direction: TelegramDirection::Up,
        protocol: "cloud_7b7b".to_owned(),
        bytes: vec![0x7b, 0x7b],
        refused: None,
    };
    world.store.telegrams().append(&[telegram]).await.unwrap();
    let batch = Batch {
        readings: vec![reading(world.east.detector, NOW, 1), reading(world.west.detector, NOW, 2)],
        statuses: vec![(world.east.detector, Status::Alarm), (world.west.detector, Status::Warning)],
        ..alarms(vec![
            raised(1, &world.east, Hazard::ResidualCurrent, Severity::Alarm, NOW),
            raised(2, &world.west, Hazard::OverTemperature, Severity::Warning, NOW),
        ])
    };
    world.store.commit(&batch).await.unwrap();
    world
}

#[tokio::test]
async fn lists_and_counts_hold_the_scope_and_nothing_else() {
    for backend in Backend::ALL {
        let world = filled(backend).await;
        for (what, many) in seen(&world, &world.everything).await {
            let wanted = if what == "profiles" { 1 } else { 2 };
            assert_eq!(many, wanted, "{what} for everything");
        }
        for (what, many) in seen(&world, &world.nothing).await {
            assert_eq!(many, 0, "{what} for nobody");
        }
        let district = scope_of(None, Some(&world.east.area));
        let both = scope_of(Some(&world.east.path), Some(&world.east.area));
        for scope in [&world.east.scope, &world.west.scope, &district, &both] {
            for (what, many) in seen(&world, scope).await {
                assert_eq!(many, 1, "{what} for {scope:?}");
            }
        }
        // The right company in the wrong district is nothing.
        let crossed = scope_of(Some(&world.east.path), Some(&world.west.area));
        for (what, many) in seen(&world, &crossed).await {
            assert_eq!(many, 0, "{what} for a company where it has nothing");
        }
        // The city holds its districts.
        let city = scope_of(None, Some(&crate::world::area("430200")));
        assert_eq!(seen(&world, &city).await[0].1, 2);
    }
}

#[tokio::test]
async fn a_neighbour_finds_nothing_by_its_id() {
    for backend in Backend::ALL {
        let world = filled(backend).await;
        let store = &world.store;
        let page = Page::default();
        let east = &world.east;
        for scope in [&world.west.scope, &world.nothing] {
            assert!(is_missing(store.sites().get(scope, east.site).await));
            assert!(is_missing(store.sites().tree(scope, east.site).await));
            assert!(is_missing(store.detectors().get(scope, east.detector).await));
            assert!(is_missing(store.detectors().channels(scope, east.detector).await));
            assert!(is_missing(store.detectors().channel(scope, east.channels[1]).await));
            assert!(is_missing(store.alarms().get(scope, AlarmId(1)).await));
            assert!(is_missing(store.alarms().transitions(scope, AlarmId(1)).await));
            assert!(is_missing(store.terminals().get(scope, east.terminal).await));
            assert!(is_missing(store.terminals().events(scope, east.terminal, &page).await));
            assert!(is_missing(store.telegrams().of_terminal(scope, east.terminal, None, &page).await));
            assert!(is_missing(store.telegrams().of_detector(scope, east.detector, None, &page).await));
            assert!(is_missing(store.telegrams().of_all(scope, None, &page).await));
            assert!(is_missing(store.organisations().get(scope, east.organisation).await));
            for (kind, id) in [
                (ScopeKind::Organisation, east.organisation.0),
                (ScopeKind::Site, east.site.0),
                (ScopeKind::Detector, east.detector.0),
                (ScopeKind::Channel, east.channels[1].0),
            ] {
                let target = ScopeRef { kind, id: id.to_string() };
                assert!(is_missing(store.settings().levels(scope, &target, None).await), "{kind:?}");
            }
            let ask = CurveAsk {
                channels: vec![east.channels[1]],
                from: NOW.plus_ms(-HOUR),
                to: NOW.plus_ms(HOUR),
                points: 100,
                gap_after_ms: HOUR,
                now: NOW,
            };
            assert!(is_missing(store.curve(scope, &ask).await));
        }
        let telegrams = store.telegrams().of_detector(&east.scope, east.detector, None, &page).await.unwrap();
        assert_eq!(telegrams.items[0].bytes, vec![0x7b, 0x7b]);
    }
}

#[tokio::test]
async fn a_neighbour_changes_nothing() {
    for backend in Backend::ALL {
        let world = filled(backend).await;
        let (store, actor) = (&world.store, &world.actor);
        let east = &world.east;
        let audited = store.audit().verify(&world.everything).await.unwrap().entries;
        for scope in [&world.west.scope, &world.nothing] {
            let patch = SitePatch { name: Some("x".to_owned()), version: 1, ..SitePatch::default() };
            assert!(is_missing(store.sites().change(scope, actor, NOW, east.site, &patch).await));
            assert!(is_missing(store.sites().delete(scope, actor, NOW, east.site).await));
            let panel = PanelDraft { name: "x".to_owned(), location: String::new() };
            assert!(is_missing(store.circuits().create_panel(scope, actor, NOW, east.site, &panel).await));
            let patch = DetectorPatch { name: Some("x".to_owned()), version: 1, ..DetectorPatch::default() };
            assert!(is_missing(store.detectors().change(scope, actor, NOW, east.detector, &patch).await));
            assert!(is_missing(store.detectors().delete(scope, actor, NOW, east.detector).await));
            assert!(is_missing(store.terminals().accept_iccid(scope, actor, NOW, east.terminal).await));
            assert!(is_missing(store.organisations().delete(scope, actor, NOW, east.organisation).await));
            for target in [
                ScopeRef { kind: ScopeKind::Platform, id: "0".to_owned() },
                ScopeRef { kind: ScopeKind::Profile, id: "asj".to_owned() },
                ScopeRef { kind: ScopeKind::Organisation, id: east.organisation.to_string() },
                ScopeRef { kind: ScopeKind::Detector, id: east.detector.to_string() },
            ] {
                let patch = LimitPatch { warning: Some(100.0), ..LimitPatch::default() };
                let put = store
                    .settings()
                    .put_limits(scope, actor, NOW, &target, Hazard::ResidualCurrent, &patch, 0)
                    .await;
                assert!(is_missing(put), "{target:?}");
            }
            let draft = site_draft("x", east.organisation, &east.area);
            assert!(store.sites().create(scope, actor, NOW, &draft).await.is_err());
        }
        assert_eq!(
            store.audit().verify(&world.everything).await.unwrap().entries,
            audited,
            "no trace of a refusal"
        );
        // The owner may, and may not give it to the neighbour.
        let patch =
            SitePatch { organisation_id: Some(world.west.organisation), version: 1, ..SitePatch::default() };
        let given = store.sites().change(&east.scope, actor, NOW, east.site, &patch).await;
        assert!(matches!(given, Err(StoreError::Invalid { field: "organisation_id", .. })), "{given:?}");
        let patch = SitePatch { name: Some("新名".to_owned()), version: 1, ..SitePatch::default() };
        assert_eq!(
            store.sites().change(&east.scope, actor, NOW, east.site, &patch).await.unwrap().name,
            "新名"
        );
    }
}

#[tokio::test]
async fn the_audit_log_shows_each_company_its_own() {
    for backend in Backend::ALL {
        let world = filled(backend).await;
        let page = Page::first(500);
        let audit = world.store.audit();
        let all = audit.list(&world.everything, &AuditFilter::default(), &page).await.unwrap().items;
        let own = audit.list(&world.east.scope, &AuditFilter::default(), &page).await.unwrap().items;
        assert!(!own.is_empty() && own.len() < all.len());
        assert!(
            own.iter().all(|entry| entry.organisation_path.as_deref() == Some(world.east.path.0.as_str()))
        );
        assert!(audit.list(&world.nothing, &AuditFilter::default(), &page).await.unwrap().items.is_empty());
        assert!(is_missing(audit.verify(&world.east.scope).await));
    }
}

#[tokio::test]
async fn a_waiting_terminal_is_seen_by_who_names_it() {
    for backend in Backend::ALL {
        let world = filled(backend).await;
        let store = &world.store;
        store.terminals().seen_unknown(&[unknown("P1", NOW), unknown("P2", NOW)]).await.unwrap();
        let page = Page::default();
        for (scope, serial, wanted) in [
            (&world.everything, None, 2),
            (&world.everything, Some("p"), 2),
            (&world.everything, Some("P2"), 1),
            (&world.east.scope, None, 0),
            (&world.east.scope, Some("P"), 0),
            (&world.east.scope, Some("P1"), 1),
            (&world.nothing, Some("P1"), 0),
        ] {
            let filter = PendingFilter { refused: false, serial: serial.map(str::to_owned) };
            let found = store.terminals().pending(scope, &filter, &page).await.unwrap();
            assert_eq!(found.items.len(), wanted, "{serial:?} for {scope:?}");
        }
        let waiting = store.overview().waiting(&world.everything, &Part::default()).await.unwrap();
        assert_eq!(waiting.pending_terminals, 2);
    }
}
