//! The picture as code: each stage that runs, each queue between them, its bound, and what happens when it is full.
//!
//! ```text
//!  sessions --intake-->  partition: file -> judge                 confirm -> memory -> live stream --> screens
//!     |                    ^    |             \--> committer: commit --^  \-> outbox
//!     |                    |    |                  (the next batch is judged meanwhile)
//!     |                    |    \--unknown--> registrar -> pending list
//!     |        people --commands
//!     \--telegrams--> telegram log
//!                         roll-up, retention, disk watch: by the clock
//!
//!  people --commands to devices--> store: queued --> dispatcher --one per line--> sessions --> device
//!                                                        \-- read back, a breaker that did not follow --> partition
//!
//!  outbox --> teller: who, when, by what --> store: digests on their way --> post office --> providers --> people
//! ```
//!
//! | queue | from, to | when it is full |
//! | --- | --- | --- |
//! | intake | sessions, partition | the session waits, and so does its socket |
//! | commits | partition, committer | one is under way; the next batch grows meanwhile |
//! | commands | services, partition | the caller waits |
//! | forward | engine, forwarder to a higher centre | the engine waits; what waits is in the store |
//! | unknown | partition, registrar | the call is forgotten; the terminal dials again |
//! | telegrams | sessions, telegram log | the telegram is dropped and counted |
//! | requests of a line | dispatcher, session | the dispatcher waits and tries again; the command stays on disk |
//! | places of a medium | post office, provider | the message waits on disk; other media have places of their own |
//! | live | partition, screens | the oldest event goes; a reader too slow is told of a gap |

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use bus::{
    Counters, Directory, ForwardSender, IntakeReceiver, IntakeSender, LiveHub, Sessions, TelegramReceiver,
    TelegramSink,
};
use domain::id::{DetectorId, TerminalId};
use domain::profile::Profile;
use domain::reading::Reported;
use domain::time::UnixMs;
use serde::Serialize;
use store::{Store, StoreError};
use tokio::sync::{Mutex, MutexGuard, Notify, Semaphore, mpsc, oneshot};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::bindings;
use crate::clock::Clock;
use crate::config::EngineConfig;
use crate::dispatch;
use crate::error::EngineError;
use crate::keeping::{self, BackupFacts};
use crate::memory::Memory;
use crate::partition::{self, Act, Command, Links, Partition};
use crate::storage::{Storage, StorageFacts};
use crate::telling::{self, PostOffice, Teller, TellingConfig};

/// Detectors that one command rebinds at most, so that intake goes on in between.
const REBIND_AT_ONCE: usize = 1_000;

/// Trials of limits that are computed at the same time; each reads up to a month of readings.
const TRIALS_AT_ONCE: usize = 2;

/// The other parts of the process that the engine works with.
#[derive(Debug)]
pub struct Parts {
    /// The pipeline's end of the intake queue.
    pub intake: IntakeReceiver,
    /// The gateway's end, to tell how full it is; `None` in tests.
    pub intake_gauge: Option<IntakeSender>,
    /// The log's end of the telegram queue.
    pub telegrams: TelegramReceiver,
    /// The sessions' end, to tell how full it is; `None` in tests.
    pub telegram_gauge: Option<TelegramSink>,
    /// Who may dial in; the engine keeps it in step with the store.
    pub directory: Arc<Directory>,
    /// Whose line is open, for commands to devices.
    pub sessions: Arc<Sessions>,
    /// The live stream.
    pub live: Arc<LiveHub>,
    /// Counters of the process.
    pub counters: Arc<Counters>,
    /// The detector models that the program and its profiles folder bring.
    pub profiles: Vec<Profile>,
}

/// The running engine; cheap to clone.
#[derive(Debug, Clone)]
pub struct Engine {
    inner: Arc<Inner>,
}

impl bus::AnswerBook for Engine {
    fn find<'a>(&'a self, terminal: TerminalId, key: &'a str) -> bus::answers::Looking<'a> {
        Box::pin(async move {
            self.inner.store.kept_answer(terminal, key).await.map_err(|error| {
                tracing::warn!(%error, "the answers given cannot be read");
                bus::BookUnavailable
            })
        })
    }
}

#[derive(Debug)]
struct Inner {
    store: Store,
    clock: Arc<dyn Clock>,
    config: EngineConfig,
    memory: Arc<Memory>,
    directory: Arc<Directory>,
    profile_files: HashMap<String, Arc<Profile>>,
    profile_turn: Mutex<()>,
    sessions: Arc<Sessions>,
    live: Arc<LiveHub>,
    counters: Arc<Counters>,
    storage: Arc<Storage>,
    backups: Option<Arc<keeping::BackupBook>>,
    commands: mpsc::Sender<Command>,
    dispatcher: Arc<Notify>,
    trials: Semaphore,
    unknown: mpsc::WeakSender<bus::intake::UnknownTerminal>,
    intake_gauge: Option<IntakeSender>,
    telegram_gauge: Option<TelegramSink>,
    telling: OnceLock<TellingParts>,
    started_at: UnixMs,
    tasks: TaskTracker,
    stop: CancellationToken,
}

/// What telling people works with, once it has begun.
#[derive(Debug)]
pub(crate) struct TellingParts {
    pub(crate) links: telling::Links,
    pub(crate) sender: notify::Sender,
}

/// An engine that may be gone.
#[derive(Debug)]
pub(crate) struct WeakEngine(std::sync::Weak<Inner>);

impl WeakEngine {
    /// The engine, while it is there.
    pub(crate) fn upgrade(&self) -> Option<Engine> {
        self.0.upgrade().map(|inner| Engine { inner })
    }
}

/// How full a queue is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct QueueFacts {
    /// Its name, as in the picture.
    pub name: &'static str,
    /// How many wait.
    pub len: usize,
    /// How many can.
    pub bound: usize,
    /// What happens when it is full.
    pub when_full: &'static str,
}

impl Engine {
    /// Restores what was known and starts every stage. When it returns, readings are taken.
    ///
    /// # Errors
    /// [`StoreError`] when what is stored cannot be read.
    pub async fn start(
        store: Store,
        parts: Parts,
        config: EngineConfig,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, StoreError> {
        let Parts {
            intake,
            intake_gauge,
            telegrams,
            telegram_gauge,
            directory,
            sessions,
            live,
            counters,
            profiles,
        } = parts;
        let profile_files = profiles.into_iter().map(|file| (file.id.clone(), Arc::new(file))).collect();
        load_profiles(&store, &directory, &profile_files).await?;
        for entry in store.terminals().directory().await? {
            directory.put_terminal(entry);
        }
        if let Some(sink) = &telegram_gauge {
            for (terminal, level) in store.terminals().telegram_levels().await? {
                sink.decide(terminal, Some(level));
            }
        }
        let memory = Arc::new(Memory::default());
        let storage = Arc::new(Storage::default());
        let tasks = TaskTracker::new();
        let stop = CancellationToken::new();

        let (commands, commands_end) = mpsc::channel(config.command_bound.max(1));
        let (unknown, unknown_end) = mpsc::channel(config.unknown_bound.max(1));
        let weak_unknown = unknown.downgrade();
        let (orders, orders_end) = mpsc::channel(1);

        let partition = Partition::restore(Links {
            store: store.clone(),
            clock: Arc::clone(&clock),
            memory: Arc::clone(&memory),
            directory: Arc::clone(&directory),
            live: Arc::clone(&live),
            counters: Arc::clone(&counters),
            storage: Arc::clone(&storage),
            intake,
            orders,
            commands: commands_end,
            unknown,
            batch_max: config.batch_max.max(1),
            rules: config.alarms,
        })
        .await?;
        tasks.spawn(partition.run(stop.child_token()));
        tasks.spawn(partition::commit(store.clone(), orders_end));
        tasks.spawn(keeping::write_telegrams(
            store.clone(),
            telegrams,
            Arc::clone(&counters),
            stop.child_token(),
        ));
        tasks.spawn(keeping::register_unknown(
            store.clone(),
            Arc::clone(&clock),
            Arc::clone(&directory),
            Arc::clone(&live),
            unknown_end,
            stop.child_token(),
        ));
        tasks.spawn(keeping::record_limits(
            store.clone(),
            Arc::clone(&clock),
            Arc::clone(&memory),
            stop.child_token(),
        ));
        tasks.spawn(keeping::seal(store.clone(), Arc::clone(&clock), config.clone(), stop.child_token()));
        tasks.spawn(keeping::retain(store.clone(), Arc::clone(&clock), config.clone(), stop.child_token()));
        tasks.spawn(keeping::watch_disk(
            store.clone(),
            Arc::clone(&clock),
            config.clone(),
            Arc::clone(&storage),
            Arc::clone(&live),
            stop.child_token(),
        ));
        let backups = config.backup.clone().map(|plan| Arc::new(keeping::BackupBook::new(plan, clock.now())));
        if let Some(book) = &backups {
            let (store, clock, book) = (store.clone(), Arc::clone(&clock), Arc::clone(book));
            tasks.spawn(keeping::back_up(store, clock, book, stop.child_token()));
        }
        let dispatcher = Arc::new(Notify::new());
        tasks.spawn(dispatch::run(
            dispatch::Links {
                store: store.clone(),
                clock: Arc::clone(&clock),
                memory: Arc::clone(&memory),
                directory: Arc::clone(&directory),
                sessions: Arc::clone(&sessions),
                live: Arc::clone(&live),
                unfollowed: dispatch::Unfollowed::default(),
                partition: commands.downgrade(),
            },
            Arc::clone(&dispatcher),
            stop.child_token(),
        ));
        tasks.close();

        let started_at = clock.now();
        let inner = Inner {
            store,
            clock,
            config,
            memory,
            directory,
            profile_files,
            profile_turn: Mutex::default(),
            sessions,
            live,
            counters,
            storage,
            backups,
            commands,
            dispatcher,
            trials: Semaphore::new(TRIALS_AT_ONCE),
            unknown: weak_unknown,
            intake_gauge,
            telegram_gauge,
            telling: OnceLock::new(),
            started_at,
            tasks,
            stop,
        };
        let engine = Self { inner: Arc::new(inner) };
        let stop = engine.inner.stop.child_token();
        let clock = Arc::clone(&engine.inner.clock);
        engine.inner.tasks.spawn(keeping::check_wiring(engine.downgrade(), Arc::clone(&clock), stop.clone()));
        engine.inner.tasks.spawn(keeping::diagnose(engine.downgrade(), Arc::clone(&clock), stop.clone()));
        engine.inner.tasks.spawn(keeping::rank(engine.downgrade(), clock, stop));
        Ok(engine)
    }

    /// The engine for a task of its own that must not keep it alive.
    pub(crate) fn downgrade(&self) -> WeakEngine {
        WeakEngine(Arc::downgrade(&self.inner))
    }

    /// Stops softly: what waits in the queues is committed and confirmed, then the tasks end. The gateway should have
    /// stopped before, so that nothing new comes.
    pub async fn stop(&self) {
        self.inner.stop.cancel();
        self.inner.tasks.wait().await;
    }

    /// Tells the steps of alarms from now on to the centre named `centre`, through `sender`, until the engine stops.
    pub fn forward_to(&self, centre: String, sender: ForwardSender) {
        let inner = &self.inner;
        let (store, clock, stop) = (inner.store.clone(), Arc::clone(&inner.clock), inner.stop.child_token());
        inner.tasks.spawn(keeping::forward(store, clock, centre, sender, stop));
    }

    /// Begins to tell people of alarms by what is set, until the engine stops. A second call does nothing.
    pub fn tell(&self, config: TellingConfig, sender: notify::Sender) {
        let inner = &self.inner;
        let links = telling::Links {
            store: inner.store.clone(),
            clock: Arc::clone(&inner.clock),
            counters: Arc::clone(&inner.counters),
            config,
            post: Arc::new(Notify::new()),
        };
        let parts = TellingParts { links: links.clone(), sender: sender.clone() };
        if inner.telling.set(parts).is_err() {
            return;
        }
        inner.tasks.spawn(Teller::new(links.clone()).run(inner.stop.child_token()));
        inner.tasks.spawn(PostOffice::new(links, sender).run(inner.stop.child_token()));
    }

    /// What telling works with; `None` where it has not begun.
    pub(crate) fn telling_parts(&self) -> Option<&TellingParts> {
        self.inner.telling.get()
    }

    /// The store behind it, for reading.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.inner.store
    }

    /// Every detector as of the last commit.
    #[must_use]
    pub fn memory(&self) -> &Memory {
        &self.inner.memory
    }

    /// Terminals and profiles.
    #[must_use]
    pub fn directory(&self) -> &Arc<Directory> {
        &self.inner.directory
    }

    /// The profiles that the program and its folder bring, by id.
    pub(crate) fn profile_files(&self) -> &HashMap<String, Arc<Profile>> {
        &self.inner.profile_files
    }

    /// Held while a profile changes and while detectors are made after one: a detector made after the old points
    /// would never get channels for the new ones.
    pub(crate) async fn profile_turn(&self) -> MutexGuard<'_, ()> {
        self.inner.profile_turn.lock().await
    }

    /// Open lines.
    #[must_use]
    pub fn sessions(&self) -> &Arc<Sessions> {
        &self.inner.sessions
    }

    /// The live stream.
    #[must_use]
    pub fn live(&self) -> &Arc<LiveHub> {
        &self.inner.live
    }

    /// The telegram log's queue; `None` in tests without one.
    pub(crate) fn telegrams(&self) -> Option<&TelegramSink> {
        self.inner.telegram_gauge.as_ref()
    }

    /// Counters of the process.
    #[must_use]
    pub fn counters(&self) -> &Arc<Counters> {
        &self.inner.counters
    }

    /// How much each cause of risk counts.
    pub(crate) fn risk_weights(&self) -> &domain::risk::Weights {
        &self.inner.config.risk
    }

    /// The server's clock.
    #[must_use]
    pub fn now(&self) -> UnixMs {
        self.inner.clock.now()
    }

    /// When it started, server's clock.
    #[must_use]
    pub fn started_at(&self) -> UnixMs {
        self.inner.started_at
    }

    /// Room taken and left, and whether anything can be committed.
    #[must_use]
    pub fn storage(&self) -> StorageFacts {
        self.inner.storage.facts(self.inner.config.soft_limit_bytes, self.now())
    }

    /// What is known of the backups of each night; `None` where none is set.
    #[must_use]
    pub fn backups(&self) -> Option<BackupFacts> {
        self.inner.backups.as_ref().map(|book| book.facts(self.now()))
    }

    /// How full each queue is.
    #[must_use]
    pub fn queues(&self) -> Vec<QueueFacts> {
        let mut queues = Vec::new();
        if let Some(intake) = &self.inner.intake_gauge {
            queues.push(QueueFacts {
                name: "intake",
                len: intake.len(),
                bound: intake.bound(),
                when_full: "the socket waits",
            });
        }
        let commands = &self.inner.commands;
        queues.push(QueueFacts {
            name: "commands",
            len: commands.max_capacity() - commands.capacity(),
            bound: commands.max_capacity(),
            when_full: "the caller waits",
        });
        if let Some(unknown) = self.inner.unknown.upgrade() {
            queues.push(QueueFacts {
                name: "unknown",
                len: unknown.max_capacity() - unknown.capacity(),
                bound: unknown.max_capacity(),
                when_full: "the call is forgotten; the terminal dials again",
            });
        }
        if let Some(telegrams) = &self.inner.telegram_gauge {
            queues.push(QueueFacts {
                name: "telegrams",
                len: telegrams.len(),
                bound: telegrams.bound(),
                when_full: "the telegram is dropped and counted",
            });
        }
        queues
    }

    /// Sends people's acts to the partition; one answer per act, after the commit.
    pub(crate) async fn act(&self, acts: Vec<Act>) -> Result<Vec<Result<(), EngineError>>, EngineError> {
        let (reply, answer) = oneshot::channel();
        self.inner.commands.send(Command::Act { acts, reply }).await.map_err(|_gone| EngineError::Stopped)?;
        answer.await.map_err(|_gone| EngineError::Stopped)
    }

    /// Tells the partition what the platform found out about a detector by itself; returns after the commit.
    pub(crate) async fn report(&self, detector: DetectorId, reported: Reported) -> Result<(), EngineError> {
        let (reply, done) = oneshot::channel();
        let command = Command::Report { detector, reported, reply };
        self.inner.commands.send(command).await.map_err(|_gone| EngineError::Stopped)?;
        done.await.map_err(|_gone| EngineError::Stopped)
    }

    /// Reads again what is set about `detectors` and lets the partition judge by it: after every change of settings,
    /// places or admission that is in the store already. One that is gone is forgotten, its open alarms are closed.
    ///
    /// # Errors
    /// [`EngineError::Store`] when it cannot be read, [`EngineError::Stopped`].
    pub async fn reload(&self, detectors: &[DetectorId]) -> Result<(), EngineError> {
        // A window over a panel covers the circuits that the panel has now.
        self.reload_maintenance().await?;
        for some in detectors.chunks(REBIND_AT_ONCE) {
            let bound = bindings::read(&self.inner.store, &self.inner.directory, some, self.now()).await?;
            let (reply, done) = oneshot::channel();
            let command = Command::Rebind { bound, reply };
            self.inner.commands.send(command).await.map_err(|_gone| EngineError::Stopped)?;
            done.await.map_err(|_gone| EngineError::Stopped)?;
        }
        Ok(())
    }

    /// Reads the maintenance windows again and lets the partition go by them.
    pub(crate) async fn reload_maintenance(&self) -> Result<(), EngineError> {
        let book = self.inner.store.maintenance().book(self.now()).await?;
        let (reply, done) = oneshot::channel();
        let command = Command::Maintenance { book, reply };
        self.inner.commands.send(command).await.map_err(|_gone| EngineError::Stopped)?;
        done.await.map_err(|_gone| EngineError::Stopped)
    }

    /// What is set about the life of alarms.
    #[must_use]
    pub fn life_rules(&self) -> domain::alarm::LifeRules {
        self.inner.config.alarms
    }

    /// Tells the dispatcher that there is something to do.
    pub(crate) fn wake_dispatcher(&self) {
        self.inner.dispatcher.notify_one();
    }

    /// A place among the trials that are computed at the same time.
    pub(crate) async fn trial_place(&self) -> Result<tokio::sync::SemaphorePermit<'_>, EngineError> {
        self.inner.trials.acquire().await.map_err(|_closed| EngineError::Stopped)
    }

    /// Forgets `detector` and closes its open alarms, before the store lets go of it.
    pub(crate) async fn withdraw(&self, detector: DetectorId) -> Result<(), EngineError> {
        let (reply, done) = oneshot::channel();
        let command = Command::Rebind { bound: vec![(detector, None)], reply };
        self.inner.commands.send(command).await.map_err(|_gone| EngineError::Stopped)?;
        done.await.map_err(|_gone| EngineError::Stopped)
    }
}

/// The profiles in force: what people wrote here stands before what the program and its folder bring. A text that is
/// no longer understood is told and left to the file of the same id, so that people can get in and mend it.
async fn load_profiles(
    store: &Store,
    directory: &Directory,
    files: &HashMap<String, Arc<Profile>>,
) -> Result<(), StoreError> {
    for file in files.values() {
        directory.put_profile(Profile::clone(file));
    }
    for row in store.profiles().newest().await? {
        let Some(text) = &row.text else { continue };
        match domain::profile::parse(&format!("{}.toml", row.profile_id), text) {
            Ok(profile) => directory.put_profile(profile),
            Err(error) => {
                tracing::error!(%error, version = row.version, "a stored profile is not understood")
            }
        }
    }
    Ok(())
}
