//! A load on the field door or on that of MQTT: many connections of one model, readings at a rate, every confirmation counted and timed.

mod connection;
mod dialect;
mod histogram;
pub mod mixed;
mod recorder;
mod template;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use domain::place::{AreaCode, Protocol};
use domain::profile::Profile;
use serde::Serialize;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

pub use dialect::LoadProtocol;
pub use histogram::{Histogram, Quantiles};
pub use recorder::{Recorded, Recorder};

use crate::city::{
    CircuitPlan, DetectorPlan, Inventory, OrganisationPlan, PanelPlan, Proof, SitePlan, TerminalPlan,
};
use crate::doors::Door;
use crate::premises::PremisesKind;
use connection::Connection;

/// The model that a load of vendor frames speaks as.
pub const LOAD_PROFILE: &str = "arcm300-cloud";

/// The model that a load of MQTT speaks as.
const MQTT_PROFILE: &str = "telemetry-generic";

impl LoadProtocol {
    const fn profile(self) -> &'static str {
        match self {
            Self::Cloud7b7b => LOAD_PROFILE,
            Self::Mqtt => MQTT_PROFILE,
        }
    }

    /// The serial of the load's terminal with this number.
    fn serial(self, number: usize) -> String {
        match self {
            Self::Cloud7b7b => load_serial(number),
            Self::Mqtt => format!("EWM{number:012}"),
        }
    }
}

/// What to do to the server.
#[derive(Debug, Clone)]
pub struct LoadOptions {
    /// The door.
    pub server: SocketAddr,
    /// How the devices speak.
    pub protocol: LoadProtocol,
    /// From how many loopback addresses (127.2.x.y) they dial: one has not ports enough for tens of thousands. With 1
    /// the system chooses.
    pub addresses: usize,
    /// How many connections.
    pub connections: usize,
    /// Readings per second over all connections; `None` as fast as they are confirmed. 0 is idle: login and heartbeats.
    pub readings_per_s: Option<f64>,
    /// How many uploads of one connection may wait for their confirmation at once, 1 to 64. More than the server's
    /// own bound per device only waits in the socket.
    pub window: usize,
    /// How long to measure, after everybody is connected.
    pub for_s: f64,
    /// What is confirmed in this long after everybody is connected is not counted.
    pub warm_up_s: f64,
    /// How many new connections per second.
    pub connect_per_s: f64,
    /// Between two heartbeats of an idle connection, s.
    pub heartbeat_s: f64,
    /// The number in the first serial; see [`load_inventory`].
    pub first_serial: usize,
    /// Writes each confirmed upload down, with a device time of its own, for a check against the database. Uploads
    /// that were not confirmed are sent again over the next connection, as they were.
    pub record: Option<PathBuf>,
    /// Ends it early.
    pub stop: CancellationToken,
}

impl LoadOptions {
    /// Sensible for a server at `server` with its default limits.
    #[must_use]
    pub fn to(server: SocketAddr) -> Self {
        Self {
            server,
            protocol: LoadProtocol::Cloud7b7b,
            addresses: 1,
            connections: 1_000,
            readings_per_s: Some(10_000.0),
            window: 4,
            for_s: 20.0,
            warm_up_s: 3.0,
            connect_per_s: 1_500.0,
            heartbeat_s: 60.0,
            first_serial: 1,
            record: None,
            stop: CancellationToken::new(),
        }
    }
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LoadReport {
    /// Connections wanted.
    pub connections: usize,
    /// Connections that had logged in when the measurement began.
    pub connected: usize,
    /// How long was measured, s.
    pub measured_s: f64,
    /// Uploads sent, whole run.
    pub sent: u64,
    /// Uploads confirmed, whole run.
    pub confirmed: u64,
    /// Uploads confirmed while measured.
    pub confirmed_measured: u64,
    /// Per second while measured.
    pub confirmed_per_s: f64,
    /// Values in one reading.
    pub values_per_reading: usize,
    /// Connections lost and dialled again.
    pub reconnects: u64,
    /// Time from the write of an upload to its confirmation, while measured.
    pub latency: Quantiles,
    /// The line of the recorder that could not be written, if any.
    pub record_failed: Option<String>,
}

impl std::fmt::Display for LoadReport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(
            f,
            "connections          {} of {} ({} dialled again)",
            self.connected, self.connections, self.reconnects
        )?;
        writeln!(f, "measured             {:.1} s", self.measured_s)?;
        writeln!(
            f,
            "readings confirmed   {} ({} sent in all, {} confirmed in all)",
            self.confirmed_measured, self.sent, self.confirmed
        )?;
        writeln!(
            f,
            "readings/s           {:.0} of {} values",
            self.confirmed_per_s, self.values_per_reading
        )?;
        write!(
            f,
            "write to confirm     p50 {:.1} ms, p90 {:.1} ms, p99 {:.1} ms, p99.9 {:.1} ms, max {:.1} ms",
            self.latency.p50_ms,
            self.latency.p90_ms,
            self.latency.p99_ms,
            self.latency.p999_ms,
            self.latency.max_ms
        )?;
        if let Some(failed) = &self.record_failed {
            write!(f, "\nrecorder failed      {failed}")?;
        }
        Ok(())
    }
}

/// Why a load cannot run.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The model is not among the profiles given.
    #[error("no profile `{0}` among those given")]
    Profile(&'static str),
    /// The model cannot say what a load says.
    #[error("the model cannot say what a load says: {0}")]
    Encode(#[from] domain::profile::EncodeError),
    /// Numbers that cannot be.
    #[error("{what} is {had}, want {wanted}")]
    Value {
        /// Which.
        what: &'static str,
        /// What it is.
        had: String,
        /// What it may be.
        wanted: &'static str,
    },
    /// The recorder's file cannot be opened.
    #[error("record {}: {reason}", path.display())]
    Record {
        /// The file.
        path: PathBuf,
        /// Why not.
        reason: std::io::Error,
    },
}

/// What all connections share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) sent: AtomicU64,
    pub(crate) confirmed: AtomicU64,
    pub(crate) dialled: AtomicU64,
    pub(crate) logged_in: AtomicU64,
    pub(crate) latency: Histogram,
    pub(crate) recorder: Option<Recorder>,
}

/// The serial of the load's terminal with this number.
#[must_use]
pub fn load_serial(number: usize) -> String {
    format!("EWL{number:012}")
}

/// What the load's terminal with this number shows at the door of MQTT.
fn load_token(number: usize) -> String {
    format!("EW-LOAD-TOKEN-{number:06}")
}

/// The loopback address from which the device with this number dials; the usual one where there is to be only one.
fn source(number: usize, addresses: usize) -> Option<Ipv4Addr> {
    let place = number % addresses.max(1);
    let (high, low) = (u8::try_from(place / 250).ok()?, u8::try_from(place % 250).ok()?);
    (addresses > 1).then(|| Ipv4Addr::new(127, 2, high, low + 1))
}

/// The terminals of a load as an inventory, so that a store can be prepared for it: `connections` that speak vendor
/// frames, then `mqtt` that speak MQTT, each numbered from `first_serial` on.
#[must_use]
pub fn load_inventory(connections: usize, mqtt: usize, first_serial: usize) -> Inventory {
    few_sites((0..connections + mqtt).map(|place| {
        let (number, speaks) = match place.checked_sub(connections) {
            None => (place, LoadProtocol::Cloud7b7b),
            Some(number) => (number, LoadProtocol::Mqtt),
        };
        let (protocol, door, proof) = match speaks {
            LoadProtocol::Cloud7b7b => (Protocol::Cloud7b7b, Door::Field, None),
            LoadProtocol::Mqtt => {
                (Protocol::Telemetry, Door::Mqtt, Some(Proof::Token(load_token(first_serial + number))))
            }
        };
        TerminalPlan {
            serial: speaks.serial(first_serial + number),
            protocol,
            iccid: None,
            proof,
            door,
            commissioned: true,
            detectors: vec![on_its_circuit(place, speaks.profile(), None, None)],
        }
    }))
}

/// How many circuits a panel of a load has, one detector on each.
const PER_PANEL: usize = 100;
/// Panels are dealt out to this many sites, where there are as many.
const SITES: usize = 4;

/// The detector of the load's terminal with this number, on a circuit of its own.
fn on_its_circuit(
    number: usize,
    profile: &'static str,
    unit_address: Option<u8>,
    address: Option<String>,
) -> DetectorPlan {
    DetectorPlan {
        profile,
        unit_address,
        address,
        name: format!("探测器{}", number + 1),
        site: number / PER_PANEL % SITES,
        panel: number / PER_PANEL / SITES,
        circuit: number % PER_PANEL,
        seed: 0,
    }
}

/// Terminals of one detector each, at a few sites.
fn few_sites(terminals: impl ExactSizeIterator<Item = TerminalPlan>) -> Inventory {
    let circuits = terminals.len();
    let circuit = |number: usize| CircuitPlan {
        name: format!("回路{}", number + 1),
        rated_current_a: 63.0,
        phases: 3,
        load_kind: "mixed",
    };
    let panels = circuits.div_ceil(PER_PANEL);
    let panel = |panel: usize| PanelPlan {
        name: format!("配电箱{}", panel + 1),
        location: "压测".to_owned(),
        circuits: (0..PER_PANEL.min(circuits - panel * PER_PANEL)).map(circuit).collect(),
    };
    let site = |site: usize| SitePlan {
        name: format!("压测场所{}", site + 1),
        address: "株洲市天元区".to_owned(),
        area: AreaCode("430211".to_owned()),
        organisation: 0,
        kind: PremisesKind::Retail,
        lon: 113.09,
        lat: 27.822,
        contact_name: String::new(),
        contact_phone: String::new(),
        panels: (site..panels).step_by(SITES).map(panel).collect(),
    };
    Inventory {
        organisations: vec![OrganisationPlan { name: "压测单位".to_owned(), parent: None }],
        sites: (0..SITES.min(panels)).map(site).collect(),
        terminals: terminals.collect(),
    }
}

/// Puts the load on the server and measures.
///
/// # Errors
/// Options that cannot be, a missing profile, a record file that cannot be opened. A server that is not there is no
/// error but a report of nothing.
pub async fn run(options: LoadOptions, profiles: &[Arc<Profile>]) -> Result<LoadReport, LoadError> {
    check(&options)?;
    let wanted = options.protocol.profile();
    let profile = profiles.iter().find(|profile| profile.id == wanted).ok_or(LoadError::Profile(wanted))?;
    let recorder = match &options.record {
        Some(path) => {
            Some(Recorder::create(path).map_err(|reason| LoadError::Record { path: path.clone(), reason })?)
        }
        None => None,
    };
    let shared = Arc::new(Shared {
        sent: AtomicU64::new(0),
        confirmed: AtomicU64::new(0),
        dialled: AtomicU64::new(0),
        logged_in: AtomicU64::new(0),
        latency: Histogram::new(),
        recorder,
    });
    let stop = options.stop.child_token();
    let mut tasks = JoinSet::new();
    let origin = Instant::now();
    let connect_for = Duration::from_secs_f64(options.connections as f64 / options.connect_per_s);
    // Everybody starts to upload together, spread over one interval of each.
    let uploads_from = origin + connect_for + Duration::from_millis(500);
    for number in 0..options.connections {
        let at = origin + connect_for.mul_f64(number as f64 / options.connections as f64);
        let connection = Connection::new(profile, &options, number, at, uploads_from, shared.clone())?;
        let stop = stop.clone();
        tasks.spawn(async move {
            tokio::select! {
                () = stop.cancelled() => {}
                () = connection.run() => {}
            }
        });
    }
    let measure_from = uploads_from + Duration::from_secs_f64(options.warm_up_s);
    sleep_or_stop(measure_from, &options.stop).await;
    let connected = shared.logged_in.load(Ordering::Relaxed);
    let before = shared.confirmed.load(Ordering::Relaxed);
    shared.latency.clear();
    let began = Instant::now();
    sleep_or_stop(began + Duration::from_secs_f64(options.for_s), &options.stop).await;
    let measured_s = began.elapsed().as_secs_f64();
    let confirmed_measured = shared.confirmed.load(Ordering::Relaxed) - before;
    let latency = shared.latency.quantiles();
    stop.cancel();
    while tasks.join_next().await.is_some() {}
    let dialled = shared.dialled.load(Ordering::Relaxed);
    Ok(LoadReport {
        connections: options.connections,
        connected: usize::try_from(connected).unwrap_or(usize::MAX),
        measured_s,
        sent: shared.sent.load(Ordering::Relaxed),
        confirmed: shared.confirmed.load(Ordering::Relaxed),
        confirmed_measured,
        confirmed_per_s: confirmed_measured as f64 / measured_s.max(0.001),
        values_per_reading: match options.protocol {
            LoadProtocol::Cloud7b7b => profile.points.len(),
            LoadProtocol::Mqtt => dialect::MQTT_VALUES,
        },
        reconnects: dialled.saturating_sub(options.connections as u64),
        latency,
        record_failed: shared.recorder.as_ref().and_then(Recorder::failure),
    })
}

async fn sleep_or_stop(until: Instant, stop: &CancellationToken) {
    tokio::select! {
        () = stop.cancelled() => {}
        () = tokio::time::sleep_until(until) => {}
    }
}

fn check(options: &LoadOptions) -> Result<(), LoadError> {
    let refuse = |what, had: String, wanted| Err(LoadError::Value { what, had, wanted });
    if options.connections == 0 {
        return refuse("connections", "0".to_owned(), "1 or more");
    }
    if options.protocol == LoadProtocol::Mqtt && options.record.is_some() {
        return refuse("record", "a file".to_owned(), "none with MQTT: its messages carry no device time");
    }
    if !(1..=62_500).contains(&options.addresses) {
        return refuse("addresses", options.addresses.to_string(), "1 to 62500");
    }
    if !(1..=64).contains(&options.window) {
        return refuse("window", options.window.to_string(), "1 to 64");
    }
    for (what, value, least) in [
        ("for_s", options.for_s, 0.1),
        ("warm_up_s", options.warm_up_s, 0.0),
        ("connect_per_s", options.connect_per_s, 0.1),
        ("heartbeat_s", options.heartbeat_s, 0.1),
        ("readings_per_s", options.readings_per_s.unwrap_or(0.0), 0.0),
    ] {
        if !(value >= least && value <= 1e9) {
            return refuse(what, value.to_string(), "a number within reason");
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_loads_inventory_has_a_circuit_for_every_detector() {
        for connections in [1, 99, 100, 101, 1_234] {
            let inventory = load_inventory(connections, 7, 1);
            assert_eq!(inventory.commissioned_detectors(), connections + 7);
            for terminal in &inventory.terminals {
                assert!(inventory.circuit_spec(&terminal.detectors[0]).is_some());
            }
        }
    }
}
