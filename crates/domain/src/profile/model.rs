//! A profile after it was checked: everything the gateway, the pipeline and the simulator need of a model.

use serde::{Deserialize, Serialize};

use crate::hazard::{Hazard, Severity};
use crate::place::Protocol;
use crate::quantity::{Decimals, Phase, Quantity};
use crate::reading::{PointIndex, Quality};
use crate::settings::LimitPatch;

/// A detector model.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Profile {
    /// The file's name without `.toml`.
    pub id: String,
    /// What people call the model, in Chinese.
    pub name: String,
    /// Who makes it.
    pub maker: String,
    /// Whether the map was checked against a real device or a complete manual.
    pub verified: bool,
    /// Where the map comes from.
    pub source: String,
    /// How it is spoken to.
    pub protocol: Protocol,
    /// How often it speaks by itself or is polled, s. Silence is judged by it.
    pub interval_s: u32,
    /// Whether it sends stored history after an outage, so that old device time is no fault.
    pub replays_history: bool,
    /// What it measures.
    pub points: Vec<Point>,
    /// What its status words mean.
    pub statuses: Vec<Status>,
    /// What is read or sent together.
    pub groups: Vec<Group>,
    /// How an alarm held by the device is reset, where that is known.
    pub reset: Option<WriteCommand>,
    /// Limits that differ from the platform's for this model.
    pub limits: Vec<(Hazard, LimitPatch)>,
}

impl Profile {
    /// The point at `index`.
    #[must_use]
    pub fn point(&self, index: PointIndex) -> Option<&Point> {
        self.points.get(usize::from(index.0))
    }
}

/// One measured value of a model.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Point {
    /// Its name in the profile, `residual`, `temperature_a`.
    pub code: String,
    /// What people call it, in Chinese.
    pub name: String,
    /// What it measures.
    pub quantity: Quantity,
    /// On which conductor.
    pub phase: Option<Phase>,
    /// The scale of the device's integer in the quantity's unit.
    pub decimals: Decimals,
    /// The register where it stands, in its group's address space.
    pub address: u16,
    /// How it is written there.
    pub format: Format,
    /// Codes that are not values.
    pub invalid: Vec<(i64, Quality)>,
    /// The least and the greatest raw value that can be; outside is `implausible`.
    pub range: Option<(i64, i64)>,
}

/// How a number is written in 16-bit registers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// One register, unsigned.
    U16,
    /// One register, two's complement.
    I16,
    /// Two registers, unsigned, high word first.
    U32,
    /// Two registers, unsigned, low word first.
    U32Swapped,
    /// Two registers, two's complement, high word first.
    I32,
    /// Two registers, two's complement, low word first.
    I32Swapped,
}

impl Format {
    /// How many registers it takes.
    #[must_use]
    pub const fn registers(self) -> u16 {
        match self {
            Self::U16 | Self::I16 => 1,
            Self::U32 | Self::U32Swapped | Self::I32 | Self::I32Swapped => 2,
        }
    }
}

/// A status word: bits or an enumeration that name hazards.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Status {
    /// Its name in the profile.
    pub code: String,
    /// The register where it stands.
    pub address: u16,
    /// The bits that matter, applied before comparing.
    pub mask: u16,
    /// How far the masked word is shifted right.
    pub shift: u8,
    /// What each value means; a value without a meaning is "nothing".
    pub meanings: Vec<Meaning>,
}

/// What one value of a status word means.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Meaning {
    /// The masked and shifted value.
    pub value: u16,
    /// The hazard or fault that it names.
    pub hazard: Hazard,
    /// How bad.
    pub severity: Severity,
    /// The point that it is about; `None` is the device as a whole.
    pub point: Option<PointIndex>,
}

/// Registers that are read together (Modbus), or come together in one segment (7B7B).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Group {
    /// Counted from 0; readings carry it.
    pub index: u8,
    /// Modbus function 1, 2, 3 or 4.
    pub function: u8,
    /// First register.
    pub start: u16,
    /// How many registers, 1-125.
    pub count: u16,
    /// Poll period, s (Modbus only).
    pub every_s: u32,
    /// The ASCII segment address of the vendor cloud protocol, `1-1`; with the byte count it selects the group.
    pub segment: Option<String>,
}

/// Registers to write.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WriteCommand {
    /// Modbus function 5, 6 or 16.
    pub function: u8,
    /// First register.
    pub address: u16,
    /// What to write there.
    pub values: Vec<u16>,
}
