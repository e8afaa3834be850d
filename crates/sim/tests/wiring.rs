//! The wiring check against a day of simulated circuits: each mistake is found, and a healthy circuit has none, whatever
//! its kind and its seed.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on fails")]

use domain::quantity::{Phase, Quantity};
use domain::time::UnixMs;
use domain::wiring::{Check, Day, Finding, Kind, Lack, Neighbour as Beside, Outcome, Track, check};
use sim::fault::{Conductor, Fault, FaultKind};
use sim::miswiring::{self, Miswiring, Neighbour};
use sim::physics::{Circuit, CircuitSpec, Snapshot};
use sim::premises::PremisesKind;

/// 2026-06-01 00:00 in China.
const MIDNIGHT: UnixMs = UnixMs(1_780_243_200_000);
/// Circuits that are wired wrongly in each way.
const SEEDS: u64 = 30;
/// Healthy circuits, of every kind in turn.
const HEALTHY: u64 = 100;
const STEP_S: i64 = 600;
const STEPS: i64 = 144;
const RATED_A: f64 = 63.0;
const PHASES: [Phase; 3] = [Phase::A, Phase::B, Phase::C];

/// What was measured in a step: each phase is a circuit of its own, so that the phases differ as they do on site.
#[derive(Clone)]
struct Moment {
    phases: [Snapshot; 3],
    residual_ma: f64,
}

impl Moment {
    fn current(&self, phase: usize) -> f64 {
        self.phases[phase].current_a[phase]
    }

    /// The phasor sum of the three currents, A.
    fn neutral(&self) -> f64 {
        let (a, b, c) = (self.current(0), self.current(1), self.current(2));
        (a * a + b * b + c * c - a * b - b * c - c * a).max(0.0).sqrt()
    }
}

fn moments(kinds: [PremisesKind; 3], seed: u64) -> Vec<Moment> {
    wired(kinds, seed, &[])
}

fn faulty(wiring: Miswiring) -> Vec<Fault> {
    let to = MIDNIGHT.plus_ms(2 * STEPS * STEP_S * 1000);
    vec![Fault { kind: FaultKind::Miswired { wiring }, from: MIDNIGHT.plus_ms(-1), to }]
}

/// A day as a detector that is wired so sees it.
fn wired(kinds: [PremisesKind; 3], seed: u64, faults: &[Fault]) -> Vec<Moment> {
    let mut circuits: Vec<Circuit> = kinds
        .into_iter()
        .zip(1u64..)
        .map(|(kind, own)| {
            Circuit::new(CircuitSpec { kind, rated_current_a: RATED_A, seed: seed * 31 + own })
        })
        .collect();
    (0..STEPS)
        .map(|step| {
            let now = MIDNIGHT.plus_ms(step * STEP_S * 1000);
            let phases: Vec<Snapshot> =
                circuits.iter_mut().map(|circuit| circuit.advance(now, &[])).collect();
            let leaks_ma = circuits[0].residual_ma(now, &phases[0], &[], 0);
            let mut phases: [Snapshot; 3] = phases.try_into().unwrap();
            // The three stand in one box: one air around them.
            let air_c = phases[0].ambient_c;
            for phase in &mut phases {
                phase.temperature_c = phase.temperature_c.map(|warm| warm - phase.ambient_c + air_c);
                phase.ambient_c = air_c;
            }
            let moment = Moment { phases, residual_ma: leaks_ma };
            let residual_ma = miswiring::residual_ma(leaks_ma, moment.neutral(), faults, now);
            // One detector sees all three: each phase as its own circuit has it, wired as the detector is.
            let mut one = moment.phases[0];
            for phase in 0..3 {
                let own = &moment.phases[phase];
                one.current_a[phase] = own.current_a[phase];
                one.voltage_v[phase] = own.voltage_v[phase];
                one.power_w[phase] = own.power_w[phase];
                one.power_factor[phase] = own.power_factor[phase];
                one.temperature_c[phase] = own.temperature_c[phase];
            }
            let one = miswiring::seen(one, faults, now);
            Moment { phases: [one; 3], residual_ma }
        })
        .collect()
}

/// A market's three phases: shops, lamps and flats.
const MIXED: [PremisesKind; 3] =
    [PremisesKind::Mall, PremisesKind::RentedHouse, PremisesKind::BuildingMaterialMarket];

fn track(code: &str, quantity: Quantity, phase: Option<Phase>, values: Vec<f64>) -> Track {
    let mean: Vec<Option<f64>> = values.into_iter().map(Some).collect();
    Track { code: code.to_owned(), quantity, phase, max: mean.clone(), mean }
}

/// The day as a detector reports it.
fn day(moments: &[Moment]) -> Day {
    let of = |value: &dyn Fn(&Moment) -> f64| moments.iter().map(value).collect::<Vec<f64>>();
    let mut tracks =
        vec![track("leakage", Quantity::ResidualCurrent, None, of(&|moment| moment.residual_ma))];
    for (at, phase) in PHASES.into_iter().enumerate() {
        let named = |what: &str| format!("{what}_{}", phase.code());
        for (what, quantity, values) in [
            ("current", Quantity::Current, of(&|m| m.current(at))),
            ("voltage", Quantity::Voltage, of(&|m| m.phases[at].voltage_v[at])),
            ("power", Quantity::ActivePower, of(&|m| m.phases[at].power_w[at])),
            ("factor", Quantity::PowerFactor, of(&|m| m.phases[at].power_factor[at])),
            ("temperature", Quantity::ConductorTemperature, of(&|m| m.phases[at].temperature_c[at])),
        ] {
            tracks.push(track(&named(what), quantity, Some(phase), values));
        }
    }
    Day { step_s: 600.0, rated_current_a: Some(RATED_A), tracks, neighbours: Vec::new() }
}

fn found(checks: &[Check]) -> Vec<&Finding> {
    checks
        .iter()
        .filter_map(|check| match &check.outcome {
            Outcome::Found { findings } => Some(findings),
            Outcome::Clear | Outcome::NotEnough { .. } => None,
        })
        .flatten()
        .collect()
}

fn kinds(checks: &[Check]) -> Vec<Kind> {
    let mut kinds: Vec<Kind> = found(checks).into_iter().map(|finding| finding.kind).collect();
    kinds.dedup();
    kinds
}

/// A circuit of the same panel, and its load through the day.
fn beside(seed: u64, kind: PremisesKind) -> (Neighbour, Vec<Option<f64>>) {
    let circuit = Neighbour { kind, rated_current_a: RATED_A, seed: seed * 31 + 7 };
    let load = (0..STEPS).map(|step| Some(circuit.load_a(MIDNIGHT.plus_ms(step * STEP_S * 1000))));
    (circuit, load.collect())
}

#[test]
fn a_healthy_day_has_no_findings() {
    for (seed, kind) in (0..HEALTHY).zip(PremisesKind::ALL.into_iter().cycle()) {
        let mut healthy = day(&moments([kind; 3], seed));
        healthy.neighbours =
            vec![Beside { name: "next".to_owned(), current_a: beside(seed, PremisesKind::Mall).1 }];
        let checks = check(&healthy);
        assert_eq!(found(&checks), Vec::<&Finding>::new(), "{kind:?} seed {seed}");
        let mixed = check(&day(&moments(MIXED, seed)));
        assert_eq!(found(&mixed), Vec::<&Finding>::new(), "mixed, seed {seed}");
        // Enough was there to say so.
        for check in mixed.iter().filter(|check| check.kind != Kind::SharedNeutral) {
            let lack = Outcome::NotEnough { lack: Lack::SteadyLoad };
            let light = check.kind == Kind::ProbeLoose && check.outcome == lack;
            assert!(light || check.outcome == Outcome::Clear, "{:?} seed {seed}", check.kind);
        }
    }
}

#[test]
fn a_neutral_earthed_behind_the_transformer_is_found() {
    for seed in 0..SEEDS {
        // A fifth of what returns goes through the earth.
        let moments = wired(MIXED, seed, &faulty(Miswiring::NeutralEarthed { share: 0.2 }));
        let checks = check(&day(&moments));
        assert_eq!(kinds(&checks), [Kind::NeutralEarthed], "seed {seed}");
        let slope = found(&checks)[0].figures.iter().find(|figure| figure.name == "slope").unwrap().value;
        assert!((150.0..250.0).contains(&slope), "{slope} mA per A");
    }
}

#[test]
fn an_earth_through_the_transformer_is_found() {
    for seed in 0..SEEDS {
        let moments = wired(MIXED, seed, &faulty(Miswiring::EarthThroughTransformer { left: 0.005 }));
        assert_eq!(kinds(&check(&day(&moments))), [Kind::EarthThroughTransformer], "{seed}");
    }
}

#[test]
fn a_shared_neutral_names_the_circuit_beside_it() {
    for seed in 0..SEEDS {
        let (guilty, other) = beside(seed, PremisesKind::RentedHouse);
        let third = beside(seed + 500, PremisesKind::BuildingMaterialMarket).1;
        let wiring = Miswiring::SharedNeutral { share: 0.1, neighbour: guilty };
        let moments = wired([PremisesKind::Mall; 3], seed, &faulty(wiring));
        let mut day = day(&moments);
        day.neighbours = vec![
            Beside { name: "third".to_owned(), current_a: third },
            Beside { name: "guilty".to_owned(), current_a: other },
        ];
        let checks = check(&day);
        assert_eq!(kinds(&checks), [Kind::SharedNeutral], "seed {seed}");
        assert_eq!(found(&checks)[0].against, "guilty");
    }
}

#[test]
fn a_transformer_the_wrong_way_round_is_found() {
    for seed in 0..SEEDS {
        let faults = faulty(Miswiring::ReversedTransformer { phase: Conductor::B });
        let checks = check(&day(&wired(MIXED, seed, &faults)));
        assert_eq!(kinds(&checks), [Kind::ReversedTransformer], "seed {seed}");
        assert_eq!(found(&checks)[0].about, "b");
    }
}

#[test]
fn a_wrong_ratio_is_found_with_its_factor() {
    for seed in 0..SEEDS {
        let faults = faulty(Miswiring::WrongRatio { phase: Conductor::C, factor: 0.5 });
        let mut day = day(&wired(MIXED, seed, &faults));
        let checks = check(&day);
        assert_eq!(kinds(&checks), [Kind::WrongRatio], "seed {seed}");
        let factor = found(&checks)[0].figures[0].value;
        assert!((factor - 2.0).abs() < 0.1, "{factor}");
        // Without a power factor a power beyond volts times amperes is still impossible.
        day.tracks.retain(|track| track.quantity != Quantity::PowerFactor);
        assert_eq!(kinds(&check(&day)), [Kind::WrongRatio], "seed {seed}, without power factor");
    }
}

#[test]
fn a_loose_probe_is_found() {
    for seed in 0..SEEDS {
        let faults = faulty(Miswiring::LooseProbe { phase: Conductor::B });
        let moments = wired([PremisesKind::Mall; 3], seed, &faults);
        let mut day = day(&moments);
        let air = moments.iter().map(|moment| moment.phases[1].ambient_c).collect();
        day.tracks.push(track("ambient", Quantity::AmbientTemperature, None, air));
        let checks = check(&day);
        let outcome = &checks.iter().find(|check| check.kind == Kind::ProbeLoose).unwrap().outcome;
        match outcome {
            Outcome::Found { findings } => assert_eq!(findings[0].about, "temperature_b", "seed {seed}"),
            // A light day does not warm the others either.
            Outcome::NotEnough { lack: Lack::SteadyLoad } => {}
            other => panic!("seed {seed}: {other:?}"),
        }
        // Without the air of the box it is less sure, but never another probe.
        day.tracks.retain(|track| track.quantity != Quantity::AmbientTemperature);
        for finding in found(&check(&day)).into_iter().filter(|finding| finding.kind == Kind::ProbeLoose) {
            assert_eq!(finding.about, "temperature_b", "seed {seed}");
        }
    }
}

#[test]
fn swapped_phases_are_found() {
    for seed in 0..SEEDS {
        let faults = faulty(Miswiring::SwappedPhases { one: Conductor::A, other: Conductor::B });
        let power = check(&day(&wired(MIXED, seed, &faults)));
        let about: Vec<_> = found(&power)
            .into_iter()
            .filter(|finding| finding.kind == Kind::PhasesSwapped)
            .map(|finding| (finding.about.clone(), finding.against.clone()))
            .collect();
        assert!(about.contains(&("power_b".to_owned(), "a".to_owned())), "seed {seed}: {about:?}");
    }
}

#[test]
fn too_little_is_said_to_be_too_little() {
    let mut few = day(&moments(MIXED, 1));
    for track in &mut few.tracks {
        track.mean.truncate(10);
        track.max.truncate(10);
    }
    for check in check(&few) {
        assert!(matches!(check.outcome, Outcome::NotEnough { .. }), "{check:?}");
    }
    for check in check(&Day::default()) {
        assert_eq!(check.outcome, Outcome::NotEnough { lack: Lack::NotMeasured }, "{:?}", check.kind);
    }
}
