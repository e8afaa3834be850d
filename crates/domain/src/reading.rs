//! A reading: what one detector said at one moment (invariant 5).

use serde::{Deserialize, Serialize};

use crate::hazard::{Hazard, Severity};
use crate::id::DetectorId;
use crate::time::UnixMs;

/// What is known about a value beside the value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Quality {
    /// Measured, plausible.
    Good,
    /// The device says that the sensor's line is open; there is no value.
    SensorOpen,
    /// The device says that the sensor's line is shorted; there is no value.
    SensorShort,
    /// A number that cannot be, by the point's range; kept, never judged.
    Implausible,
    /// The device could not read its own part (Modbus exception, invalid code of the profile).
    DeviceFault,
}

impl Quality {
    /// The stable name used in the API and the database.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::SensorOpen => "sensor_open",
            Self::SensorShort => "sensor_short",
            Self::Implausible => "implausible",
            Self::DeviceFault => "device_fault",
        }
    }

    /// The stored number; part of the stored format, never renumbered.
    #[must_use]
    pub const fn stored(self) -> u8 {
        match self {
            Self::Good => 0,
            Self::SensorOpen => 1,
            Self::SensorShort => 2,
            Self::Implausible => 3,
            Self::DeviceFault => 4,
        }
    }

    /// The quality stored as `number`.
    #[must_use]
    pub const fn from_stored(number: u8) -> Option<Self> {
        match number {
            0 => Some(Self::Good),
            1 => Some(Self::SensorOpen),
            2 => Some(Self::SensorShort),
            3 => Some(Self::Implausible),
            4 => Some(Self::DeviceFault),
            _ => None,
        }
    }
}

/// The place of a point in its profile's list of points, counted from 0. Stable for a profile's life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PointIndex(pub u16);

/// One value of a reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sample {
    /// Which point of the profile.
    pub point: PointIndex,
    /// The device's integer; the channel's decimals turn it into the unit. 0 where the quality says that there is no value.
    pub raw: i64,
    /// What is known about it.
    pub quality: Quality,
}

/// What one status bit or enumeration of the device says now: the hazard is there (with a severity) or is not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reported {
    /// The point that the profile ties the status to; `None` is the device as a whole.
    pub point: Option<PointIndex>,
    /// What the device reports.
    pub hazard: Hazard,
    /// How bad; `None` when the device says that it is not the case.
    pub severity: Option<Severity>,
}

/// Everything one detector said in one telegram.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reading {
    /// Who.
    pub detector: DetectorId,
    /// Which poll group or segment of the profile; groups of one detector have separate times.
    pub group: u8,
    /// The device's own clock, where the telegram carries one.
    pub device_at: Option<UnixMs>,
    /// The server's clock when the telegram's last byte was read.
    pub received_at: UnixMs,
    /// The values, in the order of the profile's points.
    pub samples: Vec<Sample>,
    /// What the device's status words say.
    pub reported: Vec<Reported>,
}

/// How a reading was filed against what was known (invariant 4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Filing {
    /// Newer than all before: becomes "latest".
    Current,
    /// Older than what is known: stored, judged as late, never "latest".
    Late,
    /// The same moment again: counted, not stored.
    Repeated,
    /// The device's clock was wrong: filed under receive time and marked so.
    ClockWrong,
}

impl Filing {
    /// The stored number; part of the stored format, never renumbered.
    #[must_use]
    pub const fn stored(self) -> u8 {
        match self {
            Self::Current => 0,
            Self::Late => 1,
            Self::Repeated => 2,
            Self::ClockWrong => 3,
        }
    }

    /// The filing stored as `number`.
    #[must_use]
    pub const fn from_stored(number: u8) -> Option<Self> {
        match number {
            0 => Some(Self::Current),
            1 => Some(Self::Late),
            2 => Some(Self::Repeated),
            3 => Some(Self::ClockWrong),
            _ => None,
        }
    }
}
