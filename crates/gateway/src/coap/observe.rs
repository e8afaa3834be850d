//! Devices that want to be told of their commands (RFC 7641).

use std::collections::HashMap;

use tokio_util::sync::CancellationToken;

use super::Peer;

/// Who observes, by address and token.
#[derive(Debug)]
pub(super) struct Observers {
    max: usize,
    open: HashMap<(Peer, Vec<u8>), Observer>,
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
        peer: Peer,
        token: &[u8],
        stop: CancellationToken,
    ) -> Option<CancellationToken> {
        self.end(peer, token);
        if self.open.len() >= self.max {
            return None;
        }
        self.open.insert((peer, token.to_vec()), Observer { stop: stop.clone(), last_id: None });
        Some(stop)
    }

    /// Tells no longer.
    pub(super) fn end(&mut self, peer: Peer, token: &[u8]) {
        if let Some(observer) = self.open.remove(&(peer, token.to_vec())) {
            observer.stop.cancel();
        }
    }

    /// A message with this number went out to it.
    pub(super) fn told(&mut self, peer: Peer, token: &[u8], id: u16) {
        if let Some(observer) = self.open.get_mut(&(peer, token.to_vec())) {
            observer.last_id = Some(id);
        }
    }

    /// It does not know what it was told of.
    pub(super) fn reset(&mut self, peer: Peer, id: u16) {
        self.open.retain(|(address, _), observer| {
            let is_meant = *address == peer && observer.last_id == Some(id);
            if is_meant {
                observer.stop.cancel();
            }
            !is_meant
        });
    }
}
