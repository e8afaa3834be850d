//! `POST /profiles/test`: pasted bytes or a pasted message, read by a profile.

use axum::Json;
use axum::extract::State;
use domain::access::Permission;
use domain::place::Protocol;
use domain::profile::Profile;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use wire::gateway1f1f::{BLOCK_LEN, HEAD, Secret};

use super::{TestFrame, frames, keyed};
use crate::access::caller::Caller;
use crate::http::extract::{Body, check_max, checked};
use crate::http::problem::{Problem, WriteProblems};
use crate::profiles::candidate;
use crate::state::Api;

/// What is tried.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::profiles) struct ProfileTest {
    /// The model that is in force under this id, where no text is given.
    #[serde(default)]
    #[schema(max_length = 100)]
    profile_id: Option<String>,
    /// The TOML that is tried.
    #[serde(default)]
    #[schema(max_length = 300_000)]
    text: Option<String>,
    /// Bytes as hex digits, however they are separated: one frame, or a line's whole talk.
    #[serde(default)]
    #[schema(max_length = 100_000, example = "01 03 04 00 00 00 1E 7B FB")]
    hex: Option<String>,
    /// A message as text: JSON, or what was inside an encrypted frame of the vendor gateway protocol (the XML of a
    /// report, `PPAAA|hex` of a Modbus frame).
    #[serde(default)]
    #[schema(max_length = 100_000)]
    json: Option<String>,
    /// The secret that opens frames of the vendor gateway protocol: 16 characters, or 32 hexadecimal digits. It is
    /// not kept.
    #[serde(default)]
    #[schema(max_length = 64)]
    secret: Option<String>,
    /// The topic or path that the message came by.
    #[serde(default)]
    #[schema(max_length = 1000)]
    topic: Option<String>,
    /// The group that an answer without its request belongs to, where its length fits several.
    #[serde(default)]
    #[schema(minimum = 0)]
    group: Option<u8>,
}

/// What was read.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(in crate::profiles) struct ProfileTested {
    /// How the profile is spoken to.
    protocol: crate::vocabulary::Protocol,
    /// The frames found, in order.
    frames: Vec<TestFrame>,
    /// How many points were read in all.
    #[schema(minimum = 0)]
    points: u32,
}

/// Reads pasted bytes or a message with a profile: frames with their fields, refusals with their clause, points with
/// values, statuses with meanings, and the limits that they pass. Nothing is stored.
#[utoipa::path(
    post,
    path = "/profiles/test",
    tag = "profiles",
    operation_id = "test_profile",
    request_body = ProfileTest,
    responses((status = 200, description = "What was read", body = ProfileTested), WriteProblems)
)]
pub(in crate::profiles) async fn test_profile(
    State(api): State<Api>,
    caller: Caller,
    Body(test): Body<ProfileTest>,
) -> Result<Json<ProfileTested>, Problem> {
    caller.scope(Permission::ProfileEdit)?;
    let mut errors = Vec::new();
    check_max(&mut errors, "hex", test.hex.as_deref().unwrap_or_default(), 100_000);
    check_max(&mut errors, "json", test.json.as_deref().unwrap_or_default(), 100_000);
    check_max(&mut errors, "topic", test.topic.as_deref().unwrap_or_default(), 1000);
    checked(errors)?;
    let profile = candidate(&api, test.profile_id.as_deref(), test.text.as_deref())?;
    let found = match (&test.hex, &test.json) {
        (Some(hex), None) => {
            let bytes = frames::bytes_of(hex).map_err(|error| Problem::invalid(vec![error]))?;
            let secret =
                test.secret.as_deref().filter(|secret| !secret.is_empty()).map(secret).transpose()?;
            of_bytes(&profile, &bytes, test.group, secret.as_ref())
        }
        (None, Some(text)) => vec![of_text(&profile, test.topic.as_deref(), text)],
        (Some(_), Some(_)) | (None, None) => {
            return Err(Problem::field("hex", "missing", "wanted either hex or json"));
        }
    };
    let points = found.iter().flat_map(|one| &one.groups).map(|group| group.points.len()).sum::<usize>();
    Ok(Json(ProfileTested {
        protocol: profile.protocol.into(),
        frames: found,
        points: u32::try_from(points).unwrap_or(u32::MAX),
    }))
}

/// The secret as it is given to a terminal.
fn secret(given: &str) -> Result<Secret, Problem> {
    let bytes = match frames::bytes_of(given) {
        Ok(bytes) if bytes.len() == BLOCK_LEN => bytes,
        Ok(_) | Err(_) => given.as_bytes().to_vec(),
    };
    Secret::try_from(bytes.as_slice())
        .map_err(|error| Problem::field("secret", "secret_length", error.to_string()))
}

/// A pasted text as the profile's protocol has it.
fn of_text(profile: &Profile, topic: Option<&str>, text: &str) -> TestFrame {
    let topic = topic.map(str::trim).filter(|topic| !topic.is_empty());
    match profile.protocol {
        Protocol::Telemetry => keyed::message(profile, topic, text.as_bytes(), Some(text)),
        Protocol::Cloud7b7b
        | Protocol::ModbusRtu
        | Protocol::ModbusTcp
        | Protocol::Dlt645
        | Protocol::Gb26875
        | Protocol::Gateway1f1f => keyed::gateway_inside(profile, text),
    }
}

/// Frames in `bytes` as the profile's protocol has them; frames of other carriers are known by their mark.
pub(super) fn of_bytes(
    profile: &Profile,
    bytes: &[u8],
    group: Option<u8>,
    secret: Option<&Secret>,
) -> Vec<TestFrame> {
    match profile.protocol {
        Protocol::Cloud7b7b => frames::cloud(profile, bytes),
        Protocol::ModbusRtu | Protocol::ModbusTcp if bytes.starts_with(&wire::cloud7b7b::START) => {
            frames::cloud(profile, bytes)
        }
        Protocol::ModbusRtu | Protocol::ModbusTcp if bytes.starts_with(&HEAD) => {
            keyed::gateway(profile, bytes, secret)
        }
        Protocol::ModbusRtu | Protocol::ModbusTcp => frames::modbus(profile, bytes, group),
        Protocol::Telemetry => {
            let (topic, payload) = wire::explain::split_topic(bytes);
            vec![keyed::message(profile, topic, payload, None)]
        }
        Protocol::Dlt645 => keyed::dlt645(profile, bytes),
        Protocol::Gb26875 => keyed::gb26875(profile, bytes),
        Protocol::Gateway1f1f => keyed::gateway(profile, bytes, secret),
    }
}
