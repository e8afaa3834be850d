//! Keys into a payload that is plain bytes, as narrow-band devices send them: `bytes[2..4]:u16be`.

use super::keyed::{Decimal, KeyValue};

/// Where a value stands among bytes and how it is written there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct RawKey {
    /// The first byte, from 0.
    pub from: usize,
    /// Behind the last byte.
    pub to: usize,
    /// How it is written.
    pub form: RawForm,
}

/// How a value is written in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RawForm {
    /// An integer of 1 to 8 bytes.
    Integer {
        /// With two's complement.
        signed: bool,
        /// The low byte first.
        little: bool,
    },
    /// IEEE 754, 32 bits; taken for the shortest decimal that is the same number.
    Float {
        /// The low byte first.
        little: bool,
    },
    /// Two decimal digits a byte, high digit first, 1 to 9 bytes.
    Bcd {
        /// The low byte first.
        little: bool,
    },
    /// One bit of one byte, 0 the lowest.
    Bit(u8),
    /// Text in ASCII, zeros and spaces at its end left out.
    Ascii,
    /// The bytes as lower-case hexadecimal text, to compare with.
    Hex,
}

/// What a key into bytes begins with.
const START: &str = "bytes[";
/// Farthest byte; no message of a narrow-band device is longer.
const MAX_BYTES: usize = 4_096;

impl RawKey {
    /// Whether `name` means to be a key into bytes, right or wrong.
    #[must_use]
    pub fn is_meant(name: &str) -> bool {
        name.starts_with(START)
    }

    /// Reads `bytes[4]:u8`, `bytes[2..4]:u16be`, `bytes[0]:bit3`.
    ///
    /// # Errors
    /// What is wrong with it, with what was had and wanted.
    pub fn parse(name: &str) -> Result<Self, String> {
        let wrong = || format!("key `{name}`, want one such as bytes[2..4]:u16be");
        let (place, form) =
            name.strip_prefix(START).and_then(|rest| rest.split_once("]:")).ok_or_else(wrong)?;
        let number = |text: &str| text.parse::<usize>().ok().filter(|number| *number < MAX_BYTES);
        let (from, to) = match place.split_once("..") {
            None => {
                let at = number(place).ok_or_else(wrong)?;
                (at, at + 1)
            }
            Some((from, to)) => (number(from).ok_or_else(wrong)?, number(to).ok_or_else(wrong)?),
        };
        let had = to.checked_sub(from).filter(|length| *length > 0).ok_or_else(wrong)?;
        let fits = |wanted: &[usize], form: RawForm| {
            if wanted.contains(&had) {
                Ok(Self { from, to, form })
            } else {
                Err(format!("key `{name}` spans {had} bytes, want {wanted:?} for {}", form_name(name)))
            }
        };
        let integer = |bytes: usize, signed, little| fits(&[bytes], RawForm::Integer { signed, little });
        match form {
            "u8" => integer(1, false, false),
            "i8" => integer(1, true, false),
            "u16be" => integer(2, false, false),
            "u16le" => integer(2, false, true),
            "i16be" => integer(2, true, false),
            "i16le" => integer(2, true, true),
            "u24be" => integer(3, false, false),
            "u24le" => integer(3, false, true),
            "u32be" => integer(4, false, false),
            "u32le" => integer(4, false, true),
            "i32be" => integer(4, true, false),
            "i32le" => integer(4, true, true),
            "f32be" => fits(&[4], RawForm::Float { little: false }),
            "f32le" => fits(&[4], RawForm::Float { little: true }),
            "bcd" => fits(&[1, 2, 3, 4, 5, 6, 7, 8, 9], RawForm::Bcd { little: false }),
            "bcdle" => fits(&[1, 2, 3, 4, 5, 6, 7, 8, 9], RawForm::Bcd { little: true }),
            "ascii" => Ok(Self { from, to, form: RawForm::Ascii }),
            "hex" => Ok(Self { from, to, form: RawForm::Hex }),
            other => match other.strip_prefix("bit").and_then(|bit| bit.parse::<u8>().ok()) {
                Some(bit) if bit < 8 => fits(&[1], RawForm::Bit(bit)),
                Some(_) | None => Err(format!(
                    "key `{name}` is written as `{other}`, want u8, i8, u16be, u16le, i16be, i16le, u24be, u24le, \
                     u32be, u32le, i32be, i32le, f32be, f32le, bcd, bcdle, bit0 to bit7, ascii or hex"
                )),
            },
        }
    }

    /// What stands there; `None` where the payload is shorter. Digits that are none (`0xFA` as BCD) and floats that
    /// are no number are [`KeyValue::Nothing`].
    #[must_use]
    pub fn read(self, payload: &[u8]) -> Option<KeyValue> {
        let bytes = payload.get(self.from..self.to)?;
        Some(match self.form {
            RawForm::Integer { signed, little } => {
                KeyValue::Number(Decimal::whole(integer(bytes, signed, little)))
            }
            RawForm::Float { little } => {
                let bits = u32::from_be_bytes(*ordered(bytes, little).first_chunk::<4>()?);
                let number = f32::from_bits(bits);
                let decimal = number.is_finite().then(|| Decimal::parse(&number.to_string())).flatten();
                decimal.map_or(KeyValue::Nothing, KeyValue::Number)
            }
            RawForm::Bcd { little } => {
                let digits = ordered(bytes, little)
                    .into_iter()
                    .flat_map(|byte| [byte >> 4, byte & 0x0F])
                    .try_fold(0i64, |sum, digit| (digit < 10).then(|| sum * 10 + i64::from(digit)));
                digits.map_or(KeyValue::Nothing, |digits| KeyValue::Number(Decimal::whole(digits)))
            }
            RawForm::Bit(bit) => KeyValue::Truth(bytes.first()? >> bit & 1 == 1),
            RawForm::Ascii => {
                let text: String = bytes.iter().filter(|b| b.is_ascii()).map(|b| char::from(*b)).collect();
                KeyValue::Text(text.trim_end_matches(['\0', ' ']).to_owned())
            }
            RawForm::Hex => KeyValue::Text(bytes.iter().map(|byte| format!("{byte:02x}")).collect()),
        })
    }
}

fn form_name(name: &str) -> &str {
    name.rsplit(':').next().unwrap_or_default()
}

/// The bytes, the high one first.
fn ordered(bytes: &[u8], little: bool) -> Vec<u8> {
    if little { bytes.iter().rev().copied().collect() } else { bytes.to_vec() }
}

fn integer(bytes: &[u8], signed: bool, little: bool) -> i64 {
    let unsigned = ordered(bytes, little).into_iter().fold(0i64, |sum, byte| sum << 8 | i64::from(byte));
    let bits = bytes.len() * 8;
    if signed && bits < 64 && unsigned >> (bits - 1) & 1 == 1 { unsigned - (1i64 << bits) } else { unsigned }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(key: &str, payload: &[u8]) -> Option<KeyValue> {
        RawKey::parse(key).unwrap().read(payload)
    }

    fn number(digits: i64, exponent: i8) -> Option<KeyValue> {
        Some(KeyValue::Number(Decimal { digits, exponent }))
    }

    #[test]
    fn every_form_is_read() {
        let payload = [0x01, 0xF4, 0xFF, 0x38, 0x3D, 0xCC, 0xCC, 0xCD, 0x12, 0x34, b'O', b'K', 0, b' '];
        assert_eq!(read("bytes[0..2]:u16be", &payload), number(500, 0));
        assert_eq!(read("bytes[0..2]:u16le", &payload), number(0xF401, 0));
        assert_eq!(read("bytes[2..4]:i16be", &payload), number(-200, 0));
        assert_eq!(read("bytes[2]:i8", &payload), number(-1, 0));
        assert_eq!(read("bytes[0..3]:u24be", &payload), number(0x01_F4FF, 0));
        assert_eq!(read("bytes[0..4]:u32le", &payload), number(0x38FF_F401, 0));
        assert_eq!(read("bytes[4..8]:f32be", &payload), number(1, -1));
        assert_eq!(read("bytes[8..10]:bcd", &payload), number(1234, 0));
        assert_eq!(read("bytes[8..10]:bcdle", &payload), number(3412, 0));
        assert_eq!(read("bytes[2]:bcd", &payload), Some(KeyValue::Nothing));
        assert_eq!(read("bytes[0]:bit0", &payload), Some(KeyValue::Truth(true)));
        assert_eq!(read("bytes[0]:bit7", &payload), Some(KeyValue::Truth(false)));
        assert_eq!(read("bytes[10..14]:ascii", &payload), Some(KeyValue::Text("OK".to_owned())));
        assert_eq!(read("bytes[0..2]:hex", &payload), Some(KeyValue::Text("01f4".to_owned())));
        assert_eq!(read("bytes[13..15]:u16be", &payload), None, "a payload that ends before says nothing");
    }

    #[test]
    fn what_is_no_key_is_refused_with_what_was_wanted() {
        for (key, wanted) in [
            ("bytes[0..2]", "want one such as"),
            ("bytes[2..0]:u16be", "want one such as"),
            ("bytes[0..0]:ascii", "want one such as"),
            ("bytes[-1]:u8", "want one such as"),
            ("bytes[0..9999]:ascii", "want one such as"),
            ("bytes[0..2]:u32be", "spans 2 bytes, want [4] for u32be"),
            ("bytes[0]:bit8", "is written as `bit8`"),
            ("bytes[0]:float", "is written as `float`"),
        ] {
            let error = RawKey::parse(key).unwrap_err();
            assert!(error.contains(wanted), "{key}: {error}");
        }
    }
}
