//! From values to the bytes of a group: the inverse of decoding, for the simulator and for tests.

use jiff::Timestamp;
use jiff::tz::Offset;

use super::decode::Decoded;
use super::model::{Clock, ClockFormat, Format, Group, Point, Profile, Register, Space, Status};
use crate::reading::{Quality, Reported, Sample};
use crate::time::UnixMs;

/// Something that the profile has no way to say.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EncodeError {
    /// The number is outside what the point's format can write.
    #[error("point `{point}` is {raw}, want {least} to {greatest}")]
    DoesNotFit {
        /// The point's code.
        point: String,
        /// The number.
        raw: i64,
        /// The least that can be written.
        least: i64,
        /// The greatest that can be written.
        greatest: i64,
    },
    /// The profile has no code for the quality at this point.
    #[error("point `{point}` has no code for {}", quality.code())]
    NoCode {
        /// The point's code.
        point: String,
        /// The quality.
        quality: Quality,
    },
    /// The moment is outside what the clock's format can write (years 2000 to 2127, or 1970 to 2106).
    #[error("the clock cannot write {0:?}")]
    Clock(UnixMs),
}

/// The data bytes of `group` with `said` in them. What `said` holds of other groups is left out; registers that
/// nothing stands in are 0; a clock of `None` is written as zeros.
///
/// # Errors
/// A value that the profile has no way to say.
pub fn encode(profile: &Profile, group: &Group, said: &Decoded) -> Result<Vec<u8>, EncodeError> {
    let mut page = Page { group, bytes: vec![0; group.byte_count()] };
    for sample in &said.samples {
        if let Some(point) = profile.point(sample.point)
            && let Some(register) = point.register()
            && group.holds_point(point)
        {
            page.number(register, written(point, sample)?);
        }
    }
    for status in &profile.statuses {
        page.status(status, &said.reported);
    }
    if let (Some(clock), Some(at)) = (&profile.clock, said.device_at) {
        page.clock(clock, at)?;
    }
    Ok(page.bytes)
}

fn written(point: &Point, sample: &Sample) -> Result<i64, EncodeError> {
    match sample.quality {
        Quality::Good | Quality::Implausible => {
            let (least, greatest) = point.bounds();
            if sample.raw < least || sample.raw > greatest {
                let point = point.code.clone();
                return Err(EncodeError::DoesNotFit { point, raw: sample.raw, least, greatest });
            }
            Ok(sample.raw)
        }
        Quality::SensorOpen | Quality::SensorShort | Quality::DeviceFault => point
            .invalid
            .iter()
            .find(|(_, quality)| *quality == sample.quality)
            .map(|(code, _)| *code)
            .ok_or_else(|| EncodeError::NoCode { point: point.code.clone(), quality: sample.quality }),
    }
}

/// The bytes of a group under the pen.
struct Page<'a> {
    group: &'a Group,
    bytes: Vec<u8>,
}

impl Page<'_> {
    fn put(&mut self, space: &Space, address: u16, bytes: &[u8]) {
        let registers = u16::try_from(bytes.len() / 2).unwrap_or(u16::MAX);
        if self.group.holds(space, address, registers) {
            let at = usize::from(address - self.group.start) * 2;
            for (slot, byte) in self.bytes.iter_mut().skip(at).zip(bytes) {
                *slot = *byte;
            }
        }
    }

    fn number(&mut self, at: &Register, raw: i64) {
        let [.., a, b, c, d] = raw.to_be_bytes();
        match at.format {
            Format::U16 | Format::I16 => self.put(&at.space, at.address, &[c, d]),
            Format::U32 | Format::I32 => self.put(&at.space, at.address, &[a, b, c, d]),
            Format::U32Swapped | Format::I32Swapped => self.put(&at.space, at.address, &[c, d, a, b]),
            Format::Bit => {
                let bit = usize::from(at.address - self.group.start);
                if let Some(byte) = self.bytes.get_mut(bit / 8) {
                    *byte |= (d & 1) << (bit % 8);
                }
            }
        }
    }

    fn status(&mut self, status: &Status, reported: &[Reported]) {
        let meaning = status.meanings.iter().find(|meaning| {
            reported.iter().any(|r| {
                r.point == meaning.point && r.hazard == meaning.hazard && r.severity == Some(meaning.severity)
            })
        });
        if let Some(meaning) = meaning
            && self.group.holds(&status.space, status.address, 1)
        {
            let at = usize::from(status.address - self.group.start) * 2;
            let bits = (meaning.value << status.shift) & status.mask;
            for (slot, byte) in self.bytes.iter_mut().skip(at).zip(bits.to_be_bytes()) {
                *slot |= byte;
            }
        }
    }

    fn clock(&mut self, clock: &Clock, at: UnixMs) -> Result<(), EncodeError> {
        let refused = || EncodeError::Clock(at);
        let bytes = match clock.format {
            ClockFormat::UnixS => {
                u32::try_from(at.0.div_euclid(1000)).map_err(|_| refused())?.to_be_bytes().to_vec()
            }
            ClockFormat::Ymdhms => {
                let offset =
                    Offset::from_seconds(i32::from(clock.utc_offset_min) * 60).map_err(|_| refused())?;
                let local = offset.to_datetime(Timestamp::from_millisecond(at.0).map_err(|_| refused())?);
                let year = local.year().checked_sub(2000).and_then(|year| i8::try_from(year).ok());
                let year = year.filter(|year| *year >= 0).ok_or_else(refused)?;
                [year, local.month(), local.day(), local.hour(), local.minute(), local.second()]
                    .map(i8::cast_unsigned)
                    .to_vec()
            }
        };
        self.put(&clock.space, clock.address, &bytes);
        Ok(())
    }
}
