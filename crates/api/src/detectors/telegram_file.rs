//! The telegram log as a file: text for people, a capture for packet analysers.
//!
//! The log holds what a protocol said, not the packets that carried it, so the capture's headers are made up: one
//! conversation per remote address, the platform at 192.0.2.1 (RFC 5737) on the port of the field door's default,
//! sequence numbers that run on so that an analyser can follow the stream.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use domain::access::{Permission, Scope};
use domain::id::{DetectorId, TerminalId};
use etherparse::PacketBuilder;
use pcap_file::DataLink;
use pcap_file::pcap::{PcapHeader, PcapPacket, PcapWriter};
use serde::Deserialize;
use store::telegrams::TelegramRow;
use store::{Page as StorePage, StoreError};
use utoipa::{IntoParams, ToSchema};

use super::telegrams::{Telegram, told};
use crate::access::caller::Caller;
use crate::http::extract::{Filters, Id};
use crate::http::problem::{ItemProblems, Problem};
use crate::meaning::Line;
use crate::state::Api;

/// The most telegrams in one file, newest first; a line keeps about a thousand.
const MOST: u32 = 10_000;
/// The platform in a capture (RFC 5737, documentation).
const PLATFORM: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);
/// The platform's port in a capture: the field door's default.
const PORT: u16 = 7070;
/// Hops that a made-up packet may take.
const TTL: u8 = 64;

/// How the file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum FileFormat {
    /// One telegram per paragraph, with its fields.
    #[default]
    Text,
    /// A capture in the pcap format.
    Pcap,
}

/// Which telegrams, and how.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct FileQuery {
    /// `text` or `pcap`.
    #[serde(default)]
    #[param(inline)]
    pub format: FileFormat,
    /// Only refused ones, or only understood ones.
    pub refused: Option<bool>,
}

/// The telegrams of a detector's line as a file, oldest first.
#[utoipa::path(
    get,
    path = "/detectors/{id}/telegrams/file",
    tag = "detectors",
    operation_id = "download_detector_telegrams",
    params(("id" = i64, Path, description = "The detector", minimum = 1), FileQuery),
    responses(
        (status = 200, description = "Text in UTF-8, or a capture", body = String, content_type = "text/plain"),
        ItemProblems
    )
)]
pub(super) async fn download_detector_telegrams(
    State(api): State<Api>,
    caller: Caller,
    Id(id): Id,
    Filters(query): Filters<FileQuery>,
) -> Result<Response, Problem> {
    let scope = caller.scope(Permission::TelegramView)?;
    let terminal = api.store.detectors().get(&scope, DetectorId(id)).await?.terminal_id;
    file(&api, &scope, terminal, &query).await
}

/// The telegrams of a terminal's line as a file, oldest first.
#[utoipa::path(
    get,
    path = "/terminals/{id}/telegrams/file",
    tag = "detectors",
    operation_id = "download_terminal_telegrams",
    params(("id" = i64, Path, description = "The terminal", minimum = 1), FileQuery),
    responses(
        (status = 200, description = "Text in UTF-8, or a capture", body = String, content_type = "text/plain"),
        ItemProblems
    )
)]
pub(super) async fn download_terminal_telegrams(
    State(api): State<Api>,
    caller: Caller,
    Id(id): Id,
    Filters(query): Filters<FileQuery>,
) -> Result<Response, Problem> {
    let scope = caller.scope(Permission::TelegramView)?;
    file(&api, &scope, TerminalId(id), &query).await
}

async fn file(
    api: &Api,
    scope: &Scope,
    terminal: TerminalId,
    query: &FileQuery,
) -> Result<Response, Problem> {
    let row = api.store.terminals().get(scope, terminal).await?;
    let rows = api
        .store
        .telegrams()
        .of_terminal(scope, terminal, query.refused, &StorePage::first(MOST))
        .await?
        .items;
    let name: String =
        row.serial.chars().filter(|c| c.is_ascii_alphanumeric() || "-_".contains(*c)).collect();
    let (kind, ending, bytes) = match query.format {
        FileFormat::Text => (
            "text/plain; charset=utf-8",
            "txt",
            text(&row.serial, told(&Line::of(api, terminal), rows)).into_bytes(),
        ),
        FileFormat::Pcap => {
            let bytes = capture(&rows)
                .map_err(|what| StoreError::Corrupt { what: format!("telegrams as a capture: {what}") })?;
            ("application/vnd.tcpdump.pcap", "pcap", bytes)
        }
    };
    let mut response = bytes.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    if let Ok(disposition) =
        HeaderValue::from_str(&format!("attachment; filename=\"telegrams-{name}.{ending}\""))
    {
        headers.insert(header::CONTENT_DISPOSITION, disposition);
    }
    Ok(response)
}

fn text(serial: &str, telegrams: Vec<Telegram>) -> String {
    let mut text = format!("terminal {serial}, {} telegrams, oldest first, times in UTC\n", telegrams.len());
    for telegram in telegrams.into_iter().rev() {
        let way = if telegram.is_down() { "->" } else { "<-" };
        text.push_str(&format!(
            "\n{} {way} {} {} {} bytes\n{}\n",
            telegram.at.text(),
            telegram.remote,
            telegram.protocol,
            telegram.length,
            telegram.hex
        ));
        if telegram.refused {
            let reason = telegram.reason.as_deref().unwrap_or("no reason kept");
            let clause = telegram.clause.as_deref().unwrap_or("no clause kept");
            text.push_str(&format!("  refused: {reason} ({clause})\n"));
        }
        for field in &telegram.fields {
            text.push_str(&format!(
                "  {:>4} +{:<3} {}: {}\n",
                field.offset, field.len, field.name, field.value
            ));
            for said in &field.values {
                text.push_str(&format!("            {}\n", said.text()));
            }
        }
    }
    text
}

/// Where a conversation stands: the next sequence number of each side.
#[derive(Default)]
struct Talk {
    up: u32,
    down: u32,
}

fn capture(rows: &[TelegramRow]) -> Result<Vec<u8>, String> {
    let header = PcapHeader { datalink: DataLink::RAW, ..PcapHeader::default() };
    let mut writer = PcapWriter::with_header(Vec::new(), header).map_err(|error| error.to_string())?;
    let mut talks: HashMap<&str, Talk> = HashMap::new();
    // Rows stand newest first.
    for row in rows.iter().rev() {
        let talk = talks.entry(&row.remote).or_default();
        let (device, port) = device(&row.remote);
        let down = row.direction == "down";
        let (from, to) = if down { (PLATFORM, device) } else { (device, PLATFORM) };
        let (from_port, to_port) = if down { (PORT, port) } else { (port, PORT) };
        let ip = PacketBuilder::ipv4(from.octets(), to.octets(), TTL);
        let mut packet = Vec::new();
        let written = if over_udp(&row.protocol) {
            ip.udp(from_port, to_port).write(&mut packet, &row.bytes)
        } else {
            let (own, other) = if down { (talk.down, talk.up) } else { (talk.up, talk.down) };
            let next = own.wrapping_add(u32::try_from(row.bytes.len()).unwrap_or(0));
            if down {
                talk.down = next;
            } else {
                talk.up = next;
            }
            ip.tcp(from_port, to_port, own, u16::MAX).ack(other).psh().write(&mut packet, &row.bytes)
        };
        written.map_err(|error| error.to_string())?;
        let at = Duration::from_millis(u64::try_from(row.at.0).unwrap_or(0));
        let length = u32::try_from(packet.len()).unwrap_or(u32::MAX);
        writer.write_packet(&PcapPacket::new(at, length, &packet)).map_err(|error| error.to_string())?;
    }
    Ok(writer.into_writer())
}

fn over_udp(protocol: &str) -> bool {
    protocol == "coap" || protocol.ends_with("_udp")
}

/// The device's end in a capture; an address of IPv6 stands as 198.51.100.1 (RFC 5737).
fn device(remote: &str) -> (Ipv4Addr, u16) {
    match remote.parse::<SocketAddr>() {
        Ok(address) => match address.ip() {
            IpAddr::V4(ip) => (ip, address.port()),
            IpAddr::V6(ip) => (ip.to_ipv4_mapped().unwrap_or(Ipv4Addr::new(198, 51, 100, 1)), address.port()),
        },
        Err(_no_address) => (Ipv4Addr::new(198, 51, 100, 1), 0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::time::UnixMs;
    use etherparse::SlicedPacket;
    use pcap_file::pcap::PcapReader;

    fn row(id: i64, direction: &str, bytes: &[u8]) -> TelegramRow {
        TelegramRow {
            id,
            terminal_id: TerminalId(1),
            remote: "10.1.2.3:4567".to_owned(),
            at: UnixMs(1_700_000_000_123 + id),
            direction: direction.to_owned(),
            protocol: "modbus_rtu".to_owned(),
            bytes: bytes.to_vec(),
            refused: direction == "up",
            reason: (direction == "up").then(|| "had another sum".to_owned()),
            clause: Some("4.2".to_owned()),
        }
    }

    /// A read request of the Modbus guide and a damaged answer, newest first.
    fn rows() -> Vec<TelegramRow> {
        vec![row(2, "up", &[1, 3, 4, 0]), row(1, "down", &[1, 3, 0, 0, 0, 2, 0xC4, 0x0B])]
    }

    #[test]
    fn a_capture_can_be_read_and_its_stream_followed() {
        let bytes = capture(&rows()).unwrap();
        let mut reader = PcapReader::new(bytes.as_slice()).unwrap();
        let first = reader.next_packet().unwrap().unwrap().into_owned();
        let second = reader.next_packet().unwrap().unwrap().into_owned();
        assert!(reader.next_packet().is_none());
        assert_eq!(first.timestamp.as_millis(), 1_700_000_000_124);
        let tcp = |data: &[u8]| {
            let packet = SlicedPacket::from_ip(data).unwrap();
            let Some(etherparse::TransportSlice::Tcp(tcp)) = packet.transport else { panic!("no tcp") };
            (tcp.source_port(), tcp.destination_port(), tcp.sequence_number(), tcp.acknowledgment_number(), {
                tcp.payload().to_vec()
            })
        };
        assert_eq!(tcp(&first.data), (7070, 4567, 0, 0, vec![1, 3, 0, 0, 0, 2, 0xC4, 0x0B]));
        assert_eq!(tcp(&second.data), (4567, 7070, 0, 8, vec![1, 3, 4, 0]));
    }

    #[test]
    fn the_text_says_way_bytes_fields_and_refusals() {
        let text = text("SN1", told(&Line::nobody(), rows()));
        assert!(text.starts_with("terminal SN1, 2 telegrams"));
        assert!(text.contains("-> 10.1.2.3:4567 modbus_rtu 8 bytes\n01 03 00 00 00 02 C4 0B\n"), "{text}");
        assert!(text.contains("function"), "{text}");
        assert!(text.contains("refused: had another sum (4.2)"), "{text}");
    }
}
