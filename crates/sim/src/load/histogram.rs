//! Times in buckets: exact enough for quantiles, small, and shared without a lock.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde::Serialize;

/// Steps within each doubling: a bucket is at most 1/32 wide.
const STEPS: u64 = 32;
/// Up to 2^32 µs, more than an hour.
const BUCKETS: usize = 32 * 28;

/// Durations in µs, in buckets that grow with them.
#[derive(Debug)]
pub struct Histogram {
    buckets: Vec<AtomicU64>,
    max_us: AtomicU64,
}

/// Quantiles of a histogram; all 0 when it is empty.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
pub struct Quantiles {
    /// How many durations.
    pub count: u64,
    /// Half are at most this, ms.
    pub p50_ms: f64,
    /// 90 %.
    pub p90_ms: f64,
    /// 99 %.
    pub p99_ms: f64,
    /// 99.9 %.
    pub p999_ms: f64,
    /// The longest, ms.
    pub max_ms: f64,
}

impl Default for Histogram {
    fn default() -> Self {
        Self::new()
    }
}

impl Histogram {
    /// Nothing measured.
    #[must_use]
    pub fn new() -> Self {
        Self { buckets: (0..BUCKETS).map(|_| AtomicU64::new(0)).collect(), max_us: AtomicU64::new(0) }
    }

    /// Counts `duration`.
    pub fn add(&self, duration: Duration) {
        let us = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        self.max_us.fetch_max(us, Ordering::Relaxed);
        if let Some(bucket) = self.buckets.get(bucket(us)).or(self.buckets.last()) {
            bucket.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Forgets everything.
    pub fn clear(&self) {
        self.max_us.store(0, Ordering::Relaxed);
        for bucket in &self.buckets {
            bucket.store(0, Ordering::Relaxed);
        }
    }

    /// The quantiles of what was counted, to the upper edge of their bucket.
    #[must_use]
    pub fn quantiles(&self) -> Quantiles {
        let counts: Vec<u64> = self.buckets.iter().map(|bucket| bucket.load(Ordering::Relaxed)).collect();
        let count: u64 = counts.iter().sum();
        let max_ms = self.max_us.load(Ordering::Relaxed) as f64 / 1000.0;
        let at = |share: f64| {
            let wanted = share * count as f64;
            let mut seen = 0;
            for (bucket, in_bucket) in (0u64..).zip(&counts) {
                seen += in_bucket;
                if *in_bucket > 0 && seen as f64 >= wanted {
                    return (upper_us(bucket) as f64 / 1000.0).min(max_ms);
                }
            }
            max_ms
        };
        Quantiles { count, p50_ms: at(0.5), p90_ms: at(0.9), p99_ms: at(0.99), p999_ms: at(0.999), max_ms }
    }
}

/// Below `STEPS` one bucket each; above, `STEPS` buckets for each doubling.
fn bucket(us: u64) -> usize {
    let doublings = u64::from(us.max(1).ilog2()).saturating_sub(u64::from(STEPS.ilog2()));
    let bucket = if us < STEPS { us } else { doublings * STEPS + (us >> doublings) };
    usize::try_from(bucket).unwrap_or(usize::MAX)
}

/// The greatest duration that [`bucket`] puts into `index`.
fn upper_us(index: u64) -> u64 {
    if index < STEPS {
        return index;
    }
    let doublings = (index / STEPS).saturating_sub(1);
    let step = index - doublings * STEPS;
    ((step + 1) << doublings) - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_duration_lies_in_a_bucket_at_most_a_thirty_second_wide() {
        let mut last = 0;
        for us in (0..200_000u64).chain([1_000_000, 59_999_999, 3_600_000_000]) {
            let bucket = bucket(us);
            assert!(bucket >= last && bucket < BUCKETS, "{us} in {bucket} after {last}");
            last = bucket;
            let upper = upper_us(u64::try_from(bucket).unwrap());
            assert!(upper >= us && upper - us <= us / 32, "{us} in a bucket up to {upper}");
        }
    }

    #[test]
    fn quantiles_of_a_thousand_even_steps() {
        let histogram = Histogram::new();
        assert_eq!(histogram.quantiles(), Quantiles::default());
        for ms in 1..=1000 {
            histogram.add(Duration::from_millis(ms));
        }
        let quantiles = histogram.quantiles();
        assert_eq!(quantiles.count, 1000);
        assert!((quantiles.p50_ms - 500.0).abs() < 20.0, "{quantiles:?}");
        assert!((quantiles.p99_ms - 990.0).abs() < 35.0, "{quantiles:?}");
        assert_eq!(quantiles.max_ms, 1000.0);
        histogram.clear();
        assert_eq!(histogram.quantiles().count, 0);
    }
}
