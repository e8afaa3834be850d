//! Admission of terminals, and the platform's view of them.

use domain::place::{Admission, Protocol};
use store::StoreError;
use store::admission::{AdmitDetector, CircuitChoice, DetectorPlace};
use store::detectors::DetectorFilter;
use store::intake::TerminalSeen;
use store::terminals::UnknownSeen;
use store::{Batch, Options};

use crate::world::{Backend, MINUTE, NOW, World, new_place, profile_of, unknown};

#[tokio::test]
async fn one_press_makes_detectors_channels_and_one_place_for_all() {
    for backend in Backend::ALL {
        let world = World::new(backend).await;
        let (store, scope, actor) = (&world.store, &world.everything, &world.actor);
        let seen = UnknownSeen { protocol: Protocol::ModbusRtu, ..unknown("DTU1", NOW) };
        let kept = store.terminals().seen_unknown(&[seen.clone(), seen]).await.unwrap();
        assert!(kept[0].new && !kept[1].new && kept[0].terminal == kept[1].terminal);
        let row = store.terminals().get(scope, kept[0].terminal).await.unwrap();
        assert_eq!((row.attempts, row.readings_ignored, row.admission), (2, 2, Admission::Pending));

        let profile = profile_of(Protocol::ModbusRtu);
        let wanted: Vec<_> = [Some(1), Some(2)]
            .into_iter()
            .map(|unit_address| AdmitDetector {
                profile: &profile,
                unit_address,
                address: None,
                name: format!("探测器 {unit_address:?}"),
                place: new_place("新店", world.east.organisation, &world.east.area),
            })
            .collect();
        let version = store.settings_version();
        let admitted =
            store.terminals().admit(scope, actor, NOW, kept[0].terminal, None, &wanted).await.unwrap();
        assert_eq!(admitted.detectors.len(), 2);
        assert!(store.settings_version() > version);
        let filter = DetectorFilter { terminal: Some(admitted.terminal), ..DetectorFilter::default() };
        let rows = store.detectors().all(scope, &filter).await.unwrap();
        assert_eq!(rows[0].circuit_id, rows[1].circuit_id, "equal drafts are one circuit");
        let channels = store.detectors().channels(scope, admitted.detectors[0]).await.unwrap();
        assert_eq!(channels.len(), profile.points.len() + 1);
        assert_eq!(channels[1].code, profile.points[0].code);

        let entry = store.terminals().entry(admitted.terminal).await.unwrap();
        assert_eq!(entry.admission, Admission::Admitted);
        assert_eq!(entry.pinned_iccid.as_deref(), Some("8986DTU1"));
        let units: Vec<_> = entry.detectors.iter().map(|detector| detector.unit_address).collect();
        assert_eq!(units, vec![Some(1), Some(2)]);
        assert!(store.terminals().directory().await.unwrap().contains(&entry));
        let again = store.terminals().admit(scope, actor, NOW, admitted.terminal, None, &wanted).await;
        assert!(matches!(again, Err(StoreError::NotFound { .. })), "it does not wait any more");
    }
}

#[tokio::test]
async fn a_refused_admission_leaves_nothing() {
    for backend in Backend::ALL {
        let world = World::new(backend).await;
        let (store, actor) = (&world.store, &world.actor);
        let kept = store.terminals().seen_unknown(&[unknown("N1", NOW)]).await.unwrap();
        let id = kept[0].terminal;
        let cloud = profile_of(Protocol::Cloud7b7b);
        let modbus = profile_of(Protocol::ModbusRtu);
        let place = new_place("新店", world.east.organisation, &world.east.area);
        let wanted = |profile, unit_address, place: &DetectorPlace| AdmitDetector {
            profile,
            unit_address,
            address: None,
            name: "探测器".to_owned(),
            place: place.clone(),
        };
        let nowhere = DetectorPlace::Circuit(CircuitChoice::Existing(domain::id::CircuitId(999)));
        let before = store.restart().await.unwrap();
        for list in [
            vec![],
            vec![wanted(&modbus, None, &place)],
            vec![wanted(&cloud, Some(0), &place)],
            vec![wanted(&cloud, None, &place), wanted(&cloud, None, &place)],
            vec![wanted(&cloud, None, &place), wanted(&cloud, Some(2), &nowhere)],
        ] {
            assert!(store.terminals().admit(&world.everything, actor, NOW, id, None, &list).await.is_err());
        }
        assert_eq!(store.restart().await.unwrap(), before);
        // A narrower scope names the serial number, and stays inside of itself.
        let list = [wanted(&cloud, None, &place)];
        for (scope, serial) in
            [(&world.east.scope, None), (&world.east.scope, Some("N2")), (&world.nothing, Some("N1"))]
        {
            let refused = store.terminals().admit(scope, actor, NOW, id, serial, &list).await;
            assert!(matches!(refused, Err(StoreError::NotFound { .. })), "{refused:?}");
        }
        assert!(store.terminals().admit(&world.west.scope, actor, NOW, id, Some("N1"), &list).await.is_err());
        store.terminals().admit(&world.east.scope, actor, NOW, id, Some("N1"), &list).await.unwrap();
    }
}

#[tokio::test]
async fn refused_ones_stay_known_and_the_list_is_bounded() {
    for backend in Backend::ALL {
        let world = World::with(backend, Options { pending_bound: 5, ..Options::default() }).await;
        let (store, actor) = (&world.store, &world.actor);
        let terminals = store.terminals();
        let kept = terminals.seen_unknown(&[unknown("BAD", NOW)]).await.unwrap();
        terminals
            .refuse(&world.everything, actor, NOW, kept[0].terminal, None, Some("不认识"))
            .await
            .unwrap();
        let again = terminals.seen_unknown(&[unknown("BAD", NOW.plus_ms(1))]).await.unwrap();
        assert_eq!((again[0].admission, again[0].new), (Admission::Refused, false));

        let flood: Vec<_> = (0..20).map(|n| unknown(&format!("F{n:02}"), NOW.plus_ms(n * MINUTE))).collect();
        terminals.seen_unknown(&flood).await.unwrap();
        let filter = store::terminals::PendingFilter::default();
        let page = terminals.pending(&world.everything, &filter, &store::Page::default()).await.unwrap();
        let serials: Vec<_> = page.items.iter().map(|row| row.serial.as_str()).collect();
        assert_eq!(serials, ["F19", "F18", "F17", "F16", "F15"]);
        terminals.restore(&world.everything, actor, NOW, kept[0].terminal, None).await.unwrap();
        assert_eq!(terminals.entry(kept[0].terminal).await.unwrap().admission, Admission::Pending);
        // The admitted ones are counted by nobody.
        let known = terminals.seen_unknown(&[unknown("E1", NOW)]).await.unwrap();
        assert_eq!((known[0].terminal, known[0].admission), (world.east.terminal, Admission::Admitted));
    }
}

#[tokio::test]
async fn a_sim_card_is_pinned_once_and_changed_by_a_person() {
    for backend in Backend::ALL {
        let world = World::new(backend).await;
        let (store, scope) = (&world.store, &world.everything);
        let seen = TerminalSeen {
            terminal: world.east.terminal,
            at: NOW.plus_ms(MINUTE),
            remote: Some("192.0.2.9:1".to_owned()),
            signal: Some(11),
            firmware: None,
            seen_iccid: Some("OTHER".to_owned()),
            pin: true,
        };
        store.commit(&Batch { terminals: vec![seen], ..Batch::default() }).await.unwrap();
        let row = store.terminals().get(scope, world.east.terminal).await.unwrap();
        assert_eq!(row.pinned_iccid.as_deref(), Some("8986E1"));
        assert_eq!(row.seen_iccid.as_deref(), Some("OTHER"));
        assert_eq!((row.signal, row.firmware.as_deref()), (Some(11), Some("1.2")));
        let row =
            store.terminals().accept_iccid(scope, &world.actor, NOW, world.east.terminal).await.unwrap();
        assert_eq!(row.pinned_iccid.as_deref(), Some("OTHER"));
    }
}

#[tokio::test]
async fn what_one_batch_says_of_a_terminal_is_kept_as_if_told_one_after_the_other() {
    for backend in Backend::ALL {
        let [together, singly] = [World::new(backend).await, World::new(backend).await];
        let mut rows = Vec::new();
        for (world, at_once) in [(&together, 100), (&singly, 1)] {
            let kept = world.store.terminals().seen_unknown(&[unknown("NEW", NOW)]).await.unwrap();
            let said = |minutes: i64| TerminalSeen {
                terminal: kept[0].terminal,
                at: NOW.plus_ms(minutes * MINUTE),
                remote: None,
                signal: None,
                firmware: None,
                seen_iccid: None,
                pin: false,
            };
            let sim = |iccid: &str, pin| TerminalSeen { seen_iccid: Some(iccid.to_owned()), pin, ..said(2) };
            let batch = [
                TerminalSeen { remote: Some("192.0.2.9:1".to_owned()), signal: Some(3), ..said(1) },
                TerminalSeen { terminal: world.east.terminal, signal: Some(5), ..said(4) },
                sim("FIRST", true),
                TerminalSeen { firmware: Some("2.0".to_owned()), signal: Some(7), ..said(9) },
                sim("SECOND", true),
                sim("THIRD", false),
                TerminalSeen { remote: Some("192.0.2.9:2".to_owned()), ..said(3) },
            ];
            for some in batch.chunks(at_once) {
                world.store.commit(&Batch { terminals: some.to_vec(), ..Batch::default() }).await.unwrap();
            }
            let of = async |id| world.store.terminals().get(&world.everything, id).await.unwrap();
            rows.push((of(kept[0].terminal).await, of(world.east.terminal).await));
        }
        assert_eq!(rows[0], rows[1]);
        let (new, east) = &rows[0];
        assert_eq!((new.pinned_iccid.as_deref(), new.seen_iccid.as_deref()), (Some("FIRST"), Some("THIRD")));
        assert_eq!((new.signal, new.firmware.as_deref(), east.signal), (Some(7), Some("2.0"), Some(5)));
        assert_eq!(new.last_seen_at, NOW.plus_ms(9 * MINUTE));
    }
}
