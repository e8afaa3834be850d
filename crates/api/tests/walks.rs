//! Looking for the circuit that leaks: the server concludes by itself, keeps once, and names what does not fit.

#[cfg(test)]
mod platform;

use axum::http::StatusCode;
use domain::time::UnixMs;
use platform::World;
use serde_json::{Value, json};

fn at(now: UnixMs, second: i64) -> String {
    api::http::time::Time(now.plus_ms((second - 600) * 1000)).text()
}

/// A breaker off at `off` s and on again half a minute later.
fn step(now: UnixMs, breaker: &str, off: i64, before: f64, after: f64) -> Value {
    let seen =
        |from: i64, ma: f64| (0..3).map(|n| json!({"at": at(now, from + n), "ma": ma})).collect::<Vec<_>>();
    json!({"breaker": breaker, "off_at": at(now, off), "on_at": at(now, off + 30),
        "before": seen(off - 5, before), "after": seen(off + 5, after)})
}

#[tokio::test]
async fn a_walk_is_concluded_by_the_server_and_kept_once() {
    let world = World::new().await;
    let now = world.platform.api.now();
    let detector = world.platform.get(&format!("/detectors/{}", world.detector.0), &world.admin).await.json();
    let channels = detector["channels"].as_array().unwrap();
    let of = |quantity: &str| {
        channels.iter().find(|channel| channel["quantity"] == quantity).unwrap()["id"].clone()
    };
    let path = format!("/detectors/{}/walks", world.detector.0);
    let mut walk = json!({
        "channel_id": of("residual_current"), "alarm_id": world.alarm,
        "began_at": at(now, 0), "ended_at": at(now, 300),
        "steps": [step(now, "1", 50, 310.0, 306.0), step(now, " 3 ", 150, 310.0, 30.0)],
    });
    let kept = world.platform.post(&path, &world.admin, walk.clone()).await;
    assert_eq!(kept.status, StatusCode::CREATED, "{}", kept.text);
    let kept = kept.json();
    assert_eq!(
        (&kept["outcome"], &kept["largest"], &kept["drifted"]),
        (&json!("found"), &json!(1), &json!(false))
    );
    let named = &kept["steps"][1];
    assert_eq!(
        (&named["breaker"], &named["drop_ma"], &named["total_ma"]),
        (&json!("3"), &json!(280.0), &json!(310.0))
    );
    // The phone did not hear the answer and sends again.
    assert_eq!(world.platform.post(&path, &world.admin, walk.clone()).await.json(), kept);
    let list = world.platform.get(&format!("{path}?alarm={}", world.alarm), &world.admin).await.json();
    assert_eq!(list["items"], json!([kept]));
    let none = world.platform.get(&format!("{path}?alarm=999999"), &world.admin).await.json();
    assert_eq!(none["items"], json!([]));
    let audit = world.platform.get("/audit?action=detector.walk", &world.admin).await.json();
    assert_eq!(audit["items"].as_array().unwrap().len(), 1);

    walk["began_at"] = json!(at(now, 1));
    walk["channel_id"] = json!(999_999);
    let refused = world.platform.post(&path, &world.admin, walk.clone()).await;
    assert_eq!(
        (refused.status, &refused.json()["errors"][0]["field"]),
        (StatusCode::UNPROCESSABLE_ENTITY, &json!("channel_id"))
    );
    walk["channel_id"] = of("residual_current");
    walk["alarm_id"] = json!(999_999);
    let refused = world.platform.post(&path, &world.admin, walk.clone()).await;
    assert_eq!(refused.json()["errors"][0]["field"], "alarm_id");
    walk["ended_at"] = json!(at(now, 100));
    walk["steps"][0]["breaker"] = json!(" ");
    walk["steps"][0]["after"] = json!([]);
    let refused = world.platform.post(&path, &world.admin, walk).await.json();
    let fields: Vec<_> = refused["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|error| error["field"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(fields, ["steps[0].breaker", "steps[0].after", "steps[1].off_at"]);
}
