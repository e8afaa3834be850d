//! Lock-out after failed sign-ins, per account and per address, with a time that grows; and a plain rate
//! limit. Both forget what is old and hold a bounded number of keys.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use domain::time::UnixMs;

/// When a key is locked out.
#[derive(Debug, Clone, Copy)]
pub struct LockRule {
    /// Failures that are free.
    pub free: u32,
    /// The first lock-out, s; each further failure doubles it.
    pub first_s: u64,
    /// The longest lock-out, s.
    pub longest_s: u64,
    /// Failures are forgotten after this long without another one, s.
    pub forget_s: u64,
}

/// Failures by key. The keys of accounts are logins as they were typed, whether the account exists or not, so
/// that the answer tells nobody which logins exist.
#[derive(Debug)]
pub struct LockOut {
    rule: LockRule,
    bound: usize,
    failures: Mutex<HashMap<String, Failures>>,
}

#[derive(Debug, Clone, Copy)]
struct Failures {
    count: u32,
    last_at: UnixMs,
    until: UnixMs,
}

fn ms(seconds: u64) -> i64 {
    i64::try_from(seconds.saturating_mul(1000)).unwrap_or(i64::MAX)
}

impl LockOut {
    /// Remembers at most `bound` keys; the oldest are forgotten first.
    #[must_use]
    pub fn new(rule: LockRule, bound: usize) -> Self {
        Self { rule, bound, failures: Mutex::new(HashMap::new()) }
    }

    /// How long `key` must still wait, s; `None` when it may try.
    #[must_use]
    pub fn wait_s(&self, key: &str, now: UnixMs) -> Option<u64> {
        let failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        let left_ms = failures.get(key)?.until.since_ms(now);
        u64::try_from(left_ms).ok().filter(|left| *left > 0).map(|left| left.div_ceil(1000))
    }

    /// Counts a failure; returns how long the key must wait now, s.
    pub fn failed(&self, key: &str, now: UnixMs) -> Option<u64> {
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        let forget_ms = ms(self.rule.forget_s);
        if failures.len() >= self.bound && !failures.contains_key(key) {
            failures.retain(|_, f| now.since_ms(f.last_at) < forget_ms);
            if failures.len() >= self.bound {
                let oldest = failures.iter().min_by_key(|(_, f)| f.last_at).map(|(key, _)| key.clone());
                if let Some(oldest) = oldest {
                    failures.remove(&oldest);
                }
            }
        }
        let fresh = Failures { count: 0, last_at: now, until: now };
        let entry = failures.entry(key.to_owned()).or_insert(fresh);
        if now.since_ms(entry.last_at) >= forget_ms.max(entry.until.since_ms(entry.last_at)) {
            *entry = fresh;
        }
        entry.count = entry.count.saturating_add(1);
        entry.last_at = now;
        if entry.count <= self.rule.free {
            return None;
        }
        let doublings = (entry.count - self.rule.free - 1).min(32);
        let wait_s = self.rule.first_s.saturating_mul(1 << doublings).min(self.rule.longest_s);
        entry.until = now.plus_ms(ms(wait_s));
        Some(wait_s)
    }

    /// Forgets `key`: it signed in, or an administrator unlocked it.
    pub fn forget(&self, key: &str) {
        self.failures.lock().unwrap_or_else(PoisonError::into_inner).remove(key);
    }

    /// Until when `key` is locked out, if it is.
    #[must_use]
    pub fn until(&self, key: &str, now: UnixMs) -> Option<UnixMs> {
        let failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        failures.get(key).map(|f| f.until).filter(|until| *until > now)
    }
}

/// At most so many tries per key in a window that slides in steps.
#[derive(Debug)]
pub struct RateLimit {
    per_window: u32,
    window_s: u64,
    bound: usize,
    tries: Mutex<HashMap<String, (UnixMs, u32)>>,
}

impl RateLimit {
    /// `per_window` tries in `window_s` seconds, for at most `bound` keys at a time.
    #[must_use]
    pub fn new(per_window: u32, window_s: u64, bound: usize) -> Self {
        Self { per_window, window_s, bound, tries: Mutex::new(HashMap::new()) }
    }

    /// Counts a try; when it is one too many, returns how long to wait, s.
    pub fn one_more(&self, key: &str, now: UnixMs) -> Option<u64> {
        let mut tries = self.tries.lock().unwrap_or_else(PoisonError::into_inner);
        let window_ms = ms(self.window_s);
        if tries.len() >= self.bound && !tries.contains_key(key) {
            tries.retain(|_, (since, _)| now.since_ms(*since) < window_ms);
            if tries.len() >= self.bound {
                // More addresses at once than are remembered: nobody is let through unseen.
                return Some(self.window_s);
            }
        }
        let entry = tries.entry(key.to_owned()).or_insert((now, 0));
        if now.since_ms(entry.0) >= window_ms {
            *entry = (now, 0);
        }
        entry.1 = entry.1.saturating_add(1);
        if entry.1 <= self.per_window {
            return None;
        }
        u64::try_from(window_ms - now.since_ms(entry.0)).ok().map(|left| left.div_ceil(1000).max(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULE: LockRule = LockRule { free: 2, first_s: 30, longest_s: 3600, forget_s: 900 };

    #[test]
    fn the_wait_grows_and_ends() {
        let lock = LockOut::new(RULE, 10);
        let mut now = UnixMs(1_000_000);
        assert_eq!(lock.failed("a", now), None);
        assert_eq!(lock.failed("a", now), None);
        assert_eq!(lock.wait_s("a", now), None);
        assert_eq!(lock.failed("a", now), Some(30));
        assert_eq!(lock.wait_s("a", now), Some(30));
        assert_eq!(lock.wait_s("b", now), None);
        now = now.plus_ms(30_000);
        assert_eq!(lock.wait_s("a", now), None);
        assert_eq!(lock.failed("a", now), Some(60));
        for _ in 0..40 {
            assert!(lock.failed("a", now).unwrap() <= 3600);
        }
        assert_eq!(lock.failed("a", now), Some(3600));
        lock.forget("a");
        assert_eq!(lock.failed("a", now), None);
    }

    #[test]
    fn old_failures_are_forgotten_and_keys_are_bounded() {
        let lock = LockOut::new(RULE, 3);
        let now = UnixMs(1_000_000);
        for _ in 0..3 {
            lock.failed("a", now);
        }
        assert_eq!(lock.failed("a", now.plus_ms(900_000)), None);
        for key in ["b", "c", "d", "e"] {
            lock.failed(key, now.plus_ms(900_001));
        }
        assert!(lock.failures.lock().unwrap().len() <= 3);
    }

    #[test]
    fn a_rate_is_limited_per_key() {
        let rate = RateLimit::new(2, 10, 10);
        let now = UnixMs(5_000);
        assert_eq!(rate.one_more("a", now), None);
        assert_eq!(rate.one_more("a", now), None);
        assert_eq!(rate.one_more("a", now.plus_ms(4_000)), Some(6));
        assert_eq!(rate.one_more("b", now), None);
        assert_eq!(rate.one_more("a", now.plus_ms(10_000)), None);
    }
}
