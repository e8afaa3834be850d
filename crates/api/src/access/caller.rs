//! The caller: who asks, from where, and what they may touch. Every endpoint takes one; there is no other way to a
//! scope (invariant 8).

use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, header};
use domain::access::{Grant, Permission, Scope};
use domain::id::{TokenId, UserId};
use domain::time::UnixMs;
use std::collections::BTreeSet;
use std::net::SocketAddr;
use store::accounts::Account;
use store::tokens::TokenRow;
use store::{Actor, ActorKind};

use super::secret;
use crate::http::problem::{Code, Problem};
use crate::state::Api;

/// The session's cookie.
pub const COOKIE: &str = "ew_session";
/// A session ends after this long without being used, ms.
pub const IDLE_MS: i64 = 12 * 3_600_000;
/// A session ends this long after its sign-in, whatever happens, ms.
pub const LONGEST_MS: i64 = 7 * 86_400_000;
/// A use is written down when the last mark is older than this, ms.
const MARK_MS: i64 = 60_000;

/// Who asks.
#[derive(Debug, Clone)]
pub enum Who {
    /// A person with a session.
    Person {
        /// Their account.
        account: Box<Account>,
        /// The CSRF token of the session.
        csrf_token: String,
    },
    /// A program with an API token.
    Program(Box<TokenRow>),
}

/// Who asks and what they may touch.
#[derive(Debug, Clone)]
pub struct Caller {
    who: Who,
    grants: Vec<Grant>,
    remote: String,
    /// SHA-256 of the session's or token's secret.
    hash: Vec<u8>,
}

/// A caller who may still have to change their password: for the few endpoints that work before that.
#[derive(Debug, Clone)]
pub struct AnyCaller(pub Caller);

/// What ends callers while their streams are open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ended {
    /// The session with this hash.
    Session(Vec<u8>),
    /// Every session of an account, but for the one with this hash.
    Account(UserId, Option<Vec<u8>>),
    /// A token.
    Token(TokenId),
}

impl Caller {
    /// Who it is.
    #[must_use]
    pub const fn who(&self) -> &Who {
        &self.who
    }

    /// What they hold.
    #[must_use]
    pub fn grants(&self) -> &[Grant] {
        &self.grants
    }

    /// Where the request comes from.
    #[must_use]
    pub fn remote(&self) -> &str {
        &self.remote
    }

    /// SHA-256 of the session's or token's secret.
    #[must_use]
    pub fn hash(&self) -> &[u8] {
        &self.hash
    }

    /// What the caller may touch with `permission`.
    ///
    /// # Errors
    /// 403 that names the permission when no grant has it.
    pub fn scope(&self, permission: Permission) -> Result<Scope, Problem> {
        let scope = Scope::of(&self.grants, permission);
        if scope.is_empty() { Err(Problem::forbidden(permission)) } else { Ok(scope) }
    }

    /// Every permission that the caller holds somewhere.
    #[must_use]
    pub fn permissions(&self) -> Vec<Permission> {
        let all: BTreeSet<Permission> =
            self.grants.iter().flat_map(|g| g.role.permissions()).copied().collect();
        all.into_iter().collect()
    }

    /// For the audit entry of a change.
    #[must_use]
    pub fn actor(&self) -> Actor {
        let (kind, name) = match &self.who {
            Who::Person { account, .. } => {
                (ActorKind::User(account.account.id), account.account.name.clone())
            }
            Who::Program(token) => (ActorKind::Token(token.id), token.name.clone()),
        };
        Actor { kind, name, remote: self.remote.clone() }
    }

    /// The person's account.
    ///
    /// # Errors
    /// 403 for a program.
    pub fn person(&self) -> Result<&Account, Problem> {
        match &self.who {
            Who::Person { account, .. } => Ok(account),
            Who::Program(_) => {
                Err(Problem::new(Code::Forbidden, "only a person who is signed in may do this"))
            }
        }
    }

    /// What counts as one caller for limits.
    #[must_use]
    pub fn key(&self) -> String {
        match &self.who {
            Who::Person { account, .. } => format!("user:{}", account.account.id),
            Who::Program(token) => format!("token:{}", token.id),
        }
    }

    /// Whether `ended` is about this caller.
    #[must_use]
    pub fn is_ended_by(&self, ended: &Ended) -> bool {
        match (ended, &self.who) {
            (Ended::Session(hash), Who::Person { .. }) => *hash == self.hash,
            (Ended::Account(id, kept), Who::Person { account, .. }) => {
                *id == account.account.id && kept.as_ref() != Some(&self.hash)
            }
            (Ended::Token(id), Who::Program(token)) => *id == token.id,
            (Ended::Session(_) | Ended::Account(..), Who::Program(_))
            | (Ended::Token(_), Who::Person { .. }) => false,
        }
    }

    /// The same caller as the store knows it now.
    ///
    /// # Errors
    /// 401 when the session or token no longer holds.
    pub async fn again(&self, api: &Api) -> Result<Self, Problem> {
        match &self.who {
            Who::Person { csrf_token, .. } => {
                let found = api.store.sessions().find(&self.hash, api.now()).await?;
                let (_, account) = found.ok_or_else(Problem::unauthenticated)?;
                Ok(Self::person_of(account, csrf_token.clone(), self.remote.clone(), self.hash.clone()))
            }
            Who::Program(_) => {
                let found = api.store.tokens().find(&self.hash, api.now()).await?;
                let token = found.ok_or_else(Problem::unauthenticated)?;
                Ok(Self::program_of(token, self.remote.clone(), self.hash.clone()))
            }
        }
    }

    pub(crate) fn person_of(account: Account, csrf_token: String, remote: String, hash: Vec<u8>) -> Self {
        let grants = account.grants.iter().map(store::accounts::GrantRow::grant).collect();
        Self { who: Who::Person { account: Box::new(account), csrf_token }, grants, remote, hash }
    }

    fn program_of(token: TokenRow, remote: String, hash: Vec<u8>) -> Self {
        Self { grants: vec![token.grant()], who: Who::Program(Box::new(token)), remote, hash }
    }

    async fn read(parts: &Parts, api: &Api) -> Result<Self, Problem> {
        let remote = remote_of(parts, api.config.trust_forwarded_for);
        if let Some(secret) = bearer(&parts.headers) {
            return Self::program(api, secret, remote).await;
        }
        let secret = cookie(&parts.headers).ok_or_else(Problem::unauthenticated)?;
        let hash = secret::fingerprint(secret).to_vec();
        let now = api.now();
        let found = api.store.sessions().find(&hash, now).await?;
        let (session, account) = found.ok_or_else(Problem::unauthenticated)?;
        let end = session.created_at.plus_ms(LONGEST_MS);
        if now >= end {
            return Err(Problem::unauthenticated());
        }
        let csrf_token = secret::csrf_token(secret);
        if !is_safe(&parts.method) {
            let sent = parts.headers.get("x-csrf-token").and_then(|v| v.to_str().ok()).unwrap_or_default();
            if !secret::same(sent, &csrf_token) {
                let wanted = "wanted the header X-CSRF-Token with the csrf_token of GET /session";
                return Err(Problem::new(Code::CsrfRejected, wanted));
            }
        }
        if now.since_ms(session.last_used_at) >= MARK_MS {
            let expires_at = now.plus_ms(IDLE_MS).min(end);
            // A full disk must not sign people out: they are needed to make room.
            if let Err(error) = api.store.sessions().touch(&hash, now, expires_at).await {
                tracing::warn!(%error, "use of a session could not be marked");
            }
        }
        Ok(Self::person_of(account, csrf_token, remote, hash))
    }

    async fn program(api: &Api, secret: &str, remote: String) -> Result<Self, Problem> {
        if !secret.starts_with(secret::TOKEN_PREFIX) {
            return Err(Problem::unauthenticated());
        }
        let hash = secret::fingerprint(secret).to_vec();
        let now = api.now();
        let found = api.store.tokens().find(&hash, now).await?;
        let token = found.ok_or_else(Problem::unauthenticated)?;
        if token.last_used_at.is_none_or(|at| now.since_ms(at) >= MARK_MS)
            && let Err(error) = api.store.tokens().touch(token.id, now).await
        {
            tracing::warn!(%error, "use of a token could not be marked");
        }
        Ok(Self::program_of(token, remote, hash))
    }
}

impl FromRequestParts<Api> for AnyCaller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Problem> {
        Caller::read(parts, api).await.map(Self)
    }
}

impl FromRequestParts<Api> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Problem> {
        let caller = Self::read(parts, api).await?;
        match caller.who() {
            Who::Person { account, .. } if account.account.must_change_password => {
                Err(Problem::new(Code::PasswordChangeRequired, "wanted POST /session/password first"))
            }
            Who::Person { .. } | Who::Program(_) => Ok(caller),
        }
    }
}

/// Where a request comes from, for who is not signed in yet.
#[derive(Debug, Clone)]
pub struct Remote(pub String);

impl FromRequestParts<Api> for Remote {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Problem> {
        Ok(Self(remote_of(parts, api.config.trust_forwarded_for)))
    }
}

fn is_safe(method: &Method) -> bool {
    method == Method::GET || method == Method::HEAD
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, secret) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| secret.trim())
}

/// The session's secret in the request's cookies.
#[must_use]
pub fn cookie(headers: &HeaderMap) -> Option<&str> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(name, _)| *name == COOKIE)
        .map(|(_, value)| value)
}

/// The address at the other end. Behind a proxy of ours it is the last one that the proxy wrote; what stands before
/// that, anybody can write.
fn remote_of(parts: &Parts, trust_forwarded_for: bool) -> String {
    let forwarded = || {
        let value = parts.headers.get_all("x-forwarded-for").iter().next_back()?.to_str().ok()?;
        value
            .rsplit(',')
            .next()
            .map(str::trim)
            .filter(|v| v.parse::<std::net::IpAddr>().is_ok())
            .map(str::to_owned)
    };
    let direct = || parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip().to_string());
    trust_forwarded_for.then(forwarded).flatten().or_else(direct).unwrap_or_else(|| "unknown".to_owned())
}

/// The header that gives the browser its session.
#[must_use]
pub fn set_cookie(secret: &str, secure: bool) -> String {
    let secure = if secure { "; Secure" } else { "" };
    format!("{COOKIE}={secret}; Path=/; HttpOnly; SameSite=Strict; Max-Age={}{secure}", LONGEST_MS / 1000)
}

/// The header that takes it away.
#[must_use]
pub fn clear_cookie(secure: bool) -> String {
    let secure = if secure { "; Secure" } else { "" };
    format!("{COOKIE}=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0{secure}")
}

/// When a session made or used now ends unless it is used again.
#[must_use]
pub fn idle_end(now: UnixMs) -> UnixMs {
    now.plus_ms(IDLE_MS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::{HeaderValue, Request};

    #[test]
    fn finds_its_cookie_among_others() {
        let mut headers = HeaderMap::new();
        headers.append(header::COOKIE, HeaderValue::from_static("a=1; ew_session_x=2"));
        assert_eq!(cookie(&headers), None);
        headers.append(header::COOKIE, HeaderValue::from_static("b=2; ew_session=abc; c=3"));
        assert_eq!(cookie(&headers), Some("abc"));
    }

    #[test]
    fn believes_a_forwarded_address_only_where_told_to() {
        let request = Request::builder().header("x-forwarded-for", "1.2.3.4, 10.0.0.7").body(()).unwrap();
        let (mut parts, ()) = request.into_parts();
        parts.extensions.insert(ConnectInfo(SocketAddr::from(([127, 0, 0, 1], 9))));
        assert_eq!(remote_of(&parts, false), "127.0.0.1");
        assert_eq!(remote_of(&parts, true), "10.0.0.7");
    }

    #[test]
    fn the_cookie_is_out_of_reach_for_scripts_and_foreign_pages() {
        let text = set_cookie("s", true);
        assert!(text.contains("HttpOnly") && text.contains("SameSite=Strict") && text.ends_with("; Secure"));
        assert!(!set_cookie("s", false).contains("Secure"));
    }
}
