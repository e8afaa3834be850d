//! An alarm as the API shows it.

use domain::alarm::note;
use domain::id::{ChannelId, DetectorId};
use domain::reading::Quality;
use domain::time::UnixMs;
use engine::Memory;
use serde::{Deserialize, Serialize};
use store::alarms::{AlarmRow, TransitionRow};
use utoipa::ToSchema;

use super::note::{AlarmNote, Dispatch};
use crate::http::time::Time;
use crate::vocabulary::{AlarmState, AsideKind, Class, Hazard, Phase, Quantity, Severity, Verdict};

/// How an alarm is set aside.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Aside {
    /// In which way.
    pub kind: AsideKind,
    /// Since when.
    pub since: Time,
    /// Until when; null by design, which ends with its cause.
    pub until: Option<Time>,
    /// Why, as the person wrote; null by design.
    #[schema(example = "探头送检")]
    pub reason: Option<String>,
    /// Who, by name; null by design.
    pub by: Option<String>,
    /// The hazard that explains it, by design.
    pub cause: Option<Hazard>,
}

impl From<domain::alarm::Aside> for Aside {
    fn from(aside: domain::alarm::Aside) -> Self {
        use domain::alarm::Aside as A;
        let (kind, since, until) = (aside.kind().into(), aside.since().into(), aside.until().map(Into::into));
        let (reason, by, cause) = match aside {
            A::Shelved { reason, by, .. } | A::Maintenance { reason, by, .. } => {
                (Some(reason), Some(by), None)
            }
            A::Design { cause, .. } => (None, None, Some(cause.into())),
        };
        Self { kind, since, until, reason, by, cause }
    }
}

/// An alarm, from raised to closed.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Alarm {
    /// Its id.
    #[schema(minimum = 1)]
    pub id: i64,
    /// The premises.
    #[schema(minimum = 1)]
    pub site_id: i64,
    /// The premises' name.
    #[schema(example = "合泰大市场 3 栋")]
    pub site_name: String,
    /// The premises' area.
    #[schema(example = "430203")]
    pub area_code: String,
    /// The premises' organisation.
    #[schema(minimum = 1)]
    pub organisation_id: i64,
    /// The detector.
    #[schema(minimum = 1)]
    pub detector_id: i64,
    /// The detector's name.
    pub detector_name: String,
    /// The channel; the one that stands for the device where no measured value is concerned.
    #[schema(minimum = 1)]
    pub channel_id: i64,
    /// The channel's name.
    #[schema(example = "A 相温度")]
    pub channel_name: String,
    /// What the channel measures.
    pub quantity: Quantity,
    /// On which conductor.
    pub phase: Option<Phase>,
    /// The unit of the values and the limit; empty where nothing is measured.
    #[schema(example = "°C")]
    pub unit: String,
    /// The panel.
    pub panel_name: Option<String>,
    /// The circuit.
    pub circuit_id: Option<i64>,
    /// The circuit's name.
    pub circuit_name: Option<String>,
    /// What is wrong.
    pub hazard: Hazard,
    /// Whether the circuit is in danger, or the watching of it.
    pub class: Class,
    /// How bad it is now.
    pub severity: Severity,
    /// How bad it was at worst.
    pub worst_severity: Severity,
    /// Where it stands in its life.
    pub state: AlarmState,
    /// When it was raised.
    pub raised_at: Time,
    /// When the condition went away.
    pub returned_at: Option<Time>,
    /// When somebody took it.
    pub acknowledged_at: Option<Time>,
    /// Who took it.
    pub acknowledged_by: Option<String>,
    /// When it was over.
    pub closed_at: Option<Time>,
    /// Why it is over.
    #[schema(example = "returned")]
    pub close_reason: Option<String>,
    /// Whether it holds until a person resets it.
    pub latching: bool,
    /// Whether it was found in data that came late; it is then a record, nothing is open.
    pub late: bool,
    /// Whether the device itself reported it, rather than a limit here.
    pub reported_by_device: bool,
    /// The limit that it was judged by, in `unit`.
    pub limit: Option<f64>,
    /// The newest value, in `unit`.
    pub current_value: Option<f64>,
    /// The worst value, in `unit`.
    pub worst_value: Option<f64>,
    /// When the worst value was measured.
    pub worst_at: Option<Time>,
    /// When the newest value was measured.
    pub current_at: Option<Time>,
    /// Set aside: open, but told to nobody; null when it is not.
    pub aside: Option<Aside>,
    /// What it was in truth, as a person said last.
    pub verdict: Option<Verdict>,
    /// What that person added.
    pub verdict_note: Option<String>,
    /// Rises with every change.
    pub version: i64,
}

impl Alarm {
    /// The alarm as people see it. While it is open, the current value is the channel's latest good one: the row holds
    /// only that of the alarm's last step. What takes more than one value to judge is not the
    /// channel's value: that of the last step stands.
    pub(crate) fn seen(row: AlarmRow, memory: &Memory) -> Self {
        let latest = if row.state == domain::alarm::AlarmState::Closed
            || row.hazard.class() == domain::hazard::Class::Fault
            || !row.hazard.is_of_one_value()
        {
            None
        } else {
            latest_good(memory, row.detector_id, row.channel_id)
        };
        let mut alarm = Self::of_row(row);
        if let Some((value, at)) = latest
            && alarm.current_at.is_none_or(|known| known.0 < at)
        {
            alarm.current_value = Some(value);
            alarm.current_at = Some(at.into());
        }
        alarm
    }

    fn of_row(row: AlarmRow) -> Self {
        Self {
            id: row.id.0,
            site_id: row.site_id.0,
            site_name: row.site_name,
            area_code: row.area_code.0,
            organisation_id: row.organisation_id.0,
            detector_id: row.detector_id.0,
            detector_name: row.detector_name,
            channel_id: row.channel_id.0,
            channel_name: row.channel_name,
            quantity: row.quantity.into(),
            phase: row.phase.map(Into::into),
            unit: row.hazard.own_unit().unwrap_or(row.quantity.unit()).to_owned(),
            panel_name: row.panel_name,
            circuit_id: row.circuit_id.map(|id| id.0),
            circuit_name: row.circuit_name,
            hazard: row.hazard.into(),
            class: row.hazard.class().into(),
            severity: row.severity.into(),
            worst_severity: row.worst_severity.into(),
            state: row.state.into(),
            raised_at: row.raised_at.into(),
            returned_at: row.returned_at.map(Into::into),
            acknowledged_at: row.acknowledged_at.map(Into::into),
            acknowledged_by: row.acknowledged_by,
            closed_at: row.closed_at.map(Into::into),
            close_reason: row.close_reason,
            latching: row.latching,
            late: row.late,
            reported_by_device: row.reported_by_device,
            limit: row.limit_value,
            current_value: row.current_value,
            worst_value: row.worst_value,
            worst_at: row.worst_at.map(Into::into),
            current_at: row.current_at.map(Into::into),
            aside: row.aside.map(Into::into),
            verdict: row.verdict.map(Into::into),
            verdict_note: row.verdict_note,
            version: row.version,
        }
    }
}

fn latest_good(memory: &Memory, detector: DetectorId, channel: ChannelId) -> Option<(f64, UnixMs)> {
    let detector = memory.detector(detector)?;
    let entry = &detector.binding.channels.iter().find(|bound| bound.channel.id == channel)?.channel;
    let latest = detector.state.latest(entry.point?)?;
    (latest.quality == Quality::Good).then(|| (entry.decimals.value(latest.raw), latest.filed_at))
}

/// What happened to an alarm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AlarmEvent {
    /// It began.
    Raised,
    /// It became worse.
    Escalated,
    /// It became less bad.
    Deescalated,
    /// The condition went away.
    Returned,
    /// Somebody took it.
    Acknowledged,
    /// The acknowledgement was taken back.
    Unacknowledged,
    /// Somebody reset it.
    Reset,
    /// It was over.
    Closed,
    /// Somebody wrote about it.
    Commented,
    /// The value was the worst so far.
    Worst,
    /// Present and acknowledged for so long that it asks for attention again.
    Realarmed,
    /// Somebody put it on the shelf.
    Shelved,
    /// It came back from the shelf.
    Unshelved,
    /// Suppressed by maintenance or by design.
    Suppressed,
    /// No longer suppressed.
    Unsuppressed,
    /// Somebody said what it was in truth.
    Judged,
    /// Somebody was called.
    Called,
    /// Somebody was sent.
    Dispatched,
    /// Who was sent is there.
    Arrived,
    /// Who was sent has done it.
    Finished,
    /// An earlier entry holds no longer.
    Withdrawn,
}

impl AlarmEvent {
    /// The event with this stored code. A code of a newer version reads as a comment: it changed nothing known here.
    pub(crate) fn of_code(code: &str) -> Self {
        match code {
            "raised" => Self::Raised,
            "escalated" => Self::Escalated,
            "deescalated" => Self::Deescalated,
            "returned" => Self::Returned,
            "acknowledged" => Self::Acknowledged,
            "unacknowledged" => Self::Unacknowledged,
            "reset" => Self::Reset,
            "closed" => Self::Closed,
            "worst" => Self::Worst,
            "realarmed" => Self::Realarmed,
            "shelved" => Self::Shelved,
            "unshelved" => Self::Unshelved,
            "suppressed" => Self::Suppressed,
            "unsuppressed" => Self::Unsuppressed,
            "judged" => Self::Judged,
            "called" => Self::Called,
            "dispatched" => Self::Dispatched,
            "arrived" => Self::Arrived,
            "finished" => Self::Finished,
            "withdrawn" => Self::Withdrawn,
            _ => Self::Commented,
        }
    }
}

/// Who did it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ActorKind {
    /// The platform.
    System,
    /// A person.
    User,
    /// The device.
    Device,
}

/// Who did it, with a name where it has one.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct TransitionActor {
    /// What it is.
    pub kind: ActorKind,
    /// The person's name.
    pub name: Option<String>,
}

/// One step of an alarm's life.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Transition {
    /// Its id.
    pub id: i64,
    /// When.
    pub at: Time,
    /// What.
    pub event: AlarmEvent,
    /// The state before.
    pub from_state: Option<AlarmState>,
    /// The state after.
    pub to_state: AlarmState,
    /// How bad it was then.
    pub severity: Severity,
    /// The value then, in the alarm's unit.
    pub value: Option<f64>,
    /// Who.
    pub actor: TransitionActor,
    /// Why, for steps of the platform.
    pub reason: Option<String>,
    /// What the person wrote.
    pub comment: Option<String>,
    /// Whom the person called or sent; for what became of it, which entry it is about.
    pub note: Option<AlarmNote>,
    /// Whether a later entry has withdrawn this one.
    pub withdrawn: bool,
}

impl Transition {
    fn seen(row: TransitionRow, withdrawn: bool) -> Self {
        let note = row.note().map(Into::into);
        let kind = match row.actor() {
            Some(store::ActorKind::User(_) | store::ActorKind::Token(_)) => ActorKind::User,
            Some(store::ActorKind::Device) => ActorKind::Device,
            Some(store::ActorKind::System) | None => ActorKind::System,
        };
        Self {
            id: row.id.0,
            at: row.at.into(),
            event: AlarmEvent::of_code(&row.event),
            from_state: row.from_state.map(Into::into),
            to_state: row.to_state.into(),
            severity: row.severity.into(),
            value: row.value,
            actor: TransitionActor { kind, name: row.actor_name },
            reason: row.reason,
            comment: row.comment,
            note,
            withdrawn,
        }
    }
}

/// The steps with what they say together: who was sent, and what holds no longer.
pub(super) fn history(rows: Vec<TransitionRow>) -> (Vec<Transition>, Vec<Dispatch>) {
    let record: Vec<_> = rows.iter().filter_map(TransitionRow::entry).collect();
    let gone = note::withdrawn(&record);
    let sent = note::dispatches(&record).into_iter().map(Into::into).collect();
    let steps = rows.into_iter().map(|row| {
        let withdrawn = gone.contains(&row.id);
        Transition::seen(row, withdrawn)
    });
    (steps.collect(), sent)
}

/// Which curve shows it best.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct AlarmCurve {
    /// The detector to ask.
    pub detector_id: i64,
    /// The channel.
    pub channel_id: i64,
    /// From half an hour before.
    pub from: Time,
    /// To half an hour after, or now.
    pub to: Time,
    /// The limit that it was judged by, in the channel's unit.
    pub limit: Option<f64>,
}

/// An alarm with its history.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct AlarmDetail {
    /// The alarm.
    #[serde(flatten)]
    pub alarm: Alarm,
    /// Every step, oldest first.
    pub transitions: Vec<Transition>,
    /// Everybody who was sent, in the order in which they were.
    pub dispatches: Vec<Dispatch>,
    /// Which curve shows it best; null where nothing is measured.
    pub curve: Option<AlarmCurve>,
    /// The finding that it rests on, where it is foretold; null where it is measured.
    pub finding_id: Option<i64>,
}
