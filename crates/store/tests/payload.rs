//! The stored form of a reading: one golden file per released version, round trip, no panic on any bytes.

#![expect(clippy::unwrap_used, reason = "a test that cannot set its world up must stop")]

use domain::hazard::{Hazard, Severity};
use domain::reading::{PointIndex, Quality, Reported, Sample};
use proptest::prelude::*;
use store::payload::{PayloadError, decode, encode};

fn golden() -> (Vec<Sample>, Vec<Reported>) {
    let sample = |point, raw, quality| Sample { point: PointIndex(point), raw, quality };
    let samples = vec![
        sample(0, 27, Quality::Good),
        sample(1, -123, Quality::Good),
        sample(2, 0, Quality::SensorOpen),
        sample(5, i64::from(u32::MAX), Quality::Good),
        sample(3, 65535, Quality::Implausible),
        sample(300, i64::MIN, Quality::DeviceFault),
    ];
    let reported = vec![
        Reported { point: None, hazard: Hazard::SupplyLost, severity: Some(Severity::Fault) },
        Reported {
            point: Some(PointIndex(1)),
            hazard: Hazard::ResidualCurrent,
            severity: Some(Severity::Alarm),
        },
        Reported { point: Some(PointIndex(2)), hazard: Hazard::ArcFault, severity: None },
    ];
    (samples, reported)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn version_1_is_written_and_read_as_it_was_released() {
    let (samples, reported) = golden();
    let released = include_str!("golden/payload_v1.hex").trim();
    let bytes = encode(&samples, &reported);
    assert_eq!(hex(&bytes), released);
    assert_eq!(decode(&bytes).unwrap(), (samples, reported));
}

#[test]
fn every_hazard_and_quality_has_a_number_of_its_own() {
    for hazard in Hazard::ALL {
        let reported = vec![Reported { point: None, hazard, severity: Some(Severity::Warning) }];
        assert_eq!(decode(&encode(&[], &reported)).unwrap().1, reported);
    }
}

#[test]
fn a_newer_version_is_told_apart_from_damage() {
    assert_eq!(decode(&[2, 0, 0]), Err(PayloadError::Version(2)));
    assert_eq!(decode(&[]), Err(PayloadError::Short));
    assert_eq!(decode(&[1, 0, 0, 9]), Err(PayloadError::Long(1)));
    assert_eq!(decode(&[1, 200, 200, 200, 1]), Err(PayloadError::Short), "a count beyond the bytes");
}

fn any_sample() -> impl Strategy<Value = Sample> {
    (any::<u16>(), any::<i64>(), 0u8..5).prop_map(|(point, raw, quality)| Sample {
        point: PointIndex(point),
        raw,
        quality: Quality::from_stored(quality).unwrap(),
    })
}

proptest! {
    #[test]
    fn what_goes_in_comes_out(samples in prop::collection::vec(any_sample(), 0..40)) {
        prop_assert_eq!(decode(&encode(&samples, &[])).unwrap().0, samples);
    }

    #[test]
    fn any_bytes_are_read_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        let _either = decode(&bytes);
    }
}
