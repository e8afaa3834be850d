//! `/telling`: how it stands with telling people: whether anybody can be told, what is down, who is missing.

use std::collections::BTreeSet;

use axum::Json;
use axum::extract::State;
use domain::access::{Permission, Scope};
use engine::telling::book::{DutyBody, MediumBody};

use super::shape::{DownMedium, DutyGap, TellingCounts, TellingStatus};
use crate::access::caller::Caller;
use crate::http::problem::{ListProblems, Problem};
use crate::state::Api;

/// How it stands with telling people.
#[utoipa::path(
    get,
    path = "/telling",
    tag = "telling",
    operation_id = "get_telling",
    responses((status = 200, description = "How it stands", body = TellingStatus), ListProblems)
)]
pub(super) async fn get_telling(
    State(api): State<Api>,
    caller: Caller,
) -> Result<Json<TellingStatus>, Problem> {
    let view = caller.scope(Permission::View)?;
    let edit = Scope::of(caller.grants(), Permission::SettingsEdit);
    let desk = api.engine.telling();
    let status = desk.status().await?;
    let media: BTreeSet<i64> =
        desk.list::<MediumBody>(&edit).await?.into_iter().map(|(row, _)| row.id).collect();
    let rosters: BTreeSet<i64> =
        desk.list::<DutyBody>(&view).await?.into_iter().map(|(row, _)| row.id).collect();
    let down: Vec<_> = status
        .media
        .into_iter()
        .filter_map(|(id, name, health)| {
            let health = health?;
            Some(DownMedium { id: id.0, name, since: health.down_since?.into(), detail: health.last_detail })
        })
        .collect();
    let last_day = view.is_everything().then(|| {
        let of = |wanted: &str| {
            status.last_day.iter().find(|(state, _)| state == wanted).map_or(0, |(_, count)| *count)
        };
        TellingCounts {
            gathering: of("gathering"),
            sending: of("sending"),
            told: of("told"),
            failed: of("failed"),
            stopped: of("stopped"),
        }
    });
    Ok(Json(TellingStatus {
        can_tell: status.can_tell,
        has_links: status.has_links,
        media_down: u64::try_from(down.len()).unwrap_or(u64::MAX),
        down: down.into_iter().filter(|medium| media.contains(&medium.id)).collect(),
        gaps: status
            .gaps
            .into_iter()
            .filter(|(id, _)| rosters.contains(id))
            .map(|(duty_id, name)| DutyGap { duty_id, name })
            .collect(),
        last_day,
    }))
}
