//! One level of one hazard: a comparator with deadband, then a delay each way.
//!
//! Two clocks meet here. Values carry measurement time, which may run behind the server's clock or ahead of it; silence has
//! only the server's clock. So each onset remembers both, and a delay is over when either says so: a later value
//! that still holds is that far from the onset in measurement time, or the server has waited that long since it learned of it.

use serde::{Deserialize, Serialize};

use crate::time::UnixMs;

/// When something began.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Onset {
    /// Measurement time, as filed.
    pub(super) filed: UnixMs,
    /// Server's clock when it became known.
    pub(super) known: UnixMs,
}

/// On which side of a limit a value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    /// At the limit or beyond.
    Beyond,
    /// Within the limit, but not by the deadband.
    Band,
    /// Within the limit by more than the deadband.
    Inside,
}

impl Side {
    /// The side of `value`; `None` as limit has no beyond.
    pub(super) fn of(value: f64, limit: Option<f64>, deadband: f64, low: bool) -> Self {
        let Some(limit) = limit else { return Self::Inside };
        let beyond_by = if low { limit - value } else { value - limit };
        if beyond_by >= 0.0 {
            Self::Beyond
        } else if beyond_by > -deadband {
            Self::Band
        } else {
            Self::Inside
        }
    }
}

/// How long a side must last to count.
#[derive(Debug, Clone, Copy)]
pub(super) struct Delays {
    pub(super) on_ms: i64,
    pub(super) off_ms: i64,
}

/// Where the level stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Level {
    /// Not there.
    #[default]
    Normal,
    /// Beyond the limit, the on-delay runs.
    Rising(Onset),
    /// There.
    Held,
    /// There, but the value is back; the off-delay runs.
    Falling(Onset),
}

impl Level {
    /// Whether it counts as there.
    pub(super) const fn is_held(self) -> bool {
        matches!(self, Self::Held | Self::Falling(_))
    }

    /// Whether the value was beyond and has not come back by the deadband.
    pub(super) const fn is_beyond(self) -> bool {
        matches!(self, Self::Rising(_) | Self::Held)
    }

    /// When the running delay ends on the server's clock.
    pub(super) const fn deadline(self, delays: Delays) -> Option<UnixMs> {
        match self {
            Self::Rising(onset) => Some(onset.known.plus_ms(delays.on_ms)),
            Self::Falling(onset) => Some(onset.known.plus_ms(delays.off_ms)),
            Self::Normal | Self::Held => None,
        }
    }

    /// The level after a value on `side` at `at`. The time is that of the end of a delay which the value completed.
    pub(super) fn on_value(self, side: Side, at: Onset, delays: Delays) -> (Self, Option<UnixMs>) {
        let over = |onset: Onset, delay_ms: i64| at.filed.since_ms(onset.filed) >= delay_ms;
        match (self, side) {
            (Self::Normal, Side::Beyond) => (Self::Rising(at), None),
            (Self::Rising(_), Side::Inside) => (Self::Normal, None),
            (Self::Rising(onset), Side::Beyond | Side::Band) if over(onset, delays.on_ms) => {
                (Self::Held, Some(onset.filed.plus_ms(delays.on_ms)))
            }
            (Self::Held, Side::Inside) => (Self::Falling(at), None),
            (Self::Falling(_), Side::Beyond) => (Self::Held, None),
            (Self::Falling(onset), Side::Inside | Side::Band) if over(onset, delays.off_ms) => {
                (Self::Normal, Some(onset.filed.plus_ms(delays.off_ms)))
            }
            (Self::Normal, Side::Band | Side::Inside)
            | (Self::Rising(_), Side::Beyond | Side::Band)
            | (Self::Held, Side::Beyond | Side::Band)
            | (Self::Falling(_), Side::Inside | Side::Band) => (self, None),
        }
    }

    /// The level after the server's clock reached `now`, with the measurement time of the delay's end.
    pub(super) fn on_time(self, now: UnixMs, delays: Delays) -> Option<(Self, UnixMs)> {
        if self.deadline(delays).is_none_or(|deadline| deadline > now) {
            return None;
        }
        match self {
            Self::Rising(onset) => Some((Self::Held, onset.filed.plus_ms(delays.on_ms))),
            Self::Falling(onset) => Some((Self::Normal, onset.filed.plus_ms(delays.off_ms))),
            Self::Normal | Self::Held => None,
        }
    }
}
