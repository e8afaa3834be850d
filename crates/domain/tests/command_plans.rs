//! From `[[commands]]` of a profile to what goes over the line; and the mistakes that are refused.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use domain::command::plan::{clock_write, words_read};
use domain::command::{Act, CommandKind, Look, PlanError, plan, raw_read};
use domain::profile::{ClockFormat, Profile, ReadCommand, WriteCommand, parse, shipped};
use domain::reading::PointIndex;
use domain::time::UnixMs;
use serde_json::json;

const REGISTERS: &str = r#"
name = "测试"
maker = "test"
protocol = "modbus_rtu"
verified = true
source = "constructed"
interval_s = 10

[[points]]
code = "residual"
name = "剩余电流"
quantity = "residual_current"
address = 0
format = "u16"

[[points]]
code = "switch"
name = "分合闸"
quantity = "switch"
function = 1
address = 7
format = "bit"
"#;

const NAMES: &str = r#"
name = "测试"
maker = "test"
protocol = "telemetry"
verified = true
source = "constructed"
interval_s = 60

[[points]]
code = "residual"
name = "剩余电流"
quantity = "residual_current"
key = "residual"

[[points]]
code = "switch"
name = "分合闸"
quantity = "switch"
key = "switch"
"#;

fn with(base: &str, commands: &str) -> Result<Profile, String> {
    parse("test.toml", &format!("{base}\n{commands}")).map_err(|error| error.to_string())
}

fn of_shipped(id: &str) -> Profile {
    shipped().unwrap().into_iter().find(|profile| profile.id == id).unwrap()
}

#[test]
fn the_shipped_profiles_say_what_their_sources_say() {
    let breaker = of_shipped("leakage-breaker");
    let trip = plan(&breaker, breaker.command("trip").unwrap(), None).unwrap();
    assert_eq!(trip.acts, [Act::Write(WriteCommand { function: 5, address: 1, values: vec![0] })]);
    let check = trip.check.unwrap();
    let read = ReadCommand { function: 1, address: 1, count: 1 };
    assert_eq!((check.within_ms, check.look), (10_000, Look::Ask { read, words: vec![0] }));
    assert!(breaker.command("trip").unwrap().idempotent && !breaker.command("close").unwrap().idempotent);

    let aim = of_shipped("aim-r100");
    let twelfth = plan(&aim, aim.command("alarm_12").unwrap(), Some(300.0)).unwrap();
    assert_eq!(twelfth.acts, [Act::Write(WriteCommand { function: 16, address: 0x61, values: vec![300] })]);
    assert!(matches!(
        plan(&aim, aim.command("alarm_1").unwrap(), Some(5.0)),
        Err(PlanError::ValueOutOfRange { min, max, .. }) if (min, max) == (6.0, 1000.0)
    ));
    let asj = of_shipped("asj-relay");
    let delay = plan(&asj, asj.command("on_delay").unwrap(), Some(0.5)).unwrap();
    assert_eq!(delay.acts, [Act::Write(WriteCommand { function: 16, address: 0x10, values: vec![500] })]);
    assert!(plan(&asj, asj.command("on_delay").unwrap(), Some(0.0005)).is_err(), "finer than it can hold");

    // `[reset]` alone is the reset command.
    let arcm = of_shipped("arcm300-modbus");
    let reset = plan(&arcm, arcm.command("reset").unwrap(), None).unwrap();
    assert_eq!(reset.acts, [Act::Write(arcm.reset.clone().unwrap())]);
    assert!(plan(&arcm, arcm.command("reset").unwrap(), Some(1.0)).is_err());
}

#[test]
fn values_go_into_registers_as_the_format_says_and_come_back_from_there() {
    let profile = with(
        REGISTERS,
        r#"
[[commands]]
kind = "reporting_period"
address = 0x20
format = "u32_swapped"
range = [5, 86400]
read_back = { function = 4 }
"#,
    )
    .unwrap();
    let made = plan(&profile, profile.command("reporting_period").unwrap(), Some(86_400.0)).unwrap();
    let write = WriteCommand { function: 16, address: 0x20, values: vec![0x5180, 1] };
    assert_eq!(made.acts, [Act::Write(write)]);
    let read = ReadCommand { function: 4, address: 0x20, count: 2 };
    assert_eq!(made.check.as_ref().unwrap().look, Look::Ask { read, words: vec![0x5180, 1] });
    assert_eq!(words_read(read, &[0x51, 0x80, 0, 1]), Some(vec![0x5180, 1]));
    assert_eq!(words_read(read, &[0x51, 0x80, 0]), None);
    let bits = ReadCommand { function: 2, address: 0, count: 9 };
    assert_eq!(words_read(bits, &[0b101, 1]), Some(vec![1, 0, 1, 0, 0, 0, 0, 0, 1]));
    // What is stored is read back as it was.
    let stored = serde_json::to_string(&made).unwrap();
    assert_eq!(serde_json::from_str::<domain::command::Plan>(&stored).unwrap(), made);
}

#[test]
fn the_stored_form_of_version_1_is_read_as_it_was_written() {
    let kept = r#"{"v":1,"acts":[{"write":{"function":5,"address":1,"values":[0]}},"set_clock",{"clock":{"address":9,"format":"ymdhms","utc_offset_min":480}},{"named":{"name":"trip","value":{}}},{"read":{"function":3,"address":0,"count":2}}],"check":{"within_ms":10000,"look":{"ask":{"read":{"function":1,"address":1,"count":1},"words":[0]}}}}"#;
    let plan: domain::command::Plan = serde_json::from_str(kept).unwrap();
    assert_eq!(plan.acts.len(), 5);
    assert_eq!(serde_json::to_string(&plan).unwrap(), kept);
}

#[test]
fn protocols_with_names_get_messages_and_wait_for_what_the_device_tells() {
    let profile = with(
        NAMES,
        r#"
[[commands]]
kind = "set_point"
send = "set"
parameters = { key = "alarm" }
value_as = "limit"
hazard = "residual_current"
field = "alarm"
scale = 0.1
range = [20, 1000]

[[commands]]
kind = "trip"
send = "switch"
parameters = { to = "open" }
read_back = { point = "switch", value = 0, within_s = 90 }

[[commands]]
kind = "clock"
"#,
    )
    .unwrap();
    let set = plan(&profile, profile.command("set_point").unwrap(), Some(300.5)).unwrap();
    let value = json!({ "key": "alarm", "limit": 300.5 });
    assert_eq!(set.acts, [Act::Named { name: "set".to_owned(), value }]);
    let whole = plan(&profile, profile.command("set_point").unwrap(), Some(300.0)).unwrap();
    let value = json!({ "key": "alarm", "limit": 300 });
    assert_eq!(whole.acts, [Act::Named { name: "set".to_owned(), value }]);
    let trip = plan(&profile, profile.command("trip").unwrap(), None).unwrap();
    let look = Look::Wait { point: PointIndex(1), raw: 0 };
    assert_eq!(trip.check.map(|check| (check.within_ms, check.look)), Some((90_000, look)));
    assert_eq!(plan(&profile, profile.command("clock").unwrap(), None).unwrap().acts, [Act::SetClock]);
}

#[test]
fn clocks_are_written_in_local_time() {
    // 2026-11-24T10:00:05Z is 18:00:05 in Shanghai.
    let now = UnixMs(1_795_514_405_000);
    let write = clock_write(0x12, ClockFormat::Ymdhms, 480, now).unwrap();
    assert_eq!((write.function, write.address), (16, 0x12));
    assert_eq!(write.values, [0x1A0B, 0x1812, 0x0005]);
    let write = clock_write(0, ClockFormat::UnixS, 480, now).unwrap();
    assert_eq!(write.values, [0x6B05, 0x6025]);
    assert_eq!(clock_write(0, ClockFormat::Ymdhms, 0, UnixMs(0)), None, "1970 has no year there");
}

#[test]
fn raw_reads_have_bounds() {
    let read = |function, address, count| raw_read(ReadCommand { function, address, count }).is_ok();
    assert!(read(3, 0, 125) && read(1, 0, 2000) && read(4, 0xFFFF, 1));
    assert!(!read(3, 0, 126) && !read(3, 0, 0) && !read(5, 0, 1) && !read(0, 0, 1) && !read(4, 0xFFFF, 2));
}

#[test]
fn every_mistake_is_named() {
    let mistakes = [
        (REGISTERS, r#"kind = "explode""#),
        (REGISTERS, r#"kind = "trip""#),
        (REGISTERS, r#"kind = "raw_read""#),
        (REGISTERS, "kind = \"trip\"\nwrites = []"),
        (REGISTERS, "kind = \"trip\"\nwrites = [{ function = 5, address = 1, values = [1] }]"),
        (REGISTERS, "kind = \"trip\"\nsend = \"trip\""),
        (
            REGISTERS,
            "kind = \"trip\"\nrange = [0, 1]\nwrites = [{ function = 6, address = 1, values = [1] }]",
        ),
        (
            REGISTERS,
            "kind = \"trip\"\nwrites = [{ function = 6, address = 1, values = [1] }]\nread_back = { within_s = 5 }",
        ),
        (
            REGISTERS,
            "kind = \"trip\"\nwrites = [{ function = 6, address = 1, values = [1] }]\nread_back = { point = \"breaker\", value = 0 }",
        ),
        (
            REGISTERS,
            "kind = \"trip\"\nwrites = [{ function = 6, address = 1, values = [1] }]\nread_back = { point = \"switch\", value = 2 }",
        ),
        (REGISTERS, "kind = \"reporting_period\"\naddress = 1\nformat = \"u16\""),
        (REGISTERS, "kind = \"reporting_period\"\naddress = 1\nformat = \"u16\"\nrange = [0, 70000]"),
        (
            REGISTERS,
            "kind = \"reporting_period\"\nfunction = 6\naddress = 1\nformat = \"u32\"\nrange = [0, 70000]",
        ),
        (REGISTERS, "kind = \"set_point\"\naddress = 1\nformat = \"u16\"\nrange = [0, 7]"),
        (
            REGISTERS,
            "kind = \"set_point\"\naddress = 1\nformat = \"u16\"\nrange = [0, 7]\nhazard = \"offline\"\nfield = \"alarm\"",
        ),
        (
            REGISTERS,
            "kind = \"set_point\"\naddress = 1\nformat = \"u16\"\nrange = [0, 7]\nhazard = \"residual_current\"\nfield = \"alarm\"\npoint = \"switch\"",
        ),
        (NAMES, r#"kind = "trip""#),
        (NAMES, "kind = \"trip\"\nsend = \"trip\"\nvalue_as = \"v\""),
        (NAMES, "kind = \"trip\"\nwrites = [{ function = 5, address = 1, values = [0] }]"),
        (NAMES, "kind = \"trip\"\nsend = \"trip\"\nread_back = { address = 1, words = [0] }"),
    ];
    let mut report = String::new();
    for (base, command) in mistakes {
        let said = with(base, &format!("[[commands]]\n{command}\n"))
            .map_or_else(|error| error, |_profile| "was accepted".to_owned());
        let place = said.split_once(": ").map_or(said.as_str(), |(_, reason)| reason);
        report.push_str(&format!("{}\n    {place}\n", command.replace('\n', "; ")));
    }
    let twice = "[[commands]]\nkind = \"mute\"\nwrites = [{ function = 6, address = 1, values = [1] }]\n";
    report.push_str(&with(REGISTERS, &format!("{twice}{twice}")).unwrap_err());
    insta::assert_snapshot!(report);
}

#[test]
fn kinds_say_what_they_need() {
    for kind in CommandKind::ALL {
        assert_eq!(CommandKind::from_code(kind.code()), Some(kind));
        assert!(!(kind.switches() && kind.fits_batches()), "a breaker is switched one at a time");
    }
}
