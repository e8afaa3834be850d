//! `GET /overview`: counts that are links, the worst sites, what waits.

use axum::Json;
use axum::extract::State;
use domain::access::{Permission, Scope};
use domain::id::OrganisationId;
use domain::place::AreaCode;
use domain::time::UnixMs;
use jiff::{Timestamp, ToSpan};
use store::overview::Part;

use super::shape::{
    AreaCounts, Counts, HazardCount, IntakeFacts, Overview, PartQuery, StorageFacts, Waiting, WorstSite,
};
use crate::access::caller::Caller;
use crate::http::extract::Filters;
use crate::http::problem::{ListProblems, Problem};
use crate::state::Api;

/// How many of the worst sites are shown.
const WORST: u32 = 10;
/// How many days make the usual.
const USUAL_DAYS: i32 = 7;

impl From<&PartQuery> for Part {
    fn from(query: &PartQuery) -> Self {
        Self { area: query.area.clone().map(AreaCode), organisation: query.organisation.map(OrganisationId) }
    }
}

/// How the world stands.
#[utoipa::path(
    get,
    path = "/overview",
    tag = "overview",
    operation_id = "get_overview",
    params(PartQuery),
    responses((status = 200, description = "The overview", body = Overview), ListProblems)
)]
pub(super) async fn get_overview(
    State(api): State<Api>,
    caller: Caller,
    Filters(query): Filters<PartQuery>,
) -> Result<Json<Overview>, Problem> {
    let scope = caller.scope(Permission::View)?;
    let part = Part::from(&query);
    let repository = api.store.overview();
    let counts = repository.counts(&scope, &part).await?;
    let waiting = repository.waiting(&scope, &part).await?;
    let (alarms_today, alarms_usual) = today_and_usual(&api, &scope, &part).await?;
    let worst = repository.worst(&scope, &part, WORST).await?;
    let by_area = repository.by_area(&scope, &part).await?;
    let by_hazard = repository.by_hazard(&scope, &part).await?;
    let storage = api.storage();
    Ok(Json(Overview {
        counts: Counts {
            sites: counts.sites,
            detectors: counts.detectors,
            alarm: counts.alarm,
            warning: counts.warning,
            fault: counts.fault,
            offline: counts.offline,
            normal: counts.normal,
            unknown: counts.unknown,
        },
        alarms_today,
        alarms_usual,
        unacknowledged: waiting.unacknowledged,
        waiting: Waiting {
            pending_terminals: waiting.pending_terminals,
            unacknowledged: waiting.unacknowledged,
            latched: waiting.latched,
        },
        worst: worst
            .into_iter()
            .map(|site| WorstSite {
                site_id: site.site_id.0,
                site_name: site.site_name,
                status: site.status.into(),
                open_alarm: site.open_alarm,
                open_warning: site.open_warning,
                open_fault: site.open_fault,
                longest_open_since: site.longest_open_since.map(Into::into),
            })
            .collect(),
        by_area: by_area
            .into_iter()
            .map(|area| AreaCounts {
                area_code: area.area_code.0,
                name: area.name,
                sites: area.sites,
                alarm: area.alarm,
                warning: area.warning,
                fault: area.fault,
                offline: area.offline,
            })
            .collect(),
        by_hazard: by_hazard
            .into_iter()
            .map(|count| HazardCount { hazard: count.hazard.into(), open: count.open })
            .collect(),
        storage: StorageFacts {
            used_bytes: storage.folder_bytes,
            limit_bytes: storage.soft_limit_bytes,
            warning: storage.warning,
            backup_late: api.engine.backups().is_some_and(|backup| backup.late || backup.failed.is_some()),
        },
        intake: IntakeFacts {
            readings_per_s: api.rate.per_s(),
            confirmed_total: api.counters.readings_confirmed.get(),
            refused_total: api.counters.frames_refused.get(),
            telegrams_dropped_total: api.counters.telegrams_dropped.get(),
        },
    }))
}

/// Alarms and warnings since midnight, and how many there were by this time of day on the days before.
async fn today_and_usual(api: &Api, scope: &Scope, part: &Part) -> Result<(i64, Option<f64>), Problem> {
    let now = api.now();
    let days = days_until_now(now, &api.config.zone);
    let Some(((today_from, _), earlier)) = days.split_first() else { return Ok((0, None)) };
    let repository = api.store.overview();
    let today = repository.raised_between(scope, part, *today_from, now).await?;
    let first = repository.first_raised(scope, part).await?;
    let watched = earlier.last().is_some_and(|(oldest, _)| first.is_some_and(|first| first <= *oldest));
    if !watched {
        return Ok((today, None));
    }
    let mut sum = 0_i64;
    for (from, to) in earlier {
        sum += repository.raised_between(scope, part, *from, *to).await?;
    }
    let mean = i32::try_from(sum).ok().map(|sum| f64::from(sum) / f64::from(USUAL_DAYS));
    Ok((today, mean))
}

/// From midnight to this time of day: today, then the days before, in the zone with this name (UTC when there is
/// no such zone).
fn days_until_now(now: UnixMs, zone: &str) -> Vec<(UnixMs, UnixMs)> {
    let at = Timestamp::from_millisecond(now.0).unwrap_or(Timestamp::UNIX_EPOCH);
    let zone = jiff::tz::TimeZone::get(zone).unwrap_or(jiff::tz::TimeZone::UTC);
    let local = at.to_zoned_datetime(zone);
    (0..=USUAL_DAYS)
        .filter_map(|back| {
            let then = local.checked_sub(back.days()).ok()?;
            let midnight = then.start_of_day().ok()?;
            Some((UnixMs(midnight.timestamp().as_millisecond()), UnixMs(then.timestamp().as_millisecond())))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_begins_at_midnight_of_the_zone() {
        // 2026-11-24T10:00:00Z is 18:00 in Shanghai.
        let days = days_until_now(UnixMs(1_795_514_400_000), "Asia/Shanghai");
        assert_eq!(days.len(), 8);
        assert_eq!(days[0], (UnixMs(1_795_514_400_000 - 18 * 3_600_000), UnixMs(1_795_514_400_000)));
        assert_eq!(days[7].1.0, 1_795_514_400_000 - 7 * 86_400_000);
        assert_eq!(days_until_now(UnixMs(0), "No/Where").len(), 8);
    }
}
