//! Push to browsers (RFC 8030, RFC 8291, RFC 8292).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use p256::ecdsa::SigningKey;
use serde::{Deserialize, Serialize};

use crate::Secret;
use crate::check::{Check, FieldProblem};

/// The key by which the push services know this platform (VAPID, RFC 8292).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WebPush {
    /// The P-256 scalar, base64url of 32 bytes. Subscriptions belong to it: another key makes them all worthless.
    pub private_key: Secret,
    /// Whom a push service may turn to: `mailto:…` or `https://…`.
    pub subject: String,
}

impl WebPush {
    /// A new key.
    #[must_use]
    pub fn new_key() -> Secret {
        use web_push_native::p256::elliptic_curve::rand_core::OsRng;

        Secret(URL_SAFE_NO_PAD.encode(SigningKey::random(&mut OsRng).to_bytes()))
    }

    /// What the browser is given as `applicationServerKey`: base64url of the 65 bytes of the uncompressed point.
    /// Nothing where the private key is none.
    #[must_use]
    pub fn public_key(&self) -> Option<String> {
        let key = self.signing_key()?;
        Some(URL_SAFE_NO_PAD.encode(key.verifying_key().to_encoded_point(false).as_bytes()))
    }

    pub(super) fn signing_key(&self) -> Option<SigningKey> {
        let scalar = URL_SAFE_NO_PAD.decode(self.private_key.as_bytes()).ok()?;
        SigningKey::from_slice(&scalar).ok()
    }

    pub(crate) fn check(&self, check: &mut Check) {
        if self.private_key.is_empty() {
            check.wrong("private_key", FieldProblem::Missing);
        } else if self.signing_key().is_none() {
            check.wrong("private_key", FieldProblem::NotAKey);
        }
        match self.subject.strip_prefix("mailto:") {
            Some(mailbox) if mailbox.parse::<lettre::Address>().is_err() => {
                check.wrong("subject", FieldProblem::NotAMailbox);
            }
            Some(_) => {}
            None => check.url("subject", &self.subject),
        }
    }
}
