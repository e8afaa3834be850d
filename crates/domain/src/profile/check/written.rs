//! What is written in a profile, read piece by piece: names, numbers, addresses.

use std::ops::Range;

use toml::Spanned;

use crate::place::Protocol;
use crate::profile::parse::{Mistake, says};

pub(super) fn needed<'a, T>(
    written: Option<&'a Spanned<T>>,
    what: &str,
    at: &Range<usize>,
) -> Result<&'a Spanned<T>, Mistake> {
    written
        .ok_or_else(|| Mistake { at: at.clone(), reason: says!("missing", "{what} is missing", what = what) })
}

pub(super) fn refuse_given<T>(
    written: Option<&Spanned<T>>,
    what: &str,
    protocol: Protocol,
) -> Result<(), Mistake> {
    match written {
        None => Ok(()),
        Some(written) => Err(Mistake::at(
            written,
            says!(
                "not_with_protocol",
                "{what} has no meaning with protocol {protocol}; want it left out",
                what = what,
                protocol = protocol.code()
            ),
        )),
    }
}

pub(super) fn one_of<T>(
    written: &Spanned<String>,
    what: &str,
    allowed: impl IntoIterator<Item = (&'static str, T)>,
) -> Result<T, Mistake> {
    let mut names = Vec::new();
    for (name, value) in allowed {
        if name == written.get_ref() {
            return Ok(value);
        }
        names.push(name);
    }
    Err(Mistake::at(
        written,
        says!(
            "not_one_of",
            "{what} is `{had}`, want one of: {wanted}",
            what = what,
            had = written.get_ref(),
            wanted = names.join(", ")
        ),
    ))
}

pub(super) fn integer<T: TryFrom<i64>>(
    written: &Spanned<i64>,
    what: &str,
    least: i64,
    greatest: i64,
) -> Result<T, Mistake> {
    let value = *written.get_ref();
    let refused = || {
        Mistake::at(
            written,
            says!(
                "out_of_range",
                "{what} is {had}, want {least} to {greatest}",
                what = what,
                had = value,
                least = least,
                greatest = greatest
            ),
        )
    };
    if value < least || value > greatest {
        return Err(refused());
    }
    T::try_from(value).map_err(|_| refused())
}

pub(super) fn address(written: &Spanned<i64>, length: u16) -> Result<u16, Mistake> {
    integer(written, "address", 0, i64::from(u16::MAX) + 1 - i64::from(length.max(1)))
}

pub(super) fn number(written: &Spanned<String>) -> Result<i64, Mistake> {
    let text = written.get_ref();
    let parsed = match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(digits) => i64::from_str_radix(digits, 16),
        None => text.parse(),
    };
    parsed.map_err(|_| {
        Mistake::at(
            written,
            says!("no_number", "invalid code is `{had}`, want a number such as 0xE5E5 or -1", had = text),
        )
    })
}

/// A number as TOML writes it.
pub(super) fn one_line_number(value: &toml::Value) -> Option<String> {
    match value {
        toml::Value::Integer(number) => Some(number.to_string()),
        toml::Value::Float(number) => Some(number.to_string()),
        toml::Value::String(_)
        | toml::Value::Boolean(_)
        | toml::Value::Datetime(_)
        | toml::Value::Array(_)
        | toml::Value::Table(_) => None,
    }
}

pub(super) fn filled(written: &Spanned<String>, what: &str) -> Result<String, Mistake> {
    let text = written.get_ref().trim();
    if text.is_empty() {
        return Err(Mistake::at(written, says!("empty", "{what} is empty, want a text", what = what)));
    }
    Ok(text.to_owned())
}

pub(super) fn code(written: &Spanned<String>) -> Result<String, Mistake> {
    let text = written.get_ref();
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    if !text.starts_with(|c: char| c.is_ascii_lowercase()) || !text.chars().all(allowed) {
        return Err(Mistake::at(
            written,
            says!(
                "bad_code",
                "code is `{had}`, want lower-case letters, digits and `_`, a letter first",
                had = text
            ),
        ));
    }
    Ok(text.clone())
}
