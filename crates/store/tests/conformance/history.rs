//! Curves and roll-ups: extremes always survive, every reading counts once, wherever the work was cut.

use domain::id::{ChannelId, DetectorId};
use domain::reading::{Filing, PointIndex, Quality, Sample};
use domain::time::UnixMs;
use proptest::prelude::*;
use store::history::{Curve, CurveAsk, CurveSource, History, Retention, SealRules};
use store::intake::StoredReading;
use store::{Options, StoreError};

use crate::sealing::seal;
use crate::world::{Backend, DAY, HOUR, MINUTE, NOW, World, reading, readings};

fn ask(channel: ChannelId, from: UnixMs, to: UnixMs, points: u32) -> CurveAsk {
    CurveAsk { channels: vec![channel], from, to, points, gap_after_ms: 5 * MINUTE, now: UnixMs(i64::MAX) }
}

/// What the curve must say, counted from the readings one by one.
fn check(curve: &Curve, stored: &[(i64, i64)], scale: f64) {
    let inside: Vec<(i64, i64)> =
        stored.iter().copied().filter(|(at, _)| (curve.from.0..curve.to.0).contains(at)).collect();
    let points = &curve.series[0].points;
    let count: i64 = points.iter().map(|point| point.count).sum();
    assert_eq!(count, i64::try_from(inside.len()).unwrap(), "every reading once, by {:?}", curve.source);
    if inside.is_empty() {
        return;
    }
    let value = |raw: i64| raw as f64 / scale;
    let min = inside.iter().map(|(_, raw)| *raw).min().unwrap();
    let max = inside.iter().map(|(_, raw)| *raw).max().unwrap();
    let sum: i64 = inside.iter().map(|(_, raw)| raw).sum();
    let last = inside.iter().max_by_key(|(at, _)| *at).unwrap().1;
    let seen_min = points.iter().map(|point| point.min).fold(f64::INFINITY, f64::min);
    let seen_max = points.iter().map(|point| point.max).fold(f64::NEG_INFINITY, f64::max);
    let seen_sum: f64 = points.iter().map(|point| point.mean * point.count as f64).sum();
    assert_eq!((seen_min, seen_max), (value(min), value(max)), "extremes survive, by {:?}", curve.source);
    assert!((seen_sum - value(sum)).abs() < 1e-6 * (1.0 + seen_sum.abs()), "{seen_sum} for {}", value(sum));
    assert_eq!(points.last().unwrap().last, value(last));
    assert!(points.is_sorted_by(|a, b| a.at < b.at));
}

#[derive(Debug, Clone)]
enum Step {
    /// Readings of the detector, minutes from the begin, in the order of arrival.
    Commit(Vec<(i64, i64)>),
    /// Steps of sealing, days from the begin that have ended.
    Seal(i64, u32),
    Reopen,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let some = prop::collection::vec((0i64..40 * 24 * 60, -5000i64..5000), 1..40);
    let step = prop_oneof![
        4 => some.prop_map(Step::Commit),
        3 => (0i64..42, 1u32..12).prop_map(|(day, steps)| Step::Seal(day, steps)),
        1 => Just(Step::Reopen),
    ];
    prop::collection::vec(step, 1..12)
}

async fn play(steps: Vec<Step>, ranges: Vec<(i64, i64, u32)>) {
    for backend in Backend::ALL {
        let mut world = World::new(backend).await;
        let detector = world.east.detector;
        let channel = world.east.channels[1];
        let row = world.store.detectors().channels(&world.everything, detector).await.unwrap()[1].clone();
        let scale = 10f64.powi(i32::from(row.decimals.0));
        let mut stored: Vec<(i64, i64)> = Vec::new();
        let begin = 1_789_000_000_123;
        for step in steps.clone() {
            match step {
                Step::Commit(list) => {
                    let mut batch = Vec::new();
                    for (minute, raw) in list {
                        let at = begin + minute * MINUTE;
                        let newest = stored.iter().map(|(at, _)| *at).max();
                        let filing = if newest.is_none_or(|newest| at > newest) {
                            Filing::Current
                        } else {
                            Filing::Late
                        };
                        batch.push(StoredReading { filing, ..reading(detector, UnixMs(at), raw) });
                        // The same again counts once; another value of that moment is filed at the next free one.
                        let free = (at..).find(|at| stored.iter().all(|(had, _)| had != at)).unwrap();
                        if (at..free).all(|at| !stored.contains(&(at, raw))) {
                            stored.push((free, raw));
                        }
                    }
                    world.store.commit(&readings(batch)).await.unwrap();
                }
                Step::Seal(day, steps) => {
                    let rules = SealRules { settle_ms: 0, chunks: 3, slice_rows: 20 };
                    for _ in 0..steps {
                        world.store.seal(&rules, UnixMs(begin + day * DAY)).await.unwrap();
                    }
                }
                Step::Reopen => world.reopen(Options::default()).await,
            }
            for (from, length, points) in &ranges {
                let from = UnixMs(begin + from * MINUTE);
                let ask = ask(channel, from, from.plus_ms(length * MINUTE), *points);
                check(&world.store.curve(&world.everything, &ask).await.unwrap(), &stored, scale);
            }
        }
        let whole = ask(channel, UnixMs(begin - DAY), UnixMs(begin + 41 * DAY), 20);
        let curve = world.store.curve(&world.everything, &whole).await.unwrap();
        assert_eq!(curve.source, CurveSource::RollUps(86_400));
        check(&curve, &stored, scale);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn every_curve_says_what_the_readings_say(
        steps in steps(),
        ranges in prop::collection::vec((0i64..40 * 24 * 60, 1i64..40 * 24 * 60, 1u32..800), 1..4),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(play(steps, ranges));
    }
}

#[tokio::test]
async fn readings_that_share_their_moment_count_each() {
    let twice = |raw| Step::Commit(vec![(18_614, raw), (18_614, raw)]);
    play(vec![twice(0), twice(-863), twice(0)], vec![(0, 40 * 24 * 60, 10)]).await;
}

async fn regular(world: &World, detector: DetectorId, days: i64, every_ms: i64) {
    let all: Vec<StoredReading> =
        (0..days * DAY / every_ms).map(|n| reading(detector, NOW.plus_ms(n * every_ms), n % 100)).collect();
    for part in all.chunks(1000) {
        world.store.commit(&readings(part.to_vec())).await.unwrap();
    }
}

#[tokio::test]
async fn the_range_chooses_the_source_and_the_points_hold() {
    for backend in Backend::ALL {
        let world = World::new(backend).await;
        regular(&world, world.east.detector, 10, 10 * MINUTE).await;
        for (range, points, source) in [
            (HOUR, 600, CurveSource::Readings),
            (2 * DAY, 600, CurveSource::Readings),
            (3 * DAY, 600, CurveSource::Readings),
            (3 * DAY, 200, CurveSource::RollUps(900)),
            (10 * DAY, 100, CurveSource::RollUps(3600)),
            (10 * DAY, 5, CurveSource::RollUps(86_400)),
        ] {
            let ask = ask(world.east.channels[1], NOW, NOW.plus_ms(range), points);
            let curve = world.store.curve(&world.everything, &ask).await.unwrap();
            assert_eq!(curve.source, source, "{range}");
            assert!(curve.series[0].points.len() <= usize::try_from(points).unwrap() + 2);
            assert!(curve.from <= ask.from && curve.to >= ask.to);
        }
    }
}

#[tokio::test]
async fn silence_and_bad_values_are_gaps() {
    for backend in Backend::ALL {
        let world = World::new(backend).await;
        let detector = world.east.detector;
        let mut list: Vec<StoredReading> =
            (0..60).map(|n| reading(detector, NOW.plus_ms(n * MINUTE), n)).collect();
        list.drain(20..30);
        for reading in &mut list[30..40] {
            reading.samples = vec![Sample { point: PointIndex(0), raw: 0, quality: Quality::SensorOpen }];
        }
        world.store.commit(&readings(list)).await.unwrap();
        let ask = CurveAsk {
            now: NOW.plus_ms(70 * MINUTE),
            ..ask(world.east.channels[1], NOW.plus_ms(-10 * MINUTE), NOW.plus_ms(2 * HOUR), 3000)
        };
        let curve = world.store.curve(&world.everything, &ask).await.unwrap();
        let minute = |n: i64| NOW.plus_ms(n * MINUTE);
        let gaps = &curve.series[0].gaps;
        assert_eq!(
            gaps[..],
            [
                (curve.from, minute(0)),
                (minute(19), minute(30)),
                (minute(39), minute(50)),
                (minute(59), minute(70))
            ]
        );
        assert_eq!(curve.series[0].points.len(), 40);
    }
}

#[tokio::test]
async fn retention_lets_go_of_whole_months_and_keeps_the_newest() {
    for backend in Backend::ALL {
        let world = World::new(backend).await;
        regular(&world, world.east.detector, 6, 10 * MINUTE).await;
        world.store.commit(&readings(vec![reading(world.west.detector, NOW, 5)])).await.unwrap();
        let next_month = NOW.plus_ms(40 * DAY);
        world.store.commit(&readings(vec![reading(world.east.detector, next_month, 7)])).await.unwrap();
        let policy = Retention { readings_ms: Some(DAY), ..Retention::default() };
        assert_eq!(world.store.retain(&policy, next_month).await.unwrap().months, 0, "nothing is sealed yet");
        seal(&world.store, next_month).await;
        let mut gone = 0;
        loop {
            let slice = world.store.retain(&policy, next_month).await.unwrap();
            gone += slice.months;
            if !slice.more {
                break;
            }
        }
        assert_eq!(gone, 1);
        let latest = world.store.restart().await.unwrap().latest;
        assert_eq!(latest.len(), 2, "a detector that fell silent keeps its newest reading");
        // A short range of the time that is gone comes from the roll-ups.
        let ask = ask(world.east.channels[1], NOW, NOW.plus_ms(HOUR), 600);
        let curve = world.store.curve(&world.everything, &ask).await.unwrap();
        assert_eq!(curve.source, CurveSource::RollUps(900));
        assert_eq!(curve.series[0].points.iter().map(|point| point.count).sum::<i64>(), 6);

        let policy = Retention { quarter_hours_ms: Some(DAY), ..policy };
        assert!(world.store.retain(&policy, next_month).await.unwrap().rollups > 0);
        let curve = world.store.curve(&world.everything, &ask).await.unwrap();
        assert_eq!(curve.source, CurveSource::RollUps(86_400), "the quarter hours are gone as well");
        assert_eq!(curve.series[0].points[0].max, {
            let channels =
                world.store.detectors().channels(&world.everything, world.east.detector).await.unwrap();
            // The first day is there from 14:00 UTC on.
            channels[1].decimals.value(59)
        });
    }
}

#[tokio::test]
async fn an_impossible_ask_is_refused() {
    for backend in Backend::ALL {
        let world = World::new(backend).await;
        let good = ask(world.east.channels[1], NOW, NOW.plus_ms(HOUR), 600);
        for (field, ask) in [
            ("to", CurveAsk { to: NOW, ..good.clone() }),
            ("points", CurveAsk { points: 0, ..good.clone() }),
            ("points", CurveAsk { points: 1_000_000, ..good.clone() }),
            ("channels", CurveAsk { channels: vec![], ..good.clone() }),
        ] {
            let refused = world.store.curve(&world.everything, &ask).await;
            assert!(
                matches!(refused, Err(StoreError::Invalid { field: had, .. }) if had == field),
                "{refused:?}"
            );
        }
    }
}
