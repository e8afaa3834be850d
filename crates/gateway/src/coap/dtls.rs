//! DTLS 1.2 with pre-shared keys in front of the CoAP door: datagrams and time in, datagrams and messages out.
//!
//! ```text
//! hello -> cookie of its address? -> no: ask for it, nothing is kept
//!                                 -> yes: handshake (bounded) -> key of the identity proved -> session (bounded)
//! session -> message, with the serial number that the key proved
//! ```
//!
//! The state machine of the protocol is `dimpl`; see decision 10.

use std::collections::{BTreeSet, HashMap};
use std::net::{IpAddr, SocketAddr};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bus::Directory;
use dimpl::{Config, Dtls, Output};

mod hello;
mod library;

use hello::{Cookies, Hello};
pub(super) use library::Known;
pub use library::MIN_PRE_SHARED_KEY;
use library::{Keys, Named};

/// Room for what the library has to say, bytes: longer than any datagram that is read.
const OUTPUT: usize = 4_096;
/// An association is looked at again after this long at the earliest.
const REST: Duration = Duration::from_millis(10);
const ALERT: u8 = 21;
const HANDSHAKE: u8 = 22;
const CHANGE_CIPHER_SPEC: u8 = 20;
const APPLICATION_DATA: u8 = 23;

/// The settings of the secured CoAP door; the rest is that of [`CoapConfig`](super::CoapConfig).
#[derive(Debug, Clone)]
pub struct DtlsConfig {
    /// Where devices reach it; port 0 takes a free one. Default `127.0.0.1:5684`.
    pub listen: SocketAddr,
    /// Handshakes under way at once, in all. Default 4,096.
    pub max_handshakes: usize,
    /// ... from one address. Default 1,024.
    pub max_handshakes_per_address: usize,
    /// How long a handshake may take, s. Default 60.
    pub handshake_within_s: u64,
    /// Sessions in all. A terminal has one. Default 50,000.
    pub max_sessions: usize,
    /// ... from one address. Default 20,000.
    pub max_sessions_per_address: usize,
    /// A session that rests for longer is forgotten, s. Default 90,000: a device that reports once a day keeps it.
    pub session_idle_s: u64,
}

impl Default for DtlsConfig {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 5_684)),
            max_handshakes: 4_096,
            max_handshakes_per_address: 1_024,
            handshake_within_s: 60,
            max_sessions: 50_000,
            max_sessions_per_address: 20_000,
            session_idle_s: 90_000,
        }
    }
}

/// What is to be done after something came in.
#[derive(Debug)]
pub(super) enum Effect {
    /// Send a datagram.
    Send(SocketAddr, Vec<u8>),
    /// A session said something.
    Said { remote: SocketAddr, session: u64, known: Arc<Known>, bytes: Vec<u8> },
    /// Somebody without a key of ours named himself.
    Stranger(SocketAddr, String),
    /// A handshake failed: the key was wrong, or it broke the rules.
    Refused(SocketAddr),
}

/// Where one is between its hello and its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Stage {
    Handshake,
    Session,
}

/// Everything that is kept of one client.
struct Association {
    dtls: Dtls,
    number: u64,
    random: [u8; 32],
    named: Option<Arc<Known>>,
    /// When it is over if nothing comes.
    until: Instant,
    /// When it is looked at next.
    wake: Instant,
}

/// The associations of the door.
pub(super) struct Associations {
    limits: DtlsConfig,
    config: Arc<Config>,
    keys: Arc<Keys>,
    cookies: Cookies,
    started: Instant,
    handshakes: HashMap<SocketAddr, Association>,
    sessions: HashMap<SocketAddr, Association>,
    /// Where the one session of a terminal is.
    by_serial: HashMap<String, SocketAddr>,
    by_address: HashMap<(IpAddr, Stage), usize>,
    due: BTreeSet<(Instant, SocketAddr, Stage)>,
    last_number: u64,
    output: Vec<u8>,
}

/// What one turn of an association came to.
#[derive(Default)]
struct Turn {
    is_connected: bool,
    is_over: bool,
    said: Vec<Vec<u8>>,
    wake: Option<Instant>,
}

impl Associations {
    pub(super) fn new(
        limits: DtlsConfig,
        directory: Arc<Directory>,
        cookie_key: [u8; 32],
        now: Instant,
    ) -> Result<Self, dimpl::Error> {
        let keys = Arc::new(Keys::new(directory));
        let config = library::config(Arc::clone(&keys), Duration::from_secs(limits.handshake_within_s))?;
        Ok(Self {
            limits,
            config,
            keys,
            cookies: Cookies::new(cookie_key, library::provider().hmac_provider),
            started: now,
            handshakes: HashMap::new(),
            sessions: HashMap::new(),
            by_serial: HashMap::new(),
            by_address: HashMap::new(),
            due: BTreeSet::new(),
            last_number: 0,
            output: vec![0; OUTPUT],
        })
    }

    /// Takes a datagram in.
    pub(super) fn take(&mut self, remote: SocketAddr, datagram: &[u8], now: Instant) -> Vec<Effect> {
        let mut effects = Vec::new();
        let Some(first) = hello::records(datagram).next() else { return effects };
        if hello::is_hello(datagram) {
            self.hello(remote, datagram, now, &mut effects);
        } else if self.handshakes.contains_key(&remote)
            && (first.content != APPLICATION_DATA || !self.sessions.contains_key(&remote))
        {
            self.feed(Stage::Handshake, remote, datagram, now, &mut effects);
        } else if may_reach_a_session(datagram) {
            self.feed(Stage::Session, remote, datagram, now, &mut effects);
        }
        effects
    }

    /// Says something to a session; nothing happens when it is over.
    pub(super) fn tell(
        &mut self,
        remote: SocketAddr,
        session: u64,
        bytes: &[u8],
        now: Instant,
    ) -> Vec<Effect> {
        let mut effects = Vec::new();
        let is_there = self.sessions.get(&remote).is_some_and(|there| there.number == session);
        if is_there {
            self.turn(Stage::Session, remote, now, &mut effects, |dtls| {
                dtls.send_application_data(bytes).map(drop)
            });
        }
        effects
    }

    /// When [`wake`](Self::wake) is wanted.
    pub(super) fn next_wake(&self) -> Option<Instant> {
        self.due.first().map(|(at, _, _)| *at)
    }

    /// Repeats what was not answered and ends what is over.
    pub(super) fn wake(&mut self, now: Instant) -> Vec<Effect> {
        let mut effects = Vec::new();
        while let Some((at, remote, stage)) = self.due.first().copied()
            && at <= now
        {
            let is_over = self.of(stage).get(&remote).is_none_or(|it| it.until <= now);
            if is_over {
                self.due.remove(&(at, remote, stage));
                self.end(stage, remote);
                continue;
            }
            self.turn(stage, remote, now, &mut effects, |_dtls| Ok(()));
        }
        effects
    }

    fn of(&mut self, stage: Stage) -> &mut HashMap<SocketAddr, Association> {
        match stage {
            Stage::Handshake => &mut self.handshakes,
            Stage::Session => &mut self.sessions,
        }
    }

    fn hello(&mut self, remote: SocketAddr, datagram: &[u8], now: Instant, effects: &mut Vec<Effect>) {
        let Some(hello) = Hello::read(datagram) else { return };
        let now_ms = u64::try_from(now.saturating_duration_since(self.started).as_millis()).unwrap_or(0);
        let Some(cookie) = self.cookies.check(&hello, remote, now_ms).filter(|_checked| hello.is_second())
        else {
            if let Some(cookie) = self.cookies.make(&hello, remote, now_ms) {
                effects.push(Effect::Send(remote, hello.ask(&cookie)));
            }
            return;
        };
        match self.handshakes.get(&remote) {
            Some(under_way) if under_way.random == *hello.random => {
                self.feed(Stage::Handshake, remote, datagram, now, effects);
                return;
            }
            Some(_given_up) => self.end(Stage::Handshake, remote),
            None => {}
        }
        if !self.has_room(Stage::Handshake, remote.ip()) {
            return;
        }
        let mut dtls = Dtls::new_12_psk(Arc::clone(&self.config), now);
        dtls.set_active(false);
        let first = hello.first();
        let mut unsaid = vec![0; OUTPUT];
        // The library has to have asked for a cookie before it takes one; what it asks is not sent.
        let begun = library::agreeing(cookie, || {
            catch_unwind(AssertUnwindSafe(|| {
                dtls.handle_timeout(now)?;
                dtls.handle_packet(&first)?;
                while let Output::Packet(_) = dtls.poll_output(&mut unsaid) {}
                dtls.handle_packet(datagram)
            }))
        });
        if !matches!(begun, Ok(Ok(()))) {
            effects.push(Effect::Refused(remote));
            return;
        }
        self.last_number += 1;
        let until = now + Duration::from_secs(self.limits.handshake_within_s);
        let association = Association {
            dtls,
            number: self.last_number,
            random: *hello.random,
            named: None,
            until,
            wake: until,
        };
        self.due.insert((until, remote, Stage::Handshake));
        self.handshakes.insert(remote, association);
        *self.by_address.entry((remote.ip(), Stage::Handshake)).or_default() += 1;
        self.turn(Stage::Handshake, remote, now, effects, |_dtls| Ok(()));
    }

    fn has_room(&mut self, stage: Stage, address: IpAddr) -> bool {
        let (max, max_per_address) = match stage {
            Stage::Handshake => (self.limits.max_handshakes, self.limits.max_handshakes_per_address),
            Stage::Session => (self.limits.max_sessions, self.limits.max_sessions_per_address),
        };
        let here = self.by_address.get(&(address, stage)).copied().unwrap_or(0);
        self.of(stage).len() < max && here < max_per_address
    }

    fn feed(
        &mut self,
        stage: Stage,
        remote: SocketAddr,
        datagram: &[u8],
        now: Instant,
        effects: &mut Vec<Effect>,
    ) {
        self.turn(stage, remote, now, effects, |dtls| dtls.handle_packet(datagram));
    }

    /// Lets one association do something, and does what follows from it.
    fn turn(
        &mut self,
        stage: Stage,
        remote: SocketAddr,
        now: Instant,
        effects: &mut Vec<Effect>,
        act: impl FnOnce(&mut Dtls) -> Result<(), dimpl::Error>,
    ) {
        let mut output = std::mem::take(&mut self.output);
        self.keys.take_named();
        let Some(association) = self.of(stage).get_mut(&remote) else {
            self.output = output;
            return;
        };
        let dtls = &mut association.dtls;
        // The library is young: should it panic, this association ends and the door lives.
        let turn = catch_unwind(AssertUnwindSafe(|| {
            let done = dtls.handle_timeout(now).and_then(|()| act(dtls));
            poll(dtls, &mut output, |packet| effects.push(Effect::Send(remote, packet)))
                .map_over(done.is_err())
        }));
        let turn = turn.unwrap_or(Turn { is_over: true, ..Turn::default() });
        self.output = output;
        self.after(stage, remote, now, turn, effects);
    }

    fn after(
        &mut self,
        stage: Stage,
        remote: SocketAddr,
        now: Instant,
        turn: Turn,
        effects: &mut Vec<Effect>,
    ) {
        match self.keys.take_named() {
            Some(Named::Known(known)) => {
                if let Some(association) = self.of(stage).get_mut(&remote) {
                    association.named = Some(Arc::new(known));
                }
            }
            Some(Named::Stranger(serial)) => effects.push(Effect::Stranger(remote, serial)),
            None => {}
        }
        if turn.is_over {
            if stage == Stage::Handshake {
                effects.push(Effect::Refused(remote));
            }
            self.end(stage, remote);
            return;
        }
        let stage = if turn.is_connected && stage == Stage::Handshake {
            if !self.promote(remote) {
                return;
            }
            Stage::Session
        } else {
            stage
        };
        let idle = Duration::from_secs(self.limits.session_idle_s);
        let Some(association) = self.of(stage).get_mut(&remote) else { return };
        let is_heard = turn.is_connected || !turn.said.is_empty();
        if stage == Stage::Session && is_heard {
            association.until = now + idle;
        }
        let wake = turn.wake.map_or(association.until, |wake| wake.max(now + REST).min(association.until));
        let before = std::mem::replace(&mut association.wake, wake);
        let (session, known) = (association.number, association.named.clone());
        self.due.remove(&(before, remote, stage));
        self.due.insert((wake, remote, stage));
        if let (Stage::Session, Some(known)) = (stage, known) {
            effects.extend(turn.said.into_iter().map(|bytes| Effect::Said {
                remote,
                session,
                known: Arc::clone(&known),
                bytes,
            }));
        }
    }

    /// Makes a session of a handshake that has proved its key. The terminal's former one ends: it has a new address, or
    /// it has forgotten the keys.
    fn promote(&mut self, remote: SocketAddr) -> bool {
        let Some(association) = self.take_out(Stage::Handshake, remote) else { return false };
        let Some(known) = association.named.clone() else { return false };
        self.end(Stage::Session, remote);
        if let Some(former) = self.by_serial.get(&known.serial).copied() {
            self.end(Stage::Session, former);
        }
        if !self.has_room(Stage::Session, remote.ip()) {
            return false;
        }
        self.by_serial.insert(known.serial.clone(), remote);
        *self.by_address.entry((remote.ip(), Stage::Session)).or_default() += 1;
        self.due.insert((association.wake, remote, Stage::Session));
        self.sessions.insert(remote, association);
        true
    }

    fn end(&mut self, stage: Stage, remote: SocketAddr) {
        let ended = self.take_out(stage, remote);
        if let (Stage::Session, Some(known)) = (stage, ended.and_then(|it| it.named)) {
            self.by_serial.remove(&known.serial);
        }
    }

    fn take_out(&mut self, stage: Stage, remote: SocketAddr) -> Option<Association> {
        let association = self.of(stage).remove(&remote)?;
        self.due.remove(&(association.wake, remote, stage));
        let place = (remote.ip(), stage);
        if let Some(count) = self.by_address.get_mut(&place) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                self.by_address.remove(&place);
            }
        }
        Some(association)
    }
}

impl Turn {
    fn map_over(mut self, is_over: bool) -> Self {
        self.is_over |= is_over;
        self
    }
}

/// Takes out what the library has to say.
fn poll(dtls: &mut Dtls, buffer: &mut [u8], mut send: impl FnMut(Vec<u8>)) -> Turn {
    let mut turn = Turn::default();
    loop {
        match dtls.poll_output(buffer) {
            Output::Packet(packet) => send(packet.to_vec()),
            Output::Connected => turn.is_connected = true,
            Output::ApplicationData(bytes) => turn.said.push(bytes.to_vec()),
            Output::CloseNotify => turn.is_over = true,
            Output::Timeout(at) => {
                turn.wake = Some(at);
                return turn;
            }
            // A client may ask for keys for media (RFC 5764); nobody wants them here.
            Output::KeyingMaterial(..) | Output::PeerCert(_) => {}
            // `BufferTooSmall` cannot be, for nothing is longer than the buffer; and what later versions may say.
            _ => {
                turn.is_over = true;
                return turn;
            }
        }
    }
}

/// Whether the library may see this datagram once a session is there: what is not protected is nothing but a repeated
/// flight of the handshake. Words that nobody proved must not even be looked at.
fn may_reach_a_session(datagram: &[u8]) -> bool {
    hello::records(datagram).all(|record| match record.epoch {
        0 => matches!(record.content, HANDSHAKE | CHANGE_CIPHER_SPEC),
        _ => matches!(record.content, ALERT | HANDSHAKE | APPLICATION_DATA),
    })
}

#[cfg(test)]
mod tests;
