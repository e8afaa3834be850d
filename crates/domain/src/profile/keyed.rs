//! Profiles of protocols that name their values instead of numbering registers: a key finds a value in a message.

use super::model::{Key, KeyedStatus, Point, Profile, Source, Step, Word};
use crate::hazard::Severity;
use crate::reading::{PointIndex, Quality, Reported, Sample};

/// A number as it was written, `digits` × 10^`exponent`, so that nothing is lost on the way to the stored integer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize)]
pub struct Decimal {
    /// All digits, with the sign.
    pub digits: i64,
    /// The power of ten.
    pub exponent: i8,
}

impl Decimal {
    /// One.
    pub const ONE: Self = Self { digits: 1, exponent: 0 };

    /// A whole number.
    #[must_use]
    pub const fn whole(digits: i64) -> Self {
        Self { digits, exponent: 0 }
    }

    /// Reads `-12.50`, `+3`, `1.2e-3`. `None` for anything else and for more than 18 digits.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let (mantissa, power) = match text.split_once(['e', 'E']) {
            Some((mantissa, power)) => (mantissa, power.parse::<i32>().ok()?),
            None => (text, 0),
        };
        let (negative, unsigned) = match mantissa.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, mantissa.strip_prefix('+').unwrap_or(mantissa)),
        };
        let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
        if whole.is_empty() && fraction.is_empty() {
            return None;
        }
        // Zeros at the end of the fraction say nothing and would cost digits.
        let fraction = fraction.trim_end_matches('0');
        let mut digits: i64 = 0;
        for digit in whole.chars().chain(fraction.chars()) {
            digits = digits.checked_mul(10)?.checked_add(i64::from(digit.to_digit(10)?))?;
        }
        if digits >= 1_000_000_000_000_000_000 {
            return None;
        }
        let exponent = power.checked_sub(i32::try_from(fraction.len()).ok()?)?;
        let digits = if negative { -digits } else { digits };
        if digits == 0 {
            return Some(Self::whole(0));
        }
        Some(Self { digits, exponent: i8::try_from(exponent).ok()? })
    }

    /// The nearest integer of `self` × `factor` × 10^`decimals`, halves away from zero. `None` when it has no room.
    #[must_use]
    pub fn scaled(self, factor: Self, decimals: u8) -> Option<i64> {
        let product = i128::from(self.digits).checked_mul(i128::from(factor.digits))?;
        let power = i32::from(self.exponent) + i32::from(factor.exponent) + i32::from(decimals);
        if product == 0 {
            return Some(0);
        }
        let ten = |power: u32| 10i128.checked_pow(power);
        if let Ok(up) = u32::try_from(power) {
            return i64::try_from(product.checked_mul(ten(up)?)?).ok();
        }
        let Some(divisor) = ten(power.unsigned_abs()) else { return Some(0) };
        let half = if product < 0 { -divisor / 2 } else { divisor / 2 };
        i64::try_from(product.checked_add(half)? / divisor).ok()
    }
}

/// What stands under a key of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyValue {
    /// A number.
    Number(Decimal),
    /// A text; a point reads it as a number where it is one.
    Text(String),
    /// Yes or no; a point reads it as 1 or 0.
    Truth(bool),
    /// The key is there and says that there is no value.
    Nothing,
}

impl KeyValue {
    fn number(&self) -> Option<Decimal> {
        match self {
            Self::Number(number) => Some(*number),
            Self::Text(text) => Decimal::parse(text),
            Self::Truth(truth) => Some(Decimal::whole(i64::from(*truth))),
            Self::Nothing => None,
        }
    }
}

/// What one message says of one group of points.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyedGroup {
    /// Which group of the profile.
    pub group: u8,
    /// Values in the order of the profile's points.
    pub samples: Vec<Sample>,
    /// What its status words say.
    pub reported: Vec<Reported>,
}

/// Reads the points and status words that `find` knows. A key that is not in the message (`None`) says nothing;
/// one that is there without a readable number is a device fault. The result has a group only where it said something,
/// in rising order.
pub fn decode_keyed(profile: &Profile, find: impl Fn(&Key) -> Option<KeyValue>) -> Vec<KeyedGroup> {
    decode_named(profile, |key, _code| find(key))
}

/// The same where a message may name a value by the code of its point or status as well: `find` is given both.
pub fn decode_named(
    profile: &Profile,
    mut find: impl FnMut(&Key, &str) -> Option<KeyValue>,
) -> Vec<KeyedGroup> {
    let mut groups: Vec<KeyedGroup> = Vec::new();
    for (index, point) in profile.indexed_points() {
        let Source::Key(key) = &point.source else { continue };
        if let Some(value) = find(key, &point.code) {
            let samples = &mut group(&mut groups, key.group).samples;
            if samples.is_empty() {
                samples.reserve(profile.points.len());
            }
            samples.push(sample(index, point, key, &value));
        }
    }
    for status in &profile.keyed_statuses {
        if let Some(value) = find(&status.key, &status.code) {
            report(status, &value, &mut group(&mut groups, status.key.group).reported);
        }
    }
    groups.sort_by_key(|group| group.group);
    groups
}

fn group(groups: &mut Vec<KeyedGroup>, wanted: u8) -> &mut KeyedGroup {
    let at = groups.iter().position(|group| group.group == wanted).unwrap_or_else(|| {
        groups.push(KeyedGroup { group: wanted, samples: Vec::new(), reported: Vec::new() });
        groups.len() - 1
    });
    #[expect(clippy::indexing_slicing, reason = "found or pushed one line above")]
    &mut groups[at]
}

fn sample(index: PointIndex, point: &Point, key: &Key, value: &KeyValue) -> Sample {
    let without = |quality| Sample { point: index, raw: 0, quality };
    let Some(number) = value.number() else { return without(Quality::DeviceFault) };
    // Codes that are no values are compared before any scale: they are what the device writes.
    if number.exponent == 0
        && let Some((_, quality)) = point.invalid.iter().find(|(code, _)| *code == number.digits)
    {
        return without(*quality);
    }
    let Some(raw) = number.scaled(key.multiply, point.decimals.0) else {
        return without(Quality::Implausible);
    };
    match point.range {
        Some((least, greatest)) if raw < least || raw > greatest => {
            Sample { point: index, raw, quality: Quality::Implausible }
        }
        Some(_) | None => Sample { point: index, raw, quality: Quality::Good },
    }
}

fn report(status: &KeyedStatus, value: &KeyValue, reported: &mut Vec<Reported>) {
    let says = |word: &Word| match (word, value) {
        (Word::Text(wanted), KeyValue::Text(had)) => wanted == had,
        (Word::Number(wanted), had) => {
            had.number().and_then(|n| n.scaled(Decimal::ONE, 0)).is_some_and(|had| {
                let had = match status.mask {
                    Some(mask) => (had & i64::from(mask)) >> mask.trailing_zeros(),
                    None => had,
                };
                had == *wanted
            })
        }
        (Word::Text(_), KeyValue::Number(_) | KeyValue::Truth(_) | KeyValue::Nothing) => false,
    };
    for meaning in &status.meanings {
        let severity: Option<Severity> = says(&meaning.value).then_some(meaning.severity);
        match reported.iter_mut().find(|r| r.point == meaning.point && r.hazard == meaning.hazard) {
            Some(entry) => entry.severity = entry.severity.max(severity),
            None => reported.push(Reported { point: meaning.point, hazard: meaning.hazard, severity }),
        }
    }
}

/// The steps of a path such as `$.data.meters[0].Ua` or `$['e-bike'].count`; `None` when it is no path.
#[must_use]
pub fn path_steps(text: &str) -> Option<Vec<Step>> {
    let mut rest = text.strip_prefix('$')?;
    let mut steps = Vec::new();
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix('.') {
            let end = after.find(['.', '[']).unwrap_or(after.len());
            let (name, tail) = after.split_at_checked(end)?;
            if name.is_empty() {
                return None;
            }
            steps.push(Step::Name(name.to_owned()));
            rest = tail;
        } else if let Some(after) = rest.strip_prefix("['") {
            let (name, tail) = after.split_once("']")?;
            steps.push(Step::Name(name.to_owned()));
            rest = tail;
        } else {
            let (number, tail) = rest.strip_prefix('[')?.split_once(']')?;
            steps.push(Step::Item(number.parse().ok()?));
            rest = tail;
        }
    }
    (!steps.is_empty()).then_some(steps)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_are_read_exactly() {
        for (text, digits, exponent) in [
            ("220.5", 2205, -1),
            ("-0.01", -1, -2),
            ("+7", 7, 0),
            ("1.50e2", 15, 1),
            (".5", 5, -1),
            ("0.000", 0, 0),
        ] {
            assert_eq!(Decimal::parse(text), Some(Decimal { digits, exponent }), "{text}");
        }
        for wrong in ["", "-", "1,5", "0x10", "NaN", "1e999", "12345678901234567890", "١"] {
            assert_eq!(Decimal::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn scaling_is_exact_and_rounds_halves_away_from_zero() {
        let amps = Decimal::parse("0.3125").unwrap();
        // 0.3125 A as mA with one decimal.
        assert_eq!(amps.scaled(Decimal::whole(1000), 1), Some(3125));
        assert_eq!(amps.scaled(Decimal::whole(1000), 0), Some(313));
        assert_eq!(Decimal::parse("-0.5").unwrap().scaled(Decimal::ONE, 0), Some(-1));
        assert_eq!(Decimal { digits: 1, exponent: 100 }.scaled(Decimal::ONE, 0), None);
        assert_eq!(Decimal { digits: 1, exponent: -100 }.scaled(Decimal::ONE, 0), Some(0));
    }

    #[test]
    fn paths_are_names_and_items() {
        let steps = path_steps("$.a['b-c'][2].d").unwrap();
        let name = |text: &str| Step::Name(text.to_owned());
        assert_eq!(steps, [name("a"), name("b-c"), Step::Item(2), name("d")]);
        for wrong in ["", "$", "a.b", "$.", "$[x]", "$.a[", "$..a"] {
            assert_eq!(path_steps(wrong), None, "{wrong}");
        }
    }
}
