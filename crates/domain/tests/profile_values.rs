//! Registers to values and back.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

use domain::hazard::{Hazard, Severity};
use domain::profile::{
    DecodeError, Decoded, EncodeError, Format, Group, Profile, decode, encode, parse, select_group, shipped,
};
use domain::reading::{PointIndex, Quality, Reported, Sample};
use domain::time::UnixMs;
use proptest::prelude::*;

fn profile(id: &str) -> Profile {
    shipped().unwrap().into_iter().find(|profile| profile.id == id).unwrap()
}

fn sample(point: u16, raw: i64, quality: Quality) -> Sample {
    Sample { point: PointIndex(point), raw, quality }
}

#[test]
fn an_asj_answer_becomes_milliamperes_and_a_status() {
    let asj = profile("asj-relay");
    let values = decode(&asj, &asj.groups[0], &[0x01, 0x48]).unwrap();
    assert_eq!(values.samples, [sample(0, 328, Quality::Good)]);
    assert!(values.reported.is_empty());

    let alarm = decode(&asj, &asj.groups[1], &[0x00, 0x02]).unwrap();
    let residual = Some(PointIndex(0));
    assert_eq!(
        alarm.reported,
        [
            Reported { point: residual, hazard: Hazard::ResidualCurrent, severity: Some(Severity::Alarm) },
            Reported { point: residual, hazard: Hazard::SensorOpen, severity: None },
        ]
    );
    let broken = decode(&asj, &asj.groups[1], &[0x00, 0x04]).unwrap();
    assert_eq!(broken.reported[0].severity, None);
    assert_eq!(broken.reported[1].severity, Some(Severity::Fault));
}

#[test]
fn a_residual_current_over_30_ampere_cannot_be() {
    let asj = profile("asj-relay");
    let values = decode(&asj, &asj.groups[0], &30_001u16.to_be_bytes()).unwrap();
    assert_eq!(values.samples, [sample(0, 30_001, Quality::Implausible)]);
}

#[test]
fn a_broken_transformer_is_not_zero_milliampere() {
    let aim = profile("aim-r100");
    let group = aim.groups.iter().find(|group| group.start == 0x4A).unwrap();
    let mut data = vec![0; group.byte_count()];
    data[..4].copy_from_slice(&[0xE5, 0xE5, 0xFA, 0xFA]);
    let values = decode(&aim, group, &data).unwrap();
    assert_eq!(values.samples[0].quality, Quality::SensorShort);
    assert_eq!(values.samples[1].quality, Quality::SensorOpen);
    assert_eq!(values.samples[2], sample(2, 0, Quality::Good));
}

#[test]
fn aim_flags_are_two_bits_per_loop_high_to_low() {
    let aim = profile("aim-r100");
    let group = aim.groups.iter().find(|group| group.start == 0x0B).unwrap();
    // Loop 1 short (01), loop 4 over limit (11); loop 5 broken (10), loop 12 over limit (11).
    let said = decode(&aim, group, &[0x10, 0b0100_0011, 0b1000_0000, 0b0000_0011]).unwrap();
    let there: Vec<_> = said
        .reported
        .iter()
        .filter(|reported| reported.severity.is_some())
        .map(|reported| (reported.point.unwrap().0 + 1, reported.hazard))
        .collect();
    assert_eq!(
        there,
        [
            (1, Hazard::SensorShort),
            (4, Hazard::ResidualCurrent),
            (5, Hazard::SensorOpen),
            (12, Hazard::ResidualCurrent)
        ]
    );
}

#[test]
fn negative_temperatures_and_coils() {
    let breaker = profile("leakage-breaker");
    let coil = breaker.groups.iter().find(|group| group.space.function == 1).unwrap();
    let (switch, _) = breaker.point_by_code("switch").unwrap();
    assert_eq!(decode(&breaker, coil, &[1]).unwrap().samples, [sample(switch.0, 1, Quality::Good)]);

    let arcm = profile("arcm300-modbus");
    let group = &arcm.groups[0];
    let mut data = vec![0; group.byte_count()];
    data[4..6].copy_from_slice(&(-55i16).to_be_bytes());
    let (cold, point) = arcm.point_by_code("temperature_a").unwrap();
    let values = decode(&arcm, group, &data).unwrap();
    let found = values.samples.iter().find(|sample| sample.point == cold).unwrap();
    assert_eq!((point.decimals.value(found.raw), found.quality), (-5.5, Quality::Good));
}

#[test]
fn a_segment_is_known_by_its_address_and_length() {
    let cloud = profile("arcm300-cloud");
    assert_eq!(select_group(&cloud, "1-1", 42).unwrap().index, 0);
    assert_eq!(select_group(&cloud, "1-1", 36).unwrap().index, 1);
    assert_eq!(
        select_group(&cloud, "1-2", 42).unwrap_err().to_string(),
        "profile arcm300-cloud knows no segment `1-2` of 42 data bytes; it knows `1-1` of 42, `1-1` of 36"
    );
    assert_eq!(
        select_group(&profile("asj-relay"), "1-1", 2).unwrap_err().to_string(),
        "profile asj-relay knows no segment `1-1` of 2 data bytes; it knows none"
    );
}

#[test]
fn the_wrong_number_of_bytes_is_refused() {
    let asj = profile("asj-relay");
    assert_eq!(decode(&asj, &asj.groups[0], &[0]), Err(DecodeError { group: 0, had: 1, wanted: 2 }));
}

#[test]
fn the_device_clock_is_local_time_and_may_be_unset() {
    let cloud = profile("arcm300-cloud");
    let group = &cloud.groups[0];
    let mut data = vec![0; group.byte_count()];
    assert_eq!(decode(&cloud, group, &data).unwrap().device_at, None);
    // 2026-01-02 03:04:05 in China is 19:04:05 of the day before in UTC.
    data[36..42].copy_from_slice(&[26, 1, 2, 3, 4, 5]);
    assert_eq!(decode(&cloud, group, &data).unwrap().device_at, Some(UnixMs(1_767_294_245_000)));
    data[37] = 13;
    assert_eq!(decode(&cloud, group, &data).unwrap().device_at, None);
}

#[test]
fn words_in_either_order() {
    for (format, wire) in [
        (Format::U32, [0x00, 0x01, 0x00, 0x02]),
        (Format::U32Swapped, [0x00, 0x02, 0x00, 0x01]),
        (Format::I32, [0x00, 0x01, 0x00, 0x02]),
        (Format::I32Swapped, [0x00, 0x02, 0x00, 0x01]),
    ] {
        let text = format!(
            "name = \"t\"\nmaker = \"t\"\nverified = false\nsource = \"t\"\nprotocol = \"modbus_rtu\"\ninterval_s = 1\n\
             [[points]]\ncode = \"e\"\nname = \"e\"\nquantity = \"energy\"\naddress = 0\nformat = \"{}\"\n",
            format.code()
        );
        let profile = parse("t.toml", &text).unwrap();
        assert_eq!(
            decode(&profile, &profile.groups[0], &wire).unwrap().samples[0].raw,
            0x0001_0002,
            "{format:?}"
        );
    }
}

#[test]
fn what_a_profile_cannot_say_is_refused() {
    let asj = profile("asj-relay");
    let said = |raw, quality| Decoded { samples: vec![sample(0, raw, quality)], ..Decoded::default() };
    assert!(matches!(
        encode(&asj, &asj.groups[0], &said(70_000, Quality::Good)),
        Err(EncodeError::DoesNotFit { greatest: 65_535, .. })
    ));
    assert!(matches!(
        encode(&asj, &asj.groups[0], &said(0, Quality::SensorOpen)),
        Err(EncodeError::NoCode { quality: Quality::SensorOpen, .. })
    ));
}

/// Anything that one group of a shipped profile can say, as decoding would give it.
fn speech() -> impl Strategy<Value = (Profile, Group, Decoded)> {
    let groups: Vec<(Profile, Group)> = shipped()
        .unwrap()
        .into_iter()
        .flat_map(|profile| profile.groups.clone().into_iter().map(move |group| (profile.clone(), group)))
        .collect();
    (prop::sample::select(groups), any::<u64>(), prop::option::of(1_000_000_000i64..2_000_000_000)).prop_map(
        |((profile, group), seed, clock)| {
            let mut state = seed;
            let mut next = move || {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                i64::from(u32::try_from(state >> 33).unwrap())
            };
            let samples = profile
                .indexed_points()
                .filter(|(_, point)| group.holds_point(point))
                .map(|(index, point)| {
                    if !point.invalid.is_empty() && next() % 4 == 0 {
                        let (_, quality) =
                            point.invalid[usize::try_from(next()).unwrap() % point.invalid.len()];
                        return Sample { point: index, raw: 0, quality };
                    }
                    let (least, greatest) = point.range.unwrap_or(point.bounds());
                    let raw = least + next() % (greatest - least + 1);
                    Sample { point: index, raw, quality: Quality::Good }
                })
                .collect();
            let mut reported: Vec<Reported> = Vec::new();
            for status in &profile.statuses {
                if !group.holds(&status.space, status.address, 1) {
                    continue;
                }
                let chosen = usize::try_from(next()).unwrap() % (status.meanings.len() + 1);
                for (index, meaning) in status.meanings.iter().enumerate() {
                    let severity = (index == chosen).then_some(meaning.severity);
                    match reported.iter_mut().find(|r| r.point == meaning.point && r.hazard == meaning.hazard)
                    {
                        Some(entry) => entry.severity = entry.severity.max(severity),
                        None => {
                            reported.push(Reported { point: meaning.point, hazard: meaning.hazard, severity })
                        }
                    }
                }
            }
            let carries_clock = profile
                .clock
                .as_ref()
                .is_some_and(|clock| group.holds(&clock.space, clock.address, clock.format.registers()));
            let device_at = clock.filter(|_| carries_clock).map(|seconds| UnixMs(seconds * 1000));
            (profile, group, Decoded { device_at, samples, reported })
        },
    )
}

proptest! {
    #[test]
    fn what_is_encoded_is_decoded((profile, group, said) in speech()) {
        let bytes = encode(&profile, &group, &said).unwrap();
        prop_assert_eq!(bytes.len(), group.byte_count());
        prop_assert_eq!(decode(&profile, &group, &bytes).unwrap(), said);
    }

    #[test]
    fn any_bytes_are_decoded_or_refused(
        which in any::<prop::sample::Index>(), data in prop::collection::vec(any::<u8>(), 0..260),
    ) {
        let profiles = shipped().unwrap();
        let groups: Vec<_> = profiles.iter().flat_map(|p| p.groups.iter().map(move |g| (p, g))).collect();
        let (profile, group) = groups[which.index(groups.len())];
        prop_assert_eq!(decode(profile, group, &data).is_ok(), data.len() == group.byte_count());
    }
}
