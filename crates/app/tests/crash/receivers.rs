//! Systems of the customer that take messages: each at a port of its own, with what came to it and how it behaves. And
//! the people who are told by them.

use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{SystemTime, UNIX_EPOCH};

use rand::Rng as _;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Duration, timeout};

use crate::platform::Platform;

/// What a receiver does with what comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Manner {
    /// Takes it.
    Takes,
    /// Takes it after a while, up to [`SLOW_MS`].
    TakesSlowly,
    /// Answers 500.
    Fails,
    /// Accepts and never answers.
    Hangs,
}

const SLOW_MS: u64 = 1_500;

/// A message that came whole.
#[derive(Debug, Clone)]
pub(crate) struct Came {
    /// When, ms since 1970 UTC.
    pub(crate) at_ms: i64,
    /// Whether it was taken: answered with 200.
    pub(crate) taken: bool,
    /// Where it came to, with the query.
    pub(crate) path: String,
    /// The message.
    pub(crate) body: Value,
}

impl Came {
    /// The person's one-time token.
    pub(crate) fn token(&self) -> &str {
        let link = self.body.get("acknowledge_link").and_then(Value::as_str).expect("a link");
        link.rsplit('/').next().unwrap()
    }

    /// About which site.
    pub(crate) fn group(&self) -> &str {
        self.body.get("group").and_then(Value::as_str).expect("a group")
    }
}

/// One receiver.
pub(crate) struct Receiver {
    pub(crate) url: String,
    manner: Arc<AtomicU8>,
    came: Arc<Mutex<Vec<Came>>>,
    cut: Arc<AtomicUsize>,
}

pub(crate) fn wall_ms() -> i64 {
    i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap()
}

impl Receiver {
    pub(crate) async fn open(manner: Manner) -> Self {
        let door = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", door.local_addr().unwrap());
        let manner = Arc::new(AtomicU8::new(manner as u8));
        let receiver = Self { url, manner, came: Arc::default(), cut: Arc::default() };
        let (manner, came) = (Arc::clone(&receiver.manner), Arc::clone(&receiver.came));
        let cut = Arc::clone(&receiver.cut);
        tokio::spawn(async move {
            while let Ok((stream, _)) = door.accept().await {
                tokio::spawn(take(stream, Arc::clone(&manner), Arc::clone(&came), Arc::clone(&cut)));
            }
        });
        receiver
    }

    pub(crate) fn behave(&self, manner: Manner) {
        self.manner.store(manner as u8, Ordering::SeqCst);
    }

    /// Everything that came, in order.
    pub(crate) fn came(&self) -> Vec<Came> {
        self.came.lock().unwrap().clone()
    }

    /// Senders that were gone before they had their answer.
    pub(crate) fn cut(&self) -> usize {
        self.cut.load(Ordering::SeqCst)
    }

    /// What it took.
    pub(crate) fn taken(&self) -> Vec<Came> {
        self.came().into_iter().filter(|came| came.taken).collect()
    }
}

async fn take(
    mut stream: TcpStream,
    manner: Arc<AtomicU8>,
    came: Arc<Mutex<Vec<Came>>>,
    cut: Arc<AtomicUsize>,
) {
    let (mut bytes, mut part) = (Vec::new(), [0_u8; 8192]);
    loop {
        let Ok(read @ 1..) = stream.read(&mut part).await else { return };
        bytes.extend_from_slice(part.get(..read).unwrap());
        let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else { continue };
        let head = String::from_utf8_lossy(bytes.get(..end).unwrap()).into_owned();
        let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
        let head = head.to_lowercase();
        let length = head.split("content-length: ").nth(1).and_then(|rest| rest.lines().next());
        let length: usize = length.and_then(|text| text.trim().parse().ok()).unwrap_or(0);
        let Some(body) = bytes.get(end + 4..end + 4 + length) else { continue };
        // What Aliyun is sent stands in the query.
        let body = serde_json::from_slice(body).unwrap_or(Value::Null);
        let manner = manner.load(Ordering::SeqCst);
        let takes = manner == Manner::Takes as u8 || manner == Manner::TakesSlowly as u8;
        let reference = {
            let mut came = came.lock().unwrap();
            let reference = format!("90061974693649844{}^0", came.len());
            came.push(Came { at_ms: wall_ms(), taken: takes, path, body });
            reference
        };
        if manner == Manner::Hangs as u8 {
            std::future::pending::<()>().await;
        }
        if manner == Manner::TakesSlowly as u8 {
            let slow = Duration::from_millis(rand::rng().random_range(0..SLOW_MS));
            // Whoever sent it may be gone before it has its answer.
            if timeout(slow, stream.read(&mut part)).await.is_ok() {
                cut.fetch_add(1, Ordering::SeqCst);
                return;
            }
        }
        let status = if takes { "200 OK" } else { "500 Internal Server Error" };
        // As Aliyun answers; a webhook reads no answer.
        let said = json!({ "Code": "OK", "Message": "OK", "BizId": reference }).to_string();
        let said = if takes { said.as_str() } else { "" };
        let length = said.len();
        let answer =
            format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{said}");
        let _gone = stream.write_all(answer.as_bytes()).await;
        return;
    }
}

/// Makes an account that answers for every site in this role; gives its id.
pub(crate) async fn person(platform: &Platform<'_>, login: &str, role: &str) -> i64 {
    let (status, made) = platform
        .post("/users", &json!({ "login": login, "name": login, "grants": [{ "role": role }] }))
        .await;
    assert_eq!(status, 201, "{made}");
    made.pointer("/user/id").or_else(|| made.get("id")).and_then(Value::as_i64).expect("an id")
}

/// Lets `account` be told by `receiver`; the lower `rank` first. The medium's id.
pub(crate) async fn medium(platform: &Platform<'_>, account: i64, receiver: &Receiver, rank: i64) -> i64 {
    let config = json!({ "kind": "webhook", "url": receiver.url, "secret": "a-secret-of-sixteen" });
    let name = format!("{account}-{rank}");
    let draft = json!({ "name": name, "rank": rank, "account_id": account, "config": config });
    let (status, made) = platform.post("/media", &draft).await;
    assert_eq!(status, 201, "{made}");
    made.get("id").and_then(Value::as_i64).expect("an id")
}
