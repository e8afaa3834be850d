//! Temperature against load: a probe that does not feel its conductor.

use super::power::heating;
use super::statistics::{line, paired, quantile, some};
use super::{Confidence, Day, Figure, Finding, Kind, Lack, Outcome, THRESHOLDS, Track, ended};
use crate::quantity::{Phase, Quantity};

/// Changes are taken over this long, s: the air of a box hardly changes in it, a loaded conductor does.
const LAG_S: f64 = 1800.0;
/// A probe that warms by less than this share of what its load should give does not feel the conductor.
const DEAF: f64 = 0.1;
/// The same where the air is not measured and its own changes are in the values.
const DEAF_IN_UNKNOWN_AIR: f64 = 0.2;

/// How a probe warms with its own load.
struct Warming<'d> {
    track: &'d Track,
    /// K per A² of its own current as the conductor feels it.
    slope: f64,
    /// How far that moved in the day, A².
    span: f64,
    pairs: Vec<(f64, f64)>,
}

fn warming<'d>(day: &Day, track: &'d Track) -> Option<Warming<'d>> {
    let current = day.phase(Quantity::Current, track.phase?)?;
    let drive = heating(&current.mean, day.step_s);
    let over_air: Vec<Option<f64>> = match day.of(Quantity::AmbientTemperature).next() {
        Some(air) => {
            track.mean.iter().zip(&air.mean).map(|(warm, air)| warm.zip(*air).map(|(w, a)| w - a)).collect()
        }
        None => track.mean.clone(),
    };
    let levels = paired(&drive, &over_air);
    if levels.len() < THRESHOLDS.rows {
        return None;
    }
    // The steps of the lag; a day has at most a few hundred.
    let lag = (1..=60u32).find(|steps| f64::from(*steps) * day.step_s >= LAG_S).unwrap_or(1);
    let lag = usize::try_from(lag).ok()?;
    let change = |values: &[Option<f64>]| -> Vec<Option<f64>> {
        let later = values.iter().skip(lag);
        values.iter().zip(later).map(|(before, after)| Some((*after)? - (*before)?)).collect()
    };
    let pairs = paired(&change(&drive), &change(&over_air));
    if pairs.len() < THRESHOLDS.rows {
        return None;
    }
    let drives: Vec<f64> = levels.iter().map(|pair| pair.0).collect();
    let span = quantile(&drives, 0.9)? - quantile(&drives, 0.1)?;
    Some(Warming { track, slope: line(&pairs).slope, span, pairs })
}

pub(super) fn probe_loose(day: &Day) -> Outcome {
    let probes: Vec<&Track> = day
        .of(Quantity::ConductorTemperature)
        .filter(|track| matches!(track.phase, Some(Phase::A | Phase::B | Phase::C)))
        .collect();
    if probes.len() < 2 || day.currents().is_empty() {
        return Outcome::NotEnough { lack: Lack::NotMeasured };
    }
    let warmings: Vec<Warming<'_>> = probes.iter().filter_map(|track| warming(day, track)).collect();
    if warmings.len() < 2 {
        return Outcome::NotEnough { lack: Lack::FewRows };
    }
    // Conductors of one circuit are alike: the middle probe says what a load should give (of two, the better one), so
    // that one with a wrong current beside it does not make the others look deaf.
    let mut slopes: Vec<f64> = warmings.iter().map(|one| one.slope.max(0.0)).collect();
    slopes.sort_by(f64::total_cmp);
    let best = slopes.get(slopes.len() / 2).copied().unwrap_or(0.0);
    if warmings.iter().all(|one| best * one.span < THRESHOLDS.rise_k) {
        return Outcome::NotEnough { lack: Lack::SteadyLoad };
    }
    let air = day.of(Quantity::AmbientTemperature).next().is_some();
    let deaf = if air { DEAF } else { DEAF_IN_UNKNOWN_AIR };
    let findings = warmings
        .iter()
        .filter(|one| best * one.span >= THRESHOLDS.rise_k && one.slope < deaf * best)
        .map(|one| Finding {
            kind: Kind::ProbeLoose,
            confidence: if air && warmings.len() > 2 { Confidence::Medium } else { Confidence::Low },
            about: one.track.code.clone(),
            against: String::new(),
            figures: vec![
                Figure::new("rise", one.slope * one.span, "K"),
                Figure::new("rise_expected", best * one.span, "K"),
                Figure::rows(one.pairs.len()),
            ],
            pairs: some(&one.pairs),
        })
        .collect();
    ended(findings)
}
