//! Readings as files: what is in them, whose they are, how many at once, and that no broken file looks whole.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on fails")]

#[cfg(test)]
mod platform;

use axum::http::StatusCode;
use bus::{Confirm, Intake, Outcome};
use domain::access::{Role, Scope};
use domain::reading::{PointIndex, Quality, Reading, Sample};
use domain::time::UnixMs;
use engine::Clock as _;
use http_body_util::BodyExt as _;
use parquet::file::reader::{FileReader as _, SerializedFileReader};
use parquet::record::RowAccessor as _;
use platform::{Answer, BEGIN, MARK, NEXT_AREA, OWNERS, Person, Platform, World, cells, grant};
use serde_json::{Value, json};
use store::History as _;
use store::detectors::ChannelRow;
use tower::ServiceExt as _;

const MINUTE_MS: i64 = 60_000;

/// The detector's channels with values, in the profile's order.
async fn channels(world: &World) -> Vec<ChannelRow> {
    let all = world.platform.store.detectors().channels(&Scope::platform(), world.detector).await.unwrap();
    all.into_iter().filter(|channel| channel.point.is_some()).collect()
}

/// Says raw values of points now, and waits until they are stored.
async fn says(world: &World, samples: &[(PointIndex, i64, Quality)]) {
    let sample = |(point, raw, quality): &(PointIndex, i64, Quality)| Sample {
        point: *point,
        raw: *raw,
        quality: *quality,
    };
    let reading = Reading {
        detector: world.detector,
        group: 0,
        device_at: None,
        received_at: world.platform.clock.now(),
        samples: samples.iter().map(sample).collect(),
        reported: Vec::new(),
    };
    let (confirm, told) = Confirm::pair();
    world.platform.intake.send(Intake::Readings { readings: vec![reading], confirm }).await.unwrap();
    assert_eq!(told.await.unwrap(), Outcome::Committed);
}

/// An hour of a reading a minute, a silent hour, another hour; a broken sensor in the eleventh minute.
async fn two_hours(world: &World) -> Vec<ChannelRow> {
    let channels = channels(world).await;
    let (first, second) = (channels[0].point.unwrap(), channels[1].point.unwrap());
    for minute in (0..60).chain(120..180) {
        let at = UnixMs(BEGIN.0 + 3_600_000 + minute * MINUTE_MS);
        world.platform.clock.advance(at.since_ms(world.platform.clock.now()));
        let quality = if minute == 10 { Quality::SensorOpen } else { Quality::Good };
        says(world, &[(first, 100 + minute, Quality::Good), (second, 200 + minute, quality)]).await;
    }
    world.platform.clock.advance(MINUTE_MS);
    channels
}

fn range() -> (String, String) {
    // From the hour before the readings on; 2026-11-24T10:00:00Z.
    ("2026-11-24T10:30:00Z".to_owned(), "2026-11-24T14:00:00Z".to_owned())
}

async fn asked(world: &World, who: &Person, more: Value) -> Answer {
    let (from, to) = range();
    let mut draft = json!({"detector_id": world.detector.0, "from": from, "to": to, "language": "en"});
    let fields = draft.as_object_mut().unwrap();
    for (name, value) in more.as_object().unwrap() {
        if value.is_null() {
            fields.remove(name);
        } else {
            fields.insert(name.clone(), value.clone());
        }
    }
    world.platform.post("/exports", who, draft).await
}

async fn file(world: &World, more: Value) -> (Value, Answer) {
    let made = asked(world, &world.admin, more).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.text);
    let id = made.id();
    let file = world.platform.get(&format!("/exports/{id}/file"), &world.admin).await;
    assert_eq!(file.status, StatusCode::OK, "{}", file.text);
    let run = loop {
        // The body is whole a moment before the run is marked so.
        let run = world.platform.get(&format!("/exports/{id}"), &world.admin).await.json();
        if run["state"] != "running" {
            break run;
        }
        tokio::task::yield_now().await;
    };
    (run, file)
}

fn lines(text: &str) -> Vec<Vec<String>> {
    text.trim_start_matches('\u{feff}')
        .lines()
        .map(|line| line.split(',').map(|cell| cell.trim_matches('"').to_owned()).collect())
        .collect()
}

#[tokio::test]
async fn readings_as_csv_have_zone_units_and_quality() {
    let world = World::new().await;
    let channels = two_hours(&world).await;
    let (run, file) = file(&world, json!({})).await;
    assert_eq!(
        (&run["state"], &run["rows"], &run["progress"]),
        (&json!("finished"), &json!(120), &json!(1.0))
    );
    assert_eq!(run["bytes"], json!(file.bytes.len()));
    assert_eq!(file.headers["content-type"], "text/csv; charset=utf-8");
    let named = format!("attachment; filename=\"detector-{}-20261124-20261124.csv\"", world.detector.0);
    assert_eq!(file.headers["content-disposition"], named.as_str());
    assert!(file.text.starts_with("\u{feff}Time (Asia/Shanghai),Site,Circuit,Detector,Detector id,"));
    let lines = lines(&file.text);
    assert_eq!(lines.len(), 121);
    let unit = channels[0].quantity.unit();
    assert_eq!(lines[0][5], format!("{} ({unit})", channels[0].name), "{:?}", lines[0]);
    let first = &lines[1];
    assert_eq!(first[0], "2026-11-24T19:00:00.000+08:00");
    assert_eq!(first[3], format!("detector {MARK}"));
    assert_eq!(first[5].parse::<f64>().unwrap(), channels[0].decimals.value(100));
    let quality = lines[0].iter().position(|title| title == "Quality").unwrap();
    assert_eq!((first[quality].as_str(), first[quality + 1].as_str()), ("good", "in time"));
    // The broken sensor has no value, and the row says why.
    assert_eq!(lines[11][6], "");
    assert_eq!(lines[11][quality], format!("{}: sensor open", channels[1].name));

    let (_, bare) = self::file(&world, json!({"byte_order_mark": false, "language": "zh-TW"})).await;
    assert!(bare.text.starts_with("時間 (Asia/Shanghai),"), "{}", bare.text);
}

#[tokio::test]
async fn steps_are_whole_and_a_gap_is_a_gap() {
    let world = World::new().await;
    let channels = two_hours(&world).await;
    for (step, rows) in [("hour", 3), ("quarter_hour", 12), ("day", 1)] {
        let (run, file) = file(
            &world,
            json!({"step": step, "channel_ids": [channels[0].id.0],
            "detector_id": null}),
        )
        .await;
        assert_eq!(run["rows"], json!(rows), "{step}: {}", file.text);
        let lines = lines(&file.text);
        let (name, unit) = (&channels[0].name, channels[0].quantity.unit());
        let titles = [
            format!("{name} min ({unit})"),
            format!("{name} mean ({unit})"),
            format!("{name} max ({unit})"),
            format!("{name} count"),
        ];
        assert_eq!(lines[0][5..], titles, "{step}");
    }
    let (_, file) = file(&world, json!({"step": "hour"})).await;
    let lines = lines(&file.text);
    let value = |line: usize, column: usize| lines[line][column].parse::<f64>().unwrap();
    let of = |raw| channels[0].decimals.value(raw);
    assert_eq!((value(1, 5), value(1, 7), value(1, 8)), (of(100), of(159), 60.0));
    assert!((value(1, 6) - channels[0].decimals.value(1) * 129.5).abs() < 1e-9);
    // The second channel had one minute without a value.
    assert_eq!(value(1, 12), 59.0);
    assert_eq!(lines[2][0], "2026-11-24T20:00:00.000+08:00");
    assert!(lines[2][5..].iter().all(String::is_empty), "the silent hour is an empty row");
    assert_eq!((value(3, 5), value(3, 7)), (of(220), of(279)));
}

#[tokio::test]
async fn a_workbook_and_parquet_say_the_same() {
    let world = World::new().await;
    let channels = two_hours(&world).await;
    let (run, file) = file(&world, json!({"format": "xlsx"})).await;
    assert_eq!(run["state"], "finished");
    let sheets = cells(&file.bytes);
    assert_eq!((sheets.len(), sheets[0].0.as_str(), sheets[0].1.len()), (1, "Readings", 121));
    assert_eq!(sheets[0].1[0][0], "Time (Asia/Shanghai)");
    assert_eq!(sheets[0].1[1][5].parse::<f64>().unwrap(), channels[0].decimals.value(100));

    let (run, file) = self::file(&world, json!({"format": "parquet"})).await;
    assert_eq!((&run["state"], &run["bytes"]), (&json!("finished"), &json!(file.bytes.len())));
    let reader = SerializedFileReader::new(axum::body::Bytes::from(file.bytes)).unwrap();
    let about = reader.metadata().file_metadata();
    assert_eq!(about.num_rows(), 120);
    let first = reader.get_row_iter(None).unwrap().next().unwrap().unwrap();
    assert_eq!(first.get_timestamp_millis(0).unwrap(), BEGIN.0 + 3_600_000);
    assert_eq!(first.get_double(5).unwrap(), channels[0].decimals.value(100));
    let columns = about.key_value_metadata().unwrap().iter().find(|pair| pair.key == "emberwatch.columns");
    let columns: Value = serde_json::from_str(columns.unwrap().value.as_ref().unwrap()).unwrap();
    assert_eq!(columns[0]["column"], channels[0].code.as_str());
    assert_eq!(columns[0]["unit"], channels[0].quantity.unit());
}

#[tokio::test]
async fn what_is_sealed_is_exported_as_what_is_not() {
    let mut world = World::new().await;
    two_hours(&world).await;
    let before = file(&world, json!({})).await.1.text;
    world.platform.clock.advance(3 * 86_400_000);
    let rules = store::history::SealRules::default();
    while world.platform.store.seal(&rules, world.platform.clock.now()).await.unwrap().more {}
    // Three days later the session is over.
    world.admin = world.platform.person("admin").await;
    assert_eq!(file(&world, json!({})).await.1.text, before);
}

#[tokio::test]
async fn an_export_is_its_owners_and_is_fetched_once() {
    let world = World::new().await;
    two_hours(&world).await;
    let made = asked(&world, &world.admin, json!({})).await;
    let path = format!("/exports/{}", made.id());
    let other =
        world.platform.account("other", vec![grant(Role::Administrator, Some(world.inside), None)]).await;
    assert_eq!(world.platform.get(&path, &other).await.status, StatusCode::NOT_FOUND);
    assert_eq!(world.platform.get(&format!("{path}/file"), &other).await.status, StatusCode::NOT_FOUND);
    assert_eq!(world.platform.get(&format!("{path}/file"), &world.admin).await.status, StatusCode::OK);
    let again = world.platform.get(&format!("{path}/file"), &world.admin).await;
    assert_eq!((again.status, again.code().as_str()), (StatusCode::CONFLICT, "conflict"));

    // A neighbour of the same organisation gets nothing, by whatever way they ask.
    let neighbour = world
        .platform
        .account("neighbour", vec![grant(Role::Administrator, Some(world.inside), Some(NEXT_AREA))])
        .await;
    for what in [
        json!({}),
        json!({"detector_id": null, "site_id": world.site}),
        json!({"detector_id": null, "circuit_id": world.circuit}),
        json!({"detector_id": null, "channel_ids": [world.channel]}),
    ] {
        let refused = asked(&world, &neighbour, what).await;
        assert_eq!(refused.status, StatusCode::NOT_FOUND, "{}", refused.text);
        assert!(!refused.text.contains(MARK) && !refused.text.contains(OWNERS));
    }

    let log = world.platform.get("/audit?action=readings.export", &world.admin).await.json();
    let entry = &log["items"][0];
    assert_eq!(log["items"].as_array().unwrap().len(), 1, "{log}");
    assert_eq!(entry["object_kind"], "site", "{entry}");
    assert!(entry.to_string().contains("2026-11-24T10:30:00"), "{entry}");
}

#[tokio::test]
async fn only_a_few_at_once_and_a_place_comes_back() {
    let platform = Platform::start_with(|config| config.exports_at_once = 1).await;
    let world = World::on(platform).await;
    two_hours(&world).await;
    let first = asked(&world, &world.admin, json!({})).await;
    let refused = asked(&world, &world.admin, json!({})).await;
    assert_eq!((refused.status, refused.code().as_str()), (StatusCode::TOO_MANY_REQUESTS, "rate_limited"));
    assert_eq!(refused.headers["retry-after"], "10");
    let path = format!("/exports/{}", first.id());
    let gone = world.platform.call("DELETE", &path, Some(&world.admin), None).await;
    assert_eq!(gone.status, StatusCode::NO_CONTENT);
    let run = world.platform.get(&path, &world.admin).await.json();
    assert_eq!((&run["state"], &run["failure"]), (&json!("failed"), &json!("cancelled")));

    // Nobody comes for the second: a minute later its place is free.
    let second = asked(&world, &world.admin, json!({})).await;
    assert_eq!(second.status, StatusCode::CREATED, "{}", second.text);
    world.platform.clock.advance(61_000);
    let third = asked(&world, &world.admin, json!({})).await;
    assert_eq!(third.status, StatusCode::CREATED, "{}", third.text);
    let run = world.platform.get(&format!("/exports/{}", second.id()), &world.admin).await.json();
    assert_eq!(run["failure"], "not_fetched");
}

#[tokio::test]
async fn a_reader_that_goes_away_frees_the_place_and_one_signed_out_gets_no_more() {
    let platform = Platform::start_with(|config| config.exports_at_once = 1).await;
    let world = World::on(platform).await;
    two_hours(&world).await;
    let fetch = async |who: &Person| {
        let made = asked(&world, who, json!({})).await;
        assert_eq!(made.status, StatusCode::CREATED, "{}", made.text);
        let path = format!("/exports/{}", made.id());
        let request = Platform::request("GET", &format!("{path}/file"), Some(who), None);
        (path, world.platform.router.clone().oneshot(request).await.unwrap())
    };
    let ended = async |path: &str| loop {
        let run = world.platform.get(path, &world.admin).await.json();
        if run["state"] != "running" {
            break run;
        }
        tokio::task::yield_now().await;
    };
    let (path, response) = fetch(&world.admin).await;
    drop(response);
    let run = ended(&path).await;
    assert!(run["failure"] == "reader_gone" || run["state"] == "finished", "{run}");

    // Called off before its first row: the body breaks off, it does not end.
    let (path, response) = fetch(&world.admin).await;
    let gone = world.platform.call("DELETE", &path, Some(&world.admin), None).await;
    assert_eq!(gone.status, StatusCode::NO_CONTENT);
    let body = response.into_body().collect().await;
    let run = ended(&path).await;
    assert_eq!(body.is_err(), run["state"] == "failed", "{run}");
}

#[tokio::test]
async fn what_cannot_be_exported_is_said() {
    let world = World::new().await;
    for (more, field) in [
        (json!({"site_id": world.site}), ""),
        (json!({"detector_id": null}), ""),
        (json!({"to": "2026-11-24T10:00:00Z"}), "to"),
        (json!({"to": "2046-11-24T10:00:00Z"}), "to"),
        (json!({"quantities": ["arc_count"]}), "quantities"),
        (json!({"format": "pdf"}), "format"),
    ] {
        let refused = asked(&world, &world.admin, more).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", refused.text);
        assert_eq!(refused.json()["errors"][0]["field"], field, "{}", refused.text);
    }
    let nobody = asked(&world, &world.admin, json!({"detector_id": null, "channel_ids": [999_999]})).await;
    assert_eq!(nobody.status, StatusCode::NOT_FOUND);
}
