//! How much room the data take and how much there is.

use std::path::Path;

use serde::Serialize;

use crate::error::StoreError;
use crate::open::{PAGE_BYTES, Store};

/// With less than this free nothing more can be written, bytes.
const NO_ROOM_BYTES: u64 = 65_536;

/// Room taken and left, bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct DiskUse {
    /// The files of the data folder together, sealed history among them.
    pub folder_bytes: u64,
    /// Pages of the database that hold something; retention makes this fall while the file keeps its size.
    pub used_bytes: u64,
    /// Free on the file system for this user.
    pub free_bytes: u64,
    /// The hard limit of the database file, if any.
    pub hard_limit_bytes: Option<u64>,
}

impl Store {
    /// Room taken and left.
    ///
    /// # Errors
    /// [`StoreError::Folder`] when the file system does not answer.
    pub async fn disk_use(&self) -> Result<DiskUse, StoreError> {
        let pages: i64 = sqlx::query_scalar("PRAGMA page_count").fetch_one(self.reader()).await?;
        let spare: i64 = sqlx::query_scalar("PRAGMA freelist_count").fetch_one(self.reader()).await?;
        let used_pages = u64::try_from(pages.saturating_sub(spare)).unwrap_or(0);
        let folder = self.folder().to_owned();
        let failed = |source| StoreError::Folder { path: folder.display().to_string(), source };
        let free_bytes = free_bytes(&folder).map_err(failed)?;
        let limit = self.inner.hard_limit_pages.load(std::sync::atomic::Ordering::SeqCst);
        Ok(DiskUse {
            folder_bytes: folder_bytes(&folder).await.map_err(failed)?
                + folder_bytes(self.inner.partitions.folder()).await.map_err(failed)?,
            used_bytes: used_pages.saturating_mul(PAGE_BYTES),
            free_bytes,
            hard_limit_bytes: (limit > 0).then(|| limit.saturating_mul(PAGE_BYTES)),
        })
    }
}

impl Store {
    /// A write that fails for want of room does not always say so: the error may come when it is forced to the disk.
    pub(crate) fn explained(&self, error: StoreError) -> StoreError {
        match error {
            StoreError::Disk { .. } if free_bytes(self.folder()).is_ok_and(|free| free < NO_ROOM_BYTES) => {
                StoreError::Full
            }
            other => other,
        }
    }
}

/// Free on the file system for this user.
fn free_bytes(folder: &Path) -> std::io::Result<u64> {
    let room = rustix::fs::statvfs(folder)?;
    Ok(room.f_bavail.saturating_mul(room.f_frsize))
}

async fn folder_bytes(folder: &Path) -> Result<u64, std::io::Error> {
    let mut bytes = 0;
    let mut entries = match tokio::fs::read_dir(folder).await {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(0),
        Err(error) => return Err(error),
    };
    while let Some(entry) = entries.next_entry().await? {
        match entry.metadata().await {
            Ok(about) if about.is_file() => bytes += about.len(),
            Ok(_) => {}
            // Gone in between: a month that is let go, a log that was taken in.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(bytes)
}
