//! Which load leaks: steps of a phase current matched with steps of the leakage at the same moment.
//!
//! A step is the difference of the two quarter hours around one, so that a load switched within a quarter hour shows its
//! whole size. A load is known by its phase and the size of its step; its leakage is the step of the residual current that
//! comes with it and goes with it, beyond what any load of that size brings. Loads on several phases at once are not told
//! apart from a shop that opens.

use super::statistics::{median, number, quantile, scale};
use super::{
    Analysis, BARS, Basis, Curve, Figure, Finding, History, Kind, Lack, LackReason, Model, Report, STEP_MS,
    Strength, Track, by_day,
};
use crate::quantity::{Phase, Quantity};

/// Days that are needed.
const LEAST_DAYS: usize = 7;
/// Days that are looked at.
const MOST_DAYS: i64 = 28;
/// Times that a load must have been switched with its leakage.
const LEAST_STEPS: usize = 8;
/// Leakage steps below this are no steps, mA.
const LEAST_MA: f64 = 3.0;
/// Steps of a load differ by this share of its size.
const ALIKE: f64 = 0.2;
/// Nominal voltage, V.
const NOMINAL_V: f64 = 220.0;

/// A step of everything at one moment.
#[derive(Debug, Clone, Copy)]
struct Step {
    at: usize,
    /// Of the leakage, mA.
    ma: f64,
    /// Of the phase that stepped most, A.
    amps: f64,
    phase: Option<Phase>,
}

pub(super) fn look(history: &History, report: &mut Report) {
    let currents = history.currents();
    let tracks: Vec<&Track> = history.of(Quantity::ResidualCurrent).collect();
    let has = tracks.iter().map(|track| by_day(history, &track.mean, 48).len()).max().unwrap_or(0);
    let reason = if tracks.is_empty() || currents.is_empty() {
        Some(LackReason::NotMeasured)
    } else {
        (has < LEAST_DAYS).then_some(LackReason::TooShort)
    };
    if let Some(reason) = reason {
        report.lacks.push(Lack {
            analysis: Analysis::Loads,
            reason,
            needs_days: u32::try_from(LEAST_DAYS).unwrap_or(7),
            has_days: u32::try_from(has).unwrap_or(u32::MAX),
        });
        return;
    }
    for track in tracks {
        let steps = steps(history, track, &currents);
        if let Some((finding, model)) = leaking(history, track, &steps) {
            report.findings.push(finding);
            report.models.push(model);
        }
    }
}

fn difference(values: &[Option<f64>], at: usize) -> Option<f64> {
    let before = values.get(at.checked_sub(1)?).copied().flatten()?;
    Some(values.get(at + 1).copied().flatten()? - before)
}

fn steps(history: &History, track: &Track, currents: &[&Track]) -> Vec<Step> {
    let since = history.last_day() - MOST_DAYS;
    let mut all: Vec<Step> = Vec::new();
    for at in 1..history.steps() {
        if history.day(at) <= since {
            continue;
        }
        let Some(ma) = difference(&track.mean, at) else { continue };
        let mut moved: Vec<(Option<Phase>, f64)> = currents
            .iter()
            .filter_map(|current| Some((current.phase, difference(&current.mean, at)?)))
            .collect();
        moved.sort_by(|one, other| other.1.abs().total_cmp(&one.1.abs()));
        let mut moved = moved.into_iter();
        let Some((phase, amps)) = moved.next() else { continue };
        // Phases that step together are a shop that opens or closes: no single load can be named by it.
        if moved.next().is_some_and(|(_, second)| second.abs() > 0.5 * amps.abs()) {
            continue;
        }
        all.push(Step { at, ma, amps, phase });
    }
    all
}

fn leaking(history: &History, track: &Track, steps: &[Step]) -> Option<(Finding, Model)> {
    let own = scale(&steps.iter().map(|step| step.ma).collect::<Vec<_>>());
    let noise_a = scale(&steps.iter().map(|step| step.amps).collect::<Vec<_>>());
    let least_ma = LEAST_MA.max(4.0 * own);
    // What any ampere brings: filters and cables of what is switched on.
    let ratio = median(
        steps.iter().filter(|step| step.amps.abs() > noise_a).map(|step| step.ma / step.amps).collect(),
    )
    .unwrap_or(0.0);
    let beyond = |step: &Step| step.ma - ratio * step.amps;
    // A step spreads over two neighbouring differences; the larger one is it.
    let mut leaks: Vec<Step> = Vec::new();
    for step in steps.iter().filter(|step| beyond(step).abs() >= least_ma && step.ma * step.amps > 0.0) {
        match leaks.last_mut() {
            Some(before) if step.at - before.at <= 1 => {
                if step.amps.abs() > before.amps.abs() {
                    *before = *step;
                }
            }
            Some(_) | None => leaks.push(*step),
        }
    }
    if leaks.len() < LEAST_STEPS {
        return None;
    }
    // The size and phase around which most of the leakage steps lie.
    let alike = |one: &Step, size: f64, phase: Option<Phase>| {
        one.phase == phase && (one.amps.abs() - size).abs() <= ALIKE * size
    };
    let (size, phase) = leaks
        .iter()
        .filter(|step| step.amps.abs() > 2.0 * noise_a)
        .map(|step| (step.amps.abs(), step.phase))
        .max_by_key(|(size, phase)| leaks.iter().filter(|step| alike(step, *size, *phase)).count())?;
    let with: Vec<&Step> = leaks.iter().filter(|step| alike(step, size, phase)).collect();
    let amps = median(with.iter().map(|step| step.amps.abs()).collect())?;
    let ma = median(with.iter().map(|step| beyond(step).abs()).collect())?;
    // Every time that a load of this size was switched, with leakage or without.
    let mut times = 0_usize;
    let mut last = 0;
    for step in steps.iter().filter(|step| alike(step, size, phase)) {
        if step.at > last + 1 {
            times += 1;
        }
        last = step.at;
    }
    let held = number(with.len()) / number(times.max(with.len()).max(1));
    let named = number(with.len()) / number(leaks.len());
    let mut days: Vec<i64> = with.iter().map(|step| history.day(step.at)).collect();
    days.dedup();
    if with.len() < LEAST_STEPS || days.len() < 3 || held < 0.5 || named < 0.4 {
        return None;
    }
    let strong = held >= 0.7 && named >= 0.6 && ma >= BARS.load_ma && days.len() >= 5;
    let on: Vec<&Step> = with.iter().copied().filter(|step| step.amps > 0.0).collect();
    let hour = |step: &Step| number(history.quarter(step.at)) / 4.0;
    let starts: Vec<f64> = on.iter().map(|step| hour(step)).collect();
    let weekend = on.iter().filter(|step| history.hour_of_week(step.at) >= 120).count();
    let lasting = lasting_h(&with);
    let mut finding = history.finding(Kind::LeakingLoad, track);
    finding.phase = phase;
    finding.strength = if strong { Strength::Strong } else { Strength::Weak };
    finding.basis = Basis::Share;
    finding.confidence = (held * named).sqrt().min(0.99);
    finding.figures = vec![
        Figure::new("leak", ma, "mA"),
        Figure::new("current", amps, "A"),
        Figure::new("power", amps * NOMINAL_V / 1000.0, "kW"),
        Figure::new("steps", number(with.len()), ""),
        Figure::new("held", held * 100.0, "%"),
        Figure::new("named", named * 100.0, "%"),
        Figure::new("days", number(days.len()), ""),
        Figure::new("hour_from", quantile(starts.clone(), 0.1)?, "h"),
        Figure::new("hour_to", quantile(starts, 0.9)?, "h"),
        Figure::new("weekend", number(weekend) / number(on.len().max(1)) * 100.0, "%"),
    ];
    finding.figures.extend(lasting.map(|hours| Figure::new("lasting", hours, "h")));
    let plane = |some: Vec<&Step>| some.iter().map(|step| (step.amps, step.ma)).collect::<Vec<_>>();
    let around =
        steps.iter().filter(|step| step.amps.abs() > noise_a && beyond(step).abs() < least_ma).collect();
    let times = with.iter().map(|step| (ms(history, step.at), step.amps)).collect();
    finding.evidence = vec![
        Curve::new("steps_with", "A", "mA", plane(with)),
        Curve::new("steps_other", "A", "mA", plane(around)),
        Curve::new("steps_times", "ms", "A", times),
    ];
    let model = Model {
        analysis: Analysis::Loads,
        about: track.code.clone(),
        phase,
        figures: finding.figures.clone(),
        curves: finding.evidence.clone(),
    };
    Some((finding, model))
}

fn ms(history: &History, step: usize) -> f64 {
    history.at(step).0 as f64
}

/// How long the load runs, hours: from a step up to the next one down.
fn lasting_h(steps: &[&Step]) -> Option<f64> {
    let runs: Vec<f64> = steps
        .iter()
        .zip(steps.iter().skip(1))
        .filter(|(on, off)| on.amps > 0.0 && off.amps < 0.0)
        .map(|(on, off)| number(off.at - on.at) * STEP_MS as f64 / 3_600_000.0)
        .collect();
    median(runs)
}
