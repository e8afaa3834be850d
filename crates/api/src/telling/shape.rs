//! Telling people as the API shows it.

use domain::id::{MediumId, RosterId, UserId};
use domain::telling as rules;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::http::time::Time;
use crate::vocabulary::{Hazard, Role, Severity};

const fn on() -> bool {
    true
}

/// A part of each week.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Span {
    /// Days on which it begins, 1 Monday to 7 Sunday; empty is every day.
    #[serde(default)]
    #[schema(max_items = 7)]
    pub days: Vec<u8>,
    /// Begins, minutes after midnight.
    #[schema(minimum = 0, maximum = 1439)]
    pub from_min: u16,
    /// Ends before, minutes after midnight. Not after the beginning: ends on the next day.
    #[schema(minimum = 0, maximum = 1440)]
    pub until_min: u16,
}

/// Hours of the week in a time zone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Hours {
    /// IANA name of the time zone.
    #[schema(max_length = 60, example = "Asia/Shanghai")]
    pub zone: String,
    /// The spans.
    #[schema(max_items = 50)]
    pub spans: Vec<Span>,
}

impl From<rules::Span> for Span {
    fn from(span: rules::Span) -> Self {
        Self { days: span.days, from_min: span.from_min, until_min: span.until_min }
    }
}

impl From<Span> for rules::Span {
    fn from(span: Span) -> Self {
        Self { days: span.days, from_min: span.from_min, until_min: span.until_min }
    }
}

impl From<rules::Hours> for Hours {
    fn from(hours: rules::Hours) -> Self {
        Self { zone: hours.zone, spans: hours.spans.into_iter().map(Into::into).collect() }
    }
}

impl From<Hours> for rules::Hours {
    fn from(hours: Hours) -> Self {
        Self { zone: hours.zone, spans: hours.spans.into_iter().map(Into::into).collect() }
    }
}

/// How a medium does.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct MediumHealth {
    /// Failures since the last success.
    #[schema(minimum = 0)]
    pub failures: u32,
    /// Since when it is down: the next medium is used instead until it works again.
    pub down_since: Option<Time>,
    /// When it took a message last.
    pub last_accepted_at: Option<Time>,
    /// When it failed last.
    pub last_failed_at: Option<Time>,
    /// What it said then.
    pub last_detail: Option<String>,
}

/// What kind of address a medium needs of a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AddressKind {
    /// A mailbox.
    Email,
    /// A telephone number.
    Phone,
    /// A browser's push subscription.
    Push,
    /// None: the medium itself names the place.
    Medium,
}

impl From<rules::AddressKind> for AddressKind {
    fn from(kind: rules::AddressKind) -> Self {
        match kind {
            rules::AddressKind::Email => Self::Email,
            rules::AddressKind::Phone => Self::Phone,
            rules::AddressKind::Push => Self::Push,
            rules::AddressKind::Medium => Self::Medium,
        }
    }
}

/// A way to reach people.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Medium {
    /// Its id.
    #[schema(minimum = 1)]
    pub id: i64,
    /// Whose it is; null is the platform's.
    pub organisation_id: Option<i64>,
    /// The same by name.
    pub organisation_name: Option<String>,
    /// Its name.
    #[schema(example = "短信")]
    pub name: String,
    /// Whether it is used.
    pub enabled: bool,
    /// Lower ones are tried first where a step names none.
    pub rank: i64,
    /// Whose own it is; null reaches all. Only one's own, and those with an address per person, carry a link that
    /// acknowledges.
    pub account_id: Option<i64>,
    /// `smtp`, `webhook`, `wecom`, `dingtalk`, `feishu`, `aliyun_sms`, `tencent_sms`, `aliyun_voice`, `ntfy`, `bark`,
    /// `web_push`, `mqtt`.
    #[schema(example = "ntfy")]
    pub kind: String,
    /// How it works, by kind. In the place of each secret stands whether it is set.
    #[schema(value_type = Object)]
    pub config: Value,
    /// What it needs of a person.
    pub needs: AddressKind,
    /// The address to enter at the provider for receipts and replies, a path where `http.public_url` is not set; null where
    /// the provider reports nothing. Who knows it can report in the provider's place.
    pub callback_url: Option<String>,
    /// How it does; null while it was never used.
    pub health: Option<MediumHealth>,
    /// Rises with every change; comes back with a change.
    pub version: i64,
}

/// A medium to be made or changed.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MediumDraft {
    /// Whose it shall be; null is the platform's. Stays when it is changed.
    #[serde(default)]
    #[schema(minimum = 1)]
    pub organisation_id: Option<i64>,
    /// Its name.
    #[schema(min_length = 1, max_length = 200)]
    pub name: String,
    /// Whether it is used.
    #[serde(default = "on")]
    pub enabled: bool,
    /// Lower ones are tried first.
    #[serde(default)]
    #[schema(minimum = -1000, maximum = 1000)]
    pub rank: i64,
    /// Whose own it is; null reaches all.
    #[serde(default)]
    #[schema(minimum = 1)]
    pub account_id: Option<i64>,
    /// How it works: `kind` and the fields of that kind. When it is changed, an empty secret stays as it was.
    #[schema(value_type = Object, example = json!({"kind": "ntfy", "topic": "ember", "token": ""}))]
    pub config: Value,
    /// The version that was read; wanted when it is changed.
    #[serde(default)]
    pub version: Option<i64>,
}

/// To whom a test goes.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MediumTest {
    /// Whose address; null is the caller's own.
    #[serde(default)]
    #[schema(minimum = 1)]
    pub account_id: Option<i64>,
}

/// What came of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AttemptOutcome {
    /// The provider took it.
    Accepted,
    /// It may go through later.
    TryAgain,
    /// The same again would be refused again.
    Refused,
    /// The address is no more.
    Gone,
    /// The process ended meanwhile; it was made again.
    Lost,
}

impl AttemptOutcome {
    /// The outcome that is stored under this word.
    #[must_use]
    pub fn of_code(code: &str) -> Option<Self> {
        match code {
            "accepted" => Some(Self::Accepted),
            "try_again" => Some(Self::TryAgain),
            "refused" => Some(Self::Refused),
            "gone" => Some(Self::Gone),
            "lost" => Some(Self::Lost),
            _ => None,
        }
    }
}

/// What came of a test.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct MediumTested {
    /// What came of it.
    pub outcome: AttemptOutcome,
    /// What the provider said.
    pub detail: Option<String>,
    /// The provider's number of the message.
    pub reference: Option<String>,
}

/// What came of a reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ReplyOutcome {
    /// It acknowledged what the message told, in the person's name.
    Acknowledged,
    /// Its words stand at the alarm.
    Noted,
    /// There was nothing left that it could be about.
    NothingWaits,
    /// Nobody was told at this number lately: it did nothing.
    UnknownNumber,
}

impl ReplyOutcome {
    /// The outcome that is stored under this word.
    #[must_use]
    pub fn of_code(code: &str) -> Self {
        match code {
            "acknowledged" => Self::Acknowledged,
            "noted" => Self::Noted,
            "nothing_waits" => Self::NothingWaits,
            _ => Self::UnknownNumber,
        }
    }
}

/// Something that came from a telephone.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct MediumReply {
    /// When.
    pub at: Time,
    /// From which number, its middle left out.
    #[schema(example = "+861****8000")]
    pub phone: String,
    /// The text, or the keys.
    pub text: String,
    /// For whom it acted; null: for nobody.
    pub account_name: Option<String>,
    /// What came of it.
    pub outcome: ReplyOutcome,
    /// How many alarms it acknowledged.
    #[schema(minimum = 0)]
    pub alarms: i64,
}

/// From alarms to a ladder. What is left out takes all.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Route {
    /// Its id.
    #[schema(minimum = 1)]
    pub id: i64,
    /// Whose it is: it takes alarms of this organisation and below; null is the platform's.
    pub organisation_id: Option<i64>,
    /// The same by name.
    pub organisation_name: Option<String>,
    /// Its name. The route that comes with the platform is called `default`.
    pub name: String,
    /// Whether it is used.
    pub enabled: bool,
    /// Only for the order in which routes are shown.
    pub rank: i64,
    /// Which alarms.
    #[serde(flatten)]
    pub takes: RouteMatch,
    /// Where they go.
    pub ladder_id: i64,
    /// Rises with every change; comes back with a change.
    pub version: i64,
}

/// Which alarms a route takes.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct RouteMatch {
    /// One of these; empty is any.
    #[serde(default)]
    #[schema(max_items = 100)]
    pub hazards: Vec<Hazard>,
    /// At least this bad.
    pub severity: Severity,
    /// At one of these sites; empty is any.
    #[serde(default)]
    #[schema(max_items = 1000)]
    pub sites: Vec<i64>,
    /// Of this organisation or below it; null is any.
    #[serde(default)]
    #[schema(minimum = 1)]
    pub of_organisation: Option<i64>,
    /// In this area; null is any.
    #[serde(default)]
    #[schema(min_length = 6, max_length = 12, pattern = "^[0-9]{6,12}$")]
    pub area_code: Option<String>,
    /// Only then; null is always.
    #[serde(default)]
    pub hours: Option<Hours>,
}

/// A route to be made or changed.
#[derive(Debug, Clone, Deserialize, ToSchema)]
pub struct RouteDraft {
    /// Whose it shall be; null is the platform's. Stays when it is changed.
    #[serde(default)]
    #[schema(minimum = 1)]
    pub organisation_id: Option<i64>,
    /// Its name.
    #[schema(min_length = 1, max_length = 200)]
    pub name: String,
    /// Whether it is used.
    #[serde(default = "on")]
    pub enabled: bool,
    /// Only for the order in which routes are shown.
    #[serde(default)]
    #[schema(minimum = -1000, maximum = 1000)]
    pub rank: i64,
    /// Which alarms.
    #[serde(flatten)]
    pub takes: RouteMatch,
    /// Where they go.
    #[schema(minimum = 1)]
    pub ladder_id: i64,
    /// The version that was read; wanted when it is changed.
    #[serde(default)]
    pub version: Option<i64>,
}

/// Somebody to be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case", tag = "kind", deny_unknown_fields)]
pub enum Recipient {
    /// This person.
    Account {
        /// The account.
        account_id: i64,
    },
    /// Whoever is on duty then.
    OnDuty {
        /// By which duty calendar.
        duty_id: i64,
    },
    /// Everybody who holds this role over the site.
    Responsible {
        /// The role.
        role: Role,
    },
}

impl From<rules::Recipient> for Recipient {
    fn from(recipient: rules::Recipient) -> Self {
        match recipient {
            rules::Recipient::Account { account } => Self::Account { account_id: account.0 },
            rules::Recipient::OnDuty { roster } => Self::OnDuty { duty_id: roster.0 },
            rules::Recipient::Responsible { role } => Self::Responsible { role: role.into() },
        }
    }
}

impl From<Recipient> for rules::Recipient {
    fn from(recipient: Recipient) -> Self {
        match recipient {
            Recipient::Account { account_id } => Self::Account { account: UserId(account_id) },
            Recipient::OnDuty { duty_id } => Self::OnDuty { roster: RosterId(duty_id) },
            Recipient::Responsible { role } => Self::Responsible { role: role.into() },
        }
    }
}

/// One step of a ladder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LadderStep {
    /// Minutes after the alarm was raised without anybody taking it; rises from step to step.
    #[schema(minimum = 0, maximum = 10080)]
    pub after_min: u32,
    /// Who is told.
    #[schema(min_items = 1, max_items = 50)]
    pub recipients: Vec<Recipient>,
    /// By what, the next where one fails; empty is every medium in its order.
    #[serde(default)]
    #[schema(max_items = 50)]
    pub media: Vec<i64>,
    /// Tells those again who were told before.
    #[serde(default)]
    pub remind: bool,
}

impl From<rules::Step> for LadderStep {
    fn from(step: rules::Step) -> Self {
        Self {
            after_min: step.after_min,
            recipients: step.recipients.into_iter().map(Into::into).collect(),
            media: step.media.into_iter().map(|id| id.0).collect(),
            remind: step.remind,
        }
    }
}

impl From<LadderStep> for rules::Step {
    fn from(step: LadderStep) -> Self {
        Self {
            after_min: step.after_min,
            recipients: step.recipients.into_iter().map(Into::into).collect(),
            media: step.media.into_iter().map(MediumId).collect(),
            remind: step.remind,
        }
    }
}

/// Who is told after how long.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct TellingLadder {
    /// Its id.
    #[schema(minimum = 1)]
    pub id: i64,
    /// Whose it is; null is the platform's.
    pub organisation_id: Option<i64>,
    /// The same by name.
    pub organisation_name: Option<String>,
    /// Its name. The ladder that comes with the platform is called `default`.
    pub name: String,
    /// Whether it is used.
    pub enabled: bool,
    /// Only for the order in which ladders are shown.
    pub rank: i64,
    /// The steps. One that reaches nobody is passed at once.
    pub steps: Vec<LadderStep>,
    /// Who is told where a step finds nobody on duty.
    pub fallback_account_id: Option<i64>,
    /// Rises with every change; comes back with a change.
    pub version: i64,
}

/// A ladder to be made or changed.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LadderDraft {
    /// Whose it shall be; null is the platform's. Stays when it is changed.
    #[serde(default)]
    #[schema(minimum = 1)]
    pub organisation_id: Option<i64>,
    /// Its name.
    #[schema(min_length = 1, max_length = 200)]
    pub name: String,
    /// Whether it is used.
    #[serde(default = "on")]
    pub enabled: bool,
    /// Only for the order in which ladders are shown.
    #[serde(default)]
    #[schema(minimum = -1000, maximum = 1000)]
    pub rank: i64,
    /// The steps.
    #[schema(min_items = 1, max_items = 20)]
    pub steps: Vec<LadderStep>,
    /// Who is told where a step finds nobody on duty.
    #[serde(default)]
    #[schema(minimum = 1)]
    pub fallback_account_id: Option<i64>,
    /// The version that was read; wanted when it is changed.
    #[serde(default)]
    pub version: Option<i64>,
}

/// One shift of the weekly pattern.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DutyShift {
    /// Days on which it begins, 1 Monday to 7 Sunday; empty is every day.
    #[serde(default)]
    #[schema(max_items = 7)]
    pub days: Vec<u8>,
    /// Begins, minutes after midnight.
    #[schema(minimum = 0, maximum = 1439)]
    pub from_min: u16,
    /// Ends before, minutes after midnight. Not after the beginning: ends on the next day.
    #[schema(minimum = 0, maximum = 1440)]
    pub until_min: u16,
    /// Comes every so many weeks; 1 is every week.
    #[serde(default = "one")]
    #[schema(minimum = 1, maximum = 52)]
    pub every_weeks: u8,
    /// In which of those weeks, from 0; weeks are counted from that of Monday 1970-01-05.
    #[serde(default)]
    #[schema(minimum = 0, maximum = 51)]
    pub week: u8,
    /// Who.
    #[schema(minimum = 1)]
    pub account_id: i64,
}

const fn one() -> u8 {
    1
}

/// Somebody else, or nobody, for a while.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DutyException {
    /// From.
    pub from: Time,
    /// Until before.
    pub until: Time,
    /// Whose duty it is not; null is everybody's.
    #[serde(default)]
    #[schema(minimum = 1)]
    pub instead_of: Option<i64>,
    /// Whose it is; null is nobody's.
    #[serde(default)]
    #[schema(minimum = 1)]
    pub account_id: Option<i64>,
}

/// Somebody by name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct PersonName {
    /// The account.
    #[schema(minimum = 1)]
    pub account_id: i64,
    /// Their name; null when the account is gone or cannot sign in.
    pub name: Option<String>,
}

/// A time in which the same persons are on duty.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct DutyStretch {
    /// From.
    pub from: Time,
    /// Until before.
    pub until: Time,
    /// Who; empty is a gap.
    pub people: Vec<PersonName>,
}

/// A duty calendar.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Duty {
    /// Its id.
    #[schema(minimum = 1)]
    pub id: i64,
    /// Whose it is; null is the platform's.
    pub organisation_id: Option<i64>,
    /// The same by name.
    pub organisation_name: Option<String>,
    /// Its name.
    #[schema(example = "夜班")]
    pub name: String,
    /// Whether it is used.
    pub enabled: bool,
    /// Only for the order in which calendars are shown.
    pub rank: i64,
    /// IANA name of the time zone of the shifts.
    pub zone: String,
    /// The weekly pattern.
    pub shifts: Vec<DutyShift>,
    /// Holidays and swaps.
    pub exceptions: Vec<DutyException>,
    /// Who is on duty now; empty is a gap.
    pub now: Vec<PersonName>,
    /// The next seven days without a hole.
    pub week: Vec<DutyStretch>,
    /// Rises with every change; comes back with a change.
    pub version: i64,
}

/// A duty calendar to be made or changed.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DutyDraft {
    /// Whose it shall be; null is the platform's. Stays when it is changed.
    #[serde(default)]
    #[schema(minimum = 1)]
    pub organisation_id: Option<i64>,
    /// Its name.
    #[schema(min_length = 1, max_length = 200)]
    pub name: String,
    /// Whether it is used.
    #[serde(default = "on")]
    pub enabled: bool,
    /// Only for the order in which calendars are shown.
    #[serde(default)]
    #[schema(minimum = -1000, maximum = 1000)]
    pub rank: i64,
    /// IANA name of the time zone of the shifts.
    #[schema(max_length = 60, example = "Asia/Shanghai")]
    pub zone: String,
    /// The weekly pattern.
    #[schema(max_items = 200)]
    pub shifts: Vec<DutyShift>,
    /// Holidays and swaps.
    #[serde(default)]
    #[schema(max_items = 1000)]
    pub exceptions: Vec<DutyException>,
    /// The version that was read; wanted when it is changed.
    #[serde(default)]
    pub version: Option<i64>,
}

/// How a person is reached.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Contact {
    /// Whose.
    #[schema(minimum = 1)]
    pub account_id: i64,
    /// Mailbox.
    #[schema(example = "wang.li@example.cn")]
    pub email: Option<String>,
    /// When a link that was sent there was used; null: nobody knows yet whether it is right.
    pub email_verified_at: Option<Time>,
    /// Telephone number.
    #[schema(example = "+8613800138000")]
    pub phone: Option<String>,
    /// When a link that was sent there was used.
    pub phone_verified_at: Option<Time>,
    /// When they want to be left alone. An alarm of the highest severity is told all the same.
    pub quiet: Option<Hours>,
    /// Rises with every change; comes back with a change.
    pub version: i64,
}

/// How a person shall be reached.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ContactDraft {
    /// Mailbox; null is none.
    #[serde(default)]
    #[schema(max_length = 254)]
    pub email: Option<String>,
    /// Telephone number with its country, digits after a plus sign; null is none.
    #[serde(default)]
    #[schema(max_length = 16, pattern = "^\\+[1-9][0-9]{6,14}$")]
    pub phone: Option<String>,
    /// When they want to be left alone; null is never.
    #[serde(default)]
    pub quiet: Option<Hours>,
    /// The version that was read; 0 while nothing was set.
    pub version: i64,
}

/// Why somebody is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum WhyKind {
    /// The ladder names the account.
    Named,
    /// On duty.
    OnDuty,
    /// Holds a role over the site.
    Responsible,
    /// Nobody was on duty, so the ladder's fallback is told.
    Fallback,
}

/// Why somebody is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
pub struct Why {
    /// The kind of reason.
    pub kind: WhyKind,
    /// By which duty calendar.
    pub duty_id: Option<i64>,
    /// By which role.
    pub role: Option<Role>,
}

impl From<rules::Why> for Why {
    fn from(why: rules::Why) -> Self {
        let (kind, duty_id, role) = match why {
            rules::Why::Named => (WhyKind::Named, None, None),
            rules::Why::OnDuty { roster } => (WhyKind::OnDuty, Some(roster.0), None),
            rules::Why::Responsible { role } => (WhyKind::Responsible, None, Some(role.into())),
            rules::Why::Fallback { roster } => (WhyKind::Fallback, Some(roster.0), None),
        };
        Self { kind, duty_id, role }
    }
}

/// How a notice stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum NoticeState {
    /// Its message gathers what else happens at the site.
    Gathering,
    /// Its message is on its way.
    Sending,
    /// A provider took its message.
    Told,
    /// No medium took its message.
    Failed,
    /// Somebody had taken everything in it before it went out.
    Stopped,
    /// The person has no address for any medium.
    Unreachable,
}

/// One attempt of a delivery.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Attempt {
    /// When it began.
    pub started_at: Time,
    /// When it was over.
    pub ended_at: Option<Time>,
    /// What came of it; null while it is under way.
    pub outcome: Option<AttemptOutcome>,
    /// What the provider said.
    pub detail: Option<String>,
    /// The provider's number of it.
    pub reference: Option<String>,
}

/// How a delivery stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryState {
    /// Waits for its first or next attempt.
    Waiting,
    /// Being sent.
    Sending,
    /// The provider took it.
    Accepted,
    /// The provider has reported that it arrived.
    Delivered,
    /// The provider has reported that it did not arrive; the next medium was used instead.
    Undelivered,
    /// The next medium was used instead.
    GivenUp,
    /// There was nothing to tell any more.
    Stopped,
    /// The same address was told the same by another delivery.
    Shared,
}

/// A message on its way by one medium to one address.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Delivery {
    /// Its id.
    #[schema(minimum = 1)]
    pub id: i64,
    /// By which medium.
    pub medium_id: i64,
    /// Its name; null when it is gone.
    pub medium_name: Option<String>,
    /// The address with its middle left out; empty where the medium itself names the place.
    #[schema(example = "+861****8000")]
    pub address: String,
    /// How it stands.
    pub state: DeliveryState,
    /// When it was decided.
    pub created_at: Time,
    /// When it is tried next, while it waits.
    pub next_at: Option<Time>,
    /// When it was over.
    pub ended_at: Option<Time>,
    /// What the provider reported later, in its words.
    pub receipt: Option<String>,
    /// The attempts, oldest first.
    pub attempts: Vec<Attempt>,
}

/// That somebody was, or is to be, told of an alarm.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Notice {
    /// Its id.
    #[schema(minimum = 1)]
    pub id: i64,
    /// When it was decided.
    pub at: Time,
    /// Who.
    pub person: PersonName,
    /// Why.
    pub why: Why,
    /// By which ladder; null when it is gone.
    pub ladder_name: Option<String>,
    /// The ladder's id.
    pub ladder_id: Option<i64>,
    /// Which step, from 1.
    #[schema(minimum = 1)]
    pub step: i64,
    /// Which round, from 1; rises when the alarm gets worse or comes again.
    #[schema(minimum = 1)]
    pub round: i64,
    /// How it stands.
    pub state: NoticeState,
    /// When its message goes or went out.
    pub due_at: Option<Time>,
    /// How many notices its message holds; more than one: told at once.
    #[schema(minimum = 0)]
    pub together: i64,
    /// The deliveries of its message, oldest first.
    pub deliveries: Vec<Delivery>,
}

/// Who would be told.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct PreviewPerson {
    /// Who.
    pub person: PersonName,
    /// Why.
    pub why: Why,
    /// By what, the next where one fails.
    pub media: Vec<MediumName>,
}

/// A medium by name.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct MediumName {
    /// Its id.
    #[schema(minimum = 1)]
    pub id: i64,
    /// Its kind.
    #[schema(example = "ntfy")]
    pub kind: String,
}

/// What one step would come to.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct PreviewStep {
    /// When.
    pub at: Time,
    /// By which route.
    pub route_id: i64,
    /// By which ladder.
    pub ladder_id: i64,
    /// Which step, from 1.
    #[schema(minimum = 1)]
    pub step: u64,
    /// Who would be told.
    pub people: Vec<PreviewPerson>,
    /// Who should be told and cannot be: no medium, or no address for one.
    pub unreachable: Vec<PersonName>,
    /// Duty calendars that have nobody on duty then.
    pub gaps: Vec<i64>,
}

/// How it stands with telling people.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct TellingStatus {
    /// Whether there is any medium; false: nobody can be told.
    pub can_tell: bool,
    /// Whether messages carry links; false: `http.public_url` is not set, so nobody can acknowledge from a message.
    pub has_links: bool,
    /// How many media are down.
    #[schema(minimum = 0)]
    pub media_down: u64,
    /// Those of the caller's own that are down.
    pub down: Vec<DownMedium>,
    /// Duty calendars of the caller's own that have nobody on duty now.
    pub gaps: Vec<DutyGap>,
    /// Messages of the last 24 hours; null for who does not see everything.
    pub last_day: Option<TellingCounts>,
}

/// A medium that is down.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct DownMedium {
    /// Its id.
    #[schema(minimum = 1)]
    pub id: i64,
    /// Its name.
    pub name: String,
    /// Since when.
    pub since: Time,
    /// What it said last.
    pub detail: Option<String>,
}

/// A duty calendar that has nobody on duty.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct DutyGap {
    /// Its id.
    #[schema(minimum = 1)]
    pub duty_id: i64,
    /// Its name.
    pub name: String,
}

/// Messages by how they stand.
#[derive(Debug, Clone, Default, Serialize, ToSchema)]
pub struct TellingCounts {
    /// Still gathering.
    #[schema(minimum = 0)]
    pub gathering: i64,
    /// On their way.
    #[schema(minimum = 0)]
    pub sending: i64,
    /// Taken by a provider.
    #[schema(minimum = 0)]
    pub told: i64,
    /// Taken by none.
    #[schema(minimum = 0)]
    pub failed: i64,
    /// Not sent, because somebody had taken everything in them.
    #[schema(minimum = 0)]
    pub stopped: i64,
}
