//! What the doors for messages share: who speaks, what became of what they said, which commands wait for them.
//!
//! ```text
//! HTTP, CoAP, carriers' push -> prove -> understand (telemetry) -> pipeline -> outcome -> answer
//!                                 |                                    ^
//!                                 +-> unknown: pending list            +-- idempotency key: kept with the readings
//! bus::Sessions -> mailbox -> the device fetches its commands, and answers them by number
//! ```

use std::collections::HashSet;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bus::intake::UnknownTerminal;
use bus::{AnswerBook, Confirm, Counters, Directory, Intake, IntakeSender, Outcome, Sessions, TelegramSink};
use domain::id::TerminalId;
use domain::kept_answer::KeptAnswer;
use domain::place::{Admission, Credential, Protocol, TerminalEntry};
use domain::telegram::{Refused, TelegramDirection};
use domain::time::UnixMs;
use sha2::{Digest as _, Sha256};
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use wire::telemetry::{Form, Limits, Number, Tree, write_tree};

use crate::Clock;
use crate::config::{TelegramLevel, ms};
use crate::pending::PendingReports;
use crate::telegram_log::{TelegramLog, Whose};
use crate::telemetry::{self, Context, PartRefused, Payload, Understood};

pub(crate) mod mailbox;
#[cfg(test)]
pub(crate) mod testing;

use mailbox::Mailboxes;

/// What the doors for messages have in common.
#[derive(Debug, Clone)]
pub struct IngestConfig {
    /// How much one message may be.
    pub limits: Limits,
    /// The same unknown serial is reported at most this often, s. Default 30.
    pub pending_report_s: u64,
    /// How long a device may take to fetch and answer a command, s. Default 60.
    pub command_within_s: u64,
    /// A command that was fetched and not answered is given out again after this long, s. Default 10.
    pub command_again_s: u64,
    /// For how long after it fetched commands a device counts as reachable, s. Default 90.
    pub awake_s: u64,
    /// Commands that may wait for one device. Default 16.
    pub max_commands: usize,
    /// How long messages under way may take to be committed when the process stops, s. Default 5.
    pub stop_within_s: u64,
    /// Which telegrams are kept. Default all.
    pub telegram_log: TelegramLevel,
}

impl Default for IngestConfig {
    fn default() -> Self {
        Self {
            limits: Limits::default(),
            pending_report_s: 30,
            command_within_s: 60,
            command_again_s: 10,
            awake_s: 90,
            max_commands: 16,
            stop_within_s: 5,
            telegram_log: TelegramLevel::All,
        }
    }
}

/// The other parts of the process that the doors for messages work with.
pub struct IngestParts {
    /// Into the pipeline.
    pub intake: IntakeSender,
    /// Who may speak.
    pub directory: Arc<Directory>,
    /// Open lines, for commands.
    pub sessions: Arc<Sessions>,
    /// The telegram log.
    pub telegrams: TelegramSink,
    /// Counters of the process.
    pub counters: Arc<Counters>,
    /// Answers to messages with an idempotency key.
    pub answers: Arc<dyn AnswerBook>,
    /// The server's wall clock.
    pub clock: Clock,
    /// Cancelled when nothing more is to be taken in.
    pub shutdown: CancellationToken,
}

/// What the doors for messages share; each door is started with it.
pub struct Ingest {
    pub(crate) config: IngestConfig,
    pub(crate) intake: IntakeSender,
    pub(crate) directory: Arc<Directory>,
    pub(crate) counters: Arc<Counters>,
    pub(crate) mailboxes: Mailboxes,
    pub(crate) tracker: TaskTracker,
    /// No more is taken in; what is under way may finish.
    pub(crate) soft_stop: CancellationToken,
    /// Nothing is waited for any more.
    pub(crate) hard_stop: CancellationToken,
    telegrams: TelegramLog,
    answers: Arc<dyn AnswerBook>,
    clock: Clock,
    started: Instant,
    pending: PendingReports,
    under_way: Mutex<HashSet<(TerminalId, String)>>,
}

impl std::fmt::Debug for Ingest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ingest").field("config", &self.config).finish_non_exhaustive()
    }
}

/// How a terminal proves who it is.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Proof<'a> {
    /// A token that the platform made.
    Token(&'a str),
    /// SHA-256 of the certificate whose key it holds.
    Certificate([u8; 32]),
    /// The key that its line was secured with.
    PreSharedKey(&'a [u8]),
    /// A carrier's platform that has proved itself speaks for it.
    Carrier,
}

/// Why somebody may not be heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NotHeard {
    /// Text that is no serial number.
    #[error("a serial number of 1 to 64 letters, digits, `-`, `_`, `.` or `:` was wanted")]
    NoSerial,
    /// Nobody has admitted it, or the proof is wrong. The two are one: whoever guesses learns nothing.
    #[error("terminal and token are not known together")]
    Unknown,
    /// The process stops.
    #[error("the server is stopping")]
    Stopping,
}

/// What became of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Receipt {
    /// The answer, JSON.
    pub(crate) json: String,
    /// It was answered before; nothing was taken a second time.
    pub(crate) is_again: bool,
}

/// Why a message was not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NotTaken {
    /// Nothing of it could be read.
    #[error("{0}")]
    Unreadable(String),
    /// The key was used for another message.
    #[error("the idempotency key was given to another message")]
    OtherMessage,
    /// The same message is under way.
    #[error("a message with this idempotency key is under way")]
    UnderWay,
    /// The store cannot take it; send it again.
    #[error("the readings could not be stored")]
    Unavailable,
}

/// Where a message came from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Origin<'a> {
    pub(crate) remote: SocketAddr,
    /// The sub-device that the path names.
    pub(crate) address: Option<&'a str>,
    /// The time that a carrier's platform gives.
    pub(crate) device_at: Option<UnixMs>,
    /// The key that makes the message one, however often it comes.
    pub(crate) key: Option<&'a str>,
}

/// Longest serial number, characters.
const MAX_SERIAL: usize = 64;

impl Ingest {
    /// What the doors share. Must be called inside a Tokio runtime.
    #[must_use]
    pub fn new(config: IngestConfig, parts: IngestParts) -> Arc<Self> {
        let IngestParts { intake, directory, sessions, telegrams, counters, answers, clock, shutdown } =
            parts;
        let tracker = TaskTracker::new();
        Arc::new(Self {
            mailboxes: Mailboxes::new(
                &config,
                sessions,
                intake.clone(),
                Arc::clone(&clock),
                tracker.clone(),
                shutdown.clone(),
            ),
            telegrams: TelegramLog::new(telegrams, config.telegram_log),
            pending: PendingReports::new(ms(config.pending_report_s)),
            config,
            intake,
            directory,
            counters,
            tracker,
            soft_stop: shutdown,
            hard_stop: CancellationToken::new(),
            answers,
            clock,
            started: Instant::now(),
            under_way: Mutex::default(),
        })
    }

    /// Waits until the shutdown is asked for and the doors have ended. Messages under way may be committed and
    /// confirmed until the deadline of the settings; then they are cut off.
    pub async fn stopped(&self) {
        self.soft_stop.cancelled().await;
        self.tracker.close();
        if timeout(Duration::from_secs(self.config.stop_within_s), self.tracker.wait()).await.is_err() {
            tracing::warn!("messages under way are cut off: the deadline to stop has passed");
            self.hard_stop.cancel();
            self.tracker.wait().await;
        }
    }

    pub(crate) fn now(&self) -> UnixMs {
        (self.clock)()
    }

    pub(crate) fn mono_ms(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// Finds out whether `serial` may be heard with this proof; somebody unknown is put on the pending list.
    pub(crate) async fn prove(
        &self,
        serial: &str,
        proof: Proof<'_>,
        remote: SocketAddr,
        readings_ignored: u32,
    ) -> Result<Arc<TerminalEntry>, NotHeard> {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | ':');
        if serial.is_empty() || serial.len() > MAX_SERIAL || !serial.chars().all(is_plain) {
            return Err(NotHeard::NoSerial);
        }
        let known = self.directory.terminal(Protocol::Telemetry, serial);
        match known.filter(|entry| entry.admission == Admission::Admitted) {
            Some(entry) if holds(&entry.credentials, proof) => Ok(entry),
            // Somebody who knows the serial of an admitted terminal and not its token is no news for the list.
            Some(_wrong_proof) => Err(NotHeard::Unknown),
            None => {
                let unknown = UnknownTerminal {
                    serial: serial.to_owned(),
                    protocol: Protocol::Telemetry,
                    iccid: None,
                    signal: None,
                    firmware: None,
                    remote: remote.to_string(),
                    at: self.now(),
                    readings_ignored,
                };
                if let Some(unknown) = self.pending.due(unknown, self.mono_ms(), &self.counters) {
                    self.intake
                        .send(Intake::Unknown(unknown))
                        .await
                        .map_err(|_stopped| NotHeard::Stopping)?;
                }
                Err(NotHeard::Unknown)
            }
        }
    }

    /// Takes a message of `entry` and comes back when its readings are committed (invariant 1), with the answer to
    /// give. What could not be read stands in the answer; it does not lose the rest.
    pub(crate) async fn take(
        self: &Arc<Self>,
        entry: &TerminalEntry,
        bytes: &[u8],
        form: Option<Form>,
        origin: Origin<'_>,
    ) -> Result<Receipt, NotTaken> {
        let under_way = match origin.key {
            None => None,
            Some(key) => {
                let guard = UnderWay::enter(self, entry.id, key).ok_or(NotTaken::UnderWay)?;
                let found = self.answers.find(entry.id, key).await;
                match found.map_err(|_unavailable| NotTaken::Unavailable)? {
                    Some(kept) if kept.digest == digest(bytes) => {
                        self.keep(entry.id, origin.remote, TelegramDirection::Up, bytes, None);
                        return Ok(Receipt { json: kept.answer, is_again: true });
                    }
                    Some(_other) => return Err(NotTaken::OtherMessage),
                    None => Some(guard),
                }
            }
        };
        let context = Context {
            address: origin.address,
            device_at: origin.device_at,
            received_at: self.now(),
            limits: &self.config.limits,
        };
        let understood = telemetry::understand(entry, &self.directory, Payload { bytes, form }, context)
            .and_then(|understood| match understood.is_useless() {
                true => Err(words(&understood.refused)),
                false => Ok(understood),
            });
        let understood = match understood {
            Ok(understood) => {
                self.counters.frames_understood.add_one();
                let refused = (!understood.refused.is_empty()).then(|| words(&understood.refused));
                self.keep(entry.id, origin.remote, TelegramDirection::Up, bytes, refused);
                understood
            }
            Err(reason) => {
                self.counters.frames_refused.add_one();
                self.keep(entry.id, origin.remote, TelegramDirection::Up, bytes, Some(reason.clone()));
                return Err(NotTaken::Unreadable(reason));
            }
        };
        let json = answer(&understood);
        let Understood { readings, answers, signal, firmware, refused: _ } = understood;
        self.mailboxes.settle(entry.id, answers);
        if readings.is_empty() || signal.is_some() || firmware.is_some() {
            let heard = Intake::Heard { terminal: entry.id, at: context.received_at, signal, firmware };
            self.intake.send(heard).await.map_err(|_stopped| NotTaken::Unavailable)?;
        }
        if readings.is_empty() {
            return Ok(Receipt { json, is_again: false });
        }
        let count = readings.len() as u64;
        self.counters.readings_received.add(count);
        let (mut confirm, outcome) = Confirm::pair();
        if let Some(key) = origin.key {
            confirm = confirm.with_answer(KeptAnswer {
                terminal: entry.id,
                key: key.to_owned(),
                digest: digest(bytes),
                answer: json.clone(),
                at: context.received_at,
            });
        }
        self.intake
            .send(Intake::Readings { readings, confirm })
            .await
            .map_err(|_stopped| NotTaken::Unavailable)?;
        match self.outcome(outcome, under_way, count).await {
            Outcome::Committed => Ok(Receipt { json, is_again: false }),
            Outcome::Unavailable => Err(NotTaken::Unavailable),
        }
    }

    /// Waits for the outcome in a task of its own: whoever asked may give up meanwhile, and the key stays taken until
    /// it is known whether it was used.
    async fn outcome(
        self: &Arc<Self>,
        outcome: oneshot::Receiver<Outcome>,
        under_way: Option<UnderWay>,
        count: u64,
    ) -> Outcome {
        let (tell, told) = oneshot::channel();
        let ingest = Arc::clone(self);
        self.tracker.spawn(async move {
            let outcome = tokio::select! {
                biased;
                () = ingest.hard_stop.cancelled() => Outcome::Unavailable,
                outcome = outcome => outcome.unwrap_or(Outcome::Unavailable),
            };
            match outcome {
                Outcome::Committed => ingest.counters.readings_confirmed.add(count),
                Outcome::Unavailable => ingest.counters.readings_unconfirmed.add(count),
            }
            drop(under_way);
            let _gone = tell.send(outcome);
        });
        told.await.unwrap_or(Outcome::Unavailable)
    }

    /// Keeps a telegram in the log.
    pub(crate) fn keep(
        &self,
        terminal: TerminalId,
        remote: SocketAddr,
        direction: TelegramDirection,
        bytes: &[u8],
        refused: Option<String>,
    ) {
        let whose = Whose { terminal: Some(terminal), remote, protocol: Protocol::Telemetry.code() };
        let refused =
            refused.map(|reason| Refused { reason, clause: "telemetry form, version 1".to_owned() });
        self.telegrams.keep(whose, direction, bytes, refused, self.now());
    }
}

/// Compared without an early end, so that the time tells nothing of where two differ.
pub(crate) fn is_same(a: &[u8; 32], b: &[u8; 32]) -> bool {
    a.iter().zip(b).fold(0u8, |sum, (a, b)| sum | (a ^ b)) == 0
}

fn holds(credentials: &[Credential], proof: Proof<'_>) -> bool {
    let shown: [u8; 32] = match proof {
        Proof::Carrier => return true,
        Proof::Token(token) => Sha256::digest(token.as_bytes()).into(),
        Proof::Certificate(hash) => hash,
        Proof::PreSharedKey(key) => Sha256::digest(key).into(),
    };
    // Every credential is looked at, whether one fits already or not.
    credentials.iter().fold(false, |holds, credential| {
        let fits = match (credential, proof) {
            (Credential::TokenHash(hash), Proof::Token(_))
            | (Credential::CertificateHash(hash), Proof::Certificate(_)) => is_same(hash, &shown),
            (Credential::SharedSecret(key), Proof::PreSharedKey(_)) => {
                is_same(&Sha256::digest(key).into(), &shown)
            }
            (
                Credential::TokenHash(_) | Credential::CertificateHash(_) | Credential::SharedSecret(_),
                Proof::Token(_) | Proof::Certificate(_) | Proof::PreSharedKey(_) | Proof::Carrier,
            ) => false,
        };
        holds | fits
    })
}

fn digest(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

fn words(refused: &[PartRefused]) -> String {
    let parts: Vec<_> = refused.iter().map(|part| format!("{}: {}", part.part, part.reason)).collect();
    parts.join("; ")
}

/// `{"v":1,"readings":12,"answers":0,"refused":[{"part":"readings[3]","reason":"..."}]}`
fn answer(understood: &Understood) -> String {
    let number = |count: usize| Tree::Number(Number::whole(i128::try_from(count).unwrap_or(i128::MAX)));
    let refused = understood.refused.iter().map(|part| {
        Tree::Map(vec![
            ("part".to_owned(), Tree::Text(part.part.clone())),
            ("reason".to_owned(), Tree::Text(part.reason.clone())),
        ])
    });
    let tree = Tree::Map(vec![
        ("v".to_owned(), number(1)),
        ("readings".to_owned(), number(understood.readings.len())),
        ("answers".to_owned(), number(understood.answers.len())),
        ("refused".to_owned(), Tree::List(refused.collect())),
    ]);
    String::from_utf8_lossy(&write_tree(Form::Json, &tree)).into_owned()
}

/// A message with a key that is on its way through the pipeline.
struct UnderWay {
    ingest: Arc<Ingest>,
    place: (TerminalId, String),
}

impl UnderWay {
    fn enter(ingest: &Arc<Ingest>, terminal: TerminalId, key: &str) -> Option<Self> {
        let place = (terminal, key.to_owned());
        let mut under_way = ingest.under_way.lock().unwrap_or_else(PoisonError::into_inner);
        under_way.insert(place.clone()).then(|| Self { ingest: Arc::clone(ingest), place })
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.ingest.under_way.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.place);
    }
}
