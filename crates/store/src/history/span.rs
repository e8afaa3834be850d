//! The one way to read readings: what waits in the tail and what is sealed, as one.
//!
//! The tail is read first. A reading leaves it only after its chunk is on disk, so that whoever looks into the tail
//! before the chunks misses nothing, whatever is sealed meanwhile; and a chunk says up to which number of the tail it
//! holds its day, so that nothing is read twice.

use std::collections::BTreeMap;

use domain::id::DetectorId;
use domain::reading::{Filing, PointIndex, Quality};
use domain::time::UnixMs;
use sqlx::SqliteConnection;

use super::calendar::{day_name, day_of};
use super::chunk::Chunk;
use super::partitions::{Kind, Part, key_of, key_parts, months_between};
use crate::error::StoreError;
use crate::intake::{SHARED_MS, StoredReading};
use crate::open::Store;
use crate::payload;

/// A row of the tail: number, group, filed, device's clock, server's clock, filing, payload.
pub(crate) type TailRow = (i64, i64, i64, Option<i64>, i64, i64, Vec<u8>);

/// A row of a chunk: key, number, checksum, body.
type ChunkRow = (i64, i64, i64, Vec<u8>);

/// A sealed day whose bytes are whole.
#[derive(Debug, Clone)]
pub(crate) struct Sealed {
    /// It holds the tail's rows of its day up to this number.
    pub(crate) tail_seq: i64,
    pub(crate) body: Vec<u8>,
}

/// What is stored of one detector within a range of time.
pub(crate) struct Span {
    detector: i64,
    from: i64,
    to: i64,
    tail: Vec<TailRow>,
    /// By day since 1970.
    sealed: BTreeMap<i64, Sealed>,
}

/// What counts from `from` on and before `to`, both ms. `connection` reads the tail.
pub(crate) async fn span(
    store: &Store,
    connection: &mut SqliteConnection,
    detector: i64,
    from: i64,
    to: i64,
) -> Result<Span, StoreError> {
    let tail = tail(connection, detector, from, to).await?;
    let sealed = sealed(store, detector, from, to).await?;
    Ok(Span { detector, from, to, tail, sealed })
}

pub(crate) async fn tail(
    connection: &mut SqliteConnection,
    detector: i64,
    from: i64,
    to: i64,
) -> Result<Vec<TailRow>, StoreError> {
    let rows = sqlx::query_as(
        "SELECT r.seq, r.grp, r.filed_at, r.device_at, r.received_at, r.filing, r.payload FROM reading_group g \
         CROSS JOIN reading r ON r.detector_id = g.detector_id AND r.grp = g.grp AND r.filed_at >= $2 \
         AND r.filed_at < $3 WHERE g.detector_id = $1",
    )
    .bind(detector)
    .bind(from)
    .bind(to)
    .fetch_all(connection)
    .await?;
    Ok(rows)
}

/// The sealed days of a range. One that is damaged is told and left out.
pub(crate) async fn sealed(
    store: &Store,
    detector: i64,
    from: i64,
    to: i64,
) -> Result<BTreeMap<i64, Sealed>, StoreError> {
    let partitions = &store.inner.partitions;
    let mut found = BTreeMap::new();
    if from >= to || from >= store.sealed_to() {
        return Ok(found);
    }
    let wanted = months_between(from, to);
    for month in partitions.months(Kind::Chunks).into_iter().filter(|month| wanted.contains(month)) {
        let part = Part::new(Kind::Chunks, month);
        let Some(pool) = partitions.there(part).await? else { continue };
        let first = day_of(from).max(month.first_day());
        let last = day_of(to - 1).min(month.next().first_day() - 1);
        // A key per day, each found by itself: between two days of a detector lie all the others.
        let rows: Result<Vec<ChunkRow>, sqlx::Error> = sqlx::query_as(
            "WITH RECURSIVE day (key) AS (VALUES ($1) UNION ALL SELECT key + 4294967296 FROM day WHERE key < $2) \
             SELECT c.key, c.tail_seq, c.crc, c.body FROM day CROSS JOIN chunk c ON c.key = day.key",
        )
        .bind(key_of(first, detector))
        .bind(key_of(last, detector))
        .fetch_all(&pool)
        .await;
        match rows.map_err(StoreError::from) {
            Ok(rows) => {
                for (key, tail_seq, crc, body) in rows {
                    let (day, _) = key_parts(key);
                    match whole(&body, crc) {
                        Ok(()) => drop(found.insert(day, Sealed { tail_seq, body })),
                        Err(what) => partitions.damaged(part, Some((detector, day)), &what),
                    }
                }
            }
            Err(StoreError::Corrupt { what }) => {
                partitions.damaged(part, None, &what);
            }
            // Dropped between two looks.
            Err(StoreError::Sql(sqlx::Error::PoolClosed)) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(found)
}

/// Whether a chunk is as it was written.
pub(crate) fn whole(body: &[u8], crc: i64) -> Result<(), String> {
    let had = i64::from(crc32fast::hash(body));
    if had != crc {
        return Err(format!("checksum {had:08x}, wanted {crc:08x}"));
    }
    Chunk::parse(body).map(drop).map_err(|error| error.to_string())
}

/// What is wrong with the sealed days of a file, in words.
pub(crate) async fn damaged_chunks(connection: &mut SqliteConnection) -> Result<Vec<String>, StoreError> {
    let mut found = Vec::new();
    let mut after = i64::MIN;
    loop {
        let rows: Vec<(i64, i64, Vec<u8>)> =
            sqlx::query_as("SELECT key, crc, body FROM chunk WHERE key > $1 ORDER BY key LIMIT 200")
                .bind(after)
                .fetch_all(&mut *connection)
                .await?;
        let Some((last, ..)) = rows.last() else { return Ok(found) };
        after = *last;
        for (key, crc, body) in rows {
            if let Err(what) = whole(&body, crc) {
                let (day, detector) = key_parts(key);
                found.push(format!("readings of detector {detector} on {}: {what}", day_name(day)));
            }
        }
    }
}

impl Span {
    /// The rows of the tail that no chunk holds, in the order in which they came.
    fn unsealed(&self) -> Vec<&TailRow> {
        let is_open = |row: &&TailRow| self.sealed.get(&day_of(row.2)).is_none_or(|had| row.0 > had.tail_seq);
        let mut rows: Vec<&TailRow> = self.tail.iter().filter(is_open).collect();
        rows.sort_unstable_by_key(|row| row.0);
        rows
    }

    /// All readings, in the order of group and filed time; with the values of some points only, or of all.
    pub(crate) fn readings(&self, points: Option<&[PointIndex]>) -> Result<Vec<StoredReading>, StoreError> {
        let mut all = Vec::new();
        for (day, sealed) in &self.sealed {
            let some = parse(self.detector, *day, sealed)?
                .readings_of(DetectorId(self.detector), points)
                .map_err(|error| unreadable(self.detector, *day, &error))?;
            all.extend(some.into_iter().filter(|one| (self.from..self.to).contains(&one.filed_at.0)));
        }
        all.sort_by_key(|one| (one.group, one.filed_at));
        let tail = self.unsealed();
        if tail.is_empty() {
            return Ok(all);
        }
        let read = |row| {
            let mut one = read(self.detector, row)?;
            one.samples.retain(|sample| points.is_none_or(|points| points.contains(&sample.point)));
            Ok(one)
        };
        let tail = tail.into_iter().map(read).collect::<Result<_, StoreError>>()?;
        Ok(merged(all, tail))
    }

    /// The good values of one point with the time that they count for, in no order.
    pub(crate) fn track(&self, point: u16, mut take: impl FnMut(i64, i64)) -> Result<(), StoreError> {
        let range = self.from..self.to;
        for (day, sealed) in &self.sealed {
            track_of(self.detector, *day, sealed, point, |at, raw| {
                if range.contains(&at) {
                    take(at, raw);
                }
            })?;
        }
        for row in self.unsealed() {
            good_values(self.detector, row, |of, raw| {
                if of == point {
                    take(row.2, raw);
                }
            })?;
        }
        Ok(())
    }
}

/// The good values of one point of a sealed day with the time that they count for; by group, then by time.
pub(crate) fn track_of(
    detector: i64,
    day: i64,
    sealed: &Sealed,
    point: u16,
    take: impl FnMut(i64, i64),
) -> Result<(), StoreError> {
    let chunk = parse(detector, day, sealed)?;
    chunk.track(point, take).map_err(|error| unreadable(detector, day, &error))
}

/// The good values of a row of the tail, with their points.
pub(crate) fn good_values(
    detector: i64,
    (_, _, filed_at, _, _, _, bytes): &TailRow,
    mut take: impl FnMut(u16, i64),
) -> Result<(), StoreError> {
    let (samples, _) = payload::decode(bytes).map_err(|error| {
        StoreError::corrupt(format!("reading of detector {detector} at {filed_at}: {error}"))
    })?;
    let good = samples.iter().filter(|sample| sample.quality == Quality::Good);
    good.for_each(|sample| take(sample.point.0, sample.raw));
    Ok(())
}

impl Span {
    /// Where one point had no good value: from the first one that was not good until the next that was, or the last
    /// that is known, with what was known of it first.
    pub(crate) fn faults(&self, point: u16) -> Result<Vec<(i64, i64, Quality)>, StoreError> {
        let range = self.from..self.to;
        let mut seen: Vec<(i64, Quality)> = Vec::new();
        for row in self.unsealed() {
            let reading = read(self.detector, row)?;
            let wanted = reading.samples.iter().filter(|sample| sample.point.0 == point);
            seen.extend(wanted.map(|sample| (reading.filed_at.0, sample.quality)));
        }
        let chunks: Vec<(i64, Chunk<'_>)> = self
            .sealed
            .iter()
            .map(|(day, sealed)| Ok((*day, parse(self.detector, *day, sealed)?)))
            .collect::<Result<_, StoreError>>()?;
        let all_good = |(_, chunk): &(i64, Chunk<'_>)| chunk.is_all_good(point);
        if seen.iter().all(|(_, quality)| *quality == Quality::Good) && chunks.iter().all(all_good) {
            return Ok(Vec::new());
        }
        for (day, chunk) in &chunks {
            let take = |at, quality| seen.push((at, quality));
            chunk.qualities(point, take).map_err(|error| unreadable(self.detector, *day, &error))?;
        }
        seen.retain(|(at, _)| range.contains(at));
        seen.sort_by_key(|(at, quality)| (*at, quality.stored()));
        let mut faults: Vec<(i64, i64, Quality)> = Vec::new();
        let mut open = false;
        for (at, quality) in seen {
            match faults.last_mut().filter(|_| open) {
                Some((_, to, had)) if quality == Quality::Good || quality == *had => *to = at,
                Some((_, to, _)) => {
                    *to = at;
                    faults.push((at, at, quality));
                }
                None if quality == Quality::Good => {}
                None => faults.push((at, at, quality)),
            }
            open = quality != Quality::Good;
        }
        Ok(faults)
    }
}

fn unreadable(detector: i64, day: i64, error: &impl std::fmt::Display) -> StoreError {
    StoreError::corrupt(format!("chunk of detector {detector}, day {day}: {error}"))
}

fn parse(detector: i64, day: i64, sealed: &Sealed) -> Result<Chunk<'_>, StoreError> {
    Chunk::parse(&sealed.body).map_err(|error| unreadable(detector, day, &error))
}

/// What a sealed day holds.
pub(crate) fn readings_of(
    detector: i64,
    day: i64,
    sealed: &Sealed,
) -> Result<Vec<StoredReading>, StoreError> {
    parse(detector, day, sealed)?
        .readings(DetectorId(detector))
        .map_err(|error| unreadable(detector, day, &error))
}

pub(crate) fn read(detector: i64, row: &TailRow) -> Result<StoredReading, StoreError> {
    let (_, group, filed_at, device_at, received_at, filing, bytes) = row;
    let damaged = |what: String| StoreError::corrupt(format!("reading of detector {detector}: {what}"));
    let (samples, reported) = payload::decode(bytes).map_err(|error| damaged(error.to_string()))?;
    Ok(StoredReading {
        detector: DetectorId(detector),
        group: u8::try_from(*group).map_err(|_| damaged(format!("group {group}")))?,
        filed_at: UnixMs(*filed_at),
        device_at: device_at.map(UnixMs),
        received_at: UnixMs(*received_at),
        filing: u8::try_from(*filing)
            .ok()
            .and_then(Filing::from_stored)
            .ok_or_else(|| damaged(format!("filing {filing}")))?,
        samples,
        reported,
    })
}

/// Whether the two are the same reading: the same moment by the device's clock, and the same content.
pub(crate) fn is_same(stored: &StoredReading, new: &StoredReading) -> bool {
    stored.device_at == new.device_at
        && (stored.filed_at == new.filed_at || stored.device_at == Some(new.filed_at))
        && stored.samples == new.samples
        && stored.reported == new.reported
}

/// Takes `new` in, one by one, into `sealed`, which is in the order of group and filed time, by the rules of the
/// commit: the same reading counts once, another one of that moment is filed at the next free millisecond.
pub(crate) fn merged(sealed: Vec<StoredReading>, new: Vec<StoredReading>) -> Vec<StoredReading> {
    let mut all: BTreeMap<(u8, UnixMs), StoredReading> =
        sealed.into_iter().map(|one| ((one.group, one.filed_at), one)).collect();
    for one in new {
        let (group, at) = (one.group, one.filed_at);
        let mut free = at;
        let mut same = false;
        for ((_, moment), there) in all.range((group, at)..(group, at.plus_ms(SHARED_MS))) {
            same |= is_same(there, &one);
            if *moment == free {
                free = free.plus_ms(1);
            }
        }
        if !same && free < at.plus_ms(SHARED_MS) {
            all.insert((group, free), StoredReading { filed_at: free, ..one });
        }
    }
    all.into_values().collect()
}
