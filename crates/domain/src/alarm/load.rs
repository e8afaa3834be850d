//! What alarms ask of the people at the desk: rates, floods, and the published figures to hold them against (EEMUA 191,
//! ISA-18.2 clause 16).

use serde::{Deserialize, Serialize};

use crate::time::UnixMs;

/// One minute, ms.
pub const MINUTE_MS: i64 = 60_000;
/// Alarms in ten minutes above which a flood begins, per operator.
pub const FLOOD_ABOVE: f64 = 10.0;
/// Alarms in ten minutes below which it ends, per operator.
pub const FLOOD_ENDS_BELOW: f64 = 5.0;
/// Alarms in an hour above which the hour is overloaded, per operator.
pub const HOUR_ABOVE: f64 = 30.0;
const TEN: usize = 10;
const HOUR: usize = 60;
const DAY: usize = 1440;

/// The figures that operators are held to, per operator.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Targets {
    /// Alarms per day: very likely acceptable.
    pub per_day: f64,
    /// Alarms per hour on average.
    pub per_hour: f64,
    /// Alarms per ten minutes on average.
    pub per_ten_minutes: f64,
    /// The share of hours with more than 30 alarms, %.
    pub overloaded_hours_percent: f64,
    /// The share of ten-minute spans with more than 10 alarms, %.
    pub overloaded_spans_percent: f64,
    /// The share of time in flood, %.
    pub flood_percent: f64,
    /// The share of the ten most frequent alarms, %.
    pub top_ten_percent: f64,
    /// Alarms that stand for more than a day.
    pub stale: f64,
    /// Chattering and fleeting alarms.
    pub chattering: f64,
    /// Shares of the priorities low, medium and high, %.
    pub low_percent: f64,
    /// See `low_percent`.
    pub medium_percent: f64,
    /// See `low_percent`.
    pub high_percent: f64,
}

/// EEMUA 191 and ISA-18.2 as published.
pub const TARGETS: Targets = Targets {
    per_day: 150.0,
    per_hour: 6.0,
    per_ten_minutes: 1.0,
    overloaded_hours_percent: 1.0,
    overloaded_spans_percent: 1.0,
    flood_percent: 1.0,
    top_ten_percent: 5.0,
    stale: 5.0,
    chattering: 0.0,
    low_percent: 80.0,
    medium_percent: 15.0,
    high_percent: 5.0,
};

/// A time in which alarms came faster than anybody can read them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Flood {
    /// Its first minute.
    pub from: UnixMs,
    /// The end of its last minute; where the period ends when it goes on.
    pub to: UnixMs,
    /// Alarms in it.
    pub alarms: u64,
}

/// What one operator had to bear in a period.
#[derive(Debug, Clone, PartialEq)]
pub struct Load {
    /// Alarms in all, of every operator.
    pub alarms: u64,
    /// Per operator and day on average.
    pub per_day: f64,
    /// Per operator and hour on average.
    pub per_hour: f64,
    /// Per operator and ten minutes on average.
    pub per_ten_minutes: f64,
    /// The worst day, per operator.
    pub most_in_a_day: f64,
    /// The worst hour, per operator.
    pub most_in_an_hour: f64,
    /// The worst ten minutes, per operator.
    pub most_in_ten_minutes: f64,
    /// The share of hours above [`HOUR_ABOVE`], %.
    pub overloaded_hours_percent: f64,
    /// The share of ten-minute spans above [`FLOOD_ABOVE`], %.
    pub overloaded_spans_percent: f64,
    /// The floods, oldest first.
    pub floods: Vec<Flood>,
    /// The share of time in flood, %.
    pub flood_percent: f64,
    /// Alarms by day from the beginning of the period.
    pub by_day: Vec<u64>,
    /// Alarms by hour from the beginning of the period.
    pub by_hour: Vec<u64>,
}

/// What `operators` who share the work had to bear; `minutes` are the alarms of each minute from `from` on.
#[must_use]
pub fn load(from: UnixMs, minutes: &[u32], operators: u32) -> Load {
    let operators = f64::from(operators.max(1));
    let alarms: u64 = minutes.iter().map(|n| u64::from(*n)).sum();
    let spans = sums(minutes, TEN);
    let by_hour = sums(minutes, HOUR);
    let by_day = sums(minutes, DAY);
    let (floods, flood_minutes) = floods(from, minutes, operators);
    let per = |length: usize| ratio(real(alarms) / operators * count(length), count(minutes.len()));
    let most = |sums: &[u64]| real(sums.iter().copied().max().unwrap_or(0)) / operators;
    let above = |sums: &[u64], limit: f64| {
        let many = sums.iter().filter(|n| real(**n) / operators > limit).count();
        ratio(100.0 * count(many), count(sums.len()))
    };
    Load {
        alarms,
        per_day: per(DAY),
        per_hour: per(HOUR),
        per_ten_minutes: per(TEN),
        most_in_a_day: most(&by_day),
        most_in_an_hour: most(&by_hour),
        most_in_ten_minutes: most(&spans),
        overloaded_hours_percent: above(&by_hour, HOUR_ABOVE),
        overloaded_spans_percent: above(&spans, FLOOD_ABOVE),
        flood_percent: ratio(100.0 * count(flood_minutes), count(minutes.len())),
        floods,
        by_day,
        by_hour,
    }
}

fn sums(minutes: &[u32], length: usize) -> Vec<u64> {
    minutes.chunks(length).map(|chunk| chunk.iter().map(|n| u64::from(*n)).sum()).collect()
}

/// Floods, by a window of ten minutes that moves by one; and how many minutes they took.
fn floods(from: UnixMs, minutes: &[u32], operators: f64) -> (Vec<Flood>, usize) {
    let at =
        |minute: usize| from.plus_ms(i64::try_from(minute).unwrap_or(i64::MAX).saturating_mul(MINUTE_MS));
    let mut found = Vec::new();
    let mut taken = 0;
    let mut in_window: u64 = 0;
    // First minute of the flood that is under way, alarms in it.
    let mut open: Option<(usize, u64)> = None;
    for (index, alarms) in minutes.iter().enumerate() {
        let alarms = u64::from(*alarms);
        in_window += alarms;
        if let Some(gone) = index.checked_sub(TEN).and_then(|gone| minutes.get(gone)) {
            in_window -= u64::from(*gone);
        }
        let rate = real(in_window) / operators;
        open = match open {
            None if rate > FLOOD_ABOVE => {
                let first = (index.saturating_sub(TEN - 1)..=index)
                    .find(|minute| minutes.get(*minute).is_some_and(|n| *n > 0));
                Some((first.unwrap_or(index), in_window))
            }
            None => None,
            Some((first, so_far)) if rate < FLOOD_ENDS_BELOW => {
                found.push(Flood { from: at(first), to: at(index), alarms: so_far });
                taken += index - first;
                None
            }
            Some((first, so_far)) => Some((first, so_far + alarms)),
        };
    }
    if let Some((first, so_far)) = open {
        found.push(Flood { from: at(first), to: at(minutes.len()), alarms: so_far });
        taken += minutes.len() - first;
    }
    (found, taken)
}

/// The value below which `percent` of what a histogram counts lies: `(value, how many)` in rising order of values.
#[must_use]
pub fn percentile(histogram: &[(i64, u64)], percent: u64) -> Option<i64> {
    let all: u64 = histogram.iter().map(|(_, many)| many).sum();
    let mut below = 0;
    histogram.iter().find_map(|(value, many)| {
        below += many;
        (below * 100 >= all * percent && all > 0).then_some(*value)
    })
}

fn ratio(part: f64, whole: f64) -> f64 {
    if whole > 0.0 { part / whole } else { 0.0 }
}

#[expect(clippy::cast_precision_loss, reason = "counts of alarms and minutes have far less than 53 bits")]
const fn real(count: u64) -> f64 {
    count as f64
}

#[expect(clippy::cast_precision_loss, reason = "counts of alarms and minutes have far less than 53 bits")]
const fn count(many: usize) -> f64 {
    many as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_per_operator_and_floods_have_a_beginning_an_end_and_a_size() {
        let mut minutes = vec![0; 2 * DAY];
        for minute in minutes.iter_mut().skip(100).take(4) {
            *minute = 5;
        }
        let one = load(UnixMs(0), &minutes, 1);
        assert_eq!((one.alarms, one.by_day.as_slice()), (20, [20, 0].as_slice()));
        assert!((one.per_day - 10.0).abs() < 1e-9 && (one.most_in_ten_minutes - 20.0).abs() < 1e-9);
        // The third minute makes 15 in ten; below five again when the last of them is ten minutes old.
        assert_eq!(
            one.floods,
            [Flood { from: UnixMs(100 * MINUTE_MS), to: UnixMs(113 * MINUTE_MS), alarms: 20 }]
        );
        let shared = load(UnixMs(0), &minutes, 2);
        assert_eq!((shared.floods.len(), shared.most_in_an_hour), (0, 10.0));
    }

    #[test]
    fn a_flood_that_goes_on_ends_with_the_period() {
        let flooded = load(UnixMs(0), &[20; 15], 1);
        assert_eq!(flooded.floods, [Flood { from: UnixMs(0), to: UnixMs(15 * MINUTE_MS), alarms: 300 }]);
        assert!((flooded.flood_percent - 100.0).abs() < 1e-9);
        assert_eq!(load(UnixMs(0), &[], 1).per_hour, 0.0);
    }

    #[test]
    fn percentiles_are_read_off_a_histogram() {
        let minutes = [(0, 50), (5, 40), (90, 10)];
        assert_eq!([50, 90, 100].map(|percent| percentile(&minutes, percent)), [Some(0), Some(5), Some(90)]);
        assert_eq!(percentile(&[], 50), None);
    }
}
