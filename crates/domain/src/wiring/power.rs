//! Power against voltage and current: direction, ratio, and whether what is called a phase is that phase.

use super::statistics::{line, number, paired, quantile, some};
use super::{Confidence, Day, Figure, Finding, Kind, Lack, Outcome, THRESHOLDS, ended};
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
    for quantity in [Quantity::ActivePower, Quantity::ConductorTemperature] {
        for phase in PHASES {
            let Some(track) = day.phase(quantity, phase) else { continue };
            let fits: Vec<(Phase, f64, Vec<(f64, f64)>)> = currents
                .iter()
                .map(|(of, current)| {
                    let drive: Vec<Option<f64>> = match quantity {
                        Quantity::ConductorTemperature => heating(&current.mean, day.step_s),
                        _ => current.mean.clone(),
                    };
                    let pairs = paired(&drive, &track.mean);
                    (*of, line(&pairs).correlation.abs(), pairs)
                })
                .collect();
            if fits.iter().any(|(_, _, pairs)| pairs.len() < THRESHOLDS.rows) {
                continue;
            }
            looked = true;
            let own = fits.iter().find(|(of, _, _)| *of == phase).map_or(0.0, |(_, fit, _)| *fit);
            let best = fits.iter().max_by(|one, other| one.1.total_cmp(&other.1));
            let Some((of, fit, pairs)) = best else { continue };
            let needed = if quantity == Quantity::ActivePower { 0.9 } else { 0.8 };
            if *of != phase && *fit >= needed && *fit >= own + THRESHOLDS.margin {
                findings.push(Finding {
                    kind: Kind::PhasesSwapped,
                    confidence: if *fit >= 0.95 { Confidence::High } else { Confidence::Medium },
                    about: track.code.clone(),
                    against: of.code().to_owned(),
                    figures: vec![
                        Figure::new("correlation", *fit, ""),
                        Figure::new("correlation_own", own, ""),
                        Figure::rows(pairs.len()),
                    ],
                    pairs: some(pairs),
                });
            }
        }
    }
    match (findings.is_empty(), looked) {
        (false, _) => Outcome::Found { findings },
        (true, false) => Outcome::NotEnough { lack: Lack::FewRows },
        (true, true) if alike => Outcome::NotEnough { lack: Lack::EqualPhases },
        (true, true) => Outcome::Clear,
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
