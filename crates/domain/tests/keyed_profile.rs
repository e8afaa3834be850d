//! Profiles of protocols that name their values: what they read, and how their mistakes are named.

#![expect(clippy::unwrap_used, reason = "tests may panic")]

use domain::hazard::{Hazard, Severity};
use domain::profile::{Decimal, KeyValue, KeyedGroup, decode_keyed, parse};
use domain::reading::Quality;

const FILE: &str = r#"
name = "试验用遥测探测器"
maker = "某某"
protocol = "telemetry"
verified = false
source = "constructed for this test"
interval_s = 60

[[points]]
code = "residual"
name = "剩余电流"
quantity = "residual_current"
key = "$.d.leak"
multiply = 1000
scale = 0.1
range = [0, 5000]
invalid = { "-1" = "sensor_open" }

[[points]]
code = "temperature_a"
name = "A相温度"
quantity = "conductor_temperature"
phase = "a"
key = "t1"
scale = 0.1
group = 1

[[statuses]]
code = "alarm_word"
key = "alarm"
mask = 0b110
meanings = [{ value = 2, hazard = "residual_current", severity = "alarm", point = "residual" }]

[[statuses]]
code = "event"
key = "event"
group = 1
meanings = [{ value = "ARC", hazard = "arc_fault", severity = "alarm" }]
"#;

fn read(said: &[(&str, KeyValue)]) -> Vec<KeyedGroup> {
    let profile = parse("test.toml", FILE).unwrap();
    decode_keyed(&profile, |key| {
        said.iter().find(|(name, _)| *name == key.name).map(|(_, value)| value.clone())
    })
}

fn number(text: &str) -> KeyValue {
    KeyValue::Number(Decimal::parse(text).unwrap())
}

#[test]
fn values_are_scaled_exactly_and_stay_in_their_groups() {
    let groups = read(&[("$.d.leak", number("0.3125")), ("t1", KeyValue::Text("65.3".into()))]);
    assert_eq!(groups.len(), 2);
    assert_eq!((groups[0].group, groups[0].samples[0].raw), (0, 3125));
    assert_eq!((groups[1].group, groups[1].samples[0].raw), (1, 653));
    assert!(groups.iter().flat_map(|g| &g.samples).all(|sample| sample.quality == Quality::Good));
}

#[test]
fn what_is_no_value_says_what_it_is() {
    for (value, quality) in [
        (number("-1"), Quality::SensorOpen),
        (KeyValue::Nothing, Quality::DeviceFault),
        (KeyValue::Text("err".into()), Quality::DeviceFault),
        (number("7"), Quality::Implausible),
        (number("1e30"), Quality::Implausible),
    ] {
        assert_eq!(read(&[("$.d.leak", value)])[0].samples[0].quality, quality);
    }
    assert_eq!(read(&[]), []);
}

#[test]
fn statuses_are_numbers_under_a_mask_or_texts() {
    // 0b101 masked and shifted is 2.
    let reported = read(&[("alarm", number("5"))])[0].reported.clone();
    assert_eq!((reported[0].hazard, reported[0].severity), (Hazard::ResidualCurrent, Some(Severity::Alarm)));
    let gone = read(&[("alarm", number("0"))])[0].reported.clone();
    assert_eq!(gone[0].severity, None);
    let event = read(&[("event", KeyValue::Text("ARC".into()))])[0].reported.clone();
    assert_eq!((event[0].hazard, event[0].severity), (Hazard::ArcFault, Some(Severity::Alarm)));
}

#[test]
fn mistakes_are_named_where_they_stand() {
    for (from, to, wanted) in [
        ("key = \"t1\"", "key = \"$.d.leak\"", "key `$.d.leak` stands twice"),
        ("key = \"$.d.leak\"", "key = \"$..x\"", "is no path"),
        ("key = \"t1\"", "address = 3", "address has no meaning with protocol telemetry"),
        ("multiply = 1000", "multiply = 0", "multiply is 0"),
        ("group = 1\n\n[[statuses]]", "group = 256\n\n[[statuses]]", "group is 256"),
        ("interval_s = 60", "interval_s = 60\npoll_gap = 1", "poll_gap has no meaning"),
    ] {
        let text = FILE.replacen(from, to, 1);
        assert_ne!(text, FILE, "{from}");
        let error = parse("test.toml", &text).unwrap_err().to_string();
        assert!(error.contains(wanted), "{error}, wanted {wanted}");
    }
}
