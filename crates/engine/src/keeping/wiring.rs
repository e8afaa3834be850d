//! The look at the wiring a day after a detector was taken into service, without anybody asking.

use std::sync::Arc;

use domain::access::Scope;
use tokio_util::sync::CancellationToken;

use super::until;
use crate::clock::Clock;
use crate::pipeline::WeakEngine;
use crate::services::DAY_MS;

/// How often it is looked for detectors whose day is over, ms.
const EVERY_MS: i64 = 600_000;
/// How many are checked at once; the others follow in the next round.
const AT_ONCE: u32 = 20;

pub(crate) async fn check_wiring(engine: WeakEngine, clock: Arc<dyn Clock>, stop: CancellationToken) {
    let mut next = clock.now().plus_ms(60_000);
    while until(&*clock, next, &stop).await {
        next = clock.now().plus_ms(EVERY_MS);
        let Some(engine) = engine.upgrade() else { return };
        let due = engine.store().commissioning().due(clock.now().plus_ms(-DAY_MS), AT_ONCE).await;
        let due = match due {
            Ok(due) => due,
            Err(error) => {
                tracing::warn!(%error, "detectors due for a wiring check could not be read");
                continue;
            }
        };
        for detector in due {
            if stop.is_cancelled() {
                return;
            }
            let checked = engine.commissioning().check_wiring(&Scope::platform(), None, detector).await;
            if let Err(error) = checked {
                tracing::warn!(%error, detector = detector.0, "a wiring check failed; it is done again later");
            }
        }
    }
}
