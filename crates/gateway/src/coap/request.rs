//! What a CoAP request asks for, from its options.

use coap_lite::{CoapOption, MessageClass, Packet, RequestType, ResponseType};
use wire::telemetry::Form;

use super::blocks::Block;

/// What is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asked {
    /// `POST`: a message.
    Say,
    /// `GET`: the commands.
    Commands,
}

/// A request that can be worked on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Request {
    pub(super) asked: Asked,
    /// Who the path says it is.
    pub(super) serial: Option<String>,
    pub(super) token: String,
    /// What makes the message one, however often it comes.
    pub(super) key: Option<String>,
    pub(super) form: Option<Form>,
    pub(super) block: Option<Block>,
    /// 0 observes, 1 no longer.
    pub(super) observe: Option<u32>,
}

/// Critical options that are understood (RFC 7252 section 5.4.1): Uri-Host, Uri-Port, Uri-Path, Uri-Query, Accept, Block2,
/// Block1. One that is not understood must not be passed over.
const CRITICAL: [u16; 7] = [3, 7, 11, 15, 17, 23, 27];
/// Numbers of content formats (RFC 7252 section 12.3, RFC 8949 section 9.2).
const OCTETS: u32 = 42;
const JSON: u32 = 50;
const CBOR: u32 = 60;

impl Request {
    /// Reads the options.
    ///
    /// # Errors
    /// The code to answer with.
    pub(super) fn read(packet: &Packet) -> Result<Self, ResponseType> {
        if packet.options().any(|(number, _)| number % 2 == 1 && !CRITICAL.contains(number)) {
            return Err(ResponseType::BadOption);
        }
        let texts = |option| -> Vec<String> {
            let values = packet.get_option(option).into_iter().flatten();
            values.map(|bytes| String::from_utf8_lossy(bytes).into_owned()).collect()
        };
        let query = texts(CoapOption::UriQuery);
        let named = |names: [&str; 2]| {
            query.iter().find_map(|part| {
                let (name, value) = part.split_once('=')?;
                names.contains(&name).then(|| value.to_owned())
            })
        };
        let path = texts(CoapOption::UriPath);
        let path: Vec<&str> = path.iter().map(String::as_str).collect();
        let (serial, kind) = match path.as_slice() {
            ["t"] => (named(["s", "serial"]), None),
            ["t", serial] => (Some((*serial).to_owned()), None),
            ["ingest", "v1", "terminals", serial, kind @ ("readings" | "answers" | "commands")] => {
                (Some((*serial).to_owned()), Some(*kind))
            }
            _ => return Err(ResponseType::NotFound),
        };
        let asked = match (packet.header.code, kind) {
            (MessageClass::Request(RequestType::Post), None | Some("readings" | "answers")) => Asked::Say,
            (MessageClass::Request(RequestType::Get), None | Some("commands")) => Asked::Commands,
            _ => return Err(ResponseType::MethodNotAllowed),
        };
        let form = match uint(packet, CoapOption::ContentFormat) {
            None | Some(OCTETS) => None,
            Some(JSON) => Some(Form::Json),
            Some(CBOR) => Some(Form::Cbor),
            Some(_) => return Err(ResponseType::UnsupportedContentFormat),
        };
        let block = match packet.get_first_option(CoapOption::Block1) {
            None => None,
            Some(bytes) => Some(Block::parse(bytes).ok_or(ResponseType::BadOption)?),
        };
        Ok(Self {
            asked,
            serial,
            token: named(["k", "token"]).unwrap_or_default(),
            key: named(["i", "key"]).filter(|key| !key.is_empty() && key.len() <= 128),
            form,
            block,
            observe: uint(packet, CoapOption::Observe),
        })
    }
}

/// Whether the answer is wanted in CBOR.
pub(super) fn wants_cbor(packet: &Packet) -> bool {
    uint(packet, CoapOption::Accept) == Some(CBOR)
}

/// The number of a form.
pub(super) const fn format(form: Form) -> u32 {
    match form {
        Form::Json => JSON,
        Form::Cbor => CBOR,
    }
}

fn uint(packet: &Packet, option: CoapOption) -> Option<u32> {
    let bytes = packet.get_first_option(option)?;
    (bytes.len() <= 4).then(|| bytes.iter().fold(0u32, |sum, byte| sum << 8 | u32::from(*byte)))
}
