//! `GET /system`: load, queues, storage, counters. Facts of the process, nobody's data.

use axum::Json;
use axum::extract::State;
use domain::access::Permission;

use super::shape::{QueueFacts, SystemFacts};
use crate::access::caller::Caller;
use crate::http::problem::{ListProblems, Problem};
use crate::state::Api;

fn number(n: usize) -> u64 {
    u64::try_from(n).unwrap_or(u64::MAX)
}

/// The process in numbers.
#[utoipa::path(
    get,
    path = "/system",
    tag = "system",
    operation_id = "get_system",
    responses((status = 200, description = "The process", body = SystemFacts), ListProblems)
)]
pub(super) async fn get_system(State(api): State<Api>, caller: Caller) -> Result<Json<SystemFacts>, Problem> {
    caller.scope(Permission::View)?;
    let storage = api.storage();
    let terminals = number(api.sessions.count());
    Ok(Json(SystemFacts {
        version: api.config.version.clone(),
        started_at: api.started_at.into(),
        roles: api.config.roles.clone(),
        data_dir_bytes: storage.folder_bytes,
        disk_free_bytes: storage.free_bytes,
        storage_limit_bytes: storage.soft_limit_bytes,
        store_full: storage.full,
        queues: api
            .queues()
            .into_iter()
            .map(|queue| QueueFacts {
                name: queue.name.to_owned(),
                len: number(queue.len),
                bound: number(queue.bound),
                when_full: queue.when_full.to_owned(),
            })
            .collect(),
        connections: terminals,
        terminals_connected: terminals,
        live_streams: number(api.stage.readers()),
        readings_per_s: api.rate.per_s(),
        counters: api.counters.all().into_iter().map(|(name, count)| (name.to_owned(), count)).collect(),
        telegram_dropped: api.counters.telegrams_dropped.get(),
    }))
}
