//! Messages with named values: JSON for telemetry profiles.

use domain::profile::{Decimal, Key, KeyValue, Profile, Step, Word, decode_keyed};
use serde_json::Value;

use super::decoded::{code_of, of_names};
use super::frames::refuse;
use super::{TestFrame, TestStatus};
use crate::profiles::shape::ReportedHazard;
use crate::vocabulary::Direction;

/// What the profile reads from a JSON text.
pub(super) fn json(profile: &Profile, text: &str) -> TestFrame {
    let mut one = TestFrame {
        offset: 0,
        hex: text.to_owned(),
        direction: Direction::Up,
        protocol: "telemetry".to_owned(),
        fields: Vec::new(),
        refused: None,
        groups: Vec::new(),
    };
    let message: Value = match serde_json::from_str(text) {
        Ok(message) => message,
        Err(error) => {
            refuse(&mut one, error.to_string(), "RFC 8259");
            return one;
        }
    };
    read(profile, |key| find(&message, key), &mut one);
    one
}

/// Decodes what `find` knows into `one`.
pub(super) fn read(profile: &Profile, find: impl Fn(&Key) -> Option<KeyValue>, one: &mut TestFrame) {
    let statuses: Vec<(u8, TestStatus)> = profile
        .keyed_statuses
        .iter()
        .filter_map(|status| {
            let value = find(&status.key)?;
            let word = match (&value, status.mask) {
                (KeyValue::Number(number), Some(mask)) => {
                    let whole = u32::try_from(number.scaled(Decimal::ONE, 0)?).ok()?;
                    Word::Number(i64::from((whole & mask) >> mask.trailing_zeros()))
                }
                (KeyValue::Number(number), None) => Word::Number(number.scaled(Decimal::ONE, 0)?),
                (KeyValue::Truth(truth), _) => Word::Number(i64::from(*truth)),
                (KeyValue::Text(text), _) => Word::Text(text.clone()),
                (KeyValue::Nothing, _) => return None,
            };
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
    for group in decode_keyed(profile, &find) {
        let own =
            statuses.iter().filter(|(of, _)| *of == group.group).map(|(_, status)| status.clone()).collect();
        one.groups.push(of_names(profile, &group, own));
    }
    if one.groups.is_empty() && one.refused.is_none() {
        let keys: Vec<&str> = profile
            .points
            .iter()
            .filter_map(|point| match &point.source {
                domain::profile::Source::Key(key) => Some(key.name.as_str()),
                domain::profile::Source::Register(_) => None,
            })
            .collect();
        refuse(
            one,
            format!("none of the profile's keys is in it; wanted {}", keys.join(", ")),
            "profile, keys",
        );
    }
}

/// A path is walked; a plain name is a member of the message, or of the object that holds its values.
fn find(message: &Value, key: &Key) -> Option<KeyValue> {
    if key.steps.is_empty() {
        let direct = message.get(&key.name);
        return direct
            .or_else(|| {
                ["values", "data", "params"].iter().find_map(|holder| message.get(holder)?.get(&key.name))
            })
            .and_then(value_of);
    }
    let mut at = message;
    for step in &key.steps {
        at = match step {
            Step::Name(name) => at.get(name)?,
            Step::Item(item) => at.get(item)?,
        };
    }
    value_of(at)
}

fn value_of(value: &Value) -> Option<KeyValue> {
    match value {
        Value::Null => Some(KeyValue::Nothing),
        Value::Bool(truth) => Some(KeyValue::Truth(*truth)),
        Value::Number(number) => Decimal::parse(&number.to_string()).map(KeyValue::Number),
        Value::String(text) => Some(KeyValue::Text(text.clone())),
        Value::Array(_) | Value::Object(_) => None,
    }
}
