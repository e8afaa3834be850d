//! At most one open alarm per channel and hazard (invariant 3), whatever devices and people do at the same time.

use std::collections::BTreeSet;

use domain::access::Scope;
use domain::alarm::AlarmState;
use domain::reading::{PointIndex, Quality, Sample};

use crate::world::{World, at_s, operator};

/// A small generator; the seed is printed by the assertion that fails.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % sides
    }

    fn number(&mut self, below: u64) -> i64 {
        i64::try_from(self.roll(below)).unwrap_or(0)
    }
}

async fn storm(seed: u64) {
    let mut world = World::new().await;
    let mut dice = Dice(seed | 1);
    let all = Scope::platform();
    let mut now = 0;
    for round in 0..120 {
        now += dice.number(20);
        world.clock.set(at_s(now));
        let mut told = Vec::new();
        for _ in 0..dice.roll(4) {
            // Measured now, a little ago, long ago, or again.
            let measured = now
                - [0, 0, 1, 7, 3000].get(usize::try_from(dice.roll(5)).unwrap_or(0)).copied().unwrap_or(0);
            let quality = if dice.roll(8) == 0 { Quality::SensorOpen } else { Quality::Good };
            let samples = vec![
                Sample { point: PointIndex(0), raw: dice.number(600), quality },
                Sample { point: PointIndex(1), raw: 200 + dice.number(900), quality: Quality::Good },
            ];
            let mut reading = world.reading(measured, samples);
            reading.received_at = at_s(now);
            told.push(world.send(reading).await);
        }
        let ids: Vec<_> = world.alarms().await.into_iter().map(|alarm| alarm.id).collect();
        let pick = usize::try_from(dice.roll(ids.len().max(1) as u64)).unwrap_or(0);
        if let Some(one) = ids.get(pick).copied() {
            let actor = operator(dice.number(3));
            let desk = world.engine.alarms();
            // People act while the readings are on their way; a refusal is an answer like any other.
            let (a, b, c) = tokio::join!(
                desk.acknowledge(&all, &actor, one, None),
                desk.undo_acknowledge(&all, &actor, one),
                desk.reset(&all, &actor, one, None, false),
            );
            for refused in [a.err(), b.err(), c.err()].into_iter().flatten() {
                assert!(matches!(refused, engine::EngineError::Refused(_)), "seed {seed}: {refused}");
            }
        }
        for one in told {
            assert_eq!(one.await, Ok(bus::Outcome::Committed), "seed {seed}");
        }
        if round % 40 == 39 {
            world = world.restart(at_s(now)).await;
        }
    }
    let alarms = world.alarms().await;
    let open: Vec<_> = alarms
        .iter()
        .filter(|alarm| alarm.state != AlarmState::Closed)
        .map(|alarm| (alarm.channel_id, alarm.hazard))
        .collect();
    let distinct: BTreeSet<_> = open.iter().copied().collect();
    assert_eq!(open.len(), distinct.len(), "seed {seed}");
    // What is present on record is what the rules hold to be present, no more and no less.
    let known = world.engine.memory().detector(world.detector).expect("it is known");
    let present: BTreeSet<_> = alarms
        .iter()
        .filter(|alarm| alarm.state.is_present())
        .map(|alarm| (alarm.channel_id, alarm.hazard, alarm.severity))
        .collect();
    let judged: BTreeSet<_> = known.state.open().map(|c| (c.channel, c.hazard, c.severity)).collect();
    assert_eq!(present, judged, "seed {seed}");
    assert!(world.engine.store().audit().verify(&all).await.expect("the log").first_broken.is_none());
    assert!(!alarms.is_empty(), "seed {seed} raised nothing");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_open_alarm_per_channel_and_hazard() {
    for seed in [1, 20_261_124, 0x9e37_79b9_7f4a_7c15] {
        storm(seed).await;
    }
}
