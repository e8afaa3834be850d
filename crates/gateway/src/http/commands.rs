//! `GET /ingest/v1/terminals/{serial}/commands?wait_s=30`: what a device is to do. The answer comes as soon as there is
//! a command, else when the wait is over, empty.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Extension, Path, Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use domain::telegram::TelegramDirection;
use wire::telemetry::{Commands, Form};

use super::problem::Problem;
use super::request::{sender, text};
use super::{Door, Peer};

/// Commands in one answer.
const MOST: usize = 64;

#[derive(Debug, serde::Deserialize)]
struct Wait {
    /// How long to wait for a command, s.
    wait_s: Option<u64>,
}

pub(super) fn routes() -> Router<Arc<Door>> {
    Router::new()
        .route("/ingest/v1/commands", get(by_header))
        .route("/ingest/v1/terminals/{serial}/commands", get(by_path))
}

async fn by_header(
    State(door): State<Arc<Door>>,
    Extension(peer): Extension<Peer>,
    Query(wait): Query<Wait>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    fetch(&door, &peer, &headers, None, &wait).await
}

async fn by_path(
    State(door): State<Arc<Door>>,
    Extension(peer): Extension<Peer>,
    Path(serial): Path<String>,
    Query(wait): Query<Wait>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    fetch(&door, &peer, &headers, Some(&serial), &wait).await
}

async fn fetch(
    door: &Door,
    peer: &Peer,
    headers: &HeaderMap,
    serial: Option<&str>,
    wait: &Wait,
) -> Result<Response, Problem> {
    let entry = sender(door, peer, headers, serial, 0).await?;
    let accepts_cbor =
        text(headers, header::ACCEPT.as_str()).and_then(Form::of_media_type) == Some(Form::Cbor);
    let form = if accepts_cbor { Form::Cbor } else { Form::Json };
    let wait = Duration::from_secs(wait.wait_s.unwrap_or(0).min(door.config.max_wait_s));
    let commands = door.ingest.mailboxes.fetch(entry.id, peer.remote, wait, MOST).await;
    let has_some = !commands.is_empty();
    let body = Commands(commands).write(form);
    if has_some {
        door.ingest.keep(entry.id, peer.remote, TelegramDirection::Down, &body, None);
    }
    let mut response = (StatusCode::OK, body).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(form.media_type()));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}
