//! The dispatcher brings commands to devices. What it works on is in the store, never only in memory: it looks at the
//! open commands whenever one was made, a line was opened, a worker is done or a deadline has come, and gives each line
//! that is open at most one worker.
//!
//! A command is written down as sent before it is handed to the line. So a process that dies in between finds it as
//! sent, and a command that does harm when carried out twice is looked at, never sent again.

mod unfollowed;
mod worker;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use bus::{Directory, LiveHub, LiveKind, Sessions};
use domain::access::Scope;
use domain::command::{Event, State, apply};
use domain::hazard::{Hazard, Severity};
use domain::id::{CommandId, DetectorId, TerminalId};
use domain::reading::Reported;
use domain::time::UnixMs;
use store::alarms::AlarmFilter;
use store::commands::{CommandRow, CommandStep, OpenCommand};
use store::{Actor, Store, StoreError};
use tokio::sync::{Notify, mpsc, oneshot};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::memory::Memory;
use crate::partition::Command as PartitionCommand;
pub(crate) use unfollowed::Unfollowed;

/// Lines that are worked on at the same time.
const LINES_AT_ONCE: usize = 64;
/// How long to wait after the store could not be read or written, ms.
const RETRY_MS: i64 = 1_000;

/// What the dispatcher is connected to.
#[derive(Debug, Clone)]
pub(crate) struct Links {
    pub(crate) store: Store,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) memory: Arc<Memory>,
    pub(crate) directory: Arc<Directory>,
    pub(crate) sessions: Arc<Sessions>,
    pub(crate) live: Arc<LiveHub>,
    /// Breakers that did not follow.
    pub(crate) unfollowed: Unfollowed,
    /// Weak, so that the partition ends when the engine is gone.
    pub(crate) partition: mpsc::WeakSender<PartitionCommand>,
}

/// Works until `stop`; then the workers end at their next step.
pub(crate) async fn run(links: Links, wake: Arc<Notify>, stop: CancellationToken) {
    while let Err(error) = links.recover().await {
        tracing::error!(%error, "commands that were out when the process ended cannot be read; tried again");
        if !links.pause(&stop).await {
            return;
        }
    }
    let mut workers: JoinSet<TerminalId> = JoinSet::new();
    let mut busy: HashSet<TerminalId> = HashSet::new();
    loop {
        let due = match links.look(&mut workers, &mut busy, &stop).await {
            Ok(due) => due,
            Err(error) => {
                tracing::warn!(%error, "open commands cannot be read; tried again");
                Some(links.clock.now().plus_ms(RETRY_MS))
            }
        };
        tokio::select! {
            biased;
            () = stop.cancelled() => break,
            Some(done) = workers.join_next() => match done {
                Ok(terminal) => { busy.remove(&terminal); }
                // Which one it was cannot be told; all lines are looked at anew, the store knows what is out.
                Err(error) => {
                    tracing::error!(%error, "a worker of the dispatcher broke down");
                    workers.shutdown().await;
                    busy.clear();
                }
            },
            () = wake.notified() => {}
            () = links.sessions.opened() => {}
            () = async { match due { Some(at) => links.clock.reached(at).await, None => std::future::pending().await } } => {}
        }
    }
    while workers.join_next().await.is_some() {}
}

impl Links {
    /// Waits after a failure; `false` when the process stops first.
    async fn pause(&self, stop: &CancellationToken) -> bool {
        let until = self.clock.now().plus_ms(RETRY_MS);
        tokio::select! {
            biased;
            () = stop.cancelled() => false,
            () = self.clock.reached(until) => true,
        }
    }

    /// What was out when the process ended: sent again where that does no harm, looked at where it might have.
    async fn recover(&self) -> Result<(), StoreError> {
        let out: Vec<CommandId> = self
            .store
            .commands()
            .open()
            .await?
            .into_iter()
            .filter(|open| matches!(open.state, State::Sent | State::Acknowledged { .. }))
            .map(|open| open.id)
            .collect();
        for id in out {
            let row = self.store.commands().get(&Scope::platform(), id).await?;
            self.advance(&row, Event::Restarted, Words::default()).await?;
        }
        for id in self.store.commands().last_switched().await? {
            let row = self.store.commands().get(&Scope::platform(), id).await?;
            self.note(&row);
            // The step that told of a breaker that did not follow may have been the last thing that was written.
            if row.state != State::Verified && !self.was_told(&row).await? {
                self.report(row.detector_id, true).await;
            }
        }
        Ok(())
    }

    /// Whether the desk has had the fault of this command, and it is over: a value or a person has ended it.
    async fn was_told(&self, row: &CommandRow) -> Result<bool, StoreError> {
        let filter = AlarmFilter {
            detector: Some(row.detector_id),
            hazards: vec![Hazard::SwitchFailed],
            ..AlarmFilter::default()
        };
        let newest = self.store.alarms().export(&Scope::platform(), &filter, 1).await?;
        let ended = newest.first().and_then(|alarm| alarm.returned_at.or(alarm.closed_at));
        Ok(ended.is_some_and(|at| at >= row.changed_at))
    }

    /// Watches the breaker of a switching command that came to its end, or watches it no longer.
    fn note(&self, row: &CommandRow) {
        let known = self.memory.detector(row.detector_id);
        let profile = known.and_then(|known| self.directory.profile(&known.profile_id));
        self.unfollowed.note(row, profile.as_deref());
    }

    /// Looks at every open command once. Returns when to look again without being woken.
    async fn look(
        &self,
        workers: &mut JoinSet<TerminalId>,
        busy: &mut HashSet<TerminalId>,
        stop: &CancellationToken,
    ) -> Result<Option<UnixMs>, StoreError> {
        for detector in self.unfollowed.take_moved(&self.memory) {
            self.report(detector, false).await;
        }
        let now = self.clock.now();
        let mut due = self.unfollowed.any().then(|| now.plus_ms(unfollowed::EVERY_MS));
        let mut next: HashMap<TerminalId, CommandId> = HashMap::new();
        let mut over = Vec::new();
        for open in self.store.commands().open().await? {
            let OpenCommand { id, terminal_id, state, expires_at } = open;
            let deadline = match state {
                State::AwaitingApproval | State::Queued => Some(expires_at),
                State::Acknowledged { verify_by } | State::OutcomeUnknown { verify_by } => verify_by,
                State::Sent
                | State::Verified
                | State::NotVerified
                | State::Refused
                | State::Failed
                | State::Expired
                | State::Cancelled => None,
            };
            if busy.contains(&terminal_id) {
                continue;
            }
            if deadline.is_some_and(|at| at <= now) {
                over.push(id);
                continue;
            }
            due = [due, deadline].into_iter().flatten().min();
            let can_work = match state {
                State::Queued | State::Acknowledged { .. } | State::OutcomeUnknown { .. } => true,
                State::AwaitingApproval
                | State::Sent
                | State::Verified
                | State::NotVerified
                | State::Refused
                | State::Failed
                | State::Expired
                | State::Cancelled => false,
            };
            if can_work && self.sessions.is_open(terminal_id) {
                next.entry(terminal_id).or_insert(id);
            }
        }
        for id in over {
            let row = self.store.commands().get(&Scope::platform(), id).await?;
            self.advance(&row, Event::TimePassed, Words::default()).await?;
        }
        let mut next: Vec<(CommandId, TerminalId)> = next.into_iter().map(|(line, id)| (id, line)).collect();
        next.sort_unstable();
        for (id, terminal) in next {
            if workers.len() >= LINES_AT_ONCE {
                break;
            }
            busy.insert(terminal);
            let (links, stop) = (self.clone(), stop.clone());
            workers.spawn(async move {
                if let Err(error) = worker::work(&links, id, &stop).await {
                    tracing::warn!(%error, command = id.0, "a command could not be moved on; tried again");
                    links.pause(&stop).await;
                }
                terminal
            });
        }
        Ok(due)
    }

    /// Takes a command one step further, tells who watches, and raises or ends the fault of a breaker that did not
    /// follow. `None` when nothing came of it.
    async fn advance(
        &self,
        row: &CommandRow,
        event: Event,
        words: Words<'_>,
    ) -> Result<Option<CommandRow>, StoreError> {
        let now = self.clock.now();
        let step = match apply(row.life(), &row.terms(), event, now) {
            Ok(Some(step)) => step,
            Ok(None) => return Ok(None),
            Err(not_now) => {
                tracing::debug!(command = row.id.0, ?event, %not_now, "a command has moved on");
                return Ok(None);
            }
        };
        let audit = (row.kind.switches() && !step.life.state.is_open()).then_some("command.end");
        let system = Actor::system();
        let written = CommandStep {
            id: row.id,
            from: row.life(),
            step,
            detail: words.detail,
            result: words.result,
            actor: words.actor.unwrap_or(&system),
            approved_by: None,
            audit,
        };
        let moved = self.store.commands().step(now, &[written]).await?.pop();
        if let Some(moved) = &moved {
            publish(&self.live, moved);
            if moved.kind.switches() {
                match moved.state {
                    State::Verified => {
                        self.note(moved);
                        self.report(moved.detector_id, false).await;
                    }
                    State::NotVerified | State::OutcomeUnknown { verify_by: None } => {
                        self.note(moved);
                        self.report(moved.detector_id, true).await;
                    }
                    State::OutcomeUnknown { verify_by: Some(_) }
                    | State::AwaitingApproval
                    | State::Queued
                    | State::Sent
                    | State::Acknowledged { .. }
                    | State::Refused
                    | State::Failed
                    | State::Expired
                    | State::Cancelled => {}
                }
            }
        }
        Ok(moved)
    }

    /// Tells the pipeline whether a detector's breaker has not followed.
    async fn report(&self, detector: DetectorId, failed: bool) {
        let severity = failed.then_some(Severity::Fault);
        let reported = Reported { point: None, hazard: Hazard::SwitchFailed, severity };
        let (reply, done) = oneshot::channel();
        let Some(partition) = self.partition.upgrade() else { return };
        if partition.send(PartitionCommand::Report { detector, reported, reply }).await.is_err()
            || done.await.is_err()
        {
            // Told again after the next start.
            tracing::error!(
                detector = detector.0,
                failed,
                "the state of a breaker could not be told to the pipeline"
            );
        }
    }
}

/// What is written with a step beside the step.
#[derive(Debug, Clone, Copy, Default)]
struct Words<'a> {
    detail: &'a str,
    result: Option<&'a str>,
    actor: Option<&'a Actor>,
}

/// Tells who watches that a command was made or moved on.
pub(crate) fn publish(live: &LiveHub, row: &CommandRow) {
    let kind = LiveKind::Command { command: row.id, detector: row.detector_id, site: row.site_id };
    live.publish(Some(row.organisation_path.clone()), Some(row.area_code.clone()), kind);
}
