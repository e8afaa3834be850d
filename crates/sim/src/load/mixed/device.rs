//! One device of the load: it measures, says what it measured until that is confirmed, loses its line, comes back.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use domain::time::UnixMs;
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until, timeout};
use wire::telemetry::Form;

use super::speech::{Heard, Speech, telemetry};
use super::tongue::{Tongue, token};
use super::{ALARM_EVERY, BREWS_FOR, DeviceLog, Phase, SaidReading, Shared};
use crate::post::{Answered, By, Post, dial};

/// A residual current beyond every default limit, mA.
const ALARM_MA: i64 = 640;
/// How many values follow each other before the first comes again.
const SWING: usize = 20;
const CONNECT_WITHIN: Duration = Duration::from_secs(10);
const CONFIRM_WITHIN: Duration = Duration::from_secs(20);
/// The first pause before trying again, ms; each further one is twice as long.
const FIRST_PAUSE_MS: u64 = 200;
const LONGEST_PAUSE_MS: u64 = 5_000;

/// A reading on its way.
#[derive(Debug, Clone, Copy)]
struct Waiting {
    /// Which of those said.
    index: usize,
    due: Instant,
}

pub(super) struct Device {
    serial: String,
    tongue: Tongue,
    is_alarming: bool,
    was_cut: bool,
    said: Vec<SaidReading>,
    waiting: Option<Waiting>,
    next_at: Instant,
    jitter: SmallRng,
    shared: Arc<Shared>,
}

/// Why a connection is over.
enum Over {
    Lost,
    Cut,
    /// It has said what it had to say, and others need the place.
    Said,
    Closing,
}

fn wall() -> UnixMs {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    UnixMs(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

impl Device {
    pub(super) fn new(number: usize, shared: &Arc<Shared>, dice: &mut SmallRng, dial_at: Instant) -> Self {
        let tongue = Tongue::of(number);
        Self {
            serial: tongue.serial(number),
            tongue,
            is_alarming: number.is_multiple_of(ALARM_EVERY) && tongue.measured() == "residual",
            was_cut: false,
            said: Vec::new(),
            waiting: None,
            next_at: dial_at + shared.every.mul_f64(dice.random_range(0.0..1.0)),
            jitter: SmallRng::seed_from_u64(dice.random()),
            shared: Arc::clone(shared),
        }
    }

    /// A device that keeps its connection and dials in again when it has lost it.
    pub(super) async fn hold_line(
        mut self,
        mut speech: Box<dyn Speech>,
        door: SocketAddr,
        source: Option<Ipv4Addr>,
        mut dial_at: Instant,
        hangs_up: bool,
    ) {
        let shared = Arc::clone(&self.shared);
        let mut phase = shared.phase.clone();
        let mut pause_ms = FIRST_PAUSE_MS;
        loop {
            tokio::select! {
                () = sleep_until(dial_at) => {}
                changed = phase.changed() => {
                    if changed.is_err() {
                        break;
                    }
                    let now = *phase.borrow();
                    match now {
                        Phase::Closing if self.waiting.is_none() => break,
                        Phase::Brewing | Phase::Cut(_) if hangs_up => self.on_phase(now, &mut dial_at),
                        Phase::Steady | Phase::Brewing | Phase::Cut(_) | Phase::Closing => {}
                    }
                    continue;
                }
            }
            // Nobody closes it.
            let _place = shared.lines.acquire().await;
            match *phase.borrow_and_update() {
                Phase::Closing if self.waiting.is_none() => break,
                // It was between two lines when all were cut.
                Phase::Cut(at) if !self.was_cut => self.on_cut(at),
                Phase::Steady | Phase::Brewing | Phase::Cut(_) | Phase::Closing => {}
            }
            let over = match timeout(CONNECT_WITHIN, dial(door, source)).await {
                Ok(Ok(stream)) => {
                    self.talk(speech.as_mut(), stream, &mut phase, &mut pause_ms, hangs_up).await
                }
                Ok(Err(_)) | Err(_) => Over::Lost,
            };
            dial_at = match over {
                Over::Closing => break,
                Over::Said => self.next_at,
                Over::Lost | Over::Cut => Instant::now() + self.pause(&mut pause_ms),
            };
        }
        self.write_down();
    }

    /// A device that says each reading in an exchange of its own, again and again until it is confirmed.
    pub(super) async fn post(
        mut self,
        number: usize,
        door: SocketAddr,
        source: Option<Ipv4Addr>,
        dial_at: Instant,
    ) {
        let by = if self.tongue == Tongue::Http { By::Http } else { By::Coap };
        let first_id = self.jitter.random();
        let post = Post::new(by, door, source, self.serial.clone(), token(number), first_id);
        let form = if (number / 20).is_multiple_of(2) { Form::Json } else { Form::Cbor };
        let shared = Arc::clone(&self.shared);
        let mut phase = shared.phase.clone();
        let mut pause_ms = FIRST_PAUSE_MS;
        let mut wake_at = dial_at;
        loop {
            let current = *phase.borrow();
            if current == Phase::Closing && self.waiting.is_none() {
                break;
            }
            let now = Instant::now();
            if now < wake_at {
                tokio::select! {
                    changed = phase.changed() => {
                        if changed.is_err() {
                            break;
                        }
                        self.on_phase(*phase.borrow(), &mut wake_at);
                    }
                    () = sleep_until(wake_at) => {}
                }
                continue;
            }
            if self.waiting.is_none() {
                if now < self.next_at {
                    wake_at = self.next_at;
                    continue;
                }
                self.measure(current, now);
            }
            let Some((index, said)) = self.last_said() else { break };
            let payload = telemetry(form, UnixMs(said.device_at_ms), said.value);
            let key = format!("{}-{index}", self.serial);
            let exchange = async {
                // Nobody closes it.
                let _one = shared.exchanges.acquire().await;
                post.say(form, &payload, &key).await
            };
            tokio::select! {
                changed = phase.changed() => {
                    if changed.is_err() {
                        break;
                    }
                    // Whatever was under way is cut off and said again.
                    self.on_phase(*phase.borrow(), &mut wake_at);
                }
                answered = exchange => match answered {
                    Answered::Confirmed => {
                        pause_ms = FIRST_PAUSE_MS;
                        self.heard_out(&phase);
                    }
                    Answered::Later | Answered::Refused(_) => {
                        wake_at = Instant::now() + self.pause(&mut pause_ms);
                    }
                },
            }
        }
        self.write_down();
    }

    /// What happens to all happens to a device that has no line.
    fn on_phase(&mut self, phase: Phase, wake_at: &mut Instant) {
        match phase {
            Phase::Brewing if self.is_alarming => {
                self.next_at = Instant::now();
                *wake_at = self.next_at;
            }
            Phase::Cut(at) => {
                self.on_cut(at);
                *wake_at = at;
            }
            Phase::Steady | Phase::Brewing | Phase::Closing => {}
        }
    }

    /// How long it waits before it tries again; the next time twice as long.
    fn pause(&mut self, pause_ms: &mut u64) -> Duration {
        let pause = self.jitter.random_range(*pause_ms / 2..=*pause_ms);
        *pause_ms = (*pause_ms * 2).min(LONGEST_PAUSE_MS);
        Duration::from_millis(pause)
    }

    /// Leaves its log.
    fn write_down(self) {
        let alarming = || self.said.iter().filter(|said| said.value == ALARM_MA);
        // Beyond the level for longer than the default on-delay of 5 s, so that an alarm must follow. Where the server
        // asks, its clock counts, which may see the first a little later.
        let longer_ms = if self.tongue.is_polled() { 7_000 } else { 5_000 };
        let in_alarm = match (alarming().next(), alarming().next_back()) {
            (Some(first), Some(last)) => last.device_at_ms - first.device_at_ms > longer_ms,
            (_, _) => false,
        };
        let may_alarm = alarming().next().is_some();
        let log = DeviceLog { tongue: self.tongue, said: self.said, in_alarm, may_alarm };
        self.shared.devices.lock().unwrap_or_else(PoisonError::into_inner).insert(self.serial, log);
    }

    /// One connection to its end.
    async fn talk(
        &mut self,
        speech: &mut dyn Speech,
        mut stream: TcpStream,
        phase: &mut watch::Receiver<Phase>,
        pause_ms: &mut u64,
        hangs_up: bool,
    ) -> Over {
        let _slower = stream.set_nodelay(true);
        let greeting = speech.greet();
        if stream.write_all(&greeting).await.is_err() {
            return Over::Lost;
        }
        let mut is_ready = speech.is_ready_at_once();
        let mut must_hear_by = Some(Instant::now() + CONFIRM_WITHIN).filter(|_| !is_ready);
        if is_ready && let Some(bytes) = self.again(speech) {
            if stream.write_all(&bytes).await.is_err() {
                return Over::Lost;
            }
            must_hear_by = Some(Instant::now() + CONFIRM_WITHIN);
        }
        let mut buffer = [0u8; 1024];
        loop {
            let now = Instant::now();
            let current = *phase.borrow();
            if is_ready && self.waiting.is_none() {
                if current == Phase::Closing {
                    return Over::Closing;
                }
                if now >= self.next_at && !self.tongue.is_polled() {
                    self.measure(current, now);
                    let Some(bytes) = self.again(speech) else { return Over::Lost };
                    if stream.write_all(&bytes).await.is_err() {
                        return Over::Lost;
                    }
                    must_hear_by = Some(Instant::now() + CONFIRM_WITHIN);
                    if !self.tongue.confirms() {
                        self.heard_out(phase);
                        must_hear_by = None;
                        if hangs_up {
                            return Over::Said;
                        }
                    }
                    continue;
                }
            }
            let wake = match must_hear_by {
                Some(by) => by,
                None if self.tongue.is_polled() => now + CONFIRM_WITHIN,
                None => self.next_at,
            };
            tokio::select! {
                changed = phase.changed() => {
                    if changed.is_err() {
                        return Over::Closing;
                    }
                    match *phase.borrow() {
                        Phase::Brewing if self.is_alarming => self.next_at = Instant::now(),
                        Phase::Cut(at) => {
                            self.on_cut(at);
                            return Over::Cut;
                        }
                        Phase::Steady | Phase::Brewing | Phase::Closing => {}
                    }
                }
                read = stream.read(&mut buffer) => {
                    let count = match read {
                        Ok(0) | Err(_) => return Over::Lost,
                        Ok(count) => count,
                    };
                    for heard in speech.heard(buffer.get(..count).unwrap_or_default()) {
                        match heard {
                            Heard::Write(bytes) => {
                                if stream.write_all(&bytes).await.is_err() {
                                    return Over::Lost;
                                }
                            }
                            Heard::Ready => {
                                is_ready = true;
                                *pause_ms = FIRST_PAUSE_MS;
                                must_hear_by = None;
                                if let Some(bytes) = self.again(speech) {
                                    if stream.write_all(&bytes).await.is_err() {
                                        return Over::Lost;
                                    }
                                    must_hear_by = Some(Instant::now() + CONFIRM_WITHIN);
                                }
                            }
                            Heard::Confirmed => {
                                self.heard_out(phase);
                                must_hear_by = None;
                                if hangs_up {
                                    return Over::Said;
                                }
                            }
                            Heard::Asked => {
                                *pause_ms = FIRST_PAUSE_MS;
                                self.measure(*phase.borrow(), Instant::now());
                                let Some(bytes) = self.again(speech) else { return Over::Lost };
                                if stream.write_all(&bytes).await.is_err() {
                                    return Over::Lost;
                                }
                                self.heard_out(phase);
                                if hangs_up {
                                    return Over::Said;
                                }
                            }
                            Heard::Refused => return Over::Lost,
                        }
                    }
                }
                () = sleep_until(wake) => {
                    if must_hear_by.is_some_and(|by| Instant::now() >= by) {
                        return Over::Lost;
                    }
                }
            }
        }
    }

    /// All lines were cut: it has something to say at once.
    fn on_cut(&mut self, at: Instant) {
        self.was_cut = true;
        self.next_at = at;
    }

    /// Makes the reading that is due.
    fn measure(&mut self, phase: Phase, now: Instant) {
        let is_in_alarm = self.is_alarming && !matches!(phase, Phase::Steady);
        let at = if self.tongue.is_polled() {
            wall().0
        } else {
            // A device's clock says whole seconds, and no two readings have the same.
            let at = wall().0 / 1_000 * 1_000;
            self.said.last().map_or(at, |last| at.max(last.device_at_ms + 1_000))
        };
        let swing = i64::try_from(self.said.len() % SWING).unwrap_or(0);
        let value = if is_in_alarm { ALARM_MA } else { self.tongue.least() + swing };
        self.waiting = Some(Waiting { index: self.said.len(), due: self.next_at });
        self.said.push(SaidReading { device_at_ms: at, value, confirmed: false });
        self.next_at = match phase {
            // What was brewing goes on when the lines are cut.
            Phase::Brewing if self.is_alarming => now + BREWS_FOR * 4,
            Phase::Steady | Phase::Brewing | Phase::Cut(_) | Phase::Closing => {
                let next = self.next_at + self.shared.every;
                if next > now { next } else { now + self.shared.every }
            }
        };
    }

    /// The reading that waits for its confirmation.
    fn last_said(&self) -> Option<(usize, SaidReading)> {
        let index = self.waiting?.index;
        Some((index, *self.said.get(index)?))
    }

    /// Its bytes.
    fn again(&self, speech: &mut dyn Speech) -> Option<Vec<u8>> {
        let (index, said) = self.last_said()?;
        Some(speech.say(index, UnixMs(said.device_at_ms), said.value))
    }

    /// The reading was confirmed, or said as well as the protocol can.
    fn heard_out(&mut self, phase: &watch::Receiver<Phase>) {
        let Some(waiting) = self.waiting.take() else { return };
        let now = Instant::now();
        let Some(said) = self.said.get_mut(waiting.index) else { return };
        said.confirmed = self.tongue.confirms();
        let value = said.value;
        if self.tongue.confirms() {
            self.shared.latency.add(now.duration_since(waiting.due));
        }
        if let Phase::Cut(at) = *phase.borrow()
            && waiting.due == at
        {
            self.shared.back.lock().unwrap_or_else(PoisonError::into_inner).push(now);
            if value == ALARM_MA && self.tongue.confirms() {
                self.shared.alarm_delay.add(now.duration_since(at));
            }
        }
    }
}
