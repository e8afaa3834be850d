//! The carriers' HTTP pushes: what their platforms send for devices that speak to them (docs/protocol/carrier-push.md).
//! Only reading and verifying stands here; the door is HTTP's.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use domain::time::UnixMs;
use md5::{Digest as _, Md5};
use serde_json::value::RawValue;
use wire::telemetry::{Form, Limits, Tree, read_tree, write_tree};

/// The carriers' pushes. A carrier without a key is closed.
#[derive(Debug, Clone, Default)]
pub struct PushConfig {
    /// China Telecom's CTWing AEP.
    pub ctwing: CarrierConfig,
    /// China Mobile's OneNET.
    pub onenet: CarrierConfig,
}

/// One carrier's push.
#[derive(Clone, Default)]
pub struct CarrierConfig {
    /// The last part of the path: a secret of at least 16 characters that only the carrier's platform is told. Empty:
    /// closed.
    pub key: String,
    /// The token with which the platform signs (OneNET). Empty: signatures are not looked at.
    pub token: String,
    /// The members that may hold the terminal's serial number, first come first served.
    pub identity: Vec<String>,
    /// Texts in a payload are bytes written as hexadecimal digits or base64; `false` leaves them texts.
    pub decode_texts: bool,
}

impl std::fmt::Debug for CarrierConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CarrierConfig").field("identity", &self.identity).finish_non_exhaustive()
    }
}

impl CarrierConfig {
    /// Whether `key` is the one of this carrier.
    pub(crate) fn opens_with(&self, key: &str) -> bool {
        let (own, had) = (self.key.as_bytes(), key.as_bytes());
        // Compared without an early end; the length is no secret.
        own.len() == had.len()
            && own.len() >= MIN_KEY
            && own.iter().zip(had).fold(0u8, |sum, (a, b)| sum | (a ^ b)) == 0
    }
}

/// Shortest key of a carrier, characters.
pub const MIN_KEY: usize = 16;

/// One device's message in a push.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pushed {
    /// The terminal.
    pub(crate) serial: String,
    /// The platform's time of the message.
    pub(crate) at: Option<UnixMs>,
    /// What the device said.
    pub(crate) bytes: Vec<u8>,
    /// How: JSON when the platform took the device's bytes apart already.
    pub(crate) form: Option<Form>,
}

/// Why a push was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PushRefused {
    #[error("{0}")]
    Unreadable(String),
    #[error("the signature does not fit the token")]
    Signature,
    #[error("the platform encrypts its messages (enc_msg), want its plain mode over https")]
    Encrypted,
}

/// Messages that are no measurement (a device came online, a command was delivered) carry none.
type Read = Result<Vec<Pushed>, PushRefused>;

/// CTWing AEP: one message or a list of them, told by `messageType`.
pub(crate) fn ctwing(body: &[u8], config: &CarrierConfig, limits: &Limits) -> Read {
    let tree = tree(body, limits)?;
    let messages = match &tree {
        Tree::List(messages) => messages.as_slice(),
        one => std::slice::from_ref(one),
    };
    let mut pushed = Vec::new();
    for message in messages {
        let kind = message.member("messageType").and_then(Tree::text).unwrap_or("dataReport");
        if !kind.starts_with("dataReport") {
            continue;
        }
        let payload = message.member("payload").ok_or_else(|| missing("payload"))?;
        let (bytes, form) = match payload.member("APPdata").and_then(Tree::text) {
            Some(text) => {
                let bytes = STANDARD
                    .decode(text)
                    .map_err(|error| PushRefused::Unreadable(format!("APPdata is no base64: {error}")))?;
                (bytes, None)
            }
            None => {
                let values = payload.member("serviceData").unwrap_or(payload);
                (write_tree(Form::Json, values), Some(Form::Json))
            }
        };
        let serial = serial(message, &config.identity, &["IMEI", "deviceId"])?;
        pushed.push(Pushed { serial, at: time(message, "timestamp"), bytes, form });
    }
    Ok(pushed)
}

/// The parts of OneNET's envelope that the signature is made of.
#[derive(serde::Deserialize)]
struct Envelope<'a> {
    #[serde(borrow)]
    msg: Option<&'a RawValue>,
    enc_msg: Option<serde::de::IgnoredAny>,
    nonce: Option<String>,
    #[serde(alias = "msg_signature")]
    signature: Option<String>,
    time: Option<i64>,
}

/// OneNET: an envelope with `msg` (an object, a list or a JSON text), `nonce` and a signature.
pub(crate) fn onenet(body: &[u8], config: &CarrierConfig, limits: &Limits) -> Read {
    if body.len() > limits.bytes {
        let (had, max) = (body.len(), limits.bytes);
        return Err(PushRefused::Unreadable(format!("{had} bytes, want at most {max}")));
    }
    let envelope: Envelope<'_> =
        serde_json::from_slice(body).map_err(|error| PushRefused::Unreadable(error.to_string()))?;
    if envelope.enc_msg.is_some() {
        return Err(PushRefused::Encrypted);
    }
    let raw = envelope.msg.ok_or_else(|| missing("msg"))?.get();
    // A message that is a text is signed without its quotes.
    let content: String = match raw.starts_with('"') {
        true => serde_json::from_str(raw).map_err(|error| PushRefused::Unreadable(error.to_string()))?,
        false => raw.to_owned(),
    };
    let nonce = envelope.nonce.unwrap_or_default();
    verify(config, &nonce, &content, envelope.signature.as_deref())?;
    let message = tree(content.as_bytes(), limits)?;
    let messages = match &message {
        Tree::List(messages) => messages.as_slice(),
        one => std::slice::from_ref(one),
    };
    let mut pushed = Vec::new();
    for message in messages {
        pushed.extend(onenet_message(message, config, envelope.time.map(UnixMs))?);
    }
    Ok(pushed)
}

fn onenet_message(
    message: &Tree,
    config: &CarrierConfig,
    sent_at: Option<UnixMs>,
) -> Result<Option<Pushed>, PushRefused> {
    let is_data = match message.member("type").and_then(Tree::text_or_number) {
        // 1 data points; 2 online and offline, 7 what became of a command.
        Some(kind) => kind == "1",
        None => {
            message.member("messageType").is_none()
                || message.member("notifyType").and_then(Tree::text) == Some("property")
        }
    };
    if !is_data {
        return Ok(None);
    }
    let serial = serial(message, &config.identity, &["imei", "deviceName", "dev_id"])?;
    let at = time(message, "at").or(sent_at);
    if let Some(params) = message.member("data").and_then(|data| data.member("params")) {
        let bytes = write_tree(Form::Json, params);
        return Ok(Some(Pushed { serial, at, bytes, form: Some(Form::Json) }));
    }
    let value = message.member("value").ok_or_else(|| missing("value"))?;
    if let Tree::Text(text) = value
        && config.decode_texts
        && let Some(bytes) = bytes_of(text)
    {
        return Ok(Some(Pushed { serial, at, bytes, form: None }));
    }
    // One data stream in a message of its own: its name is the value's name.
    let tree = match (value, message.member("ds_id").and_then(Tree::text)) {
        (Tree::Map(_), _) | (_, None) => value.clone(),
        (value, Some(stream)) => Tree::Map(vec![(stream.to_owned(), value.clone())]),
    };
    Ok(Some(Pushed { serial, at, bytes: write_tree(Form::Json, &tree), form: Some(Form::Json) }))
}

/// What OneNET asks when the address of the push is set: the answer is `msg`, where the signature fits.
pub(crate) fn onenet_challenge(
    config: &CarrierConfig,
    msg: &str,
    nonce: &str,
    signature: Option<&str>,
) -> Result<String, PushRefused> {
    verify(config, nonce, msg, signature)?;
    Ok(msg.to_owned())
}

/// OneNET signs with base64(MD5(token + nonce + msg)).
fn verify(
    config: &CarrierConfig,
    nonce: &str,
    content: &str,
    signature: Option<&str>,
) -> Result<(), PushRefused> {
    if config.token.is_empty() {
        return Ok(());
    }
    let mut hash = Md5::new();
    for part in [config.token.as_str(), nonce, content] {
        hash.update(part.as_bytes());
    }
    let wanted = STANDARD_NO_PAD.encode(hash.finalize());
    // In a query `+` may have become a space, and the padding may be missing.
    let had = signature.unwrap_or_default().replace(' ', "+");
    let had = had.trim_end_matches('=');
    let is_same = wanted.len() == had.len()
        && wanted.bytes().zip(had.bytes()).fold(0u8, |sum, (a, b)| sum | (a ^ b)) == 0;
    if is_same { Ok(()) } else { Err(PushRefused::Signature) }
}

fn tree(body: &[u8], limits: &Limits) -> Result<Tree, PushRefused> {
    read_tree(Form::Json, body, limits).map_err(|refused| PushRefused::Unreadable(refused.to_string()))
}

fn missing(name: &str) -> PushRefused {
    PushRefused::Unreadable(format!("no member {name:?} in the message"))
}

fn serial(message: &Tree, wanted: &[String], usual: &[&str]) -> Result<String, PushRefused> {
    let names = || {
        let own = wanted.iter().map(String::as_str);
        own.chain(usual.iter().copied().filter(|_| wanted.is_empty()))
    };
    names()
        .find_map(|name| {
            let text = message.member(name).and_then(Tree::text_or_number)?;
            // CTWing writes `undefined` for what it does not know.
            (!text.is_empty() && text != "undefined").then(|| text.to_owned())
        })
        .ok_or_else(|| missing(&names().collect::<Vec<_>>().join(" or ")))
}

/// A time in ms since 1970.
fn time(message: &Tree, name: &str) -> Option<UnixMs> {
    match message.member(name)? {
        Tree::Number(number) => number.as_whole().map(UnixMs),
        Tree::Text(text) => text.parse().ok().map(UnixMs),
        Tree::Nothing | Tree::Truth(_) | Tree::Bytes(_) | Tree::List(_) | Tree::Map(_) => None,
    }
}

/// Hexadecimal digits in pairs, else base64.
fn bytes_of(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u32>> = text.chars().map(|char| char.to_digit(16)).collect();
    if let Some(digits) = digits
        && let (pairs, []) = digits.as_chunks::<2>()
        && !pairs.is_empty()
    {
        return pairs.iter().map(|[high, low]| u8::try_from(high * 16 + low).ok()).collect();
    }
    STANDARD.decode(text).ok()
}

#[cfg(test)]
mod tests;
