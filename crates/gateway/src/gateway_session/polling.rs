//! What is asked of Modbus detectors behind the gateway through transparent frames: commands, and polls between them.

use bus::{LineAnswer, LineCommand, LineError};
use domain::place::{DetectorEntry, Protocol};
use wire::gateway1f1f::{FrameType, Port, Transparent};
use wire::modbus::{Answer, AnswerBody, Request};

use super::{GatewaySession, Who};
use crate::config::ms;
use crate::field_reading;
use crate::line_ask::LineRefusal;
use crate::line_command;
use crate::poll_plan::{AfterException, Poll, PollRequest};
use crate::session::{Facts, Moment, Output, Refusal, Taken, line_event};

const TRANSPARENT: &str = "vendor gateway protocol, transparent frames";

/// What is under way through transparent frames.
#[derive(Debug)]
pub(super) enum Asked {
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
pub(super) enum What {
    Command,
    Poll(Poll),
}

impl GatewaySession {
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
                self.flow.close(out, reason);
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
        // A command names the unit and not the port: it must not reach the wrong one of two breakers.
        let is_elsewhere = |other: &&DetectorEntry| {
            unit.is_some() && other.unit_address == unit && port_of(other) != found.and_then(port_of)
        };
        if let (Some(unit), Some(other)) = (unit, behind.find(is_elsewhere)) {
            let address = |detector: &DetectorEntry| detector.address.clone().unwrap_or_default();
            let (one, other) = (found.map(address).unwrap_or_default(), address(other));
            let reason = format!(
                "detectors at {one} and {other} of this gateway both have Modbus unit {unit}, wanted one of a kind to command"
            );
            return Taken::Settled(Ok(LineAnswer::Refused(reason)));
        }
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

    pub(super) fn on_transparent(
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

    pub(super) fn on_polled(
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

    pub(super) fn on_no_answer(&mut self, facts: Facts<'_>, now: Moment, out: &mut Vec<Output>) {
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
    pub(super) fn drive(&mut self, facts: Facts<'_>, now: Moment, out: &mut Vec<Output>) {
        if self.flow.is_closed() || !matches!(self.asked, Asked::Nothing) {
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

    pub(super) fn end_command(&mut self, out: &mut Vec<Output>) {
        let is_waiting = matches!(self.asked, Asked::Waiting { what: What::Command, .. });
        if self.next_command.take().is_some() || is_waiting {
            out.push(Output::Answered(Err(LineError::NotConnected)));
        }
        self.asked = Asked::Nothing;
    }
}

/// Where a detector with a Modbus profile hangs: its address is the gateway's port (one or two digits) or the whole
/// `PPAAA`; its unit is the Modbus unit, and the address on the port where that is not said.
pub(super) fn port_of(detector: &DetectorEntry) -> Option<(Port, u8)> {
    let unit = detector.unit_address.unwrap_or(line_command::OWN_UNIT);
    let text = detector.address.as_deref().unwrap_or("1");
    let port = match text.len() {
        1 | 2 => Port::new(text.parse().ok()?, unit)?,
        _ => Port::parse(text)?,
    };
    Some((port, unit))
}
