//! What is kept of the bytes on the lines.

use std::net::SocketAddr;

use bus::TelegramSink;
use domain::id::TerminalId;
use domain::telegram::{Refused, Telegram, TelegramDirection};
use domain::time::UnixMs;

use crate::config::TelegramLevel;

/// Longer telegrams are cut, bytes.
pub(crate) const KEPT_BYTES: usize = 1_024;

/// On whose line bytes went.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Whose {
    pub(crate) terminal: Option<TerminalId>,
    pub(crate) remote: SocketAddr,
    pub(crate) protocol: &'static str,
}

/// The sessions' way to the telegram log.
#[derive(Debug, Clone)]
pub(crate) struct TelegramLog {
    sink: TelegramSink,
}

impl TelegramLog {
    pub(crate) fn new(sink: TelegramSink, level: TelegramLevel) -> Self {
        Self { sink: sink.with_default(level) }
    }

    /// Whether the level says that a telegram is kept, so that nobody puts it together for nothing.
    pub(crate) fn wants(&self, terminal: Option<TerminalId>, refused: bool) -> bool {
        self.sink.wants(terminal, refused)
    }

    /// Keeps bytes if the level says so. Never waits.
    pub(crate) fn keep(
        &self,
        whose: Whose,
        direction: TelegramDirection,
        bytes: &[u8],
        refused: Option<Refused>,
        at: UnixMs,
    ) {
        if self.sink.wants(whose.terminal, refused.is_some()) {
            self.sink.keep(Telegram {
                terminal: whose.terminal,
                remote: whose.remote.to_string(),
                at,
                direction,
                protocol: whose.protocol.to_owned(),
                bytes: bytes.get(..KEPT_BYTES).unwrap_or(bytes).to_vec(),
                refused,
            });
        }
    }
}
