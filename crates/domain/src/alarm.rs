//! The life of an alarm after ISA-18.2 / IEC 62682: one table of state x event.
//!
//! ```text
//!               acknowledge            returned              reset
//!  B unack ------------------> C ack -----------> closed   (not latching)
//!    |                          \---------------> F latched ack -------> closed
//!    |-- returned, latching ----> E latched unack -- acknowledge --> F
//!    \-- returned --------------> D returned unack -- acknowledge -> closed
//!  the hazard comes again or gets worse: D, E, F and C go back to B
//! ```

use serde::{Deserialize, Serialize};

use crate::hazard::{Hazard, Severity};
use crate::id::{AlarmId, ChannelId, DetectorId, TokenId, UserId};
use crate::time::UnixMs;

/// How long a person may take an acknowledgement back, ms.
pub const UNDO_WITHIN_MS: i64 = 60_000;

/// Where an alarm stands in its life. Letters are the states of ISA-18.2 figure 3.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AlarmState {
    /// Present, nobody has taken it (B).
    Unacknowledged,
    /// Present, somebody has it (C).
    Acknowledged,
    /// Gone before anybody took it (D).
    ReturnedUnacknowledged,
    /// Gone, held for reset, nobody has taken it (E).
    LatchedUnacknowledged,
    /// Gone, held for reset, somebody has it (F).
    LatchedAcknowledged,
    /// Over (A).
    Closed,
}

impl AlarmState {
    /// Every state.
    pub const ALL: [Self; 6] = [
        Self::Unacknowledged,
        Self::Acknowledged,
        Self::ReturnedUnacknowledged,
        Self::LatchedUnacknowledged,
        Self::LatchedAcknowledged,
        Self::Closed,
    ];

    /// The stable name used in the API and the database.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Unacknowledged => "unacknowledged",
            Self::Acknowledged => "acknowledged",
            Self::ReturnedUnacknowledged => "returned_unacknowledged",
            Self::LatchedUnacknowledged => "latched_unacknowledged",
            Self::LatchedAcknowledged => "latched_acknowledged",
            Self::Closed => "closed",
        }
    }

    /// The state with this [`code`](Self::code).
    #[must_use]
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|s| s.code() == code)
    }

    /// Whether the hazard itself is there.
    #[must_use]
    pub const fn is_present(self) -> bool {
        matches!(self, Self::Unacknowledged | Self::Acknowledged)
    }

    /// Whether the alarm shows on its detector: present, or held for reset (GB 31252-2014 4.3.1: alarm output and
    /// indication stay until manual reset).
    #[must_use]
    pub const fn is_shown(self) -> bool {
        matches!(
            self,
            Self::Unacknowledged
                | Self::Acknowledged
                | Self::LatchedUnacknowledged
                | Self::LatchedAcknowledged
        )
    }

    /// Whether somebody still has to take it.
    #[must_use]
    pub const fn waits_for_acknowledgement(self) -> bool {
        matches!(self, Self::Unacknowledged | Self::ReturnedUnacknowledged | Self::LatchedUnacknowledged)
    }
}

/// Who made a transition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum By {
    /// The platform's judgement.
    System,
    /// The device's own report.
    Device,
    /// A person, signed in or through an API token.
    User {
        /// The account.
        user: Option<UserId>,
        /// The token.
        token: Option<TokenId>,
        /// The name shown.
        name: String,
    },
}

impl By {
    /// `system`, `device` or `user`.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::System => "system",
            Self::Device => "device",
            Self::User { .. } => "user",
        }
    }

    /// The name shown, for people.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        match self {
            Self::System | Self::Device => None,
            Self::User { name, .. } => Some(name),
        }
    }
}

/// Why an alarm is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CloseReason {
    /// The hazard went away and a person had taken it.
    Returned,
    /// A person reset it after the hazard had gone.
    Reset,
    /// It was found in late data and was over when it became known.
    Late,
    /// Its channel or detector was removed.
    Withdrawn,
}

impl CloseReason {
    /// Every reason.
    pub const ALL: [Self; 4] = [Self::Returned, Self::Reset, Self::Late, Self::Withdrawn];

    /// The stable name used in the API and the database.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Returned => "returned",
            Self::Reset => "reset",
            Self::Late => "late",
            Self::Withdrawn => "withdrawn",
        }
    }

    /// The reason with this [`code`](Self::code).
    #[must_use]
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|r| r.code() == code)
    }
}

/// One occurrence of one hazard on one channel, from raised to closed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Alarm {
    /// Its id.
    pub id: AlarmId,
    /// The detector.
    pub detector: DetectorId,
    /// The channel; the detector's own channel for offline and the like.
    pub channel: ChannelId,
    /// What is wrong.
    pub hazard: Hazard,
    /// How bad it is now, or was last.
    pub severity: Severity,
    /// How bad it ever was.
    pub worst_severity: Severity,
    /// Where it stands.
    pub state: AlarmState,
    /// Measurement time of its beginning.
    pub raised_at: UnixMs,
    /// Measurement time of its return, while it is gone.
    pub returned_at: Option<UnixMs>,
    /// Server's clock of the acknowledgement in force.
    pub acknowledged_at: Option<UnixMs>,
    /// Who gave it.
    pub acknowledged_by: Option<By>,
    /// Server's clock of the end.
    pub closed_at: Option<UnixMs>,
    /// Why it ended.
    pub close_reason: Option<CloseReason>,
    /// The worst value seen, in the quantity's unit.
    pub worst_value: Option<f64>,
    /// Measurement time of `worst_value`.
    pub worst_at: Option<UnixMs>,
    /// The value of the newest change, in the quantity's unit.
    pub current_value: Option<f64>,
    /// Measurement time of `current_value`.
    pub current_at: Option<UnixMs>,
    /// The limit that it was judged by last, in the quantity's unit.
    pub limit: Option<f64>,
    /// Whether it holds until a person resets it.
    pub latching: bool,
    /// Whether it was found in late data.
    pub late: bool,
    /// Whether the device itself reported it.
    pub reported_by_device: bool,
    /// Rises by one with each change.
    pub version: i64,
}

/// What can happen to an alarm.
#[derive(Debug, Clone, PartialEq)]
pub enum AlarmEvent {
    /// The hazard is there again before the alarm was over.
    RaisedAgain(Severity, Evidence),
    /// It is there with another severity.
    SeverityChanged(Severity, Evidence),
    /// The value is the worst so far.
    Worst(Evidence),
    /// It is gone.
    Returned(Evidence),
    /// A person takes it.
    Acknowledge,
    /// The same person takes that back.
    UndoAcknowledge,
    /// A person resets it.
    Reset,
    /// A person says something.
    Comment,
    /// Its channel or detector is removed.
    Withdraw,
}

/// The value behind a change.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Evidence {
    /// In the quantity's unit.
    pub value: Option<f64>,
    /// The limit that it was judged by, in the quantity's unit.
    pub limit: Option<f64>,
    /// Whether an alarm of this severity holds until reset.
    pub latching: bool,
    /// Whether the device itself reported it.
    pub reported_by_device: bool,
}

/// When, by whom and why something happens.
#[derive(Debug, Clone, PartialEq)]
pub struct Circumstance {
    /// Measurement time for the platform's judgement, server's clock for people.
    pub at: UnixMs,
    /// Who.
    pub by: By,
    /// Why, as a stable word where the platform acts (`deadline`, `settings`, `removed`).
    pub reason: Option<String>,
    /// What the person says.
    pub comment: Option<String>,
}

/// One step of an alarm's life as it is kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Transition {
    /// The alarm.
    pub alarm: AlarmId,
    /// When.
    pub at: UnixMs,
    /// What happened: `raised`, `escalated`, `deescalated`, `returned`, `acknowledged`, `unacknowledged`, `reset`,
    /// `closed`, `commented`, `worst`.
    pub event: TransitionEvent,
    /// The state before; `None` for the first.
    pub from_state: Option<AlarmState>,
    /// The state after.
    pub to_state: AlarmState,
    /// The severity after.
    pub severity: Severity,
    /// The value that shows it, in the quantity's unit.
    pub value: Option<f64>,
    /// Who.
    pub by: By,
    /// Why.
    pub reason: Option<String>,
    /// What the person said.
    pub comment: Option<String>,
}

/// The kinds of transition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TransitionEvent {
    /// It began, or came again.
    Raised,
    /// Worse than before.
    Escalated,
    /// Less bad than before.
    Deescalated,
    /// Gone.
    Returned,
    /// Taken by a person.
    Acknowledged,
    /// The person took that back.
    Unacknowledged,
    /// Reset by a person.
    Reset,
    /// Ended by the platform.
    Closed,
    /// A person said something.
    Commented,
    /// The worst value so far.
    Worst,
}

impl TransitionEvent {
    /// Every kind.
    pub const ALL: [Self; 10] = [
        Self::Raised,
        Self::Escalated,
        Self::Deescalated,
        Self::Returned,
        Self::Acknowledged,
        Self::Unacknowledged,
        Self::Reset,
        Self::Closed,
        Self::Commented,
        Self::Worst,
    ];

    /// The stable name used in the API and the database.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Raised => "raised",
            Self::Escalated => "escalated",
            Self::Deescalated => "deescalated",
            Self::Returned => "returned",
            Self::Acknowledged => "acknowledged",
            Self::Unacknowledged => "unacknowledged",
            Self::Reset => "reset",
            Self::Closed => "closed",
            Self::Commented => "commented",
            Self::Worst => "worst",
        }
    }

    /// The kind with this [`code`](Self::code).
    #[must_use]
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|e| e.code() == code)
    }
}

/// Why an event is not possible in the alarm's state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Refusal {
    /// A reset needs the hazard to be gone.
    #[error("the hazard is still present, a reset needs it to be gone")]
    ConditionPresent,
    /// A reset needs an acknowledgement first.
    #[error("nobody has acknowledged the alarm, a reset needs that first")]
    NotAcknowledged,
    /// Somebody has it already.
    #[error("the alarm has been acknowledged already")]
    AlreadyAcknowledged,
    /// It is over.
    #[error("the alarm is closed")]
    Closed,
    /// There is no acknowledgement of this person, or it is too old.
    #[error("there is no acknowledgement of this person within the last minute to take back")]
    NothingToUndo,
    /// The platform's judgement and the alarm disagree about whether the hazard is there.
    #[error("the alarm's state does not fit the platform's judgement")]
    NotPresent,
}

impl Refusal {
    /// The stable name used in the API.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::ConditionPresent => "condition_present",
            Self::NotAcknowledged => "not_acknowledged",
            Self::AlreadyAcknowledged => "already_acknowledged",
            Self::Closed => "closed",
            Self::NothingToUndo => "nothing_to_undo",
            Self::NotPresent => "not_present",
        }
    }
}

/// What is needed to begin an alarm.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Beginning {
    /// Its id.
    pub id: AlarmId,
    /// The detector.
    pub detector: DetectorId,
    /// The channel.
    pub channel: ChannelId,
    /// What is wrong.
    pub hazard: Hazard,
    /// How bad.
    pub severity: Severity,
    /// The value behind it.
    pub evidence: Evidence,
    /// Whether it was found in late data: then it begins closed.
    pub late: bool,
}

/// Begins an alarm at `circumstance.at`; `now` is the server's clock.
#[must_use]
pub fn raise(beginning: Beginning, circumstance: Circumstance, now: UnixMs) -> (Alarm, Transition) {
    let Beginning { id, detector, channel, hazard, severity, evidence, late } = beginning;
    let at = circumstance.at;
    let state = if late { AlarmState::Closed } else { AlarmState::Unacknowledged };
    let alarm = Alarm {
        id,
        detector,
        channel,
        hazard,
        severity,
        worst_severity: severity,
        state,
        raised_at: at,
        returned_at: late.then_some(at),
        acknowledged_at: None,
        acknowledged_by: None,
        closed_at: late.then_some(now),
        close_reason: late.then_some(CloseReason::Late),
        worst_value: evidence.value,
        worst_at: evidence.value.map(|_| at),
        current_value: evidence.value,
        current_at: evidence.value.map(|_| at),
        limit: evidence.limit,
        latching: evidence.latching && !late,
        late,
        reported_by_device: evidence.reported_by_device,
        version: 1,
    };
    let transition = transition(&alarm, TransitionEvent::Raised, None, evidence.value, circumstance);
    (alarm, transition)
}

/// Takes `alarm` one step further, or says why that cannot be.
///
/// # Errors
/// [`Refusal`] with the alarm's state unchanged.
pub fn apply(
    alarm: Alarm,
    event: AlarmEvent,
    circumstance: Circumstance,
) -> Result<(Alarm, Transition), Refusal> {
    let (state, kind) = next(&alarm, &event, &circumstance)?;
    let mut after = Alarm { state, version: alarm.version + 1, ..alarm };
    let at = circumstance.at;
    let mut value = None;
    match &event {
        AlarmEvent::RaisedAgain(severity, evidence) | AlarmEvent::SeverityChanged(severity, evidence) => {
            after.severity = *severity;
            after.worst_severity = after.worst_severity.max(*severity);
            after.latching |= evidence.latching;
            after.reported_by_device |= evidence.reported_by_device;
            after.limit = evidence.limit.or(after.limit);
            take_value(&mut after, evidence, at);
            value = evidence.value;
            after.returned_at = None;
        }
        AlarmEvent::Worst(evidence) => {
            take_value(&mut after, evidence, at);
            value = evidence.value;
        }
        AlarmEvent::Returned(evidence) => {
            if let Some(current) = evidence.value {
                after.current_value = Some(current);
                after.current_at = Some(at);
            }
            value = evidence.value;
            after.returned_at = Some(at);
        }
        AlarmEvent::Acknowledge => {
            after.acknowledged_at = Some(at);
            after.acknowledged_by = Some(circumstance.by.clone());
        }
        AlarmEvent::UndoAcknowledge | AlarmEvent::Reset | AlarmEvent::Comment | AlarmEvent::Withdraw => {}
    }
    if state.waits_for_acknowledgement() {
        after.acknowledged_at = None;
        after.acknowledged_by = None;
    }
    if state == AlarmState::Closed && after.closed_at.is_none() {
        after.closed_at = Some(at);
        after.close_reason = Some(match event {
            AlarmEvent::Reset => CloseReason::Reset,
            AlarmEvent::Withdraw => CloseReason::Withdrawn,
            AlarmEvent::RaisedAgain(..)
            | AlarmEvent::SeverityChanged(..)
            | AlarmEvent::Worst(_)
            | AlarmEvent::Returned(_)
            | AlarmEvent::Acknowledge
            | AlarmEvent::UndoAcknowledge
            | AlarmEvent::Comment => CloseReason::Returned,
        });
    }
    let transition = transition(&after, kind, Some(alarm.state), value, circumstance);
    Ok((after, transition))
}

/// The table: which state follows, and what the step is called.
fn next(
    alarm: &Alarm,
    event: &AlarmEvent,
    circumstance: &Circumstance,
) -> Result<(AlarmState, TransitionEvent), Refusal> {
    use AlarmState as S;
    use TransitionEvent as T;
    let state = alarm.state;
    match (event, state) {
        (AlarmEvent::Comment, same) => Ok((same, T::Commented)),
        (
            AlarmEvent::RaisedAgain(..)
            | AlarmEvent::SeverityChanged(..)
            | AlarmEvent::Worst(_)
            | AlarmEvent::Returned(_)
            | AlarmEvent::Acknowledge
            | AlarmEvent::UndoAcknowledge
            | AlarmEvent::Reset
            | AlarmEvent::Withdraw,
            S::Closed,
        ) => Err(Refusal::Closed),
        (AlarmEvent::Withdraw, _) => Ok((S::Closed, T::Closed)),

        (AlarmEvent::RaisedAgain(..), _) => Ok((S::Unacknowledged, T::Raised)),

        // Worse than before asks for attention again; less bad does not.
        (AlarmEvent::SeverityChanged(severity, _), S::Unacknowledged | S::Acknowledged) => {
            if *severity > alarm.severity {
                Ok((S::Unacknowledged, T::Escalated))
            } else {
                Ok((state, T::Deescalated))
            }
        }
        (AlarmEvent::Worst(_), S::Unacknowledged | S::Acknowledged) => Ok((state, T::Worst)),
        (AlarmEvent::Returned(_), S::Unacknowledged) => Ok((
            if alarm.latching { S::LatchedUnacknowledged } else { S::ReturnedUnacknowledged },
            T::Returned,
        )),
        (AlarmEvent::Returned(_), S::Acknowledged) => {
            Ok((if alarm.latching { S::LatchedAcknowledged } else { S::Closed }, T::Returned))
        }
        (
            AlarmEvent::SeverityChanged(..) | AlarmEvent::Worst(_) | AlarmEvent::Returned(_),
            S::ReturnedUnacknowledged | S::LatchedUnacknowledged | S::LatchedAcknowledged,
        ) => Err(Refusal::NotPresent),

        (AlarmEvent::Acknowledge, S::Unacknowledged) => Ok((S::Acknowledged, T::Acknowledged)),
        (AlarmEvent::Acknowledge, S::ReturnedUnacknowledged) => Ok((S::Closed, T::Acknowledged)),
        (AlarmEvent::Acknowledge, S::LatchedUnacknowledged) => Ok((S::LatchedAcknowledged, T::Acknowledged)),
        (AlarmEvent::Acknowledge, S::Acknowledged | S::LatchedAcknowledged) => {
            Err(Refusal::AlreadyAcknowledged)
        }

        (AlarmEvent::UndoAcknowledge, S::Acknowledged | S::LatchedAcknowledged) => {
            let own = alarm.acknowledged_by.as_ref() == Some(&circumstance.by);
            let fresh = alarm
                .acknowledged_at
                .is_some_and(|at| (0..=UNDO_WITHIN_MS).contains(&circumstance.at.since_ms(at)));
            match (own && fresh, state) {
                (false, _) => Err(Refusal::NothingToUndo),
                (true, S::LatchedAcknowledged) => Ok((S::LatchedUnacknowledged, T::Unacknowledged)),
                (
                    true,
                    S::Unacknowledged
                    | S::Acknowledged
                    | S::ReturnedUnacknowledged
                    | S::LatchedUnacknowledged
                    | S::Closed,
                ) => Ok((S::Unacknowledged, T::Unacknowledged)),
            }
        }
        (
            AlarmEvent::UndoAcknowledge,
            S::Unacknowledged | S::ReturnedUnacknowledged | S::LatchedUnacknowledged,
        ) => Err(Refusal::NothingToUndo),

        (AlarmEvent::Reset, S::LatchedAcknowledged) => Ok((S::Closed, T::Reset)),
        (AlarmEvent::Reset, S::LatchedUnacknowledged | S::ReturnedUnacknowledged) => {
            Err(Refusal::NotAcknowledged)
        }
        (AlarmEvent::Reset, S::Unacknowledged | S::Acknowledged) => Err(Refusal::ConditionPresent),
    }
}

/// Takes the value as current, and as worst when it is.
fn take_value(alarm: &mut Alarm, evidence: &Evidence, at: UnixMs) {
    let Some(value) = evidence.value else { return };
    alarm.current_value = Some(value);
    alarm.current_at = Some(at);
    let worse = alarm
        .worst_value
        .is_none_or(|worst| if alarm.hazard.is_low() { value < worst } else { value > worst });
    if worse {
        alarm.worst_value = Some(value);
        alarm.worst_at = Some(at);
    }
}

fn transition(
    alarm: &Alarm,
    event: TransitionEvent,
    from_state: Option<AlarmState>,
    value: Option<f64>,
    circumstance: Circumstance,
) -> Transition {
    Transition {
        alarm: alarm.id,
        at: circumstance.at,
        event,
        from_state,
        to_state: alarm.state,
        severity: alarm.severity,
        value,
        by: circumstance.by,
        reason: circumstance.reason,
        comment: circumstance.comment,
    }
}
