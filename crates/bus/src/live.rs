//! The live stream: what was committed, told to whoever watches. A ring keeps the newest events so that a
//! reader who lost its connection goes on where it stopped; who is too late is told that there is a gap.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use domain::id::{AlarmId, ChannelId, CommandId, DetectorId, SiteId, TerminalId};
use domain::place::{AreaCode, OrganisationPath};
use domain::reading::Quality;
use domain::time::UnixMs;
use tokio::sync::broadcast;

/// One committed fact. `organisation` and `area` say who may see it; `None` means administrators only.
#[derive(Debug, Clone)]
pub struct LiveEvent {
    /// Rises by one with each event of this process.
    pub seq: u64,
    /// Whose it is.
    pub organisation: Option<OrganisationPath>,
    /// Where it is.
    pub area: Option<AreaCode>,
    /// What it is.
    pub kind: LiveKind,
}

/// The kinds of live event.
#[derive(Debug, Clone)]
pub enum LiveKind {
    /// An alarm was raised or changed; read it from the store.
    Alarm {
        /// Which.
        alarm: AlarmId,
        /// Its detector.
        detector: DetectorId,
        /// Its site.
        site: SiteId,
    },
    /// New latest values of a detector.
    Values {
        /// Which.
        detector: DetectorId,
        /// Its site.
        site: SiteId,
        /// The channels that have a new value.
        channels: Vec<LiveValue>,
    },
    /// The worst condition of a detector changed.
    Status {
        /// Which.
        detector: DetectorId,
        /// Its site.
        site: SiteId,
    },
    /// A command was made or moved on; read it from the store.
    Command {
        /// Which.
        command: CommandId,
        /// Its detector.
        detector: DetectorId,
        /// Its site.
        site: SiteId,
    },
    /// A terminal connected, disconnected or was replaced.
    Terminal {
        /// Which.
        terminal: TerminalId,
        /// `connected`, `disconnected`, `replaced`, `iccid_changed`.
        event: &'static str,
    },
    /// The list of pending terminals changed.
    Pending,
    /// Places, people or settings changed; lists should be read again.
    Changed {
        /// `sites`, `settings`, `people`, `terminals`.
        what: &'static str,
    },
    /// A spreadsheet is being taken in.
    Import {
        /// SHA-256 of its bytes, hexadecimal.
        file: String,
        /// Steps done.
        done: usize,
        /// Steps in all.
        total: usize,
        /// It ended before its end.
        failed: bool,
    },
    /// The state of the disk changed.
    Storage {
        /// The soft limit is passed.
        warning: bool,
        /// How it takes what is written.
        state: StorageState,
    },
}

/// How the disk takes what is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum StorageState {
    /// As it should.
    #[default]
    Well,
    /// A commit takes, or took within the last minute, far longer than it should.
    Slow,
    /// Nothing can be committed: the disk gives errors or lets nothing be written.
    Failing,
    /// Nothing can be committed: there is no room.
    Full,
}

impl StorageState {
    /// The stable name.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Well => "well",
            Self::Slow => "slow",
            Self::Failing => "failing",
            Self::Full => "full",
        }
    }

    /// Whether nothing can be committed.
    #[must_use]
    pub const fn is_stopped(self) -> bool {
        matches!(self, Self::Failing | Self::Full)
    }
}

/// One new latest value.
#[derive(Debug, Clone, Copy)]
pub struct LiveValue {
    /// Which channel.
    pub channel: ChannelId,
    /// In the quantity's unit; `None` where the quality says that there is none.
    pub value: Option<f64>,
    /// What is known about it.
    pub quality: Quality,
    /// When it was measured, as filed.
    pub measured_at: UnixMs,
    /// When it came.
    pub received_at: UnixMs,
}

/// What a reader who comes back must do.
#[derive(Debug)]
pub enum Resume {
    /// Nothing was missed but these.
    Events(Vec<Arc<LiveEvent>>),
    /// More was missed than is kept, or the process is another one: read everything again.
    Gap,
}

/// The hub of this process.
#[derive(Debug)]
pub struct LiveHub {
    boot: String,
    ring: Mutex<Ring>,
    readers: broadcast::Sender<Arc<LiveEvent>>,
}

#[derive(Debug)]
struct Ring {
    next_seq: u64,
    kept: VecDeque<Arc<LiveEvent>>,
    bound: usize,
    /// Events since the last reader was there.
    unheard: usize,
}

impl Ring {
    fn put(
        &mut self,
        organisation: Option<OrganisationPath>,
        area: Option<AreaCode>,
        kind: LiveKind,
        readers: &broadcast::Sender<Arc<LiveEvent>>,
    ) {
        let event = Arc::new(LiveEvent { seq: self.next_seq, organisation, area, kind });
        self.next_seq += 1;
        if self.kept.len() >= self.bound {
            self.kept.pop_front();
        }
        self.kept.push_back(Arc::clone(&event));
        // Sent under the lock so that readers see the order of `seq`. No reader is no error.
        self.unheard = if readers.send(event).is_ok() { 0 } else { self.unheard.saturating_add(1) };
    }
}

impl LiveHub {
    /// A hub that keeps the newest `bound` events; `boot` names this process's run.
    #[must_use]
    pub fn new(boot: String, bound: usize) -> Self {
        let (readers, _) = broadcast::channel(bound.max(1));
        let ring = Ring { next_seq: 1, kept: VecDeque::with_capacity(bound), bound, unheard: bound };
        Self { boot, ring: Mutex::new(ring), readers }
    }

    /// The name of this run.
    #[must_use]
    pub fn boot(&self) -> &str {
        &self.boot
    }

    /// Tells everybody who watches. Never waits: a reader that is too slow is told of a gap.
    pub fn publish(&self, organisation: Option<OrganisationPath>, area: Option<AreaCode>, kind: LiveKind) {
        let mut ring = self.ring.lock().unwrap_or_else(PoisonError::into_inner);
        ring.put(organisation, area, kind, &self.readers);
    }

    /// Tells what was committed together.
    pub fn publish_all(&self, events: impl IntoIterator<Item = (OrganisationPath, AreaCode, LiveKind)>) {
        let mut ring = self.ring.lock().unwrap_or_else(PoisonError::into_inner);
        for (organisation, area, kind) in events {
            ring.put(Some(organisation), Some(area), kind, &self.readers);
        }
    }

    /// Whether events are missed when they are not told: somebody reads, or may come back and go on from what is kept.
    #[must_use]
    pub fn is_followed(&self) -> bool {
        let ring = self.ring.lock().unwrap_or_else(PoisonError::into_inner);
        self.readers.receiver_count() > 0 || ring.unheard < ring.bound
    }

    /// Says that there was something to tell and nobody to tell it to: whoever comes back learns of a gap.
    pub fn leave_out(&self) {
        let mut ring = self.ring.lock().unwrap_or_else(PoisonError::into_inner);
        ring.next_seq += 1;
        ring.kept.clear();
    }

    /// Subscribes and, given the last id that the reader saw, says what it missed. The two are one step, so
    /// nothing falls between.
    #[must_use]
    pub fn subscribe(&self, last: Option<(&str, u64)>) -> (Resume, u64, broadcast::Receiver<Arc<LiveEvent>>) {
        let mut ring = self.ring.lock().unwrap_or_else(PoisonError::into_inner);
        ring.unheard = 0;
        let reader = self.readers.subscribe();
        let newest = ring.next_seq - 1;
        let resume = match last {
            None => Resume::Events(Vec::new()),
            Some((boot, seq)) if boot == self.boot && seq <= newest => {
                let oldest = ring.kept.front().map_or(ring.next_seq, |event| event.seq);
                if seq + 1 >= oldest {
                    Resume::Events(ring.kept.iter().filter(|event| event.seq > seq).cloned().collect())
                } else {
                    Resume::Gap
                }
            }
            Some(_) => Resume::Gap,
        };
        (resume, newest, reader)
    }
}
