//! What suppresses an alarm: a maintenance window over its place, or another alarm of the detector that explains it.

use super::{Alarm, Aside};
use crate::hazard::Hazard;
use crate::maintenance::MaintenanceBook;
use crate::place::Placement;
use crate::time::UnixMs;

/// While `cause` is present on a detector, `explained` of the same detector are told to nobody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DesignRule {
    /// What is present.
    pub cause: Hazard,
    /// What it explains.
    pub explained: &'static [Hazard],
}

/// The rules of suppression by design. None of them touches a hazard that is measured to heat; what was only foretold is
/// explained once it has come. For the others: a detector without supply measures no
/// voltage and soon says nothing, a circuit without supply has no voltage, and of a silent detector nothing else is known.
pub const DESIGN_RULES: [DesignRule; 6] = [
    DesignRule {
        cause: Hazard::SupplyLost,
        explained: &[
            Hazard::UnderVoltage,
            Hazard::PhaseLoss,
            Hazard::PowerFailure,
            Hazard::Offline,
            Hazard::Frozen,
            Hazard::WeakSignal,
        ],
    },
    DesignRule { cause: Hazard::PowerFailure, explained: &[Hazard::UnderVoltage, Hazard::PhaseLoss] },
    DesignRule {
        cause: Hazard::Offline,
        explained: &[Hazard::Frozen, Hazard::WeakSignal, Hazard::ClockWrong],
    },
    DesignRule { cause: Hazard::OverTemperature, explained: &[Hazard::PredictedTerminal] },
    DesignRule { cause: Hazard::ResidualCurrent, explained: &[Hazard::PredictedInsulation] },
    DesignRule { cause: Hazard::Overload, explained: &[Hazard::PredictedOverload] },
];

/// What suppresses `alarm` at `now` (server's clock), if anything does. `beside` are the open alarms of its detector.
///
/// A cause that a person shelved explains nothing: who shelved it may have shelved the warning of what follows.
#[must_use]
pub fn suppression<'a>(
    alarm: &Alarm,
    place: &Placement,
    beside: impl Iterator<Item = &'a Alarm> + Clone,
    book: &MaintenanceBook,
    now: UnixMs,
) -> Option<Aside> {
    if let Some((window, until)) = book.covering(place, alarm, now) {
        return Some(Aside::Maintenance {
            since: now,
            until,
            reason: window.reason.clone(),
            by: window.by.clone(),
        });
    }
    let explains = |rule: &&DesignRule| {
        rule.explained.contains(&alarm.hazard)
            && beside.clone().any(|other| {
                other.hazard == rule.cause
                    && other.id != alarm.id
                    && other.state.is_present()
                    && !matches!(other.aside, Some(Aside::Shelved { .. }))
            })
    };
    let rule = DESIGN_RULES.iter().find(explains)?;
    Some(Aside::Design { since: now, cause: rule.cause })
}
