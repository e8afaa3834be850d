//! Devices that want to be told of their commands (RFC 7641).

use std::collections::HashMap;
use std::net::SocketAddr;

use tokio_util::sync::CancellationToken;

/// Who observes, by address and token.
#[derive(Debug)]
pub(super) struct Observers {
    max: usize,
    open: HashMap<(SocketAddr, Vec<u8>), Observer>,
}

#[derive(Debug)]
struct Observer {
    stop: CancellationToken,
    /// The number of the last message to it.
    last_id: Option<u16>,
}

impl Observers {
    pub(super) fn new(max: usize) -> Self {
        Self { max, open: HashMap::new() }
    }

    /// Begins to tell; one that observes already begins anew. `None` when there are as many as may be.
    pub(super) fn begin(
        &mut self,
        remote: SocketAddr,
        token: &[u8],
        stop: CancellationToken,
    ) -> Option<CancellationToken> {
        self.end(remote, token);
        if self.open.len() >= self.max {
            return None;
        }
        self.open.insert((remote, token.to_vec()), Observer { stop: stop.clone(), last_id: None });
        Some(stop)
    }

    /// Tells no longer.
    pub(super) fn end(&mut self, remote: SocketAddr, token: &[u8]) {
        if let Some(observer) = self.open.remove(&(remote, token.to_vec())) {
            observer.stop.cancel();
        }
    }

    /// A message with this number went out to it.
    pub(super) fn told(&mut self, remote: SocketAddr, token: &[u8], id: u16) {
        if let Some(observer) = self.open.get_mut(&(remote, token.to_vec())) {
            observer.last_id = Some(id);
        }
    }

    /// It does not know what it was told of.
    pub(super) fn reset(&mut self, remote: SocketAddr, id: u16) {
        self.open.retain(|(address, _), observer| {
            let is_meant = *address == remote && observer.last_id == Some(id);
            if is_meant {
                observer.stop.cancel();
            }
            !is_meant
        });
    }
}
