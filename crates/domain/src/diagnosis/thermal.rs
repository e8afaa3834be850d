//! Temperature against current squared: T - air = base + k F(I²), F a first-order lag with the time constant that fits
//! best. k is the heat per ampere squared; of a sound terminal it does not change.
//!
//! Where the air is not measured, its daily swing is in k, the same then and now and the same for all phases: a change
//! against the other phases still tells. A terminal is called loosening only for what it changed more than the middle
//! one of the others: seasons, air flow and a drifting probe of the air move all of them alike.

use super::coupling::{DaySums, Slope, days, slope};
use super::statistics::{Z95, median, number, quantile, student};
use super::trend::trend;
use super::{
    APART_DAYS, Analysis, BARS, Basis, Curve, Figure, Finding, History, Kind, Lack, LackReason, Model,
    Report, STEP_MS, Strength, Track, WINDOW_DAYS, confidence, number_of,
};
use crate::quantity::{Phase, Quantity};

/// Time constants that are tried, s: from a bare terminal to a bundle of thick cables.
const TAUS_S: [f64; 8] = [120.0, 300.0, 600.0, 900.0, 1350.0, 2000.0, 3000.0, 4500.0];
/// Heating compared with another phase that is named, as a factor.
const UNEQUAL: f64 = 1.6;

struct Phased<'h> {
    track: &'h Track,
    phase: Phase,
    tau_s: f64,
    rise: Vec<Option<f64>>,
    drive: Vec<Option<f64>>,
    days: Vec<DaySums>,
    then: Option<Slope>,
    now: Option<Slope>,
    /// The drive that the circuit reaches on a usual day, A².
    peak: f64,
}

impl Phased<'_> {
    /// The logarithm of now by then, with its variance; `None` unless both are well above nothing.
    fn drift(&self) -> Option<(f64, f64)> {
        let (then, now) = self.then.zip(self.now)?;
        let sound = |one: &Slope| one.value > 0.0 && one.error < 0.3 * one.value;
        (sound(&then) && sound(&now)).then(|| {
            let variance = (then.error / then.value).powi(2) + (now.error / now.value).powi(2);
            ((now.value / then.value).ln(), variance)
        })
    }
}

pub(super) fn look(history: &History, report: &mut Report) {
    let air = history.of(Quantity::AmbientTemperature).next();
    let mut all: Vec<Phased<'_>> = Vec::new();
    for track in history.of(Quantity::ConductorTemperature) {
        let Some(phase @ (Phase::A | Phase::B | Phase::C | Phase::N)) = track.phase else { continue };
        if let Some(current) = history.current(phase) {
            all.extend(fit(history, track, phase, current, air));
        }
    }
    let lack = |reason, has_days| Lack {
        analysis: Analysis::Thermal,
        reason,
        needs_days: u32::try_from(APART_DAYS + WINDOW_DAYS).unwrap_or(35),
        has_days,
    };
    if all.is_empty() {
        report.lacks.push(lack(LackReason::NotMeasured, 0));
        return;
    }
    if all.iter().all(|one| one.drift().is_none()) {
        let days = all.iter().map(|one| one.days.len()).max().unwrap_or(0);
        let has = u32::try_from(days).unwrap_or(u32::MAX);
        let enough = i64::from(has) >= APART_DAYS + WINDOW_DAYS;
        report.lacks.push(lack(if enough { LackReason::SteadyLoad } else { LackReason::TooShort }, has));
    }
    for (index, one) in all.iter().enumerate() {
        let others: Vec<&Phased<'_>> =
            all.iter().enumerate().filter(|(other, _)| *other != index).map(|(_, other)| other).collect();
        let (figures, curves) = told(history, one);
        report.findings.extend(loosening(history, one, &others, air.is_some(), &figures, &curves));
        report.findings.extend(unequal(history, one, &others, &figures, &curves));
        report.models.push(Model {
            analysis: Analysis::Thermal,
            about: one.track.code.clone(),
            phase: one.track.phase,
            figures,
            curves,
        });
    }
}

fn fit<'h>(
    history: &'h History,
    track: &'h Track,
    phase: Phase,
    current: &Track,
    air: Option<&Track>,
) -> Option<Phased<'h>> {
    let rise: Vec<Option<f64>> = match air {
        Some(air) => track.mean.iter().zip(&air.mean).map(|(t, a)| t.zip(*a).map(|(t, a)| t - a)).collect(),
        None => track.mean.clone(),
    };
    let last = history.last_day();
    // The time constant from the newest two weeks: what is left over is least with the best one.
    let recent = rise.len().saturating_sub(14 * 96);
    let tail: Vec<Option<f64>> =
        rise.iter().enumerate().map(|(step, value)| value.filter(|_| step >= recent)).collect();
    let left = |tau_s: f64| -> Option<f64> {
        let sums = days(history, &felt(&current.mean, tau_s), &tail);
        let (xx, xy, yy) =
            sums.iter().fold((0.0, 0.0, 0.0), |(xx, xy, yy), one| (xx + one.xx, xy + one.xy, yy + one.yy));
        (xx > 0.0).then(|| yy - xy * xy / xx)
    };
    let tau_s = TAUS_S
        .into_iter()
        .filter_map(|tau_s| Some((tau_s, left(tau_s)?)))
        .min_by(|one, other| one.1.total_cmp(&other.1))?
        .0;
    let drive = felt(&current.mean, tau_s);
    let sums = days(history, &drive, &rise);
    let now = slope(&sums, last - WINDOW_DAYS + 1, last + 1);
    let then = slope(&sums, last - APART_DAYS - WINDOW_DAYS + 1, last - APART_DAYS + 1);
    let peak = quantile(drive.iter().copied().flatten().collect(), 0.98)?;
    Some(Phased { track, phase, tau_s, rise, drive, days: sums, then, now, peak })
}

/// Current squared as a conductor of this time constant feels it, mean of each step: exact for a current that is constant
/// within a step.
fn felt(current: &[Option<f64>], tau_s: f64) -> Vec<Option<f64>> {
    let step_s = STEP_MS as f64 / 1000.0;
    let keep = (-step_s / tau_s).exp();
    let share = tau_s / step_s * (1.0 - keep);
    let mut start: Option<f64> = None;
    current
        .iter()
        .map(|value| {
            let Some(a) = value else {
                start = None;
                return None;
            };
            let target = a * a;
            let from = start.unwrap_or(target);
            start = Some(target + (from - target) * keep);
            Some(target + (from - target) * share)
        })
        .collect()
}

/// The fit in figures and curves.
fn told(history: &History, one: &Phased<'_>) -> (Vec<Figure>, Vec<Curve>) {
    let last = history.last_day();
    let mut figures =
        vec![Figure::new("tau", one.tau_s, "s"), Figure::new("days", number(one.days.len()), "")];
    let mut curves = Vec::new();
    let windows = [
        ("then", one.then, last - APART_DAYS - WINDOW_DAYS + 1, last - APART_DAYS),
        ("now", one.now, last - WINDOW_DAYS + 1, last),
    ];
    for (name, fit, from, to) in windows {
        let points: Vec<(f64, f64)> = one
            .drive
            .iter()
            .zip(&one.rise)
            .enumerate()
            .filter(|(step, _)| (from..=to).contains(&history.day(*step)))
            .filter_map(|(_, (x, y))| x.zip(*y))
            .collect();
        if points.is_empty() {
            continue;
        }
        curves.push(Curve::new(name, "A²", "K", points));
        if let Some(fit) = fit {
            figures.push(Figure::new(&format!("heat_{name}"), fit.value * 1000.0, "mK/A²"));
            figures.push(Figure::new(&format!("heat_{name}_error"), fit.error * 1000.0, "mK/A²"));
            figures.push(Figure::new(&format!("explained_{name}"), fit.explained * 100.0, "%"));
            let line = vec![(0.0, fit.base), (one.peak, fit.base + fit.value * one.peak)];
            curves.push(Curve::new(&format!("fit_{name}"), "A²", "K", line));
        }
    }
    let typical = median(one.days.iter().map(|day| day.xx).collect()).unwrap_or(0.0);
    let heat: Vec<(f64, f64)> = one
        .days
        .iter()
        .filter(|day| day.xx > 0.2 * typical)
        .map(|day| (number_of(day.day), day.slope()))
        .collect();
    curves.push(Curve::new(
        "heat_by_day",
        "ms",
        "mK/A²",
        heat.iter().map(|(day, k)| (history.day_ms(*day), k * 1000.0)).collect(),
    ));
    // What it comes to at rated current in four weeks, where heat goes on as it did.
    if let (Some(rated), Some(now), Some(line)) = (history.rated_current_a, one.now, trend(&heat)) {
        let air = median(
            one.track.mean.iter().zip(&one.rise).filter_map(|(t, r)| t.zip(*r).map(|(t, r)| t - r)).collect(),
        );
        let base = air.unwrap_or(0.0) + now.base;
        let (low, middle, high) = line.at(f64::from(28), Z95);
        for (name, k) in [
            ("rated_now", now.value),
            ("rated_ahead", middle),
            ("rated_ahead_low", low),
            ("rated_ahead_high", high),
        ] {
            figures.push(Figure::new(name, base + k.max(0.0) * rated * rated, "°C"));
        }
        let from = number_of(last);
        let limit = (history.limits.temperature_c - base) / (rated * rated);
        if let Some(reach) = line.reaches(limit, Z95).filter(|_| line.slope_range(Z95).0 > 0.0)
            && let Some(to) = reach.to
        {
            figures.push(Figure::new("limit", history.limits.temperature_c, "°C"));
            figures.push(Figure::new("reach_from", reach.from, "d"));
            figures.push(Figure::new("reach_to", to, "d"));
        }
        for (name, pick) in [("range_low", 0usize), ("trend", 1), ("range_high", 2)] {
            let points = [-28.0, -14.0, 0.0, 14.0, 28.0].map(|ahead| {
                let (low, middle, high) = line.at(ahead, Z95);
                let value = [low, middle, high].into_iter().nth(pick).unwrap_or(middle);
                (history.day_ms(from + ahead), value * 1000.0)
            });
            curves.push(Curve::new(name, "ms", "mK/A²", points.to_vec()));
        }
    }
    (figures, curves)
}

fn loosening(
    history: &History,
    one: &Phased<'_>,
    others: &[&Phased<'_>],
    air: bool,
    figures: &[Figure],
    curves: &[Curve],
) -> Option<Finding> {
    let (own, variance) = one.drift()?;
    let beside: Vec<(f64, f64)> = others.iter().filter_map(|other| other.drift()).collect();
    let common = median(beside.iter().map(|(drift, _)| *drift).collect());
    let noise = median(beside.iter().map(|(_, variance)| *variance).collect()).unwrap_or(0.0);
    // Alone and without the air, a season looks the same.
    if common.is_none() && !air {
        return None;
    }
    let drift = own - common.unwrap_or(0.0);
    let error = (variance + noise).sqrt();
    let z = drift / error.max(1e-6);
    let percent = |log: f64| (log.exp() - 1.0) * 100.0;
    let extra_k = one.now?.value * (1.0 - (-drift).exp()) * one.peak;
    if z < BARS.weak_z || percent(drift) < BARS.heat_percent / 2.0 || extra_k < BARS.heat_k / 2.0 {
        return None;
    }
    let off = student(Z95, number(one.now?.days.min(one.then?.days) - 1)) * error;
    let explained = one.then?.explained.min(one.now?.explained);
    let strong = z >= BARS.strong_z
        && explained >= BARS.explained
        && percent(drift) >= BARS.heat_percent
        && percent(drift - off) >= BARS.heat_percent / 2.0
        && extra_k >= BARS.heat_k
        && own > 0.0
        && !beside.is_empty();
    let mut finding = history.finding(Kind::LooseningTerminal, one.track);
    finding.phase = Some(one.phase);
    finding.strength = if strong { Strength::Strong } else { Strength::Weak };
    finding.confidence = confidence(z) * if beside.is_empty() { 0.8 } else { 1.0 };
    finding.figures = vec![
        Figure::new("percent", percent(drift), "%"),
        Figure::new("percent_low", percent(drift - off), "%"),
        Figure::new("percent_high", percent(drift + off), "%"),
        Figure::new("percent_own", percent(own), "%"),
        Figure::new("percent_others", percent(common.unwrap_or(0.0)), "%"),
        Figure::new("weeks", 4.0, ""),
        Figure::new("extra", extra_k, "K"),
        Figure::new("errors", z, ""),
    ];
    finding.figures.extend(figures.iter().cloned());
    finding.evidence = curves.to_vec();
    Some(finding)
}

fn unequal(
    history: &History,
    one: &Phased<'_>,
    others: &[&Phased<'_>],
    figures: &[Figure],
    curves: &[Curve],
) -> Option<Finding> {
    let now = one.now.filter(|_| one.phase != Phase::N)?;
    let beside: Vec<f64> = others
        .iter()
        .filter(|other| other.phase != Phase::N)
        .filter_map(|other| {
            other.now.filter(|slope| slope.error < 0.3 * slope.value).map(|slope| slope.value)
        })
        .collect();
    let middle = median(beside)?;
    let factor = now.value / middle;
    let z = (now.value - middle) / now.error.max(1e-12);
    if factor < UNEQUAL || z < BARS.strong_z || (now.value - middle) * one.peak < BARS.heat_k {
        return None;
    }
    let mut finding = history.finding(Kind::UnequalHeating, one.track);
    // A probe that lies closer looks the same: it stays weak.
    finding.confidence = 0.5;
    finding.basis = Basis::Share;
    finding.figures =
        vec![Figure::new("factor", factor, ""), Figure::new("extra", (now.value - middle) * one.peak, "K")];
    finding.figures.extend(figures.iter().cloned());
    finding.evidence = curves.to_vec();
    Some(finding)
}
