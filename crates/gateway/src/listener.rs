//! The door: accepts at each of its addresses, counts, and hands each connection to a task of its own.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bus::{Counters, Directory, IntakeSender, Sessions, TelegramSink};
use tokio::net::{TcpListener, TcpSocket, TcpStream, UdpSocket};
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::Clock;
use crate::config::{ConfigError, FieldConfig, Rules, ms};
use crate::connection::{Caller, Gate, serve};
use crate::dialler;
use crate::gb26875::receive;
use crate::limits::{Denied, Doorkeeper, Place};
use crate::pending::PendingReports;
use crate::proxy::{ProxyError, read_header};
use crate::stream::Stream;
use crate::telegram_log::TelegramLog;
use crate::tls::{HandshakeError, TlsAcceptor, TlsError};

/// Rest after the system could not give us a connection (no file descriptor, no memory), ms.
const ACCEPT_REST_MS: u64 = 50;

/// Why the door could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A setting that cannot be used.
    #[error("field settings: {0}")]
    Config(#[from] ConfigError),
    /// A certificate or key that cannot be used.
    #[error("field settings: {0}")]
    Tls(#[from] TlsError),
    /// The address could not be listened on.
    #[error("cannot listen for detectors on {address}: {source}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system says.
        source: std::io::Error,
    },
}

/// The field door.
#[derive(Debug)]
pub struct Gateway;

impl Gateway {
    /// Opens the door. Must be called inside a Tokio runtime.
    ///
    /// `clock` gives the server's wall clock. The door closes when `shutdown` is cancelled; wait for
    /// [`GatewayHandle::stopped`] before stopping the pipeline, so that readings under way are still confirmed.
    ///
    /// # Errors
    /// [`StartError`] when a setting cannot be used or the address cannot be listened on.
    #[expect(
        clippy::too_many_arguments,
        reason = "each is another part of the process; a struct would only rename them"
    )]
    pub fn start(
        config: FieldConfig,
        intake: IntakeSender,
        directory: Arc<Directory>,
        sessions: Arc<Sessions>,
        telegrams: TelegramSink,
        counters: Arc<Counters>,
        clock: Clock,
        shutdown: CancellationToken,
    ) -> Result<GatewayHandle, StartError> {
        let listen_at = config.listen;
        let stop_within = Duration::from_secs(config.stop_within_s);
        let telegrams = TelegramLog::new(telegrams, config.telegram_log);
        let pending = Arc::new(PendingReports::new(ms(config.pending_report_s)));
        let hard_stop = CancellationToken::new();
        let tracker = TaskTracker::new();
        let started = Instant::now();
        // All are opened before the first is served: a door that opens halfway would hide the mistake.
        let mut open = Vec::new();
        for config in config.of_listeners() {
            let rules = Rules::check(config)?;
            let config = &rules.config;
            let cannot_listen = |source| StartError::Listen { address: config.listen, source };
            let tls = config.tls.clone().map(TlsAcceptor::load).transpose()?;
            let listener = listen(config).map_err(cannot_listen)?;
            let local_addr = listener.local_addr().map_err(cannot_listen)?;
            let keeper = Doorkeeper::new(
                config.max_connections,
                config.max_connections_per_address,
                config.max_new_per_address_per_s,
            );
            let config_udp = config.gb26875.listen_udp;
            let gate = Gate {
                telegrams: telegrams.clone(),
                pending: Arc::clone(&pending),
                rules,
                tls,
                intake: intake.clone(),
                directory: Arc::clone(&directory),
                sessions: Arc::clone(&sessions),
                counters: Arc::clone(&counters),
                clock: Arc::clone(&clock),
                started,
                soft_stop: shutdown.clone(),
                hard_stop: hard_stop.clone(),
            };
            let datagrams = match config_udp {
                None => None,
                Some(address) => {
                    Some(bind_datagrams(address).map_err(|source| StartError::Listen { address, source })?)
                }
            };
            open.push((listener, datagrams, Open { local_addr, gate: Arc::new(gate), keeper }));
        }
        let mut doors = Vec::new();
        let mut datagram_addr = None;
        for (listener, datagrams, door) in open {
            let Open { local_addr, gate, keeper } = &door;
            if let Some(acceptor) = &gate.tls {
                tracker.spawn(Arc::clone(acceptor).follow(shutdown.clone()));
            }
            if let Some(socket) = datagrams {
                datagram_addr = socket.local_addr().ok();
                let socket = Arc::new(socket);
                tracker.spawn(receive(socket, Arc::clone(gate), Arc::clone(keeper), tracker.clone()));
            }
            tracker.spawn(accept(listener, Arc::clone(gate), Arc::clone(keeper), tracker.clone()));
            tracing::info!(address = %local_addr, tls = gate.tls.is_some(), "listening for detectors");
            doors.push(door);
        }
        if let Some(main) = doors.first() {
            let config = &main.gate.rules.config.modbus_tcp;
            let dialled = Doorkeeper::new(config.max_dialled, config.max_dialled, u32::MAX);
            tracker.spawn(dialler::follow(Arc::clone(&main.gate), dialled, tracker.clone()));
        }
        let local_addr = doors.first().map_or(listen_at, |door: &Open| door.local_addr);
        Ok(GatewayHandle { local_addr, datagram_addr, doors, shutdown, hard_stop, tracker, stop_within })
    }
}

/// One listener that is open.
struct Open {
    local_addr: SocketAddr,
    gate: Arc<Gate>,
    keeper: Arc<Doorkeeper>,
}

fn listen(config: &FieldConfig) -> std::io::Result<TcpListener> {
    let socket = if config.listen.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    socket.set_reuseaddr(true)?;
    socket.bind(config.listen)?;
    socket.listen(config.listen_backlog)
}

fn bind_datagrams(address: SocketAddr) -> std::io::Result<UdpSocket> {
    let socket = std::net::UdpSocket::bind(address)?;
    socket.set_nonblocking(true)?;
    UdpSocket::from_std(socket)
}

async fn accept(listener: TcpListener, gate: Arc<Gate>, keeper: Arc<Doorkeeper>, tracker: TaskTracker) {
    loop {
        let accepted = tokio::select! {
            biased;
            () = gate.soft_stop.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, remote)) => {
                let is_proxy = gate.rules.config.proxy_from.iter().any(|proxy| proxy.contains(remote.ip()));
                let entered = if is_proxy {
                    keeper.enter_by_proxy()
                } else {
                    keeper.enter(remote.ip(), gate.mono_ms())
                };
                match entered {
                    Ok(place) => {
                        gate.counters.connections_accepted.add_one();
                        // A frame is small and its answer is waited for: Nagle's delay would only add to it.
                        let _kept_anyway = stream.set_nodelay(true);
                        if is_proxy || gate.tls.is_some() || place.waits(gate.mono_ms()).is_some() {
                            tracker.spawn(admit(stream, remote, is_proxy, Arc::clone(&gate), place));
                        } else {
                            let caller = Caller { remote, certificate: None };
                            tracker.spawn(serve(Stream::Plain(stream), caller, Arc::clone(&gate), place));
                        }
                    }
                    Err(denied) => {
                        gate.counters.connections_refused.add_one();
                        tracing::debug!(%remote, %denied, "connection refused");
                    }
                }
            }
            Err(error) => {
                tracing::warn!(%error, rest_ms = ACCEPT_REST_MS, "the system gave no connection");
                sleep(Duration::from_millis(ACCEPT_REST_MS)).await;
            }
        }
    }
}

/// Why a connection did not come to its session.
#[derive(Debug, thiserror::Error)]
enum NotAdmitted {
    #[error("{0}")]
    Proxy(#[from] ProxyError),
    #[error("no proxy header within {within_s} s")]
    ProxySilent { within_s: u64 },
    #[error("{0}")]
    Denied(#[from] Denied),
    #[error("{0}")]
    Handshake(#[from] HandshakeError),
}

/// Takes a connection through what stands before its session, each step with a limit of time.
async fn admit(stream: TcpStream, remote: SocketAddr, is_proxy: bool, gate: Arc<Gate>, mut place: Place) {
    let stop = gate.soft_stop.clone();
    let admitted = tokio::select! {
        biased;
        () = stop.cancelled() => return,
        admitted = introduce(stream, remote, is_proxy, &gate, &mut place) => admitted,
    };
    match admitted {
        // Boxed: the state of the handshake is not part of a connection that has it behind itself.
        Ok((stream, caller)) => Box::pin(serve(stream, caller, gate, place)).await,
        Err(refused) => {
            gate.counters.connections_refused.add_one();
            tracing::debug!(%remote, %refused, "connection refused");
        }
    }
}

async fn introduce(
    mut stream: TcpStream,
    mut remote: SocketAddr,
    is_proxy: bool,
    gate: &Gate,
    place: &mut Place,
) -> Result<(Stream, Caller), NotAdmitted> {
    if is_proxy {
        let within_s = gate.rules.config.identify_within_s;
        let source = timeout(Duration::from_secs(within_s), read_header(&mut stream))
            .await
            .map_err(|_elapsed| NotAdmitted::ProxySilent { within_s })??;
        remote = source.unwrap_or(remote);
        place.belongs_to(remote.ip(), gate.mono_ms())?;
    }
    if let Some(wait) = place.waits(gate.mono_ms()) {
        sleep(wait).await;
    }
    let Some(acceptor) = &gate.tls else {
        return Ok((Stream::Plain(stream), Caller { remote, certificate: None }));
    };
    let secured = Box::pin(acceptor.accept(stream)).await?;
    let caller = Caller { remote, certificate: secured.client.map(Box::new) };
    Ok((Stream::Tls(Box::new(secured.stream)), caller))
}

/// The open door.
pub struct GatewayHandle {
    local_addr: SocketAddr,
    datagram_addr: Option<SocketAddr>,
    /// The door's own listener first.
    doors: Vec<Open>,
    shutdown: CancellationToken,
    hard_stop: CancellationToken,
    tracker: TaskTracker,
    stop_within: Duration,
}

impl std::fmt::Debug for GatewayHandle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("GatewayHandle")
            .field("local_addrs", &self.local_addrs())
            .field("connections", &self.connections())
            .finish_non_exhaustive()
    }
}

impl GatewayHandle {
    /// Where devices can dial in.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// Where transmission devices can send datagrams, if that door is open.
    #[must_use]
    pub fn datagram_addr(&self) -> Option<SocketAddr> {
        self.datagram_addr
    }

    /// The same for each listener, the door's own first, those of `listeners` in their order.
    #[must_use]
    pub fn local_addrs(&self) -> Vec<SocketAddr> {
        self.doors.iter().map(|door| door.local_addr).collect()
    }

    /// How many connections are open, identified or not.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.doors.iter().map(|door| door.keeper.open()).sum()
    }

    /// Waits until `shutdown` is cancelled and every session has ended. Sessions may hear what became of their
    /// readings, and confirm them, until the deadline of the settings; then they are cut off.
    pub async fn stopped(self) {
        self.shutdown.cancelled().await;
        self.tracker.close();
        if timeout(self.stop_within, self.tracker.wait()).await.is_err() {
            tracing::warn!(
                connections = self.connections(),
                "sessions are cut off: the deadline to stop has passed"
            );
            self.hard_stop.cancel();
            self.tracker.wait().await;
        }
    }
}

#[cfg(test)]
mod tests;
