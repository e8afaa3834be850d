//! What is kept of sessions between connections: subscriptions, the ids of messages that were taken exactly once, and
//! the settings that a device shall have. In memory: after a restart of the process a client hears "no session" and
//! begins anew, as the standard has it.
//!
//! Commands are not kept. A command that the device did not take in its time must not reach it later: nobody would
//! expect a trip ordered an hour ago.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Mutex, PoisonError};

use domain::id::TerminalId;
use mqtt_protocol_core::mqtt::packet::Qos;

/// The most subscriptions of one session.
pub(crate) const MAX_SUBSCRIPTIONS: usize = 16;
/// The most settings in one shadow, and how long it may be, bytes.
const MAX_SETTINGS: usize = 64;
const MAX_SHADOW_BYTES: usize = 4_096;

/// A session between its connections.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Kept {
    pub(crate) subscriptions: Vec<(String, Qos)>,
    /// Ids of messages of exactly once that are on disk and not yet released by the client.
    pub(crate) taken: HashSet<u16>,
}

#[derive(Debug)]
struct Entry {
    client_id: String,
    kept: Kept,
    until_ms: u64,
}

/// Which connection of a terminal it is: only the newest may keep a session. One that closes slowly, after its client
/// has come back, has nothing more to say about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Turn(u64);

#[derive(Debug, Default)]
struct Sessions {
    kept: HashMap<TerminalId, Entry>,
    /// Of the terminals that are connected.
    newest: HashMap<TerminalId, Turn>,
    turns: u64,
}

/// Settings by name; the value is JSON text.
type Settings = BTreeMap<String, String>;

/// The sessions that are kept.
#[derive(Debug)]
pub(crate) struct Shelf {
    max: usize,
    sessions: Mutex<Sessions>,
    shadows: Mutex<HashMap<TerminalId, Settings>>,
}

impl Shelf {
    pub(crate) fn new(max: usize) -> Self {
        Self { max, sessions: Mutex::default(), shadows: Mutex::default() }
    }

    /// A connection of `client_id` begins and takes the session down; `None` where nothing is kept. Another client's
    /// session is forgotten.
    pub(crate) fn take(&self, terminal: TerminalId, client_id: &str, now_ms: u64) -> (Turn, Option<Kept>) {
        let mut sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        sessions.turns += 1;
        let turn = Turn(sessions.turns);
        sessions.newest.insert(terminal, turn);
        let entry = sessions.kept.remove(&terminal);
        let own = entry.filter(|entry| entry.client_id == client_id && entry.until_ms > now_ms);
        (turn, own.map(|entry| entry.kept))
    }

    /// The connection has ended; its session is kept until `until_ms` unless a newer one has begun. When the shelf is
    /// full, those that ran out go; else this one is not kept.
    pub(crate) fn put(
        &self,
        terminal: TerminalId,
        turn: Turn,
        client_id: &str,
        kept: Kept,
        until_ms: u64,
        now_ms: u64,
    ) {
        let mut sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        if sessions.newest.get(&terminal) != Some(&turn) {
            return;
        }
        sessions.newest.remove(&terminal);
        if until_ms <= now_ms {
            return;
        }
        if sessions.kept.len() >= self.max {
            sessions.kept.retain(|_, entry| entry.until_ms > now_ms);
            if sessions.kept.len() >= self.max {
                return;
            }
        }
        sessions.kept.insert(terminal, Entry { client_id: client_id.to_owned(), kept, until_ms });
    }

    /// Lays one setting into the device's shadow and returns the whole; `None` where it would grow too long.
    pub(crate) fn set(&self, terminal: TerminalId, name: &str, value: &str) -> Option<String> {
        let mut shadows = self.shadows.lock().unwrap_or_else(PoisonError::into_inner);
        let settings = shadows.entry(terminal).or_default();
        let mut changed = settings.clone();
        changed.insert(name.to_owned(), value.to_owned());
        let text = written(&changed);
        if changed.len() > MAX_SETTINGS || text.len() > MAX_SHADOW_BYTES {
            return None;
        }
        *settings = changed;
        Some(text)
    }

    /// The device's shadow, where it has one.
    pub(crate) fn shadow(&self, terminal: TerminalId) -> Option<String> {
        let shadows = self.shadows.lock().unwrap_or_else(PoisonError::into_inner);
        shadows.get(&terminal).filter(|settings| !settings.is_empty()).map(written)
    }
}

fn written(settings: &Settings) -> String {
    let members: Vec<String> = settings
        .iter()
        .map(|(name, value)| {
            let value = if value.trim().is_empty() { "null" } else { value };
            format!("{}:{value}", serde_json::Value::from(name.as_str()))
        })
        .collect();
    format!("{{\"v\":1,\"desired\":{{{}}}}}", members.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: TerminalId = TerminalId(1);

    fn kept() -> Kept {
        Kept { subscriptions: vec![("a".to_owned(), Qos::AtLeastOnce)], taken: HashSet::from([7]) }
    }

    /// A connection comes and goes.
    fn put(shelf: &Shelf, terminal: TerminalId, until_ms: u64, now_ms: u64) {
        let (turn, _) = shelf.take(terminal, "c", now_ms);
        shelf.put(terminal, turn, "c", kept(), until_ms, now_ms);
    }

    #[test]
    fn a_session_is_found_again_by_its_client_and_only_in_its_time() {
        let shelf = Shelf::new(10);
        put(&shelf, ONE, 1_000, 0);
        assert_eq!(shelf.take(ONE, "c", 500).1, Some(kept()));
        assert_eq!(shelf.take(ONE, "c", 500).1, None, "it was taken down");
        put(&shelf, ONE, 1_000, 0);
        assert_eq!(shelf.take(ONE, "other", 500).1, None);
        put(&shelf, ONE, 1_000, 0);
        assert_eq!(shelf.take(ONE, "c", 1_000).1, None);
        put(&shelf, ONE, 0, 0);
        assert_eq!(shelf.take(ONE, "c", 0).1, None, "not wanted any longer");
    }

    #[test]
    fn who_closes_after_the_client_has_come_back_keeps_nothing() {
        let shelf = Shelf::new(10);
        let (old, _) = shelf.take(ONE, "c", 0);
        let (new, found) = shelf.take(ONE, "c", 0);
        assert_eq!(found, None);
        shelf.put(ONE, old, "c", kept(), 1_000, 0);
        shelf.put(ONE, new, "c", Kept::default(), 1_000, 0);
        assert_eq!(shelf.take(ONE, "c", 0).1, Some(Kept::default()));
    }

    #[test]
    fn a_full_shelf_lets_go_of_what_ran_out_and_takes_no_more() {
        let shelf = Shelf::new(2);
        put(&shelf, TerminalId(1), 100, 0);
        put(&shelf, TerminalId(2), 1_000, 0);
        put(&shelf, TerminalId(3), 1_000, 0);
        assert_eq!(shelf.take(TerminalId(3), "c", 0).1, None);
        put(&shelf, TerminalId(3), 1_000, 200);
        assert_eq!(shelf.take(TerminalId(3), "c", 200).1, Some(kept()));
    }

    #[test]
    fn a_shadow_is_json_and_bounded() {
        let shelf = Shelf::new(2);
        assert_eq!(shelf.shadow(ONE), None);
        shelf.set(ONE, "period", "30").unwrap();
        let text = shelf.set(ONE, "set", r#"{"residual_alarm_ma":300}"#).unwrap();
        let read: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(
            read,
            serde_json::json!({"v": 1, "desired": {"period": 30, "set": {"residual_alarm_ma": 300}}})
        );
        assert_eq!(shelf.set(ONE, "long", &format!("\"{}\"", "x".repeat(5_000))), None);
        assert_eq!(shelf.shadow(ONE).unwrap(), text, "as it was");
    }
}
