//! What the MQTT door may be told: every limit with its unit and default.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use domain::time::UnixMs;
use jiff::tz::TimeZone;

use super::topics::Pattern;
use crate::TelegramLevel;
use crate::tls::TlsSettings;

/// The MQTT door's settings.
#[derive(Debug, Clone)]
pub struct MqttConfig {
    /// Where devices dial in without TLS; `None`: closed. Default `127.0.0.1:1883`.
    pub listen: Option<SocketAddr>,
    /// Where devices dial in with TLS, and its certificate; `None`: closed.
    pub tls: Option<(SocketAddr, TlsSettings)>,
    /// Connections that the system may hold for us before we take them. Default 4,096.
    pub listen_backlog: u32,
    /// Connections in all. Default 120,000.
    pub max_connections: usize,
    /// Connections from one address. Default 20,000.
    pub max_connections_per_address: usize,
    /// New connections per second from one address. Default 2,000.
    pub max_new_per_address_per_s: u32,
    /// How long a connection may take to its CONNECT, s. Default 10.
    pub connect_within_s: u64,
    /// How long a write to a device may take, s. Default 10.
    pub write_within_s: u64,
    /// How long a device may take to answer a command, s. Default 10.
    pub command_within_s: u64,
    /// The longest packet that is taken, bytes. Default 262,144.
    pub max_packet_bytes: u32,
    /// Messages of one device that may wait for their commit at once; more wait in its socket. Default 32.
    pub max_in_flight: u16,
    /// Messages per second that one device may send for long. Default 50.
    pub max_messages_per_s: u32,
    /// Messages that one device may send at once. Default 200.
    pub max_messages_burst: u32,
    /// A connection is closed after this many refused messages in a row. Default 20.
    pub max_refused_in_a_row: u32,
    /// The longest keep-alive, s; a device that names none or a longer one is held to it. Default 3,600.
    pub max_keep_alive_s: u16,
    /// The longest time that a session is kept after its line closed, s. Default 604,800 (a week).
    pub max_session_expiry_s: u32,
    /// Failures to come in that one address may have in a minute. Default 60.
    pub max_failures_per_minute: u32,
    /// The same unknown serial is reported at most this often, s. Default 30.
    pub pending_report_s: u64,
    /// How long sessions may take to hear what became of their readings when the process stops, s. Default 5.
    pub stop_within_s: u64,
    /// Topics of somebody else's devices, each with one level `{serial}`. Default none.
    pub foreign_topics: Vec<String>,
    /// IANA name of the zone told to devices of the vendor's form that ask for the time. Default `Asia/Shanghai`.
    pub zone: String,
    /// Which telegrams are kept. Default [`TelegramLevel::All`].
    pub telegram_log: TelegramLevel,
    /// A broker of somebody else's to speak with devices through, beside the own door.
    pub client: Option<ClientConfig>,
}

/// A broker of somebody else's that we connect to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientConfig {
    /// Host name or address.
    pub host: String,
    /// Port.
    pub port: u16,
    /// Whether TLS is spoken.
    pub is_tls: bool,
    /// Certificates that the broker's is checked against, PEM; needed with TLS.
    pub authority: Option<PathBuf>,
    /// Our own certificate (with those between it and the authority) and its key, PEM, for brokers that ask for one.
    pub identity: Option<(PathBuf, PathBuf)>,
    /// MQTT 5.0; else 3.1.1, with which nobody can be commanded.
    pub is_v5: bool,
    /// How we are called there. Default `emberwatch`.
    pub client_id: String,
    /// User name; empty: none.
    pub user_name: String,
    /// Password.
    pub password: String,
    /// Keep-alive, s. Default 60.
    pub keep_alive_s: u16,
    /// Shared group of the subscriptions (`$share/…`); empty: none.
    pub share: String,
    /// The first and the longest wait before another try. Default 1 s and 60 s.
    pub retry: (Duration, Duration),
}

impl Default for MqttConfig {
    fn default() -> Self {
        Self {
            listen: Some(SocketAddr::from(([127, 0, 0, 1], 1883))),
            tls: None,
            listen_backlog: 4_096,
            max_connections: 120_000,
            max_connections_per_address: 20_000,
            max_new_per_address_per_s: 2_000,
            connect_within_s: 10,
            write_within_s: 10,
            command_within_s: 10,
            max_packet_bytes: 262_144,
            max_in_flight: 32,
            max_messages_per_s: 50,
            max_messages_burst: 200,
            max_refused_in_a_row: 20,
            max_keep_alive_s: 3_600,
            max_session_expiry_s: 604_800,
            max_failures_per_minute: 60,
            pending_report_s: 30,
            stop_within_s: 5,
            foreign_topics: Vec::new(),
            zone: "Asia/Shanghai".to_owned(),
            telegram_log: TelegramLevel::All,
            client: None,
        }
    }
}

/// A setting that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum MqttConfigError {
    /// A number that makes no sense.
    #[error("mqtt.{key} is 0, wanted at least 1")]
    Number {
        /// Which setting.
        key: &'static str,
    },
    /// A topic pattern that cannot be used.
    #[error("mqtt.foreign_topics: {0}")]
    Pattern(String),
    /// No such zone.
    #[error("zone {name:?}, wanted an IANA time zone name such as Asia/Shanghai: {source}")]
    Zone {
        /// The name given.
        name: String,
        /// What the zone database says.
        source: jiff::Error,
    },
}

/// Settings after they were checked.
#[derive(Debug)]
pub(crate) struct Rules {
    pub(crate) config: MqttConfig,
    pub(crate) foreign: Vec<Pattern>,
    zone: TimeZone,
}

impl Rules {
    pub(crate) fn check(config: MqttConfig) -> Result<Self, MqttConfigError> {
        let at_least_one = [
            ("max_connections", config.max_connections as u64),
            ("max_connections_per_address", config.max_connections_per_address as u64),
            ("max_new_per_address_per_s", config.max_new_per_address_per_s.into()),
            ("connect_within_s", config.connect_within_s),
            ("write_within_s", config.write_within_s),
            ("command_within_s", config.command_within_s),
            ("max_packet_bytes", config.max_packet_bytes.into()),
            ("max_in_flight", config.max_in_flight.into()),
            ("max_messages_per_s", config.max_messages_per_s.into()),
            ("max_messages_burst", config.max_messages_burst.into()),
            ("max_refused_in_a_row", config.max_refused_in_a_row.into()),
            ("max_keep_alive_s", config.max_keep_alive_s.into()),
            ("max_failures_per_minute", config.max_failures_per_minute.into()),
        ];
        if let Some((key, _)) = at_least_one.into_iter().find(|(_, value)| *value == 0) {
            return Err(MqttConfigError::Number { key });
        }
        let foreign = config.foreign_topics.iter().map(|text| Pattern::parse(text));
        let foreign = foreign.collect::<Result<_, _>>().map_err(MqttConfigError::Pattern)?;
        let zone = TimeZone::get(&config.zone)
            .map_err(|source| MqttConfigError::Zone { name: config.zone.clone(), source })?;
        Ok(Self { config, foreign, zone })
    }

    /// Minutes east of Greenwich at `now`.
    pub(crate) fn offset_min(&self, now: UnixMs) -> i64 {
        let now = jiff::Timestamp::from_millisecond(now.0).unwrap_or_default();
        i64::from(self.zone.to_offset(now).seconds() / 60)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_can_be_used_and_what_cannot_is_refused_by_name() {
        assert!(Rules::check(MqttConfig::default()).is_ok());
        let none = MqttConfig { max_in_flight: 0, ..MqttConfig::default() };
        assert!(Rules::check(none).unwrap_err().to_string().contains("mqtt.max_in_flight"));
        let pattern = MqttConfig { foreign_topics: vec!["a/b".to_owned()], ..MqttConfig::default() };
        assert!(Rules::check(pattern).unwrap_err().to_string().contains("{serial}"));
    }
}
