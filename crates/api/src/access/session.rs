//! `/session`: sign-in, sign-out, one's own password and profile.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use domain::access::{Permission, Scope};
use store::lockout::{LockPolicy, address_subject, login_subject};
use store::sessions::NewSession;

use super::caller::{AnyCaller, Caller, Ended, Remote, Who, clear_cookie, idle_end, set_cookie};
use super::shape::{
    NamedArea, NamedOrganisation, PasswordChange, ProfilePatch, ServerFacts, Session, SessionScope,
    SessionUser, SignIn,
};
use super::{password, secret};
use crate::http::extract::{Body, check_text, checked};
use crate::http::problem::{Code, ListProblems, Problem, PublicWriteProblems, WriteProblems};
use crate::state::Api;
use crate::vocabulary::Language;

/// Failures are forgotten after this long, ms.
const WINDOW_MS: i64 = 15 * 60_000;

/// Who is signed in, what they may do and see, and what the screens must know of the server.
#[utoipa::path(
    get,
    path = "/session",
    tag = "session",
    operation_id = "get_session",
    responses((status = 200, description = "The session", body = Session), ListProblems)
)]
pub(super) async fn get_session(
    State(api): State<Api>,
    AnyCaller(caller): AnyCaller,
) -> Result<Json<Session>, Problem> {
    Ok(Json(session_of(&api, &caller).await?))
}

/// Signs in. The answer sets the session's cookie.
#[utoipa::path(
    post,
    path = "/session",
    tag = "session",
    operation_id = "sign_in",
    security(()),
    request_body = SignIn,
    responses(
        (status = 201, description = "Signed in", body = Session,
            headers(("Set-Cookie" = String, description = "`ew_session`, HttpOnly, SameSite=Strict"))),
        (status = 401, description = "Login or password is wrong: `invalid_credentials`",
            body = crate::http::problem::ProblemBody, content_type = "application/problem+json"),
        PublicWriteProblems
    )
)]
pub(super) async fn sign_in(
    State(api): State<Api>,
    Remote(remote): Remote,
    headers: HeaderMap,
    Body(asked): Body<SignIn>,
) -> Result<(StatusCode, [(HeaderName, String); 1], Json<Session>), Problem> {
    let now = api.now();
    if let Some(wait) = api.sign_ins.one_more(&remote, now) {
        return Err(Problem::wait(Code::RateLimited, wait));
    }
    let by_login = login_subject(&asked.login);
    let by_address = address_subject(&remote);
    for subject in [&by_login, &by_address] {
        if let Some(wait) = locked_s(&api, subject).await? {
            return Err(Problem::wait(Code::LockedOut, wait));
        }
    }
    let known = api.store.accounts().credentials(&asked.login).await?;
    let stored = known.as_ref().map(|known| known.password_hash.clone());
    let right =
        asked.password.len() <= password::MAX_BYTES && api.hasher.is_right(asked.password, stored).await?;
    let Some(known) = known.filter(|known| right && !known.disabled) else {
        let waits = [failed(&api, &by_login).await?, failed(&api, &by_address).await?];
        return Err(match waits.into_iter().flatten().max() {
            Some(wait) => Problem::wait(Code::LockedOut, wait),
            None => Problem::new(Code::InvalidCredentials, "no account has this login and password"),
        });
    };
    api.lock_outs.forget(&by_login);
    api.store.lockout().clear(&by_login).await?;
    let account = api.store.accounts().own(known.id).await?;
    open(&api, account, remote, &headers).await
}

/// Makes a session for `account` and answers with it.
pub(super) async fn open(
    api: &Api,
    account: store::accounts::Account,
    remote: String,
    headers: &HeaderMap,
) -> Result<(StatusCode, [(HeaderName, String); 1], Json<Session>), Problem> {
    let now = api.now();
    let session_secret = secret::random();
    let hash = secret::fingerprint(&session_secret).to_vec();
    let user_agent: String = headers
        .get(header::USER_AGENT)
        .and_then(|v| v.to_str().ok())
        .map(|v| v.chars().take(200).collect())
        .unwrap_or_default();
    let new = NewSession {
        token_hash: hash.clone(),
        account: account.account.id,
        expires_at: idle_end(now),
        remote: remote.clone(),
        user_agent,
    };
    let caller = Caller::person_of(account, secret::csrf_token(&session_secret), remote, hash);
    api.store.sessions().create(&caller.actor(), now, &new).await?;
    let account = api.store.accounts().own(new.account).await?;
    let caller = Caller::person_of(account, secret::csrf_token(&session_secret), new.remote, new.token_hash);
    let session = session_of(api, &caller).await?;
    let cookie = [(header::SET_COOKIE, set_cookie(&session_secret, api.config.behind_https))];
    Ok((StatusCode::CREATED, cookie, Json(session)))
}

/// How long `subject` is still locked, s: after what the store remembers over restarts, and after what this process
/// has seen.
pub(super) async fn locked_s(api: &Api, subject: &str) -> Result<Option<u64>, Problem> {
    let now = api.now();
    let stored = api.store.lockout().state(subject, now).await?.locked_until;
    let stored = stored.and_then(|until| u64::try_from(until.since_ms(now)).ok()).map(|ms| ms.div_ceil(1000));
    Ok(stored.max(api.lock_outs.wait_s(subject, now)).filter(|wait| *wait > 0))
}

/// Counts a failure; says how long the subject is locked now, s.
pub(super) async fn failed(api: &Api, subject: &str) -> Result<Option<u64>, Problem> {
    let now = api.now();
    let wait = api.lock_outs.failed(subject, now);
    let lock_ms = wait.and_then(|s| i64::try_from(s).ok()).unwrap_or(0).saturating_mul(1000);
    // This process decides how long, because the time grows; the store keeps it over a restart.
    let failures = if wait.is_some() { 1 } else { u32::MAX };
    let policy = LockPolicy { failures, window_ms: WINDOW_MS, lock_ms };
    match api.store.lockout().failed(subject, now, &policy).await {
        Ok(_) => {}
        // The lock in memory holds; a full disk must not open the door either way.
        Err(error) if error.is_transient() => {
            tracing::warn!(%error, "a failed sign-in could not be written down")
        }
        Err(error) => return Err(error.into()),
    }
    Ok(wait)
}

/// Signs out.
#[utoipa::path(
    delete,
    path = "/session",
    tag = "session",
    operation_id = "sign_out",
    responses((status = 204, description = "Signed out"), WriteProblems)
)]
pub(super) async fn sign_out(
    State(api): State<Api>,
    AnyCaller(caller): AnyCaller,
) -> Result<(StatusCode, [(HeaderName, String); 1]), Problem> {
    caller.person()?;
    api.store.sessions().delete(caller.hash()).await?;
    api.end(Ended::Session(caller.hash().to_vec()));
    Ok((StatusCode::NO_CONTENT, [(header::SET_COOKIE, clear_cookie(api.config.behind_https))]))
}

/// Changes one's own password. Other sessions of the account end.
#[utoipa::path(
    post,
    path = "/session/password",
    tag = "session",
    operation_id = "change_password",
    request_body = PasswordChange,
    responses(
        (status = 204, description = "Changed"),
        (status = 429, description = "Too many wrong passwords: `locked_out`",
            body = crate::http::problem::ProblemBody, content_type = "application/problem+json"),
        WriteProblems
    )
)]
pub(super) async fn change_password(
    State(api): State<Api>,
    AnyCaller(caller): AnyCaller,
    Body(change): Body<PasswordChange>,
) -> Result<StatusCode, Problem> {
    let account = caller.person()?;
    let id = account.account.id;
    // Somebody at an unlocked screen must not be able to guess the password here either.
    let subject = format!("password:{id}");
    if let Some(wait) = api.lock_outs.wait_s(&subject, api.now()) {
        return Err(Problem::wait(Code::LockedOut, wait));
    }
    let stored =
        api.store.accounts().credentials(&account.account.login).await?.map(|known| known.password_hash);
    let right = change.old_password.len() <= password::MAX_BYTES
        && api.hasher.is_right(change.old_password.clone(), stored).await?;
    if !right {
        api.lock_outs.failed(&subject, api.now());
        return Err(Problem::field(
            "old_password",
            "wrong",
            "had a password that is not the one that holds now",
        ));
    }
    let mut errors = password::faults("new_password", &change.new_password, &account.account.login);
    if change.new_password == change.old_password {
        errors.push(crate::http::problem::FieldError::new(
            "new_password",
            "same_as_old",
            "had the old password, wanted another one",
        ));
    }
    checked(errors)?;
    let hash = api.hasher.hash(change.new_password).await?;
    api.store.accounts().change_own_password(&caller.actor(), api.now(), id, &hash, caller.hash()).await?;
    api.lock_outs.forget(&subject);
    api.end(Ended::Account(id, Some(caller.hash().to_vec())));
    Ok(StatusCode::NO_CONTENT)
}

/// Changes one's own name or language.
#[utoipa::path(
    patch,
    path = "/session/profile",
    tag = "session",
    operation_id = "change_profile",
    request_body = ProfilePatch,
    responses((status = 200, description = "The session", body = Session), WriteProblems)
)]
pub(super) async fn change_profile(
    State(api): State<Api>,
    caller: Caller,
    Body(patch): Body<ProfilePatch>,
) -> Result<Json<Session>, Problem> {
    let id = caller.person()?.account.id;
    let mut errors = Vec::new();
    if let Some(name) = &patch.name {
        check_text(&mut errors, "name", name, 60);
    }
    checked(errors)?;
    let language = patch.language.map(Language::tag);
    api.store.accounts().change_own(&caller.actor(), api.now(), id, patch.name.as_deref(), language).await?;
    let caller = caller.again(&api).await?;
    Ok(Json(session_of(&api, &caller).await?))
}

/// The session as its owner sees it.
pub(super) async fn session_of(api: &Api, caller: &Caller) -> Result<Session, Problem> {
    let mut organisations: Vec<NamedOrganisation> = Vec::new();
    let mut areas: Vec<NamedArea> = Vec::new();
    let (user, csrf_token) = match caller.who() {
        Who::Person { account, csrf_token } => {
            for grant in &account.grants {
                if let (Some(id), Some(name)) = (grant.organisation_id, &grant.organisation_name)
                    && organisations.iter().all(|known| known.id != id.0)
                {
                    organisations.push(NamedOrganisation { id: id.0, name: name.clone() });
                }
                if let (Some(code), Some(name)) = (&grant.area_code, &grant.area_name)
                    && areas.iter().all(|known| known.code != code.0)
                {
                    areas.push(NamedArea { code: code.0.clone(), name: name.clone() });
                }
            }
            let about = &account.account;
            let user = SessionUser {
                id: about.id.0,
                login: about.login.clone(),
                name: about.name.clone(),
                language: Language::of_tag(&about.language),
                must_change_password: about.must_change_password,
                one_time_codes: about.one_time_codes,
            };
            (user, csrf_token.clone())
        }
        Who::Program(token) => {
            let scope = Scope::of(caller.grants(), Permission::View);
            if let Some(id) = token.organisation_id {
                let row = api.store.organisations().get(&scope, id).await?;
                organisations.push(NamedOrganisation { id: id.0, name: row.name });
            }
            if let Some(code) = &token.area_code {
                let known = api.store.areas().await?.into_iter().find(|area| area.code == *code);
                let name = known.map_or_else(|| code.0.clone(), |area| area.name);
                areas.push(NamedArea { code: code.0.clone(), name });
            }
            let user = SessionUser {
                id: 0,
                login: token.prefix.clone(),
                name: token.name.clone(),
                language: Language::ZhCn,
                must_change_password: false,
                one_time_codes: false,
            };
            (user, String::new())
        }
    };
    let mut roles: Vec<domain::access::Role> = caller.grants().iter().map(|grant| grant.role).collect();
    roles.sort_unstable();
    roles.dedup();
    Ok(Session {
        user,
        roles: roles.into_iter().map(Into::into).collect(),
        permissions: caller.permissions().into_iter().map(Into::into).collect(),
        scope: SessionScope {
            organisations,
            areas,
            everything: Scope::of(caller.grants(), Permission::View).is_everything(),
        },
        csrf_token,
        server: ServerFacts {
            version: api.config.version.clone(),
            name: api.config.name.clone(),
            now: api.now().into(),
            zone: api.config.zone.clone(),
            demo: api.config.demo,
        },
    })
}
