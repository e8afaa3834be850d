//! Answers that were given, for doors whose messages may carry an idempotency key.

use std::fmt::Debug;
use std::pin::Pin;

use domain::id::TerminalId;
use domain::kept_answer::KeptAnswer;

/// The book cannot be read now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the answers given cannot be read")]
pub struct BookUnavailable;

/// An answer that is being looked up.
pub type Looking<'a> = Pin<Box<dyn Future<Output = Result<Option<KeptAnswer>, BookUnavailable>> + Send + 'a>>;

/// Where committed answers can be found again. They get there with the readings that they confirm
/// ([`Confirm::with_answer`](crate::Confirm::with_answer)).
pub trait AnswerBook: Debug + Send + Sync {
    /// The answer that `terminal` was given to the message with this key.
    fn find<'a>(&'a self, terminal: TerminalId, key: &'a str) -> Looking<'a>;
}

/// A book without answers, where no message carries a key.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoAnswers;

impl AnswerBook for NoAnswers {
    fn find<'a>(&'a self, _terminal: TerminalId, _key: &'a str) -> Looking<'a> {
        Box::pin(std::future::ready(Ok(None)))
    }
}
