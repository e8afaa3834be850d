//! One message per person and site, however many alarms: what is decided within a short time is told together, and
//! what comes after a message waits for a while before it is told in the next.

use super::hours::Hours;
use crate::hazard::Severity;
use crate::time::UnixMs;

/// How long is gathered and rested.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gathering {
    /// From the first alarm to its message, ms: what comes meanwhile is in it.
    pub gather_ms: i64,
    /// From a message to the next about the same site to the same person when an alarm is in it, ms.
    pub alarm_rest_ms: i64,
    /// The same for warnings and faults, ms.
    pub rest_ms: i64,
}

impl Default for Gathering {
    fn default() -> Self {
        Self { gather_ms: 10_000, alarm_rest_ms: 60_000, rest_ms: 600_000 }
    }
}

/// The newest message to one person about one site.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Digest {
    /// Still gathers.
    Open {
        /// When it goes out.
        due: UnixMs,
    },
    /// Has gone out.
    Closed {
        /// When.
        at: UnixMs,
        /// The worst that it told of.
        worst: Severity,
    },
}

/// When a message that tells `severity` goes out to somebody with these quiet hours. For an open digest: when it goes
/// out with this in it too, never later than before.
///
/// [`Severity::Alarm`] is never held by quiet hours, and never by a message that told of less.
#[must_use]
pub fn due_at(
    rules: &Gathering,
    last: Option<Digest>,
    severity: Severity,
    quiet: Option<&Hours>,
    now: UnixMs,
) -> UnixMs {
    let gathered = now.plus_ms(rules.gather_ms);
    let rested = match last {
        Some(Digest::Closed { at, worst }) if worst >= severity => {
            let rest_ms = if severity == Severity::Alarm { rules.alarm_rest_ms } else { rules.rest_ms };
            gathered.max(at.plus_ms(rest_ms))
        }
        Some(Digest::Closed { .. } | Digest::Open { .. }) | None => gathered,
    };
    let awake = match (severity, quiet) {
        (Severity::Alarm, _) | (_, None) => rested,
        (Severity::Warning | Severity::Fault, Some(hours)) => hours.over_at(rested).unwrap_or(rested),
    };
    match last {
        Some(Digest::Open { due }) => awake.min(due),
        Some(Digest::Closed { .. }) | None => awake,
    }
}
