//! Reading and writing roll-ups. What is asked for is looked for where it is newest: the rows of single days, then those of
//! months and years; what none of them has comes from the chunks, and what no roll-up holds yet from the tail. The first
//! that has a day has all of it, so that late data, which write a day anew, count once.

use std::collections::{BTreeMap, BTreeSet};

use domain::time::UnixMs;
use sqlx::{QueryBuilder, Sqlite, SqliteConnection};

use super::bucket::Bucket;
use super::calendar::{DAY_MS, Month, day_of};
use super::partitions::{Kind, Part, key_of, months_between};
use super::rollup::{InForceThen, QUARTER_MS, RollUp, Stored, quarters};
use super::span::{self, TailRow};
use crate::error::StoreError;
use crate::limits_in_force;
use crate::open::Store;
use crate::scoped::push_any;

/// Roll-ups of some points within a range.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// The days that are in it, each with the number of the tail up to which it is.
    pub(crate) days: BTreeMap<i64, i64>,
    /// By point; not in order.
    pub(crate) points: BTreeMap<u16, Vec<(i64, Bucket)>>,
}

/// What is asked of one detector.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wanted<'w> {
    pub(crate) detector: i64,
    pub(crate) points: &'w [u16],
    /// From here on and before `to`, ms; multiples of the width.
    pub(crate) from: i64,
    pub(crate) to: i64,
    /// Buckets of this width or narrower ones, ms: 15 minutes or a day.
    pub(crate) width_ms: i64,
    pub(crate) now: UnixMs,
}

/// Everything that counts within a range, in buckets of the width at most; `connection` reads the tail.
pub(crate) async fn read(
    store: &Store,
    connection: &mut SqliteConnection,
    wanted: &Wanted<'_>,
) -> Result<Found, StoreError> {
    let Wanted { detector, from, to, .. } = *wanted;
    // First: whatever leaves it meanwhile is in the roll-ups by then.
    let tail = span::tail(&mut *connection, detector, from, to).await?;
    let mut found = rolled(store, wanted).await?;
    let partitions = &store.inner.partitions;
    let from_chunks = !store.is_rolled() || partitions.is_any_rollup_damaged();
    if tail.is_empty() && !from_chunks {
        return Ok(found);
    }
    let then = limits_in_force::of(connection, detector).await?;
    if from_chunks {
        add_chunks(store, wanted, &then, &mut found).await?;
    }
    add_tail(wanted, &tail, &then, &mut found)?;
    Ok(found)
}

/// What the roll-ups' files have.
async fn rolled(store: &Store, wanted: &Wanted<'_>) -> Result<Found, StoreError> {
    let Wanted { detector, from, to, width_ms, .. } = *wanted;
    let mut found = Found::default();
    if from >= to {
        return Ok(found);
    }
    let partitions = &store.inner.partitions;
    let months = months_between(from, to);
    for month in partitions.months(Kind::Open).into_iter().filter(|month| months.contains(month)) {
        let first = day_of(from).max(month.first_day());
        let last = day_of(to - 1).min(month.next().first_day() - 1);
        let keys = (first..=last).map(|day| key_of(day, detector));
        take_rows(store, Part::new(Kind::Open, month), keys, wanted, &mut found).await?;
    }
    // The narrower ones also where days were asked for and have none.
    let kinds = if width_ms < DAY_MS { [Kind::Quarters, Kind::Days] } else { [Kind::Days, Kind::Quarters] };
    for kind in kinds {
        for month in partitions.months(kind) {
            let (first, keys) = match kind {
                Kind::Chunks | Kind::Open | Kind::Quarters => (month, vec![detector]),
                Kind::Days => {
                    let all = (0..12).map(|number| Month::of_number(month.number() + number));
                    let inside = all.filter(|one| months.contains(one));
                    (month, inside.map(|one| key_of(one.number(), detector)).collect())
                }
            };
            let is_inside = kind == Kind::Days || months.contains(&first);
            if is_inside && !keys.is_empty() && !holds_all(&found, wanted, kind, first) {
                take_rows(store, Part::new(kind, month), keys.into_iter(), wanted, &mut found).await?;
            }
        }
    }
    Ok(found)
}

/// Whether every day of a file within the range is found already.
fn holds_all(found: &Found, wanted: &Wanted<'_>, kind: Kind, first: Month) -> bool {
    let end = if kind == Kind::Days { Month::of_number(first.number() + 12) } else { first.next() };
    let from = day_of(wanted.from).max(first.first_day());
    let to = (day_of(wanted.to - 1) + 1).min(end.first_day());
    let had = i64::try_from(found.days.range(from..to.max(from)).count()).unwrap_or(i64::MAX);
    had >= to - from
}

async fn take_rows(
    store: &Store,
    part: Part,
    keys: impl Iterator<Item = i64>,
    wanted: &Wanted<'_>,
    found: &mut Found,
) -> Result<(), StoreError> {
    let known: BTreeSet<i64> = found.days.keys().copied().collect();
    for (_, body) in fetch(store, part, keys).await? {
        let damaged = |error: &dyn std::fmt::Display| {
            store.inner.partitions.damaged(
                part,
                Some((wanted.detector, part.month.first_day())),
                &error.to_string(),
            );
        };
        match unpack(&body, wanted, &known) {
            Ok((days, points)) => {
                found.days.extend(days);
                for (point, series) in points {
                    found.points.entry(point).or_default().extend(series);
                }
            }
            Err(error) => damaged(&error),
        }
    }
    Ok(())
}

type Unpacked = (Vec<(i64, i64)>, Vec<(u16, Vec<(i64, Bucket)>)>);

fn unpack(
    body: &[u8],
    wanted: &Wanted<'_>,
    known: &BTreeSet<i64>,
) -> Result<Unpacked, super::pack::PackError> {
    let stored = Stored::parse(body)?;
    let (first, last) = (day_of(wanted.from), day_of(wanted.to - 1));
    let days = stored.days()?;
    let new: BTreeMap<i64, i64> =
        days.into_iter().filter(|(day, _)| (first..=last).contains(day) && !known.contains(day)).collect();
    let mut points = Vec::with_capacity(wanted.points.len());
    if !new.is_empty() {
        let range = wanted.from..wanted.to;
        for point in wanted.points {
            let mut series = stored.series(*point)?;
            series.retain(|(begin, _)| range.contains(begin) && new.contains_key(&day_of(*begin)));
            points.push((*point, series));
        }
    }
    Ok((new.into_iter().collect(), points))
}

/// Rows of a file by their keys. What is damaged is told and left out.
pub(crate) async fn fetch(
    store: &Store,
    part: Part,
    keys: impl Iterator<Item = i64>,
) -> Result<Vec<(i64, Vec<u8>)>, StoreError> {
    let partitions = &store.inner.partitions;
    let Some(pool) = partitions.there(part).await? else { return Ok(Vec::new()) };
    let mut query = QueryBuilder::<Sqlite>::new("SELECT key, crc, body FROM rollup WHERE 1 = 1");
    push_any(&mut query, "key", keys);
    let rows: Result<Vec<(i64, i64, Vec<u8>)>, sqlx::Error> =
        query.push(" ORDER BY key").build_query_as().persistent(false).fetch_all(&pool).await;
    match rows.map_err(StoreError::from) {
        Ok(rows) => {
            let mut whole = Vec::with_capacity(rows.len());
            for (key, crc, body) in rows {
                let had = i64::from(crc32fast::hash(&body));
                if had == crc {
                    whole.push((key, body));
                } else {
                    let what = format!("checksum {had:08x}, wanted {crc:08x}");
                    partitions.damaged(part, Some(place_of(part, key)), &what);
                }
            }
            Ok(whole)
        }
        Err(StoreError::Corrupt { what }) => {
            partitions.damaged(part, None, &what);
            Ok(Vec::new())
        }
        // Put together, or let go, between two looks.
        Err(StoreError::Sql(sqlx::Error::PoolClosed)) => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

/// The detector and first day of a row.
fn place_of(part: Part, key: i64) -> (i64, i64) {
    let (high, detector) = super::partitions::key_parts(key);
    match part.kind {
        Kind::Chunks | Kind::Open => (detector, high),
        Kind::Quarters => (detector, part.month.first_day()),
        Kind::Days => (detector, Month::of_number(high).first_day()),
    }
}

/// Writes rows, with fsync; `tail_seq` is the greatest number that is in them.
pub(crate) async fn write(
    store: &Store,
    part: Part,
    rows: &[(i64, Vec<u8>)],
    tail_seq: i64,
) -> Result<(), StoreError> {
    let pool = store.inner.partitions.made(part).await?;
    let mut tx = pool.begin_with("BEGIN IMMEDIATE").await?;
    for (key, body) in rows {
        sqlx::query(
            "INSERT INTO rollup (key, crc, body) VALUES ($1, $2, $3) \
             ON CONFLICT (key) DO UPDATE SET crc = excluded.crc, body = excluded.body",
        )
        .bind(key)
        .bind(i64::from(crc32fast::hash(body)))
        .bind(body.as_slice())
        .execute(&mut *tx)
        .await?;
    }
    sqlx::query("UPDATE taken SET tail_seq = max(tail_seq, $1)").bind(tail_seq).execute(&mut *tx).await?;
    tx.commit().await?;
    Ok(())
}

/// What the roll-ups have of a day, all points; `None` when they have nothing of it.
pub(crate) async fn of_day(store: &Store, detector: i64, day: i64) -> Result<Option<RollUp>, StoreError> {
    let month = Month::of_day(day);
    for (kind, key) in [
        (Kind::Open, key_of(day, detector)),
        (Kind::Quarters, detector),
        (Kind::Days, key_of(month.number(), detector)),
    ] {
        let part = Part::new(kind, month);
        for (key, body) in fetch(store, part, std::iter::once(key)).await? {
            match Stored::parse(&body).and_then(|stored| stored.whole()) {
                Ok(whole) => {
                    let of_day = whole.only(|had| had == day);
                    if !of_day.days.is_empty() {
                        return Ok(Some(of_day));
                    }
                }
                Err(error) => {
                    store.inner.partitions.damaged(part, Some(place_of(part, key)), &error.to_string())
                }
            }
        }
    }
    Ok(None)
}

/// Days that no roll-up has, from their chunks: while older history is caught up with, and where a roll-up is damaged.
async fn add_chunks(
    store: &Store,
    wanted: &Wanted<'_>,
    then: &InForceThen,
    found: &mut Found,
) -> Result<(), StoreError> {
    let Wanted { detector, from, to, points, .. } = *wanted;
    for (day, sealed) in span::sealed(store, detector, from, to).await? {
        if found.days.contains_key(&day) {
            continue;
        }
        for point in points {
            let mut track = Vec::new();
            span::track_of(detector, day, &sealed, *point, |at, raw| track.push((at, raw)))?;
            track.sort_by_key(|(at, _)| *at);
            add(wanted, *point, quarters(*point, day, &track, then, wanted.now.0), found);
        }
        found.days.insert(day, sealed.tail_seq);
    }
    Ok(())
}

fn add(wanted: &Wanted<'_>, point: u16, series: super::rollup::Series, found: &mut Found) {
    let inside = series.into_iter().filter(|(begin, _)| (wanted.from..wanted.to).contains(begin));
    found.points.entry(point).or_default().extend(inside);
}

/// What waits in the tail and is in no roll-up.
fn add_tail(
    wanted: &Wanted<'_>,
    tail: &[TailRow],
    then: &InForceThen,
    found: &mut Found,
) -> Result<(), StoreError> {
    let mut days: BTreeMap<i64, BTreeMap<u16, Vec<(i64, i64)>>> = BTreeMap::new();
    for row in tail {
        let day = day_of(row.2);
        if found.days.get(&day).is_some_and(|held| row.0 <= *held) {
            continue;
        }
        span::good_values(wanted.detector, row, |point, raw| {
            if wanted.points.contains(&point) {
                days.entry(day).or_default().entry(point).or_default().push((row.2, raw));
            }
        })?;
    }
    for (day, points) in days {
        for (point, mut track) in points {
            track.sort_by_key(|(at, _)| *at);
            add(wanted, point, quarters(point, day, &track, then, wanted.now.0), found);
        }
    }
    Ok(())
}

/// Puts the days of a detector together: its month of 15 minutes and its month of days.
pub(crate) async fn put_together(
    store: &Store,
    month: Month,
    detector: i64,
    keeps_quarters: bool,
) -> Result<Option<Together>, StoreError> {
    let keys = (month.first_day()..month.next().first_day()).map(|day| key_of(day, detector));
    let part = Part::new(Kind::Open, month);
    let partitions = &store.inner.partitions;
    let mut days = RollUp::default();
    for (key, body) in fetch(store, part, keys).await? {
        match Stored::parse(&body).and_then(|stored| stored.whole()) {
            Ok(day) => days.merge(day),
            Err(error) => {
                partitions.damaged(part, Some(place_of(part, key)), &error.to_string());
            }
        }
    }
    if days.days.is_empty() {
        return Ok(None);
    }
    let damaged = |error: super::pack::PackError| {
        StoreError::corrupt(format!("roll-ups of detector {detector}, {month}: {error}"))
    };
    let tail_seq = days.days.values().copied().max().unwrap_or(0);
    let mut whole = Vec::new();
    for (kind, key, width_ms) in
        [(Kind::Quarters, detector, QUARTER_MS), (Kind::Days, key_of(month.number(), detector), DAY_MS)]
    {
        if kind == Kind::Quarters && !keeps_quarters {
            continue;
        }
        let part = Part::new(kind, month);
        let had = fetch(store, part, std::iter::once(key)).await?.into_iter().next();
        let mut all = match had.map(|(_, body)| Stored::parse(&body).and_then(|stored| stored.whole())) {
            Some(Ok(all)) => all,
            Some(Err(error)) => {
                partitions.damaged(part, Some(place_of(part, key)), &error.to_string());
                continue;
            }
            // Nothing is written over what may still be rescued; the days stay in their own file.
            None if partitions.is_damaged(part) => continue,
            None => RollUp::default(),
        };
        all.replace_days(if width_ms == DAY_MS { days.widened(DAY_MS) } else { days.clone() });
        whole.push((kind, key, all.encode(width_ms).map_err(damaged)?));
    }
    Ok(Some(Together { rows: whole, tail_seq }))
}

/// A detector's month, ready to be written.
pub(crate) struct Together {
    /// Into which file, under which key.
    pub(crate) rows: Vec<(Kind, i64, Vec<u8>)>,
    pub(crate) tail_seq: i64,
}

/// The next detectors after `after` that have days in the file of a month.
pub(crate) async fn detectors_after(
    store: &Store,
    part: Part,
    after: i64,
    most: usize,
) -> Result<Vec<i64>, StoreError> {
    let Some(pool) = store.inner.partitions.there(part).await? else { return Ok(Vec::new()) };
    let found = sqlx::query_scalar(
        "SELECT DISTINCT key & 4294967295 FROM rollup WHERE key & 4294967295 > $1 \
         ORDER BY key & 4294967295 LIMIT $2",
    )
    .bind(after)
    .bind(i64::try_from(most).unwrap_or(i64::MAX))
    .fetch_all(&pool)
    .await;
    match found.map_err(StoreError::from) {
        Ok(found) => Ok(found),
        Err(StoreError::Corrupt { what }) => {
            store.inner.partitions.damaged(part, None, &what);
            Ok(Vec::new())
        }
        Err(error) => Err(error),
    }
}
