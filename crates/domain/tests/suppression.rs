//! Maintenance windows and suppression by design: what is covered, from when to when.

use domain::alarm::suppression::suppression;
use domain::alarm::{Alarm, AlarmEvent, Aside, Beginning, By, Circumstance, Evidence, apply, raise};
use domain::hazard::{Hazard, Severity};
use domain::id::{
    AlarmId, ChannelId, CircuitId, DetectorId, OrganisationId, PanelId, SiteId, TerminalId, WindowId,
};
use domain::maintenance::{BookedWindow, MaintenanceBook, WEEK_MS, Window, WindowTarget};
use domain::place::{AreaCode, OrganisationPath, Placement};
use domain::time::UnixMs;

const HOUR: i64 = 3_600_000;

fn place() -> Placement {
    Placement {
        detector: DetectorId(2),
        terminal: TerminalId(1),
        site: SiteId(7),
        circuit: Some(CircuitId(5)),
        organisation: OrganisationId(1),
        organisation_path: OrganisationPath("/1/".to_owned()),
        area: AreaCode("430202".to_owned()),
        rated_current_a: None,
    }
}

fn alarm(id: i64, hazard: Hazard, severity: Severity) -> Alarm {
    let evidence = Evidence::default();
    let beginning = Beginning {
        id: AlarmId(id),
        detector: DetectorId(2),
        channel: ChannelId(3),
        hazard,
        severity,
        evidence,
        late: false,
    };
    let circumstance = Circumstance { at: UnixMs(0), by: By::System, reason: None, comment: None };
    raise(beginning, circumstance, UnixMs(0)).0
}

fn window(target: WindowTarget) -> Window {
    Window {
        id: WindowId(1),
        target,
        starts_at: UnixMs(HOUR),
        ends_at: UnixMs(3 * HOUR),
        weekly_until: None,
        covers_alarms: false,
        reason: "换柜".to_owned(),
        by: "张工".to_owned(),
    }
}

fn book(window: Window) -> MaintenanceBook {
    MaintenanceBook::new(vec![BookedWindow { window, circuits: vec![CircuitId(5)] }])
}

#[test]
fn a_window_covers_its_place_for_its_time() {
    let warning = alarm(1, Hazard::Overload, Severity::Warning);
    let covers = |target: &WindowTarget, at| {
        book(window(target.clone())).covering(&place(), &warning, UnixMs(at)).map(|(_, end)| end.0)
    };
    for target in [
        WindowTarget::Site(SiteId(7)),
        WindowTarget::Panel(PanelId(9)),
        WindowTarget::Detector(DetectorId(2)),
        WindowTarget::Channel(ChannelId(3)),
    ] {
        let target = &target;
        assert_eq!(covers(target, HOUR - 1), None);
        assert_eq!(covers(target, HOUR), Some(3 * HOUR));
        assert_eq!(covers(target, 3 * HOUR - 1), Some(3 * HOUR));
        assert_eq!(covers(target, 3 * HOUR), None, "the end is not part of it");
        let parts = target.id().and_then(|id| WindowTarget::from_parts(target.code(), id));
        assert_eq!(parts.as_ref(), Some(target));
    }
    for target in [WindowTarget::Site(SiteId(8)), WindowTarget::Detector(DetectorId(9))] {
        assert_eq!(covers(&target, 2 * HOUR), None);
    }
    let path = |text: &str| Some(OrganisationPath(text.to_owned()));
    for (code, organisation, is_covered) in [
        ("430202", None, true),
        ("430200", None, true),
        ("430000", path("/1/"), true),
        ("430204", None, false),
        ("430202", path("/1/4/"), false),
        ("430202", path("/2/"), false),
    ] {
        let target = WindowTarget::Area { area: AreaCode(code.to_owned()), organisation };
        assert_eq!(covers(&target, 2 * HOUR).is_some(), is_covered, "{target:?}");
    }
}

#[test]
fn an_alarm_about_the_circuit_is_covered_only_when_the_window_says_so() {
    let heat = alarm(1, Hazard::OverTemperature, Severity::Alarm);
    let fault = alarm(2, Hazard::SensorOpen, Severity::Fault);
    let mut one = window(WindowTarget::Site(SiteId(7)));
    let now = UnixMs(2 * HOUR);
    assert!(book(one.clone()).covering(&place(), &heat, now).is_none());
    assert!(book(one.clone()).covering(&place(), &fault, now).is_some());
    one.covers_alarms = true;
    assert!(book(one).covering(&place(), &heat, now).is_some());
}

#[test]
fn a_weekly_window_comes_back_until_its_last_day() {
    let mut weekly = window(WindowTarget::Site(SiteId(7)));
    weekly.weekly_until = Some(UnixMs(2 * WEEK_MS + 2 * HOUR));
    assert_eq!(
        weekly.under_way(UnixMs(WEEK_MS + 2 * HOUR)),
        Some((UnixMs(WEEK_MS + HOUR), UnixMs(WEEK_MS + 3 * HOUR)))
    );
    assert_eq!(weekly.under_way(UnixMs(WEEK_MS + 3 * HOUR)), None);
    assert_eq!(weekly.next_begin(UnixMs(HOUR)), Some(UnixMs(WEEK_MS + HOUR)));
    let last = UnixMs(2 * WEEK_MS + HOUR);
    assert_eq!(
        weekly.under_way(last),
        Some((last, UnixMs(2 * WEEK_MS + 2 * HOUR))),
        "cut off at the last moment"
    );
    assert_eq!(weekly.next_begin(last), None);
    assert!(!weekly.is_over(last) && weekly.is_over(UnixMs(2 * WEEK_MS + 2 * HOUR)));
}

#[test]
fn a_present_cause_explains_what_follows_unless_it_is_shelved() {
    let lost = alarm(1, Hazard::SupplyLost, Severity::Fault);
    let low = alarm(2, Hazard::UnderVoltage, Severity::Alarm);
    let heat = alarm(3, Hazard::OverTemperature, Severity::Alarm);
    let none = MaintenanceBook::default();
    let now = UnixMs(5);
    let of = |alarm: &Alarm, beside: &[Alarm]| suppression(alarm, &place(), beside.iter(), &none, now);
    let all = [lost.clone(), low.clone(), heat.clone()];
    assert_eq!(of(&low, &all), Some(Aside::Design { since: now, cause: Hazard::SupplyLost }));
    assert_eq!(of(&heat, &all), None, "nothing explains heat away");
    assert_eq!(of(&lost, &all), None);
    assert_eq!(of(&low, std::slice::from_ref(&low)), None);
    let shelf = Aside::Shelved { since: now, until: UnixMs(9), reason: String::new(), by: String::new() };
    let circumstance = Circumstance { at: now, by: By::System, reason: None, comment: None };
    let (shelved, _) = apply(lost, AlarmEvent::Shelve(shelf), circumstance).unwrap();
    assert_eq!(of(&low, &[shelved, low.clone()]), None);
}
