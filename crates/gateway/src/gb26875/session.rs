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

use bus::intake::{Note, UnknownTerminal};
use bus::{Intake, LineAnswer, LineCommand, LineError, Outcome};
use bytes::Bytes;
use domain::id::TerminalId;
use domain::place::{Admission, Protocol, TerminalEntry};
use domain::profile::GbPlace;
use domain::telegram::Refused;
use wire::gb26875::{
    Address, Command, ComponentAddress, ComponentRef, Deframer, DeviceOperation, Dialect, Frame, Header,
    RawFrame, ReadDeviceOperations, ReadOperations, SystemRef, Telegram, TimeLabel, Unit, Version, kind,
};

use super::exchange::{Exchange, Patience, Pressed, Purpose};
use super::objects::{Behind, Contents, moment};
use crate::config::ms;
use crate::field_reading::local_time;
use crate::limits::{Bucket, Rate};
use crate::session::{CERTIFICATE, Facts, Moment, Output, Refusal, Taken, earliest};

const SESSION_RULES: &str = "GB/T 26875.3-2011, session rules";
const EXCHANGE: &str = "GB/T 26875.3-2011, control and query";
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
    dialect: Dialect,
    who: Who,
    /// What the device calls the centre.
    centre: Option<Address>,
    version: Version,
    next_serial: u16,
    exchange: Exchange,
    frames: Bucket,
    refused_in_a_row: u32,
    /// What waits for its outcome, oldest first.
    in_flight: VecDeque<InFlight>,
    /// What was confirmed last.
    confirmed: VecDeque<Said>,
    /// What was noted last, so that a state repeated every minute is one event.
    noted: VecDeque<Note>,
    clock_looked_at_ms: Option<u64>,
    polled_ms: Option<u64>,
    is_held: bool,
    is_closed: bool,
    opened_ms: u64,
    heard_ms: u64,
    partial_since_ms: Option<u64>,
}

#[derive(Debug)]
enum Who {
    Nobody,
    Waiting { address: Address, terminal: Option<TerminalId> },
    Admitted { address: Address, entry: Arc<TerminalEntry> },
}

/// What tells a frame from another: a frame that is sent again keeps its number.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Said {
    serial: u16,
    unit: Bytes,
}

#[derive(Debug)]
struct InFlight {
    /// What to confirm; `None` for the answer to a query.
    reply: Option<(Header, Said)>,
    notes: Vec<Note>,
}

impl GbSession {
    pub(crate) fn new(now: Moment) -> Self {
        Self {
            deframer: Deframer::default(),
            dialect: Dialect::STANDARD,
            who: Who::Nobody,
            centre: None,
            version: Version::OURS,
            next_serial: 0,
            exchange: Exchange::Free,
            frames: Bucket::default(),
            refused_in_a_row: 0,
            in_flight: VecDeque::new(),
            confirmed: VecDeque::new(),
            noted: VecDeque::new(),
            clock_looked_at_ms: None,
            polled_ms: None,
            is_held: false,
            is_closed: false,
            opened_ms: now.mono_ms,
            heard_ms: now.mono_ms,
            partial_since_ms: None,
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

    /// Whether more bytes should be read from the socket.
    pub(crate) fn wants_bytes(&self) -> bool {
        !self.is_held && !self.is_closed
    }

    /// Takes bytes. Only when [`wants_bytes`](Self::wants_bytes) says so.
    pub(crate) fn on_bytes(&mut self, bytes: &[u8], facts: Facts<'_>, now: Moment, out: &mut Vec<Output>) {
        self.deframer.push(bytes);
        self.drain(facts, now, out);
    }

    /// Takes the outcome of the oldest that waits for one.
    pub(crate) fn on_outcome(
        &mut self,
        outcome: Outcome,
        facts: Facts<'_>,
        now: Moment,
        out: &mut Vec<Output>,
    ) {
        if let Some(InFlight { reply, notes }) = self.in_flight.pop_front() {
            match (outcome, reply) {
                (Outcome::Committed, reply) => {
                    for note in notes {
                        self.noted.retain(|known| !is_about_the_same(known, &note));
                        self.noted.push_back(note);
                        if self.noted.len() > REMEMBERED {
                            self.noted.pop_front();
                        }
                    }
                    if let Some((header, said)) = reply {
                        self.reply(&header, Command::Confirm, None, facts, now, out);
                        self.confirmed.push_back(said);
                        if self.confirmed.len() > REMEMBERED {
                            self.confirmed.pop_front();
                        }
                    }
                }
                (Outcome::Unavailable, Some((header, _))) => {
                    self.reply(&header, Command::Deny, None, facts, now, out);
                }
                (Outcome::Unavailable, None) => {}
            }
        }
        self.drain(facts, now, out);
    }

    /// Takes a command for the device.
    pub(crate) fn on_command(
        &mut self,
        command: &LineCommand,
        facts: Facts<'_>,
        now: Moment,
        out: &mut Vec<Output>,
    ) -> Taken {
        let Who::Admitted { entry, .. } = &self.who else {
            return Taken::Settled(Err(LineError::NotConnected));
        };
        let (purpose, unit) = match command {
            LineCommand::Write { .. } | LineCommand::Read { .. } | LineCommand::Named { .. } => {
                return Taken::Settled(Err(LineError::Unsupported));
            }
            LineCommand::Close { reason } => {
                self.close(out, reason);
                return Taken::Settled(Ok(LineAnswer::Done));
            }
            LineCommand::SetClock => (Purpose::Do, Unit::SetClock(self.label(facts, now))),
            LineCommand::Initialise => (Purpose::Do, Unit::Device { kind: kind::INITIALISE }),
            LineCommand::PostCheck { within_min } => {
                (Purpose::PostCheck(*within_min), Unit::PostCheck { within_min: *within_min })
            }
            LineCommand::Query { what, address } => {
                match self.query(entry, *what, address.as_deref(), facts, now) {
                    Ok((answer, unit)) => (Purpose::Query(answer), unit),
                    Err(reason) => return Taken::Settled(Ok(LineAnswer::Refused(reason))),
                }
            }
        };
        if self.exchange.is_commanded() {
            return Taken::Settled(Err(LineError::Busy));
        }
        // What the session began by itself steps back; it is begun again when there is still a reason.
        self.begin(purpose, unit, facts, now, out);
        Taken::Waits
    }

    /// Lets time pass.
    pub(crate) fn on_time(&mut self, facts: Facts<'_>, now: Moment, out: &mut Vec<Output>) {
        let is_over = |deadline: Option<u64>| deadline.is_some_and(|at| at <= now.mono_ms);
        let pressed = self.exchange.on_time(patience(facts), now.mono_ms);
        self.press(pressed, Err(LineError::TimedOut), out);
        if is_over(self.partial_until(facts)) {
            self.partial_since_ms = None;
            for item in self.deframer.on_idle() {
                self.take(item, facts, now, out);
            }
        }
        if is_over(self.poll_at(facts)) {
            self.polled_ms = Some(now.mono_ms);
            let unit = Unit::Device { kind: kind::READ_DEVICE_STATE };
            self.begin(Purpose::OwnPoll, unit, facts, now, out);
        }
        if is_over(self.identify_until(facts)) {
            let within = facts.rules.config.identify_within_s;
            self.close(out, &format!("did not say who it is within {within} s"));
        }
        if is_over(self.idle_until(facts)) {
            let silent_s = now.mono_ms.saturating_sub(self.heard_ms) / 1_000;
            self.close(out, &format!("silent for {silent_s} s"));
        }
        self.drain(facts, now, out);
    }

    /// When to call [`on_time`](Self::on_time) next, ms.
    pub(crate) fn deadline(&self, facts: Facts<'_>) -> Option<u64> {
        if self.is_closed {
            return None;
        }
        let has_room = self.in_flight.len() < usize::from(facts.rules.config.max_uploads_in_flight);
        let bucket = (self.is_held && has_room).then(|| self.frames.fits_at_ms(rate(facts)));
        earliest([
            self.exchange.deadline(),
            bucket,
            self.partial_until(facts),
            self.poll_at(facts),
            self.identify_until(facts),
            self.idle_until(facts),
        ])
    }

    fn partial_until(&self, facts: Facts<'_>) -> Option<u64> {
        Some(self.partial_since_ms?.saturating_add(ms(facts.rules.config.frame_within_s)))
    }

    fn identify_until(&self, facts: Facts<'_>) -> Option<u64> {
        let is_nobody = matches!(self.who, Who::Nobody);
        is_nobody.then(|| self.opened_ms.saturating_add(ms(facts.rules.config.identify_within_s)))
    }

    /// The standard has no heartbeat: who is silent for an interval is asked for its state.
    fn poll_at(&self, facts: Facts<'_>) -> Option<u64> {
        match (&self.who, &self.exchange) {
            (Who::Admitted { entry, .. }, Exchange::Free) => {
                let every_s = interval_s(entry, facts).min(facts.rules.config.gb26875.poll_every_s);
                let since = self.heard_ms.max(self.polled_ms.unwrap_or(0));
                Some(since.saturating_add(ms(every_s.max(1))))
            }
            (Who::Admitted { .. }, Exchange::Waiting { .. } | Exchange::Duty { .. })
            | (Who::Nobody | Who::Waiting { .. }, _) => None,
        }
    }

    fn idle_until(&self, facts: Facts<'_>) -> Option<u64> {
        // While an outcome is awaited it is not the device that is silent.
        if !self.in_flight.is_empty() || self.is_held {
            return None;
        }
        let limit_ms = match &self.who {
            Who::Nobody => return None,
            Who::Waiting { .. } => ms(facts.rules.config.pending_idle_s),
            Who::Admitted { entry, .. } => facts.rules.idle_ms(interval_s(entry, facts)),
        };
        Some(self.heard_ms.saturating_add(limit_ms))
    }

    fn drain(&mut self, facts: Facts<'_>, now: Moment, out: &mut Vec<Output>) {
        let mut has_progressed = self.is_held;
        self.is_held = false;
        loop {
            if self.is_closed {
                return;
            }
            let is_full = self.in_flight.len() >= usize::from(facts.rules.config.max_uploads_in_flight);
            if is_full || self.frames.fits_at_ms(rate(facts)) > now.mono_ms {
                self.is_held = true;
                self.partial_since_ms = None;
                return;
            }
            let Some(item) = self.deframer.next_telegram() else {
                break;
            };
            has_progressed = true;
            self.take(item, facts, now, out);
        }
        let is_partial = self.deframer.buffered() > 0;
        self.partial_since_ms = match self.partial_since_ms {
            Some(since) if is_partial && !has_progressed => Some(since),
            Some(_) | None => is_partial.then_some(now.mono_ms),
        };
    }

    fn take(
        &mut self,
        item: Result<Telegram, wire::gb26875::Refused>,
        facts: Facts<'_>,
        now: Moment,
        out: &mut Vec<Output>,
    ) {
        if self.is_closed {
            return;
        }
        self.frames.pour(rate(facts), now.mono_ms);
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
        let refused = verdict.err().map(Refused::from);
        match &refused {
            None => self.refused_in_a_row = 0,
            Some(_) => self.refused_in_a_row = self.refused_in_a_row.saturating_add(1),
        }
        // The frame stands in the log before what it led to.
        out.insert(at, Output::Heard { bytes, refused });
        let max = facts.rules.config.max_refused_in_a_row;
        if self.refused_in_a_row >= max {
            self.close(out, &format!("{max} refused frames in a row"));
        }
    }

    fn on_short_heartbeat(&mut self, now: Moment, out: &mut Vec<Output>) -> Result<(), Refusal> {
        match &self.who {
            Who::Admitted { .. } if self.dialect.short_heartbeat => {
                self.heard_ms = now.mono_ms;
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
        self.heard_ms = now.mono_ms;
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
            (command @ (Command::Control | Command::Request | Command::Answer | Command::Private(_)), _) => {
                self.tell_heard(None, now, out);
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
            self.close(out, &reason);
            return Err(Refusal::new(CERTIFICATE, reason));
        }
        let terminal = known.as_ref().map(|entry| entry.id);
        match known.filter(|entry| entry.admission == Admission::Admitted) {
            Some(entry) => {
                let id = entry.id;
                self.dialect = dialect(&entry, facts);
                self.deframer.set_dialect(&self.dialect);
                self.who = Who::Admitted { address, entry };
                if owned != Some(id) {
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

    /// Who waits for admission keeps its line; what it measured is neither counted nor confirmed.
    fn on_stranger(
        &self,
        raw: &RawFrame,
        header: &Header,
        facts: Facts<'_>,
        now: Moment,
        out: &mut Vec<Output>,
    ) {
        let Who::Waiting { address, .. } = &self.who else { return };
        let unit = raw.unit();
        let ignored = unit.get(1).copied().unwrap_or_default();
        out.push(Output::Unknown(UnknownTerminal {
            serial: address.to_string(),
            protocol: Protocol::Gb26875,
            iccid: None,
            signal: None,
            firmware: None,
            remote: facts.remote.to_string(),
            at: now.wall,
            readings_ignored: ignored.into(),
        }));
        if raw.command_byte() == Command::Send.byte() {
            let (command, remark) = match &unit[..] {
                [] => (Command::Confirm, None),
                [kind] => (Command::Confirm, Some(Unit::Bare(kind.wrapping_add(1)))),
                [_, _, ..] => (Command::Deny, None),
            };
            self.reply(header, command, remark, facts, now, out);
        }
    }

    fn on_upload(
        &mut self,
        unit: &Unit,
        header: &Header,
        said: Said,
        facts: Facts<'_>,
        now: Moment,
        out: &mut Vec<Output>,
    ) -> Result<(), Refusal> {
        if self
            .in_flight
            .iter()
            .any(|waiting| waiting.reply.as_ref().is_some_and(|(_, known)| *known == said))
        {
            // Sent again while it is being written; the outcome answers both.
            self.tell_heard(None, now, out);
            return Ok(());
        }
        if self.confirmed.contains(&said) {
            self.tell_heard(None, now, out);
            self.reply(header, Command::Confirm, None, facts, now, out);
            return Ok(());
        }
        self.answer_duty(unit, out);
        let contents = self.contents(unit, facts, now);
        let left_out = contents.left_out.clone();
        let has_contents = !contents.readings.is_empty() || !contents.notes.is_empty();
        if has_contents {
            self.hand_over(contents, Some((*header, said)), now, out);
        } else {
            self.tell_heard(contents.firmware, now, out);
            // A clock or a state noted before: there is nothing to commit, and nothing to be lost.
            let command = if left_out.is_none() { Command::Confirm } else { Command::Deny };
            self.reply(header, command, None, facts, now, out);
        }
        match left_out {
            None => Ok(()),
            Some(reason) => Err(Refusal::new(OBJECTS, reason)),
        }
    }

    fn contents(&self, unit: &Unit, facts: Facts<'_>, now: Moment) -> Contents {
        let Who::Admitted { entry, .. } = &self.who else { return Contents::default() };
        let behind = Behind::new(entry, facts.directory, &facts.rules.zone, &self.dialect, now.wall);
        let mut contents = behind.read(unit);
        contents.notes.retain(|note| !self.noted.contains(note));
        contents
    }

    fn hand_over(
        &mut self,
        contents: Contents,
        reply: Option<(Header, Said)>,
        now: Moment,
        out: &mut Vec<Output>,
    ) {
        let Contents { readings, notes, firmware, .. } = contents;
        let Who::Admitted { entry, .. } = &self.who else { return };
        let terminal = entry.id;
        // Outcomes come back in order, one for each that is handed over; the last one answers the frame.
        if !notes.is_empty() {
            let reply = if readings.is_empty() { reply.clone() } else { None };
            self.in_flight.push_back(InFlight { reply, notes: notes.clone() });
            out.push(Output::Notes { terminal, notes });
        }
        if readings.is_empty() {
            self.tell_heard(firmware, now, out);
        } else {
            self.in_flight.push_back(InFlight { reply, notes: Vec::new() });
            out.push(Output::Readings(readings));
        }
    }

    /// The person on duty pressed the key of a post check.
    fn answer_duty(&mut self, unit: &Unit, out: &mut Vec<Output>) {
        let Unit::DeviceOperations(all) = unit else { return };
        let answered = all.iter().find(|one| one.flags & DeviceOperation::POST_CHECK_ANSWERED != 0);
        let is_waited_for = match &self.exchange {
            Exchange::Duty { .. } | Exchange::Waiting { purpose: Purpose::PostCheck(_), .. } => true,
            Exchange::Free | Exchange::Waiting { .. } => false,
        };
        if let Some(answered) = answered
            && is_waited_for
        {
            self.exchange = Exchange::Free;
            out.push(Output::Answered(Ok(LineAnswer::Data(vec![answered.operator]))));
        }
    }

    fn on_confirmed(&mut self, serial: u16, now: Moment, out: &mut Vec<Output>) -> Result<(), Refusal> {
        self.tell_heard(None, now, out);
        match self.exchange.of(serial) {
            None => Err(Refusal::new(EXCHANGE, format!("confirmation {serial}, wanted none of this number"))),
            // The answer with the data is still to come.
            Some(Purpose::Query(_) | Purpose::OwnPoll) => Ok(()),
            Some(Purpose::OwnClock) => {
                self.exchange = Exchange::Free;
                Ok(())
            }
            Some(Purpose::Do) => {
                self.exchange = Exchange::Free;
                out.push(Output::Answered(Ok(LineAnswer::Done)));
                Ok(())
            }
            Some(Purpose::PostCheck(within_min)) => {
                let until_ms = now.mono_ms.saturating_add(ms(u64::from(within_min) * 60));
                self.exchange = Exchange::Duty { until_ms };
                Ok(())
            }
        }
    }

    fn on_denied(
        &mut self,
        serial: u16,
        facts: Facts<'_>,
        now: Moment,
        out: &mut Vec<Output>,
    ) -> Result<(), Refusal> {
        self.tell_heard(None, now, out);
        if self.exchange.of(serial).is_none() {
            return Err(Refusal::new(EXCHANGE, format!("denial {serial}, wanted none of this number")));
        }
        let pressed = self.exchange.again(patience(facts), now.mono_ms);
        self.press(pressed, Ok(LineAnswer::Refused("denied by the device".to_owned())), out);
        Ok(())
    }

    fn on_answer(
        &mut self,
        unit: &Unit,
        raw: &RawFrame,
        serial: u16,
        facts: Facts<'_>,
        now: Moment,
        out: &mut Vec<Output>,
    ) -> Result<(), Refusal> {
        let purpose = self.exchange.of(serial);
        let fits = match purpose {
            Some(Purpose::Query(wanted)) => unit.kind() == Some(wanted),
            Some(Purpose::OwnPoll) => true,
            Some(Purpose::OwnClock | Purpose::Do | Purpose::PostCheck(_)) | None => false,
        };
        if !fits {
            self.tell_heard(None, now, out);
            let kind = unit.kind().unwrap_or_default();
            return Err(Refusal::new(EXCHANGE, format!("answer {serial} of type {kind}, wanted none such")));
        }
        self.exchange = Exchange::Free;
        let contents = self.contents(unit, facts, now);
        let left_out = contents.left_out.clone();
        self.hand_over(contents, None, now, out);
        if purpose.is_some_and(Purpose::is_commanded) {
            out.push(Output::Answered(Ok(LineAnswer::Data(raw.unit().to_vec()))));
        }
        match left_out {
            None => Ok(()),
            Some(reason) => Err(Refusal::new(OBJECTS, reason)),
        }
    }

    fn press(&mut self, pressed: Pressed, failed: Result<LineAnswer, LineError>, out: &mut Vec<Output>) {
        match pressed {
            Pressed::Nothing => {}
            Pressed::Again(bytes) => out.push(Output::Write(bytes)),
            Pressed::Failed(purpose) if purpose.is_commanded() => out.push(Output::Answered(failed)),
            Pressed::Failed(_) => {}
            Pressed::NobodyOnDuty => {
                out.push(Output::Answered(Ok(LineAnswer::Refused(
                    "nobody answered the post check".to_owned(),
                ))));
            }
        }
    }

    /// Sets the device's clock when it differs by more than the tolerance; at most once in the settings' span.
    fn look_at_clock(&mut self, sent: TimeLabel, facts: Facts<'_>, now: Moment, out: &mut Vec<Output>) {
        let config = &facts.rules.config.gb26875;
        let is_due = self
            .clock_looked_at_ms
            .is_none_or(|at| now.mono_ms.saturating_sub(at) >= ms(config.clock_set_every_s));
        if !is_due || !matches!(self.exchange, Exchange::Free) {
            return;
        }
        let tolerance_ms = i64::try_from(ms(config.clock_tolerance_s)).unwrap_or(i64::MAX);
        let is_right = moment(sent, &facts.rules.zone, &self.dialect)
            .is_some_and(|device| now.wall.since_ms(device).abs() <= tolerance_ms);
        if !is_right {
            self.clock_looked_at_ms = Some(now.mono_ms);
            let unit = Unit::SetClock(self.label(facts, now));
            self.begin(Purpose::OwnClock, unit, facts, now, out);
        }
    }

    /// What to send for a query, and the type of the answer.
    fn query(
        &self,
        entry: &TerminalEntry,
        what: u8,
        address: Option<&str>,
        facts: Facts<'_>,
        now: Moment,
    ) -> Result<(u8, Unit), String> {
        let answer = kind::answer_to(what)
            .ok_or_else(|| format!("type flag {what} is no query, wanted 61 to 68, 81, 84 to 86 or 88"))?;
        let places: Vec<GbPlace> = match address {
            Some(address) => {
                let place = GbPlace::parse(address)
                    .ok_or_else(|| format!("address {address:?}, wanted one such as 128.1/3"))?;
                vec![place]
            }
            None => entry.detectors.iter().filter_map(|d| GbPlace::parse(d.address.as_deref()?)).collect(),
        };
        let mut systems: Vec<SystemRef> = places
            .iter()
            .map(|place| SystemRef { kind: place.system_kind, address: place.system_address })
            .collect();
        systems.dedup();
        let since = domain::time::UnixMs(now.wall.0 - RECORDS_SINCE_MS);
        let since = self.label(facts, Moment { wall: since, ..now });
        let unit = match what {
            kind::READ_SYSTEM_STATE
            | kind::READ_SYSTEM_VERSION
            | kind::READ_SYSTEM_TEXT
            | kind::READ_SYSTEM_CLOCK
                if !systems.is_empty() =>
            {
                Unit::ReadSystems { kind: what, systems }
            }
            kind::READ_COMPONENT_STATE | kind::READ_ANALOG_VALUE | kind::READ_COMPONENT_TEXT => {
                let components: Vec<ComponentRef> = places
                    .iter()
                    .filter(|place| place.component.is_some())
                    .filter_map(|place| {
                        let system = SystemRef { kind: place.system_kind, address: place.system_address };
                        Some(ComponentRef { system, address: ComponentAddress::Number(place.number()?) })
                    })
                    .collect();
                if components.is_empty() {
                    return Err("no component to ask for, wanted an address such as 128.1/3".to_owned());
                }
                Unit::ReadComponents { kind: what, components }
            }
            kind::READ_OPERATIONS => match systems.first() {
                Some(system) => {
                    Unit::ReadOperations(vec![ReadOperations { system: *system, count: RECORDS, since }])
                }
                None => return Err("no system to ask for, wanted an address such as 128.1".to_owned()),
            },
            kind::READ_DEVICE_OPERATIONS => {
                Unit::ReadDeviceOperations(vec![ReadDeviceOperations { count: RECORDS, since }])
            }
            kind::READ_DEVICE_STATE
            | kind::READ_DEVICE_VERSION
            | kind::READ_DEVICE_TEXT
            | kind::READ_DEVICE_CLOCK => Unit::Device { kind: what },
            _ => return Err("no system to ask for, wanted an address such as 128.1".to_owned()),
        };
        Ok((answer, unit))
    }

    fn begin(&mut self, purpose: Purpose, unit: Unit, facts: Facts<'_>, now: Moment, out: &mut Vec<Output>) {
        let Who::Admitted { address, .. } = &self.who else { return };
        let command = match purpose {
            Purpose::OwnClock | Purpose::Do | Purpose::PostCheck(_) => Command::Control,
            Purpose::OwnPoll | Purpose::Query(_) => Command::Request,
        };
        let header = Header {
            serial: self.next_serial,
            version: self.version,
            sent: self.label(facts, now),
            source: self.centre.unwrap_or(Address::UNSET),
            destination: *address,
        };
        self.next_serial = self.next_serial.wrapping_add(1);
        let bytes = Frame { header, command, unit: Some(unit) }.encode(&self.dialect);
        out.push(Output::Write(bytes.clone()));
        self.exchange = Exchange::begin(header.serial, purpose, bytes, patience(facts), now.mono_ms);
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
        out.push(Output::Write(Frame { header, command, unit: remark }.encode(&self.dialect)));
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

    fn close(&mut self, out: &mut Vec<Output>, reason: &str) {
        if !self.is_closed {
            self.is_closed = true;
            out.push(Output::Close(reason.to_owned()));
        }
    }
}

/// Whether the two are about the same thing, so that the newer takes the older's place.
fn is_about_the_same(a: &Note, b: &Note) -> bool {
    let about = |note: &Note| note.detail.split_once(": ").map(|(about, _)| about.to_owned());
    a.event == b.event && about(a) == about(b)
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
        })
        .fold(Dialect::STANDARD, Dialect::or)
}

fn interval_s(entry: &TerminalEntry, facts: Facts<'_>) -> u64 {
    entry
        .detectors
        .iter()
        .filter_map(|detector| facts.directory.profile(&detector.profile))
        .map(|profile| u64::from(profile.interval_s))
        .max()
        .unwrap_or(facts.rules.config.gb26875.poll_every_s)
}

fn patience(facts: Facts<'_>) -> Patience {
    let config = &facts.rules.config.gb26875;
    Patience { answer_within_ms: ms(config.answer_within_s), retries: config.retries }
}

fn rate(facts: Facts<'_>) -> Rate {
    Rate::new(facts.rules.config.max_frames_per_s, facts.rules.config.max_frames_burst)
}
