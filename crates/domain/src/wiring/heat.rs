//! Temperature against load: a probe that does not feel its conductor.

use super::power::heating;
use super::statistics::{line, paired, quantile, some};
use super::{Confidence, Day, Figure, Finding, Kind, Lack, Outcome, THRESHOLDS, Track, ended};
use crate::quantity::{Phase, Quantity};

/// How much warmer a probe is at high load than at low, K, without what the air did where that is measured.
fn rise(day: &Day, track: &Track) -> Option<(f64, Vec<(f64, f64)>)> {
    let phase = track.phase.unwrap_or(Phase::A);
    let current = day.phase(Quantity::Current, phase).or_else(|| day.currents().first().copied())?;
    let drive = heating(&current.mean, day.step_s);
    let air = day.of(Quantity::AmbientTemperature).next();
    let over_air: Vec<Option<f64>> = track
        .mean
        .iter()
        .enumerate()
        .map(|(step, value)| match air {
            Some(air) => Some((*value)? - air.mean.get(step).copied().flatten()?),
            None => *value,
        })
        .collect();
    let pairs = paired(&drive, &over_air);
    if pairs.len() < THRESHOLDS.rows {
        return None;
    }
    let found = line(&pairs);
    let drives: Vec<f64> = pairs.iter().map(|pair| pair.0).collect();
    let span = quantile(&drives, 0.9)? - quantile(&drives, 0.1)?;
    Some((found.slope * span, pairs))
}

pub(super) fn probe_loose(day: &Day) -> Outcome {
    let probes: Vec<&Track> = day
        .of(Quantity::ConductorTemperature)
        .filter(|track| matches!(track.phase, Some(Phase::A | Phase::B | Phase::C)))
        .collect();
    if probes.len() < 2 || day.currents().is_empty() {
        return Outcome::NotEnough { lack: Lack::NotMeasured };
    }
    let rises: Vec<_> = probes.iter().filter_map(|track| Some((*track, rise(day, track)?))).collect();
    if rises.len() < 2 {
        return Outcome::NotEnough { lack: Lack::FewRows };
    }
    let warmest = rises.iter().map(|(_, (rise, _))| *rise).fold(f64::MIN, f64::max);
    if warmest < THRESHOLDS.rise_k {
        return Outcome::NotEnough { lack: Lack::SteadyLoad };
    }
    let findings = rises
        .iter()
        // A tenth of the warmest: a conductor with much less current would still warm by more.
        .filter(|(track, (rise, _))| *rise < 0.1 * warmest && loaded(day, track))
        .map(|(track, (rise, pairs))| Finding {
            kind: Kind::ProbeLoose,
            confidence: if rises.len() > 2 { Confidence::Medium } else { Confidence::Low },
            about: track.code.clone(),
            against: String::new(),
            figures: vec![
                Figure::new("rise", *rise, "K"),
                Figure::new("rise_warmest", warmest, "K"),
                Figure::rows(pairs.len()),
            ],
            pairs: some(pairs),
        })
        .collect();
    ended(findings)
}

/// Whether the probe's own phase carries at least half of what the most loaded one does: one that carries little stays cool.
fn loaded(day: &Day, track: &Track) -> bool {
    let peak = |track: &Track| {
        quantile(&track.mean.iter().copied().flatten().collect::<Vec<_>>(), 0.9).unwrap_or(0.0)
    };
    let most = day.currents().into_iter().map(peak).fold(0.0, f64::max);
    let own = track.phase.and_then(|phase| day.phase(Quantity::Current, phase)).map_or(most, peak);
    own >= 0.5 * most
}
