//! Roll-ups, sealing and retention, in steps that hold the writer for moments only.

use std::sync::Arc;

use store::{History, Store, StoreError};
use tokio_util::sync::CancellationToken;

use super::until;
use crate::clock::Clock;
use crate::config::EngineConfig;

/// Rest between two steps while there are arrears, ms: the pipeline's commits go in between.
const REST_MS: i64 = 20;

/// Merges readings into roll-ups, and goes on at once while there are arrears.
pub(crate) async fn roll_up(
    store: Store,
    clock: Arc<dyn Clock>,
    config: EngineConfig,
    stop: CancellationToken,
) {
    let mut next = clock.now().plus_ms(config.roll_up_every_ms);
    while until(&*clock, next, &stop).await {
        let rest_ms = match store.roll_up(config.roll_up_rows).await {
            Ok(progress) if progress.behind => REST_MS,
            Ok(_progress) => config.roll_up_every_ms,
            Err(error) => {
                log(&error, "a roll-up step failed; it is done again later");
                config.roll_up_every_ms
            }
        };
        next = clock.now().plus_ms(rest_ms);
    }
}

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
