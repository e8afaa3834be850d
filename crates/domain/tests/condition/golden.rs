//! The stored form of conditions (invariant 12): every released version stays readable.

use domain::condition::{DetectorState, STATE_VERSION, StateError};
use domain::hazard::Hazard;
use domain::hazard::Severity;
use domain::reading::Quality;
use domain::reading::Reported;

use crate::build::*;

fn rich_state() -> DetectorState {
    let binding = binding();
    let mut state = DetectorState::new(at(0.0));
    let mut first = reading(0.0, vec![good(0, 400), good(1, 650), good(2, 1800), good(5, 4600)]);
    first.reported =
        vec![Reported { point: None, hazard: Hazard::ArcFault, severity: Some(Severity::Alarm) }];
    state.on_reading(&binding, &first);
    state
        .on_reading(&binding, &reading(12.0, vec![good(0, 220), bad(1, Quality::SensorOpen), good(5, 4650)]));
    let mut late = reading(-300.0, vec![good(1, 900)]);
    late.received_at = at(13.0);
    state.on_reading(&binding, &late);
    state
}

#[test]
fn version_1_is_still_read() {
    let golden = include_bytes!("../golden/conditions.v1.json");
    let read = DetectorState::from_bytes(golden, at(0.0)).unwrap();
    assert_eq!(read.open().collect::<Vec<_>>(), rich_state().open().collect::<Vec<_>>());
    assert_eq!(read.next_deadline(&binding()), rich_state().next_deadline(&binding()));
}

#[test]
fn version_2_reads_back_what_was_written() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/conditions.v2.json");
    let written = rich_state().to_bytes();
    if std::env::var_os("EMBERWATCH_WRITE_GOLDEN").is_some() {
        std::fs::write(path, &written).unwrap();
    }
    let golden = std::fs::read(path).unwrap();
    assert_eq!(STATE_VERSION, 2, "a new version needs a new golden file beside the old one");
    assert_eq!(String::from_utf8_lossy(&written), String::from_utf8_lossy(&golden));
    let read = DetectorState::from_bytes(&golden, at(0.0)).unwrap();
    assert_eq!(read.to_bytes(), golden);
    assert_eq!(
        read.open().collect::<Vec<_>>(),
        rich_state().open().collect::<Vec<_>>(),
        "what is open survives a restart"
    );
    assert_eq!(
        read.next_deadline(&binding()),
        rich_state().next_deadline(&binding()),
        "so do running delays"
    );
}

#[test]
fn nothing_stored_is_nothing_known_and_damage_is_an_error() {
    assert_eq!(DetectorState::from_bytes(b"", at(0.0)).unwrap(), DetectorState::new(at(0.0)));
    assert!(matches!(DetectorState::from_bytes(b"{", at(0.0)), Err(StateError::Form(_))));
    assert!(matches!(
        DetectorState::from_bytes(br#"{"v":9,"conditions":[]}"#, at(0.0)),
        Err(StateError::Version { had: 9 })
    ));
}
