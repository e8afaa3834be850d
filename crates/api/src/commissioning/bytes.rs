//! What a picture's bytes are, by the bytes themselves, and the same picture without what a camera wrote beside it: place,
//! time, serial number, previews. The picture itself is not decoded and stays as it is.

/// What the bytes are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Jpeg,
    Png,
    Webp,
}

impl Kind {
    pub(super) const fn media_type(self) -> &'static str {
        match self {
            Self::Jpeg => "image/jpeg",
            Self::Png => "image/png",
            Self::Webp => "image/webp",
        }
    }
}

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n";

/// What `bytes` are; nothing else is taken. SVG is not: it can hold scripts.
pub(super) fn sniff(bytes: &[u8]) -> Option<Kind> {
    if bytes.starts_with(&[0xff, 0xd8, 0xff]) {
        Some(Kind::Jpeg)
    } else if bytes.starts_with(PNG) {
        Some(Kind::Png)
    } else if bytes.starts_with(b"RIFF") && bytes.get(8..12) == Some(b"WEBP") {
        Some(Kind::Webp)
    } else {
        None
    }
}

/// The picture without what was written beside it; `None` when its parts do not fit together.
pub(super) fn without_notes(kind: Kind, bytes: &[u8]) -> Option<Vec<u8>> {
    match kind {
        Kind::Jpeg => jpeg(bytes),
        Kind::Png => png(bytes),
        Kind::Webp => webp(bytes),
    }
}

/// JPEG, ITU-T T.81 annex B: segments up to the scan. APP1 (Exif, XMP), APP3 to APP13 (IPTC and makers), APP15 and
/// comments go; APP0 (JFIF), APP2 (colour profile) and APP14 (colour transform) are needed to show it right.
fn jpeg(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut out = bytes.get(..2)?.to_vec();
    let mut at = 2;
    loop {
        let marker = *bytes.get(at + 1)?;
        if *bytes.get(at)? != 0xff {
            return None;
        }
        match marker {
            // A fill byte.
            0xff => {
                at += 1;
                continue;
            }
            // The scan: from here on it is the picture.
            0xda => {
                out.extend_from_slice(bytes.get(at..)?);
                return Some(out);
            }
            0xd8 | 0xd9 | 0x00 => return None,
            _ => {}
        }
        let length = usize::from(u16::from_be_bytes([*bytes.get(at + 2)?, *bytes.get(at + 3)?]));
        let segment = bytes.get(at..at + 2 + length).filter(|_| length >= 2)?;
        let dropped = matches!(marker, 0xe1 | 0xe3..=0xed | 0xef | 0xfe);
        if !dropped {
            out.extend_from_slice(segment);
        }
        at += 2 + length;
    }
}

/// PNG, chunk by chunk: Exif, texts and the time of the last change go.
fn png(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut out = bytes.get(..8)?.to_vec();
    let mut at = 8;
    loop {
        let length = u32::from_be_bytes(bytes.get(at..at + 4)?.try_into().ok()?);
        let name = bytes.get(at + 4..at + 8)?;
        let end = at.checked_add(12)?.checked_add(usize::try_from(length).ok()?)?;
        let chunk = bytes.get(at..end)?;
        if !matches!(name, b"eXIf" | b"tEXt" | b"zTXt" | b"iTXt" | b"tIME") {
            out.extend_from_slice(chunk);
        }
        at = end;
        // What stands behind the end is no picture.
        if name == b"IEND" {
            return Some(out);
        }
    }
}

/// WebP, a RIFF file: the chunks `EXIF` and `XMP ` go, and the flags that announce them.
fn webp(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut out = bytes.get(..12)?.to_vec();
    let mut at = 12;
    while at < bytes.len() {
        let name = bytes.get(at..at + 4)?;
        let length = usize::try_from(u32::from_le_bytes(bytes.get(at + 4..at + 8)?.try_into().ok()?)).ok()?;
        let end = at.checked_add(8)?.checked_add(length)?.checked_add(length % 2)?;
        let chunk = bytes.get(at..end.min(bytes.len()))?;
        if end > bytes.len() + 1 {
            return None;
        }
        if !matches!(name, b"EXIF" | b"XMP ") {
            let begin = out.len();
            out.extend_from_slice(chunk);
            if name == b"VP8X"
                && let Some(flags) = out.get_mut(begin + 8)
            {
                *flags &= !0b0000_1100;
            }
        }
        at = end;
    }
    let size = u32::try_from(out.len().checked_sub(8)?).ok()?.to_le_bytes();
    out.get_mut(4..8)?.copy_from_slice(&size);
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn segment(marker: u8, data: &[u8]) -> Vec<u8> {
        let length = u16::try_from(data.len() + 2).unwrap().to_be_bytes();
        [&[0xff, marker], length.as_slice(), data].concat()
    }

    /// Constructed: the parts of a photograph of a telephone.
    fn photograph() -> Vec<u8> {
        [
            vec![0xff, 0xd8],
            segment(0xe0, b"JFIF\0"),
            segment(0xe1, b"Exif\0\0 27.8341 N 113.1527 E"),
            segment(0xe2, b"ICC_PROFILE"),
            segment(0xfe, b"made by a camera"),
            segment(0xdb, b"tables"),
            segment(0xda, b"scan"),
            vec![1, 2, 3, 0xff, 0xd9],
        ]
        .concat()
    }

    #[test]
    fn the_place_does_not_stay_in_a_photograph() {
        let clean = without_notes(Kind::Jpeg, &photograph()).unwrap();
        let has = |text: &[u8]| clean.windows(text.len()).any(|part| part == text);
        assert!(!has(b"113.1527") && !has(b"camera"));
        assert!(
            has(b"JFIF") && has(b"ICC_PROFILE") && has(b"tables") && clean.ends_with(&[1, 2, 3, 0xff, 0xd9])
        );
        assert_eq!(without_notes(Kind::Jpeg, &clean).unwrap(), clean);
    }

    #[test]
    fn texts_do_not_stay_in_other_pictures() {
        let chunk = |name: &[u8; 4], data: &[u8]| {
            let length = u32::try_from(data.len()).unwrap().to_be_bytes();
            [length.as_slice(), name, data, &[0; 4]].concat()
        };
        let file =
            [PNG.to_vec(), chunk(b"IHDR", b"x"), chunk(b"tEXt", b"secret"), chunk(b"IEND", b"")].concat();
        let clean = without_notes(Kind::Png, &[file, b"behind".to_vec()].concat()).unwrap();
        assert_eq!(clean, [PNG.to_vec(), chunk(b"IHDR", b"x"), chunk(b"IEND", b"")].concat());

        let chunk = |name: &[u8; 4], data: &[u8]| {
            let length = u32::try_from(data.len()).unwrap().to_le_bytes();
            [name.as_slice(), &length, data, &vec![0; data.len() % 2]].concat()
        };
        let parts =
            [chunk(b"VP8X", &[0b0001_1100, 0, 0]), chunk(b"VP8 ", b"picture"), chunk(b"EXIF", b"secret")];
        let body = parts.concat();
        let size = u32::try_from(body.len() + 4).unwrap().to_le_bytes();
        let file = [b"RIFF".as_slice(), &size, b"WEBP", &body].concat();
        let clean = without_notes(Kind::Webp, &file).unwrap();
        assert!(!clean.windows(6).any(|part| part == b"secret"));
        assert_eq!(clean[20], 0b0001_0000);
        assert_eq!(u32::from_le_bytes(clean[4..8].try_into().unwrap()) as usize, clean.len() - 8);
    }

    #[test]
    fn what_is_torn_or_something_else_is_not_taken() {
        let whole = photograph();
        for length in 0..whole.len() - 8 {
            // Whatever comes out, nothing panics.
            let _torn = without_notes(Kind::Jpeg, &whole[..length]);
            let _other = without_notes(Kind::Png, &whole[..length]);
            let _another = without_notes(Kind::Webp, &whole[..length]);
        }
        assert_eq!(sniff(b"<svg onload=alert(1)>"), None);
        assert_eq!(sniff(b"GIF89a"), None);
        assert_eq!(sniff(&[]), None);
        assert_eq!(sniff(&whole), Some(Kind::Jpeg));
        assert_eq!(without_notes(Kind::Jpeg, &[0xff, 0xd8, 0xff, 0xe1, 0, 1]), None);
    }
}
