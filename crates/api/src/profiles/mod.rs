//! Detector models: what is known, written as files or as forms, tried before it counts, kept in versions.

mod bench;
mod check;
mod diff;
mod form;
mod list;
pub mod shape;
mod transfer;
mod versions;
mod write;

use domain::access::{Permission, Scope};
use domain::profile::{Profile, parse};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::access::caller::Caller;
use crate::http::extract::{check_max, checked};
use crate::http::problem::{FieldError, Problem};
use crate::state::Api;

/// The longest text of a profile, characters.
const LONGEST_TEXT: u32 = 300_000;
/// The longest id of a profile, characters.
const LONGEST_ID: usize = 100;

/// Words of addresses below `/profiles`, which no profile can have as its id.
const RESERVED: [&str; 4] = ["validate", "import", "test", "try"];

/// The addresses of this subject.
pub(crate) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(list::list_profiles, write::create_profile))
        .routes(routes!(check::validate_profile))
        .routes(routes!(transfer::import_profiles))
        .routes(routes!(bench::pasted::test_profile))
        .routes(routes!(bench::lines::list_profile_lines))
        .routes(routes!(bench::lines::try_profile))
        .routes(routes!(list::get_profile, write::change_profile, write::delete_profile))
        .routes(routes!(transfer::export_profile))
        .routes(routes!(write::duplicate_profile))
        .routes(routes!(versions::list_profile_versions))
        .routes(routes!(versions::get_profile_version))
        .routes(routes!(versions::compare_profile_versions))
}

/// The scope of a caller who may write profiles. A profile reaches every detector that has it, whoever's it is, so the
/// permission has to be held over everything.
fn writer(caller: &Caller) -> Result<Scope, Problem> {
    let scope = caller.scope(Permission::ProfileEdit)?;
    if scope.is_everything() { Ok(scope) } else { Err(Problem::not_found("profile")) }
}

/// Checks an id before it becomes one.
fn check_id(errors: &mut Vec<FieldError>, field: &str, id: &str) {
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if id.is_empty() {
        errors.push(FieldError::new(field, "missing", "had nothing, wanted a text"));
    } else if id.len() > LONGEST_ID || !id.chars().all(allowed) {
        let message = format!("had `{id}`, wanted lower-case letters, digits and `-`, at most {LONGEST_ID}");
        errors.push(FieldError::new(field, "profile_id", message));
    } else if RESERVED.contains(&id) {
        errors.push(FieldError::new(field, "taken", format!("`{id}` is a word of the API, wanted another")));
    }
}

fn check_text_and_reason(text: &str, reason: &str) -> Result<(), Problem> {
    let mut errors = Vec::new();
    check_max(&mut errors, "text", text, LONGEST_TEXT);
    check_max(&mut errors, "reason", reason, 500);
    checked(errors)
}

/// The profile that a request is about: a text that is tried, or one that is in force.
fn candidate(api: &Api, id: Option<&str>, text: Option<&str>) -> Result<Profile, Problem> {
    match (id, text) {
        (id, Some(text)) => {
            let mut errors = Vec::new();
            check_max(&mut errors, "text", text, LONGEST_TEXT);
            checked(errors)?;
            let name = id.filter(|id| check_is_id(id)).unwrap_or("candidate");
            Ok(parse(&format!("{name}.toml"), text).map_err(engine::EngineError::from)?)
        }
        (Some(id), None) => {
            let profile = api.directory.profile(id);
            let profile =
                profile.ok_or_else(|| Problem::field("profile_id", "unknown", format!("no profile {id}")))?;
            Ok(Profile::clone(&profile))
        }
        (None, None) => Err(Problem::field(
            "profile_id",
            "missing",
            "had neither profile_id nor text, wanted one of them",
        )),
    }
}

fn check_is_id(id: &str) -> bool {
    let mut errors = Vec::new();
    check_id(&mut errors, "profile_id", id);
    errors.is_empty()
}
