//! The UDP door: one socket, and a connection for each address that frames come from.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::{Buf as _, Bytes};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::UdpSocket;
use tokio::sync::mpsc;
use tokio_util::task::TaskTracker;
use wire::gb26875::{START, hex_text};

use crate::connection::{Caller, Gate, serve};
use crate::limits::Doorkeeper;
use crate::stream::Stream;

/// The longest datagram that UDP carries, bytes.
const DATAGRAM_BYTES: usize = 65_535;

/// Datagrams of one address that may wait; more are dropped, and the device sends again.
const WAITING: usize = 16;

/// Senders known before those that are gone are looked for.
const LOOK_AFTER: usize = 1_024;

/// The datagrams of one address as a stream. A datagram holds whole frames; their length finds them.
#[derive(Debug)]
pub(crate) struct Peer {
    socket: Arc<UdpSocket>,
    remote: SocketAddr,
    datagrams: mpsc::Receiver<Bytes>,
    rest: Bytes,
}

impl Peer {
    pub(crate) fn poll_read(
        &mut self,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.rest.is_empty() {
            match self.datagrams.poll_recv(context) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(None) => return Poll::Ready(Ok(())),
                Poll::Ready(Some(datagram)) => self.rest = datagram,
            }
        }
        let len = self.rest.len().min(buffer.remaining());
        buffer.put_slice(self.rest.get(..len).unwrap_or_default());
        self.rest.advance(len);
        Poll::Ready(Ok(()))
    }

    pub(crate) fn poll_write(&self, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.socket.poll_send_to(context, bytes, self.remote)
    }

    /// Sends a frame as one datagram; 0 where it has to wait.
    pub(crate) fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        match self.socket.try_send_to(bytes, self.remote) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(0),
            done => done,
        }
    }
}

impl AsyncRead for Peer {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Peer::poll_read(self.get_mut(), context, buffer)
    }
}

impl AsyncWrite for Peer {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Peer::poll_write(self.get_mut(), context, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// Takes datagrams until the process stops. One that does not begin with the start characters opens no connection.
pub(crate) async fn receive(
    socket: Arc<UdpSocket>,
    gate: Arc<Gate>,
    keeper: Arc<Doorkeeper>,
    tracker: TaskTracker,
) {
    let mut buffer = vec![0; DATAGRAM_BYTES];
    let mut peers: HashMap<SocketAddr, mpsc::Sender<Bytes>> = HashMap::new();
    loop {
        let received = tokio::select! {
            biased;
            () = gate.soft_stop.cancelled() => return,
            received = socket.recv_from(&mut buffer) => received,
        };
        // An error here is the answer to something sent before (port unreachable); the socket lives on.
        let Ok((count, remote)) = received else { continue };
        let datagram = buffer.get(..count).unwrap_or_default();
        let known = peers.get(&remote).filter(|peer| !peer.is_closed());
        if let Some(peer) = known {
            if peer.try_send(Bytes::copy_from_slice(datagram)).is_err() {
                gate.counters.datagrams_dropped.add_one();
            }
            continue;
        }
        if !datagram.starts_with(&START) && !datagram.starts_with(&hex_text(&START)) {
            gate.counters.datagrams_dropped.add_one();
            continue;
        }
        // A datagram waits for no turn: it is sent again.
        let place = match keeper.enter(remote.ip(), gate.mono_ms()) {
            Ok(place) if place.waits(gate.mono_ms()).is_none() => place,
            Ok(_) => {
                gate.counters.connections_refused.add_one();
                continue;
            }
            Err(denied) => {
                gate.counters.connections_refused.add_one();
                tracing::debug!(%remote, %denied, "datagram refused");
                continue;
            }
        };
        gate.counters.connections_accepted.add_one();
        if peers.len() >= LOOK_AFTER {
            peers.retain(|_, peer| !peer.is_closed());
        }
        let (sender, datagrams) = mpsc::channel(WAITING);
        let _has_room = sender.try_send(Bytes::copy_from_slice(datagram));
        peers.insert(remote, sender);
        let peer = Peer { socket: Arc::clone(&socket), remote, datagrams, rest: Bytes::new() };
        let caller = Caller { remote, certificate: None };
        tracker.spawn(serve(Stream::Datagrams(Box::new(peer)), caller, Arc::clone(&gate), place));
    }
}
