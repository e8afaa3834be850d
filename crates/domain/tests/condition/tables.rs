//! One table for each hazard: values in, changes out.

use domain::binding::Binding;
use domain::condition::ChangeKind::{self, Raised, Returned, SeverityChanged, Worst};
use domain::condition::DetectorState;
use domain::hazard::Hazard;
use domain::hazard::Severity::{Alarm, Fault, Warning};
use domain::reading::{PointIndex, Quality, Reported, Sample};
use domain::settings::LimitPatch;

use crate::build::*;

/// Feeds one value each second mentioned, telling time each 100 ms in between; gives the changes but `Worst`.
fn run(binding: &Binding, steps: &[(f64, Vec<Sample>)], until: f64) -> Vec<(i64, Hazard, ChangeKind, f64)> {
    let mut state = DetectorState::new(at(0.0));
    let mut changes = Vec::new();
    let mut next = 0;
    let mut tick = 0;
    loop {
        let now = f64::from(tick) / 10.0;
        if now > until {
            return briefs(&changes);
        }
        while let Some((when, samples)) = steps.get(next).filter(|(when, _)| *when <= now) {
            changes.extend(state.on_reading(binding, &reading(*when, samples.clone())).changes);
            next += 1;
        }
        changes.extend(state.on_time(binding, at(now)).changes);
        tick += 1;
    }
}

fn series(point: u16, values: &[(f64, i64)]) -> Vec<(f64, Vec<Sample>)> {
    values.iter().map(|(when, raw)| (*when, vec![good(point, *raw)])).collect()
}

#[test]
fn residual_current_warns_alarms_and_returns_with_delays() {
    // Warning 200 mA, alarm 300 mA, on 5 s, off 10 s, deadband 30 mA.
    let steps = series(0, &[(0.0, 150), (10.0, 210), (20.0, 320), (30.0, 250), (50.0, 100)]);
    assert_eq!(
        run(&binding(), &steps, 80.0),
        [
            (10, Hazard::ResidualCurrent, Raised(Warning), 15.0),
            (10, Hazard::ResidualCurrent, SeverityChanged(Alarm), 25.0),
            (10, Hazard::ResidualCurrent, SeverityChanged(Warning), 40.0),
            (10, Hazard::ResidualCurrent, Returned, 60.0),
        ]
    );
}

#[test]
fn a_short_excursion_is_nothing() {
    let steps = series(0, &[(0.0, 320), (4.0, 100)]);
    assert_eq!(run(&binding(), &steps, 30.0), []);
}

#[test]
fn a_value_straight_over_the_alarm_level_is_one_alarm() {
    let steps = series(0, &[(0.0, 800)]);
    assert_eq!(run(&binding(), &steps, 30.0), [(10, Hazard::ResidualCurrent, Raised(Alarm), 5.0)]);
}

#[test]
fn flutter_inside_the_deadband_keeps_the_state() {
    let steps = series(0, &[(0.0, 305), (2.0, 299), (4.0, 305), (20.0, 275), (25.0, 305), (30.0, 271)]);
    assert_eq!(run(&binding(), &steps, 60.0), [(10, Hazard::ResidualCurrent, Raised(Alarm), 5.0)]);
}

#[test]
fn the_off_delay_begins_anew_when_the_value_is_beyond_again() {
    let steps = series(0, &[(0.0, 320), (20.0, 100), (28.0, 320), (40.0, 100)]);
    let found = run(&binding(), &steps, 60.0);
    assert_eq!(
        found,
        [(10, Hazard::ResidualCurrent, Raised(Alarm), 5.0), (10, Hazard::ResidualCurrent, Returned, 50.0),]
    );
}

#[test]
fn escalation_has_its_own_delay_counted_from_the_alarm_level() {
    // Beyond warning at 0, beyond alarm at 3: warning at 5, alarm at 8.
    let steps = series(0, &[(0.0, 220), (3.0, 320)]);
    assert_eq!(
        run(&binding(), &steps, 30.0),
        [
            (10, Hazard::ResidualCurrent, Raised(Warning), 5.0),
            (10, Hazard::ResidualCurrent, SeverityChanged(Alarm), 8.0),
        ]
    );
}

#[test]
fn temperature_over_and_back() {
    let steps = series(1, &[(0.0, 612), (100.0, 905), (200.0, 300)]);
    let mut slow = binding();
    slow.channels[1].limits.retain(|(hazard, _)| *hazard == Hazard::OverTemperature);
    assert_eq!(
        run(&slow, &steps, 260.0),
        [
            (11, Hazard::OverTemperature, Raised(Warning), 10.0),
            (11, Hazard::OverTemperature, SeverityChanged(Alarm), 110.0),
            (11, Hazard::OverTemperature, Returned, 230.0),
        ]
    );
}

#[test]
fn voltage_over_and_under() {
    let steps = series(2, &[(0.0, 2650), (30.0, 2200), (60.0, 1750), (90.0, 2200)]);
    assert_eq!(
        run(&binding(), &steps, 120.0),
        [
            (12, Hazard::OverVoltage, Raised(Alarm), 5.0),
            (12, Hazard::OverVoltage, Returned, 40.0),
            (12, Hazard::UnderVoltage, Raised(Alarm), 70.0),
            (12, Hazard::UnderVoltage, Returned, 100.0),
        ]
    );
}

#[test]
fn overload_is_a_share_of_the_circuits_rated_current() {
    // Rated 50 A: warning 45 A, alarm 50 A.
    let steps = series(5, &[(0.0, 4600), (40.0, 5100), (80.0, 2000)]);
    assert_eq!(
        run(&binding(), &steps, 120.0),
        [
            (15, Hazard::Overload, Raised(Warning), 20.0),
            (15, Hazard::Overload, SeverityChanged(Alarm), 60.0),
            (15, Hazard::Overload, Returned, 110.0),
        ]
    );
    let mut unplaced = binding();
    unplaced.placement.rated_current_a = None;
    assert_eq!(run(&unplaced, &steps, 120.0), []);

    let mut state = DetectorState::new(at(0.0));
    let mut changes = state.on_reading(&binding(), &reading(0.0, vec![good(5, 4600)])).changes;
    changes.extend(state.on_time(&binding(), at(20.0)).changes);
    assert_eq!(changes.iter().map(|c| (c.value, c.limit)).collect::<Vec<_>>(), [(Some(46.0), Some(45.0))]);
}

#[test]
fn a_lost_phase_is_not_under_voltage() {
    let three = |a, b, c| vec![good(2, a), good(3, b), good(4, c)];
    let steps =
        [(0.0, three(2200, 2210, 2190)), (10.0, three(300, 2210, 2190)), (40.0, three(2200, 2210, 2190))];
    assert_eq!(
        run(&binding(), &steps, 70.0),
        [(12, Hazard::PhaseLoss, Raised(Alarm), 15.0), (12, Hazard::PhaseLoss, Returned, 50.0)]
    );
}

#[test]
fn all_phases_low_is_under_voltage_on_each() {
    let three = |a, b, c| vec![good(2, a), good(3, b), good(4, c)];
    let found = run(&binding(), &[(0.0, three(1000, 1000, 1000))], 30.0);
    assert_eq!(
        found,
        [
            (12, Hazard::UnderVoltage, Raised(Alarm), 10.0),
            (13, Hazard::UnderVoltage, Raised(Alarm), 10.0),
            (14, Hazard::UnderVoltage, Raised(Alarm), 10.0),
        ]
    );
}

#[test]
fn one_phase_alone_cannot_be_lost() {
    let found = run(&binding(), &series(2, &[(0.0, 1000)]), 30.0);
    assert_eq!(found, [(12, Hazard::UnderVoltage, Raised(Alarm), 10.0)]);
}

#[test]
fn a_device_that_reports_each_half_hour_alarms_after_the_delay() {
    let steps = series(0, &[(0.0, 500), (1800.0, 500)]);
    assert_eq!(run(&binding(), &steps, 1900.0), [(10, Hazard::ResidualCurrent, Raised(Alarm), 5.0)]);
}

#[test]
fn replayed_values_are_judged_by_their_own_time() {
    // Three values ten seconds apart, all received within 20 ms, ten minutes later.
    let mut binding = binding();
    binding.supervision.clock_behind_ms = 3_600_000;
    let mut state = DetectorState::new(at(0.0));
    let mut changes = Vec::new();
    for (index, raw) in [500, 500, 100, 100].into_iter().enumerate() {
        let mut replayed = reading(index as f64 * 10.0, vec![good(0, raw)]);
        replayed.received_at = at(600.0 + index as f64 * 0.01);
        changes.extend(state.on_reading(&binding, &replayed).changes);
    }
    assert_eq!(
        briefs(&changes),
        [(10, Hazard::ResidualCurrent, Raised(Alarm), 5.0), (10, Hazard::ResidualCurrent, Returned, 30.0),]
    );
}

#[test]
fn each_quality_is_its_own_fault_and_freezes_the_measured_hazard() {
    for (quality, hazard) in [
        (Quality::SensorOpen, Hazard::SensorOpen),
        (Quality::SensorShort, Hazard::SensorShort),
        (Quality::Implausible, Hazard::Implausible),
        (Quality::DeviceFault, Hazard::DeviceFault),
    ] {
        let steps = [
            (0.0, vec![good(0, 400)]),
            (20.0, vec![bad(0, quality)]),
            (100.0, vec![good(0, 400)]),
            (150.0, vec![good(0, 50)]),
        ];
        assert_eq!(
            run(&binding(), &steps, 200.0),
            [
                (10, Hazard::ResidualCurrent, Raised(Alarm), 5.0),
                (10, hazard, Raised(Fault), 30.0),
                (10, hazard, Returned, 110.0),
                (10, Hazard::ResidualCurrent, Returned, 160.0),
            ]
        );
    }
}

#[test]
fn a_missing_probe_neither_raises_nor_returns() {
    // The probe opens while the on-delay runs, and again while the off-delay runs.
    let steps = [
        (0.0, vec![good(0, 400)]),
        (2.0, vec![bad(0, Quality::SensorOpen)]),
        (30.0, vec![good(0, 400)]),
        (50.0, vec![good(0, 100)]),
        (55.0, vec![bad(0, Quality::SensorOpen)]),
        (90.0, vec![good(0, 100)]),
    ];
    let found: Vec<_> = run(&binding(), &steps, 130.0)
        .into_iter()
        .filter(|(_, hazard, ..)| *hazard == Hazard::ResidualCurrent)
        .collect();
    assert_eq!(
        found,
        [(10, Hazard::ResidualCurrent, Raised(Alarm), 5.0), (10, Hazard::ResidualCurrent, Returned, 100.0),]
    );
}

#[test]
fn what_the_device_reports_merges_with_what_is_measured() {
    let binding = binding();
    let mut state = DetectorState::new(at(0.0));
    let mut step = |seconds: f64, raw: i64, severity| {
        let mut r = reading(seconds, vec![good(0, raw)]);
        r.reported = vec![Reported { point: Some(PointIndex(0)), hazard: Hazard::ResidualCurrent, severity }];
        let mut changes = state.on_reading(&binding, &r).changes;
        changes.extend(state.on_time(&binding, at(seconds + 1.0)).changes);
        changes
    };
    let reported = step(0.0, 150, Some(Alarm));
    assert_eq!(briefs(&reported), [(10, Hazard::ResidualCurrent, Raised(Alarm), 0.0)]);
    assert!(reported.iter().all(|c| c.reported_by_device && c.latching && c.limit.is_none()));
    // Measured warning beside it: the worse of both stays.
    assert_eq!(briefs(&step(10.0, 250, Some(Alarm))), []);
    assert_eq!(briefs(&step(20.0, 250, Some(Alarm))), []);
    // The device takes it back: the measured warning is what is left, after the off-delay of the report.
    assert_eq!(briefs(&step(30.0, 250, None)), []);
    let left = step(45.0, 250, None);
    assert_eq!(briefs(&left), [(10, Hazard::ResidualCurrent, SeverityChanged(Warning), 40.0)]);
    assert!(left.iter().all(|c| !c.reported_by_device && c.limit == Some(200.0)));
    assert_eq!(briefs(&step(50.0, 20, None)), []);
    assert_eq!(briefs(&step(70.0, 20, None)), [(10, Hazard::ResidualCurrent, Returned, 60.0)]);
}

#[test]
fn hazards_that_only_devices_know_hang_on_the_device() {
    let binding = binding();
    let mut state = DetectorState::new(at(0.0));
    let mut r = reading(0.0, vec![]);
    r.reported = vec![
        Reported { point: None, hazard: Hazard::ArcFault, severity: Some(Alarm) },
        Reported { point: None, hazard: Hazard::SupplyLost, severity: Some(Fault) },
        Reported { point: None, hazard: Hazard::ShortCircuit, severity: None },
    ];
    let mut changes = state.on_reading(&binding, &r).changes;
    changes.extend(state.on_time(&binding, at(10.0)).changes);
    assert_eq!(
        changes.iter().map(|c| (brief(c), c.latching)).collect::<Vec<_>>(),
        [
            ((1, Hazard::ArcFault, Raised(Alarm), 0.0), true),
            ((1, Hazard::SupplyLost, Raised(Fault), 10.0), false),
        ]
    );
}

#[test]
fn silence_is_a_fault_and_any_word_ends_it() {
    let binding = binding();
    let mut state = DetectorState::new(at(0.0));
    assert_eq!(state.next_deadline(&binding), Some(at(3600.0)));
    state.on_heard(&binding, at(100.0));
    assert_eq!(state.on_time(&binding, at(3600.0)).changes, []);
    let offline = state.on_time(&binding, at(4000.0)).changes;
    assert_eq!(briefs(&offline), [(1, Hazard::Offline, Raised(Fault), 3700.0)]);
    assert_eq!(state.next_deadline(&binding), None);
    let back = state.on_heard(&binding, at(5000.0));
    assert_eq!(briefs(&back.changes), [(1, Hazard::Offline, Returned, 5000.0)]);
    // A word is not a value: by then it has to send one.
    assert_eq!(state.next_deadline(&binding), Some(at(7200.0)));
}

#[test]
fn a_detector_that_speaks_but_sends_nothing_new_is_a_fault() {
    let binding = binding();
    let mut state = DetectorState::new(at(0.0));
    state.on_reading(&binding, &reading(10.0, vec![good(0, 20)]));
    // Heartbeats keep it online; its value grows old all the same.
    let mut changes = Vec::new();
    for seconds in [3000.0, 6000.0, 7200.0, 7300.0] {
        changes.extend(state.on_heard(&binding, at(seconds)).changes);
    }
    assert_eq!(briefs(&changes), [(1, Hazard::Frozen, Raised(Fault), 7210.0)]);
    let fresh = state.on_reading(&binding, &reading(7400.0, vec![good(0, 20)]));
    assert_eq!(briefs(&fresh.changes), [(1, Hazard::Frozen, Returned, 7400.0)]);
}

#[test]
fn a_detector_that_falls_silent_is_one_fault_not_two() {
    let binding = binding();
    let mut state = DetectorState::new(at(0.0));
    state.on_reading(&binding, &reading(10.0, vec![good(0, 20)]));
    state.on_heard(&binding, at(1000.0));
    let changes = state.on_time(&binding, at(100_000.0)).changes;
    assert_eq!(briefs(&changes), [(1, Hazard::Offline, Raised(Fault), 4600.0)]);
}

#[test]
fn worst_is_told_while_it_rises() {
    let binding = binding();
    let mut state = DetectorState::new(at(0.0));
    let mut worst = Vec::new();
    for (seconds, raw) in [(0.0, 400), (2.0, 350), (6.0, 380), (8.0, 450), (10.0, 440), (12.0, 451)] {
        let changes = state.on_reading(&binding, &reading(seconds, vec![good(0, raw)])).changes;
        worst.extend(changes.into_iter().map(|c| (c.kind, c.value)));
    }
    assert_eq!(
        worst,
        [(Raised(Alarm), Some(400.0)), (Worst, Some(450.0)), (Worst, Some(451.0))],
        "the peak while the delay ran counts"
    );
}

#[test]
fn only_alarms_latch() {
    let binding = binding();
    let mut state = DetectorState::new(at(0.0));
    let mut changes = state.on_reading(&binding, &reading(0.0, vec![good(0, 220)])).changes;
    changes.extend(state.on_reading(&binding, &reading(10.0, vec![good(0, 420)])).changes);
    changes.extend(state.on_time(&binding, at(20.0)).changes);
    let found: Vec<_> =
        changes.iter().filter(|c| c.kind != Worst).map(|c| (c.kind, c.latching, c.limit)).collect();
    assert_eq!(found, [(Raised(Warning), false, Some(200.0)), (SeverityChanged(Alarm), true, Some(300.0))]);
}

#[test]
fn new_limits_apply_at_once_to_what_is_known() {
    let mut state = DetectorState::new(at(0.0));
    let before = binding();
    assert_eq!(state.on_reading(&before, &reading(0.0, vec![good(0, 150)])).changes, []);
    let stricter =
        binding_with(LimitPatch { warning: Some(100.0), alarm: Some(140.0), ..LimitPatch::default() });
    let mut changes = state.on_binding(&stricter, at(100.0)).changes;
    changes.extend(state.on_time(&stricter, at(110.0)).changes);
    let found: Vec<_> = briefs(&changes).into_iter().filter(|(channel, ..)| *channel == RESIDUAL.0).collect();
    assert_eq!(found, [(10, Hazard::ResidualCurrent, Raised(Alarm), 105.0)]);

    let off = binding_with(LimitPatch { enabled: Some(false), ..LimitPatch::default() });
    let changes = state.on_binding(&off, at(200.0)).changes;
    assert_eq!(briefs(&changes), [(10, Hazard::ResidualCurrent, Returned, 200.0)]);
    assert_eq!(state.open().count(), 0);
}

#[test]
fn a_removed_channel_takes_its_conditions_along() {
    let mut state = DetectorState::new(at(0.0));
    let mut binding = binding();
    state.on_reading(&binding, &reading(0.0, vec![good(0, 500)]));
    state.on_time(&binding, at(5.0));
    assert_eq!(state.open().map(|c| c.channel).collect::<Vec<_>>(), [RESIDUAL]);
    binding.channels.retain(|c| c.channel.id != RESIDUAL);
    let changes = state.on_binding(&binding, at(9.0)).changes;
    assert_eq!(briefs(&changes), [(10, Hazard::ResidualCurrent, Returned, 9.0)]);
}
