//! Conditions: the pure judgement of one detector (invariant 2). Readings and time go in,
//! changes come out; the state is explicit, small and can be stored.
//!
//! A reading is filed first (invariant 4), then each value is judged by the limits of its channel, then delays
//! that are over are settled. Each (channel, hazard) has two levels with a delay each way, and what the device itself
//! reports; what counts is the worst of them.

mod derived;
mod judge;
mod late;
mod level;
mod stored;
mod track;

use serde::{Deserialize, Serialize};

use crate::binding::Binding;
use crate::hazard::{Hazard, Severity};
use crate::id::ChannelId;
use crate::reading::{Filing, PointIndex, Quality, Reading, Reported, Sample};
use crate::time::UnixMs;

use judge::Judge;
use level::Level;
pub use stored::{StateError, VERSION as STATE_VERSION};
use track::Track;

/// Late values this close to each other belong to one occurrence, ms. A device that replays an outage sends hundreds
/// of values of the same occurrence; they are one finding.
pub const LATE_EPISODE_GAP_MS: i64 = 15 * 60_000;

/// What changed about one (channel, hazard).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ConditionChange {
    /// The channel.
    pub channel: ChannelId,
    /// The hazard or fault.
    pub hazard: Hazard,
    /// What happened.
    pub kind: ChangeKind,
    /// When it counts as happened: measurement time, or the deadline of a delay. Never before the change before it.
    pub at: UnixMs,
    /// The value that shows it, in the hazard's own unit or else the quantity's.
    pub value: Option<f64>,
    /// The limit that it was judged by, in the same unit.
    pub limit: Option<f64>,
    /// Whether an alarm of this severity holds until reset; warnings and faults never do.
    pub latching: bool,
    /// Whether the device itself reported it, rather than a limit here.
    pub reported_by_device: bool,
}

/// The kinds of change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChangeKind {
    /// The hazard is there now.
    Raised(Severity),
    /// It is there with another severity.
    SeverityChanged(Severity),
    /// It is there and the value is the worst so far.
    Worst,
    /// It is gone.
    Returned,
    /// The device goes on reporting it, but its values have been normal for so long that it is taken for gone.
    Outvoted,
    /// Late data show that it was there then; nothing is open because of it.
    FoundLate(Severity),
}

/// What came of one reading.
#[derive(Debug, Clone, PartialEq)]
pub struct Judgement {
    /// How it was filed.
    pub filing: Filing,
    /// Under which time.
    pub filed_at: UnixMs,
    /// What changed because of it, in order.
    pub changes: Vec<ConditionChange>,
    /// Whether [`DetectorState::to_bytes`] gives something else than before.
    pub state_changed: bool,
}

/// What came of the passing of time, a sign of life or new settings.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Changed {
    /// What changed, in order.
    pub changes: Vec<ConditionChange>,
    /// Whether [`DetectorState::to_bytes`] gives something else than before.
    pub state_changed: bool,
}

/// The newest value of one point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Latest {
    /// The device's integer; without meaning where the quality says that there is no value.
    pub raw: i64,
    /// What is known about it.
    pub quality: Quality,
    /// Measurement time, as filed.
    pub filed_at: UnixMs,
    /// Server's clock.
    pub received_at: UnixMs,
    /// Whether it was filed under receive time because the device's clock was wrong.
    pub clock_wrong: bool,
}

/// A condition that is there.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct OpenCondition {
    /// The channel.
    pub channel: ChannelId,
    /// The hazard or fault.
    pub hazard: Hazard,
    /// How bad now.
    pub severity: Severity,
    /// Since when, measurement time.
    pub since: UnixMs,
    /// The worst value so far, in the quantity's unit.
    pub worst: Option<f64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
struct Told {
    severity: Severity,
    since: UnixMs,
    last: UnixMs,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
struct LateEpisode {
    severity: Severity,
    oldest: UnixMs,
    newest: UnixMs,
}

/// The first of the readings that are older than what is known and came one after the other without a newer one.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
struct LateRun {
    device_at: UnixMs,
    received_at: UnixMs,
}

/// Whether a device is believed that reports a hazard which its own values do not show.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Belief {
    /// Values agree, are missing, or are not measured.
    #[default]
    Believed,
    /// Values have been normal while it was reported, since the server learned it then.
    Doubted(UnixMs),
    /// They have been for too long: the report counts for nothing until the device takes it back once.
    Outvoted,
}

impl Belief {
    /// When a doubt becomes certainty, server's clock; `after_ms` of 0 is never.
    const fn deadline(self, after_ms: i64) -> Option<UnixMs> {
        match self {
            Self::Doubted(since) if after_ms > 0 => Some(since.plus_ms(after_ms)),
            Self::Doubted(_) | Self::Believed | Self::Outvoted => None,
        }
    }
}

/// One (channel, hazard) that is not simply normal.
#[derive(Debug, Clone, PartialEq)]
struct Condition {
    channel: ChannelId,
    hazard: Hazard,
    /// Warning (or the one level of a fault), alarm.
    levels: [Level; 2],
    reported: Level,
    reported_severity: Option<Severity>,
    /// Whether what the device reports is believed, where the channel measures the hazard too.
    belief: Belief,
    /// The newest value of the channel is no value: measured levels stand still.
    frozen: bool,
    /// The worst value since it left normal, in the quantity's unit.
    worst: Option<f64>,
    /// What was told last.
    told: Option<Told>,
    late: Option<LateEpisode>,
}

impl Condition {
    const fn new(channel: ChannelId, hazard: Hazard) -> Self {
        Self {
            channel,
            hazard,
            levels: [Level::Normal; 2],
            reported: Level::Normal,
            reported_severity: None,
            belief: Belief::Believed,
            frozen: false,
            worst: None,
            told: None,
            late: None,
        }
    }

    /// Forgets what no longer means anything, so that equal situations are equal states.
    fn tidy(&mut self) {
        let level_free = self.levels == [Level::Normal; 2];
        if level_free {
            self.frozen = false;
        }
        if self.reported == Level::Normal {
            self.reported_severity = None;
            if self.belief != Belief::Outvoted {
                self.belief = Belief::Believed;
            }
            if level_free && self.told.is_none() {
                self.worst = None;
            }
        }
    }

    fn is_blank(&self) -> bool {
        self.levels == [Level::Normal; 2]
            && self.reported == Level::Normal
            && self.belief != Belief::Outvoted
            && self.told.is_none()
            && self.late.is_none()
    }
}

/// All that is known about one detector between two readings.
#[derive(Debug, Clone, PartialEq)]
pub struct DetectorState {
    last_heard: Option<UnixMs>,
    /// When the newest reading that was new was received.
    last_fresh: Option<UnixMs>,
    watched_since: UnixMs,
    /// By point.
    latest: Vec<Option<Latest>>,
    /// The newest filed time of each group.
    groups: Vec<(u8, UnixMs)>,
    /// Where the readings that come late now began.
    late_run: Option<LateRun>,
    /// Sorted by channel and hazard.
    conditions: Vec<Condition>,
    /// Of the channels whose past is asked for.
    tracks: Vec<Track>,
}

impl DetectorState {
    /// A detector of which nothing is known; silence counts from `watched_since` (server's clock) on.
    #[must_use]
    pub const fn new(watched_since: UnixMs) -> Self {
        Self {
            last_heard: None,
            last_fresh: None,
            watched_since,
            latest: Vec::new(),
            groups: Vec::new(),
            late_run: None,
            conditions: Vec::new(),
            tracks: Vec::new(),
        }
    }

    /// The detector as [`to_bytes`](Self::to_bytes) kept it. Latest values and the last sign of life are kept elsewhere
    /// and come back through [`restore_latest`](Self::restore_latest) and [`restore_heard`](Self::restore_heard).
    ///
    /// # Errors
    /// [`StateError`] when the bytes have another form or a newer version.
    pub fn from_bytes(bytes: &[u8], watched_since: UnixMs) -> Result<Self, StateError> {
        let (late_run, conditions, tracks) = stored::from_bytes(bytes)?;
        Ok(Self { late_run, conditions, tracks, ..Self::new(watched_since) })
    }

    /// The conditions with their running delays, for a restart.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        stored::to_bytes(self.late_run, &self.conditions, &self.tracks)
    }

    /// Puts a stored reading back as the newest of its group, without judging it.
    pub fn restore_latest(
        &mut self,
        group: u8,
        filed_at: UnixMs,
        received_at: UnixMs,
        filing: Filing,
        samples: &[Sample],
    ) {
        self.set_filed(group, filed_at);
        self.last_fresh = self.last_fresh.max(Some(received_at));
        // A point may come in two groups; the newer value stays.
        for sample in samples {
            if self.latest(sample.point).is_none_or(|known| known.filed_at <= filed_at) {
                self.keep_latest(
                    std::slice::from_ref(sample),
                    filed_at,
                    received_at,
                    filing == Filing::ClockWrong,
                );
            }
        }
    }

    /// Puts the last sign of life back (server's clock), without judging it.
    pub fn restore_heard(&mut self, at: UnixMs) {
        self.last_heard = self.last_heard.max(Some(at));
    }

    /// The last sign of life, server's clock.
    #[must_use]
    pub const fn last_heard(&self) -> Option<UnixMs> {
        self.last_heard
    }

    /// The newest value of `point`, good or not.
    #[must_use]
    pub fn latest(&self, point: PointIndex) -> Option<&Latest> {
        self.latest.get(usize::from(point.0)).and_then(Option::as_ref)
    }

    /// The newest filed time of `group`.
    #[must_use]
    pub fn last_filed(&self, group: u8) -> Option<UnixMs> {
        self.groups.iter().find(|(g, _)| *g == group).map(|(_, at)| *at)
    }

    /// What is there now, by channel and hazard.
    pub fn open(&self) -> impl Iterator<Item = OpenCondition> + '_ {
        self.conditions.iter().filter_map(|c| {
            c.told.map(|told| OpenCondition {
                channel: c.channel,
                hazard: c.hazard,
                severity: told.severity,
                since: told.since,
                worst: c.worst,
            })
        })
    }

    /// Files and judges `reading`. Delays that ended before it was received are settled first, so that it does not
    /// matter how often [`on_time`](Self::on_time) was called before.
    pub fn on_reading(&mut self, binding: &Binding, reading: &Reading) -> Judgement {
        let mut judge = Judge::new(self, binding);
        judge.advance(reading.received_at);
        judge.heard(reading.received_at);
        let (filing, filed_at) = judge.file(reading);
        judge.follow_late_run(reading, filing);
        match filing {
            Filing::Repeated => {}
            Filing::Late => judge.late(reading, filed_at),
            Filing::Current | Filing::ClockWrong => judge.current(reading, filing, filed_at),
        }
        judge.advance(reading.received_at);
        let (changes, state_changed) = judge.done();
        Judgement { filing, filed_at, changes, state_changed }
    }

    /// Settles every delay that is over at `now` (server's clock), and silence.
    pub fn on_time(&mut self, binding: &Binding, now: UnixMs) -> Changed {
        let mut judge = Judge::new(self, binding);
        judge.advance(now);
        let (changes, state_changed) = judge.done();
        Changed { changes, state_changed }
    }

    /// Takes a sign of life without a reading at `at` (server's clock).
    pub fn on_heard(&mut self, binding: &Binding, at: UnixMs) -> Changed {
        let mut judge = Judge::new(self, binding);
        judge.advance(at);
        judge.heard(at);
        let (changes, state_changed) = judge.done();
        Changed { changes, state_changed }
    }

    /// Takes what the platform itself found out about the detector at `at` (server's clock), in the same way as what the
    /// device reports: a breaker that did not follow a command.
    pub fn on_report(&mut self, binding: &Binding, reported: &Reported, at: UnixMs) -> Changed {
        let mut judge = Judge::new(self, binding);
        judge.advance(at);
        judge.found(reported, at);
        judge.advance(at);
        let (changes, state_changed) = judge.done();
        Changed { changes, state_changed }
    }

    /// Judges what is known by a new binding: new limits apply at once to the newest values, and what is
    /// no longer judged returns.
    pub fn on_binding(&mut self, binding: &Binding, now: UnixMs) -> Changed {
        let mut judge = Judge::new(self, binding);
        judge.rebind(now);
        judge.advance(now);
        let (changes, state_changed) = judge.done();
        Changed { changes, state_changed }
    }

    /// When [`on_time`](Self::on_time) has something to do next, server's clock.
    #[must_use]
    pub fn next_deadline(&self, binding: &Binding) -> Option<UnixMs> {
        judge::next_deadline(self, binding)
    }

    fn set_filed(&mut self, group: u8, at: UnixMs) {
        match self.groups.iter_mut().find(|(g, _)| *g == group) {
            Some((_, last)) => *last = (*last).max(at),
            None => self.groups.push((group, at)),
        }
    }

    fn keep_latest(&mut self, samples: &[Sample], filed_at: UnixMs, received_at: UnixMs, clock_wrong: bool) {
        for sample in samples {
            let index = usize::from(sample.point.0);
            if self.latest.len() <= index {
                self.latest.resize(index + 1, None);
            }
            if let Some(slot) = self.latest.get_mut(index) {
                *slot = Some(Latest {
                    raw: sample.raw,
                    quality: sample.quality,
                    filed_at,
                    received_at,
                    clock_wrong,
                });
            }
        }
    }
}
