//! Values under names: what a profile finds by its keys, in objects of GB/T 26875.3 and in meters' answers.

use domain::profile::{
    Decimal, GbKey, GbPlace, Key, KeyValue, MeterKey, MeterWriting, Profile, Source, Word, decode_keyed,
};
use wire::dlt645;
use wire::explain::key;

use super::{Behind, TelegramField, TelegramValue, code_of};
use crate::profiles::shape::ReportedHazard;

/// The names under which a profile has its values.
pub(crate) fn keys(profile: &Profile) -> impl Iterator<Item = &Key> {
    let of_points = profile.points.iter().filter_map(|point| match &point.source {
        Source::Key(key) => Some(key),
        Source::Register(_) => None,
    });
    of_points.chain(profile.keyed_statuses.iter().map(|status| &status.key))
}

/// A status with its value, and what that means.
pub(crate) struct StatusSaid {
    pub(crate) group: u8,
    pub(crate) code: String,
    pub(crate) word: String,
    pub(crate) meanings: Vec<ReportedHazard>,
}

/// The statuses that `find` has a value for.
pub(crate) fn statuses(profile: &Profile, find: impl Fn(&Key) -> Option<KeyValue>) -> Vec<StatusSaid> {
    profile
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
            let word = match word {
                Word::Number(number) => number.to_string(),
                Word::Text(text) => text,
            };
            Some(StatusSaid { group: status.key.group, code: status.code.clone(), word, meanings })
        })
        .collect()
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

/// The values that `find` has for a detector's points and statuses.
pub(super) fn values(one: &Behind, find: impl Fn(&Key) -> Option<KeyValue>) -> Vec<TelegramValue> {
    let groups = decode_keyed(&one.profile, &find);
    let samples = groups.iter().flat_map(|group| &group.samples).filter_map(|sample| one.sample(sample));
    let told = statuses(&one.profile, &find);
    samples.chain(told.into_iter().map(|said| one.status(&said.code, said.word, said.meanings))).collect()
}

/// Where in a frame of GB/T 26875.3 a walk over its parts has come to.
#[derive(Default)]
struct Object {
    system: Option<GbPlace>,
    component: Option<u8>,
    address: Option<String>,
    analog: Option<u8>,
}

/// Gives the states and analog values of a frame the names of the detectors that they are about.
pub(super) fn name_objects(behind: &[Behind], bytes: &[u8], fields: &mut [TelegramField]) {
    let mut object = Object::default();
    for field in fields {
        let first = field.value.split(' ').next().unwrap_or_default();
        match field.name.as_str() {
            key::TYPE_FLAG => object = Object::default(),
            key::SYSTEM => object = Object { system: GbPlace::parse(first), ..Object::default() },
            key::COMPONENT => object.component = first.parse().ok(),
            key::COMPONENT_ADDRESS => object.address = Some(field.value.clone()),
            key::ANALOG => object.analog = first.parse().ok(),
            key::VALUE => {
                let Some(raw) = field.bytes(bytes).first_chunk() else { continue };
                field.values = told(behind, &object, i16::from_le_bytes(*raw).into());
            }
            key::STATE => {
                let raw =
                    field.bytes(bytes).iter().rev().fold(0, |state, byte| (state << 8) | i64::from(*byte));
                field.values = told(behind, &object, raw);
            }
            _ => {}
        }
    }
}

/// Whoever has the address goes first; who has none gets what nobody took.
fn told(behind: &[Behind], object: &Object, raw: i64) -> Vec<TelegramValue> {
    let read = |has_place: bool| {
        let those = behind.iter().filter(|one| one.address().is_some() == has_place);
        those
            .flat_map(|one| {
                let place = one.address().and_then(GbPlace::parse);
                values(one, |key| {
                    let is_meant = is_meant(GbKey::parse(&key.name)?, object, one, place.as_ref());
                    is_meant.then_some(KeyValue::Number(Decimal::whole(raw)))
                })
            })
            .collect::<Vec<_>>()
    };
    let found = read(true);
    if found.is_empty() { read(false) } else { found }
}

fn is_meant(key: GbKey, object: &Object, one: &Behind, place: Option<&GbPlace>) -> bool {
    let in_system = place.is_none_or(|place| {
        object.system.as_ref().is_some_and(|system| {
            (system.system_kind, system.system_address) == (place.system_kind, place.system_address)
        })
    });
    let is_kind = |wanted: Option<u8>| wanted.is_none_or(|wanted| Some(wanted) == object.component);
    let is_at = |above: Option<u32>| {
        let component = place.and_then(|place| place.component.as_deref());
        match (one.entry.is_some(), above, component) {
            // On a bench any address is meant; a place without a component is the whole system.
            (false, _, _) | (true, None, None) => true,
            (true, above, component) => {
                let had: Option<u32> = object.address.as_ref().and_then(|address| address.parse().ok());
                let base = place.map_or(Some(0), GbPlace::number);
                let wanted = base.and_then(|base| base.checked_add(above.unwrap_or(0)));
                (had.is_some() && had == wanted)
                    || (above.is_none() && component.is_some() && component == object.address.as_deref())
            }
        }
    };
    match key {
        GbKey::Device => object.system.is_none(),
        // It reads bytes of a data unit that has no objects.
        GbKey::Private { .. } => false,
        GbKey::System => object.system.is_some() && object.component.is_none() && in_system,
        GbKey::Analog { component, analog, above } => {
            Some(analog) == object.analog && is_kind(component) && in_system && is_at(above)
        }
        GbKey::Component { component, above } => {
            object.component.is_some()
                && object.analog.is_none()
                && is_kind(component)
                && in_system
                && is_at(above)
        }
    }
}

/// Gives the data of a meter's answer the names of the values behind its identifier.
pub(super) fn name_meter(behind: &[Behind], bytes: &[u8], fields: &mut [TelegramField]) {
    let of = |name: &str| fields.iter().find(|field| field.name == name);
    let Some(meter) = of(key::METER).map(|field| field.value.clone()) else { return };
    let Some(identifier) = of(key::IDENTIFIER).and_then(|field| u32::from_str_radix(&field.value, 16).ok())
    else {
        return;
    };
    let Some(field) = fields.iter_mut().find(|field| field.name == key::VALUE) else { return };
    // Everything behind the control byte goes with 33H added (DL/T 645-2007 5.2.2.3).
    let data: Vec<u8> = field.bytes(bytes).iter().map(|byte| byte.wrapping_sub(0x33)).collect();
    for one in behind.iter().filter(|one| one.address().is_none_or(|own| is_same_meter(own, &meter))) {
        field.values.extend(values(one, |key| {
            let wanted = MeterKey::parse(&key.name).ok()?;
            (wanted.identifier == identifier).then(|| meter_value(wanted, &data)).flatten()
        }));
    }
}

/// A meter's number may be written without the zeros in front.
fn is_same_meter(own: &str, meter: &str) -> bool {
    own.trim_start_matches('0') == meter.trim_start_matches('0')
}

/// The value of `key` in what stands behind its identifier; `None` where there is not so much.
pub(crate) fn meter_value(key: MeterKey, data: &[u8]) -> Option<KeyValue> {
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
