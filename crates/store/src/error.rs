//! Why the store did not do it, and whether trying again can help.

use sqlx::error::{DatabaseError, ErrorKind};

/// Why the store did not do it.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// There is no such thing, or it is outside the caller's scope: the two are not told apart.
    #[error("no such {what}")]
    NotFound {
        /// `site`, `alarm`, `detector` ...
        what: &'static str,
    },
    /// Somebody else changed it in between; read it again.
    #[error("{what} has version {current}, the change was made for version {wanted}")]
    Conflict {
        /// `site`, `alarm`, `detector` ...
        what: &'static str,
        /// The version in the store.
        current: i64,
        /// The version that the caller had read.
        wanted: i64,
    },
    /// A field cannot be like this. `code` is stable, for the screens' words.
    #[error("{field}: {message}")]
    Invalid {
        /// Which field of the request.
        field: &'static str,
        /// `unknown`, `taken`, `out_of_range`, `required`, `cycle`, `malformed` ...
        code: &'static str,
        /// What was had and what was wanted.
        message: String,
    },
    /// It cannot go while something hangs on it.
    #[error("{what} still has {by}")]
    InUse {
        /// What should have gone.
        what: &'static str,
        /// What hangs on it.
        by: &'static str,
    },
    /// The disk, or the hard limit of the data folder, is full. Trying again helps once there is room.
    #[error("the store is full")]
    Full,
    /// The disk gives errors, or lets nothing be written. Trying again helps once it is in order.
    #[error("the disk takes no writes: {what}")]
    Disk {
        /// What SQLite says.
        what: String,
    },
    /// Another writer held the store for too long. Trying again can help.
    #[error("the store is busy")]
    Busy,
    /// What is stored cannot be read.
    #[error("stored data are damaged: {what}")]
    Corrupt {
        /// What was found where.
        what: String,
    },
    /// The data folder cannot be used.
    #[error("data folder {path}: {source}")]
    Folder {
        /// Which.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// The schema could not be brought up to date.
    #[error("migration: {0}")]
    Migrate(#[from] sqlx::migrate::MigrateError),
    /// Any other refusal of the database.
    #[error("database: {0}")]
    Sql(sqlx::Error),
}

impl StoreError {
    /// Whether the same call can succeed later without anybody changing it.
    #[must_use]
    pub const fn is_transient(&self) -> bool {
        matches!(self, Self::Full | Self::Disk { .. } | Self::Busy)
    }

    pub(crate) fn invalid(field: &'static str, code: &'static str, message: impl Into<String>) -> Self {
        Self::Invalid { field, code, message: message.into() }
    }

    pub(crate) fn corrupt(what: impl Into<String>) -> Self {
        Self::Corrupt { what: what.into() }
    }

    /// Turns a broken unique index into a word about `field`; leaves everything else as it is.
    pub(crate) fn or_taken(self, field: &'static str) -> Self {
        match self {
            Self::Sql(sqlx::Error::Database(database)) if database.kind() == ErrorKind::UniqueViolation => {
                Self::invalid(field, "taken", "this value is used by another one")
            }
            other => other,
        }
    }

    /// Turns a broken foreign key into a word about what hangs on it; leaves everything else as it is.
    pub(crate) fn or_in_use(self, what: &'static str, by: &'static str) -> Self {
        match self {
            Self::Sql(sqlx::Error::Database(database))
                if database.kind() == ErrorKind::ForeignKeyViolation =>
            {
                Self::InUse { what, by }
            }
            other => other,
        }
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        match &error {
            sqlx::Error::Database(database) => of_database(database.as_ref()).unwrap_or(Self::Sql(error)),
            sqlx::Error::PoolTimedOut => Self::Busy,
            _ => Self::Sql(error),
        }
    }
}

/// SQLite's extended result codes, <https://www.sqlite.org/rescode.html>.
fn of_database(database: &dyn DatabaseError) -> Option<StoreError> {
    let code: i32 = database.code()?.parse().ok()?;
    match (code & 0xff, code) {
        // SQLITE_FULL
        (13, _) => Some(StoreError::Full),
        // SQLITE_IOERR_READ, _SHORT_READ, _DATA, _CORRUPTFS: a sector that cannot be read, a file that was cut.
        (_, 266 | 522 | 8202 | 8458) => {
            Some(StoreError::corrupt(format!("it cannot be read: {}", database.message())))
        }
        // Every other SQLITE_IOERR, SQLITE_READONLY, SQLITE_CANTOPEN
        (10 | 8 | 14, _) => Some(StoreError::Disk { what: format!("{} (code {code})", database.message()) }),
        // SQLITE_BUSY, SQLITE_LOCKED
        (5 | 6, _) => Some(StoreError::Busy),
        // SQLITE_CORRUPT, SQLITE_NOTADB
        (11 | 26, _) => Some(StoreError::corrupt(database.message())),
        _ => None,
    }
}
