//! `/guidance`: the texts of an organisation, per hazard and language.

use axum::Json;
use axum::extract::{Path, State};
use domain::access::Permission;
use domain::guidance::{Guidance, MOST_LINES, PLACEHOLDERS, mistakes};
use domain::hazard::Hazard;
use domain::id::OrganisationId;
use store::StoreError;
use store::guidance::{GuidanceChange, GuidanceRow};

use super::alarm::in_force;
use super::shape::{
    GuidanceDetail, GuidanceItem, GuidanceList, GuidanceSource, GuidanceText, NewGuidance, OrganisationQuery,
    RestoreQuery,
};
use crate::access::caller::Caller;
use crate::http::extract::{Body, Filters};
use crate::http::problem::{FieldError, ItemProblems, Problem, WriteProblems};
use crate::state::Api;
use crate::vocabulary::Language;

const LANGUAGES: [Language; 3] = [Language::ZhCn, Language::ZhTw, Language::En];

/// Every hazard, and which of them have a text of the organisation or of one above it.
#[utoipa::path(
    get,
    path = "/guidance",
    tag = "settings",
    operation_id = "list_guidance",
    params(OrganisationQuery),
    responses((status = 200, description = "The hazards", body = GuidanceList), ItemProblems)
)]
pub(super) async fn list_guidance(
    State(api): State<Api>,
    caller: Caller,
    Filters(query): Filters<OrganisationQuery>,
) -> Result<Json<GuidanceList>, Problem> {
    let scope = caller.scope(Permission::SettingsEdit)?;
    let id = OrganisationId(query.organisation);
    let (organisation, rows) = api.store.guidance().of_organisation(&scope, id, None).await?;
    let items = Hazard::ALL.into_iter().map(|hazard| {
        let has = |language: &Language, own: bool| {
            let tag = domain::guidance::Language::from(*language);
            rows.iter().any(|row| {
                row.hazard == hazard
                    && row.language == tag
                    && row.body.is_some()
                    && (row.organisation_id == organisation.id) == own
            })
        };
        GuidanceItem {
            hazard: hazard.into(),
            class: hazard.class().into(),
            edited: LANGUAGES.into_iter().filter(|language| has(language, true)).collect(),
            inherited: LANGUAGES.into_iter().filter(|language| has(language, false)).collect(),
        }
    });
    Ok(Json(GuidanceList {
        organisation_id: organisation.id.0,
        organisation_name: organisation.name,
        items: items.collect(),
    }))
}

/// The texts about one hazard, in each language.
#[utoipa::path(
    get,
    path = "/guidance/{hazard}",
    tag = "settings",
    operation_id = "get_guidance",
    params(("hazard" = String, Path, description = "The hazard", max_length = 60), OrganisationQuery),
    responses((status = 200, description = "The texts", body = GuidanceDetail), ItemProblems)
)]
pub(super) async fn get_guidance(
    State(api): State<Api>,
    caller: Caller,
    Path(hazard): Path<String>,
    Filters(query): Filters<OrganisationQuery>,
) -> Result<Json<GuidanceDetail>, Problem> {
    let scope = caller.scope(Permission::SettingsEdit)?;
    let hazard = known(&hazard)?;
    detail(&api, &scope, OrganisationId(query.organisation), hazard).await
}

/// Writes the organisation's own text about a hazard in one language. It holds for it and for those below it.
#[utoipa::path(
    put,
    path = "/guidance/{hazard}/{language}",
    tag = "settings",
    operation_id = "write_guidance",
    params(
        ("hazard" = String, Path, description = "The hazard", max_length = 60),
        ("language" = String, Path, description = "zh-CN, zh-TW or en", max_length = 10),
    ),
    request_body = NewGuidance,
    responses((status = 200, description = "The texts", body = GuidanceDetail), WriteProblems)
)]
pub(super) async fn write_guidance(
    State(api): State<Api>,
    caller: Caller,
    Path((hazard, language)): Path<(String, String)>,
    Body(new): Body<NewGuidance>,
) -> Result<Json<GuidanceDetail>, Problem> {
    let scope = caller.scope(Permission::SettingsEdit)?;
    let trimmed = |lines: Vec<String>| lines.into_iter().map(|line| line.trim().to_owned()).collect();
    let text = Guidance { owner: trimmed(new.owner), electrician: trimmed(new.electrician) };
    let found = mistakes(&text);
    if !found.is_empty() {
        let errors = found.into_iter().map(|one| {
            FieldError::new(one.field, one.code, one.message)
                .with("max", if one.code == "too_many" { MOST_LINES } else { domain::guidance::LONGEST })
        });
        return Err(Problem::invalid(errors.collect()));
    }
    let change = GuidanceChange {
        organisation: OrganisationId(new.organisation_id),
        hazard: known(&hazard)?,
        language: spoken(&language)?,
        text: Some(text),
        version: new.version,
    };
    api.store.guidance().change(&scope, &caller.actor(), api.now(), &change).await?;
    detail(&api, &scope, change.organisation, change.hazard).await
}

/// Takes the organisation's own text back; what stands beneath it holds again.
#[utoipa::path(
    delete,
    path = "/guidance/{hazard}/{language}",
    tag = "settings",
    operation_id = "restore_guidance",
    params(
        ("hazard" = String, Path, description = "The hazard", max_length = 60),
        ("language" = String, Path, description = "zh-CN, zh-TW or en", max_length = 10),
        RestoreQuery,
    ),
    responses((status = 200, description = "The texts", body = GuidanceDetail), WriteProblems)
)]
pub(super) async fn restore_guidance(
    State(api): State<Api>,
    caller: Caller,
    Path((hazard, language)): Path<(String, String)>,
    Filters(query): Filters<RestoreQuery>,
) -> Result<Json<GuidanceDetail>, Problem> {
    let scope = caller.scope(Permission::SettingsEdit)?;
    let change = GuidanceChange {
        organisation: OrganisationId(query.organisation),
        hazard: known(&hazard)?,
        language: spoken(&language)?,
        text: None,
        version: query.version,
    };
    api.store.guidance().change(&scope, &caller.actor(), api.now(), &change).await?;
    detail(&api, &scope, change.organisation, change.hazard).await
}

fn known(code: &str) -> Result<Hazard, Problem> {
    Ok(Hazard::from_code(code).ok_or(StoreError::NotFound { what: "hazard" })?)
}

fn spoken(tag: &str) -> Result<domain::guidance::Language, Problem> {
    Ok(domain::guidance::Language::from_tag(tag).ok_or(StoreError::NotFound { what: "language" })?)
}

async fn detail(
    api: &Api,
    scope: &domain::access::Scope,
    id: OrganisationId,
    hazard: Hazard,
) -> Result<Json<GuidanceDetail>, Problem> {
    let (organisation, rows) = api.store.guidance().of_organisation(scope, id, Some(hazard)).await?;
    let (own, above): (Vec<GuidanceRow>, Vec<GuidanceRow>) =
        rows.into_iter().partition(|row| row.organisation_id == organisation.id);
    let one = |language: Language| {
        let (beneath, beneath_by) = in_force(&above, hazard, language)?;
        let tag = domain::guidance::Language::from(language);
        let row = own.iter().find(|row| row.language == tag);
        let (text, source, written_by) = match row.map(GuidanceRow::text).transpose()?.flatten() {
            Some(text) => (text, GuidanceSource::Own, Some(organisation.name.clone())),
            None if beneath_by.is_some() => (beneath.clone(), GuidanceSource::Above, beneath_by),
            None => (beneath.clone(), GuidanceSource::BuiltIn, None),
        };
        Ok::<_, Problem>(GuidanceText {
            language,
            text: text.into(),
            source,
            written_by,
            beneath: beneath.into(),
            version: row.map_or(0, |row| row.version),
            changed_at: row.map(|row| row.changed_at.into()),
            changed_by: row.map(|row| row.changed_by.clone()),
        })
    };
    Ok(Json(GuidanceDetail {
        organisation_id: organisation.id.0,
        hazard: hazard.into(),
        placeholders: PLACEHOLDERS.map(str::to_owned).to_vec(),
        languages: LANGUAGES.into_iter().map(one).collect::<Result<_, _>>()?,
    }))
}
