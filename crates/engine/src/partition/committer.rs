//! The task that writes batches to disk, so that the partition judges the next one meanwhile.

use std::sync::Arc;

use store::{Store, StoreError};
use tokio::sync::{mpsc, oneshot};

use super::draft::Finished;

/// A batch to be committed.
pub(crate) struct Order {
    pub(super) finished: Arc<Finished>,
    /// Told when it is on disk, or why nothing of it is.
    pub(super) tell: oneshot::Sender<Result<(), StoreError>>,
}

/// Commits until the partition is gone.
pub(crate) async fn commit(store: Store, mut orders: mpsc::Receiver<Order>) {
    while let Some(Order { finished, tell }) = orders.recv().await {
        let result = store.commit(&finished.batch).await.map(|_receipt| ());
        // Given up first: whoever waits for the result is then the only one who has it.
        drop(finished);
        let _gone = tell.send(result);
    }
}
