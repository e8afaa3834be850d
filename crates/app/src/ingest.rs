//! The settings of the doors for messages, as the gateway wants them.

use std::net::SocketAddr;

use anyhow::{Context as _, bail};
use domain::telegram::TelegramLevel;
use gateway::coap::{CoapConfig, DtlsConfig};
use gateway::http::HttpConfig;
use gateway::push::{CarrierConfig, MIN_KEY, PushConfig};
use gateway::{IngestConfig, MessageLimits};
use serde::Deserialize;

use crate::field;
use crate::settings::TlsSettings;

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct IngestSettings {
    /// Empty: closed.
    pub(crate) listen: String,
    pub(crate) tls: Option<TlsSettings>,
    #[serde(default)]
    pub(crate) proxy_from: Vec<String>,
    pub(crate) max_connections: usize,
    pub(crate) max_connections_per_address: usize,
    pub(crate) max_new_per_address_per_s: u32,
    pub(crate) max_requests_per_s: u32,
    pub(crate) max_requests_burst: u32,
    pub(crate) head_within_s: u64,
    pub(crate) body_within_s: u64,
    pub(crate) max_bodies: usize,
    pub(crate) max_message_bytes: usize,
    pub(crate) max_readings: usize,
    pub(crate) command_within_s: u64,
    pub(crate) command_again_s: u64,
    pub(crate) awake_s: u64,
    pub(crate) max_commands: usize,
    pub(crate) keep_answers_h: u32,
    pub(crate) telegram_log: TelegramLevel,
    pub(crate) ctwing: CarrierSettings,
    pub(crate) onenet: CarrierSettings,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CoapSettings {
    /// Empty: closed.
    pub(crate) listen: String,
    pub(crate) max_datagrams_per_s: u32,
    pub(crate) max_datagrams_burst: u32,
    pub(crate) max_under_way: usize,
    pub(crate) max_exchanges: usize,
    pub(crate) separate_after_ms: u64,
    pub(crate) max_transfers: usize,
    pub(crate) transfer_within_s: u64,
    pub(crate) max_observers: usize,
    pub(crate) observe_s: u64,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CoapsSettings {
    /// Empty: closed.
    pub(crate) listen: String,
    pub(crate) max_handshakes: usize,
    pub(crate) max_handshakes_per_address: usize,
    pub(crate) handshake_within_s: u64,
    pub(crate) max_sessions: usize,
    pub(crate) max_sessions_per_address: usize,
    pub(crate) session_idle_s: u64,
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CarrierSettings {
    key: String,
    #[serde(default)]
    token: String,
    identity: Vec<String>,
    #[serde(default)]
    decode_texts: bool,
}

impl std::fmt::Debug for CarrierSettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CarrierSettings").field("identity", &self.identity).finish_non_exhaustive()
    }
}

/// What the doors for messages share.
pub(crate) fn shared(settings: &IngestSettings) -> IngestConfig {
    IngestConfig {
        limits: MessageLimits {
            bytes: settings.max_message_bytes,
            items: settings.max_readings,
            ..MessageLimits::default()
        },
        command_within_s: settings.command_within_s,
        command_again_s: settings.command_again_s,
        awake_s: settings.awake_s,
        max_commands: settings.max_commands,
        telegram_log: settings.telegram_log,
        ..IngestConfig::default()
    }
}

/// The HTTP door; `None` when it is closed.
pub(crate) fn http(settings: &IngestSettings) -> anyhow::Result<Option<HttpConfig>> {
    let Some(listen) = address(&settings.listen, "ingest.listen")? else { return Ok(None) };
    Ok(Some(HttpConfig {
        listen,
        tls: settings.tls.as_ref().map(field::tls),
        proxy_from: field::networks(&settings.proxy_from).context("ingest.proxy_from")?,
        max_connections: settings.max_connections,
        max_connections_per_address: settings.max_connections_per_address,
        max_new_per_address_per_s: settings.max_new_per_address_per_s,
        max_requests_per_s: settings.max_requests_per_s,
        max_requests_burst: settings.max_requests_burst,
        head_within_s: settings.head_within_s,
        body_within_s: settings.body_within_s,
        max_bodies: settings.max_bodies,
        push: PushConfig {
            ctwing: carrier(&settings.ctwing, "ctwing")?,
            onenet: carrier(&settings.onenet, "onenet")?,
        },
        ..HttpConfig::default()
    }))
}

/// The CoAP door; `None` when it is closed.
pub(crate) fn coap(settings: &CoapSettings) -> anyhow::Result<Option<CoapConfig>> {
    let listen = address(&settings.listen, "coap.listen")?;
    Ok(listen.map(|listen| CoapConfig { listen, ..coap_limits(settings) }))
}

/// The CoAP door behind DTLS with what it shares with the plain one; `None` when it is closed.
pub(crate) fn coaps(
    settings: &CoapsSettings,
    shared: &CoapSettings,
) -> anyhow::Result<Option<(CoapConfig, DtlsConfig)>> {
    let Some(listen) = address(&settings.listen, "coaps.listen")? else { return Ok(None) };
    let secured = DtlsConfig {
        listen,
        max_handshakes: settings.max_handshakes,
        max_handshakes_per_address: settings.max_handshakes_per_address,
        handshake_within_s: settings.handshake_within_s,
        max_sessions: settings.max_sessions,
        max_sessions_per_address: settings.max_sessions_per_address,
        session_idle_s: settings.session_idle_s,
    };
    Ok(Some((coap_limits(shared), secured)))
}

fn coap_limits(settings: &CoapSettings) -> CoapConfig {
    CoapConfig {
        max_datagrams_per_s: settings.max_datagrams_per_s,
        max_datagrams_burst: settings.max_datagrams_burst,
        max_under_way: settings.max_under_way,
        max_exchanges: settings.max_exchanges,
        separate_after_ms: settings.separate_after_ms,
        max_transfers: settings.max_transfers,
        transfer_within_s: settings.transfer_within_s,
        max_observers: settings.max_observers,
        observe_s: settings.observe_s,
        ..CoapConfig::default()
    }
}

fn carrier(settings: &CarrierSettings, name: &str) -> anyhow::Result<CarrierConfig> {
    let had = settings.key.len();
    if had > 0 && had < MIN_KEY {
        bail!("ingest.{name}.key has {had} characters, wanted at least {MIN_KEY}, or none to close it");
    }
    Ok(CarrierConfig {
        key: settings.key.clone(),
        token: settings.token.clone(),
        identity: settings.identity.clone(),
        decode_texts: settings.decode_texts,
    })
}

/// An address to listen on; empty is closed.
pub(crate) fn address(text: &str, key: &str) -> anyhow::Result<Option<SocketAddr>> {
    match text.trim() {
        "" => Ok(None),
        text => {
            let address = text.parse().with_context(|| {
                format!("{key} = {text:?}, wanted an address with a port such as 127.0.0.1:7071, or nothing")
            })?;
            Ok(Some(address))
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::settings::load;

    use super::*;

    #[test]
    fn the_default_listens_on_loopback_and_carriers_are_closed() {
        let settings = load(None, &[]).unwrap();
        let config = http(&settings.ingest).unwrap().unwrap();
        assert!(config.listen.ip().is_loopback());
        let (_, secured) = coaps(&settings.coaps, &settings.coap).unwrap().unwrap();
        assert!(secured.listen.ip().is_loopback() && secured.listen.port() == 5_684);
        assert!(config.push.ctwing.key.is_empty() && config.push.onenet.key.is_empty());
    }

    #[test]
    fn an_empty_address_closes_the_door_and_a_wrong_one_is_named() {
        let settings = load(None, &["ingest.listen=\"\"".into()]).unwrap();
        assert!(http(&settings.ingest).unwrap().is_none());
        let settings = load(None, &["ingest.listen=everywhere".into()]).unwrap();
        assert!(
            format!("{:#}", http(&settings.ingest).unwrap_err()).contains("ingest.listen = \"everywhere\"")
        );
        let settings = load(None, &["ingest.ctwing.key=short".into()]).unwrap();
        assert!(
            http(&settings.ingest).unwrap_err().to_string().contains("ingest.ctwing.key has 5 characters")
        );
    }
}
