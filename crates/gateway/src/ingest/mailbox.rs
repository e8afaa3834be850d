//! Commands for devices that fetch them. A device that asks opens its line in [`bus::Sessions`]; as long as it keeps
//! asking, the line stays open, and commands wait in its mailbox until it fetches and answers them.

use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bus::intake::LineEvent;
use bus::sessions::LineRequest;
use bus::{Intake, IntakeSender, LineAnswer, LineCommand, LineError, SessionInfo, Sessions};
use domain::id::TerminalId;
use tokio::sync::{Notify, mpsc, oneshot};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use wire::telemetry::{Answer, Command, Form, Settled, Tree, write_tree};

use super::IngestConfig;
use crate::Clock;

/// Numbers that the mailbox gives to commands which have none of their own begin here, out of the way of the others.
const OWN_NUMBERS: u64 = 1 << 52;

/// The mailboxes of the devices that fetch commands.
pub(crate) struct Mailboxes {
    rules: Rules,
    sessions: Arc<Sessions>,
    intake: IntakeSender,
    clock: Clock,
    tracker: TaskTracker,
    stop: CancellationToken,
    open: Arc<Mutex<HashMap<TerminalId, Arc<Mailbox>>>>,
}

#[derive(Debug, Clone, Copy)]
struct Rules {
    within: Duration,
    again: Duration,
    awake: Duration,
    max: usize,
}

/// One device's commands.
pub(crate) struct Mailbox {
    state: Mutex<State>,
    /// Something new is in it.
    changed: Notify,
}

struct State {
    waiting: VecDeque<Waiting>,
    heard_at: Instant,
    next_own: u64,
    is_closed: bool,
}

struct Waiting {
    command: Command,
    tell: oneshot::Sender<Result<LineAnswer, LineError>>,
    due: Instant,
    given_at: Option<Instant>,
}

impl Mailboxes {
    pub(super) fn new(
        config: &IngestConfig,
        sessions: Arc<Sessions>,
        intake: IntakeSender,
        clock: Clock,
        tracker: TaskTracker,
        stop: CancellationToken,
    ) -> Self {
        Self {
            rules: Rules {
                within: Duration::from_secs(config.command_within_s),
                again: Duration::from_secs(config.command_again_s),
                awake: Duration::from_secs(config.awake_s),
                max: config.max_commands,
            },
            sessions,
            intake,
            clock,
            tracker,
            stop,
            open: Arc::default(),
        }
    }

    /// At most `most` commands to give to `terminal` now; waits for one until `wait` is over. Opens its line.
    pub(crate) async fn fetch(
        &self,
        terminal: TerminalId,
        remote: SocketAddr,
        wait: Duration,
        most: usize,
    ) -> Vec<Command> {
        let mailbox = self.mailbox(terminal, remote);
        let end = Instant::now() + wait;
        loop {
            let changed = mailbox.changed.notified();
            {
                let mut state = mailbox.lock();
                let now = Instant::now();
                state.heard_at = now;
                let given = state.give(now, self.rules.again, most);
                if !given.is_empty() || now >= end || state.is_closed {
                    return given;
                }
            }
            tokio::select! {
                () = self.stop.cancelled() => return Vec::new(),
                () = changed => {}
                () = sleep_until(end.min(Instant::now() + self.rules.again)) => {}
            }
        }
    }

    /// Takes what a device says of its commands.
    pub(crate) fn settle(&self, terminal: TerminalId, answers: Vec<Answer>) {
        if answers.is_empty() {
            return;
        }
        let mailbox = self.open.lock().unwrap_or_else(PoisonError::into_inner).get(&terminal).cloned();
        let Some(mailbox) = mailbox else { return };
        let mut state = mailbox.lock();
        state.heard_at = Instant::now();
        for Answer { id, settled } in answers {
            // An answer to nothing is a late one or a repetition.
            let Some(at) = state.waiting.iter().position(|waiting| waiting.command.id == id) else {
                continue;
            };
            let Some(waiting) = state.waiting.remove(at) else { continue };
            let answer = match settled {
                Settled::Done(Tree::Nothing) => LineAnswer::Done,
                Settled::Done(value) => LineAnswer::Data(write_tree(Form::Json, &value)),
                Settled::Refused(reason) => LineAnswer::Refused(reason),
            };
            let _gone = waiting.tell.send(Ok(answer));
        }
    }

    fn mailbox(&self, terminal: TerminalId, remote: SocketAddr) -> Arc<Mailbox> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(mailbox) = open.get(&terminal)
            && !mailbox.lock().is_closed
        {
            return Arc::clone(mailbox);
        }
        let mailbox = Arc::new(Mailbox {
            state: Mutex::new(State {
                waiting: VecDeque::new(),
                heard_at: Instant::now(),
                next_own: OWN_NUMBERS,
                is_closed: false,
            }),
            changed: Notify::new(),
        });
        open.insert(terminal, Arc::clone(&mailbox));
        drop(open);
        let (sender, requests) = mpsc::channel(self.rules.max.max(1));
        let info = SessionInfo { remote: remote.to_string(), connected_at: (self.clock)() };
        let (number, previous) = self.sessions.open(terminal, info, sender);
        let line = Line {
            terminal,
            remote,
            number,
            requests,
            mailbox: Arc::clone(&mailbox),
            rules: self.rules,
            sessions: Arc::clone(&self.sessions),
            intake: self.intake.clone(),
            clock: Arc::clone(&self.clock),
            open: Arc::clone(&self.open),
        };
        self.tracker.spawn(line.run(previous, self.stop.clone()));
        mailbox
    }
}

impl Mailbox {
    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn give(&mut self, now: Instant, again: Duration, most: usize) -> Vec<Command> {
        let is_due = |waiting: &&mut Waiting| waiting.given_at.is_none_or(|at| now >= at + again);
        self.waiting
            .iter_mut()
            .filter(is_due)
            .take(most)
            .map(|waiting| {
                waiting.given_at = Some(now);
                waiting.command.clone()
            })
            .collect()
    }
}

/// The line of a device that fetches its commands, as the rest of the process sees it.
struct Line {
    terminal: TerminalId,
    remote: SocketAddr,
    number: u64,
    requests: mpsc::Receiver<LineRequest>,
    mailbox: Arc<Mailbox>,
    rules: Rules,
    sessions: Arc<Sessions>,
    intake: IntakeSender,
    clock: Clock,
    open: Arc<Mutex<HashMap<TerminalId, Arc<Mailbox>>>>,
}

impl Line {
    async fn run(mut self, previous: Option<SessionInfo>, stop: CancellationToken) {
        if let Some(previous) = previous {
            self.tell(LineEvent::Replaced { previous_remote: previous.remote }).await;
        }
        self.tell(LineEvent::Connected).await;
        let reason = self.serve(&stop).await;
        {
            let mut state = self.mailbox.lock();
            state.is_closed = true;
            for waiting in state.waiting.drain(..) {
                let _gone = waiting.tell.send(Err(LineError::LineLost));
            }
        }
        self.mailbox.changed.notify_waiters();
        {
            let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
            if open.get(&self.terminal).is_some_and(|mailbox| Arc::ptr_eq(mailbox, &self.mailbox)) {
                open.remove(&self.terminal);
            }
        }
        if self.sessions.close(self.terminal, self.number) {
            self.tell(LineEvent::Disconnected(reason.to_owned())).await;
        }
    }

    async fn serve(&mut self, stop: &CancellationToken) -> &'static str {
        loop {
            let wake = {
                let state = self.mailbox.lock();
                let due = state.waiting.iter().map(|waiting| waiting.due).min();
                due.into_iter().fold(state.heard_at + self.rules.awake, Instant::min)
            };
            tokio::select! {
                biased;
                () = stop.cancelled() => return "the process stops",
                request = self.requests.recv() => match request {
                    None => return "replaced by a newer connection of the same terminal",
                    Some((LineCommand::Close { .. }, tell)) => {
                        let _gone = tell.send(Ok(LineAnswer::Done));
                        return "closed by the server";
                    }
                    Some((command, tell)) => self.put(command, tell),
                },
                () = sleep_until(wake) => {
                    let now = Instant::now();
                    let mut state = self.mailbox.lock();
                    while let Some(at) = state.waiting.iter().position(|waiting| waiting.due <= now) {
                        if let Some(waiting) = state.waiting.remove(at) {
                            let _gone = waiting.tell.send(Err(LineError::TimedOut));
                        }
                    }
                    if now >= state.heard_at + self.rules.awake {
                        return "has not fetched its commands for too long";
                    }
                }
            }
        }
    }

    fn put(&self, command: LineCommand, tell: oneshot::Sender<Result<LineAnswer, LineError>>) {
        let mut state = self.mailbox.lock();
        if state.waiting.len() >= self.rules.max {
            let _gone = tell.send(Err(LineError::Busy));
            return;
        }
        let own = state.next_own;
        let command = match command {
            LineCommand::Named { id, address, name, value } => Command::new(id, address, name, &value).ok(),
            LineCommand::SetClock => {
                let value = format!("{{\"at\":{}}}", (self.clock)().0);
                Command::new(own, None, "clock".to_owned(), &value).ok()
            }
            LineCommand::Query { what, address } => {
                Command::new(own, address, "get".to_owned(), &format!("{{\"what\":{what}}}")).ok()
            }
            LineCommand::Write { .. }
            | LineCommand::Read { .. }
            | LineCommand::PostCheck { .. }
            | LineCommand::Initialise
            | LineCommand::Close { .. } => None,
        };
        let Some(command) = command else {
            let _gone = tell.send(Err(LineError::Unsupported));
            return;
        };
        state.next_own += 1;
        let due = Instant::now() + self.rules.within;
        state.waiting.push_back(Waiting { command, tell, due, given_at: None });
        drop(state);
        self.mailbox.changed.notify_waiters();
    }

    async fn tell(&self, event: LineEvent) {
        let line = Intake::Line {
            terminal: self.terminal,
            at: (self.clock)(),
            remote: self.remote.to_string(),
            event,
        };
        // A pipeline that is gone has nobody to tell.
        let _stopped = self.intake.send(line).await;
    }
}
