//! Settings take effect when they are set, and places change what they mean.

use bus::LiveKind;
use domain::access::Scope;
use domain::hazard::{Hazard, Severity};
use domain::reading::{PointIndex, Quality, Sample};
use domain::settings::{LimitPatch, ScopeKind, ScopeRef};
use engine::EngineError;
use store::StoreError;
use store::circuits::{CircuitDraft, CircuitPatch, PanelDraft};
use store::detectors::DetectorPatch;
use store::settings::SupervisionPatch;
use store::sites::SiteDraft;

use crate::world::{World, at_s, operator, wait};

fn at_site(world: &World) -> ScopeRef {
    ScopeRef { kind: ScopeKind::Site, id: world.site.to_string() }
}

#[tokio::test]
async fn new_limits_judge_what_is_known_at_once() {
    let world = World::new().await;
    world.measure(0, 150).await;
    let all = Scope::platform();
    let site = at_site(&world);
    let stricter = LimitPatch { warning: Some(50.0), alarm: Some(100.0), ..LimitPatch::default() };
    let set = world
        .engine
        .settings()
        .put_limits(&all, &operator(1), &site, Hazard::ResidualCurrent, stricter, 0)
        .await
        .unwrap();
    assert_eq!((set.own, set.version), (stricter, 1));
    assert_eq!(set.effective.alarm.as_ref().map(|a| a.origin.scope.kind), Some(ScopeKind::Site));
    assert_eq!(set.effective.on_delay_s.origin.scope.kind, ScopeKind::Platform);
    world.wait_for_alarm_at(6).await;
    let alarm = world.the_alarm().await;
    assert_eq!(
        (alarm.severity, alarm.limit_value, alarm.current_value),
        (Severity::Alarm, Some(100.0), Some(150.0))
    );
    assert_eq!(world.audit("settings.limits").await.len(), 1);

    // Switched off: the hazard is no longer judged, the alarm returns at once.
    let off = LimitPatch { enabled: Some(false), ..LimitPatch::default() };
    let mut events = world.watch();
    let hazard = Hazard::ResidualCurrent;
    world.engine.settings().put_limits(&all, &operator(1), &site, hazard, off, 1).await.unwrap();
    wait(&mut events, |kind| matches!(kind, LiveKind::Alarm { .. })).await;
    assert_eq!(world.the_alarm().await.returned_at, Some(at_s(6)));

    // What was set holds after a restart as well.
    let world = world.restart(at_s(100)).await;
    world.measure(101, 900).await;
    world.clock.set(at_s(200));
    world.measure(200, 900).await;
    assert_eq!(world.the_alarm().await.returned_at, Some(at_s(6)));
}

#[tokio::test]
async fn a_patch_that_cannot_be_names_its_field_and_changes_nothing() {
    let world = World::new().await;
    let all = Scope::platform();
    let site = at_site(&world);
    let desk = world.engine.settings();
    let hazard = Hazard::ResidualCurrent;
    let crossed = LimitPatch { warning: Some(400.0), ..LimitPatch::default() };
    let Err(EngineError::Invalid(errors)) =
        desk.put_limits(&all, &operator(1), &site, hazard, crossed, 0).await
    else {
        panic!("a warning above the inherited alarm level must be refused");
    };
    assert_eq!(
        errors.iter().map(|e| (e.field, e.code)).collect::<Vec<_>>(),
        [("warning", "warning_not_below_alarm")]
    );
    assert_eq!(world.audit("settings.limits").await.len(), 0);
    let fine = LimitPatch { alarm: Some(500.0), ..LimitPatch::default() };
    desk.put_limits(&all, &operator(1), &site, hazard, fine, 0).await.unwrap();
    let stale = desk.put_limits(&all, &operator(2), &site, hazard, fine, 0).await;
    assert!(matches!(stale, Err(EngineError::Store(StoreError::Conflict { .. }))));
}

#[tokio::test]
async fn a_level_shows_what_it_says_and_what_holds() {
    let world = World::new().await;
    let all = Scope::platform();
    let target = ScopeRef { kind: ScopeKind::Detector, id: world.detector.to_string() };
    let view = world.engine.settings().limits(&all, &target).await.unwrap();
    assert_eq!(view.hazards.len(), Hazard::MEASURED.len());
    let channel = world.engine.memory().detector(world.detector).unwrap().binding.channels[1].channel.id;
    let target = ScopeRef { kind: ScopeKind::Channel, id: channel.to_string() };
    let view = world.engine.settings().limits(&all, &target).await.unwrap();
    assert_eq!(
        view.hazards.iter().map(|h| h.defaults.hazard).collect::<Vec<_>>(),
        [Hazard::ResidualCurrent, Hazard::LeakagePerLoad, Hazard::SensorZero, Hazard::SensorStuck]
    );
}

fn silence(factor: f64, interval_s: Option<u32>) -> SupervisionPatch {
    SupervisionPatch { offline_factor: Some(factor), interval_s, ..SupervisionPatch::default() }
}

#[tokio::test]
async fn supervision_set_at_a_detector_holds_at_once() {
    let world = World::new().await;
    world.measure(0, 20).await;
    let all = Scope::platform();
    let target = ScopeRef { kind: ScopeKind::Detector, id: world.detector.to_string() };
    let desk = world.engine.settings();
    let before = desk.supervision(&all, &target).await.unwrap();
    assert_eq!(before.effective.offline_after_s, Some(5400.0));
    let after = desk.put_supervision(&all, &operator(1), &target, silence(2.0, Some(60)), 0).await.unwrap();
    assert_eq!(after.effective.offline_after_s, Some(120.0));
    world.wait_for_alarm_at(120).await;
    assert_eq!(
        world.alarms().await.first().map(|a| (a.hazard, a.raised_at)),
        Some((Hazard::Offline, at_s(120)))
    );
    let bad = desk.put_supervision(&all, &operator(1), &target, silence(0.5, None), 1).await;
    assert!(matches!(bad, Err(EngineError::Invalid(_))));
}

#[tokio::test]
async fn overload_follows_the_rated_current_of_the_circuit() {
    let world = World::new().await;
    let known = world.engine.memory().detector(world.detector).unwrap();
    let channel = known
        .binding
        .channels
        .iter()
        .find(|c| c.channel.quantity == domain::quantity::Quantity::Current)
        .unwrap();
    let point = channel.channel.point.unwrap();
    let scale = 10i64.pow(u32::from(channel.channel.decimals.0));
    let sample = Sample { point, raw: 30 * scale, quality: Quality::Good };
    world.clock.set(at_s(0));
    world.confirm(world.reading(0, vec![sample])).await;
    assert_ne!(point, PointIndex(0));

    let circuit = known.binding.placement.circuit.unwrap();
    let patch = CircuitPatch { rated_current_a: Some(Some(25.0)), version: 1, ..CircuitPatch::default() };
    world.engine.places().change_circuit(&Scope::platform(), &operator(1), circuit, &patch).await.unwrap();
    world.wait_for_alarm_at(20).await;
    let alarm = world.alarms().await.remove(0);
    assert_eq!(
        (alarm.hazard, alarm.severity, alarm.limit_value),
        (Hazard::Overload, Severity::Alarm, Some(25.0))
    );
}

#[tokio::test]
async fn an_open_alarm_goes_where_its_detector_is_moved() {
    let world = World::new().await;
    let alarm = world.held_alarm().await;
    let (all, me) = (Scope::platform(), operator(1));
    let places = world.engine.places();
    let old = world.engine.store().sites().get(&all, world.site).await.unwrap();
    let draft = SiteDraft {
        name: "新市场".to_owned(),
        address: String::new(),
        area_code: old.area_code.clone(),
        organisation_id: old.organisation_id,
        premises_kind: "market".to_owned(),
        position: None,
        zone: "Asia/Shanghai".to_owned(),
        contact_name: String::new(),
        contact_phone: String::new(),
    };
    let site = places.create_site(&all, &me, &draft).await.unwrap();
    let panel = PanelDraft { name: "2AL".to_owned(), location: String::new() };
    let panel = places.create_panel(&all, &me, site.id, &panel).await.unwrap();
    let circuit = CircuitDraft {
        name: "WL2".to_owned(),
        rated_current_a: None,
        phases: 3,
        load_kind: "lighting".to_owned(),
    };
    let circuit = places.create_circuit(&all, &me, panel.id, &circuit).await.unwrap();
    let version = world.engine.store().detectors().get(&all, world.detector).await.unwrap().version;
    let patch = DetectorPatch { name: None, circuit: Some(Some(circuit.id)), version };
    places.change_detector(&all, &me, world.detector, &patch).await.unwrap();

    let moved = world.the_alarm().await;
    assert_eq!(moved.id, alarm.id);
    assert_eq!((moved.site_id, moved.circuit_id), (site.id, Some(circuit.id)));
    assert_eq!(world.steps(&moved).await, ["raised", "returned"], "moving is no step of the alarm");
    // What happens to it later is told there too, and after a restart.
    let world = world.restart(at_s(100)).await;
    world.engine.alarms().acknowledge(&all, &me, alarm.id, None).await.unwrap();
    assert_eq!(world.the_alarm().await.site_id, site.id);
}
