//! What a day of values tells about how a detector was wired: pure functions over one detector's channels, the circuits
//! beside it and the circuit's rating. Every check says found, clear, not enough data or not possible here, and every
//! finding carries the figures that it rests on.
//!
//! The mistakes are those that users complain of (wrong threading of the transformer, N and PE crossed, shared neutral,
//! wrong ratio); the figures that decide are in [`Thresholds`] with their reasons.

mod heat;
mod leakage;
mod power;
pub(crate) mod statistics;
pub mod suggest;

use serde::{Deserialize, Serialize};

use crate::quantity::{Phase, Quantity};
pub use suggest::{Suggestion, suggest};

/// What can be wrong with the wiring.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// N and PE crossed, or N earthed behind the transformer: a share of the load returns outside of it.
    NeutralEarthed,
    /// PE led through the transformer: what leaks returns through it and is not seen.
    EarthThroughTransformer,
    /// The neutral is shared with another circuit: the residual current follows that circuit's load.
    SharedNeutral,
    /// A current transformer is the wrong way round: power is negative.
    ReversedTransformer,
    /// Current, voltage and power do not fit together by one factor: a wrong transformer ratio.
    WrongRatio,
    /// A temperature probe does not feel the conductor.
    ProbeLoose,
    /// What is called one phase is another.
    PhasesSwapped,
}

impl Kind {
    /// Every kind, in the order in which they are told.
    pub const ALL: [Self; 7] = [
        Self::NeutralEarthed,
        Self::EarthThroughTransformer,
        Self::SharedNeutral,
        Self::ReversedTransformer,
        Self::WrongRatio,
        Self::ProbeLoose,
        Self::PhasesSwapped,
    ];

    /// The stable name used in the API.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::NeutralEarthed => "neutral_earthed",
            Self::EarthThroughTransformer => "earth_through_transformer",
            Self::SharedNeutral => "shared_neutral",
            Self::ReversedTransformer => "reversed_transformer",
            Self::WrongRatio => "wrong_ratio",
            Self::ProbeLoose => "probe_loose",
            Self::PhasesSwapped => "phases_swapped",
        }
    }
}

/// How sure a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Confidence {
    /// Something else can look the same.
    Low,
    /// Likely.
    Medium,
    /// Hardly anything else looks like this.
    High,
}

/// One figure of a finding.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Figure {
    /// What it is: `correlation`, `slope`, `rows`, `residual_p95`, `factor` ...
    pub name: String,
    /// The value.
    pub value: f64,
    /// Its unit, empty for none.
    pub unit: String,
}

impl Figure {
    pub(crate) fn new(name: &str, value: f64, unit: &str) -> Self {
        Self { name: name.to_owned(), value, unit: unit.to_owned() }
    }

    pub(crate) fn rows(rows: usize) -> Self {
        Self::new("rows", statistics::number(rows), "")
    }
}

/// A mistake that the data show.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// Which.
    pub kind: Kind,
    /// How sure.
    pub confidence: Confidence,
    /// Which channel or phase it is about; `B`, `leakage_2`.
    pub about: String,
    /// What it follows or is compared with: another phase, a circuit beside it.
    pub against: String,
    /// The figures that it rests on.
    pub figures: Vec<Figure>,
    /// The two series as they were compared, at most 48 pairs.
    pub pairs: Vec<(f64, f64)>,
}

/// Why a check could not be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lack {
    /// The detector does not measure what is needed.
    NotMeasured,
    /// Fewer moments than needed.
    FewRows,
    /// The load hardly changed, or hardly flowed.
    SteadyLoad,
    /// The phases carried the same, so that they cannot be told apart.
    EqualPhases,
    /// No other circuit of the panel is measured.
    NoNeighbour,
}

/// How one check ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Outcome {
    /// The data show the mistake.
    Found {
        /// Where.
        findings: Vec<Finding>,
    },
    /// The data were enough and do not show it.
    Clear,
    /// It could not be looked at.
    NotEnough {
        /// Why.
        lack: Lack,
    },
}

/// One check.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Check {
    /// Of what.
    pub kind: Kind,
    /// How it ended.
    pub outcome: Outcome,
}

/// A channel's values, one per step of the day; `None` where there was no good value.
#[derive(Debug, Clone, PartialEq)]
pub struct Track {
    /// Its name in the profile.
    pub code: String,
    /// What it measures.
    pub quantity: Quantity,
    /// On which conductor.
    pub phase: Option<Phase>,
    /// Mean of each step, in the quantity's unit.
    pub mean: Vec<Option<f64>>,
    /// Largest of each step.
    pub max: Vec<Option<f64>>,
}

/// Another circuit of the same panel.
#[derive(Debug, Clone, PartialEq)]
pub struct Neighbour {
    /// The circuit's name.
    pub name: String,
    /// The sum of its phase currents in each step, A.
    pub current_a: Vec<Option<f64>>,
}

/// A day of one detector.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Day {
    /// Length of a step, s.
    pub step_s: f64,
    /// Rated current of the circuit, A.
    pub rated_current_a: Option<f64>,
    /// The detector's channels.
    pub tracks: Vec<Track>,
    /// The other circuits of the panel.
    pub neighbours: Vec<Neighbour>,
}

/// What decides, in one place, each with its reason.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Thresholds {
    /// Moments needed: half a day at half an hour, the slowest usual upload.
    pub rows: usize,
    /// A share of the load beside the transformer from here on, mA per A: 2 %. Filters and cables of healthy circuits
    /// stay below 6 mA per A.
    pub bypass_ma_per_a: f64,
    /// Correlation from which one series follows another.
    pub follows: f64,
    /// Residual current below this all day is none, mA: energised cables alone leak more.
    pub none_ma: f64,
    /// Load from which its absence is strange, A.
    pub load_a: f64,
    /// Least change of the load to say anything, A and share of its largest.
    pub change_a: f64,
    /// As a share of the largest load.
    pub change_share: f64,
    /// A factor of power against voltage and current from which the ratio is wrong.
    pub factor: f64,
    /// Rise of the other probes with load from which a probe without any is strange, K.
    pub rise_k: f64,
    /// Correlation that another phase must have more than the own one.
    pub margin: f64,
}

/// The thresholds as they are used.
pub const THRESHOLDS: Thresholds = Thresholds {
    rows: 24,
    bypass_ma_per_a: 20.0,
    follows: 0.9,
    none_ma: 1.0,
    load_a: 3.0,
    change_a: 0.5,
    change_share: 0.15,
    factor: 0.10,
    rise_k: 3.0,
    margin: 0.3,
};

/// Checks a day for every kind of mistake.
#[must_use]
pub fn check(day: &Day) -> Vec<Check> {
    Kind::ALL
        .into_iter()
        .map(|kind| {
            let outcome = match kind {
                Kind::NeutralEarthed => leakage::neutral_earthed(day),
                Kind::EarthThroughTransformer => leakage::earth_through(day),
                Kind::SharedNeutral => leakage::shared_neutral(day),
                Kind::ReversedTransformer => power::reversed(day),
                Kind::WrongRatio => power::wrong_ratio(day),
                Kind::ProbeLoose => heat::probe_loose(day),
                Kind::PhasesSwapped => power::swapped(day),
            };
            Check { kind, outcome }
        })
        .collect()
}

/// Found when there is something, else clear.
fn ended(findings: Vec<Finding>) -> Outcome {
    if findings.is_empty() { Outcome::Clear } else { Outcome::Found { findings } }
}

impl Day {
    fn of(&self, quantity: Quantity) -> impl Iterator<Item = &Track> {
        self.tracks.iter().filter(move |track| track.quantity == quantity)
    }

    fn phase(&self, quantity: Quantity, phase: Phase) -> Option<&Track> {
        self.of(quantity).find(|track| track.phase == Some(phase))
    }

    /// The phase currents with their names.
    fn currents(&self) -> Vec<&Track> {
        self.of(Quantity::Current).filter(|track| track.phase != Some(Phase::N)).collect()
    }

    fn steps(&self) -> usize {
        self.tracks.iter().map(|track| track.mean.len()).max().unwrap_or(0)
    }

    /// What returns through the neutral, A: the current of a single phase, the neutral's own channel, or the phasor sum
    /// of three phases 120 degrees apart.
    fn neutral_a(&self) -> Vec<Option<f64>> {
        if let Some(track) = self.of(Quantity::NeutralCurrent).next() {
            return track.mean.clone();
        }
        let currents = self.currents();
        let at = |index: usize, step: usize| currents.get(index)?.mean.get(step).copied().flatten();
        (0..self.steps())
            .map(|step| match currents.len() {
                0 => None,
                3 => {
                    let (a, b, c) = (at(0, step)?, at(1, step)?, at(2, step)?);
                    Some((a * a + b * b + c * c - a * b - b * c - c * a).max(0.0).sqrt())
                }
                _ => at(0, step),
            })
            .collect()
    }

    /// The sum of the phase currents, A.
    fn load_a(&self) -> Vec<Option<f64>> {
        let currents = self.currents();
        (0..self.steps())
            .map(|step| {
                let values: Vec<f64> =
                    currents.iter().filter_map(|track| track.mean.get(step).copied().flatten()).collect();
                (!values.is_empty() && values.len() == currents.len()).then(|| values.iter().sum())
            })
            .collect()
    }
}
