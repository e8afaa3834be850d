//! The robot of a Feishu group 飞书群自定义机器人 (open.feishu.cn, "Custom bot usage guide").

use serde::{Deserialize, Serialize};

use crate::Secret;
use crate::check::Check;

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
    pub(crate) fn check(&self, check: &mut Check) {
        check.secret("token", &self.token);
        check.optional_text("secret", &self.secret.0, 1000);
        check.base_url(self.base_url.as_ref());
    }
}
