//! How the services of Alibaba Cloud are called: RPC style, every parameter in the query, signature version 3
//! `ACS3-HMAC-SHA256` (help.aliyun.com, "V3 request structure and signature").

use std::collections::BTreeMap;

use domain::time::UnixMs;
use jiff::Timestamp;
use serde::Deserialize;

use crate::http::{Answer, Post};
use crate::sign::{hex, hmac_sha256, percent_encoded, sha256_hex};
use crate::template::Template;
use crate::text::{cut_bytes, cut_chars, one_line};
use crate::{Address, Message, Outcome, Secret};

/// One call, before it is signed.
#[derive(Debug)]
pub(super) struct Call<'a> {
    /// Where the service is, without a path.
    pub(super) base_url: String,
    pub(super) action: &'static str,
    pub(super) version: &'static str,
    pub(super) params: BTreeMap<&'static str, String>,
    pub(super) now: UnixMs,
    /// What no other call has.
    pub(super) nonce: &'a str,
}

/// The host of an address with its port, as it stands in the `Host` header.
pub(super) fn host(base_url: &str) -> &str {
    let rest = base_url.split_once("://").map_or(base_url, |(_, rest)| rest);
    rest.split('/').next().unwrap_or(rest)
}

impl Call<'_> {
    pub(super) fn signed(&self, key_id: &str, key_secret: &Secret) -> Post {
        let query: Vec<_> = self
            .params
            .iter()
            .map(|(name, value)| format!("{}={}", percent_encoded(name), percent_encoded(value)))
            .collect();
        let query = query.join("&");
        let second = Timestamp::from_second(self.now.0.div_euclid(1000)).unwrap_or_default();
        let headers = [
            ("host", host(&self.base_url).to_owned()),
            ("x-acs-action", self.action.to_owned()),
            ("x-acs-content-sha256", sha256_hex(b"")),
            ("x-acs-date", second.to_string()),
            ("x-acs-signature-nonce", self.nonce.to_owned()),
            ("x-acs-version", self.version.to_owned()),
        ];
        let canonical: String = headers.iter().map(|(name, value)| format!("{name}:{value}\n")).collect();
        let names = headers.each_ref().map(|(name, _)| *name).join(";");
        let request = format!("POST\n/\n{query}\n{canonical}\n{names}\n{}", sha256_hex(b""));
        let to_sign = format!("ACS3-HMAC-SHA256\n{}", sha256_hex(request.as_bytes()));
        let signature = hex(&hmac_sha256(key_secret.as_bytes(), to_sign.as_bytes()));
        let authorization =
            format!("ACS3-HMAC-SHA256 Credential={key_id},SignedHeaders={names},Signature={signature}");
        let post = Post { url: format!("{}/?{query}", self.base_url), headers: Vec::new(), body: Vec::new() };
        headers
            .into_iter()
            .filter(|(name, _)| *name != "host")
            .fold(post, |post, (name, value)| post.with(name, value))
            .with("authorization", authorization)
    }
}

/// The telephone number that the service wants: of China without the country, of others without the plus.
pub(super) fn number(address: &Address) -> Result<String, Outcome> {
    match address {
        Address::Phone(phone) => {
            let phone = phone.strip_prefix("+86").unwrap_or(phone);
            Ok(phone.trim_start_matches('+').to_owned())
        }
        Address::Email(_) | Address::Push { .. } | Address::Medium => {
            Err(Outcome::AddressRefused { detail: "a telephone number is wanted".to_owned() })
        }
    }
}

/// A text of a provider's variable with its values; never empty, which the providers refuse.
pub(super) fn value(text: &str, message: &Message, most: u16) -> String {
    let value = Template::parse(text).map(|template| template.render_params(&message.params));
    match value.as_deref().map(|value| one_line(value.trim())) {
        Ok(value) if !value.is_empty() => cut_chars(&value, usize::from(most)),
        _ => "-".to_owned(),
    }
}

/// The variables as the JSON object that the services take.
pub(super) fn template_param(params: &BTreeMap<String, String>, message: &Message, most: u16) -> String {
    let values: serde_json::Map<_, _> =
        params.iter().map(|(name, text)| (name.clone(), value(text, message, most).into())).collect();
    serde_json::Value::Object(values).to_string()
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Said {
    code: String,
    #[serde(default)]
    message: String,
    /// Of a short message.
    biz_id: Option<String>,
    /// Of a call.
    call_id: Option<String>,
}

pub(crate) fn outcome(answer: &Answer) -> Outcome {
    answer.by_body(|said: Said| {
        let detail = format!("{} {}", said.code, cut_bytes(&one_line(&said.message), 300));
        match said.code.as_str() {
            "OK" => Outcome::Accepted { reference: said.biz_id.or(said.call_id) },
            // To one number one message a minute, five an hour.
            "isv.BUSINESS_LIMIT_CONTROL" => {
                Outcome::AddressBusy { after_ms: answer.retry_after_ms.or(Some(60_000)), detail }
            }
            "isv.MOBILE_NUMBER_ILLEGAL" | "isv.DOMESTIC_NUMBER_NOT_SUPPORTED" | "isv.DAY_LIMIT_CONTROL" => {
                Outcome::AddressRefused { detail }
            }
            "isp.SYSTEM_ERROR" | "isv.SYSTEM_ERROR" | "SignatureNonceUsed" | "InternalError"
            | "ServiceUnavailable" | "SystemBusy" => answer.try_again(detail),
            code if code.starts_with("Throttling") => answer.try_again(detail),
            _ => Outcome::Refused { detail },
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_is_that_of_the_published_example() {
        // help.aliyun.com, "V3 request structure and signature", the example with fixed values.
        let call = Call {
            base_url: "https://ecs.cn-shanghai.aliyuncs.com".to_owned(),
            action: "RunInstances",
            version: "2014-05-26",
            params: BTreeMap::from([
                ("RegionId", "cn-shanghai".to_owned()),
                ("ImageId", "win2019_1809_x64_dtc_zh-cn_40G_alibase_20230811.vhd".to_owned()),
            ]),
            now: UnixMs(1_698_315_752_999),
            nonce: "3156853299f313e23d1673dc12e1703d",
        };
        let post = call.signed("YourAccessKeyId", &Secret("YourAccessKeySecret".to_owned()));
        let authorization = "ACS3-HMAC-SHA256 Credential=YourAccessKeyId,SignedHeaders=host;x-acs-action;\
            x-acs-content-sha256;x-acs-date;x-acs-signature-nonce;x-acs-version,\
            Signature=06563a9e1b43f5dfe96b81484da74bceab24a1d853912eee15083a6f0f3283c0";
        assert_eq!(
            post,
            Post {
                url: "https://ecs.cn-shanghai.aliyuncs.com/?ImageId=\
                    win2019_1809_x64_dtc_zh-cn_40G_alibase_20230811.vhd&RegionId=cn-shanghai"
                    .to_owned(),
                headers: vec![
                    ("x-acs-action", "RunInstances".to_owned()),
                    (
                        "x-acs-content-sha256",
                        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855".to_owned()
                    ),
                    ("x-acs-date", "2023-10-26T10:22:32Z".to_owned()),
                    ("x-acs-signature-nonce", "3156853299f313e23d1673dc12e1703d".to_owned()),
                    ("x-acs-version", "2014-05-26".to_owned()),
                    ("authorization", authorization.to_owned()),
                ],
                body: Vec::new(),
            }
        );
    }

    #[test]
    fn numbers_of_china_have_no_country() {
        let number = |phone: &str| number(&Address::Phone(phone.to_owned())).unwrap();
        assert_eq!(number("+8613800138000"), "13800138000");
        assert_eq!(number("13800138000"), "13800138000");
        assert_eq!(number("+85251234567"), "85251234567");
        assert!(super::number(&Address::Medium).is_err());
    }

    #[test]
    fn variables_are_never_empty_nor_too_long() {
        let message = crate::text::tests::message();
        assert_eq!(value("{value}{unit}", &message, 35), "412mA");
        assert_eq!(value("{circuit}", &message, 35), "-");
        assert_eq!(value("{site}{site}{site}", &message, 5), "一号店一…");
    }
}
