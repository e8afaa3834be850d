//! The master of one line behind a transparent DTU, or of one Modbus TCP connection.
//!
//! The line is a stream of bytes in which answers, the DTU's heartbeats and noise lie glued together and
//! torn apart. [`LineMaster`] takes them with the time and says what they are. It holds at most one
//! request: RTU and DL/T 645 have no sequence number, so an answer belongs to a request only because nothing else
//! is outstanding. What an answer looks like is the request's to say ([`Ask`]), so one line may carry slaves of
//! several protocols.
//!
//! ```text
//!            submit              poll_transmit             answer
//!  Ready ------------> Ready+queued ---------> Awaiting ------------> Ready (after the gap)
//!                                                 | time-out
//!                                                 v        quiet again
//!                                            Quarantined ------------> Ready
//! ```
//!
//! **Why a quarantine.** After a time-out the answer may still be on its way. The next answer often has
//! the same unit, function and length, so a late one would be taken for it and values would be filed
//! under the wrong register or the wrong time. For the longest time an answer can take, everything that
//! arrives is therefore thrown away and handed back as noise.
//!
//! **What counts as an answer.** Modbus: unit, function, amount of data (or the echo of a write) and CRC must
//! fit; DL/T 645: meter, control code, identifier and checksum. And every byte must have come after the request went out. The first place in the stream where an
//! answer can begin is waited for: bytes inside an answer that look like a heartbeat stay data.

use bytes::{Bytes, BytesMut};
use thiserror::Error;

use crate::modbus::{Answer, AnswerBody, Exception, MAX_FRAME_LEN, Parse, Request};

/// What can be asked on a line, and how its answer is told from everything else.
pub trait Ask: Clone {
    /// What the other end says when it did what it was asked.
    type Answer;
    /// What it says when it did not.
    type Refusal;
    /// The longest answer, bytes. What claims to be longer is not waited for.
    const MAX_ANSWER_LEN: usize;

    /// The bytes that ask.
    fn frame(&self) -> Vec<u8>;

    /// Looks for the answer at the front of `bytes`. As soon as a byte is there that cannot belong to it, the front is
    /// refused.
    fn answer(&self, bytes: &[u8]) -> Parse<Said<Self::Answer, Self::Refusal>, NoAnswer>;

    /// Whether its answer repeats a number of its own, so that a late one cannot be taken for the next one's and no
    /// quarantine is needed.
    fn is_numbered(&self) -> bool {
        false
    }
}

/// What the other end said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Said<A, R> {
    /// It did what it was asked.
    Done(A),
    /// It did not.
    Refused(R),
}

/// The front of the bytes is not the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoAnswer;

impl Ask for Request {
    type Answer = Answer;
    type Refusal = Exception;
    const MAX_ANSWER_LEN: usize = MAX_FRAME_LEN;

    fn frame(&self) -> Vec<u8> {
        self.encode()
    }

    fn answer(&self, bytes: &[u8]) -> Parse<Said<Answer, Exception>, NoAnswer> {
        match Answer::parse_for(self, bytes) {
            Parse::Complete { value, len } => Parse::Complete { value: said(value), len },
            Parse::NeedMore { wanted } => Parse::NeedMore { wanted },
            Parse::Refused(_) => Parse::Refused(NoAnswer),
        }
    }
}

/// An answer of Modbus, with exceptions told apart.
pub(crate) fn said(answer: Answer) -> Said<Answer, Exception> {
    match answer.body {
        AnswerBody::Exception { exception, .. } => Said::Refused(exception),
        AnswerBody::ReadCoils(_)
        | AnswerBody::ReadDiscreteInputs(_)
        | AnswerBody::ReadHoldingRegisters(_)
        | AnswerBody::ReadInputRegisters(_)
        | AnswerBody::WriteSingleCoil { .. }
        | AnswerBody::WriteSingleRegister { .. }
        | AnswerBody::WriteMultipleCoils { .. }
        | AnswerBody::WriteMultipleRegisters { .. } => Said::Done(answer),
    }
}

/// How to drive one line. All times in milliseconds of the caller's monotonic clock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineConfig {
    /// Time from sending a request to giving it up. Slow mobile links need 3,000 to 10,000.
    pub answer_timeout_ms: u64,
    /// Time after a time-out in which nothing is taken for an answer: the longest time an answer may
    /// still be under way.
    pub quarantine_ms: u64,
    /// Silence the slaves are given between an answer and the next request, and the quiet a quarantine
    /// must end with; 100 to 200 for the devices known.
    pub gap_ms: u64,
    /// How long the beginning of a heartbeat may wait for its rest before it is called noise.
    pub partial_hold_ms: u64,
    /// Byte groups that the DTU sends on its own. Empty ones are refused, order does not matter.
    pub heartbeats: Vec<Bytes>,
}

impl Default for LineConfig {
    fn default() -> Self {
        Self {
            answer_timeout_ms: 5_000,
            quarantine_ms: 5_000,
            gap_ms: 150,
            partial_hold_ms: 2_000,
            heartbeats: Vec::new(),
        }
    }
}

/// A configuration that cannot be driven.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum LineConfigError {
    /// A heartbeat of no bytes would be found everywhere.
    #[error("heartbeat pattern {index} has 0 bytes, wanted 1 to {MAX_HEARTBEAT_LEN}")]
    EmptyHeartbeat {
        /// Position in the list.
        index: usize,
    },
    /// A heartbeat longer than the line keeps.
    #[error("heartbeat pattern {index} has {had} bytes, wanted 1 to {MAX_HEARTBEAT_LEN}")]
    LongHeartbeat {
        /// Position in the list.
        index: usize,
        /// Its length, bytes.
        had: usize,
    },
    /// Without a time limit the line would wait for ever.
    #[error("answer time-out 0 ms, wanted at least 1 ms")]
    NoTimeout,
}

/// Longest heartbeat pattern, bytes.
pub const MAX_HEARTBEAT_LEN: usize = 128;

/// The line holds a request already.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("the line holds a request already, wanted none")]
pub struct SubmitError<Q = Request> {
    /// The request that was not taken.
    pub request: Q,
}

/// What came of bytes or of time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event<Q = Request, A = Answer, R = Exception> {
    /// The slave did what it was asked.
    Answer {
        /// What was asked.
        request: Q,
        /// What was answered; never a refusal.
        answer: A,
        /// The answer as it came.
        frame: Bytes,
        /// From sending to the last byte, milliseconds.
        took_ms: u64,
    },
    /// The slave refused. The line is as good as after an answer.
    Exception {
        /// What was asked.
        request: Q,
        /// Why it was refused.
        exception: R,
        /// The answer as it came.
        frame: Bytes,
        /// From sending to the last byte, milliseconds.
        took_ms: u64,
    },
    /// No answer in time. The line is quarantined.
    TimedOut {
        /// What was asked.
        request: Q,
        /// From sending to now, milliseconds.
        waited_ms: u64,
    },
    /// A registered heartbeat.
    Heartbeat(Bytes),
    /// Bytes that are neither: junk, damaged or late answers.
    Noise(Bytes),
}

/// The events of a line on which `Q` is asked.
pub type EventOf<Q> = Event<Q, <Q as Ask>::Answer, <Q as Ask>::Refusal>;

/// Where the line stands, for screens and tests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LineState {
    /// Nothing outstanding.
    Ready,
    /// A request was taken and will be given out by `poll_transmit` when the gap is over.
    Queued,
    /// A request was given out and its answer is due.
    Awaiting,
    /// A request timed out and nothing is taken for an answer yet.
    Quarantined,
}

#[derive(Debug, Clone)]
enum Line<Q> {
    Ready { not_before_ms: u64 },
    Awaiting { request: Q, sent_ms: u64, due_ms: u64 },
    Quarantined { until_ms: u64, at_most_ms: u64 },
}

/// The master of one line. Feed it bytes, give its requests out, tell it the time.
///
/// The caller's clock must not run backwards; when it does, nothing breaks, waits only get longer.
///
/// ```
/// use wire::modbus::{Event, LineConfig, LineMaster, Request};
///
/// let mut line: LineMaster = LineMaster::new(LineConfig::default())?;
/// line.submit(Request::read_holding_registers(1, 0, 1)?)?;
/// let frame = line.poll_transmit(0).unwrap(); // to be written to the socket
/// assert_eq!(frame, [0x01, 0x03, 0x00, 0x00, 0x00, 0x01, 0x84, 0x0A]);
/// assert_eq!(line.next_deadline(), Some(5_000));
/// let events = line.feed(&[0x01, 0x03, 0x02, 0x01, 0x48, 0xB9, 0xE2], 180);
/// let [Event::Answer { answer, took_ms: 180, .. }] = &events[..] else { panic!("{events:?}") };
/// assert_eq!(answer.registers().unwrap(), [328]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct LineMaster<Q: Ask = Request> {
    config: LineConfig,
    line: Line<Q>,
    queued: Option<Q>,
    /// Bytes that may still become something. Always shorter than the longest answer or heartbeat.
    buffer: BytesMut,
    /// How many bytes at the front of `buffer` came before the outstanding request went out.
    stale: usize,
    /// When the last byte came.
    heard_ms: u64,
}

impl<Q: Ask> LineMaster<Q> {
    /// A line on which nothing was said yet.
    ///
    /// # Errors
    /// When a heartbeat has no or too many bytes, or the answer time-out is zero.
    pub fn new(config: LineConfig) -> Result<Self, LineConfigError> {
        if config.answer_timeout_ms == 0 {
            return Err(LineConfigError::NoTimeout);
        }
        for (index, pattern) in config.heartbeats.iter().enumerate() {
            if pattern.is_empty() {
                return Err(LineConfigError::EmptyHeartbeat { index });
            }
            if pattern.len() > MAX_HEARTBEAT_LEN {
                return Err(LineConfigError::LongHeartbeat { index, had: pattern.len() });
            }
        }
        Ok(Self {
            config,
            line: Line::Ready { not_before_ms: 0 },
            queued: None,
            buffer: BytesMut::new(),
            stale: 0,
            heard_ms: 0,
        })
    }

    /// Where the line stands.
    #[must_use]
    pub fn state(&self) -> LineState {
        match (&self.line, &self.queued) {
            (Line::Quarantined { .. }, _) => LineState::Quarantined,
            (Line::Awaiting { .. }, _) => LineState::Awaiting,
            (Line::Ready { .. }, Some(_)) => LineState::Queued,
            (Line::Ready { .. }, None) => LineState::Ready,
        }
    }

    /// Whether [`LineMaster::submit`] would take a request now. True during a quarantine too: the request
    /// then waits for its end.
    #[must_use]
    pub fn can_submit(&self) -> bool {
        self.queued.is_none() && !matches!(self.line, Line::Awaiting { .. })
    }

    /// The request held: queued or given out.
    #[must_use]
    pub fn outstanding(&self) -> Option<&Q> {
        match &self.line {
            Line::Awaiting { request, .. } => Some(request),
            Line::Ready { .. } | Line::Quarantined { .. } => self.queued.as_ref(),
        }
    }

    /// Bytes kept that may still become something.
    #[must_use]
    pub fn buffered(&self) -> usize {
        self.buffer.len()
    }

    /// Takes the next request. It goes out with [`LineMaster::poll_transmit`].
    ///
    /// # Errors
    /// Gives the request back when one is held already.
    pub fn submit(&mut self, request: Q) -> Result<(), SubmitError<Q>> {
        if self.can_submit() {
            self.queued = Some(request);
            Ok(())
        } else {
            Err(SubmitError { request })
        }
    }

    /// The frame to write to the line now, if any. The answer's time-out runs from this call.
    pub fn poll_transmit(&mut self, now_ms: u64) -> Option<Vec<u8>> {
        match self.line {
            Line::Ready { not_before_ms } if now_ms >= not_before_ms => {
                let request = self.queued.take()?;
                let frame = request.frame();
                self.stale = self.buffer.len();
                let due_ms = now_ms.saturating_add(self.config.answer_timeout_ms);
                self.line = Line::Awaiting { request, sent_ms: now_ms, due_ms };
                Some(frame)
            }
            Line::Ready { .. } | Line::Awaiting { .. } | Line::Quarantined { .. } => None,
        }
    }

    /// When to call [`LineMaster::handle_timeout`] and then [`LineMaster::poll_transmit`] next, if no bytes
    /// come before. `None`: nothing to wait for.
    #[must_use]
    pub fn next_deadline(&self) -> Option<u64> {
        let line = match &self.line {
            Line::Awaiting { due_ms, .. } => Some(*due_ms),
            Line::Quarantined { until_ms, .. } => Some(*until_ms),
            Line::Ready { not_before_ms } => self.queued.as_ref().map(|_| *not_before_ms),
        };
        let hold = match &self.line {
            Line::Ready { .. } if !self.buffer.is_empty() => Some(self.hold_until()),
            Line::Ready { .. } | Line::Awaiting { .. } | Line::Quarantined { .. } => None,
        };
        match (line, hold) {
            (Some(line), Some(hold)) => Some(line.min(hold)),
            (line, hold) => line.or(hold),
        }
    }

    /// Takes bytes from the line. Deadlines that passed before `now_ms` count first, so bytes that come
    /// after the time-out are late whatever order the caller calls in.
    pub fn feed(&mut self, bytes: &[u8], now_ms: u64) -> Vec<EventOf<Q>> {
        let mut events = self.handle_timeout(now_ms);
        if bytes.is_empty() {
            return events;
        }
        self.buffer.extend_from_slice(bytes);
        self.heard_ms = now_ms;
        if let Line::Quarantined { until_ms, at_most_ms } = &mut self.line {
            // A late answer may straddle the end: lift the quarantine only onto a quiet line, but a line
            // that never stops talking must not hold it for ever.
            let quiet_ms = now_ms.saturating_add(self.config.gap_ms);
            *until_ms = (*until_ms).max(quiet_ms).min(*at_most_ms);
        }
        self.scan(now_ms, Waiting::Allowed, &mut events);
        events
    }

    /// Lets time pass: ends quarantines and holds, times the outstanding request out.
    pub fn handle_timeout(&mut self, now_ms: u64) -> Vec<EventOf<Q>> {
        let mut events = Vec::new();
        match &self.line {
            Line::Awaiting { due_ms, .. } if now_ms >= *due_ms => {
                // Last look, without waiting for anything: a complete answer behind the beginning of
                // something that never came is still an answer.
                self.scan(*due_ms, Waiting::Over, &mut events);
                if let Line::Awaiting { request, sent_ms, due_ms } = &self.line {
                    let waited_ms = now_ms.saturating_sub(*sent_ms);
                    events.push(Event::TimedOut { request: request.clone(), waited_ms });
                    let quarantine_ms = if request.is_numbered() { 0 } else { self.config.quarantine_ms };
                    let until_ms = due_ms.saturating_add(quarantine_ms);
                    let at_most_ms = until_ms.saturating_add(quarantine_ms);
                    self.line = Line::Quarantined { until_ms, at_most_ms };
                }
            }
            Line::Awaiting { .. } | Line::Ready { .. } | Line::Quarantined { .. } => {}
        }
        match &self.line {
            Line::Quarantined { until_ms, .. } if now_ms >= *until_ms => {
                let until_ms = *until_ms;
                self.scan(until_ms, Waiting::Over, &mut events);
                self.line = Line::Ready { not_before_ms: until_ms };
            }
            Line::Ready { .. } if !self.buffer.is_empty() && now_ms >= self.hold_until() => {
                self.scan(now_ms, Waiting::Over, &mut events);
            }
            Line::Awaiting { .. } | Line::Ready { .. } | Line::Quarantined { .. } => {}
        }
        events
    }

    fn hold_until(&self) -> u64 {
        self.heard_ms.saturating_add(self.config.partial_hold_ms)
    }

    /// Takes everything out of the buffer that is decided.
    fn scan(&mut self, now_ms: u64, waiting: Waiting, events: &mut Vec<EventOf<Q>>) {
        let mut at = 0;
        loop {
            match self.look_at(at, waiting) {
                Look::End | Look::Wait => {
                    self.take_noise(at, events);
                    if self.buffer.is_empty() {
                        // A quiet line holds no memory for bytes.
                        self.buffer = BytesMut::new();
                    }
                    return;
                }
                Look::Nothing => at += 1,
                Look::Heartbeat(len) => {
                    self.take_noise(at, events);
                    events.push(Event::Heartbeat(self.take(len)));
                    at = 0;
                }
                Look::Answer(answer, len) => {
                    self.take_noise(at, events);
                    let frame = self.take(len);
                    self.accept(answer, frame, now_ms, events);
                    at = 0;
                }
            }
        }
    }

    /// What begins at `at`.
    fn look_at(&self, at: usize, waiting: Waiting) -> Look<Q> {
        let Some(rest) = self.buffer.get(at..).filter(|rest| !rest.is_empty()) else {
            return Look::End;
        };
        let answer = match &self.line {
            Line::Awaiting { request, .. } if at >= self.stale => Some(request.answer(rest)),
            Line::Awaiting { .. } | Line::Ready { .. } | Line::Quarantined { .. } => None,
        };
        match answer {
            Some(Parse::Complete { value, len }) => return Look::Answer(value, len),
            Some(Parse::NeedMore { wanted })
                if waiting == Waiting::Allowed && wanted <= Q::MAX_ANSWER_LEN =>
            {
                return Look::Wait;
            }
            Some(Parse::NeedMore { .. } | Parse::Refused(_)) | None => {}
        }
        let mut complete = None;
        for pattern in &self.config.heartbeats {
            if rest.starts_with(pattern) {
                complete = complete.max(Some(pattern.len()));
            } else if waiting == Waiting::Allowed && pattern.starts_with(rest) {
                // A longer pattern may still come of it; deciding now would depend on how the bytes were cut.
                return Look::Wait;
            }
        }
        complete.map_or(Look::Nothing, Look::Heartbeat)
    }

    fn accept(
        &mut self,
        said: Said<Q::Answer, Q::Refusal>,
        frame: Bytes,
        now_ms: u64,
        events: &mut Vec<EventOf<Q>>,
    ) {
        let not_before_ms = now_ms.saturating_add(self.config.gap_ms);
        let line = std::mem::replace(&mut self.line, Line::Ready { not_before_ms });
        if let Line::Awaiting { request, sent_ms, .. } = line {
            let took_ms = now_ms.saturating_sub(sent_ms);
            events.push(match said {
                Said::Done(answer) => Event::Answer { request, answer, frame, took_ms },
                Said::Refused(exception) => Event::Exception { request, exception, frame, took_ms },
            });
        }
    }

    fn take(&mut self, len: usize) -> Bytes {
        let len = len.min(self.buffer.len());
        self.stale = self.stale.saturating_sub(len);
        self.buffer.split_to(len).freeze()
    }

    fn take_noise(&mut self, len: usize, events: &mut Vec<EventOf<Q>>) {
        let noise = self.take(len);
        if !noise.is_empty() {
            events.push(Event::Noise(noise));
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Waiting {
    /// More bytes may come.
    Allowed,
    /// Nothing more is waited for.
    Over,
}

enum Look<Q: Ask> {
    End,
    Wait,
    Nothing,
    Heartbeat(usize),
    Answer(Said<Q::Answer, Q::Refusal>, usize),
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOISE: [u8; 3] = [0xAA, 0x01, 0x55];

    fn master(heartbeats: &[&'static [u8]]) -> LineMaster {
        let heartbeats = heartbeats.iter().map(|pattern| Bytes::from_static(pattern)).collect();
        LineMaster::new(LineConfig { heartbeats, ..LineConfig::default() }).unwrap()
    }

    fn read(start: u16) -> Request {
        Request::read_holding_registers(1, start, 2).unwrap()
    }

    fn answer(request: &Request, values: &[u16]) -> Vec<u8> {
        Answer::registers_for(request, values).unwrap().encode()
    }

    fn ask(master: &mut LineMaster, request: &Request, now_ms: u64) {
        master.submit(request.clone()).unwrap();
        assert_eq!(master.poll_transmit(now_ms).unwrap(), request.encode());
        assert_eq!(master.state(), LineState::Awaiting);
    }

    fn values(event: &Event) -> Vec<u16> {
        match event {
            Event::Answer { answer, .. } => answer.registers().unwrap(),
            other => panic!("had {other:?}, wanted an answer"),
        }
    }

    #[test]
    fn one_request_at_a_time_with_a_gap_between() {
        let mut master = master(&[]);
        ask(&mut master, &read(0), 1_000);
        assert_eq!(master.submit(read(2)), Err(SubmitError { request: read(2) }));
        assert_eq!(master.next_deadline(), Some(6_000));
        let events = master.feed(&answer(&read(0), &[7, 8]), 1_200);
        assert_eq!(values(&events[0]), [7, 8]);
        assert!(matches!(events[0], Event::Answer { took_ms: 200, .. }));
        master.submit(read(2)).unwrap();
        assert_eq!(master.state(), LineState::Queued);
        assert_eq!(master.poll_transmit(1_349), None);
        assert_eq!(master.next_deadline(), Some(1_350));
        assert!(master.poll_transmit(1_350).is_some());
    }

    #[test]
    fn heartbeats_glued_on_every_side_of_an_answer() {
        let mut master = master(&[b"HB", &[0xFE]]);
        ask(&mut master, &read(0), 0);
        let bytes = [b"HB\xFE".as_slice(), &answer(&read(0), &[7, 8]), b"\xFEHB"].concat();
        let events = master.feed(&bytes, 10);
        assert_eq!(events.len(), 5);
        assert_eq!(values(&events[2]), [7, 8]);
        let beats = events.iter().filter(|event| matches!(event, Event::Heartbeat(_))).count();
        assert_eq!(beats, 4);
    }

    #[test]
    fn a_heartbeat_inside_register_data_is_data() {
        let mut master = master(&[&[0xFE]]);
        ask(&mut master, &read(0), 0);
        for byte in answer(&read(0), &[0xFEFE, 0x00FE]) {
            let events = master.feed(&[byte], 10);
            assert!(!events.iter().any(|event| matches!(event, Event::Heartbeat(_))));
            if let Some(event) = events.first() {
                assert_eq!(values(event), [0xFEFE, 0x00FE]);
            }
        }
        assert_eq!(master.state(), LineState::Ready);
    }

    #[test]
    fn a_heartbeat_equal_to_the_unit_address_does_not_eat_the_answer() {
        let mut master = master(&[&[0x01]]);
        ask(&mut master, &read(0), 0);
        assert_eq!(master.feed(&[0x01], 10), []);
        let events = master.feed(&answer(&read(0), &[7, 8]), 20);
        assert_eq!(events[0], Event::Heartbeat(Bytes::from_static(&[0x01])));
        assert_eq!(values(&events[1]), [7, 8]);
    }

    #[test]
    fn a_late_answer_is_never_taken_for_the_next() {
        let mut master = master(&[]);
        ask(&mut master, &read(0), 0);
        let events = master.handle_timeout(5_000);
        assert_eq!(events, [Event::TimedOut { request: read(0), waited_ms: 5_000 }]);
        assert_eq!(master.state(), LineState::Quarantined);
        // Same unit, function and length: nothing in it tells that it answers another request.
        master.submit(read(2)).unwrap();
        assert_eq!(master.poll_transmit(5_000), None);
        let late = answer(&read(0), &[7, 8]);
        assert_eq!(master.feed(&late, 9_990), [Event::Noise(late.clone().into())]);
        // The line was not quiet, so the end moves.
        assert_eq!(master.handle_timeout(10_000), []);
        assert_eq!(master.poll_transmit(10_000), None);
        assert_eq!(master.next_deadline(), Some(10_140));
        assert_eq!(master.handle_timeout(10_140), []);
        assert_eq!(master.poll_transmit(10_140).unwrap(), read(2).encode());
        let events = master.feed(&answer(&read(2), &[9, 9]), 10_200);
        assert_eq!(values(&events[0]), [9, 9]);
    }

    #[test]
    fn bytes_after_the_deadline_are_late_even_when_the_caller_was() {
        let mut master = master(&[]);
        ask(&mut master, &read(0), 0);
        let late = answer(&read(0), &[7, 8]);
        let events = master.feed(&late, 5_001);
        assert!(matches!(events[0], Event::TimedOut { .. }));
        assert_eq!(events[1], Event::Noise(late.into()));
    }

    #[test]
    fn a_line_that_never_stops_talking_cannot_hold_the_quarantine_for_ever() {
        let mut master = master(&[]);
        ask(&mut master, &read(0), 0);
        let mut now_ms = 5_000;
        master.handle_timeout(now_ms);
        while master.state() == LineState::Quarantined {
            now_ms += 100;
            master.feed(&NOISE, now_ms);
            assert!(now_ms <= 15_000);
        }
        assert_eq!(now_ms, 15_000);
    }

    #[test]
    fn bytes_from_before_the_request_are_no_part_of_its_answer() {
        // The heartbeat begins like the answer, so its first bytes are kept when the request goes out.
        let mut master = master(&[&[0x01, 0x03, 0x04, 0xFF]]);
        let bytes = answer(&read(0), &[7, 8]);
        assert_eq!(master.feed(&bytes[..3], 0), []);
        ask(&mut master, &read(0), 10);
        let events = master.feed(&bytes[3..], 20);
        assert_eq!(events, [Event::Noise(Bytes::copy_from_slice(&bytes))]);
        assert_eq!(master.state(), LineState::Awaiting);
    }

    #[test]
    fn a_torn_beginning_does_not_hide_a_whole_answer_behind_it() {
        let mut master = master(&[]);
        ask(&mut master, &read(0), 0);
        let exception = Answer::exception(&read(0), Exception::ServerDeviceBusy).encode();
        let bytes = [&[0x01, 0x03, 0x04][..], &exception].concat();
        // Eight bytes of a nine byte answer: the first place where one can begin is waited for.
        assert_eq!(master.feed(&bytes, 10), []);
        let events = master.handle_timeout(5_000);
        assert_eq!(events[0], Event::Noise(Bytes::from_static(&[0x01, 0x03, 0x04])));
        assert!(matches!(events[1], Event::Exception { exception: Exception::ServerDeviceBusy, .. }));
        assert_eq!(events.len(), 2);
    }

    #[test]
    fn the_beginning_of_a_heartbeat_is_held_only_so_long() {
        let mut master = master(&[b"HEART"]);
        assert_eq!(master.feed(b"HEA", 100), []);
        assert_eq!(master.next_deadline(), Some(2_100));
        assert_eq!(master.handle_timeout(2_099), []);
        assert_eq!(master.handle_timeout(2_100), [Event::Noise(Bytes::from_static(b"HEA"))]);
        assert_eq!(master.next_deadline(), None);
    }

    #[test]
    fn nothing_unasked_is_an_answer() {
        let mut master = master(&[]);
        let bytes = answer(&read(0), &[7, 8]);
        assert_eq!(master.feed(&bytes, 0), [Event::Noise(bytes.into())]);
    }

    #[test]
    fn configurations_that_cannot_work_are_refused() {
        let with = |heartbeats: Vec<Bytes>| {
            LineMaster::<Request>::new(LineConfig { heartbeats, ..LineConfig::default() })
        };
        assert_eq!(with(vec![Bytes::new()]).unwrap_err(), LineConfigError::EmptyHeartbeat { index: 0 });
        let long = Bytes::from(vec![1; MAX_HEARTBEAT_LEN + 1]);
        let had = long.len();
        assert_eq!(with(vec![long]).unwrap_err(), LineConfigError::LongHeartbeat { index: 0, had });
        let config = LineConfig { answer_timeout_ms: 0, ..LineConfig::default() };
        assert_eq!(LineMaster::<Request>::new(config).unwrap_err(), LineConfigError::NoTimeout);
    }
}
