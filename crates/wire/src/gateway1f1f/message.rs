//! The plain messages: authentication and heartbeat.

use std::fmt;

use thiserror::Error;

use super::xml::{self, Element, escaped};
use super::{FrameType, Limits, MessageError, compact_time, encode_frame, parse_compact_time};
use crate::cloud7b7b::LocalTime;

/// Who speaks: a building and a gateway in it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct GatewayId {
    building: String,
    gateway: String,
}

/// A name that cannot be a gateway's.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{field} `{had}`, wanted {wanted}")]
pub struct InvalidGatewayId {
    /// Which of the two.
    pub field: &'static str,
    /// What was there, cut.
    pub had: String,
    /// What would be right.
    pub wanted: &'static str,
}

impl GatewayId {
    /// The greatest length of each of the two, characters.
    pub const MAX_LEN: usize = 40;

    /// Checks and makes one; the building may be empty. Neither may hold a `/`, which stands between them in
    /// [`serial`](Self::serial).
    ///
    /// # Errors
    /// The part that is too long or has another character than letters, digits and `-_.:`.
    pub fn new(building: &str, gateway: &str) -> Result<Self, InvalidGatewayId> {
        let is_allowed = |char: char| char.is_ascii_alphanumeric() || matches!(char, '-' | '_' | '.' | ':');
        for (field, had) in [("building_id", building), ("gateway_id", gateway)] {
            if had.len() > Self::MAX_LEN || !had.chars().all(is_allowed) {
                let had = had.chars().take(Self::MAX_LEN).collect();
                return Err(InvalidGatewayId {
                    field,
                    had,
                    wanted: "at most 40 letters, digits, `-`, `_`, `.` or `:`",
                });
            }
        }
        if gateway.is_empty() {
            let wanted = "1 to 40 characters";
            return Err(InvalidGatewayId { field: "gateway_id", had: String::new(), wanted });
        }
        Ok(Self { building: building.to_owned(), gateway: gateway.to_owned() })
    }

    /// Reads the form of [`serial`](Self::serial).
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn from_serial(serial: &str) -> Result<Self, InvalidGatewayId> {
        match serial.split_once('/') {
            Some((building, gateway)) => Self::new(building, gateway),
            None => Self::new("", serial),
        }
    }

    /// The serial number under which the platform knows it: `building/gateway`, or the gateway alone where the
    /// building is empty.
    #[must_use]
    pub fn serial(&self) -> String {
        if self.building.is_empty() {
            self.gateway.clone()
        } else {
            format!("{}/{}", self.building, self.gateway)
        }
    }

    /// The building.
    #[must_use]
    pub fn building(&self) -> &str {
        &self.building
    }

    /// The gateway in it.
    #[must_use]
    pub fn gateway(&self) -> &str {
        &self.gateway
    }

    pub(super) fn of(root: &Element) -> Result<Self, MessageError> {
        let common = root.child("common").ok_or(MessageError::Missing { wanted: "common" })?;
        let building = common.text_of("building_id").unwrap_or_default();
        let gateway =
            common.text_of("gateway_id").ok_or(MessageError::Missing { wanted: "common/gateway_id" })?;
        Ok(Self::new(building, gateway)?)
    }

    /// The `common` element of a message of this kind.
    pub(super) fn common(&self, kind: &str) -> String {
        format!(
            "<common><building_id>{}</building_id><gateway_id>{}</gateway_id><type>{kind}</type></common>",
            escaped(&self.building),
            escaped(&self.gateway)
        )
    }
}

impl fmt::Display for GatewayId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.serial())
    }
}

pub(super) const DECLARATION: &str = "<?xml version=\"1.0\" encoding=\"utf-8\" ?>";

pub(super) fn root(bytes: &[u8], limits: &Limits) -> Result<Element, MessageError> {
    let root = xml::parse(bytes, limits)?;
    if root.name == "root" { Ok(root) } else { Err(MessageError::Missing { wanted: "root element `root`" }) }
}

/// A message of the authentication.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authentication {
    /// Whose.
    pub id: GatewayId,
    /// Which step.
    pub step: Step,
}

/// The steps of an authentication, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// The gateway wants to authenticate.
    Request,
    /// The server gives a random number.
    Sequence(String),
    /// The gateway answers with MD5 of secret and number.
    Md5(String),
    /// The server says whether it fits.
    Result(bool),
}

/// The greatest length of a sequence or an MD5 text, characters.
const MAX_WORD: usize = 64;

impl Authentication {
    /// Reads the data of a frame.
    ///
    /// # Errors
    /// [`MessageError`].
    pub fn parse(data: &[u8], limits: &Limits) -> Result<Self, MessageError> {
        let root = root(data, limits)?;
        let validate = root.child("id_validate").ok_or(MessageError::Missing { wanted: "id_validate" })?;
        let operation = validate
            .attribute("operation")
            .ok_or(MessageError::Missing { wanted: "id_validate/@operation" })?;
        let word = |name: &'static str| {
            let text = validate.text_of(name).filter(|text| !text.is_empty());
            let text = text.ok_or(MessageError::Missing { wanted: name })?;
            if text.len() <= MAX_WORD && text.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
                Ok(text)
            } else {
                Err(MessageError::value(name, text, "at most 64 letters and digits"))
            }
        };
        let step = match operation {
            "request" => Step::Request,
            "sequence" => Step::Sequence(word("sequence")?.to_owned()),
            "md5" => Step::Md5(word("md5")?.to_owned()),
            "result" => match word("result")? {
                "pass" => Step::Result(true),
                "fail" => Step::Result(false),
                other => return Err(MessageError::value("result", other, "pass or fail")),
            },
            other => {
                return Err(MessageError::value(
                    "id_validate/@operation",
                    other,
                    "request, sequence, md5 or result",
                ));
            }
        };
        Ok(Self { id: GatewayId::of(&root)?, step })
    }

    /// The whole frame. The server's messages carry `version="2"`.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let validate = match &self.step {
            Step::Request => "<id_validate operation=\"request\"></id_validate>".to_owned(),
            Step::Sequence(sequence) => format!(
                "<id_validate operation=\"sequence\" version=\"2\"><sequence>{}</sequence></id_validate>",
                escaped(sequence)
            ),
            Step::Md5(md5) => {
                format!("<id_validate operation=\"md5\"><md5>{}</md5></id_validate>", escaped(md5))
            }
            Step::Result(passes) => format!(
                "<id_validate operation=\"result\" version=\"2\"><result>{}</result></id_validate>",
                if *passes { "pass" } else { "fail" }
            ),
        };
        let text = format!("{DECLARATION}<root>{}{validate}</root>", self.id.common("id_validate"));
        encode_frame(FrameType::Authentication, text.as_bytes())
    }
}

/// A heartbeat, or the answer to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heartbeat {
    /// Whose; gateways may leave it out, the line says who it is.
    pub id: Option<GatewayId>,
    /// The server's local time, in the answer.
    pub time: Option<LocalTime>,
}

impl Heartbeat {
    /// Reads the data of a frame; no data at all are a heartbeat too.
    ///
    /// # Errors
    /// [`MessageError`].
    pub fn parse(data: &[u8], limits: &Limits) -> Result<Self, MessageError> {
        if data.is_empty() {
            return Ok(Self { id: None, time: None });
        }
        let root = root(data, limits)?;
        let has_id = root.child("common").and_then(|common| common.text_of("gateway_id"));
        let id = match has_id.filter(|id| !id.is_empty()) {
            Some(_) => Some(GatewayId::of(&root)?),
            None => None,
        };
        let time = match root.child("heart_beat").and_then(|beat| beat.text_of("time")) {
            Some(text) if !text.is_empty() => Some(
                parse_compact_time(text)
                    .ok_or_else(|| MessageError::value("heart_beat/time", text, "yyyyMMddHHmmss"))?,
            ),
            Some(_) | None => None,
        };
        Ok(Self { id, time })
    }

    /// The whole frame.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let common = self.id.as_ref().map(|id| id.common("heart_beat")).unwrap_or_default();
        let beat = match &self.time {
            Some(time) => {
                format!("<heart_beat operation=\"time\"><time>{}</time></heart_beat>", compact_time(time))
            }
            None => "<heart_beat operation=\"notify\"></heart_beat>".to_owned(),
        };
        let text = format!("{DECLARATION}<root>{common}{beat}</root>");
        encode_frame(FrameType::Heartbeat, text.as_bytes())
    }
}
