//! A scenario that runs: every terminal of the city dials in, faults come, the truth is written down.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use domain::place::Protocol;
use domain::profile::Profile;
use domain::time::UnixMs;
use rand::rngs::{SmallRng, StdRng};
use rand::seq::{IndexedRandom, SliceRandom};
use rand::{Rng, SeedableRng};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use wire::cloud7b7b::{InvalidSerial, SerialNumber};
use wire::gateway1f1f::{GatewayId, Port, Secret};
use wire::gb26875::InvalidAddress;
use wire::telemetry::Form;

use crate::city::{Inventory, Proof, SitePlan, TerminalPlan};
use crate::device::{Device, fits};
use crate::doors::{Door, Doors};
use crate::fault::{Fault, FaultKind};
use crate::line::{
    Clock, CloudLine, Counters, CountersNow, DtuLine, DtuSpeech, Endpoint, GatewayLine, GbLine, MeterBus,
    ModbusTcpLine, MqttLine, OnPort, drive,
};
use crate::mqtt::MqttTalk;
use crate::post::{By, Post, drive_posts};
use crate::reporter::Reporter;
use crate::scenario::{OpeningFault, Pace, Scenario, SupplyFault, Trickle, ms};
use crate::truth::{Truth, foretell};

/// How soon detectors with a fault of the beginning dial in and measure, ms.
const OPENING_DIAL_MS: i64 = 300;
const OPENING_UPLOAD_MS: i64 = 1_500;

/// What a scenario needs of its surroundings.
#[derive(Debug, Clone)]
pub struct RunOptions {
    /// The doors; terminals whose door is closed stay away.
    pub doors: Doors,
    /// Where the truth is appended, one JSON object a line.
    pub truth: Option<PathBuf>,
    /// Ends everything.
    pub stop: CancellationToken,
}

/// Why a scenario cannot run.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The city has nobody who speaks this.
    #[error("terminal {terminal} speaks {protocol}, which the simulator does not")]
    NoSpeaker {
        /// Its serial number.
        terminal: String,
        /// The protocol's code.
        protocol: &'static str,
    },
    /// The city has a detector of an unknown model.
    #[error("detector at terminal {terminal} has profile `{profile}`, which is not among those given")]
    Profile {
        /// The terminal.
        terminal: String,
        /// The profile's id.
        profile: String,
    },
    /// A serial that the protocol cannot carry.
    #[error("terminal {terminal}: {reason}")]
    Serial {
        /// The serial.
        terminal: String,
        /// Why not.
        reason: InvalidSerial,
    },
    /// A plan that cannot be carried out.
    #[error("terminal {terminal}: {reason}")]
    Plan {
        /// The serial.
        terminal: String,
        /// Why not.
        reason: String,
    },
    /// A serial that is no address of GB/T 26875.3.
    #[error("terminal {terminal}: {reason}")]
    Address {
        /// The serial.
        terminal: String,
        /// Why not.
        reason: InvalidAddress,
    },
    /// The truth cannot be written down.
    #[error("truth log {}: {reason}", path.display())]
    Truth {
        /// The file.
        path: PathBuf,
        /// Why not.
        reason: std::io::Error,
    },
}

/// Why a fault asked for by hand did not happen.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InjectError {
    /// Nobody of this name.
    #[error("no detector {unit:?} at terminal {terminal}")]
    Unknown {
        /// Terminal asked for.
        terminal: String,
        /// Unit asked for.
        unit: Option<u8>,
    },
    /// Its model cannot show it.
    #[error("profile {profile} cannot show {fault}")]
    DoesNotFit {
        /// The detector's profile.
        profile: String,
        /// The fault asked for.
        fault: &'static str,
    },
}

/// One detector of a running city.
#[derive(Debug, Clone)]
struct Handle {
    terminal: String,
    unit: Option<u8>,
    address: Option<String>,
    /// Index of its premises.
    site: usize,
    commissioned: bool,
    device: Arc<Mutex<Device>>,
}

impl Handle {
    fn with<T>(&self, act: impl FnOnce(&mut Device) -> T) -> T {
        act(&mut self.device.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn is_healthy_and_fits(&self, kind: &FaultKind, now: UnixMs) -> bool {
        self.commissioned && self.with(|device| !device.has_fault(now) && fits(device.profile(), kind))
    }
}

/// The detectors of a running city and the log of what was done to them; cheap to clone.
#[derive(Debug, Clone)]
pub struct City {
    handles: Arc<Vec<Handle>>,
    truth: Arc<Mutex<Option<File>>>,
    clock: Clock,
    counters: Arc<Counters>,
}

impl City {
    /// Lets `kind` happen to a detector from now on for `for_s` seconds.
    ///
    /// # Errors
    /// There is no such detector, or its model cannot show the fault.
    pub fn inject(
        &self,
        terminal: &str,
        unit: Option<u8>,
        kind: FaultKind,
        for_s: f64,
    ) -> Result<Truth, InjectError> {
        let handle = self
            .handles
            .iter()
            .find(|handle| handle.terminal == terminal && (unit.is_none() || handle.unit == unit))
            .ok_or_else(|| InjectError::Unknown { terminal: terminal.to_owned(), unit })?;
        if let Some(profile) =
            handle.with(|device| (!fits(device.profile(), &kind)).then(|| device.profile().id.clone()))
        {
            return Err(InjectError::DoesNotFit { profile, fault: kind.code() });
        }
        let from = self.clock.now();
        Ok(self.let_happen(handle, Fault { kind, from, to: from.plus_ms(ms(for_s)) }))
    }

    /// What all its terminals did so far.
    #[must_use]
    pub fn counters(&self) -> CountersNow {
        self.counters.now()
    }

    fn let_happen(&self, handle: &Handle, fault: Fault) -> Truth {
        let (profile, circuit) = handle.with(|device| (device.profile().clone(), *device.circuit()));
        let truth = foretell(&handle.terminal, handle.unit, &profile, &circuit, &fault);
        tracing::info!(
            terminal = handle.terminal,
            unit = handle.unit,
            fault = fault.kind.code(),
            "fault begins"
        );
        handle.with(|device| device.inject(fault));
        self.write_down(&truth);
        truth
    }

    fn write_down(&self, truth: &Truth) {
        let mut log = self.truth.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(file) = log.as_mut() else { return };
        let line = serde_json::to_string(truth).map_err(std::io::Error::other);
        if let Err(error) = line.and_then(|line| writeln!(file, "{line}")) {
            tracing::error!(%error, "the truth log cannot be written and is given up");
            *log = None;
        }
    }
}

/// A running scenario.
#[derive(Debug)]
pub struct Running {
    city: City,
    tasks: JoinSet<()>,
}

impl Running {
    /// Its detectors, for faults by hand and for counting.
    #[must_use]
    pub fn city(&self) -> City {
        self.city.clone()
    }

    /// Waits until everything has stopped, which the options' token asks for, and says what was done.
    pub async fn finished(mut self) -> CountersNow {
        while self.tasks.join_next().await.is_some() {}
        self.city.counters()
    }
}

/// Starts `scenario` on its `inventory`. Must be called inside a tokio runtime.
///
/// # Errors
/// A detector of an unknown model, a serial that cannot be sent, a truth log that cannot be opened.
pub fn start(
    scenario: &Scenario,
    inventory: &Inventory,
    profiles: &[Arc<Profile>],
    options: &RunOptions,
) -> Result<Running, RunError> {
    let clock = Clock::start();
    let begin = clock.now();
    let counters = Arc::new(Counters::default());
    let truth = options.truth.as_deref().map(open_truth).transpose()?;
    let handles = handles(inventory, profiles)?;
    let mut rng = StdRng::seed_from_u64(scenario.seed ^ 0x5EED);
    let opening = choose_opening(&scenario.opening, &handles, begin, &mut rng);
    let opened = opening.iter().map(|(handle, _)| handle.site).collect();
    let supply = choose_supply(&scenario.supply, inventory, &handles, begin, opened);
    let city = City {
        handles: Arc::new(handles),
        truth: Arc::new(Mutex::new(truth)),
        clock,
        counters: counters.clone(),
    };
    let mut tasks = JoinSet::new();
    let mut early: Vec<String> = Vec::new();
    for (handle, fault) in opening {
        early.push(handle.terminal.clone());
        city.let_happen(&handle, fault);
    }
    for (handle, fault) in supply {
        city.let_happen(&handle, fault);
    }
    for terminal in &inventory.terminals {
        let is_early = early.contains(&terminal.serial);
        let dial_ms =
            if is_early { OPENING_DIAL_MS } else { rng.random_range(0..ms(scenario.pace.connect_within_s)) };
        let upload_ms = if is_early {
            OPENING_UPLOAD_MS
        } else {
            dial_ms + rng.random_range(0..ms(scenario.pace.upload_s))
        };
        let Some(server) = options.doors.of(terminal.door) else {
            tracing::warn!(terminal = terminal.serial, door = ?terminal.door, "its door is closed, it stays away");
            continue;
        };
        let endpoint = Endpoint {
            server,
            clock,
            first_dial: begin.plus_ms(dial_ms),
            back_off_max_ms: u64::try_from(ms(scenario.pace.back_off_max_s)).unwrap_or(60_000),
            stop: options.stop.clone(),
            counters: counters.clone(),
        };
        let jitter = SmallRng::seed_from_u64(rng.random());
        let own: Vec<&Handle> =
            city.handles.iter().filter(|handle| handle.terminal == terminal.serial).collect();
        match terminal.protocol {
            Protocol::Cloud7b7b => {
                let Some(handle) = own.first() else { continue };
                let serial = SerialNumber::new(&terminal.serial)
                    .map_err(|reason| RunError::Serial { terminal: terminal.serial.clone(), reason })?;
                let line = CloudLine::new(
                    serial,
                    terminal.iccid.clone(),
                    handle.device.clone(),
                    scenario.pace,
                    begin.plus_ms(upload_ms),
                    counters.clone(),
                );
                tasks.spawn(drive(line, endpoint, jitter));
            }
            Protocol::ModbusRtu => {
                let speech = DtuSpeech::usual(&terminal.serial);
                let start = begin.plus_ms(dial_ms);
                let line = DtuLine::new(speech, units(&own), scenario.pace, start, counters.clone())
                    .with_meters(meters(&own));
                tasks.spawn(drive(line, endpoint, jitter));
            }
            Protocol::Gateway1f1f => {
                let line = gateway_line(terminal, &own, scenario, begin.plus_ms(upload_ms), &counters)?;
                tasks.spawn(drive(line, endpoint, jitter));
            }
            Protocol::Gb26875 => {
                let address = terminal
                    .serial
                    .parse()
                    .map_err(|reason| RunError::Address { terminal: terminal.serial.clone(), reason })?;
                let devices = (1u32..).zip(own.iter().map(|handle| handle.device.clone())).collect();
                let first = begin.plus_ms(upload_ms);
                let line = GbLine::new(address, devices, scenario.pace, first, counters.clone());
                tasks.spawn(drive(line, endpoint, jitter));
            }
            Protocol::ModbusTcp => {
                let speech = Some(DtuSpeech::usual(&terminal.serial));
                let start = begin.plus_ms(dial_ms);
                let line = ModbusTcpLine::new(speech, units(&own), scenario.pace, start, counters.clone());
                tasks.spawn(drive(line, endpoint, jitter));
            }
            Protocol::Telemetry => {
                let token = token(terminal)?;
                let devices =
                    own.iter().map(|handle| (handle.address.clone(), handle.device.clone())).collect();
                let form = form_of(terminal);
                let (pace, first) = (scenario.pace, begin.plus_ms(upload_ms));
                let reporter = Reporter::new(devices, form, ms(pace.upload_s), first, counters.clone());
                let serial = terminal.serial.clone();
                let by = match terminal.door {
                    Door::Http => By::Http,
                    Door::Coap => By::Coap,
                    Door::Field | Door::Mqtt => {
                        let talk = MqttTalk::new(serial, token, keep_alive_s(&pace));
                        let line = MqttLine::new(talk, reporter, ms(pace.confirm_within_s));
                        tasks.spawn(drive(line, endpoint, jitter));
                        continue;
                    }
                };
                let post = Post::new(by, server, None, serial, token, rng.random());
                tasks.spawn(drive_posts(post, reporter, endpoint, jitter));
            }
            Protocol::Dlt645 => {
                let (terminal, protocol) = (terminal.serial.clone(), terminal.protocol.code());
                return Err(RunError::NoSpeaker { terminal, protocol });
            }
        }
    }
    if let Some(trickle) = scenario.trickle.clone() {
        let stop = options.stop.clone();
        let rng = StdRng::seed_from_u64(scenario.seed ^ 0x7121_C71E);
        tasks.spawn(trickle_on(city.clone(), trickle, rng, stop));
    }
    Ok(Running { city, tasks })
}

/// The Modbus units behind a terminal.
fn units(own: &[&Handle]) -> Vec<(u8, Arc<Mutex<Device>>)> {
    own.iter().filter_map(|handle| Some((handle.unit?, handle.device.clone()))).collect()
}

/// The meters of DL/T 645 behind a terminal.
fn meters(own: &[&Handle]) -> MeterBus {
    let meters = own.iter().filter(|handle| handle.unit.is_none());
    MeterBus::new(
        meters
            .filter_map(|handle| Some((handle.address.as_ref()?.parse().ok()?, handle.device.clone())))
            .collect(),
    )
}

fn token(terminal: &TerminalPlan) -> Result<String, RunError> {
    match &terminal.proof {
        Some(Proof::Token(token)) => Ok(token.clone()),
        Some(Proof::Secret(_)) | None => {
            let reason = "it has no token".to_owned();
            Err(RunError::Plan { terminal: terminal.serial.clone(), reason })
        }
    }
}

/// Narrow-band devices write CBOR, and so does every other one that comes by HTTP.
fn form_of(terminal: &TerminalPlan) -> Form {
    let is_odd = terminal.serial.bytes().last().is_some_and(|digit| digit % 2 == 1);
    match terminal.door {
        Door::Coap => Form::Cbor,
        Door::Http if is_odd => Form::Cbor,
        Door::Http | Door::Mqtt | Door::Field => Form::Json,
    }
}

/// Longer than a terminal is silent; it sends no pings.
fn keep_alive_s(pace: &Pace) -> u16 {
    let ms = ms(pace.upload_s).saturating_mul(3);
    u16::try_from(ms / 1_000).unwrap_or(u16::MAX).max(60)
}

fn gateway_line(
    terminal: &TerminalPlan,
    own: &[&Handle],
    scenario: &Scenario,
    first_report: UnixMs,
    counters: &Arc<Counters>,
) -> Result<GatewayLine, RunError> {
    let refuse = |reason: String| RunError::Plan { terminal: terminal.serial.clone(), reason };
    let id = GatewayId::from_serial(&terminal.serial).map_err(|reason| refuse(reason.to_string()))?;
    let secret = match &terminal.proof {
        Some(Proof::Secret(secret)) => secret.as_bytes(),
        Some(Proof::Token(_)) | None => return Err(refuse("it has no secret".to_owned())),
    };
    let secret = Secret::try_from(secret).map_err(|reason| refuse(reason.to_string()))?;
    let mut devices = Vec::new();
    for handle in own {
        let address = match (handle.address.as_deref(), handle.unit) {
            (Some(port), Some(unit)) => port.parse().ok().and_then(|port| Port::new(port, unit)),
            (Some(address), None) => Port::parse(address),
            (None, _) => None,
        };
        let address = address.ok_or_else(|| refuse(format!("no port {:?}", handle.address)))?;
        devices.push(OnPort { address, device: handle.device.clone() });
    }
    Ok(GatewayLine::new(id, secret, devices, scenario.pace, first_report, counters.clone()))
}

fn open_truth(path: &Path) -> Result<File, RunError> {
    File::options()
        .create(true)
        .append(true)
        .open(path)
        .map_err(|reason| RunError::Truth { path: path.to_owned(), reason })
}

fn handles(inventory: &Inventory, profiles: &[Arc<Profile>]) -> Result<Vec<Handle>, RunError> {
    let mut handles = Vec::new();
    for terminal in &inventory.terminals {
        for detector in &terminal.detectors {
            let profile =
                profiles.iter().find(|profile| profile.id == detector.profile).ok_or_else(|| {
                    RunError::Profile {
                        terminal: terminal.serial.clone(),
                        profile: detector.profile.to_owned(),
                    }
                })?;
            let Some(circuit) = inventory.circuit_spec(detector) else { continue };
            handles.push(Handle {
                terminal: terminal.serial.clone(),
                unit: detector.unit_address,
                address: detector.address.clone(),
                site: detector.site,
                commissioned: terminal.commissioned,
                device: Arc::new(Mutex::new(Device::new(profile.clone(), circuit))),
            });
        }
    }
    Ok(handles)
}

/// Each fault of the beginning on a detector of its own, drawn by the seed.
fn choose_opening(
    opening: &[OpeningFault],
    handles: &[Handle],
    begin: UnixMs,
    rng: &mut StdRng,
) -> Vec<(Handle, Fault)> {
    let mut order: Vec<&Handle> = handles.iter().collect();
    order.shuffle(rng);
    let mut chosen: Vec<(Handle, Fault)> = Vec::new();
    for fault in opening {
        let free = order.iter().find(|handle| {
            let model = handle.with(|device| device.profile().id.clone());
            !chosen.iter().any(|(taken, _)| taken.terminal == handle.terminal)
                && fault.profile.as_ref().is_none_or(|wanted| *wanted == model)
                && handle.is_healthy_and_fits(&fault.what, begin)
        });
        if let Some(handle) = free {
            let from = begin.plus_ms(ms(fault.at_s));
            let fault = Fault { kind: fault.what.clone(), from, to: from.plus_ms(ms(fault.for_s)) };
            chosen.push(((*handle).clone(), fault));
        }
    }
    chosen
}

/// Each fault of the supply at premises that lie together in one district: the district with most premises that can show
/// it, there the premises with most detectors, and its neighbours. Premises with a fault of their own are left out.
fn choose_supply(
    supply: &[SupplyFault],
    inventory: &Inventory,
    handles: &[Handle],
    begin: UnixMs,
    mut taken: BTreeSet<usize>,
) -> Vec<(Handle, Fault)> {
    let mut chosen = Vec::new();
    for fault in supply {
        let mut showing: BTreeMap<usize, Vec<&Handle>> = BTreeMap::new();
        for handle in handles.iter().filter(|handle| !taken.contains(&handle.site)) {
            if handle.is_healthy_and_fits(&fault.what, begin) {
                showing.entry(handle.site).or_default().push(handle);
            }
        }
        // At premises of which less than half can show it, it would look like single faults.
        showing.retain(|site, own| {
            own.len() * 2 >= handles.iter().filter(|handle| handle.site == *site).count()
        });
        let mut districts: BTreeMap<&str, Vec<(usize, &SitePlan)>> = BTreeMap::new();
        for site in showing.keys() {
            if let Some(plan) = inventory.sites.get(*site) {
                districts.entry(&plan.area.0).or_default().push((*site, plan));
            }
        }
        let Some(mut sites) = districts.into_values().max_by_key(Vec::len) else { continue };
        let detectors = |site: usize| showing.get(&site).map_or(0, Vec::len);
        let Some((_, middle)) = sites.iter().max_by_key(|(site, _)| detectors(*site)).copied() else {
            continue;
        };
        let far = |plan: &SitePlan| (plan.lon - middle.lon).hypot(plan.lat - middle.lat);
        sites.sort_by(|(_, one), (_, other)| far(one).total_cmp(&far(other)));
        let from = begin.plus_ms(ms(fault.at_s));
        let what = Fault { kind: fault.what.clone(), from, to: from.plus_ms(ms(fault.for_s)) };
        for (site, _) in sites.into_iter().take(fault.sites) {
            taken.insert(site);
            let own = showing.get(&site).into_iter().flatten();
            chosen.extend(own.map(|handle| ((*handle).clone(), what.clone())));
        }
    }
    chosen
}

async fn trickle_on(city: City, trickle: Trickle, mut rng: StdRng, stop: CancellationToken) {
    let mut pause_ms = ms(trickle.first_s);
    loop {
        let pause = std::time::Duration::from_millis(u64::try_from(pause_ms).unwrap_or(0));
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(pause) => {}
        }
        let from = city.clock.now();
        if let Ok(next) = trickle.faults.choose_weighted(&mut rng, |fault| fault.weight) {
            let healthy: Vec<&Handle> =
                city.handles.iter().filter(|handle| handle.is_healthy_and_fits(&next.what, from)).collect();
            let [least, greatest] = next.for_s;
            let to = from.plus_ms(ms(rng.random_range(least..=greatest)));
            if let Some(handle) = healthy.choose(&mut rng) {
                city.let_happen(handle, Fault { kind: next.what.clone(), from, to });
            }
        }
        let [least, greatest] = trickle.every_s;
        pause_ms = ms(rng.random_range(least..=greatest));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::profile::shipped;

    fn profiles() -> Vec<Arc<Profile>> {
        shipped().unwrap().into_iter().map(Arc::new).collect()
    }

    #[test]
    fn the_demos_opening_finds_a_detector_for_every_fault_and_alarms_at_once() {
        let scenario = Scenario::demo().unwrap();
        let handles = handles(&Inventory::of(&scenario), &profiles()).unwrap();
        let begin = UnixMs(1_780_279_200_000);
        let mut rng = StdRng::seed_from_u64(1);
        let chosen = choose_opening(&scenario.opening, &handles, begin, &mut rng);
        assert_eq!(chosen.len(), scenario.opening.len());
        let (first, fault) = &chosen[0];
        let (profile, circuit) = first.with(|device| (device.profile().clone(), *device.circuit()));
        let truth = foretell(&first.terminal, first.unit, &profile, &circuit, fault);
        assert_eq!(truth.passes.len(), 2, "warning and alarm: {truth:?}");
        assert!(truth.passes.iter().all(|passing| passing.at_ms < begin.0), "before the first upload");
    }

    #[test]
    fn the_demos_supply_fails_at_premises_that_lie_together() {
        let whole = Scenario::demo().unwrap();
        for scenario in [whole.clone().with_detectors(60), whole] {
            let inventory = Inventory::of(&scenario);
            let handles = handles(&inventory, &profiles()).unwrap();
            let chosen = choose_supply(&scenario.supply, &inventory, &handles, UnixMs(0), BTreeSet::new());
            for fault in &scenario.supply {
                let met: Vec<&Handle> = chosen
                    .iter()
                    .filter(|(_, one)| one.kind == fault.what)
                    .map(|(handle, _)| handle)
                    .collect();
                let sites: BTreeSet<usize> = met.iter().map(|handle| handle.site).collect();
                let areas: BTreeSet<&str> =
                    sites.iter().map(|site| inventory.sites[*site].area.0.as_str()).collect();
                // Enough for an incident (domain::incident): three premises and five detectors of one area.
                assert!(sites.len() >= 3 && met.len() >= 5, "{:?}: {sites:?} {}", fault.what, met.len());
                assert_eq!(areas.len(), 1);
            }
        }
    }

    #[test]
    fn every_fault_of_the_demo_fits_some_detector() {
        let scenario = Scenario::demo().unwrap();
        let handles = handles(&Inventory::of(&scenario), &profiles()).unwrap();
        for fault in scenario.trickle.unwrap().faults {
            assert!(
                handles.iter().any(|h| h.is_healthy_and_fits(&fault.what, UnixMs(0))),
                "{:?}",
                fault.what
            );
        }
    }
}
