//! The outside of a line: one task with one TCP connection, dialling in again after a pause.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use domain::time::UnixMs;
use rand::Rng;
use rand::rngs::SmallRng;
use serde::Serialize;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use super::{Line, Wants};

/// A connection that does not come about within this is given up.
const CONNECT_WITHIN: Duration = Duration::from_secs(10);
/// Bytes that the other side does not take within this end the connection.
const WRITE_WITHIN: Duration = Duration::from_secs(20);
/// The first pause before dialling in again, ms; each further one is twice as long.
const FIRST_PAUSE_MS: u64 = 500;
/// The longest sleep between two looks at what a line wants, so that a fault asked for by hand comes soon.
const LOOK_EVERY_MS: i64 = 2_000;

/// Wall time that does not jump while a scenario runs.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    wall: UnixMs,
    origin: Instant,
}

impl Clock {
    /// Starts from the machine's clock.
    #[must_use]
    pub fn start() -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self { wall: UnixMs(i64::try_from(since.as_millis()).unwrap_or(i64::MAX)), origin: Instant::now() }
    }

    /// The moment.
    #[must_use]
    pub fn now(&self) -> UnixMs {
        let since = i64::try_from(self.origin.elapsed().as_millis()).unwrap_or(i64::MAX);
        self.wall.plus_ms(since)
    }

    /// Waits for a moment.
    pub(crate) async fn sleep_until(&self, at: UnixMs) {
        sleep_until(self.instant(at)).await;
    }

    fn instant(&self, at: UnixMs) -> Instant {
        let ahead = u64::try_from(at.since_ms(self.wall)).unwrap_or(0);
        self.origin + Duration::from_millis(ahead)
    }
}

/// What all lines did together.
#[derive(Debug, Default)]
pub struct Counters {
    connections: AtomicU64,
    dialled: AtomicU64,
    sent: AtomicU64,
    resent: AtomicU64,
    confirmed: AtomicU64,
    answered: AtomicU64,
    dropped: AtomicU64,
    misunderstood: AtomicU64,
    unsayable: AtomicU64,
}

/// The counters at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct CountersNow {
    /// Connections that stand now.
    pub connections: u64,
    /// Connections made since the start.
    pub dialled: u64,
    /// Uploads sent for the first time.
    pub sent: u64,
    /// Uploads sent again.
    pub resent: u64,
    /// Uploads confirmed.
    pub confirmed: u64,
    /// Modbus requests answered.
    pub answered: u64,
    /// Uploads lost because a detector's memory was full.
    pub dropped: u64,
    /// Frames from the server that were not understood.
    pub misunderstood: u64,
    /// Values that a profile has no way to say: a mistake in the simulator.
    pub unsayable: u64,
}

impl Counters {
    pub(crate) fn sent(&self, again: bool) {
        let counter = if again { &self.resent } else { &self.sent };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn confirmed(&self) {
        self.confirmed.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn answered(&self) {
        self.answered.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn dropped(&self) {
        self.dropped.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn misunderstood(&self) {
        self.misunderstood.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn unsayable(&self) {
        self.unsayable.fetch_add(1, Ordering::Relaxed);
    }

    /// What they say now.
    #[must_use]
    pub fn now(&self) -> CountersNow {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        CountersNow {
            connections: read(&self.connections),
            dialled: read(&self.dialled),
            sent: read(&self.sent),
            resent: read(&self.resent),
            confirmed: read(&self.confirmed),
            answered: read(&self.answered),
            dropped: read(&self.dropped),
            misunderstood: read(&self.misunderstood),
            unsayable: read(&self.unsayable),
        }
    }
}

/// Where a line dials in and what its driver may do.
#[derive(Debug, Clone)]
pub struct Endpoint {
    /// The door that the line comes to.
    pub server: SocketAddr,
    /// The scenario's clock.
    pub clock: Clock,
    /// The first dialling in, so that not all come at once.
    pub first_dial: UnixMs,
    /// The longest pause before dialling in again, ms.
    pub back_off_max_ms: u64,
    /// Ends everything.
    pub stop: CancellationToken,
    /// Shared by all lines.
    pub counters: Arc<Counters>,
}

/// Keeps `line` connected until it is stopped.
pub async fn drive(mut line: impl Line, endpoint: Endpoint, mut jitter: SmallRng) {
    let stop = endpoint.stop.clone();
    let run = async {
        let mut dial_at = endpoint.first_dial;
        let mut pause_ms = FIRST_PAUSE_MS;
        loop {
            wait_apart(&mut line, &endpoint, dial_at).await;
            let connected = timeout(CONNECT_WITHIN, TcpStream::connect(endpoint.server)).await;
            if let Ok(Ok(stream)) = connected {
                endpoint.counters.dialled.fetch_add(1, Ordering::Relaxed);
                endpoint.counters.connections.fetch_add(1, Ordering::Relaxed);
                let established = talk(&mut line, stream, &endpoint.clock).await;
                endpoint.counters.connections.fetch_sub(1, Ordering::Relaxed);
                line.disconnected(endpoint.clock.now());
                if established {
                    pause_ms = FIRST_PAUSE_MS;
                }
            }
            // Half of the pause is chance: a city that lost its server must not come back in one second.
            let chosen = jitter.random_range(pause_ms / 2..=pause_ms);
            dial_at = endpoint.clock.now().plus_ms(i64::try_from(chosen).unwrap_or(i64::MAX));
            pause_ms = (pause_ms * 2).min(endpoint.back_off_max_ms.max(FIRST_PAUSE_MS));
        }
    };
    tokio::select! {
        () = stop.cancelled() => {}
        () = run => {}
    }
}

/// Time goes on for a device without a connection.
async fn wait_apart(line: &mut impl Line, endpoint: &Endpoint, dial_at: UnixMs) {
    let clock = &endpoint.clock;
    loop {
        let now = clock.now();
        let wake = match line.wants(now) {
            Wants::SilenceUntil(until) => until.max(dial_at),
            Wants::Connection | Wants::Redial if now >= dial_at => return,
            Wants::Connection | Wants::Redial => dial_at,
        };
        if now >= line.next_due() {
            line.due(now);
            // Whatever it wants to say has no line to go by.
            let _unsent = line.take_out();
            continue;
        }
        sleep_until(clock.instant(wake.min(line.next_due()))).await;
    }
}

/// Waits to be dialled and runs one connection after the other on the same line, until `stop`.
pub async fn wait_for_calls(
    listener: TcpListener,
    mut line: impl Line,
    clock: Clock,
    stop: CancellationToken,
) {
    let run = async {
        loop {
            // A caller that is gone before it was taken is no reason to stop.
            if let Ok((stream, _caller)) = listener.accept().await {
                talk(&mut line, stream, &clock).await;
                line.disconnected(clock.now());
            }
        }
    };
    tokio::select! {
        () = stop.cancelled() => {}
        () = run => {}
    }
}

/// Runs one connection to its end; tells whether the other side had taken the device.
async fn talk(line: &mut impl Line, mut stream: TcpStream, clock: &Clock) -> bool {
    // Frames are small and one waits for the other.
    let _slower = stream.set_nodelay(true);
    line.connected(clock.now());
    let mut established = false;
    loop {
        let out = line.take_out();
        if !out.is_empty() && !matches!(timeout(WRITE_WITHIN, stream.write_all(&out)).await, Ok(Ok(()))) {
            return established;
        }
        established |= line.is_established();
        let now = clock.now();
        match line.wants(now) {
            Wants::Connection => {}
            Wants::SilenceUntil(_) | Wants::Redial => return established,
        }
        let wake = line.next_due().min(now.plus_ms(LOOK_EVERY_MS));
        tokio::select! {
            readable = stream.readable() => {
                if readable.is_err() {
                    return established;
                }
                // On the stack and not across an await: an idle connection costs no buffer.
                let mut buffer = [0u8; 1024];
                match stream.try_read(&mut buffer) {
                    Ok(0) => return established,
                    Ok(length) => line.heard(buffer.get(..length).unwrap_or_default(), clock.now()),
                    Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
                    Err(_) => return established,
                }
            }
            () = sleep_until(clock.instant(wake)) => {
                let now = clock.now();
                if now >= line.next_due() {
                    line.due(now);
                }
            }
        }
    }
}
