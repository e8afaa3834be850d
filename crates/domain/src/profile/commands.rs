//! What a model can be told, as its profile says it.

use serde::{Deserialize, Serialize};

use super::model::{ClockFormat, Format, ReadCommand, WriteCommand};
use crate::command::CommandKind;
use crate::hazard::Hazard;
use crate::quantity::Decimals;
use crate::reading::PointIndex;

/// One command of a model.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CommandSpec {
    /// Its name in the profile; unique there.
    pub code: String,
    /// What people call it, in Chinese; empty where the kind says enough.
    pub name: String,
    /// What it asks for.
    pub kind: CommandKind,
    /// Whether carrying it out twice is the same as once. Only such a command is sent again after no answer.
    pub idempotent: bool,
    /// What goes over the line.
    pub action: Action,
    /// What the value that it carries means; `None` where it carries none.
    pub setting: Option<Setting>,
    /// How it is seen to be done; `None` where that cannot be seen.
    pub read_back: Option<ReadBack>,
}

/// What goes over the line.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Fixed writes, one after the other.
    Write(Vec<WriteCommand>),
    /// The value of the command, written to registers.
    Put {
        /// Modbus function 6 or 16.
        function: u8,
        /// First register.
        address: u16,
        /// How the number is written there.
        format: Format,
    },
    /// The server's time, written to registers with function 16.
    Clock {
        /// First register.
        address: u16,
        /// How it is written.
        format: ClockFormat,
        /// How far the device's local time is ahead of UTC, minutes; not used by `unix_s`.
        utc_offset_min: i16,
    },
    /// The server's time, in the protocol's own way.
    ProtocolClock,
    /// A command with a name, in protocols that send messages.
    Named {
        /// The name on the wire.
        name: String,
        /// What goes with it.
        parameters: serde_json::Map<String, serde_json::Value>,
        /// Under which name the value of the command is put among them.
        value_as: Option<String>,
    },
}

/// What the value of a command means.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Setting {
    /// Which limit it is; `None` for a reporting period.
    pub limit: Option<(Hazard, LimitField)>,
    /// Which point it is about; `None` is all that the hazard is judged on.
    pub point: Option<PointIndex>,
    /// The scale of the device's integer in `unit`.
    pub decimals: Decimals,
    /// The least and the greatest raw value that the device takes.
    pub range: (i64, i64),
    /// The unit of the value.
    pub unit: &'static str,
}

/// Which field of a limit a set-point is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LimitField {
    /// The warning level.
    Warning,
    /// The alarm level.
    Alarm,
    /// How long the condition must persist, s.
    OnDelayS,
}

impl LimitField {
    /// Every field.
    pub const ALL: [Self; 3] = [Self::Warning, Self::Alarm, Self::OnDelayS];

    /// The stable name used in files and the API.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Warning => "warning",
            Self::Alarm => "alarm",
            Self::OnDelayS => "on_delay_s",
        }
    }
}

/// How a command is seen to be done.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ReadBack {
    /// How long it may take until it is seen, s.
    pub within_s: u32,
    /// Where it is seen.
    pub look: LookAt,
}

/// Where a command is seen to be done.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LookAt {
    /// Registers that must hold these words (bits: 0 or 1).
    Registers {
        /// What is read.
        read: ReadCommand,
        /// What must stand there.
        words: Vec<u16>,
    },
    /// The registers that the value was written to must hold it.
    Written {
        /// With which function they are read.
        function: u8,
    },
    /// A point must have this raw value. In protocols with registers it is asked for; elsewhere it is waited for.
    Point {
        /// Which point.
        point: PointIndex,
        /// The raw value.
        raw: i64,
    },
}
