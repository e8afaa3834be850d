//! Our alarms on their way to a higher centre, by GB/T 26875.3-2011: here we are the device.
//!
//! ```text
//! engine: steps of alarms -> ForwardSender -> [connect -> speech] -> the centre
//!         cursor in the store <- Confirmed | Denied | Unreached <---+
//! ```
//!
//! [`speech`] is pure; this file connects, waits and writes. Nothing is kept here: what is not confirmed stays in the
//! store and is handed over again.

mod speech;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use bus::forward::ForwardRequest;
use bus::{Counters, ForwardReceiver, Forwarded};
use domain::time::UnixMs;
use jiff::tz::TimeZone;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;
use wire::gb26875::{Address, SystemRef};

use crate::{Clock, ConfigError};
use speech::{Said, Speech};

/// How alarms are forwarded.
#[derive(Debug, Clone)]
pub struct ForwardConfig {
    /// Where the centre listens, `host:port`.
    pub centre: String,
    /// Our own address, 12 hexadecimal digits in the order of the wire.
    pub own_address: String,
    /// The centre's address, likewise.
    pub centre_address: String,
    /// Type of system that we report as (table 4); electrical fire has none, so 128 or what the centre wants.
    pub system_kind: u8,
    /// Which of them.
    pub system_address: u8,
    /// How often our own state is told, s, so that the centre hears us.
    pub interval_s: u64,
    /// How long an answer may take, s. The standard: at most 10.
    pub answer_within_s: u64,
    /// How often what was not answered or was denied is sent again. The standard: 3.
    pub retries: u8,
    /// The longest rest before the centre is dialled again, s.
    pub back_off_max_s: u64,
    /// IANA name of the zone of the times we send.
    pub zone: String,
}

impl Default for ForwardConfig {
    fn default() -> Self {
        Self {
            centre: String::new(),
            own_address: Address::UNSET.to_string(),
            centre_address: Address::UNSET.to_string(),
            system_kind: 128,
            system_address: 1,
            interval_s: 60,
            answer_within_s: 10,
            retries: 3,
            back_off_max_s: 60,
            zone: "Asia/Shanghai".to_owned(),
        }
    }
}

/// The settings after they were checked.
#[derive(Debug, Clone)]
struct Rules {
    centre: String,
    own: Address,
    peer: Address,
    system: SystemRef,
    interval_ms: u64,
    answer_within_ms: u64,
    retries: u8,
    back_off_max: Duration,
    zone: TimeZone,
}

/// Tells a centre our alarms.
#[derive(Debug)]
pub struct Forwarder {
    rules: Rules,
    counters: Arc<Counters>,
    clock: WallClock,
}

/// The wall clock, printable.
#[derive(Clone)]
struct WallClock(Clock);

impl std::fmt::Debug for WallClock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("clock")
    }
}

impl Forwarder {
    /// Checks the settings.
    ///
    /// # Errors
    /// [`ConfigError`].
    pub fn new(config: &ForwardConfig, counters: Arc<Counters>, clock: Clock) -> Result<Self, ConfigError> {
        let address = |key: &'static str, text: &str| {
            text.parse::<Address>().map_err(|_invalid| ConfigError::Number {
                key,
                had: text.to_owned(),
                wanted: "12 hexadecimal digits in the order of the wire",
            })
        };
        for (key, value) in [
            ("forward.interval_s", config.interval_s),
            ("forward.answer_within_s", config.answer_within_s),
            ("forward.back_off_max_s", config.back_off_max_s),
        ] {
            if value == 0 {
                return Err(ConfigError::Number { key, had: "0".to_owned(), wanted: "at least 1" });
            }
        }
        let zone = TimeZone::get(&config.zone)
            .map_err(|source| ConfigError::Zone { name: config.zone.clone(), source })?;
        let rules = Rules {
            centre: config.centre.clone(),
            own: address("forward.own_address", &config.own_address)?,
            peer: address("forward.centre_address", &config.centre_address)?,
            system: SystemRef { kind: config.system_kind, address: config.system_address },
            interval_ms: config.interval_s.saturating_mul(1_000),
            answer_within_ms: config.answer_within_s.saturating_mul(1_000),
            retries: config.retries,
            back_off_max: Duration::from_secs(config.back_off_max_s),
            zone,
        };
        Ok(Self { rules, counters, clock: WallClock(clock) })
    }

    /// Connects and tells until `stop`; then what is under way is given up, and told again at the next start.
    pub async fn run(self, mut requests: ForwardReceiver, stop: CancellationToken) {
        let work = async {
            let mut rest = Duration::from_secs(1).min(self.rules.back_off_max);
            loop {
                let began = Instant::now();
                let reason = match timeout(
                    Duration::from_millis(self.rules.answer_within_ms),
                    TcpStream::connect(&self.rules.centre),
                )
                .await
                {
                    Ok(Ok(stream)) => match self.talk(stream, &mut requests).await {
                        Some(reason) => reason,
                        // The engine's end is gone.
                        None => return,
                    },
                    Ok(Err(error)) => error.to_string(),
                    Err(_elapsed) => "no connection in time".to_owned(),
                };
                self.counters.forwards_unreached.add_one();
                tracing::warn!(
                    centre = self.rules.centre,
                    reason,
                    rest_ms = rest.as_millis(),
                    "the centre is not reached"
                );
                if began.elapsed() > self.rules.back_off_max {
                    rest = Duration::from_secs(1).min(self.rules.back_off_max);
                }
                sleep(rest).await;
                rest = (rest * 2).min(self.rules.back_off_max);
            }
        };
        tokio::select! {
            biased;
            () = stop.cancelled() => {}
            () = work => {}
        }
    }

    /// One connection; why it ended, `None` when there is nothing to tell any more.
    async fn talk(&self, mut stream: TcpStream, requests: &mut ForwardReceiver) -> Option<String> {
        let _slower = stream.set_nodelay(true);
        let began = Instant::now();
        let now_ms = || u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        let wall = || -> UnixMs { (self.clock.0)() };
        let mut speech = Speech::new(&self.rules);
        let mut told: VecDeque<oneshot::Sender<Forwarded>> = VecDeque::new();
        let mut buffer = [0; 2_048];
        loop {
            let wake = Duration::from_millis(speech.deadline_ms());
            let mut said = Vec::new();
            tokio::select! {
                biased;
                read = stream.read(&mut buffer) => match read {
                    Ok(0) => return Some("closed by the centre".to_owned()),
                    Ok(count) => {
                        speech.hear(buffer.get(..count).unwrap_or_default(), now_ms(), wall(), &mut said);
                    }
                    Err(error) => return Some(error.to_string()),
                },
                request = requests.recv(), if speech.is_free() => {
                    let (forward, reply): ForwardRequest = request?;
                    told.push_back(reply);
                    speech.tell(&forward, now_ms(), wall(), &mut said);
                }
                () = tokio::time::sleep_until(began + wake) => speech.on_time(now_ms(), wall(), &mut said),
            }
            for said in said {
                match said {
                    Said::Write(bytes) => {
                        if let Err(error) = stream.write_all(&bytes).await {
                            return Some(error.to_string());
                        }
                    }
                    Said::Done(outcome) => {
                        match outcome {
                            Forwarded::Confirmed => self.counters.forwards_confirmed.add_one(),
                            Forwarded::Denied => self.counters.forwards_refused.add_one(),
                            Forwarded::Unreached => {}
                        }
                        if let Some(reply) = told.pop_front() {
                            let _gone = reply.send(outcome);
                        }
                        if outcome == Forwarded::Unreached {
                            return Some("no answer".to_owned());
                        }
                    }
                }
            }
        }
    }
}
