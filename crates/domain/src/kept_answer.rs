//! The answer to a message with an idempotency key, kept so that the same message gets the same answer again.

use crate::id::TerminalId;
use crate::time::UnixMs;

/// What was answered to a message, written in the transaction of its readings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptAnswer {
    /// Whose message it was.
    pub terminal: TerminalId,
    /// The key that the terminal gave it.
    pub key: String,
    /// SHA-256 of the message: the same key for another message is a mistake.
    pub digest: [u8; 32],
    /// The answer, JSON.
    pub answer: String,
    /// When, server's clock.
    pub at: UnixMs,
}
