//! Statistics by hour, day or month of the local clock: of a channel, of a quantity at a site or in an area.

use axum::Json;
use axum::extract::State;
use domain::access::Permission;
use domain::id::{ChannelId, SiteId};
use domain::place::AreaCode;
use domain::time::UnixMs;
use jiff::tz::TimeZone;
use jiff::{RoundMode, Timestamp, ToSpan as _, Unit, ZonedDateTime, ZonedDateTimeRound};
use serde::{Deserialize, Serialize};
use store::History as _;
use store::history::{MOST_PERIODS, StatisticsAsk, StatisticsOf};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::access::caller::Caller;
use crate::http::extract::{Filters, Id};
use crate::http::problem::{ItemProblems, Problem};
use crate::http::time::Time;
use crate::state::Api;
use crate::vocabulary::Quantity;

/// By whose clock an area's days are cut where nothing is said.
const USUAL_ZONE: &str = "Asia/Shanghai";

/// The addresses of this subject.
pub(crate) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(get_channel_statistics))
        .routes(routes!(get_site_statistics))
        .routes(routes!(get_area_statistics))
}

/// How long a period is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum PeriodLength {
    /// An hour.
    Hour,
    /// A day.
    #[default]
    Day,
    /// A month.
    Month,
}

/// Which periods of a channel.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct ChannelQuery {
    /// How long a period is; a day where nothing is said.
    #[param(inline)]
    by: Option<PeriodLength>,
    /// In the first period; default a day, a month or a year before the end, by the length of a period.
    #[param(value_type = Option<String>, format = DateTime)]
    from: Option<Time>,
    /// In the last period or its end; default now.
    #[param(value_type = Option<String>, format = DateTime)]
    to: Option<Time>,
}

/// Which periods of a site.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct SiteQuery {
    /// What was measured.
    #[param(inline)]
    quantity: Quantity,
    /// How long a period is; a day where nothing is said.
    #[param(inline)]
    by: Option<PeriodLength>,
    /// In the first period; default a day, a month or a year before the end, by the length of a period.
    #[param(value_type = Option<String>, format = DateTime)]
    from: Option<Time>,
    /// In the last period or its end; default now.
    #[param(value_type = Option<String>, format = DateTime)]
    to: Option<Time>,
}

/// Which periods of an area.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct AreaQuery {
    /// The area and all inside it.
    #[param(max_length = 12)]
    area: String,
    /// What was measured.
    #[param(inline)]
    quantity: Quantity,
    /// How long a period is; a day where nothing is said.
    #[param(inline)]
    by: Option<PeriodLength>,
    /// In the first period; default a day, a month or a year before the end, by the length of a period.
    #[param(value_type = Option<String>, format = DateTime)]
    from: Option<Time>,
    /// In the last period or its end; default now.
    #[param(value_type = Option<String>, format = DateTime)]
    to: Option<Time>,
}

/// What was measured within one period. Good values only.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(super) struct PeriodStatistics {
    /// Its begin.
    from: Time,
    /// Its end.
    to: Time,
    /// How many values.
    #[schema(minimum = 0)]
    count: i64,
    /// The least; null where there is no value.
    min: Option<f64>,
    /// The mean of all values.
    mean: Option<f64>,
    /// The greatest.
    max: Option<f64>,
    /// For how long values stand, h: each until the next, and no longer than the silence after which its detector is
    /// offline. Of several channels the sum.
    #[schema(minimum = 0)]
    measured_h: f64,
    /// For how long of that they were at the limit that was in force then, or beyond, h. Of several channels the sum.
    #[schema(minimum = 0)]
    over_limit_h: f64,
    /// Energy, kWh: what the counters rose by, or mean power over the time measured; null for other quantities.
    energy_kwh: Option<f64>,
}

/// Statistics by periods of the local clock.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(super) struct Statistics {
    /// What was measured.
    quantity: Quantity,
    /// Its unit.
    #[schema(example = "mA")]
    unit: String,
    /// By whose clock the periods are cut, an IANA name.
    #[schema(example = "Asia/Shanghai")]
    zone: String,
    /// How long a period is.
    by: PeriodLength,
    /// How many channels are in it. Of a detector that measures the total of a power or an energy, that alone.
    #[schema(minimum = 0)]
    channels: usize,
    /// The periods, oldest first.
    periods: Vec<PeriodStatistics>,
}

/// The statistics of a channel.
#[utoipa::path(
    get,
    path = "/channels/{id}/statistics",
    tag = "detectors",
    operation_id = "get_channel_statistics",
    params(("id" = i64, Path, description = "The channel", minimum = 1), ChannelQuery),
    responses((status = 200, description = "The statistics", body = Statistics), ItemProblems)
)]
async fn get_channel_statistics(
    State(api): State<Api>,
    caller: Caller,
    Id(id): Id,
    Filters(query): Filters<ChannelQuery>,
) -> Result<Json<Statistics>, Problem> {
    let scope = caller.scope(Permission::View)?;
    let (_, detector) = api.store.detectors().channel(&scope, ChannelId(id)).await?;
    let zone = api.store.sites().get(&scope, detector.site_id).await?.zone;
    let cut = Cut { zone, by: query.by.unwrap_or_default(), from: query.from, to: query.to };
    made(&api, &scope, StatisticsOf::Channel(ChannelId(id)), cut).await
}

/// The statistics of all channels of a quantity at a site.
#[utoipa::path(
    get,
    path = "/sites/{id}/statistics",
    tag = "places",
    operation_id = "get_site_statistics",
    params(("id" = i64, Path, description = "The site", minimum = 1), SiteQuery),
    responses((status = 200, description = "The statistics", body = Statistics), ItemProblems)
)]
async fn get_site_statistics(
    State(api): State<Api>,
    caller: Caller,
    Id(id): Id,
    Filters(query): Filters<SiteQuery>,
) -> Result<Json<Statistics>, Problem> {
    let scope = caller.scope(Permission::View)?;
    let zone = api.store.sites().get(&scope, SiteId(id)).await?.zone;
    let cut = Cut { zone, by: query.by.unwrap_or_default(), from: query.from, to: query.to };
    made(&api, &scope, StatisticsOf::Site(SiteId(id), query.quantity.into()), cut).await
}

/// The statistics of all channels of a quantity in an area, by the clock of Beijing.
#[utoipa::path(
    get,
    path = "/statistics",
    tag = "places",
    operation_id = "get_area_statistics",
    params(AreaQuery),
    responses((status = 200, description = "The statistics", body = Statistics), ItemProblems)
)]
async fn get_area_statistics(
    State(api): State<Api>,
    caller: Caller,
    Filters(query): Filters<AreaQuery>,
) -> Result<Json<Statistics>, Problem> {
    let scope = caller.scope(Permission::View)?;
    let zone = USUAL_ZONE.to_owned();
    let cut = Cut { zone, by: query.by.unwrap_or_default(), from: query.from, to: query.to };
    made(&api, &scope, StatisticsOf::Area(AreaCode(query.area), query.quantity.into()), cut).await
}

/// How time is cut into periods.
struct Cut {
    zone: String,
    by: PeriodLength,
    from: Option<Time>,
    to: Option<Time>,
}

async fn made(
    api: &Api,
    scope: &domain::access::Scope,
    of: StatisticsOf,
    cut: Cut,
) -> Result<Json<Statistics>, Problem> {
    let now = api.now();
    let edges = edges(&cut, now)?;
    let found = api.store.statistics(scope, &StatisticsAsk { of, edges, now }).await?;
    Ok(Json(Statistics {
        quantity: found.quantity.into(),
        unit: found.quantity.unit().to_owned(),
        zone: cut.zone,
        by: cut.by,
        channels: found.channels,
        periods: found
            .periods
            .into_iter()
            .map(|period| PeriodStatistics {
                from: period.from.into(),
                to: period.to.into(),
                count: period.count,
                min: period.values.map(|values| values.min),
                mean: period.values.map(|values| values.mean),
                max: period.values.map(|values| values.max),
                measured_h: period.measured_h,
                over_limit_h: period.over_limit_h,
                energy_kwh: period.energy_kwh,
            })
            .collect(),
    }))
}

/// The begins of the periods and the end of the last.
fn edges(cut: &Cut, now: UnixMs) -> Result<Vec<UnixMs>, Problem> {
    let wrong = |words: String| Problem::field("from", "out_of_range", words);
    let zone = TimeZone::get(&cut.zone).unwrap_or(TimeZone::UTC);
    let local = |at: UnixMs| -> Result<ZonedDateTime, Problem> {
        let at = Timestamp::from_millisecond(at.0).map_err(|error| wrong(error.to_string()))?;
        Ok(at.to_zoned_datetime(zone.clone()))
    };
    let (length, before) = match cut.by {
        PeriodLength::Hour => (1.hour(), 1.day()),
        PeriodLength::Day => (1.day(), 1.month()),
        PeriodLength::Month => (1.month(), 1.year()),
    };
    let to = local(cut.to.map_or(now, |to| to.0))?;
    let from = match cut.from {
        Some(from) => local(from.0)?,
        None => to.checked_sub(before).map_err(|error| wrong(error.to_string()))?,
    };
    let begin = match cut.by {
        PeriodLength::Hour => {
            from.round(ZonedDateTimeRound::new().smallest(Unit::Hour).mode(RoundMode::Trunc))
        }
        PeriodLength::Day => from.start_of_day(),
        PeriodLength::Month => from.first_of_month().and_then(|first| first.start_of_day()),
    };
    let mut edge = begin.map_err(|error| wrong(error.to_string()))?;
    let mut edges = vec![UnixMs(edge.timestamp().as_millisecond())];
    while edge < to {
        if edges.len() > MOST_PERIODS {
            return Err(wrong(format!("had more than {MOST_PERIODS} periods")));
        }
        edge = edge.checked_add(length).map_err(|error| wrong(error.to_string()))?;
        edges.push(UnixMs(edge.timestamp().as_millisecond()));
    }
    if edges.len() < 2 {
        return Err(wrong("the end is not after the begin".to_owned()));
    }
    Ok(edges)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-11-25 10:10 in China.
    const NOW: UnixMs = UnixMs(1_795_572_600_000);
    const HOUR: i64 = 3_600_000;

    fn cut(by: PeriodLength, from: Option<i64>) -> Vec<i64> {
        let from = from.map(|at| Time(UnixMs(at)));
        let cut = Cut { zone: USUAL_ZONE.to_owned(), by, from, to: None };
        edges(&cut, NOW).unwrap().into_iter().map(|edge| edge.0 / HOUR).collect()
    }

    #[test]
    fn periods_are_whole_ones_of_the_local_clock() {
        let now = NOW.0 / HOUR;
        assert_eq!(cut(PeriodLength::Hour, Some(NOW.0 - HOUR)), [now - 1, now, now + 1]);
        // Midnight of China is 16:00 of the day before.
        let days = cut(PeriodLength::Day, Some(NOW.0 - 24 * HOUR));
        assert_eq!(days, [now - 34, now - 10, now + 14]);
        let months = cut(PeriodLength::Month, None);
        assert_eq!(months.len(), 14);
        assert_eq!(months[13] - months[12], 30 * 24, "November");
        assert!(months.iter().all(|edge| edge.rem_euclid(24) == 16));
    }

    #[test]
    fn nothing_and_too_much_are_refused() {
        let far = Cut {
            zone: USUAL_ZONE.to_owned(),
            by: PeriodLength::Hour,
            from: Some(Time(UnixMs(NOW.0 - 800 * HOUR))),
            to: None,
        };
        assert!(edges(&far, NOW).is_err());
        assert!(
            edges(&Cut { from: Some(Time(NOW)), to: Some(Time(NOW)), by: PeriodLength::Month, ..far }, NOW)
                .is_ok(),
            "the month that holds it"
        );
    }
}
