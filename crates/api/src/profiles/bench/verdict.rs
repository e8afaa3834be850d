//! Which limits a value passes. The platform's defaults with what the profile says over them: levels that people set
//! at sites and detectors are the business of a real channel.

use domain::hazard::Hazard;
use domain::profile::{Point, Profile};
use domain::quantity::Quantity;
use domain::settings::{LimitPatch, defaults_of, limits};

use super::TestVerdict;
use crate::vocabulary::Severity;

/// The limits that `value` of `point` passes, the alarm level alone where it passes both. Overload needs the rated
/// current of a circuit, which a model does not have; what is judged with other channels or with the past needs those.
pub(super) fn passes(profile: &Profile, point: &Point, value: f64) -> Vec<TestVerdict> {
    if matches!(point.quantity, Quantity::Current | Quantity::NeutralCurrent) {
        return Vec::new();
    }
    Hazard::of_quantity(point.quantity)
        .iter()
        .filter(|hazard| hazard.is_of_one_value())
        .filter_map(|hazard| one(profile, *hazard, value))
        .collect()
}

fn one(profile: &Profile, hazard: Hazard, value: f64) -> Option<TestVerdict> {
    let defaults = defaults_of(hazard)?;
    let said: Vec<&LimitPatch> =
        profile.limits.iter().filter(|(about, _)| *about == hazard).map(|(_, patch)| patch).collect();
    let in_force = limits(hazard, said.iter().copied())?;
    if !in_force.enabled {
        return None;
    }
    let over = |limit: f64| if hazard.is_low() { value <= limit } else { value >= limit };
    let own_alarm = said.iter().any(|patch| patch.alarm.is_some());
    let own_warning = said.iter().any(|patch| patch.warning.is_some());
    let (severity, limit, from_profile) = match (in_force.alarm, in_force.warning) {
        (Some(limit), _) if over(limit) => (Severity::Alarm, limit, own_alarm),
        (_, Some(limit)) if over(limit) => (Severity::Warning, limit, own_warning),
        (Some(_) | None, Some(_) | None) => return None,
    };
    #[expect(clippy::cast_precision_loss, reason = "delays are at most a day")]
    let on_delay_s = in_force.on_delay_ms as f64 / 1000.0;
    Some(TestVerdict {
        hazard: hazard.into(),
        severity,
        limit,
        unit: defaults.unit.to_owned(),
        on_delay_s,
        from_profile,
    })
}
