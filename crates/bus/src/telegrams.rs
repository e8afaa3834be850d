//! From sessions to the telegram log. Bounded; when it is full the telegram is dropped and counted:
//! the log may lose, intake may not wait for it.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use domain::id::TerminalId;
use domain::telegram::{Telegram, TelegramLevel};
use tokio::sync::mpsc;

use crate::Counters;

/// The sessions' end.
#[derive(Debug, Clone)]
pub struct TelegramSink {
    queue: mpsc::Sender<Telegram>,
    counters: Arc<Counters>,
    default: TelegramLevel,
    decided: Arc<Decided>,
}

/// What somebody decided about single terminals while the process runs.
#[derive(Debug, Default)]
struct Decided {
    /// Nearly always nothing is decided; then no lock is taken.
    any: AtomicBool,
    levels: RwLock<HashMap<TerminalId, TelegramLevel>>,
}

/// The writer's end.
pub type TelegramReceiver = mpsc::Receiver<Telegram>;

impl TelegramSink {
    /// A queue of at most `bound` telegrams, which keeps all.
    #[must_use]
    pub fn bounded(bound: usize, counters: Arc<Counters>) -> (Self, TelegramReceiver) {
        let (queue, rx) = mpsc::channel(bound);
        (Self { queue, counters, default: TelegramLevel::All, decided: Arc::default() }, rx)
    }

    /// The same queue for a door that keeps `level` of terminals about which nothing was decided.
    #[must_use]
    pub fn with_default(self, level: TelegramLevel) -> Self {
        Self { default: level, ..self }
    }

    /// Decides what is kept of `terminal` from now on; `None` goes back to the door's level.
    pub fn decide(&self, terminal: TerminalId, level: Option<TelegramLevel>) {
        let mut levels = self.decided.levels.write().unwrap_or_else(PoisonError::into_inner);
        match level {
            Some(level) => levels.insert(terminal, level),
            None => levels.remove(&terminal),
        };
        self.decided.any.store(!levels.is_empty(), Ordering::Release);
    }

    /// Whether a telegram of `terminal` is kept, so that nobody copies bytes for nothing.
    #[must_use]
    pub fn wants(&self, terminal: Option<TerminalId>, refused: bool) -> bool {
        let decided = terminal.filter(|_| self.decided.any.load(Ordering::Acquire)).and_then(|terminal| {
            self.decided.levels.read().unwrap_or_else(PoisonError::into_inner).get(&terminal).copied()
        });
        decided.unwrap_or(self.default).keeps(refused)
    }

    /// Keeps `telegram` if it is wanted and there is room, else counts the loss.
    pub fn keep(&self, telegram: Telegram) {
        if self.wants(telegram.terminal, telegram.refused.is_some()) && self.queue.try_send(telegram).is_err()
        {
            self.counters.telegrams_dropped.add_one();
        }
    }

    /// How many telegrams wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.queue.max_capacity() - self.queue.capacity()
    }

    /// Whether nothing waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The bound.
    #[must_use]
    pub fn bound(&self) -> usize {
        self.queue.max_capacity()
    }
}
