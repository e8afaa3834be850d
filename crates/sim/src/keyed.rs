//! How a detector writes its values where they stand under names instead of in registers.

use domain::profile::{Decimal, Point, Source};
use domain::reading::{Quality, Sample};

/// Digits that a value gets behind the point where the profile's factor does not divide it.
const MORE_DIGITS: u32 = 6;

/// What a message says of one sample.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Said {
    /// This number, in the device's own unit.
    Number(String),
    /// That there is no value.
    NoValue,
}

/// What the detector writes for `sample` of `point`: the number that the profile turns back into the same raw value,
/// or the code for what is broken.
#[must_use]
pub fn said(point: &Point, sample: &Sample) -> Said {
    if sample.quality != Quality::Good {
        let code = point.invalid.iter().find(|(_, quality)| *quality == sample.quality);
        return code.map_or(Said::NoValue, |(code, _)| Said::Number(code.to_string()));
    }
    let factor = match &point.source {
        Source::Key(key) => key.multiply,
        Source::Register(_) => Decimal::ONE,
    };
    Said::Number(text(sample.raw, factor, point.decimals.0))
}

/// `raw` / (`factor` × 10^`decimals`) as decimal text.
fn text(raw: i64, factor: Decimal, decimals: u8) -> String {
    let mut digits = i128::from(raw);
    let mut exponent = -i32::from(factor.exponent) - i32::from(decimals);
    let divisor = i128::from(factor.digits).max(1);
    if digits % divisor != 0 {
        digits *= 10i128.pow(MORE_DIGITS);
        exponent -= i32::try_from(MORE_DIGITS).unwrap_or(0);
    }
    digits /= divisor;
    let sign = if digits < 0 { "-" } else { "" };
    let mut written = digits.unsigned_abs().to_string();
    if let Ok(zeros) = usize::try_from(exponent) {
        if digits != 0 {
            written.push_str(&"0".repeat(zeros));
        }
        return format!("{sign}{written}");
    }
    let behind = usize::try_from(exponent.unsigned_abs()).unwrap_or(0);
    let padded = format!("{written:0>width$}", width = behind + 1);
    let (whole, fraction) = padded.split_at(padded.len() - behind);
    format!("{sign}{whole}.{fraction}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_as_the_same_raw_value() {
        for (factor, decimals) in [("1", 0), ("1", 1), ("1000", 1), ("0.001", 2), ("3", 1), ("60", 0)] {
            let factor = Decimal::parse(factor).unwrap();
            for raw in [0, 1, -1, 7, 10, 354, -2_500, 30_000, 123_456_789] {
                let text = text(raw, factor, decimals);
                let read = Decimal::parse(&text).unwrap().scaled(factor, decimals);
                assert_eq!(read, Some(raw), "{raw} as {text} by {factor:?} with {decimals} decimals");
            }
        }
        assert_eq!(text(354, Decimal::ONE, 1), "35.4");
        assert_eq!(text(5, Decimal { digits: 1, exponent: 3 }, 0), "0.005");
    }
}
