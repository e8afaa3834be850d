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
use domain::id::{ChannelId, DetectorId};
use domain::place::Protocol;
use domain::profile::Profile;
use domain::reading::{Filing, PointIndex, Quality, Sample};
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
        while store.roll_up(100_000).await.unwrap().behind {}
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
        println!("month files: {:.3} bytes a value", per(size(&folder.join("history"))));
        println!(
            "main database, tail and roll-ups and everything else: {:.3} bytes a value",
            per(size(&folder) - size(&folder.join("history")))
        );
        let nanos = |spent: Duration| spent.as_nanos() as f64 / self.values as f64;
        println!(
            "sealing {:.0} ns a value, clearing the tail {:.0} ns a value; longest step {:.1?}",
            nanos(self.sealing),
            nanos(self.clearing),
            self.steps.iter().max().unwrap()
        );
    }
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
