//! The judgement itself: filing, limits, qualities, reports, silence, delays.

use super::derived::{Derived, Known, OPEN_PROBE_C};
use super::level::{Delays, Level, Onset, Side};
use super::track::{Seen, Track};
use super::{Belief, ChangeKind, Condition, ConditionChange, DetectorState, LateRun, Latest, Told};
use crate::binding::{Binding, ChannelBinding, Supervision};
use crate::hazard::{Class, Hazard, Severity};
use crate::id::ChannelId;
use crate::quantity::{Phase, Quantity};
use crate::reading::{Filing, Quality, Reading, Reported, Sample};
use crate::settings::Limits;
use crate::time::UnixMs;

/// The faults that a value's quality shows.
const QUALITY_FAULTS: [(Quality, Hazard); 4] = [
    (Quality::SensorOpen, Hazard::SensorOpen),
    (Quality::SensorShort, Hazard::SensorShort),
    (Quality::Implausible, Hazard::Implausible),
    (Quality::DeviceFault, Hazard::DeviceFault),
];

/// How long readings must come late at the pace of real time before that is a clock that was set back, ms.
const SET_BACK_AFTER_MS: i64 = 30_000;
/// By how much the pace may differ, ms: clocks tell seconds, networks delay.
const PACE_TOLERANCE_MS: i64 = 10_000;

/// Uploads of one second of the device's clock are received within this, ms: the second, and as much for the network.
const SAME_SECOND_MS: i64 = 2_000;
/// What was measured so short a time before it was received is no history.
const NO_HISTORY_MS: i64 = 10_000;

/// Limits in the unit of the channel's value.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    pub(super) warning: Option<f64>,
    pub(super) alarm: Option<f64>,
    pub(super) deadband: f64,
}

impl Bounds {
    /// The bounds at `at`, which decides whether it is night. `None` when the hazard is not judged: switched off, or
    /// in percent of a rated current that is not known.
    pub(super) fn of(
        binding: &Binding,
        channel: &ChannelBinding,
        hazard: Hazard,
        limits: &Limits,
        at: UnixMs,
    ) -> Option<Self> {
        if !limits.enabled {
            return None;
        }
        let factor = if matches!(hazard, Hazard::Overload | Hazard::ShortCircuit | Hazard::NeutralOverload) {
            binding.placement.rated_current_a.filter(|rated| *rated > 0.0)? / 100.0
        } else {
            1.0
        };
        let limits = channel.limits_at(hazard, limits, at, binding.utc_offset_min);
        let warning = limits.warning.map(|limit| limit * factor);
        let alarm = limits.alarm.map(|limit| limit * factor);
        let deadband = limits.deadband.max(0.0) * factor;
        Some(match hazard.class() {
            Class::Hazard => Self { warning, alarm, deadband },
            // A fault has one level, the first of the two.
            Class::Fault => Self { warning: alarm.or(warning), alarm: None, deadband },
        })
    }

    /// Whether there is anything to be beyond.
    const fn has_limit(&self) -> bool {
        self.warning.is_some() || self.alarm.is_some()
    }

    pub(super) fn sides(&self, value: f64, low: bool) -> [Side; 2] {
        [Side::of(value, self.warning, self.deadband, low), Side::of(value, self.alarm, self.deadband, low)]
    }

    pub(super) const fn limit(&self, severity: Severity) -> Option<f64> {
        match severity {
            Severity::Alarm => self.alarm,
            Severity::Warning | Severity::Fault => self.warning,
        }
    }
}

/// One judgement under way.
pub(super) struct Judge<'a> {
    pub(super) state: &'a mut DetectorState,
    pub(super) binding: &'a Binding,
    pub(super) changes: Vec<ConditionChange>,
    changed: bool,
}

impl<'a> Judge<'a> {
    pub(super) fn new(state: &'a mut DetectorState, binding: &'a Binding) -> Self {
        Self { state, binding, changes: Vec::new(), changed: false }
    }

    /// What came of it.
    pub(super) fn done(self) -> (Vec<ConditionChange>, bool) {
        if self.changed {
            self.state.conditions.retain(|condition| !condition.is_blank());
        }
        (self.changes, self.changed)
    }

    /// Settles delays that are over at `now`, earliest first: the order of changes does not depend on how
    /// often time was told.
    pub(super) fn advance(&mut self, now: UnixMs) {
        while let Some(deadline) = next_deadline(self.state, self.binding).filter(|d| *d <= now) {
            self.changed = true;
            for index in 0..self.state.conditions.len() {
                self.settle_delays(index, deadline);
            }
            if silence_deadline(self.state, self.binding).is_some_and(|d| d <= deadline)
                && let Some(device) = device_channel(self.binding)
            {
                let index = self.entry(device, Hazard::Offline);
                self.update(index, |c| c.levels[0] = Level::Held);
                self.tell(index, deadline, false);
            }
            if staleness_deadline(self.state, self.binding).is_some_and(|d| d <= deadline)
                && let Some(device) = device_channel(self.binding)
            {
                let index = self.entry(device, Hazard::Frozen);
                self.update(index, |c| c.levels[0] = Level::Held);
                self.tell(index, deadline, false);
            }
        }
    }

    fn settle_delays(&mut self, index: usize, deadline: UnixMs) {
        let binding = self.binding;
        let Some(c) = self.state.conditions.get_mut(index) else { return };
        let delays = delays(binding, c.channel, c.hazard);
        let mut over: Option<UnixMs> = None;
        if !c.frozen {
            for level in &mut c.levels {
                if let Some((next, at)) = level.on_time(deadline, delays.measured) {
                    *level = next;
                    over = over.max(Some(at));
                }
            }
        }
        if let Some((next, at)) = c.reported.on_time(deadline, delays.reported) {
            c.reported = next;
            over = over.max(Some(at));
        }
        if let Some(at) = over {
            self.tell(index, at, false);
        }
        self.outvote(index, deadline);
    }

    /// Takes what a device reports for gone when its own values have said otherwise for long.
    fn outvote(&mut self, index: usize, now: UnixMs) {
        let after_ms = self.binding.supervision.outvoted_after_ms;
        let is_over = self
            .state
            .conditions
            .get(index)
            .and_then(|c| c.belief.deadline(after_ms))
            .is_some_and(|deadline| deadline <= now);
        if !is_over {
            return;
        }
        self.update(index, |c| {
            c.belief = Belief::Outvoted;
            c.reported = Level::Normal;
        });
        let told = self.changes.len();
        self.tell(index, now, false);
        for change in self.changes.iter_mut().skip(told).filter(|change| change.kind == ChangeKind::Returned)
        {
            change.kind = ChangeKind::Outvoted;
        }
    }

    /// A sign of life at `at`, server's clock.
    pub(super) fn heard(&mut self, at: UnixMs) {
        self.state.last_heard = self.state.last_heard.max(Some(at));
        self.ends_on_device(Hazard::Offline, at);
    }

    /// What hangs on the device as a whole and is over at once.
    fn ends_on_device(&mut self, hazard: Hazard, at: UnixMs) {
        if self.state.conditions.is_empty() {
            return;
        }
        let Some(device) = device_channel(self.binding) else { return };
        if let Some(index) = self.find(device, hazard)
            && self.state.conditions.get(index).is_some_and(|c| c.levels[0] != Level::Normal)
        {
            self.update(index, |c| c.levels[0] = Level::Normal);
            self.tell(index, at, false);
        }
    }

    /// How and under which time a reading is filed (invariant 4).
    ///
    /// A device without a clock is filed under receive time. So is one whose clock is wrong. Should two such readings of a
    /// group be received in the same millisecond, the later one is filed 1 ms after the first: both are real.
    ///
    /// The same device time with the same values is a repetition. The same device time with other values is a clock
    /// that stands still: were it taken for a repetition, the detector would be blind until somebody noticed. So is a
    /// clock that was set back: what is measured now would count as history until it caught up.
    pub(super) fn file(&self, reading: &Reading) -> (Filing, UnixMs) {
        let last = self.state.last_filed(reading.group);
        let by_receipt = || match last {
            Some(last) if reading.received_at <= last => last.plus_ms(1),
            Some(_) | None => reading.received_at,
        };
        let Some(device_at) = reading.device_at else {
            return (Filing::Current, by_receipt());
        };
        let ahead_ms = device_at.since_ms(reading.received_at);
        let Supervision { clock_ahead_ms, clock_behind_ms, .. } = self.binding.supervision;
        if ahead_ms > clock_ahead_ms || ahead_ms < clock_behind_ms.saturating_neg() {
            return (Filing::ClockWrong, by_receipt());
        }
        match last {
            Some(last) if device_at == last => {
                if self.says_the_same(reading, last) {
                    (Filing::Repeated, device_at)
                } else {
                    (Filing::ClockWrong, by_receipt())
                }
            }
            Some(last)
                if device_at < last
                    && (was_ahead(last, device_at, reading.received_at)
                        || self.is_set_back(device_at, reading.received_at)) =>
            {
                (Filing::ClockWrong, by_receipt())
            }
            Some(last) if device_at < last => (Filing::Late, device_at),
            Some(_) | None => (Filing::Current, device_at),
        }
    }

    /// Whether readings have come late for a while at the pace of real time. History comes faster than it was
    /// measured, or with new readings in between; what is sent a second time stands still.
    fn is_set_back(&self, device_at: UnixMs, received_at: UnixMs) -> bool {
        self.state.late_run.is_some_and(|run| {
            received_at.since_ms(run.received_at) >= SET_BACK_AFTER_MS
                && run.is_in_step(device_at, received_at)
        })
    }

    /// Remembers where readings that come late began.
    pub(super) fn follow_late_run(&mut self, reading: &Reading, filing: Filing) {
        let Some(device_at) = reading.device_at else { return };
        let run = match filing {
            Filing::Current => None,
            Filing::Late => Some(
                self.state
                    .late_run
                    .filter(|run| run.is_in_step(device_at, reading.received_at))
                    .unwrap_or(LateRun { device_at, received_at: reading.received_at }),
            ),
            Filing::Repeated | Filing::ClockWrong => return,
        };
        self.changed |= self.state.late_run != run;
        self.state.late_run = run;
    }

    /// Whether a reading has the values that are known for that time.
    fn says_the_same(&self, reading: &Reading, filed_at: UnixMs) -> bool {
        reading.samples.iter().all(|sample| {
            self.state.latest(sample.point).is_none_or(|known| {
                known.filed_at != filed_at || (known.raw == sample.raw && known.quality == sample.quality)
            })
        })
    }

    /// Judges a reading that is the newest of its group.
    pub(super) fn current(&mut self, reading: &Reading, filing: Filing, filed_at: UnixMs) {
        let clock_wrong = filing == Filing::ClockWrong;
        let last = self.state.last_filed(reading.group);
        // A clock that tells whole seconds may tell two uploads the same one; that alone is no fault.
        let same_second = reading.device_at.is_some()
            && reading.device_at == last
            && self.state.last_fresh.is_some_and(|at| reading.received_at.since_ms(at) <= SAME_SECOND_MS);
        // Nor is a clock that has just been put right.
        let put_right = reading
            .device_at
            .zip(last)
            .is_some_and(|(device_at, last)| was_ahead(last, device_at, reading.received_at));
        self.follow_tracks(reading, filed_at);
        self.state.set_filed(reading.group, filed_at);
        self.state.keep_latest(&reading.samples, filed_at, reading.received_at, clock_wrong);
        self.state.last_fresh = self.state.last_fresh.max(Some(reading.received_at));
        self.ends_on_device(Hazard::Frozen, reading.received_at);
        let at = Onset { filed: filed_at, known: reading.received_at };

        if reading.device_at.is_some()
            && (clock_wrong || !self.state.conditions.is_empty())
            && let Some(device) = device_channel(self.binding)
        {
            self.fault(device, Hazard::ClockWrong, clock_wrong && !same_second && !put_right, at);
        }
        let mut cursor = 0;
        for sample in &reading.samples {
            if let Some(channel) = channel_of(self.binding, sample, &mut cursor) {
                self.sample(channel, sample, at);
            }
        }
        for reported in &reading.reported {
            self.report(reported, at);
        }
    }

    /// Remembers of the channels whose past is asked for what the new values say about it.
    fn follow_tracks(&mut self, reading: &Reading, filed_at: UnixMs) {
        let mut cursor = 0;
        let mut load_a = None;
        for sample in reading.samples.iter().filter(|sample| sample.quality == Quality::Good) {
            let Some(channel) = channel_of(self.binding, sample, &mut cursor) else { continue };
            let entry = &channel.channel;
            if !matches!(entry.quantity, Quantity::ResidualCurrent | Quantity::ConductorTemperature)
                || quality_of(channel, sample) != Quality::Good
            {
                continue;
            }
            let seen = |at: UnixMs, raw: i64| Seen { at, raw, value: entry.decimals.value(raw) };
            let now = seen(filed_at, sample.raw);
            let before = self.state.latest(sample.point).filter(|known| known.quality == Quality::Good);
            let before = before.map(|known| seen(known.filed_at, known.raw));
            let load_a = *load_a.get_or_insert_with(|| self.greatest(Quantity::Current, filed_at));
            let changed = match self.state.tracks.iter_mut().find(|track| track.channel == entry.id) {
                Some(track) => {
                    track.follow(now, before, load_a, entry.quantity == Quantity::ConductorTemperature)
                }
                None => {
                    self.state.tracks.push(Track::new(entry.id, now));
                    true
                }
            };
            self.changed |= changed;
        }
    }

    /// What is known at `at`, for `channel`.
    fn known<T>(&self, channel: ChannelId, at: UnixMs, ask: impl FnOnce(&Known<'_>) -> T) -> T {
        ask(&Known {
            binding: self.binding,
            value_of: &|entry| {
                let latest = self.state.latest(entry.point?)?;
                let is_fresh = at.since_ms(latest.filed_at) <= self.binding.supervision.offline_after_ms;
                (latest.quality == Quality::Good && is_fresh).then(|| entry.decimals.value(latest.raw))
            },
            track: self.state.tracks.iter().find(|track| track.channel == channel),
            at,
        })
    }

    fn greatest(&self, quantity: Quantity, at: UnixMs) -> Option<f64> {
        self.known(ChannelId(0), at, |known| known.greatest(quantity))
    }

    fn sample(&mut self, channel: &ChannelBinding, sample: &Sample, at: Onset) {
        let id = channel.channel.id;
        let seen = quality_of(channel, sample);
        if seen != Quality::Good || !self.state.conditions.is_empty() {
            for (quality, hazard) in QUALITY_FAULTS {
                self.fault(id, hazard, seen == quality, at);
            }
        }
        if seen == Quality::Good {
            self.measure(channel, channel.channel.decimals.value(sample.raw), at);
        } else {
            self.freeze(id);
        }
    }

    /// A fault with one level: there or not.
    fn fault(&mut self, channel: ChannelId, hazard: Hazard, there: bool, at: Onset) {
        let side = if there { Side::Beyond } else { Side::Inside };
        let Some(index) = self.entry_if(channel, hazard, there) else { return };
        let delays = delays(self.binding, channel, hazard).measured;
        let mut over = None;
        self.update(index, |c| (c.levels[0], over) = c.levels[0].on_value(side, at, delays));
        self.tell(index, over.unwrap_or(at.filed), false);
    }

    /// Judges a good value for every hazard of its channel.
    fn measure(&mut self, channel: &ChannelBinding, value: f64, at: Onset) {
        let id = channel.channel.id;
        // Phase loss first: it decides whether under-voltage is judged.
        let mut lost = false;
        if let Some((_, limits)) = channel.limits.iter().find(|(hazard, _)| *hazard == Hazard::PhaseLoss) {
            let sides = |judge: &Self, bounds: &Bounds| {
                let sides = bounds.sides(value, true);
                let near = sides.iter().any(|side| *side != Side::Inside);
                if near && judge.other_phase_is_fine(channel, bounds, at.filed) {
                    sides
                } else {
                    [Side::Inside; 2]
                }
            };
            self.measure_one(channel, Hazard::PhaseLoss, limits, Some(value), at, sides);
            lost = self
                .find(id, Hazard::PhaseLoss)
                .and_then(|index| self.state.conditions.get(index))
                .is_some_and(|c| c.levels.iter().any(|level| level.is_beyond()) || c.reported.is_beyond());
        }
        for (hazard, limits) in &channel.limits {
            let hazard = *hazard;
            if hazard == Hazard::PhaseLoss {
                continue;
            }
            let derived = if hazard.is_of_one_value() {
                Derived::Value(value)
            } else if limits.enabled {
                let in_force = channel.limits_at(hazard, limits, at.filed, self.binding.utc_offset_min);
                self.known(id, at.filed, |known| known.derive(channel, hazard, &in_force, value))
            } else {
                continue;
            };
            match derived {
                Derived::Value(value) => {
                    self.measure_one(channel, hazard, limits, Some(value), at, |judge, bounds| {
                        let sides = bounds.sides(value, hazard.is_low());
                        let is_of_another = hazard == Hazard::UnderVoltage
                            && sides.contains(&Side::Beyond)
                            && (lost || judge.supply_is_out(at.filed));
                        if is_of_another { [Side::Inside; 2] } else { sides }
                    });
                }
                Derived::Clear => {
                    self.measure_one(channel, hazard, limits, None, at, |_, _| [Side::Inside; 2]);
                }
                Derived::Unknown => self.freeze_one(id, hazard),
            }
        }
    }

    /// Whether no phase of the detector has its voltage: that is power failure, not under-voltage on each. Only where it
    /// is told so: with the channel that power failure belongs to unknown, under-voltage must speak.
    fn supply_is_out(&self, at: UnixMs) -> bool {
        let owner = self.binding.channels.iter().find_map(|channel| {
            let limits = limits_of(channel, Hazard::PowerFailure)?;
            Some((channel, Bounds::of(self.binding, channel, Hazard::PowerFailure, limits, at)?))
        });
        let Some((owner, bounds)) = owner else { return false };
        let limit = bounds.warning.into_iter().chain(bounds.alarm).reduce(f64::max);
        self.known(owner.channel.id, at, |known| {
            (known.value_of)(&owner.channel).is_some()
                && limit.is_some_and(|limit| {
                    known.greatest(Quantity::Voltage).is_some_and(|voltage| voltage <= limit)
                })
        })
    }

    fn measure_one(
        &mut self,
        channel: &ChannelBinding,
        hazard: Hazard,
        limits: &Limits,
        value: Option<f64>,
        at: Onset,
        sides: impl FnOnce(&Self, &Bounds) -> [Side; 2],
    ) {
        let Some(bounds) = Bounds::of(self.binding, channel, hazard, limits, at.filed) else { return };
        let sides = sides(self, &bounds);
        let beyond = sides.contains(&Side::Beyond);
        let Some(index) = self.entry_if(channel.channel.id, hazard, beyond) else { return };
        let delays = Delays { on_ms: limits.on_delay_ms, off_ms: limits.off_delay_ms };
        let mut over: Option<UnixMs> = None;
        let mut worse = false;
        self.update(index, |c| {
            if c.frozen {
                c.frozen = false;
                // Whether it stayed away meanwhile is not known: the off-delay begins anew. A running on-delay goes on.
                for level in &mut c.levels {
                    if matches!(level, Level::Falling(_)) {
                        *level = Level::Falling(at);
                    }
                }
            }
            for (level, side) in c.levels.iter_mut().zip(sides) {
                let (next, done) = level.on_value(side, at, delays);
                *level = next;
                over = over.max(done);
            }
            let is_normal = c.levels == [Level::Normal; 2];
            c.belief = match (c.belief, is_normal) {
                (Belief::Believed, true) if c.reported.is_held() && bounds.has_limit() => {
                    Belief::Doubted(at.known)
                }
                (Belief::Doubted(_), false) => Belief::Believed,
                (belief, _) => belief,
            };
            let there = !is_normal || c.told.is_some();
            worse = there
                && value.is_some_and(|value| {
                    c.worst.is_none_or(|worst| if hazard.is_low() { value < worst } else { value > worst })
                });
            if worse {
                c.worst = value;
            }
        });
        self.tell(index, over.unwrap_or(at.filed), worse);
    }

    /// Whether another phase of the same detector has its voltage: above the limit of phase loss, known from a value
    /// that is not older than the detector's supervision allows.
    fn other_phase_is_fine(&self, channel: &ChannelBinding, bounds: &Bounds, filed_at: UnixMs) -> bool {
        let Some(limit) = bounds.alarm.or(bounds.warning) else { return false };
        let is_line = |phase: Option<Phase>| matches!(phase, Some(Phase::A | Phase::B | Phase::C));
        is_line(channel.channel.phase)
            && self.binding.channels.iter().any(|other| {
                let entry = &other.channel;
                entry.quantity == Quantity::Voltage
                    && entry.id != channel.channel.id
                    && is_line(entry.phase)
                    && entry.point.and_then(|point| self.state.latest(point)).is_some_and(|latest| {
                        latest.quality == Quality::Good
                            && filed_at.since_ms(latest.filed_at) <= self.binding.supervision.offline_after_ms
                            && entry.decimals.value(latest.raw) > limit + bounds.deadband
                    })
            })
    }

    /// There is no value: what is measured stands still.
    fn freeze(&mut self, channel: ChannelId) {
        for c in &mut self.state.conditions {
            let is_of_values = c.hazard.class() == Class::Hazard || c.hazard.is_measured();
            if c.channel == channel && is_of_values && !c.frozen {
                c.frozen = true;
                // Without a value nothing speaks against the device.
                if c.belief != Belief::Outvoted {
                    c.belief = Belief::Believed;
                }
                self.changed = true;
            }
        }
    }

    /// What one hazard needs is not known now: it stands still.
    fn freeze_one(&mut self, channel: ChannelId, hazard: Hazard) {
        if let Some(index) = self.find(channel, hazard) {
            self.update(index, |c| c.frozen = true);
        }
    }

    /// What the device itself says about a hazard.
    fn report(&mut self, reported: &Reported, at: Onset) {
        let Some(channel) = reported_channel(self.binding, reported) else { return };
        let hazard = reported.hazard;
        if limits_of(channel, hazard).is_some_and(|limits| !limits.enabled) {
            return;
        }
        let id = channel.channel.id;
        let Some(index) = self.entry_if(id, hazard, reported.severity.is_some()) else { return };
        let is_outvoted = self.state.conditions.get(index).is_some_and(|c| c.belief == Belief::Outvoted);
        if is_outvoted && reported.severity.is_some() {
            return;
        }
        let delays = delays(self.binding, id, hazard).reported;
        let side = if reported.severity.is_some() { Side::Beyond } else { Side::Inside };
        let mut over = None;
        self.update(index, |c| {
            (c.reported, over) = c.reported.on_value(side, at, delays);
            if reported.severity.is_none() {
                c.belief = Belief::Believed;
            }
            if reported.severity.is_some() {
                c.reported_severity = reported.severity;
            }
        });
        self.tell(index, over.unwrap_or(at.filed), false);
    }

    /// What the platform found out by itself; it counts at once, both ways, because it was looked at for long enough.
    pub(super) fn found(&mut self, reported: &Reported, at: UnixMs) {
        let Some(channel) = reported_channel(self.binding, reported) else { return };
        let Some(index) = self.entry_if(channel.channel.id, reported.hazard, reported.severity.is_some())
        else {
            return;
        };
        self.update(index, |c| {
            c.reported = if reported.severity.is_some() { Level::Held } else { Level::Normal };
            c.reported_severity = reported.severity;
        });
        self.tell(index, at, false);
    }

    /// Fits what is known to a new binding.
    pub(super) fn rebind(&mut self, now: UnixMs) {
        let binding = self.binding;
        for index in 0..self.state.conditions.len() {
            let judged = self.state.conditions.get(index).is_some_and(|c| is_judged(binding, c));
            if !judged {
                self.update(index, |c| {
                    c.levels = [Level::Normal; 2];
                    c.reported = Level::Normal;
                    c.belief = Belief::Believed;
                    c.frozen = false;
                    c.late = None;
                });
                self.tell(index, now, false);
            }
        }
        let known = self.state.tracks.len();
        self.state.tracks.retain(|track| binding.channels.iter().any(|c| c.channel.id == track.channel));
        self.changed |= self.state.tracks.len() != known;
        let at = Onset { filed: now, known: now };
        for channel in &binding.channels {
            let latest = channel.channel.point.and_then(|point| self.state.latest(point)).copied();
            let good = |latest: &Latest| {
                latest.quality == Quality::Good
                    && !is_open_probe(channel, channel.channel.decimals.value(latest.raw))
            };
            if let Some(latest) = latest.filter(good) {
                self.measure(channel, channel.channel.decimals.value(latest.raw), at);
            }
        }
    }

    /// Says what changed about the condition at `index`, if anything did. `worse` says that its worst value moved.
    fn tell(&mut self, index: usize, at: UnixMs, worse: bool) {
        let Some(c) = self.state.conditions.get(index) else { return };
        let measured = match (c.hazard.class(), c.levels) {
            (Class::Fault, [level, _]) => level.is_held().then_some(Severity::Fault),
            (Class::Hazard, [_, alarm]) if alarm.is_held() => Some(Severity::Alarm),
            (Class::Hazard, [warning, _]) => warning.is_held().then_some(Severity::Warning),
        };
        let reported = c.reported.is_held().then_some(c.reported_severity).flatten();
        let severity = measured.max(reported);
        let at = c.told.map_or(at, |told| at.max(told.last));
        let kind = match (c.told.map(|told| told.severity), severity) {
            (None, None) => None,
            (None, Some(now)) => Some(ChangeKind::Raised(now)),
            (Some(before), Some(now)) if before != now => Some(ChangeKind::SeverityChanged(now)),
            (Some(_), Some(_)) => worse.then_some(ChangeKind::Worst),
            (Some(_), None) => Some(ChangeKind::Returned),
        };
        if let Some(kind) = kind {
            let change = self.describe(c, kind, at, measured, reported);
            self.changes.push(change);
            let since = c.told.map_or(at, |told| told.since);
            self.update(index, |c| c.told = severity.map(|severity| Told { severity, since, last: at }));
        }
        self.update(index, Condition::tidy);
    }

    fn describe(
        &self,
        c: &Condition,
        kind: ChangeKind,
        at: UnixMs,
        measured: Option<Severity>,
        reported: Option<Severity>,
    ) -> ConditionChange {
        let channel = self.binding.channels.iter().find(|channel| channel.channel.id == c.channel);
        let limits = channel.and_then(|channel| limits_of(channel, c.hazard));
        let has_value = c.hazard.class() == Class::Hazard || c.hazard.is_measured();
        let latest = channel.filter(|_| has_value).and_then(|channel| {
            let latest = self.state.latest(channel.channel.point?)?;
            let value = channel.channel.decimals.value(latest.raw);
            if latest.quality != Quality::Good {
                return None;
            }
            match limits.filter(|_| !c.hazard.is_of_one_value()) {
                None => Some(value),
                Some(limits) => {
                    match self.known(c.channel, at, |known| known.derive(channel, c.hazard, limits, value)) {
                        Derived::Value(value) => Some(value),
                        Derived::Clear | Derived::Unknown => None,
                    }
                }
            }
        });
        let value = match kind {
            ChangeKind::Raised(_) | ChangeKind::Worst => c.worst.or(latest),
            ChangeKind::SeverityChanged(_)
            | ChangeKind::Returned
            | ChangeKind::Outvoted
            | ChangeKind::FoundLate(_) => latest,
        };
        let severity = measured.max(reported);
        let limit = measured
            .filter(|m| Some(*m) == severity)
            .and_then(|severity| Bounds::of(self.binding, channel?, c.hazard, limits?, at)?.limit(severity));
        ConditionChange {
            channel: c.channel,
            hazard: c.hazard,
            kind,
            at,
            value,
            limit,
            latching: severity == Some(Severity::Alarm)
                && limits.map_or_else(|| latches_when_reported(c.hazard), |limits| limits.latching),
            reported_by_device: reported.is_some() && !c.hazard.is_predicted(),
        }
    }

    pub(super) fn find(&self, channel: ChannelId, hazard: Hazard) -> Option<usize> {
        self.state.conditions.binary_search_by_key(&(channel, hazard), |c| (c.channel, c.hazard)).ok()
    }

    /// The place of the condition, made when it is not there.
    pub(super) fn entry(&mut self, channel: ChannelId, hazard: Hazard) -> usize {
        match self.state.conditions.binary_search_by_key(&(channel, hazard), |c| (c.channel, c.hazard)) {
            Ok(index) => index,
            Err(index) => {
                self.state.conditions.insert(index, Condition::new(channel, hazard));
                self.changed = true;
                index
            }
        }
    }

    /// The place of the condition, made only when there is something to say about it.
    fn entry_if(&mut self, channel: ChannelId, hazard: Hazard, make: bool) -> Option<usize> {
        if make { Some(self.entry(channel, hazard)) } else { self.find(channel, hazard) }
    }

    pub(super) fn update(&mut self, index: usize, change: impl FnOnce(&mut Condition)) {
        if let Some(c) = self.state.conditions.get_mut(index) {
            let before = c.clone();
            change(c);
            self.changed |= *c != before;
        }
    }
}

/// Whether the clock that told `last` ran ahead and has been put right since, by a person or by our own answer to a
/// question for the time. What is measured now would else pass for history until the clock has come to `last` again.
const fn was_ahead(last: UnixMs, device_at: UnixMs, received_at: UnixMs) -> bool {
    let ago_ms = received_at.since_ms(device_at);
    last.since_ms(received_at) > SAME_SECOND_MS && -SAME_SECOND_MS <= ago_ms && ago_ms <= NO_HISTORY_MS
}

impl LateRun {
    /// Whether as much time has passed by the device's clock as by the server's.
    const fn is_in_step(&self, device_at: UnixMs, received_at: UnixMs) -> bool {
        let passed_ms = received_at.since_ms(self.received_at);
        let off_ms = device_at.since_ms(self.device_at).saturating_sub(passed_ms).saturating_abs();
        passed_ms >= 0 && off_ms <= PACE_TOLERANCE_MS.saturating_add(passed_ms / 100)
    }
}

/// The delays of one (channel, hazard).
struct BothDelays {
    measured: Delays,
    reported: Delays,
}

/// A hazard that the device reports counts at once: the device has its own delay. Its return is delayed like a measured
/// one, so that a chattering bit is one alarm.
fn delays(binding: &Binding, channel: ChannelId, hazard: Hazard) -> BothDelays {
    let Supervision { fault_on_delay_ms, fault_off_delay_ms, .. } = binding.supervision;
    let fault = Delays { on_ms: fault_on_delay_ms, off_ms: fault_off_delay_ms };
    match hazard.class() {
        Class::Fault if !hazard.is_measured() => BothDelays { measured: fault, reported: fault },
        Class::Fault | Class::Hazard => {
            let limits =
                binding.channels.iter().find(|c| c.channel.id == channel).and_then(|c| limits_of(c, hazard));
            let off_ms = limits.map_or(fault_off_delay_ms, |limits| limits.off_delay_ms);
            let on_ms = limits.map_or(0, |limits| limits.on_delay_ms);
            BothDelays { measured: Delays { on_ms, off_ms }, reported: Delays { on_ms: 0, off_ms } }
        }
    }
}

/// Hazards that only devices report: which of them hold until reset (GB 31252-2014 4.3.1 for arcs).
const fn latches_when_reported(hazard: Hazard) -> bool {
    matches!(
        hazard,
        Hazard::ShortCircuit | Hazard::ArcFault | Hazard::ResidualCurrent | Hazard::OverTemperature
    )
}

pub(super) fn limits_of(channel: &ChannelBinding, hazard: Hazard) -> Option<&Limits> {
    channel.limits.iter().find(|(h, _)| *h == hazard).map(|(_, limits)| limits)
}

fn device_channel(binding: &Binding) -> Option<ChannelId> {
    binding.channels.iter().find(|c| c.channel.point.is_none()).map(|c| c.channel.id)
}

pub(super) fn reported_channel<'b>(binding: &'b Binding, reported: &Reported) -> Option<&'b ChannelBinding> {
    binding.channels.iter().find(|c| c.channel.point == reported.point)
}

/// The channel of a sample; samples and channels mostly stand in the same order.
pub(super) fn channel_of<'b>(
    binding: &'b Binding,
    sample: &Sample,
    cursor: &mut usize,
) -> Option<&'b ChannelBinding> {
    let fits = |c: &&ChannelBinding| c.channel.point == Some(sample.point);
    if let Some(channel) = binding.channels.get(*cursor).filter(fits) {
        *cursor += 1;
        return Some(channel);
    }
    let index = binding.channels.iter().position(|c| c.channel.point == Some(sample.point))?;
    *cursor = index + 1;
    binding.channels.get(index)
}

/// What is known about a value: what the device says, or what the value itself says where the device cannot.
fn quality_of(channel: &ChannelBinding, sample: &Sample) -> Quality {
    match sample.quality {
        Quality::Good if is_open_probe(channel, channel.channel.decimals.value(sample.raw)) => {
            Quality::SensorOpen
        }
        quality => quality,
    }
}

/// A probe whose line is open reads the cold end of its table.
fn is_open_probe(channel: &ChannelBinding, value: f64) -> bool {
    channel.channel.quantity == Quantity::ConductorTemperature && value <= OPEN_PROBE_C
}

/// Whether the binding still judges the condition.
fn is_judged(binding: &Binding, c: &Condition) -> bool {
    let Some(channel) = binding.channels.iter().find(|channel| channel.channel.id == c.channel) else {
        return false;
    };
    match limits_of(channel, c.hazard) {
        // Its hours do not matter here: night or day, it is judged.
        Some(limits) => Bounds::of(binding, channel, c.hazard, limits, UnixMs(0)).is_some(),
        // Faults and hazards that only the device reports have no limits.
        None => (c.hazard.class() == Class::Fault && !c.hazard.is_measured()) || c.reported != Level::Normal,
    }
}

/// When silence becomes a fault; `None` once it is one.
fn silence_deadline(state: &DetectorState, binding: &Binding) -> Option<UnixMs> {
    if is_on_device(state, binding, Hazard::Offline)? {
        return None;
    }
    let since = state.last_heard.map_or(state.watched_since, |heard| heard.max(state.watched_since));
    Some(since.plus_ms(binding.supervision.offline_after_ms))
}

/// When a detector that speaks but sends nothing new (heartbeats, the same upload again and again) is one; `None` once
/// it is, or is offline. Twice as long as silence, so that a detector that falls silent is one fault and not two.
fn staleness_deadline(state: &DetectorState, binding: &Binding) -> Option<UnixMs> {
    if is_on_device(state, binding, Hazard::Offline)? || is_on_device(state, binding, Hazard::Frozen)? {
        return None;
    }
    let since = state.last_fresh.map_or(state.watched_since, |fresh| fresh.max(state.watched_since));
    Some(since.plus_ms(binding.supervision.offline_after_ms.saturating_mul(2)))
}

/// Whether the detector as a whole has this fault; `None` without a channel for the device.
fn is_on_device(state: &DetectorState, binding: &Binding, hazard: Hazard) -> Option<bool> {
    let device = device_channel(binding)?;
    Some(
        state
            .conditions
            .iter()
            .any(|c| c.channel == device && c.hazard == hazard && c.levels[0] != Level::Normal),
    )
}

pub(super) fn next_deadline(state: &DetectorState, binding: &Binding) -> Option<UnixMs> {
    let mut earliest = match (silence_deadline(state, binding), staleness_deadline(state, binding)) {
        (Some(silent), Some(stale)) => Some(silent.min(stale)),
        (one, other) => one.or(other),
    };
    let mut take = |deadline: Option<UnixMs>| {
        earliest = match (earliest, deadline) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
    };
    for c in &state.conditions {
        let delays = delays(binding, c.channel, c.hazard);
        if !c.frozen {
            for level in c.levels {
                take(level.deadline(delays.measured));
            }
        }
        take(c.reported.deadline(delays.reported));
        take(c.belief.deadline(binding.supervision.outvoted_after_ms));
    }
    earliest
}
