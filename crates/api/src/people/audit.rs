//! `/audit`: what people did, append-only and hash-chained (invariant 9).

use axum::Json;
use axum::extract::State;
use domain::access::Permission;
use store::audit::{AuditFilter, AuditRow};

use super::shape::{AuditEntry, AuditQuery, AuditVerdict};
use crate::access::caller::Caller;
use crate::http::extract::Filters;
use crate::http::page::{self, Page};
use crate::http::problem::{ItemProblems, ListProblems, Problem};
use crate::state::Api;

impl From<AuditRow> for AuditEntry {
    fn from(row: AuditRow) -> Self {
        let read = |text: Option<String>| text.and_then(|text| serde_json::from_str(&text).ok());
        Self {
            id: row.id,
            at: row.at.into(),
            actor: row.actor_name,
            actor_kind: row.actor_kind,
            action: row.action,
            object_kind: row.object_kind,
            object_id: row.object_id,
            object_name: row.object_name,
            before: read(row.before),
            after: read(row.after),
            remote: row.remote,
            hash: row.hash.iter().map(|byte| format!("{byte:02x}")).collect(),
        }
    }
}

/// What people did, newest first, page by page.
#[utoipa::path(
    get,
    path = "/audit",
    tag = "people",
    operation_id = "list_audit",
    params(AuditQuery),
    responses((status = 200, description = "One page", body = Page<AuditEntry>), ListProblems)
)]
pub(super) async fn list_audit(
    State(api): State<Api>,
    caller: Caller,
    Filters(query): Filters<AuditQuery>,
) -> Result<Json<Page<AuditEntry>>, Problem> {
    let scope = caller.scope(Permission::AuditView)?;
    let filter = AuditFilter {
        actor: query.actor,
        action: query.action,
        object: query.object,
        since: query.since.map(|at| at.0),
        until: query.until.map(|at| at.0),
    };
    let page = page::asked(query.limit, query.cursor.as_deref())?;
    let rows = api.store.audit().list(&scope, &filter, &page).await?;
    Ok(Json(Page::of(rows, AuditEntry::from)))
}

/// Walks the whole log and says whether every entry fits to the one before. Needs a scope of everything.
#[utoipa::path(
    get,
    path = "/audit/verify",
    tag = "people",
    operation_id = "verify_audit",
    responses((status = 200, description = "What was found", body = AuditVerdict), ItemProblems)
)]
pub(super) async fn verify_audit(
    State(api): State<Api>,
    caller: Caller,
) -> Result<Json<AuditVerdict>, Problem> {
    let scope = caller.scope(Permission::AuditView)?;
    let found = api.store.audit().verify(&scope).await?;
    Ok(Json(AuditVerdict {
        entries: found.entries,
        intact: found.first_broken.is_none(),
        first_broken: found.first_broken,
    }))
}
