//! `GET /curves`: channels of any detectors on one axis of time, for programs and for putting one beside the other.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use domain::access::Permission;
use domain::id::{ChannelId, DetectorId};
use serde::{Deserialize, Serialize};
use store::History as _;
use store::detectors::{ChannelRow, DetectorRow};
use store::history::{CurveAsk, CurvePoint, CurveSource, MOST_CHANNELS};
use store::readings::Fault;
use utoipa::{IntoParams, ToSchema};

use super::curve::{USUAL_SILENCE_MS, range_of};
use crate::access::caller::Caller;
use crate::http::extract::{Filters, words};
use crate::http::problem::{ItemProblems, Problem};
use crate::http::time::Time;
use crate::state::Api;
use crate::vocabulary::{Quality, Quantity};

/// A time in which a channel had no good value.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
pub(super) struct CurveFault {
    /// The first value that was not good.
    pub from: Time,
    /// The next good value, or the last that is known.
    pub to: Time,
    /// What was wrong.
    pub quality: Quality,
}

/// One channel on the common axis. Every list is as long as `times`; null where the step has no good value.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(super) struct AlignedSeries {
    /// The channel.
    #[schema(minimum = 1)]
    pub channel_id: i64,
    /// What people call it.
    pub channel_name: String,
    /// Its detector.
    #[schema(minimum = 1)]
    pub detector_id: i64,
    /// The detector's name.
    pub detector_name: String,
    /// What it measures.
    pub quantity: Quantity,
    /// The unit of the values.
    pub unit: String,
    /// The least good value of each step.
    pub min: Vec<Option<f64>>,
    /// Their mean.
    pub mean: Vec<Option<f64>>,
    /// The greatest.
    pub max: Vec<Option<f64>>,
    /// The last.
    pub last: Vec<Option<f64>>,
    /// How many there were.
    pub count: Vec<i64>,
    /// Where nothing good came for longer than the detector may be silent: from and to, ms since 1970 UTC.
    #[schema(value_type = Vec<Vec<i64>>, example = json!([[1_795_514_400_000_i64, 1_795_518_000_000_i64]]))]
    pub gaps: Vec<(i64, i64)>,
    /// Where values came that are not good. Empty, too, where `faults_known` is false.
    pub faults: Vec<CurveFault>,
}

/// Channels on one axis.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(super) struct AlignedCurves {
    /// Width of a step, s.
    pub step_s: f64,
    /// Begin, widened to whole steps.
    pub from: Time,
    /// End, widened to whole steps.
    pub to: Time,
    /// Whether faults were looked for: roll-ups do not know them.
    pub faults_known: bool,
    /// Begin of every step, ms since 1970 UTC.
    #[schema(value_type = Vec<i64>)]
    pub times: Vec<i64>,
    /// One per channel, in the order asked for.
    pub series: Vec<AlignedSeries>,
}

/// Which channels, and when.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct AlignedQuery {
    /// 1 to 64 channels, with commas between.
    #[param(example = "1,2")]
    pub channels: String,
    /// Begin; default a day before the end.
    #[param(value_type = Option<String>, format = DateTime)]
    pub from: Option<Time>,
    /// End; default now.
    #[param(value_type = Option<String>, format = DateTime)]
    pub to: Option<Time>,
    /// How many steps at most, about.
    #[param(minimum = 10, maximum = 5000)]
    pub points: Option<u32>,
}

/// Channels of any detectors on one axis of time, with every extreme kept, gaps as nulls, and faults of sensors.
#[utoipa::path(
    get,
    path = "/curves",
    tag = "detectors",
    operation_id = "get_curves",
    params(AlignedQuery),
    responses((status = 200, description = "The channels", body = AlignedCurves), ItemProblems)
)]
pub(super) async fn get_curves(
    State(api): State<Api>,
    caller: Caller,
    Filters(query): Filters<AlignedQuery>,
) -> Result<Json<AlignedCurves>, Problem> {
    let scope = caller.scope(Permission::View)?;
    let mut ids: Vec<ChannelId> = Vec::new();
    for id in words("channels", Some(&query.channels), |word| word.parse().ok().map(ChannelId))? {
        if !ids.contains(&id) {
            ids.push(id);
        }
    }
    if ids.is_empty() || ids.len() > MOST_CHANNELS {
        let words = format!("had {} channels, wanted 1 to {MOST_CHANNELS}", ids.len());
        return Err(Problem::field("channels", "out_of_range", words));
    }
    let now = api.now();
    let (from, to, points) = range_of(now, query.from, query.to, query.points)?;
    let mut channels: Vec<(ChannelRow, DetectorRow)> = Vec::with_capacity(ids.len());
    for id in &ids {
        channels.push(api.store.detectors().channel(&scope, *id).await?);
    }
    let silence = |detector: DetectorId| {
        let known = api.memory().detector(detector);
        known.map_or(USUAL_SILENCE_MS, |d| d.binding.supervision.offline_after_ms)
    };
    // One axis has one measure of silence: that of the most patient detector.
    let gap_after_ms =
        channels.iter().map(|(_, detector)| silence(detector.id)).max().unwrap_or(USUAL_SILENCE_MS);
    let ask = CurveAsk { channels: ids, from, to, points, gap_after_ms, now };
    let drawn = api.store.curve(&scope, &ask).await?;
    let step = drawn.step_ms.max(1);
    let times: Vec<i64> = std::iter::successors(Some(drawn.from.0), |at| Some(at + step))
        .take_while(|at| *at < drawn.to.0)
        .collect();
    let faults_known = drawn.source == CurveSource::Readings;
    let mut faults: BTreeMap<ChannelId, Vec<Fault>> = BTreeMap::new();
    if faults_known {
        let mut by_detector: BTreeMap<DetectorId, Vec<&ChannelRow>> = BTreeMap::new();
        for (channel, detector) in &channels {
            by_detector.entry(detector.id).or_default().push(channel);
        }
        for (detector, own) in by_detector {
            let own: Vec<_> = own.into_iter().filter_map(|one| Some((one.id, one.point?))).collect();
            let points: Vec<_> = own.iter().map(|(_, point)| *point).collect();
            let found = api.store.readings().faults(&scope, detector, &points, drawn.from, drawn.to).await?;
            faults.extend(own.into_iter().map(|(id, _)| id).zip(found));
        }
    }
    let series = drawn.series.into_iter().zip(channels).map(|(series, (channel, detector))| {
        let aligned = align(&series.points, drawn.from.0, step, times.len());
        let of = |field: fn(&CurvePoint) -> f64| aligned.iter().map(|at| at.as_ref().map(field)).collect();
        AlignedSeries {
            channel_id: channel.id.0,
            channel_name: channel.name,
            detector_id: detector.id.0,
            detector_name: detector.name,
            quantity: channel.quantity.into(),
            unit: channel.quantity.unit().to_owned(),
            min: of(|point| point.min),
            mean: of(|point| point.mean),
            max: of(|point| point.max),
            last: of(|point| point.last),
            count: aligned.iter().map(|at| at.as_ref().map_or(0, |point| point.count)).collect(),
            gaps: series.gaps.iter().map(|(from, to)| (from.0, to.0)).collect(),
            faults: faults
                .remove(&channel.id)
                .unwrap_or_default()
                .into_iter()
                .map(|one| CurveFault {
                    from: one.from.into(),
                    to: one.to.into(),
                    quality: one.quality.into(),
                })
                .collect(),
        }
    });
    let series = series.collect();
    #[expect(clippy::cast_precision_loss, reason = "a step of days in ms has far less than 53 bits")]
    let step_s = step as f64 / 1000.0;
    Ok(Json(AlignedCurves {
        step_s,
        from: drawn.from.into(),
        to: drawn.to.into(),
        faults_known,
        times,
        series,
    }))
}

/// The points by their step: as many places as there are steps.
fn align(points: &[CurvePoint], from: i64, step: i64, steps: usize) -> Vec<Option<CurvePoint>> {
    let mut places = vec![None; steps];
    for point in points {
        let place = usize::try_from((point.at.0 - from).div_euclid(step)).ok();
        if let Some(place) = place.and_then(|place| places.get_mut(place)) {
            *place = Some(*point);
        }
    }
    places
}

#[cfg(test)]
mod tests {
    use domain::time::UnixMs;

    use super::*;

    #[test]
    fn points_stand_at_their_step_wherever_in_it_the_first_value_was() {
        let point =
            |at, last| CurvePoint { at: UnixMs(at), min: last, mean: last, max: last, last, count: 1 };
        let aligned = align(&[point(100, 1.0), point(129, 2.0), point(140, 3.0)], 100, 10, 4);
        let last: Vec<Option<f64>> = aligned.iter().map(|at| at.as_ref().map(|point| point.last)).collect();
        assert_eq!(last, [Some(1.0), None, Some(2.0), None]);
    }
}
