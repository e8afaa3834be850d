//! `/organisations`: the tree of organisations, one of the two that a site hangs on.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use domain::access::Permission;
use domain::id::OrganisationId;
use serde::{Deserialize, Serialize};
use store::organisations::{OrganisationDraft, OrganisationPatch as StorePatch, OrganisationRow};
use utoipa::ToSchema;

use crate::access::caller::Caller;
use crate::http::extract::{Body, Id, check_max, check_text, checked};
use crate::http::problem::{ListProblems, Problem, WriteProblems};
use crate::state::Api;

/// An organisation in the tree.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Organisation {
    /// Its id.
    #[schema(minimum = 1)]
    pub id: i64,
    /// Its name.
    #[schema(example = "株洲市芦淞市场群")]
    pub name: String,
    /// The one above; null at the root.
    pub parent_id: Option<i64>,
    /// The ids from the root.
    #[schema(example = "/1/4/")]
    pub path: String,
    /// What it is, as the operator's own word: `company`, `market`, `authority` ...
    pub kind: String,
    /// Rises with every change; comes back with a change.
    pub version: i64,
}

/// A new organisation.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewOrganisation {
    /// Its name.
    #[schema(min_length = 1, max_length = 120)]
    pub name: String,
    /// The one above.
    #[schema(minimum = 1)]
    pub parent_id: i64,
    /// What it is.
    #[serde(default)]
    #[schema(max_length = 60)]
    pub kind: String,
}

/// What changes about an organisation.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OrganisationPatch {
    /// Its name.
    #[serde(default)]
    #[schema(min_length = 1, max_length = 120)]
    pub name: Option<String>,
    /// The one above; everything below comes along.
    #[serde(default)]
    #[schema(minimum = 1)]
    pub parent_id: Option<i64>,
    /// What it is.
    #[serde(default)]
    #[schema(max_length = 60)]
    pub kind: Option<String>,
    /// The version that was read.
    #[schema(minimum = 1)]
    pub version: i64,
}

impl From<OrganisationRow> for Organisation {
    fn from(row: OrganisationRow) -> Self {
        Self {
            id: row.id.0,
            name: row.name,
            parent_id: row.parent_id.map(|id| id.0),
            path: row.path.0,
            kind: row.kind,
            version: row.version,
        }
    }
}

/// The organisations in scope, parents before children.
#[utoipa::path(
    get,
    path = "/organisations",
    tag = "places",
    operation_id = "list_organisations",
    responses((status = 200, description = "The tree as a list", body = Vec<Organisation>), ListProblems)
)]
pub(super) async fn list_organisations(
    State(api): State<Api>,
    caller: Caller,
) -> Result<Json<Vec<Organisation>>, Problem> {
    let scope = caller.scope(Permission::View)?;
    let rows = api.store.organisations().tree(&scope).await?;
    Ok(Json(rows.into_iter().map(Organisation::from).collect()))
}

/// Makes an organisation.
#[utoipa::path(
    post,
    path = "/organisations",
    tag = "places",
    operation_id = "create_organisation",
    request_body = NewOrganisation,
    responses((status = 201, description = "The organisation", body = Organisation), WriteProblems)
)]
pub(super) async fn create_organisation(
    State(api): State<Api>,
    caller: Caller,
    Body(new): Body<NewOrganisation>,
) -> Result<(StatusCode, Json<Organisation>), Problem> {
    let scope = caller.scope(Permission::PeopleManage)?;
    let mut errors = Vec::new();
    check_text(&mut errors, "name", &new.name, 120);
    check_max(&mut errors, "kind", &new.kind, 60);
    checked(errors)?;
    let parent_id = Some(OrganisationId(new.parent_id));
    let draft = OrganisationDraft { name: new.name, parent_id, kind: new.kind };
    let row = api.engine.places().create_organisation(&scope, &caller.actor(), &draft).await?;
    Ok((StatusCode::CREATED, Json(row.into())))
}

/// Changes an organisation; with a new parent everything below comes along.
#[utoipa::path(
    patch,
    path = "/organisations/{id}",
    tag = "places",
    operation_id = "change_organisation",
    params(("id" = i64, Path, description = "The organisation", minimum = 1)),
    request_body = OrganisationPatch,
    responses((status = 200, description = "The organisation", body = Organisation), WriteProblems)
)]
pub(super) async fn change_organisation(
    State(api): State<Api>,
    caller: Caller,
    Id(id): Id,
    Body(patch): Body<OrganisationPatch>,
) -> Result<Json<Organisation>, Problem> {
    let scope = caller.scope(Permission::PeopleManage)?;
    let mut errors = Vec::new();
    if let Some(name) = &patch.name {
        check_text(&mut errors, "name", name, 120);
    }
    check_max(&mut errors, "kind", patch.kind.as_deref().unwrap_or_default(), 60);
    checked(errors)?;
    let patch = StorePatch {
        name: patch.name,
        kind: patch.kind,
        parent_id: patch.parent_id.map(OrganisationId),
        version: patch.version,
    };
    let row =
        api.engine.places().change_organisation(&scope, &caller.actor(), OrganisationId(id), &patch).await?;
    Ok(Json(row.into()))
}

/// Takes an organisation away; nothing may hang on it any more.
#[utoipa::path(
    delete,
    path = "/organisations/{id}",
    tag = "places",
    operation_id = "delete_organisation",
    params(("id" = i64, Path, description = "The organisation", minimum = 1)),
    responses((status = 204, description = "Gone"), WriteProblems)
)]
pub(super) async fn delete_organisation(
    State(api): State<Api>,
    caller: Caller,
    Id(id): Id,
) -> Result<StatusCode, Problem> {
    let scope = caller.scope(Permission::PeopleManage)?;
    api.engine.places().delete_organisation(&scope, &caller.actor(), OrganisationId(id)).await?;
    Ok(StatusCode::NO_CONTENT)
}
