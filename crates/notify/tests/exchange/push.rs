//! What a browser gets. The payload is decrypted here by RFC 8291 and RFC 8188 step by step, after that decryption has
//! been shown right by the example of RFC 8291 section 5: the encrypting library decrypts nothing of its own.

use aes_gcm::aead::Aead as _;
use aes_gcm::{Aes128Gcm, KeyInit as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use hmac::{Hmac, Mac as _};
use notify::media::web_push::WebPush;
use notify::{Address, Outcome};
use p256::ecdsa::signature::Verifier as _;
use p256::ecdsa::{Signature, VerifyingKey};
use p256::{PublicKey, SecretKey};
use serde_json::{Value, json};
use sha2::Sha256;

use crate::peer::Peer;
use crate::send;

/// The browser of RFC 8291 appendix A.
const PRIVATE: &str = "q1dXpw3UpT5VOmu_cf_v6ih07Aems3njxI-JWgLcM94";
const PUBLIC: &str =
    "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4";
const AUTH: &str = "BTBZMqHH6r4Tts7J_aSIgg";

/// The body of the example of RFC 8291 section 5.
const EXAMPLE: &str = "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6Tlz\
    AC8wEqKK6PBru3jl7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN";

fn hmac(key: &[u8], text: &[u8]) -> Vec<u8> {
    let mut mac = <Hmac<Sha256> as hmac::KeyInit>::new_from_slice(key).unwrap();
    mac.update(text);
    mac.finalize().into_bytes().to_vec()
}

fn decrypted(body: &[u8]) -> Vec<u8> {
    let (salt, rest) = body.split_at(16);
    let (size, rest) = rest.split_at(4);
    let size = u32::from_be_bytes(size.try_into().unwrap());
    let (length, rest) = rest.split_first().unwrap();
    let (server, record) = rest.split_at(usize::from(*length));
    assert!(record.len() <= usize::try_from(size).unwrap(), "one record");

    let private = SecretKey::from_slice(&BASE64URL.decode(PRIVATE).unwrap()).unwrap();
    let shared = p256::ecdh::diffie_hellman(
        private.to_nonzero_scalar(),
        PublicKey::from_sec1_bytes(server).unwrap().as_affine(),
    );
    let public = BASE64URL.decode(PUBLIC).unwrap();
    let key = hmac(&BASE64URL.decode(AUTH).unwrap(), shared.raw_secret_bytes());
    let key = hmac(&key, &[b"WebPush: info\0", public.as_slice(), server, &[1]].concat());
    let key = hmac(salt, &key);
    let content_key = hmac(&key, b"Content-Encoding: aes128gcm\0\x01");
    let nonce = hmac(&key, b"Content-Encoding: nonce\0\x01");
    let cipher = Aes128Gcm::new_from_slice(&content_key[..16]).unwrap();
    let mut plain = cipher.decrypt(nonce[..12].into(), record).unwrap();
    while plain.last() == Some(&0) {
        plain.pop();
    }
    assert_eq!(plain.pop(), Some(2), "the last record");
    plain
}

fn subscription(url: &str) -> Address {
    Address::Push { endpoint: format!("{url}/push/1"), p256dh: PUBLIC.to_owned(), auth: AUTH.to_owned() }
}

fn web_push(key: &str) -> Value {
    json!({"kind": "web_push", "private_key": key, "subject": "mailto:alarm@example.com"})
}

#[test]
fn the_decryption_is_that_of_rfc_8291() {
    let plain = decrypted(&BASE64URL.decode(EXAMPLE).unwrap());
    assert_eq!(plain, b"When I grow up, I want to be a watermelon");
}

#[tokio::test]
async fn a_browser_can_read_what_is_pushed_and_its_service_knows_who_sent_it() {
    let key = WebPush::new_key().0;
    let peer = Peer::answering("201 Created", "", "").await;
    let origin = peer.url.clone();
    let outcome = send(web_push(&key), subscription(&origin)).await;
    assert_eq!(outcome, Outcome::Accepted { reference: None });
    let request = peer.request().await;
    assert_eq!(request.path(), "/push/1");
    assert_eq!(request.headers["ttl"], "86400");
    assert_eq!(request.headers["urgency"], "high");
    assert_eq!(request.headers["content-encoding"], "aes128gcm");
    assert_eq!(request.headers["topic"].len(), 32);
    let payload: Value = serde_json::from_slice(&decrypted(&request.body)).unwrap();
    assert_eq!(
        payload,
        json!({"v": 1, "title": "【报警】一号店 剩余电流", "body": "回路：照明*1*\n当前值：412 mA",
            "link": "https://fire.example.com/alarms/7",
            "acknowledge_link": "https://fire.example.com/a/T0ken",
            "severity": "alarm", "group": "alarm-7", "language": "zh-CN"})
    );

    // RFC 8292 section 3: the token is signed by the key that stands beside it.
    let authorization = request.headers["authorization"].strip_prefix("vapid t=").unwrap();
    let (token, public) = authorization.split_once(", k=").unwrap();
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let public = VerifyingKey::from_sec1_bytes(&BASE64URL.decode(public).unwrap()).unwrap();
    let signature = Signature::from_slice(&BASE64URL.decode(signature).unwrap()).unwrap();
    public.verify(signed.as_bytes(), &signature).unwrap();
    let (header, claims) = signed.split_once('.').unwrap();
    let part = |part: &str| serde_json::from_slice::<Value>(&BASE64URL.decode(part).unwrap()).unwrap();
    assert_eq!(part(header), json!({"typ": "JWT", "alg": "ES256"}));
    let claims = part(claims);
    assert_eq!(claims, json!({"aud": origin, "exp": 1_795_633_200, "sub": "mailto:alarm@example.com"}));
}

#[tokio::test]
async fn a_subscription_that_is_no_more_is_gone() {
    let key = WebPush::new_key().0;
    for status in ["404 Not Found", "410 Gone"] {
        let peer = Peer::answering(status, "", "").await;
        assert!(matches!(send(web_push(&key), subscription(&peer.url)).await, Outcome::Gone { .. }));
    }
    let peer = Peer::answering("403 Forbidden", "", "wrong key").await;
    assert!(matches!(send(web_push(&key), subscription(&peer.url)).await, Outcome::Refused { .. }));
    let wrong =
        Address::Push { endpoint: "https://p.example/".into(), p256dh: "x".into(), auth: AUTH.into() };
    assert!(matches!(send(web_push(&key), wrong).await, Outcome::AddressRefused { .. }));
}
