//! The pipeline's commit: durable, atomic, idempotent, one open alarm per channel and hazard.

use domain::alarm::AlarmState;
use domain::hazard::{Hazard, Severity};
use domain::id::TerminalId;
use domain::kept_answer::KeptAnswer;
use domain::status::Status;
use store::alarms::{AlarmFilter, AlarmSort};
use store::history::Retention;
use store::{Batch, History as _, Options, Page, StoreError};

use crate::world::{Backend, MINUTE, NOW, World, alarms, closed, raised, reading, readings};

#[tokio::test]
async fn what_was_committed_is_there_after_a_crash() {
    for backend in Backend::ALL {
        let world = World::new(backend).await;
        let detector = world.east.detector;
        let batch = Batch {
            readings: (0..1234).map(|n| reading(detector, NOW.plus_ms(n * MINUTE), n)).collect(),
            states: vec![(detector, vec![1, 2, 3])],
            statuses: vec![(detector, Status::Alarm)],
            heard: vec![(detector, NOW.plus_ms(9_999 * MINUTE))],
            alarms: vec![raised(7, &world.east, Hazard::ResidualCurrent, Severity::Alarm, NOW)],
            ..Batch::default()
        };
        world.store.commit(&batch).await.unwrap();

        // The files as they are at this moment, without a goodbye: what a killed process leaves behind.
        let copy = tempfile::tempdir().unwrap();
        for entry in std::fs::read_dir(world.folder.path()).unwrap() {
            let entry = entry.unwrap();
            std::fs::copy(entry.path(), copy.path().join(entry.file_name())).unwrap();
        }
        let store = backend.open(copy.path(), Options::default()).await;
        let restart = store.restart().await.unwrap();
        assert_eq!(restart.states, vec![(detector, vec![1, 2, 3])]);
        assert_eq!(restart.last_alarm_id, 7);
        assert_eq!(restart.open_alarms, vec![batch.alarms[0].alarm.clone()]);
        assert!(restart.heard.contains(&(detector, NOW.plus_ms(9_999 * MINUTE))));
        let latest = &restart.latest[0];
        assert_eq!((latest.detector, latest.filed_at), (detector, NOW.plus_ms(1233 * MINUTE)));
        assert_eq!(latest.samples, batch.readings[1233].samples);
        let source = restart.detectors.iter().find(|source| source.placement.detector == detector).unwrap();
        assert_eq!(source.status, Status::Alarm);
        assert_eq!(source.placement.rated_current_a, Some(63.0));
        assert_eq!(source.channels.len(), world.east.channels.len());
    }
}

#[tokio::test]
async fn a_repeated_reading_is_ignored_and_told() {
    for backend in Backend::ALL {
        let world = World::new(backend).await;
        let detector = world.east.detector;
        let first = reading(detector, NOW, 1);
        let receipt = world.store.commit(&readings(vec![first.clone()])).await.unwrap();
        assert_eq!(receipt.repeated, Vec::<usize>::new());
        let mut again = reading(detector, NOW, 1);
        again.received_at = NOW.plus_ms(99);
        let new = reading(detector, NOW.plus_ms(MINUTE), 3);
        let receipt = world.store.commit(&readings(vec![new.clone(), again, new.clone()])).await.unwrap();
        assert_eq!(receipt.repeated, vec![1, 2], "the stored one and the one within the batch");
        let latest = world.store.restart().await.unwrap().latest;
        assert_eq!(latest[0].samples, new.samples);
        // The first one of that moment has stayed as it was.
        let receipt = world.store.commit(&readings(vec![first])).await.unwrap();
        assert_eq!(receipt.repeated, vec![0]);
    }
}

#[tokio::test]
async fn readings_of_one_moment_with_other_values_are_all_kept_and_each_only_once() {
    for backend in Backend::ALL {
        let world = World::new(backend).await;
        let detector = world.east.detector;
        let sent: Vec<_> = (1..=3).map(|raw| reading(detector, NOW, raw)).collect();
        world.store.commit(&readings(vec![sent[0].clone()])).await.unwrap();
        // The second and third share the moment of the first, one of them twice in the same batch.
        let batch = readings(vec![sent[1].clone(), sent[0].clone(), sent[2].clone(), sent[1].clone()]);
        assert_eq!(world.store.commit(&batch).await.unwrap().repeated, vec![1, 3]);
        assert_eq!(world.store.commit(&readings(sent.clone())).await.unwrap().repeated, vec![0, 1, 2]);
        let stored = world.store.readings_at(&[(detector, 0, NOW)]).await.unwrap();
        let moments: Vec<_> = stored.iter().map(|one| (one.filed_at, &one.samples)).collect();
        let wanted: Vec<_> = (0..).zip(&sent).map(|(ms, one)| (NOW.plus_ms(ms), &one.samples)).collect();
        assert_eq!(moments, wanted);
        assert!(
            stored.iter().all(|one| one.device_at == Some(NOW)),
            "the device's clock stays as it was told"
        );
    }
}

#[tokio::test]
async fn a_second_open_alarm_is_refused_with_its_whole_batch() {
    for backend in Backend::ALL {
        let world = World::new(backend).await;
        let hazard = Hazard::ResidualCurrent;
        let first = raised(1, &world.east, hazard, Severity::Warning, NOW);
        world.store.commit(&alarms(vec![first.clone()])).await.unwrap();
        let before = world.store.restart().await.unwrap();

        let mut failing = alarms(vec![raised(2, &world.east, hazard, Severity::Alarm, NOW)]);
        failing.readings = vec![reading(world.east.detector, NOW, 5)];
        failing.states = vec![(world.east.detector, vec![9])];
        let error = world.store.commit(&failing).await.unwrap_err();
        assert!(matches!(error, StoreError::Invalid { code: "already_open", .. }), "{error}");
        assert_eq!(world.store.restart().await.unwrap(), before, "nothing of a failed batch is left");

        // Over and raised again within one batch, in whatever order they come.
        let again = raised(3, &world.east, hazard, Severity::Alarm, NOW.plus_ms(5));
        world.store.commit(&alarms(vec![again, closed(first, NOW.plus_ms(4))])).await.unwrap();
        let open = world.store.restart().await.unwrap().open_alarms;
        assert_eq!(open.iter().map(|alarm| alarm.id.0).collect::<Vec<_>>(), vec![3]);
        // Another hazard of the same channel has a place of its own.
        let other = raised(4, &world.east, Hazard::OverTemperature, Severity::Alarm, NOW);
        world.store.commit(&alarms(vec![other])).await.unwrap();
    }
}

#[tokio::test]
async fn an_alarm_is_read_as_it_was_written_with_its_steps() {
    for backend in Backend::ALL {
        let world = World::new(backend).await;
        let write = raised(1, &world.east, Hazard::ResidualCurrent, Severity::Alarm, NOW);
        world.store.commit(&alarms(vec![write.clone()])).await.unwrap();
        world.store.commit(&alarms(vec![closed(write, NOW.plus_ms(MINUTE))])).await.unwrap();
        let alarm = world.store.alarms().get(&world.everything, domain::id::AlarmId(1)).await.unwrap();
        assert_eq!(alarm.site_name, "东方商场");
        assert_eq!(alarm.state, AlarmState::Closed);
        assert_eq!(alarm.close_reason.as_deref(), Some("returned"));
        assert_eq!((alarm.version, alarm.worst_value), (2, Some(412.5)));
        let steps = world.store.alarms().transitions(&world.everything, alarm.id).await.unwrap();
        let events: Vec<_> = steps.iter().map(|step| step.event.as_str()).collect();
        assert_eq!(events, ["raised", "closed"]);
        assert_eq!(steps[1].from_state, Some(AlarmState::Unacknowledged));
        let page = world
            .store
            .alarms()
            .list(&world.everything, &AlarmFilter::default(), AlarmSort::Priority, &Page::default())
            .await
            .unwrap();
        assert_eq!(page.items, vec![alarm]);
    }
}

#[tokio::test]
async fn the_newest_reading_of_each_group_is_found_whatever_came_last() {
    for backend in Backend::ALL {
        let mut world = World::new(backend).await;
        let detector = world.east.detector;
        let mut other_group = reading(detector, NOW.plus_ms(5), 70);
        other_group.group = 3;
        let late = reading(detector, NOW.plus_ms(-MINUTE), 60);
        let batch = readings(vec![reading(detector, NOW, 50), other_group.clone(), late]);
        world.store.commit(&batch).await.unwrap();
        world.reopen(Options::default()).await;
        let latest = world.store.restart().await.unwrap().latest;
        let seen: Vec<_> = latest.iter().map(|latest| (latest.group, latest.filed_at)).collect();
        assert_eq!(seen, vec![(0, NOW), (3, NOW.plus_ms(5))]);
    }
}

#[tokio::test]
async fn an_answer_with_a_key_is_kept_with_its_readings_and_let_go_after_its_time() {
    for backend in Backend::ALL {
        let world = World::new(backend).await;
        let detector = world.east.detector;
        let kept = |key: &str, answer: &str, at| KeptAnswer {
            terminal: TerminalId(3),
            key: key.to_owned(),
            digest: [7; 32],
            answer: answer.to_owned(),
            at,
        };
        let first = kept("k-1", "first", NOW);
        let batch = Batch {
            readings: vec![reading(detector, NOW, 1)],
            answers: vec![
                first.clone(),
                kept("k-1", "second", NOW),
                kept("k-2", "other", NOW.plus_ms(MINUTE)),
            ],
            ..Batch::default()
        };
        assert_eq!(world.store.kept_answer(TerminalId(3), "k-1").await.unwrap(), None);
        world.store.commit(&batch).await.unwrap();
        let found = world.store.kept_answer(TerminalId(3), "k-1").await.unwrap();
        assert_eq!(found, Some(first), "the first answer counts");
        assert_eq!(
            world.store.kept_answer(TerminalId(4), "k-1").await.unwrap(),
            None,
            "a key is its terminal's"
        );

        let policy = Retention { answers_ms: Some(MINUTE), ..Retention::default() };
        let retained = world.store.retain(&policy, NOW.plus_ms(MINUTE + 1)).await.unwrap();
        assert_eq!(retained.answers, 1);
        assert_eq!(world.store.kept_answer(TerminalId(3), "k-1").await.unwrap(), None);
        assert!(world.store.kept_answer(TerminalId(3), "k-2").await.unwrap().is_some());
    }
}
