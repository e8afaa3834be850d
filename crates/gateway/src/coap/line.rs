//! The socket of a CoAP door: plain, or with DTLS in front.

use std::future::pending;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use bus::Directory;
use tokio::net::UdpSocket;

use super::dtls::{Associations, DtlsConfig, Effect, Known};
use super::{Door, Peer};
use crate::ingest::Proof;

/// Who speaks, and who the key of the session says that is.
#[derive(Debug, Clone)]
pub(super) struct Speaker {
    pub(super) peer: Peer,
    pub(super) known: Option<Arc<Known>>,
}

/// How the door is reached.
pub(super) enum Line {
    Plain(UdpSocket),
    Secured { socket: UdpSocket, associations: Box<Mutex<Associations>> },
}

impl Line {
    pub(super) fn secured(
        socket: UdpSocket,
        limits: DtlsConfig,
        directory: Arc<Directory>,
    ) -> Result<Self, dimpl::Error> {
        let associations = Associations::new(limits, directory, rand::random(), Instant::now())?;
        Ok(Self::Secured { socket, associations: Box::new(Mutex::new(associations)) })
    }

    pub(super) fn socket(&self) -> &UdpSocket {
        match self {
            Self::Plain(socket) | Self::Secured { socket, .. } => socket,
        }
    }

    pub(super) fn is_secured(&self) -> bool {
        match self {
            Self::Plain(_) => false,
            Self::Secured { .. } => true,
        }
    }

    /// Comes back when something of DTLS is due.
    pub(super) async fn is_due(&self) {
        let at = match self {
            Self::Plain(_) => None,
            Self::Secured { associations, .. } => lock(associations).next_wake(),
        };
        match at {
            Some(at) => tokio::time::sleep_until(at.into()).await,
            None => pending().await,
        }
    }
}

impl Door {
    /// A datagram came.
    pub(super) fn receive(self: &Arc<Self>, bytes: &[u8], remote: SocketAddr) {
        match &self.line {
            Line::Plain(_) => {
                self.on_message(bytes, Speaker { peer: Peer::plain(remote), known: None });
            }
            Line::Secured { associations, .. } => {
                let effects = lock(associations).take(remote, bytes, Instant::now());
                self.carry_out(effects);
            }
        }
    }

    /// Something of DTLS is due.
    pub(super) fn wake(self: &Arc<Self>) {
        if let Line::Secured { associations, .. } = &self.line {
            let effects = lock(associations).wake(Instant::now());
            self.carry_out(effects);
        }
    }

    fn carry_out(self: &Arc<Self>, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Send(remote, bytes) => self.put(&bytes, remote),
                Effect::Said { remote, session, known, bytes } => {
                    let peer = Peer { address: remote, session };
                    self.on_message(&bytes, Speaker { peer, known: Some(known) });
                }
                Effect::Refused(remote) => {
                    tracing::debug!(%remote, "a DTLS handshake failed");
                    self.ingest.counters.proofs_refused.add_one();
                }
                Effect::Stranger(remote, serial) => {
                    let Ok(permit) = self.under_way.try_acquire() else { continue };
                    permit.forget();
                    let door = Arc::clone(self);
                    self.ingest.tracker.spawn(async move {
                        tokio::select! {
                            biased;
                            () = door.ingest.hard_stop.cancelled() => {}
                            // Whoever is not known waits in the pending list, as at the other doors.
                            _not_heard = door.ingest.prove(&serial, Proof::PreSharedKey(&[]), remote, 1) => {}
                        }
                        door.under_way.add_permits(1);
                    });
                }
            }
        }
    }

    /// Sends a message. Nothing is sent to a session that is over.
    pub(super) fn send(&self, bytes: &[u8], peer: Peer) {
        match &self.line {
            Line::Plain(_) => self.put(bytes, peer.address),
            Line::Secured { associations, .. } => {
                let effects = lock(associations).tell(peer.address, peer.session, bytes, Instant::now());
                for effect in effects {
                    // Nothing else comes of speaking.
                    if let Effect::Send(remote, bytes) = effect {
                        self.put(&bytes, remote);
                    }
                }
            }
        }
    }

    /// A datagram that the system cannot take now is lost like any other; its sender asks again.
    fn put(&self, bytes: &[u8], remote: SocketAddr) {
        if let Err(error) = self.line.socket().try_send_to(bytes, remote) {
            tracing::debug!(%remote, %error, "a CoAP datagram could not be sent");
        }
    }
}

fn lock(associations: &Mutex<Associations>) -> MutexGuard<'_, Associations> {
    associations.lock().unwrap_or_else(PoisonError::into_inner)
}
