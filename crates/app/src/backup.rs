//! `backup`, `backups`, `verify` and `restore`: the safety of the data from the console.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use engine::{Clock as _, SystemClock};
use store::backup::{Backups, Checked, Listed, Manifest, check_data, write_down_export};
use store::{Actor, ActorKind};

use crate::cli::{BackupArgs, RestoreArgs, VerifyArgs};
use crate::platform::claim_folder;
use crate::settings::Settings;

/// Damage that was found: told already, by line.
#[derive(Debug, thiserror::Error)]
#[error("{0} things are damaged")]
pub(crate) struct Damage(pub(crate) usize);

fn console() -> Actor {
    Actor { kind: ActorKind::System, name: "console".to_owned(), remote: String::new() }
}

/// The folder of backups: as it was told, else as it is set.
fn folder(told: Option<&PathBuf>, settings: &Settings) -> anyhow::Result<PathBuf> {
    match told {
        Some(told) => Ok(told.clone()),
        None if settings.backup.dir.is_empty() => {
            bail!("no folder of backups: give one, or set backup.dir")
        }
        None => Ok(PathBuf::from(&settings.backup.dir)),
    }
}

fn mb(bytes: u64) -> String {
    format!("{}.{} MB", bytes / 1_000_000, bytes / 100_000 % 10)
}

/// Makes a backup of the data folder, whether or not a platform runs on it.
pub(crate) async fn backup(settings: &Settings, wanted: &BackupArgs) -> anyhow::Result<()> {
    let to = folder(wanted.to.as_ref(), settings)?;
    let data = &settings.data.dir;
    let now = SystemClock.now();
    let backups = Backups::make(&to).await?;
    // Before the copy, so that who took it away stands in it too.
    if let Err(error) = write_down_export(data, &to, &console(), now).await {
        eprintln!("the audit log does not say of this backup: {error}");
    }
    let (name, manifest) = backups.take(data, wanted.whole, now).await?;
    println!("backup {name} of {} in {}", data.display(), to.display());
    println!("{}, {} s", summary(&manifest), manifest.took_ms / 1000);
    let keep = wanted.keep.unwrap_or(settings.backup.keep);
    let pruned = backups.prune(keep).await.context("the backup is made, older ones could not be let go")?;
    if pruned.backups > 0 {
        println!("let go: {} older backups, {}", pruned.backups, mb(pruned.bytes));
    }
    println!(
        "it holds secrets (password hashes, keys of devices and channels): keep it as safe as the server"
    );
    told(manifest.damage().into_iter().map(|what| (String::new(), what)))
}

fn summary(manifest: &Manifest) -> String {
    let new = manifest.files.iter().filter(|file| file.new).count();
    format!(
        "{} files, {}; new are {new} files, {}",
        manifest.files.len(),
        mb(manifest.bytes()),
        mb(manifest.new_bytes())
    )
}

/// Lists the backups, oldest first.
pub(crate) async fn list(settings: &Settings, told: Option<&PathBuf>) -> anyhow::Result<()> {
    let backups = Backups::open(&folder(told, settings)?).await?;
    for Listed { name, manifest } in backups.list().await? {
        match manifest {
            Ok(manifest) => {
                let damage = if manifest.has_damage() { "; parts could not be read" } else { "" };
                println!("{name}  {}{damage}", summary(&manifest));
            }
            Err(error) => println!("{name}  {error}"),
        }
    }
    Ok(())
}

/// Checks the data folder, or backups.
pub(crate) async fn verify(settings: &Settings, wanted: &VerifyArgs) -> anyhow::Result<()> {
    let Some(told_folder) = &wanted.backup else {
        let data = &settings.data.dir;
        let checked = check_data(data).await?;
        println!("{}: {}", data.display(), said(&checked));
        return told(checked.damage);
    };
    let backups = Backups::open(told_folder).await?;
    let mut damage = Vec::new();
    for (name, checked) in backups.check(wanted.name.as_deref()).await? {
        println!("{name}: {}", said(&checked));
        damage.extend(checked.damage.into_iter().map(|(file, what)| (format!("{name} {file}"), what)));
    }
    told(damage)
}

fn said(checked: &Checked) -> String {
    let found = if checked.damage.is_empty() { "whole" } else { "DAMAGED" };
    format!("{found}; looked at {} files, {}", checked.files, mb(checked.bytes))
}

/// Tells damage by line; with any the command ends with 2.
fn told(damage: impl IntoIterator<Item = (String, String)>) -> anyhow::Result<()> {
    let mut many = 0;
    for (file, what) in damage {
        many += 1;
        println!("damaged: {file}{}{what}", if file.is_empty() { "" } else { ": " });
    }
    if many > 0 { Err(Damage(many).into()) } else { Ok(()) }
}

/// Brings a backup back into the data folder, which must be a new one.
pub(crate) async fn restore(settings: &Settings, wanted: &RestoreArgs) -> anyhow::Result<()> {
    let backups = Backups::open(&wanted.from).await?;
    let to: &Path = &settings.data.dir;
    let (name, now) = (wanted.name.as_deref(), SystemClock.now());
    let restored = backups.restore(name, to, wanted.despite_damage, &console(), now).await?;
    // Nobody runs on what has just been made; the lock is there from the start.
    drop(claim_folder(settings)?);
    println!("restored backup {} into {}", restored.name, to.display());
    println!("{}", summary(&restored.manifest));
    println!("start it with: emberwatch serve --data {}", to.display());
    for what in restored.manifest.damage() {
        println!("when it was made: {what}");
    }
    told(restored.without)
}
