//! Looking whether a backup, or a data folder, is whole.

use std::collections::HashMap;
use std::path::Path;

use super::objects::digest;
use super::source::{self, RECORDS, Source};
use super::{BackupError, Backups, Manifest, blocking, database};
use crate::error::StoreError;

/// What a check found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Checked {
    /// How many files were looked at.
    pub files: usize,
    /// Their size together, bytes.
    pub bytes: u64,
    /// What is wrong, in words, each with its file.
    pub damage: Vec<(String, String)>,
}

/// Checks every object of a backup, and the databases in it. `known` holds what other backups' checks found already.
pub(super) async fn backup(
    backups: &Backups,
    manifest: &Manifest,
    known: &mut HashMap<String, Vec<String>>,
) -> Result<Checked, BackupError> {
    let mut checked = Checked::default();
    for file in &manifest.files {
        checked.files += 1;
        checked.bytes += file.bytes;
        if !known.contains_key(&file.sha256) {
            let (objects, sha256, bytes) = (backups.objects.clone(), file.sha256.clone(), file.bytes);
            let object = backups.objects.path(&file.sha256);
            let mut found: Vec<String> =
                blocking(&object, move || objects.check(&sha256, bytes)).await?.into_iter().collect();
            if found.is_empty() && file.database {
                found = still(&object).await.map_err(|source| BackupError::database(&file.path, source))?;
            }
            known.insert(file.sha256.clone(), found);
        }
        let found = known.get(&file.sha256).into_iter().flatten();
        checked.damage.extend(found.map(|what| (file.path.clone(), what.clone())));
    }
    Ok(checked)
}

/// Checks a data folder: every database with its sealed days, and every picture, which is named by its checksum.
pub(super) async fn data(data: &Path) -> Result<Checked, BackupError> {
    let folder = data.to_owned();
    let (sources, left_out) = blocking(data, move || source::find(&folder)).await?;
    let mut checked = Checked::default();
    if !sources.iter().any(|source| source.name == RECORDS) {
        checked.damage.push((RECORDS.to_owned(), "it is gone".to_owned()));
    }
    checked.damage.extend(left_out.into_iter().map(|out| (out.path, out.why)));
    for file in &sources {
        let path = file.path.clone();
        let size = blocking(&file.path, move || Ok(std::fs::metadata(&path)?.len())).await;
        let Ok(bytes) = size else { continue };
        checked.files += 1;
        checked.bytes += bytes;
        let found = if file.database { of_database(file).await? } else { of_file(file).await };
        checked.damage.extend(found.into_iter().map(|what| (file.name.clone(), what)));
    }
    Ok(checked)
}

async fn of_database(file: &Source) -> Result<Vec<String>, BackupError> {
    let checked = async {
        let mut connection = database::connect(&file.path).await?;
        let mut found = database::check(&mut connection).await?;
        if found.is_empty() && file.name == RECORDS {
            found = lost_pictures(&mut connection, &file.path).await?;
        }
        database::close(connection).await;
        Ok(found)
    };
    match checked.await {
        Ok(found) => Ok(found),
        Err(StoreError::Corrupt { what }) => Ok(vec![what]),
        Err(_gone) if !file.path.exists() => Ok(Vec::new()),
        Err(error) => Err(BackupError::database(&file.name, error)),
    }
}

async fn still(file: &Path) -> Result<Vec<String>, StoreError> {
    let checked = async {
        let mut connection = database::connect_still(file).await?;
        let found = database::check(&mut connection).await;
        database::close(connection).await;
        found
    };
    match checked.await {
        Err(StoreError::Corrupt { what }) => Ok(vec![what]),
        other => other,
    }
}

/// Pictures of the records whose file is gone.
async fn lost_pictures(
    connection: &mut sqlx::SqliteConnection,
    records: &Path,
) -> Result<Vec<String>, StoreError> {
    if !database::has_table(connection, "picture").await? {
        return Ok(Vec::new());
    }
    let all: Vec<(i64, String)> =
        sqlx::query_as("SELECT id, sha256 FROM picture ORDER BY id").fetch_all(connection).await?;
    let folder = records.parent().unwrap_or(records).to_owned();
    let gone = tokio::task::spawn_blocking(move || {
        let is_gone = |(_, sha256): &(i64, String)| !crate::pictures::file_of(&folder, sha256).exists();
        all.into_iter().filter(is_gone).map(|(id, _)| format!("the file of picture {id} is gone")).collect()
    });
    gone.await.map_err(|error| StoreError::corrupt(error.to_string()))
}

/// A picture is named by its checksum; of other files nothing is known but that they can be read.
async fn of_file(file: &Source) -> Vec<String> {
    let path = file.path.clone();
    let read = move || digest(&mut std::fs::File::open(path)?, &mut std::io::sink());
    match blocking(&file.path, read).await {
        Ok((had, _)) => {
            let wanted = file.name.strip_prefix("pictures/").and_then(|name| name.split('/').next_back());
            let wrong = wanted.filter(|wanted| *wanted != had);
            wrong.map(|wanted| format!("checksum {had}, wanted {wanted}")).into_iter().collect()
        }
        Err(error) if error.is_gone() => Vec::new(),
        Err(error) => vec![format!("it cannot be read: {error}")],
    }
}
