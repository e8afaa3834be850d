//! `/tokens`: keys for programs. The secret is shown once; only its fingerprint is kept.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use domain::access::Permission;
use domain::id::{OrganisationId, TokenId};
use domain::place::AreaCode;
use store::accounts::GrantDraft;
use store::tokens::{TokenDraft, TokenRow};

use super::shape::{CreatedToken, NewToken, Token};
use crate::access::caller::{Caller, Ended};
use crate::access::secret;
use crate::http::extract::{Body, Id, check_text, checked};
use crate::http::page::Page;
use crate::http::problem::{FieldError, ListProblems, Problem, WriteProblems};
use crate::state::Api;

/// How much of a token people may see, characters.
const PREFIX: usize = 10;

impl From<TokenRow> for Token {
    fn from(row: TokenRow) -> Self {
        Self {
            id: row.id.0,
            name: row.name,
            role: row.role.into(),
            organisation_id: row.organisation_id.map(|id| id.0),
            area_code: row.area_code.map(|code| code.0),
            created_at: row.created_at.into(),
            expires_at: row.expires_at.map(Into::into),
            last_used_at: row.last_used_at.map(Into::into),
            prefix: row.prefix,
        }
    }
}

/// The tokens that reach no further than your scope.
#[utoipa::path(
    get,
    path = "/tokens",
    tag = "people",
    operation_id = "list_tokens",
    responses((status = 200, description = "All of them", body = Page<Token>), ListProblems)
)]
pub(super) async fn list_tokens(
    State(api): State<Api>,
    caller: Caller,
) -> Result<Json<Page<Token>>, Problem> {
    let scope = caller.scope(Permission::TokenManage)?;
    let rows = api.store.tokens().list(&scope).await?;
    Ok(Json(Page::whole(rows.into_iter().map(Token::from).collect())))
}

/// Makes a token. Its secret is shown in this answer only.
#[utoipa::path(
    post,
    path = "/tokens",
    tag = "people",
    operation_id = "create_token",
    request_body = NewToken,
    responses((status = 201, description = "The token and its secret", body = CreatedToken), WriteProblems)
)]
pub(super) async fn create_token(
    State(api): State<Api>,
    caller: Caller,
    Body(new): Body<NewToken>,
) -> Result<(StatusCode, Json<CreatedToken>), Problem> {
    let scope = caller.scope(Permission::TokenManage)?;
    // A program that makes itself a successor could never be shut out.
    let created_by = caller.person()?.account.id;
    let now = api.now();
    let mut errors = Vec::new();
    check_text(&mut errors, "name", &new.name, 100);
    if new.expires_at.is_some_and(|at| at.0 <= now) {
        errors.push(FieldError::new(
            "expires_at",
            "out_of_range",
            "had a moment that is past, wanted one to come",
        ));
    }
    checked(errors)?;
    let token = format!("{}{}", secret::TOKEN_PREFIX, secret::random());
    let draft = TokenDraft {
        name: new.name,
        grant: GrantDraft {
            role: new.role.into(),
            organisation_id: new.organisation_id.map(OrganisationId),
            area_code: new.area_code.map(AreaCode),
        },
        token_hash: secret::fingerprint(&token).to_vec(),
        prefix: token.chars().take(PREFIX).collect(),
        created_by,
        expires_at: new.expires_at.map(|at| at.0),
    };
    let row = api.store.tokens().create(&scope, &caller.actor(), now, &draft).await?;
    Ok((StatusCode::CREATED, Json(CreatedToken { token, about: row.into() })))
}

/// Revokes a token; what it holds open ends.
#[utoipa::path(
    delete,
    path = "/tokens/{id}",
    tag = "people",
    operation_id = "revoke_token",
    params(("id" = i64, Path, description = "The token", minimum = 1)),
    responses((status = 204, description = "Revoked"), WriteProblems)
)]
pub(super) async fn revoke_token(
    State(api): State<Api>,
    caller: Caller,
    Id(id): Id,
) -> Result<StatusCode, Problem> {
    let scope = caller.scope(Permission::TokenManage)?;
    api.store.tokens().revoke(&scope, &caller.actor(), api.now(), TokenId(id)).await?;
    api.end(Ended::Token(TokenId(id)));
    Ok(StatusCode::NO_CONTENT)
}
