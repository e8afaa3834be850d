//! Sealing and retention, in steps that hold the writer for moments only; and the record of what limits were in force.

use std::sync::Arc;

use domain::id::DetectorId;
use domain::in_force::InForce;
use store::{History, Store, StoreError};
use tokio_util::sync::CancellationToken;

use super::until;
use crate::clock::Clock;
use crate::config::EngineConfig;
use crate::memory::Memory;

/// Rest between two steps while there are arrears, ms: the pipeline's commits go in between.
const REST_MS: i64 = 20;

/// How often it is looked whether other limits are in force, ms.
const LIMITS_EVERY_MS: i64 = 5_000;

/// How often it is looked after each change.
const LIMITS_LOOKS: u32 = 12;

/// Detectors whose limits are recorded at once.
const LIMITS_AT_ONCE: usize = 512;

/// Seals the days that have ended. It writes files of its own; the pipeline's writer is held only for the small slices
/// in which the tail is cleared.
pub(crate) async fn seal(store: Store, clock: Arc<dyn Clock>, config: EngineConfig, stop: CancellationToken) {
    let mut next = clock.now().plus_ms(config.seal_every_ms);
    while until(&*clock, next, &stop).await {
        let rest_ms = match store.seal(&config.sealing, clock.now()).await {
            Ok(progress) if progress.more => REST_MS,
            Ok(_progress) => config.seal_every_ms,
            Err(error) => {
                log(&error, "a step of sealing failed; it is done again later");
                config.seal_every_ms
            }
        };
        next = clock.now().plus_ms(rest_ms);
    }
}

/// Records which limits are in force, at the start and whenever something was set or placed otherwise: what was over a
/// limit is told by the limit of then.
pub(crate) async fn record_limits(
    store: Store,
    clock: Arc<dyn Clock>,
    memory: Arc<Memory>,
    stop: CancellationToken,
) {
    // What was seen last, and how often it was recorded: a change is in the store before the pipeline judges by it.
    let mut seen = (0, 0);
    let mut looks = 0;
    let mut next = clock.now();
    while until(&*clock, next, &stop).await {
        next = clock.now().plus_ms(LIMITS_EVERY_MS);
        let now = (store.settings_version(), memory.len());
        if seen != now {
            (seen, looks) = (now, 0);
        }
        if looks >= LIMITS_LOOKS {
            continue;
        }
        looks += 1;
        let bindings = memory.bindings();
        for some in bindings.chunks(LIMITS_AT_ONCE) {
            let in_force: Vec<(DetectorId, InForce)> =
                some.iter().map(|(id, binding)| (*id, InForce::of(binding))).collect();
            if let Err(error) = store.record_limits(clock.now(), &in_force).await {
                log(&error, "limits in force were not recorded; it is done again later");
                looks = 0;
                break;
            }
        }
    }
}

/// Lets go of what is older than it must be kept.
pub(crate) async fn retain(
    store: Store,
    clock: Arc<dyn Clock>,
    config: EngineConfig,
    stop: CancellationToken,
) {
    let mut next = clock.now().plus_ms(config.retain_every_ms.min(60_000));
    while until(&*clock, next, &stop).await {
        let now = clock.now();
        let rest_ms = match store.retain(&config.retention, now).await {
            Ok(retained) if retained.more => REST_MS,
            Ok(_retained) => config.retain_every_ms,
            Err(error) => {
                log(&error, "old data were not let go; it is done again later");
                config.retain_every_ms.min(60_000)
            }
        };
        next = clock.now().plus_ms(rest_ms);
    }
}

fn log(error: &StoreError, what: &'static str) {
    if error.is_transient() {
        tracing::warn!(%error, "{what}");
    } else {
        tracing::error!(%error, "{what}");
    }
}
