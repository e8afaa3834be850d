//! The vendor's messages over MQTT: nothing panics, an answer repeats id and method, and no message is larger than what
//! it came from allows.

use wire::telemetry::{Limits, Tree};
use wire::vendor_mqtt::{AlarmCode, Envelope, Group, Uplink};

/// One parameter byte (group of topics), the rest is the envelope.
pub(crate) fn vendor_mqtt(data: &[u8]) {
    let Some((first, payload)) = data.split_first() else { return };
    let group = Group::ALL[usize::from(*first) % Group::ALL.len()];
    let limits = Limits::default();
    let Ok(envelope) = Envelope::read(payload, &limits) else { return };
    assert!(envelope.msgid.text_or_number().is_some() && !envelope.method.is_empty());

    let wide = Limits { bytes: usize::MAX, depth: 64, nodes: usize::MAX, text: usize::MAX, ..limits };
    let answer = Envelope::read(&envelope.answer(true, envelope.payload.clone(), 0), &wide);
    let answer = answer.expect("our own answer can be read");
    assert_eq!(
        (&answer.msgid, &answer.method, answer.is_done),
        (&envelope.msgid, &envelope.method, Some(true))
    );
    let refusal = Envelope::read(&envelope.refusal("503", 0), &wide).expect("our own refusal can be read");
    assert_eq!((refusal.is_done, refusal.errcode.as_deref()), (Some(false), Some("503")));
    assert!(matches!(Uplink::of(group, &answer), Ok(Uplink::Answer { is_done: true, .. })));

    match Uplink::of(group, &envelope) {
        Ok(Uplink::Report { message, .. } | Uplink::Alert(message)) => {
            let mut places: Vec<_> =
                message.readings.iter().map(|reading| (reading.at_ms, reading.address.clone())).collect();
            places.sort();
            let all = places.len();
            places.dedup();
            assert_eq!(places.len(), all, "two readings of one moment and address");
            let values: usize = message.readings.iter().map(|reading| reading.values.len()).sum();
            assert!(values <= payload.len(), "values that nobody sent");
            for (name, value) in message.readings.iter().flat_map(|reading| &reading.values) {
                if let (Some(quantity), Tree::Text(state)) = (name.strip_prefix("alarm."), value) {
                    let read = AlarmCode::parse(&format!("{quantity}{state}"));
                    assert!(read.is_some() || envelope.method == "report" || group != Group::Alarm);
                }
            }
        }
        Ok(Uplink::Answer { .. }) => assert!(envelope.is_done.is_some()),
        Ok(Uplink::Login { .. } | Uplink::Time { .. } | Uplink::Other) | Err(_) => {}
    }
}
