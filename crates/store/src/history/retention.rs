//! Retention: what is let go. Readings and roll-ups go with their files; the rest in slices, so that the writer is
//! never held for long.

use std::collections::BTreeMap;

use domain::time::UnixMs;
use sqlx::SqliteConnection;

use super::STEPS_S;
use super::calendar::{DAY_MS, Month};
use super::partitions::{Kind, Part};
use crate::error::StoreError;
use crate::meta;
use crate::open::Store;

/// How long what is kept, ms; `None` keeps it for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// Readings, by the time they count for; let go by whole months.
    pub readings_ms: Option<i64>,
    /// Roll-ups of 15 minutes, and those of an hour that are made from them; let go by whole months.
    pub quarter_hours_ms: Option<i64>,
    /// Roll-ups of 1 day; let go by whole years.
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
            quarter_hours_ms: Some(5 * 366 * DAY_MS),
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
    /// Files of roll-ups: months of 15 minutes, years of days.
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
    // What older history has no roll-ups of yet is not let go before it has.
    if store.is_rolled() {
        for (kind, keep) in [
            (Kind::Chunks, policy.readings_ms),
            (Kind::Quarters, policy.quarter_hours_ms),
            (Kind::Days, policy.days_ms),
        ] {
            let Some(keep) = keep else { continue };
            let gone = part(store, kind, now.0.saturating_sub(keep)).await?;
            *(if kind == Kind::Chunks { &mut done.months } else { &mut done.rollups }) += gone;
            done.more |= gone > 0;
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

/// The end of what a file holds, ms.
const fn end_of(kind: Kind, month: Month) -> i64 {
    match kind {
        Kind::Chunks | Kind::Open | Kind::Quarters => month.next().first_day() * DAY_MS,
        Kind::Days => Month::of_number(month.number() + 12).first_day() * DAY_MS,
    }
}

/// Drops the oldest file of a kind that ends before `cut`. What waits in the tail stays until it is sealed.
async fn part(store: &Store, kind: Kind, cut: i64) -> Result<u64, StoreError> {
    let partitions = &store.inner.partitions;
    let is_old = |month: &Month| end_of(kind, *month) <= cut;
    let Some(month) = partitions.months(kind).into_iter().find(is_old) else { return Ok(0) };
    let keys = match kind {
        Kind::Chunks => vec![READINGS_KEY.to_owned()],
        Kind::Open => Vec::new(),
        Kind::Quarters => vec![rollup_key(900), rollup_key(3600)],
        Kind::Days => vec![rollup_key(86_400)],
    };
    // Said first: nobody draws a curve from a month that is half there.
    let mut tx = store.begin().await?;
    for key in keys {
        meta::put(&mut tx, &key, &end_of(kind, month).to_string()).await?;
    }
    tx.commit().await?;
    // Nothing is sealed into a month that goes.
    let _round = store.inner.sealing.lock().await;
    let file = Part::new(kind, month);
    partitions.drop_part(file).await?;
    tracing::info!(%file, "history is older than it has to be kept and was let go");
    Ok(1)
}

/// Whether roll-ups of 15 minutes of a month are still kept.
pub(super) async fn keeps_quarters(store: &Store, month: Month) -> Result<bool, StoreError> {
    let from = store.meta_number(&rollup_key(900)).await?;
    Ok(from.is_none_or(|from| month.first_day() * DAY_MS >= from))
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
