//! Devices that are asked: a Modbus unit behind a transparent DTU or a gateway of Modbus TCP, a meter of DL/T 645.

use std::collections::VecDeque;
use std::sync::Arc;

use domain::profile::{Decoded, MeterKey, Profile, Source};
use domain::reading::{Quality, Sample};
use domain::time::UnixMs;
use wire::dlt645::{self, Frame, MeterAddress};
use wire::modbus::{Answer, Exception, Parse, Request, RequestBody, tcp};

use super::speech::{Heard, Speech};
use super::tongue::{Tongue, UNIT, meter_number};
use crate::line::{DtuSpeech, NO_SUCH_DATA, meter_data};

/// The register of the measured value.
const MEASURED_AT: u16 = 0;
/// More than any request.
const LONGEST: usize = 1_024;

/// A question that a reading answers.
enum Question {
    Rtu(Request),
    Tcp(tcp::Request),
    Meter(dlt645::Request),
}

pub(super) struct Polled {
    tongue: Tongue,
    registration: Vec<u8>,
    meter: Option<MeterAddress>,
    profile: Arc<Profile>,
    heard: Vec<u8>,
    asked: VecDeque<Question>,
}

impl Polled {
    pub(super) fn new(tongue: Tongue, number: usize, serial: String, profile: Arc<Profile>) -> Self {
        let registration = DtuSpeech::usual(&serial).registration.to_vec();
        let meter = meter_number(number).parse().ok();
        Self { tongue, registration, meter, profile, heard: Vec::new(), asked: VecDeque::new() }
    }

    /// The next question among the bytes that were heard; `None` when there is no whole one.
    fn next_question(&mut self) -> Option<Question> {
        loop {
            let (question, len) = match self.tongue {
                Tongue::ModbusTcp => match tcp::Request::parse(&self.heard) {
                    Parse::Complete { value, len } => (Some(Question::Tcp(value)), len),
                    Parse::NeedMore { .. } => return None,
                    Parse::Refused(_) => (None, 1),
                },
                Tongue::Meter => match Frame::parse(&self.heard) {
                    Parse::Complete { value, len } => {
                        (dlt645::Request::of_frame(&value).map(Question::Meter), len)
                    }
                    Parse::NeedMore { .. } => return None,
                    Parse::Refused(_) => (None, 1),
                },
                Tongue::Dtu
                | Tongue::Cloud7b7b
                | Tongue::Gateway1f1f
                | Tongue::Gb26875
                | Tongue::Mqtt
                | Tongue::Http
                | Tongue::Coap => match Request::parse(&self.heard) {
                    Parse::Complete { value, len } => (Some(Question::Rtu(value)), len),
                    Parse::NeedMore { .. } => return None,
                    Parse::Refused(_) => (None, 1),
                },
            };
            self.heard.drain(..len.min(self.heard.len()));
            if question.is_some() || self.heard.is_empty() {
                return question;
            }
        }
    }

    /// Whether it asks for the measured value.
    fn is_for_reading(&self, question: &Question) -> bool {
        let covers = |request: &Request| match request.body() {
            RequestBody::ReadHoldingRegisters { start, .. } => *start == MEASURED_AT,
            RequestBody::ReadCoils { .. }
            | RequestBody::ReadDiscreteInputs { .. }
            | RequestBody::ReadInputRegisters { .. }
            | RequestBody::WriteSingleCoil { .. }
            | RequestBody::WriteSingleRegister { .. }
            | RequestBody::WriteMultipleCoils { .. }
            | RequestBody::WriteMultipleRegisters { .. } => false,
        };
        match question {
            Question::Rtu(request) => covers(request),
            Question::Tcp(asked) => covers(&asked.request),
            Question::Meter(dlt645::Request::Read { identifier, .. }) => {
                let point = self.profile.points.iter().find(|point| point.code == self.tongue.measured());
                point.is_some_and(|point| match &point.source {
                    Source::Key(key) => {
                        MeterKey::parse(&key.name).is_ok_and(|key| key.identifier == identifier.0)
                    }
                    Source::Register(_) => false,
                })
            }
            Question::Meter(dlt645::Request::ReadAddress | dlt645::Request::ReadMore { .. }) => false,
        }
    }

    /// The answer with `value` as what is measured; empty is silence.
    fn answer(&self, question: &Question, value: i64) -> Vec<u8> {
        match question {
            Question::Rtu(request) => registers(request, value).map(|answer| answer.encode().to_vec()),
            Question::Tcp(asked) => registers(&asked.request, value)
                .map(|answer| tcp::answer(asked.transaction, &answer).to_vec()),
            Question::Meter(request) => self.meter(request, value).map(|frame| frame.encode_awake()),
        }
        .unwrap_or_default()
    }

    fn meter(&self, request: &dlt645::Request, value: i64) -> Option<Frame> {
        let number = self.meter.filter(|number| request.meter().means(*number))?;
        Some(match request {
            dlt645::Request::ReadAddress => request.answered(number, &number.wire()),
            dlt645::Request::Read { identifier, .. } => {
                match meter_data(&self.profile, &self.says(value), identifier.0) {
                    Some(data) => request.answered(number, &data),
                    None => request.refused(number, NO_SUCH_DATA),
                }
            }
            dlt645::Request::ReadMore { .. } => request.refused(number, NO_SUCH_DATA),
        })
    }

    /// What the meter measures: `value` volts, and the same of everything else each time.
    fn says(&self, value: i64) -> Decoded {
        let samples = self
            .profile
            .indexed_points()
            .map(|(point, about)| {
                let ten = 10i64.pow(u32::from(about.decimals.0));
                let raw = match about.code.as_str() {
                    code if code == self.tongue.measured() => value * ten,
                    code if code.starts_with("frequency") => 50 * ten,
                    _ => ten / 2,
                };
                Sample { point, raw, quality: Quality::Good }
            })
            .collect();
        Decoded { device_at: None, samples, reported: Vec::new() }
    }
}

/// The measured value in its register, nothing in the others; a question for anything else is refused.
fn registers(request: &Request, value: i64) -> Option<Answer> {
    if request.unit() != UNIT {
        return None;
    }
    let RequestBody::ReadHoldingRegisters { start, count } = request.body() else {
        return Some(Answer::exception(request, Exception::IllegalFunction));
    };
    let value = u16::try_from(value).unwrap_or(u16::MAX);
    let values: Vec<u16> =
        (0..*count).map(|at| if start.wrapping_add(at) == MEASURED_AT { value } else { 0 }).collect();
    Answer::registers_for(request, &values)
}

impl Speech for Polled {
    fn greet(&mut self) -> Vec<u8> {
        self.heard.clear();
        self.asked.clear();
        self.registration.clone()
    }

    fn is_ready_at_once(&self) -> bool {
        true
    }

    fn heard(&mut self, bytes: &[u8]) -> Vec<Heard> {
        self.heard.extend_from_slice(bytes);
        let mut heard = Vec::new();
        while let Some(question) = self.next_question() {
            if self.is_for_reading(&question) {
                self.asked.push_back(question);
                heard.push(Heard::Asked);
            } else {
                heard.push(Heard::Write(self.answer(&question, 0)));
            }
        }
        if self.heard.len() > LONGEST {
            heard.push(Heard::Refused);
        }
        heard
    }

    fn say(&mut self, _number: usize, _at: UnixMs, value: i64) -> Vec<u8> {
        let question = self.asked.pop_front();
        question.map(|question| self.answer(&question, value)).unwrap_or_default()
    }
}
