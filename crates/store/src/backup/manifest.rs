//! What a backup consists of, as a file beside the objects: `backups/2026-11-25T18-30-00Z.json`. A backup is there when
//! its manifest is.

use std::path::Path;

use domain::time::UnixMs;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::BackupError;
use crate::history::{DAY_MS, day_name, day_of};

/// The version of this form; a newer one is refused.
pub(super) const FORMAT: u32 = 1;

/// What a backup consists of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The version of this form.
    pub format: u32,
    /// The version of the program that made it.
    pub program: String,
    /// The installation that it is of; `None` when it had no name yet.
    pub instance: Option<String>,
    /// When it was begun, ms.
    pub began_at: i64,
    /// How long it took, ms.
    pub took_ms: i64,
    /// Its files.
    pub files: Vec<FileEntry>,
    /// What of the data folder is not in it, and why.
    pub left_out: Vec<LeftOut>,
}

/// A file of a backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileEntry {
    /// Where it stands in the data folder, with `/`.
    pub path: String,
    /// Whether it is a database.
    pub database: bool,
    /// The newest migration of a database.
    pub schema: Option<i64>,
    /// Its size, bytes.
    pub bytes: u64,
    /// SHA-256 of its bytes, hexadecimal: the name of its object.
    pub sha256: String,
    /// What the file in the data folder looked like; the next backup takes one that still looks so for unchanged.
    pub stamp: Option<Stamp>,
    /// Whether its bytes came with this backup; else an earlier one had them.
    pub new: bool,
    /// The file in the data folder could not be read: this is the copy of an earlier backup, and why.
    pub stale: Option<String>,
}

/// What a file looks like from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stamp {
    /// Its size, bytes.
    pub bytes: u64,
    /// When it was changed last, ns since 1970.
    pub modified_ns: u64,
}

/// Something that is not in the backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeftOut {
    /// Where it stands in the data folder.
    pub path: String,
    /// Why.
    pub why: String,
}

/// As it is written: the manifest with a checksum over it.
#[derive(Serialize, Deserialize)]
struct Sealed {
    sha256: String,
    manifest: serde_json::Value,
}

impl Manifest {
    /// Its size when it is restored, bytes.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.files.iter().map(|file| file.bytes).sum()
    }

    /// What of it no earlier backup had, bytes.
    #[must_use]
    pub fn new_bytes(&self) -> u64 {
        self.files.iter().filter(|file| file.new).map(|file| file.bytes).sum()
    }

    /// Whether something of the data folder could not be read when it was made.
    #[must_use]
    pub fn has_damage(&self) -> bool {
        !self.left_out.is_empty() || self.files.iter().any(|file| file.stale.is_some())
    }

    /// What of the data folder could not be read, in words.
    #[must_use]
    pub fn damage(&self) -> Vec<String> {
        let stale =
            self.files.iter().filter_map(|file| Some(format!("{}: {}", file.path, file.stale.as_ref()?)));
        stale
            .chain(self.left_out.iter().map(|out| format!("{} is left out: {}", out.path, out.why)))
            .collect()
    }

    pub(super) fn to_bytes(&self) -> Result<Vec<u8>, serde_json::Error> {
        let manifest = serde_json::to_value(self)?;
        let sealed = Sealed { sha256: checksum(&manifest), manifest };
        serde_json::to_vec_pretty(&sealed)
    }

    /// Reads a manifest; `name` is for the words.
    pub(super) fn read(path: &Path, name: &str) -> Result<Self, BackupError> {
        let bytes = std::fs::read(path).map_err(|source| BackupError::file(path, source))?;
        let damaged = |what: String| BackupError::Damaged { name: name.to_owned(), what };
        let sealed: Sealed =
            serde_json::from_slice(&bytes).map_err(|error| damaged(format!("its manifest: {error}")))?;
        let had = checksum(&sealed.manifest);
        if had != sealed.sha256 {
            return Err(damaged(format!("its manifest has checksum {had}, wanted {}", sealed.sha256)));
        }
        let format = sealed.manifest.get("format").and_then(serde_json::Value::as_u64).unwrap_or(0);
        if format != u64::from(FORMAT) {
            return Err(BackupError::Format { name: name.to_owned(), had: format, wanted: FORMAT });
        }
        let manifest: Self = serde_json::from_value(sealed.manifest)
            .map_err(|error| damaged(format!("its manifest: {error}")))?;
        if let Some(file) = manifest.files.iter().find(|file| !is_inside(&file.path)) {
            return Err(damaged(format!("its manifest: {:?} leads out of the folder", file.path)));
        }
        Ok(manifest)
    }
}

/// Over the text with its keys in order, whatever stands between them.
fn checksum(manifest: &serde_json::Value) -> String {
    hex(&Sha256::digest(manifest.to_string().as_bytes()))
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Whether a path stays in the folder that it is taken from.
fn is_inside(path: &str) -> bool {
    Path::new(path).components().all(|part| matches!(part, std::path::Component::Normal(_)))
}

/// The name of a backup begun at `at`. It sorts after `last`, also where the clock was set back.
pub(super) fn name_after(last: Option<&str>, at: UnixMs) -> String {
    let s = at.0.rem_euclid(DAY_MS) / 1000;
    let day = day_name(day_of(at.0));
    let name = format!("{day}T{:02}-{:02}-{:02}Z", s / 3600, s / 60 % 60, s % 60);
    match last.map(order_of) {
        Some((second, number)) if order_of(&name) <= (second.clone(), number) => {
            format!("{second}Z-{}", number.saturating_add(1))
        }
        Some(_) | None => name,
    }
}

/// By time; what was begun in the same second by the number that it got for that.
pub(super) fn order_of(name: &str) -> (String, u32) {
    let (second, number) = name.split_once("Z-").unwrap_or((name.trim_end_matches('Z'), "1"));
    (second.to_owned(), number.parse().unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest() -> Manifest {
        Manifest {
            format: FORMAT,
            program: "0.1.0".to_owned(),
            instance: Some("a".to_owned()),
            began_at: 1_795_000_000_000,
            took_ms: 12,
            files: vec![FileEntry {
                path: "history/2026-11.db".to_owned(),
                database: true,
                schema: Some(1),
                bytes: 4096,
                sha256: "00".repeat(32),
                stamp: Some(Stamp { bytes: 4096, modified_ns: 7 }),
                new: true,
                stale: None,
            }],
            left_out: Vec::new(),
        }
    }

    #[test]
    fn a_manifest_is_read_back_and_one_wrong_character_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.json");
        let text = String::from_utf8(manifest().to_bytes().unwrap()).unwrap();
        std::fs::write(&path, &text).unwrap();
        assert_eq!(Manifest::read(&path, "a").unwrap(), manifest());
        for (from, to) in [("4096", "4097"), ("2026-11", "2026-10"), ("\"new\": true", "\"new\": false")] {
            std::fs::write(&path, text.replacen(from, to, 1)).unwrap();
            assert!(matches!(Manifest::read(&path, "a"), Err(BackupError::Damaged { .. })), "{from}");
        }
    }

    #[test]
    fn a_path_that_leads_out_of_the_folder_is_refused() {
        for path in ["../a", "/etc/passwd", "a/../../b"] {
            assert!(!is_inside(path), "{path}");
        }
        assert!(is_inside("history/2026-11.db"));
    }

    #[test]
    fn names_sort_by_time() {
        let at = UnixMs(1_795_631_405_999);
        assert_eq!(name_after(None, at), "2026-11-25T18-30-05Z");
        assert_eq!(name_after(Some("2026-11-24T18-30-05Z"), at), "2026-11-25T18-30-05Z");
        assert_eq!(name_after(Some("2026-11-25T18-30-05Z"), at), "2026-11-25T18-30-05Z-2");
        assert_eq!(name_after(Some("2026-12-01T00-00-00Z-9"), at), "2026-12-01T00-00-00Z-10");
        let mut names = ["b", "2026-11-25T18-30-05Z-10", "2026-11-25T18-30-05Z", "2026-11-25T18-30-05Z-2"];
        names.sort_by_key(|name| order_of(name));
        assert_eq!(names[1..3], ["2026-11-25T18-30-05Z-2", "2026-11-25T18-30-05Z-10"]);
    }
}
