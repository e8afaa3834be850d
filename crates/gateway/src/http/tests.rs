//! The door over real sockets, with a pipeline that commits or refuses as it is told.

use bus::intake::LineEvent;
use bus::{LineAnswer, LineCommand, LineError};
use domain::place::Admission;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use wire::telemetry::{Commands, Form, Limits};

use super::*;
use crate::ingest::IngestConfig;
use crate::ingest::testing::{Field, Mood, SERIAL, TERMINAL, TOKEN, anywhere, terminal};
use crate::push::CarrierConfig;

const READING: &str = r#"{"v":1,"at":1767294244000,"values":{"residual":12.5}}"#;
const CARRIER_KEY: &str = "0123456789abcdef";

struct Client {
    stream: TcpStream,
}

#[derive(Debug)]
struct Answered {
    status: u16,
    head: String,
    body: String,
}

impl Client {
    async fn connect(door: HttpDoor) -> Self {
        Self { stream: TcpStream::connect(door.local_addr).await.unwrap() }
    }

    async fn send(&mut self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answered {
        let mut head = format!("{method} {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n", body.len());
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str("\r\n");
        self.stream.write_all(head.as_bytes()).await.unwrap();
        self.stream.write_all(body).await.unwrap();
        self.answer().await
    }

    async fn answer(&mut self) -> Answered {
        let mut bytes = Vec::new();
        let end = loop {
            if let Some(at) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
                break at + 4;
            }
            let byte = self.stream.read_u8().await.expect("an answer");
            bytes.push(byte);
        };
        let head = String::from_utf8(bytes[..end].to_vec()).unwrap().to_ascii_lowercase();
        let status = head[9..12].parse().unwrap();
        let length = head
            .lines()
            .find_map(|line| line.strip_prefix("content-length: "))
            .map_or(0, |length| length.parse().unwrap());
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body).await.unwrap();
        Answered { status, head, body: String::from_utf8_lossy(&body).into_owned() }
    }
}

async fn open(config: HttpConfig) -> (Field, HttpDoor) {
    let field = Field::start(IngestConfig::default());
    let door = start(HttpConfig { listen: anywhere(), ..config }, Arc::clone(&field.ingest)).await.unwrap();
    (field, door)
}

fn bearer() -> String {
    format!("Bearer {TOKEN}")
}

async fn post(door: HttpDoor, headers: &[(&str, &str)], body: &str) -> Answered {
    let mut client = Client::connect(door).await;
    client.send("POST", "/ingest/v1/readings", headers, body.as_bytes()).await
}

#[tokio::test]
async fn a_reading_is_confirmed_after_its_commit_and_not_before() {
    let (field, door) = open(HttpConfig::default()).await;
    let bearer = bearer();
    let headers = [("Authorization", bearer.as_str()), ("X-Terminal-Serial", SERIAL)];
    let answered = post(door, &headers, READING).await;
    assert_eq!((answered.status, field.taken()), (200, 1), "{answered:?}");
    assert_eq!(answered.body, r#"{"v":1,"readings":1,"answers":0,"refused":[]}"#);

    field.be(Mood::Refuses);
    let answered = post(door, &headers, READING).await;
    assert_eq!(answered.status, 503, "{answered:?}");
    assert!(answered.head.contains("retry-after: 5"), "{answered:?}");
    assert!(answered.head.contains("application/problem+json"));
    assert!(answered.body.contains("store_unavailable"));

    field.be(Mood::Holds);
    let mut client = Client::connect(door).await;
    let head = format!(
        "POST /ingest/v1/terminals/{SERIAL}/readings HTTP/1.1\r\nHost: x\r\nAuthorization: {bearer}\r\nContent-Length: {}\r\n\r\n{READING}",
        READING.len()
    );
    client.stream.write_all(head.as_bytes()).await.unwrap();
    field.arrived.notified().await;
    assert!(client.stream.try_read(&mut [0; 1]).is_err(), "nothing is said while nothing is committed");
    field.release(Mood::Commits);
    assert_eq!(client.answer().await.status, 200);
    assert_eq!(field.taken(), 2);
}

#[tokio::test]
async fn cbor_and_batches_and_parts_that_cannot_be_read() {
    let (field, door) = open(HttpConfig::default()).await;
    let bearer = bearer();
    let batch = r#"{"v":1,"readings":[{"at":1,"values":{"residual":1}},{"at":2,"values":{"nothing":2}}]}"#;
    let tree = wire::telemetry::read_tree(Form::Json, batch.as_bytes(), &Limits::default()).unwrap();
    let cbor = wire::telemetry::write_tree(Form::Cbor, &tree);
    let mut client = Client::connect(door).await;
    let path = format!("/ingest/v1/terminals/{SERIAL}/readings");
    let headers = [("Authorization", bearer.as_str()), ("Content-Type", "application/cbor")];
    let answered = client.send("POST", &path, &headers, &cbor).await;
    assert_eq!((answered.status, field.taken()), (200, 1), "{answered:?}");
    assert!(answered.body.contains(r#""part":"readings[1]""#), "{answered:?}");
    // The same connection goes on.
    let headers = [("Authorization", bearer.as_str()), ("Content-Type", "text/html")];
    assert_eq!(client.send("POST", &path, &headers, b"x").await.status, 415);
    // Its body was not read, so the connection ended with it.
    let mut client = Client::connect(door).await;
    let headers = [("Authorization", bearer.as_str()), ("Content-Type", "application/json")];
    let answered = client.send("POST", &path, &headers, b"{\"v\":1,}").await;
    assert_eq!(answered.status, 422);
    assert!(answered.body.contains("byte 7: had `}`, want a name in quotes"), "{answered:?}");
    let telegrams = field.telegrams.lock().unwrap();
    assert!(
        telegrams.iter().any(|telegram| telegram.refused.is_some()),
        "what was refused stands in the log"
    );
}

#[tokio::test]
async fn who_is_not_known_with_the_token_is_told_so_and_no_more() {
    let (field, door) = open(HttpConfig::default()).await;
    let bearer = bearer();
    let wrong = [
        vec![("Authorization", "Bearer wrong"), ("X-Terminal-Serial", SERIAL)],
        vec![("X-Terminal-Serial", SERIAL)],
        vec![("Authorization", bearer.as_str()), ("X-Terminal-Serial", "NOBODY-1")],
    ];
    let mut bodies = Vec::new();
    for headers in &wrong {
        let answered = post(door, headers, READING).await;
        assert_eq!(answered.status, 401, "{answered:?}");
        assert!(answered.head.contains("www-authenticate: bearer"));
        bodies.push(answered.body);
    }
    bodies.dedup();
    assert_eq!(bodies.len(), 1, "wrong token and unknown serial look the same");
    assert_eq!(*field.unknown.lock().unwrap(), ["NOBODY-1"], "somebody unknown waits in the list");
    let headers = [("Authorization", bearer.as_str()), ("X-Terminal-Serial", "a b")];
    assert_eq!(post(door, &headers, READING).await.status, 400);
    field.directory.put_terminal(terminal(SERIAL, Admission::Refused, "telemetry-generic"));
    let headers = [("Authorization", bearer.as_str()), ("X-Terminal-Serial", SERIAL)];
    assert_eq!(post(door, &headers, READING).await.status, 401);
    assert_eq!(field.taken(), 0);
}

#[tokio::test]
async fn a_key_that_comes_again_is_answered_without_a_second_reading() {
    let (field, door) = open(HttpConfig::default()).await;
    let bearer = bearer();
    let headers =
        |key| [("Authorization", bearer.as_str()), ("X-Terminal-Serial", SERIAL), ("Idempotency-Key", key)];
    let first = post(door, &headers("k-1"), READING).await;
    let again = post(door, &headers("\"k-1\""), READING).await;
    assert_eq!((first.status, &first.body), (again.status, &again.body));
    assert!(again.head.contains("idempotency-replayed: true"));
    assert_eq!(field.taken(), 1);
    let other = post(door, &headers("k-1"), r#"{"v":1,"values":{"residual":1}}"#).await;
    assert_eq!(other.status, 422);
    assert!(other.body.contains("key_of_another_message"));

    // While the first is under way a second is told to wait, even when the first one's caller has gone.
    field.be(Mood::Holds);
    {
        let mut client = Client::connect(door).await;
        let head = format!(
            "POST /ingest/v1/readings HTTP/1.1\r\nHost: x\r\nAuthorization: {bearer}\r\nX-Terminal-Serial: {SERIAL}\r\nIdempotency-Key: k-2\r\nContent-Length: {}\r\n\r\n{READING}",
            READING.len()
        );
        client.stream.write_all(head.as_bytes()).await.unwrap();
        field.arrived.notified().await;
    }
    let early = post(door, &headers("k-2"), READING).await;
    assert_eq!(early.status, 409, "{early:?}");
    field.release(Mood::Commits);
    loop {
        let later = post(door, &headers("k-2"), READING).await;
        if later.status != 409 {
            assert_eq!((later.status, field.taken()), (200, 2), "{later:?}");
            break;
        }
    }

    field.close_book();
    assert_eq!(post(door, &headers("k-3"), READING).await.status, 503, "a key that cannot be looked up");
}

#[tokio::test]
async fn bodies_are_limited_in_length_and_time() {
    let (field, door) = open(HttpConfig { body_within_s: 1, ..HttpConfig::default() }).await;
    let bearer = bearer();
    let mut client = Client::connect(door).await;
    let head = format!(
        "POST /ingest/v1/terminals/{SERIAL}/readings HTTP/1.1\r\nHost: x\r\nAuthorization: {bearer}\r\n"
    );
    client.stream.write_all(format!("{head}Content-Length: 300000\r\n\r\n").as_bytes()).await.unwrap();
    let answered = client.answer().await;
    assert_eq!(answered.status, 413, "refused by its announced length, before it is sent");
    assert!(answered.head.contains("connection: close"));

    let mut client = Client::connect(door).await;
    client.stream.write_all(format!("{head}Transfer-Encoding: chunked\r\n\r\n").as_bytes()).await.unwrap();
    let chunk = format!("10000\r\n{}\r\n", "x".repeat(0x10000));
    for _ in 0..5 {
        if client.stream.write_all(chunk.as_bytes()).await.is_err() {
            break;
        }
    }
    assert_eq!(client.answer().await.status, 413, "one that does not say how long it is");

    let mut client = Client::connect(door).await;
    client.stream.write_all(format!("{head}Content-Length: 100\r\n\r\n{{").as_bytes()).await.unwrap();
    assert_eq!(client.answer().await.status, 408, "one that never ends");
    assert_eq!(field.taken(), 0);
}

#[tokio::test]
async fn a_head_that_never_ends_is_cut_off() {
    let (_field, door) = open(HttpConfig { head_within_s: 1, ..HttpConfig::default() }).await;
    let mut client = Client::connect(door).await;
    client.stream.write_all(b"POST /ingest/v1/readings HTTP/1.1\r\nX: ").await.unwrap();
    let mut rest = Vec::new();
    let _reset = client.stream.read_to_end(&mut rest).await;
    assert!(!String::from_utf8_lossy(&rest).contains("200"), "{rest:?}");
}

#[tokio::test]
async fn requests_and_connections_are_limited() {
    let config = HttpConfig {
        max_requests_per_s: 1,
        max_requests_burst: 2,
        max_connections_per_address: 2,
        ..HttpConfig::default()
    };
    let (_field, door) = open(config).await;
    let bearer = bearer();
    let headers = [("Authorization", bearer.as_str()), ("X-Terminal-Serial", SERIAL)];
    let mut client = Client::connect(door).await;
    let mut statuses = Vec::new();
    for _ in 0..3 {
        statuses.push(client.send("POST", "/ingest/v1/readings", &headers, READING.as_bytes()).await.status);
    }
    assert_eq!(statuses, [200, 200, 429]);
    let _second = Client::connect(door).await;
    let mut third = Client::connect(door).await;
    // Closed without a word, some systems say reset.
    assert!(matches!(third.stream.read(&mut [0; 1]).await, Ok(0) | Err(_)));
}

#[tokio::test]
async fn commands_are_fetched_answered_and_given_again() {
    let (mut field, door) = open(HttpConfig::default()).await;
    let bearer = bearer();
    let headers = [("Authorization", bearer.as_str())];
    let path = format!("/ingest/v1/terminals/{SERIAL}/commands");
    let mut client = Client::connect(door).await;
    let empty = client.send("GET", &path, &headers, b"").await;
    assert_eq!((empty.status, empty.body.as_str()), (200, r#"{"v":1,"commands":[]}"#));
    assert_eq!(field.lines.recv().await, Some(LineEvent::Connected));

    let command = |id| LineCommand::Named {
        id,
        address: None,
        name: "set".into(),
        value: r#"{"residual_alarm_ma":300}"#.into(),
    };
    let answer = field.ask(command(17));
    let given = client.send("GET", &format!("{path}?wait_s=20"), &headers, b"").await;
    let commands = Commands::read(Form::Json, given.body.as_bytes(), &Limits::default()).unwrap();
    assert_eq!(commands.0.iter().map(|c| (c.id, c.name.as_str())).collect::<Vec<_>>(), [(17, "set")]);
    let answers = format!("/ingest/v1/terminals/{SERIAL}/answers");
    let done = client.send("POST", &answers, &headers, br#"{"v":1,"answers":[{"id":17,"ok":true}]}"#).await;
    assert_eq!(done.status, 200, "{done:?}");
    assert_eq!(answer.await.unwrap(), Ok(LineAnswer::Done));

    let refused = field.ask(command(18));
    let clock = field.ask(LineCommand::SetClock);
    let raw = field.ask(LineCommand::Initialise);
    assert_eq!(raw.await.unwrap(), Err(LineError::Unsupported));
    let given = client.send("GET", &format!("{path}?wait_s=20"), &headers, b"").await;
    let mut commands = Commands::read(Form::Json, given.body.as_bytes(), &Limits::default()).unwrap();
    while commands.0.len() < 2 {
        let more = client.send("GET", &format!("{path}?wait_s=20"), &headers, b"").await;
        commands.0.extend(Commands::read(Form::Json, more.body.as_bytes(), &Limits::default()).unwrap().0);
    }
    let own = commands.0.iter().find(|command| command.name == "clock").unwrap().id;
    let body = format!(
        r#"{{"v":1,"answers":[{{"id":18,"ok":false,"reason":"locked"}},{{"id":{own},"ok":true,"value":1}},{{"id":99,"ok":true}}]}}"#
    );
    client.send("POST", &answers, &headers, body.as_bytes()).await;
    assert_eq!(refused.await.unwrap(), Ok(LineAnswer::Refused("locked".into())));
    assert_eq!(clock.await.unwrap(), Ok(LineAnswer::Data(b"1".to_vec())));

    field.sessions.request(TERMINAL, LineCommand::Close { reason: "test".into() }).await.unwrap();
    assert!(matches!(field.lines.recv().await, Some(LineEvent::Disconnected(_))));
    let nobody = field.sessions.request(TERMINAL, LineCommand::SetClock).await;
    assert_eq!(nobody, Err(LineError::NotConnected));
}

#[tokio::test]
async fn carriers_push_is_confirmed_after_the_commit() {
    let carrier = CarrierConfig { key: CARRIER_KEY.into(), decode_texts: true, ..CarrierConfig::default() };
    let push = PushConfig { ctwing: carrier.clone(), onenet: carrier };
    let (field, door) = open(HttpConfig { push, ..HttpConfig::default() }).await;
    field.directory.put_terminal(terminal("860000000000001", Admission::Admitted, "nb-detector-raw"));
    let payload = "AQABLAGaAZoBmgGaEwEImATSDOQ=";
    let body = format!(
        r#"[{{"messageType":"dataReport","timestamp":1767294245000,"IMEI":"860000000000001","payload":{{"APPdata":"{payload}"}}}},
            {{"messageType":"dataReport","timestamp":1767294245000,"IMEI":"860000000000002","payload":{{"APPdata":"{payload}"}}}}]"#
    );
    let path = format!("/push/ctwing/{CARRIER_KEY}");
    let mut client = Client::connect(door).await;
    let answered = client.send("POST", &path, &[], body.as_bytes()).await;
    assert_eq!((answered.status, answered.body.as_str()), (200, r#"{"taken":1,"noted":1}"#));
    assert_eq!(*field.unknown.lock().unwrap(), ["860000000000002"]);
    assert_eq!(field.taken(), 1);
    field.be(Mood::Refuses);
    assert_eq!(client.send("POST", &path, &[], body.as_bytes()).await.status, 503);
    assert_eq!(client.send("POST", "/push/ctwing/0000000000000000", &[], b"").await.status, 404);
    let path = format!("/push/onenet/{CARRIER_KEY}?msg=hello&nonce=n&signature=s");
    let answered = client.send("GET", &path, &[], b"").await;
    assert_eq!((answered.status, answered.body.as_str()), (200, "hello"));
}

#[tokio::test]
async fn a_message_under_way_is_confirmed_while_the_process_stops() {
    let (field, door) = open(HttpConfig::default()).await;
    field.be(Mood::Holds);
    let mut client = Client::connect(door).await;
    let head = format!(
        "POST /ingest/v1/terminals/{SERIAL}/readings HTTP/1.1\r\nHost: x\r\nAuthorization: {}\r\nContent-Length: {}\r\n\r\n{READING}",
        bearer(),
        READING.len()
    );
    client.stream.write_all(head.as_bytes()).await.unwrap();
    field.arrived.notified().await;
    field.shutdown.cancel();
    field.release(Mood::Commits);
    assert_eq!(client.answer().await.status, 200);
    field.ingest.stopped().await;
    assert!(TcpStream::connect(door.local_addr).await.is_err(), "the door is closed");
}
