//! The one door: accepts, counts, and hands each connection to a task of its own.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bus::{Counters, Directory, IntakeSender, Sessions, TelegramSink};
use tokio::net::{TcpListener, TcpSocket};
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::Clock;
use crate::config::{ConfigError, FieldConfig, Rules, ms};
use crate::connection::{Gate, serve};
use crate::limits::Doorkeeper;
use crate::pending::PendingReports;
use crate::telegram_log::TelegramLog;

/// Rest after the system could not give us a connection (no file descriptor, no memory), ms.
const ACCEPT_REST_MS: u64 = 50;

/// Why the door could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A setting that cannot be used.
    #[error("field settings: {0}")]
    Config(#[from] ConfigError),
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
        let rules = Rules::check(config)?;
        let config = &rules.config;
        let cannot_listen = |source| StartError::Listen { address: config.listen, source };
        let listener = listen(config).map_err(cannot_listen)?;
        let local_addr = listener.local_addr().map_err(cannot_listen)?;
        let keeper = Doorkeeper::new(
            config.max_connections,
            config.max_connections_per_address,
            config.max_new_per_address_per_s,
        );
        let stop_within = Duration::from_secs(config.stop_within_s);
        let gate = Arc::new(Gate {
            telegrams: TelegramLog::new(telegrams, config.telegram_log),
            pending: PendingReports::new(ms(config.pending_report_s)),
            rules,
            intake,
            directory,
            sessions,
            counters,
            clock,
            started: Instant::now(),
            soft_stop: shutdown,
            hard_stop: CancellationToken::new(),
        });
        let tracker = TaskTracker::new();
        tracker.spawn(accept(listener, Arc::clone(&gate), Arc::clone(&keeper), tracker.clone()));
        tracing::info!(address = %local_addr, "listening for detectors");
        Ok(GatewayHandle { local_addr, gate, keeper, tracker, stop_within })
    }
}

fn listen(config: &FieldConfig) -> std::io::Result<TcpListener> {
    let socket = if config.listen.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    socket.set_reuseaddr(true)?;
    socket.bind(config.listen)?;
    socket.listen(config.listen_backlog)
}

async fn accept(listener: TcpListener, gate: Arc<Gate>, keeper: Arc<Doorkeeper>, tracker: TaskTracker) {
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
                    // A frame is small and its answer is waited for: Nagle's delay would only add to it.
                    let _kept_anyway = stream.set_nodelay(true);
                    tracker.spawn(serve(stream, remote, Arc::clone(&gate), place));
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

/// The open door.
pub struct GatewayHandle {
    local_addr: SocketAddr,
    gate: Arc<Gate>,
    keeper: Arc<Doorkeeper>,
    tracker: TaskTracker,
    stop_within: Duration,
}

impl std::fmt::Debug for GatewayHandle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("GatewayHandle")
            .field("local_addr", &self.local_addr)
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
                "sessions are cut off: the deadline to stop has passed"
            );
            self.gate.hard_stop.cancel();
            self.tracker.wait().await;
        }
    }
}

#[cfg(test)]
mod tests;
