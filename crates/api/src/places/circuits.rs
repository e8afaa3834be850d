//! `/circuits`: what leaves a panel.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use domain::access::Permission;
use domain::id::{CircuitId, PanelId};
use serde::{Deserialize, Serialize};
use store::circuits::{CircuitDraft, CircuitPatch as StorePatch, CircuitRow};
use utoipa::ToSchema;

use crate::access::caller::Caller;
use crate::http::extract::{Body, Id, check_max, check_text, checked};
use crate::http::problem::{FieldError, Problem, WriteProblems};
use crate::state::Api;

/// A circuit.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Circuit {
    /// Its id.
    #[schema(minimum = 1)]
    pub id: i64,
    /// Its panel.
    #[schema(minimum = 1)]
    pub panel_id: i64,
    /// Its name.
    #[schema(example = "后厨插座")]
    pub name: String,
    /// Its rated current, A; the base of overload.
    #[schema(minimum = 0)]
    pub rated_current_a: Option<f64>,
    /// How many phases it has.
    #[schema(minimum = 1, maximum = 3)]
    pub phases: i64,
    /// What it feeds, as the operator's own word.
    pub load_kind: String,
    /// Rises with every change; comes back with a change.
    pub version: i64,
}

/// A new circuit.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewCircuit {
    /// Its name.
    #[schema(min_length = 1, max_length = 120, example = "后厨插座")]
    pub name: String,
    /// Its rated current, A.
    #[serde(default)]
    #[schema(minimum = 0.1, maximum = 10000)]
    pub rated_current_a: Option<f64>,
    /// How many phases it has.
    #[serde(default = "one")]
    #[schema(minimum = 1, maximum = 3, default = 1)]
    pub phases: u8,
    /// What it feeds.
    #[serde(default)]
    #[schema(max_length = 60)]
    pub load_kind: String,
}

const fn one() -> u8 {
    1
}

/// What changes about a circuit.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CircuitPatch {
    /// Its name.
    #[serde(default)]
    #[schema(min_length = 1, max_length = 120)]
    pub name: Option<String>,
    /// Its rated current, A; null takes it away.
    #[serde(default, deserialize_with = "crate::http::extract::said")]
    #[schema(value_type = Option<f64>, minimum = 0.1, maximum = 10000)]
    pub rated_current_a: Option<Option<f64>>,
    /// How many phases it has.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 3)]
    pub phases: Option<u8>,
    /// What it feeds.
    #[serde(default)]
    #[schema(max_length = 60)]
    pub load_kind: Option<String>,
    /// The version that was read.
    #[schema(minimum = 1)]
    pub version: i64,
}

impl From<CircuitRow> for Circuit {
    fn from(row: CircuitRow) -> Self {
        Self {
            id: row.id.0,
            panel_id: row.panel_id.0,
            name: row.name,
            rated_current_a: row.rated_current_a,
            phases: row.phases,
            load_kind: row.load_kind,
            version: row.version,
        }
    }
}

/// What cannot be about a circuit's numbers; `under` is where the circuit stands in the request.
pub(crate) fn check_numbers(
    errors: &mut Vec<FieldError>,
    under: &str,
    phases: Option<u8>,
    rated_current_a: Option<f64>,
) {
    if phases.is_some_and(|n| !(1..=3).contains(&n)) {
        errors.push(FieldError::new(format!("{under}phases"), "out_of_range", "wanted 1 to 3 phases"));
    }
    if rated_current_a.is_some_and(|a| !(0.1..=10_000.0).contains(&a)) {
        let words = "wanted a rated current of 0.1 to 10000 A";
        errors.push(
            FieldError::new(format!("{under}rated_current_a"), "out_of_range", words)
                .with("min", 0.1)
                .with("max", 10_000),
        );
    }
}

/// Makes a circuit on a panel.
#[utoipa::path(
    post,
    path = "/panels/{id}/circuits",
    tag = "places",
    operation_id = "create_circuit",
    params(("id" = i64, Path, description = "The panel", minimum = 1)),
    request_body = NewCircuit,
    responses((status = 201, description = "The circuit", body = Circuit), WriteProblems)
)]
pub(super) async fn create_circuit(
    State(api): State<Api>,
    caller: Caller,
    Id(panel): Id,
    Body(new): Body<NewCircuit>,
) -> Result<(StatusCode, Json<Circuit>), Problem> {
    let scope = caller.scope(Permission::DeviceConfigure)?;
    let mut errors = Vec::new();
    check_text(&mut errors, "name", &new.name, 120);
    check_max(&mut errors, "load_kind", &new.load_kind, 60);
    check_numbers(&mut errors, "", Some(new.phases), new.rated_current_a);
    checked(errors)?;
    let draft = CircuitDraft {
        name: new.name,
        rated_current_a: new.rated_current_a,
        phases: new.phases,
        load_kind: new.load_kind,
    };
    let row = api.engine.places().create_circuit(&scope, &caller.actor(), PanelId(panel), &draft).await?;
    Ok((StatusCode::CREATED, Json(row.into())))
}

/// Changes a circuit. A new rated current holds for overload at once.
#[utoipa::path(
    patch,
    path = "/circuits/{id}",
    tag = "places",
    operation_id = "change_circuit",
    params(("id" = i64, Path, description = "The circuit", minimum = 1)),
    request_body = CircuitPatch,
    responses((status = 200, description = "The circuit", body = Circuit), WriteProblems)
)]
pub(super) async fn change_circuit(
    State(api): State<Api>,
    caller: Caller,
    Id(id): Id,
    Body(patch): Body<CircuitPatch>,
) -> Result<Json<Circuit>, Problem> {
    let scope = caller.scope(Permission::DeviceConfigure)?;
    let mut errors = Vec::new();
    if let Some(name) = &patch.name {
        check_text(&mut errors, "name", name, 120);
    }
    check_max(&mut errors, "load_kind", patch.load_kind.as_deref().unwrap_or_default(), 60);
    check_numbers(&mut errors, "", patch.phases, patch.rated_current_a.flatten());
    checked(errors)?;
    let patch = StorePatch {
        name: patch.name,
        rated_current_a: patch.rated_current_a,
        phases: patch.phases,
        load_kind: patch.load_kind,
        version: patch.version,
    };
    let row = api.engine.places().change_circuit(&scope, &caller.actor(), CircuitId(id), &patch).await?;
    Ok(Json(row.into()))
}

/// Takes a circuit away; its detectors must be elsewhere.
#[utoipa::path(
    delete,
    path = "/circuits/{id}",
    tag = "places",
    operation_id = "delete_circuit",
    params(("id" = i64, Path, description = "The circuit", minimum = 1)),
    responses((status = 204, description = "Gone"), WriteProblems)
)]
pub(super) async fn delete_circuit(
    State(api): State<Api>,
    caller: Caller,
    Id(id): Id,
) -> Result<StatusCode, Problem> {
    let scope = caller.scope(Permission::DeviceConfigure)?;
    api.engine.places().delete_circuit(&scope, &caller.actor(), CircuitId(id)).await?;
    Ok(StatusCode::NO_CONTENT)
}
