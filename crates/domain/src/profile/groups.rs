//! Which registers are read together.

use super::model::Space;

/// The most registers that one Modbus read may ask for (application protocol V1.1b3, 6.3 and 6.4).
pub const MAX_REGISTERS: u16 = 125;
/// The most coils or discrete inputs that one Modbus read may ask for (6.1 and 6.2).
pub const MAX_BITS: u16 = 2000;

/// Registers in a row.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span {
    /// In which address space.
    pub space: Space,
    /// The first.
    pub start: u16,
    /// How many.
    pub count: u16,
}

impl Span {
    fn end(&self) -> u32 {
        u32::from(self.start) + u32::from(self.count)
    }

    fn max_count(&self) -> u32 {
        u32::from(if self.space.is_bits() { MAX_BITS } else { MAX_REGISTERS })
    }
}

/// Merges `wanted` into as few reads as the protocol's limit allows. Reads are joined where they touch, overlap,
/// or lie at most `gap` registers apart; no read is longer than one request may ask for.
#[must_use]
pub fn merge_groups(mut wanted: Vec<Span>, gap: u16) -> Vec<Span> {
    wanted.sort();
    let mut merged: Vec<Span> = Vec::new();
    for next in wanted {
        if let Some(last) = merged.last_mut()
            && last.space == next.space
            && u32::from(next.start) <= last.end() + u32::from(gap)
        {
            let count = last.end().max(next.end()) - u32::from(last.start);
            if count <= last.max_count()
                && let Ok(count) = u16::try_from(count)
            {
                last.count = count;
                continue;
            }
        }
        merged.push(next);
    }
    merged
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn span(function: u8, start: u16, count: u16) -> Span {
        Span { space: Space { function, segment: None }, start, count }
    }

    #[test]
    fn neighbours_become_one_read_and_others_stay_apart() {
        let merged = merge_groups(vec![span(3, 10, 2), span(3, 0, 4), span(3, 4, 1), span(4, 5, 1)], 0);
        assert_eq!(merged, [span(3, 0, 5), span(3, 10, 2), span(4, 5, 1)]);
    }

    #[test]
    fn a_gap_may_be_read_for_nothing_where_that_is_allowed() {
        assert_eq!(merge_groups(vec![span(3, 0, 1), span(3, 4, 1)], 3), [span(3, 0, 5)]);
        assert_eq!(merge_groups(vec![span(3, 0, 1), span(3, 5, 1)], 3).len(), 2);
    }

    #[test]
    fn no_read_is_longer_than_125_registers() {
        let merged = merge_groups((0..130).map(|at| span(3, at, 1)).collect(), 0);
        assert_eq!(merged, [span(3, 0, 125), span(3, 125, 5)]);
    }

    #[test]
    fn the_last_register_does_not_overflow() {
        assert_eq!(
            merge_groups(vec![span(3, u16::MAX, 1), span(3, u16::MAX - 1, 1)], 9),
            [span(3, u16::MAX - 1, 2)]
        );
    }

    proptest! {
        #[test]
        fn everything_wanted_lies_whole_in_some_read(
            wanted in prop::collection::vec((3u8..=4, 0u16..400, 1u16..=2), 0..80),
            gap in 0u16..10,
        ) {
            let wanted: Vec<_> = wanted.into_iter().map(|(f, s, c)| span(f, s, c)).collect();
            let merged = merge_groups(wanted.clone(), gap);
            for read in &merged {
                prop_assert!(read.count <= MAX_REGISTERS);
            }
            for one in &wanted {
                let held = merged.iter().any(|read| {
                    read.space == one.space && read.start <= one.start && one.end() <= read.end()
                });
                prop_assert!(held, "{:?} lies in no read", one);
            }
        }
    }
}
