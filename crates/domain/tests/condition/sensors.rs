//! What is told from the course of values: the rate of temperature rise, and faults of sensors that devices do not tell.

use domain::binding::Binding;
use domain::condition::ChangeKind::{Raised, Returned, SeverityChanged};
use domain::condition::{ConditionChange, DetectorState};
use domain::hazard::Hazard;
use domain::hazard::Severity::{Alarm, Fault};
use domain::reading::Sample;
use domain::settings::LimitPatch;

use crate::build::*;

/// A reading each `step_s` for `hours`, with a restart in the middle; the changes of `hazard`.
fn course(
    binding: &Binding,
    hazard: Hazard,
    step_s: f64,
    hours: f64,
    samples: impl Fn(f64) -> Vec<Sample>,
) -> Vec<ConditionChange> {
    let mut state = DetectorState::new(at(0.0));
    let mut changes = Vec::new();
    let count = whole(hours * 3600.0 / step_s);
    for index in 0..=count {
        #[expect(clippy::cast_precision_loss, reason = "a test counts some thousands")]
        let when = index as f64 * step_s;
        let r = reading(when, samples(when / 3600.0));
        let judged = state.on_reading(binding, &r);
        changes.extend(judged.changes);
        if index == count / 2 {
            state = DetectorState::from_bytes(&state.to_bytes(), at(when)).expect("what was just written");
            state.restore_latest(0, at(when), at(when), judged.filing, &r.samples);
            state.restore_heard(at(when));
        }
    }
    changes.extend(state.on_time(binding, at(hours * 3600.0 + 60.0)).changes);
    changes.retain(|change| change.hazard == hazard);
    changes
}

fn whole(value: f64) -> i64 {
    #[expect(clippy::cast_possible_truncation, reason = "tests count some thousands")]
    let whole = value.floor() as i64;
    whole
}

fn plain() -> Binding {
    three_phase(LimitPatch::default())
}

/// A load that doubles by day, in hundredths of an ampere.
fn load(hour: f64) -> i64 {
    if (hour % 24.0) < 12.0 { 2000 } else { 800 }
}

fn wobble(hour: f64) -> i64 {
    whole(hour * 97.0) % 7
}

#[test]
fn a_quick_rise_is_found_within_half_a_minute_and_a_slow_one_is_not() {
    // 12 K/min from 30 °C on, a value each 10 s.
    let rising = |per_min: f64| {
        move |hour: f64| vec![good(1, whole(300.0 + (hour * 60.0 * per_min).min(60.0) * 10.0))]
    };
    let found = briefs(&course(&plain(), Hazard::TemperatureRise, 10.0, 0.3, rising(12.0)));
    let alarm = found.iter().find(|f| matches!(f.2, Raised(Alarm) | SeverityChanged(Alarm)));
    assert!(alarm.is_some_and(|f| f.3 <= 60.0), "{found:?}");
    assert_eq!(course(&plain(), Hazard::TemperatureRise, 10.0, 1.0, rising(2.0)), [], "a load switched on");
}

#[test]
fn values_far_apart_give_no_more_than_the_mean_rate() {
    // 40 K between two values of half an hour: 1.3 K/min, whatever happened between.
    let step = |hour: f64| vec![good(1, if hour < 1.0 { 300 } else { 700 })];
    assert_eq!(course(&plain(), Hazard::TemperatureRise, 1800.0, 3.0, step), []);
    // Two values within a second are no rate either.
    let noise = |hour: f64| vec![good(1, 300 + 25 * i64::from(whole((hour * 3600.0).round()) % 2 == 0))];
    assert_eq!(course(&plain(), Hazard::TemperatureRise, 1.0, 0.1, noise), []);
}

#[test]
fn one_wrong_step_is_no_rise_whatever_follows() {
    // A value each 30 s. The fifth is 12 K too high: back again, staying there, or the last word before silence.
    let at_step = |hour: f64, step: i64| whole((hour * 120.0).round()) == step;
    let back = |hour: f64| vec![good(1, if at_step(hour, 5) { 420 } else { 300 })];
    assert_eq!(course(&plain(), Hazard::TemperatureRise, 30.0, 0.2, back), []);
    let stays = |hour: f64| vec![good(1, if whole((hour * 120.0).round()) >= 5 { 420 } else { 300 })];
    assert_eq!(course(&plain(), Hazard::TemperatureRise, 30.0, 0.2, stays), []);
    assert_eq!(course(&plain(), Hazard::TemperatureRise, 30.0, 5.0 / 120.0, back), [], "then silence");
    // What heats goes on: 6 K and again 6 K is found with the second.
    let heats = |hour: f64| vec![good(1, 300 + 60 * (whole((hour * 120.0).round()) - 12).clamp(0, 6))];
    let found = briefs(&course(&plain(), Hazard::TemperatureRise, 30.0, 0.3, heats));
    assert_eq!(found.first(), Some(&(21, Hazard::TemperatureRise, Raised(Alarm), 420.0)));
}

#[test]
fn exactly_zero_for_two_days_under_load_is_a_fault() {
    let dead =
        |hour: f64| vec![good(0, if hour < 50.0 { 0 } else { 31 + wobble(hour) }), good(7, load(hour))];
    let found = course(&plain(), Hazard::SensorZero, 600.0, 60.0, dead);
    let kinds: Vec<_> = briefs(&found).into_iter().map(|f| (f.0, f.2, f.3)).collect();
    // 800 of 5000 is a load of 16 %: enough.
    assert_eq!(kinds, [(20, Raised(Fault), 172_800.0), (20, Returned, 180_000.0)]);
    assert_eq!(found[0].value, Some(48.0));
    assert_eq!(found[0].limit, Some(48.0));
    let idle = |_: f64| vec![good(0, 0), good(7, 100)];
    assert_eq!(course(&plain(), Hazard::SensorZero, 600.0, 60.0, idle), [], "without load nothing leaks");
}

#[test]
fn the_same_value_for_a_day_while_the_load_doubles_is_a_fault() {
    let stuck = |hour: f64| vec![good(1, 255), good(7, load(hour))];
    let found = briefs(&course(&plain(), Hazard::SensorStuck, 600.0, 30.0, stuck));
    assert_eq!(found, [(21, Hazard::SensorStuck, Raised(Fault), 86_400.0)]);
    let still = |_: f64| vec![good(1, 255), good(7, 2000)];
    assert_eq!(course(&plain(), Hazard::SensorStuck, 600.0, 60.0, still), [], "a steady load warms steadily");
    let alive = |hour: f64| vec![good(1, 255 + wobble(hour)), good(7, load(hour))];
    assert_eq!(course(&plain(), Hazard::SensorStuck, 600.0, 60.0, alive), []);
}

#[test]
fn a_step_that_copper_cannot_make_is_a_fault_and_hides_nothing() {
    let jump = |hour: f64| vec![good(1, if whole((hour * 3600.0).round()) == 20 { 950 } else { 300 })];
    let found = briefs(&course(&plain(), Hazard::SensorJump, 10.0, 0.3, jump));
    assert_eq!(
        found,
        [(21, Hazard::SensorJump, Raised(Fault), 20.0), (21, Hazard::SensorJump, Returned, 640.0)]
    );
    let stays = |hour: f64| vec![good(1, if hour * 3600.0 < 20.0 { 300 } else { 950 })];
    let alarm = briefs(&course(&plain(), Hazard::OverTemperature, 10.0, 0.1, stays));
    assert_eq!(alarm, [(21, Hazard::OverTemperature, Raised(Alarm), 30.0)]);
}

#[test]
fn an_open_probe_reads_minus_forty() {
    let open = |hour: f64| vec![good(1, if hour < 0.1 { 300 } else { -400 })];
    let found = briefs(&course(&plain(), Hazard::SensorOpen, 10.0, 0.2, open));
    assert_eq!(found, [(21, Hazard::SensorOpen, Raised(Fault), 370.0)]);
}

#[test]
fn a_temperature_apart_from_its_neighbours_without_load_has_drifted() {
    let apart = |amps: i64| {
        move |_: f64| {
            vec![good(1, 250), good(2, 255), good(3, 395), good(7, amps), good(8, amps), good(9, amps)]
        }
    };
    // 2 A of 50: no load.
    let found = briefs(&course(&plain(), Hazard::SensorDrift, 600.0, 5.0, apart(200)));
    assert_eq!(found, [(23, Hazard::SensorDrift, Raised(Fault), 7_200.0)]);
    assert_eq!(course(&plain(), Hazard::SensorDrift, 600.0, 5.0, apart(2000)), [], "a hot joint is no drift");
}

#[test]
fn what_is_kept_for_a_restart_changes_seldom() {
    let mut state = DetectorState::new(at(0.0));
    let binding = plain();
    let mut writes = 0;
    for index in 0..2880 {
        let when = f64::from(index) * 30.0;
        let hour = when / 3600.0;
        let samples =
            vec![good(0, 40 + i64::from(index % 5)), good(1, 300 + wobble(hour)), good(7, load(hour))];
        writes += usize::from(state.on_reading(&binding, &reading(when, samples)).state_changed);
    }
    // Two channels: for each at most one class of the load and one new run an hour.
    assert!(writes <= 2 * 2 * 24, "a day of values each 30 s wrote its state {writes} times");
}
