//! Commands over the API: who may, the password, the second person, interlocks, trials, batches.

#[cfg(test)]
mod platform;

use axum::http::StatusCode;
use domain::access::Role;
use platform::{PASSWORD, Person, World, grant};
use serde_json::{Value, json};

fn trip(detector: i64, password: &str) -> Value {
    json!({"detector_id": detector, "kind": "trip", "reason": "检修", "password": password})
}

async fn somebody(world: &World, login: &str, role: Role) -> Person {
    world.platform.account(login, vec![grant(role, Some(world.inside), None)]).await
}

#[tokio::test]
async fn each_role_may_what_it_may() {
    let (world, breaker) = World::with_breaker("leakage-breaker").await;
    let raw = json!({"detector_id": breaker, "kind": "raw_read", "read": {"function": 4, "address": 4, "count": 2}});
    for (role, may_trip, may_read) in [
        (Role::SafetyManager, true, false),
        (Role::Electrician, true, false),
        (Role::Operator, false, false),
        (Role::Owner, false, false),
        (Role::Regulator, false, false),
    ] {
        let who = somebody(&world, role.code(), role).await;
        let tripped = world.platform.post("/commands", &who, trip(breaker, PASSWORD)).await;
        let wanted = if may_trip { StatusCode::CREATED } else { StatusCode::FORBIDDEN };
        assert_eq!(tripped.status, wanted, "{role:?}: {}", tripped.text);
        let read = world.platform.post("/commands", &who, raw.clone()).await;
        assert_eq!(read.status == StatusCode::CREATED, may_read, "{role:?}: {}", read.text);
        let options = world.platform.get(&format!("/detectors/{breaker}/commands"), &who).await.json();
        let items = options["items"].as_array().unwrap();
        let of = |kind: &str| items.iter().find(|item| item["kind"] == kind).unwrap();
        assert_eq!(of("trip")["permitted"], may_trip, "{role:?}");
        assert_eq!(of("trip")["needs_password"], true);
        assert_eq!(of("trip")["read_back"], true);
    }
    let read = world.platform.post("/commands", &world.admin, raw).await;
    assert_eq!(read.status, StatusCode::CREATED, "{}", read.text);
}

#[tokio::test]
async fn a_trip_asks_for_the_password_and_counts_wrong_ones() {
    let (world, breaker) = World::with_breaker("leakage-breaker").await;
    let who = somebody(&world, "electrician", Role::Electrician).await;
    let mut asked = trip(breaker, PASSWORD);
    asked["reason"] = json!(" ");
    let refused = world.platform.post("/commands", &who, asked.clone()).await.json();
    assert_eq!(refused["errors"][0]["field"], "reason");
    asked = trip(breaker, "");
    let refused = world.platform.post("/commands", &who, asked).await.json();
    assert_eq!(
        (&refused["errors"][0]["field"], &refused["errors"][0]["code"]),
        (&json!("password"), &json!("missing"))
    );
    for _ in 0..4 {
        let refused = world.platform.post("/commands", &who, trip(breaker, "guessed")).await;
        assert_eq!(refused.json()["errors"][0]["code"], "wrong", "{}", refused.text);
    }
    let locked = world.platform.post("/commands", &who, trip(breaker, "guessed")).await;
    assert_eq!((locked.status, locked.code()), (StatusCode::TOO_MANY_REQUESTS, "locked_out".to_owned()));
    let locked = world.platform.post("/commands", &who, trip(breaker, PASSWORD)).await;
    assert_eq!(locked.status, StatusCode::TOO_MANY_REQUESTS, "the right one neither, while it lasts");
    let sign_in = world.platform.sign_in("electrician", PASSWORD).await;
    assert_eq!(sign_in.status, StatusCode::TOO_MANY_REQUESTS, "it is the sign-in's lock-out");
    world.platform.clock.advance(31_000);
    let done = world.platform.post("/commands", &who, trip(breaker, PASSWORD)).await;
    assert_eq!(done.status, StatusCode::CREATED, "{}", done.text);
    let row = done.json();
    assert_eq!(
        (&row["state"], &row["open"], &row["asked_by"]),
        (&json!("queued"), &json!(true), &json!("name of electrician"))
    );
    assert!(!done.text.contains(PASSWORD));

    let token = json!({"name": "program", "role": "administrator"});
    let made = world.platform.post("/tokens", &world.admin, token).await.json();
    let program = Person::program(made["token"].as_str().unwrap());
    let refused = world.platform.post("/commands", &program, trip(breaker, PASSWORD)).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN, "a program has no password: {}", refused.text);
}

#[tokio::test]
async fn two_persons_where_the_site_says_so() {
    let (world, breaker) = World::with_breaker("leakage-breaker").await;
    let changed = world
        .platform
        .call(
            "PATCH",
            &format!("/sites/{}", world.site),
            Some(&world.admin),
            Some(&json!({"two_person_switching": true, "version": 1})),
        )
        .await;
    assert_eq!(changed.json()["two_person_switching"], true, "{}", changed.text);
    let manager = somebody(&world, "manager", Role::SafetyManager).await;
    let made = world.platform.post("/commands", &manager, trip(breaker, PASSWORD)).await;
    assert_eq!(made.json()["state"], "awaiting_approval", "{}", made.text);
    let approve = format!("/commands/{}/approve", made.id());
    let password = json!({ "password": PASSWORD });
    let same = world.platform.post(&approve, &manager, password.clone()).await;
    assert_eq!((same.status, same.code()), (StatusCode::CONFLICT, "same_person".to_owned()));
    let wrong = world.platform.post(&approve, &world.admin, json!({"password": "guessed"})).await;
    assert_eq!(wrong.json()["errors"][0]["code"], "wrong");
    let agreed = world.platform.post(&approve, &world.admin, password.clone()).await.json();
    assert_eq!((&agreed["state"], &agreed["approved_by"]), (&json!("queued"), &json!("name of admin")));
    let twice = world.platform.post(&approve, &world.admin, password).await;
    assert_eq!(twice.code(), "not_waiting");
    let cancelled =
        world.platform.post(&format!("/commands/{}/cancel", made.id()), &manager, json!({})).await;
    assert_eq!(cancelled.json()["state"], "cancelled", "{}", cancelled.text);
    let twice = world.platform.post(&format!("/commands/{}/cancel", made.id()), &manager, json!({})).await;
    assert_eq!((twice.status, twice.code()), (StatusCode::CONFLICT, "not_cancellable".to_owned()));
    let detail = world.platform.get(&format!("/commands/{}", made.id()), &manager).await.json();
    let steps: Vec<_> =
        detail["transitions"].as_array().unwrap().iter().map(|step| step["to_state"].clone()).collect();
    assert_eq!(steps, [json!("awaiting_approval"), json!("queued"), json!("cancelled")]);
}

#[tokio::test]
async fn a_circuit_that_feeds_a_fire_pump_is_refused_and_that_is_kept() {
    let (world, breaker) = World::with_breaker("leakage-breaker").await;
    let path = format!("/circuits/{}", world.circuit);
    let body = json!({"load_kind": "fire_pump", "version": 1});
    assert_eq!(
        world.platform.call("PATCH", &path, Some(&world.admin), Some(&body)).await.status,
        StatusCode::OK
    );
    let refused = world.platform.post("/commands", &world.admin, trip(breaker, PASSWORD)).await;
    assert_eq!((refused.status, refused.code()), (StatusCode::CONFLICT, "interlocked".to_owned()));
    let list =
        world.platform.get(&format!("/commands?detector={breaker}&state=refused"), &world.admin).await.json();
    assert_eq!(
        (&list["items"][0]["outcome"], &list["items"][0]["detail"]),
        (&json!("interlocked"), &json!("fire_pump"))
    );
    let audit = world.platform.get("/audit?action=command", &world.admin).await.json();
    assert_eq!(audit["items"][0]["action"], "command.refused");
    let options = world.platform.get(&format!("/detectors/{breaker}/commands"), &world.admin).await.json();
    let blocked: Vec<_> =
        options["items"].as_array().unwrap().iter().map(|item| item["blocked"].clone()).collect();
    assert_eq!(blocked, [json!("fire_pump"), json!("fire_pump"), json!(null)], "trip, close, raw read");
}

#[tokio::test]
async fn a_set_point_follows_its_trial() {
    let (world, relay) = World::with_breaker("asj-relay").await;
    let who = somebody(&world, "electrician", Role::Electrician).await;
    let trial = json!({"detector_id": relay, "hazard": "residual_current", "own": {"alarm": 300}});
    let tried = world.platform.post("/what-if", &who, trial).await;
    assert_eq!(tried.status, StatusCode::OK, "{}", tried.text);
    let tried = tried.json();
    assert_eq!((&tried["unit"], &tried["candidate"]["limits"]["alarm"]), (&json!("mA"), &json!(300.0)));
    assert_eq!((&tried["readings"], &tried["today"]["alarms"]), (&json!(0), &json!(0)));
    let mut set = json!({"detector_id": relay, "kind": "set_point", "code": "alarm", "value": 300});
    let refused = world.platform.post("/commands", &who, set.clone()).await.json();
    assert_eq!(refused["errors"][0]["field"], "what_if_id");
    set["what_if_id"] = tried["id"].clone();
    let made = world.platform.post("/commands", &who, set.clone()).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.text);
    assert_eq!((&made.json()["unit"], &made.json()["read_back"]), (&json!("mA"), &json!(true)));
    set["value"] = json!(5);
    let refused = world.platform.post("/commands", &who, set).await.json();
    assert_eq!(
        (&refused["errors"][0]["field"], &refused["errors"][0]["params"]["min"]),
        (&json!("value"), &json!(10.0))
    );
    let wrong = json!({"detector_id": relay, "hazard": "residual_current", "own": {"alarm": 5}});
    let wrong = world.platform.post("/what-if", &who, wrong).await;
    assert_eq!(wrong.json()["errors"][0]["field"], "alarm", "{}", wrong.text);
}

#[tokio::test]
async fn many_detectors_at_once() {
    let (world, other) = World::with_breaker("arcm300-modbus").await;
    let who = somebody(&world, "operator", Role::Operator).await;
    let asked = json!({"filter": {"site_id": world.site}, "kind": "reset", "reason": "月检"});
    let made = world.platform.post("/command-batches", &who, asked).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.text);
    let batch = made.json();
    assert_eq!(
        (&batch["total"], &batch["counts"]["queued"], &batch["open"]),
        (&json!(2), &json!(2), &json!(2))
    );
    let of_batch =
        world.platform.get(&format!("/commands?batch={}&state=open", made.id()), &who).await.json();
    assert_eq!(of_batch["total"], 2);
    let stopped =
        world.platform.post(&format!("/command-batches/{}/stop", made.id()), &who, json!({})).await.json();
    assert_eq!((&stopped["counts"]["cancelled"], &stopped["open"]), (&json!(2), &json!(0)));
    assert!(stopped["stopped_at"].is_string());
    let list = world.platform.get("/command-batches", &who).await.json();
    assert_eq!(list["items"][0]["id"], made.id());
    let tripped = json!({"detector_ids": [other], "kind": "trip", "reason": "x"});
    let refused = world.platform.post("/command-batches", &world.admin, tripped).await.json();
    assert_eq!(refused["errors"][0]["code"], "one_at_a_time");
    let both = json!({"detector_ids": [other], "filter": {}, "kind": "mute"});
    let refused = world.platform.post("/command-batches", &world.admin, both).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
}
