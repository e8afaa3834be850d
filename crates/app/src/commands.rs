//! The small commands.

use std::path::PathBuf;

use anyhow::{Context as _, bail};
use api::{HashCost, Hasher, readable_secret};
use domain::access::Scope;
use domain::profile::{SHIPPED, parse};
use engine::{Clock as _, SystemClock};
use store::Actor;

use crate::platform::open_store;
use crate::profiles;
use crate::settings::{self, Settings};

pub(crate) fn config() -> anyhow::Result<()> {
    print!("{}", settings::DEFAULT_FILE);
    Ok(())
}

pub(crate) fn openapi() -> anyhow::Result<()> {
    println!("{}", api::openapi().to_pretty_json()?);
    Ok(())
}

/// Checks profile files; every mistake of every file is told before the command fails.
pub(crate) fn profiles(paths: &[PathBuf]) -> anyhow::Result<()> {
    let mut files: Vec<(String, String)> = Vec::new();
    if paths.is_empty() {
        files.extend(SHIPPED.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())));
    }
    for path in paths {
        if path.is_dir() {
            files.extend(profiles::folder(path)?);
        } else {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            files.push((name, std::fs::read_to_string(path).with_context(|| path.display().to_string())?));
        }
    }
    let mut wrong = 0;
    for (name, text) in &files {
        match parse(name, text) {
            Ok(profile) => {
                println!("{name}: {} points, {} groups", profile.points.len(), profile.groups.len())
            }
            Err(error) => {
                wrong += 1;
                println!("{error}");
            }
        }
    }
    if wrong > 0 {
        bail!("{wrong} of {} files are wrong", files.len());
    }
    Ok(())
}

pub(crate) async fn reset_password(settings: &Settings, login: &str) -> anyhow::Result<()> {
    let store = open_store(settings).await?;
    let Some(account) = store.accounts().credentials(login).await? else {
        bail!("there is no account {login}");
    };
    let password = readable_secret(4);
    let hash = Hasher::new(HashCost::default(), 1)?.hash(password.clone()).await?;
    let actor = Actor { name: "console".to_owned(), ..Actor::system() };
    store.accounts().reset_password(&Scope::platform(), &actor, SystemClock.now(), account.id, &hash).await?;
    store.close().await;
    println!("account:  {login}");
    println!("one-time password: {password}");
    Ok(())
}

pub(crate) async fn migrate(settings: &Settings) -> anyhow::Result<()> {
    // Opening brings the schema up to date.
    open_store(settings).await?.close().await;
    println!("{} is up to date", settings.data.dir.display());
    Ok(())
}

pub(crate) async fn doctor(settings: &Settings) -> anyhow::Result<()> {
    let profiles = profiles::load(&settings.profiles.dir)?;
    println!("ok    configuration and {} profiles", profiles.all.len());
    crate::field::config(settings)?;
    println!("ok    field door settings");
    if !settings.data.dir.is_dir() {
        bail!(
            "the data folder {} is not there; `serve` makes it at its first start",
            settings.data.dir.display()
        );
    }
    let store = open_store(settings).await?;
    println!("ok    data folder {}", settings.data.dir.display());
    store.probe_write(SystemClock.now()).await.context("the data folder cannot be written")?;
    println!("ok    a commit with fsync");
    let disk = store.disk_use().await?;
    println!(
        "ok    the folder takes {} MB, {} MB are free",
        disk.folder_bytes / 1_000_000,
        disk.free_bytes / 1_000_000
    );
    let audit = store.audit().verify(&Scope::platform()).await?;
    if let Some(entry) = audit.first_broken {
        bail!("the audit log is broken at entry {entry:?}");
    }
    println!("ok    audit log of {} entries is whole", audit.entries);
    if !settings.http.listen.ip().is_loopback() && !settings.http.behind_https {
        println!("mind  pages are served without TLS to the network (http.behind_https = false)");
    }
    store.close().await;
    Ok(())
}
