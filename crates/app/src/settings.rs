//! The configuration: the commented default file is the defaults; file, environment and flags go over it.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use config::{Config, Environment, File, FileFormat};
use domain::telegram::TelegramLevel;
use serde::Deserialize;

use crate::forward::ForwardSettings;
use crate::ingest::{CoapSettings, CoapsSettings, IngestSettings};
use crate::mqtt::MqttSettings;

/// The default configuration, as `emberwatch config` prints it.
pub(crate) const DEFAULT_FILE: &str = include_str!("emberwatch.toml");

/// The prefix of environment variables; levels are parted by two underscores.
const ENV_PREFIX: &str = "EMBERWATCH";

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {
    pub(crate) data: DataSettings,
    pub(crate) backup: BackupSettings,
    pub(crate) history: HistorySettings,
    pub(crate) http: HttpSettings,
    pub(crate) field: FieldSettings,
    pub(crate) gb26875: GbSettings,
    pub(crate) forward: ForwardSettings,
    pub(crate) mqtt: MqttSettings,
    pub(crate) modbus_tcp: ModbusTcpSettings,
    pub(crate) ingest: IngestSettings,
    pub(crate) coap: CoapSettings,
    pub(crate) coaps: CoapsSettings,
    pub(crate) telling: TellingSettings,
    pub(crate) alarms: AlarmSettings,
    pub(crate) risk: domain::risk::Weights,
    pub(crate) engine: EngineSettings,
    pub(crate) profiles: ProfileSettings,
    pub(crate) log: LogSettings,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct DataSettings {
    pub(crate) dir: PathBuf,
    pub(crate) soft_limit_bytes: u64,
    pub(crate) hard_limit_bytes: u64,
    pub(crate) free_warning_bytes: u64,
    pub(crate) keep_readings_days: u32,
    pub(crate) keep_rollups_days: u32,
    pub(crate) keep_daily_days: u32,
}

/// How days that have ended are sealed.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct HistorySettings {
    pub(crate) settle_h: u32,
    pub(crate) every_min: u32,
    pub(crate) chunks_per_step: usize,
    pub(crate) rows_per_step: u32,
}

/// Backups that the platform makes by itself.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct BackupSettings {
    pub(crate) dir: String,
    pub(crate) at: String,
    pub(crate) keep: usize,
    pub(crate) late_after_h: u32,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct HttpSettings {
    pub(crate) listen: SocketAddr,
    pub(crate) behind_https: bool,
    pub(crate) trust_forwarded_for: bool,
    pub(crate) max_streams_per_user: u32,
    pub(crate) exports_at_once: usize,
    pub(crate) public_url: String,
}

/// The life of alarms.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AlarmSettings {
    pub(crate) shelf_most_h: u32,
    pub(crate) realarm_alarm_h: u32,
    pub(crate) realarm_warning_h: u32,
    pub(crate) realarm_fault_h: u32,
}

/// Messages to people.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TellingSettings {
    pub(crate) gather_s: u32,
    pub(crate) alarm_rest_s: u32,
    pub(crate) rest_s: u32,
    pub(crate) link_h: u32,
    pub(crate) at_once_per_medium: usize,
    pub(crate) local_addresses: bool,
    pub(crate) keep_days: u32,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FieldSettings {
    pub(crate) listen: SocketAddr,
    pub(crate) zone: String,
    pub(crate) max_connections: usize,
    pub(crate) max_connections_per_address: usize,
    pub(crate) max_new_per_address_per_s: u32,
    pub(crate) identify_within_s: u64,
    pub(crate) frame_within_s: u64,
    pub(crate) idle_intervals: f64,
    pub(crate) idle_floor_s: u64,
    pub(crate) write_within_s: u64,
    pub(crate) command_within_s: u64,
    pub(crate) max_frame_bytes: usize,
    pub(crate) max_refused_in_a_row: u32,
    pub(crate) max_frames_per_s: u32,
    pub(crate) max_frames_burst: u32,
    pub(crate) telegram_log: TelegramLevel,
    pub(crate) tls: Option<TlsSettings>,
    pub(crate) proxy_from: Vec<String>,
    pub(crate) dtu: DtuSettings,
    pub(crate) gateway_1f1f: Gateway1f1fSettings,
    #[serde(default)]
    pub(crate) listeners: Vec<ListenerSettings>,
}

/// Devices of Modbus TCP that we dial.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ModbusTcpSettings {
    pub(crate) may_dial: Vec<String>,
    pub(crate) max_dialled: usize,
    pub(crate) dial_within_s: u64,
    pub(crate) back_off_max_s: u64,
}

/// TLS at one address.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TlsSettings {
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
    #[serde(default)]
    pub(crate) clients: ClientCertificates,
}

/// What is asked of clients.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ClientCertificates {
    #[default]
    Optional,
    Required,
}

/// What strangers who register at a listener are taken for.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum LineSettings {
    ModbusRtu,
    ModbusTcp,
}

/// Another listener of the field door.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ListenerSettings {
    pub(crate) listen: SocketAddr,
    pub(crate) tls: Option<TlsSettings>,
    #[serde(default)]
    pub(crate) proxy_from: Vec<String>,
    pub(crate) registration: Option<RegistrationSettings>,
    pub(crate) heartbeats: Option<Vec<String>>,
    pub(crate) line: Option<LineSettings>,
    pub(crate) max_connections: Option<usize>,
    pub(crate) max_connections_per_address: Option<usize>,
    pub(crate) max_new_per_address_per_s: Option<u32>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct DtuSettings {
    pub(crate) registration: RegistrationSettings,
    pub(crate) heartbeats: Vec<String>,
    pub(crate) answer_within_ms: u64,
    pub(crate) gap_ms: u64,
    pub(crate) quarantine_ms: u64,
    pub(crate) back_off_max_s: u64,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Gateway1f1fSettings {
    pub(crate) max_frame_bytes: usize,
    pub(crate) max_inflated_bytes: usize,
    pub(crate) max_ratio: usize,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RegistrationSettings {
    pub(crate) kind: String,
    pub(crate) prefix: String,
    pub(crate) suffix: String,
    pub(crate) terminator: String,
    pub(crate) min_len: usize,
    pub(crate) max_len: usize,
}

/// Transmission devices that speak GB/T 26875.3.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct GbSettings {
    pub(crate) listen: String,
    pub(crate) answer_within_s: u64,
    pub(crate) retries: u8,
    pub(crate) clock_tolerance_s: u64,
    pub(crate) clock_set_every_s: u64,
    pub(crate) poll_every_s: u64,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct EngineSettings {
    pub(crate) intake_bound: usize,
    pub(crate) batch_max: usize,
    pub(crate) telegram_bound: usize,
    pub(crate) live_bound: usize,
    pub(crate) telegrams_per_terminal: u32,
    pub(crate) telegrams_total: u32,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ProfileSettings {
    pub(crate) dir: String,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct LogSettings {
    pub(crate) filter: String,
}

/// The most that a queue may be told to hold.
const MAX_BOUND: usize = 10_000_000;

/// Reads the configuration. `sets` are `key=value` flags; a value is read as TOML, else as text.
pub(crate) fn load(file: Option<&Path>, sets: &[String]) -> anyhow::Result<Settings> {
    let mut builder = Config::builder().add_source(File::from_str(DEFAULT_FILE, FileFormat::Toml));
    if let Some(path) = file {
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("the configuration file {} cannot be read", path.display()))?;
        builder = builder.add_source(File::from_str(&text, FileFormat::Toml));
    }
    builder = builder.add_source(
        Environment::with_prefix(ENV_PREFIX).prefix_separator("__").separator("__").try_parsing(true),
    );
    for set in sets {
        let Some((key, value)) = set.split_once('=') else {
            bail!("--set {set}: want key=value, e.g. --set http.listen=0.0.0.0:8080");
        };
        builder = builder
            .set_override(key.trim(), parsed(value.trim()))
            .with_context(|| format!("--set {set}: {key} is not a setting's name"))?;
    }
    let config = builder.build().context("the configuration cannot be read")?;
    let settings: Settings = config
        .try_deserialize()
        .context("the configuration is wrong; `emberwatch config` prints what it may say")?;
    settings.risk.check().context("the configuration is wrong")?;
    let engine = &settings.engine;
    for (key, had) in [
        ("intake_bound", engine.intake_bound),
        ("batch_max", engine.batch_max),
        ("telegram_bound", engine.telegram_bound),
        ("live_bound", engine.live_bound),
    ] {
        // More is more than a queue can count.
        if !(1..=MAX_BOUND).contains(&had) {
            bail!("the configuration is wrong: engine.{key} is {had}, wanted 1 to {MAX_BOUND}");
        }
    }
    Ok(settings)
}

fn parsed(value: &str) -> config::Value {
    let as_toml = toml::from_str::<toml::Table>(&format!("v = {value}"));
    let table = as_toml.ok().and_then(|mut table| table.remove("v"));
    match table {
        Some(toml::Value::Integer(number)) => number.into(),
        Some(toml::Value::Float(number)) => number.into(),
        Some(toml::Value::Boolean(flag)) => flag.into(),
        Some(toml::Value::Array(items)) => items
            .into_iter()
            .map(|item| item.as_str().map_or_else(|| item.to_string(), str::to_owned))
            .collect::<Vec<_>>()
            .into(),
        Some(toml::Value::String(text)) => text.into(),
        Some(toml::Value::Datetime(_) | toml::Value::Table(_)) | None => value.into(),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    #[test]
    fn the_printed_default_is_a_whole_configuration() {
        let settings = load(None, &[]).unwrap();
        assert!(
            settings.http.listen.ip().is_loopback(),
            "pages are on loopback unless somebody decides otherwise"
        );
        assert!(settings.field.listen.ip().is_loopback(), "the field door too");
    }

    #[test]
    fn a_file_goes_over_the_default_and_a_flag_over_the_file() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        writeln!(file, "[http]\nlisten = \"127.0.0.1:1\"\n[engine]\nbatch_max = 7").unwrap();
        let settings = load(Some(file.path()), &["http.listen=127.0.0.1:2".into()]).unwrap();
        assert_eq!((settings.http.listen.port(), settings.engine.batch_max), (2, 7));
    }

    #[test]
    fn a_queue_that_holds_nothing_is_refused_by_name() {
        for key in ["intake_bound", "batch_max", "telegram_bound", "live_bound"] {
            let error = load(None, &[format!("engine.{key}=0")]).unwrap_err();
            assert!(error.to_string().contains(&format!("engine.{key} is 0")), "{error:#}");
        }
    }

    #[test]
    fn the_printed_weights_of_risk_are_those_of_the_rules_and_are_checked() {
        assert_eq!(load(None, &[]).unwrap().risk, domain::risk::Weights::default());
        let table: toml::Table = toml::from_str(DEFAULT_FILE).unwrap();
        let printed = table.get("risk").and_then(toml::Value::as_table).unwrap();
        assert_eq!(printed.len(), domain::risk::Weights::default().all().len(), "each is printed");
        let error = load(None, &["risk.offline=96".into()]).unwrap_err();
        assert!(format!("{error:#}").contains("risk.offline is 96"), "{error:#}");
    }

    #[test]
    fn a_misspelt_key_is_refused_by_name() {
        let error = load(None, &["http.lisen=127.0.0.1:2".into()]).unwrap_err();
        assert!(format!("{error:#}").contains("lisen"), "{error:#}");
    }

    #[test]
    fn a_listener_says_only_what_it_does_differently() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        writeln!(
            file,
            "[[field.listeners]]\nlisten = \"127.0.0.1:7443\"\nproxy_from = [\"10.0.0.0/8\"]\n\
             tls = {{ certificate = \"a.pem\", key = \"a.key\", clients = \"required\" }}"
        )
        .unwrap();
        let settings = load(Some(file.path()), &[]).unwrap();
        let config = crate::field::config(&settings).unwrap();
        let [listener] = config.listeners.as_slice() else { panic!("{:?}", config.listeners) };
        assert!(listener.registration.is_none() && config.tls.is_none());
        let tls = listener.tls.as_ref().unwrap();
        assert_eq!(tls.clients, gateway::tls::ClientCertificates::Required);
        assert!(listener.proxy_from[0].contains("10.1.2.3".parse().unwrap()));
    }

    #[test]
    fn a_flag_without_a_value_is_refused() {
        assert!(load(None, &["http.listen".into()]).is_err());
    }
}
