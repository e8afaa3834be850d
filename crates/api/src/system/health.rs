//! `/healthz` and `/readyz`: for whatever restarts the process or sends people to it.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use bus::StorageState;

use crate::http::layers::plain;
use crate::state::Api;

/// The process runs.
pub(crate) async fn healthz() -> Response {
    plain(StatusCode::OK, "ok\n")
}

/// The process can serve: the store answers and can be written.
pub(crate) async fn readyz(State(api): State<Api>) -> Response {
    if api.stop.is_cancelled() {
        return plain(StatusCode::SERVICE_UNAVAILABLE, "stopping\n");
    }
    match api.store.setup_needed().await {
        Ok(_) => match api.storage().state {
            StorageState::Full => plain(StatusCode::SERVICE_UNAVAILABLE, "the store is full\n"),
            StorageState::Failing => plain(StatusCode::SERVICE_UNAVAILABLE, "the disk takes no writes\n"),
            StorageState::Well | StorageState::Slow => plain(StatusCode::OK, "ready\n"),
        },
        Err(error) => {
            tracing::warn!(%error, "not ready: the store does not answer");
            plain(StatusCode::SERVICE_UNAVAILABLE, "the store does not answer\n")
        }
    }
}
