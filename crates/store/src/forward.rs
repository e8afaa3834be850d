//! What of the alarms a higher centre has yet to hear. The steps of alarms are the queue; a cursor says how far each
//! centre has confirmed them, so that a crash at any moment repeats at most the step under way.

use domain::hazard::{Hazard, Severity};
use domain::id::{ChannelId, TransitionId};
use domain::quantity::Quantity;
use domain::time::UnixMs;

use crate::error::StoreError;
use crate::open::Store;

rows! {
    /// One step of an alarm that a centre has yet to hear.
    pub struct ForwardRow {
        /// The step.
        pub id: TransitionId,
        /// When.
        pub at: UnixMs,
        /// `raised`, `escalated`, `deescalated`, `returned`, `reset` or `closed`.
        pub event: String,
        /// How bad after it.
        pub severity: Severity,
        /// What is wrong.
        pub hazard: Hazard,
        /// The channel.
        pub channel_id: ChannelId,
        /// What the channel measures.
        pub quantity: Quantity,
        /// The site's name.
        pub site_name: String,
        /// The circuit's name.
        pub circuit_name: Option<String>,
        /// The detector's name.
        pub detector_name: String,
        /// How bad the worst other hazard of the channel is now, if there is one: 1 fault, 2 warning, 3 alarm.
        pub beside: Option<i64>,
    }
}

/// How far a centre is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ForwardFacts {
    /// Everything up to this step is confirmed or set aside.
    pub transition: i64,
    /// How many steps it confirmed.
    pub confirmed: i64,
    /// When it confirmed the last.
    pub confirmed_at: Option<UnixMs>,
    /// How many it would not take.
    pub refused: i64,
}

impl Store {
    /// Begins to forward to `centre`: what happened before it was configured is not told. Does nothing where it has
    /// begun already.
    ///
    /// # Errors
    /// [`StoreError::Full`] and database errors.
    pub async fn forward_begin(&self, centre: &str) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        sqlx::query(
            "INSERT INTO forward_cursor (centre, transition_id, confirmed) \
             SELECT $1, COALESCE((SELECT MAX(id) FROM alarm_transition), 0), 0 \
             WHERE NOT EXISTS (SELECT 1 FROM forward_cursor WHERE centre = $1)",
        )
        .bind(centre.to_owned())
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(())
    }

    /// The oldest `limit` steps that `centre` has yet to hear.
    ///
    /// # Errors
    /// Database errors only.
    pub async fn forward_next(&self, centre: &str, limit: u32) -> Result<Vec<ForwardRow>, StoreError> {
        let rows = sqlx::query_as(
            "SELECT t.id, t.at, t.event, t.severity, a.hazard, a.channel_id, ch.quantity, \
             s.name AS site_name, c.name AS circuit_name, d.name AS detector_name, \
             (SELECT MAX(o.severity) FROM alarm o WHERE o.channel_id = a.channel_id AND o.id <> a.id \
              AND o.state <> 'closed' AND o.returned_at IS NULL) AS beside \
             FROM alarm_transition t JOIN alarm a ON a.id = t.alarm_id JOIN site s ON s.id = a.site_id \
             JOIN detector d ON d.id = a.detector_id JOIN channel ch ON ch.id = a.channel_id \
             LEFT JOIN circuit c ON c.id = a.circuit_id \
             WHERE t.id > (SELECT transition_id FROM forward_cursor WHERE centre = $1) \
             AND t.event IN ('raised', 'escalated', 'deescalated', 'returned', 'reset', 'closed') \
             ORDER BY t.id LIMIT $2",
        )
        .bind(centre.to_owned())
        .bind(i64::from(limit))
        .fetch_all(self.reader())
        .await?;
        Ok(rows)
    }

    /// `centre` has confirmed the step, or is never to be told again (`refused`).
    ///
    /// # Errors
    /// [`StoreError::Full`] and database errors.
    pub async fn forward_done(
        &self,
        centre: &str,
        step: TransitionId,
        at: UnixMs,
        refused: bool,
    ) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        if refused {
            sqlx::query(
                "INSERT OR IGNORE INTO forward_refused (centre, transition_id, at) VALUES ($1, $2, $3)",
            )
            .bind(centre.to_owned())
            .bind(step.0)
            .bind(at.0)
            .execute(&mut *tx)
            .await?;
        }
        sqlx::query(
            "UPDATE forward_cursor SET transition_id = MAX(transition_id, $2), \
             confirmed = confirmed + $3, confirmed_at = CASE WHEN $3 = 1 THEN $4 ELSE confirmed_at END \
             WHERE centre = $1",
        )
        .bind(centre.to_owned())
        .bind(step.0)
        .bind(i64::from(!refused))
        .bind(at.0)
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(())
    }

    /// How far `centre` is; `None` where nothing was begun.
    ///
    /// # Errors
    /// Database errors only.
    pub async fn forward_facts(&self, centre: &str) -> Result<Option<ForwardFacts>, StoreError> {
        let row: Option<(i64, i64, Option<i64>, i64)> = sqlx::query_as(
            "SELECT transition_id, confirmed, confirmed_at, \
             (SELECT COUNT(*) FROM forward_refused r WHERE r.centre = f.centre) \
             FROM forward_cursor f WHERE centre = $1",
        )
        .bind(centre.to_owned())
        .fetch_optional(self.reader())
        .await?;
        Ok(row.map(|(transition, confirmed, confirmed_at, refused)| ForwardFacts {
            transition,
            confirmed,
            confirmed_at: confirmed_at.map(UnixMs),
            refused,
        }))
    }
}
