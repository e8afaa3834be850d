//! What a gateway reports: meters with named values, at one moment.

use super::message::{DECLARATION, root};
use super::xml::escaped;
use super::{
    FrameType, GatewayId, Limits, MessageError, Secret, compact_time, deflate, encode_frame, inflate,
    parse_compact_time,
};
use crate::cloud7b7b::LocalTime;

/// A report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Whose; gateways may leave it out, the line says who it is.
    pub id: Option<GatewayId>,
    /// When it was measured, the gateway's local time.
    pub time: Option<LocalTime>,
    /// The meters.
    pub meters: Vec<Meter>,
}

/// A meter, or any device behind the gateway.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Meter {
    /// Its id, configured in the gateway; two digits of the port and three of the address is usual.
    pub id: String,
    /// Its values.
    pub values: Vec<Value>,
}

/// A value under a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Value {
    /// The function id, configured in the gateway.
    pub id: String,
    /// The value as it is written.
    pub text: String,
    /// What the gateway says is wrong with it; empty or `0` is nothing.
    pub error: String,
}

impl Value {
    /// Whether the gateway could read it.
    #[must_use]
    pub fn is_good(&self) -> bool {
        matches!(self.error.as_str(), "" | "0")
    }
}

impl Meter {
    /// The value under `id`, whatever its case: the ids are typed into the gateway by hand.
    #[must_use]
    pub fn value(&self, id: &str) -> Option<&Value> {
        self.values.iter().find(|value| value.id.eq_ignore_ascii_case(id))
    }
}

impl Report {
    /// Reads the data of a frame of `kind` [`FrameType::Data`] or [`FrameType::CompressedData`].
    ///
    /// # Errors
    /// [`MessageError`]; a frame of another type is refused as a missing report.
    pub fn open(
        kind: FrameType,
        data: &[u8],
        secret: &Secret,
        limits: &Limits,
    ) -> Result<Self, MessageError> {
        match kind {
            FrameType::Data => Self::parse(&secret.decrypt(data)?, limits),
            FrameType::CompressedData => Self::parse(&inflate(&secret.decrypt(data)?, limits)?, limits),
            FrameType::Authentication
            | FrameType::Heartbeat
            | FrameType::Downlink
            | FrameType::DownlinkAnswer => Err(MessageError::Missing { wanted: "report" }),
        }
    }

    /// Reads the plain XML.
    ///
    /// # Errors
    /// [`MessageError`].
    pub fn parse(plain: &[u8], limits: &Limits) -> Result<Self, MessageError> {
        let root = root(plain, limits)?;
        let id = match root.child("common").and_then(|common| common.text_of("gateway_id")) {
            Some(id) if !id.is_empty() => Some(GatewayId::of(&root)?),
            Some(_) | None => None,
        };
        let data = root.child("data").ok_or(MessageError::Missing { wanted: "data" })?;
        let time = match data.text_of("time") {
            Some(text) if !text.is_empty() => Some(
                parse_compact_time(text)
                    .ok_or_else(|| MessageError::value("data/time", text, "yyyyMMddHHmmss"))?,
            ),
            Some(_) | None => None,
        };
        let mut meters = Vec::new();
        for meter in data.all("meter") {
            let id = meter.attribute("id").filter(|id| !id.is_empty());
            let id = id.ok_or(MessageError::Missing { wanted: "meter/@id" })?.to_owned();
            let mut values = Vec::with_capacity(meter.children.len());
            for function in meter.all("function") {
                let id = function.attribute("id").filter(|id| !id.is_empty());
                values.push(Value {
                    id: id.ok_or(MessageError::Missing { wanted: "function/@id" })?.to_owned(),
                    text: function.text.clone(),
                    error: function.attribute("error").unwrap_or_default().to_owned(),
                });
            }
            meters.push(Meter { id, values });
        }
        Ok(Self { id, time, meters })
    }

    /// The plain XML.
    #[must_use]
    pub fn to_xml(&self) -> String {
        let mut text = format!("{DECLARATION}<root>");
        if let Some(id) = &self.id {
            text.push_str(&id.common("energy_data"));
        }
        text.push_str("<data operation=\"report\">");
        if let Some(time) = &self.time {
            text.push_str(&format!("<time>{}</time>", compact_time(time)));
        }
        for meter in &self.meters {
            text.push_str(&format!("<meter id=\"{}\">", escaped(&meter.id)));
            for value in &meter.values {
                text.push_str(&format!(
                    "<function id=\"{}\" error=\"{}\">{}</function>",
                    escaped(&value.id),
                    escaped(&value.error),
                    escaped(&value.text)
                ));
            }
            text.push_str("</meter>");
        }
        text.push_str("</data></root>");
        text
    }

    /// The whole frame, encrypted, deflated before where `compressed`.
    #[must_use]
    pub fn seal(&self, secret: &Secret, compressed: bool) -> Vec<u8> {
        let plain = self.to_xml();
        if compressed {
            encode_frame(FrameType::CompressedData, &secret.encrypt(&deflate(plain.as_bytes())))
        } else {
            encode_frame(FrameType::Data, &secret.encrypt(plain.as_bytes()))
        }
    }
}
