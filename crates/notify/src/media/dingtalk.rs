//! The robot of a DingTalk group 钉钉群自定义机器人 (open.dingtalk.com, "Custom bot access", "Customize robot
//! security settings").

use serde::{Deserialize, Serialize};

use super::wecom::Format;
use crate::Secret;
use crate::check::Check;

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
    pub(crate) fn check(&self, check: &mut Check) {
        check.secret("access_token", &self.access_token);
        check.optional_text("secret", &self.secret.0, 1000);
        check.phones("mention_phones", &self.mention_phones);
        check.base_url(self.base_url.as_ref());
    }
}
