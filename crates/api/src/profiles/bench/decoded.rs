//! From what the domain decodes to what the bench shows.

use domain::profile::{DecodeError, Decoded, Group, KeyedGroup, Profile, decode};
use domain::reading::{Quality, Reported, Sample};

use super::verdict::passes;
use super::{TestGroup, TestPoint, TestStatus};
use crate::meaning::{code_of, meanings};
use crate::profiles::shape::ReportedHazard;

/// What the data bytes of `group` say, or why they say nothing.
///
/// # Errors
/// The number of bytes is not the group's.
pub(super) fn of_registers(profile: &Profile, group: &Group, data: &[u8]) -> Result<TestGroup, DecodeError> {
    let Decoded { device_at, samples, reported } = decode(profile, group, data)?;
    let known = profile
        .groups
        .iter()
        .find(|known| known.space == group.space && known.start == group.start && known.count == group.count);
    let statuses = profile
        .statuses
        .iter()
        .filter(|status| group.holds(&status.space, status.address, 1))
        .filter_map(|status| {
            let at = usize::from(status.address - group.start) * 2;
            let word = u16::from_be_bytes(*data.get(at..)?.first_chunk::<2>()?);
            let value = (word & status.mask) >> status.shift;
            let meanings = meanings(profile, &status.meanings, value);
            Some(TestStatus { code: status.code.clone(), value: value.to_string(), meanings })
        })
        .collect();
    Ok(TestGroup {
        group: known.map(|known| known.index),
        place: place(group),
        guessed: false,
        device_at: device_at.map(Into::into),
        points: points(profile, &samples),
        statuses,
        reported: told(profile, &reported),
    })
}

/// What a message with names says of one group.
pub(super) fn of_names(profile: &Profile, group: &KeyedGroup, statuses: Vec<TestStatus>) -> TestGroup {
    TestGroup {
        group: Some(group.group),
        place: String::new(),
        guessed: false,
        device_at: None,
        points: points(profile, &group.samples),
        statuses,
        reported: told(profile, &group.reported),
    }
}

/// Where registers stand, for people.
pub(super) fn place(group: &Group) -> String {
    let segment = group.space.segment.as_ref().map(|segment| format!("{segment} ")).unwrap_or_default();
    format!("{segment}{:#06x}+{}", group.start, group.count)
}

fn points(profile: &Profile, samples: &[Sample]) -> Vec<TestPoint> {
    samples
        .iter()
        .filter_map(|sample| {
            let point = profile.point(sample.point)?;
            let (raw, value) = match sample.quality {
                Quality::Good | Quality::Implausible => {
                    (Some(sample.raw), Some(point.decimals.value(sample.raw)))
                }
                Quality::SensorOpen | Quality::SensorShort | Quality::DeviceFault => (None, None),
            };
            let judged = value.filter(|_| sample.quality == Quality::Good);
            Some(TestPoint {
                code: point.code.clone(),
                name: point.name.clone(),
                quantity: point.quantity.into(),
                phase: point.phase.map(Into::into),
                unit: point.quantity.unit().to_owned(),
                decimals: point.decimals.0,
                raw,
                value,
                quality: sample.quality.into(),
                passes: judged.map(|value| passes(profile, point, value)).unwrap_or_default(),
            })
        })
        .collect()
}

fn told(profile: &Profile, reported: &[Reported]) -> Vec<ReportedHazard> {
    reported
        .iter()
        .map(|one| ReportedHazard {
            hazard: one.hazard.into(),
            severity: one.severity.map(Into::into),
            point: code_of(profile, one.point),
        })
        .collect()
}
