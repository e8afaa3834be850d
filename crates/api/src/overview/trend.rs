//! `GET /overview/trend`: what each day raised and what has become of it.

use axum::Json;
use axum::extract::State;
use domain::access::Permission;
use domain::id::OrganisationId;
use domain::place::AreaCode;
use domain::time::UnixMs;
use jiff::{Timestamp, ToSpan};
use store::overview::Part;

use super::shape::{Trend, TrendDay, TrendQuery};
use crate::access::caller::Caller;
use crate::http::extract::Filters;
use crate::http::problem::{ListProblems, Problem};
use crate::state::Api;

/// Days shown unless told.
const DAYS: i64 = 14;
/// The most that may be asked for at once.
const MOST_DAYS: i64 = 92;

/// What each day raised, and how much of it was taken and closed.
#[utoipa::path(
    get,
    path = "/overview/trend",
    tag = "overview",
    operation_id = "get_overview_trend",
    params(TrendQuery),
    responses((status = 200, description = "The days, oldest first", body = Trend), ListProblems)
)]
pub(super) async fn get_overview_trend(
    State(api): State<Api>,
    caller: Caller,
    Filters(query): Filters<TrendQuery>,
) -> Result<Json<Trend>, Problem> {
    let scope = caller.scope(Permission::View)?;
    let part = Part { area: query.area.map(AreaCode), organisation: query.organisation.map(OrganisationId) };
    let repository = api.store.overview();
    let mut days = Vec::new();
    for (from, to) in days_until(api.now(), &api.config.zone, query.days.unwrap_or(DAYS).clamp(1, MOST_DAYS))
    {
        let day = repository.handled_between(&scope, &part, from, to).await?;
        days.push(TrendDay {
            from: from.into(),
            alarm: day.alarm,
            warning: day.warning,
            fault: day.fault,
            acknowledged: day.acknowledged,
            closed: day.closed,
            mean_to_acknowledge_s: day.to_acknowledge_ms.checked_div(day.acknowledged).map(|ms| ms / 1000),
        });
    }
    Ok(Json(Trend { days }))
}

/// Begin and end of each of the last `count` days in the zone with this name (UTC when there is no such zone), oldest
/// first; the last is today.
fn days_until(now: UnixMs, zone: &str, count: i64) -> Vec<(UnixMs, UnixMs)> {
    let at = Timestamp::from_millisecond(now.0).unwrap_or(Timestamp::UNIX_EPOCH);
    let zone = jiff::tz::TimeZone::get(zone).unwrap_or(jiff::tz::TimeZone::UTC);
    let local = at.to_zoned_datetime(zone);
    let midnight = |back: i64| {
        let day = local.checked_sub(back.days()).ok()?.start_of_day().ok()?;
        Some(UnixMs(day.timestamp().as_millisecond()))
    };
    (0..count).rev().filter_map(|back| Some((midnight(back)?, midnight(back - 1)?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_touch_and_the_last_is_today() {
        // 2026-11-24T10:00:00Z is 18:00 in Shanghai.
        let now = UnixMs(1_795_514_400_000);
        let days = days_until(now, "Asia/Shanghai", 3);
        assert_eq!(days.len(), 3);
        assert!(days.windows(2).all(|pair| pair[0].1 == pair[1].0));
        assert!(days[2].0 <= now && now < days[2].1);
        assert_eq!(days[2].0.0, 1_795_514_400_000 - 18 * 3_600_000);
    }

    #[test]
    fn a_day_of_23_hours_is_a_day() {
        // Central Europe put its clocks forward on 2026-03-29.
        let days = days_until(UnixMs(1_774_828_800_000), "Europe/Berlin", 2);
        assert!(days.iter().any(|(from, to)| to.0 - from.0 == 23 * 3_600_000), "{days:?}");
    }
}
