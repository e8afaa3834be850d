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
    /// The defaults: delays, deadband, one level at least.
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
    /// What there must be at least for it to be judged.
    pub minimum: Option<Condition>,
    /// What a limit that follows the load never exceeds.
    pub cap: Option<Condition>,
}

/// A number that the judgement of a hazard needs beside its levels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Condition {
    /// What holds where nobody says anything.
    pub default: f64,
    /// Within which people may move it, with its source.
    pub range: Range,
    /// Its unit.
    pub unit: &'static str,
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
        warning_percent: None,
        minimum: None,
        cap: None,
        night_from_h: None,
        night_to_h: None,
        night_weekend: None,
        night_warning: None,
        night_alarm: None,
    }
}

/// A fault of a sensor told from its data: one level, and it never latches.
const fn sensor(level: f64, on_delay_s: f64, off_delay_s: f64, deadband: f64) -> LimitPatch {
    patch(None, level, on_delay_s, off_delay_s, deadband, false)
}

const fn condition(
    default: f64,
    min: f64,
    max: f64,
    unit: &'static str,
    source: &'static str,
) -> Option<Condition> {
    Some(Condition { default, range: Range { min, max, source }, unit })
}

const SENSOR: Sourcing = Sourcing {
    warning: "none: a sensor is sound or is not",
    alarm: "platform",
    delays: "platform",
    deadband: "platform",
    latching: "platform: faults never latch",
};
const LONG_DELAY: Range = Range { min: 0.0, max: 86_400.0, source: "platform" };

static DEFAULTS: [HazardDefaults; 18] = [
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
        minimum: None,
        cap: None,
    },
    HazardDefaults {
        hazard: Hazard::LeakagePerLoad,
        applies: &[Quantity::ResidualCurrent],
        unit: "mA/kW",
        patch: LimitPatch { enabled: Some(false), ..patch(Some(15.0), 30.0, 30.0, 60.0, 1.0, false) },
        sources: Sourcing {
            warning: "platform: half of the alarm level",
            alarm: "platform. Off until a person has looked at the circuit: natural leakage of 100 to 200 mA is common (GB 50116-2013 9.2.3 commentary)",
            delays: "platform: loads are switched, 30 s are no switching",
            deadband: "platform",
            latching: "platform: an early sign, not yet a danger",
        },
        level: Range { min: 0.5, max: 1000.0, source: "platform" },
        on_delay_s: LONG_DELAY,
        off_delay_s: OFF_DELAY,
        deadband: Range { min: 0.0, max: 100.0, source: "platform" },
        minimum: condition(
            2.0,
            0.1,
            1000.0,
            "kW",
            "platform: below 2 kW the steady leakage of cables outweighs the load's",
        ),
        cap: condition(
            300.0,
            20.0,
            1000.0,
            "mA",
            "GB 50116-2013 9.2.3 commentary: 300 mA can start a fire, whatever the load",
        ),
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
        minimum: None,
        cap: None,
    },
    HazardDefaults {
        hazard: Hazard::TemperatureRise,
        applies: &[Quantity::ConductorTemperature],
        unit: "K/min",
        patch: patch(Some(5.0), 10.0, 0.0, 120.0, 1.0, false),
        sources: Sourcing {
            warning: "platform: a cable at its rated current warms by 2 K/min",
            alarm: "practice of rate-of-rise heat detectors: 10 K/min",
            delays: "platform: none, the rate must hold over two reports already",
            deadband: "platform",
            latching: "platform: the level of temperature itself latches",
        },
        level: Range { min: 1.0, max: 100.0, source: "platform" },
        on_delay_s: ON_DELAY,
        off_delay_s: OFF_DELAY,
        deadband: Range { min: 0.0, max: 20.0, source: "platform" },
        minimum: None,
        cap: None,
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
        minimum: None,
        cap: None,
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
        minimum: None,
        cap: None,
    },
    HazardDefaults {
        hazard: Hazard::VoltageUnbalance,
        applies: &[Quantity::Voltage],
        unit: "%",
        patch: patch(Some(2.0), 4.0, 60.0, 60.0, 0.2, false),
        sources: Sourcing {
            warning: "GB/T 15543-2008: 2 % in normal operation (to be checked against its text)",
            alarm: "GB/T 15543-2008: 4 % for a short time (to be checked against its text)",
            delays: "platform: motors that start are over by then",
            deadband: "platform",
            latching: NO_HOLD,
        },
        level: Range { min: 0.5, max: 50.0, source: "platform" },
        on_delay_s: LONG_DELAY,
        off_delay_s: OFF_DELAY,
        deadband: Range { min: 0.0, max: 10.0, source: "platform" },
        minimum: condition(
            132.0,
            20.0,
            215.0,
            "V",
            "platform: a phase below 60 % of 220 V is phase loss, not unbalance",
        ),
        cap: None,
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
        minimum: None,
        cap: None,
    },
    HazardDefaults {
        hazard: Hazard::ShortCircuit,
        applies: &[Quantity::Current],
        unit: "%",
        patch: patch(None, 500.0, 0.0, 30.0, 50.0, true),
        sources: Sourcing {
            warning: "none: a short circuit is there or is not",
            alarm: "practice: 5 to 10 times the rated current",
            delays: "practice: no delay",
            deadband: "platform: 50 % of the rated current",
            latching: HOLD,
        },
        level: Range { min: 200.0, max: 2000.0, source: "platform: 2 to 20 times the rated current" },
        on_delay_s: ON_DELAY,
        off_delay_s: OFF_DELAY,
        deadband: Range { min: 0.0, max: 200.0, source: "platform" },
        minimum: None,
        cap: None,
    },
    HazardDefaults {
        hazard: Hazard::CurrentUnbalance,
        applies: &[Quantity::Current],
        unit: "%",
        patch: patch(Some(50.0), 80.0, 600.0, 60.0, 5.0, false),
        sources: Sourcing {
            warning: "practice: 15 to 30 % for whole transformers; a single circuit has loads on one phase: 50 %",
            alarm: "platform: a phase that carries hardly anything",
            delays: "practice: 10 min",
            deadband: "platform",
            latching: "platform: the load goes back by itself",
        },
        level: Range { min: 5.0, max: 200.0, source: "platform" },
        on_delay_s: LONG_DELAY,
        off_delay_s: OFF_DELAY,
        deadband: Range { min: 0.0, max: 50.0, source: "platform" },
        minimum: condition(20.0, 1.0, 100.0, "%", "practice: judged above 20 % of the rated current"),
        cap: None,
    },
    HazardDefaults {
        hazard: Hazard::NeutralOverload,
        applies: &[Quantity::NeutralCurrent],
        unit: "%",
        patch: patch(Some(70.0), 100.0, 30.0, 30.0, 5.0, false),
        sources: Sourcing {
            warning: "practice: 50 to 100 % of the phases' rating",
            alarm: "the neutral carries what a phase may carry, and no breaker watches it",
            delays: "practice: 60 s; kept inside the response of 30 s",
            deadband: "platform: 5 % of the rated current",
            latching: "platform: the load goes back by itself",
        },
        level: Range { min: 10.0, max: 200.0, source: "platform" },
        on_delay_s: ON_DELAY,
        off_delay_s: OFF_DELAY,
        deadband: Range { min: 0.0, max: 50.0, source: "platform" },
        minimum: None,
        cap: None,
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
        minimum: None,
        cap: None,
    },
    HazardDefaults {
        hazard: Hazard::PowerFailure,
        applies: &[Quantity::Voltage],
        unit: "V",
        patch: LimitPatch { alarm: None, ..patch(Some(44.0), 0.0, 5.0, 10.0, 4.4, false) },
        sources: Sourcing {
            warning: "platform: every phase below 20 % of 220 V",
            alarm: "none: an outage is no fire",
            delays: "practice: 1 to 5 s",
            deadband: "platform: 2 % of 220 V",
            latching: NO_HOLD,
        },
        level: Range { min: 10.0, max: 120.0, source: "platform: 5 to 55 % of 220 V" },
        on_delay_s: ON_DELAY,
        off_delay_s: OFF_DELAY,
        deadband: Range { min: 0.0, max: 30.0, source: "platform" },
        minimum: None,
        cap: None,
    },
    HazardDefaults {
        hazard: Hazard::ArcFault,
        applies: &[Quantity::ArcCount],
        unit: "",
        patch: patch(None, 14.0, 0.0, 30.0, 0.0, true),
        sources: Sourcing {
            warning: "none: up to 9 half-cycles in 1 s must raise nothing, GB 31252-2014 4.3.4",
            alarm: "GB 14287.4-2014: 14 half-cycles in 1 s; the span is the device's own",
            delays: "the device has counted: no delay, GB 31252-2014 4.3.1 asks for 30 s",
            deadband: "none: a count",
            latching: HOLD,
        },
        level: Range { min: 10.0, max: 1000.0, source: "GB 31252-2014 4.3.4: not at 9 or fewer" },
        on_delay_s: ON_DELAY,
        off_delay_s: OFF_DELAY,
        deadband: Range { min: 0.0, max: 100.0, source: "platform" },
        minimum: None,
        cap: None,
    },
    HazardDefaults {
        hazard: Hazard::SensorZero,
        applies: &[Quantity::ResidualCurrent],
        unit: "h",
        patch: sensor(48.0, 0.0, 0.0, 0.0),
        sources: Sourcing {
            alarm: "platform: two days; no circuit under load leaks exactly nothing",
            ..SENSOR
        },
        level: Range { min: 2.0, max: 720.0, source: "platform" },
        on_delay_s: LONG_DELAY,
        off_delay_s: OFF_DELAY,
        deadband: Range { min: 0.0, max: 24.0, source: "platform" },
        minimum: condition(10.0, 1.0, 100.0, "%", "platform: load of 10 % of the rated current"),
        cap: None,
    },
    HazardDefaults {
        hazard: Hazard::SensorStuck,
        applies: &[Quantity::ResidualCurrent, Quantity::ConductorTemperature],
        unit: "h",
        patch: sensor(24.0, 0.0, 0.0, 0.0),
        sources: Sourcing {
            alarm: "platform: a day and its night, with the load doubled in between",
            ..SENSOR
        },
        level: Range { min: 2.0, max: 720.0, source: "platform" },
        on_delay_s: LONG_DELAY,
        off_delay_s: OFF_DELAY,
        deadband: Range { min: 0.0, max: 24.0, source: "platform" },
        minimum: None,
        cap: None,
    },
    HazardDefaults {
        hazard: Hazard::SensorJump,
        applies: &[Quantity::ConductorTemperature],
        unit: "K",
        patch: sensor(40.0, 0.0, 600.0, 5.0),
        sources: Sourcing {
            alarm: "platform: within 30 s no conductor of copper warms or cools by 40 K at a current that its breaker lets pass",
            ..SENSOR
        },
        level: Range { min: 10.0, max: 150.0, source: "platform" },
        on_delay_s: LONG_DELAY,
        off_delay_s: OFF_DELAY,
        deadband: Range { min: 0.0, max: 50.0, source: "platform" },
        minimum: None,
        cap: None,
    },
    HazardDefaults {
        hazard: Hazard::SensorDrift,
        applies: &[Quantity::ConductorTemperature],
        unit: "K",
        patch: sensor(10.0, 7200.0, 600.0, 2.0),
        sources: Sourcing {
            alarm: "platform: conductors that carry no load have the temperature of their neighbours",
            delays: "platform: eight time constants of a cable, so that it has cooled",
            ..SENSOR
        },
        level: Range { min: 3.0, max: 60.0, source: "platform" },
        on_delay_s: LONG_DELAY,
        off_delay_s: OFF_DELAY,
        deadband: Range { min: 0.0, max: 20.0, source: "platform" },
        minimum: condition(5.0, 1.0, 30.0, "%", "platform: at most 5 % of the rated current is no load"),
        cap: None,
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
