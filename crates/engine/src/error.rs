//! Why the engine did not do what was asked.

use domain::alarm::Refusal;
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
            Self::Refused(_) | Self::Invalid(_) | Self::UnknownProfile(_) => false,
        }
    }
}
