//! The devices heard through the broker, each with its line: a device that was heard may be commanded, until it has
//! been silent for longer than any session of the own door may be, speaks for itself there, or the broker is lost.

use std::collections::{HashMap, VecDeque};
use std::future::Future;
use std::pin::Pin;

use bus::sessions::LineRequest;
use bus::{LineAnswer, LineError, SessionInfo};
use domain::id::TerminalId;
use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use tokio::sync::{mpsc, oneshot};

use crate::mqtt::connection::Gate;
use crate::mqtt::conversation::Conversation;

/// Devices that may be on the line at once; more are heard and cannot be commanded.
const MAX_TALKS: usize = 100_000;

/// The line of one device.
pub(super) struct Talk {
    pub(super) conversation: Conversation,
    number: u64,
    heard_ms: u64,
    /// Who waits for the answer to the command on the line.
    answer: Option<oneshot::Sender<Result<LineAnswer, LineError>>>,
}

impl Talk {
    /// The command on the line has come to this.
    pub(super) fn settle(&mut self, result: Result<LineAnswer, LineError>) {
        if let Some(waiting) = self.answer.take() {
            let _gone = waiting.send(result);
        }
    }
}

/// What a line was asked, and by which of the terminal's lines; `None`: somebody else speaks for the terminal now.
type Next = (TerminalId, u64, Option<LineRequest>, mpsc::Receiver<LineRequest>);

/// All of them.
#[derive(Default)]
pub(super) struct Talks {
    by_terminal: HashMap<TerminalId, Talk>,
    requests: FuturesUnordered<Pin<Box<dyn Future<Output = Next> + Send + Sync>>>,
    /// Commands on lines, the earliest deadline first: all have the same time.
    due: VecDeque<(u64, TerminalId)>,
}

impl Talks {
    /// The talk with a terminal, where there is one.
    pub(super) fn get_mut(&mut self, terminal: TerminalId) -> Option<&mut Talk> {
        self.by_terminal.get_mut(&terminal)
    }

    /// Notes that the terminal was heard. Begins its line where it has none: then says who held it before.
    pub(super) fn heard(
        &mut self,
        terminal: TerminalId,
        serial: &str,
        remote: String,
        gate: &Gate,
    ) -> Option<Option<SessionInfo>> {
        let now = gate.now();
        if let Some(talk) = self.by_terminal.get_mut(&terminal) {
            talk.heard_ms = now.mono_ms;
            return None;
        }
        if self.by_terminal.len() >= MAX_TALKS {
            return None;
        }
        // Two places: one is on the line, one is told that the line is busy.
        let (sender, requests) = mpsc::channel(2);
        let info = SessionInfo { remote, connected_at: now.wall };
        let (number, previous) = gate.sessions.open(terminal, info, sender);
        let conversation = Conversation::new(serial.to_owned());
        let talk = Talk { conversation, number, heard_ms: now.mono_ms, answer: None };
        self.by_terminal.insert(terminal, talk);
        self.wait_for(terminal, number, requests);
        Some(previous)
    }

    fn wait_for(&mut self, terminal: TerminalId, number: u64, mut requests: mpsc::Receiver<LineRequest>) {
        self.requests.push(Box::pin(async move { (terminal, number, requests.recv().await, requests) }));
    }

    /// The next request to a line that is ours; `None` with a terminal that somebody else speaks for now.
    pub(super) async fn next_request(&mut self) -> (TerminalId, Option<LineRequest>) {
        loop {
            let Some((terminal, number, request, requests)) = self.requests.next().await else {
                return std::future::pending().await;
            };
            if self.by_terminal.get(&terminal).is_some_and(|talk| talk.number == number) {
                if request.is_some() {
                    self.wait_for(terminal, number, requests);
                }
                return (terminal, request);
            }
        }
    }

    /// A command went out on the line of `terminal`; `answer` hears what it comes to.
    pub(super) fn asked(
        &mut self,
        terminal: TerminalId,
        answer: oneshot::Sender<Result<LineAnswer, LineError>>,
    ) {
        let Some(talk) = self.by_terminal.get_mut(&terminal) else { return };
        talk.answer = Some(answer);
        self.due.extend(talk.conversation.deadline().map(|at| (at, terminal)));
    }

    /// When [`Self::on_time`] has something to do, ms.
    pub(super) fn deadline(&self) -> Option<u64> {
        self.due.front().map(|(at, _)| *at)
    }

    /// Gives up the commands that were not answered in time.
    pub(super) fn on_time(&mut self, gate: &Gate) {
        let now = gate.now();
        while let Some((_, terminal)) = self.due.pop_front_if(|(at, _)| *at <= now.mono_ms) {
            if let Some(talk) = self.by_terminal.get_mut(&terminal)
                && let Some(late) = talk.conversation.on_time(now)
            {
                talk.settle(late);
            }
        }
    }

    /// The terminals that have been silent for longer than `limit_ms`.
    pub(super) fn silent(&self, limit_ms: u64, gate: &Gate) -> Vec<TerminalId> {
        let since = gate.mono_ms().saturating_sub(limit_ms);
        let silent = self.by_terminal.iter().filter(|(_, talk)| talk.heard_ms < since);
        silent.map(|(terminal, _)| *terminal).collect()
    }

    /// Every terminal with a line.
    pub(super) fn all(&self) -> Vec<TerminalId> {
        self.by_terminal.keys().copied().collect()
    }

    /// Ends a line; says whether it was still ours. Whoever waits for an answer learns that the line was lost.
    pub(super) fn end(&mut self, terminal: TerminalId, gate: &Gate) -> bool {
        let talk = self.by_terminal.remove(&terminal);
        talk.is_some_and(|talk| gate.sessions.close(terminal, talk.number))
    }

    /// Ends every line without a word: the process is about to end.
    pub(super) fn drop_all(&mut self, gate: &Gate) {
        for terminal in self.all() {
            let _was_ours = self.end(terminal, gate);
        }
    }
}
