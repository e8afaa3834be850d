//! Push to browsers (RFC 8030, RFC 8291, RFC 8292).

use base64::Engine as _;
use base64::alphabet::URL_SAFE;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, URL_SAFE_NO_PAD};
use domain::hazard::Severity;
use domain::time::UnixMs;
use p256::ecdsa::signature::Signer as _;
use p256::ecdsa::{Signature, SigningKey};
use reqwest::Url;
use serde::{Deserialize, Serialize};
use serde_json::json;
use sha2::{Digest as _, Sha256};

use crate::check::{Check, FieldProblem, http_url};
use crate::http::{Answer, Post};
use crate::text::{cut_bytes, one_line};
use crate::{Address, Message, Outcome, Secret};

/// Browsers send their keys without padding, some libraries with it.
const BASE64URL: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// A push service keeps a message this long for a browser that is away.
const TTL_S: u32 = 86_400;

/// Push services take 4096 bytes after encryption (RFC 8291 section 4); this much may be text, which grows where JSON
/// escapes it.
const MAX_BODY_BYTES: usize = 1200;

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

    /// What the service worker gets: `v` (1), `title`, `body`, `link`, `acknowledge_link`, `severity`, `group`,
    /// `language`.
    pub(crate) fn post(&self, to: &Address, message: &Message, now: UnixMs) -> Result<Post, Outcome> {
        let refused = |detail: &str| Outcome::AddressRefused { detail: detail.to_owned() };
        let Address::Push { endpoint, p256dh, auth } = to else {
            return Err(refused("a push subscription is wanted"));
        };
        let url = http_url(endpoint)
            .map_err(|problem| refused(&format!("the subscription's endpoint: {}", problem.code())))?;
        let public = BASE64URL
            .decode(p256dh)
            .ok()
            .and_then(|point| web_push_native::p256::PublicKey::from_sec1_bytes(&point).ok())
            .ok_or_else(|| refused("the subscription's p256dh is no point of P-256"))?;
        let auth = BASE64URL
            .decode(auth)
            .ok()
            .and_then(|auth| <[u8; 16]>::try_from(auth).ok())
            .ok_or_else(|| refused("the subscription's auth is not 16 bytes"))?;
        let payload = json!({
            "v": 1,
            "title": cut_bytes(&one_line(&message.title), 250),
            "body": cut_bytes(&message.body, MAX_BODY_BYTES),
            "link": message.link,
            "acknowledge_link": message.acknowledge_link,
            "severity": message.severity.code(),
            "group": message.group,
            "language": message.language,
        });
        let body = web_push_native::encrypt(payload.to_string().into_bytes(), &public, &auth.into())
            .map_err(|error| refused(&format!("the message cannot be encrypted: {error}")))?;
        let urgency = match message.severity {
            Severity::Alarm => "high",
            Severity::Warning => "normal",
            Severity::Fault => "low",
        };
        let post = Post { url: endpoint.clone(), headers: Vec::new(), body };
        Ok(post
            .with("content-type", "application/octet-stream".to_owned())
            .with("content-encoding", "aes128gcm".to_owned())
            .with("ttl", TTL_S.to_string())
            .with("urgency", urgency.to_owned())
            .with("topic", topic(&message.group))
            .with(
                "authorization",
                self.authorization(&url, now)
                    .ok_or_else(|| Outcome::Refused { detail: "no private key".to_owned() })?,
            ))
    }

    /// Who sends, for this push service, for twelve hours (RFC 8292; RFC 7515).
    fn authorization(&self, endpoint: &Url, now: UnixMs) -> Option<String> {
        const VALID_S: i64 = 12 * 3600;

        let claims = json!({
            "aud": endpoint.origin().ascii_serialization(),
            "exp": now.0.div_euclid(1000).saturating_add(VALID_S),
            "sub": self.subject,
        });
        let header = URL_SAFE_NO_PAD.encode(br#"{"typ":"JWT","alg":"ES256"}"#);
        let token = format!("{header}.{}", URL_SAFE_NO_PAD.encode(claims.to_string()));
        let signature: Signature = self.signing_key()?.sign(token.as_bytes());
        let signature = URL_SAFE_NO_PAD.encode(signature.to_bytes());
        Some(format!("vapid t={token}.{signature}, k={}", self.public_key()?))
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

/// Messages of one group replace each other at the push service: 32 characters of base64url at most (RFC 8030 section
/// 5.4).
fn topic(group: &str) -> String {
    let digest = Sha256::digest(group);
    URL_SAFE_NO_PAD.encode(digest.first_chunk::<24>().unwrap_or(&[0; 24]))
}

/// A subscription that is no more is answered with 404 or 410 (RFC 8030 section 7.3).
pub(crate) fn outcome(answer: &Answer) -> Outcome {
    match answer.status {
        404 | 410 => Outcome::Gone { detail: answer.excerpt() },
        _ => answer.by_status(),
    }
}
