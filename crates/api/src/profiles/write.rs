//! `POST /profiles`, `PUT` and `DELETE /profiles/{id}`, `POST /profiles/{id}/duplicate`: models that people write.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use engine::services::ProfileOrigin;
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use super::form::{read, write};
use super::list::detail;
use super::shape::ProfileDetail;
use super::{check_id, check_text_and_reason, writer};
use crate::access::caller::Caller;
use crate::http::extract::{Body, Filters, check_max, check_text, checked};
use crate::http::problem::{Code, Problem, WriteProblems};
use crate::state::Api;

/// A new model.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewProfile {
    /// Its id: lower-case letters, digits and `-`.
    #[schema(min_length = 1, max_length = 100, example = "my-relay")]
    id: String,
    /// The TOML.
    #[schema(max_length = 300_000)]
    text: String,
    /// Why.
    #[serde(default)]
    #[schema(max_length = 500)]
    reason: String,
}

/// The next version of a model.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ProfileChange {
    /// The TOML.
    #[schema(max_length = 300_000)]
    text: String,
    /// The version that was read; 0 where none was written here.
    #[schema(minimum = 0)]
    version: i64,
    /// Why.
    #[serde(default)]
    #[schema(max_length = 500)]
    reason: String,
}

/// A copy of a model.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ProfileCopy {
    /// The copy's id.
    #[schema(min_length = 1, max_length = 100, example = "my-relay-2")]
    id: String,
    /// The copy's name.
    #[schema(min_length = 1, max_length = 200)]
    name: String,
}

/// Which version is taken away.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct ProfileRemoval {
    /// The version that was read.
    #[param(minimum = 1)]
    pub version: i64,
}

/// Writes a model that was not there before.
#[utoipa::path(
    post,
    path = "/profiles",
    tag = "profiles",
    operation_id = "create_profile",
    request_body = NewProfile,
    responses((status = 201, description = "The model", body = ProfileDetail), WriteProblems)
)]
pub(super) async fn create_profile(
    State(api): State<Api>,
    caller: Caller,
    Body(new): Body<NewProfile>,
) -> Result<(StatusCode, Json<ProfileDetail>), Problem> {
    let made = create(&api, &caller, &new.id, &new.text, &new.reason).await?;
    Ok((StatusCode::CREATED, made))
}

async fn create(
    api: &Api,
    caller: &Caller,
    id: &str,
    text: &str,
    reason: &str,
) -> Result<Json<ProfileDetail>, Problem> {
    let scope = writer(caller)?;
    let mut errors = Vec::new();
    check_id(&mut errors, "id", id);
    checked(errors)?;
    check_text_and_reason(text, reason)?;
    let desk = api.engine.profiles();
    if desk.one(&scope, id).await.is_ok() {
        return Err(Problem::field("id", "taken", format!("there is a profile `{id}` already")));
    }
    // One that was taken away goes on counting where it ended.
    let gone = api.store.profiles().versions(&scope, id).await?.first().map_or(0, |row| row.version);
    desk.write(&scope, &caller.actor(), id, text, gone, reason).await?;
    let known = desk.one(&scope, id).await?;
    Ok(Json(detail(api, &scope, known).await?))
}

/// Writes the next version of a model. It is in force at once.
#[utoipa::path(
    put,
    path = "/profiles/{id}",
    tag = "profiles",
    operation_id = "put_profile",
    params(("id" = String, Path, description = "The model", min_length = 1, max_length = 100, example = "asj-relay")),
    request_body = ProfileChange,
    responses((status = 200, description = "The model", body = ProfileDetail), WriteProblems)
)]
pub(super) async fn change_profile(
    State(api): State<Api>,
    caller: Caller,
    Path(id): Path<String>,
    Body(change): Body<ProfileChange>,
) -> Result<Json<ProfileDetail>, Problem> {
    let scope = writer(&caller)?;
    check_text_and_reason(&change.text, &change.reason)?;
    let desk = api.engine.profiles();
    desk.one(&scope, &id).await?;
    desk.write(&scope, &caller.actor(), &id, &change.text, change.version, &change.reason).await?;
    let known = desk.one(&scope, &id).await?;
    Ok(Json(detail(&api, &scope, known).await?))
}

/// Takes away what people wrote, while no detector has the model. A file beneath it is in force again.
#[utoipa::path(
    delete,
    path = "/profiles/{id}",
    tag = "profiles",
    operation_id = "delete_profile",
    params(
        ("id" = String, Path, description = "The model", min_length = 1, max_length = 100, example = "my-relay"),
        ProfileRemoval,
    ),
    responses((status = 204, description = "Gone"), WriteProblems)
)]
pub(super) async fn delete_profile(
    State(api): State<Api>,
    caller: Caller,
    Path(id): Path<String>,
    Filters(removal): Filters<ProfileRemoval>,
) -> Result<StatusCode, Problem> {
    let scope = writer(&caller)?;
    let desk = api.engine.profiles();
    if desk.one(&scope, &id).await?.origin != ProfileOrigin::Database {
        return Err(Problem::new(
            Code::Conflict,
            "the profile is a file of the program or its folder; only what was written here can be taken away",
        ));
    }
    desk.delete(&scope, &caller.actor(), &id, removal.version, "").await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Makes a model like another one under a new id and name.
#[utoipa::path(
    post,
    path = "/profiles/{id}/duplicate",
    tag = "profiles",
    operation_id = "duplicate_profile",
    params(("id" = String, Path, description = "The model that is copied", min_length = 1, max_length = 100, example = "asj-relay")),
    request_body = ProfileCopy,
    responses((status = 201, description = "The copy", body = ProfileDetail), WriteProblems)
)]
pub(super) async fn duplicate_profile(
    State(api): State<Api>,
    caller: Caller,
    Path(id): Path<String>,
    Body(copy): Body<ProfileCopy>,
) -> Result<(StatusCode, Json<ProfileDetail>), Problem> {
    let scope = writer(&caller)?;
    let mut errors = Vec::new();
    check_text(&mut errors, "name", &copy.name, 200);
    check_max(&mut errors, "id", &copy.id, 100);
    checked(errors)?;
    let known = api.engine.profiles().one(&scope, &id).await?;
    let text = known.text();
    let renamed = read(text).ok().and_then(|mut form| {
        form.name.clone_from(&copy.name);
        // Nobody has compared the copy with a device yet.
        form.verified = false;
        write(text, &form).ok()
    });
    let reason = format!("copy of {id}");
    let made = create(&api, &caller, &copy.id, renamed.as_deref().unwrap_or(text), &reason).await?;
    Ok((StatusCode::CREATED, made))
}
