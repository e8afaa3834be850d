//! A bucket: what is kept of the values within one width of time. Merging is associative and commutative,
//! so that the order of arrival does not matter.

/// What is kept of the values of one channel within one width; raw integers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Bucket {
    pub(crate) min: i64,
    pub(crate) max: i64,
    pub(crate) sum: i64,
    pub(crate) count: i64,
    pub(crate) last: i64,
    /// When the last value was measured, ms.
    pub(crate) last_at: i64,
    /// For how long the values stand, ms.
    pub(crate) held_ms: i64,
    /// For how long of that they were over the limit in force then, ms.
    pub(crate) over_ms: i64,
}

impl Bucket {
    pub(crate) const fn of(raw: i64, at: i64) -> Self {
        Self { min: raw, max: raw, sum: raw, count: 1, last: raw, last_at: at, held_ms: 0, over_ms: 0 }
    }

    pub(crate) fn merge(&mut self, other: &Self) {
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
        self.sum = self.sum.saturating_add(other.sum);
        self.count = self.count.saturating_add(other.count);
        self.held_ms = self.held_ms.saturating_add(other.held_ms);
        self.over_ms = self.over_ms.saturating_add(other.over_ms);
        // Of two values of one moment the greater one, whichever came first.
        (self.last_at, self.last) = (self.last_at, self.last).max((other.last_at, other.last));
    }
}

/// The begin of the bucket of `width_ms` that holds `at`.
pub(crate) const fn floor(at: i64, width_ms: i64) -> i64 {
    at.div_euclid(width_ms) * width_ms
}

/// The end of the bucket of `width_ms` that ends at or after `at`.
pub(crate) const fn ceil(at: i64, width_ms: i64) -> i64 {
    let low = floor(at, width_ms);
    if low == at { at } else { low + width_ms }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_two_values_of_one_moment_the_order_of_arrival_makes_no_difference() {
        let (low, high) = (Bucket::of(287, 5), Bucket::of(1_282, 5));
        let merged = |first: Bucket, then: &Bucket| {
            let mut all = first;
            all.merge(then);
            all
        };
        assert_eq!(merged(low, &high), merged(high, &low));
        assert_eq!(merged(low, &Bucket::of(1, 6)).last, 1);
    }
}
