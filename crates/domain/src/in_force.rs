//! The levels that values are held against to tell for how long they were beyond them: a record of what was in force from
//! some moment on, kept beside the history so that what was over a limit then is told by the limit of then.

use serde::{Deserialize, Serialize};

use crate::binding::Binding;
use crate::hazard::Hazard;
use crate::quantity::Decimals;
use crate::reading::PointIndex;
use crate::settings::Night;
use crate::time::UnixMs;

/// What a detector's values are held against, in raw integers of its channels.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct InForce {
    /// A value stands for the time until the next one, and never for longer than this silence, ms.
    pub silent_after_ms: i64,
    /// How far the site's clock is ahead of UTC, min.
    pub utc_offset_min: i32,
    /// The points that have a level.
    pub points: Vec<PointLevels>,
}

/// The levels of one point.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PointLevels {
    /// Which.
    pub point: PointIndex,
    /// A value at one of them or beyond is over the limit.
    pub levels: Vec<LevelInForce>,
}

/// One level: that of the alarm, or that of the warning where no alarm level is set.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LevelInForce {
    /// Whether what is below is beyond.
    pub low: bool,
    /// The level by day, raw.
    pub raw: Option<i64>,
    /// The night with its level, raw.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub night: Option<(Night, Option<i64>)>,
}

/// How the level of a hazard stands in the unit of its channel.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Line {
    /// Whether what is below is beyond.
    pub low: bool,
    /// The level is set in percent of this, A; `None` where it is set in the channel's unit.
    pub rated_a: Option<f64>,
}

impl Line {
    /// The level in the channel's unit.
    #[must_use]
    pub fn level(self, set: f64) -> f64 {
        self.rated_a.map_or(set, |rated_a| set * rated_a / 100.0)
    }
}

/// The line of a hazard that is judged by its channel's value alone; overload is set in percent of the circuit's rated
/// current, A, and has no line without one.
#[must_use]
pub fn line_of(hazard: Hazard, rated_a: Option<f64>) -> Option<Line> {
    match hazard {
        Hazard::ResidualCurrent | Hazard::OverTemperature | Hazard::OverVoltage | Hazard::ArcFault => {
            Some(Line { low: false, rated_a: None })
        }
        Hazard::UnderVoltage => Some(Line { low: true, rated_a: None }),
        Hazard::Overload | Hazard::NeutralOverload => Some(Line { low: false, rated_a: Some(rated_a?) }),
        // Judged against the other phases, the load or the past, or far above all others: no line of its own.
        Hazard::PhaseLoss
        | Hazard::ShortCircuit
        | Hazard::TemperatureRise
        | Hazard::CurrentUnbalance
        | Hazard::VoltageUnbalance
        | Hazard::PhaseSequence
        | Hazard::LeakagePerLoad
        | Hazard::SensorZero
        | Hazard::SensorStuck
        | Hazard::SensorJump
        | Hazard::SensorDrift
        | Hazard::PowerFailure
        | Hazard::Offline
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
        | Hazard::UnassignedAlarm => None,
    }
}

/// Less than any step of a device's integers; takes away what a product of decimal fractions has too much.
const NOISE: f64 = 1e-6;

fn raw_of(level: f64, line: Line, decimals: Decimals) -> i64 {
    let scaled = line.level(level) * 10f64.powi(i32::from(decimals.0));
    let first_beyond = if line.low { (scaled + NOISE).floor() } else { (scaled - NOISE).ceil() };
    #[expect(clippy::cast_possible_truncation, reason = "beyond i64 it saturates, and nothing is beyond it")]
    let raw = first_beyond as i64;
    raw
}

impl InForce {
    /// What `binding` holds its values against.
    #[must_use]
    pub fn of(binding: &Binding) -> Self {
        let mut points = Vec::new();
        for bound in &binding.channels {
            let Some(point) = bound.channel.point else { continue };
            let mut levels = Vec::new();
            for (hazard, limits) in bound.limits.iter().filter(|(_, limits)| limits.enabled) {
                let Some(line) = line_of(*hazard, binding.placement.rated_current_a) else { continue };
                let raw = |alarm: Option<f64>, warning: Option<f64>| {
                    Some(raw_of(alarm.or(warning)?, line, bound.channel.decimals))
                };
                let night = bound.nights.iter().find(|(about, _)| about == hazard).map(|(_, night)| {
                    let then = night.over(*limits);
                    (*night, raw(then.alarm, then.warning))
                });
                let raw = raw(limits.alarm, limits.warning);
                if raw.is_some() || night.is_some() {
                    levels.push(LevelInForce { low: line.low, raw, night });
                }
            }
            if !levels.is_empty() {
                points.push(PointLevels { point, levels });
            }
        }
        let Binding { supervision, utc_offset_min, .. } = binding;
        Self { silent_after_ms: supervision.offline_after_ms, utc_offset_min: *utc_offset_min, points }
    }

    /// Whether the raw value of a point, measured at `at`, is at a level or beyond.
    #[must_use]
    pub fn is_over(&self, point: PointIndex, raw: i64, at: UnixMs) -> bool {
        let levels = self.points.iter().filter(|one| one.point == point).flat_map(|one| &one.levels);
        levels.into_iter().any(|level| {
            let limit = match &level.night {
                Some((night, then)) if night.holds(at, self.utc_offset_min) => *then,
                Some(_) | None => level.raw,
            };
            limit.is_some_and(|limit| if level.low { raw <= limit } else { raw >= limit })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_is_the_first_integer_that_is_beyond() {
        let (high, low) = (Line { low: false, rated_a: None }, Line { low: true, rated_a: None });
        assert_eq!(raw_of(56.7, high, Decimals(1)), 567, "not 568 because of what a fraction has too much");
        assert_eq!(raw_of(56.75, high, Decimals(1)), 568);
        assert_eq!(raw_of(198.05, low, Decimals(1)), 1980);
        assert_eq!(raw_of(90.0, Line { low: false, rated_a: Some(63.0) }, Decimals(2)), 5670);
    }

    #[test]
    fn the_level_of_the_hour_counts() {
        let night =
            Night { minutes: Some((22 * 60, 6 * 60)), weekend: false, warning: None, alarm: Some(1.0) };
        let level = LevelInForce { low: false, raw: Some(300), night: Some((night, Some(100))) };
        let point = PointIndex(2);
        let levels = PointLevels { point, levels: vec![level] };
        let in_force = InForce { silent_after_ms: 1, utc_offset_min: 480, points: vec![levels] };
        // Midnight of UTC is eight in the morning there.
        let (day, night) = (UnixMs(0), UnixMs(15 * 3_600_000));
        assert!(!in_force.is_over(point, 299, day) && in_force.is_over(point, 300, day));
        assert!(!in_force.is_over(point, 99, night) && in_force.is_over(point, 100, night));
        assert!(!in_force.is_over(PointIndex(1), 1000, day));
    }
}
