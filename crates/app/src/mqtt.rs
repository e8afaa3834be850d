//! From the configuration to the MQTT door's rules.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;
use gateway::mqtt::{ClientConfig, MqttConfig};
use gateway::tls::{self, TlsSettings};
use serde::Deserialize;

use crate::settings::Settings;

/// `[mqtt]` of the configuration.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct MqttSettings {
    pub(crate) listen: String,
    tls_listen: String,
    certificate: PathBuf,
    key: PathBuf,
    client_certificates: MqttClients,
    max_connections: usize,
    max_connections_per_address: usize,
    max_new_per_address_per_s: u32,
    connect_within_s: u64,
    write_within_s: u64,
    command_within_s: u64,
    max_packet_bytes: u32,
    max_in_flight: u16,
    max_messages_per_s: u32,
    max_messages_burst: u32,
    max_refused_in_a_row: u32,
    max_keep_alive_s: u16,
    max_session_expiry_s: u32,
    max_failures_per_minute: u32,
    foreign_topics: Vec<String>,
    client: MqttClientSettings,
}

/// What is asked of devices with TLS.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum MqttClients {
    Optional,
    Required,
}

/// The version spoken with the broker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
enum MqttVersion {
    #[serde(rename = "5.0")]
    V5,
    #[serde(rename = "3.1.1")]
    V3,
}

/// `[mqtt.client]` of the configuration.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct MqttClientSettings {
    address: String,
    tls: bool,
    authority: PathBuf,
    certificate: PathBuf,
    key: PathBuf,
    version: MqttVersion,
    client_id: String,
    user_name: String,
    password: String,
    keep_alive_s: u16,
    share: String,
    retry_max_s: u64,
}

/// Without the password: settings are written into logs.
impl std::fmt::Debug for MqttClientSettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MqttClientSettings").field("address", &self.address).finish_non_exhaustive()
    }
}

/// The MQTT door as configured.
pub(crate) fn config(settings: &Settings) -> anyhow::Result<MqttConfig> {
    let mqtt = &settings.mqtt;
    Ok(MqttConfig {
        listen: address("mqtt.listen", &mqtt.listen)?,
        tls: tls(mqtt)?,
        max_connections: mqtt.max_connections,
        max_connections_per_address: mqtt.max_connections_per_address,
        max_new_per_address_per_s: mqtt.max_new_per_address_per_s,
        connect_within_s: mqtt.connect_within_s,
        write_within_s: mqtt.write_within_s,
        command_within_s: mqtt.command_within_s,
        max_packet_bytes: mqtt.max_packet_bytes,
        max_in_flight: mqtt.max_in_flight,
        max_messages_per_s: mqtt.max_messages_per_s,
        max_messages_burst: mqtt.max_messages_burst,
        max_refused_in_a_row: mqtt.max_refused_in_a_row,
        max_keep_alive_s: mqtt.max_keep_alive_s,
        max_session_expiry_s: mqtt.max_session_expiry_s,
        max_failures_per_minute: mqtt.max_failures_per_minute,
        foreign_topics: mqtt.foreign_topics.clone(),
        telegram_log: settings.field.telegram_log,
        client: client(&mqtt.client)?,
        zone: settings.field.zone.clone(),
        ..MqttConfig::default()
    })
}

fn address(key: &str, text: &str) -> anyhow::Result<Option<SocketAddr>> {
    if text.is_empty() {
        return Ok(None);
    }
    let address =
        text.parse().with_context(|| format!("{key} is {text:?}, wanted an address with its port"))?;
    Ok(Some(address))
}

fn tls(mqtt: &MqttSettings) -> anyhow::Result<Option<(SocketAddr, TlsSettings)>> {
    let Some(address) = address("mqtt.tls_listen", &mqtt.tls_listen)? else { return Ok(None) };
    if mqtt.certificate.as_os_str().is_empty() {
        return Ok(None);
    }
    let mut settings = TlsSettings::new(&mqtt.certificate, &mqtt.key);
    settings.clients = match mqtt.client_certificates {
        MqttClients::Optional => tls::ClientCertificates::Optional,
        MqttClients::Required => tls::ClientCertificates::Required,
    };
    Ok(Some((address, settings)))
}

fn client(settings: &MqttClientSettings) -> anyhow::Result<Option<ClientConfig>> {
    if settings.address.is_empty() {
        return Ok(None);
    }
    let wanted = || format!("mqtt.client.address is {:?}, wanted host:port", settings.address);
    let (host, port) = settings.address.rsplit_once(':').with_context(wanted)?;
    let authority = Some(settings.authority.clone()).filter(|path| !path.as_os_str().is_empty());
    anyhow::ensure!(
        !settings.tls || authority.is_some(),
        "mqtt.client.tls is true, wanted mqtt.client.authority with the certificates to check the broker's against"
    );
    let given = |path: &PathBuf| !path.as_os_str().is_empty();
    anyhow::ensure!(
        given(&settings.certificate) == given(&settings.key),
        "mqtt.client.certificate is {:?} and mqtt.client.key is {:?}, wanted both or neither",
        settings.certificate,
        settings.key
    );
    Ok(Some(ClientConfig {
        host: host.trim_matches(['[', ']']).to_owned(),
        port: port.parse().ok().with_context(wanted)?,
        is_tls: settings.tls,
        authority,
        identity: given(&settings.certificate).then(|| (settings.certificate.clone(), settings.key.clone())),
        is_v5: settings.version == MqttVersion::V5,
        client_id: settings.client_id.clone(),
        user_name: settings.user_name.clone(),
        password: settings.password.clone(),
        keep_alive_s: settings.keep_alive_s,
        share: settings.share.clone(),
        retry: (Duration::from_secs(1), Duration::from_secs(settings.retry_max_s.max(1))),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn configured(sets: &[&str]) -> anyhow::Result<MqttConfig> {
        let sets: Vec<String> = sets.iter().map(|&set| set.to_owned()).collect();
        config(&crate::settings::load(None, &sets)?)
    }

    #[test]
    fn as_shipped_the_door_is_on_loopback_and_without_a_certificate_there_is_no_tls() {
        let config = configured(&[]).unwrap();
        assert!(config.listen.unwrap().ip().is_loopback());
        assert_eq!((config.tls, config.client), (None, None));
    }

    #[test]
    fn empty_is_closed_and_what_cannot_be_is_named() {
        assert_eq!(configured(&["mqtt.listen="]).unwrap().listen, None);
        assert!(configured(&["mqtt.listen=nowhere"]).unwrap_err().to_string().contains("mqtt.listen"));
        let client = configured(&["mqtt.client.address=broker.test:1883"]).unwrap().client.unwrap();
        assert_eq!((client.host.as_str(), client.port), ("broker.test", 1883));
        assert!(client.is_v5 && client.identity.is_none());
        let half = ["mqtt.client.address=broker.test:1883", "mqtt.client.certificate=our.pem"];
        assert!(configured(&half).unwrap_err().to_string().contains("mqtt.client.key"));
        let open = configured(&["mqtt.client.address=broker.test:8883", "mqtt.client.tls=true"]).unwrap_err();
        assert!(open.to_string().contains("mqtt.client.authority"));
    }
}
