//! What each fault must raise, by when, and what it may raise beside.

use domain::binding::Binding;
use domain::hazard::{Hazard, Severity};
use domain::time::UnixMs;
use rand::Rng;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;

use crate::fault::{Conductor, Fault, FaultKind};
use crate::physics::{Circuit, CircuitSpec};
use crate::truth::Truth;

const MINUTE_MS: i64 = 60_000;
const HOUR_MS: i64 = 60 * MINUTE_MS;
/// A value that stays is told apart from one that moves once an hour at least.
const SEEN_MS: i64 = HOUR_MS + 5 * MINUTE_MS;
/// How long a probe must be off its neighbours by default.
const DRIFT_MS: i64 = 2 * HOUR_MS;

/// The worst short circuit, times the rated current.
pub(super) const WORST_SHORT: f64 = 9.0;

/// Something that a fault must raise.
pub(super) struct Want {
    pub(super) hazard: Hazard,
    pub(super) severity: Severity,
    /// When it is physically so.
    pub(super) so_at: UnixMs,
    /// When it must be judged: after the next report and the set delay.
    pub(super) due: UnixMs,
}

/// One of each kind, with drawn measures on both sides of the default limits.
pub(super) fn script(rng: &mut StdRng) -> Vec<FaultKind> {
    let phase = [Conductor::A, Conductor::B, Conductor::C].choose(rng).copied().unwrap_or(Conductor::A);
    vec![
        FaultKind::AgeingInsulation {
            target_ma: rng.random_range(150.0..600.0),
            ramp_s: rng.random_range(30.0..1_500.0),
            circuit_loop: 0,
        },
        FaultKind::LooseningTerminal {
            rise_c: rng.random_range(60.0..120.0),
            ramp_s: rng.random_range(30.0..1_200.0),
            conductor: phase,
        },
        FaultKind::Overload { percent: rng.random_range(95.0..125.0), ramp_s: rng.random_range(5.0..300.0) },
        FaultKind::Sag { factor: rng.random_range(0.65..0.78) },
        FaultKind::Swell { factor: rng.random_range(1.2..1.3) },
        FaultKind::PhaseLoss { phase },
        FaultKind::Unbalance { phase, share: rng.random_range(0.2..0.5) },
        FaultKind::FloatingNeutral { phase, shift: rng.random_range(0.03..0.12) },
        FaultKind::HarmonicLoad { percent: rng.random_range(60.0..130.0) },
        FaultKind::Outage,
        FaultKind::ShortCircuit { phase, multiple: rng.random_range(5.5..WORST_SHORT), clears_s: 60.0 },
        FaultKind::Arcing { half_cycles: rng.random_range(11.0_f64..40.0).round() },
        FaultKind::LooseProbe { point: "temperature_a".to_owned(), by_c: rng.random_range(42.0..52.0) },
        FaultKind::BrokenProbe { point: "residual".to_owned(), short: rng.random_bool(0.5) },
        FaultKind::BrokenProbe { point: "temperature_a".to_owned(), short: rng.random_bool(0.5) },
        FaultKind::LeakyLoad { ma_per_kw: rng.random_range(20.0..60.0) },
        FaultKind::Frozen,
        FaultKind::DeadSim,
        FaultKind::WrongClock { offset_s: rng.random_range(600..7_200) },
        FaultKind::ReplayAfterOutage,
    ]
}

/// Those that take days to be told.
pub(super) fn slow_script(rng: &mut StdRng) -> Vec<FaultKind> {
    let sign = if rng.random_bool(0.5) { 1.0 } else { -1.0 };
    vec![
        FaultKind::StuckProbe { point: "residual".to_owned(), at_zero: true },
        FaultKind::StuckProbe { point: "residual".to_owned(), at_zero: false },
        FaultKind::StuckProbe { point: "temperature_a".to_owned(), at_zero: false },
        FaultKind::DriftingProbe {
            point: "temperature_b".to_owned(),
            by_c: sign * rng.random_range(14.0..25.0),
            ramp_s: rng.random_range(3_600.0..20_000.0),
        },
    ]
}

/// What a fault may raise; anything else that is raised while it lasts has no cause.
pub(super) const fn explains(kind: &FaultKind) -> &'static [Hazard] {
    match kind {
        FaultKind::AgeingInsulation { .. } => &[Hazard::ResidualCurrent],
        FaultKind::LooseningTerminal { .. } => &[Hazard::OverTemperature, Hazard::TemperatureRise],
        // More current: more heat, a deeper voltage.
        FaultKind::Overload { .. } => &[Hazard::Overload, Hazard::OverTemperature],
        FaultKind::Sag { .. } => &[Hazard::UnderVoltage],
        FaultKind::Swell { .. } => &[Hazard::OverVoltage],
        FaultKind::PhaseLoss { .. } => &[Hazard::PhaseLoss, Hazard::UnderVoltage],
        // One phase may then be overloaded, the neutral carries the difference.
        FaultKind::Unbalance { .. } => {
            &[Hazard::CurrentUnbalance, Hazard::Overload, Hazard::NeutralOverload, Hazard::OverTemperature]
        }
        FaultKind::FloatingNeutral { .. } => {
            &[Hazard::VoltageUnbalance, Hazard::OverVoltage, Hazard::UnderVoltage]
        }
        FaultKind::HarmonicLoad { .. } => &[Hazard::NeutralOverload, Hazard::OverTemperature],
        FaultKind::Outage => &[Hazard::PowerFailure],
        // Heat, at nine times the rated current as quick as a broken probe, and a deep voltage until it is cleared; then
        // one phase carries nothing.
        FaultKind::ShortCircuit { .. } => &[
            Hazard::ShortCircuit,
            Hazard::Overload,
            Hazard::OverTemperature,
            Hazard::TemperatureRise,
            Hazard::SensorJump,
            Hazard::UnderVoltage,
            Hazard::CurrentUnbalance,
            Hazard::VoltageUnbalance,
            Hazard::NeutralOverload,
        ],
        FaultKind::Arcing { .. } => &[Hazard::ArcFault],
        FaultKind::LooseProbe { .. } => &[Hazard::SensorJump],
        // A point that stands at what it was in the heat of the day reads too much at night, and drifts from the others.
        FaultKind::StuckProbe { .. } => {
            &[Hazard::SensorStuck, Hazard::SensorZero, Hazard::SensorDrift, Hazard::SensorJump]
        }
        FaultKind::DriftingProbe { .. } => &[Hazard::SensorDrift, Hazard::OverTemperature],
        FaultKind::LeakyLoad { .. } => &[Hazard::LeakagePerLoad, Hazard::ResidualCurrent],
        FaultKind::BrokenProbe { .. } => &[Hazard::SensorOpen, Hazard::SensorShort],
        FaultKind::Frozen => &[Hazard::Frozen],
        FaultKind::DeadSim | FaultKind::Reboot | FaultKind::ReplayAfterOutage => &[Hazard::Offline],
        FaultKind::WrongClock { .. } => &[Hazard::ClockWrong],
        FaultKind::Miswired { .. } => &[Hazard::ResidualCurrent],
    }
}

/// What a fault must raise on a detector that is bound so and reports each `report_ms`.
pub(super) fn wants(
    fault: &Fault,
    truth: &Truth,
    circuit: CircuitSpec,
    binding: &Binding,
    report_ms: i64,
) -> Vec<Want> {
    let passed = truth.passes.iter().filter_map(|passing| {
        let judged = binding.channels.iter().find_map(|channel| {
            channel.limits.iter().find(|(hazard, limits)| *hazard == passing.hazard && limits.enabled)
        });
        let (_, limits) = judged?;
        // A value that swings about its limit is not beyond it for the length of a delay.
        let so_at = UnixMs(passing.stays_from_ms?);
        // The report that shows it, the delay, and the report that shows that it has stayed.
        let due = so_at.plus_ms(2 * report_ms + limits.on_delay_ms);
        Some(Want { hazard: passing.hazard, severity: passing.severity, so_at, due })
    });
    let whole = |hazard: Hazard, after_ms: i64| Want {
        hazard,
        severity: Severity::Fault,
        so_at: fault.from,
        due: fault.from.plus_ms(after_ms + report_ms),
    };
    let watch = &binding.supervision;
    let told = match &fault.kind {
        FaultKind::BrokenProbe { short: false, .. } => {
            Some(whole(Hazard::SensorOpen, report_ms + watch.fault_on_delay_ms))
        }
        FaultKind::BrokenProbe { short: true, .. } => {
            Some(whole(Hazard::SensorShort, report_ms + watch.fault_on_delay_ms))
        }
        FaultKind::DeadSim | FaultKind::ReplayAfterOutage => {
            Some(whole(Hazard::Offline, watch.offline_after_ms))
        }
        FaultKind::LooseProbe { .. } => Some(whole(Hazard::SensorJump, 120_000)),
        FaultKind::WrongClock { .. } => Some(whole(Hazard::ClockWrong, report_ms + watch.fault_on_delay_ms)),
        FaultKind::StuckProbe { .. } | FaultKind::DriftingProbe { .. } => None,
        // Gone for less than the supervision's time; identical values are told by the clock that stands still with them
        // or by their length, which is a diagnosis.
        FaultKind::Reboot
        | FaultKind::Frozen
        | FaultKind::Miswired { .. }
        | FaultKind::AgeingInsulation { .. }
        | FaultKind::LooseningTerminal { .. }
        | FaultKind::Overload { .. }
        | FaultKind::Sag { .. }
        | FaultKind::Swell { .. }
        | FaultKind::PhaseLoss { .. }
        | FaultKind::Unbalance { .. }
        | FaultKind::FloatingNeutral { .. }
        | FaultKind::HarmonicLoad { .. }
        | FaultKind::Outage
        | FaultKind::ShortCircuit { .. }
        | FaultKind::Arcing { .. }
        | FaultKind::LeakyLoad { .. } => None,
    };
    let slow = slowly(fault, circuit).into_iter().map(|(hazard, so_at, after_ms)| Want {
        hazard,
        severity: Severity::Fault,
        so_at,
        due: so_at.plus_ms(after_ms + 2 * report_ms),
    });
    // What is over before it must be told need not be told.
    passed.chain(told).chain(slow).filter(|want| want.due < fault.to).collect()
}

/// What the data of days must tell of a probe, with when it is so and the delay that follows, ms. Of the load the usual
/// one is asked: nothing else is wrong with the circuit.
fn slowly(fault: &Fault, spec: CircuitSpec) -> Vec<(Hazard, UnixMs, i64)> {
    let circuit = Circuit::new(spec);
    let load_a = |at: UnixMs| circuit.usual_current_a(at).into_iter().fold(0.0, f64::max);
    let minutes = |from: UnixMs, to: UnixMs| {
        (0..to.since_ms(from) / MINUTE_MS).map(move |n| from.plus_ms(n * MINUTE_MS))
    };
    let first = |from: UnixMs, is_so: &dyn Fn(UnixMs) -> bool| minutes(from, fault.to).find(|at| is_so(*at));
    match &fault.kind {
        FaultKind::StuckProbe { at_zero, .. } => {
            let (low, high) = minutes(fault.from, fault.to)
                .map(load_a)
                .fold((f64::INFINITY, 0.0_f64), |(low, high), load| (low.min(load), high.max(load)));
            // A load that hardly varies proves nothing; a day and a night show all of it.
            let stuck = (high > 2.4 * low + 1.4)
                .then(|| (Hazard::SensorStuck, fault.from.plus_ms(24 * HOUR_MS + SEEN_MS), 0));
            let is_loaded = |at: UnixMs| load_a(at) >= 0.105 * spec.rated_current_a;
            let zero = at_zero
                .then(|| first(fault.from.plus_ms(48 * HOUR_MS + SEEN_MS), &is_loaded))
                .flatten()
                .map(|at| (Hazard::SensorZero, at, MINUTE_MS));
            stuck.into_iter().chain(zero).collect()
        }
        FaultKind::DriftingProbe { by_c, ramp_s, .. } => {
            let is_off = |at: UnixMs| (by_c * fault.ramp(at, *ramp_s)).abs() >= 12.0;
            // Idle, and cooled down, for as long as the delay asks and a little longer.
            let is_idle = |at: UnixMs| {
                minutes(at, at.plus_ms(DRIFT_MS + 30 * MINUTE_MS))
                    .all(|at| load_a(at) <= 0.048 * spec.rated_current_a)
            };
            let so_at = first(fault.from, &|at| is_off(at) && is_idle(at));
            so_at.map(|at| (Hazard::SensorDrift, at, DRIFT_MS + 30 * MINUTE_MS)).into_iter().collect()
        }
        FaultKind::AgeingInsulation { .. }
        | FaultKind::LooseningTerminal { .. }
        | FaultKind::Overload { .. }
        | FaultKind::Sag { .. }
        | FaultKind::Swell { .. }
        | FaultKind::PhaseLoss { .. }
        | FaultKind::Unbalance { .. }
        | FaultKind::FloatingNeutral { .. }
        | FaultKind::HarmonicLoad { .. }
        | FaultKind::Outage
        | FaultKind::ShortCircuit { .. }
        | FaultKind::Arcing { .. }
        | FaultKind::LooseProbe { .. }
        | FaultKind::LeakyLoad { .. }
        | FaultKind::BrokenProbe { .. }
        | FaultKind::Frozen
        | FaultKind::DeadSim
        | FaultKind::Reboot
        | FaultKind::WrongClock { .. }
        | FaultKind::Miswired { .. }
        | FaultKind::ReplayAfterOutage => Vec::new(),
    }
}
