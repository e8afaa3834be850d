//! From circuits to a site, and from sites to an area: the worst one, and a bounded share of what the others add.
//!
//! With the worst at `w` and the others at `o`: w + (100 − w) × share × (1 − Π(1 − o/100)). A single bad circuit makes a
//! bad site however many good ones stand beside it; many bad ones make it worse by at most the share of what is left.

use serde::{Deserialize, Serialize};

use super::{Act, Unit, Weights, together};

/// What lowers a site's score.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct SiteAct {
    /// Place of the circuit among the site's.
    pub unit: usize,
    /// What is done.
    pub act: Act,
    /// By how much the site's score falls.
    pub saves: f64,
}

/// A site's risk.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Site {
    /// 0 to 100.
    pub score: f64,
    /// What lowers it, largest saving first.
    pub acts: Vec<SiteAct>,
}

/// An area's risk.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Area {
    /// 0 to 100.
    pub score: f64,
    /// The mean of its sites.
    pub mean: f64,
}

/// Many scores to one.
fn roll(scores: impl Iterator<Item = f64> + Clone, share_percent: u32) -> f64 {
    let Some((worst_at, worst)) = scores.clone().enumerate().max_by(|one, other| one.1.total_cmp(&other.1))
    else {
        return 0.0;
    };
    let others = together(scores.enumerate().filter(|(at, _)| *at != worst_at).map(|(_, score)| score));
    let share = f64::from(share_percent.min(100)) / 100.0;
    worst + (100.0 - worst) * share * others / 100.0
}

/// The risk of a site with these circuits.
#[must_use]
pub fn site(units: &[Unit], weights: &Weights) -> Site {
    let score = roll(units.iter().map(|unit| unit.score), weights.others_percent);
    let mut acts: Vec<(SiteAct, f64)> = Vec::new();
    for (at, unit) in units.iter().enumerate() {
        for saving in &unit.acts {
            let after = units.iter().enumerate().map(|(place, other)| {
                if place == at { (other.score - saving.saves).max(0.0) } else { other.score }
            });
            let saves = (score - roll(after, weights.others_percent)).max(0.0);
            acts.push((SiteAct { unit: at, act: saving.act, saves }, saving.saves));
        }
    }
    // Where two circuits are equally bad, neither alone lowers the site much: then what helps its circuit most.
    acts.sort_by(|(one, own), (other, others)| other.saves.total_cmp(&one.saves).then(others.total_cmp(own)));
    Site { score, acts: acts.into_iter().map(|(act, _)| act).collect() }
}

/// The risk of an area with sites of these scores.
#[must_use]
pub fn area(scores: &[f64], weights: &Weights) -> Area {
    let many = u32::try_from(scores.len()).map_or(f64::from(u32::MAX), f64::from);
    let mean = if scores.is_empty() { 0.0 } else { scores.iter().sum::<f64>() / many };
    Area { score: roll(scores.iter().copied(), weights.others_percent), mean }
}
