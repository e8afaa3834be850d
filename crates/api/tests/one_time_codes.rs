//! One-time codes: set up with the password, counted once each, throttled as passwords are, taken away again.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on fails")]

#[cfg(test)]
mod platform;

use axum::http::StatusCode;
use domain::access::Role;
use engine::Clock as _;
use platform::{PASSWORD, Person, World, grant};
use serde_json::{Value, json};
use totp_rs::{Builder, Secret, Totp};

const SET_UP: &str = "/session/one-time-codes";
const CONFIRM: &str = "/session/one-time-codes/confirm";
const REMOVE: &str = "/session/one-time-codes/remove";

/// A phone with the secret of an account.
struct Phone(Totp);

impl Phone {
    /// What it shows `later_ms` from now.
    fn shows(&self, world: &World, later_ms: i64) -> String {
        let at = world.platform.clock.now().plus_ms(later_ms);
        self.0.generate(u64::try_from(at.0 / 1000).unwrap()).to_string()
    }

    fn of(secret: &str) -> Self {
        Self(Builder::new().with_secret(Secret::try_from_base32(secret).unwrap()).build().unwrap())
    }

    /// A code that is none of this minute and a half.
    fn other(&self, world: &World) -> String {
        let near: Vec<String> = [-30_000, 0, 30_000].iter().map(|ms| self.shows(world, *ms)).collect();
        (0..).map(|n| format!("{n:06}")).find(|code| !near.contains(code)).unwrap()
    }
}

async fn somebody(world: &World, login: &str, role: Role) -> Person {
    world.platform.account(login, vec![grant(role, Some(world.inside), None)]).await
}

async fn set_up(world: &World, who: &Person) -> Phone {
    let made = world.platform.post(SET_UP, who, json!({"password": PASSWORD})).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.text);
    let phone = Phone::of(made.json()["secret"].as_str().unwrap());
    let code = phone.shows(world, 0);
    let said = world.platform.post(CONFIRM, who, json!({"one_time_code": code})).await;
    assert_eq!(said.json()["user"]["one_time_codes"], true, "{}", said.text);
    phone
}

fn trip(breaker: i64, code: &str) -> Value {
    json!({"detector_id": breaker, "kind": "trip", "reason": "检修", "one_time_code": code})
}

fn refusal(text: &Value) -> (String, String) {
    let error = &text["errors"][0];
    (
        error["field"].as_str().unwrap_or_default().to_owned(),
        error["code"].as_str().unwrap_or_default().to_owned(),
    )
}

fn about_code(code: &str) -> (String, String) {
    ("one_time_code".to_owned(), code.to_owned())
}

#[tokio::test]
async fn codes_are_set_up_with_the_password_and_count_from_the_first_right_one() {
    let (world, breaker) = World::with_breaker("leakage-breaker").await;
    let who = somebody(&world, "electrician", Role::Electrician).await;
    let platform = &world.platform;
    let refused = platform.post(SET_UP, &who, json!({"password": "guessed"})).await.json();
    assert_eq!(refusal(&refused), ("password".to_owned(), "wrong".to_owned()));
    let made = platform.post(SET_UP, &who, json!({"password": PASSWORD})).await.json();
    let first = Phone::of(made["secret"].as_str().unwrap());
    assert!(made["uri"].as_str().unwrap().starts_with("otpauth://totp/"), "{made}");
    assert!(
        made["qr"]["size"].as_i64().unwrap() > 28 && made["qr"]["path"].as_str().unwrap().starts_with('M')
    );

    let code = first.shows(&world, 0);
    let refused = platform.post("/commands", &who, trip(breaker, &code)).await.json();
    assert_eq!(refusal(&refused), about_code("not_set_up"), "no code counts before the first is right");
    let wrong = platform.post(CONFIRM, &who, json!({"one_time_code": first.other(&world)})).await.json();
    assert_eq!(refusal(&wrong), about_code("wrong"));
    // Begun once more: the picture before it is worth nothing.
    let again = platform.post(SET_UP, &who, json!({"password": PASSWORD})).await.json();
    let phone = Phone::of(again["secret"].as_str().unwrap());
    assert_ne!(made["secret"], again["secret"]);
    platform.clock.advance(15 * 60_000 + 1);
    let code = phone.shows(&world, 0);
    let late = platform.post(CONFIRM, &who, json!({"one_time_code": code})).await;
    assert_eq!(
        refusal(&late.json()),
        about_code("not_begun"),
        "a quarter of an hour is enough: {}",
        late.text
    );

    let phone = set_up(&world, &who).await;
    let again = platform.post(SET_UP, &who, json!({"password": PASSWORD})).await;
    assert_eq!(again.code(), "conflict", "{}", again.text);
    // The code that set it up is used up.
    let refused = platform.post("/commands", &who, trip(breaker, &phone.shows(&world, 0))).await.json();
    assert_eq!(refusal(&refused), about_code("used"));
    platform.clock.advance(30_000);
    let spaced = phone.shows(&world, 0);
    let spaced = format!("{} {}", &spaced[..3], &spaced[3..]);
    let done = platform.post("/commands", &who, trip(breaker, &spaced)).await;
    assert_eq!(done.status, StatusCode::CREATED, "{}", done.text);

    let audit = platform.get("/audit?limit=100", &world.admin).await;
    for action in ["account.begin_codes", "account.set_up_codes", "account.use_code"] {
        assert!(audit.text.contains(action), "{action}: {}", audit.text);
    }
    for told in [&audit.text, &platform.get("/session", &who).await.text] {
        assert!(!told.contains(again.text.as_str()) && !told.contains("secret"), "{told}");
    }
    let program = platform.post("/tokens", &world.admin, json!({"name": "p", "role": "administrator"})).await;
    let program = Person::program(program.json()["token"].as_str().unwrap());
    let refused = platform.post(SET_UP, &program, json!({"password": PASSWORD})).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn a_code_opens_one_thing_once_also_at_the_same_moment() {
    let (world, breaker) = World::with_breaker("leakage-breaker").await;
    let who = somebody(&world, "electrician", Role::Electrician).await;
    let phone = set_up(&world, &who).await;
    world.platform.clock.advance(60_000);
    let asked = trip(breaker, &phone.shows(&world, 0));
    let both =
        futures::future::join_all((0..2).map(|_| world.platform.post("/commands", &who, asked.clone())))
            .await;
    let made = both.iter().filter(|answer| answer.status == StatusCode::CREATED).count();
    assert_eq!(made, 1, "{} / {}", both[0].text, both[1].text);
    assert!(both.iter().any(|answer| refusal(&answer.json()) == about_code("used")));
    // One of the half minute before is older than one that was used.
    let older = world.platform.post("/commands", &who, trip(breaker, &phone.shows(&world, -30_000))).await;
    assert_eq!(refusal(&older.json()), about_code("used"));
    let mut two = trip(breaker, &phone.shows(&world, 30_000));
    two["password"] = json!(PASSWORD);
    let refused = world.platform.post("/commands", &who, two).await.json();
    assert_eq!(refusal(&refused), about_code("not_both"));
    // A restart forgets nothing: it is in the store.
    let known = world.platform.store.one_time_codes().of(domain::id::UserId(2)).await.unwrap().unwrap();
    assert_eq!(known.last_step, Some(world.platform.clock.now().0 / 30_000));
}

#[tokio::test]
async fn guesses_are_throttled_as_passwords_are_however_many_come_at_once() {
    let (world, breaker) = World::with_breaker("leakage-breaker").await;
    let who = somebody(&world, "electrician", Role::Electrician).await;
    let phone = set_up(&world, &who).await;
    world.platform.clock.advance(60_000);
    let guess = trip(breaker, &phone.other(&world));
    let many =
        futures::future::join_all((0..40).map(|_| world.platform.post("/commands", &who, guess.clone())))
            .await;
    let wrong = many.iter().filter(|answer| answer.status == StatusCode::UNPROCESSABLE_ENTITY).count();
    let locked = many.iter().filter(|answer| answer.code() == "locked_out").count();
    assert_eq!(
        (wrong, locked),
        (4, 36),
        "four are free, the fifth brings the lock-out, no other is looked at"
    );
    let right = world.platform.post("/commands", &who, trip(breaker, &phone.shows(&world, 0))).await;
    assert_eq!(right.status, StatusCode::TOO_MANY_REQUESTS, "the right one neither, while it lasts");
    assert_eq!(world.platform.sign_in("electrician", PASSWORD).await.status, StatusCode::TOO_MANY_REQUESTS);
    world.platform.clock.advance(31_000);
    let right = world.platform.post("/commands", &who, trip(breaker, &phone.shows(&world, 0))).await;
    assert_eq!(right.status, StatusCode::CREATED, "{}", right.text);
}

#[tokio::test]
async fn they_are_taken_away_with_the_password_or_by_an_administrator() {
    let (world, breaker) = World::with_breaker("leakage-breaker").await;
    let platform = &world.platform;
    let who = somebody(&world, "electrician", Role::Electrician).await;
    let phone = set_up(&world, &who).await;
    let refused = platform.post(REMOVE, &who, json!({"password": "guessed"})).await.json();
    assert_eq!(refusal(&refused), ("password".to_owned(), "wrong".to_owned()));
    let gone = platform.post(REMOVE, &who, json!({"password": PASSWORD})).await;
    assert_eq!(gone.json()["user"]["one_time_codes"], false, "{}", gone.text);
    platform.clock.advance(60_000);
    let refused = platform.post("/commands", &who, trip(breaker, &phone.shows(&world, 0))).await.json();
    assert_eq!(refusal(&refused), about_code("not_set_up"));
    assert_eq!(platform.post(REMOVE, &who, json!({"password": PASSWORD})).await.code(), "not_found");

    // A lost phone: the administrator of the organisation takes the codes away, a neighbour's cannot.
    let lost = set_up(&world, &who).await;
    let users = platform.get("/users?q=electrician", &world.admin).await.json();
    let user = &users["items"][0];
    assert_eq!(user["one_time_codes"], true);
    let path = format!("/users/{}/remove-one-time-codes", user["id"]);
    let neighbour =
        platform.account("neighbour", vec![grant(Role::Administrator, Some(world.outside), None)]).await;
    assert_eq!(platform.call("POST", &path, Some(&neighbour), None).await.code(), "not_found");
    let reset = platform.call("POST", &path, Some(&world.admin), None).await;
    assert_eq!(reset.json()["one_time_codes"], false, "{}", reset.text);
    platform.clock.advance(60_000);
    let refused = platform.post("/commands", &who, trip(breaker, &lost.shows(&world, 0))).await.json();
    assert_eq!(refusal(&refused), about_code("not_set_up"));
    let mut by_password = trip(breaker, "");
    by_password["password"] = json!(PASSWORD);
    assert_eq!(platform.post("/commands", &who, by_password).await.status, StatusCode::CREATED);
    let audit = platform.get("/audit?limit=100", &world.admin).await;
    assert!(audit.text.contains("account.remove_codes") && audit.text.contains("account.reset_codes"));
}

#[tokio::test]
async fn the_second_person_agrees_with_a_code_of_their_own() {
    let (world, breaker) = World::with_breaker("leakage-breaker").await;
    let platform = &world.platform;
    let site = format!("/sites/{}", world.site);
    let two = json!({"two_person_switching": true, "version": 1});
    assert_eq!(platform.call("PATCH", &site, Some(&world.admin), Some(&two)).await.status, StatusCode::OK);
    let (one, other) = (
        somebody(&world, "one", Role::SafetyManager).await,
        somebody(&world, "other", Role::SafetyManager).await,
    );
    let (own, others) = (set_up(&world, &one).await, set_up(&world, &other).await);
    platform.clock.advance(30_000);
    let made = platform.post("/commands", &one, trip(breaker, &own.shows(&world, 0))).await;
    assert_eq!(made.json()["state"], "awaiting_approval", "{}", made.text);
    let path = format!("/commands/{}/approve", made.id());
    // The first person's code is not the second's.
    let refused = platform.post(&path, &other, json!({"one_time_code": own.shows(&world, 30_000)})).await;
    assert_eq!(refusal(&refused.json()), about_code("wrong"));
    let agreed = platform.post(&path, &other, json!({"one_time_code": others.shows(&world, 0)})).await;
    assert_eq!(agreed.json()["approved_by"], "name of other", "{}", agreed.text);
    let nothing = platform.post(&path, &other, json!({})).await.json();
    assert_eq!(refusal(&nothing), ("password".to_owned(), "missing".to_owned()));
}
