//! The telegram log's writer. What arrived while the last write ran is one transaction. The log may lose: a write
//! that fails drops its telegrams and counts them.

use std::sync::Arc;

use bus::{Counters, TelegramReceiver};
use store::Store;
use tokio_util::sync::CancellationToken;

/// Telegrams of one transaction.
const MOST: usize = 2_000;

pub(crate) async fn write_telegrams(
    store: Store,
    mut queue: TelegramReceiver,
    counters: Arc<Counters>,
    stop: CancellationToken,
) {
    let mut telegrams = Vec::new();
    loop {
        let taken = tokio::select! {
            biased;
            taken = queue.recv_many(&mut telegrams, MOST) => taken,
            () = stop.cancelled() => {
                queue.close();
                queue.recv_many(&mut telegrams, MOST).await
            }
        };
        if taken == 0 {
            return;
        }
        if let Err(error) = store.telegrams().append(&telegrams).await {
            counters.telegrams_dropped.add(u64::try_from(telegrams.len()).unwrap_or(u64::MAX));
            tracing::debug!(%error, telegrams = telegrams.len(), "the telegram log lost telegrams");
        }
        telegrams.clear();
    }
}
