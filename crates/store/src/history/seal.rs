//! Sealing: the tail's days become chunks and roll-ups. A round walks over the detectors and writes the roll-up and then
//! the chunk of each day that has ended, some at a time in one transaction of the month's files, which holds up nobody;
//! then it walks over the tail in the order of arrival and deletes, in small slices, what its chunk says it holds; then it
//! puts the roll-ups of months that have ended together. Killed anywhere, the next round finds out from the files what is
//! done. Readings that come late for a sealed day wait in the tail and are merged into its chunk by the next round, which
//! makes the roll-up of that day anew.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};

use domain::reading::Quality;
use domain::time::UnixMs;
use sqlx::{QueryBuilder, Sqlite};

use super::calendar::{DAY_MS, Month, day_of};
use super::carry::CatchUp;
use super::chunk;
use super::partitions::{Kind, Part, key_of};
use super::retention::{first_received_at, keeps_quarters};
use super::rolled;
use super::rollup::{QUARTER_MS, RollUp};
use super::span::{TailRow, merged, read, readings_of, sealed, tail};
use crate::error::StoreError;
use crate::limits_in_force;
use crate::open::Store;
use crate::scoped::push_any;

/// Detectors that are asked for their oldest reading at once.
const ASKED: i64 = 200;

/// How many times a step looks for each chunk that it may write, when there is little to seal.
const LOOKS_PER_CHUNK: usize = 8;

/// How a round goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SealRules {
    /// A day is sealed this long after its end: what comes until then need not be merged.
    pub settle_ms: i64,
    /// Chunks per step.
    pub chunks: usize,
    /// Readings of the tail per step; deleting them holds the writer for some ms.
    pub slice_rows: u32,
}

impl Default for SealRules {
    fn default() -> Self {
        Self { settle_ms: 2 * 3_600_000, chunks: 8, slice_rows: 500 }
    }
}

/// What a step did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SealProgress {
    /// Chunks that were written, new ones and merged ones.
    pub chunks: u64,
    /// Readings that are in them.
    pub readings: u64,
    /// Bytes of their columns.
    pub bytes: u64,
    /// Readings that left the tail.
    pub swept: u64,
    /// The round is not over.
    pub more: bool,
}

/// Where the round stands. Only in memory: after a restart it begins anew and finds what is sealed.
#[derive(Debug, Default)]
pub(crate) enum Round {
    /// None goes on.
    #[default]
    Rest,
    /// Chunks are written of what is before `cut`.
    Sealing {
        cut: i64,
        /// Detectors up to this were asked.
        asked: i64,
        /// A detector and from when on its tail is to be looked at, ms.
        due: VecDeque<(i64, i64)>,
    },
    /// The tail is cleared.
    Sweeping {
        /// Numbers up to this were looked at.
        after: i64,
        /// Before this.
        bound: i64,
        /// By detector and day: the number up to which its chunk holds the tail.
        held: HashMap<i64, HashMap<i64, i64>>,
        /// The newest reading of each detector and group when it began: these stay.
        newest: HashSet<i64>,
    },
    /// History from before there were roll-ups in files gets them.
    CatchingUp(CatchUp),
    /// Months that have ended are put together: these, and in the first of them detectors up to this are.
    PuttingTogether { months: VecDeque<Month>, after: i64 },
}

/// A chunk to be written.
struct Fresh {
    key: i64,
    tail_seq: i64,
    readings: usize,
    body: Vec<u8>,
    /// The roll-up of the day, with the number up to which it is.
    rollup: (i64, Vec<u8>),
}

pub(crate) async fn seal(store: &Store, rules: &SealRules, now: UnixMs) -> Result<SealProgress, StoreError> {
    let mut round = store.inner.sealing.lock().await;
    if matches!(*round, Round::Rest) {
        let cut = day_of(now.0.saturating_sub(rules.settle_ms)) * DAY_MS;
        *round = Round::Sealing { cut, asked: i64::MIN, due: VecDeque::new() };
    }
    let mut progress = SealProgress::default();
    let next = match &mut *round {
        Round::Rest => None,
        Round::Sealing { cut, asked, due } => {
            let is_over = write_chunks(store, rules, now, *cut, asked, due, &mut progress).await?;
            if is_over { Some(sweep_from(store, *cut).await?) } else { None }
        }
        Round::Sweeping { after, bound, held, newest } => {
            if !sweep(store, rules, after, *bound, held, newest, &mut progress).await? {
                None
            } else if store.is_rolled() {
                Some(ended(store, rules, now))
            } else {
                Some(Round::CatchingUp(CatchUp::begin(store).await?))
            }
        }
        Round::CatchingUp(catch_up) => {
            let is_over = catch_up.step(store, rules.chunks.max(1), now).await?;
            is_over.then(|| ended(store, rules, now))
        }
        Round::PuttingTogether { months, after } => {
            put_together(store, rules.chunks.max(1), months, after).await?;
            months.is_empty().then_some(Round::Rest)
        }
    };
    if let Some(next) = next {
        *round = next;
    }
    progress.more = !matches!(*round, Round::Rest);
    Ok(progress)
}

/// The months that have ended and are not put together yet; none while older history is caught up with, which would
/// have them put together again and again.
fn ended(store: &Store, rules: &SealRules, now: UnixMs) -> Round {
    let cut = now.0.saturating_sub(rules.settle_ms);
    let mut months = store.inner.partitions.months(Kind::Open);
    months.retain(|month| {
        store.is_rolled() && month.next().first_day() * DAY_MS <= cut && !is_any_damaged(store, *month)
    });
    if months.is_empty() {
        Round::Rest
    } else {
        Round::PuttingTogether { months: months.into(), after: i64::MIN }
    }
}

/// Whether something of a month's roll-ups is damaged: then its days stay in a file of their own, and are found first.
fn is_any_damaged(store: &Store, month: Month) -> bool {
    let partitions = &store.inner.partitions;
    [Kind::Open, Kind::Quarters, Kind::Days].iter().any(|kind| partitions.is_damaged(Part::new(*kind, month)))
}

/// Puts the months of some detectors together. The file of the single days goes when all are: until then whoever reads
/// finds its rows first, and they say the same.
async fn put_together(
    store: &Store,
    most: usize,
    months: &mut VecDeque<Month>,
    after: &mut i64,
) -> Result<(), StoreError> {
    let Some(month) = months.front().copied() else { return Ok(()) };
    let part = Part::new(Kind::Open, month);
    let detectors = rolled::detectors_after(store, part, *after, most).await?;
    let Some(last) = detectors.last().copied() else {
        if !is_any_damaged(store, month) {
            store.inner.partitions.drop_part(part).await?;
        }
        months.pop_front();
        *after = i64::MIN;
        return Ok(());
    };
    let keeps_quarters = keeps_quarters(store, month).await?;
    let mut rows: BTreeMap<Kind, Vec<(i64, Vec<u8>)>> = BTreeMap::new();
    let mut tail_seq = 0;
    for detector in detectors {
        if let Some(together) = rolled::put_together(store, month, detector, keeps_quarters).await? {
            tail_seq = together.tail_seq.max(tail_seq);
            for (kind, key, body) in together.rows {
                rows.entry(kind).or_default().push((key, body));
            }
        }
    }
    for (kind, rows) in rows {
        rolled::write(store, Part::new(kind, month), &rows, tail_seq).await?;
    }
    *after = last;
    Ok(())
}

/// Writes some chunks; `true` when no day is left.
async fn write_chunks(
    store: &Store,
    rules: &SealRules,
    now: UnixMs,
    cut: i64,
    asked: &mut i64,
    due: &mut VecDeque<(i64, i64)>,
    progress: &mut SealProgress,
) -> Result<bool, StoreError> {
    let mut fresh: BTreeMap<Month, Vec<Fresh>> = BTreeMap::new();
    let mut made = 0;
    let mut is_over = false;
    let most = rules.chunks.max(1);
    for _ in 0..most.saturating_mul(LOOKS_PER_CHUNK) {
        if made >= most {
            break;
        }
        let Some((detector, from)) = due.pop_front() else {
            let found = ask_oldest(store, *asked).await?;
            let Some((last, _)) = found.last() else {
                is_over = true;
                break;
            };
            *asked = *last;
            due.extend(found.iter().filter_map(|(detector, oldest)| Some((*detector, (*oldest)?))));
            due.retain(|(_, oldest)| *oldest < cut);
            continue;
        };
        let day = day_of(from);
        if let Some(chunk) = gather(store, detector, day, now).await? {
            made += 1;
            progress.readings += u64::try_from(chunk.readings).unwrap_or(u64::MAX);
            progress.bytes += u64::try_from(chunk.body.len()).unwrap_or(u64::MAX);
            fresh.entry(Month::of_day(day)).or_default().push(chunk);
        }
        if let Some(next) = oldest_from(store, detector, (day + 1) * DAY_MS).await?.filter(|at| *at < cut) {
            due.push_front((detector, next));
        }
    }
    if made > 0 {
        // Before the chunks are there: whoever finds the tail empty looks for them.
        store.raise_sealed_to(cut);
    }
    for (month, mut chunks) in fresh {
        progress.chunks += u64::try_from(chunks.len()).unwrap_or(u64::MAX);
        // Roll-ups first: a day that has a chunk has its roll-up, whatever stops the work in between.
        let rows: Vec<(i64, Vec<u8>)> =
            chunks.iter_mut().map(|chunk| (chunk.key, std::mem::take(&mut chunk.rollup.1))).collect();
        let tail_seq = chunks.iter().map(|chunk| chunk.rollup.0).max().unwrap_or(0);
        rolled::write(store, Part::new(Kind::Open, month), &rows, tail_seq).await?;
        write(store, month, &chunks).await?;
    }
    Ok(is_over)
}

/// The next detectors with the time of their oldest reading in the tail.
async fn ask_oldest(store: &Store, after: i64) -> Result<Vec<(i64, Option<i64>)>, StoreError> {
    let found = sqlx::query_as(
        "SELECT g.detector_id, min((SELECT r.filed_at FROM reading r WHERE r.detector_id = g.detector_id \
         AND r.grp = g.grp ORDER BY r.filed_at LIMIT 1)) FROM reading_group g WHERE g.detector_id > $1 \
         GROUP BY g.detector_id ORDER BY g.detector_id LIMIT $2",
    )
    .bind(after)
    .bind(ASKED)
    .fetch_all(store.reader())
    .await?;
    Ok(found)
}

/// The time of a detector's first reading in the tail from `from` on, ms.
async fn oldest_from(store: &Store, detector: i64, from: i64) -> Result<Option<i64>, StoreError> {
    let found = sqlx::query_scalar(
        "SELECT min((SELECT r.filed_at FROM reading r WHERE r.detector_id = g.detector_id AND r.grp = g.grp \
         AND r.filed_at >= $2 ORDER BY r.filed_at LIMIT 1)) FROM reading_group g WHERE g.detector_id = $1",
    )
    .bind(detector)
    .bind(from)
    .fetch_one(store.reader())
    .await?;
    Ok(found)
}

/// A day's chunk with what the tail adds to it; `None` when it adds nothing, or when the chunk is damaged: then its
/// readings stay in the tail.
async fn gather(store: &Store, detector: i64, day: i64, now: UnixMs) -> Result<Option<Fresh>, StoreError> {
    let (from, to) = (day * DAY_MS, (day + 1) * DAY_MS);
    let mut connection = store.reader().acquire().await?;
    let mut rows = tail(&mut connection, detector, from, to).await?;
    let then = limits_in_force::of(&mut connection, detector).await?;
    drop(connection);
    rows.sort_unstable_by_key(|row| row.0);
    let Some(tail_seq) = rows.last().map(|row| row.0) else { return Ok(None) };
    let had = if is_sealed(store, detector, day).await? {
        // Not whole, or it would be among these: it is left as it is.
        let Some(had) = sealed(store, detector, from, to).await?.remove(&day) else { return Ok(None) };
        Some(had)
    } else {
        None
    };
    let held = had.as_ref().map_or(i64::MIN, |had| had.tail_seq);
    if tail_seq <= held {
        return Ok(None);
    }
    let before = had.map_or_else(|| Ok(Vec::new()), |had| readings_of(detector, day, &had))?;
    let new = rows.iter().filter(|row: &&TailRow| row.0 > held);
    let new = new.map(|row| read(detector, row)).collect::<Result<Vec<_>, _>>()?;
    let damaged = |error: super::pack::PackError| {
        StoreError::corrupt(format!("detector {detector}, day {day}: {error}"))
    };
    // Readings that were let go are in the roll-up of their day only: what comes late is added to it.
    let good = before.iter().flat_map(|one| &one.samples).filter(|sample| sample.quality == Quality::Good);
    let known = i64::try_from(good.count()).unwrap_or(i64::MAX);
    let kept = rolled::of_day(store, detector, day).await?.filter(|kept| kept.count() > known);
    let rollup = match kept {
        None => None,
        Some(mut kept) => {
            let known = kept.days.values().copied().max().unwrap_or(i64::MIN);
            let late = rows.iter().filter(|row: &&TailRow| row.0 > known);
            let late = late.map(|row| read(detector, row)).collect::<Result<Vec<_>, _>>()?;
            if !late.is_empty() {
                kept.merge(RollUp::of_day(day, tail_seq, &late, &then, now.0));
            }
            Some(kept)
        }
    };
    // Compressing takes tens of milliseconds: not on a thread that others wait for.
    let packed = tokio::task::spawn_blocking(move || {
        let all = merged(before, new);
        let rollup = rollup.unwrap_or_else(|| RollUp::of_day(day, tail_seq, &all, &then, now.0));
        Ok((all.len(), rollup.encode(QUARTER_MS)?, chunk::encode(&all)?))
    });
    let (readings, rollup, body) = packed.await.map_err(|_stopped| StoreError::Busy)?.map_err(damaged)?;
    Ok(Some(Fresh { key: key_of(day, detector), tail_seq, readings, body, rollup: (tail_seq, rollup) }))
}

/// Whether a day has a chunk, whole or not. A month whose file cannot be read counts as one that has.
async fn is_sealed(store: &Store, detector: i64, day: i64) -> Result<bool, StoreError> {
    let month = Month::of_day(day);
    let partitions = &store.inner.partitions;
    if !partitions.months(Kind::Chunks).contains(&month) {
        return Ok(false);
    }
    let part = Part::new(Kind::Chunks, month);
    let Some(pool) = partitions.there(part).await? else { return Ok(true) };
    let key: Result<Option<i64>, sqlx::Error> = sqlx::query_scalar("SELECT key FROM chunk WHERE key = $1")
        .bind(key_of(day, detector))
        .fetch_optional(&pool)
        .await;
    match key.map_err(StoreError::from) {
        Ok(key) => Ok(key.is_some()),
        Err(StoreError::Corrupt { what }) => {
            partitions.damaged(part, None, &what);
            Ok(true)
        }
        Err(error) => Err(error),
    }
}

async fn write(store: &Store, month: Month, chunks: &[Fresh]) -> Result<(), StoreError> {
    let pool = store.inner.partitions.made(Part::new(Kind::Chunks, month)).await?;
    let mut tx = pool.begin_with("BEGIN IMMEDIATE").await?;
    for chunk in chunks {
        sqlx::query(
            "INSERT INTO chunk (key, tail_seq, readings, crc, body) VALUES ($1, $2, $3, $4, $5) \
             ON CONFLICT (key) DO UPDATE SET tail_seq = excluded.tail_seq, readings = excluded.readings, \
             crc = excluded.crc, body = excluded.body",
        )
        .bind(chunk.key)
        .bind(chunk.tail_seq)
        .bind(i64::try_from(chunk.readings).unwrap_or(i64::MAX))
        .bind(i64::from(crc32fast::hash(&chunk.body)))
        .bind(chunk.body.as_slice())
        .execute(&mut *tx)
        .await?;
    }
    sqlx::query("UPDATE taken SET tail_seq = max(tail_seq, $1)")
        .bind(chunks.iter().map(|chunk| chunk.tail_seq).max().unwrap_or(0))
        .execute(&mut *tx)
        .await?;
    tx.commit().await?;
    Ok(())
}

/// What came before `cut` may be swept; what came since is younger than the youngest sealed day, or late and swept
/// another day.
async fn sweep_from(store: &Store, cut: i64) -> Result<Round, StoreError> {
    let bound = first_received_at(store, cut).await?;
    let newest: Vec<Option<i64>> = sqlx::query_scalar(
        "SELECT (SELECT r.seq FROM reading r WHERE r.detector_id = g.detector_id AND r.grp = g.grp \
         ORDER BY r.filed_at DESC LIMIT 1) FROM reading_group g",
    )
    .fetch_all(store.reader())
    .await?;
    let newest = newest.into_iter().flatten().collect();
    Ok(Round::Sweeping { after: i64::MIN, bound, held: HashMap::new(), newest })
}

/// Clears one slice of the tail; `true` when there is no more. The newest reading of each detector and group stays, so
/// that a restart finds it without looking into chunks. The writer is held for the deletion alone: what goes is found out
/// before.
async fn sweep(
    store: &Store,
    rules: &SealRules,
    after: &mut i64,
    bound: i64,
    held: &mut HashMap<i64, HashMap<i64, i64>>,
    newest: &HashSet<i64>,
    progress: &mut SealProgress,
) -> Result<bool, StoreError> {
    let rows: Vec<(i64, i64, i64)> = sqlx::query_as(
        "SELECT seq, detector_id, filed_at FROM reading WHERE seq > $1 AND seq < $2 ORDER BY seq LIMIT $3",
    )
    .bind(*after)
    .bind(bound)
    .bind(i64::from(rules.slice_rows.max(1)))
    .fetch_all(store.reader())
    .await?;
    let Some((last, ..)) = rows.last() else { return Ok(true) };
    let mut gone = Vec::new();
    let mut stays = Vec::new();
    for (seq, detector, filed_at) in &rows {
        let day = day_of(*filed_at);
        let of_day = match held.entry(day) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(unknown) => unknown.insert(held_of(store, day).await?),
        };
        let is_held = of_day.get(detector).is_some_and(|up_to| seq <= up_to);
        if is_held && !newest.contains(seq) { gone.push(*seq) } else { stays.push(*seq) }
    }
    if let (Some(first), Some(last)) = (gone.first(), gone.last()) {
        let mut query = QueryBuilder::<Sqlite>::new("DELETE FROM reading WHERE seq >= ");
        query.push_bind(*first).push(" AND seq <= ").push_bind(*last);
        // Nearly all go, in the order of the table; the few that stay are named.
        if stays.len() <= gone.len() {
            if !stays.is_empty() {
                query.push(" AND NOT (1 = 1");
                push_any(&mut query, "seq", stays);
                query.push(")");
            }
        } else {
            push_any(&mut query, "seq", gone);
        }
        let mut tx = store.begin().await?;
        progress.swept += query.build().persistent(false).execute(&mut *tx).await?.rows_affected();
        tx.commit().await?;
    }
    *after = *last;
    Ok(false)
}

/// By detector: the number up to which the day's chunk holds the tail.
async fn held_of(store: &Store, day: i64) -> Result<HashMap<i64, i64>, StoreError> {
    let part = Part::new(Kind::Chunks, Month::of_day(day));
    let Some(pool) = store.inner.partitions.there(part).await? else { return Ok(HashMap::new()) };
    let rows: Result<Vec<(i64, i64)>, sqlx::Error> =
        sqlx::query_as("SELECT key & 4294967295, tail_seq FROM chunk WHERE key >= $1 AND key < $2")
            .bind(key_of(day, 0))
            .bind(key_of(day + 1, 0))
            .fetch_all(&pool)
            .await;
    match rows.map_err(StoreError::from) {
        Ok(rows) => Ok(rows.into_iter().collect()),
        Err(StoreError::Corrupt { what }) => {
            store.inner.partitions.damaged(part, None, &what);
            Ok(HashMap::new())
        }
        Err(error) => Err(error),
    }
}
