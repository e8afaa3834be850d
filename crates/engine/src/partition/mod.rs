//! The one task that owns its detectors. It takes whatever arrives while the last commit runs, files and judges it
//! on copies of the touched detectors, commits everything in one transaction, and only then confirms, remembers and
//! publishes. If the commit fails the copies are thrown away, with what was judged by them meanwhile: memory is what it
//! was, and nobody was confirmed.

mod acts;
mod alarming;
mod aside;
mod committer;
mod draft;
mod lines;
mod publish;
mod start;

use std::collections::HashMap;
use std::sync::Arc;

use bus::{Confirm, Counters, Directory, Intake, IntakeReceiver, LiveHub, Outcome};
use domain::alarm::LifeRules;
use domain::id::{AlarmId, DetectorId, TerminalId};
use domain::maintenance::MaintenanceBook;
use domain::reading::Reported;
use domain::time::UnixMs;
use store::{Store, StoreError};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use crate::bindings::Bound;
use crate::clock::Clock;
use crate::error::EngineError;
use crate::keeping;
use crate::memory::Memory;
use crate::storage::Storage;
use crate::wheel::Wheel;

pub(crate) use acts::Act;
pub(crate) use aside::Policy;
pub(crate) use committer::{Order, commit};
use draft::{Draft, Finished, Repetitions};
use lines::Line;

/// How long to wait before a failed deadline or rebinding is tried again, ms.
const RETRY_MS: i64 = 1_000;

/// One answer per act.
pub(crate) type Answers = Vec<Result<(), EngineError>>;

/// What services ask of the partition.
pub(crate) enum Command {
    /// People act on alarms; all in one transaction, each with its own answer.
    Act { acts: Vec<Act>, reply: oneshot::Sender<Answers> },
    /// The platform found something out about a detector: a breaker did not follow, or does now.
    Report { detector: DetectorId, reported: Reported, reply: oneshot::Sender<()> },
    /// People made, changed or ended maintenance windows.
    Maintenance { book: MaintenanceBook, reply: oneshot::Sender<()> },
    /// Detectors have new bindings, are new, or are gone (`None`).
    Rebind { bound: Vec<(DetectorId, Option<Bound>)>, reply: oneshot::Sender<()> },
}

/// What the partition is connected to.
pub(crate) struct Links {
    pub(crate) store: Store,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) memory: Arc<Memory>,
    pub(crate) directory: Arc<Directory>,
    pub(crate) live: Arc<LiveHub>,
    pub(crate) counters: Arc<Counters>,
    pub(crate) storage: Arc<Storage>,
    pub(crate) intake: IntakeReceiver,
    /// To the committer, one at a time.
    pub(crate) orders: mpsc::Sender<Order>,
    pub(crate) commands: mpsc::Receiver<Command>,
    pub(crate) unknown: mpsc::Sender<bus::intake::UnknownTerminal>,
    pub(crate) batch_max: usize,
    pub(crate) rules: LifeRules,
}

/// The partition.
pub(crate) struct Partition {
    links: Links,
    intake_open: bool,
    wheel: Wheel,
    policy: Arc<Policy>,
    /// When every open alarm is looked at because a maintenance window begins or has changed.
    look_aside_at: Option<UnixMs>,
    last_alarm_id: i64,
    /// Where each open alarm is.
    alarms: HashMap<AlarmId, DetectorId>,
    /// The detectors behind each terminal, with their unit addresses.
    behind: HashMap<TerminalId, Vec<(DetectorId, Option<u8>)>>,
    terminal_of: HashMap<DetectorId, TerminalId>,
    lines: HashMap<TerminalId, Line>,
    /// Bindings whose commit failed, to be tried again.
    retry: Vec<(DetectorId, Option<Bound>)>,
    retry_at: Option<UnixMs>,
}

/// The answers that wait for a commit.
#[derive(Default)]
struct Waiting {
    confirms: Vec<Confirm>,
    acts: Vec<(Answers, oneshot::Sender<Answers>)>,
    rebinds: Vec<oneshot::Sender<()>>,
    reports: Vec<oneshot::Sender<()>>,
}

/// A batch that is ready to be committed, with everybody who waits for it.
struct Judged {
    finished: Finished,
    now: UnixMs,
    /// Detectors that the clock had something to do with.
    due: Vec<DetectorId>,
    rebound: Vec<(DetectorId, Option<Bound>)>,
    waiting: Waiting,
}

/// What is judged while another batch is being committed.
struct Ahead {
    draft: Draft,
    waiting: Waiting,
}

impl Partition {
    /// Works until `stop`; then what waits in the queues is committed and confirmed.
    pub(crate) async fn run(mut self, stop: CancellationToken) {
        let mut items = Vec::new();
        loop {
            let wake = [self.wheel.next(), self.retry_at, self.look_aside_at].into_iter().flatten().min();
            let clock = Arc::clone(&self.links.clock);
            let mut commands = Vec::new();
            tokio::select! {
                biased;
                Some(command) = self.links.commands.recv() => commands.push(command),
                taken = self.links.intake.recv_many(&mut items, self.links.batch_max), if self.intake_open => {
                    self.intake_open = taken > 0;
                }
                () = async { match wake { Some(at) => clock.reached(at).await, None => std::future::pending().await } } => {}
                () = stop.cancelled() => break,
            }
            self.turn(&mut items, commands, &stop).await;
        }
        self.links.intake.close();
        self.links.commands.close();
        loop {
            let mut commands = Vec::new();
            self.links.commands.recv_many(&mut commands, self.links.batch_max).await;
            self.links.intake.recv_many(&mut items, self.links.batch_max).await;
            if items.is_empty() && commands.is_empty() {
                return;
            }
            self.turn(&mut items, commands, &stop).await;
        }
    }

    /// Commits everything that is there, and what comes while it does, until nothing has come.
    async fn turn(&mut self, items: &mut Vec<Intake>, mut commands: Vec<Command>, stop: &CancellationToken) {
        let mut next = self.nothing_yet();
        loop {
            let judged = self.judge(next, items, commands).await;
            if judged.finished.batch.is_empty() {
                return self.keep(judged.finished, &judged.rebound, judged.waiting).await;
            }
            let Some(ahead) = self.commit(judged, items, stop).await else { return };
            next = ahead;
            commands = Vec::new();
        }
    }

    fn nothing_yet(&self) -> Ahead {
        let now = self.links.clock.now();
        Ahead {
            draft: Draft::new(&self.links.memory, &self.policy, now, self.last_alarm_id),
            waiting: Waiting::default(),
        }
    }

    /// Gives a batch to the committer, and judges readings that come meanwhile by what it will have changed. Gives these
    /// back, where there are some; what has to wait for the commit is left in `items`.
    async fn commit(
        &mut self,
        judged: Judged,
        items: &mut Vec<Intake>,
        stop: &CancellationToken,
    ) -> Option<Ahead> {
        let Judged { finished, now, due, rebound, waiting } = judged;
        let finished = Arc::new(finished);
        let (tell, mut done) = oneshot::channel();
        self.links.storage.commit_begins(self.links.clock.now());
        let _gone = self.links.orders.send(Order { finished: Arc::clone(&finished), tell }).await;
        let draft = Draft::after(&finished, &self.links.memory, &self.policy, now);
        let mut ahead = Ahead { draft, waiting: Waiting::default() };
        // Who is behind a terminal is known again after the commit.
        let is_plain = rebound.is_empty() && finished.removed.is_empty();
        let result = loop {
            let has_room = items.is_empty() && ahead.waiting.confirms.len() < self.links.batch_max;
            let goes_on = is_plain && has_room && self.intake_open && !stop.is_cancelled();
            tokio::select! {
                biased;
                result = &mut done => break result.unwrap_or(Err(StoreError::Busy)),
                taken = self.links.intake.recv_many(items, self.links.batch_max), if goes_on => {
                    self.intake_open = taken > 0;
                    self.judge_ahead(items, &mut ahead);
                }
            }
        };
        self.links.storage.commit_ends(self.links.clock.now());
        ahead.draft.settle();
        match result {
            Ok(()) => {
                let finished = Arc::try_unwrap(finished).unwrap_or_else(|shared| Finished::clone(&shared));
                self.keep(finished, &rebound, waiting).await;
            }
            Err(error) => {
                self.roll_back(&error, now, due, rebound, waiting);
                for confirm in std::mem::take(&mut ahead.waiting.confirms) {
                    confirm.tell(Outcome::Unavailable);
                }
                ahead = self.nothing_yet();
            }
        }
        (!items.is_empty() || !ahead.draft.is_untouched()).then_some(ahead)
    }

    /// Judges `items` up to the first one that has to wait for the commit that is under way.
    fn judge_ahead(&mut self, items: &mut Vec<Intake>, ahead: &mut Ahead) {
        let nothing_stored = Repetitions::default();
        let mut came = std::mem::take(items).into_iter();
        while let Some(item) = came.next() {
            // What is older than what is known may be stored by then: it is looked for there.
            if let Intake::Readings { readings, .. } = &item
                && readings.iter().any(|reading| ahead.draft.is_older(reading))
            {
                items.push(item);
                items.extend(came);
                return;
            }
            self.take(item, &nothing_stored, &mut ahead.draft, &mut ahead.waiting);
        }
    }

    /// Judges everything that is there, on top of what was judged ahead of it.
    async fn judge(
        &mut self,
        Ahead { mut draft, mut waiting }: Ahead,
        items: &mut Vec<Intake>,
        mut commands: Vec<Command>,
    ) -> Judged {
        while commands.len() < self.links.batch_max
            && let Ok(command) = self.links.commands.try_recv()
        {
            commands.push(command);
        }
        let stored = self.stored_already(items, &draft).await;
        let now = self.links.clock.now();
        self.learn_windows(&mut commands, now);
        draft.out.now = now;
        draft.out.policy = Arc::clone(&self.policy);

        for item in items.drain(..) {
            self.take(item, &stored, &mut draft, &mut waiting);
        }
        let mut due = Vec::new();
        // Should a whole city fall silent at once, that is many commits, with readings in between.
        while due.len() < self.links.batch_max
            && let Some(detector) = self.wheel.take_due(now)
        {
            draft.time(detector);
            due.push(detector);
        }
        if self.look_aside_at.is_some_and(|at| at <= now) {
            let mut ids: Vec<DetectorId> = self.alarms.values().copied().collect();
            ids.sort_unstable();
            ids.dedup();
            for id in ids {
                draft.look_aside(id);
            }
            self.look_aside_at = self.policy.book.next_begin(now);
        }
        let mut rebound = Vec::new();
        if self.retry_at.is_some_and(|at| at <= now) {
            self.retry_at = None;
            rebound.append(&mut self.retry);
        }
        for command in commands {
            match command {
                Command::Act { acts, reply } => {
                    let mut answers = Vec::with_capacity(acts.len());
                    for act in acts {
                        answers.push(self.act(&mut draft, act).await);
                    }
                    waiting.acts.push((answers, reply));
                }
                Command::Report { detector, reported, reply } => {
                    draft.report(detector, &reported);
                    waiting.reports.push(reply);
                }
                // Taken before the draft was begun.
                Command::Maintenance { book: _, reply } => waiting.reports.push(reply),
                Command::Rebind { bound, reply } => {
                    rebound.extend(bound);
                    waiting.rebinds.push(reply);
                }
            }
        }
        for (detector, bound) in &rebound {
            draft.rebind(*detector, bound.clone());
        }
        self.raise_late(&mut draft).await;

        Judged { finished: draft.finish(), now, due, rebound, waiting }
    }

    /// Takes windows that changed before anything is judged by them.
    fn learn_windows(&mut self, commands: &mut [Command], now: UnixMs) {
        for command in commands {
            if let Command::Maintenance { book, .. } = command {
                let book = std::mem::take(book);
                self.policy = Arc::new(Policy { rules: self.policy.rules, book });
                self.look_aside_at = Some(now);
            }
        }
    }

    /// What is stored for the moments of those readings that are older than what is known.
    async fn stored_already(&self, items: &[Intake], draft: &Draft) -> Repetitions {
        let mut moments = Vec::new();
        for item in items {
            let Intake::Readings { readings, .. } = item else { continue };
            for reading in readings {
                if let Some(at) = reading.device_at
                    && draft.is_older(reading)
                {
                    moments.push((reading.detector, reading.group, at));
                }
            }
        }
        if moments.is_empty() {
            return Repetitions::default();
        }
        match self.links.store.readings_at(&moments).await {
            Ok(stored) => Repetitions::of(stored),
            Err(error) => {
                tracing::warn!(%error, "cannot tell what is stored already; repetitions pass for late data");
                Repetitions::default()
            }
        }
    }

    fn take(&mut self, item: Intake, stored: &Repetitions, draft: &mut Draft, waiting: &mut Waiting) {
        match item {
            Intake::Readings { readings, mut confirm } => {
                let mut known = false;
                for reading in readings {
                    if draft.reading(reading, stored) {
                        known = true;
                    } else {
                        self.links.counters.readings_ignored.add_one();
                    }
                }
                if known {
                    draft.out.batch.answers.extend(confirm.take_answer());
                    waiting.confirms.push(confirm);
                } else {
                    // Nobody here knows the detector: it was taken away a moment ago.
                    confirm.tell(Outcome::Unavailable);
                }
            }
            Intake::Heard { terminal, at, signal, firmware } => {
                self.heard(draft, terminal, at, signal, firmware);
            }
            Intake::Noted { terminal, at, remote, notes, confirm } => {
                self.heard(draft, terminal, at, None, None);
                Self::noted(draft, terminal, at, &remote, notes);
                waiting.confirms.push(confirm);
            }
            Intake::Line { terminal, at, remote, event } => self.line(draft, terminal, at, remote, &event),
            Intake::Unknown(unknown) => {
                self.links.counters.readings_ignored.add(u64::from(unknown.readings_ignored));
                if self.links.unknown.try_send(unknown).is_err() {
                    tracing::debug!(
                        "more unknown terminals than the registrar can take; this one will dial again"
                    );
                }
            }
        }
    }

    /// The commit is on disk: confirm, remember, publish.
    async fn keep(&mut self, finished: Finished, rebound: &[(DetectorId, Option<Bound>)], waiting: Waiting) {
        let counters = &self.links.counters;
        if !finished.batch.is_empty() {
            counters.commits.add_one();
        }
        // A sign of life finds its few bytes in a store that has no room for a reading.
        if !finished.batch.readings.is_empty() {
            self.links.storage.takes(self.links.clock.now(), &self.links.live);
        }
        for confirm in waiting.confirms {
            confirm.tell(Outcome::Committed);
        }
        counters.readings_repeated.add(finished.tally.repeated);
        counters.readings_late.add(finished.tally.late);
        counters.readings_clock_wrong.add(finished.tally.clock_wrong);

        self.last_alarm_id = finished.last_alarm_id;
        for write in &finished.batch.alarms {
            if write.alarm.state == domain::alarm::AlarmState::Closed {
                self.alarms.remove(&write.alarm.id);
            } else {
                self.alarms.insert(write.alarm.id, write.alarm.detector_id);
            }
        }
        for (detector, bound) in rebound {
            self.learn_place(*detector, bound.as_ref());
        }
        for (detector, touched) in &finished.touched {
            if let Some(at) = aside::next_deadline(&touched.detector, &self.policy.rules) {
                self.wheel.wake(*detector, at);
            }
        }
        for detector in &finished.removed {
            self.wheel.forget(*detector);
        }
        let news = publish::News::of(&finished);
        self.links.memory.change(
            finished.touched.into_iter().map(|(id, touched)| (id, touched.detector)),
            finished.removed.into_iter(),
        );
        for (answers, reply) in waiting.acts {
            let _gone = reply.send(answers);
        }
        for reply in waiting.rebinds.into_iter().chain(waiting.reports) {
            let _gone = reply.send(());
        }
        news.publish(&self.links.memory, &self.links.live);
        for (terminal, event) in finished.line_events {
            self.tell_line(terminal, event);
        }
        for terminal in finished.pinned {
            self.refresh_directory(terminal).await;
        }
    }

    /// Nothing of the commit is on disk: memory stays what it was and nobody is confirmed.
    fn roll_back(
        &mut self,
        error: &StoreError,
        now: UnixMs,
        due: Vec<DetectorId>,
        rebound: Vec<(DetectorId, Option<Bound>)>,
        waiting: Waiting,
    ) {
        self.links.counters.commits_failed.add_one();
        match keeping::stops(error) {
            Some(why) => self.links.storage.stops(why, error, self.links.clock.now(), &self.links.live),
            None => tracing::error!(%error, "a commit failed; devices will send again"),
        }
        for confirm in waiting.confirms {
            confirm.tell(Outcome::Unavailable);
        }
        let again = now.plus_ms(RETRY_MS);
        // Whatever the windows were to do is still to be done.
        self.look_aside_at = Some(again);
        for detector in due {
            self.wheel.wake(detector, again);
        }
        if !rebound.is_empty() {
            self.retry.extend(rebound);
            self.retry_at = Some(again);
        }
        for (answers, reply) in waiting.acts {
            let failed = answers
                .into_iter()
                .map(|answer| answer.and_then(|()| Err(EngineError::Store(same(error)))))
                .collect();
            let _gone = reply.send(failed);
        }
        for reply in waiting.rebinds {
            let _gone = reply.send(());
        }
    }
}

/// The same error for each of those who wait for one commit.
fn same(error: &StoreError) -> StoreError {
    match error {
        StoreError::Full => StoreError::Full,
        StoreError::Disk { what } => StoreError::Disk { what: what.clone() },
        StoreError::Invalid { field, code, message } => {
            StoreError::Invalid { field, code, message: message.clone() }
        }
        StoreError::NotFound { .. }
        | StoreError::Conflict { .. }
        | StoreError::InUse { .. }
        | StoreError::Busy
        | StoreError::Corrupt { .. }
        | StoreError::Folder { .. }
        | StoreError::Migrate(_)
        | StoreError::Sql(_) => StoreError::Busy,
    }
}
