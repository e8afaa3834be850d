//! What providers report later by calling us: whether a message arrived, what a person replied, which key was pressed.
//! Their bodies as published: Alibaba Cloud `SmsReport`, `SmsUp`, `VoiceReport` and `VoiceCallReport` by HTTP push,
//! Tencent Cloud "SMS sending status notification" and "SMS reply" (documents 382/43547 and 382/43548). None of them is
//! signed; what proves the caller is the secret in the address that was given to the provider.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::text::{cut_chars, one_line};
use crate::{Medium, MediumKind};

/// More of one call are not read.
const AT_ONCE: usize = 1_000;
/// What a person writes is kept up to this length, characters.
const TEXT: usize = 500;
/// Status of a call under way in which a key was pressed.
const KEY_PRESSED: &str = "300000";

/// One thing that a provider reports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Report {
    /// What became of a message that it had accepted.
    Receipt {
        /// The provider's number of the message.
        reference: String,
        /// Whether the telephone has it; of a call: whether somebody answered.
        arrived: bool,
        /// In the provider's words.
        detail: String,
    },
    /// What a person said.
    Reply {
        /// From which number, as the provider writes it.
        phone: String,
        /// The text, or the keys.
        text: String,
        /// Which message it answers, where the provider knows.
        reference: Option<String>,
        /// The provider's own name of it: the same report may come again.
        key: String,
    },
}

/// Why a report cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// This kind of medium reports nothing.
    #[error("a medium of kind {0} reports nothing")]
    Silent(&'static str),
    /// Not as published.
    #[error("the body is not as the provider publishes it: {0}")]
    Form(#[from] serde_json::Error),
}

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMany<T> {
    Many(Vec<T>),
    One(T),
}

impl<T> OneOrMany<T> {
    fn into_vec(self) -> Vec<T> {
        match self {
            Self::Many(all) => all,
            Self::One(one) => vec![one],
        }
    }
}

/// Numbers and truths that some send as text.
fn said(value: Option<&Value>) -> String {
    match value {
        Some(Value::String(text)) => text.trim().to_owned(),
        Some(Value::Null) | None => String::new(),
        Some(other) => other.to_string(),
    }
}

#[derive(Deserialize)]
struct Fields(serde_json::Map<String, Value>);

impl Fields {
    fn get(&self, name: &str) -> String {
        cut_chars(&one_line(&said(self.0.get(name))), TEXT)
    }

    fn has(&self, name: &str) -> bool {
        !self.get(name).is_empty()
    }
}

fn aliyun_sms(item: &Fields) -> Option<Report> {
    if item.has("biz_id") && item.0.contains_key("success") {
        return Some(Report::Receipt {
            reference: item.get("biz_id"),
            arrived: item.get("success") == "true",
            detail: format!("{} {}", item.get("err_code"), item.get("err_msg")).trim().to_owned(),
        });
    }
    (item.has("phone_number") && item.0.contains_key("content")).then(|| Report::Reply {
        phone: item.get("phone_number"),
        text: item.get("content"),
        reference: None,
        key: format!("{}:{}", item.get("sequence_id"), item.get("send_time")),
    })
}

fn tencent_sms(item: &Fields) -> Option<Report> {
    if item.has("sid") && item.has("report_status") {
        return Some(Report::Receipt {
            reference: item.get("sid"),
            arrived: item.get("report_status") == "SUCCESS",
            detail: format!("{} {}", item.get("errmsg"), item.get("description")).trim().to_owned(),
        });
    }
    (item.has("mobile") && item.0.contains_key("text")).then(|| Report::Reply {
        phone: format!("+{}{}", item.get("nationcode"), item.get("mobile")),
        text: item.get("text"),
        reference: None,
        key: format!("{}:{}:{}", item.get("mobile"), item.get("time"), item.get("text")),
    })
}

/// A call has a record at its end, and may tell of keys before.
fn aliyun_voice(item: &Fields) -> Vec<Report> {
    let call = item.get("call_id");
    if call.is_empty() {
        return Vec::new();
    }
    let mut found = Vec::new();
    let is_over = item.has("end_time") || item.has("originate_time");
    if item.has("dtmf") && (is_over || item.get("status_code") == KEY_PRESSED) {
        found.push(Report::Reply {
            phone: item.get("callee"),
            text: item.get("dtmf"),
            reference: Some(call.clone()),
            key: format!("{call}:{}", item.get("dtmf")),
        });
    }
    if is_over {
        found.push(Report::Receipt {
            reference: call,
            arrived: item.has("start_time"),
            detail: format!("{} {}", item.get("status_code"), item.get("status_msg")).trim().to_owned(),
        });
    }
    found
}

impl MediumKind {
    /// Whether its provider calls us with receipts and replies.
    #[must_use]
    pub const fn reports(self) -> bool {
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

    /// What the provider wants to hear when it has reported: whether we have it.
    #[must_use]
    pub fn answer(self, taken: bool) -> Value {
        match (self, taken) {
            (Self::TencentSms, true) => json!({ "result": 0, "errmsg": "OK" }),
            (Self::TencentSms, false) => json!({ "result": 1, "errmsg": "not taken" }),
            (_, true) => json!({ "code": 0, "msg": "OK" }),
            (_, false) => json!({ "code": 1, "msg": "not taken" }),
        }
    }
}

impl Medium {
    /// Reads what the provider of this medium reports. What is of no kind that we know is left out.
    ///
    /// # Errors
    /// [`ReportError`] when it is no report at all.
    pub fn reports(&self, body: &[u8]) -> Result<Vec<Report>, ReportError> {
        let kind = self.kind();
        if !kind.reports() {
            return Err(ReportError::Silent(kind.code()));
        }
        let items: OneOrMany<Fields> = serde_json::from_slice(body)?;
        let items = items.into_vec().into_iter().take(AT_ONCE);
        Ok(match kind {
            MediumKind::AliyunSms => items.filter_map(|item| aliyun_sms(&item)).collect(),
            MediumKind::TencentSms => items.filter_map(|item| tencent_sms(&item)).collect(),
            _ => items.flat_map(|item| aliyun_voice(&item)).collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn medium(kind: &str) -> Medium {
        let config = match kind {
            "tencent_sms" => {
                json!({ "kind": kind, "secret_id": "a", "secret_key": "b", "sdk_app_id": "1400006666",
                "sign_name": "s", "template_id": "1" })
            }
            "aliyun_voice" => {
                json!({ "kind": kind, "access_key_id": "a", "access_key_secret": "b", "tts_code": "TTS_1" })
            }
            _ => json!({ "kind": kind, "access_key_id": "a", "access_key_secret": "b", "sign_name": "s",
                "template_code": "SMS_1" }),
        };
        serde_json::from_value(config).unwrap()
    }

    fn receipt(reference: &str, arrived: bool, detail: &str) -> Report {
        Report::Receipt { reference: reference.to_owned(), arrived, detail: detail.to_owned() }
    }

    #[test]
    fn bodies_are_read_as_the_providers_publish_them() {
        // help.aliyun.com, SmsReport.
        let body = r#"[{"phone_number":"13811111111","send_time":"2017-01-01 00:00:00","report_time":"2017-01-01 00:00:00",
            "success":true,"err_code":"DELIVERED","err_msg":"用户接收成功","sms_size":"1","biz_id":"12345","out_id":"67890"}]"#;
        let read = medium("aliyun_sms").reports(body.as_bytes()).unwrap();
        assert_eq!(read, [receipt("12345", true, "DELIVERED 用户接收成功")]);
        // help.aliyun.com, SmsUp.
        let body = r#"[{"phone_number":"13811111111","content":"内容","send_time":"2017-09-01 00:00:00",
            "dest_code":"1234","sequence_id":"1234567890"}]"#;
        let read = medium("aliyun_sms").reports(body.as_bytes()).unwrap();
        assert_eq!(
            read,
            [Report::Reply {
                phone: "13811111111".into(),
                text: "内容".into(),
                reference: None,
                key: "1234567890:2017-09-01 00:00:00".into()
            }]
        );
        // tencentcloud.com, 382/43547 and 382/43548.
        let body = r#"[{"user_receive_time":"2015-10-17 08:03:04","nationcode":"86","mobile":"13800138000",
            "report_status":"FAIL","errmsg":"MK:0001","description":"power off","sid":"2640:1"}]"#;
        let read = medium("tencent_sms").reports(body.as_bytes()).unwrap();
        assert_eq!(read, [receipt("2640:1", false, "MK:0001 power off")]);
        let body = r#"{"extend":"","mobile":"13800138000","nationcode":"86","sign":"s","text":"收到","time":1457336869}"#;
        let read = medium("tencent_sms").reports(body.as_bytes()).unwrap();
        assert!(
            matches!(&read[..], [Report::Reply { phone, text, .. }] if phone == "+8613800138000" && text == "收到")
        );
        // help.aliyun.com, VoiceReport and VoiceCallReport.
        let body = r#"[{"call_id":"100001616500^100001871490","originate_time":"2020-05-01 10:00:00",
            "ring_time":"2020-05-01 10:00:03","start_time":"","end_time":"2020-05-01 10:00:33","caller":"057111111111",
            "callee":"13900000000","duration":"0","status_code":"200010","status_msg":"x","dtmf":"","voice_type":"voice"}]"#;
        let read = medium("aliyun_voice").reports(body.as_bytes()).unwrap();
        assert_eq!(read, [receipt("100001616500^100001871490", false, "200010 x")]);
        let body = r#"[{"status_code":"300000","smart_status_code":"ANSWERED","dtmf":"1",
            "status_time":"2023-03-06 16:21:12","out_id":"4","call_id":"1^2"}]"#;
        let read = medium("aliyun_voice").reports(body.as_bytes()).unwrap();
        assert!(
            matches!(&read[..], [Report::Reply { text, reference: Some(call), .. }] if text == "1" && call == "1^2")
        );
    }

    #[test]
    fn what_is_no_report_is_refused_or_left_out() {
        for body in ["", "1", "\"x\"", "[1]", "not json"] {
            assert!(medium("aliyun_sms").reports(body.as_bytes()).is_err(), "{body}");
        }
        assert_eq!(medium("aliyun_sms").reports(b"[]").unwrap(), []);
        assert_eq!(medium("aliyun_sms").reports(b"[{\"a\":{\"b\":[]}},{\"success\":true}]").unwrap(), []);
        assert_eq!(medium("aliyun_voice").reports(b"{}").unwrap(), []);
        let many = format!("[{}]", vec![r#"{"biz_id":"1","success":"false"}"#; 1_200].join(","));
        assert_eq!(medium("aliyun_sms").reports(many.as_bytes()).unwrap().len(), 1_000);
        let ntfy: Medium =
            serde_json::from_value(json!({ "kind": "ntfy", "topic": "x", "token": "" })).unwrap();
        assert!(ntfy.reports(b"[]").is_err());
    }
}
