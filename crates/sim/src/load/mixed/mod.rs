//! A load of mixed protocols, small messages at a slow pace from very many devices, as a city sends them; and all of
//! them cut off at once. What each device said and what of it was confirmed is kept, to be held against the store.

mod speech;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use domain::place::{AreaCode, Protocol};
use domain::profile::Profile;
use domain::time::UnixMs;
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use serde::Serialize;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout};

use super::{Histogram, Quantiles};
use crate::city::{
    CircuitPlan, DetectorPlan, Inventory, OrganisationPlan, PanelPlan, Proof, SitePlan, TerminalPlan,
};
use crate::premises::PremisesKind;
use speech::{Heard, Speech, speech};

/// What a device of the load speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Tongue {
    /// The vendor cloud protocol.
    #[serde(rename = "cloud_7b7b")]
    Cloud7b7b,
    /// The vendor gateway protocol; it confirms nothing.
    #[serde(rename = "gateway_1f1f")]
    Gateway1f1f,
    /// GB/T 26875.3 over TCP.
    #[serde(rename = "gb26875")]
    Gb26875,
    /// Our own messages over MQTT 3.1.1, QoS 1.
    Mqtt,
}

impl Tongue {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Cloud7b7b, Self::Gateway1f1f, Self::Gb26875, Self::Mqtt];

    /// How its terminals speak.
    #[must_use]
    pub const fn protocol(self) -> Protocol {
        match self {
            Self::Cloud7b7b => Protocol::Cloud7b7b,
            Self::Gateway1f1f => Protocol::Gateway1f1f,
            Self::Gb26875 => Protocol::Gb26875,
            Self::Mqtt => Protocol::Telemetry,
        }
    }

    /// The model of its detectors.
    #[must_use]
    pub const fn profile(self) -> &'static str {
        match self {
            Self::Cloud7b7b => "arcm300-cloud",
            Self::Gateway1f1f => "acrel-gateway",
            Self::Gb26875 => "gb26875-combined",
            Self::Mqtt => "telemetry-generic",
        }
    }

    /// Whether the protocol has a confirmation.
    #[must_use]
    pub const fn confirms(self) -> bool {
        match self {
            Self::Cloud7b7b | Self::Gb26875 | Self::Mqtt => true,
            Self::Gateway1f1f => false,
        }
    }

    /// The serial number of the device with this number.
    #[must_use]
    pub fn serial(self, number: usize) -> String {
        match self {
            Self::Cloud7b7b | Self::Mqtt => format!("EWM{number:012}"),
            Self::Gb26875 => wire::gb26875::Address::from_number(gb_number(number)).to_string(),
            Self::Gateway1f1f => format!("EWMB/EWM{number:09}"),
        }
    }

    fn proof(self, number: usize) -> Option<Proof> {
        match self {
            Self::Cloud7b7b | Self::Gb26875 => None,
            Self::Mqtt => Some(Proof::Token(token(number))),
            Self::Gateway1f1f => Some(Proof::Secret(format!("EWM{number:013}"))),
        }
    }

    fn address(self) -> Option<String> {
        match self {
            Self::Cloud7b7b | Self::Mqtt => None,
            Self::Gateway1f1f => Some(METER.to_owned()),
            Self::Gb26875 => Some(COMPONENT.to_owned()),
        }
    }

    fn of(number: usize) -> Self {
        Self::ALL.get(number % Self::ALL.len()).copied().unwrap_or(Self::Cloud7b7b)
    }
}

/// Nobody's asset number.
fn gb_number(number: usize) -> u64 {
    999_000_000_000 + u64::try_from(number).unwrap_or(0)
}

/// What a device of the load shows at the MQTT door.
fn token(number: usize) -> String {
    format!("EW-LOAD-TOKEN-{number:06}")
}

/// The component that each transmission device reports: system 128.1, number 3.
const COMPONENT: &str = "128.1/3";
/// The meter behind each gateway.
const METER: &str = "01001";
/// Every so many devices one is in alarm when all are cut off.
const ALARM_EVERY: usize = 25;
/// A residual current beyond every default limit, mA.
const ALARM_MA: i64 = 640;
/// Longer than the on-delay of the platform's default limit.
const BREWS_FOR: Duration = Duration::from_secs(7);
const CONNECT_WITHIN: Duration = Duration::from_secs(10);
const CONFIRM_WITHIN: Duration = Duration::from_secs(20);
/// The first pause before dialling in again, ms; each further one is twice as long.
const FIRST_PAUSE_MS: u64 = 200;
const LONGEST_PAUSE_MS: u64 = 5_000;

/// What to do to the server.
#[derive(Debug, Clone)]
pub struct MixedOptions {
    /// The field door.
    pub field: SocketAddr,
    /// The MQTT door.
    pub mqtt: SocketAddr,
    /// How many devices, of all protocols in turn.
    pub devices: usize,
    /// Between two readings of one device, s; at least 1.
    pub every_s: f64,
    /// How long devices speak before the cut, after all have dialled in, s.
    pub for_s: f64,
    /// All have dialled in by then, s.
    pub connect_within_s: f64,
    /// How long is waited for all to be back after the cut, s.
    pub recover_within_s: f64,
    /// The dice.
    pub seed: u64,
}

/// A reading that a device made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct SaidReading {
    /// Its device's clock, ms since 1970 UTC, whole seconds.
    pub device_at_ms: i64,
    /// The residual current, mA.
    pub residual_ma: i64,
    /// Whether the device saw it confirmed.
    pub confirmed: bool,
}

/// What one device said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DeviceLog {
    /// Its protocol.
    pub tongue: Tongue,
    /// Its readings, in order.
    pub said: Vec<SaidReading>,
    /// Whether its readings must have raised an alarm.
    pub in_alarm: bool,
    /// Whether they may have: something was beyond the level.
    pub may_alarm: bool,
}

/// What came of it.
#[derive(Debug, Clone, Serialize)]
pub struct MixedReport {
    /// Every device by its serial number.
    #[serde(skip)]
    pub devices: BTreeMap<String, DeviceLog>,
    /// Readings made.
    pub said: usize,
    /// Readings confirmed, of the protocols that confirm.
    pub confirmed: usize,
    /// From when a reading was due to its confirmation, before the cut.
    pub latency: Quantiles,
    /// From the cut until every device was back and had said something, s; `None` where some never were.
    pub recovered_s: Option<f64>,
    /// Devices that were not back in time.
    pub not_back: usize,
    /// From the cut to the confirmation of the reading that raises an alarm; each alarm device is counted once.
    pub alarm_delay: Quantiles,
}

impl std::fmt::Display for MixedReport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "devices              {} of {} protocols", self.devices.len(), Tongue::ALL.len())?;
        writeln!(f, "readings             {} said, {} confirmed", self.said, self.confirmed)?;
        writeln!(
            f,
            "due to confirmed     p50 {:.0} ms, p99 {:.0} ms, max {:.0} ms",
            self.latency.p50_ms, self.latency.p99_ms, self.latency.max_ms
        )?;
        match self.recovered_s {
            Some(recovered_s) => {
                writeln!(f, "all cut at once      all back and heard after {recovered_s:.1} s")?
            }
            None => writeln!(f, "all cut at once      {} not back in time", self.not_back)?,
        }
        write!(
            f,
            "alarms in the storm  {}, cut to alarm confirmed p50 {:.0} ms, p99 {:.0} ms, longest {:.0} ms",
            self.alarm_delay.count, self.alarm_delay.p50_ms, self.alarm_delay.p99_ms, self.alarm_delay.max_ms
        )
    }
}

/// Why a load cannot run.
#[derive(Debug, thiserror::Error)]
pub enum MixedError {
    /// A model is not among the profiles given.
    #[error("no profile `{0}` among those given")]
    Profile(&'static str),
}

/// The terminals of a mixed load, so that a store can be prepared for it.
#[must_use]
pub fn mixed_inventory(devices: usize) -> Inventory {
    const PER_PANEL: usize = 100;
    let circuit = |number: usize| CircuitPlan {
        name: format!("回路{}", number + 1),
        rated_current_a: 63.0,
        phases: 3,
        load_kind: "mixed",
    };
    let panels = (0..devices.div_ceil(PER_PANEL)).map(|panel| PanelPlan {
        name: format!("配电箱{}", panel + 1),
        location: "压测".to_owned(),
        circuits: (0..PER_PANEL.min(devices - panel * PER_PANEL)).map(circuit).collect(),
    });
    let terminals = (0..devices).map(|number| {
        let tongue = Tongue::of(number);
        TerminalPlan {
            serial: tongue.serial(number),
            protocol: tongue.protocol(),
            iccid: None,
            proof: tongue.proof(number),
            commissioned: true,
            detectors: vec![DetectorPlan {
                profile: tongue.profile(),
                unit_address: None,
                address: tongue.address(),
                name: format!("探测器{}", number + 1),
                site: 0,
                panel: number / PER_PANEL,
                circuit: number % PER_PANEL,
                seed: 0,
            }],
        }
    });
    Inventory {
        organisations: vec![OrganisationPlan { name: "压测单位".to_owned(), parent: None }],
        sites: vec![SitePlan {
            name: "压测场所".to_owned(),
            address: "株洲市天元区".to_owned(),
            area: AreaCode("430211".to_owned()),
            organisation: 0,
            kind: PremisesKind::Retail,
            lon: 113.09,
            lat: 27.822,
            contact_name: String::new(),
            contact_phone: String::new(),
            panels: panels.collect(),
        }],
        terminals: terminals.collect(),
    }
}

/// What happens to all devices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Steady,
    /// Those that will be in alarm say so for the first time.
    Brewing,
    /// All lines were cut at this moment; everybody has something to say.
    Cut(Instant),
    /// Nothing new is said.
    Closing,
}

struct Shared {
    field: SocketAddr,
    mqtt: SocketAddr,
    every: Duration,
    phase: watch::Receiver<Phase>,
    latency: Histogram,
    alarm_delay: Histogram,
    devices: Mutex<BTreeMap<String, DeviceLog>>,
    back: Mutex<Vec<Instant>>,
}

/// Runs the load: everybody dials in, speaks, is cut off, comes back.
///
/// # Errors
/// A model that is not among `profiles`.
pub async fn run_mixed(options: MixedOptions, profiles: &[Arc<Profile>]) -> Result<MixedReport, MixedError> {
    let (phase, watched) = watch::channel(Phase::Steady);
    let shared = Arc::new(Shared {
        field: options.field,
        mqtt: options.mqtt,
        every: Duration::from_secs_f64(options.every_s.max(1.0)),
        phase: watched,
        latency: Histogram::new(),
        alarm_delay: Histogram::new(),
        devices: Mutex::default(),
        back: Mutex::default(),
    });
    let mut dice = SmallRng::seed_from_u64(options.seed);
    let mut tasks = JoinSet::new();
    let start = Instant::now();
    for number in 0..options.devices {
        let tongue = Tongue::of(number);
        let profile = profiles
            .iter()
            .find(|profile| profile.id == tongue.profile())
            .ok_or(MixedError::Profile(tongue.profile()))?;
        let dial_at = start + Duration::from_secs_f64(dice.random_range(0.0..=options.connect_within_s));
        let device = Device {
            serial: tongue.serial(number),
            tongue,
            speech: speech(tongue, number, Arc::clone(profile)),
            is_alarming: number % ALARM_EVERY == 0,
            was_cut: false,
            said: Vec::new(),
            waiting: None,
            next_at: dial_at + shared.every.mul_f64(dice.random_range(0.0..1.0)),
            jitter: SmallRng::seed_from_u64(dice.random()),
            shared: Arc::clone(&shared),
        };
        tasks.spawn(device.run(dial_at));
    }
    let until = |at: f64| sleep_until(start + Duration::from_secs_f64(at));
    until(options.connect_within_s + options.for_s).await;
    let latency = shared.latency.quantiles();
    let _everybody_gone = phase.send(Phase::Brewing);
    sleep_until(Instant::now() + BREWS_FOR).await;
    let cut = Instant::now();
    let _everybody_gone = phase.send(Phase::Cut(cut));
    let give_up = cut + Duration::from_secs_f64(options.recover_within_s);
    let mut looks = tokio::time::interval(Duration::from_millis(50));
    let count_back = || shared.back.lock().unwrap_or_else(PoisonError::into_inner).len();
    while count_back() < options.devices && Instant::now() < give_up {
        looks.tick().await;
    }
    let _everybody_gone = phase.send(Phase::Closing);
    while tasks.join_next().await.is_some() {}
    let back = std::mem::take(&mut *shared.back.lock().unwrap_or_else(PoisonError::into_inner));
    let devices = std::mem::take(&mut *shared.devices.lock().unwrap_or_else(PoisonError::into_inner));
    let all = || devices.values().flat_map(|device| &device.said);
    let recovered = back.iter().max().filter(|_| back.len() == options.devices);
    Ok(MixedReport {
        said: all().count(),
        confirmed: all().filter(|said| said.confirmed).count(),
        latency,
        recovered_s: recovered.map(|last| last.duration_since(cut).as_secs_f64()),
        not_back: options.devices - back.len(),
        alarm_delay: shared.alarm_delay.quantiles(),
        devices,
    })
}

/// A reading on its way.
#[derive(Debug, Clone, Copy)]
struct Waiting {
    /// Which of those said.
    index: usize,
    due: Instant,
}

struct Device {
    serial: String,
    tongue: Tongue,
    speech: Box<dyn Speech>,
    is_alarming: bool,
    was_cut: bool,
    said: Vec<SaidReading>,
    waiting: Option<Waiting>,
    next_at: Instant,
    jitter: SmallRng,
    shared: Arc<Shared>,
}

/// Why a connection is over.
enum Over {
    Lost,
    Cut,
    Closing,
}

fn wall() -> UnixMs {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    UnixMs(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

impl Device {
    async fn run(mut self, mut dial_at: Instant) {
        let mut phase = self.shared.phase.clone();
        let mut pause_ms = FIRST_PAUSE_MS;
        loop {
            sleep_until(dial_at).await;
            match *phase.borrow_and_update() {
                Phase::Closing if self.waiting.is_none() => break,
                // It was between two lines when all were cut.
                Phase::Cut(at) if !self.was_cut => self.on_cut(at),
                Phase::Steady | Phase::Brewing | Phase::Cut(_) | Phase::Closing => {}
            }
            let door = if self.tongue == Tongue::Mqtt { self.shared.mqtt } else { self.shared.field };
            let connected = timeout(CONNECT_WITHIN, TcpStream::connect(door)).await;
            let over = match connected {
                Ok(Ok(stream)) => self.talk(stream, &mut phase, &mut pause_ms).await,
                Ok(Err(_)) | Err(_) => Over::Lost,
            };
            if matches!(over, Over::Closing) {
                break;
            }
            let pause = self.jitter.random_range(pause_ms / 2..=pause_ms);
            dial_at = Instant::now() + Duration::from_millis(pause);
            pause_ms = (pause_ms * 2).min(LONGEST_PAUSE_MS);
        }
        let alarming = || self.said.iter().filter(|said| said.residual_ma == ALARM_MA);
        // Beyond the level for longer than the default on-delay of 5 s, so that an alarm must follow.
        let in_alarm = match (alarming().next(), alarming().next_back()) {
            (Some(first), Some(last)) => last.device_at_ms - first.device_at_ms > 5_000,
            (_, _) => false,
        };
        let may_alarm = alarming().next().is_some();
        let log = DeviceLog { tongue: self.tongue, said: self.said, in_alarm, may_alarm };
        self.shared.devices.lock().unwrap_or_else(PoisonError::into_inner).insert(self.serial, log);
    }

    /// One connection to its end.
    async fn talk(
        &mut self,
        mut stream: TcpStream,
        phase: &mut watch::Receiver<Phase>,
        pause_ms: &mut u64,
    ) -> Over {
        let _slower = stream.set_nodelay(true);
        let greeting = self.speech.greet();
        if stream.write_all(&greeting).await.is_err() {
            return Over::Lost;
        }
        let mut is_ready = self.speech.is_ready_at_once();
        let mut must_hear_by = Some(Instant::now() + CONFIRM_WITHIN).filter(|_| !is_ready);
        if is_ready && let Some(bytes) = self.again() {
            if stream.write_all(&bytes).await.is_err() {
                return Over::Lost;
            }
            must_hear_by = Some(Instant::now() + CONFIRM_WITHIN);
        }
        let mut buffer = [0u8; 1024];
        loop {
            let now = Instant::now();
            let current = *phase.borrow();
            if is_ready && self.waiting.is_none() {
                if current == Phase::Closing {
                    return Over::Closing;
                }
                if now >= self.next_at {
                    self.measure(current, now);
                    let Some(bytes) = self.again() else { return Over::Lost };
                    if stream.write_all(&bytes).await.is_err() {
                        return Over::Lost;
                    }
                    must_hear_by = Some(Instant::now() + CONFIRM_WITHIN);
                    if !self.tongue.confirms() {
                        self.heard_out(phase);
                        must_hear_by = None;
                    }
                    continue;
                }
            }
            let wake = match must_hear_by {
                Some(by) => by,
                None => self.next_at,
            };
            tokio::select! {
                changed = phase.changed() => {
                    if changed.is_err() {
                        return Over::Closing;
                    }
                    match *phase.borrow() {
                        Phase::Brewing if self.is_alarming => self.next_at = Instant::now(),
                        Phase::Cut(at) => {
                            self.on_cut(at);
                            return Over::Cut;
                        }
                        Phase::Steady | Phase::Brewing | Phase::Closing => {}
                    }
                }
                read = stream.read(&mut buffer) => {
                    let count = match read {
                        Ok(0) | Err(_) => return Over::Lost,
                        Ok(count) => count,
                    };
                    for heard in self.speech.heard(buffer.get(..count).unwrap_or_default()) {
                        match heard {
                            Heard::Write(bytes) => {
                                if stream.write_all(&bytes).await.is_err() {
                                    return Over::Lost;
                                }
                            }
                            Heard::Ready => {
                                is_ready = true;
                                *pause_ms = FIRST_PAUSE_MS;
                                must_hear_by = None;
                                if let Some(bytes) = self.again() {
                                    if stream.write_all(&bytes).await.is_err() {
                                        return Over::Lost;
                                    }
                                    must_hear_by = Some(Instant::now() + CONFIRM_WITHIN);
                                }
                            }
                            Heard::Confirmed => {
                                self.heard_out(phase);
                                must_hear_by = None;
                            }
                            Heard::Refused => return Over::Lost,
                        }
                    }
                }
                () = sleep_until(wake) => {
                    if must_hear_by.is_some_and(|by| Instant::now() >= by) {
                        return Over::Lost;
                    }
                }
            }
        }
    }

    /// All lines were cut: it has something to say at once.
    fn on_cut(&mut self, at: Instant) {
        self.was_cut = true;
        self.next_at = at;
    }

    /// Makes the reading that is due.
    fn measure(&mut self, phase: Phase, now: Instant) {
        let is_in_alarm = self.is_alarming && !matches!(phase, Phase::Steady);
        // A device's clock says whole seconds, and no two readings have the same.
        let at = wall().0 / 1_000 * 1_000;
        let at = self.said.last().map_or(at, |last| at.max(last.device_at_ms + 1_000));
        let swing = i64::try_from(self.said.len() % 20).unwrap_or(0);
        let residual_ma = if is_in_alarm { ALARM_MA } else { 60 + swing };
        self.waiting = Some(Waiting { index: self.said.len(), due: self.next_at });
        self.said.push(SaidReading { device_at_ms: at, residual_ma, confirmed: false });
        self.next_at = match phase {
            // What was brewing goes on when the lines are cut.
            Phase::Brewing if self.is_alarming => now + BREWS_FOR * 4,
            Phase::Steady | Phase::Brewing | Phase::Cut(_) | Phase::Closing => {
                let next = self.next_at + self.shared.every;
                if next > now { next } else { now + self.shared.every }
            }
        };
    }

    /// The bytes of the reading that waits for its confirmation.
    fn again(&mut self) -> Option<Vec<u8>> {
        let waiting = self.waiting?;
        let said = self.said.get(waiting.index)?;
        Some(self.speech.say(waiting.index, UnixMs(said.device_at_ms), said.residual_ma))
    }

    /// The reading was confirmed, or said as well as the protocol can.
    fn heard_out(&mut self, phase: &watch::Receiver<Phase>) {
        let Some(waiting) = self.waiting.take() else { return };
        let now = Instant::now();
        let Some(said) = self.said.get_mut(waiting.index) else { return };
        said.confirmed = self.tongue.confirms();
        let residual_ma = said.residual_ma;
        if self.tongue.confirms() {
            self.shared.latency.add(now.duration_since(waiting.due));
        }
        if let Phase::Cut(at) = *phase.borrow()
            && waiting.due == at
        {
            self.shared.back.lock().unwrap_or_else(PoisonError::into_inner).push(now);
            if residual_ma == ALARM_MA && self.tongue.confirms() {
                self.shared.alarm_delay.add(now.duration_since(at));
            }
        }
    }
}
