//! API tokens for programs. The store knows the SHA-256 of a token, never the token.

use domain::access::{Grant, Role, Scope};
use domain::id::{OrganisationId, TokenId, UserId};
use domain::place::{AreaCode, OrganisationPath};
use domain::time::UnixMs;
use sqlx::SqliteConnection;

use crate::accounts::{GrantDraft, grants};
use crate::actor::Actor;
use crate::audit::AuditObject;
use crate::circuits::record;
use crate::error::StoreError;
use crate::open::Store;
use crate::sites::named;

rows! {
    /// An API token.
    pub struct TokenRow {
        /// Its id.
        pub id: TokenId,
        /// What it is for.
        pub name: String,
        /// What it may do.
        pub role: Role,
        /// Where: the organisation at the top; `None` is the whole tree.
        pub organisation_id: Option<OrganisationId>,
        /// The same as a path.
        pub organisation_path: Option<OrganisationPath>,
        /// Where: the area at the top; `None` is every area.
        pub area_code: Option<AreaCode>,
        /// Its first characters.
        pub prefix: String,
        /// Who made it.
        pub created_by: UserId,
        /// When it was made.
        pub created_at: UnixMs,
        /// Until when it holds.
        pub expires_at: Option<UnixMs>,
        /// When it was used last, to the minute.
        pub last_used_at: Option<UnixMs>,
    }
}

impl TokenRow {
    /// As the rules of access know it.
    #[must_use]
    pub fn grant(&self) -> Grant {
        Grant { role: self.role, organisation: self.organisation_path.clone(), area: self.area_code.clone() }
    }
}

/// A token to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenDraft {
    /// What it is for.
    pub name: String,
    /// What it may do and where.
    pub grant: GrantDraft,
    /// SHA-256 of the token.
    pub token_hash: Vec<u8>,
    /// Its first characters.
    pub prefix: String,
    /// Who makes it.
    pub created_by: UserId,
    /// Until when it holds.
    pub expires_at: Option<UnixMs>,
}

const SELECT: &str = "SELECT k.id, k.name, k.role, k.organisation_id, o.path AS organisation_path, k.area_code, \
     k.prefix, k.created_by, k.created_at, k.expires_at, k.last_used_at FROM api_token k \
     LEFT JOIN organisation o ON o.id = k.organisation_id WHERE k.revoked_at IS NULL";

/// The API tokens.
#[derive(Debug, Clone, Copy)]
pub struct Tokens<'s>(&'s Store);

impl Store {
    /// The API tokens.
    #[must_use]
    pub const fn tokens(&self) -> Tokens<'_> {
        Tokens(self)
    }
}

impl Tokens<'_> {
    /// The tokens that reach no further than `scope`.
    ///
    /// # Errors
    /// Database errors only.
    pub async fn list(&self, scope: &Scope) -> Result<Vec<TokenRow>, StoreError> {
        let all: Vec<TokenRow> = sqlx::query_as(sqlx::AssertSqlSafe(format!("{SELECT} ORDER BY k.id")))
            .fetch_all(self.0.reader())
            .await?;
        Ok(all.into_iter().filter(|token| inside(scope, token)).collect())
    }

    /// The token with this hash, unless it has run out or was revoked.
    ///
    /// # Errors
    /// Database errors only.
    pub async fn find(&self, token_hash: &[u8], now: UnixMs) -> Result<Option<TokenRow>, StoreError> {
        let sql = format!("{SELECT} AND k.token_hash = $1 AND (k.expires_at IS NULL OR k.expires_at > $2)");
        let token = sqlx::query_as(sqlx::AssertSqlSafe(sql)).bind(token_hash).bind(now.0);
        Ok(token.fetch_optional(self.0.reader()).await?)
    }

    /// Makes a token.
    ///
    /// # Errors
    /// [`StoreError::Invalid`] when it would reach further than `scope`.
    pub async fn create(
        &self,
        scope: &Scope,
        actor: &Actor,
        now: UnixMs,
        draft: &TokenDraft,
    ) -> Result<TokenRow, StoreError> {
        named("name", &draft.name)?;
        let mut tx = self.0.begin().await?;
        grants::check(&mut tx, scope, &draft.grant).await?;
        let id: i64 = sqlx::query_scalar(
            "INSERT INTO api_token (name, role, organisation_id, area_code, token_hash, prefix, created_by, created_at, \
             expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) RETURNING id",
        )
        .bind(draft.name.trim())
        .bind(draft.grant.role.code())
        .bind(draft.grant.organisation_id.map(|id| id.0))
        .bind(draft.grant.area_code.as_ref().map(|code| code.0.as_str()))
        .bind(&draft.token_hash)
        .bind(&draft.prefix)
        .bind(draft.created_by.0)
        .bind(now.0)
        .bind(draft.expires_at.map(|at| at.0))
        .fetch_one(&mut *tx)
        .await?;
        let token = load(&mut tx, TokenId(id)).await?;
        record(&mut tx, actor, now, "token.create", object(&token), None::<&TokenRow>, Some(&token)).await?;
        tx.commit().await?;
        Ok(token)
    }

    /// Revokes a token.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when there is none that reaches no further than `scope`.
    pub async fn revoke(
        &self,
        scope: &Scope,
        actor: &Actor,
        now: UnixMs,
        id: TokenId,
    ) -> Result<(), StoreError> {
        let mut tx = self.0.begin().await?;
        let token = load(&mut tx, id).await?;
        if !inside(scope, &token) {
            return Err(StoreError::NotFound { what: "token" });
        }
        sqlx::query("UPDATE api_token SET revoked_at = $1 WHERE id = $2")
            .bind(now.0)
            .bind(id.0)
            .execute(&mut *tx)
            .await?;
        record(&mut tx, actor, now, "token.revoke", object(&token), Some(&token), None::<&TokenRow>).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Marks a token as used. Call it when the last mark is older than a minute, not for every request.
    ///
    /// # Errors
    /// [`StoreError::Full`] and database errors.
    pub async fn touch(&self, id: TokenId, now: UnixMs) -> Result<(), StoreError> {
        let mut tx = self.0.begin().await?;
        sqlx::query("UPDATE api_token SET last_used_at = $1 WHERE id = $2")
            .bind(now.0)
            .bind(id.0)
            .execute(&mut *tx)
            .await?;
        tx.commit().await?;
        Ok(())
    }
}

fn inside(scope: &Scope, token: &TokenRow) -> bool {
    scope.holds_part(token.organisation_path.as_ref(), token.area_code.as_ref())
}

async fn load(connection: &mut SqliteConnection, id: TokenId) -> Result<TokenRow, StoreError> {
    let token = sqlx::query_as(sqlx::AssertSqlSafe(format!("{SELECT} AND k.id = $1"))).bind(id.0);
    token.fetch_optional(connection).await?.ok_or(StoreError::NotFound { what: "token" })
}

fn object(token: &TokenRow) -> AuditObject {
    let place = token
        .organisation_path
        .clone()
        .map(|path| (path, token.area_code.clone().unwrap_or_else(|| AreaCode(String::new()))));
    AuditObject { kind: "token", id: token.id.to_string(), name: token.name.clone(), place }
}
