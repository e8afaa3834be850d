//! A chunk: what one detector measured on one day, by column. Golden files under `tests/golden` (invariant 12).
//!
//! Version 1: `01`, number of groups, and per group: its number; its rows; its points, rising (distance from the one
//! after the last); the distinct lists of reported statuses, each with its length, in the form of a payload without
//! samples; the rows whose samples are not in rising order of points, each with its place and its whole payload; then
//! columns: filed time, whether the device told a time, device's time and receive time each less the filed time, filing,
//! which list of statuses, and per point which quality plus 1 (0: no sample) and the raw values of the samples.

use domain::id::DetectorId;
use domain::reading::{Filing, PointIndex, Quality, Reported, Sample};
use domain::time::UnixMs;

use super::pack::{Columns, PackError, put_columns, take_columns};
use crate::intake::StoredReading;
use crate::payload::{self, PayloadError, put, put_count, take, take_count};

const VERSION: u8 = 1;

/// Columns in front of those of the points.
const FIXED: usize = 6;
const FILED: usize = 0;
const HAS_DEVICE_TIME: usize = 1;
const DEVICE_TIME: usize = 2;
const RECEIVED: usize = 3;
const FILING: usize = 4;
const STATUSES: usize = 5;

/// The stored form of readings of one detector, which are in the order of group and filed time.
pub(crate) fn encode(readings: &[StoredReading]) -> Result<Vec<u8>, PackError> {
    let groups: Vec<&[StoredReading]> = readings.chunk_by(|a, b| a.group == b.group).collect();
    let mut bytes = vec![VERSION];
    put_count(&mut bytes, groups.len());
    for group in groups {
        put_group(&mut bytes, group)?;
    }
    Ok(bytes)
}

fn is_rising(samples: &[Sample]) -> bool {
    samples.is_sorted_by(|a, b| a.point < b.point)
}

fn put_group(bytes: &mut Vec<u8>, group: &[StoredReading]) -> Result<(), PackError> {
    let regular = |reading: &&StoredReading| is_rising(&reading.samples);
    let mut points: Vec<u16> =
        group.iter().filter(regular).flat_map(|reading| &reading.samples).map(|s| s.point.0).collect();
    points.sort_unstable();
    points.dedup();
    let mut statuses: Vec<&[Reported]> = Vec::new();
    let mut columns: Vec<Vec<i64>> = vec![Vec::with_capacity(group.len()); FIXED + 2 * points.len()];
    let mut odd = Vec::new();
    for (row, reading) in group.iter().enumerate() {
        let list = statuses.iter().position(|list| *list == reading.reported).unwrap_or_else(|| {
            statuses.push(&reading.reported);
            statuses.len() - 1
        });
        let filed = reading.filed_at.0;
        let (fixed, of_points) = columns.split_at_mut(FIXED);
        let values = [
            Some(filed),
            Some(i64::from(reading.device_at.is_some())),
            reading.device_at.map(|at| at.0.wrapping_sub(filed)),
            Some(reading.received_at.0.wrapping_sub(filed)),
            Some(i64::from(reading.filing.stored())),
            Some(i64::try_from(list).unwrap_or(i64::MAX)),
        ];
        for (column, value) in fixed.iter_mut().zip(values) {
            column.extend(value);
        }
        let samples: &[Sample] = if is_rising(&reading.samples) {
            &reading.samples
        } else {
            odd.push((row, payload::encode(&reading.samples, &[])));
            &[]
        };
        let mut samples = samples.iter().peekable();
        for (point, pair) in points.iter().zip(of_points.chunks_exact_mut(2)) {
            let [state, values] = pair else { continue };
            let sample = samples.next_if(|sample| sample.point.0 == *point);
            state.push(sample.map_or(0, |sample| i64::from(sample.quality.stored()) + 1));
            values.extend(sample.map(|sample| sample.raw));
        }
    }
    put(bytes, group.first().map_or(0, |reading| u64::from(reading.group)));
    put_count(bytes, group.len());
    put_count(bytes, points.len());
    let mut next = 0;
    for point in points {
        put(bytes, u64::from(point - next));
        next = point.saturating_add(1);
    }
    put_count(bytes, statuses.len());
    for list in statuses {
        put_bytes(bytes, &payload::encode(&[], list));
    }
    put_count(bytes, odd.len());
    for (row, samples) in odd {
        put_count(bytes, row);
        put_bytes(bytes, &samples);
    }
    put_columns(bytes, &columns)
}

fn put_bytes(bytes: &mut Vec<u8>, some: &[u8]) {
    put_count(bytes, some.len());
    bytes.extend_from_slice(some);
}

fn take_bytes<'b>(rest: &mut &'b [u8]) -> Result<&'b [u8], PackError> {
    let length = take_count(rest)?;
    let (some, after) = rest.split_at_checked(length).ok_or(PayloadError::Short)?;
    *rest = after;
    Ok(some)
}

fn number_in<T: TryFrom<u64>>(rest: &mut &[u8], what: &'static str) -> Result<T, PackError> {
    let had = take(rest)?;
    T::try_from(had).map_err(|_| PayloadError::Meaning { what, had }.into())
}

/// A stored chunk of which no column is unpacked yet.
#[derive(Debug, Clone)]
pub(crate) struct Chunk<'b>(Vec<Group<'b>>);

#[derive(Debug, Clone)]
struct Group<'b> {
    group: u8,
    rows: usize,
    points: Vec<u16>,
    statuses: Vec<Vec<Reported>>,
    odd: Vec<(usize, Vec<Sample>)>,
    columns: Columns<'b>,
}

impl<'b> Chunk<'b> {
    pub(crate) fn parse(bytes: &'b [u8]) -> Result<Self, PackError> {
        let mut rest = match bytes.split_first() {
            None => return Err(PayloadError::Short.into()),
            Some((&VERSION, rest)) => rest,
            Some((&version, _)) => return Err(PackError::Version(u64::from(version))),
        };
        let count = take_count(&mut rest)?;
        let groups = (0..count).map(|_| Group::take(&mut rest)).collect::<Result<_, _>>()?;
        if rest.is_empty() { Ok(Self(groups)) } else { Err(PayloadError::Long(rest.len()).into()) }
    }

    /// Everything that is in it, in the order of group and filed time.
    pub(crate) fn readings(&self, detector: DetectorId) -> Result<Vec<StoredReading>, PackError> {
        self.readings_of(detector, None)
    }

    /// The same with the values of some points only, or of all; the columns of the others are not unpacked.
    pub(crate) fn readings_of(
        &self,
        detector: DetectorId,
        points: Option<&[PointIndex]>,
    ) -> Result<Vec<StoredReading>, PackError> {
        let mut all = Vec::with_capacity(self.0.iter().map(|group| group.rows).sum());
        for group in &self.0 {
            group.readings(detector, points, &mut all)?;
        }
        Ok(all)
    }

    /// The quality of the samples of one point with the time that they count for, by group, then by time.
    pub(crate) fn qualities(&self, point: u16, mut take: impl FnMut(i64, Quality)) -> Result<(), PackError> {
        self.0.iter().try_for_each(|group| group.qualities(point, &mut take))
    }

    /// Whether every sample of one point is good, told without unpacking a column: `false` may be wrong.
    pub(crate) fn is_all_good(&self, point: u16) -> bool {
        self.0.iter().all(|group| group.is_all_good(point))
    }

    /// The good values of one point with the time that they count for; by group, then by time.
    pub(crate) fn track(&self, point: u16, mut take: impl FnMut(i64, i64)) -> Result<(), PackError> {
        self.0.iter().try_for_each(|group| group.track(point, &mut take))
    }
}

fn quality_of(state: i64) -> Result<Option<Quality>, PackError> {
    let meaning = || PayloadError::Meaning { what: "a quality", had: state.cast_unsigned() };
    match state {
        0 => Ok(None),
        state => u8::try_from(state - 1).ok().and_then(Quality::from_stored).map(Some).ok_or_else(meaning),
    }
    .map_err(PackError::from)
}

impl<'b> Group<'b> {
    fn take(rest: &mut &'b [u8]) -> Result<Self, PackError> {
        let group = number_in(rest, "a group")?;
        let rows = number_in(rest, "a number of rows")?;
        let mut points = Vec::new();
        let mut next = 0u64;
        for _ in 0..take_count(rest)? {
            let had = next.saturating_add(take(rest)?);
            points.push(u16::try_from(had).map_err(|_| PayloadError::Meaning { what: "a point", had })?);
            next = had + 1;
        }
        let mut statuses = Vec::new();
        for _ in 0..take_count(rest)? {
            statuses.push(payload::decode(take_bytes(rest)?)?.1);
        }
        let mut odd = Vec::new();
        for _ in 0..take_count(rest)? {
            let row = number_in(rest, "a row")?;
            odd.push((row, payload::decode(take_bytes(rest)?)?.0));
        }
        Ok(Self { group, rows, points, statuses, odd, columns: take_columns(rest)? })
    }

    fn readings(
        &self,
        detector: DetectorId,
        wanted: Option<&[PointIndex]>,
        all: &mut Vec<StoredReading>,
    ) -> Result<(), PackError> {
        let is_wanted = |point: PointIndex| wanted.is_none_or(|points| points.contains(&point));
        let fixed = |index| self.columns.unpack(index, self.rows);
        let (filed, has_device_time) = (fixed(FILED)?, fixed(HAS_DEVICE_TIME)?);
        let told = has_device_time.iter().filter(|has| **has != 0).count();
        let mut device_time = self.columns.unpack(DEVICE_TIME, told)?.into_iter();
        let (received, filing, statuses) = (fixed(RECEIVED)?, fixed(FILING)?, fixed(STATUSES)?);
        let begin = all.len();
        for ((((filed, has), received), filing), list) in
            filed.iter().zip(&has_device_time).zip(&received).zip(&filing).zip(&statuses)
        {
            let meaning =
                |what, had: &i64| PackError::from(PayloadError::Meaning { what, had: had.cast_unsigned() });
            let reported = usize::try_from(*list).ok().and_then(|list| self.statuses.get(list));
            all.push(StoredReading {
                detector,
                group: self.group,
                filed_at: UnixMs(*filed),
                device_at: if *has == 0 { None } else { device_time.next() }
                    .map(|after| UnixMs(filed.wrapping_add(after))),
                received_at: UnixMs(filed.wrapping_add(*received)),
                filing: u8::try_from(*filing)
                    .ok()
                    .and_then(Filing::from_stored)
                    .ok_or_else(|| meaning("a filing", filing))?,
                samples: Vec::with_capacity(wanted.map_or(self.points.len(), <[PointIndex]>::len)),
                reported: reported.ok_or_else(|| meaning("a list of statuses", list))?.clone(),
            });
        }
        let rows = all.get_mut(begin..).unwrap_or_default();
        let wanted_points =
            self.points.iter().enumerate().filter(|(_, point)| is_wanted(PointIndex(**point)));
        for (index, point) in wanted_points {
            let states = self.columns.unpack(FIXED + 2 * index, self.rows)?;
            let there = states.iter().filter(|state| **state != 0).count();
            let mut values = self.columns.unpack(FIXED + 2 * index + 1, there)?.into_iter();
            for (reading, state) in rows.iter_mut().zip(states) {
                if let Some(quality) = quality_of(state)?
                    && let Some(raw) = values.next()
                {
                    reading.samples.push(Sample { point: PointIndex(*point), raw, quality });
                }
            }
        }
        for (row, samples) in &self.odd {
            if let Some(reading) = rows.get_mut(*row) {
                reading.samples = samples.iter().filter(|sample| is_wanted(sample.point)).copied().collect();
            }
        }
        Ok(())
    }

    fn track(&self, point: u16, take: &mut impl FnMut(i64, i64)) -> Result<(), PackError> {
        let odd = self.odd.iter().any(|(_, samples)| samples.iter().any(|sample| sample.point.0 == point));
        let Ok(index) = self.points.binary_search(&point) else {
            return if odd { self.track_odd(point, take) } else { Ok(()) };
        };
        let filed = self.columns.unpack(FILED, self.rows)?;
        let good = i64::from(Quality::Good.stored()) + 1;
        if self.columns.constant(FIXED + 2 * index) == Some(good) {
            let values = self.columns.unpack(FIXED + 2 * index + 1, self.rows)?;
            filed.into_iter().zip(values).for_each(|(at, raw)| take(at, raw));
        } else {
            let states = self.columns.unpack(FIXED + 2 * index, self.rows)?;
            let there = states.iter().filter(|state| **state != 0).count();
            let mut values = self.columns.unpack(FIXED + 2 * index + 1, there)?.into_iter();
            for (at, state) in filed.into_iter().zip(states) {
                if state != 0
                    && let Some(raw) = values.next()
                    && state == good
                {
                    take(at, raw);
                }
            }
        }
        if odd { self.track_odd(point, take) } else { Ok(()) }
    }

    fn is_all_good(&self, point: u16) -> bool {
        let good = i64::from(Quality::Good.stored()) + 1;
        let of_point = |index| self.columns.constant(FIXED + 2 * index) == Some(good);
        // A group without the point says nothing of it.
        self.odd.is_empty() && self.points.binary_search(&point).map_or(true, of_point)
    }

    fn qualities(&self, point: u16, take: &mut impl FnMut(i64, Quality)) -> Result<(), PackError> {
        let filed = self.columns.unpack(FILED, self.rows)?;
        if let Ok(index) = self.points.binary_search(&point) {
            let states = self.columns.unpack(FIXED + 2 * index, self.rows)?;
            for (at, state) in filed.iter().zip(states) {
                quality_of(state)?.into_iter().for_each(|quality| take(*at, quality));
            }
        }
        for (row, samples) in &self.odd {
            let Some(at) = filed.get(*row) else { continue };
            samples.iter().filter(|s| s.point.0 == point).for_each(|sample| take(*at, sample.quality));
        }
        Ok(())
    }

    fn track_odd(&self, point: u16, take: &mut impl FnMut(i64, i64)) -> Result<(), PackError> {
        let filed = self.columns.unpack(FILED, self.rows)?;
        for (row, samples) in &self.odd {
            let Some(at) = filed.get(*row) else { continue };
            let good = samples.iter().filter(|s| s.point.0 == point && s.quality == Quality::Good);
            good.for_each(|sample| take(*at, sample.raw));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use domain::hazard::{Hazard, Severity};

    use super::*;

    /// Two groups; a clock that is not told, a broken sensor, a status, samples out of order, a point now and then.
    fn readings() -> Vec<StoredReading> {
        let sample = |point, raw, quality| Sample { point: PointIndex(point), raw, quality };
        let row = |group: u8, n: i64| {
            let filed_at = UnixMs(1_789_999_200_000 + n * 30_000);
            let mut samples = vec![
                sample(0, n * n % 17, Quality::Good),
                sample(1, 2200 + n % 5, if n == 9 { Quality::SensorOpen } else { Quality::Good }),
            ];
            if n % 7 == 3 {
                samples.push(sample(300, i64::MIN + n, Quality::Good));
            }
            if n == 20 {
                samples.reverse();
            }
            let reported = Reported {
                point: Some(PointIndex(1)),
                hazard: Hazard::ResidualCurrent,
                severity: Some(Severity::Alarm),
            };
            StoredReading {
                detector: DetectorId(7),
                group,
                filed_at,
                device_at: (n != 4).then(|| filed_at.plus_ms(-n % 3)),
                received_at: filed_at.plus_ms(35 + n % 11),
                filing: if n == 5 { Filing::Late } else { Filing::Current },
                samples,
                reported: if n > 30 { vec![reported] } else { Vec::new() },
            }
        };
        (0..40).map(|n| row(0, n)).chain((0..3).map(|n| row(2, n))).collect()
    }

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    #[test]
    fn version_1_is_read_as_it_was_released() {
        let released = include_str!("../../tests/golden/chunk_v1.hex").trim();
        let digits = released.as_bytes().chunks(2).map(|two| std::str::from_utf8(two).unwrap());
        let bytes: Vec<u8> = digits.map(|two| u8::from_str_radix(two, 16).unwrap()).collect();
        assert_eq!(Chunk::parse(&bytes).unwrap().readings(DetectorId(7)).unwrap(), readings());
        let again = encode(&readings()).unwrap();
        assert_eq!(
            Chunk::parse(&again).unwrap().readings(DetectorId(7)).unwrap(),
            readings(),
            "{}",
            hex(&again)
        );
        assert!(matches!(Chunk::parse(&[2, 0]), Err(PackError::Version(2))));
    }

    #[test]
    fn one_column_says_what_the_readings_say() {
        let bytes = encode(&readings()).unwrap();
        for point in [0, 1, 2, 300] {
            let mut track = Vec::new();
            Chunk::parse(&bytes).unwrap().track(point, |at, raw| track.push((at, raw))).unwrap();
            let all = readings();
            let mut wanted: Vec<(i64, i64)> = Vec::new();
            for reading in &all {
                let good =
                    reading.samples.iter().filter(|s| s.point.0 == point && s.quality == Quality::Good);
                wanted.extend(good.map(|sample| (reading.filed_at.0, sample.raw)));
            }
            track.sort_unstable();
            wanted.sort_unstable();
            assert_eq!(track, wanted);
        }
    }

    #[test]
    fn damaged_bytes_are_refused_or_read_without_a_panic() {
        let bytes = encode(&readings()).unwrap();
        for at in 0..bytes.len() {
            for flip in [1, 0x80, 0xff] {
                let mut damaged = bytes.clone();
                damaged[at] ^= flip;
                if let Ok(chunk) = Chunk::parse(&damaged) {
                    drop(chunk.readings(DetectorId(7)));
                }
                drop(Chunk::parse(&bytes[..at]));
            }
        }
    }
}
