//! Fixed text fields: printable ASCII at the front, zeros behind.

/// The text of a field, `None` when it is blank, or offset and value of the byte that does not belong.
///
/// A field of spaces or of FF (erased memory) counts as blank too: that is what a modem without a
/// readable SIM card leaves there.
pub(crate) fn padded_text(field: &[u8]) -> Result<Option<String>, (usize, u8)> {
    let is_padding = |byte: &u8| matches!(byte, 0x00 | 0x20 | 0xFF);
    let len = field.iter().rposition(|byte| !is_padding(byte)).map_or(0, |last| last + 1);
    let text = field.get(..len).unwrap_or_default();
    match text.iter().enumerate().find(|(_, byte)| !byte.is_ascii_graphic()) {
        Some((offset, had)) => Err((offset, *had)),
        None if text.is_empty() => Ok(None),
        None => Ok(Some(text.iter().copied().map(char::from).collect())),
    }
}

/// A field of `N` bytes with `text` at the front; what does not fit is cut.
pub(crate) fn padded<const N: usize>(text: &str) -> [u8; N] {
    let mut field = [0; N];
    for (slot, byte) in field.iter_mut().zip(text.bytes()) {
        *slot = byte;
    }
    field
}
