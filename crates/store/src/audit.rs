//! What people did (invariant 9): written in the transaction of the change, append-only, hash-chained.

use domain::access::Scope;
use domain::place::{AreaCode, OrganisationPath};
use domain::time::UnixMs;
use serde::Serialize;
use sha2::{Digest, Sha256};
use sqlx::{QueryBuilder, Sqlite, SqliteConnection};

use crate::actor::Actor;
use crate::error::StoreError;
use crate::open::Store;
use crate::page::{Order, Page, Paged, PagedQuery};
use crate::scoped::{push_contains, push_scope};

/// One change by a person, before it is written.
#[derive(Debug, Clone, PartialEq)]
pub struct AuditEntry {
    /// When, server's clock.
    pub at: UnixMs,
    /// Who.
    pub actor: Actor,
    /// What was done: `site.change`, `alarm.acknowledge`, `account.create` ...
    pub action: &'static str,
    /// To what.
    pub object: AuditObject,
    /// The object before, as JSON; `None` when it was made.
    pub before: Option<serde_json::Value>,
    /// The object after, as JSON; `None` when it is gone.
    pub after: Option<serde_json::Value>,
}

/// What a change was done to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditObject {
    /// `site`, `alarm`, `account` ...
    pub kind: &'static str,
    /// Its id as text.
    pub id: String,
    /// Its name at that time.
    pub name: String,
    /// Whose and where it is; `None` is the platform's, which only a scope of everything sees.
    pub place: Option<(OrganisationPath, AreaCode)>,
}

rows! {
    /// One entry as it is stored.
    pub struct AuditRow {
        /// Counts from 1 without a hole.
        pub id: i64,
        /// When, server's clock.
        pub at: UnixMs,
        /// `user`, `token` or `system`.
        pub actor_kind: String,
        /// The account's or token's id.
        pub actor_id: Option<i64>,
        /// Their name at that time.
        pub actor_name: String,
        /// Where the request came from.
        pub remote: String,
        /// What was done.
        pub action: String,
        /// To what kind of object.
        pub object_kind: String,
        /// Its id as text.
        pub object_id: String,
        /// Its name at that time.
        pub object_name: String,
        /// JSON before.
        pub before: Option<String>,
        /// JSON after.
        pub after: Option<String>,
        /// The organisation's path, `None` for the platform's own.
        pub organisation_path: Option<String>,
        /// The area's code, `None` for the platform's own.
        pub area_code: Option<String>,
        /// SHA-256 over the previous entry's hash and this entry's fields.
        pub hash: Vec<u8>,
    }
}

/// Which entries.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AuditFilter {
    /// Part of the actor's name.
    pub actor: Option<String>,
    /// The action, or its beginning up to a dot (`site` finds `site.change`).
    pub action: Option<String>,
    /// `kind`, or `kind:id`.
    pub object: Option<String>,
    /// From here on.
    pub since: Option<UnixMs>,
    /// Before this.
    pub until: Option<UnixMs>,
}

/// What a walk over the chain found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct AuditVerdict {
    /// How many entries there are.
    pub entries: i64,
    /// The first entry that does not fit, if any; one past the end when entries are missing there.
    pub first_broken: Option<i64>,
}

const COLUMNS: &str = "a.id, a.at, a.actor_kind, a.actor_id, a.actor_name, a.remote, a.action, a.object_kind, \
     a.object_id, a.object_name, a.before, a.after, a.organisation_path, a.area_code, a.hash";

/// The audit log.
#[derive(Debug, Clone, Copy)]
pub struct Audit<'s>(&'s Store);

impl Store {
    /// The audit log.
    #[must_use]
    pub const fn audit(&self) -> Audit<'_> {
        Audit(self)
    }
}

impl Audit<'_> {
    /// Writes one entry by itself, for acts that change nothing in the store: a sign-in, an export.
    ///
    /// # Errors
    /// [`StoreError::Full`] and database errors.
    pub async fn record(&self, entry: &AuditEntry) -> Result<(), StoreError> {
        let mut tx = self.0.begin().await?;
        append(&mut tx, entry).await?;
        tx.commit().await?;
        Ok(())
    }

    /// The entries about what is in `scope`, newest first.
    ///
    /// # Errors
    /// [`StoreError::Invalid`] for a cursor of another list.
    pub async fn list(
        &self,
        scope: &Scope,
        filter: &AuditFilter,
        page: &Page,
    ) -> Result<Paged<AuditRow>, StoreError> {
        let apply = |query: &mut QueryBuilder<Sqlite>| {
            push_scope(query, scope, "a.organisation_path", "a.area_code");
            if let Some(actor) = &filter.actor {
                push_contains(query, actor, &["a.actor_name"]);
            }
            if let Some(action) = &filter.action {
                query.push(" AND (a.action = ").push_bind(action.clone());
                query.push(" OR substr(a.action, 1, length(").push_bind(action.clone()).push(") + 1) = ");
                query.push_bind(format!("{action}.")).push(")");
            }
            if let Some(object) = &filter.object {
                let (kind, id) = object.split_once(':').unwrap_or((object.as_str(), ""));
                query.push(" AND a.object_kind = ").push_bind(kind.to_owned());
                if !id.is_empty() {
                    query.push(" AND a.object_id = ").push_bind(id.to_owned());
                }
            }
            if let Some(since) = filter.since {
                query.push(" AND a.at >= ").push_bind(since.0);
            }
            if let Some(until) = filter.until {
                query.push(" AND a.at < ").push_bind(until.0);
            }
        };
        let order = Order { name: "audit", keys: &["a.id"], descending: true };
        PagedQuery { columns: COLUMNS, from: "FROM audit a", order, filter: &apply }
            .fetch(self.0.reader(), page)
            .await
    }

    /// Walks the whole chain. The chain is one, so this needs a scope of everything.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] for a narrower scope.
    pub async fn verify(&self, scope: &Scope) -> Result<AuditVerdict, StoreError> {
        if !scope.is_everything() {
            return Err(StoreError::NotFound { what: "audit log" });
        }
        let mut reading = self.0.reader().begin().await?;
        let head: Option<(i64, Vec<u8>)> =
            sqlx::query_as("SELECT entries, hash FROM audit_head").fetch_optional(&mut *reading).await?;
        let mut hash = Vec::new();
        let mut last = 0;
        loop {
            let rows: Vec<AuditRow> = sqlx::query_as(
                "SELECT a.id, a.at, a.actor_kind, a.actor_id, a.actor_name, a.remote, a.action, a.object_kind, \
                 a.object_id, a.object_name, a.before, a.after, a.organisation_path, a.area_code, a.hash \
                 FROM audit a WHERE a.id > $1 ORDER BY a.id LIMIT 1000",
            )
            .bind(last)
            .fetch_all(&mut *reading)
            .await?;
            if rows.is_empty() {
                break;
            }
            for row in rows {
                let expected = link(&hash, &row);
                if row.id != last + 1 || row.hash != expected {
                    return Ok(AuditVerdict { entries: last, first_broken: Some(last + 1) });
                }
                last = row.id;
                hash = expected;
            }
        }
        let complete = match head {
            Some((entries, head_hash)) => entries == last && head_hash == hash,
            None => last == 0,
        };
        Ok(AuditVerdict { entries: last, first_broken: (!complete).then_some(last + 1) })
    }
}

/// Writes `entry` in `connection`'s transaction. The one writer makes the chain's order the commits' order.
pub(crate) async fn append(connection: &mut SqliteConnection, entry: &AuditEntry) -> Result<(), StoreError> {
    let head: Option<(i64, Vec<u8>)> =
        sqlx::query_as("SELECT entries, hash FROM audit_head").fetch_optional(&mut *connection).await?;
    let (entries, previous) = head.unwrap_or_default();
    let text = |value: &Option<serde_json::Value>| value.as_ref().map(ToString::to_string);
    let mut row = AuditRow {
        id: entries + 1,
        at: entry.at,
        actor_kind: entry.actor.kind.code().to_owned(),
        actor_id: entry.actor.kind.id(),
        actor_name: entry.actor.name.clone(),
        remote: entry.actor.remote.clone(),
        action: entry.action.to_owned(),
        object_kind: entry.object.kind.to_owned(),
        object_id: entry.object.id.clone(),
        object_name: entry.object.name.clone(),
        before: text(&entry.before),
        after: text(&entry.after),
        organisation_path: entry.object.place.as_ref().map(|(path, _)| path.0.clone()),
        area_code: entry.object.place.as_ref().map(|(_, area)| area.0.clone()),
        hash: Vec::new(),
    };
    row.hash = link(&previous, &row);
    sqlx::query(
        "INSERT INTO audit (id, at, actor_kind, actor_id, actor_name, remote, action, object_kind, object_id, \
         object_name, before, after, organisation_path, area_code, hash) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)",
    )
    .bind(row.id)
    .bind(row.at.0)
    .bind(&row.actor_kind)
    .bind(row.actor_id)
    .bind(&row.actor_name)
    .bind(&row.remote)
    .bind(&row.action)
    .bind(&row.object_kind)
    .bind(&row.object_id)
    .bind(&row.object_name)
    .bind(&row.before)
    .bind(&row.after)
    .bind(&row.organisation_path)
    .bind(&row.area_code)
    .bind(&row.hash)
    .execute(&mut *connection)
    .await?;
    sqlx::query(
        "INSERT INTO audit_head (one, entries, hash) VALUES (1, $1, $2) \
         ON CONFLICT (one) DO UPDATE SET entries = excluded.entries, hash = excluded.hash",
    )
    .bind(row.id)
    .bind(&row.hash)
    .execute(connection)
    .await?;
    Ok(())
}

/// The hash of `row` after an entry with the hash `previous`: every field with its length before it, so that
/// no two different entries read the same. The first byte is the version of this rule.
fn link(previous: &[u8], row: &AuditRow) -> Vec<u8> {
    let mut hash = Sha256::new();
    hash.update([1u8]);
    let mut field = |bytes: Option<&[u8]>| match bytes {
        None => hash.update([0u8]),
        Some(bytes) => {
            hash.update([1u8]);
            hash.update(u64::try_from(bytes.len()).unwrap_or(u64::MAX).to_be_bytes());
            hash.update(bytes);
        }
    };
    field(Some(previous));
    field(Some(&row.id.to_be_bytes()));
    field(Some(&row.at.0.to_be_bytes()));
    field(Some(row.actor_kind.as_bytes()));
    field(row.actor_id.map(i64::to_be_bytes).as_ref().map(<[u8; 8]>::as_slice));
    for text in
        [&row.actor_name, &row.remote, &row.action, &row.object_kind, &row.object_id, &row.object_name]
    {
        field(Some(text.as_bytes()));
    }
    for text in [&row.before, &row.after, &row.organisation_path, &row.area_code] {
        field(text.as_ref().map(String::as_bytes));
    }
    hash.finalize().to_vec()
}

/// An object as JSON for its audit entry.
pub(crate) fn json(object: &impl Serialize) -> Option<serde_json::Value> {
    serde_json::to_value(object).ok()
}
