//! `GET /detectors/{id}/curve`: any range in a bounded number of steps, with every extreme kept.

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use domain::access::{Permission, Scope};
use domain::hazard::Severity as Badness;
use domain::id::{ChannelId, DetectorId};
use domain::quantity::Quantity as Measured;
use domain::time::UnixMs;
use serde::{Deserialize, Serialize};
use store::History as _;
use store::alarms::AlarmFilter;
use store::detectors::ChannelRow;
use store::history::{Curve as Drawn, CurveAsk, MOST_CHANNELS};
use utoipa::{IntoParams, ToSchema};

use super::channel::limits_of;
use crate::access::caller::Caller;
use crate::http::csv::Csv;
use crate::http::extract::{Filters, Id, checked, words};
use crate::http::problem::{FieldError, ItemProblems, Problem};
use crate::http::time::Time;
use crate::state::Api;
use crate::vocabulary::{Hazard, Quantity, Severity};

/// One channel's curve.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(super) struct CurveSeries {
    /// The channel.
    #[schema(minimum = 1)]
    pub channel_id: i64,
    /// What it measures.
    pub quantity: Quantity,
    /// The unit of the points.
    pub unit: String,
    /// One row per step that has values: begin of the step in ms since 1970 UTC, least, mean, greatest, last.
    #[schema(value_type = Vec<Vec<f64>>, example = json!([[1_795_514_400_000_i64, 38.1, 38.4, 39.0, 38.6]]))]
    pub points: Vec<(i64, f64, f64, f64, f64)>,
    /// Where nothing came for longer than the detector may be silent: from and to, ms since 1970 UTC.
    #[schema(value_type = Vec<Vec<i64>>, example = json!([[1_795_514_400_000_i64, 1_795_518_000_000_i64]]))]
    pub gaps: Vec<(i64, i64)>,
}

/// On which side of a limit the danger is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum LimitDirection {
    /// Above.
    High,
    /// Below.
    Low,
}

/// A limit line.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(super) struct CurveLimit {
    /// The channel.
    #[schema(minimum = 1)]
    pub channel_id: i64,
    /// What it raises.
    pub severity: Severity,
    /// On which side the danger is.
    pub direction: LimitDirection,
    /// In the series' unit.
    pub value: f64,
}

/// An alarm that overlaps the range.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(super) struct CurveAlarm {
    /// The alarm.
    #[schema(minimum = 1)]
    pub alarm_id: i64,
    /// Its channel.
    #[schema(minimum = 1)]
    pub channel_id: i64,
    /// What was wrong.
    pub hazard: Hazard,
    /// How bad it was at worst.
    pub severity: Severity,
    /// When it was raised.
    pub from: Time,
    /// When the condition went away; null while it is there.
    pub to: Option<Time>,
}

/// Curves of a detector.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(super) struct Curve {
    /// Width of a step, s.
    pub step_s: f64,
    /// Begin of the range.
    pub from: Time,
    /// End of the range.
    pub to: Time,
    /// One per channel.
    pub series: Vec<CurveSeries>,
    /// The limits that hold now.
    pub limits: Vec<CurveLimit>,
    /// The alarms that overlap the range.
    pub alarms: Vec<CurveAlarm>,
}

/// Which curve.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct CurveQuery {
    /// Channels, with commas between; default all that have values.
    #[param(example = "1,2")]
    pub channels: Option<String>,
    /// Begin; default a day before the end.
    #[param(value_type = Option<String>, format = DateTime)]
    pub from: Option<Time>,
    /// End; default now.
    #[param(value_type = Option<String>, format = DateTime)]
    pub to: Option<Time>,
    /// How many steps at most.
    #[param(minimum = 10, maximum = 5000)]
    pub points: Option<u32>,
}

/// How many steps there are when nothing is said.
const DEFAULT_POINTS: u32 = 600;
/// How much is shown when nothing is said, ms.
const DEFAULT_RANGE_MS: i64 = 86_400_000;
/// The longest range, ms: ten years.
const LONGEST_RANGE_MS: i64 = 10 * 366 * 86_400_000;
/// The most alarms drawn on one curve.
const MOST_ALARMS: u32 = 500;
/// What counts as silence where the pipeline does not know the detector, ms.
pub(super) const USUAL_SILENCE_MS: i64 = 180_000;

/// The range that is asked for, and how many steps at most.
pub(super) fn range_of(
    now: UnixMs,
    from: Option<Time>,
    to: Option<Time>,
    points: Option<u32>,
) -> Result<(UnixMs, UnixMs, u32), Problem> {
    let to = to.map_or(now, |at| at.0);
    let from = from.map_or_else(|| to.plus_ms(-DEFAULT_RANGE_MS), |at| at.0);
    let points = points.unwrap_or(DEFAULT_POINTS);
    let mut errors = Vec::new();
    if !(1..=LONGEST_RANGE_MS).contains(&to.since_ms(from)) {
        errors.push(FieldError::new(
            "to",
            "out_of_range",
            "wanted an end after the begin, at most ten years later",
        ));
    }
    if from.0 < 0 {
        errors.push(FieldError::new("from", "out_of_range", "wanted a begin after 1970"));
    }
    if !(10..=5000).contains(&points) {
        let words = format!("had {points}, wanted 10 to 5000");
        errors.push(FieldError::new("points", "out_of_range", words).with("min", 10).with("max", 5000));
    }
    checked(errors)?;
    Ok((from, to, points))
}

/// A drawn curve with the channels it is of.
async fn draw(
    api: &Api,
    scope: &Scope,
    detector: DetectorId,
    query: &CurveQuery,
) -> Result<(Drawn, Vec<ChannelRow>), Problem> {
    let mut channels = api.store.detectors().channels(scope, detector).await?;
    let wanted = words("channels", query.channels.as_deref(), |word| word.parse().ok().map(ChannelId))?;
    if wanted.is_empty() {
        channels.retain(|channel| channel.quantity != Measured::Device);
        channels.truncate(MOST_CHANNELS);
    } else {
        if wanted.iter().any(|id| channels.iter().all(|channel| channel.id != *id)) {
            return Err(Problem::not_found("channel of this detector"));
        }
        channels.retain(|channel| wanted.contains(&channel.id));
    }
    let now = api.now();
    let (from, to, points) = range_of(now, query.from, query.to, query.points)?;
    let known = api.memory().detector(detector);
    let ask = CurveAsk {
        channels: channels.iter().map(|channel| channel.id).collect(),
        from,
        to,
        points,
        gap_after_ms: known.map_or(USUAL_SILENCE_MS, |d| d.binding.supervision.offline_after_ms),
        now,
    };
    if ask.channels.is_empty() {
        return Err(Problem::field("channels", "missing", "the detector has no channel with values"));
    }
    Ok((api.store.curve(scope, &ask).await?, channels))
}

/// Curves with their limits and the alarms on them.
#[utoipa::path(
    get,
    path = "/detectors/{id}/curve",
    tag = "detectors",
    operation_id = "get_curve",
    params(("id" = i64, Path, description = "The detector", minimum = 1), CurveQuery),
    responses((status = 200, description = "The curves", body = Curve), ItemProblems)
)]
pub(super) async fn get_curve(
    State(api): State<Api>,
    caller: Caller,
    Id(id): Id,
    Filters(query): Filters<CurveQuery>,
) -> Result<Json<Curve>, Problem> {
    let scope = caller.scope(Permission::View)?;
    let detector = DetectorId(id);
    let (drawn, channels) = draw(&api, &scope, detector, &query).await?;
    let filter = AlarmFilter {
        detector: Some(detector),
        during: Some((drawn.from, drawn.to)),
        ..AlarmFilter::default()
    };
    let alarms = api.store.alarms().export(&scope, &filter, MOST_ALARMS).await?;
    let shown = |channel: ChannelId| channels.iter().any(|row| row.id == channel);
    #[expect(clippy::cast_precision_loss, reason = "a step of days in ms has far less than 53 bits")]
    let step_s = drawn.step_ms as f64 / 1000.0;
    Ok(Json(Curve {
        step_s,
        from: drawn.from.into(),
        to: drawn.to.into(),
        limits: lines(&api, detector, &channels),
        alarms: alarms
            .into_iter()
            .filter(|alarm| shown(alarm.channel_id))
            .map(|alarm| CurveAlarm {
                alarm_id: alarm.id.0,
                channel_id: alarm.channel_id.0,
                hazard: alarm.hazard.into(),
                severity: alarm.worst_severity.into(),
                from: alarm.raised_at.into(),
                to: alarm.returned_at.or(alarm.closed_at).map(Into::into),
            })
            .collect(),
        series: drawn
            .series
            .into_iter()
            .zip(&channels)
            .map(|(series, channel)| CurveSeries {
                channel_id: series.channel.0,
                quantity: channel.quantity.into(),
                unit: channel.quantity.unit().to_owned(),
                points: series.points.iter().map(|p| (p.at.0, p.min, p.mean, p.max, p.last)).collect(),
                gaps: series.gaps.iter().map(|(from, to)| (from.0, to.0)).collect(),
            })
            .collect(),
    }))
}

/// The limits that hold now, as lines.
fn lines(api: &Api, detector: DetectorId, channels: &[ChannelRow]) -> Vec<CurveLimit> {
    let Some(known) = api.memory().detector(detector) else { return Vec::new() };
    let rated_a = known.binding.placement.rated_current_a;
    let mut lines = Vec::new();
    for bound in known.binding.channels.iter().filter(|b| channels.iter().any(|row| row.id == b.channel.id)) {
        let limits = limits_of(bound, rated_a);
        for (value, severity, direction) in [
            (limits.warning, Badness::Warning, LimitDirection::High),
            (limits.alarm, Badness::Alarm, LimitDirection::High),
            (limits.low_warning, Badness::Warning, LimitDirection::Low),
            (limits.low_alarm, Badness::Alarm, LimitDirection::Low),
        ] {
            if let Some(value) = value {
                lines.push(CurveLimit {
                    channel_id: bound.channel.id.0,
                    severity: severity.into(),
                    direction,
                    value,
                });
            }
        }
    }
    lines
}

/// The same curves as CSV, one row per channel and step.
#[utoipa::path(
    get,
    path = "/detectors/{id}/curve.csv",
    tag = "detectors",
    operation_id = "export_curve",
    params(("id" = i64, Path, description = "The detector", minimum = 1), CurveQuery),
    responses(
        (status = 200, description = "UTF-8 with byte order mark", body = String, content_type = "text/csv"),
        ItemProblems
    )
)]
pub(super) async fn export_curve(
    State(api): State<Api>,
    caller: Caller,
    Id(id): Id,
    Filters(query): Filters<CurveQuery>,
) -> Result<Response, Problem> {
    let scope = caller.scope(Permission::View)?;
    let (drawn, channels) = draw(&api, &scope, DetectorId(id), &query).await?;
    let mut table = Csv::new(&[
        "time",
        "channel_id",
        "channel",
        "quantity",
        "phase",
        "unit",
        "min",
        "mean",
        "max",
        "last",
        "count",
    ]);
    for (series, channel) in drawn.series.iter().zip(&channels) {
        for point in &series.points {
            table.row([
                Time(point.at).text(),
                channel.id.to_string(),
                channel.name.clone(),
                channel.quantity.code().to_owned(),
                channel.phase.map(domain::quantity::Phase::code).unwrap_or_default().to_owned(),
                channel.quantity.unit().to_owned(),
                point.min.to_string(),
                point.mean.to_string(),
                point.max.to_string(),
                point.last.to_string(),
                point.count.to_string(),
            ]);
        }
    }
    Ok(table.into_file(&format!("detector-{id}.csv")))
}
