//! History from before there were roll-ups in files: each chunk that has none gets its own, and what the old tables know
//! of days of which fewer readings are left (or none) is carried over; then the tables go. Done by steps, each of which
//! can be done again.

use std::collections::{BTreeMap, VecDeque};

use domain::time::UnixMs;
use sqlx::{QueryBuilder, Sqlite, SqliteConnection, SqlitePool};

use super::bucket::Bucket;
use super::calendar::{DAY_MS, Month, day_of};
use super::partitions::{Kind, Part, Partitions, key_of, key_parts};
use super::rolled;
use super::rollup::{QUARTER_MS, RollUp};
use super::span::{self, Sealed, readings_of};
use crate::error::StoreError;
use crate::limits_in_force;
use crate::meta;
use crate::open::Store;
use crate::scoped::push_any;

/// A row of a chunk: key, number, checksum, body.
type ChunkRow = (i64, i64, i64, Vec<u8>);

/// Of how many shards the old tables kept cursors.
const SHARDS: i64 = 16;

/// The last month of which every chunk has a roll-up.
const DONE_KEY: &str = "rolled_up_month";

/// Whether there is nothing to catch up with. A new database has the old tables too, and nothing in them: they go at once.
pub(crate) async fn is_rolled(write: &SqlitePool, partitions: &Partitions) -> Result<bool, StoreError> {
    let there: Option<i64> =
        sqlx::query_scalar("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'rollup_before'")
            .fetch_optional(write)
            .await?;
    if there.is_none() {
        return Ok(true);
    }
    let any: Option<i64> =
        sqlx::query_scalar("SELECT 1 FROM rollup_before LIMIT 1").fetch_optional(write).await?;
    if any.is_some() || !partitions.months(Kind::Chunks).is_empty() {
        return Ok(false);
    }
    let mut tx = write.begin_with("BEGIN IMMEDIATE").await?;
    drop_tables(&mut tx).await?;
    tx.commit().await?;
    Ok(true)
}

async fn drop_tables(connection: &mut SqliteConnection) -> Result<(), StoreError> {
    for sql in ["DROP TABLE IF EXISTS rollup_before", "DROP TABLE IF EXISTS rollup_before_cursor"] {
        sqlx::query(sql).execute(&mut *connection).await?;
    }
    Ok(())
}

/// Where it stands.
#[derive(Debug, Default)]
pub(crate) struct CatchUp {
    /// Months of chunks to be looked at, oldest first.
    months: VecDeque<Month>,
    /// In the first of them, chunks up to this were looked at.
    after: Option<i64>,
}

impl CatchUp {
    pub(super) async fn begin(store: &Store) -> Result<Self, StoreError> {
        let done = store.meta_number(DONE_KEY).await?.map(Month::of_number);
        let mut months = store.inner.partitions.months(Kind::Chunks);
        months.retain(|month| done.is_none_or(|done| *month > done));
        Ok(Self { months: months.into(), ..Self::default() })
    }

    /// One step; `true` when everything is done.
    pub(super) async fn step(&mut self, store: &Store, most: usize, now: UnixMs) -> Result<bool, StoreError> {
        if let Some(month) = self.months.front().copied() {
            self.after = roll_up(store, month, self.after, most, now).await?;
            if self.after.is_none() {
                self.months.pop_front();
                let mut tx = store.begin().await?;
                meta::put(&mut tx, DONE_KEY, &month.number().to_string()).await?;
                tx.commit().await?;
            }
            return Ok(false);
        }
        if carry_month(store).await? {
            return Ok(false);
        }
        let mut tx = store.begin().await?;
        drop_tables(&mut tx).await?;
        sqlx::query("DELETE FROM meta WHERE key = $1").bind(DONE_KEY).execute(&mut *tx).await?;
        tx.commit().await?;
        store.caught_up();
        Ok(true)
    }
}

/// Makes the roll-ups of some chunks of a month; up to which key, `None` when there are no more.
async fn roll_up(
    store: &Store,
    month: Month,
    after: Option<i64>,
    most: usize,
    now: UnixMs,
) -> Result<Option<i64>, StoreError> {
    let part = Part::new(Kind::Chunks, month);
    let partitions = &store.inner.partitions;
    let Some(pool) = partitions.there(part).await? else { return Ok(None) };
    let rows: Result<Vec<ChunkRow>, sqlx::Error> =
        sqlx::query_as("SELECT key, tail_seq, crc, body FROM chunk WHERE key > $1 ORDER BY key LIMIT $2")
            .bind(after.unwrap_or(i64::MIN))
            .bind(i64::try_from(most).unwrap_or(i64::MAX))
            .fetch_all(&pool)
            .await;
    let rows = match rows.map_err(StoreError::from) {
        Ok(rows) => rows,
        Err(StoreError::Corrupt { what }) => {
            partitions.damaged(part, None, &what);
            return Ok(None);
        }
        Err(error) => return Err(error),
    };
    let last = rows.last().map(|row| row.0);
    let mut made = Vec::new();
    let mut greatest = 0;
    for (key, tail_seq, crc, body) in rows {
        let (day, detector) = key_parts(key);
        if let Err(what) = span::whole(&body, crc) {
            partitions.damaged(part, Some((detector, day)), &what);
            continue;
        }
        let known = rolled::of_day(store, detector, day).await?;
        if known.is_some_and(|known| known.days.values().any(|up_to| *up_to >= tail_seq)) {
            continue;
        }
        let readings = readings_of(detector, day, &Sealed { tail_seq, body })?;
        let mut connection = store.reader().acquire().await?;
        let then = limits_in_force::of(&mut connection, detector).await?;
        drop(connection);
        let rollup = RollUp::of_day(day, tail_seq, &readings, &then, now.0);
        made.push((key, encode(&rollup, detector, day)?));
        greatest = tail_seq.max(greatest);
    }
    if !made.is_empty() {
        rolled::write(store, Part::new(Kind::Open, month), &made, greatest).await?;
    }
    Ok(last)
}

fn encode(rollup: &RollUp, detector: i64, day: i64) -> Result<Vec<u8>, StoreError> {
    rollup
        .encode(QUARTER_MS)
        .map_err(|error| StoreError::corrupt(format!("roll-up of detector {detector}, day {day}: {error}")))
}

/// A row of the old table: channel, width in s, begin in ms, then the bucket.
type OldRow = (i64, i64, i64, i64, i64, i64, i64, i64, i64);

/// Carries the next month of a detector over and deletes it; `false` when nothing is left.
async fn carry_month(store: &Store) -> Result<bool, StoreError> {
    // What was carried is gone, so that the first that is there is the next.
    let first: Option<(i64,)> =
        sqlx::query_as("SELECT channel_id FROM rollup_before ORDER BY channel_id LIMIT 1")
            .fetch_optional(store.reader())
            .await?;
    let Some((channel,)) = first else { return Ok(false) };
    let detector: Option<i64> = sqlx::query_scalar("SELECT detector_id FROM channel WHERE id = $1")
        .bind(channel)
        .fetch_optional(store.reader())
        .await?;
    let points: BTreeMap<i64, Option<u16>> = match detector {
        Some(detector) => {
            let rows: Vec<(i64, Option<u16>)> =
                sqlx::query_as("SELECT id, point FROM channel WHERE detector_id = $1")
                    .bind(detector)
                    .fetch_all(store.reader())
                    .await?;
            rows.into_iter().collect()
        }
        // Nobody can ask for a channel that is not there.
        None => BTreeMap::from([(channel, None)]),
    };
    let mut query = QueryBuilder::<Sqlite>::new("SELECT min(bucket) FROM rollup_before WHERE 1 = 1");
    push_any(&mut query, "channel_id", points.keys().copied());
    let oldest: Option<i64> = query.build_query_scalar().fetch_one(store.reader()).await?;
    let Some(oldest) = oldest else { return Ok(false) };
    let month = Month::of_day(day_of(oldest));
    let (from, to) = (month.first_day() * DAY_MS, month.next().first_day() * DAY_MS);
    let mut rows: Vec<OldRow> = Vec::new();
    for (channel, step_s) in points.keys().flat_map(|channel| super::STEPS_S.map(|step| (*channel, step))) {
        let some: Vec<OldRow> = sqlx::query_as(
            "SELECT channel_id, step_s, bucket, min, max, sum, count, last, last_at FROM rollup_before \
             WHERE channel_id = $1 AND step_s = $2 AND bucket >= $3 AND bucket < $4",
        )
        .bind(channel)
        .bind(step_s)
        .bind(from)
        .bind(to)
        .fetch_all(store.reader())
        .await?;
        rows.extend(some);
    }
    if let Some(detector) = detector {
        keep(store, detector, month, &rows, &points).await?;
    }
    for channel in points.keys() {
        let mut tx = store.begin().await?;
        for step_s in super::STEPS_S {
            sqlx::query(
                "DELETE FROM rollup_before WHERE channel_id = $1 AND step_s = $2 AND bucket >= $3 AND bucket < $4",
            )
            .bind(channel)
            .bind(step_s)
            .bind(from)
            .bind(to)
            .execute(&mut *tx)
            .await?;
        }
        tx.commit().await?;
    }
    Ok(true)
}

/// Writes the days of which the old rows know more than the roll-ups that were made from readings, and more than the
/// readings that still wait to be sealed. A day of which only wider buckets are left is carried as one bucket at the begin
/// of each.
async fn keep(
    store: &Store,
    detector: i64,
    month: Month,
    rows: &[OldRow],
    points: &BTreeMap<i64, Option<u16>>,
) -> Result<(), StoreError> {
    let cursor: Option<i64> = sqlx::query_scalar("SELECT seq FROM rollup_before_cursor WHERE shard = $1")
        .bind(detector.rem_euclid(SHARDS))
        .fetch_optional(store.reader())
        .await?;
    let tail_seq = cursor.unwrap_or(0);
    let mut days: BTreeMap<i64, BTreeMap<i64, RollUp>> = BTreeMap::new();
    for (channel, step_s, begin, min, max, sum, count, last, last_at) in rows {
        let Some(point) = points.get(channel).copied().flatten() else { continue };
        let bucket = Bucket {
            min: *min,
            max: *max,
            sum: *sum,
            count: *count,
            last: *last,
            last_at: *last_at,
            held_ms: 0,
            over_ms: 0,
        };
        let of_width = days.entry(day_of(*begin)).or_default().entry(*step_s).or_default();
        of_width.points.entry(point).or_default().insert(*begin, bucket);
    }
    let mut kept = Vec::new();
    for (day, by_width) in days {
        // The finest one that still has all that the day's bucket counts.
        let most = by_width.values().map(RollUp::count).max().unwrap_or(0);
        let Some(mut old) = by_width.into_values().find(|rollup| rollup.count() == most) else { continue };
        old.days.insert(day, tail_seq);
        let known = match rolled::of_day(store, detector, day).await? {
            Some(known) => known.count(),
            None => {
                let mut connection = store.reader().acquire().await?;
                let tail = span::tail(&mut connection, detector, day * DAY_MS, (day + 1) * DAY_MS).await?;
                let mut waiting = 0;
                for row in &tail {
                    span::good_values(detector, row, |_, _| waiting += 1)?;
                }
                waiting
            }
        };
        if known < most {
            kept.push((key_of(day, detector), encode(&old, detector, day)?));
        }
    }
    if !kept.is_empty() {
        rolled::write(store, Part::new(Kind::Open, month), &kept, tail_seq).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;
    use std::path::Path;

    use domain::id::DetectorId;
    use domain::reading::{Filing, PointIndex, Quality, Sample};
    use sqlx::migrate::Migrator;
    use sqlx::sqlite::{SqliteConnectOptions, SqlitePoolOptions};

    use super::super::rolled::Wanted;
    use super::super::{History as _, SealRules};
    use super::*;
    use crate::intake::StoredReading;
    use crate::{Batch, Options};

    /// Noon of 2026-11-20 UTC.
    const NOON: i64 = 1_795_176_000_000;
    const HOUR_MS: i64 = 3_600_000;

    /// A database as the version before this one left it: roll-ups as rows, for a year.
    async fn old_database(folder: &Path) {
        let options = SqliteConnectOptions::new()
            .filename(folder.join("emberwatch.db"))
            .create_if_missing(true)
            .foreign_keys(false);
        let pool = SqlitePoolOptions::new().max_connections(1).connect_with(options).await.unwrap();
        let all = sqlx::migrate!("./migrations");
        let before = all.migrations.iter().filter(|one| one.version < 38).cloned().collect();
        Migrator { migrations: Cow::Owned(before), ..all }.run(&pool).await.unwrap();
        sqlx::query(
            "INSERT INTO channel (id, detector_id, point, code, name, quantity, decimals) \
             VALUES (5, 1, 0, 'a', 'a', 'current', 1), (6, 1, NULL, 'd', 'd', 'device', 0)",
        )
        .execute(&pool)
        .await
        .unwrap();
        // Quarters of two days a year ago, an hour and a day from before those, of which nothing else is left.
        let year_ago = NOON - 365 * DAY_MS;
        let mut rows: Vec<(i64, i64)> = (0..192).map(|n| (900, year_ago + n * 900_000)).collect();
        rows.push((3600, year_ago - 40 * DAY_MS));
        rows.push((86_400, (year_ago - 80 * DAY_MS).div_euclid(DAY_MS) * DAY_MS));
        // The day of which the readings wait in the tail.
        rows.extend((0..4).map(|n| (900, NOON + n * 900_000)));
        for (step_s, begin) in rows {
            sqlx::query("INSERT INTO rollup VALUES (5, $1, $2, 3, 9, 60, 10, 7, $3)")
                .bind(step_s)
                .bind(begin)
                .bind(begin + 60_000)
                .execute(&pool)
                .await
                .unwrap();
        }
        sqlx::query("INSERT INTO rollup_cursor VALUES (1, 40)").execute(&pool).await.unwrap();
        pool.close().await;
    }

    fn readings() -> Vec<StoredReading> {
        let one = |n: i64| StoredReading {
            detector: DetectorId(1),
            group: 0,
            filed_at: UnixMs(NOON + n * 90_000),
            device_at: None,
            received_at: UnixMs(NOON + n * 90_000),
            filing: Filing::Current,
            samples: vec![Sample { point: PointIndex(0), raw: 3 + n % 7, quality: Quality::Good }],
            reported: Vec::new(),
        };
        (0..40).map(one).collect()
    }

    async fn count(store: &Store, from: i64, to: i64) -> i64 {
        let wanted =
            Wanted { detector: 1, points: &[0], from, to, width_ms: QUARTER_MS, now: UnixMs(i64::MAX) };
        let mut connection = store.reader().acquire().await.unwrap();
        let found = rolled::read(store, &mut connection, &wanted).await.unwrap();
        found.points.values().flatten().map(|(_, bucket)| bucket.count).sum()
    }

    #[tokio::test]
    async fn what_an_older_version_rolled_up_is_carried_over_and_its_tables_go() {
        let folder = tempfile::tempdir().unwrap();
        old_database(folder.path()).await;
        let year_ago = NOON - 365 * DAY_MS;
        let mut store = Store::open(folder.path(), Options::default()).await.unwrap();
        assert!(!store.is_rolled());
        store.commit(&Batch { readings: readings(), ..Batch::default() }).await.unwrap();
        let rules = SealRules { settle_ms: 0, chunks: 3, slice_rows: 100 };
        let mut steps = 0;
        // Stopped and begun again all the time.
        while !store.is_rolled() {
            for _ in 0..7 {
                store.seal(&rules, UnixMs(NOON + HOUR_MS)).await.unwrap();
            }
            store.close().await;
            store = Store::open(folder.path(), Options::default()).await.unwrap();
            steps += 1;
            assert!(steps < 100, "it comes to an end");
        }
        while store.seal(&rules, UnixMs(NOON + 2 * DAY_MS)).await.unwrap().more {}
        assert_eq!(count(&store, year_ago, year_ago + 2 * DAY_MS).await, 192 * 10);
        assert_eq!(count(&store, year_ago - 41 * DAY_MS, year_ago - 39 * DAY_MS).await, 10, "of an hour");
        assert_eq!(count(&store, year_ago - 81 * DAY_MS, year_ago - 79 * DAY_MS).await, 10, "of a day");
        assert_eq!(count(&store, NOON, NOON + DAY_MS).await, 40, "readings count once");
        let left: i64 = sqlx::query_scalar("SELECT count(*) FROM sqlite_master WHERE name LIKE 'rollup%'")
            .fetch_one(store.reader())
            .await
            .unwrap();
        assert_eq!(left, 0);
        assert_eq!(store.history_damage(), []);
    }
}
