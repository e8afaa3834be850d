//! Residual current against load: what passes outside the transformer, what passes through it and should not, and what
//! comes from another circuit.

use super::statistics::{line, paired, partial, quantile, some};
use super::{Confidence, Day, Figure, Finding, Kind, Lack, Outcome, THRESHOLDS, Track, ended};
use crate::quantity::Quantity;

/// Whether a load moved enough to say anything.
fn moved(load: impl Iterator<Item = f64>) -> bool {
    let values: Vec<f64> = load.collect();
    let (Some(low), Some(high)) = (quantile(&values, 0.05), quantile(&values, 0.95)) else { return false };
    high - low >= THRESHOLDS.change_a.max(THRESHOLDS.change_share * high)
}

fn residuals(day: &Day) -> Result<Vec<&Track>, Lack> {
    let tracks: Vec<&Track> = day.of(Quantity::ResidualCurrent).collect();
    if tracks.is_empty() || day.currents().is_empty() { Err(Lack::NotMeasured) } else { Ok(tracks) }
}

pub(super) fn neutral_earthed(day: &Day) -> Outcome {
    let tracks = match residuals(day) {
        Ok(tracks) => tracks,
        Err(lack) => return Outcome::NotEnough { lack },
    };
    let neutral = day.neutral_a();
    let mut findings = Vec::new();
    let mut lack = None;
    for track in tracks {
        let pairs = paired(&neutral, &track.mean);
        if pairs.len() < THRESHOLDS.rows {
            lack = Some(Lack::FewRows);
            continue;
        }
        if !moved(pairs.iter().map(|(load, _)| *load)) {
            lack = Some(Lack::SteadyLoad);
            continue;
        }
        let found = line(&pairs);
        if found.correlation < THRESHOLDS.follows || found.slope < THRESHOLDS.bypass_ma_per_a {
            continue;
        }
        // A neighbour that explains it better is a shared neutral.
        let better = day
            .neighbours
            .iter()
            .any(|other| line(&paired(&other.current_a, &track.mean)).correlation > found.correlation + 0.02);
        if better {
            continue;
        }
        let sure = found.correlation >= 0.97 && found.slope >= 2.0 * THRESHOLDS.bypass_ma_per_a;
        findings.push(Finding {
            kind: Kind::NeutralEarthed,
            confidence: if sure { Confidence::High } else { Confidence::Medium },
            about: track.code.clone(),
            against: String::new(),
            figures: vec![
                Figure::new("correlation", found.correlation, ""),
                Figure::new("slope", found.slope, "mA/A"),
                Figure::new("share", found.slope / 10.0, "%"),
                Figure::rows(pairs.len()),
            ],
            pairs: some(&pairs),
        });
    }
    match (findings.is_empty(), lack) {
        (true, Some(lack)) => Outcome::NotEnough { lack },
        (true, None) | (false, _) => ended(findings),
    }
}

pub(super) fn earth_through(day: &Day) -> Outcome {
    let tracks = match residuals(day) {
        Ok(tracks) => tracks,
        Err(lack) => return Outcome::NotEnough { lack },
    };
    let load = day.load_a();
    let mut findings = Vec::new();
    let mut lack = None;
    for track in tracks {
        let pairs = paired(&load, &track.mean);
        if pairs.len() < THRESHOLDS.rows {
            lack = Some(Lack::FewRows);
            continue;
        }
        let loads: Vec<f64> = pairs.iter().map(|(load, _)| *load).collect();
        let leaks: Vec<f64> = pairs.iter().map(|(_, leak)| leak.abs()).collect();
        let (Some(load_p95), Some(leak_p95)) = (quantile(&loads, 0.95), quantile(&leaks, 0.95)) else {
            continue;
        };
        if load_p95 < THRESHOLDS.load_a {
            lack = Some(Lack::SteadyLoad);
            continue;
        }
        if leak_p95 < THRESHOLDS.none_ma {
            findings.push(Finding {
                kind: Kind::EarthThroughTransformer,
                // A transformer that is not connected, or a very short circuit, looks the same.
                confidence: if load_p95 >= 3.0 * THRESHOLDS.load_a {
                    Confidence::Medium
                } else {
                    Confidence::Low
                },
                about: track.code.clone(),
                against: String::new(),
                figures: vec![
                    Figure::new("residual_p95", leak_p95, "mA"),
                    Figure::new("load_p95", load_p95, "A"),
                    Figure::rows(pairs.len()),
                ],
                pairs: some(&pairs),
            });
        }
    }
    match (findings.is_empty(), lack) {
        (true, Some(lack)) => Outcome::NotEnough { lack },
        (true, None) | (false, _) => ended(findings),
    }
}

pub(super) fn shared_neutral(day: &Day) -> Outcome {
    let tracks = match residuals(day) {
        Ok(tracks) => tracks,
        Err(lack) => return Outcome::NotEnough { lack },
    };
    if day.neighbours.is_empty() {
        return Outcome::NotEnough { lack: Lack::NoNeighbour };
    }
    let own = day.load_a();
    let mut findings = Vec::new();
    let mut looked = false;
    for track in tracks {
        let mut best: Option<(f64, Finding)> = None;
        for other in &day.neighbours {
            let rows: Vec<(f64, f64, f64)> = other
                .current_a
                .iter()
                .zip(&track.mean)
                .zip(&own)
                .filter_map(|((other, leak), own)| Some(((*other)?, (*leak)?, (*own)?)))
                .collect();
            if rows.len() < THRESHOLDS.rows || !moved(rows.iter().map(|row| row.0)) {
                continue;
            }
            looked = true;
            let pairs: Vec<(f64, f64)> = rows.iter().map(|row| (row.0, row.1)).collect();
            let found = line(&pairs);
            let by_own = line(&rows.iter().map(|row| (row.2, row.1)).collect::<Vec<_>>());
            let partial = partial(&rows);
            let follows = partial >= 0.8
                && found.correlation >= 0.8
                && found.correlation > by_own.correlation
                && found.slope >= THRESHOLDS.bypass_ma_per_a;
            if !follows || best.as_ref().is_some_and(|(had, _)| *had >= partial) {
                continue;
            }
            let finding = Finding {
                kind: Kind::SharedNeutral,
                confidence: if partial >= 0.95 { Confidence::High } else { Confidence::Medium },
                about: track.code.clone(),
                against: other.name.clone(),
                figures: vec![
                    Figure::new("correlation", found.correlation, ""),
                    Figure::new("correlation_own", by_own.correlation, ""),
                    Figure::new("partial", partial, ""),
                    Figure::new("slope", found.slope, "mA/A"),
                    Figure::rows(rows.len()),
                ],
                pairs: some(&pairs),
            };
            best = Some((partial, finding));
        }
        findings.extend(best.map(|(_, finding)| finding));
    }
    if looked { ended(findings) } else { Outcome::NotEnough { lack: Lack::FewRows } }
}
