//! Digests on their way: deliveries, attempts, and how the media do.

use domain::hazard::Severity;
use domain::id::{DeliveryId, DigestId, MediumId, SiteId, UserId};
use domain::telling::Health;
use domain::time::UnixMs;
use sqlx::{QueryBuilder, Sqlite, SqliteConnection};

use super::Telling;
use super::links::{self, LinkDraft};
use super::record::{DigestState, push_ids};
use crate::error::StoreError;

rows! {
    /// A delivery whose time has come, with what it takes to send it.
    pub struct DueDelivery {
        /// Its id.
        pub id: DeliveryId,
        /// Of which digest.
        pub digest_id: DigestId,
        /// By which medium.
        pub medium_id: MediumId,
        /// What kind of address.
        pub address_kind: String,
        /// The address.
        pub address: String,
        /// How often it was tried.
        pub attempts: u32,
        /// Who is told.
        pub account_id: UserId,
        /// About which site.
        pub site_id: Option<SiteId>,
        /// The worst in it.
        pub worst: Severity,
        /// The digest's media in order, JSON array of ids.
        pub media: String,
    }

    /// How a medium does.
    pub struct HealthRow {
        /// Which.
        pub medium_id: MediumId,
        /// Failures since the last success.
        pub failures: u32,
        /// Since when it is down.
        pub down_since: Option<UnixMs>,
        /// When it took something last.
        pub last_accepted_at: Option<UnixMs>,
        /// When it failed last.
        pub last_failed_at: Option<UnixMs>,
        /// What it said then.
        pub last_detail: Option<String>,
    }
}

impl HealthRow {
    /// As the rules know it.
    #[must_use]
    pub const fn health(&self) -> Health {
        Health { failures: self.failures, down_since: self.down_since }
    }
}

/// A delivery to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveryDraft {
    /// By which medium.
    pub medium: MediumId,
    /// What kind of address.
    pub address_kind: &'static str,
    /// The address.
    pub address: String,
    /// Whether the same address was told the same by another delivery: then nothing is sent.
    pub shared: bool,
}

/// What became of one attempt.
#[derive(Debug, Clone, PartialEq)]
pub struct AttemptEnd {
    /// The attempt.
    pub attempt: i64,
    /// Its delivery.
    pub delivery: DeliveryId,
    /// Its digest.
    pub digest: DigestId,
    /// By which medium.
    pub medium: MediumId,
    /// `accepted`, `try_again`, `refused`, `gone`.
    pub outcome: &'static str,
    /// What the provider said.
    pub detail: Option<String>,
    /// The provider's number of it.
    pub reference: Option<String>,
    /// When it is tried again; `None`: the delivery is over, accepted or given up.
    pub again_at: Option<UnixMs>,
    /// Deliveries that take its place.
    pub next: Vec<DeliveryDraft>,
    /// Where the digest stands now, where that changes.
    pub digest_state: Option<DigestState>,
    /// How the medium does now; `None` where it says nothing about the medium.
    pub health: Option<Health>,
}

impl Telling<'_> {
    /// After a start: attempts that were under way when the process ended are lost, their deliveries wait again. Returns
    /// how many.
    ///
    /// # Errors
    /// [`StoreError::Full`] and database errors.
    pub async fn recover(&self, now: UnixMs) -> Result<u64, StoreError> {
        let mut tx = self.0.begin().await?;
        let lost = sqlx::query("UPDATE attempt SET outcome = 'lost', ended_at = $1 WHERE outcome IS NULL")
            .bind(now.0)
            .execute(&mut *tx)
            .await?
            .rows_affected();
        sqlx::query("UPDATE delivery SET state = 'waiting', next_at = $1 WHERE state = 'sending'")
            .bind(now.0)
            .execute(&mut *tx)
            .await?;
        tx.commit().await?;
        Ok(lost)
    }

    /// Sends digests on their way, or says that there is nothing to tell or no way to tell it: one transaction.
    ///
    /// # Errors
    /// [`StoreError::Full`] and database errors.
    pub async fn dispatch(
        &self,
        digests: &[(DigestId, DigestState, Vec<DeliveryDraft>)],
        now: UnixMs,
    ) -> Result<(), StoreError> {
        let mut tx = self.0.begin().await?;
        for (digest, state, deliveries) in digests {
            sqlx::query("UPDATE digest SET state = $1, closed_at = $2 WHERE id = $3 AND closed_at IS NULL")
                .bind(state.code())
                .bind(now.0)
                .bind(digest.0)
                .execute(&mut *tx)
                .await?;
            put_deliveries(&mut tx, *digest, deliveries, now).await?;
        }
        tx.commit().await?;
        Ok(())
    }

    /// Whether `address` was told by `medium` since `since` of all that `digest` tells, at the same steps.
    ///
    /// # Errors
    /// Database errors only.
    pub async fn told_at_address(
        &self,
        digest: DigestId,
        medium: MediumId,
        address: &str,
        since: UnixMs,
    ) -> Result<bool, StoreError> {
        Ok(sqlx::query_scalar(
            "SELECT EXISTS (SELECT 1 FROM delivery d WHERE d.medium_id = $1 AND d.address = $2 AND d.created_at >= $3 \
             AND d.digest_id <> $4 AND d.state IN ('waiting', 'sending', 'accepted', 'delivered') AND NOT EXISTS (\
             SELECT 1 FROM notice n WHERE n.digest_id = $4 AND NOT EXISTS (SELECT 1 FROM notice m \
             WHERE m.digest_id = d.digest_id AND m.alarm_id = n.alarm_id AND m.round = n.round AND m.step = n.step)))",
        )
        .bind(medium.0)
        .bind(address.to_owned())
        .bind(since.0)
        .bind(digest.0)
        .fetch_one(self.0.reader())
        .await?)
    }

    /// The media that have something to send at `now`, and when the next time comes for those that have not.
    ///
    /// # Errors
    /// Database errors only.
    pub async fn waiting_media(&self) -> Result<Vec<(MediumId, UnixMs)>, StoreError> {
        let rows: Vec<(i64, i64)> = sqlx::query_as(
            "SELECT medium_id, min(next_at) FROM delivery WHERE state = 'waiting' GROUP BY medium_id",
        )
        .fetch_all(self.0.reader())
        .await?;
        Ok(rows.into_iter().map(|(medium, at)| (MediumId(medium), UnixMs(at))).collect())
    }

    /// At most `limit` deliveries by `medium` whose time has come, the worst first.
    ///
    /// # Errors
    /// Database errors only.
    pub async fn deliveries_due(
        &self,
        medium: MediumId,
        now: UnixMs,
        limit: u32,
    ) -> Result<Vec<DueDelivery>, StoreError> {
        let rows = sqlx::query_as(
            "SELECT d.id, d.digest_id, d.medium_id, d.address_kind, d.address, d.attempts, g.account_id, g.site_id, \
             g.worst, g.media FROM delivery d JOIN digest g ON g.id = d.digest_id \
             WHERE d.state = 'waiting' AND d.medium_id = $1 AND d.next_at <= $2 \
             ORDER BY g.worst DESC, d.next_at, d.id LIMIT $3",
        )
        .bind(medium.0)
        .bind(now.0)
        .bind(i64::from(limit))
        .fetch_all(self.0.reader())
        .await?;
        Ok(rows)
    }

    /// Whether another delivery of `digest` than `but` is still on its way or has arrived.
    ///
    /// # Errors
    /// Database errors only.
    pub async fn on_its_way(&self, digest: DigestId, but: DeliveryId) -> Result<bool, StoreError> {
        Ok(sqlx::query_scalar(
            "SELECT EXISTS (SELECT 1 FROM delivery WHERE digest_id = $1 AND id <> $2 \
             AND state IN ('waiting', 'sending', 'accepted', 'delivered', 'shared'))",
        )
        .bind(digest.0)
        .bind(but.0)
        .fetch_one(self.0.reader())
        .await?)
    }

    /// The media by which `digest` was tried.
    ///
    /// # Errors
    /// Database errors only.
    pub async fn tried(&self, digest: DigestId) -> Result<Vec<MediumId>, StoreError> {
        let ids: Vec<i64> =
            sqlx::query_scalar("SELECT DISTINCT medium_id FROM delivery WHERE digest_id = $1")
                .bind(digest.0)
                .fetch_all(self.0.reader())
                .await?;
        Ok(ids.into_iter().map(MediumId).collect())
    }

    /// Writes down that deliveries are being tried now, before anything is sent, with the links that go with them.
    /// Returns the attempts in the same order.
    ///
    /// # Errors
    /// [`StoreError::Full`] and database errors.
    pub async fn begin_attempts(
        &self,
        deliveries: &[DeliveryId],
        given: &[LinkDraft],
        now: UnixMs,
    ) -> Result<Vec<i64>, StoreError> {
        let mut tx = self.0.begin().await?;
        let mut attempts = Vec::with_capacity(deliveries.len());
        for delivery in deliveries {
            sqlx::query("UPDATE delivery SET state = 'sending', attempts = attempts + 1 WHERE id = $1")
                .bind(delivery.0)
                .execute(&mut *tx)
                .await?;
            let id: i64 = sqlx::query_scalar(
                "INSERT INTO attempt (delivery_id, started_at) VALUES ($1, $2) RETURNING id",
            )
            .bind(delivery.0)
            .bind(now.0)
            .fetch_one(&mut *tx)
            .await?;
            attempts.push(id);
        }
        for link in given {
            links::insert(&mut tx, link, now).await?;
        }
        tx.commit().await?;
        Ok(attempts)
    }

    /// Ends deliveries that have nothing to tell any more, with their digests.
    ///
    /// # Errors
    /// [`StoreError::Full`] and database errors.
    pub async fn stop_deliveries(&self, deliveries: &[DeliveryId], now: UnixMs) -> Result<(), StoreError> {
        if deliveries.is_empty() {
            return Ok(());
        }
        let mut tx = self.0.begin().await?;
        let mut query = QueryBuilder::<Sqlite>::new("UPDATE delivery SET state = 'stopped', ended_at = ");
        query.push_bind(now.0).push(" WHERE id IN (");
        push_ids(&mut query, deliveries.iter().map(|id| id.0));
        query.build().execute(&mut *tx).await?;
        let mut query = QueryBuilder::<Sqlite>::new(
            "UPDATE digest SET state = 'stopped' WHERE state = 'sending' AND id IN \
             (SELECT digest_id FROM delivery WHERE id IN (",
        );
        push_ids(&mut query, deliveries.iter().map(|id| id.0));
        query.push(")");
        query.build().execute(&mut *tx).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Writes down what became of attempts, and what follows.
    ///
    /// # Errors
    /// [`StoreError::Full`] and database errors.
    pub async fn end_attempts(&self, ends: &[AttemptEnd], now: UnixMs) -> Result<(), StoreError> {
        let mut tx = self.0.begin().await?;
        for end in ends {
            end_attempt(&mut tx, end, now).await?;
        }
        tx.commit().await?;
        Ok(())
    }

    /// How the media do; one that was never used is not in it.
    ///
    /// # Errors
    /// Database errors only.
    pub async fn media_health(&self) -> Result<Vec<HealthRow>, StoreError> {
        Ok(sqlx::query_as(
            "SELECT medium_id, failures, down_since, last_accepted_at, last_failed_at, last_detail FROM medium_health",
        )
        .fetch_all(self.0.reader())
        .await?)
    }

    /// Whether a message is being sent by a medium, or is to be sent now.
    ///
    /// # Errors
    /// Database errors only.
    pub async fn is_under_way(&self, medium: MediumId, now: UnixMs) -> Result<bool, StoreError> {
        Ok(sqlx::query_scalar(
            "SELECT EXISTS (SELECT 1 FROM attempt a JOIN delivery d ON d.id = a.delivery_id WHERE a.outcome IS NULL \
             AND d.medium_id = $1) OR EXISTS (SELECT 1 FROM delivery WHERE state = 'waiting' AND medium_id = $1 \
             AND next_at <= $2)",
        )
        .bind(medium.0)
        .bind(now.0)
        .fetch_one(self.0.reader())
        .await?)
    }

    /// Sends what waits for a medium that works again: nobody has to sit out the pauses of the time when it did not.
    ///
    /// # Errors
    /// [`StoreError::Full`] and database errors.
    pub async fn hasten(&self, medium: MediumId, now: UnixMs) -> Result<(), StoreError> {
        let mut tx = self.0.begin().await?;
        sqlx::query(
            "UPDATE delivery SET next_at = $1 WHERE state = 'waiting' AND medium_id = $2 AND next_at > $1",
        )
        .bind(now.0)
        .bind(medium.0)
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(())
    }

    /// Digests by state since `since`: how many people were told, how many could not be.
    ///
    /// # Errors
    /// Database errors only.
    pub async fn digest_counts(&self, since: UnixMs) -> Result<Vec<(String, i64)>, StoreError> {
        Ok(sqlx::query_as(
            "SELECT state, count(*) FROM digest WHERE closed_at IS NULL OR closed_at >= $1 GROUP BY state",
        )
        .bind(since.0)
        .fetch_all(self.0.reader())
        .await?)
    }
}

pub(super) async fn put_deliveries(
    connection: &mut SqliteConnection,
    digest: DigestId,
    deliveries: &[DeliveryDraft],
    now: UnixMs,
) -> Result<(), StoreError> {
    for delivery in deliveries {
        sqlx::query(
            "INSERT INTO delivery (digest_id, medium_id, address_kind, address, state, next_at, created_at, ended_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $6, $7)",
        )
        .bind(digest.0)
        .bind(delivery.medium.0)
        .bind(delivery.address_kind)
        .bind(&delivery.address)
        .bind(if delivery.shared { "shared" } else { "waiting" })
        .bind(now.0)
        .bind(delivery.shared.then_some(now.0))
        .execute(&mut *connection)
        .await?;
    }
    Ok(())
}

async fn end_attempt(
    connection: &mut SqliteConnection,
    end: &AttemptEnd,
    now: UnixMs,
) -> Result<(), StoreError> {
    let accepted = end.outcome == "accepted";
    sqlx::query("UPDATE attempt SET ended_at = $1, outcome = $2, detail = $3, reference = $4 WHERE id = $5")
        .bind(now.0)
        .bind(end.outcome)
        .bind(&end.detail)
        .bind(&end.reference)
        .bind(end.attempt)
        .execute(&mut *connection)
        .await?;
    let state = match (accepted, end.again_at) {
        (true, _) => "accepted",
        (false, Some(_)) => "waiting",
        (false, None) => "given_up",
    };
    sqlx::query("UPDATE delivery SET state = $1, next_at = $2, ended_at = $3 WHERE id = $4")
        .bind(state)
        .bind(end.again_at.unwrap_or(now).0)
        .bind(end.again_at.is_none().then_some(now.0))
        .bind(end.delivery.0)
        .execute(&mut *connection)
        .await?;
    put_deliveries(connection, end.digest, &end.next, now).await?;
    if let Some(state) = end.digest_state {
        sqlx::query("UPDATE digest SET state = $1 WHERE id = $2")
            .bind(state.code())
            .bind(end.digest.0)
            .execute(&mut *connection)
            .await?;
    }
    if end.outcome == "gone" {
        // The address is no more: nobody is sent there again.
        for column in ["email", "phone"] {
            let sql = format!(
                "UPDATE contact SET {column} = NULL, {column}_verified_at = NULL, version = version + 1 WHERE {column} = \
                 (SELECT address FROM delivery WHERE id = $1 AND address_kind = $2)"
            );
            sqlx::query(sqlx::AssertSqlSafe(sql))
                .bind(end.delivery.0)
                .bind(column)
                .execute(&mut *connection)
                .await?;
        }
    }
    let Some(health) = end.health else { return Ok(()) };
    sqlx::query(
        "INSERT INTO medium_health (medium_id, failures, down_since, last_accepted_at, last_failed_at, last_detail) \
         SELECT $1, $2, $3, CASE WHEN $4 THEN $5 END, CASE WHEN $4 THEN NULL ELSE $5 END, $6 \
         WHERE EXISTS (SELECT 1 FROM medium WHERE id = $1) ON CONFLICT (medium_id) DO UPDATE SET \
         failures = excluded.failures, down_since = excluded.down_since, \
         last_accepted_at = coalesce(excluded.last_accepted_at, last_accepted_at), \
         last_failed_at = coalesce(excluded.last_failed_at, last_failed_at), \
         last_detail = coalesce(excluded.last_detail, last_detail)",
    )
    .bind(end.medium.0)
    .bind(i64::from(health.failures))
    .bind(health.down_since.map(|at| at.0))
    .bind(accepted)
    .bind(now.0)
    .bind(if accepted { None } else { end.detail.clone() })
    .execute(connection)
    .await?;
    Ok(())
}
