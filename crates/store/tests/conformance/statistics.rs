//! Roll-ups and statistics: the same figures whether days are in the tail, sealed, put together, damaged or let go.

use domain::id::ChannelId;
use domain::in_force::{InForce, LevelInForce, PointLevels};
use domain::reading::{Filing, PointIndex};
use domain::time::UnixMs;
use store::StoreError;
use store::history::{History, Retention, Statistics, StatisticsAsk, StatisticsOf};
use store::intake::StoredReading;

use crate::sealing::seal;
use crate::world::{Backend, DAY, HOUR, MINUTE, World, reading, readings};

/// 2026-09-01 00:00 UTC.
const BEGIN: UnixMs = UnixMs(1_788_220_800_000);
const DAYS: i64 = 40;

fn limit(raw: i64) -> InForce {
    let level = LevelInForce { low: false, raw: Some(raw), night: None };
    let points = vec![PointLevels { point: PointIndex(0), levels: vec![level] }];
    InForce { silent_after_ms: 30 * MINUTE, utc_offset_min: 480, points }
}

/// Forty days of a reading each ten minutes: 0 to 143 on each day.
async fn forty_days(world: &World) {
    // The limit of 100 was there from the beginning, that of 130 from the twentieth day on.
    for (day, raw) in [(0, 100), (20, 130)] {
        let in_force = [(world.east.detector, limit(raw))];
        let changed = world.store.record_limits(BEGIN.plus_ms(day * DAY), &in_force).await;
        assert_eq!(changed.unwrap(), 1);
    }
    let again =
        world.store.record_limits(BEGIN.plus_ms(21 * DAY), &[(world.east.detector, limit(130))]).await;
    assert_eq!(again.unwrap(), 0, "nothing has changed");
    let all: Vec<StoredReading> = (0..DAYS * 144)
        .map(|n| reading(world.east.detector, BEGIN.plus_ms(n * 10 * MINUTE), n % 144))
        .collect();
    for some in all.chunks(1000) {
        world.store.commit(&readings(some.to_vec())).await.unwrap();
    }
}

async fn by_day(world: &World, channel: ChannelId) -> Statistics {
    let edges = (0..=DAYS).map(|day| BEGIN.plus_ms(day * DAY)).collect();
    let ask = StatisticsAsk { of: StatisticsOf::Channel(channel), edges, now: UnixMs(i64::MAX) };
    world.store.statistics(&world.everything, &ask).await.unwrap()
}

async fn scale(world: &World) -> f64 {
    let channels = world.store.detectors().channels(&world.everything, world.east.detector).await.unwrap();
    10f64.powi(i32::from(channels[1].decimals.0))
}

#[tokio::test]
async fn a_day_says_the_same_wherever_it_is_kept() {
    for backend in Backend::ALL {
        let mut world = World::new(backend).await;
        forty_days(&world).await;
        let channel = world.east.channels[1];
        let in_tail = by_day(&world, channel).await;
        let scale = scale(&world).await;
        for (day, period) in in_tail.periods.iter().enumerate() {
            let values = period.values.unwrap();
            assert_eq!((period.count, values.min, values.max), (144, 0.0, 143.0 / scale));
            assert!((values.mean - 71.5 / scale).abs() < 1e-9);
            assert_eq!(period.measured_h, 24.0);
            let over = if day < 20 { 44.0 } else { 14.0 };
            assert!((period.over_limit_h - over / 6.0).abs() < 1e-9, "{day}: {}", period.over_limit_h);
        }
        // Some days sealed, then a month put together.
        for days in [3, 12, DAYS + 1] {
            seal(&world.store, BEGIN.plus_ms(days * DAY)).await;
            assert_eq!(by_day(&world, channel).await, in_tail, "{days}");
        }
        let history = world.folder.path().join("history");
        let is_there = |name: &str| history.join(name).exists();
        assert!(is_there("2026-09.quarters.db") && is_there("2026.days.db") && !is_there("2026-09.open.db"));
        // Late for a month that is put together: its day counts it once.
        let late = StoredReading {
            filing: Filing::Late,
            ..reading(world.east.detector, BEGIN.plus_ms(4 * DAY + 5 * MINUTE), 143)
        };
        world.store.commit(&readings(vec![late])).await.unwrap();
        let with_late = by_day(&world, channel).await;
        assert_eq!(with_late.periods[4].count, 145);
        seal(&world.store, BEGIN.plus_ms((DAYS + 1) * DAY)).await;
        assert!(!is_there("2026-09.open.db"));
        let merged = by_day(&world, channel).await;
        assert_eq!(merged.periods[4].count, 145);
        let over = merged.periods[4].over_limit_h;
        assert!((over - (44.0 + 0.5) / 6.0).abs() < 1e-9, "until the next value: {over}");
        assert_eq!(merged.periods[5..], in_tail.periods[5..]);
        world.reopen(store::Options::default()).await;
        assert_eq!(by_day(&world, channel).await, merged);

        // The readings go; the roll-ups stay, and take in what comes late all the same.
        let policy = Retention { readings_ms: Some(HOUR), ..Retention::default() };
        while world.store.retain(&policy, BEGIN.plus_ms((DAYS + 30) * DAY)).await.unwrap().more {}
        assert!(!is_there("2026-09.db"));
        assert_eq!(by_day(&world, channel).await, merged);
        let later = StoredReading {
            filing: Filing::Late,
            ..reading(world.east.detector, BEGIN.plus_ms(6 * DAY + 5 * MINUTE), 1000)
        };
        world.store.commit(&readings(vec![later])).await.unwrap();
        for more in 0..3 {
            seal(&world.store, BEGIN.plus_ms((DAYS + 30) * DAY)).await;
            let now = by_day(&world, channel).await;
            let max = now.periods[6].values.unwrap().max;
            assert_eq!((now.periods[6].count, max), (145 + more, 1000.0 / scale));
            assert_eq!(now.periods[7..], in_tail.periods[7..]);
            let at = BEGIN.plus_ms(6 * DAY + (15 + 10 * more) * MINUTE);
            world.store.commit(&readings(vec![reading(world.east.detector, at, 5)])).await.unwrap();
        }
        assert_eq!(world.store.history_damage(), []);
    }
}

#[tokio::test]
async fn a_damaged_roll_up_is_told_and_its_days_come_from_the_readings() {
    for backend in Backend::ALL {
        let mut world = World::new(backend).await;
        forty_days(&world).await;
        seal(&world.store, BEGIN.plus_ms((DAYS + 1) * DAY)).await;
        let channel = world.east.channels[1];
        let whole = by_day(&world, channel).await;
        world.store.close().await;
        for name in ["2026.days.db", "2026-09.quarters.db"] {
            let file = world.folder.path().join("history").join(name);
            let mut bytes = std::fs::read(&file).unwrap();
            // Behind the head of a row: version, width, days, points.
            let width: &[u8] = if name.contains("days") { &[1, 0x80, 0xa3, 5] } else { &[1, 0x84, 7, 30] };
            for at in 0..bytes.len() - 90 {
                if bytes[at..].starts_with(width) {
                    bytes[at + 40] ^= 0x10;
                }
            }
            std::fs::write(&file, bytes).unwrap();
        }
        world.store = backend.open(world.folder.path(), store::Options::default()).await;
        let first = by_day(&world, channel).await;
        let second = by_day(&world, channel).await;
        assert!(!world.store.history_damage().is_empty());
        assert!(first == whole && second == whole);
        // Late data of such a month wait in the file of single days: nothing is written over what may be rescued.
        let late = reading(world.east.detector, BEGIN.plus_ms(4 * DAY + 5 * MINUTE), 143);
        world.store.commit(&readings(vec![late])).await.unwrap();
        seal(&world.store, BEGIN.plus_ms((DAYS + 1) * DAY)).await;
        assert_eq!(by_day(&world, channel).await.periods[4].count, 145);
    }
}

#[tokio::test]
async fn a_site_and_an_area_draw_their_channels_together_within_the_scope() {
    for backend in Backend::ALL {
        let world = World::new(backend).await;
        let channels =
            world.store.detectors().channels(&world.everything, world.east.detector).await.unwrap();
        let quantity = channels[1].quantity;
        let scale = 10f64.powi(i32::from(channels[1].decimals.0));
        for company in [&world.east, &world.west] {
            let all = (0..6).map(|n| reading(company.detector, BEGIN.plus_ms(n * 10 * MINUTE), 7)).collect();
            world.store.commit(&readings(all)).await.unwrap();
        }
        let edges = vec![BEGIN, BEGIN.plus_ms(HOUR), BEGIN.plus_ms(2 * HOUR)];
        let ask = |of| StatisticsAsk { of, edges: edges.clone(), now: UnixMs(i64::MAX) };
        let site = ask(StatisticsOf::Site(world.east.site, quantity));
        let of_site = world.store.statistics(&world.east.scope, &site).await.unwrap();
        let same = channels.iter().filter(|channel| channel.quantity == quantity).count();
        assert_eq!(of_site.channels, same);
        assert_eq!(of_site.periods[0].values.unwrap().max, 7.0 / scale);
        assert_eq!(of_site.periods[1].values, None);
        let refused = world.store.statistics(&world.west.scope, &site).await;
        assert!(matches!(refused, Err(StoreError::NotFound { .. })));
        let of_channel = ask(StatisticsOf::Channel(world.east.channels[1]));
        let refused = world.store.statistics(&world.west.scope, &of_channel).await;
        assert!(matches!(refused, Err(StoreError::NotFound { .. })));
        // 4302 holds both districts.
        let area = ask(StatisticsOf::Area(crate::world::area("430200"), quantity));
        let all = world.store.statistics(&world.everything, &area).await.unwrap();
        let some = world.store.statistics(&world.east.scope, &area).await.unwrap();
        assert_eq!(all.periods[0].count, 2 * some.periods[0].count);
        assert_eq!(world.store.statistics(&world.nothing, &area).await.unwrap().channels, 0);
        let odd = StatisticsAsk { edges: vec![BEGIN, BEGIN.plus_ms(MINUTE)], ..area };
        assert!(matches!(
            world.store.statistics(&world.everything, &odd).await,
            Err(StoreError::Invalid { field: "edges", .. })
        ));
    }
}
