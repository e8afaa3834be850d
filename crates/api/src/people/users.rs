//! `/users`: accounts. Passwords are only ever given out once, made here, and must be changed at first sign-in.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use domain::access::Permission;
use domain::id::{OrganisationId, UserId};
use domain::place::AreaCode;
use domain::time::UnixMs;
use store::accounts::{Account, AccountDraft, AccountFilter, AccountPatch, GrantDraft};
use store::lockout::login_subject;

use super::shape::{CreatedUser, Grant, NewUser, OneTimePassword, User, UserPatch, UserQuery};
use crate::access::caller::{Caller, Ended};
use crate::access::secret;
use crate::access::setup::check_login;
use crate::http::extract::{Body, Filters, Id, check_text, checked};
use crate::http::page::{self, Page};
use crate::http::problem::{ItemProblems, ListProblems, Problem, WriteProblems};
use crate::state::Api;
use crate::vocabulary::Language;

/// The most grants of one account.
const MOST_GRANTS: usize = 50;
/// Groups of four characters in a one-time password: about 79 bits.
const GROUPS: usize = 4;

fn shape(account: Account, now: UnixMs) -> User {
    let about = account.account;
    User {
        id: about.id.0,
        login: about.login,
        name: about.name,
        language: Language::of_tag(&about.language),
        disabled: about.disabled,
        must_change_password: about.must_change_password,
        locked_until: about.locked_until.filter(|until| *until > now).map(Into::into),
        last_sign_in_at: about.last_sign_in_at.map(Into::into),
        one_time_codes: about.one_time_codes,
        grants: account
            .grants
            .into_iter()
            .map(|grant| Grant {
                role: grant.role.into(),
                organisation_id: grant.organisation_id.map(|id| id.0),
                area_code: grant.area_code.map(|code| code.0),
            })
            .collect(),
        version: about.version,
    }
}

fn drafts(grants: Vec<Grant>) -> Result<Vec<GrantDraft>, Problem> {
    if grants.len() > MOST_GRANTS {
        return Err(Problem::field(
            "grants",
            "too_long",
            format!("had {}, wanted at most {MOST_GRANTS}", grants.len()),
        ));
    }
    Ok(grants
        .into_iter()
        .map(|grant| GrantDraft {
            role: grant.role.into(),
            organisation_id: grant.organisation_id.map(OrganisationId),
            area_code: grant.area_code.map(AreaCode),
        })
        .collect())
}

/// Accounts, by login, page by page.
#[utoipa::path(
    get,
    path = "/users",
    tag = "people",
    operation_id = "list_users",
    params(UserQuery),
    responses((status = 200, description = "One page", body = Page<User>), ListProblems)
)]
pub(super) async fn list_users(
    State(api): State<Api>,
    caller: Caller,
    Filters(query): Filters<UserQuery>,
) -> Result<Json<Page<User>>, Problem> {
    let scope = caller.scope(Permission::PeopleManage)?;
    let page = page::asked(query.limit, query.cursor.as_deref())?;
    let filter = AccountFilter { text: query.q, disabled: query.disabled };
    let rows = api.store.accounts().list(&scope, &filter, &page).await?;
    let now = api.now();
    Ok(Json(Page::of(rows, |account| shape(account, now))))
}

/// One account.
#[utoipa::path(
    get,
    path = "/users/{id}",
    tag = "people",
    operation_id = "get_user",
    params(("id" = i64, Path, description = "The account", minimum = 1)),
    responses((status = 200, description = "The account", body = User), ItemProblems)
)]
pub(super) async fn get_user(
    State(api): State<Api>,
    caller: Caller,
    Id(id): Id,
) -> Result<Json<User>, Problem> {
    let scope = caller.scope(Permission::PeopleManage)?;
    Ok(Json(shape(api.store.accounts().get(&scope, UserId(id)).await?, api.now())))
}

/// Makes an account. The one-time password is shown in this answer only.
#[utoipa::path(
    post,
    path = "/users",
    tag = "people",
    operation_id = "create_user",
    request_body = NewUser,
    responses((status = 201, description = "The account and its one-time password", body = CreatedUser), WriteProblems)
)]
pub(super) async fn create_user(
    State(api): State<Api>,
    caller: Caller,
    Body(new): Body<NewUser>,
) -> Result<(StatusCode, Json<CreatedUser>), Problem> {
    let scope = caller.scope(Permission::PeopleManage)?;
    let mut errors = Vec::new();
    check_login(&mut errors, &new.login);
    check_text(&mut errors, "name", &new.name, 60);
    checked(errors)?;
    let one_time_password = secret::readable(GROUPS);
    let draft = AccountDraft {
        login: new.login,
        name: new.name,
        language: new.language.tag().to_owned(),
        grants: drafts(new.grants)?,
        password_hash: api.hasher.hash(one_time_password.clone()).await?,
        must_change_password: true,
    };
    let account = api.store.accounts().create(&scope, &caller.actor(), api.now(), &draft).await?;
    api.changed("people");
    Ok((StatusCode::CREATED, Json(CreatedUser { user: shape(account, api.now()), one_time_password })))
}

/// Changes an account. Disabling it ends its sessions.
#[utoipa::path(
    patch,
    path = "/users/{id}",
    tag = "people",
    operation_id = "change_user",
    params(("id" = i64, Path, description = "The account", minimum = 1)),
    request_body = UserPatch,
    responses((status = 200, description = "The account", body = User), WriteProblems)
)]
pub(super) async fn change_user(
    State(api): State<Api>,
    caller: Caller,
    Id(id): Id,
    Body(patch): Body<UserPatch>,
) -> Result<Json<User>, Problem> {
    let scope = caller.scope(Permission::PeopleManage)?;
    let mut errors = Vec::new();
    if let Some(name) = &patch.name {
        check_text(&mut errors, "name", name, 60);
    }
    checked(errors)?;
    let patch = AccountPatch {
        name: patch.name,
        language: patch.language.map(|language| language.tag().to_owned()),
        disabled: patch.disabled,
        grants: patch.grants.map(drafts).transpose()?,
        version: patch.version,
    };
    let account = api.store.accounts().change(&scope, &caller.actor(), api.now(), UserId(id), &patch).await?;
    if account.account.disabled {
        api.end(Ended::Account(account.account.id, None));
    }
    api.changed("people");
    Ok(Json(shape(account, api.now())))
}

/// Gives an account a new one-time password and ends its sessions. For somebody who forgot theirs.
#[utoipa::path(
    post,
    path = "/users/{id}/reset-password",
    tag = "people",
    operation_id = "reset_password",
    params(("id" = i64, Path, description = "The account", minimum = 1)),
    responses((status = 200, description = "Shown once", body = OneTimePassword), WriteProblems)
)]
pub(super) async fn reset_password(
    State(api): State<Api>,
    caller: Caller,
    Id(id): Id,
) -> Result<Json<OneTimePassword>, Problem> {
    let scope = caller.scope(Permission::PeopleManage)?;
    let id = UserId(id);
    // Looked up first, so that nobody makes the server hash for an account that is not there.
    let account = api.store.accounts().get(&scope, id).await?;
    let one_time_password = secret::readable(GROUPS);
    let hash = api.hasher.hash(one_time_password.clone()).await?;
    api.store.accounts().reset_password(&scope, &caller.actor(), api.now(), id, &hash).await?;
    api.lock_outs.forget(&login_subject(&account.account.login));
    api.end(Ended::Account(id, None));
    api.changed("people");
    Ok(Json(OneTimePassword { one_time_password }))
}

/// Lets a locked account try again.
#[utoipa::path(
    post,
    path = "/users/{id}/unlock",
    tag = "people",
    operation_id = "unlock_user",
    params(("id" = i64, Path, description = "The account", minimum = 1)),
    responses((status = 200, description = "The account", body = User), WriteProblems)
)]
pub(super) async fn unlock_user(
    State(api): State<Api>,
    caller: Caller,
    Id(id): Id,
) -> Result<Json<User>, Problem> {
    let scope = caller.scope(Permission::PeopleManage)?;
    let account = api.store.accounts().unlock(&scope, &caller.actor(), api.now(), UserId(id)).await?;
    api.lock_outs.forget(&login_subject(&account.account.login));
    api.changed("people");
    Ok(Json(shape(account, api.now())))
}

/// Takes the one-time codes of an account away. For somebody who lost their phone; their password still confirms.
#[utoipa::path(
    post,
    path = "/users/{id}/remove-one-time-codes",
    tag = "people",
    operation_id = "reset_one_time_codes",
    params(("id" = i64, Path, description = "The account", minimum = 1)),
    responses((status = 200, description = "The account", body = User), WriteProblems)
)]
pub(super) async fn reset_one_time_codes(
    State(api): State<Api>,
    caller: Caller,
    Id(id): Id,
) -> Result<Json<User>, Problem> {
    let scope = caller.scope(Permission::PeopleManage)?;
    let account = api.store.one_time_codes().reset(&scope, &caller.actor(), api.now(), UserId(id)).await?;
    api.changed("people");
    Ok(Json(shape(account, api.now())))
}
