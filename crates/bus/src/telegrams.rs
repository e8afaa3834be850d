//! From sessions to the telegram log. Bounded; when it is full the telegram is dropped and counted:
//! the log may lose, intake may not wait for it.

use std::sync::Arc;

use domain::telegram::Telegram;
use tokio::sync::mpsc;

use crate::Counters;

/// The sessions' end.
#[derive(Debug, Clone)]
pub struct TelegramSink {
    queue: mpsc::Sender<Telegram>,
    counters: Arc<Counters>,
}

/// The writer's end.
pub type TelegramReceiver = mpsc::Receiver<Telegram>;

impl TelegramSink {
    /// A queue of at most `bound` telegrams.
    #[must_use]
    pub fn bounded(bound: usize, counters: Arc<Counters>) -> (Self, TelegramReceiver) {
        let (queue, rx) = mpsc::channel(bound);
        (Self { queue, counters }, rx)
    }

    /// Keeps `telegram` if there is room, else counts the loss.
    pub fn keep(&self, telegram: Telegram) {
        if self.queue.try_send(telegram).is_err() {
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
