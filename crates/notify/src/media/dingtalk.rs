//! The robot of a DingTalk group 钉钉群自定义机器人 (open.dingtalk.com, "Custom bot access", "Customize robot
//! security settings").

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::time::UnixMs;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::wecom::{Format, by_errcode, markdown};
use crate::check::Check;
use crate::http::{Answer, Post, address, put};
use crate::sign::{hmac_sha256, percent_encoded};
use crate::text::{cut_chars, one_line, plain};
use crate::{Message, Outcome, Secret};

/// The most of a message, less what goes around it.
const MAX_BYTES: usize = 18_000;

/// A robot of one group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dingtalk {
    /// The `access_token` of the robot's webhook address.
    pub access_token: Secret,
    /// The key of its signature 加签, `SEC…`; empty where the robot is guarded by keyword or address.
    #[serde(default)]
    pub secret: Secret,
    /// How the message is written.
    #[serde(default)]
    pub format: Format,
    /// Telephone numbers of the members who are called by name (`@`) in every message.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mention_phones: Vec<String>,
    /// In place of `https://oapi.dingtalk.com`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base_url: Option<String>,
}

impl Dingtalk {
    pub(crate) fn post(&self, message: &Message, now: UnixMs) -> Post {
        let mut path = format!("/robot/send?access_token={}", percent_encoded(&self.access_token.0));
        if !self.secret.is_empty() {
            path += &format!("&timestamp={}&sign={}", now.0, sign(&self.secret, now.0));
        }
        let url = address(self.base_url.as_ref(), "https://oapi.dingtalk.com", &path);
        // Whoever is to be called has to stand in the text, too.
        let phones: Vec<_> =
            self.mention_phones.iter().map(|phone| phone.trim_start_matches("+86")).collect();
        let called: String = phones.iter().map(|phone| format!(" @{phone}")).collect();
        let mut body = match self.format {
            Format::Markdown => {
                let text = markdown(message, "\n\n", MAX_BYTES) + &called;
                json!({"msgtype": "markdown", "markdown": {
                    "title": cut_chars(&one_line(&message.title), 100), "text": text}})
            }
            Format::Text => {
                json!({"msgtype": "text", "text": {"content": plain(message, MAX_BYTES) + &called}})
            }
        };
        put(&mut body, "at", json!({"atMobiles": phones, "isAtAll": false}));
        Post::json(url, &body)
    }

    pub(crate) fn check(&self, check: &mut Check) {
        check.secret("access_token", &self.access_token);
        check.optional_text("secret", &self.secret.0, 1000);
        check.phones("mention_phones", &self.mention_phones);
        check.base_url(self.base_url.as_ref());
    }
}

/// Base64 of the HMAC-SHA-256 of the time in ms, a line feed and the key, with the key as its key; encoded for a URL.
fn sign(secret: &Secret, timestamp_ms: i64) -> String {
    let signed = format!("{timestamp_ms}\n{}", secret.0);
    percent_encoded(&STANDARD.encode(hmac_sha256(secret.as_bytes(), signed.as_bytes())))
}

/// -1: busy; 130101 and 410100: more than 20 messages in a minute, which shuts the robot up for ten.
pub(crate) fn outcome(answer: &Answer) -> Outcome {
    by_errcode(answer, &[(-1, 5000), (130_101, 600_000), (410_100, 600_000)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_is_that_of_the_published_program() {
        // DingTalk publishes programs and no value; this is what its Python program gives for its secret and this
        // time.
        let secret = Secret("this is secret".to_owned());
        assert_eq!(sign(&secret, 1_600_000_000_000), "MYEtKC4%2FNfMR1l4prX%2B%2Bai6oOf70X1xOf6UlnyUhJH4%3D");
    }
}
