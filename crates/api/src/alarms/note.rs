//! `POST /alarms/{id}/calls`, `dispatches` and `entries/{entry}`: whom people called or sent about an alarm, and what became
//! of it. Entries of the alarm's record: never changed; one that holds no longer is withdrawn by a later one.

use axum::Json;
use axum::extract::{Path, State};
use domain::access::Permission;
use domain::alarm::Note;
use domain::alarm::note::{self, Somebody as Stored};
use domain::id::{AlarmId, TransitionId, UserId};
use domain::time::UnixMs;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::act::said;
use super::people;
use super::shape::Alarm;
use crate::access::caller::Caller;
use crate::http::extract::{Body, Id, check_max, checked};
use crate::http::problem::{FieldError, Problem, WriteProblems};
use crate::http::time::Time;
use crate::state::Api;
use crate::vocabulary::{CallOutcome, Capacity, DispatchState};

/// The longest name, characters.
const LONGEST_NAME: u32 = 60;
/// How long ago somebody may have been expected for it to be no mistake, ms.
const LATE_MS: i64 = 3_600_000;
/// Whoever is expected later than this is not dispatched but planned, ms.
const AHEAD_MS: i64 = 7 * 86_400_000;

/// Somebody who was called or sent, as known at that time.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Somebody {
    /// What they are to the premises.
    pub capacity: Capacity,
    /// Their name; empty where only the capacity is known.
    #[schema(example = "李师傅")]
    pub name: String,
    /// Their number; empty where none was used.
    #[schema(example = "13800138000")]
    pub phone: String,
    /// Their account, if they have one.
    pub account_id: Option<i64>,
}

impl From<Stored> for Somebody {
    fn from(whom: Stored) -> Self {
        Self {
            capacity: whom.capacity.into(),
            name: whom.name,
            phone: whom.phone,
            account_id: whom.account.map(|account| account.0),
        }
    }
}

/// Somebody who was sent to an alarm.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Dispatch {
    /// The entry that sent them.
    #[schema(minimum = 1)]
    pub entry: i64,
    /// Who.
    pub whom: Somebody,
    /// When they are expected.
    pub expected_at: Option<Time>,
    /// How far they are.
    pub state: DispatchState,
    /// Since when.
    pub since: Time,
}

impl From<note::Dispatch> for Dispatch {
    fn from(sent: note::Dispatch) -> Self {
        Self {
            entry: sent.entry.0,
            whom: sent.whom.into(),
            expected_at: sent.expected_at.map(Into::into),
            state: sent.state.into(),
            since: sent.since.into(),
        }
    }
}

/// What a person's entry says beside its words.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct AlarmNote {
    /// Who was called or sent.
    pub whom: Option<Somebody>,
    /// What came of the call.
    pub outcome: Option<CallOutcome>,
    /// When who was sent is expected.
    pub expected_at: Option<Time>,
    /// The entry that this one is about.
    pub entry: Option<i64>,
}

impl From<Note> for AlarmNote {
    fn from(note: Note) -> Self {
        let entry = note.entry().map(|entry| entry.0);
        let (whom, outcome, expected_at) = match note {
            Note::Called { whom, outcome } => (Some(whom.into()), Some(outcome.into()), None),
            Note::Dispatched { whom, expected_at } => (Some(whom.into()), None, expected_at.map(Into::into)),
            Note::Arrived { .. } | Note::Finished { .. } | Note::Withdrawn { .. } => (None, None, None),
        };
        Self { whom, outcome, expected_at, entry }
    }
}

/// Somebody to be entered: an account, or a capacity with a name or a number.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Whom {
    /// What they are to the premises.
    capacity: Capacity,
    /// Their name; needed of others.
    #[serde(default)]
    #[schema(max_length = 60, example = "李师傅")]
    name: String,
    /// Their number.
    #[serde(default)]
    #[schema(max_length = 24, example = "13800138000")]
    phone: String,
    /// Their account; of somebody who may see the alarm.
    #[serde(default)]
    #[schema(minimum = 1)]
    account_id: Option<i64>,
}

/// A call that was made.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Call {
    /// Who was called.
    #[serde(deserialize_with = "crate::http::extract::object")]
    whom: Whom,
    /// What came of it.
    outcome: CallOutcome,
    /// What was said.
    #[serde(default)]
    #[schema(max_length = 2000, example = "已关闭后厨总闸，十分钟后到")]
    comment: Option<String>,
}

/// Somebody who is sent.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Sending {
    /// Who.
    #[serde(deserialize_with = "crate::http::extract::object")]
    whom: Whom,
    /// When they are expected.
    #[serde(default)]
    expected_at: Option<Time>,
    /// What they are to do.
    #[serde(default)]
    #[schema(max_length = 2000, example = "带钳形表，先查后厨回路")]
    comment: Option<String>,
}

/// What became of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum EntryStep {
    /// Who was sent is there.
    Arrived,
    /// Who was sent has done it.
    Finished,
    /// It holds no longer: entered by mistake, or not to go after all.
    Withdrawn,
}

/// What became of an entry, with words.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct GoingOn {
    /// What became of it.
    step: EntryStep,
    /// What is to be added.
    #[serde(default)]
    #[schema(max_length = 2000, example = "接线端子已紧固")]
    comment: Option<String>,
}

/// Numbers as people dial and write them: digits, with `+` in front and spaces, hyphens, brackets and an extension's `#`
/// or `,` between.
fn is_phone(text: &str) -> bool {
    let digits = text.chars().filter(char::is_ascii_digit).count();
    (3..=20).contains(&digits)
        && text.len() <= 24
        && text.chars().all(|c| c.is_ascii_digit() || matches!(c, '+' | ' ' | '-' | '(' | ')' | '#' | ','))
}

/// Who it is, once checked. An account's name and number come from the account where none are given.
async fn somebody(api: &Api, caller: &Caller, alarm: AlarmId, whom: Whom) -> Result<Stored, Problem> {
    let mut errors = Vec::new();
    let (name, phone) = (whom.name.trim().to_owned(), whom.phone.trim().to_owned());
    check_max(&mut errors, "whom.name", &name, LONGEST_NAME);
    if name.chars().any(char::is_control) {
        errors.push(FieldError::new("whom.name", "invalid", "had control characters"));
    }
    if !phone.is_empty() && !is_phone(&phone) {
        errors.push(FieldError::new("whom.phone", "not_a_phone", "wanted a number such as 13800138000"));
    }
    if whom.capacity == Capacity::Other && name.is_empty() && phone.is_empty() && whom.account_id.is_none() {
        errors.push(FieldError::new("whom.name", "missing", "wanted a name or a number"));
    }
    checked(errors)?;
    let mut somebody = Stored { capacity: whom.capacity.into(), name, phone, account: None };
    if let Some(id) = whom.account_id {
        let known = people::of_alarm(api, caller, alarm).await?;
        let account = known.people.into_iter().find(|person| person.account_id == id);
        let account = account.ok_or_else(|| {
            Problem::field("whom.account_id", "unknown", "wanted somebody who answers for the premises")
        })?;
        somebody.account = Some(UserId(id));
        if somebody.name.is_empty() {
            somebody.name = account.name;
        }
        if somebody.phone.is_empty() {
            somebody.phone = account.phone.unwrap_or_default();
        }
    }
    Ok(somebody)
}

fn expected(at: Option<Time>, now: UnixMs) -> Result<Option<UnixMs>, Problem> {
    let at = at.map(|at| at.0);
    if at.is_some_and(|at| !(-LATE_MS..=AHEAD_MS).contains(&at.since_ms(now))) {
        return Err(Problem::field(
            "expected_at",
            "not_within_a_week",
            "wanted a time in the coming seven days",
        ));
    }
    Ok(at)
}

/// Enters a call into the alarm's record; also of a closed one.
#[utoipa::path(
    post,
    path = "/alarms/{id}/calls",
    tag = "alarms",
    operation_id = "call_about_alarm",
    params(("id" = i64, Path, description = "The alarm", minimum = 1)),
    request_body = Call,
    responses((status = 200, description = "The alarm", body = Alarm), WriteProblems)
)]
pub(super) async fn call_about_alarm(
    State(api): State<Api>,
    caller: Caller,
    Id(id): Id,
    Body(asked): Body<Call>,
) -> Result<Json<Alarm>, Problem> {
    let scope = caller.scope(Permission::AlarmComment)?;
    let comment = said(asked.comment)?;
    let whom = somebody(&api, &caller, AlarmId(id), asked.whom).await?;
    let note = Note::Called { whom, outcome: asked.outcome.into() };
    let row = api.engine.alarms().note(&scope, &caller.actor(), AlarmId(id), note, comment).await?;
    Ok(Json(Alarm::seen(row, api.memory())))
}

/// Enters into the alarm's record that somebody is sent.
#[utoipa::path(
    post,
    path = "/alarms/{id}/dispatches",
    tag = "alarms",
    operation_id = "dispatch_to_alarm",
    params(("id" = i64, Path, description = "The alarm", minimum = 1)),
    request_body = Sending,
    responses((status = 200, description = "The alarm", body = Alarm), WriteProblems)
)]
pub(super) async fn dispatch_to_alarm(
    State(api): State<Api>,
    caller: Caller,
    Id(id): Id,
    Body(asked): Body<Sending>,
) -> Result<Json<Alarm>, Problem> {
    let scope = caller.scope(Permission::AlarmComment)?;
    let comment = said(asked.comment)?;
    let expected_at = expected(asked.expected_at, api.now())?;
    let whom = somebody(&api, &caller, AlarmId(id), asked.whom).await?;
    let note = Note::Dispatched { whom, expected_at };
    let row = api.engine.alarms().note(&scope, &caller.actor(), AlarmId(id), note, comment).await?;
    Ok(Json(Alarm::seen(row, api.memory())))
}

/// Says what became of an entry: who was sent is there or has done it, or the entry holds no longer.
#[utoipa::path(
    post,
    path = "/alarms/{id}/entries/{entry}",
    tag = "alarms",
    operation_id = "go_on_with_alarm_entry",
    params(
        ("id" = i64, Path, description = "The alarm", minimum = 1),
        ("entry" = i64, Path, description = "The entry of its record: a call, a comment, or who was sent", minimum = 1)
    ),
    request_body = GoingOn,
    responses((status = 200, description = "The alarm", body = Alarm), WriteProblems)
)]
pub(super) async fn go_on_with_alarm_entry(
    State(api): State<Api>,
    caller: Caller,
    Path((id, entry)): Path<(i64, i64)>,
    Body(asked): Body<GoingOn>,
) -> Result<Json<Alarm>, Problem> {
    let scope = caller.scope(Permission::AlarmComment)?;
    let comment = said(asked.comment)?;
    let entry = TransitionId(entry);
    let note = match asked.step {
        EntryStep::Arrived => Note::Arrived { entry },
        EntryStep::Finished => Note::Finished { entry },
        EntryStep::Withdrawn => Note::Withdrawn { entry },
    };
    let row = api.engine.alarms().note(&scope, &caller.actor(), AlarmId(id), note, comment).await?;
    Ok(Json(Alarm::seen(row, api.memory())))
}

#[cfg(test)]
mod tests {
    use super::is_phone;

    #[test]
    fn numbers_as_people_write_them() {
        for good in ["119", "13800138000", "+86 138-0013-8000", "(0731) 8888 1234,201", "95598"] {
            assert!(is_phone(good), "{good}");
        }
        for bad in ["", "12", "abc", "138001380001380013800", "138;rm", "１１９"] {
            assert!(!is_phone(bad), "{bad}");
        }
    }
}
