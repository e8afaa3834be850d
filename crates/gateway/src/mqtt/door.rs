//! The MQTT door: listens, with TLS and without, and hands each connection to a task of its own.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bus::{Counters, Directory, IntakeSender, Sessions, TelegramSink};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::access::Failures;
use super::config::{MqttConfig, MqttConfigError, Rules};
use super::connection::{Gate, serve};
use super::shelf::Shelf;
use crate::Clock;
use crate::config::ms;
use crate::limits::{Doorkeeper, Place};
use crate::pending::PendingReports;
use crate::stream::Stream;
use crate::telegram_log::TelegramLog;
use crate::tls::{TlsAcceptor, TlsError};

/// Rest after the system could not give us a connection (no file descriptor, no memory), ms.
const ACCEPT_REST_MS: u64 = 50;

/// Why the door could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum MqttStartError {
    /// A setting that cannot be used.
    #[error(transparent)]
    Config(#[from] MqttConfigError),
    /// A certificate or key that cannot be used.
    #[error("mqtt door: {0}")]
    Tls(#[from] TlsError),
    /// The address could not be listened on.
    #[error("cannot listen for MQTT on {address}: {source}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system says.
        source: std::io::Error,
    },
}

/// The MQTT door.
#[derive(Debug)]
pub struct MqttDoor;

/// What the door is joined to.
#[derive(Clone)]
pub struct Joined {
    /// Where readings go.
    pub intake: IntakeSender,
    /// Who may come in.
    pub directory: Arc<Directory>,
    /// The open lines.
    pub sessions: Arc<Sessions>,
    /// Where telegrams are kept.
    pub telegrams: TelegramSink,
    /// The process's counters.
    pub counters: Arc<Counters>,
    /// The server's wall clock.
    pub clock: Clock,
}

impl std::fmt::Debug for Joined {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Joined").finish_non_exhaustive()
    }
}

impl MqttDoor {
    /// Opens the door. Must be called inside a Tokio runtime. The door closes when `shutdown` is cancelled; wait for
    /// [`MqttHandle::stopped`] before stopping the pipeline, so that readings under way are still confirmed.
    ///
    /// # Errors
    /// [`MqttStartError`] when a setting cannot be used or an address cannot be listened on.
    pub fn start(
        config: MqttConfig,
        joined: Joined,
        shutdown: CancellationToken,
    ) -> Result<MqttHandle, MqttStartError> {
        let rules = Rules::check(config)?;
        let config = &rules.config;
        let open = |address: Option<SocketAddr>| {
            address
                .map(|address| {
                    listen(address, config.listen_backlog)
                        .map_err(|source| MqttStartError::Listen { address, source })
                })
                .transpose()
        };
        let plain = open(config.listen)?;
        let secure = open(config.tls.as_ref().map(|(address, _)| *address))?;
        let acceptor =
            config.tls.as_ref().map(|(_, settings)| TlsAcceptor::load(settings.clone())).transpose()?;
        let address = |listener: &Option<TcpListener>| listener.as_ref().and_then(|l| l.local_addr().ok());
        let (local_addr, tls_addr) = (address(&plain), address(&secure));
        let keeper = Doorkeeper::new(
            config.max_connections,
            config.max_connections_per_address,
            config.max_new_per_address_per_s,
        );
        let stop_within = Duration::from_secs(config.stop_within_s);
        let gate = Arc::new(Gate {
            telegrams: TelegramLog::new(joined.telegrams, config.telegram_log),
            pending: PendingReports::new(ms(config.pending_report_s)),
            shelf: Shelf::new(config.max_connections),
            failures: Failures::new(config.max_failures_per_minute),
            rules,
            intake: joined.intake,
            directory: joined.directory,
            sessions: joined.sessions,
            counters: joined.counters,
            clock: joined.clock,
            started: Instant::now(),
            soft_stop: shutdown,
            hard_stop: CancellationToken::new(),
        });
        let tracker = TaskTracker::new();
        if let Some(acceptor) = &acceptor {
            tracker.spawn(Arc::clone(acceptor).follow(gate.soft_stop.clone()));
        }
        for (listener, acceptor) in [(plain, None), (secure, acceptor)] {
            if let Some(listener) = listener {
                let (gate, keeper) = (Arc::clone(&gate), Arc::clone(&keeper));
                tracker.spawn(accept(listener, acceptor, gate, keeper, tracker.clone()));
            }
        }
        if gate.rules.config.client.is_some() {
            let gate = Arc::clone(&gate);
            tracker.spawn(async move { super::client::run(gate).await });
        }
        tracing::info!(plain = ?local_addr, tls = ?tls_addr, "listening for MQTT");
        Ok(MqttHandle { local_addr, tls_addr, gate, keeper, tracker, stop_within })
    }
}

fn listen(address: SocketAddr, backlog: u32) -> std::io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(backlog)
}

async fn accept(
    listener: TcpListener,
    acceptor: Option<Arc<TlsAcceptor>>,
    gate: Arc<Gate>,
    keeper: Arc<Doorkeeper>,
    tracker: TaskTracker,
) {
    loop {
        let accepted = tokio::select! {
            biased;
            () = gate.soft_stop.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, remote)) => match keeper.enter(remote.ip(), gate.mono_ms()) {
                Ok(place) => {
                    gate.counters.connections_accepted.add_one();
                    // A packet is small and its answer is waited for: Nagle's delay would only add to it.
                    let _kept_anyway = stream.set_nodelay(true);
                    match &acceptor {
                        None if place.waits(gate.mono_ms()).is_some() => {
                            tracker.spawn(serve_in_turn(stream, remote, Arc::clone(&gate), place));
                        }
                        None => {
                            tracker.spawn(serve(
                                Stream::Plain(stream),
                                remote,
                                None,
                                Arc::clone(&gate),
                                place,
                            ));
                        }
                        Some(acceptor) => {
                            let (acceptor, gate) = (Arc::clone(acceptor), Arc::clone(&gate));
                            tracker.spawn(serve_tls(acceptor, stream, remote, gate, place));
                        }
                    }
                }
                Err(denied) => {
                    gate.counters.connections_refused.add_one();
                    tracing::debug!(%remote, %denied, "connection refused");
                }
            },
            Err(error) => {
                tracing::warn!(%error, rest_ms = ACCEPT_REST_MS, "the system gave no connection");
                sleep(Duration::from_millis(ACCEPT_REST_MS)).await;
            }
        }
    }
}

/// Serves a connection that has to wait until the rate of its address lets it begin.
async fn serve_in_turn(stream: TcpStream, remote: SocketAddr, gate: Arc<Gate>, place: Place) {
    wait_for_turn(&gate, &place).await;
    Box::pin(serve(Stream::Plain(stream), remote, None, gate, place)).await;
}

/// Also at its end, when the door closes.
async fn wait_for_turn(gate: &Gate, place: &Place) {
    if let Some(wait) = place.waits(gate.mono_ms()) {
        tokio::select! {
            biased;
            () = gate.soft_stop.cancelled() => {}
            () = sleep(wait) => {}
        }
    }
}

async fn serve_tls(
    acceptor: Arc<TlsAcceptor>,
    stream: TcpStream,
    remote: SocketAddr,
    gate: Arc<Gate>,
    place: Place,
) {
    wait_for_turn(&gate, &place).await;
    let shaken = tokio::select! {
        biased;
        () = gate.soft_stop.cancelled() => return,
        shaken = Box::pin(acceptor.accept(stream)) => shaken,
    };
    match shaken {
        Ok(secured) => {
            let stream = Stream::Tls(Box::new(secured.stream));
            serve(stream, remote, secured.client, gate, place).await;
        }
        Err(error) => {
            gate.counters.connections_refused.add_one();
            tracing::debug!(%remote, %error, "connection refused");
        }
    }
}

/// The open door.
pub struct MqttHandle {
    local_addr: Option<SocketAddr>,
    tls_addr: Option<SocketAddr>,
    gate: Arc<Gate>,
    keeper: Arc<Doorkeeper>,
    tracker: TaskTracker,
    stop_within: Duration,
}

impl std::fmt::Debug for MqttHandle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MqttHandle").field("local_addr", &self.local_addr).finish_non_exhaustive()
    }
}

impl MqttHandle {
    /// Where devices can dial in without TLS.
    #[must_use]
    pub fn local_addr(&self) -> Option<SocketAddr> {
        self.local_addr
    }

    /// Where devices can dial in with TLS.
    #[must_use]
    pub fn tls_addr(&self) -> Option<SocketAddr> {
        self.tls_addr
    }

    /// How many connections are open, identified or not.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.keeper.open()
    }

    /// Waits until `shutdown` is cancelled and every session has ended. Sessions may hear what became of their
    /// readings, and confirm them, until the deadline of the settings; then they are cut off.
    pub async fn stopped(self) {
        self.gate.soft_stop.cancelled().await;
        self.tracker.close();
        if timeout(self.stop_within, self.tracker.wait()).await.is_err() {
            tracing::warn!(
                connections = self.connections(),
                "MQTT sessions are cut off: the deadline has passed"
            );
            self.gate.hard_stop.cancel();
            self.tracker.wait().await;
        }
    }
}
