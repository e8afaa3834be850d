//! Sealed history in files of its own, one per month (`history/2026-11.db`), opened when they are needed. A month that
//! nobody has to keep is a file that is deleted. What is damaged in them is remembered and told; the rest is served.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use sqlx::SqlitePool;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use tokio::sync::OnceCell;

use super::calendar::{Month, day_of};
use crate::error::StoreError;
use crate::private::{ensure_file, make_folder};

pub(crate) static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!("./migrations_history");

/// Beside the database.
const FOLDER: &str = "history";
const SUFFIX: &str = ".db";

/// How long a file that nobody reads stays open.
const IDLE: Duration = Duration::from_secs(600);

/// The most damage that is remembered by name; more of it is only counted as this much.
const MOST_DAMAGE: usize = 1000;

/// Something of the history that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damage {
    /// Which month's file, `2026-11`.
    pub file: String,
    /// Whose chunk of which day since 1970; `None` is the file as a whole.
    pub chunk: Option<(domain::id::DetectorId, i64)>,
    /// What was found.
    pub what: String,
}

/// A file, and a detector and day in it.
type Place = (Month, Option<(i64, i64)>);

type Slot = Arc<OnceCell<SqlitePool>>;

#[derive(Debug)]
pub(crate) struct Partitions {
    folder: PathBuf,
    busy: Duration,
    slots: Mutex<BTreeMap<Month, Slot>>,
    damage: Mutex<BTreeMap<Place, String>>,
}

impl Partitions {
    /// The months that are there; none is opened.
    pub(crate) fn find(data: &Path, busy: Duration) -> Result<Self, StoreError> {
        let folder = data.join(FOLDER);
        let mut slots = BTreeMap::new();
        let failed = |source| StoreError::Folder { path: folder.display().to_string(), source };
        match std::fs::read_dir(&folder) {
            Ok(entries) => {
                for entry in entries {
                    let name = entry.map_err(failed)?.file_name();
                    let month =
                        name.to_str().and_then(|name| name.strip_suffix(SUFFIX)).and_then(Month::parse);
                    slots.extend(month.map(|month| (month, Slot::default())));
                }
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(failed(error)),
        }
        Ok(Self { folder, busy, slots: Mutex::new(slots), damage: Mutex::default() })
    }

    /// Where the files lie.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// The months that are there, oldest first.
    pub(crate) fn months(&self) -> Vec<Month> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner).keys().copied().collect()
    }

    /// The file of a month, if it is there and can be read.
    pub(crate) async fn there(&self, month: Month) -> Result<Option<SqlitePool>, StoreError> {
        let slot = self.slots.lock().unwrap_or_else(PoisonError::into_inner).get(&month).cloned();
        let Some(slot) = slot else { return Ok(None) };
        match slot.get_or_try_init(|| self.open(month)).await {
            Ok(pool) => Ok(Some(pool.clone())),
            Err(error @ (StoreError::Corrupt { .. } | StoreError::Migrate(_))) => {
                self.damaged(month, None, &error.to_string());
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// The file of a month, made when it is not there.
    pub(crate) async fn made(&self, month: Month) -> Result<SqlitePool, StoreError> {
        let slot = {
            let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(slots.entry(month).or_default())
        };
        Ok(slot.get_or_try_init(|| self.open(month)).await?.clone())
    }

    async fn open(&self, month: Month) -> Result<SqlitePool, StoreError> {
        let file = self.file(month);
        let failed = |source| StoreError::Folder { path: file.display().to_string(), source };
        make_folder(&self.folder).map_err(failed)?;
        ensure_file(&file).map_err(failed)?;
        let options = SqliteConnectOptions::new()
            .filename(&file)
            .busy_timeout(self.busy)
            .journal_mode(SqliteJournalMode::Wal)
            // Not mapped into memory: a sector that cannot be read would be a signal that ends the process.
            .synchronous(SqliteSynchronous::Full);
        let pool = SqlitePoolOptions::new()
            .max_connections(3)
            .acquire_timeout(self.busy)
            .idle_timeout(IDLE)
            .connect_with(options)
            .await?;
        match MIGRATIONS.run(&pool).await {
            Ok(()) => Ok(pool),
            Err(sqlx::migrate::MigrateError::Execute(error)) => Err(error.into()),
            Err(error) => Err(error.into()),
        }
    }

    fn file(&self, month: Month) -> PathBuf {
        self.folder.join(format!("{month}{SUFFIX}"))
    }

    /// Lets go of a month: its file is gone at once, whoever reads it still reads it to the end.
    pub(crate) async fn drop_month(&self, month: Month) -> Result<(), StoreError> {
        let slot = self.slots.lock().unwrap_or_else(PoisonError::into_inner).remove(&month);
        if let Some(pool) = slot.as_ref().and_then(|slot| slot.get()) {
            pool.close().await;
        }
        self.damage.lock().unwrap_or_else(PoisonError::into_inner).retain(|(had, _), _| *had != month);
        let file = self.file(month);
        let beside = |more: &str| PathBuf::from(format!("{}{more}", file.display()));
        // The database last: what is left after a crash in between is a month without its log, and is dropped again.
        for path in [beside("-wal"), beside("-shm"), file.clone()] {
            match std::fs::remove_file(&path) {
                Ok(()) => {}
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                Err(source) => return Err(StoreError::Folder { path: path.display().to_string(), source }),
            }
        }
        Ok(())
    }

    pub(crate) async fn close(&self) {
        let slots = std::mem::take(&mut *self.slots.lock().unwrap_or_else(PoisonError::into_inner));
        for slot in slots.into_values() {
            if let Some(pool) = slot.get() {
                pool.close().await;
            }
        }
    }

    /// Remembers that something cannot be read, and says so the first time.
    pub(crate) fn damaged(&self, month: Month, chunk: Option<(i64, i64)>, what: &str) {
        let mut damage = self.damage.lock().unwrap_or_else(PoisonError::into_inner);
        if damage.len() < MOST_DAMAGE && damage.insert((month, chunk), what.to_owned()).is_none() {
            let (detector, day) = chunk.unzip();
            tracing::error!(%month, detector, day, what, "history cannot be read; the rest of it is served");
        }
    }

    /// What is known to be damaged.
    pub(crate) fn damage(&self) -> Vec<Damage> {
        let damage = self.damage.lock().unwrap_or_else(PoisonError::into_inner);
        let one = |((month, chunk), what): (&Place, &String)| Damage {
            file: month.to_string(),
            chunk: chunk.map(|(detector, day)| (domain::id::DetectorId(detector), day)),
            what: what.clone(),
        };
        damage.iter().map(one).collect()
    }

    /// The end of the newest sealed day, ms; and the greatest `reading.seq` that any file has taken in.
    pub(crate) async fn reach(&self) -> Result<(Option<i64>, i64), StoreError> {
        let (mut end, mut greatest) = (None, 0);
        for month in self.months().into_iter().rev() {
            let Some(pool) = self.there(month).await? else { continue };
            let read: Result<(i64, Option<i64>), sqlx::Error> =
                sqlx::query_as("SELECT tail_seq, (SELECT max(key) FROM chunk) FROM taken")
                    .fetch_one(&pool)
                    .await;
            match read.map_err(StoreError::from) {
                Ok((seq, key)) => {
                    greatest = greatest.max(seq);
                    end = end.or(key.map(|key| (key_parts(key).0 + 1) * super::calendar::DAY_MS));
                }
                Err(StoreError::Corrupt { what }) => self.damaged(month, None, &what),
                Err(error) => return Err(error),
            }
        }
        Ok((end, greatest))
    }
}

/// The key of a chunk: rises by day, then by detector.
pub(crate) const fn key_of(day: i64, detector: i64) -> i64 {
    (day << 32) | (detector & 0xffff_ffff)
}

/// Day and detector of a key.
pub(crate) const fn key_parts(key: i64) -> (i64, i64) {
    (key >> 32, key & 0xffff_ffff)
}

/// The months from the one that holds `from` to the one that holds the moment before `to`, both ms.
pub(crate) fn months_between(from: i64, to: i64) -> std::ops::RangeInclusive<Month> {
    Month::of_day(day_of(from))..=Month::of_day(day_of(to.saturating_sub(1)))
}
