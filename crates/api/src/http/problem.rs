//! Problem documents after RFC 9457. `code` is stable and the screens have words for it; `detail` is for
//! whoever reads the log; the request id joins the two.

use std::borrow::Cow;
use std::collections::BTreeMap;

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use domain::access::Permission;
use domain::alarm::Refusal;
use engine::{CommandRefusal, EngineError};
use serde::Serialize;
use store::StoreError;
use utoipa::openapi::content::ContentBuilder;
use utoipa::openapi::response::{Response as Described, ResponseBuilder};
use utoipa::openapi::{Ref, RefOr};
use utoipa::{IntoResponses, ToSchema};

use crate::access::password::HashError;

/// The base of every `type`.
const TYPE_BASE: &str = "https://emberwatch.dev/problems/";

/// What went wrong, as a stable word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Code {
    /// No session or token, or one that no longer holds.
    Unauthenticated,
    /// Login or password is wrong.
    InvalidCredentials,
    /// The role does not allow it; `permission` names what is missing.
    Forbidden,
    /// The header `X-CSRF-Token` is missing or wrong.
    CsrfRejected,
    /// The password must be changed before anything else.
    PasswordChangeRequired,
    /// It does not exist or is outside of the caller's scope.
    NotFound,
    /// The method is not one of this address.
    MethodNotAllowed,
    /// The request does not fit; `errors` says where.
    Invalid,
    /// Somebody else has changed or taken it in the meantime.
    Conflict,
    /// The condition is still there, so the alarm cannot be reset.
    ConditionPresent,
    /// The alarm must be acknowledged first.
    NotAcknowledged,
    /// Somebody has the alarm already.
    AlreadyAcknowledged,
    /// The alarm is over.
    Closed,
    /// The alarm's state does not fit the platform's judgement.
    NotPresent,
    /// The alarm is suppressed, or on the shelf already where that matters.
    SetAside,
    /// The alarm is not on the shelf.
    NotShelved,
    /// The alarm's record has no such entry, or nothing of the kind can be said of it.
    NoSuchEntry,
    /// The entry is withdrawn, or what is said of it has been said.
    EntryOver,
    /// There is nothing that could be undone any more.
    NothingToUndo,
    /// What hangs on the circuit is never switched from afar.
    Interlocked,
    /// The command has been sent or is over: it cannot be taken back.
    NotCancellable,
    /// The command does not wait for a second person.
    NotWaiting,
    /// The second person must be another one than who asked.
    SamePerson,
    /// It still holds other things.
    NotEmpty,
    /// The body is larger than what is taken here.
    TooLarge,
    /// The body must be `application/json`.
    UnsupportedMediaType,
    /// Too many requests; `retry_after_s` says how long to wait.
    RateLimited,
    /// Too many failed sign-ins; `retry_after_s` says how long to wait.
    LockedOut,
    /// The disk is full; nothing can be written.
    StoreFull,
    /// The disk gives errors or lets nothing be written.
    StoreFailing,
    /// It cannot be done at the moment; trying again can help.
    Unavailable,
    /// The request took too long.
    TimedOut,
    /// A defect of the server.
    Internal,
}

impl Code {
    /// The word itself.
    #[must_use]
    pub const fn word(self) -> &'static str {
        self.facts().0
    }

    /// The word, the status and the title.
    const fn facts(self) -> (&'static str, StatusCode, &'static str) {
        use StatusCode as S;
        match self {
            Self::Unauthenticated => ("unauthenticated", S::UNAUTHORIZED, "Sign in first"),
            Self::InvalidCredentials => {
                ("invalid_credentials", S::UNAUTHORIZED, "Login or password is wrong")
            }
            Self::Forbidden => ("forbidden", S::FORBIDDEN, "The role does not allow it"),
            Self::CsrfRejected => ("csrf_rejected", S::FORBIDDEN, "The CSRF token is missing or wrong"),
            Self::PasswordChangeRequired => {
                ("password_change_required", S::FORBIDDEN, "The password must be changed first")
            }
            Self::NotFound => ("not_found", S::NOT_FOUND, "Not found"),
            Self::MethodNotAllowed => {
                ("method_not_allowed", S::METHOD_NOT_ALLOWED, "Not a method of this address")
            }
            Self::Invalid => ("invalid", S::UNPROCESSABLE_ENTITY, "The request does not fit"),
            Self::Conflict => ("conflict", S::CONFLICT, "Changed in the meantime"),
            Self::ConditionPresent => ("condition_present", S::CONFLICT, "The condition is still present"),
            Self::NotAcknowledged => ("not_acknowledged", S::CONFLICT, "The alarm is not acknowledged"),
            Self::AlreadyAcknowledged => {
                ("already_acknowledged", S::CONFLICT, "Somebody has the alarm already")
            }
            Self::Closed => ("closed", S::CONFLICT, "The alarm is over"),
            Self::NotPresent => {
                ("not_present", S::CONFLICT, "The alarm does not fit the platform's judgement")
            }
            Self::SetAside => ("set_aside", S::CONFLICT, "The alarm is set aside already"),
            Self::NotShelved => ("not_shelved", S::CONFLICT, "The alarm is not on the shelf"),
            Self::NoSuchEntry => ("no_such_entry", S::CONFLICT, "The record has no such entry"),
            Self::EntryOver => ("entry_over", S::CONFLICT, "The entry is over already"),
            Self::NothingToUndo => ("nothing_to_undo", S::CONFLICT, "Nothing to undo"),
            Self::Interlocked => ("interlocked", S::CONFLICT, "The circuit is never switched from afar"),
            Self::NotCancellable => ("not_cancellable", S::CONFLICT, "The command cannot be taken back"),
            Self::NotWaiting => ("not_waiting", S::CONFLICT, "The command waits for nobody"),
            Self::SamePerson => ("same_person", S::CONFLICT, "A second person is needed"),
            Self::NotEmpty => ("not_empty", S::CONFLICT, "It still holds other things"),
            Self::TooLarge => ("too_large", S::PAYLOAD_TOO_LARGE, "The body is too large"),
            Self::UnsupportedMediaType => {
                ("unsupported_media_type", S::UNSUPPORTED_MEDIA_TYPE, "The body must be application/json")
            }
            Self::RateLimited => ("rate_limited", S::TOO_MANY_REQUESTS, "Too many requests"),
            Self::LockedOut => ("locked_out", S::TOO_MANY_REQUESTS, "Too many failed sign-ins"),
            Self::StoreFull => ("store_full", S::INSUFFICIENT_STORAGE, "The disk is full"),
            Self::StoreFailing => ("store_failing", S::SERVICE_UNAVAILABLE, "The disk takes no writes"),
            Self::Unavailable => ("unavailable", S::SERVICE_UNAVAILABLE, "Not possible at the moment"),
            Self::TimedOut => ("timed_out", S::GATEWAY_TIMEOUT, "The request took too long"),
            Self::Internal => ("internal", S::INTERNAL_SERVER_ERROR, "A defect of the server"),
        }
    }

    /// The code that stands for a bare status of the framework.
    const fn of_status(status: StatusCode) -> Self {
        match status.as_u16() {
            401 => Self::Unauthenticated,
            403 => Self::Forbidden,
            404 => Self::NotFound,
            405 => Self::MethodNotAllowed,
            408 | 504 => Self::TimedOut,
            413 => Self::TooLarge,
            415 => Self::UnsupportedMediaType,
            429 => Self::RateLimited,
            503 => Self::Unavailable,
            507 => Self::StoreFull,
            status if status >= 500 => Self::Internal,
            _ => Self::Invalid,
        }
    }
}

/// One field that does not fit.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct FieldError {
    /// The field, with dots between the steps: `grants[0].role`. Empty for the request as a whole.
    #[schema(example = "warning")]
    pub field: String,
    /// A stable word for the kind of mistake.
    #[schema(example = "out_of_range")]
    pub code: Cow<'static, str>,
    /// What was had and what was wanted.
    #[schema(example = "had 5, wanted 20 to 1000")]
    pub message: String,
    /// Numbers and names for the sentence in the reader's language.
    #[schema(value_type = std::collections::HashMap<String, serde_json::Value>)]
    pub params: BTreeMap<&'static str, serde_json::Value>,
}

impl FieldError {
    /// A mistake without parameters.
    #[must_use]
    pub fn new(
        field: impl Into<String>,
        code: impl Into<Cow<'static, str>>,
        message: impl Into<String>,
    ) -> Self {
        Self { field: field.into(), code: code.into(), message: message.into(), params: BTreeMap::new() }
    }

    /// The same with one parameter more.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<serde_json::Value>) -> Self {
        self.params.insert(name, value.into());
        self
    }
}

/// A refusal, before it is written with its request id.
#[derive(Debug, Clone, PartialEq)]
pub struct Problem {
    /// What.
    pub code: Code,
    /// What was had and what was wanted.
    pub detail: String,
    /// The fields that do not fit.
    pub errors: Vec<FieldError>,
    /// How long to wait, s.
    pub retry_after_s: Option<u64>,
    /// The permission that the role lacks.
    pub permission: Option<Permission>,
}

impl Problem {
    /// A problem with only a detail.
    #[must_use]
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        Self { code, detail: detail.into(), errors: Vec::new(), retry_after_s: None, permission: None }
    }

    /// 404 for `what`; the same whether it does not exist or is out of scope.
    #[must_use]
    pub fn not_found(what: &str) -> Self {
        Self::new(Code::NotFound, format!("no such {what} in your scope"))
    }

    /// 401.
    #[must_use]
    pub fn unauthenticated() -> Self {
        Self::new(Code::Unauthenticated, "no valid session or token came with the request")
    }

    /// 403 that names the permission.
    #[must_use]
    pub fn forbidden(permission: Permission) -> Self {
        let mut problem =
            Self::new(Code::Forbidden, format!("needs the permission {}", permission_code(permission)));
        problem.permission = Some(permission);
        problem
    }

    /// 422 with its fields.
    #[must_use]
    pub fn invalid(errors: Vec<FieldError>) -> Self {
        let detail =
            errors
                .iter()
                .map(|e| {
                    if e.field.is_empty() { e.message.clone() } else { format!("{}: {}", e.field, e.message) }
                })
                .collect::<Vec<_>>()
                .join("; ");
        let mut problem = Self::new(Code::Invalid, detail);
        problem.errors = errors;
        problem
    }

    /// 422 about one field.
    #[must_use]
    pub fn field(field: &str, code: &'static str, message: impl Into<String>) -> Self {
        Self::invalid(vec![FieldError::new(field, code, message)])
    }

    /// 429 with the time to wait.
    #[must_use]
    pub fn wait(code: Code, retry_after_s: u64) -> Self {
        let mut problem = Self::new(code, format!("try again in {retry_after_s} s"));
        problem.retry_after_s = Some(retry_after_s);
        problem
    }

    /// 500; what happened goes to the log only.
    #[must_use]
    pub fn internal(error: &dyn std::error::Error) -> Self {
        tracing::error!(error = %Chain(error), "request failed by a defect");
        Self::new(Code::Internal, "the server's log has more under the request id")
    }

    /// The HTTP status.
    #[must_use]
    pub const fn status(&self) -> StatusCode {
        self.code.facts().1
    }

    /// The response as it is sent.
    #[must_use]
    pub fn render(&self, request_id: &str) -> Response {
        let (word, status, title) = self.code.facts();
        let body = ProblemBody {
            kind: format!("{TYPE_BASE}{word}"),
            title: title.to_owned(),
            status: status.as_u16(),
            detail: self.detail.clone(),
            code: self.code,
            request_id: request_id.to_owned(),
            errors: self.errors.clone(),
            retry_after_s: self.retry_after_s,
            permission: self.permission.map(permission_code),
        };
        let json = serde_json::to_vec(&body).unwrap_or_else(|_never| b"{}".to_vec());
        let mut response = Response::new(Body::from(json));
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(wait) = self.retry_after_s {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(wait));
        }
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }

    /// The problem that a bare refusal of the framework stands for.
    #[must_use]
    pub fn of_bare(status: StatusCode) -> Self {
        let code = Code::of_status(status);
        Self::new(code, status.canonical_reason().unwrap_or("refused"))
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::NotFound { what } => Self::not_found(what),
            StoreError::Conflict { what, current, wanted } => {
                let detail =
                    format!("{what} has version {current}, the change was made for version {wanted}");
                Self::new(Code::Conflict, detail)
            }
            StoreError::Invalid { field, code, message } => Self::field(field, code, message),
            StoreError::InUse { what, by } => Self::new(Code::NotEmpty, format!("the {what} still has {by}")),
            StoreError::Full => Self::new(Code::StoreFull, "nothing can be written until there is room"),
            StoreError::Disk { what } => {
                tracing::error!(what, "the disk takes no writes");
                Self::new(Code::StoreFailing, "the disk gives errors or lets nothing be written")
            }
            StoreError::Busy => Self::new(Code::Unavailable, "another writer holds the store; try again"),
            StoreError::Corrupt { .. }
            | StoreError::Folder { .. }
            | StoreError::Migrate(_)
            | StoreError::Sql(_) => Self::internal(&error),
        }
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        let code = match refusal {
            Refusal::ConditionPresent => Code::ConditionPresent,
            Refusal::NotAcknowledged => Code::NotAcknowledged,
            Refusal::AlreadyAcknowledged => Code::AlreadyAcknowledged,
            Refusal::Closed => Code::Closed,
            Refusal::NothingToUndo => Code::NothingToUndo,
            Refusal::NotPresent => Code::NotPresent,
            Refusal::SetAside => Code::SetAside,
            Refusal::NotShelved => Code::NotShelved,
            Refusal::NoSuchEntry => Code::NoSuchEntry,
            Refusal::EntryOver => Code::EntryOver,
        };
        Self::new(code, refusal.to_string())
    }
}

impl From<EngineError> for Problem {
    fn from(error: EngineError) -> Self {
        match error {
            EngineError::Store(error) => error.into(),
            EngineError::Refused(refusal) => refusal.into(),
            EngineError::Invalid(errors) => Self::invalid(errors.into_iter().map(Into::into).collect()),
            EngineError::UnknownProfile(id) => {
                Self::field("profile_id", "unknown", format!("no profile {id}"))
            }
            EngineError::Command(refusal) => {
                let code = match refusal {
                    CommandRefusal::Interlocked(_) => Code::Interlocked,
                    CommandRefusal::NotCancellable(_) => Code::NotCancellable,
                    CommandRefusal::NotWaiting(_) => Code::NotWaiting,
                    CommandRefusal::SamePerson => Code::SamePerson,
                };
                Self::new(code, refusal.to_string())
            }
            EngineError::Profile(mistake) => Self::invalid(vec![
                FieldError::new(
                    "text",
                    "profile",
                    format!("{}:{}: {}", mistake.line, mistake.column, mistake.reason),
                )
                .with("line", mistake.line)
                .with("column", mistake.column)
                .with("reason", mistake.reason)
                .with("mistake", mistake.code)
                .with("with", serde_json::json!(mistake.with.into_iter().collect::<BTreeMap<_, _>>())),
            ]),
            EngineError::Breaks(breaks) => Self::invalid(
                breaks
                    .into_iter()
                    .map(|one| {
                        FieldError::new("text", one.kind(), one.to_string())
                            .with("point", one.code().unwrap_or_default())
                    })
                    .collect(),
            ),
            EngineError::Stopped => Self::new(Code::Unavailable, "the server is stopping"),
        }
    }
}

impl From<domain::settings::FieldError> for FieldError {
    fn from(error: domain::settings::FieldError) -> Self {
        Self {
            field: error.field.to_owned(),
            code: error.code.into(),
            message: error.message,
            params: error.params,
        }
    }
}

impl From<HashError> for Problem {
    fn from(error: HashError) -> Self {
        match error {
            HashError::Stopped => Self::new(Code::Unavailable, "the server is stopping"),
            HashError::Hash(_) => Self::internal(&error),
        }
    }
}

/// The stable name of a permission.
#[must_use]
pub fn permission_code(permission: Permission) -> String {
    serde_json::to_value(permission).ok().and_then(|v| v.as_str().map(str::to_owned)).unwrap_or_default()
}

/// An error with everything below it.
struct Chain<'a>(&'a dyn std::error::Error);

impl std::fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.0)?;
        let mut below = self.0.source();
        while let Some(error) = below {
            write!(f, ": {error}")?;
            below = error.source();
        }
        Ok(())
    }
}

/// The problem travels as an extension; [`layers::finish`](super::layers::finish) writes the document, because only
/// it knows the request id.
impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = self.status().into_response();
        response.extensions_mut().insert(self);
        response
    }
}

/// A refusal as a problem document (RFC 9457).
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Problem)]
pub struct ProblemBody {
    /// The address of the kind of problem.
    #[serde(rename = "type")]
    #[schema(example = "https://emberwatch.dev/problems/invalid")]
    kind: String,
    /// The kind in English words.
    #[schema(example = "The request does not fit")]
    title: String,
    /// The HTTP status.
    #[schema(example = 422, minimum = 400, maximum = 599)]
    status: u16,
    /// What was had and what was wanted, for whoever reads the log.
    #[schema(example = "warning: had 600, wanted less than the alarm level 500")]
    detail: String,
    /// The kind as a stable word.
    code: Code,
    /// Names the request in the server's log; also in the header `X-Request-Id`.
    #[schema(example = "9f1c2ab04d7e5c33")]
    request_id: String,
    /// The fields that do not fit.
    errors: Vec<FieldError>,
    /// How long to wait before another try, s.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    retry_after_s: Option<u64>,
    /// The permission that the role lacks.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    permission: Option<String>,
}

/// The problem responses of an endpoint, as the description lists them.
fn described(list: &[(u16, &str)]) -> BTreeMap<String, RefOr<Described>> {
    list.iter()
        .map(|(status, words)| {
            let content = ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).build();
            let response = ResponseBuilder::new()
                .description(*words)
                .content("application/problem+json", content)
                .build();
            (status.to_string(), RefOr::T(response))
        })
        .collect()
}

const INVALID: (u16, &str) = (422, "The request does not fit: `invalid`");
const UNAUTHENTICATED: (u16, &str) = (401, "No valid session or token: `unauthenticated`");
const FORBIDDEN: (u16, &str) =
    (403, "The role does not allow it: `forbidden`, `csrf_rejected`, `password_change_required`");
const NOT_FOUND: (u16, &str) = (404, "Not there or out of scope: `not_found`");
const CONFLICT: (u16, &str) = (409, "Changed in the meantime: `conflict` and others");
const TOO_LARGE: (u16, &str) = (413, "The body is too large: `too_large`");
const MEDIA_TYPE: (u16, &str) = (415, "The body is not JSON: `unsupported_media_type`");
const LIMITED: (u16, &str) = (429, "Too many requests: `rate_limited`, `locked_out`");
const INTERNAL: (u16, &str) = (500, "A defect of the server: `internal`");
const UNAVAILABLE: (u16, &str) = (503, "Not possible at the moment: `unavailable`");
const TIMED_OUT: (u16, &str) = (504, "The request took too long: `timed_out`");
const FULL: (u16, &str) = (507, "The disk is full: `store_full`");

macro_rules! problem_sets {
    ($($(#[$doc:meta])* $name:ident = [$($entry:ident),+ $(,)?];)+) => {$(
        $(#[$doc])*
        #[derive(Debug)]
        pub struct $name;

        impl IntoResponses for $name {
            fn responses() -> BTreeMap<String, RefOr<Described>> {
                described(&[$($entry),+])
            }
        }
    )+};
}

problem_sets! {
    /// What an endpoint for everybody can answer.
    PublicProblems = [INVALID, LIMITED, INTERNAL, UNAVAILABLE, TIMED_OUT];
    /// What a public endpoint that takes a body can answer.
    PublicWriteProblems = [CONFLICT, TOO_LARGE, MEDIA_TYPE, INVALID, LIMITED, INTERNAL, UNAVAILABLE, TIMED_OUT, FULL];
    /// What a list can answer.
    ListProblems = [UNAUTHENTICATED, FORBIDDEN, INVALID, INTERNAL, UNAVAILABLE, TIMED_OUT];
    /// What reading one thing can answer.
    ItemProblems = [UNAUTHENTICATED, FORBIDDEN, NOT_FOUND, INVALID, INTERNAL, UNAVAILABLE, TIMED_OUT];
    /// What a change can answer.
    WriteProblems = [
        UNAUTHENTICATED, FORBIDDEN, NOT_FOUND, CONFLICT, TOO_LARGE, MEDIA_TYPE, INVALID, INTERNAL, UNAVAILABLE,
        TIMED_OUT, FULL,
    ];
    /// What a change can answer of which only a few run at once.
    ExportProblems = [
        UNAUTHENTICATED, FORBIDDEN, NOT_FOUND, CONFLICT, TOO_LARGE, MEDIA_TYPE, INVALID, LIMITED, INTERNAL,
        UNAVAILABLE, TIMED_OUT, FULL,
    ];
    /// What the live stream can answer.
    StreamProblems = [UNAUTHENTICATED, FORBIDDEN, INVALID, LIMITED, INTERNAL, UNAVAILABLE];
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn is_written_as_rfc_9457_says() {
        let problem = Problem::invalid(vec![
            FieldError::new("warning", "above_alarm", "had 600, wanted less than the alarm level 500")
                .with("alarm", 500),
        ]);
        let response = problem.render("0123456789abcdef");
        assert_eq!(response.headers()["content-type"], "application/problem+json");
        let body = axum::body::to_bytes(response.into_body(), 10_000).await.unwrap();
        let json: serde_json::Value = serde_json::from_slice(&body).unwrap();
        insta::assert_json_snapshot!(json);
    }

    #[tokio::test]
    async fn says_how_long_to_wait() {
        let response = Problem::wait(Code::LockedOut, 30).render("0123456789abcdef");
        assert_eq!(response.status(), StatusCode::TOO_MANY_REQUESTS);
        assert_eq!(response.headers()["retry-after"], "30");
        let body = axum::body::to_bytes(response.into_body(), 10_000).await.unwrap();
        let json: serde_json::Value = serde_json::from_slice(&body).unwrap();
        insta::assert_json_snapshot!(json);
    }

    #[test]
    fn names_the_missing_permission() {
        assert_eq!(permission_code(Permission::AlarmAcknowledge), "alarm.acknowledge");
        assert_eq!(Problem::forbidden(Permission::AuditView).detail, "needs the permission audit.view");
    }
}
