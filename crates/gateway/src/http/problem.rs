//! What goes wrong, as a problem document (RFC 9457).

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::ingest::{NotHeard, NotTaken};

/// Why a request was not done.
#[derive(Debug)]
pub(super) struct Problem {
    status: StatusCode,
    code: &'static str,
    title: &'static str,
    detail: String,
    retry_after_s: Option<u64>,
}

impl Problem {
    fn new(status: StatusCode, code: &'static str, title: &'static str, detail: impl Into<String>) -> Self {
        Self { status, code, title, detail: detail.into(), retry_after_s: None }
    }

    fn retry(mut self, after_s: u64) -> Self {
        self.retry_after_s = Some(after_s);
        self
    }

    pub(super) fn unauthorised(detail: impl Into<String>) -> Self {
        Self::new(
            StatusCode::UNAUTHORIZED,
            "unauthorised",
            "The terminal is not known with this token",
            detail,
        )
    }

    pub(super) fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", "There is nothing here", detail)
    }

    pub(super) fn invalid(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", "The message cannot be read", detail)
    }

    pub(super) fn bad_request(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad_request", "The request does not fit", detail)
    }

    pub(super) fn media_type(detail: impl Into<String>) -> Self {
        Self::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "media_type",
            "The payload has a form that is not read here",
            detail,
        )
    }

    pub(super) fn too_large(max: usize) -> Self {
        let detail = format!("the body is longer than {max} bytes, want at most that");
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", "The message is too long", detail)
    }

    pub(super) fn too_slow(within_s: u64) -> Self {
        let detail = format!("the body was not there within {within_s} s");
        Self::new(StatusCode::REQUEST_TIMEOUT, "too_slow", "The message came too slowly", detail)
    }

    pub(super) fn too_many() -> Self {
        let detail = "more requests on this connection than are allowed";
        Self::new(StatusCode::TOO_MANY_REQUESTS, "too_many", "Too many requests", detail).retry(1)
    }

    pub(super) fn busy() -> Self {
        let detail = "as many messages are being read as may be at once";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "busy", "The server is busy", detail).retry(2)
    }
}

impl From<NotHeard> for Problem {
    fn from(why: NotHeard) -> Self {
        match why {
            NotHeard::NoSerial => Self::bad_request(why.to_string()),
            NotHeard::Unknown => Self::unauthorised(why.to_string()),
            NotHeard::Stopping => unavailable(why.to_string()),
        }
    }
}

impl From<NotTaken> for Problem {
    fn from(why: NotTaken) -> Self {
        match why {
            NotTaken::Unreadable(reason) => Self::invalid(reason),
            NotTaken::OtherMessage => Self::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "key_of_another_message",
                "The idempotency key was used before",
                why.to_string(),
            ),
            NotTaken::UnderWay => {
                Self::new(StatusCode::CONFLICT, "under_way", "The same message is under way", why.to_string())
                    .retry(1)
            }
            NotTaken::Unavailable => unavailable(why.to_string()),
        }
    }
}

/// Nothing was confirmed; the device has to keep what it measured and send it again.
fn unavailable(detail: String) -> Problem {
    Problem::new(
        StatusCode::SERVICE_UNAVAILABLE,
        "store_unavailable",
        "The readings could not be stored",
        detail,
    )
    .retry(5)
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = json!({
            "type": format!("https://emberwatch.dev/problems/{}", self.code),
            "title": self.title,
            "status": self.status.as_u16(),
            "code": self.code,
            "detail": self.detail,
        });
        let mut response = (self.status, body.to_string()).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if let Some(after_s) = self.retry_after_s {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(after_s));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        // What is left of a body that was not read must not be taken for the next request.
        if matches!(self.status, StatusCode::PAYLOAD_TOO_LARGE | StatusCode::REQUEST_TIMEOUT) {
            headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }
}
