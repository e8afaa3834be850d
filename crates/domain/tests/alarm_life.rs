//! The life of an alarm: every state with every event, and what each step keeps.

use domain::alarm::AlarmState::{self, *};
use domain::alarm::{
    Alarm, AlarmEvent, Aside, Beginning, By, Circumstance, CloseReason, Evidence, Note, Refusal,
    TransitionEvent, UNDO_WITHIN_MS, Verdict, apply, raise,
};
use domain::hazard::{Hazard, Severity};
use domain::id::{AlarmId, ChannelId, DetectorId, TransitionId, UserId};
use domain::time::UnixMs;
use proptest::prelude::*;

/// What follows from each event, in their order.
type Row = [Result<AlarmState, Refusal>; 17];

fn person(id: i64) -> By {
    By::User { user: Some(UserId(id)), token: None, name: format!("person {id}") }
}

fn when(at: i64, by: By) -> Circumstance {
    Circumstance { at: UnixMs(at), by, reason: None, comment: None }
}

fn shelf(until: i64) -> Aside {
    let (since, until) = (UnixMs(2_500), UnixMs(until));
    Aside::Shelved { since, until, reason: "探头送检".to_owned(), by: "person 1".to_owned() }
}

fn works() -> Aside {
    let (since, until) = (UnixMs(2_500), UnixMs(9_000));
    Aside::Maintenance { since, until, reason: "换柜".to_owned(), by: "person 2".to_owned() }
}

fn evidence(value: f64, latching: bool) -> Evidence {
    Evidence { value: Some(value), limit: Some(300.0), latching, reported_by_device: false }
}

fn begun(latching: bool) -> Alarm {
    let beginning = Beginning {
        id: AlarmId(1),
        detector: DetectorId(2),
        channel: ChannelId(3),
        hazard: Hazard::ResidualCurrent,
        severity: Severity::Warning,
        evidence: evidence(310.0, latching),
        late: false,
    };
    raise(beginning, when(1_000, By::System), UnixMs(1_000)).0
}

/// An alarm in `state`, acknowledged by person 1 at 2 s where that fits.
fn in_state(state: AlarmState, latching: bool) -> Alarm {
    let alarm = begun(latching);
    let step = |alarm, event, by| apply(alarm, event, when(2_000, by)).expect("the step fits the state").0;
    let gone = || AlarmEvent::Returned(evidence(100.0, latching));
    match state {
        Unacknowledged => alarm,
        Acknowledged => step(alarm, AlarmEvent::Acknowledge, person(1)),
        ReturnedUnacknowledged | LatchedUnacknowledged => step(alarm, gone(), By::System),
        LatchedAcknowledged => {
            let alarm = step(alarm, gone(), By::System);
            step(alarm, AlarmEvent::Acknowledge, person(1))
        }
        Closed => step(alarm, AlarmEvent::Withdraw, By::System),
    }
}

#[test]
fn every_state_with_every_event() {
    use Refusal as R;
    let e = evidence(400.0, false);
    let events = [
        ("raised again", AlarmEvent::RaisedAgain(Severity::Alarm, e)),
        ("worse", AlarmEvent::SeverityChanged(Severity::Alarm, e)),
        ("less bad", AlarmEvent::SeverityChanged(Severity::Fault, e)),
        ("worst", AlarmEvent::Worst(e)),
        ("returned", AlarmEvent::Returned(e)),
        ("acknowledge", AlarmEvent::Acknowledge),
        ("undo", AlarmEvent::UndoAcknowledge),
        ("reset", AlarmEvent::Reset),
        ("comment", AlarmEvent::Comment),
        ("withdraw", AlarmEvent::Withdraw),
        ("values normal", AlarmEvent::ValuesNormal(e)),
        ("realarm", AlarmEvent::Realarm),
        ("shelve", AlarmEvent::Shelve(shelf(9_000))),
        ("unshelve", AlarmEvent::Unshelve),
        ("suppress", AlarmEvent::Suppress(works())),
        ("bring back", AlarmEvent::BringBack),
        ("judge", AlarmEvent::Judge(Verdict::Nuisance)),
    ];
    #[rustfmt::skip]
    let table: [(AlarmState, bool, Row); 6] = [
        (Unacknowledged, false, [
            Ok(Unacknowledged), Ok(Unacknowledged), Ok(Unacknowledged), Ok(Unacknowledged), Ok(ReturnedUnacknowledged),
            Ok(Acknowledged), Err(R::NothingToUndo), Err(R::ConditionPresent), Ok(Unacknowledged), Ok(Closed),
            Ok(ReturnedUnacknowledged), Err(R::NotAcknowledged), Ok(Unacknowledged), Err(R::NotShelved), Ok(Unacknowledged), Err(R::NotShelved), Ok(Unacknowledged)]),
        (Acknowledged, false, [
            Ok(Unacknowledged), Ok(Unacknowledged), Ok(Acknowledged), Ok(Acknowledged), Ok(Closed),
            Err(R::AlreadyAcknowledged), Ok(Unacknowledged), Err(R::ConditionPresent), Ok(Acknowledged), Ok(Closed),
            Ok(Closed), Ok(Unacknowledged), Ok(Acknowledged), Err(R::NotShelved), Ok(Acknowledged), Err(R::NotShelved), Ok(Acknowledged)]),
        (ReturnedUnacknowledged, false, [
            Ok(Unacknowledged), Err(R::NotPresent), Err(R::NotPresent), Err(R::NotPresent), Err(R::NotPresent),
            Ok(Closed), Err(R::NothingToUndo), Err(R::NotAcknowledged), Ok(ReturnedUnacknowledged), Ok(Closed),
            Err(R::NotPresent), Err(R::NotPresent), Ok(ReturnedUnacknowledged), Err(R::NotShelved), Ok(ReturnedUnacknowledged), Err(R::NotShelved), Ok(ReturnedUnacknowledged)]),
        (LatchedUnacknowledged, true, [
            Ok(Unacknowledged), Err(R::NotPresent), Err(R::NotPresent), Err(R::NotPresent), Err(R::NotPresent),
            Ok(LatchedAcknowledged), Err(R::NothingToUndo), Err(R::NotAcknowledged), Ok(LatchedUnacknowledged), Ok(Closed),
            Err(R::NotPresent), Err(R::NotPresent), Ok(LatchedUnacknowledged), Err(R::NotShelved), Ok(LatchedUnacknowledged), Err(R::NotShelved), Ok(LatchedUnacknowledged)]),
        (LatchedAcknowledged, true, [
            Ok(Unacknowledged), Err(R::NotPresent), Err(R::NotPresent), Err(R::NotPresent), Err(R::NotPresent),
            Err(R::AlreadyAcknowledged), Ok(LatchedUnacknowledged), Ok(Closed), Ok(LatchedAcknowledged), Ok(Closed),
            Err(R::NotPresent), Err(R::NotPresent), Ok(LatchedAcknowledged), Err(R::NotShelved), Ok(LatchedAcknowledged), Err(R::NotShelved), Ok(LatchedAcknowledged)]),
        (Closed, false, [
            Err(R::Closed), Err(R::Closed), Err(R::Closed), Err(R::Closed), Err(R::Closed),
            Err(R::Closed), Err(R::Closed), Err(R::Closed), Ok(Closed), Err(R::Closed),
            Err(R::Closed), Err(R::Closed), Err(R::Closed), Err(R::Closed), Err(R::Closed), Err(R::Closed), Ok(Closed)]),
    ];
    assert_eq!(table.map(|row| row.0), AlarmState::ALL);
    for (state, latching, row) in table {
        for ((name, event), expected) in events.iter().zip(row) {
            let alarm = in_state(state, latching);
            assert_eq!(alarm.state, state);
            let before = alarm.version;
            let after = apply(alarm, event.clone(), when(3_000, person(1)));
            assert_eq!(after.as_ref().map(|(a, _)| a.state).map_err(|r| *r), expected, "{state:?} {name}");
            if let Ok((alarm, transition)) = after {
                assert_eq!(alarm.version, before + 1);
                assert_eq!((transition.from_state, transition.to_state), (Some(state), alarm.state));
                assert_eq!(alarm.state == Closed, alarm.closed_at.is_some(), "{state:?} {name}");
                assert_eq!(
                    matches!(alarm.state, Acknowledged | LatchedAcknowledged),
                    alarm.acknowledged_by.is_some() && alarm.state != Closed,
                    "{state:?} {name}"
                );
            }
        }
    }
}

#[test]
fn a_latching_alarm_is_held_for_reset() {
    let e = evidence(100.0, true);
    let (held, _) = apply(begun(true), AlarmEvent::Returned(e), when(2_000, By::System)).unwrap();
    assert_eq!(held.state, LatchedUnacknowledged);
    assert!(held.state.is_shown() && !held.state.is_present());
    let (taken, _) = apply(held, AlarmEvent::Acknowledge, when(3_000, person(1))).unwrap();
    let (over, step) = apply(taken, AlarmEvent::Reset, when(4_000, person(2))).unwrap();
    assert_eq!((over.state, over.close_reason), (Closed, Some(CloseReason::Reset)));
    assert_eq!((step.event, step.by.name()), (TransitionEvent::Reset, Some("person 2")));
    let (held, _) =
        apply(in_state(Acknowledged, true), AlarmEvent::Returned(e), when(5_000, By::System)).unwrap();
    assert_eq!(held.state, LatchedAcknowledged);
}

#[test]
fn a_warning_that_became_an_alarm_latches_from_then_on() {
    let worse = AlarmEvent::SeverityChanged(Severity::Alarm, evidence(400.0, true));
    let (alarm, step) = apply(in_state(Acknowledged, false), worse, when(3_000, By::System)).unwrap();
    assert_eq!((alarm.state, step.event), (Unacknowledged, TransitionEvent::Escalated));
    assert_eq!((alarm.acknowledged_at, alarm.acknowledged_by.clone()), (None, None));
    let less = AlarmEvent::SeverityChanged(Severity::Warning, evidence(250.0, false));
    let (alarm, step) = apply(alarm, less, when(4_000, By::System)).unwrap();
    assert_eq!(
        (step.event, alarm.severity, alarm.worst_severity),
        (TransitionEvent::Deescalated, Severity::Warning, Severity::Alarm)
    );
    let (alarm, _) =
        apply(alarm, AlarmEvent::Returned(evidence(10.0, false)), when(5_000, By::System)).unwrap();
    assert_eq!(alarm.state, LatchedUnacknowledged);
    assert_eq!((alarm.worst_value, alarm.current_value), (Some(400.0), Some(10.0)));
}

#[test]
fn an_acknowledgement_is_taken_back_by_the_same_person_within_a_minute() {
    let undo = |alarm, at, by| apply(alarm, AlarmEvent::UndoAcknowledge, when(at, by)).map(|(a, _)| a.state);
    let acknowledged = || in_state(Acknowledged, false);
    assert_eq!(undo(acknowledged(), 2_000 + UNDO_WITHIN_MS, person(1)), Ok(Unacknowledged));
    assert_eq!(undo(acknowledged(), 2_001 + UNDO_WITHIN_MS, person(1)), Err(Refusal::NothingToUndo));
    assert_eq!(undo(acknowledged(), 3_000, person(2)), Err(Refusal::NothingToUndo));
}

#[test]
fn late_findings_begin_closed() {
    let beginning = Beginning {
        id: AlarmId(1),
        detector: DetectorId(2),
        channel: ChannelId(3),
        hazard: Hazard::ResidualCurrent,
        severity: Severity::Alarm,
        evidence: evidence(400.0, true),
        late: true,
    };
    let (alarm, step) = raise(beginning, when(1_000, By::System), UnixMs(9_000));
    assert_eq!((alarm.state, alarm.close_reason, alarm.late), (Closed, Some(CloseReason::Late), true));
    assert_eq!((alarm.raised_at, alarm.closed_at), (UnixMs(1_000), Some(UnixMs(9_000))));
    assert_eq!((step.event, step.from_state, step.to_state), (TransitionEvent::Raised, None, Closed));
}

#[test]
fn a_shelved_alarm_lives_on_and_comes_back_when_it_gets_worse_or_its_end_has_come() {
    let (shelved, step) =
        apply(in_state(Acknowledged, false), AlarmEvent::Shelve(shelf(9_000)), when(3_000, person(1)))
            .unwrap();
    assert_eq!((shelved.state, step.event), (Acknowledged, TransitionEvent::Shelved));
    let go = |alarm: &Alarm, event, at| apply(alarm.clone(), event, when(at, By::System));
    let (same, _) =
        go(&shelved, AlarmEvent::RaisedAgain(Severity::Warning, evidence(320.0, false)), 4_000).unwrap();
    assert_eq!(same.aside, Some(shelf(9_000)), "as bad as it was is what was shelved");
    let (worse, step) =
        go(&shelved, AlarmEvent::SeverityChanged(Severity::Alarm, evidence(500.0, true)), 4_000).unwrap();
    assert_eq!((worse.aside, worse.state, step.event), (None, Unacknowledged, TransitionEvent::Escalated));
    let (back, step) = go(&shelved, AlarmEvent::BringBack, 9_000).unwrap();
    assert_eq!((back.aside, back.state, step.event), (None, Unacknowledged, TransitionEvent::Unshelved));
    assert_eq!(go(&shelved, AlarmEvent::Realarm, 9_000), Err(Refusal::SetAside));
    assert_eq!(go(&shelved, AlarmEvent::Suppress(works()), 4_000), Err(Refusal::SetAside));
    let (longer, _) = go(&shelved, AlarmEvent::Shelve(shelf(20_000)), 4_000).unwrap();
    assert_eq!(longer.aside, Some(shelf(20_000)));
    let (over, _) = go(&shelved, AlarmEvent::Returned(evidence(10.0, false)), 4_000).unwrap();
    assert_eq!((over.state, over.aside), (Closed, None));
}

#[test]
fn suppression_is_no_shelf() {
    let go = |alarm: &Alarm, event| apply(alarm.clone(), event, when(4_000, By::System));
    let (suppressed, step) = go(&begun(false), AlarmEvent::Suppress(works())).unwrap();
    assert_eq!((suppressed.state, step.event), (Unacknowledged, TransitionEvent::Suppressed));
    assert_eq!(go(&suppressed, AlarmEvent::Unshelve), Err(Refusal::NotShelved));
    assert_eq!(go(&suppressed, AlarmEvent::Shelve(shelf(9_000))), Err(Refusal::SetAside));
    let worse = AlarmEvent::SeverityChanged(Severity::Alarm, evidence(500.0, true));
    assert_eq!(
        go(&suppressed, worse).unwrap().0.aside,
        Some(works()),
        "whether it is covered, the book says"
    );
    let (back, step) = go(&suppressed, AlarmEvent::BringBack).unwrap();
    assert_eq!((back.aside, step.event), (None, TransitionEvent::Unsuppressed));
}

#[test]
fn a_report_that_the_values_deny_does_not_hold_for_reset() {
    let normal = AlarmEvent::ValuesNormal(evidence(5.0, true));
    let (gone, step) = apply(begun(true), normal.clone(), when(4_000, By::System)).unwrap();
    assert_eq!(
        (gone.state, step.event, gone.latching),
        (ReturnedUnacknowledged, TransitionEvent::Returned, false)
    );
    let (over, _) = apply(in_state(Acknowledged, true), normal, when(4_000, By::System)).unwrap();
    assert_eq!((over.state, over.close_reason), (Closed, Some(CloseReason::ValuesNormal)));
}

#[test]
fn what_it_was_in_truth_is_said_also_of_a_closed_one() {
    let mut circumstance = when(9_000, person(3));
    circumstance.comment = Some("电焊".to_owned());
    let (judged, step) =
        apply(in_state(Closed, false), AlarmEvent::Judge(Verdict::Works), circumstance).unwrap();
    assert_eq!(
        (judged.state, judged.verdict, judged.verdict_note.as_deref()),
        (Closed, Some(Verdict::Works), Some("电焊"))
    );
    assert_eq!(step.event, TransitionEvent::Judged);
}

#[test]
fn codes_are_stable_and_unique() {
    let refusals = [
        Refusal::ConditionPresent,
        Refusal::NotAcknowledged,
        Refusal::AlreadyAcknowledged,
        Refusal::Closed,
        Refusal::NothingToUndo,
        Refusal::NotPresent,
        Refusal::SetAside,
        Refusal::NotShelved,
    ];
    assert_eq!(
        refusals.map(Refusal::code),
        [
            "condition_present",
            "not_acknowledged",
            "already_acknowledged",
            "closed",
            "nothing_to_undo",
            "not_present",
            "set_aside",
            "not_shelved"
        ]
    );
    for event in TransitionEvent::ALL {
        assert_eq!(TransitionEvent::from_code(event.code()), Some(event));
    }
    for reason in CloseReason::ALL {
        assert_eq!(CloseReason::from_code(reason.code()), Some(reason));
    }
}

fn event() -> impl Strategy<Value = AlarmEvent> {
    let e = |v: u8| evidence(f64::from(v), v.is_multiple_of(2));
    prop_oneof![
        any::<u8>().prop_map(move |v| AlarmEvent::RaisedAgain(Severity::Warning, e(v))),
        any::<u8>().prop_map(move |v| AlarmEvent::SeverityChanged(Severity::Alarm, e(v))),
        any::<u8>().prop_map(move |v| AlarmEvent::Worst(e(v))),
        any::<u8>().prop_map(move |v| AlarmEvent::Returned(e(v))),
        Just(AlarmEvent::Acknowledge),
        Just(AlarmEvent::UndoAcknowledge),
        Just(AlarmEvent::Reset),
        Just(AlarmEvent::Comment),
        Just(AlarmEvent::Note(Note::Arrived { entry: TransitionId(1) })),
        Just(AlarmEvent::Withdraw),
        Just(AlarmEvent::Realarm),
        (0i64..60_000).prop_map(|until| AlarmEvent::Shelve(shelf(until))),
        Just(AlarmEvent::Unshelve),
        Just(AlarmEvent::Suppress(works())),
        Just(AlarmEvent::BringBack),
        Just(AlarmEvent::Judge(Verdict::Nuisance)),
    ]
}

proptest! {
    /// Whatever happens: closed is for ever, a latching alarm ends by a person, the worst never gets better.
    #[test]
    fn any_life_is_a_proper_life(events in prop::collection::vec(event(), 0..40)) {
        let mut alarm = begun(false);
        for (at, event) in (2_000..).zip(events) {
            let before = alarm.clone();
            match apply(alarm.clone(), event, when(at, person(1))) {
                Ok((after, step)) => {
                    prop_assert_eq!(step.from_state, Some(before.state));
                    prop_assert!(before.state != Closed || after.state == Closed);
                    prop_assert!(after.worst_severity >= before.worst_severity);
                    prop_assert!(after.worst_value >= before.worst_value);
                    prop_assert!(!before.latching || after.latching);
                    prop_assert!(after.state != Closed || after.aside.is_none());
                    if after.state == Closed && before.state != Closed && before.latching {
                        prop_assert!(matches!(after.close_reason, Some(CloseReason::Reset | CloseReason::Withdrawn)));
                    }
                    alarm = after;
                }
                Err(refusal) => prop_assert!(before.state != Closed || refusal == Refusal::Closed),
            }
        }
    }
}
