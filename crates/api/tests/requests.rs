//! What goes for every endpoint: problem documents, bad input, pages, files, headers; and the acts of people.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on fails")]

#[cfg(test)]
mod platform;

use std::net::SocketAddr;

use axum::body::Body;
use axum::http::{Request, StatusCode};
use platform::{AREA, MARK, Platform, World};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

fn problem(text: &str) -> Value {
    let mut problem: Value = serde_json::from_str(text).unwrap();
    assert!(!problem["request_id"].as_str().unwrap().is_empty());
    problem["request_id"] = json!("…");
    problem
}

#[tokio::test]
async fn refusals_are_problem_documents() {
    let world = World::new().await;
    let platform = &world.platform;
    let mut seen = Vec::new();
    for (method, path, body) in [
        ("GET", "/nowhere", None),
        ("GET", "/alarms/999999", None),
        ("GET", "/alarms/abc", None),
        ("PUT", "/alarms", None),
        ("POST", "/sites", None),
        ("GET", "/alarms?limit=0", None),
        ("GET", "/alarms?severity=terrible", None),
        ("GET", "/alarms?cursor=00ff", None),
        ("POST", "/sites", Some(json!({"name": "", "area_code": AREA, "organisation_id": 1, "lon": 113.0}))),
        ("POST", "/sites", Some(json!({"name": "x", "area_code": "999999", "organisation_id": 1}))),
    ] {
        let answer = platform.call(method, path, Some(&world.admin), body.as_ref()).await;
        assert_eq!(answer.headers["content-type"], "application/problem+json", "{method} {path}");
        assert_eq!(answer.json()["request_id"], answer.headers["x-request-id"].to_str().unwrap());
        seen.push(json!({ "asked": format!("{method} {path}"), "answer": problem(&answer.text) }));
    }
    insta::assert_json_snapshot!(seen);
}

#[tokio::test]
async fn the_request_id_of_a_proxy_is_taken_over() {
    let platform = Platform::start().await;
    let request =
        Request::builder().uri("/api/v1/session").header("x-request-id", "proxy-17").body(Body::empty());
    let answer = platform.send(request.unwrap()).await;
    assert_eq!(answer.json()["request_id"], "proxy-17");
}

#[tokio::test]
async fn large_bodies_and_wrong_types_are_refused() {
    let world = World::on(Platform::start_with(|config| config.max_body_bytes = 2000).await).await;
    let long = json!({"comment": "x".repeat(3000)});
    let path = format!("/alarms/{}/comment", world.alarm);
    assert_eq!(world.platform.post(&path, &world.admin, long).await.status, StatusCode::PAYLOAD_TOO_LARGE);
    let mut request = Platform::request("POST", &path, Some(&world.admin), Some(&json!({"comment": "x"})));
    request.headers_mut().insert("content-type", "text/plain".parse().unwrap());
    let refused = world.platform.send(request).await;
    assert_eq!(refused.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    assert_eq!(refused.code(), "unsupported_media_type");
}

#[tokio::test]
async fn pages_follow_one_another_without_holes() {
    let world = World::new().await;
    let mut seen = Vec::new();
    let mut path = "/sites?limit=1&sort=name".to_owned();
    loop {
        let page = world.platform.get(&path, &world.admin).await.json();
        assert!(page["items"].as_array().unwrap().len() <= 1);
        seen.extend(page["items"].as_array().unwrap().iter().map(|site| site["id"].as_i64().unwrap()));
        let Some(cursor) = page["next_cursor"].as_str() else { break };
        // A cursor of another order is refused.
        let wrong =
            world.platform.get(&format!("/sites?limit=1&sort=-name&cursor={cursor}"), &world.admin).await;
        assert_eq!(wrong.json()["errors"][0]["field"], "cursor");
        path = format!("/sites?limit=1&sort=name&cursor={cursor}");
    }
    seen.sort_unstable();
    seen.dedup();
    assert_eq!(seen.len(), 3);
}

#[tokio::test]
async fn an_alarm_is_taken_given_back_commented_and_reset() {
    let world = World::new().await;
    let platform = &world.platform;
    let path = |what: &str| format!("/alarms/{}{what}", world.alarm);
    let early = platform.post(&path("/reset"), &world.admin, json!({})).await;
    assert_eq!(early.status, StatusCode::CONFLICT, "{}", early.text);
    let taken = platform.post(&path("/acknowledge"), &world.admin, json!({"comment": "on it"})).await.json();
    assert_eq!(
        (&taken["state"], &taken["acknowledged_by"]),
        (&json!("acknowledged"), &json!("name of admin"))
    );
    assert_eq!(
        platform.post(&path("/acknowledge"), &world.admin, json!({})).await.code(),
        "already_acknowledged"
    );
    let back = platform.call("POST", &path("/undo-acknowledge"), Some(&world.admin), None).await.json();
    assert_eq!(back["state"], "unacknowledged");
    let many = json!({"ids": [world.alarm, 99_999, world.alarm]});
    let done = platform.post("/alarms/acknowledge", &world.admin, many).await.json();
    assert_eq!(done, json!({"done": [world.alarm], "refused": [{"id": 99_999, "code": "not_found"}]}));
    let present = platform.post(&path("/reset"), &world.admin, json!({})).await;
    assert_eq!(present.code(), "condition_present");
    platform.post(&path("/comment"), &world.admin, json!({"comment": "电工已出发"})).await;

    let detail = platform.get(&path(""), &world.admin).await.json();
    let events: Vec<_> =
        detail["transitions"].as_array().unwrap().iter().map(|t| t["event"].clone()).collect();
    assert_eq!(events, ["raised", "acknowledged", "unacknowledged", "acknowledged", "commented"]);
    assert_eq!(detail["transitions"][1]["actor"], json!({"kind": "user", "name": "name of admin"}));
    assert_eq!(detail["curve"], json!(null), "nothing is measured");

    let csv = platform.get("/alarms/export.csv?state=open", &world.admin).await;
    assert_eq!(csv.headers["content-type"], "text/csv; charset=utf-8");
    assert!(csv.text.starts_with("\u{feff}id,raised_at,"), "{}", csv.text);
    assert_eq!(csv.text.lines().count(), 2);
}

#[tokio::test]
async fn limits_say_where_they_come_from_and_hold_at_once() {
    let world = World::new().await;
    let platform = &world.platform;
    let path = format!("/settings/detector/{}", world.detector);
    let before = platform.get(&path, &world.admin).await.json();
    let hazard = |settings: &Value, name: &str| {
        settings["hazards"].as_array().unwrap().iter().find(|h| h["hazard"] == name).cloned().unwrap()
    };
    let residual = hazard(&before, "residual_current");
    assert_eq!(residual["version"], 0);
    assert!(residual["effective"]["alarm"]["origin"]["source"].is_string());

    let wrong = json!({"own": {"alarm": 5}, "version": 0});
    let refused =
        platform.call("PUT", &format!("{path}/residual_current"), Some(&world.admin), Some(&wrong)).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(refused.json()["errors"][0]["field"], "alarm");
    assert_eq!(refused.json()["errors"][0]["params"]["min"], 20.0);
    let right = json!({"own": {"alarm": 410, "warning": 240}, "version": 0});
    let set =
        platform.call("PUT", &format!("{path}/residual_current"), Some(&world.admin), Some(&right)).await;
    assert_eq!(set.status, StatusCode::OK, "{}", set.text);
    assert_eq!(set.json()["effective"]["alarm"]["origin"]["scope"], "detector");
    let stale =
        platform.call("PUT", &format!("{path}/residual_current"), Some(&world.admin), Some(&right)).await;
    assert_eq!(stale.code(), "conflict");

    let detector = platform.get(&format!("/detectors/{}", world.detector), &world.admin).await.json();
    let channel = detector["channels"]
        .as_array()
        .unwrap()
        .iter()
        .find(|c| c["quantity"] == "residual_current")
        .unwrap();
    assert_eq!(
        channel["limits"],
        json!({"warning": 240.0, "alarm": 410.0, "low_warning": null, "low_alarm": null})
    );
    let supervision = json!({"offline_factor": 5, "interval_s": 60, "version": 0});
    let path = format!("/settings/supervision/site/{}", world.site);
    let set = platform.call("PUT", &path, Some(&world.admin), Some(&supervision)).await;
    assert_eq!(set.status, StatusCode::OK, "{}", set.text);
    let detector = platform.get(&format!("/detectors/{}", world.detector), &world.admin).await.json();
    assert_eq!(detector["supervision"]["offline_after_s"], 300);
    let none = platform.get("/settings/channel/1/extra", &world.admin).await;
    assert_eq!(none.status, StatusCode::METHOD_NOT_ALLOWED);
}

#[tokio::test]
async fn a_waiting_terminal_is_admitted_to_a_new_place() {
    let world = World::new().await;
    let platform = &world.platform;
    let waiting = platform.get("/pending", &world.admin).await.json();
    assert_eq!(waiting["items"].as_array().unwrap().len(), 1);
    let path = format!("/pending/{}/admit", world.waiting);
    let nowhere = json!({"detectors": [{"profile_id": "none", "name": "x", "new_circuit": {"name": "c"}}]});
    let refused = platform.post(&path, &world.admin, nowhere).await.json();
    let fields: Vec<_> =
        refused["errors"].as_array().unwrap().iter().map(|e| e["field"].as_str().unwrap()).collect();
    assert_eq!(fields, ["detectors[0].profile_id", "detectors[0].panel_id"]);
    let admit = json!({"detectors": [{
        "profile_id": "arcm300-cloud", "name": "新探测器",
        "new_site": {"name": "新场所", "area_code": AREA, "organisation_id": world.inside.0},
        "new_panel": {"name": "总箱"}, "new_circuit": {"name": "一回路", "rated_current_a": 40, "phases": 3},
    }]});
    let admitted = platform.post(&path, &world.admin, admit).await;
    assert_eq!(admitted.status, StatusCode::OK, "{}", admitted.text);
    let id = admitted.json()["detector_ids"][0].clone();
    let detector = platform.get(&format!("/detectors/{id}"), &world.admin).await.json();
    assert_eq!((&detector["site_name"], &detector["circuit_name"]), (&json!("新场所"), &json!("一回路")));
    assert_eq!((&detector["status"], &detector["channels"][1]["stale"]), (&json!("unknown"), &json!(true)));
    let curve = platform.get(&format!("/detectors/{id}/curve?points=100"), &world.admin).await;
    assert_eq!(curve.status, StatusCode::OK, "{}", curve.text);
    let deleted = platform.call("DELETE", &format!("/detectors/{id}"), Some(&world.admin), None).await;
    assert_eq!(deleted.status, StatusCode::NO_CONTENT, "{}", deleted.text);
    assert_eq!(platform.get(&format!("/detectors/{id}"), &world.admin).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_real_socket_serves_screens_health_and_api() {
    let world = World::new().await;
    let listener = tokio::net::TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap();
    let address = listener.local_addr().unwrap();
    let served = tokio::spawn(api::serve(listener, world.platform.api.clone()));
    let ask = async |path: &str, more: &str| {
        let mut socket = tokio::net::TcpStream::connect(address).await.unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{more}\r\n");
        socket.write_all(request.as_bytes()).await.unwrap();
        let mut text = Vec::new();
        socket.read_to_end(&mut text).await.unwrap();
        String::from_utf8_lossy(&text).into_owned()
    };
    assert!(ask("/healthz", "").await.starts_with("HTTP/1.1 200"));
    assert!(ask("/readyz", "").await.starts_with("HTTP/1.1 200"));
    let page = ask("/alarms/17", "").await;
    assert!(page.starts_with("HTTP/1.1 200"));
    let head = page.to_lowercase();
    for header in [
        "content-security-policy: default-src 'self'; script-src 'self';",
        "x-content-type-options: nosniff",
        "x-frame-options: deny",
    ] {
        assert!(head.contains(header), "{header}");
    }
    assert!(ask("/api/v2/alarms", "").await.contains("\"not_found\""));
    let cookie = format!("cookie: {}\r\n", world.platform.person("admin").await.cookie);
    assert!(ask("/api/v1/sites", &cookie).await.contains(MARK));
    let packed = ask("/api/v1/openapi.json", "accept-encoding: gzip\r\n").await;
    assert!(packed.to_lowercase().contains("content-encoding: gzip"));
    let outline = ask("/api/v1/map/outline", &cookie).await;
    let etag = outline.lines().find_map(|line| line.strip_prefix("etag: ")).unwrap().to_owned();
    assert!(
        ask("/api/v1/map/outline", &format!("{cookie}if-none-match: {etag}\r\n"))
            .await
            .starts_with("HTTP/1.1 304")
    );
    world.platform.api.stop.cancel();
    served.await.unwrap().unwrap();
}
