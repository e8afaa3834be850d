//! A load of mixed protocols, small messages at a slow pace from very many devices, as a city sends them; and all of
//! them cut off at once. What each device said and what of it was confirmed is kept, to be held against the store.

mod device;
mod polled;
mod speech;
mod tongue;

pub use tongue::{Tongue, mixed_inventory};

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use domain::profile::Profile;
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use serde::Serialize;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use super::{Histogram, Quantiles};
use crate::doors::{Door, Doors};
use device::Device;

/// Every so many devices one is in alarm when all are cut off: devices of each protocol that tells of a hazard.
const ALARM_EVERY: usize = 23;
/// Longer than the on-delay of the platform's default limit.
const BREWS_FOR: Duration = Duration::from_secs(7);
/// Exchanges of HTTP and CoAP at once: what a machine leaves of its open files beside the lines.
const EXCHANGES_AT_ONCE: usize = 2_000;

/// What to do to the server.
#[derive(Debug, Clone)]
pub struct MixedOptions {
    /// The doors, all of them open.
    pub doors: Doors,
    /// From how many loopback addresses (127.1.x.y) devices dial, as a fleet does that comes through many carriers;
    /// with 1 all come from the same.
    pub addresses: usize,
    /// How many devices, of all protocols in turn.
    pub devices: usize,
    /// How many lines may be open at once: what a machine lets a process have of open files. Where there are more devices
    /// of protocols that hold a line, half of the places are for devices that keep theirs; the others hang up when they
    /// have said a reading and dial in for the next.
    pub lines: usize,
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
    /// Its device's clock, ms since 1970 UTC, whole seconds; where the server asks, when it did.
    pub device_at_ms: i64,
    /// The value of the measured point, mA or V.
    pub value: i64,
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

/// The devices of one protocol.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Share {
    /// How many.
    pub devices: usize,
    /// Readings made.
    pub said: usize,
    /// Readings confirmed.
    pub confirmed: usize,
}

/// What came of it.
#[derive(Debug, Clone, Serialize)]
pub struct MixedReport {
    /// Every device by its serial number.
    #[serde(skip)]
    pub devices: BTreeMap<String, DeviceLog>,
    /// The same in numbers, by protocol.
    pub by_tongue: BTreeMap<Tongue, Share>,
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
        writeln!(f, "devices              {} of {} protocols", self.devices.len(), self.by_tongue.len())?;
        for (tongue, share) in &self.by_tongue {
            write!(f, "  {:<18} {:>5} devices, {:>7} readings", tongue.name(), share.devices, share.said)?;
            if tongue.confirms() {
                writeln!(f, ", {:>7} confirmed", share.confirmed)?;
            } else {
                writeln!(f)?;
            }
        }
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
    /// A door is closed that some devices come to.
    #[error("the {0:?} door is closed, wanted it open")]
    Door(Door),
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
    exchanges: Semaphore,
    lines: Semaphore,
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
/// A model that is not among `profiles`, a door that is closed.
pub async fn run_mixed(options: MixedOptions, profiles: &[Arc<Profile>]) -> Result<MixedReport, MixedError> {
    let (phase, watched) = watch::channel(Phase::Steady);
    let shared = Arc::new(Shared {
        exchanges: Semaphore::new(EXCHANGES_AT_ONCE),
        lines: Semaphore::new(options.lines.min(Semaphore::MAX_PERMITS)),
        every: Duration::from_secs_f64(options.every_s.max(1.0)),
        phase: watched,
        latency: Histogram::new(),
        alarm_delay: Histogram::new(),
        devices: Mutex::default(),
        back: Mutex::default(),
    });
    let keep = tongue::who_keep_lines(options.devices, options.lines);
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
        let door = options.doors.of(tongue.door()).ok_or(MixedError::Door(tongue.door()))?;
        let device = Device::new(number, &shared, &mut dice, dial_at);
        let source = tongue::source(number, options.addresses);
        match tongue {
            Tongue::Http | Tongue::Coap => {
                tasks.spawn(device.post(number, door, source, dial_at));
            }
            Tongue::Cloud7b7b
            | Tongue::Gateway1f1f
            | Tongue::Gb26875
            | Tongue::Mqtt
            | Tongue::Dtu
            | Tongue::Meter
            | Tongue::ModbusTcp => {
                let speech = speech::speech(tongue, number, profile);
                let hangs_up = number >= keep;
                tasks.spawn(device.hold_line(speech, door, source, dial_at, hangs_up));
            }
        }
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
    let mut by_tongue: BTreeMap<Tongue, Share> = BTreeMap::new();
    for log in devices.values() {
        let share = by_tongue.entry(log.tongue).or_default();
        share.devices += 1;
        share.said += log.said.len();
        share.confirmed += log.said.iter().filter(|said| said.confirmed).count();
    }
    let recovered = back.iter().max().filter(|_| back.len() == options.devices);
    Ok(MixedReport {
        said: all().count(),
        confirmed: all().filter(|said| said.confirmed).count(),
        latency,
        recovered_s: recovered.map(|last| last.duration_since(cut).as_secs_f64()),
        not_back: options.devices - back.len(),
        alarm_delay: shared.alarm_delay.quantiles(),
        by_tongue,
        devices,
    })
}
