//! The ingestion door: messages over HTTP, commands by long poll, carriers' pushes.
//!
//! Who speaks is found out from the head of a request, before its body is read: somebody unknown costs no memory.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::Extension;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};

use crate::ingest::Ingest;
use crate::limits::{Bucket, Denied, Doorkeeper, Place, Rate};
use crate::network::Network;
use crate::proxy::{ProxyError, read_header};
use crate::push::PushConfig;
use crate::stream::Stream;
use crate::tls::{HandshakeError, TlsAcceptor, TlsError, TlsSettings};

mod commands;
mod problem;
mod push;
mod readings;
mod request;

/// Rest after the system could not give us a connection, ms.
const ACCEPT_REST_MS: u64 = 50;

/// The ingestion door's settings.
#[derive(Debug, Clone)]
pub struct HttpConfig {
    /// Where devices and carriers reach it; port 0 takes a free one. Default `127.0.0.1:7071`.
    pub listen: SocketAddr,
    /// TLS; `None` speaks plainly. Default `None`.
    pub tls: Option<TlsSettings>,
    /// Proxies that say with the PROXY protocol for whom they speak.
    pub proxy_from: Vec<Network>,
    /// Connections in all. Default 10,000.
    pub max_connections: usize,
    /// Connections from one address. Default 1,000.
    pub max_connections_per_address: usize,
    /// New connections per second from one address. Default 200.
    pub max_new_per_address_per_s: u32,
    /// Requests per second on one connection for long. Default 20.
    pub max_requests_per_s: u32,
    /// Requests on one connection at once. Default 100.
    pub max_requests_burst: u32,
    /// How long the head of a request, or silence before it, may take, s. Default 15.
    pub head_within_s: u64,
    /// How long the body of a request may take, s. Default 15.
    pub body_within_s: u64,
    /// Bodies that are read at once; more are told to come back. Default 256.
    pub max_bodies: usize,
    /// Longest wait for commands, s. Default 60.
    pub max_wait_s: u64,
    /// The carriers' pushes.
    pub push: PushConfig,
}

impl Default for HttpConfig {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 7071)),
            tls: None,
            proxy_from: Vec::new(),
            max_connections: 10_000,
            max_connections_per_address: 1_000,
            max_new_per_address_per_s: 200,
            max_requests_per_s: 20,
            max_requests_burst: 100,
            head_within_s: 15,
            body_within_s: 15,
            max_bodies: 256,
            max_wait_s: 60,
            push: PushConfig::default(),
        }
    }
}

/// Why the door could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum HttpStartError {
    /// A number that makes no sense.
    #[error("ingestion settings: {key} is 0, wanted at least 1")]
    Zero {
        /// Which setting.
        key: &'static str,
    },
    /// A certificate or key that cannot be used.
    #[error("ingestion settings: {0}")]
    Tls(#[from] TlsError),
    /// The address could not be listened on.
    #[error("cannot listen for messages on {address}: {source}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system says.
        source: std::io::Error,
    },
}

/// The open door; it closes with its [`Ingest`].
#[derive(Debug, Clone, Copy)]
pub struct HttpDoor {
    /// Where it can be reached.
    pub local_addr: SocketAddr,
}

/// What every request may look at.
struct Door {
    config: HttpConfig,
    ingest: Arc<Ingest>,
    tls: Option<Arc<TlsAcceptor>>,
    bodies: Semaphore,
}

/// The other end of a connection.
#[derive(Clone)]
struct Peer {
    remote: SocketAddr,
    /// SHA-256 of its certificate, where it showed one.
    certificate: Option<[u8; 32]>,
    requests: Arc<Mutex<Bucket>>,
}

/// Opens the door. Must be called inside a Tokio runtime.
///
/// # Errors
/// [`HttpStartError`] when a setting cannot be used or the address cannot be listened on.
pub async fn start(config: HttpConfig, ingest: Arc<Ingest>) -> Result<HttpDoor, HttpStartError> {
    for (key, value) in [
        ("max_connections", config.max_connections),
        ("max_connections_per_address", config.max_connections_per_address),
        ("max_new_per_address_per_s", config.max_new_per_address_per_s as usize),
        ("max_requests_per_s", config.max_requests_per_s as usize),
        ("max_bodies", config.max_bodies),
    ] {
        if value == 0 {
            return Err(HttpStartError::Zero { key });
        }
    }
    let cannot_listen = |source| HttpStartError::Listen { address: config.listen, source };
    let tls = config.tls.clone().map(TlsAcceptor::load).transpose()?;
    let listener = TcpListener::bind(config.listen).await.map_err(cannot_listen)?;
    let local_addr = listener.local_addr().map_err(cannot_listen)?;
    if let Some(acceptor) = &tls {
        ingest.tracker.spawn(Arc::clone(acceptor).follow(ingest.soft_stop.clone()));
    }
    let keeper = Doorkeeper::new(
        config.max_connections,
        config.max_connections_per_address,
        config.max_new_per_address_per_s,
    );
    let bodies = Semaphore::new(config.max_bodies);
    let tracker = ingest.tracker.clone();
    let door = Arc::new(Door { config, ingest, tls, bodies });
    tracker.spawn(accept(listener, door, keeper));
    tracing::info!(address = %local_addr, "listening for messages over HTTP");
    Ok(HttpDoor { local_addr })
}

fn router(door: Arc<Door>) -> Router {
    Router::new().merge(readings::routes()).merge(commands::routes()).merge(push::routes()).with_state(door)
}

async fn accept(listener: TcpListener, door: Arc<Door>, keeper: Arc<Doorkeeper>) {
    let routes = router(Arc::clone(&door));
    let ingest = &door.ingest;
    loop {
        let accepted = tokio::select! {
            biased;
            () = ingest.soft_stop.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        let (stream, remote) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, rest_ms = ACCEPT_REST_MS, "the system gave no connection");
                sleep(Duration::from_millis(ACCEPT_REST_MS)).await;
                continue;
            }
        };
        let is_proxy = door.config.proxy_from.iter().any(|proxy| proxy.contains(remote.ip()));
        let entered =
            if is_proxy { keeper.enter_by_proxy() } else { keeper.enter(remote.ip(), ingest.mono_ms()) };
        match entered {
            Ok(place) => {
                ingest.counters.connections_accepted.add_one();
                let _kept_anyway = stream.set_nodelay(true);
                let (door, routes) = (Arc::clone(&door), routes.clone());
                ingest.tracker.spawn(connection(stream, remote, is_proxy, door, routes, place));
            }
            Err(denied) => {
                ingest.counters.connections_refused.add_one();
                tracing::debug!(%remote, %denied, "connection refused");
            }
        }
    }
}

/// Why a connection did not come to its first request.
#[derive(Debug, thiserror::Error)]
enum NotAdmitted {
    #[error("{0}")]
    Proxy(#[from] ProxyError),
    #[error("no proxy header in time")]
    ProxySilent,
    #[error("{0}")]
    Denied(#[from] Denied),
    #[error("{0}")]
    Handshake(#[from] HandshakeError),
}

async fn introduce(
    mut stream: TcpStream,
    mut remote: SocketAddr,
    is_proxy: bool,
    door: &Door,
    place: &mut Place,
) -> Result<(Stream, Peer), NotAdmitted> {
    if is_proxy {
        let within = Duration::from_secs(door.config.head_within_s);
        let source = timeout(within, read_header(&mut stream))
            .await
            .map_err(|_elapsed| NotAdmitted::ProxySilent)??;
        remote = source.unwrap_or(remote);
        place.belongs_to(remote.ip(), door.ingest.mono_ms())?;
    }
    if let Some(wait) = place.waits(door.ingest.mono_ms()) {
        sleep(wait).await;
    }
    let peer = |certificate| Peer { remote, certificate, requests: Arc::default() };
    let Some(acceptor) = &door.tls else { return Ok((Stream::Plain(stream), peer(None))) };
    let secured = acceptor.accept(stream).await?;
    Ok((Stream::Tls(Box::new(secured.stream)), peer(secured.client)))
}

async fn connection(
    stream: TcpStream,
    remote: SocketAddr,
    is_proxy: bool,
    door: Arc<Door>,
    routes: Router,
    mut place: Place,
) {
    let ingest = Arc::clone(&door.ingest);
    let introduced = tokio::select! {
        biased;
        () = ingest.soft_stop.cancelled() => return,
        introduced = introduce(stream, remote, is_proxy, &door, &mut place) => introduced,
    };
    let (stream, peer) = match introduced {
        Ok(introduced) => introduced,
        Err(refused) => {
            ingest.counters.connections_refused.add_one();
            tracing::debug!(%remote, %refused, "connection refused");
            return;
        }
    };
    let mut builder = auto::Builder::new(hyper_util::rt::TokioExecutor::new()).http1_only();
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(Duration::from_secs(door.config.head_within_s))
        .max_headers(64)
        .max_buf_size(32 * 1024);
    let service = TowerToHyperService::new(routes.layer(Extension(peer)));
    let mut serving = std::pin::pin!(builder.serve_connection(TokioIo::new(stream), service));
    let ended = tokio::select! {
        ended = serving.as_mut() => ended,
        () = ingest.soft_stop.cancelled() => {
            serving.as_mut().graceful_shutdown();
            tokio::select! {
                biased;
                () = ingest.hard_stop.cancelled() => return,
                ended = serving => ended,
            }
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%remote, %error, "connection ended");
    }
    drop(place);
}

impl Door {
    /// Whether one more request of this connection is taken now.
    fn has_room(&self, peer: &Peer) -> bool {
        let rate = Rate::new(self.config.max_requests_per_s, self.config.max_requests_burst);
        let mut requests = peer.requests.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        requests.try_pour(rate, self.ingest.mono_ms())
    }
}

#[cfg(test)]
mod tests;
