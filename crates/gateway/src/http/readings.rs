//! `POST /ingest/v1/readings`, `POST /ingest/v1/terminals/{serial}/readings` and `.../answers`: what a device says.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Extension, Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use domain::telegram::TelegramDirection;
use wire::telemetry::Form;

use super::problem::Problem;
use super::request::{body, key, sender, text};
use super::{Door, Peer};
use crate::ingest::{Origin, Receipt};

pub(super) fn routes() -> Router<Arc<Door>> {
    Router::new()
        .route("/ingest/v1/readings", post(by_header))
        .route("/ingest/v1/answers", post(by_header))
        .route("/ingest/v1/terminals/{serial}/readings", post(by_path))
        .route("/ingest/v1/terminals/{serial}/answers", post(by_path))
}

async fn by_header(
    State(door): State<Arc<Door>>,
    Extension(peer): Extension<Peer>,
    headers: HeaderMap,
    payload: Body,
) -> Result<Response, Problem> {
    take(&door, &peer, &headers, None, payload).await
}

async fn by_path(
    State(door): State<Arc<Door>>,
    Extension(peer): Extension<Peer>,
    Path(serial): Path<String>,
    headers: HeaderMap,
    payload: Body,
) -> Result<Response, Problem> {
    take(&door, &peer, &headers, Some(&serial), payload).await
}

async fn take(
    door: &Door,
    peer: &Peer,
    headers: &HeaderMap,
    serial: Option<&str>,
    payload: Body,
) -> Result<Response, Problem> {
    let entry = sender(door, peer, headers, serial, 1).await?;
    let key = key(headers)?;
    let form = match text(headers, header::CONTENT_TYPE.as_str()) {
        None => None,
        // What clients say that were not told what they send.
        Some("application/octet-stream" | "application/x-www-form-urlencoded" | "text/plain") => None,
        Some(media_type) => Some(Form::of_media_type(media_type).ok_or_else(|| {
            Problem::media_type(format!(
                "content type {media_type:?}, want application/json, application/cbor or application/octet-stream"
            ))
        })?),
    };
    let bytes = body(door, payload).await?;
    let origin = Origin { remote: peer.remote, address: None, device_at: None, key };
    let Receipt { json, is_again } = door.ingest.take(&entry, &bytes, form, origin).await?;
    door.ingest.keep(entry.id, peer.remote, TelegramDirection::Down, json.as_bytes(), None);
    let mut response = (StatusCode::OK, json).into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if is_again {
        response.headers_mut().insert("idempotency-replayed", HeaderValue::from_static("true"));
    }
    Ok(response)
}
