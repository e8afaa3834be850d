//! A morning of a small city in virtual time: everything scripted is found in time, nothing is raised without a cause,
//! and the same seed gives the same morning however many threads share it.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::sync::Arc;

use domain::time::UnixMs;
use sim::city::Inventory;
use sim::day::{DayOptions, DayReport, run};
use sim::scenario::Scenario;

fn morning(seed: u64, threads: usize) -> DayReport {
    let profiles: Vec<_> = domain::profile::shipped().unwrap().into_iter().map(Arc::new).collect();
    let inventory = Inventory::of(&Scenario::demo().unwrap().with_detectors(150));
    let options = DayOptions {
        seed,
        // 2026-06-01 08:00 in China.
        from: UnixMs(1_780_272_000_000),
        length_ms: 4 * 3_600_000,
        report_ms: 30_000,
        faulty: 0.5,
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
