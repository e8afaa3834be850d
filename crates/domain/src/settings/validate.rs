//! Whether a patch can be: each field in its range, and the result of the inheritance in order.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use super::{HazardDefaults, LimitPatch, Limits, Range, defaults_of};
use crate::hazard::Hazard;

/// Over 100 % only for what is too low: its warning lies above its alarm.
const PERCENT: Range = Range { min: 10.0, max: 200.0, source: "platform" };
const HOUR: Range = Range { min: 0.0, max: 24.0, source: "hours of the local day" };
/// For a field that the hazard does not have.
const NOTHING: Range = Range { min: 0.0, max: 0.0, source: "the hazard has no such field" };

/// What is wrong with one field.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FieldError {
    /// The field, as it is called in the API.
    pub field: &'static str,
    /// Stable: `out_of_range`, `warning_not_below_alarm`, `warning_not_above_alarm`, `two_warnings`, `no_limits`.
    pub code: &'static str,
    /// What was had and what was wanted.
    pub message: String,
    /// The numbers behind it: `min`, `max`, `unit`, `source`, `value`, `warning`, `alarm`.
    pub params: BTreeMap<&'static str, Value>,
}

/// What is wrong with `own` as one level's patch for `hazard`; `effective` is what would be in force at that level with it.
#[must_use]
pub fn validate(hazard: Hazard, own: &LimitPatch, effective: &Limits) -> Vec<FieldError> {
    let Some(defaults) = defaults_of(hazard) else {
        return vec![FieldError {
            field: "hazard",
            code: "no_limits",
            message: format!("{} has no limits to set", hazard.code()),
            params: BTreeMap::new(),
        }];
    };
    let HazardDefaults { level, on_delay_s, off_delay_s, deadband, unit, .. } = defaults;
    let mut errors = Vec::new();
    let mut check = |field, value: Option<f64>, range: &Range, unit| {
        errors.extend(value.and_then(|value| out_of_range(field, value, range, unit)));
    };
    check("warning", own.warning, level, unit);
    check("alarm", own.alarm, level, unit);
    check("on_delay_s", own.on_delay_s, on_delay_s, "s");
    check("off_delay_s", own.off_delay_s, off_delay_s, "s");
    check("deadband", own.deadband, deadband, unit);
    check("warning_percent", own.warning_percent, &PERCENT, "%");
    check("night_warning", own.night_warning, level, unit);
    check("night_alarm", own.night_alarm, level, unit);
    check("night_from_h", own.night_from_h, &HOUR, "h");
    check("night_to_h", own.night_to_h, &HOUR, "h");
    for (field, value, condition) in
        [("minimum", own.minimum, defaults.minimum), ("cap", own.cap, defaults.cap)]
    {
        match condition {
            Some(condition) => check(field, value, &condition.range, condition.unit),
            None => check(field, value, &NOTHING, unit),
        }
    }
    if own.warning.is_some() && own.warning_percent.is_some() {
        errors.push(FieldError {
            field: "warning_percent",
            code: "two_warnings",
            message: "the warning level is given as a value and as a share of the alarm level, want one"
                .to_owned(),
            params: BTreeMap::new(),
        });
    }
    if errors.is_empty()
        && let (Some(warning), Some(alarm)) = (effective.warning, effective.alarm)
    {
        let low = hazard.is_low();
        let in_order = if low { warning > alarm } else { warning < alarm };
        if !in_order && (own.warning.is_some() || own.alarm.is_some() || own.warning_percent.is_some()) {
            let field = match (own.warning, own.warning_percent) {
                (Some(_), _) => "warning",
                (None, Some(_)) => "warning_percent",
                (None, None) => "alarm",
            };
            let (code, word) =
                if low { ("warning_not_above_alarm", "above") } else { ("warning_not_below_alarm", "below") };
            errors.push(FieldError {
                field,
                code,
                message: format!(
                    "the warning level {warning} {unit} must be {word} the alarm level {alarm} {unit}"
                ),
                params: BTreeMap::from([
                    ("warning", Value::from(warning)),
                    ("alarm", Value::from(alarm)),
                    ("unit", Value::from(*unit)),
                ]),
            });
        }
    }
    errors
}

pub(super) fn out_of_range(field: &'static str, value: f64, range: &Range, unit: &str) -> Option<FieldError> {
    (!range.holds(value)).then(|| FieldError {
        field,
        code: "out_of_range",
        message: format!("{field} is {value} {unit}, it must be {} to {} {unit}", range.min, range.max),
        params: BTreeMap::from([
            ("value", Value::from(value)),
            ("min", Value::from(range.min)),
            ("max", Value::from(range.max)),
            ("unit", Value::from(unit)),
            ("source", Value::from(range.source)),
        ]),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::limits;

    fn errors(hazard: Hazard, own: LimitPatch) -> Vec<(&'static str, &'static str)> {
        let effective = limits(hazard, [own].iter()).unwrap();
        validate(hazard, &own, &effective).into_iter().map(|e| (e.field, e.code)).collect()
    }

    #[test]
    fn ranges_and_order_name_the_field() {
        let p = LimitPatch::default();
        let rc = Hazard::ResidualCurrent;
        assert_eq!(errors(rc, p), []);
        assert_eq!(errors(rc, LimitPatch { alarm: Some(1001.0), ..p }), [("alarm", "out_of_range")]);
        assert_eq!(errors(rc, LimitPatch { warning: Some(19.9), ..p }), [("warning", "out_of_range")]);
        assert_eq!(errors(rc, LimitPatch { alarm: Some(f64::NAN), ..p }), [("alarm", "out_of_range")]);
        assert_eq!(
            errors(rc, LimitPatch { warning: Some(300.0), ..p }),
            [("warning", "warning_not_below_alarm")]
        );
        assert_eq!(
            errors(rc, LimitPatch { alarm: Some(150.0), ..p }),
            [("alarm", "warning_not_below_alarm")]
        );
        assert_eq!(errors(rc, LimitPatch { on_delay_s: Some(31.0), ..p }), [("on_delay_s", "out_of_range")]);
        assert_eq!(
            errors(rc, LimitPatch { off_delay_s: Some(-1.0), ..p }),
            [("off_delay_s", "out_of_range")]
        );
        assert_eq!(
            errors(Hazard::OverTemperature, LimitPatch { alarm: Some(141.0), ..p }),
            [("alarm", "out_of_range")]
        );
        assert_eq!(
            errors(Hazard::UnderVoltage, LimitPatch { alarm: Some(190.0), ..p }),
            [("alarm", "warning_not_above_alarm")]
        );
        assert_eq!(errors(Hazard::PhaseLoss, LimitPatch { alarm: Some(150.0), ..p }), []);
    }

    #[test]
    fn shares_nights_and_conditions_have_ranges_too() {
        let p = LimitPatch::default();
        let rc = Hazard::ResidualCurrent;
        assert_eq!(errors(rc, LimitPatch { warning_percent: Some(80.0), ..p }), []);
        assert_eq!(
            errors(rc, LimitPatch { warning_percent: Some(100.0), ..p }),
            [("warning_percent", "warning_not_below_alarm")]
        );
        assert_eq!(
            errors(rc, LimitPatch { warning_percent: Some(80.0), warning: Some(100.0), ..p }),
            [("warning_percent", "two_warnings")]
        );
        assert_eq!(
            errors(rc, LimitPatch { night_from_h: Some(24.5), ..p }),
            [("night_from_h", "out_of_range")]
        );
        assert_eq!(errors(rc, LimitPatch { minimum: Some(5.0), ..p }), [("minimum", "out_of_range")]);
        assert_eq!(errors(Hazard::VoltageUnbalance, LimitPatch { minimum: Some(150.0), ..p }), []);
        assert_eq!(errors(Hazard::UnderVoltage, LimitPatch { warning_percent: Some(105.0), ..p }), []);
    }

    #[test]
    fn a_hazard_without_limits_takes_no_patch() {
        let none = limits(Hazard::ResidualCurrent, [].iter()).unwrap();
        let found = validate(Hazard::PhaseSequence, &LimitPatch::default(), &none);
        assert_eq!(found.first().map(|e| e.code), Some("no_limits"));
    }
}
