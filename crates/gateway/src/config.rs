//! What the field door may be told: every limit with its unit and default.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use domain::place::Protocol;
pub use domain::telegram::TelegramLevel;
use jiff::tz::TimeZone;
use wire::cloud7b7b;
use wire::modbus::{LineConfig, LineConfigError, LineMaster};
use wire::registration::{IdentityForm, Registration, RegistrationPattern, RegistrationPatternError};

use crate::network::Network;
use crate::tls::TlsSettings;

/// The field door's settings.
#[derive(Debug, Clone)]
pub struct FieldConfig {
    /// Where detectors and DTUs dial in; port 0 takes a free one. Default `127.0.0.1:7070`.
    pub listen: SocketAddr,
    /// IANA name of the zone whose local time is told to devices. Default `Asia/Shanghai`.
    pub zone: String,
    /// Connections that the system may hold for us before we take them. Default 4,096.
    pub listen_backlog: u32,
    /// Connections in all. Default 120,000.
    pub max_connections: usize,
    /// Connections from one address; carriers put many devices behind one. Default 20,000.
    pub max_connections_per_address: usize,
    /// New connections per second from one address; more are taken in turn, and closed where that would be later than
    /// 10 s. Default 2,000.
    pub max_new_per_address_per_s: u32,
    /// How long a connection may take to say who it is, s. Default 20.
    pub identify_within_s: u64,
    /// How long a frame may take from its first byte to its last, s. A damaged frame holds those behind it back
    /// for as long, because a wrong sum may be an end mark inside the data. Default 8.
    pub frame_within_s: u64,
    /// A connection that is silent for this many of its reporting intervals is closed. Default 3.
    pub idle_intervals: f64,
    /// ... but never sooner than this, s. Default 180.
    pub idle_floor_s: u64,
    /// A connection that waits for admission is closed after this long in silence, s. Default 3,600.
    pub pending_idle_s: u64,
    /// A connection that waits for admission asks the directory this often when it is silent, s. Default 10.
    pub pending_look_s: u64,
    /// The same unknown serial is reported at most this often, s. Default 30.
    pub pending_report_s: u64,
    /// How long a write to a device may take, s. Default 10.
    pub write_within_s: u64,
    /// How long a device of the vendor cloud protocol may take to answer a command, s. Default 10.
    pub command_within_s: u64,
    /// Frames longer than this are refused, bytes. Default 2,048.
    pub max_frame_bytes: usize,
    /// A connection is closed after this many refused frames in a row. Default 20.
    pub max_refused_in_a_row: u32,
    /// Frames per second that one device may send for long; more wait in its socket. Default 50.
    pub max_frames_per_s: u32,
    /// Frames that one device may send at once. Default 200.
    pub max_frames_burst: u32,
    /// Uploads of one device that may wait for their commit at once; more wait in its socket. Default 32.
    pub max_uploads_in_flight: u16,
    /// How long sessions may take to hear what became of their readings when the process stops, s. Default 5.
    pub stop_within_s: u64,
    /// Which telegrams are kept. Default [`TelegramLevel::All`].
    pub telegram_log: TelegramLevel,
    /// Transparent DTUs.
    pub dtu: DtuConfig,
    /// Gateways of the vendor gateway protocol.
    pub gateway1f1f: Gateway1f1fConfig,
    /// Transmission devices that speak GB/T 26875.3.
    pub gb26875: GbConfig,
    /// What somebody who registers and whom the directory does not know is taken for: [`Protocol::ModbusRtu`] or
    /// [`Protocol::ModbusTcp`]. Those whom it knows are spoken to as it says. Default [`Protocol::ModbusRtu`].
    pub line: Protocol,
    /// Devices that we dial.
    pub modbus_tcp: ModbusTcpConfig,
    /// TLS at `listen`; `None`: plain. Default `None`.
    pub tls: Option<TlsSettings>,
    /// Who stands between and says so with the PROXY protocol; others are who they are. Default: nobody.
    pub proxy_from: Vec<Network>,
    /// More places where devices can dial in, by rules of their own.
    pub listeners: Vec<ListenerConfig>,
}

/// Modbus TCP devices that we dial: terminals whose serial number is `tcp://host:port`.
#[derive(Debug, Clone)]
pub struct ModbusTcpConfig {
    /// The only addresses that may be dialled. Default: none, so that nobody can make the platform knock elsewhere by
    /// registering a terminal.
    pub may_dial: Vec<Network>,
    /// Devices dialled at once; further ones wait. Default 2,000.
    pub max_dialled: usize,
    /// How often the directory is looked at for devices to dial, s. Default 5.
    pub look_every_s: u64,
    /// How long dialling may take, s. Default 10.
    pub dial_within_s: u64,
    /// A device that cannot be reached is dialled less and less often, up to every this many seconds. Default 60.
    pub back_off_max_s: u64,
}

impl Default for ModbusTcpConfig {
    fn default() -> Self {
        Self {
            may_dial: Vec::new(),
            max_dialled: 2_000,
            look_every_s: 5,
            dial_within_s: 10,
            back_off_max_s: 60,
        }
    }
}

/// Another listener of the field door; what it leaves out is as the door has it.
#[derive(Debug, Clone)]
pub struct ListenerConfig {
    /// Where devices dial in; port 0 takes a free one.
    pub listen: SocketAddr,
    /// TLS here; `None`: plain, whatever the door has.
    pub tls: Option<TlsSettings>,
    /// Who speaks the PROXY protocol here, whatever the door has.
    pub proxy_from: Vec<Network>,
    /// What a DTU sends first.
    pub registration: Option<RegistrationPattern>,
    /// Byte groups that a DTU sends to keep the line open.
    pub heartbeats: Option<Vec<Bytes>>,
    /// What strangers who register are taken for.
    pub line: Option<Protocol>,
    /// Connections in all.
    pub max_connections: Option<usize>,
    /// Connections from one address.
    pub max_connections_per_address: Option<usize>,
    /// New connections per second from one address.
    pub max_new_per_address_per_s: Option<u32>,
}

impl ListenerConfig {
    /// A listener at `listen` that does all as the door, in plain.
    #[must_use]
    pub fn new(listen: SocketAddr) -> Self {
        Self {
            listen,
            tls: None,
            proxy_from: Vec::new(),
            registration: None,
            heartbeats: None,
            line: None,
            max_connections: None,
            max_connections_per_address: None,
            max_new_per_address_per_s: None,
        }
    }
}

/// What is made of the frames of a gateway of the vendor gateway protocol.
#[derive(Debug, Clone)]
pub struct Gateway1f1fConfig {
    /// The longest data of a frame of a gateway that has proved who it is, bytes; before that
    /// [`FieldConfig::max_frame_bytes`] holds. Default 262,144.
    pub max_frame_bytes: usize,
    /// Limits of what is inflated and read as XML. Defaults: 1 MiB inflated, 100 bytes to one deflated, 8 levels and
    /// 20,000 elements.
    pub wire: wire::gateway1f1f::Limits,
}

impl Default for Gateway1f1fConfig {
    fn default() -> Self {
        Self { max_frame_bytes: 262_144, wire: wire::gateway1f1f::Limits::default() }
    }
}

/// How transparent DTUs are heard and their lines driven.
#[derive(Debug, Clone)]
pub struct DtuConfig {
    /// What a DTU sends first. Default: 6 to 32 printable characters ended by CR LF.
    pub registration: RegistrationPattern,
    /// Byte groups that a DTU sends to keep the line open. Default `FE FE` and `ping`.
    pub heartbeats: Vec<Bytes>,
    /// For registrations without an end mark: this much silence ends them, ms. Default 500.
    pub burst_end_ms: u64,
    /// How long an answer may take, ms. Default 3,000.
    pub answer_within_ms: u64,
    /// Rest between an answer and the next request, ms. Default 150.
    pub gap_ms: u64,
    /// After a time-out nothing is taken for an answer for this long, ms. Default 3,000.
    pub quarantine_ms: u64,
    /// A unit that does not answer is asked less and less often, up to every this many seconds. Default 300.
    pub back_off_max_s: u64,
    /// Time-outs in a row after which a unit counts as silent. Default 3.
    pub silent_after: u32,
    /// How often a request that the device was too busy for is repeated before its values count as missing. Default 2.
    pub busy_retries: u8,
}

impl Default for FieldConfig {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 7070)),
            zone: "Asia/Shanghai".to_owned(),
            listen_backlog: 4_096,
            max_connections: 120_000,
            max_connections_per_address: 20_000,
            max_new_per_address_per_s: 2_000,
            identify_within_s: 20,
            frame_within_s: 8,
            idle_intervals: 3.0,
            idle_floor_s: 180,
            pending_idle_s: 3_600,
            pending_look_s: 10,
            pending_report_s: 30,
            write_within_s: 10,
            command_within_s: 10,
            max_frame_bytes: 2_048,
            max_refused_in_a_row: 20,
            max_frames_per_s: 50,
            max_frames_burst: 200,
            max_uploads_in_flight: 32,
            stop_within_s: 5,
            telegram_log: TelegramLevel::All,
            dtu: DtuConfig::default(),
            gateway1f1f: Gateway1f1fConfig::default(),
            gb26875: GbConfig::default(),
            line: Protocol::ModbusRtu,
            modbus_tcp: ModbusTcpConfig::default(),
            tls: None,
            proxy_from: Vec::new(),
            listeners: Vec::new(),
        }
    }
}

impl FieldConfig {
    /// The settings of each listener, the door's own first.
    pub(crate) fn of_listeners(mut self) -> Vec<Self> {
        let more = std::mem::take(&mut self.listeners);
        let mut all = vec![self];
        for listener in more {
            let Some(door) = all.first() else { break };
            let mut own = door.clone();
            own.listen = listener.listen;
            own.tls = listener.tls;
            own.proxy_from = listener.proxy_from;
            own.gb26875.listen_udp = None;
            own.dtu.registration = listener.registration.unwrap_or(own.dtu.registration);
            own.dtu.heartbeats = listener.heartbeats.unwrap_or(own.dtu.heartbeats);
            own.line = listener.line.unwrap_or(own.line);
            own.max_connections = listener.max_connections.unwrap_or(own.max_connections);
            own.max_connections_per_address =
                listener.max_connections_per_address.unwrap_or(own.max_connections_per_address);
            own.max_new_per_address_per_s =
                listener.max_new_per_address_per_s.unwrap_or(own.max_new_per_address_per_s);
            all.push(own);
        }
        all
    }
}

/// How transmission devices are asked, and where those dial in that speak UDP.
#[derive(Debug, Clone)]
pub struct GbConfig {
    /// Where datagrams come in; `None`: closed; port 0 takes a free one. Default `None`.
    pub listen_udp: Option<SocketAddr>,
    /// How long an answer may take, s. The standard: at most 10. Default 10.
    pub answer_within_s: u64,
    /// How often what was not answered is sent again. The standard: 3. Default 3.
    pub retries: u8,
    /// How far a device's clock may differ before it is set, s. Default 30.
    pub clock_tolerance_s: u64,
    /// A clock is set at most this often, s. Default 3,600.
    pub clock_set_every_s: u64,
    /// A device that is silent for this long, or for its profile's interval if that is shorter, is asked for its
    /// state, s. The standard's centre polls at least every 2 h. Default 7,200.
    pub poll_every_s: u64,
}

impl Default for GbConfig {
    fn default() -> Self {
        Self {
            listen_udp: None,
            answer_within_s: 10,
            retries: 3,
            clock_tolerance_s: 30,
            clock_set_every_s: 3_600,
            poll_every_s: 7_200,
        }
    }
}

impl Default for DtuConfig {
    fn default() -> Self {
        let mut registration = RegistrationPattern::plain(IdentityForm::Text, 6, 32);
        registration.terminator = Bytes::from_static(b"\r\n");
        Self {
            registration,
            heartbeats: vec![Bytes::from_static(&[0xFE, 0xFE]), Bytes::from_static(b"ping")],
            burst_end_ms: 500,
            answer_within_ms: 3_000,
            gap_ms: 150,
            quarantine_ms: 3_000,
            back_off_max_s: 300,
            silent_after: 3,
            busy_retries: 2,
        }
    }
}

/// A setting that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// No such zone.
    #[error("zone {name:?}, wanted an IANA time zone name such as Asia/Shanghai: {source}")]
    Zone {
        /// The name given.
        name: String,
        /// What the zone database says.
        source: jiff::Error,
    },
    /// A value that makes no sense.
    #[error("{key} is {had}, wanted {wanted}")]
    Number {
        /// Which setting.
        key: &'static str,
        /// Its value.
        had: String,
        /// What would be right.
        wanted: &'static str,
    },
    /// Text that is no byte group.
    #[error("{had:?}, wanted bytes as pairs of hexadecimal digits such as \"FE FE\"")]
    Hex {
        /// The text given.
        had: String,
    },
    /// An unknown kind of registration.
    #[error("registration kind {had:?}, wanted ascii, digits, hex or raw")]
    RegistrationKind {
        /// The kind given.
        had: String,
    },
    /// A registration pattern that cannot be used.
    #[error("registration: {0}")]
    Registration(#[from] RegistrationPatternError),
    /// Settings of the line that cannot be driven.
    #[error("dtu line: {0}")]
    Line(#[from] LineConfigError),
}

/// The form of identity with this name in configuration files: `ascii`, `digits`, `hex` (text), `raw` (bytes).
///
/// # Errors
/// [`ConfigError::RegistrationKind`].
pub fn identity_form(kind: &str) -> Result<IdentityForm, ConfigError> {
    match kind {
        "ascii" => Ok(IdentityForm::Text),
        "digits" => Ok(IdentityForm::Digits),
        "hex" => Ok(IdentityForm::HexText),
        "raw" => Ok(IdentityForm::RawBytes),
        other => Err(ConfigError::RegistrationKind { had: other.to_owned() }),
    }
}

/// The bytes written as pairs of hexadecimal digits, spaces allowed: `"FE FE"`.
///
/// # Errors
/// [`ConfigError::Hex`].
pub fn bytes_from_hex(text: &str) -> Result<Bytes, ConfigError> {
    let wrong = || ConfigError::Hex { had: text.to_owned() };
    let digits: Option<Vec<u32>> =
        text.chars().filter(|c| !c.is_ascii_whitespace()).map(|c| c.to_digit(16)).collect();
    let (pairs, rest) = digits.as_deref().ok_or_else(wrong)?.as_chunks::<2>();
    if !rest.is_empty() || pairs.is_empty() {
        return Err(wrong());
    }
    pairs.iter().map(|[high, low]| u8::try_from(high * 16 + low).map_err(|_too_big| wrong())).collect()
}

/// Settings after they were checked, shared by every session.
#[derive(Debug)]
pub(crate) struct Rules {
    pub(crate) config: FieldConfig,
    pub(crate) zone: TimeZone,
    pub(crate) registration: Registration,
}

impl Rules {
    pub(crate) fn check(config: FieldConfig) -> Result<Self, ConfigError> {
        let at_least_one = [
            ("max_connections", config.max_connections as u64),
            ("max_connections_per_address", config.max_connections_per_address as u64),
            ("max_new_per_address_per_s", config.max_new_per_address_per_s.into()),
            ("identify_within_s", config.identify_within_s),
            ("frame_within_s", config.frame_within_s),
            ("idle_floor_s", config.idle_floor_s),
            ("write_within_s", config.write_within_s),
            ("command_within_s", config.command_within_s),
            ("max_refused_in_a_row", config.max_refused_in_a_row.into()),
            ("max_frames_per_s", config.max_frames_per_s.into()),
            ("max_frames_burst", config.max_frames_burst.into()),
            ("max_uploads_in_flight", config.max_uploads_in_flight.into()),
            ("dtu.back_off_max_s", config.dtu.back_off_max_s),
            ("gateway1f1f.max_frame_bytes", config.gateway1f1f.max_frame_bytes as u64),
            ("gateway1f1f.max_inflated_bytes", config.gateway1f1f.wire.max_inflated_len as u64),
            ("gateway1f1f.max_ratio", config.gateway1f1f.wire.max_ratio as u64),
            ("gb26875.answer_within_s", config.gb26875.answer_within_s),
            ("gb26875.clock_set_every_s", config.gb26875.clock_set_every_s),
            ("gb26875.poll_every_s", config.gb26875.poll_every_s),
            ("modbus_tcp.look_every_s", config.modbus_tcp.look_every_s),
            ("modbus_tcp.dial_within_s", config.modbus_tcp.dial_within_s),
            ("modbus_tcp.back_off_max_s", config.modbus_tcp.back_off_max_s),
        ];
        if let Some((key, _)) = at_least_one.into_iter().find(|(_, value)| *value == 0) {
            return Err(ConfigError::Number { key, had: "0".to_owned(), wanted: "at least 1" });
        }
        if !config.idle_intervals.is_finite() || config.idle_intervals < 1.0 {
            let had = config.idle_intervals.to_string();
            return Err(ConfigError::Number { key: "idle_intervals", had, wanted: "at least 1" });
        }
        if !matches!(config.line, Protocol::ModbusRtu | Protocol::ModbusTcp) {
            let had = config.line.code().to_owned();
            return Err(ConfigError::Number { key: "line", had, wanted: "modbus_rtu or modbus_tcp" });
        }
        if config.max_frame_bytes < cloud7b7b::MIN_FRAME_LEN {
            let had = config.max_frame_bytes.to_string();
            return Err(ConfigError::Number { key: "max_frame_bytes", had, wanted: "at least 7" });
        }
        let zone = TimeZone::get(&config.zone)
            .map_err(|source| ConfigError::Zone { name: config.zone.clone(), source })?;
        let registration = Registration::new(config.dtu.registration.clone(), &config.dtu.heartbeats)?;
        let _drivable: LineMaster = LineMaster::new(config.dtu.line(None))?;
        Ok(Self { config, zone, registration })
    }

    /// How long a line may be silent, ms, when it should speak every `interval_s`.
    pub(crate) fn idle_ms(&self, interval_s: u64) -> u64 {
        // Whole tenths of intervals are exact enough and need no conversion back from a float.
        let intervals = Duration::from_secs(interval_s).mul_f64(self.config.idle_intervals);
        ms(intervals.as_secs().max(self.config.idle_floor_s))
    }
}

impl DtuConfig {
    /// The settings of one line; a DTU may repeat its `registration` text, which then counts as a heartbeat.
    pub(crate) fn line(&self, registration: Option<Bytes>) -> LineConfig {
        let heartbeats = self.heartbeats.iter().cloned().chain(registration).collect();
        LineConfig {
            answer_timeout_ms: self.answer_within_ms,
            quarantine_ms: self.quarantine_ms,
            gap_ms: self.gap_ms,
            heartbeats,
            ..LineConfig::default()
        }
    }
}

/// Seconds as milliseconds.
pub(crate) const fn ms(seconds: u64) -> u64 {
    seconds.saturating_mul(1_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_can_be_used() {
        assert!(Rules::check(FieldConfig::default()).is_ok());
    }

    #[test]
    fn what_cannot_be_used_is_refused_by_name() {
        let zone = FieldConfig { zone: "Mars/Olympus".into(), ..FieldConfig::default() };
        assert!(Rules::check(zone).unwrap_err().to_string().contains("Mars/Olympus"));
        let frames = FieldConfig { max_frames_per_s: 0, ..FieldConfig::default() };
        assert!(Rules::check(frames).unwrap_err().to_string().contains("max_frames_per_s is 0"));
        let idle = FieldConfig { idle_intervals: 0.5, ..FieldConfig::default() };
        assert!(Rules::check(idle).unwrap_err().to_string().contains("idle_intervals is 0.5"));
        let short = FieldConfig { max_frame_bytes: 6, ..FieldConfig::default() };
        assert!(Rules::check(short).is_err());
    }

    #[test]
    fn hex_is_read_with_and_without_spaces() {
        assert_eq!(bytes_from_hex("FE fe").unwrap(), Bytes::from_static(&[0xFE, 0xFE]));
        assert_eq!(bytes_from_hex("70696E67").unwrap(), Bytes::from_static(b"ping"));
        for wrong in ["", "F", "FEF", "GG", "F\u{660}"] {
            assert!(bytes_from_hex(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn idle_is_a_number_of_intervals_but_not_less_than_the_floor() {
        let rules = Rules::check(FieldConfig::default()).unwrap();
        assert_eq!(rules.idle_ms(1_800), 5_400_000);
        assert_eq!(rules.idle_ms(10), 180_000);
    }
}
