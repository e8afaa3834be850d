//! The truth about every fault that was let happen, so that detection can be scored.

use domain::hazard::{Hazard, Severity};
use domain::profile::Profile;
use domain::settings::defaults_of;
use domain::time::UnixMs;
use serde::Serialize;

use crate::device::points_of;
use crate::fault::{Conductor, Fault, FaultKind};
use crate::physics::{Circuit, CircuitSpec, Snapshot};

/// One line of the truth log.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Truth {
    /// Serial number of what dials in.
    pub terminal: String,
    /// Modbus unit address, behind a DTU.
    pub unit: Option<u8>,
    /// The detector's profile.
    pub profile: String,
    /// The points that it shows on; empty for faults of the detector as a whole.
    pub points: Vec<String>,
    /// What, with its measures.
    #[serde(flatten)]
    pub kind: FaultKind,
    /// From when, ms since 1970 UTC.
    pub from_ms: i64,
    /// Until when.
    pub to_ms: i64,
    /// When the physical value first passes a default limit of the platform; empty where it passes none.
    pub passes: Vec<Passing>,
}

/// A limit passed.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Passing {
    /// The hazard whose limit it is.
    pub hazard: Hazard,
    /// Which level.
    pub severity: Severity,
    /// The level in the hazard's unit.
    pub limit: f64,
    /// When, ms since 1970 UTC, to the second.
    pub at_ms: i64,
    /// From when on it stays beyond for [`STAYS_MS`], ms since 1970 UTC; empty where it only swings about the limit.
    pub stays_from_ms: Option<i64>,
}

/// Where leakage is judged by its load, it is from this load on, kW: below it the leakage that every circuit has would
/// pass for a leaky load.
pub const LEAKY_FROM_KW: f64 = 5.0;

/// What lasts so long is no swing about a limit, ms: longer than any default delay and two reports of half a minute.
pub const STAYS_MS: i64 = 150_000;

/// The truth about `fault` on a detector, foretold by running the circuit ahead.
#[must_use]
pub fn foretell(
    terminal: &str,
    unit: Option<u8>,
    profile: &Profile,
    circuit: &CircuitSpec,
    fault: &Fault,
) -> Truth {
    Truth {
        terminal: terminal.to_owned(),
        unit,
        profile: profile.id.clone(),
        points: points_of(profile, &fault.kind),
        kind: fault.kind.clone(),
        from_ms: fault.from.0,
        to_ms: fault.to.0,
        passes: passes(circuit, fault),
    }
}

fn passes(spec: &CircuitSpec, fault: &Fault) -> Vec<Passing> {
    let watched: &[Hazard] = match fault.kind {
        FaultKind::AgeingInsulation { .. } => &[Hazard::ResidualCurrent],
        FaultKind::LooseningTerminal { .. } => &[Hazard::OverTemperature],
        FaultKind::Overload { .. } => &[Hazard::Overload, Hazard::OverTemperature],
        FaultKind::Sag { .. } => &[Hazard::UnderVoltage],
        FaultKind::Swell { .. } => &[Hazard::OverVoltage],
        FaultKind::PhaseLoss { .. } => &[Hazard::PhaseLoss],
        FaultKind::Unbalance { .. } => &[Hazard::CurrentUnbalance],
        FaultKind::FloatingNeutral { .. } => &[Hazard::VoltageUnbalance],
        FaultKind::HarmonicLoad { .. } => &[Hazard::NeutralOverload],
        FaultKind::Outage => &[Hazard::PowerFailure],
        FaultKind::ShortCircuit { .. } => &[Hazard::ShortCircuit],
        FaultKind::Arcing { .. } => &[Hazard::ArcFault],
        FaultKind::LeakyLoad { .. } => &[Hazard::LeakagePerLoad, Hazard::ResidualCurrent],
        FaultKind::LooseProbe { .. }
        | FaultKind::StuckProbe { .. }
        | FaultKind::DriftingProbe { .. }
        | FaultKind::BrokenProbe { .. }
        | FaultKind::Miswired { .. }
        | FaultKind::Frozen
        | FaultKind::DeadSim
        | FaultKind::Reboot
        | FaultKind::WrongClock { .. }
        | FaultKind::ReplayAfterOutage => return Vec::new(),
    };
    let levels: Vec<(Hazard, Severity, f64)> = watched
        .iter()
        .filter_map(|hazard| defaults_of(*hazard))
        .flat_map(|defaults| {
            [(Severity::Warning, defaults.patch.warning), (Severity::Alarm, defaults.patch.alarm)]
                .into_iter()
                .filter_map(|(severity, level)| Some((defaults.hazard, severity, level?)))
        })
        .collect();
    // To the second, or in 3,000 steps where that would take too long.
    let step_ms = (fault.to.since_ms(fault.from) / 3_000).max(1_000);
    let mut circuit = Circuit::new(*spec);
    let faults = std::slice::from_ref(fault);
    let mut passed: Vec<Passing> = Vec::new();
    // Since when each level is passed without a break.
    let mut since: Vec<Option<UnixMs>> = vec![None; levels.len()];
    let mut at = fault.from;
    while at < fault.to
        && (passed.len() < levels.len() || passed.iter().any(|passing| passing.stays_from_ms.is_none()))
    {
        let seen = circuit.advance(at, faults);
        for ((hazard, severity, limit), since) in levels.iter().zip(&mut since) {
            let value = value(*hazard, &circuit, &seen, faults, at);
            let beyond = if hazard.is_low() { value <= *limit } else { value >= *limit };
            if !beyond {
                *since = None;
                continue;
            }
            let begun = *since.get_or_insert(at);
            let known = passed.iter_mut().find(|p| p.hazard == *hazard && p.severity == *severity);
            let stays = (at.since_ms(begun) >= stays_ms(*hazard)).then_some(begun.0);
            match known {
                Some(passing) => passing.stays_from_ms = passing.stays_from_ms.or(stays),
                None => passed.push(Passing {
                    hazard: *hazard,
                    severity: *severity,
                    limit: *limit,
                    at_ms: at.0,
                    stays_from_ms: None,
                }),
            }
        }
        at = at.plus_ms(step_ms);
    }
    passed
}

/// From how long on it stays beyond: longer than its delay and two reports of half a minute.
const fn stays_ms(hazard: Hazard) -> i64 {
    if matches!(hazard, Hazard::ShortCircuit) {
        // Counts at once, and no breaker lets it last: one report must show it.
        45_000
    } else if matches!(hazard, Hazard::CurrentUnbalance) {
        // Judged after ten minutes.
        720_000
    } else {
        STAYS_MS
    }
}

fn value(hazard: Hazard, circuit: &Circuit, seen: &Snapshot, faults: &[Fault], at: UnixMs) -> f64 {
    let max = |values: &[f64]| values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let min = |values: &[f64]| values.iter().copied().fold(f64::INFINITY, f64::min);
    let kind = faults.first().map(|fault| &fault.kind);
    match (hazard, kind) {
        (Hazard::ResidualCurrent, Some(FaultKind::AgeingInsulation { circuit_loop, .. })) => {
            circuit.residual_ma(at, seen, faults, *circuit_loop)
        }
        (Hazard::ResidualCurrent, _) => circuit.residual_ma(at, seen, faults, 0),
        (Hazard::OverTemperature, Some(FaultKind::LooseningTerminal { conductor, .. })) => {
            seen.temperature_c.get(conductor.index()).copied().unwrap_or(f64::NAN)
        }
        (Hazard::OverTemperature, _) => max(&seen.temperature_c),
        (Hazard::OverVoltage, _) => max(&seen.voltage_v),
        (Hazard::PhaseLoss, Some(FaultKind::PhaseLoss { phase: Conductor::N })) => f64::NAN,
        (Hazard::UnderVoltage | Hazard::PhaseLoss, _) => min(&seen.voltage_v),
        (Hazard::PowerFailure, _) => max(&seen.voltage_v),
        (Hazard::ArcFault, _) => seen.half_cycles,
        (Hazard::NeutralOverload, _) => seen.neutral_a / circuit.spec().rated_current_a * 100.0,
        (Hazard::CurrentUnbalance, _) => {
            let mean = seen.current_a.iter().sum::<f64>() / 3.0;
            let apart = seen.current_a.map(|current| (current - mean).abs());
            // Not judged below a fifth of the rated current; a little above it is sure to be.
            let is_loaded = mean >= 0.21 * circuit.spec().rated_current_a;
            if is_loaded { max(&apart) / mean * 100.0 } else { 0.0 }
        }
        (Hazard::LeakagePerLoad, _) => {
            // A little above the least load it is sure to be judged. The limit in mA has a cap of 300 mA, reached at 10 kW.
            let load_kw = seen.power_w.iter().sum::<f64>() / 1000.0;
            let residual_ma = circuit.residual_ma(at, seen, faults, 0);
            if load_kw >= 1.05 * LEAKY_FROM_KW { residual_ma / load_kw.min(10.0) } else { 0.0 }
        }
        (Hazard::VoltageUnbalance, _) => {
            let [a, b, c] = seen.voltage_v;
            let negative = (a * a + b * b + c * c - a * b - b * c - c * a).max(0.0).sqrt();
            negative / (a + b + c) * 100.0
        }
        (Hazard::Overload | Hazard::ShortCircuit, _) => {
            max(&seen.current_a) / circuit.spec().rated_current_a * 100.0
        }
        (
            Hazard::Offline
            | Hazard::SensorOpen
            | Hazard::SensorShort
            | Hazard::DeviceFault
            | Hazard::Implausible
            | Hazard::Frozen
            | Hazard::ClockWrong
            | Hazard::SupplyLost
            | Hazard::WeakSignal
            | Hazard::SwitchFailed
            | Hazard::PredictedTerminal
            | Hazard::PredictedInsulation
            | Hazard::PredictedOverload
            | Hazard::UnassignedAlarm
            | Hazard::TemperatureRise
            | Hazard::PhaseSequence
            | Hazard::SensorZero
            | Hazard::SensorStuck
            | Hazard::SensorJump
            | Hazard::SensorDrift,
            _,
        ) => f64::NAN,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::premises::PremisesKind;
    use domain::profile::shipped;

    #[test]
    fn the_truth_names_points_and_the_second_at_which_each_limit_is_passed() {
        let profiles = shipped().unwrap();
        let profile = profiles.iter().find(|profile| profile.id == "arcm300-cloud").unwrap();
        let spec = CircuitSpec { kind: PremisesKind::LampShop, rated_current_a: 40.0, seed: 5 };
        let from = UnixMs(1_780_279_200_000);
        let kind = FaultKind::AgeingInsulation { target_ma: 400.0, ramp_s: 400.0, circuit_loop: 0 };
        let fault = Fault { kind, from, to: from.plus_ms(900_000) };
        let truth = foretell("EW0000000000001", None, profile, &spec, &fault);
        assert_eq!(truth.points, ["residual"]);
        let after_s: Vec<_> = truth.passes.iter().map(|p| (p.severity, (p.at_ms - from.0) / 1000)).collect();
        let [(Severity::Warning, warning_s), (Severity::Alarm, alarm_s)] = after_s[..] else {
            panic!("{after_s:?}");
        };
        assert!((100..240).contains(&warning_s) && (240..400).contains(&alarm_s), "{after_s:?}");
        let line = serde_json::to_string(&truth).unwrap();
        assert!(
            line.contains("\"fault\":\"ageing_insulation\"") && line.contains("\"target_ma\":400.0"),
            "{line}"
        );
    }

    #[test]
    fn a_fault_of_the_line_passes_no_limit() {
        let profiles = shipped().unwrap();
        let spec = CircuitSpec { kind: PremisesKind::Mall, rated_current_a: 40.0, seed: 5 };
        let fault = Fault { kind: FaultKind::DeadSim, from: UnixMs(0), to: UnixMs(60_000) };
        let truth = foretell("EW0000000000001", None, &profiles[2], &spec, &fault);
        assert!(truth.passes.is_empty() && truth.points.is_empty());
    }
}
