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
//!
//! Apart from that an alarm can be set [aside]: shelved by a person (G), suppressed by design (H) or by maintenance (I). It
//! goes on with its life there, and nobody is told.

pub mod aside;
mod life;
pub mod load;
pub mod note;
pub mod nuisance;
pub mod suppression;
mod verdict;

use serde::{Deserialize, Serialize};

use crate::hazard::{Hazard, Severity};
use crate::id::{AlarmId, ChannelId, DetectorId, TokenId, UserId};
use crate::time::UnixMs;

pub use aside::{Aside, AsideKind, LifeRules};
pub use life::{apply, raise};
pub use note::Note;
pub use suppression::{DESIGN_RULES, DesignRule};
pub use verdict::Verdict;

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
    /// The device went on reporting it while its values had been normal for long.
    ValuesNormal,
}

impl CloseReason {
    /// Every reason.
    pub const ALL: [Self; 5] = [Self::Returned, Self::Reset, Self::Late, Self::Withdrawn, Self::ValuesNormal];

    /// The stable name used in the API and the database.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Returned => "returned",
            Self::Reset => "reset",
            Self::Late => "late",
            Self::Withdrawn => "withdrawn",
            Self::ValuesNormal => "values_normal",
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
    /// Set aside: open, but nobody is told.
    pub aside: Option<Aside>,
    /// What it was in truth, as a person said last.
    pub verdict: Option<Verdict>,
    /// What that person added.
    pub verdict_note: Option<String>,
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
    /// The device goes on reporting it, but its values have been normal for so long that the platform does not believe it.
    ValuesNormal(Evidence),
    /// It has been present and acknowledged for so long that it asks for attention again.
    Realarm,
    /// A person shelves it, or shelves it anew with another end.
    Shelve(Aside),
    /// A person brings it back from the shelf.
    Unshelve,
    /// The platform suppresses it, by maintenance or by design.
    Suppress(Aside),
    /// The platform brings it back: the shelf's end has come, the maintenance is over, the cause is gone.
    BringBack,
    /// A person says what it was in truth.
    Judge(Verdict),
    /// A person takes it.
    Acknowledge,
    /// The same person takes that back.
    UndoAcknowledge,
    /// A person resets it.
    Reset,
    /// A person says something.
    Comment,
    /// A person says whom they called or sent, or what became of it.
    Note(Note),
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
    /// Why, as a stable word where the platform acts (`deadline`, `settings`, `removed`, `values_normal`).
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
    /// What happened.
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
    /// Whom the person called or sent.
    pub note: Option<Note>,
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
    /// Present and acknowledged for so long that it asks for attention again.
    Realarmed,
    /// Put on the shelf by a person.
    Shelved,
    /// Back from the shelf.
    Unshelved,
    /// Suppressed by maintenance or by design.
    Suppressed,
    /// No longer suppressed.
    Unsuppressed,
    /// A person said what it was in truth.
    Judged,
    /// A person called somebody.
    Called,
    /// A person sent somebody.
    Dispatched,
    /// Who was sent is there.
    Arrived,
    /// Who was sent has done it.
    Finished,
    /// An earlier entry of a person holds no longer.
    Withdrawn,
}

impl TransitionEvent {
    /// Every kind.
    pub const ALL: [Self; 21] = [
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
        Self::Realarmed,
        Self::Shelved,
        Self::Unshelved,
        Self::Suppressed,
        Self::Unsuppressed,
        Self::Judged,
        Self::Called,
        Self::Dispatched,
        Self::Arrived,
        Self::Finished,
        Self::Withdrawn,
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
            Self::Realarmed => "realarmed",
            Self::Shelved => "shelved",
            Self::Unshelved => "unshelved",
            Self::Suppressed => "suppressed",
            Self::Unsuppressed => "unsuppressed",
            Self::Judged => "judged",
            Self::Called => "called",
            Self::Dispatched => "dispatched",
            Self::Arrived => "arrived",
            Self::Finished => "finished",
            Self::Withdrawn => "withdrawn",
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
    /// It is suppressed, or on the shelf already where that matters.
    #[error("the alarm is set aside already")]
    SetAside,
    /// It is not on the shelf.
    #[error("the alarm is not on the shelf")]
    NotShelved,
    /// What it is about is not in the alarm's record, or is nothing that this can be said of.
    #[error("the alarm's record has no such entry")]
    NoSuchEntry,
    /// The entry is withdrawn, or what is said of it has been said.
    #[error("the entry is over: withdrawn, or said already")]
    EntryOver,
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
            Self::SetAside => "set_aside",
            Self::NotShelved => "not_shelved",
            Self::NoSuchEntry => "no_such_entry",
            Self::EntryOver => "entry_over",
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
