//! Opening a data folder. One connection writes (`BEGIN IMMEDIATE`, so that nobody upgrades a lock in the
//! middle), some read; WAL, and `synchronous=FULL` because confirmed means durable (invariant 1).

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use sqlx::migrate::Migrator;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{Connection, Executor, Sqlite, SqlitePool, Transaction};

use crate::backup::restore::UNFINISHED;
use crate::error::StoreError;
use crate::history::{DAY_MS, Kind, Partitions, Round};
use crate::private::{ensure_file, make_folder};

/// Size of a page of the database, bytes.
pub(crate) const PAGE_BYTES: u64 = 4096;

/// Checkpoint after so many pages of WAL: keeps the stall of a checkpoint near 35 ms (measured on a virtual
/// disk) while the WAL stays below some 16 MB.
const WAL_PAGES: &str = "4000";

/// Prepared statements that a connection keeps: every length of every bulk statement, and all others.
const STATEMENTS: usize = 256;

static RECORDS: Migrator = sqlx::migrate!("./migrations");
static TELEGRAMS: Migrator = sqlx::migrate!("./migrations_telegrams");

/// The newest schema that this program knows of each database; those of the history are named by their folder.
pub(crate) fn schemas() -> [(&'static str, i64); 3] {
    let newest = |of: &Migrator| of.iter().map(|one| one.version).max().unwrap_or(0);
    [
        ("emberwatch.db", newest(&RECORDS)),
        ("telegrams.db", newest(&TELEGRAMS)),
        ("history/", newest(&crate::history::MIGRATIONS)),
    ]
}

/// How a data folder is opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// The database file never grows beyond this; commits then fail with [`StoreError::Full`]. `None` leaves
    /// it to the disk.
    pub hard_limit_bytes: Option<u64>,
    /// Connections that read at the same time.
    pub readers: u32,
    /// How long a writer waits for its turn, ms.
    pub busy_ms: u64,
    /// Bounds of the telegram log.
    pub telegrams: TelegramBounds,
    /// Terminals that wait for admission, and refused ones, are kept up to this number each; then those
    /// unseen for longest go.
    pub pending_bound: u32,
}

/// Bounds of the telegram log, rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TelegramBounds {
    /// Understood telegrams per terminal.
    pub per_terminal: u32,
    /// Refused telegrams per terminal; kept beside the understood ones, so that these do not push them out.
    pub refused_per_terminal: u32,
    /// Understood telegrams in all.
    pub total: u32,
    /// Refused telegrams in all.
    pub refused_total: u32,
    /// The most bytes kept of one telegram.
    pub bytes_each: u32,
}

impl Default for TelegramBounds {
    fn default() -> Self {
        Self {
            per_terminal: 300,
            refused_per_terminal: 200,
            total: 200_000,
            refused_total: 50_000,
            bytes_each: 2048,
        }
    }
}

impl Default for Options {
    fn default() -> Self {
        Self {
            hard_limit_bytes: None,
            readers: 4,
            busy_ms: 10_000,
            telegrams: TelegramBounds::default(),
            pending_bound: 1000,
        }
    }
}

/// An open data folder; cheap to clone.
#[derive(Debug, Clone)]
pub struct Store {
    pub(crate) inner: Arc<Inner>,
}

#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) folder: PathBuf,
    pub(crate) options: Options,
    pub(crate) write: SqlitePool,
    pub(crate) read: SqlitePool,
    pub(crate) telegrams: SqlitePool,
    /// Telegrams since the log was last cut to its total bound.
    pub(crate) telegrams_uncut: AtomicU64,
    /// The (detector, group) pairs that `reading_group` holds.
    pub(crate) groups: Mutex<HashSet<(i64, u8)>>,
    pub(crate) hard_limit_pages: Arc<AtomicU64>,
    /// Sealed history, a file per month.
    pub(crate) partitions: Partitions,
    /// Before this there may be chunks, ms.
    sealed_to: AtomicI64,
    /// Whether all sealed history has roll-ups: not so until what an older version kept was caught up with.
    is_rolled: AtomicBool,
    /// The round of sealing that is under way; one step at a time.
    pub(crate) sealing: tokio::sync::Mutex<Round>,
    /// Rises with every change of settings or placement.
    pub(crate) settings_version: AtomicI64,
}

impl Store {
    /// Opens the data folder, makes it when it is not there, and brings its schema up to date.
    ///
    /// # Errors
    /// [`StoreError::Folder`] when the folder cannot be made, [`StoreError::Migrate`] when the schema is of a
    /// newer version, [`StoreError::Corrupt`] when the file is no database.
    pub async fn open(folder: &Path, options: Options) -> Result<Self, StoreError> {
        let failed = |source| StoreError::Folder { path: folder.display().to_string(), source };
        make_folder(folder).map_err(failed)?;
        let (records_file, telegrams_file) = (folder.join("emberwatch.db"), folder.join("telegrams.db"));
        if folder.join(UNFINISHED).exists() {
            let words = "a restore into it did not come to its end; empty it and restore again";
            return Err(failed(std::io::Error::other(words)));
        }
        for file in [&records_file, &telegrams_file] {
            ensure_file(file).map_err(failed)?;
        }
        let busy = Duration::from_millis(options.busy_ms);
        let base = SqliteConnectOptions::new()
            .create_if_missing(true)
            .busy_timeout(busy)
            .foreign_keys(true)
            .journal_mode(SqliteJournalMode::Wal);
        let records = base
            .clone()
            .filename(records_file)
            .synchronous(SqliteSynchronous::Full)
            .pragma("wal_autocheckpoint", WAL_PAGES)
            .statement_cache_capacity(STATEMENTS)
            .pragma("cache_size", "-65536")
            .pragma("temp_store", "MEMORY");

        let pages = options.hard_limit_bytes.map_or(0, |bytes| (bytes / PAGE_BYTES).max(1));
        let hard_limit_pages = Arc::new(AtomicU64::new(pages));
        let limit = Arc::clone(&hard_limit_pages);
        let write = SqlitePoolOptions::new()
            .max_connections(1)
            .acquire_timeout(busy)
            .idle_timeout(None)
            .max_lifetime(None)
            // A full disk makes SQLite roll back by itself; the driver's own rollback then fails and the connection
            // believes for ever that it is inside a transaction. It is thrown away for a new one.
            .before_acquire(|connection, _meta| Box::pin(async move { Ok(!connection.is_in_transaction()) }))
            .after_connect(move |connection, _meta| {
                let pages = limit.load(Ordering::SeqCst);
                Box::pin(async move {
                    connection.execute(sqlx::AssertSqlSafe(page_limit_sql(pages))).await?;
                    Ok(())
                })
            })
            .connect_with(records.clone())
            .await?;
        RECORDS.run(&write).await?;

        let read = SqlitePoolOptions::new()
            .max_connections(options.readers.max(1))
            .acquire_timeout(busy)
            .connect_with(records.pragma("query_only", "ON"))
            .await?;
        let telegrams = SqlitePoolOptions::new()
            .max_connections(1)
            .acquire_timeout(busy)
            .idle_timeout(None)
            .max_lifetime(None)
            .connect_with(base.filename(telegrams_file).synchronous(SqliteSynchronous::Normal))
            .await?;
        TELEGRAMS.run(&telegrams).await?;

        let groups: Vec<(i64, i64)> =
            sqlx::query_as("SELECT detector_id, grp FROM reading_group").fetch_all(&read).await?;
        let groups = groups
            .into_iter()
            .filter_map(|(detector, group)| Some((detector, u8::try_from(group).ok()?)))
            .collect();
        let partitions = Partitions::find(folder, busy)?;
        let (sealed_to, taken) = partitions.reach().await?;
        number_after(&write, taken).await?;
        let is_rolled = crate::history::is_rolled(&write, &partitions).await?;
        let store = Self {
            inner: Arc::new(Inner {
                folder: folder.to_owned(),
                options,
                write,
                read,
                telegrams,
                telegrams_uncut: AtomicU64::new(0),
                groups: Mutex::new(groups),
                hard_limit_pages,
                partitions,
                sealed_to: AtomicI64::new(sealed_to.unwrap_or(i64::MIN)),
                is_rolled: AtomicBool::new(is_rolled),
                sealing: tokio::sync::Mutex::default(),
                settings_version: AtomicI64::new(0),
            }),
        };
        let version = store.meta_number("settings_version").await?.unwrap_or(1);
        store.inner.settings_version.store(version, Ordering::SeqCst);
        Ok(store)
    }

    /// The data folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.inner.folder
    }

    /// Moves the WAL into the database and closes the files. Clones of this store are closed too.
    pub async fn close(&self) {
        self.inner.read.close().await;
        self.inner.telegrams.close().await;
        self.inner.partitions.close().await;
        if let Err(error) = sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)").execute(&self.inner.write).await {
            tracing::warn!(%error, "checkpoint before closing failed; the next start does it");
        }
        self.inner.write.close().await;
    }

    /// Changes the hard limit of the database file while it is open; `None` lifts it.
    ///
    /// # Errors
    /// [`StoreError::Busy`] when the writer is held for too long.
    pub async fn set_hard_limit(&self, bytes: Option<u64>) -> Result<(), StoreError> {
        let pages = bytes.map_or(0, |bytes| (bytes / PAGE_BYTES).max(1));
        self.inner.hard_limit_pages.store(pages, Ordering::SeqCst);
        self.inner.write.execute(sqlx::AssertSqlSafe(page_limit_sql(pages))).await?;
        Ok(())
    }

    /// A transaction of the one writer.
    pub(crate) async fn begin(&self) -> Result<Transaction<'static, Sqlite>, StoreError> {
        Ok(self.inner.write.begin_with("BEGIN IMMEDIATE").await?)
    }

    /// Before this there may be chunks, ms; whatever counts for later is in the tail.
    pub(crate) fn sealed_to(&self) -> i64 {
        self.inner.sealed_to.load(Ordering::SeqCst)
    }

    /// No chunk holds anything from before this, ms; `None` when there is no chunk.
    pub(crate) fn sealed_from(&self) -> Option<i64> {
        self.inner.partitions.months(Kind::Chunks).first().map(|month| month.first_day() * DAY_MS)
    }

    pub(crate) fn raise_sealed_to(&self, to: i64) {
        self.inner.sealed_to.fetch_max(to, Ordering::SeqCst);
    }

    pub(crate) fn is_rolled(&self) -> bool {
        self.inner.is_rolled.load(Ordering::SeqCst)
    }

    pub(crate) fn caught_up(&self) {
        self.inner.is_rolled.store(true, Ordering::SeqCst);
    }

    /// What of the sealed history is known to be unreadable.
    #[must_use]
    pub fn history_damage(&self) -> Vec<crate::history::Damage> {
        self.inner.partitions.damage()
    }

    pub(crate) fn reader(&self) -> &SqlitePool {
        &self.inner.read
    }
}

/// Readings get numbers after `taken`: where somebody put an older database beside newer history, a number of the old
/// one would stand in a chunk already, and the reading that gets it would pass for sealed.
async fn number_after(write: &SqlitePool, taken: i64) -> Result<(), StoreError> {
    let last: Option<i64> = sqlx::query_scalar("SELECT seq FROM sqlite_sequence WHERE name = 'reading'")
        .fetch_optional(write)
        .await?;
    let sql = match last {
        Some(last) if last >= taken => return Ok(()),
        Some(_) => "UPDATE sqlite_sequence SET seq = $1 WHERE name = 'reading'",
        None if taken == 0 => return Ok(()),
        None => "INSERT INTO sqlite_sequence (name, seq) VALUES ('reading', $1)",
    };
    sqlx::query(sql).bind(taken).execute(write).await?;
    Ok(())
}

/// SQLite takes 0 as "no change", so that lifting the limit is the greatest number it knows.
fn page_limit_sql(pages: u64) -> String {
    let pages = if pages == 0 { 4_294_967_294 } else { pages };
    format!("PRAGMA max_page_count = {pages}")
}
