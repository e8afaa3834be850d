//! A small world: one organisation, one site, one panel with a circuit of 50 A, one terminal with a detector.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bus::intake::UnknownTerminal;
use bus::{
    Confirm, Counters, Directory, Intake, IntakeSender, LiveEvent, LiveHub, LiveKind, Outcome, Sessions,
    TelegramSink,
};
use domain::access::Scope;
use domain::alarm::AlarmState;
use domain::hazard::Hazard;
use domain::id::{DetectorId, SiteId, TerminalId, UserId};
use domain::place::{AreaCode, Protocol};
use domain::reading::{PointIndex, Quality, Reading, Sample};
use domain::time::UnixMs;
use engine::services::AdmitRequest;
use engine::{Engine, EngineConfig, ManualClock, Parts};
use store::admission::{CircuitChoice, DetectorPlace, PanelChoice, SiteChoice};
use store::alarms::{AlarmFilter, AlarmRow, AlarmSort};
use store::areas::AreaRow;
use store::audit::{AuditFilter, AuditRow};
use store::circuits::{CircuitDraft, PanelDraft};
use store::organisations::OrganisationDraft;
use store::sites::SiteDraft;
use store::terminals::PendingFilter;
use store::{Actor, ActorKind, Options, Page, Store};
use tempfile::TempDir;
use tokio::sync::{broadcast, oneshot};

/// 2026-11-24T00:00:00Z.
pub(crate) const T0: i64 = 1_795_478_400_000;

/// One supervision period of the detector: three intervals of half an hour.
pub(crate) const OFFLINE_MS: i64 = 3 * 1_800_000;

pub(crate) fn at_s(seconds: i64) -> UnixMs {
    UnixMs(T0 + seconds * 1000)
}

pub(crate) struct World {
    pub(crate) dir: Arc<TempDir>,
    pub(crate) engine: Engine,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) intake: IntakeSender,
    pub(crate) telegrams: TelegramSink,
    pub(crate) detector: DetectorId,
    pub(crate) terminal: TerminalId,
    pub(crate) site: SiteId,
}

pub(crate) fn operator(id: i64) -> Actor {
    Actor {
        kind: ActorKind::User(UserId(id)),
        name: format!("operator {id}"),
        remote: "192.0.2.7".to_owned(),
    }
}

struct Running {
    engine: Engine,
    clock: Arc<ManualClock>,
    intake: IntakeSender,
    telegrams: TelegramSink,
}

async fn run(dir: &Path, now: UnixMs) -> Running {
    let store = Store::open(dir, Options::default()).await.expect("the folder is fresh or ours");
    let counters = Arc::new(Counters::default());
    let (intake, intake_end) = IntakeSender::bounded(1024);
    let (telegrams, telegrams_end) = TelegramSink::bounded(64, Arc::clone(&counters));
    let clock = Arc::new(ManualClock::new(now));
    let parts = Parts {
        intake: intake_end,
        intake_gauge: Some(intake.clone()),
        telegrams: telegrams_end,
        telegram_gauge: Some(telegrams.clone()),
        directory: Arc::new(Directory::default()),
        sessions: Arc::new(Sessions::default()),
        live: Arc::new(LiveHub::new("test".to_owned(), 4096)),
        counters,
        profiles: domain::profile::shipped().expect("shipped profiles are well-formed"),
    };
    let engine = Engine::start(store, parts, EngineConfig::default(), Arc::clone(&clock) as _)
        .await
        .expect("what is stored can be read");
    Running { engine, clock, intake, telegrams }
}

impl World {
    /// A new folder with everything admitted.
    pub(crate) async fn new() -> Self {
        let dir = Arc::new(TempDir::new().expect("a folder for the test"));
        let Running { engine, clock, intake, telegrams } = run(dir.path(), at_s(-600)).await;
        let store = engine.store();
        let all = Scope::platform();
        let actor = operator(1);
        let now = engine.now();
        store
            .put_areas(&[AreaRow {
                code: AreaCode("430202".to_owned()),
                name: "荷塘区".to_owned(),
                parent_code: None,
            }])
            .await
            .expect("areas");
        let draft =
            OrganisationDraft { name: "株洲".to_owned(), parent_id: None, kind: "government".to_owned() };
        let organisation =
            store.organisations().create(&all, &actor, now, &draft).await.expect("organisation");
        let (terminal, mut events) = (dial(&engine, &intake, "W0001"), engine.live().subscribe(None).2);
        terminal.await;
        wait(&mut events, |kind| matches!(kind, LiveKind::Pending)).await;
        let waiting = store
            .terminals()
            .pending(&all, &PendingFilter::default(), &Page { limit: 10, cursor: None })
            .await
            .expect("pending");
        let terminal = waiting.items.first().expect("it waits").id;
        let site = SiteDraft {
            name: "荷塘农贸市场".to_owned(),
            address: "新华东路 1 号".to_owned(),
            area_code: AreaCode("430202".to_owned()),
            organisation_id: organisation.id,
            premises_kind: "market".to_owned(),
            position: Some((113.15, 27.83)),
            zone: "Asia/Shanghai".to_owned(),
            contact_name: "李".to_owned(),
            contact_phone: "0731".to_owned(),
        };
        let panel = PanelDraft { name: "1AL".to_owned(), location: "一楼".to_owned() };
        let circuit = CircuitDraft {
            name: "WL1".to_owned(),
            rated_current_a: Some(50.0),
            phases: 3,
            load_kind: "lighting".to_owned(),
        };
        let place = DetectorPlace::Circuit(CircuitChoice::New(
            PanelChoice::New(SiteChoice::New(site), panel),
            circuit,
        ));
        let request = AdmitRequest {
            profile_id: "arcm300-cloud".to_owned(),
            unit_address: None,
            address: None,
            name: "总进线".to_owned(),
            place,
        };
        let admitted =
            engine.admission().admit(&all, &actor, terminal, None, vec![request]).await.expect("admitted");
        let detector = *admitted.detectors.first().expect("one detector");
        let site = engine.memory().detector(detector).expect("the pipeline knows it").binding.placement.site;
        clock.set(at_s(0));
        Self { dir, engine, clock, intake, telegrams, detector, terminal, site }
    }

    /// Stops softly and starts again at `now`.
    pub(crate) async fn restart(self, now: UnixMs) -> Self {
        self.engine.stop().await;
        self.engine.store().close().await;
        let Running { engine, clock, intake, telegrams } = run(self.dir.path(), now).await;
        Self { engine, clock, intake, telegrams, ..self }
    }

    pub(crate) fn watch(&self) -> broadcast::Receiver<Arc<LiveEvent>> {
        self.engine.live().subscribe(None).2
    }

    /// A reading of the residual current, measured and received at `seconds`.
    pub(crate) fn residual(&self, seconds: i64, ma: i64) -> Reading {
        self.reading(seconds, vec![Sample { point: PointIndex(0), raw: ma, quality: Quality::Good }])
    }

    pub(crate) fn reading(&self, seconds: i64, samples: Vec<Sample>) -> Reading {
        Reading {
            detector: self.detector,
            group: 0,
            device_at: Some(at_s(seconds)),
            received_at: at_s(seconds),
            samples,
            reported: Vec::new(),
        }
    }

    /// Hands a reading in without waiting for the commit.
    pub(crate) async fn send(&self, reading: Reading) -> oneshot::Receiver<Outcome> {
        let (confirm, told) = Confirm::pair();
        let item = Intake::Readings { readings: vec![reading], confirm };
        self.intake.send(item).await.expect("the pipeline runs");
        told
    }

    /// Hands a reading in and waits for what became of it.
    pub(crate) async fn confirm(&self, reading: Reading) -> Outcome {
        let told = self.send(reading).await;
        tokio::time::timeout(Duration::from_secs(20), told)
            .await
            .expect("an answer")
            .unwrap_or(Outcome::Unavailable)
    }

    /// Moves the clock to `seconds`, hands a reading in that was measured then, and expects it confirmed.
    pub(crate) async fn measure(&self, seconds: i64, ma: i64) {
        self.clock.set(at_s(seconds));
        assert_eq!(self.confirm(self.residual(seconds, ma)).await, Outcome::Committed);
    }

    /// Moves the clock to `seconds` and waits until an alarm has changed.
    pub(crate) async fn wait_for_alarm_at(&self, seconds: i64) {
        let mut events = self.watch();
        self.clock.set(at_s(seconds));
        wait(&mut events, |kind| matches!(kind, LiveKind::Alarm { .. })).await;
    }

    pub(crate) async fn alarms(&self) -> Vec<AlarmRow> {
        let page = Page { limit: 500, cursor: None };
        let alarms = self.engine.store().alarms();
        let all = alarms.list(&Scope::platform(), &AlarmFilter::default(), AlarmSort::RaisedAsc, &page).await;
        all.expect("the list").items
    }

    /// The one residual-current alarm there is.
    pub(crate) async fn the_alarm(&self) -> AlarmRow {
        let mut alarms = self.alarms().await;
        alarms.retain(|alarm| alarm.hazard == Hazard::ResidualCurrent);
        assert_eq!(alarms.len(), 1, "{alarms:?}");
        alarms.remove(0)
    }

    pub(crate) async fn steps(&self, alarm: &AlarmRow) -> Vec<String> {
        let steps = self.engine.store().alarms().transitions(&Scope::platform(), alarm.id).await;
        steps.expect("steps").into_iter().map(|step| step.event).collect()
    }

    pub(crate) async fn audit(&self, action: &str) -> Vec<AuditRow> {
        let filter = AuditFilter { action: Some(action.to_owned()), ..AuditFilter::default() };
        let page = Page { limit: 100, cursor: None };
        self.engine.store().audit().list(&Scope::platform(), &filter, &page).await.expect("audit").items
    }

    /// A residual-current alarm that is held for reset, nobody has taken it.
    pub(crate) async fn held_alarm(&self) -> AlarmRow {
        self.measure(0, 500).await;
        self.wait_for_alarm_at(5).await;
        self.measure(10, 20).await;
        self.wait_for_alarm_at(20).await;
        let alarm = self.the_alarm().await;
        assert_eq!(alarm.state, AlarmState::LatchedUnacknowledged);
        alarm
    }
}

/// Somebody unknown dials in.
async fn dial(engine: &Engine, intake: &IntakeSender, serial: &str) {
    dial_with(engine, intake, serial, Protocol::Cloud7b7b).await;
}

pub(crate) async fn dial_with(engine: &Engine, intake: &IntakeSender, serial: &str, protocol: Protocol) {
    let unknown = UnknownTerminal {
        serial: serial.to_owned(),
        protocol,
        iccid: Some("89860000000000000001".to_owned()),
        signal: Some(20),
        firmware: None,
        remote: "192.0.2.1:5000".to_owned(),
        at: engine.now(),
        readings_ignored: 3,
    };
    intake.send(Intake::Unknown(unknown)).await.expect("the pipeline runs");
}

/// Waits for an event that fits.
pub(crate) async fn wait(events: &mut broadcast::Receiver<Arc<LiveEvent>>, fits: impl Fn(&LiveKind) -> bool) {
    let waited = async {
        loop {
            let event = events.recv().await.expect("the hub is there");
            if fits(&event.kind) {
                return;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(20), waited).await.expect("the event comes");
}
