//! A topic of ntfy (docs.ntfy.sh, "Publishing").

use domain::hazard::Severity;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::check::{Check, FieldProblem};
use crate::http::{Answer, Post, address, put};
use crate::text::{cut_bytes, links, one_line};
use crate::{Message, Outcome, Secret};

/// Of a longer message the server makes an attached file.
const MAX_MESSAGE_BYTES: usize = 4096;

/// A topic, on the public server or on one's own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ntfy {
    /// The topic. On a server that everybody may read whoever knows it reads along.
    pub topic: String,
    /// An access token `tk_…`; empty where the topic is open.
    #[serde(default)]
    pub token: Secret,
    /// In place of `https://ntfy.sh`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base_url: Option<String>,
}

impl Ntfy {
    pub(crate) fn post(&self, message: &Message) -> Post {
        let priority = match message.severity {
            Severity::Alarm => 5,
            Severity::Warning => 4,
            Severity::Fault => 3,
        };
        let actions: Vec<_> = links(message)
            .iter()
            .map(|link| json!({"action": "view", "label": link.label, "url": link.url}))
            .collect();
        let mut body = json!({
            "topic": self.topic,
            "title": cut_bytes(&one_line(&message.title), 250),
            "message": cut_bytes(&message.body, MAX_MESSAGE_BYTES),
            "priority": priority,
            "actions": actions,
        });
        if let Some(link) = &message.link {
            put(&mut body, "click", link.as_str());
        }
        let post = Post::json(address(self.base_url.as_ref(), "https://ntfy.sh", "/"), &body);
        if self.token.is_empty() {
            return post;
        }
        post.with("authorization", format!("Bearer {}", self.token.0))
    }

    pub(crate) fn check(&self, check: &mut Check) {
        check.text("topic", &self.topic, 64);
        if !self.topic.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-') {
            check.wrong("topic", FieldProblem::Characters);
        }
        check.optional_text("token", &self.token.0, 1000);
        check.base_url(self.base_url.as_ref());
    }
}

#[derive(Debug, Deserialize)]
struct Said {
    id: String,
}

pub(crate) fn outcome(answer: &Answer) -> Outcome {
    if !answer.is_success() {
        return answer.by_status();
    }
    answer.by_body(|said: Said| Outcome::Accepted { reference: Some(said.id) })
}
