//! What was measured within periods: of one channel, or of all channels of a quantity at a site or in an area.

use std::collections::BTreeMap;

use domain::access::Scope;
use domain::id::{ChannelId, SiteId};
use domain::place::AreaCode;
use domain::quantity::{Decimals, Phase, Quantity};
use domain::time::UnixMs;
use sqlx::{QueryBuilder, Sqlite};

use super::bucket::Bucket;
use super::calendar::DAY_MS;
use super::rolled::{self, Wanted};
use super::rollup::QUARTER_MS;
use crate::detectors;
use crate::error::StoreError;
use crate::open::Store;
use crate::scoped::{push_area, push_scope};

/// A channel to be drawn together: id, detector, point, phase, decimals.
type ChannelRow = (i64, i64, Option<u16>, Option<String>, u8);

/// The most periods of one answer: a month of hours, two years of days.
pub const MOST_PERIODS: usize = 750;

/// The most channels that are drawn together.
pub const MOST_TOGETHER: usize = 2000;

const MS_PER_H: f64 = 3_600_000.0;

/// Of what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StatisticsOf {
    /// One channel.
    Channel(ChannelId),
    /// All channels of a quantity at a site. Of a detector that measures the total of a power or an energy, that alone.
    Site(SiteId, Quantity),
    /// The same of all sites in an area.
    Area(AreaCode, Quantity),
}

/// Statistics to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatisticsAsk {
    /// Of what.
    pub of: StatisticsOf,
    /// Begins of the periods and the end of the last one, rising; quarters of hours of UTC.
    pub edges: Vec<UnixMs>,
    /// The time now.
    pub now: UnixMs,
}

/// Statistics.
#[derive(Debug, Clone, PartialEq)]
pub struct Statistics {
    /// What was measured.
    pub quantity: Quantity,
    /// How many channels are in it.
    pub channels: usize,
    /// One per period.
    pub periods: Vec<Period>,
}

/// What was measured within one period. Good values only, in the quantity's unit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Period {
    /// Its begin.
    pub from: UnixMs,
    /// Its end.
    pub to: UnixMs,
    /// How many values.
    pub count: i64,
    /// The values; `None` where there is none.
    pub values: Option<Values>,
    /// For how long values stand, h; of several channels the sum.
    pub measured_h: f64,
    /// For how long of that they were over the limit that was in force then, h; of several channels the sum.
    pub over_limit_h: f64,
    /// Energy, kWh: what the counter rose by, or the mean power over the time measured. `None` where the quantity is
    /// neither an active power nor an energy.
    pub energy_kwh: Option<f64>,
}

/// Least, mean, greatest.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Values {
    /// The least.
    pub min: f64,
    /// The mean of all values.
    pub mean: f64,
    /// The greatest.
    pub max: f64,
}

/// A channel with its detector, point and scale.
type Source = (i64, i64, Option<u16>, Quantity, Option<Phase>, Decimals);

pub(crate) async fn statistics(
    store: &Store,
    scope: &Scope,
    ask: &StatisticsAsk,
) -> Result<Statistics, StoreError> {
    let edges: Vec<i64> = ask.edges.iter().map(|edge| edge.0).collect();
    check(&edges)?;
    let (quantity, sources) = sources(store, scope, &ask.of).await?;
    let mut periods: Vec<Gathered> = vec![Gathered::default(); edges.len().saturating_sub(1)];
    let mut by_detector: BTreeMap<i64, Vec<(u16, Decimals)>> = BTreeMap::new();
    for (_, detector, point, _, _, decimals) in &sources {
        by_detector.entry(*detector).or_default().extend(point.map(|point| (point, *decimals)));
    }
    let (Some(first), Some(last)) = (edges.first().copied(), edges.last().copied()) else {
        return Err(StoreError::invalid("edges", "required", "wanted a begin and an end"));
    };
    let is_whole_days = edges.iter().all(|edge| edge.rem_euclid(DAY_MS) == 0);
    for (detector, points) in by_detector {
        let mut numbers: Vec<u16> = points.iter().map(|(point, _)| *point).collect();
        numbers.sort_unstable();
        let wanted = Wanted {
            detector,
            points: &numbers,
            // A counter's first rise counts from what it said before.
            from: if quantity == Quantity::Energy { first - DAY_MS } else { first },
            to: last,
            width_ms: if is_whole_days { DAY_MS } else { QUARTER_MS },
            now: ask.now,
        };
        let mut connection = store.reader().acquire().await?;
        let mut found = rolled::read(store, &mut connection, &wanted).await?;
        drop(connection);
        for (point, decimals) in points {
            let mut series = found.points.remove(&point).unwrap_or_default();
            series.sort_unstable_by_key(|(begin, bucket)| (*begin, bucket.last_at));
            gather(&mut periods, &edges, quantity, decimals, &series);
        }
    }
    let of_energy = matches!(quantity, Quantity::Energy | Quantity::ActivePower);
    let periods = ask.edges.iter().zip(ask.edges.iter().skip(1)).zip(periods);
    let periods = periods.map(|((from, to), gathered)| gathered.finish(*from, *to, of_energy)).collect();
    Ok(Statistics { quantity, channels: sources.len(), periods })
}

fn check(edges: &[i64]) -> Result<(), StoreError> {
    let is_rising = edges.is_sorted_by(|a, b| a < b);
    if edges.len() < 2 || edges.len() > MOST_PERIODS + 1 || !is_rising {
        let message = format!("had {} edges, wanted 2 to {}, rising", edges.len(), MOST_PERIODS + 1);
        return Err(StoreError::invalid("edges", "out_of_range", message));
    }
    if edges.iter().any(|edge| edge.rem_euclid(QUARTER_MS) != 0) {
        return Err(StoreError::invalid("edges", "malformed", "wanted whole quarters of hours"));
    }
    Ok(())
}

async fn sources(
    store: &Store,
    scope: &Scope,
    of: &StatisticsOf,
) -> Result<(Quantity, Vec<Source>), StoreError> {
    let (quantity, site, area) = match of {
        StatisticsOf::Channel(id) => {
            let mut reading = store.reader().begin().await?;
            let (channel, detector) = detectors::load_channel(&mut reading, scope, *id).await?;
            let source = (
                channel.id.0,
                detector.id.0,
                channel.point.map(|point| point.0),
                channel.quantity,
                channel.phase,
                channel.decimals,
            );
            return Ok((channel.quantity, vec![source]));
        }
        StatisticsOf::Site(site, quantity) => {
            store.sites().get(scope, *site).await?;
            (*quantity, Some(*site), None)
        }
        StatisticsOf::Area(area, quantity) => (*quantity, None, Some(area)),
    };
    let mut query = QueryBuilder::<Sqlite>::new(
        "SELECT c.id, c.detector_id, c.point, c.phase, c.decimals FROM channel c \
         JOIN detector d ON d.id = c.detector_id JOIN site s ON s.id = d.site_id \
         JOIN organisation o ON o.id = s.organisation_id \
         WHERE d.deleted_at IS NULL AND s.deleted_at IS NULL AND c.quantity = ",
    );
    query.push_bind(quantity.code());
    if let Some(site) = site {
        query.push(" AND s.id = ").push_bind(site.0);
    }
    if let Some(area) = area {
        push_area(&mut query, area, "s.area_code");
    }
    push_scope(&mut query, scope, "o.path", "s.area_code");
    query.push(" ORDER BY c.id LIMIT ").push_bind(i64::try_from(MOST_TOGETHER + 1).unwrap_or(i64::MAX));
    let rows: Vec<ChannelRow> = query.build_query_as().fetch_all(store.reader()).await?;
    if rows.len() > MOST_TOGETHER {
        let message = format!("had more than {MOST_TOGETHER} channels of this quantity");
        return Err(StoreError::invalid("area", "too_many", message));
    }
    let mut sources: Vec<Source> = Vec::with_capacity(rows.len());
    for (id, detector, point, phase, decimals) in rows {
        let phase = phase.as_deref().and_then(Phase::from_code);
        sources.push((id, detector, point, quantity, phase, Decimals(decimals)));
    }
    let is_summed = matches!(
        quantity,
        Quantity::ActivePower | Quantity::ReactivePower | Quantity::ApparentPower | Quantity::Energy
    );
    if is_summed {
        let totals: Vec<i64> =
            sources.iter().filter(|one| one.4 == Some(Phase::Total)).map(|one| one.1).collect();
        sources.retain(|one| one.4 == Some(Phase::Total) || !totals.contains(&one.1));
    }
    Ok((quantity, sources))
}

/// What comes together within a period.
#[derive(Debug, Clone, Copy, Default)]
struct Gathered {
    count: i64,
    sum: f64,
    least: Option<f64>,
    greatest: Option<f64>,
    held_ms: i64,
    over_ms: i64,
    energy_kwh: f64,
}

#[expect(clippy::cast_precision_loss, reason = "counts, sums and times stay far below 2^53")]
fn gather(
    periods: &mut [Gathered],
    edges: &[i64],
    quantity: Quantity,
    decimals: Decimals,
    series: &[(i64, Bucket)],
) {
    let mut before = None;
    for (begin, bucket) in series {
        let rise = counted(before, bucket);
        before = Some(bucket.last);
        let place = edges.partition_point(|edge| edge <= begin).checked_sub(1);
        let Some(period) = place.and_then(|place| periods.get_mut(place)) else { continue };
        let (min, max, sum) =
            (decimals.value(bucket.min), decimals.value(bucket.max), decimals.value(bucket.sum));
        let held_h = bucket.held_ms as f64 / MS_PER_H;
        period.count += bucket.count;
        period.sum += sum;
        period.least = Some(period.least.map_or(min, |had| had.min(min)));
        period.greatest = Some(period.greatest.map_or(max, |had| had.max(max)));
        period.held_ms += bucket.held_ms;
        period.over_ms += bucket.over_ms;
        period.energy_kwh += match quantity {
            Quantity::Energy => decimals.value(rise),
            Quantity::ActivePower => sum / bucket.count.max(1) as f64 * held_h / 1000.0,
            Quantity::ResidualCurrent
            | Quantity::ConductorTemperature
            | Quantity::AmbientTemperature
            | Quantity::Current
            | Quantity::NeutralCurrent
            | Quantity::Voltage
            | Quantity::ReactivePower
            | Quantity::ApparentPower
            | Quantity::PowerFactor
            | Quantity::Frequency
            | Quantity::ArcCount
            | Quantity::SignalStrength
            | Quantity::Switch
            | Quantity::Device => 0.0,
        };
    }
}

/// What a counter rose by within a bucket, from what it said before. One that fell was replaced or began anew: then only
/// what it rose by within the bucket is known.
fn counted(before: Option<i64>, bucket: &Bucket) -> i64 {
    let from = before.filter(|before| bucket.min >= *before).unwrap_or(bucket.min);
    bucket.last.saturating_sub(from).max(0)
}

impl Gathered {
    #[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^53")]
    fn finish(self, from: UnixMs, to: UnixMs, of_energy: bool) -> Period {
        let values = self.least.zip(self.greatest).map(|(min, max)| Values {
            min,
            mean: self.sum / self.count.max(1) as f64,
            max,
        });
        Period {
            from,
            to,
            count: self.count,
            values,
            measured_h: self.held_ms as f64 / MS_PER_H,
            over_limit_h: self.over_ms as f64 / MS_PER_H,
            energy_kwh: of_energy.then_some(self.energy_kwh),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bucket(min: i64, max: i64, last: i64) -> Bucket {
        Bucket { min, max, sum: 0, count: 2, last, last_at: 0, held_ms: 900_000, over_ms: 0 }
    }

    #[test]
    fn a_counter_rises_over_silence_and_begins_anew() {
        assert_eq!(counted(None, &bucket(100, 130, 130)), 30);
        assert_eq!(counted(Some(100), &bucket(150, 170, 170)), 70, "what it counted while nobody heard it");
        assert_eq!(counted(Some(100), &bucket(3, 9, 9)), 6, "a new counter");
    }

    #[test]
    fn power_over_the_time_measured_is_energy() {
        let mut periods = vec![Gathered::default()];
        let power = Bucket { sum: 2 * 40_000, ..bucket(40_000, 40_000, 40_000) };
        gather(&mut periods, &[0, 3_600_000], Quantity::ActivePower, Decimals(1), &[(900_000, power)]);
        let period = periods[0].finish(UnixMs(0), UnixMs(3_600_000), true);
        assert_eq!(period.energy_kwh, Some(1.0), "4 kW for a quarter of an hour");
        assert_eq!(period.measured_h, 0.25);
    }
}
