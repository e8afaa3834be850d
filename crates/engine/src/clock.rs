//! The only place where the engine learns what time it is.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use domain::time::UnixMs;
use tokio::sync::Notify;

/// A wait for a moment.
pub type Reached<'a> = Pin<Box<dyn Future<Output = ()> + Send + 'a>>;

/// The server's clock.
pub trait Clock: std::fmt::Debug + Send + Sync + 'static {
    /// Now.
    fn now(&self) -> UnixMs;

    /// Waits until `at`. May come back early; who waits looks at [`now`](Self::now) again.
    fn reached(&self, at: UnixMs) -> Reached<'_>;
}

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

/// The machine's clock may be set while somebody waits; so nobody waits for longer than this at once.
const LONGEST_WAIT_MS: i64 = 1_000;

impl Clock for SystemClock {
    fn now(&self) -> UnixMs {
        UnixMs(jiff::Timestamp::now().as_millisecond())
    }

    fn reached(&self, at: UnixMs) -> Reached<'_> {
        let wait_ms = at.since_ms(self.now()).clamp(0, LONGEST_WAIT_MS);
        Box::pin(tokio::time::sleep(Duration::from_millis(wait_ms.unsigned_abs())))
    }
}

/// A clock that stands until it is set; for tests and replays.
#[derive(Debug)]
pub struct ManualClock {
    now: AtomicI64,
    moved: Notify,
}

impl ManualClock {
    /// A clock that stands at `now`.
    #[must_use]
    pub fn new(now: UnixMs) -> Self {
        Self { now: AtomicI64::new(now.0), moved: Notify::new() }
    }

    /// Sets it to `now` and wakes who waits.
    pub fn set(&self, now: UnixMs) {
        self.now.store(now.0, Ordering::SeqCst);
        self.moved.notify_waiters();
    }

    /// Moves it `ms` on and wakes who waits.
    pub fn advance(&self, ms: i64) {
        self.now.fetch_add(ms, Ordering::SeqCst);
        self.moved.notify_waiters();
    }
}

impl Clock for ManualClock {
    fn now(&self) -> UnixMs {
        UnixMs(self.now.load(Ordering::SeqCst))
    }

    fn reached(&self, at: UnixMs) -> Reached<'_> {
        Box::pin(async move {
            let moved = self.moved.notified();
            tokio::pin!(moved);
            // Listens before it looks, so that a move in between is not missed.
            moved.as_mut().enable();
            if self.now() < at {
                moved.await;
            }
        })
    }
}
