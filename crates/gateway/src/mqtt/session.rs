//! A session of MQTT, without a socket: bytes, time, outcomes and commands go in, what is to be done comes out.
//!
//! ```text
//!  Nobody --CONNECT, proved--> Somebody --DISCONNECT, error, keep-alive, takeover--> closed
//! ```
//!
//! A message of QoS 1 or 2 is answered only after its readings are on disk (invariant 1), and answers leave in the
//! order of the messages. Where the store cannot take one, the line is closed: no version has a word that makes a
//! client send the same message again, a new connection does.

use std::collections::VecDeque;
use std::sync::Arc;

use bus::intake::UnknownTerminal;
use bus::{Intake, LineAnswer, LineError};
use domain::id::TerminalId;
use domain::place::{Protocol, TerminalEntry};
use domain::reading::Reading;
use domain::telegram::Refused;
use mqtt_protocol_core::mqtt::Version;
use mqtt_protocol_core::mqtt::common::Cursor;
use mqtt_protocol_core::mqtt::connection::{ConnectionOptions, Event, GenericEvent, TimerKind};
use mqtt_protocol_core::mqtt::packet::{GenericPacketTrait as _, Packet};

use super::access::{Failures, Judged, judge};
use super::config::Rules;
use super::conversation::Conversation;
use super::packets::{self, Ack, Closing, Connect, NotIn, Received, Server};
use super::shelf::{Kept, Shelf, Turn};
use crate::config::ms;
use crate::limits::{Bucket, Rate};
use crate::session::{Moment, earliest};

mod downward;
mod upward;

use upward::InFlight;

/// The clause under which a message is refused, as the telegram log names it.
const CLAUSE: &str = "MQTT, message";
/// Messages of exactly once that a client may have open at once, whatever it was told.
const MAX_OPEN_EXACTLY: u16 = 1_024;

/// What a session may look at.
#[derive(Clone, Copy)]
pub(crate) struct Facts<'a> {
    pub(crate) rules: &'a Rules,
    pub(crate) directory: &'a bus::Directory,
    pub(crate) shelf: &'a Shelf,
    pub(crate) failures: &'a Failures,
    pub(crate) remote: std::net::SocketAddr,
    /// SHA-256 of the client's certificate, where it showed one.
    pub(crate) certificate: Option<[u8; 32]>,
}

/// What a session wants done, in this order.
#[derive(Debug)]
pub(crate) enum Output {
    /// A message that came, for the telegram log and the counters.
    Heard { topic: String, payload: Vec<u8>, refused: Option<Refused> },
    /// A message that goes to the device, for the telegram log; its packet follows.
    Told { topic: String, payload: Vec<u8> },
    /// Write this to the device.
    Write(Vec<u8>),
    /// Hand these over; the session wants to hear the outcome. Outcomes come back in the order of these.
    Readings(Vec<Reading>),
    /// Hand this over; there is no outcome.
    Tell(Intake),
    /// Somebody who is not admitted spoke.
    Unknown(UnknownTerminal),
    /// The session speaks for this terminal from now on.
    Claim(TerminalId),
    /// The command on the line has come to this.
    Answered(Result<LineAnswer, LineError>),
    /// Close the connection, because of this.
    Close(String),
}

/// Who is at the other end.
#[derive(Debug)]
enum Who {
    /// It has not said.
    Nobody,
    /// It has proved it.
    Somebody(Box<Somebody>),
}

#[derive(Debug)]
struct Somebody {
    entry: Arc<TerminalEntry>,
    client_id: String,
    turn: Turn,
    /// How long the session is kept after the line closes, s.
    expiry_s: u32,
    kept: Kept,
    will: Option<(String, Vec<u8>)>,
    conversation: Conversation,
}

/// One connection that speaks MQTT.
pub(crate) struct Session {
    core: Server,
    who: Who,
    in_flight: VecDeque<InFlight>,
    /// Bytes that were read and may not be looked at yet.
    held: Vec<u8>,
    messages: Bucket,
    refused_in_a_row: u32,
    opened_ms: u64,
    keep_alive_ms: Option<u64>,
    is_closed: bool,
    /// The client said goodbye: its will is not told.
    said_goodbye: bool,
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session")
            .field("who", &self.who)
            .field("in_flight", &self.in_flight)
            .finish_non_exhaustive()
    }
}

impl Session {
    pub(crate) fn new(rules: &Rules, now: Moment) -> Self {
        let options = ConnectionOptions::new()
            .maximum_packet_size_recv(rules.config.max_packet_bytes)
            .receive_maximum(MAX_OPEN_EXACTLY.max(rules.config.max_in_flight));
        let mut core = Server::with_options(Version::Undetermined, options);
        core.set_auto_ping_response(true);
        Self {
            core,
            who: Who::Nobody,
            in_flight: VecDeque::new(),
            held: Vec::new(),
            messages: Bucket::default(),
            refused_in_a_row: 0,
            opened_ms: now.mono_ms,
            keep_alive_ms: None,
            is_closed: false,
            said_goodbye: false,
        }
    }

    /// The terminal at the other end, once it has proved who it is.
    pub(crate) fn entry(&self) -> Option<&Arc<TerminalEntry>> {
        match &self.who {
            Who::Nobody => None,
            Who::Somebody(somebody) => Some(&somebody.entry),
        }
    }

    fn rate(rules: &Rules) -> Rate {
        Rate::new(rules.config.max_messages_per_s, rules.config.max_messages_burst)
    }

    fn has_room(&self, rules: &Rules, now: Moment) -> bool {
        self.in_flight.len() < usize::from(rules.config.max_in_flight)
            && self.messages.fits_at_ms(Self::rate(rules)) <= now.mono_ms
    }

    /// Whether more may be read.
    pub(crate) fn wants_bytes(&self, facts: Facts<'_>, now: Moment) -> bool {
        !self.is_closed && self.held.is_empty() && self.has_room(facts.rules, now)
    }

    /// When [`Self::on_time`] wants to be called, ms.
    pub(crate) fn deadline(&self, facts: Facts<'_>) -> Option<u64> {
        if self.is_closed {
            return None;
        }
        let full = self.in_flight.len() >= usize::from(facts.rules.config.max_in_flight);
        // A session that waits for a commit is woken by its outcome.
        let goes_on = (!full).then(|| self.messages.fits_at_ms(Self::rate(facts.rules)));
        let held = goes_on.filter(|_| !self.held.is_empty());
        match &self.who {
            Who::Nobody => {
                earliest([Some(self.opened_ms.saturating_add(ms(facts.rules.config.connect_within_s))), held])
            }
            Who::Somebody(somebody) => {
                // Whoever is held back by us is not silent.
                let keep_alive = self.keep_alive_ms.filter(|_| self.held.is_empty() && !full);
                let resumes = (!full && self.held.is_empty())
                    .then(|| self.messages.fits_at_ms(Self::rate(facts.rules)))
                    .filter(|at| keep_alive.is_some_and(|deadline| *at > deadline));
                earliest([keep_alive, held, resumes, somebody.conversation.deadline()])
            }
        }
    }

    pub(crate) fn on_bytes(&mut self, bytes: &[u8], facts: Facts<'_>, now: Moment, out: &mut Vec<Output>) {
        if self.held.is_empty() {
            let rest = self.hear(bytes, facts, now, out);
            self.held = bytes.get(rest..).unwrap_or_default().to_vec();
        } else {
            self.held.extend_from_slice(bytes);
            self.go_on(facts, now, out);
        }
    }

    /// Looks at held bytes as far as there is room.
    fn go_on(&mut self, facts: Facts<'_>, now: Moment, out: &mut Vec<Output>) {
        if self.held.is_empty() || !self.has_room(facts.rules, now) {
            return;
        }
        let bytes = std::mem::take(&mut self.held);
        let rest = self.hear(&bytes, facts, now, out);
        self.held = bytes.get(rest..).unwrap_or_default().to_vec();
    }

    /// Hears packet after packet; says how many bytes were used.
    fn hear(&mut self, bytes: &[u8], facts: Facts<'_>, now: Moment, out: &mut Vec<Output>) -> usize {
        let mut cursor = Cursor::new(bytes);
        while !self.is_closed && self.has_room(facts.rules, now) {
            let at = cursor.position();
            let events = self.core.recv(&mut cursor);
            self.act(events, facts, now, out);
            if cursor.position() == at || cursor.remaining_slice().is_empty() {
                break;
            }
        }
        if self.is_closed {
            return bytes.len();
        }
        usize::try_from(cursor.position()).unwrap_or(bytes.len())
    }

    /// Does what the core wants done.
    fn act(&mut self, events: Vec<Event>, facts: Facts<'_>, now: Moment, out: &mut Vec<Output>) {
        let mut error = None;
        for event in events {
            match event {
                GenericEvent::NotifyPacketReceived(packet) => self.receive(packet, facts, now, out),
                GenericEvent::RequestSendPacket { packet, .. } => {
                    // The core answers a repeated message of exactly once by itself, also where the first is not on
                    // disk yet. That answer would be a promise that nobody can keep; it follows the commit.
                    let early = packets::repeated_receipt(&packet).filter(|id| self.waits_for(*id));
                    if early.is_none() {
                        out.push(Output::Write(packet.to_continuous_buffer()));
                    }
                }
                GenericEvent::RequestTimerReset { kind: TimerKind::PingreqRecv, duration_ms } => {
                    self.keep_alive_ms = Some(now.mono_ms.saturating_add(duration_ms));
                }
                GenericEvent::RequestTimerCancel(TimerKind::PingreqRecv) => self.keep_alive_ms = None,
                GenericEvent::RequestTimerReset { .. }
                | GenericEvent::RequestTimerCancel(_)
                | GenericEvent::NotifyPacketIdReleased(_) => {}
                GenericEvent::NotifyError(what) => error = Some(what),
                GenericEvent::RequestClose => error = error.or(None),
            }
            if self.is_closed {
                return;
            }
        }
        if let Some(error) = error {
            let refused = Refused { reason: format!("{error:?}"), clause: "MQTT, packet".to_owned() };
            out.push(Output::Heard { topic: String::new(), payload: Vec::new(), refused: Some(refused) });
            self.close(format!("it broke the protocol: {error:?}"), out);
        }
    }

    /// Does what the core wants done after we said something.
    fn say(&mut self, events: Vec<Event>, out: &mut Vec<Output>) {
        for event in events {
            match event {
                GenericEvent::RequestSendPacket { packet, .. } => {
                    out.push(Output::Write(packet.to_continuous_buffer()));
                }
                GenericEvent::RequestTimerCancel(TimerKind::PingreqRecv) => self.keep_alive_ms = None,
                GenericEvent::NotifyPacketReceived(_)
                | GenericEvent::RequestTimerReset { .. }
                | GenericEvent::RequestTimerCancel(_)
                | GenericEvent::NotifyPacketIdReleased(_)
                | GenericEvent::NotifyError(_)
                | GenericEvent::RequestClose => {}
            }
        }
    }

    fn waits_for(&self, id: u16) -> bool {
        self.in_flight.iter().any(|message| message.ack == Some(Ack::Exactly(id)))
    }

    fn close(&mut self, reason: String, out: &mut Vec<Output>) {
        if !self.is_closed {
            self.is_closed = true;
            self.held = Vec::new();
            out.push(Output::Close(reason));
        }
    }

    fn close_saying(&mut self, why: Closing, reason: impl Into<String>, out: &mut Vec<Output>) {
        let events = packets::goodbye(&mut self.core, why);
        self.say(events, out);
        self.close(reason.into(), out);
    }

    fn receive(&mut self, packet: Packet, facts: Facts<'_>, now: Moment, out: &mut Vec<Output>) {
        match (Received::from(packet), &mut self.who) {
            (Received::Connect(connect), Who::Nobody) => self.come_in(connect, facts, now, out),
            (Received::Publish(publish), Who::Somebody(_)) => self.on_publish(publish, facts, now, out),
            (Received::Release(id), Who::Somebody(somebody)) => {
                somebody.kept.taken.remove(&id);
                let events = packets::complete(&mut self.core, id);
                self.say(events, out);
            }
            (Received::Subscribe { id, filters }, Who::Somebody(_)) => {
                self.on_subscribe(id, filters, facts, out)
            }
            (Received::Unsubscribe { id, filters }, Who::Somebody(somebody)) => {
                let existed: Vec<bool> = filters
                    .iter()
                    .map(|filter| {
                        let before = somebody.kept.subscriptions.len();
                        somebody.kept.subscriptions.retain(|(had, _)| had != filter);
                        somebody.kept.subscriptions.len() < before
                    })
                    .collect();
                let events = packets::unsubscribed(&mut self.core, id, &existed);
                self.say(events, out);
            }
            (Received::Disconnect { with_will, expiry_s }, Who::Somebody(somebody)) => {
                self.said_goodbye = !with_will;
                if let Some(expiry_s) = expiry_s {
                    somebody.expiry_s = expiry_s.min(facts.rules.config.max_session_expiry_s);
                }
                self.close("it said goodbye".to_owned(), out);
            }
            (Received::Taken | Received::Other, _) => {}
            (
                Received::Connect(_)
                | Received::Publish(_)
                | Received::Release(_)
                | Received::Subscribe { .. }
                | Received::Unsubscribe { .. }
                | Received::Disconnect { .. },
                _,
            ) => self.close("it spoke out of turn".to_owned(), out),
        }
    }

    fn come_in(&mut self, connect: Connect, facts: Facts<'_>, now: Moment, out: &mut Vec<Output>) {
        let address = facts.remote.ip();
        let judged = if facts.failures.is_full(address, now.mono_ms) {
            Judged::Away { why: NotIn::TooFast, unknown: None, reason: "its address failed too often" }
        } else if connect.client_id.is_empty() && !connect.clean {
            let reason = "a session without a client id cannot be kept";
            Judged::Away { why: NotIn::ClientId, unknown: None, reason }
        } else {
            judge(facts.directory, &connect, facts.certificate)
        };
        let entry = match judged {
            Judged::Welcome(entry) => entry,
            Judged::Away { why, unknown, reason } => {
                if why != NotIn::TooFast {
                    facts.failures.count(address, now.mono_ms);
                }
                let refused = Refused { reason: reason.to_owned(), clause: "MQTT, CONNECT".to_owned() };
                out.push(Output::Heard { topic: String::new(), payload: Vec::new(), refused: Some(refused) });
                out.extend(unknown.map(|serial| Output::Unknown(unknown_terminal(serial, facts, now))));
                let events = packets::turn_away(&mut self.core, why);
                self.say(events, out);
                return self.close(format!("not let in: {reason}"), out);
            }
        };
        let config = &facts.rules.config;
        let asked_s = connect.expiry_s.unwrap_or(config.max_session_expiry_s);
        let expiry_s = asked_s.min(config.max_session_expiry_s);
        let (turn, kept) = facts.shelf.take(entry.id, &connect.client_id, now.mono_ms);
        let kept = kept.filter(|_| !connect.clean);
        let is_present = kept.is_some();
        let kept = kept.unwrap_or_default();
        self.core.restore_qos2_publish_handled(kept.taken.iter().copied().collect());
        let assigned = connect.client_id.is_empty().then(|| format!("emberwatch-{}", entry.id));
        // A client that names no keep-alive, or too long a one, is held to ours (5.0 says so, 3.1.1 cannot be told).
        let is_long = connect.keep_alive_s == 0 || connect.keep_alive_s > config.max_keep_alive_s;
        if is_long {
            self.keep_alive_ms =
                Some(now.mono_ms.saturating_add(ms(u64::from(config.max_keep_alive_s) * 3 / 2)));
        }
        let events = packets::welcome(
            &mut self.core,
            is_present,
            assigned.as_deref(),
            (expiry_s != asked_s).then_some(expiry_s),
            is_long.then_some(config.max_keep_alive_s),
            config.max_in_flight,
        );
        out.push(Output::Claim(entry.id));
        self.act(events, facts, now, out);
        let conversation = Conversation::new(entry.serial.clone());
        self.who = Who::Somebody(Box::new(Somebody {
            client_id: assigned.unwrap_or(connect.client_id),
            turn,
            entry,
            expiry_s,
            kept,
            will: connect.will,
            conversation,
        }));
    }

    pub(crate) fn on_time(&mut self, facts: Facts<'_>, now: Moment, out: &mut Vec<Output>) {
        let config = &facts.rules.config;
        match &mut self.who {
            Who::Nobody => {
                if self.opened_ms.saturating_add(ms(config.connect_within_s)) <= now.mono_ms {
                    self.close(format!("no CONNECT within {} s", config.connect_within_s), out);
                }
            }
            Who::Somebody(somebody) => {
                out.extend(somebody.conversation.on_time(now).map(Output::Answered));
                let is_late = self.keep_alive_ms.is_some_and(|deadline| deadline <= now.mono_ms);
                if is_late && self.wants_bytes(facts, now) {
                    self.close_saying(Closing::KeepAlive, "silent for longer than its keep-alive", out);
                }
            }
        }
        self.go_on(facts, now, out);
    }

    /// The process stops: nothing more is taken.
    pub(crate) fn on_stop(&mut self, out: &mut Vec<Output>) {
        self.close_saying(Closing::ShuttingDown, "the process stops", out);
    }

    /// A newer connection speaks for the terminal.
    pub(crate) fn on_takeover(&mut self, out: &mut Vec<Output>) {
        self.close_saying(Closing::TakenOver, "replaced by a newer connection of the same terminal", out);
    }

    /// What the terminal's log says of the end: the last will is told where the client did not say goodbye.
    pub(crate) fn epitaph(&self, reason: &str) -> String {
        let Who::Somebody(somebody) = &self.who else { return reason.to_owned() };
        match &somebody.will {
            Some((topic, payload)) if !self.said_goodbye => {
                let text: String = String::from_utf8_lossy(payload).chars().take(120).collect();
                let topic: String = topic.chars().take(80).collect();
                format!("{reason}; last will on {topic}: {text}")
            }
            Some(_) | None => reason.to_owned(),
        }
    }

    /// Whether outcomes still matter after the line closed: messages of exactly once of a session that is kept.
    pub(crate) fn awaits_outcomes(&self) -> bool {
        let Who::Somebody(somebody) = &self.who else { return false };
        somebody.expiry_s > 0 && self.in_flight.iter().any(|m| matches!(m.ack, Some(Ack::Exactly(_))))
    }

    /// Keeps what a later connection goes on with.
    pub(crate) fn keep(mut self, shelf: &Shelf, now: Moment) {
        self.is_closed = true;
        let Who::Somebody(somebody) = self.who else { return };
        let Somebody { entry, turn, client_id, kept, .. } = *somebody;
        let until_ms = now.mono_ms.saturating_add(ms(somebody.expiry_s.into()));
        shelf.put(entry.id, turn, &client_id, kept, until_ms, now.mono_ms);
    }
}

fn unknown_terminal(serial: String, facts: Facts<'_>, now: Moment) -> UnknownTerminal {
    UnknownTerminal {
        serial,
        protocol: Protocol::Telemetry,
        iccid: None,
        signal: None,
        firmware: None,
        remote: facts.remote.to_string(),
        at: now.wall,
        readings_ignored: 0,
    }
}

/// A sign of life without readings.
pub(crate) fn heard(
    entry: &TerminalEntry,
    now: Moment,
    signal: Option<u8>,
    firmware: Option<String>,
) -> Intake {
    Intake::Heard { terminal: entry.id, at: now.wall, signal, firmware }
}
