//! From the configuration to the field door's rules.

use anyhow::Context as _;
use bytes::Bytes;
use domain::place::Protocol;
use gateway::{
    DtuConfig, FieldConfig, Gateway1f1fConfig, GbConfig, Limits, ListenerConfig, ModbusTcpConfig, Network,
    RegistrationPattern, bytes_from_hex, identity_form,
};

use crate::settings::{
    ClientCertificates, GbSettings, LineSettings, ListenerSettings, RegistrationSettings, Settings,
    TlsSettings,
};

/// The field door as configured.
pub(crate) fn config(all: &Settings) -> anyhow::Result<FieldConfig> {
    let Settings { field: settings, gb26875, modbus_tcp: dialled, .. } = all;
    let dtu = &settings.dtu;
    Ok(FieldConfig {
        listen: settings.listen,
        zone: settings.zone.clone(),
        max_connections: settings.max_connections,
        max_connections_per_address: settings.max_connections_per_address,
        max_new_per_address_per_s: settings.max_new_per_address_per_s,
        identify_within_s: settings.identify_within_s,
        frame_within_s: settings.frame_within_s,
        idle_intervals: settings.idle_intervals,
        idle_floor_s: settings.idle_floor_s,
        write_within_s: settings.write_within_s,
        command_within_s: settings.command_within_s,
        max_frame_bytes: settings.max_frame_bytes,
        max_refused_in_a_row: settings.max_refused_in_a_row,
        max_frames_per_s: settings.max_frames_per_s,
        max_frames_burst: settings.max_frames_burst,
        telegram_log: settings.telegram_log,
        dtu: DtuConfig {
            registration: registration(&dtu.registration).context("field.dtu.registration")?,
            heartbeats: heartbeats(&dtu.heartbeats).context("field.dtu.heartbeats")?,
            answer_within_ms: dtu.answer_within_ms,
            gap_ms: dtu.gap_ms,
            quarantine_ms: dtu.quarantine_ms,
            back_off_max_s: dtu.back_off_max_s,
            ..DtuConfig::default()
        },
        gateway1f1f: Gateway1f1fConfig {
            max_frame_bytes: settings.gateway_1f1f.max_frame_bytes,
            wire: Limits {
                max_inflated_len: settings.gateway_1f1f.max_inflated_bytes,
                max_ratio: settings.gateway_1f1f.max_ratio,
                ..Limits::default()
            },
        },
        gb26875: gb_config(gb26875)?,
        modbus_tcp: ModbusTcpConfig {
            may_dial: networks(&dialled.may_dial).context("modbus_tcp.may_dial")?,
            max_dialled: dialled.max_dialled,
            dial_within_s: dialled.dial_within_s,
            back_off_max_s: dialled.back_off_max_s,
            ..ModbusTcpConfig::default()
        },
        tls: settings.tls.as_ref().map(tls),
        proxy_from: networks(&settings.proxy_from).context("field.proxy_from")?,
        listeners: settings.listeners.iter().map(listener).collect::<anyhow::Result<_>>()?,
        ..FieldConfig::default()
    })
}

fn gb_config(settings: &GbSettings) -> anyhow::Result<GbConfig> {
    let listen_udp = match settings.listen.as_str() {
        "" => None,
        address => Some(address.parse().with_context(|| {
            format!("gb26875.listen is {address:?}, wanted an address such as 127.0.0.1:7072 or nothing")
        })?),
    };
    Ok(GbConfig {
        listen_udp,
        answer_within_s: settings.answer_within_s,
        retries: settings.retries,
        clock_tolerance_s: settings.clock_tolerance_s,
        clock_set_every_s: settings.clock_set_every_s,
        poll_every_s: settings.poll_every_s,
    })
}

fn listener(settings: &ListenerSettings) -> anyhow::Result<ListenerConfig> {
    let of = || format!("field.listeners, {}", settings.listen);
    Ok(ListenerConfig {
        tls: settings.tls.as_ref().map(tls),
        proxy_from: networks(&settings.proxy_from).with_context(of)?,
        registration: settings.registration.as_ref().map(registration).transpose().with_context(of)?,
        heartbeats: settings.heartbeats.as_deref().map(heartbeats).transpose().with_context(of)?,
        line: settings.line.map(|line| match line {
            LineSettings::ModbusRtu => Protocol::ModbusRtu,
            LineSettings::ModbusTcp => Protocol::ModbusTcp,
        }),
        max_connections: settings.max_connections,
        max_connections_per_address: settings.max_connections_per_address,
        max_new_per_address_per_s: settings.max_new_per_address_per_s,
        ..ListenerConfig::new(settings.listen)
    })
}

/// TLS as a door wants it.
pub(crate) fn tls(settings: &TlsSettings) -> gateway::tls::TlsSettings {
    gateway::tls::TlsSettings {
        clients: match settings.clients {
            ClientCertificates::Optional => gateway::tls::ClientCertificates::Optional,
            ClientCertificates::Required => gateway::tls::ClientCertificates::Required,
        },
        ..gateway::tls::TlsSettings::new(settings.certificate.clone(), settings.key.clone())
    }
}

/// A list of networks.
pub(crate) fn networks(texts: &[String]) -> anyhow::Result<Vec<Network>> {
    texts.iter().map(|text| Ok(text.parse()?)).collect()
}

fn registration(settings: &RegistrationSettings) -> anyhow::Result<RegistrationPattern> {
    let form = identity_form(&settings.kind)?;
    let mut pattern = RegistrationPattern::plain(form, settings.min_len, settings.max_len);
    pattern.prefix = Bytes::from(settings.prefix.clone());
    pattern.suffix = Bytes::from(settings.suffix.clone());
    pattern.terminator = Bytes::from(settings.terminator.clone());
    Ok(pattern)
}

fn heartbeats(texts: &[String]) -> anyhow::Result<Vec<Bytes>> {
    texts.iter().map(|text| Ok(bytes_from_hex(text)?)).collect()
}
