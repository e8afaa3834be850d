//! Hazards over several channels, and those against the load, the rating and the hour.

use domain::binding::{Binding, hazards_of};
use domain::condition::ChangeKind::{self, Raised, Returned};
use domain::condition::DetectorState;
use domain::hazard::Hazard;
use domain::hazard::Severity::{Alarm, Warning};
use domain::reading::{Quality, Sample};
use domain::settings::{LimitPatch, Night};

use crate::build::*;

type Brief = (i64, Hazard, ChangeKind, f64);

/// Feeds the readings; tells time between them each second, and until `until`.
fn run(binding: &Binding, steps: &[(f64, Vec<Sample>)], until: f64) -> Vec<Brief> {
    let mut state = DetectorState::new(at(0.0));
    let mut changes = Vec::new();
    for (when, samples) in steps {
        changes.extend(state.on_time(binding, at(*when)).changes);
        changes.extend(state.on_reading(binding, &reading(*when, samples.clone())).changes);
    }
    changes.extend(state.on_time(binding, at(until)).changes);
    briefs(&changes)
}

fn plain() -> Binding {
    three_phase(LimitPatch::default())
}

fn volts(a: i64, b: i64, c: i64) -> Vec<Sample> {
    vec![good(4, a), good(5, b), good(6, c)]
}

fn amps(a: i64, b: i64, c: i64) -> Vec<Sample> {
    vec![good(7, a), good(8, b), good(9, c)]
}

#[test]
fn each_hazard_over_channels_belongs_to_exactly_one() {
    let binding = plain();
    let channels: Vec<_> = binding.channels.iter().map(|c| c.channel.clone()).collect();
    for (hazard, owner) in [
        (Hazard::VoltageUnbalance, 24),
        (Hazard::PowerFailure, 24),
        (Hazard::CurrentUnbalance, 27),
        (Hazard::LeakagePerLoad, 20),
    ] {
        let owners: Vec<i64> = (0..channels.len())
            .filter(|index| hazards_of(&channels, *index).contains(&hazard))
            .map(|index| channels[index].id.0)
            .collect();
        assert_eq!(owners, [owner], "{hazard:?}");
    }
    // Whatever the order of the channels.
    let turned: Vec<_> = channels.iter().rev().cloned().collect();
    let owner =
        (0..turned.len()).find(|index| hazards_of(&turned, *index).contains(&Hazard::CurrentUnbalance));
    assert_eq!(owner.map(|index| turned[index].id.0), Some(27));
}

#[test]
fn unbalance_of_voltage_is_negative_over_positive_sequence() {
    // 230, 220, 210 V: 2.62 %. Warning 2 %, alarm 4 %, both after 60 s.
    let steps =
        [(0.0, volts(2300, 2200, 2100)), (100.0, volts(2400, 2200, 2000)), (200.0, volts(2210, 2200, 2190))];
    assert_eq!(
        run(&plain(), &steps, 300.0),
        [
            (24, Hazard::VoltageUnbalance, Raised(Warning), 60.0),
            (24, Hazard::VoltageUnbalance, ChangeKind::SeverityChanged(Alarm), 160.0),
            (24, Hazard::VoltageUnbalance, Returned, 260.0),
        ]
    );
}

#[test]
fn a_lost_phase_is_not_unbalance_too() {
    let found = run(&plain(), &[(0.0, volts(2200, 2200, 100))], 300.0);
    assert_eq!(found, [(26, Hazard::PhaseLoss, Raised(Alarm), 5.0)]);
}

#[test]
fn unbalance_of_current_asks_for_a_load() {
    // Rated 50 A: judged from a mean of 10 A on. 8, 1, 1 A is nothing; 40, 5, 5 A deviates by 140 % of the mean.
    assert_eq!(run(&plain(), &[(0.0, amps(800, 100, 100))], 2000.0), []);
    let found = run(&plain(), &[(0.0, amps(4000, 500, 500)), (900.0, amps(1000, 900, 1000))], 1000.0);
    assert_eq!(
        found,
        [
            (27, Hazard::CurrentUnbalance, Raised(Alarm), 600.0),
            (27, Hazard::CurrentUnbalance, Returned, 960.0),
        ]
    );
}

#[test]
fn what_is_not_known_neither_raises_nor_returns() {
    let gone = |a: i64| vec![good(4, a), good(5, 2200), bad(6, Quality::DeviceFault)];
    let found: Vec<Brief> =
        run(&plain(), &[(0.0, volts(2400, 2200, 2000)), (100.0, gone(2200)), (500.0, gone(2200))], 600.0)
            .into_iter()
            .filter(|(_, hazard, ..)| *hazard == Hazard::VoltageUnbalance)
            .collect();
    assert_eq!(found, [(24, Hazard::VoltageUnbalance, Raised(Alarm), 60.0)]);
}

#[test]
fn power_failure_is_one_and_lasts_until_any_phase_is_back() {
    let steps = [(0.0, volts(2200, 2200, 2200)), (10.0, volts(20, 10, 0)), (100.0, volts(2200, 2210, 2190))];
    assert_eq!(
        run(&plain(), &steps, 200.0),
        [(24, Hazard::PowerFailure, Raised(Warning), 15.0), (24, Hazard::PowerFailure, Returned, 110.0)]
    );
}

#[test]
fn one_phase_too_low_is_under_voltage_and_an_outage_leaves_no_blind_spot() {
    // Too low but not lost, with the others fine.
    let found = run(&plain(), &[(0.0, volts(2200, 1700, 2210))], 9.0 + 60.0);
    assert!(found.contains(&(25, Hazard::UnderVoltage, Raised(Alarm), 10.0)), "{found:?}");
    // All of them down, and the channel that power failure belongs to has no value: the others must say it.
    let blind = vec![bad(4, Quality::DeviceFault), good(5, 10), good(6, 0)];
    let found = run(&plain(), &[(0.0, volts(2200, 2200, 2200)), (10.0, blind)], 100.0);
    for channel in [25, 26] {
        assert!(found.contains(&(channel, Hazard::UnderVoltage, Raised(Alarm), 20.0)), "{found:?}");
    }
    // Switched off, power failure takes nothing away.
    let mut binding = plain();
    for (_, limits) in binding.channels.iter_mut().flat_map(|channel| &mut channel.limits) {
        if limits.warning == Some(44.0) {
            limits.enabled = false;
        }
    }
    let found = run(&binding, &[(0.0, volts(20, 10, 0))], 60.0);
    assert_eq!(found.iter().filter(|f| f.1 == Hazard::UnderVoltage && f.2 == Raised(Alarm)).count(), 3);
}

#[test]
fn currents_are_not_unbalanced_because_a_phase_is_lost() {
    let lost: Vec<Sample> = volts(2200, 2200, 50).into_iter().chain(amps(2000, 2000, 0)).collect();
    let found = run(&plain(), &[(0.0, lost)], 1000.0);
    assert_eq!(found, [(26, Hazard::PhaseLoss, Raised(Alarm), 5.0)]);
}

#[test]
fn a_short_circuit_is_a_multiple_of_the_rated_current_and_counts_at_once() {
    // Rated 50 A: from 250 A on.
    let found = run(&plain(), &[(0.0, vec![good(7, 26_000)]), (1.0, vec![good(7, 0)])], 100.0);
    assert_eq!(
        found,
        [(27, Hazard::ShortCircuit, Raised(Alarm), 0.0), (27, Hazard::ShortCircuit, Returned, 31.0)]
    );
}

#[test]
fn the_neutral_may_carry_what_a_phase_may() {
    let found = run(&plain(), &[(0.0, vec![good(10, 5_200)])], 60.0);
    assert_eq!(found, [(30, Hazard::NeutralOverload, Raised(Alarm), 30.0)]);
}

#[test]
fn arcs_count_from_fourteen_half_cycles_on() {
    assert_eq!(run(&plain(), &[(0.0, vec![good(12, 9)])], 60.0), []);
    let found = run(&plain(), &[(0.0, vec![good(12, 14)])], 60.0);
    assert_eq!(found, [(32, Hazard::ArcFault, Raised(Alarm), 0.0)]);
}

#[test]
fn leakage_that_follows_the_load_is_judged_in_ma_per_kw_up_to_a_cap() {
    let on = three_phase(LimitPatch { enabled: Some(true), ..LimitPatch::default() });
    let with = |residual: i64, watt: i64| vec![good(0, residual), good(11, watt)];
    let found = |residual, watt| -> Vec<Hazard> {
        run(&on, &[(0.0, with(residual, watt))], 60.0)
            .into_iter()
            .filter(|(_, hazard, ..)| *hazard == Hazard::LeakagePerLoad)
            .map(|(_, hazard, ..)| hazard)
            .collect()
    };
    // Warning at 15 mA per kW; not judged below 2 kW; the alarm level of 30 mA/kW reaches its cap of 300 mA at 10 kW.
    assert_eq!(found(100, 5_000), [Hazard::LeakagePerLoad]);
    assert_eq!(found(100, 10_000), []);
    assert_eq!(found(100, 1_500), []);
    assert_eq!(found(160, 40_000), [Hazard::LeakagePerLoad], "a great load excuses no more than the cap");
    assert_eq!(run(&plain(), &[(0.0, with(100, 5_000))], 60.0), [], "off until a person switches it on");
}

#[test]
fn a_night_has_limits_of_its_own() {
    // T0 is 08:00 at the site. Night from 22 to 6: 50 400 s later.
    let mut binding = plain();
    let night = Night { minutes: Some((1320, 360)), weekend: false, warning: None, alarm: Some(80.0) };
    binding.channels[0].nights = vec![(Hazard::ResidualCurrent, night)];
    let found = run(&binding, &[(0.0, vec![good(0, 100)]), (50_500.0, vec![good(0, 100)])], 50_600.0);
    let found: Vec<Brief> = found.into_iter().filter(|(channel, ..)| *channel == 20).collect();
    assert_eq!(found, [(20, Hazard::ResidualCurrent, Raised(Alarm), 50_505.0)]);
}
