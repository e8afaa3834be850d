//! Diagnosis: what weeks of history tell about a circuit before any limit is passed. Pure functions over quarter hours of
//! one detector; the same history gives the same findings, bit by bit ([`VERSION`] names the rules).
//!
//! ```text
//! History -> thermal     temperature against current squared, then and now
//!         -> insulation  leakage by hour of week, its trend, when it reaches the limit
//!         -> loads       steps of the load against steps of leakage: which load leaks
//!         -> usage       overload to come, use after closing time, charging of e-bikes
//!         -> supply      resistance of the supply, neutral current
//!         -> Report      models with their curves, findings, and what was missing
//! ```
//!
//! A finding is *weak* or *strong*. Weak ones stand on the analysis page and wake nobody; the bar of each kind is in
//! [`BARS`] and what it costs in missed faults and false findings is measured in docs/detection.md.

mod coupling;
mod insulation;
mod loads;
mod statistics;
mod supply;
mod thermal;
mod trend;
mod usage;

use serde::{Deserialize, Serialize};

use crate::hazard::Hazard;
use crate::quantity::{Phase, Quantity};
use crate::time::UnixMs;
pub use crate::wiring::{Figure, Track};

/// The version of the rules; a finding keeps the one it was made with.
pub const VERSION: u32 = 1;
/// Length of a step of history, ms.
pub const STEP_MS: i64 = 900_000;
/// History that is looked at, days: four weeks, and a week before them to compare with.
pub const SPAN_DAYS: i64 = 42;
const DAY_MS: i64 = 86_400_000;
/// Length of the windows that are compared, days.
const WINDOW_DAYS: i64 = 7;
/// How long ago the earlier window ended when the later one ends, days.
const APART_DAYS: i64 = 28;

/// What is asked of the history; each names what it lacks where it cannot be answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Analysis {
    /// Temperature against current squared.
    Thermal,
    /// Leakage over weeks.
    Insulation,
    /// Which load leaks.
    Loads,
    /// Peaks of the load.
    Overload,
    /// When the circuit is used.
    Usage,
    /// Supply voltage against current.
    Supply,
    /// Neutral current against the phases.
    Neutral,
}

impl Analysis {
    /// The stable name.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Thermal => "thermal",
            Self::Insulation => "insulation",
            Self::Loads => "loads",
            Self::Overload => "overload",
            Self::Usage => "usage",
            Self::Supply => "supply",
            Self::Neutral => "neutral",
        }
    }
}

/// What can be found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A terminal heats more per ampere squared than it did four weeks ago, and more so than its neighbours.
    LooseningTerminal,
    /// A terminal heats much more per ampere squared than the other phases.
    UnequalHeating,
    /// Leakage rises and will reach the limit.
    AgeingInsulation,
    /// One load brings leakage when it is switched on.
    LeakingLoad,
    /// The peaks of the load rise and will reach the rated current.
    OverloadAhead,
    /// The circuit is used in hours in which it used to rest.
    AfterHours,
    /// A battery is charged in the evening or at night.
    EbikeCharging,
    /// The neutral carries as much as the phases: harmonics or unbalance.
    NeutralHeating,
    /// The voltage gives way more per ampere than it did four weeks ago.
    AgeingSupply,
}

impl Kind {
    /// Every kind, gravest first.
    pub const ALL: [Self; 9] = [
        Self::LooseningTerminal,
        Self::AgeingInsulation,
        Self::LeakingLoad,
        Self::AgeingSupply,
        Self::NeutralHeating,
        Self::OverloadAhead,
        Self::EbikeCharging,
        Self::AfterHours,
        Self::UnequalHeating,
    ];

    /// The stable name.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::LooseningTerminal => "loosening_terminal",
            Self::UnequalHeating => "unequal_heating",
            Self::AgeingInsulation => "ageing_insulation",
            Self::LeakingLoad => "leaking_load",
            Self::OverloadAhead => "overload_ahead",
            Self::AfterHours => "after_hours",
            Self::EbikeCharging => "ebike_charging",
            Self::NeutralHeating => "neutral_heating",
            Self::AgeingSupply => "ageing_supply",
        }
    }

    /// The kind with this [`code`](Self::code).
    #[must_use]
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.code() == code)
    }

    /// The hazard that it foretells, with a time: the kinds whose figures say when a limit is reached.
    #[must_use]
    pub const fn foretells(self) -> Option<Hazard> {
        match self {
            Self::LooseningTerminal => Some(Hazard::PredictedTerminal),
            Self::AgeingInsulation => Some(Hazard::PredictedInsulation),
            Self::OverloadAhead => Some(Hazard::PredictedOverload),
            Self::LeakingLoad
            | Self::AgeingSupply
            | Self::NeutralHeating
            | Self::EbikeCharging
            | Self::AfterHours
            | Self::UnequalHeating => None,
        }
    }
}

/// Whether a finding may wake somebody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Strength {
    /// It stands on the analysis page only.
    Weak,
    /// It is past its bar: it becomes a record that somebody has to look at.
    Strong,
}

/// How a confidence was computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Basis {
    /// The chance that the change is above nothing, from its standard error (normal), at most 0.999.
    Slope,
    /// The share of occasions on which the pattern held.
    Share,
}

/// A named curve: what was measured, or the line through it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Curve {
    /// What it is: `then`, `now`, `fit_now`, `level`, `range_high` ...
    pub name: String,
    /// What its x is: `A²`, `ms`, `hour_of_week`, `A`.
    pub x_unit: String,
    /// Unit of its y.
    pub y_unit: String,
    /// Its points, at most a few hundred.
    pub points: Vec<(f64, f64)>,
}

impl Curve {
    fn new(name: &str, x_unit: &str, y_unit: &str, points: Vec<(f64, f64)>) -> Self {
        Self {
            name: name.to_owned(),
            x_unit: x_unit.to_owned(),
            y_unit: y_unit.to_owned(),
            points: thin(points),
        }
    }
}

/// What a channel's history was fitted with, whether or not something was found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Model {
    /// Which analysis.
    pub analysis: Analysis,
    /// The channel's code.
    pub about: String,
    /// Its conductor.
    pub phase: Option<Phase>,
    /// The fit and how well it holds.
    pub figures: Vec<Figure>,
    /// What it was fitted to.
    pub curves: Vec<Curve>,
}

/// Something that the history shows. Its words are made from the kind and the figures, in the reader's language.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// What.
    pub kind: Kind,
    /// Whether it may wake somebody.
    pub strength: Strength,
    /// How sure, 0 to 1.
    pub confidence: f64,
    /// How that was computed.
    pub basis: Basis,
    /// The channel's code.
    pub about: String,
    /// Its conductor.
    pub phase: Option<Phase>,
    /// History from here on.
    pub from: UnixMs,
    /// History before this.
    pub until: UnixMs,
    /// The parameters of its words and the figures behind them.
    pub figures: Vec<Figure>,
    /// The series used, down-sampled, and the fit.
    pub evidence: Vec<Curve>,
}

impl Finding {
    /// The value of the figure `name`.
    #[must_use]
    pub fn figure(&self, name: &str) -> Option<f64> {
        self.figures.iter().find(|figure| figure.name == name).map(|figure| figure.value)
    }

    /// The hazard of which somebody has to be told now: it is strong, sure, and its limit may be reached soon.
    #[must_use]
    pub fn wakes(&self) -> Option<Hazard> {
        let is_sure = self.strength == Strength::Strong && self.confidence >= BARS.wake_confidence;
        let by = |name: &str, most: f64| self.figure(name).is_some_and(|days| days <= most);
        let is_near = by("reach_from", BARS.wake_days) && by("reach_to", BARS.wake_within_days);
        self.kind.foretells().filter(|_| is_sure && is_near)
    }
}

/// What an analysis would need.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Lack {
    /// Which analysis.
    pub analysis: Analysis,
    /// Why.
    pub reason: LackReason,
    /// Days that are needed.
    pub needs_days: u32,
    /// Days with enough values that are there.
    pub has_days: u32,
}

/// Why an analysis could not be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LackReason {
    /// The detector does not measure what is needed.
    NotMeasured,
    /// There is too little history.
    TooShort,
    /// The load hardly changes.
    SteadyLoad,
    /// The circuit's rated current is not known.
    NoRating,
}

/// What is compared with.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Limits {
    /// Alarm level of the residual current, mA.
    pub residual_ma: f64,
    /// Alarm level of the conductor temperature, °C.
    pub temperature_c: f64,
}

/// Weeks of one detector, in quarter hours.
#[derive(Debug, Clone, PartialEq)]
pub struct History {
    /// Begin of the first step.
    pub from: UnixMs,
    /// Local time less UTC, ms.
    pub offset_ms: i64,
    /// Rated current of the circuit, A.
    pub rated_current_a: Option<f64>,
    /// Alarm levels.
    pub limits: Limits,
    /// The detector's channels, all of one length.
    pub tracks: Vec<Track>,
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// [`VERSION`].
    pub version: u32,
    /// History from here on.
    pub from: UnixMs,
    /// History before this.
    pub until: UnixMs,
    /// Days with values.
    pub days: u32,
    /// The fits.
    pub models: Vec<Model>,
    /// What they show, gravest first.
    pub findings: Vec<Finding>,
    /// What could not be answered.
    pub lacks: Vec<Lack>,
}

/// The bars between weak and strong, each with its reason. Measured in docs/detection.md.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bars {
    /// Change in standard errors from which a drift is named at all: some 1,500 looks a year at each circuit leave
    /// 2 standard errors to chance every other week.
    pub weak_z: f64,
    /// Change in standard errors for strong.
    pub strong_z: f64,
    /// Growth of the heat per ampere squared for strong, %: probes move by some per cent when a box is opened.
    pub heat_percent: f64,
    /// What the growth must heat at the circuit's own peak, K: less is within a probe's accuracy.
    pub heat_k: f64,
    /// Rise of the leakage within four weeks for strong, mA.
    pub leak_ma: f64,
    /// Limits reached later than this stay weak, days.
    pub soon_days: f64,
    /// Growth of the supply's resistance for strong, %.
    pub supply_percent: f64,
    /// The same in standard errors: the days of one season are alike in more than the scatter shows.
    pub supply_z: f64,
    /// What it costs at the circuit's own peak for strong, V.
    pub supply_v: f64,
    /// Share of the effect's movement that the circuit's own current must explain for strong.
    pub explained: f64,
    /// What the neutral carries for strong, as a share of the rated current.
    pub neutral_share: f64,
    /// What a load's leakage must be for strong, mA: a tenth of the usual limit.
    pub load_ma: f64,
    /// How sure a strong finding must be to wake somebody.
    pub wake_confidence: f64,
    /// The earliest moment at which its limit may be reached is no later than this, days: who has more time reads it on
    /// the page.
    pub wake_days: f64,
    /// The latest moment at which it is reached is no later than this, days.
    pub wake_within_days: f64,
}

/// The bars as they are used.
pub const BARS: Bars = Bars {
    weak_z: 3.0,
    strong_z: 6.0,
    heat_percent: 25.0,
    heat_k: 4.0,
    leak_ma: 15.0,
    soon_days: 120.0,
    supply_percent: 60.0,
    supply_z: 8.0,
    supply_v: 2.5,
    explained: 0.35,
    neutral_share: 0.7,
    load_ma: 20.0,
    wake_confidence: 0.95,
    wake_days: 28.0,
    wake_within_days: 56.0,
};

/// Looks at the history from every side.
#[must_use]
pub fn diagnose(history: &History) -> Report {
    let steps = history.steps();
    let mut report = Report {
        version: VERSION,
        from: history.from,
        until: history.at(steps),
        days: history.days_with(|track| track.quantity != Quantity::Device),
        models: Vec::new(),
        findings: Vec::new(),
        lacks: Vec::new(),
    };
    thermal::look(history, &mut report);
    insulation::look(history, &mut report);
    loads::look(history, &mut report);
    usage::overload(history, &mut report);
    usage::look(history, &mut report);
    supply::voltage(history, &mut report);
    supply::neutral(history, &mut report);
    let place = |kind: Kind| Kind::ALL.iter().position(|one| *one == kind);
    report.findings.sort_by(|one, other| {
        other.strength.cmp(&one.strength).then(place(one.kind).cmp(&place(other.kind)))
    });
    report
}

impl History {
    fn steps(&self) -> usize {
        self.tracks.iter().map(|track| track.mean.len()).max().unwrap_or(0)
    }

    /// Begin of a step.
    fn at(&self, step: usize) -> UnixMs {
        self.from.plus_ms(STEP_MS.saturating_mul(i64::try_from(step).unwrap_or(i64::MAX)))
    }

    /// The local day of a step, counted from 1970.
    fn day(&self, step: usize) -> i64 {
        self.at(step).plus_ms(self.offset_ms).0.div_euclid(DAY_MS)
    }

    /// The local quarter of the day, 0 to 95.
    fn quarter(&self, step: usize) -> usize {
        let of_day = self.at(step).plus_ms(self.offset_ms).0.rem_euclid(DAY_MS);
        usize::try_from(of_day / STEP_MS).unwrap_or(0)
    }

    /// Hours since Monday 00:00 local time, 0 to 167. 1970 began on a Thursday.
    fn hour_of_week(&self, step: usize) -> usize {
        let weekday = usize::try_from((self.day(step) + 3).rem_euclid(7)).unwrap_or(0);
        weekday * 24 + self.quarter(step) / 4
    }

    /// Begin of a local day, ms since 1970 UTC, for the time axis.
    fn day_ms(&self, day: f64) -> f64 {
        day * DAY_MS as f64 - self.offset_ms as f64
    }

    /// The last whole local day that the history ends with.
    fn last_day(&self) -> i64 {
        self.steps().checked_sub(1).map_or(0, |step| self.day(step))
    }

    fn of(&self, quantity: Quantity) -> impl Iterator<Item = &Track> {
        self.tracks.iter().filter(move |track| track.quantity == quantity)
    }

    /// The current through a conductor.
    fn current(&self, phase: Phase) -> Option<&Track> {
        match phase {
            Phase::N => self
                .of(Quantity::NeutralCurrent)
                .next()
                .or_else(|| self.of(Quantity::Current).find(|track| track.phase == Some(Phase::N))),
            Phase::A | Phase::B | Phase::C | Phase::Total => {
                self.of(Quantity::Current).find(|track| track.phase == Some(phase))
            }
        }
    }

    /// The phase currents.
    fn currents(&self) -> Vec<&Track> {
        self.of(Quantity::Current).filter(|track| track.phase != Some(Phase::N)).collect()
    }

    /// The sum of the phase currents, A.
    fn load_a(&self) -> Vec<Option<f64>> {
        let currents = self.currents();
        (0..self.steps())
            .map(|step| {
                let all: Option<f64> =
                    currents.iter().map(|track| track.mean.get(step).copied().flatten()).sum();
                all.filter(|_| !currents.is_empty())
            })
            .collect()
    }

    /// Days on which a track of `which` has values for half the day.
    fn days_with(&self, which: impl Fn(&Track) -> bool) -> u32 {
        let days = |track: &Track| by_day(self, &track.mean, 48).len();
        let most = self.tracks.iter().filter(|track| which(track)).map(days).max().unwrap_or(0);
        u32::try_from(most).unwrap_or(u32::MAX)
    }

    fn finding(&self, kind: Kind, track: &Track) -> Finding {
        Finding {
            kind,
            strength: Strength::Weak,
            confidence: 0.0,
            basis: Basis::Slope,
            about: track.code.clone(),
            phase: track.phase,
            from: self.from,
            until: self.at(self.steps()),
            figures: Vec::new(),
            evidence: Vec::new(),
        }
    }
}

/// The values of each local day that has at least `least` of them.
fn by_day(history: &History, values: &[Option<f64>], least: usize) -> Vec<(i64, Vec<f64>)> {
    let mut days: Vec<(i64, Vec<f64>)> = Vec::new();
    for (step, value) in values.iter().enumerate() {
        let Some(value) = value else { continue };
        let day = history.day(step);
        match days.last_mut() {
            Some((had, values)) if *had == day => values.push(*value),
            Some(_) | None => days.push((day, vec![*value])),
        }
    }
    days.retain(|(_, values)| values.len() >= least);
    days
}

/// A day as a number.
fn number_of(day: i64) -> f64 {
    i32::try_from(day).map_or(f64::NAN, f64::from)
}

/// The confidence of a change of `z` standard errors.
fn confidence(z: f64) -> f64 {
    statistics::normal(z).min(0.999)
}

/// At most some hundred points, evenly chosen.
fn thin(points: Vec<(f64, f64)>) -> Vec<(f64, f64)> {
    const MOST: usize = 240;
    let every = points.len().div_ceil(MOST).max(1);
    points.into_iter().step_by(every).collect()
}
