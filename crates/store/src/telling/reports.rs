//! What providers report later: receipts of deliveries, and what people reply.

use domain::id::{AlarmId, DeliveryId, DigestId, MediumId, UserId};
use domain::time::UnixMs;
use sqlx::{QueryBuilder, Sqlite};

use super::Telling;
use super::post::{DeliveryDraft, put_deliveries};
use super::record::DigestState;
use crate::error::StoreError;

rows! {
    /// A delivery that a report is about.
    pub struct ReportedDelivery {
        /// Its id.
        pub id: DeliveryId,
        /// Of which digest.
        pub digest_id: DigestId,
        /// By which medium.
        pub medium_id: MediumId,
        /// Where it stands.
        pub state: String,
        /// Who was told.
        pub account_id: UserId,
        /// The digest's media in order, JSON array of ids.
        pub media: String,
    }

    /// Something that came from a telephone.
    pub struct ReplyRow {
        /// Its id.
        pub id: i64,
        /// When it came.
        pub at: UnixMs,
        /// From which number.
        pub phone: String,
        /// What it said.
        pub text: String,
        /// Whose number it is; `None`: nobody was told there.
        pub account_id: Option<UserId>,
        /// Their name.
        pub account_name: Option<String>,
        /// `acknowledged`, `noted`, `nothing_waits`, `unknown_number`.
        pub outcome: String,
        /// How many alarms it acknowledged.
        pub alarms: i64,
    }
}

/// What a receipt changes.
#[derive(Debug, Clone, PartialEq)]
pub struct Receipt {
    /// Of which delivery.
    pub delivery: DeliveryId,
    /// Of which digest.
    pub digest: DigestId,
    /// Whether it arrived.
    pub arrived: bool,
    /// In the provider's words.
    pub detail: String,
    /// Deliveries that take its place.
    pub next: Vec<DeliveryDraft>,
    /// Where the digest stands now, where that changes.
    pub digest_state: Option<DigestState>,
}

/// A reply to be kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewReply {
    /// By which medium it came.
    pub medium: MediumId,
    /// From which number.
    pub phone: String,
    /// What it said.
    pub text: String,
    /// The provider's own name of it.
    pub key: String,
    /// Whom the message was sent to that it answers, and which.
    pub answers: Option<(UserId, DigestId)>,
    /// What came of it.
    pub outcome: &'static str,
    /// How many alarms it acknowledged.
    pub alarms: i64,
}

const DELIVERY: &str = "SELECT d.id, d.digest_id, d.medium_id, d.state, g.account_id, g.media FROM delivery d \
     JOIN digest g ON g.id = d.digest_id";

impl Telling<'_> {
    /// The secret in the address that the provider of a medium calls; `fresh` becomes it where there is none.
    ///
    /// # Errors
    /// [`StoreError::Full`] and database errors.
    pub async fn callback(&self, medium: MediumId, fresh: &str) -> Result<String, StoreError> {
        if let Some(secret) = self.callback_kept(medium).await? {
            return Ok(secret);
        }
        let mut tx = self.0.begin().await?;
        sqlx::query("INSERT OR IGNORE INTO medium_callback (medium_id, secret) VALUES ($1, $2)")
            .bind(medium.0)
            .bind(fresh)
            .execute(&mut *tx)
            .await?;
        let secret = sqlx::query_scalar("SELECT secret FROM medium_callback WHERE medium_id = $1")
            .bind(medium.0)
            .fetch_one(&mut *tx)
            .await?;
        tx.commit().await?;
        Ok(secret)
    }

    /// The same where there is one.
    ///
    /// # Errors
    /// Database errors only.
    pub async fn callback_kept(&self, medium: MediumId) -> Result<Option<String>, StoreError> {
        let secret = sqlx::query_scalar("SELECT secret FROM medium_callback WHERE medium_id = $1");
        Ok(secret.bind(medium.0).fetch_optional(self.0.reader()).await?)
    }

    /// The delivery by `medium` that the provider knows under `reference`.
    ///
    /// # Errors
    /// Database errors only.
    pub async fn delivery_by_reference(
        &self,
        medium: MediumId,
        reference: &str,
    ) -> Result<Option<ReportedDelivery>, StoreError> {
        let sql = format!(
            "{DELIVERY} WHERE d.medium_id = $1 AND d.id IN (SELECT delivery_id FROM attempt WHERE reference = $2) \
             ORDER BY d.id DESC LIMIT 1"
        );
        let row = sqlx::query_as(sqlx::AssertSqlSafe(sql)).bind(medium.0).bind(reference.to_owned());
        Ok(row.fetch_optional(self.0.reader()).await?)
    }

    /// The newest message by `medium` to one of `numbers` that was taken since `since`.
    ///
    /// # Errors
    /// Database errors only.
    pub async fn newest_to_number(
        &self,
        medium: MediumId,
        numbers: &[String],
        since: UnixMs,
    ) -> Result<Option<ReportedDelivery>, StoreError> {
        if numbers.is_empty() {
            return Ok(None);
        }
        let mut query = QueryBuilder::<Sqlite>::new(format!("{DELIVERY} WHERE d.medium_id = "));
        query.push_bind(medium.0);
        query.push(" AND d.address_kind = 'phone' AND d.state IN ('accepted', 'delivered', 'undelivered') AND d.created_at >= ");
        query.push_bind(since.0);
        query.push(" AND d.address IN (");
        let mut separated = query.separated(", ");
        for number in numbers {
            separated.push_bind(number.clone());
        }
        query.push(") ORDER BY d.id DESC LIMIT 1");
        Ok(query.build_query_as().fetch_optional(self.0.reader()).await?)
    }

    /// Writes a receipt down with what follows from it, in one transaction. `false` when the delivery has one already, or
    /// was never accepted: then nothing follows.
    ///
    /// # Errors
    /// [`StoreError::Full`] and database errors.
    pub async fn keep_receipt(&self, receipt: &Receipt, now: UnixMs) -> Result<bool, StoreError> {
        let mut tx = self.0.begin().await?;
        let state = if receipt.arrived { "delivered" } else { "undelivered" };
        let changed = sqlx::query(
            "UPDATE delivery SET state = $1, receipt_at = $2, receipt = $3 WHERE id = $4 AND state = 'accepted'",
        )
        .bind(state)
        .bind(now.0)
        .bind(&receipt.detail)
        .bind(receipt.delivery.0)
        .execute(&mut *tx)
        .await?
        .rows_affected();
        if changed == 0 {
            return Ok(false);
        }
        put_deliveries(&mut tx, receipt.digest, &receipt.next, now).await?;
        if let Some(state) = receipt.digest_state {
            sqlx::query("UPDATE digest SET state = $1 WHERE id = $2")
                .bind(state.code())
                .bind(receipt.digest.0)
                .execute(&mut *tx)
                .await?;
        }
        tx.commit().await?;
        Ok(true)
    }

    /// Keeps a receipt for a message whose number is not known yet: the provider may be faster than our own disk.
    ///
    /// # Errors
    /// [`StoreError::Full`] and database errors.
    pub async fn keep_early(
        &self,
        medium: MediumId,
        reference: &str,
        arrived: bool,
        detail: &str,
        now: UnixMs,
    ) -> Result<(), StoreError> {
        let mut tx = self.0.begin().await?;
        sqlx::query(
            "INSERT OR REPLACE INTO receipt_early (medium_id, reference, at, arrived, detail) VALUES ($1, $2, $3, $4, $5)",
        )
        .bind(medium.0)
        .bind(reference)
        .bind(now.0)
        .bind(arrived)
        .bind(detail)
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(())
    }

    /// The receipt that came early for a message, if one did.
    ///
    /// # Errors
    /// Database errors only.
    pub async fn early(
        &self,
        medium: MediumId,
        reference: &str,
    ) -> Result<Option<(bool, String)>, StoreError> {
        let row = sqlx::query_as(
            "SELECT arrived, detail FROM receipt_early WHERE medium_id = $1 AND reference = $2",
        );
        Ok(row.bind(medium.0).bind(reference.to_owned()).fetch_optional(self.0.reader()).await?)
    }

    /// Whether this reply was taken already.
    ///
    /// # Errors
    /// Database errors only.
    pub async fn has_reply(&self, medium: MediumId, key: &str) -> Result<bool, StoreError> {
        let known =
            sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM reply WHERE medium_id = $1 AND said_key = $2)");
        Ok(known.bind(medium.0).bind(key.to_owned()).fetch_one(self.0.reader()).await?)
    }

    /// Keeps a reply, whatever came of it. One that is known is left as it is.
    ///
    /// # Errors
    /// [`StoreError::Full`] and database errors.
    pub async fn keep_reply(&self, reply: &NewReply, now: UnixMs) -> Result<(), StoreError> {
        let mut tx = self.0.begin().await?;
        sqlx::query(
            "INSERT OR IGNORE INTO reply (at, medium_id, phone, text, said_key, account_id, digest_id, outcome, alarms) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        )
        .bind(now.0)
        .bind(reply.medium.0)
        .bind(&reply.phone)
        .bind(&reply.text)
        .bind(&reply.key)
        .bind(reply.answers.map(|(account, _)| account.0))
        .bind(reply.answers.map(|(_, digest)| digest.0))
        .bind(reply.outcome)
        .bind(reply.alarms)
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(())
    }

    /// The newest `limit` replies that came by a medium. Whoever asks must see the medium.
    ///
    /// # Errors
    /// Database errors only.
    pub async fn replies(&self, medium: MediumId, limit: u32) -> Result<Vec<ReplyRow>, StoreError> {
        let rows = sqlx::query_as(
            "SELECT r.id, r.at, r.phone, r.text, r.account_id, u.name AS account_name, r.outcome, r.alarms FROM reply r \
             LEFT JOIN account u ON u.id = r.account_id WHERE r.medium_id = $1 ORDER BY r.id DESC LIMIT $2",
        );
        Ok(rows.bind(medium.0).bind(i64::from(limit)).fetch_all(self.0.reader()).await?)
    }

    /// The alarm of a digest that a note belongs to: the worst that waits, else the newest.
    ///
    /// # Errors
    /// Database errors only.
    pub async fn noted_alarm(&self, digest: DigestId) -> Result<Option<AlarmId>, StoreError> {
        let (waiting, _) = self.digest_waits(digest, 1).await?;
        match waiting.first() {
            Some(alarm) => Ok(Some(*alarm)),
            None => Ok(self.digest_alarms(digest, 0, 1).await?.0.first().copied()),
        }
    }

    /// Forgets replies, and receipts that nothing was found for, from before `before`.
    ///
    /// # Errors
    /// [`StoreError::Full`] and database errors.
    pub async fn forget_reports(&self, before: UnixMs) -> Result<(), StoreError> {
        let mut tx = self.0.begin().await?;
        for sql in ["DELETE FROM reply WHERE at < $1", "DELETE FROM receipt_early WHERE at < $1"] {
            sqlx::query(sql).bind(before.0).execute(&mut *tx).await?;
        }
        tx.commit().await?;
        Ok(())
    }
}
