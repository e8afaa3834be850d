//! What must hold for any text that is taken for a profile, and for any bytes that it then reads. The fuzz target and the
//! tests run the same function.

use domain::profile::{Decimal, KeyValue, decode, decode_keyed, parse};

/// The text up to the first zero byte is a profile, what follows is what its devices send.
pub(crate) fn profile(data: &[u8]) {
    let end = data.iter().position(|byte| *byte == 0).unwrap_or(data.len());
    let Ok(text) = std::str::from_utf8(&data[..end]) else { return };
    let said = data.get(end + 1..).unwrap_or_default();
    let profile = match parse("fuzzed.toml", text) {
        Ok(profile) => profile,
        Err(error) => {
            assert!(error.line >= 1 && error.column >= 1, "{error}");
            assert!(!error.code.is_empty() && !error.reason.is_empty(), "{error:?}");
            return;
        }
    };
    for group in &profile.groups {
        let wanted = group.byte_count();
        let bytes: Vec<u8> = said.iter().copied().chain(std::iter::repeat(0xFF)).take(wanted + 1).collect();
        let decoded = decode(&profile, group, &bytes[..wanted]).unwrap();
        for sample in decoded.samples {
            assert!(profile.point(sample.point).is_some(), "a value of a point that is not there");
        }
        assert!(decode(&profile, group, &bytes).is_err(), "a byte too many is no answer of this group");
    }
    let number = i64::from_be_bytes(said.first_chunk().copied().unwrap_or([0x7F; 8]));
    let text = String::from_utf8_lossy(said);
    for value in [
        KeyValue::Number(Decimal::whole(number)),
        KeyValue::Text(text.into_owned()),
        KeyValue::Truth(number % 2 == 0),
        KeyValue::Nothing,
    ] {
        let groups = decode_keyed(&profile, |_key| Some(value.clone()));
        assert!(groups.is_sorted_by(|one, next| one.group < next.group), "groups in rising order, each once");
        for sample in groups.iter().flat_map(|group| &group.samples) {
            assert!(profile.point(sample.point).is_some(), "a value of a point that is not there");
        }
    }
}
