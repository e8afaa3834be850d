//! The secrets of one-time codes (RFC 6238), and which codes were used. The secret is stored as it is, because the codes
//! are computed with it, and never read back to a person.

use domain::access::Scope;
use domain::id::UserId;
use domain::time::UnixMs;

use crate::accounts::{self, Account};
use crate::actor::Actor;
use crate::error::StoreError;
use crate::open::Store;

/// The one-time codes of an account.
#[derive(Clone, PartialEq, Eq)]
pub struct OneTimeCode {
    /// What the codes are computed with.
    pub secret: Vec<u8>,
    /// When the secret was made.
    pub begun_at: UnixMs,
    /// When the first code was right; before that no code counts.
    pub confirmed_at: Option<UnixMs>,
    /// The newest time step whose code was used.
    pub last_step: Option<i64>,
}

impl std::fmt::Debug for OneTimeCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OneTimeCode").field("confirmed_at", &self.confirmed_at).finish_non_exhaustive()
    }
}

/// Secret, begun, confirmed, last step.
type Row = (Vec<u8>, i64, Option<i64>, Option<i64>);

/// The one-time codes of accounts.
#[derive(Debug, Clone, Copy)]
pub struct OneTimeCodes<'s>(&'s Store);

impl Store {
    /// The one-time codes of accounts.
    #[must_use]
    pub const fn one_time_codes(&self) -> OneTimeCodes<'_> {
        OneTimeCodes(self)
    }
}

impl OneTimeCodes<'_> {
    /// The codes of an account; `None` when it has none and none are being set up.
    ///
    /// # Errors
    /// Database errors only.
    pub async fn of(&self, account: UserId) -> Result<Option<OneTimeCode>, StoreError> {
        let row: Option<Row> = sqlx::query_as(
            "SELECT secret, begun_at, confirmed_at, last_step FROM one_time_code WHERE account_id = $1",
        )
        .bind(account.0)
        .fetch_optional(self.0.reader())
        .await?;
        Ok(row.map(|(secret, begun_at, confirmed_at, last_step)| OneTimeCode {
            secret,
            begun_at: UnixMs(begun_at),
            confirmed_at: confirmed_at.map(UnixMs),
            last_step,
        }))
    }

    /// Begins to set codes up for the caller's own account; a beginning before this one is forgotten.
    ///
    /// # Errors
    /// [`StoreError::InUse`] while the account has codes that count; [`StoreError::NotFound`] when it is gone.
    pub async fn begin(
        &self,
        actor: &Actor,
        now: UnixMs,
        account: UserId,
        secret: &[u8],
    ) -> Result<(), StoreError> {
        let mut tx = self.0.begin().await?;
        let before = accounts::load(&mut tx, &Scope::platform(), account).await?;
        let begun = sqlx::query(
            "INSERT INTO one_time_code (account_id, secret, begun_at) VALUES ($1, $2, $3) \
             ON CONFLICT (account_id) DO UPDATE SET secret = excluded.secret, begun_at = excluded.begun_at \
             WHERE one_time_code.confirmed_at IS NULL",
        )
        .bind(account.0)
        .bind(secret)
        .bind(now.0)
        .execute(&mut *tx)
        .await?
        .rows_affected();
        if begun == 0 {
            return Err(StoreError::InUse { what: "one-time codes", by: "account" });
        }
        accounts::record(&mut tx, actor, now, "account.begin_codes", Some(&before), Some(&before)).await?;
        tx.commit().await?;
        Ok(())
    }

    /// The first code was right: from now on codes count. That one, of `step`, is used up.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when nothing was begun with `secret`, or it counts already.
    pub async fn confirm(
        &self,
        actor: &Actor,
        now: UnixMs,
        account: UserId,
        secret: &[u8],
        step: i64,
    ) -> Result<Account, StoreError> {
        let mut tx = self.0.begin().await?;
        let before = accounts::load(&mut tx, &Scope::platform(), account).await?;
        let confirmed = sqlx::query(
            "UPDATE one_time_code SET confirmed_at = $1, last_step = $2 \
             WHERE account_id = $3 AND secret = $4 AND confirmed_at IS NULL",
        )
        .bind(now.0)
        .bind(step)
        .bind(account.0)
        .bind(secret)
        .execute(&mut *tx)
        .await?
        .rows_affected();
        if confirmed == 0 {
            return Err(StoreError::NotFound { what: "one-time codes" });
        }
        let after = accounts::load(&mut tx, &Scope::platform(), account).await?;
        accounts::record(&mut tx, actor, now, "account.set_up_codes", Some(&before), Some(&after)).await?;
        tx.commit().await?;
        Ok(after)
    }

    /// Uses the code of `step` up. `false` when it, or a later one, was used before: a code opens one thing once, also
    /// when two requests bring it at the same moment.
    ///
    /// # Errors
    /// Database errors only.
    pub async fn use_up(
        &self,
        actor: &Actor,
        now: UnixMs,
        account: UserId,
        step: i64,
    ) -> Result<bool, StoreError> {
        let mut tx = self.0.begin().await?;
        let used = sqlx::query(
            "UPDATE one_time_code SET last_step = $1 \
             WHERE account_id = $2 AND confirmed_at IS NOT NULL AND last_step < $1",
        )
        .bind(step)
        .bind(account.0)
        .execute(&mut *tx)
        .await?
        .rows_affected();
        if used == 0 {
            return Ok(false);
        }
        let about = accounts::load(&mut tx, &Scope::platform(), account).await?;
        accounts::record(&mut tx, actor, now, "account.use_code", None, Some(&about)).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// Takes the codes of the caller's own account away, with their secret.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when there are none.
    pub async fn remove_own(
        &self,
        actor: &Actor,
        now: UnixMs,
        account: UserId,
    ) -> Result<Account, StoreError> {
        let mut tx = self.0.begin().await?;
        let before = accounts::load(&mut tx, &Scope::platform(), account).await?;
        let after = remove(&mut tx, actor, now, "account.remove_codes", &before).await?;
        tx.commit().await?;
        Ok(after)
    }

    /// Takes the codes of somebody else's account away: for somebody who lost their phone.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] unless all grants of the account are in `scope`, and when it has no codes.
    pub async fn reset(
        &self,
        scope: &Scope,
        actor: &Actor,
        now: UnixMs,
        account: UserId,
    ) -> Result<Account, StoreError> {
        let mut tx = self.0.begin().await?;
        let before = accounts::load_owned(&mut tx, scope, account).await?;
        let after = remove(&mut tx, actor, now, "account.reset_codes", &before).await?;
        tx.commit().await?;
        Ok(after)
    }
}

async fn remove(
    connection: &mut sqlx::SqliteConnection,
    actor: &Actor,
    now: UnixMs,
    action: &'static str,
    before: &Account,
) -> Result<Account, StoreError> {
    let id = before.account.id;
    let gone = sqlx::query("DELETE FROM one_time_code WHERE account_id = $1")
        .bind(id.0)
        .execute(&mut *connection)
        .await?
        .rows_affected();
    if gone == 0 {
        return Err(StoreError::NotFound { what: "one-time codes" });
    }
    let after = accounts::load(connection, &Scope::platform(), id).await?;
    accounts::record(connection, actor, now, action, Some(before), Some(&after)).await?;
    Ok(after)
}
