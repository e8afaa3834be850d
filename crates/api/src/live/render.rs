//! The one task that reads the hub: takes whatever came while the last round ran, reads the alarms among it from
//! the store in one query, and puts the rendered events on the stage.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use bus::{LiveEvent, LiveKind, StorageState};
use domain::access::Scope;
use domain::id::{AlarmId, CommandId};
use serde_json::json;
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::{RecvError, TryRecvError};

use super::stage::{Audience, Rendered};
use crate::alarms::shape::Alarm;
use crate::commands::shape::Command;
use crate::http::time::Time;
use crate::state::Api;
use crate::vocabulary::{Quality, Status, word};

/// Events of one round at most; also what one query asks for.
const ROUND: usize = 400;

/// Runs until the process stops.
pub async fn run(api: Api, mut hub: broadcast::Receiver<Arc<LiveEvent>>) {
    let mut second = tokio::time::interval(Duration::from_secs(1));
    second.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
    loop {
        let first = tokio::select! {
            () = api.stop.cancelled() => return,
            _ = second.tick() => {
                api.rate.sample(api.now(), api.counters.readings_confirmed.get());
                continue;
            }
            first = hub.recv() => first,
        };
        match first {
            Ok(event) => {
                let (round, lost) = take_round(&mut hub, event);
                render_round(&api, &round).await;
                if lost {
                    gap(&api, "overrun");
                }
            }
            Err(RecvError::Lagged(_)) => gap(&api, "overrun"),
            Err(RecvError::Closed) => return,
        }
    }
}

/// `first` and what waits behind it; and whether something was lost.
fn take_round(
    hub: &mut broadcast::Receiver<Arc<LiveEvent>>,
    first: Arc<LiveEvent>,
) -> (Vec<Arc<LiveEvent>>, bool) {
    let mut round = vec![first];
    while round.len() < ROUND {
        match hub.try_recv() {
            Ok(event) => round.push(event),
            Err(TryRecvError::Lagged(_)) => return (round, true),
            Err(TryRecvError::Empty | TryRecvError::Closed) => break,
        }
    }
    (round, false)
}

/// Tells every reader to read everything again, and forgets what can no longer be joined.
fn gap(api: &Api, reason: &'static str) {
    api.counters.live_gaps.add_one();
    let newest = api.live.subscribe(None).1;
    api.stage.forget_up_to(newest);
    let write = Box::new(move || json!({ "reason": reason }).to_string());
    api.stage.put(Rendered::new(newest, "gap", Audience::Everybody, write));
}

async fn render_round(api: &Api, round: &[Arc<LiveEvent>]) {
    let alarms: HashSet<AlarmId> = round
        .iter()
        .filter_map(|event| match event.kind {
            LiveKind::Alarm { alarm, .. } => Some(alarm),
            LiveKind::Values { .. }
            | LiveKind::Status { .. }
            | LiveKind::Command { .. }
            | LiveKind::Terminal { .. }
            | LiveKind::Pending
            | LiveKind::Changed { .. }
            | LiveKind::Import { .. }
            | LiveKind::Storage { .. } => None,
        })
        .collect();
    let ids: Vec<AlarmId> = alarms.into_iter().collect();
    // The platform reads for everybody; who may see an event is decided per reader.
    let rows = match api.store.alarms().by_ids(&Scope::platform(), &ids).await {
        Ok(rows) => rows,
        Err(error) => {
            tracing::error!(%error, "alarms of the live stream could not be read");
            gap(api, "unreadable");
            return;
        }
    };
    let mut rows: HashMap<AlarmId, Alarm> =
        rows.into_iter().map(|row| (row.id, Alarm::seen(row, api.memory()))).collect();
    let commands: HashSet<CommandId> = round
        .iter()
        .filter_map(|event| match event.kind {
            LiveKind::Command { command, .. } => Some(command),
            LiveKind::Alarm { .. }
            | LiveKind::Values { .. }
            | LiveKind::Status { .. }
            | LiveKind::Terminal { .. }
            | LiveKind::Pending
            | LiveKind::Changed { .. }
            | LiveKind::Import { .. }
            | LiveKind::Storage { .. } => None,
        })
        .collect();
    let ids: Vec<CommandId> = commands.into_iter().collect();
    let mut commands: HashMap<CommandId, Command> =
        match api.store.commands().by_ids(&Scope::platform(), &ids).await {
            Ok(rows) => rows.into_iter().map(|row| (row.id, Command::from(row))).collect(),
            Err(error) => {
                tracing::error!(%error, "commands of the live stream could not be read");
                gap(api, "unreadable");
                return;
            }
        };
    // An alarm that changed twice in a round is read once, as it is now; its last event carries it.
    let mut rendered: Vec<Rendered> =
        round.iter().rev().filter_map(|event| render(api, event, &mut rows, &mut commands)).collect();
    rendered.reverse();
    for event in rendered {
        api.stage.put(event);
    }
}

fn audience(event: &LiveEvent) -> Audience {
    match (&event.organisation, &event.area) {
        (Some(organisation), Some(area)) => Audience::Place(organisation.clone(), area.clone()),
        (Some(_) | None, Some(_) | None) => Audience::Administrators,
    }
}

fn render(
    api: &Api,
    event: &Arc<LiveEvent>,
    rows: &mut HashMap<AlarmId, Alarm>,
    commands: &mut HashMap<CommandId, Command>,
) -> Option<Rendered> {
    let kept = Arc::clone(event);
    let here = |name, audience, write| Rendered::new(event.seq, name, audience, write);
    Some(match &event.kind {
        LiveKind::Alarm { alarm, .. } => {
            let row = rows.remove(alarm)?;
            here("alarm", audience(event), Box::new(move || serde_json::to_string(&row).unwrap_or_default()))
        }
        LiveKind::Command { command, .. } => {
            let row = commands.remove(command)?;
            here(
                "command",
                audience(event),
                Box::new(move || serde_json::to_string(&row).unwrap_or_default()),
            )
        }
        LiveKind::Values { detector, .. } => {
            let status = api.status_of(*detector);
            here("values", audience(event), Box::new(move || values_json(&kept, status)))
                .with_values_of(*detector)
        }
        LiveKind::Status { detector, site } => {
            let (detector, site, status) = (detector.0, site.0, word(api.status_of(*detector)));
            let write =
                move || json!({ "detector_id": detector, "site_id": site, "status": status }).to_string();
            here("status", audience(event), Box::new(write))
        }
        LiveKind::Terminal { terminal, event: what } => {
            let (terminal, what) = (terminal.0, *what);
            let write = move || json!({ "terminal_id": terminal, "event": what }).to_string();
            here("terminal", audience(event), Box::new(write))
        }
        LiveKind::Pending => {
            here("pending", Audience::Administrators, Box::new(|| "{\"id\":null}".to_owned()))
        }
        LiveKind::Changed { what } => {
            let what = *what;
            here("changed", Audience::Everybody, Box::new(move || json!({ "what": what }).to_string()))
        }
        // Whose file it is can only be known by who has its bytes.
        LiveKind::Import { file, done, total, failed } => {
            let said = json!({ "file": file, "done": done, "total": total, "failed": failed });
            let write = move || said.to_string();
            here("import", Audience::Everybody, Box::new(write))
        }
        LiveKind::Storage { warning, state } => {
            let (warning, state) = (*warning, *state);
            let write = move || storage(warning, state);
            here("storage", Audience::Everybody, Box::new(write))
        }
    })
}

/// The state of the disk as the stream tells it.
pub(super) fn storage(warning: bool, state: StorageState) -> String {
    json!({ "warning": warning, "full": state == StorageState::Full, "state": state.code() }).to_string()
}

fn values_json(event: &LiveEvent, status: Status) -> String {
    let LiveKind::Values { detector, site, channels } = &event.kind else { return "{}".to_owned() };
    let channels: Vec<_> = channels
        .iter()
        .map(|value| {
            json!({
                "id": value.channel.0,
                "value": value.value,
                "quality": Quality::from(value.quality),
                "measured_at": Time(value.measured_at),
                "received_at": Time(value.received_at),
            })
        })
        .collect();
    json!({ "detector_id": detector.0, "site_id": site.0, "status": word(status), "channels": channels })
        .to_string()
}
