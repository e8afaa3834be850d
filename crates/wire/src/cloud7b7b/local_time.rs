//! The seven time bytes: local time, plain binary, Sunday = 1.

use std::fmt;

use thiserror::Error;

/// A wall clock time without zone, as the device keeps it: the server's local time, not UTC.
///
/// The weekday follows from the date. On the wire Sunday is 1, as in the vendor's own example; another
/// server in public sends Sunday as 0, so the weekday of incoming times is not looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LocalTime {
    year: u16,
    month: u8,
    day: u8,
    hour: u8,
    minute: u8,
    second: u8,
}

/// Numbers that are no time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("{field} {had}, wanted {min} to {max}")]
pub struct InvalidLocalTime {
    /// Which number.
    pub field: &'static str,
    /// Its value.
    pub had: u16,
    /// Smallest value allowed.
    pub min: u16,
    /// Greatest value allowed.
    pub max: u16,
}

impl LocalTime {
    /// Length on the wire, bytes.
    pub const WIRE_LEN: usize = 7;

    /// Checks and makes a time. `year` is the full year, 2000 to 2099.
    ///
    /// # Errors
    /// The first number out of range.
    pub fn new(
        year: u16,
        month: u8,
        day: u8,
        hour: u8,
        minute: u8,
        second: u8,
    ) -> Result<Self, InvalidLocalTime> {
        let within = |field, had: u16, min, max| {
            if (min..=max).contains(&had) { Ok(()) } else { Err(InvalidLocalTime { field, had, min, max }) }
        };
        within("year", year, 2000, 2099)?;
        within("month", u16::from(month), 1, 12)?;
        within("day", u16::from(day), 1, u16::from(days_in_month(year, month)))?;
        within("hour", u16::from(hour), 0, 23)?;
        within("minute", u16::from(minute), 0, 59)?;
        within("second", u16::from(second), 0, 59)?;
        Ok(Self { year, month, day, hour, minute, second })
    }

    /// Reads year - 2000, month, day, weekday, hour, minute, second. The weekday is not looked at.
    ///
    /// # Errors
    /// The first number out of range.
    pub fn from_wire(bytes: &[u8; Self::WIRE_LEN]) -> Result<Self, InvalidLocalTime> {
        let [year, month, day, _weekday, hour, minute, second] = *bytes;
        Self::new(2000 + u16::from(year), month, day, hour, minute, second)
    }

    /// The seven bytes of the wire.
    #[must_use]
    pub fn to_wire(&self) -> [u8; Self::WIRE_LEN] {
        let year = u8::try_from(self.year.saturating_sub(2000)).unwrap_or(u8::MAX);
        [year, self.month, self.day, self.weekday(), self.hour, self.minute, self.second]
    }

    /// Full year.
    #[must_use]
    pub const fn year(&self) -> u16 {
        self.year
    }

    /// Month, 1 to 12.
    #[must_use]
    pub const fn month(&self) -> u8 {
        self.month
    }

    /// Day of the month, 1 to 31.
    #[must_use]
    pub const fn day(&self) -> u8 {
        self.day
    }

    /// Day of the week, Sunday = 1 to Saturday = 7.
    #[must_use]
    pub fn weekday(&self) -> u8 {
        let days = u64::from(days_since_2000(self.year, self.month, self.day));
        // 2000-01-01 was a Saturday.
        u8::try_from((days + 6) % 7 + 1).unwrap_or(1)
    }

    /// Hour, 0 to 23.
    #[must_use]
    pub const fn hour(&self) -> u8 {
        self.hour
    }

    /// Minute, 0 to 59.
    #[must_use]
    pub const fn minute(&self) -> u8 {
        self.minute
    }

    /// Second, 0 to 59.
    #[must_use]
    pub const fn second(&self) -> u8 {
        self.second
    }
}

impl fmt::Display for LocalTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { year, month, day, hour, minute, second } = self;
        write!(f, "{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}")
    }
}

const fn is_leap(year: u16) -> bool {
    // Right for 2000 to 2099, the only years there are here.
    year.is_multiple_of(4)
}

const fn days_in_month(year: u16, month: u8) -> u8 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

fn days_since_2000(year: u16, month: u8, day: u8) -> u32 {
    let years: u32 = (2000..year).map(|year| if is_leap(year) { 366 } else { 365 }).sum();
    let months: u32 = (1..month).map(|month| u32::from(days_in_month(year, month))).sum();
    years + months + u32::from(day) - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_weekday_of_known_days() {
        for (year, month, day, weekday) in [
            (2023, 10, 10, 3), // Tuesday, carried as 03 in the vendor's example
            (2026, 1, 2, 6),   // Friday
            (2000, 1, 1, 7),   // Saturday
            (2024, 2, 29, 5),  // Thursday
            (2099, 12, 31, 5), // Thursday
            (2026, 11, 22, 1), // Sunday
        ] {
            assert_eq!(
                LocalTime::new(year, month, day, 0, 0, 0).unwrap().weekday(),
                weekday,
                "{year}-{month}-{day}"
            );
        }
    }

    #[test]
    fn both_vectors_of_the_reference() {
        let vendor = [0x17, 0x0A, 0x0A, 0x03, 0x11, 0x07, 0x1B];
        let time = LocalTime::from_wire(&vendor).unwrap();
        assert_eq!(time.to_string(), "2023-10-10 17:07:27");
        assert_eq!(time.to_wire(), vendor);
        let ours = [0x1A, 0x01, 0x02, 0x06, 0x03, 0x04, 0x05];
        let time = LocalTime::from_wire(&ours).unwrap();
        assert_eq!(time.to_string(), "2026-01-02 03:04:05");
        assert_eq!(time.to_wire(), ours);
    }

    #[test]
    fn the_weekday_is_ignored_on_input() {
        for weekday in 0..=255 {
            let bytes = [0x17, 0x0A, 0x0A, weekday, 0x11, 0x07, 0x1B];
            assert_eq!(LocalTime::from_wire(&bytes).unwrap().weekday(), 3);
        }
    }

    #[test]
    fn no_day_that_is_not_in_the_calendar() {
        assert_eq!(
            LocalTime::new(2025, 2, 29, 0, 0, 0),
            Err(InvalidLocalTime { field: "day", had: 29, min: 1, max: 28 })
        );
        assert!(LocalTime::new(2026, 0, 1, 0, 0, 0).is_err());
        assert!(LocalTime::new(2026, 4, 31, 0, 0, 0).is_err());
        assert!(LocalTime::new(2026, 1, 1, 24, 0, 0).is_err());
        assert!(LocalTime::new(2026, 1, 1, 0, 0, 60).is_err());
        assert!(LocalTime::new(2100, 1, 1, 0, 0, 0).is_err());
    }
}
