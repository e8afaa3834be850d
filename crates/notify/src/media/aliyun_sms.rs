//! Short messages by Alibaba Cloud 阿里云短信 (Dysmsapi 2017-05-25, `SendSms`).

use std::collections::BTreeMap;

use domain::time::UnixMs;
use serde::{Deserialize, Serialize};

use super::aliyun::{Call, number, template_param};
use crate::check::Check;
use crate::http::{Post, address};
use crate::{Address, Message, Outcome, Secret};

/// An account, a signature and a template that Alibaba Cloud has approved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AliyunSms {
    /// Of a RAM user who may do `dysms:SendSms`.
    pub access_key_id: String,
    /// Belongs to it.
    pub access_key_secret: Secret,
    /// The approved signature 签名, without brackets.
    pub sign_name: String,
    /// The approved template 模板, `SMS_…`.
    pub template_code: String,
    /// The variables of that template, each with a text that may hold placeholders: `site` -> `{site}`.
    #[serde(default)]
    pub params: BTreeMap<String, String>,
    /// Longer values are cut. Alibaba Cloud takes 35 characters in a variable of the kind "other" 其他.
    #[serde(default = "max_value_chars")]
    pub max_value_chars: u16,
    /// In place of `https://dysmsapi.aliyuncs.com`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base_url: Option<String>,
}

pub(super) const fn max_value_chars() -> u16 {
    35
}

impl AliyunSms {
    pub(crate) fn post(
        &self,
        to: &Address,
        message: &Message,
        now: UnixMs,
        nonce: &str,
    ) -> Result<Post, Outcome> {
        let params = BTreeMap::from([
            ("PhoneNumbers", number(to)?),
            ("SignName", self.sign_name.clone()),
            ("TemplateCode", self.template_code.clone()),
            ("TemplateParam", template_param(&self.params, message, self.max_value_chars)),
        ]);
        let call = Call {
            base_url: address(self.base_url.as_ref(), "https://dysmsapi.aliyuncs.com", ""),
            action: "SendSms",
            version: "2017-05-25",
            params,
            now,
            nonce,
        };
        Ok(call.signed(&self.access_key_id, &self.access_key_secret))
    }

    pub(crate) fn check(&self, check: &mut Check) {
        check.text("access_key_id", &self.access_key_id, 128);
        check.secret("access_key_secret", &self.access_key_secret);
        check.text("sign_name", &self.sign_name, 100);
        check.text("template_code", &self.template_code, 100);
        check_params(&self.params, self.max_value_chars, check);
        check.base_url(self.base_url.as_ref());
    }
}

pub(super) fn check_params(params: &BTreeMap<String, String>, max_value_chars: u16, check: &mut Check) {
    for (name, text) in params {
        check.text(&format!("params.{name}"), name, 100);
        check.template(format!("params.{name}"), text);
    }
    check.value_chars(max_value_chars);
}
