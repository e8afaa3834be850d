//! `kill -9` between the outbox, the notice, the delivery and the provider's answer, at moments that nobody chose: every
//! alarm's notice is delivered, and nothing that a provider's acceptance is kept of is sent again.

use std::collections::BTreeMap;
use std::time::Instant;

use api::access::secret::fingerprint;
use domain::access::Scope;
use domain::hazard::Hazard;
use domain::id::{DeliveryId, DigestId};
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use serde_json::Value;
use store::telling::DigestState;
use store::telling::record::AttemptRow;

use crate::check::lives;
use crate::devices::Devices;
use crate::platform::{Place, Platform, until};
use crate::receivers::{Manner, Receiver, medium, person};

const KILLS: usize = 8;
/// At most so many, until at least one has hit a message under way.
const MOST_KILLS: usize = 24;
/// Devices that dial in between two kills, each to raise one alarm.
const DEVICES: usize = 12;
/// Of all together: its alarm comes after not quite two seconds.
const READINGS_PER_S: f64 = 240.0;
const WINDOW: usize = 4;
/// The next kill comes after at most this many confirmations of each device.
const CONFIRMATIONS: usize = 90;
/// Another series of kills: `EMBERWATCH_CRASH_SEED=7`.
const SEED_VARIABLE: &str = "EMBERWATCH_CRASH_SEED";
const SEED: u64 = 20_261_125;

/// Whether nothing is on its way any more. The outbox is emptied in the order of the alarms, so that it is empty when
/// the newest has its notices.
async fn is_quiet(platform: &Platform<'_>) -> Option<()> {
    let all = platform.get("/alarms?hazard=residual_current&limit=500").await?;
    let items = all.get("items").and_then(Value::as_array).expect("items");
    let id = items.iter().filter_map(|alarm| alarm.get("id")?.as_i64()).max().expect("an alarm");
    let told = platform.get(&format!("/alarms/{id}/notices")).await?;
    told.get("items").and_then(Value::as_array).filter(|items| !items.is_empty())?;
    let status = platform.get("/telling").await?;
    let count = |state: &str| status.pointer(&format!("/last_day/{state}")).and_then(Value::as_i64).unwrap();
    (count("gathering") + count("sending") == 0 && count("told") > 0).then_some(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kill_9_loses_no_notice_and_repeats_only_what_was_under_way() {
    let began = Instant::now();
    let seed = std::env::var(SEED_VARIABLE).ok().map_or(SEED, |seed| seed.parse().expect(SEED_VARIABLE));
    println!("{SEED_VARIABLE}={seed}");
    let mut chance = StdRng::seed_from_u64(seed);
    let place = Place::commission(MOST_KILLS * DEVICES).await;
    let mut settings = place.tells().to_vec();
    // Messages at all times, not once a minute.
    settings.extend(["telling.gather_s=1".to_owned(), "telling.alarm_rest_s=1".to_owned()]);
    let (of_owner, of_operator) =
        (Receiver::open(Manner::TakesSlowly).await, Receiver::open(Manner::TakesSlowly).await);
    {
        let mut platform = place.serve(&settings);
        platform.readiness(200).await;
        let owner = person(&platform, "owner", "owner").await;
        let operator = person(&platform, "operator", "operator").await;
        medium(&platform, owner, &of_owner, 0).await;
        medium(&platform, operator, &of_operator, 0).await;
        platform.stop().await;
    }
    let mut kills = 0;
    while kills < KILLS || (kills < MOST_KILLS && of_owner.cut() + of_operator.cut() == 0) {
        let mut platform = place.serve(&settings);
        let mut devices = Devices::dial_from(&place, kills * DEVICES + 1, DEVICES, READINGS_PER_S, WINDOW);
        devices.confirmed();
        devices.wait_for(DEVICES * chance.random_range(30..=CONFIRMATIONS), &mut platform).await;
        platform.kill();
        devices.hang_up().await;
        kills += 1;
    }
    let mut platform = place.serve(&settings);
    platform.readiness(200).await;
    until("everything to be told", async || {
        platform.assert_runs();
        is_quiet(&platform).await
    })
    .await;
    // What was in the outbox has become notices by then, or does in the next turn.
    let notices = platform.counter("notices_made").await;
    platform.stop().await;

    let store = place.store().await;
    let scope = Scope::platform();
    let lives = lives(&store).await;
    let mut attempts: BTreeMap<DeliveryId, BTreeMap<i64, AttemptRow>> = BTreeMap::new();
    let mut digest_of: BTreeMap<DeliveryId, DigestId> = BTreeMap::new();
    let mut alarms = 0;
    for life in lives.values().filter(|life| life.alarm.hazard == Hazard::ResidualCurrent) {
        alarms += 1;
        let (own, deliveries, tries) = store.telling().notices(&scope, life.alarm.id).await.unwrap();
        let told = own.iter().filter(|n| n.digest_state.as_deref() == Some(DigestState::Told.code()));
        assert_eq!(told.count(), 2, "alarm {} has {own:?}", life.alarm.id);
        for delivery in deliveries {
            assert_eq!(delivery.state, "accepted", "{delivery:?}");
            digest_of.insert(delivery.id, delivery.digest_id);
        }
        for attempt in tries {
            attempts.entry(attempt.delivery_id).or_default().insert(attempt.id, attempt);
        }
    }
    // What each receiver was sent, by digest.
    let mut sent: BTreeMap<DigestId, usize> = BTreeMap::new();
    for came in of_owner.came().iter().chain(&of_operator.came()) {
        let link = store.telling().link(&fingerprint(came.token())).await.unwrap();
        *sent.entry(link.expect("its link was kept before it was sent").digest_id).or_default() += 1;
    }
    store.close().await;
    let (mut lost, mut repeated) = (0, 0);
    for (delivery, tries) in &attempts {
        let outcomes: Vec<&str> = tries.values().map(|one| one.outcome.as_deref().expect("an end")).collect();
        let (last, before) = outcomes.split_last().expect("an attempt");
        assert_eq!(*last, "accepted", "delivery {delivery}: {outcomes:?}");
        assert!(before.iter().all(|outcome| *outcome == "lost"), "delivery {delivery}: {outcomes:?}");
        let digest = digest_of.get(delivery).expect("its digest");
        let came = sent.get(digest).copied().unwrap_or(0);
        assert!((1..=outcomes.len()).contains(&came), "digest {digest} came {came} times: {outcomes:?}");
        lost += before.len();
        repeated += came - 1;
    }
    println!(
        "{kills} kills in {:.0} s: {alarms} alarms, {} deliveries, {lost} attempts were under way at a kill, {repeated} \
         of them had come and came again; {notices} notices in the last life",
        began.elapsed().as_secs_f64(),
        attempts.len(),
    );
    // Else the run has shown nothing.
    assert!(alarms > kills * DEVICES / 3, "{alarms} alarms");
    assert!(lost > 0, "no message was under way at a kill");
}
