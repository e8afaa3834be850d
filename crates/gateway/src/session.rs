//! What the kinds of session have in common: they are pure. Bytes, time and outcomes go in, what is to be
//! done comes out, and [`crate::connection`] does it.

use std::net::SocketAddr;

use bus::intake::{LineEvent, Note, UnknownTerminal};
use bus::{Directory, Intake, LineAnswer, LineError};
use bytes::Bytes;
use domain::id::TerminalId;
use domain::place::{Credential, Protocol, TerminalEntry};
use domain::reading::Reading;
use domain::telegram::Refused;
use domain::time::UnixMs;

use crate::config::Rules;
use crate::limits::Rate;

mod flow;

pub(crate) use flow::Flow;

/// One moment on two clocks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moment {
    /// The server's clock, for what is written down.
    pub(crate) wall: UnixMs,
    /// A clock that only runs forward, for deadlines, ms.
    pub(crate) mono_ms: u64,
}

/// What a session may look at.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Facts<'a> {
    pub(crate) rules: &'a Rules,
    pub(crate) directory: &'a Directory,
    pub(crate) remote: SocketAddr,
    /// SHA-256 of the certificate that the device showed in the TLS handshake, where it did.
    pub(crate) certificate: Option<&'a [u8; 32]>,
}

/// The clause under which a terminal without its certificate is refused.
pub(crate) const CERTIFICATE: &str = "client certificate of the terminal";

impl Facts<'_> {
    /// How many frames an admitted device may send.
    pub(crate) fn rate(&self) -> Rate {
        Rate::new(self.rules.config.max_frames_per_s, self.rules.config.max_frames_burst)
    }

    /// The longest interval at which a detector of the terminal reports, s.
    pub(crate) fn interval_s(&self, entry: &TerminalEntry) -> Option<u64> {
        let profiles =
            entry.detectors.iter().filter_map(|detector| self.directory.profile(&detector.profile));
        profiles.map(|profile| u64::from(profile.interval_s)).max()
    }

    /// Why whoever is on this connection may not speak for `entry`; `None` where it may.
    pub(crate) fn distrust(&self, entry: &TerminalEntry) -> Option<String> {
        let mut wanted = entry.credentials.iter().filter_map(|credential| match credential {
            Credential::CertificateHash(hash) => Some(hash),
            Credential::TokenHash(_) | Credential::SharedSecret(_) => None,
        });
        let first = wanted.next()?;
        let serial = &entry.serial;
        match self.certificate {
            None => Some(format!("no client certificate, wanted the one registered with terminal {serial}")),
            Some(had) if had == first || wanted.any(|hash| had == hash) => None,
            Some(had) => {
                let [a, b, c, d, ..] = had;
                Some(format!(
                    "client certificate {a:02x}{b:02x}{c:02x}{d:02x}…, wanted one registered with terminal {serial}"
                ))
            }
        }
    }
}

/// What a session wants done, in this order.
#[derive(Debug)]
pub(crate) enum Output {
    /// Bytes that came, for the telegram log and the counters.
    Heard { bytes: Bytes, refused: Option<Refused> },
    /// The frames that follow are of this protocol: a line may carry two.
    Speaks(Protocol),
    /// Write this to the device.
    Write(Vec<u8>),
    /// Hand these over; the session wants to hear the outcome. Outcomes come back in the order of these.
    Readings(Vec<Reading>),
    /// Hand these over as events of the terminal; the session wants to hear the outcome, in order with readings.
    Notes { terminal: TerminalId, notes: Vec<Note> },
    /// Hand this over; there is no outcome.
    Tell(Intake),
    /// Somebody who is not admitted spoke.
    Unknown(UnknownTerminal),
    /// Somebody who says to be an admitted terminal could not prove it.
    Unproven,
    /// The session speaks for this terminal from now on.
    Claim(TerminalId),
    /// The session no longer speaks for its terminal, because of this.
    Release(&'static str),
    /// The command that was taken last has come to this.
    Answered(Result<LineAnswer, LineError>),
    /// Close the connection, because of this.
    Close(String),
}

/// What became of a command on its way to the line.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Taken {
    /// It is on its way; [`Output::Answered`] will follow.
    Waits,
    /// It came to this at once.
    Settled(Result<LineAnswer, LineError>),
}

/// Why bytes were refused.
#[derive(Debug)]
pub(crate) struct Refusal {
    reason: String,
    clause: &'static str,
}

impl Refusal {
    pub(crate) fn new(clause: &'static str, reason: impl ToString) -> Self {
        Self { reason: reason.to_string(), clause }
    }
}

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        Self { reason: refusal.reason, clause: refusal.clause.to_owned() }
    }
}

/// The earliest of some deadlines, ms.
pub(crate) fn earliest<const N: usize>(deadlines: [Option<u64>; N]) -> Option<u64> {
    deadlines.into_iter().flatten().min()
}

/// An event of a terminal's line.
pub(crate) fn line_event(terminal: TerminalId, facts: Facts<'_>, now: Moment, event: LineEvent) -> Intake {
    Intake::Line { terminal, at: now.wall, remote: facts.remote.to_string(), event }
}
