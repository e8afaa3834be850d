//! Telling people over HTTP: what is set, contacts, the preview, and the page behind a link.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that cannot set its world up must stop"
)]

#[cfg(test)]
mod platform;

use axum::body::Body;
use axum::http::{Request, StatusCode};
use domain::access::{Role, Scope};
use domain::hazard::Severity;
use domain::id::{AlarmId, DigestId, SiteId, UserId};
use domain::time::UnixMs;
use platform::{Answer, Platform, World, grant};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use store::telling::{DigestRow, LinkDraft, NewNotice, TellingWrite};

const TOKEN: &str = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG";

/// A link to the world's alarm, as one was sent to `account`.
async fn link(world: &World, account: UserId) {
    let now = world.platform.api.now();
    let digest = DigestRow {
        id: DigestId(1),
        account_id: account,
        site_id: Some(SiteId(world.site)),
        worst: Severity::Alarm,
        opened_at: now,
        due_at: now,
        closed_at: Some(now),
        state: "told".to_owned(),
        media: "[]".to_owned(),
    };
    let notice = NewNotice {
        account,
        alarm: Some(AlarmId(world.alarm)),
        about: None,
        round: 1,
        route: None,
        ladder: None,
        step: 0,
        why: "{\"kind\":\"named\"}".to_owned(),
        digest: Some(DigestId(1)),
    };
    let write = TellingWrite { digests: vec![digest], notices: vec![notice], ..TellingWrite::default() };
    let telling = world.platform.store.telling();
    telling.commit(&write, now).await.unwrap();
    let link = LinkDraft {
        hash: Sha256::digest(TOKEN.as_bytes()).to_vec(),
        digest: DigestId(1),
        account,
        address_kind: "email".to_owned(),
        address: "x@example.cn".to_owned(),
        expires_at: now.plus_ms(86_400_000),
    };
    telling.begin_attempts(&[], &[link], now).await.unwrap();
}

async fn page(platform: &Platform, method: &str, path: &str) -> Answer {
    let request = Request::builder().method(method).uri(path).body(Body::empty()).unwrap();
    platform.send(request).await
}

async fn state(world: &World) -> String {
    let alarm = world.platform.get(&format!("/alarms/{}", world.alarm), &world.admin).await.json();
    alarm["state"].as_str().unwrap().to_owned()
}

async fn account(world: &World, role: Role) -> UserId {
    world.platform.account("told", vec![grant(role, Some(world.inside), None)]).await;
    let users = world.platform.get("/users?q=told", &world.admin).await.json();
    UserId(users["items"][0]["id"].as_i64().unwrap())
}

#[tokio::test]
async fn a_link_shows_without_changing_and_its_button_acknowledges_once() {
    let world = World::new().await;
    let who = account(&world, Role::Owner).await;
    link(&world, who).await;
    let path = format!("/a/{TOKEN}");
    for method in ["GET", "HEAD", "GET"] {
        let shown = page(&world.platform, method, &path).await;
        assert_eq!(shown.status, StatusCode::OK, "{}", shown.text);
        assert_eq!(shown.headers["cache-control"], "no-store");
        assert_eq!(shown.headers["referrer-policy"], "same-origin");
    }
    let shown = page(&world.platform, "GET", &path).await.text;
    assert!(shown.contains("<form method=\"post\">") && shown.contains("INSIDE"), "{shown}");
    assert!(!shown.contains("<script"), "it works without scripts");
    assert_eq!(state(&world).await, "unacknowledged", "looking changes nothing");

    let done = page(&world.platform, "POST", &path).await;
    assert_eq!(done.status, StatusCode::OK, "{}", done.text);
    assert_eq!(state(&world).await, "acknowledged");
    let again = page(&world.platform, "POST", &path).await;
    assert_eq!(again.status, StatusCode::GONE);
    assert!(again.text.starts_with("<!doctype html>"), "{}", again.text);
    let audit = world.platform.get("/audit?action=alarm.acknowledge", &world.admin).await.json();
    assert_eq!(audit["items"].as_array().unwrap().len(), 1);
    assert!(audit["items"][0].to_string().contains("by link"), "{audit}");
    let notices = world.platform.get(&format!("/alarms/{}/notices", world.alarm), &world.admin).await.json();
    assert_eq!((&notices["items"][0]["state"], &notices["items"][0]["step"]), (&json!("told"), &json!(1)));
}

#[tokio::test]
async fn a_link_is_worth_no_more_than_its_person() {
    let world = World::new().await;
    // Somebody of another organisation, and somebody who may only look.
    let stranger = account(&world, Role::Regulator).await;
    link(&world, stranger).await;
    let path = format!("/a/{TOKEN}");
    assert_eq!(page(&world.platform, "POST", &path).await.status, StatusCode::OK);
    assert_eq!(state(&world).await, "unacknowledged", "a regulator acknowledges nothing");
    for path in [
        "/a/short",
        "/a/%00",
        "/a/..%2F..",
        "/a/ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789XXXXXXXX",
    ] {
        for method in ["GET", "POST"] {
            let answer = page(&world.platform, method, path).await;
            assert_eq!(answer.status, StatusCode::NOT_FOUND, "{method} {path}");
        }
    }
}

#[tokio::test]
async fn a_disabled_account_and_an_old_link_acknowledge_nothing() {
    let world = World::new().await;
    let who = account(&world, Role::Owner).await;
    link(&world, who).await;
    let path = format!("/a/{TOKEN}");
    world.platform.clock.advance(86_400_001);
    assert_eq!(page(&world.platform, "POST", &path).await.status, StatusCode::GONE);
    let store = &world.platform.store;
    let found = store.accounts().own(who).await.unwrap().account;
    let patch =
        store::accounts::AccountPatch { disabled: Some(true), version: found.version, ..Default::default() };
    let actor = store::Actor::system();
    store.accounts().change(&Scope::platform(), &actor, UnixMs(0), who, &patch).await.unwrap();
    assert_eq!(page(&world.platform, "GET", &path).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn who_guesses_links_has_to_wait() {
    let world = World::new().await;
    let mut last = StatusCode::OK;
    for guess in 0..70 {
        last = page(&world.platform, "GET", &format!("/a/guess{guess}")).await.status;
    }
    assert_eq!(last, StatusCode::TOO_MANY_REQUESTS);
}

#[tokio::test]
async fn secrets_go_in_and_never_come_out() {
    let world = World::new().await;
    let platform = &world.platform;
    let config = json!({"kind": "webhook", "url": "https://hooks.example/x", "secret": "never-shown-again"});
    let made = platform.post("/media", &world.admin, json!({"name": "钩子", "config": config})).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.text);
    let medium = made.json();
    assert_eq!((&medium["kind"], &medium["config"]["secret"]), (&json!("webhook"), &json!(true)));
    let id = medium["id"].as_i64().unwrap();
    for path in ["/media".to_owned(), format!("/media/{id}"), "/audit".to_owned()] {
        let answer = platform.get(&path, &world.admin).await;
        assert!(!answer.text.contains("never-shown-again"), "{path}: {}", answer.text);
    }
    let wrong = json!({"name": "x", "config": {"kind": "webhook", "url": "nonsense", "secret": "s"}});
    let refused = platform.post("/media", &world.admin, wrong).await;
    assert_eq!(refused.json()["errors"][0]["field"], "config.url", "{}", refused.text);
    let unknown = json!({"name": "x", "config": {"kind": "pigeon"}});
    let refused = platform.post("/media", &world.admin, unknown).await;
    assert_eq!(refused.json()["errors"][0]["field"], "config", "{}", refused.text);
}

#[tokio::test]
async fn the_preview_says_who_would_be_told_and_the_status_that_nobody_can() {
    let world = World::new().await;
    let platform = &world.platform;
    let status = platform.get("/telling", &world.admin).await.json();
    assert_eq!((&status["can_tell"], &status["last_day"]["told"]), (&json!(false), &json!(0)));
    let who = account(&world, Role::Owner).await;
    let path = format!("/telling/preview?site={}&hazard=overload&severity=alarm", world.site);
    let steps = platform.get(&path, &world.admin).await.json();
    let people = |step: usize, of: &str| steps["items"][step][of].as_array().map_or(0, Vec::len);
    assert_eq!((people(0, "people"), people(0, "unreachable")), (0, 1), "{steps}");
    let config = json!({"kind": "webhook", "url": "https://hooks.example/x", "secret": "never-shown-again"});
    let made = platform.post("/media", &world.admin, json!({"name": "钩子", "config": config})).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.text);
    let steps = platform.get(&path, &world.admin).await.json();
    assert_eq!(steps["items"][0]["people"][0]["person"]["account_id"], who.0, "{steps}");
    assert_eq!(
        steps["items"][0]["people"][0]["why"],
        json!({"kind": "responsible", "duty_id": null, "role": "owner"})
    );
    assert_eq!(platform.get("/telling", &world.admin).await.json()["can_tell"], true);
    let refused = platform.get("/telling/preview", &world.admin).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
}

#[tokio::test]
async fn ladders_duty_and_contacts_are_checked_by_field() {
    let world = World::new().await;
    let platform = &world.platform;
    let admin = platform.get("/session", &world.admin).await.json()["user"]["id"].as_i64().unwrap();
    let duty = json!({"name": "夜班", "zone": "Asia/Shanghai",
        "shifts": [{"from_min": 0, "until_min": 1440, "account_id": admin}],
        "exceptions": [{"from": "2026-12-01T00:00:00Z", "until": "2026-12-02T00:00:00Z"}]});
    let made = platform.post("/duty", &world.admin, duty.clone()).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.text);
    let made = made.json();
    assert_eq!(made["now"][0]["account_id"], admin);
    assert!(made["week"].as_array().unwrap().iter().any(|stretch| stretch["people"] == json!([])), "{made}");
    let mut wrong = duty;
    wrong["zone"] = json!("Mars/Base");
    assert_eq!(platform.post("/duty", &world.admin, wrong).await.status, StatusCode::UNPROCESSABLE_ENTITY);
    let step =
        |account: i64| json!({"after_min": 0, "recipients": [{"kind": "account", "account_id": account}]});
    let nobody = platform.post("/ladders", &world.admin, json!({"name": "x", "steps": [step(999)]})).await;
    assert_eq!(nobody.json()["errors"][0]["field"], "account_id", "{}", nobody.text);
    let used = platform.call("DELETE", "/ladders/1", Some(&world.admin), None).await;
    assert_eq!(used.status, StatusCode::CONFLICT, "{}", used.text);
    let own = json!({"email": "a@example.cn", "phone": "+8613800138000", "version": 0,
        "quiet": {"zone": "Asia/Shanghai", "spans": [{"from_min": 1320, "until_min": 420}]}});
    let put = platform.call("PUT", "/accounts/me/contacts", Some(&world.admin), Some(&own)).await;
    assert_eq!((put.status, put.json()["version"].as_i64()), (StatusCode::OK, Some(1)), "{}", put.text);
    for (field, value) in [
        ("email", json!("nobody")),
        ("phone", json!("13800138000")),
        ("quiet", json!({"zone": "UTC", "spans": [{"from_min": 0, "until_min": 1440}]})),
    ] {
        let mut wrong = own.clone();
        wrong["version"] = json!(1);
        wrong[field] = value;
        let refused = platform.call("PUT", "/accounts/me/contacts", Some(&world.admin), Some(&wrong)).await;
        assert_eq!(refused.json()["errors"][0]["field"], field, "{}", refused.text);
    }
}

#[tokio::test]
async fn numbers_of_people_are_for_those_who_call() {
    let world = World::new().await;
    let platform = &world.platform;
    let inside = Some(world.inside);
    let mut signed_in = Vec::new();
    for (login, role) in
        [("owner", Role::Owner), ("sparks", Role::Electrician), ("inspector", Role::Regulator)]
    {
        let person = platform.account(login, vec![grant(role, inside, None)]).await;
        let own = json!({"phone": "+8613800138000", "version": 0});
        let put = platform.call("PUT", "/accounts/me/contacts", Some(&person), Some(&own)).await;
        assert!(put.status.is_success(), "{}", put.text);
        signed_in.push(person);
    }
    let path = format!("/alarms/{}/people", world.alarm);
    let names = |answer: &Value| -> Vec<(String, bool)> {
        let people = answer["people"].as_array().unwrap().iter();
        people.map(|one| (one["name"].as_str().unwrap().to_owned(), one["phone"].is_string())).collect()
    };
    let of = |login: &str, number| (format!("name of {login}"), number);
    for (person, numbers) in signed_in.iter().zip([false, true, false]) {
        let seen = names(&platform.get(&path, person).await.json());
        assert!(seen.contains(&of("owner", numbers)) && seen.contains(&of("sparks", numbers)), "{seen:?}");
        assert!(!seen.iter().any(|(name, _)| name.ends_with("inspector")), "{seen:?}");
    }

    // Whoever is on duty is whom an owner calls, also an administrator.
    let admin = platform.get("/session", &world.admin).await.json()["user"]["id"].as_i64().unwrap();
    let sparks = platform.get("/session", &signed_in[1]).await.json()["user"]["id"].as_i64().unwrap();
    let shift = |account: i64| json!({"from_min": 0, "until_min": 1440, "account_id": account});
    for account in [admin, sparks] {
        let duty =
            json!({"name": format!("watch {account}"), "zone": "Asia/Shanghai", "shifts": [shift(account)]});
        let made = platform.post("/duty", &world.admin, duty).await;
        assert_eq!(made.status, StatusCode::CREATED, "{}", made.text);
    }
    let seen = platform.get(&path, &signed_in[0]).await.json();
    let on_duty: Vec<i64> = seen["people"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|one| one["on_duty"] == true)
        .map(|one| one["account_id"].as_i64().unwrap())
        .collect();
    assert!(on_duty.contains(&admin) && on_duty.contains(&sparks), "{seen}");
    assert!(
        names(&seen).contains(&of("sparks", true)) && names(&seen).contains(&of("owner", false)),
        "{seen}"
    );
}
