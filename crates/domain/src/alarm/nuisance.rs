//! Alarms that wear people out, found from when they came and went: chattering, fleeting, stale (ISA-18.2 clause 16), each
//! with the delay that would have kept it quiet.

use serde::{Deserialize, Serialize};

use crate::hazard::Class;
use crate::time::UnixMs;

/// This often within [`CHATTER_WITHIN_MS`] is chattering (ISA-18.2: three or more times in a minute).
pub const CHATTER_TIMES: usize = 3;
/// See [`CHATTER_TIMES`], ms.
pub const CHATTER_WITHIN_MS: i64 = 60_000;
/// An occurrence shorter than this gave nobody the time to act, ms.
pub const FLEETING_MS: i64 = 60_000;
/// An alarm that stands for longer is stale (24 h), ms.
pub const STALE_MS: i64 = 24 * 3_600_000;
/// Fewer short occurrences are no pattern.
const FLEETING_TIMES: usize = 3;

/// On-delays that may be proposed for a hazard, ms: it must be told within 30 s of its beginning (GB 14287.1-2014).
const HAZARD_ON_DELAYS_MS: [i64; 4] = [5_000, 10_000, 20_000, 30_000];
/// The same for a fault, which must show within 100 s.
const FAULT_ON_DELAYS_MS: [i64; 4] = [20_000, 30_000, 60_000, 90_000];
/// Off-delays that may be proposed, ms: an alarm that stands for longer harms nobody.
const OFF_DELAYS_MS: [i64; 6] = [30_000, 60_000, 120_000, 300_000, 600_000, 1_800_000];
/// A cure must have removed at least this share, %.
const WORTH_PERCENT: usize = 50;
/// The first cure that removes this share is taken, %.
const ENOUGH_PERCENT: usize = 80;

/// One time that a hazard came, and went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Occurrence {
    /// When it was told.
    pub raised_at: UnixMs,
    /// When it was gone; `None` while it is there.
    pub returned_at: Option<UnixMs>,
}

/// The delays in force, ms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DelaysInForce {
    /// How long a value must be beyond its limit.
    pub on_ms: i64,
    /// How long it must be back.
    pub off_ms: i64,
}

/// In which way an alarm wears people out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pattern {
    /// Comes and goes several times in a minute 抖动.
    Chattering,
    /// Is gone before anybody can act 瞬现.
    Fleeting,
    /// Stands for more than a day 滞留.
    Stale,
}

impl Pattern {
    /// The stable name used in the API.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Chattering => "chattering",
            Self::Fleeting => "fleeting",
            Self::Stale => "stale",
        }
    }
}

/// Which delay is to be longer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Delay {
    /// Before it counts as there.
    On,
    /// Before it counts as gone.
    Off,
}

/// A delay that would have kept it quieter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cure {
    /// Which delay.
    pub delay: Delay,
    /// What it is now, ms.
    pub from_ms: i64,
    /// What it would be, ms.
    pub to_ms: i64,
    /// Occurrences that would not have been told.
    pub removes: usize,
}

/// What was found about one hazard of one channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Nuisance {
    /// In which way.
    pub pattern: Pattern,
    /// How often it was told.
    pub times: usize,
    /// The most within a minute.
    pub most_in_a_minute: usize,
    /// How long an occurrence lasted at the median, ms; `None` when none is over.
    pub median_ms: Option<i64>,
    /// Since when it stands, if it does.
    pub standing_since: Option<UnixMs>,
    /// What would have helped.
    pub cure: Option<Cure>,
}

/// Looks at what one hazard of one channel did, oldest first, until `now`.
#[must_use]
pub fn find(
    occurrences: &[Occurrence],
    delays: DelaysInForce,
    class: Class,
    now: UnixMs,
) -> Option<Nuisance> {
    let lengths = {
        let mut lengths: Vec<i64> =
            occurrences.iter().filter_map(|o| Some(o.returned_at?.since_ms(o.raised_at))).collect();
        lengths.sort_unstable();
        lengths
    };
    let most = most_within(occurrences, CHATTER_WITHIN_MS);
    let short = lengths.iter().filter(|ms| **ms < FLEETING_MS).count();
    let standing_since = occurrences.last().filter(|o| o.returned_at.is_none()).map(|o| o.raised_at);
    let pattern = if most >= CHATTER_TIMES {
        Pattern::Chattering
    } else if short >= FLEETING_TIMES && short * 2 >= occurrences.len() {
        Pattern::Fleeting
    } else if standing_since.is_some_and(|since| now.since_ms(since) > STALE_MS) {
        Pattern::Stale
    } else {
        return None;
    };
    let cure = match pattern {
        Pattern::Chattering | Pattern::Fleeting => cure(occurrences, delays, class),
        Pattern::Stale => None,
    };
    Some(Nuisance {
        pattern,
        times: occurrences.len(),
        most_in_a_minute: most,
        median_ms: lengths.get(lengths.len() / 2).copied(),
        standing_since,
        cure,
    })
}

/// The most beginnings within `within_ms`.
fn most_within(occurrences: &[Occurrence], within_ms: i64) -> usize {
    let mut first = 0;
    let mut most = 0;
    for (index, occurrence) in occurrences.iter().enumerate() {
        while occurrences.get(first).is_some_and(|o| occurrence.raised_at.since_ms(o.raised_at) >= within_ms)
        {
            first += 1;
        }
        most = most.max(index + 1 - first);
    }
    most
}

/// The shortest longer delay that removes enough. The off-delay goes first: it keeps nothing back from anybody.
fn cure(occurrences: &[Occurrence], delays: DelaysInForce, class: Class) -> Option<Cure> {
    let of = occurrences.len();
    let on_delays = match class {
        Class::Hazard => HAZARD_ON_DELAYS_MS,
        Class::Fault => FAULT_ON_DELAYS_MS,
    };
    let offs = OFF_DELAYS_MS.into_iter().filter(|to_ms| *to_ms > delays.off_ms).map(|to_ms| Cure {
        delay: Delay::Off,
        from_ms: delays.off_ms,
        to_ms,
        removes: merged(occurrences, delays, to_ms),
    });
    let ons = on_delays.into_iter().filter(|to_ms| *to_ms > delays.on_ms).map(|to_ms| Cure {
        delay: Delay::On,
        from_ms: delays.on_ms,
        to_ms,
        removes: outlasted(occurrences, delays, to_ms),
    });
    let tried: Vec<Cure> = offs.chain(ons).collect();
    let reaches = |percent: usize| move |cure: &&Cure| cure.removes * 100 >= of * percent && cure.removes > 0;
    let enough = tried.iter().find(reaches(ENOUGH_PERCENT));
    enough.or_else(|| tried.iter().filter(reaches(WORTH_PERCENT)).max_by_key(|cure| cure.removes)).copied()
}

/// How many occurrences would have been over before an on-delay of `on_ms` was: the value was beyond its limit from one
/// on-delay before it was told until one off-delay before it was gone.
fn outlasted(occurrences: &[Occurrence], delays: DelaysInForce, on_ms: i64) -> usize {
    let beyond_ms =
        |o: &Occurrence| Some(o.returned_at?.since_ms(o.raised_at) - delays.off_ms + delays.on_ms);
    occurrences.iter().filter_map(beyond_ms).filter(|ms| *ms < on_ms).count()
}

/// How many would have been one with the one before, had it stood for `off_ms` after its value came back.
fn merged(occurrences: &[Occurrence], delays: DelaysInForce, off_ms: i64) -> usize {
    let gaps = occurrences.iter().zip(occurrences.iter().skip(1)).filter_map(|(one, next)| {
        let back = one.returned_at?.plus_ms(-delays.off_ms);
        Some(next.raised_at.plus_ms(-delays.on_ms).since_ms(back))
    });
    gaps.filter(|ms| *ms < off_ms).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn times(pairs: &[(i64, i64)]) -> Vec<Occurrence> {
        pairs
            .iter()
            .map(|(from, to)| Occurrence {
                raised_at: UnixMs(from * 1000),
                returned_at: (*to > 0).then_some(UnixMs(to * 1000)),
            })
            .collect()
    }

    const DELAYS: DelaysInForce = DelaysInForce { on_ms: 5_000, off_ms: 10_000 };

    #[test]
    fn three_times_in_a_minute_is_chattering_and_an_off_delay_cures_it() {
        let chatter: Vec<(i64, i64)> = (0..20).map(|n| (n * 25, n * 25 + 12)).collect();
        let found = find(&times(&chatter), DELAYS, Class::Hazard, UnixMs(600_000)).unwrap();
        assert_eq!((found.pattern, found.times, found.most_in_a_minute), (Pattern::Chattering, 20, 3));
        let cure = found.cure.unwrap();
        assert_eq!((cure.delay, cure.from_ms, cure.to_ms, cure.removes), (Delay::Off, 10_000, 30_000, 19));
    }

    #[test]
    fn short_ones_far_apart_are_fleeting_and_an_on_delay_cures_them() {
        // Beyond for 2 s more than the on-delay: 7 s in all.
        let short: Vec<(i64, i64)> = (0..10).map(|n| (n * 7_200, n * 7_200 + 12)).collect();
        let found = find(&times(&short), DELAYS, Class::Hazard, UnixMs(80_000_000)).unwrap();
        assert_eq!((found.pattern, found.median_ms), (Pattern::Fleeting, Some(12_000)));
        assert_eq!(found.cure, Some(Cure { delay: Delay::On, from_ms: 5_000, to_ms: 10_000, removes: 10 }));
    }

    #[test]
    fn what_stands_for_more_than_a_day_is_stale() {
        let standing = times(&[(0, 0)]);
        assert_eq!(find(&standing, DELAYS, Class::Fault, UnixMs(STALE_MS)), None);
        let found = find(&standing, DELAYS, Class::Fault, UnixMs(STALE_MS + 1)).unwrap();
        assert_eq!(
            (found.pattern, found.standing_since, found.cure),
            (Pattern::Stale, Some(UnixMs(0)), None)
        );
    }

    #[test]
    fn a_proper_alarm_is_no_nuisance() {
        let proper = times(&[(0, 900), (86_400, 90_000)]);
        assert_eq!(find(&proper, DELAYS, Class::Hazard, UnixMs(90_000_000)), None);
        assert_eq!(find(&[], DELAYS, Class::Hazard, UnixMs(0)), None);
    }
}
