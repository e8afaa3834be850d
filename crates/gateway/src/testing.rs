//! What the tests of the sessions share: profiles, a directory, a clock that stands until it is moved.

use std::net::SocketAddr;
use std::sync::Arc;

use bus::{Directory, Intake};
use domain::id::{DetectorId, TerminalId};
use domain::place::{Admission, Credential, DetectorEntry, Protocol, TerminalEntry};
use domain::reading::Reading;
use domain::telegram::Refused;
use domain::time::UnixMs;

use crate::config::{FieldConfig, Rules};
use crate::session::{Facts, Moment, Output};

/// Two segments, `1-1` with one register and `1-2` with two.
const CLOUD: &str = r#"
name = "two segments"
maker = "test"
protocol = "cloud_7b7b"
verified = true
source = "made for tests"
interval_s = 600
[[groups]]
segment = "1-1"
start = 0
count = 1
[[groups]]
segment = "1-2"
start = 0
count = 2
[[points]]
code = "residual"
name = "residual"
quantity = "residual_current"
segment = "1-1"
address = 0
format = "u16"
[[points]]
code = "temperature_a"
name = "temperature a"
quantity = "conductor_temperature"
phase = "a"
segment = "1-2"
address = 0
format = "i16"
scale = 0.1
[[points]]
code = "temperature_b"
name = "temperature b"
quantity = "conductor_temperature"
phase = "b"
segment = "1-2"
address = 1
format = "i16"
scale = 0.1
"#;

/// One group of two registers every 10 s.
const LINE: &str = r#"
name = "two registers"
maker = "test"
protocol = "modbus_rtu"
verified = true
source = "made for tests"
interval_s = 10
[[groups]]
start = 0
count = 2
[[points]]
code = "residual"
name = "residual"
quantity = "residual_current"
address = 0
format = "u16"
[[points]]
code = "temperature_a"
name = "temperature a"
quantity = "conductor_temperature"
phase = "a"
address = 1
format = "i16"
scale = 0.1
"#;

/// Two values under names.
const GATEWAY: &str = r#"
name = "two names"
maker = "test"
protocol = "gateway_1f1f"
verified = true
source = "made for tests"
interval_s = 300
replays_history = true
[[points]]
code = "residual"
name = "residual"
quantity = "residual_current"
key = "IL"
[[points]]
code = "temperature_a"
name = "temperature a"
quantity = "conductor_temperature"
phase = "a"
key = "TA"
scale = 0.1
"#;

/// The secret of the gateways of the vendor gateway protocol.
pub(crate) const SECRET: &[u8; 16] = b"0123456789abcdef";

pub(crate) const REMOTE: &str = "10.0.0.1:50000";
/// 2026-01-02 03:04:05 in Shanghai.
pub(crate) const WALL: UnixMs = UnixMs(1_767_294_245_000);

pub(crate) fn directory() -> Directory {
    let directory = Directory::default();
    for (file, text) in
        [("two-segments.toml", CLOUD), ("two-registers.toml", LINE), ("two-names.toml", GATEWAY)]
    {
        directory.put_profile(domain::profile::parse(file, text).unwrap());
    }
    for profile in domain::profile::shipped().unwrap() {
        directory.put_profile(profile);
    }
    directory
}

pub(crate) fn cloud_terminal(serial: &str, admission: Admission) -> TerminalEntry {
    TerminalEntry {
        id: TerminalId(7),
        serial: serial.to_owned(),
        protocol: Protocol::Cloud7b7b,
        admission,
        pinned_iccid: None,
        credentials: Vec::new(),
        detectors: vec![detector(70, "two-segments", None)],
    }
}

pub(crate) fn dtu_terminal(serial: &str, detectors: Vec<DetectorEntry>) -> TerminalEntry {
    TerminalEntry {
        id: TerminalId(9),
        serial: serial.to_owned(),
        protocol: Protocol::ModbusRtu,
        admission: Admission::Admitted,
        pinned_iccid: None,
        credentials: Vec::new(),
        detectors,
    }
}

/// A gateway with two detectors of its own protocol and one Modbus unit on its port 2.
pub(crate) fn gateway_terminal(serial: &str, admission: Admission) -> TerminalEntry {
    let at = |address: &str, detector: DetectorEntry| DetectorEntry {
        address: Some(address.to_owned()),
        ..detector
    };
    TerminalEntry {
        id: TerminalId(11),
        serial: serial.to_owned(),
        protocol: Protocol::Gateway1f1f,
        admission,
        pinned_iccid: None,
        credentials: vec![Credential::SharedSecret(SECRET.to_vec())],
        detectors: vec![
            at("01001", detector(110, "two-names", None)),
            at("01002", detector(111, "two-names", None)),
            at("2", detector(112, "two-registers", Some(7))),
        ],
    }
}

pub(crate) fn detector(id: i64, profile: &str, unit_address: Option<u8>) -> DetectorEntry {
    DetectorEntry { id: DetectorId(id), profile: profile.to_owned(), unit_address, address: None }
}

/// Everything a session looks at, and a clock.
pub(crate) struct World {
    pub(crate) rules: Rules,
    pub(crate) directory: Arc<Directory>,
    pub(crate) mono_ms: u64,
}

impl World {
    pub(crate) fn new(config: FieldConfig) -> Self {
        Self { rules: Rules::check(config).unwrap(), directory: Arc::new(directory()), mono_ms: 1_000_000 }
    }

    pub(crate) fn facts(&self) -> Facts<'_> {
        let remote: SocketAddr = REMOTE.parse().unwrap();
        Facts { rules: &self.rules, directory: &self.directory, remote, certificate: None }
    }

    pub(crate) fn now(&self) -> Moment {
        let since_ms = i64::try_from(self.mono_ms).unwrap() - 1_000_000;
        Moment { wall: WALL.plus_ms(since_ms), mono_ms: self.mono_ms }
    }
}

/// What a session wanted done, sorted by kind; each list in order.
#[derive(Debug, Default)]
pub(crate) struct Done {
    pub(crate) written: Vec<Vec<u8>>,
    pub(crate) readings: Vec<Vec<Reading>>,
    pub(crate) notes: Vec<Vec<bus::intake::Note>>,
    pub(crate) told: Vec<Intake>,
    pub(crate) unknown: Vec<bus::intake::UnknownTerminal>,
    pub(crate) unproven: usize,
    pub(crate) claimed: Vec<TerminalId>,
    pub(crate) released: Vec<&'static str>,
    pub(crate) answered: Vec<Result<bus::LineAnswer, bus::LineError>>,
    pub(crate) understood: Vec<Vec<u8>>,
    pub(crate) refused: Vec<(Vec<u8>, Refused)>,
    pub(crate) closed: Option<String>,
}

impl Done {
    pub(crate) fn from(out: Vec<Output>) -> Self {
        let mut done = Self::default();
        for output in out {
            match output {
                Output::Heard { bytes, refused: None } => done.understood.push(bytes.to_vec()),
                Output::Heard { bytes, refused: Some(refused) } => {
                    done.refused.push((bytes.to_vec(), refused))
                }
                Output::Write(bytes) => done.written.push(bytes),
                Output::Speaks(_) => {}
                Output::Readings(readings) => done.readings.push(readings),
                Output::Notes { notes, .. } => done.notes.push(notes),
                Output::Tell(intake) => done.told.push(intake),
                Output::Unknown(unknown) => done.unknown.push(unknown),
                Output::Unproven => done.unproven += 1,
                Output::Claim(terminal) => done.claimed.push(terminal),
                Output::Release(reason) => done.released.push(reason),
                Output::Answered(result) => done.answered.push(result),
                Output::Close(reason) => done.closed = Some(reason),
            }
        }
        done
    }

    /// The events of the terminal's line.
    pub(crate) fn events(&self) -> Vec<&bus::intake::LineEvent> {
        self.told
            .iter()
            .filter_map(|intake| match intake {
                Intake::Line { event, .. } => Some(event),
                Intake::Readings { .. }
                | Intake::Noted { .. }
                | Intake::Heard { .. }
                | Intake::Unknown(_) => None,
            })
            .collect()
    }

    /// How many signs of life without readings there were.
    pub(crate) fn heard(&self) -> usize {
        self.told.iter().filter(|intake| matches!(intake, Intake::Heard { .. })).count()
    }

    /// The reason of the only refusal.
    pub(crate) fn reason(&self) -> &str {
        assert_eq!(self.refused.len(), 1, "{:?}", self.refused);
        &self.refused[0].1.reason
    }
}
