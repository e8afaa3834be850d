//! Unknown terminals become pending ones. They are many, unasked and perhaps hostile: calls of one serial number are
//! drawn together, one write a second is all they get, and how many are remembered in between is bounded.

use std::collections::HashMap;
use std::sync::Arc;

use bus::intake::UnknownTerminal;
use bus::{Directory, LiveHub, LiveKind};
use domain::place::Protocol;
use store::Store;
use store::terminals::UnknownSeen;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;

/// Terminals remembered between two writes.
const MOST: usize = 500;
/// Unknown terminals that one transaction writes.
const AT_ONCE: usize = 20;

/// Time between two writes, ms.
const EVERY_MS: i64 = 1_000;

pub(crate) async fn register_unknown(
    store: Store,
    clock: Arc<dyn Clock>,
    directory: Arc<Directory>,
    live: Arc<LiveHub>,
    mut queue: mpsc::Receiver<UnknownTerminal>,
    stop: CancellationToken,
) {
    let mut seen: HashMap<(Protocol, String), UnknownSeen> = HashMap::new();
    let mut written_at = None;
    loop {
        let due = if seen.is_empty() {
            None
        } else {
            Some(written_at.map_or_else(|| clock.now(), |at: domain::time::UnixMs| at.plus_ms(EVERY_MS)))
        };
        tokio::select! {
            biased;
            () = stop.cancelled() => return,
            unknown = queue.recv() => match unknown {
                Some(unknown) => {
                    let key = (unknown.protocol, unknown.serial.clone());
                    if seen.len() < MOST || seen.contains_key(&key) {
                        merge(&mut seen, key, unknown, &directory);
                    }
                    // Whoever waits already is drawn together before the clock is looked at.
                    if !queue.is_empty() {
                        continue;
                    }
                }
                None => return,
            },
            () = async { match due { Some(at) => clock.reached(at).await, None => std::future::pending().await } } => {}
        }
        let now = clock.now();
        if seen.is_empty() || written_at.is_some_and(|at| now < at.plus_ms(EVERY_MS)) {
            continue;
        }
        written_at = Some(now);
        let batch: Vec<UnknownSeen> = seen.drain().map(|(_, seen)| seen).collect();
        // In small transactions: readings of those who are known must not wait behind a flood of invented serials.
        for some in batch.chunks(AT_ONCE) {
            match store.terminals().seen_unknown(some).await {
                Ok(kept) => {
                    for one in kept.iter().filter(|one| one.new) {
                        if let Ok(entry) = store.terminals().entry(one.terminal).await {
                            directory.put_terminal(entry);
                        }
                    }
                    live.publish(None, None, LiveKind::Pending);
                }
                Err(error) => {
                    tracing::warn!(%error, terminals = some.len(), "unknown terminals were not kept")
                }
            }
        }
    }
}

fn merge(
    seen: &mut HashMap<(Protocol, String), UnknownSeen>,
    key: (Protocol, String),
    unknown: UnknownTerminal,
    directory: &Directory,
) {
    let ignored = seen.get(&key).map_or(0, |known| known.readings_ignored);
    let hint = hint(directory, unknown.protocol);
    let one = UnknownSeen {
        serial: unknown.serial,
        protocol: unknown.protocol,
        iccid: unknown.iccid,
        signal: unknown.signal,
        firmware: unknown.firmware,
        remote: unknown.remote,
        at: unknown.at,
        readings_ignored: ignored.saturating_add(unknown.readings_ignored),
        hint_profile_id: hint,
    };
    seen.insert(key, one);
}

/// The one profile that speaks the protocol, where there is only one.
fn hint(directory: &Directory, protocol: Protocol) -> Option<String> {
    let mut fitting = directory.profiles().into_iter().filter(|profile| profile.protocol == protocol);
    match (fitting.next(), fitting.next()) {
        (Some(only), None) => Some(only.id.clone()),
        (None | Some(_), _) => None,
    }
}
