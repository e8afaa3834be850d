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

use bus::{Intake, Outcome};
use domain::id::{DetectorId, TerminalId};
use domain::place::TerminalEntry;
use domain::reading::Reading;
use wire::gateway1f1f::{
    Authentication, Deframer, FrameType, GatewayId, Heartbeat, Port, RawFrame, Report, Secret, Transparent,
};
use wire::modbus::Request;

use crate::clause::gateway_clause;
use crate::config::ms;
use crate::field_reading;
use crate::limits::Rate;
use crate::poll_plan::PollPlan;
use crate::session::{Facts, Flow, Moment, Output, Refusal, earliest};

mod polling;
mod proof;

use polling::Asked;
use proof::is_own;

const SESSION_RULES: &str = "vendor gateway protocol, session rules";

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
    flow: Flow,
    /// Readings whose outcome is not known yet, oldest first; of polls with their detector.
    in_flight: VecDeque<Option<DetectorId>>,
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
            flow: Flow::new(now),
            in_flight: VecDeque::new(),
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
                self.flow.close(out, "a report could not be stored; the gateway has to send it again");
            }
            (Some(None) | None, Outcome::Committed) => {}
        }
        self.drain(facts, now, out);
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
            self.flow.gave_up_partial();
            for item in self.deframer.on_idle() {
                self.take(item, facts, now, out);
            }
        }
        let within_s = facts.rules.config.identify_within_s;
        self.flow.close_unidentified(self.identify_until(facts), "prove", within_s, now, out);
        self.flow.close_silent(self.idle_until(facts), now, out);
        self.drain(facts, now, out);
    }

    /// When to call [`on_time`](Self::on_time) next, ms.
    pub(crate) fn deadline(&self, facts: Facts<'_>) -> Option<u64> {
        if self.flow.is_closed() {
            return None;
        }
        let asked = match &self.asked {
            Asked::Nothing => self.plan.next_due_ms(),
            Asked::Waiting { due_ms, .. } => Some(*due_ms),
            Asked::Resting { until_ms, .. } => Some(*until_ms),
        };
        earliest([
            asked,
            self.flow.bucket_at(self.has_room(facts), self.rate(facts)),
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
        self.flow.partial_until(ms(within_s))
    }

    fn identify_until(&self, facts: Facts<'_>) -> Option<u64> {
        let is_nobody = !matches!(self.who, Who::Admitted { .. });
        self.flow.identify_until(is_nobody, ms(facts.rules.config.identify_within_s))
    }

    fn idle_until(&self, facts: Facts<'_>) -> Option<u64> {
        let Who::Admitted { entry, .. } = &self.who else { return None };
        let limit_ms = facts.rules.idle_ms(facts.interval_s(entry).unwrap_or(0));
        self.flow.idle_until(!self.in_flight.is_empty(), limit_ms)
    }

    fn drain(&mut self, facts: Facts<'_>, now: Moment, out: &mut Vec<Output>) {
        self.flow.begin();
        while self.flow.goes_on(self.has_room(facts), self.rate(facts), now) {
            let Some(item) = self.deframer.next_frame() else {
                self.flow.ran_dry(self.deframer.buffered(), now);
                break;
            };
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
        if self.flow.is_closed() {
            return;
        }
        let rate = self.rate(facts);
        self.flow.pour(rate, now);
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
        self.flow.judged(bytes, verdict, at, facts, out);
        if is_lost {
            self.flow.close(out, "a frame longer than allowed: where the next one begins cannot be known");
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

    fn on_report(
        &mut self,
        report: &Report,
        entry: &TerminalEntry,
        facts: Facts<'_>,
        now: Moment,
        out: &mut Vec<Output>,
    ) -> Result<(), Refusal> {
        self.flow.heard(now);
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

    fn tell_heard(&mut self, now: Moment, out: &mut Vec<Output>) {
        self.flow.heard(now);
        if let Who::Admitted { entry, .. } = &self.who {
            out.push(Output::Tell(Intake::Heard {
                terminal: entry.id,
                at: now.wall,
                signal: None,
                firmware: None,
            }));
        }
    }
}

fn refusal(error: wire::gateway1f1f::MessageError) -> Refusal {
    Refusal::new(gateway_clause(&error), error)
}

#[cfg(test)]
mod tests;
