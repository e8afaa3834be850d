//! Proofs of terminals: made once, shown once, known to the doors at once, gone at once.

#[cfg(test)]
mod platform;

use axum::http::StatusCode;
use domain::access::Role;
use domain::place::{AreaCode, Credential, Protocol};
use platform::{AREA, World, grant};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

/// A certificate made for this test.
const PEM: &str = "-----BEGIN CERTIFICATE-----\nMAUGAyoDBA==\n-----END CERTIFICATE-----\n";

fn site(world: &World) -> Value {
    json!({"name": "Workshop", "area_code": AREA, "organisation_id": world.inside.0})
}

#[tokio::test]
async fn a_device_is_registered_gets_a_token_and_loses_it() {
    let world = World::new().await;
    let body = json!({"serial": "EM-1", "protocol": "modbus_rtu", "detectors": [
        {"profile_id": "asj-relay", "unit_address": 3, "name": "relay", "new_site": site(&world)}]});
    let made = world.platform.post("/terminals", &world.admin, body.clone()).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.text);
    let terminal = made.json()["terminal_id"].as_i64().unwrap();
    let directory = world.platform.engine.directory();
    let known = || directory.terminal(Protocol::ModbusRtu, "EM-1").unwrap();
    assert_eq!((known().detectors.len(), known().credentials.len()), (1, 0));
    let twice = world.platform.post("/terminals", &world.admin, body).await;
    assert_eq!(twice.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", twice.text);
    assert_eq!(twice.json()["errors"][0]["code"], "taken");

    let path = format!("/terminals/{terminal}/credentials");
    let issued = world.platform.post(&path, &world.admin, json!({"kind": "token"})).await;
    assert_eq!(issued.status, StatusCode::CREATED, "{}", issued.text);
    let token = issued.json()["secret"].as_str().unwrap().to_owned();
    assert_eq!(token.len(), 32);
    assert_eq!(known().credentials, [Credential::TokenHash(Sha256::digest(&token).into())]);
    let listed = world.platform.get(&path, &world.admin).await;
    assert!(!listed.text.contains(&token), "shown once only");
    assert_eq!(listed.json()["serial"], "EM-1");

    let secret = world
        .platform
        .post(&path, &world.admin, json!({"kind": "shared_secret", "secret_hex": "00 ff"}))
        .await;
    assert_eq!(secret.status, StatusCode::CREATED, "{}", secret.text);
    assert_eq!(secret.json()["secret"], Value::Null, "who gave it knows it");
    assert_eq!(known().credentials[1], Credential::SharedSecret(vec![0, 255]));

    let id = issued.json()["credential"]["id"].as_i64().unwrap();
    let gone = world.platform.call("DELETE", &format!("{path}/{id}"), Some(&world.admin), None).await;
    assert_eq!(gone.status, StatusCode::NO_CONTENT, "{}", gone.text);
    assert_eq!(known().credentials, [Credential::SharedSecret(vec![0, 255])]);
    let again = world.platform.call("DELETE", &format!("{path}/{id}"), Some(&world.admin), None).await;
    assert_eq!(again.status, StatusCode::NOT_FOUND);
    let audit = world.platform.get("/audit?action=credential", &world.admin).await;
    assert_eq!(audit.json()["items"].as_array().unwrap().len(), 3);
    assert!(!audit.text.contains(&token));
}

#[tokio::test]
async fn a_certificate_belongs_to_one_terminal() {
    let world = World::new().await;
    let path = format!("/terminals/{}/credentials", world.terminal.0);
    let body = json!({"kind": "certificate", "pem": PEM, "label": "made for a test"});
    let issued = world.platform.post(&path, &world.admin, body.clone()).await;
    assert_eq!(issued.status, StatusCode::CREATED, "{}", issued.text);
    assert_eq!(issued.json()["credential"]["label"], "made for a test");
    let twice = world.platform.post(&path, &world.admin, body).await;
    assert_eq!(twice.json()["errors"][0]["code"], "taken", "{}", twice.text);
    for wrong in
        [json!({"kind": "certificate", "pem": "nothing"}), json!({"kind": "token", "secret": "mine"})]
    {
        let refused = world.platform.post(&path, &world.admin, wrong).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", refused.text);
    }
}

#[tokio::test]
async fn an_owner_may_look_at_the_device_but_not_give_it_access() {
    let world = World::new().await;
    let owner = world.platform.account("owner", vec![grant(Role::Owner, Some(world.inside), None)]).await;
    let path = format!("/terminals/{}/credentials", world.terminal.0);
    assert_eq!(world.platform.get(&path, &owner).await.status, StatusCode::FORBIDDEN);
    let electrician = vec![grant(Role::Electrician, Some(world.inside), Some(&AreaCode(AREA.to_owned()).0))];
    let electrician = world.platform.account("electrician", electrician).await;
    assert_eq!(world.platform.get(&path, &electrician).await.status, StatusCode::OK);
}
