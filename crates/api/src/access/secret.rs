//! Random secrets and their fingerprints. Only fingerprints are stored; a stolen database opens no session.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rand::Rng as _;
use sha2::{Digest, Sha256};

/// What API tokens begin with, so that scanners find one that was published by mistake.
pub const TOKEN_PREFIX: &str = "ewt_";

/// 256 random bits as text that fits into a cookie.
#[must_use]
pub fn random() -> String {
    URL_SAFE_NO_PAD.encode(rand::rng().random::<[u8; 32]>())
}

/// 192 random bits as 32 characters that any device can type into a field: what a device has for a password.
#[must_use]
pub fn device_token() -> String {
    URL_SAFE_NO_PAD.encode(rand::rng().random::<[u8; 24]>())
}

/// The SHA-256 of a secret, as stored. The secrets have 256 random bits, so a fast hash is enough.
#[must_use]
pub fn fingerprint(secret: &str) -> [u8; 32] {
    Sha256::digest(secret.as_bytes()).into()
}

/// The CSRF token of a session: it follows from the session's secret, which a foreign page cannot read.
#[must_use]
pub fn csrf_token(session_secret: &str) -> String {
    let mut digest = Sha256::new();
    digest.update(b"emberwatch csrf 1\0");
    digest.update(session_secret.as_bytes());
    URL_SAFE_NO_PAD.encode(digest.finalize())
}

/// Whether two texts are the same, in a time that does not tell where they differ.
#[must_use]
pub fn same(left: &str, right: &str) -> bool {
    fingerprint(left) == fingerprint(right)
}

/// Letters and digits that cannot be taken for one another when read aloud or copied from a screen.
const READABLE: &[u8; 31] = b"abcdefghjkmnpqrstuvwxyz23456789";

/// `groups` of four readable characters, `k7mq-2xwd-…`; each character holds almost 5 bits.
#[must_use]
pub fn readable(groups: usize) -> String {
    let mut rng = rand::rng();
    let mut text = String::with_capacity(groups * 5);
    for group in 0..groups {
        if group > 0 {
            text.push('-');
        }
        for _ in 0..4 {
            let pick = rng.random_range(0..READABLE.len());
            text.push(char::from(READABLE.get(pick).copied().unwrap_or(b'x')));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_differ_and_are_long() {
        let (one, two) = (random(), random());
        assert_eq!(one.len(), 43);
        assert_eq!(device_token().len(), 32);
        assert_ne!(one, two);
        assert_ne!(csrf_token(&one), csrf_token(&two));
        assert_ne!(csrf_token(&one), one);
    }

    #[test]
    fn a_readable_secret_has_no_doubtful_letters() {
        let text = readable(4);
        assert_eq!(text.len(), 19);
        assert!(!text.contains(['0', 'o', '1', 'l', 'i']));
    }

    #[test]
    fn compares_whole_texts() {
        assert!(same("abc", "abc"));
        assert!(!same("abc", "abd"));
        assert!(!same("abc", "ab"));
    }
}
