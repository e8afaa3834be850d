//! A database of the data folder, as a backup and a check see it. Only through SQLite: a process that closes a database
//! file which it opened by itself lets go of the locks that SQLite holds on it.

use std::path::Path;
use std::time::Duration;

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _, SqliteConnection};

use crate::error::StoreError;

/// How long another one that writes is waited for.
const BUSY: Duration = Duration::from_secs(10);

/// The most lost references that are told.
const MOST_LINES: i64 = 20;

/// What a copy is worth.
pub(super) struct Copied {
    /// The newest migration.
    pub(super) schema: Option<i64>,
}

/// A database that others may use at the same time.
pub(super) async fn connect(file: &Path) -> Result<SqliteConnection, StoreError> {
    Ok(SqliteConnectOptions::new().filename(file).busy_timeout(BUSY).connect().await?)
}

/// A database that nobody writes: nothing is made beside it.
pub(super) async fn connect_still(file: &Path) -> Result<SqliteConnection, StoreError> {
    Ok(SqliteConnectOptions::new().filename(file).read_only(true).immutable(true).connect().await?)
}

/// Moves what waits in the log into the file, as far as nobody is held up; whether all of it is there now.
pub(super) async fn settle(connection: &mut SqliteConnection) -> Result<bool, StoreError> {
    let (busy, log, moved): (i64, i64, i64) =
        sqlx::query_as("PRAGMA wal_checkpoint(PASSIVE)").fetch_one(connection).await?;
    Ok(busy == 0 && log == moved)
}

/// Writes the database as it is at one moment to `into`, an empty file. Whoever writes meanwhile is not held up.
pub(super) async fn copy(connection: &mut SqliteConnection, into: &Path) -> Result<Copied, StoreError> {
    let into = into.display().to_string();
    sqlx::query("VACUUM INTO $1").bind(into).execute(&mut *connection).await?;
    Ok(Copied { schema: schema(connection).await? })
}

/// The newest migration; `None` for a database that has none.
pub(super) async fn schema(connection: &mut SqliteConnection) -> Result<Option<i64>, StoreError> {
    if !has_table(connection, "_sqlx_migrations").await? {
        return Ok(None);
    }
    let sql = "SELECT max(version) FROM _sqlx_migrations WHERE success";
    Ok(sqlx::query_scalar(sql).fetch_one(connection).await?)
}

/// The name of the installation.
pub(super) async fn instance(connection: &mut SqliteConnection) -> Result<Option<String>, StoreError> {
    let sql = "SELECT value FROM meta WHERE key = 'instance_id'";
    Ok(sqlx::query_scalar(sql).fetch_optional(connection).await?)
}

/// What is wrong in a database: its pages and indexes, its references, and the checksums of sealed days.
pub(super) async fn check(connection: &mut SqliteConnection) -> Result<Vec<String>, StoreError> {
    let mut found = lines_of(integrity(connection).await)?;
    if !found.is_empty() {
        return Ok(found);
    }
    let lost: Result<Vec<(String, Option<i64>)>, _> =
        sqlx::query_as("SELECT \"table\", rowid FROM pragma_foreign_key_check LIMIT $1")
            .bind(MOST_LINES)
            .fetch_all(&mut *connection)
            .await;
    found.extend(lost?.into_iter().map(|(table, row)| {
        format!(
            "row {} of {table} refers to one that is gone",
            row.map_or_else(String::new, |row| row.to_string())
        )
    }));
    if has_table(connection, "chunk").await? {
        found.append(&mut crate::history::damaged_chunks(connection).await?);
    }
    Ok(found)
}

async fn integrity(connection: &mut SqliteConnection) -> Result<Vec<String>, StoreError> {
    // The first twenty things are enough to know.
    let lines: Vec<String> = sqlx::query_scalar("PRAGMA integrity_check(20)").fetch_all(connection).await?;
    Ok(lines.into_iter().filter(|line| line != "ok").collect())
}

/// A database that is too damaged to be checked is damaged.
fn lines_of(checked: Result<Vec<String>, StoreError>) -> Result<Vec<String>, StoreError> {
    match checked {
        Err(StoreError::Corrupt { what }) => Ok(vec![what]),
        other => other,
    }
}

pub(super) async fn has_table(connection: &mut SqliteConnection, name: &str) -> Result<bool, StoreError> {
    let sql = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name = $1";
    let found: Option<String> =
        sqlx::query_scalar(sql).bind(name.to_owned()).fetch_optional(connection).await?;
    Ok(found.is_some())
}

/// Closes it; what fails then does no harm to what was read.
pub(super) async fn close(connection: SqliteConnection) {
    if let Err(error) = connection.close().await {
        tracing::debug!(%error, "a database that was read could not be closed in order");
    }
}
