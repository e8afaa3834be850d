//! `/telling/preview`: who would be told of an alarm, when and by what, if nobody ever took it. Tells nobody.

use axum::Json;
use axum::extract::State;
use domain::access::Permission;
use domain::id::{AlarmId, SiteId};
use domain::telling::Subject;
use serde::Deserialize;
use utoipa::IntoParams;

use super::notices::person;
use super::shape::{MediumName, PreviewPerson, PreviewStep};
use crate::access::caller::Caller;
use crate::http::extract::Filters;
use crate::http::page::Page;
use crate::http::problem::{ItemProblems, Problem};
use crate::http::time::Time;
use crate::state::Api;
use crate::vocabulary::{Hazard, Severity};

/// Of what.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct PreviewOf {
    /// A real alarm; then the other parts are not looked at, but for the time.
    #[param(minimum = 1)]
    alarm: Option<i64>,
    /// The site.
    #[param(minimum = 1)]
    site: Option<i64>,
    /// What would be wrong.
    hazard: Option<Hazard>,
    /// How bad it would be; an alarm where nothing is said.
    severity: Option<Severity>,
    /// When it would be raised; now where nothing is said.
    at: Option<Time>,
}

/// Who would be told, in the order of time.
#[utoipa::path(
    get,
    path = "/telling/preview",
    tag = "telling",
    operation_id = "preview_telling",
    params(PreviewOf),
    responses((status = 200, description = "Every step", body = Page<PreviewStep>), ItemProblems)
)]
pub(super) async fn preview_telling(
    State(api): State<Api>,
    caller: Caller,
    Filters(of): Filters<PreviewOf>,
) -> Result<Json<Page<PreviewStep>>, Problem> {
    let scope = caller.scope(Permission::SettingsEdit)?;
    let subject = match (of.alarm, of.site) {
        (Some(alarm), _) => api.engine.telling().subject(&scope, AlarmId(alarm)).await?,
        (None, Some(site)) => {
            let site = api.store.sites().get(&scope, SiteId(site)).await?;
            Subject {
                alarm: AlarmId(0),
                hazard: of.hazard.unwrap_or(Hazard::ResidualCurrent).into(),
                severity: of.severity.unwrap_or(Severity::Alarm).into(),
                site: site.id,
                organisation: site.organisation_path,
                area: site.area_code,
            }
        }
        (None, None) => {
            return Err(Problem::field(
                "site",
                "missing",
                "had neither an alarm nor a site, wanted one of them",
            ));
        }
    };
    let at = of.at.map_or_else(|| api.now(), |at| at.0);
    let (known, told) = api.engine.telling().preview(&subject, at).await?;
    let kind = |id| known.media.get(&id).map(|body| body.medium.kind().code().to_owned()).unwrap_or_default();
    let steps = told.into_iter().map(|(at, climb, rung)| PreviewStep {
        at: at.into(),
        route_id: climb.route.0,
        ladder_id: climb.ladder.0,
        step: u64::try_from(rung.step).unwrap_or(u64::MAX).saturating_add(1),
        people: rung
            .tell
            .into_iter()
            .map(|reached| PreviewPerson {
                person: person(&known, reached.account),
                why: reached.why.into(),
                media: reached.media.into_iter().map(|id| MediumName { id: id.0, kind: kind(id) }).collect(),
            })
            .collect(),
        unreachable: rung.unreachable.into_iter().map(|account| person(&known, account)).collect(),
        gaps: rung.gaps.into_iter().map(|roster| roster.0).collect(),
    });
    Ok(Json(Page::whole(steps.collect())))
}
