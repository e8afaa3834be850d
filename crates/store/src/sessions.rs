//! Signed-in sessions. The store knows the SHA-256 of a token, never the token.

use domain::id::UserId;
use domain::time::UnixMs;

use crate::accounts::Account;
use crate::actor::Actor;
use crate::audit::{self, AuditEntry, AuditObject};
use crate::error::StoreError;
use crate::open::Store;

/// The most sessions of one account; a new one ends the one unused for longest.
const SESSIONS_EACH: i64 = 20;

/// A session to be kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewSession {
    /// SHA-256 of the token.
    pub token_hash: Vec<u8>,
    /// Whose.
    pub account: UserId,
    /// Until when it holds without being used.
    pub expires_at: UnixMs,
    /// The address it was made from.
    pub remote: String,
    /// What the browser calls itself.
    pub user_agent: String,
}

rows! {
    /// A session.
    pub struct SessionRow {
        /// Whose.
        pub account_id: UserId,
        /// When it was made.
        pub created_at: UnixMs,
        /// When it was used last, to the minute.
        pub last_used_at: UnixMs,
        /// Until when it holds without being used.
        pub expires_at: UnixMs,
        /// The address it was made from.
        pub remote: String,
        /// What the browser calls itself.
        pub user_agent: String,
    }
}

/// The sessions.
#[derive(Debug, Clone, Copy)]
pub struct Sessions<'s>(&'s Store);

impl Store {
    /// The sessions.
    #[must_use]
    pub const fn sessions(&self) -> Sessions<'_> {
        Sessions(self)
    }
}

impl Sessions<'_> {
    /// Keeps a new session, marks the sign-in on the account and in the audit log.
    ///
    /// # Errors
    /// [`StoreError::Full`] and database errors.
    pub async fn create(&self, actor: &Actor, now: UnixMs, session: &NewSession) -> Result<(), StoreError> {
        let mut tx = self.0.begin().await?;
        sqlx::query(
            "INSERT INTO session (token_hash, account_id, created_at, last_used_at, expires_at, remote, user_agent) \
             VALUES ($1, $2, $3, $3, $4, $5, $6)",
        )
        .bind(&session.token_hash)
        .bind(session.account.0)
        .bind(now.0)
        .bind(session.expires_at.0)
        .bind(&session.remote)
        .bind(&session.user_agent)
        .execute(&mut *tx)
        .await?;
        sqlx::query("DELETE FROM session WHERE expires_at <= $1").bind(now.0).execute(&mut *tx).await?;
        sqlx::query(
            "DELETE FROM session WHERE token_hash IN (SELECT token_hash FROM session WHERE account_id = $1 \
             AND token_hash <> $2 ORDER BY last_used_at DESC LIMIT -1 OFFSET $3)",
        )
        .bind(session.account.0)
        .bind(&session.token_hash)
        .bind(SESSIONS_EACH - 1)
        .execute(&mut *tx)
        .await?;
        sqlx::query("UPDATE account SET last_sign_in_at = $1 WHERE id = $2")
            .bind(now.0)
            .bind(session.account.0)
            .execute(&mut *tx)
            .await?;
        let object = AuditObject {
            kind: "session",
            id: session.account.to_string(),
            name: actor.name.clone(),
            place: None,
        };
        let entry = AuditEntry {
            at: now,
            actor: actor.clone(),
            action: "session.create",
            object,
            before: None,
            after: None,
        };
        audit::append(&mut tx, &entry).await?;
        tx.commit().await?;
        Ok(())
    }

    /// The session with this hash and its account, unless it has run out or the account is disabled.
    ///
    /// # Errors
    /// Database errors only.
    pub async fn find(
        &self,
        token_hash: &[u8],
        now: UnixMs,
    ) -> Result<Option<(SessionRow, Account)>, StoreError> {
        let session: Option<SessionRow> = sqlx::query_as(
            "SELECT account_id, created_at, last_used_at, expires_at, remote, user_agent FROM session \
             WHERE token_hash = $1 AND expires_at > $2",
        )
        .bind(token_hash)
        .bind(now.0)
        .fetch_optional(self.0.reader())
        .await?;
        let Some(session) = session else { return Ok(None) };
        match self.0.accounts().own(session.account_id).await {
            Ok(account) if account.account.disabled => Ok(None),
            Ok(account) => Ok(Some((session, account))),
            Err(StoreError::NotFound { .. }) => Ok(None),
            Err(other) => Err(other),
        }
    }

    /// Marks a session as used. Call it when the last mark is older than a minute, not for every request.
    ///
    /// # Errors
    /// [`StoreError::Full`] and database errors.
    pub async fn touch(&self, token_hash: &[u8], now: UnixMs, expires_at: UnixMs) -> Result<(), StoreError> {
        let mut tx = self.0.begin().await?;
        sqlx::query("UPDATE session SET last_used_at = $1, expires_at = $2 WHERE token_hash = $3")
            .bind(now.0)
            .bind(expires_at.0)
            .bind(token_hash)
            .execute(&mut *tx)
            .await?;
        tx.commit().await?;
        Ok(())
    }

    /// Ends a session.
    ///
    /// # Errors
    /// Database errors only.
    pub async fn delete(&self, token_hash: &[u8]) -> Result<(), StoreError> {
        let mut tx = self.0.begin().await?;
        sqlx::query("DELETE FROM session WHERE token_hash = $1").bind(token_hash).execute(&mut *tx).await?;
        tx.commit().await?;
        Ok(())
    }
}
