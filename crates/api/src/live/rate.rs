//! How fast a counter rises, over the last seconds.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use domain::time::UnixMs;

/// How far back the rate looks, in samples.
const SAMPLES: usize = 11;

/// The newest samples of one counter.
#[derive(Debug, Default)]
pub struct Rate(Mutex<VecDeque<(UnixMs, u64)>>);

impl Rate {
    /// Takes a sample; meant to be called once a second.
    pub fn sample(&self, now: UnixMs, count: u64) {
        let mut samples = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if samples.len() >= SAMPLES {
            samples.pop_front();
        }
        samples.push_back((now, count));
    }

    /// The mean rise per second between the oldest and the newest sample.
    #[must_use]
    pub fn per_s(&self) -> f64 {
        let samples = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (Some(first), Some(last)) = (samples.front(), samples.back()) else { return 0.0 };
        let span_ms = u32::try_from(last.0.since_ms(first.0)).unwrap_or(0);
        let risen = u32::try_from(last.1.saturating_sub(first.1)).unwrap_or(u32::MAX);
        if span_ms == 0 { 0.0 } else { f64::from(risen) * 1000.0 / f64::from(span_ms) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_the_mean_of_the_last_seconds() {
        let rate = Rate::default();
        assert!(rate.per_s().abs() < f64::EPSILON);
        for second in 0..30_u32 {
            rate.sample(UnixMs(i64::from(second) * 1000), u64::from(second) * 50);
        }
        assert!((rate.per_s() - 50.0).abs() < 1e-9);
    }
}
