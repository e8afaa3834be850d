//! What a profile that names its values reads: messages (JSON, CBOR, bytes), GB/T 26875.3 frames, DL/T 645 answers. A
//! bench has no terminal: addresses of detectors behind one are not looked at.

use domain::profile::{
    Decimal, GbKey, Key, KeyValue, MeterKey, MeterWriting, Profile, RawKey, Source, Step, Word, decode_keyed,
};
use wire::modbus::Parse;
use wire::telemetry::{Form, Limits, Message, Tree};
use wire::{dlt645, gateway1f1f, gb26875};

use super::decoded::{code_of, of_names};
use super::frames::{frame, refuse};
use super::{TestFrame, TestStatus};
use crate::profiles::shape::ReportedHazard;
use crate::vocabulary::Direction;

fn keys(profile: &Profile) -> impl Iterator<Item = &Key> {
    let of_points = profile.points.iter().filter_map(|point| match &point.source {
        Source::Key(key) => Some(key),
        Source::Register(_) => None,
    });
    of_points.chain(profile.keyed_statuses.iter().map(|status| &status.key))
}

/// What the profile reads from a message: by place where its keys are `bytes[..]`, by path where one is `$.a.b`, else by
/// name from the platform's own form.
pub(super) fn message(profile: &Profile, payload: &[u8], text: Option<&str>) -> TestFrame {
    let mut one = match text {
        Some(text) => TestFrame {
            hex: text.to_owned(),
            fields: Vec::new(),
            ..frame(0, &[], "telemetry", Direction::Up)
        },
        None => TestFrame { fields: Vec::new(), ..frame(0, payload, "telemetry", Direction::Up) },
    };
    if keys(profile).any(|key| RawKey::is_meant(&key.name)) {
        read(profile, |key| RawKey::parse(&key.name).ok()?.read(payload), &mut one);
        return one;
    }
    let limits = Limits::default();
    let tree =
        Form::guess(payload).ok_or_else(|| "neither JSON nor CBOR, wanted one of them".to_owned()).and_then(
            |form| wire::telemetry::read_tree(form, payload, &limits).map_err(|error| error.to_string()),
        );
    let tree = match tree {
        Ok(tree) => tree,
        Err(reason) => {
            refuse(&mut one, reason, "payload");
            return one;
        }
    };
    if keys(profile).any(|key| !key.steps.is_empty()) {
        read(profile, |key| by_path(&tree, key), &mut one);
        return one;
    }
    let said = match Message::from_tree(&tree, &limits) {
        Ok(said) => said,
        Err(refused) => {
            refuse(&mut one, refused.to_string(), "docs/protocol/telemetry.md");
            return one;
        }
    };
    let moments = said.readings.into_iter().map(|reading| reading.values);
    let events = said.events.into_iter().map(|event| vec![(event.code, event.value)]);
    for values in moments.chain(events) {
        read(profile, |key| by_name(profile, &values, key), &mut one);
    }
    if one.groups.is_empty() && one.refused.is_none() {
        refuse(&mut one, "a message without readings and events", "docs/protocol/telemetry.md");
    }
    one
}

fn by_path(tree: &Tree, key: &Key) -> Option<KeyValue> {
    if key.steps.is_empty() {
        return value_of(tree.member(&key.name)?);
    }
    let steps = key.steps.iter().map(|step| match step {
        Step::Name(name) => wire::telemetry::Step::Name(name),
        Step::Item(item) => wire::telemetry::Step::Item(*item),
    });
    value_of(tree.at(steps)?)
}

/// Under the key, or under the code of the point or status.
fn by_name(profile: &Profile, values: &[(String, Tree)], key: &Key) -> Option<KeyValue> {
    let point = profile.points.iter().find(|point| matches!(&point.source, Source::Key(own) if own == key));
    let status = profile.keyed_statuses.iter().find(|status| status.key == *key);
    let code = point.map(|point| point.code.as_str()).or_else(|| status.map(|status| status.code.as_str()));
    let named = |wanted: &str| values.iter().find(|(name, _)| name == wanted).map(|(_, tree)| tree);
    value_of(named(&key.name).or_else(|| named(code?))?)
}

fn value_of(tree: &Tree) -> Option<KeyValue> {
    match tree {
        Tree::Nothing => Some(KeyValue::Nothing),
        Tree::Truth(truth) => Some(KeyValue::Truth(*truth)),
        Tree::Number(number) => Some(number.decimal().map_or(KeyValue::Nothing, |decimal| {
            KeyValue::Number(Decimal { digits: decimal.digits, exponent: decimal.exponent })
        })),
        Tree::Text(text) => Some(KeyValue::Text(text.clone())),
        Tree::Bytes(_) | Tree::List(_) | Tree::Map(_) => None,
    }
}

/// Decodes what `find` knows into `one`.
fn read(profile: &Profile, find: impl Fn(&Key) -> Option<KeyValue>, one: &mut TestFrame) {
    let statuses: Vec<(u8, TestStatus)> = profile
        .keyed_statuses
        .iter()
        .filter_map(|status| {
            let word = word(&find(&status.key)?, status.mask)?;
            let meanings = status
                .meanings
                .iter()
                .filter(|meaning| meaning.value == word)
                .map(|meaning| ReportedHazard {
                    hazard: meaning.hazard.into(),
                    severity: Some(meaning.severity.into()),
                    point: code_of(profile, meaning.point),
                })
                .collect();
            let value = match word {
                Word::Number(number) => number.to_string(),
                Word::Text(text) => text,
            };
            Some((status.key.group, TestStatus { code: status.code.clone(), value, meanings }))
        })
        .collect();
    let found = decode_keyed(profile, &find);
    if found.is_empty() {
        let names: Vec<&str> = keys(profile).take(12).map(|key| key.name.as_str()).collect();
        let reason = format!("none of the profile's keys is in it; wanted {}", names.join(", "));
        refuse(one, reason, "profile, keys");
    }
    for group in found {
        let own =
            statuses.iter().filter(|(of, _)| *of == group.group).map(|(_, status)| status.clone()).collect();
        one.groups.push(of_names(profile, &group, own));
    }
}

fn word(value: &KeyValue, mask: Option<u32>) -> Option<Word> {
    Some(match (value, mask) {
        (KeyValue::Number(number), Some(mask)) => {
            let whole = u32::try_from(number.scaled(Decimal::ONE, 0)?).ok()?;
            Word::Number(i64::from((whole & mask) >> mask.trailing_zeros()))
        }
        (KeyValue::Number(number), None) => Word::Number(number.scaled(Decimal::ONE, 0)?),
        (KeyValue::Truth(truth), _) => Word::Number(i64::from(*truth)),
        (KeyValue::Text(text), _) => Word::Text(text.clone()),
        (KeyValue::Nothing, _) => return None,
    })
}

/// Every frame of GB/T 26875.3 in `bytes`, without the deviations of single makers.
pub(super) fn gb26875(profile: &Profile, bytes: &[u8]) -> Vec<TestFrame> {
    let dialect = gb26875::Dialect::STANDARD;
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
                    let mut one = frame(at, telegram.bytes(), "gb26875", Direction::Up);
                    if let gb26875::Telegram::Frame(raw) = &telegram {
                        match gb26875::Frame::parse(raw, &dialect) {
                            Ok(read) => unit(profile, read.unit.as_ref(), &mut one),
                            Err(error) => {
                                refuse(
                                    &mut one,
                                    error.to_string(),
                                    &format!("GB/T 26875.3 {}", error.clause()),
                                );
                            }
                        }
                    }
                    one
                }
                Err(refused) => {
                    offset += refused.bytes.len();
                    let mut one = frame(at, &refused.bytes, "gb26875", Direction::Up);
                    let clause = format!("GB/T 26875.3 {}", refused.error.clause());
                    refuse(&mut one, refused.error.to_string(), &clause);
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
    let mut found = Vec::new();
    let (mut at, mut noise_from) = (0, 0);
    while let Some(rest) = bytes.get(at..).filter(|rest| !rest.is_empty()) {
        match dlt645::Frame::parse(rest) {
            Parse::Complete { value, len } => {
                silence(bytes, noise_from, at, &mut found);
                let own = rest.get(..len).unwrap_or_default();
                let is_answer = value.control & 0x80 != 0;
                let way = if is_answer { Direction::Up } else { Direction::Down };
                let mut one = frame(at, own, "dlt645", way);
                if value.control & 0xC0 == 0xC0 {
                    let word = dlt645::Refusal(value.data.first().copied().unwrap_or_default());
                    refuse(&mut one, word.to_string(), "DL/T 645-2007 7.1");
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
    silence(bytes, noise_from, bytes.len(), &mut found);
    found
}

/// Wake-up bytes in front of a frame are no mistake; anything else between frames is.
fn silence(bytes: &[u8], from: usize, to: usize, found: &mut Vec<TestFrame>) {
    let Some(own) = bytes.get(from..to).filter(|own| own.iter().any(|byte| *byte != 0xFE)) else { return };
    let mut one = frame(from, own, "unknown", Direction::Up);
    let reason = match dlt645::Frame::parse(own) {
        Parse::Refused(error) => error.to_string(),
        Parse::NeedMore { wanted } => format!("{} bytes, wanted {wanted} for the whole frame", own.len()),
        Parse::Complete { .. } => "no frame begins here".to_owned(),
    };
    refuse(&mut one, reason, "DL/T 645-2007 5.2");
    found.push(one);
}

/// The value of `key` in what stands behind its identifier; `None` where there is not so much.
fn meter_value(key: MeterKey, data: &[u8]) -> Option<KeyValue> {
    let start = key.item.checked_mul(key.bytes)?;
    let bytes = data.get(start..start.checked_add(key.bytes)?)?;
    Some(match key.writing {
        MeterWriting::Digits { decimals, is_signed } => match dlt645::number(bytes, is_signed) {
            Some(digits) => {
                let exponent = i8::try_from(decimals).map(|decimals| -decimals).ok()?;
                KeyValue::Number(Decimal { digits, exponent })
            }
            None => KeyValue::Nothing,
        },
        MeterWriting::Bits => {
            let bits = bytes.iter().rev().fold(0_i64, |bits, byte| (bits << 8) | i64::from(*byte));
            KeyValue::Number(Decimal::whole(bits))
        }
    })
}

/// Every frame of the vendor gateway protocol in `bytes`. Reports are encrypted under the gateway's secret, which a bench
/// does not have: their frames are told, their values are not.
pub(super) fn gateway(bytes: &[u8]) -> Vec<TestFrame> {
    let mut deframer = gateway1f1f::Deframer::new(bytes.len());
    deframer.push(bytes);
    let mut found = Vec::new();
    while let Some(next) = deframer.next_frame() {
        found.push(next);
    }
    found.extend(deframer.on_idle());
    let mut offset = 0;
    found
        .into_iter()
        .map(|next| {
            let at = offset;
            match next {
                Ok(raw) => {
                    offset += raw.bytes.len();
                    let mut one = frame(at, &raw.bytes, "gateway_1f1f", Direction::Up);
                    let reason = "a frame whose values are encrypted under the gateway's secret; try the profile on a line";
                    refuse(&mut one, reason, "vendor gateway protocol, encryption");
                    one
                }
                Err(refused) => {
                    offset += refused.bytes.len();
                    let mut one = frame(at, &refused.bytes, "gateway_1f1f", Direction::Up);
                    refuse(&mut one, refused.error.to_string(), "vendor gateway protocol, frame");
                    one
                }
            }
        })
        .collect()
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
        let one = message(&profile, text.as_bytes(), Some(text));
        assert!(one.refused.is_none(), "{one:?}");
        assert_eq!(one.groups[0].points[0].value, Some(312.5), "{one:?}");
        let other = message(&profile, b"{\"v\":1,\"readings\":[{\"values\":{\"x\":1}}]}", None);
        assert!(other.refused.unwrap().reason.contains("residual"), "{:?}", other.hex);
        let broken = message(&profile, b"{", Some("{"));
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
