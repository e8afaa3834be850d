//! How terminals prove who they are. Of tokens and certificates only the SHA-256 is stored; a shared secret is stored
//! as it is, because the protocol computes with it, and never read back to a person.

use domain::access::Scope;
use domain::id::{CredentialId, TerminalId, UserId};
use domain::place::{Credential, CredentialKind};
use domain::time::UnixMs;
use sqlx::SqliteConnection;

use crate::actor::{Actor, ActorKind};
use crate::audit::AuditObject;
use crate::circuits::record;
use crate::error::StoreError;
use crate::open::Store;
use crate::terminals;

/// The most proofs that one terminal may have at once: room to change one for another, no more.
pub const MOST_PER_TERMINAL: i64 = 16;

rows! {
    /// A terminal's proof, without its secret.
    pub struct CredentialRow {
        /// Its id.
        pub id: CredentialId,
        /// Whose it is.
        pub terminal_id: TerminalId,
        /// What kind it is.
        pub kind: CredentialKind,
        /// So that people can tell them apart.
        pub label: String,
        /// When it was issued.
        pub created_at: UnixMs,
        /// Who issued it; `None` for a program or the platform itself.
        pub created_by: Option<UserId>,
    }
}

const SELECT: &str = "SELECT c.id, c.terminal_id, c.kind, c.label, c.created_at, c.created_by FROM credential c \
     WHERE c.revoked_at IS NULL";

/// The proofs of terminals.
#[derive(Debug, Clone, Copy)]
pub struct Credentials<'s>(&'s Store);

impl Store {
    /// The proofs of terminals.
    #[must_use]
    pub const fn credentials(&self) -> Credentials<'_> {
        Credentials(self)
    }
}

impl Credentials<'_> {
    /// The proofs of one terminal that hold, oldest first.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when the terminal is not in `scope`.
    pub async fn list(&self, scope: &Scope, terminal: TerminalId) -> Result<Vec<CredentialRow>, StoreError> {
        let mut reading = self.0.reader().begin().await?;
        terminals::load(&mut reading, scope, terminal).await?;
        let rows =
            sqlx::query_as(sqlx::AssertSqlSafe(format!("{SELECT} AND c.terminal_id = $1 ORDER BY c.id")))
                .bind(terminal.0)
                .fetch_all(&mut *reading)
                .await?;
        Ok(rows)
    }

    /// Gives a terminal a proof.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when the terminal is not in `scope`; [`StoreError::Invalid`] when it has
    /// [`MOST_PER_TERMINAL`] already, or the certificate is another terminal's.
    pub async fn issue(
        &self,
        scope: &Scope,
        actor: &Actor,
        now: UnixMs,
        terminal: TerminalId,
        credential: &Credential,
        label: &str,
    ) -> Result<CredentialRow, StoreError> {
        let mut tx = self.0.begin().await?;
        let owner = terminals::load(&mut tx, scope, terminal).await?;
        let had: i64 = sqlx::query_scalar(
            "SELECT count(*) FROM credential WHERE terminal_id = $1 AND revoked_at IS NULL",
        )
        .bind(terminal.0)
        .fetch_one(&mut *tx)
        .await?;
        if had >= MOST_PER_TERMINAL {
            let words = format!("the terminal has {had} already, wanted fewer than {MOST_PER_TERMINAL}");
            return Err(StoreError::invalid("kind", "too_many", words));
        }
        let taken: Option<i64> = sqlx::query_scalar(
            "SELECT id FROM credential WHERE kind = $1 AND secret = $2 AND kind = 'certificate_hash' \
             AND revoked_at IS NULL",
        )
        .bind(credential.kind().code())
        .bind(credential.secret())
        .fetch_optional(&mut *tx)
        .await?;
        if taken.is_some() {
            return Err(StoreError::invalid("pem", "taken", "this certificate is in use already"));
        }
        let created_by = match actor.kind {
            ActorKind::User(id) => Some(id.0),
            ActorKind::Token(_) | ActorKind::System | ActorKind::Device => None,
        };
        let id: i64 = sqlx::query_scalar(
            "INSERT INTO credential (terminal_id, kind, secret, label, created_at, created_by) \
             VALUES ($1, $2, $3, $4, $5, $6) RETURNING id",
        )
        .bind(terminal.0)
        .bind(credential.kind().code())
        .bind(credential.secret())
        .bind(label)
        .bind(now.0)
        .bind(created_by)
        .fetch_one(&mut *tx)
        .await?;
        let row = load(&mut tx, terminal, CredentialId(id)).await?;
        let object = object(&row, &owner.serial);
        record(&mut tx, actor, now, "credential.issue", object, None::<&CredentialRow>, Some(&row)).await?;
        tx.commit().await?;
        Ok(row)
    }

    /// Takes a proof back; it opens nothing from now on.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when there is none, or its terminal is not in `scope`.
    pub async fn revoke(
        &self,
        scope: &Scope,
        actor: &Actor,
        now: UnixMs,
        terminal: TerminalId,
        id: CredentialId,
    ) -> Result<(), StoreError> {
        let mut tx = self.0.begin().await?;
        let owner = terminals::load(&mut tx, scope, terminal).await?;
        let row = load(&mut tx, terminal, id).await?;
        // A shared secret would open old recordings; nothing needs it any more.
        sqlx::query("UPDATE credential SET revoked_at = $1, secret = x'' WHERE id = $2")
            .bind(now.0)
            .bind(id.0)
            .execute(&mut *tx)
            .await?;
        let object = object(&row, &owner.serial);
        record(&mut tx, actor, now, "credential.revoke", object, Some(&row), None::<&CredentialRow>).await?;
        tx.commit().await?;
        Ok(())
    }
}

async fn load(
    connection: &mut SqliteConnection,
    terminal: TerminalId,
    id: CredentialId,
) -> Result<CredentialRow, StoreError> {
    let row = sqlx::query_as(sqlx::AssertSqlSafe(format!("{SELECT} AND c.id = $1 AND c.terminal_id = $2")))
        .bind(id.0)
        .bind(terminal.0);
    row.fetch_optional(connection).await?.ok_or(StoreError::NotFound { what: "credential" })
}

fn object(row: &CredentialRow, serial: &str) -> AuditObject {
    AuditObject {
        kind: "credential",
        id: row.id.to_string(),
        name: format!("{serial}: {}", row.label),
        place: None,
    }
}
