//! From a message with named values to readings, whatever door it came through.
//!
//! ```text
//!                 +- the profile's keys are bytes[..] -> the payload as it is
//! payload, form --+- the profile has keys $.a.b       -> tree, values by path (foreign JSON or CBOR)
//!                 +- else                             -> wire::telemetry::Message (own form), values by name
//! ```

use bus::Directory;
use domain::place::{DetectorEntry, TerminalEntry};
use domain::profile::{self, Decimal, Key, KeyValue, KeyedGroup, Profile, RawKey, Source, decode_named};
use domain::reading::Reading;
use domain::time::UnixMs;
use wire::telemetry::{self, Answer, Form, Limits, Message, Number, Step, Tree};

/// What came, and how its bytes are to be read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Payload<'a> {
    /// The bytes.
    pub(crate) bytes: &'a [u8],
    /// Their form; `None` where the door does not know: then the profile and the first byte decide.
    pub(crate) form: Option<Form>,
}

/// What the door knows beside the payload.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Context<'a> {
    /// The sub-device that the topic or path names; one in the message wins.
    pub(crate) address: Option<&'a str>,
    /// The time that the carrier's platform gives, for messages without one of their own.
    pub(crate) device_at: Option<UnixMs>,
    /// Server's clock.
    pub(crate) received_at: UnixMs,
    /// How much a message may be.
    pub(crate) limits: &'a Limits,
}

/// What a message came to.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Understood {
    /// Its readings, of admitted detectors, ready for the pipeline.
    pub(crate) readings: Vec<Reading>,
    /// What became of commands.
    pub(crate) answers: Vec<Answer>,
    /// Modem signal 0-31.
    pub(crate) signal: Option<u8>,
    /// Firmware text.
    pub(crate) firmware: Option<String>,
    /// The parts that could not be read, with the reason; the others must not be lost because of them.
    pub(crate) refused: Vec<PartRefused>,
}

/// A part of a message that could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PartRefused {
    /// Which: `readings[3]`, `events[0]`, `message`.
    pub(crate) part: String,
    /// What was had and what was wanted.
    pub(crate) reason: String,
}

/// Parts whose refusal is told; a message of a thousand mistakes is told of the first.
const TOLD: usize = 20;

impl Understood {
    /// Whether nothing in it can be used.
    pub(crate) fn is_useless(&self) -> bool {
        self.readings.is_empty() && self.answers.is_empty() && !self.refused.is_empty()
    }

    fn refuse(&mut self, part: impl Into<String>, reason: impl Into<String>) {
        if self.refused.len() < TOLD {
            self.refused.push(PartRefused { part: part.into(), reason: reason.into() });
        }
    }
}

/// How a profile's keys look into a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Look {
    Bytes,
    Path,
    Name,
}

fn look(profile: &Profile) -> Look {
    let keys = || {
        let of_points = profile.points.iter().filter_map(|point| match &point.source {
            Source::Key(key) => Some(key),
            Source::Register(_) => None,
        });
        of_points.chain(profile.keyed_statuses.iter().map(|status| &status.key))
    };
    if keys().any(|key| RawKey::is_meant(&key.name)) {
        Look::Bytes
    } else if keys().any(|key| !key.steps.is_empty()) {
        Look::Path
    } else {
        Look::Name
    }
}

/// Reads a message of `entry`.
///
/// # Errors
/// The reason why nothing of it could be read: no detector behind the terminal, or not the form that was wanted.
pub(crate) fn understand(
    entry: &TerminalEntry,
    directory: &Directory,
    payload: Payload<'_>,
    context: Context<'_>,
) -> Result<Understood, String> {
    let mut understood = Understood::default();
    let mut has_names = false;
    let mut tree: Option<Tree> = None;
    for detector in &entry.detectors {
        let profile = loaded(detector, directory)?;
        match look(&profile) {
            Look::Name => has_names = true,
            Look::Bytes if is_of(detector, context.address) => {
                if payload.bytes.len() > context.limits.bytes {
                    let (had, max) = (payload.bytes.len(), context.limits.bytes);
                    return Err(format!("{had} bytes, want at most {max}"));
                }
                let found = groups(detector, &profile, context.device_at, context, |key| {
                    RawKey::parse(&key.name).ok()?.read(payload.bytes)
                });
                keep(&mut understood, "message", &profile, found);
            }
            Look::Path if is_of(detector, context.address) => {
                let whole = match &tree {
                    Some(tree) => tree,
                    None => tree.insert(read_tree(payload, context.limits)?),
                };
                let root = root(detector, whole);
                let found = groups(detector, &profile, context.device_at, context, |key| {
                    let steps = key.steps.iter().map(|step| match step {
                        profile::Step::Name(name) => Step::Name(name),
                        profile::Step::Item(item) => Step::Item(*item),
                    });
                    match key.steps.is_empty() {
                        true => value(root?.member(&key.name)?),
                        false => value(root?.at(steps)?),
                    }
                });
                keep(&mut understood, "message", &profile, found);
            }
            Look::Bytes | Look::Path => {}
        }
    }
    let is_ours = |tree: &Tree| tree.member("v").is_some();
    if has_names || entry.detectors.is_empty() {
        let tree = match tree {
            Some(tree) => tree,
            None => read_tree(payload, context.limits)?,
        };
        let message = Message::take(tree, context.limits).map_err(|refused| refused.to_string())?;
        own_form(entry, directory, message, context, &mut understood);
    } else if let Some(tree) = tree.filter(is_ours) {
        // A device whose values are foreign may still answer commands in our form.
        if let Ok(message) = Message::take(tree, context.limits) {
            understood.answers = message.answers;
            understood.refused.clear();
        }
    }
    if understood == Understood::default() {
        let wanted = entry.detectors.iter().filter_map(|detector| detector.address.as_deref());
        let wanted = wanted.collect::<Vec<_>>().join(", ");
        return Err(match context.address {
            Some(address) => format!("address `{address}`, want one of {wanted}"),
            None => {
                "a message that says nothing, want readings, events, answers, signal or firmware".to_owned()
            }
        });
    }
    Ok(understood)
}

fn read_tree(payload: Payload<'_>, limits: &Limits) -> Result<Tree, String> {
    let form = payload.form.or_else(|| Form::guess(payload.bytes));
    let form = form.ok_or("a payload that is neither JSON nor CBOR, want one of them")?;
    telemetry::read_tree(form, payload.bytes, limits).map_err(|refused| refused.to_string())
}

fn loaded(detector: &DetectorEntry, directory: &Directory) -> Result<std::sync::Arc<Profile>, String> {
    directory.profile(&detector.profile).ok_or_else(|| {
        format!("profile `{}` is not loaded, wanted by detector {}", detector.profile, detector.id)
    })
}

/// Whether a message that names `address`, or none, is about `detector`.
fn is_of(detector: &DetectorEntry, address: Option<&str>) -> bool {
    match (&detector.address, address) {
        // An address that is a path says where in a foreign message the detector stands.
        (Some(own), None) => own.starts_with('$'),
        (Some(own), Some(wanted)) => own == wanted || own.starts_with('$'),
        (None, _) => true,
    }
}

/// Where in a foreign message the values of `detector` stand.
fn root<'t>(detector: &DetectorEntry, tree: &'t Tree) -> Option<&'t Tree> {
    let Some(path) = detector.address.as_deref().filter(|address| address.starts_with('$')) else {
        return Some(tree);
    };
    let steps = profile::path_steps(path)?;
    tree.at(steps.iter().map(|step| match step {
        profile::Step::Name(name) => Step::Name(name),
        profile::Step::Item(item) => Step::Item(*item),
    }))
}

fn keep(understood: &mut Understood, part: &str, profile: &Profile, found: Vec<Reading>) {
    if found.is_empty() {
        understood.refuse(part, format!("no value that profile {} knows", profile.id));
    }
    understood.readings.extend(found);
}

fn groups(
    detector: &DetectorEntry,
    profile: &Profile,
    device_at: Option<UnixMs>,
    context: Context<'_>,
    find: impl Fn(&Key) -> Option<KeyValue>,
) -> Vec<Reading> {
    readings(detector, device_at, context, profile::decode_keyed(profile, find))
}

fn readings(
    detector: &DetectorEntry,
    device_at: Option<UnixMs>,
    context: Context<'_>,
    groups: Vec<KeyedGroup>,
) -> Vec<Reading> {
    groups
        .into_iter()
        .map(|group| Reading {
            detector: detector.id,
            group: group.group,
            device_at,
            received_at: context.received_at,
            samples: group.samples,
            reported: group.reported,
        })
        .collect()
}

/// One moment of one detector, with everything that the message says of it.
struct Moment {
    part: String,
    at_ms: Option<i64>,
    address: Option<String>,
    values: Vec<(String, Tree)>,
}

fn own_form(
    entry: &TerminalEntry,
    directory: &Directory,
    message: Message,
    context: Context<'_>,
    understood: &mut Understood,
) {
    let mut moments: Vec<Moment> = (0..)
        .zip(message.readings)
        .map(|(number, reading)| Moment {
            part: format!("readings[{number}]"),
            at_ms: reading.at_ms,
            address: reading.address,
            values: reading.values,
        })
        .collect();
    for (number, event) in (0..).zip(message.events) {
        // An event of a moment that has readings belongs to them: two readings of one moment would be filed as one.
        let same = moments.iter_mut().find(|moment| {
            moment.at_ms == event.at_ms
                && moment.address == event.address
                && moment.values.iter().all(|(code, _)| *code != event.code)
        });
        match same {
            Some(moment) => moment.values.push((event.code, event.value)),
            None => moments.push(Moment {
                part: format!("events[{number}]"),
                at_ms: event.at_ms,
                address: event.address,
                values: vec![(event.code, event.value)],
            }),
        }
    }
    for moment in moments {
        match of_moment(entry, directory, &moment, context) {
            Ok(readings) => understood.readings.extend(readings),
            Err(reason) => understood.refuse(moment.part, reason),
        }
    }
    understood.answers = message.answers;
    understood.signal = message.signal;
    understood.firmware = message.firmware;
}

fn of_moment(
    entry: &TerminalEntry,
    directory: &Directory,
    moment: &Moment,
    context: Context<'_>,
) -> Result<Vec<Reading>, String> {
    let address = moment.address.as_deref().or(context.address);
    let detector = named(entry, address)?;
    let profile = loaded(detector, directory)?;
    let device_at = moment.at_ms.map(UnixMs).or(context.device_at);
    // A device that sends its values in the profile's order is found each of them at the first look.
    let mut next = 0;
    let mut named = |name: &str| {
        let (before, from) = moment.values.split_at(next);
        let (at, (_, tree)) =
            (next..).zip(from).chain((0..).zip(before)).find(|(_, (had, _))| *had == name)?;
        next = at + 1;
        Some(tree)
    };
    let found = readings(
        detector,
        device_at,
        context,
        decode_named(&profile, |key, code| {
            let by_code = key.name != code;
            let tree = named(&key.name).or_else(|| if by_code { named(code) } else { None });
            tree.and_then(value)
        }),
    );
    if found.is_empty() {
        let had: Vec<_> = moment.values.iter().take(5).map(|(name, _)| name.as_str()).collect();
        let codes: Vec<_> = profile.points.iter().take(5).map(|point| point.code.as_str()).collect();
        return Err(format!(
            "values {}, want some that profile {} knows such as {}",
            had.join(", "),
            profile.id,
            codes.join(", ")
        ));
    }
    Ok(found)
}

/// The detector behind `entry` with this address; without one the terminal's own, or the only one.
fn named<'e>(entry: &'e TerminalEntry, address: Option<&str>) -> Result<&'e DetectorEntry, String> {
    let found = match (address, entry.detectors.as_slice()) {
        (Some(address), all) => all.iter().find(|detector| detector.address.as_deref() == Some(address)),
        (None, [only]) => Some(only),
        (None, all) => all.iter().find(|detector| detector.address.is_none()),
    };
    found.ok_or_else(|| {
        let wanted: Vec<_> = entry.detectors.iter().filter_map(|d| d.address.as_deref()).take(20).collect();
        let wanted = if wanted.is_empty() { "none".to_owned() } else { wanted.join(", ") };
        match address {
            Some(had) => format!("address `{had}`, want one of those behind this terminal: {wanted}"),
            None => format!("no address, want one of those behind this terminal: {wanted}"),
        }
    })
}

/// What a value of a message is to a profile; lists and maps are none.
fn value(tree: &Tree) -> Option<KeyValue> {
    match tree {
        Tree::Nothing => Some(KeyValue::Nothing),
        Tree::Truth(truth) => Some(KeyValue::Truth(*truth)),
        Tree::Number(number) => Some(decimal(number).map_or(KeyValue::Nothing, KeyValue::Number)),
        Tree::Text(text) => Some(KeyValue::Text(text.clone())),
        Tree::Bytes(_) | Tree::List(_) | Tree::Map(_) => None,
    }
}

fn decimal(number: &Number) -> Option<Decimal> {
    number.decimal().map(|decimal| Decimal { digits: decimal.digits, exponent: decimal.exponent })
}

#[cfg(test)]
mod tests {
    use domain::id::{DetectorId, TerminalId};
    use domain::place::{Admission, Protocol};
    use domain::reading::{PointIndex, Quality};

    use super::*;

    const FOREIGN: &str = r#"
name = "foreign"
maker = "test"
protocol = "telemetry"
verified = true
source = "made for tests"
interval_s = 60
[[points]]
code = "voltage_a"
name = "voltage"
quantity = "voltage"
phase = "a"
key = "$.data.Ua"
scale = 0.1
[[points]]
code = "residual"
name = "residual"
quantity = "residual_current"
key = "$.data.leak"
multiply = 1000
scale = 0.1
[[statuses]]
code = "alarm"
key = "$.data.state"
meanings = [{ value = "LEAK", hazard = "residual_current", severity = "alarm", point = "residual" }]
"#;

    fn directory() -> Directory {
        let directory = Directory::default();
        for profile in domain::profile::shipped().unwrap() {
            directory.put_profile(profile);
        }
        directory.put_profile(domain::profile::parse("foreign.toml", FOREIGN).unwrap());
        directory
    }

    fn terminal(detectors: &[(i64, &str, Option<&str>)]) -> TerminalEntry {
        TerminalEntry {
            id: TerminalId(1),
            serial: "T1".into(),
            protocol: Protocol::Telemetry,
            admission: Admission::Admitted,
            pinned_iccid: None,
            credentials: Vec::new(),
            detectors: detectors
                .iter()
                .map(|(id, profile, address)| DetectorEntry {
                    id: DetectorId(*id),
                    profile: (*profile).to_owned(),
                    unit_address: None,
                    address: address.map(str::to_owned),
                })
                .collect(),
        }
    }

    fn understood(entry: &TerminalEntry, bytes: &[u8], address: Option<&str>) -> Result<Understood, String> {
        let context = Context {
            address,
            device_at: None,
            received_at: UnixMs(1_767_294_245_000),
            limits: &Limits::default(),
        };
        understand(entry, &directory(), Payload { bytes, form: None }, context)
    }

    fn generic() -> TerminalEntry {
        terminal(&[(10, "telemetry-generic", None), (11, "telemetry-generic", Some("3_1"))])
    }

    #[test]
    fn values_become_exact_samples_by_code() {
        let text = br#"{"v":1,"at":1767294244000,"values":{"residual":12.5,"temperature_a":null,"voltage_a":"220.5"},"signal":20}"#;
        let understood = understood(&generic(), text, None).unwrap();
        let [reading] = understood.readings.as_slice() else { panic!("{understood:?}") };
        assert_eq!((reading.detector, reading.device_at), (DetectorId(10), Some(UnixMs(1_767_294_244_000))));
        let samples: Vec<_> = reading.samples.iter().map(|s| (s.point, s.raw, s.quality)).collect();
        let wanted = [
            (PointIndex(0), 125, Quality::Good),
            (PointIndex(1), 0, Quality::DeviceFault),
            (PointIndex(9 + 1), 2205, Quality::Good),
        ];
        assert_eq!(samples, wanted);
        assert_eq!(understood.signal, Some(20));
        assert!(understood.refused.is_empty());
    }

    #[test]
    fn one_wrong_part_does_not_lose_the_others() {
        let text =
            br#"{"v":1,"readings":[{"values":{"residual":1}},{"address":"3_1","values":{"residual":2}},
            {"address":"9","values":{"residual":3}},{"at":1,"values":{"resdual":4}}],
            "events":[{"code":"arc","address":"3_1"}]}"#;
        let understood = understood(&generic(), text, None).unwrap();
        let had: Vec<_> = understood.readings.iter().map(|r| (r.detector.0, r.group)).collect();
        assert_eq!(had, [(10, 0), (11, 0), (11, 1)], "the event joins the reading of its moment");
        let refused: Vec<_> = understood.refused.iter().map(|r| r.part.as_str()).collect();
        assert_eq!(refused, ["readings[2]", "readings[3]"]);
        assert!(
            understood.refused[0].reason.contains("address `9`, want one of those behind this terminal: 3_1")
        );
        assert!(
            understood.refused[1].reason.contains("values resdual, want some that profile telemetry-generic")
        );
        assert!(!understood.is_useless());
    }

    #[test]
    fn foreign_json_is_read_by_path_and_from_where_the_detector_stands() {
        let text = br#"{"ts":1,"data":{"Ua":"220.5","leak":0.0305,"state":"LEAK"}}"#;
        let one = terminal(&[(20, "foreign", None)]);
        let result = understood(&one, text, None).unwrap();
        let [reading] = result.readings.as_slice() else { panic!("{result:?}") };
        assert_eq!(reading.samples.iter().map(|s| s.raw).collect::<Vec<_>>(), [2205, 305]);
        assert!(reading.reported[0].severity.is_some());
        let two = terminal(&[(20, "foreign", Some("$.meters[0]")), (21, "foreign", Some("$.meters[1]"))]);
        let text = br#"{"meters":[{"data":{"Ua":1}},{"data":{"Ua":2}}]}"#;
        let result = understood(&two, text, None).unwrap();
        let had: Vec<_> = result.readings.iter().map(|r| (r.detector.0, r.samples[0].raw)).collect();
        assert_eq!(had, [(20, 10), (21, 20)]);
        assert!(understood(&one, br#"{"other":1}"#, None).unwrap().is_useless());
    }

    #[test]
    fn plain_bytes_are_read_by_offset() {
        let entry = terminal(&[(30, "nb-detector-raw", None)]);
        let payload = [
            1, 0b1, 0x01, 0x2C, 0x01, 0x9A, 0xFF, 0xF6, 0x80, 0, 0x7F, 0xFF, 19, 1, 0x08, 0x98, 0x04, 0xD2,
            0x0C, 0xE4,
        ];
        let understood = understood(&entry, &payload, None).unwrap();
        let [reading] = understood.readings.as_slice() else { panic!("{understood:?}") };
        let samples: Vec<_> = reading.samples.iter().map(|s| (s.raw, s.quality)).collect();
        let wanted = [
            (300, Quality::Good),
            (410, Quality::Good),
            (-10, Quality::Good),
            (0, Quality::SensorOpen),
            (0, Quality::SensorShort),
            (19, Quality::Good),
            (1, Quality::Good),
            (2200, Quality::Good),
            (1234, Quality::Good),
        ];
        assert_eq!(samples, wanted);
        assert_eq!(reading.reported.iter().filter(|r| r.severity.is_some()).count(), 1);
    }

    #[test]
    fn what_says_nothing_is_refused() {
        assert!(understood(&generic(), br#"{"v":1}"#, None).unwrap_err().contains("says nothing"));
        assert!(understood(&generic(), b"hello", None).unwrap_err().contains("neither JSON nor CBOR"));
        let only_answers = br#"{"v":1,"answers":[{"id":1,"ok":true}]}"#;
        assert_eq!(understood(&generic(), only_answers, None).unwrap().answers.len(), 1);
        assert_eq!(
            understood(&terminal(&[(20, "foreign", None)]), only_answers, None).unwrap().answers.len(),
            1
        );
    }
}
