//! Walks: who looked for the circuit that leaks, and what the readings showed. Evidence; kept and never changed.

use domain::access::Scope;
use domain::id::{AlarmId, ChannelId, DetectorId};
use domain::time::UnixMs;
use sqlx::{QueryBuilder, Sqlite};

use crate::actor::Actor;
use crate::circuits::{object, record};
use crate::error::StoreError;
use crate::open::Store;
use crate::page::{Order, Page, Paged, PagedQuery};
use crate::{detectors, sites};

rows! {
    /// A walk.
    pub struct WalkRow {
        /// Its id.
        pub id: i64,
        /// Which detector.
        pub detector_id: DetectorId,
        /// The channel of residual current that was read.
        pub channel_id: ChannelId,
        /// The alarm that it was about.
        pub alarm_id: Option<AlarmId>,
        /// Who.
        pub actor_name: String,
        /// When it began, as the person's device told it.
        pub began_at: UnixMs,
        /// When it ended.
        pub ended_at: UnixMs,
        /// When it was kept, server's clock.
        pub kept_at: UnixMs,
        /// The steps and the conclusion, JSON with its version.
        pub body: String,
    }
}

/// A walk to be kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WalkDraft {
    /// The channel of residual current that was read.
    pub channel: ChannelId,
    /// The alarm that it was about.
    pub alarm: Option<AlarmId>,
    /// When it began.
    pub began_at: UnixMs,
    /// When it ended.
    pub ended_at: UnixMs,
    /// The steps and the conclusion, JSON with its version.
    pub body: String,
}

const COLUMNS: &str =
    "w.id, w.detector_id, w.channel_id, w.alarm_id, w.actor_name, w.began_at, w.ended_at, w.kept_at, w.body";

/// Walks.
#[derive(Debug, Clone, Copy)]
pub struct Walks<'s>(&'s Store);

impl Store {
    /// Walks.
    #[must_use]
    pub const fn walks(&self) -> Walks<'_> {
        Walks(self)
    }
}

impl Walks<'_> {
    /// Keeps a walk. One that the same person began at the same moment is kept already and answered as it is: a phone
    /// that lost the answer sends again.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when the detector is not in `scope`; [`StoreError::Invalid`] for a channel that is not
    /// one of its residual currents, or an alarm of another detector.
    pub async fn keep(
        &self,
        scope: &Scope,
        actor: &Actor,
        now: UnixMs,
        detector: DetectorId,
        draft: &WalkDraft,
    ) -> Result<WalkRow, StoreError> {
        let mut tx = self.0.begin().await?;
        let row = detectors::load(&mut tx, scope, detector).await?;
        let site = sites::load(&mut tx, scope, row.site_id).await?;
        let measured: Option<i64> = sqlx::query_scalar(
            "SELECT id FROM channel WHERE id = $1 AND detector_id = $2 AND quantity = 'residual_current'",
        )
        .bind(draft.channel.0)
        .bind(detector.0)
        .fetch_optional(&mut *tx)
        .await?;
        if measured.is_none() {
            return Err(StoreError::invalid(
                "channel_id",
                "unknown",
                "wanted a residual current of this detector",
            ));
        }
        if let Some(alarm) = draft.alarm {
            let own: Option<i64> =
                sqlx::query_scalar("SELECT id FROM alarm WHERE id = $1 AND detector_id = $2")
                    .bind(alarm.0)
                    .bind(detector.0)
                    .fetch_optional(&mut *tx)
                    .await?;
            if own.is_none() {
                return Err(StoreError::invalid("alarm_id", "unknown", "wanted an alarm of this detector"));
            }
        }
        let before: Option<WalkRow> = sqlx::query_as(
            "SELECT * FROM walk w WHERE w.detector_id = $1 AND w.actor_kind = $2 AND w.actor_id IS $3 \
             AND w.began_at = $4",
        )
        .bind(detector.0)
        .bind(actor.kind.code())
        .bind(actor.kind.id())
        .bind(draft.began_at.0)
        .fetch_optional(&mut *tx)
        .await?;
        if let Some(before) = before {
            return Ok(before);
        }
        let kept: WalkRow = sqlx::query_as(
            "INSERT INTO walk (detector_id, channel_id, alarm_id, actor_kind, actor_id, actor_name, began_at, \
             ended_at, kept_at, body) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) RETURNING *",
        )
        .bind(detector.0)
        .bind(draft.channel.0)
        .bind(draft.alarm.map(|alarm| alarm.0))
        .bind(actor.kind.code())
        .bind(actor.kind.id())
        .bind(&actor.name)
        .bind(draft.began_at.0)
        .bind(draft.ended_at.0)
        .bind(now.0)
        .bind(&draft.body)
        .fetch_one(&mut *tx)
        .await?;
        let about = object("detector", detector.0, &row.name, &site);
        record(&mut tx, actor, now, "detector.walk", about, None, Some(&kept)).await?;
        tx.commit().await?;
        Ok(kept)
    }

    /// The walks of a detector, newest first; with `alarm` those about it only.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when the detector is not in `scope`; [`StoreError::Invalid`] for a cursor of another
    /// list.
    pub async fn list(
        &self,
        scope: &Scope,
        detector: DetectorId,
        alarm: Option<AlarmId>,
        page: &Page,
    ) -> Result<Paged<WalkRow>, StoreError> {
        self.0.detectors().get(scope, detector).await?;
        let apply = |query: &mut QueryBuilder<Sqlite>| {
            query.push(" AND w.detector_id = ").push_bind(detector.0);
            if let Some(alarm) = alarm {
                query.push(" AND w.alarm_id = ").push_bind(alarm.0);
            }
        };
        let order = Order { name: "walks", keys: &["w.id"], descending: true };
        PagedQuery { columns: COLUMNS, from: "FROM walk w", order, filter: &apply }
            .fetch(self.0.reader(), page)
            .await
    }
}
