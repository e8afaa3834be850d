//! What JSON and CBOR have in common, with numbers as they were written.

/// A value, list or map.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tree {
    /// `null`, `undefined`, or a binary fraction that is no number.
    Nothing,
    /// Yes or no.
    Truth(bool),
    /// A number as it was written.
    Number(Number),
    /// A text.
    Text(String),
    /// Bytes; JSON has none, and they are written there as hexadecimal text.
    Bytes(Vec<u8>),
    /// Values in order.
    List(Vec<Self>),
    /// Values under names, in the order in which they came; no name stands twice.
    Map(Vec<(String, Self)>),
}

/// A number as the text that JSON has for it: `-12.50`, `1e3`. Nothing is rounded.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Number(String);

/// A number as `digits` × 10^`exponent`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Decimal {
    /// All digits, with the sign; at most 17 of them.
    pub digits: i64,
    /// The power of ten.
    pub exponent: i8,
}

/// One step of a path into a tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step<'a> {
    /// The member with this name.
    Name(&'a str),
    /// The item with this number, from 0.
    Item(usize),
}

/// Digits that are kept; what a device measures has far fewer.
const MAX_DIGITS: usize = 17;
/// Longest number, characters.
pub(super) const MAX_NUMBER: usize = 48;

impl Number {
    /// The number that `text` writes, if it is one by the grammar of JSON and no longer than 48 characters.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        (text.len() <= MAX_NUMBER && number_length(text.as_bytes()) == Some(text.len()))
            .then(|| Self(text.to_owned()))
    }

    /// A whole number.
    #[must_use]
    pub fn whole(number: i128) -> Self {
        Self(number.to_string())
    }

    /// The shortest decimal that is this binary fraction; `None` for infinities and NaN.
    #[must_use]
    pub fn from_f64(number: f64) -> Option<Self> {
        number.is_finite().then(|| Self(shortest(format!("{number:?}"))))
    }

    /// The same for a fraction of 32 bits, whose shortest decimal is shorter.
    #[must_use]
    pub fn from_f32(number: f32) -> Option<Self> {
        number.is_finite().then(|| Self(shortest(format!("{number:?}"))))
    }

    /// `digits` × 10^`exponent`, written with a point where that is short.
    pub(super) fn from_parts(digits: i64, exponent: i64) -> Option<Self> {
        let point = match usize::try_from(exponent.checked_neg()?) {
            Ok(0) => return Some(Self(digits.to_string())),
            Ok(places @ 1..=18) => places,
            Ok(_) | Err(_) => return Self::parse(&format!("{digits}e{exponent}")),
        };
        let sign = if digits < 0 { "-" } else { "" };
        let padded = format!("{:0>width$}", digits.unsigned_abs(), width = point + 1);
        let (whole, fraction) = padded.split_at(padded.len() - point);
        Self::parse(&format!("{sign}{whole}.{fraction}"))
    }

    /// The number with `power` more powers of ten.
    pub(super) fn times_ten_to(&self, power: i64) -> Option<Self> {
        let (mantissa, had) = match self.0.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, exponent.parse::<i64>().ok()?),
            None => (self.0.as_str(), 0),
        };
        Self::parse(&format!("{mantissa}e{}", had.checked_add(power)?))
    }

    /// As it was written.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.0
    }

    /// The number as digits and a power of ten: exact up to 17 digits, rounded to the nearest above (halves away
    /// from zero). `None` for a power of ten beyond 127; below -128 it is 0.
    #[must_use]
    pub fn decimal(&self) -> Option<Decimal> {
        let (mantissa, power) = match self.0.split_once(['e', 'E']) {
            Some((mantissa, power)) => (mantissa, power.parse::<i64>().ok()?),
            None => (self.0.as_str(), 0),
        };
        let is_negative = mantissa.starts_with('-');
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let fraction = fraction.trim_end_matches('0');
        let significant = || {
            let digits = whole.bytes().chain(fraction.bytes()).filter(u8::is_ascii_digit).map(|d| d - b'0');
            digits.skip_while(|digit| *digit == 0)
        };
        let mut digits = significant().take(MAX_DIGITS).fold(0i64, |sum, digit| sum * 10 + i64::from(digit));
        if significant().nth(MAX_DIGITS).is_some_and(|digit| digit >= 5) {
            digits += 1;
        }
        if digits == 0 {
            return Some(Decimal { digits: 0, exponent: 0 });
        }
        let cut = i64::try_from(significant().count().saturating_sub(MAX_DIGITS)).ok()?;
        let mut exponent = power.checked_add(cut)?.checked_sub(i64::try_from(fraction.len()).ok()?)?;
        // 1200e1 and 12e3 are one number; the longer form may not have room.
        while exponent > 0 && exponent <= 18 && digits < 10i64.pow(16) {
            digits *= 10;
            exponent -= 1;
        }
        while exponent < 0 && digits % 10 == 0 {
            digits /= 10;
            exponent += 1;
        }
        if exponent < i64::from(i8::MIN) {
            return Some(Decimal { digits: 0, exponent: 0 });
        }
        let digits = if is_negative { -digits } else { digits };
        Some(Decimal { digits, exponent: i8::try_from(exponent).ok()? })
    }

    /// The number as a whole one, if it is one and has room.
    #[must_use]
    pub fn as_whole(&self) -> Option<i64> {
        let Decimal { digits, exponent } = self.decimal()?;
        // More digits than a decimal keeps: a whole number as it stands.
        if let Ok(whole) = self.0.parse::<i64>() {
            return Some(whole);
        }
        match u32::try_from(exponent) {
            Ok(up) => digits.checked_mul(10i64.checked_pow(up)?),
            Err(_negative) => {
                let divisor = 10i64.checked_pow(u32::from(exponent.unsigned_abs()))?;
                (digits % divisor == 0).then(|| digits / divisor)
            }
        }
    }
}

/// `220.0` as Rust writes it is `220` for everybody else.
fn shortest(text: String) -> String {
    match text.strip_suffix(".0") {
        Some(whole) => whole.to_owned(),
        None => text,
    }
}

/// How many bytes of `text` are a number by the grammar of JSON.
pub(super) fn number_length(text: &[u8]) -> Option<usize> {
    let digits = |from: usize| text.iter().skip(from).take_while(|byte| byte.is_ascii_digit()).count();
    let mut at = usize::from(text.first() == Some(&b'-'));
    let whole = digits(at);
    if whole == 0 || (whole > 1 && text.get(at) == Some(&b'0')) {
        return None;
    }
    at += whole;
    if text.get(at) == Some(&b'.') {
        let fraction = digits(at + 1);
        if fraction == 0 {
            return None;
        }
        at += 1 + fraction;
    }
    if matches!(text.get(at), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(text.get(at + 1), Some(b'+' | b'-')));
        let exponent = digits(at + 1 + sign);
        if exponent == 0 {
            return None;
        }
        at += 1 + sign + exponent;
    }
    Some(at)
}

impl Tree {
    /// The member with this name, where it is a map that has it.
    #[must_use]
    pub fn member(&self, name: &str) -> Option<&Self> {
        match self {
            Self::Map(members) => members.iter().find(|(had, _)| had == name).map(|(_, value)| value),
            Self::Nothing
            | Self::Truth(_)
            | Self::Number(_)
            | Self::Text(_)
            | Self::Bytes(_)
            | Self::List(_) => None,
        }
    }

    pub(super) fn member_mut(&mut self, name: &str) -> Option<&mut Self> {
        match self {
            Self::Map(members) => members.iter_mut().find(|(had, _)| had == name).map(|(_, value)| value),
            Self::Nothing
            | Self::Truth(_)
            | Self::Number(_)
            | Self::Text(_)
            | Self::Bytes(_)
            | Self::List(_) => None,
        }
    }

    /// What stands at the end of `steps`.
    #[must_use]
    pub fn at<'a>(&self, steps: impl IntoIterator<Item = Step<'a>>) -> Option<&Self> {
        steps.into_iter().try_fold(self, |tree, step| match (step, tree) {
            (Step::Name(name), _) => tree.member(name),
            (Step::Item(number), Self::List(items)) => items.get(number),
            (Step::Item(_), _) => None,
        })
    }

    /// The text, where it is one.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Nothing
            | Self::Truth(_)
            | Self::Number(_)
            | Self::Bytes(_)
            | Self::List(_)
            | Self::Map(_) => None,
        }
    }

    /// The text, or the number as it was written: ids come both ways.
    #[must_use]
    pub fn text_or_number(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Number(number) => Some(number.text()),
            Self::Nothing | Self::Truth(_) | Self::Bytes(_) | Self::List(_) | Self::Map(_) => None,
        }
    }

    /// What it is, for a refusal.
    #[must_use]
    pub fn kind(&self) -> String {
        match self {
            Self::Nothing => "null".to_owned(),
            Self::Truth(truth) => truth.to_string(),
            Self::Number(number) => format!("the number {}", number.text()),
            Self::Text(text) => format!("the text {:?}", text.chars().take(40).collect::<String>()),
            Self::Bytes(bytes) => format!("{} bytes", bytes.len()),
            Self::List(items) => format!("a list of {}", items.len()),
            Self::Map(members) => format!("a map of {}", members.len()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decimal(text: &str) -> Option<(i64, i8)> {
        let number = Number::parse(text).unwrap_or_else(|| panic!("{text} is a number"));
        number.decimal().map(|decimal| (decimal.digits, decimal.exponent))
    }

    #[test]
    fn decimals_are_exact_up_to_17_digits() {
        for (text, wanted) in [
            ("0.1", (1, -1)),
            ("-0", (0, 0)),
            ("220.50", (2205, -1)),
            ("-12.5e-1", (-125, -2)),
            ("1e3", (1000, 0)),
            ("0.30000000000000004", (30_000_000_000_000_004, -17)),
            ("0.1000000000000000055511151231257827", (10_000_000_000_000_001, -17)),
            ("123456789012345678", (12_345_678_901_234_568, 1)),
            ("1e-500", (0, 0)),
        ] {
            assert_eq!(decimal(text), Some(wanted), "{text}");
        }
        assert_eq!(decimal("1e999"), None);
    }

    #[test]
    fn what_json_does_not_call_a_number_is_none() {
        for wrong in
            ["", "-", "+1", "01", ".5", "1.", "1e", "1e+", "0x1", "NaN", "1 ", "--1", &"9".repeat(49)]
        {
            assert_eq!(Number::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn binary_fractions_are_the_shortest_decimal_of_their_width() {
        assert_eq!(Number::from_f32(0.1).unwrap().text(), "0.1");
        assert_eq!(Number::from_f64(0.1).unwrap().text(), "0.1");
        assert_eq!(Number::from_f64(220.0).unwrap().text(), "220");
        assert_eq!(Number::from_f64(1e300).unwrap().decimal(), None);
        assert_eq!(Number::from_f64(f64::NAN), None);
    }

    #[test]
    fn whole_numbers_are_whole() {
        let whole = |text: &str| Number::parse(text).unwrap().as_whole();
        assert_eq!(whole("1767294245000"), Some(1_767_294_245_000));
        assert_eq!(whole("1767294245e3"), Some(1_767_294_245_000));
        assert_eq!(whole("9223372036854775807"), Some(i64::MAX));
        assert_eq!(whole("1.5"), None);
        assert_eq!(whole("15e-1"), None);
        assert_eq!(whole("1e30"), None);
    }
}
