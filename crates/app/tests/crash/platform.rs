//! The binary under test: a data folder with terminals in it, processes that are started, killed or stopped over it,
//! and the few requests that a program with a token makes.

use std::fs::File;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use api::access::secret::{TOKEN_PREFIX, fingerprint};
use domain::access::{Role, Scope};
use domain::time::UnixMs;
use serde_json::Value;
use sim::doors::Doors;
use store::accounts::GrantDraft;
use store::tokens::TokenDraft;
use store::{Actor, Options, Store};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{Instant, interval, timeout};

const BINARY: &str = env!("CARGO_BIN_EXE_emberwatch");
/// No start, stop or confirmation takes this long, also on a machine that has other things to do.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);
/// How often it is looked whether something has come true.
const LOOK_EVERY: Duration = Duration::from_millis(2);

/// Waits until `look` gives something.
pub(crate) async fn until<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let mut looks = interval(LOOK_EVERY);
    let deadline = Instant::now() + PATIENCE;
    loop {
        looks.tick().await;
        if let Some(found) = look().await {
            return found;
        }
        assert!(Instant::now() < deadline, "waited {} s for {what}", PATIENCE.as_secs());
    }
}

/// A port that nobody has and nobody is given: below the range from which the system takes the ports of those who
/// dial. A device that dials a dead port in that range can happen to be given the very port and talk to itself.
/// Tests that run beside each other, in processes whose numbers follow each other, keep out of each other's way.
fn port() -> u16 {
    const OF_ONE_PROCESS: u16 = 32;
    const PROCESSES: u32 = 300;
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let first = u16::try_from(std::process::id() % PROCESSES).unwrap() * OF_ONE_PROCESS;
    (0..OF_ONE_PROCESS)
        .map(|_| 20_000 + first + NEXT.fetch_add(1, Ordering::Relaxed) % OF_ONE_PROCESS)
        .find(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok())
        .expect("a free port")
}

/// A data folder with the terminals of a load, and where its platform listens.
pub(crate) struct Place {
    folder: TempDir,
    pub(crate) field: SocketAddr,
    mqtt: SocketAddr,
    ingest: SocketAddr,
    coap: SocketAddr,
    http: SocketAddr,
    token: String,
}

impl Place {
    /// A new folder with `terminals` commissioned, and a token for a program that acts on alarms.
    pub(crate) async fn commission(terminals: usize) -> Self {
        Self::commission_with(&["commission", "--load", &terminals.to_string()]).await
    }

    /// The same for devices of mixed protocols.
    pub(crate) async fn commission_mixed(devices: usize) -> Self {
        Self::commission_with(&["commission", "--mixed", &devices.to_string()]).await
    }

    /// The same for a simulated city.
    pub(crate) async fn commission_city(detectors: usize) -> Self {
        Self::commission_with(&["commission", "--detectors", &detectors.to_string()]).await
    }

    /// Where the doors are, when they are opened with [`Self::all_doors`].
    pub(crate) const fn doors(&self) -> Doors {
        Doors { field: self.field, mqtt: Some(self.mqtt), http: Some(self.ingest), coap: Some(self.coap) }
    }

    /// Settings that open every door at a known place.
    pub(crate) fn all_doors(&self) -> [String; 3] {
        [
            format!("mqtt.listen={}", self.mqtt),
            format!("ingest.listen={}", self.ingest),
            format!("coap.listen={}", self.coap),
        ]
    }

    async fn commission_with(arguments: &[&str]) -> Self {
        let token = format!("{TOKEN_PREFIX}a-program-that-takes-alarms");
        let on = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let place = Self {
            folder: tempfile::tempdir().unwrap(),
            field: on(port()),
            mqtt: on(port()),
            ingest: on(port()),
            coap: on(port()),
            http: on(port()),
            token,
        };
        let done = place.command(arguments).status().unwrap();
        assert!(done.success(), "commission: {done}");
        let store = place.store().await;
        let (scope, actor) = (Scope::platform(), Actor::system());
        let first = store.accounts().credentials("admin").await.unwrap().unwrap();
        let draft = TokenDraft {
            name: "desk".to_owned(),
            grant: GrantDraft { role: Role::Administrator, organisation_id: None, area_code: None },
            token_hash: fingerprint(&place.token).to_vec(),
            prefix: TOKEN_PREFIX.to_owned(),
            created_by: first.id,
            expires_at: None,
        };
        store.tokens().create(&scope, &actor, UnixMs(0), &draft).await.unwrap();
        store.close().await;
        place
    }

    /// Where people reach its pages, and settings that let it tell people by receivers on this machine.
    pub(crate) fn tells(&self) -> [String; 2] {
        [format!("http.public_url=http://{}", self.http), "telling.local_addresses=true".to_owned()]
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// Where the devices write down what was confirmed.
    pub(crate) fn record(&self) -> PathBuf {
        self.folder.path().join("confirmed.jsonl")
    }

    /// A folder beside the data folder.
    pub(crate) fn beside(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A command at the server's console, on the data folder unless it says another.
    pub(crate) fn console(&self, arguments: &[&str]) -> Command {
        let own = arguments.iter().any(|argument| argument.starts_with("data.dir="));
        let mut command = Command::new(BINARY);
        command.args(arguments).env_remove("EMBERWATCH_CONFIG").stdin(Stdio::null());
        if !own {
            command.arg("--data").arg(self.data());
        }
        let log = File::options().create(true).append(true).open(self.log()).unwrap();
        command.stdout(log.try_clone().unwrap()).stderr(log);
        command
    }

    fn log(&self) -> PathBuf {
        self.folder.path().join("log")
    }

    /// Size of the database with what has not been moved into it, bytes.
    pub(crate) fn database_bytes(&self) -> u64 {
        let size = |name: &str| std::fs::metadata(self.data().join(name)).map_or(0, |about| about.len());
        size("emberwatch.db") + size("emberwatch.db-wal")
    }

    /// The store, while no process has it.
    pub(crate) async fn store(&self) -> Store {
        Store::open(&self.data(), Options::default()).await.unwrap()
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let log = File::options().create(true).append(true).open(self.log()).unwrap();
        let mut command = Command::new(BINARY);
        command
            .args(arguments)
            .arg("--data")
            .arg(self.data())
            .args(["--set", "log.filter=warn"])
            .env_remove("EMBERWATCH_CONFIG")
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log);
        command
    }

    /// Holds the database for writing, as one does that its disk keeps waiting, until what is given back is let go of.
    pub(crate) async fn hold_database(&self) -> Held {
        const HOLD: &str = "import sqlite3, sys\n\
                            held = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=30)\n\
                            held.execute('BEGIN IMMEDIATE')\n\
                            print('held', flush=True)\n\
                            sys.stdin.read()";
        let mut child = Command::new("python3")
            .args(["-c", HOLD])
            .arg(self.data().join("emberwatch.db"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = [0; 5];
        let mut out = child.stdout.take().unwrap();
        tokio::task::spawn_blocking(move || std::io::Read::read_exact(&mut out, &mut said).unwrap())
            .await
            .unwrap();
        Held(child)
    }

    /// Starts the platform like [`Self::serve`]; a write beyond a limit is an error to it and does not end it.
    pub(crate) fn serve_with_limits(&self, more: &[String]) -> Platform<'_> {
        let plain = self.serving(more);
        let mut command = Command::new("sh");
        command.args(["-c", "trap '' XFSZ; exec \"$0\" \"$@\"", BINARY]).args(plain.get_args());
        let log = File::options().create(true).append(true).open(self.log()).unwrap();
        command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        Platform { child: command.spawn().unwrap(), place: self }
    }

    /// Starts the platform; it need not be ready yet.
    pub(crate) fn serve(&self, more: &[String]) -> Platform<'_> {
        Platform { child: self.serving(more).spawn().unwrap(), place: self }
    }

    fn serving(&self, more: &[String]) -> Command {
        let mut command =
            self.command(&["serve", "--set", "field.telegram_log=off", "--set", "ingest.telegram_log=off"]);
        command.arg("--set").arg(format!("field.listen={}", self.field));
        command.arg("--set").arg("gb26875.listen=127.0.0.1:0");
        command.arg("--set").arg(format!("http.listen={}", self.http));
        command.args(["--set", "mqtt.listen=127.0.0.1:0"]);
        command.args(["--set", "ingest.listen=127.0.0.1:0", "--set", "coap.listen=127.0.0.1:0"]);
        command.args(["--set", "coaps.listen=127.0.0.1:0"]);
        for set in more {
            command.arg("--set").arg(set);
        }
        command
    }
}

/// A process that holds the database for writing.
pub(crate) struct Held(Child);

impl Drop for Held {
    fn drop(&mut self) {
        let _ended = self.0.kill();
        let _ended = self.0.wait();
    }
}

/// A running platform; killed when it is let go of.
pub(crate) struct Platform<'p> {
    child: Child,
    place: &'p Place,
}

impl Platform<'_> {
    /// Panics with its last words when it has ended by itself.
    pub(crate) fn assert_runs(&mut self) {
        if let Some(ended) = self.child.try_wait().unwrap() {
            let log = std::fs::read_to_string(self.place.log()).unwrap_or_default();
            let lines: Vec<_> = log.lines().rev().take(20).collect();
            panic!("the platform ended by itself: {ended}; its last lines, newest first: {lines:#?}");
        }
    }

    /// Its number.
    pub(crate) fn process(&self) -> u32 {
        self.child.id()
    }

    /// The memory that it holds, KB.
    pub(crate) fn memory_kb(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0)
    }

    /// `kill -9`.
    pub(crate) fn kill(mut self) {
        self.assert_runs();
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Asks it to stop, and waits until it has.
    pub(crate) async fn stop(mut self) {
        self.assert_runs();
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
        let ended = until("the platform to stop", async || self.child.try_wait().unwrap()).await;
        assert!(ended.success(), "a soft stop ends with {ended}");
    }

    /// Asks over HTTP; `None` when nobody answers.
    pub(crate) async fn ask(&self, method: &str, path: &str, body: &str) -> Option<(u16, String)> {
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
            self.place.http,
            self.place.token,
            body.len()
        );
        let exchange = async {
            let mut stream = TcpStream::connect(self.place.http).await.ok()?;
            stream.write_all(head.as_bytes()).await.ok()?;
            let mut answer = String::new();
            stream.read_to_string(&mut answer).await.ok()?;
            Some(answer)
        };
        let answer = timeout(PATIENCE, exchange).await.ok().flatten()?;
        let (head, body) = answer.split_once("\r\n\r\n")?;
        let status = head.split(' ').nth(1)?.parse().ok()?;
        Some((status, body.to_owned()))
    }

    /// What the API answers to a `GET` below its root; `None` while nobody answers.
    pub(crate) async fn get(&self, path: &str) -> Option<Value> {
        let (status, body) = self.ask("GET", &format!("/api/v1{path}"), "").await?;
        assert_eq!(status, 200, "GET {path}: {body}");
        Some(serde_json::from_str(&body).unwrap())
    }

    /// What the API answers to a `POST` below its root.
    pub(crate) async fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        let answer = self.ask("POST", &format!("/api/v1{path}"), &body.to_string()).await;
        let (status, body) = answer.expect("an answer");
        (status, serde_json::from_str(&body).unwrap())
    }

    /// Waits until `/readyz` answers with `status`.
    pub(crate) async fn readiness(&mut self, status: u16) {
        until(&format!("/readyz to say {status}"), async || {
            self.assert_runs();
            self.ask("GET", "/readyz", "").await.filter(|answer| answer.0 == status)
        })
        .await;
    }

    /// One of the counters since the start.
    pub(crate) async fn counter(&self, name: &str) -> u64 {
        let system = self.get("/system").await.expect("an answer");
        system.pointer(&format!("/counters/{name}")).and_then(Value::as_u64).expect(name)
    }
}

impl Drop for Platform<'_> {
    fn drop(&mut self) {
        // It may have ended, then there is nothing to kill.
        let _ended = self.child.kill();
        let _ended = self.child.wait();
    }
}
