//! What stands around every endpoint: request id, problem documents, time-out, security headers.

use std::time::Duration;

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use rand::Rng as _;

use super::problem::{Code, Problem};

/// The header that names a request.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The name of one request, in the request's extensions.
#[derive(Debug, Clone)]
pub struct RequestId(pub String);

/// Gives the request its id, writes one line to the log, and turns every refusal into a problem document.
/// An id that comes with the request is taken over when it is harmless, so that a proxy's log and ours join.
pub async fn finish(mut request: Request, next: Next) -> Response {
    let given = request.headers().get(REQUEST_ID).and_then(|v| v.to_str().ok()).filter(|v| is_harmless(v));
    let id = given.map_or_else(|| format!("{:016x}", rand::rng().random::<u64>()), str::to_owned);
    request.extensions_mut().insert(RequestId(id.clone()));
    let method = request.method().clone();
    let path = request.extensions().get::<MatchedPath>().map(|p| p.as_str().to_owned());
    let started = tokio::time::Instant::now();
    let mut response = next.run(request).await;
    let status = response.status();
    if let Some(problem) = response.extensions_mut().remove::<Problem>() {
        let allow = response.headers().get(header::ALLOW).cloned();
        let cookie = response.headers().get(header::SET_COOKIE).cloned();
        tracing::debug!(request_id = %id, code = problem.code.word(), detail = %problem.detail, "refused");
        response = problem.render(&id);
        if let Some(allow) = allow {
            response.headers_mut().insert(header::ALLOW, allow);
        }
        if let Some(cookie) = cookie {
            response.headers_mut().insert(header::SET_COOKIE, cookie);
        }
    } else if (status.is_client_error() || status.is_server_error())
        && response.extensions().get::<SaidPlainly>().is_none()
    {
        // The framework refused by itself: 405 with its Allow header, 413, a path that cannot be.
        let allow = response.headers().get(header::ALLOW).cloned();
        response = Problem::of_bare(status).render(&id);
        if let Some(allow) = allow {
            response.headers_mut().insert(header::ALLOW, allow);
        }
    }
    let elapsed_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    let path = path.as_deref().unwrap_or("-");
    if response.status().is_server_error() {
        tracing::warn!(request_id = %id, %method, path, status = response.status().as_u16(), elapsed_ms, "request");
    } else {
        tracing::debug!(request_id = %id, %method, path, status = response.status().as_u16(), elapsed_ms, "request");
    }
    if let Ok(value) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    response
}

fn is_harmless(id: &str) -> bool {
    (1..=64).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}

/// Ends a request that takes longer than `limit`. The live stream answers at once and is not cut by it.
pub async fn time_out(State(limit): State<Duration>, request: Request, next: Next) -> Response {
    tokio::time::timeout(limit, next.run(request)).await.unwrap_or_else(|_late| {
        Problem::new(Code::TimedOut, format!("had no answer after {} s", limit.as_secs())).into_response()
    })
}

/// Nothing under `/api` is kept by a cache unless the endpoint says so itself.
pub async fn no_store(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    response.headers_mut().entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

/// Scripts only from here and never inline; styles inline because the widget set writes its themes that way;
/// workers from here and from blobs because the map draws in one.
const CONTENT_SECURITY: &str = "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; \
    img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self'; worker-src 'self' blob:; \
    object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'none'";

/// Headers that keep a browser from being used against its user.
pub async fn security_headers(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(CONTENT_SECURITY));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    headers.insert(
        HeaderName::from_static("cross-origin-opener-policy"),
        HeaderValue::from_static("same-origin"),
    );
    headers.insert(
        HeaderName::from_static("permissions-policy"),
        HeaderValue::from_static("camera=(self), geolocation=(self), microphone=()"),
    );
    response
}

/// What is nowhere under `/api`.
pub async fn nowhere() -> Problem {
    Problem::new(Code::NotFound, "no such address")
}

/// A status alone, for health checks.
#[must_use]
pub fn plain(status: StatusCode, words: &'static str) -> Response {
    let mut response = (status, [(header::CACHE_CONTROL, "no-store")], words).into_response();
    response.extensions_mut().insert(SaidPlainly);
    response
}

/// Marks a page that says by itself why it refuses.
#[must_use]
pub fn said_plainly(mut response: Response) -> Response {
    response.extensions_mut().insert(SaidPlainly);
    response
}

/// Marks an answer that says by itself why it refuses, so that [`finish`] leaves it as it is.
#[derive(Debug, Clone, Copy)]
struct SaidPlainly;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_over_only_harmless_request_ids() {
        assert!(is_harmless("abc-123_X"));
        assert!(!is_harmless(""));
        assert!(!is_harmless("a b"));
        assert!(!is_harmless(&"a".repeat(65)));
    }
}
