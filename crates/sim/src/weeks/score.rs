//! A look at each circuit each day, as the server does, against what is known to be wrong.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use domain::diagnosis::{History, Kind, SPAN_DAYS, Strength, diagnose};
use domain::wiring::Track;

use super::DAY;
use super::fault::SlowFault;
use super::sensed::Recording;

/// Strong findings of one kind closer than this are one.
const APART_DAYS: usize = 14;

/// A finding on one day.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Seen {
    /// The day of the look, counted from the first.
    pub day: usize,
    /// What.
    pub kind: Kind,
    /// Whether it would tell somebody.
    pub strong: bool,
    /// The change in standard errors, where it is a change.
    pub errors: Option<f64>,
}

/// What was seen, and what it cost.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Looks {
    /// All findings of all days.
    pub seen: Vec<Seen>,
    /// How many looks.
    pub count: u32,
    /// In the diagnosis alone.
    pub spent: Duration,
}

/// Looks on each day from `from_day` up to before `to_day`, at the weeks before.
#[must_use]
pub fn looks(history: &History, from_day: usize, to_day: usize) -> Looks {
    let span = usize::try_from(SPAN_DAYS).unwrap_or(42);
    let mut all = Looks::default();
    for day in from_day..to_day {
        let begin = (day + 1).saturating_sub(span);
        let window = window(history, begin, day + 1);
        let started = Instant::now();
        let report = diagnose(&window);
        all.spent += started.elapsed();
        all.count += 1;
        all.seen.extend(report.findings.iter().map(|finding| Seen {
            day,
            kind: finding.kind,
            strong: finding.strength == Strength::Strong,
            errors: finding.figure("errors"),
        }));
    }
    all
}

/// The days from `begin` up to before `end`.
#[must_use]
pub fn window(history: &History, begin: usize, end: usize) -> History {
    let tracks = history.tracks.iter().map(|track| Track {
        code: track.code.clone(),
        quantity: track.quantity,
        phase: track.phase,
        mean: track.mean.get(begin * DAY..end * DAY).unwrap_or_default().to_vec(),
        max: Vec::new(),
    });
    History {
        from: history.from.plus_ms(i64::try_from(begin).unwrap_or(0) * 86_400_000),
        tracks: tracks.collect(),
        offset_ms: history.offset_ms,
        rated_current_a: history.rated_current_a,
        limits: history.limits,
    }
}

/// Separate findings of each kind: those of one kind that follow each other within two weeks are one.
#[must_use]
pub fn episodes(seen: &[Seen], counts: impl Fn(&Seen) -> bool) -> BTreeMap<Kind, Vec<usize>> {
    let mut begun: BTreeMap<Kind, (usize, Vec<usize>)> = BTreeMap::new();
    for one in seen.iter().filter(|one| counts(one)) {
        let (last, days) = begun.entry(one.kind).or_insert((one.day, Vec::new()));
        if days.is_empty() || one.day > *last + APART_DAYS {
            days.push(one.day);
        }
        *last = one.day;
    }
    begun.into_iter().map(|(kind, (_, days))| (kind, days)).collect()
}

/// How one fault was met.
#[derive(Debug, Clone, PartialEq)]
pub struct Met {
    /// What it was.
    pub kind: Kind,
    /// Days from its beginning to the first strong finding of it; `None` where there was none in time.
    pub strong_after: Option<usize>,
    /// The same for any finding.
    pub seen_after: Option<usize>,
    /// Days from its beginning to the threshold, where it is reached.
    pub threshold_after: Option<usize>,
    /// Strong findings that it does not explain.
    pub beside: Vec<Kind>,
    /// The largest change in standard errors with which it was found in time.
    pub errors: Option<f64>,
}

impl Met {
    /// Days before the threshold at which somebody was told.
    #[must_use]
    pub fn lead(&self) -> Option<usize> {
        Some(self.threshold_after?.saturating_sub(self.strong_after?))
    }
}

/// Scores one recorded fault: looks from its beginning until its threshold, or two weeks after it is full.
#[must_use]
pub fn meet(recording: &Recording, fault: &SlowFault) -> (Met, Looks) {
    let from = fault.from / DAY;
    let threshold = recording.threshold.map(|step| step / DAY);
    let last = recording.history.tracks.first().map_or(0, |track| track.mean.len() / DAY);
    let end = threshold.unwrap_or(fault.full / DAY + 14).min(last);
    let looks = looks(&recording.history, from, end);
    let kind = fault.wrong.kind();
    let first = |strong: bool| {
        let found = looks.seen.iter().find(|one| one.kind == kind && (one.strong || !strong));
        found.map(|one| one.day - from)
    };
    let explained = fault.wrong.explains();
    let beside =
        episodes(&looks.seen, |one| one.strong && one.kind != kind && !explained.contains(&one.kind));
    let errors = looks.seen.iter().filter(|one| one.kind == kind && one.strong).filter_map(|one| one.errors);
    let met = Met {
        kind,
        strong_after: first(true),
        seen_after: first(false),
        threshold_after: threshold.map(|day| day - from),
        beside: beside.into_keys().collect(),
        errors: errors.max_by(f64::total_cmp),
    };
    (met, looks)
}
