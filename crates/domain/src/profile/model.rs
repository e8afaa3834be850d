//! A profile after it was checked: everything the gateway, the pipeline and the simulator need of a model.

use serde::{Deserialize, Serialize};

use super::commands::CommandSpec;
use super::gb26875::Gb26875Dialect;
use super::keyed::Decimal;
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
    /// The same for protocols that name their values.
    pub keyed_statuses: Vec<KeyedStatus>,
    /// What is read or sent together.
    pub groups: Vec<Group>,
    /// How an alarm held by the device is reset, where that is known and is one write.
    pub reset: Option<WriteCommand>,
    /// What it can be told.
    pub commands: Vec<CommandSpec>,
    /// Where the device's own clock stands in what it sends, if it sends it.
    pub clock: Option<Clock>,
    /// What the device does otherwise than GB/T 26875.3 (only profiles of that protocol).
    pub gb26875: Option<Gb26875Dialect>,
    /// Limits that differ from the platform's for this model.
    pub limits: Vec<(Hazard, LimitPatch)>,
    /// The file as it was written.
    #[serde(skip)]
    pub text: String,
}

impl Profile {
    /// The group with this index.
    #[must_use]
    pub fn group(&self, index: u8) -> Option<&Group> {
        self.groups.get(usize::from(index))
    }

    /// The point with this code, and its index.
    #[must_use]
    pub fn point_by_code(&self, code: &str) -> Option<(PointIndex, &Point)> {
        self.indexed_points().find(|(_, point)| point.code == code)
    }

    /// The command with this code.
    #[must_use]
    pub fn command(&self, code: &str) -> Option<&CommandSpec> {
        self.commands.iter().find(|command| command.code == code)
    }

    /// The points with their indexes.
    pub fn indexed_points(&self) -> impl Iterator<Item = (PointIndex, &Point)> {
        (0u16..).map(PointIndex).zip(&self.points)
    }

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
    /// Where it stands in what the device sends.
    pub source: Source,
    /// Codes that are not values.
    pub invalid: Vec<(i64, Quality)>,
    /// The least and the greatest raw value that can be; outside is `implausible`.
    pub range: Option<(i64, i64)>,
}

impl Point {
    /// The register that it stands in, in protocols that have registers.
    #[must_use]
    pub const fn register(&self) -> Option<&Register> {
        match &self.source {
            Source::Register(register) => Some(register),
            Source::Key(_) => None,
        }
    }

    /// The least and the greatest raw value that the device can write.
    #[must_use]
    pub const fn bounds(&self) -> (i64, i64) {
        match &self.source {
            Source::Register(register) => register.format.bounds(),
            // What a screen's number holds exactly.
            Source::Key(_) => (-(1 << 53), 1 << 53),
        }
    }
}

/// Where a point stands in what the device sends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// In registers.
    Register(Register),
    /// Under a name.
    Key(Key),
}

/// A place among numbered registers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Register {
    /// In which address space.
    pub space: Space,
    /// The register (or bit, in the spaces of functions 1 and 2).
    pub address: u16,
    /// How the number is written there.
    pub format: Format,
}

/// A name under which protocols without registers send a value; its grammar is the protocol's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Key {
    /// As it is written in the file.
    pub name: String,
    /// The steps, where the name is a path into JSON (`$.data.Ua`); empty where it is a plain name.
    pub steps: Vec<Step>,
    /// From the device's unit to the quantity's: 1000 for a residual current in A.
    pub multiply: Decimal,
    /// What arrives together has one number.
    pub group: u8,
}

/// One step of a path into JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// The member with this name.
    Name(String),
    /// The item with this number, from 0.
    Item(usize),
}

/// A status word under a key.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct KeyedStatus {
    /// Its name in the profile.
    pub code: String,
    /// Where it stands.
    pub key: Key,
    /// The bits that matter where it is a number; they are shifted down before comparing.
    pub mask: Option<u32>,
    /// What each value means; a value without a meaning is "nothing".
    pub meanings: Vec<KeyedMeaning>,
}

/// What one value of a keyed status means.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct KeyedMeaning {
    /// The value.
    pub value: Word,
    /// The hazard or fault that it names.
    pub hazard: Hazard,
    /// How bad.
    pub severity: Severity,
    /// The point that it is about; `None` is the device as a whole.
    pub point: Option<PointIndex>,
}

/// A value of a keyed status.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Word {
    /// A whole number, after the mask.
    Number(i64),
    /// A text, compared as it is.
    Text(String),
}

/// An address space: the same address in two spaces is two different things.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub struct Space {
    /// Modbus function 1, 2, 3 or 4.
    pub function: u8,
    /// The ASCII segment address of the vendor cloud protocol, `1-1`.
    pub segment: Option<String>,
}

impl Space {
    /// Whether its addresses count bits (functions 1 and 2) rather than registers.
    #[must_use]
    pub const fn is_bits(&self) -> bool {
        matches!(self.function, 1 | 2)
    }
}

/// Where the device's own clock stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Clock {
    /// In which address space.
    pub space: Space,
    /// Its first register.
    pub address: u16,
    /// How it is written.
    pub format: ClockFormat,
    /// How far its local time is ahead of UTC, minutes; not used by `unix_s`.
    pub utc_offset_min: i16,
}

/// How a device writes its clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClockFormat {
    /// Three registers of two bytes each: year - 2000, month; day, hour; minute, second. Binary, local time.
    Ymdhms,
    /// Two registers, high word first: seconds since 1970-01-01 UTC.
    UnixS,
}

impl ClockFormat {
    /// How many registers it takes.
    #[must_use]
    pub const fn registers(self) -> u16 {
        match self {
            Self::Ymdhms => 3,
            Self::UnixS => 2,
        }
    }
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
    /// One coil or discrete input.
    Bit,
}

impl Format {
    /// Every format.
    pub const ALL: [Self; 7] =
        [Self::U16, Self::I16, Self::U32, Self::U32Swapped, Self::I32, Self::I32Swapped, Self::Bit];

    /// How many registers (or bits) it takes.
    #[must_use]
    pub const fn registers(self) -> u16 {
        match self {
            Self::U16 | Self::I16 | Self::Bit => 1,
            Self::U32 | Self::U32Swapped | Self::I32 | Self::I32Swapped => 2,
        }
    }

    /// The least and the greatest integer that it can write.
    #[must_use]
    pub const fn bounds(self) -> (i64, i64) {
        match self {
            Self::Bit => (0, 1),
            Self::U16 => (0, u16::MAX as i64),
            Self::I16 => (i16::MIN as i64, i16::MAX as i64),
            Self::U32 | Self::U32Swapped => (0, u32::MAX as i64),
            Self::I32 | Self::I32Swapped => (i32::MIN as i64, i32::MAX as i64),
        }
    }

    /// The name used in files.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::U16 => "u16",
            Self::I16 => "i16",
            Self::U32 => "u32",
            Self::U32Swapped => "u32_swapped",
            Self::I32 => "i32",
            Self::I32Swapped => "i32_swapped",
            Self::Bit => "bit",
        }
    }
}

/// A status word: bits or an enumeration that name hazards.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Status {
    /// Its name in the profile.
    pub code: String,
    /// In which address space it stands.
    pub space: Space,
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
    /// The Modbus function that reads it and, in the vendor cloud protocol, the segment that carries it;
    /// segment and byte count select the group.
    pub space: Space,
    /// First register (or bit).
    pub start: u16,
    /// How many registers, 1-125 (or bits, 1-2000).
    pub count: u16,
    /// Poll period, s (Modbus only).
    pub every_s: u32,
}

impl Group {
    /// How many data bytes an answer with this group has.
    #[must_use]
    pub fn byte_count(&self) -> usize {
        let count = usize::from(self.count);
        if self.space.is_bits() { count.div_ceil(8) } else { count * 2 }
    }

    /// Whether `point` stands in it.
    #[must_use]
    pub fn holds_point(&self, point: &Point) -> bool {
        point.register().is_some_and(|at| self.holds(&at.space, at.address, at.format.registers()))
    }

    /// Whether `length` registers (or bits) from `address` in `space` lie in it.
    #[must_use]
    pub fn holds(&self, space: &Space, address: u16, length: u16) -> bool {
        let (start, address) = (u32::from(self.start), u32::from(address));
        *space == self.space
            && address >= start
            && address + u32::from(length) <= start + u32::from(self.count)
    }
}

/// Registers (or bits) to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReadCommand {
    /// Modbus function 1 to 4.
    pub function: u8,
    /// First register (or bit).
    pub address: u16,
    /// How many.
    pub count: u16,
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
