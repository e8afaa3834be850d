//! From a command of a profile to what goes over the line and what must be seen afterwards. A plan is stored with the
//! command, so that what was asked for is what is sent, whatever happens to the profile in between.

use jiff::Timestamp;
use jiff::tz::Offset;
use serde::{Deserialize, Serialize};

use crate::profile::{
    Action, ClockFormat, CommandSpec, Format, LookAt, Profile, ReadCommand, Setting, Source, WriteCommand,
};
use crate::reading::PointIndex;
use crate::time::UnixMs;

/// The version of the stored form.
pub const VERSION: u8 = 1;

/// What goes over the line, and what must be seen afterwards.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// [`VERSION`] of the build that made it.
    pub v: u8,
    /// One after the other; the next only after the one before was taken.
    pub acts: Vec<Act>,
    /// How it is seen to be done.
    pub check: Option<Check>,
}

/// One thing to say to the device.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Act {
    /// Write registers.
    Write(WriteCommand),
    /// Write the time that it is when it is sent.
    Clock {
        /// First register.
        address: u16,
        /// How it is written.
        format: ClockFormat,
        /// How far the device's local time is ahead of UTC, minutes.
        utc_offset_min: i16,
    },
    /// Tell the time in the protocol's own way.
    SetClock,
    /// A command with a name.
    Named {
        /// The name on the wire.
        name: String,
        /// Its parameters, a JSON object.
        value: serde_json::Value,
    },
    /// Read registers; the answer is the command's result.
    Read(ReadCommand),
}

/// How a command is seen to be done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// How long it may take until it is seen, ms.
    pub within_ms: i64,
    /// Where.
    pub look: Look,
}

/// Where a command is seen to be done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Look {
    /// The device is asked for registers, which must hold these words (bits: 0 or 1).
    Ask {
        /// What is read.
        read: ReadCommand,
        /// What must stand there.
        words: Vec<u16>,
    },
    /// The device tells a point by itself, which must have this raw value.
    Wait {
        /// Which point.
        point: PointIndex,
        /// The raw value.
        raw: i64,
    },
}

/// Why a command cannot be made.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum PlanError {
    /// It carries a value and none was given.
    #[error("{code} was asked for without a value, wanted {min} to {max} {unit}")]
    ValueMissing {
        /// The command.
        code: String,
        /// The least value.
        min: f64,
        /// The greatest value.
        max: f64,
        /// Their unit.
        unit: &'static str,
    },
    /// The value is outside what the device takes, or finer than it can hold.
    #[error("had {value} {unit}, wanted {min} to {max} {unit} in steps of {step}")]
    ValueOutOfRange {
        /// The value.
        value: f64,
        /// The least value.
        min: f64,
        /// The greatest value.
        max: f64,
        /// The finest step.
        step: f64,
        /// Their unit.
        unit: &'static str,
    },
    /// It carries no value and one was given.
    #[error("{code} carries no value")]
    ValueUnwanted {
        /// The command.
        code: String,
    },
    /// More than can be read at once, or from where nothing can be read.
    #[error(
        "had function {function}, address {address}, count {count}; wanted function 1 to 4 and 1 to {most} in one read"
    )]
    Read {
        /// The function.
        function: u8,
        /// The first register or bit.
        address: u16,
        /// How many.
        count: u16,
        /// How many at most.
        most: u16,
    },
}

/// The plan of `spec` with `value` (in the setting's unit).
///
/// # Errors
/// [`PlanError`] when the value does not fit the command.
pub fn plan(profile: &Profile, spec: &CommandSpec, value: Option<f64>) -> Result<Plan, PlanError> {
    let raw = match (&spec.setting, value) {
        (Some(setting), Some(value)) => Some(raw_of(setting, value)?),
        (Some(setting), None) => {
            let [min, max] = bounds(setting);
            return Err(PlanError::ValueMissing { code: spec.code.clone(), min, max, unit: setting.unit });
        }
        (None, Some(_)) => return Err(PlanError::ValueUnwanted { code: spec.code.clone() }),
        (None, None) => None,
    };
    let mut written = None;
    let acts = match &spec.action {
        Action::Write(writes) => writes.iter().cloned().map(Act::Write).collect(),
        Action::Put { function, address, format } => {
            let write = WriteCommand {
                function: *function,
                address: *address,
                values: words(*format, raw.unwrap_or_default()),
            };
            written = Some(write.clone());
            vec![Act::Write(write)]
        }
        Action::Clock { address, format, utc_offset_min } => {
            vec![Act::Clock { address: *address, format: *format, utc_offset_min: *utc_offset_min }]
        }
        Action::ProtocolClock => vec![Act::SetClock],
        Action::Named { name, parameters, value_as } => {
            let mut parameters = parameters.clone();
            if let (Some(key), Some(value)) = (value_as, value) {
                parameters.insert(key.clone(), number(value));
            }
            vec![Act::Named { name: name.clone(), value: serde_json::Value::Object(parameters) }]
        }
    };
    let check = spec.read_back.as_ref().and_then(|back| {
        let look = match &back.look {
            LookAt::Registers { read, words } => Look::Ask { read: *read, words: words.clone() },
            LookAt::Written { function } => {
                let write = written?;
                let count = u16::try_from(write.values.len()).ok()?;
                let read = ReadCommand { function: *function, address: write.address, count };
                Look::Ask { read, words: write.values }
            }
            LookAt::Point { point, raw } => match &profile.point(*point)?.source {
                Source::Register(at) => {
                    let read = ReadCommand {
                        function: at.space.function,
                        address: at.address,
                        count: at.format.registers(),
                    };
                    Look::Ask { read, words: words(at.format, *raw) }
                }
                Source::Key(_) => Look::Wait { point: *point, raw: *raw },
            },
        };
        Some(Check { within_ms: i64::from(back.within_s) * 1000, look })
    });
    Ok(Plan { v: VERSION, acts, check })
}

/// The plan of a raw read.
///
/// # Errors
/// [`PlanError::Read`] for what one read cannot carry.
pub fn raw_read(read: ReadCommand) -> Result<Plan, PlanError> {
    let ReadCommand { function, address, count } = read;
    let most = if function <= 2 { crate::profile::MAX_BITS } else { crate::profile::MAX_REGISTERS };
    let fits = (1..=4).contains(&function)
        && (1..=most).contains(&count)
        && u32::from(address) + u32::from(count) <= 0x1_0000;
    if !fits {
        return Err(PlanError::Read { function, address, count, most });
    }
    Ok(Plan { v: VERSION, acts: vec![Act::Read(read)], check: None })
}

/// The least and the greatest value of a setting, in its unit.
#[must_use]
pub fn bounds(setting: &Setting) -> [f64; 2] {
    [setting.decimals.value(setting.range.0), setting.decimals.value(setting.range.1)]
}

/// The finest step of a setting, in its unit.
#[must_use]
pub fn step(setting: &Setting) -> f64 {
    setting.decimals.value(1)
}

fn raw_of(setting: &Setting, value: f64) -> Result<i64, PlanError> {
    let scaled = value * 10f64.powi(i32::from(setting.decimals.0));
    #[expect(clippy::cast_possible_truncation, reason = "beyond i64 it saturates, which the range refuses")]
    let raw = scaled.round() as i64;
    let (least, greatest) = setting.range;
    let is_exact = (scaled - scaled.round()).abs() < 1e-6;
    if !value.is_finite() || !is_exact || raw < least || raw > greatest {
        let [min, max] = bounds(setting);
        return Err(PlanError::ValueOutOfRange { value, min, max, step: step(setting), unit: setting.unit });
    }
    Ok(raw)
}

/// A value as JSON: without a point where it is whole.
fn number(value: f64) -> serde_json::Value {
    #[expect(clippy::cast_possible_truncation, reason = "only taken where it is the same number")]
    let whole = value as i64;
    #[expect(clippy::cast_precision_loss, reason = "compared with what it came from")]
    let is_whole = (whole as f64 - value).abs() < f64::EPSILON;
    if is_whole { whole.into() } else { value.into() }
}

/// The words of `raw` in `format`. What does not fit is cut, which the ranges of profiles exclude.
fn words(format: Format, raw: i64) -> Vec<u16> {
    let [.., b4, b5, b6, b7] = raw.to_be_bytes();
    let (high, low) = (u16::from_be_bytes([b4, b5]), u16::from_be_bytes([b6, b7]));
    match format {
        Format::Bit | Format::U16 | Format::I16 => vec![low],
        Format::U32 | Format::I32 => vec![high, low],
        Format::U32Swapped | Format::I32Swapped => vec![low, high],
    }
}

/// The write that sets a clock to `now`. `None` outside the years that it can write (2000 to 2127, or 1970 to 2106).
#[must_use]
pub fn clock_write(
    address: u16,
    format: ClockFormat,
    utc_offset_min: i16,
    now: UnixMs,
) -> Option<WriteCommand> {
    let values = match format {
        ClockFormat::UnixS => {
            let seconds = u32::try_from(now.0.div_euclid(1000)).ok()?;
            words(Format::U32, i64::from(seconds))
        }
        ClockFormat::Ymdhms => {
            let offset = Offset::from_seconds(i32::from(utc_offset_min) * 60).ok()?;
            let at = offset.to_datetime(Timestamp::from_millisecond(now.0).ok()?);
            let byte = |number: i8| u8::try_from(number).ok();
            let year = u8::try_from(at.year().checked_sub(2000)?).ok().filter(|year| *year <= 127)?;
            vec![
                u16::from_be_bytes([year, byte(at.month())?]),
                u16::from_be_bytes([byte(at.day())?, byte(at.hour())?]),
                u16::from_be_bytes([byte(at.minute())?, byte(at.second())?]),
            ]
        }
    };
    Some(WriteCommand { function: 16, address, values })
}

/// The words (bits: 0 or 1) that `data` holds after a read of `read`; `None` when it is too short.
#[must_use]
pub fn words_read(read: ReadCommand, data: &[u8]) -> Option<Vec<u16>> {
    let count = usize::from(read.count);
    if read.function <= 2 {
        return (0..count)
            .map(|bit| data.get(bit / 8).map(|byte| u16::from(byte >> (bit % 8) & 1)))
            .collect();
    }
    let words: Vec<u16> = data
        .chunks_exact(2)
        .take(count)
        .filter_map(|pair| Some(u16::from_be_bytes(pair.try_into().ok()?)))
        .collect();
    (words.len() == count).then_some(words)
}
