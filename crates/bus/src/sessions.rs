//! Which session holds a terminal's line, and how to ask it to send something.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use domain::id::TerminalId;
use domain::profile::{ReadCommand, WriteCommand};
use domain::time::UnixMs;
use serde::Serialize;
use tokio::sync::{Notify, mpsc, oneshot};

/// What a session can be asked to do on its line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LineCommand {
    /// Write registers of the detector at `unit` (`None`: the terminal's own detector).
    Write {
        /// Modbus unit address.
        unit: Option<u8>,
        /// What to write.
        write: WriteCommand,
    },
    /// Read registers of the detector at `unit`; answered with [`LineAnswer::Data`].
    Read {
        /// Modbus unit address.
        unit: Option<u8>,
        /// What to read.
        read: ReadCommand,
    },
    /// A command with a name, for protocols that send messages; answered when the device answers it.
    Named {
        /// Unique per terminal; the device repeats it in its answer.
        id: u64,
        /// The detector's address behind the terminal.
        address: Option<String>,
        /// What to do: `self_test`, `mute`, `reset`, `trip`, `close`, `set`, `period`, `get` ...
        name: String,
        /// Its parameters, as JSON text.
        value: String,
    },
    /// Tell the device what time it is.
    SetClock,
    /// Ask the device to say now what it would say by itself (GB/T 26875.3 types 61-68 and 81-88, telemetry `get`).
    Query {
        /// What to ask for, in the protocol's own number (GB/T 26875.3: the type flag).
        what: u8,
        /// The detector's address behind the terminal.
        address: Option<String>,
    },
    /// Post check (查岗): somebody on site has to answer (GB/T 26875.3 type 91).
    PostCheck {
        /// In how many minutes.
        within_min: u8,
    },
    /// Start the device anew (GB/T 26875.3 type 89).
    Initialise,
    /// Close the line; the device will dial again.
    Close {
        /// Why, for the log.
        reason: String,
    },
}

/// What the device answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LineAnswer {
    /// It took the command.
    Done,
    /// It took the command and sent these bytes: registers high byte first, or the protocol's own data.
    Data(Vec<u8>),
    /// It refused with a Modbus exception.
    Exception(u8),
    /// It refused in words.
    Refused(String),
}

/// Why a command did not reach an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LineError {
    /// The line's protocol has no such command.
    #[error("the device's protocol has no such command")]
    Unsupported,
    /// Nobody with that id is connected.
    #[error("the terminal is not connected")]
    NotConnected,
    /// The session has as many commands waiting as it takes.
    #[error("the line is busy")]
    Busy,
    /// No answer in time.
    #[error("the device did not answer in time")]
    TimedOut,
    /// The line broke while waiting.
    #[error("the line was lost")]
    LineLost,
}

/// A request on its way to a session.
pub type LineRequest = (LineCommand, oneshot::Sender<Result<LineAnswer, LineError>>);

/// What is known about an open session.
#[derive(Debug, Clone, Serialize)]
pub struct SessionInfo {
    /// The other end's address.
    pub remote: String,
    /// Since when, server's clock.
    pub connected_at: UnixMs,
}

#[derive(Debug)]
struct Session {
    number: u64,
    info: SessionInfo,
    requests: mpsc::Sender<LineRequest>,
}

/// The open sessions of this process, one per terminal.
#[derive(Debug, Default)]
pub struct Sessions {
    open: Mutex<HashMap<TerminalId, Session>>,
    next_number: std::sync::atomic::AtomicU64,
    opened: Notify,
}

impl Sessions {
    /// Makes a session the owner of `terminal`'s line. Returns its number and, when another session held the
    /// line, that one's info: the older session's request queue is dropped, which is its sign to close.
    pub fn open(
        &self,
        terminal: TerminalId,
        info: SessionInfo,
        requests: mpsc::Sender<LineRequest>,
    ) -> (u64, Option<SessionInfo>) {
        let number = self.next_number.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let previous = open.insert(terminal, Session { number, info, requests });
        self.opened.notify_one();
        (number, previous.map(|session| session.info))
    }

    /// Gives the line up, unless a newer session holds it already. Says whether it was still ours.
    pub fn close(&self, terminal: TerminalId, number: u64) -> bool {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if open.get(&terminal).is_some_and(|session| session.number == number) {
            open.remove(&terminal);
            return true;
        }
        false
    }

    /// Waits until a session has been opened since the last time that somebody waited; for one waiter.
    pub async fn opened(&self) {
        self.opened.notified().await;
    }

    /// Whether somebody holds `terminal`'s line.
    #[must_use]
    pub fn is_open(&self, terminal: TerminalId) -> bool {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).contains_key(&terminal)
    }

    /// What is known about `terminal`'s session, if one is open.
    #[must_use]
    pub fn info(&self, terminal: TerminalId) -> Option<SessionInfo> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).get(&terminal).map(|s| s.info.clone())
    }

    /// How many sessions are open.
    #[must_use]
    pub fn count(&self) -> usize {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Sends `command` to the session of `terminal` and waits for the device's answer; the session itself
    /// bounds the wait.
    ///
    /// # Errors
    /// [`LineError`] says why there is no answer.
    pub async fn request(&self, terminal: TerminalId, command: LineCommand) -> Result<LineAnswer, LineError> {
        let requests = {
            let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
            open.get(&terminal).map(|session| session.requests.clone()).ok_or(LineError::NotConnected)?
        };
        let (tx, rx) = oneshot::channel();
        requests.try_send((command, tx)).map_err(|refused| match refused {
            mpsc::error::TrySendError::Full(_) => LineError::Busy,
            mpsc::error::TrySendError::Closed(_) => LineError::NotConnected,
        })?;
        drop(requests);
        rx.await.unwrap_or(Err(LineError::LineLost))
    }
}
