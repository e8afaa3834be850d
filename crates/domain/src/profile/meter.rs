//! Keys of DL/T 645 profiles: which data identifier, and how the number behind it is written.
//!
//! ```text
//! 02010100 XXX.X        voltage of phase A: four digits, one of them behind the point
//! 02020100 -XXX.XXX     current of phase A: six digits, the highest bit is the sign
//! 0201FF00[1] XXX.X     the second of several values of one identifier
//! 04000503 HHHH         two bytes of bits, low byte first
//! ```
//!
//! The format is the one that the standard prints for the identifier (DL/T 645-2007, annex A), so that it can be
//! copied from there.

/// The most digits of a number that a 64-bit integer surely holds.
const MAX_DIGITS: usize = 16;

/// A key of a DL/T 645 profile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MeterKey {
    /// The data identifier, DI3 first.
    pub identifier: u32,
    /// Which of the values behind it, from 0.
    pub item: usize,
    /// How many bytes a value has.
    pub bytes: usize,
    /// How they are written.
    pub writing: MeterWriting,
}

/// How a meter writes a value, low byte first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MeterWriting {
    /// Two digits in each byte.
    Digits {
        /// How many of them stand behind the point.
        decimals: u8,
        /// Whether the highest bit is the sign.
        is_signed: bool,
    },
    /// Bits.
    Bits,
}

impl MeterKey {
    /// Reads a key.
    ///
    /// # Errors
    /// What was had and what was wanted.
    pub fn parse(text: &str) -> Result<Self, String> {
        let wrong = |wanted: &str| Err(format!("key `{text}`, want {wanted}"));
        let Some((name, format)) = text.split_once(' ') else {
            return wrong("a data identifier and a format such as `02010100 XXX.X`");
        };
        let (digits, item) = match name.strip_suffix(']').and_then(|name| name.split_once('[')) {
            Some((digits, item)) => match item.parse::<u8>() {
                Ok(item) => (digits, usize::from(item)),
                Err(_no_number) => return wrong("the number of the value in brackets, from 0"),
            },
            None => (name, 0),
        };
        if digits.len() != 8 || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return wrong("a data identifier of eight hexadecimal digits, DI3 first");
        }
        let Ok(identifier) = u32::from_str_radix(digits, 16) else {
            return wrong("a data identifier of eight hexadecimal digits, DI3 first");
        };
        let (is_signed, unsigned) = match format.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, format),
        };
        let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
        let count = whole.len() + fraction.len();
        let are_all = |letter: char| whole.chars().chain(fraction.chars()).all(|had| had == letter);
        if count == 0 || !count.is_multiple_of(2) || count > MAX_DIGITS || unsigned.ends_with('.') {
            return wrong("a format of 2, 4, … 16 letters, two for each byte");
        }
        let writing = if are_all('X') {
            let decimals = u8::try_from(fraction.len()).unwrap_or(u8::MAX);
            MeterWriting::Digits { decimals, is_signed }
        } else if are_all('H') && fraction.is_empty() && !is_signed && count < MAX_DIGITS {
            MeterWriting::Bits
        } else {
            return wrong("a format of X for digits, such as `-XXX.XXX`, or of H for bits, such as `HHHH`");
        };
        Ok(Self { identifier, item, bytes: count / 2, writing })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_an_identifier_and_the_format_that_the_standard_prints() {
        let read = |key: &str| MeterKey::parse(key).unwrap();
        let digits = |decimals, is_signed| MeterWriting::Digits { decimals, is_signed };
        let energy = read("00000000 XXXXXX.XX");
        assert_eq!((energy.identifier, energy.bytes, energy.writing), (0, 4, digits(2, false)));
        assert_eq!(read("02020100 -XXX.XXX").writing, digits(3, true));
        let third = read("0201FF00[2] XXX.X");
        assert_eq!((third.identifier, third.item, third.bytes), (0x0201_FF00, 2, 2));
        assert_eq!(read("04000503 HHHH").writing, MeterWriting::Bits);
        assert_eq!(read("04000101 XXXXXXXX").writing, digits(0, false));
    }

    #[test]
    fn keys_that_make_no_sense_are_refused_with_what_would() {
        for (key, wanted) in [
            ("02010100", "and a format"),
            ("0201010 XXX.X", "eight hexadecimal digits"),
            ("02010100[x] XXX.X", "in brackets"),
            ("02010100 XXX", "two for each byte"),
            ("02010100 XXXX.", "two for each byte"),
            ("02010100 XX.HH", "such as"),
            ("02010100 -HHHH", "such as"),
            ("02010100 ", "two for each byte"),
        ] {
            let refused = MeterKey::parse(key).unwrap_err();
            assert!(refused.contains(wanted), "{refused}");
        }
    }
}
