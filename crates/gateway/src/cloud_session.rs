//! A session of the vendor cloud protocol (`7B7B`), without a socket.
//!
//! ```text
//!            serial, not admitted              admitted meanwhile, seen at the next frame
//!  Nobody ------------------------> Waiting ----------------------------------------------+
//!     |                                ^   no longer admitted, seen at the next frame      |
//!     |                                +-------------------------------- Admitted <--------+
//!     +--------------------- serial, admitted ------------------------------^
//! ```
//!
//! An upload is confirmed only after its outcome says that it is on disk (invariant 1). The confirmation carries
//! no number, so it goes to the oldest upload without one: where an upload could not be stored and a later one is
//! already under way, the line is closed rather than have the device take the later confirmation for the earlier.

use std::sync::Arc;

use bus::intake::{LineEvent, UnknownTerminal};
use bus::{Intake, LineAnswer, LineCommand, LineError, Outcome};
use domain::id::TerminalId;
use domain::place::{Admission, Protocol, TerminalEntry};
use wire::cloud7b7b::{ControlAnswer, Deframer, Downlink, Login, RawFrame, Uplink, Upload};
use wire::modbus::Request;

use crate::clause::{body_clause, frame_clause};
use crate::config::ms;
use crate::field_reading;
use crate::limits::Rate;
use crate::line_command;
use crate::session::{CERTIFICATE, Facts, Flow, Moment, Output, Refusal, Taken, earliest, line_event};

const SESSION_RULES: &str = "vendor cloud protocol, session rules";
const CONTROL: &str = "vendor cloud protocol, transparent control";

/// One connection that speaks the vendor cloud protocol.
#[derive(Debug)]
pub(crate) struct CloudSession {
    deframer: Deframer,
    who: Who,
    /// What it said of itself when it logged in.
    introduction: Option<Box<Introduction>>,
    /// The command on the line.
    command: Command,
    /// Segments that came as an exception last time, with its code.
    exceptions: Vec<(String, u8)>,
    flow: Flow,
    /// Uploads whose outcome is not known yet.
    in_flight: u16,
}

#[derive(Debug)]
enum Who {
    /// It has not said who it is.
    Nobody,
    /// It has, and may not be heard; the terminal's id where the directory knows it.
    Waiting { serial: Box<str>, terminal: Option<TerminalId> },
    /// It may be heard.
    Admitted(Arc<TerminalEntry>),
}

#[derive(Debug)]
struct Introduction {
    iccid: Option<String>,
    signal: Option<u8>,
    firmware: Option<String>,
    interval_s: u64,
}

impl From<&Login> for Introduction {
    fn from(login: &Login) -> Self {
        let versions: Vec<_> = login.firmware.iter().flatten().map(ToString::to_string).collect();
        Self {
            iccid: login.iccid.clone(),
            signal: login.signal,
            firmware: (!versions.is_empty()).then(|| versions.join(" ")),
            interval_s: login.interval_min.map_or(0, |minutes| u64::from(minutes) * 60),
        }
    }
}

#[derive(Debug)]
enum Command {
    /// None.
    Free,
    /// Written to the device.
    Waiting { request: Box<Request>, due_ms: u64 },
    /// Timed out. The answer carries no number, so a late one could be taken for the answer to the next command.
    Quarantined { until_ms: u64 },
}

impl CloudSession {
    pub(crate) fn new(facts: Facts<'_>, now: Moment) -> Self {
        Self {
            deframer: Deframer::new(facts.rules.config.max_frame_bytes),
            who: Who::Nobody,
            introduction: None,
            command: Command::Free,
            exceptions: Vec::new(),
            flow: Flow::new(now),
            in_flight: 0,
        }
    }

    /// Whose line this is, as far as the directory knows.
    pub(crate) fn terminal(&self) -> Option<TerminalId> {
        match &self.who {
            Who::Nobody => None,
            Who::Waiting { terminal, .. } => *terminal,
            Who::Admitted(entry) => Some(entry.id),
        }
    }

    /// How many frames it may send.
    fn rate(&self, facts: Facts<'_>) -> Rate {
        if matches!(self.who, Who::Admitted(_)) { facts.rate() } else { Rate::OF_STRANGERS }
    }

    /// Whether more bytes should be read from the socket.
    pub(crate) fn wants_bytes(&self) -> bool {
        self.flow.wants_bytes()
    }

    /// Takes bytes. Only when [`wants_bytes`](Self::wants_bytes) says so; then little more than one read is kept.
    pub(crate) fn on_bytes(&mut self, bytes: &[u8], facts: Facts<'_>, now: Moment, out: &mut Vec<Output>) {
        self.deframer.push(bytes);
        self.drain(facts, now, out);
    }

    /// Takes the outcome of the oldest upload without one.
    pub(crate) fn on_outcome(
        &mut self,
        outcome: Outcome,
        facts: Facts<'_>,
        now: Moment,
        out: &mut Vec<Output>,
    ) {
        self.in_flight = self.in_flight.saturating_sub(1);
        match outcome {
            Outcome::Committed => out.push(Output::Write(Downlink::UploadAck.encode())),
            // Confirmations carry no number: on this line the next one would be taken for the upload that failed.
            Outcome::Unavailable => {
                self.flow.close(out, "an upload could not be stored; the device has to send it again")
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
        let (unit, wanted) = match command {
            LineCommand::Write { unit, write } => (*unit, line_command::Wanted::Write(write)),
            LineCommand::Read { unit, read } => (*unit, line_command::Wanted::Read(*read)),
            LineCommand::Named { .. }
            | LineCommand::SetClock
            | LineCommand::Query { .. }
            | LineCommand::PostCheck { .. }
            | LineCommand::Initialise => return Taken::Settled(Err(LineError::Unsupported)),
            LineCommand::Close { reason } => {
                self.flow.close(out, reason);
                return Taken::Settled(Ok(LineAnswer::Done));
            }
        };
        let Who::Admitted(entry) = &self.who else {
            return Taken::Settled(Err(LineError::NotConnected));
        };
        match &self.command {
            Command::Free => {}
            Command::Waiting { .. } | Command::Quarantined { .. } => {
                return Taken::Settled(Err(LineError::Busy));
            }
        }
        let own = entry.detectors.first().and_then(|detector| detector.unit_address);
        match wanted.request(unit.or(own).unwrap_or(line_command::OWN_UNIT)) {
            Ok(request) => {
                out.push(Output::Write(Downlink::Control(request.clone()).encode()));
                let due_ms = now.mono_ms.saturating_add(ms(facts.rules.config.command_within_s));
                self.command = Command::Waiting { request: Box::new(request), due_ms };
                Taken::Waits
            }
            Err(answer) => Taken::Settled(Ok(answer)),
        }
    }

    /// Lets time pass.
    pub(crate) fn on_time(&mut self, facts: Facts<'_>, now: Moment, out: &mut Vec<Output>) {
        let is_over = |deadline: Option<u64>| deadline.is_some_and(|at| at <= now.mono_ms);
        match &self.command {
            Command::Waiting { due_ms, .. } if is_over(Some(*due_ms)) => {
                let until_ms = now.mono_ms.saturating_add(ms(facts.rules.config.command_within_s));
                self.command = Command::Quarantined { until_ms };
                out.push(Output::Answered(Err(LineError::TimedOut)));
            }
            Command::Quarantined { until_ms } if is_over(Some(*until_ms)) => self.command = Command::Free,
            Command::Free | Command::Waiting { .. } | Command::Quarantined { .. } => {}
        }
        if is_over(self.partial_until(facts)) {
            // What lies behind a broken start may be whole frames; the rest is given up.
            self.flow.gave_up_partial();
            for item in self.deframer.on_idle() {
                self.take(item, facts, now, out);
            }
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
        let command = match &self.command {
            Command::Free => None,
            Command::Waiting { due_ms, .. } => Some(*due_ms),
            Command::Quarantined { until_ms } => Some(*until_ms),
        };
        earliest([
            command,
            self.flow.bucket_at(self.has_room(facts), self.rate(facts)),
            self.partial_until(facts),
            self.identify_until(facts),
            self.idle_until(facts),
        ])
    }

    fn has_room(&self, facts: Facts<'_>) -> bool {
        self.in_flight < facts.rules.config.max_uploads_in_flight
    }

    fn partial_until(&self, facts: Facts<'_>) -> Option<u64> {
        self.flow.partial_until(ms(facts.rules.config.frame_within_s))
    }

    fn identify_until(&self, facts: Facts<'_>) -> Option<u64> {
        let is_nobody = matches!(self.who, Who::Nobody);
        self.flow.identify_until(is_nobody, ms(facts.rules.config.identify_within_s))
    }

    fn idle_until(&self, facts: Facts<'_>) -> Option<u64> {
        let announced_s = self.introduction.as_ref().map_or(0, |introduction| introduction.interval_s);
        let limit_ms = match &self.who {
            Who::Nobody => return None,
            Who::Waiting { .. } => ms(facts.rules.config.pending_idle_s),
            Who::Admitted(entry) => {
                facts.rules.idle_ms(announced_s.max(facts.interval_s(entry).unwrap_or(0)))
            }
        };
        self.flow.idle_until(self.in_flight > 0, limit_ms)
    }

    fn drain(&mut self, facts: Facts<'_>, now: Moment, out: &mut Vec<Output>) {
        self.flow.begin();
        while self.flow.goes_on(self.has_room(facts), self.rate(facts), now) {
            let Some(item) = self.deframer.next_frame() else {
                return self.flow.ran_dry(self.deframer.buffered(), now);
            };
            self.take(item, facts, now, out);
        }
    }

    fn take(
        &mut self,
        item: Result<RawFrame, wire::cloud7b7b::Refused>,
        facts: Facts<'_>,
        now: Moment,
        out: &mut Vec<Output>,
    ) {
        if self.flow.is_closed() {
            return;
        }
        let rate = self.rate(facts);
        self.flow.pour(rate, now);
        let at = out.len();
        let (bytes, verdict) = match item {
            Ok(frame) => {
                let verdict = self.on_frame(&frame, facts, now, out);
                (frame.bytes, verdict)
            }
            Err(refused) => (refused.bytes, Err(Refusal::new(frame_clause(&refused.error), refused.error))),
        };
        self.flow.judged(bytes, verdict, at, facts, out);
    }

    fn on_frame(
        &mut self,
        frame: &RawFrame,
        facts: Facts<'_>,
        now: Moment,
        out: &mut Vec<Output>,
    ) -> Result<(), Refusal> {
        let uplink = Uplink::parse(frame).map_err(|error| Refusal::new(body_clause(&error), error))?;
        self.identify(&uplink, facts, now, out)?;
        self.flow.heard(now);
        match uplink {
            Uplink::Login(login) => self.on_login(&login, facts, now, out),
            Uplink::TimeRequest { .. } => {
                self.tell_heard(None, facts, now, out);
                out.extend(
                    field_reading::local_time(facts, now)
                        .map(|time| Output::Write(Downlink::TimeAnswer(time).encode())),
                );
                Ok(())
            }
            Uplink::Heartbeat => {
                self.tell_heard(None, facts, now, out);
                Ok(())
            }
            Uplink::Upload(upload) => self.on_upload(&upload, facts, now, out),
            Uplink::ControlAnswer(answer) => {
                self.tell_heard(None, facts, now, out);
                self.on_control_answer(&answer, out)
            }
            Uplink::Unknown { command, .. } => {
                self.tell_heard(None, facts, now, out);
                let reason = format!("command {command:#04x}, wanted 0x84, 0x90, 0x91, 0x93 or 0x94");
                Err(Refusal::new("vendor cloud protocol, commands", reason))
            }
        }
    }

    /// Finds out who speaks and whether they may be heard now.
    fn identify(
        &mut self,
        uplink: &Uplink,
        facts: Facts<'_>,
        now: Moment,
        out: &mut Vec<Output>,
    ) -> Result<(), Refusal> {
        let bound = match &self.who {
            Who::Nobody => None,
            Who::Waiting { serial, .. } => Some(&**serial),
            Who::Admitted(entry) => Some(entry.serial.as_str()),
        };
        let may_bind = matches!(uplink, Uplink::Login(_) | Uplink::TimeRequest { .. } | Uplink::Upload(_));
        let serial: Box<str> = match (bound, uplink.serial()) {
            (None, Some(said)) if may_bind => said.as_str().into(),
            (None, Some(_) | None) => {
                let reason = format!("{} on a connection that has not said who it is", uplink.name());
                return Err(Refusal::new(SESSION_RULES, reason));
            }
            (Some(bound), Some(said)) if bound != said.as_str() => {
                let reason = format!("serial number {said} on the connection of {bound}");
                return Err(Refusal::new(SESSION_RULES, reason));
            }
            (Some(bound), Some(_) | None) => bound.into(),
        };
        let known = facts.directory.terminal(Protocol::Cloud7b7b, &serial);
        if let Some(reason) = known.as_ref().and_then(|entry| facts.distrust(entry)) {
            self.flow.close(out, &reason);
            return Err(Refusal::new(CERTIFICATE, reason));
        }
        let terminal = known.as_ref().map(|entry| entry.id);
        let admitted = known.filter(|entry| entry.admission == Admission::Admitted);
        let owned = match &self.who {
            Who::Admitted(entry) => Some(entry.id),
            Who::Nobody | Who::Waiting { .. } => None,
        };
        match admitted {
            Some(entry) => {
                let id = entry.id;
                self.who = Who::Admitted(entry);
                if owned != Some(id) {
                    self.flow.admitted();
                    out.push(Output::Claim(id));
                    self.compare_iccid(facts, now, out);
                }
            }
            None => {
                if owned.is_some() {
                    out.push(Output::Release("no longer admitted"));
                    self.end_command(out);
                }
                self.who = Who::Waiting { serial, terminal };
            }
        }
        Ok(())
    }

    fn on_login(
        &mut self,
        login: &Login,
        facts: Facts<'_>,
        now: Moment,
        out: &mut Vec<Output>,
    ) -> Result<(), Refusal> {
        let introduction = Introduction::from(login);
        let is_other_card =
            self.introduction.as_ref().is_none_or(|before| before.iccid != introduction.iccid);
        self.introduction = Some(Box::new(introduction));
        if is_other_card {
            self.compare_iccid(facts, now, out);
        }
        self.tell_heard(self.introduction.as_deref(), facts, now, out);
        // Answered to whoever asks: a device that waits for admission keeps its line, and nothing was confirmed.
        out.push(Output::Write(Downlink::LoginAck.encode()));
        Ok(())
    }

    fn compare_iccid(&self, facts: Facts<'_>, now: Moment, out: &mut Vec<Output>) {
        let (Who::Admitted(entry), Some(introduction)) = (&self.who, &self.introduction) else {
            return;
        };
        let event = match (&entry.pinned_iccid, &introduction.iccid) {
            (None, Some(seen)) => LineEvent::IccidSeen(seen.clone()),
            (Some(pinned), Some(seen)) if pinned != seen => {
                LineEvent::IccidChanged { pinned: pinned.clone(), seen: seen.clone() }
            }
            (Some(_), Some(_)) | (Some(_) | None, None) => return,
        };
        out.push(Output::Tell(line_event(entry.id, facts, now, event)));
    }

    fn on_upload(
        &mut self,
        upload: &Upload,
        facts: Facts<'_>,
        now: Moment,
        out: &mut Vec<Output>,
    ) -> Result<(), Refusal> {
        let Who::Admitted(entry) = &self.who else {
            // Neither counted nor confirmed: the device keeps what it measured until somebody admits it.
            let ignored = u32::try_from(upload.segments.len()).unwrap_or(u32::MAX);
            self.tell_unknown(ignored, facts, now, out);
            return Ok(());
        };
        let mut readings = Vec::with_capacity(upload.segments.len());
        let mut refused = None;
        for segment in &upload.segments {
            match field_reading::of_segment(entry, facts.directory, segment, now.wall) {
                Ok(found) => {
                    readings.extend(found.readings);
                    let before = self.exceptions.iter().position(|(address, _)| *address == segment.address);
                    let before = before.map(|at| self.exceptions.swap_remove(at).1);
                    if let Some((unit, code)) = found.exception {
                        self.exceptions.push((segment.address.clone(), code));
                        if before != Some(code) {
                            let event = LineEvent::UnitException { unit, code };
                            out.push(Output::Tell(line_event(entry.id, facts, now, event)));
                        }
                    }
                }
                Err(reason) => refused = refused.or(Some(reason)),
            }
        }
        if readings.is_empty() {
            self.tell_heard(None, facts, now, out);
        } else {
            // A segment that the profile does not know must not hide a hazard in the one beside it.
            self.in_flight = self.in_flight.saturating_add(1);
            out.push(Output::Readings(readings));
        }
        match refused {
            None => Ok(()),
            Some(reason) => Err(Refusal::new("detector profile, segments", reason)),
        }
    }

    fn on_control_answer(&mut self, answer: &ControlAnswer, out: &mut Vec<Output>) -> Result<(), Refusal> {
        let request = match &self.command {
            Command::Waiting { request, .. } => request,
            Command::Free => {
                return Err(Refusal::new(CONTROL, "an answer, wanted none: no command is under way"));
            }
            Command::Quarantined { .. } => {
                return Err(Refusal::new(CONTROL, "an answer that came after its command had timed out"));
            }
        };
        let settled = match answer.answer() {
            Some(answer) => {
                answer.fits(request).map_err(|misfit| Refusal::new(CONTROL, misfit))?;
                line_command::answer(answer)
            }
            None => LineAnswer::Done,
        };
        self.command = Command::Free;
        out.push(Output::Answered(Ok(settled)));
        Ok(())
    }

    fn tell_heard(&self, said: Option<&Introduction>, facts: Facts<'_>, now: Moment, out: &mut Vec<Output>) {
        match &self.who {
            Who::Nobody => {}
            Who::Waiting { .. } => self.tell_unknown(0, facts, now, out),
            Who::Admitted(entry) => {
                out.push(Output::Tell(Intake::Heard {
                    terminal: entry.id,
                    at: now.wall,
                    signal: said.and_then(|said| said.signal),
                    firmware: said.and_then(|said| said.firmware.clone()),
                }));
            }
        }
    }

    fn tell_unknown(&self, readings_ignored: u32, facts: Facts<'_>, now: Moment, out: &mut Vec<Output>) {
        let Who::Waiting { serial, .. } = &self.who else {
            return;
        };
        let said = self.introduction.as_ref();
        out.push(Output::Unknown(UnknownTerminal {
            serial: serial.to_string(),
            protocol: Protocol::Cloud7b7b,
            iccid: said.and_then(|said| said.iccid.clone()),
            signal: said.and_then(|said| said.signal),
            firmware: said.and_then(|said| said.firmware.clone()),
            remote: facts.remote.to_string(),
            at: now.wall,
            readings_ignored,
        }));
    }

    fn end_command(&mut self, out: &mut Vec<Output>) {
        if matches!(self.command, Command::Waiting { .. }) {
            self.command = Command::Free;
            out.push(Output::Answered(Err(LineError::NotConnected)));
        }
    }
}

#[cfg(test)]
mod tests;
