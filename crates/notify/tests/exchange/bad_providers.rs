//! Providers that answer badly, late, endlessly or not at all, and places that may not be reached.

use std::time::Duration;

use notify::{Address, Options, Outcome, Sender};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use crate::peer::Peer;
use crate::{NOW, medium, message, send};

async fn webhook(peer: &Peer) -> Outcome {
    send(json!({"kind": "webhook", "url": peer.url, "secret": "k"}), Address::Medium).await
}

#[tokio::test]
async fn a_provider_that_never_answers_is_given_up() {
    let peer = Peer::doing(async |mut stream| {
        let _ = stream.read_u8().await;
    })
    .await;
    let options = Options { local_addresses: true, time_limit: Duration::from_millis(200) };
    let hook = medium(json!({"kind": "webhook", "url": peer.url, "secret": "k"}));
    let outcome = Sender::with(options).unwrap().send(&hook, &Address::Medium, &message(), NOW).await;
    assert_eq!(outcome, Outcome::TryAgain { after_ms: None, detail: "no answer within 200 ms".to_owned() });
    peer.stop();
}

#[tokio::test]
async fn errors_of_the_provider_are_tried_again_and_ours_are_not() {
    for (status, headers, after_ms) in [
        ("500 Oops", "", None),
        ("429 Slow", "retry-after: 7\r\n", Some(7000)),
        ("503 Later", "retry-after: Wed, 25 Nov 2026 07:01:00 GMT\r\n", Some(60_000)),
    ] {
        let peer = Peer::answering(status, headers, "why").await;
        let outcome = webhook(&peer).await;
        let detail = format!("HTTP {} why", status.split(' ').next().unwrap());
        assert_eq!(outcome, Outcome::TryAgain { after_ms, detail });
    }
    let peer = Peer::answering("401 No", "", "bad signature").await;
    assert_eq!(webhook(&peer).await, Outcome::Refused { detail: "HTTP 401 bad signature".to_owned() });
    let peer = Peer::answering("410 Gone", "", "").await;
    assert_eq!(webhook(&peer).await, Outcome::Gone { detail: "HTTP 410".to_owned() });
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let peer = Peer::answering("302 Found", "location: http://169.254.169.254/latest/\r\n", "").await;
    assert!(matches!(webhook(&peer).await, Outcome::Refused { detail } if detail.contains("redirects")));
}

#[tokio::test]
async fn an_endless_answer_is_read_for_64_kib_and_no_further() {
    let endless = async |mut stream: tokio::net::TcpStream| {
        stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
        while stream.write_all(&[b'x'; 4096]).await.is_ok() {}
    };
    let peer = Peer::doing(endless).await;
    assert_eq!(webhook(&peer).await, Outcome::Accepted { reference: None });
    peer.request().await;

    let peer = Peer::doing(endless).await;
    let outcome = send(json!({"kind": "wecom", "key": "k", "base_url": peer.url}), Address::Medium).await;
    assert!(
        matches!(&outcome, Outcome::TryAgain { detail, .. } if detail.starts_with("the answer is longer than 64 KiB")),
        "{outcome:?}"
    );
    peer.request().await;
}

#[tokio::test]
async fn an_answer_that_breaks_off_says_nothing() {
    let cut = "HTTP/1.1 200 OK\r\ncontent-length: 30\r\n\r\n{\"errcode\":0";
    let peer = Peer::saying(cut.to_owned()).await;
    let outcome = send(json!({"kind": "wecom", "key": "k", "base_url": peer.url}), Address::Medium).await;
    assert!(
        matches!(&outcome, Outcome::TryAgain { detail, .. } if detail.starts_with("the answer broke off")),
        "{outcome:?}"
    );
    let peer = Peer::saying("HTTP/1.1 2".to_owned()).await;
    assert!(matches!(webhook(&peer).await, Outcome::TryAgain { .. }));
}

#[tokio::test]
async fn nobody_there_is_tried_again_without_telling_the_key() {
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let of = json!({"kind": "wecom", "key": "t0p-s3cret", "base_url": format!("http://{free}")});
    match send(of, Address::Medium).await {
        Outcome::TryAgain { after_ms: None, detail } => assert!(!detail.contains("t0p-s3cret"), "{detail}"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn this_machine_is_refused_unless_allowed() {
    let sender = Sender::new().unwrap();
    for url in [
        "http://127.0.0.1:9/",
        "http://localhost:9/",
        "http://[::1]:9/",
        "http://169.254.169.254/",
        "http://2130706433/",
        "http://0x7f.1/",
        "http://[::ffff:169.254.169.254]/",
    ] {
        let hook = medium(json!({"kind": "webhook", "url": url, "secret": "k"}));
        let outcome = sender.send(&hook, &Address::Medium, &message(), NOW).await;
        assert!(
            matches!(&outcome, Outcome::Refused { detail } if detail.contains("not allowed")),
            "{url}: {outcome:?}"
        );
    }
    for of in [
        json!({"kind": "smtp", "host": "localhost", "port": 25, "security": "none", "from": "a@example.com"}),
        json!({"kind": "mqtt", "host": "127.0.0.1", "port": 1883, "tls": false, "topic": "t"}),
    ] {
        let to = Address::Email("b@example.com".to_owned());
        let outcome = sender.send(&medium(of), &to, &message(), NOW).await;
        assert!(
            matches!(&outcome, Outcome::Refused { detail } if detail.contains("not allowed")),
            "{outcome:?}"
        );
    }
}

#[tokio::test]
async fn what_is_no_web_address_is_refused() {
    for url in ["file:///etc/passwd", "ftp://a.example/", "https://a:b@c.example/"] {
        let hook = serde_json::from_value(json!({"kind": "webhook", "url": url, "secret": "k"})).unwrap();
        let outcome = Sender::new().unwrap().send(&hook, &Address::Medium, &message(), NOW).await;
        assert!(matches!(outcome, Outcome::Refused { .. }), "{url}: {outcome:?}");
    }
}
