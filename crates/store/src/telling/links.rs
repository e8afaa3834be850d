//! Links with a one-time token. Only their SHA-256 is stored, so that who reads the database can acknowledge nothing.

use domain::id::{DigestId, UserId};
use domain::time::UnixMs;
use sqlx::SqliteConnection;

use super::Telling;
use crate::error::StoreError;

rows! {
    /// A link as it was given.
    pub struct LinkRow {
        /// What it shows.
        pub digest_id: DigestId,
        /// As whom it acknowledges.
        pub account_id: UserId,
        /// Until when it holds.
        pub expires_at: UnixMs,
        /// When it was used.
        pub used_at: Option<UnixMs>,
    }
}

/// A link to be given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkDraft {
    /// SHA-256 of the token.
    pub hash: Vec<u8>,
    /// What it shows.
    pub digest: DigestId,
    /// As whom it acknowledges.
    pub account: UserId,
    /// What kind of address it is sent to.
    pub address_kind: String,
    /// The address that it is sent to: proves itself when the link is used.
    pub address: String,
    /// Until when it holds.
    pub expires_at: UnixMs,
}

pub(super) async fn insert(
    connection: &mut SqliteConnection,
    link: &LinkDraft,
    now: UnixMs,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO link (hash, digest_id, account_id, address_kind, address, created_at, expires_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(&link.hash)
    .bind(link.digest.0)
    .bind(link.account.0)
    .bind(&link.address_kind)
    .bind(&link.address)
    .bind(now.0)
    .bind(link.expires_at.0)
    .execute(connection)
    .await?;
    Ok(())
}

impl Telling<'_> {
    /// The link with this hash, also one that has run out or was used.
    ///
    /// # Errors
    /// Database errors only.
    pub async fn link(&self, hash: &[u8]) -> Result<Option<LinkRow>, StoreError> {
        let row =
            sqlx::query_as("SELECT digest_id, account_id, expires_at, used_at FROM link WHERE hash = $1");
        Ok(row.bind(hash).fetch_optional(self.0.reader()).await?)
    }

    /// Uses a link up, and takes the address that it was sent to for proved. `false` when it was used before or has run
    /// out: of two at the same moment one wins.
    ///
    /// # Errors
    /// [`StoreError::Full`] and database errors.
    pub async fn use_link(&self, hash: &[u8], now: UnixMs) -> Result<bool, StoreError> {
        let mut tx = self.0.begin().await?;
        let used = sqlx::query(
            "UPDATE link SET used_at = $1 WHERE hash = $2 AND used_at IS NULL AND expires_at > $1",
        )
        .bind(now.0)
        .bind(hash)
        .execute(&mut *tx)
        .await?
        .rows_affected();
        if used == 0 {
            return Ok(false);
        }
        for column in ["email", "phone"] {
            let sql = format!(
                "UPDATE contact SET {column}_verified_at = coalesce({column}_verified_at, $1) WHERE EXISTS (SELECT 1 \
                 FROM link l WHERE l.hash = $2 AND l.account_id = contact.account_id AND l.address_kind = $3 \
                 AND l.address = contact.{column})"
            );
            sqlx::query(sqlx::AssertSqlSafe(sql))
                .bind(now.0)
                .bind(hash)
                .bind(column)
                .execute(&mut *tx)
                .await?;
        }
        tx.commit().await?;
        Ok(true)
    }

    /// Gives a link back whose acknowledgement could not be written.
    ///
    /// # Errors
    /// [`StoreError::Full`] and database errors.
    pub async fn give_link_back(&self, hash: &[u8]) -> Result<(), StoreError> {
        let mut tx = self.0.begin().await?;
        sqlx::query("UPDATE link SET used_at = NULL WHERE hash = $1").bind(hash).execute(&mut *tx).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Forgets links that ran out before `before`.
    ///
    /// # Errors
    /// [`StoreError::Full`] and database errors.
    pub async fn forget_links(&self, before: UnixMs) -> Result<u64, StoreError> {
        let mut tx = self.0.begin().await?;
        let gone =
            sqlx::query("DELETE FROM link WHERE expires_at < $1").bind(before.0).execute(&mut *tx).await?;
        tx.commit().await?;
        Ok(gone.rows_affected())
    }
}
