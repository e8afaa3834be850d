//! Smooth randomness that depends on a seed and the time only, so that the same seed gives the same city
//! however often and whenever it is asked.

/// A source of smooth noise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Noise {
    seed: u64,
}

impl Noise {
    /// The noise of `seed`.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self { seed }
    }

    /// A number from -1 to 1 that moves to a new one each `period_ms`, along a smooth curve. Each `channel` moves
    /// by itself.
    #[must_use]
    pub fn smooth(&self, channel: u64, at_ms: i64, period_ms: i64) -> f64 {
        let period_ms = period_ms.max(1);
        let cell = at_ms.div_euclid(period_ms);
        let share = at_ms.rem_euclid(period_ms) as f64 / period_ms as f64;
        let (from, to) = (self.corner(channel, cell), self.corner(channel, cell + 1));
        let bend = share * share * (3.0 - 2.0 * share);
        from + (to - from) * bend
    }

    /// A number from 0 to 1 that belongs to `channel` for good.
    #[must_use]
    pub fn fixed(&self, channel: u64) -> f64 {
        (self.corner(channel, 0) + 1.0) / 2.0
    }

    fn corner(&self, channel: u64, cell: i64) -> f64 {
        let mixed = mix(self.seed ^ mix(channel ^ mix(cell.cast_unsigned())));
        // 53 bits make every step of an f64 between 0 and 1.
        (mixed >> 11) as f64 / (1u64 << 52) as f64 - 1.0
    }
}

/// The finaliser of SplitMix64 (Steele, Lea, Flood 2014): every bit of the input moves every bit of the output.
const fn mix(value: u64) -> u64 {
    let value = value.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let value = (value ^ (value >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    value ^ (value >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn noise_is_bounded_smooth_and_repeats_by_seed() {
        let noise = Noise::new(7);
        let mut last = noise.smooth(1, 0, 10_000);
        let mut moved = 0.0f64;
        for at_ms in (0..1_000_000).step_by(100) {
            let value = noise.smooth(1, at_ms, 10_000);
            assert!((-1.0..=1.0).contains(&value));
            assert!((value - last).abs() < 0.05, "a step of 1 % of the period moved {last} to {value}");
            moved += (value - last).abs();
            last = value;
            assert_eq!(value, Noise::new(7).smooth(1, at_ms, 10_000));
        }
        assert!(moved > 10.0, "it moves");
        assert_ne!(noise.smooth(1, 5_000, 10_000), noise.smooth(2, 5_000, 10_000));
        assert_ne!(noise.smooth(1, 5_000, 10_000), Noise::new(8).smooth(1, 5_000, 10_000));
    }
}
