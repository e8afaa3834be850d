//! Each mistake that an integrator can make in a profile, and what is said about it.

use domain::profile::{SHIPPED, parse, shipped};

/// A profile without a mistake; each case below breaks one thing of it.
const GOOD: &str = r#"name = "测试探测器"
maker = "无"
verified = false
source = "test"
protocol = "modbus_rtu"
interval_s = 10

[[points]]
code = "residual"
name = "剩余电流"
quantity = "residual_current"
address = 0x0010
format = "u16"
range = [0, 5000]
invalid = { 0xE5E5 = "sensor_short" }

[[points]]
code = "temperature_a"
name = "A相温度"
quantity = "conductor_temperature"
phase = "a"
address = 0x0011
format = "i16"
scale = 0.1

[[statuses]]
code = "flags"
address = 0x0012
mask = 0x0003
meanings = [{ value = 1, hazard = "over_temperature", severity = "alarm", point = "temperature_a" }]

[reset]
function = 6
address = 0x0020
values = [1]

[limits.over_temperature]
warning = 55
alarm = 70
"#;

const CLOUD: &str = r#"name = "测试"
maker = "无"
verified = false
source = "test"
protocol = "cloud_7b7b"
interval_s = 60

[[groups]]
segment = "1-1"
start = 0
count = 4

[[points]]
code = "residual"
name = "剩余电流"
quantity = "residual_current"
address = 1
format = "u16"
"#;

/// `GOOD` with the first `old` replaced, refused; the error as a terminal shows it.
fn broken(text: &str, old: &str, new: &str) -> String {
    assert!(text.contains(old), "the sample has no {old:?}");
    match parse("profiles/test.toml", &text.replacen(old, new, 1)) {
        Ok(_) => format!("{old:?} -> {new:?} was accepted"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn the_samples_are_accepted() {
    let profile = parse("profiles/test.toml", GOOD).unwrap();
    assert_eq!(profile.id, "test");
    assert_eq!(profile.groups.len(), 1);
    assert_eq!((profile.groups[0].start, profile.groups[0].count), (0x10, 3));
    parse("test.toml", CLOUD).unwrap();
}

#[test]
fn every_mistake_is_named_with_line_and_reason() {
    let cases = [
        ("no toml at all", GOOD, "verified = false", "verified = "),
        ("unknown key", GOOD, "maker =", "maker_name ="),
        ("unknown key of a point", GOOD, "phase = \"a\"", "phasee = \"a\""),
        ("missing key", GOOD, "source = \"test\"\n", ""),
        ("missing key of a point", GOOD, "format = \"u16\"\n", ""),
        ("wrong type", GOOD, "address = 0x0010", "address = \"16\""),
        ("unknown protocol", GOOD, "\"modbus_rtu\"", "\"modbus\""),
        ("empty name", GOOD, "name = \"测试探测器\"", "name = \" \""),
        ("interval of nothing", GOOD, "interval_s = 10", "interval_s = 0"),
        ("code twice", GOOD, "code = \"temperature_a\"", "code = \"residual\""),
        ("code of a status taken", GOOD, "code = \"flags\"", "code = \"residual\""),
        ("code with capitals", GOOD, "code = \"residual\"", "code = \"Residual\""),
        ("unknown quantity", GOOD, "\"residual_current\"", "\"leakage\""),
        ("unknown phase", GOOD, "phase = \"a\"", "phase = \"L1\""),
        ("unknown format", GOOD, "format = \"u16\"", "format = \"float\""),
        ("bit in a register space", GOOD, "format = \"u16\"", "format = \"bit\""),
        ("address too large", GOOD, "address = 0x0010", "address = 0x10000"),
        ("two points at one address", GOOD, "address = 0x0011", "address = 0x0010"),
        ("a long value over its neighbour", GOOD, "format = \"u16\"", "format = \"u32\""),
        ("a status on a point", GOOD, "address = 0x0012", "address = 0x0011"),
        ("scale no power of ten", GOOD, "scale = 0.1", "scale = 0.5"),
        ("scale above one", GOOD, "scale = 0.1", "scale = 10"),
        ("range upside down", GOOD, "range = [0, 5000]", "range = [5000, 0]"),
        ("range that the format cannot write", GOOD, "range = [0, 5000]", "range = [-1, 5000]"),
        ("invalid code that is no number", GOOD, "0xE5E5 =", "short ="),
        ("invalid code too large", GOOD, "0xE5E5 =", "0x1E5E5 ="),
        ("invalid code with an unknown meaning", GOOD, "\"sensor_short\"", "\"short\""),
        ("segment with modbus", GOOD, "address = 0x0010", "address = 0x0010\nsegment = \"1-1\""),
        ("function out of range", GOOD, "address = 0x0010", "address = 0x0010\nfunction = 6"),
        ("meaning names a missing point", GOOD, "point = \"temperature_a\"", "point = \"temperature_b\""),
        ("meaning does not fit the point", GOOD, "point = \"temperature_a\"", "point = \"residual\""),
        ("meaning of a value outside the mask", GOOD, "value = 1", "value = 4"),
        ("unknown hazard", GOOD, "\"over_temperature\"", "\"hot\""),
        ("severity of the wrong class", GOOD, "severity = \"alarm\"", "severity = \"fault\""),
        ("mask with a hole", GOOD, "mask = 0x0003", "mask = 0x0005"),
        (
            "no meanings",
            GOOD,
            "meanings = [{ value = 1, hazard = \"over_temperature\", severity = \"alarm\", point = \"temperature_a\" }]",
            "meanings = []",
        ),
        (
            "point outside every group",
            GOOD,
            "[[statuses]]",
            "[[groups]]\nstart = 0x10\ncount = 1\n\n[[statuses]]",
        ),
        ("group too long", GOOD, "[[statuses]]", "[[groups]]\nstart = 0x10\ncount = 126\n\n[[statuses]]"),
        (
            "group over a group",
            GOOD,
            "[[statuses]]",
            "[[groups]]\nstart = 0x10\ncount = 3\n\n[[groups]]\nstart = 0x12\ncount = 1\n\n[[statuses]]",
        ),
        (
            "group of nothing",
            GOOD,
            "[[statuses]]",
            "[[groups]]\nstart = 0x10\ncount = 3\n\n[[groups]]\nstart = 0x40\ncount = 1\n\n[[statuses]]",
        ),
        ("reset by a read", GOOD, "function = 6", "function = 3"),
        ("reset with too many values", GOOD, "values = [1]", "values = [1, 2]"),
        ("coil value", GOOD, "function = 6", "function = 5"),
        ("warning above alarm", GOOD, "warning = 55", "warning = 80"),
        (
            "limit of a hazard that nothing measures",
            GOOD,
            "[limits.over_temperature]",
            "[limits.over_voltage]",
        ),
        ("limit of an unknown hazard", GOOD, "[limits.over_temperature]", "[limits.heat]"),
        ("negative delay", GOOD, "warning = 55", "on_delay_s = -1"),
        ("cloud without a segment", CLOUD, "segment = \"1-1\"\n", ""),
        ("cloud without groups", CLOUD, "[[groups]]\nsegment = \"1-1\"\nstart = 0\ncount = 4\n", ""),
        ("segment with brackets", CLOUD, "\"1-1\"", "\"(1)\""),
        ("poll period in the cloud", CLOUD, "count = 4", "count = 4\nevery_s = 5"),
        (
            "segments that cannot be told apart",
            CLOUD,
            "[[points]]",
            "[[groups]]\nsegment = \"1-1\"\nstart = 1\ncount = 4\n\n[[points]]",
        ),
        ("clock on a point", CLOUD, "[[points]]", "[clock]\naddress = 0\nformat = \"ymdhms\"\n\n[[points]]"),
    ];
    let report: Vec<String> = cases
        .iter()
        .map(|(what, text, old, new)| format!("{what}\n    {}", broken(text, old, new)))
        .collect();
    assert!(!report.iter().any(|line| line.contains("was accepted")), "{}", report.join("\n"));
    insta::assert_snapshot!(report.join("\n"));
}

#[test]
fn a_file_name_must_make_an_id() {
    assert_eq!(
        parse("profiles/Mein Profil.toml", GOOD).unwrap_err().to_string(),
        "profiles/Mein Profil.toml:1:1: file name is `Mein Profil.toml`, want lower-case letters, digits and `-` before .toml"
    );
    assert!(parse("profiles/test.json", GOOD).is_err());
}

#[test]
fn a_column_counts_characters() {
    let error = parse("t.toml", "name = \"三相\" x\n").unwrap_err();
    assert_eq!((error.line, error.column), (1, 13));
}

#[test]
fn every_shipped_file_parses_and_says_where_it_comes_from() {
    let profiles = shipped().unwrap();
    assert_eq!(profiles.len(), SHIPPED.len());
    for profile in &profiles {
        assert!(profile.source.len() > 20, "{} has no source", profile.id);
        assert!(!profile.groups.is_empty() || profile.protocol.is_keyed());
    }
    let verified: Vec<_> = profiles.iter().filter(|p| p.verified).map(|p| p.id.as_str()).collect();
    assert_eq!(
        verified,
        ["asj-relay", "telemetry-generic"],
        "a map becomes verified by a device or a complete manual, not by wish"
    );
}

#[test]
fn what_is_polled_of_each_shipped_profile() {
    let lines: Vec<String> = shipped()
        .unwrap()
        .iter()
        .flat_map(|profile| {
            profile.groups.iter().map(|group| {
                format!(
                    "{} group {}: function {} start {:#06x} count {} segment {}",
                    profile.id,
                    group.index,
                    group.space.function,
                    group.start,
                    group.count,
                    group.space.segment.as_deref().unwrap_or("-")
                )
            })
        })
        .collect();
    insta::assert_snapshot!(lines.join("\n"));
}
