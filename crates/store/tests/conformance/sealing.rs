//! Sealed or not makes no difference to whoever reads: any readings, in any order, with steps of sealing between them.

use std::collections::BTreeMap;

use domain::hazard::{Hazard, Severity};
use domain::id::DetectorId;
use domain::reading::{Filing, PointIndex, Quality, Reported, Sample};
use domain::time::UnixMs;
use proptest::prelude::*;
use store::history::{CurveAsk, History, SealProgress, SealRules};
use store::intake::StoredReading;
use store::readings::Fault;
use store::{Options, Store};

use crate::world::{Backend, DAY, HOUR, MINUTE, NOW, World, reading, readings};

/// A whole round, as of `now`, with no time left for late readings.
pub(crate) async fn seal(store: &Store, now: UnixMs) -> SealProgress {
    let rules = SealRules { settle_ms: 0, ..SealRules::default() };
    let mut all = SealProgress::default();
    loop {
        let step = store.seal(&rules, now).await.unwrap();
        all.chunks += step.chunks;
        all.readings += step.readings;
        all.bytes += step.bytes;
        all.swept += step.swept;
        if !step.more {
            return all;
        }
    }
}

/// Everything of a detector, by small pages.
async fn everything(world: &World, detector: DetectorId) -> Vec<StoredReading> {
    let mut all: Vec<StoredReading> = Vec::new();
    loop {
        let after = all.last().map(|last| (last.group, last.filed_at));
        let page = world.store.readings().of_detector(&world.everything, detector, after, 40).await.unwrap();
        if page.is_empty() {
            return all;
        }
        all.extend(page);
    }
}

fn any_reading(detector: DetectorId) -> impl Strategy<Value = StoredReading> {
    let quality = prop_oneof![
        8 => Just(Quality::Good),
        1 => Just(Quality::SensorOpen),
        1 => Just(Quality::SensorShort),
        1 => Just(Quality::Implausible),
        1 => Just(Quality::DeviceFault),
    ];
    let raw = prop_oneof![8 => -5000i64..5000, 1 => any::<i64>()];
    let sample = (0u16..6, raw, quality).prop_map(|(point, raw, quality)| Sample {
        point: PointIndex(point),
        raw,
        quality,
    });
    let severity = prop::option::of(prop_oneof![Just(Severity::Fault), Just(Severity::Alarm)]);
    let reported = (prop::option::of((0u16..4).prop_map(PointIndex)), 0..Hazard::ALL.len(), severity)
        .prop_map(|(point, hazard, severity)| Reported { point, hazard: Hazard::ALL[hazard], severity });
    let filing = prop_oneof![Just(Filing::Current), Just(Filing::Late), Just(Filing::ClockWrong)];
    let clock = prop_oneof![6 => Just(Some(0i64)), 1 => Just(None), 1 => (-9_999i64..9_999).prop_map(Some)];
    let content = (
        prop::collection::vec(sample, 0..8),
        prop::collection::vec(reported, 0..3),
        prop::bool::weighted(0.8),
    );
    (0u8..3, 0i64..5 * 24 * 60, clock, 0i64..5_000, filing, content).prop_map(
        move |(group, minute, clock, after, filing, (mut samples, reported, is_usual))| {
            // The usual reading has each point once, in order.
            if is_usual {
                samples.sort_by_key(|sample| sample.point);
                samples.dedup_by_key(|sample| sample.point);
            }
            let filed_at = NOW.plus_ms(minute * MINUTE);
            StoredReading {
                detector,
                group,
                filed_at,
                device_at: clock.map(|off| filed_at.plus_ms(off)),
                received_at: filed_at.plus_ms(after),
                filing,
                samples,
                reported,
            }
        },
    )
}

/// Every value that is not good lies in a fault, no fault holds a moment at which all was good, and faults follow one
/// another.
fn check_faults(point: PointIndex, faults: &[Fault], inside: &[StoredReading]) {
    assert!(faults.windows(2).all(|two| two[0].to <= two[1].from), "{faults:?}");
    for reading in inside {
        let at = reading.filed_at;
        for sample in reading.samples.iter().filter(|sample| sample.point == point) {
            if sample.quality == Quality::Good {
                let of_moment = inside.iter().filter(|other| other.filed_at == at);
                let bad = of_moment.flat_map(|other| &other.samples);
                if bad.filter(|s| s.point == point).all(|s| s.quality == Quality::Good) {
                    assert!(!faults.iter().any(|one| one.from <= at && at < one.to), "{at:?} {faults:?}");
                }
            } else {
                assert!(faults.iter().any(|one| one.from <= at && at <= one.to), "{at:?} {faults:?}");
            }
        }
    }
}

async fn play(parts: Vec<(Vec<StoredReading>, i64, usize, bool)>, ranges: Vec<(i64, i64)>) {
    for backend in Backend::ALL {
        let mut sealing = World::new(backend).await;
        let plain = World::new(backend).await;
        let detector = plain.east.detector;
        assert_eq!(detector, DetectorId(1), "the one that the readings are of");
        for (part, day, steps, reopen) in parts.clone() {
            let receipt = plain.store.commit(&readings(part.clone())).await.unwrap();
            assert_eq!(
                sealing.store.commit(&readings(part)).await.unwrap(),
                receipt,
                "what was there already"
            );
            let rules = SealRules { settle_ms: 0, chunks: 2, slice_rows: 5 };
            for _ in 0..steps {
                sealing.store.seal(&rules, NOW.plus_ms(day * DAY)).await.unwrap();
            }
            if reopen {
                sealing.reopen(Options::default()).await;
            }
            let wanted = everything(&plain, detector).await;
            assert_eq!(everything(&sealing, detector).await, wanted);
            let moments: Vec<_> = wanted.iter().map(|one| (detector, one.group, one.filed_at)).collect();
            let by_moment = |found: Vec<StoredReading>| -> BTreeMap<_, _> {
                found.into_iter().map(|one| ((one.group, one.filed_at), one)).collect()
            };
            assert_eq!(
                by_moment(sealing.store.readings_at(&moments).await.unwrap()),
                by_moment(plain.store.readings_at(&moments).await.unwrap())
            );
            let since = |world: &World, at, most| {
                let (store, scope) = (world.store.clone(), world.everything.clone());
                async move { store.readings().since(&scope, detector, at, most, None).await.unwrap() }
            };
            for (minute, length) in &ranges {
                let from = NOW.plus_ms(minute * MINUTE);
                for most in [5, 10_000] {
                    assert_eq!(since(&sealing, from, most).await, since(&plain, from, most).await);
                }
                let ask = CurveAsk {
                    channels: plain.east.channels[1..5].to_vec(),
                    from,
                    to: from.plus_ms(length * MINUTE),
                    points: 500,
                    gap_after_ms: HOUR,
                    now: NOW.plus_ms(9 * DAY),
                };
                let within = async |world: &World| {
                    let (store, scope) = (&world.store, &world.everything);
                    store.readings().within(scope, detector, from, ask.to).await.unwrap()
                };
                let inside: Vec<StoredReading> = within(&plain).await;
                assert_eq!(within(&sealing).await, inside);
                assert!(inside.is_sorted_by_key(|one| one.filed_at));
                let expected = wanted.iter().filter(|one| (from..ask.to).contains(&one.filed_at)).count();
                assert_eq!(inside.len(), expected);
                let points: Vec<PointIndex> = (0..6).map(PointIndex).collect();
                for world in [&sealing, &plain] {
                    let (store, scope) = (&world.store, &world.everything);
                    let found =
                        store.readings().faults(scope, detector, &points, from, ask.to).await.unwrap();
                    for (point, faults) in points.iter().zip(found) {
                        check_faults(*point, &faults, &inside);
                    }
                }
                let drawn = sealing.store.curve(&sealing.everything, &ask).await.unwrap();
                assert_eq!(drawn, plain.store.curve(&plain.everything, &ask).await.unwrap());
            }
            let (had, wanted) =
                (sealing.store.restart().await.unwrap(), plain.store.restart().await.unwrap());
            assert_eq!(had.latest, wanted.latest);
        }
        assert_eq!(sealing.store.history_damage(), []);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 10, ..ProptestConfig::default() })]

    #[test]
    fn sealed_or_not_reads_the_same(
        parts in prop::collection::vec(
            (prop::collection::vec(any_reading(DetectorId(1)), 1..60), 0i64..7, 0usize..40, prop::bool::weighted(0.2)),
            1..6,
        ),
        ranges in prop::collection::vec((-60i64..5 * 24 * 60, 1i64..2 * 24 * 60), 1..3),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(play(parts, ranges));
    }
}

async fn a_week(world: &World) {
    let all: Vec<StoredReading> =
        (0..7 * 24 * 6).map(|n| reading(world.east.detector, NOW.plus_ms(n * 10 * MINUTE), n)).collect();
    world.store.commit(&readings(all)).await.unwrap();
}

#[tokio::test]
async fn a_sealed_day_is_sealed_once_and_leaves_the_tail() {
    for backend in Backend::ALL {
        let world = World::new(backend).await;
        a_week(&world).await;
        // NOW lies within a day: of seven days' readings the last part is of an eighth that has not ended.
        let first = seal(&world.store, NOW.plus_ms(7 * DAY)).await;
        assert_eq!(first.chunks, 7);
        assert_eq!(first.swept, first.readings);
        let again = seal(&world.store, NOW.plus_ms(7 * DAY)).await;
        assert_eq!(again, SealProgress::default());
        assert_eq!(everything(&world, world.east.detector).await.len(), 7 * 24 * 6);
        // What comes late is merged into the one chunk of its day, and is not taken in a second time.
        let late = StoredReading {
            filing: Filing::Late,
            ..reading(world.east.detector, NOW.plus_ms(2 * DAY + 5 * MINUTE), 1)
        };
        for repeated in [vec![], vec![0]] {
            let receipt = world.store.commit(&readings(vec![late.clone()])).await.unwrap();
            assert_eq!(receipt.repeated, repeated);
            let merged = seal(&world.store, NOW.plus_ms(7 * DAY)).await;
            assert_eq!(merged.chunks, u64::from(repeated.is_empty()));
        }
        assert_eq!(everything(&world, world.east.detector).await.len(), 7 * 24 * 6 + 1);
    }
}

#[tokio::test]
async fn a_silent_detector_is_not_sealed_again_and_again() {
    for backend in Backend::ALL {
        let mut world = World::new(backend).await;
        let last = reading(world.west.detector, NOW, 3);
        world.store.commit(&readings(vec![last.clone()])).await.unwrap();
        assert_eq!(seal(&world.store, NOW.plus_ms(3 * DAY)).await.chunks, 1);
        world.reopen(Options::default()).await;
        assert_eq!(seal(&world.store, NOW.plus_ms(3 * DAY)).await, SealProgress::default());
        assert_eq!(everything(&world, world.west.detector).await, [last]);
    }
}

/// The only chunk file of a world.
fn file_of(world: &World) -> std::path::PathBuf {
    let files = std::fs::read_dir(world.folder.path().join("history")).unwrap();
    let files = files.map(|entry| entry.unwrap().path());
    files.filter(|path| path.extension().is_some_and(|end| end == "db")).min().unwrap()
}

#[tokio::test]
async fn a_flipped_byte_is_told_and_the_rest_is_served() {
    for backend in Backend::ALL {
        let mut world = World::new(backend).await;
        a_week(&world).await;
        seal(&world.store, NOW.plus_ms(7 * DAY)).await;
        let whole = everything(&world, world.east.detector).await;
        world.store.close().await;
        let mut bytes = std::fs::read(file_of(&world)).unwrap();
        // The head of a chunk: version, one group, its number, 144 rows.
        let head = [1, 1, 0, 144, 1];
        let found: Vec<usize> = (0..bytes.len() - 100).filter(|at| bytes[*at..].starts_with(&head)).collect();
        // A page that is free may still hold what it held: whatever looks like the first whole day's head is hit.
        let day = bytes[found[0]..found[0] + 100].to_vec();
        for at in found {
            if bytes[at..].starts_with(&day) {
                bytes[at + 60] ^= 0x10;
            }
        }
        std::fs::write(file_of(&world), bytes).unwrap();
        world.store = backend.open(world.folder.path(), Options::default()).await;

        let left = everything(&world, world.east.detector).await;
        assert_eq!(left.len(), whole.len() - 144);
        assert!(left.iter().all(|one| whole.contains(one)));
        let damage = world.store.history_damage();
        assert_eq!(damage.len(), 1);
        assert!(damage[0].what.starts_with("checksum "), "{damage:?}");
        // Late data for the damaged day wait in the tail; nothing is written over what may still be rescued.
        let day = damage[0].chunk.unwrap().1;
        let late = reading(world.east.detector, UnixMs(day * DAY + 7), 9);
        world.store.commit(&readings(vec![late.clone()])).await.unwrap();
        assert_eq!(seal(&world.store, NOW.plus_ms(7 * DAY)).await.chunks, 0);
        assert!(everything(&world, world.east.detector).await.contains(&late));
    }
}

#[tokio::test]
async fn a_cut_file_is_told_and_the_rest_is_served() {
    for backend in Backend::ALL {
        let mut world = World::new(backend).await;
        a_week(&world).await;
        let next_month = NOW.plus_ms(40 * DAY);
        world.store.commit(&readings(vec![reading(world.east.detector, next_month, 1)])).await.unwrap();
        seal(&world.store, NOW.plus_ms(50 * DAY)).await;
        world.store.close().await;
        std::fs::write(file_of(&world), b"this was a database").unwrap();
        world.store = backend.open(world.folder.path(), Options::default()).await;
        let left = everything(&world, world.east.detector).await;
        assert!(left.iter().any(|one| one.filed_at == next_month));
        assert_eq!(world.store.history_damage().len(), 1);
        assert_eq!(world.store.history_damage()[0].chunk, None);
    }
}

#[tokio::test]
async fn an_older_database_beside_newer_history_loses_nothing() {
    for backend in Backend::ALL {
        let mut world = World::new(backend).await;
        world.store.close().await;
        let old = std::fs::read(world.folder.path().join("emberwatch.db")).unwrap();
        world.store = backend.open(world.folder.path(), Options::default()).await;
        a_week(&world).await;
        seal(&world.store, NOW.plus_ms(9 * DAY)).await;
        world.store.close().await;
        std::fs::write(world.folder.path().join("emberwatch.db"), old).unwrap();
        world.store = backend.open(world.folder.path(), Options::default()).await;
        // The numbers of these are not those of rows that a chunk holds.
        let again: Vec<_> = (0..50)
            .map(|n| reading(world.east.detector, NOW.plus_ms(3 * DAY + n * 10 * MINUTE + MINUTE), n))
            .collect();
        world.store.commit(&readings(again.clone())).await.unwrap();
        seal(&world.store, NOW.plus_ms(9 * DAY)).await;
        let stored = everything(&world, world.east.detector).await;
        assert!(again.iter().all(|one| stored.contains(one)));
        assert_eq!(stored.len(), 7 * 24 * 6 + 50);
    }
}
