//! `GET /areas`: administrative divisions, the same for everybody who is signed in.

use axum::Json;
use axum::extract::State;
use domain::access::Permission;
use serde::Serialize;
use utoipa::ToSchema;

use crate::access::caller::Caller;
use crate::http::problem::{ListProblems, Problem};
use crate::state::Api;

/// An administrative division.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(super) struct Area {
    /// Its code after GB/T 2260.
    #[schema(example = "430203")]
    pub code: String,
    /// Its name.
    #[schema(example = "芦淞区")]
    pub name: String,
    /// The division above.
    #[schema(example = "430200")]
    pub parent_code: Option<String>,
}

/// Every area that is known.
#[utoipa::path(
    get,
    path = "/areas",
    tag = "places",
    operation_id = "list_areas",
    responses((status = 200, description = "The areas, by code", body = Vec<Area>), ListProblems)
)]
pub(super) async fn list_areas(State(api): State<Api>, caller: Caller) -> Result<Json<Vec<Area>>, Problem> {
    caller.scope(Permission::View)?;
    let rows = api.store.areas().await?;
    let areas = rows
        .into_iter()
        .map(|row| Area { code: row.code.0, name: row.name, parent_code: row.parent_code.map(|code| code.0) })
        .collect();
    Ok(Json(areas))
}
