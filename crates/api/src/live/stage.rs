//! Where rendered events stand for everybody: a ring for readers who come back, and a broadcast for those who
//! are there. Both are bounded; who is too slow or too late is told of a gap.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use domain::access::Scope;
use domain::id::DetectorId;
use domain::place::{AreaCode, OrganisationPath};
use tokio::sync::broadcast;

/// Makes the JSON of an event when the first reader asks for it.
pub type Write = Box<dyn Fn() -> String + Send + Sync>;

/// An event as readers get it.
pub struct Rendered {
    /// Its place in the order of this run.
    pub seq: u64,
    /// Its name on the wire.
    pub name: &'static str,
    /// Who may see it.
    pub audience: Audience,
    /// The detector whose values it carries; such events are only sent to who asks for them.
    pub values_of: Option<DetectorId>,
    write: Write,
    json: OnceLock<String>,
}

/// Who may see an event.
#[derive(Debug, Clone)]
pub enum Audience {
    /// Everybody who is signed in.
    Everybody,
    /// Only who sees everything.
    Administrators,
    /// Who sees this organisation and area.
    Place(OrganisationPath, AreaCode),
}

impl std::fmt::Debug for Rendered {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rendered")
            .field("seq", &self.seq)
            .field("name", &self.name)
            .field("audience", &self.audience)
            .finish_non_exhaustive()
    }
}

impl Rendered {
    /// An event whose JSON is made when it is first needed.
    #[must_use]
    pub fn new(seq: u64, name: &'static str, audience: Audience, write: Write) -> Self {
        Self { seq, name, audience, values_of: None, write, json: OnceLock::new() }
    }

    /// The same, carrying values of a detector.
    #[must_use]
    pub fn with_values_of(mut self, detector: DetectorId) -> Self {
        self.values_of = Some(detector);
        self
    }

    /// The JSON; made once, however many readers there are.
    pub fn json(&self) -> &str {
        self.json.get_or_init(|| (self.write)())
    }

    /// Whether a reader with this scope may see it.
    #[must_use]
    pub fn is_for(&self, scope: &Scope) -> bool {
        match &self.audience {
            Audience::Everybody => true,
            Audience::Administrators => scope.is_everything(),
            Audience::Place(organisation, area) => scope.holds(organisation, area),
        }
    }
}

/// What a reader who comes back has missed.
#[derive(Debug)]
pub enum Missed {
    /// These, in order; perhaps none.
    Events(Vec<Arc<Rendered>>),
    /// More than is kept, or it was another run of the server.
    TooMuch,
}

/// The rendered events of this run.
#[derive(Debug)]
pub struct Stage {
    boot: String,
    kept: Mutex<Kept>,
    readers: broadcast::Sender<Arc<Rendered>>,
}

#[derive(Debug)]
struct Kept {
    events: VecDeque<Arc<Rendered>>,
    newest: u64,
    /// Everything up to here is no longer kept.
    forgotten: u64,
    bound: usize,
}

impl Stage {
    /// A stage that keeps `kept` events for readers who come back, and lets a reader be `behind` events late.
    /// `begin` is the newest event of the hub when the stage starts: what was before is not here.
    #[must_use]
    pub fn new(boot: String, begin: u64, kept: usize, behind: usize) -> Self {
        let (readers, _) = broadcast::channel(behind.max(1));
        let kept = Kept { events: VecDeque::new(), newest: begin, forgotten: begin, bound: kept.max(1) };
        Self { boot, kept: Mutex::new(kept), readers }
    }

    /// The id on the wire of the event with this number.
    #[must_use]
    pub fn id(&self, seq: u64) -> String {
        format!("{}-{seq}", self.boot)
    }

    /// The name of this run.
    #[must_use]
    pub fn boot(&self) -> &str {
        &self.boot
    }

    /// How many readers there are.
    #[must_use]
    pub fn readers(&self) -> usize {
        self.readers.receiver_count()
    }

    /// Gives `event` to everybody.
    pub fn put(&self, event: Rendered) {
        let event = Arc::new(event);
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.newest = kept.newest.max(event.seq);
        if kept.events.len() >= kept.bound
            && let Some(oldest) = kept.events.pop_front()
        {
            kept.forgotten = kept.forgotten.max(oldest.seq);
        }
        kept.events.push_back(Arc::clone(&event));
        // Sent under the lock, so that nothing falls between a reader's ring and its broadcast.
        let _nobody = self.readers.send(event);
    }

    /// Nothing before `seq` can be given any more: what happened up to there was lost on the way here.
    pub fn forget_up_to(&self, seq: u64) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.events.clear();
        kept.newest = kept.newest.max(seq);
        kept.forgotten = kept.newest;
    }

    /// Subscribes and, given the last id that the reader saw, says what it missed. The two are one step.
    #[must_use]
    pub fn subscribe(&self, last: Option<&str>) -> (Missed, u64, broadcast::Receiver<Arc<Rendered>>) {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let reader = self.readers.subscribe();
        let missed = match last {
            None => Missed::Events(Vec::new()),
            Some(id) => match self.seq_of(id) {
                Some(seq) if (kept.forgotten..=kept.newest).contains(&seq) => {
                    Missed::Events(kept.events.iter().filter(|event| event.seq > seq).cloned().collect())
                }
                Some(_) | None => Missed::TooMuch,
            },
        };
        (missed, kept.newest, reader)
    }

    fn seq_of(&self, id: &str) -> Option<u64> {
        let (boot, seq) = id.rsplit_once('-')?;
        if boot == self.boot { seq.parse().ok() } else { None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(seq: u64) -> Rendered {
        Rendered::new(seq, "status", Audience::Everybody, Box::new(move || format!("{{\"n\":{seq}}}")))
    }

    fn missed(stage: &Stage, id: &str) -> Option<Vec<u64>> {
        match stage.subscribe(Some(id)).0 {
            Missed::Events(events) => Some(events.iter().map(|e| e.seq).collect()),
            Missed::TooMuch => None,
        }
    }

    #[tokio::test]
    async fn a_reader_goes_on_where_it_stopped_or_is_told_of_a_gap() {
        let stage = Stage::new("b-1".to_owned(), 10, 3, 8);
        assert_eq!(missed(&stage, "b-1-10"), Some(vec![]));
        for seq in 11..=13 {
            stage.put(event(seq));
        }
        assert_eq!(missed(&stage, "b-1-10"), Some(vec![11, 12, 13]));
        assert_eq!(missed(&stage, "b-1-12"), Some(vec![13]));
        stage.put(event(14));
        assert_eq!(missed(&stage, "b-1-10"), None);
        assert_eq!(missed(&stage, "b-1-11"), Some(vec![12, 13, 14]));
        for wrong in ["b-1-99", "b-2-12", "b-1-x", "nonsense", ""] {
            assert_eq!(missed(&stage, wrong), None, "{wrong}");
        }
        stage.forget_up_to(20);
        assert_eq!(missed(&stage, "b-1-14"), None);
        assert_eq!(missed(&stage, "b-1-20"), Some(vec![]));
    }

    #[tokio::test]
    async fn the_json_is_made_once() {
        use std::sync::atomic::{AtomicUsize, Ordering};
        let made = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&made);
        let stage = Stage::new("b".to_owned(), 0, 3, 8);
        let (_, _, mut one) = stage.subscribe(None);
        let (_, _, mut two) = stage.subscribe(None);
        stage.put(Rendered::new(
            1,
            "x",
            Audience::Everybody,
            Box::new(move || {
                counted.fetch_add(1, Ordering::SeqCst);
                "{}".to_owned()
            }),
        ));
        assert_eq!(one.recv().await.unwrap().json(), "{}");
        assert_eq!(two.recv().await.unwrap().json(), "{}");
        assert_eq!(made.load(Ordering::SeqCst), 1);
    }

    #[test]
    fn an_event_is_only_for_who_may_see_it() {
        use domain::access::{Grant, Permission, Role};
        let place = |path: &str| {
            let audience = Audience::Place(OrganisationPath(path.to_owned()), AreaCode("430203".to_owned()));
            Rendered::new(1, "alarm", audience, Box::new(String::new))
        };
        let mine =
            Grant { role: Role::Owner, organisation: Some(OrganisationPath("/1/2/".to_owned())), area: None };
        let scope = Scope::of(&[mine], Permission::View);
        assert!(place("/1/2/7/").is_for(&scope));
        assert!(!place("/1/3/").is_for(&scope));
        let admins = Rendered::new(1, "pending", Audience::Administrators, Box::new(String::new));
        assert!(!admins.is_for(&scope));
        assert!(admins.is_for(&Scope::platform()));
    }
}
