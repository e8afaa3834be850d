//! What follows a failed attempt, and when a medium counts as down.

use serde::{Deserialize, Serialize};

use crate::hazard::Severity;
use crate::time::UnixMs;

/// Pauses between attempts, ms; the last holds from then on.
const PAUSES_MS: [i64; 6] = [5_000, 15_000, 60_000, 120_000, 300_000, 600_000];
/// Attempts by one medium while another is left: an alarm goes by the other at once, because a provider that hangs has
/// cost ten seconds already.
const fn attempts_with_another(worst: Severity) -> u32 {
    match worst {
        Severity::Alarm => 1,
        Severity::Warning | Severity::Fault => 2,
    }
}

/// Attempts by the last medium.
const ATTEMPTS_BY_THE_LAST: u32 = 10;
/// The longest pause that a provider may ask for, ms.
const LONGEST_PAUSE_MS: i64 = 900_000;
/// Failures in a row after which a medium is down.
const DOWN_AFTER: u32 = 5;

/// What to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// The same again then.
    Again(UnixMs),
    /// Never again by this medium.
    GiveUp,
}

/// What follows attempt number `attempts` (from 1) when trying again could help. `asked_ms` is the pause that the
/// provider asked for; `another` says whether another medium is left, `worst` what the message tells.
#[must_use]
pub fn after_failure(
    attempts: u32,
    asked_ms: Option<i64>,
    another: bool,
    worst: Severity,
    now: UnixMs,
) -> Retry {
    let most = if another { attempts_with_another(worst) } else { ATTEMPTS_BY_THE_LAST };
    if attempts >= most {
        return Retry::GiveUp;
    }
    let index = usize::try_from(attempts.saturating_sub(1)).unwrap_or(usize::MAX);
    let pause = PAUSES_MS.get(index).or(PAUSES_MS.last()).copied().unwrap_or(LONGEST_PAUSE_MS);
    let asked = asked_ms.unwrap_or(0).clamp(0, LONGEST_PAUSE_MS);
    Retry::Again(now.plus_ms(pause.max(asked)))
}

/// Whether a medium works, from what became of its attempts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Health {
    /// Failures since the last success.
    pub failures: u32,
    /// Since when it is down, server's clock.
    pub down_since: Option<UnixMs>,
}

impl Health {
    /// After one attempt. What a provider says of one address says nothing about the medium: do not count it.
    #[must_use]
    pub fn after(self, worked: bool, now: UnixMs) -> Self {
        if worked {
            return Self::default();
        }
        let failures = self.failures.saturating_add(1);
        let down_since = self.down_since.or((failures >= DOWN_AFTER).then_some(now));
        Self { failures, down_since }
    }

    /// Whether it is down.
    #[must_use]
    pub const fn is_down(self) -> bool {
        self.down_since.is_some()
    }
}
