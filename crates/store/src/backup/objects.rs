//! The bytes of backups: one file per content, named by its SHA-256. A file of such a name is always whole: it is written
//! under another name, forced to the disk, then renamed.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use super::manifest::hex;
use crate::private::{make_file, make_folder};

const OBJECTS: &str = "objects";
/// What is being written. Whatever lies here when a backup begins was left by one that was killed.
const HALF: &str = "half";
const BLOCK_BYTES: usize = 1 << 20;

/// The objects of a folder of backups.
#[derive(Debug, Clone)]
pub(super) struct Objects {
    folder: PathBuf,
    half: PathBuf,
}

/// An object that is there now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Kept {
    pub(super) sha256: String,
    pub(super) bytes: u64,
    /// Whether it was not there before.
    pub(super) new: bool,
}

impl Objects {
    pub(super) fn of(backups: &Path) -> Self {
        Self { folder: backups.join(OBJECTS), half: backups.join(HALF) }
    }

    pub(super) fn path(&self, sha256: &str) -> PathBuf {
        self.folder.join(sha256.get(..2).unwrap_or("00")).join(sha256)
    }

    /// Whether there is an object of that size; its bytes are not looked at.
    pub(super) fn has(&self, sha256: &str, bytes: u64) -> bool {
        fs::metadata(self.path(sha256)).is_ok_and(|about| about.is_file() && about.len() == bytes)
    }

    /// An empty file for what is to become an object.
    pub(super) fn begin(&self) -> io::Result<PathBuf> {
        make_folder(&self.half)?;
        let path = self.half.join("object");
        // SQLite may have left a journal beside it.
        for left in [path.clone(), self.half.join("object-journal"), self.half.join("object-wal")] {
            match fs::remove_file(&left) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        make_file(&path)?;
        Ok(path)
    }

    /// Makes an object of what was written to `half`.
    pub(super) fn keep(&self, half: &Path) -> io::Result<Kept> {
        let mut file = File::open(half)?;
        let (sha256, bytes) = digest(&mut file, &mut io::sink())?;
        self.place(&file, half, sha256, bytes)
    }

    /// Makes an object of a copy of `source`.
    pub(super) fn keep_copy(&self, source: &Path) -> io::Result<Kept> {
        let half = self.begin()?;
        let mut copy = make_file(&half)?;
        let (sha256, bytes) = digest(&mut File::open(source)?, &mut copy)?;
        self.place(&copy, &half, sha256, bytes)
    }

    fn place(&self, file: &File, half: &Path, sha256: String, bytes: u64) -> io::Result<Kept> {
        let path = self.path(&sha256);
        let new = !self.has(&sha256, bytes);
        if new {
            file.sync_all()?;
            if let Some(folder) = path.parent() {
                make_folder(folder)?;
                fs::rename(half, &path)?;
                sync_folder(folder)?;
                sync_folder(&self.folder)?;
            }
        } else {
            fs::remove_file(half)?;
        }
        Ok(Kept { sha256, bytes, new })
    }

    /// What is wrong with an object, if anything.
    pub(super) fn check(&self, sha256: &str, bytes: u64) -> io::Result<Option<String>> {
        let mut file = match File::open(self.path(sha256)) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Ok(Some("it is gone".to_owned()));
            }
            Err(error) => return Err(error),
        };
        let (had, length) = match digest(&mut file, &mut io::sink()) {
            Ok(had) => had,
            // A bad sector: the rest is still looked at.
            Err(error) => return Ok(Some(format!("it cannot be read: {error}"))),
        };
        if length != bytes {
            return Ok(Some(format!("it has {length} bytes, wanted {bytes}")));
        }
        Ok((had != sha256).then(|| format!("checksum {had}, wanted {sha256}")))
    }

    /// Copies an object to `target`, a new file, and looks whether it was whole.
    pub(super) fn copy_out(&self, sha256: &str, target: &Path) -> io::Result<()> {
        let mut copy = make_file(target)?;
        let (had, _) = digest(&mut File::open(self.path(sha256))?, &mut copy)?;
        copy.sync_all()?;
        if had != sha256 {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                format!("checksum {had}, wanted {sha256}"),
            ));
        }
        Ok(())
    }

    /// Removes what no backup needs; how many objects and bytes that were.
    pub(super) fn sweep(&self, needed: &HashSet<String>) -> io::Result<(usize, u64)> {
        let mut gone = (0, 0);
        for folder in entries(&self.folder)? {
            for object in entries(&folder)? {
                let name = object.file_name().and_then(|name| name.to_str()).unwrap_or_default();
                if !needed.contains(name) {
                    gone = (gone.0 + 1, gone.1 + fs::metadata(&object)?.len());
                    fs::remove_file(&object)?;
                }
            }
        }
        Ok(gone)
    }
}

fn entries(folder: &Path) -> io::Result<Vec<PathBuf>> {
    match fs::read_dir(folder) {
        Ok(entries) => entries.map(|entry| entry.map(|entry| entry.path())).collect(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

/// Reads to the end and writes it on; SHA-256 and size.
pub(super) fn digest(from: &mut impl Read, to: &mut impl Write) -> io::Result<(String, u64)> {
    let mut block = vec![0; BLOCK_BYTES];
    let (mut hash, mut bytes) = (Sha256::new(), 0_u64);
    loop {
        let length = match from.read(&mut block) {
            Ok(0) => return Ok((hex(&hash.finalize()), bytes)),
            Ok(length) => length,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        let some = block.get(..length).unwrap_or_default();
        hash.update(some);
        to.write_all(some)?;
        bytes += u64::try_from(length).unwrap_or(u64::MAX);
    }
}

/// That a name is there is on the disk only after this.
pub(super) fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}
