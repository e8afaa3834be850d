//! `/setup`: the first run. Whoever has the server's console makes the first administrator; there is no default
//! password anywhere.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, StatusCode};
use store::accounts::AccountDraft;

use super::caller::Remote;
use super::shape::{Session, Setup, SetupNeeded};
use super::{password, secret, session};
use crate::http::extract::{Body, check_text, checked};
use crate::http::problem::{Code, FieldError, Problem, PublicProblems, PublicWriteProblems};
use crate::state::Api;

/// Whether the first account must be made.
#[utoipa::path(
    get,
    path = "/setup",
    tag = "session",
    operation_id = "get_setup",
    security(()),
    responses((status = 200, description = "Whether it is needed", body = SetupNeeded), PublicProblems)
)]
pub(super) async fn get_setup(State(api): State<Api>) -> Result<Json<SetupNeeded>, Problem> {
    Ok(Json(SetupNeeded { needed: api.store.setup_needed().await? }))
}

/// Makes the first organisation and the first administrator, and signs them in. Only while no account exists.
#[utoipa::path(
    post,
    path = "/setup",
    tag = "session",
    operation_id = "set_up",
    security(()),
    request_body = Setup,
    responses((status = 201, description = "Made and signed in", body = Session), PublicWriteProblems)
)]
pub(super) async fn set_up(
    State(api): State<Api>,
    Remote(remote): Remote,
    headers: HeaderMap,
    Body(asked): Body<Setup>,
) -> Result<(StatusCode, [(HeaderName, String); 1], Json<Session>), Problem> {
    if let Some(wait) = api.sign_ins.one_more(&remote, api.now()) {
        return Err(Problem::wait(Code::RateLimited, wait));
    }
    if !api.store.setup_needed().await? {
        return Err(Problem::new(Code::Conflict, "an account exists already"));
    }
    let mut errors = Vec::new();
    check_text(&mut errors, "organisation_name", &asked.organisation_name, 120);
    check_text(&mut errors, "name", &asked.name, 60);
    check_login(&mut errors, &asked.login);
    errors.extend(password::faults("password", &asked.password, &asked.login));
    if !api.setup_code.as_deref().is_some_and(|code| secret::same(code, asked.setup_code.trim())) {
        errors.push(FieldError::new(
            "setup_code",
            "wrong",
            "had another code than the one on the server's console",
        ));
    }
    checked(errors)?;
    let draft = AccountDraft {
        login: asked.login,
        name: asked.name,
        language: asked.language.tag().to_owned(),
        password_hash: api.hasher.hash(asked.password).await?,
        must_change_password: false,
        grants: Vec::new(),
    };
    let first = api.store.accounts().create_first(api.now(), &asked.organisation_name, &draft, &remote).await;
    let first = first.map_err(|error| match error {
        store::StoreError::InUse { .. } => Problem::new(Code::Conflict, "an account exists already"),
        other => other.into(),
    })?;
    session::open(&api, first.account, remote, &headers).await
}

/// What cannot be about a login.
pub(crate) fn check_login(errors: &mut Vec<FieldError>, login: &str) {
    let fits = (2..=60).contains(&login.len())
        && login.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'@' | b'-'));
    if !fits {
        let words = "wanted 2 to 60 letters, digits, or one of . _ @ -";
        errors.push(FieldError::new("login", "malformed", words));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_is_plain() {
        for (login, fits) in
            [("wang.li", true), ("a", false), ("a b", false), ("王丽", false), ("x@y-z_1", true)]
        {
            let mut errors = Vec::new();
            check_login(&mut errors, login);
            assert_eq!(errors.is_empty(), fits, "{login}");
        }
    }
}
