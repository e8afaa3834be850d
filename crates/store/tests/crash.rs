//! `kill -9` while history is sealed, rolled up, merged and let go: a real process that is killed at moments that nobody
//! chose. Nothing that it said was committed is missing or there twice, not in the readings and not in the roll-ups, which
//! are kept longer; and every checksum is right.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test that cannot go on has failed, and its process says how far it got"
)]

#[path = "../examples/place/mod.rs"]
mod place;

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use domain::access::Scope;
use domain::id::DetectorId;
use domain::place::Protocol;
use domain::reading::{Filing, PointIndex, Quality, Sample};
use domain::time::UnixMs;
use store::history::{CurveAsk, History, Retention, SealRules};
use store::intake::StoredReading;
use store::{Batch, Options, Store};

/// Where the process to be killed works, and from which batch on.
const FOLDER: &str = "EMBERWATCH_CRASH_FOLDER";
const FROM: &str = "EMBERWATCH_CRASH_FROM";
/// How often it is killed: `EMBERWATCH_CRASH_ROUNDS=200`.
const ROUNDS: &str = "EMBERWATCH_CRASH_ROUNDS";
const SEED: &str = "EMBERWATCH_CRASH_SEED";

const BEGIN: UnixMs = UnixMs(1_789_999_200_000);
const MINUTE: i64 = 60_000;
const DAY: i64 = 86_400_000;
/// What a batch covers, ms.
const BATCH_MS: i64 = DAY / 2;
const DETECTORS: [i64; 3] = [1, 2, 3];
const KEEP_MS: i64 = 35 * DAY;

fn time_of(batch: i64) -> UnixMs {
    BEGIN.plus_ms(batch * BATCH_MS)
}

/// Half a day of each detector, and one reading of each that is late by up to fifteen days.
fn batch(number: i64) -> Vec<StoredReading> {
    let one = |detector: i64, filed_at: UnixMs, raw: i64, filing| StoredReading {
        detector: DetectorId(detector),
        group: 0,
        filed_at,
        device_at: Some(filed_at),
        received_at: filed_at.plus_ms(40),
        filing,
        samples: vec![
            Sample { point: PointIndex(0), raw, quality: Quality::Good },
            Sample { point: PointIndex(1), raw: -raw, quality: Quality::SensorOpen },
        ],
        reported: Vec::new(),
    };
    let mut all = Vec::new();
    for n in 0..BATCH_MS / (10 * MINUTE) {
        let at = time_of(number).plus_ms(n * 10 * MINUTE);
        all.extend(DETECTORS.map(|detector| one(detector, at, number * 1000 + n, Filing::Current)));
    }
    let late = time_of(number).plus_ms(-(number * 7 % 15) * DAY + 5 * MINUTE + number);
    all.extend(DETECTORS.map(|detector| one(detector, late, number, Filing::Late)));
    all
}

async fn work(folder: &Path, from: i64) {
    let store = Store::open(folder, Options::default()).await.unwrap();
    if from == 0 {
        let shipped = domain::profile::shipped().unwrap();
        let profile = shipped.into_iter().find(|profile| profile.protocol == Protocol::Cloud7b7b);
        let places = place::people_and_places(&store, &profile.unwrap(), 3, BEGIN).await;
        assert_eq!(places.iter().map(|(detector, _)| detector.0).collect::<Vec<_>>(), DETECTORS);
    }
    let rules = SealRules { settle_ms: 0, chunks: 2, slice_rows: 60 };
    let policy = Retention { readings_ms: Some(KEEP_MS), ..Retention::default() };
    for number in from.. {
        store.commit(&Batch { readings: batch(number), ..Batch::default() }).await.unwrap();
        println!("\ncommitted {number}");
        for _ in 0..12 {
            store.seal(&rules, time_of(number + 1)).await.unwrap();
            println!("\nstep");
        }
        store.retain(&policy, time_of(number + 1)).await.unwrap();
    }
}

/// The process that is killed. Without a folder there is nothing to do.
#[test]
fn works_until_it_is_killed() {
    let Ok(folder) = std::env::var(FOLDER) else { return };
    let from = std::env::var(FROM).unwrap().parse().unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(work(Path::new(&folder), from));
}

/// Lets the process work until it has said `lines` lines, and kills it; what it has said that was committed.
fn kill_after(folder: &Path, from: i64, lines: usize) -> i64 {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "works_until_it_is_killed", "--nocapture"])
        .env(FOLDER, folder)
        .env(FROM, from.to_string())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    let told: Vec<String> =
        said.by_ref().filter(|line| line == "step" || line.starts_with("committed ")).take(lines).collect();
    child.kill().unwrap();
    // What it said before it died was committed too.
    let rest: Vec<String> = said.collect();
    child.wait().unwrap();
    let committed =
        told.iter().chain(&rest).filter_map(|line| line.strip_prefix("committed ")?.parse::<i64>().ok());
    committed.max().map_or(from, |last| last + 1)
}

/// Each reading of the first `count` batches that has to be there is there, once.
async fn check(folder: &Path, count: i64) -> usize {
    let store = Store::open(folder, Options::default()).await.unwrap();
    let kept_from = time_of(count + 1).plus_ms(-KEEP_MS);
    let wanted: Vec<StoredReading> =
        (0..count).flat_map(batch).filter(|one| one.filed_at >= kept_from).collect();
    let moments: Vec<_> = wanted.iter().map(|one| (one.detector, one.group, one.filed_at)).collect();
    let mut stored = store.readings_at(&moments).await.unwrap();
    stored.sort_by_key(|one| (one.detector, one.filed_at));
    let mut wanted = wanted;
    wanted.sort_by_key(|one| (one.detector, one.filed_at));
    assert_eq!(stored.len(), wanted.len(), "of {count} batches");
    assert!(stored == wanted, "a reading is not what it was");
    check_roll_ups(&store, count).await;
    assert_eq!(store.history_damage(), []);
    store.close().await;
    wanted.len()
}

/// The roll-ups say of all times what was committed, also where the readings were let go. A batch more may have been
/// committed than was said.
async fn check_roll_ups(store: &Store, count: i64) {
    let everything = Scope::platform();
    let of = |detector: i64, count: i64| {
        let all = (0..count).flat_map(batch).filter(move |one| one.detector.0 == detector);
        let first = |one: &StoredReading| one.samples.first().map_or(0, |sample| sample.raw);
        all.fold((0, 0), |(number, sum), one| (number + 1, sum + first(&one)))
    };
    for detector in DETECTORS {
        let channels = store.detectors().channels(&everything, DetectorId(detector)).await.unwrap();
        let channel = channels.iter().find(|channel| channel.point == Some(PointIndex(0))).unwrap();
        let ask = CurveAsk {
            channels: vec![channel.id],
            from: BEGIN.plus_ms(-30 * DAY),
            to: time_of(count + 4),
            points: 5,
            gap_after_ms: DAY,
            now: UnixMs(i64::MAX),
        };
        let curve = store.curve(&everything, &ask).await.unwrap();
        let scale = 10f64.powi(i32::from(channel.decimals.0));
        let points: Vec<_> = curve.series.iter().flat_map(|series| &series.points).collect();
        let number: i64 = points.iter().map(|point| point.count).sum();
        let sum: f64 = points.iter().map(|point| point.mean * scale * point.count as f64).sum();
        let is_all = |(wanted, of_all): (i64, i64)| number == wanted && (sum - of_all as f64).abs() < 0.5;
        assert!(
            is_all(of(detector, count)) || is_all(of(detector, count + 1)),
            "{number} values with a sum of {sum} of {count} batches"
        );
    }
}

#[test]
fn kill_9_while_sealing_merging_and_letting_go_loses_nothing_and_doubles_nothing() {
    let number = |name, usual| std::env::var(name).map_or(usual, |text| text.parse::<u64>().unwrap());
    let (rounds, mut seed) = (number(ROUNDS, 5), number(SEED, 20_261_125));
    println!("{SEED}={seed} {ROUNDS}={rounds}");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let folder = tempfile::tempdir().unwrap();
    // Enough that months are sealed and let go before the first kill.
    let mut next = kill_after(folder.path(), 0, 13 * 150);
    let mut held = 0;
    for _ in 0..rounds {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let lines = 1 + usize::try_from((seed >> 33) % 150).unwrap();
        next = kill_after(folder.path(), next, lines);
        held = runtime.block_on(check(folder.path(), next));
    }
    let months = std::fs::read_dir(folder.path().join("history")).unwrap();
    let months = months
        .filter(|entry| entry.as_ref().unwrap().file_name().to_str().unwrap().len() == "2026-11.db".len());
    let months = i64::try_from(months.count()).unwrap();
    println!(
        "{rounds} kills over {next} batches; {held} readings held against what was said; {months} months left"
    );
    assert!(next * BATCH_MS / (28 * DAY) > months, "months were let go");
}
