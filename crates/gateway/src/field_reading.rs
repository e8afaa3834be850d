//! Where wire meets domain: from the data of an answer to readings of a detector.

use domain::id::DetectorId;
use domain::place::{DetectorEntry, Protocol, TerminalEntry};
use domain::profile::{
    self, Decimal, Group, Key, KeyValue, MeterKey, MeterWriting, Profile, Source, decode_keyed,
};
use domain::reading::{Quality, Reading, Sample};
use domain::time::UnixMs;
use wire::cloud7b7b::{LocalTime, Segment, SegmentData};
use wire::dlt645;
use wire::gateway1f1f::Meter;

use bus::Directory;

use crate::session::{Facts, Moment};

/// What one segment of an upload came to.
#[derive(Debug)]
pub(crate) struct SegmentReadings {
    /// One reading, or one for each group that an exception left without values.
    pub(crate) readings: Vec<Reading>,
    /// Unit and code, where the segment is an exception.
    pub(crate) exception: Option<(u8, u8)>,
}

/// Reads the data of `group`.
///
/// # Errors
/// When the number of bytes is not the group's.
pub(crate) fn reading(
    detector: DetectorId,
    profile: &Profile,
    group: &Group,
    data: &[u8],
    received_at: UnixMs,
) -> Result<Reading, profile::DecodeError> {
    let decoded = profile::decode(profile, group, data)?;
    Ok(Reading {
        detector,
        group: group.index,
        device_at: decoded.device_at,
        received_at,
        samples: decoded.samples,
        reported: decoded.reported,
    })
}

/// The reading of a group that the device could not read: every point of it is there, with a fault for a value.
pub(crate) fn fault(detector: DetectorId, profile: &Profile, group: &Group, received_at: UnixMs) -> Reading {
    let samples = profile
        .indexed_points()
        .filter(|(_, point)| group.holds_point(point))
        .map(|(point, _)| Sample { point, raw: 0, quality: Quality::DeviceFault })
        .collect();
    Reading { detector, group: group.index, device_at: None, received_at, samples, reported: Vec::new() }
}

/// The names under which a profile without registers has its values.
pub(crate) fn keys(profile: &Profile) -> impl Iterator<Item = &Key> {
    let of_points = profile.points.iter().filter_map(|point| match &point.source {
        Source::Key(key) => Some(key),
        Source::Register(_) => None,
    });
    of_points.chain(profile.keyed_statuses.iter().map(|status| &status.key))
}

/// Reads what a meter sent for `group`.
///
/// # Errors
/// When it is shorter than what the profile wants of it.
pub(crate) fn of_dlt645(
    detector: DetectorId,
    profile: &Profile,
    group: u8,
    data: &[u8],
    received_at: UnixMs,
) -> Result<Reading, String> {
    let wanted = keys(profile).filter(|key| key.group == group).count();
    let decoded = decode_keyed(profile, |key| {
        let meter = (key.group == group).then(|| MeterKey::parse(&key.name).ok()).flatten()?;
        meter_value(meter, data)
    });
    let Some(read) = decoded.into_iter().find(|read| read.group == group) else {
        let had = data.len();
        return Err(format!(
            "{had} bytes behind the identifier, wanted those of {wanted} values of profile {}",
            profile.id
        ));
    };
    Ok(Reading {
        detector,
        group,
        device_at: None,
        received_at,
        samples: read.samples,
        reported: read.reported,
    })
}

/// The value of `key` in what stands behind its identifier; `None` where there is not so much.
fn meter_value(key: MeterKey, data: &[u8]) -> Option<KeyValue> {
    let start = key.item.checked_mul(key.bytes)?;
    let bytes = data.get(start..start.checked_add(key.bytes)?)?;
    Some(match key.writing {
        MeterWriting::Digits { decimals, is_signed } => match dlt645::number(bytes, is_signed) {
            Some(digits) => {
                let exponent = i8::try_from(decimals).map(|decimals| -decimals).ok()?;
                KeyValue::Number(Decimal { digits, exponent })
            }
            // A meter that does not measure it fills it with FFH.
            None => KeyValue::Nothing,
        },
        MeterWriting::Bits => {
            let bits = bytes.iter().rev().fold(0_i64, |bits, byte| (bits << 8) | i64::from(*byte));
            KeyValue::Number(Decimal::whole(bits))
        }
    })
}

/// The reading of a group that a meter refused: every point of it is there, with a fault for a value; `None` where it
/// has no points.
pub(crate) fn meter_fault(
    detector: DetectorId,
    profile: &Profile,
    group: u8,
    received_at: UnixMs,
) -> Option<Reading> {
    let nothing = |key: &Key| (key.group == group).then_some(KeyValue::Nothing);
    let read = decode_keyed(profile, nothing).into_iter().find(|read| read.group == group)?;
    if read.samples.is_empty() {
        return None;
    }
    // What a status word would say is not known either.
    let reported = Vec::new();
    Some(Reading { detector, group, device_at: None, received_at, samples: read.samples, reported })
}

/// Reads one segment of an upload by the profile of the detector that it belongs to.
///
/// # Errors
/// The reason why no detector of `entry` knows it.
pub(crate) fn of_segment(
    entry: &TerminalEntry,
    directory: &Directory,
    segment: &Segment,
    received_at: UnixMs,
) -> Result<SegmentReadings, String> {
    let mut reason = None;
    for detector in entry.detectors.iter().filter(|d| d.unit_address.is_none_or(|unit| unit == segment.unit))
    {
        match of_detector(detector, directory, segment, received_at) {
            Ok(found) => return Ok(found),
            Err(why) => reason = Some(why),
        }
    }
    Err(reason.unwrap_or_else(|| {
        let (had, unit, behind) = (&segment.address, segment.unit, entry.detectors.len());
        format!(
            "segment `{had}` of unit {unit}, wanted a unit of one of the {behind} detectors of this terminal"
        )
    }))
}

fn of_detector(
    detector: &DetectorEntry,
    directory: &Directory,
    segment: &Segment,
    received_at: UnixMs,
) -> Result<SegmentReadings, String> {
    let profile = directory.profile(&detector.profile).ok_or_else(|| {
        format!("profile `{}` is not loaded, wanted by detector {}", detector.profile, detector.id)
    })?;
    match &segment.data {
        SegmentData::Values(data) => {
            let group =
                profile::select_group(&profile, &segment.address, data.len()).map_err(|e| e.to_string())?;
            let reading = reading(detector.id, &profile, group, data, received_at)
                .map_err(|error| error.to_string())?;
            Ok(SegmentReadings { readings: vec![reading], exception: None })
        }
        SegmentData::Exception(exception) => {
            // An exception has no byte count to tell groups of one segment apart: all of them are without values.
            let readings: Vec<_> = profile
                .groups
                .iter()
                .filter(|group| group.space.segment.as_deref() == Some(segment.address.as_str()))
                .map(|group| fault(detector.id, &profile, group, received_at))
                .collect();
            if readings.is_empty() {
                return Err(format!("profile {} knows no segment `{}`", profile.id, segment.address));
            }
            Ok(SegmentReadings { readings, exception: Some((segment.unit, exception.code())) })
        }
    }
}

/// Reads one meter of a gateway's report by the profile of the detector with its id for an address.
///
/// # Errors
/// The reason why no detector of `entry` knows it.
pub(crate) fn of_meter(
    entry: &TerminalEntry,
    directory: &Directory,
    meter: &Meter,
    device_at: Option<UnixMs>,
    received_at: UnixMs,
) -> Result<Vec<Reading>, String> {
    let detector =
        entry.detectors.iter().find(|detector| detector.address.as_deref() == Some(meter.id.as_str()));
    let detector = detector.ok_or_else(|| {
        let (had, behind) = (&meter.id, entry.detectors.len());
        format!("meter `{had}`, wanted the address of one of the {behind} detectors of this terminal")
    })?;
    let profile = directory
        .profile(&detector.profile)
        .filter(|profile| profile.protocol == Protocol::Gateway1f1f)
        .ok_or_else(|| {
            let (had, id) = (&detector.profile, detector.id);
            format!("profile `{had}` of detector {id} is not loaded or of another protocol")
        })?;
    let groups = profile::decode_keyed(&profile, |key| {
        let value = meter.value(&key.name)?;
        Some(if value.is_good() { KeyValue::Text(value.text.clone()) } else { KeyValue::Nothing })
    });
    if groups.is_empty() {
        return Err(format!("meter `{}` has none of the values of profile {}", meter.id, profile.id));
    }
    let reading = |group: profile::KeyedGroup| Reading {
        detector: detector.id,
        group: group.group,
        device_at,
        received_at,
        samples: group.samples,
        reported: group.reported,
    };
    Ok(groups.into_iter().map(reading).collect())
}

/// The server's local time as devices are told it.
pub(crate) fn local_time(facts: Facts<'_>, now: Moment) -> Option<LocalTime> {
    let at = jiff::Timestamp::from_millisecond(now.wall.0).ok()?;
    let local = at.to_zoned_datetime(facts.rules.zone.clone());
    let [month, day, hour, minute, second] =
        [local.month(), local.day(), local.hour(), local.minute(), local.second()]
            .map(|part| u8::try_from(part).ok());
    LocalTime::new(u16::try_from(local.year()).ok()?, month?, day?, hour?, minute?, second?).ok()
}

/// The moment of a device's local time in the door's zone; of two (the hour after summer time) the earlier.
pub(crate) fn unix_ms(time: &LocalTime, facts: Facts<'_>) -> Option<UnixMs> {
    let part = |value: u8| i8::try_from(value).ok();
    let local = jiff::civil::DateTime::new(
        i16::try_from(time.year()).ok()?,
        part(time.month())?,
        part(time.day())?,
        part(time.hour())?,
        part(time.minute())?,
        part(time.second())?,
        0,
    );
    let at = facts.rules.zone.to_timestamp(local.ok()?).ok()?;
    Some(UnixMs(at.as_millisecond()))
}
