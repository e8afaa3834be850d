//! The CoAP doors (RFC 7252, block-wise RFC 7959, observe RFC 7641): a UDP socket each, messages of the telemetry form.
//!
//! ```text
//! datagram -> rate of its address -> (DTLS) -> codec -> exchanges (same message id: same answer) -> task
//!   task: who -> Block1 -> pipeline -> 2.04 after the commit: in the ACK when it is quick, else in a message of its own
//! ```
//!
//! Somebody who has not proved who he is gets four bytes and his own token back, never more than he sent.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use coap_lite::{CoapOption, MessageClass, MessageType, Packet, ResponseType};
use tokio::net::UdpSocket;
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep};

use crate::config::ms;
use crate::ingest::Ingest;

mod blocks;
mod dtls;
mod exchanges;
mod handle;
mod line;
mod observe;
mod rates;
mod request;

use blocks::Blocks;
pub use dtls::{DtlsConfig, MIN_PRE_SHARED_KEY};
use exchanges::{Exchanges, Seen};
use line::{Line, Speaker};
use observe::Observers;
use rates::Rates;

/// Longest datagram that is read, bytes: the usual message size of RFC 7252 section 4.6 with room to spare.
const MAX_DATAGRAM: usize = 2_048;
/// RFC 7252 section 4.8.2: for how long the same message id is the same message, s.
const EXCHANGE_LIFETIME_S: u64 = 247;
/// RFC 7252 section 4.8: how often a message of ours is repeated.
const MAX_RETRANSMIT: u32 = 4;
/// ... after this long at first, then twice as long each time, ms.
const ACK_TIMEOUT_MS: u64 = 2_000;
/// Rest after the system could not read the socket, ms.
const READ_REST_MS: u64 = 50;

/// The CoAP door's settings.
#[derive(Debug, Clone)]
pub struct CoapConfig {
    /// Where devices reach it; port 0 takes a free one. Default `127.0.0.1:5683`.
    pub listen: SocketAddr,
    /// Datagrams per second from one address for long; more are dropped. Default 100.
    pub max_datagrams_per_s: u32,
    /// Datagrams from one address at once. Default 500.
    pub max_datagrams_burst: u32,
    /// Requests that are worked on at once; more are dropped and come again. Default 1,024.
    pub max_under_way: usize,
    /// Exchanges that are remembered, so that a repeated message gets the same answer. Default 100,000.
    pub max_exchanges: usize,
    /// A request that takes longer is acknowledged first and answered in a message of its own, ms. Default 1,000.
    pub separate_after_ms: u64,
    /// Block-wise transfers at once. Default 256.
    pub max_transfers: usize,
    /// A block-wise transfer that rests for longer is given up, s. Default 60.
    pub transfer_within_s: u64,
    /// Devices that observe their commands at once. Default 10,000.
    pub max_observers: usize,
    /// For how long a device is told of commands without asking again, s. Default 300.
    pub observe_s: u64,
}

impl Default for CoapConfig {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 5_683)),
            max_datagrams_per_s: 100,
            max_datagrams_burst: 500,
            max_under_way: 1_024,
            max_exchanges: 100_000,
            separate_after_ms: 1_000,
            max_transfers: 256,
            transfer_within_s: 60,
            max_observers: 10_000,
            observe_s: 300,
        }
    }
}

/// Why the door could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum CoapStartError {
    /// A number that makes no sense.
    #[error("coap settings: {key} is 0, wanted at least 1")]
    Zero {
        /// Which setting.
        key: &'static str,
    },
    /// The address could not be listened on.
    #[error("cannot listen for CoAP on {address}: {source}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system says.
        source: std::io::Error,
    },
    /// The DTLS library does not take its settings.
    #[error("cannot speak DTLS: {0}")]
    Dtls(String),
}

/// An open door; it closes with its [`Ingest`].
#[derive(Debug, Clone, Copy)]
pub struct CoapDoor {
    /// Where it can be reached.
    pub local_addr: SocketAddr,
}

/// Who is at the other end: an address, and over DTLS the session there. A message id and a token mean something only to
/// one of them (RFC 7252 section 9.1.1), so that another session at the same address never gets this one's answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Peer {
    address: SocketAddr,
    /// From 1; 0 without DTLS.
    session: u64,
}

impl Peer {
    fn plain(address: SocketAddr) -> Self {
        Self { address, session: 0 }
    }
}

/// What every request may look at.
struct Door {
    config: CoapConfig,
    ingest: Arc<Ingest>,
    line: Line,
    under_way: Semaphore,
    state: Mutex<State>,
}

struct State {
    exchanges: Exchanges,
    blocks: Blocks,
    observers: Observers,
    rates: Rates,
    next_id: u16,
}

/// Opens the plain door. Must be called inside a Tokio runtime.
///
/// # Errors
/// [`CoapStartError`] when a setting cannot be used or the address cannot be listened on.
pub async fn start(config: CoapConfig, ingest: Arc<Ingest>) -> Result<CoapDoor, CoapStartError> {
    let socket = bind(config.listen).await?;
    open(config, Line::Plain(socket), ingest)
}

/// Opens the door that is secured by DTLS with pre-shared keys; where it listens stands in `secured`, the rest in
/// `config`. Must be called inside a Tokio runtime.
///
/// # Errors
/// [`CoapStartError`] when a setting cannot be used or the address cannot be listened on.
pub async fn start_secured(
    config: CoapConfig,
    secured: DtlsConfig,
    ingest: Arc<Ingest>,
) -> Result<CoapDoor, CoapStartError> {
    for (key, value) in [
        ("max_handshakes", secured.max_handshakes as u64),
        ("max_handshakes_per_address", secured.max_handshakes_per_address as u64),
        ("handshake_within_s", secured.handshake_within_s),
        ("max_sessions", secured.max_sessions as u64),
        ("max_sessions_per_address", secured.max_sessions_per_address as u64),
        ("session_idle_s", secured.session_idle_s),
    ] {
        if value == 0 {
            return Err(CoapStartError::Zero { key });
        }
    }
    let socket = bind(secured.listen).await?;
    let line = Line::secured(socket, secured, Arc::clone(&ingest.directory))
        .map_err(|error| CoapStartError::Dtls(error.to_string()))?;
    open(config, line, ingest)
}

async fn bind(address: SocketAddr) -> Result<UdpSocket, CoapStartError> {
    UdpSocket::bind(address).await.map_err(|source| CoapStartError::Listen { address, source })
}

fn open(config: CoapConfig, line: Line, ingest: Arc<Ingest>) -> Result<CoapDoor, CoapStartError> {
    for (key, value) in [
        ("max_datagrams_per_s", u64::from(config.max_datagrams_per_s)),
        ("max_under_way", config.max_under_way as u64),
        ("max_exchanges", config.max_exchanges as u64),
        ("transfer_within_s", config.transfer_within_s),
    ] {
        if value == 0 {
            return Err(CoapStartError::Zero { key });
        }
    }
    let local_addr = line
        .socket()
        .local_addr()
        .map_err(|source| CoapStartError::Listen { address: config.listen, source })?;
    let tracker = ingest.tracker.clone();
    let first_id = u16::try_from(ingest.now().0.rem_euclid(65_536)).unwrap_or(0);
    let is_secured = line.is_secured();
    let door = Arc::new(Door {
        under_way: Semaphore::new(config.max_under_way),
        state: Mutex::new(State {
            exchanges: Exchanges::new(config.max_exchanges, ms(EXCHANGE_LIFETIME_S)),
            blocks: Blocks::new(config.max_transfers, ms(config.transfer_within_s)),
            observers: Observers::new(config.max_observers),
            rates: Rates::new(config.max_datagrams_per_s, config.max_datagrams_burst),
            next_id: first_id,
        }),
        config,
        ingest,
        line,
    });
    tracker.spawn(listen(door));
    tracing::info!(address = %local_addr, is_secured, "listening for messages over CoAP");
    Ok(CoapDoor { local_addr })
}

async fn listen(door: Arc<Door>) {
    let mut buffer = vec![0; MAX_DATAGRAM];
    loop {
        let received = tokio::select! {
            biased;
            () = door.ingest.soft_stop.cancelled() => return,
            received = door.line.socket().recv_from(&mut buffer) => received,
            () = door.line.is_due() => {
                door.wake();
                continue;
            }
        };
        match received {
            Ok((length, remote)) => {
                if door.lock().rates.takes(remote.ip(), door.ingest.mono_ms()) {
                    door.receive(buffer.get(..length).unwrap_or_default(), remote);
                } else {
                    door.ingest.counters.connections_refused.add_one();
                }
            }
            Err(error) => {
                // A port that a device has closed is told here too; it is no reason to stop.
                tracing::debug!(%error, "the CoAP socket could not be read");
                sleep(Duration::from_millis(READ_REST_MS)).await;
            }
        }
    }
}

impl Door {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn on_message(self: &Arc<Self>, bytes: &[u8], speaker: Speaker) {
        let peer = speaker.peer;
        let Ok(packet) = Packet::from_bytes(bytes) else {
            self.ingest.counters.frames_refused.add_one();
            return;
        };
        if packet.header.get_version() != 1 {
            return;
        }
        let id = packet.header.message_id;
        match (packet.header.get_type(), packet.header.code) {
            (MessageType::Acknowledgement, _) => self.lock().exchanges.acknowledged(peer, id),
            (MessageType::Reset, _) => {
                let mut state = self.lock();
                state.exchanges.acknowledged(peer, id);
                state.observers.reset(peer, id);
            }
            // A ping (section 4.3) is answered by a reset.
            (MessageType::Confirmable, MessageClass::Empty) => {
                self.reply(&empty(MessageType::Reset, id), peer);
            }
            (kind, MessageClass::Request(_)) => {
                let is_confirmable = kind == MessageType::Confirmable;
                let seen = self.lock().exchanges.enter(peer, id, self.ingest.mono_ms());
                match seen {
                    Seen::New => self.begin(packet, speaker, is_confirmable),
                    Seen::UnderWay { was_acknowledged } => {
                        if is_confirmable && was_acknowledged {
                            self.reply(&empty(MessageType::Acknowledgement, id), peer);
                        }
                    }
                    Seen::Answered(answer) => self.send(&answer, peer),
                }
            }
            (_, MessageClass::Empty | MessageClass::Response(_) | MessageClass::Reserved(_)) => {}
        }
    }

    fn begin(self: &Arc<Self>, packet: Packet, speaker: Speaker, is_confirmable: bool) {
        let Ok(permit) = self.under_way.try_acquire() else {
            // Nothing was done: the device repeats it.
            self.lock().exchanges.forget(speaker.peer, packet.header.message_id);
            return;
        };
        permit.forget();
        let door = Arc::clone(self);
        self.ingest.tracker.spawn(async move {
            tokio::select! {
                biased;
                () = door.ingest.hard_stop.cancelled() => {}
                () = door.serve(packet, speaker, is_confirmable) => {}
            }
            door.under_way.add_permits(1);
        });
    }

    async fn serve(self: &Arc<Self>, packet: Packet, speaker: Speaker, is_confirmable: bool) {
        let peer = speaker.peer;
        let id = packet.header.message_id;
        let mut answering = std::pin::pin!(self.answer(&packet, &speaker));
        let patience = Duration::from_millis(self.config.separate_after_ms);
        let quick = tokio::select! {
            biased;
            answer = answering.as_mut() => Some(answer),
            () = sleep(patience), if is_confirmable => None,
        };
        match quick {
            Some(mut answer) => {
                answer.header.message_id = id;
                if is_confirmable {
                    answer.header.set_type(MessageType::Acknowledgement);
                } else {
                    answer.header.set_type(MessageType::NonConfirmable);
                    answer.header.message_id = self.fresh_id();
                }
                self.conclude(&answer, peer, id);
            }
            None => {
                // Section 5.2.2: the commit is slow, so the answer comes in a message of its own.
                self.reply(&empty(MessageType::Acknowledgement, id), peer);
                self.lock().exchanges.was_acknowledged(peer, id);
                let mut answer = answering.await;
                answer.header.set_type(MessageType::Confirmable);
                answer.header.message_id = self.fresh_id();
                self.conclude(&answer, peer, id);
                self.insist(&answer, peer).await;
            }
        }
    }

    /// Remembers the answer to the request with this id and sends it.
    fn conclude(&self, answer: &Packet, peer: Peer, id: u16) {
        let Ok(bytes) = answer.to_bytes_unlimited() else { return };
        let bytes: Arc<[u8]> = bytes.into();
        self.lock().exchanges.answered(peer, id, Arc::clone(&bytes), self.ingest.mono_ms());
        self.send(&bytes, peer);
    }

    /// Repeats a confirmable message until it is acknowledged (section 4.2).
    async fn insist(&self, message: &Packet, peer: Peer) {
        let Ok(bytes) = message.to_bytes_unlimited() else { return };
        let acknowledged = self.lock().exchanges.expect(peer, message.header.message_id);
        let mut acknowledged = std::pin::pin!(acknowledged);
        let mut wait = Duration::from_millis(ACK_TIMEOUT_MS);
        for repetition in 0..=MAX_RETRANSMIT {
            if repetition > 0 {
                self.send(&bytes, peer);
            }
            tokio::select! {
                biased;
                _told = acknowledged.as_mut() => return,
                () = tokio::time::sleep_until(Instant::now() + wait) => {}
            }
            wait *= 2;
        }
        self.lock().exchanges.acknowledged(peer, message.header.message_id);
    }

    fn fresh_id(&self) -> u16 {
        let mut state = self.lock();
        state.next_id = state.next_id.wrapping_add(1);
        state.next_id
    }

    fn reply(&self, packet: &Packet, peer: Peer) {
        if let Ok(bytes) = packet.to_bytes_unlimited() {
            self.send(&bytes, peer);
        }
    }
}

/// A message without anything.
fn empty(kind: MessageType, id: u16) -> Packet {
    let mut packet = Packet::new();
    packet.header.set_type(kind);
    packet.header.code = MessageClass::Empty;
    packet.header.message_id = id;
    packet
}

/// The beginning of an answer to `request`.
fn answer_to(request: &Packet, code: ResponseType) -> Packet {
    let mut packet = Packet::new();
    packet.header.code = MessageClass::Response(code);
    packet.set_token(request.get_token().to_vec());
    packet
}

/// Writes an unsigned option in as few bytes as it needs (RFC 7252 section 3.2).
fn put_uint(packet: &mut Packet, option: CoapOption, value: u32) {
    let bytes: Vec<u8> = value.to_be_bytes().into_iter().skip_while(|byte| *byte == 0).collect();
    packet.clear_option(option);
    packet.add_option(option, bytes);
}

#[cfg(test)]
mod tests;
