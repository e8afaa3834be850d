//! The robot of a WeCom group 企业微信群机器人 (developer.work.weixin.qq.com, document 91770).

use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::check::Check;
use crate::http::{Answer, Post, address, put};
use crate::sign::percent_encoded;
use crate::text::{assemble, in_markdown_link, links, one_line, plain, without_markdown};
use crate::{Message, Outcome, Secret};

/// The most of a message in Markdown.
const MAX_MARKDOWN_BYTES: usize = 4096;

/// The most of a message in plain text.
const MAX_TEXT_BYTES: usize = 2048;

/// A robot of one group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wecom {
    /// The `key` at the end of the robot's webhook address.
    pub key: Secret,
    /// How the message is written. WeCom tells people by telephone number in plain text only.
    #[serde(default)]
    pub format: Format,
    /// Telephone numbers of the members who are called by name (`@`) in every message.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mention_phones: Vec<String>,
    /// In place of `https://qyapi.weixin.qq.com`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base_url: Option<String>,
}

/// How a robot writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// With a heading and links that can be pressed.
    #[default]
    Markdown,
    /// Plain text.
    Text,
}

impl Wecom {
    pub(crate) fn post(&self, message: &Message) -> Post {
        let path = format!("/cgi-bin/webhook/send?key={}", percent_encoded(&self.key.0));
        let url = address(self.base_url.as_ref(), "https://qyapi.weixin.qq.com", &path);
        let body = if self.format == Format::Markdown && self.mention_phones.is_empty() {
            json!({"msgtype": "markdown", "markdown": {"content": markdown(message, "\n", MAX_MARKDOWN_BYTES)}})
        } else {
            // `<@all>` would call the whole group, also in plain text.
            let content = plain(message, MAX_TEXT_BYTES).replace("<@", "＜@");
            let mut text = json!({"content": content});
            if !self.mention_phones.is_empty() {
                let phones = self.mention_phones.iter().map(|phone| phone.trim_start_matches("+86"));
                put(&mut text, "mentioned_mobile_list", phones.collect::<Vec<_>>());
            }
            json!({"msgtype": "text", "text": text})
        };
        Post::json(url, &body)
    }

    pub(crate) fn check(&self, check: &mut Check) {
        check.secret("key", &self.key);
        check.phones("mention_phones", &self.mention_phones);
        check.base_url(self.base_url.as_ref());
    }
}

/// A heading, the lines and the links, in the Markdown that the robots of WeCom and DingTalk share.
pub(super) fn markdown(message: &Message, line: &str, most: usize) -> String {
    let title = format!("### {}", without_markdown(&one_line(&message.title)));
    let links: Vec<_> = links(message)
        .iter()
        .map(|link| format!("[{}]({})", link.label, in_markdown_link(link.url)))
        .collect();
    assemble(&[&title], &without_markdown(&message.body), &links, line, most)
}

/// How robots of WeCom and DingTalk answer, with HTTP 200 also when they refuse.
#[derive(Debug, Deserialize)]
pub(super) struct Said {
    errcode: i64,
    #[serde(default)]
    errmsg: String,
}

/// `again` are the codes with which trying again can help, each with how long to wait, in ms.
pub(super) fn by_errcode(answer: &Answer, again: &[(i64, i64)]) -> Outcome {
    answer.by_body(|said: Said| {
        let detail =
            format!("errcode {} {}", said.errcode, crate::text::cut_bytes(&one_line(&said.errmsg), 300));
        if said.errcode == 0 {
            return Outcome::Accepted { reference: None };
        }
        match again.iter().find(|(code, _)| *code == said.errcode) {
            Some((_, wait_ms)) => {
                Outcome::TryAgain { after_ms: answer.retry_after_ms.or(Some(*wait_ms)), detail }
            }
            None => Outcome::Refused { detail },
        }
    })
}

/// -1: busy; 45009: more than 20 messages in a minute; 45033: too many at once.
pub(crate) fn outcome(answer: &Answer) -> Outcome {
    by_errcode(answer, &[(-1, 5000), (45009, 60_000), (45033, 5000)])
}
