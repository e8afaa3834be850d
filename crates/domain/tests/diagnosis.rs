//! Diagnosis over made histories: each fault is found and named with its size, a sound circuit is left alone, the same
//! history gives the same report.

#![expect(clippy::indexing_slicing, clippy::unwrap_used, reason = "a test that panics has failed")]

use domain::diagnosis::{
    Finding, History, Kind, LackReason, Limits, Report, SPAN_DAYS, Strength, Track, diagnose,
};
use domain::quantity::{Phase, Quantity};
use domain::time::UnixMs;

/// 2026-03-02 00:00 in China, a Monday.
const MONDAY: UnixMs = UnixMs(1_772_380_800_000);
const STEPS_OF_DAY: usize = 96;

/// From -1 to 1, the same for the same numbers.
fn noise(channel: u32, step: usize) -> f64 {
    let seed = f64::from(channel) * 78.233 + f64::from(u32::try_from(step).unwrap()) * 12.9898;
    2.0 * (seed.sin() * 43_758.545_3).rem_euclid(1.0) - 1.0
}

/// What is wrong with the made circuit; all of it grows from the first day to the last.
#[derive(Clone, Copy, Default)]
struct Wrong {
    /// Growth of the heat of phase B, share.
    terminal: f64,
    /// Growth of the heat of all phases, share.
    season: f64,
    /// Growth of the leakage, mA per week.
    leak_per_week: f64,
    /// A load of 6 A on phase A from 11:00 to 14:00 that leaks by this, mA.
    leaking_load: f64,
    /// Growth of the load, share.
    load: f64,
    /// Load of 10 A from 1:00 to 4:00 in the last week.
    after_hours: bool,
    /// Batteries on phase C from 22:00, A.
    battery: f64,
    /// Growth of the supply's resistance, share.
    supply: f64,
    /// Neutral current as a share of the phase current.
    neutral: f64,
}

#[expect(clippy::cast_precision_loss, reason = "small counts")]
fn history(days: usize, wrong: Wrong) -> History {
    let steps = days * STEPS_OF_DAY;
    let codes = ["a", "b", "c"];
    let phases = [Phase::A, Phase::B, Phase::C];
    let track = |code: String, quantity, phase| Track { code, quantity, phase, mean: vec![], max: vec![] };
    let mut tracks: Vec<Track> = Vec::new();
    for (code, phase) in codes.iter().zip(phases) {
        tracks.push(track(format!("current_{code}"), Quantity::Current, Some(phase)));
        tracks.push(track(format!("temperature_{code}"), Quantity::ConductorTemperature, Some(phase)));
        tracks.push(track(format!("voltage_{code}"), Quantity::Voltage, Some(phase)));
    }
    tracks.push(track("residual".to_owned(), Quantity::ResidualCurrent, None));
    tracks.push(track("ambient".to_owned(), Quantity::AmbientTemperature, None));
    tracks.push(track("current_n".to_owned(), Quantity::NeutralCurrent, Some(Phase::N)));
    let mut warm = [0.0; 3];
    for step in 0..steps {
        let age = step as f64 / steps as f64;
        let quarter = step % STEPS_OF_DAY;
        let hour = quarter as f64 / 4.0;
        let open = if (9.0..21.0).contains(&hour) { 1.0 } else { 0.08 };
        let air = 20.0 + 4.0 * ((hour - 9.0) / 24.0 * std::f64::consts::TAU).sin() + noise(1, step / 20);
        let mut leak = 20.0 + 15.0 * open + 0.6 * noise(2, step);
        leak += wrong.leak_per_week * step as f64 / (7 * STEPS_OF_DAY) as f64;
        let mut sum = 0.0;
        for phase in 0..3 {
            let channel = 10 + u32::try_from(phase).unwrap();
            let mut a = 22.0 * open * (1.0 + wrong.load * age) * (1.0 + 0.06 * noise(channel, step / 3));
            if phase == 0 && wrong.leaking_load > 0.0 && (11.0..14.0).contains(&hour) {
                a += 6.0;
                leak += wrong.leaking_load;
            }
            if phase == 0
                && wrong.after_hours
                && step + 6 * STEPS_OF_DAY >= steps
                && (1.0..4.0).contains(&hour)
            {
                a += 10.0;
            }
            // Three hours of plateau from 22:00, then an hour and a half of tail.
            if phase == 2 && wrong.battery > 0.0 {
                let left = match quarter {
                    88..96 => 1.0,
                    0..4 => 1.0,
                    4..10 => 1.0 - (quarter as f64 - 3.0) / 7.0,
                    _ => 0.0,
                };
                a += wrong.battery * left;
            }
            sum += a;
            let growth = 1.0 + wrong.season * age + if phase == 1 { wrong.terminal * age } else { 0.0 };
            let target = 28.0 * growth * (a / 40.0).powi(2);
            let keep = (-900.0_f64 / 900.0).exp();
            let mean = target + (warm[phase] - target) * (1.0 - keep);
            warm[phase] = target + (warm[phase] - target) * keep;
            let ohm = 0.12 * (1.0 + wrong.supply * age);
            tracks[phase * 3].mean.push(Some(a));
            tracks[phase * 3 + 1].mean.push(Some(air + mean + 0.15 * noise(channel + 10, step)));
            tracks[phase * 3 + 2].mean.push(Some(228.0 + noise(3, step / 2) - ohm * a));
        }
        tracks[9].mean.push(Some(leak));
        tracks[10].mean.push(Some(air));
        tracks[11].mean.push(Some(sum / 3.0 * wrong.neutral.max(0.15)));
    }
    for track in &mut tracks {
        track.max = track.mean.clone();
    }
    History {
        from: MONDAY,
        offset_ms: 8 * 3_600_000,
        rated_current_a: Some(40.0),
        limits: Limits { residual_ma: 300.0, temperature_c: 85.0 },
        tracks,
    }
}

fn of(wrong: Wrong) -> Report {
    diagnose(&history(usize::try_from(SPAN_DAYS).unwrap(), wrong))
}

fn only(report: &Report, kind: Kind) -> &Finding {
    let strong: Vec<&Finding> =
        report.findings.iter().filter(|finding| finding.strength == Strength::Strong).collect();
    let seen: Vec<_> = report.findings.iter().map(|one| (one.kind, one.strength)).collect();
    assert_eq!(strong.len(), 1, "{kind:?} alone, had {seen:?}");
    assert_eq!(strong[0].kind, kind);
    assert!(strong[0].confidence > 0.5 && !strong[0].evidence.is_empty());
    strong[0]
}

#[test]
fn a_sound_circuit_is_left_alone() {
    let report = of(Wrong::default());
    assert_eq!(report.findings, [], "nothing is wrong");
    assert_eq!(report.lacks, []);
    assert!(report.models.len() >= 10, "every channel has its fit");
}

#[test]
fn a_loosening_terminal_is_named_with_its_phase_and_growth() {
    let report = of(Wrong { terminal: 0.9, ..Wrong::default() });
    let finding = only(&report, Kind::LooseningTerminal);
    assert_eq!((finding.about.as_str(), finding.phase), ("temperature_b", Some(Phase::B)));
    // From 1 + 0.9 x 10.5/42 to 1 + 0.9 x 38.5/42: 49 % more.
    let percent = finding.figure("percent").unwrap();
    assert!((percent - 49.0).abs() < 8.0, "{percent}");
    assert!(finding.figure("percent_low").unwrap() < 49.0 && finding.figure("percent_high").unwrap() > 49.0);
    assert!((600.0..=1350.0).contains(&finding.figure("tau").unwrap()));
}

#[test]
fn what_all_phases_do_alike_is_no_terminal() {
    assert_eq!(of(Wrong { season: 0.5, ..Wrong::default() }).findings, []);
}

#[test]
fn ageing_insulation_says_when_the_limit_is_reached() {
    let report = of(Wrong { leak_per_week: 16.0, ..Wrong::default() });
    let finding = only(&report, Kind::AgeingInsulation);
    // 35 mA by day and 16 mA a week for six weeks: 131 mA, and 169 mA to go, 74 days.
    let (from, to) = (finding.figure("reach_from").unwrap(), finding.figure("reach_to").unwrap());
    assert!(from < 74.0 && 74.0 < to && to < 120.0, "{from} to {to}");
    assert!((finding.figure("per_week").unwrap() - 16.0).abs() < 2.0);
}

#[test]
fn the_load_that_leaks_is_named_by_size_and_hours() {
    let report = of(Wrong { leaking_load: 35.0, ..Wrong::default() });
    let finding = only(&report, Kind::LeakingLoad);
    assert_eq!(finding.phase, Some(Phase::A));
    assert!((finding.figure("current").unwrap() - 6.0).abs() < 1.0);
    assert!((finding.figure("leak").unwrap() - 35.0).abs() < 6.0);
    assert!((finding.figure("hour_from").unwrap() - 11.0).abs() < 0.6);
    assert!((finding.figure("lasting").unwrap() - 3.0).abs() < 0.6);
}

#[test]
fn a_load_that_grows_reaches_the_rated_current() {
    let report = of(Wrong { load: 0.5, ..Wrong::default() });
    assert!(
        report.findings.iter().all(|finding| finding.kind == Kind::OverloadAhead),
        "{:?}",
        report.findings
    );
    assert_eq!(report.findings.len(), 3, "each phase");
}

#[test]
fn use_after_closing_time_and_charging_are_told_apart() {
    let finding = of(Wrong { after_hours: true, ..Wrong::default() });
    let finding = only(&finding, Kind::AfterHours);
    assert!((finding.figure("current").unwrap() - 10.0).abs() < 1.0);
    let report = of(Wrong { battery: 4.0, ..Wrong::default() });
    let finding = only(&report, Kind::EbikeCharging);
    assert!((finding.figure("power").unwrap() - 880.0).abs() < 120.0);
    assert_eq!(finding.phase, Some(Phase::C));
}

#[test]
fn a_supply_that_gives_way_and_a_full_neutral() {
    let report = of(Wrong { supply: 1.0, ..Wrong::default() });
    assert!(
        report.findings.iter().all(|finding| finding.kind == Kind::AgeingSupply),
        "{:?}",
        report.findings
    );
    assert!(!report.findings.is_empty());
    let report = of(Wrong { neutral: 1.1, ..Wrong::default() });
    assert!(report.findings.iter().any(|finding| finding.kind == Kind::NeutralHeating));
}

#[test]
fn too_little_history_says_how_much_is_needed_and_there() {
    let report = diagnose(&history(9, Wrong { terminal: 5.0, ..Wrong::default() }));
    assert_eq!(report.findings.iter().filter(|one| one.kind == Kind::LooseningTerminal).count(), 0);
    let thermal =
        report.lacks.iter().find(|lack| lack.analysis == domain::diagnosis::Analysis::Thermal).unwrap();
    assert_eq!((thermal.reason, thermal.needs_days, thermal.has_days), (LackReason::TooShort, 35, 9));
    let empty = diagnose(&History { tracks: vec![], ..history(1, Wrong::default()) });
    assert!(
        empty.findings.is_empty() && empty.lacks.iter().all(|lack| lack.reason == LackReason::NotMeasured)
    );
}

#[test]
fn the_same_history_gives_the_same_report_and_gaps_do_no_harm() {
    let wrong = Wrong { terminal: 0.6, leak_per_week: 16.0, ..Wrong::default() };
    let whole = history(42, wrong);
    assert_eq!(diagnose(&whole), diagnose(&whole.clone()));
    let mut holes = whole;
    for track in &mut holes.tracks {
        for (step, value) in track.mean.iter_mut().enumerate() {
            if step % 7 == 3 || (1000..1200).contains(&step) {
                *value = None;
            }
        }
    }
    let kinds: Vec<Kind> = diagnose(&holes).findings.iter().map(|finding| finding.kind).collect();
    assert!(kinds.contains(&Kind::LooseningTerminal) && kinds.contains(&Kind::AgeingInsulation), "{kinds:?}");
}

#[test]
fn a_report_survives_its_stored_form() {
    let report = of(Wrong { leak_per_week: 16.0, ..Wrong::default() });
    let text = serde_json::to_string(&report.findings).unwrap();
    let back: Vec<Finding> = serde_json::from_str(&text).unwrap();
    assert_eq!(back.len(), report.findings.len());
    assert_eq!(back[0].kind, report.findings[0].kind);
}
