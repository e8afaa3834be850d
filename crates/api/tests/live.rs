//! The live stream: resume, gaps, scope, values on demand, ends and limits.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[cfg(test)]
mod platform;

use std::time::Duration;

use axum::body::Body;
use axum::http::StatusCode;
use axum::response::Response;
use bus::LiveKind;
use bus::live::LiveValue;
use domain::access::Role;
use domain::hazard::Hazard;
use domain::id::{AlarmId, ChannelId};
use domain::place::{AreaCode, OrganisationPath};
use domain::reading::Quality;
use futures::StreamExt as _;
use platform::{AREA, NEXT_AREA, Person, Platform, World, grant};
use serde_json::{Value, json};
use tower::ServiceExt as _;

/// One event as it came.
#[derive(Debug)]
struct Event {
    name: String,
    id: String,
    data: Value,
}

/// An open stream.
struct Stream {
    body: axum::body::BodyDataStream,
    rest: String,
}

impl Stream {
    async fn open(platform: &Platform, who: &Person, query: &str, last: Option<&str>) -> Self {
        let response = Self::ask(platform, who, query, last).await;
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        assert!(!response.headers().contains_key("content-encoding"));
        Self { body: response.into_body().into_data_stream(), rest: String::new() }
    }

    async fn ask(platform: &Platform, who: &Person, query: &str, last: Option<&str>) -> Response<Body> {
        let mut request = Platform::request("GET", &format!("/live{query}"), Some(who), None);
        request.headers_mut().insert("accept-encoding", "gzip".parse().unwrap());
        if let Some(last) = last {
            request.headers_mut().insert("last-event-id", last.parse().unwrap());
        }
        platform.router.clone().oneshot(request).await.unwrap()
    }

    /// The next event; `None` when the stream has ended.
    async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some((block, rest)) = self.rest.split_once("\n\n") {
                let field = |name: &str| {
                    let found = block.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
                    found.unwrap_or_default().to_owned()
                };
                let event = Event {
                    name: field("event"),
                    id: field("id"),
                    data: serde_json::from_str(&field("data")).unwrap_or(Value::Null),
                };
                self.rest = rest.to_owned();
                return Some(event);
            }
            let chunk = tokio::time::timeout(Duration::from_secs(20), self.body.next())
                .await
                .expect("an event in time");
            match chunk {
                Some(Ok(bytes)) => self.rest.push_str(&String::from_utf8_lossy(&bytes)),
                Some(Err(_)) | None => return None,
            }
        }
    }

    async fn named(&mut self, name: &str) -> Event {
        loop {
            let event = self.next().await.expect("the stream goes on");
            if event.name == name {
                return event;
            }
        }
    }
}

fn status_of(world: &World, organisation: &str, area: &str) {
    let kind = LiveKind::Status { detector: world.detector, site: domain::id::SiteId(world.site) };
    let place = (Some(OrganisationPath(organisation.to_owned())), Some(AreaCode(area.to_owned())));
    world.platform.engine.live().publish(place.0, place.1, kind);
}

#[tokio::test]
async fn an_alarm_comes_whole_and_a_broken_line_loses_nothing() {
    let world = World::new().await;
    let platform = &world.platform;
    let mut stream = Stream::open(platform, &world.admin, "", None).await;
    let hello = stream.next().await.unwrap();
    assert_eq!((hello.name.as_str(), hello.data["boot"].as_str().unwrap()), ("hello", "test"));
    platform.post(&format!("/alarms/{}/comment", world.alarm), &world.admin, json!({"comment": "one"})).await;
    let first = stream.named("alarm").await;
    assert_eq!(first.data["id"], world.alarm);
    assert_eq!(first.data["hazard"], "short_circuit");
    assert!(first.id.starts_with("test-"));
    drop(stream);

    // The line is broken; two things happen; the reader comes back with the last id it saw.
    platform.post(&format!("/alarms/{}/acknowledge", world.alarm), &world.admin, json!({})).await;
    platform.says(world.detector, Hazard::ShortCircuit, None).await;
    platform.clock.advance(60_000);
    platform.says(world.detector, Hazard::ShortCircuit, None).await;
    let mut again = Stream::open(platform, &world.admin, "", Some(&first.id)).await;
    assert_eq!(again.next().await.unwrap().name, "hello");
    let event = again.named("alarm").await;
    assert_eq!(event.data["id"], world.alarm);
    assert_ne!(event.data["state"], "unacknowledged");

    // By parameter too, for readers that cannot send the header.
    let mut by_query =
        Stream::open(platform, &world.admin, &format!("?last_event_id={}", first.id), None).await;
    assert_eq!(by_query.next().await.unwrap().name, "hello");
    assert_eq!(by_query.named("alarm").await.data["id"], world.alarm);
}

#[tokio::test]
async fn who_comes_too_late_or_from_another_run_is_told_of_a_gap() {
    let world = World::on(Platform::start_with(|config| config.live_kept = 2).await).await;
    let mut stream = Stream::open(&world.platform, &world.admin, "", None).await;
    let hello = stream.next().await.unwrap();
    for _ in 0..4 {
        status_of(&world, "/1/2/", AREA);
    }
    for _ in 0..4 {
        stream.named("status").await;
    }
    for last in [hello.id.as_str(), "another-7", "nonsense", "test-999999"] {
        let mut late = Stream::open(&world.platform, &world.admin, "", Some(last)).await;
        assert_eq!(late.next().await.unwrap().name, "hello", "{last}");
        let gap = late.next().await.unwrap();
        assert_eq!((gap.name.as_str(), &gap.data["reason"]), ("gap", &json!("too_old")), "{last}");
    }
}

#[tokio::test]
async fn a_slow_reader_is_told_of_a_gap_and_goes_on() {
    let world = World::on(Platform::start_with(|config| config.live_behind = 8).await).await;
    let mut slow = Stream::open(&world.platform, &world.admin, "", None).await;
    let mut watch = Stream::open(&world.platform, &world.admin, "", None).await;
    assert_eq!(slow.next().await.unwrap().name, "hello");
    for _ in 0..10 {
        status_of(&world, "/1/2/", AREA);
        status_of(&world, "/1/2/", AREA);
        watch.named("status").await;
        watch.named("status").await;
    }
    assert_eq!(slow.next().await.unwrap().name, "gap");
    status_of(&world, "/1/2/", AREA);
    assert_eq!(slow.next().await.unwrap().name, "status");
    assert!(world.platform.engine.counters().live_gaps.get() >= 1);
}

#[tokio::test]
async fn nothing_leaves_the_scope_and_values_come_only_on_demand() {
    let world = World::new().await;
    let platform = &world.platform;
    let neighbour =
        platform.account("neighbour", vec![grant(Role::Operator, Some(world.inside), Some(NEXT_AREA))]).await;
    let insider =
        platform.account("insider", vec![grant(Role::Operator, Some(world.inside), Some(AREA))]).await;
    let mut blind = Stream::open(platform, &neighbour, "?values=all", None).await;
    let mut plain = Stream::open(platform, &insider, "", None).await;
    let mut keen = Stream::open(platform, &insider, &format!("?detector={}", world.detector), None).await;
    let path = OrganisationPath(format!("/1/{}/", world.inside));
    let value = LiveValue {
        channel: ChannelId(world.channel),
        value: Some(41.5),
        quality: Quality::Good,
        measured_at: platform::BEGIN,
        received_at: platform::BEGIN,
    };
    let kind = LiveKind::Values {
        detector: world.detector,
        site: domain::id::SiteId(world.site),
        channels: vec![value],
    };
    let alarm = LiveKind::Alarm {
        alarm: AlarmId(world.alarm),
        detector: world.detector,
        site: domain::id::SiteId(world.site),
    };
    for kind in [kind, alarm] {
        platform.engine.live().publish(Some(path.clone()), Some(AreaCode(AREA.to_owned())), kind);
    }
    // Only administrators may see what belongs to nobody.
    platform.engine.live().publish(None, None, LiveKind::Pending);
    platform.engine.live().publish(
        None,
        None,
        LiveKind::Storage { warning: true, state: bus::StorageState::Well },
    );
    for (stream, wanted) in [
        (&mut blind, vec!["hello", "storage"]),
        (&mut plain, vec!["hello", "alarm", "storage"]),
        (&mut keen, vec!["hello", "values", "alarm", "storage"]),
    ] {
        let mut names = Vec::new();
        for _ in &wanted {
            names.push(stream.next().await.unwrap().name);
        }
        assert_eq!(names, wanted);
    }
}

#[tokio::test]
async fn a_stream_ends_with_its_session_and_is_limited_per_person() {
    let world = World::on(Platform::start_with(|config| config.max_streams_per_user = 2).await).await;
    let platform = &world.platform;
    let person = platform.account("wang", vec![grant(Role::Operator, Some(world.inside), None)]).await;
    let mut first = Stream::open(platform, &person, "", None).await;
    let second = Stream::open(platform, &person, "", None).await;
    let third = Stream::ask(platform, &person, "", None).await;
    assert_eq!(third.status(), StatusCode::TOO_MANY_REQUESTS);
    drop(second);
    let _second = Stream::open(platform, &person, "", None).await;
    assert_eq!(first.next().await.unwrap().name, "hello");
    platform.call("DELETE", "/session", Some(&person), None).await;
    assert!(first.next().await.is_none(), "signed out");

    let mut watched = Stream::open(platform, &world.admin, "", None).await;
    watched.next().await.unwrap();
    platform.api.stop.cancel();
    assert!(watched.next().await.is_none(), "the server stops");
}

#[tokio::test]
async fn a_quiet_stream_gives_a_sign_of_life() {
    let world =
        World::on(Platform::start_with(|config| config.ping_every = Duration::from_millis(20)).await).await;
    let mut stream = Stream::open(&world.platform, &world.admin, "", None).await;
    let hello = stream.named("hello").await;
    let ping = stream.named("ping").await;
    assert!(ping.data["server_now"].is_string());
    // Something may have happened in between: the place never goes back, in the same run.
    let place =
        |id: &str| id.rsplit_once('-').map(|(boot, seq)| (boot.to_owned(), seq.parse::<u64>().unwrap()));
    let (before, after) = (place(&hello.id).unwrap(), place(&ping.id).unwrap());
    assert_eq!(before.0, after.0);
    assert!(after.1 >= before.1, "{} after {}", ping.id, hello.id);
}

#[tokio::test]
async fn asks_for_nonsense_are_refused() {
    let world = World::new().await;
    for query in ["?values=some", "?detector=x", "?other=1"] {
        let response = Stream::ask(&world.platform, &world.admin, query, None).await;
        assert_eq!(response.status(), StatusCode::UNPROCESSABLE_ENTITY, "{query}");
    }
}

#[tokio::test]
async fn a_command_is_told_to_who_sees_its_site_and_to_nobody_else() {
    let world = World::new().await;
    let platform = &world.platform;
    let neighbour = platform
        .account("neighbour", vec![grant(Role::Administrator, Some(world.inside), Some(NEXT_AREA))])
        .await;
    let mut inside = Stream::open(platform, &world.admin, "", None).await;
    let mut outside = Stream::open(platform, &neighbour, "", None).await;
    let reset = json!({"detector_id": world.detector.0, "kind": "reset"});
    let made = platform.post("/commands", &world.admin, reset).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.text);
    platform.api.live.publish(None, None, LiveKind::Changed { what: "settings" });
    loop {
        let event = inside.next().await.unwrap();
        if event.name == "command" {
            assert_eq!((&event.data["id"], &event.data["state"]), (&json!(made.id()), &json!("queued")));
            break;
        }
    }
    loop {
        let event = outside.next().await.unwrap();
        assert_ne!(event.name, "command");
        if event.name == "changed" {
            break;
        }
    }
}
