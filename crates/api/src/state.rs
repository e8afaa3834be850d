//! What every endpoint works with.

use std::net::SocketAddr;
use std::ops::Deref;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use bus::{Counters, Directory, LiveHub, LiveKind, Sessions};
use domain::id::DetectorId;
use domain::time::UnixMs;
use engine::{Engine, Memory, QueueFacts, StorageFacts};
use store::{Store, StoreError};
use tokio::sync::broadcast;
use tokio_util::sync::CancellationToken;

use crate::access::caller::Ended;
use crate::access::password::{HashCost, HashError, Hasher};
use crate::access::secret;
use crate::access::throttle::{LockOut, LockRule, RateLimit};
use crate::export::Exports;
use crate::live::rate::Rate;
use crate::live::render;
use crate::live::stage::Stage;
use crate::live::stream::Seats;
use crate::vocabulary::Status;

/// What an operator may set about the API.
#[derive(Debug, Clone)]
pub struct Config {
    /// The program's version.
    pub version: String,
    /// What the installation is called.
    pub name: String,
    /// The installation's time zone, an IANA name.
    pub zone: String,
    /// Whether a simulator feeds it.
    pub demo: bool,
    /// What this process does: `gateway`, `engine`, `api`.
    pub roles: Vec<String>,
    /// Whether people come through https, so that cookies can be Secure.
    pub behind_https: bool,
    /// Whether a proxy of ours sets X-Forwarded-For.
    pub trust_forwarded_for: bool,
    /// Live streams that one caller may hold open at once.
    pub max_streams_per_user: u32,
    /// The largest body of a request, bytes.
    pub max_body_bytes: usize,
    /// How long a request may take.
    pub time_out: Duration,
    /// Sign-ins that one address may try in a minute.
    pub sign_ins_per_minute: u32,
    /// Exports of readings that may be under way at once.
    pub exports_at_once: usize,
    /// How much work one password hash is.
    pub hash_cost: HashCost,
    /// Passwords that are worked on at the same time.
    pub hashes_at_once: usize,
    /// How often a live stream gets a sign of life; its session is looked at again as often.
    pub ping_every: Duration,
    /// Rendered live events that are kept for readers who come back.
    pub live_kept: usize,
    /// How many live events a reader may be behind before it is told of a gap.
    pub live_behind: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            name: "Emberwatch".to_owned(),
            zone: "Asia/Shanghai".to_owned(),
            demo: false,
            roles: vec!["gateway".to_owned(), "engine".to_owned(), "api".to_owned()],
            behind_https: false,
            trust_forwarded_for: false,
            max_streams_per_user: 20,
            max_body_bytes: 1_000_000,
            time_out: Duration::from_secs(30),
            sign_ins_per_minute: 30,
            exports_at_once: 4,
            hash_cost: HashCost::default(),
            hashes_at_once: 2,
            ping_every: Duration::from_secs(10),
            live_kept: 8192,
            live_behind: 4096,
        }
    }
}

/// Five failures are free; then half a minute, doubling up to an hour. A quarter of an hour without a failure
/// forgets them.
const LOCK_RULE: LockRule = LockRule { free: 4, first_s: 30, longest_s: 3600, forget_s: 900 };
/// How many logins and addresses are remembered at once.
const LOCK_KEYS: usize = 50_000;
/// How many addresses the rate limit knows at once.
const RATE_KEYS: usize = 20_000;
/// Links of messages that one address may open in a minute.
const LINKS_PER_MINUTE: u32 = 60;
/// How many ends of sessions a stream may be behind before it looks for itself.
const ENDED_BOUND: usize = 64;

/// The API could not be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The store did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The cost of password hashing cannot be.
    #[error(transparent)]
    Hash(#[from] HashError),
}

/// What every endpoint works with; cheap to clone.
#[derive(Debug, Clone)]
pub struct Api(Arc<Parts>);

/// The parts of [`Api`].
#[derive(Debug)]
pub struct Parts {
    /// What an operator has set.
    pub config: Config,
    /// What people do to the world goes through here.
    pub engine: Engine,
    /// For reading.
    pub store: Store,
    /// Terminals and profiles.
    pub directory: Arc<Directory>,
    /// Open lines.
    pub sessions: Arc<Sessions>,
    /// What was committed.
    pub live: Arc<LiveHub>,
    /// Counters of the process.
    pub counters: Arc<Counters>,
    /// The first run's code while no account exists.
    pub setup_code: Option<String>,
    /// When the process started.
    pub started_at: UnixMs,
    /// Where devices can dial in.
    pub(crate) doors: RwLock<Vec<(&'static str, SocketAddr)>>,
    /// Ends the live streams and the renderer.
    pub stop: CancellationToken,
    pub(crate) hasher: Hasher,
    pub(crate) lock_outs: LockOut,
    pub(crate) sign_ins: RateLimit,
    /// Links of messages that one address may open.
    pub(crate) links: RateLimit,
    /// One-time codes are checked one after the other.
    pub(crate) one_code_at_a_time: tokio::sync::Mutex<()>,
    pub(crate) stage: Stage,
    pub(crate) rate: Rate,
    pub(crate) seats: Seats,
    /// Files of readings under way.
    pub(crate) exports: Exports,
    pub(crate) ended: broadcast::Sender<Ended>,
}

impl Deref for Api {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}

impl Api {
    /// Gathers the parts and starts the renderer of the live stream, which ends with `stop`.
    ///
    /// # Errors
    /// [`StartError`].
    pub async fn start(engine: Engine, config: Config, stop: CancellationToken) -> Result<Self, StartError> {
        let store = engine.store().clone();
        let setup_code = store.setup_needed().await?.then(|| secret::readable(3));
        let live = Arc::clone(engine.live());
        let (newest, hub) = live.relay();
        let stage = Stage::new(live.boot().to_owned(), newest, config.live_kept, config.live_behind);
        let (ended, _) = broadcast::channel(ENDED_BOUND);
        let parts = Parts {
            hasher: Hasher::new(config.hash_cost, config.hashes_at_once)?,
            lock_outs: LockOut::new(LOCK_RULE, LOCK_KEYS),
            one_code_at_a_time: tokio::sync::Mutex::new(()),
            sign_ins: RateLimit::new(config.sign_ins_per_minute, 60, RATE_KEYS),
            links: RateLimit::new(LINKS_PER_MINUTE, 60, RATE_KEYS),
            store,
            directory: Arc::clone(engine.directory()),
            sessions: Arc::clone(engine.sessions()),
            counters: Arc::clone(engine.counters()),
            started_at: engine.started_at(),
            rate: Rate::default(),
            seats: Seats::default(),
            exports: Exports::new(config.exports_at_once),
            engine,
            config,
            live,
            setup_code,
            doors: RwLock::default(),
            stop,
            stage,
            ended,
        };
        let api = Self(Arc::new(parts));
        tokio::spawn(render::run(api.clone(), hub));
        Ok(api)
    }

    /// The server's clock.
    #[must_use]
    pub fn now(&self) -> UnixMs {
        self.engine.now()
    }

    /// Tells people where devices can dial in: `door` is `mqtt`, `coap` ...
    pub fn door_is_open(&self, door: &'static str, address: SocketAddr) {
        self.doors.write().unwrap_or_else(PoisonError::into_inner).push((door, address));
    }

    /// Every detector as of the last commit.
    #[must_use]
    pub fn memory(&self) -> &Memory {
        self.engine.memory()
    }

    /// Room taken and left, as of the last look.
    #[must_use]
    pub fn storage(&self) -> StorageFacts {
        self.engine.storage()
    }

    /// How full each queue is.
    #[must_use]
    pub fn queues(&self) -> Vec<QueueFacts> {
        self.engine.queues()
    }

    pub(crate) fn status_of(&self, detector: DetectorId) -> Status {
        self.memory().detector(detector).map_or(Status::Unknown, |d| d.status.into())
    }

    /// Tells the screens that a list is to be read again.
    pub(crate) fn changed(&self, what: &'static str) {
        self.live.publish(None, None, LiveKind::Changed { what });
    }

    /// Ends what a session or token holds open.
    pub(crate) fn end(&self, what: Ended) {
        // No open stream is no error.
        let _nobody = self.ended.send(what);
    }
}
