//! One connection of a load: as many uploads as its window lets, those of one moment in one write.

use std::collections::VecDeque;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use domain::profile::{Group, Profile};
use domain::time::UnixMs;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::{Instant, Sleep, sleep, sleep_until, timeout};

use super::dialect::{CloudDialect, Dialect, Heard, LoadProtocol, MqttDialect};
use super::{LoadError, LoadOptions, Recorded, Shared};

/// Uploads that nobody confirms for this long end the connection.
const CONFIRM_WITHIN: Duration = Duration::from_secs(20);
const CONNECT_WITHIN: Duration = Duration::from_secs(10);
const REDIAL_AFTER: Duration = Duration::from_millis(300);
/// Bytes read at once.
const READ_BYTES: usize = 2_048;
/// Recorded device time begins this far back and goes one second a reading, so that no two readings of a terminal
/// have the same and none is ahead of the server.
const RECORDED_FROM_MS: i64 = 6 * 3_600_000;

/// A reading on its way.
struct Waiting {
    sequence: u64,
    written: Instant,
}

/// One connection.
pub(super) struct Connection {
    serial: String,
    profile: Arc<Profile>,
    dialect: Dialect,
    server: SocketAddr,
    /// The address that it dials from.
    source: Option<Ipv4Addr>,
    dial_at: Instant,
    uploads_from: Instant,
    /// Between two readings; `None` as soon as there is room in the window.
    every: Option<Duration>,
    idle: bool,
    heartbeat: Duration,
    window: usize,
    recorded_from: Option<UnixMs>,
    shared: Arc<Shared>,
    next_sequence: u64,
    waiting: VecDeque<Waiting>,
    /// What is to be written; kept for its room.
    said: Vec<u8>,
}

fn wall_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

impl Connection {
    pub(super) fn new(
        profile: &Arc<Profile>,
        options: &LoadOptions,
        number: usize,
        dial_at: Instant,
        uploads_from: Instant,
        shared: Arc<Shared>,
    ) -> Result<Self, LoadError> {
        let idle = options.readings_per_s == Some(0.0);
        let every = options
            .readings_per_s
            .filter(|rate| *rate > 0.0)
            .map(|rate| Duration::from_secs_f64((options.connections as f64 / rate).min(86_400.0)));
        let share = number as f64 / options.connections as f64;
        let spread = every.unwrap_or_default().mul_f64(share);
        // With a record every reading has a device time; else the layout without a clock, so that any rate will do.
        let with_clock = options.record.is_some();
        let mut groups: Vec<&Group> = profile.groups.iter().collect();
        groups.sort_by_key(|group| group.count);
        let group = if with_clock { groups.last() } else { groups.first() };
        let group = group.copied().filter(|_| !idle);
        let serial = options.protocol.serial(options.first_serial + number);
        let dialect = match options.protocol {
            LoadProtocol::Cloud7b7b => Dialect::Cloud(CloudDialect::new(profile, group, with_clock)?),
            LoadProtocol::Mqtt => {
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "clamped to its range"
                )]
                let keep_alive_s = (options.heartbeat_s * 2.0).ceil().clamp(1.0, 65_535.0) as u16;
                let token = super::load_token(options.first_serial + number);
                Dialect::Mqtt(MqttDialect::new(&serial, token, keep_alive_s))
            }
        };
        // Whole seconds, because that is what a device's clock can say.
        let start = wall_ms() / 1000 * 1000 - RECORDED_FROM_MS;
        Ok(Self {
            serial,
            profile: profile.clone(),
            dialect,
            server: options.server,
            source: super::source(number, options.addresses),
            dial_at,
            uploads_from: uploads_from + spread,
            every,
            idle,
            heartbeat: Duration::from_secs_f64(options.heartbeat_s),
            window: options.window,
            recorded_from: with_clock.then_some(UnixMs(start)),
            shared,
            next_sequence: 0,
            waiting: VecDeque::new(),
            said: Vec::new(),
        })
    }

    /// Runs until it is dropped.
    pub(super) async fn run(mut self) {
        let mut next_reading = self.uploads_from;
        sleep_until(self.dial_at).await;
        loop {
            if let Ok(Ok(mut stream)) = timeout(CONNECT_WITHIN, self.dial()).await {
                self.shared.dialled.fetch_add(1, Ordering::Relaxed);
                if self.log_in(&mut stream).await {
                    self.shared.logged_in.fetch_add(1, Ordering::Relaxed);
                    self.upload(&mut stream, &mut next_reading).await;
                    self.shared.logged_in.fetch_sub(1, Ordering::Relaxed);
                }
            }
            sleep(REDIAL_AFTER).await;
        }
    }

    async fn dial(&self) -> std::io::Result<TcpStream> {
        let stream = match self.source {
            None => TcpStream::connect(self.server).await?,
            Some(source) => {
                let socket = TcpSocket::new_v4()?;
                socket.bind(SocketAddr::from((source, 0)))?;
                socket.connect(self.server).await?
            }
        };
        let _slower = stream.set_nodelay(true);
        Ok(stream)
    }

    async fn log_in(&mut self, stream: &mut TcpStream) -> bool {
        let greeting = self.dialect.greet(&self.serial);
        if greeting.is_empty() || !write(stream, &greeting).await {
            return false;
        }
        let mut until = pin!(sleep(CONFIRM_WITHIN));
        loop {
            match self.hear(stream, until.as_mut()).await {
                Some(Heard { is_in: true, .. }) => return true,
                Some(Heard { is_refused: false, .. }) if !until.is_elapsed() => {}
                Some(_) | None => return false,
            }
        }
    }

    async fn upload(&mut self, stream: &mut TcpStream, next_reading: &mut Instant) {
        // What was not confirmed over the last connection goes first, as it was.
        let again: VecDeque<Waiting> = std::mem::take(&mut self.waiting);
        if self.recorded_from.is_some() {
            for waiting in again {
                self.say(waiting.sequence, Instant::now());
            }
            if !self.write_said(stream).await {
                return;
            }
        }
        let mut next_heartbeat = Instant::now() + self.heartbeat;
        let mut timer = pin!(sleep_until(next_heartbeat));
        loop {
            let now = Instant::now();
            while !self.idle && now >= *next_reading && self.waiting.len() < self.window {
                let sequence = self.next_sequence;
                self.next_sequence += 1;
                self.say(sequence, now);
                *next_reading = match self.every {
                    // A schedule: a slow server makes the load catch up, not slow down.
                    Some(every) => *next_reading + every,
                    None => now,
                };
            }
            if now >= next_heartbeat {
                self.said.extend(self.dialect.heartbeat());
                next_heartbeat = now + self.heartbeat;
            }
            if !self.write_said(stream).await {
                return;
            }
            let mut wake = next_heartbeat;
            if let Some(oldest) = self.waiting.front() {
                if now >= oldest.written + CONFIRM_WITHIN {
                    return;
                }
                wake = wake.min(oldest.written + CONFIRM_WITHIN);
            }
            if !self.idle && self.waiting.len() < self.window {
                wake = wake.min(*next_reading);
            }
            // One that is a little early is cheaper than one that is set anew for every upload.
            let set = timer.deadline();
            if wake < set || set <= now {
                timer.as_mut().reset(wake);
            }
            match self.hear(stream, timer.as_mut()).await {
                Some(heard) if heard.is_refused => return,
                Some(heard) => self.confirmed(heard.confirmed),
                None => return,
            }
        }
    }

    fn confirmed(&mut self, count: usize) {
        if count == 0 {
            return;
        }
        let now = Instant::now();
        for _ in 0..count {
            let Some(waiting) = self.waiting.pop_front() else { return };
            self.shared.latency.add(now.saturating_duration_since(waiting.written));
            self.shared.confirmed.fetch_add(1, Ordering::Relaxed);
            if let (Some(recorder), Some(device_at)) =
                (&self.shared.recorder, self.device_at(waiting.sequence))
            {
                recorder.write(&Recorded {
                    serial: self.serial.clone(),
                    sequence: waiting.sequence,
                    device_at_ms: device_at.0,
                    raw: self.dialect.raw(&self.profile, waiting.sequence),
                    confirmed_at_ms: wall_ms(),
                });
            }
        }
    }

    /// Puts an upload behind what is to be written.
    fn say(&mut self, sequence: u64, now: Instant) {
        let device_at = self.device_at(sequence);
        if self.dialect.upload(sequence, device_at, &mut self.said) {
            self.waiting.push_back(Waiting { sequence, written: now });
            self.shared.sent.fetch_add(1, Ordering::Relaxed);
        }
    }

    async fn write_said(&mut self, stream: &mut TcpStream) -> bool {
        if self.said.is_empty() {
            return true;
        }
        let written = write(stream, &self.said).await;
        self.said.clear();
        written
    }

    fn device_at(&self, sequence: u64) -> Option<UnixMs> {
        let seconds = i64::try_from(sequence).unwrap_or(0);
        self.recorded_from.map(|from| from.plus_ms(seconds.saturating_mul(1000)))
    }

    /// What came; nothing when the time is over, `None` at the end of the line.
    async fn hear(&mut self, stream: &TcpStream, until: Pin<&mut Sleep>) -> Option<Heard> {
        tokio::select! {
            biased;
            readable = stream.readable() => {
                readable.ok()?;
                self.read(stream)
            }
            () = until => Some(Heard::default()),
        }
    }

    /// Not part of what waits, so that an idle connection needs no room for it.
    fn read(&mut self, stream: &TcpStream) -> Option<Heard> {
        let mut buffer = [0u8; READ_BYTES];
        match stream.try_read(&mut buffer) {
            Ok(0) => None,
            Ok(length) => Some(self.dialect.hear(buffer.get(..length).unwrap_or_default())),
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => Some(Heard::default()),
            Err(_lost) => None,
        }
    }
}

async fn write(stream: &mut TcpStream, bytes: &[u8]) -> bool {
    // What is said nearly always fits in the socket; only what does not is waited for.
    match stream.try_write(bytes) {
        Ok(length) if length == bytes.len() => true,
        Ok(length) => write_rest(stream, bytes.get(length..).unwrap_or_default()).await,
        Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => write_rest(stream, bytes).await,
        Err(_) => false,
    }
}

async fn write_rest(stream: &mut TcpStream, bytes: &[u8]) -> bool {
    matches!(timeout(CONFIRM_WITHIN, stream.write_all(bytes)).await, Ok(Ok(())))
}
