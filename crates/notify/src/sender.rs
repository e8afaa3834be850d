//! One attempt.

use std::time::Duration;

use domain::time::UnixMs;

use crate::{Address, Medium, Message, Outcome};

/// How long one attempt may take.
pub const TIME_LIMIT: Duration = Duration::from_secs(10);

/// Holds the connections to the providers. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Sender {
    http: reqwest::Client,
}

impl Sender {
    /// # Errors
    /// When the list of trusted authorities cannot be read.
    pub fn new() -> Result<Self, reqwest::Error> {
        let http = reqwest::Client::builder()
            .timeout(TIME_LIMIT)
            .redirect(reqwest::redirect::Policy::none())
            .build()?;
        Ok(Self { http })
    }

    /// Sends one message once.
    pub async fn send(
        &self,
        medium: &Medium,
        _address: &Address,
        message: &Message,
        _now: UnixMs,
    ) -> Outcome {
        match medium {
            Medium::Webhook(webhook) => {
                match self.http.post(&webhook.url).body(message.body.clone()).send().await {
                    Ok(_) => Outcome::Accepted { reference: None },
                    Err(error) => Outcome::TryAgain { after_ms: None, detail: error.to_string() },
                }
            }
            Medium::Smtp(_)
            | Medium::Wecom(_)
            | Medium::Dingtalk(_)
            | Medium::Feishu(_)
            | Medium::AliyunSms(_)
            | Medium::TencentSms(_)
            | Medium::AliyunVoice(_)
            | Medium::Ntfy(_)
            | Medium::Bark(_)
            | Medium::WebPush(_)
            | Medium::Mqtt(_) => Outcome::Refused { detail: "this medium is not connected yet".to_owned() },
        }
    }
}
