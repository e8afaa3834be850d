//! `GET /system`: load, queues, storage, counters. Facts of the process, nobody's data.

use axum::Json;
use axum::extract::State;
use bus::StorageState;
use domain::access::Permission;
use store::history::Damage;

use super::shape::{BackupFacts, DamagedMonth, QueueFacts, SystemFacts};
use crate::access::caller::Caller;
use crate::http::problem::{ListProblems, Problem};
use crate::state::Api;

fn number(n: usize) -> u64 {
    u64::try_from(n).unwrap_or(u64::MAX)
}

/// What cannot be read, by month; `damage` comes in the order of months.
fn by_month(damage: Vec<Damage>) -> Vec<DamagedMonth> {
    let mut months: Vec<DamagedMonth> = Vec::new();
    for one in damage {
        if months.last().is_none_or(|last| last.month != one.file) {
            months.push(DamagedMonth { month: one.file, chunks: 0, whole: false });
        }
        if let Some(month) = months.last_mut() {
            match one.chunk {
                Some(_) => month.chunks += 1,
                None => month.whole = true,
            }
        }
    }
    months
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
    let runs_it = caller.scope(Permission::PeopleManage).is_ok_and(|scope| scope.is_everything());
    let storage = api.storage();
    let terminals = number(api.sessions.count());
    Ok(Json(SystemFacts {
        version: api.config.version.clone(),
        started_at: api.started_at.into(),
        roles: api.config.roles.clone(),
        data_dir_bytes: storage.folder_bytes,
        disk_free_bytes: storage.free_bytes,
        storage_limit_bytes: storage.soft_limit_bytes,
        store_full: storage.state == StorageState::Full,
        storage_state: storage.state.into(),
        slowest_commit_ms: u64::try_from(storage.slowest_commit_ms).unwrap_or(0),
        backup: api.engine.backups().map(|facts| BackupFacts::seen(facts, runs_it)),
        damaged_history: by_month(api.store.history_damage()),
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

#[cfg(test)]
mod tests {
    use super::*;
    use domain::id::DetectorId;

    #[test]
    fn damage_is_told_by_month() {
        let damage = |file: &str, chunk| Damage { file: file.to_owned(), chunk, what: "checksum".to_owned() };
        let told = by_month(vec![
            damage("2026-10", None),
            damage("2026-11", Some((DetectorId(1), 20_782))),
            damage("2026-11", Some((DetectorId(2), 20_782))),
        ]);
        let told: Vec<_> =
            told.iter().map(|month| (month.month.as_str(), month.chunks, month.whole)).collect();
        assert_eq!(told, [("2026-10", 0, true), ("2026-11", 2, false)]);
    }
}
