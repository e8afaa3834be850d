//! `/push/ctwing/{key}` and `/push/onenet/{key}`: one push may carry messages of many devices. It is confirmed when all
//! of them are committed. A message of a device that nobody has admitted, or that its profile cannot read, is noted and
//! confirmed as well: the platform would send it again for ever, and hold back those of all the others.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Extension, Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};

use super::problem::Problem;
use super::request::body;
use super::{Door, Peer};
use crate::ingest::{NotHeard, NotTaken, Origin, Proof};
use crate::push::{self, CarrierConfig, PushRefused, Pushed};

#[derive(Debug, serde::Deserialize)]
struct Challenge {
    msg: String,
    #[serde(default)]
    nonce: String,
    signature: Option<String>,
}

pub(super) fn routes() -> Router<Arc<Door>> {
    Router::new()
        .route("/push/ctwing/{key}", post(ctwing))
        .route("/push/onenet/{key}", get(onenet_challenge).post(onenet))
}

impl From<PushRefused> for Problem {
    fn from(why: PushRefused) -> Self {
        match why {
            PushRefused::Signature => Self::unauthorised(why.to_string()),
            PushRefused::Unreadable(_) | PushRefused::Encrypted => Self::invalid(why.to_string()),
        }
    }
}

/// A wrong key is answered like a path that is not there.
fn opened(carrier: &CarrierConfig, key: &str) -> Result<(), Problem> {
    if carrier.opens_with(key) { Ok(()) } else { Err(Problem::not_found("no such push")) }
}

async fn ctwing(
    State(door): State<Arc<Door>>,
    Extension(peer): Extension<Peer>,
    Path(key): Path<String>,
    payload: Body,
) -> Result<Response, Problem> {
    let carrier = &door.config.push.ctwing;
    opened(carrier, &key)?;
    let bytes = body(&door, payload).await?;
    let pushed = push::ctwing(&bytes, carrier, &door.ingest.config.limits)?;
    take_all(&door, &peer, &pushed).await
}

async fn onenet(
    State(door): State<Arc<Door>>,
    Extension(peer): Extension<Peer>,
    Path(key): Path<String>,
    payload: Body,
) -> Result<Response, Problem> {
    let carrier = &door.config.push.onenet;
    opened(carrier, &key)?;
    let bytes = body(&door, payload).await?;
    let pushed = push::onenet(&bytes, carrier, &door.ingest.config.limits)?;
    take_all(&door, &peer, &pushed).await
}

async fn onenet_challenge(
    State(door): State<Arc<Door>>,
    Path(key): Path<String>,
    Query(challenge): Query<Challenge>,
) -> Result<Response, Problem> {
    let carrier = &door.config.push.onenet;
    opened(carrier, &key)?;
    let Challenge { msg, nonce, signature } = challenge;
    let answer = push::onenet_challenge(carrier, &msg, &nonce, signature.as_deref())?;
    Ok((StatusCode::OK, answer).into_response())
}

async fn take_all(door: &Door, peer: &Peer, pushed: &[Pushed]) -> Result<Response, Problem> {
    let ingest = &door.ingest;
    let mut taken = 0usize;
    for message in pushed {
        let entry = match ingest.prove(&message.serial, Proof::Carrier, peer.remote, 1).await {
            Ok(entry) => entry,
            Err(NotHeard::Unknown | NotHeard::NoSerial) => continue,
            Err(NotHeard::Stopping) => return Err(NotHeard::Stopping.into()),
        };
        let origin = Origin { remote: peer.remote, address: None, device_at: message.at, key: None };
        match ingest.take(&entry, &message.bytes, message.form, origin).await {
            Ok(_receipt) => taken += 1,
            // It stands in the telegram log with its reason.
            Err(NotTaken::Unreadable(_) | NotTaken::OtherMessage | NotTaken::UnderWay) => {}
            Err(unavailable @ NotTaken::Unavailable) => return Err(unavailable.into()),
        }
    }
    let noted = pushed.len() - taken;
    Ok((StatusCode::OK, format!("{{\"taken\":{taken},\"noted\":{noted}}}")).into_response())
}
