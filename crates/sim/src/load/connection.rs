//! One connection of a load: a frame that was built once, changed in place for each reading.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use domain::profile::{Group, Profile};
use domain::time::UnixMs;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep_until, timeout};
use wire::cloud7b7b::{
    DEFAULT_MAX_FRAME_LEN, Deframer, Downlink, FirmwareVersion, Login, SerialNumber, Uplink,
};

use super::template::Template;
use super::{LoadError, LoadOptions, Recorded, Shared, load_serial};

/// Uploads that nobody confirms for this long end the connection.
const CONFIRM_WITHIN: Duration = Duration::from_secs(20);
const CONNECT_WITHIN: Duration = Duration::from_secs(10);
const REDIAL_AFTER: Duration = Duration::from_millis(300);
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
    /// `None` for idle connections, which need none.
    template: Option<Template>,
    server: SocketAddr,
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
        let template = match group {
            Some(group) if !idle => Template::new(profile, group, with_clock),
            Some(_) | None => Ok(None),
        };
        // Whole seconds, because that is what a device's clock can say.
        let start = wall_ms() / 1000 * 1000 - RECORDED_FROM_MS;
        Ok(Self {
            serial: load_serial(options.first_serial + number),
            profile: profile.clone(),
            template: template.map_err(LoadError::from)?,
            server: options.server,
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
        })
    }

    /// Runs until it is dropped.
    pub(super) async fn run(mut self) {
        let mut next_reading = self.uploads_from;
        sleep_until(self.dial_at).await;
        loop {
            if let Ok(Ok(stream)) = timeout(CONNECT_WITHIN, TcpStream::connect(self.server)).await {
                self.shared.dialled.fetch_add(1, Ordering::Relaxed);
                let mut talk = Talk::over(stream);
                if self.log_in(&mut talk).await {
                    self.shared.logged_in.fetch_add(1, Ordering::Relaxed);
                    self.upload(&mut talk, &mut next_reading).await;
                    self.shared.logged_in.fetch_sub(1, Ordering::Relaxed);
                }
            }
            sleep_until(Instant::now() + REDIAL_AFTER).await;
        }
    }

    async fn log_in(&self, talk: &mut Talk) -> bool {
        let Ok(serial) = SerialNumber::new(&self.serial) else { return false };
        let version = Some(FirmwareVersion([1, 0]));
        let login = Uplink::Login(Login {
            serial,
            iccid: None,
            signal: Some(24),
            firmware: [version, version, version],
            interval_min: Some(1),
            extra: Bytes::new(),
        });
        if !talk.write(&login.encode()).await {
            return false;
        }
        let until = Instant::now() + CONFIRM_WITHIN;
        loop {
            match talk.next(until).await {
                Heard::Frame(Downlink::LoginAck) => return true,
                Heard::Frame(_) => {}
                Heard::Nothing | Heard::End => return false,
            }
        }
    }

    async fn upload(&mut self, talk: &mut Talk, next_reading: &mut Instant) {
        // What was not confirmed over the last connection goes first, as it was.
        let mut again: VecDeque<Waiting> = std::mem::take(&mut self.waiting);
        if self.recorded_from.is_some() {
            while let Some(waiting) = again.pop_front() {
                if !self.send(talk, waiting.sequence).await {
                    self.waiting.append(&mut again);
                    return;
                }
            }
        }
        let mut next_heartbeat = Instant::now() + self.heartbeat;
        loop {
            let now = Instant::now();
            while !self.idle && now >= *next_reading && self.waiting.len() < self.window {
                let sequence = self.next_sequence;
                self.next_sequence += 1;
                if !self.send(talk, sequence).await {
                    return;
                }
                *next_reading = match self.every {
                    // A schedule: a slow server makes the load catch up, not slow down.
                    Some(every) => *next_reading + every,
                    None => now,
                };
            }
            if now >= next_heartbeat {
                if !talk.write(&Uplink::Heartbeat.encode()).await {
                    return;
                }
                next_heartbeat = now + self.heartbeat;
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
            match talk.next(wake).await {
                Heard::Frame(Downlink::UploadAck) => self.confirmed(),
                Heard::Frame(_) | Heard::Nothing => {}
                Heard::End => return,
            }
        }
    }

    fn confirmed(&mut self) {
        let Some(waiting) = self.waiting.pop_front() else { return };
        self.shared.latency.add(waiting.written.elapsed());
        self.shared.confirmed.fetch_add(1, Ordering::Relaxed);
        if let (Some(recorder), Some(device_at)) = (&self.shared.recorder, self.device_at(waiting.sequence)) {
            recorder.write(&Recorded {
                serial: self.serial.clone(),
                sequence: waiting.sequence,
                device_at_ms: device_at.0,
                raw: self
                    .template
                    .as_ref()
                    .map(|t| t.raw(&self.profile, waiting.sequence))
                    .unwrap_or_default(),
                confirmed_at_ms: wall_ms(),
            });
        }
    }

    async fn send(&mut self, talk: &mut Talk, sequence: u64) -> bool {
        let device_at = self.device_at(sequence);
        let Some(template) = self.template.as_mut() else { return false };
        self.waiting.push_back(Waiting { sequence, written: Instant::now() });
        self.shared.sent.fetch_add(1, Ordering::Relaxed);
        talk.write(template.frame(sequence, device_at)).await
    }

    fn device_at(&self, sequence: u64) -> Option<UnixMs> {
        let seconds = i64::try_from(sequence).unwrap_or(0);
        self.recorded_from.map(|from| from.plus_ms(seconds.saturating_mul(1000)))
    }
}

/// What came.
enum Heard {
    Frame(Downlink),
    /// Nothing until the time given, or nothing that is understood.
    Nothing,
    End,
}

/// A connection that frames come out of one by one.
struct Talk {
    stream: TcpStream,
    deframer: Deframer,
}

impl Talk {
    fn over(stream: TcpStream) -> Self {
        let _slower = stream.set_nodelay(true);
        Self { stream, deframer: Deframer::new(DEFAULT_MAX_FRAME_LEN) }
    }

    async fn write(&mut self, bytes: &[u8]) -> bool {
        // A small frame nearly always fits in the socket; only what does not is waited for.
        match self.stream.try_write(bytes) {
            Ok(length) if length == bytes.len() => true,
            Ok(length) => self.write_rest(bytes.get(length..).unwrap_or_default()).await,
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => self.write_rest(bytes).await,
            Err(_) => false,
        }
    }

    async fn write_rest(&mut self, bytes: &[u8]) -> bool {
        matches!(timeout(CONFIRM_WITHIN, self.stream.write_all(bytes)).await, Ok(Ok(())))
    }

    async fn next(&mut self, until: Instant) -> Heard {
        loop {
            if let Some(found) = self.deframer.next_frame() {
                return match found.map(|frame| Downlink::parse(&frame)) {
                    Ok(Ok(downlink)) => Heard::Frame(downlink),
                    Ok(Err(_)) | Err(_) => Heard::Nothing,
                };
            }
            tokio::select! {
                biased;
                readable = self.stream.readable() => {
                    if readable.is_err() {
                        return Heard::End;
                    }
                    let mut buffer = [0u8; 1024];
                    match self.stream.try_read(&mut buffer) {
                        Ok(0) => return Heard::End,
                        Ok(length) => self.deframer.push(buffer.get(..length).unwrap_or_default()),
                        Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
                        Err(_) => return Heard::End,
                    }
                }
                () = sleep_until(until) => return Heard::Nothing,
            }
        }
    }
}
