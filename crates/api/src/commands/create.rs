//! `POST /commands`: tells a detector something.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use domain::id::{DetectorId, WhatIfId};
use domain::profile::ReadCommand;
use engine::services::{CommandRequest, Trial};
use serde::Deserialize;
use utoipa::ToSchema;

use super::shape::{Command, RegisterRead};
use crate::access::caller::Caller;
use crate::access::confirm::{Proof, confirm};
use crate::http::extract::{Body, check_max, checked};
use crate::http::problem::{FieldError, Problem, ProblemBody, WriteProblems};
use crate::state::Api;
use crate::vocabulary::CommandKind;

/// A command may wait this long for its device, s.
const EXPIRES_S: std::ops::RangeInclusive<u32> = 60..=604_800;
/// One that moves a breaker may wait this long, s: nobody expects it later.
const SWITCH_EXPIRES_S: std::ops::RangeInclusive<u32> = 60..=3600;

/// A command that is wanted.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"detector_id": 1, "kind": "self_test"}))]
pub(super) struct NewCommand {
    /// For which detector.
    #[schema(minimum = 1)]
    detector_id: i64,
    /// What.
    kind: CommandKind,
    /// Its name in the detector's model; may be left out where there is only one of the kind.
    #[serde(default)]
    #[schema(max_length = 60)]
    code: Option<String>,
    /// The value that it carries.
    #[serde(default)]
    #[schema(minimum = -1000000000, maximum = 1000000000)]
    value: Option<f64>,
    /// What to read, with `raw_read`.
    #[serde(default, deserialize_with = "crate::http::extract::maybe_object")]
    read: Option<RegisterRead>,
    /// Why; needed to trip and close.
    #[serde(default)]
    #[schema(max_length = 500)]
    reason: String,
    /// The caller's own password once more; this or a one-time code is needed to trip and close.
    #[serde(default)]
    #[schema(max_length = 256, format = Password)]
    password: Option<String>,
    /// A one-time code of the caller's, in place of the password; each counts once.
    #[serde(default)]
    #[schema(max_length = 16, example = "492 039")]
    one_time_code: Option<String>,
    /// It is not sent after so long, s. To trip and close: 300 s where nothing is said (3600 s where a
    /// second person must agree), 3600 s at most. All else: an hour where nothing is said.
    #[serde(default)]
    #[schema(minimum = 60, maximum = 604800)]
    expires_in_s: Option<u32>,
    /// The trial of this set-point on the past, by the same person and within the hour.
    #[serde(default)]
    #[schema(minimum = 1)]
    what_if_id: Option<i64>,
    /// Why the set-point was not tried.
    #[serde(default)]
    #[schema(max_length = 500)]
    skipped_because: Option<String>,
}

/// What a trial, or why there is none, says.
pub(super) fn trial(what_if_id: Option<i64>, skipped_because: Option<&str>) -> Trial {
    match (what_if_id, skipped_because.map(str::trim).filter(|text| !text.is_empty())) {
        (Some(id), _) => Trial::Tried(WhatIfId(id)),
        (None, Some(because)) => Trial::Skipped(because.to_owned()),
        (None, None) => Trial::None,
    }
}

/// What cannot be about the fields that every request for commands has.
pub(super) fn check(
    kind: domain::command::CommandKind,
    code: Option<&str>,
    value: Option<f64>,
    reason: &str,
    expires_in_s: Option<u32>,
    what_if_id: Option<i64>,
    skipped_because: Option<&str>,
) -> Vec<FieldError> {
    let mut errors = Vec::new();
    check_max(&mut errors, "code", code.unwrap_or_default(), 60);
    check_max(&mut errors, "reason", reason, 500);
    check_max(&mut errors, "skipped_because", skipped_because.unwrap_or_default(), 500);
    if value.is_some_and(|value| !(-1e9..=1e9).contains(&value)) {
        errors.push(FieldError::new("value", "out_of_range", "wanted -1000000000 to 1000000000"));
    }
    let allowed = if kind.switches() { SWITCH_EXPIRES_S } else { EXPIRES_S };
    if let Some(had) = expires_in_s.filter(|had| !allowed.contains(had)) {
        let words = format!("had {had} s, wanted {} to {} s", allowed.start(), allowed.end());
        errors.push(
            FieldError::new("expires_in_s", "out_of_range", words)
                .with("min", *allowed.start())
                .with("max", *allowed.end()),
        );
    }
    if what_if_id.is_some_and(|id| id < 1) {
        errors.push(FieldError::new("what_if_id", "out_of_range", "wanted an id from 1").with("min", 1));
    }
    errors
}

/// Tells a detector something. It waits on disk until the device's line is open, at most until it expires.
///
/// Tripping and closing need a reason and the caller's password or one-time code; a circuit that feeds a fire pump, a lift, medical
/// equipment or emergency lighting is never switched: `interlocked`. Where the site asks for two persons, the command
/// waits for `POST /commands/{id}/approve`.
#[utoipa::path(
    post,
    path = "/commands",
    tag = "commands",
    operation_id = "create_command",
    request_body = NewCommand,
    responses(
        (status = 201, description = "The command, queued or waiting for the second person", body = Command),
        (status = 429, description = "Too many wrong passwords or codes: `locked_out`",
            body = ProblemBody, content_type = "application/problem+json"),
        WriteProblems
    )
)]
pub(super) async fn create_command(
    State(api): State<Api>,
    caller: Caller,
    Body(asked): Body<NewCommand>,
) -> Result<(StatusCode, Json<Command>), Problem> {
    let kind: domain::command::CommandKind = asked.kind.into();
    let scope = caller.scope(kind.permission())?;
    let mut errors = check(
        kind,
        asked.code.as_deref(),
        asked.value,
        &asked.reason,
        asked.expires_in_s,
        asked.what_if_id,
        asked.skipped_because.as_deref(),
    );
    if asked.detector_id < 1 {
        errors.push(FieldError::new("detector_id", "out_of_range", "wanted an id from 1").with("min", 1));
    }
    checked(errors)?;
    let detector = DetectorId(asked.detector_id);
    if kind.switches() {
        // Whether the detector is there is told before a password is asked for.
        api.store.detectors().get(&scope, detector).await?;
        if asked.reason.trim().is_empty() {
            return Err(Problem::field(
                "reason",
                "required",
                "a breaker is switched with a reason, had none",
            ));
        }
        let proof = Proof { password: asked.password, one_time_code: asked.one_time_code };
        confirm(&api, &caller, &proof).await?;
    }
    let request = CommandRequest {
        detector,
        kind,
        code: asked.code,
        value: asked.value,
        read: asked.read.map(|read| ReadCommand {
            function: read.function,
            address: read.address,
            count: read.count,
        }),
        reason: asked.reason,
        expires_in_s: asked.expires_in_s,
        trial: trial(asked.what_if_id, asked.skipped_because.as_deref()),
    };
    let row = api.engine.device_commands().create(&scope, &caller.actor(), &request).await?;
    Ok((StatusCode::CREATED, Json(row.into())))
}
