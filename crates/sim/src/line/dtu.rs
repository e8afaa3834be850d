//! A transparent DTU with detectors on its RS485 bus: registers, beats, answers its master. Modbus units and meters of
//! DL/T 645 may share the bus.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use domain::time::UnixMs;
use wire::dlt645::Frame;
use wire::modbus::{Parse, RequestDeframer};

use super::cloud::next_after;
use super::driver::Counters;
use super::{Line, MeterBus, Wants};
use crate::device::{Device, LineState};
use crate::scenario::{Pace, ms};

/// What a DTU sends first and between.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DtuSpeech {
    /// The registration with its marks.
    pub registration: Bytes,
    /// What keeps the line open.
    pub heartbeat: Bytes,
}

impl DtuSpeech {
    /// What the server's default configuration listens for: text ended by CR LF, heartbeat `FE FE`.
    #[must_use]
    pub fn usual(serial: &str) -> Self {
        Self { registration: format!("{serial}\r\n").into(), heartbeat: Bytes::from_static(&[0xFE, 0xFE]) }
    }
}

/// A DTU's side of a connection.
#[derive(Debug)]
pub struct DtuLine {
    speech: DtuSpeech,
    units: Vec<(u8, Arc<Mutex<Device>>)>,
    meters: MeterBus,
    counters: Arc<Counters>,
    pace: Pace,
    requests: RequestDeframer,
    /// Bytes that may still become a meter's frame.
    front: Vec<u8>,
    connected: bool,
    asked: bool,
    out: Vec<u8>,
    /// Answers with the moment at which the slow bus has brought them.
    answers: VecDeque<(UnixMs, Vec<u8>)>,
    next_heartbeat: UnixMs,
}

impl DtuLine {
    /// A DTU with these detectors by unit address.
    #[must_use]
    pub fn new(
        speech: DtuSpeech,
        units: Vec<(u8, Arc<Mutex<Device>>)>,
        pace: Pace,
        start: UnixMs,
        counters: Arc<Counters>,
    ) -> Self {
        Self {
            speech,
            units,
            meters: MeterBus::default(),
            counters,
            pace,
            requests: RequestDeframer::new(),
            front: Vec::new(),
            connected: false,
            asked: false,
            out: Vec::new(),
            answers: VecDeque::new(),
            next_heartbeat: start.plus_ms(ms(pace.heartbeat_s)),
        }
    }

    /// The same DTU with these meters on its bus.
    #[must_use]
    pub fn with_meters(mut self, meters: MeterBus) -> Self {
        self.meters = meters;
        self
    }

    /// Takes meters' frames out of what was heard; the rest is for the Modbus units.
    fn hear_meters(&mut self, bytes: &[u8], now: UnixMs) {
        self.front.extend_from_slice(bytes);
        while !self.front.is_empty() {
            match Frame::parse(&self.front) {
                Parse::Complete { value, len } => {
                    self.front.drain(..len.min(self.front.len()));
                    self.asked = true;
                    if let Some(answer) = self.meters.answer(&value, now) {
                        self.counters.answered();
                        let at = now.plus_ms(self.pace.answer_after_ms);
                        self.answers.push_back((at, answer.encode_awake()));
                    }
                }
                Parse::NeedMore { .. } => return,
                Parse::Refused(_) => self.requests.push(&[self.front.remove(0)]),
            }
        }
    }

    fn line_of(device: &Mutex<Device>, now: UnixMs) -> LineState {
        device.lock().unwrap_or_else(PoisonError::into_inner).line(now)
    }
}

impl Line for DtuLine {
    fn connected(&mut self, _now: UnixMs) {
        self.connected = true;
        self.requests = RequestDeframer::new();
        self.front.clear();
        self.answers.clear();
        self.out.clear();
        self.out.extend_from_slice(&self.speech.registration);
    }

    fn disconnected(&mut self, _now: UnixMs) {
        self.connected = false;
        self.asked = false;
        self.answers.clear();
        self.out.clear();
    }

    fn heard(&mut self, bytes: &[u8], now: UnixMs) {
        if self.meters.is_empty() {
            self.requests.push(bytes);
        } else {
            self.hear_meters(bytes, now);
        }
        while let Some(found) = self.requests.next_request() {
            let answer = match found {
                Ok(request) => {
                    self.asked = true;
                    // A unit that is not there, or whose own line is dead, is silence, as on a real bus.
                    self.units
                        .iter()
                        .find(|(unit, _)| *unit == request.unit())
                        .filter(|(_, device)| Self::line_of(device, now) == LineState::Up)
                        .and_then(|(_, device)| {
                            device.lock().unwrap_or_else(PoisonError::into_inner).answer(&request, now)
                        })
                }
                Err(unreadable) => {
                    self.counters.misunderstood();
                    unreadable.reason.answer()
                }
            };
            if let Some(answer) = answer {
                self.counters.answered();
                self.answers.push_back((now.plus_ms(self.pace.answer_after_ms), answer.encode()));
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
            if self.connected {
                self.out.extend_from_slice(&self.speech.heartbeat);
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
        Wants::Connection
    }

    fn is_established(&self) -> bool {
        self.asked
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::{Fault, FaultKind};
    use crate::physics::CircuitSpec;
    use crate::premises::PremisesKind;
    use crate::scenario::Scenario;
    use domain::profile::shipped;
    use wire::modbus::{Answer, Exception, Request};

    const START: UnixMs = UnixMs(1_780_279_200_000);

    fn line() -> (DtuLine, Vec<Arc<Mutex<Device>>>) {
        let profiles = shipped().unwrap();
        let devices: Vec<_> = ["asj-relay", "adl3000"]
            .into_iter()
            .map(|id| {
                let profile = profiles.iter().find(|profile| profile.id == id).unwrap().clone();
                let spec = CircuitSpec { kind: PremisesKind::Mall, rated_current_a: 63.0, seed: 3 };
                Arc::new(Mutex::new(Device::new(Arc::new(profile), spec)))
            })
            .collect();
        let units = (1u8..).zip(devices.iter().cloned()).collect();
        let speech = DtuSpeech::usual("EWDTU0000000001");
        let pace = Scenario::demo().unwrap().pace;
        (DtuLine::new(speech, units, pace, START, Arc::new(Counters::default())), devices)
    }

    fn ask(line: &mut DtuLine, request: &Request) -> Option<Answer> {
        line.heard(&request.encode(), START);
        assert!(line.take_out().is_empty(), "the bus takes its time");
        line.due(START.plus_ms(30));
        let bytes = line.take_out();
        match Answer::parse_for(request, &bytes) {
            Parse::Complete { value, len } if len == bytes.len() => Some(value),
            _ if bytes.is_empty() => None,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn it_registers_beats_and_answers_for_each_unit() {
        let (mut line, _) = line();
        line.connected(START);
        assert_eq!(line.take_out(), b"EWDTU0000000001\r\n");
        let first = ask(&mut line, &Request::read_holding_registers(1, 0, 1).unwrap()).unwrap();
        assert!((1..200).contains(&first.registers().unwrap()[0]));
        let second = ask(&mut line, &Request::read_holding_registers(2, 97, 23).unwrap()).unwrap();
        assert_eq!(second.registers().unwrap().len(), 23);
        assert_eq!(ask(&mut line, &Request::read_holding_registers(3, 0, 1).unwrap()), None, "nobody there");
        let outside = Request::read_holding_registers(1, 0x300, 1).unwrap();
        assert_eq!(
            ask(&mut line, &outside).unwrap(),
            Answer::exception(&outside, Exception::IllegalDataAddress)
        );
        line.due(START.plus_ms(60_000));
        assert_eq!(line.take_out(), [0xFE, 0xFE]);
    }

    #[test]
    fn a_dead_unit_is_silent_and_its_neighbour_is_not() {
        let (mut line, devices) = line();
        line.connected(START);
        line.take_out();
        let to = START.plus_ms(60_000);
        devices[0].lock().unwrap().inject(Fault { kind: FaultKind::DeadSim, from: START, to });
        assert_eq!(ask(&mut line, &Request::read_holding_registers(1, 0, 1).unwrap()), None);
        assert!(ask(&mut line, &Request::read_holding_registers(2, 97, 3).unwrap()).is_some());
    }
}
