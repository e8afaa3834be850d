//! Power against voltage and current: direction, ratio, and whether what is called a phase is that phase.

use super::statistics::{line, number, paired, quantile, some};
use super::{Confidence, Day, Figure, Finding, Kind, Lack, Outcome, THRESHOLDS, Track, ended};
use crate::quantity::{Phase, Quantity};

const PHASES: [Phase; 3] = [Phase::A, Phase::B, Phase::C];

/// Current below this says nothing about power, A.
const LEAST_A: f64 = 0.5;

/// Voltage × current of one moment, the power measured then, and the power factor where it is measured.
struct Moment {
    apparent_va: f64,
    active_w: f64,
    factor: Option<f64>,
}

fn moments(day: &Day, phase: Phase) -> Option<Vec<Moment>> {
    let voltage = day.phase(Quantity::Voltage, phase)?;
    let current = day.phase(Quantity::Current, phase)?;
    let power = day.phase(Quantity::ActivePower, phase)?;
    let factor = day.phase(Quantity::PowerFactor, phase);
    let at = |values: &[Option<f64>], step: usize| values.get(step).copied().flatten();
    Some(
        (0..day.steps())
            .filter_map(|step| {
                let (volt, ampere) = (at(&voltage.mean, step)?, at(&current.mean, step)?);
                let active_w = at(&power.mean, step)?;
                let factor = factor.and_then(|track| at(&track.mean, step)).filter(|pf| pf.abs() > 0.2);
                (ampere.abs() >= LEAST_A && volt > 50.0).then_some(Moment {
                    apparent_va: volt * ampere,
                    active_w,
                    factor,
                })
            })
            .collect(),
    )
}

/// Runs `look` over every phase that has what is needed.
fn over_phases(day: &Day, look: impl Fn(Phase, &[Moment]) -> Option<Finding>) -> Outcome {
    let measured: Vec<(Phase, Vec<Moment>)> =
        PHASES.into_iter().filter_map(|phase| Some((phase, moments(day, phase)?))).collect();
    if measured.is_empty() {
        return Outcome::NotEnough { lack: Lack::NotMeasured };
    }
    let enough: Vec<_> = measured.iter().filter(|(_, rows)| rows.len() >= THRESHOLDS.rows).collect();
    if enough.is_empty() {
        return Outcome::NotEnough { lack: Lack::FewRows };
    }
    ended(enough.into_iter().filter_map(|(phase, rows)| look(*phase, rows)).collect())
}

fn pairs(rows: &[Moment]) -> Vec<(f64, f64)> {
    some(&rows.iter().map(|row| (row.apparent_va, row.active_w)).collect::<Vec<_>>())
}

pub(super) fn reversed(day: &Day) -> Outcome {
    over_phases(day, |phase, rows| {
        let negative = rows.iter().filter(|row| row.active_w < -0.2 * row.apparent_va.abs()).count();
        let share = number(negative) / number(rows.len());
        (share >= 0.9).then(|| Finding {
            kind: Kind::ReversedTransformer,
            confidence: if share >= 0.98 { Confidence::High } else { Confidence::Medium },
            about: phase.code().to_owned(),
            against: String::new(),
            figures: vec![
                Figure::new("negative_share", 100.0 * share, "%"),
                Figure::new(
                    "power_median",
                    quantile(&rows.iter().map(|row| row.active_w).collect::<Vec<_>>(), 0.5).unwrap_or(0.0),
                    "W",
                ),
                Figure::rows(rows.len()),
            ],
            pairs: pairs(rows),
        })
    })
}

pub(super) fn wrong_ratio(day: &Day) -> Outcome {
    over_phases(day, |phase, rows| {
        let with_factor = rows.iter().all(|row| row.factor.is_some());
        let ratios: Vec<f64> = rows
            .iter()
            .map(|row| (row.active_w / (row.apparent_va * row.factor.unwrap_or(1.0))).abs())
            .collect();
        let (median, low, high) =
            (quantile(&ratios, 0.5)?, quantile(&ratios, 0.25)?, quantile(&ratios, 0.75)?);
        if median < 0.02 {
            return None;
        }
        let spread = (high - low) / median;
        // Without a power factor only a power beyond volts times amperes is impossible.
        let wrong = if with_factor {
            (median - 1.0).abs() > THRESHOLDS.factor && spread < 0.1
        } else {
            median > 1.0 + THRESHOLDS.factor && spread < 0.3
        };
        wrong.then(|| Finding {
            kind: Kind::WrongRatio,
            confidence: if spread < 0.05 { Confidence::High } else { Confidence::Medium },
            about: phase.code().to_owned(),
            against: String::new(),
            figures: vec![
                Figure::new("factor", median, ""),
                Figure::new("spread", 100.0 * spread, "%"),
                Figure::rows(rows.len()),
            ],
            pairs: pairs(rows),
        })
    })
}

/// Which current a power or a temperature follows: its own, or that of another phase.
pub(super) fn swapped(day: &Day) -> Outcome {
    let currents: Vec<_> =
        PHASES.into_iter().filter_map(|phase| Some((phase, day.phase(Quantity::Current, phase)?))).collect();
    if currents.len() < 2 {
        return Outcome::NotEnough { lack: Lack::NotMeasured };
    }
    let alike = currents.iter().enumerate().all(|(index, (_, one))| {
        currents
            .iter()
            .skip(index + 1)
            .all(|(_, other)| line(&paired(&one.mean, &other.mean)).correlation > 0.95)
    });
    let mut findings = Vec::new();
    let mut looked = false;
    // Heat is compared between phases, which a current of a wrong size makes worthless.
    let sized = !matches!(wrong_ratio(day), Outcome::Found { .. });
    let quantities = [(Quantity::ActivePower, true), (Quantity::ConductorTemperature, sized)];
    for quantity in quantities.into_iter().filter(|(_, fit)| *fit).map(|(quantity, _)| quantity) {
        let fits: Vec<Fit> = fits_of(day, quantity, &currents);
        looked |= !fits.is_empty();
        for fit in &fits {
            let needed = if quantity == Quantity::ActivePower { 0.9 } else { 0.85 };
            let swapped = fit.best != fit.phase
                && fit.correlation >= needed
                && fit.correlation >= fit.own + THRESHOLDS.margin;
            // Two phases change places: the other one does not follow its own current either.
            let other = fits.iter().find(|other| other.phase == fit.best);
            if !swapped || other.is_some_and(|other| other.best == other.phase) {
                continue;
            }
            findings.push(Finding {
                kind: Kind::PhasesSwapped,
                confidence: if fit.correlation >= 0.95 { Confidence::High } else { Confidence::Medium },
                about: fit.code.clone(),
                against: fit.best.code().to_owned(),
                figures: vec![
                    Figure::new("correlation", fit.correlation, ""),
                    Figure::new("correlation_own", fit.own, ""),
                    Figure::rows(fit.pairs.len()),
                ],
                pairs: some(&fit.pairs),
            });
        }
    }
    match (findings.is_empty(), looked) {
        (false, _) => Outcome::Found { findings },
        (true, false) => Outcome::NotEnough { lack: Lack::FewRows },
        (true, true) if alike => Outcome::NotEnough { lack: Lack::EqualPhases },
        (true, true) => Outcome::Clear,
    }
}

/// A phase current, how well something follows it, and the two as they were compared.
type Following = (Phase, f64, Vec<(f64, f64)>);

/// Which current a channel follows best.
struct Fit {
    code: String,
    phase: Phase,
    best: Phase,
    correlation: f64,
    own: f64,
    pairs: Vec<(f64, f64)>,
}

/// How the channels of `quantity` follow the phase currents; those without enough moments, or that hardly move, are left
/// out. The air warms all probes alike, so temperatures and what heats them are taken against their mean.
fn fits_of(day: &Day, quantity: Quantity, currents: &[(Phase, &Track)]) -> Vec<Fit> {
    let warm = quantity == Quantity::ConductorTemperature;
    let tracks: Vec<(Phase, &Track)> =
        PHASES.into_iter().filter_map(|phase| Some((phase, day.phase(quantity, phase)?))).collect();
    let mut drives: Vec<Vec<Option<f64>>> = currents
        .iter()
        .map(|(_, current)| if warm { heating(&current.mean, day.step_s) } else { current.mean.clone() })
        .collect();
    let mut values: Vec<Vec<Option<f64>>> = tracks.iter().map(|(_, track)| track.mean.clone()).collect();
    if warm {
        if tracks.len() != currents.len() {
            return Vec::new();
        }
        centre(&mut drives);
        centre(&mut values);
    }
    let mut fits = Vec::new();
    for ((phase, track), value) in tracks.iter().zip(&values) {
        let known: Vec<f64> = value.iter().copied().flatten().collect();
        let span = quantile(&known, 0.95).zip(quantile(&known, 0.05)).map_or(0.0, |(high, low)| high - low);
        if warm && span < LEAST_SPAN_K {
            continue;
        }
        let each: Vec<Following> = currents
            .iter()
            .zip(&drives)
            .map(|((of, _), drive)| {
                let pairs = paired(drive, value);
                let correlation = line(&pairs).correlation;
                // A transformer the wrong way round makes power negative; nothing cools by current.
                (*of, if warm { correlation } else { correlation.abs() }, pairs)
            })
            .collect();
        if each.iter().any(|(_, _, pairs)| pairs.len() < THRESHOLDS.rows) {
            continue;
        }
        let own = each.iter().find(|(of, _, _)| of == phase).map_or(0.0, |(_, fit, _)| *fit);
        let best = each.into_iter().max_by(|one, other| one.1.total_cmp(&other.1));
        if let Some((best, correlation, pairs)) = best {
            fits.push(Fit { code: track.code.clone(), phase: *phase, best, correlation, own, pairs });
        }
    }
    fits
}

/// A probe that moves by less against the mean of all says nothing, K.
const LEAST_SPAN_K: f64 = 2.0;

/// Takes the mean of all series from each, step by step.
fn centre(series: &mut [Vec<Option<f64>>]) {
    let length = series.iter().map(Vec::len).max().unwrap_or(0);
    for step in 0..length {
        let all: Option<Vec<f64>> = series.iter().map(|one| one.get(step).copied().flatten()).collect();
        let mean = all.map(|values| values.iter().sum::<f64>() / number(values.len().max(1)));
        for value in series.iter_mut().filter_map(|one| one.get_mut(step)) {
            *value = value.zip(mean).map(|(value, mean)| value - mean);
        }
    }
}

/// Time constant with which a loaded cable warms, s; for small PVC cables in trunking.
const TAU_S: f64 = 900.0;

/// The current squared as a conductor feels it: with its inertia.
pub(super) fn heating(current: &[Option<f64>], step_s: f64) -> Vec<Option<f64>> {
    let keep = (-step_s.max(1.0) / TAU_S).exp();
    let mut felt: Option<f64> = None;
    current
        .iter()
        .map(|value| {
            felt = value.map(|a| felt.map_or(a * a, |before| a * a + (before - a * a) * keep)).or(felt);
            value.and(felt)
        })
        .collect()
}
