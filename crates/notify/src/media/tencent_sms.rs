//! Short messages by Tencent Cloud 腾讯云短信 (sms 2021-01-11, `SendSms`).

use serde::{Deserialize, Serialize};

use crate::Secret;
use crate::check::{Check, FieldProblem};

/// An account, a signature and a template that Tencent Cloud has approved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TencentSms {
    /// Of a sub-account that may do `sms:SendSms`.
    pub secret_id: String,
    /// Belongs to it.
    pub secret_key: Secret,
    /// The number of the SMS application 应用, `1400…`.
    pub sdk_app_id: String,
    /// The approved signature 签名, without brackets.
    pub sign_name: String,
    /// The number of the approved template 正文模板.
    pub template_id: String,
    /// The variables `{1}`, `{2}` … of that template in their order, each a text that may hold placeholders.
    #[serde(default)]
    pub params: Vec<String>,
    /// Longer values are cut. What a variable takes depends on its kind and on how the account is verified.
    #[serde(default = "super::aliyun_sms::max_value_chars")]
    pub max_value_chars: u16,
    /// `ap-guangzhou`, `ap-beijing` or `ap-nanjing`.
    #[serde(default = "region")]
    pub region: String,
    /// In place of `https://sms.tencentcloudapi.com`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base_url: Option<String>,
}

fn region() -> String {
    "ap-guangzhou".to_owned()
}

impl TencentSms {
    pub(crate) fn check(&self, check: &mut Check) {
        check.text("secret_id", &self.secret_id, 128);
        check.secret("secret_key", &self.secret_key);
        check.text("sdk_app_id", &self.sdk_app_id, 20);
        check.text("sign_name", &self.sign_name, 100);
        check.text("template_id", &self.template_id, 20);
        for (field, number) in [("sdk_app_id", &self.sdk_app_id), ("template_id", &self.template_id)] {
            if !number.bytes().all(|b| b.is_ascii_digit()) {
                check.wrong(field, FieldProblem::Characters);
            }
        }
        for (at, text) in self.params.iter().enumerate() {
            check.template(format!("params.{at}"), text);
        }
        check.value_chars(self.max_value_chars);
        check.text("region", &self.region, 30);
        check.base_url(self.base_url.as_ref());
    }
}
