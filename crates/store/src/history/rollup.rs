//! Roll-ups of one detector: what its values were within widths of 15 minutes or a day, by point, and up to which number
//! of the tail each day is in them. Golden file under `tests/golden` (invariant 12).
//!
//! Version 1: `01`, width in s, number of days, number of points, and per point its number, rising (distance from the one
//! after the last), and its buckets; then columns: days since 1970, the number of the tail for each, and per point the
//! bucket's number (begin by width), count, least, greatest less least, sum less count times least, last less least, time
//! of the last less the begin, time held, time over the limit. What is the same for several points is stored once.

use std::collections::BTreeMap;

use domain::in_force::InForce;
use domain::reading::{PointIndex, Quality};
use domain::time::UnixMs;

use super::bucket::{Bucket, floor};
use super::calendar::{DAY_MS, day_of};
use super::pack::{Columns, PackError, put_columns, take_columns};
use crate::intake::StoredReading;
use crate::payload::{PayloadError, put, put_count, take, take_count};

/// The narrowest width, ms.
pub(crate) const QUARTER_MS: i64 = 900_000;

/// After how long a silent detector is offline where nothing was ever recorded, ms.
const USUAL_SILENCE_MS: i64 = 180_000;

const VERSION: u8 = 1;

/// Columns in front of those of the points, and of each point.
const FIXED: usize = 2;
const PER_POINT: usize = 9;

/// Buckets by their begin, ms.
pub(crate) type Series = BTreeMap<i64, Bucket>;

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct RollUp {
    /// By day since 1970: it holds the tail's rows of that day up to this number.
    pub(crate) days: BTreeMap<i64, i64>,
    /// By point.
    pub(crate) points: BTreeMap<u16, Series>,
}

/// What a detector's values are held against, from when on, oldest first.
#[derive(Debug, Clone, Default)]
pub(crate) struct InForceThen(pub(crate) Vec<(i64, InForce)>);

impl InForceThen {
    /// What was in force at `at`; before the first that is known, that one.
    fn at(&self, at: i64) -> Option<&InForce> {
        let after = self.0.partition_point(|(since, _)| *since <= at);
        self.0.get(after.saturating_sub(1)).map(|(_, in_force)| in_force)
    }

    fn silent_after_ms(&self, at: i64) -> i64 {
        self.at(at).map_or(USUAL_SILENCE_MS, |in_force| in_force.silent_after_ms)
    }

    fn is_over(&self, point: u16, raw: i64, at: i64) -> bool {
        self.at(at).is_some_and(|in_force| in_force.is_over(PointIndex(point), raw, UnixMs(at)))
    }
}

/// The good values of one point on one day, with their times in order, as buckets of 15 minutes. A value stands until the
/// next one and never for longer than the silence after which a detector is offline; the first of a day also stands for
/// what was before it, within the same bounds, the last until the end of the day or `now`. The whole time that a value
/// stands for counts in the bucket in which it was measured.
pub(crate) fn quarters(point: u16, day: i64, track: &[(i64, i64)], then: &InForceThen, now: i64) -> Series {
    let end = ((day + 1) * DAY_MS).min(now);
    let mut series = Series::new();
    let mut from = day * DAY_MS;
    for (index, (at, raw)) in track.iter().enumerate() {
        let silent_ms = then.silent_after_ms(*at);
        let until = track.get(index + 1).map_or(end, |(next, _)| *next);
        let before_ms = if index == 0 && *at - from <= silent_ms { *at - from } else { 0 };
        from = *at;
        let held_ms = before_ms.max(0) + (until - at).clamp(0, silent_ms.max(0));
        let over_ms = if then.is_over(point, *raw, *at) { held_ms } else { 0 };
        let bucket = Bucket { held_ms, over_ms, ..Bucket::of(*raw, *at) };
        series
            .entry(floor(*at, QUARTER_MS))
            .and_modify(|had: &mut Bucket| had.merge(&bucket))
            .or_insert(bucket);
    }
    series
}

impl RollUp {
    /// One day of readings.
    pub(crate) fn of_day(
        day: i64,
        tail_seq: i64,
        readings: &[StoredReading],
        then: &InForceThen,
        now: i64,
    ) -> Self {
        let mut tracks: BTreeMap<u16, Vec<(i64, i64)>> = BTreeMap::new();
        for reading in readings {
            for sample in reading.samples.iter().filter(|sample| sample.quality == Quality::Good) {
                tracks.entry(sample.point.0).or_default().push((reading.filed_at.0, sample.raw));
            }
        }
        let mut found = Self { days: BTreeMap::from([(day, tail_seq)]), points: BTreeMap::new() };
        for (point, mut track) in tracks {
            // By group until here.
            track.sort_by_key(|(at, _)| *at);
            found.points.insert(point, quarters(point, day, &track, then, now));
        }
        found
    }

    /// How many values are in it.
    pub(crate) fn count(&self) -> i64 {
        self.points.values().flat_map(Series::values).map(|bucket| bucket.count).sum()
    }

    /// Takes in what `other` knows of other readings of the same days.
    pub(crate) fn merge(&mut self, other: Self) {
        for (day, tail_seq) in other.days {
            let had = self.days.entry(day).or_insert(tail_seq);
            *had = tail_seq.max(*had);
        }
        for (point, series) in other.points {
            let own = self.points.entry(point).or_default();
            for (begin, bucket) in series {
                own.entry(begin).and_modify(|had| had.merge(&bucket)).or_insert(bucket);
            }
        }
    }

    /// Puts the days of `other` in the place of its own.
    pub(crate) fn replace_days(&mut self, other: Self) {
        for series in self.points.values_mut() {
            series.retain(|begin, _| !other.days.contains_key(&day_of(*begin)));
        }
        self.days.retain(|day, _| !other.days.contains_key(day));
        self.merge(other);
        self.points.retain(|_, series| !series.is_empty());
    }

    /// The same in wider buckets.
    pub(crate) fn widened(&self, width_ms: i64) -> Self {
        let widen = |series: &Series| {
            let mut wide = Series::new();
            for (begin, bucket) in series {
                wide.entry(floor(*begin, width_ms))
                    .and_modify(|had: &mut Bucket| had.merge(bucket))
                    .or_insert(*bucket);
            }
            wide
        };
        let points = self.points.iter().map(|(point, series)| (*point, widen(series))).collect();
        Self { days: self.days.clone(), points }
    }

    /// Those days of it that `wanted` has.
    pub(crate) fn only(mut self, mut wanted: impl FnMut(i64) -> bool) -> Self {
        self.days.retain(|day, _| wanted(*day));
        for series in self.points.values_mut() {
            series.retain(|begin, _| self.days.contains_key(&day_of(*begin)));
        }
        self
    }

    /// The stored form, of buckets that begin at multiples of `width_ms`.
    pub(crate) fn encode(&self, width_ms: i64) -> Result<Vec<u8>, PackError> {
        let mut bytes = vec![VERSION];
        put(&mut bytes, width_ms.unsigned_abs() / 1000);
        put_count(&mut bytes, self.days.len());
        put_count(&mut bytes, self.points.len());
        let mut columns = vec![self.days.keys().copied().collect(), self.days.values().copied().collect()];
        let mut next = 0;
        for (point, series) in &self.points {
            put(&mut bytes, u64::from(point - next));
            put_count(&mut bytes, series.len());
            next = point.saturating_add(1);
            let column = |of: fn(i64, i64, &Bucket) -> i64| -> Vec<i64> {
                series.iter().map(|(begin, bucket)| of(width_ms, *begin, bucket)).collect()
            };
            columns.extend([
                column(|width, begin, _| begin.div_euclid(width)),
                column(|_, _, bucket| bucket.count),
                column(|_, _, bucket| bucket.min),
                column(|_, _, bucket| bucket.max.wrapping_sub(bucket.min)),
                column(|_, _, bucket| bucket.sum.wrapping_sub(bucket.count.wrapping_mul(bucket.min))),
                column(|_, _, bucket| bucket.last.wrapping_sub(bucket.min)),
                column(|_, begin, bucket| bucket.last_at.wrapping_sub(begin)),
                column(|_, _, bucket| bucket.held_ms),
                column(|_, _, bucket| bucket.over_ms),
            ]);
        }
        put_columns(&mut bytes, &columns)?;
        Ok(bytes)
    }
}

/// A stored roll-up of which no column is unpacked yet.
#[derive(Debug, Clone)]
pub(crate) struct Stored<'b> {
    width_ms: i64,
    days: usize,
    /// Points with their numbers of buckets.
    points: Vec<(u16, usize)>,
    columns: Columns<'b>,
}

impl<'b> Stored<'b> {
    pub(crate) fn parse(bytes: &'b [u8]) -> Result<Self, PackError> {
        let mut rest = match bytes.split_first() {
            None => return Err(PayloadError::Short.into()),
            Some((&VERSION, rest)) => rest,
            Some((&version, _)) => return Err(PackError::Version(u64::from(version))),
        };
        let had = take(&mut rest)?;
        let width_ms = i64::try_from(had).ok().and_then(|width_s| width_s.checked_mul(1000));
        let width_ms = width_ms.ok_or(PayloadError::Meaning { what: "a width", had })?;
        let days = number(&mut rest)?;
        let mut points = Vec::new();
        let mut next = 0u64;
        for _ in 0..take_count(&mut rest)? {
            let had = next.saturating_add(take(&mut rest)?);
            let point = u16::try_from(had).map_err(|_| PayloadError::Meaning { what: "a point", had })?;
            points.push((point, number(&mut rest)?));
            next = had + 1;
        }
        let columns = take_columns(&mut rest)?;
        if rest.is_empty() {
            Ok(Self { width_ms, days, points, columns })
        } else {
            Err(PayloadError::Long(rest.len()).into())
        }
    }

    /// By day: the number of the tail.
    pub(crate) fn days(&self) -> Result<BTreeMap<i64, i64>, PackError> {
        let days = self.columns.unpack(0, self.days)?;
        Ok(days.into_iter().zip(self.columns.unpack(1, self.days)?).collect())
    }

    /// The buckets of one point, by time.
    pub(crate) fn series(&self, point: u16) -> Result<Vec<(i64, Bucket)>, PackError> {
        let Ok(place) = self.points.binary_search_by_key(&point, |(point, _)| *point) else {
            return Ok(Vec::new());
        };
        let rows = self.points.get(place).map_or(0, |(_, rows)| *rows);
        let column = |index: usize| self.columns.unpack(FIXED + PER_POINT * place + index, rows);
        let (begins, counts, mins, spreads) = (column(0)?, column(1)?, column(2)?, column(3)?);
        let (sums, lasts, last_ats) = (column(4)?, column(5)?, column(6)?);
        let (helds, overs) = (column(7)?, column(8)?);
        let mut series = Vec::with_capacity(begins.len());
        let values = begins.into_iter().zip(counts).zip(mins.into_iter().zip(spreads));
        let rest = sums.into_iter().zip(lasts).zip(last_ats).zip(helds.into_iter().zip(overs));
        for (((number, count), (min, spread)), (((sum, last), last_at), (held_ms, over_ms))) in
            values.zip(rest)
        {
            let begin = number.wrapping_mul(self.width_ms);
            let bucket = Bucket {
                min,
                max: min.wrapping_add(spread),
                sum: sum.wrapping_add(count.wrapping_mul(min)),
                count,
                last: min.wrapping_add(last),
                last_at: begin.wrapping_add(last_at),
                held_ms,
                over_ms,
            };
            series.push((begin, bucket));
        }
        Ok(series)
    }

    /// All of it.
    pub(crate) fn whole(&self) -> Result<RollUp, PackError> {
        let mut points = BTreeMap::new();
        for (point, _) in &self.points {
            points.insert(*point, self.series(*point)?.into_iter().collect());
        }
        Ok(RollUp { days: self.days()?, points })
    }
}

fn number(rest: &mut &[u8]) -> Result<usize, PackError> {
    let had = take(rest)?;
    usize::try_from(had).map_err(|_| PayloadError::Meaning { what: "a number of rows", had }.into())
}

#[cfg(test)]
mod tests {
    use domain::id::DetectorId;
    use domain::in_force::{LevelInForce, PointLevels};
    use domain::reading::{Filing, Sample};

    use super::*;

    const DAY: i64 = 20_782;

    fn reading(at_ms: i64, samples: &[(u16, i64)]) -> StoredReading {
        let filed_at = UnixMs(DAY * DAY_MS + at_ms);
        let sample = |(point, raw): &(u16, i64)| Sample {
            point: PointIndex(*point),
            raw: *raw,
            quality: Quality::Good,
        };
        StoredReading {
            detector: DetectorId(7),
            group: 0,
            filed_at,
            device_at: Some(filed_at),
            received_at: filed_at,
            filing: Filing::Current,
            samples: samples.iter().map(sample).collect(),
            reported: Vec::new(),
        }
    }

    fn limits(raw: i64) -> InForce {
        let level = LevelInForce { low: false, raw: Some(raw), night: None };
        let points = vec![PointLevels { point: PointIndex(1), levels: vec![level] }];
        InForce { silent_after_ms: 120_000, utc_offset_min: 0, points }
    }

    fn a_day() -> RollUp {
        let readings: Vec<StoredReading> = (0..2000)
            .map(|n| {
                let raw = n * n % 61;
                let samples: &[(u16, i64)] =
                    if n % 50 == 3 { &[(1, i64::MIN), (300, n)] } else { &[(1, raw), (2, -raw)] };
                reading(n * 40_000 + n % 3, samples)
            })
            .collect();
        RollUp::of_day(DAY, 99, &readings, &InForceThen(vec![(0, limits(30))]), i64::MAX)
    }

    #[test]
    fn version_1_is_read_as_it_was_released() {
        let released = include_str!("../../tests/golden/rollup_v1.hex").trim();
        let digits = released.as_bytes().chunks(2).map(|two| std::str::from_utf8(two).unwrap());
        let bytes: Vec<u8> = digits.map(|two| u8::from_str_radix(two, 16).unwrap()).collect();
        let again = a_day().encode(QUARTER_MS).unwrap();
        let hex: String = again.iter().map(|byte| format!("{byte:02x}")).collect();
        let read = Stored::parse(&bytes).and_then(|stored| stored.whole());
        assert_eq!(read, Ok(a_day()), "{hex}");
        assert_eq!(Stored::parse(&again).unwrap().whole().unwrap(), a_day());
        assert!(matches!(Stored::parse(&[2, 0]), Err(PackError::Version(2))));
    }

    #[test]
    fn damaged_bytes_are_refused_or_read_without_a_panic() {
        let bytes = a_day().encode(QUARTER_MS).unwrap();
        for at in 0..bytes.len() {
            for flip in [1, 0x80, 0xff].into_iter().skip(if at < 200 { 0 } else { 2 }) {
                let mut damaged = bytes.clone();
                damaged[at] ^= flip;
                if let Ok(stored) = Stored::parse(&damaged) {
                    drop(stored.whole());
                }
            }
            drop(Stored::parse(&bytes[..at]));
        }
    }

    #[test]
    fn a_value_stands_until_the_next_and_no_longer_than_the_silence() {
        let minute = 60_000;
        let readings = [
            // Stands for the minute before it too.
            reading(minute, &[(1, 10)]),
            reading(2 * minute, &[(1, 40)]),
            // Silent for longer than two minutes after this.
            reading(3 * minute, &[(1, 50)]),
            reading(20 * minute, &[(1, 10)]),
            // The day ends a minute later.
            reading(24 * 60 * minute - minute, &[(1, 35)]),
        ];
        let lower = DAY * DAY_MS + 10 * 60 * minute;
        let then = InForceThen(vec![(0, limits(30)), (lower, limits(50))]);
        let found = RollUp::of_day(DAY, 1, &readings, &then, i64::MAX);
        let begin = DAY * DAY_MS;
        let series = &found.points[&1];
        let of = |at: i64| (series[&(begin + at)].held_ms / minute, series[&(begin + at)].over_ms / minute);
        assert_eq!(of(0), (2 + 1 + 2, 1 + 2));
        assert_eq!(of(15 * minute), (2, 0));
        assert_eq!(of(24 * 60 * minute - 15 * minute), (1, 0), "the limit of then counts");
        let open = RollUp::of_day(DAY, 1, &readings[..2], &then, begin + 2 * minute + 7);
        assert_eq!(open.points[&1][&begin].held_ms, 2 * minute + 7, "what is still to come does not count");
    }

    #[test]
    fn days_are_replaced_and_widened() {
        let mut month = a_day();
        let next_day = |raw| {
            RollUp::of_day(DAY + 1, 5, &[reading(DAY_MS, &[(1, raw)])], &InForceThen::default(), i64::MAX)
        };
        month.replace_days(next_day(3));
        month.replace_days(next_day(4));
        assert_eq!(month.days.len(), 2);
        let days = month.widened(DAY_MS);
        assert_eq!(days.points[&1].len(), 2);
        assert_eq!(days.points[&1][&((DAY + 1) * DAY_MS)].sum, 4);
        assert_eq!(days.points[&2][&(DAY * DAY_MS)].count, 1960);
        assert_eq!(month.only(|day| day == DAY), a_day());
    }
}
