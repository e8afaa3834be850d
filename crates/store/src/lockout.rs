//! Counters of failed sign-ins, per login and per address. They survive a restart, so that a restart opens no door.

use domain::time::UnixMs;
use sqlx::SqliteConnection;

use crate::error::StoreError;
use crate::open::Store;

/// The most subjects that are counted; beyond it the one that failed longest ago goes.
const SUBJECTS: i64 = 50_000;

/// When a subject is locked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LockPolicy {
    /// After so many failures ...
    pub failures: u32,
    /// ... within this time, ms ...
    pub window_ms: i64,
    /// ... it is locked for this long, ms.
    pub lock_ms: i64,
}

/// How a subject stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LockState {
    /// Failures in the current window.
    pub failures: i64,
    /// Until when it is locked; `None` when it is not.
    pub locked_until: Option<UnixMs>,
}

/// The subject of a login.
#[must_use]
pub fn login_subject(login: &str) -> String {
    format!("login:{}", crate::accounts::login_key(login))
}

/// The subject of an address.
#[must_use]
pub fn address_subject(address: &str) -> String {
    format!("address:{address}")
}

/// The counters of failed sign-ins.
#[derive(Debug, Clone, Copy)]
pub struct Lockout<'s>(&'s Store);

impl Store {
    /// The counters of failed sign-ins.
    #[must_use]
    pub const fn lockout(&self) -> Lockout<'_> {
        Lockout(self)
    }
}

impl Lockout<'_> {
    /// How `subject` stands.
    ///
    /// # Errors
    /// Database errors only.
    pub async fn state(&self, subject: &str, now: UnixMs) -> Result<LockState, StoreError> {
        let row: Option<(i64, Option<i64>)> =
            sqlx::query_as("SELECT failures, locked_until FROM lockout WHERE subject = $1")
                .bind(subject)
                .fetch_optional(self.0.reader())
                .await?;
        Ok(row.map_or_else(LockState::default, |(failures, locked)| LockState {
            failures,
            locked_until: locked.map(UnixMs).filter(|until| *until > now),
        }))
    }

    /// Counts a failure of `subject`.
    ///
    /// # Errors
    /// [`StoreError::Full`] and database errors.
    pub async fn failed(
        &self,
        subject: &str,
        now: UnixMs,
        policy: &LockPolicy,
    ) -> Result<LockState, StoreError> {
        let mut tx = self.0.begin().await?;
        let row: Option<(i64, i64, Option<i64>)> =
            sqlx::query_as("SELECT failures, first_at, locked_until FROM lockout WHERE subject = $1")
                .bind(subject)
                .fetch_optional(&mut *tx)
                .await?;
        let (failures, first_at) = match row {
            // The window goes on, unless it has passed or its lock has been served.
            Some((failures, first_at, locked))
                if now.since_ms(UnixMs(first_at)) < policy.window_ms
                    && locked.is_none_or(|until| until > now.0) =>
            {
                (failures + 1, first_at)
            }
            Some(_) | None => (1, now.0),
        };
        let locked_until = (failures >= i64::from(policy.failures)).then(|| now.plus_ms(policy.lock_ms));
        sqlx::query(
            "INSERT INTO lockout (subject, failures, first_at, last_at, locked_until) VALUES ($1, $2, $3, $4, $5) \
             ON CONFLICT (subject) DO UPDATE SET failures = excluded.failures, first_at = excluded.first_at, \
             last_at = excluded.last_at, locked_until = excluded.locked_until",
        )
        .bind(subject)
        .bind(failures)
        .bind(first_at)
        .bind(now.0)
        .bind(locked_until.map(|at| at.0))
        .execute(&mut *tx)
        .await?;
        if row.is_none() {
            sqlx::query(
                "DELETE FROM lockout WHERE subject IN \
                 (SELECT subject FROM lockout ORDER BY last_at DESC LIMIT -1 OFFSET $1)",
            )
            .bind(SUBJECTS)
            .execute(&mut *tx)
            .await?;
        }
        tx.commit().await?;
        Ok(LockState { failures, locked_until })
    }

    /// Forgets the failures of `subject`, after a success.
    ///
    /// # Errors
    /// Database errors only.
    pub async fn clear(&self, subject: &str) -> Result<(), StoreError> {
        let mut tx = self.0.begin().await?;
        clear_in(&mut tx, subject).await?;
        tx.commit().await?;
        Ok(())
    }
}

pub(crate) async fn clear_in(connection: &mut SqliteConnection, subject: &str) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM lockout WHERE subject = $1").bind(subject).execute(connection).await?;
    Ok(())
}
