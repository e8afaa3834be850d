//! A signed HTTPS request to a system of the customer. Described for its receiver in
//! `docs/notification-media.md`.

use domain::time::UnixMs;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::check::Check;
use crate::http::{Answer, Post};
use crate::sign::{hex, hmac_sha256};
use crate::{Message, Outcome, Secret};

/// Where the request goes, and the key of its signature.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Webhook {
    /// Where to post.
    pub url: String,
    /// The key of the HMAC-SHA-256 in the header.
    pub secret: Secret,
}

impl Webhook {
    pub(crate) fn post(&self, message: &Message, now: UnixMs) -> Post {
        let post = Post::json(self.url.clone(), &document(message, now));
        let timestamp = now.0.div_euclid(1000);
        let signature = signature(self.secret.as_bytes(), timestamp, &post.body);
        post.with("x-emberwatch-timestamp", timestamp.to_string()).with("x-emberwatch-signature", signature)
    }

    pub(crate) fn check(&self, check: &mut Check) {
        check.url("url", &self.url);
        check.secret("secret", &self.secret);
    }
}

/// The signature: `v1=` and the HMAC-SHA-256 of the time in seconds, a full stop and the body, in hexadecimal.
pub(crate) fn signature(key: &[u8], timestamp_s: i64, body: &[u8]) -> String {
    let mut signed = format!("{timestamp_s}.").into_bytes();
    signed.extend_from_slice(body);
    format!("v1={}", hex(&hmac_sha256(key, &signed)))
}

/// A message as a document for programs, version 1. Also what goes to an MQTT topic.
pub(crate) fn document(message: &Message, now: UnixMs) -> Value {
    let params: Map<_, _> =
        message.params.iter().map(|(name, value)| (name.clone(), Value::from(value.as_str()))).collect();
    json!({
        "version": 1,
        "sent_at_ms": now.0,
        "severity": message.severity.code(),
        "language": message.language,
        "group": message.group,
        "title": message.title,
        "body": message.body,
        "link": message.link,
        "acknowledge_link": message.acknowledge_link,
        "params": params,
    })
}

/// A receiver that wants no more says 410.
pub(crate) fn outcome(answer: &Answer) -> Outcome {
    match answer.status {
        410 => Outcome::Gone { detail: answer.excerpt() },
        _ => answer.by_status(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_is_that_of_the_example_for_receivers() {
        // Computed with OpenSSL: printf '1764054000.{"version":1}' | openssl dgst -sha256 -hmac a-long-secret
        assert_eq!(
            signature(b"a-long-secret", 1_764_054_000, br#"{"version":1}"#),
            "v1=04e7331e7565024bf4e901cbd820002e8ac57b7f56d02b9ac17e7eee6d5c9fd4"
        );
    }
}
