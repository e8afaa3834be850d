//! What was decided to be told, written in the transaction that raised the alarm (invariant 10). Telling it is
//! somebody else's record.

use domain::id::AlarmId;
use domain::time::UnixMs;

use crate::error::StoreError;
use crate::open::Store;

/// One decision that nobody has carried out yet.
#[derive(Debug, Clone, PartialEq)]
pub struct OutboxRow {
    /// Rises with each decision.
    pub id: i64,
    /// The alarm it is about.
    pub alarm: AlarmId,
    /// When it was decided.
    pub at: UnixMs,
    /// `alarm_raised`, `alarm_escalated` ...
    pub kind: String,
    /// What whoever tells it needs, with a version in it.
    pub payload: serde_json::Value,
}

impl Store {
    /// The oldest `limit` decisions after `after` that wait: the platform's own work.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] for a payload that is none, and database errors.
    pub async fn outbox_after(&self, after: i64, limit: u32) -> Result<Vec<OutboxRow>, StoreError> {
        let rows: Vec<(i64, i64, i64, String, String)> = sqlx::query_as(
            "SELECT id, alarm_id, at, kind, payload FROM outbox \
             WHERE id > $1 AND done_at IS NULL ORDER BY id LIMIT $2",
        )
        .bind(after)
        .bind(i64::from(limit))
        .fetch_all(self.reader())
        .await?;
        rows.into_iter()
            .map(|(id, alarm, at, kind, payload)| {
                let payload = serde_json::from_str(&payload)
                    .map_err(|error| StoreError::Corrupt { what: format!("outbox entry {id}: {error}") })?;
                Ok(OutboxRow { id, alarm: AlarmId(alarm), at: UnixMs(at), kind, payload })
            })
            .collect()
    }
}
