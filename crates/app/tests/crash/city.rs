//! The simulated city at all doors of the real platform: each detector is heard, whatever it speaks, and devices of the
//! doors for messages do what they are told.

use std::sync::Arc;

use serde_json::{Value, json};
use sim::city::Inventory;
use sim::doors::Door;
use sim::run::{RunOptions, start};
use sim::scenario::Scenario;
use tokio_util::sync::CancellationToken;

use crate::platform::{Place, Platform, until};

/// As few as have some of everything.
const DETECTORS: usize = 90;
/// What a command ends as when nothing of it can be read back.
const DONE: &str = "acknowledged";

async fn listed(platform: &Platform<'_>) -> Vec<Value> {
    let page = platform.get("/detectors?limit=200").await.expect("an answer");
    page.get("items").and_then(Value::as_array).expect("items").clone()
}

fn text<'v>(value: &'v Value, name: &str) -> Option<&'v str> {
    value.get(name).and_then(Value::as_str)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_city_of_all_protocols_is_heard_and_does_what_it_is_told() {
    let place = Place::commission_city(DETECTORS).await;
    let mut platform = place.serve(&place.all_doors());
    platform.readiness(200).await;
    let mut scenario = Scenario::demo().unwrap().with_detectors(DETECTORS);
    scenario.opening.clear();
    scenario.trickle = None;
    scenario.pace.connect_within_s = 1.0;
    scenario.pace.upload_s = 2.0;
    let inventory = Inventory::of(&scenario);
    let profiles: Vec<_> = domain::profile::shipped().unwrap().into_iter().map(Arc::new).collect();
    let stop = CancellationToken::new();
    let options = RunOptions { doors: place.doors(), truth: None, stop: stop.clone() };
    let city = start(&scenario, &inventory, &profiles, &options).unwrap();

    let detectors = until("every detector to be heard", async || {
        let all = listed(&platform).await;
        assert_eq!(all.len(), DETECTORS);
        all.iter().all(|one| text(one, "last_heard_at").is_some()).then_some(all)
    })
    .await;
    for door in [Door::Mqtt, Door::Http, Door::Coap] {
        let terminal = inventory.terminals.iter().find(|terminal| terminal.door == door).unwrap();
        let detector =
            detectors.iter().find(|one| text(one, "serial") == Some(terminal.serial.as_str())).unwrap();
        let wanted = json!({ "detector_id": detector.get("id"), "kind": "self_test", "reason": "proof" });
        let (status, made) = platform.post("/commands", &wanted).await;
        assert!((200..300).contains(&status), "{door:?}: {made}");
        let id = made.get("id").and_then(Value::as_i64).unwrap();
        until(&format!("the command over {door:?} to be answered"), async || {
            let command = platform.get(&format!("/commands/{id}")).await?;
            (text(&command, "state") == Some(DONE)).then_some(())
        })
        .await;
    }
    stop.cancel();
    let counted = city.finished().await;
    platform.stop().await;
    assert_eq!((counted.misunderstood, counted.unsayable, counted.dropped), (0, 0, 0), "{counted:?}");
    assert!(counted.confirmed > 0 && counted.answered > 0, "{counted:?}");
}
