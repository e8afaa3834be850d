//! The ways to reach people, as they are set up. Field names are stored and go over the API.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::Outcome;
use crate::check::{Check, FieldError};
use crate::http::Answer;
use crate::media::{aliyun, bark, dingtalk, feishu, ntfy, tencent_sms, web_push, webhook, wecom};
use crate::media::{
    aliyun_sms::AliyunSms,
    aliyun_voice::AliyunVoice,
    bark::Bark,
    dingtalk::Dingtalk,
    feishu::Feishu,
    mqtt::Mqtt,
    ntfy::Ntfy,
    smtp::{Security, Smtp},
    tencent_sms::TencentSms,
    web_push::WebPush,
    webhook::Webhook,
    wecom::Wecom,
};
use crate::message::AddressKind;

/// One way to reach people, with what is needed to use it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Medium {
    /// Mail.
    Smtp(Smtp),
    /// A signed request to a system of the customer.
    Webhook(Webhook),
    /// The robot of a WeCom group 企业微信.
    Wecom(Wecom),
    /// The robot of a DingTalk group 钉钉.
    Dingtalk(Dingtalk),
    /// The robot of a Feishu group 飞书.
    Feishu(Feishu),
    /// Short messages by Alibaba Cloud.
    AliyunSms(AliyunSms),
    /// Short messages by Tencent Cloud.
    TencentSms(TencentSms),
    /// Calls by Alibaba Cloud.
    AliyunVoice(AliyunVoice),
    /// A topic of ntfy.
    Ntfy(Ntfy),
    /// A telephone with Bark.
    Bark(Bark),
    /// Browsers.
    WebPush(WebPush),
    /// A topic of an MQTT broker.
    Mqtt(Mqtt),
}

/// The kinds of [`Medium`], as they are named in the database and the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MediumKind {
    /// [`Medium::Smtp`].
    Smtp,
    /// [`Medium::Webhook`].
    Webhook,
    /// [`Medium::Wecom`].
    Wecom,
    /// [`Medium::Dingtalk`].
    Dingtalk,
    /// [`Medium::Feishu`].
    Feishu,
    /// [`Medium::AliyunSms`].
    AliyunSms,
    /// [`Medium::TencentSms`].
    TencentSms,
    /// [`Medium::AliyunVoice`].
    AliyunVoice,
    /// [`Medium::Ntfy`].
    Ntfy,
    /// [`Medium::Bark`].
    Bark,
    /// [`Medium::WebPush`].
    WebPush,
    /// [`Medium::Mqtt`].
    Mqtt,
}

impl MediumKind {
    /// All of them, in the order in which a form offers them.
    pub const ALL: [Self; 12] = [
        Self::Smtp,
        Self::Webhook,
        Self::Wecom,
        Self::Dingtalk,
        Self::Feishu,
        Self::AliyunSms,
        Self::TencentSms,
        Self::AliyunVoice,
        Self::Ntfy,
        Self::Bark,
        Self::WebPush,
        Self::Mqtt,
    ];

    /// The stable name used in the API and the database.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Smtp => "smtp",
            Self::Webhook => "webhook",
            Self::Wecom => "wecom",
            Self::Dingtalk => "dingtalk",
            Self::Feishu => "feishu",
            Self::AliyunSms => "aliyun_sms",
            Self::TencentSms => "tencent_sms",
            Self::AliyunVoice => "aliyun_voice",
            Self::Ntfy => "ntfy",
            Self::Bark => "bark",
            Self::WebPush => "web_push",
            Self::Mqtt => "mqtt",
        }
    }

    /// The kind with this [`code`](Self::code).
    #[must_use]
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.code() == code)
    }

    /// What a person needs so that this kind reaches them.
    #[must_use]
    pub const fn address(self) -> AddressKind {
        match self {
            Self::Smtp => AddressKind::Email,
            Self::AliyunSms | Self::TencentSms | Self::AliyunVoice => AddressKind::Phone,
            Self::WebPush => AddressKind::Push,
            Self::Webhook
            | Self::Wecom
            | Self::Dingtalk
            | Self::Feishu
            | Self::Ntfy
            | Self::Bark
            | Self::Mqtt => AddressKind::Medium,
        }
    }

    /// Whether the provider tells later if it arrived.
    #[must_use]
    pub const fn has_receipts(self) -> bool {
        match self {
            Self::AliyunSms | Self::TencentSms | Self::AliyunVoice => true,
            Self::Smtp
            | Self::Webhook
            | Self::Wecom
            | Self::Dingtalk
            | Self::Feishu
            | Self::Ntfy
            | Self::Bark
            | Self::WebPush
            | Self::Mqtt => false,
        }
    }

    /// Whether a person can answer over the same way.
    #[must_use]
    pub const fn has_replies(self) -> bool {
        match self {
            Self::AliyunSms | Self::TencentSms => true,
            Self::Smtp
            | Self::Webhook
            | Self::Wecom
            | Self::Dingtalk
            | Self::Feishu
            | Self::AliyunVoice
            | Self::Ntfy
            | Self::Bark
            | Self::WebPush
            | Self::Mqtt => false,
        }
    }

    /// The fields that are never shown.
    #[must_use]
    pub const fn secrets(self) -> &'static [&'static str] {
        match self {
            Self::Smtp => &["password"],
            Self::Webhook => &["secret"],
            Self::Wecom => &["key"],
            Self::Dingtalk => &["access_token", "secret"],
            Self::Feishu => &["token", "secret"],
            Self::AliyunSms => &["access_key_secret"],
            Self::TencentSms => &["secret_key"],
            Self::AliyunVoice => &["access_key_secret"],
            Self::Ntfy => &["token"],
            Self::Bark => &["device_key"],
            Self::WebPush => &["private_key"],
            Self::Mqtt => &["password"],
        }
    }
}

impl Medium {
    /// Which it is.
    #[must_use]
    pub const fn kind(&self) -> MediumKind {
        match self {
            Self::Smtp(_) => MediumKind::Smtp,
            Self::Webhook(_) => MediumKind::Webhook,
            Self::Wecom(_) => MediumKind::Wecom,
            Self::Dingtalk(_) => MediumKind::Dingtalk,
            Self::Feishu(_) => MediumKind::Feishu,
            Self::AliyunSms(_) => MediumKind::AliyunSms,
            Self::TencentSms(_) => MediumKind::TencentSms,
            Self::AliyunVoice(_) => MediumKind::AliyunVoice,
            Self::Ntfy(_) => MediumKind::Ntfy,
            Self::Bark(_) => MediumKind::Bark,
            Self::WebPush(_) => MediumKind::WebPush,
            Self::Mqtt(_) => MediumKind::Mqtt,
        }
    }

    /// What has to be put right before it can work, nothing when all is well. Nobody is asked: a wrong password
    /// shows when a message is sent.
    #[must_use]
    pub fn validate(&self) -> Vec<FieldError> {
        let mut check = Check::default();
        match self {
            Self::Smtp(of) => of.check(&mut check),
            Self::Webhook(of) => of.check(&mut check),
            Self::Wecom(of) => of.check(&mut check),
            Self::Dingtalk(of) => of.check(&mut check),
            Self::Feishu(of) => of.check(&mut check),
            Self::AliyunSms(of) => of.check(&mut check),
            Self::TencentSms(of) => of.check(&mut check),
            Self::AliyunVoice(of) => of.check(&mut check),
            Self::Ntfy(of) => of.check(&mut check),
            Self::Bark(of) => of.check(&mut check),
            Self::WebPush(of) => of.check(&mut check),
            Self::Mqtt(of) => of.check(&mut check),
        }
        check.0
    }

    /// As it is shown: in the place of each secret stands whether it is set, `true` or `false`.
    #[must_use]
    pub fn redacted(&self) -> Value {
        let mut shown = serde_json::to_value(self).unwrap_or_default();
        for field in self.kind().secrets() {
            if let Some(secret) = shown.get_mut(*field) {
                *secret = Value::Bool(secret.as_str().is_some_and(|secret| !secret.is_empty()));
            }
        }
        shown
    }

    /// This one with the secrets of `old` where it has none itself: a form does not get them and sends them empty.
    /// Secrets of another kind are not taken, and none at all when the messages would go to another place: whoever
    /// may change an address must not get a key sent there that they were never shown.
    #[must_use]
    pub fn with_secrets_of(self, old: &Self) -> Self {
        if self.kind() != old.kind() || self.place() != old.place() {
            return self;
        }
        let (Ok(mut new), Ok(old)) = (serde_json::to_value(&self), serde_json::to_value(old)) else {
            return self;
        };
        for field in self.kind().secrets() {
            if let (Some(secret), Some(kept)) = (new.get_mut(*field), old.get(*field))
                && secret.as_str().is_some_and(str::is_empty)
            {
                *secret = kept.clone();
            }
        }
        serde_json::from_value(new).unwrap_or(self)
    }

    /// What the provider's answer means.
    pub(crate) fn outcome(&self, answer: &Answer) -> Outcome {
        match self {
            Self::Wecom(_) => wecom::outcome(answer),
            Self::Dingtalk(_) => dingtalk::outcome(answer),
            Self::Feishu(_) => feishu::outcome(answer),
            Self::AliyunSms(_) | Self::AliyunVoice(_) => aliyun::outcome(answer),
            Self::TencentSms(_) => tencent_sms::outcome(answer),
            Self::Ntfy(_) => ntfy::outcome(answer),
            Self::Bark(_) => bark::outcome(answer),
            Self::Webhook(_) => webhook::outcome(answer),
            Self::WebPush(_) => web_push::outcome(answer),
            // Neither speaks HTTP.
            Self::Smtp(_) | Self::Mqtt(_) => answer.by_status(),
        }
    }

    /// Where secrets are sent, as far as it can be set.
    fn place(&self) -> (Option<&str>, u16, bool) {
        match self {
            Self::Smtp(of) => (Some(&of.host), of.port, of.security == Security::None),
            Self::Mqtt(of) => (Some(&of.host), of.port, of.tls),
            Self::Wecom(of) => (of.base_url.as_deref(), 0, true),
            Self::Dingtalk(of) => (of.base_url.as_deref(), 0, true),
            Self::Feishu(of) => (of.base_url.as_deref(), 0, true),
            Self::AliyunSms(of) => (of.base_url.as_deref(), 0, true),
            Self::TencentSms(of) => (of.base_url.as_deref(), 0, true),
            Self::AliyunVoice(of) => (of.base_url.as_deref(), 0, true),
            Self::Ntfy(of) => (of.base_url.as_deref(), 0, true),
            Self::Bark(of) => (of.base_url.as_deref(), 0, true),
            // The key signs and is not sent.
            Self::Webhook(_) | Self::WebPush(_) => (None, 0, true),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::FieldProblem;

    /// One of each kind with all that can be set, and its secrets. Also what is stored: a change here is a change
    /// of the stored form.
    pub(crate) fn stored() -> Vec<Value> {
        vec![
            json!({"kind": "smtp", "host": "smtp.example.com", "port": 465, "security": "tls",
                "user": "alarm@example.com", "password": "s-mail", "from": "Emberwatch <alarm@example.com>"}),
            json!({"kind": "webhook", "url": "https://erp.example.com/fire", "secret": "s-hook"}),
            json!({"kind": "wecom", "key": "s-wecom", "format": "markdown",
                "mention_phones": ["13800138000"], "base_url": "https://wecom.example.com"}),
            json!({"kind": "dingtalk", "access_token": "s-ding", "secret": "s-ding2", "format": "text",
                "mention_phones": ["13800138000"], "base_url": "https://ding.example.com"}),
            json!({"kind": "feishu", "token": "s-feishu", "secret": "s-feishu2",
                "base_url": "https://open.larksuite.com"}),
            json!({"kind": "aliyun_sms", "access_key_id": "LTAI", "access_key_secret": "s-aliyun",
                "sign_name": "电气火灾监控", "template_code": "SMS_1", "params": {"site": "{site}"},
                "max_value_chars": 35, "base_url": "https://sms.example.com"}),
            json!({"kind": "tencent_sms", "secret_id": "AKID", "secret_key": "s-tencent",
                "sdk_app_id": "1400006666", "sign_name": "电气火灾监控", "template_id": "1110",
                "params": ["{site}", "{value}{unit}"], "max_value_chars": 12, "region": "ap-guangzhou",
                "base_url": "https://sms.example.com"}),
            json!({"kind": "aliyun_voice", "access_key_id": "LTAI", "access_key_secret": "s-voice",
                "called_show_number": "05710000000", "tts_code": "TTS_1", "params": {"site": "{site}"},
                "max_value_chars": 35, "play_times": 2, "base_url": "https://voice.example.com"}),
            json!({"kind": "ntfy", "topic": "fire-12", "token": "s-ntfy", "base_url": "https://ntfy.example.com"}),
            json!({"kind": "bark", "device_key": "s-bark", "base_url": "https://bark.example.com"}),
            json!({"kind": "web_push", "private_key": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAE",
                "subject": "mailto:alarm@example.com"}),
            json!({"kind": "mqtt", "host": "broker.example.com", "port": 8883, "tls": true, "user": "ember",
                "password": "s-mqtt", "topic": "building/fire"}),
        ]
    }

    #[test]
    fn each_kind_is_stored_as_written_here_and_valid() {
        let kinds: Vec<_> = stored()
            .into_iter()
            .map(|stored| {
                let medium: Medium = serde_json::from_value(stored.clone()).unwrap();
                assert_eq!(serde_json::to_value(&medium).unwrap(), stored);
                assert_eq!(medium.validate(), [], "{stored}");
                assert_eq!(stored["kind"], medium.kind().code());
                assert_eq!(serde_json::to_value(medium.kind()).unwrap(), medium.kind().code());
                assert_eq!(MediumKind::from_code(medium.kind().code()), Some(medium.kind()));
                medium.kind()
            })
            .collect();
        assert_eq!(kinds, MediumKind::ALL);
    }

    #[test]
    fn secrets_are_neither_printed_nor_shown() {
        for stored in stored() {
            let medium: Medium = serde_json::from_value(stored.clone()).unwrap();
            let (printed, shown) = (format!("{medium:?}"), medium.redacted());
            for field in medium.kind().secrets() {
                let secret = stored[*field].as_str().unwrap();
                assert!(!printed.contains(secret), "{printed}");
                assert!(!shown.to_string().contains(secret), "{shown}");
                assert_eq!(shown[*field], true);
            }
            assert!(!printed.contains("\"s-") && !shown.to_string().contains("\"s-"), "{printed}");
        }
    }

    #[test]
    fn an_empty_secret_keeps_the_old_one() {
        for stored in stored() {
            let old: Medium = serde_json::from_value(stored.clone()).unwrap();
            let mut form = stored.clone();
            for field in old.kind().secrets() {
                form[*field] = json!("");
            }
            let form: Medium = serde_json::from_value(form).unwrap();
            for field in old.kind().secrets() {
                assert_eq!(form.redacted()[*field], false);
            }
            assert_eq!(form.with_secrets_of(&old), old);

            let mut other = stored;
            for field in old.kind().secrets() {
                other[*field] = json!("new");
            }
            let other: Medium = serde_json::from_value(other).unwrap();
            assert_eq!(other.clone().with_secrets_of(&old), other);
        }
    }

    #[test]
    fn a_secret_does_not_follow_to_another_place() {
        for (stored, field, value) in [
            (0, "host", json!("evil.example")),
            (0, "security", json!("none")),
            (2, "base_url", json!("https://evil.example")),
            (5, "base_url", Value::Null),
            (9, "base_url", json!("https://evil.example")),
            (11, "port", json!(1)),
        ] {
            let stored = self::stored()[stored].clone();
            let old: Medium = serde_json::from_value(stored.clone()).unwrap();
            let mut form = stored;
            form[field] = value;
            for secret in old.kind().secrets() {
                form[*secret] = json!("");
            }
            let form: Medium = serde_json::from_value(form).unwrap();
            assert_eq!(form.clone().with_secrets_of(&old), form);
        }
    }

    #[test]
    fn each_wrong_field_is_named() {
        use FieldProblem as P;
        let cases = [
            (0, "host", json!(""), P::Missing),
            (0, "host", json!("a b"), P::Characters),
            (0, "port", json!(0), P::OutOfRange),
            (0, "password", json!(""), P::Missing),
            (0, "security", json!("none"), P::SentInTheClear),
            (0, "from", json!("nobody"), P::NotAMailbox),
            (0, "from", json!(""), P::Missing),
            (0, "trusted_ca", json!("no certificate"), P::NotACertificate),
            (1, "url", json!(""), P::Missing),
            (1, "url", json!("erp"), P::NotAUrl),
            (1, "url", json!("ftp://erp.example.com/"), P::Scheme),
            (1, "url", json!("https://a:b@erp.example.com/"), P::LoginInUrl),
            (1, "secret", json!(""), P::Missing),
            (2, "key", json!("a\nb"), P::Characters),
            (2, "base_url", json!("file:///"), P::Scheme),
            (4, "token", json!(""), P::Missing),
            (5, "sign_name", json!("x".repeat(101)), P::TooLong),
            (5, "max_value_chars", json!(0), P::OutOfRange),
            (6, "sdk_app_id", json!("app"), P::Characters),
            (7, "play_times", json!(4), P::OutOfRange),
            (7, "called_show_number", json!("call me"), P::NotAPhone),
            (7, "answered_code", json!("a\nb"), P::Characters),
            (8, "topic", json!("a/b"), P::Characters),
            (9, "device_key", json!(""), P::Missing),
            (10, "private_key", json!("short"), P::NotAKey),
            (10, "private_key", json!(""), P::Missing),
            (10, "subject", json!("mailto:nobody"), P::NotAMailbox),
            (10, "subject", json!("alarm@example.com"), P::NotAUrl),
            (11, "topic", json!("building/#"), P::Characters),
        ];
        for (stored, field, value, problem) in cases {
            let mut stored = self::stored()[stored].clone();
            stored[field] = value;
            let medium: Medium = serde_json::from_value(stored.clone()).unwrap();
            assert_eq!(medium.validate(), [FieldError { field: field.to_owned(), problem }], "{stored}");
        }
        let entries = [
            (3, "mention_phones", json!(["+8613800138000", "boss"]), "mention_phones.1", P::NotAPhone),
            (5, "params", json!({"site": "{sight}"}), "params.site", P::Placeholder),
            (6, "params", json!(["{site}", "{"]), "params.1", P::Placeholder),
        ];
        for (stored, field, value, at, problem) in entries {
            let mut stored = self::stored()[stored].clone();
            stored[field] = value;
            let medium: Medium = serde_json::from_value(stored.clone()).unwrap();
            assert_eq!(medium.validate(), [FieldError { field: at.to_owned(), problem }], "{stored}");
        }
    }
}
