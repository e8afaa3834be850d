//! One connection: the socket, the deadline and the queues around a session of MQTT.
//!
//! Idle connections must be cheap: bytes are read into one buffer per thread, and each connection has one timer.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Poll, ready};
use std::time::Duration;

use bus::intake::LineEvent;
use bus::sessions::LineRequest;
use bus::{Counters, Directory, Intake, IntakeSender, LineAnswer, LineError, Outcome};
use bus::{SessionInfo, Sessions};
use domain::id::TerminalId;
use domain::place::Protocol;
use domain::telegram::{Refused, TelegramDirection};
use tokio::io::{AsyncRead as _, AsyncWriteExt as _, ReadBuf};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use super::access::Failures;
use super::config::Rules;
use super::packets;
use super::session::{Facts, Output, Session};
use super::shelf::Shelf;
use crate::Clock;
use crate::limits::Place;
use crate::pending::PendingReports;
use crate::session::{Moment, Taken};
use crate::stream::Stream;
use crate::telegram_log::{TelegramLog, Whose};
use crate::under_way::{UnderWay, Uploads, oldest};

/// Bytes read at once. One buffer per thread, not per connection.
const READ_BYTES: usize = 16_384;

thread_local! {
    static BUFFER: RefCell<[u8; READ_BYTES]> = const { RefCell::new([0; READ_BYTES]) };
}

/// What all connections share.
pub(crate) struct Gate {
    pub(crate) rules: Rules,
    pub(crate) intake: IntakeSender,
    pub(crate) directory: Arc<Directory>,
    pub(crate) sessions: Arc<Sessions>,
    pub(crate) telegrams: TelegramLog,
    pub(crate) counters: Arc<Counters>,
    pub(crate) clock: Clock,
    pub(crate) started: Instant,
    pub(crate) pending: PendingReports,
    pub(crate) shelf: Shelf,
    pub(crate) failures: Failures,
    /// No more is taken in; what is under way may finish.
    pub(crate) soft_stop: CancellationToken,
    /// Nothing is waited for any more.
    pub(crate) hard_stop: CancellationToken,
}

impl Gate {
    pub(crate) fn now(&self) -> Moment {
        Moment { wall: (self.clock)(), mono_ms: self.mono_ms() }
    }

    pub(crate) fn mono_ms(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn facts(&self, remote: SocketAddr, certificate: Option<[u8; 32]>) -> Facts<'_> {
        Facts {
            rules: &self.rules,
            directory: &self.directory,
            shelf: &self.shelf,
            failures: &self.failures,
            remote,
            certificate,
        }
    }
}

/// Serves one connection until it ends.
pub(crate) async fn serve(
    stream: Stream,
    remote: SocketAddr,
    certificate: Option<[u8; 32]>,
    gate: Arc<Gate>,
    place: Place,
) {
    let session = Box::new(Session::new(&gate.rules, gate.now()));
    let mut connection = Connection {
        stream,
        remote,
        certificate,
        session,
        line: None,
        in_flight: VecDeque::new(),
        command: None,
        gate: Arc::clone(&gate),
    };
    let reason = tokio::select! {
        biased;
        () = gate.hard_stop.cancelled() => Ended("the process stops".to_owned()),
        reason = connection.run() => reason,
    };
    connection.end(reason).await;
    drop(place);
}

/// Why a connection ended.
#[derive(Debug)]
struct Ended(String);

struct Connection {
    stream: Stream,
    remote: SocketAddr,
    certificate: Option<[u8; 32]>,
    session: Box<Session>,
    /// The terminal it speaks for, and the queue of what it is asked to do.
    line: Option<Box<Line>>,
    /// Readings whose outcome is not known yet, oldest first.
    in_flight: VecDeque<UnderWay>,
    /// Who waits for the answer to the command on the line.
    command: Option<oneshot::Sender<Result<LineAnswer, LineError>>>,
    gate: Arc<Gate>,
}

/// The terminal's line, given up when dropped.
struct Line {
    sessions: Arc<Sessions>,
    terminal: TerminalId,
    number: u64,
    requests: mpsc::Receiver<LineRequest>,
}

impl Line {
    /// Gives the line up; says whether it was still ours.
    fn give_up(&self) -> bool {
        self.sessions.close(self.terminal, self.number)
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        let _was_ours = self.give_up();
    }
}

enum Happened {
    Stop,
    Outcome(Outcome),
    /// `None`: a newer connection speaks for the terminal.
    Request(Option<LineRequest>),
    /// So many bytes are in the thread's buffer.
    Read(std::io::Result<usize>),
    Time,
}

impl Connection {
    async fn run(&mut self) -> Ended {
        let gate = Arc::clone(&self.gate);
        let mut soft_stop = pin!(gate.soft_stop.cancelled());
        let mut timer = pin!(sleep_until(gate.started));
        let mut is_stopping = false;
        loop {
            let mut out = Vec::new();
            if is_stopping && self.in_flight.is_empty() {
                self.session.on_stop(&mut out);
            }
            let now = gate.now();
            let facts = gate.facts(self.remote, self.certificate);
            let happened = if out.is_empty() {
                let deadline =
                    self.session.deadline(facts).map(|at_ms| gate.started + Duration::from_millis(at_ms));
                if let Some(deadline) = deadline
                    && timer.deadline() != deadline
                {
                    timer.as_mut().reset(deadline);
                }
                let wants_bytes = !is_stopping && self.session.wants_bytes(facts, now);
                Some(tokio::select! {
                    biased;
                    () = &mut soft_stop, if !is_stopping => Happened::Stop,
                    outcome = oldest(&mut self.in_flight), if !self.in_flight.is_empty() => Happened::Outcome(outcome),
                    request = next_request(&mut self.line), if self.line.is_some() => Happened::Request(request),
                    read = read(&mut self.stream), if wants_bytes => Happened::Read(read),
                    () = &mut timer, if deadline.is_some() && !is_stopping => Happened::Time,
                })
            } else {
                None
            };
            let now = gate.now();
            match happened {
                None => {}
                Some(Happened::Stop) => is_stopping = true,
                Some(Happened::Outcome(outcome)) => {
                    self.on_outcome(outcome, now, &mut out);
                    // A commit settles many messages of a busy line; what is said of them goes into one write.
                    while let Some(outcome) = self.in_flight.front_mut().and_then(UnderWay::known) {
                        self.on_outcome(outcome, now, &mut out);
                    }
                }
                Some(Happened::Request(Some((command, answer)))) if is_stopping => drop((command, answer)),
                Some(Happened::Request(Some((command, answer)))) => {
                    match self.session.on_command(&command, facts, now, &mut out) {
                        Taken::Waits => self.command = Some(answer),
                        Taken::Settled(result) => drop(answer.send(result)),
                    }
                }
                Some(Happened::Request(None)) => self.session.on_takeover(&mut out),
                Some(Happened::Read(Ok(0))) => return Ended("closed by the other end".to_owned()),
                // Nothing was awaited since the read, so the bytes are still there.
                Some(Happened::Read(Ok(count))) => BUFFER.with_borrow(|buffer| {
                    let bytes = buffer.get(..count).unwrap_or_default();
                    self.session.on_bytes(bytes, facts, now, &mut out);
                }),
                Some(Happened::Read(Err(error))) => return Ended(format!("lost: {error}")),
                Some(Happened::Time) => self.session.on_time(facts, now, &mut out),
            }
            if !out.is_empty()
                && let Err(ended) = self.act(out).await
            {
                return ended;
            }
        }
    }

    fn on_outcome(&mut self, outcome: Outcome, now: Moment, out: &mut Vec<Output>) {
        let Some(UnderWay { readings, uploads, .. }) = self.in_flight.pop_front() else { return };
        match outcome {
            Outcome::Committed => self.gate.counters.readings_confirmed.add(readings),
            Outcome::Unavailable => self.gate.counters.readings_unconfirmed.add(readings),
        }
        let gate = Arc::clone(&self.gate);
        let facts = gate.facts(self.remote, self.certificate);
        for _ in 0..uploads {
            self.session.on_outcome(outcome, facts, now, out);
        }
    }

    /// Does what the session wants done. What is said goes into one write, and readings of one detector that came
    /// together go one way together.
    async fn act(&mut self, out: Vec<Output>) -> Result<(), Ended> {
        let mut said: Vec<u8> = Vec::new();
        let mut uploads: Option<Uploads> = None;
        for output in out {
            match output {
                Output::Heard { topic, payload, refused } => {
                    let counters = &self.gate.counters;
                    match &refused {
                        None => counters.frames_understood.add_one(),
                        Some(_) => counters.frames_refused.add_one(),
                    }
                    self.keep(TelegramDirection::Up, (&topic, &payload), refused);
                }
                Output::Told { topic, payload } => {
                    self.keep(TelegramDirection::Down, (&topic, &payload), None);
                }
                Output::Write(bytes) => said.extend_from_slice(&bytes),
                Output::Readings(readings) => {
                    let alone = match &mut uploads {
                        Some(uploads) => uploads.join(readings),
                        None => Some(readings),
                    };
                    if let Some(readings) = alone {
                        self.hand_over_uploads(uploads.take(), &mut said).await?;
                        uploads = Some(Uploads::of(readings));
                    }
                }
                other @ (Output::Tell(_)
                | Output::Unknown(_)
                | Output::Claim(_)
                | Output::Answered(_)
                | Output::Close(_)) => {
                    self.hand_over_uploads(uploads.take(), &mut said).await?;
                    self.act_seldom(other, &mut said).await?;
                }
            }
        }
        self.hand_over_uploads(uploads, &mut said).await?;
        self.say(&mut said).await
    }

    async fn hand_over_uploads(&mut self, uploads: Option<Uploads>, said: &mut Vec<u8>) -> Result<(), Ended> {
        let Some(uploads) = uploads else { return Ok(()) };
        let (intake, under_way) = uploads.begin(&self.gate.counters);
        self.hand_over(intake, said).await?;
        self.in_flight.push_back(under_way);
        Ok(())
    }

    async fn act_seldom(&mut self, output: Output, said: &mut Vec<u8>) -> Result<(), Ended> {
        match output {
            // Done where they are more than seldom.
            Output::Heard { .. } | Output::Told { .. } | Output::Write(_) | Output::Readings(_) => Ok(()),
            Output::Tell(intake) => self.hand_over(intake, said).await,
            Output::Unknown(unknown) => {
                let gate = &self.gate;
                match gate.pending.due(unknown, gate.mono_ms(), &gate.counters) {
                    Some(unknown) => self.hand_over(Intake::Unknown(unknown), said).await,
                    None => Ok(()),
                }
            }
            Output::Claim(terminal) => self.claim(terminal).await,
            Output::Answered(result) => {
                if let Some(waiting) = self.command.take() {
                    let _gone = waiting.send(result);
                }
                Ok(())
            }
            Output::Close(reason) => {
                self.say(said).await?;
                // What was said last must not be lost to a reset.
                let _closed_anyway = timeout(Duration::from_secs(1), self.stream.shutdown()).await;
                Err(Ended(reason))
            }
        }
    }

    async fn claim(&mut self, terminal: TerminalId) -> Result<(), Ended> {
        // Two places: one is on the line, one is told that the line is busy.
        let (sender, requests) = mpsc::channel(2);
        let now = self.gate.now();
        let info = SessionInfo { remote: self.remote.to_string(), connected_at: now.wall };
        let (number, previous) = self.gate.sessions.open(terminal, info, sender);
        let sessions = Arc::clone(&self.gate.sessions);
        self.line = Some(Box::new(Line { sessions, terminal, number, requests }));
        if let Some(previous) = previous {
            self.tell_line(terminal, LineEvent::Replaced { previous_remote: previous.remote }).await?;
        }
        self.tell_line(terminal, LineEvent::Connected).await
    }

    async fn release(&mut self, reason: &str) -> Result<(), Ended> {
        if let Some(line) = self.line.take()
            && line.give_up()
        {
            self.tell_line(line.terminal, LineEvent::Disconnected(reason.to_owned())).await?;
        }
        Ok(())
    }

    async fn tell_line(&mut self, terminal: TerminalId, event: LineEvent) -> Result<(), Ended> {
        let at = self.gate.now().wall;
        let line = Intake::Line { terminal, at, remote: self.remote.to_string(), event };
        self.hand_over(line, &mut Vec::new()).await
    }

    /// Waits while the pipeline's queue is full; so does the socket, and in the end the device. What is to be `said` does
    /// not wait with it.
    async fn hand_over(&mut self, intake: Intake, said: &mut Vec<u8>) -> Result<(), Ended> {
        let stopped = |stopped: bus::intake::Stopped| Ended(stopped.to_string());
        match self.gate.intake.try_send(intake).map_err(stopped)? {
            None => Ok(()),
            Some(waits) => {
                self.say(said).await?;
                self.gate.intake.send(waits).await.map_err(stopped)
            }
        }
    }

    /// Writes what is to be said, if anything is.
    async fn say(&mut self, said: &mut Vec<u8>) -> Result<(), Ended> {
        if said.is_empty() { Ok(()) } else { self.write(&std::mem::take(said)).await }
    }

    fn keep(&self, direction: TelegramDirection, (topic, payload): (&str, &[u8]), refused: Option<Refused>) {
        let terminal = self.session.entry().map(|entry| entry.id);
        if !self.gate.telegrams.wants(terminal, refused.is_some()) {
            return;
        }
        let bytes = if topic.is_empty() { Vec::new() } else { packets::telegram(topic, payload) };
        let whose = Whose { terminal, remote: self.remote, protocol: Protocol::Telemetry.code() };
        self.gate.telegrams.keep(whose, direction, &bytes, refused, (self.gate.clock)());
    }

    async fn write(&mut self, bytes: &[u8]) -> Result<(), Ended> {
        let done = self.stream.try_write(bytes).map_err(|error| Ended(format!("lost: {error}")))?;
        match bytes.get(done..) {
            None | Some([]) => Ok(()),
            // Seldom taken on plain lines, so its state is not part of every connection's.
            Some(rest) => Box::pin(self.write_slowly(rest)).await,
        }
    }

    async fn write_slowly(&mut self, rest: &[u8]) -> Result<(), Ended> {
        let within_s = self.gate.rules.config.write_within_s;
        let writing = async {
            self.stream.write_all(rest).await?;
            self.stream.flush().await
        };
        match timeout(Duration::from_secs(within_s), writing).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(Ended(format!("lost: {error}"))),
            Err(_elapsed) => Err(Ended(format!("took nothing for {within_s} s"))),
        }
    }

    async fn end(mut self, Ended(reason): Ended) {
        tracing::debug!(remote = %self.remote, reason, "connection ended");
        let gate = Arc::clone(&self.gate);
        // Whoever waits for a command's answer learns of it by the drop of its sender.
        drop(self.command.take());
        let epitaph = self.session.epitaph(&reason);
        let finish = async {
            let _pipeline_gone = self.release(&epitaph).await;
            // A message of exactly once that is being committed: whether it was is remembered for the next connection.
            let mut ignored = Vec::new();
            self.session.on_takeover(&mut ignored);
            while self.session.awaits_outcomes() && !self.in_flight.is_empty() {
                let outcome = oldest(&mut self.in_flight).await;
                self.on_outcome(outcome, gate.now(), &mut ignored);
            }
        };
        tokio::select! {
            biased;
            () = gate.hard_stop.cancelled() => {}
            () = finish => {}
        }
        self.session.keep(&gate.shelf, gate.now());
    }
}

/// Reads once, into the thread's buffer, which costs an idle connection nothing.
async fn read(stream: &mut Stream) -> std::io::Result<usize> {
    poll_fn(|context| {
        BUFFER.with_borrow_mut(|buffer| {
            let mut into = ReadBuf::new(buffer);
            ready!(Pin::new(&mut *stream).poll_read(context, &mut into))?;
            Poll::Ready(Ok(into.filled().len()))
        })
    })
    .await
}

async fn next_request(line: &mut Option<Box<Line>>) -> Option<LineRequest> {
    match line {
        Some(line) => line.requests.recv().await,
        None => std::future::pending().await,
    }
}
