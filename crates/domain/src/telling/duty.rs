//! Who is on duty: a weekly pattern with rotation, and exceptions to it.

use jiff::ToSpan;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use super::hours::{Hours, Span, moment, on_the_wall};
use crate::id::UserId;
use crate::time::UnixMs;

/// Milliseconds of a minute.
const MINUTE_MS: i64 = 60_000;

/// A duty calendar 值班表.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Roster {
    /// IANA name of the time zone of the shifts.
    pub zone: String,
    /// The weekly pattern.
    pub shifts: Vec<Shift>,
    /// Holidays and swaps; win over the pattern.
    #[serde(default)]
    pub exceptions: Vec<Exception>,
}

/// One shift of the pattern.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shift {
    /// When in the week.
    #[serde(flatten)]
    pub span: Span,
    /// Comes every so many weeks; 1 is every week.
    #[serde(default = "one")]
    pub every_weeks: u8,
    /// In which of those weeks, from 0; weeks are counted from that of Monday 1970-01-05.
    #[serde(default)]
    pub week: u8,
    /// Who.
    pub account: UserId,
}

const fn one() -> u8 {
    1
}

/// Somebody else, or nobody, for a while.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exception {
    /// From, server's clock.
    pub from: UnixMs,
    /// Until before, server's clock.
    pub until: UnixMs,
    /// Whose duty it is not; `None` is everybody's of the pattern.
    #[serde(default)]
    pub instead_of: Option<UserId>,
    /// Whose it is; `None` is nobody's.
    #[serde(default)]
    pub account: Option<UserId>,
}

/// Who is on duty at a moment.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct OnDuty {
    /// Their accounts, each once; empty is a gap.
    pub accounts: Vec<UserId>,
}

/// A time in which the same persons are on duty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stretch {
    /// From.
    pub from: UnixMs,
    /// Until before.
    pub until: UnixMs,
    /// Who; empty is a gap.
    pub accounts: Vec<UserId>,
}

/// The week of `date`, counted from that of 1970-01-05.
fn week_of(date: Date) -> i64 {
    let epoch = jiff::civil::date(1970, 1, 5);
    let days = date.since(epoch).map_or(0, |span| i64::from(span.get_days()));
    days.div_euclid(7)
}

impl Shift {
    fn in_week(&self, date: Date) -> bool {
        let every = i64::from(self.every_weeks.max(1));
        week_of(date).rem_euclid(every) == i64::from(self.week)
    }

    /// Begin and end when it begins on `date`.
    fn on(&self, zone: &TimeZone, date: Date) -> Option<(UnixMs, UnixMs)> {
        let day = u8::try_from(date.weekday().to_monday_one_offset()).ok()?;
        if !(self.span.days.is_empty() || self.span.days.contains(&day)) || !self.in_week(date) {
            return None;
        }
        let from = moment(zone, date, self.span.from_min)?;
        let last =
            if self.span.until_min > self.span.from_min { date } else { date.checked_add(1.day()).ok()? };
        Some((from, moment(zone, last, self.span.until_min)?))
    }
}

impl Roster {
    fn time_zone(&self) -> TimeZone {
        Hours { zone: self.zone.clone(), spans: Vec::new() }.time_zone()
    }

    /// Who is on duty at `at`.
    #[must_use]
    pub fn on_duty(&self, at: UnixMs) -> OnDuty {
        let zone = self.time_zone();
        let Some((today, _)) = on_the_wall(&zone, at) else { return OnDuty::default() };
        let mut accounts: Vec<UserId> =
            self.shifts
                .iter()
                .filter(|shift| {
                    [Some(today), today.yesterday().ok()].into_iter().flatten().any(|date| {
                        shift.on(&zone, date).is_some_and(|(from, until)| from <= at && at < until)
                    })
                })
                .map(|shift| shift.account)
                .collect();
        for exception in self.exceptions.iter().filter(|e| e.from <= at && at < e.until) {
            let had = accounts.len();
            match exception.instead_of {
                Some(away) => accounts.retain(|account| *account != away),
                None => accounts.clear(),
            }
            // A swap takes the place of a shift; where there is none to take, there is nothing to swap.
            let replaces = exception.instead_of.is_none() || accounts.len() < had;
            accounts.extend(exception.account.filter(|_| replaces));
        }
        accounts.sort_unstable();
        accounts.dedup();
        OnDuty { accounts }
    }

    /// Who is on duty from `from` to `until` (at most 60 days), without a hole: gaps are stretches with nobody.
    #[must_use]
    pub fn stretches(&self, from: UnixMs, until: UnixMs) -> Vec<Stretch> {
        let zone = self.time_zone();
        let until = until.min(from.plus_ms(60 * 24 * 60 * MINUTE_MS));
        let mut edges = vec![from, until];
        if let Some((first, _)) = on_the_wall(&zone, from) {
            for days in -1_i64..=61 {
                let Ok(date) = first.checked_add(days.days()) else { continue };
                for (begin, end) in self.shifts.iter().filter_map(|shift| shift.on(&zone, date)) {
                    edges.extend([begin, end]);
                }
            }
        }
        edges.extend(self.exceptions.iter().flat_map(|e| [e.from, e.until]));
        edges.retain(|edge| *edge >= from && *edge <= until);
        edges.sort_unstable();
        edges.dedup();
        let mut stretches: Vec<Stretch> = Vec::new();
        for (begin, end) in edges.iter().zip(edges.iter().skip(1)) {
            let accounts = self.on_duty(*begin).accounts;
            match stretches.last_mut() {
                Some(last) if last.accounts == accounts => last.until = *end,
                Some(_) | None => stretches.push(Stretch { from: *begin, until: *end, accounts }),
            }
        }
        stretches
    }

    /// Every account that it names, for checking that they exist.
    pub fn accounts(&self) -> impl Iterator<Item = UserId> + '_ {
        let swaps = self.exceptions.iter().flat_map(|e| [e.instead_of, e.account].into_iter().flatten());
        self.shifts.iter().map(|shift| shift.account).chain(swaps)
    }

    /// What is wrong with it.
    ///
    /// # Errors
    /// A text that says what was had and what was wanted.
    pub fn check(&self) -> Result<(), String> {
        Hours { zone: self.zone.clone(), spans: Vec::new() }.check()?;
        for shift in &self.shifts {
            shift.span.check()?;
            if shift.every_weeks == 0 || shift.week >= shift.every_weeks {
                return Err(format!(
                    "had week {} of every {}, wanted a week from 0 that is below a number of weeks from 1",
                    shift.week, shift.every_weeks
                ));
            }
        }
        match self.exceptions.iter().find(|e| e.until <= e.from) {
            Some(e) => {
                Err(format!("had an exception from {} until {}, wanted its end later", e.from.0, e.until.0))
            }
            None => Ok(()),
        }
    }
}
