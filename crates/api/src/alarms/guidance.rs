//! What to do now (H6), as keys of texts. The texts themselves, in each language, belong to the screens.

use domain::hazard::{Hazard, Severity};

use super::shape::Guidance;

/// How many sentences there are for the owner and for the electrician.
const fn sentences(hazard: Hazard) -> (usize, usize) {
    match hazard {
        Hazard::ResidualCurrent | Hazard::OverTemperature | Hazard::ArcFault => (4, 5),
        Hazard::Overload | Hazard::ShortCircuit | Hazard::TemperatureRise | Hazard::NeutralOverload => (3, 4),
        Hazard::OverVoltage
        | Hazard::UnderVoltage
        | Hazard::PhaseLoss
        | Hazard::PowerFailure
        | Hazard::CurrentUnbalance
        | Hazard::VoltageUnbalance
        | Hazard::LeakagePerLoad
        | Hazard::PredictedTerminal
        | Hazard::PredictedInsulation
        | Hazard::PredictedOverload => (2, 4),
        Hazard::Offline | Hazard::SupplyLost => (2, 3),
        Hazard::SensorOpen
        | Hazard::SensorShort
        | Hazard::DeviceFault
        | Hazard::Implausible
        | Hazard::Frozen
        | Hazard::ClockWrong
        | Hazard::WeakSignal
        | Hazard::SensorZero
        | Hazard::SensorStuck
        | Hazard::SensorJump
        | Hazard::SensorDrift => (1, 3),
        Hazard::SwitchFailed | Hazard::UnassignedAlarm | Hazard::PhaseSequence => (2, 3),
    }
}

/// The keys for an alarm, `over_temperature.alarm.owner.1` and on. An alarm asks for more haste than a warning, so
/// the owner's texts differ by severity; the electrician's do not.
pub(super) fn of(hazard: Hazard, severity: Severity) -> Guidance {
    let (owner, electrician) = sentences(hazard);
    let code = hazard.code();
    Guidance {
        owner: (1..=owner).map(|n| format!("{code}.{}.owner.{n}", severity.code())).collect(),
        electrician: (1..=electrician).map(|n| format!("{code}.electrician.{n}")).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_hazard_has_something_to_do() {
        for hazard in Hazard::ALL {
            let guidance = of(hazard, Severity::Alarm);
            assert!(!guidance.owner.is_empty() && !guidance.electrician.is_empty());
        }
        assert_eq!(of(Hazard::Overload, Severity::Warning).owner[0], "overload.warning.owner.1");
    }
}
