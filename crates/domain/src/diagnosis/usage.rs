//! How a circuit is used: peaks that rise, use in hours in which it used to rest, batteries that are charged at night.

use super::statistics::{Z95, median, number, quantile, scale};
use super::trend::{LEAST_DAYS, trend};
use super::{
    Analysis, BARS, Basis, Curve, Figure, Finding, History, Kind, Lack, LackReason, Model, Report, Strength,
    Track, by_day, confidence, number_of,
};

/// Nominal voltage, V.
const NOMINAL_V: f64 = 220.0;
/// Days that the look at the hours needs: two weeks to know what is usual, one to see what is new.
const USAGE_DAYS: u32 = 21;

/// Peaks of the load: the day's 98th percentile of each phase against the rated current.
pub(super) fn overload(history: &History, report: &mut Report) {
    let currents = history.currents();
    let lack = |reason, has_days| Lack {
        analysis: Analysis::Overload,
        reason,
        needs_days: u32::try_from(LEAST_DAYS).unwrap_or(21),
        has_days,
    };
    if currents.is_empty() {
        report.lacks.push(lack(LackReason::NotMeasured, 0));
        return;
    }
    let Some(rated) = history.rated_current_a.filter(|rated| *rated > 0.0) else {
        report.lacks.push(lack(LackReason::NoRating, report.days));
        return;
    };
    for track in currents {
        let days: Vec<(i64, f64)> = by_day(history, &track.mean, 48)
            .into_iter()
            .filter_map(|(day, values)| Some((day, quantile(values, 0.98)? / rated * 100.0)))
            .collect();
        // Weekdays differ; a week's line does not.
        let weekday = |day: i64| (day + 3).rem_euclid(7);
        let all = median(days.iter().map(|(_, peak)| *peak).collect()).unwrap_or(0.0);
        let usual: Vec<f64> = (0..7)
            .map(|wanted| {
                let same = days.iter().filter(|(day, _)| weekday(*day) == wanted).map(|(_, peak)| *peak);
                median(same.collect()).unwrap_or(all)
            })
            .collect();
        let busiest = usual.iter().copied().fold(all, f64::max);
        let level: Vec<(f64, f64)> = days
            .iter()
            .map(|(day, peak)| {
                let index = usize::try_from(weekday(*day)).unwrap_or(0);
                (number_of(*day), busiest + peak - usual.get(index).copied().unwrap_or(all))
            })
            .collect();
        let Some(line) = trend(&level) else {
            report.lacks.push(lack(LackReason::TooShort, u32::try_from(days.len()).unwrap_or(u32::MAX)));
            return;
        };
        let mut figures = vec![
            Figure::new("rated", rated, "A"),
            Figure::new("level", line.level, "%"),
            Figure::new("per_week", line.slope * 7.0, "%"),
            Figure::new("per_week_low", line.slope_range(Z95).0 * 7.0, "%"),
            Figure::new("per_week_high", line.slope_range(Z95).1 * 7.0, "%"),
            Figure::new("scatter", line.scatter, "%"),
        ];
        let reach = line.reaches(100.0, Z95).and_then(|reach| Some((reach.from, reach.to?)));
        if let Some((from, to)) = reach.filter(|_| line.slope_range(Z95).0 > 0.0) {
            figures.push(Figure::new("reach_from", from, "d"));
            figures.push(Figure::new("reach_to", to, "d"));
        }
        let last = number_of(history.last_day());
        let mut curves = vec![Curve::new(
            "level",
            "ms",
            "%",
            level.iter().map(|(day, peak)| (history.day_ms(*day), *peak)).collect(),
        )];
        for (name, pick) in [("range_low", 0usize), ("trend", 1), ("range_high", 2)] {
            let points = (-5..=8).map(|week| {
                let ahead = f64::from(week) * 7.0;
                let (low, middle, high) = line.at(ahead, Z95);
                let value = [low, middle, high].into_iter().nth(pick).unwrap_or(middle);
                (history.day_ms(last + ahead), value.max(0.0))
            });
            curves.push(Curve::new(name, "ms", "%", points.collect()));
        }
        let rise = line.slope * 28.0;
        if line.sure() >= BARS.weak_z && rise >= 3.0 && line.level >= 50.0 {
            let soon = reach.is_some_and(|(from, _)| from <= BARS.soon_days / 2.0);
            let strong = line.sure() >= BARS.strong_z && rise >= 8.0 && line.level >= 85.0 && soon;
            let mut finding = history.finding(Kind::OverloadAhead, track);
            finding.strength = if strong { Strength::Strong } else { Strength::Weak };
            finding.confidence = confidence(line.sure());
            finding.figures = figures.clone();
            finding.figures.push(Figure::new("errors", line.sure(), ""));
            finding.evidence = curves.clone();
            report.findings.push(finding);
        }
        report.models.push(Model {
            analysis: Analysis::Overload,
            about: track.code.clone(),
            phase: track.phase,
            figures,
            curves,
        });
    }
}

/// Use in hours of rest, and charging.
pub(super) fn look(history: &History, report: &mut Report) {
    let load = history.load_a();
    let has = u32::try_from(by_day(history, &load, 48).len()).unwrap_or(u32::MAX);
    let reason = if history.currents().is_empty() {
        Some(LackReason::NotMeasured)
    } else {
        (has < USAGE_DAYS).then_some(LackReason::TooShort)
    };
    if let Some(reason) = reason {
        report.lacks.push(Lack { analysis: Analysis::Usage, reason, needs_days: USAGE_DAYS, has_days: has });
        return;
    }
    let charging: Vec<Finding> =
        history.currents().into_iter().filter_map(|track| charging(history, track)).collect();
    // A battery charged at night is use at night too: told once, by what says more.
    if charging.is_empty() {
        report.findings.extend(after_hours(history, &load));
    }
    report.findings.extend(charging);
}

/// Nights of the last week with a load that the circuit did not have in the same hours of the weeks before.
fn after_hours(history: &History, load: &[Option<f64>]) -> Option<Finding> {
    let last = history.last_day();
    let mut hours: Vec<Vec<f64>> = vec![Vec::new(); 168];
    for (step, value) in load.iter().enumerate() {
        let old = history.day(step) <= last - 7;
        if let (Some(value), true, Some(hour)) = (value, old, hours.get_mut(history.hour_of_week(step))) {
            hour.push(*value);
        }
    }
    let busy = quantile(load.iter().copied().flatten().collect(), 0.95)?;
    let usual: Vec<Option<(f64, f64)>> =
        hours.into_iter().map(|hour| Some((median(hour.clone())?, scale(&hour)))).collect();
    // Hours of rest: a quarter of the busy load at most.
    let rest = |step: usize| {
        usual.get(history.hour_of_week(step)).copied().flatten().filter(|(level, _)| *level <= 0.25 * busy)
    };
    let beyond = |step: usize| -> Option<f64> {
        let (level, spread) = rest(step)?;
        let value = load.get(step).copied().flatten()?;
        let extra = value - level;
        (extra >= (5.0 * spread).max(0.12 * busy).max(1.0)).then_some(extra)
    };
    // Nights with at least an hour of it; a night counts to the evening's day: noon to noon.
    let mut nights: Vec<(i64, Vec<f64>)> = Vec::new();
    let mut looked: Vec<i64> = Vec::new();
    for step in 0..load.len() {
        if rest(step).is_none() {
            continue;
        }
        let night = history.day(step.saturating_sub(48));
        if looked.last() != Some(&night) {
            looked.push(night);
        }
        let Some(extra) = beyond(step) else { continue };
        match nights.last_mut() {
            Some((had, all)) if *had == night => all.push(extra),
            Some(_) | None => nights.push((night, vec![extra])),
        }
    }
    nights.retain(|(_, extra)| extra.len() >= 4);
    let recent: Vec<&(i64, Vec<f64>)> = nights.iter().filter(|(night, _)| *night > last - 7).collect();
    let before = nights.iter().filter(|(night, _)| *night <= last - 7).count();
    let looked_before = looked.iter().filter(|night| **night <= last - 7).count();
    let looked_now = looked.iter().filter(|night| **night > last - 7).count();
    if looked_before < 14 || looked_now < 5 || recent.len() < 3 {
        return None;
    }
    let share_before = number(before) / number(looked_before);
    let share_now = number(recent.len()) / number(looked_now);
    if share_before > 0.15 || share_now < 3.0 * share_before {
        return None;
    }
    let extra: Vec<f64> = recent.iter().flat_map(|(_, extra)| extra.iter().copied()).collect();
    let size = median(extra.clone())?;
    let mut quarters: Vec<f64> = Vec::new();
    let mut times: Vec<(f64, f64)> = Vec::new();
    for step in 0..load.len() {
        if history.day(step) <= last - 7 {
            continue;
        }
        if let Some(value) = load.get(step).copied().flatten() {
            times.push((history.at(step).0 as f64, value));
        }
        if beyond(step).is_some() {
            // Hours after noon, so that a night is one piece.
            quarters.push((number(history.quarter(step)) / 4.0 + 12.0) % 24.0);
        }
    }
    let track = history.currents().into_iter().next()?;
    let mut finding = history.finding(Kind::AfterHours, track);
    finding.about = String::new();
    finding.phase = None;
    finding.strength =
        if recent.len() >= 5 && share_before <= 0.05 { Strength::Strong } else { Strength::Weak };
    finding.basis = Basis::Share;
    finding.confidence = (share_now * (1.0 - share_before)).min(0.95);
    let clock = |after_noon: f64| (after_noon + 12.0) % 24.0;
    finding.figures = vec![
        Figure::new("nights", number(recent.len()), ""),
        Figure::new("nights_looked", number(looked_now), ""),
        Figure::new("share_before", share_before * 100.0, "%"),
        Figure::new("current", size, "A"),
        Figure::new("power", size * NOMINAL_V / 1000.0, "kW"),
        Figure::new("hours", number(extra.len()) / 4.0 / number(recent.len()), "h"),
        Figure::new("hour_from", clock(quantile(quarters.clone(), 0.05)?), "h"),
        Figure::new("hour_to", clock(quantile(quarters, 0.95)?), "h"),
    ];
    let week =
        usual.iter().enumerate().filter_map(|(hour, usual)| Some((number(hour), (*usual)?.0))).collect();
    finding.evidence =
        vec![Curve::new("load", "ms", "A", times), Curve::new("hour_of_week", "hour_of_week", "A", week)];
    Some(finding)
}

/// One charge of a battery.
struct Charge {
    start: usize,
    amps: f64,
    plateau_h: f64,
    tail_h: f64,
}

/// Charging of batteries: constant power for an hour or more, then a tail that falls by and by, in the evening or at
/// night. A heater ends with a step and a refrigerator has no plateau of an hour.
fn charging(history: &History, track: &Track) -> Option<Finding> {
    let last = history.last_day();
    let since = last - 14;
    let begin = (0..history.steps()).find(|step| history.day(*step) > since)?;
    let values: Vec<Option<f64>> = track.mean.iter().skip(begin).copied().collect();
    // Against what the circuit carried at the same time of day in the weeks before, a new charge stands out of a home's
    // evening; a charge that was there before stands out of itself only where little else runs.
    let mut quarters: Vec<Vec<f64>> = vec![Vec::new(); 96];
    for (step, value) in track.mean.iter().enumerate().take(begin) {
        if let (Some(value), Some(quarter)) = (value, quarters.get_mut(history.quarter(step))) {
            quarter.push(*value);
        }
    }
    let usual: Vec<Option<f64>> = quarters.into_iter().map(median).collect();
    let beyond: Vec<Option<f64>> = values
        .iter()
        .enumerate()
        .map(|(step, value)| Some((*value)? - usual.get(history.quarter(step + begin)).copied().flatten()?))
        .collect();
    let (mut charges, new) = (charges(history, &values, begin), charges(history, &beyond, begin));
    if new.len() > charges.len() {
        charges = new;
    }
    // Charges of one battery are alike.
    let size = median(charges.iter().map(|charge| charge.amps).collect())?;
    let alike: Vec<&Charge> =
        charges.iter().filter(|charge| (charge.amps - size).abs() <= 0.25 * size).collect();
    let mut nights: Vec<i64> =
        alike.iter().map(|charge| history.day(charge.start.saturating_sub(48))).collect();
    nights.dedup();
    if nights.len() < 4 {
        return None;
    }
    let starts: Vec<f64> =
        alike.iter().map(|charge| (number(history.quarter(charge.start)) / 4.0 + 12.0) % 24.0).collect();
    let clock = |after_noon: f64| (after_noon + 12.0) % 24.0;
    let mut finding = history.finding(Kind::EbikeCharging, track);
    finding.strength = if nights.len() >= 6 { Strength::Strong } else { Strength::Weak };
    finding.basis = Basis::Share;
    finding.confidence = (number(nights.len()) / 14.0 * 1.5).min(0.9);
    finding.figures = vec![
        Figure::new("nights", number(nights.len()), ""),
        Figure::new("current", size, "A"),
        Figure::new("power", size * NOMINAL_V, "W"),
        Figure::new("plateau", median(alike.iter().map(|charge| charge.plateau_h).collect())?, "h"),
        Figure::new("tail", median(alike.iter().map(|charge| charge.tail_h).collect())?, "h"),
        Figure::new("hour_from", clock(quantile(starts.clone(), 0.1)?), "h"),
        Figure::new("hour_to", clock(quantile(starts, 0.9)?), "h"),
    ];
    // The newest charge as it was, from an hour before to two hours after.
    let newest = alike.last()?;
    let from = newest.start.saturating_sub(4);
    let shown = track.mean.iter().enumerate().skip(from).take(56);
    let curve = shown.filter_map(|(step, value)| Some((history.at(step).0 as f64, (*value)?))).collect();
    finding.evidence = vec![Curve::new("charge", "ms", "A", curve)];
    Some(finding)
}

/// All charges that begin from 17:00 to 04:00.
fn charges(history: &History, values: &[Option<f64>], begin: usize) -> Vec<Charge> {
    // How restless the circuit is by itself from one quarter hour to the next, A.
    let moves = values.iter().zip(values.iter().skip(1)).filter_map(|(a, b)| a.zip(*b).map(|(a, b)| b - a));
    let noise = scale(&moves.collect::<Vec<_>>()).min(1.5);
    let mut charges: Vec<Charge> = Vec::new();
    let mut at = 0;
    while at + 8 < values.len() {
        match charge(values, at, noise) {
            Some((mut found, end)) => {
                found.start += begin;
                if !(16..68).contains(&history.quarter(found.start)) {
                    charges.push(found);
                }
                at = end;
            }
            None => at += 1,
        }
    }
    charges
}

/// A charge that starts with the step after `at`, and where it ends.
fn charge(values: &[Option<f64>], at: usize, noise: f64) -> Option<(Charge, usize)> {
    let value = |step: usize| values.get(step).copied().flatten();
    let base = value(at)?;
    // The quarter hour in which it was plugged in is a part of both.
    let mut start = at + 1;
    if (value(start + 1)? - value(start)?).abs() > 0.1 * (value(start + 1)? - base) {
        start += 1;
    }
    let amps = value(start)? - base;
    // 100 W to 2 kW, and well above what moves by itself.
    if !(0.45..=9.0).contains(&amps) || amps < 4.0 * noise {
        return None;
    }
    let mut end = start;
    while let Some(next) = value(end) {
        if (next - base - amps).abs() > (0.08 * amps).max(1.5 * noise) {
            break;
        }
        end += 1;
    }
    let plateau = end - start;
    if !(4..=40).contains(&plateau) {
        return None;
    }
    // The tail falls by and by: at least three quarter hours between nine tenths and a tenth, each below the one before.
    let mut tail = 0;
    let mut before = amps;
    while let Some(next) = value(end + tail) {
        let left = next - base;
        if left >= before + (0.03 * amps).max(noise) || left < 0.1 * amps {
            break;
        }
        before = left;
        tail += 1;
    }
    let back = (value(end + tail)? - base).abs() <= (0.25 * amps).max(1.5 * noise);
    if !(3..=12).contains(&tail) || !back {
        return None;
    }
    let hours = |steps: usize| number(steps) / 4.0;
    Some((Charge { start, amps, plateau_h: hours(plateau), tail_h: hours(tail) }, end + tail))
}
