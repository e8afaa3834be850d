//! What of a data folder goes into a backup.

use std::fs::{self, Metadata};
use std::io;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use domain::time::UnixMs;

use super::manifest::{LeftOut, Stamp};

/// The records: copied before the sealed history, so that a reading that is sealed meanwhile is in one of them at least.
pub(super) const RECORDS: &str = "emberwatch.db";

/// A stamp this young may be that of two contents, ms: file systems count time coarsely.
const SETTLED_AFTER_MS: i64 = 2_000;

/// A file of the data folder.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Source {
    /// With `/`, in the data folder.
    pub(super) name: String,
    pub(super) path: PathBuf,
    pub(super) database: bool,
}

/// Every file of a data folder in the order of its name; what SQLite keeps beside a database belongs to it, and what
/// nobody needs again is not among them.
pub(super) fn find(data: &Path) -> io::Result<(Vec<Source>, Vec<LeftOut>)> {
    let (mut found, mut left_out) = (Vec::new(), Vec::new());
    let mut folders = vec![(data.to_owned(), String::new())];
    while let Some((folder, prefix)) = folders.pop() {
        for entry in fs::read_dir(&folder)? {
            let entry = entry?;
            let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
            let kind = match fs::metadata(entry.path()) {
                Ok(about) => about.file_type(),
                // Gone in between.
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(error),
            };
            if kind.is_dir() {
                folders.push((entry.path(), format!("{name}/")));
            } else if kind.is_file() && !is_passing(&name) {
                found.push(Source { database: name.ends_with(".db"), path: entry.path(), name });
            } else if !kind.is_file() {
                left_out.push(LeftOut { path: name, why: "it is neither a file nor a folder".to_owned() });
            }
        }
    }
    found.sort();
    Ok((found, left_out))
}

/// Whether a file is only of use to the process that has it.
fn is_passing(name: &str) -> bool {
    name == "running.lock"
        || name == super::restore::UNFINISHED
        || [".db-wal", ".db-shm", ".db-journal", ".half"].iter().any(|end| name.ends_with(end))
}

/// What a file looks like; `None` while it is so young that another content could look the same.
pub(super) fn stamp(about: &Metadata, now: UnixMs) -> Option<Stamp> {
    let modified = about.modified().ok()?.duration_since(UNIX_EPOCH).ok()?;
    let modified_ms = i64::try_from(modified.as_millis()).ok()?;
    let settled = now.0.saturating_sub(modified_ms) >= SETTLED_AFTER_MS;
    let modified_ns = u64::try_from(modified.as_nanos()).ok()?;
    settled.then_some(Stamp { bytes: about.len(), modified_ns })
}
