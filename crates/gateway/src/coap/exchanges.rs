//! Which messages were heard and what was answered, so that a repeated one is the same one (RFC 7252 section 4.5).

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use tokio::sync::oneshot;

use super::Peer;

/// A message by where it came from and its number.
type Which = (Peer, u16);

/// The exchanges of the last minutes.
#[derive(Debug)]
pub(super) struct Exchanges {
    max: usize,
    lifetime_ms: u64,
    known: HashMap<Which, Exchange>,
    /// In the order in which they came.
    order: VecDeque<(u64, Which)>,
    /// Messages of ours that wait for their acknowledgement.
    expected: HashMap<Which, oneshot::Sender<()>>,
}

#[derive(Debug)]
enum Exchange {
    UnderWay { was_acknowledged: bool },
    Answered(Arc<[u8]>),
}

/// How a message stands to those before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Seen {
    /// It is the first with its number.
    New,
    /// It is being worked on.
    UnderWay { was_acknowledged: bool },
    /// It was answered by these bytes.
    Answered(Arc<[u8]>),
}

impl Exchanges {
    pub(super) fn new(max: usize, lifetime_ms: u64) -> Self {
        Self { max, lifetime_ms, known: HashMap::new(), order: VecDeque::new(), expected: HashMap::new() }
    }

    /// Takes a message in. When there is no room the oldest is forgotten: one that is repeated after that is taken for
    /// a new one, which costs a double, not a loss.
    pub(super) fn enter(&mut self, peer: Peer, id: u16, now_ms: u64) -> Seen {
        while let Some((at, which)) = self.order.front().copied()
            && (now_ms.saturating_sub(at) > self.lifetime_ms || self.order.len() >= self.max)
        {
            self.order.pop_front();
            self.known.remove(&which);
        }
        match self.known.get(&(peer, id)) {
            Some(Exchange::UnderWay { was_acknowledged }) => {
                Seen::UnderWay { was_acknowledged: *was_acknowledged }
            }
            Some(Exchange::Answered(answer)) => Seen::Answered(Arc::clone(answer)),
            None => {
                self.known.insert((peer, id), Exchange::UnderWay { was_acknowledged: false });
                self.order.push_back((now_ms, (peer, id)));
                Seen::New
            }
        }
    }

    /// A message that was not worked on.
    pub(super) fn forget(&mut self, peer: Peer, id: u16) {
        self.known.remove(&(peer, id));
        self.order.retain(|(_, which)| *which != (peer, id));
    }

    /// The message was acknowledged without an answer.
    pub(super) fn was_acknowledged(&mut self, peer: Peer, id: u16) {
        if let Some(exchange) = self.known.get_mut(&(peer, id)) {
            *exchange = Exchange::UnderWay { was_acknowledged: true };
        }
    }

    /// The message was answered.
    pub(super) fn answered(&mut self, peer: Peer, id: u16, answer: Arc<[u8]>, now_ms: u64) {
        if self.known.insert((peer, id), Exchange::Answered(answer)).is_none() {
            self.order.push_back((now_ms, (peer, id)));
        }
    }

    /// Told when the message of ours with this number is acknowledged.
    pub(super) fn expect(&mut self, peer: Peer, id: u16) -> oneshot::Receiver<()> {
        let (tell, told) = oneshot::channel();
        self.expected.insert((peer, id), tell);
        told
    }

    /// An acknowledgement or a reset came, or is no longer waited for.
    pub(super) fn acknowledged(&mut self, peer: Peer, id: u16) {
        if let Some(tell) = self.expected.remove(&(peer, id)) {
            let _gone = tell.send(());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repeated_message_is_the_same_one_for_its_lifetime() {
        let here = Peer::plain("10.0.0.1:1".parse().unwrap());
        let there = Peer::plain("10.0.0.1:2".parse().unwrap());
        let mut exchanges = Exchanges::new(100, 1_000);
        assert_eq!(exchanges.enter(here, 7, 0), Seen::New);
        assert_eq!(exchanges.enter(there, 7, 0), Seen::New, "another port is another device");
        let later = Peer { session: 2, ..here };
        assert_eq!(exchanges.enter(later, 7, 0), Seen::New, "and another session is another one");
        assert_eq!(exchanges.enter(here, 7, 1), Seen::UnderWay { was_acknowledged: false });
        exchanges.was_acknowledged(here, 7);
        assert_eq!(exchanges.enter(here, 7, 1), Seen::UnderWay { was_acknowledged: true });
        exchanges.answered(here, 7, Arc::from(&b"x"[..]), 2);
        assert_eq!(exchanges.enter(here, 7, 1_000), Seen::Answered(Arc::from(&b"x"[..])));
        assert_eq!(exchanges.enter(here, 7, 1_001), Seen::New, "the number is used again after that");
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let mut exchanges = Exchanges::new(10, 1_000_000);
        let from = |n: u32| Peer::plain((n.to_be_bytes(), 1).into());
        for n in 0..1_000 {
            assert_eq!(exchanges.enter(from(n), 1, 0), Seen::New);
        }
        assert!(exchanges.known.len() <= 10 && exchanges.order.len() <= 10);
        assert_eq!(exchanges.enter(from(999), 1, 0), Seen::UnderWay { was_acknowledged: false });
    }
}
