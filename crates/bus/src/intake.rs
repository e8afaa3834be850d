//! From the gateway into the pipeline. Bounded; when it is full the session waits and so does its socket.

use domain::id::TerminalId;
use domain::kept_answer::KeptAnswer;
use domain::place::Protocol;
use domain::reading::Reading;
use domain::time::UnixMs;
use tokio::sync::{mpsc, oneshot};

/// One thing that the field said.
#[derive(Debug)]
pub enum Intake {
    /// Readings of one telegram, confirmed together after their commit.
    Readings {
        /// One or more, of admitted detectors.
        readings: Vec<Reading>,
        /// Told the outcome after the commit.
        confirm: Confirm,
    },
    /// The terminal gave a sign of life without a reading (login, heartbeat, answer without values).
    Heard {
        /// Who.
        terminal: TerminalId,
        /// Server's clock.
        at: UnixMs,
        /// Modem signal 0-31, where the telegram carries it.
        signal: Option<u8>,
        /// Firmware text, where the telegram carries it.
        firmware: Option<String>,
    },
    /// Something happened to a terminal's line that must be kept.
    Line {
        /// Who.
        terminal: TerminalId,
        /// Server's clock.
        at: UnixMs,
        /// The other end's address.
        remote: String,
        /// What.
        event: LineEvent,
    },
    /// What a terminal told that is kept as its events; confirmed after the commit like readings.
    Noted {
        /// Who.
        terminal: TerminalId,
        /// Server's clock.
        at: UnixMs,
        /// The other end's address.
        remote: String,
        /// What it told.
        notes: Vec<Note>,
        /// Told the outcome after the commit.
        confirm: Confirm,
    },
    /// Somebody unknown dialled in.
    Unknown(UnknownTerminal),
}

/// One thing that a terminal told of itself and that is no reading: an operation, a configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// The event's stable name: `operation`, `configuration`, `version`, `system_state`, `component_state`, `device_state`.
    pub event: &'static str,
    /// In words.
    pub detail: String,
}

/// What can happen to a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LineEvent {
    /// It is connected and has said who it is.
    Connected,
    /// It is gone, with the reason.
    Disconnected(String),
    /// A second connection took its identity; the first, from this address, was closed.
    Replaced {
        /// Where the replaced connection came from.
        previous_remote: String,
    },
    /// The SIM card is not the pinned one.
    IccidChanged {
        /// The pinned one.
        pinned: String,
        /// The one it came with.
        seen: String,
    },
    /// A SIM card was announced and none was pinned yet.
    IccidSeen(String),
    /// A detector behind it did not answer as often as the back-off allows.
    UnitSilent {
        /// Modbus unit address.
        unit: u8,
    },
    /// The same for a meter.
    MeterSilent {
        /// Meter number.
        meter: String,
    },
    /// A meter behind it refused what it was asked.
    MeterRefused {
        /// Meter number.
        meter: String,
        /// Its error word (DL/T 645-2007, 7.1).
        code: u8,
    },
    /// A detector behind it answered with a Modbus exception.
    UnitException {
        /// Modbus unit address.
        unit: u8,
        /// Exception code.
        code: u8,
    },
}

/// Somebody unknown, as they introduced themselves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownTerminal {
    /// Serial number or registration string.
    pub serial: String,
    /// How it speaks.
    pub protocol: Protocol,
    /// SIM card, where announced.
    pub iccid: Option<String>,
    /// Modem signal, where announced.
    pub signal: Option<u8>,
    /// Firmware text, where announced.
    pub firmware: Option<String>,
    /// The other end's address.
    pub remote: String,
    /// Server's clock.
    pub at: UnixMs,
    /// How many readings came with it and were not counted.
    pub readings_ignored: u32,
}

/// What became of readings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// On disk with everything that follows from them.
    Committed,
    /// The store could not take them; the device must keep them and try again.
    Unavailable,
}

/// The promise to tell the session what became of its readings. Dropping it counts as `Unavailable`.
#[derive(Debug)]
pub struct Confirm {
    tell: oneshot::Sender<Outcome>,
    answer: Option<Box<KeptAnswer>>,
}

impl Confirm {
    /// A promise and its other end.
    #[must_use]
    pub fn pair() -> (Self, oneshot::Receiver<Outcome>) {
        let (tx, rx) = oneshot::channel();
        (Self { tell: tx, answer: None }, rx)
    }

    /// The same promise, with the answer that has to be kept in the transaction of the readings: a message that
    /// comes again is answered from there and its readings are not taken a second time.
    #[must_use]
    pub fn with_answer(mut self, answer: KeptAnswer) -> Self {
        self.answer = Some(Box::new(answer));
        self
    }

    /// The answer to keep, once.
    pub fn take_answer(&mut self) -> Option<KeptAnswer> {
        self.answer.take().map(|answer| *answer)
    }

    /// Keeps the promise. A session that is gone is no error.
    pub fn tell(self, outcome: Outcome) {
        let _gone = self.tell.send(outcome);
    }
}

/// The gateway's end. `send` waits while the queue is full.
#[derive(Debug, Clone)]
pub struct IntakeSender(mpsc::Sender<Intake>);

/// The pipeline's end.
pub type IntakeReceiver = mpsc::Receiver<Intake>;

/// The pipeline is gone; the process is stopping.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the pipeline has stopped")]
pub struct Stopped;

impl IntakeSender {
    /// A queue of at most `bound` items.
    #[must_use]
    pub fn bounded(bound: usize) -> (Self, IntakeReceiver) {
        let (tx, rx) = mpsc::channel(bound);
        (Self(tx), rx)
    }

    /// Hands `item` over; waits while the queue is full.
    ///
    /// # Errors
    /// [`Stopped`] when the pipeline is gone.
    pub async fn send(&self, item: Intake) -> Result<(), Stopped> {
        self.0.send(item).await.map_err(|_gone| Stopped)
    }

    /// Hands `item` over at once; gives it back while the queue is full.
    ///
    /// # Errors
    /// [`Stopped`] when the pipeline is gone.
    pub fn try_send(&self, item: Intake) -> Result<Option<Intake>, Stopped> {
        match self.0.try_send(item) {
            Ok(()) => Ok(None),
            Err(mpsc::error::TrySendError::Full(item)) => Ok(Some(item)),
            Err(mpsc::error::TrySendError::Closed(_)) => Err(Stopped),
        }
    }

    /// How many items wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.max_capacity() - self.0.capacity()
    }

    /// Whether nothing waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The bound.
    #[must_use]
    pub fn bound(&self) -> usize {
        self.0.max_capacity()
    }
}
