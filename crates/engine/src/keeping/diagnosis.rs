//! The daily look at the history of every detector. One look at a time, with a rest after each, so that the pipeline and
//! people who read come first; what is due is kept by the store, so that a restart goes on where it stopped.

use std::sync::Arc;
use std::time::Instant;

use domain::time::UnixMs;
use tokio_util::sync::CancellationToken;

use super::until;
use crate::clock::Clock;
use crate::pipeline::WeakEngine;

/// How often it is looked for detectors that are due, ms.
const EVERY_MS: i64 = 60_000;
/// How many are looked at before it is asked again which are due.
const AT_ONCE: u32 = 50;
/// A look that failed is not tried again before this, ms.
const AGAIN_MS: i64 = 600_000;

pub(crate) async fn diagnose(engine: WeakEngine, clock: Arc<dyn Clock>, stop: CancellationToken) {
    let mut next = clock.now().plus_ms(EVERY_MS);
    while until(&*clock, next, &stop).await {
        let (done, failed) = round(&engine, clock.now(), &stop).await;
        // Arrears go on at once, unless nothing but failures is left of them.
        next = match (done, failed) {
            (0, 1..) => clock.now().plus_ms(AGAIN_MS),
            (done, _) if done >= AT_ONCE => clock.now(),
            _ => clock.now().plus_ms(EVERY_MS),
        };
    }
}

async fn round(engine: &WeakEngine, now: UnixMs, stop: &CancellationToken) -> (u32, u32) {
    let Some(engine) = engine.upgrade() else { return (0, 0) };
    let due = match engine.store().findings().due(now, AT_ONCE).await {
        Ok(due) => due,
        Err(error) => {
            tracing::warn!(%error, "detectors due for a look at their history could not be read");
            return (0, 1);
        }
    };
    let (mut done, mut failed) = (0, 0);
    for detector in due {
        if stop.is_cancelled() {
            break;
        }
        let started = Instant::now();
        match engine.diagnosis().look(detector).await {
            Ok(()) => done += 1,
            Err(error) => {
                failed += 1;
                tracing::warn!(%error, detector = detector.0, "a look at the history failed; it is done again later");
            }
        }
        // As long a rest as the look took: at most half a core, and the writer is free between two.
        tokio::select! {
            biased;
            () = stop.cancelled() => break,
            () = tokio::time::sleep(started.elapsed()) => {}
        }
    }
    (done, failed)
}
