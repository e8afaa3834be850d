//! The platform's defaults, each with its source, and the ranges within which people may move them.

use super::LimitPatch;
use crate::hazard::Hazard;
use crate::quantity::Quantity;

/// A closed range with its source.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Range {
    /// Least value, in the unit of the field.
    pub min: f64,
    /// Greatest value, in the unit of the field.
    pub max: f64,
    /// Where the range comes from.
    pub source: &'static str,
}

impl Range {
    /// Whether `value` is inside.
    #[must_use]
    pub fn holds(&self, value: f64) -> bool {
        value.is_finite() && value >= self.min && value <= self.max
    }
}

/// Where each default comes from.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sourcing {
    /// Of `warning`.
    pub warning: &'static str,
    /// Of `alarm`.
    pub alarm: &'static str,
    /// Of `on_delay_s` and `off_delay_s`.
    pub delays: &'static str,
    /// Of `deadband`.
    pub deadband: &'static str,
    /// Of `latching`.
    pub latching: &'static str,
}

/// Defaults and ranges of one measured hazard.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct HazardDefaults {
    /// The hazard.
    pub hazard: Hazard,
    /// The quantities that are judged for it.
    pub applies: &'static [Quantity],
    /// The unit of its levels and deadband.
    pub unit: &'static str,
    /// The defaults; every field but `warning` is there.
    pub patch: LimitPatch,
    /// Where they come from.
    pub sources: Sourcing,
    /// The range of `warning` and `alarm`.
    pub level: Range,
    /// The range of `on_delay_s`.
    pub on_delay_s: Range,
    /// The range of `off_delay_s`.
    pub off_delay_s: Range,
    /// The range of `deadband`.
    pub deadband: Range,
}

const RESPONSE: &str = "response of the monitoring equipment within 30 s, GB 14287.1-2014 (makers' data)";
const ON_DELAY: Range = Range { min: 0.0, max: 30.0, source: RESPONSE };
const OFF_DELAY: Range = Range { min: 0.0, max: 3600.0, source: "platform" };
const HOLD: &str = "alarm held until manual reset, GB 14287.1-2014 and GB 31252-2014 4.3.1";
const NO_HOLD: &str = "platform: supply quality comes back by itself";

const fn patch(
    warning: Option<f64>,
    alarm: f64,
    on_delay_s: f64,
    off_delay_s: f64,
    deadband: f64,
    latching: bool,
) -> LimitPatch {
    LimitPatch {
        enabled: Some(true),
        warning,
        alarm: Some(alarm),
        on_delay_s: Some(on_delay_s),
        off_delay_s: Some(off_delay_s),
        deadband: Some(deadband),
        latching: Some(latching),
    }
}

static DEFAULTS: [HazardDefaults; 6] = [
    HazardDefaults {
        hazard: Hazard::ResidualCurrent,
        applies: &[Quantity::ResidualCurrent],
        unit: "mA",
        patch: patch(Some(200.0), 300.0, 5.0, 10.0, 30.0, true),
        sources: Sourcing {
            warning: "twice the natural leakage of 100 mA, after GB 50116-2013 9.2.3 commentary",
            alarm: "GB 50116-2013 9.2.3 commentary: 300 to 500 mA, 300 mA can start a fire",
            delays: "ARCM200L: 5 s from the factory; off-delay 10 s: platform",
            deadband: "platform: 10 % of the alarm level",
            latching: HOLD,
        },
        level: Range {
            min: 20.0,
            max: 1000.0,
            source: "GB 14287.2-2014, alarm set value 20 to 1000 mA (makers' manuals)",
        },
        on_delay_s: ON_DELAY,
        off_delay_s: OFF_DELAY,
        deadband: Range { min: 0.0, max: 200.0, source: "platform" },
    },
    HazardDefaults {
        hazard: Hazard::OverTemperature,
        applies: &[Quantity::ConductorTemperature],
        unit: "°C",
        patch: patch(Some(60.0), 85.0, 10.0, 30.0, 3.0, true),
        sources: Sourcing {
            warning: "two-level scheme in use on public platforms: pre-alarm at 60 °C",
            alarm: "makers' default of detectors after GB 14287.3-2014: 85 °C",
            delays: "platform, inside the response of 40 s (GB 14287.3) and 30 s (GB 14287.1)",
            deadband: "platform: 3 °C",
            latching: HOLD,
        },
        level: Range {
            min: 45.0,
            max: 140.0,
            source: "GB 14287.3-2014, alarm set value 45 to 140 °C (makers' manuals 55 to 140 °C)",
        },
        on_delay_s: ON_DELAY,
        off_delay_s: OFF_DELAY,
        deadband: Range { min: 0.0, max: 30.0, source: "platform" },
    },
    HazardDefaults {
        hazard: Hazard::OverVoltage,
        applies: &[Quantity::Voltage],
        unit: "V",
        patch: patch(Some(253.0), 264.0, 5.0, 10.0, 4.4, false),
        sources: Sourcing {
            warning: "115 % of 220 V",
            alarm: "120 % of 220 V",
            delays: "practice: 1 to 5 s",
            deadband: "platform: 2 % of 220 V",
            latching: NO_HOLD,
        },
        level: Range { min: 225.0, max: 320.0, source: "platform: 102 to 145 % of 220 V" },
        on_delay_s: ON_DELAY,
        off_delay_s: OFF_DELAY,
        deadband: Range { min: 0.0, max: 30.0, source: "platform" },
    },
    HazardDefaults {
        hazard: Hazard::UnderVoltage,
        applies: &[Quantity::Voltage],
        unit: "V",
        patch: patch(Some(187.0), 176.0, 10.0, 10.0, 4.4, false),
        sources: Sourcing {
            warning: "85 % of 220 V",
            alarm: "80 % of 220 V",
            delays: "practice: 1 to 10 s",
            deadband: "platform: 2 % of 220 V",
            latching: NO_HOLD,
        },
        level: Range { min: 100.0, max: 215.0, source: "platform: 45 to 98 % of 220 V" },
        on_delay_s: ON_DELAY,
        off_delay_s: OFF_DELAY,
        deadband: Range { min: 0.0, max: 30.0, source: "platform" },
    },
    HazardDefaults {
        hazard: Hazard::Overload,
        applies: &[Quantity::Current],
        unit: "%",
        patch: patch(Some(90.0), 100.0, 20.0, 30.0, 5.0, false),
        sources: Sourcing {
            warning: "practice: 80 to 90 % of the circuit's rated current",
            alarm: "practice: 100 to 110 % of the circuit's rated current",
            delays: "practice: 10 to 60 s, inside the response of 30 s",
            deadband: "platform: 5 % of the rated current",
            latching: "platform: the load goes back by itself",
        },
        level: Range { min: 20.0, max: 200.0, source: "platform" },
        on_delay_s: ON_DELAY,
        off_delay_s: OFF_DELAY,
        deadband: Range { min: 0.0, max: 50.0, source: "platform" },
    },
    HazardDefaults {
        hazard: Hazard::PhaseLoss,
        applies: &[Quantity::Voltage],
        unit: "V",
        patch: patch(None, 132.0, 5.0, 10.0, 4.4, false),
        sources: Sourcing {
            warning: "none: a phase is there or is not",
            alarm: "practice: below 60 % of 220 V while another phase is normal",
            delays: "practice: 1 to 5 s",
            deadband: "platform: 2 % of 220 V",
            latching: NO_HOLD,
        },
        level: Range { min: 20.0, max: 175.0, source: "platform: 10 to 80 % of 220 V" },
        on_delay_s: ON_DELAY,
        off_delay_s: OFF_DELAY,
        deadband: Range { min: 0.0, max: 30.0, source: "platform" },
    },
];

/// Every measured hazard with its defaults, in the order of [`Hazard::MEASURED`].
#[must_use]
pub const fn defaults() -> &'static [HazardDefaults] {
    &DEFAULTS
}

/// The defaults of `hazard`; `None` when it has no limits.
#[must_use]
pub fn defaults_of(hazard: Hazard) -> Option<&'static HazardDefaults> {
    DEFAULTS.iter().find(|defaults| defaults.hazard == hazard)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_measured_hazard_has_defaults_inside_its_ranges() {
        for hazard in Hazard::MEASURED {
            let d = defaults_of(hazard).unwrap();
            for level in [d.patch.warning, d.patch.alarm].into_iter().flatten() {
                assert!(d.level.holds(level), "{hazard:?} {level}");
            }
            if let (Some(warning), Some(alarm)) = (d.patch.warning, d.patch.alarm) {
                assert_eq!(warning > alarm, hazard.is_low(), "{hazard:?}");
            }
            assert!(d.on_delay_s.holds(d.patch.on_delay_s.unwrap()));
            assert!(d.off_delay_s.holds(d.patch.off_delay_s.unwrap()));
            assert!(d.deadband.holds(d.patch.deadband.unwrap()));
            for quantity in d.applies {
                assert!(Hazard::of_quantity(*quantity).contains(&hazard));
            }
        }
    }
}
