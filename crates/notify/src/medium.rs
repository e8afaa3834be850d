//! The ways to reach people, as they are set up. Field names are stored and go over the API.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A value that is never printed.
#[derive(Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Secret(pub String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_empty() { "Secret(not set)" } else { "Secret(set)" })
    }
}

/// One way to reach people, with what is needed to use it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Medium {
    /// A signed HTTPS request to a system of the customer.
    Webhook {
        /// Where to post.
        url: String,
        /// The key of the HMAC-SHA-256 in the header.
        secret: Secret,
    },
}

/// The kinds of [`Medium`], as they are named in the database and the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MediumKind {
    /// [`Medium::Webhook`].
    Webhook,
}
