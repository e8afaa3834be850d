//! The stored form of a wiring report (invariant 12): rows of a released version are read and written as they were.

use domain::wiring::{Kind, Outcome};
use engine::services::WiringReport;
use serde_json::Value;

#[test]
fn version_1_is_read_and_written_as_it_was_released() {
    let released = include_str!("../golden/wiring_report_v1.json");
    let report: WiringReport = serde_json::from_str(released).unwrap();
    let wanted: Value = serde_json::from_str(released).unwrap();
    assert_eq!(serde_json::to_value(&report).unwrap(), wanted);
    for kind in Kind::ALL {
        assert!(report.checks.iter().any(|check| check.kind == kind), "{} is missing", kind.code());
    }
    let ends = |fits: fn(&Outcome) -> bool| report.checks.iter().any(|check| fits(&check.outcome));
    assert!(ends(|outcome| matches!(outcome, Outcome::Found { .. })));
    assert!(ends(|outcome| matches!(outcome, Outcome::Clear)));
    assert!(ends(|outcome| matches!(outcome, Outcome::NotEnough { .. })));
    // A day with too little to suggest anything.
    let mut none = wanted;
    none["suggestion"] = Value::Null;
    assert_eq!(serde_json::from_value::<WiringReport>(none).unwrap().suggestion, None);
}
