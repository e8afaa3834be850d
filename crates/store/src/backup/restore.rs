//! Bringing a backup back into a new folder.

use std::io;
use std::path::Path;

use super::objects::{Objects, sync_folder};
use super::{BackupError, Manifest, blocking};
use crate::private::{make_file, make_folder};

/// Lies in a folder while it is restored: one that a cut left half is not opened.
pub(crate) const UNFINISHED: &str = "restore.unfinished";

/// Whether a folder is a new one: it is not there, or nothing is in it.
pub(super) async fn check_empty(to: &Path) -> Result<(), BackupError> {
    let folder = to.to_owned();
    let is_empty = blocking(to, move || match std::fs::read_dir(&folder) {
        Ok(mut entries) => Ok(entries.next().is_none()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(true),
        Err(error) => Err(error),
    });
    if is_empty.await? { Ok(()) } else { Err(BackupError::NotEmpty { path: to.display().to_string() }) }
}

/// Copies the files of a backup to `to`, an empty folder, except those that `skip` names.
pub(super) async fn restore(
    objects: &Objects,
    manifest: &Manifest,
    to: &Path,
    skip: &[String],
) -> Result<(), BackupError> {
    let (folder, objects) = (to.to_owned(), objects.clone());
    let files: Vec<_> = manifest.files.iter().filter(|file| !skip.contains(&file.path)).cloned().collect();
    blocking(to, move || {
        make_folder(&folder)?;
        let mark = folder.join(UNFINISHED);
        make_file(&mark)?.sync_all()?;
        sync_folder(&folder)?;
        for file in &files {
            let path = folder.join(&file.path);
            let inside = path.parent().unwrap_or(&folder);
            make_folder(inside)?;
            let named = |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", file.path));
            objects.copy_out(&file.sha256, &path).map_err(named)?;
            sync_folder(inside)?;
        }
        std::fs::remove_file(&mark)?;
        sync_folder(&folder)
    })
    .await
}
