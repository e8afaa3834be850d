//! `/media`: the ways to reach people. Secrets go in and never come out.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use domain::access::Permission;
use domain::id::{MediumId, OrganisationId};
use engine::telling::book::MediumBody;
use store::telling::SetRow;

use domain::id::UserId;
use engine::telling::book::{BODY_VERSION, address_kind};
use notify::Outcome;
use store::telling::HealthRow;

use super::notices::masked;
use super::shape::{
    AttemptOutcome, Medium, MediumDraft, MediumHealth, MediumReply, MediumTest, MediumTested, ReplyOutcome,
};
use crate::access::caller::Caller;
use crate::http::extract::{Body, Id};
use crate::http::page::Page;
use crate::http::problem::{ItemProblems, ListProblems, Problem, WriteProblems};
use crate::state::Api;

/// The address that the provider of a medium is to call, where it calls one.
async fn callback(api: &Api, row: &SetRow, body: &MediumBody) -> Result<Option<String>, Problem> {
    Ok(api.engine.telling().callback_url(MediumId(row.id), body.medium.kind()).await?)
}

fn shown(row: SetRow, body: &MediumBody, health: &[HealthRow], callback_url: Option<String>) -> Medium {
    let kind = body.medium.kind();
    let health = health.iter().find(|health| health.medium_id.0 == row.id);
    Medium {
        id: row.id,
        organisation_id: row.organisation_id.map(|id| id.0),
        organisation_name: row.organisation_name,
        name: row.name,
        enabled: row.enabled,
        rank: row.rank,
        account_id: body.account.map(|id| id.0),
        kind: kind.code().to_owned(),
        config: body.medium.redacted(),
        needs: address_kind(kind.address()).into(),
        callback_url,
        health: health.map(|health| MediumHealth {
            failures: health.failures,
            down_since: health.down_since.map(Into::into),
            last_accepted_at: health.last_accepted_at.map(Into::into),
            last_failed_at: health.last_failed_at.map(Into::into),
            last_detail: health.last_detail.clone(),
        }),
        version: row.version,
    }
}

fn body_of(draft: MediumDraft) -> Result<MediumBody, Problem> {
    let medium = serde_json::from_value(draft.config)
        .map_err(|error| Problem::field("config", "invalid", error.to_string()))?;
    Ok(MediumBody { v: BODY_VERSION, medium, account: draft.account_id.map(UserId) })
}

/// All of them that reach no further than your scope.
#[utoipa::path(
    get,
    path = "/media",
    tag = "telling",
    operation_id = "list_media",
    responses((status = 200, description = "All of them", body = Page<Medium>), ListProblems)
)]
pub(super) async fn list_media(
    State(api): State<Api>,
    caller: Caller,
) -> Result<Json<Page<Medium>>, Problem> {
    let scope = caller.scope(Permission::SettingsEdit)?;
    let rows = api.engine.telling().list::<MediumBody>(&scope).await?;
    let health = api.store.telling().media_health().await?;
    let mut media = Vec::with_capacity(rows.len());
    for (row, body) in rows {
        let callback = callback(&api, &row, &body).await?;
        media.push(shown(row, &body, &health, callback));
    }
    Ok(Json(Page::whole(media)))
}

/// One of them.
#[utoipa::path(
    get,
    path = "/media/{id}",
    tag = "telling",
    operation_id = "get_medium",
    params(("id" = i64, Path, description = "Which", minimum = 1)),
    responses((status = 200, description = "It", body = Medium), ItemProblems)
)]
pub(super) async fn get_medium(
    State(api): State<Api>,
    caller: Caller,
    Id(id): Id,
) -> Result<Json<Medium>, Problem> {
    let scope = caller.scope(Permission::SettingsEdit)?;
    let (row, body) = api.engine.telling().get::<MediumBody>(&scope, id).await?;
    let callback = callback(&api, &row, &body).await?;
    Ok(Json(shown(row, &body, &api.store.telling().media_health().await?, callback)))
}

/// Makes one.
#[utoipa::path(
    post,
    path = "/media",
    tag = "telling",
    operation_id = "create_medium",
    request_body = MediumDraft,
    responses((status = 201, description = "It", body = Medium), WriteProblems)
)]
pub(super) async fn create_medium(
    State(api): State<Api>,
    caller: Caller,
    Body(draft): Body<MediumDraft>,
) -> Result<(StatusCode, Json<Medium>), Problem> {
    let scope = caller.scope(Permission::SettingsEdit)?;
    let said = super::said(&draft.name, draft.enabled, draft.rank)?;
    let organisation = draft.organisation_id.map(OrganisationId);
    let body = body_of(draft)?;
    let made = api.engine.telling().create(&scope, &caller.actor(), organisation, said, body).await;
    let (row, body) = made.map_err(super::refused)?;
    api.changed("telling");
    let callback = callback(&api, &row, &body).await?;
    let health = api.store.telling().media_health().await?;
    Ok((StatusCode::CREATED, Json(shown(row, &body, &health, callback))))
}

/// Changes one, as a whole.
#[utoipa::path(
    put,
    path = "/media/{id}",
    tag = "telling",
    operation_id = "put_medium",
    params(("id" = i64, Path, description = "Which", minimum = 1)),
    request_body = MediumDraft,
    responses((status = 200, description = "It", body = Medium), WriteProblems)
)]
pub(super) async fn put_medium(
    State(api): State<Api>,
    caller: Caller,
    Id(id): Id,
    Body(draft): Body<MediumDraft>,
) -> Result<Json<Medium>, Problem> {
    let scope = caller.scope(Permission::SettingsEdit)?;
    let said = super::said(&draft.name, draft.enabled, draft.rank)?;
    let version = super::version(draft.version)?;
    let body = body_of(draft)?;
    let changed = api.engine.telling().change(&scope, &caller.actor(), id, said, body, version).await;
    let (row, body) = changed.map_err(super::refused)?;
    api.changed("telling");
    let callback = callback(&api, &row, &body).await?;
    Ok(Json(shown(row, &body, &api.store.telling().media_health().await?, callback)))
}

/// Takes one away.
#[utoipa::path(
    delete,
    path = "/media/{id}",
    tag = "telling",
    operation_id = "delete_medium",
    params(("id" = i64, Path, description = "Which", minimum = 1)),
    responses((status = 204, description = "Gone"), WriteProblems)
)]
pub(super) async fn delete_medium(
    State(api): State<Api>,
    caller: Caller,
    Id(id): Id,
) -> Result<StatusCode, Problem> {
    let scope = caller.scope(Permission::SettingsEdit)?;
    api.engine.telling().delete::<MediumBody>(&scope, &caller.actor(), id).await?;
    api.changed("telling");
    Ok(StatusCode::NO_CONTENT)
}

/// What came from telephones by a medium, the newest first, also what was refused.
#[utoipa::path(
    get,
    path = "/media/{id}/replies",
    tag = "telling",
    operation_id = "list_medium_replies",
    params(("id" = i64, Path, description = "Which", minimum = 1)),
    responses((status = 200, description = "The newest", body = Page<MediumReply>), ItemProblems)
)]
pub(super) async fn list_replies(
    State(api): State<Api>,
    caller: Caller,
    Id(id): Id,
) -> Result<Json<Page<MediumReply>>, Problem> {
    let scope = caller.scope(Permission::SettingsEdit)?;
    let rows = api.engine.telling().replies(&scope, id).await?;
    let shown = rows.into_iter().map(|row| MediumReply {
        at: row.at.into(),
        phone: masked("phone", &row.phone),
        text: row.text,
        account_name: row.account_name,
        outcome: ReplyOutcome::of_code(&row.outcome),
        alarms: row.alarms,
    });
    Ok(Json(Page::whole(shown.collect())))
}

/// Sends a test message by a medium, now, and says what came of it.
#[utoipa::path(
    post,
    path = "/media/{id}/test",
    tag = "telling",
    operation_id = "test_medium",
    params(("id" = i64, Path, description = "Which", minimum = 1)),
    request_body = MediumTest,
    responses((status = 200, description = "What came of it", body = MediumTested), WriteProblems)
)]
pub(super) async fn test_medium(
    State(api): State<Api>,
    caller: Caller,
    Id(id): Id,
    Body(test): Body<MediumTest>,
) -> Result<Json<MediumTested>, Problem> {
    let scope = caller.scope(Permission::SettingsEdit)?;
    api.engine.telling().get::<MediumBody>(&scope, id).await?;
    let own = caller.person()?.account.id;
    let account = test.account_id.map_or(own, UserId);
    if account != own {
        // Whose address is used must be somebody whom the caller may change.
        let people = caller.scope(Permission::PeopleManage)?;
        api.store.telling().contact(&people, account).await?;
    }
    let outcome = api.engine.telling().test(&scope, id, account).await.map_err(super::refused)?;
    let (outcome, detail, reference) = match outcome {
        Outcome::Accepted { reference } => (AttemptOutcome::Accepted, None, reference),
        Outcome::TryAgain { detail, .. } | Outcome::AddressBusy { detail, .. } => {
            (AttemptOutcome::TryAgain, Some(detail), None)
        }
        Outcome::Refused { detail } | Outcome::AddressRefused { detail } => {
            (AttemptOutcome::Refused, Some(detail), None)
        }
        Outcome::Gone { detail } => (AttemptOutcome::Gone, Some(detail), None),
    };
    Ok(Json(MediumTested { outcome, detail, reference }))
}
