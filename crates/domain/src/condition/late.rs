//! Late data (invariant 4): hazards in it are found and told, nothing else changes.

use super::derived::{Derived, Known};
use super::judge::{Bounds, Judge, channel_of, limits_of, reported_channel};
use super::level::Side;
use super::{ChangeKind, ConditionChange, LATE_EPISODE_GAP_MS, LateEpisode};
use crate::binding::{Binding, ChannelBinding};
use crate::hazard::{Class, Hazard, Severity};
use crate::id::ChannelId;
use crate::place::ChannelEntry;
use crate::quantity::{Phase, Quantity};
use crate::reading::{Quality, Reading};
use crate::time::UnixMs;

impl Judge<'_> {
    /// Judges a reading that is older than what is known: hazards in it are found, nothing else changes.
    pub(super) fn late(&mut self, reading: &Reading, filed_at: UnixMs) {
        let mut cursor = 0;
        for sample in reading.samples.iter().filter(|sample| sample.quality == Quality::Good) {
            let Some(channel) = channel_of(self.binding, sample, &mut cursor) else { continue };
            let value = channel.channel.decimals.value(sample.raw);
            let mut lost = false;
            for phase_loss in [true, false] {
                for (hazard, limits) in
                    channel.limits.iter().filter(|(hazard, _)| (*hazard == Hazard::PhaseLoss) == phase_loss)
                {
                    // A sensor's fault is about now; what it was then changes nothing.
                    if hazard.class() == Class::Fault {
                        continue;
                    }
                    let Some(bounds) = Bounds::of(self.binding, channel, *hazard, limits, filed_at) else {
                        continue;
                    };
                    let in_force = channel.limits_at(*hazard, limits, filed_at, self.binding.utc_offset_min);
                    let known = Known {
                        binding: self.binding,
                        value_of: &|entry| value_in(reading, entry),
                        track: None,
                        at: filed_at,
                    };
                    let value = match known.derive(channel, *hazard, &in_force, value) {
                        Derived::Value(value) => value,
                        Derived::Clear | Derived::Unknown => continue,
                    };
                    let judged = if *hazard == Hazard::PhaseLoss {
                        another_phase_in(self.binding, reading, channel, &bounds)
                    } else {
                        *hazard != Hazard::UnderVoltage || !lost
                    };
                    let severity = match bounds.sides(value, hazard.is_low()) {
                        [_, Side::Beyond] if judged => Some(Severity::Alarm),
                        [Side::Beyond, _] if judged => Some(Severity::Warning),
                        [Side::Beyond | Side::Band | Side::Inside, _] => None,
                    };
                    lost |= *hazard == Hazard::PhaseLoss && severity.is_some();
                    let limit = severity.and_then(|severity| bounds.limit(severity));
                    let found = Found { value: Some(value), limit, reported_by_device: false };
                    self.found_late(channel.channel.id, *hazard, severity, filed_at, found);
                }
            }
        }
        for reported in reading.reported.iter().filter(|r| r.hazard.class() == Class::Hazard) {
            let Some(channel) = reported_channel(self.binding, reported) else { continue };
            if reported.severity.is_some()
                && limits_of(channel, reported.hazard).is_none_or(|limits| limits.enabled)
            {
                let found = Found { value: None, limit: None, reported_by_device: true };
                self.found_late(channel.channel.id, reported.hazard, reported.severity, filed_at, found);
            }
        }
    }

    fn found_late(
        &mut self,
        channel: ChannelId,
        hazard: Hazard,
        severity: Option<Severity>,
        filed_at: UnixMs,
        found: Found,
    ) {
        let Some(severity) = severity else {
            if let Some(index) = self.find(channel, hazard) {
                self.update(index, |c| {
                    if c.late.is_some_and(|episode| episode.is_near(filed_at)) {
                        c.late = None;
                    }
                });
            }
            return;
        };
        if let Some(index) = self.find(channel, hazard)
            && let Some(c) = self.state.conditions.get(index)
        {
            // What is open now began before: this belongs to it.
            if c.told.is_some_and(|told| told.since <= filed_at) {
                return;
            }
            if let Some(episode) = c.late
                && episode.severity >= severity
                && episode.is_near(filed_at)
            {
                let wider = LateEpisode {
                    severity: episode.severity,
                    oldest: episode.oldest.min(filed_at),
                    newest: episode.newest.max(filed_at),
                };
                self.update(index, |c| c.late = Some(wider));
                return;
            }
        }
        let index = self.entry(channel, hazard);
        self.update(index, |c| {
            c.late = Some(LateEpisode { severity, oldest: filed_at, newest: filed_at });
        });
        self.changes.push(ConditionChange {
            channel,
            hazard,
            kind: ChangeKind::FoundLate(severity),
            at: filed_at,
            value: found.value,
            limit: found.limit,
            latching: false,
            reported_by_device: found.reported_by_device,
        });
    }
}

/// What late data show.
struct Found {
    value: Option<f64>,
    limit: Option<f64>,
    reported_by_device: bool,
}

impl LateEpisode {
    const fn is_near(&self, at: UnixMs) -> bool {
        at.0 >= self.oldest.0.saturating_sub(LATE_EPISODE_GAP_MS)
            && at.0 <= self.newest.0.saturating_add(LATE_EPISODE_GAP_MS)
    }
}

/// The value of another channel in the same (late) reading.
fn value_in(reading: &Reading, entry: &ChannelEntry) -> Option<f64> {
    let sample = reading.samples.iter().find(|sample| Some(sample.point) == entry.point)?;
    (sample.quality == Quality::Good).then(|| entry.decimals.value(sample.raw))
}

/// Whether another phase has its voltage in the same (late) reading.
fn another_phase_in(binding: &Binding, reading: &Reading, channel: &ChannelBinding, bounds: &Bounds) -> bool {
    let Some(limit) = bounds.alarm.or(bounds.warning) else { return false };
    let is_line = |phase: Option<Phase>| matches!(phase, Some(Phase::A | Phase::B | Phase::C));
    is_line(channel.channel.phase)
        && binding.channels.iter().any(|other| {
            let entry = &other.channel;
            entry.quantity == Quantity::Voltage
                && entry.id != channel.channel.id
                && is_line(entry.phase)
                && reading.samples.iter().any(|sample| {
                    Some(sample.point) == entry.point
                        && sample.quality == Quality::Good
                        && entry.decimals.value(sample.raw) > limit + bounds.deadband
                })
        })
}
