//! Limits that were tried on the past: who tried what when, so that a set-point can be asked for its trial.

use domain::hazard::Hazard;
use domain::id::{ChannelId, DetectorId, WhatIfId};
use domain::settings::LimitPatch;
use domain::time::UnixMs;

use super::Commands;
use crate::actor::Actor;
use crate::error::StoreError;

/// How long a trial is remembered, ms.
const KEPT_MS: i64 = 24 * 3_600_000;

/// A trial.
#[derive(Debug, Clone, PartialEq)]
pub struct WhatIfRow {
    /// Its id.
    pub id: WhatIfId,
    /// When, server's clock.
    pub at: UnixMs,
    /// On which detector.
    pub detector: DetectorId,
    /// On which channel only; `None` on every one that is judged.
    pub channel: Option<ChannelId>,
    /// Of which hazard.
    pub hazard: Hazard,
    /// The limits that were tried, over today's.
    pub own: LimitPatch,
}

impl Commands<'_> {
    /// Remembers a trial of `actor`, and forgets those older than a day.
    ///
    /// # Errors
    /// [`StoreError::Full`] and database errors.
    pub async fn tried(
        &self,
        actor: &Actor,
        now: UnixMs,
        detector: DetectorId,
        channel: Option<ChannelId>,
        hazard: Hazard,
        own: &LimitPatch,
    ) -> Result<WhatIfId, StoreError> {
        let own = serde_json::to_string(own).map_err(|error| StoreError::corrupt(error.to_string()))?;
        let mut tx = self.0.begin().await?;
        sqlx::query("DELETE FROM what_if WHERE at < $1")
            .bind(now.plus_ms(-KEPT_MS).0)
            .execute(&mut *tx)
            .await?;
        let id: i64 = sqlx::query_scalar(
            "INSERT INTO what_if (at, actor_kind, actor_id, detector_id, channel_id, hazard, own) \
             VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING id",
        )
        .bind(now.0)
        .bind(actor.kind.code())
        .bind(actor.kind.id())
        .bind(detector.0)
        .bind(channel.map(|channel| channel.0))
        .bind(hazard.code())
        .bind(own)
        .fetch_one(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(WhatIfId(id))
    }

    /// A trial of `actor` that is not older than `since`.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when it cannot be read.
    pub async fn trial(
        &self,
        actor: &Actor,
        since: UnixMs,
        id: WhatIfId,
    ) -> Result<Option<WhatIfRow>, StoreError> {
        let row: Option<(i64, i64, Option<i64>, String, String)> = sqlx::query_as(
            "SELECT at, detector_id, channel_id, hazard, own FROM what_if \
             WHERE id = $1 AND at >= $2 AND actor_kind = $3 AND actor_id IS $4",
        )
        .bind(id.0)
        .bind(since.0)
        .bind(actor.kind.code())
        .bind(actor.kind.id())
        .fetch_optional(self.0.reader())
        .await?;
        let Some((at, detector, channel, hazard, own)) = row else { return Ok(None) };
        let damaged = |what: &str| StoreError::corrupt(format!("trial {id}: {what}"));
        Ok(Some(WhatIfRow {
            id,
            at: UnixMs(at),
            detector: DetectorId(detector),
            channel: channel.map(ChannelId),
            hazard: Hazard::from_code(&hazard).ok_or_else(|| damaged(&hazard))?,
            own: serde_json::from_str(&own).map_err(|error| damaged(&error.to_string()))?,
        }))
    }
}
