//! From what is known about a circuit to the causes of its score.

use super::{Act, AlarmFact, Cause, DetectorFact, FindingFact, Part, PastFact, UnitFacts, Weights};
use crate::diagnosis::{Kind, Strength};
use crate::hazard::{Class, Hazard, Severity};
use crate::time::UnixMs;

const MINUTE_MS: i64 = 60_000;
const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 86_400_000;
/// The most that one cause makes alone: nothing is quite certain.
const MOST: f64 = 95.0;

pub(super) fn parts(facts: &UnitFacts, weights: &Weights, now: UnixMs) -> Vec<Part> {
    let mut parts = Vec::new();
    for alarm in &facts.alarms {
        of_alarm(&mut parts, alarm, weights, now);
    }
    for finding in &facts.findings {
        of_finding(&mut parts, finding, weights);
    }
    for past in &facts.past {
        of_past(&mut parts, past, weights);
    }
    for detector in &facts.detectors {
        of_detector(&mut parts, detector, weights, now);
    }
    if let Some(circuit) = facts.circuit.filter(|_| facts.detectors.is_empty()) {
        let act = Act::Install { circuit };
        parts.push(Part {
            cause: Cause::Unwatched,
            detector: None,
            alone: f64::from(weights.unwatched),
            points: 0.0,
            act,
        });
    }
    for part in &mut parts {
        part.alone = part.alone.clamp(0.0, MOST);
    }
    parts.retain(|part| part.alone > 0.0);
    parts
}

fn of_alarm(parts: &mut Vec<Part>, alarm: &AlarmFact, weights: &Weights, now: UnixMs) {
    let &AlarmFact { id, hazard, severity, .. } = alarm;
    let mut add = |cause: Cause, alone: f64, act: Act| {
        parts.push(Part { cause, detector: Some(alarm.detector), alone, points: 0.0, act });
    };
    let whole = f64::from(weight_of(hazard, severity, weights));
    if hazard.class() == Class::Fault {
        add(Cause::Blind { alarm: id, hazard }, whole, Act::RestoreWatch { alarm: id });
        return;
    }
    let handle = Act::HandleAlarm { alarm: id };
    let left = if alarm.returned { f64::from(weights.returned_percent) / 100.0 } else { 1.0 };
    add(Cause::OpenAlarm { alarm: id, hazard, severity, returned: alarm.returned }, whole * left, handle);
    let (take_min, handle_h) = match severity {
        Severity::Alarm => (weights.acknowledge_alarm_min, weights.handle_alarm_h),
        Severity::Warning | Severity::Fault => (weights.acknowledge_warning_min, weights.handle_warning_h),
    };
    let open_ms = now.since_ms(alarm.raised_at).max(0);
    let minutes = open_ms / MINUTE_MS;
    if !alarm.acknowledged && minutes >= i64::from(take_min) {
        let act = Act::AcknowledgeAlarm { alarm: id };
        let cause = Cause::Unacknowledged { alarm: id, hazard, minutes };
        add(cause, f64::from(weights.unacknowledged), act);
    }
    let over_ms = open_ms - i64::from(handle_h) * HOUR_MS;
    if over_ms > 0 {
        let begun = u32::try_from(over_ms / DAY_MS + 1).unwrap_or(u32::MAX);
        let points = weights.unhandled_per_day.saturating_mul(begun).min(weights.unhandled_most);
        let cause = Cause::Unhandled { alarm: id, hazard, days: open_ms / DAY_MS };
        add(cause, f64::from(points), handle);
    }
    if alarm.shelved {
        add(Cause::Shelved { alarm: id, hazard }, f64::from(weights.shelved), handle);
    }
}

/// What an open alarm counts: by how directly it leads to a fire, or by how much is not seen.
fn weight_of(hazard: Hazard, severity: Severity, weights: &Weights) -> u32 {
    let (alarm, warning) = match hazard {
        Hazard::ResidualCurrent
        | Hazard::OverTemperature
        | Hazard::TemperatureRise
        | Hazard::ArcFault
        | Hazard::ShortCircuit
        | Hazard::NeutralOverload
        | Hazard::UnassignedAlarm => (weights.fire_alarm, weights.fire_warning),
        Hazard::Overload
        | Hazard::OverVoltage
        | Hazard::PhaseLoss
        | Hazard::CurrentUnbalance
        | Hazard::LeakagePerLoad => (weights.stress_alarm, weights.stress_warning),
        Hazard::UnderVoltage | Hazard::PowerFailure | Hazard::VoltageUnbalance | Hazard::PhaseSequence => {
            (weights.supply_alarm, weights.supply_warning)
        }
        Hazard::Offline => (weights.offline, weights.offline),
        Hazard::SwitchFailed => (weights.switch_failed, weights.switch_failed),
        Hazard::ClockWrong | Hazard::WeakSignal => (weights.doubtful, weights.doubtful),
        Hazard::SensorOpen
        | Hazard::SensorShort
        | Hazard::DeviceFault
        | Hazard::Implausible
        | Hazard::Frozen
        | Hazard::SupplyLost
        | Hazard::SensorZero
        | Hazard::SensorStuck
        | Hazard::SensorJump
        | Hazard::SensorDrift => (weights.blind, weights.blind),
        // The finding that it rests on counts by itself.
        Hazard::PredictedTerminal | Hazard::PredictedInsulation | Hazard::PredictedOverload => (0, 0),
    };
    match severity {
        Severity::Alarm => alarm,
        Severity::Warning | Severity::Fault => warning,
    }
}

fn of_finding(parts: &mut Vec<Part>, finding: &FindingFact, weights: &Weights) {
    let whole = match finding.kind {
        Kind::LooseningTerminal => weights.loosening_terminal,
        Kind::AgeingInsulation => weights.ageing_insulation,
        Kind::LeakingLoad => weights.leaking_load,
        Kind::AgeingSupply => weights.ageing_supply,
        Kind::NeutralHeating => weights.neutral_heating,
        Kind::OverloadAhead => weights.overload_ahead,
        Kind::EbikeCharging => weights.ebike_charging,
        Kind::AfterHours => weights.after_hours,
        Kind::UnequalHeating => weights.unequal_heating,
    };
    let sure = finding.confidence.clamp(0.0, 1.0);
    let left = match finding.strength {
        Strength::Strong => 1.0,
        Strength::Weak => f64::from(weights.weak_percent) / 100.0,
    };
    let &FindingFact { id, detector, kind, strength, confidence } = finding;
    parts.push(Part {
        cause: Cause::Finding { finding: id, kind, strength, confidence },
        detector: Some(detector),
        alone: f64::from(whole) * sure * left,
        points: 0.0,
        act: Act::CheckFinding { finding: id, detector },
    });
}

fn of_past(parts: &mut Vec<Part>, past: &PastFact, weights: &Weights) {
    let &PastFact { detector, hazard, confirmed, all } = past;
    let mut add = |cause: Cause, points: u32| {
        let act = Act::Inspect { detector };
        parts.push(Part { cause, detector: Some(detector), alone: f64::from(points), points: 0.0, act });
    };
    if confirmed > 0 {
        let points = weights.past_hazard.saturating_mul(confirmed).min(weights.past_hazard_most);
        add(Cause::PastHazard { hazard, count: confirmed }, points);
    }
    let from = weights.repeats_from.max(1);
    if all >= from {
        let points = weights.repeat.saturating_mul(all - from + 1).min(weights.repeat_most);
        add(Cause::Repeats { hazard, count: all }, points);
    }
}

fn of_detector(parts: &mut Vec<Part>, detector: &DetectorFact, weights: &Weights, now: UnixMs) {
    let id = detector.id;
    let mut add = |cause: Cause, points: u32, act: Act| {
        parts.push(Part { cause, detector: Some(id), alone: f64::from(points), points: 0.0, act });
    };
    if !detector.heard {
        add(Cause::NeverHeard, weights.never_heard, Act::BringOnline { detector: id });
    }
    let days_since = |at: UnixMs| now.since_ms(at).max(0) / DAY_MS;
    let days = days_since(detector.tested_at.unwrap_or(detector.admitted_at));
    if detector.tests_itself && days >= i64::from(weights.self_test_days) {
        let cause = Cause::NoSelfTest { days, ever: detector.tested_at.is_some() };
        add(cause, weights.no_self_test, Act::SelfTest { detector: id });
    }
    let days = days_since(detector.admitted_at);
    if detector.inspected_at.is_none() && days >= i64::from(weights.commission_days) {
        add(Cause::Uncommissioned { days }, weights.uncommissioned, Act::Inspect { detector: id });
    }
}
