//! `/alarms/{id}/guidance`: what to do, in one language, and the check list with its ticks.

use axum::Json;
use axum::extract::State;
use bus::LiveKind;
use domain::access::{Permission, Scope};
use domain::guidance::{Guidance, built_in, filled};
use domain::id::AlarmId;
use store::alarms::AlarmRow;
use store::guidance::{CheckDraft, CheckRow, GuidanceRow};

use super::shape::{AlarmCheck, AlarmCheckStep, AlarmGuidance, LanguageQuery, NewAlarmCheck};
use crate::access::caller::Caller;
use crate::http::extract::{Body, Filters, Id};
use crate::http::problem::{FieldError, ItemProblems, Problem, WriteProblems};
use crate::state::Api;
use crate::vocabulary::Language;

/// What to do about an alarm: for the owner, and as a check list with who ticked what.
#[utoipa::path(
    get,
    path = "/alarms/{id}/guidance",
    tag = "alarms",
    operation_id = "get_alarm_guidance",
    params(("id" = i64, Path, description = "The alarm", minimum = 1), LanguageQuery),
    responses((status = 200, description = "What to do", body = AlarmGuidance), ItemProblems)
)]
pub(super) async fn get_alarm_guidance(
    State(api): State<Api>,
    caller: Caller,
    Id(id): Id,
    Filters(query): Filters<LanguageQuery>,
) -> Result<Json<AlarmGuidance>, Problem> {
    let scope = caller.scope(Permission::View)?;
    let language = query.language.unwrap_or(Language::ZhCn);
    let alarm = api.store.alarms().get(&scope, AlarmId(id)).await?;
    Ok(Json(shown(&api, &scope, &alarm, language).await?))
}

/// Ticks a line of the check list, or takes the tick back. Both stay in the record.
#[utoipa::path(
    post,
    path = "/alarms/{id}/check",
    tag = "alarms",
    operation_id = "check_alarm",
    params(("id" = i64, Path, description = "The alarm", minimum = 1)),
    request_body = NewAlarmCheck,
    responses((status = 200, description = "The check list", body = AlarmGuidance), WriteProblems)
)]
pub(super) async fn check_alarm(
    State(api): State<Api>,
    caller: Caller,
    Id(id): Id,
    Body(new): Body<NewAlarmCheck>,
) -> Result<Json<AlarmGuidance>, Problem> {
    let scope = caller.scope(Permission::AlarmComment)?;
    let alarm = api.store.alarms().get(&scope, AlarmId(id)).await?;
    let now = shown(&api, &scope, &alarm, new.language).await?;
    // A tick says that this was done, and nothing that the person has not read.
    if !now.checks.iter().any(|line| line.place == new.place && line.words == new.words) {
        let message = "the line says something else by now; read it again";
        return Err(Problem::invalid(vec![FieldError::new("words", "changed", message)]));
    }
    let draft =
        CheckDraft { place: new.place, done: new.done, words: new.words, language: new.language.into() };
    api.store.guidance().check(&scope, &caller.actor(), api.now(), alarm.id, &draft).await?;
    let kind = LiveKind::Alarm { alarm: alarm.id, detector: alarm.detector_id, site: alarm.site_id };
    let (organisation, area) = (alarm.organisation_path.clone(), alarm.area_code.clone());
    api.engine.live().publish(Some(organisation), Some(area), kind);
    Ok(Json(shown(&api, &scope, &alarm, new.language).await?))
}

async fn shown(
    api: &Api,
    scope: &Scope,
    alarm: &AlarmRow,
    language: Language,
) -> Result<AlarmGuidance, Problem> {
    let (texts, ticks) = api.store.guidance().of_alarm(scope, alarm.id).await?;
    let (text, written_by) = in_force(&texts, alarm.hazard, language)?;
    let site = api.store.sites().get(scope, alarm.site_id).await.ok();
    let value = |name: &str| match name {
        "site" => Some(alarm.site_name.clone()),
        "circuit" => Some(alarm.circuit_name.clone().unwrap_or_else(|| alarm.detector_name.clone())),
        "detector" => Some(alarm.detector_name.clone()),
        "address" => site.as_ref().map(|site| site.address.clone()),
        "contact" => site.as_ref().map(|site| site.contact_name.clone()),
        "phone" => site.as_ref().map(|site| site.contact_phone.clone()),
        _unknown => None,
    };
    let checks =
        (1_u16..).zip(&text.electrician).map(|(place, line)| check(place, filled(line, value), &ticks));
    Ok(AlarmGuidance {
        hazard: alarm.hazard.into(),
        language,
        written_by,
        owner: text.owner.iter().map(|line| filled(line, value)).collect(),
        checks: checks.collect(),
        record: ticks
            .iter()
            .map(|tick| AlarmCheckStep {
                place: tick.place,
                done: tick.done,
                words: tick.words.clone(),
                at: tick.at.into(),
                actor_name: tick.actor_name.clone(),
            })
            .collect(),
    })
}

fn check(place: u16, words: String, ticks: &[CheckRow]) -> AlarmCheck {
    let last = ticks.iter().rev().find(|tick| tick.place == place).filter(|tick| tick.done);
    AlarmCheck {
        place,
        words,
        done: last.is_some(),
        by: last.map(|tick| tick.actor_name.clone()),
        at: last.map(|tick| tick.at.into()),
    }
}

/// The nearest organisation's text, else the program's own. `texts` are the nearest first.
pub(super) fn in_force(
    texts: &[GuidanceRow],
    hazard: domain::hazard::Hazard,
    language: Language,
) -> Result<(Guidance, Option<String>), Problem> {
    let language = domain::guidance::Language::from(language);
    for row in texts.iter().filter(|row| row.hazard == hazard && row.language == language) {
        if let Some(text) = row.text()? {
            return Ok((text, Some(row.organisation_name.clone())));
        }
    }
    Ok((built_in(hazard, language), None))
}
