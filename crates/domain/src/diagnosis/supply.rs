//! The supply: how far the voltage gives way per ampere, then and now, and what the neutral carries.

use super::coupling::{days, slope};
use super::statistics::{Z95, median, number, quantile, student};
use super::{
    APART_DAYS, Analysis, BARS, Basis, Curve, Figure, History, Kind, Lack, LackReason, Model, Report,
    Strength, WINDOW_DAYS, confidence, number_of,
};
use crate::quantity::{Phase, Quantity};

const PHASES: [Phase; 3] = [Phase::A, Phase::B, Phase::C];

/// Voltage against current of each phase: the slope is the resistance of all that lies before the detector.
pub(super) fn voltage(history: &History, report: &mut Report) {
    let last = history.last_day();
    let mut lack = Some(LackReason::NotMeasured);
    let mut has = 0;
    let mut all = Vec::new();
    for phase in PHASES {
        let track = history.of(Quantity::Voltage).find(|track| track.phase == Some(phase));
        let Some((track, current)) = track.zip(history.current(phase)) else { continue };
        let sags: Vec<Option<f64>> = track.mean.iter().map(|volts| volts.map(|volts| -volts)).collect();
        let sums = days(history, &current.mean, &sags);
        has = has.max(u32::try_from(sums.len()).unwrap_or(u32::MAX));
        let now = slope(&sums, last - WINDOW_DAYS + 1, last + 1);
        let then = slope(&sums, last - APART_DAYS - WINDOW_DAYS + 1, last - APART_DAYS + 1);
        let Some((then, now)) = then.zip(now) else {
            lack = Some(LackReason::TooShort);
            continue;
        };
        lack = None;
        all.push((phase, track, current, sums, then, now));
    }
    if all.is_empty() {
        report.lacks.extend(lack.map(|reason| Lack {
            analysis: Analysis::Supply,
            reason,
            needs_days: u32::try_from(APART_DAYS + WINDOW_DAYS).unwrap_or(35),
            has_days: has,
        }));
    }
    for (phase, track, current, sums, then, now) in all {
        let mut figures = vec![
            Figure::new("ohm_then", then.value * 1000.0, "mΩ"),
            Figure::new("ohm_then_error", then.error * 1000.0, "mΩ"),
            Figure::new("ohm_now", now.value * 1000.0, "mΩ"),
            Figure::new("ohm_now_error", now.error * 1000.0, "mΩ"),
            Figure::new("explained_now", now.explained * 100.0, "%"),
        ];
        let volts = median(track.mean.iter().copied().flatten().collect()).unwrap_or(0.0);
        figures.push(Figure::new("volts", volts, "V"));
        let typical = median(sums.iter().map(|day| day.xx).collect()).unwrap_or(0.0);
        let by_day = sums
            .iter()
            .filter(|day| day.xx > 0.2 * typical)
            .map(|day| (history.day_ms(number_of(day.day)), day.slope() * 1000.0))
            .collect();
        let recent = history.steps().saturating_sub(7 * 96);
        let pairs = current
            .mean
            .iter()
            .zip(&track.mean)
            .skip(recent)
            .filter_map(|(a, v)| a.zip(*v))
            .collect::<Vec<_>>();
        let curves = vec![Curve::new("ohm_by_day", "ms", "mΩ", by_day), Curve::new("now", "A", "V", pairs)];
        let error = then.error.hypot(now.error);
        let z = (now.value - then.value) / error.max(1e-9);
        let percent = (now.value / then.value - 1.0) * 100.0;
        // What it costs at the circuit's own peak, V.
        let peak = quantile(current.mean.iter().copied().flatten().collect(), 0.98).unwrap_or(0.0);
        let extra_v = (now.value - then.value) * peak;
        let sound = then.value > 0.0 && then.error < 0.3 * then.value;
        if sound && z >= BARS.weak_z && percent >= BARS.supply_percent / 2.0 && extra_v >= 0.5 {
            let off = student(Z95, number(now.days.min(then.days) - 1)) * error / then.value * 100.0;
            // Neighbours pull the same voltage down at the same hours: only where this circuit moves it is it meant.
            let own = then.explained.min(now.explained) >= BARS.explained;
            let strong =
                own && z >= BARS.supply_z && percent >= BARS.supply_percent && extra_v >= BARS.supply_v;
            let mut finding = history.finding(Kind::AgeingSupply, track);
            finding.phase = Some(phase);
            finding.strength = if strong { Strength::Strong } else { Strength::Weak };
            finding.confidence = confidence(z);
            finding.figures = vec![
                Figure::new("percent", percent, "%"),
                Figure::new("percent_low", percent - off, "%"),
                Figure::new("percent_high", percent + off, "%"),
                Figure::new("extra", extra_v, "V"),
                Figure::new("weeks", 4.0, ""),
                Figure::new("errors", z, ""),
            ];
            finding.figures.extend(figures.iter().cloned());
            finding.evidence = curves.clone();
            report.findings.push(finding);
        }
        report.models.push(Model {
            analysis: Analysis::Supply,
            about: track.code.clone(),
            phase: Some(phase),
            figures,
            curves,
        });
    }
}

/// The neutral against the phases: what unbalance does not explain are harmonics of order three, which add up in it.
pub(super) fn neutral(history: &History, report: &mut Report) {
    let has_days = report.days;
    let lack = |reason| Lack { analysis: Analysis::Neutral, reason, needs_days: 7, has_days };
    let (Some(track), true) = (history.current(Phase::N), history.currents().len() == 3) else {
        report.lacks.push(lack(LackReason::NotMeasured));
        return;
    };
    if report.days < 7 {
        report.lacks.push(lack(LackReason::TooShort));
        return;
    }
    let currents = history.currents();
    let recent = history.steps().saturating_sub(7 * 96);
    let mut rows: Vec<(f64, f64, f64)> = Vec::new();
    for step in recent..history.steps() {
        let at = |index: usize| currents.get(index)?.mean.get(step).copied().flatten();
        let (Some(a), Some(b), Some(c), Some(n)) =
            (at(0), at(1), at(2), track.mean.get(step).copied().flatten())
        else {
            continue;
        };
        let unbalance = (a * a + b * b + c * c - a * b - b * c - c * a).max(0.0).sqrt();
        rows.push(((a + b + c) / 3.0, n, unbalance));
    }
    // The busiest tenth of the week decides: there the neutral warms.
    let Some(busy) = quantile(rows.iter().map(|row| row.1).collect(), 0.9) else { return };
    rows.retain(|row| row.1 >= busy);
    let phases = median(rows.iter().map(|row| row.0).collect()).unwrap_or(0.0);
    let carried = median(rows.iter().map(|row| row.1).collect()).unwrap_or(0.0);
    let unbalance = median(rows.iter().map(|row| row.2).collect()).unwrap_or(0.0);
    let harmonic = (carried * carried - unbalance * unbalance).max(0.0).sqrt();
    let share = if phases > 0.0 { carried / phases } else { 0.0 };
    let of_rated = history.rated_current_a.filter(|rated| *rated > 0.0).map(|rated| carried / rated);
    let mut figures = vec![
        Figure::new("neutral", carried, "A"),
        Figure::new("phases", phases, "A"),
        Figure::new("unbalance", unbalance, "A"),
        Figure::new("harmonic", harmonic, "A"),
        Figure::new("share", share * 100.0, "%"),
    ];
    figures.extend(of_rated.map(|share| Figure::new("of_rated", share * 100.0, "%")));
    let pairs = rows.iter().map(|row| (row.0, row.1)).collect();
    let curves = vec![Curve::new("now", "A", "A", pairs)];
    if share >= 0.7 && of_rated.is_none_or(|share| share >= 0.3) && carried >= 5.0 {
        let mut finding = history.finding(Kind::NeutralHeating, track);
        finding.phase = Some(Phase::N);
        // No breaker watches the neutral: what it carries counts against the rated current by itself.
        let strong = of_rated.is_some_and(|share| share >= BARS.neutral_share);
        finding.strength = if strong { Strength::Strong } else { Strength::Weak };
        finding.basis = Basis::Share;
        finding.confidence = 0.9;
        finding.figures.clone_from(&figures);
        finding.evidence.clone_from(&curves);
        report.findings.push(finding);
    }
    report.models.push(Model {
        analysis: Analysis::Neutral,
        about: track.code.clone(),
        phase: Some(Phase::N),
        figures,
        curves,
    });
}
