//! The roll-up step. Detectors fall into shards with a cursor each, so that one step holds the writer for
//! many short transactions instead of a long one, and each of them is exactly-once by itself.

use std::collections::{BTreeMap, HashMap, HashSet};

use domain::reading::Quality;
use sqlx::{QueryBuilder, Sqlite};

use super::STEPS_S;
use super::bucket::{Bucket, floor};
use crate::error::StoreError;
use crate::intake::Bulk;
use crate::open::Store;
use crate::payload;
use crate::scoped::push_any;

/// Shards of detectors.
pub(crate) const SHARDS: i64 = 16;

/// The narrowest width, s.
const FINEST_S: i64 = 900;

/// Readings per query. Decoding a chunk holds a thread of the runtime, and what waits there in the meantime is late by
/// as much: some ms.
const CHUNK: i64 = 500;

/// What a roll-up step did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RollUpProgress {
    /// Readings that were merged.
    pub readings: u64,
    /// Buckets that were written.
    pub buckets: u64,
    /// There are more readings than this step took.
    pub behind: bool,
}

static ROLLUPS: Bulk = Bulk::new(
    "INSERT INTO rollup (channel_id, step_s, bucket, min, max, sum, count, last, last_at)",
    9,
    " ON CONFLICT (channel_id, step_s, bucket) DO UPDATE SET min = min(min, excluded.min), \
     max = max(max, excluded.max), sum = sum + excluded.sum, count = count + excluded.count, \
     last = CASE WHEN (excluded.last_at, excluded.last) > (last_at, last) THEN excluded.last ELSE last END, \
     last_at = max(last_at, excluded.last_at)",
);

/// (channel, width in s, begin in ms)
type Key = (i64, i64, i64);

pub(crate) const fn shard_of(detector: i64) -> i64 {
    detector.rem_euclid(SHARDS)
}

pub(crate) async fn roll_up(store: &Store, most_rows: u32) -> Result<RollUpProgress, StoreError> {
    let stored: Vec<(i64, i64)> =
        sqlx::query_as("SELECT shard, seq FROM rollup_cursor").fetch_all(store.reader()).await?;
    let mut cursors: BTreeMap<i64, i64> = (0..SHARDS).map(|shard| (shard, 0)).collect();
    cursors.extend(stored);
    let newest: Option<i64> = sqlx::query_scalar("SELECT seq FROM reading ORDER BY seq DESC LIMIT 1")
        .fetch_optional(store.reader())
        .await?;
    let newest = newest.unwrap_or(0);
    let begin = cursors.values().copied().min().unwrap_or(0);
    let target = newest.min(begin.saturating_add(i64::from(most_rows.max(1))));
    let mut progress = RollUpProgress { behind: target < newest, ..RollUpProgress::default() };
    if target <= begin {
        return Ok(progress);
    }

    let mut gathered: Vec<HashMap<Key, Bucket>> = (0..SHARDS).map(|_| HashMap::new()).collect();
    let mut channels: HashMap<(i64, u16), i64> = HashMap::new();
    let mut known: HashSet<i64> = HashSet::new();
    let mut at = begin;
    while at < target {
        let rows: Vec<(i64, i64, i64, Vec<u8>)> = sqlx::query_as(
            "SELECT seq, detector_id, filed_at, payload FROM reading WHERE seq > $1 AND seq <= $2 ORDER BY seq LIMIT $3",
        )
        .bind(at)
        .bind(target)
        .bind(CHUNK)
        .fetch_all(store.reader())
        .await?;
        let Some((last, ..)) = rows.last() else { break };
        at = *last;
        learn_channels(store, &rows, &mut known, &mut channels).await?;
        for (seq, detector, filed_at, bytes) in &rows {
            let shard = shard_of(*detector);
            if cursors.get(&shard).is_some_and(|cursor| seq <= cursor) {
                continue;
            }
            let Some(buckets) = usize::try_from(shard).ok().and_then(|shard| gathered.get_mut(shard)) else {
                continue;
            };
            let (samples, _) = payload::decode(bytes)
                .map_err(|error| StoreError::corrupt(format!("reading {seq}: {error}")))?;
            progress.readings += 1;
            for sample in samples.iter().filter(|sample| sample.quality == Quality::Good) {
                let Some(channel) = channels.get(&(*detector, sample.point.0)) else { continue };
                add(buckets, *channel, FINEST_S, *filed_at, &Bucket::of(sample.raw, *filed_at));
            }
        }
    }

    for ((shard, cursor), mut buckets) in cursors.into_iter().zip(gathered) {
        if cursor < target {
            widen(&mut buckets);
            progress.buckets += write(store, shard, cursor, target, buckets).await?;
        }
    }
    Ok(progress)
}

fn add(buckets: &mut HashMap<Key, Bucket>, channel: i64, step_s: i64, at_ms: i64, value: &Bucket) {
    let key = (channel, step_s, floor(at_ms, step_s * 1000));
    buckets.entry(key).and_modify(|bucket| bucket.merge(value)).or_insert(*value);
}

/// The wider buckets from the finest ones: each width is a multiple of the one before, so that a reading is looked at
/// once and not once per width.
fn widen(buckets: &mut HashMap<Key, Bucket>) {
    let finest: Vec<(Key, Bucket)> = buckets.iter().map(|(key, bucket)| (*key, *bucket)).collect();
    for ((channel, _, begin), bucket) in finest {
        for step_s in STEPS_S.into_iter().filter(|step_s| *step_s != FINEST_S) {
            add(buckets, channel, step_s, begin, &bucket);
        }
    }
}

/// Merges one shard's buckets and moves its cursor, unless somebody else moved it meanwhile.
async fn write(
    store: &Store,
    shard: i64,
    cursor: i64,
    target: i64,
    buckets: HashMap<Key, Bucket>,
) -> Result<u64, StoreError> {
    // In the order of the primary key, so that neighbours are on one page.
    let mut rows: Vec<(Key, Bucket)> = buckets.into_iter().collect();
    rows.sort_unstable_by_key(|(key, _)| *key);
    let mut tx = store.begin().await?;
    let now: Option<i64> = sqlx::query_scalar("SELECT seq FROM rollup_cursor WHERE shard = $1")
        .bind(shard)
        .fetch_optional(&mut *tx)
        .await?;
    if now.unwrap_or(0) != cursor {
        return Ok(0);
    }
    ROLLUPS
        .run(&mut tx, &rows, |query, ((channel, step, begin), bucket)| {
            query
                .bind(*channel)
                .bind(*step)
                .bind(*begin)
                .bind(bucket.min)
                .bind(bucket.max)
                .bind(bucket.sum)
                .bind(bucket.count)
                .bind(bucket.last)
                .bind(bucket.last_at)
        })
        .await?;
    sqlx::query(
        "INSERT INTO rollup_cursor (shard, seq) VALUES ($1, $2) ON CONFLICT (shard) DO UPDATE SET seq = excluded.seq",
    )
    .bind(shard)
    .bind(target)
    .execute(&mut *tx)
    .await?;
    tx.commit().await?;
    Ok(u64::try_from(rows.len()).unwrap_or(u64::MAX))
}

async fn learn_channels(
    store: &Store,
    rows: &[(i64, i64, i64, Vec<u8>)],
    known: &mut HashSet<i64>,
    channels: &mut HashMap<(i64, u16), i64>,
) -> Result<(), StoreError> {
    let new: Vec<i64> = rows.iter().map(|row| row.1).filter(|detector| known.insert(*detector)).collect();
    for some in new.chunks(500) {
        let mut query =
            QueryBuilder::<Sqlite>::new("SELECT detector_id, point, id FROM channel WHERE point IS NOT NULL");
        push_any(&mut query, "detector_id", some.iter().copied());
        let found: Vec<(i64, u16, i64)> = query.build_query_as().fetch_all(store.reader()).await?;
        channels.extend(found.into_iter().map(|(detector, point, channel)| ((detector, point), channel)));
    }
    Ok(())
}
