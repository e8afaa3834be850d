//! A session of a line on which we are the master, without a socket: a transparent DTU (Modbus-RTU and DL/T 645
//! behind it) or a gateway of Modbus TCP that dials in and registers, or a device of Modbus TCP that we dialled.
//!
//! ```text
//! Registering --- registration ---> Line, waits for admission <---> Line, admitted: polls, commands between them
//! ```

use std::collections::VecDeque;

use bus::intake::UnknownTerminal;
use bus::{Intake, LineAnswer, LineCommand, LineError, Outcome};
use bytes::Bytes;
use domain::id::TerminalId;
use domain::place::{Admission, Protocol};
use wire::line::{Event, EventOf, LineMaster, MAX_HEARTBEAT_LEN};
use wire::registration::{More, RegistrationOutcome};

use crate::config::ms;
use crate::field_reading;
use crate::limits::{Bucket, Rate};
use crate::line_ask::{LineAsk, LineRefusal, LineSaid};
use crate::line_command;
use crate::poll_plan::{AfterException, PollPlan};
use crate::session::{CERTIFICATE, Facts, Moment, Output, Refusal, Taken, earliest, line_event};

mod line;

use line::{Admitted, Asked, Line};

/// The clause under which bytes on a line are refused.
const fn clause(protocol: Protocol) -> &'static str {
    match protocol {
        Protocol::ModbusTcp => "Modbus messaging on TCP/IP V1.0b, MBAP header",
        Protocol::Cloud7b7b
        | Protocol::ModbusRtu
        | Protocol::Dlt645
        | Protocol::Gb26875
        | Protocol::Gateway1f1f
        | Protocol::Telemetry => "Modbus over serial line V1.02, RTU frame; DL/T 645-2007 frame",
    }
}

/// What the serial number of a device that we dial begins with.
pub(crate) const DIALLED: &str = "tcp://";

/// One connection with a line behind it.
#[derive(Debug)]
pub(crate) struct DtuSession {
    state: State,
    frames: Bucket,
    refused_in_a_row: u32,
    is_closed: bool,
    opened_ms: u64,
    /// When something that was understood came last.
    heard_ms: u64,
}

#[derive(Debug)]
enum State {
    /// It has not said who it is.
    Registering { first: Vec<u8>, byte_ms: u64 },
    /// It has.
    Line(Box<Line>),
}

impl DtuSession {
    pub(crate) fn new(now: Moment) -> Self {
        Self {
            state: State::Registering { first: Vec::new(), byte_ms: now.mono_ms },
            frames: Bucket::default(),
            refused_in_a_row: 0,
            is_closed: false,
            opened_ms: now.mono_ms,
            heard_ms: now.mono_ms,
        }
    }

    /// The session of a device that we dialled under its `serial`.
    pub(crate) fn dialled(serial: &str, facts: Facts<'_>, now: Moment, out: &mut Vec<Output>) -> Self {
        let mut session = Self::new(now);
        session.take_line(serial.to_owned(), None, true, facts, now, out);
        session.drive(facts, now, out);
        session
    }

    /// How it is spoken on this line.
    pub(crate) fn protocol(&self) -> Protocol {
        match &self.state {
            State::Registering { .. } => Protocol::ModbusRtu,
            State::Line(line) => line.protocol,
        }
    }

    /// Whose line this is, as far as the directory knows.
    pub(crate) fn terminal(&self) -> Option<TerminalId> {
        match &self.state {
            State::Registering { .. } => None,
            State::Line(line) => match &line.admission {
                Admitted::No(terminal) => *terminal,
                Admitted::Yes(entry) => Some(entry.id),
            },
        }
    }

    /// How many pieces it may send.
    fn rate(&self, facts: Facts<'_>) -> Rate {
        match &self.state {
            State::Line(line) if matches!(line.admission, Admitted::Yes(_)) => facts.rate(),
            State::Line(_) | State::Registering { .. } => Rate::OF_STRANGERS,
        }
    }

    /// Whether more bytes should be read from the socket.
    pub(crate) fn wants_bytes(&self, facts: Facts<'_>, now: Moment) -> bool {
        !self.is_closed && self.frames.fits_at_ms(self.rate(facts)) <= now.mono_ms
    }

    /// Takes bytes.
    pub(crate) fn on_bytes(&mut self, bytes: &[u8], facts: Facts<'_>, now: Moment, out: &mut Vec<Output>) {
        if self.is_closed {
            return;
        }
        match &mut self.state {
            State::Registering { first, byte_ms } => {
                first.extend_from_slice(bytes);
                *byte_ms = now.mono_ms;
                self.register(More::MayCome, facts, now, out);
            }
            State::Line(line) => {
                let events = line.master.feed(bytes, now.mono_ms);
                self.on_events(events, facts, now, out);
                self.drive(facts, now, out);
            }
        }
    }

    /// Takes the outcome of the oldest readings without one.
    pub(crate) fn on_outcome(
        &mut self,
        _outcome: Outcome,
        facts: Facts<'_>,
        now: Moment,
        out: &mut Vec<Output>,
    ) {
        // Nothing is confirmed to a slave: what could not be stored is measured again at the next poll.
        if let State::Line(line) = &mut self.state
            && let Some(detector) = line.in_flight.pop_front()
        {
            line.plan.outcome(detector);
        }
        self.drive(facts, now, out);
    }

    /// Takes a command for the line.
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
                self.close(out, reason);
                return Taken::Settled(Ok(LineAnswer::Done));
            }
        };
        let State::Line(line) = &mut self.state else {
            return Taken::Settled(Err(LineError::NotConnected));
        };
        if matches!(line.admission, Admitted::No(_)) {
            return Taken::Settled(Err(LineError::NotConnected));
        }
        if line.next_command.is_some() || matches!(line.asked, Asked::Command) {
            return Taken::Settled(Err(LineError::Busy));
        }
        match wanted.request(unit.unwrap_or_else(|| line.plan.own_unit())) {
            Ok(request) => {
                line.next_command = Some(request);
                self.drive(facts, now, out);
                Taken::Waits
            }
            Err(answer) => Taken::Settled(Ok(answer)),
        }
    }

    /// Lets time pass.
    pub(crate) fn on_time(&mut self, facts: Facts<'_>, now: Moment, out: &mut Vec<Output>) {
        if let State::Line(line) = &mut self.state {
            let events = line.master.handle_timeout(now.mono_ms);
            self.on_events(events, facts, now, out);
            self.drive(facts, now, out);
        }
        if self.burst_until(facts).is_some_and(|at| at <= now.mono_ms) {
            self.register(More::WillNotCome, facts, now, out);
        }
        if self.identify_until(facts).is_some_and(|at| at <= now.mono_ms) {
            if matches!(&self.state, State::Registering { first, .. } if !first.is_empty()) {
                self.register(More::WillNotCome, facts, now, out);
            }
            if matches!(self.state, State::Registering { .. }) {
                let within = facts.rules.config.identify_within_s;
                self.close(out, &format!("did not say who it is within {within} s"));
            }
        }
        if self.idle_until(facts).is_some_and(|at| at <= now.mono_ms) {
            let silent_s = now.mono_ms.saturating_sub(self.heard_ms) / 1_000;
            self.close(out, &format!("silent for {silent_s} s"));
        }
    }

    /// When to call [`on_time`](Self::on_time) next, ms.
    pub(crate) fn deadline(&self, facts: Facts<'_>, now: Moment) -> Option<u64> {
        if self.is_closed {
            return None;
        }
        let line = match &self.state {
            State::Registering { .. } => None,
            State::Line(line) => {
                let can_ask =
                    matches!(line.asked, Asked::Nothing) && matches!(line.admission, Admitted::Yes(_));
                let poll = can_ask.then(|| line.plan.next_due_ms()).flatten();
                earliest([line.master.next_deadline(), poll, Some(line.look_at_ms)])
            }
        };
        let bucket = Some(self.frames.fits_at_ms(self.rate(facts))).filter(|at| *at > now.mono_ms);
        earliest([line, bucket, self.burst_until(facts), self.identify_until(facts), self.idle_until(facts)])
    }

    /// When silence ends a registration that has no end mark.
    fn burst_until(&self, facts: Facts<'_>) -> Option<u64> {
        let pattern = &facts.rules.config.dtu.registration;
        let has_end = !pattern.suffix.is_empty() || !pattern.terminator.is_empty();
        match &self.state {
            State::Registering { first, byte_ms } if !has_end && !first.is_empty() => {
                Some(byte_ms.saturating_add(facts.rules.config.dtu.burst_end_ms))
            }
            State::Registering { .. } | State::Line(_) => None,
        }
    }

    fn identify_until(&self, facts: Facts<'_>) -> Option<u64> {
        match &self.state {
            State::Registering { .. } if !self.is_closed => {
                Some(self.opened_ms.saturating_add(ms(facts.rules.config.identify_within_s)))
            }
            State::Registering { .. } | State::Line(_) => None,
        }
    }

    fn idle_until(&self, facts: Facts<'_>) -> Option<u64> {
        let State::Line(line) = &self.state else {
            return None;
        };
        let pending_ms = ms(facts.rules.config.pending_idle_s);
        let limit_ms = match (&line.admission, line.plan.interval_s()) {
            (Admitted::No(_), _) | (Admitted::Yes(_), 0) => pending_ms,
            (Admitted::Yes(_), interval_s) => facts.rules.idle_ms(interval_s),
        };
        Some(self.heard_ms.saturating_add(limit_ms))
    }

    fn register(&mut self, more: More, facts: Facts<'_>, now: Moment, out: &mut Vec<Output>) {
        let State::Registering { first, .. } = &mut self.state else {
            return;
        };
        match facts.rules.registration.read(first, more) {
            RegistrationOutcome::NeedMore if first.len() <= facts.rules.config.max_frame_bytes => {}
            RegistrationOutcome::NeedMore => {
                let (had, max) = (first.len(), facts.rules.config.max_frame_bytes);
                let reason =
                    format!("registration still open after {had} bytes, wanted its end within {max}");
                self.refuse_registration(reason, out);
            }
            RegistrationOutcome::Refused(refusal) => self.refuse_registration(refusal.to_string(), out),
            RegistrationOutcome::Identified { identity, start, used } => {
                let bytes = Bytes::from(std::mem::take(first));
                let said = bytes.slice(start.min(bytes.len())..used.min(bytes.len()));
                let repeated = (said.len() <= MAX_HEARTBEAT_LEN).then(|| said.clone());
                out.push(Output::Heard { bytes: bytes.slice(..used.min(bytes.len())), refused: None });
                self.take_line(identity, repeated, false, facts, now, out);
                self.tell_heard(facts, now, out);
                self.on_bytes(bytes.get(used..).unwrap_or_default(), facts, now, out);
            }
        }
    }

    fn take_line(
        &mut self,
        serial: String,
        repeated: Option<Bytes>,
        is_dialled: bool,
        facts: Facts<'_>,
        now: Moment,
        out: &mut Vec<Output>,
    ) {
        let mut config = facts.rules.config.dtu.line(repeated);
        if is_dialled {
            // A device that we dial sends nothing but answers.
            config.heartbeats.clear();
        }
        // The pattern and the heartbeats were checked at the start, so a line can always be made.
        let Ok(master) = LineMaster::new(config) else {
            return self.close(out, "the line's settings cannot be used");
        };
        self.heard_ms = now.mono_ms;
        self.state = State::Line(Box::new(Line {
            serial,
            protocol: if is_dialled { Protocol::ModbusTcp } else { facts.rules.config.line },
            is_dialled,
            transaction: 0,
            admission: Admitted::No(None),
            master,
            plan: PollPlan::default(),
            asked: Asked::Nothing,
            next_command: None,
            in_flight: VecDeque::new(),
            look_at_ms: now.mono_ms,
        }));
        self.look(facts, now, out);
    }

    fn refuse_registration(&mut self, reason: String, out: &mut Vec<Output>) {
        if let State::Registering { first, .. } = &mut self.state {
            let bytes = Bytes::from(std::mem::take(first));
            let refused = Refusal::new("transparent DTU, registration", &reason);
            out.push(Output::Heard { bytes, refused: Some(refused.into()) });
        }
        self.close(out, &reason);
    }

    /// Asks the directory whether the terminal may be heard now.
    fn look(&mut self, facts: Facts<'_>, now: Moment, out: &mut Vec<Output>) {
        let State::Line(line) = &mut self.state else {
            return;
        };
        line.look_at_ms = now.mono_ms.saturating_add(ms(facts.rules.config.pending_look_s.max(1)));
        let known = line.known(facts.directory);
        if let Some(reason) = known.as_ref().and_then(|entry| facts.distrust(entry)) {
            let bytes = Bytes::copy_from_slice(line.serial.as_bytes());
            let refused = Refusal::new(CERTIFICATE, &reason);
            out.push(Output::Heard { bytes, refused: Some(refused.into()) });
            return self.close(out, &reason);
        }
        if let Some(entry) = &known {
            line.protocol = entry.protocol;
        }
        let terminal = known.as_ref().map(|entry| entry.id);
        let owned = match &line.admission {
            Admitted::Yes(entry) => Some(entry.id),
            Admitted::No(_) => None,
        };
        match known.filter(|entry| entry.admission == Admission::Admitted) {
            Some(entry) => {
                if owned != Some(entry.id) {
                    // What it poured as a stranger is another measure.
                    self.frames = Bucket::default();
                    out.push(Output::Claim(entry.id));
                }
                line.plan.follow(&entry, facts.directory, now.mono_ms);
                line.admission = Admitted::Yes(entry);
            }
            None => {
                if owned.is_some() {
                    out.push(Output::Release("no longer admitted"));
                    if line.next_command.take().is_some() || matches!(line.asked, Asked::Command) {
                        out.push(Output::Answered(Err(LineError::NotConnected)));
                    }
                    // The answer to what is under way is still waited for, and then counts for nobody.
                    line.plan = PollPlan::default();
                }
                line.admission = Admitted::No(terminal);
                if line.is_dialled {
                    self.close(out, "no longer a device that is dialled");
                }
            }
        }
    }

    fn on_events(
        &mut self,
        events: Vec<EventOf<LineAsk>>,
        facts: Facts<'_>,
        now: Moment,
        out: &mut Vec<Output>,
    ) {
        for event in events {
            self.frames.pour(self.rate(facts), now.mono_ms);
            self.on_event(event, facts, now, out);
        }
        let max = facts.rules.config.max_refused_in_a_row;
        if self.refused_in_a_row >= max {
            self.close(out, &format!("{max} pieces in a row that are neither answer nor heartbeat"));
        }
    }

    fn on_event(&mut self, event: EventOf<LineAsk>, facts: Facts<'_>, now: Moment, out: &mut Vec<Output>) {
        match event {
            Event::Heartbeat(bytes) => {
                out.push(Output::Speaks(self.protocol()));
                self.understood(bytes, now, out);
                self.tell_heard(facts, now, out);
            }
            Event::Noise(bytes) => {
                self.refused_in_a_row = self.refused_in_a_row.saturating_add(1);
                let reason =
                    format!("{} bytes that are neither the answer asked for nor a heartbeat", bytes.len());
                out.push(Output::Speaks(self.protocol()));
                out.push(Output::Heard {
                    bytes,
                    refused: Some(Refusal::new(clause(self.protocol()), reason).into()),
                });
            }
            Event::Answer { request, answer, frame, .. } => {
                out.push(Output::Speaks(request.protocol()));
                self.understood(frame, now, out);
                self.on_answer(&answer, facts, now, out);
            }
            Event::Exception { request, exception, frame, .. } => {
                out.push(Output::Speaks(request.protocol()));
                self.understood(frame, now, out);
                self.on_exception(exception, facts, now, out);
            }
            Event::TimedOut { .. } => self.on_no_answer(facts, now, out),
        }
    }

    fn understood(&mut self, bytes: Bytes, now: Moment, out: &mut Vec<Output>) {
        self.heard_ms = now.mono_ms;
        self.refused_in_a_row = 0;
        out.push(Output::Heard { bytes, refused: None });
    }

    fn on_answer(&mut self, answer: &LineSaid, facts: Facts<'_>, now: Moment, out: &mut Vec<Output>) {
        let State::Line(line) = &mut self.state else {
            return;
        };
        match std::mem::replace(&mut line.asked, Asked::Nothing) {
            Asked::Nothing => {}
            Asked::Command => {
                if matches!(line.admission, Admitted::Yes(_)) {
                    out.push(Output::Answered(Ok(match answer {
                        LineSaid::Modbus(answer) => line_command::answer(answer),
                        LineSaid::Meter(answer) => LineAnswer::Data(answer.data.to_vec()),
                    })));
                    self.tell_heard(facts, now, out);
                }
            }
            Asked::Poll(poll) => {
                if matches!(line.admission, Admitted::No(_)) || !line.plan.wants(&poll) {
                    return;
                }
                let (reading, data) = match answer {
                    LineSaid::Modbus(answer) => {
                        let (Some(group), Some(data)) = (poll.of(), answer.data()) else {
                            return line.plan.misread(&poll, now.mono_ms);
                        };
                        let reading =
                            field_reading::reading(poll.detector, &poll.profile, group, data, now.wall);
                        (reading.map_err(|error| error.to_string()), data)
                    }
                    LineSaid::Meter(answer) => {
                        let (data, group) = (&answer.data, poll.group);
                        (field_reading::of_dlt645(poll.detector, &poll.profile, group, data, now.wall), data)
                    }
                };
                match reading {
                    Ok(reading) => {
                        line.plan.answered(&poll, now.mono_ms);
                        line.in_flight.push_back(poll.detector);
                        out.push(Output::Readings(vec![reading]));
                    }
                    Err(error) => {
                        let bytes = Bytes::copy_from_slice(data);
                        let refused = Refusal::new("detector profile, poll groups", error);
                        out.push(Output::Heard { bytes, refused: Some(refused.into()) });
                        line.plan.misread(&poll, now.mono_ms);
                    }
                }
            }
        }
    }

    fn on_exception(&mut self, exception: LineRefusal, facts: Facts<'_>, now: Moment, out: &mut Vec<Output>) {
        let State::Line(line) = &mut self.state else {
            return;
        };
        let code = exception.code();
        match std::mem::replace(&mut line.asked, Asked::Nothing) {
            Asked::Nothing => {}
            Asked::Command => {
                if matches!(line.admission, Admitted::Yes(_)) {
                    out.push(Output::Answered(Ok(LineAnswer::Exception(code))));
                    self.tell_heard(facts, now, out);
                }
            }
            Asked::Poll(poll) => {
                let Admitted::Yes(entry) = &line.admission else {
                    return;
                };
                if !line.plan.wants(&poll) {
                    return;
                }
                let dtu = &facts.rules.config.dtu;
                match line.plan.exception(&poll, code, exception.may_retry(), dtu, now.mono_ms) {
                    AfterException::Again => self.tell_heard(facts, now, out),
                    AfterException::NoValues { is_new } => {
                        if is_new {
                            let event = poll.slave.refused(exception);
                            out.push(Output::Tell(line_event(entry.id, facts, now, event)));
                        }
                        match poll.fault(now.wall) {
                            Some(reading) => {
                                line.in_flight.push_back(poll.detector);
                                out.push(Output::Readings(vec![reading]));
                            }
                            None => line.plan.outcome(poll.detector),
                        }
                    }
                }
            }
        }
    }

    fn on_no_answer(&mut self, facts: Facts<'_>, now: Moment, out: &mut Vec<Output>) {
        let State::Line(line) = &mut self.state else {
            return;
        };
        match (std::mem::replace(&mut line.asked, Asked::Nothing), &line.admission) {
            (Asked::Nothing, _) | (_, Admitted::No(_)) => {}
            (Asked::Command, Admitted::Yes(_)) => out.push(Output::Answered(Err(LineError::TimedOut))),
            (Asked::Poll(poll), Admitted::Yes(entry)) => {
                if line.plan.timed_out(&poll, &facts.rules.config.dtu, now.mono_ms) {
                    let event = poll.slave.silent();
                    out.push(Output::Tell(line_event(entry.id, facts, now, event)));
                }
            }
        }
    }

    /// Gives the line its next request, if it is time.
    fn drive(&mut self, facts: Facts<'_>, now: Moment, out: &mut Vec<Output>) {
        if self.is_closed {
            return;
        }
        self.look(facts, now, out);
        let State::Line(line) = &mut self.state else {
            return;
        };
        if matches!(line.asked, Asked::Nothing)
            && line.master.can_submit()
            && matches!(line.admission, Admitted::Yes(_))
        {
            line.ask(now);
        }
        if let Some(frame) = line.master.poll_transmit(now.mono_ms) {
            out.extend(line.master.outstanding().map(|asked| Output::Speaks(asked.protocol())));
            out.push(Output::Write(frame));
        }
    }

    fn tell_heard(&self, facts: Facts<'_>, now: Moment, out: &mut Vec<Output>) {
        let State::Line(line) = &self.state else {
            return;
        };
        out.push(match &line.admission {
            Admitted::Yes(entry) => {
                Output::Tell(Intake::Heard { terminal: entry.id, at: now.wall, signal: None, firmware: None })
            }
            Admitted::No(_) => Output::Unknown(UnknownTerminal {
                serial: line.serial.clone(),
                protocol: line.protocol,
                iccid: None,
                signal: None,
                firmware: None,
                remote: facts.remote.to_string(),
                at: now.wall,
                readings_ignored: 0,
            }),
        });
    }

    fn close(&mut self, out: &mut Vec<Output>, reason: &str) {
        if !self.is_closed {
            self.is_closed = true;
            out.push(Output::Close(reason.to_owned()));
        }
    }
}

#[cfg(test)]
mod tests;
