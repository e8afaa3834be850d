//! `report`: values of meters, as they are now or as they were kept while the line was down.

use super::Uplink;
use super::envelope::{Envelope, EnvelopeError, form, moment_ms};
use crate::telemetry::{Message, Number, Reading, Tree};

/// The most meters in one report.
const MAX_METERS: usize = 1_000;
/// Members of a meter that are no value.
const NO_VALUES: [&str; 4] = ["addr", "timestamp", "time", "sendtime"];

pub(super) fn read(envelope: &Envelope) -> Result<Uplink, EnvelopeError> {
    let reported = envelope.payload.member("reported");
    let Some(body @ Tree::Map(_)) = reported else { return Err(form("payload.reported", reported, "a map")) };
    let is_history = body.member("source").and_then(Tree::text) == Some("HISTORY");
    let signal = body
        .member("gateway")
        .and_then(|gateway| gateway.member("rssi"))
        .and_then(super::envelope::whole)
        .and_then(|signal| u8::try_from(signal).ok())
        .filter(|signal| *signal <= 31);
    // Which moment an older report is of is not told in the vendor's documents: the meter's own time is looked for
    // first, then the report's, then the envelope's.
    let moment =
        |tree: &Tree| ["timestamp", "time"].iter().find_map(|name| tree.member(name).and_then(moment_ms));
    let sent_ms = envelope.timestamp_s.and_then(|s| s.checked_mul(1_000));
    let meters = match body.member("meters") {
        Some(Tree::List(meters)) if meters.len() <= MAX_METERS => meters.as_slice(),
        None => &[],
        other => return Err(form("payload.reported.meters", other, "a list of at most 1000 meters")),
    };
    let mut readings = Vec::with_capacity(meters.len());
    for (number, meter) in meters.iter().enumerate() {
        let Tree::Map(members) = meter else {
            return Err(form(&format!("payload.reported.meters[{number}]"), Some(meter), "a map"));
        };
        let address = meter.member("addr").and_then(Tree::text_or_number).filter(|a| !a.is_empty());
        let values: Vec<_> = members
            .iter()
            .filter(|(name, _)| !NO_VALUES.contains(&name.as_str()))
            .filter_map(|(name, value)| Some((name.clone(), plain(value)?)))
            .collect();
        if !values.is_empty() {
            let at_ms = moment(meter).or_else(|| moment(body)).or(sent_ms);
            join(&mut readings, at_ms, address, values);
        }
    }
    Ok(Uplink::Report { is_history, message: Message { readings, signal, ..Message::default() } })
}

/// Adds values to the reading of the same moment and address, for two readings of one moment would be filed as one.
/// What is said twice holds as it is said last.
pub(super) fn join(
    readings: &mut Vec<Reading>,
    at_ms: Option<i64>,
    address: Option<&str>,
    values: Vec<(String, Tree)>,
) {
    let same = readings.iter_mut().find(|had| had.at_ms == at_ms && had.address.as_deref() == address);
    let Some(known) = same else {
        return readings.push(Reading { at_ms, address: address.map(str::to_owned), values });
    };
    for (name, value) in values {
        match known.values.iter_mut().find(|(had, _)| *had == name) {
            Some(had) => had.1 = value,
            None => known.values.push((name, value)),
        }
    }
}

/// A value without members of its own; a number in quotation marks is a number.
fn plain(value: &Tree) -> Option<Tree> {
    match value {
        Tree::Text(text) => Some(Number::parse(text).map_or_else(|| value.clone(), Tree::Number)),
        Tree::Nothing | Tree::Truth(_) | Tree::Number(_) => Some(value.clone()),
        Tree::Bytes(_) | Tree::List(_) | Tree::Map(_) => None,
    }
}
