//! From the alarms to a higher centre. One is under way at a time, so that they arrive in their order.

use domain::hazard::Severity;
use domain::quantity::Quantity;
use domain::time::UnixMs;
use tokio::sync::{mpsc, oneshot};

/// One step of an alarm, as a centre is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Forward {
    /// Which channel; the centre knows it by this number.
    pub channel: u32,
    /// What it measures.
    pub quantity: Quantity,
    /// How bad it is with the channel after the step; `None`: all is well again.
    pub severity: Option<Severity>,
    /// When it came to that.
    pub at: UnixMs,
    /// Where it is, in words.
    pub place: String,
}

/// What became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Forwarded {
    /// The centre confirmed it.
    Confirmed,
    /// The centre denied it, as often as it was tried.
    Denied,
    /// No answer came, or there is no connection; try again later.
    Unreached,
}

/// One step and who wants to hear what became of it.
pub type ForwardRequest = (Forward, oneshot::Sender<Forwarded>);

/// The end that has alarms to tell.
#[derive(Debug, Clone)]
pub struct ForwardSender(mpsc::Sender<ForwardRequest>);

/// The end that talks to the centre.
pub type ForwardReceiver = mpsc::Receiver<ForwardRequest>;

impl ForwardSender {
    /// A queue of one: what waits is in the store.
    #[must_use]
    pub fn pair() -> (Self, ForwardReceiver) {
        let (tx, rx) = mpsc::channel(1);
        (Self(tx), rx)
    }

    /// Hands one over and waits for what becomes of it.
    pub async fn send(&self, forward: Forward) -> Forwarded {
        let (tx, rx) = oneshot::channel();
        if self.0.send((forward, tx)).await.is_err() {
            return Forwarded::Unreached;
        }
        rx.await.unwrap_or(Forwarded::Unreached)
    }
}
