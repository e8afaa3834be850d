//! `/push`: your own browsers that are pushed to.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use notify::Outcome;
use serde::{Deserialize, Serialize};
use store::telling::{PushDraft, PushRow};
use utoipa::ToSchema;

use super::shape::AttemptOutcome;
use crate::access::caller::Caller;
use crate::http::extract::{Body, Id, checked};
use crate::http::problem::{FieldError, ItemProblems, Problem, WriteProblems};
use crate::http::time::Time;
use crate::state::Api;

/// Characters of what a browser calls itself.
const AGENT: usize = 200;

/// Your browsers that are pushed to.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(super) struct Push {
    /// The `applicationServerKey` to subscribe with, base64url; null while no web push medium reaches you.
    pub key: Option<String>,
    /// Yours.
    pub subscriptions: Vec<PushSubscription>,
}

/// A browser that is pushed to.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(super) struct PushSubscription {
    /// Which.
    #[schema(minimum = 1)]
    pub id: i64,
    /// Where its push service takes messages.
    #[schema(example = "https://push.example/s/1")]
    pub endpoint: String,
    /// What it calls itself.
    pub agent: String,
    /// Since when.
    pub created_at: Time,
    /// When its push service last took a message.
    pub last_ok_at: Option<Time>,
}

/// What the browser's `PushSubscription.toJSON()` gives.
#[derive(Debug, Clone, Deserialize, ToSchema)]
pub(super) struct PushSubscriptionDraft {
    /// Where its push service takes messages: https.
    #[schema(max_length = 1000, example = "https://push.example/s/1")]
    pub endpoint: String,
    /// Its keys.
    pub keys: PushKeys,
}

/// The keys of a browser, base64url (RFC 8291).
#[derive(Debug, Clone, Deserialize, ToSchema)]
pub(super) struct PushKeys {
    /// Point of P-256.
    #[schema(max_length = 100)]
    pub p256dh: String,
    /// 16 bytes.
    #[schema(max_length = 40)]
    pub auth: String,
}

/// What came of a test.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
pub(super) struct PushTested {
    /// What the push service said.
    pub outcome: AttemptOutcome,
}

fn shown(row: PushRow) -> PushSubscription {
    PushSubscription {
        id: row.id,
        endpoint: row.endpoint,
        agent: row.agent,
        created_at: row.created_at.into(),
        last_ok_at: row.last_ok_at.map(Into::into),
    }
}

/// Anybody who is signed in names an endpoint, so only what proves by TLS who it is may be one. This machine itself is
/// left to the sender, which reaches it only where the operator says so.
fn is_endpoint(endpoint: &str) -> bool {
    let on_this_machine = ["http://127.0.0.1:", "http://localhost:"];
    endpoint.len() <= 1000
        && !endpoint.chars().any(|c| c.is_whitespace() || c.is_control())
        && (endpoint.starts_with("https://")
            || on_this_machine.iter().any(|start| endpoint.starts_with(start)))
}

fn is_base64url(text: &str, wanted: std::ops::RangeInclusive<usize>) -> bool {
    wanted.contains(&text.trim_end_matches('=').len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'='))
}

/// Your browsers that are pushed to, and the key to subscribe with.
#[utoipa::path(
    get,
    path = "/push",
    tag = "telling",
    operation_id = "get_push",
    responses((status = 200, description = "Yours", body = Push), ItemProblems)
)]
pub(super) async fn get_push(State(api): State<Api>, caller: Caller) -> Result<Json<Push>, Problem> {
    let own = caller.person()?.account.id;
    let key = api.engine.telling().push_key(own).await?.map(|(_, key)| key);
    let rows = api.store.telling().own_pushed_to(own).await?;
    Ok(Json(Push { key, subscriptions: rows.into_iter().map(shown).collect() }))
}

/// Lets this browser be pushed to. At most ten of one account; the one reached longest ago is let go.
#[utoipa::path(
    post,
    path = "/push/subscriptions",
    tag = "telling",
    operation_id = "create_push_subscription",
    request_body = PushSubscriptionDraft,
    responses((status = 201, description = "It", body = PushSubscription), WriteProblems)
)]
pub(super) async fn create_push_subscription(
    State(api): State<Api>,
    caller: Caller,
    headers: HeaderMap,
    Body(draft): Body<PushSubscriptionDraft>,
) -> Result<(StatusCode, Json<PushSubscription>), Problem> {
    let own = caller.person()?.account.id;
    let mut errors = Vec::new();
    if !is_endpoint(&draft.endpoint) {
        errors.push(FieldError::new("endpoint", "invalid", "wanted the https address of a push service"));
    }
    // 65 and 16 bytes.
    if !is_base64url(&draft.keys.p256dh, 87..=87) {
        errors.push(FieldError::new("keys.p256dh", "invalid", "wanted a point of P-256 in base64url"));
    }
    if !is_base64url(&draft.keys.auth, 22..=22) {
        errors.push(FieldError::new("keys.auth", "invalid", "wanted 16 bytes in base64url"));
    }
    checked(errors)?;
    let Some((medium, _)) = api.engine.telling().push_key(own).await? else {
        return Err(Problem::field(
            "endpoint",
            "unknown",
            "had no web push medium, wanted one to subscribe with",
        ));
    };
    let agent = headers.get(header::USER_AGENT).and_then(|agent| agent.to_str().ok()).unwrap_or_default();
    let draft = PushDraft {
        medium,
        endpoint: draft.endpoint,
        p256dh: draft.keys.p256dh,
        auth: draft.keys.auth,
        agent: agent.chars().take(AGENT).collect(),
    };
    let row = api.store.telling().push_on(&caller.actor(), api.now(), own, &draft).await?;
    Ok((StatusCode::CREATED, Json(shown(row))))
}

/// Lets one of your browsers go.
#[utoipa::path(
    delete,
    path = "/push/subscriptions/{id}",
    tag = "telling",
    operation_id = "delete_push_subscription",
    params(("id" = i64, Path, description = "Which", minimum = 1)),
    responses((status = 204, description = "Gone"), WriteProblems)
)]
pub(super) async fn delete_push_subscription(
    State(api): State<Api>,
    caller: Caller,
    Id(id): Id,
) -> Result<StatusCode, Problem> {
    let own = caller.person()?.account.id;
    api.store.telling().push_off(&caller.actor(), api.now(), own, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Sends a test message to one of your browsers, now, and says what came of it.
#[utoipa::path(
    post,
    path = "/push/subscriptions/{id}/test",
    tag = "telling",
    operation_id = "test_push_subscription",
    params(("id" = i64, Path, description = "Which", minimum = 1)),
    responses((status = 200, description = "What came of it", body = PushTested), WriteProblems)
)]
pub(super) async fn test_push_subscription(
    State(api): State<Api>,
    caller: Caller,
    Id(id): Id,
) -> Result<Json<PushTested>, Problem> {
    let own = caller.person()?.account.id;
    // What the push service said in full stays here: who names an address must not read it through this server.
    let outcome = match api.engine.telling().test_push(own, id).await? {
        Outcome::Accepted { .. } => AttemptOutcome::Accepted,
        Outcome::TryAgain { .. } | Outcome::AddressBusy { .. } => AttemptOutcome::TryAgain,
        Outcome::Refused { .. } | Outcome::AddressRefused { .. } => AttemptOutcome::Refused,
        Outcome::Gone { .. } => AttemptOutcome::Gone,
    };
    Ok(Json(PushTested { outcome }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_push_services_are_endpoints() {
        for good in ["https://fcm.googleapis.com/fcm/send/x", "http://127.0.0.1:9/p"] {
            assert!(is_endpoint(good), "{good}");
        }
        for bad in ["http://10.0.0.5:8080/", "ftp://x", "https://a b", "", "http://127.0.0.1.evil.example/"] {
            assert!(!is_endpoint(bad), "{bad}");
        }
        assert!(!is_endpoint(&format!("https://x/{}", "a".repeat(1000))));
    }

    #[test]
    fn keys_have_their_lengths() {
        assert!(
            is_base64url(&"A".repeat(87), 87..=87) && is_base64url(&format!("{}==", "A".repeat(22)), 22..=22)
        );
        assert!(!is_base64url(&"A".repeat(86), 87..=87) && !is_base64url(&"+".repeat(87), 87..=87));
    }
}
