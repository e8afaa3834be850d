//! Measures the pipeline's commit and what reads behind it: `cargo run --release -p store --example intake_rate`.
//! Arguments: detectors (10,000), readings per commit (1,000), readings in all (600,000).
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a measurement prints, and stops when it cannot go on"
)]

mod place;

use std::time::{Duration, Instant};

use domain::access::Scope;
use domain::id::{ChannelId, DetectorId};
use domain::reading::{Filing, PointIndex, Quality, Sample};
use domain::time::UnixMs;
use store::history::{CurveAsk, History, SealRules};
use store::intake::StoredReading;
use store::overview::Part;
use store::sites::{SiteFilter, SiteSort};
use store::{Batch, Options, Page, Store};

const BEGIN: UnixMs = UnixMs(1_789_999_200_000);
const PERIOD_MS: i64 = 30_000;
const DAY_MS: i64 = 86_400_000;

/// A small generator, so that every run stores the same.
struct Noise(u64);

impl Noise {
    fn below(&mut self, bound: i64) -> i64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33).cast_signed().rem_euclid(bound)
    }
}

#[tokio::main]
async fn main() {
    let mut numbers = std::env::args().skip(1).map(|text| text.parse::<i64>().unwrap());
    let detectors = numbers.next().unwrap_or(10_000);
    let per_commit = numbers.next().unwrap_or(1000);
    let total = numbers.next().unwrap_or(600_000);
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path(), Options::default()).await.unwrap();
    let profiles = domain::profile::shipped().unwrap();
    let profile = profiles.iter().find(|profile| profile.points.len() >= 12).unwrap();
    let real = place::people_and_places(&store, profile, 1, BEGIN).await.remove(0);

    let mut noise = Noise(7);
    let mut spent = Vec::new();
    let (mut readings, mut round) = (0, 0);
    let began = Instant::now();
    let cpu = cpu_seconds();
    let mut making = Duration::ZERO;
    while readings < total {
        let made = Instant::now();
        let batch = Batch {
            readings: (0..per_commit)
                .map(|n| {
                    let number = readings + n;
                    let at = BEGIN.plus_ms(number / detectors * PERIOD_MS + noise.below(1000));
                    reading(DetectorId(1_000_000 + number % detectors), at, &mut noise)
                })
                .collect(),
            ..Batch::default()
        };
        making += made.elapsed();
        let committed = Instant::now();
        store.commit(&batch).await.unwrap();
        spent.push(committed.elapsed());
        readings += per_commit;
        round += 1;
    }
    let commits = began.elapsed() - making;
    spent.sort_unstable();
    let at = |part: usize| spent.get(spent.len().saturating_sub(1) * part / 100).copied().unwrap_or_default();
    let rate = f64::from(u32::try_from(readings).unwrap()) / commits.as_secs_f64();
    println!(
        "commits of {per_commit}: {rate:.0} readings/s, p50 {:.2?}, p99 {:.2?}, max {:.2?}, {round} commits",
        at(50),
        at(99),
        at(100)
    );
    let cpu =
        (cpu_seconds() - cpu - making.as_secs_f64()) * 1e6 / f64::from(u32::try_from(readings).unwrap());
    println!("{cpu:.1} us of CPU per reading, whatever else this machine does");
    let used = store.disk_use().await.unwrap().used_bytes;
    println!("{} bytes per reading of 12 values, all indexes counted", used / readings.unsigned_abs());

    curves(&store, real, &mut noise).await;
    let started = Instant::now();
    let restart = store.restart().await.unwrap();
    println!("restart with {} newest readings: {:.2?}", restart.latest.len(), started.elapsed());
    let everything = Scope::platform();
    let counted = Instant::now();
    store.overview().counts(&everything, &Part::default()).await.unwrap();
    store
        .sites()
        .list(&everything, &SiteFilter::default(), SiteSort::StatusDesc, &Page::default())
        .await
        .unwrap();
    println!("counts and the first page of sites: {:.2?}", counted.elapsed());
}

/// User and system time of this process, s (Linux; ticks of 1/100 s).
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let ticks = stat.split_whitespace().skip(13).take(2).filter_map(|text| text.parse::<u32>().ok());
    ticks.map(f64::from).sum::<f64>() / 100.0
}

/// 60 days of one detector, one reading in 30 s, drawn over several ranges.
async fn curves(store: &Store, (detector, channel): (DetectorId, ChannelId), noise: &mut Noise) {
    let days = 60;
    let all = days * DAY_MS / PERIOD_MS;
    for from in (0..all).step_by(5000) {
        let readings = (from..all.min(from + 5000))
            .map(|n| reading(detector, BEGIN.plus_ms(n * PERIOD_MS), noise))
            .collect();
        store.commit(&Batch { readings, ..Batch::default() }).await.unwrap();
    }
    let sealing = Instant::now();
    while store.seal(&SealRules::default(), BEGIN.plus_ms((days + 1) * DAY_MS)).await.unwrap().more {}
    println!("sealed {all} readings in {:.2?}", sealing.elapsed());
    let everything = Scope::platform();
    let to = BEGIN.plus_ms(days * DAY_MS);
    for (name, range, points) in [
        ("1 hour", 3_600_000, 600),
        ("2 days", 2 * DAY_MS, 2000),
        ("30 days", 30 * DAY_MS, 2000),
        ("60 days", 60 * DAY_MS, 2000),
    ] {
        let ask = CurveAsk {
            channels: vec![channel],
            from: to.plus_ms(-range),
            to,
            points,
            gap_after_ms: 120_000,
            now: to,
        };
        let mut spent = Vec::new();
        let mut drawn = 0;
        for _ in 0..50 {
            let asked = Instant::now();
            let curve = store.curve(&everything, &ask).await.unwrap();
            spent.push(asked.elapsed());
            drawn = curve.series.first().map_or(0, |series| series.points.len());
        }
        spent.sort_unstable();
        let median = spent.get(spent.len() / 2).copied().unwrap_or_default();
        let worst = spent.last().copied().unwrap_or_default();
        println!("curve of {name}: {drawn} points, p50 {median:.2?}, worst of 50 {worst:.2?}");
    }
}

fn reading(detector: DetectorId, at: UnixMs, noise: &mut Noise) -> StoredReading {
    let bounds = [400, 900, 900, 900, 900, 2400, 2400, 2400, 6000, 6000, 6000, 99_999];
    let samples = (0u16..)
        .zip(bounds)
        .map(|(point, bound)| Sample {
            point: PointIndex(point),
            raw: noise.below(bound),
            quality: Quality::Good,
        })
        .collect();
    StoredReading {
        detector,
        group: 0,
        filed_at: at,
        device_at: Some(at),
        received_at: at.plus_ms(35),
        filing: Filing::Current,
        samples,
        reported: Vec::new(),
    }
}
