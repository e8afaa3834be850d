//! The stored form of a reading's samples: one version byte, then varints (invariant 12; golden files under
//! `tests/golden`). Device integers stay integers, so that a stored value is exact and mostly two bytes.
//!
//! Version 1: `01`, number of samples, per sample a head (distance of its point from the one after the last
//! sample's point, zigzag, shifted left by 3, plus the quality's number) and the raw value (zigzag); then the
//! number of reported statuses, per status the point plus 1 (0: the device), the hazard's number and the
//! severity's (0: not the case).

use domain::hazard::Hazard;
use domain::reading::{PointIndex, Quality, Reported, Sample};

use crate::column::{severity_of_rank, severity_rank};

const VERSION: u8 = 1;

/// Why stored bytes are not a reading.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PayloadError {
    /// Written by a newer program.
    #[error("payload of version {0}, this program knows versions up to 1")]
    Version(u8),
    /// Cut short.
    #[error("payload ends in the middle")]
    Short,
    /// A number that has no meaning in its place.
    #[error("payload has {had} as {what}")]
    Meaning {
        /// Which place.
        what: &'static str,
        /// What stood there.
        had: u64,
    },
    /// Bytes after the end.
    #[error("payload has {0} bytes after its end")]
    Long(usize),
}

/// The stored form.
#[must_use]
pub fn encode(samples: &[Sample], reported: &[Reported]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(4 + samples.len() * 4 + reported.len() * 3);
    bytes.push(VERSION);
    put_count(&mut bytes, samples.len());
    let mut next = 0i64;
    for sample in samples {
        let point = i64::from(sample.point.0);
        put(&mut bytes, zigzag(point - next) << 3 | u64::from(sample.quality.stored()));
        put(&mut bytes, zigzag(sample.raw));
        next = point + 1;
    }
    put_count(&mut bytes, reported.len());
    for status in reported {
        put(&mut bytes, status.point.map_or(0, |point| u64::from(point.0) + 1));
        put(&mut bytes, u64::from(hazard_number(status.hazard)));
        put(&mut bytes, status.severity.map_or(0, |severity| severity_rank(severity).unsigned_abs()));
    }
    bytes
}

/// Back from the stored form.
///
/// # Errors
/// [`PayloadError`] says what is wrong with the bytes.
pub fn decode(bytes: &[u8]) -> Result<(Vec<Sample>, Vec<Reported>), PayloadError> {
    let mut rest = match bytes.split_first() {
        None => return Err(PayloadError::Short),
        Some((&VERSION, rest)) => rest,
        Some((&version, _)) => return Err(PayloadError::Version(version)),
    };
    let count = take_count(&mut rest)?;
    let mut samples = Vec::with_capacity(count);
    let mut next = 0i64;
    for _ in 0..count {
        let head = take(&mut rest)?;
        let point = next.saturating_add(unzigzag(head >> 3));
        let point = u16::try_from(point)
            .map_err(|_| PayloadError::Meaning { what: "the distance of a point", had: head >> 3 })?;
        let number = u8::try_from(head & 7).unwrap_or(u8::MAX);
        let quality =
            Quality::from_stored(number).ok_or(PayloadError::Meaning { what: "a quality", had: head & 7 })?;
        samples.push(Sample { point: PointIndex(point), raw: unzigzag(take(&mut rest)?), quality });
        next = i64::from(point) + 1;
    }
    let count = take_count(&mut rest)?;
    let mut reported = Vec::with_capacity(count);
    for _ in 0..count {
        let point = match take(&mut rest)? {
            0 => None,
            had => Some(PointIndex(
                u16::try_from(had - 1).map_err(|_| PayloadError::Meaning { what: "a point", had })?,
            )),
        };
        let number = take(&mut rest)?;
        let hazard =
            hazard_of_number(number).ok_or(PayloadError::Meaning { what: "a hazard", had: number })?;
        let severity = match take(&mut rest)? {
            0 => None,
            had => Some(
                i64::try_from(had)
                    .ok()
                    .and_then(severity_of_rank)
                    .ok_or(PayloadError::Meaning { what: "a severity", had })?,
            ),
        };
        reported.push(Reported { point, hazard, severity });
    }
    if rest.is_empty() { Ok((samples, reported)) } else { Err(PayloadError::Long(rest.len())) }
}

pub(crate) const fn zigzag(number: i64) -> u64 {
    ((number << 1) ^ (number >> 63)).cast_unsigned()
}

pub(crate) const fn unzigzag(number: u64) -> i64 {
    (number >> 1).cast_signed() ^ -((number & 1).cast_signed())
}

pub(crate) fn put(bytes: &mut Vec<u8>, mut number: u64) {
    loop {
        let low = u8::try_from(number & 0x7f).unwrap_or(0);
        number >>= 7;
        if number == 0 {
            bytes.push(low);
            return;
        }
        bytes.push(low | 0x80);
    }
}

pub(crate) fn put_count(bytes: &mut Vec<u8>, count: usize) {
    put(bytes, u64::try_from(count).unwrap_or(u64::MAX));
}

pub(crate) fn take(rest: &mut &[u8]) -> Result<u64, PayloadError> {
    let mut number = 0u64;
    for shift in (0..64).step_by(7) {
        let (&byte, after) = rest.split_first().ok_or(PayloadError::Short)?;
        *rest = after;
        number |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Ok(number);
        }
    }
    Err(PayloadError::Meaning { what: "a number of more than 64 bits", had: number })
}

/// A count can be no greater than the bytes that are left, whatever it says.
pub(crate) fn take_count(rest: &mut &[u8]) -> Result<usize, PayloadError> {
    let had = take(rest)?;
    match usize::try_from(had) {
        Ok(count) if count <= rest.len() => Ok(count),
        Ok(_) | Err(_) => Err(PayloadError::Short),
    }
}

/// Part of the stored format, never renumbered.
const fn hazard_number(hazard: Hazard) -> u8 {
    match hazard {
        Hazard::ResidualCurrent => 0,
        Hazard::OverTemperature => 1,
        Hazard::OverVoltage => 2,
        Hazard::UnderVoltage => 3,
        Hazard::Overload => 4,
        Hazard::PhaseLoss => 5,
        Hazard::ShortCircuit => 6,
        Hazard::ArcFault => 7,
        Hazard::PowerFailure => 8,
        Hazard::Offline => 9,
        Hazard::SensorOpen => 10,
        Hazard::SensorShort => 11,
        Hazard::DeviceFault => 12,
        Hazard::Implausible => 13,
        Hazard::Frozen => 14,
        Hazard::ClockWrong => 15,
        Hazard::SupplyLost => 16,
        Hazard::WeakSignal => 17,
        Hazard::SwitchFailed => 18,
        Hazard::UnassignedAlarm => 19,
        Hazard::TemperatureRise => 20,
        Hazard::CurrentUnbalance => 21,
        Hazard::VoltageUnbalance => 22,
        Hazard::NeutralOverload => 23,
        Hazard::PhaseSequence => 24,
        Hazard::LeakagePerLoad => 25,
        Hazard::SensorZero => 26,
        Hazard::SensorStuck => 27,
        Hazard::SensorJump => 28,
        Hazard::SensorDrift => 29,
        Hazard::PredictedTerminal => 30,
        Hazard::PredictedInsulation => 31,
        Hazard::PredictedOverload => 32,
    }
}

fn hazard_of_number(number: u64) -> Option<Hazard> {
    Hazard::ALL.into_iter().find(|hazard| u64::from(hazard_number(*hazard)) == number)
}
