//! `POST /profiles/import` and `GET /profiles/{id}/export`: profiles as files.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use domain::access::Permission;
use domain::profile::parse;
use engine::EngineError;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::list::mistake_of;
use super::shape::{ProfileBreak, ProfileMistake};
use super::{LONGEST_TEXT, versions, writer};
use crate::access::caller::Caller;
use crate::http::extract::{Body, Filters, check_max, checked};
use crate::http::problem::{FieldError, ItemProblems, Problem, WriteProblems};
use crate::state::Api;

/// The most files in one import.
const MOST_FILES: usize = 100;

/// A file.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ProfileFile {
    /// Its name, which gives the profile its id.
    #[schema(min_length = 1, max_length = 200, example = "my-relay.toml")]
    name: String,
    /// The TOML.
    #[schema(max_length = 300_000)]
    text: String,
}

/// Files to be taken in.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ProfileImport {
    /// One or many.
    #[schema(min_items = 1, max_items = 100)]
    #[serde(deserialize_with = "crate::http::extract::objects")]
    files: Vec<ProfileFile>,
    /// Whether a profile that is there already gets a new version; else it is left alone.
    #[serde(default)]
    replace: bool,
    /// Why.
    #[serde(default)]
    #[schema(max_length = 500)]
    reason: String,
}

/// What became of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum ImportOutcome {
    /// A new profile.
    Created,
    /// A new version.
    Changed,
    /// It says what is in force already.
    Unchanged,
    /// There is one already, and `replace` was not said.
    Exists,
    /// It is no profile, or would break what is stored.
    Refused,
}

/// One file of an import.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(super) struct ImportedProfile {
    /// The file's name.
    name: String,
    /// The profile's id; null where the name gives none.
    id: Option<String>,
    /// What became of it.
    outcome: ImportOutcome,
    /// What is wrong with it.
    mistake: Option<ProfileMistake>,
    /// What it would break.
    breaks: Vec<ProfileBreak>,
}

/// What became of an import.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(super) struct ProfileImported {
    /// In the order of the request.
    files: Vec<ImportedProfile>,
}

/// Which version.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct ExportQuery {
    /// A version written here, or 0 for the file; the text in force where left out.
    #[param(minimum = 0)]
    pub version: Option<i64>,
}

/// Takes files in, each by itself: one that is refused does not hold up the others.
#[utoipa::path(
    post,
    path = "/profiles/import",
    tag = "profiles",
    operation_id = "import_profiles",
    request_body = ProfileImport,
    responses((status = 200, description = "What became of each", body = ProfileImported), WriteProblems)
)]
pub(super) async fn import_profiles(
    State(api): State<Api>,
    caller: Caller,
    Body(import): Body<ProfileImport>,
) -> Result<Json<ProfileImported>, Problem> {
    let scope = writer(&caller)?;
    let mut errors = Vec::new();
    if import.files.is_empty() || import.files.len() > MOST_FILES {
        let message = format!("had {} files, wanted 1 to {MOST_FILES}", import.files.len());
        errors.push(FieldError::new("files", "out_of_range", message).with("min", 1).with("max", MOST_FILES));
    }
    check_max(&mut errors, "reason", &import.reason, 500);
    for (index, file) in import.files.iter().enumerate() {
        check_max(&mut errors, &format!("files[{index}].name"), &file.name, 200);
        check_max(&mut errors, &format!("files[{index}].text"), &file.text, LONGEST_TEXT);
    }
    checked(errors)?;
    let desk = api.engine.profiles();
    let mut files = Vec::with_capacity(import.files.len());
    for file in import.files {
        let mut one = ImportedProfile {
            name: file.name,
            id: None,
            outcome: ImportOutcome::Refused,
            mistake: None,
            breaks: Vec::new(),
        };
        match parse(&one.name, &file.text) {
            Err(error) => one.mistake = Some(mistake_of(&file.text, &error)),
            Ok(profile) => {
                let known = desk.one(&scope, &profile.id).await.ok();
                let same = known.as_ref().is_some_and(|known| known.text() == file.text);
                one.outcome = match &known {
                    Some(_) if same => ImportOutcome::Unchanged,
                    Some(_) if !import.replace => ImportOutcome::Exists,
                    Some(_) => ImportOutcome::Changed,
                    None => ImportOutcome::Created,
                };
                if matches!(one.outcome, ImportOutcome::Changed | ImportOutcome::Created) {
                    let newest = api.store.profiles().versions(&scope, &profile.id).await?;
                    let version = newest.first().map_or(0, |row| row.version);
                    let actor = caller.actor();
                    let done =
                        desk.write(&scope, &actor, &profile.id, &file.text, version, &import.reason).await;
                    match done {
                        Ok(_version) => {}
                        Err(EngineError::Breaks(breaks)) => {
                            one.outcome = ImportOutcome::Refused;
                            one.breaks = breaks.into_iter().map(Into::into).collect();
                        }
                        Err(error) => return Err(error.into()),
                    }
                }
                one.id = Some(profile.id);
            }
        }
        files.push(one);
    }
    Ok(Json(ProfileImported { files }))
}

/// The profile as a file.
#[utoipa::path(
    get,
    path = "/profiles/{id}/export",
    tag = "profiles",
    operation_id = "export_profile",
    params(
        ("id" = String, Path, description = "The model", min_length = 1, max_length = 100, example = "asj-relay"),
        ExportQuery,
    ),
    responses(
        (status = 200, description = "The TOML", body = String, content_type = "application/toml"),
        ItemProblems
    )
)]
pub(super) async fn export_profile(
    State(api): State<Api>,
    caller: Caller,
    Path(id): Path<String>,
    Filters(query): Filters<ExportQuery>,
) -> Result<Response, Problem> {
    let scope = caller.scope(Permission::View)?;
    let text = match query.version {
        Some(version) => versions::text_of(&api, &scope, &id, version).await?,
        None => api.engine.profiles().one(&scope, &id).await?.text().to_owned(),
    };
    let mut response = text.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/toml; charset=utf-8"));
    if let Ok(disposition) = HeaderValue::from_str(&format!("attachment; filename=\"{id}.toml\"")) {
        headers.insert(header::CONTENT_DISPOSITION, disposition);
    }
    Ok(response)
}
