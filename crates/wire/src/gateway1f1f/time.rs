//! Local time as fourteen digits, `yyyyMMddHHmmss`.

use crate::cloud7b7b::LocalTime;

/// The fourteen digits.
#[must_use]
pub fn compact_time(time: &LocalTime) -> String {
    format!(
        "{:04}{:02}{:02}{:02}{:02}{:02}",
        time.year(),
        time.month(),
        time.day(),
        time.hour(),
        time.minute(),
        time.second()
    )
}

/// Reads fourteen digits; `None` for anything that is no time.
#[must_use]
pub fn parse_compact_time(text: &str) -> Option<LocalTime> {
    if text.len() != 14 || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let part = |from: usize, to: usize| text.get(from..to)?.parse::<u8>().ok();
    let year = text.get(0..4)?.parse().ok()?;
    LocalTime::new(year, part(4, 6)?, part(6, 8)?, part(8, 10)?, part(10, 12)?, part(12, 14)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fourteen_digits_both_ways() {
        let time = parse_compact_time("20260102030405").unwrap();
        assert_eq!(time.to_string(), "2026-01-02 03:04:05");
        assert_eq!(compact_time(&time), "20260102030405");
        for wrong in ["", "2026010203040", "202601020304050", "20261302030405", "2026010203040x", "１２３４"]
        {
            assert_eq!(parse_compact_time(wrong), None, "{wrong}");
        }
    }
}
