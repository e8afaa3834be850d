//! `/callback/{medium}/{secret}`: what a provider calls with receipts and replies. Outside of the API: the provider signs
//! in nowhere, the secret in the address is what it shows.

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use engine::services::Called;

use crate::access::caller::Remote;
use crate::state::Api;

/// More than a thousand reports of a short message.
pub(super) const MOST_BYTES: usize = 512 * 1024;

/// Takes what a provider reports.
pub(super) async fn take(
    State(api): State<Api>,
    Remote(remote): Remote,
    Path((medium, secret)): Path<(i64, String)>,
    body: Bytes,
) -> Response {
    let answer = match api.engine.telling().called(medium, &secret, &body).await {
        Ok(Called::Taken(answer)) => {
            api.changed("alarms");
            Json(answer).into_response()
        }
        Ok(Called::Unreadable(answer)) => (StatusCode::BAD_REQUEST, Json(answer)).into_response(),
        // Whoever guesses is slowed down; who knows the address is never.
        Ok(Called::Unknown) if api.links.one_more(&remote, api.now()).is_some() => {
            StatusCode::TOO_MANY_REQUESTS.into_response()
        }
        Ok(Called::Unknown) => StatusCode::NOT_FOUND.into_response(),
        Err(error) => {
            tracing::warn!(%error, medium, "what a provider reported could not be kept; it reports again");
            StatusCode::SERVICE_UNAVAILABLE.into_response()
        }
    };
    crate::http::layers::said_plainly(answer)
}
