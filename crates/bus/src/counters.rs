//! Counters of the running process; every loss is counted and visible (invariant 7).

use std::sync::atomic::{AtomicU64, Ordering};

macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {
        /// Monotonic counters since the process started.
        #[derive(Debug, Default)]
        pub struct Counters { $($(#[$doc])* pub $name: Counter),+ }

        impl Counters {
            /// Every counter with its name.
            pub fn all(&self) -> Vec<(&'static str, u64)> {
                vec![$((stringify!($name), self.$name.get())),+]
            }
        }
    };
}

/// One number that only rises.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// One more.
    pub fn add_one(&self) {
        self.add(1);
    }

    /// `n` more.
    pub fn add(&self, n: u64) {
        self.0.fetch_add(n, Ordering::Relaxed);
    }

    /// How many so far.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

counters! {
    /// Connections accepted.
    connections_accepted,
    /// Connections refused by a limit.
    connections_refused,
    /// Devices that said to be an admitted terminal and could not prove it.
    proofs_refused,
    /// Datagrams that were dropped: no frame, or more than their session could take.
    datagrams_dropped,
    /// Steps of alarms that a higher centre confirmed.
    forwards_confirmed,
    /// Steps of alarms that a higher centre would not take, told again and again.
    forwards_refused,
    /// Times that a higher centre did not answer or could not be reached.
    forwards_unreached,
    /// Frames that were understood.
    frames_understood,
    /// Frames that were refused (bad CRC, bad form, unknown segment).
    frames_refused,
    /// Readings handed to the pipeline.
    readings_received,
    /// Readings committed with fsync and confirmed.
    readings_confirmed,
    /// Readings that repeated a known moment.
    readings_repeated,
    /// Readings older than what was known.
    readings_late,
    /// Readings filed under receive time because the device's clock was wrong.
    readings_clock_wrong,
    /// Readings of terminals that nobody has admitted.
    readings_ignored,
    /// Readings not confirmed because the store could not take them.
    readings_unconfirmed,
    /// Telegrams that the log could not keep up with.
    telegrams_dropped,
    /// People who were told of something: notices made.
    notices_made,
    /// People who should have been told and could not be: no medium, or no address for one.
    notices_unreachable,
    /// Times that a duty calendar had nobody when somebody was to be told.
    duty_gaps,
    /// Decisions that were set aside untold when telling began: older than an hour.
    notices_set_aside,
    /// Messages that a provider took.
    messages_accepted,
    /// Attempts to send a message that failed.
    attempts_failed,
    /// Attempts that were under way when the process ended; each is made again.
    attempts_lost,
    /// Messages that no medium would take.
    messages_failed,
    /// Live events that a slow reader missed and was told about.
    live_gaps,
    /// Commits made.
    commits,
    /// Commits that failed.
    commits_failed,
}
