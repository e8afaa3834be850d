//! Keeps the score of every site for the ranking: soon after its alarms changed, and every hour for what time alone
//! changes. How far the steps of alarms were looked at is kept, so that a restart misses none.

use std::sync::Arc;
use std::time::Instant;

use domain::id::SiteId;
use domain::time::UnixMs;
use tokio_util::sync::CancellationToken;

use super::until;
use crate::clock::Clock;
use crate::error::EngineError;
use crate::pipeline::{Engine, WeakEngine};

/// How often it is looked for sites whose alarms changed, ms.
const EVERY_MS: i64 = 30_000;
/// A score older than this is computed again, ms.
const FRESH_MS: i64 = 3_600_000;
/// Sites of one transaction; between two the pipeline's commits come first.
const AT_ONCE: usize = 20;
/// Sites that are due by their age, per round.
const AGED_AT_ONCE: u32 = 200;
/// Steps of alarms that are looked at together.
const STEPS_AT_ONCE: u32 = 5_000;

pub(crate) async fn rank(engine: WeakEngine, clock: Arc<dyn Clock>, stop: CancellationToken) {
    let mut next = clock.now();
    while until(&*clock, next, &stop).await {
        next = clock.now().plus_ms(EVERY_MS);
        let Some(engine) = engine.upgrade() else { return };
        match round(&engine, clock.now(), &stop).await {
            Ok(true) => next = clock.now(),
            Ok(false) => {}
            Err(error) => {
                tracing::warn!(%error, "the risk of some sites was not computed; it is done again later")
            }
        }
    }
}

/// One round; answers whether there is more to do at once.
async fn round(engine: &Engine, now: UnixMs, stop: &CancellationToken) -> Result<bool, EngineError> {
    let risks = engine.store().risks();
    let touched = risks.touched(STEPS_AT_ONCE).await?;
    let aged = risks.due(now.plus_ms(-FRESH_MS), AGED_AT_ONCE).await?;
    let more = touched.more || aged.len() >= usize::try_from(AGED_AT_ONCE).unwrap_or(usize::MAX);
    let mut sites = touched.sites;
    sites.extend(aged);
    sites.sort_unstable_by_key(|site: &SiteId| site.0);
    sites.dedup();
    for some in sites.chunks(AT_ONCE) {
        let started = Instant::now();
        engine.risk().keep(some).await?;
        // As long a rest as it took: at most half a core.
        tokio::select! {
            biased;
            () = stop.cancelled() => return Ok(false),
            () = tokio::time::sleep(started.elapsed()) => {}
        }
    }
    risks.seen(touched.newest).await?;
    Ok(more)
}
