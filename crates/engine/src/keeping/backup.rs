//! The backup of each night, and what is known of the newest one.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use domain::time::UnixMs;
use jiff::tz::TimeZone;
use store::Store;
use store::backup::{BackupError, Backups, Manifest};
use tokio_util::sync::CancellationToken;

use super::until;
use crate::clock::Clock;
use crate::config::BackupPlan;

/// A backup that failed is tried again after this, ms.
const AGAIN_MS: i64 = 3_600_000;
/// One that was missed while nobody ran is made so long after the start, ms.
const SETTLE_MS: i64 = 600_000;
/// Older than this is missed, ms.
const MISSED_MS: i64 = 25 * 3_600_000;
/// How often it is looked whether somebody made one by hand, ms.
const LOOK_MS: i64 = 600_000;

/// A backup that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewestBackup {
    /// Its name.
    pub name: String,
    /// When it was begun.
    pub at: UnixMs,
    /// How long it took, ms.
    pub took_ms: i64,
    /// Its size, bytes.
    pub bytes: u64,
    /// What of it is new since the one before, bytes.
    pub new_bytes: u64,
    /// What of the data could not be read then, in words.
    pub damage: Vec<String>,
}

/// What is known of backups.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackupFacts {
    /// The folder of backups.
    pub dir: PathBuf,
    /// The newest one.
    pub newest: Option<NewestBackup>,
    /// The last try of this process failed: when and why.
    pub failed: Option<(UnixMs, String)>,
    /// When the next one is due; `None` while one is being made.
    pub next_at: Option<UnixMs>,
    /// The newest is too old, or there is none.
    pub late: bool,
}

/// What is known of backups, for everybody to read.
#[derive(Debug)]
pub(crate) struct BackupBook {
    plan: BackupPlan,
    since: UnixMs,
    known: Mutex<BackupFacts>,
}

impl BackupBook {
    pub(crate) fn new(plan: BackupPlan, now: UnixMs) -> Self {
        let known =
            BackupFacts { dir: plan.dir.clone(), newest: None, failed: None, next_at: None, late: false };
        Self { plan, since: now, known: Mutex::new(known) }
    }

    pub(crate) fn facts(&self, now: UnixMs) -> BackupFacts {
        let known = self.change(|known| known.clone());
        let since = known.newest.as_ref().map_or(self.since, |newest| newest.at);
        BackupFacts { late: now.since_ms(since) > self.plan.late_after_ms, ..known }
    }

    fn change<T>(&self, change: impl FnOnce(&mut BackupFacts) -> T) -> T {
        change(&mut self.known.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn made(&self, name: String, manifest: &Manifest) {
        let newest = NewestBackup {
            name,
            at: UnixMs(manifest.began_at),
            took_ms: manifest.took_ms,
            bytes: manifest.bytes(),
            new_bytes: manifest.new_bytes(),
            damage: manifest.damage(),
        };
        self.change(|known| {
            if known.failed.as_ref().is_some_and(|(at, _)| *at < newest.at) {
                known.failed = None;
            }
            known.newest = Some(newest);
        });
    }
}

/// Makes the backups; ends with the token.
pub(crate) async fn back_up(
    store: Store,
    clock: Arc<dyn Clock>,
    book: Arc<BackupBook>,
    stop: CancellationToken,
) {
    look(&book).await;
    let start = clock.now();
    let newest = book.change(|known| known.newest.as_ref().map(|newest| newest.at));
    let mut next = next_run(&book.plan, start);
    if newest.is_none_or(|at| start.since_ms(at) > MISSED_MS) {
        next = next.min(start.plus_ms(SETTLE_MS));
    }
    loop {
        book.change(|known| known.next_at = Some(next));
        while clock.now() < next {
            if !until(&*clock, next.min(clock.now().plus_ms(LOOK_MS)), &stop).await {
                return;
            }
            look(&book).await;
        }
        book.change(|known| known.next_at = None);
        let now = clock.now();
        let made = tokio::select! {
            biased;
            () = stop.cancelled() => return,
            made = make(&store, &book.plan, now) => made,
        };
        next = match made {
            Ok((name, manifest)) => {
                book.made(name, &manifest);
                next_run(&book.plan, clock.now())
            }
            Err(error) => {
                tracing::error!(%error, "the backup failed; it is tried again in an hour");
                book.change(|known| known.failed = Some((now, error.to_string())));
                next_run(&book.plan, clock.now()).min(clock.now().plus_ms(AGAIN_MS))
            }
        };
    }
}

async fn make(store: &Store, plan: &BackupPlan, now: UnixMs) -> Result<(String, Manifest), BackupError> {
    let backups = Backups::make(&plan.dir).await?;
    let (name, manifest) = backups.take(store.folder(), false, now).await?;
    tracing::info!(name, bytes = manifest.bytes(), new_bytes = manifest.new_bytes(), "backed up");
    if let Err(error) = backups.prune(plan.keep).await {
        tracing::warn!(%error, "older backups could not be let go");
    }
    Ok((name, manifest))
}

/// Looks for the newest backup; another one who works there is left alone.
async fn look(book: &BackupBook) {
    let newest = async { Backups::open(&book.plan.dir).await?.newest().await };
    match newest.await {
        Ok(Some((name, manifest))) => book.made(name, &manifest),
        Ok(None) | Err(BackupError::NotFound { .. } | BackupError::InUse { .. }) => {}
        Err(error) => tracing::warn!(%error, "the backups could not be looked at"),
    }
}

/// The next time of day that is set, after `now`. A zone that is not known is UTC.
fn next_run(plan: &BackupPlan, now: UnixMs) -> UnixMs {
    let zone = TimeZone::get(&plan.zone).unwrap_or(TimeZone::UTC);
    let (hour, minute) = (i8::try_from(plan.at_min / 60), i8::try_from(plan.at_min % 60));
    let found = || {
        let today = jiff::Timestamp::from_millisecond(now.0).ok()?.to_zoned_datetime(zone).date();
        let zone = TimeZone::get(&plan.zone).unwrap_or(TimeZone::UTC);
        [today, today.tomorrow().ok()?]
            .into_iter()
            .filter_map(|day| {
                let at = day.at(hour.ok()?, minute.ok()?, 0, 0).to_zoned_datetime(zone.clone()).ok()?;
                Some(UnixMs(at.timestamp().as_millisecond()))
            })
            .find(|at| *at > now)
    };
    found().unwrap_or(now.plus_ms(24 * 3_600_000))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(dir: PathBuf) -> BackupPlan {
        BackupPlan {
            dir,
            at_min: 150,
            zone: "Asia/Shanghai".to_owned(),
            keep: 2,
            late_after_ms: 36 * 3_600_000,
        }
    }

    #[test]
    fn it_is_due_at_its_time_of_day() {
        let at = |text: &str| UnixMs(text.parse::<jiff::Timestamp>().unwrap().as_millisecond());
        let plan = plan(PathBuf::new());
        assert_eq!(next_run(&plan, at("2026-11-25T18:29:59Z")), at("2026-11-25T18:30:00Z"));
        assert_eq!(next_run(&plan, at("2026-11-25T18:30:00Z")), at("2026-11-26T18:30:00Z"));
    }

    #[test]
    fn none_at_all_is_late_once_there_should_be_one() {
        let book = BackupBook::new(plan(PathBuf::new()), UnixMs(0));
        assert!(!book.facts(UnixMs(36 * 3_600_000)).late);
        assert!(book.facts(UnixMs(36 * 3_600_000 + 1)).late);
    }
}
