//! Drawing a curve: which source, which step, and merging.

use std::collections::BTreeMap;

use domain::access::Scope;
use domain::id::ChannelId;
use domain::quantity::Decimals;
use domain::time::UnixMs;
use sqlx::SqliteConnection;

use super::bucket::{Bucket, ceil, floor};
use super::calendar::DAY_MS;
use super::retention::{self, Kept};
use super::rolled::{self, Wanted};
use super::rollup::QUARTER_MS;
use super::span;
use super::{
    Curve, CurveAsk, CurvePoint, CurveSource, MOST_CHANNELS, MOST_POINTS, RAW_RANGE_MS, STEPS_S, Series,
};
use crate::detectors;
use crate::error::StoreError;
use crate::open::Store;

/// Widths of points made from readings, s; beyond the last one whole days.
const NICE_S: [i64; 17] = [1, 2, 5, 10, 15, 20, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 21_600, 86_400];

/// Over which buckets a curve is spread, ms.
struct Spread {
    step_ms: i64,
    /// Of the roll-ups.
    width_ms: i64,
    from: i64,
    to: i64,
    now: UnixMs,
}

/// One channel while its curve is gathered.
struct Gathering {
    channel: ChannelId,
    detector: i64,
    point: Option<u16>,
    decimals: Decimals,
    /// By the begin of the point, ms; with the first moment known in it.
    points: BTreeMap<i64, (i64, Bucket)>,
    /// Where something good was measured, from and to, ms; not in order.
    covered: Vec<(i64, i64)>,
}

impl Gathering {
    fn add(&mut self, step_ms: i64, first_at: i64, bucket: &Bucket) {
        self.covered.push((first_at, bucket.last_at.max(first_at)));
        self.points
            .entry(floor(first_at, step_ms))
            .and_modify(|(first, had)| {
                *first = first_at.min(*first);
                had.merge(bucket);
            })
            .or_insert((first_at, *bucket));
    }
}

pub(crate) async fn curve(store: &Store, scope: &Scope, ask: &CurveAsk) -> Result<Curve, StoreError> {
    check(ask)?;
    let mut reading = store.reader().begin().await?;
    let mut gatherings = Vec::with_capacity(ask.channels.len());
    for id in &ask.channels {
        let (channel, detector) = detectors::load_channel(&mut reading, scope, *id).await?;
        gatherings.push(Gathering {
            channel: channel.id,
            detector: detector.id.0,
            point: channel.point.map(|point| point.0),
            decimals: channel.decimals,
            points: BTreeMap::new(),
            covered: Vec::new(),
        });
    }
    let kept = retention::kept(&mut reading).await?;
    let (source, step_ms) = choose(ask, &kept);
    let from = floor(ask.from.0, step_ms);
    let to = ceil(ask.to.0, step_ms);
    match source {
        CurveSource::Readings => read_rows(store, &mut reading, &mut gatherings, step_ms, from, to).await?,
        CurveSource::RollUps(width_s) => {
            // Hours are put together from quarters of hours.
            let width_ms = if width_s * 1000 < DAY_MS { QUARTER_MS } else { DAY_MS };
            let spread = Spread { step_ms, width_ms, from, to, now: ask.now };
            read_rolled(store, &mut reading, &mut gatherings, &spread).await?;
        }
    }
    let series = gatherings.into_iter().map(|gathering| finish(gathering, from, to, ask)).collect();
    Ok(Curve { step_ms, from: UnixMs(from), to: UnixMs(to), source, series })
}

fn check(ask: &CurveAsk) -> Result<(), StoreError> {
    if ask.from >= ask.to {
        return Err(StoreError::invalid("to", "out_of_range", "the end is not after the begin"));
    }
    if ask.channels.is_empty() || ask.channels.len() > MOST_CHANNELS {
        let message = format!("had {} channels, wanted 1 to {MOST_CHANNELS}", ask.channels.len());
        return Err(StoreError::invalid("channels", "out_of_range", message));
    }
    if ask.points == 0 || ask.points > MOST_POINTS {
        let message = format!("had {} points, wanted 1 to {MOST_POINTS}", ask.points);
        return Err(StoreError::invalid("points", "out_of_range", message));
    }
    Ok(())
}

/// The source that still holds the whole range, and the width of a point, ms.
fn choose(ask: &CurveAsk, kept: &Kept) -> (CurveSource, i64) {
    let range = ask.to.since_ms(ask.from);
    let wanted = ceil(range, i64::from(ask.points)) / i64::from(ask.points);
    let [quarter, hour, day] = STEPS_S;
    // Points narrower than the finest roll-up come from the readings; the number of points bounds how many are read.
    let is_fine = range <= RAW_RANGE_MS || wanted < quarter * 1000;
    if is_fine && ask.from.0 >= kept.readings_from {
        let nice = NICE_S.into_iter().map(|step| step * 1000).find(|step| *step >= wanted);
        return (CurveSource::Readings, nice.unwrap_or_else(|| ceil(wanted, 86_400_000)));
    }
    let holds = |width: i64| kept.rollups_from.get(&width).is_none_or(|from| ask.from.0 >= *from);
    let coarsest = [day, hour, quarter].into_iter().find(|width| width * 1000 <= wanted).unwrap_or(quarter);
    let width =
        [quarter, hour, day].into_iter().find(|width| *width >= coarsest && holds(*width)).unwrap_or(day);
    (CurveSource::RollUps(width), ceil(wanted.max(1), width * 1000))
}

async fn read_rows(
    store: &Store,
    connection: &mut SqliteConnection,
    gatherings: &mut [Gathering],
    step_ms: i64,
    from: i64,
    to: i64,
) -> Result<(), StoreError> {
    let mut detectors: Vec<i64> = gatherings.iter().map(|gathering| gathering.detector).collect();
    detectors.sort_unstable();
    detectors.dedup();
    for detector in detectors {
        let stored = span::span(store, &mut *connection, detector, from, to).await?;
        for gathering in gatherings.iter_mut().filter(|gathering| gathering.detector == detector) {
            let Some(point) = gathering.point else { continue };
            stored.track(point, |at, raw| gathering.add(step_ms, at, &Bucket::of(raw, at)))?;
        }
    }
    Ok(())
}

/// Roll-ups, and what they do not hold yet.
async fn read_rolled(
    store: &Store,
    connection: &mut SqliteConnection,
    gatherings: &mut [Gathering],
    ask: &Spread,
) -> Result<(), StoreError> {
    let mut points: BTreeMap<i64, Vec<u16>> = BTreeMap::new();
    for gathering in gatherings.iter() {
        points.entry(gathering.detector).or_default().extend(gathering.point);
    }
    for (detector, mut points) in points {
        points.sort_unstable();
        points.dedup();
        let Spread { from, to, width_ms, now, .. } = *ask;
        let wanted = Wanted { detector, points: &points, from, to, width_ms, now };
        let found = rolled::read(store, connection, &wanted).await?;
        for gathering in gatherings.iter_mut().filter(|gathering| gathering.detector == detector) {
            let series = gathering.point.and_then(|point| found.points.get(&point));
            for (begin, bucket) in series.into_iter().flatten() {
                gathering.add(ask.step_ms, *begin, bucket);
            }
        }
    }
    Ok(())
}

fn finish(mut gathering: Gathering, from: i64, to: i64, ask: &CurveAsk) -> Series {
    let decimals = gathering.decimals;
    let points = gathering.points.into_values().map(|(at, bucket)| {
        #[expect(clippy::cast_precision_loss, reason = "counts and sums stay far below 2^53")]
        let mean = decimals.value(bucket.sum) / bucket.count.max(1) as f64;
        CurvePoint {
            at: UnixMs(at),
            min: decimals.value(bucket.min),
            mean,
            max: decimals.value(bucket.max),
            last: decimals.value(bucket.last),
            count: bucket.count,
        }
    });
    gathering.covered.sort_unstable();
    let end = to.min(ask.now.0);
    let mut gaps = Vec::new();
    let mut silent_since = from;
    for (first, last) in gathering.covered.into_iter().chain([(end, end)]) {
        if first.saturating_sub(silent_since) > ask.gap_after_ms {
            gaps.push((UnixMs(silent_since), UnixMs(first)));
        }
        silent_since = silent_since.max(last);
    }
    Series { channel: gathering.channel, points: points.collect(), gaps }
}
