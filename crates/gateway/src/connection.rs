//! One connection: the socket, the deadline and the queues around a pure session.
//!
//! Idle connections must be cheap. Bytes are read into one buffer per thread only when there are some, the session
//! keeps no more than the rest of a frame, and each connection has one timer.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::ready;
use std::time::Duration;

use bus::intake::LineEvent;
use bus::sessions::LineRequest;
use bus::{Confirm, Counters, Directory, Intake, IntakeSender, LineAnswer, LineCommand, LineError, Outcome};
use bus::{SessionInfo, Sessions};
use domain::id::TerminalId;
use domain::place::Protocol;
use domain::telegram::TelegramDirection;
use tokio::io::{AsyncRead as _, AsyncWriteExt as _, ReadBuf};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::sync::CancellationToken;
use wire::Detected;

use crate::Clock;
use crate::cloud_session::CloudSession;
use crate::config::{Rules, ms};
use crate::dtu_session::DtuSession;
use crate::gateway_session::GatewaySession;
use crate::gb26875::GbSession;
use crate::limits::Place;
use crate::pending::PendingReports;
use crate::session::{Facts, Moment, Output, Taken};
use crate::stream::Stream;
use crate::telegram_log::{TelegramLog, Whose};
use crate::tls::TlsAcceptor;
use crate::under_way::{UnderWay, Uploads, oldest};

/// Bytes read at once. One buffer per thread, not per connection.
const READ_BYTES: usize = 16_384;

thread_local! {
    static BUFFER: RefCell<[u8; READ_BYTES]> = const { RefCell::new([0; READ_BYTES]) };
}

/// How long the other end may take to hear that an encrypted connection ends.
const GOODBYE_WITHIN: Duration = Duration::from_secs(1);

/// What all connections of one listener share.
pub(crate) struct Gate {
    pub(crate) rules: Rules,
    pub(crate) tls: Option<Arc<TlsAcceptor>>,
    pub(crate) intake: IntakeSender,
    pub(crate) directory: Arc<Directory>,
    pub(crate) sessions: Arc<Sessions>,
    pub(crate) telegrams: TelegramLog,
    pub(crate) counters: Arc<Counters>,
    pub(crate) clock: Clock,
    pub(crate) started: Instant,
    pub(crate) pending: Arc<PendingReports>,
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
}

/// Who is at the other end, as far as the connection itself tells.
#[derive(Debug)]
pub(crate) struct Caller {
    pub(crate) remote: SocketAddr,
    /// SHA-256 of its certificate, where it showed one.
    pub(crate) certificate: Option<Box<[u8; 32]>>,
}

/// Serves one connection until it ends.
pub(crate) async fn serve(stream: Stream, caller: Caller, gate: Arc<Gate>, place: Place) {
    let core = Core::Undetected { first: Vec::new(), opened_ms: gate.mono_ms() };
    serve_core(stream, caller, core, Vec::new(), gate, place).await;
}

/// Serves a device that we dialled under its `serial` until the connection ends.
pub(crate) async fn serve_dialled(
    stream: Stream,
    caller: Caller,
    serial: &str,
    gate: Arc<Gate>,
    place: Place,
) {
    let mut out = Vec::new();
    let session = DtuSession::dialled(serial, Connection::facts(&gate, &caller), gate.now(), &mut out);
    serve_core(stream, caller, Core::Dtu(Box::new(session)), out, gate, place).await;
}

async fn serve_core(
    stream: Stream,
    caller: Caller,
    core: Core,
    first: Vec<Output>,
    gate: Arc<Gate>,
    place: Place,
) {
    let mut connection = Connection {
        stream,
        caller,
        core,
        line: None,
        in_flight: VecDeque::new(),
        command: None,
        gate: Arc::clone(&gate),
    };
    let reason = tokio::select! {
        biased;
        () = gate.hard_stop.cancelled() => Ended("the process stops".to_owned()),
        reason = connection.run(first) => reason,
    };
    connection.end(reason).await;
    drop(place);
}

/// Why a connection ended.
#[derive(Debug)]
struct Ended(String);

/// The session, by what the first bytes said.
#[derive(Debug)]
enum Core {
    Undetected { first: Vec<u8>, opened_ms: u64 },
    Cloud(Box<CloudSession>),
    Dtu(Box<DtuSession>),
    Gateway(Box<GatewaySession>),
    Gb(Box<GbSession>),
}

struct Connection {
    stream: Stream,
    caller: Caller,
    core: Core,
    /// The terminal it speaks for, and the queue of what it is asked to do.
    line: Option<Box<Line>>,
    /// What was handed over and has no outcome yet, oldest first.
    in_flight: VecDeque<UnderWay>,
    /// Who waits for the answer to the command that was taken last.
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
    Read(io::Result<usize>),
    Time,
}

impl Connection {
    /// Does what is to be done `first`, then what the session wants, until something ends it.
    async fn run(&mut self, first: Vec<Output>) -> Ended {
        if let Err(ended) = self.act(first).await {
            return ended;
        }
        let gate = Arc::clone(&self.gate);
        let mut soft_stop = pin!(gate.soft_stop.cancelled());
        let mut timer = pin!(sleep_until(gate.started));
        let mut is_stopping = false;
        loop {
            if is_stopping && self.in_flight.is_empty() {
                return Ended("the process stops".to_owned());
            }
            let now = gate.now();
            let deadline = self.deadline(now).map(|at_ms| gate.started + Duration::from_millis(at_ms));
            if let Some(deadline) = deadline
                && timer.deadline() != deadline
            {
                timer.as_mut().reset(deadline);
            }
            let wants_bytes = !is_stopping && self.wants_bytes(now);
            let happened = tokio::select! {
                biased;
                () = &mut soft_stop, if !is_stopping => Happened::Stop,
                outcome = oldest(&mut self.in_flight), if !self.in_flight.is_empty() => Happened::Outcome(outcome),
                request = next_request(&mut self.line), if self.line.is_some() => Happened::Request(request),
                read = read(&mut self.stream), if wants_bytes => Happened::Read(read),
                () = &mut timer, if deadline.is_some() && !is_stopping => Happened::Time,
            };
            let mut out = Vec::new();
            match happened {
                Happened::Stop => is_stopping = true,
                Happened::Outcome(outcome) => {
                    self.on_outcome(outcome, &mut out);
                    self.on_known_outcomes(&mut out);
                }
                Happened::Request(Some((command, answer))) if is_stopping => {
                    drop((command, answer));
                }
                Happened::Request(Some((command, answer))) => self.on_request(&command, answer, &mut out),
                Happened::Request(None) => {
                    return Ended("replaced by a newer connection of the same terminal".into());
                }
                Happened::Read(Ok(0)) => return Ended("closed by the other end".to_owned()),
                Happened::Read(Ok(count)) => self.on_read(count, &mut out),
                Happened::Read(Err(error)) => return Ended(format!("lost: {error}")),
                Happened::Time => self.on_time(&mut out),
            }
            if !out.is_empty()
                && let Err(ended) = self.act(out).await
            {
                return ended;
            }
        }
    }

    fn facts<'a>(gate: &'a Gate, caller: &'a Caller) -> Facts<'a> {
        Facts {
            rules: &gate.rules,
            directory: &gate.directory,
            remote: caller.remote,
            certificate: caller.certificate.as_deref(),
        }
    }

    fn wants_bytes(&self, now: Moment) -> bool {
        match &self.core {
            Core::Undetected { .. } => true,
            Core::Cloud(session) => session.wants_bytes(),
            Core::Dtu(session) => session.wants_bytes(Self::facts(&self.gate, &self.caller), now),
            Core::Gateway(session) => session.wants_bytes(),
            Core::Gb(session) => session.wants_bytes(),
        }
    }

    fn deadline(&self, now: Moment) -> Option<u64> {
        let facts = Self::facts(&self.gate, &self.caller);
        match &self.core {
            Core::Undetected { first, opened_ms } => Some(undecided_until(first, *opened_ms, facts)),
            Core::Cloud(session) => session.deadline(facts),
            Core::Dtu(session) => session.deadline(facts, now),
            Core::Gateway(session) => session.deadline(facts),
            Core::Gb(session) => session.deadline(facts),
        }
    }

    fn on_time(&mut self, out: &mut Vec<Output>) {
        let now = self.gate.now();
        let facts = Self::facts(&self.gate, &self.caller);
        match &mut self.core {
            Core::Undetected { first, opened_ms } => {
                let within = facts.rules.config.identify_within_s;
                if undecided_until(first, *opened_ms, facts) > now.mono_ms {
                    return;
                }
                if first.len() > 1 {
                    let mut session = DtuSession::new(now);
                    session.on_bytes(first, facts, now, out);
                    self.core = Core::Dtu(Box::new(session));
                } else {
                    out.push(Output::Close(format!("did not say who it is within {within} s")));
                }
            }
            Core::Cloud(session) => session.on_time(facts, now, out),
            Core::Dtu(session) => session.on_time(facts, now, out),
            Core::Gateway(session) => session.on_time(facts, now, out),
            Core::Gb(session) => session.on_time(facts, now, out),
        }
    }

    fn on_outcome(&mut self, outcome: Outcome, out: &mut Vec<Output>) {
        let Some(UnderWay { readings, uploads, .. }) = self.in_flight.pop_front() else { return };
        match outcome {
            Outcome::Committed => self.gate.counters.readings_confirmed.add(readings),
            Outcome::Unavailable => self.gate.counters.readings_unconfirmed.add(readings),
        }
        let now = self.gate.now();
        let facts = Self::facts(&self.gate, &self.caller);
        for _ in 0..uploads {
            match &mut self.core {
                Core::Undetected { .. } => {}
                Core::Cloud(session) => session.on_outcome(outcome, facts, now, out),
                Core::Dtu(session) => session.on_outcome(outcome, facts, now, out),
                Core::Gateway(session) => session.on_outcome(outcome, facts, now, out),
                Core::Gb(session) => session.on_outcome(outcome, facts, now, out),
            }
        }
    }

    /// Takes the outcomes that came with the first one: a commit settles many readings of a busy line, and what is said
    /// of them goes into one write.
    fn on_known_outcomes(&mut self, out: &mut Vec<Output>) {
        while let Some(outcome) = self.in_flight.front_mut().and_then(UnderWay::known) {
            self.on_outcome(outcome, out);
        }
    }

    fn on_request(
        &mut self,
        command: &LineCommand,
        answer: oneshot::Sender<Result<LineAnswer, LineError>>,
        out: &mut Vec<Output>,
    ) {
        let now = self.gate.now();
        let facts = Self::facts(&self.gate, &self.caller);
        let taken = match &mut self.core {
            Core::Undetected { .. } => Taken::Settled(Err(LineError::NotConnected)),
            Core::Cloud(session) => session.on_command(command, facts, now, out),
            Core::Dtu(session) => session.on_command(command, facts, now, out),
            Core::Gateway(session) => session.on_command(command, facts, now, out),
            Core::Gb(session) => session.on_command(command, facts, now, out),
        };
        match taken {
            Taken::Waits => self.command = Some(answer),
            Taken::Settled(result) => drop(answer.send(result)),
        }
    }

    /// Takes what [`read`] left in the thread's buffer. Nothing is awaited between the two, so it is still there.
    fn on_read(&mut self, count: usize, out: &mut Vec<Output>) {
        BUFFER.with_borrow(|buffer| self.on_bytes(buffer.get(..count).unwrap_or_default(), out));
    }

    fn on_bytes(&mut self, bytes: &[u8], out: &mut Vec<Output>) {
        let now = self.gate.now();
        let facts = Self::facts(&self.gate, &self.caller);
        match &mut self.core {
            Core::Cloud(session) => session.on_bytes(bytes, facts, now, out),
            Core::Dtu(session) => session.on_bytes(bytes, facts, now, out),
            Core::Gateway(session) => session.on_bytes(bytes, facts, now, out),
            Core::Gb(session) => session.on_bytes(bytes, facts, now, out),
            Core::Undetected { first, .. } => {
                let all = [first, bytes].concat();
                match wire::detect(&all) {
                    Detected::NeedMoreBytes => *first = all,
                    Detected::Cloud7b7b => {
                        let mut session = CloudSession::new(facts, now);
                        session.on_bytes(&all, facts, now, out);
                        self.core = Core::Cloud(Box::new(session));
                    }
                    detected @ (Detected::Gb26875 | Detected::Gb26875Text) => {
                        let is_text = detected == Detected::Gb26875Text;
                        let mut session = GbSession::new(is_text, now);
                        session.on_bytes(&all, facts, now, out);
                        self.core = Core::Gb(Box::new(session));
                    }
                    Detected::Dtu => {
                        let mut session = DtuSession::new(now);
                        session.on_bytes(&all, facts, now, out);
                        self.core = Core::Dtu(Box::new(session));
                    }
                    Detected::Gateway1f1f => {
                        let mut session = GatewaySession::new(rand::random(), facts, now);
                        session.on_bytes(&all, facts, now, out);
                        self.core = Core::Gateway(Box::new(session));
                    }
                }
            }
        }
    }

    /// Does what the session wants done. What is said goes into one write, and uploads of one detector that came
    /// together go one way together.
    async fn act(&mut self, out: Vec<Output>) -> Result<(), Ended> {
        let mut spoken = None;
        let mut said: Vec<u8> = Vec::new();
        let mut uploads: Option<Uploads> = None;
        for output in out {
            match output {
                Output::Speaks(protocol) => spoken = Some(protocol),
                Output::Heard { bytes, refused } => {
                    let counters = &self.gate.counters;
                    match &refused {
                        None => counters.frames_understood.add_one(),
                        Some(_) => counters.frames_refused.add_one(),
                    }
                    self.keep(TelegramDirection::Up, spoken, &bytes, refused);
                }
                Output::Write(bytes) => {
                    self.keep(TelegramDirection::Down, spoken, &bytes, None);
                    if self.stream.is_of_datagrams() {
                        self.say(&mut said).await?;
                    }
                    if said.is_empty() {
                        said = bytes;
                    } else {
                        said.extend_from_slice(&bytes);
                    }
                }
                Output::Readings(readings) => {
                    // Frames of other protocols are few, and each has an answer of its own.
                    let alone = match &mut uploads {
                        Some(uploads) if matches!(self.core, Core::Cloud(_)) => uploads.join(readings),
                        Some(_) | None => Some(readings),
                    };
                    if let Some(readings) = alone {
                        self.hand_over_uploads(uploads.take(), &mut said).await?;
                        uploads = Some(Uploads::of(readings));
                    }
                }
                // Whatever else reaches the pipeline or ends the line keeps its place behind the uploads before it.
                other @ (Output::Notes { .. }
                | Output::Tell(_)
                | Output::Unknown(_)
                | Output::Unproven
                | Output::Claim(_)
                | Output::Release(_)
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
            Output::Speaks(_) | Output::Heard { .. } | Output::Write(_) | Output::Readings(_) => {}
            Output::Notes { terminal, notes } => {
                let (confirm, outcome) = Confirm::pair();
                let at = self.gate.now().wall;
                let remote = self.caller.remote.to_string();
                self.hand_over(Intake::Noted { terminal, at, remote, notes, confirm }, said).await?;
                self.in_flight.push_back(UnderWay { readings: 0, uploads: 1, outcome });
            }
            Output::Tell(intake) => self.hand_over(intake, said).await?,
            Output::Unknown(unknown) => {
                let gate = &self.gate;
                if let Some(unknown) = gate.pending.due(unknown, gate.mono_ms(), &gate.counters) {
                    self.hand_over(Intake::Unknown(unknown), said).await?;
                }
            }
            Output::Unproven => self.gate.counters.proofs_refused.add_one(),
            Output::Claim(terminal) => self.claim(terminal).await?,
            Output::Release(reason) => self.release(reason).await?,
            Output::Answered(result) => {
                if let Some(waiting) = self.command.take() {
                    let _gone = waiting.send(result);
                }
            }
            Output::Close(reason) => {
                self.say(said).await?;
                return Err(Ended(reason));
            }
        }
        Ok(())
    }

    async fn claim(&mut self, terminal: TerminalId) -> Result<(), Ended> {
        self.release("speaks for another terminal now").await?;
        // Two places: one is on the line, one is told that the line is busy.
        let (sender, requests) = mpsc::channel(2);
        let now = self.gate.now();
        let info = SessionInfo { remote: self.caller.remote.to_string(), connected_at: now.wall };
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
        let line = Intake::Line { terminal, at, remote: self.caller.remote.to_string(), event };
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

    /// Keeps a telegram, of the protocol that is `spoken` where the line may carry several.
    fn keep(
        &self,
        direction: TelegramDirection,
        spoken: Option<Protocol>,
        bytes: &[u8],
        refused: Option<domain::telegram::Refused>,
    ) {
        let (terminal, protocol) = match &self.core {
            Core::Undetected { .. } => (None, "unknown"),
            Core::Cloud(session) => (session.terminal(), Protocol::Cloud7b7b.code()),
            Core::Dtu(session) => (session.terminal(), session.protocol().code()),
            Core::Gateway(session) => (session.terminal(), Protocol::Gateway1f1f.code()),
            Core::Gb(session) => (session.terminal(), Protocol::Gb26875.code()),
        };
        let protocol = spoken.map_or(protocol, Protocol::code);
        let whose = Whose { terminal, remote: self.caller.remote, protocol };
        self.gate.telegrams.keep(whose, direction, bytes, refused, (self.gate.clock)());
    }

    async fn write(&mut self, bytes: &[u8]) -> Result<(), Ended> {
        let done = self.stream.try_write(bytes).map_err(|error| Ended(format!("lost: {error}")))?;
        match bytes.get(done..) {
            None | Some([]) => Ok(()),
            // Seldom taken, so its state is not part of every connection's.
            Some(rest) => Box::pin(self.write_slowly(rest)).await,
        }
    }

    async fn write_slowly(&mut self, rest: &[u8]) -> Result<(), Ended> {
        let within_s = self.gate.rules.config.write_within_s;
        let written = async {
            self.stream.write_all(rest).await?;
            self.stream.flush().await
        };
        match timeout(Duration::from_secs(within_s), written).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(Ended(format!("lost: {error}"))),
            Err(_elapsed) => Err(Ended(format!("took nothing for {within_s} s"))),
        }
    }

    async fn end(mut self, Ended(reason): Ended) {
        tracing::debug!(remote = %self.caller.remote, reason, "connection ended");
        let gate = Arc::clone(&self.gate);
        // Whoever waits for a command's answer learns of it by the drop of its sender.
        drop(self.command.take());
        let told = self.release(&reason);
        tokio::select! {
            biased;
            () = gate.hard_stop.cancelled() => {}
            _pipeline_gone = told => {}
        }
        if self.stream.says_goodbye() {
            let _gone_already = Box::pin(timeout(GOODBYE_WITHIN, self.stream.shutdown())).await;
        }
    }
}

/// How long digits that may be a frame as text are waited for, ms; then they are the registration of a DTU.
const TEXT_WITHIN_MS: u64 = 2_000;

/// Until when the `first` bytes may wait for more to be told what they are, ms.
fn undecided_until(first: &[u8], opened_ms: u64, facts: Facts<'_>) -> u64 {
    let within_ms = ms(facts.rules.config.identify_within_s);
    opened_ms.saturating_add(if first.len() > 1 { within_ms.min(TEXT_WITHIN_MS) } else { within_ms })
}

/// Reads once, into the thread's buffer, which costs an idle connection nothing.
async fn read(stream: &mut Stream) -> io::Result<usize> {
    poll_fn(|context| {
        BUFFER.with_borrow_mut(|buffer| {
            let mut buffer = ReadBuf::new(buffer);
            ready!(Pin::new(&mut *stream).poll_read(context, &mut buffer))?;
            Ok(buffer.filled().len()).into()
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
