//! Leakage over weeks: what belongs to the hour of the week (filters and cables of what is switched on), and how its
//! level moves from day to day.

use super::statistics::{Z95, median, number, quantile};
use super::trend::{LEAST_DAYS, Trend, trend};
use super::{
    Analysis, BARS, Curve, Figure, Finding, History, Kind, Lack, LackReason, Model, Report, Strength, Track,
    by_day, confidence, number_of,
};
use crate::quantity::Quantity;

/// The trend is taken over this, days.
const TREND_DAYS: i64 = 28;
const HOURS: usize = 168;

pub(super) fn look(history: &History, report: &mut Report) {
    let mut measured = false;
    for track in history.of(Quantity::ResidualCurrent) {
        measured = true;
        let has = by_day(history, &track.mean, 48).len();
        match leakage(history, track) {
            Some((model, finding)) if has >= LEAST_DAYS => {
                report.models.push(model);
                report.findings.extend(finding);
            }
            Some(_) | None => report.lacks.push(Lack {
                analysis: Analysis::Insulation,
                reason: LackReason::TooShort,
                needs_days: u32::try_from(LEAST_DAYS).unwrap_or(21),
                has_days: u32::try_from(has).unwrap_or(u32::MAX),
            }),
        }
    }
    if !measured {
        report.lacks.push(Lack {
            analysis: Analysis::Insulation,
            reason: LackReason::NotMeasured,
            needs_days: u32::try_from(LEAST_DAYS).unwrap_or(21),
            has_days: 0,
        });
    }
}

fn leakage(history: &History, track: &Track) -> Option<(Model, Option<Finding>)> {
    // The hours of the week are taken around the level of each day, or a rise over weeks would be in them.
    let moving = moving(&by_day(history, &track.mean, 48));
    let newest = moving.last()?.1;
    let mut hours: Vec<Vec<f64>> = vec![Vec::new(); HOURS];
    let mut at = 0;
    for (step, value) in track.mean.iter().enumerate() {
        let day = history.day(step);
        while moving.get(at).is_some_and(|(had, _)| *had < day) {
            at += 1;
        }
        let level = moving.get(at).filter(|(had, _)| *had == day).map(|(_, level)| *level);
        let hour = hours.get_mut(history.hour_of_week(step));
        if let (Some(value), Some(level), Some(hour)) = (value, level, hour) {
            hour.push(value - level + newest);
        }
    }
    let baseline: Vec<Option<f64>> = hours.into_iter().map(median).collect();
    let known: Vec<f64> = baseline.iter().copied().flatten().collect();
    let steady = quantile(known.clone(), 0.05)?;
    let usual_peak = quantile(known, 0.95)?;
    // Without its hour of the week a day is compared with days of other weekdays and hours alike.
    let beyond: Vec<Option<f64>> = track
        .mean
        .iter()
        .enumerate()
        .map(|(step, value)| {
            let usual = baseline.get(history.hour_of_week(step)).copied().flatten()?;
            value.map(|value| value - usual)
        })
        .collect();
    let since = history.last_day() - TREND_DAYS;
    let level: Vec<(f64, f64)> = by_day(history, &beyond, 48)
        .into_iter()
        .filter_map(|(day, values)| Some((number_of(day), usual_peak + median(values)?)))
        .collect();
    let recent: Vec<(f64, f64)> = level.iter().copied().filter(|(day, _)| *day > number_of(since)).collect();
    let line = trend(&recent)?;
    let curves = curves(history, &baseline, &level, &line);
    let mut figures = vec![
        Figure::new("steady", steady, "mA"),
        Figure::new("changing", usual_peak - steady, "mA"),
        Figure::new("level", line.level, "mA"),
        Figure::new("per_week", line.slope * 7.0, "mA"),
        Figure::new("per_week_low", line.slope_range(Z95).0 * 7.0, "mA"),
        Figure::new("per_week_high", line.slope_range(Z95).1 * 7.0, "mA"),
        Figure::new("scatter", line.scatter, "mA"),
        Figure::new("alike", line.alike, ""),
        Figure::new("days", number(line.days), ""),
        Figure::new("limit", history.limits.residual_ma, "mA"),
    ];
    let reach = reach(&recent, &line, history.limits.residual_ma);
    if let Some((from, to)) = reach {
        figures.push(Figure::new("reach_from", from, "d"));
        figures.push(Figure::new("reach_to", to, "d"));
    }
    let finding = finding(history, track, &line, reach, &figures, &curves);
    let model = Model {
        analysis: Analysis::Insulation,
        about: track.code.clone(),
        phase: track.phase,
        figures,
        curves,
    };
    Some((model, finding))
}

/// The level of each day: the middle of the days' medians of the week around it, each weekday once.
fn moving(days: &[(i64, Vec<f64>)]) -> Vec<(i64, f64)> {
    let medians: Vec<(i64, f64)> =
        days.iter().filter_map(|(day, values)| Some((*day, median(values.clone())?))).collect();
    medians
        .iter()
        .filter_map(|(day, _)| {
            let around = medians.iter().filter(|(other, _)| (other - day).abs() <= 3).map(|(_, ma)| *ma);
            Some((*day, median(around.collect())?))
        })
        .collect()
}

/// From when to when the limit is reached, days. A steady growth and a growing growth (a line through the logarithms) are
/// both possible: the range holds both. `None` when one of the bounds never reaches it.
fn reach(recent: &[(f64, f64)], line: &Trend, limit_ma: f64) -> Option<(f64, f64)> {
    if line.slope_range(Z95).0 <= 0.0 {
        return None;
    }
    let steady = line.reaches(limit_ma, Z95)?;
    let logs: Vec<(f64, f64)> =
        recent.iter().filter(|(_, ma)| *ma > 0.0).map(|(day, ma)| (*day, ma.ln())).collect();
    let growing = trend(&logs).and_then(|line| line.reaches(limit_ma.ln(), Z95));
    let from = growing.map_or(steady.from, |growing| steady.from.min(growing.from));
    Some((from, steady.to?))
}

fn curves(history: &History, baseline: &[Option<f64>], level: &[(f64, f64)], line: &Trend) -> Vec<Curve> {
    let hours = baseline.iter().enumerate().filter_map(|(hour, ma)| Some((number(hour), (*ma)?))).collect();
    let daily = level.iter().map(|(day, ma)| (history.day_ms(*day), *ma)).collect();
    let mut curves =
        vec![Curve::new("hour_of_week", "hour_of_week", "mA", hours), Curve::new("level", "ms", "mA", daily)];
    let last = number_of(history.last_day());
    let mut range = [Vec::new(), Vec::new(), Vec::new()];
    for week in -4..=12 {
        let ahead = f64::from(week) * 7.0;
        let (low, middle, high) = line.at(ahead, Z95);
        for (points, value) in range.iter_mut().zip([low, middle, high]) {
            points.push((history.day_ms(last + ahead), value.max(0.0)));
        }
    }
    let [low, middle, high] = range;
    for (name, points) in [("range_low", low), ("trend", middle), ("range_high", high)] {
        curves.push(Curve::new(name, "ms", "mA", points));
    }
    curves
}

fn finding(
    history: &History,
    track: &Track,
    line: &Trend,
    reach: Option<(f64, f64)>,
    figures: &[Figure],
    curves: &[Curve],
) -> Option<Finding> {
    let rise = line.slope * number_of(TREND_DAYS);
    let z = line.sure();
    if z < BARS.weak_z || rise < BARS.leak_ma / 3.0 {
        return None;
    }
    let soon = reach.is_some_and(|(from, _)| from <= BARS.soon_days);
    let strong = z >= BARS.strong_z && rise >= BARS.leak_ma && soon;
    let mut finding = history.finding(Kind::AgeingInsulation, track);
    finding.strength = if strong { Strength::Strong } else { Strength::Weak };
    finding.confidence = confidence(z);
    finding.figures = vec![Figure::new("rise", rise, "mA"), Figure::new("errors", z, "")];
    finding.figures.extend(figures.iter().cloned());
    finding.evidence = curves.to_vec();
    Some(finding)
}
