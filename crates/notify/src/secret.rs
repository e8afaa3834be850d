//! Keys and passwords that must not be seen.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A value that is never printed. It is stored as it is and shown as set or not set
/// ([`Medium::redacted`](crate::Medium::redacted)).
#[derive(Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Secret(pub String);

impl Secret {
    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_empty() { "Secret(not set)" } else { "Secret(set)" })
    }
}
