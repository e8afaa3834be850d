//! `GET /detectors/{id}/commands`: what a detector can be told, and what that asks of the caller.

use axum::Json;
use axum::extract::State;
use domain::access::Permission;
use domain::id::DetectorId;
use serde::Serialize;
use utoipa::ToSchema;

use crate::access::caller::Caller;
use crate::http::extract::Id;
use crate::http::problem::{ItemProblems, Problem};
use crate::state::Api;
use crate::vocabulary::{CommandKind, Hazard, Interlock, LimitField, Permission as PermissionWord};

/// Something that a detector can be told.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(super) struct CommandOption {
    /// What.
    kind: CommandKind,
    /// Its name in the detector's model.
    #[schema(example = "alarm_1")]
    code: String,
    /// What people call it; empty where the kind says enough.
    name: String,
    /// The unit of the value that it carries; null where it carries none.
    #[schema(example = "mA")]
    unit: Option<String>,
    /// The least value.
    min: Option<f64>,
    /// The greatest value.
    max: Option<f64>,
    /// The finest step.
    step: Option<f64>,
    /// Of which hazard the value is a limit.
    hazard: Option<Hazard>,
    /// Which limit it is.
    field: Option<LimitField>,
    /// The channel that it is about; null is every one that the hazard is judged on.
    channel_id: Option<i64>,
    /// The point's code in the model.
    point_code: Option<String>,
    /// Whether carrying it out twice is the same as once.
    idempotent: bool,
    /// Whether it is read back.
    read_back: bool,
    /// What the caller needs.
    permission: PermissionWord,
    /// Whether the caller has it here.
    permitted: bool,
    /// Whether the caller's password is asked for.
    needs_password: bool,
    /// Whether a reason is asked for.
    needs_reason: bool,
    /// Whether a second person must agree.
    needs_approval: bool,
    /// Whether the value is tried on the past first.
    needs_what_if: bool,
    /// What makes it impossible from afar.
    blocked: Option<Interlock>,
}

/// What a detector can be told.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(super) struct CommandOptions {
    /// The detector.
    #[schema(minimum = 1)]
    detector_id: i64,
    /// Whether its line is open now; else a command waits for it.
    connected: bool,
    /// What hangs on its circuit, as the operator's own word.
    load_kind: Option<String>,
    /// Every command of its model, and the raw read.
    items: Vec<CommandOption>,
}

/// What a detector can be told.
#[utoipa::path(
    get,
    path = "/detectors/{id}/commands",
    tag = "commands",
    operation_id = "command_options",
    params(("id" = i64, Path, description = "The detector", minimum = 1)),
    responses((status = 200, description = "Its commands", body = CommandOptions), ItemProblems)
)]
pub(super) async fn command_options(
    State(api): State<Api>,
    caller: Caller,
    Id(id): Id,
) -> Result<Json<CommandOptions>, Problem> {
    let scope = caller.scope(Permission::View)?;
    let known = api.engine.device_commands().options(&scope, DetectorId(id)).await?;
    let (path, area) = (known.detector.organisation_path, known.detector.area_code);
    let may = |permission| domain::access::Scope::of(caller.grants(), permission).holds(&path, &area);
    let items = known
        .options
        .into_iter()
        .map(|option| {
            let permission = option.kind.permission();
            let value = option.value;
            let limit = value.as_ref().and_then(|value| value.limit);
            CommandOption {
                kind: option.kind.into(),
                code: option.code,
                name: option.name,
                unit: value.as_ref().map(|value| value.unit.to_owned()),
                min: value.as_ref().map(|value| value.min),
                max: value.as_ref().map(|value| value.max),
                step: value.as_ref().map(|value| value.step),
                hazard: limit.map(|(hazard, _)| hazard.into()),
                field: limit.map(|(_, field)| field.into()),
                channel_id: value.as_ref().and_then(|value| value.channel).map(|channel| channel.0),
                point_code: value.and_then(|value| value.point),
                idempotent: option.idempotent,
                read_back: option.read_back,
                permission: permission.into(),
                permitted: may(permission),
                needs_password: option.kind.switches(),
                needs_reason: option.kind.switches(),
                needs_approval: option.needs_approval,
                needs_what_if: limit.is_some(),
                blocked: option.blocked.map(Into::into),
            }
        })
        .collect();
    Ok(Json(CommandOptions {
        detector_id: id,
        connected: known.connected,
        load_kind: known.load_kind,
        items,
    }))
}
