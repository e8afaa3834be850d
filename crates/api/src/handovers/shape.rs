//! What a hand-over looks like from outside, and what is kept of it.

use serde::{Deserialize, Serialize};
use store::handovers::{HandoverRow, HandoverState as Stored};
use utoipa::ToSchema;

use crate::alarms::note::Somebody;
use crate::alarms::shape::AlarmEvent;
use crate::http::problem::Problem;
use crate::http::time::Time;
use crate::telling::shape::PersonName;
use crate::vocabulary::{AlarmState, CallOutcome, DispatchState, Hazard, Severity};

/// The version of what is kept.
const VERSION: u32 = 1;
/// So many of each kind are listed in a hand-over; the counts are of all.
pub(super) const MOST: usize = 100;

/// An alarm that stands.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub(super) struct StandingAlarm {
    /// The alarm.
    #[schema(minimum = 1)]
    pub(super) id: i64,
    /// What is wrong.
    pub(super) hazard: Hazard,
    /// How bad.
    pub(super) severity: Severity,
    /// Where it stands in its life.
    pub(super) state: AlarmState,
    /// Since when.
    pub(super) raised_at: Time,
    /// The premises.
    pub(super) site_name: String,
    /// The detector.
    pub(super) detector_name: String,
    /// Who has it.
    pub(super) acknowledged_by: Option<String>,
    /// When it comes back from the shelf.
    pub(super) shelved_until: Option<Time>,
    /// Why it is on the shelf.
    pub(super) shelved_because: Option<String>,
}

/// A maintenance window that is under way or to come within a day.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub(super) struct StandingWindow {
    /// The window.
    #[schema(minimum = 1)]
    pub(super) id: i64,
    /// Where.
    pub(super) place: String,
    /// What it covers, by name.
    pub(super) target_name: String,
    /// When the time that is under way, or the next one, begins.
    pub(super) from: Time,
    /// When that ends.
    pub(super) until: Time,
    /// Why.
    pub(super) reason: String,
}

/// Somebody who was sent and is not back.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub(super) struct StandingDispatch {
    /// The alarm.
    #[schema(minimum = 1)]
    pub(super) alarm_id: i64,
    /// What is wrong there.
    pub(super) hazard: Hazard,
    /// The premises.
    pub(super) site_name: String,
    /// Who.
    pub(super) whom: Somebody,
    /// How far they are.
    pub(super) state: DispatchState,
    /// Since when.
    pub(super) since: Time,
    /// When they are expected.
    pub(super) expected_at: Option<Time>,
}

/// A way to reach people that does not work.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub(super) struct StandingMedium {
    /// The medium.
    #[schema(minimum = 1)]
    pub(super) id: i64,
    /// Its name.
    pub(super) name: String,
    /// Since when.
    pub(super) down_since: Time,
}

/// A detector that has been silent for more than a day.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub(super) struct StandingDetector {
    /// The detector.
    #[schema(minimum = 1)]
    pub(super) id: i64,
    /// Its name.
    pub(super) name: String,
    /// The premises.
    pub(super) site_name: String,
    /// When it was last heard; null when never.
    pub(super) last_heard_at: Option<Time>,
}

/// What somebody entered during the shift.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub(super) struct StandingEntry {
    /// The alarm.
    #[schema(minimum = 1)]
    pub(super) alarm_id: i64,
    /// What is wrong there.
    pub(super) hazard: Hazard,
    /// The premises.
    pub(super) site_name: String,
    /// When.
    pub(super) at: Time,
    /// What it is.
    pub(super) event: AlarmEvent,
    /// Who.
    pub(super) by: Option<String>,
    /// Who was called or sent.
    pub(super) whom: Option<Somebody>,
    /// What came of the call.
    pub(super) outcome: Option<CallOutcome>,
    /// What they wrote.
    pub(super) comment: Option<String>,
}

/// How many there are, and the first of them.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub(super) struct Part<T> {
    /// How many there are.
    #[schema(minimum = 0)]
    pub(super) count: i64,
    /// The first 100 of them.
    pub(super) items: Vec<T>,
}

impl<T> Part<T> {
    /// All of them, of which the first 100 are listed.
    pub(super) fn of(all: impl IntoIterator<Item = T>) -> Self {
        let mut items: Vec<T> = all.into_iter().collect();
        let count = i64::try_from(items.len()).unwrap_or(i64::MAX);
        items.truncate(MOST);
        Self { count, items }
    }
}

/// What stands at a moment, as far as the caller may see.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub(super) struct Standing {
    /// When.
    pub(super) at: Time,
    /// Begin of the caller's shift: when they took over last, at most a day ago; else twelve hours ago.
    pub(super) since: Time,
    /// Open alarms that nobody has taken.
    pub(super) unacknowledged: Part<StandingAlarm>,
    /// Open alarms that somebody has.
    pub(super) acknowledged: Part<StandingAlarm>,
    /// Alarms on the shelf.
    pub(super) shelved: Part<StandingAlarm>,
    /// Maintenance windows under way or to come within a day.
    pub(super) windows: Part<StandingWindow>,
    /// Who was sent and is not back.
    pub(super) dispatches: Part<StandingDispatch>,
    /// Ways to reach people that do not work.
    pub(super) media_down: Part<StandingMedium>,
    /// Detectors silent for more than a day.
    pub(super) offline: Part<StandingDetector>,
    /// What was entered during the shift, newest first.
    pub(super) entries: Part<StandingEntry>,
}

/// What is kept of a hand-over.
#[derive(Debug, Serialize, Deserialize)]
struct Kept {
    v: u32,
    #[serde(flatten)]
    standing: Standing,
}

/// The text that is kept.
pub(super) fn encode(standing: Standing) -> Result<String, Problem> {
    serde_json::to_string(&Kept { v: VERSION, standing })
        .map_err(|error| Problem::from(store::StoreError::Corrupt { what: format!("snapshot: {error}") }))
}

/// What stands, who is on duty, and who could take over.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(super) struct StandingNow {
    /// What stands.
    #[serde(flatten)]
    pub(super) standing: Standing,
    /// Duty calendars with who is on duty by them now.
    pub(super) on_duty: Vec<OnDuty>,
    /// Who may see and acknowledge all of it, but for the caller.
    pub(super) successors: Vec<PersonName>,
    /// The caller's own hand-over that waits to be taken over.
    pub(super) waiting_id: Option<i64>,
}

/// Who is on duty by one calendar.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(super) struct OnDuty {
    /// The calendar.
    #[schema(minimum = 1)]
    pub(super) duty_id: i64,
    /// Its name.
    pub(super) name: String,
    /// Who; nobody is a gap.
    pub(super) people: Vec<PersonName>,
}

/// How a hand-over stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum HandoverState {
    /// Offered, nobody has taken over.
    Waiting,
    /// Taken over.
    Taken,
    /// Taken back by who offered it.
    Withdrawn,
}

impl From<Stored> for HandoverState {
    fn from(state: Stored) -> Self {
        match state {
            Stored::Waiting => Self::Waiting,
            Stored::Taken => Self::Taken,
            Stored::Withdrawn => Self::Withdrawn,
        }
    }
}

impl From<HandoverState> for Stored {
    fn from(state: HandoverState) -> Self {
        match state {
            HandoverState::Waiting => Self::Waiting,
            HandoverState::Taken => Self::Taken,
            HandoverState::Withdrawn => Self::Withdrawn,
        }
    }
}

/// How many of each kind stood.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(super) struct StandingCounts {
    /// Open alarms that nobody had taken.
    #[schema(minimum = 0)]
    unacknowledged: i64,
    /// Open alarms that somebody had.
    #[schema(minimum = 0)]
    acknowledged: i64,
    /// Alarms on the shelf.
    #[schema(minimum = 0)]
    shelved: i64,
    /// Who was sent and was not back.
    #[schema(minimum = 0)]
    dispatches: i64,
}

/// A hand-over.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(super) struct Handover {
    /// Its id.
    #[schema(minimum = 1)]
    id: i64,
    /// How it stands.
    state: HandoverState,
    /// Who hands over.
    from: PersonName,
    /// To whom; null is whoever comes.
    to: Option<PersonName>,
    /// Begin of the shift that ends.
    since: Time,
    /// When it was offered.
    offered_at: Time,
    /// What who hands over says; empty when nothing.
    remarks: String,
    /// How many of each kind stood.
    counts: StandingCounts,
    /// When it was taken over.
    taken_at: Option<Time>,
    /// By whom.
    taken_by: Option<PersonName>,
    /// What they say.
    taken_remarks: Option<String>,
    /// When it was taken back.
    withdrawn_at: Option<Time>,
    /// Whether the caller may take it over.
    mine_to_take: bool,
    /// Whether the caller may take it back.
    mine_to_withdraw: bool,
}

/// A hand-over with what stood at that time.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(super) struct HandoverDetail {
    /// The hand-over.
    #[serde(flatten)]
    handover: Handover,
    /// What stood when it was offered; never changed.
    standing: Standing,
}

fn named(account: domain::id::UserId, name: String) -> PersonName {
    PersonName { account_id: account.0, name: Some(name) }
}

/// A hand-over and what stood, as `caller` sees it.
pub(super) fn seen(
    row: HandoverRow,
    caller: Option<domain::id::UserId>,
) -> Result<(Handover, Standing), Problem> {
    let kept: Kept = serde_json::from_str(&row.snapshot).map_err(|error| {
        Problem::from(store::StoreError::Corrupt { what: format!("hand-over {}: {error}", row.id) })
    })?;
    let standing = kept.standing;
    let state = row.state();
    let waits = state == Stored::Waiting;
    let handover = Handover {
        id: row.id,
        state: state.into(),
        mine_to_take: waits
            && caller.is_some_and(|own| own != row.from_id && row.to_id.is_none_or(|to| to == own)),
        mine_to_withdraw: waits && caller == Some(row.from_id),
        from: named(row.from_id, row.from_name),
        to: row.to_id.map(|id| named(id, row.to_name.unwrap_or_default())),
        since: row.since.into(),
        offered_at: row.offered_at.into(),
        remarks: row.remarks,
        counts: StandingCounts {
            unacknowledged: standing.unacknowledged.count,
            acknowledged: standing.acknowledged.count,
            shelved: standing.shelved.count,
            dispatches: standing.dispatches.count,
        },
        taken_at: row.taken_at.map(Into::into),
        taken_by: row.taken_by.map(|id| named(id, row.taken_name.unwrap_or_default())),
        taken_remarks: row.taken_remarks,
        withdrawn_at: row.withdrawn_at.map(Into::into),
    };
    Ok((handover, standing))
}

impl HandoverDetail {
    /// With what stood.
    pub(super) fn seen(row: HandoverRow, caller: Option<domain::id::UserId>) -> Result<Self, Problem> {
        let (handover, standing) = seen(row, caller)?;
        Ok(Self { handover, standing })
    }
}
