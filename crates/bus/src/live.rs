//! The live stream: what was committed, told to whoever watches. A ring keeps the newest events so that a
//! reader who lost its connection goes on where it stopped; who is too late is told that there is a gap.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, VecDeque};
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
    followed: Followed,
}

/// Whose values somebody reads, or read until a short while ago.
#[derive(Debug, Default)]
struct Followed {
    /// Readers who get everything as it is, and pass it on to others who say what they want.
    relays: usize,
    /// Readers of the values of all detectors.
    all: usize,
    /// Readers of the values of one.
    of: HashMap<DetectorId, usize>,
    /// Readers that are gone, and the event up to which they may come back and go on where they stopped.
    gone: VecDeque<(u64, Wanted)>,
}

/// Whose values a reader wants; they are most of what is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    /// Those of all detectors.
    All,
    /// Those of these; perhaps none.
    Of(Vec<DetectorId>),
}

impl Followed {
    fn begin(&mut self, wanted: &Wanted) {
        match wanted {
            Wanted::All => self.all += 1,
            Wanted::Of(detectors) => {
                for detector in detectors {
                    *self.of.entry(*detector).or_default() += 1;
                }
            }
        }
    }

    fn end(&mut self, wanted: &Wanted) {
        match wanted {
            Wanted::All => self.all = self.all.saturating_sub(1),
            Wanted::Of(detectors) => {
                for detector in detectors {
                    if let Entry::Occupied(mut readers) = self.of.entry(*detector) {
                        *readers.get_mut() -= 1;
                        if *readers.get() == 0 {
                            readers.remove();
                        }
                    }
                }
            }
        }
    }

    /// Forgets those who have been gone for too long.
    fn forget(&mut self, next_seq: u64) {
        while let Some((_, wanted)) = self.gone.pop_front_if(|(until, _)| *until < next_seq) {
            self.end(&wanted);
        }
    }
}

/// A reader's wish for values; given up when dropped.
#[derive(Debug)]
pub struct Following {
    hub: Arc<LiveHub>,
    wanted: Wanted,
    /// For so many events it may come back.
    comes_back_within: u64,
}

impl Drop for Following {
    fn drop(&mut self) {
        let mut ring = self.hub.ring.lock().unwrap_or_else(PoisonError::into_inner);
        let until = ring.next_seq.saturating_add(self.comes_back_within);
        ring.followed.gone.push_back((until, std::mem::replace(&mut self.wanted, Wanted::All)));
        if ring.followed.gone.len() > GONE_REMEMBERED
            && let Some((_, wanted)) = ring.followed.gone.pop_front()
        {
            ring.followed.end(&wanted);
        }
    }
}

/// Readers that are gone and remembered at once; who is forgotten early reads again from the store.
const GONE_REMEMBERED: usize = 1_000;

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
        self.followed.forget(self.next_seq);
        // Sent under the lock so that readers see the order of `seq`. No reader is no error.
        let _nobody = readers.send(event);
    }
}

impl LiveHub {
    /// A hub that keeps the newest `bound` events; `boot` names this process's run.
    #[must_use]
    pub fn new(boot: String, bound: usize) -> Self {
        let (readers, _) = broadcast::channel(bound.max(1));
        let ring =
            Ring { next_seq: 1, kept: VecDeque::with_capacity(bound), bound, followed: Followed::default() };
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

    /// Says whose values a reader of a relay wants, until the result is dropped and `comes_back_within` events more.
    #[must_use]
    pub fn follow(self: &Arc<Self>, wanted: Wanted, comes_back_within: u64) -> Following {
        let mut ring = self.ring.lock().unwrap_or_else(PoisonError::into_inner);
        ring.followed.begin(&wanted);
        drop(ring);
        Following { hub: Arc::clone(self), wanted, comes_back_within }
    }

    /// Those of `fresh` whose values somebody would miss.
    #[must_use]
    pub fn followed<T>(&self, mut fresh: Vec<(DetectorId, T)>) -> Vec<(DetectorId, T)> {
        let ring = self.ring.lock().unwrap_or_else(PoisonError::into_inner);
        let Followed { relays, all, of, .. } = &ring.followed;
        if *all == 0 && self.readers.receiver_count() <= *relays {
            fresh.retain(|(detector, _)| of.contains_key(detector));
        }
        fresh
    }

    /// Subscribes for others, who say by [`follow`](Self::follow) whose values they want.
    #[must_use]
    pub fn relay(&self) -> (u64, broadcast::Receiver<Arc<LiveEvent>>) {
        let mut ring = self.ring.lock().unwrap_or_else(PoisonError::into_inner);
        ring.followed.relays += 1;
        (ring.next_seq - 1, self.readers.subscribe())
    }

    /// Subscribes and, given the last id that the reader saw, says what it missed. The two are one step, so
    /// nothing falls between.
    #[must_use]
    pub fn subscribe(&self, last: Option<(&str, u64)>) -> (Resume, u64, broadcast::Receiver<Arc<LiveEvent>>) {
        let ring = self.ring.lock().unwrap_or_else(PoisonError::into_inner);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_told_to_who_wants_them_and_for_a_while_to_who_may_come_back() {
        let hub = Arc::new(LiveHub::new("run".to_owned(), 8));
        let (_, relay) = hub.relay();
        let told = || {
            let fresh = [1, 2].map(|id| (DetectorId(id), ())).to_vec();
            hub.followed(fresh).into_iter().map(|(id, ())| id.0).collect::<Vec<_>>()
        };
        assert!(told().is_empty());
        let one = hub.follow(Wanted::Of(vec![DetectorId(2)]), 3);
        let other = hub.follow(Wanted::Of(vec![DetectorId(2)]), 0);
        assert_eq!(told(), [2]);
        drop((one, other));
        for _ in 0..4 {
            assert_eq!(told(), [2], "it may come back");
            hub.publish(None, None, LiveKind::Pending);
        }
        assert!(told().is_empty());
        let all = hub.follow(Wanted::All, 0);
        assert_eq!(told(), [1, 2]);
        drop(all);
        hub.publish(None, None, LiveKind::Pending);
        assert!(told().is_empty());
        let (_, _, direct) = hub.subscribe(None);
        assert_eq!(told(), [1, 2], "who reads the hub itself gets everything");
        drop((direct, relay));
    }
}
