//! A day of a whole city in virtual time: no socket, no clock, no disk. Every detector measures its circuit, the
//! domain judges what it says (invariant 2), and what was raised is held against the truth: each scripted fault
//! must be found in time, and nothing may be raised that has no cause. The same seed gives the same day.

mod cause;
mod detector;

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use domain::hazard::{Hazard, Severity};
use domain::profile::Profile;
use domain::quantity::Quantity;
use domain::time::UnixMs;
use rand::rngs::StdRng;
use rand::seq::{IndexedRandom, SliceRandom};
use rand::{Rng, SeedableRng};

use crate::city::{DetectorPlan, Inventory};
use crate::device::fits;
use crate::fault::{Fault, FaultKind};
use crate::physics::CircuitSpec;
use crate::truth::{Truth, foretell};

/// What the platform may take beyond the next report and the set delay, ms: from the device's alarm to the centre's
/// screen (GB 26875.1-2011, 4.1.2.1).
const PLATFORM_MS: i64 = 10_000;
/// How long after its end a fault still explains what is raised, ms: a terminal cools, a detector comes back.
const AFTERMATH_MS: i64 = 30 * 60_000;
/// From this length on half of the faults are those that take days to be told, ms.
const SLOW_MS: i64 = 96 * 3_600_000;
/// Of so many detectors one is of a model that the city itself does not have, so that every shipped model lives
/// through the day.
const OTHER_MODEL_EACH: usize = 10;
/// Faults begin this long after the start at the earliest, ms, so that every circuit is known to be healthy first.
const QUIET_MS: i64 = 20 * 60_000;

/// What day.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DayOptions {
    /// Everything random follows from it.
    pub seed: u64,
    /// When it begins.
    pub from: UnixMs,
    /// How long it lasts, ms.
    pub length_ms: i64,
    /// How often each detector reports, ms.
    pub report_ms: i64,
    /// Share of the detectors that something happens to, 0 to 1.
    pub faulty: f64,
    /// Threads that share the detectors; the result does not depend on it.
    pub threads: usize,
}

/// Something raised, as the alarm desk would get it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Raised {
    /// When it counts as raised or as worse.
    pub at: UnixMs,
    /// The point, or the device as a whole.
    pub channel: i64,
    /// What.
    pub hazard: Hazard,
    /// How bad.
    pub severity: Severity,
    /// Whether it was found in data of the past and opened nothing.
    pub late: bool,
}

/// Something that had to be raised.
#[derive(Debug, Clone, PartialEq)]
pub struct Expected {
    /// What the city calls the detector.
    pub detector: String,
    /// Its profile.
    pub profile: String,
    /// Code of the fault.
    pub fault: &'static str,
    /// What it must raise.
    pub hazard: Hazard,
    /// How bad at least.
    pub severity: Severity,
    /// When it was physically so.
    pub so_at: UnixMs,
    /// Until when it must be raised.
    pub due: UnixMs,
    /// When it was.
    pub raised_at: Option<UnixMs>,
}

impl Expected {
    /// Whether it was raised in time.
    #[must_use]
    pub fn is_met(&self) -> bool {
        self.raised_at.is_some_and(|at| at <= self.due)
    }
}

/// Something raised that nothing explains.
#[derive(Debug, Clone, PartialEq)]
pub struct Causeless {
    /// What the city calls the detector.
    pub detector: String,
    /// Its profile.
    pub profile: String,
    /// What was raised.
    pub raised: Raised,
}

/// How the day went.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct DayReport {
    /// Detectors of the city.
    pub detectors: usize,
    /// Readings judged.
    pub readings: u64,
    /// Values judged.
    pub values: u64,
    /// Faults that happened, by code.
    pub faults: BTreeMap<&'static str, usize>,
    /// What had to be raised.
    pub expected: Vec<Expected>,
    /// Raised in all.
    pub raised: usize,
    /// What nothing explains.
    pub causeless: Vec<Causeless>,
    /// (channel, hazard) that were raised twice without having returned, which invariant 3 forbids.
    pub raised_twice: usize,
    /// Of everything raised on every detector: equal days have equal digests.
    pub digest: u64,
}

impl DayReport {
    /// What had to be raised and was not, or too late.
    pub fn missed(&self) -> impl Iterator<Item = &Expected> {
        self.expected.iter().filter(|expected| !expected.is_met())
    }

    /// From being physically so to being raised, ms, shortest first.
    #[must_use]
    pub fn lags_ms(&self) -> Vec<i64> {
        let mut lags: Vec<i64> = self
            .expected
            .iter()
            .filter_map(|expected| Some(expected.raised_at?.since_ms(expected.so_at)))
            .collect();
        lags.sort_unstable();
        lags
    }

    fn add(&mut self, other: Self) {
        self.readings += other.readings;
        self.values += other.values;
        for (code, many) in other.faults {
            *self.faults.entry(code).or_default() += many;
        }
        self.expected.extend(other.expected);
        self.raised += other.raised;
        self.causeless.extend(other.causeless);
        self.raised_twice += other.raised_twice;
    }
}

/// One detector of the day with what is going to happen to it.
struct Part {
    name: String,
    profile: Arc<Profile>,
    circuit: CircuitSpec,
    truth: Option<(Fault, Truth)>,
}

/// Lets the day happen. Detectors of unknown profiles are left out.
#[must_use]
pub fn run(inventory: &Inventory, profiles: &[Arc<Profile>], options: &DayOptions) -> DayReport {
    let parts = parts(inventory, profiles, options);
    let detectors = parts.len();
    let share = parts.len().div_ceil(options.threads.max(1)).max(1);
    let mut report = DayReport { detectors, ..DayReport::default() };
    let mut digest = DefaultHasher::new();
    std::thread::scope(|scope| {
        let workers: Vec<_> = parts
            .chunks(share)
            .map(|chunk| scope.spawn(move || chunk.iter().map(|part| one(part, options)).collect::<Vec<_>>()))
            .collect();
        for worker in workers {
            for (one, raised) in worker.join().unwrap_or_default() {
                raised.hash(&mut digest);
                report.add(one);
            }
        }
    });
    report.digest = digest.finish();
    report
}

fn parts(inventory: &Inventory, profiles: &[Arc<Profile>], options: &DayOptions) -> Vec<Part> {
    let mut parts: Vec<Part> = inventory
        .terminals
        .iter()
        .filter(|terminal| terminal.commissioned)
        .flat_map(|terminal| terminal.detectors.iter().map(|detector| (terminal.serial.as_str(), detector)))
        .filter_map(|(serial, detector)| {
            let profile = profiles.iter().find(|profile| profile.id == detector.profile)?.clone();
            let circuit = inventory.circuit_spec(detector)?;
            Some(Part { name: name(serial, detector), profile, circuit, truth: None })
        })
        .collect();
    let used: BTreeSet<String> = parts.iter().map(|part| part.profile.id.clone()).collect();
    let others: Vec<&Arc<Profile>> = profiles.iter().filter(|profile| !used.contains(&profile.id)).collect();
    if !others.is_empty() {
        for (part, other) in parts.iter_mut().step_by(OTHER_MODEL_EACH).zip(others.into_iter().cycle()) {
            if carries(other, &part.circuit) {
                part.profile = other.clone();
            }
        }
    }
    let mut rng = StdRng::seed_from_u64(options.seed);
    let mut order: Vec<usize> = (0..parts.len()).collect();
    order.shuffle(&mut rng);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a share of a number of detectors"
    )]
    let many = (parts.len() as f64 * options.faulty.clamp(0.0, 1.0)).round() as usize;
    for index in order.into_iter().take(many) {
        let Some(part) = parts.get_mut(index) else { continue };
        let is_slow = options.length_ms >= SLOW_MS && rng.random_bool(0.5);
        let script = if is_slow { cause::slow_script(&mut rng) } else { cause::script(&mut rng) };
        let fitting: Vec<FaultKind> = script.into_iter().filter(|kind| fits(&part.profile, kind)).collect();
        let Some(kind) = fitting.choose(&mut rng) else { continue };
        let lasts_ms = if is_slow {
            rng.random_range(60 * 3_600_000..=78 * 3_600_000)
        } else {
            rng.random_range(30 * 60_000..=90 * 60_000)
        };
        let latest = (options.length_ms - lasts_ms - AFTERMATH_MS).max(QUIET_MS + 1);
        let from = options.from.plus_ms(rng.random_range(QUIET_MS..latest));
        let fault = Fault { kind: kind.clone(), from, to: from.plus_ms(lasts_ms) };
        let truth = foretell(&part.name, None, &part.profile, &part.circuit, &fault);
        part.truth = Some((fault, truth));
    }
    parts
}

/// Whether the model's currents can show the worst short circuit that is scripted.
fn carries(profile: &Profile, circuit: &CircuitSpec) -> bool {
    let mut currents = profile.points.iter().filter(|point| point.quantity == Quantity::Current);
    currents.all(|point| {
        let most_a = point.range.map_or(f64::INFINITY, |(_, most)| point.decimals.value(most));
        most_a >= cause::WORST_SHORT * circuit.rated_current_a
    })
}

fn name(serial: &str, detector: &DetectorPlan) -> String {
    match (detector.unit_address, &detector.address) {
        (Some(unit), _) => format!("{serial}/{unit}"),
        (None, Some(address)) => format!("{serial}/{address}"),
        (None, None) => serial.to_owned(),
    }
}

/// A detector's day, scored, with everything that it raised.
fn one(part: &Part, options: &DayOptions) -> (DayReport, Vec<Raised>) {
    let seen =
        detector::live(&part.profile, part.circuit, part.truth.as_ref().map(|(fault, _)| fault), options);
    let mut report = DayReport {
        readings: seen.readings,
        values: seen.values,
        raised: seen.raised.len(),
        raised_twice: seen.raised_twice,
        ..DayReport::default()
    };
    let mut explained: &[Hazard] = &[];
    let mut span = (UnixMs(i64::MAX), UnixMs(i64::MIN));
    if let Some((fault, truth)) = &part.truth {
        *report.faults.entry(fault.kind.code()).or_default() += 1;
        explained = cause::explains(&fault.kind);
        span = (fault.from, fault.to.plus_ms(AFTERMATH_MS));
        for wanted in cause::wants(fault, truth, part.circuit, &seen.binding, options.report_ms) {
            let raised_at = seen
                .raised
                .iter()
                .filter(|raised| raised.hazard == wanted.hazard && raised.severity >= wanted.severity)
                .map(|raised| raised.at)
                .find(|at| *at >= fault.from);
            report.expected.push(Expected {
                detector: part.name.clone(),
                profile: part.profile.id.clone(),
                fault: fault.kind.code(),
                hazard: wanted.hazard,
                severity: wanted.severity,
                so_at: wanted.so_at,
                due: wanted.due.plus_ms(PLATFORM_MS),
                raised_at,
            });
        }
    }
    report.causeless = seen
        .raised
        .iter()
        .filter(|raised| !explained.contains(&raised.hazard) || raised.at < span.0 || span.1 < raised.at)
        .map(|raised| Causeless {
            detector: part.name.clone(),
            profile: part.profile.id.clone(),
            raised: *raised,
        })
        .collect();
    (report, seen.raised)
}
