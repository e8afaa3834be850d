//! A session with a transmission device, without a socket.
//!
//! ```text
//!            source address, not admitted        admitted meanwhile, seen at the next frame
//!  Nobody -----------------------------> Waiting ------------------------------------------+
//!     |                                     ^   no longer admitted, seen at the next frame  |
//!     |                                     +------------------------------ Admitted <------+
//!     +--------------------------- source address, admitted ------------------^
//! ```
//!
//! What the device sends is confirmed (command 3) only after its outcome says that it is on disk, and denied
//! (command 6) when it could not be kept or not be understood, so that the device sends it again. A frame sent again
//! is confirmed again without being counted twice.

use std::collections::VecDeque;
use std::sync::Arc;

use bus::intake::Note;
use bus::{Intake, LineError};
use domain::id::TerminalId;
use domain::place::{Admission, Protocol, TerminalEntry};
use wire::gb26875::{
    Address, Command, Deframer, Dialect, Frame, Header, RawFrame, Telegram, TimeLabel, Unit, Version, kind,
};

use super::exchange::{Exchange, Purpose};
use crate::config::ms;
use crate::field_reading::local_time;
use crate::limits::Rate;
use crate::session::{CERTIFICATE, Facts, Flow, Moment, Output, Refusal, earliest};

mod downward;
mod upward;

use downward::patience;
use upward::{InFlight, Said};

const SESSION_RULES: &str = "GB/T 26875.3-2011, session rules";
const OBJECTS: &str = "detector profile, information objects";

/// Frames that were confirmed and may come again because the confirmation got lost.
const REMEMBERED: usize = 16;

/// Records asked for at once.
const RECORDS: u8 = 20;

/// How far back records are asked for, ms.
const RECORDS_SINCE_MS: i64 = 24 * 3_600_000;

/// One line to a transmission device.
#[derive(Debug)]
pub(crate) struct GbSession {
    deframer: Deframer,
    /// Frames are written as hexadecimal text on this line.
    is_text: bool,
    dialect: Dialect,
    who: Who,
    /// What the device calls the centre.
    centre: Option<Address>,
    version: Version,
    next_serial: u16,
    exchange: Exchange,
    flow: Flow,
    /// What waits for its outcome, oldest first.
    in_flight: VecDeque<InFlight>,
    /// What was confirmed last.
    confirmed: VecDeque<Said>,
    /// What was noted last, so that a state repeated every minute is one event.
    noted: VecDeque<Note>,
    clock_looked_at_ms: Option<u64>,
    polled_ms: Option<u64>,
}

#[derive(Debug)]
enum Who {
    Nobody,
    Waiting { address: Address, terminal: Option<TerminalId> },
    Admitted { address: Address, entry: Arc<TerminalEntry> },
}

impl GbSession {
    /// `is_text`: the line began with a frame as hexadecimal text.
    pub(crate) fn new(is_text: bool, now: Moment) -> Self {
        Self {
            deframer: if is_text { Deframer::of_text() } else { Deframer::default() },
            is_text,
            dialect: Dialect::STANDARD,
            who: Who::Nobody,
            centre: None,
            version: Version::OURS,
            next_serial: 0,
            exchange: Exchange::Free,
            flow: Flow::new(now),
            in_flight: VecDeque::new(),
            confirmed: VecDeque::new(),
            noted: VecDeque::new(),
            clock_looked_at_ms: None,
            polled_ms: None,
        }
    }

    /// Whose line this is, as far as the directory knows.
    pub(crate) fn terminal(&self) -> Option<TerminalId> {
        match &self.who {
            Who::Nobody => None,
            Who::Waiting { terminal, .. } => *terminal,
            Who::Admitted { entry, .. } => Some(entry.id),
        }
    }

    /// How many frames it may send.
    fn rate(&self, facts: Facts<'_>) -> Rate {
        if matches!(self.who, Who::Admitted { .. }) { facts.rate() } else { Rate::OF_STRANGERS }
    }

    /// Whether more bytes should be read from the socket.
    pub(crate) fn wants_bytes(&self) -> bool {
        self.flow.wants_bytes()
    }

    /// Takes bytes. Only when [`wants_bytes`](Self::wants_bytes) says so.
    pub(crate) fn on_bytes(&mut self, bytes: &[u8], facts: Facts<'_>, now: Moment, out: &mut Vec<Output>) {
        self.deframer.push(bytes);
        self.drain(facts, now, out);
    }

    /// Lets time pass.
    pub(crate) fn on_time(&mut self, facts: Facts<'_>, now: Moment, out: &mut Vec<Output>) {
        let is_over = |deadline: Option<u64>| deadline.is_some_and(|at| at <= now.mono_ms);
        let pressed = self.exchange.on_time(patience(facts), now.mono_ms);
        self.press(pressed, Err(LineError::TimedOut), out);
        if is_over(self.partial_until(facts)) {
            self.flow.gave_up_partial();
            for item in self.deframer.on_idle() {
                self.take(item, facts, now, out);
            }
        }
        if is_over(self.poll_at(facts)) {
            self.polled_ms = Some(now.mono_ms);
            let unit = Unit::Device { kind: kind::READ_DEVICE_STATE };
            self.begin(Purpose::OwnPoll, unit, facts, now, out);
        }
        let within_s = facts.rules.config.identify_within_s;
        self.flow.close_unidentified(self.identify_until(facts), "say", within_s, now, out);
        self.flow.close_silent(self.idle_until(facts), now, out);
        self.drain(facts, now, out);
    }

    /// When to call [`on_time`](Self::on_time) next, ms.
    pub(crate) fn deadline(&self, facts: Facts<'_>) -> Option<u64> {
        if self.flow.is_closed() {
            return None;
        }
        earliest([
            self.exchange.deadline(),
            self.flow.bucket_at(self.has_room(facts), self.rate(facts)),
            self.partial_until(facts),
            self.poll_at(facts),
            self.identify_until(facts),
            self.idle_until(facts),
        ])
    }

    fn has_room(&self, facts: Facts<'_>) -> bool {
        self.in_flight.len() < usize::from(facts.rules.config.max_uploads_in_flight)
    }

    fn partial_until(&self, facts: Facts<'_>) -> Option<u64> {
        self.flow.partial_until(ms(facts.rules.config.frame_within_s))
    }

    fn identify_until(&self, facts: Facts<'_>) -> Option<u64> {
        let is_nobody = matches!(self.who, Who::Nobody);
        self.flow.identify_until(is_nobody, ms(facts.rules.config.identify_within_s))
    }

    /// The standard has no heartbeat: who is silent for an interval is asked for its state.
    fn poll_at(&self, facts: Facts<'_>) -> Option<u64> {
        match (&self.who, &self.exchange) {
            (Who::Admitted { entry, .. }, Exchange::Free) => {
                let every_s = interval_s(entry, facts).min(facts.rules.config.gb26875.poll_every_s);
                let since = self.flow.heard_ms().max(self.polled_ms.unwrap_or(0));
                Some(since.saturating_add(ms(every_s.max(1))))
            }
            (Who::Admitted { .. }, Exchange::Waiting { .. } | Exchange::Duty { .. })
            | (Who::Nobody | Who::Waiting { .. }, _) => None,
        }
    }

    fn idle_until(&self, facts: Facts<'_>) -> Option<u64> {
        let limit_ms = match &self.who {
            Who::Nobody => return None,
            Who::Waiting { .. } => ms(facts.rules.config.pending_idle_s),
            Who::Admitted { entry, .. } => facts.rules.idle_ms(interval_s(entry, facts)),
        };
        self.flow.idle_until(!self.in_flight.is_empty(), limit_ms)
    }

    fn drain(&mut self, facts: Facts<'_>, now: Moment, out: &mut Vec<Output>) {
        self.flow.begin();
        while self.flow.goes_on(self.has_room(facts), self.rate(facts), now) {
            let Some(item) = self.deframer.next_telegram() else {
                return self.flow.ran_dry(self.deframer.buffered(), now);
            };
            self.take(item, facts, now, out);
        }
    }

    fn take(
        &mut self,
        item: Result<Telegram, wire::gb26875::Refused>,
        facts: Facts<'_>,
        now: Moment,
        out: &mut Vec<Output>,
    ) {
        if self.flow.is_closed() {
            return;
        }
        self.flow.pour(self.rate(facts), now);
        let at = out.len();
        let (bytes, verdict) = match item {
            Ok(Telegram::Frame(raw)) => {
                let verdict = self.on_frame(&raw, facts, now, out);
                (raw.bytes, verdict)
            }
            Ok(Telegram::ShortHeartbeat(bytes)) => {
                let verdict = self.on_short_heartbeat(now, out);
                (bytes, verdict)
            }
            Err(refused) => {
                // Denied only to whoever is known: noise has no return address.
                if let Some(raw) = refused.frame()
                    && let Who::Admitted { address, .. } = &self.who
                    && *address == raw.source()
                    && raw.command_byte() != Command::Confirm.byte()
                    && raw.command_byte() != Command::Deny.byte()
                {
                    self.reply(&raw.header(&self.dialect), Command::Deny, None, facts, now, out);
                }
                (refused.bytes, Err(Refusal::new(refused.error.clause(), refused.error)))
            }
        };
        self.flow.judged(bytes, verdict, at, facts, out);
    }

    fn on_short_heartbeat(&mut self, now: Moment, out: &mut Vec<Output>) -> Result<(), Refusal> {
        match &self.who {
            Who::Admitted { .. } if self.dialect.short_heartbeat => {
                self.flow.heard(now);
                self.tell_heard(None, now, out);
                Ok(())
            }
            Who::Nobody | Who::Waiting { .. } | Who::Admitted { .. } => {
                Err(Refusal::new(SESSION_RULES, "a private heartbeat, wanted by no profile of this line"))
            }
        }
    }

    fn on_frame(
        &mut self,
        raw: &RawFrame,
        facts: Facts<'_>,
        now: Moment,
        out: &mut Vec<Output>,
    ) -> Result<(), Refusal> {
        let identified = self.identify(raw, facts, out);
        let header = raw.header(&self.dialect);
        let is_send = raw.command_byte() == Command::Send.byte();
        if let Err(refusal) = identified {
            if is_send {
                self.reply(&header, Command::Deny, None, facts, now, out);
            }
            return Err(refusal);
        }
        self.flow.heard(now);
        self.centre = Some(header.destination);
        self.version = header.version;
        let Who::Admitted { .. } = &self.who else {
            self.on_stranger(raw, &header, facts, now, out);
            return Ok(());
        };
        let frame = Frame::parse(raw, &self.dialect).map_err(|error| {
            if is_send {
                self.reply(&header, Command::Deny, None, facts, now, out);
            }
            Refusal::new(error.clause(), error)
        })?;
        self.look_at_clock(header.sent, facts, now, out);
        match (frame.command, frame.unit) {
            (Command::Send, None | Some(Unit::Bare(_))) => {
                let remark = raw.unit().first().map(|kind| Unit::Bare(kind.wrapping_add(1)));
                self.tell_heard(None, now, out);
                self.reply(&header, Command::Confirm, remark, facts, now, out);
                Ok(())
            }
            (Command::Send, Some(unit)) => {
                let said = Said { serial: header.serial, unit: raw.unit() };
                self.on_upload(&unit, &header, said, facts, now, out)
            }
            (Command::Confirm, _) => self.on_confirmed(header.serial, now, out),
            (Command::Deny, _) => self.on_denied(header.serial, facts, now, out),
            (Command::Answer, Some(unit)) => self.on_answer(&unit, raw, header.serial, facts, now, out),
            (Command::Private(_), _) if self.dialect.confirm_private => {
                self.tell_heard(None, now, out);
                self.reply(&header, Command::Confirm, None, facts, now, out);
                Ok(())
            }
            (command @ (Command::Control | Command::Request | Command::Answer | Command::Private(_)), _) => {
                self.tell_heard(None, now, out);
                if matches!(command, Command::Private(_)) {
                    self.reply(&header, Command::Deny, None, facts, now, out);
                }
                let reason = format!(
                    "command {} ({}) from a device, wanted 2, 3, 5 or 6",
                    command.byte(),
                    command.name()
                );
                Err(Refusal::new("GB/T 26875.3-2011, table 2, control command", reason))
            }
        }
    }

    /// Finds out who speaks and whether they may be heard now.
    fn identify(&mut self, raw: &RawFrame, facts: Facts<'_>, out: &mut Vec<Output>) -> Result<(), Refusal> {
        let address = raw.source();
        let (bound, owned) = match &self.who {
            Who::Nobody => (None, None),
            Who::Waiting { address, .. } => (Some(*address), None),
            Who::Admitted { address, entry } => (Some(*address), Some(entry.id)),
        };
        if let Some(bound) = bound.filter(|bound| *bound != address) {
            let reason = format!("source address {address} on the connection of {bound}");
            return Err(Refusal::new(SESSION_RULES, reason));
        }
        let known = facts.directory.terminal(Protocol::Gb26875, &address.to_string());
        if let Some(reason) = known.as_ref().and_then(|entry| facts.distrust(entry)) {
            self.flow.close(out, &reason);
            return Err(Refusal::new(CERTIFICATE, reason));
        }
        let terminal = known.as_ref().map(|entry| entry.id);
        match known.filter(|entry| entry.admission == Admission::Admitted) {
            Some(entry) => {
                let id = entry.id;
                self.dialect = dialect(&entry, facts);
                if self.is_text && !self.dialect.hex_text {
                    let reason = "frames as hexadecimal text, wanted by no profile of this line";
                    return Err(Refusal::new(SESSION_RULES, reason));
                }
                self.deframer.set_dialect(&self.dialect);
                self.who = Who::Admitted { address, entry };
                if owned != Some(id) {
                    self.flow.admitted();
                    out.push(Output::Claim(id));
                }
            }
            None => {
                if owned.is_some() {
                    out.push(Output::Release("no longer admitted"));
                    if let Some(error) = self.exchange.abandon() {
                        out.push(Output::Answered(Err(error)));
                    }
                }
                self.who = Who::Waiting { address, terminal };
            }
        }
        Ok(())
    }

    fn reply(
        &self,
        header: &Header,
        command: Command,
        remark: Option<Unit>,
        facts: Facts<'_>,
        now: Moment,
        out: &mut Vec<Output>,
    ) {
        let header = header.answered(self.label(facts, now));
        out.push(Output::Write(self.written(&Frame { header, command, unit: remark })));
    }

    /// A frame as this line writes it.
    fn written(&self, frame: &Frame) -> Vec<u8> {
        let bytes = frame.encode(&self.dialect);
        if self.is_text { wire::gb26875::hex_text(&bytes) } else { bytes }
    }

    fn label(&self, facts: Facts<'_>, now: Moment) -> TimeLabel {
        local_time(facts, now).map_or_else(TimeLabel::default, |time| TimeLabel::new(time, &self.dialect))
    }

    fn tell_heard(&self, firmware: Option<String>, now: Moment, out: &mut Vec<Output>) {
        if let Who::Admitted { entry, .. } = &self.who {
            out.push(Output::Tell(Intake::Heard {
                terminal: entry.id,
                at: now.wall,
                signal: None,
                firmware,
            }));
        }
    }
}

fn dialect(entry: &TerminalEntry, facts: Facts<'_>) -> Dialect {
    entry
        .detectors
        .iter()
        .filter_map(|detector| facts.directory.profile(&detector.profile)?.gb26875)
        .map(|switches| Dialect {
            any_version: switches.any_version,
            big_endian: switches.big_endian,
            bare_keepalive: switches.bare_keepalive,
            stale_checksum: switches.stale_checksum,
            bcd_time: switches.bcd_time,
            long_addresses: switches.long_addresses,
            short_heartbeat: switches.short_heartbeat,
            hex_text: switches.hex_text,
            confirm_private: switches.confirm_private,
        })
        .fold(Dialect::STANDARD, Dialect::or)
}

fn interval_s(entry: &TerminalEntry, facts: Facts<'_>) -> u64 {
    facts.interval_s(entry).unwrap_or(facts.rules.config.gb26875.poll_every_s)
}
