//! Backups of a data folder, while it is in use: a folder of backups holds each content once, named by its checksum, and a
//! manifest per backup. What did not change is not copied again, and still each backup is whole by itself: nothing of it
//! refers to another one. A backup that is cut short leaves nothing but objects that the next one clears away.
//!
//! ```text
//! backups/2026-11-25T18-30-00Z.json   which files, their sizes, checksums and schema versions
//! objects/3f/3f9a…                    their bytes
//! half/                               what is being written
//! in-use                              locked by whoever works here
//! ```

mod check;
mod database;
mod manifest;
mod objects;
pub(crate) mod restore;
mod source;
mod take;

use std::collections::{HashMap, HashSet};
use std::fs::{File, TryLockError};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use domain::time::UnixMs;

use crate::actor::Actor;
use crate::audit::{self, AuditEntry, AuditObject};
use crate::error::StoreError;
use crate::private::{make_file, make_folder};
use objects::{Objects, sync_folder};

pub use check::Checked;
pub use manifest::{FileEntry, LeftOut, Manifest, Stamp};

const MANIFESTS: &str = "backups";
const SUFFIX: &str = ".json";
const LOCK: &str = "in-use";

/// Why a backup was not made, checked or restored.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// A file or folder cannot be used.
    #[error("{path}: {source}")]
    File {
        /// Which.
        path: String,
        /// Why.
        source: io::Error,
    },
    /// A database cannot be copied.
    #[error("{file}: {source}")]
    Database {
        /// Which, in the data folder.
        file: String,
        /// Why.
        source: StoreError,
    },
    /// There is nothing to be backed up.
    #[error("{path} is no data folder: it has no emberwatch.db")]
    NoData {
        /// Where.
        path: String,
    },
    /// Another one works there.
    #[error("{path} is in use by another backup, check or restore; wanted it for this one")]
    InUse {
        /// Which folder of backups.
        path: String,
    },
    /// A backup on the very disk folder that it is to save.
    #[error("{backups} lies in the data folder {data}; wanted a folder elsewhere, better on another disk")]
    Inside {
        /// The folder of backups.
        backups: String,
        /// The data folder.
        data: String,
    },
    /// There is no such backup.
    #[error("{folder} holds no backup {}", .name.as_deref().unwrap_or("at all"))]
    NotFound {
        /// The folder of backups.
        folder: String,
        /// Which was wanted; `None` is the newest.
        name: Option<String>,
    },
    /// It is not what it was.
    #[error("backup {name}: {what}")]
    Damaged {
        /// Which.
        name: String,
        /// What was found.
        what: String,
    },
    /// It was made by another version of the program, in a form that this one does not know.
    #[error("backup {name} is of format {had}, wanted {wanted}")]
    Format {
        /// Which.
        name: String,
        /// Its format.
        had: u64,
        /// The format of this program.
        wanted: u32,
    },
    /// Its database is of a newer version of the program.
    #[error(
        "backup {name}: {file} has schema {had}, this program knows up to {known}; wanted a newer program"
    )]
    Schema {
        /// Which backup.
        name: String,
        /// Which database.
        file: String,
        /// Its schema.
        had: i64,
        /// The newest schema that this program knows.
        known: i64,
    },
    /// A restore goes into a new folder only.
    #[error("{path} is not empty; wanted a new or an empty folder")]
    NotEmpty {
        /// Which.
        path: String,
    },
    /// The manifest cannot be written.
    #[error("manifest: {0}")]
    Json(#[from] serde_json::Error),
}

impl BackupError {
    fn file(path: &Path, source: io::Error) -> Self {
        Self::File { path: path.display().to_string(), source }
    }

    fn database(file: &str, source: StoreError) -> Self {
        Self::Database { file: file.to_owned(), source }
    }

    /// Whether what was looked for is gone.
    fn is_gone(&self) -> bool {
        matches!(self, Self::File { source, .. } if source.kind() == io::ErrorKind::NotFound)
    }
}

/// Work on files that may take long; `path` is for the words.
async fn blocking<T: Send + 'static>(
    path: &Path,
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> Result<T, BackupError> {
    let done = tokio::task::spawn_blocking(work).await.unwrap_or_else(|lost| Err(io::Error::other(lost)));
    done.map_err(|source| BackupError::file(path, source))
}

/// A folder of backups, open for one piece of work. Others wait until it is dropped.
#[derive(Debug)]
pub struct Backups {
    folder: PathBuf,
    objects: Objects,
    _lock: File,
}

/// A backup as a list shows it.
#[derive(Debug)]
pub struct Listed {
    /// Its name.
    pub name: String,
    /// Its manifest, or why it cannot be read.
    pub manifest: Result<Manifest, BackupError>,
}

/// What was let go of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Pruned {
    /// Backups.
    pub backups: usize,
    /// Objects that no backup needs.
    pub objects: usize,
    /// Their bytes.
    pub bytes: u64,
}

/// What came back.
#[derive(Debug)]
pub struct Restored {
    /// Of which backup.
    pub name: String,
    /// What it consists of.
    pub manifest: Manifest,
    /// What was left out because it is damaged, with what was found.
    pub without: Vec<(String, String)>,
}

impl Backups {
    /// Opens a folder of backups for writing, and makes it when it is not there.
    ///
    /// # Errors
    /// [`BackupError::InUse`] while another one works there; [`BackupError::File`].
    pub async fn make(folder: &Path) -> Result<Self, BackupError> {
        let made = folder.to_owned();
        blocking(folder, move || make_folder(&made.join(MANIFESTS))).await?;
        Self::lock(folder, File::try_lock).await
    }

    /// Opens a folder of backups that is there, for reading; others may read at the same time.
    ///
    /// # Errors
    /// [`BackupError::NotFound`] when there is none; [`BackupError::InUse`] while one writes there;
    /// [`BackupError::File`].
    pub async fn open(folder: &Path) -> Result<Self, BackupError> {
        if !folder.join(MANIFESTS).is_dir() {
            return Err(BackupError::NotFound { folder: folder.display().to_string(), name: None });
        }
        Self::lock(folder, File::try_lock_shared).await
    }

    async fn lock(folder: &Path, take: fn(&File) -> Result<(), TryLockError>) -> Result<Self, BackupError> {
        let path = folder.join(LOCK);
        // A medium that is mounted for reading only has no writer to be afraid of.
        let opened = move || {
            let file = make_file(&path).or_else(|_unwritable| File::open(&path))?;
            match take(&file) {
                Ok(()) => Ok(Some(file)),
                Err(TryLockError::WouldBlock) => Ok(None),
                Err(TryLockError::Error(error)) => Err(error),
            }
        };
        match blocking(folder, opened).await? {
            Some(lock) => Ok(Self { folder: folder.to_owned(), objects: Objects::of(folder), _lock: lock }),
            None => Err(BackupError::InUse { path: folder.display().to_string() }),
        }
    }

    /// Makes a backup of the data folder, which may be in use, and says its name. With `whole` nothing that earlier
    /// backups hold is believed to be unchanged. A part of the history that cannot be read is named in the manifest, with
    /// the copy of an earlier backup in its place.
    ///
    /// # Errors
    /// [`BackupError`]; nothing is left of the try but objects that the next one clears away.
    pub async fn take(
        &self,
        data: &Path,
        whole: bool,
        now: UnixMs,
    ) -> Result<(String, Manifest), BackupError> {
        self.check_outside(data).await?;
        take::take(self, data, whole, now).await
    }

    async fn check_outside(&self, data: &Path) -> Result<(), BackupError> {
        let (own, of) = (self.folder.clone(), data.to_owned());
        let inside = move || Ok(std::fs::canonicalize(own)?.starts_with(std::fs::canonicalize(of)?));
        if blocking(data, inside).await? {
            let backups = self.folder.display().to_string();
            return Err(BackupError::Inside { backups, data: data.display().to_string() });
        }
        Ok(())
    }

    /// Every backup, oldest first.
    ///
    /// # Errors
    /// [`BackupError::File`].
    pub async fn list(&self) -> Result<Vec<Listed>, BackupError> {
        let mut all = Vec::new();
        for name in self.names().await? {
            let manifest = self.manifest(&name).await;
            all.push(Listed { name, manifest });
        }
        Ok(all)
    }

    /// The newest backup that can be read.
    ///
    /// # Errors
    /// [`BackupError::File`].
    pub async fn newest(&self) -> Result<Option<(String, Manifest)>, BackupError> {
        for name in self.names().await?.into_iter().rev() {
            match self.manifest(&name).await {
                Ok(manifest) => return Ok(Some((name, manifest))),
                Err(error) => tracing::warn!(%error, "a backup cannot be read"),
            }
        }
        Ok(None)
    }

    /// Lets go of all but the newest `keep` backups, at least one, and of what no backup needs.
    ///
    /// # Errors
    /// [`BackupError::File`]; [`BackupError::Damaged`] when it cannot be known what a backup needs.
    pub async fn prune(&self, keep: usize) -> Result<Pruned, BackupError> {
        let names = self.names().await?;
        let old = names.len().saturating_sub(keep.max(1));
        let (gone, kept) = names.split_at_checked(old).unwrap_or((&[], &names));
        let mut needed = HashSet::new();
        for name in kept {
            needed.extend(self.manifest(name).await?.files.into_iter().map(|file| file.sha256));
        }
        for name in gone {
            let path = self.manifest_path(name);
            let manifest = path.clone();
            blocking(&path, move || std::fs::remove_file(manifest)).await?;
        }
        let objects = self.objects.clone();
        let (swept, bytes) = blocking(&self.folder, move || objects.sweep(&needed)).await?;
        Ok(Pruned { backups: gone.len(), objects: swept, bytes })
    }

    /// Checks a backup, or all of them: every checksum, and every database in it. What is found stands with its backup.
    ///
    /// # Errors
    /// [`BackupError::NotFound`]; [`BackupError::File`] and [`BackupError::Database`] when it cannot be known.
    pub async fn check(&self, name: Option<&str>) -> Result<Vec<(String, Checked)>, BackupError> {
        let names = self.names().await?;
        let wanted: Vec<&String> =
            names.iter().filter(|one| name.is_none_or(|name| name == one.as_str())).collect();
        if wanted.is_empty() {
            return Err(self.not_found(name));
        }
        let mut known = HashMap::new();
        let mut all = Vec::new();
        for name in wanted {
            let checked = match self.manifest(name).await {
                Ok(manifest) => check::backup(self, &manifest, &mut known).await?,
                Err(error @ (BackupError::Damaged { .. } | BackupError::Format { .. })) => Checked {
                    damage: vec![(format!("{name}{SUFFIX}"), error.to_string())],
                    ..Checked::default()
                },
                Err(error) => return Err(error),
            };
            all.push((name.clone(), checked));
        }
        Ok(all)
    }

    /// Brings a backup back into `to`, a new or an empty folder, after it was checked. With `despite_damage` what is
    /// damaged is left out, as far as the records are whole.
    ///
    /// # Errors
    /// [`BackupError::NotEmpty`], [`BackupError::NotFound`], [`BackupError::Schema`]; [`BackupError::Damaged`] when it is
    /// not whole; [`BackupError::File`].
    pub async fn restore(
        &self,
        name: Option<&str>,
        to: &Path,
        despite_damage: bool,
        actor: &Actor,
        now: UnixMs,
    ) -> Result<Restored, BackupError> {
        restore::check_empty(to).await?;
        let names = self.names().await?;
        let found = names.into_iter().rev().find(|one| name.is_none_or(|name| name == one.as_str()));
        let name = found.ok_or_else(|| self.not_found(name))?;
        let manifest = self.manifest(&name).await?;
        for (file, known) in crate::open::schemas() {
            let of_file = manifest.files.iter().filter(|one| one.path.starts_with(file));
            if let Some(newer) = of_file.filter(|one| one.schema > Some(known)).max_by_key(|one| one.schema) {
                let (file, had) = (newer.path.clone(), newer.schema.unwrap_or_default());
                return Err(BackupError::Schema { name, file, had, known });
            }
        }
        let checked = check::backup(self, &manifest, &mut HashMap::new()).await?;
        let is_hopeless = checked.damage.iter().any(|(file, _)| file == source::RECORDS);
        if let Some((file, what)) = checked.damage.first()
            && (is_hopeless || !despite_damage)
        {
            let many = checked.damage.len();
            let what = format!("{many} things of it are damaged, among them {file}: {what}");
            return Err(BackupError::Damaged { name, what });
        }
        let skip: Vec<String> = checked.damage.iter().map(|(file, _)| file.clone()).collect();
        restore::restore(&self.objects, &manifest, to, &skip).await?;
        let entry = entry("data.restore", &name, actor, now);
        write_down(to, &entry).await.map_err(|source| BackupError::database(source::RECORDS, source))?;
        Ok(Restored { name, manifest, without: checked.damage })
    }

    fn not_found(&self, name: Option<&str>) -> BackupError {
        BackupError::NotFound { folder: self.folder.display().to_string(), name: name.map(str::to_owned) }
    }

    /// The names of the backups, oldest first.
    async fn names(&self) -> Result<Vec<String>, BackupError> {
        let folder = self.folder.join(MANIFESTS);
        let at = folder.clone();
        blocking(&at, move || {
            let mut names = Vec::new();
            for entry in std::fs::read_dir(&folder)? {
                let name = entry?.file_name();
                names.extend(name.to_str().and_then(|name| name.strip_suffix(SUFFIX)).map(str::to_owned));
            }
            names.sort_by_cached_key(|name| manifest::order_of(name));
            Ok(names)
        })
        .await
    }

    fn manifest_path(&self, name: &str) -> PathBuf {
        self.folder.join(MANIFESTS).join(format!("{name}{SUFFIX}"))
    }

    async fn manifest(&self, name: &str) -> Result<Manifest, BackupError> {
        let (path, name) = (self.manifest_path(name), name.to_owned());
        let read = tokio::task::spawn_blocking(move || Manifest::read(&path, &name)).await;
        read.unwrap_or_else(|lost| Err(BackupError::file(&self.folder, io::Error::other(lost))))
    }

    /// Writes the manifest, by which the backup is there.
    async fn write(&self, manifest: &Manifest) -> Result<String, BackupError> {
        let bytes = manifest.to_bytes()?;
        let names = self.names().await?;
        let name = manifest::name_after(names.last().map(String::as_str), UnixMs(manifest.began_at));
        let folder = self.folder.join(MANIFESTS);
        let half = self.folder.join("half").join("manifest");
        let at = folder.clone();
        blocking(&at, move || {
            make_folder(half.parent().unwrap_or(&folder))?;
            let mut file = make_file(&half)?;
            file.set_len(0)?;
            file.write_all(&bytes)?;
            file.sync_all()?;
            std::fs::rename(&half, folder.join(format!("{name}{SUFFIX}")))?;
            sync_folder(&folder)?;
            Ok(name)
        })
        .await
    }
}

/// Checks a data folder, which may be in use: every database with its sealed days, and every picture.
///
/// # Errors
/// [`BackupError`] when it cannot be known.
pub async fn check_data(data: &Path) -> Result<Checked, BackupError> {
    check::data(data).await
}

/// Writes down in the audit log of a data folder, which may be in use, that somebody copies all of it to `to`.
///
/// # Errors
/// [`StoreError`] when it cannot be written.
pub async fn write_down_export(data: &Path, to: &Path, actor: &Actor, now: UnixMs) -> Result<(), StoreError> {
    write_down(data, &entry("data.backup", &to.display().to_string(), actor, now)).await
}

fn entry(action: &'static str, id: &str, actor: &Actor, now: UnixMs) -> AuditEntry {
    AuditEntry {
        at: now,
        actor: actor.clone(),
        action,
        object: AuditObject { kind: "backup", id: id.to_owned(), name: id.to_owned(), place: None },
        before: None,
        after: None,
    }
}

async fn write_down(data: &Path, entry: &AuditEntry) -> Result<(), StoreError> {
    use sqlx::Connection as _;
    let mut connection = database::connect(&data.join(source::RECORDS)).await?;
    let mut tx = connection.begin_with("BEGIN IMMEDIATE").await?;
    audit::append(&mut tx, entry).await?;
    tx.commit().await?;
    database::close(connection).await;
    Ok(())
}
