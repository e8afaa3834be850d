//! Invariant 7 on the bus: bounded, and what happens when full.

use std::sync::Arc;

use bus::live::Resume;
use bus::{
    Confirm, Counters, Intake, IntakeSender, LineAnswer, LineCommand, LineError, LiveHub, LiveKind, Outcome,
    SessionInfo, Sessions, TelegramSink,
};
use domain::id::TerminalId;
use domain::telegram::{Refused, Telegram, TelegramDirection, TelegramLevel};
use domain::time::UnixMs;
use futures::FutureExt as _;
use tokio::sync::mpsc;

fn telegram() -> Telegram {
    Telegram {
        terminal: None,
        remote: "127.0.0.1:1".into(),
        at: UnixMs(0),
        direction: TelegramDirection::Up,
        protocol: "unknown".into(),
        bytes: vec![1],
        refused: None,
    }
}

fn info(remote: &str) -> SessionInfo {
    SessionInfo { remote: remote.into(), connected_at: UnixMs(0) }
}

fn close() -> LineCommand {
    LineCommand::Close { reason: "test".into() }
}

fn missed(resume: Resume) -> Option<Vec<u64>> {
    match resume {
        Resume::Events(events) => Some(events.iter().map(|event| event.seq).collect()),
        Resume::Gap => None,
    }
}

#[tokio::test]
async fn a_full_intake_makes_the_sender_wait_and_loses_nothing() {
    let (tx, mut rx) = IntakeSender::bounded(1);
    let heard = |n| Intake::Heard { terminal: TerminalId(n), at: UnixMs(0), signal: None, firmware: None };
    tx.send(heard(1)).await.unwrap();
    let mut second = Box::pin(tx.send(heard(2)));
    assert!(second.as_mut().now_or_never().is_none(), "full: the session waits");
    assert_eq!((tx.len(), tx.bound()), (1, 1));
    assert!(rx.recv().await.is_some());
    second.await.unwrap();
    assert!(matches!(rx.recv().await, Some(Intake::Heard { terminal: TerminalId(2), .. })));
}

#[tokio::test]
async fn a_promise_that_is_dropped_is_not_a_confirmation() {
    let (confirm, told) = Confirm::pair();
    drop(confirm);
    assert!(told.await.is_err());
    let (confirm, told) = Confirm::pair();
    confirm.tell(Outcome::Committed);
    assert_eq!(told.await, Ok(Outcome::Committed));
}

#[test]
fn a_full_telegram_log_drops_and_counts() {
    let counters = Arc::new(Counters::default());
    let (sink, _rx) = TelegramSink::bounded(2, Arc::clone(&counters));
    for _ in 0..5 {
        sink.keep(telegram());
    }
    assert_eq!((sink.len(), counters.telegrams_dropped.get()), (2, 3));
}

#[test]
fn a_reader_goes_on_where_it_stopped() {
    let hub = LiveHub::new("boot".into(), 3);
    for _ in 0..2 {
        hub.publish(None, None, LiveKind::Pending);
    }
    assert_eq!(missed(hub.subscribe(None).0), Some(vec![]));
    assert_eq!(missed(hub.subscribe(Some(("boot", 0))).0), Some(vec![1, 2]));
    assert_eq!(missed(hub.subscribe(Some(("boot", 2))).0), Some(vec![]));
}

#[test]
fn a_reader_who_is_too_late_is_told_of_the_gap() {
    let hub = LiveHub::new("boot".into(), 3);
    for _ in 0..5 {
        hub.publish(None, None, LiveKind::Pending);
    }
    assert_eq!(missed(hub.subscribe(Some(("boot", 2))).0), Some(vec![3, 4, 5]), "3 is still kept");
    assert_eq!(missed(hub.subscribe(Some(("boot", 1))).0), None, "2 is not");
    assert_eq!(missed(hub.subscribe(Some(("boot", 9))).0), None, "an id from nowhere");
    assert_eq!(missed(hub.subscribe(Some(("other", 5))).0), None, "another process");
}

#[tokio::test]
async fn the_second_session_takes_the_line_and_the_first_can_not_give_it_up() {
    let sessions = Sessions::default();
    let terminal = TerminalId(7);
    let (first_tx, mut first_rx) = mpsc::channel(1);
    let (first, none) = sessions.open(terminal, info("a"), first_tx);
    assert!(none.is_none());
    let (second_tx, mut second_rx) = mpsc::channel(1);
    let (_second, replaced) = sessions.open(terminal, info("b"), second_tx);
    assert_eq!(replaced.map(|info| info.remote), Some("a".into()));
    assert!(first_rx.recv().await.is_none(), "its queue is dropped: the sign to close");
    assert!(!sessions.close(terminal, first), "the line is the second's");
    assert_eq!(sessions.count(), 1);

    let answer = async {
        let (_command, reply) = second_rx.recv().await.unwrap();
        reply.send(Ok(LineAnswer::Done)).unwrap();
    };
    let (got, ()) = tokio::join!(sessions.request(terminal, close()), answer);
    assert_eq!(got, Ok(LineAnswer::Done));
}

#[tokio::test]
async fn a_command_to_nobody_or_to_a_busy_line_says_so() {
    let sessions = Sessions::default();
    assert_eq!(sessions.request(TerminalId(1), close()).await, Err(LineError::NotConnected));
    let (tx, rx) = mpsc::channel(1);
    sessions.open(TerminalId(1), info("a"), tx);
    let mut waiting = Box::pin(sessions.request(TerminalId(1), close()));
    assert!(waiting.as_mut().now_or_never().is_none());
    assert_eq!(sessions.request(TerminalId(1), close()).await, Err(LineError::Busy));
    drop(rx);
    assert_eq!(waiting.await, Err(LineError::LineLost));
}

#[tokio::test]
async fn what_is_kept_of_one_terminal_can_be_decided_while_it_runs() {
    let counters = Arc::new(Counters::default());
    let (sink, mut log) = TelegramSink::bounded(8, Arc::clone(&counters));
    let door = sink.clone().with_default(TelegramLevel::Refused);
    let of = |terminal, refused: bool| Telegram {
        terminal: Some(TerminalId(terminal)),
        refused: refused.then(|| Refused { reason: "r".into(), clause: "c".into() }),
        ..telegram()
    };
    door.keep(of(1, false));
    door.keep(of(1, true));
    sink.decide(TerminalId(1), Some(TelegramLevel::All));
    sink.decide(TerminalId(2), Some(TelegramLevel::Off));
    door.keep(of(1, false));
    door.keep(of(2, true));
    sink.decide(TerminalId(1), None);
    door.keep(of(1, false));
    let mut kept = Vec::new();
    while let Ok(one) = log.try_recv() {
        kept.push((one.terminal.map(|id| id.0), one.refused.is_some()));
    }
    assert_eq!(kept, [(Some(1), true), (Some(1), false)]);
    assert_eq!(counters.telegrams_dropped.get(), 0, "what is not wanted is not lost");
}
