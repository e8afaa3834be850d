//! Sealed history in files of its own, opened when they are needed: chunks in one per month (`history/2026-11.db`), roll-ups
//! beside them in files that can be kept longer. What nobody has to keep is a file that is deleted. What is damaged in
//! them is remembered and told; the rest is served.

use std::collections::BTreeMap;
use std::fmt;
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
pub(crate) static ROLLUP_MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!("./migrations_rollups");

/// What a file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Kind {
    /// Chunks of a month.
    Chunks,
    /// Roll-ups of 15 minutes, a row per detector and day; of a month that is not put together yet, and of late data.
    Open,
    /// Roll-ups of 15 minutes, a row per detector; of a month that has ended.
    Quarters,
    /// Roll-ups of 1 day, a row per detector and month; of a year.
    Days,
}

impl Kind {
    const fn ending(self) -> &'static str {
        match self {
            Self::Chunks => "",
            Self::Open => ".open",
            Self::Quarters => ".quarters",
            Self::Days => ".days",
        }
    }
}

/// One file of the history.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Part {
    pub(crate) kind: Kind,
    /// Its month; January where it holds a year.
    pub(crate) month: Month,
}

impl Part {
    pub(crate) const fn new(kind: Kind, month: Month) -> Self {
        match kind {
            Kind::Chunks | Kind::Open | Kind::Quarters => Self { kind, month },
            Kind::Days => Self { kind, month: month.january() },
        }
    }

    /// From its name, `2026-11`, `2026-11.quarters` or `2026.days`.
    fn parse(name: &str) -> Option<Self> {
        let (month, kind) = match name.split_once('.') {
            None => (name.to_owned(), Kind::Chunks),
            Some((month, "open")) => (month.to_owned(), Kind::Open),
            Some((month, "quarters")) => (month.to_owned(), Kind::Quarters),
            Some((year, "days")) => (format!("{year}-01"), Kind::Days),
            Some(_) => return None,
        };
        Some(Self { kind, month: Month::parse(&month)? })
    }
}

impl fmt::Display for Part {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            Kind::Chunks | Kind::Open | Kind::Quarters => write!(to, "{}{}", self.month, self.kind.ending()),
            Kind::Days => write!(to, "{:04}{}", self.month.year(), self.kind.ending()),
        }
    }
}

/// Beside the database.
const FOLDER: &str = "history";
const SUFFIX: &str = ".db";

/// Size of a page of a file that is made new, bytes: a chunk of some 24 KB leaves half a page empty at its end.
const PAGE_BYTES: u32 = 1024;

/// How long a file that nobody reads stays open.
const IDLE: Duration = Duration::from_secs(600);

/// The most damage that is remembered by name; more of it is only counted as this much.
const MOST_DAMAGE: usize = 1000;

/// Something of the history that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damage {
    /// Which file, `2026-11`, `2026-11.quarters` or `2026.days`.
    pub file: String,
    /// Whose chunk or roll-up, of which day since 1970 or from which day on; `None` is the file as a whole.
    pub chunk: Option<(domain::id::DetectorId, i64)>,
    /// What was found.
    pub what: String,
}

/// A file, and a detector and day in it.
type Place = (Part, Option<(i64, i64)>);

type Slot = Arc<OnceCell<SqlitePool>>;

#[derive(Debug)]
pub(crate) struct Partitions {
    folder: PathBuf,
    busy: Duration,
    slots: Mutex<BTreeMap<Part, Slot>>,
    damage: Mutex<BTreeMap<Place, String>>,
}

impl Partitions {
    /// The files that are there; none is opened.
    pub(crate) fn find(data: &Path, busy: Duration) -> Result<Self, StoreError> {
        let folder = data.join(FOLDER);
        let mut slots = BTreeMap::new();
        let failed = |source| StoreError::Folder { path: folder.display().to_string(), source };
        match std::fs::read_dir(&folder) {
            Ok(entries) => {
                for entry in entries {
                    let name = entry.map_err(failed)?.file_name();
                    let part = name.to_str().and_then(|name| name.strip_suffix(SUFFIX)).and_then(Part::parse);
                    slots.extend(part.map(|part| (part, Slot::default())));
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

    /// The months (years, of days) of which there are files of a kind, oldest first.
    pub(crate) fn months(&self, kind: Kind) -> Vec<Month> {
        let slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        slots.keys().filter(|part| part.kind == kind).map(|part| part.month).collect()
    }

    /// A file, if it is there and can be read.
    pub(crate) async fn there(&self, part: Part) -> Result<Option<SqlitePool>, StoreError> {
        let slot = self.slots.lock().unwrap_or_else(PoisonError::into_inner).get(&part).cloned();
        let Some(slot) = slot else { return Ok(None) };
        match slot.get_or_try_init(|| self.open(part)).await {
            Ok(pool) => Ok(Some(pool.clone())),
            Err(error @ (StoreError::Corrupt { .. } | StoreError::Migrate(_))) => {
                self.damaged(part, None, &error.to_string());
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// A file, made when it is not there.
    pub(crate) async fn made(&self, part: Part) -> Result<SqlitePool, StoreError> {
        let slot = {
            let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(slots.entry(part).or_default())
        };
        Ok(slot.get_or_try_init(|| self.open(part)).await?.clone())
    }

    async fn open(&self, part: Part) -> Result<SqlitePool, StoreError> {
        let file = self.file(part);
        let failed = |source| StoreError::Folder { path: file.display().to_string(), source };
        make_folder(&self.folder).map_err(failed)?;
        ensure_file(&file).map_err(failed)?;
        let options = SqliteConnectOptions::new()
            .filename(&file)
            .busy_timeout(self.busy)
            .journal_mode(SqliteJournalMode::Wal)
            // Not mapped into memory: a sector that cannot be read would be a signal that ends the process.
            .synchronous(SqliteSynchronous::Full)
            .page_size(PAGE_BYTES);
        let pool = SqlitePoolOptions::new()
            .max_connections(3)
            .acquire_timeout(self.busy)
            .idle_timeout(IDLE)
            .connect_with(options)
            .await?;
        let migrated = match part.kind {
            Kind::Chunks => MIGRATIONS.run(&pool).await,
            Kind::Open | Kind::Quarters | Kind::Days => ROLLUP_MIGRATIONS.run(&pool).await,
        };
        match migrated {
            Ok(()) => Ok(pool),
            Err(sqlx::migrate::MigrateError::Execute(error)) => Err(error.into()),
            Err(error) => Err(error.into()),
        }
    }

    fn file(&self, part: Part) -> PathBuf {
        self.folder.join(format!("{part}{SUFFIX}"))
    }

    /// Lets go of a file: it is gone at once, whoever reads it still reads it to the end.
    pub(crate) async fn drop_part(&self, part: Part) -> Result<(), StoreError> {
        let slot = self.slots.lock().unwrap_or_else(PoisonError::into_inner).remove(&part);
        if let Some(pool) = slot.as_ref().and_then(|slot| slot.get()) {
            pool.close().await;
        }
        self.damage.lock().unwrap_or_else(PoisonError::into_inner).retain(|(had, _), _| *had != part);
        let file = self.file(part);
        let beside = |more: &str| PathBuf::from(format!("{}{more}", file.display()));
        // The database last: what is left after a crash in between is a file without its log, and is dropped again.
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
    pub(crate) fn damaged(&self, part: Part, chunk: Option<(i64, i64)>, what: &str) {
        let mut damage = self.damage.lock().unwrap_or_else(PoisonError::into_inner);
        if damage.len() < MOST_DAMAGE && damage.insert((part, chunk), what.to_owned()).is_none() {
            let (detector, day) = chunk.unzip();
            tracing::error!(file = %part, detector, day, what, "history cannot be read; the rest of it is served");
        }
    }

    /// What is known to be damaged.
    pub(crate) fn damage(&self) -> Vec<Damage> {
        let damage = self.damage.lock().unwrap_or_else(PoisonError::into_inner);
        let one = |((part, chunk), what): (&Place, &String)| Damage {
            file: part.to_string(),
            chunk: chunk.map(|(detector, day)| (domain::id::DetectorId(detector), day)),
            what: what.clone(),
        };
        damage.iter().map(one).collect()
    }

    /// Whether something of a file is known to be damaged.
    pub(crate) fn is_damaged(&self, part: Part) -> bool {
        let damage = self.damage.lock().unwrap_or_else(PoisonError::into_inner);
        damage.keys().any(|(had, _)| *had == part)
    }

    /// Whether something of the roll-ups is known to be damaged.
    pub(crate) fn is_any_rollup_damaged(&self) -> bool {
        let damage = self.damage.lock().unwrap_or_else(PoisonError::into_inner);
        damage.keys().any(|(part, _)| part.kind != Kind::Chunks)
    }

    /// The end of the newest sealed day, ms; and the greatest `reading.seq` that any file has taken in.
    pub(crate) async fn reach(&self) -> Result<(Option<i64>, i64), StoreError> {
        let (mut end, mut greatest) = (None, 0);
        for kind in [Kind::Chunks, Kind::Open, Kind::Quarters] {
            for month in self.months(kind).into_iter().rev() {
                let part = Part::new(kind, month);
                let Some(pool) = self.there(part).await? else { continue };
                let sql = match kind {
                    Kind::Chunks => "SELECT tail_seq, (SELECT max(key) FROM chunk) FROM taken",
                    Kind::Open | Kind::Quarters | Kind::Days => "SELECT tail_seq, NULL FROM taken",
                };
                let read: Result<(i64, Option<i64>), sqlx::Error> =
                    sqlx::query_as(sql).fetch_one(&pool).await;
                match read.map_err(StoreError::from) {
                    Ok((seq, key)) => {
                        greatest = greatest.max(seq);
                        end = end.or(key.map(|key| (key_parts(key).0 + 1) * super::calendar::DAY_MS));
                    }
                    Err(StoreError::Corrupt { what }) => self.damaged(part, None, &what),
                    Err(error) => return Err(error),
                }
            }
        }
        Ok((end, greatest))
    }
}

/// The key of a row: rises by day (or month, where a row holds one), then by detector.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_files_go_there_and_back() {
        let month = Month::of_day(20_782);
        let all = [Kind::Chunks, Kind::Open, Kind::Quarters, Kind::Days];
        let names = all.map(|kind| Part::new(kind, month).to_string());
        assert_eq!(names, ["2026-11", "2026-11.open", "2026-11.quarters", "2026.days"]);
        for (kind, name) in all.into_iter().zip(names) {
            assert_eq!(Part::parse(&name), Some(Part::new(kind, month)));
        }
        for wrong in ["2026-11.hours", "2026.quarters", "days", "2026-11.days"] {
            assert_eq!(Part::parse(wrong), None, "{wrong}");
        }
    }
}
