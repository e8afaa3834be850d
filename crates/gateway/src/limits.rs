//! How much one address and one device may ask of us.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// A leaky bucket as the time at which it will be empty (generic cell rate algorithm, ITU-T I.371 annex A).
/// Eight bytes, no timer.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Bucket {
    empty_at_us: u64,
}

/// How fast a bucket leaks and how much it holds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rate {
    each_us: u64,
    burst_us: u64,
}

impl Rate {
    /// Whoever is not admitted has little to say: five frames per second for long, thirty at once.
    pub(crate) const OF_STRANGERS: Self = Self { each_us: 200_000, burst_us: 6_000_000 };

    pub(crate) fn new(per_s: u32, burst: u32) -> Self {
        let each_us = 1_000_000 / u64::from(per_s.max(1));
        Self { each_us, burst_us: each_us.saturating_mul(u64::from(burst.max(1))) }
    }
}

impl Bucket {
    /// Pours one in, whether it fits or not.
    pub(crate) fn pour(&mut self, rate: Rate, now_ms: u64) {
        let now_us = now_ms.saturating_mul(1_000);
        self.empty_at_us = self.empty_at_us.max(now_us).saturating_add(rate.each_us);
    }

    /// Pours one in if it fits.
    pub(crate) fn try_pour(&mut self, rate: Rate, now_ms: u64) -> bool {
        let fits = self.fits_at_ms(rate) <= now_ms;
        if fits {
            self.pour(rate, now_ms);
        }
        fits
    }

    /// When the next one fits, ms; in the past when it fits already.
    pub(crate) fn fits_at_ms(&self, rate: Rate) -> u64 {
        self.empty_at_us.saturating_add(rate.each_us).saturating_sub(rate.burst_us).div_ceil(1_000)
    }

    pub(crate) fn is_empty(&self, now_ms: u64) -> bool {
        self.empty_at_us <= now_ms.saturating_mul(1_000)
    }
}

/// Why a connection was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Denied {
    #[error("{max} connections are open, which is all")]
    Full { max: usize },
    #[error("{max} connections are open from this address, which is all")]
    AddressFull { max: usize },
    #[error("more than {max} new connections per second from this address for {LONGEST_TURN_MS} ms")]
    AddressTooFast { max: u32 },
}

/// Who is connected, by address.
#[derive(Debug)]
pub(crate) struct Doorkeeper {
    max: usize,
    max_per_address: usize,
    max_new_per_s: u32,
    rate: Rate,
    state: Mutex<Addresses>,
}

/// How long a connection may have to wait until the rate of its address lets it begin, ms. A crowd that comes back after
/// an outage is taken in turn: whoever is sent away comes back later than its turn would have been.
const LONGEST_TURN_MS: u64 = 10_000;

#[derive(Debug, Default)]
struct Addresses {
    total: usize,
    by_address: HashMap<IpAddr, Address>,
    /// Addresses without a connection are forgotten when this many are known.
    sweep_at: usize,
}

#[derive(Debug, Default)]
struct Address {
    open: usize,
    new: Bucket,
}

/// A place for one connection; given back when dropped.
#[derive(Debug)]
pub(crate) struct Place {
    keeper: Arc<Doorkeeper>,
    /// `None` while only a proxy knows it.
    address: Option<IpAddr>,
    /// When its turn comes, by the door's clock, ms.
    turn_ms: u64,
}

const SWEEP_LEAST: usize = 1_024;

impl Doorkeeper {
    pub(crate) fn new(max: usize, max_per_address: usize, max_new_per_s: u32) -> Arc<Self> {
        let state = Mutex::new(Addresses { sweep_at: SWEEP_LEAST, ..Addresses::default() });
        Arc::new(Self {
            max,
            max_per_address,
            max_new_per_s,
            rate: Rate::new(max_new_per_s, max_new_per_s),
            state,
        })
    }

    /// Takes one connection from `address` in.
    pub(crate) fn enter(self: &Arc<Self>, address: IpAddr, now_ms: u64) -> Result<Place, Denied> {
        let mut place = self.enter_by_proxy()?;
        place.belongs_to(address, now_ms)?;
        Ok(place)
    }

    /// Takes one connection in whose address is not known yet. It counts among all, but among no address's.
    pub(crate) fn enter_by_proxy(self: &Arc<Self>) -> Result<Place, Denied> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.total >= self.max {
            return Err(Denied::Full { max: self.max });
        }
        state.total += 1;
        Ok(Place { keeper: Arc::clone(self), address: None, turn_ms: 0 })
    }

    /// When its turn comes.
    fn count(&self, address: IpAddr, now_ms: u64) -> Result<u64, Denied> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.by_address.len() >= state.sweep_at {
            state.by_address.retain(|_, known| known.open > 0 || !known.new.is_empty(now_ms));
            state.sweep_at = SWEEP_LEAST.max(state.by_address.len() * 2);
        }
        let known = state.by_address.entry(address).or_default();
        if known.open >= self.max_per_address {
            return Err(Denied::AddressFull { max: self.max_per_address });
        }
        let turn_ms = known.new.fits_at_ms(self.rate);
        if turn_ms > now_ms.saturating_add(LONGEST_TURN_MS) {
            return Err(Denied::AddressTooFast { max: self.max_new_per_s });
        }
        known.new.pour(self.rate, now_ms);
        known.open += 1;
        Ok(turn_ms)
    }

    /// How many connections are open.
    pub(crate) fn open(&self) -> usize {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).total
    }
}

impl Place {
    /// Counts the connection for `address`, once.
    pub(crate) fn belongs_to(&mut self, address: IpAddr, now_ms: u64) -> Result<(), Denied> {
        let address = address.to_canonical();
        if self.address.is_none() {
            self.turn_ms = self.keeper.count(address, now_ms)?;
            self.address = Some(address);
        }
        Ok(())
    }

    /// How long it has to wait from `now_ms` until its turn comes; `None` when it may begin.
    pub(crate) fn waits(&self, now_ms: u64) -> Option<Duration> {
        Some(self.turn_ms.saturating_sub(now_ms)).filter(|ms| *ms > 0).map(Duration::from_millis)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut state = self.keeper.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.total = state.total.saturating_sub(1);
        if let Some(address) = self.address
            && let Some(known) = state.by_address.get_mut(&address)
        {
            known.open = known.open.saturating_sub(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 1));
    const THERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 2));

    #[test]
    fn one_address_cannot_take_anothers_places() {
        let keeper = Doorkeeper::new(100, 3, 1_000);
        let taken: Vec<_> = (0..3).map(|_| keeper.enter(HERE, 0).unwrap()).collect();
        assert_eq!(keeper.enter(HERE, 0).unwrap_err(), Denied::AddressFull { max: 3 });
        let other = keeper.enter(THERE, 0).unwrap();
        assert_eq!(keeper.open(), 4);
        drop(taken);
        drop(other);
        assert_eq!(keeper.open(), 0);
        assert!(keeper.enter(HERE, 0).is_ok());
    }

    #[test]
    fn an_address_written_as_v6_is_the_same_address() {
        let keeper = Doorkeeper::new(100, 1, 1_000);
        let _first = keeper.enter(HERE, 0).unwrap();
        assert!(keeper.enter("::ffff:10.0.0.1".parse().unwrap(), 0).is_err());
    }

    #[test]
    fn new_connections_per_second_are_counted_even_when_they_close_at_once() {
        let keeper = Doorkeeper::new(100, 100, 5);
        let waits = |at| keeper.enter(HERE, at).map(|place| place.waits(at));
        for _ in 0..5 {
            assert_eq!(waits(1_000), Ok(None));
        }
        // More are taken in turn, one in a fifth of a second.
        assert_eq!(waits(1_000), Ok(Some(Duration::from_millis(200))));
        assert_eq!(waits(1_000), Ok(Some(Duration::from_millis(400))));
        assert_eq!(waits(1_600), Ok(None));
        assert_eq!(keeper.enter(THERE, 1_600).unwrap().waits(1_600), None);
        // Nobody waits for longer than ten seconds.
        let taken = (0..1_000).map_while(|_| waits(1_600).ok()).count();
        assert_eq!(taken, 50);
        assert_eq!(waits(1_600), Err(Denied::AddressTooFast { max: 5 }));
        assert!(keeper.enter(THERE, 1_600).is_ok());
    }

    #[test]
    fn the_table_of_addresses_forgets_who_has_left() {
        let keeper = Doorkeeper::new(10, 10, 10);
        for n in 0..10_000u32 {
            drop(keeper.enter(IpAddr::V4(n.into()), u64::from(n) * 1_000).unwrap());
        }
        assert!(keeper.state.lock().unwrap().by_address.len() <= SWEEP_LEAST);
    }

    #[test]
    fn a_bucket_takes_the_burst_at_once_and_the_rate_for_long() {
        let rate = Rate::new(50, 200);
        let mut bucket = Bucket::default();
        let at_once = (0..1_000).filter(|_| bucket.try_pour(rate, 10_000)).count();
        assert_eq!(at_once, 200);
        let over_ten_s = (0..10_000).filter(|at| bucket.try_pour(rate, 10_001 + at)).count();
        assert!((499..=501).contains(&over_ten_s), "{over_ten_s}");
    }
}
