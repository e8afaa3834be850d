//! A terminal of our own messages that holds a line of MQTT: says its readings with QoS 1, hears its commands.

use domain::time::UnixMs;
use wire::telemetry::{Commands, Form, Limits};

use super::{Line, Wants};
use crate::device::LineState;
use crate::mqtt::{MqttHeard, MqttTalk};
use crate::reporter::Reporter;

/// A server that does not answer within this is given up, ms.
const ANSWER_WITHIN_MS: i64 = 10_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Apart,
    Greeting { until: UnixMs },
    Ready,
    GivenUp,
}

/// A terminal's side of a connection.
pub(crate) struct MqttLine {
    talk: MqttTalk,
    reporter: Reporter,
    confirm_within_ms: i64,
    phase: Phase,
    /// The message that waits for its acknowledgement, and until when.
    waiting: Option<(u16, UnixMs)>,
    out: Vec<u8>,
}

impl MqttLine {
    pub(crate) const fn new(talk: MqttTalk, reporter: Reporter, confirm_within_ms: i64) -> Self {
        Self { talk, reporter, confirm_within_ms, phase: Phase::Apart, waiting: None, out: Vec::new() }
    }

    fn send_next(&mut self, now: UnixMs) {
        if self.phase != Phase::Ready || self.waiting.is_some() {
            return;
        }
        let Some(front) = self.reporter.front() else { return };
        let is_again = front.tries > 0;
        front.tries += 1;
        let topic = if front.is_answer { "answer" } else { "telemetry" };
        match self.talk.publish(topic, front.payload.clone()) {
            Some((id, bytes)) => {
                self.out.extend(bytes);
                self.waiting = Some((id, now.plus_ms(self.confirm_within_ms)));
                self.reporter.counters().sent(is_again);
            }
            None => self.phase = Phase::GivenUp,
        }
    }

    fn on_ready(&mut self) {
        self.phase = Phase::Ready;
        match self.talk.subscribe("command") {
            Some(bytes) => self.out.extend(bytes),
            None => self.phase = Phase::GivenUp,
        }
    }

    fn on_message(&mut self, topic: &str, payload: &[u8]) {
        let form = Form::guess(payload).unwrap_or(Form::Json);
        match Commands::read(form, payload, &Limits::default()) {
            Ok(commands) if topic == self.talk.topic("command") => self.reporter.obey(&commands),
            Ok(_) | Err(_) => self.reporter.counters().misunderstood(),
        }
    }
}

impl Line for MqttLine {
    fn connected(&mut self, now: UnixMs) {
        self.out = self.talk.greet();
        self.waiting = None;
        self.phase = Phase::Greeting { until: now.plus_ms(ANSWER_WITHIN_MS) };
    }

    fn disconnected(&mut self, _now: UnixMs) {
        self.phase = Phase::Apart;
        self.waiting = None;
        self.out.clear();
    }

    fn heard(&mut self, bytes: &[u8], now: UnixMs) {
        for heard in self.talk.heard(bytes) {
            match heard {
                MqttHeard::Ready => self.on_ready(),
                MqttHeard::Acknowledged(id) => {
                    if self.waiting.is_some_and(|(waiting, _)| waiting == id) {
                        self.waiting = None;
                        self.reporter.confirmed();
                    }
                }
                MqttHeard::Write(bytes) => self.out.extend(bytes),
                MqttHeard::Message { topic, payload } => self.on_message(&topic, &payload),
                MqttHeard::Refused => self.phase = Phase::GivenUp,
            }
        }
        self.send_next(now);
    }

    fn due(&mut self, now: UnixMs) {
        let until = match self.phase {
            Phase::Greeting { until } => Some(until),
            Phase::Apart | Phase::Ready | Phase::GivenUp => self.waiting.map(|(_, until)| until),
        };
        if until.is_some_and(|until| now >= until) {
            self.phase = Phase::GivenUp;
        }
        self.reporter.due(now);
        self.send_next(now);
    }

    fn next_due(&self) -> UnixMs {
        let mut next = self.reporter.next_upload();
        match self.phase {
            Phase::Greeting { until } => next = next.min(until),
            Phase::Ready => next = self.waiting.map_or(next, |(_, until)| next.min(until)),
            Phase::Apart | Phase::GivenUp => {}
        }
        next
    }

    fn take_out(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.out)
    }

    fn wants(&self, now: UnixMs) -> Wants {
        match (self.reporter.line(now), self.phase) {
            (LineState::Silent { until, .. }, _) => Wants::SilenceUntil(until),
            (LineState::Up, Phase::GivenUp) => Wants::Redial,
            (LineState::Up, Phase::Apart | Phase::Greeting { .. } | Phase::Ready) => Wants::Connection,
        }
    }

    fn is_established(&self) -> bool {
        self.phase == Phase::Ready
    }
}
