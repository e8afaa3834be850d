//! What the screens read: order, filters, pages, counts, trees.

use domain::hazard::{Hazard, Severity};
use domain::status::Status;
use domain::time::UnixMs;
use store::alarms::{AlarmFilter, AlarmSort};
use store::circuits::{CircuitPatch, PanelPatch};
use store::detectors::DetectorPatch;
use store::overview::{Handled, Part};
use store::sites::{SiteFilter, SitePatch, SiteSort};
use store::{Batch, Page, StoreError};

use crate::world::{Backend, HOUR, MINUTE, NOW, World, alarms, closed, raised, site_draft};

async fn ids(world: &World, filter: &AlarmFilter, sort: AlarmSort, limit: u32) -> Vec<i64> {
    let mut page = Page::first(limit);
    let mut found = Vec::new();
    let mut total = None;
    loop {
        let part = world.store.alarms().list(&world.everything, filter, sort, &page).await.unwrap();
        assert!(part.items.len() <= usize::try_from(limit).unwrap());
        total = total.or(part.total);
        found.extend(part.items.iter().map(|alarm| alarm.id.0));
        match part.next_cursor {
            Some(cursor) => page.cursor = Some(cursor),
            None => break,
        }
    }
    assert_eq!(total, Some(i64::try_from(found.len()).unwrap()));
    found
}

#[tokio::test]
async fn the_desk_shows_the_worst_untaken_newest_first_on_pages_of_any_size() {
    for backend in Backend::ALL {
        let world = World::new(backend).await;
        let hazards =
            [Hazard::ResidualCurrent, Hazard::OverTemperature, Hazard::OverVoltage, Hazard::Offline];
        let mut writes = vec![
            raised(1, &world.east, hazards[0], Severity::Warning, NOW),
            raised(2, &world.east, hazards[1], Severity::Alarm, NOW),
            raised(3, &world.west, hazards[1], Severity::Alarm, NOW.plus_ms(MINUTE)),
            raised(4, &world.west, hazards[2], Severity::Alarm, NOW.plus_ms(2 * MINUTE)),
            raised(5, &world.west, hazards[3], Severity::Fault, NOW.plus_ms(3 * MINUTE)),
            closed(raised(6, &world.west, hazards[0], Severity::Alarm, NOW.plus_ms(-HOUR)), NOW),
        ];
        writes[3].alarm.state = domain::alarm::AlarmState::Acknowledged;
        writes[3].alarm.acknowledged_by = Some("李四".to_owned());
        writes[5].alarm.late = true;
        world.store.commit(&alarms(writes)).await.unwrap();

        let open = AlarmFilter { open: Some(true), ..AlarmFilter::default() };
        for limit in [1, 2, 3, 5, 50] {
            assert_eq!(ids(&world, &open, AlarmSort::Priority, limit).await, [3, 2, 4, 1, 5]);
            assert_eq!(
                ids(&world, &AlarmFilter::default(), AlarmSort::RaisedDesc, limit).await,
                [5, 4, 3, 2, 1, 6]
            );
            assert_eq!(
                ids(&world, &AlarmFilter::default(), AlarmSort::RaisedAsc, limit).await,
                [6, 1, 2, 3, 4, 5]
            );
        }
        let filters = [
            (AlarmFilter { open: Some(false), ..AlarmFilter::default() }, vec![6]),
            (AlarmFilter { late: Some(true), ..AlarmFilter::default() }, vec![6]),
            (
                AlarmFilter {
                    severities: vec![Severity::Warning, Severity::Fault],
                    ..AlarmFilter::default()
                },
                vec![1, 5],
            ),
            (AlarmFilter { class: Some(domain::hazard::Class::Fault), ..AlarmFilter::default() }, vec![5]),
            (AlarmFilter { hazards: vec![hazards[1]], ..AlarmFilter::default() }, vec![2, 3]),
            (AlarmFilter { site: Some(world.east.site), ..AlarmFilter::default() }, vec![1, 2]),
            (AlarmFilter { organisation: Some(world.west.organisation), ..open.clone() }, vec![3, 4, 5]),
            (AlarmFilter { area: Some(world.east.area.clone()), ..AlarmFilter::default() }, vec![1, 2]),
            (AlarmFilter { text: Some("西城".to_owned()), ..open.clone() }, vec![3, 4, 5]),
            (AlarmFilter { text: Some("%".to_owned()), ..AlarmFilter::default() }, vec![]),
            (AlarmFilter { since: Some(NOW.plus_ms(MINUTE)), ..AlarmFilter::default() }, vec![3, 4, 5]),
            (AlarmFilter { until: Some(NOW), ..AlarmFilter::default() }, vec![6]),
            (AlarmFilter { during: Some((NOW.plus_ms(-MINUTE), NOW)), ..AlarmFilter::default() }, vec![6]),
            (
                AlarmFilter {
                    states: vec![domain::alarm::AlarmState::Acknowledged],
                    ..AlarmFilter::default()
                },
                vec![4],
            ),
        ];
        for (filter, wanted) in filters {
            let mut found = ids(&world, &filter, AlarmSort::RaisedAsc, 2).await;
            found.sort_unstable();
            assert_eq!(found, wanted, "{filter:?}");
        }
        let mut page = Page::first(2);
        let first =
            world.store.alarms().list(&world.everything, &open, AlarmSort::Priority, &page).await.unwrap();
        page.cursor = first.next_cursor;
        for (sort, cursor) in
            [(AlarmSort::RaisedAsc, page.cursor), (AlarmSort::Priority, Some("zz".to_owned()))]
        {
            let page = Page { limit: 2, cursor };
            let refused = world.store.alarms().list(&world.everything, &open, sort, &page).await;
            assert!(matches!(refused, Err(StoreError::Invalid { field: "cursor", .. })), "{refused:?}");
        }
    }
}

#[tokio::test]
async fn a_site_stands_as_its_worst_detector_and_silence_is_not_normal() {
    for backend in Backend::ALL {
        let world = World::new(backend).await;
        let store = &world.store;
        assert_eq!(
            store.sites().get(&world.everything, world.east.site).await.unwrap().status,
            Status::Unknown
        );
        for status in Status::ALL {
            let statuses = vec![(world.east.detector, status)];
            store.commit(&Batch { statuses, ..Batch::default() }).await.unwrap();
            let site = store.sites().get(&world.everything, world.east.site).await.unwrap();
            assert_eq!(site.status, status);
            let filter = SiteFilter { statuses: vec![status], ..SiteFilter::default() };
            let found = store
                .sites()
                .list(&world.everything, &filter, SiteSort::StatusDesc, &Page::default())
                .await
                .unwrap();
            assert!(found.items.iter().any(|found| found.id == world.east.site));
        }
        let list = store
            .sites()
            .list(&world.everything, &SiteFilter::default(), SiteSort::StatusDesc, &Page::first(1))
            .await
            .unwrap();
        assert_eq!((list.items[0].id, list.items[0].alarm), (world.east.site, 1));
        let page = Page { limit: 1, cursor: list.next_cursor };
        let next = store
            .sites()
            .list(&world.everything, &SiteFilter::default(), SiteSort::StatusDesc, &page)
            .await
            .unwrap();
        assert_eq!((next.items[0].id, next.next_cursor, next.total), (world.west.site, None, None));
        let counts = store.overview().counts(&world.everything, &Part::default()).await.unwrap();
        assert_eq!((counts.alarm, counts.unknown, counts.normal, counts.detectors), (1, 1, 0, 2));
    }
}

#[tokio::test]
async fn a_tree_holds_panels_circuits_detectors_channels() {
    for backend in Backend::ALL {
        let world = World::new(backend).await;
        let store = &world.store;
        let tree = store.sites().tree(&world.everything, world.east.site).await.unwrap();
        let circuit = &tree.panels[0].circuits[0];
        let node = &circuit.detectors[0];
        assert_eq!(node.detector.id, world.east.detector);
        assert_eq!(node.channels.iter().map(|channel| channel.id).collect::<Vec<_>>(), world.east.channels);
        assert_eq!(node.channels[0].point, None);
        assert!(tree.unplaced.is_empty());

        // What something hangs on stays.
        let (scope, actor) = (&world.everything, &world.actor);
        let circuits = store.circuits();
        assert!(matches!(
            circuits.delete_circuit(scope, actor, NOW, circuit.circuit.id).await,
            Err(StoreError::InUse { by: "detectors", .. })
        ));
        assert!(matches!(
            circuits.delete_panel(scope, actor, NOW, tree.panels[0].panel.id).await,
            Err(StoreError::InUse { by: "circuits", .. })
        ));
        assert!(matches!(
            store.sites().delete(scope, actor, NOW, world.east.site).await,
            Err(StoreError::InUse { by: "detectors", .. })
        ));

        // Off the circuit, then everything can go in its order.
        let version = store.settings_version();
        let patch = DetectorPatch { circuit: Some(None), version: node.detector.version, name: None };
        store.detectors().change(scope, actor, NOW, world.east.detector, &patch).await.unwrap();
        assert!(store.settings_version() > version);
        let tree = store.sites().tree(scope, world.east.site).await.unwrap();
        assert_eq!(tree.unplaced[0].detector.id, world.east.detector);
        circuits.delete_circuit(scope, actor, NOW, tree.panels[0].circuits[0].circuit.id).await.unwrap();
        circuits.delete_panel(scope, actor, NOW, tree.panels[0].panel.id).await.unwrap();
        let deleted = store.detectors().delete(scope, actor, NOW, world.east.detector).await.unwrap();
        assert!(deleted.terminal_pending, "the last detector of a terminal");
        store.sites().delete(scope, actor, NOW, world.east.site).await.unwrap();
        assert!(store.sites().get(scope, world.east.site).await.is_err());
    }
}

#[tokio::test]
async fn a_change_made_for_an_old_version_is_a_conflict() {
    for backend in Backend::ALL {
        let world = World::new(backend).await;
        let (store, scope, actor) = (&world.store, &world.everything, &world.actor);
        let tree = store.sites().tree(scope, world.east.site).await.unwrap();
        let is_conflict =
            |error: StoreError| matches!(error, StoreError::Conflict { current: 2, wanted: 1, .. });

        let patch = SitePatch { position: Some(None), version: 1, ..SitePatch::default() };
        let site = store.sites().change(scope, actor, NOW, world.east.site, &patch).await.unwrap();
        assert_eq!((site.lon, site.version), (None, 2));
        assert!(is_conflict(
            store.sites().change(scope, actor, NOW, world.east.site, &patch).await.unwrap_err()
        ));

        let panel = tree.panels[0].panel.id;
        let patch = PanelPatch { location: Some("二楼".to_owned()), version: 1, name: None };
        store.circuits().change_panel(scope, actor, NOW, panel, &patch).await.unwrap();
        assert!(is_conflict(
            store.circuits().change_panel(scope, actor, NOW, panel, &patch).await.unwrap_err()
        ));

        let circuit = tree.panels[0].circuits[0].circuit.id;
        let patch =
            CircuitPatch { rated_current_a: Some(Some(100.0)), version: 1, ..CircuitPatch::default() };
        let changed = store.circuits().change_circuit(scope, actor, NOW, circuit, &patch).await.unwrap();
        assert_eq!(changed.rated_current_a, Some(100.0));
        assert!(is_conflict(
            store.circuits().change_circuit(scope, actor, NOW, circuit, &patch).await.unwrap_err()
        ));

        let patch = DetectorPatch { name: Some("新".to_owned()), version: 1, circuit: None };
        store.detectors().change(scope, actor, NOW, world.east.detector, &patch).await.unwrap();
        let again = store.detectors().change(scope, actor, NOW, world.east.detector, &patch).await;
        assert!(is_conflict(again.unwrap_err()));
    }
}

#[tokio::test]
async fn fields_that_cannot_be_are_named() {
    for backend in Backend::ALL {
        let world = World::new(backend).await;
        let good = site_draft("店", world.east.organisation, &world.east.area);
        for (field, draft) in [
            ("name", store::sites::SiteDraft { name: "  ".to_owned(), ..good.clone() }),
            ("lon", store::sites::SiteDraft { position: Some((181.0, 0.0)), ..good.clone() }),
            ("lat", store::sites::SiteDraft { position: Some((0.0, f64::NAN)), ..good.clone() }),
            (
                "area_code",
                store::sites::SiteDraft { area_code: crate::world::area("999999"), ..good.clone() },
            ),
            (
                "organisation_id",
                store::sites::SiteDraft { organisation_id: domain::id::OrganisationId(99), ..good.clone() },
            ),
        ] {
            let refused =
                world.store.sites().create(&world.everything, &world.actor, NOW, &draft).await.unwrap_err();
            assert!(
                matches!(refused, StoreError::Invalid { field: had, .. } if had == field),
                "{field}: {refused}"
            );
        }
    }
}

#[tokio::test]
async fn a_day_knows_what_it_raised_and_what_became_of_it() {
    for backend in Backend::ALL {
        let world = World::new(backend).await;
        let mut taken = raised(1, &world.east, Hazard::ResidualCurrent, Severity::Alarm, NOW);
        taken.alarm.acknowledged_at = Some(NOW.plus_ms(5 * MINUTE));
        let over = closed(
            raised(2, &world.west, Hazard::OverTemperature, Severity::Warning, NOW.plus_ms(MINUTE)),
            NOW.plus_ms(2 * MINUTE),
        );
        let fault = raised(3, &world.west, Hazard::Offline, Severity::Fault, NOW.plus_ms(MINUTE));
        let later = raised(4, &world.west, Hazard::OverVoltage, Severity::Alarm, NOW.plus_ms(HOUR));
        world.store.commit(&alarms(vec![taken, over, fault, later])).await.unwrap();

        let until = NOW.plus_ms(HOUR);
        let overview = world.store.overview();
        let day = overview.handled_between(&world.everything, &Part::default(), NOW, until).await.unwrap();
        assert_eq!((day.alarm, day.warning, day.fault), (1, 1, 1));
        assert_eq!((day.acknowledged, day.closed, day.to_acknowledge_ms), (1, 1, 5 * MINUTE));
        let none =
            overview.handled_between(&world.everything, &Part::default(), UnixMs(0), NOW).await.unwrap();
        assert_eq!(none, Handled::default());
    }
}
