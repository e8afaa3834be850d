//! Guidance: an organisation's own words over the program's, checked and versioned, and a check list whose ticks stay.

#[cfg(test)]
mod platform;

use axum::http::StatusCode;
use platform::World;
use serde_json::json;

#[tokio::test]
async fn an_organisations_own_words_hold_until_they_are_taken_back() {
    let world = World::new().await;
    let (platform, admin) = (&world.platform, &world.admin);
    let (alarm, inside) = (world.alarm, world.inside.0);
    let shown = format!("/alarms/{alarm}/guidance?language=en");
    let before = platform.get(&shown, admin).await.json();
    let hazard = before["hazard"].as_str().unwrap().to_owned();
    assert_eq!(before["written_by"], json!(null));
    assert!(before["owner"].as_array().unwrap().len() > 1, "{before}");

    let path = format!("/guidance/{hazard}/en");
    let text = |owner: &str, version: i64| json!({"organisation_id": inside, "owner": [owner], "electrician": ["Measure at {circuit}"], "version": version});
    let refused = platform.call("PUT", &path, Some(admin), Some(&text("Call {nobody}", 0))).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(refused.json()["errors"][0]["code"], "unknown_placeholder", "{}", refused.text);
    let written = platform.call("PUT", &path, Some(admin), Some(&text("Call {phone} at {site}", 0))).await;
    assert_eq!(written.status, StatusCode::OK, "{}", written.text);
    let english = &written.json()["languages"][2];
    assert_eq!((&english["source"], &english["version"]), (&json!("own"), &json!(1)));
    let stale = platform.call("PUT", &path, Some(admin), Some(&text("x", 0))).await;
    assert_eq!(stale.code(), "conflict");

    let now = platform.get(&shown, admin).await.json();
    assert_eq!(now["owner"].as_array().unwrap().len(), 1);
    let said = now["owner"][0].as_str().unwrap();
    assert!(said.starts_with("Call ") && !said.contains('{'), "{said}");
    let other = platform.get(&format!("/alarms/{alarm}/guidance?language=zh-TW"), admin).await.json();
    assert_eq!(other["written_by"], json!(null), "each language by itself");
    let list = platform.get(&format!("/guidance?organisation={inside}"), admin).await.json();
    let edited: Vec<_> =
        list["items"].as_array().unwrap().iter().filter(|item| item["edited"] == json!(["en"])).collect();
    assert_eq!(edited.len(), 1);
    assert_eq!(edited[0]["hazard"], json!(hazard));

    let back = format!("{path}?organisation={inside}&version=1");
    let restored = platform.call("DELETE", &back, Some(admin), None).await.json();
    assert_eq!(
        (&restored["languages"][2]["source"], &restored["languages"][2]["version"]),
        (&json!("built_in"), &json!(2))
    );
    assert_eq!(platform.get(&shown, admin).await.json()["owner"], before["owner"]);
    let audit = platform.get("/audit?limit=10", admin).await.json();
    let actions: Vec<_> =
        audit["items"].as_array().unwrap().iter().map(|row| row["action"].clone()).collect();
    assert!(
        actions.contains(&json!("guidance.change")) && actions.contains(&json!("guidance.restore")),
        "{actions:?}"
    );
}

#[tokio::test]
async fn a_tick_says_who_and_when_and_can_be_taken_back() {
    let world = World::new().await;
    let (platform, admin, alarm) = (&world.platform, &world.admin, world.alarm);
    let shown = format!("/alarms/{alarm}/guidance?language=en");
    let list = platform.get(&shown, admin).await.json();
    let words = list["checks"][1]["words"].clone();
    let tick = |done: bool, words: &serde_json::Value| json!({"place": 2, "done": done, "words": words, "language": "en"});
    let path = format!("/alarms/{alarm}/check");
    let wrong = platform.post(&path, admin, tick(true, &json!("something else"))).await;
    assert_eq!(wrong.json()["errors"][0]["code"], "changed", "{}", wrong.text);
    for _again in 0..2 {
        let done = platform.post(&path, admin, tick(true, &words)).await;
        assert_eq!(done.status, StatusCode::OK, "{}", done.text);
    }
    let now = platform.get(&shown, admin).await.json();
    assert_eq!((&now["checks"][0]["done"], &now["checks"][1]["done"]), (&json!(false), &json!(true)));
    assert_eq!(now["checks"][1]["by"], json!("name of admin"));
    assert_eq!(now["record"].as_array().unwrap().len(), 1, "said twice, kept once");
    let back = platform.post(&path, admin, tick(false, &words)).await.json();
    assert_eq!(back["checks"][1]["done"], json!(false));
    assert_eq!(back["record"].as_array().unwrap().len(), 2, "both stay");
    assert_eq!(back["record"][0]["words"], words);
}
