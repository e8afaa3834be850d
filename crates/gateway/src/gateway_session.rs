//! A session of the vendor gateway protocol (`1F1F`), without a socket.
//!
//! ```text
//!         request / sequence            md5 fits, admitted / pass
//!  Nobody ------------------> Challenged -------------------------> Admitted: reports, heartbeats, transparent frames
//!                                 |  md5 does not fit / fail, closed     |  no longer admitted, secret changed / closed
//! ```
//!
//! The challenge is a random number of this connection, so an authentication that was overheard opens no other one.
//! Whoever is unknown or waits for admission is answered "fail" like somebody with a wrong secret: the answer does not
//! tell which serial numbers exist.
//!
//! The protocol confirms no report. Where one could not be stored the line is closed: it is all that the gateway can
//! notice. Detectors with a Modbus profile behind the gateway are polled through transparent frames, one at a time,
//! commands before polls.

use std::collections::VecDeque;
use std::sync::Arc;

use bus::intake::UnknownTerminal;
use bus::{Intake, LineAnswer, LineCommand, LineError, Outcome};
use domain::id::{DetectorId, TerminalId};
use domain::place::{Admission, Credential, DetectorEntry, Protocol, TerminalEntry};
use domain::reading::Reading;
use domain::telegram::Refused;
use wire::gateway1f1f::{
    Authentication, Deframer, FrameType, GatewayId, Heartbeat, Port, RawFrame, Report, Secret, Step,
    Transparent,
};
use wire::modbus::{Answer, AnswerBody, Request};

use crate::clause::gateway_clause;
use crate::config::ms;
use crate::field_reading;
use crate::limits::{Bucket, OF_STRANGERS, Rate};
use crate::line_ask::LineRefusal;
use crate::line_command;
use crate::poll_plan::{AfterException, Poll, PollPlan, PollRequest};
use crate::session::{CERTIFICATE, Facts, Moment, Output, Refusal, Taken, earliest, line_event};

const AUTHENTICATION: &str = "vendor gateway protocol, authentication";
const SESSION_RULES: &str = "vendor gateway protocol, session rules";
const TRANSPARENT: &str = "vendor gateway protocol, transparent frames";

/// A frame may take a second longer for each so many bytes that it announces.
const SLOWEST_BYTES_PER_S: u64 = 1_024;

/// One connection that speaks the vendor gateway protocol.
#[derive(Debug)]
pub(crate) struct GatewaySession {
    deframer: Deframer,
    /// The random number of this connection.
    sequence: Box<str>,
    who: Who,
    asked: Asked,
    plan: PollPlan,
    /// A command that waits for its turn.
    next_command: Option<(Port, Box<Request>)>,
    frames: Bucket,
    refused_in_a_row: u32,
    /// Readings whose outcome is not known yet, oldest first; of polls with their detector.
    in_flight: VecDeque<Option<DetectorId>>,
    /// Frames may lie in the deframer that wait for an outcome or for the bucket.
    is_held: bool,
    is_closed: bool,
    opened_ms: u64,
    heard_ms: u64,
    /// Since when the rest of a frame is waited for.
    partial_since_ms: Option<u64>,
}

#[derive(Debug)]
enum Who {
    /// It has not said who it is.
    Nobody,
    /// It has, and was given the number; the terminal's id where the directory knows it.
    Challenged { id: GatewayId, terminal: Option<TerminalId> },
    /// It has proved it.
    Admitted { id: GatewayId, entry: Arc<TerminalEntry>, secret: Secret },
}

/// What is under way through transparent frames.
#[derive(Debug)]
enum Asked {
    Nothing,
    Waiting {
        what: What,
        port: Port,
        request: Box<Request>,
        due_ms: u64,
    },
    /// Nothing is asked until then: a rest between requests, or a late answer could be taken for the next one.
    Resting {
        until_ms: u64,
        is_quarantine: bool,
    },
}

#[derive(Debug)]
enum What {
    Command,
    Poll(Poll),
}

impl GatewaySession {
    /// `challenge` is a random number that nobody can foretell.
    pub(crate) fn new(challenge: u64, facts: Facts<'_>, now: Moment) -> Self {
        Self {
            // Large frames are for those who have proved who they are.
            deframer: Deframer::new(facts.rules.config.max_frame_bytes),
            sequence: challenge.to_string().into(),
            who: Who::Nobody,
            asked: Asked::Nothing,
            plan: PollPlan::default(),
            next_command: None,
            frames: Bucket::default(),
            refused_in_a_row: 0,
            in_flight: VecDeque::new(),
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
            Who::Challenged { terminal, .. } => *terminal,
            Who::Admitted { entry, .. } => Some(entry.id),
        }
    }

    /// How many frames it may send.
    fn rate(&self, facts: Facts<'_>) -> Rate {
        if matches!(self.who, Who::Admitted { .. }) {
            Rate::new(facts.rules.config.max_frames_per_s, facts.rules.config.max_frames_burst)
        } else {
            let (per_s, burst) = OF_STRANGERS;
            Rate::new(per_s, burst)
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

    /// Takes the outcome of the oldest readings without one.
    pub(crate) fn on_outcome(
        &mut self,
        outcome: Outcome,
        facts: Facts<'_>,
        now: Moment,
        out: &mut Vec<Output>,
    ) {
        match (self.in_flight.pop_front(), outcome) {
            // What could not be stored is measured again at the next poll.
            (Some(Some(detector)), _) => self.plan.outcome(detector),
            (Some(None) | None, Outcome::Unavailable) => {
                self.close(out, "a report could not be stored; the gateway has to send it again");
            }
            (Some(None) | None, Outcome::Committed) => {}
        }
        self.drain(facts, now, out);
    }

    /// Takes a command for a detector behind the gateway.
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
        let Who::Admitted { entry, .. } = &self.who else {
            return Taken::Settled(Err(LineError::NotConnected));
        };
        let is_busy = self.next_command.is_some()
            || match &self.asked {
                Asked::Nothing | Asked::Waiting { what: What::Poll(_), .. } => false,
                Asked::Waiting { what: What::Command, .. } => true,
                Asked::Resting { is_quarantine, .. } => *is_quarantine,
            };
        if is_busy {
            return Taken::Settled(Err(LineError::Busy));
        }
        let modbus = |detector: &&DetectorEntry| {
            facts
                .directory
                .profile(&detector.profile)
                .is_some_and(|profile| profile.protocol == Protocol::ModbusRtu)
        };
        let mut behind = entry.detectors.iter().filter(modbus);
        let found = match unit {
            Some(unit) => behind.find(|detector| detector.unit_address == Some(unit)),
            None => behind.next(),
        };
        let Some((port, unit)) = found.and_then(port_of) else {
            let reason = "no detector with this Modbus unit and a port behind this gateway";
            return Taken::Settled(Ok(LineAnswer::Refused(reason.to_owned())));
        };
        match wanted.request(unit) {
            Ok(request) => {
                self.next_command = Some((port, Box::new(request)));
                self.drive(facts, now, out);
                Taken::Waits
            }
            Err(answer) => Taken::Settled(Ok(answer)),
        }
    }

    /// Lets time pass.
    pub(crate) fn on_time(&mut self, facts: Facts<'_>, now: Moment, out: &mut Vec<Output>) {
        let is_over = |deadline: Option<u64>| deadline.is_some_and(|at| at <= now.mono_ms);
        match &self.asked {
            Asked::Waiting { due_ms, .. } if is_over(Some(*due_ms)) => self.on_no_answer(facts, now, out),
            Asked::Resting { until_ms, .. } if is_over(Some(*until_ms)) => self.asked = Asked::Nothing,
            Asked::Nothing | Asked::Waiting { .. } | Asked::Resting { .. } => {}
        }
        if is_over(self.partial_until(facts)) {
            self.partial_since_ms = None;
            for item in self.deframer.on_idle() {
                self.take(item, facts, now, out);
            }
        }
        if is_over(self.identify_until(facts)) {
            let within = facts.rules.config.identify_within_s;
            self.close(out, &format!("did not prove who it is within {within} s"));
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
        let asked = match &self.asked {
            Asked::Nothing => self.plan.next_due_ms(),
            Asked::Waiting { due_ms, .. } => Some(*due_ms),
            Asked::Resting { until_ms, .. } => Some(*until_ms),
        };
        let has_room = self.has_room(facts);
        let bucket = (self.is_held && has_room).then(|| self.frames.fits_at_ms(self.rate(facts)));
        earliest([
            asked,
            bucket,
            self.partial_until(facts),
            self.identify_until(facts),
            self.idle_until(facts),
        ])
    }

    fn has_room(&self, facts: Facts<'_>) -> bool {
        self.in_flight.len() < usize::from(facts.rules.config.max_uploads_in_flight)
    }

    /// A large frame over a slow line takes its time, but no less than a pace.
    fn partial_until(&self, facts: Facts<'_>) -> Option<u64> {
        let announced = u64::try_from(self.deframer.wanted().unwrap_or(0)).unwrap_or(u64::MAX);
        let within_s = facts.rules.config.frame_within_s.saturating_add(announced / SLOWEST_BYTES_PER_S);
        Some(self.partial_since_ms?.saturating_add(ms(within_s)))
    }

    fn identify_until(&self, facts: Facts<'_>) -> Option<u64> {
        match &self.who {
            Who::Nobody | Who::Challenged { .. } => {
                Some(self.opened_ms.saturating_add(ms(facts.rules.config.identify_within_s)))
            }
            Who::Admitted { .. } => None,
        }
    }

    fn idle_until(&self, facts: Facts<'_>) -> Option<u64> {
        // While an outcome is awaited it is not the gateway that is silent.
        if !self.in_flight.is_empty() || self.is_held {
            return None;
        }
        let Who::Admitted { entry, .. } = &self.who else { return None };
        let interval_s = entry
            .detectors
            .iter()
            .filter_map(|detector| facts.directory.profile(&detector.profile))
            .map(|profile| u64::from(profile.interval_s))
            .max();
        Some(self.heard_ms.saturating_add(facts.rules.idle_ms(interval_s.unwrap_or(0))))
    }

    fn drain(&mut self, facts: Facts<'_>, now: Moment, out: &mut Vec<Output>) {
        let mut has_progressed = self.is_held;
        self.is_held = false;
        loop {
            if self.is_closed {
                return;
            }
            if !self.has_room(facts) || self.frames.fits_at_ms(self.rate(facts)) > now.mono_ms {
                self.is_held = true;
                self.partial_since_ms = None;
                break;
            }
            let Some(item) = self.deframer.next_frame() else {
                let is_partial = self.deframer.buffered() > 0;
                self.partial_since_ms = match self.partial_since_ms {
                    Some(since) if is_partial && !has_progressed => Some(since),
                    Some(_) | None => is_partial.then_some(now.mono_ms),
                };
                break;
            };
            has_progressed = true;
            self.take(item, facts, now, out);
        }
        self.drive(facts, now, out);
    }

    fn take(
        &mut self,
        item: Result<RawFrame, wire::gateway1f1f::Refused>,
        facts: Facts<'_>,
        now: Moment,
        out: &mut Vec<Output>,
    ) {
        if self.is_closed {
            return;
        }
        let rate = self.rate(facts);
        self.frames.pour(rate, now.mono_ms);
        let at = out.len();
        let mut is_lost = false;
        let (bytes, verdict) = match item {
            Ok(frame) => {
                let verdict = self.on_frame(&frame, facts, now, out);
                (frame.bytes, verdict)
            }
            Err(refused) => {
                is_lost = !refused.error.stream_goes_on();
                (refused.bytes, Err(Refusal::new("vendor gateway protocol, frame header", refused.error)))
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
        if is_lost {
            self.close(out, "a frame longer than allowed: where the next one begins cannot be known");
        } else if self.refused_in_a_row >= max {
            self.close(out, &format!("{max} refused frames in a row"));
        }
    }

    fn on_frame(
        &mut self,
        frame: &RawFrame,
        facts: Facts<'_>,
        now: Moment,
        out: &mut Vec<Output>,
    ) -> Result<(), Refusal> {
        self.stand(facts, now, out)?;
        let limits = &facts.rules.config.gateway1f1f;
        match frame.kind {
            FrameType::Authentication => {
                let said = Authentication::parse(frame.data(), &limits.wire).map_err(refusal)?;
                self.on_authentication(said, facts, now, out)
            }
            FrameType::Heartbeat => {
                let (id, _, _) = self.proved(frame.kind)?;
                let beat = Heartbeat::parse(frame.data(), &limits.wire).map_err(refusal)?;
                is_own(beat.id.as_ref(), id)?;
                let id = id.clone();
                self.tell_heard(now, out);
                if let Some(time) = field_reading::local_time(facts, now) {
                    out.push(Output::Write(Heartbeat { id: Some(id), time: Some(time) }.encode()));
                }
                Ok(())
            }
            FrameType::Data | FrameType::CompressedData => {
                let (id, entry, secret) = self.proved(frame.kind)?;
                let report = Report::open(frame.kind, frame.data(), secret, &limits.wire).map_err(refusal)?;
                is_own(report.id.as_ref(), id)?;
                let entry = Arc::clone(entry);
                self.on_report(&report, &entry, facts, now, out)
            }
            FrameType::DownlinkAnswer => {
                let (_, _, secret) = self.proved(frame.kind)?;
                let transparent = Transparent::open(frame.data(), secret).map_err(refusal)?;
                self.on_transparent(&transparent, facts, now, out)
            }
            FrameType::Downlink => {
                Err(Refusal::new(SESSION_RULES, "a downlink from the field, which only the server sends"))
            }
        }
    }

    /// Whether who was admitted still is, and under the same secret; follows what changed behind it.
    fn stand(&mut self, facts: Facts<'_>, now: Moment, out: &mut Vec<Output>) -> Result<(), Refusal> {
        let Who::Admitted { id, entry, secret } = &mut self.who else { return Ok(()) };
        let known = facts.directory.terminal(Protocol::Gateway1f1f, &id.serial());
        match known.filter(|entry| entry.admission == Admission::Admitted) {
            Some(now_known) if secrets(&now_known).any(|known| known == *secret) => {
                if !Arc::ptr_eq(entry, &now_known) {
                    self.plan.follow(&now_known, facts.directory, now.mono_ms);
                    *entry = now_known;
                }
                Ok(())
            }
            Some(_) | None => {
                let reason = "no longer admitted, or its secret was changed";
                out.push(Output::Release(reason));
                self.end_command(out);
                self.who = Who::Nobody;
                self.plan = PollPlan::default();
                self.close(out, reason);
                Err(Refusal::new(SESSION_RULES, reason))
            }
        }
    }

    fn proved(&self, kind: FrameType) -> Result<(&GatewayId, &Arc<TerminalEntry>, &Secret), Refusal> {
        match &self.who {
            Who::Admitted { id, entry, secret } => Ok((id, entry, secret)),
            Who::Nobody | Who::Challenged { .. } => {
                let reason = format!("{} on a connection that has not proved who it is", kind.name());
                Err(Refusal::new(SESSION_RULES, reason))
            }
        }
    }

    fn on_authentication(
        &mut self,
        said: Authentication,
        facts: Facts<'_>,
        now: Moment,
        out: &mut Vec<Output>,
    ) -> Result<(), Refusal> {
        let bound = match &self.who {
            Who::Nobody => None,
            Who::Challenged { id, .. } | Who::Admitted { id, .. } => Some(id),
        };
        if let Some(bound) = bound.filter(|bound| **bound != said.id) {
            let reason = format!("gateway {} on the connection of {bound}", said.id);
            return Err(Refusal::new(SESSION_RULES, reason));
        }
        match said.step {
            Step::Request => {
                if matches!(self.who, Who::Nobody) {
                    let known = facts.directory.terminal(Protocol::Gateway1f1f, &said.id.serial());
                    let terminal = known.map(|entry| entry.id);
                    self.who = Who::Challenged { id: said.id.clone(), terminal };
                }
                let step = Step::Sequence(self.sequence.to_string());
                out.push(Output::Write(Authentication { id: said.id, step }.encode()));
                Ok(())
            }
            Step::Md5(md5) => {
                if matches!(self.who, Who::Nobody) {
                    return Err(Refusal::new(AUTHENTICATION, "an answer before the question"));
                }
                self.on_answer_to_challenge(said.id, &md5, facts, now, out)
            }
            Step::Sequence(_) | Step::Result(_) => {
                Err(Refusal::new(AUTHENTICATION, "a step that only the server takes"))
            }
        }
    }

    fn on_answer_to_challenge(
        &mut self,
        id: GatewayId,
        md5: &str,
        facts: Facts<'_>,
        now: Moment,
        out: &mut Vec<Output>,
    ) -> Result<(), Refusal> {
        let serial = id.serial();
        let known = facts.directory.terminal(Protocol::Gateway1f1f, &serial);
        let result =
            |passes| Output::Write(Authentication { id: id.clone(), step: Step::Result(passes) }.encode());
        let Some(entry) = known.filter(|entry| entry.admission == Admission::Admitted) else {
            out.push(Output::Unknown(UnknownTerminal {
                serial,
                protocol: Protocol::Gateway1f1f,
                iccid: None,
                signal: None,
                firmware: None,
                remote: facts.remote.to_string(),
                at: now.wall,
                readings_ignored: 0,
            }));
            out.push(result(false));
            self.close(out, "not admitted; it has to dial again when it is");
            return Ok(());
        };
        let fitting = secrets(&entry).find(|secret| secret.is_answered_by(&self.sequence, md5));
        let refusal = match (facts.distrust(&entry), fitting) {
            (Some(reason), _) => Refusal::new(CERTIFICATE, reason),
            (None, Some(secret)) => {
                let is_new = !matches!(self.who, Who::Admitted { .. });
                self.plan.follow(&entry, facts.directory, now.mono_ms);
                self.deframer.set_max_data_len(facts.rules.config.gateway1f1f.max_frame_bytes);
                if is_new {
                    // What it poured as a stranger is another measure.
                    self.frames = Bucket::default();
                    out.push(Output::Claim(entry.id));
                }
                out.push(result(true));
                self.who = Who::Admitted { id, entry, secret };
                self.tell_heard(now, out);
                return Ok(());
            }
            (None, None) if secrets(&entry).next().is_none() => {
                Refusal::new(AUTHENTICATION, "the terminal has no shared secret of 16 bytes")
            }
            (None, None) => Refusal::new(AUTHENTICATION, "md5 does not fit the secret and the sequence"),
        };
        out.push(Output::Unproven);
        out.push(result(false));
        self.close(out, "could not prove who it is");
        Err(refusal)
    }

    fn on_report(
        &mut self,
        report: &Report,
        entry: &TerminalEntry,
        facts: Facts<'_>,
        now: Moment,
        out: &mut Vec<Output>,
    ) -> Result<(), Refusal> {
        self.heard_ms = now.mono_ms;
        let device_at = match &report.time {
            Some(time) => match field_reading::unix_ms(time, facts) {
                Some(at) => Some(at),
                None => {
                    return Err(Refusal::new(
                        "vendor gateway protocol, report",
                        format!("no such time: {time}"),
                    ));
                }
            },
            None => None,
        };
        let mut readings: Vec<Reading> = Vec::new();
        let mut refused = None;
        for meter in &report.meters {
            match field_reading::of_meter(entry, facts.directory, meter, device_at, now.wall) {
                Ok(found) => readings.extend(found),
                Err(reason) => refused = refused.or(Some(reason)),
            }
        }
        if readings.is_empty() {
            self.tell_heard(now, out);
        } else {
            // A meter that nobody knows must not hide a hazard in the one beside it.
            self.in_flight.push_back(None);
            out.push(Output::Readings(readings));
        }
        match refused {
            None => Ok(()),
            Some(reason) => Err(Refusal::new("vendor gateway protocol, meters", reason)),
        }
    }

    fn on_transparent(
        &mut self,
        transparent: &Transparent,
        facts: Facts<'_>,
        now: Moment,
        out: &mut Vec<Output>,
    ) -> Result<(), Refusal> {
        let Asked::Waiting { port, request, .. } = &self.asked else {
            return Err(Refusal::new(
                TRANSPARENT,
                "an answer, wanted none: nothing was asked, or it came too late",
            ));
        };
        if transparent.port != *port {
            let reason = format!("an answer of {}, wanted one of {port}", transparent.port);
            return Err(Refusal::new(TRANSPARENT, reason));
        }
        let (answer, _crc) =
            Answer::parse_whole(&transparent.rtu).map_err(|error| Refusal::new(TRANSPARENT, error))?;
        answer.fits(request).map_err(|misfit| Refusal::new(TRANSPARENT, misfit))?;
        let until_ms = now.mono_ms.saturating_add(facts.rules.config.dtu.gap_ms);
        let rest = Asked::Resting { until_ms, is_quarantine: false };
        let Asked::Waiting { what, .. } = std::mem::replace(&mut self.asked, rest) else { return Ok(()) };
        match what {
            What::Command => {
                self.tell_heard(now, out);
                out.push(Output::Answered(Ok(line_command::answer(&answer))));
                Ok(())
            }
            What::Poll(poll) => self.on_polled(&poll, &answer, facts, now, out),
        }
    }

    fn on_polled(
        &mut self,
        poll: &Poll,
        answer: &Answer,
        facts: Facts<'_>,
        now: Moment,
        out: &mut Vec<Output>,
    ) -> Result<(), Refusal> {
        self.tell_heard(now, out);
        let Who::Admitted { entry, .. } = &self.who else { return Ok(()) };
        if !self.plan.wants(poll) {
            return Ok(());
        }
        if let AnswerBody::Exception { exception, .. } = &answer.body {
            let code = exception.code();
            let dtu = &facts.rules.config.dtu;
            match self.plan.exception(poll, code, exception.may_retry(), dtu, now.mono_ms) {
                AfterException::Again => {}
                AfterException::NoValues { is_new } => {
                    if is_new {
                        let event = poll.slave.refused(LineRefusal::Modbus(*exception));
                        out.push(Output::Tell(line_event(entry.id, facts, now, event)));
                    }
                    if let Some(group) = poll.of() {
                        self.in_flight.push_back(Some(poll.detector));
                        let reading = field_reading::fault(poll.detector, &poll.profile, group, now.wall);
                        out.push(Output::Readings(vec![reading]));
                    }
                }
            }
            return Ok(());
        }
        let (Some(group), Some(data)) = (poll.of(), answer.data()) else {
            self.plan.misread(poll, now.mono_ms);
            return Ok(());
        };
        match field_reading::reading(poll.detector, &poll.profile, group, data, now.wall) {
            Ok(reading) => {
                self.plan.answered(poll, now.mono_ms);
                self.in_flight.push_back(Some(poll.detector));
                out.push(Output::Readings(vec![reading]));
                Ok(())
            }
            Err(error) => {
                self.plan.misread(poll, now.mono_ms);
                Err(Refusal::new("detector profile, poll groups", error))
            }
        }
    }

    fn on_no_answer(&mut self, facts: Facts<'_>, now: Moment, out: &mut Vec<Output>) {
        let until_ms = now.mono_ms.saturating_add(facts.rules.config.dtu.quarantine_ms);
        let rest = Asked::Resting { until_ms, is_quarantine: true };
        let Asked::Waiting { what, .. } = std::mem::replace(&mut self.asked, rest) else { return };
        match what {
            What::Command => out.push(Output::Answered(Err(LineError::TimedOut))),
            What::Poll(poll) => {
                if self.plan.timed_out(&poll, &facts.rules.config.dtu, now.mono_ms)
                    && let Who::Admitted { entry, .. } = &self.who
                {
                    let event = poll.slave.silent();
                    out.push(Output::Tell(line_event(entry.id, facts, now, event)));
                }
            }
        }
    }

    /// Asks the next thing, if it is time.
    fn drive(&mut self, facts: Facts<'_>, now: Moment, out: &mut Vec<Output>) {
        if self.is_closed || !matches!(self.asked, Asked::Nothing) {
            return;
        }
        let Who::Admitted { entry, secret, .. } = &self.who else { return };
        let (what, port, request) = if let Some((port, request)) = self.next_command.take() {
            (What::Command, port, request)
        } else {
            if !self.has_room(facts) {
                return;
            }
            let Some(poll) = self.plan.next(now.mono_ms) else { return };
            let port = entry.detectors.iter().find(|detector| detector.id == poll.detector).and_then(port_of);
            match (port, poll.request()) {
                (Some((port, _)), Some(Ok(PollRequest::Modbus(request)))) => {
                    (What::Poll(poll), port, Box::new(request))
                }
                // Profiles and places are checked when they are made; one that is wrong must not stop the others.
                (_, Some(_) | None) => return self.plan.misread(&poll, now.mono_ms),
            }
        };
        let transparent = Transparent { port, rtu: request.encode() };
        out.push(Output::Write(transparent.seal(FrameType::Downlink, secret)));
        let due_ms = now.mono_ms.saturating_add(ms(facts.rules.config.command_within_s));
        self.asked = Asked::Waiting { what, port, request, due_ms };
    }

    fn tell_heard(&mut self, now: Moment, out: &mut Vec<Output>) {
        self.heard_ms = now.mono_ms;
        if let Who::Admitted { entry, .. } = &self.who {
            out.push(Output::Tell(Intake::Heard {
                terminal: entry.id,
                at: now.wall,
                signal: None,
                firmware: None,
            }));
        }
    }

    fn end_command(&mut self, out: &mut Vec<Output>) {
        let is_waiting = matches!(self.asked, Asked::Waiting { what: What::Command, .. });
        if self.next_command.take().is_some() || is_waiting {
            out.push(Output::Answered(Err(LineError::NotConnected)));
        }
        self.asked = Asked::Nothing;
    }

    fn close(&mut self, out: &mut Vec<Output>, reason: &str) {
        if !self.is_closed {
            self.is_closed = true;
            out.push(Output::Close(reason.to_owned()));
        }
    }
}

/// Where a detector with a Modbus profile hangs: its address is the gateway's port (one or two digits) or the whole
/// `PPAAA`; its unit is the Modbus unit, and the address on the port where that is not said.
fn port_of(detector: &DetectorEntry) -> Option<(Port, u8)> {
    let unit = detector.unit_address.unwrap_or(line_command::OWN_UNIT);
    let text = detector.address.as_deref().unwrap_or("1");
    let port = match text.len() {
        1 | 2 => Port::new(text.parse().ok()?, unit)?,
        _ => Port::parse(text)?,
    };
    Some((port, unit))
}

/// The secrets of a terminal that this protocol can use.
fn secrets(entry: &TerminalEntry) -> impl Iterator<Item = Secret> {
    entry.credentials.iter().filter_map(|credential| match credential {
        Credential::SharedSecret(secret) => Secret::try_from(secret.as_slice()).ok(),
        Credential::TokenHash(_) | Credential::CertificateHash(_) => None,
    })
}

/// What a frame says of its sender must not contradict the line. Gateways that leave the building out in reports are
/// common.
fn is_own(said: Option<&GatewayId>, own: &GatewayId) -> Result<(), Refusal> {
    match said {
        Some(said)
            if said.gateway() != own.gateway()
                || !(said.building().is_empty() || said.building() == own.building()) =>
        {
            Err(Refusal::new(SESSION_RULES, format!("gateway {said} on the connection of {own}")))
        }
        Some(_) | None => Ok(()),
    }
}

fn refusal(error: wire::gateway1f1f::MessageError) -> Refusal {
    Refusal::new(gateway_clause(&error), error)
}

#[cfg(test)]
mod tests;
