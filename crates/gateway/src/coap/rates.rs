//! How many datagrams one address may send.

use std::collections::HashMap;
use std::net::IpAddr;

use crate::limits::{Bucket, Rate};

/// Addresses that are known before those with an empty bucket are forgotten.
const SWEEP_LEAST: usize = 4_096;

/// A bucket for each address that spoke lately.
#[derive(Debug)]
pub(super) struct Rates {
    rate: Rate,
    by_address: HashMap<IpAddr, Bucket>,
    sweep_at: usize,
}

impl Rates {
    pub(super) fn new(per_s: u32, burst: u32) -> Self {
        Self { rate: Rate::new(per_s, burst), by_address: HashMap::new(), sweep_at: SWEEP_LEAST }
    }

    /// Whether one more datagram of `address` is taken.
    pub(super) fn takes(&mut self, address: IpAddr, now_ms: u64) -> bool {
        if self.by_address.len() >= self.sweep_at {
            self.by_address.retain(|_, bucket| !bucket.is_empty(now_ms));
            self.sweep_at = (self.by_address.len() * 2).max(SWEEP_LEAST);
        }
        self.by_address.entry(address).or_default().try_pour(self.rate, now_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_from_one_address_leaves_room_for_the_others_and_memory_is_bounded() {
        let mut rates = Rates::new(10, 20);
        let here = IpAddr::from([10, 0, 0, 1]);
        let taken = (0..1_000).filter(|_| rates.takes(here, 0)).count();
        assert_eq!(taken, 20);
        assert!(rates.takes(IpAddr::from([10, 0, 0, 2]), 0));
        for n in 0..100_000_u32 {
            rates.takes(IpAddr::from(n.to_be_bytes()), u64::from(n) * 10);
        }
        assert!(rates.by_address.len() <= SWEEP_LEAST * 2);
    }
}
