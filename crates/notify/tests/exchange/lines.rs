//! Mail and MQTT against servers of a few lines, in the clear and over TLS. The bytes of MQTT are read by hand here, not by
//! the library that wrote them.

use std::sync::Arc;

use notify::{Address, Outcome};
use serde_json::{Value, json};
use tokio::io::{
    AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, BufReader,
};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use crate::send;

/// A certificate of `localhost` with its PEM.
fn acceptor() -> (TlsAcceptor, String) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = rustls::pki_types::PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    (TlsAcceptor::from(Arc::new(config)), made.cert.pem())
}

async fn listener() -> (TcpListener, u16) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    (listener, port)
}

/// A mail server that answers `RCPT` with this; the lines that it heard after the greeting.
async fn mail_server(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    greet: bool,
    rcpt: &str,
    extension: &str,
) -> (Vec<String>, impl AsyncRead + AsyncWrite + Unpin) {
    let mut stream = BufReader::new(stream);
    if greet {
        stream.write_all(b"220 mail.test ESMTP\r\n").await.unwrap();
    }
    let mut heard = Vec::new();
    let mut in_data = false;
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await.unwrap_or_default() == 0 {
            return (heard, stream);
        }
        let line = line.trim_end_matches("\r\n").to_owned();
        let answer = match line.split(' ').next().unwrap().to_uppercase().as_str() {
            "." if in_data => {
                in_data = false;
                "250 2.0.0 Ok: queued as 4D1C2".to_owned()
            }
            _ if in_data => String::new(),
            "EHLO" => format!("250-mail.test\r\n{extension}250 8BITMIME"),
            "STARTTLS" => "220 go".to_owned(),
            "AUTH" => "235 in".to_owned(),
            "RCPT" => rcpt.to_owned(),
            "DATA" => {
                in_data = true;
                "354 go".to_owned()
            }
            "QUIT" => "221 bye".to_owned(),
            _ => "250 ok".to_owned(),
        };
        let starts_tls = line == "STARTTLS";
        heard.push(line);
        if !answer.is_empty() {
            stream.write_all(format!("{answer}\r\n").as_bytes()).await.unwrap();
        }
        if starts_tls {
            return (heard, stream);
        }
    }
}

fn smtp(port: u16, security: &str, more: Value) -> Value {
    let mut of = json!({"kind": "smtp", "host": "localhost", "port": port, "security": security,
        "from": "Emberwatch <alarm@example.com>"});
    of.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    of
}

fn mailbox() -> Address {
    Address::Email("张工 <zhang@example.com>".to_owned())
}

#[tokio::test]
async fn mail_in_the_clear_has_its_headers_and_links() {
    let (listener, port) = listener().await;
    let server = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        mail_server(stream, true, "250 ok", "").await.0
    });
    let outcome = send(smtp(port, "none", json!({})), mailbox()).await;
    let heard = server.await.unwrap();
    assert!(
        matches!(&outcome, Outcome::Accepted { reference: Some(line) } if line.contains("queued as 4D1C2")),
        "{outcome:?}"
    );
    for line in [
        "MAIL FROM:<alarm@example.com>",
        "RCPT TO:<zhang@example.com>",
        "Auto-Submitted: auto-generated",
        "X-Priority: 1",
        "Date: Wed, 25 Nov 2026 07:00:00 +0000",
        "From: Emberwatch <alarm@example.com>",
    ] {
        assert!(heard.iter().any(|heard| heard.starts_with(line)), "{line} not in {heard:#?}");
    }
    let blank = heard.iter().position(String::is_empty).unwrap();
    let body: String = heard[blank + 1..].iter().take_while(|line| *line != ".").cloned().collect();
    let body = {
        use base64::Engine as _;
        String::from_utf8(base64::engine::general_purpose::STANDARD.decode(body).unwrap()).unwrap()
    };
    assert_eq!(
        body.replace('\r', ""),
        "【报警】一号店 剩余电流\n回路：照明*1*\n当前值：412 mA\n\
         确认收到: https://fire.example.com/a/T0ken\n查看详情: https://fire.example.com/alarms/7"
    );
}

#[tokio::test]
async fn a_mailbox_that_is_none_is_refused_and_a_full_one_tried_again() {
    for (rcpt, again) in [("550 5.1.1 no such user", false), ("452 4.2.2 mailbox full", true)] {
        let (listener, port) = listener().await;
        let server = tokio::spawn(async move {
            let (stream, _) = listener.accept().await.unwrap();
            mail_server(stream, true, rcpt, "").await.0
        });
        match send(smtp(port, "none", json!({})), mailbox()).await {
            Outcome::AddressBusy { detail, .. } if again => {
                assert!(detail.contains("mailbox full"), "{detail}")
            }
            Outcome::AddressRefused { detail } if !again => {
                assert!(detail.contains("no such user"), "{detail}")
            }
            other => panic!("{rcpt}: {other:?}"),
        }
        server.await.unwrap();
    }
}

#[tokio::test]
async fn mail_over_tls_logs_in_where_the_certificate_is_trusted() {
    let login = |pem: &str| json!({"user": "alarm", "password": "pw", "trusted_ca": pem});
    for starttls in [false, true] {
        let (acceptor, pem) = acceptor();
        let (listener, port) = listener().await;
        let server = tokio::spawn(async move {
            let (stream, _) = listener.accept().await.unwrap();
            if starttls {
                let (heard, stream) = mail_server(stream, true, "250 ok", "250-STARTTLS\r\n").await;
                assert!(!heard.iter().any(|line| line.starts_with("AUTH")), "{heard:?}");
                let stream = acceptor.accept(stream).await.unwrap();
                mail_server(stream, false, "250 ok", "250-AUTH PLAIN\r\n").await.0
            } else {
                let stream = acceptor.accept(stream).await.unwrap();
                mail_server(stream, true, "250 ok", "250-AUTH PLAIN\r\n").await.0
            }
        });
        let security = if starttls { "starttls" } else { "tls" };
        let outcome = send(smtp(port, security, login(&pem)), mailbox()).await;
        assert!(matches!(outcome, Outcome::Accepted { .. }), "{security}: {outcome:?}");
        let heard = server.await.unwrap();
        // Base64 of NUL alarm NUL pw (RFC 4616).
        assert!(heard.contains(&"AUTH PLAIN AGFsYXJtAHB3".to_owned()), "{heard:?}");
    }
}

#[tokio::test]
async fn mail_is_not_sent_where_the_certificate_is_not_trusted_or_tls_is_not_offered() {
    let (acceptor, _) = acceptor();
    let (listener, port) = listener().await;
    let server = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        acceptor.accept(stream).await.is_ok()
    });
    let outcome = send(smtp(port, "tls", json!({})), mailbox()).await;
    assert!(matches!(outcome, Outcome::Refused { .. }), "{outcome:?}");
    assert!(!server.await.unwrap());

    let (listener, port) = self::listener().await;
    let server = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        mail_server(stream, true, "250 ok", "").await.0
    });
    let outcome = send(smtp(port, "starttls", json!({"user": "a", "password": "p"})), mailbox()).await;
    assert!(matches!(outcome, Outcome::Refused { .. }), "{outcome:?}");
    assert!(!server.await.unwrap().iter().any(|line| line.starts_with("AUTH")));
}

/// One packet: its first byte and what follows the length (MQTT 3.1.1 section 2.2.3).
async fn packet(stream: &mut (impl AsyncRead + Unpin)) -> (u8, Vec<u8>) {
    let first = stream.read_u8().await.unwrap();
    let (mut length, mut shift) = (0_usize, 0);
    loop {
        let byte = stream.read_u8().await.unwrap();
        length |= usize::from(byte & 0x7f) << shift;
        shift += 7;
        if byte & 0x80 == 0 {
            break;
        }
    }
    let mut rest = vec![0; length];
    stream.read_exact(&mut rest).await.unwrap();
    (first, rest)
}

/// A string with its length before it, cut off the front.
fn string(bytes: &mut &[u8]) -> String {
    let length = usize::from(u16::from_be_bytes([bytes[0], bytes[1]]));
    let text = String::from_utf8(bytes[2..2 + length].to_vec()).unwrap();
    *bytes = &bytes[2 + length..];
    text
}

/// A broker of one message: the login, the topic and the document.
async fn broker(mut stream: impl AsyncRead + AsyncWrite + Unpin) -> (String, String, String, Value) {
    let (first, connect) = packet(&mut stream).await;
    assert_eq!(first, 0x10, "CONNECT");
    let mut rest = connect.as_slice();
    assert_eq!(string(&mut rest), "MQTT");
    assert_eq!(rest[..4], [4, 0xc2, 0, 30], "3.1.1; name, password, clean session; keep alive 30 s");
    rest = &rest[4..];
    let id = string(&mut rest);
    assert!(id.len() == 23 && id.bytes().all(|byte| byte.is_ascii_alphanumeric()), "{id}");
    let (user, password) = (string(&mut rest), string(&mut rest));
    stream.write_all(&[0x20, 2, 0, 0]).await.unwrap();

    let (first, publish) = packet(&mut stream).await;
    assert_eq!(first, 0x32, "PUBLISH, QoS 1");
    let mut rest = publish.as_slice();
    let topic = string(&mut rest);
    stream.write_all(&[0x40, 2, rest[0], rest[1]]).await.unwrap();
    assert_eq!(packet(&mut stream).await, (0xe0, vec![]), "DISCONNECT");
    (user, password, topic, serde_json::from_slice(&rest[2..]).unwrap())
}

fn mqtt(port: u16, pem: Option<&str>) -> Value {
    json!({"kind": "mqtt", "host": "localhost", "port": port, "tls": pem.is_some(), "user": "ember",
        "password": "pw", "topic": "building/fire", "trusted_ca": pem.unwrap_or_default()})
}

#[tokio::test]
async fn a_broker_gets_the_document_and_its_acknowledgement_counts() {
    for over_tls in [false, true] {
        let (acceptor, pem) = acceptor();
        let (listener, port) = listener().await;
        let server = tokio::spawn(async move {
            let (stream, _) = listener.accept().await.unwrap();
            if over_tls { broker(acceptor.accept(stream).await.unwrap()).await } else { broker(stream).await }
        });
        let outcome = send(mqtt(port, over_tls.then_some(pem.as_str())), Address::Medium).await;
        assert_eq!(outcome, Outcome::Accepted { reference: None });
        let (user, password, topic, document) = server.await.unwrap();
        assert_eq!((user.as_str(), password.as_str(), topic.as_str()), ("ember", "pw", "building/fire"));
        assert_eq!((&document["version"], &document["severity"]), (&json!(1), &json!("alarm")));
    }
}

/// Sends to a broker that answers the CONNECT with these bytes and hangs up.
async fn answered(bytes: &'static [u8]) -> Outcome {
    let (listener, port) = listener().await;
    let server = tokio::spawn(async move {
        let (mut stream, _): (TcpStream, _) = listener.accept().await.unwrap();
        packet(&mut stream).await;
        stream.write_all(bytes).await.unwrap();
    });
    let outcome = send(mqtt(port, None), Address::Medium).await;
    server.await.unwrap();
    outcome
}

#[tokio::test]
async fn a_broker_that_refuses_is_believed_and_one_that_is_away_tried_again() {
    for code in [&[0x20, 2, 0, 4], &[0x20, 2, 0, 5]] {
        let outcome = answered(code).await;
        assert!(matches!(outcome, Outcome::Refused { .. }), "{outcome:?}");
    }
    for bytes in [&[0x20_u8, 2, 0, 3][..], &[], &[0x20, 2, 0, 0], b"HTTP/1.1 400 Bad Request\r\n\r\n"] {
        let outcome = answered(bytes).await;
        assert!(matches!(outcome, Outcome::TryAgain { .. }), "{bytes:?}: {outcome:?}");
    }
}
