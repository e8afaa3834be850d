//! Days and months of UTC, by which the history is cut.

use std::fmt;

/// A day, ms.
pub(crate) const DAY_MS: i64 = 86_400_000;

/// The day since 1970 that holds `at`, ms.
pub(crate) const fn day_of(at: i64) -> i64 {
    at.div_euclid(DAY_MS)
}

/// A day since 1970 as people write it, `2026-11-25`.
pub(crate) fn day_name(day: i64) -> String {
    let month = Month::of_day(day);
    format!("{month}-{:02}", day - month.first_day() + 1)
}

/// A month of UTC, counted from January of year 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Month(i64);

impl Month {
    /// The month of a day since 1970, in the Gregorian calendar (days_from_civil turned round: a year begins in March,
    /// so that the day that is there every fourth year is its last).
    pub(crate) const fn of_day(day: i64) -> Self {
        let shifted = day + 719_468;
        let era = shifted.div_euclid(146_097);
        let of_era = shifted.rem_euclid(146_097);
        let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let from_march = (5 * of_year + 2) / 153;
        Self((era * 400 + year_of_era) * 12 + from_march + 2)
    }

    /// The first day of it, since 1970.
    pub(crate) const fn first_day(self) -> i64 {
        let from_march = self.0 - 2;
        let year = from_march.div_euclid(12);
        let month = from_march.rem_euclid(12);
        let era = year.div_euclid(400);
        let of_era = year.rem_euclid(400);
        let day = of_era * 365 + of_era / 4 - of_era / 100 + (153 * month + 2) / 5;
        era * 146_097 + day - 719_468
    }

    /// The one after it.
    pub(crate) const fn next(self) -> Self {
        Self(self.0 + 1)
    }

    /// January of its year.
    pub(crate) const fn january(self) -> Self {
        Self(self.year() * 12)
    }

    /// Its year.
    pub(crate) const fn year(self) -> i64 {
        self.0.div_euclid(12)
    }

    /// Months since January of year 0.
    pub(crate) const fn number(self) -> i64 {
        self.0
    }

    /// The month of that number.
    pub(crate) const fn of_number(number: i64) -> Self {
        Self(number)
    }

    /// From its name, `2026-11`.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        let (year, month) = name.split_once('-')?;
        let (year, month): (i64, i64) = (year.parse().ok()?, month.parse().ok()?);
        let found = (1..=12).contains(&month).then_some(Self(year * 12 + month - 1))?;
        (found.to_string() == name).then_some(found)
    }
}

impl fmt::Display for Month {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(to, "{:04}-{:02}", self.year(), self.0.rem_euclid(12) + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::Month;

    #[test]
    fn months_follow_each_other_without_a_hole() {
        let mut month = Month::of_day(-200_000);
        for day in -200_000..200_000 {
            let now = Month::of_day(day);
            assert!(now == month || now == month.next());
            if now != month {
                assert_eq!(now.first_day(), day);
            }
            month = now;
        }
    }

    #[test]
    fn names_go_there_and_back() {
        for (day, name) in [(0, "1970-01"), (11_016, "2000-02"), (11_017, "2000-03"), (20_782, "2026-11")] {
            assert_eq!(Month::of_day(day).to_string(), name);
            assert_eq!(Month::parse(name), Some(Month::of_day(day)));
        }
        for wrong in ["2026-13", "2026-1", "26-11", "2026-00", "x"] {
            assert_eq!(Month::parse(wrong), None, "{wrong}");
        }
    }
}
