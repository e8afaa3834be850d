//! Calls that read a text out, by Alibaba Cloud 阿里云语音 (Dyvmsapi 2017-05-25): a plain notice (`SingleCallByTts`), or one
//! that is answered with a key (语音 IVR, `IvrCall`).

use std::collections::BTreeMap;

use domain::time::UnixMs;
use serde::{Deserialize, Serialize};

use super::aliyun::{Call, number, template_param};
use super::aliyun_sms::{check_params, max_value_chars};
use crate::check::{Check, FieldProblem};
use crate::http::{Post, address};
use crate::{Address, Message, Outcome, Secret};

/// The key that takes an alarm, as the approved text says; [`domain::telling::reply::takes`] knows it.
const ANSWER_KEY: &str = "1";

/// How long the called person may think before the text is read again, milliseconds.
const ANSWER_WITHIN_MS: u32 = 10_000;

/// An account and a text that Alibaba Cloud has approved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AliyunVoice {
    /// Of a RAM user who may do `dyvms:SingleCallByTts`, or `dyvms:IvrCall` where a key is waited for.
    pub access_key_id: String,
    /// Belongs to it.
    pub access_key_secret: Secret,
    /// The number that is shown; empty for one of the public pool, which a call with a key may not use.
    #[serde(default)]
    pub called_show_number: String,
    /// The approved text 语音通知模板, `TTS_…`.
    pub tts_code: String,
    /// The variables of that text, each with a text that may hold placeholders: `site` -> `{site}`.
    #[serde(default)]
    pub params: BTreeMap<String, String>,
    /// The approved text, without variables, that is read after key 1; with it the call waits for the key.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub answered_code: String,
    /// Longer values are cut.
    #[serde(default = "max_value_chars")]
    pub max_value_chars: u16,
    /// How often it is read out, 1 to 3.
    #[serde(default = "play_times")]
    pub play_times: u8,
    /// In place of `https://dyvmsapi.aliyuncs.com`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base_url: Option<String>,
}

const fn play_times() -> u8 {
    2
}

impl AliyunVoice {
    const fn waits_for_a_key(&self) -> bool {
        !self.answered_code.is_empty()
    }

    pub(crate) fn post(
        &self,
        to: &Address,
        message: &Message,
        now: UnixMs,
        nonce: &str,
    ) -> Result<Post, Outcome> {
        let spoken = template_param(&self.params, message, self.max_value_chars);
        let mut params =
            BTreeMap::from([("CalledNumber", number(to)?), ("PlayTimes", self.play_times.to_string())]);
        if self.waits_for_a_key() {
            params.extend([
                ("StartCode", self.tts_code.clone()),
                ("StartTtsParams", spoken),
                ("MenuKeyMap.1.Key", ANSWER_KEY.to_owned()),
                ("MenuKeyMap.1.Code", self.answered_code.clone()),
                ("Timeout", ANSWER_WITHIN_MS.to_string()),
            ]);
        } else {
            params.extend([("TtsCode", self.tts_code.clone()), ("TtsParam", spoken)]);
        }
        if !self.called_show_number.is_empty() {
            params.insert("CalledShowNumber", self.called_show_number.clone());
        }
        let call = Call {
            base_url: address(self.base_url.as_ref(), "https://dyvmsapi.aliyuncs.com", ""),
            action: if self.waits_for_a_key() { "IvrCall" } else { "SingleCallByTts" },
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
        if !self.called_show_number.is_empty() && !crate::check::is_phone(&self.called_show_number) {
            check.wrong("called_show_number", FieldProblem::NotAPhone);
        }
        check.text("tts_code", &self.tts_code, 100);
        check.optional_text("answered_code", &self.answered_code, 100);
        if self.waits_for_a_key() && self.called_show_number.is_empty() {
            check.wrong("called_show_number", FieldProblem::Missing);
        }
        check_params(&self.params, self.max_value_chars, check);
        if !(1..=3).contains(&self.play_times) {
            check.wrong("play_times", FieldProblem::OutOfRange);
        }
        check.base_url(self.base_url.as_ref());
    }
}
