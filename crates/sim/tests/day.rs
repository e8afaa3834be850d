//! A morning of a small city in virtual time: everything scripted is found in time, nothing is raised without a cause,
//! and the same seed gives the same morning however many threads share it.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::sync::Arc;

use domain::hazard::Hazard;
use domain::time::UnixMs;
use sim::city::Inventory;
use sim::day::{DayOptions, DayReport, run};
use sim::scenario::Scenario;

fn morning(seed: u64, threads: usize) -> DayReport {
    lived(150, 4, 0.5, seed, threads)
}

fn lived(detectors: usize, hours: i64, faulty: f64, seed: u64, threads: usize) -> DayReport {
    let profiles: Vec<_> = domain::profile::shipped().unwrap().into_iter().map(Arc::new).collect();
    let inventory = Inventory::of(&Scenario::demo().unwrap().with_detectors(detectors));
    let options = DayOptions {
        seed,
        // 2026-06-01 08:00 in China.
        from: UnixMs(1_780_272_000_000),
        length_ms: hours * 3_600_000,
        report_ms: 30_000,
        faulty,
        threads,
    };
    run(&inventory, &profiles, &options)
}

#[test]
fn what_is_scripted_is_found_and_nothing_else() {
    let report = morning(7, 2);
    assert!(report.expected.len() > 40, "{}", report.expected.len());
    assert!(report.faults.len() > 8, "{:?}", report.faults);
    assert_eq!(report.missed().collect::<Vec<_>>(), Vec::<&sim::day::Expected>::new());
    assert_eq!(report.causeless, []);
    assert_eq!(report.raised_twice, 0);
}

#[test]
fn the_same_seed_is_the_same_morning() {
    let (one, other) = (morning(3, 1), morning(3, 2));
    assert_eq!(one, other);
    assert_ne!(one.digest, morning(4, 2).digest);
}

/// Probes that stay, stand at zero or drift are told by the data of days.
#[test]
fn what_takes_days_is_found_too() {
    let report = lived(20, 96, 1.0, 11, 2);
    let found = |hazard: Hazard| report.expected.iter().any(|one| one.hazard == hazard && one.is_met());
    for hazard in [Hazard::SensorStuck, Hazard::SensorZero, Hazard::SensorDrift] {
        assert!(found(hazard), "{hazard:?} among {:?}", report.expected);
    }
    assert_eq!(report.missed().collect::<Vec<_>>(), Vec::<&sim::day::Expected>::new());
    assert_eq!(report.causeless, []);
    assert_eq!(report.raised_twice, 0);
}
