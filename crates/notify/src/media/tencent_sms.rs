//! Short messages by Tencent Cloud 腾讯云短信 (sms 2021-01-11, `SendSms`).

use domain::time::UnixMs;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::aliyun::{host, value};
use crate::check::{Check, FieldProblem};
use crate::http::{Answer, Post, address};
use crate::sign::{hex, hmac_sha256, sha256_hex};
use crate::text::{cut_bytes, e164, one_line};
use crate::{Address, Message, Outcome, Secret};

const CONTENT_TYPE: &str = "application/json; charset=utf-8";

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
    /// Longer values are cut. Tencent Cloud takes 6 characters where nothing else was agreed (its document 13301).
    #[serde(default = "max_value_chars")]
    pub max_value_chars: u16,
    /// `ap-guangzhou`, `ap-beijing` or `ap-nanjing`.
    #[serde(default = "region")]
    pub region: String,
    /// In place of `https://sms.tencentcloudapi.com`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base_url: Option<String>,
}

const fn max_value_chars() -> u16 {
    6
}

fn region() -> String {
    "ap-guangzhou".to_owned()
}

impl TencentSms {
    pub(crate) fn post(&self, to: &Address, message: &Message, now: UnixMs) -> Result<Post, Outcome> {
        let phone = match to {
            Address::Phone(phone) => e164(phone),
            Address::Email(_) | Address::Push { .. } | Address::Medium => {
                return Err(Outcome::AddressRefused { detail: "a telephone number is wanted".to_owned() });
            }
        };
        let params: Vec<_> =
            self.params.iter().map(|text| value(text, message, self.max_value_chars)).collect();
        let body = json!({
            "PhoneNumberSet": [phone],
            "SmsSdkAppId": self.sdk_app_id,
            "SignName": self.sign_name,
            "TemplateId": self.template_id,
            "TemplateParamSet": params,
        })
        .to_string();
        let base = address(self.base_url.as_ref(), "https://sms.tencentcloudapi.com", "");
        let timestamp = now.0.div_euclid(1000);
        let authorization =
            authorization(&self.secret_id, &self.secret_key, "sms", host(&base), timestamp, body.as_bytes());
        let post = Post { url: format!("{base}/"), headers: Vec::new(), body: body.into_bytes() };
        Ok(post
            .with("content-type", CONTENT_TYPE.to_owned())
            .with("x-tc-action", "SendSms".to_owned())
            .with("x-tc-version", "2021-01-11".to_owned())
            .with("x-tc-region", self.region.clone())
            .with("x-tc-timestamp", timestamp.to_string())
            .with("authorization", authorization))
    }

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

/// The `Authorization` of a POST of JSON to `/` (cloud.tencent.com, "Signature v3", TC3-HMAC-SHA256).
fn authorization(
    secret_id: &str,
    secret_key: &Secret,
    service: &str,
    host: &str,
    timestamp_s: i64,
    body: &[u8],
) -> String {
    const SIGNED_HEADERS: &str = "content-type;host";

    let canonical = format!(
        "POST\n/\n\ncontent-type:{CONTENT_TYPE}\nhost:{host}\n\n{SIGNED_HEADERS}\n{}",
        sha256_hex(body)
    );
    let date = Timestamp::from_second(timestamp_s).unwrap_or_default().strftime("%Y-%m-%d").to_string();
    let scope = format!("{date}/{service}/tc3_request");
    let to_sign = format!("TC3-HMAC-SHA256\n{timestamp_s}\n{scope}\n{}", sha256_hex(canonical.as_bytes()));
    let key = hmac_sha256(format!("TC3{}", secret_key.0).as_bytes(), date.as_bytes());
    let key = hmac_sha256(&hmac_sha256(&key, service.as_bytes()), b"tc3_request");
    let signature = hex(&hmac_sha256(&key, to_sign.as_bytes()));
    format!(
        "TC3-HMAC-SHA256 Credential={secret_id}/{scope}, SignedHeaders={SIGNED_HEADERS}, Signature={signature}"
    )
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Said {
    response: Response,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Response {
    error: Option<Status>,
    #[serde(default)]
    send_status_set: Vec<Status>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Status {
    code: String,
    #[serde(default)]
    message: String,
    serial_no: Option<String>,
}

pub(crate) fn outcome(answer: &Answer) -> Outcome {
    answer.by_body(|said: Said| {
        let Some(status) = said.response.error.or_else(|| said.response.send_status_set.into_iter().next())
        else {
            return answer.try_again(format!("the answer says nothing of the message: {}", answer.excerpt()));
        };
        let detail = format!("{} {}", status.code, cut_bytes(&one_line(&status.message), 300));
        let wait = |ms| answer.retry_after_ms.or(Some(ms));
        match status.code.as_str() {
            "Ok" => Outcome::Accepted { reference: status.serial_no },
            "LimitExceeded.PhoneNumberThirtySecondLimit" => {
                Outcome::AddressBusy { after_ms: wait(30_000), detail }
            }
            "LimitExceeded.DeliveryFrequencyLimit" => Outcome::AddressBusy { after_ms: wait(60_000), detail },
            "LimitExceeded.PhoneNumberOneHourLimit" => {
                Outcome::AddressBusy { after_ms: wait(3_600_000), detail }
            }
            "InvalidParameterValue.IncorrectPhoneNumber"
            | "FailedOperation.PhoneNumberInBlacklist"
            | "LimitExceeded.PhoneNumberDailyLimit"
            | "LimitExceeded.PhoneNumberSameContentDailyLimit" => Outcome::AddressRefused { detail },
            code if ["InternalError", "RequestLimitExceeded"].iter().any(|kind| code.starts_with(kind)) => {
                answer.try_again(detail)
            }
            _ => Outcome::Refused { detail },
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_is_that_of_the_published_example() {
        // cloud.tencent.com, "Signature v3": DescribeInstances; the key as the page had it before it was masked.
        let body =
            br#"{"Limit": 1, "Filters": [{"Values": ["\u672a\u547d\u540d"], "Name": "instance-name"}]}"#;
        let authorization = authorization(
            "AKIDz8krbsJ5yKBZQpn74WFkmLPx3EXAMPLE",
            &Secret("Gu5t9xGARNpq86cd98joQYCN3EXAMPLE".to_owned()),
            "cvm",
            "cvm.tencentcloudapi.com",
            1_551_113_065,
            body,
        );
        assert_eq!(
            authorization,
            "TC3-HMAC-SHA256 Credential=AKIDz8krbsJ5yKBZQpn74WFkmLPx3EXAMPLE/2019-02-25/cvm/tc3_request, \
             SignedHeaders=content-type;host, \
             Signature=72e494ea809ad7a8c8f7a4507b9bddcbaa8e581f516e8da2f66e2c5a96525168"
        );
    }
}
