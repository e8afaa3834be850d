//! Limits tried against the past: the same pure judgement that raises alarms, run over stored readings once with today's
//! limits and once with the candidate's (invariant 2).

use crate::binding::Binding;
use crate::condition::{ChangeKind, ConditionChange, DetectorState};
use crate::hazard::{Hazard, Severity};
use crate::id::ChannelId;
use crate::reading::Reading;
use crate::settings::{LimitPatch, Limits, night};
use crate::time::UnixMs;

/// One time that a hazard was there.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Occurrence {
    /// On which channel.
    pub channel: ChannelId,
    /// The worst it was.
    pub severity: Severity,
    /// Measurement time of its beginning.
    pub raised_at: UnixMs,
    /// Measurement time of its end; `None` while it is there.
    pub returned_at: Option<UnixMs>,
    /// The worst value, in the quantity's unit.
    pub worst: Option<f64>,
}

impl Occurrence {
    /// How long it was there, ms; up to `until` where it still is.
    #[must_use]
    pub fn lasted_ms(&self, until: UnixMs) -> i64 {
        self.returned_at.unwrap_or(until).since_ms(self.raised_at).max(0)
    }
}

/// A judgement of `hazard` over the past, reading by reading.
#[derive(Debug)]
pub struct Replay<'b> {
    binding: &'b Binding,
    hazard: Hazard,
    state: DetectorState,
    open: Vec<Occurrence>,
    done: Vec<Occurrence>,
}

impl<'b> Replay<'b> {
    /// A replay that begins at `from`, knowing nothing of what was before.
    #[must_use]
    pub const fn new(binding: &'b Binding, hazard: Hazard, from: UnixMs) -> Self {
        Self { binding, hazard, state: DetectorState::new(from), open: Vec::new(), done: Vec::new() }
    }

    /// The next reading, in the order in which they were received. What the device itself reports is left out: it has
    /// limits of its own.
    pub fn take(&mut self, reading: &Reading) {
        let judged = self.state.on_reading(self.binding, reading);
        self.follow(&judged.changes);
    }

    /// The end of the past.
    #[must_use]
    pub fn finish(mut self, until: UnixMs) -> Vec<Occurrence> {
        let changed = self.state.on_time(self.binding, until);
        self.follow(&changed.changes);
        let Self { open, mut done, .. } = self;
        done.extend(open);
        done.sort_by_key(|one| (one.raised_at, one.channel));
        done
    }

    fn follow(&mut self, changes: &[ConditionChange]) {
        for change in changes.iter().filter(|change| change.hazard == self.hazard) {
            let place = self.open.iter().position(|open| open.channel == change.channel);
            match (change.kind, place) {
                (ChangeKind::Raised(severity) | ChangeKind::SeverityChanged(severity), None) => {
                    self.open.push(Occurrence {
                        channel: change.channel,
                        severity,
                        raised_at: change.at,
                        returned_at: None,
                        worst: change.value,
                    });
                }
                (ChangeKind::Raised(severity) | ChangeKind::SeverityChanged(severity), Some(index)) => {
                    if let Some(open) = self.open.get_mut(index) {
                        open.severity = open.severity.max(severity);
                        open.worst = self::worse(self.hazard, open.worst, change.value);
                    }
                }
                (ChangeKind::Worst, Some(index)) => {
                    if let Some(open) = self.open.get_mut(index) {
                        open.worst = self::worse(self.hazard, open.worst, change.value);
                    }
                }
                (ChangeKind::Returned | ChangeKind::Outvoted, Some(index)) => {
                    let over = self.open.swap_remove(index);
                    self.done.push(Occurrence { returned_at: Some(change.at), ..over });
                }
                (ChangeKind::FoundLate(severity), _) => self.done.push(Occurrence {
                    channel: change.channel,
                    severity,
                    raised_at: change.at,
                    returned_at: Some(change.at),
                    worst: change.value,
                }),
                (ChangeKind::Worst | ChangeKind::Returned | ChangeKind::Outvoted, None) => {}
            }
        }
    }
}

fn worse(hazard: Hazard, a: Option<f64>, b: Option<f64>) -> Option<f64> {
    match (a, b) {
        (Some(a), Some(b)) => Some(if hazard.is_low() { a.min(b) } else { a.max(b) }),
        (a, b) => a.or(b),
    }
}

/// `binding` with `own` over the limits of `hazard`: on `channel`, or on every channel where that is `None`.
#[must_use]
pub fn with_limits(
    binding: &Binding,
    channel: Option<ChannelId>,
    hazard: Hazard,
    own: &LimitPatch,
) -> Binding {
    let mut candidate = binding.clone();
    for one in &mut candidate.channels {
        if channel.is_none_or(|wanted| wanted == one.channel.id) {
            for (_, limits) in one.limits.iter_mut().filter(|(about, _)| *about == hazard) {
                *limits = patched(*limits, own);
                if let Some(night) = night([own].into_iter()) {
                    one.nights.retain(|(about, _)| *about != hazard);
                    one.nights.push((hazard, night));
                }
            }
        }
    }
    candidate
}

/// `limits` with what `own` says.
#[must_use]
pub fn patched(limits: Limits, own: &LimitPatch) -> Limits {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "beyond i64 it saturates; delays are checked elsewhere"
    )]
    let ms =
        |seconds: Option<f64>, otherwise: i64| seconds.map_or(otherwise, |s| (s * 1000.0).round() as i64);
    let alarm = own.alarm.or(limits.alarm);
    let share = own.warning_percent.and_then(|percent| Some(alarm? * percent / 100.0));
    Limits {
        enabled: own.enabled.unwrap_or(limits.enabled),
        warning: own.warning.or(share).or(limits.warning),
        alarm,
        on_delay_ms: ms(own.on_delay_s, limits.on_delay_ms),
        off_delay_ms: ms(own.off_delay_s, limits.off_delay_ms),
        deadband: own.deadband.unwrap_or(limits.deadband),
        latching: own.latching.unwrap_or(limits.latching),
        minimum: own.minimum.unwrap_or(limits.minimum),
        cap: own.cap.unwrap_or(limits.cap),
    }
}
