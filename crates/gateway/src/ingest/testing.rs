//! A pipeline that commits or refuses as it is told, for the tests of the doors.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use bus::answers::Looking;
use bus::{
    AnswerBook, BookUnavailable, Counters, Directory, Intake, IntakeSender, Outcome, Sessions, TelegramSink,
};
use domain::id::{DetectorId, TerminalId};
use domain::kept_answer::KeptAnswer;
use domain::place::{Admission, Credential, DetectorEntry, Protocol, TerminalEntry};
use domain::reading::Reading;
use domain::telegram::Telegram;
use domain::time::UnixMs;
use sha2::{Digest as _, Sha256};
use tokio::sync::{Notify, mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use super::{Ingest, IngestConfig, IngestParts};

pub(crate) const SERIAL: &str = "DEV-1";
pub(crate) const TOKEN: &str = "a-token-that-was-shown-once";
pub(crate) const TERMINAL: TerminalId = TerminalId(5);

#[derive(Debug, Default)]
struct Book {
    answers: Mutex<HashMap<(TerminalId, String), KeptAnswer>>,
    is_closed: Mutex<bool>,
}

impl AnswerBook for Book {
    fn find<'a>(&'a self, terminal: TerminalId, key: &'a str) -> Looking<'a> {
        let found = if *self.is_closed.lock().unwrap() {
            Err(BookUnavailable)
        } else {
            Ok(self.answers.lock().unwrap().get(&(terminal, key.to_owned())).cloned())
        };
        Box::pin(std::future::ready(found))
    }
}

/// How the pipeline is told to behave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mood {
    Commits,
    Refuses,
    /// It holds everything back until [`Field::release`].
    Holds,
}

/// The pipeline and what it saw.
pub(crate) struct Field {
    pub(crate) ingest: Arc<Ingest>,
    pub(crate) sessions: Arc<Sessions>,
    pub(crate) directory: Arc<Directory>,
    pub(crate) taken: Arc<Mutex<Vec<Reading>>>,
    pub(crate) unknown: Arc<Mutex<Vec<String>>>,
    pub(crate) lines: mpsc::Receiver<bus::intake::LineEvent>,
    pub(crate) telegrams: Arc<Mutex<Vec<Telegram>>>,
    mood: Arc<Mutex<Mood>>,
    book: Arc<Book>,
    released: Arc<Notify>,
    /// Told for every message that reached the pipeline.
    pub(crate) arrived: Arc<Notify>,
    pub(crate) shutdown: CancellationToken,
}

impl Field {
    pub(crate) fn start(config: IngestConfig) -> Self {
        let counters = Arc::new(Counters::default());
        let directory = Arc::new(Directory::default());
        for profile in domain::profile::shipped().unwrap() {
            directory.put_profile(profile);
        }
        directory.put_terminal(terminal(SERIAL, Admission::Admitted, "telemetry-generic"));
        let (intake, mut intake_end) = IntakeSender::bounded(64);
        let (sink, mut telegrams_end) = TelegramSink::bounded(1_024, Arc::clone(&counters));
        let sessions = Arc::new(Sessions::default());
        let book = Arc::new(Book::default());
        let shutdown = CancellationToken::new();
        let ingest = Ingest::new(
            config,
            IngestParts {
                intake,
                directory: Arc::clone(&directory),
                sessions: Arc::clone(&sessions),
                telegrams: sink,
                counters,
                answers: Arc::clone(&book) as Arc<dyn AnswerBook>,
                clock: Arc::new(|| UnixMs(1_767_294_245_000)),
                shutdown: shutdown.clone(),
            },
        );
        let taken: Arc<Mutex<Vec<Reading>>> = Arc::default();
        let unknown: Arc<Mutex<Vec<String>>> = Arc::default();
        let telegrams: Arc<Mutex<Vec<Telegram>>> = Arc::default();
        let mood = Arc::new(Mutex::new(Mood::Commits));
        let (released, arrived) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let (line, lines) = mpsc::channel(64);
        {
            let (taken, unknown, mood, book) =
                (Arc::clone(&taken), Arc::clone(&unknown), Arc::clone(&mood), Arc::clone(&book));
            let (released, arrived) = (Arc::clone(&released), Arc::clone(&arrived));
            tokio::spawn(async move {
                while let Some(item) = intake_end.recv().await {
                    match item {
                        Intake::Readings { readings, mut confirm } => {
                            arrived.notify_one();
                            let now = *mood.lock().unwrap();
                            if now == Mood::Holds {
                                released.notified().await;
                            }
                            let now = *mood.lock().unwrap();
                            if now == Mood::Refuses {
                                confirm.tell(Outcome::Unavailable);
                                continue;
                            }
                            taken.lock().unwrap().extend(readings);
                            if let Some(answer) = confirm.take_answer() {
                                let place = (answer.terminal, answer.key.clone());
                                book.answers.lock().unwrap().entry(place).or_insert(answer);
                            }
                            confirm.tell(Outcome::Committed);
                        }
                        Intake::Unknown(terminal) => unknown.lock().unwrap().push(terminal.serial),
                        Intake::Line { event, .. } => drop(line.try_send(event)),
                        Intake::Heard { .. } | Intake::Noted { .. } => {}
                    }
                }
            });
        }
        {
            let telegrams = Arc::clone(&telegrams);
            tokio::spawn(async move {
                while let Some(telegram) = telegrams_end.recv().await {
                    telegrams.lock().unwrap().push(telegram);
                }
            });
        }
        Self {
            ingest,
            sessions,
            directory,
            taken,
            unknown,
            lines,
            telegrams,
            mood,
            book,
            released,
            arrived,
            shutdown,
        }
    }

    pub(crate) fn be(&self, mood: Mood) {
        *self.mood.lock().unwrap() = mood;
    }

    /// Lets go of what is held back.
    pub(crate) fn release(&self, mood: Mood) {
        self.be(mood);
        self.released.notify_one();
    }

    pub(crate) fn close_book(&self) {
        *self.book.is_closed.lock().unwrap() = true;
    }

    pub(crate) fn taken(&self) -> usize {
        self.taken.lock().unwrap().len()
    }

    /// Asks the terminal's line to do something.
    pub(crate) fn ask(
        &self,
        command: bus::LineCommand,
    ) -> oneshot::Receiver<Result<bus::LineAnswer, bus::LineError>> {
        let (tell, told) = oneshot::channel();
        let sessions = Arc::clone(&self.sessions);
        tokio::spawn(async move {
            let _gone = tell.send(sessions.request(TERMINAL, command).await);
        });
        told
    }
}

pub(crate) fn terminal(serial: &str, admission: Admission, profile: &str) -> TerminalEntry {
    TerminalEntry {
        id: TERMINAL,
        serial: serial.to_owned(),
        protocol: Protocol::Telemetry,
        admission,
        pinned_iccid: None,
        credentials: vec![Credential::TokenHash(Sha256::digest(TOKEN.as_bytes()).into())],
        detectors: vec![DetectorEntry {
            id: DetectorId(50),
            profile: profile.to_owned(),
            unit_address: None,
            address: None,
        }],
    }
}

/// A door on a free port.
pub(crate) fn anywhere() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 0))
}
