//! Steps of a file: by the clock on the wall of the site, so that a day is its day, made of the history's buckets.

use domain::time::UnixMs;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use store::history::CurvePoint;
use utoipa::ToSchema;

use super::table::Number;
use super::words::offset_ms;

const QUARTER_MS: i64 = 900_000;
const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 86_400_000;

/// What makes a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = ExportStep)]
pub(super) enum Step {
    /// Every reading, as it was filed.
    #[default]
    Reading,
    /// 15 minutes.
    QuarterHour,
    /// An hour on the clock.
    Hour,
    /// A calendar day.
    Day,
}

/// One step: from here on and before there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cut {
    pub(super) from: UnixMs,
    pub(super) to: UnixMs,
}

impl Cut {
    /// The step that holds a moment. Of a reading: the day in UTC, which is how history is stored.
    pub(super) fn at(step: Step, zone: &TimeZone, at: UnixMs) -> Self {
        match step {
            Step::Reading => even(at.0, DAY_MS, 0),
            Step::QuarterHour => even(at.0, QUARTER_MS, 0),
            Step::Hour => even(at.0, HOUR_MS, offset_ms(zone, at)),
            Step::Day => day(zone, at).unwrap_or_else(|| even(at.0, DAY_MS, 0)),
        }
    }
}

fn even(at: i64, width: i64, offset: i64) -> Cut {
    let from = (at + offset).div_euclid(width) * width - offset;
    Cut { from: UnixMs(from), to: UnixMs(from + width) }
}

fn day(zone: &TimeZone, at: UnixMs) -> Option<Cut> {
    let here = Timestamp::from_millisecond(at.0).ok()?.to_zoned_datetime(zone.clone());
    let from = here.start_of_day().ok()?;
    let to = here.tomorrow().ok()?.start_of_day().ok()?;
    Some(Cut { from: UnixMs(from.timestamp().as_millisecond()), to: UnixMs(to.timestamp().as_millisecond()) })
}

/// The buckets that steps are made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    QuarterHours,
    Hours,
}

impl Source {
    /// Hours are kept for ever, so they are taken where hours of the zone are hours of UTC.
    pub(super) fn at(zone: &TimeZone, step: Step, at: UnixMs) -> Self {
        match step {
            Step::Hour | Step::Day if offset_ms(zone, at) % HOUR_MS == 0 => Self::Hours,
            Step::Reading | Step::QuarterHour | Step::Hour | Step::Day => Self::QuarterHours,
        }
    }

    pub(super) const fn ms(self) -> i64 {
        match self {
            Self::QuarterHours => QUARTER_MS,
            Self::Hours => HOUR_MS,
        }
    }
}

/// What is known of one channel in one step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Sum {
    min: f64,
    max: f64,
    total: f64,
    count: i64,
    decimals: u8,
}

impl Sum {
    /// Takes a point in.
    pub(super) fn add(into: &mut Option<Self>, point: &CurvePoint, decimals: u8) {
        #[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^53")]
        let total = point.mean * point.count as f64;
        let new = Self { min: point.min, max: point.max, total, count: point.count, decimals };
        *into = Some(into.map_or(new, |had| Self {
            min: had.min.min(new.min),
            max: had.max.max(new.max),
            total: had.total + new.total,
            count: had.count + new.count,
            decimals,
        }));
    }

    /// Min, mean, max, count: the order of the table's columns.
    pub(super) fn columns(sum: Option<Self>) -> [Option<Number>; 4] {
        let Some(sum) = sum else { return [None; 4] };
        #[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^53")]
        let count = sum.count as f64;
        let with = |value, decimals| Some(Number { value, decimals });
        [
            with(sum.min, sum.decimals),
            // A mean of many readings is finer than one of them.
            with(sum.total / count.max(1.0), sum.decimals.saturating_add(2)),
            with(sum.max, sum.decimals),
            with(count, 0),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn zone(name: &str) -> TimeZone {
        TimeZone::get(name).unwrap()
    }

    /// 2026-11-24T10:00:00Z.
    const AT: UnixMs = UnixMs(1_795_514_400_000);

    #[test]
    fn a_day_is_the_day_of_the_site() {
        let cut = Cut::at(Step::Day, &zone("Asia/Shanghai"), AT);
        // 2026-11-23T16:00:00Z, midnight in Shanghai.
        assert_eq!(cut, Cut { from: UnixMs(1_795_449_600_000), to: UnixMs(1_795_536_000_000) });
        let cut = Cut::at(Step::Day, &zone("Europe/Berlin"), UnixMs(1_792_893_600_000));
        assert_eq!(cut.to.since_ms(cut.from), 25 * HOUR_MS, "the night in which clocks go back");
    }

    #[test]
    fn hours_are_those_of_the_clock_on_the_wall() {
        let cut = Cut::at(Step::Hour, &zone("Asia/Kolkata"), AT);
        assert_eq!(cut.from, UnixMs(AT.0 - 30 * 60_000));
        assert_eq!(Source::at(&zone("Asia/Kolkata"), Step::Hour, AT), Source::QuarterHours);
        assert_eq!(Source::at(&zone("Asia/Shanghai"), Step::Hour, AT), Source::Hours);
    }

    #[test]
    fn steps_follow_one_another_without_a_hole() {
        for name in ["Asia/Shanghai", "Europe/Berlin", "Asia/Kolkata", "UTC"] {
            let zone = zone(name);
            for step in [Step::Reading, Step::QuarterHour, Step::Hour, Step::Day] {
                let mut cut = Cut::at(step, &zone, AT);
                for _ in 0..400 {
                    let next = Cut::at(step, &zone, cut.to);
                    assert_eq!(next.from, cut.to, "{name} {step:?}");
                    assert!(next.to > next.from);
                    cut = next;
                }
            }
        }
    }
}
