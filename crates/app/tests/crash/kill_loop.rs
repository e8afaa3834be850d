//! `kill -9`, again and again, at moments that nobody chose.

use std::collections::BTreeMap;
use std::time::Instant;

use domain::alarm::AlarmState;
use domain::id::AlarmId;
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use serde_json::{Value, json};

use crate::check::{self, Life};
use crate::devices::Devices;
use crate::platform::{Place, Platform};

const KILLS: usize = 55;
const DEVICES: usize = 60;
/// Of all together; what a kill keeps them from sending is caught up afterwards, as fast as it is confirmed.
const READINGS_PER_S: f64 = 900.0;
const WINDOW: usize = 4;
/// The next kill comes after 1 to this many confirmations.
const CONFIRMATIONS: usize = 1_200;
/// Another series of kills: `EMBERWATCH_CRASH_SEED=7`.
const SEED_VARIABLE: &str = "EMBERWATCH_CRASH_SEED";
const SEED: u64 = 20_260_709;

/// What a program at the desk did and got an answer to.
#[derive(Default)]
struct Desk {
    taken: BTreeMap<i64, usize>,
    reset: BTreeMap<i64, usize>,
}

impl Desk {
    /// Takes some alarms and resets some that are gone, so that the next ones are new alarms.
    async fn work(&mut self, platform: &Platform<'_>) {
        let untaken = "/alarms?state=unacknowledged,latched_unacknowledged&limit=40";
        let ids = ids(&platform.get(untaken).await.expect("an answer"));
        if !ids.is_empty() {
            let (status, body) = platform.post("/alarms/acknowledge", &json!({ "ids": ids })).await;
            assert_eq!(status, 200, "{body}");
            for id in body.get("done").and_then(Value::as_array).into_iter().flatten() {
                *self.taken.entry(id.as_i64().unwrap()).or_default() += 1;
            }
        }
        let gone = "/alarms?state=latched_acknowledged&limit=12";
        for id in self::ids(&platform.get(gone).await.expect("an answer")) {
            let (status, body) = platform.post(&format!("/alarms/{id}/reset"), &json!({})).await;
            match status {
                200 => *self.reset.entry(id).or_default() += 1,
                // The hazard came again between the two requests.
                409 => {}
                _ => panic!("reset of alarm {id}: {status} {body}"),
            }
        }
    }

    /// What was answered is stored, as often as it was answered.
    fn check(&self, lives: &BTreeMap<AlarmId, Life>) -> Vec<String> {
        let mut faults = Vec::new();
        for (event, done) in [("acknowledged", &self.taken), ("reset", &self.reset)] {
            for (id, life) in lives {
                let stored = life.steps.iter().filter(|step| step.event == event).count();
                let answered = done.get(&id.0).copied().unwrap_or(0);
                if stored != answered {
                    faults.push(format!(
                        "alarm {id}: `{event}` is stored {stored} times, answered {answered} times"
                    ));
                }
            }
            faults.extend(
                done.keys()
                    .filter(|id| !lives.contains_key(&AlarmId(**id)))
                    .map(|id| format!("alarm {id} is lost")),
            );
        }
        for id in self.reset.keys() {
            if lives.get(&AlarmId(*id)).is_some_and(|life| life.alarm.state != AlarmState::Closed) {
                faults.push(format!("alarm {id} was reset and is open"));
            }
        }
        faults
    }
}

fn ids(page: &Value) -> Vec<i64> {
    let items = page.get("items").and_then(Value::as_array).expect("items");
    items.iter().map(|item| item.get("id").and_then(Value::as_i64).expect("an id")).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kill_9_at_any_moment_loses_nothing_confirmed_and_raises_nothing_twice() {
    let began = Instant::now();
    let seed = std::env::var(SEED_VARIABLE).ok().map_or(SEED, |seed| seed.parse().expect(SEED_VARIABLE));
    println!("{SEED_VARIABLE}={seed}");
    let mut chance = StdRng::seed_from_u64(seed);
    let place = Place::commission(DEVICES).await;
    let mut devices = Devices::dial(&place, DEVICES, READINGS_PER_S, WINDOW);
    let mut desk = Desk::default();
    let mut commits = 0;
    for _ in 0..KILLS {
        let mut platform = place.serve(&[]);
        let confirmations = chance.random_range(1..=CONFIRMATIONS);
        let before_desk = chance.random_range(1..=confirmations);
        devices.wait_for(before_desk, &mut platform).await;
        desk.work(&platform).await;
        commits += platform.counter("commits").await;
        devices.wait_for((confirmations - before_desk).max(1), &mut platform).await;
        platform.kill();
    }
    let kills_took = began.elapsed();

    let mut platform = place.serve(&[]);
    devices.wait_for(CONFIRMATIONS, &mut platform).await;
    let (report, record) = devices.hang_up().await;
    commits += platform.counter("commits").await;
    platform.stop().await;

    let store = place.store().await;
    let mut findings = check::check(&store, &record, WINDOW).await;
    let lives = check::lives(&store).await;
    findings.faults.extend(desk.check(&lives));
    store.close().await;
    println!(
        "{KILLS} kills in {:.0} s, the whole test {:.0} s; {commits} commits seen, {} uploads sent, {} confirmed, {} \
         stored; {} alarms raised {} times, returned {} times, {} taken, {} reset; {} audit entries",
        kills_took.as_secs_f64(),
        began.elapsed().as_secs_f64(),
        report.sent,
        findings.confirmed,
        findings.stored,
        findings.alarms,
        findings.raised,
        findings.returned,
        desk.taken.values().sum::<usize>(),
        desk.reset.values().sum::<usize>(),
        findings.audit_entries,
    );
    findings.assert_sound();
    // Else the run has shown nothing.
    assert!(findings.returned > DEVICES, "alarms came and went");
    assert!(!desk.taken.is_empty() && !desk.reset.is_empty(), "people acted");
    assert!(findings.alarms > DEVICES, "there were new alarms after the first ones were over");
}
