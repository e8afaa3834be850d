//! Texts in GB 18030, in fields of a fixed or an announced length.

use std::fmt;

use encoding_rs::GB18030;

/// A text as it came, without the zeros that fill its field.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Text(Vec<u8>);

impl Text {
    /// The bytes of a field; zeros at its end are filling.
    #[must_use]
    pub fn from_wire(field: &[u8]) -> Self {
        let len = field.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
        Self(field.get(..len).unwrap_or_default().to_vec())
    }

    /// `text` in at most `max_len` bytes of GB 18030; what has no room is left out by whole characters.
    #[must_use]
    pub fn new(text: &str, max_len: usize) -> Self {
        let mut bytes = Vec::new();
        for character in text.chars().filter(|character| *character != '\0') {
            let mut utf8 = [0; 4];
            let (encoded, _, _) = GB18030.encode(character.encode_utf8(&mut utf8));
            if bytes.len() + encoded.len() > max_len {
                break;
            }
            bytes.extend_from_slice(&encoded);
        }
        Self(bytes)
    }

    /// The bytes, without filling.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Fills a field of `len` bytes with zeros behind the text; what has no room is cut.
    pub(super) fn write_padded(&self, len: usize, out: &mut Vec<u8>) {
        out.extend(self.0.iter().copied().chain(std::iter::repeat(0)).take(len));
    }
}

/// The text up to its first zero; bytes that are no GB 18030 become `U+FFFD`, control characters spaces.
impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let end = self.0.iter().position(|byte| *byte == 0).unwrap_or(self.0.len());
        let (text, _) = GB18030.decode_without_bom_handling(self.0.get(..end).unwrap_or_default());
        let text: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        f.write_str(text.trim())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_gb_18030() {
        let text = Text::from_wire(b"1#\xC5\xE4\xB5\xE7\xCF\xE4\xD7\xDC\xBD\xF8\xCF\xDF\0\0\0");
        assert_eq!(text.to_string(), "1#配电箱总进线");
        assert_eq!(Text::new("1#配电箱总进线", 31), text);
        assert_eq!(Text::new("配电箱", 5).to_string(), "配电");
        assert_eq!(Text::from_wire(b"\xFF\x01A\0").to_string(), "\u{FFFD} A");
        assert!(Text::from_wire(&[0; 31]).is_empty());
    }
}
