//! The robot of a WeCom group 企业微信群机器人 (developer.work.weixin.qq.com, document 91770).

use serde::{Deserialize, Serialize};

use crate::Secret;
use crate::check::Check;

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
    pub(crate) fn check(&self, check: &mut Check) {
        check.secret("key", &self.key);
        check.phones("mention_phones", &self.mention_phones);
        check.base_url(self.base_url.as_ref());
    }
}
