//! The kinds of stream that a connection may have. Plain ones are the many, and stay small.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;

use crate::gb26875::Peer;

/// A device's stream.
#[derive(Debug)]
pub(crate) enum Stream {
    Plain(TcpStream),
    /// Boxed: the state of an encrypted connection is some KB, and most connections have none.
    Tls(Box<TlsStream<TcpStream>>),
    /// Datagrams from one address.
    Datagrams(Box<Peer>),
}

impl Stream {
    /// Writes what can be written without waiting; 0 where that cannot be known.
    pub(crate) fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(stream) => match stream.try_write(bytes) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(0),
                done => done,
            },
            Self::Tls(_) => Ok(0),
            Self::Datagrams(peer) => peer.try_write(bytes),
        }
    }

    /// Whether each write is a datagram, which holds one frame.
    pub(crate) fn is_of_datagrams(&self) -> bool {
        matches!(self, Self::Datagrams(_))
    }

    /// Whether the other end is told that the connection ends (TLS close_notify).
    pub(crate) fn says_goodbye(&self) -> bool {
        matches!(self, Self::Tls(_))
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_read(context, buffer),
            Self::Tls(stream) => Pin::new(stream).poll_read(context, buffer),
            Self::Datagrams(peer) => Pin::new(&mut **peer).poll_read(context, buffer),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write(context, bytes),
            Self::Tls(stream) => Pin::new(stream).poll_write(context, bytes),
            Self::Datagrams(peer) => Pin::new(&mut **peer).poll_write(context, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_flush(context),
            Self::Tls(stream) => Pin::new(stream).poll_flush(context),
            Self::Datagrams(peer) => Pin::new(&mut **peer).poll_flush(context),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(context),
            Self::Tls(stream) => Pin::new(stream).poll_shutdown(context),
            Self::Datagrams(peer) => Pin::new(&mut **peer).poll_shutdown(context),
        }
    }
}
