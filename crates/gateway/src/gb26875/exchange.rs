//! What the centre begins: one exchange at a time, sent again when no answer comes or when it is denied.

use bus::LineError;

/// How long to wait and how often to send again. The standard: 10 s at most, 3 times, both settable.
#[derive(Debug, Clone, Copy)]
pub(super) struct Patience {
    pub(super) answer_within_ms: u64,
    pub(super) retries: u8,
}

/// Why an exchange was begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// The device's clock differs.
    OwnClock,
    /// The device has been silent.
    OwnPoll,
    /// Somebody wants it done; a confirmation settles it.
    Do,
    /// Somebody asks; an answer of this type settles it.
    Query(u8),
    /// Somebody on site has to answer within so many minutes.
    PostCheck(u8),
}

impl Purpose {
    /// Whether somebody waits for it.
    pub(super) const fn is_commanded(self) -> bool {
        match self {
            Self::OwnClock | Self::OwnPoll => false,
            Self::Do | Self::Query(_) | Self::PostCheck(_) => true,
        }
    }
}

/// The exchange on the line.
#[derive(Debug, Default)]
pub(super) enum Exchange {
    /// None.
    #[default]
    Free,
    /// Sent, not answered.
    Waiting { serial: u16, purpose: Purpose, bytes: Vec<u8>, due_ms: u64, left: u8 },
    /// The device confirmed a post check; the person on duty has not answered.
    Duty { until_ms: u64 },
}

/// What time or a denial does to the exchange.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Pressed {
    /// Nothing yet.
    Nothing,
    /// Send these bytes again.
    Again(Vec<u8>),
    /// It has failed; somebody waits for it if so said.
    Failed(Purpose),
    /// Nobody answered the post check.
    NobodyOnDuty,
}

impl Exchange {
    pub(super) fn begin(
        serial: u16,
        purpose: Purpose,
        bytes: Vec<u8>,
        patience: Patience,
        now_ms: u64,
    ) -> Self {
        let due_ms = now_ms.saturating_add(patience.answer_within_ms);
        Self::Waiting { serial, purpose, bytes, due_ms, left: patience.retries }
    }

    /// When [`on_time`](Self::on_time) has something to do, ms.
    pub(super) const fn deadline(&self) -> Option<u64> {
        match self {
            Self::Free => None,
            Self::Waiting { due_ms, .. } => Some(*due_ms),
            Self::Duty { until_ms } => Some(*until_ms),
        }
    }

    /// Whether somebody waits for it.
    pub(super) const fn is_commanded(&self) -> bool {
        match self {
            Self::Free => false,
            Self::Waiting { purpose, .. } => purpose.is_commanded(),
            Self::Duty { .. } => true,
        }
    }

    /// The purpose of the exchange with this number.
    pub(super) fn of(&self, wanted: u16) -> Option<Purpose> {
        match self {
            Self::Waiting { serial, purpose, .. } if *serial == wanted => Some(*purpose),
            Self::Waiting { .. } | Self::Free | Self::Duty { .. } => None,
        }
    }

    pub(super) fn on_time(&mut self, patience: Patience, now_ms: u64) -> Pressed {
        match self {
            Self::Waiting { due_ms, .. } if *due_ms <= now_ms => self.again(patience, now_ms),
            Self::Duty { until_ms } if *until_ms <= now_ms => {
                *self = Self::Free;
                Pressed::NobodyOnDuty
            }
            Self::Free | Self::Waiting { .. } | Self::Duty { .. } => Pressed::Nothing,
        }
    }

    /// Sends again while there are tries left; a denial is a reason as good as silence.
    pub(super) fn again(&mut self, patience: Patience, now_ms: u64) -> Pressed {
        match self {
            Self::Waiting { due_ms, left, bytes, purpose, .. } => {
                if let Some(fewer) = left.checked_sub(1) {
                    *left = fewer;
                    *due_ms = now_ms.saturating_add(patience.answer_within_ms);
                    return Pressed::Again(bytes.clone());
                }
                let purpose = *purpose;
                *self = Self::Free;
                Pressed::Failed(purpose)
            }
            Self::Free | Self::Duty { .. } => Pressed::Nothing,
        }
    }

    /// Gives it up; the error for whoever waits.
    pub(super) fn abandon(&mut self) -> Option<LineError> {
        let is_commanded = self.is_commanded();
        *self = Self::Free;
        is_commanded.then_some(LineError::NotConnected)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_sent_again_three_times_and_then_given_up() {
        let patience = Patience { answer_within_ms: 10_000, retries: 3 };
        let mut exchange = Exchange::begin(5, Purpose::Do, vec![1], patience, 0);
        assert_eq!(exchange.on_time(patience, 9_999), Pressed::Nothing);
        for at in [10_000, 20_000, 30_000] {
            assert_eq!(exchange.deadline(), Some(at));
            assert_eq!(exchange.on_time(patience, at), Pressed::Again(vec![1]));
        }
        assert_eq!(exchange.of(5), Some(Purpose::Do));
        assert_eq!(exchange.of(6), None);
        assert_eq!(exchange.on_time(patience, 40_000), Pressed::Failed(Purpose::Do));
        assert_eq!(exchange.deadline(), None);
    }
}
