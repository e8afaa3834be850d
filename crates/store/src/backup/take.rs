//! Making a backup of a data folder that may be in use.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::time::Instant;

use domain::time::UnixMs;

use super::manifest::{FORMAT, FileEntry, LeftOut, Manifest, Stamp};
use super::objects::{Objects, digest};
use super::source::{self, RECORDS, Source};
use super::{BackupError, Backups, blocking, database};
use crate::error::StoreError;

/// What goes from an earlier backup into the next.
struct Before {
    name: String,
    files: HashMap<String, FileEntry>,
}

struct Taking {
    objects: Objects,
    before: Option<Before>,
    now: UnixMs,
    instance: Option<String>,
    files: Vec<FileEntry>,
    left_out: Vec<LeftOut>,
}

/// Makes a backup of the data folder. Files come before the records and once more after them: what a row of the records
/// names is there whenever it came or went. Sealed months come after the records.
pub(super) async fn take(
    backups: &Backups,
    data: &Path,
    whole: bool,
    now: UnixMs,
) -> Result<(String, Manifest), BackupError> {
    let began = Instant::now();
    let (sources, mut left_out) = find(data).await?;
    if !sources.iter().any(|source| source.name == RECORDS) {
        return Err(BackupError::NoData { path: data.display().to_string() });
    }
    let mut taking = Taking {
        objects: backups.objects.clone(),
        before: if whole { None } else { before(backups).await? },
        now,
        instance: None,
        files: Vec::new(),
        left_out: Vec::new(),
    };
    let plain = |source: &&Source| !source.database;
    for file in sources.iter().filter(plain) {
        taking.file(file).await?;
    }
    let (records, others): (Vec<&Source>, Vec<&Source>) =
        sources.iter().filter(|source| source.database).partition(|source| source.name == RECORDS);
    for file in records.into_iter().chain(others) {
        taking.database(file).await?;
    }
    let had: HashSet<&str> = sources.iter().map(|source| source.name.as_str()).collect();
    let (later, _) = find(data).await?;
    for file in later.iter().filter(plain).filter(|source| !had.contains(source.name.as_str())) {
        taking.file(file).await?;
    }
    taking.files.sort_by(|one, other| one.path.cmp(&other.path));
    left_out.append(&mut taking.left_out);
    let manifest = Manifest {
        format: FORMAT,
        program: env!("CARGO_PKG_VERSION").to_owned(),
        instance: taking.instance,
        began_at: now.0,
        took_ms: i64::try_from(began.elapsed().as_millis()).unwrap_or(i64::MAX),
        files: taking.files,
        left_out,
    };
    let name = backups.write(&manifest).await?;
    Ok((name, manifest))
}

async fn find(data: &Path) -> Result<(Vec<Source>, Vec<LeftOut>), BackupError> {
    let folder = data.to_owned();
    blocking(data, move || source::find(&folder)).await
}

async fn before(backups: &Backups) -> Result<Option<Before>, BackupError> {
    let newest = backups.newest().await?;
    Ok(newest.map(|(name, manifest)| {
        let files = manifest.files.into_iter().map(|file| (file.path.clone(), file)).collect();
        Before { name, files }
    }))
}

impl Taking {
    /// What an earlier backup has of a file that still looks the same.
    fn unchanged(&self, name: &str, stamp: Option<Stamp>) -> Option<FileEntry> {
        let had = self.before.as_ref()?.files.get(name)?;
        let same = stamp.is_some() && had.stamp == stamp && self.objects.has(&had.sha256, had.bytes);
        same.then(|| FileEntry { new: false, ..had.clone() })
    }

    async fn stamp(&self, path: &Path) -> Result<Option<Stamp>, BackupError> {
        let (file, now) = (path.to_owned(), self.now);
        blocking(path, move || Ok(source::stamp(&std::fs::metadata(file)?, now))).await
    }

    async fn file(&mut self, source: &Source) -> Result<(), BackupError> {
        let copied = async {
            let stamp = self.stamp(&source.path).await?;
            if let Some(had) = self.unchanged(&source.name, stamp) {
                return Ok(had);
            }
            let (objects, path) = (self.objects.clone(), source.path.clone());
            let kept = blocking(&source.path, move || objects.keep_copy(&path)).await?;
            Ok::<_, BackupError>(FileEntry {
                path: source.name.clone(),
                database: false,
                schema: None,
                bytes: kept.bytes,
                sha256: kept.sha256,
                stamp,
                new: kept.new,
                stale: None,
            })
        };
        match copied.await {
            Ok(entry) => self.files.push(entry),
            Err(error) if error.is_gone() => {}
            Err(error) => {
                // Whose fault it is: that of the data folder does not hold up the rest.
                let path = source.path.clone();
                let read = move || digest(&mut std::fs::File::open(path)?, &mut std::io::sink());
                match blocking(&source.path, read).await {
                    Ok(_readable) => return Err(error),
                    Err(damage) => self.keep_stale(source.name.clone(), &damage.to_string())?,
                }
            }
        }
        Ok(())
    }

    async fn database(&mut self, source: &Source) -> Result<(), BackupError> {
        match self.copied(source).await {
            Ok(entry) => self.files.push(entry),
            // A month that was let go in between.
            Err(BackupError::Database { .. }) if !source.path.exists() => {}
            Err(BackupError::Database { file, source: damage @ StoreError::Corrupt { .. } }) => {
                self.keep_stale(file, &damage.to_string())?;
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }

    async fn copied(&mut self, source: &Source) -> Result<FileEntry, BackupError> {
        let failed = |error: StoreError| BackupError::Database { file: source.name.clone(), source: error };
        let mut connection = database::connect(&source.path).await.map_err(failed)?;
        let is_settled = match database::settle(&mut connection).await {
            Ok(is_settled) => is_settled,
            Err(error @ StoreError::Corrupt { .. }) => return Err(failed(error)),
            // A disk that takes nothing can still be read.
            Err(_unwritable) => false,
        };
        let stamp = if is_settled { self.stamp(&source.path).await? } else { None };
        if source.name == RECORDS {
            self.instance = database::instance(&mut connection).await.map_err(failed)?;
        }
        if let Some(had) = self.unchanged(&source.name, stamp) {
            database::close(connection).await;
            return Ok(had);
        }
        let objects = self.objects.clone();
        let half: PathBuf = blocking(&source.path, move || objects.begin()).await?;
        let copied = database::copy(&mut connection, &half).await;
        database::close(connection).await;
        let copied = copied.map_err(failed)?;
        let objects = self.objects.clone();
        let kept = blocking(&source.path, move || objects.keep(&half)).await?;
        Ok(FileEntry {
            path: source.name.clone(),
            database: true,
            schema: copied.schema,
            bytes: kept.bytes,
            sha256: kept.sha256,
            stamp,
            new: kept.new,
            stale: None,
        })
    }

    /// A month that cannot be read: the copy of an earlier backup goes on, and it is said. The records have no stand-in.
    fn keep_stale(&mut self, file: String, damage: &str) -> Result<(), BackupError> {
        if file == RECORDS {
            return Err(BackupError::Database { file, source: StoreError::corrupt(damage) });
        }
        tracing::error!(file, damage, "a part of the data folder cannot be backed up; the rest is");
        let before = self.before.as_ref();
        let had = before.and_then(|before| Some((&before.name, before.files.get(&file)?)));
        match had.filter(|(_, had)| self.objects.has(&had.sha256, had.bytes)) {
            Some((name, had)) => {
                let since = had.stale.clone();
                let stale = since.or_else(|| Some(format!("{damage}; this is the copy of backup {name}")));
                self.files.push(FileEntry { new: false, stamp: None, stale, ..had.clone() });
            }
            None => self.left_out.push(LeftOut { path: file, why: damage.to_owned() }),
        }
        Ok(())
    }
}
