//! Retention: what is let go. Readings go by the month, with their file; the rest in slices, so that the writer is
//! never held for long.

use std::collections::BTreeMap;

use domain::time::UnixMs;
use sqlx::SqliteConnection;

use super::STEPS_S;
use super::calendar::{DAY_MS, Month};
use super::rollup::SHARDS;
use crate::error::StoreError;
use crate::meta;
use crate::open::Store;

/// How long what is kept, ms; `None` keeps it for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// Readings, by the time they count for; let go by whole months.
    pub readings_ms: Option<i64>,
    /// Roll-ups of 15 minutes.
    pub quarter_hours_ms: Option<i64>,
    /// Roll-ups of 1 hour.
    pub hours_ms: Option<i64>,
    /// Roll-ups of 1 day.
    pub days_ms: Option<i64>,
    /// Events of terminals' lines.
    pub terminal_events_ms: Option<i64>,
    /// Outbox entries.
    pub outbox_ms: Option<i64>,
    /// Answers to messages with an idempotency key: how long a device may take to send a message again.
    pub answers_ms: Option<i64>,
    /// Rows per slice.
    pub slice_rows: u32,
}

impl Default for Retention {
    fn default() -> Self {
        Self {
            readings_ms: Some(30 * DAY_MS),
            quarter_hours_ms: Some(400 * DAY_MS),
            hours_ms: Some(5 * 366 * DAY_MS),
            days_ms: None,
            terminal_events_ms: Some(190 * DAY_MS),
            outbox_ms: Some(30 * DAY_MS),
            answers_ms: Some(2 * DAY_MS),
            slice_rows: 5000,
        }
    }
}

/// What one slice let go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Retained {
    /// Months of readings.
    pub months: u64,
    /// Buckets of roll-ups.
    pub rollups: u64,
    /// Events of terminals' lines.
    pub terminal_events: u64,
    /// Outbox entries.
    pub outbox: u64,
    /// Answers to messages with an idempotency key.
    pub answers: u64,
    /// There may be more; call again.
    pub more: bool,
}

/// From when on everything is still there, ms.
pub(crate) struct Kept {
    pub(crate) readings_from: i64,
    /// By width, s.
    pub(crate) rollups_from: BTreeMap<i64, i64>,
}

fn rollup_key(width_s: i64) -> String {
    format!("kept_from_rollup_{width_s}")
}

const READINGS_KEY: &str = "kept_from_readings";

pub(crate) async fn kept(connection: &mut SqliteConnection) -> Result<Kept, StoreError> {
    let rows: Vec<(String, String)> =
        sqlx::query_as("SELECT key, value FROM meta WHERE substr(key, 1, 10) = 'kept_from_'")
            .fetch_all(connection)
            .await?;
    let of =
        |key: &str| rows.iter().find(|(had, _)| had == key).and_then(|(_, value)| value.parse::<i64>().ok());
    Ok(Kept {
        readings_from: of(READINGS_KEY).unwrap_or(i64::MIN),
        rollups_from: STEPS_S
            .into_iter()
            .filter_map(|width| Some((width, of(&rollup_key(width))?)))
            .collect(),
    })
}

pub(crate) async fn retain(store: &Store, policy: &Retention, now: UnixMs) -> Result<Retained, StoreError> {
    let slice = i64::from(policy.slice_rows.max(1));
    let mut done = Retained::default();
    let many = |rows: u64| i64::try_from(rows).unwrap_or(i64::MAX);
    if let Some(keep) = policy.readings_ms {
        done.months = months(store, now.0.saturating_sub(keep)).await?;
        done.more |= done.months > 0;
    }
    for (width, keep) in STEPS_S.into_iter().zip([policy.quarter_hours_ms, policy.hours_ms, policy.days_ms]) {
        if let Some(keep) = keep {
            done.rollups += rollups(store, width, now.0.saturating_sub(keep)).await?;
        }
    }
    for (sql, keep, count) in [
        (
            "DELETE FROM terminal_event WHERE id IN (SELECT id FROM terminal_event WHERE at < $1 ORDER BY at LIMIT $2)",
            policy.terminal_events_ms,
            &mut done.terminal_events,
        ),
        (
            "DELETE FROM outbox WHERE id IN (SELECT id FROM outbox WHERE at < $1 ORDER BY id LIMIT $2)",
            policy.outbox_ms,
            &mut done.outbox,
        ),
        (
            "DELETE FROM kept_answer WHERE (terminal_id, key) IN \
             (SELECT terminal_id, key FROM kept_answer WHERE at < $1 ORDER BY at LIMIT $2)",
            policy.answers_ms,
            &mut done.answers,
        ),
    ] {
        if let Some(keep) = keep {
            let mut tx = store.begin().await?;
            let result =
                sqlx::query(sql).bind(now.0.saturating_sub(keep)).bind(slice).execute(&mut *tx).await?;
            tx.commit().await?;
            *count = result.rows_affected();
            done.more |= many(*count) >= slice;
        }
    }
    Ok(done)
}

/// Drops the months that end before `cut`, one per slice. What waits in the tail stays until it is sealed.
async fn months(store: &Store, cut: i64) -> Result<u64, StoreError> {
    let partitions = &store.inner.partitions;
    let is_old = |month: &Month| month.next().first_day() * DAY_MS <= cut;
    let Some(month) = partitions.months().into_iter().find(is_old) else { return Ok(0) };
    // Said first: nobody draws a curve from a month that is half there.
    let mut tx = store.begin().await?;
    meta::put(&mut tx, READINGS_KEY, &(month.next().first_day() * DAY_MS).to_string()).await?;
    tx.commit().await?;
    // Nothing is sealed into a month that goes.
    let _round = store.inner.sealing.lock().await;
    partitions.drop_month(month).await?;
    tracing::info!(%month, "readings of a month are older than they have to be kept and were let go");
    Ok(1)
}

/// Every shard has rolled up the tail up to this number.
pub(super) async fn rolled_up_to(store: &Store) -> Result<i64, StoreError> {
    let rolled: Vec<i64> =
        sqlx::query_scalar("SELECT seq FROM rollup_cursor").fetch_all(store.reader()).await?;
    let all = i64::try_from(rolled.len()).is_ok_and(|shards| shards == SHARDS);
    Ok(if all { rolled.into_iter().min().unwrap_or(0) } else { 0 })
}

/// The first `seq` whose reading was received at or after `cut`. Rows come in the order of receive time, so
/// some forty seeks find it in any number of rows.
pub(super) async fn first_received_at(store: &Store, cut: i64) -> Result<i64, StoreError> {
    let ends: (Option<i64>, Option<i64>) = (
        sqlx::query_scalar("SELECT seq FROM reading ORDER BY seq LIMIT 1")
            .fetch_optional(store.reader())
            .await?,
        sqlx::query_scalar("SELECT seq FROM reading ORDER BY seq DESC LIMIT 1")
            .fetch_optional(store.reader())
            .await?,
    );
    let (Some(mut low), Some(high)) = ends else { return Ok(0) };
    let mut high = high + 1;
    while low < high {
        let middle = low + (high - low) / 2;
        let row: Option<(i64, i64)> =
            sqlx::query_as("SELECT seq, received_at FROM reading WHERE seq >= $1 ORDER BY seq LIMIT 1")
                .bind(middle)
                .fetch_optional(store.reader())
                .await?;
        match row {
            Some((seq, received_at)) if received_at < cut => low = seq + 1,
            Some(_) | None => high = middle,
        }
    }
    Ok(low)
}

/// Walks over all channels, some hundred per transaction: within one channel old buckets lie together.
async fn rollups(store: &Store, width_s: i64, cut: i64) -> Result<u64, StoreError> {
    let mut deleted = 0;
    let mut after = 0i64;
    loop {
        let last: Option<i64> = sqlx::query_scalar(
            "SELECT max(id) FROM (SELECT id FROM channel WHERE id > $1 ORDER BY id LIMIT 500)",
        )
        .bind(after)
        .fetch_one(store.reader())
        .await?;
        let Some(last) = last else { return Ok(deleted) };
        let any: Option<i64> = sqlx::query_scalar(
            "SELECT c.id FROM channel c JOIN rollup r ON r.channel_id = c.id AND r.step_s = $3 AND r.bucket < $4 \
             WHERE c.id > $1 AND c.id <= $2 LIMIT 1",
        )
        .bind(after)
        .bind(last)
        .bind(width_s)
        .bind(cut)
        .fetch_optional(store.reader())
        .await?;
        if any.is_some() {
            let mut tx = store.begin().await?;
            let result = sqlx::query(
                "DELETE FROM rollup WHERE channel_id IN (SELECT id FROM channel WHERE id > $1 AND id <= $2) \
                 AND step_s = $3 AND bucket < $4",
            )
            .bind(after)
            .bind(last)
            .bind(width_s)
            .bind(cut)
            .execute(&mut *tx)
            .await?;
            meta::put(&mut tx, &rollup_key(width_s), &cut.to_string()).await?;
            tx.commit().await?;
            deleted += result.rows_affected();
        }
        after = last;
    }
}
