//! Measurement time rules (invariant 4).

use domain::condition::ChangeKind::{FoundLate, Raised, Returned};
use domain::condition::DetectorState;
use domain::hazard::Hazard;
use domain::hazard::Severity::{Alarm, Fault, Warning};
use domain::reading::{Filing, PointIndex};

use crate::build::*;

#[test]
fn newer_equal_older_and_wrong() {
    let binding = binding();
    let mut state = DetectorState::new(at(0.0));
    let mut file = |device: Option<f64>, received: f64, raw: i64| {
        let mut r = reading(0.0, vec![good(0, raw)]);
        r.device_at = device.map(at);
        r.received_at = at(received);
        let judged = state.on_reading(&binding, &r);
        let latest = state.latest(PointIndex(0)).copied().unwrap();
        (judged.filing, (judged.filed_at.0 - T0) as f64 / 1000.0, latest.raw, latest.clock_wrong)
    };
    assert_eq!(file(Some(100.0), 101.0, 1), (Filing::Current, 100.0, 1, false));
    assert_eq!(file(Some(100.0), 102.0, 1), (Filing::Repeated, 100.0, 1, false));
    assert_eq!(file(Some(90.0), 102.5, 3), (Filing::Late, 90.0, 1, false));
    assert_eq!(
        file(Some(100.0), 103.0, 2),
        (Filing::ClockWrong, 103.0, 2, true),
        "a clock that stands still"
    );
    assert_eq!(file(Some(160.0), 104.0, 4), (Filing::Current, 160.0, 4, false));
    assert_eq!(file(Some(900.0), 200.0, 5), (Filing::ClockWrong, 200.0, 5, true), "ahead");
    assert_eq!(file(Some(-500.0), 210.0, 6), (Filing::ClockWrong, 210.0, 6, true), "behind");
    assert_eq!(file(None, 220.0, 7), (Filing::Current, 220.0, 7, false));
    assert_eq!(file(None, 220.0, 8), (Filing::Current, 220.001, 8, false), "both are real");
    assert_eq!(file(Some(-500.0), 220.0, 9), (Filing::ClockWrong, 220.002, 9, true));
    assert_eq!(file(Some(230.0), 231.0, 10), (Filing::Current, 230.0, 10, false));
}

#[test]
fn two_uploads_in_one_second_of_the_devices_clock_are_no_fault() {
    let binding = binding();
    let mut state = DetectorState::new(at(0.0));
    let mut r = reading(100.0, vec![good(0, 20)]);
    r.received_at = at(100.5);
    state.on_reading(&binding, &r);
    r.samples = vec![good(0, 400)];
    r.received_at = at(101.1);
    state.on_reading(&binding, &r);
    assert_eq!(state.latest(PointIndex(0)).map(|latest| latest.raw), Some(400), "both are judged");
    let changes = state.on_time(&binding, at(400.0)).changes;
    assert_eq!(changes.iter().map(|c| c.hazard).collect::<Vec<_>>(), [Hazard::ResidualCurrent]);
}

#[test]
fn groups_have_separate_times() {
    let binding = binding();
    let mut state = DetectorState::new(at(0.0));
    let mut r = reading(100.0, vec![good(0, 1)]);
    assert_eq!(state.on_reading(&binding, &r).filing, Filing::Current);
    r.group = 1;
    r.device_at = Some(at(50.0));
    r.samples = vec![good(1, 200)];
    assert_eq!(state.on_reading(&binding, &r).filing, Filing::Current);
    assert_eq!((state.last_filed(0), state.last_filed(1)), (Some(at(100.0)), Some(at(50.0))));
}

#[test]
fn a_wrong_clock_is_a_fault_and_its_readings_are_judged() {
    let binding = binding();
    let mut state = DetectorState::new(at(0.0));
    let mut changes = Vec::new();
    for seconds in [0.0, 20.0, 40.0] {
        let mut r = reading(seconds, vec![good(0, 500)]);
        r.device_at = Some(at(seconds + 100_000.0));
        changes.extend(state.on_reading(&binding, &r).changes);
    }
    changes.extend(state.on_reading(&binding, &reading(60.0, vec![good(0, 500)])).changes);
    changes.extend(state.on_time(&binding, at(80.0)).changes);
    assert_eq!(
        briefs(&changes),
        [
            (10, Hazard::ResidualCurrent, Raised(Alarm), 5.0),
            (1, Hazard::ClockWrong, Raised(Fault), 10.0),
            (1, Hazard::ClockWrong, Returned, 70.0),
        ]
    );
}

#[test]
fn hazards_in_late_data_are_found_once_and_change_nothing() {
    let binding = binding();
    let mut state = DetectorState::new(at(0.0));
    state.on_reading(&binding, &reading(1000.0, vec![good(0, 50)]));
    let before = (state.latest(PointIndex(0)).copied(), state.open().count());
    let mut found = Vec::new();
    // Half a minute between values: one occurrence, which gets worse once.
    for (seconds, raw) in [(700.0, 100), (730.0, 250), (760.0, 260), (790.0, 400), (820.0, 420), (850.0, 90)]
    {
        let mut r = reading(seconds, vec![good(0, raw)]);
        r.received_at = at(1010.0);
        let judged = state.on_reading(&binding, &r);
        assert_eq!(judged.filing, Filing::Late);
        found.extend(judged.changes);
    }
    found.extend(state.on_time(&binding, at(1100.0)).changes);
    assert_eq!(
        briefs(&found),
        [
            (10, Hazard::ResidualCurrent, FoundLate(Warning), 730.0),
            (10, Hazard::ResidualCurrent, FoundLate(Alarm), 790.0),
        ]
    );
    assert_eq!((state.latest(PointIndex(0)).copied(), state.open().count()), before);
}

#[test]
fn late_data_never_close_what_is_open_nor_repeat_it() {
    let binding = binding();
    let mut state = DetectorState::new(at(0.0));
    state.on_reading(&binding, &reading(100.0, vec![good(0, 500)]));
    state.on_reading(&binding, &reading(200.0, vec![good(0, 500)]));
    assert_eq!(state.open().count(), 1);
    for (seconds, raw) in [(150.0, 10), (160.0, 500)] {
        let mut r = reading(seconds, vec![good(0, raw)]);
        r.received_at = at(201.0);
        assert_eq!(state.on_reading(&binding, &r).changes, [], "the open alarm covers that time");
    }
    state.on_time(&binding, at(400.0));
    assert_eq!(state.open().count(), 1);
}

#[test]
fn late_under_voltage_of_a_lost_phase_is_phase_loss() {
    let binding = binding();
    let mut state = DetectorState::new(at(0.0));
    let fine = vec![good(2, 2200), good(3, 2200), good(4, 2200)];
    state.on_reading(&binding, &reading(500.0, fine));
    let mut r = reading(300.0, vec![good(2, 200), good(3, 2200), good(4, 2200)]);
    r.received_at = at(501.0);
    assert_eq!(
        briefs(&state.on_reading(&binding, &r).changes),
        [(VOLTAGE_A.0, Hazard::PhaseLoss, FoundLate(Alarm), 300.0)]
    );
}

/// A detector that replays history, as its binding says.
fn replaying() -> domain::binding::Binding {
    let mut binding = binding();
    binding.supervision.clock_behind_ms = 31 * 86_400_000;
    binding
}

#[test]
fn a_clock_that_was_set_back_does_not_blind_the_detector() {
    let binding = replaying();
    let mut state = DetectorState::new(at(0.0));
    state.on_reading(&binding, &reading(7_200.0, vec![good(0, 50)]));
    let mut changes = Vec::new();
    let mut filings = Vec::new();
    for seconds in [7_210.0, 7_220.0, 7_230.0, 7_240.0, 7_250.0, 7_260.0] {
        let mut r = reading(seconds, vec![good(0, 500)]);
        r.device_at = Some(at(seconds - 3_600.0));
        // A restart in between is no new beginning.
        let mut again = DetectorState::from_bytes(&state.to_bytes(), at(0.0)).unwrap();
        again.restore_latest(0, state.last_filed(0).unwrap(), at(seconds), Filing::Current, &[good(0, 50)]);
        assert_eq!(again.on_reading(&binding, &r).filing, {
            let judged = state.on_reading(&binding, &r);
            filings.push(judged.filing);
            changes.extend(judged.changes);
            judged.filing
        });
    }
    assert_eq!(
        filings,
        [
            Filing::Late,
            Filing::Late,
            Filing::Late,
            Filing::ClockWrong,
            Filing::ClockWrong,
            Filing::ClockWrong
        ]
    );
    // The clock is set right.
    let judged = state.on_reading(&binding, &reading(7_270.0, vec![good(0, 500)]));
    assert_eq!(judged.filing, Filing::Current);
    changes.extend(judged.changes);
    let told = briefs(&changes);
    assert!(told.iter().any(|c| (c.1, c.2) == (Hazard::ResidualCurrent, Raised(Alarm))), "{told:?}");
    assert!(told.iter().any(|c| (c.1, c.2) == (Hazard::ClockWrong, Raised(Fault))), "{told:?}");
}

#[test]
fn a_clock_that_ran_ahead_and_was_put_right_does_not_blind_the_detector() {
    let binding = replaying();
    let mut state = DetectorState::new(at(0.0));
    let mut r = reading(100.0, vec![good(0, 50)]);
    r.device_at = Some(at(150.0));
    assert_eq!(state.on_reading(&binding, &r).filing, Filing::Current);
    let mut changes = Vec::new();
    for seconds in [101.0, 104.0, 108.0] {
        let r = reading(seconds, vec![good(0, 500)]);
        let judged = state.on_reading(&binding, &r);
        assert_eq!(judged.filing, Filing::ClockWrong);
        changes.extend(judged.changes);
    }
    changes.extend(state.on_time(&binding, at(140.0)).changes);
    let raised: Vec<_> =
        briefs(&changes).into_iter().map(|(channel, hazard, kind, _)| (channel, hazard, kind)).collect();
    assert_eq!(
        raised,
        [(10, Hazard::ResidualCurrent, Raised(Alarm))],
        "one alarm, and the clock is right now"
    );
    // What it kept from before is history all the same.
    let mut r = reading(70.0, vec![good(0, 60)]);
    r.received_at = at(141.0);
    assert_eq!(state.on_reading(&binding, &r).filing, Filing::Late);
    assert_eq!(state.on_reading(&binding, &reading(160.0, vec![good(0, 500)])).filing, Filing::Current);
}

#[test]
fn a_replay_is_not_a_clock_that_was_set_back() {
    let binding = replaying();
    // Ten seconds of history per second; then one old reading sent again and again.
    for pace in [10.0, 0.0, -1.0] {
        let mut state = DetectorState::new(at(0.0));
        state.on_reading(&binding, &reading(90_000.0, vec![good(0, 50)]));
        for second in 1..300 {
            let mut r = reading(90_000.0 + f64::from(second), vec![good(0, 500)]);
            r.device_at = Some(at(80_000.0 + pace * f64::from(second)));
            assert_eq!(state.on_reading(&binding, &r).filing, Filing::Late, "{pace} at {second}");
        }
        assert_eq!(state.open().count(), 0);
    }
}
