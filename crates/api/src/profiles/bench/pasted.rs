//! `POST /profiles/test`: pasted bytes or a pasted message, read by a profile.

use axum::Json;
use axum::extract::State;
use domain::access::Permission;
use domain::place::Protocol;
use domain::profile::Profile;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

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
    /// A JSON message.
    #[serde(default)]
    #[schema(max_length = 100_000)]
    json: Option<String>,
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
            let bytes = frames::bytes_of(hex).map_err(|message| Problem::field("hex", "pattern", message))?;
            of_bytes(&profile, &bytes, test.group)
        }
        (None, Some(json)) => vec![keyed::message(&profile, json.as_bytes(), Some(json))],
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

/// Frames in `bytes` as the profile's protocol has them; a vendor cloud frame is known by its mark.
pub(super) fn of_bytes(profile: &Profile, bytes: &[u8], group: Option<u8>) -> Vec<TestFrame> {
    match profile.protocol {
        Protocol::Cloud7b7b => frames::cloud(profile, bytes),
        Protocol::ModbusRtu | Protocol::ModbusTcp if bytes.starts_with(&wire::cloud7b7b::START) => {
            frames::cloud(profile, bytes)
        }
        Protocol::ModbusRtu | Protocol::ModbusTcp => frames::modbus(profile, bytes, group),
        Protocol::Telemetry => vec![keyed::message(profile, bytes, None)],
        Protocol::Dlt645 => keyed::dlt645(profile, bytes),
        Protocol::Gb26875 => keyed::gb26875(profile, bytes),
        Protocol::Gateway1f1f => keyed::gateway(bytes),
    }
}
