//! How each person is reached, and when they want to be left alone.

use std::collections::BTreeMap;

use domain::access::{Grant, Role, Scope};
use domain::id::UserId;
use domain::place::{AreaCode, OrganisationPath};
use domain::time::UnixMs;
use sqlx::SqliteConnection;

use super::Telling;
use crate::accounts;
use crate::actor::Actor;
use crate::audit::{self, AuditEntry, AuditObject};
use crate::error::StoreError;
use crate::sites::same_version;

rows! {
    /// How one person is reached.
    pub struct ContactRow {
        /// Whose.
        pub account_id: UserId,
        /// Mailbox.
        pub email: Option<String>,
        /// When a link that was sent there was used.
        pub email_verified_at: Option<UnixMs>,
        /// Telephone number, `+8613800138000`.
        pub phone: Option<String>,
        /// When a link that was sent there was used.
        pub phone_verified_at: Option<UnixMs>,
        /// `domain::telling::Hours` as JSON.
        pub quiet: Option<String>,
        /// Rises with every change; 0 while nothing was set.
        pub version: i64,
    }

    /// A person who can sign in, as far as it matters who is told.
    pub struct PersonRow {
        /// The account.
        pub account_id: UserId,
        /// Their name.
        pub name: String,
        /// `zh-CN`, `zh-TW`, `en`.
        pub language: String,
        /// Mailbox.
        pub email: Option<String>,
        /// Telephone number.
        pub phone: Option<String>,
        /// `domain::telling::Hours` as JSON.
        pub quiet: Option<String>,
    }
}

/// What is to be set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContactDraft {
    /// Mailbox.
    pub email: Option<String>,
    /// Telephone number.
    pub phone: Option<String>,
    /// `domain::telling::Hours` as JSON.
    pub quiet: Option<String>,
    /// The version that the caller had read.
    pub version: i64,
}

impl Telling<'_> {
    /// How the caller is reached.
    ///
    /// # Errors
    /// Database errors only.
    pub async fn own_contact(&self, account: UserId) -> Result<ContactRow, StoreError> {
        let mut connection = self.0.reader().acquire().await?;
        load(&mut connection, account).await
    }

    /// How an account in `scope` is reached.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] unless all its grants are in `scope`.
    pub async fn contact(&self, scope: &Scope, account: UserId) -> Result<ContactRow, StoreError> {
        let mut connection = self.0.reader().acquire().await?;
        accounts::load_owned(&mut connection, scope, account).await?;
        load(&mut connection, account).await
    }

    /// Sets how an account is reached: somebody else's in `scope`, or with [`Scope::platform`] the caller's own. A
    /// changed address has to prove itself anew.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] unless all its grants are in `scope`; [`StoreError::Conflict`].
    pub async fn set_contact(
        &self,
        scope: &Scope,
        actor: &Actor,
        now: UnixMs,
        account: UserId,
        draft: &ContactDraft,
    ) -> Result<ContactRow, StoreError> {
        let mut tx = self.0.begin().await?;
        let about = accounts::load_owned(&mut tx, scope, account).await?;
        let before = load(&mut tx, account).await?;
        same_version("contact", before.version, draft.version)?;
        let kept = |same: bool, at: Option<UnixMs>| at.filter(|_| same).map(|at| at.0);
        sqlx::query(
            "INSERT INTO contact (account_id, email, email_verified_at, phone, phone_verified_at, quiet, version) \
             VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (account_id) DO UPDATE SET email = excluded.email, \
             email_verified_at = excluded.email_verified_at, phone = excluded.phone, \
             phone_verified_at = excluded.phone_verified_at, quiet = excluded.quiet, version = excluded.version",
        )
        .bind(account.0)
        .bind(&draft.email)
        .bind(kept(draft.email == before.email, before.email_verified_at))
        .bind(&draft.phone)
        .bind(kept(draft.phone == before.phone, before.phone_verified_at))
        .bind(&draft.quiet)
        .bind(before.version + 1)
        .execute(&mut *tx)
        .await?;
        let after = load(&mut tx, account).await?;
        let entry = AuditEntry {
            at: now,
            actor: actor.clone(),
            action: "account.set_contact",
            object: AuditObject {
                kind: "account",
                id: account.to_string(),
                name: about.account.login.clone(),
                place: accounts::grants::place(&about.grants),
            },
            before: audit::json(&before),
            after: audit::json(&after),
        };
        audit::append(&mut tx, &entry).await?;
        tx.commit().await?;
        Ok(after)
    }

    /// Everybody who can sign in, with what they may do and how they are reached: the platform's own work.
    ///
    /// # Errors
    /// Database errors only.
    pub async fn people(&self) -> Result<Vec<(PersonRow, Vec<Grant>)>, StoreError> {
        let people: Vec<PersonRow> = sqlx::query_as(
            "SELECT u.id AS account_id, u.name, u.language, c.email, c.phone, c.quiet FROM account u \
             LEFT JOIN contact c ON c.account_id = u.id WHERE u.disabled = FALSE ORDER BY u.id",
        )
        .fetch_all(self.0.reader())
        .await?;
        let rows: Vec<(i64, String, Option<String>, Option<String>)> = sqlx::query_as(
            "SELECT g.account_id, g.role, o.path, g.area_code FROM account_grant g \
             LEFT JOIN organisation o ON o.id = g.organisation_id",
        )
        .fetch_all(self.0.reader())
        .await?;
        let mut grants: BTreeMap<i64, Vec<Grant>> = BTreeMap::new();
        for (account, role, organisation, area) in rows {
            let role = Role::from_code(&role).ok_or_else(|| StoreError::corrupt(format!("role {role:?}")))?;
            grants.entry(account).or_default().push(Grant {
                role,
                organisation: organisation.map(OrganisationPath),
                area: area.map(AreaCode),
            });
        }
        Ok(people
            .into_iter()
            .map(|person| {
                let own = grants.remove(&person.account_id.0).unwrap_or_default();
                (person, own)
            })
            .collect())
    }
}

async fn load(connection: &mut SqliteConnection, account: UserId) -> Result<ContactRow, StoreError> {
    let row = sqlx::query_as(
        "SELECT u.id AS account_id, c.email, c.email_verified_at, c.phone, c.phone_verified_at, c.quiet, \
         coalesce(c.version, 0) AS version FROM account u LEFT JOIN contact c ON c.account_id = u.id WHERE u.id = $1",
    );
    row.bind(account.0).fetch_optional(connection).await?.ok_or(StoreError::NotFound { what: "account" })
}
