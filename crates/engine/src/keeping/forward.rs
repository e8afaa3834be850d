//! Steps of alarms to a higher centre, in their order, each until it is confirmed. The queue is on disk; what is under
//! way when the process ends is told again.

use std::sync::Arc;

use bus::{Forward, ForwardSender, Forwarded};
use domain::alarm::TransitionEvent;
use domain::hazard::Severity;
use store::Store;
use store::forward::ForwardRow;
use tokio_util::sync::CancellationToken;

use super::until;
use crate::clock::Clock;

/// How often new steps are looked for, ms: an alarm has to be with the centre within 10 s.
const LOOK_EVERY_MS: i64 = 500;

/// Rest after a step that was not taken, ms.
const REST_MS: i64 = 1_000;

/// Steps read at once.
const AT_ONCE: u32 = 100;

/// A step that the centre denied this often, each time as often as the standard says, is set aside, so that it does
/// not hold up the others.
const DENIALS: u32 = 5;

pub(crate) async fn forward(
    store: Store,
    clock: Arc<dyn Clock>,
    centre: String,
    sender: ForwardSender,
    stop: CancellationToken,
) {
    let mut next = clock.now();
    let mut has_begun = false;
    while until(&*clock, next, &stop).await {
        next = clock.now().plus_ms(LOOK_EVERY_MS);
        if !has_begun {
            match store.forward_begin(&centre).await {
                Ok(()) => has_begun = true,
                Err(error) => {
                    tracing::warn!(%error, "forwarding cannot begin; it is tried again");
                    continue;
                }
            }
        }
        let rows = match store.forward_next(&centre, AT_ONCE).await {
            Ok(rows) => rows,
            Err(error) => {
                tracing::warn!(%error, "what is to be forwarded cannot be read; it is tried again");
                continue;
            }
        };
        for row in rows {
            if !tell(&store, &*clock, &centre, &sender, &row, &stop).await {
                break;
            }
            next = clock.now();
        }
    }
}

/// Tells one step until it is settled; `false` when the process stops or the store does not take the outcome.
async fn tell(
    store: &Store,
    clock: &dyn Clock,
    centre: &str,
    sender: &ForwardSender,
    row: &ForwardRow,
    stop: &CancellationToken,
) -> bool {
    let mut denials = 0;
    let is_refused = loop {
        let told = tokio::select! {
            biased;
            () = stop.cancelled() => return false,
            told = sender.send(step(row)) => told,
        };
        match told {
            Forwarded::Confirmed => break false,
            Forwarded::Denied => denials += 1,
            Forwarded::Unreached => {}
        }
        if denials >= DENIALS {
            tracing::error!(
                centre,
                step = row.id.0,
                "the centre would not take a step of an alarm; it is set aside"
            );
            break true;
        }
        if !until(clock, clock.now().plus_ms(REST_MS), stop).await {
            return false;
        }
    };
    match store.forward_done(centre, row.id, clock.now(), is_refused).await {
        Ok(()) => true,
        Err(error) => {
            tracing::warn!(%error, "a confirmation could not be kept; the step is told again");
            false
        }
    }
}

/// How bad it is with the channel after the step: by the step itself, and by what else is wrong with the channel.
fn step(row: &ForwardRow) -> Forward {
    let own = match TransitionEvent::from_code(&row.event) {
        Some(TransitionEvent::Raised | TransitionEvent::Escalated | TransitionEvent::Deescalated) => {
            Some(row.severity)
        }
        Some(
            TransitionEvent::Returned
            | TransitionEvent::Reset
            | TransitionEvent::Closed
            | TransitionEvent::Acknowledged
            | TransitionEvent::Unacknowledged
            | TransitionEvent::Commented
            | TransitionEvent::Worst
            | TransitionEvent::Realarmed
            | TransitionEvent::Shelved
            | TransitionEvent::Unshelved
            | TransitionEvent::Suppressed
            | TransitionEvent::Unsuppressed
            | TransitionEvent::Judged
            | TransitionEvent::Called
            | TransitionEvent::Dispatched
            | TransitionEvent::Arrived
            | TransitionEvent::Finished
            | TransitionEvent::Withdrawn,
        )
        | None => None,
    };
    let beside = match row.beside {
        Some(1) => Some(Severity::Fault),
        Some(2) => Some(Severity::Warning),
        Some(3) => Some(Severity::Alarm),
        Some(_) | None => None,
    };
    let place = row.circuit_name.as_deref().unwrap_or(&row.detector_name);
    Forward {
        channel: u32::try_from(row.channel_id.0).unwrap_or(u32::MAX),
        quantity: row.quantity,
        severity: own.max(beside),
        at: row.at,
        place: format!("{} {place}", row.site_name),
    }
}
