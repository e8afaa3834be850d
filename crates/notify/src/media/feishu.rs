//! The robot of a Feishu group 飞书群自定义机器人 (open.feishu.cn, "Custom bot usage guide").

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::time::UnixMs;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::check::Check;
use crate::http::{Answer, Post, address, put};
use crate::sign::{hmac_sha256, percent_encoded};
use crate::text::{cut_bytes, links, one_line};
use crate::{Message, Outcome, Secret};

/// The most of a request is 20 KB; this much of it may be text, which grows where JSON escapes it.
const MAX_TEXT_BYTES: usize = 8000;

/// A robot of one group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Feishu {
    /// The last part of the robot's webhook address, after `/open-apis/bot/v2/hook/`.
    pub token: Secret,
    /// The key of its signature 签名校验; empty where the robot is guarded by keyword or address.
    #[serde(default)]
    pub secret: Secret,
    /// In place of `https://open.feishu.cn` (`https://open.larksuite.com` outside China).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base_url: Option<String>,
}

impl Feishu {
    /// A rich text 富文本, whose parts need no escaping.
    pub(crate) fn post(&self, message: &Message, now: UnixMs) -> Post {
        let path = format!("/open-apis/bot/v2/hook/{}", percent_encoded(&self.token.0));
        let url = address(self.base_url.as_ref(), "https://open.feishu.cn", &path);
        let text = cut_bytes(&message.body, MAX_TEXT_BYTES);
        let mut lines: Vec<Value> = text.lines().map(|line| json!([{"tag": "text", "text": line}])).collect();
        for link in links(message) {
            lines.push(json!([{"tag": "a", "text": link.label, "href": link.url}]));
        }
        let title = cut_bytes(&one_line(&message.title), 500);
        let mut body = json!({
            "msg_type": "post",
            "content": {"post": {"zh_cn": {"title": title, "content": lines}}},
        });
        if !self.secret.is_empty() {
            let timestamp = now.0.div_euclid(1000);
            put(&mut body, "timestamp", timestamp.to_string());
            put(&mut body, "sign", sign(&self.secret, timestamp));
        }
        Post::json(url, &body)
    }

    pub(crate) fn check(&self, check: &mut Check) {
        check.secret("token", &self.token);
        check.optional_text("secret", &self.secret.0, 1000);
        check.base_url(self.base_url.as_ref());
    }
}

/// Base64 of the HMAC-SHA-256 of nothing, with the time in seconds, a line feed and the key as its key.
fn sign(secret: &Secret, timestamp_s: i64) -> String {
    STANDARD.encode(hmac_sha256(format!("{timestamp_s}\n{}", secret.0).as_bytes(), b""))
}

/// 11232 and 99991400: too many messages; 9499: a bad request, or too many, which only its text tells apart.
pub(crate) fn outcome(answer: &Answer) -> Outcome {
    // Older servers say `StatusCode` alone, newer ones both.
    answer.by_body(|said: Value| {
        let Some(code) = ["code", "StatusCode"].iter().find_map(|name| said.get(name)?.as_i64()) else {
            return answer.try_again(format!("the answer has no code: {}", answer.excerpt()));
        };
        let text = said.get("msg").and_then(Value::as_str).unwrap_or_default();
        let detail = format!("code {code} {}", cut_bytes(&one_line(text), 300));
        let too_many = text.to_lowercase().contains("too many");
        match code {
            0 => Outcome::Accepted { reference: None },
            11232 | 99_991_400 => {
                Outcome::TryAgain { after_ms: answer.retry_after_ms.or(Some(60_000)), detail }
            }
            9499 if too_many => {
                Outcome::TryAgain { after_ms: answer.retry_after_ms.or(Some(60_000)), detail }
            }
            _ => Outcome::Refused { detail },
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_is_that_of_the_published_program() {
        // Feishu publishes programs and no value; this is what its Python program gives for this key and time.
        let secret = Secret("demo".to_owned());
        assert_eq!(sign(&secret, 1_599_360_473), "l1N0gAcBjdwBvGm1xMjOF0XSyaLRpR7tuO5dHfhAYc8=");
    }
}
