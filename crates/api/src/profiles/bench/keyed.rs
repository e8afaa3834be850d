//! What a profile that names its values reads: messages (JSON, CBOR, bytes), GB/T 26875.3 frames, DL/T 645 answers. A
//! bench has no terminal: addresses of detectors behind one are not looked at.

use domain::profile::{Decimal, GbKey, Key, KeyValue, MeterKey, Profile, decode_keyed};
use wire::gateway1f1f::{Limits, Report, Secret, Transparent};
use wire::modbus::Parse;
use wire::{dlt645, gateway1f1f, gb26875};

use super::decoded::of_names;
use super::frames::{frame, inside};
use super::refusal::{Why, refuse, why};
use super::{TestFrame, TestStatus};
use crate::meaning::keyed::{keys, meter_value, statuses};
use crate::meaning::messages::Said;
use crate::meaning::{Line, Opened, gateway_value, opened};
use crate::vocabulary::Direction;

/// What the profile reads from a message: by place where its keys are `bytes[..]`, by path where one is `$.a.b`, else by
/// name from the platform's own form or, by its topic or envelope, the vendor's.
pub(super) fn message(
    profile: &Profile,
    topic: Option<&str>,
    payload: &[u8],
    text: Option<&str>,
) -> TestFrame {
    let line = Line::bench(profile, None);
    let mut one =
        frame(&line, 0, if text.is_some() { &[] } else { payload }, "telemetry", Direction::Up, None);
    if let Some(text) = text {
        text.clone_into(&mut one.hex);
    }
    match Said::of(profile, topic, payload) {
        Ok(said) => {
            said.each(profile, None, true, |find| read(profile, find, &mut one));
            if said.is_empty() {
                let why = why!("says_nothing", "a message without readings and events");
                refuse(&mut one, why, "docs/protocol/telemetry.md");
            }
        }
        Err(unreadable) => refuse(&mut one, Why::other(unreadable.reason), unreadable.clause),
    }
    one
}

/// Decodes what `find` knows into `one`.
fn read(profile: &Profile, find: impl Fn(&Key) -> Option<KeyValue>, one: &mut TestFrame) {
    let said = statuses(profile, &find);
    let found = decode_keyed(profile, &find);
    if found.is_empty() {
        let names: Vec<&str> = keys(profile).take(12).map(|key| key.name.as_str()).collect();
        let wanted = names.join(", ");
        let reason = format!("none of the profile's keys is in it; wanted {wanted}");
        refuse(one, why!("no_key", reason, wanted = wanted), "profile, keys");
    }
    for group in found {
        let own = said.iter().filter(|said| said.group == group.group).map(|said| TestStatus {
            code: said.code.clone(),
            value: said.word.clone(),
            meanings: said.meanings.clone(),
        });
        one.groups.push(of_names(profile, &group, own.collect()));
    }
}

/// What the profile's maker does otherwise than the standard.
fn dialect(profile: &Profile) -> gb26875::Dialect {
    let Some(own) = profile.gb26875 else { return gb26875::Dialect::STANDARD };
    gb26875::Dialect {
        any_version: own.any_version,
        big_endian: own.big_endian,
        bare_keepalive: own.bare_keepalive,
        stale_checksum: own.stale_checksum,
        bcd_time: own.bcd_time,
        long_addresses: own.long_addresses,
        short_heartbeat: own.short_heartbeat,
        hex_text: own.hex_text,
        confirm_private: own.confirm_private,
    }
}

/// Every frame of GB/T 26875.3 in `bytes`, with the deviations that the profile names.
pub(super) fn gb26875(profile: &Profile, bytes: &[u8]) -> Vec<TestFrame> {
    let dialect = dialect(profile);
    let line = Line::bench(profile, None);
    let mut deframer = gb26875::Deframer::default();
    deframer.push(bytes);
    let mut found = Vec::new();
    while let Some(next) = deframer.next_telegram() {
        found.push(next);
    }
    found.extend(deframer.on_idle());
    let mut offset = 0;
    found
        .into_iter()
        .map(|next| {
            let at = offset;
            match next {
                Ok(telegram) => {
                    offset += telegram.bytes().len();
                    let mut one = frame(&line, at, telegram.bytes(), "gb26875", Direction::Up, None);
                    if let gb26875::Telegram::Frame(raw) = &telegram {
                        match gb26875::Frame::parse(raw, &dialect) {
                            Ok(read) => unit(profile, read.unit.as_ref(), &mut one),
                            Err(error) => {
                                let clause = format!("GB/T 26875.3 {}", error.clause());
                                refuse(&mut one, Why::other(error), &clause);
                            }
                        }
                    }
                    one
                }
                Err(refused) => {
                    offset += refused.bytes.len();
                    let mut one = frame(&line, at, &refused.bytes, "gb26875", Direction::Up, None);
                    let clause = format!("GB/T 26875.3 {}", refused.error.clause());
                    refuse(&mut one, refused.error, &clause);
                    one
                }
            }
        })
        .collect()
}

/// Which object of a unit a key may mean; `above` counts from the detector's address, which is taken for any here.
fn unit(profile: &Profile, unit: Option<&gb26875::Unit>, one: &mut TestFrame) {
    let mut object = |means: &dyn Fn(GbKey) -> bool, number: i64| {
        read(
            profile,
            |key| {
                let fits = GbKey::parse(&key.name).is_some_and(means);
                fits.then_some(KeyValue::Number(Decimal::whole(number)))
            },
            one,
        );
    };
    match unit {
        Some(gb26875::Unit::SystemStates(all)) => {
            for state in all {
                object(&|key| key == GbKey::System, i64::from(state.state));
            }
        }
        Some(gb26875::Unit::ComponentStates(all)) => {
            for state in all {
                let fits = |key| matches!(key, GbKey::Component { component, .. } if component.is_none_or(|kind| kind == state.kind));
                object(&fits, i64::from(state.state.number()));
            }
        }
        Some(gb26875::Unit::AnalogValues(all)) => {
            for value in all {
                let fits = |key| matches!(key, GbKey::Analog { component, analog, .. } if analog == value.analog && component.is_none_or(|kind| kind == value.kind));
                object(&fits, i64::from(value.value));
            }
        }
        Some(gb26875::Unit::DeviceStates(all)) => {
            for state in all {
                object(&|key| key == GbKey::Device, i64::from(state.state));
            }
        }
        // Everything else carries no values that a profile could name.
        Some(
            gb26875::Unit::Operations(_)
            | gb26875::Unit::SystemVersions(_)
            | gb26875::Unit::SystemTexts(_)
            | gb26875::Unit::ComponentTexts(_)
            | gb26875::Unit::SystemClocks(_)
            | gb26875::Unit::DeviceOperations(_)
            | gb26875::Unit::DeviceVersions(_)
            | gb26875::Unit::DeviceTexts(_)
            | gb26875::Unit::DeviceClocks(_)
            | gb26875::Unit::ReadSystems { .. }
            | gb26875::Unit::ReadComponents { .. }
            | gb26875::Unit::ReadOperations(_)
            | gb26875::Unit::ReadDeviceOperations(_)
            | gb26875::Unit::Device { .. }
            | gb26875::Unit::SetClock(_)
            | gb26875::Unit::PostCheck { .. }
            | gb26875::Unit::Private { .. }
            | gb26875::Unit::Bare(_)
            | gb26875::Unit::Remark(_),
        )
        | None => {}
    }
}

/// Every DL/T 645 frame in `bytes`: answers to reads carry the identifier whose values they hold.
pub(super) fn dlt645(profile: &Profile, bytes: &[u8]) -> Vec<TestFrame> {
    let line = Line::bench(profile, None);
    let mut found = Vec::new();
    let (mut at, mut noise_from) = (0, 0);
    while let Some(rest) = bytes.get(at..).filter(|rest| !rest.is_empty()) {
        match dlt645::Frame::parse(rest) {
            Parse::Complete { value, len } => {
                silence(&line, bytes, noise_from, at, &mut found);
                let own = rest.get(..len).unwrap_or_default();
                let is_answer = value.control & 0x80 != 0;
                let way = if is_answer { Direction::Up } else { Direction::Down };
                let mut one = frame(&line, at, own, "dlt645", way, None);
                if value.control & 0xC0 == 0xC0 {
                    let word = dlt645::Refusal(value.data.first().copied().unwrap_or_default());
                    refuse(&mut one, word, "DL/T 645-2007 7.1");
                } else if is_answer && let Some((identifier, data)) = value.data.split_first_chunk::<4>() {
                    let wanted = u32::from_le_bytes(*identifier);
                    read(
                        profile,
                        |key| {
                            let meter = MeterKey::parse(&key.name).ok()?;
                            (meter.identifier == wanted).then(|| meter_value(meter, data)).flatten()
                        },
                        &mut one,
                    );
                }
                found.push(one);
                at += len.max(1);
                noise_from = at;
            }
            Parse::NeedMore { .. } | Parse::Refused(_) => at += 1,
        }
    }
    silence(&line, bytes, noise_from, bytes.len(), &mut found);
    found
}

/// Wake-up bytes in front of a frame are no mistake; anything else between frames is.
fn silence(line: &Line, bytes: &[u8], from: usize, to: usize, found: &mut Vec<TestFrame>) {
    let Some(own) = bytes.get(from..to).filter(|own| own.iter().any(|byte| *byte != 0xFE)) else { return };
    let mut one = frame(line, from, own, "unknown", Direction::Up, None);
    let why = match dlt645::Frame::parse(own) {
        Parse::Refused(error) => Why::from(error),
        Parse::NeedMore { wanted } => Why::cut_short(own.len(), wanted),
        Parse::Complete { .. } => Why::no_frame(),
    };
    refuse(&mut one, why, "DL/T 645-2007 5.2");
    found.push(one);
}

const GATEWAY: &str = "vendor gateway protocol";

/// Every frame of the vendor gateway protocol in `bytes`; what is encrypted is opened with `secret`.
pub(super) fn gateway(profile: &Profile, bytes: &[u8], secret: Option<&Secret>) -> Vec<TestFrame> {
    let line = Line::bench(profile, secret);
    let mut deframer = gateway1f1f::Deframer::new(bytes.len());
    deframer.push(bytes);
    let mut found = Vec::new();
    while let Some(next) = deframer.next_frame() {
        found.push(next);
    }
    found.extend(deframer.on_idle());
    let (mut offset, mut asked) = (0, None);
    found
        .into_iter()
        .map(|next| {
            let at = offset;
            match next {
                Ok(raw) => {
                    offset += raw.bytes.len();
                    let is_down = raw.kind == gateway1f1f::FrameType::Downlink;
                    let way = if is_down { Direction::Down } else { Direction::Up };
                    let mut one = frame(&line, at, &raw.bytes, "gateway_1f1f", way, asked.as_ref());
                    if is_down {
                        asked = line.asks(&raw.bytes);
                    } else if raw.kind.is_encrypted() {
                        match (opened(&raw.bytes, secret.map_or(&[], std::slice::from_ref)), secret) {
                            (Some(Opened::Report(report)), _) => meters(profile, &report, &mut one),
                            (Some(Opened::Modbus { rtu, .. }), _) => {
                                inside(profile, &rtu, asked.take().as_ref(), &mut one);
                            }
                            (None, Some(_)) => {
                                let reason = "encrypted under another secret, cut or damaged";
                                refuse(&mut one, why!("not_opened", reason), GATEWAY);
                            }
                            (None, None) => {
                                let reason = "encrypted, wanted the gateway's secret of 16 bytes";
                                refuse(&mut one, why!("secret_missing", reason), GATEWAY);
                            }
                        }
                    }
                    one
                }
                Err(refused) => {
                    offset += refused.bytes.len();
                    let mut one = frame(&line, at, &refused.bytes, "gateway_1f1f", Direction::Up, None);
                    refuse(&mut one, refused.error, GATEWAY);
                    one
                }
            }
        })
        .collect()
}

/// What was inside an encrypted frame: the XML of a report, or `PPAAA|hex` of a frame of Modbus-RTU.
pub(super) fn gateway_inside(profile: &Profile, text: &str) -> TestFrame {
    let line = Line::bench(profile, None);
    let mut one =
        TestFrame { hex: text.to_owned(), ..frame(&line, 0, &[], "gateway_1f1f", Direction::Up, None) };
    if text.trim_start().starts_with('<') {
        match Report::parse(text.trim().as_bytes(), &Limits::default()) {
            Ok(report) => meters(profile, &report, &mut one),
            Err(error) => refuse(&mut one, Why::other(error), GATEWAY),
        }
    } else {
        match Transparent::parse(text.trim().as_bytes()) {
            Ok(Transparent { rtu, .. }) => inside(profile, &rtu, None, &mut one),
            Err(error) => refuse(&mut one, Why::other(error), GATEWAY),
        }
    }
    one
}

/// Each meter of a report: a bench has no addresses, so each may be the detector.
fn meters(profile: &Profile, report: &Report, one: &mut TestFrame) {
    for meter in &report.meters {
        let before = one.groups.len();
        read(profile, |key| gateway_value(meter, key), one);
        for group in one.groups.iter_mut().skip(before) {
            group.place.clone_from(&meter.id);
        }
    }
    if report.meters.is_empty() {
        refuse(one, why!("no_meters", "a report without meters"), GATEWAY);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shipped(id: &str) -> Profile {
        domain::profile::shipped().unwrap().into_iter().find(|profile| profile.id == id).unwrap()
    }

    #[test]
    fn a_message_in_our_own_form_is_read_by_name() {
        let profile = shipped("telemetry-generic");
        let text = r#"{"v":1,"readings":[{"values":{"residual":312.5}}]}"#;
        let one = message(&profile, None, text.as_bytes(), Some(text));
        assert!(one.refused.is_none(), "{one:?}");
        assert_eq!(one.groups[0].points[0].value, Some(312.5), "{one:?}");
        let other = message(&profile, None, b"{\"v\":1,\"readings\":[{\"values\":{\"x\":1}}]}", None);
        assert!(other.refused.unwrap().reason.contains("residual"), "{:?}", other.hex);
        let broken = message(&profile, None, b"{", Some("{"));
        assert_eq!(broken.refused.unwrap().clause, "payload");
    }

    #[test]
    fn bytes_that_are_no_frame_are_told_with_their_clause() {
        let profile = shipped("telemetry-generic");
        for found in [dlt645(&profile, &[0xFE, 0xFE, 0x68, 0x01]), gb26875(&profile, &[0x40, 0x40, 0x00])] {
            assert!(found.iter().all(|one| one.refused.is_some()) && !found.is_empty(), "{found:?}");
        }
    }
}
