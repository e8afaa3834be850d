//! What people do to alarms: the paths, the refusals, the audit entries.

use bus::{LineAnswer, LineCommand, LiveKind, SessionInfo};
use domain::access::{Grant, Permission, Role, Scope};
use domain::alarm::note::{CallOutcome, Capacity, DispatchState, Somebody};
use domain::alarm::{AlarmState, Note, Refusal};
use domain::hazard::{Hazard, Severity};
use domain::id::AlarmId;
use domain::place::OrganisationPath;
use domain::reading::{Reading, Reported};
use domain::status::Status;
use engine::EngineError;
use engine::services::DeviceCommand;
use store::StoreError;

use crate::world::{World, at_s, operator, wait};

#[tokio::test]
async fn acknowledge_reset_close_each_with_its_audit_entry() {
    let world = World::new().await;
    let alarm = world.held_alarm().await;
    let all = Scope::platform();
    let desk = world.engine.alarms();

    let early = desk.reset(&all, &operator(1), alarm.id, None, false).await;
    assert!(matches!(early, Err(EngineError::Refused(Refusal::NotAcknowledged))));
    let taken = desk.acknowledge(&all, &operator(1), alarm.id, Some("去看".to_owned())).await.unwrap();
    assert_eq!(
        (taken.state, taken.acknowledged_by.as_deref()),
        (AlarmState::LatchedAcknowledged, Some("operator 1"))
    );
    let twice = desk.acknowledge(&all, &operator(2), alarm.id, None).await;
    assert!(matches!(twice, Err(EngineError::Refused(Refusal::AlreadyAcknowledged))));
    assert_eq!(
        world.engine.memory().detector(world.detector).unwrap().status,
        Status::Alarm,
        "held until reset"
    );

    let over = desk.reset(&all, &operator(2), alarm.id, Some("已处理".to_owned()), false).await.unwrap();
    assert_eq!((over.alarm.state, over.device_command), (AlarmState::Closed, None));
    assert_eq!(over.alarm.close_reason.as_deref(), Some("reset"));
    assert_eq!(world.steps(&alarm).await, ["raised", "returned", "acknowledged", "reset"]);
    let known = world.engine.memory().detector(world.detector).unwrap();
    assert_eq!((known.status, known.alarms.len()), (Status::Normal, 0));

    let acknowledged = world.audit("alarm.acknowledge").await;
    assert_eq!(acknowledged.len(), 1, "a refused act leaves no entry");
    assert_eq!(acknowledged[0].actor_name, "operator 1");
    assert!(acknowledged[0].after.as_deref().is_some_and(|after| after.contains("去看")));
    assert_eq!(world.audit("alarm.reset").await.len(), 1);
    assert!(world.engine.store().audit().verify(&all).await.unwrap().first_broken.is_none());

    let late = desk.acknowledge(&all, &operator(1), alarm.id, None).await;
    assert!(matches!(late, Err(EngineError::Refused(Refusal::Closed))));
    let said = desk.comment(&all, &operator(3), alarm.id, "复查无异常".to_owned()).await.unwrap();
    assert_eq!(said.state, AlarmState::Closed, "a closed alarm can be commented on");
    assert_eq!(world.steps(&alarm).await.last().map(String::as_str), Some("commented"));
}

fn electrician() -> Somebody {
    let (name, phone) = ("李师傅".to_owned(), "13800138000".to_owned());
    Somebody { capacity: Capacity::Electrician, name, phone, account: None }
}

#[tokio::test]
async fn calls_and_dispatches_stay_in_the_record_and_are_withdrawn_by_later_entries() {
    let world = World::new().await;
    let alarm = world.held_alarm().await;
    let (all, desk) = (Scope::platform(), world.engine.alarms());
    let store = world.engine.store();

    let call = Note::Called { whom: electrician(), outcome: CallOutcome::NotReached };
    desk.note(&all, &operator(1), alarm.id, call, Some("响铃无人接".to_owned())).await.unwrap();
    let send = Note::Dispatched { whom: electrician(), expected_at: Some(at_s(900)) };
    let sent = desk.note(&all, &operator(2), alarm.id, send.clone(), None).await.unwrap();
    assert!(sent.version > alarm.version, "who watches hears of it");
    let record = store.alarms().record(alarm.id).await.unwrap();
    let (called, entry) = (record[0].id, record[1].id);
    let out = store.alarms().out(&all, world.engine.now()).await.unwrap();
    assert_eq!(out.len(), 1);
    assert_eq!(
        (out[0].0.alarm_id, out[0].1.state, &out[0].1.whom),
        (alarm.id, DispatchState::Out, &electrician())
    );

    // Two operators at once: one of them is told that it has been said.
    let (one, two) = (operator(1), operator(2));
    let (first, second) = tokio::join!(
        desk.note(&all, &one, alarm.id, Note::Arrived { entry }, None),
        desk.note(&all, &two, alarm.id, Note::Arrived { entry }, None)
    );
    assert_eq!([first.is_ok(), second.is_ok()].iter().filter(|done| **done).count(), 1);
    let refused = first.err().or(second.err()).unwrap();
    assert!(matches!(refused, EngineError::Refused(Refusal::EntryOver)), "{refused:?}");

    let unknown = Note::Finished { entry: called };
    let unknown = desk.note(&all, &operator(1), alarm.id, unknown, None).await;
    assert!(matches!(unknown, Err(EngineError::Refused(Refusal::NoSuchEntry))), "a call does not finish");
    let gone = Note::Withdrawn { entry: called };
    desk.note(&all, &operator(1), alarm.id, gone, Some("拨错号码".to_owned())).await.unwrap();
    desk.note(&all, &operator(1), alarm.id, Note::Finished { entry }, None).await.unwrap();
    assert!(store.alarms().out(&all, world.engine.now()).await.unwrap().is_empty());
    assert_eq!(
        world.steps(&alarm).await,
        ["raised", "returned", "called", "dispatched", "arrived", "withdrawn", "finished"]
    );
    let rows = store.alarms().transitions(&all, alarm.id).await.unwrap();
    assert_eq!(rows[2].note(), Some(Note::Called { whom: electrician(), outcome: CallOutcome::NotReached }));
    assert_eq!(rows[2].comment.as_deref(), Some("响铃无人接"), "nothing vanishes");
    let audited = world.audit("alarm.dispatch").await;
    assert!(audited[0].after.as_deref().is_some_and(|after| after.contains("李师傅")));
    let shift = store.alarms().entered(&all, at_s(0), 10).await.unwrap();
    assert_eq!(shift.len(), 5);
    assert_eq!(shift[0].event, "finished");

    // Also when it is over.
    desk.acknowledge(&all, &operator(1), alarm.id, None).await.unwrap();
    desk.reset(&all, &operator(1), alarm.id, None, false).await.unwrap();
    let after = desk.note(&all, &operator(1), alarm.id, send, None).await.unwrap();
    assert_eq!(after.state, AlarmState::Closed);
}

#[tokio::test]
async fn a_reset_needs_the_hazard_to_be_gone() {
    let world = World::new().await;
    world.measure(0, 500).await;
    world.wait_for_alarm_at(5).await;
    let alarm = world.the_alarm().await;
    let all = Scope::platform();
    let desk = world.engine.alarms();
    desk.acknowledge(&all, &operator(1), alarm.id, None).await.unwrap();
    let present = desk.reset(&all, &operator(1), alarm.id, None, true).await;
    assert!(matches!(present, Err(EngineError::Refused(Refusal::ConditionPresent))));
}

#[tokio::test]
async fn an_alarm_of_a_component_that_is_nobodys_ends_when_a_person_says_so() {
    let world = World::new().await;
    let tells = || {
        let alarm =
            Reported { point: None, hazard: Hazard::UnassignedAlarm, severity: Some(Severity::Alarm) };
        let received_at = world.engine.now();
        let (group, samples) = (u8::MAX, Vec::new());
        let detector = world.detector;
        world.confirm(Reading {
            detector,
            group,
            device_at: None,
            received_at,
            samples,
            reported: vec![alarm],
        })
    };
    // Repeated, and twice in one millisecond, it is one alarm.
    for _ in 0..2 {
        assert_eq!(tells().await, bus::Outcome::Committed);
    }
    let alarm = world.alarms().await.remove(0);
    assert_eq!(
        (alarm.hazard, alarm.state, alarm.severity),
        (Hazard::UnassignedAlarm, AlarmState::Unacknowledged, Severity::Alarm)
    );
    // What is measured does not end it.
    world.clock.set(at_s(100));
    world.measure(100, 5).await;
    let world = world.restart(at_s(200)).await;
    let alarms = world.alarms().await;
    assert_eq!((alarms.len(), alarms[0].state), (1, AlarmState::Unacknowledged));

    let (all, desk) = (Scope::platform(), world.engine.alarms());
    let said = Some("8 号部件已更换".to_owned());
    let early = desk.reset(&all, &operator(1), alarm.id, said.clone(), false).await;
    assert!(matches!(early, Err(EngineError::Refused(Refusal::NotAcknowledged))));
    desk.acknowledge(&all, &operator(1), alarm.id, None).await.unwrap();
    let silent = desk.reset(&all, &operator(1), alarm.id, None, false).await;
    assert!(matches!(silent, Err(EngineError::Invalid(_))));
    let over = desk.reset(&all, &operator(1), alarm.id, said, false).await.unwrap();
    assert_eq!(over.alarm.state, AlarmState::Closed);
    assert_eq!(world.engine.memory().detector(world.detector).unwrap().alarms.len(), 0);
}

#[tokio::test]
async fn an_acknowledgement_can_be_taken_back_also_after_a_restart() {
    let world = World::new().await;
    let alarm = world.held_alarm().await;
    let all = Scope::platform();
    world.engine.alarms().acknowledge(&all, &operator(1), alarm.id, None).await.unwrap();
    let other = world.engine.alarms().undo_acknowledge(&all, &operator(2), alarm.id).await;
    assert!(matches!(other, Err(EngineError::Refused(Refusal::NothingToUndo))));
    let world = world.restart(at_s(50)).await;
    let back = world.engine.alarms().undo_acknowledge(&all, &operator(1), alarm.id).await.unwrap();
    assert_eq!((back.state, back.acknowledged_by), (AlarmState::LatchedUnacknowledged, None));
    world.engine.alarms().acknowledge(&all, &operator(1), alarm.id, None).await.unwrap();
    world.clock.set(at_s(111));
    let late = world.engine.alarms().undo_acknowledge(&all, &operator(1), alarm.id).await;
    assert!(matches!(late, Err(EngineError::Refused(Refusal::NothingToUndo))));
}

#[tokio::test]
async fn an_alarm_of_others_does_not_exist() {
    let world = World::new().await;
    let alarm = world.held_alarm().await;
    let grants = [Grant {
        role: Role::Operator,
        organisation: Some(OrganisationPath("/999/".to_owned())),
        area: None,
    }];
    let stranger = Scope::of(&grants, Permission::AlarmAcknowledge);
    let desk = world.engine.alarms();
    let hidden = desk.acknowledge(&stranger, &operator(9), alarm.id, None).await;
    assert!(matches!(hidden, Err(EngineError::Store(StoreError::NotFound { .. }))));
    let many = desk.acknowledge_many(&stranger, &operator(9), &[alarm.id], None).await.unwrap();
    assert_eq!((many.done.len(), many.refused.len()), (0, 1));
    assert_eq!(world.the_alarm().await.state, AlarmState::LatchedUnacknowledged);
}

#[tokio::test]
async fn many_at_once_say_what_was_done_and_what_was_not() {
    let world = World::new().await;
    let alarm = world.held_alarm().await;
    let all = Scope::platform();
    let ids = [alarm.id, AlarmId(4711)];
    let first = world.engine.alarms().acknowledge_many(&all, &operator(1), &ids, None).await.unwrap();
    assert_eq!(first.done, [alarm.id]);
    assert!(matches!(
        first.refused.as_slice(),
        [(AlarmId(4711), EngineError::Store(StoreError::NotFound { .. }))]
    ));
    let second = world.engine.alarms().acknowledge_many(&all, &operator(1), &ids[..1], None).await.unwrap();
    assert!(matches!(second.refused.as_slice(), [(_, EngineError::Refused(Refusal::AlreadyAcknowledged))]));
    assert_eq!(world.audit("alarm.acknowledge").await.len(), 1);
}

#[tokio::test]
async fn a_reset_can_be_sent_to_the_device() {
    let world = World::new().await;
    let alarm = world.held_alarm().await;
    let all = Scope::platform();
    let (line, mut asked) = tokio::sync::mpsc::channel(1);
    let info = SessionInfo { remote: "192.0.2.1:5000".to_owned(), connected_at: at_s(0) };
    world.engine.sessions().open(world.terminal, info, line);
    let device = tokio::spawn(async move {
        let (command, answer) = asked.recv().await.unwrap();
        answer.send(Ok(LineAnswer::Done)).unwrap();
        command
    });
    let desk = world.engine.alarms();
    desk.acknowledge(&all, &operator(1), alarm.id, None).await.unwrap();
    let reset = desk.reset(&all, &operator(1), alarm.id, None, true).await.unwrap();
    assert_eq!(reset.device_command, Some(DeviceCommand::Sent));
    assert!(matches!(device.await.unwrap(), LineCommand::Write { unit: None, .. }));
    assert_eq!(world.audit("device.reset").await.len(), 1);
}

#[tokio::test]
async fn a_detector_that_is_taken_away_takes_its_alarms_along() {
    let world = World::new().await;
    let alarm = world.held_alarm().await;
    let all = Scope::platform();
    let mut events = world.watch();
    world.engine.places().delete_detector(&all, &operator(1), world.detector).await.unwrap();
    assert!(world.engine.memory().detector(world.detector).is_none());
    wait(&mut events, |kind| matches!(kind, LiveKind::Pending)).await;
    let closed = world.engine.store().restart().await.unwrap();
    assert_eq!(closed.open_alarms, []);
    assert!(alarm.closed_at.is_none());
    // Its terminal waits again; a reading that is still on its way is not confirmed.
    let told = world.confirm(world.residual(30, 20)).await;
    assert_eq!(told, bus::Outcome::Unavailable);
}
