//! `/accounts/…/contacts`: how people are reached, and when they want to be left alone.

use axum::Json;
use axum::extract::State;
use domain::access::{Permission, Scope};
use domain::id::UserId;
use engine::services::check_quiet;
use store::telling::{ContactDraft as Stored, ContactRow};

use super::shape::{Contact, ContactDraft};
use crate::access::caller::Caller;
use crate::http::extract::{Body, Id, checked};
use crate::http::problem::{FieldError, ItemProblems, Problem, WriteProblems};
use crate::state::Api;

fn shown(row: ContactRow) -> Contact {
    Contact {
        account_id: row.account_id.0,
        email: row.email,
        email_verified_at: row.email_verified_at.map(Into::into),
        phone: row.phone,
        phone_verified_at: row.phone_verified_at.map(Into::into),
        quiet: engine::telling::book::quiet(row.quiet.as_ref()).map(Into::into),
        version: row.version,
    }
}

fn stored(draft: ContactDraft) -> Result<Stored, Problem> {
    let mut errors = Vec::new();
    let (email, phone) = (trimmed(draft.email), trimmed(draft.phone));
    let mailbox = |text: &str| {
        text.len() <= 254
            && !text.chars().any(|c| c.is_whitespace() || c.is_control() || c == ',' || c == '<')
            && text.split_once('@').is_some_and(|(name, host)| !name.is_empty() && host.contains('.'))
    };
    if email.as_deref().is_some_and(|text| !mailbox(text)) {
        errors.push(FieldError::new("email", "invalid", "wanted a mailbox such as name@example.cn"));
    }
    let number = |text: &str| {
        text.strip_prefix('+').is_some_and(|digits| {
            (7..=15).contains(&digits.len())
                && !digits.starts_with('0')
                && digits.bytes().all(|b| b.is_ascii_digit())
        })
    };
    if phone.as_deref().is_some_and(|text| !number(text)) {
        errors.push(FieldError::new(
            "phone",
            "invalid",
            "wanted a number with its country, such as +8613800138000",
        ));
    }
    checked(errors)?;
    let quiet: Option<domain::telling::Hours> = draft.quiet.map(Into::into).filter(has_spans);
    if let Some(hours) = &quiet {
        check_quiet(hours)?;
    }
    let quiet = quiet.and_then(|hours| serde_json::to_string(&hours).ok());
    Ok(Stored { email, phone, quiet, version: draft.version })
}

fn has_spans(hours: &domain::telling::Hours) -> bool {
    !hours.spans.is_empty()
}

fn trimmed(text: Option<String>) -> Option<String> {
    text.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty())
}

/// How you are reached.
#[utoipa::path(
    get,
    path = "/accounts/me/contacts",
    tag = "telling",
    operation_id = "get_own_contact",
    responses((status = 200, description = "How you are reached", body = Contact), ItemProblems)
)]
pub(super) async fn get_own_contact(
    State(api): State<Api>,
    caller: Caller,
) -> Result<Json<Contact>, Problem> {
    let own = caller.person()?.account.id;
    Ok(Json(shown(api.store.telling().own_contact(own).await?)))
}

/// Says how you are reached. A changed address counts as unproved until a link that was sent there is used.
#[utoipa::path(
    put,
    path = "/accounts/me/contacts",
    tag = "telling",
    operation_id = "put_own_contact",
    request_body = ContactDraft,
    responses((status = 200, description = "How you are reached", body = Contact), WriteProblems)
)]
pub(super) async fn put_own_contact(
    State(api): State<Api>,
    caller: Caller,
    Body(draft): Body<ContactDraft>,
) -> Result<Json<Contact>, Problem> {
    let own = caller.person()?.account.id;
    let draft = stored(draft)?;
    let telling = api.store.telling();
    Ok(Json(shown(telling.set_contact(&Scope::platform(), &caller.actor(), api.now(), own, &draft).await?)))
}

/// How somebody is reached.
#[utoipa::path(
    get,
    path = "/accounts/{id}/contacts",
    tag = "telling",
    operation_id = "get_contact",
    params(("id" = i64, Path, description = "The account", minimum = 1)),
    responses((status = 200, description = "How they are reached", body = Contact), ItemProblems)
)]
pub(super) async fn get_contact(
    State(api): State<Api>,
    caller: Caller,
    Id(id): Id,
) -> Result<Json<Contact>, Problem> {
    let scope = caller.scope(Permission::PeopleManage)?;
    Ok(Json(shown(api.store.telling().contact(&scope, UserId(id)).await?)))
}

/// Says how somebody is reached.
#[utoipa::path(
    put,
    path = "/accounts/{id}/contacts",
    tag = "telling",
    operation_id = "put_contact",
    params(("id" = i64, Path, description = "The account", minimum = 1)),
    request_body = ContactDraft,
    responses((status = 200, description = "How they are reached", body = Contact), WriteProblems)
)]
pub(super) async fn put_contact(
    State(api): State<Api>,
    caller: Caller,
    Id(id): Id,
    Body(draft): Body<ContactDraft>,
) -> Result<Json<Contact>, Problem> {
    let scope = caller.scope(Permission::PeopleManage)?;
    let draft = stored(draft)?;
    let telling = api.store.telling();
    Ok(Json(shown(telling.set_contact(&scope, &caller.actor(), api.now(), UserId(id), &draft).await?)))
}
