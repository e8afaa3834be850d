//! First run, sign-in, lock-out, CSRF, one-time passwords, tokens.

#[cfg(test)]
mod platform;

use axum::http::StatusCode;
use domain::access::Role;
use platform::{AREA, PASSWORD, Person, Platform, World, grant};
use serde_json::json;

const NEW_PASSWORD: &str = "seven quiet lamps";

#[tokio::test]
async fn the_first_run_needs_the_code_of_the_console_and_happens_once() {
    let platform = Platform::start().await;
    assert_eq!(platform.call("GET", "/setup", None, None).await.json(), json!({"needed": true}));
    let code = platform.api.setup_code.clone().unwrap();
    let mut form = json!({
        "organisation_name": "株洲市智慧用电监控中心", "login": "admin.li", "name": "李明", "password": NEW_PASSWORD,
        "language": "zh-CN", "setup_code": "wrong",
    });
    let refused = platform.call("POST", "/setup", None, Some(&form)).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(refused.json()["errors"][0]["field"], "setup_code");
    form["setup_code"] = json!(code);
    form["password"] = json!("short");
    let refused = platform.call("POST", "/setup", None, Some(&form)).await;
    assert_eq!(refused.json()["errors"][0]["code"], "too_short");
    form["password"] = json!(NEW_PASSWORD);
    let made = platform.call("POST", "/setup", None, Some(&form)).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.text);
    assert_eq!(made.json()["scope"]["everything"], true);
    let person = Person::of(&made);
    assert_eq!(platform.get("/session", &person).await.json()["user"]["login"], "admin.li");
    assert_eq!(platform.call("GET", "/setup", None, None).await.json(), json!({"needed": false}));
    form["login"] = json!("second");
    let again = platform.call("POST", "/setup", None, Some(&form)).await;
    assert_eq!((again.status, again.code().as_str()), (StatusCode::CONFLICT, "conflict"));
}

#[tokio::test]
async fn a_session_begins_and_ends() {
    let platform = Platform::start().await;
    platform.founded().await;
    let answer = platform.sign_in("ADMIN", PASSWORD).await;
    let cookie = answer.headers["set-cookie"].to_str().unwrap().to_owned();
    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"), "{cookie}");
    let person = Person::of(&answer);
    assert_eq!(platform.get("/session", &person).await.status, StatusCode::OK);
    let gone = platform.call("DELETE", "/session", Some(&person), None).await;
    assert_eq!(gone.status, StatusCode::NO_CONTENT);
    assert!(gone.headers["set-cookie"].to_str().unwrap().contains("Max-Age=0"));
    assert_eq!(platform.get("/session", &person).await.code(), "unauthenticated");
}

#[tokio::test]
async fn a_session_ends_when_it_is_not_used_and_in_any_case_after_a_week() {
    let platform = Platform::start().await;
    platform.founded().await;
    let person = platform.person("admin").await;
    const HOUR_MS: i64 = 3_600_000;
    platform.clock.advance(11 * HOUR_MS);
    assert_eq!(platform.get("/session", &person).await.status, StatusCode::OK);
    platform.clock.advance(11 * HOUR_MS);
    assert_eq!(platform.get("/session", &person).await.status, StatusCode::OK, "its use has moved its end");
    platform.clock.advance(13 * HOUR_MS);
    assert_eq!(platform.get("/session", &person).await.status, StatusCode::UNAUTHORIZED);

    let person = platform.person("admin").await;
    for _ in 0..16 {
        assert_eq!(platform.get("/session", &person).await.status, StatusCode::OK);
        platform.clock.advance(10 * HOUR_MS);
    }
    platform.clock.advance(8 * HOUR_MS);
    assert_eq!(platform.get("/session", &person).await.status, StatusCode::UNAUTHORIZED, "a week is over");
}

#[tokio::test]
async fn changes_need_the_csrf_token_and_programs_do_not() {
    let world = World::new().await;
    let platform = &world.platform;
    let path = format!("/alarms/{}/comment", world.alarm);
    let comment = json!({"comment": "on the way"});
    for csrf in ["", "wrong"] {
        let forged = Person { csrf: csrf.to_owned(), ..world.admin.clone() };
        let refused = platform.post(&path, &forged, comment.clone()).await;
        assert_eq!((refused.status, refused.code().as_str()), (StatusCode::FORBIDDEN, "csrf_rejected"));
    }
    assert_eq!(platform.post(&path, &world.admin, comment.clone()).await.status, StatusCode::OK);

    let token = json!({"name": "program", "role": "operator", "organisation_id": world.inside.0});
    let made = platform.post("/tokens", &world.admin, token).await.json();
    let secret = made["token"].as_str().unwrap();
    assert!(secret.starts_with("ewt_") && secret.starts_with(made["prefix"].as_str().unwrap()));
    let program = Person::program(secret);
    assert_eq!(platform.post(&path, &program, comment).await.status, StatusCode::OK);
    assert_eq!(platform.get("/users", &program).await.code(), "forbidden");
    let session = platform.get("/session", &program).await.json();
    assert_eq!(session["scope"]["organisations"][0]["id"], world.inside.0);
    let gone = platform.call("DELETE", &format!("/tokens/{}", made["id"]), Some(&world.admin), None).await;
    assert_eq!(gone.status, StatusCode::NO_CONTENT);
    assert_eq!(platform.get("/alarms", &program).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(platform.get("/alarms", &Person::program("ewt_none")).await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn failed_sign_ins_lock_out_and_the_time_grows() {
    let platform = Platform::start().await;
    let (root, admin) = platform.founded().await;
    platform.account("wang.li", vec![grant(Role::Operator, Some(root), None)]).await;
    // The same answers for a login that exists and for one that does not.
    for login in ["wang.li", "nobody.there"] {
        for _ in 0..4 {
            let wrong = platform.sign_in(login, "not the password").await;
            assert_eq!(
                (wrong.status, wrong.code().as_str()),
                (StatusCode::UNAUTHORIZED, "invalid_credentials")
            );
        }
        let locked = platform.sign_in(login, "not the password").await;
        assert_eq!(
            (locked.status, locked.code().as_str()),
            (StatusCode::TOO_MANY_REQUESTS, "locked_out"),
            "{login}"
        );
        assert_eq!(locked.json()["retry_after_s"], 30);
        assert_eq!(locked.headers["retry-after"], "30");
        platform.store.lockout().clear("address:unknown").await.unwrap();
        platform.clock.advance(3_600_000);
    }
    for _ in 0..4 {
        platform.sign_in("wang.li", "not the password").await;
    }
    let mut waits = Vec::new();
    for _ in 0..3 {
        let locked = platform.sign_in("wang.li", "not the password").await.json();
        let wait = locked["retry_after_s"].as_i64().unwrap();
        waits.push(wait);
        platform.clock.advance(wait * 1000);
    }
    assert_eq!(waits, [30, 60, 120]);
    // The right password does not help while the lock holds, an administrator does.
    platform.sign_in("wang.li", "not the password").await;
    assert_eq!(platform.sign_in("wang.li", PASSWORD).await.code(), "locked_out");
    let users = platform.get("/users?q=wang", &admin).await.json();
    assert!(users["items"][0]["locked_until"].is_string(), "{users}");
    let path = format!("/users/{}/unlock", users["items"][0]["id"]);
    let unlocked = platform.call("POST", &path, Some(&admin), None).await;
    assert_eq!(unlocked.json()["locked_until"], json!(null));
}

#[tokio::test]
async fn one_address_cannot_try_many_accounts() {
    let platform = Platform::start_with(|config| config.sign_ins_per_minute = 3).await;
    for n in 0..3 {
        assert_eq!(platform.sign_in(&format!("user{n}"), "x").await.status, StatusCode::UNAUTHORIZED);
    }
    let limited = platform.sign_in("user9", "x").await;
    assert_eq!((limited.status, limited.code().as_str()), (StatusCode::TOO_MANY_REQUESTS, "rate_limited"));
    platform.clock.advance(60_000);
    assert_eq!(platform.sign_in("user9", "x").await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_one_time_password_must_be_changed_before_anything_else() {
    let platform = Platform::start().await;
    let (root, admin) = platform.founded().await;
    let new = json!({
        "login": "zhao", "name": "赵工", "language": "zh-TW",
        "grants": [{"role": "electrician", "organisation_id": root.0, "area_code": AREA}],
    });
    let made = platform.post("/users", &admin, new).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.text);
    let once = made.json()["one_time_password"].as_str().unwrap().to_owned();
    let answer = platform.sign_in("zhao", &once).await;
    assert_eq!(answer.json()["user"]["must_change_password"], true);
    let person = Person::of(&answer);
    let refused = platform.get("/alarms", &person).await;
    assert_eq!(
        (refused.status, refused.code().as_str()),
        (StatusCode::FORBIDDEN, "password_change_required")
    );
    assert_eq!(platform.get("/session", &person).await.status, StatusCode::OK);

    for (new, code) in [
        ("short", "too_short"),
        ("1234567890", "too_common"),
        ("my-zhao-is-it", "contains_login"),
        (&*once, "same_as_old"),
    ] {
        let change = json!({"old_password": once, "new_password": new});
        let refused = platform.post("/session/password", &person, change).await.json();
        assert_eq!(refused["errors"][0]["field"], "new_password");
        assert!(refused["errors"].as_array().unwrap().iter().any(|e| e["code"] == code), "{new}: {refused}");
    }
    let change = json!({"old_password": "wrong", "new_password": NEW_PASSWORD});
    let refused = platform.post("/session/password", &person, change).await.json();
    assert_eq!(refused["errors"][0]["field"], "old_password");
    let other = Person::of(&platform.sign_in("zhao", &once).await);
    let change = json!({"old_password": once, "new_password": NEW_PASSWORD});
    assert_eq!(platform.post("/session/password", &person, change).await.status, StatusCode::NO_CONTENT);
    assert_eq!(platform.get("/alarms", &person).await.status, StatusCode::OK);
    assert_eq!(platform.get("/session", &other).await.status, StatusCode::UNAUTHORIZED, "other sessions end");
    assert_eq!(platform.sign_in("zhao", &once).await.status, StatusCode::UNAUTHORIZED);

    let id = made.json()["user"]["id"].clone();
    let reset = platform.call("POST", &format!("/users/{id}/reset-password"), Some(&admin), None).await;
    assert_eq!(reset.status, StatusCode::OK, "{}", reset.text);
    assert_eq!(
        platform.get("/session", &person).await.status,
        StatusCode::UNAUTHORIZED,
        "a reset ends sessions"
    );
    let account = platform.get(&format!("/users/{id}"), &admin).await.json();
    let off = json!({"disabled": true, "version": account["version"]});
    assert_eq!(
        platform.call("PATCH", &format!("/users/{id}"), Some(&admin), Some(&off)).await.status,
        StatusCode::OK
    );
    let once = reset.json()["one_time_password"].as_str().unwrap().to_owned();
    assert_eq!(
        platform.sign_in("zhao", &once).await.code(),
        "invalid_credentials",
        "disabled accounts look like none"
    );
    let actions = platform.get("/audit?object=account", &admin).await.json();
    assert!(actions["items"].as_array().unwrap().len() >= 4, "{actions}");
    assert!(!actions.to_string().contains("argon2"), "no hash leaves the store");
    assert_eq!(platform.get("/audit/verify", &admin).await.json()["intact"], true);
}
