//! A breaker of the simulated city behind a DTU is tripped over a real socket and read back; and a circuit that feeds a
//! lift is never switched.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on fails")]

use std::sync::Arc;
use std::time::Duration;

use bus::{Counters, Directory, IntakeSender, LiveEvent, LiveHub, LiveKind, Sessions, TelegramSink};
use domain::access::Scope;
use domain::command::{CommandKind, Interlock, State};
use domain::id::{CommandId, DetectorId, TerminalId};
use domain::place::AreaCode;
use domain::profile::shipped;
use engine::services::{AdmitRequest, CommandRequest, Trial};
use engine::{Clock as _, CommandRefusal, Engine, EngineConfig, EngineError, Parts, SystemClock};
use gateway::{FieldConfig, Gateway};
use sim::city::Inventory;
use sim::doors::Doors;
use sim::run::{RunOptions, start};
use sim::scenario::Scenario;
use store::admission::{CircuitChoice, DetectorPlace, PanelChoice, SiteChoice};
use store::circuits::{CircuitDraft, CircuitPatch, PanelDraft};
use store::commands::CommandRow;
use store::organisations::OrganisationDraft;
use store::sites::SiteDraft;
use store::terminals::PendingFilter;
use store::{Actor, Options, Page, Store};
use tokio::sync::broadcast;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

const PATIENCE: Duration = Duration::from_secs(60);

async fn heard(events: &mut broadcast::Receiver<Arc<LiveEvent>>, fits: impl Fn(&LiveKind) -> bool) {
    let heard = async { while !fits(&events.recv().await.unwrap().kind) {} };
    timeout(PATIENCE, heard).await.expect("the event comes");
}

/// Admits the unit of the waiting DTU that is a breaker, on a circuit of its own.
async fn admit_breaker(engine: &Engine, terminal: TerminalId, unit: u8) -> DetectorId {
    let (all, system) = (Scope::platform(), Actor::system());
    let draft =
        OrganisationDraft { name: "株洲".to_owned(), parent_id: None, kind: "government".to_owned() };
    let organisation =
        engine.store().organisations().create(&all, &system, engine.now(), &draft).await.unwrap();
    let site = SiteDraft {
        name: "荷塘农贸市场".to_owned(),
        address: String::new(),
        area_code: AreaCode("430202".to_owned()),
        organisation_id: organisation.id,
        premises_kind: "market".to_owned(),
        position: None,
        zone: "Asia/Shanghai".to_owned(),
        contact_name: String::new(),
        contact_phone: String::new(),
    };
    let panel = PanelDraft { name: "1AL".to_owned(), location: String::new() };
    let circuit = CircuitDraft {
        name: "WL1".to_owned(),
        rated_current_a: Some(63.0),
        phases: 3,
        load_kind: "lighting".to_owned(),
    };
    let place =
        DetectorPlace::Circuit(CircuitChoice::New(PanelChoice::New(SiteChoice::New(site), panel), circuit));
    let request = AdmitRequest {
        profile_id: "leakage-breaker".to_owned(),
        unit_address: Some(unit),
        address: None,
        name: "断路器".to_owned(),
        place,
    };
    let admitted = engine.admission().admit(&all, &system, terminal, None, vec![request]).await.unwrap();
    admitted.detectors[0]
}

fn wanted(detector: DetectorId, kind: CommandKind) -> CommandRequest {
    CommandRequest {
        detector,
        kind,
        code: None,
        value: None,
        read: None,
        reason: "检修".to_owned(),
        expires_in_s: None,
        trial: Trial::None,
    }
}

async fn over(
    engine: &Engine,
    events: &mut broadcast::Receiver<Arc<LiveEvent>>,
    id: CommandId,
) -> CommandRow {
    let waited = async {
        loop {
            let row = engine.store().commands().get(&Scope::platform(), id).await.unwrap();
            if !row.open {
                return row;
            }
            heard(events, |kind| matches!(kind, LiveKind::Command { .. })).await;
        }
    };
    timeout(PATIENCE, waited).await.expect("the command comes to an end")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_simulated_breaker_is_tripped_over_a_real_socket_and_read_back() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path(), Options::default()).await.unwrap();
    let counters = Arc::new(Counters::default());
    let (directory, sessions) = (Arc::new(Directory::default()), Arc::new(Sessions::default()));
    let (intake, intake_end) = IntakeSender::bounded(1024);
    let (telegrams, telegrams_end) = TelegramSink::bounded(1024, Arc::clone(&counters));
    let profiles = shipped().unwrap();
    let parts = Parts {
        intake: intake_end,
        intake_gauge: None,
        telegrams: telegrams_end,
        telegram_gauge: None,
        directory: Arc::clone(&directory),
        sessions: Arc::clone(&sessions),
        live: Arc::new(LiveHub::new("test".to_owned(), 65_536)),
        counters: Arc::clone(&counters),
        profiles: profiles.clone(),
    };
    let engine = Engine::start(store, parts, EngineConfig::default(), Arc::new(SystemClock)).await.unwrap();
    let mut events = engine.live().subscribe(None).2;
    let (door_stop, city_stop) = (CancellationToken::new(), CancellationToken::new());
    let config = FieldConfig { listen: "127.0.0.1:0".parse().unwrap(), ..FieldConfig::default() };
    let clock = Arc::new(|| SystemClock.now());
    let gateway =
        Gateway::start(config, intake, directory, sessions, telegrams, counters, clock, door_stop.clone())
            .unwrap();

    let mut scenario = Scenario::demo().unwrap().with_detectors(5);
    scenario.city.sites = 1;
    scenario.city.uncommissioned = 0;
    scenario.city.dtu_share = 1.0;
    scenario.opening.clear();
    scenario.trickle = None;
    scenario.pace.connect_within_s = 0.1;
    let inventory = Inventory::of(&scenario);
    let unit = inventory
        .terminals
        .iter()
        .flat_map(|terminal| &terminal.detectors)
        .find(|detector| detector.profile == "leakage-breaker")
        .and_then(|detector| detector.unit_address)
        .expect("a bus of five has one of each model");
    let options =
        RunOptions { doors: Doors::field(gateway.local_addr()), truth: None, stop: city_stop.clone() };
    let profiles: Vec<_> = profiles.into_iter().map(Arc::new).collect();
    let city = start(&scenario, &inventory, &profiles, &options).unwrap();

    heard(&mut events, |kind| matches!(kind, LiveKind::Pending)).await;
    let all = Scope::platform();
    let waiting =
        engine.store().terminals().pending(&all, &PendingFilter::default(), &Page::first(10)).await.unwrap();
    let detector = admit_breaker(&engine, waiting.items[0].id, unit).await;

    let desk = engine.device_commands();
    let person = Actor { kind: store::ActorKind::System, name: "电工".to_owned(), remote: String::new() };
    // The line may not have been claimed yet; the command waits for it.
    let trip = desk.create(&all, &person, &wanted(detector, CommandKind::Trip)).await.unwrap();
    let done = over(&engine, &mut events, trip.id).await;
    assert_eq!((done.state, done.result.as_deref()), (State::Verified, Some("[0]")), "{done:?}");
    let close = desk.create(&all, &person, &wanted(detector, CommandKind::Close)).await.unwrap();
    let done = over(&engine, &mut events, close.id).await;
    assert_eq!((done.state, done.result.as_deref()), (State::Verified, Some("[1]")), "{done:?}");

    let circuit = done.circuit_id.unwrap();
    let patch = CircuitPatch { load_kind: Some("客梯".to_owned()), version: 1, ..CircuitPatch::default() };
    engine.places().change_circuit(&all, &person, circuit, &patch).await.unwrap();
    let patch = CircuitPatch { load_kind: Some("lift".to_owned()), version: 2, ..CircuitPatch::default() };
    engine.places().change_circuit(&all, &person, circuit, &patch).await.unwrap();
    let refused = desk.create(&all, &person, &wanted(detector, CommandKind::Trip)).await;
    assert!(matches!(refused, Err(EngineError::Command(CommandRefusal::Interlocked(Interlock::Lift)))));

    city_stop.cancel();
    timeout(PATIENCE, city.finished()).await.unwrap();
    door_stop.cancel();
    gateway.stopped().await;
    engine.stop().await;
}
