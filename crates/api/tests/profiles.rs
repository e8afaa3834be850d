//! Models that people write: from a text or a form to what is in force, and the bench to try them on.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on fails")]

#[cfg(test)]
mod platform;

use axum::http::StatusCode;
use domain::profile::SHIPPED;
use platform::World;
use serde_json::{Value, json};

fn shipped(id: &str) -> &'static str {
    SHIPPED.iter().find(|(name, _)| name.strip_suffix(".toml") == Some(id)).unwrap().1
}

async fn check(world: &World, body: Value) -> Value {
    let answer = world.platform.post("/profiles/validate", &world.admin, body).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
    answer.json()
}

async fn put(world: &World, id: &str, body: Value) -> platform::Answer {
    world.platform.call("PUT", &format!("/profiles/{id}"), Some(&world.admin), Some(&body)).await
}

/// The shipped text with one point more behind the others, written by the form.
async fn with_a_point(world: &World, id: &str) -> String {
    let before = check(world, json!({"id": id, "text": shipped(id)})).await;
    let mut form = before["form"].clone();
    let mut point = form["points"][0].clone();
    point["at"] = Value::Null;
    for (field, value) in [("code", "spare"), ("name", "备用"), ("address", "0x0200"), ("more", "")] {
        point[field] = json!(value);
    }
    form["points"].as_array_mut().unwrap().push(point);
    let groups = form["groups"].as_array_mut().unwrap();
    let mut group = groups[0].clone();
    group["at"] = Value::Null;
    group["start"] = json!("0x0200");
    group["count"] = json!("1");
    groups.push(group);
    let after = check(world, json!({"id": id, "text": shipped(id), "form": form})).await;
    assert_eq!(after["mistake"], Value::Null, "{after}");
    assert_eq!(after["breaks"], json!([]));
    after["text"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_form_and_its_text_are_one_document_and_a_mistake_names_its_field() {
    let world = World::new().await;
    let text = shipped("asj-relay");
    let first = check(&world, json!({"id": "asj-relay", "text": text})).await;
    assert_eq!((&first["mistake"], first["text"].as_str()), (&Value::Null, Some(text)));
    let same = check(&world, json!({"id": "asj-relay", "text": text, "form": first["form"]})).await;
    assert_eq!(same["text"], text);
    let mut form = first["form"].clone();
    form["points"][0]["scale"] = json!("0.3");
    let wrong = check(&world, json!({"text": text, "form": form})).await;
    assert_eq!(wrong["mistake"]["field"], "points[0].scale", "{}", wrong["mistake"]);
    assert!(wrong["mistake"]["line"].as_u64().unwrap() > 1);
    let broken = check(&world, json!({"text": "name = "})).await;
    assert_eq!((&broken["form"], &broken["mistake"]["line"]), (&Value::Null, &json!(1)));
}

#[tokio::test]
async fn a_point_more_becomes_a_channel_at_once_and_a_version_stays() {
    let world = World::new().await;
    let id = "arcm300-cloud";
    let text = with_a_point(&world, id).await;
    let before = world.platform.get(&format!("/detectors/{}", world.detector.0), &world.admin).await.json();
    let many = before["channels"].as_array().unwrap().len();
    let answer = put(&world, id, json!({"text": text, "version": 0, "reason": "spare input"})).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
    let saved = answer.json();
    assert_eq!((&saved["version"], &saved["origin"]), (&json!(1), &json!("database")));
    assert_eq!(saved["beneath"], json!(["shipped"]));
    let after = world.platform.get(&format!("/detectors/{}", world.detector.0), &world.admin).await.json();
    assert_eq!(after["channels"].as_array().unwrap().len(), many + 1);

    // Written for a version that is not the newest.
    let stale = put(&world, id, json!({"text": text, "version": 0})).await;
    assert_eq!((stale.status, stale.code().as_str()), (StatusCode::CONFLICT, "conflict"));
    let versions = world.platform.get(&format!("/profiles/{id}/versions"), &world.admin).await.json();
    let told: Vec<_> = versions["items"].as_array().unwrap().iter().map(|v| v["version"].clone()).collect();
    assert_eq!(told, [json!(1), json!(0)]);
    assert_eq!(versions["items"][0]["reason"], "spare input");
    let compared =
        world.platform.get(&format!("/profiles/{id}/compare?from=0&to=1"), &world.admin).await.json();
    let lines = compared["lines"].as_array().unwrap();
    assert!(lines.iter().any(|l| l["change"] == "added" && l["text"] == "code = \"spare\""));
    assert!(lines.iter().all(|l| l["change"] != "removed"));
    let file = world.platform.get(&format!("/profiles/{id}/export"), &world.admin).await;
    assert_eq!(file.text, text);
    assert_eq!(file.headers["content-disposition"], "attachment; filename=\"arcm300-cloud.toml\"");
}

#[tokio::test]
async fn what_would_break_stored_values_is_refused_in_words() {
    let world = World::new().await;
    let id = "arcm300-cloud";
    let first = check(&world, json!({"id": id, "text": shipped(id)})).await;
    let mut form = first["form"].clone();
    form["points"].as_array_mut().unwrap().swap(0, 1);
    let swapped = check(&world, json!({"id": id, "text": shipped(id), "form": form})).await;
    assert_eq!(swapped["mistake"], Value::Null);
    let kinds: Vec<_> = swapped["breaks"].as_array().unwrap().iter().map(|b| b["kind"].clone()).collect();
    assert_eq!(kinds, ["point_moved", "point_moved"]);
    let answer = put(&world, id, json!({"text": swapped["text"], "version": 0})).await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(answer.json()["errors"][0]["code"], "point_moved");
    let now = world.platform.get(&format!("/profiles/{id}"), &world.admin).await.json();
    assert_eq!((&now["origin"], &now["version"]), (&json!("shipped"), &json!(0)));
    let mistake = put(&world, id, json!({"text": "name = 3\n", "version": 0})).await;
    assert_eq!(mistake.json()["errors"][0]["params"]["line"], 1, "{}", mistake.text);
}

#[tokio::test]
async fn models_are_made_copied_imported_and_taken_away() {
    let world = World::new().await;
    let text = shipped("asj-relay");
    let made = json!({"id": "my-relay", "text": text, "reason": "first"});
    let answer = world.platform.post("/profiles", &world.admin, made.clone()).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text);
    let again = world.platform.post("/profiles", &world.admin, made).await;
    assert_eq!(again.json()["errors"][0]["code"], "taken");
    for id in ["", "Mine", "import"] {
        let wrong = world.platform.post("/profiles", &world.admin, json!({"id": id, "text": text})).await;
        assert_eq!(wrong.json()["errors"][0]["field"], "id", "{id}");
    }
    let copy = json!({"id": "their-relay", "name": "他们的"});
    let answer = world.platform.post("/profiles/my-relay/duplicate", &world.admin, copy).await;
    let copied = answer.json();
    assert_eq!((&copied["name"], &copied["verified"]), (&json!("他们的"), &json!(false)), "{}", answer.text);

    let files = json!({"files": [
        {"name": "my-relay.toml", "text": text},
        {"name": "their-relay.toml", "text": text},
        {"name": "third.toml", "text": text},
        {"name": "broken.toml", "text": "name = 3\n"},
    ]});
    let imported = world.platform.post("/profiles/import", &world.admin, files).await.json();
    let outcomes: Vec<_> =
        imported["files"].as_array().unwrap().iter().map(|f| f["outcome"].clone()).collect();
    assert_eq!(outcomes, ["unchanged", "exists", "created", "refused"]);
    assert_eq!(imported["files"][3]["mistake"]["line"], 1);

    let gone = |path: &'static str| world.platform.call("DELETE", path, Some(&world.admin), None);
    assert_eq!(gone("/profiles/my-relay?version=7").await.status, StatusCode::CONFLICT);
    assert_eq!(gone("/profiles/my-relay?version=1").await.status, StatusCode::NO_CONTENT);
    assert_eq!(world.platform.get("/profiles/my-relay", &world.admin).await.status, StatusCode::NOT_FOUND);
    assert_eq!(gone("/profiles/asj-relay?version=1").await.status, StatusCode::CONFLICT);
    // Its number goes on where it ended.
    let back = json!({"id": "my-relay", "text": text});
    assert_eq!(world.platform.post("/profiles", &world.admin, back).await.json()["version"], 3);
    // One that a detector has stays.
    let used = put(&world, "arcm300-cloud", json!({"text": shipped("arcm300-cloud"), "version": 0})).await;
    assert_eq!(used.status, StatusCode::OK, "{}", used.text);
    let refused = gone("/profiles/arcm300-cloud?version=1").await;
    assert_eq!((refused.status, refused.code().as_str()), (StatusCode::CONFLICT, "not_empty"));
}

#[tokio::test]
async fn the_bench_reads_pasted_bytes() {
    let world = World::new().await;
    let profile = domain::profile::parse("asj-relay.toml", shipped("asj-relay")).unwrap();
    let group = &profile.groups[0];
    let request = wire::modbus::Request::read_holding_registers(1, group.start, group.count).unwrap();
    let values: Vec<u16> = (0..group.count).map(|_| 900).collect();
    let said = wire::modbus::Answer::registers_for(&request, &values).unwrap();
    let hex: String =
        request.encode().into_iter().chain(said.encode()).map(|byte| format!("{byte:02x} ")).collect();
    let body = json!({"profile_id": "asj-relay", "hex": hex});
    let answer = world.platform.post("/profiles/test", &world.admin, body).await;
    let tested = answer.json();
    assert_eq!(tested["frames"].as_array().unwrap().len(), 2, "{}", answer.text);
    let points = tested["frames"][1]["groups"][0]["points"].as_array().unwrap();
    let residual = points.iter().find(|point| point["quantity"] == "residual_current").unwrap();
    assert_eq!((&residual["raw"], &residual["value"]), (&json!(900), &json!(900.0)));
    assert_eq!(residual["passes"][0]["severity"], "alarm", "{residual}");
    let crc = json!({"profile_id": "asj-relay", "hex": "01 03 04 00 00 00 1E 00 00"});
    let wrong = world.platform.post("/profiles/test", &world.admin, crc).await.json();
    assert!(wrong["frames"][0]["refused"]["reason"].as_str().unwrap().contains("crc"), "{wrong}");
    let nothing = world.platform.post("/profiles/test", &world.admin, json!({"hex": "01"})).await;
    assert_eq!(nothing.status, StatusCode::UNPROCESSABLE_ENTITY);

    // A line that has said nothing and is not open: said, not an error.
    let attempt = json!({"profile_id": "arcm300-cloud", "terminal_id": world.terminal.0, "read": true});
    let tried = world.platform.post("/profiles/try", &world.admin, attempt).await.json();
    assert_eq!(tried, json!({"connected": false, "fits": true, "telegrams": [], "reads": []}));
}
