//! What came of one attempt.

/// What the provider said, or why it said nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The provider took it.
    Accepted {
        /// The provider's number of it, for the receipt that comes later.
        reference: Option<String>,
    },
    /// It may go through later: no connection, time-out, 429, 5xx.
    TryAgain {
        /// How long the provider asked to wait, in ms.
        after_ms: Option<i64>,
        /// What was had.
        detail: String,
    },
    /// The same again would be refused again: wrong key, wrong template, wrong number.
    Refused {
        /// What the provider said.
        detail: String,
    },
    /// The address is no more (a push subscription that the browser gave up).
    Gone {
        /// What the provider said.
        detail: String,
    },
}
