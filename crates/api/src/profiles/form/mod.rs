//! A profile as a form. The form and the text are one document: [`read`](read::read) takes the text apart, and
//! [`write`](write::write) puts what was changed back into it, so that comments, order and notation (`0x0010`) of
//! everything else stay. What the form has no field for travels along as text.

pub(super) mod place;
mod read;
mod values;
mod write;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub(super) use read::read;
pub(super) use write::write;

/// Keys of a profile that have fields in the form.
const TOP: [&str; 15] = [
    "name",
    "maker",
    "verified",
    "source",
    "protocol",
    "interval_s",
    "replays_history",
    "function",
    "poll_gap",
    "points",
    "statuses",
    "groups",
    "clock",
    "reset",
    "limits",
];
const POINT: [&str; 14] = [
    "code", "name", "quantity", "phase", "function", "segment", "address", "format", "key", "multiply",
    "group", "scale", "range", "invalid",
];
const STATUS: [&str; 8] = ["code", "function", "segment", "address", "key", "group", "mask", "meanings"];
const GROUP: [&str; 5] = ["function", "segment", "start", "count", "every_s"];

/// A profile as a form. Numbers are texts as they are written, empty where they are left out.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::profiles) struct ProfileForm {
    /// What people call it.
    pub name: String,
    /// Who makes it.
    pub maker: String,
    /// Whether its map was checked against a real device or a complete manual.
    pub verified: bool,
    /// Where the map comes from.
    pub source: String,
    /// `cloud_7b7b`, `modbus_rtu` ...
    #[schema(example = "modbus_rtu")]
    pub protocol: String,
    /// How often it speaks by itself or is asked, s.
    #[schema(example = "5")]
    pub interval_s: String,
    /// Whether it sends stored history after an outage.
    pub replays_history: bool,
    /// Modbus read function where a part does not say its own.
    pub function: String,
    /// How many registers in between may be read for nothing.
    pub poll_gap: String,
    /// What it measures; the order is part of what is stored.
    pub points: Vec<FormPoint>,
    /// What its status words mean.
    pub statuses: Vec<FormStatus>,
    /// What is read or comes together.
    pub groups: Vec<FormGroup>,
    /// Where the device's own clock stands.
    pub clock: Option<FormClock>,
    /// How an alarm held by the device is reset.
    pub reset: Option<FormReset>,
    /// Limits of this model.
    pub limits: Vec<FormLimit>,
    /// Everything else, as TOML.
    pub rest: String,
}

/// A point.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::profiles) struct FormPoint {
    /// Its place in the text that the form was read from; null for a new one.
    #[schema(minimum = 0)]
    pub at: Option<u32>,
    /// Its name in the profile.
    pub code: String,
    /// What people call it.
    pub name: String,
    /// What it measures.
    pub quantity: String,
    /// On which conductor.
    pub phase: String,
    /// Modbus read function.
    pub function: String,
    /// Segment of an upload.
    pub segment: String,
    /// The register.
    #[schema(example = "0x0010")]
    pub address: String,
    /// How the number is written there.
    pub format: String,
    /// The name under which it is sent.
    pub key: String,
    /// From the device's unit to the platform's.
    pub multiply: String,
    /// What arrives together has one number.
    pub group: String,
    /// One step of the integer in the unit.
    pub scale: String,
    /// The least value that can be.
    pub least: String,
    /// The greatest value that can be.
    pub greatest: String,
    /// Codes that are no values.
    pub invalid: Vec<FormInvalid>,
    /// Everything else about the point, as TOML.
    pub more: String,
}

/// A code that is no value.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::profiles) struct FormInvalid {
    /// The raw code.
    #[schema(example = "0xE5E5")]
    pub code: String,
    /// `sensor_open`, `sensor_short`, `device_fault`, `implausible`.
    pub quality: String,
}

/// A status word.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::profiles) struct FormStatus {
    /// Its place in the text that the form was read from; null for a new one.
    #[schema(minimum = 0)]
    pub at: Option<u32>,
    /// Its name in the profile.
    pub code: String,
    /// Modbus read function.
    pub function: String,
    /// Segment of an upload.
    pub segment: String,
    /// The register.
    pub address: String,
    /// The name under which it is sent.
    pub key: String,
    /// What arrives together has one number.
    pub group: String,
    /// The bits that matter.
    #[schema(example = "0b111")]
    pub mask: String,
    /// What each value means.
    pub meanings: Vec<FormMeaning>,
    /// Everything else about it, as TOML.
    pub more: String,
}

/// What one value of a status word means.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::profiles) struct FormMeaning {
    /// The value.
    pub value: String,
    /// The hazard or fault.
    pub hazard: String,
    /// How bad.
    pub severity: String,
    /// The point that it is about; empty for the device as a whole.
    pub point: String,
}

/// A group.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::profiles) struct FormGroup {
    /// Its place in the text that the form was read from; null for a new one.
    #[schema(minimum = 0)]
    pub at: Option<u32>,
    /// Modbus read function.
    pub function: String,
    /// Segment of an upload.
    pub segment: String,
    /// First register.
    pub start: String,
    /// How many.
    pub count: String,
    /// Poll period, s.
    pub every_s: String,
    /// Everything else about it, as TOML.
    pub more: String,
}

/// The device's clock.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::profiles) struct FormClock {
    /// Modbus read function.
    pub function: String,
    /// Segment of an upload.
    pub segment: String,
    /// Its first register.
    pub address: String,
    /// `ymdhms` or `unix_s`.
    pub format: String,
    /// How far its local time is ahead of UTC, minutes.
    pub utc_offset_min: String,
}

/// The write that lets an alarm of the device go.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::profiles) struct FormReset {
    /// Modbus write function 5, 6 or 16.
    pub function: String,
    /// First register.
    pub address: String,
    /// What to write, with commas between.
    #[schema(example = "1, 0")]
    pub values: String,
}

/// What the model says about one hazard; empty is inherited.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::profiles) struct FormLimit {
    /// The hazard.
    pub hazard: String,
    /// `true`, `false` or empty.
    pub enabled: String,
    /// Warning level.
    pub warning: String,
    /// Alarm level.
    pub alarm: String,
    /// s.
    pub on_delay_s: String,
    /// s.
    pub off_delay_s: String,
    /// In the hazard's unit.
    pub deadband: String,
    /// `true`, `false` or empty.
    pub latching: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "# ours
name = \"某\" # as printed
maker = \"m\"
verified = false
source = \"s\"
protocol = \"modbus_rtu\"
interval_s = 5

# the leak
[[points]]
code = \"residual\"
name = \"剩余电流\"
quantity = \"residual_current\"
address = 0x0010   # page 12
format = \"u16\"
range = [0, 30_000]
invalid = { 0xE5E5 = \"sensor_short\" }

# the heat
[[points]]
code = \"t\"
name = \"温度\"
quantity = \"conductor_temperature\"
address = 0x0011
format = \"i16\"
scale = 0.1

[[statuses]]
code = \"s\"
address = 0x0020
mask = 0b11
meanings = [
  { value = 1, hazard = \"residual_current\", severity = \"alarm\", point = \"residual\" },
]

[limits.residual_current]
alarm = 400 # from the plate

[[commands]]
name = \"self_test\" # not ours
";

    #[test]
    fn an_unchanged_form_changes_no_byte() {
        let form = read(TEXT).unwrap();
        assert_eq!(form.points[0].address, "0x0010");
        assert_eq!((form.points[0].least.as_str(), form.points[0].greatest.as_str()), ("0", "30_000"));
        assert_eq!(form.statuses[0].mask, "0b11");
        assert!(form.rest.contains("[[commands]]"), "{}", form.rest);
        assert_eq!(write(TEXT, &form).unwrap(), TEXT);
        for (_, text) in domain::profile::SHIPPED {
            assert_eq!(write(text, &read(text).unwrap()).unwrap(), *text);
        }
    }

    #[test]
    fn a_change_touches_its_own_place_only() {
        let mut form = read(TEXT).unwrap();
        form.points[0].address = "0x0012".to_owned();
        form.name = "某某".to_owned();
        form.limits[0].warning = "200".to_owned();
        let text = write(TEXT, &form).unwrap();
        let wanted = TEXT
            .replace("0x0010   # page 12", "0x0012   # page 12")
            .replace("\"某\" #", "\"某某\" #")
            .replace("# from the plate\n", "# from the plate\nwarning = 200\n");
        assert_eq!(text, wanted);
    }

    #[test]
    fn points_come_go_and_move_with_their_comments() {
        let mut form = read(TEXT).unwrap();
        form.points.push(FormPoint {
            code: "i".to_owned(),
            name: "电流".to_owned(),
            quantity: "current".to_owned(),
            address: "0x0013".to_owned(),
            format: "u16".to_owned(),
            scale: "0.01".to_owned(),
            ..FormPoint::default()
        });
        let text = write(TEXT, &form).unwrap();
        let profile = domain::profile::parse(
            "x.toml",
            &text.replace("[[commands]]\nname = \"self_test\" # not ours\n", ""),
        );
        let codes: Vec<_> = profile.unwrap().points.into_iter().map(|point| point.code).collect();
        assert_eq!(codes, ["residual", "t", "i"], "{text}");
        assert!(text.find("code = \"i\"") < text.find("[[statuses]]"), "{text}");
        assert_eq!(read(&text).unwrap().points[2].scale, "0.01");

        let mut form = read(&text).unwrap();
        form.points.swap(0, 1);
        form.points.pop();
        let moved = write(&text, &form).unwrap();
        assert!(moved.find("# the heat") < moved.find("# the leak"), "{moved}");
        assert!(!moved.contains("电流\"\nquantity = \"current\""), "{moved}");
    }

    #[test]
    fn the_rest_goes_in_and_out_as_text() {
        let mut form = read(TEXT).unwrap();
        form.rest = "[gb26875]\nsystem = 1\n".to_owned();
        form.points[0].more = "hint = \"x\"".to_owned();
        let text = write(TEXT, &form).unwrap();
        assert!(text.contains("[gb26875]\nsystem = 1"), "{text}");
        assert!(!text.contains("[[commands]]"), "{text}");
        let again = read(&text).unwrap();
        assert_eq!((again.points[0].more.trim(), again.rest.trim()), ("hint = \"x\"", form.rest.trim()));
        form.rest = "[[points]]\n".to_owned();
        assert_eq!(write(TEXT, &form).unwrap_err().field, "rest");
        form.rest = "a = ".to_owned();
        assert_eq!(write(TEXT, &form).unwrap_err().field, "rest");
    }

    #[test]
    fn what_is_no_number_is_kept_as_it_was_typed() {
        let mut form = read(TEXT).unwrap();
        form.points[1].address = "oops".to_owned();
        let text = write(TEXT, &form).unwrap();
        let mistake = domain::profile::parse("x.toml", &text).unwrap_err();
        assert_eq!(
            place::field_at(&text, mistake.line, mistake.column, &mistake.reason),
            "points[1].address"
        );
        assert_eq!(read(&text).unwrap().points[1].address, "oops");
    }

    #[test]
    fn a_form_alone_makes_a_text() {
        let mut form = read(TEXT).unwrap();
        form.rest = String::new();
        for point in &mut form.points {
            point.at = None;
        }
        form.statuses[0].at = None;
        form.clock = Some(FormClock {
            address: "0x30".to_owned(),
            format: "unix_s".to_owned(),
            ..FormClock::default()
        });
        form.reset =
            Some(FormReset { function: "6".to_owned(), address: "1".to_owned(), values: "1".to_owned() });
        let text = write("", &form).unwrap();
        let profile = domain::profile::parse("x.toml", &text).unwrap();
        assert_eq!((profile.points.len(), profile.statuses.len(), profile.limits.len()), (2, 1, 1));
        assert!(profile.reset.is_some() && profile.clock.is_some());
    }
}
