//! `POST /profiles/validate`: the text and the form of a profile as one document, and what is wrong with it.

use axum::Json;
use axum::extract::State;
use domain::access::Permission;
use domain::profile::parse;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::form::{ProfileForm, read, write};
use super::list::{mistake_of, points_of};
use super::shape::{ProfileBreak, ProfileMistake, ProfilePoint};
use super::{LONGEST_TEXT, check_is_id};
use crate::access::caller::Caller;
use crate::http::extract::{Body, check_max, checked};
use crate::http::problem::{Problem, WriteProblems};
use crate::state::Api;

/// A profile that is being written.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ProfileDraft {
    /// Its id, where it has one: then what detectors in use store is held against it.
    #[serde(default)]
    #[schema(max_length = 100)]
    id: Option<String>,
    /// The TOML.
    #[schema(max_length = 300_000)]
    text: String,
    /// What the form says; it is written into the text first.
    #[serde(default, deserialize_with = "crate::http::extract::maybe_object")]
    form: Option<ProfileForm>,
}

/// What is known of a draft.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(super) struct ProfileCheck {
    /// The text, with what the form says.
    text: String,
    /// The form; null where the text is no TOML.
    form: Option<ProfileForm>,
    /// The first mistake; null where there is none.
    mistake: Option<ProfileMistake>,
    /// The points as they would be read; empty where there is a mistake.
    points: Vec<ProfilePoint>,
    /// In which ways it would break what detectors in use store; it cannot be saved then.
    breaks: Vec<ProfileBreak>,
    /// How many detectors it would change.
    #[schema(minimum = 0)]
    detectors: i64,
}

/// Checks a draft: its form as text, its text as form, the first mistake by line, column and field, and whether it
/// may take the place of what is in force. Nothing is kept.
#[utoipa::path(
    post,
    path = "/profiles/validate",
    tag = "profiles",
    operation_id = "validate_profile",
    request_body = ProfileDraft,
    responses((status = 200, description = "What is known of it", body = ProfileCheck), WriteProblems)
)]
pub(super) async fn validate_profile(
    State(api): State<Api>,
    caller: Caller,
    Body(draft): Body<ProfileDraft>,
) -> Result<Json<ProfileCheck>, Problem> {
    let scope = caller.scope(Permission::ProfileEdit)?;
    let mut errors = Vec::new();
    check_max(&mut errors, "text", &draft.text, LONGEST_TEXT);
    checked(errors)?;
    let mut refused = None;
    let text = match &draft.form {
        None => draft.text,
        Some(form) => match write(&draft.text, form) {
            Ok(text) => text,
            Err(error) => {
                refused = Some(ProfileMistake {
                    line: None,
                    column: None,
                    field: error.field,
                    code: error.code.to_owned(),
                    params: [("said".to_owned(), error.reason.clone())].into(),
                    reason: error.reason,
                });
                draft.text
            }
        },
    };
    let id = draft.id.filter(|id| check_is_id(id));
    let parsed = parse(&format!("{}.toml", id.as_deref().unwrap_or("draft")), &text);
    let (mut breaks, mut detectors) = (Vec::new(), 0);
    if let (Some(id), Ok(profile)) = (&id, &parsed) {
        let uses = api.store.profiles().uses(id).await?;
        breaks = uses.breaks(profile).into_iter().map(Into::into).collect();
        // How many there are in all is for those whose change would reach all of them.
        detectors = if scope.is_everything() { uses.detectors } else { 0 };
    }
    Ok(Json(ProfileCheck {
        form: match refused {
            // What could not be written is shown as it was typed.
            Some(_) => draft.form,
            None => read(&text).ok(),
        },
        mistake: refused.or_else(|| parsed.as_ref().err().map(|error| mistake_of(&text, error))),
        points: parsed.as_ref().map(points_of).unwrap_or_default(),
        breaks,
        detectors,
        text,
    }))
}
