//! What ends a file before its end.

use serde::Serialize;
use store::StoreError;
use utoipa::ToSchema;

/// Why a file ended before its end. Its reader sees a connection that breaks off.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    /// The history could not be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Roll-ups this fine are no longer kept for the whole range.
    #[error("steps this fine are no longer kept for the whole range")]
    NotKept,
    /// The table is too large for a workbook.
    #[error("the table has more than {0} cells, too many for a workbook")]
    TooManyCells(u64),
    /// Nobody reads the file any more.
    #[error("the reader is gone")]
    ReaderGone,
    /// The reader took nothing for too long.
    #[error("the reader took nothing for {0} s")]
    ReaderSlow(u64),
    /// The session or token ended meanwhile.
    #[error("the session ended")]
    SessionEnded,
    /// Somebody called it off, or the server stops.
    #[error("called off")]
    Cancelled,
    /// The file could not be written.
    #[error("the file could not be written: {0}")]
    Write(String),
}

/// Why a file is not whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum ExportFailure {
    /// The history could not be read, or the file not be written.
    Defect,
    /// Steps this fine are no longer kept.
    NotKept,
    /// Too large for a workbook: another format, a coarser step or a shorter range helps.
    TooManyCells,
    /// The download was broken off.
    ReaderGone,
    /// The download stood still for too long.
    ReaderSlow,
    /// Whoever asked has been signed out.
    SessionEnded,
    /// Called off.
    Cancelled,
    /// Nobody fetched it.
    NotFetched,
}

impl From<&Failure> for ExportFailure {
    fn from(failure: &Failure) -> Self {
        match failure {
            Failure::Store(_) | Failure::Write(_) => Self::Defect,
            Failure::NotKept => Self::NotKept,
            Failure::TooManyCells(_) => Self::TooManyCells,
            Failure::ReaderGone => Self::ReaderGone,
            Failure::ReaderSlow(_) => Self::ReaderSlow,
            Failure::SessionEnded => Self::SessionEnded,
            Failure::Cancelled => Self::Cancelled,
        }
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self::Write(error.to_string())
    }
}
