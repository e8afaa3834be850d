//! Who did it.

use domain::id::{TokenId, UserId};
use serde::{Deserialize, Serialize};

/// What kind of somebody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ActorKind {
    /// A person who is signed in.
    User(UserId),
    /// A program with an API token.
    Token(TokenId),
    /// The platform itself: the pipeline, a job, the operator at the server's console.
    System,
    /// The device, in an alarm's transitions.
    Device,
}

impl ActorKind {
    /// The stable name used in the API and the database.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::User(_) => "user",
            Self::Token(_) => "token",
            Self::System => "system",
            Self::Device => "device",
        }
    }

    /// The id that belongs to the kind.
    #[must_use]
    pub const fn id(self) -> Option<i64> {
        match self {
            Self::User(id) => Some(id.0),
            Self::Token(id) => Some(id.0),
            Self::System | Self::Device => None,
        }
    }

    pub(crate) fn from_parts(code: &str, id: Option<i64>) -> Option<Self> {
        match (code, id) {
            ("user", Some(id)) => Some(Self::User(UserId(id))),
            ("token", Some(id)) => Some(Self::Token(TokenId(id))),
            ("system", None) => Some(Self::System),
            ("device", None) => Some(Self::Device),
            _ => None,
        }
    }
}

/// Who makes a change; goes into the audit entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    /// Which somebody.
    pub kind: ActorKind,
    /// Their name at that time.
    pub name: String,
    /// The address that the request came from; empty for the platform itself.
    pub remote: String,
}

impl Actor {
    /// The platform itself.
    #[must_use]
    pub fn system() -> Self {
        Self { kind: ActorKind::System, name: "system".to_owned(), remote: String::new() }
    }
}
