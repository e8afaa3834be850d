//! `/panels`: the distribution boxes of a site.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use domain::access::Permission;
use domain::id::{PanelId, SiteId};
use serde::{Deserialize, Serialize};
use store::circuits::{PanelDraft, PanelPatch as StorePatch, PanelRow};
use utoipa::ToSchema;

use crate::access::caller::Caller;
use crate::http::extract::{Body, Id, check_max, check_text, checked};
use crate::http::problem::{Problem, WriteProblems};
use crate::state::Api;

/// A distribution panel.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Panel {
    /// Its id.
    #[schema(minimum = 1)]
    pub id: i64,
    /// Its site.
    #[schema(minimum = 1)]
    pub site_id: i64,
    /// Its name.
    #[schema(example = "一楼总箱")]
    pub name: String,
    /// Where it hangs.
    pub location: String,
    /// Rises with every change; comes back with a change.
    pub version: i64,
}

/// A new panel.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewPanel {
    /// Its name.
    #[schema(min_length = 1, max_length = 120, example = "一楼总箱")]
    pub name: String,
    /// Where it hangs.
    #[serde(default)]
    #[schema(max_length = 200)]
    pub location: String,
}

/// What changes about a panel.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PanelPatch {
    /// Its name.
    #[serde(default)]
    #[schema(min_length = 1, max_length = 120)]
    pub name: Option<String>,
    /// Where it hangs.
    #[serde(default)]
    #[schema(max_length = 200)]
    pub location: Option<String>,
    /// The version that was read.
    #[schema(minimum = 1)]
    pub version: i64,
}

impl From<PanelRow> for Panel {
    fn from(row: PanelRow) -> Self {
        Self {
            id: row.id.0,
            site_id: row.site_id.0,
            name: row.name,
            location: row.location,
            version: row.version,
        }
    }
}

/// Makes a panel in a site.
#[utoipa::path(
    post,
    path = "/sites/{id}/panels",
    tag = "places",
    operation_id = "create_panel",
    params(("id" = i64, Path, description = "The site", minimum = 1)),
    request_body = NewPanel,
    responses((status = 201, description = "The panel", body = Panel), WriteProblems)
)]
pub(super) async fn create_panel(
    State(api): State<Api>,
    caller: Caller,
    Id(site): Id,
    Body(new): Body<NewPanel>,
) -> Result<(StatusCode, Json<Panel>), Problem> {
    let scope = caller.scope(Permission::DeviceConfigure)?;
    let mut errors = Vec::new();
    check_text(&mut errors, "name", &new.name, 120);
    check_max(&mut errors, "location", &new.location, 200);
    checked(errors)?;
    let draft = PanelDraft { name: new.name, location: new.location };
    let row = api.engine.places().create_panel(&scope, &caller.actor(), SiteId(site), &draft).await?;
    Ok((StatusCode::CREATED, Json(row.into())))
}

/// Changes a panel.
#[utoipa::path(
    patch,
    path = "/panels/{id}",
    tag = "places",
    operation_id = "change_panel",
    params(("id" = i64, Path, description = "The panel", minimum = 1)),
    request_body = PanelPatch,
    responses((status = 200, description = "The panel", body = Panel), WriteProblems)
)]
pub(super) async fn change_panel(
    State(api): State<Api>,
    caller: Caller,
    Id(id): Id,
    Body(patch): Body<PanelPatch>,
) -> Result<Json<Panel>, Problem> {
    let scope = caller.scope(Permission::DeviceConfigure)?;
    let mut errors = Vec::new();
    if let Some(name) = &patch.name {
        check_text(&mut errors, "name", name, 120);
    }
    check_max(&mut errors, "location", patch.location.as_deref().unwrap_or_default(), 200);
    checked(errors)?;
    let patch = StorePatch { name: patch.name, location: patch.location, version: patch.version };
    let row = api.engine.places().change_panel(&scope, &caller.actor(), PanelId(id), &patch).await?;
    Ok(Json(row.into()))
}

/// Takes a panel away; its circuits must be gone.
#[utoipa::path(
    delete,
    path = "/panels/{id}",
    tag = "places",
    operation_id = "delete_panel",
    params(("id" = i64, Path, description = "The panel", minimum = 1)),
    responses((status = 204, description = "Gone"), WriteProblems)
)]
pub(super) async fn delete_panel(
    State(api): State<Api>,
    caller: Caller,
    Id(id): Id,
) -> Result<StatusCode, Problem> {
    let scope = caller.scope(Permission::DeviceConfigure)?;
    api.engine.places().delete_panel(&scope, &caller.actor(), PanelId(id)).await?;
    Ok(StatusCode::NO_CONTENT)
}
