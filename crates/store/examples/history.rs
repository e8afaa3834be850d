//! Measures the history on a simulated year: `cargo run --release -p store --example history -- 4 365 30 [TABLE]`.
//! Arguments: detectors (4), days (365), seconds between two readings (30), and the measured household's table, if any
//! (`bench/household.py` fetches it).
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a measurement prints, and stops when it cannot go on"
)]

mod place;

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use domain::access::Scope;
use domain::binding::{Binding, ChannelBinding};
use domain::command::what_if::Replay;
use domain::id::{ChannelId, DetectorId};
use domain::place::Protocol;
use domain::profile::Profile;
use domain::reading::{Filing, PointIndex, Quality, Reading, Sample};
use domain::time::UnixMs;
use sim::device::Device;
use sim::physics::CircuitSpec;
use sim::premises::PremisesKind;
use store::history::{CurveAsk, History, SealRules};
use store::intake::StoredReading;
use store::{Batch, Options, Store};

/// 2025-01-01 00:00 UTC.
const BEGIN: UnixMs = UnixMs(1_735_689_600_000);
const DAY_MS: i64 = 86_400_000;
const HOUR_MS: i64 = 3_600_000;
/// Curves of each kind; the 99th percentile is the worst of them.
const CURVES: i64 = 60;

#[tokio::main]
async fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = |at: usize, usual: i64| arguments.get(at).map_or(usual, |text| text.parse().unwrap());
    let (detectors, days, period_s) = (number(0, 4), number(1, 365), number(2, 30));
    year(u32::try_from(detectors).unwrap(), days, period_s * 1000).await;
    intake_while_sealing().await;
    if let Some(table) = arguments.get(3) {
        household(Path::new(table)).await;
    }
}

/// What was written, and how long it took.
#[derive(Default)]
struct Written {
    values: u64,
    bytes: u64,
    chunks: u64,
    sealing: Duration,
    clearing: Duration,
    steps: Vec<Duration>,
}

impl Written {
    async fn commit(&mut self, store: &Store, readings: Vec<StoredReading>) {
        self.values += readings.iter().map(|reading| reading.samples.len()).sum::<usize>() as u64;
        store.commit(&Batch { readings, ..Batch::default() }).await.unwrap();
    }

    async fn seal(&mut self, store: &Store, now: UnixMs) {
        loop {
            let began = Instant::now();
            let step = store.seal(&SealRules::default(), now).await.unwrap();
            self.steps.push(began.elapsed());
            if step.swept > 0 {
                self.clearing += began.elapsed()
            } else {
                self.sealing += began.elapsed()
            }
            self.bytes += step.bytes;
            self.chunks += step.chunks;
            if !step.more {
                return;
            }
        }
    }

    fn say(&mut self, store: &Store) {
        let per = |bytes: u64| bytes as f64 / self.values as f64;
        let folder = store.folder().to_owned();
        println!("{} values in {} chunks", self.values, self.chunks);
        println!("chunks alone, time stamps in them: {:.3} bytes a value", per(self.bytes));
        for (what, ending) in [
            ("month files of chunks", None),
            ("roll-ups of 15 minutes by month", Some("quarters")),
            ("roll-ups of a day by year", Some("days")),
            ("roll-ups of days that are not put together", Some("open")),
        ] {
            println!("{what}: {:.4} bytes a value", per(size_of_kind(&folder.join("history"), ending)));
        }
        println!(
            "main database, tail and everything else: {:.3} bytes a value",
            per(size(&folder) - size(&folder.join("history")))
        );
        println!("everything counted: {:.3} bytes a value", per(size(&folder)));
        let nanos = |spent: Duration| spent.as_nanos() as f64 / self.values as f64;
        println!(
            "sealing {:.0} ns a value, clearing the tail {:.0} ns a value; longest step {:.1?}",
            nanos(self.sealing),
            nanos(self.clearing),
            self.steps.iter().max().unwrap()
        );
    }
}

/// Bytes of the history's files of a kind, their logs among them.
fn size_of_kind(folder: &Path, ending: Option<&str>) -> u64 {
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let is_of_kind = |path: &std::path::PathBuf| {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        name.split('.').nth(1).filter(|part| !part.starts_with("db")) == ending
    };
    files.filter(is_of_kind).map(|path| path.metadata().unwrap().len()).sum()
}

/// Bytes of the files of a folder and those below.
fn size(folder: &Path) -> u64 {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    entries
        .map(
            |entry| if entry.path().is_dir() { size(&entry.path()) } else { entry.metadata().unwrap().len() },
        )
        .sum()
}

async fn year(detectors: u32, days: i64, period_ms: i64) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path(), Options::default()).await.unwrap();
    let profiles = domain::profile::shipped().unwrap();
    let profile: Arc<Profile> = Arc::new(
        profiles
            .into_iter()
            .filter(|profile| profile.protocol == Protocol::Cloud7b7b)
            .max_by_key(|profile| profile.points.len())
            .unwrap(),
    );
    let places = place::people_and_places(&store, &profile, detectors, BEGIN).await;
    let mut devices: Vec<(DetectorId, Device)> = places
        .iter()
        .zip(PremisesKind::ALL.into_iter().cycle())
        .zip(1..)
        .map(|(((detector, _), kind), seed)| {
            (*detector, Device::new(Arc::clone(&profile), CircuitSpec { kind, rated_current_a: 63.0, seed }))
        })
        .collect();
    println!(
        "{detectors} detectors of {} ({} points), {days} days, a reading each {} s",
        profile.id,
        profile.points.len(),
        period_ms / 1000
    );
    let mut written = Written::default();
    for day in 0..days {
        for hour in 0..24 {
            let begin = BEGIN.plus_ms(day * DAY_MS + hour * HOUR_MS);
            let mut readings = Vec::new();
            for n in 0..HOUR_MS / period_ms {
                for (detector, device) in &mut devices {
                    // Whole seconds by the device's clock; the way to the server takes 20 to 83 ms.
                    let at = begin.plus_ms(n * period_ms + detector.0 % 30 * 1000);
                    let said = device.say(at, Some(at));
                    readings.push(StoredReading {
                        detector: *detector,
                        group: 0,
                        filed_at: at,
                        device_at: Some(at),
                        received_at: at.plus_ms(20 + (at.0 / 1000 * 7919 + detector.0 * 31) % 64),
                        filing: Filing::Current,
                        samples: said.samples,
                        reported: said.reported,
                    });
                }
            }
            written.commit(&store, readings).await;
        }
        written.seal(&store, BEGIN.plus_ms((day + 1) * DAY_MS + 3 * HOUR_MS)).await;
    }
    written.seal(&store, BEGIN.plus_ms(days * DAY_MS + 30 * HOUR_MS)).await;
    store.close().await;
    let store = Store::open(folder.path(), Options::default()).await.unwrap();
    written.say(&store);
    store.close().await;
    let end = BEGIN.plus_ms(days * DAY_MS);
    for (name, range_ms) in [("2 days", 2 * DAY_MS), ("30 days", 30 * DAY_MS), ("one year", 365 * DAY_MS)] {
        if range_ms <= days * DAY_MS {
            curves(folder.path(), name, range_ms, end, &places).await;
        }
    }
    what_if(folder.path(), &profile, end, &places).await;
}

/// Limits tried on 30 days of one detector: the readings of the points that are judged, and two replays side by side as the
/// server does it.
async fn what_if(folder: &Path, profile: &Profile, end: UnixMs, places: &[(DetectorId, ChannelId)]) {
    let store = Store::open(folder, Options::default()).await.unwrap();
    let everything = Scope::platform();
    let hazard = domain::hazard::Hazard::ResidualCurrent;
    let sources = store.binding_sources(None).await.unwrap();
    let mut spent = Vec::new();
    let mut number = 0;
    for (detector, _) in places.iter().cycle().take(20) {
        let source = sources.iter().find(|source| source.placement.detector == *detector).unwrap();
        let channels = source.channels.iter().map(|channel| ChannelBinding {
            channel: channel.clone(),
            limits: domain::hazard::Hazard::of_quantity(channel.quantity)
                .iter()
                .filter_map(|hazard| {
                    Some((
                        *hazard,
                        domain::settings::limits(
                            *hazard,
                            profile
                                .limits
                                .iter()
                                .filter(|(about, _)| about == hazard)
                                .map(|(_, patch)| patch),
                        )?,
                    ))
                })
                .collect(),
            nights: Vec::new(),
        });
        let binding = Arc::new(Binding {
            placement: source.placement.clone(),
            settings_version: 1,
            channels: channels.collect(),
            supervision: domain::settings::supervision(
                profile.interval_s,
                profile.replays_history,
                std::iter::empty(),
            ),
            utc_offset_min: 480,
        });
        let began = Instant::now();
        let judged = binding.channels.iter().filter(|channel| {
            hazard.judged_with().contains(&channel.channel.quantity)
                || channel.limits.iter().any(|(about, _)| *about == hazard)
        });
        let points: Vec<PointIndex> = judged.filter_map(|channel| channel.channel.point).collect();
        let since = end.plus_ms(-30 * DAY_MS);
        let (stored, _) =
            store.readings().since(&everything, *detector, since, 300_000, Some(&points)).await.unwrap();
        let readings: Vec<Reading> = stored
            .into_iter()
            .filter(|one| !one.samples.is_empty())
            .map(|one| Reading {
                detector: one.detector,
                group: one.group,
                device_at: one.device_at,
                received_at: one.received_at,
                samples: one.samples,
                reported: Vec::new(),
            })
            .collect();
        number = readings.len();
        let readings = Arc::new(readings);
        let both = [(); 2].map(|()| {
            let (readings, binding) = (Arc::clone(&readings), Arc::clone(&binding));
            tokio::task::spawn_blocking(move || {
                let mut replay = Replay::new(&binding, hazard, since);
                readings.iter().for_each(|reading| replay.take(reading));
                replay.finish(end).len()
            })
        });
        for one in both {
            one.await.unwrap();
        }
        spent.push(began.elapsed());
    }
    spent.sort_unstable();
    println!(
        "what-if over 30 days of one detector, {number} readings: p50 {:.1?}, longest of 20 {:.1?}",
        spent.get(10).unwrap(),
        spent.last().unwrap()
    );
    store.close().await;
}

async fn curves(folder: &Path, name: &str, range_ms: i64, end: UnixMs, places: &[(DetectorId, ChannelId)]) {
    let span = end.since_ms(BEGIN) - range_ms;
    let asks: Vec<CurveAsk> = (0..CURVES)
        .zip(places.iter().cycle())
        .map(|(n, (_, channel))| {
            let from = BEGIN.plus_ms(span * n / CURVES);
            CurveAsk {
                channels: vec![*channel],
                from,
                to: from.plus_ms(range_ms),
                points: 2000,
                gap_after_ms: 180_000,
                now: end,
            }
        })
        .collect();
    let mut cold = Vec::new();
    let mut points = 0;
    for ask in &asks {
        forget(folder);
        let store = Store::open(folder, Options::default()).await.unwrap();
        let (spent, drawn) = draw(&store, ask).await;
        cold.push(spent);
        points = drawn;
        store.close().await;
    }
    let store = Store::open(folder, Options::default()).await.unwrap();
    let mut warm = Vec::new();
    for ask in asks.iter().chain(&asks) {
        warm.push(draw(&store, ask).await.0);
    }
    let mut warm = warm.split_off(asks.len());
    for some in [&mut cold, &mut warm] {
        some.sort_unstable();
    }
    let at = |some: &[Duration], part: usize| *some.get(some.len() * part / 100).or(some.last()).unwrap();
    println!(
        "{name} of one channel to 2,000 points ({points} drawn): cold p50 {:.1?}, p99 {:.1?}; warm p50 {:.1?}, p99 {:.1?}",
        at(&cold, 50),
        at(&cold, 99),
        at(&warm, 50),
        at(&warm, 99)
    );
}

async fn draw(store: &Store, ask: &CurveAsk) -> (Duration, usize) {
    let began = Instant::now();
    let curve = store.curve(&Scope::platform(), ask).await.unwrap();
    (began.elapsed(), curve.series.first().map_or(0, |series| series.points.len()))
}

/// Nothing of the folder is in the operating system's cache.
fn forget(folder: &Path) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            forget(&path);
        } else {
            // A log that was taken in when its database was closed.
            let Ok(file) = std::fs::File::open(&path) else { continue };
            file.sync_all().unwrap();
            rustix::fs::fadvise(&file, 0, None, rustix::fs::Advice::DontNeed).unwrap();
        }
    }
}

/// How long commits of new readings take while nothing else is done and while two days of a hundred detectors are sealed.
async fn intake_while_sealing() {
    const DETECTORS: i64 = 100;
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path(), Options::default()).await.unwrap();
    let reading = |detector: i64, n: i64| {
        let at = BEGIN.plus_ms(n * 30_000 + detector * 10);
        let sample = |point: u16| Sample {
            point: PointIndex(point),
            raw: (n * 7919 + detector * 31 + i64::from(point) * 104_729) % 400,
            quality: Quality::Good,
        };
        StoredReading {
            detector: DetectorId(detector),
            group: 0,
            filed_at: at,
            device_at: Some(at),
            received_at: at.plus_ms(40),
            filing: Filing::Current,
            samples: (0..14).map(sample).collect(),
            reported: Vec::new(),
        }
    };
    for n in (0..2 * 2880).step_by(20) {
        let readings = (n..n + 20)
            .flat_map(|n| (1..=DETECTORS).map(move |detector| (detector, n)))
            .map(|(d, n)| reading(d, n));
        store.commit(&Batch { readings: readings.collect(), ..Batch::default() }).await.unwrap();
    }
    let sealing_is_over = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let mut commits: [Vec<Duration>; 2] = [Vec::new(), Vec::new()];
    let mut n = 2 * 2880;
    let mut commit = async |into: &mut Vec<Duration>| {
        let readings = (1..=DETECTORS).map(|detector| reading(detector, n)).collect();
        n += 1;
        let began = Instant::now();
        store.commit(&Batch { readings, ..Batch::default() }).await.unwrap();
        into.push(began.elapsed());
        tokio::time::sleep(Duration::from_millis(5)).await;
    };
    let [alone, beside] = &mut commits;
    for _ in 0..500 {
        commit(alone).await;
    }
    let sealing = {
        let (store, over) = (store.clone(), Arc::clone(&sealing_is_over));
        tokio::spawn(async move {
            let mut steps = Vec::new();
            loop {
                let began = Instant::now();
                let step =
                    store.seal(&SealRules::default(), BEGIN.plus_ms(2 * DAY_MS + 3 * HOUR_MS)).await.unwrap();
                steps.push(began.elapsed());
                if !step.more {
                    break;
                }
                // As the job does.
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            over.store(true, std::sync::atomic::Ordering::SeqCst);
            steps
        })
    };
    while !sealing_is_over.load(std::sync::atomic::Ordering::SeqCst) {
        commit(beside).await;
    }
    let mut steps = sealing.await.unwrap();
    for (name, some) in
        [("alone", alone), ("while days are sealed", beside), ("steps of sealing", &mut steps)]
    {
        some.sort_unstable();
        let at = |part: usize| *some.get(some.len() * part / 1000).or(some.last()).unwrap();
        println!(
            "{name}: {} with p50 {:.1?}, p99 {:.1?}, longest {:.1?}",
            some.len(),
            at(500),
            at(990),
            at(1000)
        );
    }
    store.close().await;
}

/// A household's seven values each minute of four years, measured (CC BY 4.0, see bench/household.py), as scaled integers.
async fn household(table: &Path) {
    const SCALES: [f64; 7] = [1000.0, 1000.0, 100.0, 10.0, 1.0, 1.0, 1.0];
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path(), Options::default()).await.unwrap();
    let mut written = Written::default();
    let mut readings = Vec::new();
    let text = std::fs::read_to_string(table).unwrap();
    let mut last = BEGIN;
    for (minute, line) in (0i64..).zip(text.lines().skip(1)) {
        let values: Vec<f64> = line.split(',').skip(1).filter_map(|cell| cell.parse().ok()).collect();
        if values.len() != SCALES.len() {
            continue;
        }
        let raw = |(value, scale): (&f64, f64)| format!("{:.0}", value * scale).parse::<i64>().unwrap();
        let samples = (0u16..)
            .zip(values.iter().zip(SCALES).map(raw))
            .map(|(point, raw)| Sample { point: PointIndex(point), raw, quality: Quality::Good })
            .collect();
        let at = BEGIN.plus_ms(minute * 60_000);
        last = at;
        readings.push(StoredReading {
            detector: DetectorId(1),
            group: 0,
            filed_at: at,
            device_at: Some(at),
            received_at: at,
            filing: Filing::Current,
            samples,
            reported: Vec::new(),
        });
        if readings.len() >= 10_000 {
            written.commit(&store, std::mem::take(&mut readings)).await;
        }
    }
    written.commit(&store, readings).await;
    written.seal(&store, last.plus_ms(2 * DAY_MS)).await;
    println!("measured household, a reading of 7 values each minute:");
    written.say(&store);
    store.close().await;
}
