//! Hours of the week in a time zone.

use jiff::civil::{Date, Weekday};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use serde::{Deserialize, Serialize};

use crate::time::UnixMs;

/// Minutes of a day.
pub(super) const DAY_MIN: u16 = 1440;

/// Spans of each week, by the clock on the wall of a place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hours {
    /// IANA name of the time zone, such as `Asia/Shanghai`.
    pub zone: String,
    /// The spans; none is never.
    pub spans: Vec<Span>,
}

/// From one time of day to another, on some days.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Span {
    /// Days on which it begins, 1 Monday to 7 Sunday (ISO 8601); none is every day.
    #[serde(default)]
    pub days: Vec<u8>,
    /// Begins, minutes after midnight, 0-1439.
    pub from_min: u16,
    /// Ends before, minutes after midnight, 0-1440. Not after the beginning: ends on the next day.
    pub until_min: u16,
}

impl Span {
    fn begins_on(&self, day: Weekday) -> bool {
        self.days.is_empty() || self.days.iter().any(|d| i8::try_from(*d) == Ok(day.to_monday_one_offset()))
    }

    /// How long it is, minutes; the whole day when it ends where it begins.
    #[must_use]
    pub const fn length_min(&self) -> u16 {
        if self.until_min > self.from_min {
            self.until_min - self.from_min
        } else {
            DAY_MIN - self.from_min + self.until_min
        }
    }

    /// What is wrong with it.
    ///
    /// # Errors
    /// A text that says what was had and what was wanted.
    pub fn check(&self) -> Result<(), String> {
        if let Some(day) = self.days.iter().find(|day| !(1..=7).contains(*day)) {
            return Err(format!("had day {day}, wanted 1 (Monday) to 7 (Sunday)"));
        }
        if self.from_min >= DAY_MIN || self.until_min > DAY_MIN {
            return Err(format!(
                "had {} to {} minutes after midnight, wanted 0-1439 and 0-1440",
                self.from_min, self.until_min
            ));
        }
        Ok(())
    }
}

/// Date and minute of the day at `at` on the wall.
pub(super) fn on_the_wall(zone: &TimeZone, at: UnixMs) -> Option<(Date, u16)> {
    let local = zone.to_datetime(Timestamp::from_millisecond(at.0).ok()?);
    let minute = u16::try_from(local.hour()).ok()? * 60 + u16::try_from(local.minute()).ok()?;
    Some((local.date(), minute))
}

/// The moment at which the wall shows `minute` of `date`; minute 1440 is the next midnight. Where the clock jumps, the
/// moment after the jump.
pub(super) fn moment(zone: &TimeZone, date: Date, minute: u16) -> Option<UnixMs> {
    let (date, minute) =
        if minute >= DAY_MIN { (date.tomorrow().ok()?, minute - DAY_MIN) } else { (date, minute) };
    let time = date.at(i8::try_from(minute / 60).ok()?, i8::try_from(minute % 60).ok()?, 0, 0);
    zone.to_timestamp(time).ok().map(|at| UnixMs(at.as_millisecond()))
}

impl Hours {
    /// The zone; UTC where its name is unknown, which [`check`](Self::check) refuses.
    pub(super) fn time_zone(&self) -> TimeZone {
        TimeZone::get(&self.zone).unwrap_or(TimeZone::UTC)
    }

    /// Whether `at` lies in a span.
    #[must_use]
    pub fn hold(&self, at: UnixMs) -> bool {
        let zone = self.time_zone();
        let Some((date, minute)) = on_the_wall(&zone, at) else { return false };
        let (today, yesterday) = (date.weekday(), date.weekday().previous());
        self.spans.iter().any(|span| {
            let over_midnight = span.until_min <= span.from_min;
            let begun = span.begins_on(today)
                && minute >= span.from_min
                && (over_midnight || minute < span.until_min);
            begun || (over_midnight && span.begins_on(yesterday) && minute < span.until_min)
        })
    }

    /// The first moment not before `at` that lies in no span; `None` when there is none within nine days.
    #[must_use]
    pub fn over_at(&self, at: UnixMs) -> Option<UnixMs> {
        if !self.hold(at) {
            return Some(at);
        }
        let zone = self.time_zone();
        let (date, _minute) = on_the_wall(&zone, at)?;
        let mut ends: Vec<UnixMs> = (0..9)
            .filter_map(|days: i64| date.checked_add(days.days()).ok())
            .flat_map(|day| self.spans.iter().map(move |span| (day, span.until_min)))
            .filter_map(|(day, minute)| moment(&zone, day, minute))
            .filter(|end| *end > at)
            .collect();
        ends.sort_unstable();
        ends.into_iter().find(|end| !self.hold(*end))
    }

    /// What is wrong with them.
    ///
    /// # Errors
    /// A text that says what was had and what was wanted.
    pub fn check(&self) -> Result<(), String> {
        if TimeZone::get(&self.zone).is_err() {
            return Err(format!("had the zone {:?}, wanted an IANA name such as Asia/Shanghai", self.zone));
        }
        self.spans.iter().try_for_each(Span::check)
    }
}
