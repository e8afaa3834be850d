//! A set value and a delay by the maker's rule: not below twice the largest normal residual current of the line, at most
//! 1000 mA; an upstream stage higher and slower than what is below it (manual of the ARCM300-T16).

use serde::{Deserialize, Serialize};

use super::statistics::quantile;
use super::{Day, THRESHOLDS};
use crate::quantity::Quantity;

/// The least set value, mA.
const LEAST_MA: f64 = 20.0;
/// The largest set value, mA.
const MOST_MA: f64 = 1000.0;
/// Delay of an end circuit, s: factory default of the ARCM200L.
const END_DELAY_S: f64 = 5.0;
/// How much slower an upstream stage is, s.
const SLOWER_S: f64 = 5.0;
/// The longest delay, s.
const MOST_DELAY_S: f64 = 30.0;

/// What stands below an upstream stage.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Downstream {
    /// The highest set value below, mA.
    pub alarm_ma: f64,
    /// The longest delay below, s.
    pub delay_s: f64,
}

/// A set value with the figures that it rests on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Suggestion {
    /// The largest normal residual current, mA: the 99th percentile of the largest of each step, so that one start of a
    /// motor does not set it.
    pub normal_ma: f64,
    /// Steps of the day that it rests on.
    pub rows: usize,
    /// Alarm level, mA.
    pub alarm_ma: f64,
    /// Warning level, mA; `None` where there is no room below the alarm.
    pub warning_ma: Option<f64>,
    /// Delay, s.
    pub delay_s: f64,
    /// What it had to be above, where the circuit is upstream of others.
    pub above_ma: Option<f64>,
    /// Twice the normal is more than may be set: the leakage itself must be brought down.
    pub too_much: bool,
}

/// Suggests a set value for the detector's residual current; `None` when there is not enough to say.
#[must_use]
pub fn suggest(day: &Day, downstream: Option<Downstream>) -> Option<Suggestion> {
    let track = day.of(Quantity::ResidualCurrent).next()?;
    let values: Vec<f64> = track.max.iter().copied().flatten().collect();
    if values.len() < THRESHOLDS.rows {
        return None;
    }
    let normal_ma = quantile(&values, 0.99)?;
    let twice = step_up(2.0 * normal_ma);
    let above_ma = downstream.map(|below| below.alarm_ma);
    let wanted = above_ma.map_or(twice, |above| twice.max(step_up(above * 1.2)));
    let alarm_ma = wanted.clamp(LEAST_MA, MOST_MA);
    let warning = step_up(1.5 * normal_ma).max(LEAST_MA);
    let delay_s =
        downstream.map_or(END_DELAY_S, |below| (below.delay_s + SLOWER_S).max(END_DELAY_S + SLOWER_S));
    Some(Suggestion {
        normal_ma,
        rows: values.len(),
        alarm_ma,
        warning_ma: (warning < alarm_ma).then_some(warning),
        delay_s: delay_s.min(MOST_DELAY_S),
        above_ma,
        too_much: 2.0 * normal_ma > MOST_MA,
    })
}

/// The next round number: steps of 5 mA below 100, of 10 above.
fn step_up(ma: f64) -> f64 {
    let step = if ma < 100.0 { 5.0 } else { 10.0 };
    (ma / step).ceil() * step
}

#[cfg(test)]
mod tests {
    use super::super::Track;
    use super::*;

    fn day(ma: f64) -> Day {
        let values = vec![Some(ma); 48];
        let track = Track {
            code: "leakage".to_owned(),
            quantity: Quantity::ResidualCurrent,
            phase: None,
            mean: values.clone(),
            max: values,
        };
        Day { step_s: 1800.0, tracks: vec![track], ..Day::default() }
    }

    #[test]
    fn twice_the_normal_within_what_may_be_set() {
        for (normal, alarm, too_much) in [
            (3.0, 20.0, false),
            (33.0, 70.0, false),
            (72.0, 150.0, false),
            (499.0, 1000.0, false),
            (600.0, 1000.0, true),
        ] {
            let said = suggest(&day(normal), None).unwrap();
            assert_eq!((said.alarm_ma, said.too_much, said.delay_s), (alarm, too_much, 5.0), "{normal}");
            assert!(said.warning_ma.is_none_or(|warning| warning < said.alarm_ma));
        }
    }

    #[test]
    fn upstream_is_higher_and_slower() {
        let below = Downstream { alarm_ma: 300.0, delay_s: 8.0 };
        let said = suggest(&day(40.0), Some(below)).unwrap();
        assert!(said.alarm_ma > below.alarm_ma && said.delay_s > below.delay_s);
        assert_eq!((said.alarm_ma, said.delay_s), (360.0, 13.0));
    }

    #[test]
    fn nothing_is_said_of_too_little() {
        let mut few = day(30.0);
        few.tracks[0].max.truncate(20);
        assert_eq!(suggest(&few, None), None);
        assert_eq!(suggest(&Day::default(), None), None);
    }
}
