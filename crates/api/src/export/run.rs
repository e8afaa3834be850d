//! Exports under way: how many there may be, how far each is, and how it ended.

use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use domain::time::UnixMs;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

use super::failure::ExportFailure;
use super::plan::Plan;
use crate::http::problem::{Code, Problem};

/// An export that nobody fetches gives its place back after this, ms.
const FETCH_WITHIN_MS: i64 = 60_000;
/// How an export ended can be read for this long, ms.
const KEPT_MS: i64 = 600_000;
/// How long a refused caller should wait, s.
const WAIT_S: u64 = 10;

/// How an export stands.
#[derive(Debug)]
pub(super) enum Stage {
    /// It may be fetched.
    Waiting { place: OwnedSemaphorePermit },
    /// It is being written.
    Running { _place: OwnedSemaphorePermit },
    /// It was written to its end.
    Finished,
    /// It was not.
    Failed(ExportFailure),
}

/// One export.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) id: i64,
    /// Whose it is.
    owner: String,
    pub(super) plan: Arc<Plan>,
    pub(super) made_at: UnixMs,
    stage: Mutex<Stage>,
    /// Ends it early.
    pub(super) stop: CancellationToken,
    windows: u64,
    done: AtomicU64,
    rows: AtomicU64,
    bytes: AtomicU64,
    unreadable: AtomicU64,
}

/// Every export that is under way or has just ended.
#[derive(Debug)]
pub(crate) struct Exports {
    places: Arc<Semaphore>,
    at_once: usize,
    next: AtomicI64,
    runs: Mutex<HashMap<i64, Arc<Run>>>,
}

/// As much as both counters can say.
fn count(many: usize) -> u64 {
    u64::try_from(many).unwrap_or(u64::MAX)
}

fn shown(counter: &AtomicU64) -> i64 {
    i64::try_from(counter.load(Ordering::Relaxed)).unwrap_or(i64::MAX)
}

impl Exports {
    pub(crate) fn new(at_once: usize) -> Self {
        Self {
            places: Arc::new(Semaphore::new(at_once)),
            at_once,
            next: AtomicI64::new(1),
            runs: Mutex::default(),
        }
    }

    /// Takes a place for `plan`.
    ///
    /// # Errors
    /// 429 while all places are taken.
    pub(super) fn begin(
        &self,
        owner: String,
        plan: Plan,
        now: UnixMs,
        stop: CancellationToken,
    ) -> Result<Arc<Run>, Problem> {
        let mut runs = self.runs.lock().unwrap_or_else(PoisonError::into_inner);
        runs.retain(|_, run| run.is_worth_keeping(now));
        let Ok(place) = Arc::clone(&self.places).try_acquire_owned() else {
            let mut problem = Problem::wait(Code::RateLimited, WAIT_S);
            problem.detail = format!("had {} exports under way, wanted fewer", self.at_once);
            return Err(problem);
        };
        let windows = count(plan.windows().count()).saturating_mul(count(plan.table.sources.len()));
        let run = Arc::new(Run {
            id: self.next.fetch_add(1, Ordering::Relaxed),
            owner,
            plan: Arc::new(plan),
            made_at: now,
            stage: Mutex::new(Stage::Waiting { place }),
            stop,
            windows: windows.max(1),
            done: AtomicU64::new(0),
            rows: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            unreadable: AtomicU64::new(0),
        });
        runs.insert(run.id, Arc::clone(&run));
        drop(runs);
        Ok(run)
    }

    /// An export of `owner`.
    ///
    /// # Errors
    /// 404 when there is none.
    pub(super) fn get(&self, owner: &str, id: i64, now: UnixMs) -> Result<Arc<Run>, Problem> {
        let runs = self.runs.lock().unwrap_or_else(PoisonError::into_inner);
        let run = runs.get(&id).filter(|run| run.owner == owner).cloned();
        drop(runs);
        let run = run.ok_or_else(|| Problem::not_found("export"))?;
        run.is_worth_keeping(now);
        Ok(run)
    }
}

impl Run {
    /// Gives the place back where nobody came for it. Says whether the export is still of interest.
    fn is_worth_keeping(&self, now: UnixMs) -> bool {
        let age_ms = now.since_ms(self.made_at);
        let mut stage = self.stage.lock().unwrap_or_else(PoisonError::into_inner);
        if matches!(*stage, Stage::Waiting { .. }) && age_ms > FETCH_WITHIN_MS {
            *stage = Stage::Failed(ExportFailure::NotFetched);
        }
        match *stage {
            Stage::Waiting { .. } | Stage::Running { .. } => true,
            Stage::Finished | Stage::Failed(_) => age_ms <= KEPT_MS,
        }
    }

    /// Begins to write it.
    ///
    /// # Errors
    /// 409 when it was begun before.
    pub(super) fn fetch(&self) -> Result<(), Problem> {
        let mut stage = self.stage.lock().unwrap_or_else(PoisonError::into_inner);
        let had = std::mem::replace(&mut *stage, Stage::Finished);
        match had {
            Stage::Waiting { place } => {
                *stage = Stage::Running { _place: place };
                Ok(())
            }
            other @ (Stage::Running { .. } | Stage::Finished | Stage::Failed(_)) => {
                *stage = other;
                Err(Problem::new(Code::Conflict, "the file was fetched before, or called off"))
            }
        }
    }

    /// Ends it; what has ended stays as it ended.
    pub(super) fn end(&self, with: Result<(), ExportFailure>) {
        let mut stage = self.stage.lock().unwrap_or_else(PoisonError::into_inner);
        match *stage {
            Stage::Waiting { .. } | Stage::Running { .. } => {
                *stage = with.map_or_else(Stage::Failed, |()| Stage::Finished);
            }
            Stage::Finished | Stage::Failed(_) => {}
        }
    }

    /// Calls it off. The place is free once the writing has stopped.
    pub(super) fn call_off(&self) {
        self.stop.cancel();
        let mut stage = self.stage.lock().unwrap_or_else(PoisonError::into_inner);
        if matches!(*stage, Stage::Waiting { .. }) {
            *stage = Stage::Failed(ExportFailure::Cancelled);
        }
    }

    pub(super) fn look<T>(&self, at: impl FnOnce(&Stage) -> T) -> T {
        at(&self.stage.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn add_rows(&self, many: usize) {
        self.rows.fetch_add(count(many), Ordering::Relaxed);
    }

    pub(super) fn add_bytes(&self, many: usize) {
        self.bytes.fetch_add(count(many), Ordering::Relaxed);
    }

    pub(super) fn add_window(&self) {
        self.done.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn add_unreadable(&self) {
        self.unreadable.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn rows(&self) -> i64 {
        shown(&self.rows)
    }

    pub(super) fn bytes(&self) -> i64 {
        shown(&self.bytes)
    }

    pub(super) fn unreadable(&self) -> i64 {
        shown(&self.unreadable)
    }

    /// How much is read, 0 to 1.
    pub(super) fn progress(&self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "a share needs no more than 53 bits")]
        let share = self.done.load(Ordering::Relaxed) as f64 / self.windows as f64;
        share.min(1.0)
    }
}

#[cfg(test)]
impl Run {
    /// A run whose table has neither columns nor rows.
    pub(super) fn of_nothing() -> Self {
        use super::table::{OF_READINGS, Table};
        use super::words::Words;

        let table = Table { heads: Vec::new(), sources: Vec::new(), measures: OF_READINGS, width: 0 };
        let plan = Plan {
            scope: domain::access::Scope::platform(),
            table,
            words: Words { language: None, zone: jiff::tz::TimeZone::UTC, zone_name: "UTC".to_owned() },
            step: super::step::Step::Reading,
            format: super::plan::Format::Csv,
            byte_order_mark: false,
            from: UnixMs(0),
            to: UnixMs(1),
            file_name: "nothing.csv".to_owned(),
        };
        let exports = Exports::new(1);
        let run = exports.begin("nobody".to_owned(), plan, UnixMs(0), CancellationToken::new()).unwrap();
        drop(exports);
        Arc::try_unwrap(run).unwrap()
    }
}
