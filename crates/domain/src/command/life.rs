//! The life of a command: one table of state x event.
//!
//! ```text
//!  awaiting approval --approved--> queued --sent--> sent --acknowledged--> acknowledged --matches--> verified
//!                                   ^  |             | \-- refused            |  \-- differs, too late: not verified
//!                                   |  | expired     |                        | (over, where nothing is read back)
//!                                   |  | cancelled   |
//!                                   |  | failed      +-- no answer, or the process died:
//!                                   +--------------- |    idempotent: once more
//!                                                    \--> outcome unknown --matches--> verified
//!                                                                         --differs--> not verified
//! ```
//!
//! A command that may have been carried out and does harm when carried out twice is never sent again: it is looked at.

use serde::{Deserialize, Serialize};

use crate::time::UnixMs;

/// How often an idempotent command is sent at most.
pub const MOST_ATTEMPTS: u8 = 3;

/// Where a command stands in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Waits for the second person.
    AwaitingApproval,
    /// Waits for the line.
    Queued,
    /// Handed to the line; the answer is out.
    Sent,
    /// The device took it. It is over where nothing is read back.
    Acknowledged {
        /// Until when what it does must have been seen, server's clock; `None` when nothing is read back.
        verify_by: Option<UnixMs>,
    },
    /// Nobody knows whether it was carried out. It is over where that cannot be read back, or could not in time.
    OutcomeUnknown {
        /// Until when it is tried to read it back, server's clock.
        verify_by: Option<UnixMs>,
    },
    /// Read back: it is done.
    Verified,
    /// Read back, or tried to: it is not done, or could not be seen to be.
    NotVerified,
    /// The device, or a rule of the platform, said no.
    Refused,
    /// It could not be sent at all.
    Failed,
    /// The device did not come in time.
    Expired,
    /// A person took it back in time.
    Cancelled,
}

impl State {
    /// The stable names, in the order of life.
    pub const CODES: [&'static str; 11] = [
        "awaiting_approval",
        "queued",
        "sent",
        "acknowledged",
        "outcome_unknown",
        "verified",
        "not_verified",
        "refused",
        "failed",
        "expired",
        "cancelled",
    ];

    /// The stable name used in the API and the database.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::AwaitingApproval => "awaiting_approval",
            Self::Queued => "queued",
            Self::Sent => "sent",
            Self::Acknowledged { .. } => "acknowledged",
            Self::OutcomeUnknown { .. } => "outcome_unknown",
            Self::Verified => "verified",
            Self::NotVerified => "not_verified",
            Self::Refused => "refused",
            Self::Failed => "failed",
            Self::Expired => "expired",
            Self::Cancelled => "cancelled",
        }
    }

    /// The state with this [`code`](Self::code) and moment.
    #[must_use]
    pub fn from_parts(code: &str, verify_by: Option<UnixMs>) -> Option<Self> {
        Some(match code {
            "awaiting_approval" => Self::AwaitingApproval,
            "queued" => Self::Queued,
            "sent" => Self::Sent,
            "acknowledged" => Self::Acknowledged { verify_by },
            "outcome_unknown" => Self::OutcomeUnknown { verify_by },
            "verified" => Self::Verified,
            "not_verified" => Self::NotVerified,
            "refused" => Self::Refused,
            "failed" => Self::Failed,
            "expired" => Self::Expired,
            "cancelled" => Self::Cancelled,
            _ => return None,
        })
    }

    /// Until when it is to be read back, if it is.
    #[must_use]
    pub const fn verify_by(self) -> Option<UnixMs> {
        match self {
            Self::Acknowledged { verify_by } | Self::OutcomeUnknown { verify_by } => verify_by,
            Self::AwaitingApproval
            | Self::Queued
            | Self::Sent
            | Self::Verified
            | Self::NotVerified
            | Self::Refused
            | Self::Failed
            | Self::Expired
            | Self::Cancelled => None,
        }
    }

    /// Whether more can come.
    #[must_use]
    pub const fn is_open(self) -> bool {
        match self {
            Self::AwaitingApproval | Self::Queued | Self::Sent => true,
            Self::Acknowledged { verify_by } | Self::OutcomeUnknown { verify_by } => verify_by.is_some(),
            Self::Verified
            | Self::NotVerified
            | Self::Refused
            | Self::Failed
            | Self::Expired
            | Self::Cancelled => false,
        }
    }
}

/// Why a command went the way it went, as a stable word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The device answered with an exception of its protocol.
    DeviceException,
    /// The device refused in words.
    DeviceRefused,
    /// The line's protocol has no such command.
    Unsupported,
    /// No answer in time.
    NoAnswer,
    /// The line broke before the answer.
    LineLost,
    /// The line was not open after all.
    NotConnected,
    /// The line was busy with something else.
    Busy,
    /// The circuit is one that is never switched from afar.
    Interlocked,
    /// The switch is not where it was told to go.
    SwitchDidNotMove,
    /// The device holds another value than it was told.
    ValueDiffers,
    /// What it does could not be read back in time.
    NotReadable,
    /// The device did not come in time.
    Expired,
    /// A person took it back.
    CancelledByPerson,
    /// A person stopped the batch that it belongs to.
    BatchStopped,
    /// The process ended while the answer was out.
    UnknownAfterRestart,
    /// The detector is gone, or its model no longer fits.
    DetectorGone,
    /// The model has no such command, or the value does not fit it.
    NoSuchCommand,
}

impl Outcome {
    /// Every outcome.
    pub const ALL: [Self; 17] = [
        Self::DeviceException,
        Self::DeviceRefused,
        Self::Unsupported,
        Self::NoAnswer,
        Self::LineLost,
        Self::NotConnected,
        Self::Busy,
        Self::Interlocked,
        Self::SwitchDidNotMove,
        Self::ValueDiffers,
        Self::NotReadable,
        Self::Expired,
        Self::CancelledByPerson,
        Self::BatchStopped,
        Self::UnknownAfterRestart,
        Self::DetectorGone,
        Self::NoSuchCommand,
    ];

    /// The stable name used in the API and the database.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::DeviceException => "device_exception",
            Self::DeviceRefused => "device_refused",
            Self::Unsupported => "unsupported",
            Self::NoAnswer => "no_answer",
            Self::LineLost => "line_lost",
            Self::NotConnected => "not_connected",
            Self::Busy => "busy",
            Self::Interlocked => "interlocked",
            Self::SwitchDidNotMove => "switch_did_not_move",
            Self::ValueDiffers => "value_differs",
            Self::NotReadable => "not_readable",
            Self::Expired => "expired",
            Self::CancelledByPerson => "cancelled",
            Self::BatchStopped => "batch_stopped",
            Self::UnknownAfterRestart => "unknown_after_restart",
            Self::DetectorGone => "detector_gone",
            Self::NoSuchCommand => "no_such_command",
        }
    }

    /// The outcome with this [`code`](Self::code).
    #[must_use]
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|outcome| outcome.code() == code)
    }
}

/// Where a command stands, and how often it was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Life {
    /// Where it stands.
    pub state: State,
    /// How often it was handed to the line and may have got out.
    pub attempts: u8,
}

/// What was agreed when the command was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Terms {
    /// Whether carrying it out twice is the same as once.
    pub idempotent: bool,
    /// It is not sent from here on, server's clock.
    pub expires_at: UnixMs,
    /// How long after its acknowledgement it must be seen to be done, ms; `None` when nothing is read back.
    pub verify_within_ms: Option<i64>,
}

/// What can happen to a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// A second person agrees.
    Approved,
    /// A person takes it back.
    Cancelled(Outcome),
    /// It is handed to the line.
    Sent,
    /// The line did not take it: nothing went out.
    NotTaken(Outcome),
    /// The device took it.
    Acknowledged,
    /// The device, or a rule of the platform, says no.
    Refused(Outcome),
    /// It cannot be sent at all.
    Failed(Outcome),
    /// It may have gone out, and no answer came.
    Unanswered(Outcome),
    /// The process began anew.
    Restarted,
    /// It was read back and is done.
    Matches,
    /// It was read back for long enough and is not done.
    Differs(Outcome),
    /// Time has passed.
    TimePassed,
}

/// A step of a command's life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// After it.
    pub life: Life,
    /// Why, where there is something to say.
    pub outcome: Option<Outcome>,
}

/// The command's state does not allow what was wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the command is {state}, which does not allow it")]
pub struct NotNow {
    /// The state's code.
    pub state: &'static str,
}

/// What `event` does to a command at `now` (server's clock). `Ok(None)`: nothing.
///
/// # Errors
/// [`NotNow`] when the state does not allow it.
pub fn apply(life: Life, terms: &Terms, event: Event, now: UnixMs) -> Result<Option<Step>, NotNow> {
    let to = |state, outcome| Ok(Some(Step { life: Life { state, ..life }, outcome }));
    let not_now = Err(NotNow { state: life.state.code() });
    let is_late = now >= terms.expires_at;
    let unknown = |outcome| {
        // A device that sleeps is looked at when it wakes, as long as the command would have waited for it.
        let verify_by = terms.verify_within_ms.map(|ms| now.plus_ms(ms).max(terms.expires_at));
        to(State::OutcomeUnknown { verify_by }, Some(outcome))
    };
    let once_more = |outcome| {
        if terms.idempotent && life.attempts < MOST_ATTEMPTS && !is_late {
            to(State::Queued, Some(outcome))
        } else {
            unknown(outcome)
        }
    };
    match (life.state, event) {
        (State::AwaitingApproval, Event::Approved) if is_late => to(State::Expired, Some(Outcome::Expired)),
        (State::AwaitingApproval, Event::Approved) => to(State::Queued, None),
        (State::AwaitingApproval | State::Queued, Event::Cancelled(why)) => to(State::Cancelled, Some(why)),
        (State::AwaitingApproval | State::Queued, Event::Refused(why)) => to(State::Refused, Some(why)),
        (State::AwaitingApproval | State::Queued, Event::Failed(why)) => to(State::Failed, Some(why)),
        (State::AwaitingApproval | State::Queued, Event::TimePassed) if is_late => {
            to(State::Expired, Some(Outcome::Expired))
        }
        (State::Queued, Event::Sent) if !is_late => {
            let attempts = life.attempts.saturating_add(1);
            Ok(Some(Step { life: Life { state: State::Sent, attempts }, outcome: None }))
        }
        (State::Sent, Event::NotTaken(why)) => {
            let attempts = life.attempts.saturating_sub(1);
            Ok(Some(Step { life: Life { state: State::Queued, attempts }, outcome: Some(why) }))
        }
        (State::Sent, Event::Acknowledged) => {
            let verify_by = terms.verify_within_ms.map(|ms| now.plus_ms(ms));
            to(State::Acknowledged { verify_by }, None)
        }
        (State::Sent, Event::Refused(why)) => to(State::Refused, Some(why)),
        (State::Sent, Event::Failed(why)) => to(State::Failed, Some(why)),
        (State::Sent, Event::Unanswered(why)) => once_more(why),
        (State::Sent, Event::Restarted) => once_more(Outcome::UnknownAfterRestart),
        (
            State::Acknowledged { verify_by: Some(_) } | State::OutcomeUnknown { verify_by: Some(_) },
            Event::Matches,
        ) => to(State::Verified, None),
        (
            State::Acknowledged { verify_by: Some(_) } | State::OutcomeUnknown { verify_by: Some(_) },
            Event::Differs(why),
        ) => to(State::NotVerified, Some(why)),
        (State::Acknowledged { verify_by: Some(by) }, Event::TimePassed) if now >= by => {
            to(State::NotVerified, Some(Outcome::NotReadable))
        }
        (State::OutcomeUnknown { verify_by: Some(by) }, Event::TimePassed) if now >= by => {
            to(State::OutcomeUnknown { verify_by: None }, Some(Outcome::NotReadable))
        }
        // The time while the server was away does not count.
        (State::Acknowledged { verify_by: Some(by) }, Event::Restarted) => {
            let by = terms.verify_within_ms.map_or(by, |ms| now.plus_ms(ms).max(by));
            to(State::Acknowledged { verify_by: Some(by) }, None)
        }
        (state, Event::TimePassed | Event::Restarted) if state.is_open() => Ok(None),
        (
            State::AwaitingApproval
            | State::Queued
            | State::Sent
            | State::Acknowledged { .. }
            | State::OutcomeUnknown { .. }
            | State::Verified
            | State::NotVerified
            | State::Refused
            | State::Failed
            | State::Expired
            | State::Cancelled,
            _,
        ) => not_now,
    }
}
