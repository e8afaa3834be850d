//! The rules of risk: taking a cause away never raises a score, scores are bounded, a worse circuit never makes a better
//! site, and what an act promises is what comes.

#![expect(clippy::indexing_slicing, reason = "a test that cannot go on fails")]

use domain::diagnosis::{Kind, Strength};
use domain::hazard::{Hazard, Severity};
use domain::id::{AlarmId, CircuitId, DetectorId};
use domain::risk::{
    Act, AlarmFact, Cause, DetectorFact, FindingFact, Grade, PastFact, UnitFacts, Weights, WeightsError,
    area, assess, site,
};
use domain::time::UnixMs;
use proptest::prelude::*;

const NOW: UnixMs = UnixMs(1_795_600_000_000);
const HOUR: i64 = 3_600_000;
const DAY: i64 = 24 * HOUR;
/// Sums of products differ in their last digits.
const NEAR: f64 = 1e-9;

fn watched() -> DetectorFact {
    DetectorFact {
        id: DetectorId(1),
        heard: true,
        admitted_at: NOW.plus_ms(-DAY),
        tests_itself: true,
        tested_at: Some(NOW.plus_ms(-DAY)),
        inspected_at: Some(NOW.plus_ms(-DAY)),
    }
}

fn open(id: i64, hazard: Hazard, severity: Severity, hours: i64) -> AlarmFact {
    AlarmFact {
        id: AlarmId(id),
        detector: DetectorId(1),
        hazard,
        severity,
        raised_at: NOW.plus_ms(-hours * HOUR),
        acknowledged: true,
        returned: false,
        shelved: false,
    }
}

fn calm() -> UnitFacts {
    UnitFacts { circuit: Some(CircuitId(1)), detectors: vec![watched()], ..UnitFacts::default() }
}

#[test]
fn a_watched_circuit_without_causes_has_no_points_and_nothing_to_do() {
    let unit = assess(&calm(), &Weights::default(), NOW);
    assert_eq!((unit.score, unit.parts.len(), unit.acts.len()), (0.0, 0, 0));
}

#[test]
fn what_nobody_sees_is_not_safe() {
    let score = |facts: &UnitFacts| assess(facts, &Weights::default(), NOW).score;
    let bare = UnitFacts { circuit: Some(CircuitId(1)), ..UnitFacts::default() };
    assert!(score(&bare) > 0.0, "no detector");
    let mut silent = calm();
    silent.detectors[0].heard = false;
    assert!(score(&silent) > 0.0, "never heard");
    let mut offline = calm();
    offline.alarms.push(open(1, Hazard::Offline, Severity::Fault, 1));
    assert!(score(&offline) > 0.0, "offline");
    let mut untested = calm();
    untested.detectors[0].tested_at = Some(NOW.plus_ms(-40 * DAY));
    let unit = assess(&untested, &Weights::default(), NOW);
    assert_eq!(unit.parts[0].cause, Cause::NoSelfTest { days: 40, ever: true });
    assert_eq!(unit.acts[0].act, Act::SelfTest { detector: DetectorId(1) });
    untested.detectors[0].tests_itself = false;
    assert_eq!(score(&untested), 0.0, "nobody is asked for what a model cannot do");
}

#[test]
fn the_one_act_is_what_lowers_the_score_most_and_takes_all_of_an_alarm_with_it() {
    let mut facts = calm();
    let heat = open(7, Hazard::OverTemperature, Severity::Alarm, 72);
    facts.alarms.push(AlarmFact { acknowledged: false, shelved: true, ..heat });
    facts.alarms.push(open(8, Hazard::UnderVoltage, Severity::Warning, 1));
    let unit = assess(&facts, &Weights::default(), NOW);
    let codes: Vec<&str> = unit.parts.iter().map(|part| part.cause.code()).collect();
    assert_eq!(codes[0], "open_alarm");
    for code in ["unacknowledged", "unhandled", "shelved"] {
        assert!(codes.contains(&code), "{codes:?}");
    }
    let best = unit.acts[0];
    assert_eq!(best.act, Act::HandleAlarm { alarm: AlarmId(7) });
    facts.alarms.remove(0);
    let after = assess(&facts, &Weights::default(), NOW);
    assert!((unit.score - best.saves - after.score).abs() < NEAR);
}

#[test]
fn an_inspection_answers_for_what_came_before_it() {
    let past = PastFact { detector: DetectorId(1), hazard: Hazard::Overload, confirmed: 2, all: 5 };
    let facts = UnitFacts { past: vec![past], ..calm() };
    let unit = assess(&facts, &Weights::default(), NOW);
    assert_eq!(unit.parts.len(), 2);
    assert_eq!(unit.acts.len(), 1, "one visit for both");
    assert!((unit.acts[0].saves - unit.score).abs() < NEAR);
}

#[test]
fn grades_and_weights_are_settings_with_bounds() {
    let weights = Weights::default();
    weights.check().unwrap();
    let grades = [0.0, 14.4, 14.5, 34.6, 59.4, 59.6].map(|score| weights.grade(score));
    assert_eq!(grades, [Grade::Low, Grade::Low, Grade::Moderate, Grade::High, Grade::High, Grade::Grave]);
    for score in [0.0, 14.5, 34.5, 59.5, 80.0] {
        let (from, below) = weights.bounds(weights.grade(score));
        assert!(from.is_none_or(|from| from <= score) && below.is_none_or(|below| score < below), "{score}");
    }
    let wrong = Weights { offline: 96, ..weights }.check();
    assert_eq!(wrong, Err(WeightsError::TooMuch { name: "offline", had: 96, most: 95 }));
    assert_eq!(Weights { high_from: 60, ..weights }.check(), Err(WeightsError::Grades));
    assert!(weights.all().contains(&("offline", 25)));
}

fn hazard() -> impl Strategy<Value = Hazard> {
    prop::sample::select(Hazard::ALL.to_vec())
}

fn alarm() -> impl Strategy<Value = AlarmFact> {
    let severity = prop::sample::select(vec![Severity::Fault, Severity::Warning, Severity::Alarm]);
    (1_i64..9, hazard(), severity, 0_i64..1_000, any::<[bool; 3]>()).prop_map(
        |(id, hazard, severity, hours, [acknowledged, returned, shelved])| AlarmFact {
            acknowledged,
            returned,
            shelved,
            ..open(id, hazard, severity, hours)
        },
    )
}

fn finding() -> impl Strategy<Value = FindingFact> {
    let strength = prop::sample::select(vec![Strength::Weak, Strength::Strong]);
    (1_i64..9, prop::sample::select(Kind::ALL.to_vec()), strength, 0.0..=1.0_f64).prop_map(
        |(id, kind, strength, confidence)| FindingFact {
            id,
            detector: DetectorId(1),
            kind,
            strength,
            confidence,
        },
    )
}

fn past() -> impl Strategy<Value = PastFact> {
    (hazard(), 0_u32..40, 0_u32..40).prop_map(|(hazard, confirmed, others)| PastFact {
        detector: DetectorId(1),
        hazard,
        confirmed,
        all: confirmed + others,
    })
}

fn detector() -> impl Strategy<Value = DetectorFact> {
    let moment = || prop::option::of((0_i64..400).prop_map(|days| NOW.plus_ms(-days * DAY)));
    (1_i64..4, any::<[bool; 2]>(), 0_i64..400, moment(), moment()).prop_map(
        |(id, [heard, tests_itself], days, tested_at, inspected_at)| DetectorFact {
            id: DetectorId(id),
            heard,
            admitted_at: NOW.plus_ms(-days * DAY),
            tests_itself,
            tested_at,
            inspected_at,
        },
    )
}

fn facts() -> impl Strategy<Value = UnitFacts> {
    let detectors = prop::collection::vec(detector(), 1..3);
    let alarms = prop::collection::vec(alarm(), 0..6);
    let findings = prop::collection::vec(finding(), 0..4);
    let past = prop::collection::vec(past(), 0..4);
    (detectors, alarms, findings, past).prop_map(|(detectors, alarms, findings, past)| UnitFacts {
        circuit: Some(CircuitId(1)),
        detectors,
        alarms,
        findings,
        past,
    })
}

fn weights() -> impl Strategy<Value = Weights> {
    (0_u32..=95, 0_u32..=100, 0_u32..=100).prop_map(|(points, percent, others_percent)| Weights {
        fire_alarm: points,
        offline: points,
        weak_percent: percent,
        returned_percent: percent,
        others_percent,
        ..Weights::default()
    })
}

/// The same facts without one of their causes, each in turn.
fn without_one(facts: &UnitFacts) -> Vec<UnitFacts> {
    let mut all = Vec::new();
    for at in 0..facts.alarms.len() {
        let mut less = facts.clone();
        less.alarms.remove(at);
        all.push(less);
        let mut taken = facts.clone();
        taken.alarms[at].acknowledged = true;
        taken.alarms[at].shelved = false;
        taken.alarms[at].returned = true;
        all.push(taken);
    }
    for at in 0..facts.findings.len() {
        let mut less = facts.clone();
        less.findings.remove(at);
        all.push(less);
    }
    for at in 0..facts.past.len() {
        let mut less = facts.clone();
        less.past[at].all = less.past[at].all.saturating_sub(1);
        less.past[at].confirmed = less.past[at].confirmed.min(less.past[at].all);
        all.push(less);
    }
    for at in 0..facts.detectors.len() {
        let mut better = facts.clone();
        better.detectors[at].heard = true;
        better.detectors[at].tested_at = Some(NOW);
        better.detectors[at].inspected_at = Some(NOW);
        all.push(better);
    }
    all
}

proptest! {
    #[test]
    fn a_score_is_bounded_and_its_parts_add_up_to_it(facts in facts(), weights in weights()) {
        let unit = assess(&facts, &weights, NOW);
        prop_assert!((0.0..=100.0).contains(&unit.score));
        let sum: f64 = unit.parts.iter().map(|part| part.points).sum();
        prop_assert!((sum - unit.score).abs() < 1e-6, "{sum} {}", unit.score);
        prop_assert!(unit.parts.iter().all(|part| part.points >= 0.0 && (0.0..=95.0).contains(&part.alone)));
        prop_assert!(unit.parts.iter().all(|part| unit.acts.iter().any(|act| act.act == part.act)));
        prop_assert!(unit.acts.iter().all(|act| act.saves >= -NEAR && act.saves <= unit.score + NEAR));
        prop_assert!(unit.acts.windows(2).all(|pair| pair[0].saves >= pair[1].saves));
    }

    #[test]
    fn taking_a_cause_away_never_raises_the_score(facts in facts(), weights in weights()) {
        let whole = assess(&facts, &weights, NOW).score;
        for less in without_one(&facts) {
            prop_assert!(assess(&less, &weights, NOW).score <= whole + NEAR);
        }
    }

    #[test]
    fn a_worse_circuit_never_makes_a_better_site(
        all in prop::collection::vec(facts(), 1..6),
        weights in weights(),
        at in any::<prop::sample::Index>(),
    ) {
        let units: Vec<_> = all.iter().map(|facts| assess(facts, &weights, NOW)).collect();
        let whole = site(&units, &weights);
        let worst = units.iter().map(|unit| unit.score).fold(0.0, f64::max);
        prop_assert!(whole.score >= worst - NEAR && whole.score <= 100.0);
        let bound = worst + (100.0 - worst) * f64::from(weights.others_percent) / 100.0;
        prop_assert!(whole.score <= bound + NEAR, "the others add a bounded share");
        let at = at.index(units.len());
        for less in without_one(&all[at]) {
            let mut better = units.clone();
            better[at] = assess(&less, &weights, NOW);
            prop_assert!(site(&better, &weights).score <= whole.score + NEAR);
        }
        let mut fewer = units.clone();
        fewer.remove(at);
        prop_assert!(site(&fewer, &weights).score <= whole.score + NEAR);
        prop_assert!(whole.acts.windows(2).all(|pair| pair[0].saves >= pair[1].saves));
        if let Some(best) = whole.acts.first() {
            prop_assert!(best.saves <= whole.score + NEAR);
        }
    }

    #[test]
    fn a_worse_site_never_makes_a_better_area(
        scores in prop::collection::vec(0.0..=100.0_f64, 1..40),
        at in any::<prop::sample::Index>(),
        by in 0.0..=100.0_f64,
    ) {
        let weights = Weights::default();
        let whole = area(&scores, &weights);
        prop_assert!((0.0..=100.0).contains(&whole.score) && whole.mean <= whole.score + NEAR);
        let mut worse = scores.clone();
        let at = at.index(scores.len());
        worse[at] = (worse[at] + by).min(100.0);
        prop_assert!(area(&worse, &weights).score >= whole.score - NEAR);
    }
}
