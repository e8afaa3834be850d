//! Which protocol a new connection on a shared port speaks, told by its first bytes.
//!
//! `7B 7B` opens a frame of the vendor cloud protocol, `1F 1F` one of the vendor's gateway protocol, `40 40` one of
//! GB/T 26875.3, anything else is a transparent DTU, whose first
//! bytes are its registration text or a heartbeat.

/// What the first bytes say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Detected {
    /// Bytes that may still become either; ask again with more. When none come within the
    /// caller's time limit the connection is to be taken for [`Detected::Dtu`]: the other
    /// protocols always send their first frame at once, a DTU may well send a single byte.
    NeedMoreBytes,
    /// The vendor cloud protocol, see [`crate::cloud7b7b`].
    Cloud7b7b,
    /// The vendor's gateway protocol, see [`crate::gateway1f1f`].
    Gateway1f1f,
    /// GB/T 26875.3, see [`crate::gb26875`].
    Gb26875,
    /// The same as hexadecimal text, see [`crate::gb26875::Dialect::hex_text`].
    Gb26875Text,
    /// A transparent DTU, see [`crate::registration`] and [`crate::modbus`].
    Dtu,
}

/// The start characters of GB/T 26875.3 as hexadecimal text, and the digits of its shortest frame. No registration of
/// a DTU is so long a number.
const GB26875_TEXT: (&[u8], usize) = (b"4040", 2 * crate::gb26875::MIN_FRAME_LEN);

/// Decides from the first bytes of a connection. Two bytes are always enough, save for a text of hexadecimal digits
/// that begins like a frame.
///
/// A DTU whose registration text begins with `{{` cannot share a port with the cloud protocol: give it
/// a port of its own.
#[must_use]
pub fn detect(first_bytes: &[u8]) -> Detected {
    match first_bytes {
        [] | [0x7B | 0x1F | 0x40] => Detected::NeedMoreBytes,
        [0x7B, 0x7B, ..] => Detected::Cloud7b7b,
        [0x1F, 0x1F, ..] => Detected::Gateway1f1f,
        [0x40, 0x40, ..] => Detected::Gb26875,
        text if is_gb26875_text(text) => {
            if text.len() < GB26875_TEXT.1 {
                Detected::NeedMoreBytes
            } else {
                Detected::Gb26875Text
            }
        }
        [_, ..] => Detected::Dtu,
    }
}

/// Whether everything so far may be the beginning of a frame as text.
fn is_gb26875_text(text: &[u8]) -> bool {
    let (start, least) = GB26875_TEXT;
    let known = text.get(..least).unwrap_or(text);
    known.iter().zip(start).all(|(had, wanted)| had == wanted) && known.iter().all(u8::is_ascii_hexdigit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_bytes_decide() {
        for (bytes, wanted) in [
            (&b""[..], Detected::NeedMoreBytes),
            (&[0x7B], Detected::NeedMoreBytes),
            (&[0x1F], Detected::NeedMoreBytes),
            (&[0x7B, 0x7B], Detected::Cloud7b7b),
            (&[0x7B, 0x7B, 0x84], Detected::Cloud7b7b),
            (&[0x1F, 0x1F], Detected::Gateway1f1f),
            (b"@", Detected::NeedMoreBytes),
            (b"@@", Detected::Gb26875),
            (b"@1", Detected::Dtu),
            (&[0x7B, 0x1F], Detected::Dtu),
            (&[0x1F, 0x7B], Detected::Dtu),
            (&[0xFE], Detected::Dtu),
            (b"8", Detected::Dtu),
            (b"898600", Detected::Dtu),
        ] {
            assert_eq!(detect(bytes), wanted, "{bytes:02X?}");
        }
    }

    #[test]
    fn a_frame_as_text_is_told_from_a_registration_of_digits() {
        let frame = "4040".to_owned() + &"00".repeat(28);
        for end in 1..60 {
            assert_eq!(detect(&frame.as_bytes()[..end]), Detected::NeedMoreBytes, "{end}");
        }
        assert_eq!(detect(frame.as_bytes()), Detected::Gb26875Text);
        assert_eq!(detect(b"4040123\r\n"), Detected::Dtu);
        assert_eq!(detect(b"460012345678901"), Detected::Dtu);
    }

    #[test]
    fn a_decision_never_changes_with_more_bytes() {
        for first in 0..=255u8 {
            for second in 0..=255u8 {
                let one = detect(&[first]);
                let two = detect(&[first, second]);
                assert!(two != Detected::NeedMoreBytes || [first, second] == *b"40");
                assert!(one == Detected::NeedMoreBytes || one == two);
                let four = detect(&[first, second, 0x7B, 0x1F]);
                assert!(two == Detected::NeedMoreBytes || four == two);
            }
        }
    }
}
