//! Drawing a curve: which source, which step, and merging.

use std::collections::BTreeMap;

use domain::access::Scope;
use domain::id::ChannelId;
use domain::quantity::Decimals;
use domain::reading::{Filing, Quality};
use domain::time::UnixMs;
use sqlx::{QueryBuilder, Sqlite, SqliteConnection};

use super::bucket::{Bucket, ceil, floor};
use super::retention::{self, Kept};
use super::rollup::shard_of;
use super::span;
use super::{
    Curve, CurveAsk, CurvePoint, CurveSource, MOST_CHANNELS, MOST_POINTS, RAW_RANGE_MS, STEPS_S, Series,
};
use crate::detectors;
use crate::error::StoreError;
use crate::open::Store;
use crate::payload;
use crate::scoped::push_any;

/// Widths of points made from readings, s; beyond the last one whole days.
const NICE_S: [i64; 17] = [1, 2, 5, 10, 15, 20, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 21_600, 86_400];

/// Readings per query when walking back from the newest.
const CHUNK: i64 = 500;

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
            read_rollups(&mut reading, &mut gatherings, step_ms, width_s, from, to).await?;
            read_tail(&mut reading, &mut gatherings, step_ms, from, to).await?;
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

/// The detectors of the gatherings, each with the groups it has sent.
async fn lines(
    connection: &mut SqliteConnection,
    gatherings: &[Gathering],
) -> Result<Vec<(i64, i64)>, StoreError> {
    let mut query = QueryBuilder::<Sqlite>::new("SELECT detector_id, grp FROM reading_group WHERE 1 = 1");
    push_any(&mut query, "detector_id", gatherings.iter().map(|gathering| gathering.detector));
    Ok(query.push(" ORDER BY detector_id, grp").build_query_as().fetch_all(connection).await?)
}

fn add_reading(
    gatherings: &mut [Gathering],
    detector: i64,
    filed_at: i64,
    bytes: &[u8],
    step_ms: i64,
) -> Result<(), StoreError> {
    let (samples, _) = payload::decode(bytes).map_err(|error| {
        StoreError::corrupt(format!("reading of detector {detector} at {filed_at}: {error}"))
    })?;
    for sample in samples.iter().filter(|sample| sample.quality == Quality::Good) {
        for gathering in gatherings.iter_mut() {
            if gathering.detector == detector && gathering.point == Some(sample.point.0) {
                gathering.add(step_ms, filed_at, &Bucket::of(sample.raw, filed_at));
            }
        }
    }
    Ok(())
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

async fn read_rollups(
    connection: &mut SqliteConnection,
    gatherings: &mut [Gathering],
    step_ms: i64,
    width_s: i64,
    from: i64,
    to: i64,
) -> Result<(), StoreError> {
    for gathering in gatherings {
        let rows: Vec<(i64, i64, i64, i64, i64, i64, i64)> = sqlx::query_as(
            "SELECT bucket, min, max, sum, count, last, last_at FROM rollup \
             WHERE channel_id = $1 AND step_s = $2 AND bucket >= $3 AND bucket < $4 ORDER BY bucket",
        )
        .bind(gathering.channel.0)
        .bind(width_s)
        .bind(from)
        .bind(to)
        .fetch_all(&mut *connection)
        .await?;
        for (begin, min, max, sum, count, last, last_at) in rows {
            gathering.add(step_ms, begin, &Bucket { min, max, sum, count, last, last_at });
        }
    }
    Ok(())
}

/// The readings that the roll-ups do not hold yet. Readings filed as current rise in time per detector and
/// group, so that walking back from the newest can stop at the first one that is rolled up; the others have
/// an index of their own.
async fn read_tail(
    connection: &mut SqliteConnection,
    gatherings: &mut [Gathering],
    step_ms: i64,
    from: i64,
    to: i64,
) -> Result<(), StoreError> {
    let current = i64::from(Filing::Current.stored());
    for (detector, group) in lines(connection, gatherings).await? {
        let cursor = cursor_of(connection, detector).await?;
        let mut before = to;
        'walk: loop {
            let rows: Vec<(i64, i64, i64, Vec<u8>)> = sqlx::query_as(
                "SELECT seq, filing, filed_at, payload FROM reading WHERE detector_id = $1 AND grp = $2 \
                 AND filed_at >= $3 AND filed_at < $4 ORDER BY filed_at DESC LIMIT $5",
            )
            .bind(detector)
            .bind(group)
            .bind(from)
            .bind(before)
            .bind(CHUNK)
            .fetch_all(&mut *connection)
            .await?;
            if rows.is_empty() {
                break;
            }
            for (seq, filing, filed_at, bytes) in rows {
                before = filed_at;
                if filing != current {
                    continue;
                }
                if seq <= cursor {
                    break 'walk;
                }
                add_reading(gatherings, detector, filed_at, &bytes, step_ms)?;
            }
        }
    }
    let mut detectors: Vec<i64> = gatherings.iter().map(|gathering| gathering.detector).collect();
    detectors.sort_unstable();
    detectors.dedup();
    for detector in detectors {
        let cursor = cursor_of(connection, detector).await?;
        let rows: Vec<(i64, Vec<u8>)> = sqlx::query_as(
            "SELECT filed_at, payload FROM reading INDEXED BY reading_not_current WHERE detector_id = $1 \
             AND seq > $2 AND filing <> 0 AND filed_at >= $3 AND filed_at < $4",
        )
        .bind(detector)
        .bind(cursor)
        .bind(from)
        .bind(to)
        .fetch_all(&mut *connection)
        .await?;
        for (filed_at, bytes) in rows {
            add_reading(gatherings, detector, filed_at, &bytes, step_ms)?;
        }
    }
    Ok(())
}

async fn cursor_of(connection: &mut SqliteConnection, detector: i64) -> Result<i64, StoreError> {
    let cursor: Option<i64> = sqlx::query_scalar("SELECT seq FROM rollup_cursor WHERE shard = $1")
        .bind(shard_of(detector))
        .fetch_optional(connection)
        .await?;
    Ok(cursor.unwrap_or(0))
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
