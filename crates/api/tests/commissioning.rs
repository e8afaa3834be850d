//! Taking into service: the record with its values, pictures without their notes, the look at a day of values.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[cfg(test)]
mod platform;

use axum::body::Body;
use axum::http::StatusCode;
use bus::{Confirm, Intake, Outcome};
use domain::reading::{Quality, Reading, Sample};
use engine::Clock as _;
use platform::{Answer, Person, Platform, World};
use serde_json::json;

async fn send_form(world: &World, path: &str, who: &Person, parts: &[(&str, &[u8])]) -> Answer {
    let mut request = Platform::request("POST", path, Some(who), None);
    let mut form = Vec::new();
    for (name, value) in parts {
        let file = if *name == "file" { "; filename=\"p.jpg\"" } else { "" };
        form.extend_from_slice(
            format!("--x\r\nContent-Disposition: form-data; name=\"{name}\"{file}\r\n\r\n").as_bytes(),
        );
        form.extend_from_slice(value);
        form.extend_from_slice(b"\r\n");
    }
    form.extend_from_slice(b"--x--\r\n");
    request.headers_mut().insert("content-type", "multipart/form-data; boundary=x".parse().unwrap());
    *request.body_mut() = Body::from(form);
    world.platform.send(request).await
}

/// Constructed: a JPEG with a place in it.
const PHOTOGRAPH: &[u8] = b"\xff\xd8\xff\xe1\x00\x10Exif\0\0 27.8341\xff\xda\x00\x04..scan\xff\xd9";

/// Sends one value of every channel through the pipeline.
async fn measures(world: &World, values: &[i64]) {
    let now = world.platform.clock.now();
    let samples = (0u16..)
        .zip(values)
        .map(|(point, raw)| Sample {
            point: domain::reading::PointIndex(point),
            raw: *raw,
            quality: Quality::Good,
        })
        .collect();
    let reading = Reading {
        detector: world.detector,
        group: 0,
        device_at: None,
        received_at: now,
        samples,
        reported: Vec::new(),
    };
    let (confirm, told) = Confirm::pair();
    world.platform.intake.send(Intake::Readings { readings: vec![reading], confirm }).await.unwrap();
    assert_eq!(told.await.unwrap(), Outcome::Committed);
}

#[tokio::test]
async fn a_record_keeps_the_values_as_they_were() {
    let world = World::new().await;
    let path = format!("/detectors/{}/commissioning", world.detector.0);
    let bare =
        world.platform.post(&path, &world.admin, json!({"result": "remarks", "self_test": "skipped"})).await;
    assert_eq!(bare.json()["errors"][0]["field"], "remarks");
    let record = json!({"result": "passed", "self_test": "not_supported", "duration_s": 95, "picture_ids": [world.picture]});
    let kept = world.platform.post(&path, &world.admin, record).await;
    assert_eq!(kept.status, StatusCode::CREATED, "{}", kept.text);
    assert!(kept.json()["values"].as_array().unwrap().len() > 3);
    let list = world.platform.get(&path, &world.admin).await.json();
    assert_eq!(list["items"][0], kept.json());
    let waiting = world.platform.get("/commissioning?unchecked=true", &world.admin).await.json();
    assert_eq!(waiting["items"][0]["detector_id"], world.detector.0);
    let audit = world.platform.get("/audit?action=detector.commission", &world.admin).await.json();
    assert_eq!(audit["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn the_wiring_is_looked_at_when_asked_and_by_itself_a_day_later() {
    let world = World::new().await;
    let path = format!("/detectors/{}/wiring-checks", world.detector.0);
    let asked = world.platform.post(&path, &world.admin, json!({})).await;
    assert_eq!(asked.status, StatusCode::CREATED, "{}", asked.text);
    let asked = asked.json();
    assert_eq!((&asked["findings"], &asked["automatic"]), (&json!(0), &json!(false)));
    // A minute of one reading says so.
    assert!(
        asked["checks"].as_array().unwrap().iter().all(|check| check["outcome"] == "not_enough"),
        "{asked}"
    );

    world.platform.clock.advance(1);
    let record = json!({"result": "passed", "self_test": "skipped"});
    let records = format!("/detectors/{}/commissioning", world.detector.0);
    world.platform.post(&records, &world.admin, record).await;
    for _ in 0..8 {
        world.platform.clock.advance(3 * 3_600_000 + 700_000);
        measures(&world, &[1]).await;
    }
    // A day is longer than a session that nobody uses.
    let admin = world.platform.person("admin").await;
    // The job wakes by the same clock; what it kept is seen when its transaction is.
    let mut automatic = json!(null);
    for _ in 0..500 {
        automatic = world.platform.get(&path, &admin).await.json()["items"][0]["automatic"].clone();
        if automatic == true {
            break;
        }
        world.platform.clock.advance(600_000);
        tokio::task::yield_now().await;
    }
    assert_eq!(automatic, true);
    let waiting = world.platform.get("/commissioning?unchecked=true", &admin).await.json();
    assert_eq!(waiting["items"], json!([]));
}

#[tokio::test]
async fn pictures_are_kept_without_the_place_unless_it_is_wanted() {
    let world = World::new().await;
    let path = format!("/sites/{}/pictures", world.site);
    let detector = world.detector.0.to_string();
    let parts: &[(&str, &[u8])] =
        &[("kind", b"label"), ("detector_id", detector.as_bytes()), ("file", PHOTOGRAPH)];
    let kept = send_form(&world, &path, &world.admin, parts).await;
    assert_eq!(kept.status, StatusCode::CREATED, "{}", kept.text);
    let kept = kept.json();
    assert_eq!((&kept["kind"], &kept["media_type"]), (&json!("label"), &json!("image/jpeg")));
    let bytes = world.platform.get(&format!("/pictures/{}", kept["id"]), &world.admin).await;
    assert_eq!(bytes.headers["content-type"], "image/jpeg");
    assert!(!bytes.bytes.windows(7).any(|part| part == b"27.8341"), "{:?}", bytes.bytes);
    let whole =
        send_form(&world, &path, &world.admin, &[("keep_notes", b"true"), ("file", PHOTOGRAPH)]).await;
    let bytes = world.platform.get(&format!("/pictures/{}", whole.json()["id"]), &world.admin).await;
    assert_eq!(bytes.bytes, PHOTOGRAPH);
    // The same bytes are one file; it goes with the last picture of it.
    let again = send_form(&world, &path, &world.admin, parts).await.json();
    assert_eq!(again["sha256"], kept["sha256"]);
    let gone = async |id: String| world.platform.call("DELETE", &id, Some(&world.admin), None).await.status;
    assert_eq!(gone(format!("/pictures/{}", kept["id"])).await, StatusCode::NO_CONTENT);
    let left = world.platform.get(&format!("/pictures/{}", again["id"]), &world.admin).await;
    assert_eq!(left.status, StatusCode::OK);
    let list = world.platform.get(&path, &world.admin).await.json();
    assert_eq!(list["items"].as_array().unwrap().len(), 3, "{list}");

    let not = send_form(&world, &path, &world.admin, &[("file", b"<svg onload=alert(1)>")]).await;
    assert_eq!(not.json()["errors"][0]["code"], "not_a_picture");
    let large = vec![0u8; 6 * 1024 * 1024 + 100];
    let large = send_form(&world, &path, &world.admin, &[("file", &large)]).await;
    assert_eq!(large.status, StatusCode::PAYLOAD_TOO_LARGE);
}
