//! A command as the API shows it.

use serde::{Deserialize, Serialize};
use store::commands::{CommandRow, CommandTransitionRow};
use utoipa::ToSchema;

use crate::http::time::Time;
use crate::vocabulary::{CommandKind, CommandOutcome};

/// Where a command stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CommandState {
    /// Waits for the second person.
    AwaitingApproval,
    /// Waits for the line; a device that sleeps gets it when it wakes.
    Queued,
    /// Handed to the line; the answer is out.
    Sent,
    /// The device took it. While `open`, it is read back.
    Acknowledged,
    /// Nobody knows whether it was carried out. While `open`, it is tried to read it back.
    OutcomeUnknown,
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

impl From<domain::command::State> for CommandState {
    fn from(state: domain::command::State) -> Self {
        use domain::command::State as S;
        match state {
            S::AwaitingApproval => Self::AwaitingApproval,
            S::Queued => Self::Queued,
            S::Sent => Self::Sent,
            S::Acknowledged { .. } => Self::Acknowledged,
            S::OutcomeUnknown { .. } => Self::OutcomeUnknown,
            S::Verified => Self::Verified,
            S::NotVerified => Self::NotVerified,
            S::Refused => Self::Refused,
            S::Failed => Self::Failed,
            S::Expired => Self::Expired,
            S::Cancelled => Self::Cancelled,
        }
    }
}

/// Registers (or bits) to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RegisterRead {
    /// Modbus function 1 to 4.
    #[schema(minimum = 1, maximum = 4, example = 3)]
    pub function: u8,
    /// First register (or bit).
    #[schema(minimum = 0, maximum = 65535, example = 0)]
    pub address: u16,
    /// How many.
    #[schema(minimum = 1, maximum = 2000, example = 2)]
    pub count: u16,
}

/// A command.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Command {
    /// Its id.
    #[schema(minimum = 1)]
    pub id: i64,
    /// The batch that it belongs to.
    pub batch_id: Option<i64>,
    /// Its detector.
    #[schema(minimum = 1)]
    pub detector_id: i64,
    /// The detector's name.
    pub detector_name: String,
    /// The terminal over which it goes.
    #[schema(minimum = 1)]
    pub terminal_id: i64,
    /// The site.
    #[schema(minimum = 1)]
    pub site_id: i64,
    /// The site's name.
    pub site_name: String,
    /// The circuit that the detector watches.
    pub circuit_name: Option<String>,
    /// What it asks for.
    pub kind: CommandKind,
    /// Its name in the detector's model.
    #[schema(example = "trip")]
    pub code: String,
    /// What people call it; empty where the kind says enough.
    pub name: String,
    /// The value that it carries.
    pub value: Option<f64>,
    /// The value's unit.
    #[schema(example = "mA")]
    pub unit: Option<String>,
    /// Where it stands.
    pub state: CommandState,
    /// Whether more can come.
    pub open: bool,
    /// Whether it is read back.
    pub read_back: bool,
    /// Whether carrying it out twice is the same as once; only then it is sent again after no answer.
    pub idempotent: bool,
    /// How often it was sent.
    #[schema(minimum = 0, maximum = 255)]
    pub attempts: u8,
    /// Why the person wants it.
    pub reason: String,
    /// Why it went the way it went.
    pub outcome: Option<CommandOutcome>,
    /// The same in words for whoever looks closer, such as the device's exception.
    pub detail: String,
    /// The registers (bits: 0 or 1) that were read: the answer to a raw read, or what was read back.
    pub result: Option<Vec<i64>>,
    /// Who asked.
    pub asked_by: String,
    /// The second person.
    pub approved_by: Option<String>,
    /// When it was asked for.
    pub created_at: Time,
    /// It is not sent from here on.
    pub expires_at: Time,
    /// When it changed last.
    pub changed_at: Time,
}

/// One step of a command's life.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct CommandTransition {
    /// When.
    pub at: Time,
    /// The state before; null for the first.
    #[schema(example = "queued")]
    pub from_state: Option<String>,
    /// The state after.
    #[schema(example = "sent")]
    pub to_state: String,
    /// Why.
    pub outcome: Option<CommandOutcome>,
    /// The same in words.
    pub detail: String,
    /// `user`, `token`, `system` or `device`.
    #[schema(example = "system")]
    pub actor_kind: String,
    /// Who.
    pub actor_name: String,
}

/// A command with its history.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct CommandDetail {
    /// The command.
    #[serde(flatten)]
    pub command: Command,
    /// Every step, oldest first.
    pub transitions: Vec<CommandTransition>,
}

impl From<CommandRow> for Command {
    fn from(row: CommandRow) -> Self {
        Self {
            id: row.id.0,
            batch_id: row.batch_id.map(|id| id.0),
            detector_id: row.detector_id.0,
            detector_name: row.detector_name,
            terminal_id: row.terminal_id.0,
            site_id: row.site_id.0,
            site_name: row.site_name,
            circuit_name: row.circuit_name,
            kind: row.kind.into(),
            code: row.code,
            name: row.name,
            value: row.value,
            unit: Some(row.unit).filter(|unit| !unit.is_empty()),
            state: row.state.into(),
            open: row.open,
            read_back: row.verify_within_ms.is_some(),
            idempotent: row.idempotent,
            attempts: row.attempts,
            reason: row.reason,
            outcome: row.outcome.map(Into::into),
            detail: row.detail,
            result: row.result.and_then(|text| serde_json::from_str(&text).ok()),
            asked_by: row.actor_name,
            approved_by: row.approved_by,
            created_at: row.created_at.into(),
            expires_at: row.expires_at.into(),
            changed_at: row.changed_at.into(),
        }
    }
}

impl From<CommandTransitionRow> for CommandTransition {
    fn from(row: CommandTransitionRow) -> Self {
        Self {
            at: row.at.into(),
            from_state: row.from_state,
            to_state: row.to_state,
            outcome: row.outcome.map(Into::into),
            detail: row.detail,
            actor_kind: row.actor_kind,
            actor_name: row.actor_name,
        }
    }
}
