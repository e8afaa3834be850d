//! A signed HTTPS request to a system of the customer. Described for its receiver in
//! `docs/notification-media.md`.

use serde::{Deserialize, Serialize};

use crate::Secret;
use crate::check::Check;

/// Where the request goes, and the key of its signature.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Webhook {
    /// Where to post.
    pub url: String,
    /// The key of the HMAC-SHA-256 in the header.
    pub secret: Secret,
}

impl Webhook {
    pub(crate) fn check(&self, check: &mut Check) {
        check.url("url", &self.url);
        check.secret("secret", &self.secret);
    }
}
