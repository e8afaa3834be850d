//! What people set about telling: media, routes, ladders, duty calendars. The four have one shape; what is in a body is
//! the engine's to read.

use domain::access::Scope;
use domain::id::OrganisationId;
use domain::place::{AreaCode, OrganisationPath};
use domain::time::UnixMs;
use sqlx::SqliteConnection;

use super::Telling;
use crate::actor::Actor;
use crate::audit::{self, AuditEntry, AuditObject};
use crate::error::StoreError;
use crate::sites::{named, same_version};

/// Which of the four.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SetKind {
    /// A way to reach people.
    Medium,
    /// From alarms to a ladder.
    Route,
    /// Who is told after how long.
    Ladder,
    /// A duty calendar.
    Duty,
}

impl SetKind {
    /// The table, which is also the kind of object in the audit log.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Medium => "medium",
            Self::Route => "route",
            Self::Ladder => "ladder",
            Self::Duty => "duty",
        }
    }

    const fn action(self, act: Act) -> &'static str {
        match (self, act) {
            (Self::Medium, Act::Create) => "medium.create",
            (Self::Medium, Act::Change) => "medium.change",
            (Self::Medium, Act::Delete) => "medium.delete",
            (Self::Route, Act::Create) => "route.create",
            (Self::Route, Act::Change) => "route.change",
            (Self::Route, Act::Delete) => "route.delete",
            (Self::Ladder, Act::Create) => "ladder.create",
            (Self::Ladder, Act::Change) => "ladder.change",
            (Self::Ladder, Act::Delete) => "ladder.delete",
            (Self::Duty, Act::Create) => "duty.create",
            (Self::Duty, Act::Change) => "duty.change",
            (Self::Duty, Act::Delete) => "duty.delete",
        }
    }
}

#[derive(Debug, Clone, Copy)]
enum Act {
    Create,
    Change,
    Delete,
}

rows! {
    /// One of them.
    pub struct SetRow {
        /// Its id.
        pub id: i64,
        /// Whose it is; `None` is the platform's.
        pub organisation_id: Option<OrganisationId>,
        /// The same as a path.
        pub organisation_path: Option<OrganisationPath>,
        /// The same by name.
        pub organisation_name: Option<String>,
        /// Its name.
        pub name: String,
        /// Whether it is used.
        pub enabled: bool,
        /// Lower ones come first.
        pub rank: i64,
        /// JSON with its version.
        pub body: String,
        /// When it was made.
        pub created_at: UnixMs,
        /// Rises with every change.
        pub version: i64,
    }
}

/// A new one.
#[derive(Debug, Clone, PartialEq)]
pub struct SetDraft {
    /// Whose it is; `None` is the platform's.
    pub organisation_id: Option<OrganisationId>,
    /// Its name.
    pub name: String,
    /// Whether it is used.
    pub enabled: bool,
    /// Lower ones come first.
    pub rank: i64,
    /// JSON with its version.
    pub body: String,
    /// The body for the audit log: without secrets.
    pub shown: serde_json::Value,
}

/// A change; whose it is stays.
#[derive(Debug, Clone, PartialEq)]
pub struct SetPatch {
    /// Its name.
    pub name: String,
    /// Whether it is used.
    pub enabled: bool,
    /// Lower ones come first.
    pub rank: i64,
    /// JSON with its version.
    pub body: String,
    /// The body before, for the audit log: without secrets.
    pub shown_before: serde_json::Value,
    /// The body after, for the audit log: without secrets.
    pub shown: serde_json::Value,
    /// The version that the caller had read.
    pub version: i64,
}

fn select(kind: SetKind) -> String {
    format!(
        "SELECT x.id, x.organisation_id, o.path AS organisation_path, o.name AS organisation_name, x.name, x.enabled, \
         x.rank, x.body, x.created_at, x.version FROM {} x LEFT JOIN organisation o ON o.id = x.organisation_id",
        kind.code()
    )
}

impl Telling<'_> {
    /// Those whose part of the world lies in `scope`, in their order.
    ///
    /// # Errors
    /// Database errors only.
    pub async fn list(&self, scope: &Scope, kind: SetKind) -> Result<Vec<SetRow>, StoreError> {
        let sql = format!("{} ORDER BY x.rank, x.id", select(kind));
        let all: Vec<SetRow> = sqlx::query_as(sqlx::AssertSqlSafe(sql)).fetch_all(self.0.reader()).await?;
        Ok(all.into_iter().filter(|row| inside(scope, row)).collect())
    }

    /// One.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when there is none in `scope`.
    pub async fn get(&self, scope: &Scope, kind: SetKind, id: i64) -> Result<SetRow, StoreError> {
        let mut connection = self.0.reader().acquire().await?;
        load(&mut connection, scope, kind, id).await
    }

    /// Makes one.
    ///
    /// # Errors
    /// [`StoreError::Invalid`] for a name that is none, or an organisation outside of `scope`.
    pub async fn create(
        &self,
        scope: &Scope,
        actor: &Actor,
        now: UnixMs,
        kind: SetKind,
        draft: &SetDraft,
    ) -> Result<SetRow, StoreError> {
        named("name", &draft.name)?;
        let mut tx = self.0.begin().await?;
        let path = match draft.organisation_id {
            None => None,
            Some(id) => {
                let path: Option<String> = sqlx::query_scalar("SELECT path FROM organisation WHERE id = $1")
                    .bind(id.0)
                    .fetch_optional(&mut *tx)
                    .await?;
                path.map(OrganisationPath)
            }
        };
        let known = draft.organisation_id.is_none() || path.is_some();
        if !known || !scope.holds_part(path.as_ref(), None) {
            let had = draft.organisation_id.map_or_else(|| "none".to_owned(), |id| id.to_string());
            let message = format!("had {had}, wanted an organisation that the caller may set things for");
            return Err(StoreError::invalid("organisation_id", "unknown", message));
        }
        let sql = format!(
            "INSERT INTO {} (organisation_id, name, enabled, rank, body, created_at) \
             VALUES ($1, $2, $3, $4, $5, $6) RETURNING id",
            kind.code()
        );
        let id: i64 = sqlx::query_scalar(sqlx::AssertSqlSafe(sql))
            .bind(draft.organisation_id.map(|id| id.0))
            .bind(draft.name.trim())
            .bind(draft.enabled)
            .bind(draft.rank)
            .bind(&draft.body)
            .bind(now.0)
            .fetch_one(&mut *tx)
            .await?;
        let row = load(&mut tx, scope, kind, id).await?;
        note(&mut tx, actor, now, kind.action(Act::Create), kind, (None, Some((&row, &draft.shown)))).await?;
        tx.commit().await?;
        Ok(row)
    }

    /// Changes one.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when there is none in `scope`; [`StoreError::Conflict`]; [`StoreError::Invalid`].
    pub async fn change(
        &self,
        scope: &Scope,
        actor: &Actor,
        now: UnixMs,
        kind: SetKind,
        id: i64,
        patch: &SetPatch,
    ) -> Result<SetRow, StoreError> {
        named("name", &patch.name)?;
        let mut tx = self.0.begin().await?;
        let before = load(&mut tx, scope, kind, id).await?;
        same_version(kind.code(), before.version, patch.version)?;
        let sql = format!(
            "UPDATE {} SET name = $1, enabled = $2, rank = $3, body = $4, version = version + 1 WHERE id = $5",
            kind.code()
        );
        sqlx::query(sqlx::AssertSqlSafe(sql))
            .bind(patch.name.trim())
            .bind(patch.enabled)
            .bind(patch.rank)
            .bind(&patch.body)
            .bind(id)
            .execute(&mut *tx)
            .await?;
        let after = load(&mut tx, scope, kind, id).await?;
        let about = (Some((&before, &patch.shown_before)), Some((&after, &patch.shown)));
        note(&mut tx, actor, now, kind.action(Act::Change), kind, about).await?;
        if kind == SetKind::Medium {
            // What is set anew gets a new chance.
            sqlx::query("UPDATE medium_health SET failures = 0, down_since = NULL WHERE medium_id = $1")
                .bind(id)
                .execute(&mut *tx)
                .await?;
        }
        tx.commit().await?;
        Ok(after)
    }

    /// Takes one away.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when there is none in `scope`.
    pub async fn delete(
        &self,
        scope: &Scope,
        actor: &Actor,
        now: UnixMs,
        kind: SetKind,
        id: i64,
        shown: &serde_json::Value,
    ) -> Result<(), StoreError> {
        let mut tx = self.0.begin().await?;
        let before = load(&mut tx, scope, kind, id).await?;
        let sql = format!("DELETE FROM {} WHERE id = $1", kind.code());
        sqlx::query(sqlx::AssertSqlSafe(sql)).bind(id).execute(&mut *tx).await?;
        note(&mut tx, actor, now, kind.action(Act::Delete), kind, (Some((&before, shown)), None)).await?;
        tx.commit().await?;
        Ok(())
    }

    /// The paths of all organisations by their ids, for routes that name one: the platform's own work.
    ///
    /// # Errors
    /// Database errors only.
    pub async fn organisations(&self) -> Result<Vec<(OrganisationId, OrganisationPath)>, StoreError> {
        let rows: Vec<(i64, String)> =
            sqlx::query_as("SELECT id, path FROM organisation").fetch_all(self.0.reader()).await?;
        Ok(rows.into_iter().map(|(id, path)| (OrganisationId(id), OrganisationPath(path))).collect())
    }
}

fn inside(scope: &Scope, row: &SetRow) -> bool {
    scope.holds_part(row.organisation_path.as_ref(), None)
}

async fn load(
    connection: &mut SqliteConnection,
    scope: &Scope,
    kind: SetKind,
    id: i64,
) -> Result<SetRow, StoreError> {
    let sql = format!("{} WHERE x.id = $1", select(kind));
    let row: Option<SetRow> =
        sqlx::query_as(sqlx::AssertSqlSafe(sql)).bind(id).fetch_optional(connection).await?;
    row.filter(|row| inside(scope, row)).ok_or(StoreError::NotFound { what: kind.code() })
}

type Shown<'a> = Option<(&'a SetRow, &'a serde_json::Value)>;

async fn note(
    connection: &mut SqliteConnection,
    actor: &Actor,
    now: UnixMs,
    action: &'static str,
    kind: SetKind,
    (before, after): (Shown<'_>, Shown<'_>),
) -> Result<(), StoreError> {
    let Some((row, _)) = after.or(before) else { return Ok(()) };
    let json = |shown: Shown<'_>| {
        shown.map(|(row, body)| {
            serde_json::json!({
                "name": row.name, "enabled": row.enabled, "rank": row.rank,
                "organisation_id": row.organisation_id, "body": body,
            })
        })
    };
    let entry = AuditEntry {
        at: now,
        actor: actor.clone(),
        action,
        object: AuditObject {
            kind: kind.code(),
            id: row.id.to_string(),
            name: row.name.clone(),
            place: row.organisation_path.clone().map(|path| (path, AreaCode(String::new()))),
        },
        before: json(before),
        after: json(after),
    };
    audit::append(connection, &entry).await
}
