//! A day of a city in virtual time, scored: `day [detectors] [hours] [seed]`. Exits with 1 when anything scripted was
//! missed, raised twice, or raised without a cause.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use domain::time::UnixMs;
use sim::city::Inventory;
use sim::day::{DayOptions, run};
use sim::scenario::Scenario;

fn main() -> Result<ExitCode, Box<dyn std::error::Error>> {
    let mut said = std::env::args().skip(1);
    let detectors: usize = said.next().map_or(Ok(10_000), |word| word.parse())?;
    let hours: i64 = said.next().map_or(Ok(24), |word| word.parse())?;
    let seed: u64 = said.next().map_or(Ok(1), |word| word.parse())?;
    let profiles: Vec<_> = domain::profile::shipped()?.into_iter().map(Arc::new).collect();
    let inventory = Inventory::of(&Scenario::demo()?.with_detectors(detectors));
    let options = DayOptions {
        seed,
        // 2026-06-01 00:00 in China.
        from: UnixMs(1_780_243_200_000),
        length_ms: hours * 3_600_000,
        report_ms: 30_000,
        faulty: 0.1,
        threads: std::thread::available_parallelism()?.get(),
    };
    let begun = Instant::now();
    let report = run(&inventory, &profiles, &options);
    println!(
        "{} detectors, {hours} h, seed {seed}: {} readings, {} values, {:.1} s",
        report.detectors,
        report.readings,
        report.values,
        begun.elapsed().as_secs_f64()
    );
    println!("faults: {:?}", report.faults);
    let missed: Vec<_> = report.missed().collect();
    println!(
        "expected {}, missed {}, raised {}, without a cause {}, raised twice {}",
        report.expected.len(),
        missed.len(),
        report.raised,
        report.causeless.len(),
        report.raised_twice
    );
    let lags = report.lags_ms();
    let at = |share: usize| lags.get((lags.len().saturating_sub(1)) * share / 100).map_or(0, |ms| ms / 1000);
    println!("from so to raised: median {} s, 99 of 100 within {} s, longest {} s", at(50), at(99), at(100));
    println!("digest {:016x}", report.digest);
    for one in missed.iter().take(20) {
        println!("missed: {one:?}");
    }
    for one in report.causeless.iter().take(20) {
        println!("without a cause: {one:?}");
    }
    let is_good = missed.is_empty() && report.causeless.is_empty() && report.raised_twice == 0;
    Ok(if is_good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
