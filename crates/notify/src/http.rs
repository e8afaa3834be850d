//! One request to a provider over HTTP, and what can be read from the answer before its body is.

use std::error::Error as _;

use domain::time::UnixMs;
use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimeParser;
use reqwest::header::{CONTENT_TYPE, HeaderMap, RETRY_AFTER};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::Outcome;
use crate::check::http_url;
use crate::net::{HostError, Net};
use crate::text::cut_bytes;

/// More of an answer is not read.
const MAX_ANSWER_BYTES: usize = 64 * 1024;

/// What is sent. Nothing else is used of HTTP: all providers are spoken to by POST.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Post {
    pub(crate) url: String,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Vec<u8>,
}

impl Post {
    pub(crate) fn json(url: String, body: &Value) -> Self {
        let headers = vec![(CONTENT_TYPE.as_str(), "application/json; charset=utf-8".to_owned())];
        Self { url, headers, body: body.to_string().into_bytes() }
    }

    pub(crate) fn with(mut self, name: &'static str, value: String) -> Self {
        self.headers.push((name, value));
        self
    }
}

/// Adds a member to an object.
pub(crate) fn put(object: &mut Value, name: &str, value: impl Into<Value>) {
    if let Some(object) = object.as_object_mut() {
        object.insert(name.to_owned(), value.into());
    }
}

/// The address of a provider: its own, or the one that was set in its place.
pub(crate) fn address(base: Option<&String>, own: &str, path: &str) -> String {
    format!("{}{path}", base.map_or(own, |base| base.as_str()).trim_end_matches('/'))
}

/// What came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// How long the provider asked to wait, in ms.
    pub(crate) retry_after_ms: Option<i64>,
    pub(crate) body: Vec<u8>,
    /// Why the body is not all of it.
    pub(crate) broken: Option<&'static str>,
}

impl Answer {
    pub(crate) const fn is_success(&self) -> bool {
        self.status >= 200 && self.status < 300
    }

    /// It may go through later.
    pub(crate) fn try_again(&self, detail: impl Into<String>) -> Outcome {
        Outcome::TryAgain { after_ms: self.retry_after_ms, detail: detail.into() }
    }

    /// By the status alone.
    pub(crate) fn by_status(&self) -> Outcome {
        match self.status {
            200..=299 => Outcome::Accepted { reference: None },
            408 | 425 | 429 | 500..=599 => self.try_again(self.excerpt()),
            300..=399 => {
                Outcome::Refused { detail: format!("{}; redirects are not followed", self.excerpt()) }
            }
            _ => Outcome::Refused { detail: self.excerpt() },
        }
    }

    /// By what the body says, where it can be read; else by the status.
    pub(crate) fn by_body<T: DeserializeOwned>(&self, read: impl FnOnce(T) -> Outcome) -> Outcome {
        match serde_json::from_slice(&self.body) {
            Ok(said) => read(said),
            Err(_) if self.is_success() => {
                let why = self.broken.unwrap_or("is not of the provider's form");
                self.try_again(format!("the answer {why}: {}", self.excerpt()))
            }
            Err(_) => self.by_status(),
        }
    }

    /// The status and the beginning of the body on one line.
    pub(crate) fn excerpt(&self) -> String {
        let text = String::from_utf8_lossy(&self.body);
        let text: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        format!("HTTP {} {}", self.status, cut_bytes(text.trim(), 300)).trim_end().to_owned()
    }
}

/// Holds the connections to the providers. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Http {
    client: reqwest::Client,
    net: Net,
}

impl Http {
    pub(crate) fn new(net: Net) -> Result<Self, reqwest::Error> {
        // Fails when the process has chosen its cryptography already, which is as well.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder()
            .user_agent(concat!("Emberwatch/", env!("CARGO_PKG_VERSION")))
            .redirect(reqwest::redirect::Policy::none())
            .dns_resolver(net.resolver())
            .build()?;
        Ok(Self { client, net })
    }

    /// Sends it. The time-limit is the caller's.
    pub(crate) async fn exchange(&self, post: Post, now: UnixMs) -> Result<Answer, Outcome> {
        let url = http_url(&post.url).map_err(|problem| Outcome::Refused {
            detail: format!("the address is refused: {}", problem.code()),
        })?;
        // The resolver is asked for names alone, so addresses are looked at here.
        if let Some(host) = url.host_str().filter(|_| url.domain().is_none()) {
            self.net.resolve(host, 0).await.map_err(|error| error.outcome())?;
        }
        let mut request = self.client.post(url);
        for (name, value) in post.headers {
            request = request.header(name, value);
        }
        let mut response =
            request.body(post.body).send().await.map_err(|error| of_error(&error.without_url()))?;
        let mut answer = Answer {
            status: response.status().as_u16(),
            retry_after_ms: retry_after_ms(response.headers(), now),
            body: Vec::new(),
            broken: None,
        };
        loop {
            match response.chunk().await {
                Ok(Some(chunk)) => {
                    let room = MAX_ANSWER_BYTES.saturating_sub(answer.body.len());
                    answer.body.extend(chunk.iter().take(room));
                    if chunk.len() > room {
                        answer.broken = Some("is longer than 64 KiB");
                        return Ok(answer);
                    }
                }
                Ok(None) => return Ok(answer),
                Err(_) => {
                    answer.broken = Some("broke off");
                    return Ok(answer);
                }
            }
        }
    }
}

/// The error without the address: keys stand in it.
fn of_error(error: &reqwest::Error) -> Outcome {
    let mut detail = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        if let Some(host) = error.downcast_ref::<HostError>() {
            return host.outcome();
        }
        detail = format!("{detail}: {error}");
        source = error.source();
    }
    if error.is_builder() {
        return Outcome::Refused { detail };
    }
    Outcome::TryAgain { after_ms: None, detail }
}

/// `Retry-After` in seconds or as a date (RFC 9110 section 10.2.3), in ms from `now`; a day at most.
fn retry_after_ms(headers: &HeaderMap, now: UnixMs) -> Option<i64> {
    const DAY_MS: i64 = 86_400_000;
    let value = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let ms = match value.parse::<u32>() {
        Ok(seconds) => i64::from(seconds).saturating_mul(1000),
        Err(_) => {
            let date: Timestamp = DateTimeParser::new().parse_timestamp(value).ok()?;
            UnixMs(date.as_millisecond()).since_ms(now)
        }
    };
    Some(ms.clamp(0, DAY_MS))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, body: &str) -> Answer {
        Answer { status, retry_after_ms: Some(5000), body: body.as_bytes().to_vec(), broken: None }
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let after = |value: &str, now| {
            let headers = HeaderMap::from_iter([(RETRY_AFTER, value.parse().unwrap())]);
            retry_after_ms(&headers, UnixMs(now))
        };
        assert_eq!(after("120", 0), Some(120_000));
        assert_eq!(after("Wed, 21 Oct 2015 07:28:00 GMT", 1_445_412_450_000), Some(30_000));
        assert_eq!(after("Wed, 21 Oct 2015 07:28:00 GMT", 1_500_000_000_000), Some(0), "past is now");
        assert_eq!(after("4000000000", 0), Some(86_400_000));
        assert_eq!(after("soon", 0), None);
        assert_eq!(retry_after_ms(&HeaderMap::new(), UnixMs(0)), None);
    }

    #[test]
    fn the_status_says_whether_again_can_help() {
        for (status, again) in
            [(408, true), (429, true), (500, true), (503, true), (400, false), (401, false)]
        {
            match answer(status, "why").by_status() {
                Outcome::TryAgain { after_ms: Some(5000), detail } if again => {
                    assert_eq!(detail, format!("HTTP {status} why"));
                }
                Outcome::Refused { detail } if !again => assert_eq!(detail, format!("HTTP {status} why")),
                other => panic!("{status}: {other:?}"),
            }
        }
        assert!(
            matches!(answer(302, "").by_status(), Outcome::Refused { detail } if detail.contains("redirects"))
        );
    }

    #[test]
    fn an_excerpt_is_one_short_line() {
        let excerpt = answer(500, &format!("a\n\u{1b}[31m{}", "火".repeat(200))).excerpt();
        assert!(excerpt.starts_with("HTTP 500 a  [31m火") && excerpt.len() < 320, "{excerpt}");
    }
}
