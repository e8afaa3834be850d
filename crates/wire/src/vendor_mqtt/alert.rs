//! Alarms and events: a code is a quantity and its state, `UaHIGH1`, cleared by `UaRESET`; other codes are events.
//!
//! Where a message keeps its codes is not told in the vendor's documents: `code` is looked for in the payload and in
//! the items of its lists.

use super::envelope::{Envelope, EnvelopeError, form, moment_ms};
use crate::telemetry::{Message, Reading, Tree};

/// An alarm code in its two parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlarmCode {
    /// What it is about, as the device names it: `Ua`, `IL`, `TempA`.
    pub quantity: String,
    /// How it stands: `HIGH1`, `LOW`, `RESET`.
    pub state: String,
}

/// The states that the vendor's documents name.
const STATES: [&str; 3] = ["HIGH", "LOW", "RESET"];
/// The most alarms in one message.
const MAX_ALARMS: usize = 256;

impl AlarmCode {
    /// Reads a code; `None` where it names no state of a quantity.
    #[must_use]
    pub fn parse(code: &str) -> Option<Self> {
        let stem = code.trim_end_matches(|c: char| c.is_ascii_digit());
        let quantity = STATES.iter().find_map(|state| stem.strip_suffix(state)).filter(|q| !q.is_empty())?;
        let state = code.get(quantity.len()..)?;
        Some(Self { quantity: quantity.to_owned(), state: state.to_owned() })
    }
}

pub(super) fn read(envelope: &Envelope) -> Result<Message, EnvelopeError> {
    let payload = &envelope.payload;
    let Tree::Map(members) = payload else { return Err(form("payload", Some(payload), "a map")) };
    let sent_ms = envelope.timestamp_s.and_then(|s| s.checked_mul(1_000));
    let mut readings: Vec<Reading> = Vec::new();
    let mut hear = |item: &Tree| {
        let code =
            ["code", "alarmcode", "event"].iter().find_map(|name| item.member(name)).and_then(Tree::text);
        let Some(code) = code.filter(|code| !code.is_empty() && code.len() <= 64) else { return };
        let address = item.member("addr").or_else(|| payload.member("addr")).and_then(Tree::text_or_number);
        let own_ms = ["timestamp", "time"].iter().find_map(|name| item.member(name).and_then(moment_ms));
        let value = match AlarmCode::parse(code) {
            Some(code) => (format!("alarm.{}", code.quantity), Tree::Text(code.state)),
            None => ("event".to_owned(), Tree::Text(code.to_owned())),
        };
        let at_ms = own_ms.or(sent_ms);
        super::report::join(&mut readings, at_ms, address.filter(|a| !a.is_empty()), vec![value]);
    };
    hear(payload);
    for (_, member) in members {
        if let Tree::List(items) = member {
            items.iter().take(MAX_ALARMS).for_each(&mut hear);
        }
    }
    if readings.is_empty() {
        return Err(form("payload", Some(payload), "an alarm or event with its `code`"));
    }
    Ok(Message { readings, ..Message::default() })
}
