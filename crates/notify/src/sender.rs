//! One attempt.

use std::time::Duration;

use domain::time::UnixMs;

use crate::http::Http;
use crate::net::Net;
use crate::{Address, Medium, Message, Outcome};

/// How long one attempt may take.
pub const TIME_LIMIT: Duration = Duration::from_secs(10);

/// How a [`Sender`] sends.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// Whether media may lead to this machine and its link (loopback, 169.254.0.0/16, the metadata services of
    /// clouds). Wanted where a gateway runs beside the platform, and in tests.
    pub local_addresses: bool,
    /// How long one attempt may take.
    pub time_limit: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self { local_addresses: false, time_limit: TIME_LIMIT }
    }
}

/// Holds the connections to the providers. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Sender {
    http: Http,
    net: Net,
    time_limit: Duration,
}

impl Sender {
    /// With the usual [`Options`].
    ///
    /// # Errors
    /// When the list of trusted authorities cannot be read.
    pub fn new() -> Result<Self, reqwest::Error> {
        Self::with(Options::default())
    }

    /// # Errors
    /// When the list of trusted authorities cannot be read.
    pub fn with(options: Options) -> Result<Self, reqwest::Error> {
        let net = Net { local: options.local_addresses };
        Ok(Self { http: Http::new(net)?, net, time_limit: options.time_limit })
    }

    /// Sends one message once. `now` goes into signatures, so it has to be the true time.
    pub async fn send(&self, medium: &Medium, address: &Address, message: &Message, now: UnixMs) -> Outcome {
        let attempt = self.attempt(medium, address, message, now);
        match tokio::time::timeout(self.time_limit, attempt).await {
            Ok(Ok(outcome) | Err(outcome)) => outcome,
            Err(_) => Outcome::TryAgain {
                after_ms: None,
                detail: format!("no answer within {} ms", self.time_limit.as_millis()),
            },
        }
    }

    /// What stopped it before an answer came is an outcome too.
    async fn attempt(
        &self,
        medium: &Medium,
        address: &Address,
        message: &Message,
        now: UnixMs,
    ) -> Result<Outcome, Outcome> {
        let post = match medium {
            Medium::Smtp(of) => return of.send(self.net, address, message, now).await,
            Medium::Mqtt(of) => return of.send(self.net, message, now).await,
            Medium::Webhook(of) => of.post(message, now),
            Medium::Wecom(of) => of.post(message),
            Medium::Dingtalk(of) => of.post(message, now),
            Medium::Feishu(of) => of.post(message, now),
            Medium::AliyunSms(of) => of.post(address, message, now, &nonce())?,
            Medium::TencentSms(of) => of.post(address, message, now)?,
            Medium::AliyunVoice(of) => of.post(address, message, now, &nonce())?,
            Medium::Ntfy(of) => of.post(message),
            Medium::Bark(of) => of.post(message),
            Medium::WebPush(of) => of.post(address, message, now)?,
        };
        let answer = self.http.exchange(post, now).await?;
        Ok(medium.outcome(&answer))
    }
}

/// A number that no other request has.
pub(crate) fn nonce() -> String {
    format!("{:032x}", rand::random::<u128>())
}
