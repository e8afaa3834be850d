//! Months of single circuits in quarter hours, with slow faults on demand, to score the diagnosis: what it misses, what it
//! finds where nothing is wrong, and how long before the threshold it speaks.
//!
//! ```text
//! premises (made load) or measured (a household's load) -> fault (changes the load) -> sensed (heat, leakage, voltage,
//! sensors) -> History -> score (a look each day, as the server does) -> chart
//! ```
//!
//! [`physics`](crate::physics) follows a circuit second by second; months of a thousand circuits do not need that. The
//! constants of heat, the day of each kind of premises and the noise are the same.

pub mod chart;
pub mod fault;
pub mod load;
pub mod measured;
pub mod premises;
pub mod score;
pub mod sensed;

use domain::time::UnixMs;

/// Length of a step, ms.
pub const STEP_MS: i64 = domain::diagnosis::STEP_MS;
/// Steps of a day.
pub const DAY: usize = 96;
/// 2026-01-01 00:00 in China, a Thursday.
pub const NEW_YEAR: UnixMs = UnixMs(1_767_196_800_000);

/// A count as a number.
#[must_use]
pub fn number(count: usize) -> f64 {
    u32::try_from(count).map_or(f64::from(u32::MAX), f64::from)
}
