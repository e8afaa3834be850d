//! Why the engine did not do what was asked.

use domain::alarm::Refusal;
use domain::command::Interlock;
use domain::profile::{ProfileError, StorageBreak};
use domain::settings::FieldError;
use store::StoreError;

/// Why the engine did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The store did not.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The alarm's state does not allow it.
    #[error("{0}")]
    Refused(#[from] Refusal),
    /// Fields that cannot be like this.
    #[error("{} field(s) cannot be like this", .0.len())]
    Invalid(Vec<FieldError>),
    /// There is no profile with this id.
    #[error("no profile {0:?}")]
    UnknownProfile(String),
    /// A command cannot be made, or not now.
    #[error(transparent)]
    Command(#[from] CommandRefusal),
    /// The text is no profile.
    #[error(transparent)]
    Profile(#[from] ProfileError),
    /// The profile would break what detectors in use store.
    #[error("the profile would break what detectors in use store in {} way(s)", .0.len())]
    Breaks(Vec<StorageBreak>),
    /// The process is stopping.
    #[error("the pipeline has stopped")]
    Stopped,
}

impl EngineError {
    /// Whether the same call can succeed later without anybody changing it.
    #[must_use]
    pub const fn is_transient(&self) -> bool {
        match self {
            Self::Store(error) => error.is_transient(),
            Self::Stopped => true,
            Self::Refused(_)
            | Self::Invalid(_)
            | Self::UnknownProfile(_)
            | Self::Command(_)
            | Self::Profile(_)
            | Self::Breaks(_) => false,
        }
    }
}

/// Why a command cannot be made or moved on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CommandRefusal {
    /// What hangs on the circuit is never switched from afar.
    #[error("the circuit feeds {}, which is never switched from afar", .0.code())]
    Interlocked(Interlock),
    /// It has been sent, or is over: it cannot be taken back.
    #[error("the command is {0}; it can be taken back only before it is sent")]
    NotCancellable(&'static str),
    /// It does not wait for a second person.
    #[error("the command is {0}; it does not wait for a second person")]
    NotWaiting(&'static str),
    /// The second person must be another one.
    #[error("the second person must be another one than who asked")]
    SamePerson,
}
