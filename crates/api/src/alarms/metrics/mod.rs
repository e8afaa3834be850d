//! `GET /alarms/metrics`: what alarms ask of people, beside the published figures.

pub mod shape;

use axum::Json;
use axum::extract::State;
use domain::access::{Permission, Scope};
use domain::alarm::load::{load, percentile};
use domain::alarm::nuisance::{self, Pattern};
use domain::hazard::Severity;
use domain::id::OrganisationId;
use domain::place::AreaCode;
use domain::time::UnixMs;
use serde::Deserialize;
use store::alarm_metrics::{AcknowledgedAfter, BadActor as BadActorRow, VerdictKey};
use store::overview::Part;
use utoipa::IntoParams;

use self::shape::{AlarmFlood, AlarmLoad, AlarmMetrics, AlarmTargets, BadActor, PriorityFigures};
use crate::access::caller::Caller;
use crate::http::extract::Filters;
use crate::http::problem::{FieldError, ListProblems, Problem};
use crate::http::time::Time;
use crate::state::Api;

const DAY_MS: i64 = 86_400_000;
/// The period when none is asked for, ms.
const USUAL_MS: i64 = 7 * DAY_MS;
/// The longest period, ms.
const LONGEST_MS: i64 = 92 * DAY_MS;
/// The most operators who can share a desk.
const MOST_OPERATORS: u32 = 100;
const MOST_ACTORS: u32 = 20;
const MOST_STANDING: u32 = 50;
const MOST_FLOODS: usize = 100;

/// Which period and part.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct MetricsQuery {
    /// From; unless told seven days before the end.
    #[param(value_type = Option<String>, format = DateTime)]
    since: Option<Time>,
    /// To; unless told now. At most 92 days after the beginning.
    #[param(value_type = Option<String>, format = DateTime)]
    until: Option<Time>,
    /// An area and all inside it.
    #[param(max_length = 12)]
    area: Option<String>,
    /// An organisation and all below it.
    #[param(minimum = 1)]
    organisation: Option<i64>,
    /// Among how many operators the work is shared; unless told one.
    #[param(minimum = 1, maximum = 100)]
    operators: Option<u32>,
}

impl MetricsQuery {
    fn period(&self, now: UnixMs) -> Result<(UnixMs, UnixMs), Problem> {
        let to = self.until.map_or(now, |at| at.0.min(now));
        let from = self.since.map_or_else(|| to.plus_ms(-USUAL_MS), |at| at.0);
        let length_ms = to.since_ms(from);
        if length_ms <= 0 {
            return Err(Problem::field("since", "out_of_range", "wanted a beginning before the end"));
        }
        if length_ms > LONGEST_MS {
            return Err(Problem::field("since", "out_of_range", "wanted at most 92 days"));
        }
        Ok((from, to))
    }

    fn operators(&self) -> Result<u32, Problem> {
        let operators = self.operators.unwrap_or(1);
        if (1..=MOST_OPERATORS).contains(&operators) {
            return Ok(operators);
        }
        let said = format!("had {operators}, wanted 1 to {MOST_OPERATORS}");
        let error = FieldError::new("operators", "out_of_range", said);
        Err(Problem::invalid(vec![error.with("min", 1).with("max", MOST_OPERATORS)]))
    }
}

/// `part` of `whole` in per cent; 0 of nothing.
fn percent(part: i64, whole: i64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "counts of alarms have far less than 53 bits")]
    let real = |count: i64| count as f64;
    if whole > 0 { 100.0 * real(part) / real(whole) } else { 0.0 }
}

fn signed(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// What alarms ask of people: how many one operator was told, floods, what is told most often and what would keep it
/// quiet, what stands, and what alarms were in truth.
#[utoipa::path(
    get,
    path = "/alarms/metrics",
    tag = "alarms",
    operation_id = "get_alarm_metrics",
    params(MetricsQuery),
    responses((status = 200, description = "The figures", body = AlarmMetrics), ListProblems)
)]
pub(super) async fn get_alarm_metrics(
    State(api): State<Api>,
    caller: Caller,
    Filters(query): Filters<MetricsQuery>,
) -> Result<Json<AlarmMetrics>, Problem> {
    let scope = caller.scope(Permission::View)?;
    let now = api.now();
    let (from, to) = query.period(now)?;
    let operators = query.operators()?;
    let part = Part { area: query.area.map(AreaCode), organisation: query.organisation.map(OrganisationId) };
    let metrics = api.store.alarm_metrics();

    let told = metrics.told(&scope, &part, from, to).await?;
    let load = load(from, &told.minutes, operators);
    let all = signed(load.alarms);
    let rows = metrics.bad_actors(&scope, &part, from, to, 1, MOST_ACTORS).await?;
    let top_ten_percent = percent(rows.iter().take(10).map(|row| row.times).sum(), all);
    let bad_actors = actors(&api, rows, all, from, now).await?;
    let tires = |actor: &&BadActor| {
        actor.pattern.is_some_and(|pattern| match Pattern::from(pattern) {
            Pattern::Chattering | Pattern::Fleeting => true,
            Pattern::Stale => false,
        })
    };
    let verdicts = |key| by_verdict(&api, &scope, &part, (from, to), key);
    let skipped = load.floods.len().saturating_sub(MOST_FLOODS);
    let taken = metrics.acknowledged_after(&scope, &part, from, to).await?;
    Ok(Json(AlarmMetrics {
        from: from.into(),
        to: to.into(),
        operators,
        targets: AlarmTargets::default(),
        floods: load
            .floods
            .iter()
            .skip(skipped)
            .map(|flood| AlarmFlood { from: flood.from.into(), to: flood.to.into(), alarms: flood.alarms })
            .collect(),
        priorities: priorities(told.by_severity, all, &taken),
        open: metrics.open(&scope, &part, now).await?.into(),
        chattering: bad_actors.iter().filter(tires).count(),
        bad_actors,
        standing: {
            let rows = metrics.standing(&scope, &part, now, MOST_STANDING).await?;
            rows.into_iter().map(Into::into).collect()
        },
        by_model: verdicts(VerdictKey::Model).await?,
        by_site: verdicts(VerdictKey::Site).await?,
        by_rule: verdicts(VerdictKey::Rule).await?,
        load: AlarmLoad::new(load, top_ten_percent),
    }))
}

fn priorities(
    [fault, warning, alarm]: [u64; 3],
    all: i64,
    taken: &[(Severity, AcknowledgedAfter)],
) -> Vec<PriorityFigures> {
    [(Severity::Alarm, alarm), (Severity::Warning, warning), (Severity::Fault, fault)]
        .into_iter()
        .map(|(severity, told)| {
            let steps = taken.iter().find(|(of, _)| *of == severity).map_or(&[][..], |(_, steps)| steps);
            PriorityFigures {
                severity: severity.into(),
                told,
                percent: percent(signed(told), all),
                acknowledged: steps.iter().map(|(_, many)| many).sum(),
                median_min: percentile(steps, 50),
                ninth_decile_min: percentile(steps, 90),
            }
        })
        .collect()
}

/// Looks at each of the most frequent for a pattern and a cure.
async fn actors(
    api: &Api,
    rows: Vec<BadActorRow>,
    all: i64,
    from: UnixMs,
    now: UnixMs,
) -> Result<Vec<BadActor>, Problem> {
    let mut actors = Vec::with_capacity(rows.len());
    for row in rows {
        let found = match api.memory().detector(row.detector_id) {
            Some(detector) => {
                let delays = detector.binding.delays_in_force(row.channel_id, row.hazard);
                let (detector, channel) = (row.detector_id, row.channel_id);
                let times =
                    api.store.alarm_metrics().occurrences(detector, channel, row.hazard, from).await?;
                nuisance::find(&times, delays, row.hazard.class(), now)
            }
            None => None,
        };
        let share = percent(row.times, all);
        actors.push(BadActor::new(row, share, found));
    }
    Ok(actors)
}

async fn by_verdict(
    api: &Api,
    scope: &Scope,
    part: &Part,
    (from, to): (UnixMs, UnixMs),
    key: VerdictKey,
) -> Result<Vec<shape::VerdictCounts>, Problem> {
    let rows = api.store.alarm_metrics().verdicts(scope, part, from, to, key).await?;
    Ok(rows.into_iter().map(Into::into).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_period_is_a_week_unless_told_and_no_longer_than_a_quarter() {
        let now = UnixMs(100 * DAY_MS);
        let week = MetricsQuery::default().period(now).unwrap();
        assert_eq!(week, (UnixMs(93 * DAY_MS), now));
        let long = MetricsQuery { since: Some(Time(UnixMs(DAY_MS))), ..MetricsQuery::default() };
        assert_eq!(long.period(now).unwrap_err().errors[0].field, "since");
        let crowd = MetricsQuery { operators: Some(101), ..MetricsQuery::default() };
        assert_eq!(crowd.operators().unwrap_err().errors[0].field, "operators");
    }

    #[test]
    fn shares_and_times_stand_beside_their_severity() {
        let taken = vec![(Severity::Warning, vec![(2, 1), (9, 1)])];
        let figures = priorities([1, 3, 0], 4, &taken);
        assert_eq!(figures.iter().map(|f| f.told).collect::<Vec<_>>(), [0, 3, 1]);
        let warning = figures.get(1).unwrap();
        assert_eq!((warning.percent, warning.median_min, warning.ninth_decile_min), (75.0, Some(2), Some(9)));
    }
}
