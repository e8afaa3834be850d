//! History: readings in the tail and in chunks, curves of any range with their extremes kept, roll-ups, retention.
//!
//! Readings come as rows in the order of arrival: the tail. A day that has ended is sealed into one chunk per detector,
//! by column, in a file per month (ADR 12), and its roll-ups of 15 minutes and a day are made, in files that are kept
//! longer (ADR 13). A curve of up to two days, or with points narrower than a roll-up, reads the readings; any other reads
//! roll-ups and computes those of the tail.

mod bucket;
mod calendar;
mod carry;
mod chunk;
mod curve;
mod pack;
mod partitions;
mod retention;
mod rolled;
mod rollup;
mod seal;
mod span;
mod statistics;

use async_trait::async_trait;
use domain::access::Scope;
use domain::id::ChannelId;
use domain::time::UnixMs;

use crate::error::StoreError;

pub(crate) use calendar::{DAY_MS, day_name, day_of};
pub(crate) use carry::is_rolled;
pub use partitions::Damage;
pub(crate) use partitions::{Kind, MIGRATIONS, Partitions};
pub use retention::{Retained, Retention};
pub(crate) use rollup::InForceThen;
pub(crate) use seal::Round;
pub use seal::{SealProgress, SealRules};
pub(crate) use span::{TailRow, damaged_chunks, is_same, read as read_row, readings_of, sealed, span};
pub use statistics::{MOST_PERIODS, MOST_TOGETHER, Period, Statistics, StatisticsAsk, StatisticsOf, Values};

/// Ranges up to this are read from the rows themselves, ms.
pub const RAW_RANGE_MS: i64 = 2 * 86_400_000;

/// The most points of one series.
pub const MOST_POINTS: u32 = 5000;

/// The most channels of one curve.
pub const MOST_CHANNELS: usize = 64;

/// The widths of the roll-ups' buckets, s; hours are put together from quarters of hours.
pub const STEPS_S: [i64; 3] = [900, 3600, 86_400];

/// A curve to be drawn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CurveAsk {
    /// Of which channels.
    pub channels: Vec<ChannelId>,
    /// From here on.
    pub from: UnixMs,
    /// Before this.
    pub to: UnixMs,
    /// How many points at most, about.
    pub points: u32,
    /// Silence longer than this is a gap, ms.
    pub gap_after_ms: i64,
    /// The time now: what is still to come is no gap.
    pub now: UnixMs,
}

/// A curve.
#[derive(Debug, Clone, PartialEq)]
pub struct Curve {
    /// Width of a point, ms.
    pub step_ms: i64,
    /// Begin, widened to whole points, so that a point never holds less than it says.
    pub from: UnixMs,
    /// End, widened to whole points.
    pub to: UnixMs,
    /// What it was made from.
    pub source: CurveSource,
    /// One per channel asked for, in that order.
    pub series: Vec<Series>,
}

/// What a curve was made from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CurveSource {
    /// The readings themselves.
    Readings,
    /// Roll-ups of this width in seconds, and the readings that they do not hold yet.
    RollUps(i64),
}

/// The curve of one channel.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    /// Which.
    pub channel: ChannelId,
    /// Its points, by time. Good values only.
    pub points: Vec<CurvePoint>,
    /// Where nothing good was measured, from and to.
    pub gaps: Vec<(UnixMs, UnixMs)>,
}

/// One point: everything that was measured within one step. Values are in the quantity's unit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CurvePoint {
    /// The first moment: of the first value where that is known, else of the bucket.
    pub at: UnixMs,
    /// The least value.
    pub min: f64,
    /// The mean of the values.
    pub mean: f64,
    /// The greatest value.
    pub max: f64,
    /// The last value.
    pub last: f64,
    /// How many values.
    pub count: i64,
}

/// What every backend of the history can do.
#[async_trait]
pub trait History: Send + Sync {
    /// The curve of channels in `scope`.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when a channel is not in `scope`; [`StoreError::Invalid`] for a range that is
    /// empty, too many channels or too many points.
    async fn curve(&self, scope: &Scope, ask: &CurveAsk) -> Result<Curve, StoreError>;

    /// What was measured within periods: of a channel, a site, an area.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when the channel or site is not in `scope`; [`StoreError::Invalid`] for edges that are
    /// none, and for more than [`MOST_TOGETHER`] channels.
    async fn statistics(&self, scope: &Scope, ask: &StatisticsAsk) -> Result<Statistics, StoreError>;

    /// Takes one step of sealing the days that have ended into chunks. Call it again while it says that there is more;
    /// after that it begins anew.
    ///
    /// # Errors
    /// [`StoreError::Full`], [`StoreError::Folder`] and database errors; what was sealed before stays sealed, once.
    async fn seal(&self, rules: &SealRules, now: UnixMs) -> Result<SealProgress, StoreError>;

    /// Lets go of one slice of what `policy` does not keep. Call it again while it says that there is more.
    /// Readings that are not sealed yet, and the newest of each detector and group, always stay.
    ///
    /// # Errors
    /// [`StoreError::Full`] and database errors.
    async fn retain(&self, policy: &Retention, now: UnixMs) -> Result<Retained, StoreError>;
}

#[async_trait]
impl History for crate::open::Store {
    async fn curve(&self, scope: &Scope, ask: &CurveAsk) -> Result<Curve, StoreError> {
        curve::curve(self, scope, ask).await
    }

    async fn statistics(&self, scope: &Scope, ask: &StatisticsAsk) -> Result<Statistics, StoreError> {
        statistics::statistics(self, scope, ask).await
    }

    async fn seal(&self, rules: &SealRules, now: UnixMs) -> Result<SealProgress, StoreError> {
        seal::seal(self, rules, now).await
    }

    async fn retain(&self, policy: &Retention, now: UnixMs) -> Result<Retained, StoreError> {
        retention::retain(self, policy, now).await
    }
}
