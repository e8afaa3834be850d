//! Very many alarms at once, to people whose providers work, hang, or fail for a while: who was told, how often, and
//! after how long. Small by default; `EMBERWATCH_STORM_ALARMS=10000` is the drill (`make bench-storm`).

use std::collections::BTreeMap;
use std::time::Instant;

use domain::access::Scope;
use domain::hazard::Hazard;
use serde_json::{Value, json};

use crate::check::lives;
use crate::devices::{Devices, Record};
use crate::platform::{Place, Platform, until};
use crate::receivers::{Came, Manner, Receiver, medium, person, wall_ms};

/// Each device goes over its limit at its reading number 30, and the default delay is five seconds of its clock.
const RAISES_AT: u64 = 35;
/// Every device has told so much when it hangs up.
const READINGS: usize = 38;

/// Pages say how many open alarms nobody has taken.
async fn untaken(platform: &Platform<'_>) -> usize {
    let states = "unacknowledged,returned_unacknowledged,latched_unacknowledged";
    let page = platform.get(&format!("/alarms?state={states}&limit=200")).await.expect("an answer");
    page.get("items").and_then(Value::as_array).expect("items").len()
}

/// From the first alarm to the first and to the last message, s.
fn delays(messages: &[Came], first_alarm_ms: i64) -> (f64, f64) {
    let after = |at: Option<i64>| (at.expect("a message") - first_alarm_ms) as f64 / 1000.0;
    let at = || messages.iter().map(|came| came.at_ms);
    (after(at().min()), after(at().max()))
}

/// When the readings were confirmed that raised an alarm: the first and the last, ms since 1970 UTC.
fn raised(record: &Record) -> (i64, i64) {
    let at = || {
        let raises = record.values().flatten().filter(|recorded| recorded.sequence == RAISES_AT);
        raises.map(|recorded| recorded.confirmed_at_ms)
    };
    (at().min().expect("an alarm"), at().max().expect("an alarm"))
}

/// Messages about each site.
fn by_site(messages: &[Came]) -> BTreeMap<&str, usize> {
    let mut sites = BTreeMap::new();
    for came in messages {
        *sites.entry(came.group()).or_default() += 1;
    }
    sites
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_storm_of_alarms_reaches_everybody_once_whatever_their_providers_do() {
    let variable = std::env::var("EMBERWATCH_STORM_ALARMS").ok();
    let alarms: usize = variable.as_ref().map_or(300, |text| text.parse().expect("a number"));
    // A drill's devices make a reading a second; a small test has no time for that.
    let is_drill = variable.is_some();
    let per_s = if is_drill { 1.0 } else { 10.0 };
    // How long one provider answers 500 after the first message that comes to it, ms.
    let fails_for_ms = if is_drill { 8_000 } else { 3_000 };
    let began = Instant::now();
    let place = Place::commission(alarms).await;
    let mut settings = place.tells().to_vec();
    if !is_drill {
        settings.push("telling.gather_s=3".to_owned());
    }
    let mut platform = place.serve(&settings);
    platform.readiness(200).await;

    let works = Receiver::open(Manner::Takes).await;
    let never_needed = Receiver::open(Manner::Takes).await;
    let hangs = Receiver::open(Manner::Hangs).await;
    let beside_it = Receiver::open(Manner::Takes).await;
    let recovers = Receiver::open(Manner::Fails).await;
    let owner = person(&platform, "owner", "owner").await;
    let electrician = person(&platform, "electrician", "electrician").await;
    let operator = person(&platform, "operator", "operator").await;
    medium(&platform, owner, &works, 0).await;
    medium(&platform, owner, &never_needed, 1).await;
    medium(&platform, electrician, &hangs, 0).await;
    medium(&platform, electrician, &beside_it, 1).await;
    medium(&platform, operator, &recovers, 0).await;
    // A second route to the same person by a ladder of its own: it must not tell them a second time.
    let step = json!({ "after_min": 0, "recipients": [{ "kind": "account", "account_id": owner }] });
    let (_, ladder) = platform.post("/ladders", &json!({ "name": "second", "steps": [step] })).await;
    let second = json!({ "name": "second", "severity": "alarm", "ladder_id": ladder.get("id") });
    let (status, route) = platform.post("/routes", &second).await;
    assert_eq!(status, 201, "{route}");

    let rate = alarms as f64 * per_s;
    let mut devices = Devices::dial(&place, alarms, rate, 4);
    for _ in 0..READINGS {
        devices.wait_for(alarms, &mut platform).await;
    }
    let (_, record) = devices.hang_up().await;
    let (first_ms, last_ms) = raised(&record);

    let sites = alarms.div_ceil(100).min(4);
    let mut failed_since = None;
    until("everybody to be told", async || {
        platform.assert_runs();
        if let Some(came) = recovers.came().first() {
            let since = *failed_since.get_or_insert(came.at_ms);
            if wall_ms() - since > fails_for_ms {
                recovers.behave(Manner::Takes);
            }
        }
        let told = [&works, &beside_it, &recovers].map(|receiver| receiver.taken().len());
        told.iter().all(|told| *told >= sites).then_some(())
    })
    .await;
    let told_after = began.elapsed();

    // Everything is behind the links of one person.
    let waited_for = untaken(&platform).await;
    assert!(waited_for >= alarms.min(200), "{waited_for}");
    let pressing = Instant::now();
    for came in works.taken() {
        let (status, _) = platform.ask("POST", &format!("/a/{}", came.token()), "").await.expect("an answer");
        assert_eq!(status, 200);
    }
    let pressed = pressing.elapsed();
    assert_eq!(untaken(&platform).await, 0, "an alarm was in no message");
    let rss = platform.memory_kb();
    platform.stop().await;

    let store = place.store().await;
    let lives = lives(&store).await;
    let of_storm: Vec<_> =
        lives.values().filter(|life| life.alarm.hazard == Hazard::ResidualCurrent).collect();
    assert_eq!(of_storm.len(), alarms, "each device raised its alarm");
    let mut notices = 0;
    for life in &of_storm {
        let (own, _, _) = store.telling().notices(&Scope::platform(), life.alarm.id).await.unwrap();
        let mut told: Vec<i64> =
            own.iter().filter(|n| n.digest_id.is_some()).map(|n| n.account_id.0).collect();
        told.sort_unstable();
        assert_eq!(told, [owner, electrician, operator], "who was told of alarm {}", life.alarm.id);
        notices += own.len();
    }
    store.close().await;
    let report = |name: &str, receiver: &Receiver| {
        let taken = receiver.taken();
        let (first, last) = delays(&taken, first_ms);
        let most = by_site(&taken).into_values().max().unwrap_or(0);
        println!(
            "{name:<34} {} messages for {sites} sites, at most {most} a site; the first {first:.1} s, the last \
             {last:.1} s after the first alarm",
            taken.len()
        );
        most
    };
    println!(
        "alarms                             {alarms} within {:.1} s at {sites} sites, {notices} notices to 3 persons",
        (last_ms - first_ms) as f64 / 1000.0
    );
    let most = [
        report("a provider that works", &works),
        report("the next where one hangs", &beside_it),
        report("a provider that fails for seconds", &recovers),
    ];
    println!(
        "the one that hangs                 {} tries; {} tries met a 500\nall alarms taken by one person's links in \
         {:.1} s\nserver's memory                    {rss} KB\nwhole test                         {:.0} s, told after {:.0} s",
        hangs.came().len(),
        recovers.came().len() - recovers.taken().len(),
        pressed.as_secs_f64(),
        began.elapsed().as_secs_f64(),
        told_after.as_secs_f64(),
    );
    assert!(most.iter().all(|most| *most == 1), "somebody was told twice of a site");
    assert!(never_needed.came().is_empty(), "the second medium of somebody whose first works");
}
