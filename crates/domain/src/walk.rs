//! Looking for the circuit that leaks: one breaker after the other is switched off while a detector above them all
//! measures the residual current. What follows from the readings is decided here, and only here.
//!
//! Residual currents of several circuits add as phasors, so the parts need not make up the whole; that is why a
//! conclusion names the drop and the total and never a percentage of "the" leakage.

use serde::{Deserialize, Serialize};

use crate::time::UnixMs;

/// The version of these rules; a kept walk says which one concluded it.
pub const VERSION: u32 = 1;
/// Changes smaller than this are within what such detectors show at rest, mA: 1 mA of resolution, and load that comes
/// and goes.
pub const LEAST_NOISE_MA: f64 = 5.0;
/// From this part of the total on, one breaker holds the leak.
const HOLDS: f64 = 0.5;

/// One reading of the residual current.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Seen {
    /// When the platform received it.
    pub at: UnixMs,
    /// Residual current, mA.
    pub ma: f64,
}

/// One breaker of a walk.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// Its number or name, as the person called it.
    pub breaker: String,
    /// When it was switched off.
    pub off_at: UnixMs,
    /// When it was switched on again; `None` while it stays off.
    pub on_at: Option<UnixMs>,
    /// Readings before it was switched off, oldest first.
    pub before: Vec<Seen>,
    /// Readings after it was switched off, oldest first.
    pub after: Vec<Seen>,
}

/// What one step shows.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Drop {
    /// Median of the readings before, mA.
    pub before_ma: f64,
    /// Median of the readings after, mA.
    pub after_ma: f64,
    /// What went away with the breaker, mA; negative when the current rose.
    pub drop_ma: f64,
    /// What the readings moved by themselves, mA: no drop below this says anything.
    pub noise_ma: f64,
    /// What the residual current would be with every breaker on, as this step sees it, mA.
    pub total_ma: f64,
}

/// What a walk shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// One breaker holds at least half of the current.
    Found,
    /// One breaker holds the largest part, but less than half: the rest is elsewhere.
    Shared,
    /// The current moved by itself as much as by the largest drop: no breaker can be named.
    Unsteady,
    /// No breaker changed the current by more than its readings moved by themselves.
    NoneFound,
}

impl Outcome {
    /// The stable name used in the API and the database.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Found => "found",
            Self::Shared => "shared",
            Self::Unsteady => "unsteady",
            Self::NoneFound => "none_found",
        }
    }
}

/// What follows from a walk.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Conclusion {
    /// The version of the rules.
    pub version: u32,
    /// What it shows.
    pub outcome: Outcome,
    /// Which step fell most, counted from 0; also when that is less than noise. `None` without a step.
    pub largest: Option<usize>,
    /// How far the current moved by itself between the steps, mA.
    pub drift_ma: f64,
    /// Whether that is more than noise: then parts are not to be taken to the milliampere.
    pub drifted: bool,
    /// What each step shows, in their order.
    pub drops: Vec<Drop>,
}

/// The middle of `values`; the mean of the two middle ones where they are even in number. `None` for none.
#[must_use]
pub fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let upper = *sorted.get(sorted.len() / 2)?;
    if sorted.len() % 2 == 1 {
        return Some(upper);
    }
    let lower = *sorted.get((sorted.len() / 2).checked_sub(1)?)?;
    Some(f64::midpoint(lower, upper))
}

fn middle(seen: &[Seen]) -> f64 {
    median(&seen.iter().map(|one| one.ma).collect::<Vec<_>>()).unwrap_or(0.0)
}

fn spread<'s>(seen: impl Iterator<Item = &'s f64>) -> f64 {
    let (least, most) = seen.fold((f64::INFINITY, f64::NEG_INFINITY), |(least, most), value| {
        (least.min(*value), most.max(*value))
    });
    (most - least).max(0.0)
}

fn noise(step: &Step) -> f64 {
    let of = |seen: &[Seen]| spread(seen.iter().map(|one| &one.ma));
    of(&step.before).max(of(&step.after)).max(LEAST_NOISE_MA)
}

/// What the readings of a walk show. Steps stand in the order in which their breakers were switched off.
#[must_use]
pub fn conclude(steps: &[Step]) -> Conclusion {
    let mut drops: Vec<Drop> = Vec::with_capacity(steps.len());
    for step in steps {
        let (before_ma, after_ma) = (middle(&step.before), middle(&step.after));
        // What breakers hold that were still off belongs to the total.
        let held: f64 = steps
            .iter()
            .zip(&drops)
            .filter(|(earlier, _)| earlier.on_at.is_none_or(|on| on > step.off_at))
            .map(|(_, drop)| drop.drop_ma)
            .sum();
        drops.push(Drop {
            before_ma,
            after_ma,
            drop_ma: before_ma - after_ma,
            noise_ma: noise(step),
            total_ma: before_ma + held,
        });
    }
    let drift_ma = if drops.is_empty() { 0.0 } else { spread(drops.iter().map(|drop| &drop.total_ma)) };
    let most_noise = drops.iter().map(|drop| drop.noise_ma).fold(LEAST_NOISE_MA, f64::max);
    let drifted = drift_ma > most_noise;
    let best = drops.iter().enumerate().max_by(|(_, a), (_, b)| a.drop_ma.total_cmp(&b.drop_ma));
    let outcome = match best {
        None => Outcome::NoneFound,
        Some((_, drop)) if drop.drop_ma <= drop.noise_ma => Outcome::NoneFound,
        Some((_, drop)) if drift_ma >= drop.drop_ma => Outcome::Unsteady,
        Some((_, drop)) if drop.drop_ma >= HOLDS * drop.total_ma => Outcome::Found,
        Some(_) => Outcome::Shared,
    };
    Conclusion { version: VERSION, outcome, largest: best.map(|(place, _)| place), drift_ma, drifted, drops }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(at: i64, values: &[f64]) -> Vec<Seen> {
        (0..).zip(values).map(|(place, ma)| Seen { at: UnixMs(at + place * 1000), ma: *ma }).collect()
    }

    /// A breaker that was off from `off` to `off` + 50 s.
    fn step(breaker: &str, off: i64, before: &[f64], after: &[f64]) -> Step {
        Step {
            breaker: breaker.to_owned(),
            off_at: UnixMs(off * 1000),
            on_at: Some(UnixMs((off + 50) * 1000)),
            before: seen((off - 10) * 1000, before),
            after: seen((off + 10) * 1000, after),
        }
    }

    #[test]
    fn the_breaker_with_the_largest_drop_is_named() {
        let walk = [
            step("1", 100, &[310.0, 311.0, 309.0], &[305.0, 306.0, 304.0]),
            step("2", 200, &[310.0, 310.0, 310.0], &[285.0, 286.0, 285.0]),
            step("3", 300, &[310.0, 312.0, 310.0], &[30.0, 31.0, 30.0]),
        ];
        let said = conclude(&walk);
        assert_eq!((said.outcome, said.largest, said.drifted), (Outcome::Found, Some(2), false));
        let drop = said.drops[2];
        assert_eq!((drop.drop_ma, drop.total_ma, drop.after_ma), (280.0, 310.0, 30.0));
    }

    #[test]
    fn what_stays_off_counts_into_the_total() {
        let mut walk = [
            step("kitchen", 100, &[300.0, 300.0], &[200.0, 200.0]),
            step("lights", 200, &[200.0, 200.0], &[40.0, 40.0]),
        ];
        walk[0].on_at = None;
        let said = conclude(&walk);
        assert_eq!((said.outcome, said.largest, said.drift_ma), (Outcome::Found, Some(1), 0.0));
        assert_eq!((said.drops[1].drop_ma, said.drops[1].total_ma), (160.0, 300.0));
        // The same readings with the first breaker on again: then a third of the current went by itself.
        walk[0].on_at = Some(UnixMs(150_000));
        assert!(conclude(&walk).drifted);
    }

    #[test]
    fn a_leak_in_many_places_is_not_laid_on_one() {
        let walk = [
            step("1", 100, &[300.0, 300.0], &[190.0, 190.0]),
            step("2", 200, &[300.0, 300.0], &[200.0, 200.0]),
            step("3", 300, &[300.0, 300.0], &[210.0, 210.0]),
        ];
        let said = conclude(&walk);
        assert_eq!((said.outcome, said.largest), (Outcome::Shared, Some(0)));
    }

    #[test]
    fn a_current_that_moved_by_itself_is_said_so() {
        let slightly = [
            step("1", 100, &[310.0, 310.0], &[30.0, 30.0]),
            step("2", 200, &[340.0, 340.0], &[335.0, 335.0]),
        ];
        let said = conclude(&slightly);
        assert_eq!((said.outcome, said.drifted, said.drift_ma), (Outcome::Found, true, 30.0));
        let wholly = [
            step("1", 100, &[310.0, 310.0], &[250.0, 250.0]),
            step("2", 200, &[200.0, 200.0], &[198.0, 198.0]),
        ];
        assert_eq!(conclude(&wholly).outcome, Outcome::Unsteady);
    }

    #[test]
    fn a_drop_within_noise_is_none() {
        let walk = [
            step("1", 100, &[310.0, 280.0, 300.0], &[290.0, 310.0, 285.0]),
            step("2", 200, &[300.0, 300.0], &[297.0, 297.0]),
        ];
        let said = conclude(&walk);
        assert_eq!((said.outcome, said.largest), (Outcome::NoneFound, Some(0)));
        assert_eq!(said.drops[1].noise_ma, LEAST_NOISE_MA);
        let risen = [step("1", 100, &[100.0], &[180.0])];
        assert_eq!(conclude(&risen).outcome, Outcome::NoneFound);
        assert_eq!((conclude(&[]).outcome, conclude(&[]).largest), (Outcome::NoneFound, None));
    }
}
