//! What must hold whatever devices and networks do.

use std::collections::BTreeMap;

use domain::binding::Binding;
use domain::condition::{ChangeKind, ConditionChange, DetectorState};
use domain::hazard::{Class, Hazard, Severity};
use domain::id::ChannelId;
use domain::reading::{Filing, PointIndex, Quality, Reading, Reported, Sample};
use domain::settings::LimitPatch;
use proptest::prelude::*;

use crate::build::*;

/// One step of a device's life.
#[derive(Debug, Clone)]
enum Step {
    /// A reading, some ms after the step before, with device time that far from receive time.
    Reading {
        after_ms: i64,
        clock_off_ms: i64,
        group: u8,
        samples: Vec<Sample>,
        reported: Vec<Reported>,
    },
    Time {
        after_ms: i64,
    },
    Heard {
        after_ms: i64,
    },
}

fn sample() -> impl Strategy<Value = Sample> {
    let quality = prop_oneof![
        8 => Just(Quality::Good),
        1 => Just(Quality::SensorOpen),
        1 => Just(Quality::SensorShort),
        1 => Just(Quality::Implausible),
    ];
    (0u16..6, 0i64..1000, quality).prop_map(|(point, share, quality)| {
        let (low, high) = match point {
            0 => (0, 600),
            1 => (200, 1000),
            5 => (0, 7000),
            _ => (0, 2900),
        };
        Sample { point: PointIndex(point), raw: low + (high - low) * share / 1000, quality }
    })
}

fn reported() -> impl Strategy<Value = Reported> {
    (
        prop_oneof![
            Just((Some(PointIndex(0)), Hazard::ResidualCurrent)),
            Just((None, Hazard::ArcFault)),
            Just((None, Hazard::SupplyLost))
        ],
        prop_oneof![Just(None), Just(Some(Severity::Warning)), Just(Some(Severity::Alarm))],
    )
        .prop_map(|((point, hazard), severity)| Reported { point, hazard, severity })
}

fn step() -> impl Strategy<Value = Step> {
    let after = prop_oneof![0i64..100, 500i64..12_000, 20_000i64..5_000_000];
    let off =
        prop_oneof![3 => Just(0i64), 2 => -400_000i64..50_000, 1 => Just(90_000i64), 1 => Just(-700_000i64)];
    prop_oneof![
        6 => (after.clone(), off, 0u8..2, prop::collection::vec(sample(), 0..6), prop::collection::vec(reported(), 0..2))
            .prop_map(|(after_ms, clock_off_ms, group, samples, reported)| Step::Reading { after_ms, clock_off_ms, group, samples, reported }),
        1 => after.clone().prop_map(|after_ms| Step::Time { after_ms }),
        1 => after.prop_map(|after_ms| Step::Heard { after_ms }),
    ]
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    prop::collection::vec(step(), 1..60)
}

/// Plays the steps; `ticks` more calls of time between any two.
fn play(binding: &Binding, steps: &[Step], ticks: i64) -> (DetectorState, Vec<ConditionChange>) {
    let mut state = DetectorState::new(at(0.0));
    let mut changes = Vec::new();
    let mut now = at(0.0);
    for step in steps {
        let after_ms = match step {
            Step::Reading { after_ms, .. } | Step::Time { after_ms } | Step::Heard { after_ms } => *after_ms,
        };
        for tick in 1..=ticks {
            changes.extend(state.on_time(binding, now.plus_ms(after_ms * tick / ticks)).changes);
        }
        now = now.plus_ms(after_ms);
        match step {
            Step::Reading { clock_off_ms, group, samples, reported, .. } => {
                let r = Reading {
                    detector: binding.placement.detector,
                    group: *group,
                    device_at: Some(now.plus_ms(*clock_off_ms)),
                    received_at: now,
                    samples: samples.clone(),
                    reported: reported.clone(),
                };
                changes.extend(state.on_reading(binding, &r).changes);
            }
            Step::Time { .. } => changes.extend(state.on_time(binding, now).changes),
            Step::Heard { .. } => changes.extend(state.on_heard(binding, now).changes),
        }
    }
    (state, changes)
}

fn open(state: &DetectorState) -> Vec<(ChannelId, Hazard, Severity)> {
    state.open().map(|c| (c.channel, c.hazard, c.severity)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// Invariant 3 at its root, with times that never run back.
    #[test]
    fn raised_and_returned_alternate(steps in steps()) {
        let (state, changes) = play(&binding(), &steps, 0);
        let mut present: BTreeMap<(ChannelId, Hazard), (Severity, i64)> = BTreeMap::new();
        for change in &changes {
            let key = (change.channel, change.hazard);
            let known = present.get(&key).copied();
            if let Some((_, last)) = known {
                prop_assert!(matches!(change.kind, ChangeKind::FoundLate(_)) || change.at.0 >= last);
            }
            match change.kind {
                ChangeKind::Raised(severity) => {
                    prop_assert!(known.is_none(), "raised twice: {change:?}");
                    present.insert(key, (severity, change.at.0));
                }
                ChangeKind::SeverityChanged(severity) => {
                    prop_assert!(known.is_some_and(|(before, _)| before != severity));
                    present.insert(key, (severity, change.at.0));
                }
                ChangeKind::Worst => prop_assert!(known.is_some()),
                ChangeKind::Returned | ChangeKind::Outvoted => prop_assert!(present.remove(&key).is_some()),
                ChangeKind::FoundLate(_) => {}
            }
        }
        let told: Vec<_> = present.into_iter().map(|((channel, hazard), (s, _))| (channel, hazard, s)).collect();
        prop_assert_eq!(told, open(&state));
    }

    /// Invariant 2: the same in, the same out, with a restart after every step if need be.
    #[test]
    fn how_often_time_is_told_does_not_matter(steps in steps(), ticks in 1i64..7) {
        let once = play(&binding(), &steps, 0);
        prop_assert_eq!(&play(&binding(), &steps, 0), &once);
        let often = play(&binding(), &steps, ticks);
        prop_assert_eq!(often.1, once.1);
        prop_assert_eq!(often.0, once.0);
    }

    #[test]
    fn a_restart_changes_nothing(steps in steps(), cut in 0usize..60) {
        let binding = binding();
        let cut = cut.min(steps.len());
        let (whole, _) = play(&binding, &steps, 0);
        let (before, _) = play(&binding, &steps[..cut], 0);
        let back = DetectorState::from_bytes(&before.to_bytes(), at(0.0)).unwrap();
        prop_assert_eq!(back.to_bytes(), before.to_bytes());
        prop_assert_eq!(open(&back), open(&before));
        if cut == steps.len() {
            prop_assert_eq!(open(&back), open(&whole));
        }
    }

    /// Invariant 4: late and repeated readings, thrown in anywhere, change nothing of what is open.
    #[test]
    fn late_and_repeated_readings_change_nothing_open(
        values in prop::collection::vec((200i64..20_000, prop::collection::vec(sample(), 1..6)), 2..40),
        thrown in prop::collection::vec((0usize..40, 0usize..40), 0..40),
    ) {
        let binding = binding();
        let mut now = at(0.0);
        let series: Vec<Reading> = values
            .iter()
            .map(|(after, samples)| {
                now = now.plus_ms(*after);
                Reading {
                    detector: binding.placement.detector, group: 0, device_at: Some(now), received_at: now,
                    samples: samples.clone(), reported: Vec::new(),
                }
            })
            .collect();
        let mut plain = DetectorState::new(at(0.0));
        let mut noisy = DetectorState::new(at(0.0));
        for (index, current) in series.iter().enumerate() {
            let expected = plain.on_reading(&binding, current).changes;
            let mut got = noisy.on_reading(&binding, current).changes;
            for (_, old) in thrown.iter().filter(|(when, _)| *when == index) {
                let Some(old) = series.get(*old).filter(|old| old.device_at <= current.device_at) else { continue };
                let again = Reading { received_at: current.received_at, ..old.clone() };
                let judged = noisy.on_reading(&binding, &again);
                prop_assert!(matches!(judged.filing, Filing::Late | Filing::Repeated | Filing::ClockWrong));
                if judged.filing == Filing::ClockWrong {
                    return Ok(());
                }
                got.extend(judged.changes);
            }
            got.retain(|c| !matches!(c.kind, ChangeKind::FoundLate(_)));
            prop_assert_eq!(got, expected);
            prop_assert_eq!(open(&noisy), open(&plain));
        }
        prop_assert_eq!(noisy.latest(PointIndex(0)), plain.latest(PointIndex(0)));
    }

    /// Any order of arrival ends with the same open hazards, when delays and deadbands are out of the way.
    #[test]
    fn the_newest_measurement_decides_whatever_the_order(
        values in prop::collection::vec((0i64..600, 0i64..1200), 1..20),
        order in prop::collection::vec(any::<prop::sample::Index>(), 20),
    ) {
        let bare = binding_with(LimitPatch {
            on_delay_s: Some(0.0), off_delay_s: Some(0.0), deadband: Some(0.0), ..LimitPatch::default()
        });
        let series: Vec<Reading> = values
            .iter()
            .enumerate()
            .map(|(index, (residual, temperature))| Reading {
                received_at: at(30.0),
                ..reading(index as f64, vec![good(0, *residual), good(1, *temperature)])
            })
            .collect();
        let mut shuffled = series.clone();
        for (index, other) in order.iter().enumerate().take(series.len()) {
            shuffled.swap(index, other.index(series.len()));
        }
        let run = |readings: &[Reading]| {
            let mut state = DetectorState::new(at(0.0));
            for r in readings {
                state.on_reading(&bare, r);
            }
            // A step is one between neighbours in time.
            open(&state).into_iter().filter(|(_, hazard, _)| hazard.is_of_one_value()).collect::<Vec<_>>()
        };
        prop_assert_eq!(run(&shuffled), run(&series));
    }

    /// The promise of response: over the alarm level for the on-delay, then raised, however often it is measured.
    #[test]
    fn a_lasting_hazard_is_raised_in_time(
        gaps in prop::collection::vec(50i64..9_000, 0..40),
        skew_ms in -300_000i64..50_000,
        before in 0i64..290,
        above in 300i64..1000,
    ) {
        let binding = binding();
        let mut state = DetectorState::new(at(0.0));
        let take = |state: &mut DetectorState, received: i64, raw: i64| {
            let mut r = reading(0.0, vec![good(0, raw)]);
            r.received_at = at(0.0).plus_ms(received);
            r.device_at = Some(r.received_at.plus_ms(skew_ms));
            state.on_reading(&binding, &r);
        };
        take(&mut state, 0, before);
        take(&mut state, 1_000, above);
        let mut now = 1_000;
        for gap in gaps {
            if now + gap > 6_000 { break; }
            now += gap;
            take(&mut state, now, above + gap % 50);
        }
        state.on_time(&binding, at(6.0));
        prop_assert!(open(&state).contains(&(RESIDUAL, Hazard::ResidualCurrent, Severity::Alarm)));
    }

    /// A missing value is no evidence: measured hazards neither come nor go while the probe is gone.
    #[test]
    fn bad_quality_never_closes_nor_raises(steps in steps(), bad_for in 1_000i64..1_000_000, n in 1usize..6) {
        let binding = binding();
        let (mut state, _) = play(&binding, &steps, 0);
        let measured = |state: &DetectorState| -> Vec<_> {
            open(state).into_iter().filter(|(_, hazard, _)| {
                hazard.is_measured() && hazard.class() == Class::Hazard
            }).collect()
        };
        // Reported hazards have their own return; here only the measured ones matter.
        if steps.iter().any(|s| matches!(s, Step::Reading { reported, .. } if !reported.is_empty())) {
            return Ok(());
        }
        let total: i64 = steps.iter().map(|s| match s {
            Step::Reading { after_ms, .. } | Step::Time { after_ms } | Step::Heard { after_ms } => *after_ms,
        }).sum();
        let mut now = at(0.0).plus_ms(total + 1_000_000);
        state.on_time(&binding, now);
        let known = measured(&state);
        for _ in 0..n {
            now = now.plus_ms(bad_for);
            let samples = (0..6).map(|point| bad(point, Quality::SensorOpen)).collect();
            let r = Reading { received_at: now, device_at: Some(now), ..reading(0.0, samples) };
            state.on_reading(&binding, &r);
            state.on_time(&binding, now.plus_ms(bad_for / 2));
            prop_assert_eq!(&measured(&state), &known);
        }
        prop_assert!(known.iter().all(|(_, hazard, _)| hazard.class() == Class::Hazard));
    }
}
