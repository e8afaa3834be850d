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
    /// It may go through to this address later: too many messages to one number, a full mailbox. The provider works.
    AddressBusy {
        /// How long the provider asked to wait, in ms.
        after_ms: Option<i64>,
        /// What was had.
        detail: String,
    },
    /// The provider works and cannot reach this address: no such number, on its list of those who want nothing.
    AddressRefused {
        /// What the provider said.
        detail: String,
    },
    /// The address is no more (a push subscription that the browser gave up).
    Gone {
        /// What the provider said.
        detail: String,
    },
}

impl Outcome {
    /// Whether it tells how the provider does, rather than one address.
    #[must_use]
    pub const fn is_about_the_provider(&self) -> bool {
        match self {
            Self::Accepted { .. } | Self::TryAgain { .. } | Self::Refused { .. } => true,
            Self::AddressBusy { .. } | Self::AddressRefused { .. } | Self::Gone { .. } => false,
        }
    }
}
