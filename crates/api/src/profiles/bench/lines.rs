//! `POST /profiles/try`: a profile against a line that is there: its last telegrams, and reads of its registers.

use axum::Json;
use axum::extract::State;
use bus::{LineAnswer, LineCommand};
use domain::access::Permission;
use domain::id::TerminalId;
use domain::place::Protocol as Speaks;
use domain::profile::{Group, Profile, ReadCommand};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use wire::gateway1f1f::HEAD;

use super::decoded::{of_registers, place};
use super::frames::EXCEPTIONS;
use super::pasted::of_bytes;
use super::refusal::{Why, why};
use super::{TestFrame, TestGroup, TestRefusal};
use crate::access::caller::Caller;
use crate::detectors::telegrams::hex;
use crate::http::extract::{Body, Filters};
use crate::http::page::Page;
use crate::http::problem::{ListProblems, Problem, WriteProblems};
use crate::http::time::Time;
use crate::meaning::{Asked, Line};
use crate::profiles::candidate;
use crate::state::Api;
use crate::vocabulary::{Direction, Protocol};

/// Telegrams that are looked at.
const TELEGRAMS: u32 = 20;
/// Groups that are read in one try: a slow line answers about one a second.
const MOST_READS: usize = 16;

/// Which lines.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(in crate::profiles) struct LineQuery {
    /// Part of the serial number or of a detector's name.
    #[param(max_length = 100)]
    pub q: Option<String>,
}

/// A line that a profile can be tried on.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(in crate::profiles) struct ProfileLine {
    /// The terminal.
    #[schema(minimum = 1)]
    terminal_id: i64,
    /// The serial number or registration string that it announces.
    serial: String,
    /// How it speaks.
    protocol: Protocol,
    /// `pending` or `admitted`.
    #[schema(example = "admitted")]
    admission: String,
    /// The detectors behind it.
    detectors: String,
    /// Whether its line is open and can be asked.
    connected: bool,
    /// When it was last heard.
    last_seen_at: Time,
}

/// The lines in your scope, the open ones first; those that wait for admission only for a scope of everything.
#[utoipa::path(
    get,
    path = "/profile-lines",
    tag = "profiles",
    operation_id = "list_profile_lines",
    params(LineQuery),
    responses((status = 200, description = "At most 200", body = Page<ProfileLine>), ListProblems)
)]
pub(in crate::profiles) async fn list_profile_lines(
    State(api): State<Api>,
    caller: Caller,
    Filters(query): Filters<LineQuery>,
) -> Result<Json<Page<ProfileLine>>, Problem> {
    caller.scope(Permission::ProfileEdit)?;
    let scope = caller.scope(Permission::TelegramView)?;
    let rows = api.store.profiles().lines(&scope, query.q.as_deref()).await?;
    let mut items: Vec<ProfileLine> = rows
        .into_iter()
        .map(|row| ProfileLine {
            terminal_id: row.id.0,
            serial: row.serial,
            protocol: row.protocol.into(),
            admission: row.admission.code().to_owned(),
            detectors: row.detectors.unwrap_or_default(),
            connected: api.sessions.info(row.id).is_some(),
            last_seen_at: row.last_seen_at.into(),
        })
        .collect();
    items.sort_by_key(|line| !line.connected);
    Ok(Json(Page::whole(items)))
}

/// A profile and the line that it is tried on.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::profiles) struct ProfileTry {
    /// The model that is in force under this id, where no text is given.
    #[serde(default)]
    #[schema(max_length = 100)]
    profile_id: Option<String>,
    /// The TOML that is tried.
    #[serde(default)]
    #[schema(max_length = 300_000)]
    text: Option<String>,
    /// The terminal.
    #[schema(minimum = 1)]
    terminal_id: i64,
    /// Whether the registers of a Modbus profile are read now, beside looking at the last telegrams.
    #[serde(default)]
    read: bool,
    /// The Modbus unit that is read; the terminal's own where left out.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 247)]
    unit: Option<u8>,
}

/// A telegram of the line, read by the profile.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(in crate::profiles) struct TriedTelegram {
    /// When it came or went.
    at: Time,
    /// What is in it.
    frames: Vec<TestFrame>,
}

/// A read of one group.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(in crate::profiles) struct TriedRead {
    /// Which registers: `0x0000+30`.
    place: String,
    /// What the device sent.
    hex: Option<String>,
    /// What the profile reads from it.
    group: Option<TestGroup>,
    /// Why there is nothing to read: an exception, no answer, a line that is not open.
    refused: Option<TestRefusal>,
}

/// What a try found.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(in crate::profiles) struct ProfileTried {
    /// Whether the terminal's line is open.
    connected: bool,
    /// Whether a profile of this protocol can stand behind the terminal.
    fits: bool,
    /// The last telegrams from the device that the profile makes something of or refuses, newest first.
    telegrams: Vec<TriedTelegram>,
    /// The reads, where they were asked for.
    reads: Vec<TriedRead>,
}

/// Tries a profile on a line: its last telegrams, and reads of its groups where asked for. Nothing is stored, nothing is
/// judged; reads wait their turn between the polls of the line.
#[utoipa::path(
    post,
    path = "/profiles/try",
    tag = "profiles",
    operation_id = "try_profile",
    request_body = ProfileTry,
    responses((status = 200, description = "What was found", body = ProfileTried), WriteProblems)
)]
pub(in crate::profiles) async fn try_profile(
    State(api): State<Api>,
    caller: Caller,
    Body(attempt): Body<ProfileTry>,
) -> Result<Json<ProfileTried>, Problem> {
    caller.scope(Permission::ProfileEdit)?;
    let scope = caller.scope(Permission::TelegramView)?;
    let terminal = api.store.terminals().get(&scope, TerminalId(attempt.terminal_id)).await?;
    let profile = candidate(&api, attempt.profile_id.as_deref(), attempt.text.as_deref())?;
    let fits = terminal.protocol.carries(profile.protocol);
    let page = store::Page { limit: TELEGRAMS, cursor: None };
    let rows = api.store.telegrams().of_terminal(&scope, terminal.id, None, &page).await?.items;
    let line = Line::of(&api, terminal.id);
    let telegrams = if fits { told(&profile, &rows, &line) } else { Vec::new() };
    let mut reads = Vec::new();
    if attempt.read && fits && profile.protocol == Speaks::ModbusRtu {
        for group in profile.groups.iter().take(MOST_READS) {
            reads.push(read(&api, terminal.id, attempt.unit, &profile, group).await);
        }
    }
    Ok(Json(ProfileTried { connected: api.sessions.info(terminal.id).is_some(), fits, telegrams, reads }))
}

/// Telegrams newest first; behind a transparent line the request that went out before an answer says what it carries.
fn told(profile: &Profile, rows: &[store::telegrams::TelegramRow], line: &Line) -> Vec<TriedTelegram> {
    rows.iter()
        .enumerate()
        .filter(|(_, row)| row.direction != "down")
        .map(|(index, row)| {
            let before = rows.get(index + 1).filter(|before| before.direction == "down");
            let frames = match before {
                Some(before) if profile.protocol == Speaks::ModbusRtu || before.bytes.starts_with(&HEAD) => {
                    let mut talk = before.bytes.clone();
                    talk.extend(&row.bytes);
                    let asked = u32::try_from(before.bytes.len()).unwrap_or(u32::MAX);
                    let all = of_bytes(profile, &talk, None, line.secret());
                    all.into_iter()
                        .filter(|one| one.direction == Direction::Up)
                        .map(|one| TestFrame { offset: one.offset.saturating_sub(asked), ..one })
                        .collect()
                }
                Some(_) | None => of_bytes(profile, &row.bytes, None, line.secret()),
            };
            TriedTelegram { at: row.at.into(), frames }
        })
        .collect()
}

async fn read(
    api: &Api,
    terminal: TerminalId,
    unit: Option<u8>,
    profile: &Profile,
    group: &Group,
) -> TriedRead {
    let command = ReadCommand { function: group.space.function, address: group.start, count: group.count };
    let answer = api.sessions.request(terminal, LineCommand::Read { unit, read: command }).await;
    let mut read = TriedRead { place: place(group), hex: None, group: None, refused: None };
    match answer {
        Ok(LineAnswer::Data(data)) => {
            read.hex = Some(hex(&data));
            let asked = Asked {
                transaction: None,
                unit: unit.unwrap_or(1),
                function: group.space.function,
                start: group.start,
                count: group.count,
            };
            match of_registers(profile, &asked.group(), &data) {
                Ok(said) => read.group = Some(said),
                Err(error) => read.refused = Some(Why::from(error).under("profile, groups")),
            }
        }
        Ok(LineAnswer::Done) => {
            read.refused = Some(why!("no_data", "the device answered without data").under(""));
        }
        Ok(LineAnswer::Exception(code)) => read.refused = Some(Why::exception(code).under(EXCEPTIONS)),
        Ok(LineAnswer::Refused(reason)) => read.refused = Some(Why::other(reason).under("")),
        Err(error) => read.refused = Some(Why::from(error).under("")),
    }
    read
}
