//! `GET /profiles/{id}/versions`, one of them, and what differs between two.

use axum::Json;
use axum::extract::{Path, State};
use domain::access::{Permission, Scope};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::diff::{LineChange, lines};
use super::shape::{ProfileVersion, ProfileVersionText};
use crate::access::caller::Caller;
use crate::http::extract::Filters;
use crate::http::page::Page;
use crate::http::problem::{ItemProblems, Problem};
use crate::state::Api;

/// The text of a version; 0 is the file beneath.
pub(super) async fn text_of(api: &Api, scope: &Scope, id: &str, version: i64) -> Result<String, Problem> {
    if version == 0 {
        return api.engine.profiles().file_text(id).ok_or_else(|| Problem::not_found("version"));
    }
    Ok(api.store.profiles().version(scope, id, version).await?.text.unwrap_or_default())
}

/// Who wrote what when, newest first; the file beneath comes last as version 0.
#[utoipa::path(
    get,
    path = "/profiles/{id}/versions",
    tag = "profiles",
    operation_id = "list_profile_versions",
    params(("id" = String, Path, description = "The model", min_length = 1, max_length = 100, example = "asj-relay")),
    responses((status = 200, description = "All of them", body = Page<ProfileVersion>), ItemProblems)
)]
pub(super) async fn list_profile_versions(
    State(api): State<Api>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<Page<ProfileVersion>>, Problem> {
    let scope = caller.scope(Permission::ProfileEdit)?;
    let rows = api.store.profiles().versions(&scope, &id).await?;
    let mut items: Vec<ProfileVersion> = rows
        .into_iter()
        .map(|row| ProfileVersion {
            version: row.version,
            at: Some(row.at.into()),
            // Who works for somebody else is told to those who see everybody.
            by: if scope.is_everything() { row.actor_name } else { String::new() },
            reason: row.reason,
            deleted: row.text.is_none(),
        })
        .collect();
    if api.engine.profiles().file_text(&id).is_some() {
        items.push(ProfileVersion {
            version: 0,
            at: None,
            by: String::new(),
            reason: String::new(),
            deleted: false,
        });
    }
    if items.is_empty() {
        return Err(Problem::not_found("profile"));
    }
    Ok(Json(Page::whole(items)))
}

/// One version's text.
#[utoipa::path(
    get,
    path = "/profiles/{id}/versions/{version}",
    tag = "profiles",
    operation_id = "get_profile_version",
    params(
        ("id" = String, Path, description = "The model", min_length = 1, max_length = 100, example = "asj-relay"),
        ("version" = i64, Path, description = "The version; 0 is the file", minimum = 0, example = 0),
    ),
    responses((status = 200, description = "The text", body = ProfileVersionText), ItemProblems)
)]
pub(super) async fn get_profile_version(
    State(api): State<Api>,
    caller: Caller,
    Path((id, version)): Path<(String, i64)>,
) -> Result<Json<ProfileVersionText>, Problem> {
    let scope = caller.scope(Permission::ProfileEdit)?;
    Ok(Json(ProfileVersionText { version, text: text_of(&api, &scope, &id, version).await? }))
}

/// Which two.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct CompareQuery {
    /// The older; 0 is the file.
    #[param(minimum = 0)]
    pub from: i64,
    /// The newer; 0 is the file.
    #[param(minimum = 0)]
    pub to: i64,
}

/// A line of a comparison.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(super) struct DiffLine {
    /// Whether it is in both, only in the newer, or only in the older.
    change: LineChange,
    /// Its number in the older text.
    #[schema(minimum = 1)]
    from: Option<u32>,
    /// Its number in the newer text.
    #[schema(minimum = 1)]
    to: Option<u32>,
    /// The line.
    text: String,
}

/// Two versions side by side.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(super) struct ProfileComparison {
    /// The older.
    #[schema(minimum = 0)]
    from: i64,
    /// The newer.
    #[schema(minimum = 0)]
    to: i64,
    /// Every line of both.
    lines: Vec<DiffLine>,
}

/// What differs between two versions, line by line.
#[utoipa::path(
    get,
    path = "/profiles/{id}/compare",
    tag = "profiles",
    operation_id = "compare_profile_versions",
    params(
        ("id" = String, Path, description = "The model", min_length = 1, max_length = 100, example = "asj-relay"),
        CompareQuery,
    ),
    responses((status = 200, description = "Line by line", body = ProfileComparison), ItemProblems)
)]
pub(super) async fn compare_profile_versions(
    State(api): State<Api>,
    caller: Caller,
    Path(id): Path<String>,
    Filters(query): Filters<CompareQuery>,
) -> Result<Json<ProfileComparison>, Problem> {
    let scope = caller.scope(Permission::ProfileEdit)?;
    let from = text_of(&api, &scope, &id, query.from).await?;
    let to = text_of(&api, &scope, &id, query.to).await?;
    let lines = lines(&from, &to)
        .into_iter()
        .map(|line| DiffLine {
            change: line.change,
            from: line.from,
            to: line.to,
            text: line.text.to_owned(),
        })
        .collect();
    Ok(Json(ProfileComparison { from: query.from, to: query.to, lines }))
}
