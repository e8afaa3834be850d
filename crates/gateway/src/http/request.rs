//! What is read from the head and the body of a request.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody as _};
use axum::http::{HeaderMap, header};
use domain::place::TerminalEntry;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use tokio::time::timeout;

use super::problem::Problem;
use super::{Door, Peer};
use crate::ingest::Proof;

/// The header with the terminal's serial number, where the path does not name it.
pub(super) const SERIAL: &str = "x-terminal-serial";
/// The header that makes a message one, however often it comes.
const KEY: &str = "idempotency-key";
/// Longest idempotency key, characters.
const MAX_KEY: usize = 128;

/// Who sent the request: found out from its head alone.
pub(super) async fn sender(
    door: &Door,
    peer: &Peer,
    headers: &HeaderMap,
    serial: Option<&str>,
    readings_ignored: u32,
) -> Result<Arc<TerminalEntry>, Problem> {
    if !door.has_room(peer) {
        return Err(Problem::too_many());
    }
    let serial = match serial {
        Some(serial) => serial,
        None => text(headers, SERIAL).ok_or_else(|| {
            Problem::bad_request(format!("no serial number, want it in the path or in the header {SERIAL}"))
        })?,
    };
    let token = text(headers, header::AUTHORIZATION.as_str()).and_then(|value| {
        let (scheme, token) = value.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
    });
    let proof = match (token, peer.certificate) {
        (Some(token), _) => Proof::Token(token),
        (None, Some(certificate)) => Proof::Certificate(certificate),
        // An empty token fits nothing, and somebody unknown still comes to the list.
        (None, None) => Proof::Token(""),
    };
    Ok(door.ingest.prove(serial, proof, peer.remote, readings_ignored).await?)
}

/// A header that is text.
pub(super) fn text<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// The idempotency key, where there is one.
pub(super) fn key(headers: &HeaderMap) -> Result<Option<&str>, Problem> {
    let Some(value) = headers.get(KEY) else { return Ok(None) };
    // The draft of the header writes the key as a quoted text; many clients leave the quotes out.
    let key = value.to_str().ok().map(|text| text.trim().trim_matches('"'));
    match key.filter(|key| !key.is_empty() && key.len() <= MAX_KEY) {
        Some(key) => Ok(Some(key)),
        None => Err(Problem::bad_request(format!("{KEY}: want 1 to {MAX_KEY} printable characters"))),
    }
}

/// Reads the body, limited in length, in time, and in how many are read at once.
pub(super) async fn body(door: &Door, body: Body) -> Result<Bytes, Problem> {
    let max = door.ingest.config.limits.bytes;
    if body.size_hint().lower() > u64::try_from(max).unwrap_or(u64::MAX) {
        return Err(Problem::too_large(max));
    }
    let Ok(_permit) = door.bodies.try_acquire() else { return Err(Problem::busy()) };
    let within_s = door.config.body_within_s;
    let read = timeout(Duration::from_secs(within_s), Limited::new(body, max).collect()).await;
    match read {
        Err(_elapsed) => Err(Problem::too_slow(within_s)),
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(Problem::too_large(max)),
        Ok(Err(error)) => Err(Problem::bad_request(format!("the body ended early: {error}"))),
    }
}
