//! Browsers that are pushed to, by account.

use domain::access::Scope;
use domain::id::{MediumId, UserId};
use domain::time::UnixMs;
use serde_json::json;

use super::Telling;
use crate::accounts::{self, Account};
use crate::actor::Actor;
use crate::audit::{self, AuditEntry, AuditObject};
use crate::error::StoreError;

/// Browsers of one account; with one more the one that was reached longest ago is let go.
const MOST: i64 = 10;

rows! {
    /// A browser that is pushed to.
    pub struct PushRow {
        /// Which.
        pub id: i64,
        /// Whose.
        pub account_id: UserId,
        /// The medium whose key it was made with.
        pub medium_id: MediumId,
        /// Where the push service takes messages for it.
        pub endpoint: String,
        /// The browser's public key, base64url.
        pub p256dh: String,
        /// The browser's secret, base64url.
        pub auth: String,
        /// What the browser calls itself.
        pub agent: String,
        /// Since when.
        pub created_at: UnixMs,
        /// When the push service last took a message for it.
        pub last_ok_at: Option<UnixMs>,
    }
}

/// A browser that wants to be pushed to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PushDraft {
    /// The medium whose key it was made with.
    pub medium: MediumId,
    /// Where the push service takes messages for it.
    pub endpoint: String,
    /// The browser's public key, base64url.
    pub p256dh: String,
    /// The browser's secret, base64url.
    pub auth: String,
    /// What the browser calls itself.
    pub agent: String,
}

impl Telling<'_> {
    /// All browsers that are pushed to: the platform's own work.
    ///
    /// # Errors
    /// Database errors only.
    pub async fn pushed_to(&self) -> Result<Vec<PushRow>, StoreError> {
        let rows = sqlx::query_as(
            "SELECT id, account_id, medium_id, endpoint, p256dh, auth, agent, created_at, last_ok_at \
             FROM push_subscription ORDER BY id",
        );
        Ok(rows.fetch_all(self.0.reader()).await?)
    }

    /// The browsers of `account`.
    ///
    /// # Errors
    /// Database errors only.
    pub async fn own_pushed_to(&self, account: UserId) -> Result<Vec<PushRow>, StoreError> {
        let rows = sqlx::query_as(
            "SELECT id, account_id, medium_id, endpoint, p256dh, auth, agent, created_at, last_ok_at \
             FROM push_subscription WHERE account_id = $1 ORDER BY id",
        );
        Ok(rows.bind(account.0).fetch_all(self.0.reader()).await?)
    }

    /// Takes a browser in for `account`, or takes its new keys. It is no longer anybody else's.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] without such an account.
    pub async fn push_on(
        &self,
        actor: &Actor,
        now: UnixMs,
        account: UserId,
        draft: &PushDraft,
    ) -> Result<PushRow, StoreError> {
        let mut tx = self.0.begin().await?;
        let whose = accounts::load_owned(&mut tx, &Scope::platform(), account).await?;
        let row: PushRow = sqlx::query_as(
            "INSERT INTO push_subscription (account_id, medium_id, endpoint, p256dh, auth, agent, created_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (endpoint) DO UPDATE SET \
             account_id = excluded.account_id, medium_id = excluded.medium_id, p256dh = excluded.p256dh, \
             auth = excluded.auth, agent = excluded.agent \
             RETURNING id, account_id, medium_id, endpoint, p256dh, auth, agent, created_at, last_ok_at",
        )
        .bind(account.0)
        .bind(draft.medium.0)
        .bind(&draft.endpoint)
        .bind(&draft.p256dh)
        .bind(&draft.auth)
        .bind(&draft.agent)
        .bind(now.0)
        .fetch_one(&mut *tx)
        .await?;
        sqlx::query(
            "DELETE FROM push_subscription WHERE account_id = $1 AND id <> $2 AND id NOT IN \
             (SELECT id FROM push_subscription WHERE account_id = $1 AND id <> $2 \
             ORDER BY coalesce(last_ok_at, created_at) DESC, id DESC LIMIT $3)",
        )
        .bind(account.0)
        .bind(row.id)
        .bind(MOST - 1)
        .execute(&mut *tx)
        .await?;
        audit::append(&mut tx, &entry(actor, now, "account.push_on", &whose, &row.agent)).await?;
        tx.commit().await?;
        Ok(row)
    }

    /// Lets a browser of `account` go.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] where it is not theirs.
    pub async fn push_off(
        &self,
        actor: &Actor,
        now: UnixMs,
        account: UserId,
        id: i64,
    ) -> Result<(), StoreError> {
        let mut tx = self.0.begin().await?;
        let whose = accounts::load_owned(&mut tx, &Scope::platform(), account).await?;
        let agent: Option<String> = sqlx::query_scalar(
            "DELETE FROM push_subscription WHERE id = $1 AND account_id = $2 RETURNING agent",
        )
        .bind(id)
        .bind(account.0)
        .fetch_optional(&mut *tx)
        .await?;
        let agent = agent.ok_or(StoreError::NotFound { what: "push subscription" })?;
        audit::append(&mut tx, &entry(actor, now, "account.push_off", &whose, &agent)).await?;
        tx.commit().await?;
        Ok(())
    }

    /// What the push service said of an endpoint: it took a message at `reached`, or it no longer knows it.
    ///
    /// # Errors
    /// Database errors only.
    pub async fn push_said(&self, endpoint: &str, reached: Option<UnixMs>) -> Result<(), StoreError> {
        let mut tx = self.0.begin().await?;
        let change = match reached {
            Some(at) => sqlx::query("UPDATE push_subscription SET last_ok_at = $2 WHERE endpoint = $1")
                .bind(endpoint)
                .bind(at.0),
            None => sqlx::query("DELETE FROM push_subscription WHERE endpoint = $1").bind(endpoint),
        };
        change.execute(&mut *tx).await?;
        tx.commit().await?;
        Ok(())
    }
}

fn entry(actor: &Actor, now: UnixMs, action: &'static str, whose: &Account, agent: &str) -> AuditEntry {
    AuditEntry {
        at: now,
        actor: actor.clone(),
        action,
        object: AuditObject {
            kind: "account",
            id: whose.account.id.to_string(),
            name: whose.account.login.clone(),
            place: accounts::grants::place(&whose.grants),
        },
        before: None,
        after: audit::json(&json!({ "browser": agent })),
    }
}
