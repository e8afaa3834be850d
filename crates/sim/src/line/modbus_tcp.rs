//! Detectors behind Modbus TCP: a gateway that dials in and registers, or a device that waits to be dialled.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use domain::time::UnixMs;
use wire::modbus::{Exception, Parse, tcp};

use super::cloud::next_after;
use super::driver::Counters;
use super::{DtuSpeech, Line, Wants};
use crate::device::{Device, LineState};
use crate::scenario::{Pace, ms};

/// A gateway's or a device's side of a connection.
#[derive(Debug)]
pub struct ModbusTcpLine {
    /// What it says of itself; nothing where it is dialled.
    speech: Option<DtuSpeech>,
    units: Vec<(u8, Arc<Mutex<Device>>)>,
    counters: Arc<Counters>,
    pace: Pace,
    heard: Vec<u8>,
    is_connected: bool,
    is_asked: bool,
    /// Bytes that no server can find its place in again: the connection is given up.
    is_lost: bool,
    out: Vec<u8>,
    /// Answers with the moment at which the bus behind has brought them.
    answers: VecDeque<(UnixMs, Vec<u8>)>,
    next_heartbeat: UnixMs,
}

impl ModbusTcpLine {
    /// With these detectors by unit address; with a `speech` it dials in, without it waits to be dialled.
    #[must_use]
    pub fn new(
        speech: Option<DtuSpeech>,
        units: Vec<(u8, Arc<Mutex<Device>>)>,
        pace: Pace,
        start: UnixMs,
        counters: Arc<Counters>,
    ) -> Self {
        Self {
            speech,
            units,
            counters,
            pace,
            heard: Vec::new(),
            is_connected: false,
            is_asked: false,
            is_lost: false,
            out: Vec::new(),
            answers: VecDeque::new(),
            next_heartbeat: start.plus_ms(ms(pace.heartbeat_s)),
        }
    }

    fn answer(&self, asked: &tcp::Request, now: UnixMs) -> Option<Vec<u8>> {
        // A unit that is not there, or whose own line is dead, is told by the gateway.
        let unreachable = || {
            tcp::refuse(
                asked.transaction,
                asked.request.unit(),
                asked.request.function().code(),
                GATEWAY_TARGET,
            )
        };
        let Some((_, device)) = self.units.iter().find(|(unit, _)| *unit == asked.request.unit()) else {
            return Some(unreachable());
        };
        let mut device = device.lock().unwrap_or_else(PoisonError::into_inner);
        if device.line(now) != LineState::Up {
            return Some(unreachable());
        }
        device.answer(&asked.request, now).map(|answer| tcp::answer(asked.transaction, &answer))
    }
}

/// What a gateway says of a unit that does not answer (Modbus application protocol V1.1b3, 7).
const GATEWAY_TARGET: Exception = Exception::GatewayTargetFailedToRespond;

impl Line for ModbusTcpLine {
    fn connected(&mut self, _now: UnixMs) {
        self.is_connected = true;
        self.is_lost = false;
        self.heard.clear();
        self.answers.clear();
        self.out.clear();
        if let Some(speech) = &self.speech {
            self.out.extend_from_slice(&speech.registration);
        }
    }

    fn disconnected(&mut self, _now: UnixMs) {
        self.is_connected = false;
        self.is_asked = false;
        self.is_lost = false;
        self.answers.clear();
        self.out.clear();
    }

    fn heard(&mut self, bytes: &[u8], now: UnixMs) {
        self.heard.extend_from_slice(bytes);
        loop {
            let (answer, len) = match tcp::Request::parse(&self.heard) {
                Parse::Complete { value, len } => {
                    self.is_asked = true;
                    (self.answer(&value, now), len)
                }
                Parse::NeedMore { .. } => break,
                Parse::Refused(tcp::Refused::Request { transaction, unit, function, len, .. }) => {
                    self.counters.misunderstood();
                    (Some(tcp::refuse(transaction, unit, function, Exception::IllegalFunction)), len)
                }
                Parse::Refused(tcp::Refused::Protocol { .. } | tcp::Refused::Length { .. }) => {
                    self.counters.misunderstood();
                    self.is_lost = true;
                    break;
                }
            };
            self.heard.drain(..len.min(self.heard.len()));
            if let Some(answer) = answer {
                self.counters.answered();
                self.answers.push_back((now.plus_ms(self.pace.answer_after_ms), answer));
            }
        }
        self.due(now);
    }

    fn due(&mut self, now: UnixMs) {
        while self.answers.front().is_some_and(|(at, _)| *at <= now) {
            if let Some((_, answer)) = self.answers.pop_front() {
                self.out.extend_from_slice(&answer);
            }
        }
        if now >= self.next_heartbeat {
            if let Some(speech) = self.speech.as_ref().filter(|_| self.is_connected) {
                self.out.extend_from_slice(&speech.heartbeat);
            }
            self.next_heartbeat = next_after(self.next_heartbeat, ms(self.pace.heartbeat_s), now);
        }
    }

    fn next_due(&self) -> UnixMs {
        self.answers.front().map_or(self.next_heartbeat, |(at, _)| self.next_heartbeat.min(*at))
    }

    fn take_out(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.out)
    }

    fn wants(&self, _now: UnixMs) -> Wants {
        if self.is_lost { Wants::Redial } else { Wants::Connection }
    }

    fn is_established(&self) -> bool {
        self.is_asked
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::physics::CircuitSpec;
    use crate::premises::PremisesKind;
    use crate::scenario::Scenario;
    use domain::profile::shipped;
    use wire::line::{Ask as _, Said};
    use wire::modbus::Request;

    const START: UnixMs = UnixMs(1_780_279_200_000);

    fn line(speech: Option<DtuSpeech>) -> ModbusTcpLine {
        let profile = shipped().unwrap().into_iter().find(|profile| profile.id == "asj-relay").unwrap();
        let spec = CircuitSpec { kind: PremisesKind::Mall, rated_current_a: 63.0, seed: 3 };
        let device = Arc::new(Mutex::new(Device::new(Arc::new(profile), spec)));
        let pace = Scenario::demo().unwrap().pace;
        ModbusTcpLine::new(speech, vec![(1, device)], pace, START, Arc::new(Counters::default()))
    }

    fn read(unit: u8, start: u16) -> tcp::Request {
        tcp::Request { transaction: 7, request: Request::read_holding_registers(unit, start, 1).unwrap() }
    }

    #[test]
    fn it_registers_and_answers_torn_and_glued_requests() {
        let mut gateway = line(Some(DtuSpeech::usual("EWGATEWAY1")));
        gateway.connected(START);
        assert_eq!(gateway.take_out(), b"EWGATEWAY1\r\n");
        let frame = read(1, 0).frame();
        gateway.heard(&frame[..5], START);
        gateway.heard(&[&frame[5..], &read(9, 0).frame()].concat(), START);
        gateway.due(START.plus_ms(30));
        let out = gateway.take_out();
        let Parse::Complete { value: Said::Done(answer), len } = read(1, 0).answer(&out) else {
            panic!("{out:02X?}")
        };
        assert!((1..200).contains(&answer.registers().unwrap()[0]));
        let Parse::Complete { value: Said::Refused(exception), .. } = read(9, 0).answer(&out[len..]) else {
            panic!("{out:02X?}")
        };
        assert_eq!(exception, GATEWAY_TARGET);
        assert!(gateway.is_established());
    }

    #[test]
    fn a_device_that_is_dialled_says_nothing_by_itself_and_gives_up_on_junk() {
        let mut device = line(None);
        device.connected(START);
        device.due(START.plus_ms(600_000));
        assert_eq!(device.take_out(), b"");
        device.heard(b"GET / HTTP/1.1", START);
        assert_eq!(device.wants(START), Wants::Redial);
    }
}
