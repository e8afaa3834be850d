//! Bark, push to iPhones (github.com/Finb/bark-server, `docs/API_V2.md`).

use domain::hazard::Severity;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::check::Check;
use crate::http::{Answer, Post, address, put};
use crate::text::{cut_bytes, links, one_line};
use crate::{Message, Outcome, Secret};

/// Apple carries 4 KB with all that goes around the text.
const MAX_BODY_BYTES: usize = 2000;

/// One telephone with the Bark app.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bark {
    /// The key that the app shows in its address.
    pub device_key: Secret,
    /// In place of `https://api.day.app`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base_url: Option<String>,
}

impl Bark {
    /// Pressing the message leads to the page that takes the alarm, else to the one that shows it.
    pub(crate) fn post(&self, message: &Message) -> Post {
        // Critical is heard also on a muted telephone.
        let level = match message.severity {
            Severity::Alarm => "critical",
            Severity::Warning => "timeSensitive",
            Severity::Fault => "active",
        };
        let mut body = json!({
            "device_key": self.device_key.0,
            "title": cut_bytes(&one_line(&message.title), 250),
            "body": cut_bytes(&message.body, MAX_BODY_BYTES),
            "level": level,
            "group": cut_bytes(&message.group, 100),
        });
        if let Some(link) = links(message).first() {
            put(&mut body, "url", link.url);
        }
        Post::json(address(self.base_url.as_ref(), "https://api.day.app", "/push"), &body)
    }

    pub(crate) fn check(&self, check: &mut Check) {
        check.secret("device_key", &self.device_key);
        check.base_url(self.base_url.as_ref());
    }
}

#[derive(Debug, Deserialize)]
struct Said {
    code: i64,
    #[serde(default)]
    message: String,
}

/// The code of the body is the status again.
pub(crate) fn outcome(answer: &Answer) -> Outcome {
    if !answer.is_success() {
        return answer.by_status();
    }
    answer.by_body(|said: Said| {
        let detail = format!("code {} {}", said.code, cut_bytes(&one_line(&said.message), 300));
        match said.code {
            200 => Outcome::Accepted { reference: None },
            429 | 500..=599 => answer.try_again(detail),
            _ => Outcome::Refused { detail },
        }
    })
}
