//! From the bytes of a group to samples and reported conditions.

use jiff::civil::DateTime;
use jiff::tz::Offset;

use super::model::{Clock, ClockFormat, Format, Group, Point, Profile, Register, Space, Status};
use crate::hazard::Severity;
use crate::place::Protocol;
use crate::reading::{Quality, Reported, Sample};
use crate::time::UnixMs;

/// What one group said.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Decoded {
    /// The device's own clock; `None` where the group does not carry it or it is not set (zeros, no such date).
    pub device_at: Option<UnixMs>,
    /// Values in the order of the profile's points.
    pub samples: Vec<Sample>,
    /// One entry per (point, hazard) that the group's status words can tell, whether it is there or not.
    pub reported: Vec<Reported>,
}

/// Data that are not what the group should have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("group {group} has {had} data bytes, want {wanted}")]
pub struct DecodeError {
    /// The group.
    pub group: u8,
    /// How many bytes there were.
    pub had: usize,
    /// How many the profile says.
    pub wanted: usize,
}

/// A segment that the profile does not know.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("profile {profile} knows no segment `{segment}` of {had} data bytes; it knows {known}")]
pub struct UnknownSegment {
    /// The profile's id.
    pub profile: String,
    /// The segment's address as it came.
    pub segment: String,
    /// How many data bytes it had.
    pub had: usize,
    /// The segments and byte counts of the profile.
    pub known: String,
}

/// The group that a segment of an upload is: the frame does not say which registers it carries, so that address
/// and byte count must tell.
///
/// # Errors
/// No group of the profile has this address and byte count.
pub fn select_group<'a>(
    profile: &'a Profile,
    segment_address: &str,
    byte_count: usize,
) -> Result<&'a Group, UnknownSegment> {
    let cloud = profile.protocol == Protocol::Cloud7b7b;
    profile
        .groups
        .iter()
        .find(|group| {
            cloud
                && group.space.segment.as_deref() == Some(segment_address)
                && group.byte_count() == byte_count
        })
        .ok_or_else(|| {
            let known: Vec<_> = profile
                .groups
                .iter()
                .filter_map(|group| {
                    Some(format!("`{}` of {}", group.space.segment.as_ref()?, group.byte_count()))
                })
                .collect();
            UnknownSegment {
                profile: profile.id.clone(),
                segment: segment_address.to_owned(),
                had: byte_count,
                known: if known.is_empty() { "none".to_owned() } else { known.join(", ") },
            }
        })
}

/// Turns the data bytes of an answer (registers high byte first, or bits low first) into what they mean.
///
/// # Errors
/// The number of bytes is not the group's.
pub fn decode(profile: &Profile, group: &Group, data: &[u8]) -> Result<Decoded, DecodeError> {
    if data.len() != group.byte_count() {
        return Err(DecodeError { group: group.index, had: data.len(), wanted: group.byte_count() });
    }
    let window = Window { group, data };
    let mut samples = Vec::with_capacity(profile.points.len());
    for (index, point) in profile.indexed_points() {
        let Some(raw) = window.number(point) else { continue };
        let quality = quality(point, raw);
        let raw = match quality {
            Quality::SensorOpen | Quality::SensorShort | Quality::DeviceFault => 0,
            Quality::Good | Quality::Implausible => raw,
        };
        samples.push(Sample { point: index, raw, quality });
    }
    let mut reported: Vec<Reported> = Vec::new();
    for status in &profile.statuses {
        if let Some(word) = window.word(&status.space, status.address) {
            report(status, word, &mut reported);
        }
    }
    let device_at = profile.clock.as_ref().and_then(|clock| window.clock(clock));
    Ok(Decoded { device_at, samples, reported })
}

fn quality(point: &Point, raw: i64) -> Quality {
    if let Some((_, quality)) = point.invalid.iter().find(|(code, _)| *code == raw) {
        return *quality;
    }
    match point.range {
        Some((least, greatest)) if raw < least || raw > greatest => Quality::Implausible,
        Some(_) | None => Quality::Good,
    }
}

fn report(status: &Status, word: u16, reported: &mut Vec<Reported>) {
    let value = (word & status.mask) >> status.shift;
    for meaning in &status.meanings {
        let severity: Option<Severity> = (meaning.value == value).then_some(meaning.severity);
        match reported.iter_mut().find(|r| r.point == meaning.point && r.hazard == meaning.hazard) {
            // Several words may tell the same; the worst counts.
            Some(entry) => entry.severity = entry.severity.max(severity),
            None => reported.push(Reported { point: meaning.point, hazard: meaning.hazard, severity }),
        }
    }
}

/// The data of a group, read by address.
struct Window<'a> {
    group: &'a Group,
    data: &'a [u8],
}

impl Window<'_> {
    fn offset(&self, space: &Space, address: u16, length: u16) -> Option<usize> {
        self.group.holds(space, address, length).then(|| usize::from(address - self.group.start))
    }

    fn word(&self, space: &Space, address: u16) -> Option<u16> {
        let at = self.offset(space, address, 1)? * 2;
        let bytes = self.data.get(at..)?.first_chunk::<2>()?;
        Some(u16::from_be_bytes(*bytes))
    }

    fn double(&self, space: &Space, address: u16) -> Option<[u8; 4]> {
        let at = self.offset(space, address, 2)? * 2;
        self.data.get(at..)?.first_chunk::<4>().copied()
    }

    fn number(&self, point: &Point) -> Option<i64> {
        let Register { space, address, format } = point.register()?;
        let swap = |[a, b, c, d]: [u8; 4]| [c, d, a, b];
        Some(match format {
            Format::U16 => i64::from(self.word(space, *address)?),
            Format::I16 => i64::from(self.word(space, *address)?.cast_signed()),
            Format::U32 => i64::from(u32::from_be_bytes(self.double(space, *address)?)),
            Format::U32Swapped => i64::from(u32::from_be_bytes(swap(self.double(space, *address)?))),
            Format::I32 => i64::from(i32::from_be_bytes(self.double(space, *address)?)),
            Format::I32Swapped => i64::from(i32::from_be_bytes(swap(self.double(space, *address)?))),
            Format::Bit => {
                let at = self.offset(space, *address, 1)?;
                i64::from(self.data.get(at / 8)? >> (at % 8) & 1)
            }
        })
    }

    fn clock(&self, clock: &Clock) -> Option<UnixMs> {
        let at = self.offset(&clock.space, clock.address, clock.format.registers())? * 2;
        let bytes = self.data.get(at..)?;
        match clock.format {
            ClockFormat::UnixS => {
                let seconds = u32::from_be_bytes(*bytes.first_chunk::<4>()?);
                (seconds != 0).then(|| UnixMs(i64::from(seconds) * 1000))
            }
            ClockFormat::Ymdhms => {
                let [year, month, day, hour, minute, second] =
                    bytes.first_chunk::<6>()?.map(|byte| i8::try_from(byte).ok());
                let year = 2000 + i16::from(year?);
                let local = DateTime::new(year, month?, day?, hour?, minute?, second?, 0).ok()?;
                let offset = Offset::from_seconds(i32::from(clock.utc_offset_min) * 60).ok()?;
                Some(UnixMs(offset.to_timestamp(local).ok()?.as_millisecond()))
            }
        }
    }
}
