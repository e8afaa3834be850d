//! `GET /alarms`: the queue and the history, with the same filters.

use axum::Json;
use axum::extract::State;
use domain::access::Permission;
use domain::id::{DetectorId, OrganisationId, SiteId};
use domain::place::AreaCode;
use serde::Deserialize;
use store::alarms::{AlarmFilter, AlarmSort};
use utoipa::IntoParams;

use super::shape::Alarm;
use crate::access::caller::Caller;
use crate::http::extract::{Filters, words};
use crate::http::page::{self, Page};
use crate::http::problem::{ListProblems, Problem};
use crate::http::time::Time;
use crate::state::Api;
use crate::vocabulary::Class;

/// Which alarms, and in which order.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct AlarmQuery {
    /// `open`, `closed`, or any of the states with commas between.
    #[param(example = "open")]
    state: Option<String>,
    /// Any of these severities, with commas between.
    #[param(example = "alarm,warning")]
    severity: Option<String>,
    /// Any of these hazards, with commas between.
    #[param(example = "residual_current,over_temperature")]
    hazard: Option<String>,
    /// Hazards or faults.
    #[param(inline)]
    class: Option<Class>,
    /// Only of this site.
    #[param(minimum = 1)]
    site: Option<i64>,
    /// Only of this detector.
    #[param(minimum = 1)]
    detector: Option<i64>,
    /// An area and all inside it.
    #[param(max_length = 12)]
    area: Option<String>,
    /// An organisation and all below it.
    #[param(minimum = 1)]
    organisation: Option<i64>,
    /// Part of the name of the site, detector, panel or circuit.
    #[param(max_length = 100)]
    q: Option<String>,
    /// Raised from here on.
    #[param(value_type = Option<String>, format = DateTime)]
    since: Option<Time>,
    /// Raised before this.
    #[param(value_type = Option<String>, format = DateTime)]
    until: Option<Time>,
    /// Only those found in late data, or only others.
    late: Option<bool>,
    /// How they are set aside: `none`, `any`, or any of `shelved`, `maintenance`, `design` with commas between.
    #[param(example = "none")]
    aside: Option<String>,
    /// What they were in truth: any of the verdicts with commas between.
    #[param(example = "nuisance,works")]
    verdict: Option<String>,
    /// `priority` (worst first, then what nobody has taken, then the newest), `raised_at` or `-raised_at`.
    #[param(example = "priority")]
    sort: Option<String>,
    /// Rows on a page.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<u32>,
    /// Where the page begins.
    #[param(max_length = 2000)]
    cursor: Option<String>,
}

impl AlarmQuery {
    pub(super) fn filter(&self) -> Result<AlarmFilter, Problem> {
        let mut filter = AlarmFilter {
            severities: words("severity", self.severity.as_deref(), domain::hazard::Severity::from_code)?,
            hazards: words("hazard", self.hazard.as_deref(), domain::hazard::Hazard::from_code)?,
            class: self.class.map(Into::into),
            site: self.site.map(SiteId),
            detector: self.detector.map(DetectorId),
            area: self.area.clone().map(AreaCode),
            organisation: self.organisation.map(OrganisationId),
            text: self.q.clone(),
            since: self.since.map(|t| t.0),
            until: self.until.map(|t| t.0),
            late: self.late,
            ..AlarmFilter::default()
        };
        filter.verdicts = words("verdict", self.verdict.as_deref(), domain::alarm::Verdict::from_code)?;
        match self.aside.as_deref() {
            None => {}
            Some("none") => filter.is_aside = Some(false),
            Some("any") => filter.is_aside = Some(true),
            Some(list) => filter.asides = words("aside", Some(list), domain::alarm::AsideKind::from_code)?,
        }
        match self.state.as_deref() {
            None => {}
            Some("open") => filter.open = Some(true),
            Some("closed") => filter.open = Some(false),
            Some(list) => filter.states = words("state", Some(list), domain::alarm::AlarmState::from_code)?,
        }
        Ok(filter)
    }

    fn sort(&self) -> Result<AlarmSort, Problem> {
        match self.sort.as_deref() {
            None | Some("priority" | "-priority") => Ok(AlarmSort::Priority),
            Some("-raised_at") => Ok(AlarmSort::RaisedDesc),
            Some("raised_at") => Ok(AlarmSort::RaisedAsc),
            Some(other) => Err(page::unknown_sort(other, "priority, raised_at or -raised_at")),
        }
    }
}

/// Alarms, page by page.
#[utoipa::path(
    get,
    path = "/alarms",
    tag = "alarms",
    operation_id = "list_alarms",
    params(AlarmQuery),
    responses((status = 200, description = "One page", body = Page<Alarm>), ListProblems)
)]
pub(super) async fn list_alarms(
    State(api): State<Api>,
    caller: Caller,
    Filters(query): Filters<AlarmQuery>,
) -> Result<Json<Page<Alarm>>, Problem> {
    let scope = caller.scope(Permission::View)?;
    let page = page::asked(query.limit, query.cursor.as_deref())?;
    let rows = api.store.alarms().list(&scope, &query.filter()?, query.sort()?, &page).await?;
    Ok(Json(Page::of(rows, |row| Alarm::seen(row, api.memory()))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_and_severities_are_read_from_lists() {
        let query = AlarmQuery {
            state: Some("acknowledged,closed".to_owned()),
            severity: Some("alarm, warning".to_owned()),
            ..AlarmQuery::default()
        };
        let filter = query.filter().unwrap();
        assert_eq!(filter.states.len(), 2);
        assert_eq!(filter.severities.len(), 2);
        assert_eq!(filter.open, None);
        let wrong = AlarmQuery { hazard: Some("fire".to_owned()), ..AlarmQuery::default() };
        assert_eq!(wrong.filter().unwrap_err().errors[0].field, "hazard");
    }
}
