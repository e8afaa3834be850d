//! Where wire meets domain: from the data of an answer to readings of a detector.

use domain::id::DetectorId;
use domain::place::{DetectorEntry, TerminalEntry};
use domain::profile::{self, Group, Profile};
use domain::reading::{Quality, Reading, Sample};
use domain::time::UnixMs;
use wire::cloud7b7b::{Segment, SegmentData};

use bus::Directory;

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
